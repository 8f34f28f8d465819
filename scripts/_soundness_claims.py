"""Claims about programs of one product: right ones, rewritten or changed in one place."""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from _soundness_brute import brute_force_equal

from matderiv.checking.check import judge
from matderiv.checking.question import Question, ask
from matderiv.checking.report import Report, edit_key
from matderiv.errors import MatderivError
from matderiv.expression import nodes
from matderiv.expression.nodes import MatMul, Multiply, Name, Node, Number, Transpose
from matderiv.expression.parse import parse
from matderiv.expression.source import source

__all__ = ["EXPECTED", "Case", "changed", "changes", "diagnosis", "parts", "rewrites", "rewritten"]

#: Losses, and right ways to write ∂L/∂Y for each.
LOSSES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("sum(f({y}))", ("d{y}", "df({y})")),
    ("Loss({y})", ("d{y}",)),
    ("3*sum(f({y}))", ("d{y}", "3*df({y})")),
    ("lam*sum(g({y}))", ("d{y}", "lam*dg({y})")),
    ("sum({y}**2)/2", ("d{y}", "{y}")),
    ("sum({y}**3 - 2*{y})", ("d{y}", "(3*{y}**2 - 2)")),
    ("sum(log(1 + exp({y})))", ("d{y}", "sigmoid({y})", "exp({y})/(1 + exp({y}))")),
    ("sum(tanh({y}))", ("d{y}", "(1 - tanh({y})**2)")),
    ("lam*sum(relu({y}))", ("d{y}", "lam*step({y})")),
    ("sum(exp({y})*{y})", ("d{y}", "(exp({y})*{y} + exp({y}))")),
)
NAMES = "X W A B Q K H V".split()


@dataclass(frozen=True)
class Case:
    """A question and a formula that answers it rightly."""

    question: Question
    right: Node


def cases(chance: random.Random) -> Iterator[Case]:
    """Random programs of one product, with any names, transposes and losses."""
    known: dict[tuple[str, str], Question] = {}
    while True:
        left, right, y = chance.sample(NAMES, 3)
        if chance.random() < 0.7:  # noqa: PLR2004 - mostly the usual names
            left, right, y = "X", "W", "Y"
        a, b = left + chance.choice(("", ".T")), right + chance.choice(("", ".T"))
        loss, ways = chance.choice(LOSSES)
        wrt = chance.choice((left, right))
        program = f"{y} = {a} @ {b}; L = {loss.format(y=y)}"
        if (program, wrt) not in known:
            known[program, wrt] = ask(program, wrt)
        question = known[program, wrt]
        upstream = parse(f"({chance.choice(ways).format(y=y)})").loss.value
        # By the product rule on paper, not by the derivation.
        if wrt == left:
            right_way = MatMul(upstream, nodes.transposed(parse(b).loss.value))
        else:
            right_way = MatMul(nodes.transposed(parse(a).loss.value), upstream)
        if (a if wrt == left else b).endswith(".T"):
            right_way = MatMul(nodes.transposed(right_way.right), nodes.transposed(right_way.left))
        yield Case(question, right_way)


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


# -- rewrites that keep the meaning ----------------------------------------------------------


def rewritten(node: Node, question: Question, chance: random.Random) -> Node:
    """One random rewrite of one part that changes nothing."""
    part, put = chance.choice(list(parts(node)))
    dims = dimensions(part, question)
    made: list[Node] = [
        Multiply(Number(Fraction(1)), part),
        nodes.Divide(part, Number(Fraction(1))),
        nodes.Negate(nodes.Negate(part)),
        nodes.Add(nodes.Divide(part, number(2)), nodes.Divide(part, number(2))),
        nodes.Subtract(Multiply(number(3), part), Multiply(number(2), part)),
        nodes.Subtract(nodes.Add(part, part), part),
    ]
    if dims == 2:  # noqa: PLR2004 - a matrix
        made.append(Transpose(Transpose(part)))
    y = question.program.assignments[0].name
    upstream = question.definitions.get(f"d{y}")
    match part:
        case MatMul(a, b):
            made += [Transpose(MatMul(nodes.transposed(b), nodes.transposed(a)))] * 4
            if isinstance(a, MatMul):
                made += [MatMul(a.left, MatMul(a.right, b))] * 3
            if isinstance(a, nodes.Add | nodes.Subtract):
                alike = dimensions(a.left, question) == dimensions(a.right, question)
                made += [] if not alike else [type(a)(MatMul(a.left, b), MatMul(a.right, b))] * 4
        case Multiply(a, b) | nodes.Add(a, b):
            made += [type(part)(b, a)] * 3
        case nodes.Subtract(a, b):
            made += [nodes.Add(a, nodes.Negate(b))] * 2
        case nodes.Divide(a, Number(v)) if v:
            made += [Multiply(Number(1 / v), a)] * 2
        case Transpose(a) if isinstance(a, nodes.Add):
            made += [nodes.Add(Transpose(a.left), Transpose(a.right))] * 2
        case Name(name) if name == y:
            made += [question.definitions[y]] * 3
        case Name(name) if name == f"d{y}" and upstream is not None:
            made += [upstream] * 5
    return put(chance.choice(made))


