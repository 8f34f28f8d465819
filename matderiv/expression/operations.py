"""The registry of operations: how each is called, and the definitions of composite ones."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any, TypeVar

from matderiv.expression import axes, index_calls, index_maps, nodes, order
from matderiv.expression.arranged import arranged_calls
from matderiv.expression.convolutions import (
    by_dimensions,
    convolution,
    pooling,
    toeplitz,
    transposed_convolution,
    unfold,
)
from matderiv.expression.dims import SINGLE, Shape
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.matrix_functions import SMOOTH
from matderiv.expression.nodes import Node
from matderiv.expression.normalising import GATES, gate, group_norm, instance_norm
from matderiv.expression.norms import norm
from matderiv.expression.shape_calls import shape_calls
from matderiv.expression.shorthand import READ_AS, Shorthand, formula, matrix_power, mvlgamma
from matderiv.expression.size_text import SizeText

__all__ = ["COMPOSITE", "NAMES", "OPERATIONS", "Operation", "ShapeOf", "operation_of", "rules_of"]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation as a function to call; its options may follow the operands, in this order.

    `method`: it is also called as X.sum(axis=0). `word`: its name in formulas on a page.
    `everywhere`: NumPy, torch and JAX have it under the same name with the same operands.
    `text`: the option that stands first, a text; any number of operands follows. `several`: its
    one operand is a list of arrays. `asks`: what `make` is given of the reader besides, to read a
    formula in the language or to count dimensions.
    """

    make: Callable[..., Node]
    operands: tuple[str, ...] = ("Y",)
    options: tuple[str, ...] = ()
    method: bool = False
    word: str = ""
    everywhere: bool = False
    text: str = ""
    several: bool = False
    asks: tuple[str, ...] = ()

    def example(self, name: str) -> str:
        """The plainest call.

        >>> OPERATIONS["outer"].example("outer"), OPERATIONS["eye"].example("eye")
        ('outer(x, y)', 'eye(4)')
        """
        return f"{name}({', '.join(_EXAMPLES.get(name, self.operands))})"

    def usage(self, name: str) -> str:
        """Examples of calls.

        >>> OPERATIONS["sum"].usage("sum")
        'sum(Y), sum(Y, axis=0)'
        """
        plain = self.example(name)
        reducing = "axis" in self.options and name not in _EXAMPLES
        return f"{plain}, {plain[:-1]}, axis=0)" if reducing else plain


#: Arguments of calls that hold more than arrays, or arrays by the names that books give them.
_EXAMPLES = {
    "layer_norm": ("X", "g", "b"),
    "batch_norm": ("X", "g", "b"),
    "rms_norm": ("X", "g"),
    "attention": ("Q", "K", "V", "d"),
    "scaled_dot_product_attention": ("Q", "K", "V", "d"),
    "rnn_cell": ("X", "H", "W", "U", "b"),
    "nll_loss": ("Y", "T"),
    "eye": ("4",),
    "ones": ("(2, 3)",),
    "zeros": ("(2, 3)",),
    "einsum": ("'ij,jk->ik'", "X", "W"),
    "swapaxes": ("X", "0", "1"),
    "moveaxis": ("X", "0", "-1"),
    "expand_dims": ("x", "1"),
    "matrix_power": ("X", "3"),
    "matrix_power_frechet": ("A", "B", "k"),
    "roll": ("X", "1", "axis=0"),
    "repeat": ("X", "2", "axis=0"),
    "tile": ("x", "2"),
    "pad": ("x", "(1, 1)"),
    **dict.fromkeys(("split", "array_split", "chunk", "vsplit", "hsplit"), ("X", "2")),
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle"), ("X", "2")),
    **dict.fromkeys(("interpolate", "upsample"), ("X", "scale_factor=2")),
    "renorm": ("X", "2", "0", "c"),
    "multi_head_attention": ("Q", "K", "V", "2", "d"),
    "tri": ("4",),
    "windows": ("x", "3"),
    "take_along_axis": ("X", "Y", "axis=1"),
    **dict.fromkeys(("top_k", "topk", "kthvalue"), ("x", "2")),
    "unfold": ("X", "0", "3", "1"),
    "sliding_window_view": ("x", "3"),
    "fold": ("X", "N"),
    "onehot": ("y", "K"),
    **dict.fromkeys(GATES, ("A", "B")),
    "mvlgamma": ("X", "2"),
    **dict.fromkeys(("conv1d", "conv_transpose1d"), ("x", "w")),
    "reshape": ("X", "(2, 3)"),
    "squeeze": ("X", "axis=0"),
    "unflatten": ("X", "-1", "(2, 3)"),
    **{f"{name}_pool{n}d": ("X", "2") for name in ("avg", "max") for n in (1, 2)},
    "broadcast_to": ("x", "(2, 3)"),
}

