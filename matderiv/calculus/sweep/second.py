"""The gradients of a task shown to SymPy as the second engine."""

from __future__ import annotations

from matderiv.calculus.deciding.second_engine import OurGradients, SecondOpinion, second_opinion
from matderiv.calculus.sweep.task import Task

__all__ = ["second_opinion_on"]


def second_opinion_on(task: Task) -> SecondOpinion:
    """Compare the gradients of a task with SymPy's own derivatives of the loss.

    Raises:
        ProofError: SymPy finds another derivative.

    >>> from matderiv.calculus.sweep.task import read_task
    >>> second_opinion_on(read_task("Y = X @ W; L = sum(f(Y))")).entries
    20
    """
    gradients = {f"d{name}": found.formula for name, found in task.sweep.gradients.items()}
    answers = OurGradients(
        program=task.program,
        shapes=task.shapes,
        sizes=task.sizes,
        gradients={name: task.answer(name) for name in task.wrt},
        known={**task.sweep.called, **gradients},
        structures=task.assumed,
        halves=frozenset(name for name in task.wrt if task.way(name) == "inner"),
    )
    return second_opinion(answers)
