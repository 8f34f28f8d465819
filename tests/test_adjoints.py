"""Every adjoint rule is proved for all sizes, by the entries of its node, and its mutants are not."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import get_args

import pytest
from _thorough import usually

from matderiv.calculus.deciding.decide import same_form
from matderiv.calculus.formulas.broadcasting import ShapeOf, filled
from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import Entry
from matderiv.calculus.index_forms.letters import input_indices
from matderiv.calculus.index_forms.partials import partial
from matderiv.calculus.sweep.adjoints import ADJOINTS, adjoint
from matderiv.errors import UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.operations import COMPOSITE, NAMES
from matderiv.expression.parse import parse
from matderiv.expression.shapes import Dim, Shape
from matderiv.expression.source import source

ZERO = nodes.Number(Fraction(0))
N, D, M, ONE = Dim("N", 2), Dim("D", 4), Dim("M", 3), Dim("1", 1)

#: The names of the cases. G, g, gamma and their kin are upstream gradients of every shape.
SHAPES: dict[str, Shape] = {
    "A": (N, D), "B": (N, D), "W": (D, N), "S": (D, D), "T": (D, D),
    "R": (ONE, D), "C": (N, ONE),
    "x": (D,), "y": (D,), "b": (N,), "o": (ONE,),
    "H": (M, N, D), "K": (M, D, N), "P": (M, ONE, N, D),
    "alpha": (), "beta": (),
    "gf": (Dim("D*N", 8),), "GA": (N, D), "GW": (D, N), "GS": (D, D), "GN": (N, N), "GR": (ONE, D), "GC": (N, ONE),
    "GD": (D, ONE), "GE": (ONE, N), "GO": (ONE, ONE), "gd": (D,), "gn": (N,), "go": (ONE,),
    "gamma": (), "GH": (M, N, D), "GK": (M, D, N), "GM": (M, N, N), "GP": (M, ONE, N, D),
    "GQ": (N, ONE, D), "GF": (M, Dim("D*N", 8)), "GV": (M, N), "GU": (M, D),
}  # fmt: skip

ENTRYWISE = "A {} B; A {} R; R {} A; A {} C; C {} R; A {} x; x {} A; A {} alpha; alpha {} A; x {} y"
ENTRYWISE += "; o {} x; alpha {} beta; x {} alpha; R {} x; A {} o"
AXES = ["{}(A)", "{}(x)", "{}(alpha)", "{}(A, axis=0)", "{}(A, axis=1)"]
KEPT = ["{}(A, axis=0, keepdims=True)", "{}(A, axis=1, keepdims=True)", "{}(A, keepdims=True)"]
FUNCTIONS = "exp log sqrt abs sin cos tanh sigmoid softplus relu erf step sign f".split()


def _each(form: str) -> list[str]:
    return form.split("; ")


#: Expressions of each kind of node, one for every shape that its rule tells apart.
CASES: dict[type, Sequence[str | Node]] = {
    nodes.Add: _each(ENTRYWISE.replace("{}", "+")),
    nodes.Subtract: _each(ENTRYWISE.replace("{}", "-")),
    nodes.Multiply: _each(ENTRYWISE.replace("{}", "*")),
    nodes.Divide: _each(ENTRYWISE.replace("{}", "/")),
    nodes.Power: [*_each(ENTRYWISE.replace("{}", "**")), "A**3", "x**(1/2)", "A**-1", "alpha**-2"],
    nodes.Negate: ["-A", "-x", "-alpha"],
    nodes.Apply: [f"{f}({a})" for f, a in itertools.product(FUNCTIONS, ["A", "x", "alpha"])],
    nodes.Functional: ["Loss(A)", "Loss(x)"],
    nodes.MatMul: [
        "x @ y",
        "A @ x",
        "b @ A",
        "A @ W",
        "A @ S",
        "C @ R",
        "R @ W",
        "R @ x",
        "W @ C",
        "H @ A.T",
        "H @ x",
        "b @ H",
        "A @ K",
        "P @ K",
        "H @ K",
    ],
    nodes.Outer: ["outer(x, b)", "outer(o, x)"],
    nodes.Transpose: ["A.T", "R.T", "C.T", "S.T", "x.T", "H.T"],
    nodes.Rearrange: [
        *(
            nodes.Rearrange(nodes.Name("A"), order)
            for order in ((1, 0), (0, None, 1), (None, 1, 0))
        ),
        *(nodes.Rearrange(nodes.Name("H"), order) for order in ((2, 0, 1), (0, 2, None, 1))),
        nodes.Rearrange(nodes.Name("x"), (None, 0)),
    ],
    **{kind: [a.format(NAMES[kind]) for a in AXES + KEPT] for kind in get_args(nodes.Reduction)},
    # Of one number these are 0, or have no derivative.
    nodes.Var: [a.format("var") for a in AXES + KEPT if a != "{}(alpha)"],
    nodes.Std: [a.format("std") for a in AXES + KEPT if a != "{}(alpha)"],
    **{
        kind: [a.format(NAMES[kind]) for a in AXES if a != "{}(alpha)"]
        for kind in get_args(nodes.AlongAxis)
    },
    **{
        kind: [f"{NAMES[kind]}({pair})" for pair in _each(ENTRYWISE.replace(" {}", ","))]
        for kind in set(get_args(nodes.Entrywise)) - set(get_args(nodes.Arithmetic))
    },
    nodes.Norm: ["norm(A)", "norm(x)"],
    nodes.Trace: ["tr(S)"],
    nodes.Inverse: ["inv(S)"],
    nodes.Determinant: ["det(S)"],
    nodes.LogDet: ["logdet(S)"],
    nodes.MatrixFunction: ["expm(S)", "sqrtm(S)", "logm(S)", "matrix_power(S, M)"],
    nodes.Frechet: ["expm_frechet(S.T, T)", "cosm_frechet(S.T, T)"],
    nodes.Diag: ["diag(x)", "diag(S)"],
    nodes.OneHot: ["onehot(b, D)"],
    nodes.Mapped: ["A[1:]", "A[:, 0]", "roll(A, 1, axis=1)", "flip(x)", "cumsum(A, axis=0)"],
    nodes.Joined: ["concatenate((A, B))", "stack((x, y), axis=1)"],
    nodes.Reshape: [
        nodes.Reshape(nodes.Name("A"), ("D*N",)),
        nodes.Reshape(nodes.Name("H"), ("M", "D*N")),
        nodes.Reshape(nodes.Name("C"), ("N",)),
    ],
    nodes.Gathered: ["W[b]", "A[:, y]"],
}


@dataclass(frozen=True)
class Case:
    """A node with names for operands, and an upstream gradient."""

    node: Node
    upstream: nodes.Name

    def __str__(self) -> str:
        """The case as it stands in a message."""
        return f"{source(self.node)} by {source(self.upstream)}"


def cases(kind: type) -> Iterator[Case]:
    """The cases of a kind with every upstream gradient that may stand for the full one."""
    shape = shapes_over(SHAPES)
    for case in CASES[kind]:
        node = case if isinstance(case, Node) else parse(f"L = {case}").loss.value
        node = _settled(node, shape)
        over = shape(node)
        for name, own in SHAPES.items():
            if name[0] in "Gg" and len(own) <= len(over):
                fits = zip(own[::-1], over[::-1], strict=False)
                if all(a in (b, ONE) for a, b in fits):
                    yield Case(node, nodes.Name(name))


def _settled(node: Node, shape: ShapeOf) -> Node:
    """No axis where there is one only, as `settled` has it."""
    if isinstance(node, nodes.Reduction | nodes.AlongAxis) and len(shape(node.arg)) < 2:
        return type(node)(node.arg)
    return node


def proved(case: Case, place: int, gradient: Node) -> bool:
    """Whether a gradient by one operand is that of Σ G∘node, G filled up to the node's shape."""
    shape = shapes_over(SHAPES)
    operand = nodes.children(case.node)[place]
    if not isinstance(operand, nodes.Name):
        return True  # a number
    own = shape(operand)
    try:
        whole = filled(gradient, own, shape)
        if shape(whole) != own:
            return False
    except (ValueError, KeyError):
        return False
    entries = Entries(shape)
    over = shape(case.node)
    loss = nodes.Sum(nodes.Multiply(case.node, filled(case.upstream, over, shape)))
    letters = input_indices(own)
    wanted = partial(entries.at(loss), Entry(operand.name, letters), entries.letter)
    return same_form(wanted, entries.at(whole, *letters))


