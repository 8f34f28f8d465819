"""Whether a sum of products with known functions is zero at every size.

Σ_j (sigmoid(y_pj) - exp(y_pj)/(1 + exp(y_pj)))·w_qj is zero because each of its summands is. The
terms get the same letters, are added up under one sum sign, and the summand is decided as a
function of a few real numbers. Which letters match is guessed; a wrong guess can leave a zero sum
undecided, but proves nothing false.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import cast

import sympy as sp

from matderiv.calculus.index_forms.canonical import atom_name, least_name
from matderiv.calculus.index_forms.forms import (
    Atom,
    Call,
    Form,
    Raised,
    SizeAtom,
    Term,
    letters_of,
)
from matderiv.errors import TooLarge
from matderiv.expression.functions import FUNCTIONS

__all__ = ["summands_vanish"]

_MOST = 120  # operations of an expression that is decided
_MOST_TERMS = 200  # of it when it is multiplied out
_MOST_NESTED = 3  # functions of functions
_CLOSE = 1e-6  # to zero: a value that may be zero
_LARGEST = 1000  # number in an exponent or in a function, and power

#: The functions that SymPy knows identities of; others stay as they are, as unknown numbers.
_FUNCTIONS: dict[str, Callable[[sp.Expr], sp.Expr]] = {
    name: getattr(sp, row.sympy(name) or name)
    for name, row in FUNCTIONS.items()
    if not row.definition and row.derivative != "0"
}

#: The integers that stand for sizes are positive numbers like the others.
_SIZE = "size {}"


def summands_vanish(form: Form) -> bool:
    """Whether a form is proved zero, summand by summand.

    >>> from matderiv.calculus.index_forms.forms import Call, Entry, Term
    >>> y = Call("exp", ((Term(((Entry("Y", ("p", "_1")), 1),)), Fraction(1)),))
    >>> summands_vanish(((Term(((y, 1),)), Fraction(1)), (Term(((y, 1),)), Fraction(-1))))
    True
    """
    if not _tame(form, 0):
        return False
    groups: dict[tuple[str, ...], list[sp.Expr]] = defaultdict(list)
    try:
        for term, number in form:
            kind, summand = _summand(term)
            groups[kind].append(sp.Rational(number.numerator, number.denominator) * summand)
    except TooLarge:
        return False
    for parts in groups.values():
        expr = sp.Add(*parts)
        if expr != 0 and not _vanishes_quickly(expr):
            return False
    return True


def _vanishes_quickly(expr: sp.Expr) -> bool:
    """Whether an expression is proved zero; one that would take long to decide is not."""
    if sp.count_ops(expr) > _MOST or _most_terms(expr) > _MOST_TERMS or _has_a_value(expr):
        return False
    if _vanishes(expr):
        return True
    if not expr.has(sp.sin, sp.cos):
        return False
    return _vanishes(cast("sp.Expr", expr.replace(sp.sin, _sin).replace(sp.cos, _cos)))


def _has_a_value(expr: sp.Expr) -> bool:
    """Whether a point shows that an expression is not zero, which is found sooner than a proof."""
    some = sorted(expr.free_symbols, key=str)
    point: dict[sp.Basic, sp.Basic | float] = {
        x: sp.Rational(7 * n + 5, 11) for n, x in enumerate(some)
    }
    try:
        value = expr.evalf(subs=point)
    except ValueError:  # mpmath has no value there, as of erfinv(2)
        return False
    return bool(value.is_Float and abs(value) > _CLOSE)


def _vanishes(expr: sp.Expr) -> bool:
    """Whether an expression is proved zero by expanding it.

    Functions are rewritten to exponentials, then the numerator of the whole is expanded: for
    rational functions of exponentials that is a normal form.
    """
    if sp.expand(expr) == 0 or sp.expand(expr.replace(_is_power_of_sum, _split)) == 0:
        return True
    plain = expr.rewrite(sp.exp) if expr.has(sp.tanh) else expr
    for attempt in (plain, sp.powsimp(plain), sp.expand(plain, power_exp=True)):
        above, _ = sp.fraction(sp.together(attempt))
        if sp.expand(above) == 0 or sp.expand(sp.powsimp(sp.expand(above))) == 0:
            return True
    return False


def _is_power_of_sum(expr: sp.Basic) -> bool:
    return isinstance(expr, sp.Pow) and not isinstance(expr, sp.exp) and expr.exp.is_Add


def _split(power: sp.Pow) -> sp.Expr:
    """u**(a + b) as u**a · u**b, wherever u is not 0."""
    return sp.Mul(*(power.base**term for term in power.exp.args))


def _most_terms(expr: sp.Expr) -> int:
    """At most how many terms an expression has when it is multiplied out."""
    args = cast("tuple[sp.Expr, ...]", expr.args)
    if expr.is_Add:
        return sum(map(_most_terms, args))
    if expr.is_Mul:
        return math.prod(map(_most_terms, args))
    if isinstance(expr, sp.Pow) and expr.exp.is_Integer:
        terms, power = _most_terms(expr.base), abs(int(expr.exp))
        return min(math.comb(power + min(terms, 99) - 1, power), 10 * _MOST_TERMS)
    return max(map(_most_terms, args), default=1)


def _sin(u: sp.Expr) -> sp.Expr:
    return (sp.exp(sp.I * u) - sp.exp(-sp.I * u)) / (2 * sp.I)


def _cos(u: sp.Expr) -> sp.Expr:
    return (sp.exp(sp.I * u) + sp.exp(-sp.I * u)) / 2


def _summand(term: Term) -> tuple[tuple[str, ...], sp.Expr]:
    """The sizes that a term is summed over, and its summand with the letters in a fixed order."""
    leaves = frozenset(leaf for atom, _ in term.atoms for leaf in _leaves(atom))
    bare = Term(tuple((leaf, 1) for leaf in leaves), term.bound)
    _, names = least_name(bare, {})
    used = frozenset[str]().union(*(letters_of(atom) for atom, _ in term.atoms))
    idle = [
        sp.Symbol(_SIZE.format(size), positive=True)
        for letter, size in term.bound
        if letter not in used
    ]
    kind = tuple(sorted(names[letter] for letter, _ in term.bound if letter in names))
    return kind, sp.Mul(*idle, *(_power(a, p, names) for a, p in term.atoms))


def _leaves(atom: Atom) -> frozenset[Atom]:
    """The entries and undivided sums inside an atom."""
    match atom:
        case Call(function=function, arg=form) if function in _FUNCTIONS:
            return _leaves_of(form)
        case Raised(base=base, exponent=exponent):
            return _leaves_of(base) | (_leaves_of(exponent) if exponent else frozenset())
    return frozenset({atom})


def _leaves_of(form: Form) -> frozenset[Atom]:
    found: frozenset[Atom] = frozenset()
    for term, _ in form:
        if term.bound:
            found |= {Raised(((term, Fraction(1)),), None)}
        else:
            found |= frozenset(leaf for atom, _ in term.atoms for leaf in _leaves(atom))
    return found


def _tame(form: Form, depth: int) -> bool:
    """Whether no power of a power or exp of an exp makes a number of unbounded length."""
    if depth > _MOST_NESTED:
        return False
    for term, number in form:
        if depth and max(abs(number.numerator), number.denominator) > _LARGEST:
            return False
        for atom, power in term.atoms:
            if abs(power) > _LARGEST:
                return False
            match atom:
                case Call(arg=arg) | Raised(base=arg, exponent=None):
                    inner: tuple[Form, ...] = (arg,)
                case Raised(base=base, exponent=exponent) if exponent is not None:
                    if any(isinstance(a, Call | Raised) for t, _ in exponent for a, _ in t.atoms):
                        return False
                    inner = (base, exponent)
                case _:
                    continue
            if not all(_tame(form, depth + 1) for form in inner):
                return False
    return True


def _power(atom: Atom, power: int, names: Mapping[str, str]) -> sp.Expr:
    return _scalar(atom, names) ** power


def _scalar(atom: Atom, names: Mapping[str, str]) -> sp.Expr:
    match atom:
        case Call(function=function, arg=form) if function in _FUNCTIONS:
            return _FUNCTIONS[function](_expression(form, names))
        case Raised(base=base, exponent=None):
            return _expression(base, names)
        case Raised(base=base, exponent=exponent):
            assert exponent is not None
            return _expression(base, names) ** _expression(exponent, names)
        case SizeAtom(letter=letter):
            return sp.Symbol(_SIZE.format(letter), positive=True)
    return sp.Symbol(atom_name(atom, names), real=True)


def _expression(form: Form, names: Mapping[str, str]) -> sp.Expr:
    """A form as a SymPy expression; each sum under a sum sign is one real number in it.

    Raises:
        TooLarge: SymPy would work out a number that fills the memory.
    """
    if not _tame(form, 0):
        raise TooLarge("a number is too large")
    terms = []
    for term, number in form:
        factor = sp.Rational(number.numerator, number.denominator)
        if term.bound:
            terms.append(factor * sp.Symbol(least_name(term, names)[0], real=True))
        else:
            terms.append(factor * sp.Mul(*(_power(a, p, names) for a, p in term.atoms)))
    return sp.Add(*terms)
