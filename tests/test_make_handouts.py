"""The script that makes sets of handouts: what it writes, what it refuses, how it fails."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from matderiv import InputError

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "scripts" / "make_handouts.py"

SMALL = """
languages = ["en", "zh"]
formats = ["md", "tex"]

[[handout]]
name = "linear"
program = "Y = X @ W; L = sum(f(Y))"
sizes = { N = 1, D = 2, M = 1 }

[[handout]]
name = "theorem"
program = "L = Loss(Q @ K.T)"
shapes = { Q = [2, 2], K = [1, 2] }
wrt = ["Q"]
languages = ["en"]
"""

STUDENTS = """
formats = ["md"]
exercises = 2
seed = 7
author = "Prof. & Co"
students = ["Ada Lovelace", "王小明"]

[[handout]]
name = "week 1"
program = "Y = X @ W; L = sum(f(Y))"
sizes = { N = 1, D = 2, M = 1 }
"""


def run(folder: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the script on a file of this text."""
    folder.mkdir(exist_ok=True)
    file = folder / "course.toml"
    file.write_text(text, encoding="utf-8")
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(file), *options],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        check=False,
    )


@pytest.fixture
def inside(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the script on a file of a text in this process: its exit code, output and errors."""

    def run_inside(folder: Path, text: str) -> tuple[int, str, str]:
        folder.mkdir(exist_ok=True)
        file = folder / "course.toml"
        file.write_text(text, encoding="utf-8")
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(file), "--jobs", "1"])
        with pytest.raises(SystemExit) as ended:
            script.main()
        return (int(ended.value.code or 0), *capsys.readouterr())

    return run_inside


def files(folder: Path) -> dict[str, bytes]:
    """What is in the folder of handouts, by name."""
    return {path.name: path.read_bytes() for path in sorted((folder / "handouts").iterdir())}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("make_handouts", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_handouts"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parts
def test_every_language_and_format(
    tmp_path: Path, inside: Callable[..., tuple[int, str, str]]
) -> None:
    """Each program is written in each of its languages and formats, by one process or by two."""
    assert inside(tmp_path / "one", SMALL) == (0, "6 files written.\n", "")
    two = run(tmp_path / "two", SMALL, "--jobs", "2")
    assert (two.returncode, two.stdout, two.stderr) == (0, "6 files written.\n", "")
    made = files(tmp_path / "one")
    assert made == files(tmp_path / "two")
    assert list(made) == [
        "linear-en.md",
        "linear-en.tex",
        "linear-zh.md",
        "linear-zh.tex",
        "theorem-en.md",
        "theorem-en.tex",
    ]
    assert "矩阵".encode() in made["linear-zh.md"]
    assert b"Loss" in made["theorem-en.md"]


@pytest.mark.long
def test_a_sheet_for_each_student(
    tmp_path: Path, inside: Callable[..., tuple[int, str, str]]
) -> None:
    """Each student has exercises of their own and a key apart; the same file gives the same bytes."""
    assert inside(tmp_path, STUDENTS) == (0, "4 files written.\n", "")
    made = files(tmp_path)
    assert list(made) == [
        "week-1-en-Ada-Lovelace-answers.md",
        "week-1-en-Ada-Lovelace.md",
        "week-1-en-王小明-answers.md",
        "week-1-en-王小明.md",
    ]
    ada, other = made["week-1-en-Ada-Lovelace.md"].decode(), made["week-1-en-王小明.md"].decode()
    assert r"Prof. \& Co · Ada Lovelace" in ada
    assert "王小明" in other
    assert ada.split("Exercises")[1] != other.split("Exercises")[1]
    assert "Answer 1" not in ada
    assert b"Answer 1" in made["week-1-en-Ada-Lovelace-answers.md"]
    assert "--seed" not in ada + other
    seeds = {
        re.findall(r"--seed (\d+)", text.decode())[0]
        for name, text in made.items()
        if "-answers" in name
    }
    assert len(seeds) == 2
    assert inside(tmp_path, STUDENTS)[0] == 0
    assert files(tmp_path) == made


def test_names_from_a_file(tmp_path: Path, script: ModuleType) -> None:
    """The names may stand in the first column of a CSV file, below a heading or not."""
    (tmp_path / "names.csv").write_text('\ufeffName,id\n"Ada",1\n\n陈,2\n', encoding="utf-8")
    file = tmp_path / "course.toml"
    students = 'students = "names.csv"'
    file.write_text(re.sub("students = .*", students, STUDENTS), encoding="utf-8")
    assert [path.name for job in script.read(file) for path in job.paths] == [
        "week-1-en-Ada.md",
        "week-1-en-陈.md",
    ]


def test_seeds_stay_the_same(script: ModuleType) -> None:
    """A student's seed depends on the name, the handout and the base seed, and on nothing else."""
    assert script.seed_of("Ada Lovelace", "linear", 1) == 558412222
    assert script.seed_of("e\u0301", "a", 1) == script.seed_of("\u00e9", "a", 1)
    others = [("Emmy", "linear", 1), ("Ada Lovelace", "x", 1), ("Ada Lovelace", "linear", 2)]
    assert len({558412222, *(script.seed_of(*other) for other in others)}) == 4


def test_continues_after_a_failure(
    tmp_path: Path, inside: Callable[..., tuple[int, str, str]]
) -> None:
    """One that cannot be derived and one that cannot be written are reported; the rest is made."""
    text = SMALL + '\n[[handout]]\nname = "bad"\nprogram = "L = sum(X1) + sum(X_1)"\n'
    (tmp_path / "handouts" / "linear-zh.md").mkdir(parents=True)
    code, out, err = inside(tmp_path, text)
    assert code == 1
    lines = err.splitlines()
    assert len(lines) == 5
    assert "linear-zh.md: " in lines[0]
    assert all("bad-" in line and "X1 and X_1 cannot be told apart" in line for line in lines[1:])
    assert out == "5 files written, 5 failed.\n"
    assert not list((tmp_path / "handouts").glob(".*"))


def changed(old: str, new: str, text: str = STUDENTS) -> str:
    """A file with something wrong in it."""
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'handout' is missing"),
        ("x = ", "is no TOML"),
        ("handout = []", "'handout' is '[]'"),
        ("[[handout]]\nname = 'a'", "course.toml, handout 1: 'program' is missing"),
        (changed('name = "week 1"\n', ""), "'name' is missing"),
        (changed("seed = 7", "sed = 7"), "there is no key 'sed'"),
        (changed("seed = 7", 'seed = "7"'), "'seed' is '7'; give a whole number"),
        (changed("seed = 7", "seed = true"), "'seed' is 'True'"),
        (changed("exercises = 2", "exercises = -1"), "-1 exercises"),
        (changed("exercises = 2", ""), "need exercises"),
        (changed('["md"]', '["docx"]'), "no format 'docx'; there are: md"),
        (changed('["md"]', '["md", "md"]'), "would be written twice"),
        (changed('["md"]', "[]"), "'formats' is '[]'"),
        (changed("seed = 7", 'languages = ["fr"]'), "no language 'fr'; there are: en, zh"),
        (changed("seed = 7", 'answers = "yes"'), "answers is 'yes'"),
        (changed("seed = 7", 'show = "some"'), "'show' is 'some'"),
        (changed("N = 1", "N = 1.5"), "'sizes' is"),
        (changed("Ada Lovelace", "a/b"), "'a/b' holds a slash"),
        (changed("Ada Lovelace", "..\\\\b"), "holds a slash"),
        (changed("Ada Lovelace", ".."), "'..' has no letter"),
        (changed("Ada Lovelace", ""), "name of a student is empty"),
        (changed("Ada Lovelace", "a\\u0000b"), "U+0000"),
        (changed("Ada Lovelace", "x" * 51), "more than 50 letters"),
        (changed("Ada Lovelace", "王  小明!"), "王-小明"),
        (changed('"王小明"', '"ada lovelace"'), "would be written twice"),
        (changed('"王小明"', '"Ada Lovelace answers"'), "would be written twice"),
        (changed('["Ada Lovelace", "王小明"]', "[]"), "'students' is '[]'"),
        (changed('["Ada Lovelace", "王小明"]', '"none.csv"'), "none.csv cannot be read"),
        (changed("week 1", "../up"), "holds a slash"),
        (changed("Prof. & Co", "a\\u0007"), "U+0007"),
    ],
)
def test_what_cannot_be_used_is_refused(
    text: str, message: str, tmp_path: Path, script: ModuleType
) -> None:
    """A file with something wrong in it is refused in one line that names the part."""
    file = tmp_path / "course.toml"
    file.write_text(text, encoding="utf-8")
    if message == "王-小明":  # another spelling of a name is another name, and a safe file's name
        names = [path.name for job in script.read(file) for path in job.paths]
        assert names[0] == "week-1-en-王-小明.md"
        return
    with pytest.raises(InputError) as caught:
        script.read(file)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parts
