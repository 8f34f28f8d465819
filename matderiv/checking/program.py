"""Checking a claimed gradient of a whole program: right, wrong at an entry, or undecided."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from matderiv.calculus.system import System, read_system
from matderiv.calculus.verdicts import Verdict
from matderiv.checking.diagnose import Misfit, misfit
from matderiv.derivation.equations import Judge
from matderiv.derivation.program import build_program
from matderiv.derivation.sides import Formula
from matderiv.errors import InputError
from matderiv.expression.claim import parse_claim
from matderiv.expression.nodes import Apply, Functional, Name, Node, walk
from matderiv.expression.numeric import evaluate, sizes_in
from matderiv.expression.program import Program
from matderiv.expression.source import source
from matderiv.expression.vocabulary import KNOWN

if TYPE_CHECKING:
    from matderiv.expression.numeric import Array, Functions

    Arrays = Mapping[str, Array]

__all__ = ["Differing", "ProgramReport", "check_program"]

_TRIES = 5
_ROUNDING = 1e-6  # of the largest entry: far more than rounding makes at such numbers
_COMMA_FROM = 10
_MOST_VALUES = 8  # of those that are named


@dataclass(frozen=True, slots=True)
class Differing:
    """An entry at which a claim is not the gradient, and where that was seen."""

    place: tuple[int, ...]
    claim: str
    gradient: str
    point: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ProgramReport:
    """What is known of a claim about a whole program.

    `misfit` is a part whose shapes do not fit, `difference` is the first entry that differs.
    """

    system: System
    wrt: str
    claim: Node
    verdict: Verdict
    misfit: Misfit | None = None
    difference: Differing | None = None

    @property
    def status(self) -> Literal["right", "wrong", "undecided"]:
        """The verdict in one word."""
        if self.misfit is not None or self.difference is not None:
            return "wrong"
        return "right" if self.verdict.status == "equal" else "undecided"

    @property
    def gradient(self) -> str:
        """The gradient as the program's derivation ends."""
        return source(self.system.spelled(self.wrt))

    @property
    def sizes(self) -> dict[str, int]:
        """The numbers that the program's letters of sizes stand for."""
        return {s: n for s, n in self.system.sizes.items() if not s.isdigit()}

    def text(self, lang: str = "en") -> str:
        """The report as lines for a person.

        Raises:
            InputError: there is no such language.
        """
        return "\n".join(self._lines(lang)) + "\n"

    def _lines(self, lang: str) -> Iterator[str]:
        from matderiv.checking.report import Words, misfit_text  # loaded only when it is asked for

        say = Words(lang)
        fields = {
            "claim": source(self.claim),
            "X": self.wrt,
            "L": str(self.system.loss),
            "gradient": self.gradient,
            "letters": say.listed(list(self.sizes), "letters"),
        }
        sizes = say.listed([f"{letter} = {size}" for letter, size in self.sizes.items()])
        match self.status:
            case "undecided":
                yield say("undecided", **fields)
            case "right":
                key = "right" if self.verdict.index else "right_here"
                yield say(key, sizes=sizes, **fields)
            case "wrong":
                yield say("wrong", **fields)
                if self.misfit is not None:
                    yield misfit_text(self.misfit, say)
                yield say("correct", **fields)
        found = self.difference
        if found is not None:
            place = ", ".join(map(str, found.place))
            yield say("entry", place=place, sizes=sizes) if place else say("differ")
            yield f"  {say('claim_label')}{found.claim}"
            yield f"  {say('gradient_label')}{found.gradient}"
            shown = [f"{name} = {value}" for name, value in found.point[:_MOST_VALUES]]
            more = ["…"] if len(found.point) > _MOST_VALUES else []
            yield f"  {say('where')}{say.listed(shown + more)}"

    def json(self) -> str:
        """The report as JSON; the keys are those of the README, as far as they apply."""
        from matderiv.checking.report import misfit_json  # loaded only when it is asked for

        found = self.difference
        made = {
            "format": "matderiv check",
            "version": 1,
            "program": self.system.program.source(),
            "wrt": self.wrt,
            "claim": source(self.claim),
            "verdict": self.status,
            "for_all_sizes": self.verdict.index if self.status == "right" else None,
            "gradient": self.gradient,
            "misfit": misfit_json(self.misfit),
            "entry": None
            if found is None
            else {
                "place": list(found.place),
                "sizes": self.sizes,
                "point": dict(found.point),
                "claim_value": found.claim,
                "gradient_value": found.gradient,
            },
        }
        return json.dumps(made, ensure_ascii=False, indent=2) + "\n"


