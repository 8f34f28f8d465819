"""Checking a claimed gradient: right and how it was proved, or wrong and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from matderiv.api import check_factor, read
from matderiv.checking.decide import Decision, decide
from matderiv.checking.diagnose import Cause, Misfit, cause, misfit
from matderiv.checking.evidence import Difference, deciding_line, difference_at
from matderiv.checking.program import ProgramReport, check_program
from matderiv.checking.question import Question, ask
from matderiv.errors import InputError, UnsupportedError
from matderiv.expression.nodes import Node
from matderiv.expression.source import source
from matderiv.expression.vocabulary import DEFAULT_PROGRAM

__all__ = ["Report", "check", "judge"]


@dataclass(frozen=True, slots=True)
class Report:
    """What is known of a claim.

    `other`: the matrix that the claim is the gradient by, if it is that of another one.
    `misfit`, `cause`, `difference`: the evidence that it is wrong, as far as there is any.
    """

    question: Question
    claim: Node
    decision: Decision
    other: str | None = None
    misfit: Misfit | None = None
    cause: Cause | None = None
    difference: Difference | None = None

    @property
    def status(self) -> Literal["right", "wrong", "undecided"]:
        """The verdict in one word."""
        words: dict[str, Literal["right", "wrong", "undecided"]]
        words = {"equal": "right", "refuted": "wrong", "undecided": "undecided"}
        return words[self.decision.status]

    @property
    def line(self) -> str:
        """The line of the derivation that decides."""
        return deciding_line(self.question)

    @property
    def gradient(self) -> str:
        """The gradient as the program's derivation ends."""
        return source(self.question.gradient)

    def text(self, lang: str = "en") -> str:
        """The report as lines for a person.

        Raises:
            InputError: there is no such language.
        """
        from matderiv.checking.report import to_text  # loaded only when it is asked for

        return to_text(self, lang)

    def json(self) -> str:
        """The report as JSON; see the README."""
        from matderiv.checking.report import to_json  # as above

        return to_json(self)


def check(
    program: str = DEFAULT_PROGRAM,
    wrt: str = "X",
    claim: str = "",
    *,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> Report | ProgramReport:
    r"""Whether a formula is ∂L/∂X: proved in index notation, or refuted with what is wrong.

    Shapes:
        As in `derive`. The verdict is for all sizes; sizes that are equal or 1 would hide
        mistakes, so evidence is then shown at others.

    Raises:
        InputError: the program or the claim cannot be read.

    Source:
        The gradient is the last line of the derivation that `derive` prints.

    A program with one product and a loss of it gets a `Report`, which looks for the mistake.

    >>> check("Y = X @ W; L = sum(f(Y))", "X", "dY @ W.T").status
    'right'
    >>> print(check("Y = X @ W; L = sum(f(Y))", "X", "2*dY @ W.T").text().split("\n")[1])
    The constant factor is wrong: the claim is 2 times the gradient.
    """
    try:
        problem = read(program, sizes=sizes, shapes=shapes)
    except UnsupportedError:  # of one product
        return check_program(program, wrt, claim, sizes=sizes, shapes=shapes)
    if wrt not in problem.factors and wrt in problem.program.inputs():
        return check_program(program, wrt, claim, sizes=sizes, shapes=shapes)
    check_factor(problem, wrt)
    question = ask(problem, wrt)
    return judge(question, question.read(claim))


def judge(question: Question, claim: Node) -> Report:
    """Whether a claim that has been read is the gradient."""
    misfitting = misfit(claim, question.shapes, question.wrt)
    if misfitting is None:
        decision = decide(question, claim)
        if decision.status != "refuted":
            return Report(question, claim, decision)
    else:
        decision = Decision("refuted")
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
    """The other matrix that a claim is the gradient by."""
    for name in question.problem.factors:
        if name == question.wrt:
            continue
        asked = ask(question.problem, name)
        try:
            if misfit(claim, asked.shapes, name) is None and decide(asked, claim).status == "equal":
                return name
        except InputError:
            continue
    return None
