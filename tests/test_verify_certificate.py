"""scripts/verify_certificate.py: true certificates are confirmed, altered ones are not."""

from __future__ import annotations

import ast
import copy
import itertools
import json
import math
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import get_args
from unittest.mock import patch

import pytest
from _certificates import Json, altered, leaves, refused, sealed, within
from certificates import checking, words
from certificates.checking import EVALUATED, PROVED, Side, check, summary
from certificates.derivatives import Calculus
from certificates.frame import RefusedError, Work, digest
from certificates.functions import COMPOSITE, FUNCTIONS, VALUES
from certificates.lowering import KNOWN as FOREIGN
from certificates.numbers import ImpreciseError, Reals
from certificates.points import other_sizes
from certificates.program import Program
from certificates.proving import Prover
from certificates.reading import INDEX_MAPS, parse
from certificates.worlds import Jumps, World
from mpmath import libmp
from verify_certificate import main

import matderiv
from matderiv.calculus.deciding.second_engine import SecondOpinion
from matderiv.cli import main as command
from matderiv.derivation import kinds, sides
from matderiv.derivation.methods.table import METHODS
from matderiv.expression import nodes
from matderiv.expression.operations import COMPOSITE as DEFINED
from matderiv.expression.operations import NAMES
from matderiv.expression.operations import OPERATIONS as ALL_OPERATIONS
from matderiv.expression.vocabulary import ELEMENTWISE, KNOWN
from matderiv.handout.certificate import WRITERS, _Writer

#: Sides, steps, chains and reasons of exercises and of Jacobians, which no certificate holds.
OTHER_SIDES = {"Numerals", "KroneckerProducts"}
OTHER_WORDS = {"exercise", "contribution", "numbers", "right", "slip", "whole"} | {
    "added up", "as before", "term by term", "worked out"}  # fmt: skip
OTHER_WORDS |= {
    f"array {step}" for step in ("values", "entries", "index", "differential", "result", "newton")
}
OTHER_WORDS |= {
    "pattern",
    "whole change",
    "second",
    "symmetric",
    "squares",
    "model",
    "normal equations",
}
OTHER_WORDS |= {"zeros and ones", "other sizes"}  # of slices and the like, which it does not read

SCRIPT = Path(__file__).parents[1] / "scripts" / "verify_certificate.py"

#: Programs with what is declared of them, the names to differentiate by, and some methods.
PROGRAMS: dict[str, tuple[str, dict[str, tuple[int, ...]], dict[str, str], str, str]] = {
    "ridge": ("L = sum((X @ W - T)**2) + lam*sum(W**2)", {}, {}, "W", "index"),
    "two layers": ("H = relu(X @ W + b); L = sum(tanh(H @ V))", {}, {}, "W", "slice"),
    "cross-entropy": ("Z = X @ W; L = sum(logsumexp(Z, axis=1)) - sum(T*Z)", {}, {}, "W", "index"),
    "attention": (
        "P = softmax(Q @ K.T, axis=1); O = P @ V; L = Loss(O)",
        {"Q": (2, 3), "K": (4, 3), "V": (4, 2)},
        {},
        "Q",
        "differential",
    ),
    "gauss": ("L = logdet(S) + y @ inv(S) @ y", {}, {}, "S", "index"),
    "wide": ("L = logdet(A @ X @ A.T)", {}, {}, "X", "kronecker"),
    "symmetric": ("L = logdet(S) + tr(A @ S)", {}, {"S": "symmetric"}, "S", "differential"),
    "diagonal": ("L = sum(f(X @ D))", {}, {"D": "diagonal"}, "D", "slice"),
    "scalars": ("z = alpha*beta + alpha; h = tanh(z); L = (h - gamma)**2", {}, {}, "alpha", ""),
    "system": ("L = y @ inv(K + lam*eye(n)) @ y", {}, {}, "y K", "kronecker"),
    "norm": ("L = norm(X @ w - y) + sum(abs(w))", {}, {}, "w", "slice"),
    "diag": ("A = outer(a, b); L = tr(A @ diag(c)) + sum(diag(A @ B)**2)", {}, {}, "a", "index"),
    "means": ("m = mean(X, axis=0); L = mean(sum((X - m)**2, axis=1)*w)", {}, {}, "X", ""),
    "often": ("Y = X @ X.T @ X; L = tr(Y @ X.T) + sum(X*X)", {}, {}, "X", "differential"),
    "ones": ("L = sum(f(X @ W + b))", {"X": (1, 3), "W": (3, 1), "b": (1,)}, {}, "X b", "kronecker"),
    "product": ("Y = X @ W; L = sum(f(Y))", {}, {}, "X W", "kronecker"),
    "known function": ("Y = X @ W; L = sum(tanh(Y))/2", {}, {}, "X", ""),
    "rewritten": ("Y = X @ W; L = 3*sum(lam*log(1 + exp(Y)))", {}, {}, "W", ""),
    "powers": ("L = sum(X**1.5) + sum(A**alpha) + prod(x) + erf(beta)", {}, {}, "X alpha x", ""),
    "affine": (
        "Z = X @ W + b; L = sum(f(Z))",
        {"X": (2, 4), "W": (4, 3), "b": (3,)},
        {},
        "X b",
        "kronecker",
    ),
    "tall": ("L = sum(f(X @ W + b))", {"X": (64, 90), "W": (90, 70), "b": (70,)}, {}, "W b", ""),
    "negative": ("L = -sum(X)", {}, {}, "X", "differential"),
    "two arrays": ("Z = maximum(X, c); L = sum(minimum(Z, T)*Z)", {}, {}, "X", "index"),
    "activations": ("L = sum(gelu(X)) + sum(silu(x)*arctan(x))", {}, {}, "X x", "slice"),
    "inverse functions": (
        "L = sum(arcsin(X)*tan(X)) + sum(arccos(x) + arctanh(x)) + sum(sinh(X) + cosh(X))",
        {},
        {},
        "X x",
        "",
    ),
    "area functions": ("L = sum(arcsinh(x)*arccosh(x))", {}, {}, "x", ""),
    "spread": ("L = sum(log_softmax(x)*y) + var(x) + std(y)", {}, {}, "x", "slice"),
    "a derivative of 0": (
        "L = sum(softmax(y @ B))*sum(B)", {"y": (2,), "B": (2, 3)}, {}, "B", "slice"),
}  # fmt: skip

