"""A Python function of arrays as a program: it is called once, with names in place of arrays.

What is done with the names is written down as source text of the language, which judges it: a
function that the language does not have is refused there, by name.
"""

from __future__ import annotations

import ast
import inspect
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from types import CodeType, EllipsisType, FrameType
from typing import Any, NoReturn

from matderiv.errors import InputError, MatderivError, UnsupportedError, brief
from matderiv.expression.vocabulary import KNOWN, NAME_PATTERN

__all__ = ["ProgramLike", "program_of", "program_text"]

#: A program as text, or a function of arrays that is one.
ProgramLike = str | Callable[..., Any]

_BINARY: dict[str, ast.operator] = {
    "add": ast.Add(),
    "sub": ast.Sub(),
    "mul": ast.Mult(),
    "truediv": ast.Div(),
    "pow": ast.Pow(),
    "matmul": ast.MatMult(),
}
_COMPARED: dict[str, ast.cmpop] = {
    "lt": ast.Lt(),
    "le": ast.LtE(),
    "gt": ast.Gt(),
    "ge": ast.GtE(),
    "eq": ast.Eq(),
    "ne": ast.NotEq(),
}
#: NumPy's functions that are operators.
_UFUNCS = {
    "subtract": "sub",
    "multiply": "mul",
    "divide": "truediv",
    "true_divide": "truediv",
    "power": "pow",
    "float_power": "pow",
    "less": "lt",
    "less_equal": "le",
    "greater": "gt",
    "greater_equal": "ge",
    "equal": "eq",
    "not_equal": "ne",
} | {name: name for name in ("add", "matmul")}

#: Names of NumPy and SciPy that the language spells in another way, where both mean the same.
_SPELLED = {"absolute": "abs", "expit": "sigmoid"}

#: Questions of Python's that a value without numbers cannot answer.
_REFUSED = {
    "bool": "the way depends on a value; write where(condition, a, b)",
    "iter": "a loop runs over the entries of an array; write it for the whole array",
    "len": "a length is asked for, which is a number; write x.shape[0]",
    "array": "a function that is not NumPy's asks an array for its numbers",
    "setitem": "an entry is written into an array; put the array together in a formula",
} | dict.fromkeys(("float", "int", "index", "complex"), "a value is made a number")

#: Names that a value cannot have, since they are numbers.
_NUMBERS = frozenset(("e", "pi", "inf", "nan"))


@dataclass(slots=True)
class _Trace:
    """The values of a function in order, and the variables that held them."""

    code: CodeType
    values: list[Traced] = field(default_factory=list)
    held: dict[int, str] = field(default_factory=dict)
    frames: dict[int, FrameType] = field(default_factory=dict)

    def frame(self) -> FrameType | None:
        """The innermost frame outside of this module; those from there outwards are noted."""
        inside = []
        here = inspect.currentframe()
        while here is not None and here.f_code is not self.code:
            if here.f_globals.get("__name__") != __name__:
                inside.append(here)
            here = here.f_back
        if here is None:
            return None
        inside.append(here)
        self.frames.update((id(frame), frame) for frame in inside)
        return inside[0]

    def look(self) -> None:
        """Note the first variable that held each value."""
        for frame in self.frames.values():
            for name, value in frame.f_locals.items():
                if isinstance(value, Traced):
                    self.held.setdefault(value.place, name)

    def refuse(self, why: str) -> NoReturn:
        """End with the line of the function at which this happened."""
        frame = self.frame()
        where = f"line {frame.f_lineno} of {frame.f_code.co_name}" if frame else self.code.co_name
        raise UnsupportedError(f"{where}: {why}.")


