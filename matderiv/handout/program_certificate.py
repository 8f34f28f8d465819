"""The certificate of a whole program: another program can evaluate both sides of every link."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from matderiv.calculus.index_forms.contraction import contracted
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.expanded import written_out
from matderiv.calculus.index_forms.forms import (
    Entry,
    Form,
    Index,
    Rate,
    TooLarge,
    bounded,
    placed,
    single,
)
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.links import Chain, Derivation, Step
from matderiv.derivation.sides import (
    Cells,
    Contraction,
    Differential,
    EntryOf,
    Factor,
    Formula,
    Indexed,
    Inner,
    Kronecker,
    Kroneckers,
    Matrix,
    Pushed,
    Side,
    Slice,
    Spelled,
    SpelledProduct,
    Times,
    Vec,
    VecPartial,
)
from matderiv.expression import nodes
from matderiv.expression.nodes import MatMul, Name, Node, transposed
from matderiv.expression.shapes import Shape
from matderiv.handout.certificate import Json, certificate
from matderiv.handout.index_text import IndexText, formula_text
from matderiv.notation.latex import latex
from matderiv.notation.program import ProgramNotation, readable_show

__all__ = ["program_certificate"]

#: Entries of all arrays of a program together up to which arrays are written out at the sizes.
_SMALL = 120
#: The work that writing out one array may take.
_WORK = 2_000

#: What sides are called that are an entry of a formula.
_ENTRIES: dict[type, str] = {
    EntryOf: "entry",
    Pushed: "pushed",
    Contraction: "contraction",
    Vec: "vec",
}


def program_certificate(derivation: Derivation) -> str:
    """The certificate: program, definitions, and every link with both sides and its verdict."""
    task = derivation.task
    graph = task.sweep.graph
    stated: Json = {
        "program": task.program.source(),
        "method": task.method,
        "assume": dict(task.assumed),
        "sizes": {s: n for s, n in task.sizes.items() if s != str(n)},
        "shapes": {name: [d.symbol for d in shape] for name, shape in task.shapes.items()},
        "definitions": {a.name: formula_text(a.value, ()) for a in graph.values},
        "wrt": list(derivation.wrt),
        "gradients": {n: formula_text(derivation.answer(n), ()) for n in derivation.wrt},
    }
    notation = ProgramNotation(task, readable_show(task))

    def side(step: Step, chain: Chain, written: Side) -> Json:
        own = () if step.wrt is None else task.places(task.shapes[step.wrt], 2)
        body = _Writer(task, own, tuple(_runs(chain.links[0].left, task))).side(written)
        return body | {"latex": latex(notation.side(written))}

    return certificate(
        derivation,
        "program",
        stated,
        side,
        lambda chain: {"indices": _runs(chain.links[0].left, task)},
    )


def _runs(first: Side, task: Task) -> dict[str, str]:
    """The letters that the first side of a chain leaves free, and the sizes that they run to."""
    shape = task.sweep.facts.shape
    pairs: list[tuple[tuple[Index, ...], Shape]]
    match first:
        case Formula(node):
            pairs = [(task.places(shape(node), 2), shape(node))]
        case Matrix(node, indices) | Vec(node, indices):
            pairs = [(indices, shape(node))]
        case Indexed(((term, _),)):
            ((atom, _),) = term.atoms
            entries = (atom.of, atom.wrt) if isinstance(atom, Rate) else (atom,)
            pairs = [(e.indices, shape(Name(e.name))) for e in entries if isinstance(e, Entry)]
        case Slice(of, wrt) | VecPartial(of, wrt):
            pairs = [(e.indices, shape(Name(e.name))) for e in (of, wrt)]
        case _:
            raise TypeError(f"no chain begins with {first}")
    return {
        index: dim.symbol
        for indices, dims in pairs
        for index, dim in zip(indices, dims, strict=True)
        if isinstance(index, str)
    }


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the sides of one chain.

    `own` are the indices of what its step is about, `free` the letters that are free in it.
    """

    task: Task
    own: tuple[Index, ...]
    free: tuple[str, ...]

    def side(self, side: Side) -> Json:
        """The mathematics of a side, by the pieces it is written in and as its general entry."""
        match side:
            case Indexed(form):
                return {"type": "indexed", "entry": self.text(form)}
            case Formula(node):
                return self.entry("formula", node, self.places(node))
            case Spelled(node):
                made = self.entry("spelled", node, self.places(node))
                return made | self.written(self.form(node), self.places(node), self.shape(node))
            case SpelledProduct(left, right):
                node = MatMul(left, right)
                made = self.entry("product", node, self.places(node))
                factors = [self.factor(factor) for factor in (left, right)]
                return made | {"factors": factors}
            case Differential(node, name, indices):
                made = self.entry("differential", node, indices, side.form(self.entries))
                return made | {"wrt": name}
            case Matrix(node, indices):
                return self.entry("array", node, indices, side.form(self.entries))
            case EntryOf() | Pushed() | Contraction() | Vec():
                return self.entry(_ENTRIES[type(side)], side.node, side.indices)
        return self.other(side)

    def other(self, side: Side) -> Json:
        """A side that is more than an entry of a formula."""
        match side:
            case Slice(of, _):
                made = self.general("slice", of.indices, side.form(self.entries))
                return made | {"of": self.slice(side)}
            case Cells(form, indices, over):
                return self.general("cells", indices, form) | self.written(form, indices, over)
            case Inner(parts):
                form = side.form(self.entries)
                pairs = [{"of": f"d{name}", "with": self.array(a)} for name, a in parts]
                return self.general("inner", (), form) | {"parts": pairs}
            case VecPartial(of, wrt):
                return self.jacobians((side,), (of.indices, wrt.indices), side.form(self.entries))
            case Kroneckers(parts):
                at = (parts[0].rows, parts[0].cols)
                return self.jacobians(parts, at, side.form(self.entries))
            case Times(parts, indices):
                made = self.general("times", indices, side.form(self.entries))
                written = [
                    {"jacobian": self.jacobian(j, turned=side.inward), "vec": self.formula(node)}
                    for j, node in parts
                ]
                return made | {"transposed": side.transposed != side.inward, "parts": written}
        raise TypeError(f"{side} is not about a whole program")

    # -- entries -----------------------------------------------------------------------------

    @property
    def entries(self) -> Entries:
        """General entries."""
        facts = self.task.sweep.facts
        return Entries(facts.shape, symmetric=facts.symmetric)

    @property
    def writer(self) -> IndexText:
        """Writes forms, other letters than those of values and inputs first."""
        letters = self.task.letters
        return IndexText(letters[4:] + letters[:4], self.own)

    def shape(self, node: Node) -> Shape:
        """The shape of a formula."""
        return self.task.sweep.facts.shape(node)

    def places(self, node: Node) -> tuple[Index, ...]:
        """The indices at which a formula is read."""
        return self.task.places(self.shape(node), 2)

    def form(self, node: Node) -> Form:
        """The entry of a formula there."""
        return self.entries.at(node, *self.places(node))

    def formula(self, node: Node) -> str:
        """A formula as source."""
        return formula_text(node, self.own)

    def text(self, form: Form) -> str:
        """A form as text."""
        return self.writer.form(form, {i: i for i in self.free})

    def general(self, kind: str, at: tuple[Index, ...], form: Form) -> Json:
        """A side by its general entry."""
        return {"type": kind, "at": list(map(str, at)), "entry": self.text(form)}

    def entry(self, kind: str, node: Node, at: tuple[Index, ...], form: Form | None = None) -> Json:
        """An entry of a formula."""
        found = self.entries.at(node, *at) if form is None else form
        return self.general(kind, at, found) | {"of": self.formula(node)}

    def written(self, form: Form, at: tuple[Index, ...], over: Shape) -> Json:
        """All entries at the sizes, if they are not too many."""
        sizes = [dim.size for dim in over]
        shapes = self.task.shapes.values()
        if sum(math.prod(dim.size for dim in shape) for shape in shapes) > _SMALL:
            return {}

        def cell(*place: int) -> str:
            put = {i: n for i, n in zip(at, place, strict=True) if isinstance(i, str)}
            made = written_out(contracted(placed(form, dict(put))), self.task.sizes)
            return self.writer.form(made)

        try:
            with bounded(_WORK):
                return {"entries": _nested(sizes, cell)}
        except TooLarge:
            return {}

    # -- pieces ------------------------------------------------------------------------------

    def factor(self, node: Node) -> Json:
        """An array of a product that is written out."""
        made: Json = {"of": self.formula(node)}
        return made | self.written(self.form(node), self.places(node), self.shape(node))

    def slice(self, side: Slice) -> str:
        """∂Z/∂x_pq as source."""
        wrt = self.text(single(side.wrt))
        return f"Partial({side.of.name}, {wrt})"

    def array(self, array: Node | Slice) -> str:
        """An array, perhaps a slice, as source."""
        return self.slice(array) if isinstance(array, Slice) else self.formula(array)

    def jacobians(
        self,
        parts: tuple[VecPartial | Kronecker, ...],
        at: tuple[tuple[Index, ...], tuple[Index, ...]],
        form: Form,
    ) -> Json:
        """A matrix with a row for every entry of Z and a column for every entry of X."""
        rows, cols = (list(map(str, indices)) for indices in at)
        return {
            "type": "jacobian",
            "rows": rows,
            "cols": cols,
            "entry": self.text(form),
            "parts": [self.jacobian(part, turned=False) for part in parts],
        }

    def jacobian(self, side: VecPartial | Kronecker, *, turned: bool) -> Json:
        """∂vec(Z)/∂vec(X), or a Kronecker product, transposed if it is `turned`."""
        if isinstance(side, VecPartial):
            return {"of": side.of.name, "wrt": side.wrt.name}
        if side.diagonal is not None:
            return {"diagonal": self.formula(side.diagonal)}
        swapped = ("rows" if turned else "cols") if side.swapped else None
        return {
            "factors": [self.kronecker(factor, turned=turned) for factor in side.factors],
            "swapped": swapped,
        }

    def kronecker(self, factor: Factor, *, turned: bool) -> Json:
        """A factor of a Kronecker product with the places of its row and its column."""
        row, col = (factor.col, factor.row) if turned else (factor.row, factor.col)
        if factor.node is None:
            return {"of": f"eye({factor.size})", "row": row, "col": col}
        matrix = turned and len(self.shape(factor.node)) > 1
        node = _turned(factor.node) if matrix else factor.node
        return {"of": self.formula(node), "row": row, "col": col}


def _turned(node: Node) -> Node:
    return nodes.Negate(_turned(node.arg)) if isinstance(node, nodes.Negate) else transposed(node)


def _nested(
    sizes: list[int], cell: Callable[..., str], at: tuple[int, ...] = ()
) -> list[Any] | str:
    """The cells of an array as lists of lists."""
    if len(at) == len(sizes):
        return cell(*at)
    return [_nested(sizes, cell, (*at, i)) for i in range(1, sizes[len(at)] + 1)]
