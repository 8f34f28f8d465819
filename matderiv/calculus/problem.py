"""A program as mathematics: one matrix product and a scalar loss of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, lru_cache, partial

import sympy as sp

from matderiv.calculus.elementwise import constant, scalar_of
from matderiv.calculus.scalars import (
    Index,
    Partial,
    applied,
    entry,
)
from matderiv.calculus.series import Array, Bound, Scalar, Series
from matderiv.errors import InputError, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.program import Assignment, Program
from matderiv.expression.shapes import Dim, Shape
from matderiv.expression.source import source
from matderiv.expression.vocabulary import ELEMENTWISE

__all__ = [
    "Elementwise",
    "Letters",
    "Opaque",
    "Problem",
    "lift_product",
    "understand",
    "with_loss",
]


@dataclass(frozen=True, slots=True)
class Letters:
    """Index letters that are no name of the program.

    i, j run over the product's rows and columns, k over the inner size; p, q are held fixed.
    """

    i: sp.Symbol
    j: sp.Symbol
    k: sp.Symbol
    p: sp.Symbol
    q: sp.Symbol

    @property
    def all(self) -> tuple[sp.Symbol, ...]:
        """All five."""
        return (self.i, self.j, self.k, self.p, self.q)


@dataclass(frozen=True, slots=True)
class Elementwise:
    """The loss L = coefficient · Σ_ij f(y_ij); `body` is f(variable), or None if undefined."""

    coefficient: sp.Expr
    function: str
    variable: sp.Symbol
    body: sp.Expr | None

    def at(self, value: sp.Expr) -> sp.Expr:
        """f(value), with f as a named function."""
        return applied(self.function, value)

    def derivative_at(self, value: sp.Expr) -> sp.Expr:
        """f′(value), with f′ as a named function."""
        return applied(f"d{self.function}", value)


@dataclass(frozen=True, slots=True)
class Opaque:
    """The loss L = Loss(Y), an undefined scalar function of the whole matrix."""

    function: str


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """One product Y = A·B of two matrices, each perhaps transposed, and a scalar loss of Y."""

    program: Program
    shapes: dict[str, Shape]
    product: Assignment
    head: Elementwise | Opaque
    letters: Letters
    _arrays: dict[Node, Array] = field(default_factory=dict, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The name of the product."""
        return self.product.name

    @property
    def loss(self) -> sp.Symbol:
        """The loss as a symbol."""
        return _symbol(self.program.loss.name)

    @property
    def factors(self) -> tuple[str, str]:
        """The names of the two matrices that are multiplied, left and right."""
        value = self.product.value
        assert isinstance(value, nodes.MatMul)
        return _leaf(value.left), _leaf(value.right)

    @property
    def dims(self) -> tuple[Dim, Dim, Dim]:
        """N, D, M: the rows, the inner size and the columns of the product."""
        rows, cols = self.shapes[self.name]
        assert isinstance(self.product.value, nodes.MatMul)
        return rows, self.array(self.product.value.left).cols, cols

    @property
    def largest_size(self) -> int:
        """The largest number that an index takes."""
        return max(dim.size for dim in self.dims)

    def array(self, node: Node) -> Array:
        """The matrix that an expression of names, transposes and products stands for.

        `dY` is the matrix of all ∂L/∂y_ij. The same expression gives the same object, so that
        its entries are worked out once.
        """
        known = self._arrays.get(node)
        if known is None:
            known = self._arrays[node] = self._array(node)
        return known

    def _array(self, node: Node) -> Array:
        match node:
            case nodes.Name(name):
                if name in self.shapes:
                    rows, cols = self.shapes[name]
                    return Array(rows, cols, partial(entry, name))
                of, loss = name.removeprefix("d"), self.loss
                rows, cols = self.shapes[of]
                return Array(rows, cols, cache(lambda i, j: Partial(loss, entry(of, i, j))))
            case nodes.Transpose(arg):
                inner = self.array(arg)
                return Array(inner.cols, inner.rows, cache(lambda i, j: inner.at(j, i)))
            case nodes.MatMul(left, right):
                return self._product(self.array(left), self.array(right))
        raise UnsupportedError(f"{source(node)} is not a product of matrices.")

    def _product(self, a: Array, b: Array) -> Array:
        """(A·B)_ij = Σ_k a_ik b_kj, summed over the letter of the size they share."""
        bound = Bound(self.letter_of(a.cols), a.cols)

        @cache  # the same entry is the same sum, worked out and printed once
        def at(i: Index, j: Index) -> Series:
            return Series((bound,), lambda k: (a.at(i, k), b.at(k, j)))

        return Array(a.rows, b.cols, at)

    def letter_of(self, dim: Dim) -> sp.Symbol:
        """The letter that runs over a size: i and j over the product's rows and columns."""
        rows, inner, _ = self.dims
        if dim == inner:
            return self.letters.k
        return self.letters.i if dim == rows else self.letters.j

    @property
    def loss_definition(self) -> Series | sp.Expr:
        """L = Σ_ij c·f(y_ij), or Loss(Y) where the loss is undefined."""
        head = self.head
        if isinstance(head, Opaque):
            return sp.Function(head.function)(sp.Symbol(self.name))
        return self.sum_over_product(
            lambda i, j: with_coefficient(head.coefficient, head.at(entry(self.name, i, j)))
        )

    def chain_rule(self, wrt: sp.Expr) -> Series:
        """∂L/∂x = Σ_ij ∂L/∂y_ij · ∂y_ij/∂x."""

        def term(i: Index, j: Index) -> tuple[Scalar, ...]:
            y = entry(self.name, i, j)
            return (Partial(self.loss, y), Partial(y, wrt))

        return self.sum_over_product(term)

    def sum_over_product(self, term: Callable[[Index, Index], tuple[Scalar, ...]]) -> Series:
        """Σ_ij term(i, j) over all entries of the product."""
        rows, cols = self.shapes[self.name]
        return Series((Bound(self.letters.i, rows), Bound(self.letters.j, cols)), term)


