"""Make a set of handouts: every language and format of a list of programs, or one per student.

    python scripts/make_handouts.py course.toml           as many at once as there are processors
    python scripts/make_handouts.py course.toml --jobs 1  one after the other

The README describes the file. A handout that fails does not stop the others: it is reported at
the end, one line each, and the exit code is 1. A file that cannot be used as it stands is
refused in one line with exit code 2, and nothing is written.
"""

from __future__ import annotations

import contextlib
import csv
import functools
import hashlib
import itertools
import os
import signal
import sys
import tomllib
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

import matderiv
from matderiv.errors import InputError, brief, visible
from matderiv.handout.formats import FILES
from matderiv.handout.texts import languages
from matderiv.handout.words import one_line
from matderiv.handouts import Wishes

FAILURE, USAGE = 1, 2

_MOST_LETTERS = 50  # of a part of a file's name
_SEEDS = 10**9


@dataclass(frozen=True)
class Job:
    """One handout in one language: a program, what it is to be like, and the files to write."""

    program: str
    sizes: tuple[tuple[str, int], ...]
    shapes: tuple[tuple[str, tuple[int, ...]], ...]
    wrt: tuple[str, ...]
    wishes: tuple[tuple[str, Any], ...]
    paths: tuple[Path, ...]


# -- reading the file ------------------------------------------------------------------------


def _is(*kinds: type) -> Callable[[object], bool]:
    return lambda value: isinstance(value, kinds) and not isinstance(value, bool)


