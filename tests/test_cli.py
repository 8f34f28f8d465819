"""The command line: one line on stderr for every mistake, and files whole or not at all."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from matderiv import cli
from matderiv.cli import _errors
from matderiv.errors import ProgramSyntaxError, ProofError

LINE = "Y = X @ W; L = "
SMALL = ["-N", "1", "-D", "1", "-M", "1"]


class Result:
    """What a run of the command line left behind."""

    def __init__(self, code: object, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


def run(capfd: pytest.CaptureFixture[str], *args: str) -> Result:
    """Run the command line in this process."""
    with pytest.raises(SystemExit) as caught:
        cli.main(list(args))
    return Result(caught.value.code, *capfd.readouterr())


def process(
    *args: str | bytes, stdout: int | None = subprocess.PIPE, shell: str = ""
) -> subprocess.CompletedProcess[bytes]:
    """Run the command line in a process of its own, as a shell does."""
    command: list[str | bytes] = [sys.executable, "-m", "matderiv", *args]
    if shell:
        quoted = " ".join(f"'{a!s}'" for a in command)
        command = ["sh", "-c", shell.replace("MATDERIV", quoted)]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, timeout=300, check=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to stand in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# -- what works ------------------------------------------------------------------------------


def test_derive_prints_on_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    """Without a mistake there is output, nothing on stderr, and exit code 0."""
    result = run(capfd, "derive", *SMALL)
    assert (result.code, result.err) == (0, "")
    assert result.out.endswith("\n")


@pytest.mark.parametrize(
    "args", [("--help",), ("derive", "-h"), ("jacobian", "-h"), ("--version",)]
)
def test_help(capfd: pytest.CaptureFixture[str], args: tuple[str, ...]) -> None:
    """Help and version are printed on standard output."""
    result = run(capfd, *args)
    assert (result.code, result.err) == (0, "")
    assert "matderiv" in result.out


def test_a_program_that_starts_with_a_minus(capfd: pytest.CaptureFixture[str]) -> None:
    """It stands after --, as everywhere."""
    result = run(capfd, "derive", *SMALL, "--format", "json", "--", "-sum(X @ W)")
    assert (result.code, result.err) == (0, "")


def test_show_prints_the_board_and_the_files(
    capfd: pytest.CaptureFixture[str], folder: Path
) -> None:
    """The board stands first, plain where no terminal reads it, and then each file."""
    result = run(capfd, "show", "L = sum(X**2)", "--length", "card", "-o", "a.md", "-o", "a.tex")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("L = ")
    assert "\x1b[" not in result.out
    assert result.out.endswith("→ a.md\n→ a.tex\n")
    assert (folder / "a.md").read_text(encoding="utf-8").startswith("# ")
    result = run(capfd, "show", "L = sum(X**2)", "-o", "b.md", "-o", "b.md")
    assert "'b.md' would be written twice" in result.err
    assert not (folder / "b.md").exists()


def test_output_to_a_file(capfd: pytest.CaptureFixture[str], folder: Path) -> None:
    """-o writes what would be printed, replaces an old file, keeps its mode, leaves no rest."""
    printed = run(capfd, "derive", *SMALL).out
    target = folder / "page.tex"
    target.write_text("old")
    target.chmod(0o640)
    result = run(capfd, "derive", *SMALL, "-o", "page.tex")
    assert (result.code, result.out, result.err) == (0, "", "")
    assert target.read_text(encoding="utf-8") == printed
    assert target.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in folder.iterdir()] == ["page.tex"]


def test_the_size_of_a_large_file_is_said(
    capfd: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line on standard error says about how many megabytes a file will have, if it has some."""
    asked = ("L = sum(tanh(X))", "--shape", "X=9x9", "--show", "all", "--length", "full")
    for megabyte, said in (
        (1_000_000, None),
        (1_000, "{} will have about .* megabytes; --show 4 "),
    ):
        monkeypatch.setattr("matderiv.cli._output._MEGABYTE", megabyte)
        for command, name in (("derive", "The page"), ("handout", "a.tex")):
            result = run(capfd, command, *asked, "-o", str(folder / "a.tex"))
            assert result.code == 0
            expected = "" if said is None else f"matderiv: {said.format(name)}.*\n"
            assert re.fullmatch(expected, result.err)


def test_output_through_a_link(capfd: pytest.CaptureFixture[str], folder: Path) -> None:
    """A symbolic link stays one; the file it points to is written."""
    (folder / "real.tex").write_text("old")
    (folder / "link.tex").symlink_to("real.tex")
    assert run(capfd, "derive", *SMALL, "-o", "link.tex").code == 0
    assert (folder / "link.tex").is_symlink()
    assert (folder / "real.tex").read_text(encoding="utf-8") != "old"