@lru_cache(maxsize=64)
def _symbol(name: str) -> sp.Symbol:
    return sp.Symbol(name)


def with_coefficient(coefficient: sp.Expr, *factors: Scalar) -> tuple[Scalar, ...]:
    """The factors of a product, a coefficient of 1 left out."""
    return factors if coefficient == 1 else (coefficient, *factors)


def lift_product(program: Program) -> Program:
    """Give a product that stands inside the loss a name of its own: L = sum(f(X @ W)).

    >>> from matderiv.expression.parse import parse
    >>> lift_product(parse("sum(f(X @ W))")).source()
    'Y = X @ W; L = sum(f(Y))'
    """
    loss = program.loss
    found = dict.fromkeys(n for n in nodes.walk(loss.value) if isinstance(n, nodes.MatMul))
    if len(program.assignments) != 1 or len(found) != 1 or not _summed(loss.value):
        return program
    taken = program.names() | program.functions() | program.letters()
    name = next(n for n in ("Y", "Z", "P", "A", "Y_1", "Y_2", "Y_3") if n not in taken)
    (product,) = found
    value = _replace(loss.value, product, nodes.Name(name))
    return Program((Assignment(name, product), Assignment(loss.name, value)))


def with_loss(program: Program) -> Program:
    """The program, an undefined loss added where its last line is the product itself.

    >>> from matderiv.expression.parse import parse
    >>> with_loss(parse("Y = X @ W")).source()
    'Y = X @ W; L = Loss(Y)'
    """
    last = program.loss
    if not isinstance(last.value, nodes.MatMul):
        return lift_product(program)
    taken = (program.names() | program.functions() | program.letters()) - {last.name}
    # The reader has called a bare product L.
    name = last.name if last.name != "L" else next(n for n in "YZPA" if n not in taken)
    loss = next(n for n in ("L", "J", "E", "S") if n not in taken | {name})
    before = program.assignments[:-1]
    return Program(
        (
            *before,
            Assignment(name, last.value),
            Assignment(loss, nodes.Functional("Loss", nodes.Name(name))),
        )
    )


def _summed(node: Node) -> bool:
    """Whether every product stands inside a sum or an undefined scalar function.

    Another loss is no scalar, and is refused as the user wrote it.
    """
    match node:
        case nodes.Sum() | nodes.Functional():
            return True
        case nodes.MatMul():
            return False
    return all(map(_summed, nodes.children(node)))


def _replace(node: Node, old: Node, new: Node) -> Node:
    if node == old:
        return new
    return nodes.rebuilt(node, (_replace(c, old, new) for c in nodes.children(node)))


