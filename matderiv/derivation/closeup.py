"""One product Z = XW close up: arrays written out, single entries first, then all of them.

The loss is written out where it adds up f(z_ij); ∂L/∂Z goes through f entry by entry; of ∂L/∂X
come single entries, then all of them as a product of arrays; the proof for all sizes is last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from matderiv.calculus.index_forms.canonical import sealed
from matderiv.calculus.index_forms.contraction import contracted
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import (
    ONE_FORM,
    Atom,
    Call,
    Entry,
    Form,
    Indices,
    Raised,
    Rate,
    Term,
    added,
    multiplied,
    single,
)
from matderiv.calculus.index_forms.partials import partial
from matderiv.calculus.sweep.results import GradientStages
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.focus import CloseUp, Summand, first_product, function_of
from matderiv.derivation.judge import Judge, chain_rule, unit
from matderiv.derivation.kinds import Reason
from matderiv.derivation.links import Chain, ProvedSteps, Step
from matderiv.derivation.methods.index import entry_chains
from matderiv.derivation.program import (
    Builder,
    Defining,
    build_program,
    elementwise,
)
from matderiv.derivation.sides import (
    Cells,
    Formula,
    Indexed,
    Side,
    Slice,
    bound_letters,
    spelled,
    summed,
    written,
)
from matderiv.expression.nodes import Name, Node
from matderiv.expression.program import Assignment
from matderiv.expression.shapes import Dim, Shape

__all__ = ["CloseUpBuilder", "CloseUpJudge", "build_close_up"]

#: The places of the single entries that are derived, as far as there are so many.
_PLACES = ((1, 1), (1, 2), (2, 1))


def build_close_up(task: Task, wrt: tuple[str, ...]) -> ProvedSteps:
    """Derive the gradients of a program, its first product close up if it has one.

    Raises:
        ProofError: a link is not proved.
    """
    close = first_product(task)
    if close is None:
        return build_program(task, wrt)
    builder = CloseUpBuilder(task, wrt, elementwise, close)
    return ProvedSteps(task, wrt, tuple(builder.steps()), close)


@dataclass(frozen=True, slots=True)
class CloseUpBuilder(Builder):
    """Makes the steps of a derivation that shows one product close up."""

    close: CloseUp

    # -- what is given -----------------------------------------------------------------------

    def value(self, assignment: Assignment) -> Iterator[Chain]:
        """A value by its definition; the product and the sum of f(z_ij) are written out."""
        close = self.close
        if assignment.name == close.value:
            for factor in close.factors:
                yield self.array(factor)
            yield self.product()
        elif assignment.name == self.sweep.graph.loss and close.summand is not None:
            yield from self.loss(close.summand)
        else:
            yield from Builder.value(self, assignment)

    def array(self, name: str) -> Chain:
        """An array by its entries."""
        judge, node = Judge(self.task, name), Name(name)
        return self.chain(judge, "array", Formula(node), ("entries", spelled(self.task, node)))

    def product(self) -> Chain:
        """Z = XW: each entry is expanded once, and then goes by its name."""
        name = Name(self.close.value)
        return self.chain(
            Defining(self.task, name.name),
            "product",
            Formula(name),
            ("definition", Formula(self.close.product)),
            ("matrix product", spelled(self.task, self.close.product)),
            ("names", spelled(self.task, name)),
        )

    def loss(self, summand: Summand) -> Iterator[Chain]:
        """L = f(z_11) + f(z_12) + … = Σ_ij f(z_ij), and the definition of f if it is known."""
        judge = CloseUpJudge(self, "", known=True)
        total = self.sum(lambda at: single(self.f(at)))
        yield self.chain(
            judge,
            "loss",
            Indexed(single(self.total)),
            ("definition", Indexed(total, spelled=True)),
            ("sum sign", Indexed(total)),
        )
        if summand.body is not None:
            at = self.places
            yield self.chain(
                judge,
                "function",
                Indexed(single(self.f(at))),
                ("definition", written(self.task, summand.body, at)),
            )

    # -- quantities --------------------------------------------------------------------------

    @property
    def total(self) -> Entry:
        """The loss L."""
        return Entry(self.sweep.graph.scalar, ())

    @property
    def over(self) -> Shape:
        """The shape of Z."""
        return self.sweep.graph.shapes[self.close.value]

    @property
    def places(self) -> Indices:
        """The indices i and j of Z."""
        return self.task.value_indices(self.over)

    @property
    def summand(self) -> Summand:
        """The function that the loss adds up."""
        assert self.close.summand is not None
        return self.close.summand

    def z(self, at: Indices) -> Entry:
        """The entry z_ij."""
        return Entry(self.close.value, at)

    def f(self, at: Indices) -> Call:
        """One value of f, that at z_ij."""
        return function_of(self.summand.function, self.close.value, at)

    def sum(self, term: Callable[[Indices], Form]) -> Form:
        """The sum c·Σ_ij of a term."""
        bound = bound_letters(self.places, self.over)
        made = multiplied(self.factor, term(self.places))
        return tuple((Term(t.atoms, t.bound + bound), number) for t, number in made)

    @property
    def factor(self) -> Form:
        """The number c in L = c·Σ_ij f(z_ij)."""
        return Entries(self.sweep.facts.shape).at(self.summand.factor)

    # -- steps -------------------------------------------------------------------------------

    def derived(self, name: str, gradient: GradientStages) -> Iterator[Step]:
        """The gradient by Z through f, those by its factors close up, others entry by entry."""
        if name == self.close.value and self.close.summand is not None:
            yield Step("upstream", tuple(self.upstream(gradient)), name)
        elif name in self.close.factors:
            yield Step("entries", tuple(self.entries(name, gradient)), name)
            yield Step("array", (self.regrouped(name, gradient),), name)
        else:
            yield from Builder.derived(self, name, gradient)

    def proofs(self) -> Iterator[Step]:
        """The gradients by the factors in index notation, for all sizes."""
        for name, gradient in self.sweep.gradients.items():
            if name in self.close.factors and not gradient.vanishes:
                yield Step("proof", tuple(entry_chains(self, name, gradient, turned=False)), name)

    def upstream(self, gradient: GradientStages) -> Iterator[Chain]:
        """∂L/∂z_ij = ∂L/∂f(z_ij)·∂f(z_ij)/∂z_ij, and ∂L/∂f(z_ij) = c."""
        name, at = self.close.value, self.task.input_indices(self.over)
        whole = Name(f"d{name}")
        judge, known = CloseUpJudge(self, name), CloseUpJudge(self, name, known=True)
        yield self.chain(
            judge,
            "unit",
            Indexed(single(Rate(self.total, self.f(self.places)))),
            ("sum rule", Indexed(self.factor)),
        )
        if self.summand.body is not None:
            yield self.slope(known, self.summand.body, gradient)
        outer, slope = (single(Rate(*pair)) for pair in self.through(at))
        last = self.cells(multiplied(self.factor, slope), at)
        start = self.chain(
            judge,
            "upstream",
            Formula(whole),
            ("entries", spelled(self.task, whole)),
            ("chain rule", self.cells(multiplied(outer, slope), at)),
            ("unit", last),
        )
        local = self.task.whole(name, gradient.local)
        sides: list[tuple[Reason, Side]] = [("matrix names", Formula(local))]
        if self.summand.body is not None:
            sides.insert(0, ("derivative of f", spelled(self.task, local)))
        end = self.chain(known, "upstream", last, *sides)
        yield Chain("upstream", start.links + end.links)

    def through(self, at: Indices) -> tuple[tuple[Entry, Call], tuple[Call, Entry]]:
        """The pairs of ∂L/∂f(z_ij) and ∂f(z_ij)/∂z_ij, each as (of, by)."""
        return (self.total, self.f(at)), (self.f(at), self.z(at))

    def cells(self, form: Form, at: Indices) -> Cells:
        """An array of the shape of Z by its general entry."""
        return Cells(form, tuple(map(str, at)), self.over)

    def slope(self, judge: Judge, body: Node, gradient: GradientStages) -> Chain:
        """∂f(z_ij)/∂z_ij of a known function."""
        at = self.places
        rate = partial(judge.entries.at(body, *at), self.z(at), judge.entries.letter)
        sides: list[tuple[Reason, Side]] = [("derivative", Indexed(rate))]
        if self.factor == ONE_FORM:
            local = self.task.whole(self.close.value, gradient.local)
            sides.append(("simplified", written(self.task, local, at)))
        return self.chain(judge, "slope", Indexed(single(Rate(self.f(at), self.z(at)))), *sides)

    # -- single entries ----------------------------------------------------------------------

    def entries(self, name: str, gradient: GradientStages) -> Iterator[Chain]:
        """The chain from L to single entries of ∂L/∂X: ∂z_ij/∂x_11, then the chain rule."""
        own = self.sweep.graph.shapes[name]
        judge = CloseUpJudge(self, name)
        shown = [at[: len(own)] for at in _PLACES]
        shown = [at for at in dict.fromkeys(shown) if all(map(_within, at, own))]
        first = shown[0]
        if self.close.alone(self.task, name):
            if name == next(n for n in self.sweep.gradients if n in self.close.factors):
                yield self.expanded_loss(judge)
            yield from self.term_by_term(judge, Entry(name, first))
        for by in gradient.users:
            if by == self.close.value:
                yield self.slice(judge, Entry(name, first))
            else:
                at = self.task.input_indices(own)
                yield from self.local(by, Entry(name, at), judge)
        local = self.task.whole(name, gradient.local)
        for number, at in enumerate(shown):
            yield self.chain(
                judge,
                "another entry" if number else "entry",
                Indexed(single(Entry(f"d{name}", at))),
                ("chain rule", Indexed(chain_rule(self.task, name, at), spelled=True)),
                ("zeros dropped", written(self.task, local, at, spelled=True)),
            )

    def expanded_loss(self, judge: Judge) -> Chain:
        """L with every z_ij written out."""
        entries = judge.entries

        def filled(at: Indices) -> Form:
            product = entries.at(self.close.product, *at)
            return single(Call(self.summand.function, sealed(product)))

        return self.chain(
            judge,
            "expanded loss",
            Indexed(single(self.total)),
            ("definition", Indexed(self.sum(lambda at: single(self.f(at))), spelled=True)),
            ("entries of the product", Indexed(self.sum(filled), spelled=True)),
        )

    def term_by_term(self, judge: Judge, x: Entry) -> Iterator[Chain]:
        """∂L/∂x_11 as the sum of all ∂f(z_ij)/∂x_11, and one of them by the chain rule."""
        total = self.sum(lambda at: single(self.f(at)))
        yield self.chain(
            judge,
            "sum rule",
            Indexed(single(Entry(f"d{x.name}", x.indices))),
            ("definition", Indexed(single(Rate(Raised(total, None), x)), spelled=True)),
            ("sum rule", Indexed(self.sum(lambda at: single(Rate(self.f(at), x))), spelled=True)),
        )
        at = tuple(1 for _ in self.over)
        slope, rate = single(Rate(*self.through(at)[1])), single(Rate(self.z(at), x))
        dz = single(Entry(f"d{self.close.value}", at))
        yield self.chain(
            judge,
            "one term",
            Indexed(multiplied(self.factor, single(Rate(self.f(at), x)))),
            ("chain rule", Indexed(multiplied(self.factor, multiplied(slope, rate)))),
            ("unit", Indexed(multiplied(dz, rate))),
        )

    def slice(self, judge: Judge, x: Entry) -> Chain:
        """∂Z/∂x_11: the partner of x_11 where x_11 occurs, and 0 elsewhere."""
        at = self.places
        rate = Rate(self.z(at), x)
        value = judge.entries.at(self.close.product, *at)
        found = partial(value, x, judge.entries.letter)
        return self.chain(
            judge,
            "slice",
            Slice(self.z(at), x),
            ("entries", self.cells(single(rate), at)),
            ("constants", self.cells(found, at)),
        )

    def regrouped(self, name: str, gradient: GradientStages) -> Chain:
        """All entries of ∂L/∂X, and the product of two arrays that they are."""
        users = gradient.users
        judge = Judge(self.task, name, users)
        return self.written_out(judge, name, self.task.whole(name, gradient.local))


def _within(index: int, dim: Dim) -> bool:
    return index <= dim.size


class CloseUpJudge(Judge):
    """A judge who knows f: ∂f(z_ij)/∂x goes through z_ij, and ∂L/∂f(z_ij) through L alone.

    Unless f is `known`, it is any function, and what holds of it holds of every f.
    """

    def __init__(self, builder: CloseUpBuilder, name: str, *, known: bool = False) -> None:
        close = builder.close
        self.close = close
        self.summand = close.summand
        self.over = builder.over
        self.body = self.summand.body if self.summand is not None and known else None
        abstract = self.summand is not None and not known
        task = self.summand.task if self.summand is not None and abstract else builder.task
        loss = task.sweep.graph.scalar
        super().__init__(task, name, (*self._users(task, name), loss, f"d{close.value}"))

    @staticmethod
    def _users(task: Task, name: str) -> Iterable[str]:
        found = task.sweep.gradients.get(name)
        return () if found is None else found.users

    def own(self, atom: Atom, entries: Entries) -> Form | None:
        """The definition of a derivative, taken before its values are unfolded.

        Once z_ij is replaced by Σ_k x_ik w_kj, a derivative by z_ij would be 0.
        """
        loss = self.task.sweep.graph.scalar
        match atom:
            case Rate(of=Entry(name=one, indices=rows), wrt=Entry(name=other, indices=cols)) if (
                one == other
            ):
                return unit(rows, cols)
            case Rate(of=Entry(name=name), wrt=Call() as f) if name == loss:
                return self._by_function(f)
            case Rate(of=Call() | Raised() as of, wrt=Entry() as wrt):
                return self._through(self._body(of) or single(of), wrt)
            case Call():
                return self._body(atom)
        return super().own(atom, entries)

    def _body(self, atom: Atom) -> Form | None:
        """The formula of f(z_ij), where f is known."""
        if self.body is None or not isinstance(atom, Call):
            return None
        at = self._place(atom)
        return None if at is None else self.entries.at(self.body, *at)

    def _place(self, call: Call) -> Indices | None:
        """The indices of z_ij in f(z_ij)."""
        if self.summand is None or call.function != self.summand.function:
            return None
        match call.arg:
            case ((Term(((Entry(name=name, indices=at), 1),), ()), 1),) if name == self.close.value:
                return at
        return None

    def _by_function(self, f: Call) -> Form | None:
        """∂L/∂f(z_ij), with the values f(z_ij) as independent variables."""
        at = self._place(f)
        if at is None or self.summand is None:
            return None
        made = []
        for term, number in self.entries.at(self.summand.loss):
            atoms = tuple((self._variable(atom), power) for atom, power in term.atoms)
            made.append((Term(atoms, term.bound), number))
        return partial(tuple(made), Entry("f(Z)", at), self.entries.letter)

    def _variable(self, atom: Atom) -> Atom:
        at = self._place(atom) if isinstance(atom, Call) else None
        return atom if at is None else Entry("f(Z)", at)

    def _through(self, form: Form, wrt: Entry) -> Form:
        """∂/∂x of an expression in z_ij: by z_ij, times ∂z_ij/∂x, added up."""
        if wrt.name == self.close.value:
            return partial(form, wrt, self.entries.letter)
        places, bound = summed(self.over, self.entries)
        z = Entry(self.close.value, places)
        made = multiplied(partial(form, z, self.entries.letter), single(Rate(z, wrt)))
        through = tuple((Term(t.atoms, t.bound + bound), number) for t, number in made)
        return contracted(added((through, partial(form, wrt, self.entries.letter))))

    def _shape(self, side: Side) -> Shape:
        """The shape of an array; a slice has that of its value."""
        match side:
            case Cells(over=over):
                return over
            case Slice(of=of):
                return self.task.sweep.facts.shape(Name(of.name))
        return super()._shape(side)
