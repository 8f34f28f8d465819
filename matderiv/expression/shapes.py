"""Shapes: inferred from use, completed by declarations, checked against each other."""

from __future__ import annotations

import itertools
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace

from matderiv.errors import InputError, ShapeError, brief
from matderiv.expression import nodes
from matderiv.expression._open_sizes import DEFAULT_SIZES, OpenSizes
from matderiv.expression._rules import Rules
from matderiv.expression._sizes import ShapeVariables, SizeVariable, words
from matderiv.expression.dims import Dim, Shape
from matderiv.expression.known_shapes import rules_over, shape_of
from matderiv.expression.nodes import Node
from matderiv.expression.program import Program
from matderiv.expression.readings import (
    WORDS,
    Reading,
    beside_vectors,
    conventional,
    divisors,
    doubted,
    functionals,
    glued,
    other_readings,
    reshapes,
    taken,
    unlike_matrices,
    with_shape,
)
from matderiv.expression.size_text import is_unnamed
from matderiv.expression.source import source
from matderiv.expression.vocabulary import MAX_SIZE, did_you_mean, is_greek

__all__ = ["Dim", "Shape", "infer", "read_as"]

_MATRIX = 2  # dimensions
_MOST = 8  # dimensions; each needs a letter

#: Names that are always those of scalars.
_SURE = frozenset({"lam", "eps"})


def infer(
    program: Program,
    *,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    scalar: bool = False,
) -> dict[str, Shape]:
    """The shape of every name of the program; `scalar` asks for a last value that is a number.

    Shapes:
        A capitalised name is a matrix, a lower-case one a vector, a Greek one a scalar,
        unless `shapes` declares it. `sizes` gives N, D, M: the first product of the program
        takes an (N, D) matrix by a (D, M) one. It also gives the sizes that the program
        writes as letters, as in eye(K). Such a letter stands beside the names, with the shape
        (K,), where no name has that size. A last value of one entry, such as a 1×1 matrix, is a
        number where a `scalar` is asked for.

    Raises:
        ShapeError: two shapes do not fit, a size is not a whole number ≥ 1, or the last value is
            an array where a scalar is asked for.
        InputError: a size or shape is given for something that is not in the program.

    >>> from matderiv.expression.parse import parse
    >>> infer(parse("Y = X @ W; L = sum(f(Y))"))["W"]
    (Dim(symbol='D', size=4), Dim(symbol='M', size=3))
    """
    try:
        return _inferred(program, sizes or {}, shapes or {}, scalar=scalar)
    except ShapeError as error:
        raise ShapeError(_as_written(str(error), program.written, shapes or {})) from None


def _as_written(
    message: str, written: Iterable[tuple[str, str]], shapes: Mapping[str, tuple[int, ...]]
) -> str:
    """A message with calls as the program has them, not as what they are read as.

    Where no part of the message is a call that was written, the shapes are said that it was given.
    """
    calls = sorted(written, key=lambda pair: -len(pair[0]))
    for made, typed in calls:
        message = message.replace(made, typed)
    head, colon, rest = message.partition(": ")
    inside = (typed for made, typed in calls if head in made and head != typed)
    if colon and _UNNAMED.search(head):
        message = f"{next(inside, head)}: {rest}"
    declared = [(name, shape) for name, shape in shapes.items() if shape]
    for _, typed in calls:
        given = [
            f"{name} is {words(tuple(map(SizeVariable, shape)))}"
            for name, shape in declared
            if re.search(rf"(?<!\w){name}(?!\w)", typed)
        ]
        if given and (_UNNAMED.search(message) or "×" not in message):
            said = _without_letters(message)
            return f"{typed}: {' and '.join(given)}; {said[0].lower()}{said[1:]}"
    return message


def _without_letters(message: str) -> str:
    """The part of a message behind the last letter that no program writes."""
    found = [*_UNNAMED.finditer(message)]
    if not found:
        return message
    behind = message[found[-1].end() :]
    _, apart, said = behind.partition("; ")
    _, has, entries = behind.partition(" has ")
    return said if apart else f"it has {entries}" if has else "the sizes do not fit."


