"""Prediction minus truth, and gradients whose entries add up to 0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.calculus.formulas.flattened import split_scalars, terms
from matderiv.calculus.sweep.sweep import replaced
from matderiv.derivation.meanings.statements import (
    Along,
    Candidate,
    Equality,
    MeaningKind,
    Shown,
    Unfolded,
    along_of,
    gradient_name,
    zeros_like,
)
from matderiv.expression import nodes
from matderiv.expression.assumptions import ASSUMPTIONS
from matderiv.expression.nodes import Name, Node
from matderiv.expression.readings import targets

__all__ = ["even", "residual"]


def residual(program: Unfolded) -> Iterator[Candidate]:
    """∂L/∂Z = c(P - T): prediction minus truth; 0 where P = T, in sum where softmax made P."""
    task = program.task
    truth = {*targets(task.program)}
    truth |= {name for name, what in task.assumed.items() if ASSUMPTIONS[what].rows}
    for name, _ in program.named:
        if not program.free(name):
            continue
        formula = task.sweep.gradients[name].formula
        prediction = _less(formula, truth, program.shape)
        if prediction is None:
            continue
        at_truth = replaced(formula, {prediction[0]: Name(prediction[1])})
        own, zero = gradient_name(name), (Name(prediction[0]), Name(prediction[1]))
        claims = (Equality(own, formula), Equality(at_truth, zeros_like(zero[1])))
        yield "residual", {"equation": (own, formula), "zero": zero}, claims
        for value in task.sweep.graph.values:
            match value.value:
                case nodes.Softmax(Name(of), axis) if of == name:
                    yield even(program, name, axis)


def even(program: Unfolded, name: str, axis: int | None) -> Candidate:
    """The sum of ∂L/∂X along an axis is 0."""
    own = gradient_name(name)
    along = along_of(axis, len(program.shape(own)))
    axis = None if along == "all" else axis
    claim = Equality(nodes.Sum(own, axis), zeros_like(nodes.Sum(Name(name), axis)))
    shown: Shown = {"dX": own, "X": Name(name), "L": Name(program.task.loss)}
    return _EVEN[along], shown, (claim,)


_EVEN: Mapping[Along, MeaningKind] = {"row": "even_row", "col": "even_col", "all": "even_all"}


def _less(formula: Node, truth: set[str], shape: ShapeOf) -> tuple[str, str] | None:
    """The names of P and T in c(P - T) or c(T - P)."""
    _, _, arrays = split_scalars(formula, shape)
    if len(arrays) != 1 or arrays[0][1] != nodes.ONE:
        return None
    match sorted(terms(arrays[0][0]), key=lambda term: term[1] in {Name(name) for name in truth}):
        case [(one, Name(prediction)), (other, Name(true))] if one == -other and true in truth:
            return prediction, true
    return None
