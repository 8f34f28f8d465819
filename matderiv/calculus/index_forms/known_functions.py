"""Functions of one number as forms: the known ones by as few different atoms as can be."""

from __future__ import annotations

from fractions import Fraction

from matderiv.calculus.index_forms.canonical import sealed
from matderiv.calculus.index_forms.forms import (
    Atom,
    Call,
    Form,
    Raised,
    Term,
    added,
    constant,
    multiplied,
    raised,
    scaled,
    single,
)

__all__ = ["called"]

_ONE = constant(Fraction(1))
_HALF = constant(Fraction(1, 2))
_MINUS = constant(Fraction(-1))


def called(function: str, u: Form) -> Form:
    """A function of one number, the known ones by as few different atoms as can be."""
    inner = sealed(u)
    match function:
        case "sqrt":
            return raised(u, _HALF)
        case "log":
            return _log(inner)
        case "relu":
            return multiplied(u, single(Call("step", inner)))
        case "abs":
            return multiplied(u, single(Call("sign", inner)))
        case "sigmoid":
            grown = single(Call("exp", inner))
            return multiplied(grown, raised(added((_ONE, grown)), _MINUS))
        case "softplus":
            return single(Call("log", added((_ONE, single(Call("exp", inner))))))
    return single(Call(function, inner))


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
