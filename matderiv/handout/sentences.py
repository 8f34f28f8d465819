"""Sentences of a language: their fields filled in, put together and listed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from matderiv.handout.document import Code, Math, Segment, Segments, Text
from matderiv.handout.texts import message, messages

__all__ = ["Fields", "Filling", "fill", "listed", "together"]

Fields = dict[str, Segment]
#: The fields of a message: one segment or several for each name.
Filling = Mapping[str, Segment | Segments]


def fill(language: str, key: str, fields: Filling) -> tuple[Segment, ...]:
    """A message of a language with its fields filled in."""
    segments: list[Segment] = []
    for text, name in message(language, key):
        if text:
            segments.append(Text(text))
        if name is not None:
            field = fields[name]
            segments += field if isinstance(field, tuple) else (field,)
    return tuple(segments)


def together(language: str, sentences: Iterable[Segments]) -> Segments:
    """Sentences one after another."""
    space = Text(messages(language)["language.space"])
    made: list[Segment] = []
    for sentence in sentences:
        made += (space, *sentence) if made else sentence
    return tuple(made)


def listed(language: str, items: Iterable[Segments], kind: str = "") -> Segments:
    """Items joined with commas and "and"; for clauses with other words.

    Between words a language may have no spaces; around a formula there is one.
    """
    words = messages(language)
    made: list[Segment] = []
    parts = list(items)
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if number and kind:
            made.append(Text(words[f"program.{kind}{'and' if last else 'comma'}"]))
        elif number and last:
            left, right = (
                " " if isinstance(beside, Math | Code) else words["language.space"]
                for beside in (made[-1], part[0])
            )
            made.append(Text(f"{left}{words['program.and']}{right}"))
        elif number:
            made.append(Text(words["program.comma"]))
        made += part
    return tuple(made)
