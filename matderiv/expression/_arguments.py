"""Sorts the arguments of a call into operands and options."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from matderiv.expression.operations import Operation
from matderiv.expression.vocabulary import MAX_SIZE, NAME_PATTERN, did_you_mean

__all__ = ["Refusal", "arrange"]


class Refusal(Exception):  # noqa: N818 - the reader turns it into an error that knows the text
    """A part of a call is wrong; the error holds the message and the part."""

    def __init__(self, message: str, tree: ast.expr) -> None:
        super().__init__(message)
        self.message = message
        self.tree = tree


def arrange(
    name: str, form: Operation, call: ast.Call, args: Sequence[ast.expr]
) -> tuple[list[ast.expr], dict[str, object]]:
    """The operands of a call, and the options that are given, by the names of the node's fields.

    Raises:
        Refusal: there are too few or too many arguments, or an option is not in the language.
    """
    count = len(form.operands)
    most = count + len(form.options)
    starred = any(isinstance(a, ast.Starred) for a in args) or any(
        k.arg is None for k in call.keywords
    )
    needed = count or 1
    if starred or len(args) > most or (len(args) < needed and not call.keywords):
        raise Refusal(_wrong_count(name, form, len(args)), call)
    given = dict(zip(form.options, args[count:], strict=False))
    for keyword in call.keywords:
        option = keyword.arg or ""
        if option not in form.options or not form.operands:
            raise Refusal(_unknown_option(name, form, option), call)
        if option in given:
            raise Refusal(f"{name} is given {option} twice; leave one of them out.", call)
        given[option] = keyword.value
    if len(args) < needed:
        raise Refusal(_wrong_count(name, form, len(args)), call)
    values: dict[str, object] = {}
    for option, tree in given.items():
        read, field = _OPTIONS[option]
        values[field] = read(name, tree)
    return list(args[:count]), values


def _wrong_count(name: str, form: Operation, given: int) -> str:
    if name in ("ones", "zeros") and given > 1:
        return f"{name} takes its sizes in one bracket: {name}((2, 3))."
    if name == "eye" and given > 1:
        return "eye takes one size, for an identity matrix is square: eye(4)."
    if len(form.operands) <= 1 and not form.options:
        return f"{name} takes one argument and no options: {form.example(name)}."
    what = {0: "its size", 1: "one array", 2: "two arrays"}[len(form.operands)]
    return f"{name} takes {what}: {form.usage(name)}."


def _unknown_option(name: str, form: Operation, option: str) -> str:
    if not form.options or not form.operands:
        return _wrong_count(name, form, 1)
    known = " and ".join(form.options)
    hint = did_you_mean(option, form.options)
    plural = "options" if len(form.options) > 1 else "option"
    return f"{option} is not an option of {name}; its {plural}: {known}.{hint}"


def _axis(name: str, tree: ast.expr) -> int | None:
    """0, 1 … count axes from the first, -1, -2 … from the last."""
    match tree:
        case ast.Constant(value=None):
            return None
        case ast.Constant(value=int() as axis) if not isinstance(axis, bool):
            return axis
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as axis)) if (
            not isinstance(axis, bool)
        ):
            return -axis
    raise Refusal(
        f"The axis of {name} is a whole number, such as {name}(Y, axis=0), down the columns, and "
        f"{name}(Y, axis=1), along the rows.",
        tree,
    )


def _keepdims(name: str, tree: ast.expr) -> bool:
    if isinstance(tree, ast.Constant) and isinstance(tree.value, bool):
        return tree.value
    raise Refusal(
        f"keepdims is True or False, such as {name}(Y, axis=0, keepdims=True).",
        tree,
    )


def _order(_: str, tree: ast.expr) -> int | None:
    match tree:
        case ast.Constant(value=None):
            return None
        case ast.Constant(value=int(2)):
            return 2
        case ast.Constant(value=int(1)):
            hint = "; the 1-norm of a vector is sum(abs(x))"
        case ast.Constant(value="fro"):
            hint = "; leave the order out"
        case _:
            hint = ""
    raise Refusal(
        "Other orders of norm are not in the language: norm(x) is the 2-norm of a vector, "
        f"norm(X) the Frobenius norm of a matrix{hint}.",
        tree,
    )


def _size(name: str, tree: ast.expr) -> int | str:
    match tree:
        case ast.Constant(value=int() as size) if not isinstance(size, bool):
            if 1 <= size <= MAX_SIZE:
                return size
        case ast.Name(id=letter) if NAME_PATTERN.match(letter):
            return letter
    raise Refusal(
        f"A size of {name} is a whole number from 1 to {MAX_SIZE:,}, or a letter such as N.",
        tree,
    )


def _sizes(name: str, tree: ast.expr) -> tuple[int | str, ...]:
    if not isinstance(tree, ast.Tuple | ast.List):
        return (_size(name, tree),)
    if not tree.elts:
        raise Refusal(f"{name} takes one size or more: {name}(3) or {name}((2, 3)).", tree)
    return tuple(_size(name, size) for size in tree.elts)


_OPTIONS: dict[str, tuple[Callable[[str, ast.expr], object], str]] = {
    "axis": (_axis, "axis"),
    "keepdims": (_keepdims, "keepdims"),
    "ord": (_order, "order"),
    "size": (_size, "size"),
    "sizes": (_sizes, "sizes"),
}
