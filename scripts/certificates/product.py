"""The certificate of one product: every link proved again for all sizes, in index notation.

Each link is evaluated exactly. `general` (scalars) and `row`, `col`, `entry` (matrices) hold a
side for every size: both sides become sums of products, partial derivatives are worked out from
the definitions, Kronecker deltas are contracted, summation letters are renamed canonically; then
the sides must agree term by term. `sympy` and `entries` hold the same side at the sizes of the
file: it must be what the general form gives there, and where it is written out the two sides are
compared once more, entry by entry.

A partial derivative keeps only its `wrt` and unfolds everything else. An undefined f has the named
function df as its derivative; relu′ is step except at 0. Values are real, where defined. Trusted
are Python, SymPy's arithmetic and simplification, and these files.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import sympy as sp

from certificates.frame import (
    Form,
    Json,
    RefusedError,
    certificate_form,
    check_form,
    check_verdict,
    confirmed,
    refuse,
    sides,
    where,
    words,
)
from certificates.reading import exchanged, free, parse
from certificates.sums import WRITTEN_OUT, Evaluator, Problem, Value, added, letter_of, size_of

COMPARED = 40_000  # products up to which the writer compares entries

MATRIX: Form = {"type": "matrix", "shape": [str], "row": str, "col": str, "entry": str}
MATRICES: Form = (MATRIX, MATRIX | {"entries": [[str]]})
SIDE: Form = tuple(
    side | {"latex": str}
    for side in (
        *MATRICES,
        {"type": "scalar", "general": str, "sympy": str},
        {"type": "formula", "of": str},
        {"type": "element", "of": str, "row": str, "col": str},
        {"type": "partial", "of": str, "wrt": str},
        {"type": "product", "factors": [MATRICES]},
    )
)
CERTIFICATE = certificate_form("product", {"letters": [str]}, SIDE, {})
STEPS = {  # step: its chains and the reasons of their links
    "given": "matrix: entries; matrix: entries; product: definition, matrix product, names; "
    "(loss of matrix: definition|loss: definition, sum sign(; function: definition)?)",
    "upstream": "upstream of matrix: entries|unit: sum rule; "
    "(slope: (derivative|chain rule, simplified); )?"
    "upstream: entries, chain rule, unit(, derivative of f)?",
    "entries": "(expanded loss: definition, entries of the product; )?"
    "(sum rule: definition, sum rule; one term: chain rule, unit; )?local: entries, constants; "
    "entry: chain rule, zeros dropped(; another entry: chain rule, zeros dropped){0,2}",
    "matrix": "regrouped: entries, entries worked out, row times column, matrix names",
    "conclusion": "result: proved above(; result: proved above)?",
    "index": "index product: definition; "
    "index local: product rule, deltas, delta picks a term; "
    "index chain: chain rule, local derivative, delta picks a term, matrix product",
}


Entry = Callable[[Evaluator, Any, Any], Value]  # the value in a row and a column


class Side:
    """One side of a link: its shape ([] for a scalar), its general form, the form at the sizes.

    `held`: free index letters are left in it, so it stands for no number of entries.
    """

    def __init__(self, problem: Problem, data: Json, wrt: str | None) -> None:
        self.problem, self.held = problem, False
        self.shape: list[str] = []
        self.written: Entry | None = None
        env, plain, letters = problem.env(wrt), Evaluator(problem), problem.letters
        tree = parse(data["of"]) if "of" in data else ()
        match data["type"]:
            case "scalar":
                self.general, self.written = self.scalar(data, env)
            case "formula":
                self.shape = plain.shape(tree)
                self.general = lambda ev, a, b: ev.formula(tree, a, b)
            case "element":
                places, self.held = [env.get(letter) for letter in letters[3:]], True
                if [data["row"], data["col"]] != letters[3:] or None in places:
                    refuse("an element is not that in row p and column q")
                if [size_of(place) for place in places] != plain.shape(tree):
                    refuse("an element of a matrix of another shape")
                self.general = lambda ev, *_: ev.formula(tree, *places)
            case "partial":
                if tree != ("name", problem.product):
                    refuse("a matrix of partial derivatives is not that of the product")
                self.shape = problem.shapes[problem.product]
                inside = ("index", problem.product, (("name", "#r"), ("name", "#c")))
                whole = ("call", "Partial", (inside, parse(data["wrt"])))
                self.general = lambda ev, a, b: ev.value(whole, env | {"#r": a, "#c": b})
            case "matrix":
                self.shape, self.general, self.written = self.matrix(data)
            case "product":
                self.shape, self.general, self.written = self.product(data["factors"])

    def scalar(self, data: Json, env: dict[str, sp.Basic]) -> tuple[Entry, Entry | None]:
        """A scalar: its general form, and the form at the sizes where that is written out."""
        problem, general, text = self.problem, parse(data["general"]), parse(data["sympy"])
        self.held = bool(free(general, frozenset(problem.letters)))
        if problem.volume <= WRITTEN_OUT and not self.held:
            return (lambda ev, *_: ev.value(general, env)), (lambda ev, *_: ev.value(text, {}))
        sizes = {} if self.held else problem.sizes
        numbers = {("name", name): ("num", size) for name, size in sizes.items()}
        if text != exchanged(general, numbers):
            refuse("`sympy` is not `general` at these sizes")
        return (lambda ev, *_: ev.value(general, env)), None

    def matrix(self, data: Json) -> tuple[list[str], Entry, Entry | None]:
        """A matrix given by its entries."""
        problem, letters, tree = self.problem, self.problem.letters[3:], parse(data["entry"])
        shape, small = data["shape"], self.problem.volume <= WRITTEN_OUT
        if shape not in [[a, b] for a in problem.dims for b in problem.dims]:
            refuse("the shape of a matrix is not two of the sizes")
        if [data["row"], data["col"]] != letters or ("entries" in data) != small:
            refuse("a matrix is not given by its entry in row p, column q, or not written out")

        def general(ev: Evaluator, a: Json, b: Json) -> Value:
            return ev.value(tree, dict(zip(letters, (a, b), strict=True)))

        if not small:
            return shape, general, None
        entries, (rows, cols) = data["entries"], (problem.sizes[size] for size in shape)
        if [len(row) for row in entries] != [cols] * rows:
            refuse(f"a matrix does not have {rows} rows of {cols} entries")
        return shape, general, lambda ev, a, b: ev.value(parse(entries[a - 1][b - 1]), {})

    def product(self, factors: list[Json]) -> tuple[list[str], Entry, Entry | None]:
        """The product of two matrices given by their entries."""
        (left, left_general, left_written), (right, right_general, right_written) = map(
            self.matrix, factors
        )
        if left[1] != right[0]:
            refuse("a product of sizes that differ")

        def general(ev: Evaluator, a: Json, b: Json) -> Value:
            (k,) = ev.letters(left[1])
            return ev.bind(ev.times((left_general(ev, a, k), right_general(ev, k, b))), k)

        def written(ev: Evaluator, a: Json, b: Json) -> Value:
            inner = map(sp.Integer, range(1, self.problem.sizes[left[1]] + 1))
            return added(ev.times((left_written(ev, a, k), right_written(ev, k, b))) for k in inner)

        return [left[0], right[1]], general, written if left_written and right_written else None


class Chain:
    """A chain of links; `verdicts`: whether each is proved for all sizes, and entries compared."""

    def __init__(self, problem: Problem, chain: Json, wrt: str | None) -> None:
        links = chain["links"]
        self.problem, self.reasons = problem, [link["reason"] for link in links]
        self.sides = [Side(problem, side, wrt) for side in sides(chain)]
        self.shape = self.sides[0].shape
        if any(side.shape != self.shape for side in self.sides):
            refuse("the sides differ in shape")
        self.corner = [
            letter_of(letter, size)
            for letter, size in zip(problem.letters[3:], self.shape, strict=False)
        ] or [None, None]
        held, volume = any(side.held for side in self.sides), problem.volume
        sizes = [problem.sizes[name] for name in self.shape]
        proved = self.agree([side.general for side in self.sides], self.corner)
        if volume <= WRITTEN_OUT:
            places = itertools.product(*(range(1, n + 1) for n in sizes or [1, 1]))
            self.compare(places, held=held)
        if (volume > WRITTEN_OUT or held) and not all(proved):
            refuse(f"{self.reasons[proved.index(False)]!r}: the sides are not found equal")
        anew = volume <= COMPARED and not held and self.reasons != ["proved above"]
        count = math.prod(sizes) if anew else 0
        self.verdicts = [(general, count) for general in proved]
        for link, (general, count) in zip(links, self.verdicts, strict=True):
            check_verdict(link, general, count)

    def compare(self, places: Iterable[tuple[int, ...]], *, held: bool) -> None:
        """Entry by entry: each written form is its general form, and equals the next side's."""
        ev = Evaluator(self.problem, written=True)
        generals = [side.general(ev, *self.corner) for side in self.sides]
        for place in places:
            at = [sp.Integer(n) for n in place]
            values = []
            for side, general in zip(self.sides, generals, strict=True):
                values.append(ev.placed(general, self.corner, at) if self.shape else general)
                if side.written is not None:
                    text = side.written(ev, *at)
                    if not ev.same(values[-1], text):
                        refuse(f"a side as written is not its general form at {place}")
                    values[-1] = text
            if held:  # letters are left in a side: it is compared in its general form only
                continue
            agreed = self.agree([s.written or s.general for s in self.sides], at, values)
            if not all(agreed):
                refuse(f"{self.reasons[agreed.index(False)]!r}: the sides differ at {place}")

    def agree(
        self, sides: list[Entry], place: list[Json], values: list[Value] | None = None
    ) -> list[bool]:
        """Whether each side equals the next: as it stands, with Y unfolded, or as functions."""
        plain = Evaluator(self.problem, written=values is not None)
        unfolding = Evaluator(self.problem, unfold=True, written=plain.written)
        values = values or [side(plain, *place) for side in sides]
        return [
            plain.same(left, right, exactly=True)
            or unfolding.same(one(unfolding, *place), other(unfolding, *place), exactly=True)
            or plain.same(left, right)
            for (left, right), (one, other) in zip(
                itertools.pairwise(values), itertools.pairwise(sides), strict=True
            )
        ]


