"""Arrays of derivatives: a formula, calls of einsum, products ⊗ of matrices, or single entries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from matderiv.calculus.deciding.textbook import Textbook
from matderiv.calculus.formulas.broadcasting import size_name
from matderiv.calculus.formulas.flattened import factors, product_of, sum_of
from matderiv.calculus.index_forms.einsums import EinsumTerm
from matderiv.calculus.index_forms.forms import Indices
from matderiv.calculus.index_forms.letters import lettered
from matderiv.calculus.index_forms.vec_forms import VecProduct
from matderiv.calculus.sweep.array_derivatives import Found
from matderiv.calculus.sweep.written_arrays import einsum_form, entry_form, vec_form
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.reshaping import product_of_sizes
from matderiv.notation.boxes import (
    Box,
    NumberBox,
    Operator,
    Row,
    Scripts,
    Symbol,
    Terms,
    Word,
    joined,
)
from matderiv.notation.boxes import Fraction as FractionBox
from matderiv.notation.formulas import Formulas
from matderiv.notation.indices import IndexNotation
from matderiv.notation.latex import latex
from matderiv.notation.names import (
    fenced,
    name_box,
    named_entry,
    partial_ratio,
    raised_box,
    vec,
)
from matderiv.notation.text import text as plain

__all__ = [
    "FORMS",
    "Derived",
    "Written",
    "array_latex",
    "code_calls",
    "einsum_calls",
    "formulas_of",
    "vec_order",
    "written_array",
]

#: How an array of three or four axes can be written.
FORMS = ("einsum", "vec", "vec-rows", "index")

_COMMA_FROM = 10
_T = Operator("transpose")
_LETTERS = "ijpqklmnrstuvabcdgh"
_MOST = 40  # further letters


@dataclass(frozen=True, slots=True)
class Derived:
    """A derivative to be written: its form, and the names of Y and of the inputs that it is by.

    `of`: the names of Y and its shape, `wrt` the names that it is by, two for a second derivative
    of the number `of`. `first` axes are those of Y, or of X where it is `turned`. `text`: a formula
    as source. `swap`: a free name for K.
    """

    found: Found
    form: str
    of: str
    wrt: tuple[str, ...]
    first: int
    text: Callable[[Node], str]
    swap: str = "K"
    turned: bool = False
    #: The letter of the array and the direction, of a product of the two.
    product: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A formula as text, the sentences that it needs, and the formulas of arrays in it."""

    formula: str
    notes: tuple[str, ...]
    parts: tuple[Node, ...]


def written_array(derived: Derived) -> Written:
    """An array of derivatives as text.

    Raises:
        InputError: it has no such form.
    """
    found = derived.found
    match derived.form:
        case "formula":
            return Written(derived.text(found.node), (), (found.node,))
        case "einsum":
            return _einsum(derived)
        case "index":
            return Written(" = ".join(map(plain, _entries(derived))), (), ())
    return _vec(derived)


def array_latex(derived: Derived) -> str:
    """The same as an equation in LaTeX; of einsum, its entries."""
    found = derived.found
    formulas = _formulas(derived)
    match derived.form:
        case "formula":
            right = formulas.node(found.node)
            left = _ratio(derived, [name_box(name) for name in (derived.of, *derived.wrt)])
            if derived.product:
                left = _product(derived, left, *derived.product)
        case "vec" | "vec-rows":
            boxes = [name_box(name) for name in (derived.of, *derived.wrt)]
            several = [len(found.dims[: derived.first]) > 1, len(found.dims[derived.first :]) > 1]
            kept = [False, *several] if len(derived.wrt) > 1 else several
            turned = [vec(box) if many else box for box, many in zip(boxes, kept, strict=True)]
            left, right = _ratio(derived, turned), _vec_box(derived)
        case _:
            left, right = _entries(derived)
    return f"\\begin{{aligned}}\n{latex(left)} & = {latex(right)}\n\\end{{aligned}}\n"