# -- bad input -------------------------------------------------------------------------------

BAD = [
    (["derive", "-N", "0"], "N is 0; a size is a whole number from 1 to 1,000,000,000."),
    (["derive", "-D", "-3"], "D is -3; a size is a whole number from 1 to 1,000,000,000."),
    (
        ["derive", "-M", "2.5"],
        ("Invalid value for '-M': '2.5' is not a whole number; write one from 1, such as 4."),
    ),
    (
        ["derive", "-N", "abc"],
        ("Invalid value for '-N': 'abc' is not a whole number; write one from 1, such as 4."),
    ),
    (
        ["derive", "-N", "２"],
        ("Invalid value for '-N': '２' is not a whole number; write one from 1, such as 4."),
    ),
    (
        ["derive", "-N", ""],
        ("Invalid value for '-N': '' is not a whole number; write one from 1, such as 4."),
    ),
    (
        ["derive", "-N", "9" * 9999],
        ("Invalid value for '-N': 999999999999… is too large; write fewer digits."),
    ),
    (
        ["derive", "-N", "64", "-D", "4096", "-M", "4096", "--show", "all"],
        (
            "To show all is to write out W with its 16,777,216 entries; at most 4,000 can be shown. "
            "Use --show 3; what is hidden is still proved."
        ),
    ),
    (["derive", "--show", "0"], "show is 0; it is 'all' or a whole number from 2 to 1000."),
    (["derive", "--show", "1"], "show is 1; it is 'all' or a whole number from 2 to 1000."),
    (["derive", "--show", "1001"], "show is 1001; it is 'all' or a whole number from 2 to 1000."),
    (
        ["derive", "--show", "-3"],
        ("Invalid value for '--show': '-3' is neither 'all' nor a whole number from 2."),
    ),
    (
        ["derive", "--show", "abc"],
        ("Invalid value for '--show': 'abc' is neither 'all' nor a whole number from 2."),
    ),
    (["derive", "--lang", "fr"], "There is no language 'fr'; there are: en, zh."),
    (["derive", "--lang", "../en"], "There is no language '../en'; there are: en, zh."),
    (
        ["derive", "--format", "docx"],
        (
            "Invalid value for '--format': 'docx' is not one of 'latex', 'markdown', 'json', 'html', "
            "'ipynb', 'pdf', 'slides.html', 'slides.tex', 'slides.pdf', 'text'."
        ),
    ),
    (
        ["derive", "--wrt", "Z"],
        ("There is no Z in the program; gradients can be derived by X and W."),
    ),
    (
        ["derive", "--wrt", "Y"],
        ("Y is computed by the program; gradients can be derived by X and W."),
    ),
    (
        ["derive", "--wrt", ""],
        ("Invalid value for '--wrt': '' is not the name of a matrix, such as X."),
    ),
    (
        ["derive", "--shape", "X=2x4", "--shape", "X=3x4"],
        ("--shape X is given twice with different shapes; leave one of them out."),
    ),
    (
        ["derive", "--shape", "X=2x4", "--shape", "W=3x4"],
        ("X @ W: X is 2×4 but W is 3×4; the inner sizes 4 and 3 differ. Did you mean X @ W.T?"),
    ),
    (
        ["derive", "--shape", "X=2x4", "-N", "3"],
        (
            "N = 3 does not fit: this size is 2 already, by a "
            "declared shape or because the program makes two sizes equal. Leave out N, or give it 2."
        ),
    ),
    (
        ["derive", "--shape", "Y=2x3"],
        ("--shape Y: Y is assigned; its shape follows. Inputs are: X, W."),
    ),
    (
        ["derive", "--shape", "X=2.5x3"],
        ("Invalid value for '--shape': '2.5x3' is not a shape; write X=2x4, X=3 or X=scalar."),
    ),
    (
        ["derive", "--shape", "X"],
        ("Invalid value for '--shape': 'X': write NAME=2x4, NAME=3 or NAME=scalar."),
    ),
    (
        ["derive", "--shape", "π=3"],
        ("Invalid value for '--shape': π is the number pi; give the input another name."),
    ),
    (
        ["derive", "--shape", "=2x3"],
        ("Invalid value for '--shape': '=2x3': write NAME=2x4, NAME=3 or NAME=scalar."),
    ),
    (
        ["derive", "--shape", "X=0x3"],
        ("The shape of X holds 0; a size is a whole number from 1 to 1,000,000,000."),
    ),
    (["derive", ""], "The program is empty. Write for example: Y = X @ W; L = sum(f(Y))"),
    (
        ["derive", "(" * 100_000],
        ("The program has 100,000 characters; at most 60,000 are read. Write it shorter."),
    ),
    (
        ["derive", "9**9**9**9"],
        ("9**9**9 is a number of more than 1,200 digits; write a smaller one."),
    ),
    (
        ["derive", LINE + "mean(Y) + sum(Bias)", "--wrt", "bais"],
        (
            "There is no bais in the program; gradients can be derived by X, W and Bias. "
            "Did you mean Bias?"
        ),
    ),
    (["derive", LINE + "Y"], "The loss L = Y is a matrix, not a scalar. Did you mean L = sum(Y)?"),
    (["derive", "Y", "=", "X"], "Got unexpected extra arguments (= X). Put the program in quotes."),
    (["derive", "-x"], "No such option '-x'. A program that starts with a minus stands after --."),
    (["jacobian", "-N", "0"], "N is 0; a size is a whole number from 1 to 1,000,000,000."),
    (["jacobian", "--wrt", "Z"], "There is no Z in the program; "),
    (
        ["derive", "-o", "none/page.tex"],
        (
            "'none/page.tex' cannot be written: the folder 'none' does "
            "not exist. Make it first, or choose another."
        ),
    ),
    (["derive", "-o", ""], "'.' is a folder; give the name of a file in it."),
]


