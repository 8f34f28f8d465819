"""A backward function held against the proved formula, at random inputs of many shapes."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from matderiv.api import check_factor, read
from matderiv.checking.edits import Edit, edits
from matderiv.checking.evidence import deciding_line
from matderiv.checking.floats import Case, random_case
from matderiv.checking.question import Question, ask, sized
from matderiv.checking.report import edit_text
from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.shapes import Shape
from matderiv.expression.source import source
from matderiv.expression.vocabulary import DEFAULT_PROGRAM
from matderiv.testing._numeric import real_array

__all__ = ["check_backward"]

#: Sizes for a program's letters: unequal ones, and each letter in turn 1.
_SIZES = (2, 4, 3, 5, 6, 7, 8, 9)
_LARGER = (7, 5, 6, 3, 8, 4, 9, 2)

_DENOMINATOR = 20  # of a factor that is named

#: What a change of the right formula is, seen from the mistake. Changes that only a wrong
#: formula calls for are left out.
_REVERSED = {
    **{k: k for k in "whole transpose order operator sign number prime name".split()},
    "extra": "missing",
    "part": "chain",
}


_Tolerance = tuple[float, float]  # relative and absolute


class _Raised(Exception):  # noqa: N818 - not ours: the user's function has failed
    """A user's function raised an exception."""

    def __init__(self, what: str, reason: Exception) -> None:
        super().__init__(f"{what} fails")
        self.reason = f"{type(reason).__name__}: {reason}"


def check_backward(
    forward: Callable[..., Any] | None,
    backward: Callable[..., Any],
    program: str = DEFAULT_PROGRAM,
    wrt: str | Sequence[str] | None = None,
    *,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    rtol: float = 1e-6,
    atol: float = 1e-8,
    seed: int = 0,
    raise_exception: bool = True,
) -> bool:
    """backward(…) = ∂L/∂wrt at random inputs, and forward(…) = Y or L of the program.

    Both functions are called by the names of their parameters: an input or value of the program
    (`X`, `W`, `Y`), the upstream gradient (`dY`), a function (`f`, and `df` for f′). Parameters
    with a default that are no such name keep it. They may return anything that `numpy.asarray`
    takes.

    - `forward` returns L (a scalar), or the product. `None` leaves it out.
    - `backward` returns the gradient by `wrt`; if that is several names (all factors unless it
      is given), a tuple of gradients in that order or a dictionary by name.

    An undefined f is replaced by a smooth function with a derivative that is not trivial; dY of
    an undefined Loss is random. Inputs are float64, at several shapes: unequal ones, each size
    in turn 1, and equal ones, unless `shapes` gives all. At relu they keep away from its kink.

    Raises:
        AssertionError: a result is wrong, unless `raise_exception` is False. The message names
            the worst entry, counted from 1, both values, what the mistake looks like, and the
            line of the derivation that decides.
        InputError: the program cannot be read, or a parameter's name means nothing in it.

    >>> def backward(dY, X, W):
    ...     return dY @ W.T, X.T @ dY
    >>> check_backward(lambda X, W: X @ W, backward, "Y = X @ W; L = Loss(Y)")
    True
    """
    __tracebackhide__ = True
    tolerance = (rtol, atol)
    problem = read(program, shapes=shapes)
    names = problem.factors if wrt is None else (wrt,) if isinstance(wrt, str) else tuple(wrt)
    for name in names:
        check_factor(problem, name)
    questions = {name: ask(problem, name) for name in names}
    first = questions[names[0]]
    tried = list(_all_shapes(first, fixed=shapes is not None))
    message = None
    for number, case_shapes in enumerate(tried):
        case = random_case(first, case_shapes, np.random.default_rng([seed, number]))
        try:
            message = _compared(questions, case, forward, backward, tolerance)
        except _Raised as error:
            message = f"{error} at the shapes {_shapes(first, case)}: {error.reason}"
            square = random_case(first, tried[-1], np.random.default_rng(seed))
            with contextlib.suppress(_Raised):
                # Where all sizes are equal it may run, and show what it is.
                more = _compared(questions, square, forward, backward, tolerance)
                message += f"\nWhere all sizes are equal: {more}" if more else ""
        if message is not None:
            break
    if message is not None and raise_exception:
        raise AssertionError(message)
    return message is None