_REDUCING = ("axis", "keepdims")
#: Names of operations in formulas on a page.
_WORDS = {"trace": "tr"}

#: Functions of a list of arrays, by how they join them.
JOINING = {
    **{name: name for name in ("concatenate", "stack", "vstack", "hstack")},
    "concat": "concatenate",
}
NEW_AXES = frozenset({"concatenate", "stack"})


#: Calls that are methods of arrays as well.
SHAPING = frozenset({"reshape", "unflatten", "ravel", "flatten", "squeeze"})


def _read_as(make: Callable[..., Node]) -> Operation:
    """An operation that is read as a formula."""
    if isinstance(make, Shorthand):
        return Operation(make, make.operands, tuple(make.options), asks=("read",))
    parameters = inspect.signature(make).parameters.values()
    operands = tuple(p.name for p in parameters if p.kind is not p.KEYWORD_ONLY)
    asks = tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
    return Operation(make, operands if len(operands) > 1 else ("Y",), asks=asks)


def _function_of_matrix(function: str, arg: Node) -> Node:
    return nodes.MatrixFunction(arg, function)


def _sliding(arg: Node, kernel: SizeText, axis: int = -1) -> Node:
    return unfold(arg, axis, kernel)


def _along(function: str, arg: Node, change: Node) -> Node:
    return nodes.Frechet(arg, change, function)


def _power_along(arg: Node, change: Node, power: SizeText) -> Node:
    return nodes.Frechet(arg, change, f"matrix_power {power}")


