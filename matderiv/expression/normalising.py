"""Layers that normalise groups of channels, and gates whose halves may stand in one array."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from matderiv.errors import ShapeError
from matderiv.expression import nodes
from matderiv.expression.convolutions import read_as_batch
from matderiv.expression.nodes import ONE, ZERO, Node
from matderiv.expression.shape_calls import merged
from matderiv.expression.shorthand import Read
from matderiv.expression.size_text import SizeText

__all__ = ["GATES", "gate", "group_norm", "instance_norm"]

_Dimensions = Callable[[Node], int]
_MATRIX = 2  # dimensions
_EPS = nodes.Number(Fraction("1e-5"))

_NORMALISED = """(X - mean(X, axis={axes}, keepdims=True)) \
/sqrt(var(X, axis={axes}, keepdims=True) + eps)"""


def group_norm(  # noqa: PLR0913 - as the frameworks have it
    arg: Node,
    groups: SizeText = 1,
    gamma: Node = ONE,
    beta: Node = ZERO,
    eps: Node = _EPS,
    *,
    dimensions: _Dimensions,
    read: Read,
    letter: Callable[[], str],
) -> Node:
    """(x - mean)/sqrt(var + eps) over each group of channels, those of axis 1, of each example.

    Raises:
        ShapeError: there is no axis of channels.
    """
    count = _axes(arg, dimensions, _MATRIX, "examples and channels")
    if groups == 1:
        made = _normalised(arg, range(1, count), eps, read)
        return _scaled(made, gamma, beta, count, dimensions)
    apart = nodes.Reshape(arg, (1, groups, letter()), "unflatten")
    made = merged(_normalised(apart, range(2, count + 1), eps, read), 1, count + 1)
    return _scaled(made, gamma, beta, count, dimensions)


def instance_norm(  # noqa: PLR0913 - as the frameworks have it
    arg: Node,
    gamma: Node = ONE,
    beta: Node = ZERO,
    eps: Node = _EPS,
    *,
    dimensions: _Dimensions,
    read: Read,
) -> Node:
    """(x - mean)/sqrt(var + eps) over all places of each channel of each example.

    Raises:
        ShapeError: there is no axis of channels, or none of places.
    """
    wider, _ = read_as_batch(arg, dimensions(arg), _MATRIX + 1)
    arg = wider if dimensions(wider) else arg  # of a declared matrix it does not fit
    count = _axes(arg, dimensions, _MATRIX + 1, "examples, channels and places")
    made = _normalised(arg, range(2, count), eps, read)
    return _scaled(made, gamma, beta, count, dimensions)


def _normalised(arg: Node, axes: Sequence[int], eps: Node, read: Read) -> Node:
    over = str(axes[0]) if len(axes) == 1 else f"({', '.join(map(str, axes))})"
    return read(_NORMALISED.format(axes=over), {"X": arg}, {"eps": eps})


def _axes(arg: Node, dimensions: _Dimensions, least: int, what: str) -> int:
    count = dimensions(arg)
    if count < least:
        raise ShapeError(
            f"its array has axes of {what}; this one has {count}. Declare --shape X=2x4x3."
        )
    return count


def _scaled(made: Node, gamma: Node, beta: Node, count: int, dimensions: _Dimensions) -> Node:
    """The array times a number of each channel, plus another one."""

    def beside(of: Node) -> Node:
        more = count - _MATRIX
        return nodes.Rearrange(of, (0, *(None,) * more)) if dimensions(of) == 1 and more else of

    if gamma != ONE:
        made = nodes.Multiply(made, beside(gamma))
    return made if beta == ZERO else nodes.Add(made, beside(beta))


#: The gates by the function of their second half.
GATES = {"glu": "sigmoid", "reglu": "relu", "geglu": "gelu", "swiglu": "silu"}


def gate(function: str) -> Callable[..., Node]:
    """A*f(B), or of one array the two halves along its last axis."""

    def made(
        first: Node, second: Node | None = None, *, read: Read, letter: Callable[[], str]
    ) -> Node:
        if second is None:
            halves = nodes.Reshape(first, (-1, 2, letter()), "unflatten")
            first, second = (nodes.Mapped(halves, ("at", n), -2) for n in (0, 1))
        return read(f"A*{function}(B)", {"A": first, "B": second}, {})

    return made
