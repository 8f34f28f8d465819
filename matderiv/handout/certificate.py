"""The certificate of a derivation: another program can check every link of it.

It is one object of JSON, version 2, of one kind for all programs:

| | |
|---|---|
| `program`, `method`, `assume` | what was asked |
| `convention` | `inner` where gradients by symmetric inputs are those among symmetric matrices |
| `sizes`, `shapes` | the number of each size; the sizes of each name |
| `definitions` | each value as source, those with a name of ours among them |
| `functions` | a name of ours for what is done to each entry of a value, and the loss with it |
| `wrt`, `gradients` | the names differentiated by, and the answers as source |
| `steps` | each with its `kind`, the name that it is about (`wrt`), and its `chains` |
| `chains` | a `kind`; the free letters with their sizes (`indices`); `sides`; `links` |
| `links` | between neighbouring sides: `reason`, `for_all_sizes`, or how many `entries` |
| `gradient` | of a Hessian, Hv or Jv: that of the gradient whose product with V the program is |
| `jacobian` | the `formula` J in the gradient Jᵀv, the `direction` v, and the `layout` of J |
| `proof`, `sha256` | the totals; the digest of all else, as JSON with sorted keys, no spaces |

A side is an array, read at the indices `at`: its `kind`, its `entry` there in index notation,
what it is `of` as source where it is written as a formula, all `entries` at the sizes where it is
written out, and `latex` for display. See `index_text` for both notations.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, TypeAlias

from matderiv._budget import bounded
from matderiv.calculus.index_forms.contraction import contracted
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.expanded import written_out
from matderiv.calculus.index_forms.forms import (
    Entry,
    Form,
    Index,
    atoms_in,
    placed,
    single,
)
from matderiv.calculus.index_forms.meaning import form_of
from matderiv.calculus.sweep.task import Task
from matderiv.derivation import sides
from matderiv.derivation.links import Chain, ProvedSteps, Step
from matderiv.errors import TooLarge, UnsupportedError
from matderiv.expression.nodes import Functional, MatMul, Name, Node, walk
from matderiv.expression.shapes import Shape
from matderiv.handout.index_text import IndexText, formula_text
from matderiv.notation.latex import latex
from matderiv.notation.program import ProgramNotation, readable_show

__all__ = ["VERSION", "WRITERS", "ReadOff", "certificate"]

VERSION = 2

#: An object of JSON.
_Json: TypeAlias = dict[str, Any]

#: Entries of all arrays of a program together up to which arrays are written out at the sizes.
_SMALL = 120
#: The work that writing out one array may take.
_WORK = 2_000


@dataclass(frozen=True, slots=True)
class ReadOff:
    """The Jacobian J read off the gradient Jᵀv of ⟨v, y⟩, which is Jv in denominator layout."""

    formula: Node
    direction: str
    layout: str


def certificate(
    derivation: ProvedSteps, gradient: ProvedSteps | None = None, jacobian: ReadOff | None = None
) -> str:
    """The certificate as text.

    It holds that of the `gradient` in which its program ends, and the `jacobian` in its own.

    Raises:
        UnsupportedError: the values of an undefined function are arrays.
    """
    for assignment in derivation.task.program.assignments:
        for node in walk(assignment.value):
            if isinstance(node, Functional) and node.sizes:
                raise UnsupportedError(
                    "A certificate has no word for undefined functions whose values are arrays, as "
                    f"those of {node.function} are; other formats hold the derivation."
                )
    made = _sealed(derivation, gradient, jacobian)
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def _sealed(
    derivation: ProvedSteps, gradient: ProvedSteps | None = None, jacobian: ReadOff | None = None
) -> _Json:
    """The content, and the digest of it."""
    task = derivation.task
    proof = derivation.proof
    notation = ProgramNotation(task, readable_show(task))
    content: _Json = {
        "format": "matderiv certificate",
        "version": VERSION,
        "program": replace(task.program, asked=()).source(),  # sizes as letters, as in all forms
        "method": task.method,
        "assume": dict(task.assumed),
        **({} if task.convention == "entries" else {"convention": task.convention}),
        "sizes": {s: n for s, n in task.sizes.items() if s != str(n)},
        "shapes": {name: [d.symbol for d in shape] for name, shape in task.shapes.items()},
        "definitions": {a.name: formula_text(a.value, ()) for a in task.sweep.graph.values},
        "functions": _functions(derivation),
        "wrt": list(derivation.wrt),
        "gradients": {n: formula_text(derivation.answer(n), ()) for n in derivation.wrt},
        "steps": [_step(step, task, notation) for step in derivation.steps],
        "proof": {
            "equalities": proof.equalities,
            "for_all_sizes": proof.for_all_sizes,
            "compared": proof.compared,
            "entries": proof.entries,
        },
    }
    if gradient is not None:
        content["gradient"] = _sealed(gradient)
    if jacobian is not None:
        content["jacobian"] = {
            "formula": formula_text(jacobian.formula, ()),
            "direction": jacobian.direction,
            "layout": jacobian.layout,
        }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return content | {"sha256": hashlib.sha256(text.encode()).hexdigest()}


def _functions(derivation: ProvedSteps) -> _Json:
    """The definition of a function that this derivation named f, and of ∂L/∂f."""
    close = derivation.close
    if close is None or close.summand is None or close.summand.body is None:
        return {}
    found = close.summand
    body, loss = (formula_text(node, ()) for node in (close.summand.body, found.loss))
    return {found.function: {"of": close.value, "body": body, "loss": loss}}


def _step(step: Step, task: Task, notation: ProgramNotation) -> _Json:
    own = () if step.wrt is None else task.input_indices(task.shapes[step.wrt])
    notation = replace(notation, about=step.wrt or "")
    return {
        "kind": step.kind,
        "wrt": step.wrt,
        "chains": [_chain(chain, own, task, notation) for chain in step.chains],
    }


def _chain(chain: Chain, own: tuple[Index, ...], task: Task, notation: ProgramNotation) -> _Json:
    indices = _Writer(task, own, ()).letters_of(chain.links[0].left)
    writer = _Writer(task, own, tuple(indices))
    return {
        "kind": chain.kind,
        "indices": indices,
        "sides": [writer.side(s) | {"latex": latex(notation.side(s))} for s in chain.sides],
        "links": [
            {
                "reason": link.reason,
                "for_all_sizes": link.verdict.index,
                "entries": link.verdict.entries,
            }
            for link in chain.links
        ],
    }


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the sides of one chain.

    `own`: the indices of the step's subject. `free`: the free letters of the chain.
    """

    task: Task
    own: tuple[Index, ...]
    free: tuple[str, ...]

    def side(self, side: sides.Side) -> _Json:
        """A side, by the writer of its kind.

        Raises:
            TypeError: there is no writer of its kind.
        """
        writer = WRITERS.get(type(side))
        if writer is None:
            raise TypeError(f"no certificate can hold a side of the kind {type(side).__name__}")
        return writer(self, side)

    def letters_of(self, first: sides.Side) -> dict[str, str]:
        """The letters that the first side of a chain leaves free, with the sizes they run to."""
        shape = self.task.sweep.facts.shape
        own: dict[str, str] = {}
        if isinstance(first, sides.Formula):
            pairs = zip(self.places(first.node), self.shape(first.node), strict=True)
            own |= {i: dim.symbol for i, dim in pairs if isinstance(i, str)}
        for entry in (a for a in atoms_in(self.form(first)) if isinstance(a, Entry)):
            name = entry.name.replace("δ", "")
            for index, dim in zip(entry.indices, shape(Name(name)), strict=True):
                if isinstance(index, str) and index in self.task.letters:
                    own.setdefault(index, dim.symbol)
        return own

    # -- entries -----------------------------------------------------------------------------

    @property
    def entries(self) -> Entries:
        """General entries."""
        facts = self.task.sweep.facts
        return Entries(facts.shape, assumed=facts.assumed)

    @property
    def text(self) -> IndexText:
        """Writes forms, other letters than those of values and inputs first."""
        return IndexText(self.task.sum_letters, self.own)

    def shape(self, node: Node) -> Shape:
        """The shape of a formula."""
        return self.task.sweep.facts.shape(node)

    def places(self, node: Node) -> tuple[Index, ...]:
        """The indices at which a formula is read."""
        return self.task.input_indices(self.shape(node))

    def form(self, side: sides.Side) -> Form:
        """The general entry of a side."""
        match side:
            case sides.Indexed(form):
                return form
            case sides.Formula(node):
                return self.entries.at(node, *self.places(node))
            case sides.SpelledProduct(left, right):
                node = MatMul(left.node, right.node)
                return self.entries.at(node, *self.places(node))
            case sides.EntryOf(node, indices):
                return self.entries.at(node, *indices)
            case sides.WrittenEntry(expr=expr) | sides.Spelled(expr=expr):
                return form_of(expr, self.entries)
        if isinstance(side, sides.RouteSide):
            return side.form(self.entries)
        raise TypeError(f"no general entry is known of the kind {type(side).__name__}")

    # -- sides -------------------------------------------------------------------------------

    def read(self, kind: str, side: sides.Side, *at: Index, of: Node | str | None = None) -> _Json:
        """A side as its entry at indices, with the source of the array."""
        text = self.text.form(self.form(side), {i: i for i in self.free})
        made = {"kind": kind, "at": list(map(str, at)), "entry": text}
        if of is None:
            return made
        return made | {"of": of if isinstance(of, str) else formula_text(of, self.own)}

    def whole(self, kind: str, side: sides.Side, node: Node) -> _Json:
        """A formula as an array."""
        return self.read(kind, side, *self.places(node), of=node)

    def spelled(self, side: sides.Side, at: tuple[Index, ...], over: Shape) -> _Json:
        """All entries at the sizes, if they are not too many."""
        shapes = self.task.shapes.values()
        if sum(math.prod(dim.size for dim in shape) for shape in shapes) > _SMALL:
            return {}
        form = self.form(side)

        def cell(*place: int) -> str:
            put = {i: n for i, n in zip(at, place, strict=True) if isinstance(i, str)}
            made = written_out(contracted(placed(form, dict(put))), self.task.sizes)
            return self.text.form(made)

        try:
            with bounded(_WORK):
                return {"entries": _nested([dim.size for dim in over], cell)}
        except TooLarge:
            return {}


