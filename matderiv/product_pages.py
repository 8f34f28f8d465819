"""Products of Jacobians and Hessians with a direction, as gradients of numbers in steps.

vᵀJ is the gradient of ⟨v, y⟩ by x, Hv that of ⟨v, g⟩ with the gradient g of the loss, and Jv that
of ⟨v, Jᵀu⟩ by a free u. So each is one ordinary derivation, or two of them in a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from matderiv.array_questions import Asked, array_program, gradient_at
from matderiv.calculus.formulas.flattened import formula_key
from matderiv.calculus.sweep.array_derivatives import ArrayProgram, Found, gradient_program
from matderiv.calculus.sweep.second import second_opinion_on
from matderiv.calculus.sweep.sweep import replaced
from matderiv.calculus.sweep.task import Task, task_of
from matderiv.calculus.sweep.value_names import with_value_names
from matderiv.derivation.links import Chain, ProvedSteps
from matderiv.derivation.methods.table import METHODS, usual_method
from matderiv.derivation.program import Builder, build_program
from matderiv.errors import UnsupportedError
from matderiv.expression.nodes import Node
from matderiv.expression.program import Assignment, Program
from matderiv.expression.readings import Reading
from matderiv.expression.shapes import Shape

__all__ = ["derived", "ending_in", "gradient_and_program", "gradient_in_values", "product_steps"]

_MATRIX = 2  # dimensions


def product_steps(
    asked: Asked,
    found: Found,
    shapes: dict[str, Shape],
    readings: Sequence[Reading] = (),
    *,
    board: bool = False,
) -> tuple[ProvedSteps, ...]:
    """The steps to a product with a direction: those to the gradient first, if there are any.

    `board`: by differentials, where all arrays are matrices, and with SymPy's opinion.

    Raises:
        ProofError: a link is not proved.
        UnsupportedError: the gradient is a constant, so the product is 0.
    """
    of = array_program(asked.program, shapes, dict(asked.assume))
    wrt, v = asked.wrt[0], asked.direction
    if board:
        of = _named(of, v)
    if asked.kind == "vjp":
        return (_ended(of.along(v), wrt, found, readings, board=board),)
    of = replace(of, shapes={**of.shapes, v: of.shapes[wrt]})  # no value takes that name
    by = wrt
    if asked.kind == "hvp":
        formula = gradient_at(asked, of.shapes).value
    else:
        by = of.clear(*_wishes(of.shape))
        of = of.along(by)
        formula = gradient_program(of, wrt).value
    array, first = gradient_and_program(of, wrt, formula, readings, board=board)
    if by not in array.shapes:
        raise UnsupportedError(
            f"The gradient by {wrt} does not hold {by}, so the product with {v} is 0: there are no "
            "steps to show."
        )
    total = first.task.loss
    paired = replace(array, shapes={**array.shapes, total: ()}).along(v)
    kept = {name: shape for name, shape in paired.shapes.items() if name != total}
    paired = replace(paired, shapes=kept)
    return _without(first, v), _ended(paired, by, found, (), board=board)


def _named(of: ArrayProgram, direction: str) -> ArrayProgram:
    """The program whose last value has a name of ours, if it has none of the user's."""
    if of.named or not of.shape:
        return replace(of, named=True)
    *before, last = of.program.assignments
    taken = replace(of, shapes={**of.shapes, direction: ()})
    name = taken.clear(*("yzup" if len(of.shape) == 1 else "YZUP"))
    shapes = {old: shape for old, shape in of.shapes.items() if old != last.name}
    program = Program((*before, Assignment(name, last.value)))
    return replace(of, program=program, shapes={**shapes, name: of.shape}, named=True)


def _without(steps: ProvedSteps, name: str) -> ProvedSteps:
    """The steps of a program that does not know of a name."""
    graph = steps.task.sweep.graph
    shapes = {of: shape for of, shape in graph.shapes.items() if of != name}
    swept = replace(steps.task.sweep, graph=replace(graph, shapes=shapes))
    return replace(steps, task=replace(steps.task, sweep=swept))


