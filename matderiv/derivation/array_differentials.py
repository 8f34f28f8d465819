"""∂Y/∂X of an array Y by differentials, and d²L of a gradient."""

from __future__ import annotations

from collections.abc import Iterator

from matderiv.calculus.formulas.broadcasting import spread
from matderiv.calculus.sweep.sweep import replaced
from matderiv.derivation.array_chains import ArrayChains
from matderiv.derivation.array_judge import twice
from matderiv.derivation.kinds import Reason
from matderiv.derivation.links import Chain
from matderiv.derivation.sides import Differential, Formula, Matrix, Side, change_of
from matderiv.derivation.traces import inner
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node

__all__ = ["ArrayDifferentials", "squared_by"]


def squared_by(vector: Node, matrix: Node) -> Node:
    """The number zᵀMz; of a number times a matrix, with the number before it."""
    match matrix:
        case nodes.Multiply(nodes.Number() as number, inside):
            return nodes.Multiply(number, squared_by(vector, inside))
    return nodes.MatMul(nodes.MatMul(vector, matrix), vector)


class ArrayDifferentials(ArrayChains):
    """Makes the chains of differentials."""

    __slots__ = ()

    def differentials(self) -> Iterator[Chain]:
        """The change dz of each value z, put into that of Y; of a gradient, d²L as well."""
        about, task = self.about, self.about.task
        own = about.shape(about.wrt)
        changes: dict[str, Node] = {}
        for name in about.moving:
            value, over = about.graph.definition(name), about.shape(name)
            i = task.value_indices(over)
            changes[name] = change = self.change(name)
            whole = task.sweep.graph.definition(name)
            yield self.chain(
                "differential",
                Matrix(change_of(name), i, over),
                ("definition", Differential(name, value, about.wrt, i, own, whole)),
                ("rules", Matrix(spread(change, over, task.sweep.facts.shape), i, over)),
            )
        yield from self.put_together(changes)

    def put_together(self, changes: dict[str, Node]) -> Iterator[Chain]:
        """The lines dY = J dX, and of a gradient d²L = dXᵀ H dX."""
        about, facts = self.about, self.about.task.sweep.facts
        put = changes[about.of]
        for name in reversed(about.moving[:-1]):
            put = replaced(put, {f"δ{name}": changes[name]})
        put = spread(put, about.shape(about.of), facts.shape)
        product = self.times_change()
        sides: list[tuple[Reason, Side]] = []
        if len(about.moving) > 1:
            sides.append(("differentials put in", Formula(put)))
        if product is not None and product != put:
            sides.append(("read off", Formula(product)))
        if sides:
            yield self.chain("whole change", Formula(change_of(about.of)), *sides)
        if about.names.once:
            change = change_of(about.wrt)
            first = inner(change_of(about.of), change, facts.shape)
            last = inner(put, change, facts.shape) if product is None else self.squared(change)
            yield self.chain(
                "second",
                Formula(Name(twice(about.names.once))),
                ("definition", Formula(first)),
                ("put in", Formula(last)),
            )

    def times_change(self) -> Node | None:
        """J dX, where the array is a matrix, or X a number."""
        about = self.about
        rows, cols = len(about.shape(about.of)), len(about.shape(about.wrt))
        change = change_of(about.wrt)
        if not about.matrix or (cols and (rows, cols) != (1, 1)):
            return None
        if not cols:
            return nodes.Multiply(about.formula, change)
        return nodes.MatMul(
            *((change, about.formula) if about.names.turned else (about.formula, change))
        )

    def squared(self, change: Node) -> Node:
        """The number dxᵀH dx of a vector, 0 where H is; h·dx² of a number."""
        if self.about.found.vanishes:
            return nodes.ZERO
        if not self.about.shape(self.about.wrt):
            return nodes.Multiply(self.about.formula, nodes.Power(change, nodes.TWO))
        return squared_by(change, self.about.formula)
