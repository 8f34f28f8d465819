"""The Jacobian of one value of a program by a name that it uses: its zeros and its size.

Both are counted without building it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from matderiv.calculus.index_forms.contraction import contracted
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import Delta, Entry, Form, Index, placed
from matderiv.calculus.index_forms.partials import partial
from matderiv.calculus.sweep.task import Task
from matderiv.errors import InputError
from matderiv.expression.assumptions import assumed_to_be
from matderiv.expression.nodes import MatMul, Name, walk
from matderiv.expression.shapes import Shape

__all__ = ["JacobianSize", "LocalJacobian", "SizeNumbers", "check_type", "telling"]

#: A number for each size letter.
SizeNumbers = tuple[int, ...]

#: The largest size of the table of growth, and its smallest one if a size is that large already.
_LARGE, _SMALL = 4096, 2
_STEPS = 8  # from the first row of the table to the last

#: A layer of a size that is used: a batch of 64, and 4096 numbers in and out.
_LAYER: SizeNumbers = (64, 4096, 4096)

#: Bytes of one number of each type.
_BYTES = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8, "float128": 16}

#: Indices that agree where a term is not zero, class by class.
Agreement = frozenset[frozenset[Index]]


@dataclass(frozen=True, slots=True)
class JacobianSize:
    """The Jacobian of Z by X: all partial derivatives of entries of Z by entries of X.

    `matrix_form` is how many numbers the gradient's matrix form touches instead: ∂L/∂Z and
    the other factor are read, ∂L/∂X is written.
    """

    rows: int
    cols: int
    nonzero: int
    matrix_form: int
    item_size: int

    @property
    def count(self) -> int:
        """How many partial derivatives there are."""
        return self.rows * self.cols

    @property
    def memory(self) -> int:
        """Their memory in bytes."""
        return self.count * self.item_size

    @property
    def matrix_form_memory(self) -> int:
        """The memory of the matrix form in bytes."""
        return self.matrix_form * self.item_size


@dataclass(frozen=True, slots=True)
class LocalJacobian:
    """∂Z/∂X of a value Z that uses X: all ∂z_ij/∂x_pq, everything else that Z uses held fixed.

    Source:
        The partial derivative in index notation of the definition of Z. A term with deltas can
        be other than zero only where the indices of each delta agree.
    """

    task: Task
    of: str
    wrt: str
    rate: Form = field(init=False)

    def __post_init__(self) -> None:
        """Work out the general entry, at letters."""
        facts, value = self.task.sweep.facts, self.task.sweep.graph.definition(self.of)
        diagonal = assumed_to_be("diagonal", self.task.assumed)
        entries = Entries(facts.shape, assumed=facts.assumed, diagonal=diagonal)
        entry = entries.at(value, *self._rows)
        rate = partial(entry, Entry(self.wrt, self._cols), entries.letter)
        object.__setattr__(self, "rate", rate)

    @property
    def shapes(self) -> tuple[Shape, Shape]:
        """The shapes of Z and of X."""
        return self.task.shapes[self.of], self.task.shapes[self.wrt]

    @property
    def _rows(self) -> tuple[Index, ...]:
        return self.task.value_indices(self.shapes[0])

    @property
    def _cols(self) -> tuple[Index, ...]:
        return self.task.input_indices(self.shapes[1])

    def at(self, row: tuple[int, ...], col: tuple[int, ...]) -> Form:
        """∂z_ij/∂x_pq at numbers; nothing where it is zero whatever the entries are."""
        indices = zip((*self._rows, *self._cols), (*row, *col), strict=True)
        places: dict[str, Index] = {i: n for i, n in indices if isinstance(i, str)}
        return contracted(placed(self.rate, places))

    # -- zeros -------------------------------------------------------------------------------

    @property
    def agreements(self) -> frozenset[Agreement]:
        """For each term, the pairs of indices that must agree for it not to be zero."""
        found = {
            _classes((a.one, a.other) for a, _ in term.atoms if isinstance(a, Delta))
            for term, _ in self.rate
        }
        return frozenset(one for one in found if not any(_finer(one, other) for other in found))

    def nonzero(self, sizes: Mapping[str, int]) -> int:
        """How many entries can be other than zero: inclusion and exclusion over the terms."""
        found, total = tuple(self.agreements), 0
        for count in range(1, len(found) + 1):
            for some in itertools.combinations(found, count):
                joined = _classes(pair for one in some for pair in _pairs(one))
                total += (-1) ** (count - 1) * self._places(joined, sizes)
        return total

    def _places(self, agreement: Agreement, sizes: Mapping[str, int]) -> int:
        """The number of places at which all indices of each class agree."""
        dims = (*self.shapes[0], *self.shapes[1])
        named = zip((*self._rows, *self._cols), dims, strict=True)
        count = {i: sizes[dim.symbol] for i, dim in named if isinstance(i, str)}
        joined = frozenset[Index]().union(*agreement)
        ways = [
            1 if any(isinstance(i, int) for i in one) else min(count[str(i)] for i in one)
            for one in agreement
        ]
        return math.prod((*ways, *(n for i, n in count.items() if i not in joined)))

    # -- sizes -------------------------------------------------------------------------------

    @property
    def read(self) -> tuple[str, ...]:
        """The arrays that the formula of Z's part of ∂L/∂X reads."""
        gradient = self.task.sweep.gradients[self.wrt]
        uses = [use.gradient for use in gradient.uses if use.by == self.of]
        found = [gradient.local] if len(uses) == len(gradient.uses) else uses
        names = dict.fromkeys(n.name for node in found for n in walk(node) if isinstance(n, Name))
        return tuple(name for name in names if self._shape(name))

    def _shape(self, name: str) -> Shape:
        return self.task.sweep.facts.shape(Name(name))

    @property
    def letters(self) -> tuple[str, ...]:
        """The size letters of Z and X, in the order of the program."""
        shapes = (*self.shapes, *map(self._shape, self.read))
        used = {dim.symbol for shape in shapes for dim in shape if not dim.symbol.isdigit()}
        return tuple(symbol for symbol in self.task.sizes if symbol in used)

    @property
    def sizes(self) -> SizeNumbers:
        """The numbers of `letters`."""
        return tuple(self.task.sizes[letter] for letter in self.letters)

    def size(self, dtype: str, sizes: SizeNumbers | None = None) -> JacobianSize:
        """The size of the Jacobian in memory, at the program's own sizes or at others.

        Raises:
            InputError: the type of a number is not known.
        """
        check_type(dtype)
        known = self.task.sizes | dict(zip(self.letters, sizes or self.sizes, strict=True))

        def entries(shape: Shape) -> int:
            return math.prod(known[dim.symbol] for dim in shape)

        rows, cols = map(entries, self.shapes)
        return JacobianSize(
            rows=rows,
            cols=cols,
            nonzero=self.nonzero(known),
            matrix_form=sum(entries(self._shape(name)) for name in self.read) + cols,
            item_size=_BYTES[dtype],
        )

    def growth(self, dtype: str) -> tuple[tuple[SizeNumbers, JacobianSize], ...]:
        """Sizes that grow by equal factors from the program's own, or up to them if they are large.

        Nothing where no size is free.
        """
        own = self.sizes
        if not own:
            return ()
        other = self._layer or tuple(max(1, round(n * _LARGE / max(own))) for n in own)
        if max(own) >= _LARGE:
            other = tuple(max(1, round(n * _SMALL / max(own))) for n in own)
        return tuple((sizes, self.size(dtype, sizes)) for sizes in _between(own, other))

    @property
    def _layer(self) -> SizeNumbers:
        """The sizes of an ordinary layer, where Z is a product of two matrices of free sizes."""
        value, shape = self.task.sweep.graph.value(self.of), self.task.sweep.facts.shape
        if not isinstance(value, MatMul) or len(shape(value.left)) != len(shape(value.right)):
            return ()
        rows, inner, cols = (*shape(value.left), shape(value.right)[-1])
        named = dict(zip((rows.symbol, inner.symbol, cols.symbol), _LAYER, strict=True))
        return (
            tuple(map(named.__getitem__, self.letters)) if named.keys() == {*self.letters} else ()
        )