CASES = [(n, m) for n, case in PROGRAMS.items() for m in case[-1].split() or ["elementwise"]]


@cache
def text(name: str, method: str = "elementwise") -> str:
    """The certificate of a program."""
    program, shapes, assume, wrt, _ = PROGRAMS[name]
    return derived(program, shapes=shapes, assume=assume, wrt=wrt.split(), method=method)


def derived(program: str, **options: Json) -> str:
    """The certificate of a derivation; SymPy's opinion of it, which is not told, is not asked."""
    with patch("matderiv.api.second_opinion_on", lambda _: SecondOpinion("cannot", "large")):
        return matderiv.derive(program, **options).json()


@pytest.fixture
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is proved of a program is proved once for many altered certificates."""
    known: dict[str, Calculus] = {}

    def calculus(program: Program) -> Calculus:
        found = known.setdefault(repr(program), Calculus(program))
        found.work = Work()
        return found

    monkeypatch.setattr(checking, "Calculus", calculus)
    monkeypatch.setattr(checking, "Prover", cache(Prover))
    sides: dict[object, Side] = {}

    def side(data: Json, runs: Json, prover: Prover, about: str | None) -> Side:
        key = (json.dumps([data, runs]), prover, about)
        return (
            sides[key] if key in sides else sides.setdefault(key, Side(data, runs, prover, about))
        )

    monkeypatch.setattr(checking, "Side", side)


def certificate(name: str, method: str = "elementwise") -> Json:
    """A fresh certificate that a test may alter."""
    return json.loads(text(name, method))


@pytest.mark.parametrize(("name", "method"), CASES)
def test_true_certificates_are_confirmed(name: str, method: str) -> None:
    """What matderiv writes is confirmed, by every method, and nearly all of it is proved."""
    data = certificate(name, method)
    links = check(data)
    line = summary(data, links)
    assert line.startswith(f"{data['proof']['equalities']} equalities confirmed")
    assert all(f"d{wrt} = {g}" in line for wrt, g in data["gradients"].items())
    open_ones = {"symmetric": 8, "powers": 8, "a derivative of 0": 8}
    assert sum(how != PROVED for _, how in links) <= open_ones.get(name, 0)


def test_every_method_is_among_them() -> None:
    """Each method derives some of the programs."""
    assert {method for _, method in CASES} == set(METHODS) == set(words.METHODS)


@pytest.mark.long
def test_what_is_proved_is_true_at_random_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing proved, every link is confirmed by evaluation: the prover and it agree."""
    monkeypatch.setattr(Prover, "same", lambda *_: False)
    for name, method in (
        ("system", "kronecker"),
        ("diagonal", "slice"),
        ("known function", "elementwise"),
    ):
        assert {how for _, how in check(certificate(name, method))} == {EVALUATED}


def test_what_is_compared_at_the_sizes_alone_is_looked_at_there() -> None:
    """A link without a proof for all sizes states its entries; other sizes do not refute it."""
    data = certificate("product")
    chain = data["steps"][0]["chains"][0]
    side = chain["sides"][-1]
    chain["sides"].append(side | {"entry": f"N*({side['entry']})/2", "of": f"N*({side['of']})/2"})
    chain["links"].append({"reason": "rearranged", "for_all_sizes": False, "entries": 8})
    assert [how for _, how in check(counted(data))].count(EVALUATED) == 1
    chain["links"][-1] |= {"for_all_sizes": True, "entries": 0}
    assert "differ" in refused(counted(data))


