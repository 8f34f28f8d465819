"""Certificates of whole programs: true ones are confirmed, forged ones are not."""

from __future__ import annotations

import copy
import itertools
import json
import random
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from _certificates import Json, altered, leaves, refused, sealed, within
from certificates import structure
from certificates.arrays import undefined
from certificates.numbers import Reals, Residues, Variable, applied, gradients, real_arithmetic
from certificates.reading import parse
from certificates.worlds import other_sizes
from verify_certificate import check, main

import matderiv
from matderiv.calculus.formulas.rewrites import REWRITES
from matderiv.cli import main as command
from matderiv.derivation.methods.table import METHODS
from matderiv.errors import UnsupportedError
from matderiv.expression.vocabulary import KNOWN

#: Programs with what is declared of them and the names to differentiate by.
PROGRAMS: dict[str, tuple[str, dict[str, tuple[int, ...]], dict[str, str], str]] = {
    "ridge": ("L = sum((X @ W - T)**2) + lam*sum(W**2)", {}, {}, "W"),
    "two layers": ("H = relu(X @ W + b); L = sum(tanh(H @ V))", {}, {}, "W b"),
    "cross-entropy": ("Z = X @ W; L = sum(logsumexp(Z, axis=1)) - sum(T*Z)", {}, {}, "W"),
    "attention": (
        "P = softmax(Q @ K.T, axis=1); O = P @ V; L = Loss(O)",
        {"Q": (2, 3), "K": (4, 3), "V": (4, 2)},
        {},
        "Q V",
    ),
    "gauss": ("L = logdet(S) + y @ inv(S) @ y", {}, {}, "S y"),
    "wide": ("L = logdet(A @ X @ A.T)", {}, {}, "X"),
    "symmetric": ("L = logdet(S) + tr(A @ S)", {}, {"S": "symmetric"}, "S"),
    "diagonal": ("L = sum(f(X @ D))", {}, {"D": "diagonal"}, "D"),
    "scalars": ("z = alpha*beta + alpha; h = tanh(z); L = (h - gamma)**2", {}, {}, "alpha gamma"),
    "system": ("L = y @ inv(K + lam*eye(n)) @ y", {}, {}, "y K"),
    "norm": ("L = norm(X @ w - y) + sum(abs(w))", {}, {}, "w"),
    "diag": ("A = outer(a, b); L = tr(A @ diag(c)) + sum(diag(A @ B)**2)", {}, {}, "a c"),
    "means": ("m = mean(X, axis=0); L = mean(sum((X - m)**2, axis=1)*w)", {}, {}, "X"),
    "often": ("Y = X @ X.T @ X; L = tr(Y @ X.T) + sum(X*X)", {}, {}, "X"),
    "ones": ("L = sum(f(X @ W + b))", {"X": (1, 3), "W": (3, 1), "b": (1,)}, {}, "X b"),
    "product": ("Y = X @ W; L = sum(f(Y))", {}, {}, "X W"),
    "powers": ("L = sum(X**1.5) + sum(A**alpha) + prod(x) + erf(beta)", {}, {}, "X alpha beta x"),
    "affine": (
        "Z = X @ W + b; L = sum(f(Z))",
        {"X": (2, 4), "W": (4, 3), "b": (3,)},
        {},
        "X b",
    ),
    "tall": ("L = sum(f(X @ W + b))", {"X": (64, 90), "W": (90, 70), "b": (70,)}, {}, "W b"),
}


@cache
def text(name: str, method: str = "elementwise") -> str | None:
    """The certificate of a program; None where the method does not apply."""
    program, shapes, assume, wrt = PROGRAMS[name]
    try:
        derivation = matderiv.derive(
            program, shapes=shapes, assume=assume, wrt=wrt.split(), method=method
        )
    except UnsupportedError:
        return None
    return derivation.json()


def certificate(name: str, method: str = "elementwise") -> Json:
    """A fresh certificate that a test may alter."""
    found = text(name, method)
    assert found is not None
    return json.loads(found)


