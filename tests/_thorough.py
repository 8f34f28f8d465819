"""How many of a large family of cases the suite tries: some, and all with MATDERIV_THOROUGH=1.

MATDERIV_THOROUGH=1 pytest tests/test_sweep.py
"""

from __future__ import annotations

import os

THOROUGH = os.environ.get("MATDERIV_THOROUGH") == "1"


def usually(some: int, thoroughly: int) -> int:
    """A number of cases, or a step between them: the second one in a thorough run."""
    return thoroughly if THOROUGH else some