def test_every_kind_of_side_has_a_writer() -> None:
    """A kind of side that is missing is named here, and at run time."""
    without = {kind.__name__ for kind in get_args(sides.Side) if kind not in WRITERS}
    assert without == OTHER_SIDES
    with pytest.raises(TypeError, match="kind Numerals"):
        _Writer(None, (), ()).side(sides.Numerals((), 0))


def literals(kind: object) -> set[str]:
    """The words of a Literal, or of several."""
    return {
        word
        for part in get_args(kind)
        for word in ([part] if isinstance(part, str) else literals(part))
    }


def test_words_are_those_of_the_package() -> None:
    """The script knows every kind of step and chain and every reason, and no others."""
    for own, kind in (
        (words.STEPS, kinds.StepKind),
        (words.CHAINS, kinds.ChainKind),
        (words.REASONS, kinds.Reason),
    ):
        assert own ^ literals(kind) <= OTHER_WORDS
        assert not own & OTHER_WORDS


def test_functions_and_operations_are_those_of_the_package() -> None:
    """A function or an operation that the script does not know is named here."""
    formulas = {name for name, one in ALL_OPERATIONS.items() if not isinstance(one.make, type)}
    kinds_made = {n: one.make for n, one in ALL_OPERATIONS.items() if isinstance(one.make, type)}
    other_names = {name for name, kind in kinds_made.items() if NAMES.get(kind, name) != name}
    read_as_others = formulas - set(FUNCTIONS) - {"transpose", "zeros"} | other_names
    read_as_others |= {"dot", "power"}  # which are signs
    read_as_others |= INDEX_MAPS
    assert set(KNOWN) - read_as_others <= FOREIGN
    assert set(ELEMENTWISE) == set(FUNCTIONS)
    defined = {NAMES[kind] for kind in DEFINED if not issubclass(kind, get_args(nodes.IndexMap))}
    assert defined <= {*COMPOSITE, "mean", "logdet"}


@pytest.mark.parametrize(
    "program",
    [
        *("L = sum(X[1:]**2)", "L = sum(x[::-1]*y)", "L = x[0]**2", "L = sum(X[:, 1]*y)"),
        *("L = sum(X[labels])", "L = sum(onehot(labels, 3)*X)", "L = sum(diff(x)**2)"),
        *("L = sum(concatenate((x, y))**2)", "L = sum([x, y]*W)", "L = sum(pad(x, (1, 1))**2)"),
        *("L = sum(cumsum(x)**2)", "L = sum(tril(A)**2)", "L = sum(roll(x, 1)*x)"),
        *("L = sum(ravel(X)**3)", "L = sum(vec(X)**3)", "L = sum(reshape(X @ W, -1)**3)"),
        *("L = sum(kron(X, Y)**2)", "L = sum(conv1d(x, w)**2)"),
    ],
)
def test_index_maps_are_refused_by_name(program: str) -> None:
    """A program with an index map is refused, and the refusal says why."""
    assert "holds an index map" in refused(json.loads(derived(program)))


def test_an_entry_of_a_call_is_refused_as_such() -> None:
    """It is no index map, and the function is named."""
    with pytest.raises(RefusedError, match="entries are those of names, and 'foo' is a function"):
        parse("2*foo(X)[p, q]")


# -- mutants -----------------------------------------------------------------------------------

FORGED = [
    ("ridge", "elementwise"),
    ("known function", "elementwise"),
    ("two layers", "slice"),
    ("product", "kronecker"),
    ("symmetric", "differential"),
    ("ridge", "index"),
]


def chains_of(data: Json) -> Iterator[Json]:
    """All chains."""
    return itertools.chain.from_iterable(step["chains"] for step in data["steps"])


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize(("name", "method"), FORGED)
def test_any_altered_field_is_refused(name: str, method: str) -> None:
    """Fields of every kind, altered with a digest that fits; without one, all of them."""
    data, chance = certificate(name, method), random.Random(5)
    kinds: dict[str, list[tuple[object, ...]]] = {}
    for path in leaves(data):
        # Where no array is written out, what is derived is true of other sizes as well.
        if path[-1] not in ("latex", "sha256") and path[0] != "sizes":
            key = ".".join("*" if isinstance(p, int) else str(p) for p in path)
            kinds.setdefault(re.sub(r"chains.*indices.*", "indices", key), []).append(path)
    done = 0
    for paths in kinds.values():
        for path in chance.sample(paths, 1):
            forged = certificate(name, method)
            old = within(forged, path)
            new = altered(old, chance)
            if isinstance(old, str) and new.replace(" ", "") == old.replace(" ", ""):
                continue
            within(forged, path[:-1])[path[-1]] = new
            assert digest({n: forged[n] for n in forged if n != "sha256"}) != data["sha256"]
            if path[-1] != "kind" or path[-3] != "sides":  # one kind may do for another
                refused(sealed(forged))
            done += 1
    assert done > 20


