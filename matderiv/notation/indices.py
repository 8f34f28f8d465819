"""Entries of a whole program to boxes, in index notation: Σ_k x_ik w_kj, ∂L/∂x_pq, δ_ip."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction as Rational

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.calculus.index_forms.forms import (
    ONE,
    Atom,
    Call,
    Delta,
    Entry,
    Form,
    Index,
    Raised,
    Rate,
    Size,
    Term,
    Whole,
    added,
    constant,
    letters_of,
    placed,
    placed_term,
    scaled,
)
from matderiv.expression.shapes import Dim
from matderiv.expression.vocabulary import ELEMENTWISE
from matderiv.notation.boxes import (
    BigSum,
    Box,
    Dots,
    Fence,
    Fraction,
    Grid,
    Number,
    Operator,
    Root,
    Row,
    Scripts,
    Symbol,
    Terms,
    Word,
)
from matderiv.notation.names import (
    entry_box,
    entry_ratio,
    function_box,
    has_fraction,
    name_box,
    named_entry,
    partial_ratio,
    raised_box,
)

__all__ = ["Indices", "side_by_side"]

_T = Symbol("T")
_CDOT = Operator("cdot")
_D = Operator("differential")
_UPRIGHT = set(ELEMENTWISE)


@dataclass(frozen=True, slots=True)
class Indices:
    """How a program is written: its loss, what its names are, and how much of sums is shown.

    `also` are the values through which a name reaches the loss besides standing in it itself.
    """

    loss: str
    shape: ShapeOf
    names: Mapping[str, tuple[Dim, ...]]
    show: int | None
    commas: bool
    letters: tuple[str, ...]
    also: Mapping[str, tuple[str, ...]]

    def entry(self, name: str, indices: tuple[Index, ...]) -> Box:
        """x_ij, a scalar's name, or ∂L/∂x_ij."""
        if name == "π":
            return Symbol("pi", greek=True)
        if name not in self.names and name[0] == "δ":
            return Row((_D, self.entry(name[1:], indices)))
        if name not in self.names:
            return entry_ratio(self.loss, name[1:], indices, commas=self.commas)
        if not indices:
            return name_box(name)
        return named_entry(name, indices, commas=self.commas)

    def form(self, form: Form) -> Box:
        """A form, its sums with Σ."""
        return _one([self._term(term, number) for term, number in form])

    def spelled(self, form: Form) -> Box:
        """A form with its sums term by term, the middle of long ones left out."""
        sizes = {dim.symbol: dim.size for shape in self.names.values() for dim in shape}
        items: list[tuple[str, Box]] = []
        for term, number in form:
            letters = [letter for letter, _ in term.bound]
            for place in self.places([sizes[size] for _, size in term.bound]):
                if place is None:
                    items.append(("+", Dots("across")))
                else:
                    at: dict[str, Index] = dict(zip(letters, place, strict=True))
                    items.append(self._term(placed_term(Term(term.atoms), at), number))
        return _one(items)

    def places(self, sizes: list[int]) -> list[tuple[int, ...] | None]:
        """The index tuples of a sum that are shown, None for the dots."""
        counted = itertools.product(*(range(1, n + 1) for n in sizes))
        if all(self.show is None or n <= self.show + 1 for n in sizes):
            return list(counted)
        first = itertools.islice(counted, max(1, (self.show or 1) - 1))
        return [*first, None, tuple(sizes)]

    def _term(self, term: Term, number: Rational) -> tuple[str, Box]:
        sign = "-" if number < 0 else "+"
        number = abs(number)
        used = frozenset[str]().union(*(letters_of(a) for a, _ in term.atoms))
        free = (c for c in self.letters if c not in used)
        letters = {old: old if old in self.letters else next(free) for old, _ in term.bound}
        atoms = _readable(placed_term(Term(term.atoms), dict(letters)).atoms)
        above = [self._powered(a, p) for a, p in atoms if p > 0]
        below = [self._powered(a, -p) for a, p in atoms if p < 0]
        if number.numerator != 1 or not above:
            above.insert(0, Number(str(number.numerator)))
        if number.denominator != 1:
            below.insert(0, Number(str(number.denominator)))
        box = side_by_side(above)
        if below:
            box = Fraction(box, side_by_side(below))
        if letters:
            under: list[Box] = []
            for letter in letters.values():
                under += [Operator("comma")] * bool(under) + [name_box(letter)]
            box = BigSum(Row(tuple(under)), None, box)
        return sign, box

    def _powered(self, atom: Atom, power: int) -> Box:
        match atom:
            case Raised(base=base, exponent=None):
                box = self.form(base)
                return (
                    box if power == 1 and not isinstance(box, Terms) else _raised_form(box, power)
                )
            case Raised(base=base, exponent=exponent) if power == 1 and exponent is not None:
                inner = self.form(base)
                if exponent == ((ONE, Rational(1, 2)),):
                    return Root(inner)
                return raised_box(_fenced(inner), self.form(exponent))
        box = self._atom(atom)
        if power == 1:
            return box
        if isinstance(atom, Call) and isinstance(box, Row) and atom.function != "exp":
            head, *rest = box.items
            above = Number(str(power))
            if isinstance(head, Word):  # tanh²(u)
                return Row((Scripts(head, sup=above), *rest))
            return Row((raised_box(head, above), *rest))
        return raised_box(box, Number(str(power)))

    def _atom(self, atom: Atom) -> Box:
        match atom:
            case Entry(name=name, indices=indices):
                return self.entry(name, indices)
            case Size(letter=letter):
                return name_box(letter)
            case Rate(of=of, wrt=wrt):
                return self._rate(of, wrt)
            case Delta(one=one, other=other):
                return entry_box(Symbol("delta", greek=True), (one, other), commas=self.commas)
            case Call(function=function, arg=form):
                inner = self.form(form)
                if function == "exp":
                    return raised_box(Symbol("e"), inner)
                if function == "abs":
                    return Fence(inner, big=has_fraction(inner), bars=True)
                return Row((self.function(function), Fence(inner, big=has_fraction(inner))))
            case Raised(base=base):
                return _fenced(self.form(base))
            case Whole():
                return self._whole(atom)

    def _rate(self, of: Entry, wrt: Entry) -> Box:
        """∂z_ij/∂x_pq, or (∂L/∂x_pq)_Z with Z held fixed, which is not all of ∂L/∂x_pq."""
        ratio = partial_ratio(self._atom(of), self._atom(wrt))
        held = self.also.get(wrt.name, ()) if of.name == self.loss else ()
        if not held:
            return ratio
        comma = Operator("comma")
        names = [box for name in held for box in (comma, name_box(name))][1:]
        return Scripts(Fence(ratio, big=True), sub=Row(tuple(names)))

    def _whole(self, atom: Whole) -> Box:
        inner = self._array(atom)
        match atom.function:
            case "inv":
                base = raised_box(inner, Terms((("-", Number("1")),)))
                return entry_box(Fence(base), atom.indices, commas=self.commas)
            case "prod":
                letters = dict(zip((old for old, _ in atom.letters), self.letters, strict=False))
                body = self.form(placed(atom.arg, dict(letters)))
                under = Row(tuple(name_box(letter) for letter in letters.values()))
                return Row((Scripts(Word("prod", upright=True), sub=under), Fence(body)))
        if atom.indices:  # ∂F/∂u_ij
            head = Row((function_box(atom.function[1:]), Fence(inner)))
            return partial_ratio(head, self._entry_of(atom, inner))
        if atom.function in ("det", "logdet"):
            return Row((Word(atom.function, upright=True), Fence(inner)))
        return Row((function_box(atom.function), Fence(inner)))

    def _entry_of(self, atom: Whole, inner: Box) -> Box:
        """The entry of the array by which a function of it is differentiated."""
        found = _named_array(atom)
        if found is None:
            return entry_box(inner, atom.indices, commas=self.commas)
        name, turned = found
        return self.entry(name, atom.indices[::-1] if turned else atom.indices)

    def _array(self, atom: Whole) -> Box:
        """The array that a function of an array is of."""
        found = _named_array(atom)
        if found is not None:
            name, turned = found
            return raised_box(name_box(name), _T) if turned else name_box(name)
        names = dict(zip((old for old, _ in atom.letters), self.letters, strict=False))
        return _fenced(self.form(placed(atom.arg, dict(names))))

    @staticmethod
    def function(name: str) -> Box:
        """The name of a function of one number."""
        return Word(name, upright=True) if name in _UPRIGHT else function_box(name)

    def grid(self, rows: list[list[Box]]) -> Grid:
        """Cells in rows."""
        return Grid(tuple(tuple(row) for row in rows))

    def shown(self, count: int) -> list[int | None]:
        """The numbers 1 … count that are shown, None for the dots."""
        if self.show is None or count <= self.show + 1:
            return list(range(1, count + 1))
        return [*range(1, self.show), None, count]


