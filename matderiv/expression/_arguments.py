"""Sorts the arguments of a call into operands and options."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Sequence
from fractions import Fraction

from matderiv.expression.index_calls import read_size
from matderiv.expression.norms import Order
from matderiv.expression.operations import OPERATIONS, Operation
from matderiv.expression.size_text import SizeText, is_length, letters_of_size
from matderiv.expression.vocabulary import MAX_SIZE, NAME_PATTERN, did_you_mean

__all__ = ["Refusal", "arrange", "new_axes"]


_LARGEST_ORDER = 1000  # of a norm


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
    if form.text:
        return _after_text(name, form, call, args)
    listed = form.options[:1] in (("axes",), ("new_sizes",))
    if listed and len(args) > 2 and _counts(args[2]):  # noqa: PLR2004 - X.transpose(0, 2, 1)
        args = [args[0], ast.Tuple(list(args[1:]), ast.Load())]
    count = len(form.operands)
    most = count + len(form.options)
    starred = any(isinstance(a, ast.Starred) for a in args) or any(
        k.arg is None for k in call.keywords
    )
    needed = count or 1
    given_all = len(args) + len(call.keywords)
    if given_all < (most if name in _NEEDED else (_LEAST | _MORE).get(name, 0)):
        raise Refusal(_wrong_count(name, form, len(args)), call)
    if starred or len(args) > most or (len(args) < needed and not call.keywords):
        raise Refusal(_wrong_count(name, form, len(args)), call)
    given = dict(zip(form.options, args[count:], strict=False))
    for keyword in call.keywords:
        option = keyword.arg or ""
        if name == "tensordot" and option == "axes":  # as NumPy calls it
            option = "over"
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


def _counts(tree: ast.expr) -> bool:
    """Whether an argument is a number or a size, not a text."""
    return not (isinstance(tree, ast.Constant) and isinstance(tree.value, str))


def new_axes(index: ast.expr) -> tuple[tuple[int | None, ...], int] | None:
    """The order that an index such as [:, None] gives, and where the other axes stand in it.

    None is returned where the index does more than add axes.
    """
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    rest: int | None = None
    order: list[int | None] = []
    for part in parts:
        match part:
            case ast.Slice(lower=None, upper=None, step=None):
                order.append(0)
            case ast.Constant(value=None) | ast.Name(id="newaxis"):
                order.append(None)
            case ast.Constant(value=value) if value is ... and rest is None:
                rest = len(order)
            case _:
                return None
    rest = len(order) if rest is None else rest
    before = itertools.count()
    front = [n if n is None else next(before) for n in order[:rest]]
    behind = order[rest:]
    after = itertools.count(-len([n for n in behind if n is not None]))
    return (*front, *(n if n is None else next(after) for n in behind)), rest


def _after_text(
    name: str, form: Operation, call: ast.Call, args: Sequence[ast.expr]
) -> tuple[list[ast.expr], dict[str, object]]:
    """The operands after a text, and that text."""
    if len(args) > 1 and not call.keywords:
        match args[0]:
            case ast.Constant(value=str() as text):
                return list(args[1:]), {form.text: text}
    raise Refusal(f"{name} takes {form.text} and arrays: {form.example(name)}.", call)


def _wrong_count(name: str, form: Operation, given: int) -> str:
    if name in _LEAST:
        return f"{name} takes an array and the size of its windows: {form.usage(name)}."
    if name in ("ones", "zeros") and given > 1:
        return f"{name} takes its sizes in one bracket: {name}((2, 3))."
    if name == "eye" and given > 1:
        return "eye takes one size, for an identity matrix is square: eye(4)."
    if given > 1 and name not in OPERATIONS:
        return (
            f"{name} takes one argument, each entry of an array: {name}(Y). A function of all "
            f"entries of several arrays has a capital: {name.capitalize()}(x, y)."
        )
    if len(form.operands) <= 1 and not form.options:
        return f"{name} takes one argument and no options: {form.example(name)}."
    if name in _MOVING:
        return f"{name} takes an array and axes: {form.usage(name)}."
    count = len(form.operands)
    words = "one two three four five six seven eight".split()
    what = f"{words[count - 1]} array{'s' if count > 1 else ''}" if count else "its size"
    return f"{name} takes {what}: {form.usage(name)}."


def _unknown_option(name: str, form: Operation, option: str) -> str:
    if not form.options or not form.operands:
        return _wrong_count(name, form, 1)
    known = " and ".join(form.options)
    hint = did_you_mean(option, form.options)
    plural = "options" if len(form.options) > 1 else "option"
    return f"{option} is not an option of {name}; its {plural}: {known}.{hint}"


def _axis(name: str, tree: ast.expr) -> int | tuple[int, ...] | None:
    """0, 1 … count axes from the first, -1, -2 … from the last."""
    match tree:
        case ast.Constant(value=None):
            return None
        case ast.Tuple(elts) | ast.List(elts) if elts and name not in _MOVING:
            return tuple(_place(name, part) for part in elts)
    return _place(name, tree)


def _axes(name: str, tree: ast.expr) -> tuple[int, ...] | None:
    """The order of all axes."""
    match tree:
        case ast.Constant(value=None):
            return None
        case ast.Tuple(elts) | ast.List(elts):
            return tuple(_place(name, part) for part in elts)
    raise Refusal(f"{name} takes the order of all axes, such as {name}(X, (0, 2, 1)).", tree)


def _place(name: str, tree: ast.expr) -> int:
    match tree:
        case ast.Constant(value=int() as axis) if not isinstance(axis, bool):
            return axis
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as axis)) if (
            not isinstance(axis, bool)
        ):
            return -axis
    if name in _MOVING:
        raise Refusal(f"An axis of {name} is a whole number, such as 0 or -1.", tree)
    larger = {"max": "maximum", "amax": "maximum", "min": "minimum", "amin": "minimum"}
    of_two = f" Of two arrays write {larger[name]}(A, B)." if name in larger else ""
    raise Refusal(
        f"The axis of {name} is a whole number, such as {name}(Y, axis=0), down the columns, and "
        f"{name}(Y, axis=1), along the rows.{of_two}",
        tree,
    )


def _number(_: str, tree: ast.expr) -> ast.expr:
    """A number or a scalar, which is read as an operand is."""
    return tree


def _keepdims(name: str, tree: ast.expr) -> bool:
    if isinstance(tree, ast.Constant) and isinstance(tree.value, bool):
        return tree.value
    raise Refusal(
        f"keepdims is True or False, such as {name}(Y, axis=0, keepdims=True).",
        tree,
    )


def _order(name: str, tree: ast.expr) -> Order | None:
    match tree:
        case ast.Constant(value=None):
            return None
        case ast.Constant(value="fro" | "nuc" as text):
            return str(text)
        case ast.Name(id="inf") | ast.Attribute(value=ast.Name(), attr="inf"):
            return "inf"
        case ast.UnaryOp(op=ast.USub(), operand=operand) if _order(name, operand) == "inf":
            return "-inf"
        case ast.Constant(value=int() | float() as order) if (
            not isinstance(order, bool) and 0 < order < _LARGEST_ORDER
        ):
            return Fraction(str(order))
    raise Refusal(
        f"The order of a norm is a positive number, inf, -inf or 'nuc': {name}(x, 1).",
        tree,
    )


def _size(name: str, tree: ast.expr) -> int | str:
    match read_size(tree):
        case int(size) if 1 <= size <= MAX_SIZE and not _is_truth(tree):
            return size
        case str(text) if all(
            is_length(letter) or NAME_PATTERN.match(letter) for letter in letters_of_size(text)
        ):
            return text
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


def _new_sizes(name: str, tree: ast.expr) -> tuple[int | str, ...]:
    """Sizes, of which one may be -1."""
    parts = tree.elts if isinstance(tree, ast.Tuple | ast.List) else [tree]
    if not parts:
        raise Refusal(f"{name} takes one size or more: {name}(X, (2, 3)).", tree)
    return tuple(-1 if read_size(part) == -1 else _size(name, part) for part in parts)


def _axes_of_two(name: str, tree: ast.expr) -> int | tuple[tuple[int, ...], tuple[int, ...]]:
    """How many axes are summed over, or those of one array and those of the other."""
    match tree:
        case ast.Tuple([one, other]) | ast.List([one, other]):
            made = [
                part.elts if isinstance(part, ast.Tuple | ast.List) else [part]
                for part in (one, other)
            ]
            first, second = (tuple(_place(name, axis) for axis in part) for part in made)
            return first, second
    count = _place(name, tree)
    if count < 0:
        raise Refusal(f"{name} sums over 0 axes or more.", tree)
    return count


def _memory_order(name: str, tree: ast.expr) -> str:
    match tree:
        case ast.Constant(value="C" | "F" as order):
            return str(order)
    raise Refusal(f'The order of {name} is "C", row by row, or "F", column by column.', tree)


def _is_truth(tree: ast.expr) -> bool:
    return isinstance(tree, ast.Constant) and isinstance(tree.value, bool)


def _whole(name: str, tree: ast.expr) -> int:
    found = read_size(tree)
    if isinstance(found, int) and not _is_truth(tree):
        return found
    raise Refusal(f"{name} takes a whole number here, such as 1.", tree)


def _steps(name: str, tree: ast.expr) -> int | tuple[int, ...]:
    """A number, or one for each axis."""
    if isinstance(tree, ast.Tuple | ast.List) and tree.elts:
        return tuple(_whole(name, part) for part in tree.elts)
    return _whole(name, tree)


def _exponent(name: str, tree: ast.expr) -> SizeText:
    found = read_size(tree)
    if found is not None and not is_length(str(found)) and not _is_truth(tree):
        return found
    raise Refusal(
        f"The power of {name} is a whole number or a letter for one, such as {name}(X, 3) and "
        f"{name}(X, k).",
        tree,
    )


def _widths(name: str, tree: ast.expr) -> tuple[tuple[SizeText, SizeText], ...]:
    """How many zeros stand before and after an array, along all axes or along each."""
    match tree:
        case ast.Tuple(elts) | ast.List(elts) if elts and all(
            isinstance(part, ast.Tuple | ast.List) for part in elts
        ):
            return tuple(width for part in elts for width in _widths(name, part))
        case ast.Tuple([_, _] as ends) | ast.List([_, _] as ends):
            pass
        case _:
            ends = [tree, tree]
    before, after = map(read_size, ends)
    for size in (before, after):
        if size is None or (isinstance(size, int) and size < 0):
            raise Refusal(
                f"{name} takes how many zeros stand before and after: {name}(x, (1, 2)), or of "
                f"each axis, {name}(X, ((1, 1), (0, 0))).",
                tree,
            )
    assert before is not None
    assert after is not None
    return ((before, after),)


def _border(name: str, tree: ast.expr) -> str:
    match tree:
        case ast.Constant(value="constant" | "edge" as border):
            return str(border)
    raise Refusal(f'The mode of {name} is "constant", zeros, or "edge".', tree)


#: Operations that give axes other places.
_MOVING = frozenset({"transpose", "swapaxes", "moveaxis", "expand_dims"})

#: Operations that need all of their arguments.
_NEEDED = _MOVING - {"transpose"} | {
    *(
        *("top_k", "topk", "kthvalue"),
        "matrix_power",
        "matrix_power_frechet",
        "mvlgamma",
        "tile",
        "renorm",
        *("pixel_shuffle", "pixel_unshuffle", "vsplit", "hsplit"),
        "squeeze",
        "broadcast_to",
        "unflatten",
    ),
}

#: How many arguments operations need whose first option has no value of its own.
_LEAST = {"unfold": 3} | dict.fromkeys(
    (
        *("avg_pool1d", "avg_pool2d", "max_pool1d", "max_pool2d"),
        *("windows", "fold", "sliding_window_view"),
    ),
    2,
)

#: The same of others.
_MORE = {"multi_head_attention": 5} | dict.fromkeys(
    ("pad", "roll", "split", "array_split", "chunk"), 2
)

_OPTIONS: dict[str, tuple[Callable[[str, ast.expr], object], str]] = {
    "axis": (_axis, "axis"),
    "axes": (_axes, "axes"),
    "power": (_exponent, "power"),
    **{
        word: (_number, word)
        for word in (
            "slope",
            "alpha",
            "delta",
            "beta",
            "lam",
            "level",
            "value",
            "gamma",
            "eps",
            "d",
            "b",
            "p",
            "margin",
            "r",
            "second",
            "maxnorm",
        )
    },
    "axis1": (_place, "axis1"),
    "axis2": (_place, "axis2"),
    "source": (_place, "source"),
    "destination": (_place, "destination"),
    "keepdims": (_keepdims, "keepdims"),
    "ddof": (_place, "ddof"),
    "ord": (_order, "order"),
    "size": (_size, "size"),
    "sizes": (_sizes, "sizes"),
    "over": (_axes_of_two, "over"),
    "dim": (_place, "axis"),
    "kernel": (_size, "kernel"),
    "new_sizes": (_new_sizes, "sizes"),
    "start_dim": (_whole, "start"),
    "end_dim": (_whole, "end"),
    "order": (_memory_order, "how"),
    "shift": (_whole, "shift"),
    "repeats": (_whole, "times"),
    "reps": (_steps, "times"),
    "parts": (_whole, "parts"),
    "offset": (_whole, "k"),
    "mode": (_border, "border"),
    "heads": (_size, "heads"),
    **dict.fromkeys(("upscale_factor", "downscale_factor", "scale_factor"), (_whole, "factor")),
    "k": (_whole, "k"),
    "n": (_whole, "n"),
    "pad_width": (_widths, "pad_width"),
    "length": (_size, "length"),
    "groups": (_size, "groups"),
    "count": (_whole, "count"),
    **{word: (_steps, word) for word in ("stride", "padding", "dilation")},
    "rows": (_size, "rows"),
    "columns": (_size, "columns"),
}
