"""The page about a Jacobian: its count, memory, zeros and structure, and the way around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from matderiv.calculus.jacobian import JacobianSize
from matderiv.calculus.sweep.in_one_piece import ArrayTask
from matderiv.calculus.sweep.local_jacobian import LocalJacobian
from matderiv.derivation.links import Chain
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
    Symbol,
    times,
)
from matderiv.notation.methods import swap_box
from matderiv.notation.names import name_box, partial_ratio, vec
from matderiv.notation.program import ProgramNotation

__all__ = ["JacobianFacts", "compose_jacobian", "memory_words"]

_WIDEST = 60.0  # em of a matrix that is written out unasked
_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def memory_words(size: int, word: str = "bytes") -> str:
    """A number of bytes in the largest unit that it fills; `word` is the name of the smallest.

    >>> memory_words(4 * 64 * 1024**3), memory_words(192), memory_words(1536)
    ('256 GiB', '192 bytes', '1.5 KiB')
    """
    power = min((max(size, 1).bit_length() - 1) // 10, len(_UNITS))
    value = size / 1024**power
    digits = f"{value:,.0f}" if value == int(value) or value >= 100 else f"{value:.3g}"  # noqa: PLR2004
    return f"{digits} {_UNITS[power - 1] if power else word}"


@dataclass(frozen=True, slots=True)
class JacobianFacts:
    """The Jacobian of a page, its size and its proved equalities.

    `entries`: the chains of the entry of Y and of its derivative. `structure`: the chain of
    Kronecker products, if the Jacobian is one. `most`: the number of rows or columns to write out,
    0 for none; unless `asked` for, only as many as fit on a page.
    """

    found: ArrayTask
    jacobian: LocalJacobian
    size: JacobianSize
    dtype: str
    entries: tuple[Chain, ...]
    structure: Chain | None
    most: int
    asked: bool


def compose_jacobian(facts: JacobianFacts, language: str) -> Document:
    """The page about a Jacobian.

    Raises:
        InputError: there is no such language.
    """
    page = _Page(facts, language, ProgramNotation(facts.found.task, None))
    return Document(language, page.say("title"), tuple(page.blocks()), whole=True)


@dataclass(frozen=True, slots=True)
class _Page:
    facts: JacobianFacts
    language: str
    notation: ProgramNotation

    def blocks(self) -> Iterator[Block]:
        """The size of the Jacobian, its entries, its structure, and the matrix itself."""
        facts, say = self.facts, self.say
        yield Paragraph(say("shapes"))
        yield Bullets(tuple(say(k) for k in ("count", "memory", self.zeros, "matrix_form")))
        yield Paragraph(say("local"))
        yield Equation(self.notation.chain(facts.entries[-1]))
        yield Paragraph(say("layout"))
        if facts.structure is not None:
            yield Paragraph(say("structure"))
            yield Equation(self.notation.chain(facts.structure))
            if self.swaps:
                yield Paragraph(say("reordered"))
        written = self.written() if facts.most else None
        if written and (facts.asked or written.rights[0].width <= _WIDEST):
            yield Paragraph(say("written"))
            yield Equation(written)

    @property
    def zeros(self) -> str:
        """The key of the message about entries that are not zero."""
        return "full" if self.facts.size.nonzero == self.facts.size.count else "nonzero"

    @property
    def swaps(self) -> bool:
        """Whether a Kronecker product is reordered."""
        chain = self.facts.structure
        return chain is not None and any(
            part.swapped
            for side in chain.sides
            if isinstance(side, KroneckerProducts)
            for product in side.products
            for part in product
        )

    def written(self) -> Aligned:
        """All entries, each the general one with numbers for its indices."""
        jacobian = self.facts.jacobian
        found = pattern(*jacobian.shapes, self.facts.most, jacobian.at)

        def cell(row: Place, col: Place) -> Box:
            if row.left_out or col.left_out:
                both = row.left_out and col.left_out
                return Dots("diagonal" if both else "down" if row.left_out else "across")
            form = found.entries.get((row, col))
            return NumberBox("0") if form is None else self.notation.indices.form(form)

        grid = Grid(tuple(tuple(cell(row, col) for col in found.cols) for row in found.rows))
        return Aligned(partial_ratio(self.vec(jacobian.of), self.vec(jacobian.wrt)), (grid,))

    # -- sentences -----------------------------------------------------------------------------

    def say(self, key: str) -> Segments:
        """A message with its fields filled in."""
        return fill(self.language, f"jacobian.{key}", self.fields())

    def vec(self, name: str) -> Box:
        """A matrix read row by row; a vector or a number is its own."""
        box = name_box(name)
        return vec(box) if len(self.facts.found.task.shapes[name]) > 1 else box

    def fields(self) -> Filling:
        """The formulas and numbers that stand in sentences."""
        facts, task, formulas = self.facts, self.facts.found.task, self.notation.formulas
        of, wrt, size = facts.found.of, facts.found.wrt, facts.size
        value = task.sweep.graph.value(of)
        assert value is not None
        arrays = [name for name in task.program.inputs() if task.shapes[name]]
        dims = [dim.size for shape in facts.jacobian.shapes for dim in shape]
        word = messages(self.language)["jacobian.bytes"]
        boxes: dict[str, Box] = {
            "X": name_box(wrt),
            "Y": name_box(of),
            "vecX": self.vec(wrt),
            "vecXT": vec(Scripts(name_box(wrt), sup=Symbol("T"))),
            "vecY": self.vec(of),
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
            "dtype": facts.dtype,
        }
        texts: dict[str, Segments] = {key: (Text(text),) for key, text in words.items()}
        maths: dict[str, Segments] = {key: (Math(box),) for key, box in boxes.items()}
        read = [(Math(formulas.node(Name(name))),) for name in facts.jacobian.read]
        return {
            **texts,
            **maths,
            "gradient": Code(task.source(task.answer(wrt))),
            "arrays": listed(
                self.language, [self.shape(name) for name in (*arrays, of)], "clause_"
            ),
            "read": listed(self.language, read),
        }

    def shape(self, name: str) -> Segments:
        """X is 2×4."""
        dims = [dim.size for dim in self.facts.found.task.shapes[name]]
        box = {"X": Math(name_box(name)), "shape": Math(times(*dims))}
        return fill(self.language, "jacobian.array", box)
