"""One product and its loss: the program read again, and exact values of its index notation."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from certificates.frame import Json, refuse
from certificates.functions import (
    DELTA,
    INNER,
    KNOWN,
    MOST_TERMS,
    PARTIAL,
    function,
    vanishes,
)
from certificates.reading import Tree, exchanged, parse, walk

MOST_SIZE, MOST_EXPONENT, MOST_BITS = 10**9, 2000, 8192
MOST_WORK = 10_000_000  # in all
SHORT = 8  # powers up to it are multiplied out
WRITTEN_OUT = 5_000  # products up to which the writer writes out

Term = tuple[tuple[sp.Expr, ...], tuple[tuple[sp.Symbol, str], ...]]  # factors; letters, sizes
Value = dict[Term, int | Fraction]  # a sum of products, each perhaps under summation signs


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
