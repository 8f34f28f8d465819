"""Functions of one number: from expression nodes to SymPy and back, and their derivatives."""

from __future__ import annotations

import math
from fractions import Fraction

import sympy as sp

from matderiv.calculus.scalars import KNOWN_FUNCTIONS, arguments, relu, step, undefined_function
from matderiv.errors import InputError, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.source import source
from matderiv.expression.vocabulary import ELEMENTWISE

__all__ = ["chain_rule", "constant", "domain", "most_terms", "scalar_of", "tidy", "to_node"]

_MAX_BITS = 4096  # of an exact number
_MAX_EXPONENT = 1000
_MAX_TERMS = 1500  # of an expression when it is multiplied out
_MAX_TIDIED = 200  # terms up to which multiplying out may make an expression shorter


def scalar_of(node: Node, variable: str | None, at: sp.Expr | None) -> sp.Expr:
    """The SymPy expression of an entry-by-entry expression, `variable` standing for `at`.

    Raises:
        UnsupportedError: the node holds something that is not a function of the variable
            and of scalars.
        InputError: a number in it is too large, or it has no finite real value.
    """
    expr = _scalar(node, variable, at)
    if expr.has(sp.zoo, sp.nan, sp.oo, sp.I):
        raise InputError(f"{source(node)} has no finite real value; write one that has.")
    if expr.has(sp.Abs, sp.sign):
        raise UnsupportedError(
            f"{_cut(source(node))} is an absolute value, which this version does not derive."
        )
    if most_terms(expr) > _MAX_TERMS:
        raise InputError(
            f"{_cut(source(node))} has more than {_MAX_TERMS:,} terms when it is multiplied out; "
            "write a smaller power."
        )
    return expr


