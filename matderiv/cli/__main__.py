"""`python -m matderiv.cli`."""

from __future__ import annotations

from matderiv.cli import main

if __name__ == "__main__":
    main()
