"""SymPy as a second engine: it differentiates a program on its own, and must find our gradients.

SymPy is given the loss as one expression of the entries of all inputs, at the sizes of the page,
and differentiates it by every entry. Neither the sweep nor index notation has a part in that.
"""

from __future__ import annotations

import itertools
import math
import operator
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache, cached_property
from typing import Literal, cast

import sympy as sp

from matderiv.calculus.deciding.explicit import Explicit, SympyArray, sympy_sum
from matderiv.calculus.deciding.reduction import ZeroTest
from matderiv.errors import ProofError, TooLarge, UnsupportedError
from matderiv.expression.assumptions import ASSUMPTIONS
from matderiv.expression.known_shapes import sized_for
from matderiv.expression.nodes import Node
from matderiv.expression.program import Program
from matderiv.expression.shapes import Shape

__all__ = ["OurGradients", "SecondOpinion", "second_opinion"]

#: Entries of all values together, operations in those of one value as they are written out, and
#: different operations in the loss times derivatives of it.
_MOST_ENTRIES = 300
_MOST_WRITTEN = 60_000
_MOST_WORK = 6_000

#: Entries that are enough at the sizes of the page; with fewer, smaller sizes are taken.
_ENOUGH = 8

_DIGITS = 50
_SAME = 30  # digits by which two arguments of an undefined function are the same
_NEAR = 1e-25  # of the largest term of a difference that is 0
_POINTS = 8  # points that are tried until the program has a value at one


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """The outcome of comparing our gradients with SymPy's derivatives of the loss.

    `entries` of `count` derivatives were compared at `sizes`; `own` says whether these are the
    sizes of the page. For `exact` of them SymPy reduced the difference to 0; for the others it
    is 0 at a random point. If SymPy `cannot`, `reason` is "large" (its expressions are too
    large), "nowhere" (the program has no value at the points tried) or "unknown" (a kind of node
    that SymPy does not have).
    """

    status: Literal["agrees", "cannot"]
    reason: Literal["", "large", "nowhere", "unknown"] = ""
    sizes: tuple[tuple[str, int], ...] = ()
    own: bool = True
    count: int = 0
    entries: int = 0
    exact: int = 0


@dataclass(frozen=True, slots=True)
class OurGradients:
    """A program with our formulas of its gradients, for SymPy to check.

    `gradients`: the formula of ∂L/∂x by name x. `known`: the formulas of the other names in
    them, such as dY. `structures`: what is assumed of inputs, by name; `halves`: those by which
    the gradient is that in the space of symmetric matrices, half of what both entries together do.
    """

    program: Program
    shapes: Mapping[str, Shape]
    sizes: Mapping[str, int]
    gradients: Mapping[str, Node]
    known: Mapping[str, Node]
    structures: Mapping[str, str] = field(default_factory=dict)
    halves: frozenset[str] = frozenset()


def second_opinion(answers: OurGradients) -> SecondOpinion:
    """Compare our gradients with SymPy's own derivatives of the loss.

    Raises:
        ProofError: SymPy finds another derivative.
    """
    trials: list[dict[str, int]] = []
    for most in (None, 3, 2):
        sizes = {
            letter: size if most is None or letter.isdigit() else min(size, most)
            for letter, size in answers.sizes.items()
        }
        fitting = sized_for(answers.program, answers.shapes, sizes)
        sizes |= {dim.symbol: dim.size for shape in fitting.values() for dim in shape}
        if most is not None and sizes == trials[-1]:
            continue
        trials.append(sizes)
        try:
            return _Engine(answers, sizes).opinion()
        except TooLarge:
            continue
        except RecursionError:  # SymPy's own functions call themselves, at any size
            break
        except UnsupportedError:
            return SecondOpinion("cannot", "unknown")
        except ZeroDivisionError:
            return SecondOpinion("cannot", "nowhere")
    return SecondOpinion("cannot", "large")


