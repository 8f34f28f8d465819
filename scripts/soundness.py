"""How far the verdicts of `matderiv check` can be trusted, in figures.

    python scripts/soundness.py [--scale 0.01]

Right formulas are rewritten without changing what they mean, and none may be refused. Right
formulas are changed in one place, and none may be accepted unless brute force, with SymPy's own
derivatives and every entry written out, finds the change harmless. Random text and random trees
must end in a verdict or in one line that says what is wrong. Exit code 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import itertools
import random
import resource
import signal
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import sympy as sp

from matderiv.api import read
from matderiv.checking.check import Report, check, judge
from matderiv.checking.question import Question, ask
from matderiv.checking.report import edit_key
from matderiv.errors import MatderivError
from matderiv.expression import nodes
from matderiv.expression.nodes import MatMul, Multiply, Name, Node, Number, Transpose
from matderiv.expression.parse import parse
from matderiv.expression.source import source
from matderiv.expression.vocabulary import ELEMENTWISE

__all__ = ["Figures", "changes", "fuzz", "measure", "rewrites"]

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
            known[program, wrt] = ask(read(program), wrt)
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
    y = question.problem.name
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
    return len(question.entries().shape(node))


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
    y = question.problem.name
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
        words = (
            f"{kind}: {case.question.problem.program.source()} {case.question.wrt}: {source(claim)}"
        )
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


# -- brute force -----------------------------------------------------------------------------


def brute_force_equal(question: Question, claim: Node) -> bool:
    """Whether a claim is the gradient at a few sizes, by SymPy's derivatives, entry by entry.

    An undefined f is any cubic; an undefined Loss any quadratic form without mixed terms.
    """
    letters = [dim.symbol for dim in question.dims]
    for sizes in ((2, 3, 2), (3, 2, 4), (1, 2, 2)):
        table = dict(zip(letters, itertools.cycle(sizes), strict=False))
        values: dict[str, Any] = {}
        for name in question.problem.program.inputs():
            shape = [table[dim.symbol] for dim in question.shapes[name]]
            values[name] = (
                sp.Matrix(*shape, lambda i, j, n=name: sp.Symbol(f"{n}_{i}_{j}", real=True))
                if shape
                else sp.Symbol(name, real=True)
            )
        product = question.problem.product
        values[product.name] = value = plain(product.value, values)
        free = value.applyfunc(lambda _: sp.Dummy(real=True))
        loss = plain(question.problem.program.loss.value, {**values, product.name: free})
        back = dict(zip(free, value, strict=True))
        upstream = free.applyfunc(lambda y, loss=loss, back=back: sp.diff(loss, y).subs(back))
        values[f"d{product.name}"] = upstream
        values[question.loss] = loss.subs(back)
        whole = loss.subs(back)
        gradient = values[question.wrt].applyfunc(lambda x, whole=whole: sp.diff(whole, x))
        try:
            claimed = plain(claim, values)
        except (sp.ShapeError, ValueError, TypeError):
            return False
        if getattr(claimed, "shape", None) != gradient.shape:
            return False
        if any(not is_zero(rest) for rest in claimed - gradient):
            return False
    return True


def is_zero(expr: sp.Expr) -> bool:
    """Whether an expression is zero: exactly, or to 30 digits at three points."""
    if sp.expand(expr) == 0:
        return True
    symbols = sorted(expr.free_symbols, key=str)
    for shift in (3, 5, 11):
        point = {s: sp.Rational(n * shift % 7 + 1, n + shift) for n, s in enumerate(symbols, 1)}
        if abs(sp.N(expr.subs(point), 40)) > sp.Float(10) ** -30:
            return False
    return True


FUNCTIONS: dict[str, Callable[[sp.Expr], sp.Expr]] = {
    "exp": sp.exp,
    "log": sp.log,
    "sqrt": sp.sqrt,
    "tanh": sp.tanh,
    "sin": sp.sin,
    "cos": sp.cos,
    "sigmoid": lambda u: 1 / (1 + sp.exp(-u)),
    "relu": lambda u: sp.Piecewise((u, u > 0), (0, True)),
    "step": lambda u: sp.Piecewise((1, u > 0), (0, True)),
}


def plain(node: Node, values: dict[str, Any]) -> Any:
    """The value of an expression as an explicit SymPy matrix."""
    match node:
        case Name(name):
            return values[name]
        case Number(v):
            return sp.Rational(v.numerator, v.denominator)
        case nodes.Negate(a):
            return -plain(a, values)
        case Transpose(a):
            inner = plain(a, values)
            return inner.T if isinstance(inner, sp.MatrixBase) else inner
        case nodes.Sum(a):
            inner = plain(a, values)
            return sum(inner, sp.S.Zero) if isinstance(inner, sp.MatrixBase) else inner
        case nodes.Functional(_, a):
            terms = enumerate(plain(a, values), 1)
            return sum((n * u**2 + sp.Symbol(f"c_{n}", real=True) * u for n, u in terms), sp.S.Zero)
        case nodes.Apply(function, a):
            return entrywise(lambda u: applied(function, u), plain(a, values))
        case MatMul(a, b):
            return plain(a, values) * plain(b, values)
    left, right = (plain(child, values) for child in nodes.children(node))
    operations: dict[type, Callable[[sp.Expr, sp.Expr], sp.Expr]] = {
        nodes.Add: lambda u, v: u + v,
        nodes.Subtract: lambda u, v: u - v,
        Multiply: lambda u, v: u * v,
        nodes.Divide: lambda u, v: u / v,
        nodes.Power: lambda u, v: u**v,
    }
    operation = operations[type(node)]
    if isinstance(left, sp.MatrixBase) and isinstance(right, sp.MatrixBase):
        if left.shape != right.shape:
            raise sp.ShapeError(source(node))
        return sp.Matrix(*left.shape, [operation(u, v) for u, v in zip(left, right, strict=True)])
    if isinstance(left, sp.MatrixBase):
        return left.applyfunc(lambda u: operation(u, right))
    if isinstance(right, sp.MatrixBase):
        return right.applyfunc(lambda u: operation(left, u))
    return operation(left, right)


def entrywise(function: Callable[[sp.Expr], sp.Expr], value: Any) -> Any:
    """A function applied to each entry."""
    return value.applyfunc(function) if isinstance(value, sp.MatrixBase) else function(value)


def applied(function: str, u: sp.Expr) -> sp.Expr:
    """A known function's value; an undefined one is a cubic, df its derivative."""
    if function in FUNCTIONS:
        return FUNCTIONS[function](u)
    a, b, c = (sp.Symbol(f"{k}_{function[-1]}", real=True) for k in "abc")
    if function.startswith("d"):
        return 3 * a * u**2 + 2 * b * u + c
    return a * u**3 + b * u**2 + c * u


