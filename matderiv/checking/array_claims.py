"""Claims about arrays of three and four axes: with einsum, with ⊗ and vec, or by their entries.

Each is read as a sum of products of entries, as arrays of derivatives are when they are derived.
"""

from __future__ import annotations

import ast
import contextlib
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.calculus.formulas.flattened import sum_of
from matderiv.calculus.index_forms.einsums import broadcasted
from matderiv.calculus.index_forms.forms import Index, Indices
from matderiv.calculus.index_forms.linear_maps import Factor, Product
from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.dims import SINGLE, Dim, Shape
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.nodes import Node

__all__ = ["ArrayAxes", "ArrayClaim", "claim_form", "node_of", "read_claim", "with_indices"]

_MATRIX = 2  # dimensions
_MOST = 200  # products of a claim

_INDEX = re.compile(r"[∂δΣ]|\bdelta_|^\s*[A-Z]_\w+\s*=")
_VEC = re.compile(r"\b(?:kron|vec)\(|\beye\([^)]*\*")


@dataclass(frozen=True, slots=True)
class ArrayAxes:
    """The axes of an array, and the words to read claims about it with.

    `rows` and `cols`: the letters and sizes of the axes of Y and of X. `read`: an expression of the
    language. `shape`: the shape of a formula. `names`: those that a claim may use.
    """

    rows: tuple[tuple[Index, Dim], ...]
    cols: tuple[tuple[Index, Dim], ...]
    read: Callable[[str], Node]
    shape: ShapeOf
    names: Mapping[str, Shape]

    @property
    def at(self) -> Indices:
        """The letters of all axes."""
        return tuple(letter for letter, _ in (*self.rows, *self.cols))

    @property
    def dims(self) -> Shape:
        """The sizes of all axes."""
        return tuple(dim for _, dim in (*self.rows, *self.cols))


@dataclass(frozen=True, slots=True)
class ArrayClaim:
    """A claim as a sum of products of entries; in a form with vec, also read the other way round.

    `form`: as in FORMS.
    """

    form: str
    products: tuple[Product, ...]
    turned: tuple[Product, ...] = ()


def claim_form(claim: str, names: Mapping[str, Shape]) -> str | None:
    """The form that a claim is written in; None where it is an expression of the language.

    >>> [claim_form(claim, {}) for claim in ("kron(B.T, A)", "∂y_ij/∂x_pq = a_ip·δ_jq", "2*A")]
    ['vec', 'index', None]
    """
    if "einsum(" in claim:
        return "einsum"
    if _VEC.search(claim) or ("K" not in names and re.search(r"\bK\b", claim)):
        return "vec"
    return "index" if _INDEX.search(claim) else None