class _Engine:
    """The program, our formulas and SymPy's derivatives at given sizes."""

    def __init__(self, answers: OurGradients, sizes: Mapping[str, int]) -> None:
        self.answers = answers
        self.sizes = sizes
        self._operations: dict[sp.Basic, int] = {}
        self._symbols_in: dict[sp.Basic, frozenset[sp.Basic]] = {}
        self._derivatives: dict[tuple[sp.Basic, sp.Basic], sp.Expr] = {}
        self._defined: dict[sp.Basic, sp.Expr] = {}
        entries = sum(math.prod(self.shape(name)) for name in answers.shapes)
        if entries > _MOST_ENTRIES:
            raise TooLarge("too many entries")
        self.result = answers.program.loss.name
        named = answers.program.names()
        absent = (name for name in answers.gradients if name not in named)  # their gradient is 0
        given = [*answers.program.inputs(), *absent]
        if answers.shapes[self.result]:
            given.append(f"d{self.result}")
        self.symbols = {name: self._symbols(name) for name in given}
        self.names = Explicit(
            self.symbols, self.definitions, sizes, answers.program.functions(), check=self._check
        )

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a name at the sizes."""
        of = name if name in self.answers.shapes else name[1:]
        return tuple(self.sizes[dim.symbol] for dim in self.answers.shapes[of])

    def _symbols(self, name: str) -> SympyArray:
        """A real symbol for each independent entry of an array."""
        shape, structure = self.shape(name), self.answers.structures.get(name)
        made = []
        for at in itertools.product(*map(range, shape)):
            known = None if structure is None else ASSUMPTIONS[structure]
            parts = () if known is None else known.parts
            off = "diagonal" in parts and at[0] != at[1]
            if off or ("lower" in parts and at[0] < at[1]):
                made.append(sp.S.Zero)
                continue
            own = sorted(at) if known is not None and known.symmetric else at
            written = ",".join(str(i + 1) for i in own)
            sign = {"positive": True} if "positive" in parts else {"real": True}
            made.append(cast("sp.Expr", sp.Symbol(f"{name}[{written}]", **sign)))
        return SympyArray(shape, tuple(made))

    @property
    def definitions(self) -> dict[str, tuple[Node, tuple[int, ...]]]:
        """The formula and shape of every name that the program assigns or our formulas use."""
        assigned = {a.name: a.value for a in self.answers.program.assignments}
        all_of_them = {**self.answers.known, **assigned}
        return {name: (value, self.shape(name)) for name, value in all_of_them.items()}

    @cached_property
    def reduction(self) -> ZeroTest:
        """The exact test for 0, made when the first difference needs it."""
        return ZeroTest()

    # -- the derivatives -----------------------------------------------------------------------

    def opinion(self) -> SecondOpinion:
        """Compares as many entries as can be afforded.

        Raises:
            TooLarge: too few of them can be, at these sizes.
            ProofError: an entry differs.
        """
        loss = self._scalar()
        _has_value(loss)
        places = [
            (name, at)
            for name in self.answers.gradients
            for at in itertools.product(*map(range, self.shape(name)))
        ]
        self.operations(loss)  # a program may be no more than a name
        most = _MOST_WORK // len(self._operations)
        if most < min(_ENOUGH, len(places)):
            raise TooLarge("too many operations")
        chosen = _spread(places, most)
        ours = {
            name: self.names.of(formula).spread(self.shape(name))
            for name, formula in self.answers.gradients.items()
        }
        kinks = loss.has(sp.Abs, sp.Max, sp.sign, sp.Heaviside)
        exact, doubtful = 0, []
        for name, at in chosen:
            symbol = self.symbols[name].at(at)
            theirs, own = self.derivative(loss, symbol), ours[name].at(at)
            if name in self.answers.halves and at[0] != at[1]:
                theirs /= 2
            if theirs == own:
                exact += 1
                continue
            difference = cast("sp.Expr", sympy_sum((theirs, -own)).xreplace(self.tied))
            if kinks:
                difference = self._wherever_defined(difference)
            if self.reduction.is_zero(difference):
                exact += 1
            else:
                doubtful.append((name, at, difference))
        agreeing = self._at_points(doubtful) if doubtful else 0
        if exact + agreeing == 0:
            return SecondOpinion("cannot", "nowhere")
        return SecondOpinion(
            "agrees",
            sizes=tuple(self.sizes.items()),
            own=self.sizes == self.answers.sizes,
            count=len(places),
            entries=exact + agreeing,
            exact=exact,
        )

    def _scalar(self) -> sp.Expr:
        """The result, or Σ dy_ij·y_ij of an array Y."""
        found, upstream = self.names.name(self.result), self.symbols.get(f"d{self.result}")
        if upstream is None:
            return found.entries[0]
        return sympy_sum(map(operator.mul, upstream.entries, found.entries))

    @cached_property
    def tied(self) -> dict[sp.Expr, sp.Expr]:
        """The last entry of each row that sums to 1, by the others of its row.

        Derivatives are taken before that, by entries as if each were free.
        """
        found: dict[sp.Expr, sp.Expr] = {}
        for name, what in self.answers.structures.items():
            array = self.symbols.get(name)
            if array is None or not ASSUMPTIONS[what].rows:
                continue
            length = array.shape[-1]
            for start in range(0, len(array.entries), length):
                *before, last = array.entries[start : start + length]
                found[last] = sympy_sum((sp.S.One, *(-entry for entry in before)))
        return found

    def derivative(self, expr: sp.Expr, symbol: sp.Expr) -> sp.Expr:
        """The derivative by a symbol: SymPy's of each operation, and the chain rule.

        `expr.diff(symbol)` is the same; it searches the whole of each intermediate result, and
        takes ten times as long for the loss of a small network.
        """
        if expr == symbol:
            return sp.S.One
        if symbol not in self._free(expr):
            return sp.S.Zero
        known = self._derivatives.get((expr, symbol))
        if known is None:
            moving = tuple(n for n, arg in enumerate(expr.args) if symbol in self._free(arg))
            inner = [self.derivative(cast("sp.Expr", expr.args[n]), symbol) for n in moving]
            known = sympy_sum(map(operator.mul, _partials(expr, moving), inner))
            self._derivatives[expr, symbol] = known
        return known

    def _wherever_defined(self, expr: sp.Basic) -> sp.Expr:
        """The expression away from kinks: sign(u) is u/|u|, H(u) is (1 + u/|u|)/2.

        Parts that are 0 except at kinks are left out. Parts that occur again are worked out once.
        """
        known = self._defined.get(expr)
        if known is None:
            args = tuple(map(self._wherever_defined, expr.args))
            known = _away_from_kinks(expr, args)
            self._defined[expr] = known
        return known

    def _free(self, expr: sp.Basic) -> frozenset[sp.Basic]:
        """The symbols in an expression."""
        known = self._symbols_in.get(expr)
        if known is None:
            if expr.is_Symbol:
                known = frozenset({expr})
            else:
                known = frozenset[sp.Basic]().union(*map(self._free, expr.args))
            self._symbols_in[expr] = known
        return known

    # -- what it costs -------------------------------------------------------------------------

    def operations(self, expr: sp.Basic) -> int:
        """Nodes of the tree of an expression, shared parts counted as often as they occur."""
        known = self._operations.get(expr)
        if known is None:
            known = 1 + sum(map(self.operations, expr.args))
            self._operations[expr] = known
        return known

    def _check(self, array: SympyArray) -> SympyArray:
        if len(array.entries) > _MOST_ENTRIES:
            raise TooLarge("too many entries")
        if sum(map(self.operations, array.entries)) > _MOST_WRITTEN:
            raise TooLarge("too many operations")
        return array

    # -- at numbers ----------------------------------------------------------------------------

    def _at_points(self, doubtful: Sequence[tuple[str, tuple[int, ...], sp.Expr]]) -> int:
        """How many differences are 0 at a point where the program has a value; 0 for no point.

        Raises:
            ProofError: one of them is not.
        """
        differences = [difference for _, _, difference in doubtful]
        parts = [part for difference in differences for part in difference.args]
        values = [self.names.name(a.name).entries for a in self.answers.program.assignments]
        everything = [*itertools.chain(*values), *differences, *parts]
        for seed in range(_POINTS):
            point = self._point(seed, _DIGITS)
            if point.has(everything):
                break
        else:
            return 0
        sharper = self._point(seed, 2 * _DIGITS)
        for name, at, difference in doubtful:
            value = point.of(difference)
            scale = max((abs(point.of(part)) for part in difference.args), default=sp.S.One)
            if value == 0 or (not value.is_Rational and abs(value) < _NEAR * scale):
                continue
            if not sharper.has(everything):  # only rounding gave values
                return 0
            if abs(sharper.of(difference)) < abs(value) / 2:  # it is 0 but for rounding
                continue
            entry = f"{name}[{', '.join(str(i + 1) for i in at)}]" if at else name
            raise ProofError(
                f"SymPy's own derivative by {entry} is not the entry of the formula: they differ "
                f"by {float(value):.6g} at a random point."
            )
        return len(doubtful)

    def _point(self, seed: int, digits: int) -> _Point:
        return _Point(self.symbols, self.answers.structures, seed, digits)


class _Point:
    """Random rational numbers for all entries, and for each value of an undefined function.

    What is assumed of an array holds of its numbers.
    """

    def __init__(
        self,
        symbols: Mapping[str, SympyArray],
        structures: Mapping[str, str],
        seed: int,
        digits: int,
    ) -> None:
        chance = random.Random(seed)
        self._seed = seed
        self._digits = digits
        self._found: dict[sp.Basic, sp.Number] = {}
        for name, array in symbols.items():
            drawn: dict[sp.Basic, Fraction] = {}
            for symbol in array.entries:
                sign = chance.choice((-1, 1)) if seed < _POINTS // 2 else 1
                drawn.setdefault(symbol, Fraction(sign * chance.randint(2, 40), 21))
            what = structures.get(name)
            if what not in (None, "symmetric", "diagonal", "lower"):
                from matderiv.expression.structured import numbers_made  # loads NumPy

                numbers = [drawn[entry] for entry in array.entries]
                made = numbers_made(numbers, array.shape, str(what))
                drawn = dict(zip(array.entries, made, strict=True))
            self._found |= {k: _rational(v.numerator, v.denominator) for k, v in drawn.items()}
        self._found[sp.S.Zero] = sp.S.Zero  # an entry that a structure makes 0

    def has(self, expressions: Iterable[sp.Basic]) -> bool:
        """Whether all expressions have a value."""
        try:
            for expr in expressions:
                self.of(expr)
        except (ArithmeticError, ValueError):
            return False
        return True

    def of(self, expr: sp.Basic) -> sp.Number:
        """The value of an expression: exact if it is rational, else to many digits.

        Raises:
            ArithmeticError: it has none that is real, or a part of it has none.
        """
        if expr not in self._found:
            self._found[expr] = self._value(expr)
        return self._found[expr]

    def _value(self, expr: sp.Basic) -> sp.Number:
        args = [self.of(arg) for arg in expr.args]
        undefined = getattr(expr.func, "undefined", None)
        if undefined is not None:
            at = ",".join(str(sp.Float(arg, _SAME)) for arg in args)
            chance = random.Random(f"{self._seed}:{undefined}:{at}")
            return _rational(chance.randint(1, 10**6), 10**5 + 3)
        value = expr.func(*args) if args else expr
        if not isinstance(value, sp.Rational):
            value = cast("sp.Expr", value).evalf(self._digits)
        if not isinstance(value, sp.Number) or not value.is_finite:
            raise ArithmeticError
        return value


def _partials(expr: sp.Expr, moving: tuple[int, ...]) -> list[sp.Expr]:
    """SymPy's derivatives of one operation by its operands at some places."""
    if isinstance(expr, sp.Add):
        return [sp.S.One] * len(moving)
    numbers = tuple(arg if arg.is_number else None for arg in expr.args)
    letters = _letters(len(numbers))
    values = dict(zip(letters, expr.args, strict=True))
    return [cast("sp.Expr", one.xreplace(values)) for one in _rates(expr.func, numbers, moving)]