def understand(program: Program, shapes: dict[str, Shape]) -> Problem:
    """Recognise the product and the loss of a program.

    Raises:
        UnsupportedError: the program is in the language, but not one product of two
            matrices and a loss of it; the part that does not fit is named.
    """
    *before, loss = program.assignments
    products = [a for a in before if isinstance(a.value, nodes.MatMul)]
    for assignment in before:
        if assignment not in products:
            raise UnsupportedError(
                f"{assignment.name} = {source(assignment.value)} is not a product of two matrices; "
                "this version derives programs of the form Y = X @ W; L = loss of Y."
                + _product_meant(assignment.value)
            )
    everywhere = [
        n for a in program.assignments for n in nodes.walk(a.value) if isinstance(n, nodes.MatMul)
    ]
    if len(set(everywhere)) > 1:
        raise UnsupportedError(
            f"{source(everywhere[-1])} is a second product; this version derives programs with "
            "one. Derive each by itself, such as Y = X @ W; L = Loss(Y)."
        )
    if not products and everywhere:
        raise UnsupportedError(_no_loss(loss.value, source(everywhere[-1])))
    if not products:
        raise UnsupportedError(
            f"{program.source()} holds no matrix product; write for example "
            "Y = X @ W; L = sum(f(Y))."
        )
    if len(products) > 1 or len(everywhere) > 1:
        raise UnsupportedError(
            f"{source(everywhere[-1])} is written twice; give it one name and use that, "
            "such as Y = X @ W; L = sum(f(Y))."
        )
    _tell_apart(program, shapes)
    (product,) = products
    assert isinstance(product.value, nodes.MatMul)
    _two_matrices(product.value, shapes)
    names = [_leaf(product.value.left), _leaf(product.value.right)]
    if names[0] == names[1]:
        raise UnsupportedError(
            f"{source(product.value)} uses {names[0]} twice; this version derives products of "
            "two different matrices. Give the second a name of its own, such as X @ W."
        )
    letters = Letters(*_letters(program))
    return Problem(program, shapes, product, _head(loss, product.name, program, shapes), letters)


def _two_matrices(product: nodes.MatMul, shapes: dict[str, Shape]) -> None:
    for operand, shape in ((product.left, "1x4"), (product.right, "4x1")):
        name = _leaf(operand)
        if len(shapes[name]) != 2:  # noqa: PLR2004 - a matrix has two dimensions
            raise UnsupportedError(
                f"{source(product)}: {name} is a vector, and this version derives products of "
                f"two matrices only. Declare it as a matrix, such as --shape {name}={shape}."
            )


def _tell_apart(program: Program, shapes: dict[str, Shape]) -> None:
    """Refuse names that would be printed alike: X_1 and X1, or the entries of X and of x."""
    seen: dict[tuple[str, bool], str] = {}
    for name in sorted(program.names() | program.functions()):
        plain = name.replace("_", "")
        if name in _TAKEN and name in shapes and len(shapes[name]) == _TAKEN[name][0]:
            raise InputError(
                f"{name} cannot be told from {_TAKEN[name][1]} on the page; give it another name."
            )
        keys = [(plain, False)]
        if len(shapes.get(name, ())) == 2:  # noqa: PLR2004 - a matrix has two dimensions
            keys.append((plain[0].lower() + plain[1:], True))
        for key in keys:
            other = seen.setdefault(key, name)
            if other != name:
                raise InputError(
                    f"{other} and {name} cannot be told apart on the page; rename one of the two."
                )


#: Names that mathematics uses itself: with how many dimensions they clash, and with what.
_TAKEN = {
    "delta": (2, "Kronecker's delta"),
    "Delta": (2, "Kronecker's delta"),
    "e": (0, "the base of exp"),
}


def _product_meant(value: Node) -> str:
    """A suggestion for X*W and for XW, which are seldom meant."""
    match value:
        case nodes.Multiply(left, right):
            return f" Did you mean {source(nodes.MatMul(left, right))}?"
        case nodes.Name(name) if len(name) == 2 and name.isalpha() and name.isupper():  # noqa: PLR2004
            return f" Did you mean {name[0]} @ {name[1]}?"
    return ""


def _name_meant(value: Node, used: set[str], product: str) -> str:
    """A suggestion for the only matrix that a loss names, if it is not the product."""
    others = sorted(used)
    if len(others) != 1 or any(isinstance(n, nodes.MatMul) for n in nodes.walk(value)):
        return f" Write it with {product}, such as sum(f({product}))."
    meant = _replace(value, nodes.Name(others[0]), nodes.Name(product))
    return f" Did you mean {source(meant)}?"


def _leaf(node: Node) -> str:
    match node:
        case nodes.Name(name) | nodes.Transpose(nodes.Name(name)):
            return name
        case nodes.Transpose(nodes.Transpose(arg)):
            return _leaf(arg)
    raise UnsupportedError(
        f"{source(node)} is not a matrix or its transpose; this version derives products of "
        "two matrices, such as X @ W or X @ W.T. Put factors and functions into the loss."
    )


def _letters(program: Program) -> list[sp.Symbol]:
    names = program.names() | program.functions()
    # q_iq, an entry of Q beside the index q, would be hard to read.
    taken = names | {name[0].lower() + name[1:] for name in names}
    wishes = ("ilrac", "jmsbd", "ktneh", "puxgo", "qvyzw")
    return [
        sp.Symbol(
            next(c for c in (*wish, *(f"{wish[0]}_{n}" for n in range(99))) if c not in taken),
            integer=True,
            positive=True,
        )
        for wish in wishes
    ]


