"""Details: each entry shown has its sentence and its own proved derivation; false ones are refused."""

from __future__ import annotations

import functools

import pytest
from _details import fits, tagged

import matderiv
from matderiv.api import shown
from matderiv.calculus.scalars import entry
from matderiv.calculus.verdicts import Judge
from matderiv.derivation.build import entry_chain
from matderiv.errors import ProofError
from matderiv.handout.compose import compose
from matderiv.handout.document import Equation
from matderiv.handout.text import words_of
from matderiv.notation.boxes import Terms
from matderiv.notation.text import text

derived = functools.cache(matderiv.derive)

SENTENCES = [
    ("Y = X @ W; L = sum(f(Y))", "X", "∂L/∂x_12 comes from row 1 of ∂L/∂Y and row 2 of W."),
    ("Y = X @ W; L = sum(f(Y))", "W", "∂L/∂w_12 comes from column 1 of X and column 2 of ∂L/∂Y."),
    ("Y = X @ W; L = sum(f(Y))", "Y", "y_12 comes from row 1 of X and column 2 of W."),
    ("L = Loss(Q @ K.T)", "Y", "y_12 comes from row 1 of Q and row 2 of K."),
    ("L = Loss(Q @ K.T)", "K", "∂L/∂k_12 comes from column 1 of ∂L/∂Y and column 2 of Q."),
    ("L = Loss(A.T @ B.T)", "A", "∂L/∂a_12 comes from column 1 of B and row 2 of ∂L/∂Y."),
]


def equations(derivation: matderiv.Derivation, show: int | str | None = None) -> list[Equation]:
    """The equations of the marked page that have details."""
    limit = shown(derivation.problem, show)  # type: ignore[arg-type]
    document = compose(derivation, "en", limit, marked=True)
    return [b for b in document.blocks if isinstance(b, Equation) and b.details]


@pytest.mark.parametrize(("program", "name", "sentence"), SENTENCES)
def test_sentence_says_where_an_entry_comes_from(program: str, name: str, sentence: str) -> None:
    """Rows and columns are those of the matrices as they were given, transposed or not."""
    own = name if name == "Y" else f"d{name}"
    details = [d for e in equations(derived(program)) for d in e.details]
    assert [words_of(d.segments) for d in details if d.key == f"{own}-1-2"] == [sentence]


@pytest.mark.parametrize("sizes", [(2, 4, 3), (1, 1, 1), (12, 3, 11), (64, 4096, 4096)])
def test_every_entry_that_is_shown_has_its_derivation(sizes: tuple[int, int, int]) -> None:
    """Y and both gradients: as many details as entries shown, each ending in the cell's own sum."""
    found = equations(derived_at(*sizes))
    assert len(found) == 3
    for equation in found:
        cells: dict[str, set[str]] = {}
        for cell in tagged(equation.box):
            cells.setdefault(cell.key, set()).add(text(cell.body))
        assert len(equation.details) == len({d.key for d in equation.details}) > 0
        for detail in equation.details:
            (box,) = detail.boxes
            assert text(box.rights[-1]) in cells[detail.key]


def dict_of(sizes: tuple[int, int, int]) -> dict[str, int]:
    """The three sizes by their letters."""
    return dict(zip("NDM", sizes, strict=True))


derived_at = functools.cache(lambda n, d, m: matderiv.derive(sizes=dict_of((n, d, m))))


def test_what_lights_up_is_what_the_product_multiplies() -> None:
    """The keys that an entry's patterns fit are those of the row and the column in the formula."""
    document = compose(derived_at(2, 4, 3), "en", 4, marked=True)
    blocks = [b for b in document.blocks if isinstance(b, Equation)]
    keys = {cell.key for block in blocks for cell in tagged(block.box)}
    details = [detail for block in blocks for detail in block.details]
    assert len(details) == 6 + 8 + 12
    for detail in details:
        lit = {key for key in keys if any(fits(p, key) for p in detail.sources)}
        own = detail.boxes[-1].rights[-1]
        assert isinstance(own, Terms)
        assert len(lit) == 2 * len(own.items)


def test_too_many_entries_have_sentences_only() -> None:
    """Where all of a large matrix is shown, the page does not take long to make."""
    found = equations(derived_at(16, 16, 16), "all")
    details = [d for e in found for d in e.details]
    assert len(details) == 3 * 256
    assert all(not d.boxes for d in details)


def test_no_details_unless_asked_for() -> None:
    """Pages in other formats do not pay for what they cannot show."""
    document = derived().document()
    assert not any(b.details for b in document.blocks if isinstance(b, Equation))
    assert not any(tagged(b.box) for b in document.blocks if isinstance(b, Equation))


def test_a_false_derivation_of_an_entry_is_refused() -> None:
    """An entry derived from the answer of the other matrix, or untransposed, is no proof."""
    square = derived_at(2, 2, 2)
    judge = Judge(square.problem)
    x = entry("X", 1, 2)
    assert entry_chain(judge, "entry", square.answer("X"), x).links
    with pytest.raises(ProofError, match="entry, zeros dropped: refuted"):
        entry_chain(judge, "entry", square.answer("W"), x)
