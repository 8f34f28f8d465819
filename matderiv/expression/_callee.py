"""Finds the function that a call means; advice for one that is not in the language."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Container

from matderiv.errors import UnsupportedError
from matderiv.expression._arguments import Refusal
from matderiv.expression.foreign import (
    LETTERS,
    elsewhere,
    in_words_of,
    instead_of_name,
    names_elsewhere,
)
from matderiv.expression.libraries import CALLS, is_module
from matderiv.expression.spelling import OTHERWISE, READ
from matderiv.expression.vocabulary import (
    ARRAY_METHODS,
    KNOWN,
    misspelt,
    needs_word,
)

__all__ = ["check_declared", "check_function", "method_call"]

_SHORT = 40  # signs of an argument that is repeated in a message

_Words = Callable[[ast.expr], str]


def check_function(name: str, tree: ast.expr) -> None:
    """Let a name pass that is a known function's or has no meaning elsewhere.

    Raises:
        UnsupportedError: the name has a meaning that is not in the language.
        Refusal: the name is likely a slip of the pen.
    """
    if name in KNOWN:
        return
    if name in LETTERS:
        READ.info("%s is read as an undefined function; %s.", name, LETTERS[name])
        return
    if name in CALLS:
        call = CALLS[name][0]
        raise Refusal(
            f"{name}({', '.join(call.operands)}) is read as {call.formula}, and this call has "
            f"other arguments; write {call.formula}.",
            tree,
        )
    found = elsewhere(name)
    if found is not None:
        found = in_words_of(found, _arguments(tree))
        raise UnsupportedError(f"{name}(…) is not in the language; {instead_of_name(*found)}.")
    near = misspelt(name)
    if near is not None:
        raise Refusal(f"Unknown function {name}. Did you mean {near}?", tree)
    long = needs_word(name) and len(name) > 5  # noqa: PLR2004 - short words resemble too many
    near = misspelt(name, names_elsewhere()) if long else None
    if near in CALLS:
        raise Refusal(f"Unknown function {name}. Did you mean {near}?", tree)
    if near is not None and (found := elsewhere(near)) is not None:
        raise Refusal(
            f"Unknown function {name}. If {near} is meant: it is not in the language; "
            f"{instead_of_name(*found)}.",
            tree,
        )


def _arguments(tree: ast.expr) -> list[str]:
    """The arguments of a call as they are written, where they are short and have no options."""
    if not isinstance(tree, ast.Call) or tree.keywords:
        return []
    written = [ast.unparse(arg) for arg in tree.args if not isinstance(arg, ast.Tuple | ast.List)]
    plain = len(written) == len(tree.args) and all(len(arg) <= _SHORT for arg in written)
    return written if plain else []


def check_declared(name: str, tree: ast.expr, declared: Container[str]) -> None:
    """Let an undefined function pass: a capital, a letter, or a name that was declared.

    Raises:
        Refusal: it is none of these.
    """
    if name.startswith(("sum_", "prod_")):
        whole = name.partition("_")[0]
        raise Refusal(
            f"{name}(…) is not in the language; write {whole}(Y) with whole arrays and without "
            "their indices.",
            tree,
        )
    if name not in KNOWN and needs_word(name) and name not in declared:
        raise Refusal(
            f"Unknown function {name}. If it is an undefined function of each entry, say so: "
            f"function {name}; L = sum({name}(Y))",
            tree,
        )


def method_call(tree: ast.Call, words: _Words) -> tuple[str, list[ast.expr]]:
    """The function that a method is, and its arguments, what stands before the dot included.

    Raises:
        Refusal: what is called is no method of the language.
    """
    match tree.func:
        case ast.Attribute(value=value, attr=name) if is_module(value):
            check_function(name, tree)
            raise Refusal(
                f"{words(tree.func)} is not in the language; an undefined function of each entry "
                "is written f(Y).",
                tree,
            )
        case ast.Attribute(value=value, attr="split"):  # arrays of torch alone have it
            raise Refusal(f"{words(value)}.split {OTHERWISE['torch.split']}", tree.func)
        case ast.Attribute(value=value, attr=name) if name in KNOWN:
            return name, [value, *tree.args]
        case ast.Attribute(value=value, attr=name):
            raise Refusal(f".{name}(…) {_no_method(name, words(value))}", tree.func)
    raise Refusal(
        f"{words(tree.func)} cannot be called; write an operator such as * before the bracket.",
        tree,
    )


def _no_method(name: str, before: str) -> str:
    if name in ("T", "t", "transpose"):
        return f"is not in the language; write {before}.T."
    found = elsewhere(name)
    if found is not None:
        return f"is not in the language; {instead_of_name(*found)}."
    near = difflib.get_close_matches(name, ARRAY_METHODS, n=1)
    hint = f" Did you mean .{near[0]}(…)?" if near else ""
    return f"is not in the language; methods are .{', .'.join(ARRAY_METHODS)}.{hint}"
