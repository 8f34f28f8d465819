"""The rewrites that tidy a formula: each an identity of arrays, named, and proved by a test.

A rewrite looks at one node whose operands are tidy already and answers with an equal, shorter
one, or with None. A result may be smaller than what it replaces and stand for its broadcast.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from matderiv.calculus.broadcasting import (
    ShapeOf,
    filled,
    is_entrywise,
    letter,
    times_size,
    varies,
)
from matderiv.calculus.terms import (
    Factor,
    Term,
    chain,
    chained,
    cost,
    factors,
    key,
    product,
    split,
    terms,
    total,
)
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["REWRITES", "Facts", "Rewrite"]

_ONE = nodes.Number(Fraction(1))
_ZERO = nodes.Number(Fraction(0))


@dataclass(frozen=True, slots=True)
class Facts:
    """What rewrites may rely on: shapes, and which names are symmetric matrices."""

    shape: ShapeOf
    symmetric: frozenset[str] = field(default_factory=frozenset)


Rewrite = Callable[[Node, Facts], Node | None]

REWRITES: list[tuple[str, Rewrite]] = []


def _rewrite(name: str) -> Callable[[Rewrite], Rewrite]:
    def register(rewrite: Rewrite) -> Rewrite:
        REWRITES.append((name, rewrite))
        return rewrite

    return register


def _changed(old: Node, new: Node) -> Node | None:
    return None if new == old else new


_MANY = 12  # terms of a sum in which common factors are no longer looked for
_SUMS = (nodes.Add, nodes.Subtract, nodes.Negate)
_PRODUCTS = (nodes.Multiply, nodes.Divide, nodes.Power, nodes.Negate)


# -- sums ------------------------------------------------------------------------------------


@_rewrite("like terms")
def like_terms(node: Node, _: Facts) -> Node | None:
    """a·A + b·A = (a + b)·A, and A + 0 = A."""
    if not isinstance(node, _SUMS):
        return None
    found: dict[object, Term] = {}
    for number, term in terms(node):
        more, rest = split(term)
        before = found[key(rest)][0] if key(rest) in found else Fraction(0)
        found.setdefault(key(rest), (number, rest))
        found[key(rest)] = (before + number * more, found[key(rest)][1])
    return _changed(node, total(found.values()))


@_rewrite("common factor")
def common_factor(node: Node, facts: Facts) -> Node | None:
    """A@B + A@C = A@(B + C), A@C + B@C = (A + B)@C, c·A + c·B = c·(A + B), Aᵀ + Bᵀ = (A + B)ᵀ."""
    if not isinstance(node, nodes.Add | nodes.Subtract):
        return None
    parts = terms(node)
    if len(parts) > _MANY:
        return None
    best: Node | None = None
    for take in (_number, _transpose, _first, _last, _entrywise):
        for candidate in take(parts, facts):
            if cost(candidate) < cost(best or node):
                best = candidate
    return best


def _number(parts: tuple[Term, ...], _: Facts) -> list[Node]:
    """The same number before every term."""
    number = parts[0][0]
    if number == 1 or any(abs(c) != abs(number) for c, _ in parts):
        return []
    _, made = factors(total((c / number, t) for c, t in parts))
    return [product(number, made)]


def _transpose(parts: tuple[Term, ...], facts: Facts) -> list[Node]:
    inside = [(c, t.arg) for c, t in parts if isinstance(t, nodes.Transpose)]
    if len(inside) == len(parts) and len({facts.shape(t) for _, t in inside}) == 1:
        return [nodes.Transpose(total(inside))]
    return []


def _grouped(
    parts: tuple[Term, ...],
    taken: list[tuple[object, Node, Term] | None],
    join: Callable[..., Node],
) -> list[Node]:
    """All terms of one key joined, the others left as they are."""
    made = []
    for found in dict.fromkeys(t[0] for t in taken if t is not None):
        inside = [t for t in taken if t is not None and t[0] == found]
        if len(inside) < 2:  # noqa: PLR2004 - one term has nothing in common with itself
            continue
        number = inside[0][2][0]
        if any(abs(t[2][0]) != abs(number) for t in inside):
            number = Fraction(1)
        joined = join(inside[0][1], total((t[2][0] / number, t[2][1]) for t in inside))
        rest = [p for p, t in zip(parts, taken, strict=True) if t is None or t[0] != found]
        made.append(total([(number, joined), *rest]))
    return made


def _first(parts: tuple[Term, ...], facts: Facts) -> list[Node]:
    """The same first factor of matrix products."""
    taken: list[tuple[object, Node, Term] | None] = []
    for number, rest in parts:
        links = _from_matrix(rest, facts)
        if len(links) > 1 and len(facts.shape(links[0])) > 1:
            taken.append(((key(links[0]), facts.shape(rest)), links[0], (number, chained(links[1:]))))
        else:
            taken.append(None)
    return _grouped(parts, taken, nodes.MatMul)


def _from_matrix(node: Node, facts: Facts) -> list[Node]:
    """The factors of a matrix product, x@A written as Aᵀ@x."""
    links = chain(node, facts.shape)
    if len(links) > 1 and len(facts.shape(links[0])) == 1 < len(facts.shape(links[-1])):
        return [_transposed(link, facts) for link in reversed(links)]
    return links


def _last(parts: tuple[Term, ...], facts: Facts) -> list[Node]:
    """The same last factor of matrix products."""
    taken: list[tuple[object, Node, Term] | None] = []
    for number, rest in parts:
        links = _from_matrix(rest, facts)
        if len(links) > 1 and len(facts.shape(links[-2])) > 1:
            taken.append(((key(links[-1]), facts.shape(rest)), links[-1], (number, chained(links[:-1]))))
        else:
            taken.append(None)
    return _grouped(parts, taken, lambda last, rest: nodes.MatMul(rest, last))


def _entrywise(parts: tuple[Term, ...], _: Facts) -> list[Node]:
    """The same factor of entrywise products."""
    made: list[Node] = []
    every = [f for _, rest in parts for f in factors(rest)[1] if rest != _ONE]
    for base, power in dict.fromkeys(every):
        wanted = (key(base), key(power))
        taken: list[tuple[object, Node, Term] | None] = []
        for number, rest in parts:
            own = list(factors(rest)[1])
            place = next((n for n, f in enumerate(own) if (key(f[0]), key(f[1])) == wanted), None)
            if place is None:
                taken.append(None)
                continue
            others = own[:place] + own[place + 1 :]
            taken.append((wanted, product(Fraction(1), [own[place]]), (number, _product(others))))
        made += _grouped(parts, taken, _beside)
    return made


def _product(parts: list[Factor]) -> Node:
    return product(Fraction(1), parts) if parts else _ONE


def _beside(common: Node, rest: Node) -> Node:
    number, parts = factors(common)
    if isinstance(rest, nodes.Add | nodes.Subtract | nodes.Negate):
        return product(number, [*parts, (rest, _ONE)])
    other, more = factors(rest)
    return product(number * other, [*parts, *more])


# -- entrywise products ----------------------------------------------------------------------


@_rewrite("powers of one base")
def powers(node: Node, facts: Facts) -> Node | None:
    """aᵐ·aⁿ = aᵐ⁺ⁿ, a⁰ = 1, 1·A = A, numbers and scalars first."""
    if not isinstance(node, (*_PRODUCTS, nodes.Apply)):
        return None
    number, parts = factors(node)
    if number == 0:
        return None if all(isinstance(base, nodes.Ones) for base, _ in parts) else _ZERO
    shape = facts.shape
    found: dict[object, Factor] = {}
    for base, power in parts:
        known = found.get(key(base))
        found[key(base)] = (base, power if known is None else _plus(known[1], power))
    kept = [(b, p) for b, p in found.values() if p != _ZERO and b != _ONE]
    over = shape(node)
    if over and len(kept) > 1:
        for part in list(kept):  # ones that add nothing to the shape of the rest
            others = [p for p in kept if p is not part]
            if isinstance(part[0], nodes.Ones) and _shape(others, facts) == over:
                kept = others
    kept.sort(key=lambda part: bool(shape(part[0])))  # scalars first, else as they stand
    return _changed(node, product(number, kept))


def _shape(parts: list[Factor], facts: Facts) -> object:
    return facts.shape(product(Fraction(1), parts)) if parts else ()


def _plus(a: Node, b: Node) -> Node:
    found: dict[object, Term] = {}
    for number, rest in (*terms(a), *terms(b)):
        known = found.get(key(rest))
        found[key(rest)] = (number, rest) if known is None else (known[0] + number, known[1])
    return total(found.values())


@_rewrite("names of functions")
def named_functions(node: Node, _: Facts) -> Node | None:
    """exp(A)/Σ exp(A) = softmax(A), exp(a)/(1 + exp(a)) = 1/(1 + exp(-a)) = sigmoid(a), and others."""
    if not isinstance(node, (*_PRODUCTS,)):
        return None
    number, parts = factors(node)
    for at, (base, power) in enumerate(parts):
        rest = [p for n, p in enumerate(parts) if n != at]
        match base:
            case nodes.Sum(nodes.Apply("exp", arg), axis, keepdims) if power == _MINUS and (
                keepdims or axis is None
            ):
                name: Node = nodes.Softmax(arg, axis)
            case nodes.Add() if power == _MINUS and _logistic(base) is not None:
                arg = _logistic(base)  # type: ignore[assignment]
                name = nodes.Apply("sigmoid", arg)
            case _:
                continue
        partner = next((p for p in rest if p == (nodes.Apply("exp", arg), _ONE)), None)
        if partner is not None:
            rest.remove(partner)
            return product(number, [*rest, (name, _ONE)])
        if isinstance(name, nodes.Apply):
            minus = total((-c, t) for c, t in terms(arg))
            return product(number, [*rest, (nodes.Apply("sigmoid", minus), _ONE)])
    for base, power in parts:
        if isinstance(base, nodes.Apply) and base.function == "sigmoid" and power == _ONE:
            minus = total((-c, t) for c, t in terms(base.arg))
            if (nodes.Apply("exp", minus), _ONE) in parts:
                rest = [p for p in parts if p[0] not in (base, nodes.Apply("exp", minus))]
                return product(number, [*rest, (nodes.Apply("sigmoid", minus), _ONE)])
    for function, other, one in _PAIRS:
        for base, power in parts:
            if isinstance(base, nodes.Apply) and base.function == function and power == _ONE:
                partner = (nodes.Apply(other, base.arg) if other else base.arg, _ONE)
                if partner in parts:
                    rest = [p for p in parts if p not in (partner, (base, power))]
                    return product(number, [*rest, (nodes.Apply(one, base.arg), _ONE)])
    return None


_MINUS = nodes.Number(Fraction(-1))
#: f(a)·g(a) = h(a), g None for a itself.
_PAIRS = (("step", None, "relu"), ("sign", None, "abs"), ("step", "relu", "relu"))


def _logistic(base: Node) -> Node | None:
    """The a of 1 + exp(a)."""
    parts = terms(base)
    if len(parts) == 2 and all(c == 1 for c, _ in parts):  # noqa: PLR2004 - 1 and exp(a)
        rest = [t for _, t in parts if t != _ONE]
        if len(rest) == 1 and isinstance(rest[0], nodes.Apply) and rest[0].function == "exp":
            return rest[0].arg
    return None


@_rewrite("sum of a softmax")
def softmax_sum(node: Node, _: Facts) -> Node | None:
    """Σ softmax(A) = 1 along its axis, beside other factors."""
    if not isinstance(node, nodes.Multiply | nodes.Divide):
        return None
    number, parts = factors(node)
    for base, _ in parts:
        match base:
            case nodes.Sum(nodes.Softmax(_, inner), axis, keepdims) if inner == axis and (
                keepdims or axis is None
            ):
                rest = [p for p in parts if p[0] != base]
                return product(number, rest)
    return None


@_rewrite("multiplied out")
def multiplied_out(node: Node, facts: Facts) -> Node | None:
    """a·(b + c) = a·b + a·c, where a factor goes away by it."""
    if not isinstance(node, nodes.Multiply | nodes.Divide):
        return None
    number, parts = factors(node)
    for at, (base, power) in enumerate(parts):
        if power != _ONE or not isinstance(base, nodes.Add | nodes.Subtract):
            continue
        rest = parts[:at] + parts[at + 1 :]
        made = []
        less = False
        for c, t in terms(base):
            more, inner = factors(t)
            term = product(Fraction(1), [*rest, *inner])
            bases = {key(b) for b, _ in (*rest, *inner)}
            for _ in range(4):
                again = powers(term, facts) or softmax_sum(term, facts)
                if again is None:
                    break
                term = again
            k, left = split(term)
            less = less or bool(bases - {key(b) for b, _ in factors(left)[1]})
            made.append((number * c * more * k, left))
        found = total(made)
        found = like_terms(found, facts) or found
        if less and cost(found) < cost(node) and facts.shape(found) == facts.shape(node):
            return found
    return None


# -- matrix products -------------------------------------------------------------------------


@_rewrite("scalars out of a product")
def scalars_out(node: Node, facts: Facts) -> Node | None:
    """(c·A)@B = c·(A@B), (A·diag)…: numbers and scalars stand before a matrix product."""
    if not isinstance(node, nodes.MatMul):
        return None
    links = chain(node, facts.shape)
    number, scalars, left = Fraction(1), [], []
    for link in links:
        c, parts = factors(link)
        number *= c
        outside = [p for p in parts if not facts.shape(p[0]) and not facts.shape(p[1])]
        inside = [p for p in parts if p not in outside]
        if not inside:
            return None
        scalars += outside
        left.append(product(Fraction(1), inside))
    if number == 1 and not scalars:
        return None
    return product(number, [*scalars, (chained(left), _ONE)])


@_rewrite("identity matrix")
def identity(node: Node, facts: Facts) -> Node | None:
    """I@A = A@I = A, A⁻¹@A = A@A⁻¹ = I."""
    if not isinstance(node, nodes.MatMul):
        return None
    links = chain(node, facts.shape)
    kept = [link for link in links if not isinstance(link, nodes.Eye)]
    for n in range(len(kept) - 1):
        one, other = kept[n], kept[n + 1]
        if _inverse_of(one) == key(other) or _inverse_of(other) == key(one):
            kept[n : n + 2] = []
            kept = kept or [nodes.Eye(letter(facts.shape(one)[0]))]
            break
    return _changed(node, chained(kept or links[:1]))


def _inverse_of(node: Node) -> object:
    match node:
        case nodes.Inverse(arg):
            return key(arg)
        case nodes.Transpose(nodes.Inverse(arg)):
            return key(nodes.Transpose(arg))
    return None


@_rewrite("cancelled in an inverse")
def cancelled(node: Node, facts: Facts) -> Node | None:
    """B@(A@B)⁻¹ = A⁻¹ and (A@B)⁻¹@A = B⁻¹ for square A, B, and the same transposed."""
    if not isinstance(node, nodes.MatMul):
        return None
    links = chain(node, facts.shape)
    for at, link in enumerate(links):
        turned = isinstance(link, nodes.Transpose)
        inner = link.arg if isinstance(link, nodes.Transpose) else link
        if not isinstance(inner, nodes.Inverse) or not isinstance(inner.arg, nodes.MatMul):
            continue
        inside = chain(inner.arg, facts.shape)
        if any(facts.shape(part) != facts.shape(inner) for part in inside):
            continue
        # What stands on each side of the inverse, as factors of the product inside.
        before = links[at - 1] if at else None
        after = links[at + 1] if at + 1 < len(links) else None
        if turned:
            before, after = after, before
            before = before and _transposed(before, facts)
            after = after and _transposed(after, facts)
        if before is not None and key(before) == key(inside[-1]):
            left, gone = inside[:-1], at + 1 if turned else at - 1
        elif after is not None and key(after) == key(inside[0]):
            left, gone = inside[1:], at - 1 if turned else at + 1
        else:
            continue
        new: Node = nodes.Inverse(chained(left))
        if turned:
            new = nodes.Transpose(new)
        made = [new if n == at else part for n, part in enumerate(links) if n != gone]
        return chained(made)
    return None


@_rewrite("diagonal matrix")
def diagonal(node: Node, facts: Facts) -> Node | None:
    """A@diag(v) = A·v row by row, v·A column by column = diag(v)@A, diag(diag(v)) = v."""
    match node:
        case nodes.MatMul(left, nodes.Diag(v)) if (
            len(facts.shape(v)) == 1 and len(facts.shape(left)) > 0
        ):
            return nodes.Multiply(left, v)
        case nodes.Multiply() | nodes.Divide():
            number, parts = factors(node)
            for part in parts:
                match part:
                    case (nodes.Outer(v, nodes.Ones((1,))), power) if power == _ONE:
                        rest = [p for p in parts if p is not part and facts.shape(p[0])]
                        whole = facts.shape(product(Fraction(1), rest)) if rest else ()
                        if whole == facts.shape(node) and whole[0] == facts.shape(v)[0]:
                            scalars = [p for p in parts if not facts.shape(p[0])]
                            made = nodes.MatMul(nodes.Diag(v), product(Fraction(1), rest))
                            return product(number, [*scalars, (made, _ONE)])
        case nodes.MatMul(nodes.Diag(v), right) if len(facts.shape(v)) == 1 and (
            len(facts.shape(right)) == 1
        ):
            return nodes.Multiply(v, right)
        case nodes.Diag(nodes.Diag(v)) if len(facts.shape(v)) == 1:
            return v
        case nodes.Diag(nodes.Transpose(arg)):
            return nodes.Diag(arg)
        case nodes.Diag(nodes.Outer(a, b)):
            return nodes.Multiply(a, b)
        case nodes.Diag(arg):
            return _hoisted(node, arg, facts)
    return None


@_rewrite("outer product")
def outer(node: Node, facts: Facts) -> Node | None:
    """A@(a⊗b) = (A@a)⊗b, (a⊗b)@B = a⊗(Bᵀ@b), (c·a)⊗b = c·(a⊗b)."""
    shape = facts.shape
    match node:
        case nodes.MatMul(left, nodes.Outer(a, b)) if len(shape(left)) > 1:
            return nodes.Outer(nodes.MatMul(left, a), b)
        case nodes.MatMul(nodes.Outer(a, b), right):
            if len(shape(right)) == 1:
                return nodes.Multiply(nodes.MatMul(b, right), a)
            return nodes.Outer(a, nodes.MatMul(_transposed(right, facts), b))
        case nodes.Outer(a, b):
            number, parts = Fraction(1), []
            inner = []
            for side in (a, b):
                c, own = factors(side)
                outside = [p for p in own if not shape(p[0]) and not shape(p[1])]
                inside = [p for p in own if p not in outside]
                if not inside:
                    return None
                number *= c
                parts += outside
                inner.append(product(Fraction(1), inside))
            if number == 1 and not parts:
                return None
            return product(number, [*parts, (nodes.Outer(*inner), _ONE)])
    return None


# -- transposes ------------------------------------------------------------------------------


@_rewrite("transpose")
def transpose(node: Node, facts: Facts) -> Node | None:
    """(Aᵀ)ᵀ = A, (A@B)ᵀ = Bᵀ@Aᵀ, (A + B)ᵀ = Aᵀ + Bᵀ, f(Aᵀ) = f(A)ᵀ, where it is no longer."""
    match node:
        case nodes.Transpose(arg):
            found = _transposed(arg, facts)
            if found != node and cost(found) <= cost(node):
                return found
        case nodes.Apply(function, nodes.Transpose(arg)) if is_entrywise(node):
            return nodes.Transpose(nodes.Apply(function, arg))
        case nodes.Inverse(nodes.Transpose(arg)):
            return nodes.Transpose(nodes.Inverse(arg))
        case nodes.Determinant(nodes.Transpose(arg)) | nodes.LogDet(nodes.Transpose(arg)):
            return type(node)(arg)
        case nodes.Trace(nodes.Transpose(arg)) | nodes.Norm(nodes.Transpose(arg)):
            return type(node)(arg)
    return None


def _transposed(node: Node, facts: Facts) -> Node:
    """The transpose, written as short as it can be."""
    shape = facts.shape
    if len(shape(node)) < 2:  # noqa: PLR2004 - a vector is its own transpose
        return node
    whole = nodes.Transpose(node)
    match node:
        case nodes.Name(name) if name in facts.symmetric:
            return node
        case nodes.Transpose(arg):
            return arg
        case nodes.Eye():
            return node
        case nodes.Diag(v) if len(shape(v)) == 1:
            return node
        case nodes.Outer(a, b):
            return nodes.Outer(b, a)
        case nodes.Ones(sizes):
            return nodes.Ones(sizes[::-1])
        case nodes.MatMul():
            links = chain(node, shape)
            if any(len(shape(link)) < 2 for link in links):  # noqa: PLR2004 - as above
                return whole
            found: Node = chained([_transposed(link, facts) for link in reversed(links)])
        case nodes.Add() | nodes.Subtract() | nodes.Negate():
            if any(len(shape(t)) == 1 for _, t in terms(node)):  # a row in each row
                return whole
            found = total((c, _transposed(t, facts)) for c, t in terms(node))
        case nodes.Multiply() | nodes.Divide() | nodes.Power():
            number, parts = factors(node)
            made = []
            for base, power in parts:
                if len(shape(base)) == 1 or len(shape(power)) == 1:
                    return whole
                made.append((_transposed(base, facts), _transposed(power, facts)))
            found = product(number, made)
        case nodes.Apply() if not is_entrywise(node):
            return whole
        case nodes.Apply() | nodes.Inverse():  # a transpose stands outside unless it goes away
            found = replace(node, arg=_transposed(node.arg, facts))
            return found if cost(found) < cost(whole) else whole
        case _:
            return whole
    return found if cost(found) <= cost(whole) else whole


# -- reductions and square matrices ----------------------------------------------------------


@_rewrite("scalars out of a sum")
def reduction(node: Node, facts: Facts) -> Node | None:
    """Σ c·A = c·Σ A, Σ Aᵀ = Σ A over all entries, tr(c·A) = c·tr(A), Σ a = a for one number."""
    match node:
        case nodes.Sum(nodes.Transpose(arg), None, False):
            return nodes.Sum(arg)
        case nodes.Sum(nodes.Transpose(arg), int() as axis, False):
            return nodes.Sum(arg, 1 - axis % 2)
        case nodes.Sum(arg) if not facts.shape(arg):
            return arg
        case nodes.Sum(nodes.Sum(arg, int() as inner, True), axis, keepdims) if axis in (
            None,
            inner,
        ):
            return nodes.Sum(arg, axis, keepdims)
        case nodes.Sum() if (repeated := _repeated(node, facts)) is not None:
            return repeated
        case nodes.Sum(nodes.Multiply(a, b), None, False) if (
            facts.shape(a) == facts.shape(b) and len(facts.shape(a)) == 1
        ):
            return nodes.MatMul(a, b)
        case nodes.Sum() | nodes.Mean() if _centred(node):
            return _ZERO
        case nodes.Sum(nodes.Multiply(nodes.Transpose(a), b), None, False) if (
            facts.shape(a)[::-1] == facts.shape(b)
        ):
            return nodes.Trace(nodes.MatMul(a, b))
        case nodes.Sum(nodes.Multiply(a, nodes.Eye() as eye), None, False) if (
            facts.shape(a) == facts.shape(eye)
        ):
            return nodes.Trace(a)
        case nodes.Sum(nodes.Softmax(_, inner), axis) if inner == axis:
            return _ONE
        case nodes.Trace(nodes.Outer(a, b)):
            return nodes.MatMul(a, b)
        case nodes.Trace(nodes.Add() | nodes.Subtract() as arg) if any(
            isinstance(t, nodes.Outer) for _, t in terms(arg)
        ):
            return total((c, nodes.Trace(t)) for c, t in terms(arg))
        case nodes.Transpose(nodes.Sum(nodes.Transpose(arg), int() as axis, True)):
            return nodes.Sum(arg, 1 - axis % 2, keepdims=True)
        case nodes.Sum(arg) | nodes.Mean(arg) | nodes.Trace(arg):
            return _hoisted(node, arg, facts)
    return None


def _repeated(node: nodes.Sum, facts: Facts) -> Node | None:
    """Σ over an axis along which an array only repeats itself: its size times what is repeated."""
    number, parts = factors(node.arg)
    over = facts.shape(node.arg)
    ones = next((p for p in parts if isinstance(p[0], nodes.Ones)), None)
    if ones is None or facts.shape(ones[0]) != over:
        return None
    value = product(number, [p for p in parts if p is not ones])
    own = facts.shape(value)
    axes = range(len(over)) if node.axis is None else (node.axis,)
    if any(varies(own, over, axis) for axis in axes):
        return None
    for axis in axes:
        value = times_size(value, over[axis])
    target = facts.shape(node)
    if len(own) > len(target):
        value = nodes.Sum(value, None if not target else node.axis)
    return filled(value, target, facts.shape)


def _centred(node: nodes.Sum | nodes.Mean) -> bool:
    """Whether a sum or mean is that of A - mean(A), along the same axis."""
    match node.arg:
        case nodes.Subtract(a, nodes.Mean(b, axis, keepdims)) if keepdims or axis in (None, 0):
            return a == b and axis == node.axis
    return False


@_rewrite("mean")
def mean(node: Node, facts: Facts) -> Node | None:
    """Σ A/n = mean(A), for the n entries of each sum."""
    if not isinstance(node, nodes.Multiply | nodes.Divide):
        return None
    number, parts = factors(node)
    for base, power in parts:
        if not isinstance(base, nodes.Sum) or power != _ONE:
            continue
        over = facts.shape(base.arg)
        sizes = [
            (nodes.Size(dim.symbol, dim.size), _MINUS)
            for n, dim in enumerate(over)
            if base.axis in (None, n) and dim.symbol != "1"
        ]
        rest = list(parts)
        for size in (*sizes, (base, power)):
            if size not in rest:
                break
            rest.remove(size)
        else:
            return product(number, [*rest, (nodes.Mean(base.arg, base.axis, base.keepdims), _ONE)])
    return None


def _hoisted(node: Node, arg: Node, facts: Facts) -> Node | None:
    """Numbers and scalars of the operand of a linear function put before it."""
    number, parts = factors(arg)
    outside = [p for p in parts if not facts.shape(p[0]) and not facts.shape(p[1])]
    inside = [p for p in parts if p not in outside]
    if not inside or (number == 1 and not outside):
        return None
    fields = [getattr(node, name) for name in node.__dataclass_fields__]
    fields[0] = product(Fraction(1), inside)
    return product(number, [*outside, (type(node)(*fields), _ONE)])


@_rewrite("inverse")
def inverse(node: Node, facts: Facts) -> Node | None:
    """(A⁻¹)⁻¹ = A, I⁻¹ = I, (c·A)⁻¹ = A⁻¹/c."""
    match node:
        case nodes.Inverse(nodes.Inverse(arg)):
            return arg
        case nodes.Inverse(nodes.Eye()):
            return node.arg
        case nodes.Determinant(nodes.Inverse(arg)):
            return nodes.Divide(_ONE, nodes.Determinant(arg))
        case nodes.Inverse(arg):
            number, parts = factors(arg)
            outside = [p for p in parts if not facts.shape(p[0])]
            inside = [p for p in parts if p not in outside]
            if inside and number and (number != 1 or outside):
                below = product(number, outside)
                return nodes.Divide(nodes.Inverse(product(Fraction(1), inside)), below)
    return None
