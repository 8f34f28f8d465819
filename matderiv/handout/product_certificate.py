"""The certificate of one product: another program can prove it again for all sizes."""

from __future__ import annotations

import math
from collections.abc import Callable

import sympy as sp
from sympy.printing.str import StrPrinter

from matderiv.calculus.problem import Elementwise
from matderiv.calculus.scalars import Index, entry
from matderiv.calculus.series import Array, Scalar, Series, to_sympy
from matderiv.derivation.links import Chain, Derivation, Step
from matderiv.derivation.sides import (
    Element,
    Formula,
    MatrixPartial,
    ProductVecPartial,
    Side,
    Value,
    Written,
    WrittenProduct,
)
from matderiv.expression.source import source
from matderiv.handout.certificate import Json, certificate
from matderiv.notation.compose import Notation, automatic_show
from matderiv.notation.latex import latex

__all__ = ["product_certificate"]

#: Products up to which matrices and sums are written out; above, they are given by one entry
#: with index letters.
_WRITTEN_OUT = 5_000


def product_certificate(derivation: Derivation) -> str:
    """The certificate: program, definitions, and every link with both sides and its verdict."""
    writer = _Certificate(derivation)
    return certificate(derivation, "product", writer.stated(), writer.side)


class _Certificate:
    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self.problem = derivation.problem
        self.notation = Notation(derivation.problem, automatic_show(derivation.problem))
        volume = math.prod(dim.size for dim in self.problem.dims)
        self.most = _WRITTEN_OUT if volume <= _WRITTEN_OUT else 0

    def stated(self) -> Json:
        """What is said of the program."""
        problem = self.problem
        return {
            "program": problem.program.source(),
            "sizes": {dim.symbol: dim.size for dim in problem.dims},
            "shapes": {n: [d.symbol for d in s] for n, s in problem.shapes.items()},
            "letters": [str(s) for s in problem.letters.all],
            "definitions": self.definitions(),
            "wrt": list(self.derivation.wrt),
            "gradients": self.derivation.formulas,
        }

    def definitions(self) -> dict[str, str]:
        """Y, L and a known f in terms of the inputs, for every size."""
        problem = self.problem
        i, j = problem.letters.i, problem.letters.j
        product = problem.array(problem.product.value).at(i, j)
        found = {
            _text(entry(problem.name, i, j)): self.general(product),
            _text(problem.loss): self.general(problem.loss_definition),
        }
        if isinstance(problem.head, Elementwise) and problem.head.body is not None:
            found[_text(problem.head.at(problem.head.variable))] = _text(problem.head.body)
        return found

    def side(self, step: Step, _: Chain, side: Side) -> Json:
        """One side: its mathematics, and how it is printed."""
        body = self.body(side, general=step.kind == "index")
        return body | {"latex": latex(self.notation.side(side))}

    def body(self, side: Side, *, general: bool) -> Json:
        match side:
            case Value(scalar=scalar):
                letters = general or bool(_letters(scalar) & set(self.problem.letters.all))
                every_size = self.general(scalar)
                text = every_size if letters else _text(to_sympy(scalar, most=self.most))
                return {"type": "scalar", "general": every_size, "sympy": text}
            case Element(node=node, row=row, col=col):
                return {"type": "element", "of": source(node), "row": str(row), "col": str(col)}
            case Formula(node=node):
                return {"type": "formula", "of": source(node)}
            case MatrixPartial(name=name, wrt=wrt):
                return {"type": "partial", "of": name, "wrt": str(wrt)}
            case ProductVecPartial():
                raise TypeError("a Jacobian is no part of a derivation")
            case Written(array=array):
                return {"type": "matrix"} | self.matrix(array)
            case WrittenProduct(left=left, right=right):
                return {
                    "type": "product",
                    "factors": [{"type": "matrix"} | self.matrix(m) for m in (left, right)],
                }
        raise TypeError(f"{side} is not about a product")

    def matrix(self, array: Array) -> Json:
        """The entry in row p and column q, for every size; of a short matrix all entries too."""
        rows, cols = array.rows, array.cols
        p, q = self.problem.letters.p, self.problem.letters.q
        made: Json = {
            "shape": [rows.symbol, cols.symbol],
            "row": str(p),
            "col": str(q),
            "entry": self.general(array.at(p, q)),
        }
        if self.most:
            made["entries"] = [
                [self.written(array, i, j) for j in range(1, cols.size + 1)]
                for i in range(1, rows.size + 1)
            ]
        return made

    def written(self, array: Array, i: Index, j: Index) -> str:
        return _text(to_sympy(array.at(i, j), most=self.most))

    def general(self, scalar: Scalar) -> str:
        """The text of a scalar for every size: every sum runs to a size letter."""
        return _text(to_sympy(scalar, most=None))


class _Printer(StrPrinter):
    """SymPy's text, but `exp(1)` for the number that SymPy calls E: a loss may be called E."""

    def _print_Exp1(self, _: sp.Expr) -> str:  # noqa: N802 - SymPy's name
        return "exp(1)"


_text: Callable[[sp.Basic], str] = _Printer().doprint


def _letters(scalar: Scalar) -> set[sp.Basic]:
    """The index letters that a scalar holds besides those that it sums over."""
    match scalar:
        case Series(bounds=bounds):
            inside = {s for f in scalar.general_term() for s in _letters(f)}
            return inside - {b.letter for b in bounds}
        case sp.Expr():
            return set(scalar.free_symbols)
    return set()