def check(data: Json) -> str:
    """Check the certificate of one product; the answer is a line that says what was confirmed.

    Raises:
        RefusedError: at the first thing that is wrong.
    """
    Evaluator.work = 0
    check_form(data, CERTIFICATE)
    problem = Problem(data)
    wrt, steps = data["wrt"], data["steps"]
    if not wrt or len({*wrt}) != len(wrt) or not {*wrt} <= {n for n, _ in problem.factors}:
        refuse("wrt: it is not a list of factors of the product")
    expected = [("given", None), ("upstream", None)]
    expected += [(kind, name) for name in wrt for kind in ("entries", "matrix")]
    expected += [("conclusion", None), *(("index", name) for name in wrt)]
    if [(step["kind"], step["wrt"]) for step in steps] != expected:
        refuse(f"steps: they are not those of a derivation by {', '.join(wrt)}")
    verdicts: list[tuple[bool, int]] = []
    for step in steps:
        if not re.fullmatch(STEPS[step["kind"]], words(step)):
            refuse(f"{where(step)}: its chains and their reasons are not those of a derivation")
        for number, chain in enumerate(step["chains"], 1):
            try:
                verdicts += Chain(problem, chain, step["wrt"]).verdicts
            except RefusedError as error:
                refuse(f"{where(step)}, chain {number}: {error}")
    _check_answers(problem, data)
    return confirmed(data, verdicts, "")


def _check_answers(problem: Problem, data: dict[str, Json]) -> None:
    """The derivations run from ∂L/∂X to the gradient that is stated, and so do the conclusions."""
    steps, p, q = data["steps"], *problem.letters[3:]
    (conclusions,) = (step["chains"] for step in steps if step["kind"] == "conclusion")
    if not len(conclusions) == len(data["wrt"]) == len(data["gradients"]):
        refuse("gradients: there is not one conclusion and one gradient for each of wrt")
    for name, conclusion in zip(data["wrt"], conclusions, strict=True):
        last = {step["kind"]: step["chains"][-1]["links"] for step in steps if step["wrt"] == name}
        answer = data["gradients"].get(name)
        for links in (last["matrix"], conclusion["links"]):
            if (links[0]["left"].get("of"), links[-1]["right"].get("of")) != (f"d{name}", answer):
                refuse(f"gradients: that by {name} is not what is derived")
        start, end = last["index"][0]["left"], last["index"][-1]["right"]
        if (start.get("general"), end.get("of")) != (
            f"Partial({problem.loss}, {name}[{p}, {q}])",
            answer,
        ):
            refuse(f"step index {name}: it does not derive the gradient that is stated")
