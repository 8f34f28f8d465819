"""Handouts as values that can be written to files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Literal, get_args

from matderiv import files
from matderiv.arguments import checked
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.board import build_board
from matderiv.derivation.exchanged import exchanged
from matderiv.derivation.links import ProvedSteps
from matderiv.derivation.methods.table import usual_method
from matderiv.errors import InputError
from matderiv.handout.board import board_title
from matderiv.handout.command import Command
from matderiv.handout.composer import ProgramComposer
from matderiv.handout.document import Block, CodeBlock, Document, Exercise, Text
from matderiv.handout.formats import format_of, write, write_text
from matderiv.handout.lengths import Length, blocks_of, read_length
from matderiv.handout.restyled import in_notation, style_of
from matderiv.handout.sheet import answer_sheet, how_it_was_made, live_cells, sheet, with_exercises
from matderiv.handout.text import words_of
from matderiv.handout.texts import messages
from matderiv.handout.words import one_line

__all__ = ["AnswersPlace", "Handout", "Wishes", "make"]

#: Where the answers to the exercises stand.
AnswersPlace = Literal["none", "end", "separate"]

_MOST_EXERCISES = 100


@dataclass(frozen=True, slots=True, repr=False)
class Handout:
    """A handout, and its answers if they are a separate document.

    `command`: the shell command that makes it; `left_out`: how many exercises that were asked for
    could not be made.
    """

    document: Document
    answers: Document | None
    command: Command
    left_out: int = 0

    @checked()
    def named(self, *names: str, fragment: bool = False) -> Handout:
        """The handout that says it was written to files of these names."""
        command = self.command.with_files(names, fragment=fragment)
        new = {
            old.text: old.with_files(names, fragment=fragment).text
            for old in (self.command, self.command.without_exercises())
        }

        def renamed(document: Document) -> Document:
            return replace(
                document,
                blocks=tuple(
                    replace(block, text=new.get(block.text, block.text))
                    if isinstance(block, CodeBlock)
                    else block
                    for block in document.blocks
                ),
            )

        answers = None if self.answers is None else renamed(self.answers)
        return replace(self, document=renamed(self.document), answers=answers, command=command)

    @checked()
    def write(self, form: str) -> str | bytes:
        """The handout in a format, such as "md", "tex" or "latex", a piece to input."""
        return write(self.document, form)

    def __repr__(self) -> str:
        """The title, and whether the answers stand elsewhere."""
        apart = "" if self.answers is None else ", answers apart"
        return f"<Handout: {words_of(self.document.title)}{apart}>"

    def _repr_markdown_(self) -> str:
        return write_text(self.document, "md")

    @checked()
    def contents(
        self, path: str | PathLike[str], form: str | None = None
    ) -> dict[Path, str | bytes]:
        """The content of a file of the handout, and of the file with its answers if there is one.

        Raises:
            InputError: there is no format of that suffix, or what it needs is not installed.
        """
        place = Path(path)
        form = format_of(place.name) if form is None else form
        found = {place: self.write(form)}
        if self.answers is not None and form != "moodle.xml":  # a quiz has its answers in it
            beside = place.with_name(f"{place.stem}-answers{place.suffix}")
            found[beside] = write(self.answers, form)
        return found

    @checked()
    def save(self, path: str | PathLike[str]) -> tuple[Path, ...]:
        """Write the handout to a file, whole or not at all; the suffix says in which format.

        Separate answers to `NAME.md` are written to `NAME-answers.md`.

        Raises:
            InputError: there is no format of that suffix, or what it needs is not installed.
            OSError: the file cannot be written.

        Returns:
            The files written.
        """
        contents = self.named(Path(path).name).contents(path)
        files.write_all(contents)
        return tuple(contents)


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options of a handout; see `Derivation.handout`."""

    lang: str = "en"
    title: str | None = None
    author: str = ""
    show: int | Literal["all"] | None = None
    exercises: int = 0
    seed: int = 0
    answers: AnswersPlace = "end"
    #: None: full of a single product or by a method that was asked for, else short.
    length: Length | None = None
    #: Whether an appendix of a full handout shows the Jacobian.
    jacobian: bool = True
    notation: str | None = None
    mono: bool = False

    def checked(self) -> Wishes:
        """The same, its words in one line.

        Raises:
            InputError: one of them cannot be used as it stands.
        """
        if self.answers not in get_args(AnswersPlace):
            known = ", ".join(get_args(AnswersPlace))
            raise InputError(f"answers is {self.answers!r}; there are: {known}.")
        if self.length is not None:
            read_length(self.length)
        if not 0 <= self.exercises <= _MOST_EXERCISES:
            raise InputError(
                f"{self.exercises} exercises are asked for; give a number from 0 to "
                f"{_MOST_EXERCISES}."
            )
        if self.answers == "separate" and not self.exercises:
            raise InputError("Separate answers need exercises; add --exercises 5, for example.")
        return replace(
            self,
            title=None if self.title is None else one_line("title", self.title),
            author=self.author and one_line("author", self.author),
        )

    @property
    def options(self) -> dict[str, object]:
        """The options of the command line that say the same."""
        found: dict[str, object] = {
            "--lang": self.lang,
            "--length": self.length,
            "--show": self.show,
            "--title": self.title,
            "--author": self.author or None,
            "--no-jacobian": None if self.jacobian else True,
            "--notation": self.notation or None,
            "--mono": self.mono or None,
        }
        if self.exercises:
            found["--exercises"] = self.exercises
            found["--seed"] = self.seed
            found["--answers"] = self.answers
        return found


