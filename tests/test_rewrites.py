"""Every rewrite is an identity, proved for all sizes on examples, and its mutants are not."""

from __future__ import annotations

import pytest
from test_adjoints import SHAPES, mutants

from matderiv.calculus.deciding.decide import same_form
from matderiv.calculus.formulas.broadcasting import filled
from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.formulas.flattened import cost
from matderiv.calculus.formulas.rewrites import REWRITES
from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.calculus.formulas.tidying import tidied, tidy
from matderiv.calculus.index_forms.assumed import under_assumptions
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import Index
from matderiv.expression import nodes
from matderiv.expression.definitions import definition
from matderiv.expression.nodes import Node
from matderiv.expression.parse import parse
from matderiv.expression.reshaping import product_of_sizes
from matderiv.expression.shapes import Dim
from matderiv.expression.source import source

#: For each rewrite, formulas that it is made for, and what it makes of them.
EXAMPLES: dict[str, list[tuple[str, str]]] = {
    "like terms": [("A + A", "2*A"), ("A + B - 3*A", "B - 2*A"), ("-A + B", "B - A")],
    "common factor": [
        ("A @ S + A @ T", "A @ (S + T)"),
        ("S @ A.T + T @ A.T", "(S + T) @ A.T"),
        ("(A - B) @ S - (B - A) @ T", "(A - B) @ (S + T)"),
        ("S @ (x - h) + (h - x) @ T.T", "(S - T) @ (x - h)"),
        ("A*B + A*C", "A*(B + C)"),
        ("2*A + 2*B", "2*(A + B)"),
        ("C - A*B + A*W.T", "A*(W.T - B) + C"),
        ("(A @ S)*x + (B @ S)*x", "x*(A @ S + B @ S)"),
        ("A.T + B.T", "(A + B).T"),
        ("alpha*S @ x + alpha*T @ x", "(alpha*S + alpha*T) @ x"),
        ("A/C + B/C**2", "(A + B/C)/C"),
        ("A**2*B + A**3*C", "A**2*(B + A*C)"),
    ],
    "powers of one base": [
        ("A*A", "A**2"),
        ("A*B/A", "B"),
        ("1*A", "A"),
        ("A/sqrt(A)", "sqrt(A)"),
        ("A*0", "0"),
        ("S*eye(D)*eye(D)", "S*eye(D)"),
        ("A*ones((N, D))", "A"),
        ("(-A)*A/alpha", "-(A**2/alpha)"),
    ],
    "scalars first": [
        ("A*alpha*2", "2*alpha*A"),
        ("A*alpha*N", "N*alpha*A"),
        ("(-A)/D", "-(A/D)"),
        ("A*(-B)", "-(A*B)"),
        ("A/B/alpha", "A/(alpha*B)"),
    ],
    "names of functions": [
        ("exp(A)/sum(exp(A), axis=1, keepdims=True)", "softmax(A, axis=1)"),
        ("exp(x)/sum(exp(x))", "softmax(x)"),
        ("exp(A)/(1 + exp(A))", "sigmoid(A)"),
        ("1/(1 + exp(A))", "sigmoid(-A)"),
        ("sigmoid(A)*exp(-A)", "sigmoid(-A)"),
        ("exp(A)/(1 + exp(A))**2", "sigmoid(A)/(1 + exp(A))"),
        ("sigmoid(A)**2*exp(-A)", "sigmoid(A)*sigmoid(-A)"),
        ("1 - sigmoid(-A)", "sigmoid(A)"),
        ("B + sigmoid(-A) - 1", "B - sigmoid(A)"),
        ("sigmoid(A) - sigmoid(A)**2", "sigmoid(A)*(1 - sigmoid(A))"),
        ("C + 2*sigmoid(A)**2*B - 2*B*sigmoid(A)", "C - 2*B*sigmoid(A)*(1 - sigmoid(A))"),
        ("(exp(A) - exp(-A))/(exp(A) + exp(-A))", "tanh(A)"),
        ("(exp(-A) - exp(A))*B/(exp(A) + exp(-A))", "-(B*tanh(A))"),
        ("(exp(A) - exp(-A))**2/(exp(A) + exp(-A))**2", "tanh(A)**2"),
        ("4/(exp(A) + exp(-A))**2", "1 - tanh(A)**2"),
        ("(exp(A) - exp(-A))/(exp(A) + exp(-A))**3", "tanh(A)/(exp(A) + exp(-A))**2"),
        ("B*(1 - tanh(A)**2)*(exp(-A) - exp(A))", "-(4*B*tanh(A)/(exp(-A) + exp(A)))"),
        ("sinh(A)/cosh(A)**2", "tanh(A)/cosh(A)"),
        ("cosh(A)/sinh(A)**2", "1/(sinh(A)*tanh(A))"),
        ("(exp(A) - 1)/(exp(A) + 1)", "tanh(A/2)"),
        ("B*(1 - exp(-2*A))/(1 + exp(-2*A))**2", "B*tanh(A)/(1 + exp(-2*A))"),
        ("2*sigmoid(2*A)*(1 - tanh(A))", "1 - tanh(A)**2"),
        ("sigmoid(-A)*(B + B*tanh(A/2))", "B*(1 - tanh(A/2)**2)/2"),
        ("exp(A)*B*exp(-A)", "B"),
        ("A*step(A)", "relu(A)"),
        ("A*sign(A)", "abs(A)"),
    ],
    "values of functions": [
        ("log(1)", "0"),
        ("exp(0)", "1"),
        ("cos(0)", "1"),
        ("erf(0)", "0"),
        ("step(1 - maximum(A, 0))", "step(1 - A)"),
        ("step(3 - 2*relu(A - 1))", "step(5 - 2*A)"),
        ("step(minimum(A, 2) - 1)", "step(A - 1)"),
        ("step(1 - minimum(A, 2))", "step(1 - A)"),
        ("step(maximum(A, 2) - 1)", "1"),
        ("step(1 - maximum(2, A))", "0"),
        ("step(2 - maximum(2, A))", "0"),
        ("step(minimum(A, 2) - 2)", "0"),
        ("step(2*A - 4*B)", "step(A - 2*B)"),
        ("sign(A/6 - B/4)", "sign(2*A - 3*B)"),
    ],
    "rows that sum to 1": [
        ("sum(H, axis=1)", "1"),
        ("sum(H, axis=1, keepdims=True)", "1"),
        ("sum(K)", "N*1"),
        ("sum(2*H*alpha, axis=1)", "2*alpha"),
        ("sum(H*sum(A, axis=1, keepdims=True), axis=1, keepdims=True)", "sum(A, axis=1, keepdims=True)"),
        ("sum(h)", "1"),
        ("K @ ones(D)", "ones(N)"),
        ("K @ ones((D, 3))", "ones((N, 3))"),
        ("ones(D) @ h", "1"),
    ],
    "entries that are 0 or 1": [("H**2", "H"), ("A*H**3", "A*H")],
    "orthogonal matrix": [
        ("Q.T @ Q", "eye(D)"),
        ("A @ Q @ Q.T", "A"),
        ("Q @ Q.T @ S", "S"),
        ("inv(Q)", "Q.T"),
        ("logdet(Q)", "0"),
        ("det(Q)**2", "1"),
    ],
    "numbers that are not negative": [
        ("abs(P)", "P"),
        ("abs(H*P)", "H*P"),
        ("sqrt(P**2)", "P"),
        ("sqrt(P**4*H**2)", "P**2*H"),
        ("sign(P)", "1"),
        ("sign(2*A*P)", "sign(A)"),
        ("step(A*P)", "step(A)"),
        ("relu(P + H)", "P + H"),
        ("abs(1 + sum(P))", "1 + sum(P)"),
    ],
    "multiplied out": [
        ("A*(1/A + B/A)", "1 + B"),
        ("x*(y/x - alpha/x)", "y - alpha"),
        ("A*(1 - B) - (1 - A)*B", "A - B"),
        ("B/((1 + A)*(1 - A))", "B/(1 - A**2)"),
        ("(A + B)*C - (A - B)*C", "2*B*C"),
        ("A*(B - o) + A*o", "A*B"),
    ],
    "one denominator": [
        ("1/A + 1/(1 - A)", "1/(A*(1 - A))"),
        ("A/B - (A - B)/B", "1"),
        ("1/(1 + A) - A/(1 + A)**2", "1/(1 + A)**2"),
        ("B/A - (1 - B)/(1 - A)", "(B - A)/(A*(1 - A))"),
        ("A/x - (A - x*B)/x", "B"),
    ],
    "scalars out of a product": [
        ("(2*A) @ S", "2*(A @ S)"),
        ("S @ (alpha*x)", "alpha*(S @ x)"),
        ("(-A) @ (beta*S)", "-(beta*(A @ S))"),
        ("(-A) @ (-S)", "A @ S"),
        ("(2*A) @ (S/2)", "A @ S"),
    ],
    "identity matrix": [
        ("eye(D) @ S", "S"),
        ("S @ inv(S)", "eye(D)"),
        ("A @ inv(S) @ S", "A"),
        ("S.T @ inv(S).T @ x", "x"),
    ],
    "cancelled in an inverse": [
        ("T @ inv(S @ T)", "inv(S)"),
        ("inv(S @ T) @ S @ x", "inv(T) @ x"),
        ("(T*x) @ inv(S*x)", "T @ inv(S)"),
        ("(S.T*x) @ inv(diag(x) @ S @ T).T", "S.T @ inv(S @ T).T"),
    ],
    "zeros and ones": [
        ("eye(N)[1:] @ eye(N)[1:].T", "eye(N - 1)"),
        ("eye(N)[0] @ eye(N)[0]", "1"),
        ("eye(N)[1:] @ ones((N, D))", "ones((N - 1, D))"),
        ("sum(eye(N)[1:], axis=1)", "ones(N - 1)"),
        ("eye(D)[::-1].T", "eye(D)[::-1]"),
        ("x @ eye(D)[::-1]", "eye(D)[::-1] @ x"),
    ],
    "diagonal matrix": [
        ("A @ diag(x)", "A*x"),
        ("diag(x) @ y", "x*y"),
        ("diag(diag(x))", "x"),
        ("diag(b) @ ones((N, D))", "outer(b, ones(D))"),
        ("outer(b, ones(1))*A", "diag(b) @ A"),
        ("diag(outer(x, y))", "x*y"),
        ("diag(S.T)", "diag(S)"),
        ("diag(alpha*S)", "alpha*diag(S)"),
        ("diag(S/x)", "diag(S)/x"),
        ("diag(diag(x) @ S)", "x*diag(S)"),
        ("diag(S + diag(x) - 2*outer(x, y)/y)", "diag(S) + diag(diag(x)) - 2*diag(outer(x, y)/y)"),
        ("diag(S*outer(x, y))", "diag(S)*diag(outer(x, y))"),
        ("diag(ones((D, D)))", "ones(D)"),
        ("2*x*eye(D)", "2*diag(x)"),
        ("alpha*eye(D)/(x*y)", "alpha*diag(1/(x*y))"),
    ],
    "outer product": [
        ("A @ outer(x, b)", "outer(A @ x, b)"),
        ("outer(b, x) @ S", "outer(b, S.T @ x)"),
        ("outer(b, x) @ y", "x @ y*b"),
        ("outer(alpha*b, 2*x)", "2*alpha*outer(b, x)"),
    ],
    "transpose": [
        ("A.T.T", "A"),
        ("(A @ S.T).T", "S @ A.T"),
        ("((A*x) @ A.T).T", "(A*x) @ A.T"),
        ("(A.T + W).T", "A + W.T"),
        ("exp(A.T)", "exp(A).T"),
        ("inv(S.T)", "inv(S).T"),
        ("outer(x, b).T", "outer(b, x)"),
        ("det(S.T)", "det(S)"),
        ("norm(A.T)", "norm(A)"),
    ],
    "other sizes": [
        ("ravel(ravel(A))", "ravel(A)"),
        ("reshape(ravel(A), (N, D))", "A"),
        ("reshape(exp(ravel(A))*ravel(B), (N, D))", "exp(A)*B"),
        ("ravel(alpha*A)", "alpha*ravel(A)"),
        ("sum(exp(ravel(A)))", "sum(exp(A))"),
        ("norm(ravel(A))", "norm(A)"),
    ],
    "known sums": [
        ("sum(S*eye(D))", "trace(S)"),
        ("sum(S*eye(D), axis=0)", "diag(S)"),
        ("sum(eye(D)*S)", "trace(S)"),
        ("sum(eye(D))", "D*1"),
        ("trace(eye(D))", "D*1"),
        ("sum(A - mean(A))", "0"),
        ("softmax(x) @ (y - 2)", "softmax(x) @ y - 2"),
        ("sum(A - B - mean(A, axis=0), axis=0)", "sum(-B, axis=0)"),
        ("sum(x*(A - mean(A, axis=0)) + B, axis=0)", "sum(B, axis=0)"),
        ("mean(2*C*(A - mean(A, axis=1, keepdims=True))/C, axis=1, keepdims=True)", "0"),
        ("sum(softmax(A, axis=1), axis=1)", "1"),
        (
            "sum(softmax(A, axis=1)*(B + 1), axis=1, keepdims=True)",
            "sum(softmax(A, axis=1)*B, axis=1, keepdims=True) + 1",
        ),
        ("sum(diag(x), axis=0)", "x"),
        ("sum(diag(x))", "sum(x)"),
        ("A @ ones(D)", "sum(A, axis=1)"),
        ("ones(N) @ A", "sum(A, axis=0)"),
        ("sum(diag(b) @ (A - mean(A, axis=1, keepdims=True)), axis=1)", "0"),
    ],
    "scalars out of a sum": [
        ("sum(alpha*A)", "alpha*sum(A)"),
        ("sum(A.T)", "sum(A)"),
        ("sum(A.T, axis=0)", "sum(A, axis=1)"),
        ("sum(x*y)", "x @ y"),
        ("sum(A.T*W)", "trace(A @ W)"),
        ("trace(outer(x, y))", "x @ y"),
        ("trace(2*S)", "2*trace(S)"),
        ("sum(A*x, axis=0)", "x*sum(A, axis=0)"),
        ("sum(o*A*B/x, axis=1, keepdims=True)", "o*sum(A*B/x, axis=1, keepdims=True)"),
        ("mean(A/x**2, axis=0)", "mean(A, axis=0)/x**2"),
        ("sum(x*ones((N, D)), axis=0)", "N*x"),
        ("sum(ones((N, D)))", "D*(N*1)"),
        ("sum(sum(A, axis=0, keepdims=True), axis=0)", "sum(A, axis=0)"),
    ],
    "mean": [("sum(x)/D", "mean(x)"), ("sum(A, axis=0)/N", "mean(A, axis=0)")],
    "inverse": [
        ("inv(inv(S))", "S"),
        ("inv(eye(D))", "eye(D)"),
        ("inv(2*alpha*S)", "inv(S)/(2*alpha)"),
        ("det(inv(S))", "1/det(S)"),
        ("inv(diag(x))", "diag(1/x)"),
        ("det(diag(x))", "prod(x)"),
    ],
}  # fmt: skip