@pytest.mark.parametrize("name", PROGRAMS)
def test_true_certificates_are_confirmed(name: str) -> None:
    """What matderiv writes is confirmed, by every method that applies to the program."""
    applied_methods = []
    for method in METHODS:
        found = text(name, method)
        if found is None:
            assert method == "kronecker"
            continue
        data = json.loads(found)
        line = check(data)
        assert line.startswith(f"{data['proof']['equalities']} equalities confirmed")
        assert all(f"d{wrt} = {g}" in line for wrt, g in data["gradients"].items())
        applied_methods.append(method)
    assert len(applied_methods) >= 4


def test_kronecker_products_are_among_them() -> None:
    """The method that applies least applies to some of the programs."""
    assert sum(text(name, "kronecker") is not None for name in PROGRAMS) >= 6


def test_what_is_proved_at_the_sizes_only_says_so() -> None:
    """A link without an index proof states its entries, and is looked at at the sizes alone."""
    program = "L = sum(sqrt(exp(X))*exp(X/2))"
    data = json.loads(matderiv.derive(program, shapes={"X": (2, 2)}).json())
    links = [link for step in data["steps"] for c in step["chains"] for link in c["links"]]
    sized = [link for link in links if not link["verdict"]["for_all_sizes"]]
    assert len(sized) == data["proof"]["compared"]
    assert f"{data['proof']['entries']} entries compared" in check(data)


# -- mutants -----------------------------------------------------------------------------------


def links_of(data: Json) -> Iterator[tuple[Json, int]]:
    """Every chain with the numbers of its sides."""
    for step in data["steps"]:
        for chain in step["chains"]:
            for number in range(len(chain["links"]) + 1):
                yield chain, number


def both(chain: Json, number: int) -> list[Json]:
    """A side of a chain in the links that hold it."""
    links = chain["links"]
    return [link["right"] for link in links[max(number - 1, 0) : number]] + [
        link["left"] for link in links[number : number + 1]
    ]


def counted(data: Json) -> Json:
    """The same with counts and digest that fit."""
    verdicts = [link["verdict"] for s in data["steps"] for c in s["chains"] for link in c["links"]]
    data["proof"] = {
        "equalities": len(verdicts),
        "for_all_sizes": sum(v["for_all_sizes"] is True for v in verdicts),
        "compared": sum(v["entries"] > 0 for v in verdicts),
        "entries": sum(v["entries"] for v in verdicts),
    }
    return sealed(data)


FORGED = [
    ("ridge", "elementwise"),
    ("two layers", "slice"),
    ("attention", "index"),
    ("system", "kronecker"),
    ("symmetric", "differential"),
    ("means", "elementwise"),
    ("affine", "kronecker"),
]


@pytest.mark.parametrize(("name", "method"), FORGED)
def test_any_altered_field_is_refused(name: str, method: str) -> None:
    """Fields of every kind, altered wherever the same is said, with a digest that fits."""
    data, chance = certificate(name, method), random.Random(5)
    kinds: dict[str, list[tuple[object, ...]]] = {}
    for path in leaves(data):
        # Where no array is written out, what is derived is true of other sizes as well.
        if path[-1] not in ("latex", "sha256") and path[0] != "sizes":
            key = ".".join("*" if isinstance(p, int) else str(p) for p in path)
            kinds.setdefault(re.sub(r"left|right", "side", key), []).append(path)
    done = 0
    for paths in kinds.values():
        for path in chance.sample(paths, min(2, len(paths))):
            forged = copy.deepcopy(data)
            old = within(forged, path)
            new = altered(old, chance)
            if isinstance(old, str) and new.replace(" ", "") == old.replace(" ", ""):
                continue
            within(forged, path[:-1])[path[-1]] = new
            match path:
                case ("steps", step, "chains", at, "links", link, "left" | "right" as end, *_):
                    chain = forged["steps"][step]["chains"][at]
                    side = chain["links"][link][end]
                    for place in both(chain, link + (end == "right")):
                        place.clear()
                        place.update(copy.deepcopy(side))
            refused(sealed(forged))
            done += 1
    assert done > 30


