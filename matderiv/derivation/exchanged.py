"""The same product with the names of its two factors exchanged, as some books write it."""

from __future__ import annotations

from matderiv.calculus.sweep.sweep import replaced
from matderiv.calculus.sweep.task import Task, task_of
from matderiv.expression.declared import like
from matderiv.expression.nodes import MatMul, Name, transposed, walk
from matderiv.expression.program import Assignment, Program
from matderiv.expression.shapes import infer

__all__ = ["exchanged"]

_MATRIX = 2  # dimensions


def exchanged(task: Task) -> Task | None:
    """Y = W·X for Y = X·W, at the same sizes; None where the program is more than one product.

    >>> from matderiv.calculus.sweep.task import read_task
    >>> other = exchanged(read_task("Y = X.T @ W; L = sum(f(Y))", ("X", "W")))
    >>> other.program.source(), other.wrt
    ('Y = W.T @ X; L = sum(f(Y))', ('W', 'X'))
    """
    program, shapes = task.program, task.shapes
    factors = [name for name in program.inputs() if len(shapes[name]) == _MATRIX]
    inside = [node for a in program.assignments for node in walk(a.value)]
    used = [node.name for node in inside if isinstance(node, Name) and node.name in factors]
    products = [node for node in inside if isinstance(node, MatMul)]
    if len(products) != 1 or sorted(used) != sorted(factors) or len(factors) != len("XW"):
        return None
    if any(len(shapes[name]) == 1 for name in program.inputs()) or task.assumed:
        return None
    if not all(
        isinstance(node, Name) or isinstance(transposed(node), Name)
        for node in (products[0].left, products[0].right)
    ):
        return None
    other = dict(zip(factors, reversed(factors), strict=True))
    names = {name: Name(new) for name, new in other.items()}
    made = Program(tuple(Assignment(a.name, replaced(a.value, names)) for a in program.assignments))
    sizes = {
        name: tuple(dim.size for dim in shapes[other.get(name, name)]) for name in made.inputs()
    }
    wrt = tuple(name for name in made.inputs() if other.get(name, name) in task.wrt)
    turned = {name: shapes[other.get(name, name)] for name in made.inputs()}
    return task_of(made, wrt, like(infer(made, shapes=sizes), turned), {})
