"""∂vec(Y)/∂vec(X) of an array and an input: its general entry, and its Kronecker structure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from matderiv.calculus.formulas.broadcasting import size_name, varies
from matderiv.calculus.formulas.tidying import tidy
from matderiv.calculus.index_forms.forms import Entry
from matderiv.calculus.sweep.differentials import differential
from matderiv.calculus.sweep.in_one_piece import ArrayTask
from matderiv.calculus.sweep.sweep import replaced
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.judge import Judge
from matderiv.derivation.links import Chain
from matderiv.derivation.methods.judge import RouteJudge
from matderiv.derivation.methods.kronecker import jacobians
from matderiv.derivation.program import Builder, elementwise
from matderiv.derivation.sides import (
    Kronecker,
    KroneckerFactor,
    KroneckerProducts,
    Kroneckers,
    VecPartial,
)
from matderiv.errors import UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node, walk

__all__ = ["blocks", "entry_chain", "structure"]

_MOST_PATHS = 6  # from X to Y

#: J₁J₂…, from the left.
_Product = tuple[Kronecker, ...]


def entry_chain(found: ArrayTask) -> Chain:
    """∂y_ij/∂x_pq, proved for all sizes, as is the entry of Y by its definition.

    Raises:
        ProofError: a link is not proved.
    """
    judge = RouteJudge(found.task, found.wrt)
    wrt = _entries(found.task, found.of, found.wrt)[1]
    *_, chain = _builder(found.task, found.wrt).local(found.of, wrt, judge)
    return chain


def structure(
    found: ArrayTask, judge: Judge | None = None, *, by_columns: bool = False
) -> Chain | None:
    """The Jacobian as Kronecker products and diagonal matrices; None where it is none of them.

    It is the sum over all ways from X to Y of the product of the Jacobians on the way. `judge`:
    who knows what ∂Y/∂X is; `by_columns`: how vec reads arrays.

    Raises:
        ProofError: what was found is not proved.
    """
    try:
        products = tuple(_products(found))
    except UnsupportedError:
        return None
    if not products:  # no way from X to Y
        return None
    of, wrt = _entries(found.task, found.of, found.wrt)
    right = KroneckerProducts(products, of.indices, wrt.indices, by_columns)
    judge = judge or RouteJudge(found.task, found.wrt)
    return _builder(found.task, found.wrt).chain(
        judge, "jacobian", VecPartial(of, wrt), ("entries", right)
    )


def blocks(task: Task, of: str, wrt: str) -> Kroneckers | None:
    """∂vec(Z)/∂vec(X) as I ⊗ A or A ⊗ I, the other values that Z uses held fixed; else None.

    Raises:
        ProofError: what was found is not proved.
    """
    builder, value = _builder(task, wrt), task.sweep.graph.definition(of)
    left = VecPartial(*_entries(task, of, wrt))
    try:
        right = Kroneckers(tuple(jacobians(builder, value, left.of, left.wrt)))
    except UnsupportedError:
        return None
    identities = [factor.node is None for part in right.parts for factor in part.factors]
    if sorted(identities) != [False, True] or any(part.swapped for part in right.parts):
        return None
    builder.chain(RouteJudge(task, wrt), "jacobian", left, ("entries", right))
    return right


def _builder(task: Task, wrt: str) -> Builder:
    return Builder(task, (wrt,), elementwise)


def _entries(task: Task, of: str, wrt: str) -> tuple[Entry, Entry]:
    """The entries z_ij and x_pq."""
    return (
        Entry(of, task.value_indices(task.shapes[of])),
        Entry(wrt, task.input_indices(task.shapes[wrt])),
    )


def _products(found: ArrayTask) -> Iterator[_Product]:
    """One product for each way from X to Y, neighbours put together."""
    task = found.steps
    builder = _builder(task, found.wrt)
    total: dict[str, list[_Product]] = {found.wrt: [()]}
    meant: dict[str, Node] = {}
    for assignment in task.sweep.graph.values:
        name, value = assignment.name, assignment.value
        used = dict.fromkeys(n.name for n in walk(value) if isinstance(n, Name))
        total[name] = []
        for by in (one for one in used if total.get(one)):
            for parts in _steps(builder, value, *_entries(task, name, by)):
                first = [_unfolded(part, meant) for part in parts]
                total[name] += [(*first, *rest) for rest in total[by]]
        if len(total[name]) > _MOST_PATHS:
            raise UnsupportedError(f"there are too many ways from {found.wrt} to {name}")
        meant[name] = replaced(value, meant)
    for product in total[found.of]:
        yield _together(product, found)


def _steps(builder: Builder, value: Node, of: Entry, wrt: Entry) -> Iterator[_Product]:
    """∂vec(Z)/∂vec(X) for each place of X in Z; a smaller X is repeated before Z is computed."""
    shape = builder.sweep.facts.shape
    over, own = shape(value), shape(Name(wrt.name))
    entrywise = isinstance(value, nodes.Entrywise | nodes.Negate | nodes.Apply)
    if own == over or not entrywise:
        yield from ((part,) for part in jacobians(builder, value, of, wrt))
        return
    slope = differential(value, {wrt.name: nodes.ONE}, shape)
    if slope is None:
        raise UnsupportedError(f"{of.name} is not computed entry by entry from {wrt.name}")
    lead = len(over) - len(own)
    factors = tuple(
        KroneckerFactor(None, dim.symbol, n, n - lead)
        if varies(own, over, n)
        else KroneckerFactor(nodes.Ones((size_name(dim),)), "", n, None)
        for n, dim in enumerate(over)
    )
    repeated = Kronecker(of.indices, wrt.indices, over, factors)
    slope = tidy(slope, builder.sweep.facts)
    if slope != nodes.ONE:
        yield Kronecker(of.indices, of.indices, over, diagonal=slope), repeated
    else:
        yield (repeated,)


def _unfolded(part: Kronecker, meant: Mapping[str, Node]) -> Kronecker:
    """The same over inputs alone."""
    factors = tuple(
        replace(factor, node=None if factor.node is None else replaced(factor.node, meant))
        for factor in part.factors
    )
    diagonal = None if part.diagonal is None else replaced(part.diagonal, meant)
    return replace(part, factors=factors, diagonal=diagonal)


def _together(product: _Product, found: ArrayTask) -> _Product:
    """(A ⊗ B)(C ⊗ D) = AC ⊗ BD, where both have a factor for each index."""
    made: list[Kronecker] = []
    for part in product:
        if made and _full(made[-1]) and _full(part) and not part.swapped | made[-1].swapped:
            pairs = zip(made[-1].factors, part.factors, strict=True)
            factors = tuple(_multiplied(*pair, found) for pair in pairs)
            made[-1] = replace(made[-1], factors=factors, cols=part.cols)
        else:
            made.append(part)
    moving = tuple(part for part in made if not _is_identity(part))
    return moving or tuple(made[:1])


def _is_identity(part: Kronecker) -> bool:
    return part.diagonal == nodes.ONE or (
        _full(part) and not part.swapped and all(factor.node is None for factor in part.factors)
    )


def _full(part: Kronecker) -> bool:
    """Whether every factor is a matrix whose row and column index are of the same place."""
    return bool(part.factors) and all(
        factor.row == factor.col == place for place, factor in enumerate(part.factors)
    )


def _multiplied(left: KroneckerFactor, right: KroneckerFactor, found: ArrayTask) -> KroneckerFactor:
    if left.node is None or right.node is None:
        return left if right.node is None else right
    product = tidy(nodes.MatMul(left.node, right.node), found.task.sweep.facts)
    return replace(left, node=product)
