"""Exercises on shapes: of values, of gradients, and of products that fit or do not."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from random import Random

from matderiv.calculus.sweep.task import Task
from matderiv.derivation.exercises.drawing import Draw, Drawn
from matderiv.derivation.exercises.theme import Theme
from matderiv.expression.nodes import MatMul, Name, Node, transposed, walk

__all__ = ["Quantity", "Shapes", "shape_exercises"]

#: A shape as numbers.
_Shape = tuple[int, ...]

_MOST = 2  # values, and gradients by values
_ENOUGH = 3  # quantities of an exercise at least


@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """Something with a shape, or a product that has none: then `shape` is None.

    `of` is the name whose value or gradient it is; `factors` are the shapes of a product's.
    """

    node: Node
    shape: _Shape | None
    of: str = ""
    factors: tuple[_Shape, _Shape] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """Exercise: name the shape of each quantity."""

    task: Task
    quantities: tuple[Quantity, ...]


def shape_exercises(theme: Theme) -> Draw[Shapes] | None:
    """Exercises about shapes; None where there is little with a shape."""
    here = theme.task
    count = len(_values(here)[:_MOST]) + len(_gradients(here)[:_MOST]) + bool(_products(here))
    return partial(_draw, theme) if count + len(here.wrt) >= _ENOUGH else None


def _draw(theme: Theme, chance: Random) -> Drawn[Shapes]:
    sizes = theme.unequal(chance)
    wrt = chance.choice(theme.task.wrt)
    pick = chance.random()
    return (wrt, *sizes.values()), lambda: _made(theme.at(sizes), wrt, Random(pick))


def _made(task: Task, wrt: str, chance: Random) -> Shapes:
    named = [*_some(chance, _values(task)), *_some(chance, _gradients(task)), f"d{wrt}"]
    quantities = [_named(task, name) for name in named]
    products = _products(task)
    if products:
        product = chance.choice(products)
        quantities.append(_product(task, product))
        wrong = list(_unfit(task, product))
        if wrong:
            quantities.append(_product(task, chance.choice(wrong)))
    chance.shuffle(quantities)
    return Shapes(task, tuple(quantities))


def _some(chance: Random, names: list[str]) -> list[str]:
    return sorted(chance.sample(names, min(_MOST, len(names))), key=names.index)


def _values(task: Task) -> list[str]:
    """The values between inputs and loss that are arrays."""
    return [a.name for a in task.sweep.graph.values if task.shapes[a.name]]


def _gradients(task: Task) -> list[str]:
    """The gradients by such values."""
    return [f"d{name}" for name in _values(task) if name in task.sweep.gradients]


def _products(task: Task) -> list[MatMul]:
    """The products in the gradients, of factors that are names, perhaps transposed."""
    found = [
        node
        for gradient in task.sweep.gradients.values()
        for node in walk(gradient.local)
        if isinstance(node, MatMul) and all(map(_plain, (node.left, node.right)))
    ]
    return list(dict.fromkeys(found))


def _plain(node: Node) -> bool:
    return isinstance(node, Name) or isinstance(transposed(node), Name)


def _unfit(task: Task, product: MatMul) -> Iterator[MatMul]:
    """The same factors with other transposes or in the other order, where they do not fit."""
    for one, other in ((product.left, product.right), (product.right, product.left)):
        for left, right in itertools.product((one, transposed(one)), (other, transposed(other))):
            factors = [_numbers(task, node) for node in (left, right)]
            if factors[0][-1] != factors[1][0] and _shown(factors, left, right):
                yield MatMul(left, right)


def _shown(factors: list[_Shape], left: Node, right: Node) -> bool:
    """Whether a vector stands there as it is: transposed, it would look the same."""
    return all(
        len(shape) > 1 or isinstance(node, Name)
        for shape, node in zip(factors, (left, right), strict=True)
    )


def _numbers(task: Task, node: Node) -> _Shape:
    return tuple(dim.size for dim in task.sweep.facts.shape(node))


def _named(task: Task, name: str) -> Quantity:
    of = name if name in task.shapes else name[1:]
    value = task.sweep.graph.value(name)
    factors = _factors(task, value) if isinstance(value, MatMul) else None
    return Quantity(Name(name), _numbers(task, Name(name)), of, factors)


def _factors(task: Task, product: MatMul) -> tuple[_Shape, _Shape]:
    return _numbers(task, product.left), _numbers(task, product.right)


def _product(task: Task, product: MatMul) -> Quantity:
    left, right = _factors(task, product)
    fits = left[-1] == right[0]
    return Quantity(product, left[:-1] + right[1:] if fits else None, "", (left, right))
