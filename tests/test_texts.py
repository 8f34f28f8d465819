"""The languages say the same: the same messages with the same fields, and no LaTeX in them."""

from __future__ import annotations

import string

import pytest

from matderiv.errors import InputError
from matderiv.handout.texts import languages, messages


def fields(text: str) -> set[str]:
    """The names of the fields of a message."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", languages())
def test_same_messages_with_the_same_fields(language: str) -> None:
    """No language lacks a message, has one too many, or leaves a formula out."""
    english, other = messages("en"), messages(language)
    assert other.keys() == english.keys()
    for key, text in english.items():
        assert fields(other[key]) == fields(text), key


@pytest.mark.parametrize("language", languages())
def test_no_latex_in_prose(language: str) -> None:
    """Prose holds no mathematics: what needs a format's markup is a field."""
    for key, text in messages(language).items():
        assert not set("\\$^&#%~") & set(text), key


def test_unknown_language_is_refused_with_those_there_are() -> None:
    """A language that is not there is an input error that lists the others."""
    with pytest.raises(InputError, match="no language 'fr'; there are: en, zh"):
        messages("fr")