def _compared(
    questions: Mapping[str, Question],
    case: Case,
    forward: Callable[..., Any] | None,
    backward: Callable[..., Any],
    tolerance: _Tolerance,
) -> str | None:
    """What is wrong at one set of inputs, if anything is."""
    names = tuple(questions)
    message = _forward(questions[names[0]], case, forward, tolerance)
    if message is None:
        results = _results(_called(case, backward, "backward"), names, single=len(names) == 1)
        for name, result in results.items():
            message = message or _wrong(questions[name], case, result, tolerance)
    return message


def _called(case: Case, function: Callable[..., Any], what: str) -> Any:
    """The function called with what its parameters' names ask for."""
    offered = {**case.values, **case.functions}
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for parameter in _parameters(function, what):
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.name not in offered:
            if parameter.default is not parameter.empty:
                continue
            raise InputError(
                f"{what} asks for {parameter.name}, which the program does not have; it has "
                f"{', '.join(sorted(offered))}. Rename the parameter, "
                f"or wrap the function: lambda X, W: my_function(X, W)."
            )
        value = offered[parameter.name]
        value = value.copy() if isinstance(value, np.ndarray) else value
        if parameter.kind is parameter.POSITIONAL_ONLY:
            positional.append(value)
        else:
            named[parameter.name] = value
    try:
        return function(*positional, **named)
    except Exception as error:
        raise _Raised(what, error) from error


def _parameters(function: Callable[..., Any], what: str) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        raise InputError(
            f"The parameters of {what} cannot be seen; wrap it: "
            "lambda dY, X, W: function(dY, X, W)."
        ) from None


def _all_shapes(question: Question, *, fixed: bool) -> Iterator[dict[str, Shape]]:
    """Shapes to try: unequal ones first, which give mistakes away."""
    letters = [dim.symbol for dim in question.dims]
    if fixed:
        own = {d.symbol: d.size for s in question.problem.shapes.values() for d in s}
        yield sized(question.shapes, own)
        return
    plain = [
        dict(zip(letters, itertools.cycle(sizes), strict=False)) for sizes in (_SIZES, _LARGER)
    ]
    ones = [{**plain[0], letter: 1} for letter in letters]
    for sizes in (*plain, *ones, dict.fromkeys(letters, 1), dict.fromkeys(letters, 3)):
        yield sized(question.shapes, sizes)


def _results(value: Any, names: Sequence[str], *, single: bool) -> dict[str, Any]:
    """The gradients by name."""
    if isinstance(value, Mapping):
        missing = [name for name in names if name not in value]
        if missing:
            raise InputError(
                f"backward returns a dictionary without {missing[0]}; it needs {', '.join(names)}."
            )
        return {name: real_array(value[name], "backward returns") for name in names}
    if single:
        one = value[0] if isinstance(value, tuple) and len(value) == 1 else value
        return {names[0]: real_array(one, "backward returns")}
    if not isinstance(value, tuple | list) or len(value) != len(names):
        raise InputError(
            f"backward must return {len(names)} gradients, by {' and '.join(names)}, as a tuple or "
            f"a dictionary; it returns {type(value).__name__}. For one gradient give wrt, such as "
            f"wrt={names[0]!r}."
        )
    return {name: real_array(v, "backward returns") for name, v in zip(names, value, strict=True)}


def _forward(
    question: Question, case: Case, forward: Callable[..., Any] | None, tolerance: _Tolerance
) -> str | None:
    """What is wrong with the forward function's result, if anything is."""
    if forward is None:
        return None
    result = real_array(_called(case, forward, "forward"), "forward returns")
    name = question.problem.name if result.ndim else question.loss
    if not result.ndim and question.loss in question.opaque:
        return None  # an undefined loss may have any value
    right = np.asarray(case.values[name])
    words = question.problem.program.source()
    if result.shape != right.shape:
        return (
            f"forward is not {words}: it gives the shape {_words(result.shape)}, and {name} is "
            f"{_words(right.shape)}."
        )
    worst = _worst(result, right, tolerance)
    if worst is None:
        return None
    return (
        f"forward is not {words}: {_place(worst)} of {name} is {result[worst]:.9g}, and should "
        f"be {right[worst]:.9g}."
    )