#: Writes a side of one kind.
_SideWriter: TypeAlias = Callable[[_Writer, Any], _Json]


def _spelled(writer: _Writer, side: sides.Spelled) -> _Json:
    made = writer.read("spelled", side, *side.indices, of=side.node)
    return made | writer.spelled(side, side.indices, writer.shape(side.node))


def _cells(writer: _Writer, side: sides.Cells) -> _Json:
    return writer.read("cells", side, *side.indices) | writer.spelled(side, side.indices, side.over)


def _differential(writer: _Writer, side: sides.Differential) -> _Json:
    of = f"differential({formula_text(side.node, writer.own)}, {side.name})"
    return writer.read("differential", side, *side.indices, of=of)


def _slice(writer: _Writer, side: sides.Slice) -> _Json:
    of = f"Partial({side.of.name}, {writer.text.form(single(side.wrt))})"
    return writer.read("slice", side, *side.of.indices, of=of)


def _entry(kind: str) -> _SideWriter:
    """The general entry of a formula."""
    return lambda writer, side: writer.read(kind, side, *side.indices, of=side.node)


#: Who writes each kind of side. `Numerals` stand in exercises alone.
WRITERS: Mapping[type, _SideWriter] = MappingProxyType(
    {
        sides.Formula: lambda writer, side: writer.whole("formula", side, side.node),
        sides.Spelled: _spelled,
        sides.SpelledProduct: lambda writer, side: writer.whole(
            "product", side, MatMul(side.left.node, side.right.node)
        ),
        sides.Indexed: lambda writer, side: writer.read("indexed", side),
        sides.EntryOf: _entry("entry"),
        sides.WrittenEntry: _entry("written"),
        sides.Contraction: _entry("contraction"),
        sides.Vec: _entry("vec"),
        sides.Matrix: _entry("array"),
        sides.Differential: _differential,
        sides.Slice: _slice,
        sides.Cells: _cells,
        sides.Inner: lambda writer, side: writer.read("inner", side),
        sides.VecPartial: lambda writer, side: writer.read(
            "jacobian", side, *side.of.indices, *side.wrt.indices
        ),
        sides.Kroneckers: lambda writer, side: writer.read(
            "jacobian", side, *side.parts[0].rows, *side.parts[0].cols
        ),
        sides.Times: lambda writer, side: writer.read("times", side, *side.indices),
    }
)


def _nested(
    sizes: list[int], cell: Callable[..., str], at: tuple[int, ...] = ()
) -> list[Any] | str:
    """The cells of an array as lists of lists."""
    if len(at) == len(sizes):
        return cell(*at)
    return [_nested(sizes, cell, (*at, i)) for i in range(1, sizes[len(at)] + 1)]