#: Formulas beside which a rewrite would be wrong: nearly the same, but for a shape or an axis.
NOT: dict[str, list[str]] = {
    "rows that sum to 1": [
        "sum(H, axis=0)", "sum(A, axis=1)", "sum(H*A, axis=1)", "sum(H**2, axis=1)", "K @ x",
        "sum(K*P, axis=1)", "sum(K**2, axis=1)", "sum(H*x, axis=1)", "K.T @ ones(N)",
    ],
    "entries that are 0 or 1": ["K**2", "1/H", "A**2", "P**2"],
    "orthogonal matrix": ["Q @ Q", "S.T @ S", "inv(S)", "det(Q)", "logdet(S)", "Q.T @ S @ Q"],
    "numbers that are not negative": [
        "abs(A)", "abs(P - H)", "abs(-P)", "sign(H)", "sqrt(P)", "sqrt(A**2)", "step(H)", "sign(-A)", "sign(A*H)",
    ],
    "common factor": ["S @ x + S @ T", "x @ S + T @ S", "A/C + B*C"],
    "multiplied out": [
        "A*(1 - B) + (1 - A)*B",
        "x*(A - x) + x*x",
        "(1 - A)*((A + B + C + 1)*(2*A + B + 3*C + 1) + B) + 1 - A",
    ],
    "one denominator": ["1/A + 1/B", "1/A - 1/(1 - A)"],
    "scalars out of a sum": [
        "sum(R.T*S)", "sum(S - mean(S, axis=1), axis=1)", "sum(softmax(A, axis=0), axis=1)",
        "sum(o*eye(D))", "sum(R*R.T)", "sum(A*x, axis=1, keepdims=True)", "sum(softmax(A, axis=0)*(B + 1), axis=1)",

        "sum(C*(A - mean(A, axis=0)), axis=0)", "sum(A - mean(A, axis=0), axis=1)", "sum(A - mean(B))",
 "sum(o*A, axis=1)",
    ],
    "names of functions": [
        "(exp(A) + exp(-A))/(exp(A) + exp(-A))", "(exp(A) - exp(B))/(exp(A) + exp(B))",
        "(exp(A) - exp(-A))/(exp(B) + exp(-B))", "1 - sigmoid(A)", "2 - sigmoid(-A)",
        "exp(A)**2/(1 + exp(A))", "sigmoid(A)*sigmoid(B)", "sigmoid(A) - sigmoid(B)**2",
        "sigmoid(A) + sigmoid(A)**2", "2*sigmoid(A) - sigmoid(A)**2", "exp(A)/(2 + exp(A))**2",
        "sigmoid(A)*(1 - tanh(A))", "sigmoid(2*A)*(1 - 2*tanh(A))", "sigmoid(2*A)*(1 - B*tanh(A))",
        "sinh(A)/cosh(B)**2", "cosh(A)/cosh(A)**2 + sinh(A)", "(exp(A) - exp(-A))/cosh(A)**2",
        "(1 - tanh(B)**2)*(exp(A) - exp(-A))", "(2 - tanh(A)**2)*(exp(A) - exp(-A))",
    ],
    "values of functions": [
        "log(2)", "exp(1)", "f(0)", "log(x)", "log(1/2)", "step(A - 2*B)", "sign(A)", "exp(2*A)",
        "step(1 - maximum(A, B))", "step(maximum(A, 0) - maximum(B, 0))", "step(B - maximum(A, 0))",
    ],
    "other sizes": ["ravel(A @ S)", "ravel(S.T)", "reshape(S*x, (D*D,))"],
    "diagonal matrix": ["outer(o, ones(1))*A", "diag(S*x.T)", "diag(S + x)", "diag(o*S)", "o*eye(D)"],
    "transpose": ["(x + S).T", "(S*x).T", "softmax(A.T, axis=1)"],
    "cancelled in an inverse": ["A.T @ inv(A @ A.T)", "(A*x) @ inv(A.T @ A)", "T @ inv(S*x)"],
    "identity matrix": ["S @ inv(S).T"],
    "zeros and ones": [
        "eye(N)[1:].T @ eye(N)[1:]", "sum(eye(N)[1:], axis=0)", "eye(N)[1:] @ eye(N)[:-1].T",
        "tri(N) @ tri(N)", "tri(N).T",
    ],
    "mean": ["sum(A)/N", "sum(A, axis=0)/D"],
}  # fmt: skip