def _product(derived: Derived, ratio: Box, letter: str, direction: str) -> Box:
    """(∂y/∂x) v or (∂y/∂x)ᵀ v of vectors, and J V or V J where one of them is none."""
    shapes = derived.found.sweep.graph.shapes
    sides = (derived.found.dims, shapes[direction], shapes[derived.wrt[0]])
    array, v = name_box(letter), name_box(direction)
    back = len(derived.wrt) == 1 and derived.found.name == derived.wrt[0]
    if any(len(shape) != 1 for shape in sides):
        return Row((v, array) if back else (array, v))
    return Row((Scripts(fenced(ratio), sup=_T) if back else ratio, v))


def _ratio(derived: Derived, boxes: list[Box], *, entries: bool = False) -> Box:
    """∂Y/∂X, ∂²L/∂x ∂xᵀ, or ∂²L/∂x_i ∂x_p of entries."""
    if len(boxes) == 2:  # noqa: PLR2004 - of a first derivative
        return partial_ratio(*boxes)
    of, one, other = boxes
    partial, two = Operator("partial"), NumberBox("2")
    above = Row((Scripts(partial, sup=two), of))
    if one == other and not derived.found.dims:
        return FractionBox(above, Row((partial, Scripts(one, sup=two))))
    turned = other if entries or not derived.found.dims else raised_box(other, _T)
    return FractionBox(above, Row((partial, one, partial, turned)))


def _formulas(derived: Derived) -> Formulas:
    return formulas_of(derived.found, derived.of)


def formulas_of(found: Found, of: str) -> Formulas:
    """The notation of a derivative of a value."""
    swept = found.sweep
    names = swept.graph.shapes
    largest = max((d.size for shape in names.values() for d in shape), default=1)
    letters = tuple(_letters(found, of))
    return Formulas(
        of,
        Textbook(swept.facts.shape),
        names,
        None,
        commas=largest >= _COMMA_FROM,
        letters=letters,
        also={},
    )


# -- einsum --------------------------------------------------------------------------------------


def _einsum(derived: Derived) -> Written:
    whole, calls = einsum_calls(derived)
    parts = [part for term in calls.values() for part in (term.scalar, *term.operands)]
    return Written(derived.text(whole), (), (*parts, whole))


def einsum_calls(derived: Derived) -> tuple[Node, dict[str, EinsumTerm]]:
    """The array as a formula in which calls of einsum are names, and what each call is.

    A call that would leave one array as it is, einsum('ijp->ijp', A), is that array.
    """
    calls: dict[str, EinsumTerm] = {}
    terms = []
    for term in einsum_form(derived.found, derived.first):
        read, _, result = term.subscripts.partition("->")
        if read == result:
            number, own = factors(term.scalar)
            whole = product_of(number, [*own, (term.operands[0], nodes.ONE)])
            terms.append((term.number, whole))
            continue
        call = f"einsum('{term.subscripts}', {', '.join(map(derived.text, term.operands))})"
        calls[call] = term
        terms.append((term.number, _scaled(term.scalar, call)))
    return _total(derived, terms), calls


def _scaled(scalar: Node, call: str) -> Node:
    """The product of a number and a call, which is written as a name."""
    number, own = factors(scalar)
    return product_of(number, [*own, (nodes.Name(call), nodes.ONE)])


def _sum(
    derived: Derived,
    terms: list[tuple[Fraction, Node]],
    parts: list[Node],
    notes: tuple[str, ...],
) -> Written:
    whole = _total(derived, terms)
    return Written(derived.text(whole), notes, tuple(parts if terms else [whole]))


def _total(derived: Derived, terms: list[tuple[Fraction, Node]]) -> Node:
    """The sum of the terms; an array of zeros if there are none."""
    if terms:
        return sum_of(terms)
    dims, first = derived.found.dims, derived.first
    if derived.form in ("vec", "vec-rows"):
        dims = tuple(map(product_of_sizes, (dims[:first], dims[first:])))
    return nodes.zeros(tuple(map(size_name, dims)))


