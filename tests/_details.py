"""Reads what pages hold about single entries: the cells of arrays, and patterns of their keys."""

from __future__ import annotations

from matderiv.notation.boxes import Aligned, Box, Grid, Row, Tagged


def tagged(box: Box) -> list[Tagged]:
    """The tagged cells of a box."""
    match box:
        case Aligned(rights=rights):
            return [cell for right in rights for cell in tagged(right)]
        case Row(items=items):
            return [cell for item in items for cell in tagged(item)]
        case Grid(rows=rows):
            return [cell for row in rows for cell in row if isinstance(cell, Tagged)]
    return []


def fits(pattern: str, key: str) -> bool:
    """Whether a key is among those of a pattern: * is any number, = the number before it."""
    name, *places = pattern.split("-")
    own, *numbers = key.split("-")
    if name != own or len(places) != len(numbers):
        return False
    return all(
        place in ("*", number) or (place == "=" and number == numbers[n - 1])
        for n, (place, number) in enumerate(zip(places, numbers, strict=True))
    )
