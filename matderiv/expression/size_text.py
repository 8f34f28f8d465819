"""Sizes that are worked out from others, as text: N - 1, N + M, (N + 1)//2."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from functools import lru_cache

__all__ = [
    "ALL",
    "SizeText",
    "asked_of",
    "asked_text",
    "is_length",
    "is_unnamed",
    "is_worked_out",
    "length_of",
    "letters_of_size",
    "put",
    "size_difference",
    "size_number",
    "size_sum",
    "terms_of_size",
]

#: A size: a number, or the text of one.
SizeText = int | str
#: A polynomial: the whole number of each product of letters.
_Terms = dict[tuple[str, ...], int]

#: The letter of a size that a program asks an array for holds a sign that no name may hold.
_MARK = "·"
_LENGTH = re.compile(rf"\w+{_MARK}\w+")
#: In the place of an axis: the number of all entries.
ALL = "all"


def length_of(name: str, axis: int | str) -> str:
    """The letter of a size that is asked for, while shapes are not known.

    >>> length_of("X", 1), length_of("X", -1), length_of("x", ALL)
    ('X·1', 'X·_1', 'x·all')
    """
    return f"{name}{_MARK}{str(axis).replace('-', '_')}"


def is_length(letter: str) -> bool:
    """Whether a letter, or one in a text, stands for a size that is asked for."""
    return _MARK in letter


def asked_of(letter: str) -> tuple[str, int | None]:
    """The array and the axis of which a size is asked for; None for all its entries.

    >>> asked_of("X·1"), asked_of("X·_1"), asked_of("x·all")
    (('X', 1), ('X', -1), ('x', None))
    """
    name, _, axis = letter.rpartition(_MARK)
    return name, None if axis == ALL else int(axis.replace("_", "-"))


def asked_text(text: str) -> str:
    """The text with sizes as they are asked for.

    >>> asked_text("eye(X·0 - 1)"), asked_text("x·all")
    ('eye(X.shape[0] - 1)', 'x.size')
    """

    def typed(found: re.Match[str]) -> str:
        name, axis = asked_of(found[0])
        return f"{name}.size" if axis is None else f"{name}.shape[{axis}]"

    return _LENGTH.sub(typed, text) if is_length(text) else text


def size_sum(one: SizeText, other: SizeText) -> SizeText:
    """The sum of two sizes.

    >>> size_sum("N", -1), size_sum("N - 1", 1), size_sum("M", "N")
    ('N - 1', 'N', 'M + N')
    """
    return _text(_added(_terms(str(one)), _terms(str(other))))


def size_difference(one: SizeText, other: SizeText) -> SizeText:
    """The difference of two sizes.

    >>> size_difference("N", "N - 2"), size_difference("N", "M")
    (2, '-M + N')
    """
    return _text(_added(_terms(str(one)), _terms(str(other)), -1))


def put(text: SizeText, sizes: Mapping[str, SizeText]) -> SizeText:
    """The size with others for its letters.

    >>> put("(n + 1)//2", {"n": "N - 1"}), put("(n + 1)//2", {"n": 5}), put("n*m", {"m": 2})
    ('N//2', 3, '2*n')
    """
    return _text(_read(ast.parse(str(text), mode="eval").body, lambda name: sizes.get(name, name)))


def size_number(text: SizeText, sizes: Mapping[str, int]) -> int:
    """The value of a size where its letters have values.

    Raises:
        KeyError: a letter has none.

    >>> size_number("2*N - 1", {"N": 3}), size_number("(N + 1)//2", {"N": 5})
    (5, 3)
    """
    if isinstance(text, int) or text.isdigit():
        return int(text)
    if text.isidentifier():
        return sizes[text]
    found = put(text, {letter: sizes[letter] for letter in letters_of_size(text)})
    return int(found)


@lru_cache(maxsize=1 << 10)
def letters_of_size(text: str) -> tuple[str, ...]:
    """The letters in the text of a size, in order."""
    tree = ast.parse(text, mode="eval")
    names = sorted(n.id for n in ast.walk(tree) if isinstance(n, ast.Name))
    return tuple(dict.fromkeys(names))


def is_worked_out(symbol: str) -> bool:
    """Whether a size is worked out from others: N - 1, not N or 3."""
    return not (symbol.isdigit() or symbol.isidentifier())


def is_unnamed(letter: str) -> bool:
    """Whether a letter stands for a size of an operand, which has a letter of its own or a number.

    >>> is_unnamed("_1"), is_unnamed("N")
    (True, False)
    """
    return letter.startswith("_")


def terms_of_size(text: str) -> Mapping[tuple[str, ...], int]:
    """The products of letters in a size, each with its number.

    >>> terms_of_size("N*D - 1")
    {('D', 'N'): 1, (): -1}
    """
    return _terms(text)


def _terms(text: str) -> _Terms:
    return _read(ast.parse(text, mode="eval").body, lambda name: name)


def _read(tree: ast.expr, named: Callable[[str], SizeText]) -> _Terms:
    match tree:
        case ast.Constant(value=int(number)):
            return {(): number} if number else {}
        case ast.Name(id=name):
            new = named(name)
            return {(name,): 1} if new == name else _terms(str(new))
        case ast.UnaryOp(op=ast.USub(), operand=arg):
            return _added({}, _read(arg, named), -1)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _added(_read(left, named), _read(right, named))
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return _added(_read(left, named), _read(right, named), -1)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _multiplied(_read(left, named), _read(right, named))
        case ast.BinOp(left=left, op=ast.FloorDiv(), right=ast.Constant(value=int(by))):
            return _divided(_read(left, named), by)
    raise ValueError(f"{ast.unparse(tree)} is no size")


def _added(one: _Terms, other: _Terms, sign: int = 1) -> _Terms:
    total = dict(one)
    for product, number in other.items():
        total[product] = total.get(product, 0) + sign * number
    return {product: number for product, number in total.items() if number}


def _multiplied(one: _Terms, other: _Terms) -> _Terms:
    total: _Terms = {}
    for a, m in one.items():
        for b, n in other.items():
            product = tuple(sorted((*a, *b)))
            total[product] = total.get(product, 0) + m * n
    return {product: number for product, number in total.items() if number}


def _divided(terms: _Terms, by: int) -> _Terms:
    """The whole part of a quotient, whole multiples of the divisor taken out of it."""
    whole = {p: n // by for p, n in terms.items() if p == () or n % by == 0}
    rest = _added(terms, whole, -by)
    if rest.keys() <= {()}:
        return _added(whole, {(): rest.get((), 0) // by})
    text = str(_text(rest))
    name = f"{text}//{by}" if text.isidentifier() else f"({text})//{by}"
    return _added(whole, {(name,): 1})


def _text(terms: _Terms) -> SizeText:
    if terms.keys() <= {()}:
        return terms.get((), 0)
    parts = []
    for product, number in sorted(terms.items(), key=lambda item: (not item[0], item[0])):
        size = abs(number)
        words = "*".join([*([str(size)] if size > 1 or not product else []), *product])
        parts.append(f"{'-' if number < 0 else '+'} {words}")
    text = " ".join(parts)
    return text.removeprefix("+ ").replace("- ", "-", 1) if text[0] == "-" else text[2:]
