"""Logarithms and quotients that stay finite where their parts have no floating-point number."""

from __future__ import annotations

from fractions import Fraction

from matderiv.calculus.formulas.flattened import Addend, factors, product_of, split, sum_of, terms
from matderiv.calculus.sweep.results import Sweep
from matderiv.calculus.sweep.sweep import replaced
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["stable"]

_TWO = 2  # exponentials, whose quotient is a sigmoid


def stable(formula: Node, swept: Sweep) -> Node:
    """The formula with log_softmax(z) for log(softmax(z)), -softplus(-z) for log(sigmoid(z)).

    And with -softplus(z) for log(1 - sigmoid(z)), x + softplus(y - x) for log(exp(x) + exp(y)),
    sigmoid(x - y) for exp(x)/(exp(x) + exp(y)), which are of more exponentials, too. A name may
    stand for the softmax, the sigmoid or the sum.

    >>> from matderiv.calculus.sweep.graph import graph_of
    >>> from matderiv.calculus.sweep.sweep import sweep
    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import infer
    >>> from matderiv.expression.source import source
    >>> program = parse("p = sigmoid(z); L = y @ log(1 - p)")
    >>> swept = sweep(graph_of(program, infer(program)), ("y",))
    >>> source(stable(swept.gradients["y"].formula, swept))
    '-softplus(z)'
    """
    if isinstance(formula, nodes.Apply) and formula.function == "log":
        match _whole(formula.arg, swept):
            case nodes.Softmax(z, axis):
                return nodes.LogSoftmax(z, axis)
            case nodes.Apply("sigmoid", z):
                return nodes.Negate(nodes.Apply("softplus", nodes.Negate(z)))
            case nodes.Subtract(nodes.Number(value), b) if value == 1:
                match _whole(b, swept):
                    case nodes.Apply("sigmoid", z):
                        return nodes.Negate(nodes.Apply("softplus", z))
        if (some := _exponents(formula.arg, swept)) is not None:
            return _log_of_sum(some)
    if isinstance(formula, nodes.Multiply | nodes.Divide):
        found = _quotient(formula, swept)
        if found is not None:
            return stable(found, swept)
    return nodes.rebuilt(formula, [stable(part, swept) for part in nodes.children(formula)])


def _quotient(formula: Node, swept: Sweep) -> Node | None:
    """The product with exp(a)·exp(b)/Σⁿ as one exponential, for a sum Σ of exponentials."""
    number, parts = factors(formula)
    for at, (base, power) in enumerate(parts):
        if not isinstance(power, nodes.Number) or power.value >= 0:
            continue
        some = _exponents(base, swept)
        if some is None:
            continue
        above: list[Addend] = []
        rest = []
        sums: list[tuple[Fraction, list[Addend]]] = []
        for place, (other, raised) in enumerate(parts):
            exponent = _exponent(other, swept)
            if exponent is not None and isinstance(raised, nodes.Number) and raised.value > 0:
                above += [(c * raised.value, a) for c, a in exponent]
            elif raised == nodes.ONE and not sums and (signed := _signed(other, swept)):
                sums = signed
            elif place != at:
                rest.append((other, raised))
        if above or sums:
            each = sums or [(Fraction(1), [])]
            made = sum_of((c, _ratio([*above, *more], power.value, some)) for c, more in each)
            return product_of(number, [*rest, (made, nodes.ONE)])
    return None


def _ratio(above: list[Addend], power: Fraction, some: list[list[Addend]]) -> Node:
    """exp(a)·Σ^power, of two exponentials as sigmoid(a - b)."""
    if power == -1 and len(some) == _TWO and above in some:
        other = some[1 - some.index(above)]
        return nodes.Apply("sigmoid", _difference(above, other))
    whole = _log_of_sum(some)
    return nodes.Apply("exp", sum_of([*above, *((c * power, t) for c, t in terms(whole))]))


def _log_of_sum(some: list[list[Addend]]) -> Node:
    """log(exp(a) + exp(b)) = a + softplus(b - a), and so on."""
    before, *more = some
    for other in more:
        grown = nodes.Apply("softplus", _difference(other, before))
        before = [*before, (Fraction(1), grown)]
    return sum_of(before)


def _difference(one: list[Addend], other: list[Addend]) -> Node:
    return sum_of([*one, *((-c, t) for c, t in other)])


def _exponents(node: Node, swept: Sweep) -> list[list[Addend]] | None:
    """The exponents of a sum of exponentials and positive numbers, each as a sum of terms."""
    found = _signed(node, swept)
    return [a for _, a in found] if found and all(sign > 0 for sign, _ in found) else None


def _signed(node: Node, swept: Sweep) -> list[tuple[Fraction, list[Addend]]]:
    """The terms ±c·exp(a) of a sum, as signs and logarithms; none if it has others."""
    some = terms(_whole(node, swept))
    found = [(c / abs(c), _exponent(sum_of([(abs(c), t)]), swept)) for c, t in some if c]
    known = [(sign, exponent) for sign, exponent in found if exponent is not None]
    return known if len(known) == len(some) > 1 and any(e for _, e in known) else []


def _exponent(node: Node, swept: Sweep) -> list[Addend] | None:
    """The terms of log(c·exp(a)) = a + log(c), none for 1; None if there is no such logarithm."""
    number, rest = split(_whole(node, swept))
    inner = _whole(rest, swept)
    scale: list[Addend] = (
        [] if number == 1 else [(Fraction(1), nodes.Apply("log", nodes.Number(number)))]
    )
    if number <= 0:
        return None
    if inner == nodes.ONE:
        return scale
    match inner:
        case nodes.Apply("exp", arg):
            return [*terms(arg), *scale]
    return None


def _whole(node: Node, swept: Sweep) -> Node:
    """The formula of a name, in names that formulas may use."""
    if not isinstance(node, nodes.Name):
        return node
    value = swept.graph.value(node.name)
    whole = node if value is None else replaced(value, swept.lifted)
    return whole if nodes.names_in(whole) <= swept.graph.program.names() else node
