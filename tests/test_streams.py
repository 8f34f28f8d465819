"""The command line among others: standard input and output, pipes, signals, and file names."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from matderiv import cli, files
from matderiv.handout.command import Command

COMMAND = [sys.executable, "-m", "matderiv"]
ANSWER = "# X: a matrix\ndX = 2*X\n"


def shell(line: str, folder: Path, text: str = "") -> subprocess.CompletedProcess[bytes]:
    """Run a line of bash in which MATDERIV is the command line."""
    quoted = " ".join(f"'{word}'" for word in COMMAND)
    command = ["bash", "-c", line.replace("MATDERIV", quoted)]
    return subprocess.run(
        command,
        input=text.encode(),
        capture_output=True,
        cwd=folder,
        timeout=300,
        check=False,
    )


def refused(capfd: pytest.CaptureFixture[str], *args: str) -> str:
    """What the command line says in one line when it ends with exit code 2."""
    with pytest.raises(SystemExit) as caught:
        cli.main(list(args))
    out, err = capfd.readouterr()
    assert (caught.value.code, out, err.count("\n")) == (2, "", 1)
    return err


@pytest.mark.parts
@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("MATDERIV gradient - -o -", ANSWER),
        ("MATDERIV gradient - -o /dev/stdout | cat", ANSWER),
        ("MATDERIV gradient - -o >(cat)", ANSWER),
        # What the shell has opened goes on where it ends, and no other file takes its place.
        ("(echo one; MATDERIV gradient - -o /dev/stdout) > a; cat a", f"one\n{ANSWER}"),
        ("MATDERIV gradient --help | head -c 0; echo ${PIPESTATUS[0]}", "141\n"),
    ],
)
def test_streams(tmp_path: Path, line: str, printed: str) -> None:
    """A program comes from standard input, and a text goes wherever the shell says."""
    done = shell(line, tmp_path, "# a square\n  L = sum(X**2)\n")
    assert (done.stdout.decode(), done.stderr.decode()) == (printed, "")


@pytest.mark.parts
def test_a_reader_that_is_gone_and_an_interrupt(tmp_path: Path) -> None:
    """Neither is worth a word: the process ends as if nobody had asked."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for end in ("reader", "interrupt"):
        command = [*COMMAND, "handout", "-N", "2", "-o", str(pipe), "--format", "html"]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
            with pipe.open("rb") as reader:  # opened by both: the process is about to write
                reader.read(10)
                if end == "interrupt":
                    process.send_signal(signal.SIGINT)
                    process.wait(60)
            assert process.stderr is not None
            assert process.stderr.read() == b""
            assert process.wait(60) in (-signal.SIGINT, -signal.SIGPIPE)
    assert list(tmp_path.iterdir()) == [pipe]


def test_signals_wait_while_files_take_their_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An end that is asked for between two files comes after both, and leaves no rest."""
    seen: list[list[str]] = []
    replace = Path.replace

    def disturbed(self: Path, target: Path) -> Path:
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        return replace(self, target)

    def asked(*_: object) -> None:
        seen.append(sorted(path.name for path in tmp_path.iterdir()))

    monkeypatch.setattr(Path, "replace", disturbed)
    before = signal.signal(signal.SIGTERM, asked)
    try:
        files.write_all({tmp_path / "a.md": "a", tmp_path / "b.md": "b"})
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == [["a.md", "b.md"]]


@pytest.mark.parts
def test_names_of_files_are_bytes(tmp_path: Path) -> None:
    """A name that is no UTF-8, or turns letters around, is a name; a page says it as shells read it."""
    done = shell(r"MATDERIV handout -N 2 -o $'\xff\u202e.md'; cat *.md", tmp_path)
    assert done.stderr == b""
    assert r"-o $'\xff\U0000202e.md'" in done.stdout.decode()
    again = shell(r"printf %s $'\xff\U0000202e.md'; ls", tmp_path).stdout.split(b".md")
    assert again[0] == again[1]
    assert Command((), ("it's.md",)).text == "-o 'it'\"'\"'s.md'"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["derive", "-o", "a.docx"],
            "none of .tex, .md, .json, .html, .ipynb, .pdf, .slides.html, .slides.tex, .slides.pdf, .txt;",
        ),
        (
            ["derive", "-o", "a.html", "--format", "json"],
            "'a.html' holds html, and --format is json",
        ),
        (["gradient", "X", "-o", "a.html"], "none of .txt, .py, .tex; it says what to write."),
        (
            ["jacobian", "-o", "a.doc"],
            "none of .txt, .py, .tex, .md, .html, .ipynb, .pdf, .json; it says what to write.",
        ),
        (["handout", "-o", "-"], "'-' has no suffix that says what to write; add --format md"),
        (
            ["handout", "-o", "-", "--format", "md", "--exercises", "2", "--answers", "separate"],
            "need a file beside",
        ),
        (["gradient", "sum(X)", "--wrt", "\u202eX\n"], r"'\u202eX' is not the name of a matrix"),
        (["gradient", "sum(X)", "-o", "\u202e\n/a.txt"], "cannot be written: the folder"),
        (["derive", "--shape", "\u2066\x1b[2J"], r"'\u2066\x1b[2J': write NAME=2x4"),
    ],
)
def test_refused(capfd: pytest.CaptureFixture[str], args: list[str], message: str) -> None:
    """A suffix is written or refused; a message is one line in which nothing acts on a terminal."""
    said = refused(capfd, *args)
    assert message in said
    assert said.rstrip("\n").isprintable()


def test_a_caret_points_where_it_should(capfd: pytest.CaptureFixture[str]) -> None:
    """A character without a form is shown as one, so that the caret stands below its place."""
    with pytest.raises(SystemExit):
        cli.main(["gradient", "sum(X) \u202e+ Y"])
    _, line, caret = capfd.readouterr().err.splitlines()
    assert line == "  sum(X) \N{REPLACEMENT CHARACTER}+ Y"
    assert line[caret.index("^")] == "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(("suffix", "start"), [(".html", "<!DOCTYPE"), (".txt", "Gradients of Σ")])
def test_derive_writes_what_the_suffix_says(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, suffix: str, start: str
) -> None:
    """`-o a.html` is a page in HTML, not LaTeX under another name."""
    page = tmp_path / f"a{suffix}"
    with pytest.raises(SystemExit) as ended:
        cli.main(["derive", "-N", "1", "-D", "2", "-M", "1", "-o", str(page)])
    assert (ended.value.code, *capfd.readouterr()) == (0, "", "")
    assert page.read_text(encoding="utf-8").startswith(start)
