"""Sides as SymPy objects that a user can take further."""

from __future__ import annotations

from typing import cast

import sympy as sp

from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import (
    Atom,
    Call,
    Delta,
    Entry,
    Form,
    Index,
    Raised,
    Rate,
    Size,
)
from matderiv.calculus.problem import Problem
from matderiv.calculus.scalars import KNOWN_FUNCTIONS, Partial, delta, entry
from matderiv.calculus.series import Array, to_sympy
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.matrices import matrix_expression
from matderiv.derivation.sides import (
    Element,
    EntryOf,
    Formula,
    Indexed,
    Numerals,
    Side,
    Spelled,
    SpelledProduct,
    WrittenEntry,
    matrix_of,
)
from matderiv.errors import UnsupportedError
from matderiv.expression.nodes import Node

__all__ = ["MOST_WRITTEN", "program_expression", "side_expression"]

#: Terms of a sum, and entries of a matrix, up to which a SymPy object writes them out.
MOST_WRITTEN = 200


def side_expression(side: Side, problem: Problem, *, most: int) -> sp.Basic:
    """The SymPy object of one side: an expression or a matrix.

    A sum of more than `most` terms stays a SymPy `Sum`; a matrix of more than `most` terms in
    all is a `FunctionMatrix` whose indices count from 0.
    """
    if isinstance(side, Formula):
        return matrix_expression(side.node, problem.shapes)
    if isinstance(side, Element):
        return to_sympy(problem.array(side.node).at(side.row, side.col), most=0)
    value = matrix_of(side, problem)
    if not isinstance(value, Array):
        return to_sympy(value, most=most)
    rows, cols = value.rows.size, value.cols.size
    if rows * cols <= most:
        return sp.ImmutableDenseMatrix(
            rows, cols, lambda i, j: to_sympy(value.at(int(i) + 1, int(j) + 1), most=most)
        )
    p, q = problem.letters.p, problem.letters.q
    general = to_sympy(value.at(p + 1, q + 1), most=0)
    return sp.FunctionMatrix(rows, cols, sp.Lambda((p, q), general))


def program_expression(side: Side, task: Task, *, most: int) -> sp.Basic:
    """The SymPy object of one side of a whole program; sums are SymPy `Sum`s.

    Raises:
        UnsupportedError: SymPy cannot say it, or it is an array of more than `most` entries.
    """
    forms = _Forms(task)
    match side:
        case Formula(node):
            return matrix_expression(node, task.shapes)
        case EntryOf(node, indices) | WrittenEntry(node, indices):
            return forms.of(forms.entries.at(node, *indices))
        case Indexed(form):
            return forms.of(form)
        case Spelled(node):
            return forms.written(node, most)
        case SpelledProduct(left, right):
            factors = [forms.written(factor.node, most) for factor in (left, right)]
            return sp.MatMul(*factors, evaluate=False)
        case Numerals(rows, dimensions):
            values = [[sp.Rational(n.numerator, n.denominator) for n in row] for row in rows]
            return sp.ImmutableDenseMatrix(values) if dimensions else values[0][0]
    raise TypeError(f"{side} is not about a whole program")


class _Forms:
    def __init__(self, task: Task) -> None:
        self.task = task
        facts = task.sweep.facts
        self.entries = Entries(facts.shape, symmetric=facts.symmetric)

    def written(self, node: Node, most: int) -> sp.Basic:
        sizes = [dim.size for dim in self.task.sweep.facts.shape(node)]
        rows, cols = (*sizes, 1, 1)[:2]
        if rows * cols > most:
            raise UnsupportedError(f"{rows}×{cols} entries are too many to write out")

        def at(i: int, j: int) -> sp.Expr:
            return self.of(self.entries.at(node, *(int(i) + 1, int(j) + 1)[: len(sizes)]))

        return sp.ImmutableDenseMatrix(rows, cols, at) if sizes else at(0, 0)

    def of(self, form: Form) -> sp.Expr:
        made = []
        for term, number in form:
            factors = [self.atom(atom) ** power for atom, power in term.atoms]
            product = sp.Mul(sp.Rational(number.numerator, number.denominator), *factors)
            limits = [(_index(i), 1, self.task.sizes.get(size, 1)) for i, size in term.bound]
            made.append(sp.Sum(product, *limits) if limits else product)
        return sp.Add(*made)

    def atom(self, atom: Atom) -> sp.Expr:
        match atom:
            case Entry("π", ()):
                return sp.pi
            case Entry(name, indices):
                return entry(name, *map(_index, indices)) if indices else sp.Symbol(name)
            case Size(letter):
                return sp.Integer(self.task.sizes[letter])
            case Call(function, arg):
                of = KNOWN_FUNCTIONS.get(function) or sp.Function(function)
                return cast("sp.Expr", of(self.of(arg)))
            case Raised(base, exponent):
                power = sp.S.One if exponent is None else self.of(exponent)
                return cast("sp.Expr", sp.Pow(self.of(base), power))
            case Delta(one, other):
                return delta(_index(one), _index(other))
            case Rate(of, wrt):
                return Partial(self.atom(of), self.atom(wrt))
        raise UnsupportedError(f"SymPy has no expression for an entry of {atom.function}")


def _index(index: Index) -> sp.Basic:
    if isinstance(index, int):
        return sp.Integer(index)
    return sp.Symbol(index.strip("~_").replace(":", "_") or index, integer=True, positive=True)