N, D = SHAPES["A"]
#: One-hot H, stochastic K and h, orthogonal Q, positive P.
ASSUMED = {"H": "onehot", "K": "stochastic", "h": "stochastic", "Q": "orthogonal", "P": "positive"}
SHAPE = shapes_over({**SHAPES, **dict.fromkeys("HKP", (N, D)), "h": (D,), "Q": (D, D), "Loss": ()})
FACTS = Facts(SHAPE, ASSUMED)
PAIRS = [(name, *pair) for name, some in EXAMPLES.items() for pair in some]


def read(text: str) -> Node:
    """A formula; the letters of sizes in it are sizes."""

    def put(node: Node) -> Node:
        if isinstance(node, nodes.Name) and node.name in ("N", "D"):
            return nodes.Size(node.name, {"N": 2, "D": 4}[node.name])
        made = nodes.rebuilt(node, map(put, nodes.children(node)))
        if isinstance(made, nodes.Mapped):
            return definition(made, SHAPE) or made
        if isinstance(made, nodes.Reshape) and made.sizes == (-1,):
            return nodes.Reshape(made.arg, (product_of_sizes(SHAPE(made.arg)).symbol,))
        if isinstance(made, nodes.Reduction | nodes.Softmax) and len(SHAPE(made.arg)) == 1:
            return type(made)(made.arg)
        return made

    return put(parse(f"L = {text}").loss.value)


