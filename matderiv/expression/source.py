"""Printing an expression back as NumPy-like source that parses to the same tree."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from matderiv.expression import nodes
from matderiv.expression.axes import as_einsum, at_once, moveaxis, swapaxes
from matderiv.expression.index_source import (
    gathered_text,
    indexed_base,
    is_indexed,
    joined_text,
    mapped_text,
    padded,
    selection_text,
)
from matderiv.expression.matrix_functions import (
    call_of,
    function_kind,
    is_eigen,
    is_eigenvalue,
    place_of,
)
from matderiv.expression.nodes import Node
from matderiv.expression.operations import NAMES
from matderiv.expression.shape_calls import beside_diagonal, reshape_text
from matderiv.expression.size_text import asked_text, is_worked_out

__all__ = ["BINARY", "is_turned", "mixes", "rearrangement", "source"]

#: node: (operator, its precedence, the least precedence of the left and of the right operand)
BINARY: dict[type, tuple[str, int, int, int]] = {
    nodes.Add: (" + ", 1, 1, 2),
    nodes.Subtract: (" - ", 1, 1, 2),
    nodes.Multiply: ("*", 2, 2, 3),
    nodes.Divide: ("/", 2, 2, 3),
    nodes.MatMul: (" @ ", 2, 2, 3),
    nodes.Power: ("**", 4, 5, 3),
}
_UNARY, _ATOM = 3, 5
_MATRIX = 2  # dimensions
_SCALARS = (
    nodes.Number,
    nodes.Size,
    nodes.Pi,
    nodes.Norm,
    nodes.Trace,
    nodes.Determinant,
    nodes.LogDet,
)

_LONG = 10**21  # from here on a whole number is written with its power of ten
_PLACES = 150  # more decimal places than any number that is read


def source(node: Node) -> str:
    """NumPy-like text; the only brackets that it does not need part @ from *: (A @ B)*C.

    >>> from matderiv.expression.nodes import MatMul, Name, Transpose
    >>> source(MatMul(Name("dY"), Transpose(Name("W"))))
    'dY @ W.T'
    """
    return asked_text(_source(node)[0])


def _source(node: Node) -> tuple[str, int]:
    found = as_einsum(node)
    if found is None:
        return _plain_source(node)
    subscripts, arrays = found
    return f"einsum('{subscripts}', {', '.join(map(source, arrays))})", _ATOM


def _plain_source(node: Node) -> tuple[str, int]:
    match node:
        case nodes.Name(name):
            return name, _ATOM
        case nodes.Number(value):
            return _number(value)
        case nodes.Size(symbol):
            return (f"({symbol})" if is_worked_out(symbol) else symbol), _ATOM
        case nodes.Pi():
            return "pi", _ATOM
        case nodes.Negate(arg):
            return "-" + _wrapped(arg, _UNARY), _UNARY
        case nodes.Transpose(nodes.Number() as arg):  # 2.T would be read as 2. and T
            return f"({source(arg)}).T", _ATOM
        case nodes.Transpose(arg):
            return _wrapped(arg, _ATOM) + ".T", _ATOM
        case nodes.Rearrange(arg, order, rest) if rest is not None:
            return _partly(node, _wrapped(arg, _ATOM)), _ATOM
        case nodes.Rearrange(arg, order) if is_turned(order):
            return _wrapped(arg, _ATOM) + ".mT", _ATOM
        case nodes.Rearrange(arg, order):
            return rearrangement(_wrapped(arg, _ATOM), source(arg), order), _ATOM
        case nodes.Apply("iszero", arg):
            sides = nodes.children(arg) if isinstance(arg, nodes.Subtract) else (arg, nodes.ZERO)
            return " == ".join(_wrapped(side, 1) for side in sides), 0
        case nodes.Apply(function, arg) | nodes.Functional(function, arg):
            return f"{function}({source(arg)})", _ATOM
        case nodes.Eye(size):
            return f"eye({size})", _ATOM
        case nodes.Ones(sizes):
            return _filled("ones", sizes), _ATOM
        case nodes.Multiply(nodes.Number(0), nodes.Ones(sizes)):
            return _filled("zeros", sizes), _ATOM
        case _ if type(node) in BINARY:
            operator, own, left, right = BINARY[type(node)]
            first, second = nodes.children(node)
            one = f"({source(first)})" if mixes(node) else _wrapped(first, left)
            return one + operator + _wrapped(second, right), own
        case _:
            return _of_matrix(node) or (_called(node), _ATOM)


def _of_matrix(node: Node) -> tuple[str, int] | None:
    """A function of a matrix; one that belongs to an eigenvalue is written with eigenvectors."""
    match node:
        case nodes.Trace(nodes.MatrixFunction(inner, function)) if is_eigenvalue(function):
            return f"eigvalsh({source(inner)})[{place_of(function)}]", _ATOM
        case nodes.MatrixFunction(inner, function):
            arg = source(inner)
        case nodes.Frechet(inner, change, function):
            return call_of("{}_frechet", function, [source(inner), source(change)]), _ATOM
        case _:
            return None
    if not is_eigen(function):
        return call_of("{}", function, [arg]), _ATOM
    vector = f"eigh({arg})[1][:, {place_of(function)}]"
    projector = f"outer({vector}, {vector})"
    if function_kind(function) == "eigenprojector":
        return projector, _ATOM
    return f"eigvalsh({arg})[{place_of(function)}]*{projector}", 2


def _called(node: Node) -> str:
    if isinstance(node, nodes.IndexMap):
        return _index_map(node)
    parts = [*map(source, _arrays(node)), *_options(node)]
    return f"{NAMES[type(node)]}({', '.join(parts)})"


def _index_map(node: Node) -> str:
    match node:
        case nodes.Selection():
            text = selection_text(node)
            return text if isinstance(text, str) else _index_map(text)
        case nodes.OneHot(arg, size):
            return f"onehot({source(arg)}, {size})"
        case nodes.Mapped() if is_indexed(node):
            base, index = indexed_base(node)
            return _wrapped(base, _ATOM) + index
        case nodes.Mapped() if (found := beside_diagonal(node)) is not None:
            return f"diag({source(found[0])}, {found[1]})"
        case nodes.Mapped(_, ("pad", _, _, int(axes))) if axes:
            base, widths = padded(node, axes)
            return f"pad({source(base)}, ({', '.join(f'({a}, {b})' for a, b in widths)}))"
        case nodes.Mapped(arg):
            return mapped_text(node, source(arg))
        case nodes.Reshape():
            return reshape_text(node, source)
        case nodes.Joined():
            return joined_text(node, source)
        case nodes.Gathered(array, labels, _, rows):
            named = source(labels)
            return _wrapped(array, _ATOM) + gathered_text(node, named, str(rows or f"len({named})"))
    raise AssertionError(node)


def _filled(name: str, sizes: tuple[int | str, ...]) -> str:
    written = ", ".join(map(str, sizes))
    return f"{name}({written if len(sizes) == 1 else f'({written})'})"


def rearrangement(
    atom: str, whole: str, order: tuple[int | None, ...], call: str = "transpose"
) -> str:
    """Axes in another order by a call; new axes by an index such as [:, None].

    >>> rearrangement("A", "A", (0, None, 1)), rearrangement("(A + B)", "A + B", (1, 0, None))
    ('A[:, None, :]', 'transpose(A + B, (1, 0))[:, :, None]')
    """
    old = tuple(axis for axis in order if axis is not None)
    text = atom if old == tuple(range(len(old))) else f"{call}({whole}, {old})"
    new = ", ".join("None" if axis is None else ":" for axis in order)
    return f"{text}[{new}]" if None in order else text


def is_turned(order: tuple[int | None, ...]) -> bool:
    """Whether each matrix of a stack is transposed, and nothing else happens.

    >>> is_turned((0, 2, 1)), is_turned((1, 0)), is_turned((2, 1, 0))
    (True, False, False)
    """
    *stack, row, col = range(len(order)) if len(order) > _MATRIX else (0, 1)
    return bool(stack) and order == (*stack, col, row)


def _partly(node: nodes.Rearrange, atom: str) -> str:
    """An array whose axes are named in part, as it is typed."""
    front, behind = node.order[: node.rest], node.order[node.rest :]
    if None in node.order:
        parts = [*front, *([...] if behind else []), *behind]
        words = ("None" if part is None else "..." if part is ... else ":" for part in parts)
        return f"{atom}[{', '.join(words)}]"
    if (front, behind) == ((), (-1, -2)):
        return f"{atom}.mT"
    axes = [axis for axis in node.order if axis is not None]
    pairs = [(i, j) for i in axes for j in axes if i < j]
    for i, j in pairs:
        if swapaxes(node.arg, i, j) == node:
            return f"swapaxes({source(node.arg)}, {i}, {j})"
    turned = ((i, j) for i in axes for j in (*axes, 0, -1) if i != j)
    i, j = next((i, j) for i, j in turned if moveaxis(node.arg, i, j) == node)
    return f"moveaxis({source(node.arg)}, {i}, {j})"


def mixes(node: Node) -> bool:
    """Whether * or / follows @, or @ follows * or /, so that a reader may misread it.

    An evident scalar does no harm: 2*A @ B and A @ B/norm(x).
    """
    match node:
        case nodes.MatMul(nodes.Multiply(left)):
            return not _scalar(left)
        case nodes.MatMul(nodes.Divide()):
            return True
        case nodes.Multiply(left, right) | nodes.Divide(left, right):
            return _ends_in_product(left) and not _scalar(right)
    return False


def _ends_in_product(node: Node) -> bool:
    match node:
        case nodes.Multiply(left, right) | nodes.Divide(left, right):
            return _ends_in_product(left) and _scalar(right)
    return isinstance(node, nodes.MatMul)


def _scalar(node: Node) -> bool:
    """Whether a node is a scalar whatever the shapes of its names are."""
    match node:
        case nodes.Negate(arg) | nodes.Apply(_, arg) | nodes.Power(arg, nodes.Number()):
            return _scalar(arg)
        case _ if isinstance(node, nodes.Reduction):
            return node.axis is None and not node.keepdims
    return isinstance(node, _SCALARS)


def _arrays(node: Node) -> tuple[Node, ...]:
    """The operands, of a sum of sums the array that is summed."""
    several = at_once(node)
    return several[:1] if several else nodes.children(node)


def _options(node: Node) -> Iterator[str]:
    """The options that are not as they are when left out."""
    if several := at_once(node):
        yield f"axis={several[1]}"
    elif isinstance(node, nodes.Reduction | nodes.AlongAxis) and node.axis is not None:
        yield f"axis={node.axis}"
    if isinstance(node, nodes.Reduction) and node.keepdims:
        yield "keepdims=True"
    if isinstance(node, nodes.Var | nodes.Std) and node.ddof:
        yield f"ddof={node.ddof}"
    if isinstance(node, nodes.Norm) and node.order is not None:
        yield _order(node.order)


def _order(order: Fraction | str) -> str:
    if isinstance(order, str):
        return repr(order) if order == "nuc" else order
    return source(nodes.Number(order))


def _number(value: Fraction) -> tuple[str, int]:
    """Digits that are read as this very number; a fraction where it is no decimal."""
    own = _ATOM if value >= 0 else _UNARY
    if value.denominator == 1 and abs(value) < _LONG:
        return str(value), own
    shift = next((n for n in range(_PLACES) if 10**n % value.denominator == 0), None)
    if shift is None:
        return f"{value.numerator}/{value.denominator}", 2 if value >= 0 else 1
    digits = str(abs(value.numerator) * (10**shift // value.denominator))
    sign = "-" if value < 0 else ""
    if shift == 0:
        short = digits.rstrip("0")
        return f"{sign}{short}e{len(digits) - len(short)}", own
    if shift <= len(digits) + 3:
        digits = digits.zfill(shift + 1)
        return f"{sign}{digits[:-shift]}.{digits[-shift:]}", own
    return f"{sign}{digits}e-{shift}", own


def _wrapped(node: Node, least: int) -> str:
    text, precedence = _source(node)
    return text if precedence >= least else f"({text})"