def _wrong(question: Question, case: Case, result: Any, tolerance: _Tolerance) -> str | None:
    """What is wrong with a gradient, if anything is."""
    right = np.asarray(case.value(question.gradient))
    what = f"backward is wrong: ∂{question.loss}/∂{question.wrt}"
    if result.shape != right.shape:
        found = (
            f"{what} has the shape {_words(result.shape)}, but {question.wrt} is "
            f"{_words(right.shape)}."
        )
    else:
        worst = _worst(result, right, tolerance)
        if worst is None:
            return None
        count = int(_far(result, right, tolerance).sum())
        found = (
            f"{what} differs in {count} of {right.size} entries at the shapes "
            f"{_shapes(question, case)}. Worst is {_place(worst)}, counted from 1: "
            f"backward gives {result[worst]:.9g}, and "
            f"{source(question.gradient)} is {right[worst]:.9g}."
        )
    looks = _looks_like(question, case, result)
    lines = [found, *([looks] if looks else [])]
    lines.append(f"The line of the derivation that decides: {deciding_line(question)}")
    return "\n".join(lines)


def _looks_like(question: Question, case: Case, result: Any) -> str | None:
    """The single mistake that would give these values."""
    right = question.gradient
    written = question.gradient_beside(nodes.Number(Fraction(0)))
    value = np.asarray(case.value(right))
    if result.shape == value.shape:
        below = float(np.vdot(value, value))
        factor = float(np.vdot(value, result)) / below if below else 0.0
        if factor and np.allclose(result, factor * value, rtol=1e-6, atol=1e-9):
            return f"It looks like {_factor(question, case, factor)} times the gradient."
    for root in dict.fromkeys((right, written)):
        for edit in edits(root, question):
            if edit.kind not in _REVERSED:
                continue
            try:
                other = np.asarray(case.value(edit.node), dtype=np.float64)
            except (TypeError, ValueError, KeyError, ArithmeticError):
                continue
            if other.shape == result.shape and np.allclose(other, result, rtol=1e-6, atol=1e-9):
                mistake = Edit(_REVERSED[edit.kind], root, edit.after, edit.before)
                return f"It looks like {source(edit.node)}. {edit_text(mistake)}"
    return None


def _factor(question: Question, case: Case, factor: float) -> str:
    """A factor in words: a short fraction if it is one, times or over a scalar of the program."""
    scalars = [(n, case.values[n]) for n in question.inputs if not question.shapes[n]]
    ways = [("", 1.0), *scalars, *((f"1/{n}", 1 / v) for n, v in scalars)]
    for words, value in ways:
        short = Fraction(factor / value).limit_denominator(_DENOMINATOR)
        if short and math.isclose(short * value, factor, rel_tol=1e-6):
            return {Fraction(1): words or "1", Fraction(-1): f"-{words or 1}"}.get(
                short, f"{short}*{words}".replace("*1/", "/").removesuffix("*")
            )
    return f"{factor:.6g}"


def _far(one: Any, other: Any, tolerance: _Tolerance) -> Any:
    rtol, atol = tolerance
    excess = np.abs(one - other) - (atol + rtol * np.abs(other))
    return ~(excess <= 0)  # a result that is no number is wrong


def _worst(one: Any, other: Any, tolerance: _Tolerance) -> tuple[int, ...] | None:
    far = _far(one, other, tolerance)
    if not far.any():
        return None
    gap = np.where(np.isnan(one), np.inf, np.abs(one - other))
    return tuple(
        int(n) for n in np.unravel_index(int(np.argmax(np.where(far, gap, -1))), one.shape)
    )


def _place(place: tuple[int, ...]) -> str:
    return f"entry ({', '.join(str(n + 1) for n in place)})" if place else "the value"


def _words(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "of a number"


def _shapes(question: Question, case: Case) -> str:
    return ", ".join(
        f"{name} = {_words(np.shape(case.values[name]))}" for name in question.problem.factors
    )
