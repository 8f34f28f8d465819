"""The shell command that makes a handout, as it is printed in the handout itself."""

from __future__ import annotations

import shlex
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from matderiv.calculus.sweep.task import Task
from matderiv.derivation.links import ProvedSteps
from matderiv.derivation.methods.table import usual_method

__all__ = ["Command"]

#: Letters of a line before the command is continued on the next.
_LINE = 72

#: The options about exercises.
_EXERCISES = ("--exercises", "--seed", "--answers")


@dataclass(frozen=True, slots=True)
class Command:
    """A command as groups of words; a group is never broken across lines."""

    groups: tuple[tuple[str, ...], ...]
    files: tuple[str, ...] = ("handout.tex",)
    fragment: bool = False

    @classmethod
    def of(cls, derivation: ProvedSteps, options: Mapping[str, object]) -> Command:
        """The command of a derivation's handout; options that are None are left out."""
        return cls(tuple(_groups(derivation.task, options)))

    def without_exercises(self) -> Command:
        """The command that writes the same handout with no exercises, and no way to the answers."""
        return replace(self, groups=tuple(g for g in self.groups if g[0] not in _EXERCISES))

    def with_files(self, files: Sequence[str], *, fragment: bool = False) -> Command:
        """The command that writes these files."""
        return replace(self, files=tuple(files), fragment=fragment)

    @property
    def text(self) -> str:
        """The command as it is typed, quoted for a shell, in lines that a page can hold."""
        outputs = [("-o", name) for name in self.files]
        flags = [("--fragment",)] * self.fragment
        lines = [""]
        for group in (*self.groups, *flags, *outputs):
            words = " ".join(map(_quoted, group))
            if lines[-1] and len(lines[-1]) + 1 + len(words) > _LINE:
                lines.append("    " + words)
            else:
                lines[-1] += " " * bool(lines[-1]) + words
        return " \\\n".join(lines)


def _quoted(word: str) -> str:
    r"""A word as it is typed; what has no form of its own by its number, as shells read it.

    >>> print(_quoted("Why?"), _quoted("a\u202eb.md"))
    'Why?' $'a\U0000202eb.md'
    """
    if word.isprintable():
        return shlex.quote(word)
    return f"$'{''.join(map(_letter, word))}'"


def _letter(letter: str) -> str:
    code = ord(letter)
    if letter.isprintable():
        return f"\\{letter}" if letter in "\\'" else letter
    if unicodedata.category(letter) == "Cs":  # a byte that is not UTF-8, as Python reads it
        return f"\\x{code & 0xFF:02x}"
    return f"\\U{code:08x}"


def _groups(task: Task, options: Mapping[str, object]) -> Iterator[tuple[str, ...]]:
    """The words of a command; the shape of every input is declared."""
    yield ("matderiv", "handout", task.program.source())
    for name in task.program.inputs():
        written = "x".join(str(dim.size) for dim in task.shapes[name]) or "scalar"
        yield ("--shape", f"{name}={written}")
    for name in task.wrt:
        yield ("--wrt", name)
    for name, structure in task.assumed.items():
        yield ("--assume", f"{name}={structure}")
    if task.convention != "entries":
        yield ("--convention", task.convention)
    if task.method != usual_method(task):
        yield ("--method", task.method)
    for key, value in options.items():
        if value is not None:
            yield (key,) if value is True else (key, str(value))