OPERATIONS: dict[str, Operation] = {
    **{name: Operation(partial(nodes.Apply, name)) for name in FUNCTIONS},
    **{name: _read_as(make) for name, make in READ_AS.items()},
    "matrix_power": Operation(matrix_power, ("X",), ("power",)),
    "pow": Operation(nodes.Power, ("A", "p"), method=True),
    "power": Operation(nodes.Power, ("A", "p")),
    "solve": _read_as(formula("A, B", "inv(A) @ B")),
    "pinv": _read_as(formula("X", "inv(X.T @ X) @ X.T")),
    "lstsq": _read_as(formula("X, y", "inv(X.T @ X) @ (X.T @ y)")),
    "sum": Operation(nodes.Sum, options=_REDUCING, method=True),
    "mean": Operation(nodes.Mean, options=_REDUCING, method=True),
    "prod": Operation(nodes.Prod, options=_REDUCING, method=True),
    **{
        name: Operation(kind, options=_REDUCING, method=name in ("max", "min"))
        for kind, names in ((nodes.Max, ("amax", "max")), (nodes.Min, ("amin", "min")))
        for name in names
    },
    "logsumexp": Operation(nodes.LogSumExp, options=_REDUCING),
    **{
        name: Operation(partial(axes.variance, kind), options=(*_REDUCING, "ddof"), method=True)
        for name, kind in (("var", nodes.Var), ("std", nodes.Std))
    },
    "softmax": Operation(nodes.Softmax, options=("axis",)),
    "log_softmax": Operation(nodes.LogSoftmax, options=("axis",)),
    "maximum": Operation(nodes.Maximum, operands=("A", "B"), word="max", everywhere=True),
    "minimum": Operation(nodes.Minimum, operands=("A", "B"), word="min", everywhere=True),
    "norm": Operation(norm, options=("ord", "axis", "keepdims")),
    "tr": Operation(nodes.Trace),
    "inv": Operation(nodes.Inverse),
    "det": Operation(nodes.Determinant),
    "logdet": Operation(nodes.LogDet),
    **{name: Operation(partial(_function_of_matrix, name), ("A",)) for name in SMOOTH[:-1]},
    **{f"{name}_frechet": Operation(partial(_along, name), ("A", "B")) for name in SMOOTH[:-1]},
    "matrix_power_frechet": Operation(_power_along, ("A", "B"), ("power",)),
    "outer": Operation(nodes.Outer, operands=("x", "y")),
    "dot": Operation(nodes.MatMul, operands=("X", "W"), method=True),
    "transpose": Operation(axes.permuted, ("X",), ("axes",), method=True),
    "swapaxes": Operation(axes.swapaxes, ("X",), ("axis1", "axis2"), method=True),
    "moveaxis": Operation(axes.moveaxis, ("X",), ("source", "destination")),
    "expand_dims": Operation(axes.expand_dims, ("x",), ("axis",)),
    "tensordot": Operation(axes.tensordot, ("A", "B"), ("over",), asks=("dimensions",)),
    "einsum": Operation(axes.einsum, ("X", "W"), text="subscripts"),
    **{
        name: Operation(make, operands, options)
        for name, (make, operands, options) in index_calls.map_calls.items()
    },
    **{
        name: Operation(
            make, operands, options, method=name == "trace", word=_WORDS.get(name, ""), asks=asks
        )
        for name, (make, operands, options, asks) in arranged_calls.items()
    },
    "softmin": Operation(
        lambda arg, axis=-1: nodes.Softmax(nodes.Negate(arg), axis), options=("axis",)
    ),
    "onehot": Operation(
        lambda arg, size="", *, letter: nodes.OneHot(arg, size or letter()),
        ("y",),
        ("size",),
        asks=("letter",),
    ),
    **{
        name: Operation(
            index_calls.joining(how), ("(A, B)",), ("axis",) * (how in NEW_AXES), several=True
        )
        for name, how in JOINING.items()
    },
    **{
        name: Operation(make, operands, options, method=name in SHAPING, asks=("dimensions",) * by)
        for name, (make, operands, options, by) in shape_calls.items()
    },
    **{
        f"{name}_pool{axes}d": Operation(
            pooling(kind, axes),
            ("X",),
            ("kernel", "stride", "padding"),
            asks=("dimensions",),
        )
        for name, kind in (("avg", nodes.Mean), ("max", nodes.Max))
        for axes in (1, 2)
    },
    **{
        name: Operation(
            make,
            ("X", "W"),
            ("stride", "padding", "dilation"),
            asks=("dimensions", "letter"),
        )
        for name, make in (
            *((f"conv{axes}d", convolution(axes)) for axes in (1, 2)),
            *((f"conv_transpose{axes}d", transposed_convolution(axes)) for axes in (1, 2)),
            ("conv", by_dimensions),
        )
    },
    "group_norm": Operation(
        group_norm,
        ("X",),
        ("groups", "gamma", "beta", "eps"),
        asks=("dimensions", "read", "letter"),
    ),
    "instance_norm": Operation(
        instance_norm, ("X",), ("gamma", "beta", "eps"), asks=("dimensions", "read")
    ),
    **{
        name: Operation(gate(function), ("A",), ("second",), asks=("read", "letter"))
        for name, function in GATES.items()
    },
    "mvlgamma": Operation(mvlgamma, ("X",), ("count",)),
    **{
        name: Operation(make, ("x",), options, asks=("dimensions", "letter"))
        for name, make, options in (
            ("sort", order.sort, ("axis",)),
            ("cumprod", order.cumprod, ("axis",)),
            ("cummax", order.cummax, ("axis",)),
            ("cummin", order.cummin, ("axis",)),
            ("top_k", order.top_k, ("k",)),
            ("topk", order.top_k, ("k",)),
            ("kthvalue", order.kthvalue, ("k",)),
            ("median", order.median, ("axis",)),
        )
    },
    "take_along_axis": Operation(
        order.take_along_axis, ("X", "Y"), ("axis",), asks=("dimensions", "letter")
    ),
    "toeplitz": Operation(toeplitz, ("c",), ("r",), asks=("letter",)),
    "unfold": Operation(unfold, ("X",), ("dim", "kernel", "stride"), method=True),
    "sliding_window_view": Operation(_sliding, ("x",), ("kernel", "axis")),
    "block": Operation(index_calls.block, ("[[A, B], [C, D]]",), several=True),
    "eye": Operation(nodes.Eye, operands=(), options=("size",)),
    "ones": Operation(nodes.Ones, operands=(), options=("sizes",)),
    "zeros": Operation(nodes.zeros, operands=(), options=("sizes",)),
}

