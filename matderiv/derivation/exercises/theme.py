"""What exercises about a whole program are about: the program, to be taken at other sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random

from matderiv.calculus.sweep import Gradient
from matderiv.calculus.system import System, system_of
from matderiv.derivation.links import Derivation
from matderiv.errors import InputError
from matderiv.expression.program import Program
from matderiv.expression.shapes import Dim, Shape, infer

__all__ = ["Sizes", "Theme", "users"]

#: A number for every letter of a size that may be another number.
Sizes = Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Theme:
    """A program with the gradients that are derived; all entries of its inputs are independent.

    `assumed` are the inputs of which the handout knows a structure, and the exercises do not.
    """

    system: System
    assumed: tuple[str, ...]

    @classmethod
    def of(cls, derivation: Derivation) -> Theme:
        """What a handout is about, without the structure that is declared."""
        system = derivation.system
        if not system.assumed:
            return cls(system, ())
        known = _inferred(system, system.program, {}, frozenset())
        return cls(system_of(system.program, system.wrt, known, {}), tuple(system.assumed))

    @property
    def program(self) -> Program:
        """The program."""
        return self.system.program

    @property
    def gradients(self) -> Mapping[str, Gradient]:
        """The gradients by the names that are differentiated by and by the values between."""
        return self.system.sweep.gradients

    @property
    def letters(self) -> tuple[str, ...]:
        """The letters of sizes that are no fixed numbers."""
        return tuple(letter for letter in self.system.sizes if not letter.isdigit())

    def rather(self, names: Iterable[str]) -> list[str]:
        """Those of some names that do not stand in the loss alone, or all if there are none."""
        all_of = list(names)
        return [n for n in all_of if users(self.system, n) != (str(self.system.loss),)] or all_of

    def small(self, chance: Random, least: int = 2, most: int = 3) -> dict[str, int]:
        """Sizes for work by hand."""
        return {letter: chance.randint(least, most) for letter in self.letters}

    def unequal(self, chance: Random, spare: int = 6) -> dict[str, int]:
        """Sizes of which no two are equal, nor equal to one that is fixed; `spare` are left out."""
        fixed = {int(letter) for letter in self.system.sizes if letter.isdigit()}
        free = [n for n in range(2, 2 + spare + len(self.system.sizes)) if n not in fixed]
        return dict(zip(self.letters, chance.sample(free, len(self.letters)), strict=True))

    def shape(self, name: str, sizes: Sizes) -> tuple[int, ...]:
        """The shape of a name at other sizes."""
        return _numbers(self.system.shapes[name], sizes)

    def at(self, sizes: Sizes) -> System:
        """The program and its gradients at other sizes."""
        return self.other(self.program, self.system.wrt, sizes)

    def square(self, size: int) -> System:
        """The program and its gradients where all sizes are one, so that all products fit.

        Raises:
            InputError: the program itself has sizes that it writes.
        """
        if self.program.letters() or set(self.system.sizes) - {"1", *self.letters}:
            raise InputError("the program writes sizes of its own")
        sizes = dict.fromkeys(self.letters, size)
        one = Dim(next(iter(self.letters), "1"), size)
        known = {
            name: tuple(dim if dim.symbol == "1" else one for dim in shape)
            for name, shape in _inferred(self.system, self.program, sizes, frozenset()).items()
        }
        return system_of(self.program, self.system.wrt, known, {})

    def other(
        self,
        program: Program,
        wrt: tuple[str, ...],
        sizes: Sizes,
        turned: frozenset[str] = frozenset(),
    ) -> System:
        """Another program over the same inputs; those that are `turned` stand transposed.

        Raises:
            InputError: it cannot be derived at these sizes.
        """
        return system_of(program, wrt, _inferred(self.system, program, sizes, turned), {})


def users(system: System, name: str) -> tuple[str, ...]:
    """The values that use a name and through which it reaches the loss."""
    return tuple(dict.fromkeys(use.by for use in system.sweep.gradients[name].uses))


def _inferred(
    system: System, program: Program, sizes: Sizes, turned: frozenset[str]
) -> dict[str, Shape]:
    """The shapes of a program over the inputs of a system, at other sizes."""
    shapes = {}
    for name in program.inputs():
        if name in system.shapes:
            shape = _numbers(system.shapes[name], sizes)
            shapes[name] = shape[::-1] if name in turned else shape
    known = system.sizes.keys() & program.letters()
    written = {letter: sizes.get(letter, system.sizes[letter]) for letter in sorted(known)}
    return infer(program, sizes=written, shapes=shapes)


def _numbers(shape: Shape, sizes: Sizes) -> tuple[int, ...]:
    return tuple(sizes.get(dim.symbol, dim.size) for dim in shape)