def _wishes(shape: Shape) -> tuple[str, ...]:
    return (("tau", "nu"), ("u", "z", "a"), ("U", "Z", "C"))[min(len(shape), _MATRIX)]


def _ended(
    array: ArrayProgram, wrt: str, found: Found, readings: Sequence[Reading], *, board: bool
) -> ProvedSteps:
    """The gradient of a program by an input in steps, the last of them to a formula."""
    steps = derived(array, wrt, readings, board=board)
    return ending_in(steps, wrt, found.node)


def derived(
    array: ArrayProgram, wrt: str, readings: Sequence[Reading] = (), *, board: bool = False
) -> ProvedSteps:
    """The gradient of a number by an input, in steps."""
    task = task_of(array.program, (wrt,), array.shapes, array.assumed)
    usual = usual_method(task)
    method = "differential" if board and usual == "elementwise" else usual
    task = replace(task, method=method, readings=tuple(readings))
    steps = build_program(task, (wrt,), route=METHODS[method])
    return replace(steps, second=second_opinion_on(task)) if board else steps


def gradient_and_program(
    of: ArrayProgram,
    wrt: str,
    formula: Node,
    readings: Sequence[Reading] = (),
    *,
    board: bool = False,
) -> tuple[ArrayProgram, ProvedSteps]:
    """The program that ends in the gradient, and the steps to it, in the same names."""
    steps = derived(of, wrt, readings, board=board)
    array = gradient_in_values(steps.task, wrt, formula)
    for end in (steps.task.whole(wrt, formula), array.value):
        steps = ending_in(steps, wrt, end)
    shapes = {n: shape for n, shape in array.shapes.items() if n in array.program.names()}
    return replace(array, shapes=shapes), steps


def gradient_in_values(task: Task, wrt: str, formula: Node) -> ArrayProgram:
    """The program that ends in the gradient, all its values named as on the page about that."""
    graph = task.sweep.graph
    lifted = task.sweep.lifted
    *values, _ = graph.values
    known = {formula_key(a.value): a.name for a in values}
    known |= {formula_key(lifted[a.name]): a.name for a in values if a.name in lifted}
    told = task.whole(wrt, with_value_names(formula, known, but=wrt))
    shapes = dict(graph.shapes)
    before = ArrayProgram(Program(tuple(graph.values)), shapes, task.assumed)
    shape = shapes[wrt]
    name = before.clear(*(("g", "h", "r"), ("G", "R", "Q"))[len(shape) >= _MATRIX])
    program = Program((*values, Assignment(name, told)))
    return ArrayProgram(program, {**shapes, name: shape}, task.assumed)


def ending_in(steps: ProvedSteps, wrt: str, formula: Node) -> ProvedSteps:
    """The steps with one more link at their end, to another formula of the answer."""
    last = steps.answer(wrt)
    if last == formula:
        return steps
    rewrites = [*_in_one_piece(steps, last), formula]
    stages = replace(steps.task.sweep.gradients[wrt], formula=formula)
    gradients = {**steps.task.sweep.gradients, wrt: stages}
    task = replace(steps.task, sweep=replace(steps.task.sweep, gradients=gradients))
    builder = Builder(task, (wrt,), METHODS["elementwise"])
    links = builder.rewritten(wrt, last, [("put in", new) for new in rewrites])
    kinds = ("matrix", "structure", "zero")
    place = max(n for n, s in enumerate(steps.steps) if s.kind in kinds and s.wrt == wrt)
    *before, chain = steps.steps[place].chains
    longer = replace(
        steps.steps[place], chains=(*before, Chain(chain.kind, (*chain.links, *links)))
    )
    return replace(steps, steps=(*steps.steps[:place], longer, *steps.steps[place + 1 :]))


def _in_one_piece(steps: ProvedSteps, formula: Node) -> Iterator[Node]:
    """The formula with the gradients put in that it mentions, those in these next."""
    task = steps.task
    known = {f"d{of}": task.whole(of, g.formula) for of, g in task.sweep.gradients.items()}
    while (put := replaced(formula, known)) != formula:
        yield put
        formula = put