@pytest.mark.parametrize(("args", "message"), BAD)
def test_bad_input(
    capfd: pytest.CaptureFixture[str], folder: Path, args: list[str], message: str
) -> None:
    """One line that names the part and suggests the fix, exit code 2, an old file untouched."""
    (folder / "old.tex").write_text("old")
    result = run(capfd, *args, *(() if "-o" in args else ("-o", "old.tex")))
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1
    if message.endswith(" "):
        assert result.err.startswith(f"matderiv: {message}")
    else:
        assert result.err == f"matderiv: {message}\n"
    assert (folder / "old.tex").read_text() == "old"
    assert [p.name for p in folder.iterdir()] == ["old.tex"]


@pytest.mark.parametrize(
    ("args", "start"),
    [
        (["derive", "--foo"], "matderiv: No such option"),
        (["deriv"], "matderiv: No such command 'deriv'"),
        (["derive", "-o", "."], "matderiv: Invalid value for '-o'"),
        (["derive", "-N"], "matderiv: Option '-N' requires an argument."),
    ],
)
def test_mistakes_that_click_words(
    capfd: pytest.CaptureFixture[str], folder: Path, args: list[str], start: str
) -> None:
    """What the option parser itself finds is one line and exit code 2 as well."""
    result = run(capfd, *args)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(start)
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("program", "message", "line", "before"),
    [
        (
            LINE + "sum(f(Y)",
            "( is never closed; write the missing ).",
            LINE + "sum(f(Y)",
            LINE + "sum",
        ),
        (
            r"\input{x}",
            (
                r"\input is not read; what is read are names, Greek letters, \top, \frac, \sqrt, \sum, "
                r"\|, \log, \det, \operatorname{tr}, \odot and the like."
            ),
            r"\input{x}",
            "",
        ),
        (
            "Y = X @ W\nL = sum(tanhh(Y))\n# end",
            "Unknown function tanhh. Did you mean tanh?",
            "L = sum(tanhh(Y))",
            "L = sum(",
        ),
        (
            "Y = X @ W\t; L = sum(2Y)",
            "Between 2 and Y an operator is missing; write 2*Y.",
            "Y = X @ W ; L = sum(2Y)",
            "Y = X @ W ; L = sum(",
        ),
        # a wide character takes two columns of the terminal
        (
            "Y = 权 @ X; L = sum(Y)",
            (
                "权 is not a name that can be used: it holds 权, which is cjk "
                "unified ideograph-6743. Names are Latin letters, digits and _, starting with a letter."
            ),
            "Y = 权 @ X; L = sum(Y)",
            "Y = ",
        ),
        (
            "Y = X @ W  ； L = sum(Y)",
            "； is not in the language; write a plain ;.",
            "Y = X @ W  ； L = sum(Y)",
            "Y = X @ W  ",
        ),
        (
            "L = sum(X × W)",
            (
                "× has two readings: X @ W, the matrix product, or X*W, entry by entry; write one of "
                "them."
            ),
            "L = sum(X × W)",
            "L = sum(X ",
        ),
    ],
)
def test_the_caret_stands_below_the_place(
    capfd: pytest.CaptureFixture[str], program: str, message: str, line: str, before: str
) -> None:
    """A syntax error shows the line it is in, and a caret below the place."""
    result = run(capfd, "derive", program)
    assert (result.code, result.out) == (2, "")
    assert result.err == f"matderiv: {message}\n  {line}\n  {' ' * len(before)}^\n"