def check_type(dtype: str) -> None:
    """See to it that the type of a number is known.

    Raises:
        InputError: it is not.
    """
    if dtype not in _BYTES:
        raise InputError(f"There is no number type {dtype!r} here; known: {', '.join(_BYTES)}.")


def telling(task: Task, most: int) -> tuple[LocalJacobian, ...]:
    """Jacobians with zeros at large enough sizes, no two with zeros in the same places.

    At most so many; for each array, inputs first and values in order after them, that of the
    first array that is computed from it.
    """
    sweep = task.sweep
    values = (a.name for a in sweep.graph.values if a.name in sweep.gradients)
    found: dict[frozenset[Agreement], LocalJacobian] = {}
    for name in dict.fromkeys((*task.wrt, *values)):
        uses = sweep.gradients[name].uses if task.shapes[name] else ()
        first = next((use.by for use in uses if task.shapes[use.by]), None)
        if first is None:
            continue
        jacobian = LocalJacobian(task, first, name)
        if jacobian.agreements and frozenset() not in jacobian.agreements:
            found.setdefault(jacobian.agreements, jacobian)
    return tuple(itertools.islice(found.values(), most))


def _between(first: SizeNumbers, last: SizeNumbers) -> list[SizeNumbers]:
    """Sizes that change by equal factors from the first to the last; small products come first."""
    found: dict[int, SizeNumbers] = {}
    for t in range(_STEPS + 1):
        part = t / _STEPS
        pairs = zip(first, last, strict=True)
        sizes = tuple(round(a ** (1 - part) * b**part) for a, b in pairs)
        found.setdefault(math.prod(sizes), sizes)
    return [sizes for _, sizes in sorted(found.items())]


def _classes(pairs: Iterable[tuple[Index, Index]]) -> Agreement:
    """The classes of indices that agree if those of each pair do."""
    classes: list[frozenset[Index]] = []
    for pair in pairs:
        joined = [one for one in classes if not one.isdisjoint(pair)]
        classes = [one for one in classes if one not in joined]
        classes.append(frozenset(pair).union(*joined))
    return frozenset(classes)


def _pairs(agreement: Agreement) -> Iterator[tuple[Index, Index]]:
    """Pairs of indices that agree, from which all others follow."""
    for one in agreement:
        first, *rest = one
        yield from ((first, other) for other in rest)


def _finer(one: Agreement, other: Agreement) -> bool:
    """Whether all that agrees in the other agrees in one, and more."""
    return one != other and all(any(part <= whole for whole in one) for part in other)
