"""Claims about arrays of three and four axes as matrices between vec(Y) and vec(X)."""

from __future__ import annotations

import ast
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from matderiv.calculus.index_forms.forms import Index
from matderiv.calculus.index_forms.linear_maps import Factor, Product
from matderiv.checking.claim_products import ArrayAxes, multiplied_sums, scaled_sum
from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.dims import SINGLE, Dim
from matderiv.expression.nodes import Node

__all__ = ["vec_products"]

_MATRIX = 2  # dimensions

#: The letters of the entries of a vector or matrix, those of axes of one place left out.
_Letters = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Matrix:
    """A matrix over the entries of vec(Y) and of vec(X); a column without `cols`."""

    products: tuple[Product, ...]
    rows: _Letters
    cols: _Letters | None


def vec_products(tree: ast.expr, axes: ArrayAxes, *, by_rows: bool) -> tuple[Product, ...]:
    """The products of a claim with vec by rows or by columns, over the letters of the array.

    Raises:
        InputError: it cannot be read as such a matrix.
    """
    return tuple(_VecReader(axes, by_rows).whole(tree))


@dataclass(slots=True)
class _VecReader:
    axes: ArrayAxes
    by_rows: bool
    count: Iterator[int] = field(default_factory=itertools.count)
    #: The sizes of letters, as far as they are known.
    dims: dict[str, Dim] = field(default_factory=dict)
    #: The sizes that identity matrices are said to have, and the letters that they are over.
    said: list[tuple[str, _Letters]] = field(default_factory=list)

    def whole(self, tree: ast.expr) -> Iterator[Product]:
        """The products of the claim, over the letters of the array."""
        found = self.of(tree)
        if not isinstance(found, _Matrix):
            raise InputError("The claim has no matrix over vec(Y) and vec(X); write such as kron.")
        if found.cols is None:
            raise InputError("vec(…) alone is a column; a matrix of derivatives is diag(vec(…)).")
        names: dict[Index, Index] = {}
        sides = ((found.rows, self.axes.rows, "rows"), (found.cols, self.axes.cols, "columns"))
        for letters, side, what in sides:
            own = [letter for letter, _ in side if letter != 1]
            if len(own) != len(letters):
                count = "1 index" if len(letters) == 1 else f"{len(letters)} indices"
                raise InputError(
                    f"The {what} of the claim are over {count}, and those of the derivative over "
                    f"{len(own)}; in kron a vector x is a row, and x[:, None] a column."
                )
            names |= zip(letters, own, strict=True)
        for text, letters in self.said:
            self._check_size(text, [names.get(i, i) for i in letters])
        for product in found.products:
            yield self._sized(product).renamed(names)

    def of(self, tree: ast.expr) -> _Matrix | Node:
        """A matrix over pairs, or a formula of the language."""
        match tree:
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
                one, other = self.of(left), self.of(right)
                if isinstance(one, _Matrix) or isinstance(other, _Matrix):
                    sign = 1 if isinstance(op, ast.Add) else -1
                    return self._added(self._pairs(one), self._pairs(other), sign)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                found = self.of(operand)
                if isinstance(found, _Matrix):
                    return replace(found, products=tuple(scaled_sum(found.products, -1)))
            case ast.BinOp(left=left, op=ast.Mult() | ast.Div() as op, right=right):
                one, other = self.of(left), self.of(right)
                if isinstance(one, _Matrix) or isinstance(other, _Matrix):
                    return self._multiplied(one, other, divided=isinstance(op, ast.Div))
            case ast.BinOp(left=left, op=ast.MatMult(), right=right):
                one, other = self.of(left), self.of(right)
                if isinstance(one, _Matrix) or isinstance(other, _Matrix):
                    return self._product(self._pairs(one), self._pairs(other))
            case ast.Attribute(value=value, attr="T"):
                found = self.of(value)
                if isinstance(found, _Matrix) and found.cols is not None:
                    return replace(found, rows=found.cols, cols=found.rows)
            case ast.Call(func=ast.Name(name), args=args, keywords=[]):
                made = self._called(name, args)
                if made is not None:
                    return made
            case ast.Name("K") if "K" not in self.axes.names:
                a, b, c, d = self._new(4)
                return _Matrix((Product(deltas=((a, d), (b, c))),), (a, b), (c, d))
        return self.axes.read(ast.unparse(tree))

    def _called(self, name: str, args: list[ast.expr]) -> _Matrix | None:
        match name, args:
            case "kron", [left, right]:
                return self._kron(*(self._plain(arg) for arg in (left, right)))
            case "vec", [arg]:
                node = self._plain(arg)
                at = self._places(node, column=True)
                return _Matrix((self._factor((node, at)),), _kept(at), None)
            case "diag", [arg]:
                found = self.of(arg)
                if isinstance(found, _Matrix) and found.cols is None:
                    cols = tuple(self._new(len(found.rows)))
                    deltas = tuple(zip(found.rows, cols, strict=True))
                    self.dims |= {b: self.dims[a] for a, b in deltas}
                    made = tuple(product.also(deltas) for product in found.products)
                    return _Matrix(made, found.rows, cols)
            case "outer", [left, right]:
                one, other = self.of(left), self.of(right)
                if isinstance(one, _Matrix) or isinstance(other, _Matrix):
                    sides = [self._pairs(side) for side in (one, other)]
                    made = tuple(multiplied_sums(*(side.products for side in sides)))
                    return _Matrix(made, sides[0].rows, sides[1].rows)
            case "eye", [ast.BinOp(op=ast.Mult()) as size]:
                a, b, c, d = self._new(4)
                self.said.append((ast.unparse(size), (a, b)))
                return _Matrix((Product(deltas=((a, c), (b, d))),), (a, b), (c, d))
        return None

    def _kron(self, left: Node, right: Node) -> _Matrix:
        sides = [(node, self._places(node, column=False)) for node in (left, right)]
        product = self._factor(*sides)
        (_, (a, b)), (_, (c, d)) = sides if self.by_rows else sides[::-1]
        return _Matrix((product,), _kept((a, c)), _kept((b, d)))

    def _plain(self, tree: ast.expr) -> Node:
        found = self.of(tree)
        if isinstance(found, _Matrix) or not 1 <= len(self.axes.shape(found)) <= _MATRIX:
            raise InputError(f"{ast.unparse(tree)} is no matrix; kron and vec are of matrices.")
        return found

    def _new(self, count: int) -> Iterator[str]:
        return (f"v{next(self.count)}" for _ in range(count))

    def _places(self, node: Node, *, column: bool) -> tuple[Index, Index]:
        """Letters for rows and columns: a vector is one column or, as in NumPy's kron, one row."""
        dims = self.axes.shape(node)
        if len(dims) < _MATRIX:
            dims = (*dims, SINGLE) if column else (SINGLE, *dims)
        places: list[Index] = []
        for dim in dims:
            (letter,) = self._new(1)
            places.append(1 if dim == SINGLE else letter)
            if dim != SINGLE:
                self.dims[letter] = dim
        return places[0], places[1]

    def _factor(self, *factors: tuple[Node, tuple[Index, Index]]) -> Product:
        """Vectors and matrices at their rows and columns; a vector has one of the two."""
        own: list[Factor] = []
        for node, (row, col) in factors:
            vector = len(self.axes.shape(node)) < _MATRIX
            own.append((node, ((row if col == 1 else col),) if vector else (row, col)))
        return Product(factors=tuple(own))

    def _pairs(self, found: _Matrix | Node) -> _Matrix:
        """A matrix of the language as one over pairs, of which it has the first indices."""
        if isinstance(found, _Matrix):
            return found
        dims = self.axes.shape(found)
        if not 1 <= len(dims) <= _MATRIX:
            raise InputError("A number is added to a matrix over vec; multiply it by eye instead.")
        row, col = self._places(found, column=True)
        cols = _kept((col,)) if len(dims) == _MATRIX else None
        return _Matrix((self._factor((found, (row, col))),), _kept((row,)), cols)

    def _added(self, one: _Matrix, other: _Matrix, sign: int) -> _Matrix:
        if one.cols is None or other.cols is None:
            raise InputError("A column vec(…) is added to a matrix; write diag(vec(…)).")
        names = self._joined(other.rows, one.rows) | self._joined(other.cols, one.cols)
        more = (product.renamed(names) for product in scaled_sum(other.products, sign))
        return replace(one, products=(*one.products, *more))

    def _product(self, one: _Matrix, other: _Matrix) -> _Matrix:
        if one.cols is None:
            raise InputError("vec(…) stands before @; it is a column, and outer multiplies two.")
        names = self._joined(other.rows, one.cols)
        # the sizes are known once all letters are
        summed = tuple((i, self.dims.get(i, SINGLE)) for i in one.cols)
        made = (
            product.also(summed=summed)
            for product in multiplied_sums(one.products, (p.renamed(names) for p in other.products))
        )
        return _Matrix(tuple(made), one.rows, other.cols)

    def _multiplied(self, one: _Matrix | Node, other: _Matrix | Node, *, divided: bool) -> _Matrix:
        matrix, scalar = (one, other) if isinstance(one, _Matrix) else (other, one)
        swapped = divided and matrix is other
        if swapped or isinstance(scalar, _Matrix) or self.axes.shape(scalar):
            raise InputError("Matrices over vec are multiplied with @; * takes a number.")
        assert isinstance(matrix, _Matrix)
        scalar = nodes.Divide(nodes.ONE, scalar) if divided else scalar
        made = multiplied_sums([Product(factors=((scalar, ()),))], matrix.products)
        return replace(matrix, products=tuple(made))

    def _joined(self, old: _Letters, new: _Letters) -> dict[Index, Index]:
        """New names for letters, which take over what is known of the old ones' sizes."""
        names: dict[Index, Index] = {}
        names.update(zip(old, new, strict=False))
        sizes = [[self.dims.get(i) for i in letters] for letters in (new, old)]
        if len(old) != len(new) or any(
            one and other and one.symbol != other.symbol for one, other in zip(*sizes, strict=True)
        ):
            words = " and ".join(
                "*".join(dim.symbol if dim else "?" for dim in some) or "1" for some in sizes
            )
            raise InputError(f"The sizes of two matrices over vec do not fit: {words}.")
        self.dims |= {b: self.dims[a] for a, b in zip(old, new, strict=True) if a in self.dims}
        self.said = [(text, tuple(str(names.get(i, i)) for i in at)) for text, at in self.said]
        return names

    def _sized(self, product: Product) -> Product:
        """The product with the sizes of letters that were not known before."""
        for one, other in product.deltas * 2:
            for a, b in ((str(one), str(other)), (str(other), str(one))):
                if a in self.dims:
                    self.dims.setdefault(b, self.dims[a])
        summed = tuple((letter, self.dims.get(letter, dim)) for letter, dim in product.summed)
        return replace(product, summed=summed)

    def _check_size(self, text: str, letters: Iterable[Index]) -> None:
        known = dict(zip(self.axes.at, self.axes.dims, strict=True))
        dims = [self.dims.get(str(i)) or known[i] for i in letters]
        own = Counter(dim.symbol for dim in dims)
        numbers = Counter(str(dim.size) for dim in dims)
        if Counter(part.strip() for part in text.split("*")) not in (own, numbers):
            right = "*".join(own.elements())
            raise InputError(f"eye({text}) stands where the size is {right}; write eye({right}).")


def _kept(letters: Iterable[Index]) -> _Letters:
    return tuple(i for i in letters if isinstance(i, str))
