"""Claims about the whole programs of tests/gradients.toml, against central differences."""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from _soundness_claims import EXPECTED, diagnosis, number, parts

from matderiv.checking.check import judge
from matderiv.checking.question import Question, ask
from matderiv.errors import MatderivError
from matderiv.expression import nodes
from matderiv.expression.nodes import MatMul, Multiply, Name, Node, Number, Transpose

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from _gradient_table import Gradient, sized, table

__all__ = ["program_changes", "program_rewrites"]

_NUMBERS = (5, 4, 3, 2, 6)  # sizes of a program's letters, and those that a claim is tried at
_TRIED = ((3, 2, 4, 5, 2), (2, 3, 3, 2, 4))
_FAR = 1e-4  # relative; central differences are not nearer to what they should be

#: For each kind of change, the diagnoses that name it, besides those of programs of one product.
_EXPECTED = {
    **EXPECTED,
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


@cache
def _questions() -> tuple[tuple[Gradient, Question, Node], ...]:
    """The gradients of the table with the book's formulas, in the letters of the questions."""
    found = []
    for gradient in table():
        sizes = gradient.sizes(_NUMBERS)
        shapes = {name: gradient.shape(name, sizes) for name in gradient.shapes}
        program, assume = sized(gradient.program, sizes), dict(gradient.assume)
        try:
            question = ask(program, gradient.wrt, shapes=shapes, assume=assume)
        except MatderivError:  # at the sizes at which it vanishes
            continue
        known = {
            letter: dim.symbol
            for name, letters in gradient.shapes.items()
            for letter, dim in zip(letters.split(), question.task.shapes[name], strict=True)
        }
        formula = sized(gradient.formula, known)  # type: ignore[arg-type] # letters for letters
        found.append((gradient, question, question.read(formula)))
    return tuple(found)


def program_rewrites(count: int, seed: int = 4) -> tuple[Counter[str], list[str]]:
    """Rewritten right claims by verdict, and those that were refused."""
    chance = random.Random(seed)  # noqa: S311 - examples, not secrets
    verdicts: Counter[str] = Counter()
    refused = []
    for _ in range(count):
        gradient, question, right = chance.choice(_questions())
        claim = right
        for _ in range(chance.randint(0, 3)):
            claim = _rewritten(claim, question, chance)
        status = judge(question, claim).status
        verdicts[status] += 1
        if status == "wrong":
            refused.append(f"{gradient.id}: {question.source(claim)}")
    return verdicts, refused


def _rewritten(node: Node, question: Question, chance: random.Random) -> Node:
    """One random rewrite of one part that changes nothing."""
    part, put = chance.choice(list(parts(node)))
    if isinstance(part, Number):
        return node
    made: list[Node] = [
        nodes.Negate(nodes.Negate(part)),
        Multiply(number(1), part),
        nodes.Subtract(Multiply(number(3), part), Multiply(number(2), part)),
    ]
    match part:
        case MatMul(a, b) if all(len(question.shape_of(n)) > 1 for n in (a, b)):
            made += [Transpose(MatMul(nodes.transposed(b), nodes.transposed(a)))] * 4
        case Multiply(a, b) | nodes.Add(a, b):
            made += [type(part)(b, a)] * 3
        case nodes.Subtract(a, b):
            made += [nodes.Add(a, nodes.Negate(b))] * 3
        case Name(name) if name in question.definitions and name not in question.task.shapes:
            made += [question.plain(question.definitions[name])] * 5
    return put(chance.choice(made))


def program_changes(
    count: int, seed: int = 5
) -> tuple[Counter[str], list[str], list[str], list[float]]:
    """Changed claims by verdict, those accepted though they are wrong, and those misdiagnosed."""
    chance = random.Random(seed)  # noqa: S311 - examples, not secrets
    verdicts: Counter[str] = Counter()
    wrongly, misread, times = [], [], []
    for _ in range(count):
        gradient, question, right = chance.choice(_questions())
        kind, claim = chance.choice(list(_changed(right, question, chance)))
        words = f"{kind}: {gradient.program}, {gradient.wrt}: {question.source(claim)}"
        started = time.perf_counter()
        try:
            report = judge(question, claim)
        except MatderivError:  # such as an axis that a part does not have
            verdicts["refused"] += 1
            continue
        times.append(time.perf_counter() - started)
        if report.status == "right":
            harmless = _is_gradient(gradient, question, claim)
            verdicts["harmless" if harmless else "accepted"] += 1
            if not harmless:
                wrongly.append(words)
            continue
        verdicts[report.status] += 1
        found = diagnosis(report)
        if report.status == "wrong" and not (found and found <= _EXPECTED[kind]):
            misread.append(f"{words} -> {sorted(found)}")
    return verdicts, wrongly, misread, times


def _changed(node: Node, question: Question, chance: random.Random) -> Iterator[tuple[str, Node]]:
    """Changes of one part each that change what a formula means, mostly."""
    for part, put in parts(node):
        match part:
            case Transpose(a):
                yield "lost transpose", put(a)
            case MatMul(a, b):
                yield "swapped factors", put(MatMul(b, a))
                yield "lost factor", put(chance.choice((a, b)))
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
    factor = number(chance.choice((2, 3)))
    yield "constant", Multiply(factor, node)
    yield "sign", nodes.Negate(node)
    yield "extra term", nodes.Add(node, Name(question.wrt))


def _is_gradient(gradient: Gradient, question: Question, claim: Node) -> bool:
    """Whether a claim has the values of central differences at a few sizes."""
    letters = {
        dim.symbol: letter
        for name, own in gradient.shapes.items()
        for letter, dim in zip(own.split(), question.task.shapes[name], strict=True)
    }
    formula = sized(question.source(question.plain(_written_out(question, claim))), letters)  # type: ignore[arg-type] # as above
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