def test_a_minus_at_the_start_and_other_spellings(capfd: pytest.CaptureFixture[str]) -> None:
    """A loss may start with a minus, an option stays one, and what was read is said once."""
    result = run(capfd, "check", "-sum(x^2)", "--claim", "-2·x", "--wrt", "x")
    assert result.code == 0
    assert result.err == "matderiv: Read as: -sum(x**2)\nmatderiv: Read as: -2*x\n"
    assert run(capfd, "gradient", "-(x @ A @ x)", "--wrt", "x", "-D3").err == ""


def test_the_caret_after_wide_characters(capfd: pytest.CaptureFixture[str]) -> None:
    """Before the place, each wide character moves the caret by two columns."""
    error = ProgramSyntaxError("!", "权重 = 3", 3)
    assert _errors._caret(error).splitlines()[-1] == " " * (2 + 5) + "^"
    error = ProgramSyntaxError("!", "e\u0301 = 3", 3)
    assert _errors._caret(error).splitlines()[-1] == " " * (2 + 2) + "^"


def test_the_caret_in_a_long_line() -> None:
    """Of a long line the part around the place is shown."""
    error = ProgramSyntaxError("!", "a" * 500 + "!" + "b" * 500, 500)
    _, piece, caret = _errors._caret(error).split("\n")
    assert piece[len(caret) - 1] == "!"
    assert len(piece) <= 110


@pytest.mark.parametrize("option", ["program", "--shape", "--wrt", "-N", "-o", "--lang", "--show"])
def test_arguments_that_are_no_text(
    capfd: pytest.CaptureFixture[str], folder: Path, option: str
) -> None:
    """Bytes that are not UTF-8, which Python passes on as surrogates, end in a message."""
    value = "none\udcff/x" if option == "-o" else "X\udcff=2x3"
    result = run(capfd, "derive", *((value,) if option == "program" else (option, value)))
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("matderiv: ")


@pytest.mark.parts
def test_bytes_from_the_shell() -> None:
    """The same in a process of its own: no traceback."""
    done = process("derive", b"Y = X\xff @ W")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"matderiv: The program holds bytes that are not UTF-8; ")


