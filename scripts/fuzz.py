"""Look for what should never happen: tracebacks, hangs, forged certificates, false verdicts.

    python scripts/fuzz.py                          some tries of every kind
    python scripts/fuzz.py texts claims --n 5000    more of two kinds
    python scripts/fuzz.py texts --seed 1234 --n 1  one that was reported, once more

Kinds: texts (programs, changed in a few places), programs (valid ones, their gradients held against
differences), called (such that call any operation), claims (right and changed ones), words (any, as
claims), certificates (true and altered ones), arguments (of every public function), command (words
of the command line). Each try is a child process with a cap on its processor time and its memory.
Whatever is found is cut down and printed with its seed; the exit code is 1 then.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import random
import re
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import click
import numpy as np
from _fuzz_trial import Found, Limits, isolated, shrunk

import matderiv
from matderiv import cli, testing

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import _certificates
import verify_certificate
from _gradient_table import table
from _programs import Made, random_program, smaller
from _reference import UNDEFINED, differences, run, value
from soundness import changed

from matderiv.checking.question import ask
from matderiv.cli._commands import cli as group
from matderiv.derivation.methods.table import METHODS
from matderiv.expression.nodes import walk
from matderiv.expression.source import source
from matderiv.expression.vocabulary import KNOWN

__all__ = ["KINDS", "Kind", "fuzzed", "main"]

Case = Any
Chance = random.Random

_FAR = 1e-3  # relative; central differences are not nearer to what they should be


@dataclass(frozen=True)
class Kind:
    """A kind of tries: how a case is made, tried, and made smaller."""

    make: Callable[[Chance], Case]
    trial: Callable[[Case], Found]
    cuts: Callable[[Case], Iterator[Case]]
    limits: Limits
    shown: Callable[[Case], str] = repr


# -- texts -----------------------------------------------------------------------------------

_TOKEN = re.compile(r"\w+|\s+|\*\*|\.T|.", re.DOTALL)
_PLACES = (
    "({}**2); sum({}); ({}).T; (-{}); log({}); inv({}); ({}/{}); (0*{}); ({} @ {}); ({} + {}); "
    "mean({}, axis=0); softmax({}); {}**{}; relu({}); ({} - mean({}))"
).split("; ")


def _words(text: str) -> list[str]:
    return _TOKEN.findall(text)


#: Words that stand in each other's places without harm to the grammar.
_ALIKE = (
    ("@", "*", "+", "-", "/", "**"),
    ("0", "1", "2", "3", "0.5", "1e9", "10**6"),
    tuple(n for n in KNOWN if n not in ("eye", "ones")),
    ("X", "W", "x", "w", "lam", "pi", "n", "N", "Z1", "d", "e"),
    ("0", "1", "-1", "2", "None", "True"),
)


#: Words of the language, and others.
_WORDS = (
    "X W Y L dY dX df f lam sum exp log sqrt tanh sigmoid sin cos relu step Loss mean T .T @ * / "
    "** + - ( ) ( ) , ; = 0 1 2 3 0.5 1e9 1e99 -1 10 1000 λ × ′ ' \" \\ { } [ ] : # é 矩 \n \0 "
    "lambda if for __import__('os') 0x10 1j 9999999999 inv(X) inv( det( logdet( tr( diag( outer( "
    "norm( eye(N) eye(2) ones((N,M)) ones( mean( prod( softmax( logsumexp( abs sign softplus erf "
    "axis=0 axis=1 axis=-1 axis=2 keepdims=True .sum( N D M"
).split(" ")


def _any_words(chance: Chance) -> str:
    """Words of the language and others in any order, or any characters."""
    if chance.random() < 0.2:  # noqa: PLR2004 - now and then
        return "".join(
            chr(chance.choice((chance.randrange(128), chance.randrange(0x3000))))
            for _ in range(chance.randint(0, 40))
        )
    return chance.choice(("", " ")).join(chance.choices(_WORDS, k=chance.randint(0, 14)))


def _text(chance: Chance) -> str:
    """A program of the table of gradients, changed in up to four places, or any words."""
    if chance.random() < 0.05:  # noqa: PLR2004 - now and then
        return _any_words(chance)
    words = _words(chance.choice(table()).program)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(words))
        alike = [some for some in _ALIKE if words[at] in some] or [_ALIKE[3]]
        choice = chance.random()
        if choice < 0.45 and (words[at].isalnum() or words[at] in _ALIKE[0]):  # noqa: PLR2004 - as above
            words[at] = chance.choice(alike[-1])
        elif choice < 0.9:  # noqa: PLR2004 - as above
            names = [n for n, w in enumerate(words) if w.isidentifier() and w not in KNOWN]
            if names:
                at = chance.choice(names)
                words[at] = chance.choice(_PLACES).replace("{}", words[at])
        elif choice < 0.95:  # noqa: PLR2004 - as above
            words[at:at] = [chance.choice(_words(_any_words(chance)) or [""])]
        else:
            del words[at : at + chance.randint(1, 3)]
            words = words or [""]
    return "".join(words)


def _try_text(text: str) -> Found:
    found = matderiv.gradient(text)
    for gradient in found.values() if isinstance(found, dict) else (found,):
        for words in (str(gradient), repr(gradient), gradient.code("numpy")):
            assert words
    return Found("answered")


def _cut_words(words: Sequence[str]) -> Iterator[Sequence[str]]:
    """Pieces left out, large ones first."""
    size = len(words) // 2
    while size:
        for start in range(0, len(words), size):
            yield [*words[:start], *words[start + size :]]
        size //= 2


def _cut_text(text: str) -> Iterator[str]:
    yield from map("".join, _cut_words(_words(text)))


# -- programs, claims ------------------------------------------------------------------------


def _program(chance: Chance) -> Made:
    return random_program(chance.getrandbits(32))


def _called(chance: Chance) -> Made:
    return random_program(chance.getrandbits(32), called=True)


def _try_program(made: Made) -> Found:
    wrt = _chosen(made)
    if wrt is None:
        return Found("no input")
    try:
        found = matderiv.gradient(made.text, wrt=wrt, shapes=made.inputs)
    except matderiv.InputError as error:
        if _has_value(made):
            raise
        return Found("no value", str(error))
    expected = _expected(made, wrt, 0)
    if expected is None:
        return Found("not compared")
    numbers = made.numbers(np.random.default_rng(0))
    own = found(**numbers, functions=UNDEFINED)
    if not np.isfinite(own).all():
        return Found("no value where there is one", f"d{wrt} = {found}", bad=True)
    if _apart(own, expected):
        return Found("wrong value", f"d{wrt} = {found}", bad=True)
    return Found("right")


def _chosen(made: Made) -> str | None:
    """One input of a program, no labels; which one does not matter over thousands."""
    inputs = sorted(made.inputs.keys() - made.labels.keys())
    return inputs[len(made.text) % len(inputs)] if inputs else None


def _has_value(made: Made) -> bool:
    """Whether a program has a value at some point, which no singular matrix gives it."""
    for seed in range(3):
        try:
            total = float(run(made.text, made.numbers(np.random.default_rng(seed)))["L"])
        except np.linalg.LinAlgError:
            continue
        if abs(total) < 1e12:  # noqa: PLR2004 - the inverse of a rounded singular matrix is large
            return True
    return False


def _expected(made: Made, wrt: str, seed: int) -> np.ndarray | None:
    """The gradient by central differences; None where they can not be relied on."""
    numbers = made.numbers(np.random.default_rng(seed))
    nearby = {
        name: number if name in made.labels else number * (1 + 1e-6)
        for name, number in numbers.items()
    }
    try:
        one, two = (differences(made.text, at, wrt) for at in (numbers, nearby))
        total = float(run(made.text, numbers)["L"])
    except (np.linalg.LinAlgError, ValueError):
        return None
    scale = float(np.abs(one).max(initial=0.0))
    sure = np.isfinite([scale, total]).all() and np.isfinite(two).all()
    if not sure or scale > 1e6 or abs(total) > 1e4 * (scale + 1e-3):  # noqa: PLR2004 - rounding
        return None
    return None if np.abs(one - two).max(initial=0.0) > _FAR * (scale + 1e-3) / 10 else one


def _apart(own: np.ndarray, expected: np.ndarray) -> bool:
    if own.shape != expected.shape:
        return True
    scale = float(np.abs(expected).max(initial=0.0))
    return not np.abs(own - expected).max(initial=0.0) <= _FAR * scale + 1e-5


def _claim(chance: Chance) -> tuple[Made, int]:
    return random_program(chance.getrandbits(32), chance.choice((1, 2, 3))), chance.getrandbits(32)


def _try_claim(case: tuple[Made, int]) -> Found:
    made, seed = case
    wrt = _chosen(made)
    if wrt is None:
        return Found("no input")
    chance = random.Random(seed)
    question = ask(made.text, wrt, shapes=made.inputs)
    changes = list(changed(question.gradient, question, chance))
    plain = chance.random() < 0.2  # noqa: PLR2004 - now and then
    claim = question.source(question.gradient if plain else chance.choice(changes)[1])
    report = matderiv.check(made.text, wrt, claim, shapes=made.inputs)
    status = str(report.status)
    assert report.text() and report.text("zh") and report.json()  # noqa: PT018
    if plain and status == "wrong":
        return Found("right and called wrong", claim, bad=True)
    if status == "right" and not plain:
        apart = [_differs(made, wrt, claim, point) for point in (0, 1)]
        if all(apart):
            return Found("false and called right", claim, bad=True)
    return Found(status)


def _differs(made: Made, wrt: str, claim: str, seed: int) -> bool:
    """Whether a claim has another value than central differences at one point."""
    expected = _expected(made, wrt, seed)
    numbers = made.numbers(np.random.default_rng(seed))
    if expected is None:
        return False
    try:
        names = run(made.text, numbers)
        for name, _ in made.values[:-1]:
            if re.search(rf"\bd{name}\b", claim):
                names[f"d{name}"] = differences(made.text, numbers, name)
        own = value(claim, names)
    except (KeyError, ValueError, np.linalg.LinAlgError):  # letters of sizes, names of ours
        return False
    return own.shape == expected.shape and _apart(own, expected)


#: Programs that claims of any words are about, and names that these may hold.
_PROGRAMS = (
    "Y = X @ W; L = sum(f(Y))",
    "L = Loss(X @ W)",
    "L = lam*sum(log(1 + exp(X @ W)))",
    "L = sum((X.T @ W)**3)/2",
    "L = sum(sqrt(X @ W.T))",
)
_CLAIMED = ("X", "W", "Y", "dY", "dY", "L")


def _judged(chance: Chance) -> tuple[str, str, str]:
    made = _program(chance)
    words = _words(source(chance.choice(list(walk(made.values[-1][1])))))
    formula = "".join(chance.choice(_CLAIMED) if word in made.shapes else word for word in words)
    claim = chance.choice((_any_words(chance), _any_words(chance), formula))
    return chance.choice(_PROGRAMS), chance.choice("XW"), claim


def _try_judged(case: tuple[str, str, str]) -> Found:
    report = matderiv.check(*case)
    assert report.text()
    return Found(str(report.status))


def _cut_judged(case: tuple[str, str, str]) -> Iterator[tuple[str, str, str]]:
    yield from ((*case[:2], claim) for claim in _cut_text(case[2]))


def _cut_program(made: Made) -> Iterator[Made]:
    yield from (other for other in smaller(made) if len(other.text) < len(made.text))


def _cut_first(case: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """The same about smaller programs."""
    yield from ((made, *case[1:]) for made in _cut_program(case[0]))


def _show_program(case: Made | tuple[Any, ...]) -> str:
    made = case if isinstance(case, Made) else case[0]
    return f"{made.text!r} by {_chosen(made)} with {made.inputs}"


# -- certificates ----------------------------------------------------------------------------


def _certificate(chance: Chance) -> tuple[Made, str, int]:
    made = random_program(chance.getrandbits(32), chance.choice((1, 1, 2)))
    return made, chance.choice(list(METHODS)), chance.getrandbits(32)


def _try_certificate(case: tuple[Made, str, int]) -> Found:
    made, method, seed = case
    if not made.inputs:
        return Found("no input")
    text = matderiv.derive(made.text, shapes=made.inputs, method=method).json()
    chance = random.Random(seed)
    data = json.loads(text)
    if chance.random() < 0.2:  # noqa: PLR2004 - now and then
        code, words = verify_certificate.outcome(data)
        return Found("true and refused", words, bad=True) if code else Found("confirmed")
    places = [path for path in _certificates.leaves(data) if _tells(path)]
    path = chance.choice(places)
    old = _certificates.within(data, path)
    new = _certificates.altered(old, chance)
    if isinstance(old, str) and new.replace(" ", "") == old.replace(" ", ""):
        return Found("the same")
    _certificates.within(data, path[:-1])[path[-1]] = new
    code, _ = verify_certificate.outcome(_certificates.sealed(data))
    if code:
        return Found("refused")
    where = ".".join(map(str, path))
    return Found("forged and confirmed", f"{method}, {where}: {old!r} is now {new!r}", bad=True)


def _tells(path: tuple[Any, ...]) -> bool:
    """Whether a field says something that is to be checked; one kind of side may do for another."""
    shown = path[-1] in ("latex", "sha256") or path[0] == "sizes"
    return not shown and not (path[-1] == "kind" and "sides" in path)


# -- arguments -------------------------------------------------------------------------------


def _anything(*_: object, **__: object) -> float:
    """A function that takes everything."""
    return 1.0


_VALUES: tuple[object, ...] = (
    *(None, True, 0, 1, -1, 3, 2.5, float("nan"), 10**30, 10**5000, 1j, object(), _anything),
    *("", "\n", "é\ud800", "L = sum(X @ W)", *"X L en md all sum(x**2) 2*X numpy".split()),
    *(b"X", (), [], {}, ["X"], ("X", "W"), [None], (2, 3), [("X", "symmetric")], {"X"}, range(2)),
    *({"X": (2, 3)}, {"X": [2, 2]}, {"X": 3}, {"N": 2}, {"N": 0}, {"X": "diagonal"}, {1: 2}),
    *({"X": (10**9,)}, {"f": _anything}, Path("a.md")),
    *(np.zeros((2, 3)), np.int64(3), np.float32(2)),
)


@cache
def _functions() -> dict[str, Callable[..., Any]]:
    """Everything public that can be called, methods on a value that has them."""
    gradient = matderiv.gradient("sum(f(X @ W))", wrt="X")
    derivation = matderiv.derive(sizes={"N": 1, "D": 2, "M": 1})
    check = matderiv.check(claim="dY @ W")
    owners = (gradient, derivation, check, derivation.handout(), matderiv.jacobian())
    found: dict[str, Callable[..., Any]] = {
        name: getattr(module, name)
        for module in (matderiv, testing)
        for name in module.__all__
        if isinstance(getattr(module, name), FunctionType)
    }
    for owner in owners:
        for name, of in vars(type(owner)).items():
            if isinstance(of, FunctionType) and (name == "__call__" or not name.startswith("_")):
                found[f"{type(owner).__name__}.{name}"] = getattr(owner, name)
    return found


def _call(chance: Chance) -> tuple[str, dict[str, int]]:
    name = chance.choice(sorted(_functions()))
    parameters = inspect.signature(_functions()[name]).parameters.values()
    given = {}
    for parameter in parameters:
        if parameter.default is parameter.empty or chance.random() < 0.3:  # noqa: PLR2004 - some
            key = "X" if parameter.kind is parameter.VAR_KEYWORD else parameter.name
            given[key] = chance.randrange(len(_VALUES))
    return name, given


def _try_call(case: tuple[str, dict[str, int]]) -> Found:
    name, given = case
    function = _functions()[name]
    several = [
        p.name
        for p in inspect.signature(function).parameters.values()
        if p.kind is p.VAR_POSITIONAL
    ]
    values = {key: _VALUES[place] for key, place in given.items()}
    positional = [values.pop(key) for key in several if key in values]
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        try:
            function(*positional, **values)
        except OSError as error:
            return Found("refused", str(error))
        except AssertionError as error:
            documented = name in testing.__all__ and str(error)
            return Found("refused", str(error)) if documented else Found("traceback", bad=True)
        except TypeError as error:
            if str(error).startswith("missing a required argument"):
                return Found("refused")
            raise
    return Found("answered")


def _cut_call(case: tuple[str, dict[str, int]]) -> Iterator[tuple[str, dict[str, int]]]:
    for key in case[1]:
        yield case[0], {other: place for other, place in case[1].items() if other != key}


def _show_call(case: tuple[str, dict[str, int]]) -> str:
    return f"{case[0]}({', '.join(f'{key}={_shown(place)}' for key, place in case[1].items())})"


def _shown(place: int) -> str:
    try:
        return repr(_VALUES[place])
    except ValueError:  # more digits than are printed
        return "10**5000"


# -- command line ----------------------------------------------------------------------------

_COMMANDS = ("derive", "gradient", "check", "jacobian", "hessian", "jvp", "hvp", "handout")
#: Options, each with arguments that fit it.
_OPTIONS: dict[str, tuple[str, ...]] = {
    "-N": ("1", "2", "3"),
    "-M": ("1", "2", "4"),
    "--shape": ("X=2x3", "W=3x1", "x=3", "w=1", "X=2x2", "b=scalar"),
    "--wrt": ("X", "W", "x", "Y"),
    "--claim": ("dY @ W.T", "X.T @ dY", "2*X", "2*x", "0*X", "X/(N - 1)"),
    "--assume": ("X=symmetric", "S=diagonal"),
    "--lang": ("en", "zh"),
    "--format": ("latex", "markdown", "md", "json", "html", "numpy", "torch", "sympy", "text"),
    "--show": ("all", "2", "3"),
    "-o": ("a.md", "a.tex", "a.html", "a.json", "-", "/dev/stdout", "b/c.md"),
    "--method": tuple(METHODS),
    "--title": ("Why?", "1. one", "\u202e"),
    "--exercises": ("1", "3"),
    "--seed": ("1", "2"),
    "--answers": ("none", "end", "separate"),
    "--dtype": ("float64", "int3"),
}
_ANYTHING = (
    *("", "\n", "\udcff.md", "9" * 40, *"0 -1 x X=3 -- -h --fragment --nothing".split()),
    *(word for words in _OPTIONS.values() for word in words),
)


def _line(chance: Chance) -> list[str]:
    words = [chance.choice(_COMMANDS)]
    if chance.random() < 0.8:  # noqa: PLR2004 - mostly
        made = random_program(chance.getrandbits(32), 1).text
        words.append(chance.choice((made, _text(chance), "sum(X**2)", "Y = X @ W; L = sum(f(Y))")))
    if words[0] == "handout":
        words += ["-o", chance.choice(_OPTIONS["-o"])]
    if words[0] == "check":
        words += ["--claim", chance.choice(_OPTIONS["--claim"])]
    for _ in range(chance.randint(0, 3)):
        odd = chance.random() < 0.1  # noqa: PLR2004 - now and then
        known = [
            name for p in group.commands[words[0]].params for name in p.opts if name in _OPTIONS
        ]
        option = chance.choice(list(_OPTIONS) if odd else known)
        words += [option, chance.choice(_ANYTHING if odd else _OPTIONS[option])]
    return [word.replace("\0", "") for word in words]


def _try_line(words: list[str]) -> Found:
    code: object = None
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for number, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY)):
            os.dup2(os.open(os.devnull, flags), number)
        os.dup2(os.open("errors", os.O_WRONLY | os.O_CREAT), 2)
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(n, "rw"[n > 0]) for n in range(3))
        try:
            cli.main(list(words))
        except SystemExit as ended:
            code = ended.code
        sys.stderr.flush()
        said = Path("errors").read_text(encoding="utf-8", errors="surrogateescape")
        left = [path.name for path in Path().iterdir() if path.name.startswith(".matderiv")]
    lines = said.splitlines()
    caret = len(lines) == 3 and lines[1].startswith("  ") and lines[2].strip() == "^"  # noqa: PLR2004
    if code not in (0, 1, 2):
        return Found(f"exit code {code}", said, bad=True)
    if len(lines) > 1 and not caret:
        return Found("a message of several lines", said, bad=True)
    if left:
        return Found("files left", str(left), bad=True)
    return Found(f"exit code {code}", said)


def _cut_line(words: list[str]) -> Iterator[list[str]]:
    yield from map(list, _cut_words(words))


#: Every kind of tries by name.
KINDS = {
    "texts": Kind(_text, _try_text, _cut_text, Limits(10)),
    "programs": Kind(_program, _try_program, _cut_program, Limits(20), _show_program),
    "called": Kind(_called, _try_program, _cut_program, Limits(20), _show_program),
    "claims": Kind(_claim, _try_claim, _cut_first, Limits(20), _show_program),
    "words": Kind(_judged, _try_judged, _cut_judged, Limits(5)),
    "certificates": Kind(_certificate, _try_certificate, _cut_first, Limits(40), _show_program),
    "arguments": Kind(_call, _try_call, _cut_call, Limits(20), _show_call),
    "command": Kind(_line, _try_line, _cut_line, Limits(30)),
}


def fuzzed(name: str, kind: Kind, count: int, seed: int) -> tuple[Counter[str], list[str]]:
    """The outcomes of some tries, and a line about each that should not be, cut down."""
    outcomes: Counter[str] = Counter()
    lines = []
    for number in range(seed, seed + count):
        case = kind.make(random.Random(f"{name} {number}"))
        found = isolated(kind.trial, case, kind.limits)
        outcomes[found.what] += 1
        if found.bad:
            tries = 20 if found.what.startswith("over") else 200

            def again(other: Case, what: str = found.what) -> bool:
                return isolated(kind.trial, other, kind.limits).what == what

            small = shrunk(case, kind.cuts, again, tries)
            lines.append(
                f"{name} --seed {number}: {found.what}: {found.words} for {kind.shown(small)}"
            )
            print(ascii(lines[-1])[1:-1], flush=True)
    return outcomes, lines


@click.command(help=__doc__.replace("\n\n", "\n\n\b\n") if __doc__ else None)
@click.argument("kinds", nargs=-1, type=click.Choice(list(KINDS)), metavar="[KIND]...")
@click.option("--n", default=100, help="Tries of each kind.")
@click.option("--seed", default=0, help="Of the first try; others follow.")
@click.option("--seconds", type=int, help="Of processor time for a try.")
@click.option("--megabytes", type=int, help="Of memory for a try.")
def main(kinds: tuple[str, ...], n: int, seed: int, **caps: int | None) -> None:
    """Try, print what was found, and a line of counts for each kind."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    given = {cap: value for cap, value in caps.items() if value is not None}
    bad = 0
    for name in kinds or KINDS:
        kind = KINDS[name]
        kind = replace(kind, limits=replace(kind.limits, **given))
        outcomes, lines = fuzzed(name, kind, n, seed)
        counts = ", ".join(f"{n:,} {what}" for what, n in outcomes.most_common())
        print(f"{name}: {counts}", flush=True)
        bad += len(lines)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