def number(value: int) -> Number:
    """A whole number as a node."""
    return Number(Fraction(value))


def dimensions(node: Node, question: Question) -> int:
    """How many dimensions a part of a right formula has."""
    return len(question.shape_of(node))


def rewrites(count: int, seed: int = 1) -> tuple[int, list[str], list[float]]:
    """How many rewritten right claims were judged, those that were refused, and the times."""
    chance = random.Random(seed)  # noqa: S311 - examples, not secrets
    refused, times = [], []
    for case in itertools.islice(cases(chance), count):
        claim = case.right
        for _ in range(chance.randint(0, 4)):
            claim = rewritten(claim, case.question, chance)
        started = time.perf_counter()
        report = judge(case.question, claim)
        times.append(time.perf_counter() - started)
        if report.status != "right":
            refused.append(f"{report.status}: {case.question.wrt} {source(claim)}")
    return count, refused, times


# -- changes of the meaning ------------------------------------------------------------------

#: For each kind of change, the diagnoses that name it.
EXPECTED = {
    "lost transpose": {"transpose_lost", "transpose_extra", "whole"},
    "transpose too many": {"transpose_extra", "transpose_lost", "whole"},
    "swapped factors": {"order", "whole", "transpose_lost", "transpose_extra"},
    "wrong operator": {"operator_product", "operator_entries"},
    "constant": {"factor", "number"},
    "sign": {"factor", "sign"},
    "wrong name": {"name", "prime"},
    "lost term": {"missing", "number", "factor"},
    "extra term": {"extra", "factor"},
    "lost factor": {"chain", "left_out", "factor", "missing", "prime"},
    "f for f′": {"prime", "name"},
}


def changed(node: Node, question: Question, chance: random.Random) -> tuple[str, Node] | None:
    """One random change of one part that changes what a formula means."""
    made: list[tuple[str, Node]] = []
    y = question.program.assignments[0].name
    for part, put in parts(node):
        match part:
            case Transpose(a):
                made += [("lost transpose", put(a))] * 2
            case MatMul(a, b):
                made.append(("swapped factors", put(MatMul(b, a))))
                made.append(("wrong operator", put(Multiply(a, b))))
                made += [("lost factor", put(a)), ("lost factor", put(b))]
            case nodes.Add(a, b) | nodes.Subtract(a, b):
                made += [("lost term", put(a)), ("lost term", put(b))]
                other = nodes.Subtract if isinstance(part, nodes.Add) else nodes.Add
                made.append(("sign", put(other(a, b))))
            case Multiply(a, b):
                made += [("lost factor", put(a)), ("lost factor", put(b))]
            case nodes.Apply(function, a) if function.startswith("d") and len(function) == 2:  # noqa: PLR2004 - df
                made += [("f for f′", put(nodes.Apply(function[1:], a)))] * 2
            case Number(value):
                made.append(("constant", put(Number(value + chance.choice((1, 2))))))
            case Name(name):
                others = [n for n in question.shapes if n not in (name, question.loss)]
                others = [n for n in others if question.shapes[n]]
                if question.shapes[name]:
                    made.append(("wrong name", put(Name(chance.choice(others)))))
                    made.append(("transpose too many", put(Transpose(part))))
        made.append(("sign", put(nodes.Negate(part))))
    factor = number(chance.choice((2, 3)))
    made += [("constant", Multiply(factor, node)), ("constant", nodes.Divide(node, factor))]
    made += [("sign", nodes.Negate(node)), ("extra term", nodes.Add(node, Name(question.wrt)))]
    assert y in question.shapes
    return chance.choice(made)


def changes(count: int, seed: int = 2) -> tuple[Counter[str], list[str], list[str], list[float]]:
    """Changed claims by verdict, those accepted though they are wrong, and those misdiagnosed."""
    chance = random.Random(seed)  # noqa: S311 - examples, not secrets
    verdicts: Counter[str] = Counter()
    wrongly, misread, times = [], [], []
    for case in itertools.islice(cases(chance), count):
        right = case.right
        for _ in range(chance.choice((0, 0, 1, 2))):
            right = rewritten(right, case.question, chance)
        kind, claim = changed(right, case.question, chance) or ("", right)
        started = time.perf_counter()
        try:
            report = judge(case.question, claim)
        except MatderivError:  # such as a division by zero
            verdicts["refused"] += 1
            continue
        times.append(time.perf_counter() - started)
        words = f"{kind}: {case.question.program.source()} {case.question.wrt}: {source(claim)}"
        if report.status == "right":
            harmless = brute_force_equal(case.question, claim)
            verdicts["harmless" if harmless else "accepted"] += 1
            if not harmless:
                wrongly.append(words)
            continue
        verdicts[report.status] += 1
        found = diagnosis(report)
        if report.status == "wrong" and not (found and found <= EXPECTED[kind]):
            misread.append(f"{words} -> {sorted(found)}")
    return verdicts, wrongly, misread, times


def diagnosis(report: Report) -> set[str]:
    """The kinds of all causes that a report names."""
    if report.other is not None:
        return {"other"}
    if report.cause is None:
        return set()
    found = {edit_key(edit) for edit in report.cause.edits}
    return found | ({"factor"} if report.cause.factor is not None else set())
