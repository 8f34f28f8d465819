"""Gradient checks for test suites: against the proved formula, or against differences alone."""

from __future__ import annotations

from matderiv.testing._backward import check_backward
from matderiv.testing._numeric import check_grad, check_hvp
from matderiv.testing._symbolic import assert_gradient, assert_hessian, assert_jacobian

__all__ = [
    "assert_gradient",
    "assert_hessian",
    "assert_jacobian",
    "check_backward",
    "check_grad",
    "check_hvp",
]
