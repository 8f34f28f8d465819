"""Entries of any expression in index notation: sums of products of atoms, sizes left as letters.

A form is a sum of terms; a term is a number times a product of atoms to whole powers, summed over
its bound letters. An atom is an entry of a named array, the letter of a size, a function of a
form, or a power of one. Two forms that read the same after `canonical` are equal at every size;
forms that read differently may still be equal, so a difference decides nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from matderiv.errors import InputError, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.shapes import Dim, Shape
from matderiv.expression.source import source

__all__ = [
    "Atom",
    "Call",
    "Entries",
    "Entry",
    "Form",
    "Index",
    "Raised",
    "Size",
    "Term",
    "TooLarge",
    "Whole",
    "canonical",
    "difference",
    "letters_of",
]

Index = int | str

_MAX_TERMS = 2000  # of a form; more are not multiplied out
_MAX_ORDERS = 720  # of the bound letters of a term that are tried
_MAX_BITS = 4096  # of an exact number
_SHORT = 8  # the largest power of a sum that is multiplied out


class TooLarge(UnsupportedError):  # noqa: N818 - named for what is too large: the form
    """A form would hold more terms than are multiplied out."""


@dataclass(frozen=True, slots=True)
class Entry:
    """x_ij, an entry of a named array; a scalar has no indices."""

    name: str
    indices: tuple[Index, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """A size as a number: Σ_i 1 = N."""

    letter: str


@dataclass(frozen=True, slots=True)
class Call:
    """f(u), a function of one number."""

    function: str
    arg: Form


@dataclass(frozen=True, slots=True)
class Raised:
    """u**v, or u itself as one atom where `exponent` is None."""

    base: Form
    exponent: Form | None


@dataclass(frozen=True, slots=True)
class Whole:
    """Loss(U), an undefined function of a whole array whose entry at `letters` is `arg`."""

    function: str
    letters: tuple[tuple[str, str], ...]
    arg: Form


Atom = Entry | Size | Call | Raised | Whole


@dataclass(frozen=True, slots=True)
class Term:
    """A product of atoms to whole powers, summed over (letter, size letter) pairs."""

    atoms: tuple[tuple[Atom, int], ...] = ()
    bound: tuple[tuple[str, str], ...] = ()


Form = tuple[tuple[Term, Fraction], ...]

_ONE = Term()


def _sum(forms: Iterable[Form]) -> Form:
    total: dict[Term, Fraction] = {}
    for form in forms:
        for term, number in form:
            total[term] = total.get(term, Fraction(0)) + number
    if len(total) > _MAX_TERMS:
        raise TooLarge("the entries hold too many terms")
    return tuple((term, number) for term, number in total.items() if number)


def _product(one: Form, other: Form) -> Form:
    if len(one) * len(other) > _MAX_TERMS:
        raise TooLarge("the entries hold too many terms")
    return _sum(
        (((_times(m, n), c * d),) for (m, c), (n, d) in itertools.product(one, other)),
    )


def _times(m: Term, n: Term) -> Term:
    if not n.atoms and not n.bound:
        return m
    powers = dict(m.atoms)
    for atom, power in n.atoms:
        powers[atom] = powers.get(atom, 0) + power
    return Term(tuple((a, p) for a, p in powers.items() if p), m.bound + n.bound)


def _scaled(form: Form, number: Fraction) -> Form:
    return tuple((term, c * number) for term, c in form) if number else ()


def _number(value: Fraction) -> Form:
    return ((_ONE, value),) if value else ()


def _atom(atom: Atom, power: int = 1) -> Form:
    return ((Term(((atom, power),)), Fraction(1)),)


def difference(left: Form, right: Form) -> Form:
    """The difference left - right, equal terms dropped."""
    return _sum((left, _scaled(right, Fraction(-1))))


class Entries:
    """The general entries of expressions, by definition of each kind of node.

    `definitions` are unfolded wherever their names occur; `functions` are the bodies of known
    functions with names of their own. With `written`, sums are written out at the sizes.
    """

    def __init__(
        self,
        shapes: Mapping[str, Shape],
        definitions: Mapping[str, Node],
        functions: Mapping[str, Callable[[Node], Node]],
        *,
        written: bool = False,
    ) -> None:
        self._shapes = shapes
        self._definitions = definitions
        self._functions = functions
        self._written = written
        self._fresh = itertools.count()
        self._known: dict[Node, Shape] = {}

    def at(self, node: Node, *indices: Index) -> Form:
        """The entry of an array at given indices, letters or numbers from 1.

        Raises:
            TooLarge: it is not multiplied out.
            InputError: it divides by zero.
        """
        match node:
            case nodes.Number(value):
                return _number(value)
            case nodes.Name(name):
                if name in self._definitions:
                    return self.at(self._definitions[name], *indices)
                return _atom(Entry(name, indices))
            case nodes.Negate(arg):
                return _scaled(self.at(arg, *indices), Fraction(-1))
            case nodes.Transpose(arg):
                return self.at(arg, *indices[::-1])
            case nodes.Sum(arg):
                return self._summed(self.shape(arg), lambda *places: self.at(arg, *places))
            case nodes.MatMul(left, right):
                return self._matmul(left, right, indices)
            case nodes.Apply(function, arg):
                return self._apply(function, arg, indices)
            case nodes.Functional(function, arg):
                letters = tuple((self._letter(), dim.symbol) for dim in self.shape(arg))
                entry = self.at(arg, *(letter for letter, _ in letters))
                return _atom(Whole(function, letters, entry))
            case nodes.Add() | nodes.Subtract() | nodes.Multiply() | nodes.Divide():
                return self._entrywise(node, indices)
            case nodes.Power(left, right):
                return self._power(node, left, right, indices)
        raise UnsupportedError(f"{source(node)} has no entries that are known")

    def shape(self, node: Node) -> Shape:
        """The shape of an array whose parts are known to fit."""
        known = self._known.get(node)
        if known is None:
            known = self._known[node] = self._shape(node)
        return known

    def _shape(self, node: Node) -> Shape:
        match node:
            case nodes.Name(name):
                return self._shapes[name]
            case nodes.Number() | nodes.Sum() | nodes.Functional():
                return ()
            case nodes.Negate(arg) | nodes.Apply(_, arg):
                return self.shape(arg)
            case nodes.Transpose(arg):
                return self.shape(arg)[::-1]
            case nodes.MatMul(left, right):
                return (*self.shape(left)[:-1], *self.shape(right)[-2:][1:])
        shapes = [self.shape(child) for child in nodes.children(node)]
        longest = max(map(len, shapes), default=0)
        columns = zip(*(((None,) * (longest - len(s)) + s) for s in shapes), strict=True)
        return tuple(_broadcast(dims) for dims in columns)

    def _operand(self, node: Node, indices: tuple[Index, ...], result: Shape) -> Form:
        """An operand's entry: the last indices, and 1 where its only row or column is repeated."""
        shape = self.shape(node)
        last = zip(shape, result[len(result) - len(shape) :], strict=True)
        places = indices[len(indices) - len(shape) :]
        return self.at(
            node, *(i if own == dim else 1 for i, (own, dim) in zip(places, last, strict=True))
        )

    def _entrywise(self, node: Node, indices: tuple[Index, ...]) -> Form:
        result = self.shape(node)
        left, right = nodes.children(node)
        one, other = self._operand(left, indices, result), self._operand(right, indices, result)
        match node:
            case nodes.Add():
                return _sum((one, other))
            case nodes.Subtract():
                return difference(one, other)
            case nodes.Multiply():
                return _product(one, other)
        return _product(one, _to_the(other, -1, node))

    def _power(self, node: Node, left: Node, right: Node, indices: tuple[Index, ...]) -> Form:
        result = self.shape(node)
        exponent = self._operand(right, indices, result)
        base = self._operand(left, indices, result)
        if not exponent:
            return _number(Fraction(1))
        whole = exponent[0][1] if len(exponent) == 1 and exponent[0][0] == _ONE else Fraction(1, 2)
        if whole.denominator != 1:
            return (
                _number(Fraction(1))
                if base == _number(Fraction(1))
                else _atom(Raised(base, exponent))
            )
        power = int(whole)
        if 0 < power <= _SHORT and (len(base) != 1 or base[0][0].bound):
            made = base
            for _ in range(power - 1):  # worked out anew, for bound letters of its own
                made = _product(made, self._operand(left, indices, result))
            return made
        return _to_the(base, power, node)

    def _matmul(self, left: Node, right: Node, indices: tuple[Index, ...]) -> Form:
        rows = len(self.shape(left)) - 1
        inner = self.shape(left)[-1]

        def term(k: Index) -> Form:
            return _product(self.at(left, *indices[:rows], k), self.at(right, k, *indices[rows:]))

        return self._summed((inner,), term)

    def _summed(self, shape: Shape, term: Callable[..., Form]) -> Form:
        if self._written:
            ranges = (range(1, dim.size + 1) for dim in shape)
            return _sum(term(*places) for places in itertools.product(*ranges))
        bound = tuple((self._letter(), dim.symbol) for dim in shape)
        inside = term(*(letter for letter, _ in bound))
        return tuple((Term(t.atoms, t.bound + bound), c) for t, c in inside)

    def _apply(self, function: str, arg: Node, indices: tuple[Index, ...]) -> Form:
        body = self._functions.get(function)
        if body is not None:
            return self.at(body(arg), *indices)
        entry = self.at(arg, *indices)
        if function == "sqrt":
            return _atom(Raised(entry, _number(Fraction(1, 2))))
        return _atom(Call(function, entry))

    def _letter(self) -> str:
        return f"_{next(self._fresh)}"


