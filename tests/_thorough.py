"""How many of a large family of cases the suite tries: some, and all with MATDERIV_THOROUGH=1.

MATDERIV_THOROUGH=1 pytest tests/test_sweep.py

The plain command, which runs a share of the suite, tries fewer where a test says how few will do.
"""

from __future__ import annotations

import os

THOROUGH = os.environ.get("MATDERIV_THOROUGH") == "1"

#: Whether the suite is run as a whole; tests/conftest.py knows before any test is read.
whole = True


def usually(some: int, thoroughly: int, least: int | None = None) -> int:
    """A number of cases, or a step between them: the last one where a share of the suite is run."""
    if THOROUGH:
        return thoroughly
    return some if whole or least is None else least
