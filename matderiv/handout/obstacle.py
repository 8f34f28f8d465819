"""Why a page builds no Jacobian: a table of its size, and the pattern of its zeros."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from matderiv.calculus.sweep.local_jacobian import (
    JacobianSize,
    LocalJacobian,
    SizeNumbers,
    telling,
)
from matderiv.derivation.jacobian import blocks
from matderiv.derivation.pattern import Place, pattern
from matderiv.expression.nodes import Name
from matderiv.handout.composer import ProgramComposer
from matderiv.handout.document import Block, Heading, Math, Paragraph, Segments, Table, Text
from matderiv.handout.jacobian import left_out, memory_words
from matderiv.handout.sentences import Fields, Filling, fill, listed, together
from matderiv.handout.texts import messages
from matderiv.notation import methods
from matderiv.notation.boxes import Box, Dots, Operator, Row, times
from matderiv.notation.names import has_fraction, name_box, numbered_box, partial_ratio

__all__ = ["jacobian_appendix", "obstacle"]

_DTYPE = "float32"  # what networks are trained in
_MOST = 2  # patterns on one page
_MOST_WHOLE = 12  # rows and columns up to which a pattern leaves nothing out
_ROOM = 26.0  # em for the cells of a pattern
_MATRIX = 2  # dimensions
_GAP = 0.7  # em between two cells


def obstacle(composer: ProgramComposer, *, appendix: bool) -> Iterator[Block]:
    """That no Jacobian is built, and how large one would be; whether an `appendix` shows more.

    Nothing where no value of the program has a Jacobian with zeros that is a table by rows and
    columns of two matrices or vectors.
    """
    language = composer.language
    for first in _found(composer)[:1]:
        fields = {**_fields(composer, first), **_sizes(composer, first)}
        said = [fill(language, "handout.obstacle", fields)]
        if appendix:
            said.append(fill(language, "handout.appendix_where", {}))
        yield Paragraph(together(language, said))


def jacobian_appendix(composer: ProgramComposer) -> Iterator[Block]:
    """Where one or two Jacobians are zero, and their memory as sizes grow; nothing as above."""
    found = _found(composer)
    if not found:
        return
    language = composer.language
    first, growth = found[0], found[0].growth(_DTYPE)
    fields = _fields(composer, first)
    yield Heading(2, fill(language, "handout.appendix", {}), aside=True)
    yield Paragraph(fill(language, "handout.pattern", fields))
    yield from (_pattern(composer, jacobian) for jacobian in found)
    if growth:
        sizes, size = growth[-1]
        if sizes != first.sizes:
            large = _large(composer, first.letters, sizes, size)
            yield Paragraph(fill(language, "handout.obstacle_large", large))
        yield _growth(growth[::2], language, fields)


def _found(composer: ProgramComposer) -> list[LocalJacobian]:
    some = telling(composer.task, _MOST)
    return [one for one in some if max(map(len, one.shapes)) <= _MATRIX]


def _fields(composer: ProgramComposer, jacobian: LocalJacobian) -> Fields:
    formulas, value = composer.notation.formulas, composer.task.sweep.graph.definition(jacobian.of)
    defined = Row((name_box(jacobian.of), Operator("equals"), formulas.node(value)))
    return {
        "value": Math(defined),
        "jacobian": Math(partial_ratio(name_box(jacobian.of), name_box(jacobian.wrt))),
        "Y": Math(name_box(jacobian.of)),
        "X": Math(name_box(jacobian.wrt)),
        "dX": Math(formulas.gradient(jacobian.wrt)),
        "dtype": Text(_DTYPE),
    }


# -- memory ------------------------------------------------------------------------------------


def _sizes(composer: ProgramComposer, jacobian: LocalJacobian) -> Filling:
    """The numbers of the sentence about the Jacobian at the sizes of the page."""
    size, formulas = jacobian.size(_DTYPE), composer.notation.formulas
    dims = (dim.size for shape in jacobian.shapes for dim in shape)
    read = [composer.math(formulas.node(Name(name))) for name in jacobian.read]
    return {
        "sizes": Math(times(*dims)),
        "count": Text(f"{size.count:,}"),
        "memory": _memory(composer.language, size.memory),
        "matrix_memory": _memory(composer.language, size.matrix_form_memory),
        "read": listed(composer.language, read),
    }


def _large(
    composer: ProgramComposer, letters: tuple[str, ...], sizes: SizeNumbers, size: JacobianSize
) -> Filling:
    """The numbers of the sentence about sizes that are used."""
    large = [
        composer.math(numbered_box(letter, size))
        for letter, size in zip(letters, sizes, strict=True)
    ]
    return {
        "sizes_large": listed(composer.language, large),
        "memory_large": _memory(composer.language, size.memory),
        "matrix_memory_large": _memory(composer.language, size.matrix_form_memory),
    }


def _memory(language: str, size: int) -> Text:
    return Text(memory_words(size, messages(language)["jacobian.bytes"]))


def _growth(
    growth: tuple[tuple[SizeNumbers, JacobianSize], ...], language: str, fields: Fields
) -> Table:
    """Memory of the Jacobian and of the matrix form, a row for each choice of sizes."""
    rows: list[tuple[Segments, ...]] = [
        (
            (Math(times(*sizes)),),
            (_memory(language, size.memory),),
            (_memory(language, size.matrix_form_memory),),
        )
        for sizes, size in growth
    ]
    head = [fill(language, f"handout.column_{key}", {}) for key in ("size", "jacobian", "matrix")]
    caption = fill(language, "handout.growth_caption", fields)
    return Table(tuple(head), tuple(rows), caption)


# -- zeros -------------------------------------------------------------------------------------


def _pattern(composer: ProgramComposer, jacobian: LocalJacobian) -> Table:
    """The pattern of a Jacobian: ∂y_ij/∂x_pq in the row of y_ij under x_pq, or nothing.

    If the entries need too much room, each is a cross.
    """
    formulas, language = composer.notation.formulas, composer.language
    found = pattern(*jacobian.shapes, _MOST_WHOLE, jacobian.at)
    entries: dict[tuple[Place, Place], Box]
    entries = {at: composer.notation.indices.form(form) for at, form in found.entries.items()}

    def written(name: str, dots: str) -> Callable[[Place], Box]:
        return lambda p: Dots(dots) if p.left_out else formulas.entry(name, p.indices)

    heads = list(map(written(jacobian.wrt, "across"), found.cols))
    wide = _GAP + max(box.width for box in (*entries.values(), *heads))
    spelled = wide * len(heads) <= _ROOM and not any(map(has_fraction, entries.values()))
    if not spelled:
        entries = dict.fromkeys(entries, Operator("times"))
    named: list[Box | None] = [*heads]
    if sum(_GAP + box.width for box in heads) > _ROOM:  # only the first and the last have a name
        named[1:-1] = [box if isinstance(box, Dots) else None for box in heads[1:-1]]

    def cell(row: Place, col: Place) -> Box:
        if row.left_out or col.left_out:
            return left_out(row, col)
        return entries.get((row, col), Operator("cdot"))

    def line(first: Segments, boxes: Sequence[Box | None]) -> tuple[Segments, ...]:
        """A line of cells, with an empty one where a block of columns begins."""
        cells: list[Segments] = [first]
        for n, box in enumerate(boxes):
            begins = n > 0 and found.cols[n - 1].outer != found.cols[n].outer
            cells += [()] * begins + [() if box is None else (Math(box),)]
        return tuple(cells)

    side = written(jacobian.of, "down")
    rows = [line((Math(side(r)),), [cell(r, col) for col in found.cols]) for r in found.rows]
    fields, size = _fields(composer, jacobian), jacobian.size(_DTYPE)
    kind = "one" if size.count == 1 else "full" if size.nonzero == size.count else "zeros"
    counts: Fields = {"count": Text(f"{size.count:,}"), "nonzero": Text(f"{size.nonzero:,}")}
    signs: Fields = {"cross": Math(Operator("times")), "dot": Math(Operator("cdot"))}
    structure = blocks(composer.task, jacobian.of, jacobian.wrt) if kind == "zeros" else None
    if structure is not None:
        fields["structure"] = Math(methods.box(structure, formulas))
    said = {
        f"pattern_{kind}": True,
        "pattern_blocks": structure is not None,
        "pattern_first": True,
        "pattern_cross": not spelled,
        "pattern_dot": kind == "zeros",
        "pattern_elided": not found.whole,
    }
    fields |= counts | signs
    caption = [fill(language, f"handout.{key}", fields) for key, holds in said.items() if holds]
    return Table(line((), named), tuple(rows), together(language, caption))