def test_refused_with_code_2_and_nothing_written(tmp_path: Path) -> None:
    """From the shell: one line on standard error, exit code 2, and no folder is made."""
    done = run(tmp_path, changed("seed = 7", "sed = 7"))
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(r"make_handouts: course\.toml: there is no key 'sed'.*\n", done.stderr)
    assert [path.name for path in tmp_path.iterdir()] == ["course.toml"]


@pytest.mark.parametrize("folder", ["..", "../other", "/nowhere", "a/../../b", "link/a"])
def test_folders_elsewhere_are_asked_for(folder: str, tmp_path: Path, script: ModuleType) -> None:
    """A file that one was sent writes below itself only, unless one says so."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "link").symlink_to(tmp_path)
    file = own / "course.toml"
    file.write_text(f'folder = "{folder}"\n{SMALL}', encoding="utf-8")
    with pytest.raises(InputError, match=r"is not below this file; choose one that is, or add"):
        script.read(file)
    assert script.read(file, anywhere=True)


@pytest.mark.parametrize("options", [["--jobs", "0"], ["--nothing"], []])
def test_options_that_cannot_be_used(
    options: list[str],
    tmp_path: Path,
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Usage errors are one line, too; a file that is not there is one of them."""
    file = [] if options else [str(tmp_path / "none.toml")]
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *file, *options])
    with pytest.raises(SystemExit) as ended:
        script.main()
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("make_handouts: ")
    assert error.count("\n") == 1