#: Maps of entries have no rules of their own: those of their definitions are proved together.
MAPS = [nodes.Mapped, nodes.Joined, nodes.Gathered]


PROVED = [*ADJOINTS, *MAPS]


@pytest.mark.parametrize("kind", PROVED, ids=lambda kind: kind.__name__)
def test_every_rule_is_proved(kind: type) -> None:
    """A rule gives the partial derivatives of its node's entries, for all sizes and upstreams."""
    some = list(cases(kind))
    assert some
    shape = shapes_over(SHAPES)
    for case in some:
        if len(set(nodes.children(case.node))) < len(nodes.children(case.node)):
            continue  # two uses of one name add up
        for place, gradient in enumerate(adjoint(case.node, case.upstream, shape)):
            assert proved(case, place, gradient), f"{case}: {source(gradient)}"


def mutants(gradient: Node) -> Iterator[Node]:
    """A gradient with one mistake: a factor, a sign, a transpose lost or gained, an exchange."""
    two = nodes.Number(Fraction(2))
    yield nodes.Multiply(two, gradient)
    yield nodes.Negate(gradient)
    for part in nodes.walk(gradient):
        match part:
            case nodes.Transpose(arg):
                yield _put(gradient, part, arg)
            case nodes.MatMul(left, right) | nodes.Outer(left, right):
                yield _put(gradient, part, type(part)(right, left))
            case nodes.Divide(left, right):
                yield _put(gradient, part, nodes.Multiply(left, right))
            case nodes.Subtract(left, right):
                yield _put(gradient, part, nodes.Add(left, right))


