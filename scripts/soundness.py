"""How far the verdicts of `matderiv check` can be trusted, in figures.

    python scripts/soundness.py [--scale 0.01]

Right formulas are rewritten without changing what they mean, and none may be refused. Right
formulas are changed in one place, and none may be accepted unless central differences find the
change harmless. They are about programs of one product, and about the whole programs of
tests/gradients.toml. Exit code 1 if a target is missed.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import click
import numpy as np

from matderiv.checking.check import check, judge
from matderiv.checking.question import Question, ask
from matderiv.checking.report import Check, edit_key
from matderiv.errors import MatderivError
from matderiv.expression import nodes
from matderiv.expression.nodes import MatMul, Multiply, Name, Node, Number, Transpose

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from _gradient_table import Gradient, sized, table

#: A question, and a formula that answers it rightly.
Case = tuple[Gradient, Question, Node]

_NUMBERS = (5, 4, 3, 2, 6)  # sizes of a program's letters, and those that a claim is tried at
_TRIED = ((3, 2, 4, 5, 2), (2, 3, 3, 2, 4))
_FAR = 1e-4  # relative; central differences are not nearer to what they should be

#: Losses of a product Y, and right ways to write ∂L/∂Y for each.
_LOSSES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("sum(f(Y))", ("dY", "df(Y)")),
    ("3*sum(f(Y))", ("dY", "3*df(Y)")),
    ("lam*sum(f(Y))", ("dY", "lam*df(Y)")),
    ("sum(Y**2)/2", ("dY", "Y")),
    ("sum(Y**3 - 2*Y)", ("dY", "(3*Y**2 - 2)")),
    ("sum(log(1 + exp(Y)))", ("dY", "sigmoid(Y)", "exp(Y)/(1 + exp(Y))")),
    ("sum(tanh(Y))", ("dY", "(1 - tanh(Y)**2)")),
    ("lam*sum(relu(Y))", ("dY", "lam*step(Y)")),
    ("sum(exp(Y)*Y)", ("dY", "(exp(Y)*Y + exp(Y))")),
)


def _asked(gradient: Gradient) -> Case | None:
    """The question about a gradient, and the book's formula in the letters of the question.

    Convolutions have no figure for their windows, which a claim must have: those are left out.
    """
    if "conv" in gradient.formula:
        return None
    sizes = gradient.sizes(_NUMBERS)
    shapes = {name: gradient.shape(name, sizes) for name in gradient.shapes}
    program, assume = sized(gradient.program, sizes), dict(gradient.assume)
    try:
        question = ask(program, gradient.wrt, shapes=shapes, assume=assume)
    except MatderivError:  # at the sizes at which it vanishes
        return None
    known = {
        letter: dim.symbol
        for name, letters in gradient.shapes.items()
        for letter, dim in zip(letters.split(), question.task.shapes[name], strict=True)
    }
    formula = sized(gradient.formula, known)
    return gradient, question, question.read(formula)


@cache
def programs(every: int = 1) -> tuple[Case, ...]:
    """All gradients of the table, or only every third, say."""
    return tuple(case for case in map(_asked, table()[::every]) if case is not None)


@cache
def products() -> tuple[Case, ...]:
    """Products of two matrices, transposed or not, with each loss and each way to write it."""
    found = []
    for loss, ways in _LOSSES:
        for a, b in (("X", "W"), ("X.T", "W"), ("X", "W.T"), ("X.T", "W.T")):
            shapes = {"X": "m n" if a == "X" else "n m", "W": "n k" if b == "W" else "k n"}
            shapes |= {"lam": ""} if "lam" in loss else {}
            for way in ways:
                # By the product rule on paper, not by the derivation.
                for wrt, own, formula in (
                    ("X", a, f"({way}) @ {_turned(b)}"),
                    ("W", b, f"{_turned(a)} @ ({way})"),
                ):
                    right = formula if own == wrt else f"({formula}).T"
                    program = f"Y = {a} @ {b}; L = {loss}"
                    case = _asked(Gradient(program, "", program, shapes, wrt, right))
                    assert case is not None
                    found.append(case)
    return tuple(found)


def _turned(name: str) -> str:
    return name.removesuffix(".T") if name.endswith(".T") else f"{name}.T"


def parts(
    node: Node, put: Callable[[Node], Node] = lambda new: new
) -> Iterator[tuple[Node, Callable[[Node], Node]]]:
    """Every part of a tree, with the function that replaces it."""
    yield node, put
    children = nodes.children(node)
    for slot in range(len(children)):

        def inner(new: Node, slot: int = slot) -> Node:
            rest: list[Node] = [*children[:slot], new, *children[slot + 1 :]]
            return put(nodes.rebuilt(node, rest))

        yield from parts(children[slot], inner)


def number(value: int) -> Number:
    """A whole number as a node."""
    return Number(Fraction(value))


# -- rewrites that keep the meaning ----------------------------------------------------------


def rewritten(node: Node, question: Question, chance: random.Random) -> Node:
    """One random rewrite of one part that changes nothing."""
    part, put = chance.choice(list(parts(node)))
    if isinstance(part, Number):
        return node
    made: list[Node] = [
        Multiply(number(1), part),
        nodes.Negate(nodes.Negate(part)),
        nodes.Add(nodes.Divide(part, number(2)), nodes.Divide(part, number(2))),
        nodes.Subtract(Multiply(number(3), part), Multiply(number(2), part)),
    ]
    match part:
        case MatMul(a, b) if all(len(question.shape_of(n)) > 1 for n in (a, b)):
            made += [Transpose(MatMul(nodes.transposed(b), nodes.transposed(a)))] * 4
            if isinstance(a, MatMul):
                made += [MatMul(a.left, MatMul(a.right, b))] * 3
            if isinstance(a, nodes.Add | nodes.Subtract):
                alike = len(question.shape_of(a.left)) == len(question.shape_of(a.right))
                made += [type(a)(MatMul(a.left, b), MatMul(a.right, b))] * 4 * alike
        case Multiply(a, b) | nodes.Add(a, b):
            made += [type(part)(b, a)] * 3
        case nodes.Subtract(a, b):
            made += [nodes.Add(a, nodes.Negate(b))] * 3
        case nodes.Divide(a, Number(v)) if v:
            made += [Multiply(Number(1 / v), a)] * 2
        case Transpose(nodes.Add(a, b)):
            made += [nodes.Add(Transpose(a), Transpose(b))] * 2
        case Name(name) if name in question.definitions and name not in question.task.shapes:
            made += [question.plain(question.definitions[name])] * 5
    return put(chance.choice(made))


def rewrites(
    cases: Sequence[Case], count: int, seed: int = 1
) -> tuple[Counter[str], list[str], list[float]]:
    """Rewritten right claims by verdict, those that were refused, and the times."""
    chance, verdicts, times = random.Random(seed), Counter[str](), list[float]()
    refused = []
    for _ in range(count):
        gradient, question, claim = chance.choice(cases)
        for _ in range(chance.randint(0, 4)):
            claim = rewritten(claim, question, chance)
        status = _judged(question, claim, times).status
        verdicts[status] += 1
        if status == "wrong":
            refused.append(f"{gradient.id}: {question.source(claim)}")
    return verdicts, refused, times


def _judged(question: Question, claim: Node, times: list[float]) -> Check:
    """The verdict on a claim, and how long it took."""
    started = time.perf_counter()
    report = judge(question, claim)
    times.append(time.perf_counter() - started)
    return report


# -- changes of the meaning ------------------------------------------------------------------

#: For each kind of change, the diagnoses that name it.
_EXPECTED = {
    "lost transpose": {"transpose_lost", "transpose_extra", "whole"},
    "transpose too many": {"transpose_extra", "transpose_lost", "whole"},
    "swapped factors": {"order", "whole", "transpose_lost", "transpose_extra"},
    "wrong operator": {"operator_product", "operator_entries"},
    "wrong name": {"name", "prime"},
    "extra term": {"extra", "factor"},
    "constant": {"factor", "number"},
    "sign": {"factor", "sign", "number", "other"},  # such as that of (x - s)**2 by s
    "lost term": {"missing", "use", "number", "factor"},
    "lost factor": {"chain", "left_out", "factor", "missing", "prime", "number", "use", "name"},
    "wrong axis": {"axis", "transpose_lost", "transpose_extra"},
    "lost sum": {"sum_missing", "name", "axis"},
    "lost inverse": {"inverse_lost", "name", "number", "order"},
    "f for f′": {"prime", "name", "function_lost"},
    "lost function": {"function_lost", "prime", "name", "number"},
}


def changed(node: Node, question: Question, chance: random.Random) -> Iterator[tuple[str, Node]]:
    """Changes of one part each that change what a formula means, mostly."""
    for part, put in parts(node):
        match part:
            case Transpose(a):
                yield "lost transpose", put(a)
            case MatMul(a, b):
                yield "swapped factors", put(MatMul(b, a))
                yield "lost factor", put(chance.choice((a, b)))
                yield "wrong operator", put(Multiply(a, b))
            case nodes.Add(a, b) | nodes.Subtract(a, b):
                yield "lost term", put(a)
                other = nodes.Subtract if isinstance(part, nodes.Add) else nodes.Add
                yield "sign", put(other(a, b))
            case Multiply(a, b):
                yield "lost factor", put(chance.choice((a, b)))
            case nodes.Divide(a, _):
                yield "lost factor", put(a)
            case nodes.Inverse(a):
                yield "lost inverse", put(a)
            case nodes.Sum(a, axis) | nodes.Mean(a, axis):
                yield "lost sum", put(a)
                if axis is not None:
                    yield "wrong axis", put(replace(part, axis=1 - axis))
            case nodes.Softmax(_, axis) if axis is not None:
                yield "wrong axis", put(replace(part, axis=1 - axis))
            case nodes.Apply(function, a) if function.startswith("d") and function[1:2].islower():
                yield "f for f′", put(nodes.Apply(function[1:], a))
            case nodes.Apply(_, a):
                yield "lost function", put(a)
            case Number(value) if value > 0:
                yield "constant", put(Number(value + chance.choice((1, 2))))
            case Name(name) if len(question.shapes[name]) > 1:
                yield "transpose too many", put(Transpose(part))
                others = [n for n in question.shapes if n != name and question.shapes[n]]
                yield "wrong name", put(Name(chance.choice([*others, name])))
    factor = number(chance.choice((2, 3)))
    yield "constant", Multiply(factor, node)
    yield "sign", nodes.Negate(node)
    yield "extra term", nodes.Add(node, Name(question.wrt))


def changes(
    cases: Sequence[Case], count: int, seed: int = 2
) -> tuple[Counter[str], list[str], list[str], list[float]]:
    """Changed claims by verdict, those accepted though they are wrong, and those misdiagnosed."""
    chance, verdicts, times = random.Random(seed), Counter[str](), list[float]()
    wrongly, misread = [], []
    for _ in range(count):
        gradient, question, right = chance.choice(cases)
        kind, claim = chance.choice(list(changed(right, question, chance)))
        words = f"{kind}: {gradient.program}, {gradient.wrt}: {question.source(claim)}"
        try:
            report = _judged(question, claim, times)
        except MatderivError:  # such as an axis that a part does not have
            verdicts["refused"] += 1
            continue
        if report.status == "right":
            harmless = is_gradient(gradient, question, claim)
            verdicts["harmless" if harmless else "accepted"] += 1
            if not harmless:
                wrongly.append(words)
            continue
        verdicts[report.status] += 1
        found = diagnosis(report)
        if report.status == "wrong" and not (found and found <= _EXPECTED[kind]):
            misread.append(f"{words} -> {sorted(found)}")
    return verdicts, wrongly, misread, times


def diagnosis(report: Check) -> set[str]:
    """The kinds of all causes that a report names."""
    if report.other is not None:
        return {"other"}
    if report.cause is None:
        return set()
    found = {edit_key(edit) for edit in report.cause.edits}
    return found | ({"factor"} if report.cause.factor is not None else set())


def is_gradient(gradient: Gradient, question: Question, claim: Node) -> bool:
    """Whether a claim has the values of central differences at a few sizes."""
    letters = {
        dim.symbol: letter
        for name, own in gradient.shapes.items()
        for letter, dim in zip(own.split(), question.task.shapes[name], strict=True)
    }
    formula = sized(question.source(question.plain(_written_out(question, claim))), letters)
    for numbers in _TRIED:
        sizes = gradient.sizes(numbers)
        inputs = gradient.inputs(sizes, np.random.default_rng(7))
        right = gradient.differences(sizes, inputs)
        try:
            value = gradient.gradient(sizes, inputs, formula)
        except ValueError:  # shapes that do not fit
            return False
        if value.shape != right.shape:
            return False
        if not np.allclose(value, right, rtol=_FAR, atol=_FAR * np.abs(right).max()):
            return False
    return True


def _written_out(question: Question, node: Node) -> Node:
    """The claim with the name of a lifted product written out, which the table does not know."""
    lifted = {a.name: a.value for a in question.program.assignments[:-1]}
    if isinstance(node, Name) and node.name in lifted:
        return lifted[node.name]
    return nodes.rebuilt(node, [_written_out(question, part) for part in nodes.children(node)])


# -- figures ---------------------------------------------------------------------------------

#: Targets: seconds of a claim, in the middle and at most, and the share of mistakes named rightly.
_QUICK, _SLOW, _NAMED = {"one product": 0.05, "whole programs": 0.2}, 2.0, 0.9

_Figure = tuple[str, str, bool]  # what was measured, its value, and whether it is as it should be


def measure(scale: float) -> Iterator[_Figure]:
    """All figures, with `scale` times as many examples as the targets ask for."""
    yield from _claims("one product", products(), int(10_000 * scale))
    yield from _claims("whole programs", programs(), int(1_000 * scale))
    started = time.perf_counter()
    check("Y = X @ W; L = sum(f(Y))", "X", "dY @ W.T")
    once = time.perf_counter() - started
    words = f"{once * 1000:.1f} ms"
    yield "program and claim read and judged", words, once < _QUICK["one product"]


def _claims(about: str, cases: Sequence[Case], count: int) -> Iterator[_Figure]:
    """The figures about claims of one kind."""
    verdicts, refused, right = rewrites(cases, count)
    yield f"{about}: right claims", _counted("refused", refused, verdicts), not refused
    verdicts, wrongly, misread, wrong = changes(cases, count)
    yield f"{about}: changed claims", _counted("accepted", wrongly, verdicts), not wrongly
    share = 1 - len(misread) / verdicts["wrong"]
    words = f"{share:.1%} of {verdicts['wrong']:,}"
    yield f"{about}: mistakes named", _shown(words, "misread", misread), share >= _NAMED
    for what, times in (("right", right), ("changed", wrong)):
        middle, last = statistics.median(times), max(times)
        words = f"{middle * 1000:.1f} ms, at most {last:.2f} s"
        yield f"{about}: time for a {what} claim", words, middle < _QUICK[about] and last < _SLOW


def _counted(what: str, some: Sequence[str], verdicts: Counter[str]) -> str:
    return _shown(", ".join(f"{n:,} {kind}" for kind, n in sorted(verdicts.items())), what, some)


def _shown(words: str, what: str, some: Sequence[str]) -> str:
    return "".join((words, *(f"\n  {what}: {line}" for line in some[:5])))


@click.command(help="Measure how far the verdicts of `matderiv check` can be trusted.")
@click.option("--scale", default=1.0, help="Examples, as a share of all.")
def main(scale: float) -> None:
    """Print the table; 1 if a target is missed."""
    missed = 0
    for what, value, good in measure(scale):
        missed += not good
        click.echo(f"{'ok    ' if good else 'MISSED'}  {what:36} {value}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
