"""Whether two arrays are equal at every size: their general entries read the same."""

from __future__ import annotations

from matderiv.calculus.deciding.identities import summands_vanish
from matderiv.calculus.index_forms.canonical import canonical
from matderiv.calculus.index_forms.factoring import factored
from matderiv.calculus.index_forms.forms import Form, TooLarge, difference
from matderiv.errors import UnsupportedError

__all__ = ["same_form"]


def same_form(one: Form, other: Form) -> bool:
    """Whether two forms are proved equal, for every value of their letters and sizes."""
    try:
        if canonical(one) == canonical(other):
            return True
        if summands_vanish(difference(one, other)):
            return True
        one, other = factored(one), factored(other)
        return canonical(one) == canonical(other) or summands_vanish(difference(one, other))
    except (TooLarge, UnsupportedError):
        return False