def _broadcast(dims: tuple[Dim | None, ...]) -> Dim:
    known = [dim for dim in dims if dim is not None]
    return next((dim for dim in known if dim.size != 1), known[0])


def _to_the(form: Form, power: int, node: Node) -> Form:
    """A form to a whole power: a product's is the product of its atoms' powers."""
    if not form:
        if power > 0:
            return ()
        raise InputError(f"{source(node)} divides by zero; write another divisor.")
    if len(form) > 1 or form[0][0].bound:
        return _atom(Raised(form, None), power)
    ((term, number),) = form
    bits = max(abs(number.numerator).bit_length(), number.denominator.bit_length())
    if abs(number) != 1 and abs(power) * bits > _MAX_BITS:
        raise TooLarge("a number is too large")
    return ((Term(tuple((a, p * power) for a, p in term.atoms)), number**power),)


# -- reading the same --------------------------------------------------------------------------


def canonical(form: Form) -> dict[str, Fraction]:
    """The terms of a form, each under a name that does not depend on its bound letters.

    Raises:
        TooLarge: there are too many orders of bound letters to try.
    """
    total: dict[str, Fraction] = {}
    for term, number in form:
        key = _key(term, {})
        total[key] = total.get(key, Fraction(0)) + number
    return {key: number for key, number in total.items() if number}


