"""The value of a gradient at arrays: what is given, what it needs, and what is worked out."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from matderiv.calculus.structure import infer_assumed
from matderiv.errors import InputError, ShapeError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.numeric import Array, Functions, evaluate, sizes_in
from matderiv.expression.program import Assignment, Program
from matderiv.expression.shapes import Shape

if TYPE_CHECKING:
    from matderiv.gradients import Gradient

__all__ = ["value_at"]


def value_at(gradient: Gradient, given: Mapping[str, Any], functions: Functions) -> Array:
    """The value of a gradient where its inputs, or upstream gradients, are given.

    Raises:
        InputError: something is missing, unknown, or no array of numbers.
        ShapeError: the shapes do not fit.
    """
    _check_known(gradient, given)
    arrays = {name: _array(name, value) for name, value in given.items()}
    gradient = gradient.at(_shapes(gradient, arrays))
    _check_structure(gradient, arrays)
    return _Run(gradient, arrays, functions).value()


def _check_known(gradient: Gradient, given: Mapping[str, Any]) -> None:
    inputs = gradient.program.inputs()
    upstream = [f"d{a.name}" for a in gradient.program.assignments[:-1]]
    for name in given:
        if name not in inputs and name not in upstream:
            near = difflib.get_close_matches(name, [*inputs, *upstream], n=1)
            more = f"; {', '.join(upstream)} may be given too" if upstream else ""
            raise InputError(
                f"{name} is no input. Inputs are: {', '.join(inputs)}{more}."
                + (f" Did you mean {near[0]}?" if near else "")
            )


def _array(name: str, value: object) -> Array:
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} is no array of numbers; give it as NumPy takes it.") from None


def _shapes(gradient: Gradient, arrays: Mapping[str, Array]) -> dict[str, Shape]:
    """The shapes of all names; a given dY has that of Y."""
    program = gradient.program
    inputs = program.inputs()
    known = {name: array.shape for name, array in arrays.items()}
    for name, what in known.items():
        expected = gradient.shapes[name if name in inputs else name[1:]]
        if len(what) != len(expected):
            raise ShapeError(
                f"{name} has the shape {what}, but is {_kind(len(expected))} here; "
                "declare another shape of it with shapes={…}."
            )
    for name in inputs:  # the number of dimensions that was declared stays
        if name not in known and not gradient.shapes[name]:
            known[name] = ()
    beside = tuple(
        Assignment(f"fit of {name}", nodes.Add(nodes.Name(name[1:]), nodes.Name(name)))
        for name in arrays
        if name not in inputs
    )
    whole = Program((*program.assignments[:-1], *beside, program.loss))
    letters = {k: n for k, n in sizes_in(gradient.shapes).items() if k in program.letters()}
    try:
        found = infer_assumed(whole, gradient.assume, sizes=letters, shapes=known)
    except ShapeError:
        found = infer_assumed(whole, gradient.assume, shapes=known)
    for name in arrays:
        if name not in inputs and found[name] != found[name[1:]]:
            own, other = ("×".join(str(d.size) for d in found[n]) for n in (name, name[1:]))
            raise ShapeError(f"{name} is {own or 'a scalar'} but {name[1:]} is {other or 'a scalar'}.")
    return {name: found[name] for name in gradient.program.names()}


def _kind(rank: int) -> str:
    return ("a scalar", "a vector", "a matrix")[rank] if rank < 3 else f"an array of {rank} dimensions"


def _check_structure(gradient: Gradient, arrays: Mapping[str, Array]) -> None:
    for name, structure in gradient.assume.items():
        if name not in arrays:
            continue
        array = arrays[name]
        own = np.diag(np.diag(array)) if structure == "diagonal" else array.T
        if not np.allclose(array, own):
            raise InputError(f"{name} is not {structure}, as was assumed; give another array.")


class _Run:
    def __init__(
        self, gradient: Gradient, arrays: Mapping[str, Array], functions: Functions
    ) -> None:
        self._gradient = gradient
        self._functions = functions
        self._sizes = sizes_in(gradient.shapes)
        self._values = dict(arrays)
        swept = gradient.sweep
        steps = {a.name: a.value for a in swept.graph.values}
        for name in swept.upstream(gradient.wrt):
            steps[f"d{name}"] = swept.gradients[name].formula
        self._steps = steps

    def value(self) -> Array:
        """Work out what the formula needs, in order, and the formula."""
        node = self._gradient.node
        needed = set()
        queue = [node]
        while queue:
            for name in _names(queue.pop()) - needed - self._values.keys():
                needed.add(name)
                if name in self._steps:
                    queue.append(self._steps[name])
                elif name in self._gradient.program.inputs():
                    raise InputError(f"{name} has no value; give it as {name}=….")
        for name, step in self._steps.items():
            if name in needed:
                self._values[name] = self._of(step)
        return self._of(node)

    def _of(self, node: Node) -> Array:
        values = {name: self._values[name] for name in _names(node) & self._values.keys()}
        return evaluate(node, values, self._functions, self._sizes)


def _names(node: Node) -> set[str]:
    return {n.name for n in nodes.walk(node) if isinstance(n, nodes.Name)}
