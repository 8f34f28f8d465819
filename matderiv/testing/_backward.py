"""A backward function held against the proved formula, at random inputs of many shapes."""

from __future__ import annotations

import contextlib
import functools
import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from matderiv.arguments import checked
from matderiv.calculus.sweep.task import chosen
from matderiv.checking.evidence import deciding_line
from matderiv.checking.factors import Sample
from matderiv.checking.floats import Case, random_case
from matderiv.checking.question import Question, ask
from matderiv.checking.report import line_text
from matderiv.errors import InputError
from matderiv.expression.assumptions import read_shaped
from matderiv.expression.nodes import Node
from matderiv.expression.shapes import Shape
from matderiv.expression.vocabulary import DEFAULT_PROGRAM
from matderiv.testing._looks import looks_like
from matderiv.testing._numeric import real_array, reported, worst_of
from matderiv.tracing import ProgramLike, program_text

__all__ = ["called_by_name", "check_backward", "random_cases", "shapes_of"]

#: Sizes for a program's letters: unequal ones, and each letter in turn 1.
_SIZES = (2, 4, 3, 5, 6, 7, 8, 9)
_LARGER = (7, 5, 6, 3, 8, 4, 9, 2)

_OTHERS = 2  # further inputs at which a mistake has to look the same

_Tolerance = tuple[float, float]  # relative and absolute


class _Raised(Exception):  # noqa: N818 - not ours: the user's function has failed
    """A user's function raised an exception."""

    def __init__(self, what: str, reason: Exception) -> None:
        super().__init__(f"{what} fails")
        self.reason = f"{type(reason).__name__}: {reason}"


@checked()
def check_backward(
    forward: Callable[..., Any] | None,
    backward: Callable[..., Any],
    program: ProgramLike = DEFAULT_PROGRAM,
    wrt: str | Sequence[str] | None = None,
    *,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    rtol: float = 1e-6,
    atol: float = 1e-8,
    seed: int = 0,
    raise_exception: bool = True,
) -> bool:
    """backward(…) = ∂L/∂wrt at random inputs, and forward(…) = L or a value of the program.

    Both functions are called by the names of their parameters: an input or value of the program
    (`X`, `W`, `H`), an upstream gradient (`dY`), a function (`f`, and `df` for f′). Parameters
    with a default that are no such name keep it. They may return anything that `numpy.asarray`
    takes.

    - `forward` returns L (a scalar), the last value before it, or a dictionary of values by name.
      `None` leaves it out.
    - `backward` returns the gradient by `wrt`; if that is several names (all inputs that are
      arrays unless it is given), a tuple of gradients in that order or a dictionary by name.

    An undefined f is replaced by a smooth function with a derivative that is not trivial, and so
    is an undefined Loss, whose gradient is dY. Inputs are float64, at several shapes: unequal
    ones, each size in turn 1, and equal ones, unless `shapes` gives all; shapes at which the
    program has no value are left out. At relu they keep away from its kink, and what is assumed
    of inputs, as in `gradient`, holds of them.

    Raises:
        AssertionError: a result is wrong, unless `raise_exception` is False. The message names
            the worst entry, counted from 1, both values, what the mistake looks like, and the
            line of the derivation that decides.
        InputError: the program cannot be read, or a parameter's name means nothing in it.
        ProofError: a gradient of the program is not proved.

    >>> def backward(dY, X, W):
    ...     return dY @ W.T, X.T @ dY
    >>> check_backward(lambda X, W: X @ W, backward, "Y = X @ W; L = Loss(Y)")
    True
    >>> def ridge(X, W, T, lam):
    ...     return 2*X.T @ (X @ W - T) + 2*lam*W
    >>> check_backward(None, ridge, "L = sum((X @ W - T)**2) + lam*sum(W**2)", "W")
    True
    """
    __tracebackhide__ = True
    text = program_text(program)
    names = _names(text, shapes, assume) if wrt is None else (wrt,) if isinstance(wrt, str) else wrt
    questions = {name: ask(text, name, shapes=shapes, assume=assume) for name in names}
    first = next(iter(questions.values()))
    known = {n: d for question in questions.values() for n, d in question.definitions.items()}
    cases = random_cases(first, known, seed, fixed=shapes is not None)
    check = _Check(questions, cases, forward, backward, (rtol, atol))
    message = next(filter(None, map(check.message, cases)), "")
    return reported(message, raise_exception=raise_exception)


def _names(
    program: str,
    shapes: Mapping[str, tuple[int, ...]] | None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None,
) -> tuple[str, ...]:
    """The inputs that gradients are by if nothing else is said."""
    written, assumed, known = read_shaped(program, assume, shapes=shapes)
    return chosen(written, None, known, assumed=assumed)


def random_cases(
    question: Question, definitions: Mapping[str, Node], seed: int, *, fixed: bool
) -> list[Case]:
    """Inputs of several shapes at which the program has a value.

    Raises:
        InputError: there are none.
    """
    found: list[Case] = []
    failed: InputError | None = None
    for number, shapes in enumerate(_all_shapes(question, fixed=fixed)):
        chance = np.random.default_rng([seed, number])
        try:
            found.append(random_case(question, shapes, chance, definitions))
        except InputError as error:  # such as the inverse of a product with too few rows
            failed = failed or error
    if failed is not None and not found:
        raise failed
    return found