def test_a_refused_derivation(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link that is not proved prints nothing and ends with a code of its own."""
    from matderiv import api

    def refuse(*_: object, **__: object) -> None:
        raise ProofError("sum rule: refuted")

    monkeypatch.setattr(api, "derive", refuse)
    result = run(capfd, "derive")
    assert (result.code, result.out) == (1, "")
    assert result.err == (
        "matderiv: this derivation is refused, because a link is not proved: sum rule: refuted\n"
    )


# -- files and streams -----------------------------------------------------------------------

full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


@pytest.mark.parts
@full
def test_a_full_disk_behind_standard_output() -> None:
    """The reason is named, once, without Python's complaint at exit."""
    done = process("derive", *SMALL, shell="MATDERIV > /dev/full")
    assert (done.returncode, done.stderr.decode()) == (
        2,
        (
            "matderiv: Standard output cannot be written: No space left on device. Choose another "
            "place with -o.\n"
        ),
    )


@full
def test_a_full_disk_behind_a_file(capfd: pytest.CaptureFixture[str]) -> None:
    """The same for a file."""
    result = run(capfd, "derive", *SMALL, "-o", "/dev/full")
    assert (result.code, result.err) == (
        2,
        (
            "matderiv: '/dev/full' cannot be written: No space left on device. Choose another place "
            "with -o.\n"
        ),
    )


@pytest.mark.parametrize("call", ["fdopen", "replace", "chmod"])
def test_a_failure_while_writing(
    capfd: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Wherever writing fails, the old file is as it was and nothing else is left."""
    (folder / "old.tex").write_text("old")
    original = os.fdopen

    def broken(*args: object, **_: object) -> object:
        if call == "fdopen":
            file = original(args[0], "w")  # type: ignore[call-overload]
            file.write("half")
            file.close()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, broken)
    result = run(capfd, "derive", *SMALL, "-o", "old.tex")
    assert (result.code, result.out, result.err) == (
        2,
        "",
        (
            "matderiv: 'old.tex' cannot be written: No space left on device. Choose another place with "
            "-o.\n"
        ),
    )
    assert (folder / "old.tex").read_text() == "old"
    assert [p.name for p in folder.iterdir()] == ["old.tex"]


@pytest.mark.parts
def test_a_pipe_that_is_closed() -> None:
    """A reader who has seen enough, such as head, is no error."""
    done = process("derive", shell="MATDERIV | head -n 1")
    assert done.stdout.count(b"\n") == 1
    assert done.stderr == b""


@pytest.mark.parts
def test_a_standard_output_that_is_closed() -> None:
    """No traceback when there is nowhere to print."""
    done = process("derive", *SMALL, shell="MATDERIV >&-")
    assert (done.returncode, done.stderr.decode()) == (
        2,
        (
            "matderiv: Standard output cannot be written: it is closed. Choose another place with "
            "-o.\n"
        ),
    )


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
@pytest.mark.parametrize("what", ["folder", "file"])
def test_places_that_are_protected(
    capfd: pytest.CaptureFixture[str], folder: Path, what: str
) -> None:
    """A folder or a file that may not be written is named, and stays as it is."""
    place = folder / "place"
    place.mkdir()
    target = place / "page.tex"
    target.write_text("old")
    (place if what == "folder" else target).chmod(0o555)
    result = run(capfd, "derive", *SMALL, "-o", str(target))
    place.chmod(0o755)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"matderiv: '{target}' cannot be written: ")
    assert result.err.count("\n") == 1
    assert target.read_text() == "old"


@pytest.mark.skipif(not hasattr(os, "access"), reason="needs permissions")
def test_a_protected_file_is_not_replaced(
    capfd: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file may be protected in a folder that is not; replacing it would ignore that."""
    (folder / "old.tex").write_text("old")
    monkeypatch.setattr(os, "access", lambda *_: False)
    result = run(capfd, "derive", *SMALL, "-o", "old.tex")
    assert (result.code, result.err) == (
        2,
        "matderiv: 'old.tex' cannot be written: it is protected. Choose another file.\n",
    )
    assert (folder / "old.tex").read_text() == "old"


def test_help_names_the_default_title(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The title that help promises is the one that a handout has, which says what the loss is."""
    said = " ".join(run(capfd, "handout", "--help").out.split())
    assert run(capfd, "handout", "-N", "2", "-o", "a.md").code == 0
    title = (folder / "a.md").read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
    about, _, rest = title.partition("$")
    assert f"Default: {about}the loss, {rest.rpartition('$, ')[2]}." in said


def test_no_command_shows_help(capfd: pytest.CaptureFixture[str]) -> None:
    """A person who types the name alone sees what there is, line by line."""
    done = run(capfd)
    assert (done.code, done.err) == (0, "")
    assert done.out == run(capfd, "--help").out
    assert done.out.splitlines()[0].startswith("Usage: matderiv")


def test_help_does_not_load_sympy() -> None:
    """Help and shell completion come at once, so nothing heavy is imported for them."""
    code = (
        "import sys\nfrom matderiv import cli\n"
        "try:\n    cli.main(['derive', '--help'])\nexcept SystemExit:\n    pass\n"
        "sys.exit('sympy' in sys.modules or 'numpy' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=300, check=False
    )
    assert b"--method" in done.stdout
    assert done.returncode == 0


@pytest.mark.parts
@pytest.mark.parametrize("module", ["matderiv", "matderiv.cli"])
def test_both_modules_are_the_command(module: str) -> None:
    """`python -m matderiv` is the command, and `python -m matderiv.cli` stays one."""
    words = [sys.executable, "-m", module, "gradient", "L = sum(X**2)"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "# X: a matrix\ndX = 2*X\n",
        "",
    )


def test_options_take_greek_names(capfd: pytest.CaptureFixture[str]) -> None:
    """A name in an option is spelled as it is in programs."""
    asked = ["gradient", "logdet(Σ)", "--wrt", "Σ", "--assume", "Σ=symmetric", "--shape", "Σ=3x3"]
    greek = run(capfd, *asked)
    latin = run(capfd, *(text.replace("Σ", "Sigma") for text in asked))
    assert "dSigma = " in latin.out
    assert greek.out == latin.out


@pytest.mark.parametrize("typed", ["lambda", "λ", "lam"])
def test_a_name_of_an_option_is_spelled_as_in_programs(
    capfd: pytest.CaptureFixture[str], typed: str
) -> None:
    """The word lambda is lam in a program, and where it is asked for."""
    result = run(capfd, "gradient", "lambda*sum(x**2)", "--wrt", typed)
    assert (result.code, result.out) == (
        0,
        "# x: a vector; lam: a number\ndlam = sum(x**2)\n",
    )
