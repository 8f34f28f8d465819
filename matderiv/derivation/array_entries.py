"""∂Y/∂X of an array Y by single entries, and in index notation."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

from matderiv.calculus.formulas.broadcasting import spread
from matderiv.calculus.formulas.flattened import cost
from matderiv.calculus.index_forms.canonical import collected
from matderiv.calculus.index_forms.contraction import contracted
from matderiv.calculus.index_forms.forms import (
    Entry,
    Form,
    Indices,
    Rate,
    Term,
    added,
    multiplied,
    single,
)
from matderiv.calculus.index_forms.index_expressions import (
    IndexExpression,
    NamedEntry,
    PartialDerivative,
    delta,
    index_parts,
    index_product,
    with_other_parts,
)
from matderiv.calculus.index_forms.linear_maps import Product
from matderiv.calculus.index_forms.meaning import form_of
from matderiv.calculus.index_forms.ordered import ordered
from matderiv.calculus.index_forms.partials import partial
from matderiv.calculus.index_forms.product_entries import entry_of_products
from matderiv.calculus.index_forms.written_entry import entry_of
from matderiv.calculus.sweep.array_derivatives import ArrayProgram, Found, jacobian_of
from matderiv.calculus.sweep.value_names import with_value_names
from matderiv.derivation.array_chains import ArrayChains
from matderiv.derivation.kinds import ChainKind, Reason
from matderiv.derivation.links import Chain
from matderiv.derivation.local_formulas import single_term
from matderiv.derivation.sides import (
    EntryOf,
    Formula,
    Indexed,
    Side,
    Spelled,
    WrittenEntry,
    spelled,
    summed,
    written,
)
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node
from matderiv.expression.program import Assignment, Program
from matderiv.expression.shapes import Shape

__all__ = ["PLACES", "ArrayEntries"]

#: Numbers of single entries that are derived: of Y, and of X.
PLACES = ((1, 1), (1, 2), (2, 1))


class ArrayEntries(ArrayChains):
    """Makes the chains about single entries, and those in index notation."""

    __slots__ = ()

    def entries(self) -> Iterator[Chain]:
        """∂y_11/∂x_11 and two others with sums term by term, then all of them as one formula."""
        about = self.about
        dims = (about.shape(about.of), about.shape(about.wrt))
        shown: dict[tuple[Indices, Indices], None] = {}
        for pair in PLACES:
            if all(not dim or n <= dim[0].size for n, dim in zip(pair, dims, strict=True)):
                one, other = map(_place, pair, dims)
                shown[one, other] = None
        for number, (rows, cols) in enumerate(shown):
            yield self.entry("another entry" if number else "entry", rows, cols)
        if about.matrix and about.found.dims:
            yield self.written_out()

    def entry(self, kind: ChainKind, rows: Indices, cols: Indices) -> Chain:
        """One entry: the chain rule, then what it comes to."""
        about = self.about
        of, wrt = Entry(about.of, rows), Entry(about.wrt, cols)
        first: Side = Indexed(single(Rate(of, wrt)))
        at = about.joined(rows, cols)
        rule = replace(self.rule(about.of, rows, wrt), spelled=True)
        sides: list[tuple[Reason, Side]]
        if self.moving(about.graph.definition(about.of)) == (about.wrt,):
            sides = [("local derivative", rule)]
        else:
            sides = [("chain rule", rule), ("entries", self.entry_of_array(at, spelled=True))]
        if about.matrix and at:
            sides.insert(0, ("definition", first))
            first = Indexed(single(Entry(about.names.array, at)))
        return self.chain(kind, first, *sides)

    def written_out(self) -> Chain:
        """The array by its entries, these worked out, and the formula whose entries they are."""
        about = self.about
        name = Name(about.names.array)
        at = about.task.input_indices(about.found.dims)
        return self.chain(
            "written out",
            Formula(name),
            ("entries", spelled(about.task, name)),
            ("entries worked out", Spelled(about.formula, at, self.entry_of_array(at).expr)),
            *self.chains.factors(about.formula),
            ("matrix names", Formula(about.formula)),
        )

    def entry_of_array(self, at: Indices, *, spelled: bool = False) -> WrittenEntry:
        """The entry of the array's formula."""
        about = self.about
        return self.entry_of(about.found, about.formula, at, spelled=spelled)

    def entry_of(
        self, found: Found, formula: Node, at: Indices, *, spelled: bool = False
    ) -> WrittenEntry:
        """The entry of a derivative that was found, by its products if those have fewer signs."""
        task = self.about.task
        own = written(task, formula, at, spelled=spelled)
        if not found.products:
            return own
        products = [_ordered(p, found.at, at, self.about.by_steps) for p in found.products]
        places = dict(zip(at, at, strict=True))
        expr = entry_of_products(products, places, task.sweep.facts.shape, task.sum_letters)
        if _signs(own.expr) <= _signs(expr):
            return own
        return WrittenEntry(formula, at, expr, spelled)

    def rule(self, name: str, at: Indices, wrt: Entry) -> Indexed:
        """∂z_ij/∂x_pq = Σ ∂z_ij/∂u_k·∂u_k/∂x_pq over the names u in the definition of z.

        It is written as dz is, if that takes fewer signs than the partial derivatives of z_ij do.
        """
        task = self.about.task
        form = self.chain_rule(name, at, wrt)
        shape = task.sweep.facts.shape
        change = spread(self.change(name), self.about.shape(name), shape)
        expr = with_other_parts(entry_of(change, at, shape, task.sum_letters), _rates(wrt))
        expr = with_other_parts(expr, single_term)
        plain = ordered(form, task.sum_letters, task.sizes)
        if _signs(expr) >= _signs(plain):
            return Indexed(form)
        return Indexed(form_of(expr, self.judge.entries), expr=expr)

    def chain_rule(self, name: str, at: Indices, wrt: Entry) -> Form:
        """The same by the partial derivatives of z_ij."""
        entries = self.judge.entries
        value = self.about.graph.definition(name)
        form = entries.at(value, *at)
        parts: list[Form] = []
        for of in self.moving(value):
            if of == self.about.wrt:
                parts.append(partial(form, wrt, entries.letter))
                continue
            places, bound = summed(self.about.shape(of), entries)
            rate = partial(form, Entry(of, places), entries.letter)
            made = multiplied(rate, single(Rate(Entry(of, places), wrt)))
            parts.append(tuple((Term(t.atoms, t.bound + bound), c) for t, c in made))
        return collected(contracted(added(parts)))

    def index(self) -> Iterator[Chain]:
        """∂z_ij/∂x_pq of each value z, from the first on."""
        about, task = self.about, self.about.task
        cols = task.input_indices(about.shape(about.wrt))
        wrt = Entry(about.wrt, cols)
        for name in about.moving:
            rows = task.value_indices(about.shape(name))
            of = Indexed(single(Entry(name, rows)))
            value = about.graph.definition(name)
            yield self.chain("entry of value", of, ("definition", written(task, value, rows)))
            direct = self.moving(value) == (about.wrt,)
            reason: Reason = "local derivative" if direct else "chain rule"
            sides: list[tuple[Reason, Side]] = [(reason, self.rule(name, rows, wrt))]
            if name == about.of:
                at = about.joined(rows, cols)
                sides.append(("put in", self.entry_of_array(at)))
                if about.matrix and at:
                    sides.append(("matrix names", EntryOf(about.formula, at)))
            elif not direct:
                sides.append(("put in", self.entry_of(*self.found(name), (*rows, *cols))))
            yield self.chain("local", Indexed(single(Rate(Entry(name, rows), wrt))), *sides)

    def found(self, name: str) -> tuple[Found, Node]:
        """The derivative of a value on the way to Y, and its formula."""
        graph, wrt = self.about.graph, self.about.wrt
        values = tuple(itertools.takewhile(lambda a: a.name != name, graph.values))
        last = Assignment(name, graph.definition(name))
        program = Program((*values, last))
        shapes = {n: s for n, s in graph.shapes.items() if n in program.names()}
        found = jacobian_of(ArrayProgram(program, shapes, self.about.task.assumed), wrt)
        return found, found.node


