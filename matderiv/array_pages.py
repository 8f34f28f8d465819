"""Pages about Jacobians and Hessians, from the derivatives that they end in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from matderiv.array_questions import Asked, answer_at, array_program, gradient_at
from matderiv.calculus.sweep.array_derivatives import (
    ArrayProgram,
    Found,
    curvature,
)
from matderiv.calculus.sweep.array_steps import ArrayNames, ArraySteps, array_steps
from matderiv.calculus.sweep.second import second_opinion_on
from matderiv.calculus.sweep.task import Task, task_of
from matderiv.derivation.array_steps import ArrayDerivation, derived_array
from matderiv.derivation.exercises.arrays import ArrayMatter, Penalised
from matderiv.derivation.links import Chain, ProvedSteps, Step
from matderiv.derivation.methods.table import METHODS, usual_method
from matderiv.derivation.program import Builder, build_program
from matderiv.errors import InputError, MatderivError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.program import Assignment, Program
from matderiv.expression.readings import Reading
from matderiv.expression.shapes import Shape
from matderiv.product_pages import gradient_in_values

__all__ = ["ArrayWishes", "derive_array", "given_for_exercises"]

_MATRIX = 2  # dimensions
_NO_STEP = "Newton's step is of the Hessian by one vector; ask for that."


@dataclass(frozen=True, slots=True)
class ArrayWishes:
    """The options of a page.

    `readings`: how the program was read; `by_rows`: whether vec reads arrays row by row; `newton`:
    whether Newton's step is asked for; `vector`: whether exercises need a vector for Jᵀv.
    """

    readings: tuple[Reading, ...] = ()
    by_rows: bool = False
    newton: bool = False
    vector: bool = False


_USUAL = ArrayWishes()


def derive_array(
    asked: Asked, found: Found, shapes: Mapping[str, Shape], wishes: ArrayWishes = _USUAL
) -> ArrayDerivation:
    """The steps to a Jacobian of an array, or to a Hessian, that was found.

    Raises:
        InputError: there is no Newton's step of it, or two names cannot be told apart on a page.
        ProofError: a link is not proved.
        UnsupportedError: a value is too long in one piece.
    """
    of = array_program(asked.program, shapes, dict(asked.assume))
    if wishes.newton and (asked.kind != "hessian" or len(found.dims) != _MATRIX):
        raise InputError(_NO_STEP)
    if wishes.newton and found.vanishes:
        raise InputError(
            f"{asked.program.loss.name} is linear in {asked.wrt[0]} where it is smooth: its "
            "Hessian is 0, and there is no Newton's step; leave newton out."
        )
    if asked.kind == "hessian":
        about, gradient = _hessian(of, asked, found, wishes)
        about = replace(about, names=replace(about.names, by_rows=wishes.by_rows))
        curved = curvature(found, of, asked.wrt[0]) if about.names.once else None
        return derived_array(about, gradient, curved)
    name = asked.program.loss.name
    if not of.named:
        name = of.clear(*("yzup" if len(of.shape) == 1 else "YZUP"))
    turned = asked.layout == "denominator"
    names = ArrayNames(
        name,
        asked.wrt[0],
        of.clear("J", "D", "K"),
        turned=turned,
        by_rows=wishes.by_rows,
        vector=(
            of.clear(*"vuza")
            if wishes.vector and found.matrix and len(found.dims) == _MATRIX and not turned
            else ""
        ),
    )
    about = array_steps(of, found, names)
    about = replace(about, task=replace(about.task, readings=wishes.readings))
    return derived_array(about)


def _hessian(
    of: ArrayProgram, asked: Asked, found: Found, wishes: ArrayWishes
) -> tuple[ArraySteps, ProvedSteps]:
    """The steps of the gradient's Jacobian, and those to the gradient, by differentials."""
    wrt, by = asked.wrt[0], asked.wrt[-1]
    task = task_of(of.program, (wrt,), of.shapes, of.assumed)
    usual = usual_method(task)
    method = "differential" if usual == "elementwise" else usual
    task = replace(task, method=method, readings=wishes.readings)
    gradient = build_program(task, (wrt,), route=METHODS[method])
    formula = gradient_at(asked, of.shapes).value
    steps = (*gradient.steps, *_in_one_piece(task, wrt, formula))
    gradient = replace(gradient, steps=steps, second=second_opinion_on(task))
    again = gradient_in_values(task, wrt, formula)
    shape = again.shape
    once = of.program.loss.name if wrt == by else ""
    if wishes.newton and not once:
        raise InputError(_NO_STEP)
    step = again.clear(*"stdhq") if wishes.newton else ""
    vector = again.clear("z", "v", "u", "a") if once and len(shape) == 1 else ""
    letter = again.program.loss.name
    names = ArrayNames(letter, by, again.clear("H", "K", "Q"), once=once, vector=vector, step=step)
    # a page about a vector has few names; ⊗ is read off products of names alone
    lifted = len(found.dims) > _MATRIX
    return array_steps(again, found, names, lifted=lifted), gradient


def _in_one_piece(task: Task, wrt: str, formula: Node) -> tuple[Step, ...]:
    """The gradient with the gradients put in that its formula mentions, if it does."""
    own = task.whole(wrt, task.sweep.gradients[wrt].formula)
    last = task.whole(wrt, formula)
    if own == last:
        return ()
    builder = Builder(task, (wrt,), METHODS["elementwise"])
    links = tuple(builder.rewritten(wrt, own, [("put in", last)]))
    return (Step("matrix", (Chain("assembled", links),), wrt),)


def given_for_exercises(
    asked: Asked, shapes: Mapping[str, Shape], names: ArrayNames
) -> ArrayMatter:
    """The product with a vector, and the Hessian of a loss with a penalty, where there are such."""
    if not names.vector:
        return ArrayMatter(None, None)
    kind = "hvp" if names.once else "vjp"
    try:
        product = answer_at(replace(asked, kind=kind, direction=names.vector), shapes).node
    except MatderivError:
        return ArrayMatter(None, None)
    if not names.once:
        return ArrayMatter(product, None)
    return ArrayMatter(product, lambda: _penalised(asked, shapes, names))


def _penalised(asked: Asked, shapes: Mapping[str, Shape], names: ArrayNames) -> Penalised | None:
    """The Hessian of L + c·xᵀx, if it is seen to be semidefinite."""
    x = nodes.Name(asked.wrt[0])
    *before, last = asked.program.assignments
    number = array_program(asked.program, shapes, {}).clear("rho", "tau", "nu")
    term = nodes.Multiply(nodes.Name(number), nodes.MatMul(x, x))
    program = Program((*before, Assignment(last.name, nodes.Add(last.value, term))))
    of = array_program(program, {**shapes, number: ()}, dict(asked.assume))
    found = answer_at(replace(asked, program=program), of.shapes)
    curved = curvature(found, of, x.name)
    if curved is None or not curved.sign:
        return None
    task = task_of(program, asked.wrt[:1], of.shapes, of.assumed)
    array = of.clear(*(name for name in "KQMH" if name != names.array))
    return Penalised(task, array, term, found.node, curved)
