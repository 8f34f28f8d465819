"""Boxes to LaTeX; amsmath is all it needs. Every line break stands at a line's end."""

from __future__ import annotations

from matderiv.expression.functions import FUNCTIONS
from matderiv.notation import boxes
from matderiv.notation.boxes import Box
from matderiv.notation.names import in_line
from matderiv.notation.signs import DOTS, LARGE, SIGNS

__all__ = ["Writer", "columns", "inline_latex", "latex"]

_NAMED = {name for name, function in FUNCTIONS.items() if function.in_tex}
_LINE = 1.2  # the least height of a row in em
_HIGH = 4.0  # the height of a cell, in em, from which on rows stand farther apart
_TOGETHER = 19.0  # the height of a chain, in em, up to which it stands on one page
_PAGE = 55.0  # the height of a page, in em, below a heading and a sentence
_CLOSE = r" \\" + "\n"
_SPACE = r" \\[10pt]" + "\n"
_LAST = r" \\*[10pt]" + "\n"


def latex(box: Box) -> str:
    r"""LaTeX source of a box.

    >>> above = boxes.Row((boxes.Operator("partial"), boxes.Symbol("L")))
    >>> latex(boxes.Fraction(above, boxes.Symbol("x")))
    '\\dfrac{\\partial L}{x}'
    """
    return Writer().write(box)


def inline_latex(box: Box) -> str:
    """LaTeX source of a box in a line of text, where ∂L/∂X has a slash and fractions are small."""
    return latex(in_line(box)).replace(r"\dfrac", r"\frac").strip()


