"""Where a Hessian is positive semidefinite, as far as its form shows it.

AᵀDA is, where D is; diag(d) is, where no d_i is negative; sums are, and multiples by numbers that
are not negative; and diag(s) - ssᵀ is, s a softmax, for uᵀ(diag(s) - ssᵀ)u is the variance of u.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.formulas.flattened import (
    Addend,
    BasePower,
    chain,
    factors,
    formula_key,
    product_of,
    split_scalars,
    sum_of,
    terms,
)
from matderiv.expression import nodes
from matderiv.expression.assumptions import ASSUMPTIONS
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.nodes import Node

__all__ = ["gram_of", "quadratic", "semidefinite"]

#: Functions whose values are between 0 and 1, and those whose values are between -1 and 1.
_PARTS = frozenset({"sigmoid", "step"})
_BOUNDED = frozenset({"tanh", "sin", "cos", "erf", "sign"})
_NOT_NEGATIVE = frozenset({"abs", "relu", "step", "sqrt", "softplus", "exp", "sigmoid"})


def semidefinite(
    matrix: Node, facts: Facts, values: Mapping[str, Node], inputs: frozenset[str]
) -> frozenset[str] | None:
    """The inputs that must not be negative for a matrix to be positive semidefinite.

    None where its form does not show that it is. `values` are the definitions of other names.

    >>> from matderiv.calculus.formulas.shaping import shapes_over
    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import Dim
    >>> n, d = Dim("N", 2), Dim("D", 3)
    >>> facts = Facts(shapes_over({"X": (n, d), "s": (n,), "lam": ()}))
    >>> inputs = frozenset({"X", "s", "lam"})
    >>> matrix = parse("X.T @ diag(s**2) @ X + lam*eye(D)").loss.value
    >>> semidefinite(matrix, facts, {}, inputs)
    frozenset({'lam'})
    """
    form = _Form(facts, values, inputs)
    return frozenset(form.needed) if form.matrix(matrix) else None


def quadratic(matrix: Node, vector: Node, facts: Facts) -> Node | None:
    """The number zᵀMz as a sum of squares: of AᵀDA it is Σ d∗(Az)²; None of other forms.

    >>> from matderiv.calculus.formulas.shaping import shapes_over
    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import Dim
    >>> from matderiv.expression.source import source
    >>> n, d = Dim("N", 2), Dim("D", 3)
    >>> facts = Facts(shapes_over({"X": (n, d), "s": (n,), "z": (d,), "lam": ()}))
    >>> matrix = parse("X.T @ diag(s) @ X + lam*eye(D)").loss.value
    >>> source(quadratic(matrix, nodes.Name("z"), facts))
    'sum(s*(X @ z)**2) + lam*sum(z**2)'
    """
    found = []
    for number, node in terms(matrix):
        more, scalars, arrays = split_scalars(node, facts.shape)
        match arrays:
            case [(nodes.Outer(left, right), nodes.ONE)] if formula_key(left) == formula_key(right):
                square: Node | None = nodes.Power(nodes.MatMul(left, vector), nodes.TWO)
            case [(array, nodes.ONE)]:
                inside, outside, links = _links(array, facts)
                more, scalars = more * inside, [*scalars, *outside]
                square = _squared(links, vector, facts)
            case _:
                square = None
        if square is None:
            return None
        inside, own = factors(square)
        found.append((number * more * inside, product_of(Fraction(1), [*scalars, *own])))
    return sum_of(found)


def gram_of(matrix: Node, facts: Facts) -> Node | None:
    """The matrix A of a number that is not zero times AᵀA; None of other forms.

    >>> from matderiv.calculus.formulas.shaping import shapes_over
    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import Dim
    >>> n, d = Dim("N", 2), Dim("D", 3)
    >>> facts = Facts(shapes_over({"X": (n, d)}))
    >>> gram_of(parse("2*X.T @ X/3").loss.value, facts)
    Name(name='X')
    """
    some = list(terms(matrix))
    if len(some) != 1:
        return None
    _, outside, arrays = split_scalars(some[0][1], facts.shape)
    if [power for _, power in arrays] != [nodes.ONE]:
        return None
    _, inside, links = _links(arrays[0][0], facts)
    if not all(isinstance(base, nodes.Size) for base, _ in (*outside, *inside)):
        return None
    match links:
        case [nodes.Transpose(one), other] if formula_key(one) == formula_key(other):
            return other
    return None


def _links(array: Node, facts: Facts) -> tuple[Fraction, list[BasePower], list[Node]]:
    """The factors of a product of matrices, and the numbers in it."""
    number, scalars = Fraction(1), list[BasePower]()
    links: list[Node] = []
    for link in chain(array, facts.shape):
        more, outside, inside = split_scalars(link, facts.shape)
        number *= more
        scalars += outside
        links.append(product_of(Fraction(1), inside))
    return number, scalars, links


def _squared(links: list[Node], vector: Node, facts: Facts) -> Node | None:
    """The number zᵀAᵀDAz as Σ d∗(Az)², by the factors Aᵀ, D and A."""
    half = len(links) // 2
    moved = vector
    for link in reversed(links[len(links) - half :]):
        moved = nodes.MatMul(link, moved)
    squared = nodes.Power(moved, nodes.TWO)
    if len(links) % 2 == 0:
        return nodes.Sum(squared)
    match links[half]:
        case nodes.Eye():
            return nodes.Sum(squared)
        case nodes.Diag(arg) if len(facts.shape(arg)) == 1:
            return nodes.Sum(nodes.Multiply(arg, squared))
        case nodes.Add() | nodes.Subtract() as inside:
            return quadratic(inside, moved, facts)
    return None


@dataclass(slots=True)
class _Form:
    facts: Facts
    values: Mapping[str, Node]
    inputs: frozenset[str]
    needed: set[str] = field(default_factory=set)

    # -- matrices ------------------------------------------------------------------------------

    def matrix(self, node: Node) -> bool:
        """Whether a symmetric matrix is positive semidefinite."""
        some = list(terms(node))
        if len(some) > 1:
            for one in some:
                for other in some:
                    if self._variance(one, other):
                        rest = [term for term in some if term not in (one, other)]
                        return all(self._term(term) for term in rest)
        return all(map(self._term, some))

    def _term(self, term: Addend) -> bool:
        number, node = term
        more, scalars, arrays = split_scalars(node, self.facts.shape)
        number *= more
        if not arrays:
            return self.entries(product_of(number, scalars))
        (array, power), *others = arrays
        if others or power != nodes.ONE:
            return False
        more, outside, links = _links(array, self.facts)
        if not self.entries(product_of(number * more, [*scalars, *outside])):
            return False
        return self._product(links) if len(links) > 1 else self._factor(links[0])

    def _factor(self, node: Node) -> bool:
        match node:
            case nodes.Eye():
                return True
            case nodes.Diag(arg):
                return len(self.facts.shape(arg)) == 1 and self.entries(arg)
            case nodes.Outer(left, right):
                return formula_key(left) == formula_key(right)
            case nodes.Transpose(arg) | nodes.Inverse(arg):
                return self.matrix(arg)
            case nodes.Name(name):
                if name in self.values:
                    return self.matrix(self.values[name])
                known = self.facts.known(node)
                return known is not None and "psd" in known.parts
            case nodes.Add() | nodes.Subtract():
                return self.matrix(node)
        return False

    def _product(self, links: list[Node]) -> bool:
        """A·B·C with C = Aᵀ and B positive semidefinite."""
        half = len(links) // 2
        pairs = zip(links[:half], reversed(links[-half:]), strict=True)
        if not all(self._turned(one, other) for one, other in pairs):
            return False
        return len(links) % 2 == 0 or self.matrix(links[half])

    def _turned(self, one: Node, other: Node) -> bool:
        """Whether one matrix is the other's transpose."""
        if formula_key(nodes.transposed(one)) == formula_key(other):
            return True
        same = formula_key(one) == formula_key(other)
        return same and (isinstance(one, nodes.Diag) or self.facts.is_symmetric(one))

    def _variance(self, one: Addend, other: Addend) -> bool:
        """Aᵀ diag(s) A - (Aᵀs)(Aᵀs)ᵀ, s a softmax; with no A, diag(s) - ssᵀ."""
        (number, spread), (less, mean) = one, other
        if number <= 0 or less != -number or not isinstance(mean, nodes.Outer):
            return False
        if formula_key(mean.left) != formula_key(mean.right):
            return False
        links = chain(spread, self.facts.shape)
        middle = links[len(links) // 2]
        if not isinstance(middle, nodes.Diag) or not self._sums_to_one(middle.arg):
            return False
        if len(links) == 1:
            return formula_key(mean.left) == formula_key(middle.arg)
        if len(links) != 3 or not self._turned(links[0], links[2]):  # noqa: PLR2004 - Aᵀ, diag, A
            return False
        return formula_key(mean.left) == formula_key(nodes.MatMul(links[0], middle.arg))

    def _sums_to_one(self, node: Node) -> bool:
        if isinstance(node, nodes.Name) and node.name in self.values:
            return self._sums_to_one(self.values[node.name])
        return isinstance(node, nodes.Softmax) and node.axis is None

    # -- entries -------------------------------------------------------------------------------

    def entries(self, node: Node) -> bool:
        """Whether no entry is negative, wherever the formula is defined."""
        some = terms(node)
        if len(some) > 1:
            return self._complement(node) or all(c > 0 and self.entries(t) for c, t in some)
        number, parts = factors(node)
        return number >= 0 and all(self._power(base, power) for base, power in parts)

    def _power(self, base: Node, power: Node) -> bool:
        if isinstance(power, nodes.Number):
            if power.value.denominator > 1 or power.value.numerator % 2 == 0:
                return True  # a root or an even power
            return self._entry(base)
        return self._entry(base)

    def _entry(self, node: Node) -> bool:
        match node:
            case nodes.Number(value):
                return value >= 0
            case nodes.Size() | nodes.Pi() | nodes.Ones() | nodes.Softmax():
                return True
            case nodes.Norm() | nodes.Var() | nodes.Std():
                return True
            case nodes.Apply(function, _):
                known = FUNCTIONS.get(function)
                return function in _NOT_NEGATIVE or (known is not None and known.positive)
            case nodes.Sum(arg) | nodes.Mean(arg) | nodes.Prod(arg) | nodes.Transpose(arg):
                return self.entries(arg)
            case nodes.MatMul(left, right) if len(self.facts.shape(node)) == 0:
                return formula_key(left) == formula_key(right)
            case nodes.Name(name) if name in self.values:
                return self.entries(self.values[name])
            case nodes.Name(name) if name in self.inputs:
                what = self.facts.assumed.get(name)
                if what is None or not ASSUMPTIONS[what].sign:
                    self.needed.add(name)
                return True
            case nodes.Add() | nodes.Subtract():
                return self.entries(node)
        return False

    def _complement(self, node: Node) -> bool:
        """1 - p, p between 0 and 1."""
        match terms(node):
            case ((1, nodes.ONE), (-1, part)):
                return self._at_most_one(part)
        return False

    def _at_most_one(self, node: Node) -> bool:
        match node:
            case nodes.Name(name) if name in self.values:
                return self._at_most_one(self.values[name])
            case nodes.Softmax():
                return True
            case nodes.Apply(function):
                return function in _PARTS
            case nodes.Power(nodes.Name(name), power) if name in self.values:
                return self._at_most_one(nodes.Power(self.values[name], power))
            case nodes.Power(nodes.Apply(function), nodes.Number(Fraction(numerator=2))):
                return function in _BOUNDED | _PARTS
        return False
