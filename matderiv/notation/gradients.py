"""Gradients in LaTeX: one formula below the other, upstream ones first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from matderiv.calculus.deciding.textbook import Textbook
from matderiv.calculus.sweep.results import Sweep
from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression._names import tell_apart
from matderiv.expression.nodes import Node
from matderiv.notation.formulas import Formulas
from matderiv.notation.latex import latex
from matderiv.notation.statements import statements

__all__ = ["displayed", "gradients_latex"]


def gradients_latex(swept: Sweep, formulas: Mapping[str, Node]) -> str:
    """The formulas, and the gradients and values without a name in the program that they use.

    Raises:
        InputError: two names cannot be told apart in print.
    """
    graph = swept.graph
    tell_apart(graph.program, {name: len(shape) for name, shape in graph.shapes.items()})
    notation = Formulas(
        graph.scalar,
        Textbook(swept.facts.shape),
        graph.shapes,
        None,
        commas=False,
        letters=(),
        also={},
    )
    own = graph.program.names()
    lines = [
        f"{latex(notation.node(nodes.Name(name)))} & = {latex(notation.node(value))}"
        for name, value in statements(swept, formulas).items()
        if name not in own
    ]
    rows = " \\\\[10pt]\n".join(lines)
    return f"\\begin{{aligned}}\n{rows}\n\\end{{aligned}}\n"


def displayed(swept: Sweep, formulas: Mapping[str, Node], remarks: Iterable[str]) -> str | None:
    """The formulas as a notebook renders them, remarks as text below; None if names look alike."""
    try:
        formula = gradients_latex(swept, formulas)
    except InputError:  # two names look alike in print
        return None
    return "\n\n".join((f"$${formula}$$", *remarks))
