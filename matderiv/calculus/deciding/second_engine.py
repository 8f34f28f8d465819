"""SymPy as a second engine: it differentiates a program on its own, and must find our gradients.

SymPy is given the loss as one expression of the entries of all inputs, at the sizes of the page,
and differentiates it by every entry. Neither the sweep nor index notation has a part in that.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

import sympy as sp

from matderiv.calculus.deciding.explicit import Array, Explicit
from matderiv.calculus.index_forms.forms import TooLarge
from matderiv.errors import ProofError, UnsupportedError
from matderiv.expression.nodes import Node
from matderiv.expression.program import Program
from matderiv.expression.shapes import Shape

__all__ = ["Answers", "SecondOpinion", "second_opinion"]

#: Entries of all values together, and operations in them and in all derivatives of the loss.
_MOST_ENTRIES = 300
_MOST_OPERATIONS = 12_000

#: Entries that are enough at the sizes of the page; with fewer, smaller sizes are taken.
_ENOUGH = 8

#: Operations of a difference that is multiplied out, and of one that is put over one denominator.
_MOST_EXPANDED, _MOST_TOGETHER = 300, 150

_DIGITS = 50
_NEAR = sp.Rational(1, 10**25)
_POINTS = 8  # points that are tried until the program has a value at one


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """What SymPy says of the gradients.

    `entries` of `count` derivatives were compared, at the `sizes`, which are those of the page
    if `own`. The differences of `exact` of them were reduced to 0; the others are 0 at a random
    point. If SymPy `cannot`, the reason is that its expressions are too "large", that the program
    has no value at the points that were tried ("nowhere"), or a kind of node ("unknown").
    """

    status: Literal["agrees", "cannot"]
    reason: Literal["", "large", "nowhere", "unknown"] = ""
    sizes: tuple[tuple[str, int], ...] = ()
    own: bool = True
    count: int = 0
    entries: int = 0
    exact: int = 0


@dataclass(frozen=True, slots=True)
class Answers:
    """What is to be compared: a program and our formulas of its gradients.

    `gradients` are by name the formula that is told; `known` are what the other names in them,
    dY among them, stand for. `structures` are those that inputs are declared to have.
    """

    program: Program
    shapes: Mapping[str, Shape]
    sizes: Mapping[str, int]
    gradients: Mapping[str, Node]
    known: Mapping[str, Node]
    structures: Mapping[str, str] = field(default_factory=dict)


def second_opinion(answers: Answers) -> SecondOpinion:
    """What SymPy's own derivatives of the loss say of our gradients.

    Raises:
        ProofError: SymPy finds another derivative.
    """
    trials = []
    for most in (None, 3, 2):
        sizes = {
            letter: size if most is None or letter.isdigit() else min(size, most)
            for letter, size in answers.sizes.items()
        }
        if most is not None and sizes == trials[-1]:
            continue
        trials.append(sizes)
        try:
            return _Engine(answers, sizes).opinion()
        except TooLarge:
            continue
        except UnsupportedError:
            return SecondOpinion("cannot", "unknown")
        except ZeroDivisionError:
            return SecondOpinion("cannot", "nowhere")
    return SecondOpinion("cannot", "large")


class _Engine:
    """The program, our formulas and SymPy's derivatives at given sizes."""

    def __init__(self, answers: Answers, sizes: Mapping[str, int]) -> None:
        self.answers = answers
        self.sizes = sizes
        self._operations: dict[sp.Basic, int] = {}
        self._spent = 0
        entries = sum(math.prod(self.shape(name)) for name in answers.shapes)
        if entries > _MOST_ENTRIES:
            raise TooLarge("too many entries")
        self.symbols = {name: self._symbols(name) for name in answers.program.inputs()}
        self.names = Explicit(
            self.symbols, self.definitions, sizes, answers.program.functions(), check=self._check
        )

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a name at the sizes."""
        of = name if name in self.answers.shapes else name[1:]
        return tuple(self.sizes[dim.symbol] for dim in self.answers.shapes[of])

    def _symbols(self, name: str) -> Array:
        """A real symbol for each entry that the array has of its own."""
        shape, structure = self.shape(name), self.answers.structures.get(name)
        made = []
        for at in itertools.product(*map(range, shape)):
            if structure == "diagonal" and at[0] != at[1]:
                made.append(sp.S.Zero)
                continue
            own = sorted(at) if structure == "symmetric" else at
            written = ",".join(str(i + 1) for i in own)
            made.append(cast("sp.Expr", sp.Symbol(f"{name}[{written}]", real=True)))
        return Array(shape, tuple(made))

    @property
    def definitions(self) -> dict[str, tuple[Node, tuple[int, ...]]]:
        """What the program assigns, and what the names stand for that our formulas use."""
        assigned = {a.name: a.value for a in self.answers.program.assignments}
        all_of_them = {**self.answers.known, **assigned}
        return {name: (value, self.shape(name)) for name, value in all_of_them.items()}

    # -- the derivatives -----------------------------------------------------------------------

    def opinion(self) -> SecondOpinion:
        """Compares as many entries as can be afforded.

        Raises:
            TooLarge: too few of them can be, at these sizes.
            ProofError: an entry differs.
        """
        (loss,) = self.names.name(self.answers.program.loss.name).entries
        _has_value(loss)
        places = [
            (name, at)
            for name in self.answers.gradients
            for at in itertools.product(*map(range, self.shape(name)))
        ]
        most = _MOST_OPERATIONS // self.operations(loss)
        if most < min(_ENOUGH, len(places)):
            raise TooLarge("too many operations")
        chosen = _spread(places, most)
        terms = [(term, term.free_symbols) for term in sp.Add.make_args(loss)]
        ours = {
            name: self.names.of(formula).spread(self.shape(name))
            for name, formula in self.answers.gradients.items()
        }
        exact, doubtful = 0, []
        for name, at in chosen:
            symbol = self.symbols[name].at(at)
            theirs = sp.Add(*(term.diff(symbol) for term, used in terms if symbol in used))
            difference = _wherever_defined(theirs - ours[name].at(at))
            _has_value(difference)
            if _reduces_to_zero(difference):
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

    # -- what it costs -------------------------------------------------------------------------

    def operations(self, expr: sp.Basic) -> int:
        """Nodes of the tree of an expression, shared parts counted as often as they occur."""
        known = self._operations.get(expr)
        if known is None:
            known = 1 + sum(map(self.operations, expr.args))
            self._operations[expr] = known
        return known

    def _check(self, array: Array) -> Array:
        if len(array.entries) > _MOST_ENTRIES:
            raise TooLarge("too many entries")
        if sum(map(self.operations, array.entries)) > _MOST_OPERATIONS:
            raise TooLarge("too many operations")
        return array

    # -- at numbers ----------------------------------------------------------------------------

    def _at_points(self, doubtful: Sequence[tuple[str, tuple[int, ...], sp.Expr]]) -> int:
        """How many differences are 0 at a point where the program has a value; 0 for no point.

        Raises:
            ProofError: one of them is not.
        """
        chance = random.Random(0)  # noqa: S311 - so that a page comes out the same every time
        for number in range(_POINTS):
            point = _Point(self, chance, signs=number < _POINTS // 2)
            if not point.has_values():
                continue
            for name, at, difference in doubtful:
                value = point.of(difference)
                if _near_zero(value, point.scale):
                    continue
                entry = f"{name}[{', '.join(str(i + 1) for i in at)}]" if at else name
                raise ProofError(
                    f"SymPy's own derivative by {entry} differs from the formula's entry by "
                    f"{sp.N(value, 6)} at a random point."
                )
            return len(doubtful)
        return 0


class _Point:
    """Random rational numbers for all entries, and random polynomials for undefined functions."""

    def __init__(self, engine: _Engine, chance: random.Random, *, signs: bool) -> None:
        self._engine = engine
        self._chance = chance
        self._found: dict[sp.Basic, sp.Expr] = {}
        self._numbers: dict[str, list[sp.Rational]] = {}
        self.scale: sp.Expr = sp.S.One
        for array in engine.symbols.values():
            for symbol in array.entries:
                sign = chance.choice((-1, 1)) if signs else 1
                number = sp.Rational(sign * chance.randint(2, 40), 21)
                self._found.setdefault(symbol, symbol if symbol.is_number else number)

    def has_values(self) -> bool:
        """Whether every entry of every value of the program is a real number here."""
        program = self._engine.answers.program
        known = {
            name: array.map(self.of) for name, array in self._engine.symbols.items()
        }
        definitions = self._engine.definitions
        values = Explicit(
            known, definitions, self._engine.sizes, program.functions(), self._applied, _real
        )
        try:
            for assignment in program.assignments:
                values.name(assignment.name)
        except (ArithmeticError, ValueError, TypeError):
            return False
        return True

    def of(self, expr: sp.Expr) -> sp.Expr:
        """The value of an expression: exact if it is rational, else to many digits."""
        known = self._found.get(expr)
        if known is None:
            args = [self.of(cast("sp.Expr", arg)) for arg in expr.args]
            undefined = getattr(expr.func, "undefined", None)
            if undefined is not None:
                known = self._applied(*undefined, tuple(args))
            else:
                known = _number(expr.func(*args) if args else expr)
            if isinstance(expr, sp.Add):
                self.scale = sp.Max(self.scale, *(abs(arg) for arg in args))
            self._found[expr] = known
        return known

    def _applied(self, name: str, by: tuple[int, ...], args: tuple[sp.Expr, ...]) -> sp.Expr:
        """A cubic in each argument, a product of all neighbours with it, or a derivative of it."""
        u = sp.symbols(f"u:{len(args)}", real=True)
        numbers = self._numbers.setdefault(name, [])
        while len(numbers) < 4 * len(args):
            numbers.append(sp.Rational(self._chance.randint(1, 30), 31))
        value = sp.Add(
            *(
                numbers[4 * n] * x
                + numbers[4 * n + 1] * x**2
                + numbers[4 * n + 2] * x**3
                + numbers[4 * n + 3] * x * u[n - 1]
                for n, x in enumerate(u)
            )
        )
        for place in by:
            value = value.diff(u[place - 1])
        return _number(cast("sp.Expr", value.xreplace(dict(zip(u, args, strict=True)))))


def _number(value: sp.Expr) -> sp.Expr:
    return value if value.is_Rational else cast("sp.Expr", value.evalf(_DIGITS))


def _real(array: Array) -> Array:
    array = array.map(_number)
    if not all(entry.is_Rational or entry.is_Float for entry in array.entries):
        raise ZeroDivisionError
    return array


def _near_zero(value: sp.Expr, scale: sp.Expr) -> bool:
    if value.is_Rational:
        return value == 0
    return bool(abs(value) < _NEAR * scale)


def _spread(places: list[tuple[str, tuple[int, ...]]], most: int) -> Iterator[
    tuple[str, tuple[int, ...]]
]:
    """So many places at equal distances, the first and the last among them."""
    count = min(most, len(places))
    steps = max(1, count - 1)
    return (places[n * (len(places) - 1) // steps] for n in range(count))


def _has_value(expr: sp.Expr) -> None:
    if expr.has(sp.nan, sp.zoo, sp.oo, -sp.oo):
        raise ZeroDivisionError


def _wherever_defined(expr: sp.Expr) -> sp.Expr:
    """The same with sign(u) as u/|u| and without what is 0 but at kinks."""
    if not expr.has(sp.DiracDelta, sp.sign):
        return expr
    plain = expr.replace(sp.DiracDelta, lambda *_: sp.S.Zero)
    return cast("sp.Expr", plain.replace(sp.sign, lambda u: u / sp.Abs(u)))


def _reduces_to_zero(difference: sp.Expr) -> bool:
    """Whether a difference is 0 as it stands, multiplied out, or over one denominator."""
    if difference == 0:
        return True
    operations = sp.count_ops(difference)
    if operations > _MOST_EXPANDED:
        return False
    if sp.expand(difference) == 0:
        return True
    if operations > _MOST_TOGETHER:
        return False
    numerator, _ = sp.together(difference).as_numer_denom()
    return bool(sp.expand(numerator) == 0)
