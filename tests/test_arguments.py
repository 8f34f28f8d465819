"""The door: every public function reads its arguments once, and refuses others in one line."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import numpy as np
import pytest

import matderiv
from matderiv import testing
from matderiv.errors import InputError
from matderiv.testing import strategies

#: Values that no parameter takes, whatever it is called.
NOTHING = (object(), 1j, b"X", {1: 2}, [[None]])


def methods(kind: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The public functions of a class that take something."""
    for name, value in vars(kind).items():
        public = name == "__call__" or not name.startswith("_")
        if (
            public
            and isinstance(value, FunctionType)
            and len(inspect.signature(value).parameters) > 1
        ):
            yield f"{kind.__name__}.{name}", value


def public() -> dict[str, Callable[..., Any]]:
    """All functions that the package offers, and those of the classes that they return."""
    found: dict[str, Callable[..., Any]] = {}
    for module in (matderiv, testing, strategies):
        for name in module.__all__:
            value = getattr(module, name)
            if isinstance(value, FunctionType):
                found[name] = value
            elif isinstance(value, type) and not issubclass(value, Exception):
                found |= methods(value)
    return found


def test_every_public_function_has_a_door() -> None:
    """None is forgotten: what is public reads its arguments before it does anything."""
    assert len(public()) > 20
    assert [
        name for name, function in public().items() if not hasattr(function, "__wrapped__")
    ] == []


@pytest.mark.parametrize("name", public())
def test_other_kinds_of_arguments_are_refused(name: str) -> None:
    """Each argument alone, of a kind that it never has: one line that names it."""
    function = public()[name]
    parameters = inspect.signature(function).parameters.values()
    doors = [p for p in parameters if p.name != "self" and p.kind is not p.VAR_KEYWORD]
    assert doors
    for parameter in doors:
        for value in NOTHING:
            if parameter.name == "args" and isinstance(value, list):
                continue  # any list is a list of arguments
            given: dict[str, Any] = {p.name: None for p in doors if p.default is p.empty}
            given[parameter.name] = value
            itself = [None] * ("self" in inspect.signature(function).parameters)
            several = [given.pop(p.name) for p in doors if p.kind is p.VAR_POSITIONAL]
            with pytest.raises(InputError) as refused:
                function(*itself, *several, **given)
            assert "\n" not in str(refused.value)
            assert "; it is " in str(refused.value)


def test_what_is_an_argument_in_another_dress_is_one() -> None:
    """NumPy's numbers, lists, pairs and iterators mean what they look like."""
    plain = matderiv.gradient("L = sum((X @ W)**2)", wrt=["X"], shapes={"X": (2, 3)})
    dressed = matderiv.gradient(
        "L = sum((X @ W)**2)",
        wrt=iter(["X", "X"]),
        shapes={"X": list(np.ones((2, 3)).shape)},  # type: ignore[dict-item]
        sizes={"M": np.int64(3)},  # type: ignore[dict-item]
        assume=iter([]),
    )
    assert plain.keys() == dressed.keys()
    assert str(plain["X"]) == str(dressed["X"])


def test_whatever_cannot_be_shown_is_named_by_its_type() -> None:
    """A message never fails itself: an object that raises when it is shown, a number too long."""

    class Hidden:
        def __repr__(self) -> str:
            raise RuntimeError

    with pytest.raises(
        InputError, match=r"program is <Hidden instance at .*>; it is a program as text"
    ):
        matderiv.gradient(Hidden())  # type: ignore[call-overload]
    with pytest.raises(InputError, match="N is of type int; a size is a whole number"):
        matderiv.gradient("sum(X @ w)", sizes={"N": 10**5000})
    with pytest.raises(InputError, match="x is no array of numbers"):
        matderiv.gradient("sum(x**2)")(x=10**5000)  # type: ignore[operator]


def test_only_public_names_are_listed() -> None:
    """`dir` shows what the package offers, whatever has been imported."""
    assert dir(matderiv) == sorted(matderiv.__all__)
    assert matderiv.check is not None


@pytest.mark.long
def test_the_default_is_every_input_that_is_an_array() -> None:
    """`derive` and `gradient` take the same; a claim is about the one of them that it is right for."""
    program = "L = lam*sum((X @ W)**2)"
    found = matderiv.gradient(program)
    assert isinstance(found, dict)
    assert tuple(found) == matderiv.derive(program).wrt == ("X", "W")
    assert isinstance(matderiv.gradient("lam*sum(X**2)"), matderiv.Gradient)
    for name, gradient in found.items():
        report = matderiv.check(program, claim=str(gradient))
        assert (report.status, report.question.wrt) == ("right", name)
    assert matderiv.check(program, claim="2*X.T").question.wrt == "X"
    assert matderiv.check(program, claim=f"3*({found['W']})").question.wrt == "W"


def test_claims_about_assigned_values() -> None:
    """`check` takes the names that `gradient` takes, inputs or not."""
    program = "H = tanh(X @ W); L = sum((H @ V - T)**2)"
    right = str(matderiv.gradient(program, wrt="H"))
    assert matderiv.check(program, "H", right).status == "right"
    wrong = matderiv.check(program, "H", right.replace("V.T", "V"))
    assert wrong.status == "wrong"
    assert "V lost its transpose: it must be V.T." in str(wrong)


def test_results_show_themselves_briefly() -> None:
    """What a prompt prints is one short line, and a notebook gets a formula or a page."""
    long = "L = sum(tanh(tanh(tanh(X @ W)*X @ W)*tanh(X @ W) + log(1 + exp(X @ W)))**2)"
    checked = matderiv.check(claim="2*dY @ W.T")
    shown = {
        matderiv.gradient(long, wrt="X"): "$$",
        matderiv.derive(): "$$",
        checked: "<pre>",
        matderiv.jacobian(): "",
        matderiv.derive().handout(): "",
    }
    for value, start in shown.items():
        assert len(repr(value)) < 150
        assert "\n" not in repr(value)
        if start:
            rich = getattr(value, "_repr_latex_", None) or value._repr_html_
            assert rich().startswith(start)
    assert repr(checked) == "<Check: a claim about dX is wrong>"
    assert not checked
    assert matderiv.check(claim="dY @ W.T")
    mean = matderiv.gradient("mean((X @ theta)**2)", wrt="theta")
    display, *remarks = (mean._repr_latex_() or "").split("$$\n\n")
    assert "%" not in display
    assert remarks == ["\n\n".join((*mean.readings, "N: the rows of X"))]
    assert checked.facts["causes"] == [{"kind": "factor", "factor": "2"}]
    assert str(checked) == checked.text().rstrip("\n")