def _head(
    loss: Assignment, product: str, program: Program, shapes: dict[str, Shape]
) -> Elementwise | Opaque:
    scalars = frozenset(name for name, shape in shapes.items() if not shape)
    used = {n.name for n in nodes.walk(loss.value) if isinstance(n, nodes.Name)}
    if product not in used:
        raise InputError(
            f"{loss.name} = {source(loss.value)} does not depend on {product}; "
            "its gradients would all be 0." + _name_meant(loss.value, used - scalars, product)
        )
    if isinstance(loss.value, nodes.Functional) and loss.value.arg == nodes.Name(product):
        return Opaque(loss.value.function)
    coefficient, value = _peel(loss.value, scalars)
    if isinstance(value, nodes.Functional) and value.arg == nodes.Name(product):
        raise UnsupportedError(
            f"{loss.name} = {source(loss.value)}: an undefined function stands alone, because any "
            f"factor can be part of it. Did you mean {loss.name} = {source(value)}?"
        )
    if not isinstance(value, nodes.Sum) or value.axis is not None or value.keepdims:
        where = "" if value == loss.value else f"{loss.name} = {source(loss.value)}: "
        raise UnsupportedError(where + _no_loss(value, product))
    inside, body = _peel(value.arg, scalars)
    for n in nodes.walk(body):
        if not isinstance(n, _ENTRY_BY_ENTRY):
            raise UnsupportedError(
                f"{source(n)} inside sum(…) is not derived by this version; inside sum(…) "
                f"stands a function of each entry of {product}."
            )
        if isinstance(n, nodes.Name) and n.name not in scalars | {product}:
            raise UnsupportedError(
                f"{n.name} beside {product} inside sum(…) is not derived by this version; "
                f"only {product}, numbers and scalars such as lam can stand there."
            )
    coefficient *= inside
    if coefficient == 0:
        raise InputError(
            f"{loss.name} = {source(loss.value)} is 0 for every {product}; leave out the factor 0."
        )
    variable = sp.Symbol(_free(("y", "z", "u", "v"), program), real=True)
    if (
        isinstance(body, nodes.Apply)
        and body.function not in ELEMENTWISE
        and body.arg == nodes.Name(product)
    ):
        return Elementwise(coefficient, body.function, variable, None)
    name = _free(("f", "g", "h", "phi"), program)
    expr = scalar_of(body, product, variable)
    if not expr.has(variable):
        raise InputError(
            f"{source(value)} does not depend on {product}: it is {expr} per entry. Write a "
            f"function of {product}, such as sum({product}**2)."
        )
    if expr.diff(variable).is_zero:
        raise InputError(
            f"The gradient of {source(value)} by {product} is 0 wherever it is defined; write a "
            f"function of {product} that changes, such as sum({product}**2)."
        )
    return Elementwise(coefficient, name, variable, expr)


def _no_loss(value: Node, product: str) -> str:
    return (
        f"{source(value)} is not derived by this version; a loss is sum(…) of a "
        f"function of each entry of {product}, times a number, or an undefined function "
        f"of the whole matrix such as Loss({product})."
    )


_ENTRY_BY_ENTRY = (
    nodes.Name,
    nodes.Number,
    nodes.Negate,
    nodes.Add,
    nodes.Subtract,
    nodes.Multiply,
    nodes.Divide,
    nodes.Power,
    nodes.Apply,
)


def _free(wishes: tuple[str, ...], program: Program) -> str:
    taken = program.names() | program.functions()
    free = (*wishes, *(f"{wishes[0]}_{n}" for n in range(99)))
    return next(name for name in free if name not in taken and f"d{name}" not in taken)


def _peel(node: Node, scalars: frozenset[str]) -> tuple[sp.Expr, Node]:
    """Split constant factors from a scalar or entry-by-entry expression."""

    def fixed(part: Node) -> bool:
        return all(
            isinstance(
                n,
                nodes.Number
                | nodes.Negate
                | nodes.Power
                | nodes.Multiply
                | nodes.Divide
                | nodes.Add
                | nodes.Subtract,
            )
            or (isinstance(n, nodes.Name) and n.name in scalars)
            for n in nodes.walk(part)
        )

    match node:
        case nodes.Negate(arg):
            factor, rest = _peel(arg, scalars)
            return -factor, rest
        case nodes.Multiply(left, right) if fixed(left):
            factor, rest = _peel(right, scalars)
            return constant(left) * factor, rest
        case nodes.Multiply(left, right) | nodes.Divide(left, right) if fixed(right):
            factor, rest = _peel(left, scalars)
            by = constant(right)
            if isinstance(node, nodes.Divide) and by.is_zero:
                raise InputError(f"{source(node)} divides by zero; write another divisor.")
            return (factor / by if isinstance(node, nodes.Divide) else factor * by), rest
    return sp.S.One, node