@dataclass(frozen=True, slots=True)
class _Check:
    """Two functions held against a program at all inputs."""

    questions: Mapping[str, Question]
    cases: Sequence[Case]
    forward: Callable[..., Any] | None
    backward: Callable[..., Any]
    tolerance: _Tolerance

    def message(self, case: Case) -> str | None:
        """A message if the functions fail or are wrong at one set of inputs."""
        try:
            return self.compared(case)
        except _Raised as error:
            first = next(iter(self.questions.values()))
            message = f"{error} at the shapes {shapes_of(first, case)}: {error.reason}"
            with contextlib.suppress(_Raised):
                # Where all sizes are equal it may run, and show what it is.
                more = self.compared(self.cases[-1])
                message += f"\nWhere all sizes are equal: {more}" if more else ""
            return message

    def compared(self, case: Case) -> str | None:
        """A message if a result is wrong at one set of inputs."""
        message = _forward(self.questions, case, self.forward, self.tolerance)
        if message is not None:
            return message
        for name, result in self.gradients(case).items():
            message = _wrong(
                self.questions[name],
                case,
                result,
                self.tolerance,
                functools.partial(self.others, case, name),
            )
            if message is not None:
                return message
        return None

    def gradients(self, case: Case) -> dict[str, Any]:
        """The gradients that backward returns, by name."""
        returned = called_by_name(self.questions.values(), case, self.backward, "backward")
        return _results(returned, tuple(self.questions), single=len(self.questions) == 1)

    def others(self, case: Case, name: str) -> Iterator[Sample]:
        """The gradient that backward returns for one name at other shapes, unless it fails."""
        for other in self.cases[:_OTHERS]:
            if other is not case:
                with contextlib.suppress(_Raised, InputError):
                    yield other, self.gradients(other)[name]


def called_by_name(
    questions: Iterable[Question], case: Case, function: Callable[..., Any], what: str
) -> Any:
    """The function called with what its parameters' names ask for."""
    names = dict.fromkeys(name for question in questions for name in question.names)
    known = {name: case.values[name] for name in names if name in case.values}
    offered = {**known, **case.functions}
    for question in questions:
        offered |= {alias: case.values[name] for alias, name in question.further.items()}
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
        if isinstance(value, np.ndarray):
            value = value.copy() if value.ndim else float(value)
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
    if fixed or not question.everywhere:
        yield question.sized(question.own_sizes)
        return
    plain = [
        dict(zip(letters, itertools.cycle(sizes), strict=False)) for sizes in (_SIZES, _LARGER)
    ]
    ones = [{**plain[0], letter: 1} for letter in letters]
    for sizes in (*plain, *ones, dict.fromkeys(letters, 1), dict.fromkeys(letters, 3)):
        yield question.sized(sizes)


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
    questions: Mapping[str, Question],
    case: Case,
    forward: Callable[..., Any] | None,
    tolerance: _Tolerance,
) -> str | None:
    """A message if the forward function's result is wrong."""
    if forward is None:
        return None
    question = next(iter(questions.values()))
    returned = called_by_name(questions.values(), case, forward, "forward")
    results = returned if isinstance(returned, Mapping) else {"": returned}
    message = None
    for key, value in results.items():
        result = real_array(value, "forward returns")
        name = key or _returned(question, result)
        if name not in question.task.program.names():
            raise InputError(f"forward returns {name}, which the program does not have.")
        message = message or _unlike(question, case, name, result, tolerance)
    return message


def _returned(question: Question, result: Any) -> str:
    """The name of the value that forward returns: L, or the last one before it."""
    values = [a.name for a in question.program.assignments]
    if result.ndim and len(values) == 1:
        raise InputError(
            f"forward returns an array, and {question.program.source()} has no value besides "
            f"{question.loss}; return that, or give the array a name in the program."
        )
    return values[-2] if result.ndim else question.loss


def _unlike(
    question: Question, case: Case, name: str, result: Any, tolerance: _Tolerance
) -> str | None:
    if name == question.loss and any(f[0].isupper() for f in question.undefined):
        return None  # an undefined loss may have any value
    right = np.asarray(case.values[name])
    words = question.program.source()
    if result.shape != right.shape:
        return (
            f"forward is not {words}: it gives the shape {_words(result.shape)}, and {name} is "
            f"{_words(right.shape)}."
        )
    worst = worst_of(result, right, *tolerance)
    if worst is None:
        return None
    return (
        f"forward is not {words}: {worst.place} of {name} is {worst.one}, and "
        f"should be {worst.other}."
    )


def _wrong(
    question: Question,
    case: Case,
    result: Any,
    tolerance: _Tolerance,
    more: Callable[[], Iterable[Sample]],
) -> str | None:
    """A message if a gradient is wrong; `more` are results at other inputs."""
    right = np.asarray(case.value(question.gradient))
    what = f"backward is wrong: ∂{question.loss}/∂{question.wrt}"
    if result.shape != right.shape:
        found = (
            f"{what} has the shape {_words(result.shape)}, but {question.wrt} is "
            f"{_words(right.shape)}."
        )
    else:
        worst = worst_of(result, right, *tolerance)
        if worst is None:
            return None
        found = (
            f"{what} differs in {worst.many} at the shapes {shapes_of(question, case)}. Worst is "
            f"{worst.place}, counted from 1: backward gives {worst.one}, and "
            f"{question.source(question.gradient)} is {worst.other}."
        )
    looks, of = looks_like(question, [(case, result), *more()])
    line = deciding_line(question, of)
    return "\n".join(
        [found, *([looks] if looks else []), *([] if line is None else [line_text(line)])]
    )


def _words(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "of a number"


def shapes_of(question: Question, case: Case) -> str:
    return ", ".join(
        f"{name} = {_words(np.shape(case.values[name]))}"
        for name in question.inputs
        if question.shapes[name]
    )
