"""How a program is read where a person may have meant something else."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce

from matderiv.expression import nodes
from matderiv.expression.dims import Shape
from matderiv.expression.nodes import Node
from matderiv.expression.program import Assignment, Program
from matderiv.expression.source import source
from matderiv.expression.vocabulary import is_greek

__all__ = [
    "WORDS",
    "Reading",
    "beside_vectors",
    "conventional",
    "divisors",
    "doubted",
    "functionals",
    "glued",
    "other_readings",
    "reshapes",
    "taken",
    "targets",
    "unlike_matrices",
    "with_shape",
]

#: Shapes in a sentence, by their number of dimensions.
WORDS = ("a scalar", "a vector", "a matrix")

_MATRIX = 2  # dimensions
_MOST_FACTORS = 4  # of a power that is written out
_MOST_NAMES = 12  # of which two are changed together
_MOST_SINGLE = 60  # of which one is changed

_Change = dict[str, int]


def other_readings(
    dimensions: Mapping[str, int], fits: Callable[[_Change], bool]
) -> tuple[_Change, ...]:
    """The smallest changes of the dimensions of names that fit: one name first, then two.

    Of changes of as many names, those come first that add or take away fewer dimensions.

    >>> other_readings({"X": 2, "theta": 0}, lambda change: change.get("theta") == 1)
    ({'theta': 1},)
    """
    for count, most in ((1, _MOST_SINGLE), (2, _MOST_NAMES)):
        if len(dimensions) > most:
            return ()
        changes = sorted(_changes(dimensions, count), key=lambda c: _distance(dimensions, c))
        for _, alike in itertools.groupby(changes, key=lambda c: _distance(dimensions, c)):
            fitting = tuple(change for change in alike if fits(change))
            if fitting:
                return fitting
    return ()


def _changes(dimensions: Mapping[str, int], count: int) -> Iterator[_Change]:
    for names in itertools.combinations(dimensions, count):
        others = [[n for n in range(len(WORDS)) if n != dimensions[name]] for name in names]
        for chosen in itertools.product(*others):
            yield dict(zip(names, chosen, strict=True))


def _distance(dimensions: Mapping[str, int], change: _Change) -> int:
    return sum(abs(dimensions[name] - number) for name, number in change.items())


# -- roles ------------------------------------------------------------------------------------

_TRUTH = re.compile(r"[tTyY]|[tT]argets?|[lL]abels?|[tT]ruth|[yY]_true|[mM]asks?")


def targets(program: Program) -> tuple[str, ...]:
    """Inputs called as targets, labels and masks are that meet predictions entry by entry only.

    >>> from matderiv.expression.parse import parse
    >>> targets(parse("L = sum((X @ W - T)**2)")), targets(parse("L = sum(y @ A)"))
    (('T',), ())
    """
    alone, entrywise = set[str](), set[str]()
    for assignment in program.assignments:
        for node in nodes.walk(assignment.value):
            meets = isinstance(node, nodes.Subtract | nodes.Multiply)
            for part in nodes.children(node):
                if isinstance(part, nodes.Name):
                    (entrywise if meets else alone).add(part.name)
    inputs = program.inputs()
    return tuple(name for name in inputs if _TRUTH.fullmatch(name) and name in entrywise - alone)


# -- what names are taken to be where two readings fit ---------------------------------------------

_NUMBER_OF = re.compile(r"[nmdkNDM](?:_?[0-9]+|_[A-Za-z]+)?")


def divisors(program: Program) -> frozenset[str]:
    """Names of sizes, such as n and d_k, that stand only in divisors: numbers, most likely.

    >>> from matderiv.expression.parse import parse
    >>> sorted(divisors(parse("sum(f(Q @ K.T/sqrt(d)))/(2*n)")))
    ['d', 'n']
    >>> sorted(divisors(parse("sum(x/d) + sum(d)")))
    []
    """
    inside, all_of = Counter[str](), Counter[str]()
    for assignment in program.assignments:
        for node in nodes.walk(assignment.value):
            match node:
                case nodes.Name(name):
                    all_of[name] += 1
                case nodes.Divide(_, right):
                    inside.update(_factors(right))
    return frozenset(n for n in inside if inside[n] == all_of[n] and _NUMBER_OF.fullmatch(n))


def _factors(node: Node) -> Iterator[str]:
    """The names in a product of names, numbers, their powers, roots and sums with numbers."""
    match node:
        case nodes.Name(name):
            yield name
        case nodes.Multiply(left, right):
            yield from _factors(left)
            yield from _factors(right)
        case (
            nodes.Apply("sqrt", arg)
            | nodes.Power(arg, nodes.Number())
            | nodes.Subtract(arg, nodes.Number())
            | nodes.Add(arg, nodes.Number())
        ):
            yield from _factors(arg)


def beside_vectors(program: Program, dimensions: Callable[[Node], int | None]) -> Iterator[str]:
    """Greek names beside a vector in a factor of a product or in a norm: mu in (x - mu) @ A.

    `dimensions`: those of a part of the program, None if they are not known.
    """
    values = {a.name: a.value for a in program.assignments}
    for assignment in program.assignments:
        for node in nodes.walk(assignment.value):
            if not isinstance(node, nodes.MatMul | nodes.Outer | nodes.Norm):
                continue
            for factor in nodes.children(node):
                part = factor.arg if isinstance(factor, nodes.Transpose) else factor
                part = values.get(part.name, part) if isinstance(part, nodes.Name) else part
                match part:
                    case nodes.Add(left, right) | nodes.Subtract(left, right):
                        for one, other in ((left, right), (right, left)):
                            name = one.name if isinstance(one, nodes.Name) else ""
                            if is_greek(name) and dimensions(other) == 1:
                                yield name


def doubted(
    program: Program, dimensions: Callable[[Node], int]
) -> tuple[frozenset[str], frozenset[str]]:
    """Scalars that could be vectors, being added to an array, and vectors that could be scalars.

    The latter are factors or divisors beside arrays.
    """
    scalars, vectors = set[str](), set[str]()
    for assignment in program.assignments:
        for node in nodes.walk(assignment.value):
            match node:
                case nodes.Add(left, right) | nodes.Subtract(left, right):
                    found, own = scalars, 0
                case nodes.Multiply(left, right) | nodes.Divide(left, right):
                    found, own = vectors, 1
                case _:
                    continue
            for one, other in ((left, right), (right, left)):
                bare = one.left if isinstance(one, nodes.Power) and own == 0 else one
                name = bare.name if isinstance(bare, nodes.Name) else ""
                if name and dimensions(one) == own and dimensions(other) in (1, _MATRIX):
                    found.add(name)
    return frozenset(scalars), frozenset(vectors)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a part of a program is read where a person may have meant something else.

    `kind`: names are "scalars", "vectors" or "matrices"; a part is a "power", "reciprocal" or
    "inner" product, or multiplies "rows", or is "zero" at the declared sizes, or "zero_always";
    "targets" are not differentiated by; names are "reshaped" from a shape that nothing else tells,
    or the new sizes of an array are "resized" to some that nothing else tells; a name is "glued" if
    it may be a product; names are read by "convention", with the `dimensions` of each, where no
    other reading is likely; a "functional" is a number where an array fits as well. `part` and
    `other`: what is written, and how the other meaning is; of names, the first that may be declared
    to be something else; of zero, the matrix of which the part is the determinant; of new sizes,
    what was taken; of a functional, a shape.
    """

    kind: str
    names: tuple[str, ...] = ()
    part: str = ""
    other: str = ""
    dimensions: tuple[int, ...] = ()

    def renamed(self, new: Mapping[str, str]) -> Reading:
        """The same where names have new ones."""

        def put(text: str) -> str:
            return re.sub(r"[A-Za-z]\w*", lambda name: new.get(name[0], name[0]), text)

        names = tuple(new.get(name, name) for name in self.names)
        return replace(self, names=names, part=put(self.part), other=put(self.other))


