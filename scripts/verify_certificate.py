#!/usr/bin/env python3
"""Check a matderiv certificate link by link, with SymPy alone.

    matderiv derive --format json -o certificate.json
    python scripts/verify_certificate.py certificate.json

Exit code 0 and one line on stdout: every link is confirmed. 1 and one line on stderr: the first
thing that is wrong. 2: the file cannot be read. A name of `-` reads standard input.

Nothing of matderiv is imported and no text of the file is evaluated: a small parser reads it.
What is checked, in this order:

1. the SHA-256 digest of the content. It finds every alteration, but whoever alters a file can
   compute the digest anew; the checks below do not rest on it. The `latex` texts are for display
   only, and the digest alone protects them;
2. the program is read again, and the definitions, shapes and sizes are compared with it;
3. each link is evaluated exactly. `general` (scalars) and `row`, `col`, `entry` (matrices) hold a
   side for every size: both sides become sums of products, partial derivatives are worked out
   from the definitions, Kronecker deltas are contracted, summation letters are renamed
   canonically; then the sides must agree term by term. `sympy` and `entries` hold the same side
   at the sizes of the file: it must be what the general form gives there, and where it is
   written out the two sides are compared once more, entry by entry;
4. the structure: steps and chains are complete, each link goes on where the last one ended, each
   chain starts and ends where it must, verdicts and counts are those found here (a conclusion
   repeats a chain above it, so it counts no entries).

A partial derivative keeps only its `wrt` and unfolds everything else. An undefined f has the
named function df as its derivative; relu′ is step except at 0. Values are real, where defined.
Trusted are Python, SymPy's arithmetic and simplification, and this file. The words `kind` and
`reason` prove nothing; they must be the known ones, in a known order.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import math
import re
import signal
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NoReturn

import sympy as sp
from sympy.core.function import AppliedUndef, UndefinedFunction

SECONDS = 600  # for one file
MOST_BYTES, MOST_TEXT, MOST_DIGITS, MOST_SIZE = 100_000_000, 2_000_000, 1300, 10**9
MOST_DEPTH, MOST_EXPONENT, MOST_BITS = 60, 2000, 8192
MOST_WORK, MOST_TERMS = 10_000_000, 200_000  # in all; of one sum
SHORT = 8  # powers up to it are multiplied out
WRITTEN_OUT, COMPARED = 5_000, 40_000  # products up to which the writer writes out, compares

Json = Any  # what json.loads gives
Tree = tuple[Any, ...]
Term = tuple[tuple[sp.Expr, ...], tuple[tuple[sp.Symbol, str], ...]]  # factors; letters, sizes
Value = dict[Term, int | Fraction]  # a sum of products, each perhaps under summation signs


class RefusedError(Exception):
    """The certificate is wrong; the message says where and why."""


def refuse(message: str) -> NoReturn:
    """Raise RefusedError."""
    raise RefusedError(message)


# -- reading text: a tokenizer and a parser of its own. Python's `ast` fails on long sums. --------

_TOKEN = re.compile(
    r"\s*(?:((?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:e-?[0-9]{1,3})?)|([A-Za-z_][A-Za-z0-9_]*)"
    r"|(\*\*|[-+*/@().,\[\]])|(\S))"
)


@lru_cache(maxsize=1 << 14)
def parse(text: str) -> Tree:
    """The tree of an expression: numbers, names, calls, entries, + - * / ** @ and .T."""
    if not isinstance(text, str) or len(text) > MOST_TEXT:
        refuse("an expression is no text, or too long")
    tokens: list[str] = []
    for number, name, operator, other in _TOKEN.findall(text):
        if other or len(number) > MOST_DIGITS:
            refuse(f"{text[:60]!r} cannot be read at {(other or number)[:20]!r}")
        tokens.append(number or name or operator)
    return _Parser(tokens, text).whole()


class _Parser:
    def __init__(self, tokens: list[str], text: str) -> None:
        self.tokens, self.text, self.at, self.depth = [*tokens, ""], text, 0, 0

    def whole(self) -> Tree:
        """The tree of all tokens."""
        tree = self.sum()
        return tree if self.tokens[self.at] == "" else self.fail()

    def fail(self) -> NoReturn:
        """Say where the text stops making sense."""
        refuse(f"{self.text[:60]!r} is no expression at {self.tokens[self.at]!r}")

    def take(self, *wanted: str) -> str:
        """The next token if it is wanted, else nothing."""
        token = self.tokens[self.at]
        if token == "" or token not in wanted:
            return ""
        self.at += 1
        return token

    def sum(self) -> Tree:
        """Terms with + and - between them."""
        terms = [self.product()]
        while sign := self.take("+", "-"):
            term = self.product()
            terms.append(("neg", term) if sign == "-" else term)
        return terms[0] if len(terms) == 1 else ("add", tuple(terms))

    def product(self) -> Tree:
        """Factors with *, / and @ between them."""
        factors = [self.unary()]
        while sign := self.take("*", "/", "@"):
            factor = self.unary()
            if sign == "@":
                left = factors[0] if len(factors) == 1 else ("mul", tuple(factors))
                factors = [("matmul", left, factor)]
            else:
                factors.append(("pow", factor, ("num", -1)) if sign == "/" else factor)
        return factors[0] if len(factors) == 1 else ("mul", tuple(factors))

    def unary(self) -> Tree:
        """A minus or a power."""
        self.depth += 1
        if self.depth > MOST_DEPTH:
            refuse(f"an expression is nested more than {MOST_DEPTH} levels deep")
        if self.take("-"):
            tree: Tree = ("neg", self.unary())
        else:
            tree = self.postfix()
            if self.take("**"):
                tree = ("pow", tree, self.unary())
        self.depth -= 1
        return tree

    def postfix(self) -> Tree:
        """A number, a name, a call, an entry, brackets; then any .T."""
        word = self.tokens[self.at]
        self.at += 1
        if word[:1].isdigit():
            tree: Tree = ("num", int(word) if word.isdigit() else Fraction(word))
        elif word == "(":
            items = self.items(")")
            tree = items[0] if len(items) == 1 else ("tuple", items)
        elif word and (word[0].isalpha() or word[0] == "_"):
            tree = ("name", word)
            if self.take("("):
                tree = ("call", word, self.items(")"))
            elif self.take("["):
                tree = ("index", word, self.items("]"))
        else:
            self.at -= 1
            self.fail()
        while self.take("."):
            tree = ("T", tree) if self.take("T") else self.fail()
        return tree

    def items(self, end: str) -> tuple[Tree, ...]:
        """What stands between commas."""
        found = [self.sum()]
        while self.take(","):
            found.append(self.sum())
        return tuple(found) if self.take(end) else self.fail()


def walk(tree: Tree) -> Iterator[Tree]:
    """All parts of a tree."""
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node[0], str):
            yield node
        left.extend(part for part in node if isinstance(part, tuple))


def exchanged(tree: Json, table: Mapping[Tree, Tree]) -> Json:
    """The tree with some of its parts exchanged for others."""
    if not isinstance(tree, tuple):
        return tree
    return table[tree] if tree in table else tuple(exchanged(part, table) for part in tree)


def free(tree: Json, letters: frozenset[str]) -> frozenset[str]:
    """The index letters that no Sum binds."""
    if not isinstance(tree, tuple):
        return frozenset()
    if tree[0] == "name":
        return letters & {tree[1]}
    if tree[:2] == ("call", "Sum") and len(tree[2]) > 1:
        bound = {bound[1][0][1] for bound in tree[2][1:] if bound[0] == "tuple"}
        return free(tree[2][0], letters) - bound
    return frozenset().union(*(free(part, letters) for part in tree))


# -- functions of one number ---------------------------------------------------------------------


def _function(name: str, slope: Callable[[sp.Expr], sp.Expr]) -> Callable[[sp.Expr], sp.Expr]:
    """A SymPy function whose derivative is slope(the function at its argument)."""
    return type(name, (sp.Function,), {"nargs": 1, "fdiff": lambda self, *_: slope(self)})


sigmoid = _function("sigmoid", lambda s: s * (1 - s))  # 1/(1 + exp(-u))
step = _function("step", lambda _: sp.S.Zero)  # 1 for u > 0, 0 for u < 0
relu = _function("relu", lambda r: step(r.args[0]))  # max(0, u)
KNOWN: dict[str, Callable[[sp.Expr], sp.Expr]] = {
    "exp": sp.exp, "log": sp.log, "sqrt": sp.sqrt, "tanh": sp.tanh, "sin": sp.sin, "cos": sp.cos,
    "Abs": sp.Abs, "sign": sp.sign, "sigmoid": sigmoid, "relu": relu, "step": step,
}  # fmt: skip
function = lru_cache(UndefinedFunction)
DELTA, PARTIAL, INNER = map(function, ("δ", "∂", "Σ"))  # no name of a file


@lru_cache(maxsize=4096)
def vanishes(expr: sp.Expr) -> bool:
    """Whether an expression in real symbols and undefined functions is 0 where it is defined."""
    for power in expr.atoms(sp.Pow):
        terms = len(sp.Add.make_args(power.base))
        if (
            power.exp.is_Integer
            and math.comb(abs(int(power.exp)) + terms - 1, terms - 1) > MOST_TERMS // 50
        ):
            refuse("an equality needs a power multiplied out that is too large")
    plain = expr.replace(sigmoid, lambda u: 1 / (1 + sp.exp(-u)))
    plain = plain.replace(relu, lambda u: u * step(u))
    plain = plain.replace(step, lambda u: sp.S.One if u.is_positive else step(u))
    if _differs_at_a_point(plain):
        return False
    for form in (plain, plain.rewrite(sp.exp), sp.expand(plain, power_exp=True)):
        above = sp.expand(sp.fraction(sp.together(form))[0])
        if above == 0 or sp.expand(sp.powsimp(above)) == 0:
            return True
    return bool(sp.simplify(plain) == 0)


def _differs_at_a_point(expr: sp.Expr) -> bool:
    """Whether the value is not 0 at a rational point, some smooth f for each undefined one."""
    concrete = expr.replace(
        lambda e: isinstance(e, AppliedUndef),
        lambda e: sp.sin(e.args[0] + zlib.crc32(type(e).__name__.encode()) % 97),
    ).replace(step, lambda u: (1 + sp.sign(u)) / 2)
    symbols = sorted(concrete.free_symbols, key=str)
    point = {s: sp.Rational(7 * n % 41 + 1, 43) for n, s in enumerate(symbols, 1)}
    with contextlib.suppress(ArithmeticError, TypeError, ValueError):
        return bool(abs(sp.N(concrete.xreplace(point), 30)) > sp.Float("1e-15"))
    return False


# -- sums of products ----------------------------------------------------------------------------


def constant(number: Fraction | int) -> Value:
    """A number."""
    return {((), ()): number} if number else {}


def atom(factor: sp.Expr) -> Value:
    """A quantity that is not taken apart."""
    return {((factor,), ()): 1}


def added(values: Iterable[Value], sign: int = 1) -> Value:
    """The first value plus (or minus) the others."""
    total: Value = {}
    for n, value in enumerate(values):
        for term, c in value.items():
            total[term] = total.get(term, 0) + (c if n == 0 else sign * c)
    return {term: c for term, c in total.items() if c}


def negative(value: Value) -> Value:
    """Minus the value."""
    return {term: -c for term, c in value.items()}


@lru_cache(maxsize=1 << 18)
def entry(name: str, row: sp.Basic, col: sp.Basic) -> sp.Expr:
    """An entry of a matrix."""
    return sp.IndexedBase(name)[row, col]


@lru_cache(maxsize=1 << 18)
def placed(factor: sp.Expr, old: sp.Symbol, new: sp.Basic) -> sp.Expr:
    """A factor with a letter replaced."""
    return factor.xreplace({old: new})


class Problem:
    """What the program text says, read again, and the definitions of the file checked with it."""

    def __init__(self, data: dict[str, Json]) -> None:
        self.sizes: dict[str, int] = data["sizes"]
        for name, size in self.sizes.items():
            if not 1 <= size <= MOST_SIZE:
                refuse(f"sizes: {name[:40]!r} is not from 1 to {MOST_SIZE:,}")
        lines = re.fullmatch(r"([A-Za-z]\w*) = ([^;=]+); ([A-Za-z]\w*) = ([^;=]+)", data["program"])
        if lines is None:
            refuse("program: it is not one product and a loss")
        self.product, product, self.loss, loss = (
            lines[1],
            parse(lines[2]),
            lines[3],
            parse(lines[4]),
        )
        if product[0] != "matmul":
            refuse(f"program: {self.product} is not a product of two matrices")
        self.factors = [_leaf(side) for side in product[1:]]
        nodes = list(walk(loss))
        self.functions = {n[1] for n in nodes if n[0] == "call"} - {"sum", *KNOWN}
        self.partials: dict[Any, Value] = {}
        self.scalars = {n[1] for n in nodes if n[0] == "name"} - {self.product}
        names = [self.product, self.loss, *(n for n, _ in self.factors), *self.scalars]
        self.letters: list[str] = data["letters"]
        if [len(self.letters), len(self.sizes)] != [5, 3]:
            refuse("letters, sizes: there are not five letters and three sizes")
        taken = [*names, *self.functions, *self.letters, *self.sizes]
        if len({*taken, *(f"d{name}" for name in (*names, *self.functions))}) != len(taken) + len(
            names
        ) + len(self.functions):
            refuse("program, letters, sizes: a name stands for two things")
        self.shapes: dict[str, list[str]] = data["shapes"]
        self.matrices = {name for name, shape in self.shapes.items() if shape}
        self._check_shapes(names)
        self._check_definitions(data["definitions"], loss)

    def _check_shapes(self, names: list[str]) -> None:
        shapes = self.shapes
        if set(shapes) != set(names) or any(shapes[n] for n in (self.loss, *self.scalars)):
            refuse("shapes: they are not those of the program's matrices and scalars")
        (left, right) = (
            shapes[name][::-1] if turned else shapes[name] for name, turned in self.factors
        )
        if [*map(len, (left, right))] != [2, 2] or left[1] != right[0]:
            refuse(f"shapes: {self.product} cannot be multiplied")
        self.dims = (left[0], left[1], right[1])
        if shapes[self.product] != [left[0], right[1]] or {*self.dims} != {*self.sizes}:
            refuse(f"shapes: that of {self.product} does not follow")
        self.volume = math.prod(self.sizes.values())

    def _check_definitions(self, definitions: dict[str, str], loss: Tree) -> None:
        i, j, k, *_ = self.letters
        rows, inner, cols = self.dims
        key, self.head = f"{self.product}[{i}, {j}]", None
        others = definitions.keys() - {key, self.loss}
        y = ("index", self.product, (("name", i), ("name", j)))
        bounds = [("tuple", (("name", a), ("num", 1), ("name", n)))
                  for a, n in ((k, inner), (i, rows), (j, cols))]  # fmt: skip
        factors = tuple(
            ("index", name, tuple(("name", a) for a in (place[::-1] if turned else place)))
            for place, (name, turned) in zip([(i, k), (k, j)], self.factors, strict=True)
        )
        self.definition = ("call", "Sum", (("mul", factors), bounds[0]))
        opaque = loss[0] == "call" and loss[1][0].isupper()
        self.opaque = loss[1] if opaque else None
        self.definition_of_loss = loss
        if opaque:
            if loss[2] != (("name", self.product),) or self.scalars or others:
                refuse("program: an undefined loss is a function of the product alone")
        else:
            summand = exchanged(_summand(loss), {("name", self.product): y})
            self.definition_of_loss = ("call", "Sum", (summand, *bounds[1:]))
        if set(definitions) - others != {key, self.loss} or len(others) > 1:
            refuse("definitions: they are not those of the product, the loss and perhaps one f")
        env = self.env()
        if others:
            self._check_head(others.pop(), definitions)
        plain = Evaluator(self)
        stated = {name: parse(definitions[name]) for name in (key, self.loss)}
        for name, tree in ((key, self.definition), (self.loss, self.definition_of_loss)):
            if not plain.same(plain.value(stated[name], env), plain.value(tree, env)):
                refuse(f"definitions: {name} is not what the program says")
        if not opaque and stated[self.loss][:2] != ("call", "Sum"):
            refuse(f"definitions: {self.loss} is not written as a sum")
        self.definition_of_loss = stated[self.loss]

    def _check_head(self, key: str, definitions: dict[str, str]) -> None:
        """A known f: named by the writer, so the name must be free."""
        tree = parse(key)
        if tree[0] != "call" or len(tree[2]) != 1 or tree[2][0][0] != "name":
            refuse(f"definitions: {key[:60]!r} is not a function of one variable")
        name, variable = tree[1], tree[2][0][1]
        taken = {*self.functions, *self.shapes, *KNOWN, *self.letters, *self.sizes}
        taken |= {f"d{f}" for f in self.functions}
        if {name, variable, f"d{name}"} & taken or variable in {name, f"d{name}"}:
            refuse(f"definitions: {key!r} uses a name twice")
        body = parse(definitions[key])
        plain, y = Evaluator(self), sp.Symbol(variable, real=True)
        self.scalars = self.scalars | {variable}
        slope = plain.rate(body, {}, y)
        self.head = (name, y, plain.expr(plain.value(body, {})), plain.expr(slope))
        self.functions = self.functions | {name}

    def env(self, wrt: str | None = None) -> dict[str, sp.Basic]:
        """The free letters: i, j, k of the product, p, q of the matrix that a step is about."""
        i, j, k, p, q = self.letters
        sizes = dict(zip((i, k, j), self.dims, strict=True))
        if wrt is not None:
            sizes |= zip((p, q), self.shapes[wrt], strict=True)
        return {letter: letter_of(letter, size) for letter, size in sizes.items()}


def _leaf(tree: Tree) -> tuple[str, bool]:
    """The name of a factor, and whether it is transposed."""
    if tree[0] == "T":
        name, turned = _leaf(tree[1])
        return name, not turned
    return (tree[1], False) if tree[0] == "name" else refuse("program: a factor is no matrix")


def _summand(tree: Tree) -> Tree:
    """What c·sum(…) sums up: c times the inside."""
    match tree:
        case ("call", "sum", (inside,)):
            return inside
        case ("neg", part):
            return ("neg", _summand(part))
        case ("mul", parts):
            holds = [any(n[:2] == ("call", "sum") for n in walk(part)) for part in parts]
            if sum(holds) == 1:
                return ("mul", tuple(_summand(p) if h else p
                                     for p, h in zip(parts, holds, strict=True)))  # fmt: skip
    refuse("program: the loss is not a number times sum(…) or an undefined function")


@cache
def letter_of(name: str, size: str) -> sp.Symbol:
    """An index letter that runs from 1 to a size; the size is part of its name."""
    return sp.Symbol(f"{name}:{size}")


def size_of(letter: sp.Symbol) -> str:
    """The size that an index letter runs to."""
    return letter.name.partition(":")[2]


class Evaluator:
    """What trees are worth. `unfold`: Y in terms of its factors. `written`: sums written out."""

    fresh, work = itertools.count(), 0

    def __init__(self, problem: Problem, *, unfold: bool = False, written: bool = False) -> None:
        self.problem, self.unfold, self.written = problem, unfold, written

    def spend(self, amount: int) -> None:
        """Count work, and stop at the limit."""
        Evaluator.work += amount
        if Evaluator.work > MOST_WORK:
            refuse("checking it takes more work than is allowed")

    # indices and deltas

    @staticmethod
    def place(tree: Tree, env: Mapping[str, sp.Basic]) -> sp.Basic:
        """An index: a number, or what a letter stands for."""
        if tree[0] == "num" and isinstance(tree[1], int):
            return sp.Integer(tree[1])
        if tree[0] != "name" or tree[1] not in env:
            refuse(f"{str(tree[1])[:40]!r} is not an index letter here")
        return env[tree[1]]

    def index(self, tree: Tree, env: Mapping[str, sp.Basic], size: str) -> sp.Basic:
        """An index that runs over a size: a letter of that size, or a number up to it."""
        found = self.place(tree, env)
        if found.is_Integer and not 1 <= found <= self.problem.sizes[size]:
            refuse(f"an index {str(found)[:20]} is outside of 1 … {size}")
        if found.is_Symbol and size_of(found) != size:
            refuse(f"the index {str(tree[1])[:20]} runs to {size_of(found)}, not to {size}")
        return found

    def delta(self, a: sp.Basic, b: sp.Basic) -> Value:
        """δ_ab; its indices must run over the same range."""
        for one, other in ((a, b), (b, a)):
            if one.is_Symbol and other.is_Integer:
                self.index(("num", int(other)), {}, size_of(one))
        if a.is_Symbol and b.is_Symbol and size_of(a) != size_of(b):
            refuse("a Kronecker delta of indices of two ranges")
        if a == b:
            return constant(1)
        return {} if a.is_Integer and b.is_Integer else atom(DELTA(*sorted((a, b), key=str)))

    def replaced(
        self, factors: Iterable[sp.Expr], old: sp.Symbol, new: sp.Basic
    ) -> list[sp.Expr] | None:
        """Factors with a letter replaced; None where a delta becomes 0."""
        found: list[sp.Expr] = []
        for factor in factors:
            moved = placed(factor, old, new)
            if type(moved) is DELTA and moved is not factor:
                value = self.delta(*moved.args)
                if not value:
                    return None
                found += next(iter(value))[0]
            else:
                found.append(moved)
        return found

    def bind(self, value: Value, *letters: sp.Symbol) -> Value:
        """Σ over letters, each delta that holds a bound letter contracted."""
        total: Value = {}
        bound = [(letter, size_of(letter)) for letter in letters]
        for (factors, bounds), c in value.items():
            left = dict((*bounds, *bound))
            deltas = dict.fromkeys(f for f in factors if type(f) is DELTA)  # each counts once
            now: list[sp.Expr] | None = [*deltas, *(f for f in factors if type(f) is not DELTA)]
            while now is not None:
                pairs = ((f, *ab) for f in now if type(f) is DELTA for ab in (f.args, f.args[::-1]))
                found = next((pair for pair in pairs if pair[1] in left), None)
                if found is None:
                    term = (tuple(sorted(now, key=hash)), tuple(left.items()))
                    total[term] = total.get(term, 0) + c
                    break
                spent, old, new = found
                del left[old]
                now = self.replaced((f for f in now if f is not spent), old, new)
        self.spend(len(value))
        return total

    # arithmetic

    def times(self, values: Iterable[Value]) -> Value:
        """The product, multiplied out."""
        total = constant(1)
        for value in values:
            longest = max((len(factors) for factors, _ in (*total, *value)), default=0)
            self.spend(len(total) * len(value) * (1 + longest**2 // 4))
            if len(total) * len(value) > MOST_TERMS:
                refuse(f"a product of sums of more than {MOST_TERMS:,} terms")
            found: Value = {}
            for (f, b), c in total.items():
                for (g, d), e in value.items():
                    clash = b and d and {s for s, _ in b} & {s for s, _ in d}
                    h, bound = self.relettered(g, d) if clash else (g, d)
                    term = (tuple(sorted(f + h, key=hash)), b + bound)
                    found[term] = found.get(term, 0) + c * e
            total = found
        return {term: c for term, c in total.items() if c}

    def relettered(self, factors: tuple[sp.Expr, ...], bounds: Json) -> Term:
        """The same term with fresh summation letters."""
        new = [self.letters(size)[0] for _, size in bounds]
        for (old, _), letter in zip(bounds, new, strict=True):
            factors = tuple(placed(f, old, letter) for f in factors)
        return factors, tuple((s, size_of(s)) for s in new)

    def power(self, base: Callable[[], Value], exponent: sp.Expr) -> Value:
        """A power; one that is short is multiplied out."""
        if exponent.is_Integer and 1 <= exponent <= SHORT:
            return self.times(base() for _ in range(int(exponent)))
        below = self.expr(base())
        if below.is_Rational and exponent.is_Number:
            bits = max(abs(below.p).bit_length(), below.q.bit_length())
            if bits * abs(exponent) > MOST_BITS:
                refuse(f"a number of more than {MOST_BITS} bits")
        if exponent.is_Number and (abs(exponent) > MOST_EXPONENT or (below == 0 and exponent < 0)):
            refuse(f"a division by zero, or an exponent over {MOST_EXPONENT}")
        return self.from_expr(below**exponent)

    def expr(self, value: Value) -> sp.Expr:
        """The value as one SymPy expression; a sum that is left becomes a function of its term."""
        terms = []
        for (factors, bounds), c in (
            self.spread(value) if self.written else self.canonical(value)
        ).items():
            product = sp.Mul(sp.Rational(c.numerator, c.denominator), *factors)
            names = [part for s, size in bounds for part in (s, sp.Symbol(size))]
            terms.append(INNER(product, *names) if bounds else product)
        return sp.Add(*terms)

    def from_expr(self, expr: sp.Expr) -> Value:
        """A SymPy expression as a sum of products."""
        if expr.has(sp.nan, sp.zoo, sp.oo, sp.I):
            refuse("an expression has no finite real value")
        if expr.is_Rational:
            return constant(int(expr.p) if expr.q == 1 else Fraction(int(expr.p), int(expr.q)))
        if expr.is_Add:
            return added(map(self.from_expr, expr.args))
        if expr.is_Mul:
            return self.times(map(self.from_expr, expr.args))
        if expr.is_Pow and expr.exp.is_Integer and 1 < expr.exp <= SHORT:
            return self.times([self.from_expr(expr.base)] * int(expr.exp))
        return atom(expr)

    # values and derivatives of trees

    def value(self, tree: Tree, env: Mapping[str, sp.Basic]) -> Value:
        """What a tree is worth, its free letters standing for what env says."""
        self.spend(1)
        problem = self.problem
        match tree:
            case ("num", number):
                return constant(number)
            case ("name", name) if name == problem.loss:
                return self.value(problem.definition_of_loss, problem.env())
            case ("name", name) if name in problem.scalars:
                return atom(sp.Symbol(name, real=True))
            case ("neg", part):
                return negative(self.value(part, env))
            case ("add", parts):
                return added(self.value(part, env) for part in parts)
            case ("mul", parts):
                return self.times(self.value(part, env) for part in parts)
            case ("pow", base, exponent):
                return self.power(
                    lambda: self.value(base, env), self.expr(self.value(exponent, env))
                )
            case ("index", name, (row, col)) if name in problem.matrices:
                a, b = map(self.index, (row, col), (env, env), problem.shapes[name])
                if self.unfold and name == problem.product:
                    return self.value(problem.definition, self.at(a, b))
                return atom(entry(name, a, b))
            case ("call", "Sum", (body, *bounds)) if bounds:
                inside, letters = self.summation(env, bounds)
                return self.bind(self.value(body, inside), *letters)
            case ("call", "Partial", (of, wrt)):
                return self.partial(of, wrt, env)
            case ("call", "KroneckerDelta", (a, b)):
                return self.delta(self.place(a, env), self.place(b, env))
            case ("call", name, (("name", arg),)) if (
                name == problem.opaque and arg == problem.product
            ):
                return atom(function(name)(sp.Symbol(arg)))
            case ("call", name, (arg,)):
                return self.from_expr(self.named(name)(self.expr(self.value(arg, env))))
        refuse(f"{str(tree[1])[:40]!r} is not known here")

    def rate(self, tree: Tree, env: Mapping[str, sp.Basic], wrt: sp.Expr) -> Value:
        """∂tree/∂wrt: wrt is kept, everything else is unfolded down to it."""
        self.spend(1)
        problem = self.problem
        of_entry = wrt.base.name if isinstance(wrt, sp.Indexed) else None
        match tree:
            case ("num", _):
                return {}
            case ("name", name) if name == problem.loss:
                return self.rate(problem.definition_of_loss, problem.env(), wrt)
            case ("name", name) if name in problem.scalars:
                return constant(int(wrt == sp.Symbol(name, real=True)))
            case ("neg", part):
                return negative(self.rate(part, env, wrt))
            case ("add", parts):
                return added(self.rate(part, env, wrt) for part in parts)
            case ("mul", parts):
                return added(
                    self.times((rate, *(self.value(p, env) for m, p in enumerate(parts) if m != n)))
                    for n, part in enumerate(parts) if (rate := self.rate(part, env, wrt))
                )  # fmt: skip
            case ("pow", base, exponent):
                e = self.expr(self.value(exponent, env))
                outer = self.power(lambda: self.value(base, env), e - 1)
                found = [self.times((self.from_expr(e), outer, self.rate(base, env, wrt)))]
                if moving := self.rate(exponent, env, wrt):
                    log = self.from_expr(sp.log(self.expr(self.value(base, env))))
                    found.append(self.times((self.value(tree, env), log, moving)))
                return added(found)
            case ("index", name, (row, col)) if name in problem.matrices:
                a, b = map(self.index, (row, col), (env, env), problem.shapes[name])
                if name == of_entry:
                    return self.times(map(self.delta, (a, b), wrt.indices))
                if name != problem.product or wrt.is_Symbol:
                    return {}
                if of_entry is not None:
                    return self.rate(problem.definition, self.at(a, b), wrt)
            case ("call", "Sum", (body, *bounds)) if bounds:
                inside, letters = self.summation(env, bounds)
                return self.bind(self.rate(body, inside, wrt), *letters)
            case ("call", name, (_,)):
                return self.rate_of_call(tree, env, wrt)
        refuse(f"the partial derivative of {str(tree[1])[:40]!r} by {wrt} is not known")

    def rate_of_call(self, tree: Tree, env: Mapping[str, sp.Basic], wrt: sp.Expr) -> Value:
        """∂f(u)/∂wrt, by f(u) itself, or by the chain rule."""
        problem, (_, name, (arg,)) = self.problem, tree
        if name == problem.opaque and arg == ("name", problem.product):
            if isinstance(wrt, sp.Indexed) and wrt.base.name == problem.product:
                return atom(PARTIAL(sp.Symbol(problem.loss), wrt))
            row, col = self.letters(*problem.shapes[problem.product])
            outer = self.rate_of_call(tree, env, entry(problem.product, row, col))
            inner = self.rate(problem.definition, self.at(row, col), wrt)
            return self.bind(self.times((outer, inner)), row, col)
        if isinstance(wrt, AppliedUndef):
            u = self.quantity(tree, env)
            if type(u) is not type(wrt):
                refuse(f"{name[:40]} is differentiated by {wrt}")
            return self.times(map(self.delta, u.args[0].indices, wrt.args[0].indices))
        inner = self.rate(arg, env, wrt)
        if not inner:
            return {}
        return self.times((self.outer(name, self.expr(self.value(arg, env))), inner))

    def partial(self, of: Tree, wrt: Tree, env: Mapping[str, sp.Basic]) -> Value:
        """∂of/∂wrt; worked out once for all indices, where `of` holds no sum."""
        if any(
            node[0] in ("add", "mul", "pow") or node[:2] == ("call", "Sum") for node in walk(of)
        ):
            return self.rate(of, env, self.quantity(wrt, env))
        letters, places = [], []

        def hole(tree: Json) -> Json:
            if not isinstance(tree, tuple):
                return tree
            if tree[0] != "index" or tree[1] not in self.problem.matrices:
                return tuple(map(hole, tree))
            shape = self.problem.shapes[tree[1]]
            row, col = tree[2]
            places.extend(map(self.index, (row, col), (env, env), shape))
            letters.extend(
                [letter_of(f"#{len(letters) + n}", size) for n, size in enumerate(shape)]
            )
            return (*tree[:2], tuple(("name", s.name) for s in letters[-2:]))

        general = (hole(of), hole(wrt))
        known, key = self.problem.partials, (general, self.unfold, self.written)
        if key not in known:
            inside = {s.name: s for s in letters}
            known[key] = self.rate(general[0], inside, self.quantity(general[1], inside))
        return self.placed(known[key], letters, places)

    def placed(self, value: Value, letters: list[sp.Symbol], places: list[sp.Basic]) -> Value:
        """A value with its free letters replaced."""
        total: Value = {}
        for (factors, bounds), c in value.items():
            now: list[sp.Expr] | None = list(factors)
            for letter, place in zip(letters, places, strict=True):
                now = now if now is None else self.replaced(now, letter, place)
            if now is not None:
                term = (tuple(sorted(now, key=hash)), bounds)
                total[term] = total.get(term, 0) + c
        self.spend(len(value))
        return total

    def outer(self, name: str, at: sp.Expr) -> Value:
        """f′ at a value."""
        if name in KNOWN:
            t = sp.Dummy(real=True)
            return self.from_expr(KNOWN[name](t).diff(t).xreplace({t: at}))
        self.named(name)
        return self.from_expr(function(f"d{name}")(at))

    def named(self, name: str) -> Callable[[sp.Expr], sp.Expr]:
        """A function by its name."""
        if name in KNOWN:
            return KNOWN[name]
        functions = self.problem.functions - {self.problem.opaque}
        if name not in functions | {f"d{f}" for f in functions}:
            refuse(f"{name[:40]!r} is not a function of this certificate")
        return function(name)

    def quantity(self, tree: Tree, env: Mapping[str, sp.Basic]) -> sp.Expr:
        """What is differentiated by: an entry, f of an entry of the product, or f's variable."""
        plain, problem = Evaluator(self.problem), self.problem
        match tree:
            case ("index", _, _) | ("name", _) if tree[1] != problem.loss:
                ((((found,), _), _),) = plain.value(tree, env).items()
                return found
            case ("call", name, (("index", problem.product, _) as y,)) if (
                name in problem.functions - {problem.opaque}
            ):
                return function(name)(self.quantity(y, env))
        refuse(f"nothing is differentiated by {str(tree[1])[:40]!r}")

    def letters(self, *sizes: str) -> list[sp.Symbol]:
        """Fresh letters that run to the sizes."""
        return [letter_of(f"_{next(self.fresh)}", size) for size in sizes]

    def at(self, row: sp.Basic, col: sp.Basic) -> dict[str, sp.Basic]:
        """The letters i and j of the definition of the product, placed."""
        return dict(zip(self.problem.letters[:2], (row, col), strict=True))

    def summation(
        self, env: Mapping[str, sp.Basic], bounds: Iterable[Tree]
    ) -> tuple[dict[str, sp.Basic], list[sp.Symbol]]:
        """The letters of a Sum, each given a fresh symbol."""
        inside, letters = dict(env), []
        for bound in bounds:
            match bound:
                case ("tuple", (("name", name), ("num", 1), ("name", size))) if (
                    name in self.problem.letters and size in self.problem.sizes
                ):
                    letters += self.letters(size)
                    inside[name] = letters[-1]
                case _:
                    refuse("a Sum does not run over an index letter from 1 to a size")
        return inside, letters

    # comparing

    def canonical(self, value: Value) -> Value:
        """Summation letters renamed, in the one way that makes equal terms identical."""
        total: Value = {}
        for (factors, bounds), c in value.items():
            term = self.renamed(factors, bounds) if bounds else (factors, bounds)
            total[term] = total.get(term, 0) + c
        return {term: c for term, c in total.items() if c}

    def renamed(
        self, factors: tuple[sp.Expr, ...], bounds: tuple[tuple[sp.Symbol, str], ...]
    ) -> Term:
        """One term with its summation letters named by their order; inner sums have other names."""
        if len(bounds) > SHORT:
            refuse(f"a term runs over more than {SHORT} letters")
        used = (s.name for f in factors if f.has(INNER) for s in f.atoms(sp.Symbol))
        level = 1 + max((int(n[1:].partition(".")[0]) for n in used if n[0] == "*"), default=0)
        best = None
        for order in itertools.permutations(sorted(bounds, key=lambda b: b[1])):
            if [b[1] for b in order] != sorted(b[1] for b in order):
                continue
            now = [(s, letter_of(f"*{level}.{n}", size)) for n, (s, size) in enumerate(order)]
            moved = factors
            for old, new in now:
                moved = tuple(placed(f, old, new) for f in moved)
            moved = tuple(sorted(moved, key=hash))
            if best is None or [*map(hash, moved)] < [*map(hash, best[0])]:
                best = (moved, tuple((new, size_of(new)) for _, new in now))
        assert best is not None
        return best

    def spread(self, value: Value) -> Value:
        """All sums written out at the sizes of the file."""
        total: Value = {}
        for (factors, bounds), c in value.items():
            ranges = [range(1, self.problem.sizes[size] + 1) for _, size in bounds]
            self.spend(math.prod(map(len, ranges)))
            for numbers in itertools.product(*ranges):
                places = list(map(sp.Integer, numbers))
                one = self.placed({(factors, ()): c}, [letter for letter, _ in bounds], places)
                for term, number in one.items():
                    total[term] = total.get(term, 0) + number
        return {term: c for term, c in total.items() if c}

    def same(self, left: Value, right: Value, *, exactly: bool = False) -> bool:
        """Whether two values agree term by term, or else as real functions."""
        normal = self.spread if self.written else self.canonical
        rest = added((normal(left), normal(right)), -1)
        if not rest or exactly:
            return not rest
        groups: dict[Any, Value] = {}
        for (factors, bounds), c in rest.items():
            groups.setdefault(bounds, {})[factors, ()] = c
        return all(vanishes(self.concrete(self.expr(group))) for group in groups.values())

    def concrete(self, expr: sp.Expr) -> sp.Expr:
        """A known f and f′ written out, and plain symbols for entries and for what is left."""
        if self.problem.head is not None:
            name, y, *bodies = self.problem.head
            for called, body in zip((name, f"d{name}"), bodies, strict=True):
                expr = expr.replace(function(called), lambda u, body=body: body.xreplace({y: u}))
        for kind in (INNER, PARTIAL, DELTA, sp.Indexed):
            found = sorted(expr.atoms(kind), key=str)
            expr = expr.xreplace(
                {a: sp.Symbol(f"{kind.__name__} {n}", real=True) for n, a in enumerate(found)}
            )
        return expr

    # matrix formulas

    def shape(self, tree: Tree) -> list[str]:
        """The sizes of a matrix formula."""
        problem = self.problem
        match tree:
            case ("name", name) if name in problem.matrices:
                return problem.shapes[name]
            case ("name", name) if name[0] == "d" and name[1:] in problem.matrices:
                return problem.shapes[name[1:]]
            case ("T", part):
                return self.shape(part)[::-1]
            case ("matmul", left, right):
                (rows, one), (other, cols) = self.shape(left), self.shape(right)
                return [rows, cols] if one == other else refuse("a product of sizes that differ")
        refuse(f"{str(tree[1])[:40]!r} is not a matrix")

    def formula(self, tree: Tree, row: sp.Basic, col: sp.Basic) -> Value:
        """The entry of a matrix formula; dX is the matrix of all ∂L/∂x."""
        match tree:
            case ("name", name):
                plain = name in self.problem.shapes
                x: Tree = ("index", name if plain else name[1:], (("name", "#r"), ("name", "#c")))
                loss = ("name", self.problem.loss)
                return self.value(
                    x if plain else ("call", "Partial", (loss, x)), {"#r": row, "#c": col}
                )
            case ("T", part):
                return self.formula(part, col, row)
            case _:
                (letter,) = self.letters(self.shape(tree[1])[1])
                both = (self.formula(tree[1], row, letter), self.formula(tree[2], letter, col))
                return self.bind(self.times(both), letter)


