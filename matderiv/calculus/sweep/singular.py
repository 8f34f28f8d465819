"""Divisors that are 0, and matrices that are singular, whatever the inputs are."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Mapping

from matderiv.calculus.formulas.broadcasting import filled, is_fixed
from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.calculus.formulas.tidying import tidy
from matderiv.calculus.sweep.low_rank import most_rank, rank_is_low
from matderiv.calculus.sweep.vanishing import reads_zero
from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.dims import Shape
from matderiv.expression.known_shapes import settled, sized_for
from matderiv.expression.nodes import Node
from matderiv.expression.program import Program
from matderiv.expression.source import source

__all__ = ["refuse_singular"]

_OF_A_SQUARE = (nodes.Inverse, nodes.LogDet, nodes.Determinant)
_LARGEST = 6  # a size at which matrices are worked out; larger ones keep their order


def refuse_singular(
    program: Program, shapes: Mapping[str, Shape], declared: Container[str]
) -> None:
    """No formula divides by the spread of one entry, or by a matrix that has no inverse anywhere.

    That is proved where the rank is too low at the `declared` sizes, or where a number bounds it
    and the size is a letter, which stands for any size; else it is tried at several places, and
    said so. Sizes of 1, where a single row times a column has an inverse, are not tried.

    Raises:
        InputError: inv or logdet has no value, or det or a divisor is 0, wherever it is tried.

    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import infer
    >>> program = parse("L = logdet(outer(x, x))")
    >>> refuse_singular(program, infer(program), ())
    Traceback (most recent call last):
    matderiv.errors.InputError: logdet(outer(x, x)) has no value at all sizes above 1: ...
    """
    program = settled(program, shapes)
    _refuse_zeros_below(program, shapes)
    steps = [(a.name, a.value) for a in program.assignments]
    asked = [
        (place, node)
        for place, (_, value) in enumerate(steps)
        for node in nodes.walk(value)
        if isinstance(node, _OF_A_SQUARE)
    ]
    if not asked:
        return
    is_low, rank = (of(program, shapes, declared) for of in (rank_is_low, most_rank))
    for _, node in asked:
        if is_low(node.arg):
            raise InputError(_refusal(node, shapes, declared, "whatever the inputs are"))
        if _is_free(node, shapes, declared) and math.isfinite(most := rank(node.arg)):
            raise InputError(_above(node, most))
    from matderiv.expression.trial import looks_singular  # NumPy is loaded where it is needed

    tried = [sized_for(program, shapes, sizes) for sizes in _tried(shapes, declared)]
    for place, node in asked:
        before = [*steps[:place], ("", node.arg)]
        if all(
            looks_singular(before, {name: at[name] for name in program.inputs()}, at)
            for at in tried
        ):
            raise InputError(_refusal(node, shapes, declared))


def _refuse_zeros_below(program: Program, shapes: Mapping[str, Shape]) -> None:
    """No divisor is 0 since std and var of one entry are, or as norm(0*x) is; no prod(x - x)."""
    facts = Facts(shapes_over(shapes))
    gone: dict[str, Node] = {}
    values: dict[str, Node] = {}
    suspect: set[Node] = {nodes.ZERO}

    def without(node: Node) -> Node:
        if isinstance(node, nodes.Name):
            return gone.get(node.name, node)
        if isinstance(node, nodes.Var | nodes.Std) and is_fixed(node, facts.shape):
            return filled(nodes.ZERO, facts.shape(node), facts.shape)
        return nodes.rebuilt(node, map(without, nodes.children(node)))

    def may_vanish(node: Node) -> bool:
        return any(isinstance(n, nodes.Subtract) or n in suspect for n in nodes.walk(node))

    for assignment in program.assignments:
        for node in nodes.walk(assignment.value):
            if isinstance(node, nodes.Prod):
                if may_vanish(node.arg) and reads_zero(node.arg, facts, values):
                    raise InputError(
                        f"{source(node)} is 0 whatever the inputs are; write 0 for it."
                    )
            elif isinstance(node, nodes.Divide):
                divisor = without(node.right)
                if may_vanish(node.right) and reads_zero(node.right, facts, values):
                    raise InputError(f"{source(node)} divides by zero; write another divisor.")
                if divisor != node.right and tidy(nodes.Sum(divisor), facts) == nodes.ZERO:
                    raise InputError(
                        f"{source(node)} divides by zero: std and var of one entry are 0. Write "
                        "another divisor."
                    )
        name = assignment.name
        if may_vanish(assignment.value):
            suspect.add(nodes.Name(name))
        values[name] = assignment.value
        value = without(assignment.value)
        if value != assignment.value:
            gone[name] = filled(tidy(value, facts), shapes[name], facts.shape)


def _is_free(
    node: nodes.Inverse | nodes.LogDet | nodes.Determinant,
    shapes: Mapping[str, Shape],
    declared: Container[str],
) -> bool:
    """Whether the size of a matrix is a letter that nobody declared."""
    size = shapes_over(shapes)(node.arg)[0].symbol
    return not (size.isdigit() or size in declared)


def _above(node: nodes.Inverse | nodes.LogDet | nodes.Determinant, rank: float) -> str:
    """The message about a matrix whose rank a number bounds, whatever its size is."""
    where = f"at all sizes above {rank}: the rank of {source(node.arg)} is at most {rank}"
    if isinstance(node, nodes.Determinant):
        return f"{source(node)} is 0 {where}. Declare its size, or write 0 for it."
    return (
        f"{source(node)} has no value {where}. Declare its size, or give a matrix that has an "
        "inverse."
    )


def _refusal(
    node: nodes.Inverse | nodes.LogDet | nodes.Determinant,
    shapes: Mapping[str, Shape],
    declared: Container[str],
    proved: str = "",
) -> str:
    """The message about a matrix that is singular, which is `proved`, or was tried."""
    size = shapes_over(shapes)(node.arg)[0].size
    free = _is_free(node, shapes, declared)
    tried = "at all sizes above 1 that were tried" if free else "at all inputs that were tried"
    what = source(node.arg) if free else f"{source(node.arg)}, {size}×{size},"
    where = "" if proved else " wherever it was tried"
    why = f"{what} is singular {proved or tried}"
    if isinstance(node, nodes.Determinant):
        return f"{source(node)} is 0{where}: {why}. Write 0 for it."
    return f"{source(node)} has no value{where}: {why}. Give a matrix that has an inverse."


def _tried(shapes: Mapping[str, Shape], declared: Container[str]) -> Iterator[dict[str, int]]:
    """Sizes for all letters: those declared, or smaller ones in their order, and several others."""
    known = {dim.symbol: dim.size for shape in shapes.values() for dim in shape}
    fixed = {
        letter: size for letter, size in known.items() if letter in declared or letter.isdigit()
    }
    if max(fixed.values(), default=0) > _LARGEST:
        ranks = {size: rank for rank, size in enumerate(sorted({1, *fixed.values()}), 1)}
        fixed = {letter: ranks[size] for letter, size in fixed.items()}
    free = sorted(known.keys() - fixed.keys())
    for sizes in (range(2, 9), range(8, 1, -1), (2,), (3,)) if free else ((),):
        chosen = {letter: sizes[n % len(sizes)] for n, letter in enumerate(free)}
        yield fixed | chosen
