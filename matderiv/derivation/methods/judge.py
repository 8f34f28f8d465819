"""The judge of links in derivations by other methods."""

from __future__ import annotations

from fractions import Fraction

from matderiv.calculus.forms import (
    ONE,
    Atom,
    Delta,
    Entry,
    Form,
    Rate,
    Term,
    added,
    multiplied,
    single,
)
from matderiv.derivation.equations import Judge
from matderiv.derivation.methods.sides import Differential
from matderiv.derivation.program import System

__all__ = ["RouteJudge"]


class RouteJudge(Judge):
    """A judge who also knows what dZ, dL and e_p e_qᵀ are.

    dZ is Σ_pq ∂z_ij/∂x_pq·dx_pq, by the definition of Z and not by rules for differentials; dL is
    the sum of ∂L/∂z_ij·dz_ij over all values that use X; ∂x_ij/∂x_pq is 1 where the indices agree.
    """

    def __init__(self, system: System, name: str) -> None:
        sweep = system.sweep
        self.users = tuple(dict.fromkeys(use.by for use in sweep.gradients[name].uses))
        super().__init__(sweep, name, self.users)
        self._at = system.letters[2:4]
        self._own = sweep.graph.shapes[name]

    def _atom(self, atom: Atom) -> Form | None:
        match atom:
            case Rate(of=Entry(name=name, indices=rows), wrt=Entry(indices=cols)) if (
                name == self.name
            ):
                return _unit(rows, cols)
            case Entry(name=name, indices=indices) if name == f"ε{self.name}":
                return _unit(indices, self._at)
            case Entry(name=name, indices=indices) if name[:1] == "δ" and name[1:] != self.name:
                return self._change(name[1:], indices)
        return super()._atom(atom)

    def _change(self, name: str, indices: tuple[str | int, ...]) -> Form:
        """dz_ij, or dL through everything that uses the name."""
        graph = self.sweep.graph
        parts: list[Form] = []
        if name in self.users:
            value = graph.value(name)
            assert value is not None
            made = Differential(value, self.name, indices, self._own).form(self.entries)
            if name != graph.loss:
                return made
            parts.append(made)
        for by in self.users:
            if by == graph.loss:
                continue
            bound = tuple((self.entries.letter(), d.symbol) for d in graph.shapes[by])
            places = tuple(letter for letter, _ in bound)
            product = multiplied(single(Entry(f"d{by}", places)), self._change(by, places))
            parts.append(tuple((Term(t.atoms, t.bound + bound), c) for t, c in product))
        return added(parts)


def _unit(rows: tuple[str | int, ...], cols: tuple[str | int, ...]) -> Form:
    made: Form = ((ONE, Fraction(1)),)
    for one, other in zip(rows, cols, strict=False):
        made = multiplied(made, single(Delta(one, other)))
    return made