def _list_of(known: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and bool(value) and all(map(known, value))


def _table_of(known: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, dict) and all(map(known, value.values()))


def _is_path(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value


def _is_show(value: object) -> bool:
    return value == "all" or _is(int)(value)


_Keys = Mapping[str, tuple[Callable[[object], bool], str]]

#: Keys allowed at the top of the file and in each [[handout]]: a test, and words for it.
_COMMON: _Keys = {
    "languages": (_list_of(_is(str)), 'a list such as ["en", "zh"]'),
    "formats": (_list_of(_is(str)), 'a list such as ["tex", "md"]'),
    "title": (_is(str), "words in quotes"),
    "author": (_is(str), "words in quotes"),
    "show": (_is_show, '"all" or a whole number'),
    "exercises": (_is(int), "a whole number"),
    "seed": (_is(int), "a whole number"),
    "answers": (_is(str), '"none", "end" or "separate"'),
}
_TOP: _Keys = {
    **_COMMON,
    "folder": (_is_path, "the name of a folder"),
    "students": (
        lambda value: _is_path(value) or _list_of(_is(str))(value),
        "a list of names, or the name of a CSV file",
    ),
    "handout": (_list_of(_is(dict)), "one or more tables [[handout]]"),
}
_HANDOUT: _Keys = {
    **_COMMON,
    "name": (_is(str), "a name for its files"),
    "program": (_is(str), "a program in quotes"),
    "sizes": (_table_of(_is(int)), "a table such as { N = 2, D = 4, M = 3 }"),
    "shapes": (_table_of(_list_of(_is(int))), "a table such as { X = [2, 4] }"),
    "wrt": (_list_of(_is(str)), 'a list such as ["X"]'),
}


def read(path: Path, *, anywhere: bool = False) -> list[Job]:
    """All jobs of a file, every one of them checked as far as that takes no derivation.

    Their files stand below the folder of that file, unless they may stand `anywhere`.

    Raises:
        InputError: the file cannot be read, or something in it cannot be used as it stands.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no TOML: {error}.") from None
    _check(table, _TOP, path.name, needed=("handout",))
    folder = path.parent / table.get("folder", "handouts")
    if not (anywhere or folder.resolve().is_relative_to(path.parent.resolve())):
        raise InputError(
            f"{path.name}: 'folder' is {brief(table['folder'])}, which is not below this file; "
            "choose one that is, or add --anywhere."
        )
    students = _students(table.get("students"), path.parent)
    common = {key: value for key, value in table.items() if key in _COMMON}
    jobs: list[Job] = []
    for number, own in enumerate(table["handout"], 1):
        where = f"{path.name}, handout {number}"
        _check(own, _HANDOUT, where, needed=("name", "program"))
        jobs += _jobs(common | own, students, folder, where)
    _check_paths(jobs, path.name)
    return jobs


def _check(
    table: Mapping[str, object], keys: _Keys, where: str, *, needed: tuple[str, ...]
) -> None:
    for key in needed:
        if key not in table:
            raise InputError(f"{where}: {key!r} is missing; give {keys[key][1]}.")
    for key, value in table.items():
        if key not in keys:
            raise InputError(f"{where}: there is no key {key!r}; there are: {', '.join(keys)}.")
        test, wanted = keys[key]
        if not test(value):
            raise InputError(f"{where}: {key!r} is {str(value)[:60]!r}; give {wanted}.")


def _jobs(
    own: Mapping[str, Any], students: tuple[str | None, ...], folder: Path, where: str
) -> Iterator[Job]:
    """The jobs of one table: every language, for every student."""
    for key, known in (("languages", languages()), ("formats", FILES)):
        for word in own.get(key, ()):
            if word not in known:
                raise InputError(
                    f"{where}: there is no {key[:-1]} {word!r}; there are: {', '.join(known)}."
                )
    personal = students != (None,)
    wishes = {key: own[key] for key in ("title", "author", "show", "exercises") if key in own}
    wishes["answers"] = own.get("answers", "separate" if personal else "end")
    if not own.get("exercises"):
        if personal:
            raise InputError(f"{where}: sheets for students need exercises; add exercises = 6.")
        wishes["answers"] = "end"
    try:
        Wishes(**wishes).checked()
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    for student, lang in itertools.product(students, own.get("languages", ["en"])):
        mine = {"seed": own.get("seed", 0), "lang": lang}
        parts = [_file_part("name", own["name"], where), lang]
        if student is not None:
            mine["seed"] = seed_of(student, own["name"], own.get("seed", 0))
            mine["author"] = " · ".join(filter(None, (wishes.get("author"), student)))
            parts.append(_file_part("student", student, where))
        yield Job(
            own["program"],
            tuple(own.get("sizes", {}).items()),
            tuple((name, tuple(shape)) for name, shape in own.get("shapes", {}).items()),
            tuple(own.get("wrt", ())),
            tuple((wishes | mine).items()),
            tuple(folder / f"{'-'.join(parts)}.{form}" for form in own.get("formats", ["tex"])),
        )


def seed_of(student: str, name: str, base: int) -> int:
    """The seed of a student's sheet: the same everywhere and at any time.

    >>> seed_of("Ada", "linear", 1) == seed_of("Ada", "linear", 1)
    True
    """
    words = "\n".join((str(base), name, unicodedata.normalize("NFC", student)))
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big") % _SEEDS


def _students(given: str | list[str] | None, folder: Path) -> tuple[str | None, ...]:
    """The students' names; (None,) if the handouts are for all."""
    if given is None:
        return (None,)
    names = given if isinstance(given, list) else _column(folder / given)
    return tuple(one_line("name of a student", name) for name in names)


def _column(path: Path) -> list[str]:
    """The first column of a CSV file, a heading "name" left out."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = [row[0] for row in csv.reader(file) if any(row)]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no CSV in UTF-8: {error}.") from None
    names = names[1:] if names and names[0].strip().lower() == "name" else names
    if not names:
        raise InputError(f"{path} holds no names; write one a line.")
    return names


def _file_part(what: str, words: str, where: str) -> str:
    """A part of a file's name: letters and digits of any script, with hyphens between them."""
    words = unicodedata.normalize("NFC", words)
    if set(words) & set("/\\"):
        raise InputError(f"{where}: the {what} {words!r} holds a slash; write it without.")
    kept = "".join(c if c.isalnum() or unicodedata.combining(c) else " " for c in words)
    part = "-".join(kept.split())
    if not part:
        raise InputError(f"{where}: the {what} {words!r} has no letter for a file's name.")
    if len(part) > _MOST_LETTERS:
        raise InputError(f"{where}: the {what} {words!r} has more than {_MOST_LETTERS} letters.")
    return part


def _check_paths(jobs: list[Job], where: str) -> None:
    """Two files of one name would overwrite each other, on some tasks whatever their case."""
    seen: set[str] = set()
    for path in itertools.chain.from_iterable(job.paths for job in jobs):
        for place in (path, path.with_stem(f"{path.stem}-answers")):
            key = str(place).casefold()
            if key in seen:
                raise InputError(f"{where}: {place.name} would be written twice; rename one.")
            seen.add(key)


# -- the work --------------------------------------------------------------------------------


@functools.lru_cache(maxsize=8)
def _derived(
    program: str,
    sizes: tuple[tuple[str, int], ...],
    shapes: tuple[tuple[str, tuple[int, ...]], ...],
    wrt: tuple[str, ...],
) -> matderiv.Derivation:
    return matderiv.derive(program, sizes=dict(sizes), shapes=dict(shapes), wrt=wrt or None)


_Result = tuple[int, list[str]]  # how many files were written, and lines about others


def work(job: Job) -> _Result:
    """Do a job: how many files were written, and a line about each one that was not."""
    written: int = 0
    failures: list[str] = []
    try:
        handout = _derived(job.program, job.sizes, job.shapes, job.wrt).handout(**dict(job.wishes))
    except Exception as error:  # noqa: BLE001 - whatever it is, the other handouts are made
        return 0, [_line(path, error) for path in job.paths]
    for path in job.paths:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            written += len(handout.save(path))
        except Exception as error:  # noqa: BLE001 - as above
            failures.append(_line(path, error))
    return written, failures


def _line(path: Path, error: BaseException) -> str:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    reason = reason or type(error).__name__
    return visible(f"{path}: {reason}")


def _side_by_side(jobs: list[Job], executor: Executor) -> Iterator[tuple[Job, _Result]]:
    """Each job with its result, as they are done."""
    futures = {executor.submit(work, job): job for job in jobs}
    for future in as_completed(futures):
        job, error = futures[future], future.exception()
        # A process that was killed, for example, takes its job with it.
        yield job, (0, [_line(p, error) for p in job.paths]) if error else future.result()


def make(jobs: list[Job], processes: int) -> _Result:
    """Do all jobs: how many files were written, and a line about each failure, in order."""
    written = 0
    failures: dict[Job, list[str]] = {}
    processes = min(processes, len(jobs))
    with contextlib.ExitStack() as stack:
        done: Iterator[tuple[Job, _Result]] = ((job, work(job)) for job in jobs)
        if processes > 1:
            deaf = (signal.SIGINT, signal.SIG_IGN)  # else each process would complain
            executor = stack.enter_context(
                ProcessPoolExecutor(processes, initializer=signal.signal, initargs=deaf)
            )
            stack.callback(executor.shutdown, cancel_futures=True)  # at an interrupt
            done = _side_by_side(jobs, executor)
        bar = None
        if sys.stderr.isatty():
            bar = stack.enter_context(click.progressbar(length=len(jobs), file=sys.stderr))
        for job, (count, lines) in done:
            written += count
            failures[job] = lines
            if bar is not None:
                bar.update(1)
    return written, [line for job in jobs for line in failures[job]]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=lambda: min(os.cpu_count() or 1, 64),
    metavar="N",
    help="Processes at work at the same time. Default: one for each processor.",
)
@click.option(
    "--anywhere", is_flag=True, help="Write to a folder that is not below that of FILE, too."
)
def command(file: Path, jobs: int, *, anywhere: bool) -> int:
    """Make the handouts that FILE, in TOML, lists.

    \b
    folder = "handouts"         # where they go, below the folder of FILE
    languages = ["en", "zh"]
    formats = ["md", "tex"]
    exercises = 6               # and seed, answers, title, author, show
    students = ["Ada", "Emmy"]  # or "students.csv": a sheet for each, with a seed of its own
    [[handout]]                 # one or more; each may set any key above anew
    name = "linear"             # NAME-LANGUAGE[-STUDENT].SUFFIX
    program = "Y = X @ W; L = sum(f(Y))"
    sizes = { N = 2, D = 4, M = 3 }
    """  # noqa: D301 - click's own mark
    written, failures = make(read(file, anywhere=anywhere), jobs)
    for line in failures:
        click.echo(line, err=True)
    click.echo(f"{written} files written" + (f", {len(failures)} failed." if failures else "."))
    return FAILURE if failures else 0


def main() -> None:
    """Run the command; an error is one line and an exit code."""
    try:
        code = command.main(standalone_mode=False)
    except (click.ClickException, InputError) as error:
        message = error.format_message() if isinstance(error, click.ClickException) else str(error)
        click.echo(f"make_handouts: {visible(message)}", err=True)
        sys.exit(USAGE)
    except (click.Abort, KeyboardInterrupt):
        click.echo("make_handouts: interrupted", err=True)
        sys.exit(130)
    sys.exit(code)


if __name__ == "__main__":
    main()
