"""∂Y/∂X of an array Y by single entries, in index notation, and by differentials.

A Hessian is that of a gradient. It is symmetric, and where zᵀHz is a sum of squares, that is shown.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from matderiv._budget import stage
from matderiv.calculus.deciding.decide import Attempt
from matderiv.calculus.formulas.broadcasting import size_name, spread
from matderiv.calculus.formulas.flattened import formula_key
from matderiv.calculus.formulas.tidying import tidy
from matderiv.calculus.index_forms.canonical import collected
from matderiv.calculus.index_forms.contraction import contracted
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import (
    Atom,
    Entry,
    Form,
    Indices,
    Rate,
    Term,
    added,
    multiplied,
    placed,
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
from matderiv.calculus.sweep.array_derivatives import (
    ArrayProgram,
    Curvature,
    Found,
    jacobian_of,
)
from matderiv.calculus.sweep.array_steps import ArraySteps, second_opinion_on_array
from matderiv.calculus.sweep.definite import quadratic
from matderiv.calculus.sweep.differentials import differential
from matderiv.calculus.sweep.in_one_piece import ArrayTask
from matderiv.calculus.sweep.sweep import replaced
from matderiv.calculus.sweep.value_names import with_value_names
from matderiv.derivation.jacobian import structure
from matderiv.derivation.judge import Judge, unit
from matderiv.derivation.kinds import ChainKind, Reason
from matderiv.derivation.links import Chain, ProvedSteps, Step
from matderiv.derivation.local_formulas import single_term
from matderiv.derivation.program import Builder, elementwise
from matderiv.derivation.sides import (
    Differential,
    EntryOf,
    Formula,
    Indexed,
    Matrix,
    Side,
    Spelled,
    WrittenEntry,
    change_of,
    spelled,
    summed,
    written,
)
from matderiv.derivation.traces import inner
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node, names_in
from matderiv.expression.program import Assignment, Program
from matderiv.expression.shapes import Shape

__all__ = ["ArrayBuilder", "ArrayDerivation", "ArrayJudge", "derived_array"]

#: Numbers of single entries that are derived: of Y, and of X.
_PLACES = ((1, 1), (1, 2), (2, 1))

_MATRIX = 2  # dimensions


class ArrayJudge(Judge):
    """A judge that knows the array ∂Y/∂X, and dz = Σ_pq ∂z/∂x_pq·dx_pq of every value z.

    ∂z/∂x is by the definition of z in one piece, so it is the whole derivative; d²L is Σ dg·dx of
    the gradient g of L.
    """

    def __init__(self, steps: ArraySteps) -> None:
        self.steps = steps
        self._rates: dict[str, tuple[Indices, Form]] = {}
        super().__init__(steps.task, steps.wrt)

    def own(self, atom: Atom, entries: Entries) -> Form | None:
        """The definition of a derivative or a change."""
        steps = self.steps
        match atom:
            case Rate(of=Entry(name=name, indices=rows), wrt=Entry(indices=cols)) if (
                name == steps.wrt
            ):
                return unit(rows, cols)
            case Rate(of=Entry(name=name, indices=rows), wrt=Entry(indices=cols)):
                letters, form = self._rate(name)
                pairs = zip(letters, (*rows, *cols), strict=True)
                return contracted(placed(form, {i: n for i, n in pairs if isinstance(i, str)}))
            case Entry(name=name, indices=indices) if name == steps.names.array:
                return single(Rate(*steps.split(indices)))
            case Entry(name=name) if steps.names.once and name == _twice(steps.names.once):
                places, bound = summed(steps.shape(steps.of), self.entries)
                change = self._change(steps.of, places)
                made = multiplied(change, single(Entry(f"δ{steps.wrt}", places)))
                return tuple((Term(t.atoms, t.bound + bound), c) for t, c in made)
            case Entry(name=name, indices=indices) if name[:1] == "δ" and name[1:] in self._values:
                return self._change(name[1:], indices)
        return super().own(atom, entries)

    def _rate(self, name: str) -> tuple[Indices, Form]:
        """∂z_ij/∂x_pq of a value, with its letters; it is worked out once."""
        if name not in self._rates:
            own = (self.steps.shape(name), self.steps.shape(self.steps.wrt))
            (rows, _), (cols, _) = (summed(shape, self.entries) for shape in own)
            value = self.entries.at(self._values[name], *rows)
            rate = partial(value, Entry(self.steps.wrt, cols), self.entries.letter)
            self._rates[name] = (*rows, *cols), rate
        return self._rates[name]

    def _attempts(self, left: Side, right: Side) -> tuple[Attempt, ...]:
        """As they stand, and with all values unfolded: there is nothing between the two."""
        first, *_, last = super()._attempts(left, right)
        return first, last

    def _change(self, name: str, at: tuple[str | int, ...]) -> Form:
        own = self.steps.shape(self.steps.wrt)
        value = self._values[name]
        return Differential(name, value, self.steps.wrt, at, own).form(self.entries)


def _place(number: int, dims: Shape) -> Indices:
    """The first entry of an array, or the one of its second row."""
    return (number, *(1 for _ in dims[1:])) if dims else ()


def _ordered(
    product: Product, letters: Indices, at: Indices, names: Mapping[object, str]
) -> Product:
    """The product at other indices, in the names of all values, and in an order to read.

    Factors with indices of rows come first, those with letters of sums are in the middle.
    """
    places = dict(zip(letters, at, strict=True))
    middle = len(letters) / 2
    ranks = {letter: float(n) + (n >= middle) for n, letter in enumerate(letters)}
    factors = sorted(
        product.factors, key=lambda f: min((ranks.get(i, middle) for i in f[1]), default=-1)
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


def _between(vector: Node, matrix: Node) -> Node:
    """ZᵀMz; of a number times a matrix, with the number before it."""
    match matrix:
        case nodes.Multiply(nodes.Number() as number, inside):
            return nodes.Multiply(number, _between(vector, inside))
    return nodes.MatMul(nodes.MatMul(vector, matrix), vector)


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


def _twice(loss: str) -> str:
    """d²L as a name."""
    return f"δδ{loss}"


@dataclass(frozen=True, slots=True)
class ArrayDerivation:
    """The steps to ∂Y/∂X, every link of them proved; of a Hessian, those to the gradient first.

    `curvature`: the symmetry and the sign of a Hessian by one input.
    """

    about: ArraySteps
    steps: ProvedSteps
    gradient: ProvedSteps | None
    curvature: Curvature | None

    @property
    def proved(self) -> ProvedSteps:
        """All steps, for their number of equalities."""
        before = () if self.gradient is None else self.gradient.steps
        return replace(self.steps, steps=(*before, *self.steps.steps), second=None)


def derived_array(
    about: ArraySteps, gradient: ProvedSteps | None = None, curvature: Curvature | None = None
) -> ArrayDerivation:
    """Derive an array of derivatives; `gradient` has the steps to Y, if that is a gradient.

    Raises:
        ProofError: a link is not proved.
    """
    builder = ArrayBuilder(about, ArrayJudge(about))
    known = () if gradient is None else gradient.task.shapes
    sign = 0 if curvature is None else curvature.sign
    steps = tuple(builder.steps(known, sign))
    stage("what SymPy finds on its own")
    second = second_opinion_on_array(about)
    proved = ProvedSteps(about.task, (about.wrt,), steps, second=second)
    return ArrayDerivation(about, proved, gradient, curvature)


@dataclass(frozen=True, slots=True)
class ArrayBuilder:
    """Makes the steps to ∂Y/∂X, each link judged."""

    about: ArraySteps
    judge: ArrayJudge

    @property
    def chains(self) -> Builder:
        """The maker of chains of links."""
        return Builder(self.about.task, (self.about.wrt,), elementwise)

    def chain(self, kind: ChainKind, first: Side, *rest: tuple[Reason, Side]) -> Chain:
        """A chain of equalities.

        Raises:
            ProofError: one of them is not proved.
        """
        return self.chains.chain(self.judge, kind, first, *rest)

    def steps(self, known: Collection[str] = (), sign: int = 0) -> Iterator[Step]:
        """The values that are not `known`; entries, index notation, differentials, and the result.

        `sign`: that of a matrix which is seen to be semidefinite.

        Raises:
            ProofError: a link is not proved.
        """
        of, wrt = self.about.of, self.about.wrt
        stage(f"the values of {of}")
        yield Step("array values", tuple(self.values(known)), wrt)
        stage("single entries")
        yield Step("array entries", tuple(self.entries()), wrt)
        stage("all entries in letters")
        yield Step("array index", tuple(self.index()), wrt)
        stage("differentials")
        yield Step("array differential", tuple(self.differentials()), wrt)
        stage("the result")
        squares = self.squares(sign) if sign else ()
        yield Step("array result", (*self.result(), *squares), wrt)
        if self.about.names.step:
            stage("Newton's step")
            yield Step("array newton", tuple(self.newton()), wrt)

    # -- values ------------------------------------------------------------------------------

    def values(self, known: Collection[str]) -> Iterator[Chain]:
        """Each value by its definition in a step."""
        new = (a for a in self.about.graph.values if a.name not in known)
        for assignment in new:
            yield self.chain(
                "value",
                Formula(Name(assignment.name)),
                ("definition", Formula(assignment.value)),
            )

    # -- entries -----------------------------------------------------------------------------

    def entries(self) -> Iterator[Chain]:
        """∂y_11/∂x_11 and two others with sums term by term, then all of them as one formula."""
        about = self.about
        dims = (about.shape(about.of), about.shape(about.wrt))
        shown: dict[tuple[Indices, Indices], None] = {}
        for pair in _PLACES:
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

    # -- index notation ----------------------------------------------------------------------

    def rule(self, name: str, at: Indices, wrt: Entry) -> Indexed:
        """∂z_ij/∂x_pq = Σ ∂z_ij/∂u_k·∂u_k/∂x_pq over the names u in the definition of z.

        It is written as dz is, if that takes fewer signs than the partial derivatives of z_ij do.
        """
        task = self.about.task
        form = self.chain_rule(name, at, wrt)
        value, shape = self.about.graph.definition(name), task.sweep.facts.shape
        change = spread(self.change(name, value), self.about.shape(name), shape)
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

    def moving(self, value: Node) -> tuple[str, ...]:
        """The names in a definition that change with X."""
        names = (self.about.wrt, *self.about.moving)
        return tuple(name for name in names if name in names_in(value))

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

    # -- differentials -----------------------------------------------------------------------

    def differentials(self) -> Iterator[Chain]:
        """Dz of each value z, put into that of Y; of a gradient, d²L as well."""
        about, task = self.about, self.about.task
        own = about.shape(about.wrt)
        changes: dict[str, Node] = {}
        for name in about.moving:
            value, over = about.graph.definition(name), about.shape(name)
            i = task.value_indices(over)
            changes[name] = change = self.change(name, value)
            whole = task.sweep.graph.definition(name)
            yield self.chain(
                "differential",
                Matrix(change_of(name), i, over),
                ("definition", Differential(name, value, about.wrt, i, own, whole)),
                ("rules", Matrix(spread(change, over, task.sweep.facts.shape), i, over)),
            )
        yield from self.put_together(changes)

    def change(self, name: str, value: Node) -> Node:
        """Dz in the changes of the names that z is computed from."""
        facts = self.about.task.sweep.facts
        moving = {of: change_of(of) for of in self.moving(value)}
        change = differential(value, moving, facts.shape)
        if change is None:  # a spread or a softmax of one entry is the same at any input
            change = nodes.ZERO
        known = {formula_key(value): name}
        return with_value_names(tidy(change, facts), known, but=self.about.wrt)

    def put_together(self, changes: dict[str, Node]) -> Iterator[Chain]:
        """DY = J dX, and of a gradient d²L = dXᵀ H dX."""
        about, facts = self.about, self.about.task.sweep.facts
        put = changes[about.of]
        for name in reversed(about.moving[:-1]):
            put = replaced(put, {f"δ{name}": changes[name]})
        put = spread(put, about.shape(about.of), facts.shape)
        product = self.times_change()
        sides: list[tuple[Reason, Side]] = []
        if len(about.moving) > 1:
            sides.append(("differentials put in", Formula(put)))
        if product is not None and product != put:
            sides.append(("read off", Formula(product)))
        if sides:
            yield self.chain("whole change", Formula(change_of(about.of)), *sides)
        if about.names.once:
            change = change_of(about.wrt)
            first = inner(change_of(about.of), change, facts.shape)
            last = inner(put, change, facts.shape) if product is None else self.squared(change)
            yield self.chain(
                "second",
                Formula(Name(_twice(about.names.once))),
                ("definition", Formula(first)),
                ("put in", Formula(last)),
            )

    def times_change(self) -> Node | None:
        """J dX, where the array is a matrix, or X a number."""
        about = self.about
        rows, cols = len(about.shape(about.of)), len(about.shape(about.wrt))
        change = change_of(about.wrt)
        if not about.matrix or (cols and (rows, cols) != (1, 1)):
            return None
        if not cols:
            return nodes.Multiply(about.formula, change)
        return nodes.MatMul(
            *((change, about.formula) if about.names.turned else (about.formula, change))
        )

    def squared(self, change: Node) -> Node:
        """DxᵀH dx of a vector; h·dx² of a number."""
        if not self.about.shape(self.about.wrt):
            return nodes.Multiply(self.about.formula, nodes.Power(change, nodes.TWO))
        return _between(change, self.about.formula)

    # -- the result --------------------------------------------------------------------------

    def result(self) -> Iterator[Chain]:
        """The array in the names of the program."""
        about = self.about
        if not about.matrix:
            yield from self.axes()
            return
        sides: list[tuple[Reason, Side]] = [("read off", Formula(about.formula))]
        if about.found.node != about.formula:
            sides.append(("put in", Formula(about.found.node)))
        yield self.chain("assembled", Formula(Name(about.names.array)), *sides)
        if about.names.once and len(about.found.dims) == _MATRIX:
            turned = nodes.Transpose(Name(about.names.array))
            yield self.chain(
                "symmetric",
                Formula(turned),
                ("put in", Formula(nodes.Transpose(about.formula))),
                ("transposes", Formula(about.formula)),
            )

    def axes(self) -> Iterator[Chain]:
        """An array of more axes by its entry, and as a matrix between vec(Y) and vec(X)."""
        about, task = self.about, self.about.task
        rows = task.value_indices(about.shape(about.of))
        cols = task.input_indices(about.shape(about.wrt))
        rate = Indexed(single(Rate(Entry(about.of, rows), Entry(about.wrt, cols))))
        yield self.chain("entry", rate, ("entries", self.entry_of_array(about.joined(rows, cols))))
        if about.names.turned or max(len(rows), len(cols)) > _MATRIX:
            return
        steps = replace(task, sweep=replace(task.sweep, graph=about.graph))
        found = structure(
            ArrayTask(about.of, about.wrt, task, steps),
            self.judge,
            by_columns=not about.names.by_rows,
        )
        if found is not None:
            yield found

    def squares(self, sign: int) -> Iterator[Chain]:
        """ZᵀHz, or its opposite, as a sum of squares, where the form of H shows it."""
        about = self.about
        z = Name(about.names.vector)
        matrix = about.formula if sign > 0 else nodes.Negate(about.formula)
        found = quadratic(matrix, z, about.task.sweep.facts)
        if found is None:
            return
        product, put = (
            Formula(_between(z, array)) for array in (Name(about.names.array), about.formula)
        )
        last = Formula(found if sign > 0 else nodes.Negate(found))
        if self.judge.verdict(put, last).status != "undecided":
            yield self.chain("squares", product, ("put in", put), ("term by term", last))

    # -- Newton's step -----------------------------------------------------------------------

    def newton(self) -> Iterator[Chain]:
        """D(gᵀs + sᵀHs/2) = (g + Hs)ᵀ ds; and of a quadratic L, Hx - g without x.

        That is what H times x + s is where Hs = -g, the right side of the normal equations.
        """
        about, facts = self.about, self.about.task.sweep.facts
        g, matrix, s, x = map(
            Name, (about.of, about.names.array, about.names.step, about.names.wrt)
        )
        half = nodes.Divide(_between(s, matrix), nodes.TWO)
        model = nodes.Add(nodes.MatMul(g, s), half)
        total = nodes.Add(g, nodes.MatMul(matrix, s))
        yield self.chain(
            "model",
            Differential(about.names.once, model, s.name, (), about.shape(about.wrt)),
            ("rules", Formula(nodes.MatMul(total, change_of(s.name)))),
        )
        whole = about.task.sweep.graph.definition(about.of)
        if not names_in(about.found.node).isdisjoint({about.wrt, *about.moving}):
            return
        zeros = nodes.zeros((size_name(about.found.dims[0]),))
        right = tidy(nodes.Negate(replaced(whole, {about.wrt: zeros})), facts)
        left = Formula(nodes.Subtract(nodes.MatMul(matrix, x), g))
        if right != nodes.ZERO and self.judge.verdict(left, Formula(right)).status != "undecided":
            yield self.chain("normal equations", left, ("put in", Formula(right)))
