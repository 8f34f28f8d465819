"""Partial derivatives of forms: ∂/∂x_pq of an entry in index notation, for every size."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from matderiv._budget import spend
from matderiv.calculus.index_forms.canonical import collected
from matderiv.calculus.index_forms.contraction import contracted
from matderiv.calculus.index_forms.forms import (
    MINUS_ONE_FORM,
    Atom,
    Call,
    Chosen,
    Delta,
    Entry,
    Form,
    Index,
    Raised,
    Rate,
    SizeAtom,
    Term,
    Whole,
    added,
    constant,
    difference,
    multiplied,
    placed,
    raised,
    refreshed,
    scaled,
    single,
)
from matderiv.calculus.index_forms.known_functions import called, slope
from matderiv.errors import InputError, UnsupportedError
from matderiv.expression.matrix_functions import MATRIX_FUNCTIONS, function_kind
from matderiv.expression.vocabulary import is_slope

__all__ = ["partial", "product_rule", "with_deltas"]


def partial(form: Form, wrt: Entry, fresh: Callable[[], str]) -> Form:
    """∂form/∂wrt by the product rule and the chain rule; no letter of `wrt` occurs in the form.

    Raises:
        InputError: the derivative divides by zero.
        UnsupportedError: a function in it has no derivative that is known.
    """
    return _defined(lambda: collected(contracted(_Partial(wrt, fresh).form(form))))


def with_deltas(form: Form, wrt: Entry, fresh: Callable[[], str]) -> Form:
    """∂form/∂wrt with δ_ip δ_jq for every ∂x_ij/∂x_pq, and no sum over them worked out.

    Raises:
        InputError: the derivative divides by zero.
        UnsupportedError: a function in it has no derivative that is known.
    """
    return _defined(lambda: collected(_Partial(wrt, fresh).form(form)))


def product_rule(form: Form, wrt: Entry, fresh: Callable[[], str]) -> Form:
    """∂form/∂wrt with every ∂x_ij/∂x_pq left as it is.

    Raises:
        InputError: the derivative divides by zero.
        UnsupportedError: a function in it has no derivative that is known.
    """
    return _defined(lambda: collected(_Rates(wrt, fresh).form(form)))


def _defined(derivative: Callable[[], Form]) -> Form:
    try:
        return derivative()
    except ZeroDivisionError:
        raise InputError(
            "A root, or a power below 1, of what is always 0 has no derivative, such as std(x) of "
            "one number; leave it out."
        ) from None


class _Partial:
    def __init__(self, wrt: Entry, fresh: Callable[[], str]) -> None:
        self.wrt = wrt
        self.fresh = fresh

    def form(self, form: Form) -> Form:
        return added(self.term(term, number) for term, number in refreshed(form, self.fresh))

    def term(self, term: Term, number: Fraction) -> Form:
        made = []
        for place, (atom, power) in enumerate(term.atoms):
            rate = self.atom(atom)
            if not rate:
                continue
            left = ((atom, power - 1),) if power != 1 else ()
            before: Form = ((Term((*term.atoms[:place], *left), term.bound), number * power),)
            after: Form = ((Term(term.atoms[place + 1 :]), Fraction(1)),)
            made.append(multiplied(multiplied(before, rate), after))
        return added(made)

    def atom(self, atom: Atom) -> Form:
        spend()
        match atom:
            case Entry(name=name, indices=indices):
                if name != self.wrt.name:
                    return ()
                found = constant(Fraction(1))
                for one, other in zip(indices, self.wrt.indices, strict=True):
                    found = multiplied(found, single(Delta(one, other)))
                return found
            case Call(function=function, arg=form):
                inner = self.form(form)
                return multiplied(slope(function, form, self.fresh), inner) if inner else ()
            case Raised(base=base, exponent=None):
                return self.form(base)
            case Raised(base=base, exponent=exponent):
                assert exponent is not None
                down = multiplied(exponent, single(Raised(base, exponent)))
                found = multiplied(multiplied(down, raised(base, MINUS_ONE_FORM)), self.form(base))
                grown = self.form(exponent)
                if grown:
                    log = multiplied(single(Raised(base, exponent)), single(Call("log", base)))
                    found = added((found, multiplied(log, grown)))
                return found
            case Whole():
                return self.whole(atom)
            case SizeAtom() | Delta() | Chosen() | Rate():
                return ()

    def whole(self, atom: Whole) -> Form:
        """Σ ∂F/∂a_kl · ∂a_kl/∂wrt over the entries of the array."""
        letters: dict[str, Index] = {
            old: 1 if size == "1" else self.fresh() for old, size in atom.letters
        }
        inner = self.form(placed(atom.arg, letters))
        if not inner:
            return ()
        places = tuple(letters.values())
        bound = tuple(
            (new, size)
            for new, (_, size) in zip(places, atom.letters, strict=True)
            if isinstance(new, str)
        )
        found = multiplied(self.rate(atom, places), inner)
        return tuple((Term(t.atoms, t.bound + bound), c) for t, c in found)

    def rate(self, atom: Whole, places: tuple[Index, ...]) -> Form:
        """∂F/∂a at the places of the array."""

        def same(function: str, *indices: Index) -> Form:
            return single(Whole(function, atom.letters, atom.arg, indices))

        match atom.function, places:
            case "inv", (k, m):
                i, j = atom.indices
                return scaled(multiplied(same("inv", i, k), same("inv", m, j)), Fraction(-1))
            case "det", (k, m):
                return multiplied(same("det"), same("inv", m, k))
            case "logdet", (k, m):
                return same("inv", m, k)
            case "prod", _:
                names = dict(zip((old for old, _ in atom.letters), places, strict=True))
                return multiplied(single(atom), raised(placed(atom.arg, names), MINUS_ONE_FORM))
            case "max", _:  # 1 where the entry is the largest
                names = dict(zip((old for old, _ in atom.letters), places, strict=True))
                ahead = difference(placed(atom.arg, names), single(atom))
                return called("iszero", ahead, self.fresh)
        if function_kind(atom.function) in MATRIX_FUNCTIONS:
            return same(f"d{atom.function}", *atom.indices, *places)
        if is_slope(atom.function):
            raise UnsupportedError(f"the second derivative of {atom.function[1:]} is not known")
        return same(f"d{atom.function}", *atom.indices, *places)


class _Rates(_Partial):
    def atom(self, atom: Atom) -> Form:
        if isinstance(atom, Entry) and atom.name == self.wrt.name:
            return single(Rate(atom, self.wrt))
        return super().atom(atom)
