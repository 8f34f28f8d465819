"""Numbers and letters for the sizes of a program that its shapes leave open."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Container, Mapping, Sequence

from matderiv.errors import InputError, ShapeError
from matderiv.expression._rules import Rules
from matderiv.expression._sizes import ShapeVariables, SizeVariable, join
from matderiv.expression._worked_sizes import solved_size
from matderiv.expression.size_text import asked_of, is_unnamed, size_number, terms_of_size
from matderiv.expression.source import source

__all__ = ["DEFAULT_SIZES", "OpenSizes"]

#: Sizes of the first product's factors, (N, D) and (D, M), unless the user gives others.
DEFAULT_SIZES = {"N": 2, "D": 4, "M": 3}

#: All other sizes, unequal as far as they go, so that no matrix is square by accident.
_DEFAULTS = (*DEFAULT_SIZES.values(), 5)

_TWO, _FEW = 2, 9  # entries

_FURTHER = tuple("KPQRSTUVABCEFGH")


class OpenSizes:
    """The sizes of the names whose shapes are `known` by rules."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._known = rules.known

    @property
    def _slots(self) -> dict[str, SizeVariable]:
        """N, D and M of the first product, fewer for vectors."""
        return self._rules.products[0][1] if self._rules.products else {}

    def settle(self, numbers: Mapping[str, int]) -> None:
        """Give every size a number: the declared one, or the next default.

        Raises:
            InputError: there is no such size.
            ShapeError: a declared number does not fit.
        """
        slots = self._lettered()
        for name, number in numbers.items():
            if name not in slots:
                raise self._no_such_size(name, slots)
            size = slots[name]
            if size.number is not None and size.number != number:
                raise ShapeError(
                    f"{name} = {number} does not fit: this size is {size.number} already, "
                    "by a declared shape or because the program makes two sizes equal. "
                    f"Leave out {name}, or give it {size.number}."
                )
            size.settle(number)
        self._rules.sizes.work_out()
        self._rules.sizes.tell_apart()
        shapes = (*self._known.values(), *((size,) for size in slots.values()))
        fixed = {s.number for shape in shapes for s in shape if s.fixed}
        worked = {size.root() for size, _, _ in self._rules.sizes.worked}
        for name, size in self._slots.items():
            free = size.number is None and size.root() not in worked
            if free and DEFAULT_SIZES[name] not in fixed:
                self._give(size, [DEFAULT_SIZES[name], *_DEFAULTS])
        used = Counter(s.number for s in {s.root() for shape in shapes for s in shape})
        pairs = ((shape, size) for shape in shapes for size in shape)
        ends = {  # the m of N - m is given before the N
            at[letter].root()
            for _, text, at in self._rules.sizes.worked
            for product, number in terms_of_size(text).items()
            for letter in product
            if number < 0 and letter in at
        }

        def turn(pair: tuple[ShapeVariables, SizeVariable]) -> tuple[bool, bool]:
            return pair[1].root() in worked, pair[1].root() not in ends

        for shape, size in sorted(pairs, key=turn):
            if size.number is None:
                beside = [s.number for s in shape]
                order = sorted(_DEFAULTS, key=lambda n: (n in beside, used[n]))
                self._give(size, order)
                used[size.number] += 1
        for size, least, node in self._rules.index_maps.least:
            if (size.number or least) < least:
                raise ShapeError(
                    f"{source(node)}: {source(node.arg)} has {size.number} entries there, and "
                    f"needs {least}."
                )

    def _give(self, size: SizeVariable, wishes: Sequence[int]) -> None:
        """A number for an open size, at which slices of it have two entries if that can be."""
        root = size.root()
        least = max(
            (n for own, n, _ in self._rules.index_maps.least if own.root() is root), default=1
        )

        def leaves(number: int) -> bool:
            """Whether what is worked out from the size has two entries or more."""
            for own, text, at in self._rules.sizes.worked:
                known = {n: number if s.root() is root else s.number for n, s in at.items()}
                numbers = {name: n for name, n in known.items() if n is not None}
                if number not in known.values():
                    continue
                complete = len(numbers) == len(known)
                found = size_number(text, numbers) if complete else None
                if found is not None and (found < _TWO or own.number not in (None, found)):
                    return False
                left = [name for name in known if name not in numbers]
                if own.number is None or len(left) != 1:
                    continue
                if solved_size(text, left[0], numbers, own.number) is None:
                    return False
            return True

        fitting = [n for n in (*wishes, *range(least, least + _FEW)) if n >= least and leaves(n)]
        size.settle(fitting[0] if fitting else least)
        self._rules.sizes.work_out()

    def _lettered(self) -> dict[str, SizeVariable]:
        """All sizes with a letter: those of the first product, and those the program writes."""
        slots = dict(self._slots)
        letters = self._rules.sizes.letters
        written = {letter: size for letter, size in letters.items() if not is_unnamed(letter)}
        for letter, size in written.items():
            if letter in slots and not join(slots[letter], size):
                raise ShapeError(
                    f"{letter} is {slots[letter]} in {source(self._rules.products[0][0])} but "
                    f"{size} elsewhere; N, D and M are the sizes of the first product. Write "
                    "another letter, such as K."
                )
            slots.setdefault(letter, size)
        for letter, size in written.items():
            if size.fixed:
                raise ShapeError(f"{letter} is {size} in this program; write the number.")
        for one, other in itertools.combinations(written, 2):
            if slots[one].root() is slots[other].root():
                raise ShapeError(
                    f"{one} and {other} are the same size in this program; write {one} for both."
                )
        return slots

    def _no_such_size(self, name: str, slots: Mapping[str, SizeVariable]) -> InputError:
        if not slots:
            return InputError(
                f"-{name} gives a size of a matrix product, "
                "and the program holds none; write one, such as Y = X @ W."
            )
        *most, last = slots
        known = f"sizes are {', '.join(most)} and {last}" if most else f"only size is {last}"
        return InputError(f"{name} is not a size; the {known}.")

    def symbols(self, names: Container[str], given: Mapping[str, str]) -> dict[SizeVariable, str]:
        """A letter for every size: a `given` one, or N, D, M, and none of the program's names.

        `given` has the letter of a size that an array is asked for behind the name of the size.
        """
        letters = self._rules.sizes.letters
        taken = {*letters, *given}
        symbols = {size.root(): k for k, size in letters.items() if not is_unnamed(k)}

        further = itertools.chain(_FURTHER, (f"K_{n}" for n in itertools.count(1)))

        def give(size: SizeVariable, *wishes: str) -> None:
            root = size.root()
            if root in symbols:
                return
            new = itertools.chain(wishes, further)
            found = (
                str(root)
                if root.fixed
                else next(s for s in new if s not in taken and s not in names)
            )
            symbols[root] = found
            taken.add(found)

        worked = {size.root() for size, _, _ in self._rules.sizes.worked if not size.fixed}
        for name, length in given.items():
            of, axis = asked_of(length) if length.isidentifier() else ("", None)
            shape = self._known.get(of, ())
            if axis is not None and -len(shape) <= axis < len(shape):
                root = shape[axis].root()
                if not root.fixed and root not in worked:
                    symbols.setdefault(root, name)
        for letter, size in self._slots.items():
            if size.root() not in worked:
                give(size, letter, f"{letter}_0")
        wishes = () if self._slots else tuple(DEFAULT_SIZES)
        for _, _, at in self._rules.sizes.worked:
            for size in at.values():
                if size.root() not in worked:
                    give(size, *wishes)
        self._rules.sizes.symbols(symbols)
        for shape in (*self._known.values(), tuple(letters.values())):
            for size in shape:
                give(size, *wishes)
        return symbols
