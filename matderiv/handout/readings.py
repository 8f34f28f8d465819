"""Sentences about how a program was read where another reading fits as well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from matderiv.expression.readings import Reading
from matderiv.handout.document import Code, Segment, Segments
from matderiv.handout.sentences import fill, listed

__all__ = ["reading_sentences", "reading_texts"]

#: The shape that declares another kind of a name that is read as one of these.
_OTHER = {"scalars": "3", "vectors": "scalar", "matrices": "3"}


def reading_sentences(readings: Iterable[Reading], language: str) -> Iterator[Segments]:
    """One sentence for each reading, which says how to write the other meaning.

    Raises:
        InputError: there is no such language.
    """
    for reading in readings:
        names = listed(language, [(Code(name),) for name in reading.names])
        kind = reading.kind
        fields: dict[str, Segment | Segments]
        fields = {"names": names, "part": Code(reading.part), "other": Code(reading.other)}
        if kind == "targets":
            fields["part"] = Code(f"--wrt {reading.names[0]}")
        if kind == "reshaped":
            example = "x".join(f"{2 * n + 4}" for n, _ in enumerate(reading.other.split("×")))
            fields["option"] = Code(f"--shape {reading.names[0]}={example}")
        if kind in _OTHER:
            option = {"option": Code(f"--shape {reading.other}={_OTHER[kind]}")}
            otherwise = fill(language, "reading.otherwise", option) if reading.other else ()
            fields = {"names": names, "otherwise": otherwise}
            kind += "_one" if len(reading.names) == 1 else ""
        yield fill(language, f"reading.{kind}", fields)


def reading_texts(readings: Iterable[Reading], language: str = "en") -> tuple[str, ...]:
    """The same as plain text.

    >>> reading_texts([Reading("vectors", ("x", "w"), other="x")])
    ('x and w are read as vectors; --shape x=scalar declares it otherwise.',)
    """
    said = reading_sentences(readings, language)
    return tuple("".join(getattr(part, "text", "") for part in segments) for segments in said)
