"""What a Jacobian would take, and that the small ones written out are the true ones."""

from __future__ import annotations

import itertools

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import matderiv
from matderiv.api import read
from matderiv.derivation.build import jacobian_chains
from matderiv.errors import InputError
from matderiv.handout.jacobian import memory_words

PROGRAMS = ["Y = X @ W", "Y = W @ X", "Y = Q @ K.T", "Y = X.T @ W", "Y = X.T @ W.T"]


def test_reference_figures() -> None:
    """The reference's motivating size: 64·1024³ partial derivatives, 256 GiB in float32."""
    size = matderiv.jacobian(sizes={"N": 64, "D": 4096, "M": 4096}).size
    assert size.count == 64 * 4096 * 64 * 4096 == 64 * 1024**3
    assert memory_words(size.memory) == "256 GiB"
    assert size.nonzero == 64 * 4096 * 4096


@settings(max_examples=12, deadline=None)
@given(
    program=st.sampled_from(PROGRAMS),
    sizes=st.tuples(*[st.integers(1, 3)] * 3),
    first=st.booleans(),
)
def test_against_sympy(program: str, sizes: tuple[int, int, int], first: bool) -> None:  # noqa: FBT001
    """Count, zeros and every entry agree with SymPy's derivative of the written-out product."""
    named = dict(zip("NDM", sizes, strict=True))
    problem = read(f"{program}; L = Loss(Y)", sizes=named)
    name = problem.factors[0 if first else 1]
    size = matderiv.jacobian(program, wrt=name, sizes=named).size
    chain = jacobian_chains(problem, name, written=True)[1]
    written = chain.links[-1].rhs
    base = {n: sp.IndexedBase(n) for n in problem.factors}

    def matrix(n: str) -> sp.Matrix:
        rows, cols = (d.size for d in problem.shapes[n])
        return sp.Matrix(rows, cols, lambda i, j: base[n][i + 1, j + 1])

    left, right = (matrix(n) for n in problem.factors)
    value = program.partition("= ")[2]
    product = (left.T if ".T @" in value else left) * (right.T if value.endswith(".T") else right)
    entries = list(itertools.product(list(product), list(matrix(name))))
    expected = [y.diff(x) for y, x in entries]
    assert size.count == len(entries)
    assert size.nonzero == sum(e != 0 for e in expected)
    assert list(written) == expected


def test_kronecker_structure() -> None:
    """Row by row, the Jacobian is I ⊗ Wᵀ by the first factor and X ⊗ I by the second."""
    sizes = {"N": 2, "D": 3, "M": 2}
    problem = read(sizes=sizes)
    w = sp.Matrix(3, 2, lambda i, j: sp.IndexedBase("W")[i + 1, j + 1])
    x = sp.Matrix(2, 3, lambda i, j: sp.IndexedBase("X")[i + 1, j + 1])
    by_x, by_w = (
        sp.Matrix(jacobian_chains(problem, n, written=True)[1].links[-1].rhs) for n in "XW"
    )
    assert by_x == sp.kronecker_product(sp.eye(2), w.T)
    assert by_w == sp.kronecker_product(x, sp.eye(2))


def test_large_ones_are_counted_and_not_written() -> None:
    """A large Jacobian is stated at once; asked to write it out, it is refused."""
    large = matderiv.jacobian(sizes={"N": 64, "D": 4096, "M": 4096})
    assert "256 GiB" in large.print()
    with pytest.raises(InputError, match="at most"):
        large.print(show="all")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("form", ["text", "latex", "markdown"])
def test_every_format_and_language(form: str, language: str) -> None:
    """The page is printed in every format and language, with the memory in it."""
    assert "192" in matderiv.jacobian().print(form, lang=language)


@pytest.mark.parametrize(
    ("size", "words"),
    [(1, "1 bytes"), (1023, "1,023 bytes"), (1024, "1 KiB"), (1536, "1.5 KiB"), (2**60, "1 EiB")],
)
def test_memory_words(size: int, words: str) -> None:
    """Memory is stated in the largest binary unit that it fills."""
    assert memory_words(size) == words


def test_unknown_type_is_refused() -> None:
    """A type of numbers that is not known is refused with those that are."""
    with pytest.raises(InputError, match=r"float31.*float16"):
        matderiv.jacobian(dtype="float31")
