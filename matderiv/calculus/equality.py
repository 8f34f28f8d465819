"""Whether two arrays are equal at every size: their general entries read the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from matderiv.calculus.broadcasting import ShapeOf
from matderiv.calculus.entries import Entries
from matderiv.calculus.contraction import contracted
from matderiv.calculus.forms import Form, TooLarge, difference
from matderiv.calculus.naming import canonical
from matderiv.calculus.identities import summands_vanish
from matderiv.errors import UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["Equality", "same_form"]

LETTERS = ("p", "q")


def same_form(one: Form, other: Form) -> bool:
    """Whether two forms are proved equal, for every value of their letters and sizes."""
    try:
        if canonical(one) == canonical(other):
            return True
        return summands_vanish(difference(one, other))
    except (TooLarge, UnsupportedError):
        return False