def read_claim(claim: str, form: str, axes: ArrayAxes) -> ArrayClaim | None:
    """The claim in its form; None where it is a formula of the language that has to be read whole.

    Raises:
        InputError: it cannot be read.
    """
    if form == "index":
        claim = re.sub(r"\s*\n\s*", " ", claim)
        return ArrayClaim(form, tuple(_index_products(claim, axes)))
    try:
        tree = ast.parse(re.sub(r"^\s*\w+\s*=(?!=)", "", claim).strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return None
    if form == "einsum":
        found = _einsum_products(tree, axes)
        return None if found is None else ArrayClaim(form, tuple(found))
    own = tuple(_VecReader(axes, by_rows=form == "vec-rows").whole(tree))
    turned: tuple[Product, ...] = ()
    with contextlib.suppress(InputError):  # it may have no meaning the other way round
        turned = tuple(_VecReader(axes, by_rows=form == "vec").whole(tree))
    return ArrayClaim(form, own, turned if turned != own else ())


def node_of(products: Iterable[Product], axes: ArrayAxes) -> Node | None:
    """The array whose entry is the sum of the products; None where two sizes meet at one index."""
    terms = [_node(product, axes) for product in products]
    found = [(Fraction(1), term) for term in terms if term is not None]
    return sum_of(found) if found and len(found) == len(terms) else None


def _node(product: Product, axes: ArrayAxes) -> Node | None:
    own: dict[Index, Dim] = {}
    for node, places in product.factors:
        for i, dim in zip(places, axes.shape(node), strict=True):
            if own.setdefault(i, dim).symbol != dim.symbol and i != 1:
                return None
    dims = dict(zip(axes.at, axes.dims, strict=True)) | dict(product.summed)
    for one, other in product.deltas * 2:
        known = own.get(one) or own.get(other) or dims[one]
        if {own.setdefault(i, known).symbol for i in (one, other)} != {known.symbol}:
            return None
    summed = tuple((letter, own.get(letter, dim)) for letter, dim in product.summed)
    sizes = tuple(own.get(i, dims[i]) if i != 1 else SINGLE for i in axes.at)
    made = replace(product, summed=summed)
    return broadcasted([made], axes.at, sizes, axes.shape)


def _times(*some: Iterable[Product]) -> Iterator[Product]:
    """The product of sums of products."""
    for count, parts in enumerate(itertools.product(*some)):
        if count > _MOST:
            raise InputError(f"The claim has more than {_MOST} products; write it shorter.")
        made = Product()
        for one in parts:
            made = made.times(one.number, one.factors).also(one.deltas, one.summed)
        yield made


def _scaled(products: Iterable[Product], number: Fraction | int) -> list[Product]:
    return [product.times(Fraction(number)) for product in products]


def with_indices(product: Product, names: Mapping[Index, Index]) -> Product:
    """The product with other indices for some."""

    def new(index: Index) -> Index:
        return names.get(index, index)

    return Product(
        product.number,
        tuple((node, tuple(map(new, at))) for node, at in product.factors),
        tuple((new(a), new(b)) for a, b in product.deltas),
        tuple((str(new(letter)), dim) for letter, dim in product.summed),
    )


# -- einsum --------------------------------------------------------------------------------------


def _einsum_products(tree: ast.expr, axes: ArrayAxes) -> list[Product] | None:
    """The products of a sum of calls of einsum, each perhaps times numbers; None of another."""
    match tree:
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            one, other = (_einsum_products(side, axes) for side in (left, right))
            if one is None or other is None:
                return None
            return [*one, *_scaled(other, 1 if isinstance(op, ast.Add) else -1)]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            found = _einsum_products(operand, axes)
            return None if found is None else _scaled(found, -1)
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div() as op, right=right):
            held = ["einsum(" in ast.unparse(side) for side in (left, right)]
            if held == [True, False]:
                inside, beside = left, ast.unparse(right)
            elif held == [False, True] and isinstance(op, ast.Mult):
                inside, beside = right, ast.unparse(left)
            else:
                return None
            found = _einsum_products(inside, axes)
            scalar = axes.read(f"1/({beside})" if isinstance(op, ast.Div) else beside)
            if found is None or axes.shape(scalar):
                return None
            return list(_times([Product(factors=((scalar, ()),))], found))
        case ast.Call(
            func=ast.Name("einsum"),
            args=[ast.Constant(value=str() as subscripts), *operands],
            keywords=[],
        ):
            return _einsum_call(subscripts.replace(" ", ""), operands, axes)
    return None


def _einsum_call(
    subscripts: str, operands: list[ast.expr], axes: ArrayAxes
) -> list[Product] | None:
    inputs, _, output = subscripts.partition("->")
    letters = inputs.split(",")
    arrays = [axes.read(ast.unparse(operand)) for operand in operands]
    fits = len(letters) == len(arrays) and len(output) == len(set(output)) == len(axes.at)
    if not fits or any(
        len(own) != len(axes.shape(array)) for own, array in zip(letters, arrays, strict=True)
    ):
        return None  # to be read whole, which says what does not fit
    names: dict[str, Index] = dict(zip(output, axes.at, strict=True))
    summed: dict[str, Dim] = {}
    factors: list[Factor] = []
    for own, array in zip(letters, arrays, strict=True):
        places: list[Index] = []
        for letter, dim in zip(own, axes.shape(array), strict=True):
            place = names.setdefault(letter, f"e{len(names)}" if dim != SINGLE else 1)
            if letter not in output and isinstance(place, str):
                summed[place] = dim
            places.append(place)
        factors.append((array, tuple(places)))
    return [Product(factors=tuple(factors), summed=tuple(summed.items()))]


# -- ⊗ and vec -----------------------------------------------------------------------------------

