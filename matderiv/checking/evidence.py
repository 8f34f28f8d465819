"""What shows that a claim is wrong: the first entry that differs, and the line that decides."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from matderiv.calculus.entries import Entries
from matderiv.calculus.forms import Atom, Call, Entry, Form, Raised, Term, TooLarge
from matderiv.calculus.identities import expression
from matderiv.calculus.scalars import Partial, entry, undefined_function
from matderiv.calculus.series import Series
from matderiv.calculus.shaping import shapes_over
from matderiv.checking.decide import folded
from matderiv.checking.points import WORKING_DIGITS, Point, apart, points
from matderiv.checking.question import Question
from matderiv.errors import InputError
from matderiv.expression.nodes import Node
from matderiv.notation.boxes import Box
from matderiv.notation.compose import Notation
from matderiv.notation.text import text

__all__ = ["Difference", "deciding_line", "difference_at"]

_MOST_TERMS = 6  # of an entry that is written whole
_MOST_LETTERS = 90  # of a line
_MOST_VALUES = 8  # of entries that are named


@dataclass(frozen=True, slots=True)
class Difference:
    """An entry that differs, counted from 1: both sides in symbols and at a point."""

    place: tuple[int, ...]
    claim: str
    gradient: str
    claim_value: str
    gradient_value: str
    point: tuple[tuple[str, str], ...]


def deciding_line(question: Question) -> str:
    """∂L/∂x_pq = Σ_j ∂L/∂y_pj·w_qj, the line of the derivation that decides."""
    problem = question.problem
    notation = Notation(problem, None)
    p, q = problem.letters.p, problem.letters.q
    value = problem.array(question.gradient).at(p, q)
    box: Box
    box = notation.sigma(value) if isinstance(value, Series) else notation.scalar(value)
    left = notation.scalar(Partial(problem.loss, entry(question.wrt, p, q)))
    return f"{text(left)} = {text(box)}"


def difference_at(question: Question, claim: Node) -> Difference | None:
    """The first entry, row by row, at which the claim is not the gradient."""
    with mpmath.workdps(WORKING_DIGITS):
        for point in points(question, claim, count=6, small=True):
            one, other = point.value(claim), point.value(question.gradient)
            if one is None or other is None:
                continue
            mask = apart(one, other, exact=point.exact)
            if mask is None or not mask.any():
                continue
            place = tuple(int(n) for n in np.argwhere(mask)[0])
            return _difference(question, claim, point, place, (one, other))
    return None


def _difference(
    question: Question, claim: Node, point: Point, place: tuple[int, ...], values: tuple[Any, Any]
) -> Difference:
    places = tuple(n + 1 for n in place)
    entries = Entries(shapes_over(question.shapes), {}, question.functions, written=True)
    try:
        sides = folded(question, claim), question.gradient_beside(claim)
        forms = [entries.at(node, *places) for node in sides]
    except (TooLarge, InputError):
        forms = [(), ()]
    write = _Writer(question, point)
    return Difference(
        places,
        write.form(forms[0]),
        write.form(forms[1]),
        number(np.asarray(values[0])[place]),
        number(np.asarray(values[1])[place]),
        write.values(forms),
    )


def number(value: Any) -> str:
    """An exact number as a fraction, another one with six digits.

    >>> number(Fraction(3, 2)), number(0.25)
    ('3/2', '0.25')
    """
    if isinstance(value, Fraction | int):
        return str(value)
    return str(mpmath.nstr(mpmath.mpf(value), 6)).removesuffix(".0")


class _Writer:
    """Entries written out as a page writes them, with ∂L/∂y_11 for an entry of dY."""

    def __init__(self, question: Question, point: Point) -> None:
        self.question = question
        self.point = point
        self.notation = Notation(question.problem, None)

    def form(self, form: Form) -> str:
        if not form:
            return "0"
        whole = self.text(form)
        if len(form) <= _MOST_TERMS and len(whole) <= _MOST_LETTERS:
            return whole
        if len(form) <= 2:  # noqa: PLR2004 - nothing between the first and the last
            return whole if len(whole) <= 2 * _MOST_LETTERS else "…"
        return f"{self.text(form[:1])} + ⋯ + {self.text(form[-1:])}".replace("+ -", "- ")

    def text(self, form: Form) -> str:
        try:
            return text(self.notation.scalar(expression(form, {}, self.leaf)))
        except (TypeError, TooLarge):  # there is no notation for a part of it
            return "…"

    def leaf(self, atom: Atom) -> sp.Expr:
        """An entry of dY is ∂L/∂y_ij."""
        problem = self.question.problem
        match atom:
            case Entry(name=name, indices=()):
                return sp.Symbol(name)
            case Entry(name=name, indices=indices) if name in problem.shapes:
                return entry(name, *map(int, indices))
            case Entry(name=name, indices=indices):
                return Partial(problem.loss, entry(name.removeprefix("d"), *map(int, indices)))
            case Call(function=function, arg=arg):
                return undefined_function(function)(expression(arg, {}, self.leaf))
        raise TypeError(f"no notation for {type(atom).__name__}")

    def values(self, forms: list[Form]) -> tuple[tuple[str, str], ...]:
        atoms = dict.fromkeys(a for form in forms for a in _atoms(form))
        found = []
        for atom in atoms:
            value = self.value(atom)
            if value is not None:
                found.append((self.text(((Term(((atom, 1),)), Fraction(1)),)), number(value)))
        return tuple(found[:_MOST_VALUES])

    def value(self, atom: Atom) -> Any | None:
        match atom:
            case Entry(name=name, indices=indices):
                value = self.point.values[name]
                return value[tuple(int(i) - 1 for i in indices)] if indices else value
            case Call(function=function, arg=((Term(atoms=((Entry() as inner, 1),)), c),)):
                if function in self.question.undefined and c == 1:
                    return self.point.arithmetic.functions[function](self.value(inner))
        return None


def _atoms(form: Form) -> list[Atom]:
    """The entries that a form holds, and undefined functions of them."""
    found: list[Atom] = []
    for term, _ in form:
        for atom, _ in term.atoms:
            match atom:
                case Call(arg=arg):
                    found += [*_atoms(arg), atom]
                case Raised(base=base, exponent=exponent):
                    found += [*_atoms(base), *_atoms(exponent or ())]
                case _:
                    found.append(atom)
    return found