def _cut(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"  # noqa: PLR2004 - a line's length


def most_terms(expr: sp.Expr) -> int:
    """At most how many terms an expression has when it is multiplied out."""
    if expr.is_Add:
        return sum(map(most_terms, arguments(expr)))
    if expr.is_Mul:
        return math.prod(map(most_terms, arguments(expr)))
    if isinstance(expr, sp.Pow) and expr.exp.is_Integer:
        terms, power = most_terms(expr.base), abs(int(expr.exp))
        return min(math.comb(power + min(terms, 99) - 1, power), 10 * _MAX_TERMS)
    return max(map(most_terms, arguments(expr)), default=1)


def _scalar(node: Node, variable: str | None, at: sp.Expr | None) -> sp.Expr:
    match node:
        case nodes.Number(value):
            return sp.Rational(value.numerator, value.denominator)
        case nodes.Name(name):
            return at if name == variable and at is not None else sp.Symbol(name, real=True)
        case nodes.Negate(arg):
            return -_scalar(arg, variable, at)
        case nodes.Apply(function, arg):
            if function in ELEMENTWISE and function not in KNOWN_FUNCTIONS:
                raise UnsupportedError(f"{source(node)} is not derived by this version.")
            make = KNOWN_FUNCTIONS.get(function) or undefined_function(function)
            return make(_scalar(arg, variable, at))
        case nodes.Add(left, right):
            return _scalar(left, variable, at) + _scalar(right, variable, at)
        case nodes.Subtract(left, right):
            return _scalar(left, variable, at) - _scalar(right, variable, at)
        case nodes.Multiply(left, right):
            return _scalar(left, variable, at) * _scalar(right, variable, at)
        case nodes.Divide(left, right):
            below = _scalar(right, variable, at)
            if below.is_zero:
                raise InputError(f"{source(node)} divides by zero; write another divisor.")
            return _scalar(left, variable, at) / below
        case nodes.Power(left, right):
            return _power(node, _scalar(left, variable, at), _scalar(right, variable, at))
        case _:
            raise UnsupportedError(
                f"{source(node)} is not a function of one entry; inside sum(…) this version "
                f"derives functions of each entry of {variable}."
            )


def _power(node: Node, base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
    if exponent.is_Number and abs(exponent) > _MAX_EXPONENT:
        raise InputError(
            f"{source(node)}: an exponent is at most {_MAX_EXPONENT:,} in absolute value; "
            "write a smaller one."
        )
    if isinstance(base, sp.Rational) and exponent.is_Number:
        bits = max(abs(base.p).bit_length(), base.q.bit_length()) * abs(exponent)
        if bits > _MAX_BITS:
            raise InputError(
                f"{source(node)} is a number of more than {_MAX_BITS:,} bits; write a smaller one."
            )
    if base.is_number and not base.is_positive and not exponent.is_Integer:
        raise InputError(
            f"{source(node)}: the base of such a power must be positive; write a positive number."
        )
    return base**exponent


def constant(node: Node) -> sp.Expr:
    """The SymPy expression of a scalar expression of numbers and scalar names."""
    return scalar_of(node, None, None)


def chain_rule(expr: sp.Expr, variable: sp.Symbol) -> tuple[sp.Expr, ...]:
    """The factors of d expr/d variable, outer derivative first.

    For g(u): (g′(u), …factors of u′); for uⁿ: (n·uⁿ⁻¹, …); a sum or product is one factor.

    >>> y = sp.Symbol("y")
    >>> chain_rule(sp.log(1 + sp.exp(y)), y)
    (1/(exp(y) + 1), exp(y))
    """
    if expr == variable:
        return (sp.S.One,)
    inner: sp.Expr | None = None
    outer: sp.Expr = sp.S.One
    if isinstance(expr, sp.Function) and len(expr.args) == 1:
        inner, outer = arguments(expr)[0], expr.fdiff(1)
    elif isinstance(expr, sp.Pow) and not expr.exp.has(variable):
        if expr.base.is_Add and expr.exp == 2:  # noqa: PLR2004 - SymPy multiplies 2·(y - 1) out
            factors = (expr.exp, expr.base, *chain_rule(expr.base, variable))
            return tuple(f for f in factors if f != 1)
        inner, outer = expr.base, expr.exp * expr.base ** (expr.exp - 1)
    elif expr.is_Mul:
        fixed, moving = expr.as_independent(variable)
        if fixed != 1:
            return (fixed,) if moving == variable else (fixed, *chain_rule(moving, variable))
    if inner is None:
        return (expr.diff(variable),)
    return tuple(f for f in (outer, *chain_rule(inner, variable)) if f != 1) or (sp.S.One,)


def tidy(expr: sp.Expr) -> sp.Expr:
    """The shortest of a few exact rewritings of an expression."""
    if most_terms(expr) > _MAX_TIDIED:
        return expr
    candidates = [expr, sp.factor_terms(expr), sp.expand(expr)]
    if expr.is_rational_function() or expr.has(sp.exp):
        candidates.append(sp.cancel(expr))
    return min(candidates, key=lambda e: (sp.count_ops(e), candidates.index(e)))


def domain(expr: sp.Expr, variable: sp.Symbol) -> tuple[tuple[str, sp.Expr], ...]:
    """Conditions for expr to be defined and differentiable.

    Each condition is a word and what it is said of: ("positive" | "negative" | "nonzero", u).
    """
    found: dict[tuple[str, sp.Expr], None] = {}
    for part in sp.preorder_traversal(expr):
        if not part.has(variable):
            continue
        if isinstance(part, sp.log):
            found["positive", arguments(part)[0]] = None
        elif isinstance(part, relu | step):
            found["nonzero", arguments(part)[0]] = None
        elif isinstance(part, sp.Pow) and not isinstance(part, sp.exp):
            if part.exp.has(variable):
                if not part.base.is_positive:
                    found["positive", part.base] = None
            elif not part.exp.is_Integer:
                found["positive", part.base] = None
            elif part.exp.is_negative:
                found["nonzero", part.base] = None
    places = dict.fromkeys(map(_condition, found))
    return tuple(
        (kind, u)
        for kind, u in places
        if not _always_positive(u, variable)
        and not (kind == "nonzero" and ("positive", u) in found)
    )


def _condition(condition: tuple[str, sp.Expr]) -> tuple[str, sp.Expr]:
    """The same condition in its plainest words: y² > 0 is y ≠ 0, -y > 0 is y < 0."""
    kind, u = condition
    while isinstance(u, sp.Pow) and u.exp.is_Integer and (kind == "nonzero" or u.exp.is_even):
        kind, u = "nonzero", u.base
    if u.could_extract_minus_sign():
        return ("negative" if kind == "positive" else kind), -u
    return kind, u


def _always_positive(expr: sp.Expr, variable: sp.Symbol) -> bool:
    return bool(expr.subs(variable, sp.Symbol("real", real=True)).is_positive)


_NODE_OF_FUNCTION: dict[type, str] = {
    sp.exp: "exp",
    sp.log: "log",
    sp.tanh: "tanh",
    sp.sin: "sin",
    sp.cos: "cos",
}


def to_node(expr: sp.Expr, variable: sp.Expr, by: Node) -> Node:
    """The expression node of a scalar expression, `by` standing for the variable."""
    if expr == variable:
        return by
    if isinstance(expr, sp.Rational):
        return nodes.Number(Fraction(int(expr.p), int(expr.q)))
    if isinstance(expr, sp.Symbol):
        return nodes.Name(expr.name)
    if expr.is_Add:
        first, *rest = (to_node(a, variable, by) for a in _ordered_sum(expr, variable))
        for term in rest:
            first = _plus(first, term)
        return first
    if expr.is_Mul:
        return _product(expr, variable, by)
    if expr == sp.E:
        return nodes.Apply("exp", nodes.Number(Fraction(1)))
    if isinstance(expr, sp.Pow) and not isinstance(expr, sp.exp):
        base, exponent = expr.as_base_exp()
        if expr.exp.could_extract_minus_sign() and expr.exp.is_number:
            below = to_node(expr.base**-expr.exp, variable, by)
            return nodes.Divide(nodes.Number(Fraction(1)), below)
        if expr.exp == sp.S.Half:
            return nodes.Apply("sqrt", to_node(expr.base, variable, by))
        return nodes.Power(to_node(base, variable, by), to_node(exponent, variable, by))
    name = _NODE_OF_FUNCTION.get(type(expr), type(expr).__name__)
    return nodes.Apply(name, to_node(arguments(expr)[0], variable, by))


def _ordered_sum(expr: sp.Expr, variable: sp.Expr) -> list[sp.Expr]:
    """The terms of a sum: those with the variable first, a term with a minus never first."""
    return sorted(
        arguments(expr), key=lambda a: (a.could_extract_minus_sign(), not a.has(variable), str(a))
    )


def _plus(left: Node, right: Node) -> Node:
    match right:
        case nodes.Negate(arg):
            return nodes.Subtract(left, arg)
        case nodes.Multiply(nodes.Number(value), rest) if value < 0:
            return nodes.Subtract(left, nodes.Multiply(nodes.Number(-value), rest))
        case nodes.Number(value) if value < 0:
            return nodes.Subtract(left, nodes.Number(-value))
    return nodes.Add(left, right)


def _product(expr: sp.Expr, variable: sp.Expr, by: Node) -> Node:
    above, below = sp.fraction(expr, exact=True)
    if below != 1 and not below.is_Integer:
        return nodes.Divide(to_node(above, variable, by), to_node(below, variable, by))
    number, rest = expr.as_coeff_Mul()
    assert isinstance(number, sp.Rational)
    if number == -1:
        return nodes.Negate(to_node(rest, variable, by))
    factors = sorted(sp.Mul.make_args(rest), key=lambda a: (a.has(variable), a.is_Add, str(a)))
    made = [to_node(a, variable, by) for a in factors]
    if number != 1 and number.q == 1:
        made.insert(0, to_node(number, variable, by))
    product = made[0]
    for factor in made[1:]:
        product = nodes.Multiply(product, factor)
    if number.q != 1:
        if abs(number.p) != 1:
            product = nodes.Multiply(nodes.Number(Fraction(int(number.p))), product)
        product = nodes.Divide(product, nodes.Number(Fraction(int(number.q))))
        if number.p == -1:
            product = nodes.Negate(product)
    return product
