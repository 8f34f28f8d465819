"""Pages about whole programs: both languages, every format, and what is said where."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from _derived import derived

import matderiv
from matderiv.calculus.sweep.task import read_task
from matderiv.derivation.sides import Spelled, SpelledProduct
from matderiv.expression.nodes import Node
from matderiv.expression.parse import parse
from matderiv.handout.texts import messages
from matderiv.notation.boxes import Box
from matderiv.notation.program import ProgramNotation
from matderiv.notation.text import text

SHAPES = {"A": (3, 3), "B": (3, 3), "C": (3, 3), "v": (3,), "u": (3,), "lam": ()}
LINE = "L = sum(A @ B*C) + sum(u*v)*lam"


def written(source: str) -> str:
    """An expression in matrix notation, as plain text."""
    task = read_task(LINE, ("A",), shapes=SHAPES)
    node: Node = parse(f"L = {source}").loss.value
    return text(ProgramNotation(task, 3).formulas.node(node)).replace(" ", "")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A @ (B*C)", "(A @ B)*C"),
        ("(A*B) @ C", "A*(B @ C)"),
        ("A @ (B + C)", "A @ B + C"),
        ("(A + B).T", "A + B.T"),
        ("A*(B/C)", "A/(B*C)"),
        ("(A @ B)**2", "A @ B**2"),
        ("outer(u*v, v)", "u*v @ outer(v, v)"),
        ("lam*(A + B)", "lam*A + B"),
        ("A - (B - C)", "A - B - C"),
        ("dA @ (dB*C)", "(dA @ B)*C"),
        ("A - (-B)*C", "A - B*C"),
        ("A - (-B)*C", "-A - B*C"),
    ],
)
def test_formulas_that_differ_read_differently(one: str, other: str) -> None:
    """Brackets stand wherever another formula would be read without them."""
    assert written(one) != written(other)


@pytest.mark.parametrize(
    "source", ["2*(A/3 * B)", "lam/2 * (A*B)", "A*B*2", "2*dlam*A*B", "det(A)*(A*B)", "2/3*A*B"]
)
def test_dots_and_products_entry_by_entry_are_not_mixed(source: str) -> None:
    """2·(A ⊙ B), never 2·A ⊙ B, of which it is unclear what comes first."""
    plain = written(source)
    outside = re.sub(r"\([^()]*\)", "", re.sub(r"\([^()]*\)", "", plain))
    assert not {"·", "⊙"} <= set(outside)


@pytest.mark.parametrize("product", ["*", " @ ", "/"])
def test_the_place_of_a_sign_is_not_seen(product: str) -> None:
    """(-A)B reads like -(AB), after a plus as well."""
    assert written(f"-A{product}B{product}C") == written(f"-(A{product}B{product}C)")
    assert written(f"C + -A{product}B") == written(f"C - A{product}B")


@pytest.mark.parametrize("program", ["L = det(-(A*B))", "L = logdet(-(A @ B))"])
def test_no_line_repeats_the_one_before_it(program: str) -> None:
    """Lines of a chain differ by more than brackets."""
    page = derived(program, wrt="A", shapes={"A": (3, 3), "B": (3, 3)}, method="index").markdown()
    chains = re.findall(r"\\begin\{aligned\}(.*?)\\end\{aligned\}", page, flags=re.DOTALL)
    assert chains
    for chain in chains:
        rights = [re.sub(r"[()\s]", "", right) for right in re.split(r"& = |\\\\.*\n", chain)]
        assert all(one != other for one, other in itertools.pairwise(filter(None, rights)))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_letters_are_no_names(lang: str) -> None:
    """An index is never called like a value, nor like an entry of one."""
    derivation = derived("i = p @ q; Z = J*i; L = sum(Z*K)", wrt="p")
    assert not {"i", "p", "q", "z", "j", "k"} & set(derivation.task.letters)
    assert derivation.markdown(lang)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_format_is_written(tmp_path: Path, lang: str) -> None:
    """One derivation, every kind of file; the notebook derives it again."""
    pytest.importorskip("nbformat")
    handout = derived("L = norm(X @ w - y)/lam", wrt="w").handout(lang=lang, length="full")
    for form in ("md", "tex", "html", "ipynb"):
        (path,) = handout.save(tmp_path / f"page.{form}")
        assert path.stat().st_size > 1000
    cells = json.loads((tmp_path / "page.ipynb").read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert len(code) == 3  # derive, show, check against differences
    for cell in code:
        compile(cell, "cell", "exec")
    assert 'wrt=["w"]' in code[0]


def test_conditions_are_those_of_the_program() -> None:
    """A number is positive, an array has positive entries; what always holds is not said."""
    page = derived("L = sum(log(X))*log(lam) + sum(log(exp(X)))", wrt="X").markdown()
    found = re.findall(r"^- (.* (?:positive|zero|invertible))$", page, re.MULTILINE)
    assert found == ["every entry of $X$ is positive", r"$\lambda$ is positive"]


def test_a_page_of_a_large_program_stays_short() -> None:
    """Sums and arrays of thousands of entries are elided, not written and then cut."""
    shapes = {"X": (64, 4096), "W": (4096, 4096)}
    page = matderiv.derive("L = mean(f(X @ W))", wrt="W", shapes=shapes).markdown()
    assert len(page) < 24_000
    assert r"\cdots" in page


@pytest.mark.parametrize("program", ["L = sum((X @ W - T)**2)", "Y = X @ W; L = sum(f(Y))"])
def test_all_means_all(program: str) -> None:
    """Where everything is to be shown, the widest array is written out, each of its entries."""
    page = matderiv.derive(program, wrt="X", sizes={"N": 7, "D": 6, "M": 5}).latex(show="all")
    assert "dots" not in page
    assert all(page.count(f"w_{{{d}{m}}}") >= 7 for d in range(1, 7) for m in range(1, 6))


def test_arrays_are_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether an array fits is estimated by a few entries; each array is built at most once."""
    built: list[int] = []
    real = ProgramNotation._grid

    def grid(self: ProgramNotation, node: Node, *rest: Any) -> Box:  # noqa: ANN401 - passed on
        built.append(id(node))
        return real(self, node, *rest)

    monkeypatch.setattr(ProgramNotation, "_grid", grid)
    derivation = matderiv.derive("L = sum((X @ W - T)**2)", sizes={"N": 9, "D": 9, "M": 9})
    printed = [side for step in derivation.steps for chain in step.chains for side in chain.sides]
    asked = [side for side in printed if isinstance(side, Spelled)]
    factors = [side for side in printed if isinstance(side, SpelledProduct)]
    derivation.latex(show="all")
    assert len(built) == len(asked) + 2 * len(factors)
    assert len(built) > 3


