"""Certificates that tests may alter, and what the script says of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import verify_certificate
from certificates.frame import digest

Json = Any  # what json.loads gives


def sealed(data: Json) -> Json:
    """The same with the digest computed anew, as a careful forger would."""
    content = {name: part for name, part in data.items() if name != "sha256"}
    return content | {"sha256": digest(content)}


def refused(data: Json) -> str:
    """The message with which a certificate is refused."""
    code, message = verify_certificate.outcome(data)
    assert code == 1, message
    return str(message)


def leaves(part: Json, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every string, number, truth value and null."""
    for place, inner in part.items() if isinstance(part, dict) else enumerate(part):
        if isinstance(inner, dict | list):
            yield from leaves(inner, (*path, place))
        else:
            yield (*path, place)


def within(data: Json, path: tuple[Any, ...]) -> Json:
    """The part at the end of a path."""
    for place in path:
        data = data[place]
    return data


def altered(value: Json, chance: random.Random) -> Json:
    """Another value of the same type, or something where there was nothing."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int):
        return value + chance.choice((-1, 1, 10))
    at = chance.randrange(len(value) + 1)
    return value[:at] + chance.choice("01XYij+ ") + value[at:]
