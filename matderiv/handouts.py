"""Handouts as values that can be written to files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Literal, get_args

from matderiv import files
from matderiv.derivation.links import Derivation
from matderiv.errors import InputError
from matderiv.handout.command import Command
from matderiv.handout.document import CodeBlock, Document, Exercise
from matderiv.handout.formats import form_of, write
from matderiv.handout.sheet import answer_sheet, sheet, with_exercises
from matderiv.handout.words import one_line

__all__ = ["Answers", "Handout", "make"]

#: Where the answers to the exercises stand.
Answers = Literal["none", "end", "separate"]

_MOST_EXERCISES = 100


@dataclass(frozen=True, slots=True)
class Handout:
    """A handout, and its answers if they are a document of their own.

    `command` is the shell command that makes it.
    """

    document: Document
    answers: Document | None
    command: Command

    def named(self, *names: str, fragment: bool = False) -> Handout:
        """The handout that says it was written to files of these names."""
        command = self.command.with_files(names, fragment=fragment)
        old, new = self.command.text, command.text

        def renamed(document: Document) -> Document:
            return replace(
                document,
                blocks=tuple(
                    replace(block, text=new)
                    if isinstance(block, CodeBlock) and block.text == old
                    else block
                    for block in document.blocks
                ),
            )

        answers = None if self.answers is None else renamed(self.answers)
        return Handout(renamed(self.document), answers, command)

    def write(self, form: str) -> str | bytes:
        """The handout in a format, such as "md", "tex" or "latex", a piece to input."""
        return write(self.document, form)

    def contents(self, path: Path, form: str | None = None) -> dict[Path, str | bytes]:
        """What a file of the handout holds, and the file of the answers beside it if there is one.

        Raises:
            InputError: there is no format of that suffix, or what it needs is not installed.
        """
        form = form_of(path.name) if form is None else form
        found = {path: self.write(form)}
        if self.answers is not None:
            beside = path.with_name(f"{path.stem}-answers{path.suffix}")
            found[beside] = write(self.answers, form)
        return found

    def save(self, path: str | PathLike[str]) -> tuple[Path, ...]:
        """Write the handout to a file, whole or not at all; the suffix says in which format.

        Separate answers to `NAME.md` are written to `NAME-answers.md`.

        Raises:
            InputError: there is no format of that suffix, or what it needs is not installed.
            OSError: the file cannot be written.

        Returns:
            The files written.
        """
        place = Path(path)
        contents = self.named(place.name).contents(place)
        files.write_all(contents)
        return tuple(contents)


def make(
    derivation: Derivation,
    *,
    lang: str,
    title: str | None,
    author: str,
    limit: int | None,
    show: int | Literal["all"] | None,
    exercises: int,
    seed: int,
    answers: Answers,
) -> Handout:
    """The handout of a derivation; `limit` is how much is shown, `show` how that was asked for.

    Raises:
        InputError: an argument cannot be used as it stands.
    """
    if answers not in get_args(Answers):
        raise InputError(f"answers is {answers!r}; there are: {', '.join(get_args(Answers))}.")
    if not 0 <= exercises <= _MOST_EXERCISES:
        raise InputError(f"exercises is {exercises}; it is a number from 0 to {_MOST_EXERCISES}.")
    if answers == "separate" and not exercises:
        raise InputError("Separate answers need exercises; give --exercises 5, or leave them out.")
    title = None if title is None else one_line("title", title)
    author = one_line("author", author) if author else ""
    options = {
        "--lang": lang,
        "--show": show,
        "--title": title,
        "--author": author or None,
        **({"--exercises": exercises, "--seed": seed, "--answers": answers} if exercises else {}),
    }
    command = Command.of(derivation, options)
    drawn = _exercises(derivation, lang, exercises, seed)
    document = sheet(derivation, lang, limit, command=command, title=title, author=author)
    document = with_exercises(document, drawn, answers)
    key = answer_sheet(document, drawn) if answers == "separate" else None
    return Handout(document, key, command)


def _exercises(derivation: Derivation, lang: str, count: int, seed: int) -> tuple[Exercise, ...]:
    if not count:
        return ()
    from matderiv.handout.exercises import exercises

    return exercises(derivation, lang, count, seed)
