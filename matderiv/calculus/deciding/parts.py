"""Two formulas compared part by part: only what differs in them needs a proof.

f(A) = f(B) wherever A = B, for every operation f. So two large formulas that differ in one small
part are equal if that part is, and no entry of the whole has to be worked out.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Container, Mapping

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.calculus.formulas.flattened import Addend, chain, cost, sum_of, terms
from matderiv.expression.nodes import (
    Add,
    AlongAxis,
    Apply,
    Divide,
    LogSumExp,
    MatMul,
    Multiply,
    Name,
    Negate,
    Node,
    Power,
    Subtract,
    children,
    names_in,
    rebuilt,
    walk,
)
from matderiv.expression.shapes import Shape

__all__ = ["arguments_named", "differing", "shared_parts_named"]

_Pairs = tuple[tuple[Node, Node], ...]
_Kinds = tuple[type, ...]

#: Operations that a normal form of entries knows.
_RING = (Add, Subtract, Negate, Multiply, Divide, Power)
#: Operations whose arguments are named.
_FUNCTIONS = Apply | AlongAxis | LogSumExp
_SHORT = 24  # gradients in a sum up to which its terms are not told apart by them
_WORTH = 2  # the length from which on a part gets a name


def differing(
    one: Node,
    other: Node,
    definitions: Mapping[str, Node],
    shape: ShapeOf,
    *,
    kept: _Kinds = (),
) -> _Pairs:
    """The smallest pairs of parts, of one shape each, whose equality makes two formulas equal.

    A name is replaced by its definition where the other formula has something else. Operations
    that are `kept` stay whole, as quotients do whose numerators and denominators differ both.

    >>> from matderiv.calculus.formulas.shaping import shapes_over
    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import infer
    >>> p = parse("Y = X + X; A = tanh(Y) @ B; C = tanh(2*X) @ B; L = sum(A) + sum(C)")
    >>> a, c = (p.assignments[n].value for n in (1, 2))
    >>> from matderiv.expression.source import source
    >>> pairs = differing(a, c, {"Y": p.assignments[0].value}, shapes_over(infer(p)))
    >>> [(source(x), source(y)) for x, y in pairs]
    [('X + X', '2*X')]
    """
    try:
        return _Parts(definitions, shape, kept).of(one, other)
    except RecursionError:
        return ((one, other),)


class _Parts:
    """The smallest parts in which formulas differ; a pair is taken apart once."""

    def __init__(self, definitions: Mapping[str, Node], shape: ShapeOf, kept: _Kinds) -> None:
        self.definitions, self.shape, self.kept = definitions, shape, kept
        self._known: dict[tuple[Node, Node], _Pairs] = {}

    def of(self, one: Node, other: Node) -> _Pairs:
        """The pairs of parts whose equality makes two formulas equal."""
        if one == other:
            return ()
        if (one, other) not in self._known:
            self._known[one, other] = _differing(one, other, self)
        return self._known[one, other]


def _differing(one: Node, other: Node, parts: _Parts) -> _Pairs:
    definitions, shape, kept = parts.definitions, parts.shape, parts.kept
    if isinstance(one, Name) and one.name in definitions:
        return parts.of(definitions[one.name], other)
    if isinstance(other, Name) and other.name in definitions:
        return parts.of(one, definitions[other.name])
    if (rest := _without_shared_terms(one, other, shape)) is not None:
        return parts.of(*rest)
    if (long := _terms_apart(one, other, parts)) is not None:
        return long
    if isinstance(one, MatMul | Multiply) and type(one) is type(other):
        left, right = _factors(one, shape), _factors(other, shape)
        left = _longer(one, left, len(right), definitions, shape)
        right = _longer(other, right, len(left), definitions, shape)
        if len(left) != len(right):
            return ((one, other),)
    else:
        left, right = list(children(one)), list(children(other))
        if not left or type(one) is not type(other) or rebuilt(one, right) != other:
            return ((one, other),)
    if any(shape(a) != shape(b) for a, b in zip(left, right, strict=True)):
        return ((one, other),)
    apart = dict.fromkeys((a, b) for a, b in zip(left, right, strict=True) if a != b)
    if isinstance(one, kept) and len(apart) > 1:
        return ((one, other),)
    found: dict[tuple[Node, Node], None] = {}
    for a, b in apart:
        found |= dict.fromkeys(parts.of(a, b))
    return tuple(found)


def _without_shared_terms(one: Node, other: Node, shape: ShapeOf) -> tuple[Node, Node] | None:
    """Two sums without the terms that both have; None where they share none, or one is all."""
    if not isinstance(one, Add | Subtract) or not isinstance(other, Add | Subtract):
        return None
    first, second = (Counter(terms(side)) for side in (one, other))
    if first == second:
        return one, one
    left, right = (sum_of((first - second).elements()), sum_of((second - first).elements()))
    shorter = cost(left) < cost(one) and cost(right) < cost(other)
    whole = shape(one) == shape(left) == shape(right) == shape(other)
    return (left, right) if shorter and whole else None


def _terms_apart(one: Node, other: Node, parts: _Parts) -> _Pairs | None:
    """The parts of two long sums, the terms with the same gradients in them together.

    None for others. Terms of which the other sum has none of that kind are one part at the end.
    """
    first, second = (_by_gradient(side, parts.definitions) for side in (one, other))
    if min(len(first), len(second)) <= _SHORT:
        return None
    shared = [key for key in first if key in second]
    pairs = [(first.pop(key), second.pop(key)) for key in shared]
    if first or second:
        rest = (list(itertools.chain(*some.values())) for some in (first, second))
        pairs.append((next(rest), next(rest)))
    if not all(map(all, pairs)):
        return None
    sums = [(sum_of(some), sum_of(others)) for some, others in pairs]
    if any(parts.shape(a) != parts.shape(b) for a, b in sums):
        return None
    return tuple(part for pair in sums for part in parts.of(*pair))


def _by_gradient(
    total: Node, definitions: Mapping[str, Node]
) -> dict[frozenset[str], list[Addend]]:
    """The terms of a sum by the gradients that stand in them."""
    found: dict[frozenset[str], list[Addend]] = {}
    for number, term in terms(total):
        names = frozenset(n for n in names_in(term) if n[:1] == "d" and n in definitions)
        found.setdefault(names, []).append((number, term))
    return found


def _factors(node: Node, shape: Callable[[Node], Shape]) -> list[Node]:
    """The factors of a product of either kind: (A@B)@C = A@(B@C), and (a*b)*c = a*(b*c)."""
    if isinstance(node, MatMul):
        return chain(node, shape)
    return [
        part
        for side in children(node)
        for part in (_factors(side, shape) if isinstance(side, Multiply) else [side])
    ]


def _longer(
    node: Node,
    links: list[Node],
    wanted: int,
    definitions: Mapping[str, Node],
    shape: Callable[[Node], Shape],
) -> list[Node]:
    """The factors of a product, names of products replaced until there are so many."""
    for link in links:
        if len(links) >= wanted:
            break
        made = definitions.get(link.name) if isinstance(link, Name) else None
        if made is not None and type(made) is type(node):
            node = _product_with(node, link, made)
            return _longer(node, _factors(node, shape), wanted, definitions, shape)
    return links


def _product_with(node: Node, name: Node, value: Node) -> Node:
    """The product with a value in place of a factor."""
    if node == name:
        return value
    if not isinstance(node, MatMul | Multiply):
        return node
    return type(node)(*(_product_with(side, name, value) for side in children(node)))


def shared_parts_named(
    one: Node, other: Node, *, ring: bool = True, apart: bool = False
) -> tuple[Node, Node, dict[str, Node]]:
    """Two formulas with new names for the parts that both have; and what each name stands for.

    If they are equal whatever the names stand for, the formulas are equal. The largest such parts
    are named, so that what they hold cannot cancel with anything outside of them; without `ring`,
    the largest that are no sums, products and quotients of entries, such as r in r/r**2; if they
    are to be told `apart`, the largest that hold no part that stands outside of them, too.

    >>> from matderiv.expression.parse import parse
    >>> one, other = (parse(f"L = {text}").loss.value for text in ("sum(-exp(X))", "-sum(exp(X))"))
    >>> found, _, parts = shared_parts_named(one, other)
    >>> found.arg.arg, parts
    (Name(name='part 1'), {'part 1': Apply(function='exp', arg=Name(name='X'))})
    """
    counts = [Counter(n for n in walk(side) if cost(n) >= _WORTH) for side in (one, other)]
    both = counts[0].keys() & counts[1].keys()
    if apart:
        both = {node for node in both if _stands_alone(node, counts)}
    return _with_names(one, other, {n for n in both if ring or not isinstance(n, _RING)})


def arguments_named(one: Node, other: Node) -> tuple[Node, Node, dict[str, Node]]:
    """Two formulas with new names for the arguments of their functions, as for shared parts.

    So Σ softmax(A) = 1 is seen whatever A is, although it stands on one side only.

    >>> from matderiv.expression.parse import parse
    >>> found, _, _ = arguments_named(parse("sum(softmax(exp(X)))").loss.value, Name("X"))
    >>> found.arg
    Softmax(arg=Name(name='part 1'), axis=None)
    """
    functions = (n for side in (one, other) for n in walk(side) if isinstance(n, _FUNCTIONS))
    return _with_names(one, other, {n.arg for n in functions if cost(n.arg) >= _WORTH})


def _with_names(
    one: Node, other: Node, parts: Container[Node]
) -> tuple[Node, Node, dict[str, Node]]:
    """Two formulas with new names for the largest of some parts; and what each name stands for."""
    names: dict[Node, str] = {}

    def named(node: Node) -> Node:
        if node in parts:
            return Name(names.setdefault(node, f"part {len(names) + 1}"))
        return rebuilt(node, map(named, children(node)))

    return named(one), named(other), {name: part for part, name in names.items()}


def _stands_alone(node: Node, counts: list[Counter[Node]]) -> bool:
    """Whether no part of a node stands outside of it."""
    inside = Counter(walk(node))
    return all(
        count[part] <= count[node] * inside[part]
        for part in inside
        if part != node
        for count in counts
    )
