"""The nodes of an expression: a closed set of values with NumPy meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from matderiv._hashed import Hashed, hashed_once

__all__ = [
    "NODE_KINDS",
    "ONE",
    "TWO",
    "ZERO",
    "Add",
    "AlongAxis",
    "Apply",
    "Arithmetic",
    "Determinant",
    "Diag",
    "Divide",
    "Entrywise",
    "Eye",
    "Frechet",
    "Functional",
    "Gathered",
    "IndexMap",
    "Inverse",
    "Joined",
    "LogDet",
    "LogSoftmax",
    "LogSumExp",
    "Mapped",
    "MatMul",
    "MatrixFunction",
    "Max",
    "Maximum",
    "Mean",
    "Min",
    "Minimum",
    "Multiply",
    "Name",
    "Negate",
    "Node",
    "Norm",
    "Number",
    "OfSquare",
    "OneHot",
    "Ones",
    "Outer",
    "Pi",
    "Power",
    "Prod",
    "Rearrange",
    "Reduction",
    "Reshape",
    "Selection",
    "Size",
    "Softmax",
    "Std",
    "Subtract",
    "Sum",
    "Trace",
    "Transpose",
    "Var",
    "children",
    "names_in",
    "operands_of",
    "parts_with_rebuild",
    "rebuilt",
    "substituted",
    "transposed",
    "walk",
    "with_sizes",
    "zeros",
]


@hashed_once
class Node(Hashed):
    """An expression: one of the kinds below, and of no other.

    A base and not their union, which type checkers take minutes to compare with itself.
    """


@hashed_once
class Name(Node):
    """A variable of the program: an input or an earlier assignment."""

    name: str


@hashed_once
class Number(Node):
    """An exact rational constant."""

    value: Fraction


@hashed_once
class Add(Node):
    """A + B, entry by entry."""

    left: Node
    right: Node


@hashed_once
class Subtract(Node):
    """A - B, entry by entry."""

    left: Node
    right: Node


@hashed_once
class Multiply(Node):
    """A * B, entry by entry (the Hadamard product of two matrices)."""

    left: Node
    right: Node


@hashed_once
class Divide(Node):
    """A / B, entry by entry."""

    left: Node
    right: Node


@hashed_once
class Power(Node):
    """A ** B, entry by entry."""

    left: Node
    right: Node


@hashed_once
class Maximum(Node):
    """The larger of two numbers, entry by entry."""

    left: Node
    right: Node


@hashed_once
class Minimum(Node):
    """The smaller of two numbers, entry by entry."""

    left: Node
    right: Node


@hashed_once
class MatMul(Node):
    """The matrix product: (A @ B)_ij = Σ_k a_ik b_kj."""

    left: Node
    right: Node


@hashed_once
class Negate(Node):
    """-A, entry by entry."""

    arg: Node


@hashed_once
class Transpose(Node):
    """(A.T)_ij = a_ji."""

    arg: Node


@hashed_once
class Rearrange(Node):
    """A with its axes in another order, and with new ones of a single entry.

    Axis n is axis `order[n]` of A, or a new one where that is None. As it is read, axes may count
    from the last, and those that are not named stand at place `rest` of the order.
    """

    arg: Node
    order: tuple[int | None, ...]
    rest: int | None = None


@hashed_once
class Apply(Node):
    """f(A): a function of one number, known or undefined, applied to each entry."""

    function: str
    arg: Node


@hashed_once
class Functional(Node):
    """Loss(A): an undefined function of the whole array, a number or an array of these sizes.

    The derivative of F(A) by a_kl is the entry of dF(A) at the place in F and then k, l.
    """

    function: str
    arg: Node
    sizes: tuple[int | str, ...] = ()


@hashed_once
class Sum(Node):
    """The sum of the entries of A, of all or along one axis."""

    arg: Node
    axis: int | None = None
    keepdims: bool = False


@hashed_once
class Mean(Node):
    """The mean of the entries of A, of all or along one axis."""

    arg: Node
    axis: int | None = None
    keepdims: bool = False


@hashed_once
class Prod(Node):
    """The product of the entries of A, of all or along one axis."""

    arg: Node
    axis: int | None = None
    keepdims: bool = False


@hashed_once
class Max(Node):
    """The largest entry of A, of all or along one axis."""

    arg: Node
    axis: int | None = None
    keepdims: bool = False


@hashed_once
class Min(Node):
    """The smallest entry of A, of all or along one axis."""

    arg: Node
    axis: int | None = None
    keepdims: bool = False


@hashed_once
class LogSumExp(Node):
    """log Σ exp(a), over all entries of A or along one axis."""

    arg: Node
    axis: int | None = None
    keepdims: bool = False


@hashed_once
class Var(Node):
    """The mean of (a - mean)², over all entries of A or along one axis.

    `ddof` is what was written of it, until shapes are known: n - ddof in place of n.
    """

    arg: Node
    axis: int | None = None
    keepdims: bool = False
    ddof: int = 0


@hashed_once
class Std(Node):
    """The root of the variance, over all entries of A or along one axis; `ddof` as there."""

    arg: Node
    axis: int | None = None
    keepdims: bool = False
    ddof: int = 0


@hashed_once
class Softmax(Node):
    """exp(A) / Σ exp(A), the sum over all entries or along one axis."""

    arg: Node
    axis: int | None = None


@hashed_once
class LogSoftmax(Node):
    """A - log Σ exp(A), the sum over all entries or along one axis."""

    arg: Node
    axis: int | None = None


@hashed_once
class Trace(Node):
    """tr A = Σ_i a_ii of a square matrix."""

    arg: Node


@hashed_once
class Inverse(Node):
    """A⁻¹ of a square matrix."""

    arg: Node


@hashed_once
class Determinant(Node):
    """det A of a square matrix."""

    arg: Node


@hashed_once
class LogDet(Node):
    """log |det A| of a square matrix."""

    arg: Node


@hashed_once
class MatrixFunction(Node):
    """f(A) of a square matrix, a function of its eigenvalues by `matrix_functions`."""

    arg: Node
    function: str


@hashed_once
class Frechet(Node):
    """The derivative of f(A) along E: what is linear in t in f(A + t·E).

    It is the upper right block of f([[A, E], [0, A]]): Higham, Functions of Matrices, (3.16).
    """

    arg: Node
    change: Node
    function: str


@hashed_once
class Diag(Node):
    """The diagonal matrix of a vector, or the diagonal of a square matrix as a vector."""

    arg: Node


@hashed_once
class Outer(Node):
    """The outer product of two vectors: a_i b_j."""

    left: Node
    right: Node


@hashed_once
class Norm(Node):
    """√(Σ a²): the 2-norm of a vector, the Frobenius norm of a matrix.

    `order` is what was written of it, until shapes are known: a number, "inf" or "-inf".
    """

    arg: Node
    order: Fraction | str | None = None


@hashed_once
class Eye(Node):
    """The identity matrix; `size` is a whole number, or the letter of a size."""

    size: int | str


@hashed_once
class Ones(Node):
    """An array of ones; each size is a whole number, or the letter of a size."""

    sizes: tuple[int | str, ...]


@hashed_once
class Selection(Node):
    """A constant matrix of zeros and ones by a rule, such as eye(N)[1:], or a row of eye(N).

    `kind` and `params` are the rule, in `index_maps`; sizes are numbers, letters, or texts of
    sizes that are worked out, such as N - 1.
    """

    kind: str
    params: tuple[int | str, ...]
    sizes: tuple[int | str, ...]


@hashed_once
class OneHot(Node):
    """1 at the place that each label in `arg` names along a last axis of this size, else 0."""

    arg: Node
    size: int | str


@hashed_once
class Mapped(Node):
    """A with its entries moved along an axis: A[1:], roll(A, 1), cumsum(A), by `index_maps`."""

    arg: Node
    move: tuple[int | str | None, ...]
    axis: int | None = None


@hashed_once
class Joined(Node):
    """Two arrays in one: `how` is concatenate, stack, list, vstack or hstack.

    `more`: the left one is itself the beginning of the same list of arrays.
    """

    left: Node
    right: Node
    how: str
    axis: int | None = None
    more: bool = False


@hashed_once
class Gathered(Node):
    """Entries of A at integer labels: A[y], A[:, y], or A[arange(N), y] where `how` is picked."""

    array: Node
    labels: Node
    how: str
    rows: int | str | None = None


@hashed_once
class Reshape(Node):
    """A with its entries, row by row, in an array of other sizes.

    As it is read, a size may be -1, which is worked out, and `how` may be F, column by column,
    pairs, which makes one axis of every two, squeeze, where `sizes` names the axes of a single
    entry that go, or unflatten, where an axis stands before the sizes that it is taken apart to.
    """

    arg: Node
    sizes: tuple[int | str, ...]
    how: str = "C"


@hashed_once
class Size(Node):
    """A size as a number: N, the number of rows of X."""

    symbol: str
    size: int


@hashed_once
class Pi(Node):
    """The number π, which derivatives of erf hold."""


#: Every kind of node; a table of kinds is whole when it has them all.
NODE_KINDS: tuple[type[Node], ...] = (
    Name,
    Number,
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Maximum,
    Minimum,
    MatMul,
    Negate,
    Transpose,
    Rearrange,
    Apply,
    Functional,
    Sum,
    Mean,
    Prod,
    Max,
    Min,
    LogSumExp,
    Var,
    Std,
    Softmax,
    LogSoftmax,
    Trace,
    Inverse,
    Determinant,
    LogDet,
    MatrixFunction,
    Frechet,
    Diag,
    Outer,
    Norm,
    Eye,
    Ones,
    Selection,
    OneHot,
    Mapped,
    Joined,
    Gathered,
    Reshape,
    Size,
    Pi,
)

#: Operations on two numbers that are written with an operator.
Arithmetic = Add | Subtract | Multiply | Divide | Power

#: Functions of two numbers, applied to two arrays entry by entry.
Entrywise = Arithmetic | Maximum | Minimum

#: Operations that reduce all entries, or those along an axis, to one.
Reduction = Sum | Mean | Prod | Max | Min | LogSumExp | Var | Std

#: Constants of zeros and ones, and what is a product with one.
IndexMap = Selection | OneHot | Mapped | Joined | Gathered | Reshape

#: Operations on a square matrix.
OfSquare = Trace | Inverse | Determinant | LogDet | MatrixFunction | Frechet

#: Operations along an axis that keep the shape.
AlongAxis = Softmax | LogSoftmax


_OPERANDS: dict[type, tuple[str, ...]] = {
    kind: tuple(field.name for field in fields(kind) if field.type == "Node") for kind in NODE_KINDS
}
#: The other fields of each kind: an axis, a function, a size.
_REST: dict[type, tuple[str, ...]] = {
    kind: tuple(field.name for field in fields(kind) if field.type != "Node") for kind in NODE_KINDS
}


ZERO, ONE, TWO = (Number(Fraction(n)) for n in range(3))


def zeros(sizes: tuple[int | str, ...]) -> Node:
    """An array of zeros: 0 times an array of ones.

    >>> zeros(("N",)) == Multiply(ZERO, Ones(("N",)))
    True
    """
    return Multiply(ZERO, Ones(sizes))


def children(node: Node) -> tuple[Node, ...]:
    """The operands of a node, left to right.

    >>> children(MatMul(Name("X"), Name("W")))
    (Name(name='X'), Name(name='W'))
    """
    return tuple(getattr(node, name) for name in _OPERANDS[type(node)])


def rebuilt(node: Node, operands: Iterable[Node]) -> Node:
    """The node with other operands, and the node itself where they are its own.

    Its axis, function or size stays.

    >>> rebuilt(Sum(Name("X"), axis=0), [Name("Y")])
    Sum(arg=Name(name='Y'), axis=0, keepdims=False)
    """
    kind, made = type(node), tuple(operands)
    if all(one is other for one, other in zip(made, children(node), strict=True)):
        return node
    changes: dict[str, Any] = dict(zip(_OPERANDS[kind], made, strict=True))
    for name in _REST[kind]:
        changes[name] = getattr(node, name)
    return kind(**changes)


def transposed(node: Node) -> Node:
    """Aᵀ of A, and A of Aᵀ.

    >>> transposed(Name("W")), transposed(Transpose(Name("W")))
    (Transpose(arg=Name(name='W')), Name(name='W'))
    """
    return node.arg if isinstance(node, Transpose) else Transpose(node)


def substituted(node: Node, old: Node, new: Node) -> Node:
    """The expression with one part replaced wherever it occurs."""
    if node == old:
        return new
    return rebuilt(node, [substituted(part, old, new) for part in children(node)])


def with_sizes(node: Node, new: Callable[[int | str], int | str]) -> Node:
    """The node with others for the sizes that it writes itself, those of its operands aside.

    >>> with_sizes(Ones(("N", 2)), lambda size: "K" if size == "N" else size)
    Ones(sizes=('K', 2))
    """

    def each(sizes: Iterable[int | str]) -> tuple[int | str, ...]:
        return tuple(map(new, sizes))

    match node:
        case Eye(size):
            return Eye(new(size))
        case Ones(sizes):
            return Ones(each(sizes))
        case Functional(function, arg, sizes):
            return Functional(function, arg, each(sizes))
        case Selection(kind, params, sizes):
            return Selection(kind, each(params), each(sizes))
        case OneHot(arg, size):
            return OneHot(arg, new(size))
        case Reshape(arg, sizes, how):
            return Reshape(arg, each(sizes), how)
        case Mapped(arg, (kind, *places), axis):
            return Mapped(arg, (kind, *(n if n is None else new(n) for n in places)), axis)
        case Gathered(array, labels, how, str(rows)):
            return Gathered(array, labels, how, new(rows))
        case MatrixFunction() | Frechet() if node.function.startswith("matrix_power "):
            kind, _, exponent = node.function.partition(" ")
            return replace(node, function=f"{kind} {new(exponent)}")
    return node


def walk(node: Node) -> Iterator[Node]:
    """All nodes of the tree, operands before the node that uses them."""
    for child in children(node):
        yield from walk(child)
    yield node


def operands_of(kind: type[Node], node: Node) -> Iterator[Node]:
    """A, B and C of A*B*C or A @ B @ C: the operands of nested nodes of a kind.

    >>> [name.name for name in operands_of(MatMul, MatMul(Name("A"), MatMul(Name("B"), Name("C"))))]
    ['A', 'B', 'C']
    """
    if not isinstance(node, kind):
        yield node
        return
    for child in children(node):
        yield from operands_of(kind, child)


@lru_cache(maxsize=1 << 12)
def names_in(node: Node) -> frozenset[str]:
    """The names in a formula.

    >>> sorted(names_in(MatMul(Name("X"), Transpose(Name("W")))))
    ['W', 'X']
    """
    if isinstance(node, Name):
        return frozenset((node.name,))
    return frozenset[str]().union(*map(names_in, children(node)))


def parts_with_rebuild(
    node: Node, rebuild: Callable[[Node], Node] = lambda part: part
) -> Iterator[tuple[Node, Callable[[Node], Node]]]:
    """Every part of a tree with the function that puts another in its place, the whole first.

    >>> [rebuild(Name("B")) for _, rebuild in parts_with_rebuild(Transpose(Name("A")))]
    [Name(name='B'), Transpose(arg=Name(name='B'))]
    """
    yield node, rebuild
    for slot, child in enumerate(children(node)):

        def put(part: Node, slot: int = slot) -> Node:
            rest = list(children(node))
            rest[slot] = part
            return rebuild(rebuilt(node, rest))

        yield from parts_with_rebuild(child, put)
