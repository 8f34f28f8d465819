"""Programs that are like a given one: one thing in them is another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from matderiv.calculus.formulas.mistakes import other_reduction
from matderiv.expression import nodes
from matderiv.expression.definitions import read_at
from matderiv.expression.nodes import Name, Node, parts_with_rebuild
from matderiv.expression.program import Assignment, Program
from matderiv.expression.vocabulary import ELEMENTWISE

__all__ = ["Variant", "regularised", "variants"]


@dataclass(frozen=True, slots=True)
class Variant:
    """A program; the inputs that are `turned` are the other way round in it."""

    program: Program
    turned: frozenset[str] = frozenset()


def variants(program: Program, arrays: tuple[str, ...]) -> list[Variant]:
    """Programs that differ from one in a function, a loss, a transpose, an axis or a term.

    `arrays` are the inputs that are arrays. Not every one of them need have shapes that fit.

    >>> from matderiv.expression.parse import parse
    >>> for v in variants(parse("L = Loss(tanh(X))"), ("X",))[:4]: print(v.program.source())
    L = Loss(sigmoid(X))
    L = Loss(softplus(X))
    L = Loss(sin(X))
    L = sum(log(1 + exp(tanh(X))))
    """
    found = [Variant(made) for change in _CHANGES for made in _changed(program, change)]
    found += _turned(program, arrays)
    found += [Variant(made) for name in arrays for made in regularised(program, name)]
    return list(dict.fromkeys(variant for variant in found if variant.program != program))


def regularised(program: Program, name: str) -> Iterator[Program]:
    """The program with a term more in its loss, one that depends on an input alone."""
    taken = program.names() | program.functions()
    letter = next((g for g in _WEIGHTS if g not in taken), None)
    if letter is None:
        return
    for penalty in _PENALTIES:
        more = nodes.Multiply(Name(letter), read_at(penalty, Name(name)))
        *before, loss = program.assignments
        yield Program((*before, Assignment(loss.name, nodes.Add(loss.value, more))))


#: The terms, and names of the number in front of them.
_PENALTIES = ("sum(u**2)", "sum(sqrt(1 + u**2))", "sum(log(1 + u**2))")
_WEIGHTS = ("lam", "mu", "alpha", "beta", "gamma")


def _changed(program: Program, change: Callable[[Node], Iterator[Node]]) -> Iterator[Program]:
    """The program with one part of one value changed."""
    for number, assignment in enumerate(program.assignments):
        for part, rebuild in parts_with_rebuild(assignment.value):
            for other in change(part):
                made = list(program.assignments)
                made[number] = Assignment(assignment.name, rebuild(other))
                yield Program(tuple(made))


def _turned(program: Program, arrays: tuple[str, ...]) -> Iterator[Variant]:
    """The program with the transpose of an input that it uses once, as a factor of a product."""
    used = [n.name for a in program.assignments for n in nodes.walk(a.value) if isinstance(n, Name)]
    for name in arrays:
        if used.count(name) != 1 or not name[0].isupper():
            continue
        change = partial(_with_transpose, Name(name))
        yield from (Variant(made, frozenset({name})) for made in _changed(program, change))


def _with_transpose(x: Name, part: Node) -> Iterator[Node]:
    match part:
        case nodes.MatMul(left, right):
            if x in (left, nodes.transposed(left)):
                yield nodes.MatMul(nodes.transposed(left), right)
            if x in (right, nodes.transposed(right)):
                yield nodes.MatMul(left, nodes.transposed(right))


# -- changes of one part -----------------------------------------------------------------------

#: Functions that any other may be exchanged for: they are defined and smooth everywhere.
_FUNCTIONS = ("tanh", "sigmoid", "softplus", "sin")

#: Functions that stand where their arguments have to be positive, or that have no derivative.
_KEPT = ("log", "sqrt", "step", "sign")


def _function(part: Node) -> Iterator[Node]:
    """Another function of each entry."""
    if isinstance(part, nodes.Apply) and part.function not in _KEPT:
        for function in _FUNCTIONS:
            if function != part.function:
                yield nodes.Apply(function, part.arg)
        if part.function not in ELEMENTWISE:
            for formula in ("sqrt(1 + u**2)", "log(1 + u**2)", "u*exp(u)"):
                yield read_at(formula, part.arg)


def _loss(part: Node) -> Iterator[Node]:
    """Another scalar function of the same array."""
    formulas: tuple[str, ...]
    match part:
        case nodes.Functional(_, arg):
            formulas = ("sum(log(1 + exp(u)))", "sum(u**2)", "norm(u)")
        case nodes.Norm(arg):
            formulas = ("sum(u**2)", "sum(sqrt(1 + u**2))")
        case nodes.Sum(nodes.Power(arg, nodes.TWO), None):
            formulas = ("sum(sqrt(1 + u**2))", "sum(log(1 + u**2))", "norm(u)")
        case nodes.Sum(nodes.Apply(function, arg), None) if function not in ELEMENTWISE:
            formulas = ("sum(u**2)",)
        case _:
            return
    yield from (read_at(formula, arg) for formula in formulas)


#: Other functions of a square matrix.
_OF_MATRICES: dict[type, tuple[str, ...]] = {
    nodes.LogDet: ("tr(inv(u))", "det(u)"),
    nodes.Determinant: ("logdet(u)",),
    nodes.Trace: ("sum(u**2)",),
}


def _whole(part: Node) -> Iterator[Node]:
    """Another function of a square matrix."""
    for formula in _OF_MATRICES.get(type(part), ()):
        yield read_at(formula, *nodes.children(part))


def _axis(part: Node) -> Iterator[Node]:
    """The other axis."""
    if isinstance(part, nodes.Reduction | nodes.AlongAxis) and part.axis is not None:
        yield replace(part, axis=1 - part.axis)


_CHANGES = (_function, _loss, _whole, other_reduction, _axis)