@cache
def _rates(
    operation: Callable[..., sp.Expr], numbers: tuple[sp.Basic | None, ...], by: tuple[int, ...]
) -> tuple[sp.Expr, ...]:
    """SymPy's derivatives of one operation, with a letter for each operand that is no number."""
    letters = _letters(len(numbers))
    pairs = zip(letters, numbers, strict=True)
    value = operation(*(letter if number is None else number for letter, number in pairs))
    return tuple(cast("sp.Expr", value.diff(letters[place])) for place in by)


@cache
def _letters(count: int) -> tuple[sp.Expr, ...]:
    return tuple(cast("sp.Expr", sp.Dummy(real=True)) for _ in range(count))


def _spread(
    places: list[tuple[str, tuple[int, ...]]], most: int
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """A number of places at equal distances, the first and the last place among them."""
    count = min(most, len(places))
    steps = max(1, count - 1)
    return (places[n * (len(places) - 1) // steps] for n in range(count))


def _has_value(expr: sp.Expr) -> None:
    if expr.has(sp.nan, sp.zoo, sp.oo, -sp.oo):
        raise ZeroDivisionError


def _rational(above: int, below: int) -> sp.Rational:
    """The number above/below; SymPy's hints allow for a divisor 0."""
    return cast("sp.Rational", sp.Rational(above, below))


def _away_from_kinks(expr: sp.Basic, args: tuple[sp.Expr, ...]) -> sp.Expr:
    """An operation of operands that have no kinks."""
    if isinstance(expr, sp.DiracDelta):
        return sp.S.Zero
    if isinstance(expr, (sp.Heaviside, sp.sign)):
        sign = args[0] / sp.Abs(args[0])
        return sign if isinstance(expr, sp.sign) else sp.S.Half + sign / 2
    return cast("sp.Expr", expr if args == expr.args else expr.func(*args))