#: A letter that no program writes.
_UNNAMED = re.compile(r"(?<!\w)_\d+(?!\w)")


def _inferred(
    program: Program,
    sizes: Mapping[str, int | None],
    shapes: Mapping[str, tuple[int, ...]],
    *,
    scalar: bool,
) -> dict[str, Shape]:
    inference = _Inference(program, sizes, shapes)
    usual = inference.usual(scalar=scalar)
    if usual:
        return _Inference(program, sizes, shapes, usual).run(scalar=scalar)
    try:
        return inference.run(scalar=scalar)
    except ShapeError as error:
        readings = inference.otherwise(scalar=scalar)
        if not readings:
            for function, call in functionals(program).items():
                if shape := _array_that_fits(program, call, shapes, scalar=scalar):
                    raise ShapeError(
                        f"{error} If {source(call)} is an array, declare its shape: "
                        f"--shape {function}={shape}."
                    ) from None
            raise
        reading, *others = readings
        if others:
            ways = " or ".join(map(_in_words, readings))
            raise ShapeError(f"{error} Or declare with --shape: {ways}.") from None
    return _Inference(program, sizes, shapes, reading).run(scalar=scalar)


def read_as(
    program: Program, known: Mapping[str, Shape], declared: Container[str] = (), *, scalar: bool
) -> tuple[Reading, ...]:
    """Names without a declared shape, each with its kind, and parts that have two readings.

    The names are told in sentences where the shape of one is not what the convention gives, or is
    one of several that fit: a vector as a factor beside arrays, a Greek name beside a vector.

    >>> from matderiv.expression.parse import parse
    >>> program = parse("sum((X @ theta - w*y)**2)")
    >>> [(r.kind, r.names) for r in read_as(program, infer(program), scalar=True)]
    [('matrices', ('X',)), ('vectors', ('theta', 'w', 'y'))]
    """
    rules, _ = rules_over(known)

    def dimensions(node: Node) -> int:
        return len(rules.shape(node))

    inputs = [name for name in program.inputs() if name not in declared]
    now = {name: len(known[name]) for name in program.inputs()}
    doubtful = {
        name: number
        for number, names in enumerate(doubted(program, dimensions))
        for name in names
        if name in inputs and now[name] == number
    }
    unusual = {name for name in inputs if now[name] != len(_default(name))}
    free = {
        name
        for name in inputs
        if name in unusual | doubtful.keys()
        and _Inference(program, {}, {}, {**now, name: max(0, 1 - now[name])}).fits(scalar=scalar)
    }
    kinds = {name: now[name] for name in inputs}
    told = taken(kinds, free) if unusual | free else conventional(kinds)
    moved = reshapes(program, inputs, lambda node: shape_of(node, known))
    numbers: tuple[Reading, ...] = ()
    one_name = [one for one in glued(program) if one.part in inputs]
    for function, call in functionals(program).items():
        if function in declared:
            continue
        if shape := _array_that_fits(program, call, {}, scalar=scalar):
            numbers += (Reading("functional", (function,), source(call), shape),)
    return (*told, *numbers, *one_name, *unlike_matrices(program, dimensions), *moved)


#: Shapes of the values of functions, by which a message shows how one is declared.
_VALUES = ((4, 3), (3, 3), (4,))


def _array_that_fits(
    program: Program,
    call: nodes.Functional,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    scalar: bool,
) -> str:
    """A shape that F(X), a number, may have as well, such as 4x3; "" if none fits.

    `shapes`: those that are declared.
    """
    for sizes in _VALUES:
        other = with_shape(program, call.function, sizes)
        if _Inference(other, {}, shapes).fits(scalar=scalar):
            return "x".join(map(str, sizes))
    return ""


def _in_words(change: Mapping[str, int]) -> str:
    return ", ".join(f"{name}: {WORDS[number]}" for name, number in change.items())


