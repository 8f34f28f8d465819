"""Hypothesis strategies for the shapes and the inputs of a program; needs the extra `test`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from matderiv.arguments import checked
from matderiv.checking.question import Question, ask
from matderiv.expression.dims import sized
from matderiv.expression.parse import parse
from matderiv.expression.shapes import infer
from matderiv.expression.vocabulary import DEFAULT_PROGRAM

__all__ = ["inputs", "shapes"]


@checked()
def shapes(
    program: str = DEFAULT_PROGRAM, *, largest: int = 5
) -> st.SearchStrategy[dict[str, tuple[int, ...]]]:
    """A shape for every input of a program that fits it, sizes from 1 to `largest`.

    Of an undefined loss, dY is an input too.

    Raises:
        InputError: the program cannot be read.

    >>> from hypothesis import find
    >>> find(shapes("L = sum(f(Q @ K.T))"), lambda found: found["Q"][1] > 1)
    {'Q': (1, 2), 'K': (1, 2)}
    """
    question = _question(program)
    letters = [dim.symbol for dim in question.dims]
    sizes = st.fixed_dictionaries({letter: st.integers(1, largest) for letter in letters})
    return sizes.map(lambda known: _shapes(question, known))


@checked()
def inputs(
    program: str = DEFAULT_PROGRAM,
    *,
    largest: int = 5,
    low: float = -2.0,
    high: float = 2.0,
) -> st.SearchStrategy[dict[str, Any]]:
    """Arrays for every input of a program, of shapes that fit it; scalars are numbers.

    Entries are multiples of 1/64 from `low` to `high`, so that examples are readable and sums of
    products of them are exact in float64.

    >>> from hypothesis import find
    >>> find(inputs("L = lam*sum(f(X @ W))", low=1), lambda found: True)["lam"]
    1.0
    """
    numbers = st.integers(int(np.ceil(low * 64)), int(np.floor(high * 64)))
    return _arrays(shapes(program, largest=largest), numbers.map(lambda n: n / 64))


@st.composite
def _arrays(
    draw: st.DrawFn,
    fitting: st.SearchStrategy[dict[str, tuple[int, ...]]],
    entries: st.SearchStrategy[float],
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, shape in draw(fitting).items():
        found[name] = draw(hnp.arrays(np.float64, shape, elements=entries) if shape else entries)
    return found


def _question(program: str) -> Question:
    """The question about the first input that is an array, or the first one."""
    written = parse(program)
    known = infer(written)
    inputs = written.inputs()
    return ask(program, next((name for name in inputs if known[name]), inputs[0]))


def _shapes(question: Question, sizes: dict[str, int]) -> dict[str, tuple[int, ...]]:
    shapes = sized(question.shapes, sizes)
    names = (*question.inputs, *question.upstream)
    return {name: tuple(dim.size for dim in shapes[name]) for name in names}