_KINDS = ("scalars", "vectors", "matrices")


def taken(dimensions: Mapping[str, int], free: Container[str]) -> Iterator[Reading]:
    """The kinds that names are read as, matrices first; `free` ones may be something else.

    >>> [(r.names, r.other) for r in taken({"x": 1, "mu": 1, "d": 0}, {"mu"})]
    [(('x', 'mu'), 'mu'), (('d',), '')]
    """
    for number in reversed(range(len(_KINDS))):  # of more axes, the program names every one
        names = tuple(name for name, own in dimensions.items() if own == number)
        if names:
            yield Reading(_KINDS[number], names, other=next((n for n in names if n in free), ""))


def conventional(dimensions: Mapping[str, int]) -> Iterator[Reading]:
    """The kinds of names that nobody declared, where nothing else is said of them.

    >>> [(r.names, r.dimensions) for r in conventional({"X": 2, "w": 1})]
    [(('X', 'w'), (2, 1))]
    """
    told = {name: own for name, own in dimensions.items() if own < len(_KINDS)}
    if told:  # of more axes, the program names every one
        yield Reading("convention", tuple(told), dimensions=tuple(told.values()))


def functionals(program: Program) -> dict[str, nodes.Functional]:
    """The undefined functions of whole arrays whose values are numbers, each with one call.

    >>> from matderiv.expression.parse import parse
    >>> [*functionals(parse("sum(G*F(X)) + sum(f(X))"))]
    ['F']
    """
    return {
        node.function: node
        for assignment in program.assignments
        for node in nodes.walk(assignment.value)
        if isinstance(node, nodes.Functional) and not node.sizes
    }


