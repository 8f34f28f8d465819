"""Constant parts of programs: what has no value is refused before anything is derived from it."""

from __future__ import annotations

import pytest

import matderiv
from matderiv.errors import InputError


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("log(0)", r"log\(0\) has no finite real value"),
        ("log(1 - 2)", r"log\(1 - 2\) has no finite real value"),
        ("sqrt(-2)", r"sqrt\(-2\) has no finite real value"),
        ("(-8)**(1/3)", r"\(-8\)\*\*\(1/3\) has no finite real value"),
        ("0**(-1)", "divides by zero"),
        ("1/(2 - 2)", "divides by zero"),
        ("9**9**9", "more than 1,200 digits"),
        ("(-2)**X", "the base of such a power must be positive"),
        ("(1 - 1)**X", "the base of such a power must be positive"),
    ],
)
def test_constants_without_a_value_are_refused(part: str, words: str) -> None:
    """No gradient is printed of what is nowhere defined, by `gradient` and by `derive`."""
    for work in (matderiv.gradient, matderiv.derive):
        with pytest.raises(InputError, match=words):
            work(f"L = sum({part}*X)", wrt="X")


@pytest.mark.parametrize(
    "part", ["log(2)", "sqrt(2)", "(-2)**3", "2**X", "exp(-1000)", "exp(1000)"]
)
def test_constants_with_a_value_are_derived(part: str) -> None:
    """What is defined is not refused, however large it is in floating point."""
    assert str(matderiv.gradient(f"L = sum({part}*X)", wrt="X"))
