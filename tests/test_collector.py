"""The collector of cycles: off while values without cycles are made, then as it was."""

from __future__ import annotations

import gc

import pytest

from matderiv._collector import uncollected


def test_collector_is_off_inside_and_as_before_after_an_error() -> None:
    """A failure inside does not leave the caller's process without its collector."""
    assert gc.isenabled()
    inside: list[bool] = []

    @uncollected()
    def failing() -> None:
        inside.append(gc.isenabled())
        raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        failing()
    assert inside == [False]
    assert gc.isenabled()


def test_collector_that_was_off_stays_off() -> None:
    """Whoever turned the collector off does not find it on again."""
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_is_made_counts_as_old() -> None:
    """The collector does not walk all of it as soon as it is on again; what others froze stays."""
    with uncollected():
        made = [[n] for n in range(5000)]
    young = gc.get_objects(generation=0)
    assert len(made) > len(young)
    assert gc.get_freeze_count() == 0
    gc.freeze()
    try:
        with uncollected():
            made.append([])
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
