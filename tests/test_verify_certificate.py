"""scripts/verify_certificate.py: true certificates of one product pass, altered ones do not."""

from __future__ import annotations

import ast
import copy
import itertools
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import verify_certificate
from _certificates import Json, altered, leaves, refused, sealed, within
from certificates.frame import RefusedError, digest
from verify_certificate import check

import matderiv

SCRIPT = Path(__file__).parents[1] / "scripts" / "verify_certificate.py"
LINEAR = "Y = X @ W; L = sum(f(Y))"
TANH = "Y = X @ W; L = sum(tanh(Y))/2"
SMALL, LARGE = (2, 2, 2), (64, 4096, 4096)


@cache
def text(program: str, sizes: tuple[int, int, int] = SMALL) -> str:
    """The certificate of a program."""
    return matderiv.derive(program, sizes=dict(zip("NDM", sizes, strict=True))).json()


def certificate(program: str = LINEAR, sizes: tuple[int, int, int] = SMALL) -> Json:
    """A fresh certificate that a test may alter."""
    return json.loads(text(program, sizes))


def replaced(part: Json, old: str, new: str) -> Json:
    """Data with a text replaced in every string of mathematics."""
    if isinstance(part, str):
        return part.replace(old, new)
    if isinstance(part, list):
        return [replaced(p, old, new) for p in part]
    if isinstance(part, dict):
        return {n: p if n in ("latex", "program") else replaced(p, old, new)
                for n, p in part.items()}  # fmt: skip
    return part


@pytest.mark.parametrize(
    ("program", "sizes"),
    [
        (LINEAR, (2, 4, 3)),
        (LINEAR, (1, 1, 1)),
        (LINEAR, LARGE),
        (LINEAR, (30, 20, 10)),  # too long to be written out, short enough to be compared
        (LINEAR, (1, 12, 1)),
        (TANH, LARGE),
        ("L = sum(tanh(Q @ K.T))/2", SMALL),
        ("L = Loss(W @ X)", (3, 1, 2)),
        ("Y = X.T @ W; L = 3*sum(lam*log(1 + exp(Y)))", SMALL),
        ("Y = X @ W; L = sum(relu(Y))", SMALL),
        ("Y = X @ W; L = -sum(sigmoid(Y))", SMALL),
        ("Y = X @ W; L = sum(f(0.5*Y)**2 + 1e-9*Y)", SMALL),
        ("Y = A.T @ B.T; E = sum(sqrt(Y)*exp(1 + Y)/lam + Y**alpha)", (1, 2, 2)),
    ],
)
def test_true_certificates_are_confirmed(program: str, sizes: tuple[int, int, int]) -> None:
    """What matderiv writes is confirmed, whatever the loss, the form of the factors, the sizes."""
    data = certificate(program, sizes)
    line = check(data)
    assert line.startswith(f"{data['proof']['equalities']} equalities confirmed")
    assert all(formula in line for formula in data["gradients"].values())


def test_one_gradient_is_confirmed() -> None:
    """A certificate about one of the two matrices is complete."""
    assert "dX" not in check(json.loads(matderiv.derive(LINEAR, wrt="W").json()))


def test_any_altered_leaf_is_refused() -> None:
    """No string, number or truth value can be altered without the file being refused."""
    data, chance = certificate("L = Loss(W @ X)", (1, 1, 1)), random.Random(7)
    places = list(leaves(data))
    assert len(places) > 500
    for *path, place in places:
        part = within(data, tuple(path))
        kept = part[place]
        part[place] = altered(kept, chance)
        refused(data)
        part[place] = kept
    check(data)


def test_any_altered_letter_is_refused_without_the_digest() -> None:
    """One letter altered in a whole chain, with a digest that fits: only spaces may differ."""
    chance = random.Random(11)
    accepted = []
    for _ in range(50):
        data = certificate(TANH, LARGE)
        step = chance.choice(data["steps"])
        at = chance.randrange(len(step["chains"]))
        places = [path for path in leaves(step["chains"][at]) if path[-1] != "latex"]
        old = within(step["chains"][at], chance.choice(places))
        new = altered(old, chance)
        chain = json.dumps(step["chains"][at]).replace(json.dumps(old), json.dumps(new))
        step["chains"][at] = json.loads(chain)
        try:
            check(sealed(data))
        except RefusedError:
            continue
        accepted.append((old, new))
    assert [(a, b) for a, b in accepted if a.replace(" ", "") != b.replace(" ", "")] == []


def test_removed_and_added_fields_are_refused() -> None:
    """A field too few or too many is refused, with the digest that belongs to it."""
    for name in certificate():
        data = certificate()
        del data[name]
        refused(data if name == "sha256" else sealed(data))
    refused(sealed(certificate() | {"note": "checked by hand"}))


def chains(data: Json) -> Iterator[Any]:
    """All chains."""
    return itertools.chain.from_iterable(step["chains"] for step in data["steps"])