def test_the_sum_of_a_number_is_written_as_the_number() -> None:
    """A sum sign with nothing below it stands on no page."""
    page = derived("L = sum(x @ y)*sum(x)", wrt="x")
    assert page.handout(length="full").write("html")
    assert r"\sum_{}" not in page.markdown()


def test_the_transposed_factor_is_explained() -> None:
    """The reason for a transpose stands below the product that it is in."""
    page = derived("L = mean(f(X @ W))", wrt="W").markdown()
    assert "This is why $X$ has to be transposed: the sum runs down the columns of $X$" in page


@pytest.mark.parametrize("method", ["elementwise", "index", "slice", "kronecker"])
def test_no_two_quantities_are_written_alike(method: str) -> None:
    """What the loss gives with other values held fixed is not written as the whole derivative."""
    page = derived("L = sum((X @ W - T)**2) + lam*sum(W**2)", wrt="W", method=method).markdown()
    whole = r"\dfrac{\partial L}{\partial w_{pq}}"
    part = rf"\left({whole}\right)_{{Z}}"
    assert rf"{part} & = " in page
    assert rf"+{part} \\" in page
    assert rf"+{whole} \\" not in page


def test_nothing_is_held_fixed_where_one_value_leads_to_the_loss() -> None:
    """Brackets stand only where a name reaches the loss on several ways."""
    page = derived("L = sum((X @ W - T)**2) + sum(X)", wrt="W").markdown()
    assert r"\right)_{Z} & =" not in page


@pytest.mark.parametrize("method", ["elementwise", "slice"])
def test_what_is_held_fixed_is_said_once(method: str) -> None:
    """The same derivative needs its sentence once, however many of its rows or entries follow."""
    program = "Y = X - mean(X, axis=1, keepdims=True); L = Loss(Y)"
    page = derived(program, method=method).markdown()
    assert page.count("is held fixed") == 1


@pytest.mark.parametrize(("rows", "article"), [(2, "a"), (8, "an"), (11, "an"), (28, "a")])
def test_the_article_before_a_shape(rows: int, article: str) -> None:
    """English says an 8×3 matrix and an 11×3 matrix."""
    page = derived("L = Loss(X)", shapes={"X": (rows, 3)}).markdown()
    assert rf"$X$ is {article} ${rows}\times 3$ matrix" in page


@pytest.mark.parametrize("method", ["elementwise", "index", "differential", "slice"])
@pytest.mark.parametrize("structure", ["symmetric", "diagonal"])
def test_declared_structure_is_a_step(method: str, structure: str) -> None:
    """A page says what a structure makes of a gradient, and ends like the gradient alone."""
    program, assume = "L = tr(A @ S @ S) + x @ S @ x", {"S": structure}
    derivation = matderiv.derive(program, wrt="S", assume=assume, method=method)
    assert derivation.formulas["S"] == str(matderiv.gradient(program, wrt="S", assume=assume))
    assert derivation.formulas != derived(program, wrt="S", method=method).formulas
    page = derivation.markdown()
    assert "The structure of $S$" in page
    assert f"$S$ is a {structure} " in page
    assert f"--assume S={structure}" in derivation.handout(length="full").write("md")
    assert [step.kind for step in derivation.steps if step.kind != "proof"][-1] == "structure"


