"""The value of a gradient at arrays: what is given, what it needs, and what is worked out."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from matderiv.calculus.formulas.removable import ADJUGATE, OTHERS, removed
from matderiv.calculus.sweep.results import Sweep
from matderiv.calculus.sweep.stable import stable
from matderiv.errors import InputError, ShapeError
from matderiv.expression import nodes
from matderiv.expression.assumptions import ASSUMPTIONS, Assumed, infer_assumed
from matderiv.expression.declared import like, ones_kept
from matderiv.expression.nodes import Node
from matderiv.expression.numeric import Array, Functions, numeric_value, sizes_in
from matderiv.expression.program import Assignment, Program
from matderiv.expression.shapes import Shape
from matderiv.expression.structured import is_structured

__all__ = ["arrays_of", "shapes_at", "work_out"]

Arrays = Mapping[str, Array]


def arrays_of(program: Program, given: Mapping[str, Any], assumed: Assumed) -> dict[str, Array]:
    """The arrays of inputs, and of upstream gradients such as dY.

    Raises:
        InputError: one is unknown, is no array of numbers, or has not the structure assumed.
    """
    _check_known(program, given)
    arrays = {name: _array(name, value) for name, value in given.items()}
    for name in program.letters() & arrays.keys():
        if arrays[name].ndim or arrays[name] < 1 or arrays[name] % 1:
            raise InputError(f"{name} is a size; give a whole number from 1 on.")
    for name, what in assumed.items():
        if name in arrays:
            _check_structure(name, arrays[name], what)
    return arrays


def _check_known(program: Program, given: Mapping[str, Any]) -> None:
    inputs = program.inputs()
    upstream = [f"d{a.name}" for a in program.assignments[:-1]]
    for name in given:
        if name not in (*inputs, *upstream) and name not in program.letters():
            near = difflib.get_close_matches(name, [*inputs, *upstream], n=1) or [
                n for n in inputs if n.lower() == name.lower()
            ]
            more = f"; {', '.join(upstream)} may be given too" if upstream else ""
            raise InputError(
                f"{name} is no input. Inputs are: {', '.join(inputs)}{more}."
                + (f" Did you mean {near[0]}?" if near else "")
            )


def _array(name: str, value: object) -> Array:
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):  # the last of a number of 400 digits
        raise InputError(f"{name} is no array of numbers; give it as NumPy takes it.") from None


def _check_structure(name: str, array: Array, what: str) -> None:
    known = ASSUMPTIONS[what]
    fits = array.ndim >= known.least and array.size
    if known.square:
        fits = fits and array.ndim == 2 and len({*array.shape}) == 1  # noqa: PLR2004 - a matrix
    if fits and not is_structured(array, what):  # of a shape that does not fit more is said below
        raise InputError(f"{name} is not {known.words}, as was assumed; give another array.")


def shapes_at(
    program: Program,
    assumed: Assumed,
    own: Mapping[str, Shape],
    declared: frozenset[str],
    arrays: Arrays,
) -> dict[str, Shape]:
    """The shapes of all names where some are given; `own` has their numbers of dimensions.

    `declared`: the letters of sizes that have their numbers in `own`.

    Raises:
        ShapeError: the arrays do not fit.
    """
    inputs = program.inputs()
    known = {n: array.shape for n, array in arrays.items() if n not in program.letters()}
    for name, what in known.items():
        expected = own[name if name in inputs else name[1:]]
        if len(what) != len(expected):
            raise ShapeError(
                f"{name} has the shape {what}, but is {_kind(len(expected))} here; "
                "declare another shape of it with shapes={…}."
            )
    for name in inputs:  # the number of dimensions that was declared stays
        if name not in known and not own[name]:
            known[name] = ()
    beside = tuple(
        Assignment(f"fit of {name}", nodes.Add(nodes.Name(name[1:]), nodes.Name(name)))
        for name in known
        if name not in inputs
    )
    whole = Program((*program.assignments[:-1], *beside, program.loss))
    letters = {k: n for k, n in sizes_in(own).items() if k in declared & program.letters()}
    letters |= _letters(program, own, arrays)
    for letter in sorted(program.letters() - letters.keys()):
        raise InputError(f"The size {letter} is that of no array; give it as {letter}=….")
    scalar = not own[program.loss.name]
    found = infer_assumed(whole, assumed, sizes=letters, shapes=known, scalar=scalar)
    found = ones_kept(program, like(found, {name: own[name] for name in inputs}), known)
    for name in known:
        if name not in inputs and found[name] != found[name[1:]]:
            one, other = ("×".join(str(d.size) for d in found[n]) for n in (name, name[1:]))
            raise ShapeError(
                f"{name} is {one or 'a scalar'} but {name[1:]} is {other or 'a scalar'}."
            )
    return {name: shape for name, shape in found.items() if not name.startswith("fit of ")}


def _letters(program: Program, own: Mapping[str, Shape], arrays: Arrays) -> dict[str, int]:
    """The sizes that the program writes as letters: given themselves, or those of arrays."""
    letters = program.letters()
    found = {name: int(arrays[name]) for name in letters & arrays.keys()}
    for name in arrays.keys() - letters:
        dims = own[name if name in own else name[1:]]
        for dim, size in zip(dims, arrays[name].shape, strict=False):
            if dim.symbol in letters:
                found.setdefault(dim.symbol, size)
    return found


def _kind(rank: int) -> str:
    kinds = ("a scalar", "a vector", "a matrix")
    return kinds[rank] if rank < len(kinds) else f"an array of {rank} dimensions"


def work_out(swept: Sweep, wrt: str, formula: Node, arrays: Arrays, functions: Functions) -> Array:
    """The value of the gradient by a name; only what the formula needs is worked out.

    Raises:
        InputError: an input or a function that it needs has no value.
    """
    steps = {a.name: a.value for a in swept.graph.values}
    for name in swept.upstream(wrt):
        steps[f"d{name}"] = swept.gradients[name].formula
    values = dict(arrays)
    sizes = sizes_in(swept.graph.shapes)

    def value(node: Node) -> Array:
        known = {name: values[name] for name in nodes.names_in(node) & values.keys()}
        return numeric_value(node, known, functions, sizes)

    steps = {name: removed(stable(step, swept), swept.facts.shape) for name, step in steps.items()}
    formula = removed(stable(formula, swept), swept.facts.shape)
    functions = {**functions, **_ALWAYS}
    needed = _needed(formula, steps, values, swept.graph.inputs())
    for name, step in steps.items():
        if name in needed:
            values[name] = value(step)
    return value(formula)


def _needed(
    formula: Node, steps: Mapping[str, Node], values: Arrays, inputs: tuple[str, ...]
) -> set[str]:
    """The names that have to be worked out."""
    needed: set[str] = set()
    queue = [formula]
    while queue:
        for name in nodes.names_in(queue.pop()) - needed - values.keys():
            if name in inputs:
                raise InputError(f"{name} has no value; give it as {name}=….")
            if name in steps:
                needed.add(name)
                queue.append(steps[name])
    return needed


def _others(x: Array, axis: int | None = None) -> Array:
    """The products of all entries but one, along an axis."""
    rows = np.reshape(x, -1) if axis is None else np.moveaxis(x, axis, -1)
    own = np.eye(rows.shape[-1], dtype=bool)
    products = np.prod(np.where(own, 1.0, rows[..., None, :]), axis=-1)
    return np.reshape(products, x.shape) if axis is None else np.moveaxis(products, -1, axis)


def _adjugate(a: Array) -> Array:
    """The matrix det(A)·A⁻¹, of A = U·diag(s)·V as V⁻¹·diag(products of others of s)·U⁻¹."""
    u, s, v = np.linalg.svd(a)
    return np.asarray(np.linalg.det(u) * np.linalg.det(v) * (v.T * _others(s)) @ u.T)


_ALWAYS: Functions = {name: partial(_others, axis=axis) for axis, name in OTHERS.items()} | {
    ADJUGATE: _adjugate
}
