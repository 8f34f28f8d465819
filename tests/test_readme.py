"""The commands of the README and of the help are run, and what is shown is what they print."""

from __future__ import annotations

import doctest
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

import matderiv
from matderiv import cli
from matderiv.cli._commands import cli as cli_group
from matderiv.expression.vocabulary import KNOWN

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
HELP = {
    path.stem: path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "matderiv" / "help").glob("*.md"))
}
ALL = "\n".join((README, *HELP.values()))


def blocks(language: str, text: str = ALL) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def console() -> list[tuple[str, str]]:
    """Each `$ command` with the output that is shown below it."""
    found = []
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all commands, since some read what others wrote, or what the README shows."""
    folder = tmp_path_factory.mktemp("readme")
    (course,) = blocks("toml")
    (folder / "course.toml").write_text(course, encoding="utf-8")
    return folder


def test_there_are_commands_to_run() -> None:
    """The pattern that finds the commands finds all of them."""
    assert len(console()) == len(re.findall(r"^\$ ", ALL, re.MULTILINE))
    assert len(console()) >= 8


def marks(command: str) -> list[pytest.MarkDecorator]:
    """A script that makes handouts in child processes is one of the real parts."""
    return [pytest.mark.parts] if "make_handouts" in command else []


COMMANDS = [pytest.param(*pair, id=pair[0], marks=marks(pair[0])) for pair in console()]


def maker(name: str) -> list[str]:
    """The words of the command of the README that writes a file."""
    return next(
        w for w in map(shlex.split, dict(console())) if ["-o", name] in map(list, pairwise(w))
    )


@pytest.mark.parametrize(("command", "output"), COMMANDS)
def test_command(
    command: str,
    output: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A command of the README runs, and prints what the README shows."""
    words = shlex.split(command)
    if words[0] == "matderiv":
        monkeypatch.chdir(folder)
        with pytest.raises(SystemExit) as ended:
            cli.main(words[1:])
        done = subprocess.CompletedProcess(words, int(ended.value.code or 0), *capfd.readouterr())
    else:
        assert words[0] == "python"
        if words[-1].endswith(".json") and not (folder / words[-1]).exists():
            monkeypatch.chdir(folder)
            with pytest.raises(SystemExit):
                cli.main(maker(words[-1])[1:])
            capfd.readouterr()
        words[:2] = [sys.executable, str(ROOT / words[1])]
        done = subprocess.run(words, capture_output=True, text=True, cwd=folder, check=False)
    if output.startswith("matderiv: "):
        assert (done.returncode, done.stdout, done.stderr) == (2, "", output)
    elif output.startswith(("Wrong: ", "Right if ")):
        assert (done.returncode, done.stdout, done.stderr) == (1, output, "")
    else:
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(output.removesuffix("…\n"))
    if "-o" in words:
        assert (folder / words[words.index("-o") + 1]).stat().st_size > 1000


@pytest.mark.long
def test_python_example() -> None:
    """The Python session of the README gives what it shows."""
    sessions = [block for block in blocks("python") if block.startswith(">>> ")]
    assert sessions
    for session in sessions:
        test = doctest.DocTestParser().get_doctest(session, {}, "README", None, 0)
        assert doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.parts
def test_test_suite(tmp_path: Path) -> None:
    """The tests that the README shows to authors are collected and pass."""
    suites = [block for block in blocks("python") if not block.startswith(">>> ")]
    for number, suite in enumerate(suites):
        (tmp_path / f"test_gradients_{number}.py").write_text(suite, encoding="utf-8")
    options = ["-q", "-W", "error", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    count = sum(suite.count("def test_") for suite in suites)
    assert f"{count} passed" in done.stdout, done.stdout


PROGRAMS = [
    re.split(r" {3,}", line)[0] for line in blocks("text", HELP["language"])[0].splitlines()
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_are_derived(program: str) -> None:
    """Every program that the README lists as an example of the language is derived."""
    assert len(PROGRAMS) >= 6
    assert matderiv.derive(program).formulas


def test_the_language_is_all_there() -> None:
    """The table of the language names every function, and the table of gradients is counted."""
    table = HELP["language"].split("| in the language | |")[1].split("\n\n")[0]
    assert set(KNOWN) <= set(re.findall(r"`([a-z_0-9]+)", table))
    listed = (ROOT / "tests" / "gradients.toml").read_text(encoding="utf-8")
    assert f"holds {listed.count('[[gradient]]')} gradients" in ALL


def test_shown_step() -> None:
    """The step that the README shows is in the Markdown that is printed."""
    (shown,) = blocks("math")
    assert f"$$\n{shown}$$" in matderiv.derive().markdown()


def test_the_readme_is_short_and_names_every_topic() -> None:
    """A newcomer reads at most 200 lines; each topic is one file, linked and with its title."""
    assert README.count("\n") <= 200
    rows = dict(
        re.findall(r"^\| \[`(\w+)`\]\(matderiv/help/\1\.md\) \| (.*) \|$", README, re.MULTILINE)
    )
    titles = {topic: text.partition("\n")[0].removeprefix("# ") for topic, text in HELP.items()}
    assert rows == titles
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (ROOT / picture).is_file()


def test_help_shows_each_topic() -> None:
    """`matderiv help` lists the topics, and `matderiv help TOPIC` shows its file."""
    run = CliRunner()
    listed = run.invoke(cli_group, ["help"]).output
    assert re.findall(r"^matderiv help (\w+)", listed, re.MULTILINE) == list(HELP)
    for topic, text in HELP.items():
        assert run.invoke(cli_group, ["help", topic]).output.strip() == text.strip()
    assert run.invoke(cli_group, ["help", "nothing"]).exit_code == 2


def test_set_up_commands() -> None:
    """The set-up commands name extras and programs that exist."""
    assert "pip install '.[test]'" in blocks("sh")[1]
    assert (ROOT / "scripts" / "check.sh").is_file()
    assert (ROOT / "scripts" / "benchmark.py").is_file()