def twice(text: str) -> str:
    """A formula doubled."""
    return f"2*({text})"


def swapped(text: str) -> str:
    """The first two indices of entries with two, swapped where they differ."""
    return re.sub(r"\[(\w+), (\w+)\]", r"[\2, \1]", text, count=1)


#: Of how many sides one is altered, where that is not one of five.
STRIDES = {"a transpose lost": 1, "an index swapped": 3}

SIDES: dict[str, Callable[[Json], None]] = {
    "an entry doubled": lambda side: side.update(entry=twice(side["entry"])),
    "a side doubled": lambda side: side.update(
        {n: twice(side[n]) for n in ("entry", "of") if n in side}
    ),
    "an index swapped": lambda side: side.update(entry=swapped(side["entry"])),
    "a transpose lost": lambda side: side.update(
        {n: side[n].replace(".T", "") for n in ("of",) if n in side}
    ),
    "a sign changed": lambda side: side.update(entry=f"-({side['entry']})"),
}


@pytest.mark.parametrize("mutant", SIDES)
def test_sides_that_are_altered_are_refused(mutant: str) -> None:
    """A side that says something else, in both links that hold it, is refused."""
    done = 0
    for name, method in FORGED:
        if name in ("symmetric", "system"):  # there, some matrices are their own transposes
            continue
        original = certificate(name, method)
        for place in range(0, len(list(links_of(original))), STRIDES.get(mutant, 5)):
            data = copy.deepcopy(original)
            chain, number = list(links_of(data))[place]
            before = json.dumps(chain)
            for side in both(chain, number):
                SIDES[mutant](side)
            if json.dumps(chain) != before:
                refused(sealed(data))
                done += 1
    assert done >= 20


def test_two_sides_that_err_alike_are_refused() -> None:
    """A link between two wrong sides hangs in the air: a chain begins and ends where it must."""
    done = 0
    for name, method in FORGED:
        data = certificate(name, method)
        for chain, number in list(links_of(data))[::5]:
            kept = copy.deepcopy(chain["links"])
            for at in range(len(kept) + 1):
                for side in both(chain, at):
                    SIDES["a side doubled"](side)
            if all(side["type"] in ("formula", "entry", "indexed") for side in both(chain, number)):
                refused(sealed(data))
                done += 1
            chain["links"] = kept
    assert done >= 30


def test_chains_and_links_that_are_dropped_are_refused() -> None:
    """Nothing of a derivation can be left out or exchanged, with counts and digest that fit."""
    done = 0
    for name, method in FORGED:
        original = certificate(name, method)
        for at, step in enumerate(original["steps"]):
            for number in range(-1, len(step["chains"])):
                data = copy.deepcopy(original)
                if number < 0:
                    data["steps"].pop(at)
                else:
                    data["steps"][at]["chains"].pop(number)
                refused(counted(data))
                done += 1
            chain = max(range(len(step["chains"])), key=lambda n: len(step["chains"][n]["links"]))
            links = len(step["chains"][chain]["links"])
            # How far an upstream gradient is tidied is stated nowhere else.
            upstream = step["kind"] in ("called", "matrix") and step["wrt"] not in original["wrt"]
            for link in range(links - upstream):
                data = copy.deepcopy(original)
                data["steps"][at]["chains"][chain]["links"].pop(link)
                refused(counted(data))
                done += 1
        for one, other in itertools.pairwise(range(len(original["steps"]))):
            data = copy.deepcopy(original)
            steps = data["steps"]
            steps[one], steps[other] = steps[other], steps[one]
            refused(counted(data))
            done += 1
    assert done >= 250


def everywhere(old: str, new: str) -> Callable[[Json], Json]:
    """A text replaced in all mathematics of the file."""

    def change(part: Json) -> Json:
        if isinstance(part, str):
            return part.replace(old, new)
        if isinstance(part, list):
            return [change(p) for p in part]
        if isinstance(part, dict):
            return {n: p if n in ("latex", "program") else change(p) for n, p in part.items()}
        return part

    return change


