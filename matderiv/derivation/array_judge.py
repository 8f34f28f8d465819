"""The judge of pages about arrays of derivatives."""

from __future__ import annotations

from matderiv.calculus.deciding.decide import Attempt
from matderiv.calculus.index_forms.contraction import contracted
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import (
    Atom,
    Entry,
    Form,
    Indices,
    Rate,
    Term,
    multiplied,
    placed,
    single,
)
from matderiv.calculus.index_forms.partials import partial
from matderiv.calculus.sweep.array_steps import ArraySteps
from matderiv.derivation.judge import Judge, unit
from matderiv.derivation.sides import Differential, Side, summed

__all__ = ["ArrayJudge", "twice"]


def twice(loss: str) -> str:
    """d²L as a name."""
    return f"δδ{loss}"


class ArrayJudge(Judge):
    """A judge that knows the array ∂Y/∂X, and dz = Σ_pq ∂z/∂x_pq·dx_pq of every value z.

    ∂z/∂x is by the definition of z in one piece, so it is the whole derivative; d²L is Σ dg·dx of
    the gradient g of L.
    """

    def __init__(self, steps: ArraySteps) -> None:
        self.steps = steps
        self._rates: dict[str, tuple[Indices, Form]] = {}
        super().__init__(steps.task, steps.wrt)

    def own(self, atom: Atom, entries: Entries) -> Form | None:
        """The definition of a derivative or a change."""
        steps = self.steps
        match atom:
            case Rate(of=Entry(name=name, indices=rows), wrt=Entry(indices=cols)) if (
                name == steps.wrt
            ):
                return unit(rows, cols)
            case Rate(of=Entry(name=name, indices=rows), wrt=Entry(indices=cols)):
                letters, form = self._rate(name)
                pairs = zip(letters, (*rows, *cols), strict=True)
                return contracted(placed(form, {i: n for i, n in pairs if isinstance(i, str)}))
            case Entry(name=name, indices=indices) if name == steps.names.array:
                return single(Rate(*steps.split(indices)))
            case Entry(name=name) if steps.names.once and name == twice(steps.names.once):
                places, bound = summed(steps.shape(steps.of), self.entries)
                change = self._change(steps.of, places)
                made = multiplied(change, single(Entry(f"δ{steps.wrt}", places)))
                return tuple((Term(t.atoms, t.bound + bound), c) for t, c in made)
            case Entry(name=name, indices=indices) if name[:1] == "δ" and name[1:] in self._values:
                return self._change(name[1:], indices)
        return super().own(atom, entries)

    def _rate(self, name: str) -> tuple[Indices, Form]:
        """∂z_ij/∂x_pq of a value, with its letters; it is worked out once."""
        if name not in self._rates:
            own = (self.steps.shape(name), self.steps.shape(self.steps.wrt))
            (rows, _), (cols, _) = (summed(shape, self.entries) for shape in own)
            value = self.entries.at(self._values[name], *rows)
            rate = partial(value, Entry(self.steps.wrt, cols), self.entries.letter)
            self._rates[name] = (*rows, *cols), rate
        return self._rates[name]

    def _attempts(self, left: Side, right: Side) -> tuple[Attempt, ...]:
        """As they stand, and with all values unfolded: there is nothing between the two."""
        first, *_, last = super()._attempts(left, right)
        return first, last

    def _change(self, name: str, at: tuple[str | int, ...]) -> Form:
        own = self.steps.shape(self.steps.wrt)
        value = self._values[name]
        return Differential(name, value, self.steps.wrt, at, own).form(self.entries)
