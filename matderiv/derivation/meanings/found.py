"""The meaning of gradients: patterns that are known by a name, each of whose claims is proved.

A pattern is found by how the program is written. It is kept only where all of its claims are
proved, so that a page never says of a program what does not hold for it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from matderiv.calculus.sweep.task import Task
from matderiv.derivation.judge import Judge
from matderiv.derivation.links import Link
from matderiv.derivation.meanings.attention import rowsums
from matderiv.derivation.meanings.eigenvectors import eigenvectors
from matderiv.derivation.meanings.likelihood import likelihood
from matderiv.derivation.meanings.normal import normal
from matderiv.derivation.meanings.normalised import normalised
from matderiv.derivation.meanings.residual import residual
from matderiv.derivation.meanings.statements import Equality, Finder, Meaning, MeaningKind, Unfolded
from matderiv.derivation.meanings.uses import added_to_all, fork
from matderiv.derivation.sides import Formula
from matderiv.expression import nodes
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.nodes import Node, names_in

__all__ = ["meanings"]

#: The patterns, in the order in which a page speaks of them.
_FINDERS: tuple[Finder, ...] = (
    residual,
    normal,
    normalised,
    rowsums,
    likelihood,
    eigenvectors,
    fork,
    added_to_all,
)


@lru_cache(maxsize=4)
def meanings(task: Task) -> tuple[Meaning, ...]:
    """The statements about the gradients of a task; each kind once.

    >>> from matderiv.calculus.sweep.task import read_task
    >>> ridge = read_task("L = sum((X @ W - T)**2) + lam*sum(W**2)", ("W",))
    >>> [meaning.kind for meaning in meanings(ridge)]
    ['normal', 'fork']
    """
    program = Unfolded(task)
    made: dict[MeaningKind, Meaning] = {}
    for finder in _FINDERS:
        for kind, shown, claims in finder(program):
            if kind not in made:
                links = tuple(_link(claim.task or task, claim) for claim in claims)
                if all(link.verdict.status == "equal" for link in links):
                    made[kind] = Meaning(kind, shown, links)
    return tuple(made.values())


def _link(task: Task, claim: Equality) -> Link:
    """The claim with its verdict: gradients are what the sweep proves them to be."""
    left, right = Formula(claim.left), Formula(claim.right)
    names = names_in(claim.left) | names_in(claim.right)
    stated = [n for n in task.sweep.gradients if f"d{n}" in names and f"d{n}" not in task.shapes]
    others = {of for name in stated for of in task.sweep.upstream(name)}
    known = [of for of in others if not _is_given(task.sweep.gradients[of].formula)]
    verdict = Judge(task, "", (f"d{of}" for of in (*stated, *known))).little(left, right)
    if verdict.status == "equal":
        index = all(task.prover.all_of(name).index for name in stated)
        verdict = replace(verdict, index=verdict.index and index)
    return Link(task, left, right, "pattern", verdict)


def _is_given(formula: Node) -> bool:
    """Whether a gradient is by the derivative of an undefined function."""
    return any(
        isinstance(node, nodes.Functional)
        or (isinstance(node, nodes.Apply) and node.function not in FUNCTIONS)
        for node in nodes.walk(formula)
    )
