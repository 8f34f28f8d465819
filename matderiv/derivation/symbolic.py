"""Sides as SymPy objects that a user can take further."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import cast

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixElement

from matderiv.calculus.deciding.explicit import undefined_function, value_of
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.expanded import written_out
from matderiv.calculus.index_forms.forms import (
    Atom,
    Call,
    Chosen,
    Delta,
    Entry,
    Form,
    Index,
    Raised,
    Rate,
    SizeAtom,
    Whole,
    placed,
)
from matderiv.calculus.index_forms.meaning import form_of
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.matrices import MatrixExpressions
from matderiv.derivation.sides import (
    Cells,
    Contraction,
    Differential,
    EntryOf,
    Formula,
    Indexed,
    Inner,
    JacobianSide,
    Kronecker,
    KroneckerProducts,
    Kroneckers,
    Matrix,
    Numerals,
    Side,
    Slice,
    Spelled,
    SpelledProduct,
    Times,
    Vec,
    VecPartial,
    WrittenEntry,
)
from matderiv.errors import TooLarge, UnsupportedError
from matderiv.expression.matrix_functions import MATRIX_FUNCTIONS, function_kind
from matderiv.expression.nodes import Name, Node
from matderiv.expression.shapes import Dim, Shape
from matderiv.expression.source import source

__all__ = ["MOST_WRITTEN", "Partial", "formula_expression", "side_expression"]

#: Entries of a matrix up to which a SymPy object writes them out.
MOST_WRITTEN = 200


class Partial(sp.Expr):
    """∂of/∂wrt as one symbol: SymPy's `Derivative` of plain symbols would be 0.

    Raises:
        TypeError: when asked to differentiate it again.

    >>> Partial(sp.Symbol("L"), sp.IndexedBase("Y")[1, 2])
    Partial(L, Y[1, 2])
    """

    is_commutative = True

    def _eval_derivative(self, symbol: sp.Basic) -> sp.Expr:
        raise TypeError(f"{self} is a quantity of its own; it is not differentiated by {symbol}")


def formula_expression(node: Node, task: Task, *, most: int = MOST_WRITTEN) -> sp.Basic:
    """A matrix expression of SymPy's, or a matrix at the sizes where SymPy has none.

    >>> from matderiv.calculus.sweep.task import read_task
    >>> from matderiv.expression.parse import parse
    >>> task = read_task("L = sum((x - y)**2)", shapes={"x": (2,)})
    >>> formula_expression(parse("x - y").loss.value, task)
    x - y
    >>> formula_expression(parse("softplus(x)").loss.value, task)
    Lambda(_u, log(exp(_u) + 1)).(x)
    >>> formula_expression(parse("sum(x)").loss.value, task)
    Sum(x[k_0], (k_0, 1, 2))
    """
    shape, sizes = task.sweep.facts.shape, task.sizes

    def size(symbol: str) -> sp.Expr:
        return sp.Integer(symbol if symbol.isdigit() else sizes[symbol])

    try:
        return MatrixExpressions(shape, size, task.program.functions(), _no_total).of(node)
    except UnsupportedError:
        forms, places = _Forms(task, most), task.input_indices(shape(node))
        return forms.matrix(forms.entries.at(node, *places), places, shape(node))


def _no_total(_: sp.Expr) -> sp.Expr:
    raise UnsupportedError("SymPy works out no trace of a product with ones.")


def side_expression(side: Side, task: Task, *, most: int) -> sp.Basic:
    """The SymPy object of one side: an expression, or a matrix in which vectors are columns.

    Where indices are letters, sums are SymPy `Sum`s. A matrix of more than `most` entries is a
    `FunctionMatrix`, whose indices count from 0.
    """
    forms = _Forms(task, most)
    match side:
        case Formula(node):
            return formula_expression(node, task, most=most)
        case SpelledProduct(left, right):
            factors = (side_expression(factor, task, most=most) for factor in (left, right))
            return sp.MatMul(*factors, evaluate=False)
        case Numerals(numbers, dimensions):
            values = [[sp.Rational(n.numerator, n.denominator) for n in row] for row in numbers]
            return sp.ImmutableDenseMatrix(values) if dimensions else values[0][0]
        case EntryOf(node, indices):
            return forms.of(forms.entries.at(node, *indices))
        case WrittenEntry(expr=expr):
            return forms.of(form_of(expr, forms.entries))
        case Indexed(form):
            return forms.of(form)
        case Contraction() | Inner():
            return forms.of(side.form(forms.entries))
        case Spelled(node, indices, expr):
            return forms.matrix(form_of(expr, forms.entries), indices, forms.shape(node))
        case Differential(node=node, indices=indices):
            return forms.matrix(side.form(forms.entries), indices, forms.shape(node))
        case Matrix(indices=indices, over=over) | Cells(indices=indices, over=over):
            return forms.matrix(side.form(forms.entries), indices, over)
        case Slice(of=of):
            return forms.matrix(side.form(forms.entries), of.indices, forms.shape(Name(of.name)))
        case Vec(node, indices):
            rows = forms.placed(indices, forms.shape(node))
            return forms.grid(side.form(forms.entries), rows, ())
        case VecPartial():
            return forms.grid(side.form(forms.entries), *forms.sides(side))
        case Kroneckers(parts):
            return forms.grid(side.form(forms.entries), *forms.sides(parts[0]))
        case KroneckerProducts(products):
            rows, _ = forms.sides(products[0][0])
            _, cols = forms.sides(products[0][-1])
            rows = tuple(zip(side.rows, (size for _, size in rows), strict=True))
            cols = tuple(zip(side.cols, (size for _, size in cols), strict=True))
            return forms.grid(side.form(forms.entries), rows, cols)
        case Times(parts, indices, transposed):
            rows, cols = forms.sides(parts[0][0])
            dims = [dim for _, dim in (cols if transposed else rows)]
            return forms.grid(side.form(forms.entries), tuple(zip(indices, dims, strict=True)), ())
    raise TypeError(f"{type(side).__name__} is no side of a program's derivation")


#: Indices, each with its size.
_Places = tuple[tuple[Index, int], ...]


class _Forms:
    """Forms as expressions of SymPy's: entries are `X[i, j]`, counted from 1."""

    def __init__(self, task: Task, most: int) -> None:
        self.task = task
        self.most = most
        facts = task.sweep.facts
        self.shape = facts.shape
        self.entries = Entries(facts.shape, assumed=facts.assumed)

    # -- arrays --------------------------------------------------------------------------------

    def matrix(self, form: Form, indices: Sequence[Index], shape: Shape) -> sp.Basic:
        """An array by its general entry at indices; without any it is a number."""
        places = self.placed(indices, shape)
        return self.grid(form, places[:1], places[1:]) if places else self.of(form)

    @staticmethod
    def placed(indices: Sequence[Index], shape: Sequence[Dim]) -> _Places:
        """Indices with the sizes of an array's dimensions."""
        return tuple(zip(indices, (dim.size for dim in shape), strict=True))

    def sides(self, jacobian: JacobianSide) -> tuple[_Places, _Places]:
        """The indices of a row and those of a column of ∂vec(Z)/∂vec(X)."""
        match jacobian:
            case VecPartial(of=of, wrt=wrt):
                rows, cols = (
                    self.placed(one.indices, self.shape(Name(one.name))) for one in (of, wrt)
                )
                return rows, cols
            case Kronecker():
                dims = [1] * len(jacobian.cols)
                if jacobian.diagonal is not None:
                    dims = [dim.size for dim in jacobian.over]
                for factor in jacobian.factors:
                    if factor.col is not None:
                        dims[factor.col] = (
                            self.task.sizes[factor.size]
                            if factor.node is None
                            else self.shape(factor.node)[-1].size
                        )
                if jacobian.swapped:
                    dims.reverse()
                rows = self.placed(jacobian.rows, jacobian.over)
                return rows, tuple(zip(jacobian.cols, dims, strict=True))

    def grid(self, form: Form, rows: _Places, cols: _Places) -> sp.Basic:
        """The matrix whose rows and columns are counted through some indices, the last fastest."""
        height, width = (math.prod(size for _, size in places) for places in (rows, cols))
        if height * width > self.most:
            return self._lazy(self.of(form), rows, cols)
        found = []
        for numbers in itertools.product(*(range(1, size + 1) for _, size in (*rows, *cols))):
            letters = zip((*rows, *cols), numbers, strict=True)
            at: dict[str, Index] = {i: n for (i, _), n in letters if isinstance(i, str)}
            found.append(self._number(placed(form, at)))
        return sp.ImmutableDenseMatrix(height, width, found)

    def _number(self, form: Form) -> sp.Expr:
        """An entry at numbers, its sums term by term unless they are long."""
        try:
            return self.of(written_out(form, self.task.sizes))
        except (TooLarge, UnsupportedError):
            return self.of(form)

    @staticmethod
    def _lazy(entry: sp.Expr, rows: _Places, cols: _Places) -> sp.FunctionMatrix:
        """The same, worked out where an entry is asked for."""
        counters = sp.symbols("row column", integer=True, nonnegative=True)
        places: dict[sp.Basic, sp.Basic] = {}
        sizes = []
        for counter, indices in zip(counters, (rows, cols), strict=True):
            below = math.prod(size for _, size in indices)
            sizes.append(below)
            for index, size in indices:
                below //= size
                place = counter if below == 1 else sp.floor(counter / below)
                place = place if counter == place and len(indices) == 1 else sp.Mod(place, size)
                places[_index(index)] = place + 1
        return sp.FunctionMatrix(sizes[0], sizes[1], sp.Lambda(counters, entry.xreplace(places)))

    # -- numbers -------------------------------------------------------------------------------

    def of(self, form: Form) -> sp.Expr:
        """A form as an expression; its sums are `Sum`s."""
        made = []
        for term, number in form:
            factors = [self.atom(atom) ** power for atom, power in term.atoms]
            product = sp.Mul(sp.Rational(number.numerator, number.denominator), *factors)
            limits = [(_index(i), 1, self.task.sizes.get(size, 1)) for i, size in term.bound]
            made.append(sp.Sum(product, *limits) if limits else product)
        return sp.Add(*made)

    def atom(self, atom: Atom) -> sp.Expr:
        """A factor as an expression."""
        match atom:
            case Entry("π", ()):
                return sp.pi
            case Chosen(constant, indices):
                return _entry(source(constant), map(_index, indices))
            case Entry(name, indices):
                return _entry(name, map(_index, indices)) if indices else sp.Symbol(name)
            case SizeAtom(letter):
                return sp.Integer(self.task.sizes[letter])
            case Call(function, arg):
                return value_of(function, self.of(arg), self.task.program.functions())
            case Raised(base, exponent):
                power = sp.S.One if exponent is None else self.of(exponent)
                return cast("sp.Expr", sp.Pow(self.of(base), power))
            case Delta(one, other):
                return sp.KroneckerDelta(_index(one), _index(other))
            case Rate(of, wrt):
                return Partial(self.atom(of), self.atom(wrt))
            case Whole():
                return self._whole(atom)

    def _whole(self, atom: Whole) -> sp.Expr:
        """A function of a whole array, which is a `FunctionMatrix`; its entry comes after it."""
        arg = self.of(atom.arg)
        sizes = [self.task.sizes.get(size, 1) for _, size in atom.letters]
        letters = [_index(letter) for letter, _ in atom.letters]
        if atom.function == "prod":
            ranges = [(letter, 1, size) for letter, size in zip(letters, sizes, strict=True)]
            return cast("sp.Expr", sp.Product(arg, *ranges))
        shifted = arg.xreplace({letter: letter + 1 for letter in letters})
        letters += [cast("sp.Expr", sp.Dummy(integer=True)) for _ in range(2 - len(letters))]
        sizes += [1] * (2 - len(sizes))
        whole = sp.FunctionMatrix(sizes[0], sizes[1], sp.Lambda(tuple(letters), shifted))
        places = [_index(index) for index in atom.indices]
        match atom.function:
            case "inv":
                return MatrixElement(sp.Inverse(whole), *(place - 1 for place in places))
            case "det":
                return sp.Determinant(whole)
        name = atom.function
        if function_kind(name) in MATRIX_FUNCTIONS:
            return undefined_function(name.replace(" ", "_"))(whole, *places)
        by = (1,) if name not in self.task.program.functions() else ()
        return undefined_function(name[1:] if by else name, by)(whole, *places)


def _entry(name: str, indices: Iterable[object]) -> sp.Expr:
    """x_ij as `X[i, j]`."""
    return cast("sp.Expr", sp.Indexed(sp.IndexedBase(name), *indices))


def _index(index: Index) -> sp.Expr:
    if isinstance(index, int):
        return sp.Integer(index)
    letter = index.strip("~_").replace(":", "_") or index
    name = f"k_{letter}" if letter.isdigit() else letter
    return sp.Symbol(name, integer=True, positive=True)