def doubled(side: Json) -> bool:
    """Make a side twice what it was, in all of its forms; False where it cannot be."""

    def twice(text: str) -> str:
        return text if text == "0" else f"2*({text})"

    match side:
        case {"type": "scalar"}:
            side |= {name: twice(side[name]) for name in ("general", "sympy")}
        case {"type": "matrix"}:
            side["entry"] = twice(side["entry"])
            if "entries" in side:
                side["entries"] = [[twice(e) for e in row] for row in side["entries"]]
        case {"type": "product"}:
            return doubled(side["factors"][0])
        case _:
            return False
    return True


@pytest.mark.parametrize("sizes", [SMALL, LARGE])
def test_a_doubled_side_is_refused(sizes: tuple[int, int, int]) -> None:
    """A side that is doubled in all its forms, in both links that hold it, is refused."""
    chance, count = random.Random(3), len(list(chains(certificate(TANH, sizes))))
    tried = 0
    for number in range(0, count, 1 if sizes == LARGE else 3):
        data = certificate(TANH, sizes)
        links = list(chains(data))[number]["links"]
        at = chance.randrange(len(links) + 1)
        both = [link["right"] for link in links[max(at - 1, 0) : at]]
        both += [link["left"] for link in links[at : at + 1]]
        if [doubled(side) for side in both] == [True] * len(both):
            tried += 1
            assert "step" in refused(sealed(data))
    assert tried > 4