def code_calls(
    derived: Derived,
) -> tuple[Node, dict[str, tuple[str, tuple[Node, ...]]], tuple[int, ...]]:
    """The array as source has it: a formula, the calls that stand in it, and the order of axes.

    A sum of products ⊗ alone is a matrix, for which the order is empty; another array of the form
    "vec" is one of the axes in that order.

    Raises:
        InputError: it has no such form.
    """
    calls: dict[str, tuple[str, tuple[Node, ...]]] = {}
    if derived.form == "einsum":
        formula, terms = einsum_calls(derived)
        heads = {text: (f"einsum('{t.subscripts}', ", t.operands) for text, t in terms.items()}
        return formula, heads, ()
    if derived.form not in ("vec", "vec-rows"):
        return derived.found.node, calls, ()
    found = []
    for made in _vec_products(derived):
        if made.pair is None or made.left or made.right or made.swapped:
            break
        call = f"kron({', '.join(map(derived.text, made.pair))})"
        calls[call] = ("kron(", made.pair)
        found.append((made.number, _scaled(made.scalar, call)))
    else:
        if found:
            return sum_of(found), calls, ()
    return derived.found.node, {}, vec_order(derived)


def vec_order(derived: Derived) -> tuple[int, ...]:
    """The axes of an array in the order in which vec reads it: last ones first by columns."""
    rows, axes = derived.first, tuple(range(len(derived.found.dims)))
    return axes if derived.form == "vec-rows" else (*axes[:rows][::-1], *axes[rows:][::-1])


# -- vec -----------------------------------------------------------------------------------------


def _vec_products(derived: Derived) -> tuple[VecProduct, ...]:
    return vec_form(derived.found, derived.first, by_rows=derived.form == "vec-rows")


def _vec(derived: Derived) -> Written:
    terms: list[tuple[Fraction, Node]] = []
    parts: list[Node] = []
    read = "row by row" if derived.form == "vec-rows" else "column by column"
    notes = [f"vec reads a matrix {read}."]
    for made in _vec_products(derived):
        words = list(_factors(made, derived))
        parts += [made.scalar, *(part for _, used in words for part in used)]
        terms.append((made.number, _scaled(made.scalar, " @ ".join(word for word, _ in words))))
        if made.swapped and len(notes) < 2:  # noqa: PLR2004 - said once
            notes.append(f"{derived.swap} @ vec(X) is vec(X.T).")
    return _sum(derived, terms, parts, tuple(notes))


def _factors(made: VecProduct, derived: Derived) -> Iterator[tuple[str, tuple[Node, ...]]]:
    """The factors of one product, each with the formulas in it."""
    text = derived.text

    def diagonal(node: Node | None) -> Iterator[tuple[str, tuple[Node, ...]]]:
        if node is not None:
            yield f"diag(vec({text(node)}))", (node,)

    if made.pair is None:
        assert made.left is not None
        assert made.right is not None
        shape = derived.found.sweep.facts.shape
        words = (f"vec({text(n)})" if len(shape(n)) > 1 else text(n) for n in _both(made))
        yield f"outer({', '.join(words)})", _both(made)
        return
    one, other = made.pair
    yield from diagonal(made.left)
    if not (isinstance(one, nodes.Eye) and isinstance(other, nodes.Eye)):
        yield f"kron({text(one)}, {text(other)})", made.pair
    elif not (made.left or made.right or made.swapped):
        count = nodes.Multiply(*(_size(n, derived) for n in (one, other)))
        yield f"eye({text(count)})", made.pair
    if made.swapped:
        yield derived.swap, ()
    yield from diagonal(made.right)


def _size(identity: nodes.Eye, derived: Derived) -> Node:
    """The size of an identity matrix as a number."""
    if isinstance(identity.size, int):
        return nodes.Number(Fraction(identity.size))
    dim = derived.found.sweep.facts.shape(identity)[0]
    return nodes.Size(dim.symbol, dim.size)


