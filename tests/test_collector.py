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
