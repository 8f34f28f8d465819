"""A pytest fixture that collects all wrong gradients of a test and reports them in one message."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

__all__ = ["GradientCheck", "gradient_check"]


class GradientCheck:
    """The checks of `matderiv.testing`; what fails is kept until the test has ended."""

    def __init__(self) -> None:
        self.failures: list[str] = []

    def assert_gradient(self, *args: Any, **options: Any) -> bool:
        """`matderiv.testing.assert_gradient`; whether it passed."""
        from matderiv import testing  # with SymPy, which a run without this fixture never loads

        return self._run(testing.assert_gradient, args, options)

    def check_backward(self, *args: Any, **options: Any) -> bool:
        """`matderiv.testing.check_backward`; whether it passed."""
        from matderiv import testing  # as above

        return self._run(testing.check_backward, args, options)

    def check_grad(self, *args: Any, **options: Any) -> bool:
        """`matderiv.testing.check_grad`; whether it passed."""
        from matderiv import testing  # as above

        return self._run(testing.check_grad, args, options)

    def _run(
        self, check: Callable[..., object], args: tuple[Any, ...], options: dict[str, Any]
    ) -> bool:
        try:
            return check(*args, **options) is not False
        except AssertionError as error:
            self.failures.append(str(error))
            return False

    def message(self) -> str:
        """All failures, numbered."""
        count = len(self.failures)
        lines = [f"{count} wrong gradient{'s' if count > 1 else ''}:"]
        for number, failure in enumerate(self.failures, 1):
            first, *rest = failure.split("\n")
            lines += [f"{number}. {first}", *(f"   {line}" for line in rest)]
        return "\n".join(lines)


@pytest.fixture
def gradient_check() -> GradientCheck:
    """Check several gradients in one test; all wrong ones are reported at its end."""
    return GradientCheck()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail a test whose checks have failed, once it has run to its end."""
    check = getattr(item, "funcargs", {}).get("gradient_check")
    try:
        result = yield
    except BaseException as error:
        if isinstance(check, GradientCheck) and check.failures:
            error.add_note(check.message())
        raise
    if isinstance(check, GradientCheck) and check.failures:
        pytest.fail(check.message(), pytrace=False)
    return result
