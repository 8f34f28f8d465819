"""What a Jacobian would take, and that the small ones written out are the true ones."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import matderiv
from matderiv.calculus.deciding.explicit import Explicit, SympyArray
from matderiv.derivation import jacobian as derivation
from matderiv.derivation.jacobian import structure
from matderiv.derivation.sides import Kronecker
from matderiv.errors import InputError, ProofError
from matderiv.handout.jacobian import memory_words
from matderiv.jacobians import Jacobian

PRODUCTS = ["Y = X @ W", "Y = W @ X", "Y = Q @ K.T", "Y = X.T @ W", "Y = X.T @ W.T"]

#: Chains of products and functions of each entry, and their Jacobians.
CHAINS = {
    ("Y = tanh(X @ W + b)", "X"): "diag(vec(1 - (tanh(XW + b))^⊙2))(I_N ⊗ Wᵀ)",
    ("Y = tanh(X @ W + b)", "W"): "diag(vec(1 - (tanh(XW + b))^⊙2))(X ⊗ I_M)",
    ("Y = tanh(X @ W + b)", "b"): "diag(vec(1 - (tanh(XW + b))^⊙2))(1_N ⊗ I_M)",
    ("Y = A @ X @ B", "X"): "A ⊗ Bᵀ",
    ("Y = A @ X @ B", "B"): "(AX) ⊗ I_K",
    ("V = A @ X; Y = f(V) @ B; L = sum(Y)", "X"): "(I_N ⊗ Bᵀ)diag(vec(f′(AX)))(A ⊗ I_M)",
    ("Y = X.T @ X", "X"): "(I_N ⊗ Xᵀ)K + Xᵀ ⊗ I_N",
    ("Y = X.T", "X"): "K",
    ("y = A @ x + b", "x"): "A",
    ("y = A @ x + b", "b"): "I_N",
    ("y = sum(X @ W, axis=0)", "X"): "(1_Nᵀ ⊗ I_M)(I_N ⊗ Wᵀ)",
    ("Y = X*c + alpha", "alpha"): "1_N ⊗ 1_D",
    ("L = sum((X @ w - y)**2)", "w"): "X",
    ("Y = inv(X)", "X"): "(-X⁻¹) ⊗ X⁻ᵀ",
}


def true_entries(found: Jacobian) -> list[sp.Expr]:
    """SymPy's derivative of each entry of Y by each entry of X."""
    task = found.found.task
    known = {}
    for name in task.program.inputs():
        shape = tuple(dim.size for dim in task.shapes[name])
        places = itertools.product(*(range(1, size + 1) for size in shape))
        entries = tuple(sp.IndexedBase(name)[at] if at else sp.Symbol(name) for at in places)
        known[name] = SympyArray(shape, entries)
    value = task.sweep.graph.value(found.found.of)
    assert value is not None
    made = Explicit(known, {}, task.sizes, task.program.functions()).of(value)
    return [y.diff(x) for y, x in itertools.product(made.entries, known[found.found.wrt].entries)]


def equal(one: sp.Expr, other: sp.Expr) -> bool:
    """Whether two expressions are equal at a point."""
    symbols = sorted((one - other).atoms(sp.Indexed), key=str)
    point = {symbol: sp.Rational(n + 2, n + 5) for n, symbol in enumerate(symbols)}
    value = (one - other).xreplace(point)
    return bool(value == 0 or abs(sp.N(value, 30)) < 1e-20)


def test_reference_figures() -> None:
    """The reference's motivating size: 64·1024³ partial derivatives, 256 GiB in float32."""
    size = matderiv.jacobian(sizes={"N": 64, "D": 4096, "M": 4096}).size
    assert size.count == 64 * 4096 * 64 * 4096 == 64 * 1024**3
    assert memory_words(size.memory) == "256 GiB"
    assert size.nonzero == 64 * 4096 * 4096


@settings(max_examples=12, deadline=None)
@given(
    program=st.sampled_from(PRODUCTS),
    sizes=st.tuples(*[st.integers(1, 3)] * 3),
    first=st.booleans(),
)
def test_products_against_sympy(program: str, sizes: tuple[int, int, int], first: bool) -> None:  # noqa: FBT001
    """Count, zeros and every entry agree with SymPy's derivative of the written-out product."""
    named = dict(zip("NDM", sizes, strict=True))
    inputs = matderiv.jacobian(program, sizes=named).found.task.program.inputs()
    found = matderiv.jacobian(program, wrt=inputs[0 if first else 1], sizes=named)
    expected = true_entries(found)
    chain = structure(found.found)
    assert chain is not None
    assert list(sp.Matrix(chain.links[-1].rhs)) == expected
    assert found.size.count == len(expected)
    assert found.size.nonzero == sum(e != 0 for e in expected)