#: The name that a node is written with; of two names for one node, the later.
NAMES: dict[type, str] = {
    operation.make: name
    for name, operation in OPERATIONS.items()
    if isinstance(operation.make, type)
} | {
    nodes.Var: "var",
    nodes.Std: "std",
    nodes.Norm: "norm",
    nodes.Diag: "diag",
    nodes.Trace: "trace",
}


def operation_of(name: str) -> Operation:
    """How a function is called, known or not: an unknown one takes one array.

    >>> operation_of("Loss").make(nodes.Name("Y"))
    Functional(function='Loss', arg=Name(name='Y'), sizes=())
    """
    kind = nodes.Functional if name[0].isupper() else nodes.Apply
    return OPERATIONS.get(name) or Operation(partial(kind, name))


_Rule = TypeVar("_Rule", bound=Callable[..., object])


def rules_of(table: dict[type, Any]) -> Callable[..., Callable[[_Rule], _Rule]]:
    """A decorator that enters the rule of some kinds of nodes in a table."""

    def rule(*kinds: type) -> Callable[[_Rule], _Rule]:
        def entered(own: _Rule) -> _Rule:
            table.update(dict.fromkeys(kinds, own))
            return own

        return entered

    return rule


# -- definitions -------------------------------------------------------------------------------

ShapeOf = Callable[[Node], Shape]


def _mean(node: nodes.Mean, shape: ShapeOf) -> Node:
    """The sum over n entries divided by n."""
    over = shape(node.arg)
    dims = over if node.axis is None else (over[node.axis],)
    sizes: list[Node] = [nodes.Size(d.symbol, d.size) for d in dims if d != SINGLE]
    total = nodes.Sum(node.arg, node.axis, node.keepdims)
    return nodes.Divide(total, reduce(nodes.Multiply, sizes)) if sizes else total


def _var(node: nodes.Var, _: ShapeOf) -> Node:
    """The mean of the squares of a less their mean."""
    mean = nodes.Mean(node.arg, node.axis, keepdims=node.axis is not None)
    square = nodes.Power(nodes.Subtract(node.arg, mean), nodes.TWO)
    return nodes.Mean(square, node.axis, node.keepdims)


def _more(node: nodes.Maximum | nodes.Minimum) -> Node:
    """relu(a - b), which is what a has more than b."""
    return nodes.Apply("relu", nodes.Subtract(node.left, node.right))


def _beside(kind: Callable[..., Node], node: nodes.AlongAxis) -> Node:
    """An operation that reduces exp(a), or a, in a shape that goes with a."""
    return kind(node.arg, node.axis, keepdims=node.axis is not None)


def _sum_of_powers(arg: Node, axis: int | None = None, *, keepdims: bool = False) -> Node:
    return nodes.Sum(nodes.Apply("exp", arg), axis, keepdims)


#: The kinds of nodes that are defined by simpler ones, each with its definition.
COMPOSITE: dict[type, Callable[..., Node]] = {
    nodes.Mean: _mean,
    nodes.Min: lambda node, _: nodes.Negate(
        nodes.Max(nodes.Negate(node.arg), node.axis, node.keepdims)
    ),
    nodes.LogSumExp: lambda node, _: nodes.Apply(
        "log", _sum_of_powers(node.arg, node.axis, keepdims=node.keepdims)
    ),
    nodes.Var: _var,
    nodes.Std: lambda node, _: nodes.Apply("sqrt", nodes.Var(node.arg, node.axis, node.keepdims)),
    nodes.Softmax: lambda node, _: nodes.Divide(
        nodes.Apply("exp", node.arg), _beside(_sum_of_powers, node)
    ),
    nodes.LogSoftmax: lambda node, _: nodes.Subtract(node.arg, _beside(nodes.LogSumExp, node)),
    nodes.Maximum: lambda node, _: nodes.Add(_more(node), node.right),
    nodes.Minimum: lambda node, _: nodes.Subtract(node.left, _more(node)),
    nodes.Norm: lambda node, _: nodes.Apply("sqrt", nodes.Sum(nodes.Multiply(node.arg, node.arg))),
    nodes.Trace: lambda node, _: nodes.Sum(nodes.Diag(node.arg)),
    nodes.LogDet: lambda node, _: nodes.Apply(
        "log", nodes.Apply("abs", nodes.Determinant(node.arg))
    ),
    nodes.Mapped: index_maps.mapped,
    nodes.Joined: index_maps.put_beside,
    nodes.Gathered: index_maps.gathered,
}
