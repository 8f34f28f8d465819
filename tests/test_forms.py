"""Forms in index notation: their names do not depend on the letters that they sum over."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest
from test_adjoints import SHAPES

from matderiv import InputError, derive, gradient
from matderiv.calculus.deciding.decide import same_form
from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.calculus.index_forms.canonical import canonical
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import (
    Atom,
    Call,
    Entry,
    Form,
    Raised,
    added,
    constant,
    multiplied,
    placed,
    raised,
    refreshed,
    scaled,
    single,
    to_the,
)
from matderiv.calculus.index_forms.known_functions import mirrored
from matderiv.calculus.index_forms.partials import partial
from matderiv.expression.parse import parse

SCALARS = [
    "x @ S @ x",
    "tr(S @ T @ S)",
    "sum(f(A @ W))",
    "logsumexp(A @ x)",
    "sum(softmax(A, axis=1)*B)",
    "prod(x + y)",
    "det(S @ T)",
    "x @ inv(S) @ y",
    "norm(A @ x - b)",
    "logsumexp(sum(S, axis=0))",
    "logsumexp(sum(S, axis=1))",
]


def form(text: str) -> tuple[Entries, Form]:
    """The entries and the form of a scalar."""
    entries = Entries(shapes_over(SHAPES))
    return entries, entries.at(parse(f"L = {text}").loss.value)


@pytest.mark.parametrize("text", SCALARS)
def test_bound_letters_have_no_names(text: str) -> None:
    """Other letters under the sum signs change nothing."""
    entries, found = form(text)
    assert canonical(refreshed(found, entries.letter)) == canonical(found)


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(SCALARS, 2)))
def test_different_scalars_have_different_forms(one: str, other: str) -> None:
    """No two of these are proved equal."""
    assert not same_form(form(one)[1], form(other)[1])


@pytest.mark.parametrize(
    ("text", "by", "letters"),
    [(SCALARS[0], "x", "p"), (SCALARS[4], "B", "pq"), (SCALARS[5], "x", "p")],
)
def test_letters_are_not_captured(text: str, by: str, letters: str) -> None:
    """A free letter that is put in place of another stays free under every sum sign."""
    entries, found = form(text)
    rate = partial(found, Entry(by, tuple(letters)), entries.letter)
    turned = placed(placed(rate, {"p": "r"}), {"r": "p"})
    assert canonical(turned) == canonical(rate)
    assert canonical(placed(rate, {"p": "r"})) != canonical(rate)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sum(outer(x, y))", "sum(x)*sum(y)"),
        ("sum(x)**3/sum(x)", "sum(x)**2"),
        ("1/(2*sum(x) + 2*sum(y))", "(sum(x) + sum(y))**-1/2"),
        ("exp(norm(x)**2)", "exp(x @ x)"),
        ("sum(inv(f(S)) @ f(S) @ x)", "sum(x)"),
    ],
)
def test_the_same_scalars_are_the_same(one: str, other: str) -> None:
    """Sums are factors, common factors stand outside, an inverse goes away."""
    assert same_form(form(one)[1], form(other)[1])


@pytest.mark.parametrize("method", ["slice", "differential"])
def test_a_sum_over_a_number_of_equal_terms_is_a_multiple(method: str) -> None:
    """Σ_i x_j over two rows that the program itself counts reads as 2·x_j."""
    program, shapes = "L = sum(sum(x*ones((2, 3)), axis=0)**2)", {"x": (3,)}
    assert derive(program, method=method, shapes=shapes).proof.equalities > 0


def test_powers_of_zero() -> None:
    """0 to a positive power is 0, whole or not, 0 to the power 0 is 1, and others have no value."""
    for power in (Fraction(1, 2), Fraction(1), Fraction(5, 3)):
        assert raised((), constant(power)) == ()
    assert raised((), ()) == constant(Fraction(1))
    for power in (Fraction(-1, 2), Fraction(-1)):
        with pytest.raises(ZeroDivisionError):
            raised((), constant(power))
    with pytest.raises(InputError, match="divides by zero; write another divisor"):
        gradient("alpha/sum(x - x)")


def _value(form: Form, u: float) -> float:
    """The value of a form of exponentials of u."""
    return sum(
        float(number) * math.prod(_atom_value(atom, u) ** power for atom, power in term.atoms)
        for term, number in form
    )


def _atom_value(atom: Atom, u: float) -> float:
    match atom:
        case Call(function="exp", arg=arg):
            return math.exp(_value(arg, u))
        case Raised(base=base):
            return _value(base, u)
    return u


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("u", [-1.5, 0.25])
def test_quotients_of_exponentials_are_taken_apart(sign: int, u: float) -> None:
    """exp(±u)ᵉ·(1 + exp(±u))ᵇ is a sum of powers of exp(u) or of 1 + exp(u), of the same value."""
    exp = single(Call("exp", scaled(single(Entry("u", ())), Fraction(sign))))
    plus = added((constant(Fraction(1)), exp))
    for e, b in itertools.product(range(-3, 4), range(-3, 0)):
        made = mirrored(multiplied(to_the(exp, e), to_the(plus, b)))
        expected = math.exp(sign * u) ** e * (1 + math.exp(sign * u)) ** b
        assert _value(made, u) == pytest.approx(expected)
        assert all(len(term.atoms) <= 1 for term, _ in made)
