"""The page about a Jacobian: its count, memory, zeros and structure, and the way around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from matderiv.calculus.jacobian import JacobianSize
from matderiv.calculus.problem import Problem
from matderiv.derivation.links import Chain
from matderiv.expression.nodes import MatMul, Name, transposed
from matderiv.handout.document import (
    Block,
    Bullets,
    Code,
    Document,
    Equation,
    Math,
    Paragraph,
    Segment,
    Text,
)
from matderiv.handout.sentences import fill
from matderiv.handout.texts import messages
from matderiv.notation.boxes import Box, Fence, Operator, Row, Scripts, Symbol, times
from matderiv.notation.compose import Notation
from matderiv.notation.names import name_box, partial_ratio, vec

__all__ = [
    "Facts",
    "block",
    "compose_jacobian",
    "jacobian_fields",
    "memory_words",
    "reordered",
    "structure_words",
]

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
class Facts:
    """What the page is about. `gradient` is the matrix form as NumPy-like source."""

    problem: Problem
    wrt: str
    size: JacobianSize
    dtype: str
    gradient: str
    chains: tuple[Chain, ...]


@dataclass(frozen=True, slots=True)
class _Page:
    facts: Facts
    language: str
    notation: Notation

    @property
    def problem(self) -> Problem:
        return self.facts.problem

    @property
    def wrt(self) -> str:
        return self.facts.wrt

    def blocks(self) -> Iterator[Block]:
        say = self.say
        yield Paragraph(say("shapes"))
        yield Bullets(tuple(say(k) for k in ("count", "memory", "nonzero", "matrix_form")))
        local, *written = self.facts.chains
        yield Paragraph(say("local"))
        yield Equation(self.notation.chain(local))
        yield Paragraph(structure_words(self.problem, self.wrt, self.language, self.fields()))
        for chain in written:
            yield Paragraph(say("written"))
            yield Equation(self.notation.chain(chain))

    def say(self, key: str) -> tuple[Segment, ...]:
        return fill(self.language, f"jacobian.{key}", self.fields())

    def fields(self) -> dict[str, Segment]:
        facts = self.facts
        fields = jacobian_fields(facts.problem, facts.wrt, facts.size, self.notation, self.language)
        return fields | {"dtype": Text(facts.dtype), "gradient": Code(facts.gradient)}


def jacobian_fields(
    problem: Problem, wrt: str, size: JacobianSize, notation: Notation, language: str
) -> dict[str, Segment]:
    """The formulas and numbers about a Jacobian that stand in sentences."""
    (y_rows, y_cols), (rows, cols) = problem.shapes[problem.name], problem.shapes[wrt]
    (other,) = (f for f in problem.factors if f != wrt)
    boxes: dict[str, Box] = {
        "Y": name_box(problem.name),
        "X": name_box(wrt),
        "W": name_box(other),
        "vecX": vec(name_box(wrt)),
        "vecXT": vec(Scripts(name_box(wrt), sup=Symbol("T"))),
        "vecY": vec(name_box(problem.name)),
        "dY": notation.gradient(problem.name),
        "dX": notation.gradient(wrt),
        "jacobian": partial_ratio(name_box(problem.name), name_box(wrt)),
        "product": Row(
            (name_box(problem.name), Operator("equals"), notation.node(problem.product.value))
        ),
        "X_shape": times(rows.size, cols.size),
        "Y_shape": times(y_rows.size, y_cols.size),
        "W_shape": times(*(d.size for d in problem.shapes[other])),
        "sizes": times(y_rows.size, y_cols.size, rows.size, cols.size),
        "structure": structure(problem, wrt, notation),
        "commutation": Symbol("P"),
    }
    words = {
        "count": f"{size.count:,}",
        "memory": memory_words(size.memory, messages(language)["jacobian.bytes"]),
        "nonzero": f"{size.nonzero:,}",
        "share": f"{size.count // size.nonzero:,}",
        "numbers": f"{size.matrix_form:,}",
        "matrix_memory": memory_words(
            size.matrix_form_memory, messages(language)["jacobian.bytes"]
        ),
        "bytes": str(size.item_size),
    }
    fields: dict[str, Segment] = {key: Math(box) for key, box in boxes.items()}
    return fields | {key: Text(text) for key, text in words.items()}


def reordered(problem: Problem, wrt: str) -> bool:
    """Whether a factor stands transposed in the product."""
    value = problem.product.value
    assert isinstance(value, MatMul)
    slot = value.left if problem.factors[0] == wrt else value.right
    return slot != Name(wrt)


def structure(problem: Problem, wrt: str, notation: Notation) -> Box:
    """I_N ⊗ Wᵀ for the first factor, A ⊗ I_M for the second; then the reordering."""
    value = problem.product.value
    assert isinstance(value, MatMul)
    rows, _, cols = problem.dims
    kronecker = Operator("kronecker")
    parts: tuple[Box, ...]
    if problem.factors[0] == wrt:
        identity = Scripts(Symbol("I"), name_box(rows.symbol))
        parts = (identity, kronecker, block(problem, notation))
    else:
        other = notation.node(value.left)
        parts = (other, kronecker, Scripts(Symbol("I"), name_box(cols.symbol)))
    if not reordered(problem, wrt):
        return Row(parts)
    return Row((Fence(Row(parts)), Symbol("P")))


def structure_words(
    problem: Problem, wrt: str, language: str, fields: dict[str, Segment]
) -> tuple[Segment, ...]:
    """What the Jacobian is as a Kronecker product, in a sentence or two."""
    side = "left" if problem.factors[0] == wrt else "right"
    single = side == "left" and problem.dims[0].size == 1
    words = fill(language, f"jacobian.structure_{side}{'_one' if single else ''}", fields)
    if not reordered(problem, wrt):
        return words
    space = Text(messages(language)["language.space"])
    return (*words, space, *fill(language, "jacobian.reordered", fields))


def compose_jacobian(facts: Facts, language: str, show: int | None) -> Document:
    """The page about a Jacobian.

    Raises:
        InputError: there is no such language.
    """
    page = _Page(facts, language, Notation(facts.problem, show))
    return Document(language, page.say("title"), tuple(page.blocks()), whole=show is None)


def block(problem: Problem, notation: Notation) -> Box:
    """Wᵀ: what stands in every block of the Jacobian by the first factor."""
    value = problem.product.value
    assert isinstance(value, MatMul)
    return notation.node(transposed(value.right))
