"""Every function and every kind of node stands in every table; a missing one fails here by name."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from matderiv.calculus.index_forms.forms import Call, Entry, single
from matderiv.calculus.index_forms.known_functions import called, slope
from matderiv.checking.points import _FUNCTIONS as EXACT
from matderiv.expression import nodes
from matderiv.expression.definitions import defined, derivative
from matderiv.expression.exact import Arithmetic
from matderiv.expression.exact import evaluate as exactly
from matderiv.expression.functions import FUNCTIONS, MODULES
from matderiv.expression.numeric import evaluate

U = nodes.Name("u")
POINTS = {"all": (-1.3, -0.4, 0.7, 1.9), "positive": (0.3, 0.7, 1.9)}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_the_derivative_that_its_row_states(name: str) -> None:
    """The derivative of a row is the slope of its values, by central differences."""
    step = 1e-6
    for point in POINTS[FUNCTIONS[name].domain]:
        ends = (evaluate(nodes.Apply(name, U), {"u": point + side * step}) for side in (1, -1))
        above, below = map(float, ends)
        known = float(evaluate(derivative(name, U), {"u": point}))
        assert (above - below) / (2 * step) == pytest.approx(known, rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("name", [n for n, f in FUNCTIONS.items() if f.definition])
def test_a_definition_has_the_values_of_its_function(name: str) -> None:
    """What NumPy works out in its own way is the same function as the definition."""
    for point in POINTS[FUNCTIONS[name].domain]:
        simpler = defined(name, U)
        assert simpler is not None
        value = evaluate(nodes.Apply(name, U), {"u": point})
        assert evaluate(simpler, {"u": point}) == pytest.approx(float(value), rel=1e-12)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_a_value_to_many_digits(name: str) -> None:
    """The numbers that refute formulas know every function, by name or by its definition."""
    plain = Arithmetic(lambda v: mpmath.mpf(v.numerator) / v.denominator, pow, EXACT)
    value = exactly(nodes.Apply(name, U), {"u": mpmath.mpf("0.7")}, plain)
    assert float(value) == pytest.approx(float(evaluate(nodes.Apply(name, U), {"u": 0.7})))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_a_row_states_of_a_function_holds(name: str) -> None:
    """Provers rely on sign, parity and powers, so they are tried at points."""
    row = FUNCTIONS[name]
    for point in POINTS[row.domain]:
        value, mirrored = (
            float(evaluate(nodes.Apply(name, U), {"u": u})) for u in (point, abs(point))
        )
        assert value > 0 or not row.positive
        if row.parity:
            mirrored = float(evaluate(nodes.Apply(name, U), {"u": -point}))
            expected = {"even": value, "odd": -value, "complement": 1 - value}[row.parity]
            assert mirrored == pytest.approx(expected)
        if row.powers == "the same":
            assert value**2 == value
        if row.powers == "1 or itself":
            assert value**2 == 1


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_form_knows_every_function_and_its_slope(name: str) -> None:
    """Entries in index notation hold only functions that are not defined by simpler ones."""
    u = single(Entry("u", ()))
    for form in (called(name, u, iter("abcdef").__next__), slope(name, u, iter("abc").__next__)):
        atoms = [atom for term, _ in form for atom, _ in term.atoms]
        assert all(
            a.function in FUNCTIONS and not FUNCTIONS[a.function].definition
            for a in atoms
            if isinstance(a, Call)
        )


@pytest.mark.parametrize("target", MODULES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_said_in_every_library(name: str, target: str) -> None:
    """Code is a call with one operand, or follows the definition."""
    call = FUNCTIONS[name].spelled(name, target)
    assert call.count("{0}") == 1 if call else FUNCTIONS[name].definition


def test_an_unknown_function_has_no_definition_and_an_unknown_derivative() -> None:
    """Nothing is guessed of a function without a row."""
    assert defined("f", U) is None
    assert derivative("f", U) == nodes.Apply("df", U)
    assert slope("f", single(Entry("u", ())), iter("a").__next__) == single(
        Call("df", single(Entry("u", ())))
    )


def test_a_false_row_is_seen() -> None:
    """The test of derivatives would not pass a wrong one."""
    assert evaluate(derivative("tanh", U), {"u": 0.5}) != pytest.approx(
        float(evaluate(derivative("sin", U), {"u": 0.5}))
    )
    assert derivative("sqrt", nodes.Number(Fraction(4))) is not None
    assert np.isfinite(evaluate(derivative("erf", U), {"u": 0.5}))