class Writer:
    """Writes the boxes of a page as LaTeX; a box that occurs in many places is written once."""

    def __init__(self) -> None:
        self._known: dict[int, str] = {}
        self._kept: list[Box] = []  # a text is kept by a box's identity, so the box must live

    def write(self, box: Box) -> str:
        """LaTeX source of a box."""
        match box:
            case boxes.Row(items=items):
                return "".join([self._known.get(id(item)) or self.write(item) for item in items])
            case boxes.Scripts() | boxes.Fraction() | boxes.Operator() | boxes.Styled():
                known = self._known.get(id(box))
                if known is None:
                    known = self._known[id(box)] = self._built(box)
                    self._kept.append(box)
                return known
            case boxes.NumberBox(text=text):
                return text
            case boxes.Symbol(name=name, greek=greek):
                return f"\\{name} " if greek else name
            case boxes.Terms():
                return self._terms(box, first=True)
            case boxes.Word(text=text, upright=upright):
                if upright and text in _NAMED:
                    return f"\\{text} "
                escaped = text.replace("_", r"\_")
                return rf"\operatorname{{{escaped}}}" if upright else rf"\mathit{{{escaped}}}"
            case boxes.Root(body=body):
                return rf"\sqrt{{{self.write(body)}}}"
            case boxes.Fence(body=body, big=big, bars=True):
                start, end = (r"\left", r"\right") if big else ("", "")
                return rf"{start}\lvert {self.write(body)}{end}\rvert "
            case boxes.Fence(body=body, big=big):
                return rf"\left({self.write(body)}\right)" if big else f"({self.write(body)})"
            case boxes.BigSum(under=under, over=over, body=body, sign=sign):
                top = "" if over is None else f"^{{{self.write(over)}}}"
                return rf"{LARGE[sign].latex}_{{{self.write(under)}}}{top} {self.write(body)}"
            case boxes.Dots(direction=direction):
                return DOTS[direction].latex
            case boxes.Lines():
                return self._lines(box)
            case boxes.Grid():
                return self._grid(box)
            case boxes.Tagged(body=body):
                return self.write(body)
            case boxes.Aligned(left=left, rights=rights):
                rows = self.rows(left, rights).replace(_LAST, _SPACE)
                return f"\\begin{{aligned}}\n{rows}\n\\end{{aligned}}"

    def rows(self, left: Box, rights: tuple[Box, ...]) -> str:
        """The rows of a chain of equalities, for an environment that aligns them.

        A page may break between rows of a high chain, but the last does not stand on a page alone
        if it fits on one with the row before it.
        """
        *most, last = (f"& = {self._right(r)}" for r in rights)
        few = sum(map(_rows, rights)) * _LINE <= _TOGETHER  # more go on on the next page
        space = _LAST if few and boxes.Aligned(left, rights).height <= _TOGETHER else _SPACE
        end = _SPACE if few and boxes.Aligned(left, rights[-2:]).height > _PAGE else _LAST
        start = f"{self.write(left)} " + space.join(most)
        return start + (end if most else "") + last

    def _built(self, box: boxes.Scripts | boxes.Fraction | boxes.Operator | boxes.Styled) -> str:
        write = self.write
        if isinstance(box, boxes.Styled):
            command = r"\boldsymbol" if box.style == "bold" else r"\bar"
            return f"{command}{{{write(box.body).strip()}}}"
        if isinstance(box, boxes.Operator):
            return SIGNS[box.name].latex
        if isinstance(box, boxes.Fraction):
            return rf"\dfrac{{{write(box.above)}}}{{{write(box.below)}}}"
        base = write(box.base)
        if not isinstance(box.base, boxes.Symbol | boxes.Fence):
            base = f"{{{base}}}"
        sub = "" if box.sub is None else f"_{{{write(box.sub)}}}"
        sup = "" if box.sup is None else f"^{{{write(box.sup)}}}"
        return base.rstrip() + sub + sup

    def _right(self, box: Box) -> str:
        """The right side of an equality; a broken sum stands with its first line beside the =."""
        return self._lines(box, "[t]") if isinstance(box, boxes.Lines) else self.write(box)

    def _terms(self, box: boxes.Terms, *, first: bool) -> str:
        parts = []
        for n, (sign, term) in enumerate(box.items):
            lead = "" if first and n == 0 and sign == "+" else SIGNS[sign].latex
            parts.append(lead + self.write(term))
        return " ".join(parts)

    def _lines(self, box: boxes.Lines, place: str = "", *, apart: bool = False) -> str:
        """Lines one below another; `apart` from what follows by a low empty line."""
        lines = (self._terms(row, first=n == 0) for n, row in enumerate(box.rows))
        high = any(row.tall for row in box.rows)
        body = f"{_SPACE if high else _CLOSE}& {{}}".join(lines)
        end = f" \\\\[{'4pt' if high else '-8pt'}]\n& {{}}" if apart else ""
        return f"\\begin{{aligned}}{place}\n& {body}{end}\n\\end{{aligned}}"

    def _grid(self, box: boxes.Grid) -> str:
        last = len(box.rows)
        rows = [
            " & ".join(self._cell(cell, last=n == last) for cell in row)
            for n, row in enumerate(box.rows, 1)
        ]
        gap = _SPACE if any(cell.tall for row in box.rows for cell in row) else _CLOSE
        cells = [c.body if isinstance(c, boxes.Tagged) else c for row in box.rows for c in row]
        cells = [cell for cell in cells if not isinstance(cell, boxes.Lines)]
        if any(cell.height > _HIGH for cell in cells):
            gap = gap.replace("10pt", f"{10 * max(1.0, *map(_depth, cells)) + 6:.0f}pt")
        return "\\begin{pmatrix}\n" + gap.join(rows) + "\n\\end{pmatrix}"

    def _cell(self, box: Box, *, last: bool) -> str:
        """A cell; one of several lines ends in a low empty line, or the next row touches it."""
        if isinstance(box, boxes.Tagged):
            box = box.body
        if isinstance(box, boxes.Lines) and not last:
            return self._lines(box, apart=True)
        return self.write(box)


def _rows(box: Box) -> int:
    """How many lines of matrices a box has at least."""
    match box:
        case boxes.Grid(rows=rows):
            return len(rows)
        case boxes.Row(items=items):
            return max(map(_rows, items), default=1)
    return 1


def _depth(box: Box) -> float:
    """About how far a box of one line reaches below it, in em; broken sums see to it themselves."""
    match box:
        case boxes.Fraction(below=below):
            return below.height - 0.2
        case boxes.Row(items=items):
            return max(map(_depth, items), default=0.0)
        case boxes.Terms(items=items):
            return max((_depth(term) for _, term in items), default=0.0)
        case boxes.Fence(body=boxes.Lines() | boxes.Grid() as body):
            return body.height / 2
        case (
            boxes.Fence(body=body)
            | boxes.Root(body=body)
            | boxes.Tagged(body=body)
            | boxes.Scripts(base=body)
        ):
            return _depth(body)
    return 0.0


def columns(box: Box) -> int:
    """The largest number of columns of a matrix in a box: amsmath allows 10 by default."""
    match box:
        case boxes.Grid(rows=rows):
            return len(rows[0])
        case boxes.Row(items=items):
            return max(map(columns, items), default=0)
        case boxes.Aligned(left=left, rights=rights):
            return max(columns(left), *map(columns, rights))
    return 0
