"""A question for a derivative of an array: read, checked and answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from matderiv.calculus.sweep.array_derivatives import (
    ArrayProgram,
    Found,
    gradient_program,
    jacobian_of,
    pulled_back,
    pushed_forward,
)
from matderiv.calculus.sweep.task import chosen
from matderiv.errors import InputError, ShapeError
from matderiv.expression.assumptions import ASSUMPTIONS, Assumed
from matderiv.expression.program import Program
from matderiv.expression.shapes import Shape
from matderiv.expression.vocabulary import KNOWN, did_you_mean
from matderiv.notation.array_forms import FORMS

__all__ = [
    "Asked",
    "answer_at",
    "array_program",
    "gradient_at",
    "question_of",
    "with_direction",
    "with_layout",
    "written_form",
]

#: Whether the axes of Y come before those of X, or after them.
_LAYOUTS = ("numerator", "denominator")

_MATRIX = 2  # dimensions


@dataclass(frozen=True, slots=True)
class Asked:
    """The question: one of `_KINDS` of derivatives of a program, by one input or two.

    `assume`: what is assumed of other inputs. `tied`: what is assumed of those that it is by, of
    which it takes all entries as if each were free.
    """

    kind: str
    program: Program
    wrt: tuple[str, ...]
    assume: tuple[tuple[str, str], ...]
    layout: str = "numerator"
    direction: str = ""
    tied: tuple[tuple[str, str], ...] = ()


def question_of(
    kind: str,
    program: Program,
    known: Mapping[str, Shape],
    assumed: Assumed,
    wrt: str | Iterable[str] | None,
) -> Asked:
    """The derivative of a program by inputs: two at most of a Hessian, and one of the others.

    Raises:
        InputError: `wrt` names no input or too many, or has to be said.
    """
    named = (wrt,) if isinstance(wrt, str) else None if wrt is None else tuple(wrt)
    given = 0 if named is None else len(named)
    named = named and tuple(dict.fromkeys(named))
    names = chosen(program, named, known)
    bound = {n for n, what in assumed.items() if ASSUMPTIONS[what].gradient == "own"}
    free = tuple(name for name in names if name not in bound)
    if named is None and len(free) > 1 and kind != "jacobian":
        raise InputError(
            f"Several inputs are arrays: {', '.join(free)}; say by which one with wrt, or --wrt."
        )
    if named is None:
        names = free or names
        names = names[:1] if kind == "jacobian" else names
    given = max(given, len(names))
    if given > (2 if kind == "hessian" else 1):
        what = "two inputs" if kind == "hessian" else "one input"
        raise InputError(f"It is by {what} at most, and wrt names {given}; leave some out.")
    tied = tuple((name, what) for name, what in assumed.items() if name in bound & {*names})
    others = tuple(pair for pair in assumed.items() if pair not in tied)
    return Asked(kind, program, names, others, tied=tied)


def with_layout(asked: Asked, layout: str, known: Mapping[str, Shape]) -> Asked:
    """The question with a layout, of which there are two unless one side is a number."""
    if layout not in _LAYOUTS:
        raise InputError(
            f"There is no layout {layout[:40]!r}; there are {' and '.join(_LAYOUTS)}."
            + did_you_mean(layout, _LAYOUTS)
        )
    value, (name,) = asked.program.loss.name, asked.wrt
    if not (known[value] and known[name]):
        scalar, other = (value, name) if not known[value] else (name, value)
        raise InputError(
            f"{scalar} is a number, so the derivative has the shape of {other} in either layout; "
            "leave the layout out."
        )
    return replace(asked, layout=layout)


def with_direction(asked: Asked, direction: str | None, known: Mapping[str, Shape]) -> Asked:
    """The question with a direction: a name that is clear, and by default a new one."""
    of = asked.program.loss.name if asked.kind == "vjp" else asked.wrt[0]
    shape = known[of]
    array = array_program(asked.program, known, {})
    if direction is None:
        wishes = (("tau", "nu"), ("v", "u", "z"), ("V", "U", "Z"))[min(len(shape), _MATRIX)]
        direction = array.free(*wishes)
    elif not direction.isidentifier() or not direction.isascii() or direction.startswith("_"):
        raise InputError(f"{direction[:40]!r} is not a name for a direction, such as v.")
    elif direction in asked.wrt or direction in {a.name for a in asked.program.assignments}:
        raise InputError(
            f"{direction} changes with {asked.wrt[0]}, and a direction is held fixed; give it "
            f"another name, such as {array.free('v', 'u')}."
        )
    elif direction in known and direction in asked.program.inputs():
        if known[direction] != shape:
            one, other = (
                "×".join(d.symbol for d in s) or "a number" for s in (known[direction], shape)
            )
            raise ShapeError(
                f"The direction {direction} is {one} in the program, but {of} is {other}; give the "
                f"direction another name, such as {array.free('v', 'u')}."
            )
    elif array.free(direction) != direction or direction in {*KNOWN, "pi"}:
        raise InputError(
            f"{direction} has another meaning in the program; call the direction "
            f"{array.free('v', 'u')}."
        )
    return replace(asked, direction=direction)


def written_form(form: str | None, found: Found, asked: Asked, known: Mapping[str, Shape]) -> str:
    """The form to write a derivative in."""
    if form is not None and form not in FORMS:
        raise InputError(
            f"There is no form {form[:40]!r}; there are {', '.join(FORMS)}."
            + did_you_mean(form, FORMS)
        )
    if form in ("vec", "vec-rows"):
        value = asked.wrt[0] if asked.kind == "hessian" else asked.program.loss.name
        for name in (value, asked.wrt[-1]):
            if len(known[name]) > _MATRIX:
                raise InputError(
                    f"{name} has {len(known[name])} axes, and vec is of matrices; "
                    "choose the form einsum or index."
                )
    if form == "index":
        return form
    return "formula" if found.matrix else form or "einsum"


def array_program(program: Program, known: Mapping[str, Shape], assumed: Assumed) -> ArrayProgram:
    """A program with the shapes of its names; its last value has a name unless that is L."""
    return ArrayProgram(program, known, assumed, named=program.loss.name != "L")


def answer_at(asked: Asked, shapes: Mapping[str, Shape]) -> Found:
    """The answer at these shapes, proved; each question is answered once.

    Raises:
        ProofError: it is not proved.
        UnsupportedError: the formula is too long, or not seen to be linear.
    """
    return _found(asked, tuple(shapes.items()))


@lru_cache(maxsize=64)
def _found(asked: Asked, shape_of_names: tuple[tuple[str, Shape], ...]) -> Found:
    """Derived, read off and proved."""
    of = array_program(asked.program, dict(shape_of_names), dict(asked.assume))
    return _KINDS[asked.kind](of, asked)


def gradient_at(asked: Asked, shapes: Mapping[str, Shape]) -> ArrayProgram:
    """The program that ends in the gradient by the first input, which is derived once.

    Raises:
        ProofError: it is not proved.
        UnsupportedError: it is too long, or holds the derivative of an undefined function.
    """
    return _gradient(asked.program, asked.wrt[0], asked.assume, tuple(shapes.items()))


@lru_cache(maxsize=64)
def _gradient(
    program: Program,
    wrt: str,
    assume: tuple[tuple[str, str], ...],
    shape_of_names: tuple[tuple[str, Shape], ...],
) -> ArrayProgram:
    return gradient_program(array_program(program, dict(shape_of_names), dict(assume)), wrt)


_Kinds = Mapping[str, Callable[[ArrayProgram, Asked], Found]]
_KINDS: _Kinds = {
    "jacobian": lambda of, asked: jacobian_of(
        of, asked.wrt[0], denominator=asked.layout == "denominator"
    ),
    "hessian": lambda of, asked: jacobian_of(gradient_at(asked, of.shapes), asked.wrt[-1]),
    "jvp": lambda of, asked: pushed_forward(of, asked.wrt[0], asked.direction),
    "vjp": lambda of, asked: pulled_back(of, asked.wrt[0], asked.direction),
    "hvp": lambda of, asked: pulled_back(
        gradient_at(asked, of.shapes), asked.wrt[0], asked.direction
    ),
}
