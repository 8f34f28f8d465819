"""Evidence that a claim is wrong: the first entry that differs, and the line that decides."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from matderiv._budget import bounded
from matderiv.calculus.deciding.textbook import Textbook
from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.calculus.index_forms.forms import (
    Atom,
    Call,
    Entry,
    Form,
    Index,
    Raised,
    SizeAtom,
    Term,
    Whole,
)
from matderiv.checking.decide import folded
from matderiv.checking.points import WORKING_DIGITS, Point, apart, points
from matderiv.checking.question import Question
from matderiv.derivation.program import Builder, elementwise
from matderiv.derivation.sides import Side
from matderiv.errors import InputError, ProofError, TooLarge
from matderiv.expression.nodes import Apply, Name, Node
from matderiv.expression.source import source
from matderiv.notation.formulas import Formulas
from matderiv.notation.indices import IndexNotation
from matderiv.notation.program import ProgramNotation
from matderiv.notation.text import text

__all__ = ["Difference", "Line", "deciding_line", "difference_at"]

_MOST_TERMS = 6  # of an entry that is written whole
_MOST_LETTERS = 90  # of a line
_MOST_VALUES = 8  # of entries that are named
_WORK = 4_000  # products of terms in entries that are written out
_COMMA_FROM = 10


@dataclass(frozen=True, slots=True)
class Difference:
    """An entry that differs, counted from 1: both sides in symbols and at a point."""

    place: tuple[int, ...]
    claim: str
    gradient: str
    claim_value: str
    gradient_value: str
    point: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the derivation, with definitions of names that the program does not have."""

    text: str
    values: tuple[tuple[str, str], ...] = ()


def deciding_line(question: Question, of: str) -> Line | None:
    """∂L/∂x_pq = Σ_j ∂L/∂y_pj·w_qj, the line of the derivation of ∂L/∂X; None if not proved.

    If X has a declared structure, it is the line for the independent entries.
    """
    task = question.task
    builder = Builder(task, (question.wrt,), elementwise)
    try:
        if task.way(of) is not None:
            sides = builder.structured(of).sides
            lines = [(sides[0], sides[-1])]
        else:
            lines = list(_lines(builder, of))
    except ProofError:
        return None
    notation = ProgramNotation(task, None)
    written = (" = ".join(text(notation.side(side)) for side in line) for line in lines)
    words = min(written, key=lambda line: max(len(line), _MOST_LETTERS))
    lifted = {
        name: source(value)
        for name, value in (*task.sweep.lifted.items(), *task.sweep.called.items())
        if name[0].lower() + name[1:] + "_" in words or name in words
    }
    return Line(words, tuple(lifted.items()))


def _lines(builder: Builder, of: str) -> Iterator[tuple[Side, Side]]:
    """The general entry by the chain rule, local derivatives put in; then the whole gradient."""
    chains = {c.kind: c.sides for c in builder.gradient(of, builder.sweep.gradients[of])}
    if "all entries" in chains:
        yield chains["all entries"][0], chains["all entries"][2]
    else:  # of the loss itself
        yield chains["local"][0], chains["local"][1]
    if "written out" in chains:
        yield chains["written out"][0], chains["written out"][-1]


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
    entries = question.entries(written=True)
    try:
        sides = folded(question, claim), question.gradient_beside(claim)
        with bounded(_WORK):
            forms = [entries.at(node, *places) for node in sides]
    except (TooLarge, InputError):
        forms = [(), ()]
        written = ["…", "…"]
    else:
        written = [form_text(question, form) for form in forms]
    return Difference(
        places,
        written[0],
        written[1],
        number(np.asarray(values[0])[place]),
        number(np.asarray(values[1])[place]),
        tuple(itertools.islice(_values(question, point, forms), _MOST_VALUES)),
    )


def number(value: Any) -> str:
    """An exact number as a fraction, another one with six digits.

    >>> number(Fraction(3, 2)), number(0.25)
    ('3/2', '0.25')
    """
    if isinstance(value, Fraction | int):
        return str(value)
    return str(mpmath.nstr(mpmath.mpf(value), 6)).removesuffix(".0")


def form_text(question: Question, form: Form) -> str:
    """An entry written out as a page writes it, a long one by its first and last term."""
    if len(form) <= _MOST_TERMS:
        whole = _text(question, form)
        if len(whole) <= _MOST_LETTERS:
            return whole
        if len(form) <= 2:  # noqa: PLR2004 - nothing between the first and the last
            return whole if len(whole) <= 2 * _MOST_LETTERS else "…"
    short = f"{_text(question, form[:1])} + ⋯ + {_text(question, form[-1:])}"
    return short.replace("+ -", "- ") if len(short) <= 2 * _MOST_LETTERS else "…"


def _text(question: Question, form: Form) -> str:
    """A form in index notation, ∂L/∂y_11 for an entry of dY."""
    task = question.task
    shapes = {name: shape for name, shape in question.shapes.items() if name in task.shapes}
    commas = max((dim.size for dim in question.dims), default=1) >= _COMMA_FROM
    letters = task.sum_letters
    formulas = Formulas(
        question.loss, Textbook(shapes_over(shapes)), shapes, None, commas, letters, {}
    )
    return text(IndexNotation(formulas).form(form))


def _values(question: Question, point: Point, forms: list[Form]) -> Iterator[tuple[str, str]]:
    """Name and value at a point of each quantity in two entries; of the inputs if none has any."""
    atoms = dict.fromkeys(a for form in forms for a in _atoms(form))
    found = False
    for atom in atoms:
        value = _value(question, point, atom)
        if value is not None:
            found = True
            yield _text(question, ((Term(((atom, 1),)), Fraction(1)),)), number(value)
    if found:
        return
    for name in (one for one in question.inputs if one in question.names):
        for at in np.ndindex(np.shape(point.values[name])):
            atom = Entry(name, tuple(i + 1 for i in at))
            value = _value(question, point, atom)
            yield _text(question, ((Term(((atom, 1),)), Fraction(1)),)), number(value)


def _value(question: Question, point: Point, atom: Atom) -> Any | None:
    match atom:
        case Entry(name=name, indices=indices) if name in point.values:
            return _at(point.values[name], indices)
        case Call(function=function, arg=((Term(atoms=((Entry() as inner, 1),)), c),)):
            if function in question.undefined and c == 1:
                argument = _value(question, point, inner)
                return None if argument is None else point.arithmetic.functions[function](argument)
        case Whole(function=function, letters=letters, indices=indices, arg=arg) if indices:
            of_array = _array(arg, letters)
            if of_array is not None and function in question.undefined:
                return _at(point.value(Apply(function, Name(of_array))), indices)
    return None


def _array(arg: Form, letters: tuple[tuple[str, str], ...]) -> str | None:
    """The name of the array whose general entry a form is."""
    match arg:
        case ((Term(((Entry(name=name, indices=indices), 1),), ()), 1),):
            places = tuple(1 if size == "1" else letter for letter, size in letters)
            return name if indices == places else None
    return None


def _at(value: Any, indices: tuple[Index, ...]) -> Any | None:
    if value is None:
        return None
    return value[tuple(int(i) - 1 for i in indices)] if indices else value


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
                case SizeAtom() | Whole(indices=()):
                    pass
                case _:
                    found.append(atom)
    return found
