"""Sizes that a person declared: which letters they settle, and where they stand as numbers."""

from __future__ import annotations

from collections.abc import Container, Mapping

from matderiv.errors import ShapeError
from matderiv.expression.dims import Dim, Shape
from matderiv.expression.program import Program
from matderiv.expression.size_text import letters_of_size, put

__all__ = ["as_numbers", "declared_letters", "like", "of_inputs", "ones_kept"]


def declared_letters(
    known: Mapping[str, Shape],
    sizes: Mapping[str, int | None] | None,
    shapes: Mapping[str, tuple[int, ...]] | None,
) -> frozenset[str]:
    """The letters of sizes whose number was given, by `sizes` or in a shape."""
    given = {letter for letter, number in (sizes or {}).items() if number is not None}
    named = (known.get(name, ()) for name in shapes or ())
    return frozenset(given.union(dim.symbol for shape in named for dim in shape))


def of_inputs(
    program: Program, shapes: Mapping[str, tuple[int, ...]] | None
) -> dict[str, tuple[int, ...]]:
    """The declared shapes of inputs; those of functions stand in the program.

    Raises:
        ShapeError: a function of each entry is declared to have a shape of its own.
    """
    functions = program.functions()
    for name in functions & set(shapes or ()):
        if not name[0].isupper():
            raise ShapeError(
                f"--shape {name}: {name} is a function of each entry, and as large as what it is "
                f"applied to; call one with a shape of its own {name.upper()[:1]}{name[1:]}."
            )
    return {name: own for name, own in (shapes or {}).items() if name not in functions}


def as_numbers(known: Mapping[str, Shape], letters: Container[str]) -> dict[str, Shape]:
    """The same shapes with numbers in place of some letters.

    Of a size that is worked out from others all letters are numbers if it is one.
    """
    dims = {dim.symbol: dim.size for shape in known.values() for dim in shape}
    fixed = {letter for size in dims if size in letters for letter in letters_of_size(size)}
    numbers: dict[str, int | str] = {letter: dims[letter] for letter in fixed if letter in dims}

    def number(dim: Dim) -> Dim:
        return Dim(str(put(dim.symbol, numbers)), dim.size) if numbers else dim

    return {name: tuple(map(number, shape)) for name, shape in known.items()}


def ones_kept(
    program: Program, known: dict[str, Shape], shapes: Mapping[str, tuple[int, ...]] | None
) -> dict[str, Shape]:
    """The same shapes without letters for sizes of 1 that were declared; a declared 1 stays 1.

    A letter that the program writes stays.
    """
    ones = {d.symbol for name in shapes or () for d in known[name] if d.size == 1}
    return as_numbers(known, ones - program.letters()) if ones else known


def like(known: dict[str, Shape], pattern: Mapping[str, Shape]) -> dict[str, Shape]:
    """The same shapes without letters where those of a pattern, at other sizes, have none."""
    fixed = {
        dim.symbol
        for name in pattern.keys() & known.keys()
        for dim, own in zip(known[name], pattern[name], strict=True)
        if own.symbol.isdigit()
    }
    return as_numbers(known, fixed) if fixed else known