#: The letters of the entries of a vector or matrix, those of axes of one place left out.
_Letters = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Matrix:
    """A matrix over the entries of vec(Y) and of vec(X); a column without `cols`."""

    products: tuple[Product, ...]
    rows: _Letters
    cols: _Letters | None


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
                raise InputError(
                    f"The {what} of the claim are over {len(letters)} indices, and those of the "
                    f"derivative over {len(own)}; see the shapes of its factors."
                )
            names |= zip(letters, own, strict=True)
        for text, letters in self.said:
            self._check_size(text, [names.get(i, i) for i in letters])
        for product in found.products:
            yield with_indices(self._sized(product), names)

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
                    return replace(found, products=tuple(_scaled(found.products, -1)))
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
                    made = tuple(_times(*(side.products for side in sides)))
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
        more = (with_indices(product, names) for product in _scaled(other.products, sign))
        return replace(one, products=(*one.products, *more))

    def _product(self, one: _Matrix, other: _Matrix) -> _Matrix:
        if one.cols is None:
            raise InputError("vec(…) stands before @; it is a column, and outer multiplies two.")
        names = self._joined(other.rows, one.cols)
        # the sizes are known once all letters are
        summed = tuple((i, self.dims.get(i, SINGLE)) for i in one.cols)
        made = (
            product.also(summed=summed)
            for product in _times(one.products, (with_indices(p, names) for p in other.products))
        )
        return _Matrix(tuple(made), one.rows, other.cols)

    def _multiplied(self, one: _Matrix | Node, other: _Matrix | Node, *, divided: bool) -> _Matrix:
        matrix, scalar = (one, other) if isinstance(one, _Matrix) else (other, one)
        swapped = divided and matrix is other
        if swapped or isinstance(scalar, _Matrix) or self.axes.shape(scalar):
            raise InputError("Matrices over vec are multiplied with @; * takes a number.")
        assert isinstance(matrix, _Matrix)
        scalar = nodes.Divide(nodes.ONE, scalar) if divided else scalar
        made = _times([Product(factors=((scalar, ()),))], matrix.products)
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


# -- entries -------------------------------------------------------------------------------------

#: Exponents above the line, and the signs that they stand for.
_RAISED = re.compile("[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_LOWERED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")

_TOKEN = re.compile(
    r"\s*(?:(?P<sum>(?:Σ|\bsum)_\{?(?P<over>[a-z]+)\}?)"
    r"|(?P<delta>(?:δ|\bdelta)_\{?(?P<pair>[a-z],?[a-z])\}?)"
    r"|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<entry>(?P<array>[A-Za-z]\w*?|⟨\d+⟩)_(?:\{(?P<braced>[a-z,]+)\}|(?P<at>[a-z]{1,4})(?![A-Za-z0-9])))"
    r"|(?P<name>[^\W\d_]\w*[′'’]*)"
    r"|(?P<sign>\*\*|[-+*·/^()]))"
)
_LEFT = re.compile(
    r"\s*(?:∂(?:²|\^2)?[·\s]*\w+?(?:_\{?(?P<of>[a-z,]+)\}?)?\s*/\s*(?P<by>(?:\(?∂\s*\w+?_\{?[a-z,]+\}?\s*)+)\)?"
    r"|\w+?_\{?(?P<all>[a-z,]+)\}?)\s*=(?P<right>.*)",
    re.DOTALL,
)
_BY = re.compile(r"∂\s*\w+?_\{?([a-z,]+)\}?")


def _index_products(claim: str, axes: ArrayAxes) -> Iterator[Product]:
    """The products of an equation such as ∂y_ij/∂x_pq = Σ_k a_ik·b_kp·δ_jq."""
    found = _LEFT.fullmatch(claim.strip())
    if found is None:
        raise InputError(
            "A claim about entries says on the left which one it is, as in ∂y_ij/∂x_pq = a_ip·δ_jq."
        )
    left = found["all"] or (found["of"] or "") + "".join(_BY.findall(found["by"]))
    letters = left.replace(",", "")
    if len(letters) != len(axes.at) or len(set(letters)) < len(letters):
        raise InputError(
            f"The left side has the indices {', '.join(letters)}, and the array has "
            f"{len(axes.at)} axes; name each once."
        )
    reader = _EntryReader(found["right"], axes)
    products = reader.total()
    if reader.tokens:
        raise InputError(f"The claim cannot be read from {reader.tokens[0][1]!r} on.")
    names: dict[Index, Index] = dict(zip(letters, axes.at, strict=True))
    for product in products:
        bound = {letter for letter, _ in product.summed}
        own = {i for _, at in product.factors for i in at} | {i for d in product.deltas for i in d}
        loose = sorted(own - bound - names.keys() - {1}, key=str)
        summed = [(str(i), reader.size(i, product)) for i in loose]
        yield with_indices(product.also(summed=summed), names)