def test_structure_of_other_names_is_used() -> None:
    """A symmetric matrix makes the gradient by another name shorter, with no step of its own."""
    derivation = matderiv.derive("L = x @ S @ x", wrt="x", assume={"S": "symmetric"})
    assert derivation.formulas == {"x": "2*S @ x"}
    assert "structure" not in {step.kind for step in derivation.steps}


def test_lines_in_numpy_name_no_letter_that_has_no_value() -> None:
    """Letters of sizes are read off arrays; those that the program itself has need no line."""
    assert derived("L = sum(X)").formulas == {"X": "ones((N, D))"}
    page = matderiv.derive("L = mean(X)").markdown()
    assert "N = X.shape[0]\nD = X.shape[1]\ndX = ones((N, D))/(N*D)" in page
    shapes = {"X": (2, 4), "K": (3, 3)}
    page = matderiv.derive("L = sum(X) + tr(K @ eye(m))", shapes=shapes).markdown()
    assert "dX = ones((2, 4))" in page
    assert "dK = eye(m)" in page


ATTENTION = "L = Loss(softmax(Q @ K.T, axis=1) @ V)"
ATTENTION_SHAPES = {"Q": (2, 3), "K": (4, 3), "V": (4, 3)}
METHODS = ["elementwise", "index", "differential", "slice"]


@pytest.mark.long
@pytest.mark.parametrize("method", METHODS)
def test_nothing_long_is_written_out_twice(method: str) -> None:
    """A value whose gradient would stand twice in a formula keeps its name, which is introduced."""
    derivation = derived(ATTENTION, shapes=ATTENTION_SHAPES, method=method)
    assert derivation.formulas["Q"] == "(U*(dU - sum(dU*U, axis=1, keepdims=True))) @ K"
    page = derivation.markdown()
    told = page.partition("$U$ keeps the name that we gave it")[2]
    assert told.index(r"U & = {\operatorname{softmax}}_{\operatorname{row}}(QK^{T})")
    lines = re.findall(r"^(d?\w+) = ", told, re.MULTILINE)
    assert lines == ["U", "dU", "dQ", "dK", "dV"]
    answers = derivation.handout(length="full").write("md").partition("## Step 1")[0]
    assert r"U & = {\operatorname{softmax}}_{\operatorname{row}}(QK^{T})" in answers


@pytest.mark.parametrize("method", [*METHODS, "kronecker"])
@pytest.mark.parametrize(
    "program",
    [
        "L = logdet(S) + y @ inv(S) @ y",
        "L = tr(A @ S) - logdet(S) - norm(S @ y)",
        "s = sum(S); L = s - s**2",
        "L = sum(logsumexp(S, axis=1)) - sum(A*S)",
    ],
)
def test_no_factor_is_one(program: str, method: str) -> None:
    """The derivative of the loss by itself is 1, and no product shows it, nor a minus with it."""
    try:
        page = derived(program, wrt="S", shapes={"S": (2, 2)}, method=method).latex()
    except matderiv.UnsupportedError:
        assert method == "kronecker"
        return
    assert not re.search(r"(?<![\w{.])1 ?(?:[A-Z(]|\\(?:cdot|math|left|operator|det))", page)
    assert not re.search(r"\\cdot [01](?![\w.])", page)


@pytest.mark.parametrize(
    ("lang", "step", "foreign"),
    [
        (
            "en",
            r"its derivative $\operatorname{step}$ is 1",
            "NumPy has no function called `step`",
        ),
        ("zh", r"它的导数记作 $\operatorname{step}$", "NumPy 里没有名为 `step` 的函数"),
    ],
)
def test_functions_are_explained_where_they_occur(lang: str, step: str, foreign: str) -> None:
    """`step` is the derivative of `relu`, and no name of NumPy; other pages do not say so."""
    page = derived("L = sum(relu(X @ W))", wrt="W", method="index").markdown(lang)
    assert page.count(step) == page.count(foreign) == 1
    assert page.count("`matderiv gradient --format numpy`") == 1
    other = derived("L = sum((X @ W)**2) + sum(W)", wrt="W").markdown(lang)
    assert "step" not in other.replace("step by step", "")
    assert "--format numpy" not in other


