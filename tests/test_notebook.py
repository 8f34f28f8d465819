"""Notebooks are valid, the same for the same input, and run from a clean kernel."""

from __future__ import annotations

import asyncio
import importlib
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from _derived import LINEAR, SIZES, derived

import matderiv
from matderiv import Derivation
from matderiv.errors import MissingError
from matderiv.handout.texts import languages


def tool(name: str) -> ModuleType:
    """A package of the extra `test`; skip without it, unless the environment says it has to be."""
    if os.environ.get("MATDERIV_REQUIRE_TOOLS") != "1":
        return pytest.importorskip(name)  # type: ignore[no-any-return]
    return importlib.import_module(name)


def sized(*sizes: int, program: str = LINEAR) -> Derivation:
    """A derivation at given N, D, M."""
    n, d, m = sizes
    return derived(program, (n, d, m))


def notebook(derivation: Derivation, **wishes: Any) -> str:  # noqa: ANN401 - see `handout`
    """The notebook of a handout as text."""
    tool("nbformat")
    text = derivation.handout(**wishes).write("ipynb")
    assert isinstance(text, str)
    return text


#: The usual size in both languages, each other one in one of them.
HANDOUTS = [((2, 4, 3), "en"), *zip(SIZES, itertools.cycle(["zh", "en"]), strict=False)]


@pytest.mark.long
@pytest.mark.parametrize(("sizes", "lang"), HANDOUTS, ids=str)
def test_valid_and_without_outputs(sizes: tuple[int, int, int], lang: str) -> None:
    """Every notebook is valid nbformat 4.5, has cells of both kinds and no output yet."""
    nbformat = tool("nbformat")
    derivation = sized(*sizes)
    text = notebook(derivation, lang=lang, exercises=2)
    assert text == notebook(derivation, lang=lang, exercises=2)
    made = nbformat.reads(text, as_version=4)
    nbformat.validate(made)
    assert (made.nbformat, made.nbformat_minor) == (4, 5)
    assert len({cell.id for cell in made.cells}) == len(made.cells)
    code = [cell for cell in made.cells if cell.cell_type == "code"]
    assert len(code) == 3
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


def test_no_live_cell_on_paper() -> None:
    """Cells that ask to be run stand in the notebook alone, not in the other formats."""
    handout = sized(2, 4, 3).handout()
    assert "central_differences" not in str(handout.write("md"))
    assert "central_differences" in notebook(sized(2, 4, 3))


def test_answers_of_their_own_have_no_live_cells() -> None:
    """A separate sheet of answers is answers only."""
    tool("nbformat")
    handout = sized(2, 4, 3).handout(exercises=1, answers="separate")
    key = handout.contents(Path("a.ipynb"))[Path("a-answers.ipynb")]
    assert all(cell["cell_type"] == "markdown" for cell in json.loads(key)["cells"])


def test_words_of_the_user_come_out_as_typed() -> None:
    """Nothing in a title is markup, a formula or a tag."""
    text = notebook(sized(1, 1, 1), title="50% <b> $x$ _y_ & 矩阵 🎓")
    assert "".join(json.loads(text)["cells"][0]["source"]) == (
        r"# 50% \<b\> <span>&#36;</span>x<span>&#36;</span> \_y\_ \& 矩阵 🎓"
    )


PROGRAMS = [
    "Y = X @ W; L = sum(f(Y))",
    "Score = Query @ Key.T; Cost = lam*sum(log(sigmoid(Score)))/2",
    "L = Loss(Q.T @ K)",
    "function loss; Y = N.T @ D; E = 3*sum(loss(Y))",
    "sum(relu(W @ X)**2)",
    "Y = X @ W; L = sum(f(Y)**2 + sqrt(1 + Y**2))",
]


def cells(derivation: Derivation, lang: str = "en") -> list[str]:
    """The cells that run."""
    made = json.loads(notebook(derivation, lang=lang))["cells"]
    return ["".join(cell["source"]) for cell in made if cell["cell_type"] == "code"]


def checked(derivation: Derivation, old: str = "", new: str = "") -> dict[str, float]:
    """What the checking cell prints, `old` in it made `new`."""
    *_, check = cells(derivation)
    assert old in check
    code = f"import numpy as np\n{check.replace(old, new)}"
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return {name: float(number) for name, number in map(str.split, done.stdout.splitlines())}


@pytest.mark.long
@pytest.mark.parametrize("program", PROGRAMS)
def test_the_check_finds_the_formulas_right(program: str) -> None:
    """The cell that compares with central differences runs for every kind of loss, and agrees."""
    derivation = sized(2, 3, 4, program=program)
    differences = checked(derivation)
    assert list(differences) == [f"d{name}" for name in derivation.wrt]
    assert max(differences.values()) < 1e-6


@pytest.mark.long
def test_programs_of_other_kinds_are_checked() -> None:
    """A network, vectors and inverses are checked in the same way, at the shapes of the page."""
    for program, shapes in (
        ("H = tanh(X @ W + b); L = sum((H @ v)**2)", {"X": (1, 4), "W": (4, 2)}),
        ("L = logdet(S) + y @ inv(S) @ y", {"S": (3, 3)}),
    ):
        differences = checked(matderiv.derive(program, shapes=shapes))
        assert max(differences.values()) < 1e-6


def test_structure_is_not_checked_entry_by_entry() -> None:
    """Entries of a symmetric matrix cannot be moved one by one, so no such cell is offered."""
    derivation = matderiv.derive("L = logdet(S)", assume={"S": "symmetric"})
    assert "central_differences" not in notebook(derivation)


def test_the_check_can_fail() -> None:
    """A formula with a wrong sign is seen by the check of the notebook."""
    differences = checked(sized(2, 2, 2), "dX = dY @ W.T", "dX = -dY @ W.T")
    assert differences["dX"] > 0.01
    assert differences["dW"] < 1e-6


@pytest.mark.parts
@pytest.mark.filterwarnings("default")
def test_runs_from_a_clean_kernel(tmp_path: Path) -> None:
    """Every cell runs, the page is an output, and the formulas agree with NumPy."""
    lang = "zh"
    nbformat, nbclient = tool("nbformat"), tool("nbclient")
    tool("ipykernel")
    path = tmp_path / "handout.ipynb"
    sized(2, 4, 3).handout(lang=lang).save(path)
    made = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(made, timeout=300, kernel_name="python3")
    asyncio.run(client.async_execute(cwd=str(tmp_path)))
    formulas, page, check = (c.outputs for c in made.cells if c.cell_type == "code")
    assert formulas[0].data["text/plain"] == "{'X': 'dY @ W.T', 'W': 'X.T @ dY'}"
    shown = page[0].data["text/markdown"]
    assert shown == sized(2, 4, 3).markdown(lang=lang)
    differences = [float(line.split()[1]) for line in check[0].text.splitlines()]
    assert len(differences) == 2
    assert max(differences) < 1e-6


@pytest.mark.parametrize("lang", languages())
def test_cells_differ_in_the_language_alone(lang: str) -> None:
    """What runs is the same on a page in any language, but for the language that is asked for."""
    ours, chinese = (cells(sized(2, 4, 3), lang=one) for one in (lang, "zh"))
    assert [cell.replace(f'lang="{lang}"', 'lang="zh"') for cell in ours] == chinese


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without nbformat one line says what to install, and no file is written."""
    monkeypatch.setitem(sys.modules, "nbformat", None)
    with pytest.raises(MissingError, match=r"pip install 'matderiv\[notebook\]'"):
        sized(1, 1, 1).handout().save(tmp_path / "a.ipynb")
    assert list(tmp_path.iterdir()) == []