@pytest.mark.parametrize(("program", "wrt"), CHAINS)
def test_chains(program: str, wrt: str) -> None:
    """Their structure reads as it should, and every entry of it is SymPy's derivative."""
    sizes = {"N": 2, "D": 3} if " @ " in program else {}
    found = matderiv.jacobian(program, wrt=wrt, sizes=sizes)
    text = found.print()
    assert f" = {CHAINS[program, wrt]}\n" in text
    assert "numerator layout" in text
    chain = structure(found.found)
    assert chain is not None
    written = list(sp.Matrix(chain.links[-1].rhs))
    expected = true_entries(found)
    assert len(written) == len(expected)
    if "inv" not in program:  # whose entries stay entries of an inverse
        pairs = zip(written, expected, strict=True)
        assert all(one == other or equal(one, other) for one, other in pairs)


def test_the_program_may_end_in_an_array_or_in_a_loss_of_it() -> None:
    """Y is what the program ends in, or the last array on the way to the loss."""
    for program in ("X @ W", "Y = X @ W", "Y = X @ W; L = sum(f(Y))", "sum(f(X @ W))"):
        found = matderiv.jacobian(program).found
        assert found.task.sweep.graph.value(found.of) == matderiv.jacobian(
            "Y = X @ W"
        ).found.task.sweep.graph.value("Y")
    number = matderiv.jacobian("s = x @ y")
    assert str(number) == "y"
    with pytest.raises(InputError, match="no array is computed on the way to it"):
        number.print()
    with pytest.raises(InputError, match="There is no Z in the program"):
        matderiv.jacobian(wrt="Z")


def test_an_array_inside_a_number_is_found() -> None:
    """Where no value is an array, Y is the last array that a number is computed from."""
    for program in ("L = sum(A*X)", "s = sum(A*X); L = s**2", "L = sum(A) + 2*mean(A*X)"):
        text = matderiv.jacobian(program, wrt="X").print()
        assert text.startswith("The Jacobian ∂Y/∂X of Y = A ⊙ X\n")
        assert "∂vec(Y)/∂vec(X) = diag(vec(A))\n" in text


def test_structure_of_other_inputs_can_be_assumed() -> None:
    """A diagonal factor has zeros, and is square; its own entries are taken as free."""
    plain = matderiv.jacobian("Y = X @ S", wrt="X", sizes={"N": 2}, shapes={"S": (3, 3)})
    found = matderiv.jacobian("Y = S.T @ X", sizes={"M": 2}, assume={"S": "diagonal"})
    assert (found.found.wrt, found.size.nonzero) == ("X", found.size.rows)
    assert plain.size.nonzero == 3 * plain.size.rows
    for program in ("Y = X @ S", "L = sum((X @ S)**2)"):
        same = matderiv.jacobian(program, wrt="S", shapes={"S": (3, 3)})
        own = matderiv.jacobian(program, wrt="S", shapes={"S": (3, 3)}, assume={"S": "symmetric"})
        assert (str(own), own.size) == (str(same), same.size)
        assert own.print().replace("\n", " ").count("as if each were free") == 1
    with pytest.raises(InputError, match="triangular"):
        matderiv.jacobian("Y = X @ S", assume={"S": "triangular"})


def test_without_kronecker_structure_there_are_entries_and_zeros() -> None:
    """A softmax is told by its entries; no structure is claimed."""
    text = matderiv.jacobian("Y = softmax(X, axis=1)").print()
    assert "⊗" not in text
    assert "∂y_ij/∂x_pq" in text


def test_a_wrong_structure_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is composed wrongly is not proved, and not printed."""
    right: Callable[..., tuple[Kronecker, ...]] = derivation._together

    def wrong(*args: object) -> tuple[Kronecker, ...]:
        first, *rest = right(*args)
        return (replace(first, swapped=not first.swapped), *rest)

    monkeypatch.setattr(derivation, "_together", wrong)
    with pytest.raises(ProofError):
        matderiv.jacobian("Y = A @ X @ B", wrt="X", sizes={"N": 2}).print()


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