def proved(one: Node, other: Node) -> bool:
    """Whether two formulas are equal at all sizes, the smaller standing for its broadcast."""
    over = SHAPE(one) if len(SHAPE(one)) >= len(SHAPE(other)) else SHAPE(other)
    try:
        sides = [filled(side, over, SHAPE) for side in (one, other)]
        if SHAPE(sides[0]) != SHAPE(sides[1]):
            return False
    except ValueError:
        return False
    letters: list[Index] = [
        1 if dim == Dim("1", 1) else name for dim, name in zip(over, "pq", strict=False)
    ]
    entries = Entries(SHAPE, assumed=ASSUMED)
    return same_form(*(under_assumptions(entries.at(side, *letters)) for side in sides))


def rewritten(name: str, node: Node) -> Node | None:
    """What a rewrite makes of a node."""
    return dict(REWRITES)[name](node, FACTS)


@pytest.mark.parametrize(("before", "after"), EXAMPLES["scalars first"])
def test_what_only_changes_places_is_not_joined(before: str, after: str) -> None:
    """No powers are joined where a sign or a number comes to the front, as a reader is told."""
    assert rewritten("powers of one base", read(before)) is None
    assert {step.name for step in tidied(read(before), FACTS)} == {"scalars first"}


def test_every_rewrite_has_examples() -> None:
    """A rewrite without an example that is proved is not one of ours."""
    assert [name for name, _ in REWRITES] == list(EXAMPLES)


