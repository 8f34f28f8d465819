"""The differential rules: each is proved for every size against the definition of its node."""

from __future__ import annotations

import pytest

from matderiv.calculus.deciding.decide import same_form
from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.calculus.index_forms.contraction import contracted
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.sweep.differentials import DIFFERENTIALS, differential
from matderiv.derivation.sides import Differential, Matrix, change_of
from matderiv.errors import UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node
from matderiv.expression.operations import COMPOSITE, NAMES
from matderiv.expression.parse import parse
from matderiv.expression.shapes import Dim

N, D, M = Dim("N", 2), Dim("D", 3), Dim("M", 4)
SHAPES = {
    "A": (N, D),
    "B": (D, M),
    "C": (N, D),
    "S": (D, D),
    "a": (D,),
    "b": (D,),
    "c": (),
    "y": (M,),
}
SHAPE = shapes_over(SHAPES)

#: Expressions by the node that they are about, and the names that change in them.
EXAMPLES: dict[type, tuple[tuple[str, str], ...]] = {
    nodes.Add: (("A + C", "A"), ("A + b", "b"), ("A + c", "c")),
    nodes.Subtract: (("A - C", "A"), ("A - C", "C"), ("A*C - A", "A")),
    nodes.Negate: (("-A", "A"),),
    nodes.Multiply: (("A*C", "A"), ("A*A", "A"), ("A*b", "b"), ("c*A", "c")),
    nodes.Divide: (("A/C", "A"), ("A/C", "C"), ("A/c", "c")),
    nodes.Power: (("A**3", "A"), ("A**(-2)", "A"), ("A**c", "A"), ("A**c", "c")),
    nodes.Apply: (("f(A)", "A"), ("tanh(A)", "A"), ("sqrt(A)", "A"), ("log(A)", "A")),
    nodes.Functional: (("Loss(A)", "A"),),
    nodes.MatMul: (("A @ B", "A"), ("A @ B", "B"), ("S @ S", "S"), ("A @ a", "a"), ("a @ B", "a")),
    nodes.Outer: (("outer(a, b)", "a"), ("outer(a, a)", "a")),
    nodes.Transpose: (("A.T", "A"), ("(A + b).T", "b")),
    nodes.Sum: (("sum(A)", "A"), ("sum(A, axis=0)", "A"), ("sum(A + b, axis=1)", "b")),
    nodes.Mean: (("mean(A)", "A"), ("mean(A, axis=1, keepdims=True)", "A")),
    nodes.Prod: (("prod(A)", "A"), ("prod(A, axis=0)", "A")),
    nodes.Max: (("max(A)", "A"), ("max(A, axis=0)", "A")),
    nodes.Min: (("min(A)", "A"), ("min(A, axis=1, keepdims=True)", "A")),
    nodes.LogSumExp: (("logsumexp(A, axis=1)", "A"), ("logsumexp(A)", "A")),
    nodes.Softmax: (("softmax(A, axis=1)", "A"), ("softmax(a)", "a")),
    nodes.Norm: (("norm(A)", "A"), ("norm(a)", "a")),
    nodes.Trace: (("tr(S)", "S"),),
    nodes.Diag: (("diag(a)", "a"), ("diag(S)", "S")),
    nodes.Inverse: (("inv(S)", "S"),),
    nodes.Determinant: (("det(S)", "S"),),
    nodes.LogDet: (("logdet(S)", "S"),),
    nodes.MatrixFunction: (
        ("tr(expm(S))", "S"),
        ("tr(sqrtm(S @ S.T))", "S"),
        ("eigvalsh(S)[0]", "S"),
        ("expm(S)", "S"),
        ("logm(S @ S.T)", "S"),
    ),
    nodes.Frechet: (("sqrtm_frechet(S, outer(a, a))", "a"),),
    nodes.Mapped: (("A[1:]", "A"), ("roll(A, 1, axis=1)", "A"), ("cumsum(a)", "a")),
    nodes.Joined: (("concatenate((A, C))", "C"), ("stack((a, b))", "a")),
    nodes.Reshape: (("reshape(A, (D*N,))", "A"), ("reshape(A @ B, (M*N,))", "B")),
    nodes.Gathered: (("A[y]", "A"), ("A[:, y]", "A")),
}
for _kind in [kind for kind in COMPOSITE if kind not in EXAMPLES]:  # in order
    _two = issubclass(_kind, nodes.Entrywise)
    _name = NAMES[_kind]
    _calls = (("A, C", "C"), ("A, b", "b")) if _two else (("A", "A"), ("A, axis=1", "A"))
    EXAMPLES[_kind] = tuple((f"{_name}({args})", by) for args, by in _calls)
CASES = [(kind, *example) for kind, examples in EXAMPLES.items() for example in examples]


def node(text: str) -> Node:
    """The expression of a text."""
    return parse(f"L = {text}").loss.value


def proved(value: Node, change: Node, name: str) -> bool:
    """Whether a differential is what the definition of a value gives, at every size."""
    over = SHAPE(value)
    i = ("i", "j")[: len(over)]
    entries = Entries(SHAPE)
    wanted = Differential("Z", value, name, i, SHAPES[name]).form(entries)
    return same_form(Matrix(change, i, over).form(entries), contracted(wanted))


def test_every_rule_has_an_example() -> None:
    """A rule without an example would be a rule without a proof."""
    unwritten = {nodes.Rearrange}  # no text is read as one; the next test proves its rule
    assert EXAMPLES.keys() == (DIFFERENTIALS.keys() | COMPOSITE.keys()) - unwritten
    for kind, text, _ in CASES:
        assert any(type(n) is kind for n in nodes.walk(node(text))), text


@pytest.mark.parametrize(("kind", "text", "name"), CASES, ids=[f"d({t})/d{n}" for _, t, n in CASES])
def test_rule(kind: type, text: str, name: str) -> None:
    """Each rule gives Σ ∂z/∂x·dx, and twice as much is refused."""
    del kind
    value = node(text)
    change = differential(value, {name: change_of(name)}, SHAPE)
    assert change is not None
    assert proved(value, change, name)
    assert not proved(value, nodes.Add(change, change), name)


def test_axes_in_another_order() -> None:
    """The differential of an array with its axes in another order is dX in that order, once."""
    value = nodes.Rearrange(Name("A"), (1, 0))
    change = differential(value, {"A": change_of("A")}, SHAPE)
    assert change is not None
    assert proved(value, change, "A")
    assert not proved(value, nodes.Add(change, change), "A")


@pytest.mark.parametrize(
    ("text", "name", "mutant"),
    [
        ("S @ B", "S", nodes.MatMul(nodes.Transpose(change_of("S")), Name("B"))),
        ("inv(S)", "S", nodes.MatMul(nodes.Inverse(Name("S")), change_of("S"))),
        ("A*C", "A", nodes.Multiply(Name("A"), change_of("A"))),
    ],
)
def test_mutants_are_refused(text: str, name: str, mutant: Node) -> None:
    """A transpose too many, a factor too few and the wrong partner are not proved."""
    assert not proved(node(text), mutant, name)


def test_what_does_not_change_has_no_differential() -> None:
    """A value without the name does not change, and says so."""
    assert differential(node("A @ B"), {"S": change_of("S")}, SHAPE) is None


def test_no_rule_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node without a rule is named."""
    monkeypatch.delitem(DIFFERENTIALS, nodes.MatMul)
    with pytest.raises(UnsupportedError, match="kind MatMul has no differential"):
        differential(node("A @ B"), {"A": change_of("A")}, SHAPE)
