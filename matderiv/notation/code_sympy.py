"""Gradients as the text of SymPy matrix expressions: vectors are columns, and sizes letters."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.printing.str import StrPrinter

from matderiv.calculus.sweep.results import Sweep
from matderiv.derivation.matrices import MatrixExpressions, rows_and_columns
from matderiv.expression import nodes
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.nodes import Node
from matderiv.expression.shapes import Shape
from matderiv.notation.statements import statements

__all__ = ["sympy_code"]

#: Every name that a text may import.
_IMPORTS = sorted(
    {
        *"DiagMatrix DiagonalOf Determinant Function HadamardPower HadamardProduct".split(),
        *"Identity Inverse Lambda MatrixSymbol OneMatrix Rational Symbol Trace ZeroMatrix".split(),
        *"diff pi symbols".split(),
        *filter(None, (function.sympy(name) for name, function in FUNCTIONS.items())),
    }
)


def sympy_code(swept: Sweep, formulas: Mapping[str, Node], note: str = "", label: str = "") -> str:
    """Statements after which dX is a SymPy expression, for every X of the formulas.

    `label` is another name of the only one.

    Raises:
        UnsupportedError: SymPy has no words for a part of it.
    """
    shapes = swept.graph.shapes
    steps = statements(swept, formulas)
    if label:
        (name,) = formulas
        steps[label] = steps.pop(f"d{name}")
    matrices = MatrixExpressions(swept.facts.shape, _size, swept.graph.program.functions())
    printer = _Printer()
    lines = []
    for name, value in steps.items():
        if isinstance(value, nodes.Apply) and value.function[1:2].isupper():  # dLoss(Y)
            lines.append(_symbol(name, shapes[name[1:]]))
        else:
            text = ast.unparse(ast.parse(printer.doprint(matrices.of(value)), mode="eval"))
            lines.append(f"{_own(name)} = {text}")  # only needed brackets stay
    used = frozenset[str]().union(*map(nodes.names_in, steps.values()))
    inputs = [_symbol(name, shapes[name]) for name in swept.graph.inputs() if name in used]
    body = "\n".join([*inputs, *lines])
    before = []
    letters = dict.fromkeys(dim.symbol for shape in shapes.values() for dim in shape)
    sizes = [x for x in letters if not x.isdigit() and re.search(rf"\b{x}\b", body)]
    if sizes:
        said = f'symbols("{" ".join(sizes)}", integer=True, positive=True)'
        before.append(f"{', '.join(sizes)} = {said}")
    if printer.functions or "Lambda(u" in body:
        before.append('u = Symbol("u", real=True)')
    for name, derived in sorted(printer.functions):
        before.append(f'{_own(name)} = Function("{name}")')
        if derived:
            before.append(f"{_own(f'd{name}')} = Lambda(u, diff({_own(name)}(u), u))")
    whole = "\n".join([*dict.fromkeys(before), body])
    wanted = [name for name in _IMPORTS if re.search(rf"(?<![\w\"]){name}\b", whole)]
    comment = [f"# {note}"] if note else []
    imports = [f"from sympy import {', '.join(wanted)}", ""] if wanted else []
    return "\n".join([*comment, *imports, whole, ""])


def _size(symbol: str) -> sp.Expr:
    return sp.Integer(symbol) if symbol.isdigit() else sp.Symbol(symbol, positive=True)


def _own(name: str) -> str:
    """An identifier that hides nothing of SymPy's that is used."""
    return f"{name}_" if name in {*_IMPORTS, "u"} else name


def _symbol(name: str, shape: Shape) -> str:
    """The line that makes a symbol."""
    if not shape:
        return f'{_own(name)} = Symbol("{name}", real=True)'
    rows, cols = rows_and_columns(shape)
    return f'{_own(name)} = MatrixSymbol("{name}", {rows}, {cols})'


_CALL = re.compile(r"\w+\(u\)")


class _Printer(StrPrinter):
    """SymPy's printer with calls in the place of signs that Python has not.

    `functions` are the undefined functions, each with whether it is differentiated.
    """

    def __init__(self) -> None:
        super().__init__()
        self.functions: set[tuple[str, bool]] = set()

    def _print(self, expr: object, **settings: object) -> str:
        match expr:
            case sp.Dummy():
                return "u"
            case sp.Lambda(expr=value):
                text = self._print(value)
                return text.removesuffix("(u)") if _CALL.fullmatch(text) else f"Lambda(u, {text})"
            case sp.Symbol(name=name) | sp.MatrixSymbol(name=name):
                return _own(name)
            case sp.Rational(p=p, q=q) if q != 1:
                return f"Rational({p}, {q})"
            case sp.Inverse(arg=arg):
                return f"Inverse({self._print(arg)})"
            case sp.Trace(arg=sp.MatrixExpr(shape=(sp.S.One, sp.S.One)) as matrix):
                return f"({self._print(matrix)})[0, 0]"
            case ElementwiseApplyFunction(function=function, expr=matrix):
                return f"({self._print(matrix)}).applyfunc({self._print(function)})"
            case sp.Function(undefined=(name, by)):
                self.functions.add((str(name), bool(by)))
                return f"{_own(type(expr).__name__)}({self.stringify(expr.args, ', ')})"
            case (
                sp.Identity()
                | sp.OneMatrix()
                | sp.ZeroMatrix()
                | sp.HadamardProduct()
                | sp.HadamardPower()
            ):
                return f"{type(expr).__name__}({self.stringify(expr.args, ', ')})"
        return str(super()._print(expr, **settings))
