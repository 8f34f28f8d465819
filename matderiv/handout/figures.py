"""The figures of a handout, each from its data: where the Jacobian is zero, how memory grows."""

from __future__ import annotations

import math

from matderiv.calculus.jacobian import JacobianSize, Sizes
from matderiv.derivation.pattern import Pattern, Place
from matderiv.handout.document import CodeBlock, Figure, Math, Segments, Table, Text
from matderiv.handout.jacobian import memory_words
from matderiv.handout.sentences import Fields, fill, together
from matderiv.handout.text import words_of
from matderiv.handout.texts import messages
from matderiv.notation.boxes import Box, Number, Operator, Row, Scripts, times
from matderiv.notation.charts import Curve, Writer, growth_drawing, pattern_drawing
from matderiv.notation.names import name_box
from matderiv.notation.text import text

__all__ = ["DTYPE", "MOST_WHOLE", "growth_figure", "pattern_figure"]

DTYPE = "float32"  # what networks are trained in
MOST_WHOLE = 16  # rows and columns up to which a Jacobian's pattern is drawn whole

#: At most so many marks on an axis.
_TICKS = 5


def growth_figure(
    growth: tuple[tuple[Sizes, JacobianSize], ...],
    letters: tuple[str, ...],
    language: str,
    fields: Fields,
) -> Figure:
    """Memory of the Jacobian and of the matrix form as sizes, called by these letters, grow."""
    say = messages(language)

    def words(size: int) -> str:
        return memory_words(size, say["jacobian.bytes"])

    sizes = [s for s, _ in growth]
    jacobian = tuple(size.memory for _, size in growth)
    matrix_form = tuple(size.matrix_form_memory for _, size in growth)
    ends: Fields = {
        "jacobian_first": Text(words(jacobian[0])),
        "jacobian_last": Text(words(jacobian[-1])),
        "matrix_first": Text(words(matrix_form[0])),
        "matrix_last": Text(words(matrix_form[-1])),
        "size_first": Math(times(*sizes[0])),
        "size_last": Math(times(*sizes[-1])),
        "letters": Math(_product(letters)),
    }
    key = "growth_axis" if len(letters) > 1 else "growth_axis_one"
    axis = words_of(fill(language, f"handout.{key}", ends))
    places = tuple(float(math.prod(s)) for s in sizes)
    drawing = growth_drawing(
        places,
        (
            Curve(jacobian, f"{say['handout.curve_jacobian']} {words(jacobian[-1])}", "first"),
            Curve(
                matrix_form,
                f"{say['handout.curve_matrix']} {words(matrix_form[-1])}",
                "second",
                dashed=True,
            ),
        ),
        (
            tuple((t, _power_of_ten(t)) for t in _ticks(places, 10)),
            tuple((t, words(int(t))) for t in _ticks((*jacobian, *matrix_form), 2**10)),
        ),
        ((places[0], times(*sizes[0])), (places[-1], times(*sizes[-1]))),
        axis,
    )
    rows: tuple[tuple[Segments, ...], ...] = tuple(
        (
            (Math(times(*s)),),
            (Text(words(size.memory)),),
            (Text(words(size.matrix_form_memory)),),
        )
        for s, size in growth
    )
    head = tuple(
        (Text(say[f"handout.{key}"]),) for key in ("column_size", "curve_jacobian", "curve_matrix")
    )
    return Figure(
        drawing,
        fill(language, "handout.growth_caption", fields | ends),
        words_of(fill(language, "handout.growth_description", fields | ends)),
        Table(head, rows),
    )


def pattern_figure(
    pattern: Pattern[Box],
    writers: tuple[Writer, Writer],
    size: JacobianSize,
    language: str,
    fields: Fields,
    *more: Segments,
) -> Figure:
    """Where ∂Y/∂X can be other than zero; `writers` write entries of Y and of X.

    `more` are sentences of the caption after the one about zeros.
    """
    kind = "one" if size.count == 1 else "full" if size.nonzero == size.count else "zeros"
    counts: Fields = {"count": Text(f"{size.count:,}"), "nonzero": Text(f"{size.nonzero:,}")}
    sentences = [fill(language, f"handout.pattern_{kind}", fields | counts), *more]
    if not pattern.whole:
        sentences.append(fill(language, "handout.pattern_elided", fields))
    words = [fill(language, f"handout.pattern_described_{kind}", fields | counts), *more]
    return Figure(
        pattern_drawing(pattern, writers),
        together(language, sentences),
        words_of(together(language, words)),
        CodeBlock(_pattern_text(pattern, writers[0]), "text"),
    )


def _product(letters: tuple[str, ...]) -> Box:
    """N·D·M."""
    items = [box for letter in letters for box in (Operator("cdot"), name_box(letter))]
    return Row(tuple(items[1:]))


def _ticks(values: tuple[float, ...], base: int) -> list[float]:
    """Powers of the base within the values, at most a handful."""
    first = math.ceil(math.log(min(values), base) - 1e-9)
    last = math.floor(math.log(max(values), base) + 1e-9)
    step = max(1, math.ceil((last - first) / (_TICKS - 1)))
    return [float(base**n) for n in range(first, last + 1, step)]


def _power_of_ten(value: float) -> Box:
    return Scripts(Number("10"), sup=Number(str(round(math.log10(value)))))


def _pattern_text(pattern: Pattern[Box], write: Writer) -> str:
    """The pattern in letters: ■ where something stands, · for a zero."""
    labels = ["⋮" if r.left_out else text(write(r.indices)) for r in pattern.rows]
    width = max(map(len, labels))
    lines: list[str] = []
    for n, (row, label) in enumerate(zip(pattern.rows, labels, strict=True)):
        lines += [""] * (n > 0 and pattern.rows[n - 1].outer != row.outer)
        cells = ""
        for m, col in enumerate(pattern.cols):
            cells += "  " * (m > 0 and pattern.cols[m - 1].outer != col.outer)
            cells += " " + _sign(row, col, pattern)
        lines.append(f"{label:<{width}} {cells}")
    return "\n".join(lines)


def _sign(row: Place, col: Place, pattern: Pattern[Box]) -> str:
    if row.left_out:
        return "⋱" if col.left_out else "⋮"
    if col.left_out:
        return "⋯"
    return "■" if (row, col) in pattern.entries else "·"
