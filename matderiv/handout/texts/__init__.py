"""The texts of each language: one TOML file a language, prose with named fields, no LaTeX."""

from __future__ import annotations

import string
import tomllib
from functools import cache, lru_cache
from pathlib import Path

from matderiv.errors import InputError

__all__ = ["languages", "message", "messages"]

_FOLDER = Path(__file__).parent  # importlib.resources takes longer to import than this to run


@lru_cache(maxsize=1)
def languages() -> tuple[str, ...]:
    """The languages there are, by file name.

    >>> languages()
    ('en', 'zh')
    """
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.toml")))


@cache
def messages(language: str) -> dict[str, str]:
    """All messages of a language by their dotted key.

    Raises:
        InputError: there is no such language.
    """
    if language not in languages():
        raise InputError(f"There is no language {language!r}; there are: {', '.join(languages())}.")
    text = (_FOLDER / f"{language}.toml").read_text(encoding="utf-8")
    return {
        f"{table}.{key}": value
        for table, entries in tomllib.loads(text).items()
        for key, value in entries.items()
    }


def message(language: str, key: str) -> list[tuple[str, str | None]]:
    """A message as (text, name of the field after it) pairs."""
    text = messages(language)[key]
    return [(literal, field) for literal, field, _, _ in string.Formatter().parse(text)]