def test_a_derivative_by_a_function_is_by_one_that_stands_in_the_loss() -> None:
    """∂L/∂exp(x) is known; of relu(x), which is put in simpler terms, no 0 is claimed."""
    shapes = {"X": ["N", "D"], "L": []}
    for f in ("exp", "tanh", "relu", "gelu"):
        loss = {"L": parse(f"sum({f}(X))")}
        calculus = Calculus(Program(loss, shapes, {"N": 2, "D": 3}, set(), {}, {}))
        calculus.begin({"p": "N", "q": "D"}, None)
        asked = parse(f"Partial(L, {f}(X[p, q]))")
        if f in ("exp", "tanh"):
            assert calculus.number(asked) == ("num", 1)
        else:
            with pytest.raises(RefusedError, match="not by an entry"):
                calculus.number(asked)


@pytest.mark.parametrize("body", ["Y[1, 1]", "Sum(Y[p, k], (k, 1, M))", "Partial(L, Y[p, q])"])
def test_functions_are_in_the_language_of_programs(body: str) -> None:
    """A name for a function that nothing uses cannot smuggle index notation in."""
    data = certificate("product")
    data["functions"]["g"] = {"of": "Y", "body": body, "loss": data["definitions"]["L"]}
    assert "language" in refused(sealed(data)) or "index map" in refused(sealed(data))


def test_removed_and_added_fields_are_refused() -> None:
    """A field too few or too many is refused, with the digest that belongs to it."""
    for name in certificate("product"):
        data = certificate("product")
        del data[name]
        refused(data if name == "sha256" else sealed(data))
    refused(sealed(certificate("product") | {"note": "checked by hand"}))


def twice(text: str) -> str:
    """A formula doubled."""
    return f"2*({text})"


def misspelled(side: Json) -> Json:
    """What is written out, with its last entry another one; 0 where nothing is."""
    entries = copy.deepcopy(side.get("entries", "0"))
    if isinstance(entries, str):
        return f"{entries} + 1"
    row = entries[-1] if isinstance(entries[-1], list) else entries
    row[-1] = f"{row[-1]} + 1"
    return entries


SIDES: dict[str, Callable[[Json], None]] = {
    "an entry doubled": lambda side: side.update(entry=twice(side["entry"])),
    "a side doubled": lambda side: side.update(
        {n: twice(side[n]) for n in ("entry", "of") if n in side}
    ),
    "an index swapped": lambda side: side.update(
        entry=re.sub(r"\[(\w+), (\w+)\]", r"[\2, \1]", side["entry"], count=1)
    ),
    "a transpose lost": lambda side: side.update(
        {n: side[n].replace(".T", "") for n in ("of",) if n in side}
    ),
    "a sign changed": lambda side: side.update(entry=f"-({side['entry']})"),
    "what is written out": lambda side: side.update(entries=misspelled(side)),
}


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize("mutant", SIDES)
def test_sides_that_are_altered_are_refused(mutant: str) -> None:
    """A side that says something else is refused."""
    done, chance = 0, random.Random(3)
    for name, method in FORGED:
        if name == "symmetric":  # there, some matrices are their own transposes
            continue
        original = certificate(name, method)
        changed = []
        for at, chain in enumerate(chains_of(original)):
            for number, side in enumerate(chain["sides"]):
                forged = copy.deepcopy(side)
                SIDES[mutant](forged)
                written = mutant != "what is written out" or "entries" in side
                if forged != side and written and "0" not in (side["entry"], forged["entry"]):
                    changed.append((at, number, forged))
        for at, number, forged in chance.sample(changed, min(2, len(changed))):
            data = certificate(name, method)
            list(chains_of(data))[at]["sides"][number] = forged
            refused(sealed(data))
            done += 1
    assert done >= 4


@pytest.mark.usefixtures("remembered")
def test_answers_that_are_not_derived_are_refused() -> None:
    """A gradient whose step is missing, or that uses one whose step is missing, is refused."""
    done = 0
    for name, method in FORGED:
        original = certificate(name, method)
        used = set(original["wrt"]) | set(re.findall(r"\bd(\w+)", str(original["gradients"])))
        for wrt in used & set(original["shapes"]):
            data = certificate(name, method)
            data["steps"] = [step for step in data["steps"] if step["wrt"] != wrt]
            assert "gradients" in refused(counted(data))
            done += 1
    assert done >= 8