class _Inference:
    def __init__(
        self,
        program: Program,
        sizes: Mapping[str, int | None],
        shapes: Mapping[str, tuple[int, ...]],
        dimensions: Mapping[str, int] | None = None,
    ) -> None:
        self.program = program
        self.dimensions = dimensions or {}
        self.sizes = {name: _size(f"{name} is", n) for name, n in sizes.items() if n is not None}
        numbers = program.letters()  # a letter that is declared a scalar is one anyway
        self.declared = {
            name: _declared(name, shape)
            for name, shape in shapes.items()
            if len(shape) or name not in numbers
        }
        self.named = _dimensions_named(program)
        self.rules = self._rules()
        self.known = self.rules.known
        #: Sizes that are 1 because of what an input stands beside.
        self.single: dict[str, tuple[int | None, ...]] = {}

    def _rules(self) -> Rules:
        assigned = frozenset(a.name for a in self.program.assignments)
        return Rules(self._unassigned, assigned=assigned)

    def run(self, *, scalar: bool) -> dict[str, Shape]:
        inputs = self.program.inputs()
        for name in self.declared:
            if name not in inputs:
                what = (
                    "is the number π; give an input another name"
                    if name == "pi"
                    else "is assigned; its shape follows"
                    if name in self.program.names()
                    else "is not in the program"
                )
                raise InputError(
                    f"--shape {name}: {name} {what}. Inputs are: {', '.join(inputs) or 'none'}."
                    + did_you_mean(name, inputs)
                )
        self._infer(self.declared)
        while single := self._single():
            self.single |= single
            self.rules = self._rules()
            self.known = self.rules.known
            self._infer(self.declared)
        if scalar:
            self._check_scalar()
        open_sizes = OpenSizes(self.rules)
        open_sizes.settle(self.sizes)
        taken = self.program.names() | self.program.functions()
        symbols = open_sizes.symbols(taken, dict(self.program.size_names))
        found = {
            name: tuple(Dim(symbols[s.root()], s.number or 1) for s in shape)
            for name, shape in self.known.items()
        }
        in_names = {dim.symbol for shape in found.values() for dim in shape}
        if scalar:
            found[self.program.loss.name] = ()
        letters = {
            k: Dim(symbols[s.root()] if is_unnamed(k) else k, s.root().number or 1)
            for k, s in self.rules.sizes.letters.items()
        }
        return found | {k: (dim,) for k, dim in letters.items() if k not in in_names}

    def _infer(self, declared: Mapping[str, tuple[int, ...]]) -> None:
        """The shapes of all names, given the declared ones."""
        for name in self.program.inputs():
            numbers = declared.get(name, self.single.get(name, self._open(name)))
            self.known[name] = tuple(SizeVariable(n) for n in numbers)
        for assignment in self.program.assignments:
            self.known[assignment.name] = self.rules.shape(assignment.value)

    def _single(self) -> dict[str, tuple[int | None, ...]]:
        """Undeclared inputs with a 1 where the product that they stand beside has a declared 1.

        So the bias and the target of one declared output are single numbers in each row, and are
        not repeated over as many outputs as one might guess.
        """
        ones = {s.root() for name in self.declared for s in self.known[name] if s.number == 1}
        free = set(self.program.inputs()) - self.declared.keys()
        products: set[str] = set()
        found: dict[str, tuple[int | None, ...]] = {}

        def is_product(node: Node) -> bool:
            return any(
                isinstance(n, nodes.MatMul) or (isinstance(n, nodes.Name) and n.name in products)
                for n in nodes.walk(node)
            )

        for assignment in self.program.assignments if ones else ():
            for node in nodes.walk(assignment.value):
                if not isinstance(node, nodes.Entrywise):
                    continue
                for leaf, other in itertools.permutations(nodes.children(node)):
                    if isinstance(leaf, nodes.Name) and leaf.name in free and is_product(other):
                        own = self.known[leaf.name]
                        beside = ((None,) * len(own) + self.rules.shape(other))[-len(own) :]
                        numbers = tuple(
                            1 if a.number is None and b and b.root() in ones else a.number
                            for a, b in zip(own, beside, strict=True)
                        )
                        if numbers != tuple(a.number for a in own):
                            found[leaf.name] = numbers
            if is_product(assignment.value):
                products.add(assignment.name)
        return found

    def _open(self, name: str) -> tuple[None, ...]:
        """As many unknown sizes as an input that is not declared has."""
        number = self.dimensions.get(name, self.named.get(name))
        return _default(name) if number is None else (None,) * number

    def result(self) -> int | None:
        """The number of dimensions of the last value; None if something does not fit."""
        try:
            self._infer(self.declared)
        except InputError:
            return None
        return len(self.known[self.program.loss.name])

    def fits(self, *, scalar: bool) -> bool:
        """Whether the shapes fit, whatever the sizes."""
        found = self.result()
        return found == 0 if scalar else found is not None

    def usual(self, *, scalar: bool) -> dict[str, int]:
        """Dimensions that names most likely have by their place, if the program fits with them.

        A size that only divides is a number; a Greek name is a vector beside one that is
        multiplied by a matrix.
        """
        ways = self._likely()
        return next((way for way in ways if self._with(way).fits(scalar=scalar)), {})

    def _likely(self) -> list[dict[str, int]]:
        """All such dimensions together, then each alone."""
        free = {
            name: len(_default(name))
            for name in self.program.inputs()
            if name not in self.declared and name not in _SURE
        }
        wishes = {name: 0 for name in divisors(self.program) if free.get(name, 0) > 0}
        rules = _Inference(self.program, {}, self.declared, wishes)

        def dimensions(node: Node) -> int | None:
            try:
                return len(rules.rules.shape(node))
            except InputError:
                return None

        if any(is_greek(name) for name in free):
            rules.fits(scalar=False)
            beside = beside_vectors(self.program, dimensions)
            wishes |= {name: 1 for name in beside if name in free}
        alone = [{name: number} for name, number in wishes.items()]
        return [wishes, *alone] if len(wishes) > 1 else alone

    def _with(self, change: Mapping[str, int]) -> _Inference:
        return _Inference(self.program, {}, self.declared, {**self.dimensions, **change})

    def otherwise(self, *, scalar: bool) -> tuple[Mapping[str, int], ...]:
        """The smallest changes of what undeclared inputs are with which the program fits.

        The dimensions that names most likely have by their place stay, if one other change fits
        with them.
        """
        if self.fits(scalar=scalar):
            return ()  # it is a size that does not fit
        for likely in self._likely():
            found = self._with(likely).changes(scalar=scalar)
            if len(found) == 1:
                return ({**likely, **found[0]},)
        return self.changes(scalar=scalar)

    def changes(self, *, scalar: bool) -> tuple[Mapping[str, int], ...]:
        """The smallest changes beside the dimensions that are given.

        A capitalised name stays a matrix, unless it is the factor of a number to which another
        number is added.

        Where only the loss is no scalar, one factor or divisor beside other arrays is changed to a
        scalar: a missing sum is as likely otherwise.
        """
        told = self.declared.keys() | self.dimensions.keys()
        inputs = [name for name in self.program.inputs() if name not in told]
        dimensions = {
            name: self.dimensions.get(name, len(_default(name))) for name in self.program.inputs()
        }
        free = {
            n: k for n, k in dimensions.items() if n in inputs and n not in _SURE and k < _MATRIX
        }

        def result(change: Mapping[str, int]) -> int | None:
            return self._with(change).result()

        def fits(change: Mapping[str, int]) -> bool:
            found = result(change)
            return found == 0 if scalar else found is not None

        if result({}) is None:
            found = other_readings(free, fits)
            greek = {name: number for name, number in free.items() if not number}
            return found or other_readings(greek, lambda change: result(change) is not None)
        loss = self.program.loss.value
        factors = frozenset[str]() if isinstance(loss, nodes.Name) else _plain_factors(loss)
        found = tuple(
            {name: 0}
            for name in inputs
            if name in factors
            and (name in free or name in DEFAULT_SIZES or name in self._added_to_numbers())
            and any(number for other, number in dimensions.items() if other != name)
            and fits({name: 0})
        )
        return found if len(found) == 1 else ()

    def _added_to_numbers(self) -> frozenset[str]:
        """The factors in terms of the loss that are arrays, where another term is a number."""
        plain = self._with({})
        plain.result()
        ends = _terms(self.program.loss.value)
        arrays = [term for term in ends if plain.rules.shape(term)]
        some = arrays if len(arrays) < len(ends) else []
        return frozenset[str]().union(*map(_plain_factors, some))

    def _check_scalar(self) -> None:
        loss = self.program.loss
        shape = self.known[loss.name]
        if all(size.number == 1 for size in shape):
            return
        value = source(loss.value)
        if isinstance(loss.value, nodes.Reduction):
            meant = source(replace(loss.value, axis=None, keepdims=False))
        else:
            meant = f"sum({value})"
        raise ShapeError(
            f"The loss {loss.name} = {value} is {words(shape)}, not a scalar. "
            f"Did you mean {loss.name} = {meant}?" + self._perhaps_scalar()
        )

    def _perhaps_scalar(self) -> str:
        """Advice on an input that was taken for an array; the loss is a scalar if it is one."""
        for name in self.program.inputs():
            alone = self.program.loss.value == nodes.Name(name)
            doubtful = len(_default(name)) == 1 or name in DEFAULT_SIZES  # n and N
            if alone or name in self.declared or not doubtful:
                continue
            other = _Inference(self.program, {}, {**self.declared, name: ()})
            try:
                other._infer(other.declared)
            except InputError:
                continue
            if not other.known[self.program.loss.name]:
                return f" Or, if {name} is a scalar, declare it: --shape {name}=scalar."
        return ""

    def _unassigned(self, name: str) -> ShapeVariables:
        """The error for a name that is used before it is assigned."""
        values = {a.name: a.value for a in self.program.assignments}
        current = next(n for n in values if n not in self.known)
        needs, queue = {name}, [name]
        while queue:
            for part in nodes.walk(values[queue.pop()]):
                if isinstance(part, nodes.Name) and part.name in values.keys() - needs:
                    needs.add(part.name)
                    queue.append(part.name)
        if current in needs:
            raise InputError(
                f"{current} and {name} are defined by each other: "
                f"{current} = {source(values[current])} and {name} = {source(values[name])}. "
                "Give one of them a value without the other."
            )
        raise InputError(f"{name} is used before it is assigned; exchange the two assignments.")