def put(*path: object, to: Json) -> Callable[[Json], Json]:
    """One place replaced."""

    def change(data: Json) -> Json:
        place = within(data, path[:-1])
        assert place.get(path[-1]) != to
        place[path[-1]] = to
        return data

    return change


LINK = ("steps", 0, "chains", 0, "links", 0)
CLAIMS: dict[str, Callable[[Json], Json]] = {
    "a transpose lost": everywhere("X.T", "X"),
    "factors exchanged": everywhere("X.T @ dZ", "dZ @ X.T"),
    "a factor 2 lost": everywhere("2*", ""),
    "an index swapped": everywhere("X[k, p]", "X[p, k]"),
    "another row": everywhere("dZ[k, q]", "dZ[1, q]"),
    "another delta": everywhere("KroneckerDelta(j, q)", "KroneckerDelta(i, p)"),
    "another range": everywhere("(k, 1, D)", "(k, 1, N)"),
    "a shorter sum": everywhere("(k, 1, D)", "(k, 1, 3)"),
    "a definition": everywhere("X @ W", "2*X @ W"),
    "another definition": everywhere("(Z - T)**2", "(Z - T)**3"),
    "another sign": everywhere("Z - T", "T - Z"),
    "the program": put("program", to="L = sum((X @ W - T)**2) + 2*lam*sum(W**2)"),
    "another program": put("program", to="L = sum((X @ W + T)**2) + lam*sum(W**2)"),
    "the loss renamed": put("program", to="J = sum((X @ W - T)**2) + lam*sum(W**2)"),
    "a size": put("sizes", "N", to=3),
    "another size": put("sizes", "K", to=3),
    "a shape": put("shapes", "W", to=["D", "N"]),
    "a shape turned": put("shapes", "X", to=["D", "N"]),
    "a shape of numbers": put("shapes", "X", to=["2", "4"]),
    "a structure": put("assume", "W", to="symmetric"),
    "a structure of X": put("assume", "X", to="diagonal"),
    "the method": put("method", to="index"),
    "no method": put("method", to="guess"),
    "the kind": put("kind", to="product"),
    "the version": put("version", to=2),
    "a gradient": put("gradients", "W", to="X.T @ (X @ W - T) + lam*W"),
    "a gradient in other words": put("gradients", "W", to="2*X.T @ (X @ W - T) + 2*lam*W"),
    "wrt": put("wrt", to=["X"]),
    "a status": put(*LINK, "verdict", "status", to="refuted"),
    "a verdict": put(*LINK, "verdict", "for_all_sizes", to=False),
    "entries": put(*LINK, "verdict", "entries", to=6),
    "a reason": put(*LINK, "reason", to="chain rule"),
    "equalities": put("proof", "equalities", to=99),
    "the kind of a step": put("steps", 1, "kind", to="direct"),
    "the subject of a step": put("steps", 1, "wrt", to="W"),
    "indices": put("steps", 2, "chains", 0, "indices", to={"i": "M", "j": "N"}),
    "a lifted name": everywhere("Z", "Q"),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_forged_claims_are_refused(name: str) -> None:
    """A falsehood told in the whole file, with a digest that fits, is refused."""
    data = certificate("ridge")
    forged = CLAIMS[name](copy.deepcopy(data))
    assert forged != data
    refused(sealed(forged))


HOSTILE = [
    "__import__('os').system('true')",
    "9**9**9**9",
    "2**(10**9)",
    "Z**100000",
    "1" * 5000,
    "(" * 100_000,
    "f(" * 5000 + "1" + ")" * 5000,
    "Sum(1, (k, 1, 10**12))",
    "Sum(1, (k, 1, 999999999))",
    "Sum(Z[k, k], (k, 1, N), (k, 1, N))",
    "Partial(Partial(Z[p, q], X[p, q]), X[p, q])",
    "Partial(Z[p, q], L)",
    "Partial(L, L)",
    "KroneckerDelta(1)",
    "Z[1]",
    "Z[p, q, p]",
    "Z[9, 9]",
    "inv(Z[k, m])",
    "ones((100000, 100000))",
    "eye(1000000)",
    "Z.differential",
    "X.unit[p, q]",
    "Z.__class__",
    "sum(Z, axis=7)",
    "sum(Z, axis=0, axis=1)",
    "lambda: 0",
    "1/0",
    "log(0)",
    "",
    "\N{GREEK SMALL LETTER LAMDA}",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_is_refused(hostile: str) -> None:
    """Text that would run code, or take for ever, is refused like any other."""
    for where in ("entry", "of"):
        data = certificate("ridge")
        link = data["steps"][0]["chains"][0]["links"][0]
        link["right"][where] = hostile
        refused(sealed(data))
    data = certificate("ridge")
    data["definitions"]["Z"] = hostile
    refused(sealed(data))


@pytest.mark.parametrize("where", ["definitions", "shapes", "sizes", "steps", "gradients", "wrt"])
@pytest.mark.parametrize("what", [{}, [], None, 0, "", [[]], {"": ""}, {"L": ["N"]}, {"L": "L"}])
def test_damaged_files_end_in_one_line(
    where: str, what: Json, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file whose parts are missing or of another kind exits with 1, and never in a traceback."""
    path = tmp_path / "certificate.json"
    path.write_text(json.dumps(sealed(certificate("ridge") | {where: what})), encoding="utf-8")
    assert main([str(path)]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)


# -- what it rests on --------------------------------------------------------------------------


def test_derivatives_of_numbers() -> None:
    """Every function's derivative is that of central differences."""
    with real_arithmetic():
        field, chance = Reals(), random.Random(1)
        small = field.number(1) / 10**20
        names = [
            n for n in KNOWN if n in ("exp log sqrt sin cos tanh sigmoid softplus erf").split()
        ]
        assert len(names) == 9
        for name in [*names, "relu", "abs", "step", "sign"]:
            at = field.drawn(chance, "positive")
            u = Variable(at)
            found = gradients(applied(field, name, u), field)[id(u)]
            ahead, behind = (field.function(name, at + s) for s in (small, -small))
            assert abs(found - (ahead - behind) / (2 * small)) < 10**-20, name


def test_residues_divide_and_tell_apart() -> None:
    """a/b·b is a, and numbers that differ by 1e-99 differ."""
    field = Residues()
    a, b = field.drawn(random.Random(3)), field.drawn(random.Random(4))
    assert field.same(a / b * b, a)
    tiny = field.number(1) / field.number(10**99)
    assert not field.same(a + tiny, a)


def test_sizes_differ_and_one_is_1() -> None:
    """Two choices of sizes besides the file's own: of unequal ones, and with a 1."""
    first, second = other_sizes(["N", "D", "M"], random.Random(2))
    assert sorted(first.values()) == [2, 3, 4]
    assert min(second.values()) == 1


def test_reasons_are_those_of_the_package() -> None:
    """The script knows the name of every rewrite, and every function of the language."""
    for name, _ in REWRITES:
        assert re.fullmatch(structure.STEPS["matrix"], f"assembled: chain rule, put in, {name}")
    assert set(structure.METHODS) == set(METHODS)
    spelled = [name for name in KNOWN if name not in ("tr", "dot")]
    for name in spelled:
        assert undefined(parse(f"{name}(X)")) == set(), name


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_same_from_the_command_line(lang: str, capfd: pytest.CaptureFixture[str]) -> None:
    """`derive --format json` prints what `json()` gives, whatever the language."""
    program, _, _, wrt = PROGRAMS["ridge"]
    with pytest.raises(SystemExit) as ended:
        command(["derive", program, "--wrt", wrt, "--format", "json", "--lang", lang])
    assert ended.value.code in (0, None)
    assert capfd.readouterr().out == text("ridge")
