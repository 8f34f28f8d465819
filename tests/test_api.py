"""The Python interface: what a user calls, gets back, and can take further."""

from __future__ import annotations

import json
import tracemalloc
from fractions import Fraction

import pytest
import sympy as sp

import matderiv
from matderiv.api import Derivation, derive
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import Form, scaled
from matderiv.derivation import closeup, symbolic
from matderiv.errors import InputError, ProofError, ShapeError
from matderiv.expression.nodes import Node

BIG = {"N": 64, "D": 4096, "M": 4096}


def test_public_names_are_there() -> None:
    """Everything that the package says it offers can be imported, and nothing else is offered."""
    for name in matderiv.__all__:
        assert getattr(matderiv, name) is not None
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = matderiv.nothing_like_it


@pytest.mark.parametrize(
    ("wrt", "expected"),
    [
        (None, ["X", "W"]),
        ("W", ["W"]),
        (("W", "X"), ["W", "X"]),
        (["X", "X"], ["X"]),
        pytest.param(iter(["W"]), ["W"], id="an iterator"),
    ],
    ids=str,
)
def test_wrt_is_a_name_or_some(wrt: object, expected: list[str]) -> None:
    """Gradients come in the order asked for, each once; all of them by default."""
    derivation = derive(wrt=wrt)  # type: ignore[arg-type]
    assert list(derivation.formulas) == list(derivation.result) == expected
    assert list(derivation.wrt) == expected


@pytest.mark.parametrize(
    ("wrt", "words"),
    [
        ("V", "There is no V in the program; gradients can be derived by X and W."),
        ("Y", "Y is computed by the program; gradients can be derived by X and W."),
        ((), 'wrt is (); it is a name, such as "X", or several.'),
    ],
)
def test_wrt_of_something_else_is_refused(wrt: object, words: str) -> None:
    """The message names what was asked for and what can be."""
    with pytest.raises(InputError) as caught:
        derive(wrt=wrt)  # type: ignore[arg-type]
    assert str(caught.value) == words


def test_sizes_and_shapes_are_those_of_the_result() -> None:
    """Sizes by letter and shapes by name reach every matrix."""
    by_letter = derive(sizes={"N": 3, "D": 5, "M": 2})
    by_name = derive(shapes={"X": (3, 5), "W": (5, 2)})
    for derivation in (by_letter, by_name):
        assert derivation.result["X"].shape == (3, 5)
        assert derivation.result["W"].shape == (5, 2)
    assert by_letter.latex() == by_name.latex()


def test_shapes_that_do_not_fit_are_refused() -> None:
    """Inner sizes that differ raise before anything is derived."""
    with pytest.raises(ShapeError, match="4 and 3 differ"):
        derive(shapes={"X": (2, 4), "W": (3, 4)})


def test_results_are_matrix_expressions() -> None:
    """A result is a SymPy expression of matrices that can be differentiated and substituted."""
    derivation = derive("Y = Q @ K.T; L = sum(f(Y))", sizes={"N": 2, "D": 3, "M": 4})
    dy = sp.MatrixSymbol("dY", 2, 4)
    q, k = sp.MatrixSymbol("Q", 2, 3), sp.MatrixSymbol("K", 4, 3)
    assert derivation.result == {"Q": dy * k, "K": dy.T * q}
    ones = derivation.result["Q"].subs({dy: sp.ones(2, 4), k: sp.ones(4, 3)})
    assert ones.doit() == 4 * sp.ones(2, 3)


@pytest.mark.long
def test_every_side_is_a_sympy_object(monkeypatch: pytest.MonkeyPatch) -> None:
    """`lhs` and `rhs` of every link, small and elided, are expressions or matrices of one shape."""
    monkeypatch.setattr(symbolic, "MOST_WRITTEN", 50)
    for sizes in ({"N": 2}, BIG):
        links = list(derive(sizes=sizes).links)
        assert len(links) > 20
        for link in links:
            assert isinstance(link.lhs, sp.Basic)
            assert isinstance(link.rhs, sp.Basic)
            assert getattr(link.lhs, "is_Matrix", False) == getattr(link.rhs, "is_Matrix", False)
            if getattr(link.lhs, "is_Matrix", False):
                assert link.lhs.shape == link.rhs.shape


