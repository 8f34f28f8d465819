"""Checking a claimed gradient: right and how it was proved, or wrong and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from matderiv._collector import uncollected
from matderiv.calculus.deciding.decide import Verdict
from matderiv.checking.decide import judged
from matderiv.checking.diagnose import cause
from matderiv.checking.evidence import difference_at
from matderiv.checking.misfit import misfit
from matderiv.checking.question import Question, ask
from matderiv.checking.report import Report
from matderiv.errors import MatderivError, ProgramSyntaxError
from matderiv.expression.nodes import Node, names_in
from matderiv.expression.vocabulary import DEFAULT_PROGRAM

__all__ = ["check", "judge"]


def check(
    program: str = DEFAULT_PROGRAM,
    wrt: str = "X",
    claim: str = "",
    *,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
) -> Report:
    r"""Whether a formula is ∂L/∂X: proved in index notation, or refuted with a diagnosis.

    Shapes:
        As in `derive`. The verdict is for all sizes; sizes that are equal or 1 would hide
        mistakes, so evidence is then shown at others. `assume` declares structure, as in
        `gradient`.

    Raises:
        InputError: the program or the claim cannot be read.
        ProofError: the gradient itself is not proved.

    Source:
        The gradient is the one that `derive` and `gradient` print.

    >>> check("Y = X @ W; L = sum(f(Y))", "X", "dY @ W.T").status
    'right'
    >>> print(check("Y = X @ W; L = sum(f(Y))", "X", "2*dY @ W.T").text().split("\n")[1])
    The constant factor is wrong: the claim is 2 times the gradient.
    >>> ridge = "L = sum((X @ W - T)**2) + lam*sum(W**2)"
    >>> print(check(ridge, "W", "2*X.T @ (X @ W - T) + lam*W").text().split("\n")[1])
    A number is wrong: 2*X.T @ (X @ W - T) + lam*W must be 2*X.T @ (X @ W - T) + 2*lam*W.
    """
    with uncollected():
        question = ask(program, wrt, sizes=sizes, shapes=shapes, assume=assume)
        try:
            node = question.read(claim)
        except ProgramSyntaxError:  # ones((5, 5)) may mean two sizes that are declared
            report = _as_declared(question, claim)
            if report is None:
                raise
            return report
        report = judge(question, node)
        return report if report.status == "right" else _as_declared(question, claim) or report


def _as_declared(question: Question, claim: str) -> Report | None:
    """The report on a claim that is right at the declared sizes; None if it is not."""
    declared = question.at_declared
    if declared is None:
        return None
    try:
        node = declared.read(claim)
    except ProgramSyntaxError:  # it has letters for declared sizes
        return None
    if misfit(node, declared.shapes, declared.wrt) is not None:
        return None
    decision = judged(declared, node)
    return Report(declared, node, decision) if decision.status == "equal" else None


def judge(question: Question, claim: Node) -> Report:
    """Whether a claim that has been read is the gradient."""
    misfitting = misfit(claim, question.shapes, question.wrt)
    if misfitting is None:
        decision = judged(question, claim)
        if decision.status != "refuted":
            return Report(question, claim, decision)
    else:
        decision = Verdict("refuted")
    other = _other(question, claim)
    return Report(
        question,
        claim,
        decision,
        other,
        misfitting,
        cause(question, claim) if other is None else None,
        difference_at(question, claim) if misfitting is None else None,
    )


def _other(question: Question, claim: Node) -> str | None:
    """The other input that a claim is the gradient by."""
    shape = question.fitting(claim)
    for name in question.inputs:
        if name == question.wrt or question.shapes[name] != shape:
            continue
        asked = question.about(name)
        if asked is None or not names_in(claim) <= set(asked.names):
            continue
        try:
            if judged(asked, claim).status == "equal":
                return name
        except MatderivError:
            continue
    return None