def _put(node: Node, old: Node, new: Node) -> Node:
    if node is old:
        return new
    return nodes.rebuilt(node, [_put(child, old, new) for child in nodes.children(node)])


#: The gradient by labels is 0, and so is every multiple of it.
CHANGING = [kind for kind in PROVED if kind is not nodes.OneHot]


@pytest.mark.parametrize("kind", CHANGING, ids=lambda kind: kind.__name__)
def test_no_mutant_is_proved(kind: type) -> None:
    """A rule with a mistake in it is refused."""
    shape = shapes_over(SHAPES)
    tried = 0
    for case in itertools.islice(cases(kind), 0, None, usually(13, thoroughly=4)):
        for place, gradient in enumerate(adjoint(case.node, case.upstream, shape)):
            if not isinstance(nodes.children(case.node)[place], nodes.Name):
                continue
            # Of one entry, a transpose is itself; and a zero stays zero.
            if case.upstream.name not in ("go", "GO") and not proved(case, place, ZERO):
                for mutant in mutants(gradient):
                    if mutant != gradient:
                        assert not proved(case, place, mutant), f"{case}: {source(mutant)}"
                        tried += 1
    assert tried


def test_every_kind_of_node_has_a_rule_or_no_operands() -> None:
    """No node with operands is without a rule; and a case of no kind is without one."""
    with_operands = {kind for kind, names in nodes._OPERANDS.items() if names}
    assert with_operands == set(ADJOINTS) | set(COMPOSITE)
    assert with_operands == set(CASES)


def test_a_function_of_a_matrix_is_differentiated_under_a_trace() -> None:
    """From g·I comes g·f′(A)ᵀ, and that of an eigenvector is refused."""
    shape = shapes_over(SHAPES)
    function, g = nodes.MatrixFunction(nodes.Name("S"), "expm"), nodes.Name("gamma")
    (found,) = adjoint(function, nodes.Multiply(g, nodes.Eye("D")), shape)
    assert source(found) == "gamma*expm(S).T"
    projector = nodes.MatrixFunction(nodes.Name("S"), "eigenprojector 0")
    with pytest.raises(UnsupportedError, match="eigenvector"):
        adjoint(projector, nodes.Name("GS"), shape)


def test_a_node_without_a_rule_is_refused() -> None:
    """What has no rule has no silent gradient."""
    with pytest.raises(UnsupportedError, match="has no rule of differentiation"):
        adjoint(nodes.Eye(2), nodes.Name("gamma"), shapes_over(SHAPES))