def test_elided_matrix_gives_its_entries() -> None:
    """A matrix too large to be written out still answers for any of its entries, from 0."""
    link = next(iter(derive(sizes=BIG).links))
    assert link.rhs.shape == (64, 4096)
    assert link.rhs[63, 4095] == sp.IndexedBase("X")[64, 4096]


def test_proof_counts_what_was_checked() -> None:
    """The closing statement's figures are those of the links themselves."""
    for sizes in ({"N": 2}, BIG):
        derivation = derive(sizes=sizes)
        verdicts = [link.verdict for link in derivation.links]
        proof = derivation.proof
        assert proof.equalities == len(verdicts) > 50
        assert proof.for_all_sizes == sum(verdict.index for verdict in verdicts) > 0
        assert proof.entries == sum(verdict.entries for verdict in verdicts)
        assert {verdict.status for verdict in verdicts} == {"equal"}
    assert derive(sizes=BIG).proof.entries == 0


def test_last_line_is_the_answer() -> None:
    """The answer is the last side of the last chain about a name, not a second computation."""
    derivation = derive()
    last = {step.wrt: step.links[-1] for step in derivation.steps if step.kind == "matrix"}
    for name in derivation.wrt:
        assert last[name].rhs == derivation.result[name]


@pytest.mark.long
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_prints_itself_in_each_language(lang: str) -> None:
    """LaTeX and Markdown of one derivation say the same in different languages."""
    derivation = derive()
    assert derivation.latex(lang) == derivation.latex(lang=lang)
    assert r"\begin" in derivation.latex(lang)
    assert "$" in derivation.markdown(lang)
    assert len(derivation.latex(lang, show="all")) > len(derivation.latex(lang, show=2))
    assert derivation.latex("en") != derivation.latex("zh")


@pytest.mark.parametrize("show", [0, 1, -3, 10**9, True, "some", 2.5])
def test_show_that_is_no_number_of_rows_is_refused(show: object) -> None:
    """What cannot be shown is refused with what can."""
    with pytest.raises(InputError, match=r"'all' or a whole number from 2 to 1000"):
        derive().latex(show=show)  # type: ignore[arg-type]


def test_language_that_is_not_there_is_refused() -> None:
    """An unknown language raises and names those that are known."""
    with pytest.raises(InputError, match=r"en.*zh"):
        derive().latex("xx")


def test_shows_itself_in_jupyter() -> None:
    """A notebook gets the formulas as one display, or the page as Markdown."""
    derivation = derive()
    shown = derivation._repr_latex_()
    assert shown is not None
    assert shown.startswith("$$\\begin{aligned}")
    assert shown.endswith("\\end{aligned}\n$$")
    assert all(f"L}}{{\\partial {name}}} & = " in shown for name in "XWY")
    assert derivation._repr_markdown_() == derivation.markdown()


@pytest.mark.long
def test_json_is_the_same_derivation() -> None:
    """The certificate holds one record per link, and is the same for the same program."""
    derivation = derive()
    data = json.loads(derivation.json())
    assert derivation.json() == derive().json()

    chains = [chain for step in data["steps"] for chain in step["chains"]]
    assert sum(len(chain["sides"]) - 1 for chain in chains) == derivation.proof.equalities


def test_unproved_link_prints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong rule leaves no derivation behind: there is nothing that could be printed."""
    right = closeup.chain_rule
    monkeypatch.setattr(closeup, "chain_rule", lambda *at: scaled(right(*at), Fraction(2)))
    with pytest.raises(ProofError) as caught:
        derive()
    assert "refuted" in str(caught.value) or "undecided" in str(caught.value)


@pytest.mark.long
def test_huge_sizes_build_next_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 64×4096×4096 a few thousand entries are made of the 17 million, and little memory."""
    made = 0
    right = Entries._at

    def counted(self: Entries, node: Node, indices: tuple[int | str, ...]) -> Form:
        nonlocal made
        made += 1
        return right(self, node, indices)

    monkeypatch.setattr(Entries, "_at", counted)
    tracemalloc.start()
    try:
        derivation = derive(sizes=BIG)
        text = derivation.latex() + derivation.markdown()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 100 < made < 8_000
    assert peak < 20_000_000
    assert len(text) < 400_000
    assert isinstance(derivation, Derivation)


def test_all_of_huge_sizes_is_refused() -> None:
    """A page that would hold 17 million entries is refused with what to do instead."""
    with pytest.raises(InputError, match=r"16,777,216 entries.*--show 3"):
        derive(sizes=BIG).latex(show="all")
