"""Checking a claimed gradient: right and how it was proved, or wrong and why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from matderiv._collector import uncollected
from matderiv.arguments import NAME, checked
from matderiv.calculus.deciding.decide import Verdict
from matderiv.calculus.sweep.task import chosen
from matderiv.checking.array_claims import read_array_claim
from matderiv.checking.assuming import condition
from matderiv.checking.decide import judged, judged_at_points
from matderiv.checking.diagnose import Cause, cause
from matderiv.checking.evidence import difference_at
from matderiv.checking.misfit import misfit
from matderiv.checking.question import ArrayAsked, Question, ask, ask_array
from matderiv.checking.report import Check
from matderiv.checking.task_with_names import Given
from matderiv.errors import InputError, MatderivError, ProgramSyntaxError
from matderiv.expression import nodes
from matderiv.expression.assumptions import read_assumed, read_convention, read_shaped
from matderiv.expression.nodes import Node, names_in
from matderiv.expression.parse import parse
from matderiv.expression.reshaping import size_of_dim
from matderiv.expression.vocabulary import DEFAULT_PROGRAM
from matderiv.tracing import ProgramLike, program_text

__all__ = ["DERIVATIVES", "check", "judge"]

#: The derivatives that a claim can be about.
DERIVATIVES = ("gradient", "jacobian", "hessian")


@checked(wrt=NAME)
def check(
    program: ProgramLike = DEFAULT_PROGRAM,
    wrt: str | None = None,
    claim: str = "",
    *,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    convention: str | None = None,
    kind: str = "gradient",
) -> Check:
    r"""Whether a formula is ∂L/∂X: proved in index notation, or refuted with a diagnosis.

    Shapes:
        As in `derive`. The verdict is for all sizes; sizes that are equal or 1 would hide
        mistakes, so evidence is then shown at others. `wrt` is an input or an assigned value; it
        defaults to the input that the claim is the gradient by, of those that are arrays. `assume`
        and `convention` are as in `gradient`.

    With a `kind` of "jacobian" or "hessian" the claim is about that; a mixed Hessian is by two
    names with a comma between them. An array of three or four axes is claimed with calls of
    einsum, as a matrix with kron and vec (column by column; K @ vec(X) is vec(X.T)), or by its
    entries, as in "∂y_ij/∂x_pq = a_ip·δ_jq".

    Raises:
        InputError: the program or the claim cannot be read.
        ProofError: the gradient itself is not proved.

    Source:
        The gradient is the one that `derive` and `gradient` print.

    >>> check("Y = X @ W; L = sum(f(Y))", "X", "dY @ W.T").status
    'right'
    >>> print(check("Y = X @ W; L = sum(f(Y))", "X", "2*dY @ W.T").text().split("\n")[1])
    The constant factor is wrong: the claim is 2 times the gradient.
    >>> check("A @ X @ B", "X", "kron(B.T, A)", kind="jacobian").status
    'right'
    >>> ridge = "L = sum((X @ W - T)**2) + lam*sum(W**2)"
    >>> print(check(ridge, "W", "2*X.T @ (X @ W - T) + lam*W").text().split("\n")[1])
    A number is wrong: 2*X.T @ (X @ W - T) + lam*W must be 2*X.T @ (X @ W - T) + 2*lam*W.
    """
    if kind not in DERIVATIVES:
        raise InputError(f"There is no kind {kind[:40]!r}; there are {', '.join(DERIVATIVES)}.")
    text = program_text(program)
    with uncollected():
        if kind != "gradient":
            assumed = read_assumed(parse(text, shapes), assume)
            way = read_convention(convention, assumed)
            by = tuple(name.strip() for name in (wrt or "").split(",") if name.strip())
            array = ArrayAsked("jacobian" if kind == "jacobian" else "hessian", text, by)
            return _read_and_judged(ask_array(array, Given(sizes, shapes, assumed, way)), claim)
        names = (wrt,) if wrt else _meant(claim, _names(text, sizes, shapes, assume))
        question = ask(
            text,
            names[0],
            sizes=sizes,
            shapes=shapes,
            assume=assume,
            convention=convention,
        )
        report = _read_and_judged(question, claim)
        if report.status == "right" or len(names) == 1:
            return report
        shape = question.fitting(report.claim)
        alike = (name for name in names if question.shapes[name] == shape)
        meant = question.about(report.other or next(alike, names[0]))
        return report if meant is None else _read_and_judged(meant, claim)


def _meant(claim: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The name that the last line of a claim says it is the gradient by, as in dX = dY @ W.T."""
    said = re.match(r"\s*d(\w+)\s*=(?!=)", re.split(r"[;\n]", claim.strip())[-1])
    return (said[1],) if said and said[1] in names else names