# -- anything at all -------------------------------------------------------------------------

PROGRAMS = (
    "Y = X @ W; L = sum(f(Y))",
    "L = Loss(X @ W)",
    "L = lam*sum(log(1 + exp(X @ W)))",
    "L = sum((X.T @ W)**3)/2",
    "L = sum(sqrt(X @ W.T))",
)
WORDS = (
    "X W Y L dY dX df f lam sum exp log sqrt tanh sigmoid sin cos relu step Loss mean T .T @ * / "
    "** + - ( ) ( ) , ; = 0 1 2 3 0.5 1e9 1e99 -1 10 1000 λ × ′ ' \" \\ { } [ ] : # é 矩 \n \0 "
    "lambda if for __import__('os') 0x10 1j 9999999999 inv(X) inv( det( logdet( tr( diag( outer( "
    "norm( eye(N) eye(2) ones((N,M)) ones( mean( prod( softmax( logsumexp( abs sign softplus erf "
    "axis=0 axis=1 axis=-1 axis=2 keepdims=True .sum( N D M"
).split(" ")


def random_text(chance: random.Random) -> str:
    """Words of the language and others in any order, or any characters."""
    if chance.random() < 0.2:  # noqa: PLR2004 - now and then
        return "".join(
            chr(chance.choice((chance.randrange(128), chance.randrange(0x3000))))
            for _ in range(chance.randint(0, 40))
        )
    return chance.choice(("", " ")).join(chance.choices(WORDS, k=chance.randint(0, 14)))


def random_tree(chance: random.Random, depth: int) -> Node:
    """Any tree of the language over the names of the programs."""
    if depth == 0 or chance.random() < 0.15:  # noqa: PLR2004 - short branches too
        leaves: list[Node] = [Name(n) for n in ("X", "W", "Y", "dY", "dY", "L") * 2]
        leaves += [nodes.Eye(chance.choice("NDM")), nodes.Ones(("N", chance.choice(("D", 1))))]
        values = (0, 1, 2, -1, 3, Fraction(1, 2), 1000, 10**20)
        return chance.choice([*leaves, Number(Fraction(chance.choice(values)))])

    def below() -> Node:
        return random_tree(chance, depth - 1)

    unary: list[Callable[[Node], Node]] = [
        *[Transpose] * 6,
        *[nodes.Negate, nodes.Sum] * 3,
        *(nodes.Trace, nodes.Inverse, nodes.Determinant, nodes.LogDet, nodes.Diag, nodes.Norm),
    ]
    reduced: list[Callable[[Node, int | None, bool], Node]] = [
        nodes.Sum,
        nodes.Mean,
        nodes.Prod,
        nodes.LogSumExp,
    ]
    functions = [*ELEMENTWISE, "f", "df"]
    binary: list[Callable[[Node, Node], Node]] = [
        *[MatMul] * 4,
        nodes.Outer,
        Multiply,
        nodes.Add,
        nodes.Subtract,
        nodes.Divide,
        nodes.Power,
    ]
    choice = chance.random()
    if choice < 0.3:  # noqa: PLR2004 - shares of each kind
        return chance.choice(unary)(below())
    if choice < 0.45:  # noqa: PLR2004 - as above
        return nodes.Apply(chance.choice(functions), below())
    if choice < 0.55:  # noqa: PLR2004 - as above
        axis = chance.choice((None, 0, 1, -1))
        if chance.random() < 0.3:  # noqa: PLR2004 - as above
            return nodes.Softmax(below(), axis)
        return chance.choice(reduced)(below(), axis, chance.random() < 0.5)  # noqa: PLR2004 - a coin
    return chance.choice(binary)(below(), below())