def _both(made: VecProduct) -> tuple[Node, ...]:
    return tuple(node for node in (made.left, made.right) if node is not None)


def _vec_box(derived: Derived) -> Box:
    formulas = _formulas(derived)
    terms = []
    for made in _vec_products(derived):
        number, own = factors(made.scalar)
        number *= made.number
        boxes = list(_factor_boxes(made, derived, formulas))
        whole = product_of(abs(number), own)
        if whole != nodes.ONE:
            boxes.insert(0, formulas.factor(whole))
        box = boxes[0] if len(boxes) == 1 else Row(tuple(boxes))
        terms.append(("-" if number < 0 else "+", box))
    if not terms:
        return NumberBox("0")
    return terms[0][1] if len(terms) == 1 and terms[0][0] == "+" else Terms(tuple(terms))


def _factor_boxes(made: VecProduct, derived: Derived, formulas: Formulas) -> Iterator[Box]:
    def diagonal(node: Node | None) -> Iterator[Box]:
        if node is not None:
            yield Row((Word("diag", upright=True), fenced(vec(formulas.node(node)))))

    shape = formulas.shape
    if made.pair is None:
        column, row = (
            vec(formulas.node(node)) if len(shape(node)) > 1 else formulas.base(node)
            for node in _both(made)
        )
        yield column
        yield Scripts(row, sup=_T)
        return
    yield from diagonal(made.left)
    one, other = made.pair
    alone = not (made.left or made.right or made.swapped)
    both = isinstance(one, nodes.Eye) and isinstance(other, nodes.Eye)
    if alone or not both:
        product = joined((_row(formulas, node) for node in made.pair), "kronecker")
        yield product if alone and made.scalar == nodes.ONE else fenced(product)
    if made.swapped:
        yield Symbol(derived.swap)
    yield from diagonal(made.right)


def _row(formulas: Formulas, node: Node) -> Box:
    """A factor of ⊗, a vector as a row; one that is made a column is written as it is."""
    match node:
        case nodes.Rearrange(vector, (0, None)):
            return formulas.base(vector)
    box = formulas.base(node)
    return box if len(formulas.shape(node)) > 1 else Scripts(box, sup=_T)


# -- entries -------------------------------------------------------------------------------------


def _letters(found: Found, of: str) -> Iterator[str]:
    """Letters for indices that are no names: those of sums."""
    graph = found.sweep.graph
    taken = {name.lower() for name in (*graph.shapes, *graph.program.functions(), of)}
    taken |= {dim.symbol.lower() for shape in graph.shapes.values() for dim in shape}
    yield from (c for c in _LETTERS if c not in taken)
    yield from (f"i_{n}" for n in range(1, _MOST))


def _entries(derived: Derived) -> tuple[Box, Box]:
    """∂y_ij/∂x_pq and Σ … with deltas."""
    found, formulas = derived.found, _formulas(derived)
    free = list(formulas.letters)
    rows = derived.first
    # i, j for the first axes and p, q for the others; sums have what is left
    first = [free.pop(0) for _ in range(rows)]
    later = free.index("p") if "p" in free else 0
    last = [free.pop(later) for _ in found.dims[rows:]]
    at = lettered(found.dims, (*first, *last))
    right = entry_form(found, at, tuple(free))

    def entry(name: str, indices: Indices) -> Box:
        if not indices:
            return name_box(name)
        return named_entry(name, indices, commas=formulas.commas)

    names = (derived.of, *derived.wrt)
    sides: tuple[Indices, ...] = (at[:rows], at[rows:])
    if len(derived.wrt) > 1:
        sides = ((), *sides)
    elif derived.turned:
        sides = sides[::-1]
    boxes = [entry(name, indices) for name, indices in zip(names, sides, strict=True)]
    return _ratio(derived, boxes, entries=True), IndexNotation(formulas).box(right)
