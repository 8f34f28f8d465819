"""scripts/fuzz.py: a small run of every kind, and failures that are planted and found."""

from __future__ import annotations

import contextlib
import random
import time
import warnings
from collections import Counter
from collections.abc import Callable

import fuzz
import numpy as np
import pytest
from _calls import CALLS
from _fuzz_trial import Found, Limits, isolated, shrunk, tried
from _programs import program_of
from _reference import run

from matderiv import InputError
from matderiv.errors import MatderivError
from matderiv.expression.operations import OPERATIONS

#: Tries of each kind in the suite, which take half a second.
SOME = {
    "texts": 4,
    "programs": 2,
    "claims": 2,
    "words": 2,
    "called": 2,
    "certificates": 1,
    "arguments": 15,
    "command": 1,
}

SMALL = Limits(seconds=1, megabytes=200)


@pytest.mark.parts
@pytest.mark.parametrize("name", fuzz.KINDS)
def test_a_few_tries(name: str) -> None:
    """Nothing that should not be comes of them."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        outcomes, lines = fuzz.fuzzed(name, fuzz.KINDS[name], SOME[name], seed=20)
    assert lines == []
    assert outcomes.total() == SOME[name]


@pytest.mark.long
def test_any_words_end_in_a_verdict_or_a_clean_error() -> None:
    """Random texts and trees as claims raise nothing else, and come to more than one end."""
    kind = fuzz.KINDS["words"]
    cases = [kind.make(random.Random(f"words {n}")) for n in range(100)]
    found = Counter(tried(kind.trial, case).what for case in cases)
    assert found.keys() <= {"refused", "right", "wrong", "undecided"}
    assert found["refused"] > 25
    assert found["wrong"] > 8


def hang(_: object) -> Found:
    """Work without an end."""
    while True:
        time.process_time()


def hoard(_: object) -> Found:
    """Work that needs memory without an end."""
    return Found(str(len([bytearray(2**20) for _ in range(10_000)])))


def raises(error: BaseException) -> Callable[[object], Found]:
    """A trial that ends in an exception."""

    def trial(_: object) -> Found:
        raise error

    return trial


class _TwoLinesError(MatderivError):
    def __str__(self) -> str:
        return "one\ntwo"


@pytest.mark.parts
@pytest.mark.parametrize(
    ("trial", "what", "bad"),
    [
        (raises(KeyError("n")), "traceback KeyError", True),
        (raises(SystemExit(3)), "traceback SystemExit", True),
        (raises(_TwoLinesError("")), "a message of several lines", True),
        (raises(InputError("This cannot be read.")), "refused", False),
        (hoard, "over memory", True),
        (hang, "over time", True),
        (lambda _: Found("answered"), "answered", False),
    ],
)
# Another test of the same process may have loaded JAX, whose threads a child never calls.
@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
def test_planted_failures_are_found(
    trial: Callable[[object], Found], what: str, *, bad: bool
) -> None:
    """Every way to fail is told from every other, and none of them ends the fuzzer."""
    found = isolated(trial, None, SMALL)
    assert (found.what, found.bad) == (what, bad)


def test_failures_are_cut_down() -> None:
    """Only the part that fails is left."""
    kind = fuzz.KINDS["texts"]
    case = "Y = tanh(X @ W + b); L = sum(Y**2) + lam*sum(exp(W))"
    assert shrunk(case, kind.cuts, lambda text: "lam" in text and "exp" in text) == "lamexp"
    calls = fuzz.KINDS["arguments"]
    assert shrunk(("f", {"a": 1, "b": 2}), calls.cuts, lambda c: "b" in c[1]) == ("f", {"b": 2})


@pytest.mark.parametrize("name", fuzz.KINDS)
def test_a_seed_makes_one_case(name: str) -> None:
    """A case that was reported can be made again."""
    kind = fuzz.KINDS[name]
    one, other = (kind.shown(kind.make(random.Random(f"{name} 5"))) for _ in range(2))
    assert one == other


def test_random_programs_call_every_operation() -> None:
    """Each name of the registry has calls, and no call is of anything else but an index."""
    names = {call.name for call in CALLS}
    assert names - OPERATIONS.keys() == {"slice", "entry", "labels"}
    assert not OPERATIONS.keys() - names


def test_every_call_can_be_made_and_has_the_shape_it_says() -> None:
    """So that none is missing among the random programs without a word."""
    for call in CALLS:
        seeds = iter(range(20))
        made = next(filter(None, (program_of(call, seed) for seed in seeds)))
        with np.errstate(all="ignore"), contextlib.suppress(np.linalg.LinAlgError):
            values = run(made.text, made.numbers(np.random.default_rng(0)))
            assert np.shape(values["P"]) == made.shapes["P"], made.text
