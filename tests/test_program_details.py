"""Single entries on pages about whole programs: each derived, and lit by what is in its formula."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator
from fractions import Fraction

import pytest
from _details import fits, tagged

import matderiv
from matderiv import Derivation
from matderiv.calculus.index_forms.forms import Entry, Term
from matderiv.derivation.judge import Judge
from matderiv.derivation.one_entry import GradientEntries, SliceEntries, entries_in
from matderiv.derivation.program import Builder, elementwise
from matderiv.derivation.sides import Cells, Slice, WrittenEntry, written
from matderiv.errors import ProofError
from matderiv.expression.nodes import Transpose
from matderiv.handout.document import Detail, Equation
from matderiv.handout.text import words_of
from matderiv.notation.text import text

#: Programs whose entries are all written by their letters, with the shapes of their inputs.
PROGRAMS: dict[str, tuple[str, dict[str, tuple[int, ...]]]] = {
    "ridge": ("L = sum((X @ W - T)**2) + lam*sum(W**2)", {}),
    "layers": (
        "H = relu(X @ W + b); L = sum(logsumexp(H @ V, axis=1))",
        {"X": (2, 2), "W": (2, 2), "V": (2, 2)},
    ),
    "attention": (
        "P = softmax(Q @ K.T/sqrt(lam), axis=1); L = sum(P @ V)",
        {"Q": (2, 3), "K": (2, 3), "V": (2, 2)},
    ),
    "chain": ("L = sum(tanh(A @ X @ B))", {"A": (2, 3), "X": (3, 4), "B": (4, 2)}),
    "vectors": ("L = (x @ y - lam)**2 + x @ A @ y", {"x": (3,), "y": (3,)}),
    "trace": ("L = tr(A @ X.T) + sum(diag(X)*v)", {"A": (3, 3), "X": (3, 3), "v": (3,)}),
    "squares": ("L = tr(X @ X @ A) + sum(outer(u, v)*A)", {"X": (2, 2), "u": (2,), "v": (2,)}),
    "mean": ("L = mean((X - mean(X, axis=0))**2)", {"X": (3, 2)}),
}
METHODS = ("elementwise", "slice")

SENTENCES = {
    ("ridge", "dX-1-2", "en"): "∂L/∂x_12 comes from row 1 of ∂L/∂Z and row 2 of W.",
    ("ridge", "dX-1-2", "zh"): "∂L/∂x_12 来自 ∂L/∂Z 的第 1 行和 W 的第 2 行。",
    ("ridge", "dZ-2-1", "en"): "∂L/∂z_21 comes from z_21 and t_21.",
    ("ridge", "dZ-2-1", "zh"): "∂L/∂z_21 来自 z_21 和 t_21。",
    ("ridge", "dW-1-2", "en"): (
        "∂L/∂w_12 comes from column 1 of X, column 2 of ∂L/∂Z, λ and w_12."
    ),
    ("ridge", "dW-1-2", "zh"): "∂L/∂w_12 来自 X 的第 1 列、∂L/∂Z 的第 2 列、λ 和 w_12。",
    ("vectors", "dx-2", "en"): "∂L/∂x_2 comes from ∂L/∂s, y_2, row 2 of A and all of ∂L/∂u.",
    ("layers", "dr-1", "en"): "∂L/∂r_1 is the same whatever stands in the arrays.",
    ("layers", "dr-1", "zh"): "∂L/∂r_1 是常数，与各元素的取值无关。",
}


@functools.cache
def derived(name: str, method: str = "elementwise") -> Derivation:
    """The derivation of one of the programs."""
    program, shapes = PROGRAMS[name]
    return matderiv.derive(program, shapes=shapes, method=method)


@functools.cache
def equations(name: str, method: str = "elementwise", lang: str = "en") -> tuple[Equation, ...]:
    """The equations of the handout of a program that can be asked about."""
    document = derived(name, method).handout(lang=lang, length="full").document
    found = tuple(b for b in document.blocks if isinstance(b, Equation) and b.details)
    assert found
    return found


def details(name: str, method: str = "elementwise") -> Iterator[tuple[Equation, Detail]]:
    """Each entry that can be asked about, with the equation that it is written in."""
    return ((e, detail) for e in equations(name, method) for detail in e.details)


@pytest.mark.long
@pytest.mark.parametrize(("name", "key", "lang"), SENTENCES)
def test_sentence_says_where_an_entry_comes_from(name: str, key: str, lang: str) -> None:
    """Rows, columns, single entries and numbers, in the order in which the formula has them."""
    found = {d.key: d for e in equations(name, lang=lang) for d in e.details}
    assert words_of(found[key].segments) == SENTENCES[name, key, lang]


@pytest.mark.parametrize(("name", "method"), [*itertools.product(PROGRAMS, METHODS)])
def test_every_entry_that_is_written_out_has_its_derivation(name: str, method: str) -> None:
    """Its last side is what stands in its cell, and the array has no other cells of its own."""
    count = 0
    for equation in equations(name, method):
        cells: dict[str, set[str]] = {}
        for cell in tagged(equation.box):
            cells.setdefault(cell.key, set()).add(text(cell.body))
        own = equation.details[0].key.split("-")[0]
        assert [d.key for d in equation.details] == [
            key for key in cells if key.split("-")[0] == own
        ]
        for detail in equation.details:
            own = text(detail.boxes[-1].rights[-1])
            # A cell that is too wide has its inner sums with a sign.
            wide = any("Σ" in cell for cell in cells[detail.key])
            assert wide or any(shortened(own, cell) for cell in cells[detail.key]), own
            count += not wide
    assert count >= 6


def shortened(whole: str, short: str) -> bool:
    """Whether one text is another in which dots may stand for the middle of a sum."""
    parts = map(re.escape, short.split("⋯"))
    return re.fullmatch(".*".join(parts), whole) is not None


def occurring(formula: str, names: dict[str, str]) -> set[str]:
    """The keys of the entries that stand in a formula as text; `names` are arrays by their letters."""
    found = set()
    for gradient, letter, places in re.findall(r"(∂L/∂)?(?<![a-z])([a-z])_(\d+)", formula):
        found.add("-".join((("d" if gradient else "") + names[letter], *places)))
    return found


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_lights_up_is_what_stands_in_the_formula(name: str) -> None:
    """No entry of the formula stays dark, and none lights up that is not in it."""
    task = derived(name).task
    names = {array.lower(): array for array, shape in task.shapes.items() if shape}
    assert len(names) == sum(bool(shape) for shape in task.shapes.values())
    everything = {
        "-".join((prefix + array, *map(str, place)))
        for array, shape in task.shapes.items()
        for place in itertools.product(*(range(1, dim.size + 1) for dim in shape))
        for prefix in ("", "d")
        if shape
    }

    @functools.cache
    def meant(pattern: str) -> set[str]:
        return {key for key in everything if fits(pattern, key)}

    lit_up = 0
    for _, detail in details(name):
        formula = text(detail.boxes[-1].rights[-1])
        lit = set[str]().union(*map(meant, detail.sources))
        assert lit == occurring(formula, names), formula
        lit_up += len(lit)
    assert lit_up > 10


@pytest.mark.parametrize(("name", "method"), [*itertools.product(PROGRAMS, METHODS)])
def test_what_an_entry_comes_from_can_be_seen(name: str, method: str) -> None:
    """Each of its sources is lit beside it, or in an array that is shown with its derivation."""
    count = 0
    for equation, detail in details(name, method):
        boxes = (equation.box, *equation.arrays)
        keys = [cell.key for box in boxes for cell in tagged(box)]
        for pattern in detail.sources:
            if "-" in pattern:  # a number has no cell
                assert any(fits(pattern, key) for key in keys), (detail.key, pattern)
                count += 1
    assert count >= 4


def test_factors_without_a_name_are_lit() -> None:
    """Of ∂L/∂X = X(∂L/∂Z + (∂L/∂Z)ᵀ) a column of the sum lights up, which has no name."""
    document = (
        matderiv.derive("L = logdet(X.T @ X)", shapes={"X": (3, 2)}).handout(length="full").document
    )
    found = [b for b in document.blocks if isinstance(b, Equation)]
    (equation,) = (b for b in found if "dX-1-2" in [d.key for d in b.details])
    (detail,) = (d for d in equation.details if d.key == "dX-1-2")
    keys = {cell.key for cell in tagged(equation.box)}
    lit = {key for key in keys if any(fits(p, key) for p in detail.sources)}
    assert lit == {"X-1-1", "X-1-2", "dX.right-1-2", "dX.right-2-2"}


def test_too_many_entries_have_sentences_only() -> None:
    """Where all of a large array is shown, the page does not take long to make."""
    derivation = matderiv.derive("L = sum(f(X))", shapes={"X": (20, 10)})
    document = derivation.handout(show="all", length="full").document
    found = [d for b in document.blocks if isinstance(b, Equation) for d in b.details]
    assert len(found) == 200
    assert all(d.segments and not d.boxes for d in found)


def test_no_details_unless_asked_for() -> None:
    """Pages in other formats do not pay for what they cannot show."""
    document = derived("ridge").document()
    blocks = [b for b in document.blocks if isinstance(b, Equation)]
    assert len(blocks) > 5
    assert not any(b.details or b.arrays or tagged(b.box) for b in blocks)


@pytest.mark.long
def test_nothing_to_point_at_where_nothing_is_written_out() -> None:
    """By other methods only what the loss itself uses is derived entry by entry."""
    for method in ("differential", "index", "kronecker"):
        derivation = matderiv.derive("L = Loss(A @ X)", wrt="X", method=method)
        blocks = [
            b for b in derivation.handout(length="full").document.blocks if isinstance(b, Equation)
        ]
        assert len(blocks) > 5
        asked = {d.key.split("-")[0] for b in blocks for d in b.details}
        assert asked <= {"dZ"}


def test_a_false_derivation_of_an_entry_is_refused() -> None:
    """The entry at the indices exchanged is no proof."""
    task = matderiv.derive("L = sum((X @ W - T)**2)", shapes={"X": (2, 2), "W": (2, 2)}).task
    own = GradientEntries(task, "X")
    build, judge = Builder(task, task.wrt, elementwise), Judge(task, "X", ("Z",))
    found = list(own.chains((1, 2)))
    assert [chain.kind for chain in found] == ["local", "entry"]
    left, right = found[1].links[0].left, found[1].links[1].right
    assert isinstance(right, WrittenEntry)
    assert build.chain(judge, "entry", left, ("right", right)).links
    wrong = written(task, Transpose(right.node), (1, 2))
    with pytest.raises(ProofError, match="entry, exchanged: refuted"):
        build.chain(judge, "entry", left, ("exchanged", wrong))


@pytest.mark.parametrize(("name", "method"), [*itertools.product(PROGRAMS, METHODS)])
def test_what_is_said_of_an_entry_holds_at_its_indices(name: str, method: str) -> None:
    """What was proved at letters is proved anew with the numbers in their place."""
    derivation = derived(name, method)
    task, count = derivation.task, 0
    for wrt in derivation.wrt:
        users = [use.by for use in task.sweep.gradients[wrt].uses]
        judge = Judge(task, wrt, users)
        at = tuple(min(n, dim.size) for n, dim in zip((2, 1), task.shapes[wrt], strict=False))
        if not at:
            continue
        found = [*GradientEntries(task, wrt).chains(at)]
        for step in derivation.steps:
            for chain in step.chains:
                match chain.sides:
                    case (Slice() as one, Cells() as cells) if step.wrt == wrt:
                        place = tuple(dim.size for dim in cells.over)
                        found += SliceEntries(task, one, cells).chains(place)
        for link in (link for chain in found for link in chain.links):
            assert judge.verdict(link.left, link.right).status == "equal"
            count += 1
    assert count >= 2


def test_an_entry_that_others_say_already_is_left_out() -> None:
    """Row 1 of P says p_12, too; the diagonal does not."""
    parts = {
        "row": Entry("P", (1, "a")),
        "one": Entry("P", (1, 2)),
        "diagonal": Entry("P", ("b", "b")),
        "other": Entry("P", (2, 1)),
    }
    form = tuple(
        (Term(((atom, 1),), (("a", "N"), ("b", "N"))), Fraction(1)) for atom in parts.values()
    )
    assert entries_in(form) == (
        Entry("P", (1, "k")),
        Entry("P", ("k", "k")),
        Entry("P", (2, 1)),
    )
