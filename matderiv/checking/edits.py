"""Single changes to a formula: a mistake seen one way, and its repair seen the other way."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from matderiv.checking.question import Question, substituted
from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node, Number
from matderiv.expression.nodes import parts as _parts
from matderiv.expression.shapes import Shape, shape_of

__all__ = ["KINDS", "Edit", "edits"]

_MOST_FACTORS = 4  # of a product whose orders are all tried
_MATRIX = 2  # dimensions


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one part of a formula, `before` to `after`; `node` is the formula after it."""

    kind: str
    node: Node
    before: Node
    after: Node


def _shape(node: Node, question: Question) -> Shape | None:
    try:
        return shape_of(node, question.shapes)
    except InputError:
        return None


def _transpose_whole(node: Node, _question: Question) -> Iterator[Edit]:
    """A is Aᵀ."""
    other = nodes.transposed(node)
    yield Edit("whole", other, node, other)


def _transpose(node: Node, question: Question) -> Iterator[Edit]:
    """A factor with its transpose lost, or with one too many."""
    for part, rebuild in _parts(node):
        if part == node or isinstance(part, Number):
            continue
        if isinstance(part, nodes.Transpose):
            yield Edit("transpose", rebuild(part.arg), part, part.arg)
        elif len(_shape(part, question) or (0, 0)) == _MATRIX:
            # The T of a transposed part is taken off by the case above.
            other = nodes.Transpose(part)
            yield Edit("transpose", rebuild(other), part, other)


def _order(node: Node, _question: Question) -> Iterator[Edit]:
    """The factors of a product in another order."""
    for part, rebuild in _parts(node):
        factors = _factors(part)
        if not 1 < len(factors) <= _MOST_FACTORS:
            continue
        for order in itertools.permutations(factors):
            if list(order) != factors:
                other = _product(list(order))
                yield Edit("order", rebuild(other), part, other)


def _operator(node: Node, question: Question) -> Iterator[Edit]:
    """@ for * or * for @."""
    for part, rebuild in _parts(node):
        if isinstance(part, nodes.MatMul | nodes.Multiply):
            kind = nodes.Multiply if isinstance(part, nodes.MatMul) else nodes.MatMul
            if all(len(_shape(c, question) or (0, 0)) == _MATRIX for c in nodes.children(part)):
                other = kind(part.left, part.right)
                yield Edit("operator", rebuild(other), part, other)


def _sign(node: Node, _question: Question) -> Iterator[Edit]:
    """A minus for a plus inside the formula; the sign of the whole is a factor."""
    for part, rebuild in _parts(node):
        match part:
            case nodes.Add(left, right):
                others: list[Node] = [nodes.Subtract(left, right), nodes.Subtract(right, left)]
            case nodes.Subtract(left, right):
                others = [nodes.Add(left, right), nodes.Subtract(right, left)]
            case nodes.Negate(arg):
                others = [arg]
            case nodes.Number(value):
                others = [Number(-value)]
            case _:
                continue
        for other in others:
            yield Edit("sign", rebuild(other), part, other)


def _number(node: Node, question: Question) -> Iterator[Edit]:
    """A number or an exponent that is another one."""
    inside = (n for root in _variants(question) for n in nodes.walk(root))
    wanted = [Number(abs(n.value)) for n in inside if isinstance(n, Number)]
    for part, rebuild in _parts(node):
        if isinstance(part, nodes.Power) and isinstance(part.right, Number):
            for value in (part.right.value + 1, part.right.value - 1):
                raised = part.left if value == 1 else nodes.Power(part.left, Number(value))
                yield Edit("number", rebuild(raised), part, raised)
    for part, rebuild in _parts(node):
        if isinstance(part, Number):
            for other in dict.fromkeys([*wanted, *map(_whole, (1, 2, 3))]):
                if other != part:
                    yield Edit("number", rebuild(other), part, other)


def _part(node: Node, _question: Question) -> Iterator[Edit]:
    """A factor too many at one place."""
    for part, rebuild in _parts(node):
        match part:
            case nodes.Multiply(left, right):
                yield Edit("part", rebuild(left), part, left)
                yield Edit("part", rebuild(right), part, right)
            case nodes.Divide(left, _):
                yield Edit("part", rebuild(left), part, left)


def _whole(value: int) -> Node:
    return Number(Fraction(value))


def _term(node: Node, question: Question) -> Iterator[Edit]:
    """A term that is missing, or one too many."""
    for part, rebuild in _parts(node):
        if isinstance(part, nodes.Add | nodes.Subtract):
            yield Edit("extra", rebuild(part.left), part, part.left)
            other = part.right if isinstance(part, nodes.Add) else nodes.Negate(part.right)
            yield Edit("extra", rebuild(other), part, other)
    terms = dict.fromkeys(t for root in _variants(question) for t in _terms(root))
    for part, rebuild in _parts(node):
        shape = _shape(part, question)
        for term in terms:
            if isinstance(part, Number) and isinstance(term, Number):
                continue  # one number for another
            if shape is not None and _shape(term, question) in (shape, ()):
                other = _plus(part, term)
                yield Edit("missing", rebuild(other), part, other)


def _plus(node: Node, term: Node) -> Node:
    match term:
        case nodes.Negate(arg):
            return nodes.Subtract(node, arg)
        case Number(value) if value < 0:
            return nodes.Subtract(node, Number(-value))
    return nodes.Add(node, term)


