"""Why a whole program's page builds no Jacobian: what one would take, and where it is zero."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial

from matderiv.calculus.index_forms.forms import Form
from matderiv.calculus.jacobian import JacobianSize, Sizes
from matderiv.calculus.sweep.local_jacobian import LocalJacobian, telling
from matderiv.derivation.pattern import pattern
from matderiv.expression.nodes import Name
from matderiv.expression.shapes import Dim
from matderiv.handout.compose import Composer
from matderiv.handout.document import Block, Figure, Math, Paragraph, Text
from matderiv.handout.figures import DTYPE, MOST_WHOLE, growth_figure, pattern_figure
from matderiv.handout.jacobian import memory_words
from matderiv.handout.program import ProgramComposer
from matderiv.handout.sentences import Fields, Filling, fill, listed
from matderiv.handout.texts import messages
from matderiv.notation.boxes import Operator, Row, times
from matderiv.notation.names import name_box, partial_ratio

__all__ = ["obstacle"]

#: Patterns that are drawn on one page at most.
_MOST = 2


def obstacle(composer: ProgramComposer) -> Iterator[Block]:
    """What a Jacobian would take, as sizes grow; then where one or two of them are zero.

    Nothing where no value of the program has a Jacobian with zeros.
    """
    found = telling(composer.task, _MOST)
    if not found:
        return
    language = composer.language
    first, growth = found[0], found[0].growth(DTYPE)
    fields = _fields(composer, first)
    yield Paragraph(fill(language, "handout.obstacle", {**fields, **_sizes(composer, first)}))
    if growth:
        sizes, size = growth[-1]
        if sizes != first.sizes:
            large = _large(composer, first.letters, sizes, size)
            yield Paragraph(fill(language, "handout.obstacle_large", large))
        yield growth_figure(growth, first.letters, language, fields)
    yield Paragraph(fill(language, "handout.pattern", fields))
    yield from (_figure(composer, jacobian) for jacobian in found)


def _fields(composer: ProgramComposer, jacobian: LocalJacobian) -> Fields:
    formulas, value = composer.notation.formulas, composer.task.sweep.graph.value(jacobian.of)
    assert value is not None
    defined = Row((name_box(jacobian.of), Operator("equals"), formulas.node(value)))
    return {
        "value": Math(defined),
        "jacobian": Math(partial_ratio(name_box(jacobian.of), name_box(jacobian.wrt))),
        "Y": Math(name_box(jacobian.of)),
        "X": Math(name_box(jacobian.wrt)),
        "dX": Math(formulas.gradient(jacobian.wrt)),
        "dtype": Text(DTYPE),
    }


def _sizes(composer: ProgramComposer, jacobian: LocalJacobian) -> Filling:
    """The numbers of the sentence about the Jacobian at the sizes of the page."""
    size, formulas = jacobian.size(DTYPE), composer.notation.formulas
    dims = (dim.size for shape in jacobian.shapes for dim in shape)
    read = [composer.math(formulas.node(Name(name))) for name in jacobian.read]
    return {
        "sizes": Math(times(*dims)),
        "count": Text(f"{size.count:,}"),
        "memory": Text(_memory(composer, size.memory)),
        "matrix_memory": Text(_memory(composer, size.matrix_form_memory)),
        "read": listed(composer.language, read),
    }


def _large(
    composer: ProgramComposer, letters: tuple[str, ...], sizes: Sizes, size: JacobianSize
) -> Filling:
    """The numbers of the sentence about sizes that are used."""
    named = itertools.starmap(Dim, zip(letters, sizes, strict=True))
    large = [composer.math(Composer.size(dim)) for dim in named]
    return {
        "sizes_large": listed(composer.language, large),
        "memory_large": Text(_memory(composer, size.memory)),
        "matrix_memory_large": Text(_memory(composer, size.matrix_form_memory)),
    }


def _memory(composer: ProgramComposer, size: int) -> str:
    return memory_words(size, messages(composer.language)["jacobian.bytes"])


def _figure(composer: ProgramComposer, jacobian: LocalJacobian) -> Figure:
    """Where the Jacobian of one value is zero."""
    formulas, language = composer.notation.formulas, composer.language
    fields = _fields(composer, jacobian)

    def at(row: tuple[int, ...], col: tuple[int, ...]) -> Form | None:
        return jacobian.at(row, col) or None

    drawn = pattern(*jacobian.shapes, MOST_WHOLE, at).mapped(formulas.form)
    writers = (partial(formulas.entry, jacobian.of), partial(formulas.entry, jacobian.wrt))
    first = fill(language, "handout.pattern_first", fields)
    return pattern_figure(drawn, writers, jacobian.size(DTYPE), language, fields, first)