def counted(data: Json) -> Json:
    """The same with counts and digest that fit."""
    links = [link for chain in chains_of(data) for link in chain["links"]]
    data["proof"] = {
        "equalities": len(links),
        "for_all_sizes": sum(link["for_all_sizes"] is True for link in links),
        "compared": sum(link["entries"] > 0 for link in links),
        "entries": sum(link["entries"] for link in links),
    }
    return sealed(data)


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
        assert (place[path[-1]] if isinstance(place, list) else place.get(path[-1])) != to
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
    "no method": put("method", to="guess"),
    "the version": put("version", to=1),
    "a gradient": put("gradients", "W", to="X.T @ (X @ W - T) + lam*W"),
    "a gradient in other words": put("gradients", "W", to="2*X.T @ (X @ W - T) + 2*lam*W"),
    "wrt": put("wrt", to=["X"]),
    "a verdict": put(*LINK, "for_all_sizes", to=False),
    "entries": put(*LINK, "entries", to=6),
    "a reason": put(*LINK, "reason", to="by magic"),
    "equalities": put("proof", "equalities", to=99),
    "the kind of a step": put("steps", 1, "kind", to="guess"),
    "the kind of a chain": put("steps", 1, "chains", 0, "kind", to="guess"),
    "the kind of a side": put("steps", 1, "chains", 0, "sides", 0, "kind", to="guess"),
    "the subject of a step": put("steps", -2, "wrt", to="X"),
    "indices": put("steps", 0, "chains", 0, "indices", to={"p": "M", "q": "N"}),
    "a lifted name": everywhere("Z", "Q"),
    "no chain": put("steps", 0, "chains", to=[]),
    "no links": put("steps", 0, "chains", 0, "links", to=[]),
}


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize("name", CLAIMS)
def test_forged_claims_are_refused(name: str) -> None:
    """A falsehood told in the whole file, with a digest that fits, is refused."""
    data = certificate("ridge", "index") if "delta" in name else certificate("ridge")
    forged = CLAIMS[name](json.loads(json.dumps(data)))
    assert forged != data
    refused(sealed(forged))


@cache
def by_x(program: str) -> str:
    """The certificate of the gradient by X."""
    return derived(program, wrt="X")


def answered(program: str, changed: Callable[[str, str], tuple[str, str]]) -> Json:
    """A certificate whose last link leads to another answer, as source and as an entry."""
    data = json.loads(by_x(program))
    told = [step for step in data["steps"] if (step["kind"], step["wrt"]) == ("matrix", "X")]
    (chain,) = told[0]["chains"]
    last = chain["sides"][-1]
    answer, entry = changed(last["of"], last["entry"])
    chain["sides"].append(
        {n: last[n] for n in last if n != "entries"} | {"of": answer, "entry": entry}
    )
    chain["links"].append({"reason": "rearranged", "for_all_sizes": True, "entries": 0})
    data["gradients"]["X"] = answer
    return counted(data)


M127 = str(2**127 - 1)
PRIMES: dict[str, tuple[str, str, str, str]] = {
    "nothing": ("Y = X @ W; L = sum(f(Y))", "dY @ W.T + 0*X", "Sum(dY[p, k]*W[q, k], (k, 1, M))", ""),
    "the largest known prime": (
        "Y = X @ W; L = sum(f(Y))", f"dY @ W.T + {M127}*X", f"Sum(dY[p, k]*W[q, k], (k, 1, M)) + {M127}*X[p, q]", "no"),
    "the same where it is evaluated": (
        "L = prod(X)", f"prod(X)/X + {M127}*X", f"prod(X[m, n], (m, 1, N), (n, 1, D))/X[p, q] + {M127}*X[p, q]", "no"),
    "what is evaluated": ("L = prod(X)", "prod(X)/X", "prod(X[m, n], (m, 1, N), (n, 1, D))/X[p, q]", ""),
    "a small factor": ("L = 1e-40*sum(exp(X))", "7*exp(X)/1e40", "7*exp(X[p, q])*1e-40", "no"),
    "a small summand": ("L = sum(prod(exp(X), axis=1))", "prod(exp(X), axis=1, keepdims=True) + 1e-99*X",
                        "prod(exp(X[p, k]), (k, 1, D)) + 1e-99*X[p, q]", "no"),
    "no summand": ("L = sum(prod(exp(X), axis=1))", "prod(exp(X), axis=1, keepdims=True) + 0*X",
                   "prod(exp(X[p, k]), (k, 1, D))", ""),
}  # fmt: skip


@pytest.mark.parametrize(
    ("program", "answer", "entry"),
    [
        ("L = sum(exp(X)) + sum(X**3)", "exp(X)", "exp(X[p, q])"),
        ("L = sum(X*exp(X))", "exp(X)", "exp(X[p, q])"),
        ("L = sum(X/(1 + X**2))", "1/(1 + X**2)", "1/(1 + X[p, q]**2)"),
        ("L = sum(X)**2 + sum(X)", "2*sum(X) + 0*X", "2*Sum(X[i, k], (i, 1, N), (k, 1, D))"),
    ],
)
def test_an_answer_without_one_of_its_terms_is_refused(
    program: str, answer: str, entry: str
) -> None:
    """Each use of X, and each factor of a product, has its part in the derivative."""
    assert "differ" in refused(answered(program, lambda *_: (answer, entry)))


@pytest.mark.parametrize("name", PRIMES)
def test_no_number_is_small_or_large_enough_to_hide(name: str) -> None:
    """Multiples of a prime that a forger could know, and tiny falsehoods, are refused."""
    program, answer, entry, wrong = PRIMES[name]
    data = answered(program, lambda *_: (answer, entry))
    if wrong:
        assert "differ" in refused(data)
    else:
        check(data)