# -- the certificate -----------------------------------------------------------------------------

Form = Any  # a type; a value; [of each]; {str: of each}; {name: of its field}; (one of several)
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
VERDICT: Form = {"status": "equal", "for_all_sizes": bool, "entries": int}
LINK: Form = {"left": SIDE, "right": SIDE, "reason": str, "verdict": VERDICT}
CERTIFICATE: Form = {
    "format": "matderiv certificate",
    "version": 1,
    "program": str,
    "sizes": {str: int},
    "shapes": {str: [str]},
    "letters": [str],
    "definitions": {str: str},
    "wrt": [str],
    "gradients": {str: str},
    "steps": [
        {"kind": str, "wrt": (str, None), "chains": [{"kind": str, "links": [LINK]}]},
    ],
    "proof": {"equalities": int, "for_all_sizes": int, "compared": int, "entries": int},
    "sha256": str,
}
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


def misfit(data: Json, form: Form, path: str = "") -> str | None:
    """Where data first differs from its form."""
    parts: Iterable[tuple[Any, Form, str]]
    match form:
        case type():
            return None if type(data) is form else path
        case tuple():
            return path if all(misfit(data, one) is not None for one in form) else None
        case list() if isinstance(data, list):
            parts = ((part, form[0], f"{path}[{n}]") for n, part in enumerate(data))
        case dict() if isinstance(data, dict) and (str in form or data.keys() == form.keys()):
            parts = ((part, form.get(str, form.get(k)), f"{path}.{k}") for k, part in data.items())
        case _:
            return None if type(data) is type(form) and data == form else path
    return next((found for part in parts if (found := misfit(*part)) is not None), None)


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

    def __init__(self, problem: Problem, links: list[Json], wrt: str | None) -> None:
        self.problem, self.reasons = problem, [link["reason"] for link in links]
        for one, other in itertools.pairwise(links):
            if one["right"] != other["left"]:
                refuse(f"after {one['reason']!r} it does not go on with the side before")
        sides = [links[0]["left"], *(link["right"] for link in links)]
        self.sides = [Side(problem, side, wrt) for side in sides]
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
            stated = link["verdict"]
            if (stated["for_all_sizes"], stated["entries"]) != (general, count):
                found = f"{count} entries and {'all' if general else 'not all'} sizes"
                refuse(f"{link['reason']!r}: the verdict should say {found}")

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
    """Check a certificate; the answer is a line that says what was confirmed.

    Raises:
        RefusedError: at the first thing that is wrong.
    """
    Evaluator.work = 0
    if (path := misfit(data, CERTIFICATE)) is not None:
        refuse(f"{path.lstrip('.') or 'certificate'}: not of the form of a certificate, version 1")
    if data["sha256"] != digest({k: v for k, v in data.items() if k != "sha256"}):
        refuse("sha256: the digest is not that of the content")
    problem = Problem(data)
    wrt, gradients, steps = data["wrt"], data["gradients"], data["steps"]
    if not wrt or len({*wrt}) != len(wrt) or not {*wrt} <= {n for n, _ in problem.factors}:
        refuse("wrt: it is not a list of factors of the product")
    expected = [("given", None), ("upstream", None)]
    expected += [(kind, name) for name in wrt for kind in ("entries", "matrix")]
    expected += [("conclusion", None), *(("index", name) for name in wrt)]
    if [(step["kind"], step["wrt"]) for step in steps] != expected:
        refuse(f"steps: they are not those of a derivation by {', '.join(wrt)}")
    verdicts: list[tuple[bool, int]] = []
    for step in steps:
        where = f"step {step['kind']}" + (f" {step['wrt']}" if step["wrt"] else "")
        reasons = [", ".join(link["reason"] for link in c["links"]) for c in step["chains"]]
        words = [f"{c['kind']}: {r}" for c, r in zip(step["chains"], reasons, strict=True)]
        if not re.fullmatch(STEPS[step["kind"]], "; ".join(words)):
            refuse(f"{where}: its chains and their reasons are not those of a derivation")
        for number, chain in enumerate(step["chains"], 1):
            try:
                verdicts += Chain(problem, chain["links"], step["wrt"]).verdicts
            except RefusedError as error:
                refuse(f"{where}, chain {number}: {error}")
    _check_answers(problem, data)
    general, entries = (sum(counts) for counts in zip(*verdicts, strict=True))
    if data["proof"] != {
        "equalities": len(verdicts),
        "for_all_sizes": general,
        "compared": sum(count > 0 for _, count in verdicts),
        "entries": entries,
    }:
        refuse("proof: the counts are not those of the links")
    answers = ", ".join(f"d{name} = {gradients[name]}" for name in wrt)
    return (
        f"{len(verdicts)} equalities confirmed, {general} of them for all sizes, "
        f"{entries} entries compared; {answers}"
    )


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


