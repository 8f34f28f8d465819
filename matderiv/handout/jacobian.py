"""The page about a Jacobian: its count, memory, zeros and structure, and the way around it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from matderiv.calculus.sweep.in_one_piece import ArrayTask
from matderiv.calculus.sweep.local_jacobian import LocalJacobian
from matderiv.derivation.jacobian import entry_chain, structure
from matderiv.derivation.pattern import Place, pattern
from matderiv.derivation.sides import KroneckerProducts
from matderiv.expression.nodes import Name
from matderiv.handout.document import (
    Block,
    Bullets,
    Code,
    Document,
    Equation,
    Math,
    Paragraph,
    Segments,
    Text,
)
from matderiv.handout.sentences import Filling, fill, listed
from matderiv.handout.texts import messages
from matderiv.notation.boxes import (
    Aligned,
    Box,
    Dots,
    Grid,
    NumberBox,
    Operator,
    Row,
    Scripts,
    times,
)
from matderiv.notation.methods import swap_box
from matderiv.notation.names import name_box, partial_ratio, vec
from matderiv.notation.program import ProgramNotation

__all__ = ["compose_jacobian", "left_out", "memory_words"]

_WRITTEN = 12  # rows and columns up to which a Jacobian is written out unasked
_WIDEST = 60.0  # em of one that is
_WHOLE = 100  # from which on memory is stated without a fraction
_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def memory_words(size: int, word: str = "bytes") -> str:
    """A number of bytes in the largest unit that it fills; `word` is the name of the smallest.

    >>> memory_words(4 * 64 * 1024**3), memory_words(192), memory_words(1536)
    ('256 GiB', '192 bytes', '1.5 KiB')
    """
    power = min((max(size, 1).bit_length() - 1) // 10, len(_UNITS))
    value = size / 1024**power
    digits = f"{value:,.0f}" if value == int(value) or value >= _WHOLE else f"{value:.3g}"
    return f"{digits} {_UNITS[power - 1] if power else word}"


def compose_jacobian(
    found: ArrayTask, dtype: str, show: int | None, language: str, *, sizes_alone: bool = False
) -> Document:
    """The page about a Jacobian.

    `show`: the number of rows or columns to write out; if it is None, all of them where they fit.
    `sizes_alone`: whether its entries, with vec row by row, are left out.

    Raises:
        InputError: there is no such language.
        ProofError: its entries or its structure are not proved.
    """
    page = _Page(found, dtype, language)
    blocks = (*page.tied(), *page.blocks(show, sizes_alone=sizes_alone))
    return Document(language, page.say("title"), blocks, whole=True)


class _Page:
    def __init__(self, found: ArrayTask, dtype: str, language: str) -> None:
        self.found = found
        self.dtype = dtype
        self.language = language
        self.local = LocalJacobian(found.task, found.of, found.wrt)
        self.size = self.local.size(dtype)
        self.notation = ProgramNotation(found.task, None)
        self.fields = self._fields()

    def tied(self) -> Iterator[Block]:
        """That the entries of an input of a structure are taken as if each were free."""
        wrt, structure = self.found.wrt, self.found.tied
        if structure:
            words = {"assumed": Code(f"{wrt}={structure}"), "Z": self.fields["X"]}
            words["J"] = self.fields["jacobian"]
            yield Paragraph(fill(self.language, "array.tied", words))

    def blocks(self, show: int | None, *, sizes_alone: bool) -> Iterator[Block]:
        """The size of the Jacobian, its entries, its structure, and the matrix itself."""
        say, size = self.say, self.size
        zeros = "full" if size.nonzero == size.count else "nonzero" if size.nonzero else "all_zero"
        keys = ["count", "memory", zeros]
        keys += ["matrix_form"] if self.local.read else []
        yield Paragraph(say("shapes"))
        yield Bullets(tuple(map(say, keys)))
        if sizes_alone:
            return
        yield Paragraph(say("local"))
        yield Equation(self.notation.chain(entry_chain(self.found)))
        yield Paragraph(say("layout"))
        chain = structure(self.found)
        if chain is not None:
            yield Paragraph(say("structure"))
            yield Equation(self.notation.chain(chain))
            products = cast("KroneckerProducts", chain.sides[-1]).products
            if any(part.swapped for product in products for part in product):
                yield Paragraph(say("reordered"))
        if show is not None or max(size.rows, size.cols) <= _WRITTEN:
            written = self.written(show or _WRITTEN)
            if show is not None or written.rights[0].width <= _WIDEST:
                yield Paragraph(say("written"))
                yield Equation(written)

    def written(self, most: int) -> Aligned:
        """All entries, each the general one with numbers for its indices."""
        found = pattern(*self.local.shapes, most, self.local.at)

        def cell(row: Place, col: Place) -> Box:
            if row.left_out or col.left_out:
                return left_out(row, col)
            form = found.entries.get((row, col))
            return NumberBox("0") if form is None else self.notation.indices.form(form)

        grid = Grid(tuple(tuple(cell(row, col) for col in found.cols) for row in found.rows))
        return Aligned(partial_ratio(self.vec(self.found.of), self.vec(self.found.wrt)), (grid,))

    # -- sentences -----------------------------------------------------------------------------

    def say(self, key: str) -> Segments:
        """A message with its fields filled in."""
        return fill(self.language, f"jacobian.{key}", self.fields)

    def vec(self, name: str) -> Box:
        """A matrix read row by row; a vector or a number is its own."""
        box = name_box(name)
        return vec(box) if len(self.found.task.shapes[name]) > 1 else box

    def _fields(self) -> Filling:
        """The formulas and numbers that stand in sentences."""
        task, formulas, size = self.found.task, self.notation.formulas, self.size
        of, wrt = self.found.of, self.found.wrt
        value = task.sweep.graph.definition(of)
        arrays = [name for name in task.program.inputs() if task.shapes[name]]
        dims = [dim.size for shape in self.local.shapes for dim in shape]
        word = messages(self.language)["jacobian.bytes"]
        boxes: dict[str, Box] = {
            "X": name_box(wrt),
            "Y": name_box(of),
            "vecX": self.vec(wrt),
            "vecXT": vec(Scripts(name_box(wrt), sup=Operator("transpose"))),
            "dX": formulas.gradient(wrt),
            "jacobian": partial_ratio(name_box(of), name_box(wrt)),
            "product": Row((name_box(of), Operator("equals"), formulas.node(value))),
            "sizes": times(*(dims or [1])),
            "commutation": swap_box(formulas),
        }
        words = {
            "count": f"{size.count:,}",
            "memory": memory_words(size.memory, word),
            "nonzero": f"{size.nonzero:,}",
            "share": f"{size.count / max(size.nonzero, 1):,.3g}",
            "numbers": f"{size.matrix_form:,}",
            "matrix_memory": memory_words(size.matrix_form_memory, word),
            "bytes": str(size.item_size),
            "dtype": self.dtype,
        }
        read = [(Math(formulas.node(Name(name))),) for name in self.local.read]
        return {
            **{key: Text(text) for key, text in words.items()},
            **{key: Math(box) for key, box in boxes.items()},
            "gradient": Code(task.source(task.answer(wrt))),
            "arrays": listed(self.language, map(self.shape, (*arrays, of)), "clause_"),
            "read": listed(self.language, read),
        }

    def shape(self, name: str) -> Segments:
        """X is 2×4."""
        dims = [dim.size for dim in self.found.task.shapes[name]]
        box = {"X": Math(name_box(name)), "shape": Math(times(*dims))}
        kind = ("number", "vector", "array")[min(len(dims), 2)]
        return fill(self.language, f"jacobian.{kind}", box)


def left_out(row: Place, col: Place) -> Box:
    """The dots in the place of entries of a Jacobian that are left out."""
    both = row.left_out and col.left_out
    return Dots("diagonal" if both else "down" if row.left_out else "across")