@pytest.mark.parametrize(("name", "before", "after"), PAIRS)
def test_a_rewrite_makes_what_is_expected(name: str, before: str, after: str) -> None:
    """Each rewrite does what its examples say."""
    found = rewritten(name, read(before))
    assert found is not None
    assert found == read(after), source(found)


@pytest.mark.parametrize(("name", "before", "after"), PAIRS)
def test_a_rewrite_is_proved(name: str, before: str, after: str) -> None:
    """Before and after are equal at all sizes, and the formula is no longer than it was."""
    node = read(before)
    found = rewritten(name, node)
    assert found is not None
    assert proved(node, found)
    # One more for N·D in place of ones, for a transpose in a⊗(Bᵀ@b), and for 1/det(A).
    assert cost(tidy(found, FACTS)) <= cost(node) + 1


@pytest.mark.parametrize(("name", "before", "after"), [p for p in PAIRS if p[2] != "0"])
def test_no_mutant_of_a_rewrite_is_proved(name: str, before: str, after: str) -> None:
    """A result with a mistake in it is refused, unless the mistake changes nothing."""
    node = read(before)
    some = list(mutants(read(after)))[:2]
    assert some
    for mutant in some:
        assert not proved(node, mutant), source(mutant)


@pytest.mark.parametrize(("name", "text"), [(n, t) for n, some in NOT.items() for t in some])
def test_a_rewrite_keeps_off_what_only_looks_alike(name: str, text: str) -> None:
    """What is nearly of the form that a rewrite asks for stays equal to itself."""
    node = read(text)
    found = rewritten(name, node)
    assert found is None or proved(node, found), source(found)
    assert proved(node, tidy(node, FACTS))


@pytest.mark.parametrize(("name", "before", "after"), PAIRS)
def test_tidying_comes_to_an_end(name: str, before: str, after: str) -> None:
    """What is tidy is not tidied again, and every step on the way is proved."""
    node = read(before)
    steps = list(tidied(node, FACTS))
    assert steps
    for step in steps:
        assert proved(node, step.formula), step.name
        node = step.formula
    assert list(tidied(node, FACTS)) == []
