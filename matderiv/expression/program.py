"""A program: assignments in order, the last of which is its result."""

from __future__ import annotations

from dataclasses import dataclass, field

from matderiv.expression import nodes
from matderiv.expression.matrix_functions import exponents
from matderiv.expression.nodes import Node
from matderiv.expression.size_text import asked_of, asked_text, is_length, letters_of_size, put
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
    text gives the result its name, so that formulas may use it. `taken`: letters of sizes that
    operations have of their operands, and that the text does not write. `asked`: letters of sizes,
    each with what the text asks an array for in its place, such as X.shape[0]. `size_names`: names
    that the text gives to such sizes. `written`: operations that are read as others with letters
    of such `taken` sizes, as text with the call that was written.
    """

    assignments: tuple[Assignment, ...]
    assumed: tuple[tuple[str, str], ...] = ()
    named: bool = field(default=False, compare=False)
    taken: frozenset[str] = field(default=frozenset(), compare=False)
    asked: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    size_names: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    written: tuple[tuple[str, str], ...] = field(default=(), compare=False)

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
        lines += [f"{name} = {asked_text(size)}" for name, size in self.size_names]
        return "; ".join(
            [*lines, *(f"{a.name} = {self._typed(a.value)}" for a in self.assignments)]
        )

    def _typed(self, value: Node) -> str:
        """A value as text, which asks for sizes as the program was written."""
        asked = dict(self.asked)
        names = {size: name for name, size in self.size_names}
        asked = {letter: names.get(size, size) for letter, size in asked.items()} | names

        def put_back(node: Node) -> Node:
            match node:
                case nodes.Size(symbol):
                    return nodes.Size(asked.get(symbol, symbol), 1)
            resized = nodes.with_sizes(node, lambda size: asked.get(str(size)) or put(size, asked))
            return nodes.rebuilt(resized, map(put_back, nodes.children(node)))

        return source(put_back(value) if asked else value)

    def inputs(self) -> tuple[str, ...]:
        """The names that are used but not assigned, in order of first use."""
        assigned = {a.name for a in self.assignments}
        used = (
            n.name
            for a in self.assignments
            for n in nodes.walk(a.value)
            if isinstance(n, nodes.Name)
        )
        of_sizes = (asked_of(letter)[0] for letter in sorted(self.lengths()))
        return tuple(dict.fromkeys(n for n in (*used, *of_sizes) if n not in assigned))

    def names(self) -> frozenset[str]:
        """All variables, inputs and assigned."""
        return frozenset(self.inputs()) | {a.name for a in self.assignments}

    def letters(self) -> frozenset[str]:
        """The letters of sizes that are written, as in eye(N) and ones((N, M))."""
        return frozenset(letter for letter in self._sizes() if not is_length(letter))

    def lengths(self) -> frozenset[str]:
        """The sizes that arrays are asked for, as in X.shape[0]."""
        return frozenset(filter(is_length, self._sizes()))

    def _sizes(self) -> frozenset[str]:
        found: set[int | str] = set()
        for assignment in self.assignments:
            for node in nodes.walk(assignment.value):
                match node:
                    case nodes.Size(symbol) if is_length(symbol):
                        found.add(symbol)
                    case nodes.Eye(size) | nodes.OneHot(_, size):
                        found.add(size)
                    case (
                        nodes.Ones(sizes)
                        | nodes.Functional(sizes=sizes)
                        | nodes.Selection(sizes=sizes)
                        | nodes.Reshape(_, sizes)
                    ):
                        found.update(sizes)
                    case nodes.Mapped(_, (_, *places)):
                        found.update(place for place in places if place is not None)
                    case nodes.Gathered(rows=rows) if rows is not None:
                        found.add(rows)
                    case nodes.MatrixFunction(_, function) | nodes.Frechet(_, _, function):
                        found.update(exponents(function))
        texts = (size for size in found if isinstance(size, str))
        return frozenset(x for text in texts for x in letters_of_size(text)) - self.taken

    def functions(self) -> frozenset[str]:
        """The names of all functions that are applied, known or undefined."""
        return frozenset(
            n.function
            for a in self.assignments
            for n in nodes.walk(a.value)
            if isinstance(n, nodes.Apply | nodes.Functional)
        )
