"""Sizes that are worked out from others, as the texts N + M and H*D, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from matderiv.errors import ShapeError
from matderiv.expression._sizes import ShapeVariables, SizeVariable, join, words
from matderiv.expression.size_text import (
    SizeText,
    asked_of,
    asked_text,
    is_length,
    is_unnamed,
    is_worked_out,
    letters_of_size,
    put,
    size_number,
    size_sum,
)

__all__ = ["WorkedSizes", "solved_size"]


class WorkedSizes:
    """The sizes that a program writes with letters, and those that are worked out from others.

    `letter` gives the size of a letter, and `shape` the sizes of an array by its name.
    """

    def __init__(
        self, letter: Callable[[str], SizeVariable], shape: Callable[[str], ShapeVariables]
    ) -> None:
        self.letters: dict[str, SizeVariable] = {}
        #: Sizes that are worked out from others: the text, and what its letters stand for.
        self.worked: list[tuple[SizeVariable, str, dict[str, SizeVariable]]] = []
        self._letter = letter
        self._shape = shape

    def size(self, size: int | str) -> SizeVariable:
        """A number, or the size with this letter."""
        if isinstance(size, int):
            return SizeVariable(size, fixed=True)
        if is_worked_out(size):
            return self.worked_out(size, {})
        if is_length(size):
            return self._asked(size)
        if size not in self.letters:
            unnamed = is_unnamed(size)
            self.letters[size] = SizeVariable() if unnamed else self._letter(size)
        return self.letters[size]

    def _asked(self, length: str) -> SizeVariable:
        """A size that an array is asked for."""
        name, axis = asked_of(length)
        shape = self._shape(name)
        if axis is None:
            axes = {f"_n{n}": size for n, size in enumerate(shape)}
            return self.worked_out(put("*".join(axes) or "1", {}), axes)
        if not -len(shape) <= axis < len(shape):
            raise ShapeError(
                f"{asked_text(length)}: {name} is {words(shape)}; it has no such axis."
            )
        return shape[axis]

    def worked_out(self, text: SizeText, at: dict[str, SizeVariable]) -> SizeVariable:
        """A size whose text holds letters: those in `at`, and letters of the program."""
        if isinstance(text, int):
            return SizeVariable(text, fixed=True)
        letters = {name: at.get(name) or self.size(name) for name in letters_of_size(text)}
        if text in letters:
            return letters[text]
        found = SizeVariable()
        self.worked.append((found, text, letters))
        self.work_out()
        numbers = [size for size in letters.values() if size.fixed]
        if len(numbers) == len(letters):
            found.fix()
        return found

    def work_out(self) -> None:
        """Give sizes the numbers that follow from others, the other way round where one is open.

        Raises:
            ShapeError: two numbers of one size differ.
        """
        before = None
        while before != (before := sum(size.number is None for size, _, _ in self.worked)):
            for size, text, letters in self.worked:
                known = {name: n for name, at in letters.items() if (n := at.number) is not None}
                if len(known) == len(letters):
                    found = size_number(text, known)
                    if found < 1:
                        raise ShapeError(
                            "A slice leaves no entry, or ends after the last one; give sizes that "
                            "fit."
                        )
                    if not join(size, SizeVariable(found)):
                        raise ShapeError(
                            f"A size that is worked out from others is {found}, and {size} where "
                            "it is used; give sizes that fit."
                        )
                elif len(known) == len(letters) - 1 and size.number is not None:
                    (open_,) = letters.keys() - known.keys()
                    solved = solved_size(text, open_, known, size.number)
                    if solved is not None:
                        letters[open_].settle(solved)
                        if size.fixed:
                            letters[open_].fix()

    def tell_apart(self) -> None:
        """Sizes that are worked out in two ways, as in N + M = K + P, are numbers, not letters.

        From N + 1 = M + 1 follows N = M, so that there is one way.
        """
        alone: dict[tuple[SizeVariable, SizeText], SizeVariable] = {}
        for size, text, at in self.worked:
            if len(at) == 1:
                ((name, own),) = at.items()
                join(alone.setdefault((size.root(), put(text, {name: "n"})), own), own)
        texts: dict[SizeVariable, SizeText] = {}
        for size, text, at in self.worked:
            known = {name: own.fixed and own.number is not None for name, own in at.items()}
            names = {n: str(own) if known[n] else f"s{id(own.root())}" for n, own in at.items()}
            found = put(text, names)
            if texts.setdefault(size.root(), found) != found:
                if "*" in str(text) and any(own.number is None for own in at.values()):
                    raise ShapeError(
                        "Two products of sizes are the same number, which leaves the sizes open; "
                        "declare the shapes of what is reshaped or multiplied, as in --shape X=2x3."
                    )
                for one in (size, *at.values()):
                    one.fix()
        for size, _, at in reversed(self.worked):  # what follows from numbers is one
            if size.fixed:
                for other in at.values():
                    other.fix()

    def symbols(self, letters: dict[SizeVariable, str]) -> None:
        """The texts of sizes that are worked out from sizes with letters, added to these."""
        for size, text, at in self.worked:
            if size.root() in letters or size.fixed:
                continue
            own = {name: letters.get(s.root(), str(s)) for name, s in at.items()}
            letters[size.root()] = str(put(text, own))

    def total(self, sizes: dict[str, SizeVariable]) -> SizeVariable:
        """The sum of sizes; fixed ones are numbers in its text."""
        text: SizeText = 0
        for name, size in sizes.items():
            text = size_sum(text, size.number if size.fixed and size.number else name)
        return self.worked_out(text, sizes)

    def product(self, sizes: Sequence[SizeVariable]) -> SizeVariable:
        """The product of sizes; fixed ones are numbers in its text."""
        text: SizeText = 1
        for n, size in enumerate(sizes):
            own = size.number if size.fixed and size.number else f"_n{n}"
            text = put("a*b", {"a": text, "b": own})
        return self.worked_out(text, {f"_n{n}": size for n, size in enumerate(sizes)})

    def related(self, one: list[SizeVariable], other: list[SizeVariable]) -> None:
        """Make the products of sizes the same."""
        if 1 not in (len(one), len(other)) or not (one and other):
            for size in (*one, *other):
                size.fix()
            return
        few, many = (one, other) if len(one) == 1 else (other, one)
        if few[0].number is not None and any(s.fixed for s in (*few, *many)):
            self.work_out()
        whole = few[0] if len(many) > 1 else None
        made = self.product(many) if whole else many[0]
        if not join(made, few[0]):
            raise ShapeError(f"A size is {few[0]} and {made} at once; give sizes that fit.")
        if made.fixed and whole:
            for size in many:
                size.fix()
        self.work_out()


def solved_size(text: str, name: str, known: Mapping[str, int], value: int) -> int | None:
    """The letter's number at which a size has a value, where the size grows with it evenly."""
    one, two, three = (size_number(text, {**known, name: n}) for n in (1000, 1001, 1002))
    by = two - one
    if by < 1 or three - two != by or (value - one) % by:
        return None
    found = (value - one) // by + 1000
    return found if found >= 1 else None
