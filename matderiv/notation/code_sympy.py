"""Gradients as SymPy matrix expressions: vectors are columns, and sizes stay letters.

SymPy does not broadcast, so that a smaller operand is written as a product with ones.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from fractions import Fraction

from matderiv.calculus.sweep.results import Sweep
from matderiv.errors import MissingRuleError, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.definitions import defined, definition
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.nodes import Node
from matderiv.expression.shapes import Dim, Shape
from matderiv.expression.source import source
from matderiv.notation.statements import statements

__all__ = ["sympy_code"]

_WHOLE: dict[type, str] = {
    nodes.Trace: "Trace({0})",
    nodes.Inverse: "Inverse({0})",
    nodes.Determinant: "Determinant({0})",
}

#: Every name that a text may import.
_IMPORTS = sorted(
    {
        *"DiagMatrix DiagonalOf Determinant Function HadamardPower HadamardProduct".split(),
        *"Identity Inverse Lambda MatrixSymbol OneMatrix Rational Symbol Trace".split(),
        *"diff pi symbols".split(),
        *filter(None, (function.sympy(name) for name, function in FUNCTIONS.items())),
    }
)

_OPERATORS: dict[type, str] = {nodes.Add: "+", nodes.Subtract: "-"}


def sympy_code(swept: Sweep, formulas: Mapping[str, Node], note: str = "") -> str:
    """Statements after which dX is a SymPy expression, for every X of the formulas.

    Raises:
        UnsupportedError: SymPy has no words for a part of it.
    """
    graph = swept.graph
    steps = statements(swept, formulas)
    writer = _Writer(swept)
    lines = []
    for name, value in steps.items():
        if isinstance(value, nodes.Apply) and value.function[1:2].isupper():  # dLoss(Y)
            lines.append(writer.symbol(name, graph.shapes[name[1:]]))
        else:
            text = ast.unparse(
                ast.parse(writer.of(value), mode="eval")
            )  # only needed brackets stay
            lines.append(f"{writer.own(name)} = {text}")
    needed = frozenset[str]().union(*map(nodes.names_in, steps.values()))
    inputs = [name for name in graph.inputs() if name in needed]
    head = [writer.symbol(name, graph.shapes[name]) for name in inputs]
    body = "\n".join([*head, *lines])
    before = []
    letters = dict.fromkeys(
        dim.symbol for shape in graph.shapes.values() for dim in shape if not dim.symbol.isdigit()
    )
    used = [letter for letter in letters if re.search(rf"\b{letter}\b", body)]
    if used:
        letters_of_text = " ".join(used)
        before.append(
            f'{", ".join(used)} = symbols("{letters_of_text}", integer=True, positive=True)'
        )
    functions = sorted(writer.functions)
    if functions or "Lambda(u" in body:
        before.append('u = Symbol("u", real=True)')
    for name in functions:
        if name[:1] == "d" and name[1:] in graph.program.functions():
            before += [
                f'{writer.own(name[1:])} = Function("{name[1:]}")',
                f"{writer.own(name)} = Lambda(u, diff({writer.own(name[1:])}(u), u))",
            ]
        else:
            before.append(f'{writer.own(name)} = Function("{name}")')
    before = list(dict.fromkeys(before))
    whole = "\n".join([*before, body])
    wanted = [name for name in _IMPORTS if re.search(rf"(?<![\w\"]){name}\b", whole)]
    comment = [f"# {note}"] if note else []
    imports = [f"from sympy import {', '.join(wanted)}", ""] if wanted else []
    return "\n".join([*comment, *imports, whole, ""])


class _Writer:
    def __init__(self, swept: Sweep) -> None:
        self._shape = swept.facts.shape
        self._names = swept.graph.shapes
        self.functions: set[str] = set()

    @staticmethod
    def own(name: str) -> str:
        """An identifier that hides nothing of SymPy's that is used."""
        return f"{name}_" if name in {*_IMPORTS, "u"} else name

    def symbol(self, name: str, shape: Shape) -> str:
        """The line that makes a symbol."""
        if not shape:
            return f'{self.own(name)} = Symbol("{name}", real=True)'
        rows, cols = _two(shape)
        return f'{self.own(name)} = MatrixSymbol("{name}", {rows}, {cols})'

    def of(self, node: Node) -> str:
        """An expression."""
        match node:
            case nodes.Name(name):
                return self.own(name) if name in self._names or name[1:] in self._names else name
            case nodes.Number(value):
                return _number(value)
            case nodes.Size(symbol):
                return symbol
            case nodes.Pi():
                return "pi"
            case nodes.Eye(size):
                return f"Identity({size})"
            case nodes.Ones(sizes):
                rows, cols = (*sizes, 1)[:2]
                return f"OneMatrix({rows}, {cols})"
            case nodes.Negate(arg):
                return f"-{self._held(arg)}"
            case nodes.Transpose(arg):
                return self._held(arg) + (".T" if len(self._shape(arg)) > 1 else "")
            case nodes.MatMul(left, right):
                return self._product(left, right)
            case nodes.Outer(left, right):
                return f"{self._held(left)}*{self._held(right)}.T"
            case nodes.Diag(arg):
                kind = "DiagMatrix" if len(self._shape(arg)) == 1 else "DiagonalOf"
                return f"{kind}({self.of(arg)})"
            case nodes.Apply(function, arg):
                return self._applied(function, arg)
            case nodes.Power(left, right):
                return self._power(node, left, right)
            case nodes.Add() | nodes.Subtract() | nodes.Multiply() | nodes.Divide():
                return self._entrywise(node)
        if type(node) in _WHOLE:
            return _WHOLE[type(node)].format(self.of(nodes.children(node)[0]))
        return self._reduced(node)

    def _reduced(self, node: Node) -> str:
        match node:
            case nodes.Sum(arg, axis, keepdims):
                return self._summed(self._held(arg), self._shape(arg), axis, keepdims=keepdims)
        simpler = definition(node, self._shape)
        if simpler is not None:
            return self.of(simpler)
        raise UnsupportedError(
            f"{source(node)} cannot be said in SymPy's matrix expressions; "
            "take numpy, torch or jax instead."
        )

    def _held(self, node: Node) -> str:
        """An operand, in brackets unless it is a name or a call."""
        text = self.of(node)
        return text if re.fullmatch(r"\w+|[A-Z]\w+\([^()]*\)", text) else f"({text})"

    def _product(self, left: Node, right: Node) -> str:
        one, other = self._held(left), self._held(right)
        match len(self._shape(left)), len(self._shape(right)):
            case 1, 1:
                return f"({one}.T*{other})[0, 0]"
            case 1, _:
                return f"{other}.T*{one}"
        return f"{one}*{other}"

    def _applied(self, function: str, arg: Node) -> str:
        if function[:1] == "d" and function[1:2].isupper():
            raise UnsupportedError(
                f"{source(nodes.Apply(function, arg))} cannot be said inside a formula of SymPy's; "
                "take numpy, torch or jax instead."
            )
        simpler = defined(function, nodes.Size("u", 1))  # a number of that name
        if function not in FUNCTIONS:
            self.functions.add(function)
            name = self.own(function)
        elif (known := FUNCTIONS[function].sympy(function)) is not None:
            name = known
        elif simpler is not None:
            name = f"Lambda(u, {self.of(simpler)})"
        else:
            raise MissingRuleError(nodes.Apply(function, arg), "name in SymPy")
        if self._shape(arg):
            return f"{self._held(arg)}.applyfunc({name})"
        return f"{name}({self.of(arg)})"

    @staticmethod
    def _summed(text: str, shape: Shape, axis: int | None, *, keepdims: bool) -> str:
        if not shape:
            return text
        rows, cols = _two(shape)
        if len(shape) == 1:
            return f"(OneMatrix(1, {rows})*{text})[0, 0]"
        match axis:
            case 0:
                total = f"(OneMatrix(1, {rows})*{text})"
                return total if keepdims else f"{total}.T"
            case 1:
                return f"({text}*OneMatrix({cols}, 1))"
        whole = f"(OneMatrix(1, {rows})*{text}*OneMatrix({cols}, 1))"
        return whole if keepdims else f"{whole}[0, 0]"

    def _power(self, node: Node, left: Node, right: Node) -> str:
        base, exponent = self._held(left), self.of(right)
        match bool(self._shape(left)), bool(self._shape(right)):
            case False, False:
                return f"{base}**({exponent})"
            case True, False:
                return f"HadamardPower({base}, {exponent})"
            case False, True:
                return f"{self._held(right)}.applyfunc(Lambda(u, {base}**u))"
        raise UnsupportedError(
            f"{source(node)} cannot be said in SymPy's matrix expressions; "
            "take numpy, torch or jax instead."
        )

    def _entrywise(self, node: Node) -> str:
        left, right = nodes.children(node)
        scalars = not self._shape(left), not self._shape(right)
        if isinstance(node, nodes.Divide) and scalars[1]:
            return f"{self._held(left)}/{self._held(right)}"
        if isinstance(node, nodes.Multiply) and any(scalars):
            return f"{self._held(left)}*{self._held(right)}"
        if all(scalars):
            return f"{self.of(left)} {_OPERATORS[type(node)]} {self._held(right)}"
        over = self._shape(node)
        one, other = (self._spread(part, over) for part in (left, right))
        match node:
            case nodes.Multiply():
                return f"HadamardProduct({one}, {other})"
            case nodes.Divide():
                return f"HadamardProduct({one}, HadamardPower({other}, -1))"
        return f"{one} {_OPERATORS[type(node)]} {other}"

    def _spread(self, node: Node, over: Shape) -> str:
        """An operand with every entry of the result's shape present."""
        text, own = self._held(node), self._shape(node)
        rows, cols = _two(over)
        if not own:
            return f"{text}*OneMatrix({rows}, {cols})"
        if len(own) == 1 and len(over) == 2:  # noqa: PLR2004 - a vector beside a matrix is a row
            text, own = f"{text}.T", (_ONE, *own)
        for place, (dim, wanted) in enumerate(zip(own, over, strict=True)):
            if dim != wanted:
                ones = f"OneMatrix({wanted.symbol}, 1)" if place == 0 else f"OneMatrix(1, {cols})"
                text = f"{ones}*{text}" if place == 0 else f"{text}*{ones}"
        return text if re.fullmatch(r"\w+", text) else f"({text})"


_ONE = Dim("1", 1)


def _two(shape: Shape) -> tuple[str, str]:
    """Rows and columns; a vector is a column."""
    symbols = [dim.symbol for dim in shape]
    return symbols[0], symbols[1] if len(symbols) > 1 else "1"


def _number(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value) if value >= 0 else f"({value})"
    return f"Rational({value.numerator}, {value.denominator})"