def _place(number: int, dims: Shape) -> Indices:
    """The first entry of an array, or the one of its second row."""
    return (number, *(1 for _ in dims[1:])) if dims else ()


def _ordered(
    product: Product, letters: Indices, at: Indices, names: Mapping[object, str]
) -> Product:
    """The product at other indices, in the names of all values, and in an order to read.

    Factors with indices of rows come first, those with letters of sums are in the middle, and of
    each the short ones first.
    """
    places = dict(zip(letters, at, strict=True))
    middle = len(letters) / 2
    ranks = {letter: float(n) + (n >= middle) for n, letter in enumerate(letters)}
    factors = sorted(
        product.factors,
        key=lambda f: (min((ranks.get(i, middle) for i in f[1]), default=-1), cost(f[0])),
    )
    moved = replace(product, factors=tuple(factors)).renamed(places)
    told = Counter((with_value_names(node, names, but=""), own) for node, own in moved.factors)
    return replace(
        moved,
        factors=tuple(
            (node if count == 1 else nodes.Power(node, nodes.Number(Fraction(count))), own)
            for (node, own), count in told.items()
        ),
    )


def _signs(expr: IndexExpression) -> int:
    """How many parts an index expression has."""
    return sum(1 for _ in index_parts(expr))


def _rates(wrt: Entry) -> Callable[[IndexExpression], IndexExpression | None]:
    """∂u_k/∂x_pq for du_k, and δ_kp δ_lq for dx_kl."""
    by = NamedEntry(wrt.name, wrt.indices)

    def rate(part: IndexExpression) -> IndexExpression | None:
        match part:
            case NamedEntry(name, indices) if name == f"δ{wrt.name}":
                return index_product(map(delta, indices, wrt.indices))
            case NamedEntry(name, indices) if name[:1] == "δ":
                return PartialDerivative(NamedEntry(name[1:], indices), by)
        return None

    return rate
