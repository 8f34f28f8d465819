"""The same product with the names of its two factors exchanged."""

from __future__ import annotations

from matderiv.calculus.problem import Problem, understand
from matderiv.expression.nodes import MatMul, Name, Node, Transpose
from matderiv.expression.program import Assignment, Program
from matderiv.expression.shapes import infer

__all__ = ["exchanged"]


def exchanged(problem: Problem) -> Problem:
    """Y = W·X for Y = X·W, of the same sizes; the loss stays as it is.

    >>> from matderiv.api import read
    >>> exchanged(read("Y = X @ W; L = sum(f(Y))")).program.source()
    'Y = W @ X; L = sum(f(Y))'
    """
    left, right = problem.factors
    other = {left: right, right: left}
    value = problem.product.value
    assert isinstance(value, MatMul)

    def swapped(node: Node) -> Node:
        if isinstance(node, Transpose):
            return Transpose(swapped(node.arg))
        assert isinstance(node, Name)
        return Name(other[node.name])

    product = Assignment(problem.name, MatMul(swapped(value.left), swapped(value.right)))
    program = Program(
        tuple(product if a == problem.product else a for a in problem.program.assignments)
    )
    shapes = {
        name: tuple(dim.size for dim in problem.shapes[other.get(name, name)])
        for name in program.inputs()
    }
    return understand(program, infer(program, shapes=shapes))
