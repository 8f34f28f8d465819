"""Hypothesis strategies for the shapes and the inputs of a program; needs the extra `test`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from matderiv.arguments import checked
from matderiv.checking.question import Question, ask
from matderiv.expression.assumptions import Assumed, read_assumed, read_shaped
from matderiv.expression.parse import parse
from matderiv.expression.structured import structured
from matderiv.expression.vocabulary import DEFAULT_PROGRAM
from matderiv.tracing import ProgramLike, program_text

__all__ = ["inputs", "shapes"]


@checked()
def shapes(
    program: ProgramLike = DEFAULT_PROGRAM, *, largest: int = 5
) -> st.SearchStrategy[dict[str, tuple[int, ...]]]:
    """A shape for every input of a program that fits it, sizes from 1 to `largest`.

    Of an undefined loss, dY is an input too.

    Raises:
        InputError: the program cannot be read.

    >>> from hypothesis import find
    >>> find(shapes("L = sum(f(Q @ K.T))"), lambda found: found["Q"][1] > 1)
    {'Q': (1, 2), 'K': (1, 2)}
    """
    question = _question(program_text(program))
    letters = [dim.symbol for dim in question.dims]
    sizes = st.fixed_dictionaries({letter: st.integers(1, largest) for letter in letters})
    return sizes.map(lambda known: _shapes(question, known))


@checked()
def inputs(
    program: ProgramLike = DEFAULT_PROGRAM,
    *,
    largest: int = 5,
    low: float = -2.0,
    high: float = 2.0,
) -> st.SearchStrategy[dict[str, Any]]:
    """Arrays for every input of a program, of shapes that fit it; scalars are numbers.

    Entries are multiples of 1/64 from `low` to `high`, so that examples are readable and sums of
    products of them are exact in float64; where the program says that something is assumed of an
    input, they are made so that it holds.

    >>> from hypothesis import find
    >>> find(inputs("L = lam*sum(f(X @ W))", low=1), lambda found: True)["lam"]
    1.0
    """
    assumed = read_assumed(parse(program_text(program)), None)
    numbers = st.integers(int(np.ceil(low * 64)), int(np.floor(high * 64)))
    return _arrays(shapes(program, largest=largest), numbers.map(lambda n: n / 64), assumed)


@st.composite
def _arrays(
    draw: st.DrawFn,
    fitting: st.SearchStrategy[dict[str, tuple[int, ...]]],
    entries: st.SearchStrategy[float],
    assumed: Assumed,
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, shape in draw(fitting).items():
        drawn = draw(hnp.arrays(np.float64, shape, elements=entries) if shape else entries)
        found[name] = structured(drawn, assumed.get(name))
    return found


def _question(program: str) -> Question:
    """The question about an input, an array of which nothing is assumed if there is one."""
    written, assumed, known = read_shaped(program)
    inputs = sorted(written.inputs(), key=lambda name: (name in assumed, not known[name]))
    return ask(program, inputs[0])


def _shapes(question: Question, sizes: dict[str, int]) -> dict[str, tuple[int, ...]]:
    shapes = question.sized(sizes)
    names = (*question.inputs, *question.upstream)
    return {name: tuple(dim.size for dim in shapes[name]) for name in names}