def check_program(
    program: str,
    wrt: str,
    claim: str,
    *,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> ProgramReport:
    """Whether a formula is the gradient of any program's loss; the gradient is derived and proved.

    Raises:
        InputError: the program or the claim cannot be read.

    >>> check_program("L = sum((X @ W - T)**2)", "W", "2*X.T @ (X @ W) - 2*X.T @ T").status
    'right'
    """
    system = read_system(program, (wrt,), sizes=sizes, shapes=shapes)
    build_program(system, (wrt,))  # a gradient that is not proved decides nothing
    graph = system.sweep.graph
    names = [name for name in system.shapes if name not in graph.hidden and name != graph.loss]
    upstream = [f"d{name}" for name in names if name in system.sweep.gradients and name != wrt]
    undefined = system.program.functions()
    functions = (*undefined, *(f"d{function}" for function in undefined))
    node = parse_claim(claim, (*names, *upstream), functions)
    misfitting = misfit(node, system.shapes, wrt)
    if misfitting is not None:
        return ProgramReport(system, wrt, node, Verdict("undecided"), misfit=misfitting)
    gradient = system.whole(wrt, system.sweep.gradients[wrt].formula)
    verdict = _verdict(system, wrt, node, gradient)
    found = None if verdict.status == "equal" else _difference(system, node, gradient)
    return ProgramReport(system, wrt, node, verdict, difference=found)


def _verdict(system: System, wrt: str, claim: Node, gradient: Node) -> Verdict:
    """Whether the two are proved equal, with what they name put in, or all that has a name."""
    used = {n.name for side in (claim, gradient) for n in walk(side) if isinstance(n, Name)}
    everything = [*system.shapes, *(f"d{name}" for name in system.sweep.gradients if name != wrt)]
    for unfolded in (used, everything):
        verdict = Judge(system, wrt, unfolded).verdict(Formula(claim), Formula(gradient))
        if verdict.status == "equal":
            break
    return verdict


def _difference(system: System, claim: Node, gradient: Node) -> Differing | None:
    """The first entry at which the two differ by far more than rounding, at random numbers."""
    chance = np.random.default_rng(1)
    names = system.program.inputs()
    functions = _functions(system.program)
    for _ in range(_TRIES):
        drawn = {
            name: chance.integers(1, 24, [dim.size for dim in system.shapes[name]]) / 8
            for name in names
        }
        try:
            with np.errstate(all="ignore"):
                one, other = _values(system, (claim, gradient), drawn, functions)
        except (InputError, np.linalg.LinAlgError):  # singular, or no such function
            continue
        if not (np.isfinite(one).all() and np.isfinite(other).all()):
            continue
        apart = np.abs(one - other) > _ROUNDING * max(1.0, np.abs(one).max(), np.abs(other).max())
        if apart.any():
            at = tuple(int(i) for i in np.argwhere(apart)[0])
            return Differing(
                tuple(i + 1 for i in at),
                f"{float(one[at]):.6g}",
                f"{float(other[at]):.6g}",
                (*_undefined(system.program).items(), *_entries(drawn)),
            )
    return None


def _values(
    system: System, sides: tuple[Node, Node], drawn: Arrays, functions: Functions
) -> list[Array]:
    """The values of two formulas of the names of a program and of its gradients."""
    sizes, sweep = sizes_in(system.shapes), system.sweep
    steps = {a.name: a.value for a in sweep.graph.values[:-1]}
    steps |= {f"d{n}": system.whole(n, g.formula) for n, g in sweep.gradients.items()}
    known = dict(drawn)

    def value(node: Node) -> Array:
        used = {n.name for n in walk(node) if isinstance(n, Name)}
        return evaluate(node, {name: known[name] for name in used}, functions, sizes)

    for name, step in steps.items():
        known[name] = value(step)
    return [value(side) for side in sides]


def _undefined(program: Program) -> dict[str, str]:
    """What stands for undefined functions: sines, and a sum of them for one of a whole array."""
    made = {}
    for assignment in program.assignments:
        for node in walk(assignment.value):
            if isinstance(node, Functional):
                made[node.function] = "sum(sin)"
            elif isinstance(node, Apply) and node.function not in KNOWN:
                made[node.function] = "sin"
    return made


def _functions(program: Program) -> Functions:
    """The functions that stand for undefined ones, and their derivatives."""
    made: dict[str, Callable[[Array], Array]] = {}
    for name, word in _undefined(program).items():
        made[name] = np.sin if word == "sin" else lambda array: np.sum(np.sin(array))
        made[f"d{name}"] = np.cos
    return made


def _entries(arrays: Arrays) -> Iterator[tuple[str, str]]:
    """x_11 and its number, and so on."""
    for name, array in arrays.items():
        lower = name[0].lower() + name[1:]
        joint = "," if any(size >= _COMMA_FROM for size in array.shape) else ""
        for at in itertools.product(*map(range, array.shape)):
            place = joint.join(str(i + 1) for i in at)
            yield (f"{lower}_{place}" if place else name), f"{float(array[at]):g}"