@lru_cache(maxsize=1 << 14)
def letters_of(atom: Atom) -> frozenset[str]:
    """The letters that an atom holds and does not bind itself."""
    match atom:
        case Entry(indices=indices):
            return frozenset(i for i in indices if isinstance(i, str))
        case Size():
            return frozenset()
        case Call(arg=form):
            return _free(form)
        case Raised(base=base, exponent=exponent):
            return _free(base) | (_free(exponent) if exponent is not None else frozenset())
        case Whole(letters=letters, arg=form):
            return _free(form) - {letter for letter, _ in letters}


def _free(form: Form) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for term, _ in form:
        inside = frozenset[str]().union(*(letters_of(atom) for atom, _ in term.atoms))
        found |= inside - {letter for letter, _ in term.bound}
    return found


def _key(term: Term, names: Mapping[str, str]) -> str:
    return named(term, names)[0]


def named(term: Term, names: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The least of the names of a term over all orders of its bound letters; and that order."""
    used = frozenset[str]().union(*(letters_of(atom) for atom, _ in term.atoms))
    idle = sorted(size for letter, size in term.bound if letter not in used)
    extra = [f"|{size}|" for size in idle]
    bound = [(letter, size) for letter, size in term.bound if letter in used]
    best: tuple[str, dict[str, str]] | None = None
    for order in _orders(term, bound, names):
        inner = dict(names)
        for letter, size in order:
            inner[letter] = f"{size}:{len(inner)}"
        atoms = sorted([*extra, *(_written(a, p, inner) for a, p in term.atoms)])
        sizes = ",".join(inner[letter] for letter, _ in order)
        text = f"{'·'.join(atoms)}{{{sizes}}}"
        if best is None or text < best[0]:
            best = (text, inner)
    assert best is not None
    return best


def _orders(
    term: Term, bound: list[tuple[str, str]], names: Mapping[str, str]
) -> Iterable[tuple[tuple[str, str], ...]]:
    """Orders of the bound letters to try: those that what stands around them leaves open."""
    if len(bound) <= 1:
        return [tuple(bound)]
    colour = dict(bound)
    for _ in bound:
        seen = {letter: _surroundings(term, letter, colour, names) for letter, _ in bound}
        ranks = {text: n for n, text in enumerate(sorted(set(seen.values())))}
        colour = {letter: f"{size}.{ranks[seen[letter]]}" for letter, size in bound}
    groups = [
        [pair for pair in bound if colour[pair[0]] == kind] for kind in sorted(set(colour.values()))
    ]
    if math.prod(math.factorial(len(group)) for group in groups) > _MAX_ORDERS:
        raise TooLarge("a sum runs over too many indices that are alike")
    return (
        tuple(itertools.chain(*choice))
        for choice in itertools.product(*(itertools.permutations(group) for group in groups))
    )


def _surroundings(
    term: Term, letter: str, colour: Mapping[str, str], names: Mapping[str, str]
) -> str:
    inner = {**names, **colour, letter: f"*{colour[letter]}"}
    atoms = (_written(a, p, inner) for a, p in term.atoms if letter in letters_of(a))
    return " ".join(sorted(atoms))


def _written(atom: Atom, power: int, names: Mapping[str, str]) -> str:
    text = atom_name(atom, names)
    return text if power == 1 else f"{text}^{power}"


def atom_name(atom: Atom, names: Mapping[str, str]) -> str:
    """The name of an atom, its letters under other names."""
    match atom:
        case Entry(name=name, indices=indices):
            return f"{name}[{','.join(names.get(str(i), str(i)) for i in indices)}]"
        case Size(letter=letter):
            return f"|{letter}|"
        case Call(function=function, arg=form):
            return f"{function}({form_name(form, names)})"
        case Raised(base=base, exponent=None):
            return f"({form_name(base, names)})"
        case Raised(base=base, exponent=exponent):
            assert exponent is not None
            return f"({form_name(base, names)})^({form_name(exponent, names)})"
        case Whole(function=function, letters=letters, arg=form):
            inner = dict(names)
            for letter, size in letters:
                inner[letter] = f"{size}:{len(inner)}"
            return f"{function}[{form_name(form, inner)}]"


def form_name(form: Form, names: Mapping[str, str]) -> str:
    """The name of a form, its letters under other names."""
    total: dict[str, Fraction] = {}
    for term, number in form:
        key = _key(term, names)
        total[key] = total.get(key, Fraction(0)) + number
    return " + ".join(f"{c}*{k}" for k, c in sorted(total.items()) if c)
