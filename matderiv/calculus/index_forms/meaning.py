"""The forms that index expressions mean: what is proved of what is printed."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import reduce

from matderiv.calculus.index_forms.contraction import contracted
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import (
    MINUS_ONE_FORM,
    Call,
    Delta,
    Entry,
    Form,
    Index,
    Raised,
    Rate,
    Term,
    Whole,
    added,
    constant,
    multiplied,
    placed,
    raised,
    scaled,
    single,
)
from matderiv.calculus.index_forms.index_expressions import (
    Applied,
    ArrayEntry,
    Combined,
    Extent,
    Factors,
    FunctionOfArray,
    IndexExpression,
    KroneckerDelta,
    NamedEntry,
    Numeral,
    Omitted,
    PartialDerivative,
    PowerOf,
    ProductOver,
    Quotient,
    Runs,
    SignedSum,
    SumOver,
    at_places,
)
from matderiv.calculus.index_forms.known_functions import called, combined
from matderiv.errors import UnsupportedError
from matderiv.expression import nodes

__all__ = ["form_of"]


def form_of(expr: IndexExpression, entries: Entries) -> Form:
    """The form that an index expression means.

    Raises:
        TooLarge: it is not multiplied out.
        InputError: it divides by zero.
    """
    return contracted(_meaning(expr, entries))


def _meaning(expr: IndexExpression, entries: Entries) -> Form:
    """The same, sums with deltas not yet worked out."""

    def of(part: IndexExpression) -> Form:
        return _meaning(part, entries)

    match expr:
        case SignedSum(items):
            return added(scaled(of(item), Fraction(sign)) for sign, item in items)
        case Factors(items):
            return reduce(multiplied, map(of, items))
        case Quotient(above, PowerOf(base, Numeral(power))):
            return multiplied(of(above), raised(of(base), constant(-power)))
        case Quotient(above, below):
            return multiplied(of(above), raised(of(below), MINUS_ONE_FORM))
        case PowerOf(base, Numeral(power)) if (
            power.denominator == 1 and 0 < power <= entries.powers
        ):
            return reduce(multiplied, (of(base) for _ in range(int(power))))
        case PowerOf(base, exponent):
            return raised(of(base), of(exponent))
        case Applied(function, arg):
            return called(function, of(arg), entries.letter)
        case Combined(operation, items):
            return combined(operation, tuple(map(of, items)), entries.letter)
        case SumOver() | ProductOver() | FunctionOfArray() | Omitted():
            return _over_letters(expr, entries)
        case Numeral() | Extent() | NamedEntry() | ArrayEntry():
            return _quantity(expr, entries)
        case KroneckerDelta(one, other):
            return single(Delta(one, other))
        case PartialDerivative(of=above, wrt=below):
            return single(_rate(_differentiated(above, of), _differentiated(below, of)))


def _differentiated(
    expr: IndexExpression, meaning: Callable[[IndexExpression], Form]
) -> Entry | Call | Raised:
    """An entry, as if it were free, or f of one; anything else is a sum, which is one atom."""
    if isinstance(expr, NamedEntry):
        return Entry(expr.name, expr.indices)
    match meaning(expr):
        case ((Term(((Call() as one, 1),), ()), 1),):
            return one
        case form:
            return Raised(form, None)


def _rate(of: Entry | Call | Raised, wrt: Entry | Call | Raised) -> Rate:
    if isinstance(wrt, Raised):
        raise UnsupportedError("only an entry, or a function of one, can be differentiated by")
    return Rate(of, wrt)


def _quantity(expr: Numeral | Extent | NamedEntry | ArrayEntry, entries: Entries) -> Form:
    match expr:
        case Numeral(value):
            return constant(value)
        case Extent(dim):
            return entries.at(nodes.Size(dim.symbol, dim.size))
        case NamedEntry("π", ()):
            return entries.at(nodes.Pi())
        case NamedEntry(name, indices):
            return entries.at(nodes.Name(name), *indices)
        case ArrayEntry(node, indices):
            return entries.at(node, *indices)


def _over_letters(
    expr: SumOver | ProductOver | FunctionOfArray | Omitted, entries: Entries
) -> Form:
    def of(part: IndexExpression) -> Form:
        return _meaning(part, entries)

    match expr:
        case SumOver(letters, body):
            new, bound = _renamed(letters, entries)
            made = placed(of(body), new)
            return tuple((Term(term.atoms, term.bound + bound), number) for term, number in made)
        case ProductOver(letters, body):
            new, bound = _renamed(letters, entries)
            return single(Whole("prod", bound, placed(of(body), new)))
        case FunctionOfArray(function, letters, arg, indices):
            new, bound = _renamed(letters, entries)
            return single(Whole(function, bound, placed(of(arg), new), indices))
        case Omitted(total, shown):
            names = [letter for letter, _ in total.letters]
            terms = (at_places(total.body, dict(zip(names, at, strict=True))) for at in shown)
            rest = added(map(of, terms))
            return added((of(total), scaled(rest, Fraction(-1))))


def _renamed(
    letters: Runs, entries: Entries
) -> tuple[dict[str, Index], tuple[tuple[str, str], ...]]:
    """Letters that nothing else uses for those of a sum, and what they run over."""
    new: dict[str, Index] = {letter: entries.letter() for letter, _ in letters}
    return new, tuple((str(new[letter]), dim.symbol) for letter, dim in letters)