def _read_and_judged(question: Question, claim: str) -> Check:
    """Whether a claim is right for all sizes, or at the declared ones."""
    try:
        node = read_array_claim(question, claim) or _read(question, claim)
    except ProgramSyntaxError:  # ones((5, 5)) may mean two sizes that are declared
        report = _as_declared(question, claim)
        if report is None:
            raise
        return report
    report = judge(question, node)
    return report if report.status == "right" else _as_declared(question, claim) or report


def _read(question: Question, claim: str) -> Node:
    """The claim as a formula; 0 is the array of zeros that fits."""
    node = question.read(claim)
    if node == nodes.ZERO and question.shape:
        return nodes.zeros(tuple(map(size_of_dim, question.shape)))
    return node


def _as_declared(question: Question, claim: str) -> Check | None:
    """The report on a claim that is right at the declared sizes; None if it is not."""
    declared = question.at_declared
    if declared is None:
        return None
    try:
        node = _read(declared, claim)
        if misfit(node, declared.shapes, declared.wrt) is not None:
            return None
    except InputError:  # it has letters for declared sizes
        return None
    decision = judged(declared, node)
    return Check(declared, node, decision) if decision.status == "equal" else None


def _names(
    program: str,
    sizes: Mapping[str, int | None] | None,
    shapes: Mapping[str, tuple[int, ...]] | None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None,
) -> tuple[str, ...]:
    """The names that a claim may be the gradient by."""
    written, _, known = read_shaped(program, assume, sizes=sizes, shapes=shapes, scalar=True)
    return chosen(written, None, known)


def judge(question: Question, claim: Node) -> Check:
    """Whether a claim that has been read is the gradient.

    Raises:
        InputError: it divides by zero at all sizes.
    """
    try:
        return _judged(question, claim)
    except InputError:
        if not any(isinstance(part, nodes.Size) for part in nodes.walk(claim)):
            raise
        # Such as 0**(N - 1), which has no general entry, and a value from N = 1 on.
        return Check(question, claim, judged_at_points(question, claim))


def _judged(question: Question, claim: Node) -> Check:
    misfitting = misfit(claim, question.shapes, question.wrt)
    if misfitting is None:
        decision = judged(question, claim)
        if decision.status != "refuted":
            return Check(question, claim, decision)
    else:
        decision = Verdict("refuted")
    other = _other(question, claim)
    found = condition(question, claim) if other is None else None
    why = None
    if other is None and (found is None or found.what == "symmetric"):
        why = cause(question, claim)
    in_another = why is not None and why.same is not None and why.of == question.wrt
    if found is not None and why is not None and (in_another or not _is_slip(why)):
        why = None  # or a slip in a formula that the claim does not have, as A + A in 2*A
    return Check(
        question,
        claim,
        decision,
        other,
        misfitting,
        why,
        difference_at(question, claim) if misfitting is None else None,
        found,
    )


def _is_slip(found: Cause) -> bool:
    """Whether one transpose or order is wrong, which shows only where nothing is symmetric."""
    return found.factor is None and [edit.kind for edit in found.edits] in (
        ["transpose"],
        ["whole"],
        ["layout"],
        ["indices"],
        ["vec_order"],
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
