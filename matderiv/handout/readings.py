"""Sentences about how a program was read: what names were taken to be, and other readings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from matderiv.expression.readings import Reading
from matderiv.handout.document import Code, Segment, Segments, Text
from matderiv.handout.sentences import fill, listed
from matderiv.handout.texts import messages

__all__ = ["reading_sentences", "reading_texts"]

#: The shape that declares another kind of a name that is read as one of these.
_OTHER = {"scalars": "3", "vectors": "scalar", "matrices": "3"}


def reading_sentences(readings: Iterable[Reading], language: str) -> Iterator[Segments]:
    """One sentence for each reading beside another, which says how to write the other meaning.

    Raises:
        InputError: there is no such language.
    """
    for reading in readings:
        if reading.kind != "convention":  # pages show all shapes
            yield _sentence(reading, language)


def _sentence(reading: Reading, language: str) -> Segments:
    names = listed(language, [(Code(name),) for name in reading.names])
    kind = reading.kind
    fields: dict[str, Segment | Segments]
    fields = {"names": names, "part": Code(reading.part), "other": Code(reading.other)}
    if kind == "targets":
        fields["part"] = Code(f"--wrt {reading.names[0]}")
    if kind == "reshaped":
        example = "x".join(f"{2 * n + 4}" for n, _ in enumerate(reading.other.split("×")))
        fields["option"] = Code(f"--shape {reading.names[0]}={example}")
    if kind == "functional":
        fields["option"] = Code(f"--shape {reading.names[0]}={reading.other}")
    if kind in _OTHER:
        option = {"option": Code(f"--shape {reading.other}={_OTHER[kind]}")}
        otherwise = fill(language, "reading.otherwise", option) if reading.other else ()
        fields = {"names": names, "otherwise": otherwise}
        kind += "_one" if len(reading.names) == 1 else ""
    return fill(language, f"reading.{kind}", fields)


def _kinds(reading: Reading, language: str) -> Segments:
    """X: a matrix; w, y: vectors."""
    words = messages(language)
    groups = [
        [n for n, own in zip(reading.names, reading.dimensions, strict=True) if own == number]
        for number in reversed(range(len(_OTHER)))
    ]
    said = [
        words["program.comma"].join(names)
        + words[f"reading.of_{2 - number}{'_one' if len(names) == 1 else ''}"]
        for number, names in enumerate(groups)
        if names
    ]
    return (Text(words["reading.apart"].join(said)),)


def reading_texts(
    readings: Iterable[Reading], language: str = "en", *, shapes_stand: bool = False
) -> tuple[str, ...]:
    """The same as plain text, with what names are by convention, unless shapes stand beside it.

    >>> reading_texts([Reading("vectors", ("x", "w"), other="x")])
    ('x and w are read as vectors; --shape x=scalar declares it otherwise.',)
    >>> reading_texts([Reading("convention", ("X", "w", "y"), dimensions=(2, 1, 1))])
    ('X: a matrix; w, y: vectors',)
    """
    said = (
        (_kinds if reading.kind == "convention" else _sentence)(reading, language)
        for reading in readings
        if not (shapes_stand and reading.kind == "convention")
    )
    return tuple("".join(getattr(part, "text", "") for part in segments) for segments in said)
