"""Options of the test suite."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that rewrites the golden files."""
    parser.addoption(
        "--rewrite-golden",
        action="store_true",
        help="write the golden files anew from what the code prints now; read the difference",
    )
    parser.addoption(
        "--pages",
        type=int,
        default=12,
        help="how many pages of random programs are read by the page reader",
    )


@pytest.fixture
def rewrite_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written and not compared."""
    return bool(request.config.getoption("--rewrite-golden"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Random pages are read in batches, as many as are asked for."""
    if "page_batch" in metafunc.fixturenames:
        count = metafunc.config.getoption("--pages")
        metafunc.parametrize("page_batch", [range(n, n + 12) for n in range(0, count, 12)], ids=str)
