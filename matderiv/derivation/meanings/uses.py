"""Names that are used more than once, and vectors that are added to every row."""

from __future__ import annotations

from collections.abc import Iterator

from matderiv.calculus.formulas.flattened import added_up, cost, terms
from matderiv.calculus.formulas.tidying import tidy
from matderiv.derivation.meanings.statements import (
    Candidate,
    Equality,
    Shown,
    Unfolded,
    gradient_name,
)
from matderiv.expression import nodes
from matderiv.expression.nodes import Name

__all__ = ["added_to_all", "fork"]

_MATRIX = 2  # dimensions
_SHARES = 3  # of a gradient that is a sum over the uses of a name
_LONGEST = 16  # cost of a share


def fork(program: Unfolded) -> Iterator[Candidate]:
    """X used twice: ∂L/∂X is the sum of what comes back from both uses."""
    task = program.task
    named = [name for name, _ in program.named]
    for name in (*task.wrt, *named):
        found = task.sweep.gradients.get(name)
        if found is None or not program.free(name) or len(found.users) == 1:
            continue
        shares = [
            tidy(program.named_only(task.whole(name, use.gradient)), task.sweep.facts)
            for use in found.uses
        ]
        if len(shares) > _SHARES or any(cost(share) > _LONGEST for share in shares):
            continue
        total = added_up(term for share in shares for term in terms(share))
        spread = any(isinstance(part, nodes.Ones) for part in nodes.walk(total))
        if len(terms(total)) == 1 or spread:
            continue
        shown: Shown = {"X": Name(name), "equation": (gradient_name(name), total)}
        yield "fork", shown, (Equality(gradient_name(name), total),)


def added_to_all(program: Unfolded) -> Iterator[Candidate]:
    """Z = XW + b by rows: ∂L/∂b is the sum of the rows of ∂L/∂Z."""
    task, shape = program.task, program.shape
    for value, node in program.named:
        if not isinstance(node, nodes.Add | nodes.Subtract) or len(shape(node)) != _MATRIX:
            continue
        for part in nodes.children(node):
            if isinstance(part, Name) and len(shape(part)) == 1 and part.name in task.wrt:
                if not (program.free(value) and program.free(part.name)):
                    continue
                added = nodes.Sum(gradient_name(value), 0)
                claim = Equality(gradient_name(part.name), task.sweep.gradients[part.name].formula)
                total = Equality(gradient_name(part.name), added)
                shown: Shown = {"b": part, "equation": (gradient_name(part.name), added)}
                yield "broadcast", shown, (claim, total)
