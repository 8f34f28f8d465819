"""Forms as index expressions: their factors in the order in which they are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from matderiv.calculus.index_forms.forms import (
    Atom,
    Call,
    Chosen,
    Delta,
    Entry,
    Form,
    Raised,
    Rate,
    SizeAtom,
    Term,
    Whole,
    added,
    constant,
    letters_of,
    placed,
    placed_term,
    scaled,
)
from matderiv.calculus.index_forms.index_expressions import (
    ONE_NUMERAL,
    Applied,
    ArrayEntry,
    Extent,
    FunctionOfArray,
    IndexExpression,
    NamedEntry,
    Numeral,
    PartialDerivative,
    PowerOf,
    ProductOver,
    Runs,
    delta,
    index_product,
    quotient,
    signed_sum,
    sum_over,
    whole_power,
)
from matderiv.expression.shapes import Dim

__all__ = ["ordered"]


def ordered(form: Form, letters: Sequence[str], sizes: Mapping[str, int]) -> IndexExpression:
    """A form in an order to read: deltas first, 1/u below a line, a plus before the first term.

    Sums take their letters from `letters`, none that is in use where they stand. Σ_i 1 = N.
    """
    return _Order(tuple(letters), sizes, frozenset()).form(form)


@dataclass(frozen=True, slots=True)
class _Order:
    """Orders forms that stand where the letters `taken` are in use."""

    letters: tuple[str, ...]
    sizes: Mapping[str, int]
    taken: frozenset[str]

    def form(self, form: Form) -> IndexExpression:
        if form and form[0][1] < 0:  # b - a, and not -a + b
            form = tuple(sorted(form, key=lambda part: part[1] < 0))
        return signed_sum(self.term(term, number) for term, number in form)

    def term(self, term: Term, number: Fraction) -> tuple[int, IndexExpression]:
        used = frozenset[str]().union(*(letters_of(atom) for atom, _ in term.atoms))
        bound = dict(term.bound)
        inside, runs, names = self.running(
            tuple((letter, size) for letter, size in term.bound if letter in used),
            used - bound.keys(),
        )
        atoms = _readable(placed_term(Term(term.atoms), dict(names)).atoms)
        idle = [self.extent(size) for letter, size in term.bound if letter not in used]
        above = [inside.powered(atom, power) for atom, power in atoms if power > 0]
        below = [inside.powered(atom, -power) for atom, power in atoms if power < 0]
        size = abs(number)
        expr = index_product([Numeral(Fraction(size.numerator)), *idle, *above])
        if below or size.denominator != 1:
            expr = quotient(expr, index_product([Numeral(Fraction(size.denominator)), *below]))
        return (-1 if number < 0 else 1), sum_over(runs, expr)

    def extent(self, symbol: str) -> IndexExpression:
        return Extent(self.dim(symbol))

    def dim(self, symbol: str) -> Dim:
        return Dim(symbol, int(symbol) if symbol.isdigit() else self.sizes[symbol])

    def running(
        self, bound: tuple[tuple[str, str], ...], free: frozenset[str]
    ) -> tuple[_Order, Runs, dict[str, str]]:
        """Letters for those of a sum, and what orders forms inside of it."""
        taken = self.taken | free
        new = (letter for letter in self.letters if letter not in taken)
        kept = {old for old, _ in bound if old in self.letters and old not in taken}
        new = (letter for letter in new if letter not in kept)
        names = {old: old if old in kept else next(new) for old, _ in bound}
        runs = tuple((names[old], self.dim(size)) for old, size in bound)
        return replace(self, taken=taken | frozenset(names.values())), runs, names

    def powered(self, atom: Atom, power: int) -> IndexExpression:
        match atom:
            case Raised(base=base, exponent=exponent) if exponent is not None:
                inner, above = self.form(base), self.form(exponent)
                if above == quotient(ONE_NUMERAL, Numeral(Fraction(2))):
                    return whole_power(Applied("sqrt", inner), power)
                if power == 1:
                    return PowerOf(inner, above)
                return PowerOf(inner, self.form(scaled(exponent, Fraction(power))))
        return whole_power(self.atom(atom), power)

    def atom(self, atom: Atom) -> IndexExpression:
        match atom:
            case Chosen(constant=node, indices=indices):
                return ArrayEntry(node, indices)
            case Entry(indices=indices, node=node) if node is not None:
                return ArrayEntry(node, indices)
            case Entry(name=name, indices=indices):
                return NamedEntry(name, indices)
            case SizeAtom(letter=letter):
                return self.extent(letter)
            case Rate(of=of, wrt=wrt):
                return PartialDerivative(self.atom(of), self.atom(wrt))
            case Delta(one=one, other=other):
                return delta(one, other)
            case Call(function=function, arg=arg):
                return Applied(function, self.form(arg))
            case Raised(base=base):
                return self.form(base)
            case Whole():
                return self.whole(atom)

    def whole(self, atom: Whole) -> IndexExpression:
        used = letters_of(atom)
        inside, runs, names = self.running(atom.letters, used)
        arg = inside.form(placed(atom.arg, dict(names)))
        if atom.function == "prod":
            return ProductOver(runs, arg)
        return FunctionOfArray(atom.function, runs, arg, atom.indices)


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
            rest = added((scaled(atom.exponent, Fraction(-1)), constant(Fraction(-whole))))
            del powers[base]
            powers[Raised(atom.base, rest)] = -1
    return sorted(powers.items(), key=lambda item: not isinstance(item[0], Delta))


def _base_of(atom: Raised) -> Atom:
    match atom.base:
        case ((Term(((base, 1),), ()), 1),):
            return base
    return Raised(atom.base, None)
