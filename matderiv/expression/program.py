"""A program: assignments in order, the last of which is its result."""

from __future__ import annotations

from dataclasses import dataclass, field

from matderiv.expression import nodes
from matderiv.expression.matrix_functions import exponents
from matderiv.expression.nodes import Node
from matderiv.expression.size_text import letters_of_size
from matderiv.expression.source import source
from matderiv.expression.vocabulary import needs_word

__all__ = ["Assignment", "Program"]


@dataclass(frozen=True, slots=True)
class Assignment:
    """`name = value`."""

    name: str
    value: Node


@dataclass(frozen=True, slots=True)
class Program:
    """Assignments in order; the last one is the result.

    `assumed`: what its own lines say of inputs, such as ("S", "symmetric"). `named`: whether the
    text gives the result its name, so that formulas may use it.
    """

    assignments: tuple[Assignment, ...]
    assumed: tuple[tuple[str, str], ...] = ()
    named: bool = field(default=False, compare=False)

    @property
    def loss(self) -> Assignment:
        """The last assignment."""
        return self.assignments[-1]

    def source(self) -> str:
        """The program as NumPy-like text, with the functions that it declares first.

        >>> from matderiv.expression.parse import parse
        >>> parse("function loss; sum(loss(Y))").source()
        'function loss; L = sum(loss(Y))'
        """
        declared = ", ".join(sorted(filter(needs_word, self.functions())))
        lines = [f"function {declared}"] if declared else []
        return "; ".join([*lines, *(f"{a.name} = {source(a.value)}" for a in self.assignments)])

    def inputs(self) -> tuple[str, ...]:
        """The names that are used but not assigned, in order of first use."""
        assigned = {a.name for a in self.assignments}
        used = (
            n.name
            for a in self.assignments
            for n in nodes.walk(a.value)
            if isinstance(n, nodes.Name)
        )
        return tuple(dict.fromkeys(name for name in used if name not in assigned))

    def names(self) -> frozenset[str]:
        """All variables, inputs and assigned."""
        return frozenset(self.inputs()) | {a.name for a in self.assignments}

    def letters(self) -> frozenset[str]:
        """The letters of sizes that are written, as in eye(N) and ones((N, M))."""
        found: set[int | str] = set()
        for assignment in self.assignments:
            for node in nodes.walk(assignment.value):
                match node:
                    case nodes.Eye(size) | nodes.OneHot(_, size):
                        found.add(size)
                    case nodes.Ones(sizes) | nodes.Selection(sizes=sizes) | nodes.Reshape(_, sizes):
                        found.update(sizes)
                    case nodes.Mapped(_, (_, *places)):
                        found.update(place for place in places if place is not None)
                    case nodes.Gathered(rows=rows) if rows is not None:
                        found.add(rows)
                    case nodes.MatrixFunction(_, function) | nodes.Frechet(_, _, function):
                        found.update(exponents(function))
        return frozenset(x for s in found if isinstance(s, str) for x in letters_of_size(s))

    def functions(self) -> frozenset[str]:
        """The names of all functions that are applied, known or undefined."""
        return frozenset(
            n.function
            for a in self.assignments
            for n in nodes.walk(a.value)
            if isinstance(n, nodes.Apply | nodes.Functional)
        )