def differences(order: int) -> str:
    """Σ (-1)^n·C(order, n)·f(X + n), which is 0 if f is a polynomial of a lower degree."""
    return " + ".join(f"({(-1) ** n * math.comb(order, n)})*f(X + {n})" for n in range(order + 1))


#: What is added to an answer that is true, and what the refusal says.
ADDED: dict[str, tuple[str, str, str]] = {
    "a difference of high order": ("L = sum(f(X))", differences(8), "differ"),
    "the same among known functions": ("L = sum(exp(f(X)))", differences(8), "differ"),
    "too small an exponential": ("L = sum(exp(X))", "exp(-(9 + X**2)**3)", ""),
    "too near to its limit": ("L = sum(exp(X))", "1 - tanh(200 + X**2)", "differ"),
    "small in a factor of a summand": ("L = sum(exp(X))", "(1 + (1 + X**2/9**40)/9**40 - 1)/9**80", ""),
    "a small power": ("L = sum(exp(X))", "1/(9 + X**2)**500", "differ"),
    "a jump far away": ("L = sum(exp(X))", "7*step(X - 9)", "always the same"),
    "another jump": ("L = sum(relu(X))", "7*relu(-9 - X)", "always the same"),
    "small sizes": ("L = sum(f(X))", "(N - 1)*(N - 2)*(N - 3)*(N - 4)*X", "differ"),
    "sizes below": ("L = sum(f(X))", "(1/(N + 1) - 4/(N + 2) + 3/(N + 3) - 1/(N**2 + 1))*X", "differ"),
    "many sizes": ("L = sum(f(X))", "*".join(f"(N - {n})" for n in range(1, 20)) + "*X", "too often"),
    "a wave of sizes": ("L = sum(exp(X))", "sin(N*acos(-1)/5)*X", "too often"),
    "a value nowhere": ("L = sum(exp(X))", "sqrt(-exp(X))**2 + exp(X)", "no value"),
    "nothing times no value": ("L = sum(f(X))", "0*log(-1 - X**2)", "no value"),
    "a positive root": ("L = sum(exp(X))", "sqrt(X**2) - X", "differ"),
    "an entry that is not there": ("L = sum(f(X))", "(1 - sum(X.unit[9, 1]))*X", "index 9"),
}  # fmt: skip


@pytest.mark.parametrize("name", ADDED)
def test_what_a_forger_hides_is_found(name: str) -> None:
    """Falsehoods that few points, sizes, digits or polynomials would not show are refused."""
    program, more, why = ADDED[name]
    data = answered(program, lambda of, entry: (f"{of} + {more}", f"{entry} + {entry_of(more)}"))
    assert why in refused(data)


def entry_of(formula: str) -> str:
    """A formula of entries of X at p and q."""
    unit = "Sum(KroneckerDelta(m, 9)*KroneckerDelta(n, 1), (m, 1, N), (n, 1, D))"
    return re.sub(r"\bX\b", "X[p, q]", formula.replace("sum(X.unit[9, 1])", unit))


def test_an_answer_does_not_rest_on_itself() -> None:
    """That dX = dX is no answer, nor is one in a gradient that is not derived from later ones."""
    data = answered("L = sum(f(X))", lambda *_: ("dX", "dX[p, q]"))
    assert "uses dX" in refused(data)


def test_points_are_chosen_at_which_formulas_have_a_value() -> None:
    """prod(z)/z has none where some z are 0; there are points where none is."""
    check(json.loads(by_x("L = sum(prod(relu(X), axis=1))")))