def digest(content: dict[str, Json]) -> str:
    """SHA-256 of the content as JSON with sorted keys and no spaces."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def load(raw: bytes) -> Json:
    """The JSON of a file; a field that is given twice is refused, as readers differ on it."""
    if len(raw) > MOST_BYTES:
        raise ValueError(f"larger than {MOST_BYTES:,} bytes")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Json]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a field is given twice")
        return dict(pairs)

    return json.loads(raw.decode(), object_pairs_hook=once)


class _OutOfTimeError(BaseException):
    """Not an Exception, so that nothing in between takes it for its own."""


def _out_of_time(*_: object) -> NoReturn:
    raise _OutOfTimeError


def main(arguments: list[str]) -> int:
    """Check the file that is named; the exit code."""
    if len(arguments) != 1 or arguments[0] in ("-h", "--help"):
        print("usage: verify_certificate.py FILE   (- for standard input)", file=sys.stderr)
        return 2
    (name,) = arguments
    if hasattr(signal, "SIGALRM"):  # besides the limits on work, which do not count SymPy's own
        signal.signal(signal.SIGALRM, _out_of_time)
        signal.alarm(SECONDS)
    code, message = 1, "not well formed"
    try:
        with sys.stdin.buffer if name == "-" else Path(name).open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        data = load(raw)
    except (OSError, ValueError, RecursionError) as error:
        code, message = 2, f"cannot be read: {error}"
    else:
        try:
            code, message = 0, check(data)
        except RefusedError as error:
            message = str(error)
        except Exception as error:  # noqa: BLE001 - what cannot be checked is not confirmed
            message = f"not well formed ({type(error).__name__})"
        except _OutOfTimeError:
            message = f"not confirmed within {SECONDS} seconds"
    line = f"{name}: {' '.join(message.split())[:500]}"
    print(line, file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