@pytest.mark.parametrize(
    ("lang", "loss", "function"),
    [
        ("en", "Here `dLoss` is the gradient of `Loss`", "`df` is the derivative of `f`"),
        ("zh", "这里 `dLoss` 是 `Loss` 对其自变量的梯度", "`df` 是 `f` 的导数"),
    ],
)
def test_derivatives_in_lines_are_introduced(lang: str, loss: str, function: str) -> None:
    """A name such as dLoss or df in the lines of a program is one that the page explains."""
    page = derived("L = Loss(f(X @ W) + b)", wrt="W").markdown(lang)
    assert loss in page
    assert function in page


def test_signs_are_explained_where_they_occur() -> None:
    """No page explains a sign that it has not, nor leaves one out that it has."""
    plain = derived("L = norm(X @ w - y)", wrt="w").markdown()
    assert not any(sign in plain for sign in (r"\odot", r"\oslash", "in every row"))
    full = derived("L = Loss((X*W + b)/abs(W))", wrt="W").markdown()
    for sentence in ("entry by entry, in", "is division entry", "in every row", "absolute value"):
        assert full.count(sentence) == 1, sentence


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_arrays_of_ones_are_explained(lang: str) -> None:
    """What 1 with sizes at its foot means is said of just those that the page shows."""
    for program in ("L = sum(X @ W)", "Z = X @ W; L = sum(logsumexp(Z, axis=1))", "L = sum(X**2)"):
        page = derived(program).markdown(lang)
        shown = set(re.findall(r"\{1\}_\{[^{}]+\}", page))
        words = (messages(lang)[f"program.{key}"] for key in ("ones", "ones_one"))
        ends = tuple(text.removeprefix("{ones}") for text in words)
        said = [line for line in page.splitlines() if line.endswith(ends)]
        assert len(said) == bool(shown)
        assert all(sign in said[0] for sign in shown)


@pytest.mark.parametrize(
    ("program", "found"),
    [
        ("Y = X @ W; L = sum(f(Y))", ["Y", "X", "W"]),
        ("Y = X - mean(X, axis=1, keepdims=True); L = sum(f(Y))", ["Y"]),
    ],
)
def test_formulas_that_stay_are_listed_after_one_sentence(program: str, found: list[str]) -> None:
    """What is in the names of the program already is said once, and stands before what is not."""
    page = derived(program).markdown()
    section = (
        page.split("everything is put in?")[1].split("\n## ")[0].split("Nothing is left to put in")
    )
    section = section[1].partition(":")[::2]
    assert [section[0].count(f"/\\partial {name}$") for name in found] == [1] * len(found)
    assert all(f"{{\\partial {name}}} & = " in section[1] for name in found)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("method", METHODS)
def test_long_sentences_are_said_once(lang: str, method: str) -> None:
    """A page with many steps does not explain the same again and again."""
    layers = "H = tanh(X @ W); U = tanh(H @ V); L = sum(f(U @ K))"
    shapes = {"X": (2, 4), "W": (4, 3), "V": (3, 2), "K": (2, 2)}
    page = derived(layers, shapes=shapes, method=method).markdown(lang)
    prose = [p for p in page.split("\n\n") if p[0] not in "$#`-"]
    words = [re.sub(r"\$[^$]*\$", "", p) for p in prose]
    assert len(words) > 20
    longest = 70 if lang == "en" else 25
    # What is done to a formula, and the rules of a differential, are told each time.
    told = ("For ,", "对 ，", " is used in  only. The differential", " 只用在  中。 的微分")
    repeated = {w for w in words if words.count(w) > 2 and len(w) > longest}
    assert not {w for w in repeated if not w.startswith(told)}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_deltas_are_spoken_of_where_there_are_any(lang: str) -> None:
    """The sentence before the chain rule fits what follows."""
    word = {"en": "deltas", "zh": "克罗内克"}[lang]
    assert word not in derived("L = sum(x)**2", wrt="x").markdown(lang)
    assert word in derived("L = Loss(X @ W)", wrt="W", method="index").markdown(lang)


@pytest.mark.long
def test_lines_of_the_conclusion_are_formulas_of_the_page() -> None:
    """Every line that can be computed was derived and proved on the page, upstream ones too."""
    program = "H = relu(X @ W + b); L = sum((H @ V - T)**2)"
    derivation = derived(program, wrt=("X", "b"))
    lines = re.findall(r"^d(\w+) = (.+)", derivation.markdown(), re.MULTILINE)
    assert [name for name, _ in lines] == ["H", "X", "b"]
    task = derivation.task
    assert all(task.source(derivation.answer(name)) == formula for name, formula in lines)


def test_conditions_are_in_the_names_of_the_program() -> None:
    """What may not be zero is said without names of ours, and not twice."""
    page = derived("L = norm(X @ w - y) + sum(w/sqrt(y))", wrt="w").markdown()
    found = re.findall(r"^- (.* (?:positive|zero))$", page, re.MULTILINE)
    assert found == ["$Xw -y$ is not zero", "every entry of $y$ is positive"]