class _EntryReader:
    """Reads sums, products and functions of entries; each method takes tokens from the left."""

    def __init__(self, text: str, axes: ArrayAxes) -> None:
        self.axes = axes
        self.formulas: dict[str, Node] = {}
        text = self.without_formulas(text)
        self.tokens: list[tuple[str, str, re.Match[str]]] = []
        self.count = itertools.count()
        place = 0
        while text[place:].strip():
            token = _TOKEN.match(text, place)
            if token is None:
                raise InputError(f"The claim cannot be read from {text[place:][:20].strip()!r} on.")
            kind = token.lastgroup or ""
            kind = next(k for k in ("sum", "delta", "number", "entry", "name", "sign") if token[k])
            self.tokens.append((kind, token[kind], token))
            place = token.end()

    def without_formulas(self, text: str) -> str:
        """The text with short names for arrays in brackets, such as that of (X^(-1))_qj."""
        text = re.sub(r"\^\(([′'’]+)\)", r"\1", text)
        text = _RAISED.sub(lambda found: f"^({found[0].translate(_LOWERED)})", text)
        while behind := re.search(r"\)(?=_\{?[a-z])", text):
            start = _opening(text, behind.start())
            name = f"⟨{len(self.formulas)}⟩"
            self.formulas[name] = self.axes.read(_matrix_text(text[start + 1 : behind.start()]))
            text = f"{text[:start]}{name}{text[behind.end() :]}"
        return text

    def next_is(self, *signs: str) -> bool:
        """Whether one of these signs follows."""
        return bool(self.tokens) and self.tokens[0][1] in signs

    def total(self) -> list[Product]:
        """A sum of products."""
        found: list[Product] = []
        sign = 1
        while True:
            while self.next_is("+", "-"):
                sign *= -1 if self.tokens.pop(0)[1] == "-" else 1
            found += _scaled(self.product(), sign)
            if not self.next_is("+", "-"):
                return found
            sign = 1

    def product(self) -> list[Product]:
        """A product, perhaps without signs between its factors."""
        found = self.factor()
        while self.tokens and not self.next_is("+", "-", ")"):
            divided = self.next_is("/")
            if self.next_is("*", "·", "/"):
                self.tokens.pop(0)
            more = self.factor()
            found = list(_times(found, [self.power(more, Fraction(-1))] if divided else more))
        return found

    def factor(self) -> list[Product]:
        """A factor with its exponent."""
        found = self.base()
        if self.next_is("^", "**"):
            self.tokens.pop(0)
            return [self.power(found, self.exponent())]
        return found

    def exponent(self) -> Fraction:
        """A whole number, perhaps in brackets."""
        bracket = self.next_is("(")
        end = self.closing(0) + 1 if bracket else 1
        text = "".join(text for _, text, _ in self.tokens[:end]).strip("()")
        del self.tokens[:end]
        try:
            return Fraction(text)
        except (ValueError, ZeroDivisionError):
            raise InputError(f"{text!r} is no number; an exponent of entries is one.") from None

    def base(self) -> list[Product]:
        """An entry, a delta, a sum, a function or brackets."""
        if not self.tokens:
            raise InputError("The claim ends where a factor should follow.")
        kind, text, token = self.tokens.pop(0)
        match kind:
            case "number":
                return [Product(number=Fraction(text))]
            case "delta":
                return [Product(deltas=((token["pair"][0], token["pair"][-1]),))]
            case "sum":
                return self.summed(token["over"])
            case "entry":
                return [self.entry(token["array"], token["at"] or token["braced"].replace(",", ""))]
            case "name" if text == "e" and self.next_is("^"):
                self.tokens.pop(0)
                arg, at = self.formula(self.base())
                return [Product(factors=((nodes.Apply("exp", arg), at),))]
            case "name" if self.next_is("(") or self.next_is("^"):
                return [self.function(text)]
            case "name":
                return [Product(factors=((self.axes.read(text), ()),))]
        if text != "(":
            raise InputError(f"The claim has {text!r} where a factor should stand.")
        return self.brackets()

    def brackets(self) -> list[Product]:
        """A sum in brackets."""
        self.closing(1)
        found = self.total()
        self.tokens.pop(0)
        return found

    def closing(self, depth: int) -> int:
        """The place of the token that closes the outermost of so many open brackets."""
        for place, (_, text, _) in enumerate(self.tokens):
            depth += {"(": 1, ")": -1}.get(text, 0)
            if not depth:
                return place
        raise InputError("A bracket is not closed in the claim.")

    def summed(self, letters: str) -> list[Product]:
        """Σ_k of all that follows in the product."""
        made = []
        for product in self.product():
            sizes = [(letter, self.size(letter, product)) for letter in letters]
            names: dict[Index, Index] = {letter: f"s{next(self.count)}" for letter in letters}
            made.append(with_indices(product.also(summed=sizes), names))
        return made

    def size(self, letter: Index, product: Product) -> Dim:
        """The size that an index runs over."""
        for node, at in product.factors:
            for i, dim in zip(at, self.axes.shape(node), strict=True):
                if i == letter:
                    return dim
        raise InputError(f"The index {letter} belongs to no array of the claim.")

    def entry(self, name: str, letters: str) -> Product:
        """x_pq of a matrix X or x_p of a vector x, or an entry of a formula."""
        if name in self.formulas:
            return self.at(self.formulas[name], letters)
        fitting = (one for one in (name, name[0].upper() + name[1:]) if one in self.axes.names)
        for one in fitting:
            if len(self.axes.names[one]) == len(letters):
                return self.at(nodes.Name(one), letters)
        known = ", ".join(n for n, shape in self.axes.names.items() if shape)
        raise InputError(f"{name}_{letters} is no entry here; there are those of {known}.")

    def at(self, node: Node, letters: str) -> Product:
        """An entry of a formula."""
        shape = self.axes.shape(node)
        if len(shape) != len(letters):
            raise InputError(f"{letters} are no indices of an array of {len(shape)} axes.")
        places = tuple(1 if dim == SINGLE else i for i, dim in zip(letters, shape, strict=True))
        return Product(factors=((node, places),))

    def function(self, name: str) -> Product:
        """f(x_ij), or a number such as det(X)."""
        power = Fraction(1)
        if self.next_is("^"):
            self.tokens.pop(0)
            power = self.exponent()
        if not self.next_is("("):
            raise InputError(f"{name} is followed by no brackets in the claim.")
        primes = len(name) - len(name.rstrip("′'’"))
        name = "d" * primes + name.rstrip("′'’")
        start, place = self.tokens[0][2], self.closing(0)
        inside = self.tokens[1:place]
        if not any(kind in ("entry", "sum", "delta") for kind, *_ in inside):
            text = start.string[start.end() : self.tokens[place][2].start()]
            del self.tokens[: place + 1]
            return self.power([Product(factors=((self.axes.read(f"{name}({text})"), ()),))], power)
        self.tokens.pop(0)
        arg, at = self.formula(self.total())
        self.tokens.pop(0)
        known = self.axes.read(f"{name}(1)") if name not in FUNCTIONS else None
        if known is not None and not isinstance(known, nodes.Apply):
            raise InputError(f"{name} is no function of entries.")
        return self.power([Product(factors=((nodes.Apply(name, arg), at),))], power)

    def formula(self, products: list[Product]) -> tuple[Node, Indices]:
        """A sum of products as one array with an axis for each index."""
        letters: dict[Index, Dim] = {}
        for product in products:
            bound = {letter for letter, _ in product.summed}
            used = [*product.deltas, *(at for _, at in product.factors)]
            for i in itertools.chain(*used):
                if i != 1 and i not in bound:
                    letters.setdefault(i, self.size(i, product))
        at = tuple(letters)
        return broadcasted(products, at, tuple(letters.values()), self.axes.shape), at

    def power(self, products: list[Product], exponent: Fraction) -> Product:
        """A sum of products to a power, as one factor."""
        if exponent == 1 and len(products) == 1:
            return products[0]
        node, at = self.formula(products)
        raised = nodes.Power(node, nodes.Number(exponent))
        return Product(factors=((nodes.Divide(nodes.ONE, node) if exponent == -1 else raised, at),))


def _opening(text: str, closing: int) -> int:
    """The place of the bracket that another one closes."""
    depth = 0
    for place in range(closing, -1, -1):
        depth += {")": 1, "(": -1}.get(text[place], 0)
        if not depth:
            return place
    raise InputError("A bracket is closed in the claim that is not open.")


def _matrix_text(text: str) -> str:
    """A formula as it is typed: inv(X) for X^(-1), X.T for X^T.

    >>> _matrix_text("A·X^(-1)")
    'A @ inv(X)'
    """
    text = re.sub(r"(\w+)\s*\^\s*\(\s*-\s*1\s*\)", r"inv(\1)", text)
    text = re.sub(r"(?:\^T|ᵀ)", ".T", text)
    return text.replace("·", " @ ")
