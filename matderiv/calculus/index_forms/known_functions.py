"""Functions of one number as forms: the known ones by as few different atoms as can be."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from matderiv.calculus.index_forms.canonical import sealed
from matderiv.calculus.index_forms.forms import (
    Atom,
    Call,
    Entry,
    Form,
    Raised,
    Term,
    added,
    constant,
    difference,
    multiplied,
    raised,
    refreshed,
    scaled,
    single,
)
from matderiv.errors import UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.definitions import defined, derivative
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.nodes import Node

__all__ = ["called", "slope"]

_ONE = constant(Fraction(1))
_HALF = constant(Fraction(1, 2))
_MINUS = constant(Fraction(-1))
_U = nodes.Name("u")

#: Makes letters that nothing else uses.
Fresh = Callable[[], str]


def called(function: str, u: Form, fresh: Fresh) -> Form:
    """f(u); a function that is defined by simpler ones is written in those."""
    match function:
        case "sqrt":
            return raised(u, _HALF)
        case "log":
            return _log(sealed(u))
    simpler = defined(function, _U)
    if simpler is not None:
        return _put(simpler, u, fresh)
    return single(Call(function, sealed(u)))


def slope(function: str, u: Form, fresh: Fresh) -> Form:
    """f′(u), which is df(u) for a function that is not known."""
    if function not in FUNCTIONS:
        return single(Call(f"d{function}", u))
    return _put(derivative(function, _U), u, fresh)


def _put(node: Node, u: Form, fresh: Fresh) -> Form:
    """An expression in one number, with a form put in for it; sums get letters of their own."""

    def put(part: Node) -> Form:
        match part:
            case nodes.Name():
                return refreshed(u, fresh)
            case nodes.Number(value):
                return constant(value)
            case nodes.Pi():
                return single(Entry("π", ()))
            case nodes.Negate(arg):
                return scaled(put(arg), Fraction(-1))
            case nodes.Add(left, right):
                return added((put(left), put(right)))
            case nodes.Subtract(left, right):
                return difference(put(left), put(right))
            case nodes.Multiply(left, right):
                return multiplied(put(left), put(right))
            case nodes.Divide(left, right):
                return multiplied(put(left), raised(put(right), _MINUS))
            case nodes.Power(base, nodes.Number(value)) if value.denominator == 1 and value > 0:
                made = put(base)
                for _ in range(int(value) - 1):
                    made = multiplied(made, put(base))
                return made
            case nodes.Apply(function, arg):
                return called(function, put(arg), fresh)
        raise UnsupportedError(f"{type(part).__name__} has no place in a function of one number.")

    return put(node)


def _log(u: Form) -> Form:
    """log(exp(a)·bⁿ) = a + n·log(b) for factors that are positive whatever their entries are."""
    if len(u) != 1 or u[0][0].bound or u[0][1] < 0:
        return single(Call("log", u))
    ((term, number),) = u
    made: list[Form] = []
    rest: list[tuple[Atom, int]] = []
    for atom, power in term.atoms:
        match atom:
            case Call(function="exp", arg=arg):
                made.append(scaled(arg, Fraction(power)))
            case Raised(base=base, exponent=None) if all(map(_positive, base)):
                made.append(scaled(single(Call("log", base)), Fraction(power)))
            case _:
                rest.append((atom, power))
    if not made:
        return single(Call("log", u))
    left: Form = ((Term(tuple(rest)), number),)
    return added([*made, *([single(Call("log", left))] if left != _ONE else [])])


def _positive(part: tuple[Term, Fraction]) -> bool:
    """Whether a term is positive: a positive number times exponentials."""
    term, number = part
    return number > 0 and all(
        isinstance(atom, Call) and atom.function == "exp" for atom, _ in term.atoms
    )
