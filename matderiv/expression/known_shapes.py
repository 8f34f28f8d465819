"""Expressions over names whose shapes are known: their shapes, and their axes counted."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import reduce

from matderiv.errors import InputError, ShapeError
from matderiv.expression import nodes
from matderiv.expression._rules import Rules
from matderiv.expression._sizes import ShapeVariables, SizeVariable
from matderiv.expression.axes import full_order
from matderiv.expression.counted import counted_array
from matderiv.expression.dims import SINGLE, Dim, Shape, sized
from matderiv.expression.index_maps import new_axis_of
from matderiv.expression.nodes import Node
from matderiv.expression.norms import plain_norm
from matderiv.expression.program import Assignment, Program
from matderiv.expression.reshaping import plain_reshape, product_of_sizes, size_of_dim
from matderiv.expression.shape_calls import kron_of
from matderiv.expression.size_text import (
    ALL,
    SizeText,
    asked_of,
    is_length,
    is_unnamed,
    length_of,
    letters_of_size,
    put,
    size_number,
)
from matderiv.expression.source import source
from matderiv.expression.vocabulary import did_you_mean, is_slope

__all__ = [
    "labels_of",
    "named_sizes",
    "rules_over",
    "settled",
    "shape_of",
    "sized_for",
    "taken_as_numbers",
    "values_of_functions",
    "with_axes",
    "with_values",
]

_MATRIX = 2  # dimensions
_FAR = 64  # more than any step of a slice that is drawn


def shape_of(node: Node, shapes: Mapping[str, Shape]) -> Shape:
    """The shape of an expression over names whose shapes are known.

    `dY` has the shape of Y. A letter of a size, as in eye(N) and in 1/N, means what it means in
    the shapes.

    Raises:
        ShapeError: shapes do not fit.
        InputError: a name has no shape.

    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import infer
    >>> program = parse("Y = X @ W; L = sum(f(Y))")
    >>> shape_of(parse("dY @ W.T").loss.value, infer(program))
    (Dim(symbol='N', size=2), Dim(symbol='D', size=4))
    """
    own = {dim.symbol for shape in shapes.values() for dim in shape if dim.symbol.isalpha()}
    return _dims_of(node, *rules_over(shapes), tuple(sorted(own)))


def _dims_of(
    node: Node, rules: Rules, of: dict[Dim, SizeVariable], known: tuple[str, ...] = ()
) -> Shape:
    found = rules.shape(node)
    letters = {size.root(): letter for letter, size in rules.sizes.letters.items()}
    letters |= {size.root(): dim.symbol for dim, size in reversed(of.items())}
    rules.sizes.symbols(letters)
    return tuple(_dim(size, letters, known) for size in found)


def rules_over(shapes: Mapping[str, Shape]) -> tuple[Rules, dict[Dim, SizeVariable]]:
    """The rules for expressions over known shapes, and the sizes that they meet."""
    of: dict[Dim, SizeVariable] = {}

    def size(dim: Dim) -> SizeVariable:
        return of.setdefault(dim, SizeVariable(dim.size, fixed=dim.symbol == str(dim.size)))

    def named(name: str) -> ShapeVariables:
        known = name if name in shapes else name.removeprefix("d")
        if known in shapes:
            return tuple(map(size, shapes[known]))
        if any(dim.symbol == name for s in shapes.values() for dim in s):
            return ()
        raise InputError(
            f"{name} has no shape. Names with one are: {', '.join(shapes) or 'none'}."
            + did_you_mean(name, shapes)
        )

    def letter(letter: str) -> SizeVariable:
        dims = (dim for shape in shapes.values() for dim in shape if dim.symbol == letter)
        dim = next(dims, None)
        return size(dim) if dim else SizeVariable(None)

    return Rules(named, letter), of


def sized_for(
    program: Program, shapes: Mapping[str, Shape], sizes: Mapping[str, int]
) -> dict[str, Shape]:
    """The shapes with other sizes for their letters, larger ones where an index needs them.

    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import infer
    >>> program = parse("L = sum(x[3:])")
    >>> sized_for(program, infer(program), {"N": 2})["x"]
    (Dim(symbol='N', size=4),)
    """
    rules, of = rules_over(shapes)
    for assignment in program.assignments:
        rules.shape(assignment.value)
    letters = {size.root(): dim.symbol for dim, size in of.items()}
    rules.sizes.symbols(letters)
    needed = [(letters.get(size.root(), "1"), least) for size, least, _ in rules.index_maps.least]
    needed += [(letters.get(size.root(), "1"), 1) for size, _, _ in rules.sizes.worked]
    found = dict(sizes)
    for text, least in needed:
        letters_of = letters_of_size(text)
        if not all(letter in found for letter in letters_of):
            continue
        while (number := size_number(text, found)) < least:
            own = {letter: found[letter] + 1 for letter in letters_of}
            more = {
                n: k for n, k in own.items() if size_number(text, {**found, n: k + _FAR}) > number
            }
            if not more:
                break
            found |= more
    return sized(shapes, found)


def labels_of(formulas: Iterable[Node], shapes: Mapping[str, Shape]) -> dict[str, int]:
    """The names of labels in formulas, each with how many there are to choose from.

    >>> from matderiv.expression.parse import parse
    >>> shapes = {"E": (Dim("V", 5), Dim("D", 2)), "y": (Dim("N", 3),)}
    >>> labels_of([parse("E[y]").loss.value], shapes)
    {'y': 5}
    """
    found: dict[str, int] = {}
    for node in (part for formula in formulas for part in nodes.walk(formula)):
        match node:
            case nodes.OneHot(nodes.Name(name)):
                count = shape_of(node, shapes)[-1].size
            case nodes.Gathered(array, nodes.Name(name), how):
                count = shape_of(array, shapes)[0 if how == "rows" else -1].size
            case _:
                continue
        found[name] = min(count, found.get(name, count))
    return found


def _dim(size: SizeVariable, letters: Mapping[SizeVariable, str], known: tuple[str, ...]) -> Dim:
    letter = letters.get(size.root(), str(size))
    if size.number is None:
        others = f"the sizes here: {', '.join(known)}. Write one of them, or" if known else ""
        raise InputError(f"The size {letter} is not known; {others or 'give it'} a number.")
    return Dim(letter, size.number)


def _plain(node: nodes.Norm, rules: Rules) -> Node:
    """The norm as one of order 2, or as another formula, by the shape of its array."""
    sizes = [size.number or 0 for size in rules.shape(node.arg)]
    return plain_norm(node, len(sizes), wide=len(sizes) > 1 and sizes[0] < sizes[1])


def named_sizes(program: Program, shapes: Mapping[str, Shape]) -> tuple[Program, dict[str, Shape]]:
    """The program with the letters or numbers of the sizes of operands that stand in operations.

    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import infer
    >>> program = parse("L = sum(conv1d(x, w))")
    >>> named_sizes(program, infer(program, shapes={"w": (3,)}))[0].source()
    'L = sum(windows(x, D, axis=-1) @ w)'
    """
    unnamed = {name: size_of_dim(own[0]) for name, own in shapes.items() if is_unnamed(name)}
    if not unnamed:
        return program, dict(shapes)

    def named(size: int | str) -> int | str:
        return put(size, unnamed) if isinstance(size, str) and "_" in size else size

    def new(node: Node) -> Node:
        if (told := counted_array(node)) is not None:
            return new(told[0])
        made = nodes.rebuilt(node, map(new, nodes.children(node)))
        return nodes.with_sizes(made, named)

    assignments = tuple(Assignment(a.name, new(a.value)) for a in program.assignments)
    kept = {name: shape for name, shape in shapes.items() if name not in unnamed}
    written = program.letters()
    sizes = (str(size) for size in unnamed.values())
    taken = frozenset(x for size in sizes for x in letters_of_size(size)) - written
    return replace(program, assignments=assignments, taken=taken), kept


def taken_as_numbers(
    program: Program, before: Mapping[str, Shape], after: Mapping[str, Shape]
) -> Program:
    """The program with numbers for the letters it has taken of operands that have numbers now."""
    pairs = (pair for name, own in before.items() for pair in zip(own, after[name], strict=True))
    numbers = {
        one.symbol: other.size
        for one, other in pairs
        if one.symbol in program.taken and other.symbol.isdigit()
    }
    if not numbers:
        return program

    def number(size: int | str) -> int | str:
        return put(size, numbers) if isinstance(size, str) else size

    def new(node: Node) -> Node:
        return nodes.with_sizes(nodes.rebuilt(node, map(new, nodes.children(node))), number)

    assignments = tuple(Assignment(a.name, new(a.value)) for a in program.assignments)
    return replace(program, assignments=assignments, taken=program.taken - numbers.keys())


def settled(program: Program, shapes: Mapping[str, Shape]) -> Program:
    """The same program with every axis counted from the first, or None, which is all entries.

    A size that is asked for, X.shape[0], has its letter. The only axis of a vector is None, and .T
    is that of a matrix. A product that is 1×1, alone as the last value or summed, is its trace, as
    books write it.

    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import infer
    >>> program = parse("Y = X @ W; L = sum(softmax(Y, axis=-1).sum(axis=-1), axis=0)")
    >>> settled(program, infer(program)).source()
    'Y = X @ W; L = sum(sum(softmax(Y, axis=1), axis=1))'
    """
    program = _with_lengths(program, shapes)
    rules, of = rules_over(shapes)

    def new(node: Node) -> Node:
        node = _of_kron(node, rules, of)
        made = _with_axes(nodes.rebuilt(node, map(new, nodes.children(node))), rules, of)
        if isinstance(made, nodes.Sum) and made == nodes.Sum(made.arg) and single_product(made.arg):
            return nodes.Trace(made.arg)
        if not isinstance(made, nodes.Reduction | nodes.AlongAxis) or made.axis is None:
            return made
        dimensions = len(rules.shape(made.arg))
        return replace(made, axis=None if dimensions == 1 else made.axis % dimensions)

    def single_product(node: Node) -> bool:
        sizes = rules.shape(node) if isinstance(node, nodes.MatMul) else ()
        return len(sizes) == _MATRIX and all(size.fixed and size.number == 1 for size in sizes)

    *before, last = (Assignment(a.name, new(a.value)) for a in program.assignments)
    if last.name in shapes and not shapes[last.name] and rules.shape(last.value):
        last = Assignment(last.name, _single(last.value, len(rules.shape(last.value))))
    return replace(program, assignments=(*before, last), assumed=())


def _with_lengths(program: Program, shapes: Mapping[str, Shape]) -> Program:
    """The program with the letters of the sizes that it asks its arrays for."""
    if not program.lengths():
        return program
    sizes: dict[str, SizeText] = {}
    for name, shape in shapes.items():
        for axis, dim in enumerate(shape):
            sizes |= {length_of(name, n): size_of_dim(dim) for n in (axis, axis - len(shape))}
        sizes[length_of(name, ALL)] = size_of_dim(product_of_sizes(shape))

    def number(dim: Dim) -> Node:
        own = size_of_dim(dim)
        return nodes.Number(Fraction(own)) if isinstance(own, int) else nodes.Size(own, dim.size)

    def new(node: Node) -> Node:
        match node:
            case nodes.Size(symbol) if is_length(symbol):
                name, axis = asked_of(symbol)
                dims = shapes[name] if axis is None else (shapes[name][axis],)
                return reduce(nodes.Multiply, map(number, dims)) if dims else nodes.ONE
        resized = nodes.with_sizes(node, lambda size: put(size, sizes))
        return nodes.rebuilt(resized, map(new, nodes.children(node)))

    made = (Assignment(a.name, new(a.value)) for a in program.assignments)
    asked: dict[str, str] = {}
    for name, place in map(asked_of, sorted(program.lengths())):
        places = range(len(shapes[name]))
        for n in places if place is None else (places[place],):
            asked.setdefault(shapes[name][n].symbol, length_of(name, n))
    taken = program.taken | (asked.keys() - program.letters())
    return replace(program, assignments=tuple(made), taken=taken, asked=tuple(asked.items()))


def values_of_functions(
    program: Program, shapes: Mapping[str, Shape]
) -> dict[str, tuple[int | str, ...]]:
    """The shapes of the functions of whole arrays in a program whose values are arrays."""
    found = {}
    for assignment in program.assignments:
        for part in nodes.walk(assignment.value):
            match part:
                case nodes.Functional(function, arg, sizes) if is_slope(function):
                    found[function[1:]] = sizes[: len(sizes) - len(shape_of(arg, shapes))]
                case nodes.Functional(function, _, sizes):
                    found[function] = sizes
    return {function: sizes for function, sizes in found.items() if sizes}


def with_values(
    node: Node, values: Mapping[str, tuple[int | str, ...]], shapes: Mapping[str, Shape]
) -> Node:
    """A formula in which functions of whole arrays have `values` of these shapes.

    So F(X) is an array, and dF(X) has its axes and then those of X.
    """

    def with_value(part: Node) -> Node:
        made = nodes.rebuilt(part, map(with_value, nodes.children(part)))
        match made:
            case nodes.Functional(function, arg) if function in values:
                return nodes.Functional(function, arg, values[function])
            case nodes.Apply(function, arg) | nodes.Functional(function, arg) if (
                is_slope(function) and function[1:] in values
            ):
                with contextlib.suppress(ShapeError):  # which is said where shapes are judged
                    over = shape_of(with_axes(arg, shapes), shapes)
                    own = (dim.size if dim.symbol.isdigit() else dim.symbol for dim in over)
                    return nodes.Functional(function, arg, (*values[function[1:]], *own))
        return made

    return with_value(node) if values else node


def with_axes(node: Node, shapes: Mapping[str, Shape]) -> Node:
    """A formula that names every axis and has norms of order 2 only, where its shapes fit.

    >>> from matderiv.expression.parse import parse
    >>> shapes = {"X": tuple(Dim(letter, 2) for letter in "KND")}
    >>> with_axes(parse("X.mT").loss.value, shapes)
    Rearrange(arg=Name(name='X'), order=(0, 2, 1), rest=None)
    """
    rules, of = rules_over(shapes)

    def new(node: Node) -> Node:
        return _with_axes(nodes.rebuilt(node, map(new, nodes.children(node))), rules, of)

    try:
        return new(node)
    except InputError:
        return node


def _of_kron(node: Node, rules: Rules, of: dict[Dim, SizeVariable]) -> Node:
    """The trace tr A · tr B and det Aᵐ · det Bⁿ of the Kronecker product of square matrices."""
    match node:
        case (
            nodes.Trace(nodes.Reshape() as arg)
            | nodes.Determinant(nodes.Reshape() as arg)
            | nodes.LogDet(nodes.Reshape() as arg)
        ) if (pair := kron_of(arg)) is not None:
            pass
        case _:
            return node
    shapes = [_dims_of(part, rules, of) for part in pair]
    if any(len(shape) != _MATRIX or shape[0] != shape[1] for shape in shapes):
        return node
    n, m = (nodes.Size(shape[0].symbol, shape[0].size) for shape in shapes)
    a, b = (type(node)(part) for part in pair)
    match node:
        case nodes.Trace():
            return nodes.Multiply(a, b)
        case nodes.Determinant():
            return nodes.Multiply(nodes.Power(a, m), nodes.Power(b, n))
    return nodes.Add(nodes.Multiply(m, a), nodes.Multiply(n, b))


def _with_axes(node: Node, rules: Rules, of: dict[Dim, SizeVariable]) -> Node:
    """A node over operands that name every axis."""
    if isinstance(node, nodes.Rearrange | nodes.Transpose):
        return _in_order(node, len(rules.shape(node.arg)))
    if isinstance(node, nodes.Mapped | nodes.Joined):
        return _counted(node, rules)
    if isinstance(node, nodes.Reshape):
        return plain_reshape(node, *(_dims_of(part, rules, of) for part in (node.arg, node)))
    if isinstance(node, nodes.Norm):
        return _plain(node, rules)
    if isinstance(node, nodes.Var | nodes.Std) and node.ddof:
        return _plain_spread(node, _dims_of(node.arg, rules, of))
    return node


def _plain_spread(node: nodes.Var | nodes.Std, over: Shape) -> Node:
    """The spread that divides by n, times n/(n - ddof) or the root of that."""
    dims = over if node.axis is None else (over[node.axis],)
    sizes: list[Node] = [nodes.Size(dim.symbol, dim.size) for dim in dims if dim != SINGLE]
    count = reduce(nodes.Multiply, sizes) if sizes else nodes.ONE
    if math.prod(dim.size for dim in dims) <= node.ddof:
        raise ShapeError(f"{source(node)} divides by 0 or less; give more entries.")
    ratio = nodes.Divide(count, nodes.Subtract(count, nodes.Number(Fraction(node.ddof))))
    plain = replace(node, ddof=0)
    if isinstance(node, nodes.Var):
        return nodes.Multiply(plain, ratio)
    return nodes.Multiply(plain, nodes.Apply("sqrt", ratio))


def _in_order(node: nodes.Rearrange | nodes.Transpose, dimensions: int) -> Node:
    """The node with every axis named; .T stays that of a matrix."""
    if isinstance(node, nodes.Transpose):
        turned = tuple(reversed(range(dimensions)))
        return nodes.Rearrange(node.arg, turned) if dimensions > _MATRIX else node
    order = full_order(node, dimensions)
    assert order is not None, "the shape was found"
    if order == tuple(range(dimensions)):
        return node.arg
    return nodes.Transpose(node.arg) if order == (1, 0) else nodes.Rearrange(node.arg, order)


def _counted(node: nodes.Mapped | nodes.Joined, rules: Rules) -> Node:
    """A map with its axis counted from the first; the only axis of a vector is None."""
    if isinstance(node, nodes.Joined):
        new, axis = new_axis_of(node, len(rules.shape(node.right)))
        how = node.how if node.how == "list" else "stack" if new else "concatenate"
        return replace(node, how=how, axis=None if how == "list" else axis)
    dimensions, along = len(rules.shape(node.arg)), node.axis
    if along is None or node.move[0] in ("tril", "triu"):
        return node
    dimensions -= node.move[0] == "fold"
    return replace(node, axis=None if dimensions == 1 else along % dimensions)


def _single(node: Node, dimensions: int) -> Node:
    """The entry of an array that has one."""
    if isinstance(node, nodes.Reduction) and node.axis is None:
        return replace(node, keepdims=False)
    return nodes.Trace(node) if dimensions == _MATRIX else nodes.Sum(node)