class Traced:
    """A value inside a function that is traced; what is done with it is written down."""

    def __init__(self, trace: _Trace, expression: ast.expr) -> None:
        self.trace, self.expression, self.place = trace, expression, len(trace.values)
        trace.frame()
        trace.look()
        trace.values.append(self)

    def __repr__(self) -> str:
        """Where the value belongs."""
        return f"<a value of {self.trace.code.co_name}>"

    __hash__ = object.__hash__

    def __getattr__(self, name: str) -> Traced | _Sizes | Callable[..., Traced]:
        """A.T, A.real, and methods such as A.sum(axis=0)."""
        if name.startswith("_"):
            raise AttributeError(name)
        attribute = ast.Attribute(_read(self.trace, self), name, ast.Load())
        if name in ("T", "mT"):
            return Traced(self.trace, attribute)
        if name == "real":  # an attribute of NumPy's arrays; all numbers are real
            return self
        if name == "imag":
            return _call(self.trace, attribute, (), {})
        if name == "shape":
            return _Sizes(self, attribute)
        if name == "size":
            return Traced(self.trace, attribute)
        if name not in KNOWN:
            self.trace.refuse(f".{name} is not in the language")
        return lambda *args, **options: _call(self.trace, attribute, args, options)

    def __getitem__(self, key: object) -> Traced:
        """A[1:, None]."""
        expression = ast.Subscript(_read(self.trace, self), _read(self.trace, key), ast.Load())
        return Traced(self.trace, expression)

    def __call__(self, *args: object, **options: object) -> Traced:
        """A parameter that is called is an undefined function."""
        if not isinstance(self.expression, ast.Name):
            self.trace.refuse("a value is called as a function")
        return _call(self.trace, self.expression, args, options)

    def __array_ufunc__(
        self, ufunc: Callable[..., object], method: str, *args: object, **options: object
    ) -> Traced:
        """A function of NumPy's that works entry by entry."""
        name = str(ufunc.__name__)
        if method != "__call__" or options:
            option = next((f" with {option}" for option in options), "")
            part = "" if method == "__call__" else f".{method}"
            self.trace.refuse(f"np.{name}{part}{option} is not in the language")
        if name in _UFUNCS:
            return _operated(self.trace, _UFUNCS[name], *args)
        return -self if name == "negative" else _called(name, args, {})

    def __array_function__(
        self,
        func: Callable[..., object],
        _: object,
        args: tuple[object, ...],
        options: Mapping[str, object],
    ) -> Traced | tuple[Traced, Traced]:
        """Another function of NumPy's."""
        if func.__name__ == "slogdet":
            determinant = _called("det", args, {})
            return _called("sign", (determinant,), {}), _called("logdet", args, {})
        return _called(str(func.__name__), args, options)

    def __neg__(self) -> Traced:
        """-A."""
        return Traced(self.trace, ast.UnaryOp(ast.USub(), _read(self.trace, self)))

    def __abs__(self) -> Traced:
        """|A|."""
        return _called("abs", (self,), {})


class _Sizes:
    """The shape of a value; each of its sizes is a value."""

    def __init__(self, of: Traced, attribute: ast.expr) -> None:
        self.of, self.attribute = of, attribute

    def __getitem__(self, axis: int) -> Traced:
        """A.shape[0]."""
        place = _read(self.of.trace, axis)
        return Traced(self.of.trace, ast.Subscript(self.attribute, place, ast.Load()))

    def __iter__(self) -> Iterator[Traced]:
        """The sizes in n, d = A.shape: one of a name in small letters, two of another."""
        if not isinstance(self.of.expression, ast.Name):
            self.of.trace.refuse("the shape is that of no parameter; write n = Y.shape[0]")
        yield from map(self.__getitem__, range(1 + self.of.expression.id[0].isupper()))


def _operated(trace: _Trace, word: str, left: object, right: object) -> Traced:
    one, other = _read(trace, left), _read(trace, right)
    if word in _COMPARED:
        return Traced(trace, ast.Compare(one, [_COMPARED[word]], [other]))
    return Traced(trace, ast.BinOp(one, _BINARY[word], other))


def _methods() -> Iterator[tuple[str, Callable[..., Any]]]:
    """The methods of `Traced` for operators, and for what cannot be written down."""
    for word in (*_BINARY, *_COMPARED):

        def plain(self: Traced, other: object, word: str = word) -> Traced:
            return _operated(self.trace, word, self, other)

        def turned(self: Traced, other: object, word: str = word) -> Traced:
            return _operated(self.trace, word, other, self)

        yield f"__{word}__", plain
        if word in _BINARY:
            yield f"__r{word}__", turned
            yield (
                f"__i{word}__",
                _refused("an array is changed in place; write A = A + B for A += B"),
            )
    for word, why in _REFUSED.items():
        yield f"__{word}__", _refused(why)


def _refused(why: str) -> Callable[..., NoReturn]:
    def refuse(self: Traced, *_: object, **__: object) -> NoReturn:
        self.trace.refuse(why)

    return refuse


for _name, _method in _methods():
    setattr(Traced, _name, _method)


def _called(name: str, args: tuple[object, ...], options: Mapping[str, object]) -> Traced:
    """A call of a function by name, one argument at least being a traced value."""
    trace = next(value.trace for value in _inside((args, options)))
    return _call(trace, ast.Name(_SPELLED.get(name, name)), args, options)


def _call(
    trace: _Trace, function: ast.expr, args: tuple[object, ...], options: Mapping[str, object]
) -> Traced:
    keywords = [
        ast.keyword(name, _read(trace, value))
        for name, value in options.items()
        if value is not None
    ]
    return Traced(trace, ast.Call(function, [_read(trace, arg) for arg in args], keywords))


def _inside(value: object) -> Iterator[Traced]:
    """The traced values in an argument."""
    if isinstance(value, Traced):
        yield value
    elif isinstance(value, tuple | list):
        yield from chain.from_iterable(map(_inside, value))
    elif isinstance(value, Mapping):
        yield from _inside([*value.values()])