# Targets: seconds of any input, seconds of a claim, megabytes, and the share named rightly.
_HANG, _QUICK, _MEMORY, _NAMED = 2.0, 0.05, 500, 0.95


class _Hang(BaseException):
    """A claim has taken too long; nothing in the package may catch this."""


def _hang(*_: object) -> None:
    raise _Hang


@dataclass
class Fuzzed:
    """What became of random inputs."""

    verdicts: Counter[str] = field(default_factory=Counter)
    tracebacks: list[str] = field(default_factory=list)
    hangs: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")


def fuzz(texts: int, trees: int, seed: int = 3) -> Fuzzed:
    """Check random texts and random trees; a clean error or a verdict is expected of each."""
    chance = random.Random(seed)  # noqa: S311 - examples, not secrets
    found = Fuzzed()
    signal.signal(signal.SIGALRM, _hang)
    questions = [ask(read(p), w) for p in PROGRAMS for w in ("X", "W")]
    for n in range(texts + trees):
        question = chance.choice(questions)
        claim = (
            random_text(chance) if n < texts else source(random_tree(chance, chance.randint(1, 5)))
        )
        started = time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, _HANG)
        try:
            report = judge(question, question.read(claim))
            report.text("en")
            found.verdicts[report.status] += 1
        except MatderivError:
            found.verdicts["clean error"] += 1
        except _Hang:
            found.hangs.append(f"{claim!r} in {question.problem.program.source()}")
        except Exception as error:  # noqa: BLE001 - that there is none is the claim
            found.tracebacks.append(
                f"{type(error).__name__}: {error} for {claim!r} in "
                f"{question.problem.program.source()}"
            )
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        took = time.perf_counter() - started
        if took > found.slowest[0]:
            found.slowest = (took, claim)
    return found


# -- figures ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Figures:
    """One line of the table: what was measured, and whether it is as it should be."""

    what: str
    value: str
    good: bool


def measure(scale: float) -> Iterator[Figures]:
    """All figures, with `scale` times as many examples as the targets ask for."""
    count, refused, times = rewrites(int(10_000 * scale))
    yield Figures(
        "right claims, rewritten", f"{count:,} judged, {len(refused)} refused", not refused
    )
    for words in refused[:5]:
        print("  refused:", words)
    verdicts, wrongly, misread, more = changes(int(10_000 * scale))
    total = sum(verdicts.values())
    shown = ", ".join(f"{n:,} {kind}" for kind, n in sorted(verdicts.items()))
    yield Figures(
        "claims changed in one place",
        f"{total:,} judged: {shown}",
        not wrongly,
    )
    for words in wrongly[:5]:
        print("  accepted:", words)
    wrong = verdicts["wrong"]
    share = 1 - len(misread) / wrong
    yield Figures("mistakes named rightly", f"{share:.1%} of {wrong:,}", share >= _NAMED)
    for words in misread[:5]:
        print("  misread:", words)
    for what, taken in (("right", times), ("wrong", more)):
        middle, last = statistics.median(taken), sorted(taken)[int(len(taken) * 0.99)]
        yield Figures(
            f"time for a {what} claim",
            f"{middle * 1000:.1f} ms, 99 % within {last * 1000:.1f} ms",
            middle < _QUICK,
        )
    started = time.perf_counter()
    check("Y = X @ W; L = sum(f(Y))", "X", "dY @ W.T")
    once = time.perf_counter() - started
    yield Figures("program and claim read and judged", f"{once * 1000:.1f} ms", once < _QUICK)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    fuzzed = fuzz(int(90_000 * scale), int(15_000 * scale))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    shown = ", ".join(f"{n:,} {kind}" for kind, n in sorted(fuzzed.verdicts.items()))
    yield Figures(
        "random inputs", f"{shown}, {len(fuzzed.tracebacks)} tracebacks", not fuzzed.tracebacks
    )
    for words in fuzzed.tracebacks[:5]:
        print("  traceback:", words)
    seconds, claim = fuzzed.slowest
    for words in fuzzed.hangs[:5]:
        print("  over 2 s:", words)
    words = f"{seconds:.2f} s: {claim[:60]!r}, {len(fuzzed.hangs)} over {_HANG:.0f} s"
    yield Figures("slowest of them", words, not fuzzed.hangs)
    yield Figures("memory they added", f"{grown:.0f} MB", grown < _MEMORY)


def main() -> int:
    """Print the table; 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--scale", type=float, default=1.0, help="examples, as a share of all")
    scale = parser.parse_args().scale
    missed = 0
    for figures in measure(scale):
        missed += not figures.good
        print(
            f"{'ok    ' if figures.good else 'MISSED'}  {figures.what:36} {figures.value}",
            flush=True,
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
