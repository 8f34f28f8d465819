"""The judge of links in derivations by other methods."""

from __future__ import annotations

from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import (
    Atom,
    Entry,
    Form,
    Rate,
    Term,
    added,
    multiplied,
    single,
)
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.judge import Judge, unit
from matderiv.derivation.sides import Differential, summed

__all__ = ["RouteJudge"]


class RouteJudge(Judge):
    """A judge that knows the definitions of dZ, dL and e_p e_qᵀ.

    dz_ij = Σ_pq ∂z_ij/∂x_pq·dx_pq, by the definition of Z and not by rules for differentials; dL =
    Σ ∂L/∂z_ij·dz_ij over all values Z that use X; ∂x_ij/∂x_pq = 1 where the indices agree.
    """

    def __init__(self, task: Task, name: str) -> None:
        sweep = task.sweep
        self.users = sweep.gradients[name].users
        super().__init__(task, name, self.users)
        self._own_shape = sweep.graph.shapes[name]
        self._at = task.input_indices(self._own_shape)

    def own(self, atom: Atom, entries: Entries) -> Form | None:
        """The definition of a quantity that this route introduces."""
        match atom:
            case Rate(of=Entry(name=name, indices=rows), wrt=Entry(indices=cols)) if (
                name == self.name
            ):
                return unit(rows, cols)
            case Entry(name=name, indices=indices) if name == f"ε{self.name}":
                return unit(indices, self._at)
            case Entry(name=name, indices=indices) if name[:1] == "δ" and name[1:] != self.name:
                return self._change(name[1:], indices)
        return super().own(atom, entries)

    def _change(self, name: str, indices: tuple[str | int, ...]) -> Form:
        """dz_ij, or dL through everything that uses the name."""
        graph = self.task.sweep.graph
        parts: list[Form] = []
        if name in self.users:
            value = graph.definition(name)
            made = Differential(name, value, self.name, indices, self._own_shape).form(self.entries)
            if name != graph.loss:
                return made
            parts.append(made)
        for by in self.users:
            if by == graph.loss:
                continue
            places, bound = summed(graph.shapes[by], self.entries)
            product = multiplied(single(Entry(f"d{by}", places)), self._change(by, places))
            parts.append(tuple((Term(t.atoms, t.bound + bound), c) for t, c in product))
        return added(parts)