def _terms(root: Node) -> Iterator[Node]:
    """The terms of all sums in a formula, each with its sign."""
    for part in nodes.walk(root):
        if isinstance(part, nodes.Add | nodes.Subtract):
            yield part.left
            yield part.right if isinstance(part, nodes.Add) else _negative(part.right)


def _negative(node: Node) -> Node:
    return Number(-node.value) if isinstance(node, Number) else nodes.Negate(node)


def _chain(node: Node, question: Question) -> Iterator[Edit]:
    """A factor of the chain rule left out, or f where f′ belongs."""
    yield from _prime(node, question)
    for part, rebuild in _parts(node):
        shape = _shape(part, question)
        if shape is None or len(shape) != _MATRIX:
            continue
        for factor in question.chain:
            if _shape(factor, question) in (shape, ()):
                other: Node = nodes.Multiply(part, factor)
                yield Edit("chain", rebuild(other), part, other)
    for factor in dict.fromkeys(f for root in _variants(question) for f in _entry_factors(root)):
        for part, rebuild in _parts(node):
            if () in (_shape(part, question), _shape(factor, question)):
                first = _shape(factor, question) == ()  # a number stands before a matrix
                other = nodes.Multiply(factor, part) if first else nodes.Multiply(part, factor)
                yield Edit("chain", rebuild(other), part, other)
    for part, rebuild in _parts(node):
        for factor in _factors(question.gradient):
            for one, g in itertools.product(
                (part, nodes.transposed(part)), (factor, nodes.transposed(factor))
            ):
                for other in (nodes.MatMul(g, one), nodes.MatMul(one, g)):
                    yield Edit("left_out", rebuild(other), part, other)


def _entry_factors(root: Node) -> Iterator[Node]:
    """What is multiplied entry by entry in a formula."""
    for part in nodes.walk(root):
        if isinstance(part, nodes.Multiply):
            yield from nodes.children(part)


def _prime(node: Node, question: Question) -> Iterator[Edit]:
    """Whether f stands where f′ belongs, by name or written out; Y where f′(Y) belongs."""
    y = Name(question.problem.name)
    names = {d[1:]: d for d in question.function_names if d.startswith("d")}
    for part, rebuild in _parts(node):
        if isinstance(part, nodes.Apply):
            for f, slope in names.items():
                for one, other in ((f, slope), (slope, f)):
                    if part.function == one:
                        made = nodes.Apply(other, part.arg)
                        yield Edit("prime", rebuild(made), part, made)
        if part == y:
            for slope in names.values():
                made = nodes.Apply(slope, y)
                yield Edit("prime", rebuild(made), part, made)
    for f, slope in names.items():
        body, derivative = question.bodies.get(f), question.bodies.get(slope)
        if body is None or derivative is None or body == Name(""):
            continue
        ways = [substituted(written, Name(""), y) for written in (body, derivative)]
        others = dict(zip(map(question.entry_name, ways), reversed(ways), strict=True))
        others.pop(None, None)  # too long to be worked out
        for part, rebuild in _parts(node):
            if _shape(part, question) == question.shapes[y.name]:
                turned = others.get(question.entry_name(part))
                if turned is not None:
                    yield Edit("prime", rebuild(turned), part, turned)


def _name(node: Node, question: Question) -> Iterator[Edit]:
    """One matrix or function in the place of another."""
    own = (name for name in question.undefined if name[0].islower())
    functions = (*own, "exp", "log", "tanh", "sigmoid", "sin", "cos")
    for part, rebuild in _parts(node):
        if isinstance(part, Name):
            for other in question.shapes:
                if other not in (part.name, question.loss):
                    yield Edit("name", rebuild(Name(other)), part, Name(other))
        if isinstance(part, nodes.Apply):
            for function in functions:
                if function != part.function:
                    made = nodes.Apply(function, part.arg)
                    yield Edit("name", rebuild(made), part, made)


#: The kinds of changes in the order in which they are tried; `None` is where a factor of the
#: whole is asked for, which is found by dividing and not by trying.
KINDS: tuple[Callable[[Node, Question], Iterator[Edit]] | None, ...] = (
    _transpose_whole,
    _transpose,
    _order,
    _operator,
    None,
    _sign,
    _number,
    _term,
    _chain,
    _part,
    _name,
)


def edits(node: Node, question: Question) -> Iterator[Edit]:
    """All single changes of a formula, the likeliest kinds first."""
    for kind in KINDS:
        if kind is not None:
            yield from kind(node, question)


def _variants(question: Question) -> tuple[Node, ...]:
    """The gradient in its own words and with dY written out, as a product and term by term."""
    plain = question.gradient
    upstream = Name(f"d{question.problem.name}")
    found = [plain]
    for written in question.written:
        found.append(substituted(plain, upstream, written))
        if isinstance(written, nodes.Add | nodes.Subtract):
            one, other = (substituted(plain, upstream, w) for w in nodes.children(written))
            found.append(type(written)(one, other))
    return tuple(found)


def _factors(node: Node) -> list[Node]:
    if isinstance(node, nodes.MatMul):
        return [*_factors(node.left), *_factors(node.right)]
    return [node]


def _product(factors: list[Node]) -> Node:
    made = factors[0]
    for factor in factors[1:]:
        made = nodes.MatMul(made, factor)
    return made