#: Entries and answers that would take for ever, and how often they stand in a file.
LARGE: dict[str, tuple[str, str, int]] = {
    "long sums": ("+".join(["X[p, q]"] * 20_000), "+".join(["X"] * 20_000), 8),
    "many links": ("exp(X[p, q])", "exp(X)", 8000),
    "nested functions": ("gelu(" * 40 + "X[p, q]" + ")" * 40, "gelu(" * 40 + "X" + ")" * 40, 1),
    "nested softmax": ("exp(X[p, q])", "softmax(" * 40 + "X" + ")" * 40, 1),
    "powers of powers": ("((X[p, q]**1999)**1999)**1999", "((X**1999)**1999)**1999", 3),
    "many digits": ("exp(X[p, q]) + 1e-900*exp(X[p, q])", "exp(X) + 1e-900*exp(X)", 300),
    "derivatives": (
        f"Partial({'*'.join(f'exp(X[p, q] + {n})' for n in range(150))}, X[p, q])", "exp(X)", 40),
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_work_is_bounded(name: str) -> None:
    """A file that asks for too much work is refused when the work that is allowed is done."""
    entry, formula, count = LARGE[name]
    data = answered("L = sum(exp(X))", lambda *_: (formula, entry))
    (chain,) = (c for s in data["steps"] if s["kind"] == "matrix" for c in s["chains"])
    for part in ("sides", "links"):
        chain[part] += [chain[part][-1]] * (count - 1)
    with patch("certificates.frame.MOST_WORK", 40_000):
        assert refused(counted(data))


HOSTILE = [
    "__import__('os').system('true')",
    "9**9**9**9",
    "2**(10**9)",
    "Z**100000",
    "1" * 5000,
    "1e999**999",
    "(" * 100_000,
    "-" * 100_000 + "1",
    "f(" * 5000 + "1" + ")" * 5000,
    "@".join("X" * 5000),
    "(Z[p, q] + X[1, 1] + W[1, 1] + T[1, 1])**200",
    "*".join(["(Z[p, q] + X[1, 1] + W[1, 1] + T[1, 1])"] * 40),
    "Sum(1, (k, 1, 10**12))",
    "Sum(1, (k, 1, 999999999))",
    "Sum(" * 30 + "1" + ", (k, 1, N))" * 30,
    "Sum(Z[k, k], (k, 1, N), (k, 1, N))",
    "Partial(Partial(Z[p, q], X[p, q]), X[p, q])",
    "Partial(Z[p, q], L)",
    "Partial(L, L)",
    "KroneckerDelta(1)",
    "Z[1]",
    "Z[p, q, p]",
    "Z[9, 9]",
    "inv(Z[k, m])",
    "inv(1, (k, 1, 1000), (m, 1, 1000), 1, 1)",
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
    "guess(Z)",
    "",
    "\N{GREEK SMALL LETTER LAMDA}",
]


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_is_refused(hostile: str) -> None:
    """Text that would run code, or take for ever, is refused like any other."""
    for where in ("entry", "of"):
        data = certificate("ridge")
        data["steps"][0]["chains"][0]["sides"][1][where] = hostile
        refused(sealed(data))
    data = certificate("ridge")
    data["definitions"]["Z"] = hostile
    refused(sealed(data))


def test_what_is_not_known_is_named() -> None:
    """A function, a word or a symbol that is not known is in the message."""
    for entry, named in (("guess(X[p, q])", "guess"), ("X[p, q] % 2", "%"), ("Q[p, q]", "Q")):
        data = certificate("ridge")
        data["steps"][0]["chains"][0]["sides"][1]["entry"] = entry
        assert named in refused(sealed(data))


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


# -- the program -------------------------------------------------------------------------------


def test_nothing_of_matderiv_is_imported_and_nothing_is_evaluated() -> None:
    """The script is an independent check: mpmath and itself, no eval of any kind."""
    files = [SCRIPT, *sorted((SCRIPT.parent / "certificates").glob("*.py"))]
    assert len(files) > 8
    nodes = [n for f in files for n in ast.walk(ast.parse(f.read_text(encoding="utf-8")))]
    modules = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
    modules |= {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}
    outside = {m.partition(".")[0] for m in modules} - set(sys.stdlib_module_names)
    assert outside == {"mpmath", "certificates"}
    names = {n.id for n in nodes if isinstance(n, ast.Name)}
    names |= {n.attr for n in nodes if isinstance(n, ast.Attribute)}
    assert names.isdisjoint({"eval", "exec", "__import__", "sympify", "parse_expr", "lambdify"})


def run(*arguments: str, seed: str = "0") -> subprocess.CompletedProcess[str]:
    """The script as a program of its own; `seed` is that of Python's hashes."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONHASHSEED": seed},
    )


@pytest.mark.long
@pytest.mark.parametrize("seed", ["1", "3", "4"])
def test_what_is_proved_is_the_same_in_every_run(seed: str, tmp_path: Path) -> None:
    """The order in which Python keeps a set does not decide what is proved: 1 - x² stays so."""
    path = tmp_path / "certificate.json"
    path.write_text(text("inverse functions", "differential"), encoding="utf-8")
    assert " 0 evaluated at random points" in run(str(path), seed=seed).stdout


@pytest.mark.long
def test_the_program_says_one_line(tmp_path: Path) -> None:
    """Exit codes 0 and 1 and one line, and one more for each link if they are asked for."""
    path = tmp_path / "certificate.json"
    path.write_text(text("product"), encoding="utf-8")
    good = run("--links", str(path))
    assert (good.returncode, good.stderr) == (0, "")
    count = certificate("product")["proof"]["equalities"]
    assert good.stdout.count("proved for all sizes: step ") == count
    assert good.stdout.count("\n") == count + 1
    path.write_text(text("product").replace("W.T", "W"), encoding="utf-8")
    bad = run(str(path))
    assert (bad.returncode, bad.stdout, bad.stderr.count("\n")) == (1, "", 1)
    assert "sha256" in bad.stderr


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"[" * 200_000, b'{"a": 1, "a": 2}', b"1" * 5000, None]
)
def test_an_unreadable_file(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is no JSON, or is not there, exits with 2 and one line."""
    path = tmp_path / "certificate.json"
    if content is not None:
        path.write_bytes(content)
    assert main([str(path)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)


@pytest.mark.parametrize("content", [b"[]", b"null", b"1", b"{}", b'{"sha256": []}'])
def test_json_that_is_no_certificate(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON of another form exits with 1 and one line."""
    path = tmp_path / "certificate.json"
    path.write_bytes(content)
    assert main([str(path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_the_digest_is_that_of_the_writer() -> None:
    """The script computes the digest as the certificate states it, key order aside."""
    data = certificate("product")
    content = copy.deepcopy({n: data[n] for n in reversed(data) if n != "sha256"})
    assert digest(content) == data["sha256"]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_same_from_the_command_line(lang: str, capfd: pytest.CaptureFixture[str]) -> None:
    """`derive --format json` prints what `json()` gives, whatever the language."""
    program, _, _, wrt, _ = PROGRAMS["ridge"]
    with pytest.raises(SystemExit) as ended:
        command(["derive", program, "--wrt", wrt, "--format", "json", "--lang", lang])
    assert ended.value.code in (0, None)
    assert capfd.readouterr().out == text("ridge")


# -- what it rests on --------------------------------------------------------------------------


OPERATIONS = [
    *(f"sum(A*{name}(X))" for name in sorted(FUNCTIONS - VALUES)),
    "sum(A*max(X, axis=0)) + min(X)*max(X)",
    "sum(A*softmax(X, axis=1)) + sum(A*log_softmax(X, axis=0)) + sum(maximum(A, minimum(X, A)))",
    "sum(A*logsumexp(X, axis=1, keepdims=True)) + sum(var(X, axis=0)*std(X, axis=0))",
    "sum(A*inv(X))",
    "det(X) + logdet(X)",
    "sum(prod(X, axis=0)) + trace(A @ X.T @ X) + norm(X)",
    "sum(A*f(X)) + Loss(X*X)",
    "sum(A**X/X**3) + sum(outer(diag(X), diag(A))*(X - A))",
]


@pytest.mark.parametrize("loss", OPERATIONS)
def test_derivatives_are_those_of_differences(loss: str) -> None:
    """∂L/∂X by the rules of the script is what central differences of its values say."""
    shapes = {"X": ["3", "3"], "A": ["3", "3"], "L": []}
    program = Program({"L": parse(loss)}, shapes, {}, {"f", "Loss"}, {}, {})
    field = Reals(60)
    world = World(Calculus(program), Jumps(), field, {})
    slopes, at = world.array("dX"), world.array("X")
    small = field.number(Fraction(1, 10**15))
    for place, slope in slopes.items():
        ends = []
        for change in (small, -small):
            world.memo.clear()
            world._values["X"] = at | {place: at[place] + change}
            ends.append(world._made("L")[()])
        found = (ends[0] - ends[1]) / (field.number(2) * small)
        far = abs(Fraction(libmp.to_str((found - slope).ends[0], 20)))
        assert far < Fraction(1, 10**20) * (1 + abs(Fraction(libmp.to_str(slope.ends[0], 20))))


def test_real_numbers_know_their_errors() -> None:
    """Values of one number by different ways agree, and no others, however small they are."""
    field = Reals(60)
    third = field.number(Fraction(1, 3))
    one = third + third + third
    assert field.same(one, field.number(1))
    tiny = field.number(Fraction(1, 10**90))
    assert not field.same(tiny, tiny + tiny)
    assert field.same(field.function("log", field.function("exp", third)), third)
    assert not field.same(third, third + third * field.number(Fraction(1, 10**50)))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_what_rounding_hides_is_not_taken_for_nothing(depth: int) -> None:
    """1 + ε is not compared with 1 where ε is lost; ε may be in a factor of a summand, and so on."""
    field = Reals(60)
    one, small = field.number(1), field.number(Fraction(1, 10 ** (75 // depth)))
    hidden = small
    for _ in range(depth - 1):
        hidden = small * (one + hidden)
    with pytest.raises(ImpreciseError):
        field.same(one + hidden, one + hidden)
    for name, u in (("tanh", 90), ("erf", 12), ("arctan", 10**70)):
        there, further = (field.function(name, field.number(n)) for n in (u, u + 1))
        with pytest.raises(ImpreciseError):
            field.same(there, further)
    assert not Reals(240).same(
        *(Reals(240).function("tanh", Reals(240).number(n)) for n in (90, 91))
    )


def test_sizes_differ_and_one_is_1() -> None:
    """Two choices of sizes besides the file's own: of unequal ones, and with a 1; none is alike."""
    for seed in range(20):
        first = other_sizes(["N", "D", "M"], random.Random(seed), {})
        second = other_sizes(["N", "D", "M"], random.Random(seed), first)
        assert sorted(first.values()) == [2, 3, 4]
        assert min(second.values()) == 1
        assert all(second[name] != size for name, size in first.items())
