"""Whole pages that a person can read, byte for byte; `--rewrite-golden` writes them anew."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

import matderiv

GOLDEN = Path(__file__).parent / "golden"

#: Each folder's program with its sizes, and the pages of it that are kept.
PROBLEMS: dict[str, tuple[str, Mapping[str, int] | None, tuple[str, ...]]] = {
    "linear": (
        "Y = X @ W; L = sum(f(Y))",
        None,
        ("en.tex", "zh.tex", "en.md", "zh.md"),
    ),
    "softplus": ("Y = X @ W; L = sum(log(1 + exp(Y)))", None, ("en.tex",)),
    "theorem": ("L = Loss(Q @ K.T)", {"N": 1, "D": 3, "M": 2}, ("en.tex",)),
}

#: The same of whole programs, with the shapes of inputs and the name that is differentiated by.
PROGRAMS: dict[str, tuple[str, Mapping[str, tuple[int, ...]], str, tuple[str, ...]]] = {
    "ridge": (
        "L = sum((X @ w - y)**2) + lam*sum(w**2)",
        {"X": (3, 2), "w": (2,), "y": (3,)},
        "w",
        ("en.md", "zh.md", "en.tex"),
    ),
    "layers": (
        "H = tanh(X @ W + b); Y = H @ V; L = Loss(Y)",
        {"X": (2, 2), "W": (2, 3), "V": (3, 1)},
        "W",
        ("en.md", "zh.md"),
    ),
    "attention": (
        "S = Q @ K.T/sqrt(lam); P = softmax(S, axis=1); O = P @ V; L = Loss(O)",
        {"Q": (2, 2), "K": (2, 2), "V": (2, 2)},
        "Q",
        ("en.md", "zh.md"),
    ),
}
#: Jacobians and Hessians: the kind and what is asked.
ARRAYS: dict[str, tuple[str, str, Mapping[str, object]]] = {
    "softmax": ("jacobian", "y = softmax(x)", {"wrt": "x", "shapes": {"x": (3,)}}),
    "logistic": (
        "hessian",
        "p = sigmoid(X @ w); L = -sum(y*log(p) + (1 - y)*log(1 - p))",
        {"wrt": "w", "shapes": {"X": (3, 2), "w": (2,), "y": (3,)}},
    ),
    "sandwich": (
        "jacobian",
        "Y = A @ X @ B",
        {"wrt": "X", "form": "vec", "shapes": {"A": (2, 3), "X": (3, 2), "B": (2, 2)}},
    ),
}
PAGES = [(problem, name) for problem, (_, _, names) in PROBLEMS.items() for name in names]
PAGES += [(program, name) for program, (*_, names) in PROGRAMS.items() for name in names]
PAGES += [(array, name) for array in ARRAYS for name in ("en.md", "zh.md")]


def page(problem: str, name: str) -> bytes:
    """What is printed now."""
    lang, form = name.split(".")
    if problem in ARRAYS:
        kind, program, asked = ARRAYS[problem]
        text: str = getattr(matderiv, kind)(program, **asked).print("markdown", lang)
        return text.encode()
    if problem in PROGRAMS:
        program, shapes, wrt, _ = PROGRAMS[problem]
        derivation = matderiv.derive(program, wrt=wrt, shapes=shapes)
    else:
        program, sizes, _ = PROBLEMS[problem]
        derivation = matderiv.derive(program, sizes=sizes)
    text = derivation.markdown(lang) if form == "md" else derivation.latex(lang)
    return text.encode()


@pytest.mark.parametrize(("problem", "name"), PAGES, ids=[f"{p}/{n}" for p, n in PAGES])
def test_page_is_the_golden_one(problem: str, name: str, *, rewrite_golden: bool) -> None:
    """No word, formula or space of a page changes unnoticed."""
    path, printed = GOLDEN / problem / name, page(problem, name)
    if rewrite_golden:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(printed)
    # Compared as text first: its difference can be read line by line.
    assert printed.decode() == path.read_bytes().decode()
    assert printed == path.read_bytes()


def test_every_golden_page_is_compared() -> None:
    """No file stays in a problem's folder that nothing is compared with."""
    kept = {
        (p, path.name) for p in (*PROBLEMS, *PROGRAMS, *ARRAYS) for path in (GOLDEN / p).iterdir()
    }
    assert kept == set(PAGES)
