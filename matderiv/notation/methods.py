"""Boxes for differentials, slices, vec and Kronecker products."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction as Rational

from matderiv.calculus.index_forms.forms import Entry, Index
from matderiv.derivation.sides import (
    Cells,
    Contraction,
    Differential,
    Inner,
    Kronecker,
    KroneckerFactor,
    KroneckerProducts,
    Kroneckers,
    Matrix,
    RouteSide,
    Slice,
    Times,
    Vec,
    VecPartial,
)
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.shapes import Shape
from matderiv.notation.boxes import (
    BigSum,
    Box,
    Fence,
    Operator,
    Row,
    Scripts,
    Symbol,
    Terms,
    Word,
    joined,
)
from matderiv.notation.formulas import Formulas
from matderiv.notation.names import (
    fenced,
    name_box,
    named_entry,
    partial_ratio,
    raised_box,
    vec,
)

__all__ = ["box", "identity_box", "swap_box"]

_T = Operator("transpose")
_KRONECKER = Operator("kronecker")


def box(side: RouteSide, formulas: Formulas) -> Box:
    """One side of an equality."""
    match side:
        case Differential(of, node):
            return formulas.direct(_differential(node, formulas), of)
        case Matrix(node):
            return formulas.node(node)
        case Contraction(node, indices):
            return _contraction(node, indices, formulas)
        case Slice():
            return _slice(side, formulas)
        case Inner(parts):
            return _added(_inner(name, array, formulas) for name, array in parts)
        case Vec(node):
            return _vec(node, formulas)
        case VecPartial():
            return _vec_partial(side, formulas)
        case Kroneckers(parts=kroneckers):
            return _added(_kronecker(part, formulas, transposed=False) for part in kroneckers)
        case KroneckerProducts(products=products, by_columns=turned):
            return _added(_jacobian_product(one, formulas, turned=turned) for one in products)
        case Times():
            return _added(_times(side, formulas))
        case Cells():
            raise TypeError("an array written out is more than a formula")


def _added(boxes: Iterable[Box]) -> Box:
    found = tuple(("+", box) for box in boxes)
    return found[0][1] if len(found) == 1 else Terms(found)


def _differential(node: Node, formulas: Formulas) -> Box:
    """d(XW), dX⁻¹."""
    inner = formulas.node(node)
    if not isinstance(node, nodes.Name | nodes.Transpose | nodes.Inverse):
        inner = fenced(inner)
    return Row((Operator("differential"), inner))


def _contraction(node: nodes.MatMul, indices: tuple[Index, ...], formulas: Formulas) -> Box:
    """Σ_j ∂L/∂z_pj (Wᵀ)_jq."""
    letter = next(c for c in formulas.letters if c not in indices)
    rows = len(formulas.shape(node.left)) - 1
    left = formulas.element(node.left, (*indices[:rows], letter))
    right = formulas.element(node.right, (letter, *indices[rows:]))
    return BigSum(name_box(letter), None, Row((left, right)))


def _slice(side: Slice, formulas: Formulas) -> Box:
    """∂Z/∂x_pq."""
    ratio = partial_ratio(name_box(side.of.name), _entry(side.wrt, formulas))
    return formulas.holding(ratio, side.of.name, side.wrt.name)


def _entry(entry: Entry, formulas: Formulas) -> Box:
    if not entry.indices:
        return name_box(entry.name)
    return named_entry(entry.name, entry.indices, commas=formulas.commas)


def _inner(name: str, array: Node | Slice, formulas: Formulas) -> Box:
    """⟨∂L/∂Z, S⟩, for numbers their product."""
    upstream = formulas.gradient(name)
    scalar = not formulas.names[name]
    if isinstance(array, Slice):
        right = _slice(array, formulas)
    else:
        right = formulas.factor(array) if scalar else formulas.node(array)
    if scalar:
        return Row((upstream, Operator("cdot"), right))
    return Row((Operator("langle"), upstream, Operator("comma"), right, Operator("rangle")))


def _vec(node: Node, formulas: Formulas) -> Box:
    """vec(A); a vector or a number is its own."""
    if len(formulas.shape(node)) > 1:
        inner = formulas.node(node)
        return vec(inner)
    return formulas.node(node)


def _vec_partial(side: VecPartial, formulas: Formulas) -> Box:
    """∂vec(Z)/∂vec(X)."""
    names = (nodes.Name(side.of.name), nodes.Name(side.wrt.name))
    ratio = partial_ratio(*(_vec(name, formulas) for name in names))
    return formulas.holding(ratio, side.of.name, side.wrt.name)


def _kronecker(
    side: Kronecker, formulas: Formulas, *, transposed: bool, turned: bool = False
) -> Box:
    """A ⊗ Bᵀ, (A ⊗ Bᵀ)K or diag(vec D); transposed, Aᵀ ⊗ B, Kᵀ(Aᵀ ⊗ B) or the same diagonal.

    `turned`: the factors of ⊗ stand the other way round, for vec by columns.
    """
    if side.diagonal is not None:
        product = _diagonal_box(side.diagonal, side.over, formulas)
    else:
        factors = [_factor(factor, formulas, transposed=transposed) for factor in side.factors]
        product = _kronecker_product(factors[::-1] if turned else factors)
    if not side.swapped:
        return product
    swap = swap_box(formulas)
    if side.diagonal is None:
        product = Fence(product)
    return Row((raised_box(swap, _T), product) if transposed else (product, swap))


def _jacobian_product(product: tuple[Kronecker, ...], formulas: Formulas, *, turned: bool) -> Box:
    """diag(vec D)(I ⊗ Wᵀ)."""
    boxes = [
        swap_box(formulas)
        if part.swapped and part.factors and all(factor.node is None for factor in part.factors)
        else _kronecker(part, formulas, transposed=False, turned=turned)
        for part in product
    ]
    if len(boxes) == 1:
        return boxes[0]
    return Row(
        tuple(
            Fence(box) if part.diagonal is None and isinstance(box, Row) else box
            for part, box in zip(product, boxes, strict=True)
        )
    )


def _diagonal_box(diagonal: Node, over: Shape, formulas: Formulas) -> Box:
    """diag(vec D); of a number c, c·I_N or c(I_N ⊗ I_M)."""
    if formulas.shape(diagonal):
        inner = _vec(diagonal, formulas)
        return Row((Word("diag", upright=True), fenced(inner)))
    factors = [identity_box(dim.symbol) for dim in over]
    identity = _kronecker_product(factors)
    if diagonal == nodes.Number(Rational(1)):
        return identity
    held = identity if len(factors) == 1 else Fence(identity)
    if diagonal == nodes.Number(Rational(-1)):
        return Terms((("-", held),))
    return Row((formulas.factor(diagonal), held))


def _kronecker_product(factors: list[Box]) -> Box:
    return factors[0] if len(factors) == 1 else joined(factors, "kronecker")


def swap_box(formulas: Formulas) -> Box:
    """K, the matrix with vec(Xᵀ) = K·vec(X), under a letter that no name and no size has."""
    taken = {dim.symbol for name in formulas.names for dim in formulas.shape(nodes.Name(name))}
    taken |= set(formulas.names)
    return Symbol(next(c for c in "KCPQRSTUV" if not {c, c.lower()} & taken))


def identity_box(size: str) -> Box:
    """I_N."""
    return Scripts(Symbol("I"), sub=Formulas.size(size))


def _factor(factor: KroneckerFactor, formulas: Formulas, *, transposed: bool) -> Box:
    """A factor as a matrix; a vector is a row where it has an index of the columns only."""
    if factor.node is None:
        return identity_box(factor.size)
    node = factor.node
    if len(formulas.shape(node)) == 1:
        inner = formulas.base(node)
        row = (factor.row is None) != transposed
        return raised_box(inner, _T) if row else inner
    if transposed:
        node = _transposed(node)
    return formulas.base(node)


def _transposed(node: Node) -> Node:
    match node:
        case nodes.Transpose(arg):
            return arg
        case nodes.Negate(arg):
            return nodes.Negate(_transposed(arg))
    return nodes.Transpose(node)


def _times(side: Times, formulas: Formulas) -> Iterable[Box]:
    for jacobian, node in side.parts:
        if isinstance(jacobian, VecPartial):
            matrix = _vec_partial(jacobian, formulas)
        else:
            matrix = _kronecker(jacobian, formulas, transposed=side.inward)
            if isinstance(matrix, Row) and (not side.inward or _KRONECKER in matrix.items):
                matrix = Fence(matrix)
        if side.transposed and not side.inward:
            if isinstance(jacobian, VecPartial):
                matrix = Fence(matrix, big=True)
            elif isinstance(matrix, Terms) or (isinstance(matrix, Scripts) and matrix.sup):
                matrix = Fence(matrix)  # (-I)ᵀ, (bᵀ)ᵀ
            matrix = Scripts(matrix, sup=_T)
        yield Row((matrix, _vec(node, formulas)))