def _one(items: list[tuple[str, Box]]) -> Box:
    """Terms as one box."""
    if not items:
        return Number("0")
    if len(items) == 1 and items[0][0] == "+":
        return items[0][1]
    return Terms(tuple(items))


def _named_array(atom: Whole) -> tuple[str, bool] | None:
    """The name of the array that a function is of, and whether it is its transpose."""
    letters = tuple(letter for letter, _ in atom.letters)
    match atom.arg:
        case ((Term(((Entry(name=name, indices=indices), 1),), ()), 1),):
            if indices == letters:
                return name, False
            if indices == letters[::-1]:
                return name, True
    return None


def _readable(atoms: tuple[tuple[Atom, int], ...]) -> list[tuple[Atom, int]]:
    """Factors in the order in which they are written: deltas first, and uʳ/u as one power of u."""
    powers = dict(atoms)
    for atom, power in atoms:
        if not isinstance(atom, Raised) or atom.exponent is None or power != 1:
            continue
        base = _base_of(atom)
        whole = powers.get(base, 0)
        if whole < 0:
            del powers[atom]
            rest = added((scaled(atom.exponent, Rational(-1)), constant(Rational(-whole))))
            inverse = Raised(atom.base, rest)
            del powers[base]
            powers[inverse] = -1
    return sorted(powers.items(), key=lambda item: not isinstance(item[0], Delta))


def _base_of(atom: Raised) -> Atom:
    match atom.base:
        case ((Term(((base, 1),), ()), 1),):
            return base
    return Raised(atom.base, None)


def _fenced(box: Box) -> Box:
    return Fence(box, big=has_fraction(box)) if isinstance(box, Terms | Row | BigSum) else box


def _raised_form(box: Box, power: int) -> Box:
    held = Fence(box, big=has_fraction(box) or isinstance(box, BigSum))
    return held if power == 1 else raised_box(held, Number(str(power)))


def side_by_side(boxes: list[Box]) -> Box:
    """Factors in a row, a dot where two fractions or a number would touch."""
    row: list[Box] = []
    for number, box in enumerate(boxes):
        if number and (
            isinstance(box, Fraction | Number) or isinstance(boxes[number - 1], Fraction | Row)
        ):
            row.append(_CDOT)
        row.append(box)
    return row[0] if len(row) == 1 else Row(tuple(row))
