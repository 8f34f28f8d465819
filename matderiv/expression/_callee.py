"""Finds the function that a call means; advice for one that is not in the language."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Callable

from matderiv.errors import UnsupportedError
from matderiv.expression._arguments import Refusal
from matderiv.expression.operations import INSTEAD
from matderiv.expression.vocabulary import ARRAY_METHODS, FOREIGN_MODULES, KNOWN, RESERVED, misspelt

__all__ = ["check_function", "method_call"]

_Words = Callable[[ast.expr], str]


def check_function(name: str, tree: ast.expr) -> None:
    """Let a name pass that is a known function's or free to be an undefined one's.

    Raises:
        UnsupportedError: the name has a meaning that is not in the language.
        Refusal: the name is likely a slip of the pen.
    """
    near = name if name in RESERVED else misspelt(name)
    if name in KNOWN or near is None:
        return
    if near in KNOWN:
        raise Refusal(f"Unknown function {name}. Did you mean {near}?", tree)
    instead = (
        f"Write {INSTEAD[near]}."
        if near in INSTEAD
        else f"Known functions are {', '.join(KNOWN)}; an undefined f(Y), or "
        "Loss(Y) of the whole matrix, works too."
    )
    if near == name:
        raise UnsupportedError(f"{name}(…) is not in the language. {instead}")
    raise Refusal(
        f"Unknown function {name}. If {near} is meant: it is not in the language. {instead}", tree
    )


def method_call(tree: ast.Call, words: _Words) -> tuple[str, list[ast.expr]]:
    """The function that a method is, and its arguments, what stands before the dot included.

    Raises:
        Refusal: what is called is no method of the language.
    """
    match tree.func:
        case ast.Attribute(value=value, attr=name) if _is_module(value):
            if name not in INSTEAD:
                check_function(name, tree)  # write cumsum(X) is no help if it is not known either
            raise Refusal(f"Modules are not in the language; {_without_module(tree, words)}", tree)
        case ast.Attribute(value=value, attr=name) if name in ARRAY_METHODS:
            return name, [value, *tree.args]
        case ast.Attribute(value=value, attr=name):
            raise Refusal(f".{name}(…) {_no_method(name, words(value))}", tree.func)
    raise Refusal(
        f"{words(tree.func)} cannot be called; write an operator such as * before the bracket.",
        tree,
    )


def _is_module(tree: ast.expr) -> bool:
    while isinstance(tree, ast.Attribute):
        tree = tree.value
    return isinstance(tree, ast.Name) and tree.id in FOREIGN_MODULES


def _without_module(tree: ast.Call, words: _Words) -> str:
    """Advice for calls with a module: "write Y**2." for np.square(Y)."""
    assert isinstance(tree.func, ast.Attribute)
    name = tree.func.attr
    if name in INSTEAD:
        return f"write {INSTEAD[name]}."
    return f"write {_PREFIX.sub('', words(tree))}."


_PREFIX = re.compile(rf"(?<![.\w])(?:(?:{'|'.join(sorted(FOREIGN_MODULES))})[.])+")


def _no_method(name: str, before: str) -> str:
    if name in KNOWN:
        return f"is no method; write {name}({before})."
    turned = name in ("T", "t", "transpose")
    if turned or name in INSTEAD:
        return f"is not in the language; write {f'{before}.T' if turned else INSTEAD[name]}."
    near = difflib.get_close_matches(name, ARRAY_METHODS, n=1)
    hint = f" Did you mean .{near[0]}(…)?" if near else ""
    return f"is not in the language; methods are .{', .'.join(ARRAY_METHODS)}.{hint}"
