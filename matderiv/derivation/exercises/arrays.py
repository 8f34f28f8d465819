"""Exercises about ∂Y/∂X: its shape, single entries, wrong formulas, and products with a vector."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Literal, TypeVar

from matderiv.calculus.index_forms.forms import Indices
from matderiv.calculus.sweep.array_derivatives import Curvature
from matderiv.calculus.sweep.array_steps import ArraySteps
from matderiv.calculus.sweep.task import Task
from matderiv.calculus.sweep.value_names import with_value_names
from matderiv.derivation.array_entries import PLACES, ArrayEntries
from matderiv.derivation.array_judge import ArrayJudge
from matderiv.derivation.exercises.drawing import Draw, Drawn, drawn
from matderiv.derivation.links import Chain
from matderiv.derivation.sides import Formula
from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node
from matderiv.expression.shapes import Shape

__all__ = [
    "ArrayMaterial",
    "ArrayMatter",
    "ArrayProduct",
    "Claim",
    "Claims",
    "Penalised",
    "Sizes",
    "array_materials",
]

_MATRIX = 2  # dimensions
_WRONG = 2  # formulas beside the right one
_MANY = 3  # slips of which no more than one exercise is made

#: The mistake in a formula; "" of the right one.
_Slip = Literal[
    "",
    "layout",
    "transposed",
    "factor",
    "order",
    "diagonal",
    "symmetric_part",
    "term",
    "chain",
    "sign",
]

_Finished = TypeVar("_Finished")


@dataclass(frozen=True, slots=True, eq=False)
class Sizes:
    """Exercise: the shapes of Y and of the array, where size letters have other numbers."""

    letters: Mapping[str, int]
    of: tuple[int, ...]
    wrt: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """A formula for the array, and its shape; `slip` is what is wrong with it."""

    node: Node
    shape: tuple[int, ...]
    slip: _Slip = ""


@dataclass(frozen=True, slots=True, eq=False)
class Claims:
    """Exercise: which of these formulas is the array, and what is wrong with the others.

    `right` is the chain from the array to its formula.
    """

    claims: tuple[Claim, ...]
    right: Chain


@dataclass(frozen=True, slots=True, eq=False)
class ArrayProduct:
    """Exercise: the product with a vector, without the array."""

    chain: Chain


@dataclass(frozen=True, slots=True, eq=False)
class Penalised:
    """Exercise: the Hessian of a loss with `term` added, and where it is semidefinite.

    `task` is that of the gradient of this loss; `array` is a free name for its Hessian.
    """

    task: Task
    array: str
    term: Node
    hessian: Node
    curvature: Curvature


#: A chain about a single entry, or another exercise.
ArrayMaterial = Sizes | Chain | Claims | ArrayProduct | Penalised


@dataclass(frozen=True, slots=True)
class ArrayMatter:
    """More than the steps that exercises are made of; None where there is none.

    `product`: the formula of Jᵀv, or of Hv, by the vector of the names. `penalised`: another
    program, which is derived when it is asked for.
    """

    product: Node | None
    penalised: Callable[[], Penalised | None] | None


def array_materials(
    about: ArraySteps,
    given: ArrayMatter,
    count: int,
    chance: Random,
    finish: Callable[[ArrayMaterial], _Finished],
) -> Iterator[_Finished]:
    """So many exercises, the kinds in turn, no two of them equal; fewer where there are no more."""
    maker = _Maker(about, ArrayEntries(about, ArrayJudge(about)), given)
    kinds: list[Draw[ArrayMaterial]] = [maker.sizes, maker.entry]
    wrong = tuple(maker.wrong()) if about.matrix and about.found.dims else ()
    if len(wrong) >= _WRONG:
        kinds.append(partial(maker.claims, wrong))
    if given.product is not None and any(map(_multiplies, nodes.walk(about.formula))):
        kinds.append(maker.product)
    if given.penalised is not None:
        other = given.penalised
        kinds.append(lambda _: (("penalised",), other))
    yield from drawn([partial(_finished, kind, finish) for kind in kinds], count, chance)


def _finished(
    kind: Draw[ArrayMaterial], finish: Callable[[ArrayMaterial], _Finished], chance: Random
) -> Drawn[_Finished]:
    found = kind(chance)
    if found is None:
        return None
    key, make = found
    return key, lambda: None if (made := make()) is None else finish(made)


@dataclass(frozen=True, slots=True)
class _Maker:
    """Draws exercises of each kind."""

    about: ArraySteps
    chains: ArrayEntries
    given: ArrayMatter

    @property
    def dims(self) -> tuple[Shape, Shape]:
        """The shapes of Y and X."""
        return self.about.shape(self.about.of), self.about.shape(self.about.wrt)

    def sizes(self, chance: Random) -> Drawn[ArrayMaterial]:
        """Shapes at sizes of which no two are equal."""
        symbols = {dim.symbol for shape in self.dims for dim in shape}
        letters = sorted(s for s in symbols if s.isalpha())
        if not letters or any(not s.isalpha() and not s.isdigit() for s in symbols):
            return None
        free = [n for n in range(2, 10 + len(letters)) if str(n) not in symbols]
        numbers = dict(zip(letters, chance.sample(free, len(letters)), strict=True))
        of, wrt = (tuple(numbers.get(d.symbol, d.size) for d in shape) for shape in self.dims)
        return ("sizes",), lambda: Sizes(numbers, of, wrt)

    def entry(self, chance: Random) -> Drawn[ArrayMaterial]:
        """A single entry by the chain rule, which is none of those on the page."""
        rows, cols = (tuple(chance.randint(1, d.size) for d in shape) for shape in self.dims)
        if _first(rows, cols) in PLACES:
            return None
        return (rows, cols), partial(self.entry_at, rows, cols)

    def entry_at(self, rows: Indices, cols: Indices) -> Chain | None:
        """The chain about one entry that is not zero."""
        chain = self.chains.entry("entry", rows, cols)
        return chain if self.chains.judge.value(chain.sides[-1]) else None

    def claims(self, wrong: tuple[Claim, ...], chance: Random) -> Drawn[ArrayMaterial]:
        """The right formula among wrong ones."""
        slips = sorted({claim.slip for claim in wrong})
        if len(slips) < _WRONG:
            chosen = chance.sample(wrong, _WRONG)
        else:
            some = chance.sample(slips, _WRONG)
            chosen = [chance.choice([c for c in wrong if c.slip == slip]) for slip in some]
        key = tuple(sorted(c.slip for c in chosen)) if len(slips) > _MANY else ()
        about = self.about
        shape = tuple(dim.size for dim in about.found.dims)
        several = [*chosen, Claim(about.formula, shape)]
        chance.shuffle(several)
        if len({claim.node for claim in several}) < len(several):
            return None
        return ("claims", *key), lambda: Claims(tuple(several), self.right())

    def right(self) -> Chain:
        """The array as its formula."""
        about = self.about
        array = Formula(Name(about.names.array))
        return self.chains.chain("assembled", array, ("read off", Formula(about.formula)))

    def wrong(self) -> Iterator[Claim]:
        """Formulas with a mistake, each shown not to be the array."""
        about, facts = self.about, self.about.task.sweep.facts
        array = Formula(Name(about.names.array))
        for slip, node in self.slips():
            try:
                shape = facts.shape(node)
            except (InputError, LookupError):
                continue
            if shape and self.chains.judge.verdict(array, Formula(node)).status == "refuted":
                yield Claim(node, tuple(dim.size for dim in shape), slip)

    def slips(self) -> Iterator[tuple[_Slip, Node]]:
        """Mistakes that people make in a formula of a matrix; a minus stays in front."""
        formula = self.about.formula
        if not self.dims[1]:
            yield "transposed", nodes.transposed(formula)
        elif not self.about.names.once:
            yield "layout", nodes.transposed(formula)
        plain = _unsigned(formula)
        if plain is not None:
            yield "sign", plain
        own = plain or formula
        doubled = _without_number(own) or nodes.Multiply(nodes.TWO, own)
        others: list[tuple[_Slip, Node]] = [("factor", doubled)]
        for part in dict.fromkeys(nodes.walk(own)):
            for slip, other in _of_a_part(part):
                others.append((slip, nodes.substituted(own, part, other)))
        for slip, node in others:
            yield slip, node if plain is None else nodes.Negate(node)

    def product(self, _: Random) -> Drawn[ArrayMaterial]:
        """The array times a vector, read from the right to the left."""
        return ("product",), self.product_made

    def product_made(self) -> ArrayProduct:
        """The chain from the product to the formula without the array."""
        about = self.about
        assert self.given.product is not None
        names = about.names
        array, v = Name(names.array), Name(names.vector)
        turned = not names.once
        sides = [
            nodes.MatMul(nodes.transposed(node) if turned else node, v)
            for node in (array, about.formula)
        ]
        last = with_value_names(self.given.product, about.by_steps, but="")
        chain = self.chains.chain(
            "assembled",
            Formula(sides[0]),
            ("put in", Formula(sides[1])),
            ("rearranged", Formula(last)),
        )
        return ArrayProduct(chain)


def _multiplies(node: Node) -> bool:
    """Whether a part of a formula is a product that makes a matrix."""
    return isinstance(node, nodes.MatMul | nodes.Outer | nodes.Diag)


def _first(rows: Indices, cols: Indices) -> tuple[object, ...]:
    """The first indices of a pair of entries, where all others are 1; a number has 1."""
    if any(n != 1 for at in (rows, cols) for n in at[1:]):
        return ()
    return ((*rows, 1)[0], (*cols, 1)[0])


def _unsigned(formula: Node) -> Node | None:
    """The formula without the minus that it begins with, if it does."""
    match formula:
        case nodes.Negate(rest):
            return rest
        case nodes.MatMul(left, right):
            first = _unsigned(left)
            return None if first is None else nodes.MatMul(first, right)
    return None


def _without_number(formula: Node) -> Node | None:
    """The formula without the number that it begins with, if it does."""
    match formula:
        case nodes.Multiply(nodes.Number(), rest):
            return rest
        case nodes.MatMul(left, right):
            first = _without_number(left)
            return None if first is None else nodes.MatMul(first, right)
    return None


def _of_a_part(part: Node) -> Iterator[tuple[_Slip, Node]]:
    """Factors in another order; a diagonal, a term, a factor or a sign that is lost."""
    match part:
        case nodes.MatMul(nodes.Multiply(nodes.Number() as number, left), right):
            yield "order", nodes.Multiply(number, nodes.MatMul(right, left))
        case nodes.MatMul(left, right):
            yield "order", nodes.MatMul(right, left)
        case nodes.Add(left, nodes.Transpose(right)) if left == right:
            yield "symmetric_part", left
        case nodes.Add(left, right) | nodes.Subtract(left, right) if all(
            map(nodes.names_in, (left, right))
        ):
            yield "term", left
            if isinstance(part, nodes.Subtract):
                yield "sign", nodes.Add(left, right)
        case nodes.Diag(nodes.Multiply(left, right)):
            yield "chain", nodes.Diag(left)
            yield "chain", nodes.Diag(right)
            yield "diagonal", part.arg
        case nodes.Diag(arg):
            yield "diagonal", arg
