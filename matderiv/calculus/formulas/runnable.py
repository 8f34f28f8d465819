"""Formulas as source that runs after the program, and what their letters of sizes are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from matderiv.calculus.formulas.as_typed import as_typed
from matderiv.calculus.formulas.shaping import (
    letters_in,
    numbered,
    places_of,
    scalars_known,
    shapes_over,
    signs_first,
)
from matderiv.expression.nodes import Node
from matderiv.expression.program import Program
from matderiv.expression.shapes import Shape
from matderiv.expression.source import source

__all__ = ["size_lines", "size_words", "written_for"]


def written_for(
    program: Program, shapes: Mapping[str, Shape], declared: frozenset[str], formula: Node
) -> str:
    """A formula as NumPy-like source: `declared` sizes as their numbers, all others as letters."""
    letters = {dim.symbol for shape in shapes.values() for dim in shape if not dim.symbol.isdigit()}
    kept = frozenset(letters - declared) | program.letters()
    typed = as_typed(formula, shapes_over(shapes))
    return source(scalars_known(signs_first(numbered(typed, shapes, kept)), shapes))


def size_lines(
    program: Program,
    shapes: Mapping[str, Shape],
    declared: frozenset[str],
    formulas: Iterable[Node],
) -> dict[str, str]:
    """The letters of sizes in formulas, each with the source that reads it off an input.

    Letters that the program writes itself have their value already, and `declared` ones are
    numbers.
    """
    letters = letters_in(formulas).keys() - program.letters() - declared
    places = places_of(letters, shapes, program.inputs())
    return {letter: f"{name}.shape[{axis}]" for letter, (name, axis) in places.items()}


def size_words(letter: str, shapes: Mapping[str, Shape], inputs: Iterable[str]) -> str:
    """The meaning of a letter of a size, such as "the rows of X"."""
    name, axis = places_of((letter,), shapes, inputs)[letter]
    dimensions = len(shapes[name])
    kinds = {1: ("entries",), 2: ("rows", "columns")}
    if dimensions not in kinds:
        return f"the size of {name} along axis {axis}"
    return f"the {kinds[dimensions][axis]} of {name}"