def _plain_factors(node: Node) -> frozenset[str]:
    """The names that a value is multiplied or divided by, beside a sum or another reduction."""
    match node:
        case nodes.Multiply(left, right) | nodes.Divide(left, right):
            return _plain_factors(left) | _plain_factors(right)
        case nodes.Add(left, right) | nodes.Subtract(left, right):
            return _plain_factors(left) | _plain_factors(right)
        case nodes.Negate(arg):
            return _plain_factors(arg)
        case nodes.Name(name):
            return frozenset({name})
    return frozenset()


def _terms(node: Node) -> list[Node]:
    """The terms of a sum, whatever their signs are."""
    match node:
        case nodes.Add(left, right) | nodes.Subtract(left, right):
            return [*_terms(left), *_terms(right)]
    return [node]


def _dimensions_named(program: Program) -> dict[str, int]:
    """How many axes names have of which every one is named, as in transpose(X, (0, 2, 1))."""
    found: dict[str, int] = {}
    for assignment in program.assignments:
        for node in nodes.walk(assignment.value):
            match node:
                case nodes.Rearrange(nodes.Name(name), order, None):
                    found.setdefault(name, sum(axis is not None for axis in order))
    return found


def _default(name: str) -> tuple[None, ...]:
    if name[0].isupper():
        return (None, None)
    return () if is_greek(name) else (None,)


def _size(what: str, size: object) -> int:
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= MAX_SIZE:
        raise ShapeError(f"{what} {brief(size)}; a size is a whole number from 1 to {MAX_SIZE:,}.")
    return size


def _declared(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) > _MOST:
        raise ShapeError(f"{name} has {len(shape)} dimensions; an input has at most {_MOST}.")
    return tuple(_size(f"The shape of {name} holds", n) for n in shape)