def make(derivation: ProvedSteps, wishes: Wishes, limit: int | None) -> Handout:
    """The handout of a derivation; `limit` is how many rows, columns and terms are shown.

    Raises:
        InputError: there is no such language, or a wish cannot be used as it stands.
    """
    wishes = wishes.checked()
    messages(wishes.lang)
    command = Command.of(derivation, wishes.options)
    made = how_it_was_made(wishes.lang, "again", command)
    separate = wishes.answers == "separate"
    # Who has the sheet alone is not told how to make the answers.
    plain = how_it_was_made(wishes.lang, "again_without", command.without_exercises())
    document = _sheet(derivation, wishes, limit, plain if separate else made)
    drawn = _exercises(derivation, wishes)
    key = answer_sheet(document, drawn, made) if separate else None
    whole = with_exercises(document, drawn, wishes.exercises, wishes.answers)
    if drawn:
        from matderiv.handout.exercises import formula_questions

        whole = replace(whole, quiz=(*formula_questions(derivation, wishes.lang), *drawn))
    style = style_of(derivation.task, wishes.notation)
    whole = in_notation(whole, style, mono=wishes.mono)
    key = key and in_notation(key, style, mono=wishes.mono)
    return Handout(whole, key, command, wishes.exercises - len(drawn))


def _sheet(
    derivation: ProvedSteps, wishes: Wishes, limit: int | None, made: Sequence[Block]
) -> Document:
    """The handout without exercises; `made` says how it was made."""
    composer = ProgramComposer(derivation, wishes.lang, limit, marked=True)
    length = wishes.length or _usual_length(derivation.task)
    if length != "full":
        board = build_board(derivation.task)
        title = board_title(board, wishes.lang) if wishes.title is None else (Text(wishes.title),)
        blocks = (*blocks_of(board, composer, length), *(made if length != "card" else ()))
        return Document(
            wishes.lang,
            title,
            blocks,
            author=wishes.author,
            whole=composer.show is None,
            live=tuple(live_cells(composer)),
        )
    return sheet(composer, made, title=wishes.title, author=wishes.author, jacobian=wishes.jacobian)


def _usual_length(task: Task) -> Length:
    """Every step of a single product, and by a method that is not the usual one; else the short."""
    whole = exchanged(task) is None and task.method == usual_method(task)
    return "short" if whole else "full"


def _exercises(derivation: ProvedSteps, wishes: Wishes) -> tuple[Exercise, ...]:
    if not wishes.exercises:
        return ()
    from matderiv.handout.exercises import exercises  # programs of their own are derived for them

    return exercises(derivation, wishes.lang, wishes.exercises, wishes.seed)