def _read(trace: _Trace, value: object) -> ast.expr:
    """An argument as source; a traced value is called by its place."""
    match value:
        case Traced():
            return ast.Name(_placeholder(value.place))
        case None | bool() | str() | EllipsisType():
            return ast.Constant(value)
        case tuple() | list():
            kind = ast.Tuple if isinstance(value, tuple) else ast.List
            return kind([_read(trace, part) for part in value], ast.Load())
        case slice():
            ends = (value.start, value.stop, value.step)
            return ast.Slice(*(None if end is None else _read(trace, end) for end in ends))
    return _number(trace, value)


def _number(trace: _Trace, value: object) -> ast.expr:
    """A number, of Python or NumPy, as source."""
    if getattr(value, "shape", ()):
        trace.refuse("an array is used that is no parameter; make it one")
    item = getattr(value, "item", None)  # a number of NumPy
    number = item() if callable(item) else value
    if not isinstance(number, int | float | Fraction) or not math.isfinite(number):
        trace.refuse(f"{brief(value)} is no number of the language")
    if isinstance(number, Fraction):
        parts = _number(trace, number.numerator), _number(trace, number.denominator)
        return ast.BinOp(parts[0], ast.Div(), parts[1])
    size = ast.Constant(abs(number))
    return ast.UnaryOp(ast.USub(), size) if number < 0 else size


def _placeholder(place: int) -> str:
    return f"?{place}"


def program_text(program: ProgramLike) -> str:
    """The program as text; of a function, what it does with its parameters.

    Raises:
        InputError, UnsupportedError: as `program_of`.
    """
    return program if isinstance(program, str) else program_of(program)


def program_of(function: Callable[..., Any]) -> str:
    """The program of a function of arrays, written with NumPy.

    Parameters are inputs; those with a default keep it. A parameter that is called is an undefined
    function. Values have the names of the variables that hold them.

    Raises:
        UnsupportedError: the function does what the language cannot say; the line is named.
        InputError: the function cannot be called with one array for each parameter, or fails.

    >>> def loss(X, W):
    ...     Y = X @ W
    ...     return (Y**2).sum()
    >>> program_of(loss)
    'Y = X @ W; L = (Y ** 2).sum()'
    """
    name = getattr(function, "__name__", type(function).__name__)
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        raise InputError(f"{name} is not written in Python; give a program as text.")
    trace = _Trace(code)
    needed: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise InputError(f"{name} takes *{parameter.name}; give each array a parameter.")
        if parameter.default is parameter.empty:
            needed.append(parameter.name)
    inputs = {name: Traced(trace, ast.Name(name)) for name in needed}
    try:
        result = function(**inputs)
    except MatderivError:
        raise
    except Exception as error:
        raise InputError(f"{name} cannot be traced: {type(error).__name__}: {error}") from error
    trace.look()
    if not isinstance(result, Traced):
        raise InputError(f"{name} returns {brief(result)}; it must return one array or number.")
    return _source(trace, result)


class _Put(ast.NodeTransformer):
    """Other expressions in the place of values."""

    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """The expression for a value, or the name itself."""
        return self.values.get(node.id, node)


def _source(trace: _Trace, result: Traced) -> str:
    """The statements for the result: a value with a name, or used twice, has one of its own."""
    uses: Counter[int] = Counter()
    todo = [result.place]
    while todo:
        place = todo.pop()
        uses[place] += 1
        if uses[place] == 1:
            todo += _operands(trace.values[place].expression)
    inputs = {v.expression.id for v in trace.values if isinstance(v.expression, ast.Name)}
    taken, known, lines = set(inputs), dict[str, ast.expr](), []
    for place in sorted(uses):
        expression = _Put(known).visit(trace.values[place].expression)
        is_input = isinstance(trace.values[place].expression, ast.Name)
        held = trace.held.get(place)
        if not is_input and (place == result.place or held or uses[place] > 1):
            name = _free(held or ("L" if place == result.place else "U"), taken)
            lines.append(f"{name} = {ast.unparse(expression)}")
            expression = ast.Name(name)
        known[_placeholder(place)] = expression
    if not lines:
        lines.append(f"L = {ast.unparse(known[_placeholder(result.place)])}")
    return "; ".join(lines)


def _operands(expression: ast.expr) -> list[int]:
    return [
        int(node.id[1:])
        for node in ast.walk(expression)
        if isinstance(node, ast.Name) and node.id.startswith("?")
    ]


def _free(name: str, taken: set[str]) -> str:
    """A name that no other value has, and that means nothing else: h, then h2."""
    plain = NAME_PATTERN.match(name) and name not in KNOWN and name not in _NUMBERS
    base = name if plain else "U"
    number = 1
    made = base
    while made in taken or made.removeprefix("d") in taken or f"d{made}" in taken:
        number += 1
        made = f"{base}{number}"
    taken.add(made)
    return made
