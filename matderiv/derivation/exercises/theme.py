"""The theme of a handout's exercises: its program, at sizes that an exercise chooses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random

from matderiv.calculus.sweep.results import GradientStages
from matderiv.calculus.sweep.task import Task, task_of
from matderiv.calculus.sweep.vanishing import is_suspect_here
from matderiv.derivation.links import ProvedSteps
from matderiv.errors import InputError
from matderiv.expression.declared import like
from matderiv.expression.program import Program
from matderiv.expression.shapes import Dim, Shape, infer

__all__ = ["LetterSizes", "Theme", "users"]

#: A number for every letter of a size that may be another number.
LetterSizes = Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Theme:
    """A program with the gradients that are derived; all entries of its inputs are independent.

    `assumed` are the inputs of which the handout knows a structure, and the exercises do not;
    `page` is the task of the handout itself.
    """

    task: Task
    assumed: tuple[str, ...]
    page: Task

    @classmethod
    def of(cls, derivation: ProvedSteps) -> Theme:
        """The theme of a derivation, without its declared structures."""
        task = derivation.task
        if not task.assumed:
            return cls(task, (), task)
        known = _inferred(task, task.program, {}, frozenset())
        return cls(task_of(task.program, task.wrt, known, {}), tuple(task.assumed), task)

    @property
    def program(self) -> Program:
        """The program."""
        return self.task.program

    @property
    def gradients(self) -> Mapping[str, GradientStages]:
        """The gradients by the names that are differentiated by and by the values between."""
        return self.task.sweep.gradients

    @property
    def letters(self) -> tuple[str, ...]:
        """The letters of sizes that are no fixed numbers."""
        return tuple(letter for letter in self.task.sizes if not letter.isdigit())

    def rather(self, names: Iterable[str]) -> list[str]:
        """Those of some names that do not stand in the loss alone, or all if there are none."""
        all_of = list(names)
        return [n for n in all_of if users(self.task, n) != (self.task.loss,)] or all_of

    def small(self, chance: Random, least: int = 2, most: int = 3) -> dict[str, int]:
        """Sizes for work by hand."""
        return {letter: chance.randint(least, most) for letter in self.letters}

    def unequal(self, chance: Random, spare: int = 6) -> dict[str, int]:
        """Sizes of which no two are equal, nor equal to one that is fixed; `spare` are left out."""
        fixed = {int(letter) for letter in self.task.sizes if letter.isdigit()}
        free = [n for n in range(2, 2 + spare + len(self.task.sizes)) if n not in fixed]
        return dict(zip(self.letters, chance.sample(free, len(self.letters)), strict=True))

    def shape(self, name: str, sizes: LetterSizes) -> tuple[int, ...]:
        """The shape of a name at other sizes."""
        return _numbers(self.task.shapes[name], sizes)

    def at(self, sizes: LetterSizes) -> Task:
        """The program and its gradients at other sizes."""
        return self.other(self.program, self.task.wrt, sizes)

    def square(self, size: int) -> Task:
        """The program and its gradients where all sizes are one, so that all products fit.

        Raises:
            InputError: the program itself has sizes that it writes.
        """
        if self.program.letters() or set(self.task.sizes) - {"1", *self.letters}:
            raise InputError("the program writes sizes of its own")
        sizes = dict.fromkeys(self.letters, size)
        one = Dim(next(iter(self.letters), "1"), size)
        known = {
            name: tuple(dim if dim.symbol == "1" else one for dim in shape)
            for name, shape in _inferred(self.task, self.program, sizes, frozenset()).items()
        }
        return _changing(task_of(self.program, self.task.wrt, known, {}, is_suspect_here))

    def other(
        self,
        program: Program,
        wrt: tuple[str, ...],
        sizes: LetterSizes,
        turned: frozenset[str] = frozenset(),
    ) -> Task:
        """Another program over the same inputs, where those in `turned` are transposed.

        Raises:
            InputError: it cannot be derived at these sizes, or a gradient seems to be 0.
        """
        known = _inferred(self.task, program, sizes, turned)
        return _changing(task_of(program, wrt, known, {}, is_suspect_here))


def _changing(task: Task) -> Task:
    """The task.

    Raises:
        InputError: a gradient seems to be 0.
    """
    for name in task.wrt:
        if task.sweep.gradients[name].vanishes:
            raise InputError(f"the gradient by {name} seems to be 0")
    return task


def users(task: Task, name: str) -> tuple[str, ...]:
    """The values that use a name and through which it reaches the loss."""
    return task.sweep.gradients[name].users


def _inferred(
    task: Task, program: Program, sizes: LetterSizes, turned: frozenset[str]
) -> dict[str, Shape]:
    """The shapes of a program over the inputs of a task, at other sizes."""
    shapes = {}
    for name in program.inputs():
        if name in task.shapes:
            shape = _numbers(task.shapes[name], sizes)
            shapes[name] = shape[::-1] if name in turned else shape
    known = task.sizes.keys() & program.letters()
    written = {letter: sizes.get(letter, task.sizes[letter]) for letter in sorted(known)}
    found = infer(program, sizes=written, shapes=shapes)
    own = {n: task.shapes[n][:: -1 if n in turned else 1] for n in shapes}
    return like(found, own)


def _numbers(shape: Shape, sizes: LetterSizes) -> tuple[int, ...]:
    return tuple(sizes.get(dim.symbol, dim.size) for dim in shape)
