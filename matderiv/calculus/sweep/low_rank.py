"""Square matrices whose rank is less than their size, whatever the inputs are.

The rank of a product is at most that of each factor, that of an outer product or of a repeated row
at most 1, that of a sum at most the sum of the ranks, and that of an entrywise product at most the
product of the ranks. Rows or columns that add up to 0 are dependent, and so are those of a matrix
with an odd number of rows that is minus its own transpose. A determinant that is 0 by this has the
gradient 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping
from dataclasses import replace

from matderiv._budget import bounded
from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.calculus.sweep.vanishing import reads_zero
from matderiv.expression import nodes
from matderiv.expression.declared import as_numbers
from matderiv.expression.dims import Dim, Shape
from matderiv.expression.known_shapes import settled
from matderiv.expression.nodes import Node
from matderiv.expression.program import Assignment, Program
from matderiv.expression.readings import Reading
from matderiv.expression.source import source

__all__ = ["most_rank", "rank_is_low", "zero_determinants", "zeros_written"]

_MATRIX = 2  # dimensions
_LITTLE = 2_000  # steps of work on a sum that may be 0
_NAMES = (*"ZYPAUVHQ", *(f"Z{n}" for n in range(1, 100)))


def zero_determinants(
    program: Program, shapes: Mapping[str, Shape], declared: Container[str]
) -> tuple[Reading, ...]:
    """The determinants that are 0 at the `declared` sizes, whatever the inputs are.

    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import infer
    >>> program = parse("L = det(X @ Y)")
    >>> shapes = infer(program, shapes={"X": (3, 2), "Y": (2, 3)})
    >>> [found.part for found in zero_determinants(program, shapes, {"N", "D"})]
    ['det(X @ Y)']
    """
    plain = settled(program, shapes)
    zero, always = (_zeros(plain, shapes, sizes) for sizes in (declared, ()))
    return tuple(
        Reading(
            "zero_always" if node in always else "zero", part=source(node), other=source(node.arg)
        )
        for node in zero
    )


def zeros_written(
    program: Program, shapes: dict[str, Shape], declared: Container[str]
) -> tuple[Program, dict[str, Shape]]:
    """The program with 0 for each of these, its matrix a value that nothing uses.

    Declared sizes then have no letters, as all of that holds at those sizes alone.
    """
    plain = settled(program, shapes)
    zero = _zeros(plain, shapes, declared)
    if not zero:
        return program, shapes
    program = plain

    def written(node: Node) -> Node:
        if node in zero:
            return nodes.ZERO
        return nodes.rebuilt(node, map(written, nodes.children(node)))

    known, made = dict(shapes), dict[str, Node]()
    for assignment in program.assignments:
        for node in nodes.walk(assignment.value):
            if not isinstance(node, nodes.Determinant) or node not in zero:
                continue
            if not isinstance(node.arg, nodes.Name):
                taken = {name.lower() for name in known}
                name = next(name for name in _NAMES if name.lower() not in taken)
                known[name], made[name] = shapes_over(shapes)(node.arg), written(node.arg)
        made[assignment.name] = written(assignment.value)
    dims = {dim for shape in known.values() for dim in shape}
    fixed = {dim.symbol for dim in dims if _number(dim, declared, program)}
    assignments = tuple(Assignment(name, value) for name, value in made.items())
    return replace(program, assignments=assignments), as_numbers(known, fixed)


def _zeros(
    program: Program, shapes: Mapping[str, Shape], declared: Container[str]
) -> tuple[nodes.Determinant, ...]:
    parts = (part for a in program.assignments for part in nodes.walk(a.value))
    found = dict.fromkeys(part for part in parts if isinstance(part, nodes.Determinant))
    is_low = rank_is_low(program, shapes, declared) if found else None
    return tuple(node for node in found if is_low and is_low(node.arg))


def rank_is_low(
    program: Program, shapes: Mapping[str, Shape], declared: Container[str]
) -> Callable[[Node], bool]:
    """Whether a square matrix of a program has no inverse at the `declared` sizes, by its rank.

    Letters that nobody declared stand for every size.
    """
    shape, rank = shapes_over(shapes), most_rank(program, shapes, declared)
    values = {a.name: a.value for a in program.assignments}

    def is_zero(node: Node) -> bool:
        with bounded(_LITTLE):
            return reads_zero(node, Facts(shape), values)

    def is_low(matrix: Node) -> bool:
        rows = _number(shape(matrix)[0], declared, program)
        if rows is not None and rank(matrix) < rows:
            return True
        if any(is_zero(nodes.Sum(matrix, axis)) for axis in (0, 1)):
            return True
        odd = rows is not None and rows % 2 == 1
        return odd and is_zero(nodes.Add(matrix, nodes.Transpose(matrix)))

    return is_low


def most_rank(
    program: Program, shapes: Mapping[str, Shape], declared: Container[str]
) -> Callable[[Node], float]:
    """The most that the rank of a matrix of a program can be, infinite where no number bounds it.

    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import infer
    >>> program = parse("L = det(outer(x, x) + outer(y, y))")
    >>> most_rank(program, infer(program), ())(program.loss.value.arg)
    2
    """
    shape = shapes_over(shapes)
    ranks: dict[str, float] = {}

    def size(dim: Dim) -> float:
        return _number(dim, declared, program) or math.inf

    def repeated(part: Node, whole: Node) -> float:
        """The rank of an operand; a number, a row or a column that is repeated has rank 1."""
        return rank(part) if shape(part) == shape(whole) else 1

    def rank(node: Node) -> float:
        """The most that the rank of a matrix can be."""
        most = min(map(size, shape(node)))
        match node:
            case nodes.Name(name):
                return ranks.get(name, most)
            case nodes.Outer() | nodes.Ones():
                return min(most, 1)
            case nodes.MatMul(left, right):
                return min(most, rank(left), rank(right))
            case nodes.Transpose(arg) | nodes.Negate(arg):
                return rank(arg)
            case nodes.Multiply(one, other):
                return min(most, repeated(one, node) * repeated(other, node))
            case nodes.Divide(arg, factor) if shape(factor) != shape(node):
                return min(most, repeated(arg, node))
            case nodes.Add(one, other) | nodes.Subtract(one, other):
                return min(most, repeated(one, node) + repeated(other, node))
        return most

    for assignment in program.assignments:
        if len(shapes[assignment.name]) == _MATRIX:
            ranks[assignment.name] = rank(assignment.value)

    return rank


def _number(dim: Dim, declared: Container[str], program: Program) -> int | None:
    """A size that has no letter, or a declared one that the program does not write."""
    fixed = dim.symbol.isdigit() or (dim.symbol in declared and dim.symbol not in program.letters())
    return dim.size if fixed else None
