"""The row sums of attention, which need the output alone."""

from __future__ import annotations

from collections.abc import Iterator

from matderiv.derivation.meanings.statements import (
    Candidate,
    Equality,
    Shown,
    Unfolded,
    gradient_name,
)
from matderiv.expression import nodes
from matderiv.expression.nodes import Name

__all__ = ["rowsums"]


def rowsums(program: Unfolded) -> Iterator[Candidate]:
    """O = PV with P = softmax(Z): the rows of dP ⊙ P and of dO ⊙ O have the same sums."""
    known = dict(program.named)
    for name, node in program.named:
        match node:
            case nodes.MatMul(Name(p), Name()) if isinstance(known.get(p), nodes.Softmax):
                single = not program.shape(Name(name))
                if single or not (program.free(p) and program.free(name)):
                    continue
                axis = len(program.shape(Name(p))) - 1
                one, other = (
                    nodes.Sum(nodes.Multiply(gradient_name(n), Name(n)), axis, keepdims=True)
                    for n in (p, name)
                )
                shown: Shown = {"equation": (one, other), "P": Name(p)}
                yield "rowsums", shown, (Equality(one, other),)