def with_shape(program: Program, function: str, sizes: tuple[int | str, ...]) -> Program:
    """The program with a function of whole arrays whose values are arrays of these sizes."""

    def sized(node: Node) -> Node:
        made = nodes.rebuilt(node, map(sized, nodes.children(node)))
        match made:
            case nodes.Functional(name, arg) if name == function:
                return nodes.Functional(name, arg, sizes)
        return made

    values = (Assignment(a.name, sized(a.value)) for a in program.assignments)
    return replace(program, assignments=tuple(values))


def unlike_matrices(program: Program, dimensions: Callable[[Node], int]) -> Iterator[Reading]:
    """Operations of entries where one of matrices may be meant: X**2 in tr(X**2 @ B), A*x."""
    found = dict[Reading, None]()
    for assignment in program.assignments:
        for node in nodes.walk(assignment.value):
            found |= dict.fromkeys(_of_entries(node, dimensions))
    yield from found


def reshapes(
    program: Program, free: Container[str], shape: Callable[[Node], Shape]
) -> Iterator[Reading]:
    """Arrays of several axes in others, where `free` inputs or new letters leave the sizes open."""
    found = dict[Reading, None]()
    for assignment in program.assignments:
        for node in nodes.walk(assignment.value):
            match node:
                case nodes.Reshape(arg, [_, _, *_] as sizes, "C" | "F") if len(shape(arg)) > 1:
                    own = arg.name if isinstance(arg, nodes.Name) and arg.name in free else ""
                    if own or any(isinstance(size, str) for size in sizes):
                        taken = "×".join(dim.symbol for dim in shape(arg if own else node))
                        kind = "reshaped" if own else "resized"
                        found[Reading(kind, (own,) if own else (), source(node), taken)] = None
    yield from found


def glued(program: Program) -> Iterator[Reading]:
    """Inputs such as Ax beside an input x, which are no factor: A @ x may be meant."""
    inputs = program.inputs()
    factors = {
        part
        for assignment in program.assignments
        for node in nodes.walk(assignment.value)
        if isinstance(node, nodes.MatMul)
        for part in nodes.children(node)
    }
    for name in inputs:
        alone = nodes.Name(name) not in factors and nodes.Transpose(nodes.Name(name)) not in factors
        if re.fullmatch("[A-Z][A-Za-z]", name) and name[1] in inputs and alone:
            yield Reading("glued", (name,), name, f"{name[0]} @ {name[1]}")


def _of_entries(node: Node, dimensions: Callable[[Node], int]) -> Iterator[Reading]:
    if isinstance(node, nodes.MatMul | nodes.OfSquare):
        for part in nodes.children(node):
            yield from _powers(part, dimensions)
    match node:
        case nodes.MatMul(left, nodes.Transpose(right)) if (
            dimensions(left) == 1 and dimensions(right) == 1
        ):
            part = left.arg if isinstance(left, nodes.Transpose) else left
            yield Reading("inner", part=source(node), other=source(nodes.Outer(part, right)))
        case nodes.Multiply(left, right) if (
            isinstance(left, nodes.Name)
            and isinstance(right, nodes.Name)
            and (dimensions(left), dimensions(right)) == (_MATRIX, 1)
        ):
            yield Reading("rows", (right.name,), source(node), source(nodes.MatMul(left, right)))


def _powers(part: Node, dimensions: Callable[[Node], int]) -> Iterator[Reading]:
    """A power of a matrix as an operand of an operation of matrices."""
    match part:
        case nodes.Transpose(arg):
            yield from _powers(arg, dimensions)
        case nodes.Power(base, nodes.Number(value)) if dimensions(base) == _MATRIX:
            if value == -1:
                yield Reading("reciprocal", (), source(part), source(nodes.Inverse(base)))
            elif value.denominator == 1 and 1 < value <= _MOST_FACTORS:
                product = reduce(nodes.MatMul, [base] * int(value))
                yield Reading("power", (), source(part), source(product))
        case nodes.Divide(nodes.Number(), base) if dimensions(base) == _MATRIX:
            yield Reading("reciprocal", (), source(part), source(nodes.Inverse(base)))
