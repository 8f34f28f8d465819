"""Options of the test suite, and what of it the plain command runs.

`pytest` alone runs a share of each family of cases, an eighth of the tests marked `long`, and no
test of a real browser, TeX, Typst, Jupyter kernel, torch, JAX or child process, which are marked `parts`. Which
of them are run turns with whatever changes in their file. `pytest --whole` runs everything, as CI does, and so does `pytest` with
files or names of tests for these.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Generator
from functools import cache
from pathlib import Path
from typing import TypeVar
from zlib import crc32

import _thorough
import pytest
from xdist.workermanage import WorkerController

from matderiv._collector import uncollected

Case = TypeVar("Case")

_WHOLE = pytest.StashKey[bool]()
_LARGE = 100
_ONE_IN = 8  # tests that take long

# Each process, and there are hundreds, would compile every file anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that rewrite golden files, read more pages, and run everything."""
    parser.addoption(
        "--rewrite-golden",
        action="store_true",
        help="write the golden files anew from what the code prints now; read the difference",
    )
    parser.addoption(
        "--pages",
        type=int,
        help="how many pages of random programs are read by the page reader: 36, with --whole 360",
    )
    parser.addoption(
        "--whole",
        action="store_true",
        help="run every case of large families, and what needs a browser, TeX, Typst or a kernel",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Everything is run where it is asked for, or where tests are chosen by name."""
    plain = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    chosen = config.option.keyword or config.option.markexpr
    told = getattr(config, "workerinput", {})
    whole = config.getoption("--whole") or _thorough.THOROUGH or bool(chosen) or not plain
    config.stash[_WHOLE] = _thorough.whole = told.get("whole", whole)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    """Tell a process of pytest-xdist what is run."""
    node.workerinput["whole"] = node.config.stash[_WHOLE]


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say that some tests are left out."""
    if config.stash[_WHOLE]:
        return None
    return "a share of large families and of long tests, no real parts; --whole runs everything"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Ten thousand cases are made, and none is in a cycle that could be collected."""
    with uncollected():
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the plain command does not run, before anything else is done with it."""
    if config.stash[_WHOLE]:
        return
    families = defaultdict[str, list[pytest.Item]](list)
    for item in items:
        if item.get_closest_marker("parts") is None:
            families[item.nodeid.partition("[")[0]].append(item)
    kept: set[pytest.Item] = set()
    for family in families.values():
        for item in share(family, _turn(family[0].path)):
            own = _turn(item.path) + crc32(item.nodeid.encode())
            if item.get_closest_marker("long") is None or own % _ONE_IN == 0:
                kept.add(item)
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]


@cache
def _turn(path: Path) -> int:
    return crc32(path.read_bytes())


def share(family: list[Case], turn: int) -> list[Case]:
    """Some cases of a test, evenly over all of them; another turn gives others."""
    count = len(family)
    step = 20 if count >= _LARGE else max(2, min(8, count // 2))
    return family[turn % min(step, count) :: step]


@pytest.fixture
def rewrite_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written and not compared."""
    return bool(request.config.getoption("--rewrite-golden"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Random pages are read in batches, as many as are asked for."""
    if "page_batch" in metafunc.fixturenames:
        whole = metafunc.config.getoption("--whole")
        count = metafunc.config.getoption("--pages") or (360 if whole else 36)
        metafunc.parametrize("page_batch", [range(n, n + 12) for n in range(0, count, 12)], ids=str)