@pytest.mark.parts
def test_progress_on_a_terminal(tmp_path: Path) -> None:
    """On a terminal a bar shows how far the work is; elsewhere nothing does."""
    pty = pytest.importorskip("pty")
    file = tmp_path / "course.toml"
    file.write_text(SMALL.partition('[[handout]]\nname = "theorem"')[0], encoding="utf-8")
    ours, theirs = pty.openpty()
    command = [sys.executable, str(SCRIPT), str(file), "--jobs", "1"]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=theirs, check=True)
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "100%" in shown


@pytest.mark.parts
def test_an_interrupt_ends_it(tmp_path: Path) -> None:
    """Interrupted, it stops soon, says so in one line, and leaves no half of a file."""
    students = ", ".join(f'"Student {number}"' for number in range(300))
    text = re.sub("students = .*", f"students = [{students}]", STUDENTS)
    file = tmp_path / "course.toml"
    file.write_text(text, encoding="utf-8")
    command = [sys.executable, str(SCRIPT), str(file), "--jobs", "2"]
    # Where whoever runs the tests ignores interrupts, a child would inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    while not list(tmp_path.glob("handouts/*.md")):
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out, err.strip()) == (130, "", "make_handouts: interrupted")
    made = list((tmp_path / "handouts").iterdir())
    assert 0 < len(made) < 600
    assert all(path.suffix == ".md" and not path.name.startswith(".") for path in made)