FORGERIES: dict[str, tuple[tuple[int, int, int], Callable[[Any], Any]]] = {
    "swapped index": (LARGE, lambda d: replaced(d, "W[q, j]", "W[j, q]")),
    "other row": (LARGE, lambda d: replaced(d, "Partial(L, Y[p, j])", "Partial(L, Y[1, j])")),
    "other delta": (LARGE, lambda d: replaced(d, "KroneckerDelta(i, p)", "KroneckerDelta(k, q)")),
    "no delta": (LARGE, lambda d: replaced(d, "KroneckerDelta(i, p)*", "")),
    "other range": (LARGE, lambda d: replaced(d, "(k, 1, D)", "(k, 1, N)")),
    "shorter sum": (LARGE, lambda d: replaced(d, "(i, 1, 64)", "(i, 1, 63)")),
    "factor 2": (LARGE, lambda d: replaced(d, "Sum(W[q, j]*P", "2*Sum(W[q, j]*P")),
    "lost transpose": (SMALL, lambda d: replaced(d, "W.T", "W")),
    "exchanged factors": (SMALL, lambda d: replaced(d, "dY @ W.T", "W.T @ dY")),
    "added transpose": (SMALL, lambda d: replaced(d, "X.T @ dY", "(dY.T @ X).T.T")),
    "dropped term": (SMALL, lambda d: replaced(d, " + W[1, 2]*Partial(L, Y[1, 2])", "")),
    "dropped product": (SMALL, lambda d: replaced(d, "W[1, 1]*X[1, 1] + ", "")),
    "other entry": (SMALL, lambda d: replaced(d, "X[2, 1]", "X[1, 2]")),
    "entry out of range": (SMALL, lambda d: replaced(d, "X[2, 1]", "X[3, 1]")),
    "other slope": (SMALL, lambda d: replaced(d, "1 - tanh(y)**2", "1 - tanh(y)")),
    "other f": (SMALL, lambda d: replaced(d, "tanh(", "sin(")),
    "other half": (SMALL, lambda d: replaced(d, "/2", "/3")),
    "other definition of Y": (SMALL, lambda d: replaced(d, "X[i, k]", "X[k, i]")),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_mathematics_is_refused(name: str) -> None:
    """A falsehood told in the whole file, with a digest that fits, is refused."""
    sizes, forge = FORGERIES[name]
    data = certificate(TANH, sizes)
    forged = forge(data)
    assert forged != data
    refused(sealed(forged))


def _set(*path: Json, to: Json) -> Callable[[Any], None]:
    def change(data: Json) -> None:
        for step in path[:-1]:
            data = data[step]
        assert data[path[-1]] != to
        data[path[-1]] = to

    return change


LINK = ("steps", 0, "chains", 2, "links", 0)
CLAIMS: dict[str, Callable[[Any], None]] = {
    "program": _set("program", to="Y = X @ W; L = sum(cos(Y))/2"),
    "factors": _set("program", to="Y = W @ X; L = sum(tanh(Y))/2"),
    "coefficient": _set("program", to="Y = X @ W; L = sum(tanh(Y))/3"),
    "size": _set("sizes", "D", to=3),
    "shape": _set("shapes", "X", to=["D", "N"]),
    "letters": _set("letters", to=["j", "i", "k", "p", "q"]),
    "gradient": _set("gradients", "X", to="W @ dY.T"),
    "wrt": _set("wrt", to=["W", "X"]),
    "version": _set("version", to=2),
    "status": _set(*LINK, "verdict", "status", to="refuted"),
    "one size": _set(*LINK, "verdict", "for_all_sizes", to=False),
    "entries": _set(*LINK, "verdict", "entries", to=5),
    "equalities": _set("proof", "equalities", to=65),
    "all sizes": _set("proof", "for_all_sizes", to=65),
    "total entries": _set("proof", "entries", to=65),
    "reason": _set(*LINK, "reason", to="matrix product"),
    "kind": _set("steps", 0, "kind", to="upstream"),
    "subject": _set("steps", 2, "wrt", to="W"),
    "no chain": lambda data: data["steps"][0]["chains"].pop(),
    "no link": lambda data: data["steps"][0]["chains"][2]["links"].pop(),
    "no step": lambda data: data["steps"].pop(),
    "a step twice": lambda data: data["steps"].append(data["steps"][-1]),
    "conclusions exchanged": lambda data: data["steps"][-3]["chains"].reverse(),
    "sympy alone": lambda data: data["steps"][1]["chains"][0]["links"][0]["right"].update(
        sympy="1/3"
    ),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_forged_claims_are_refused(name: str) -> None:
    """Programs, sizes, verdicts, counts, answers and structure are found anew, not believed."""
    data = certificate(TANH)
    CLAIMS[name](data)
    refused(sealed(data))


@pytest.mark.parametrize(
    "hostile",
    [
        "__import__('os').task('true')",
        "9**9**9**9",
        "2**(10**9)",
        "1" * 5000,
        "(" * 100_000,
        "-" * 100_000 + "1",
        "f(" * 5000 + "1" + ")" * 5000,
        "(X[1, 1] + X[1, 2] + X[2, 1] + X[2, 2] + 1)**8**3",
        "*".join(["(X[1, 1] + X[1, 2] + W[1, 1] + W[2, 1])"] * 40),
        "Sum(1, (i, 1, 10**12))",
        "Sum(X[i, i], (i, 1, N), (i, 1, N))",
        "Partial(Partial(L, X[1, 1]), X[1, 1])",
        "Partial(L, L)",
        "KroneckerDelta(1)",
        "X[1]",
        "X.__class__",
        "lambda: 0",
        "1/0",
        "log(0)",
        "x if x else y",
        "",
        "\N{GREEK SMALL LETTER LAMDA}",
    ],
)
def test_hostile_text_is_refused(hostile: str) -> None:
    """Text that would run code, or take for ever, is refused like any other."""
    data = certificate()
    links = next(c for c in chains(data) if c["kind"] == "loss")["links"]
    for side in (links[0]["right"], links[1]["left"]):
        side |= {"general": hostile, "sympy": hostile}
    refused(sealed(data))
    data = certificate(TANH)
    data["definitions"]["f(y)"] = hostile
    refused(sealed(data))


def test_nothing_of_matderiv_is_imported_and_nothing_is_evaluated() -> None:
    """The script is an independent check: SymPy, mpmath and itself, no eval of any kind."""
    files = [SCRIPT, *sorted((SCRIPT.parent / "certificates").glob("*.py"))]
    assert len(files) > 8
    nodes = [n for f in files for n in ast.walk(ast.parse(f.read_text(encoding="utf-8")))]
    modules = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
    modules |= {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}
    outside = {m.partition(".")[0] for m in modules} - set(sys.stdlib_module_names)
    assert outside == {"sympy", "mpmath", "certificates"}
    names = {n.id for n in nodes if isinstance(n, ast.Name)}
    names |= {n.attr for n in nodes if isinstance(n, ast.Attribute)}
    assert names.isdisjoint({"eval", "exec", "__import__", "sympify", "parse_expr", "lambdify"})


def run(path: Path) -> subprocess.CompletedProcess[str]:
    """The script as a program of its own."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(path)], capture_output=True, text=True, check=False
    )


def test_the_program_says_one_line(tmp_path: Path) -> None:
    """Exit codes 0, 1, 2 and one line: on stdout for a true file, on stderr for all others."""
    path = tmp_path / "certificate.json"
    path.write_text(text(LINEAR), encoding="utf-8")
    good = run(path)
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.count("\n") == 1
    path.write_text(text(LINEAR).replace("W.T", "W"), encoding="utf-8")
    bad = run(path)
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
    assert verify_certificate.main([str(path)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)


@pytest.mark.parametrize("content", [b"[]", b"null", b"1", b"{}", b'{"sha256": []}'])
def test_json_that_is_no_certificate(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON of another form exits with 1 and one line."""
    path = tmp_path / "certificate.json"
    path.write_bytes(content)
    assert verify_certificate.main([str(path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_the_digest_is_that_of_the_writer() -> None:
    """The script computes the digest as the certificate states it, key order aside."""
    data = certificate()
    content = copy.deepcopy({n: data[n] for n in reversed(data) if n != "sha256"})
    assert digest(content) == data["sha256"]
