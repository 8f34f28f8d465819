"""The judge of equalities about a whole program."""

from __future__ import annotations

import itertools
from collections import ChainMap
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cache, cached_property

from matderiv._budget import bounded
from matderiv.calculus.deciding.decide import (
    BUDGET,
    Attempt,
    Pair,
    Verdict,
    decide,
    decide_by_letters,
    read_the_same,
)
from matderiv.calculus.deciding.parts import differing
from matderiv.calculus.index_forms.canonical import sealed
from matderiv.calculus.index_forms.contraction import contracted
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.expanded import written_out
from matderiv.calculus.index_forms.forms import (
    Atom,
    Call,
    Delta,
    Entry,
    Form,
    Index,
    Raised,
    Rate,
    Term,
    Whole,
    added,
    atoms_in,
    constant,
    multiplied,
    placed,
    raised,
    refreshed,
    single,
    to_the,
)
from matderiv.calculus.index_forms.index_expressions import IndexExpression
from matderiv.calculus.index_forms.meaning import form_of
from matderiv.calculus.index_forms.partials import partial
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.sides import (
    Cells,
    EntryOf,
    Formula,
    Indexed,
    RouteSide,
    Side,
    Spelled,
    SpelledProduct,
    WrittenEntry,
)
from matderiv.errors import TooLarge, UnsupportedError
from matderiv.expression.nodes import MatMul, Name, Node, children, rebuilt
from matderiv.expression.shapes import Dim, Shape

__all__ = ["Judge", "chain_rule", "unit"]

_MANY = 12  # uses of a name whose shares are compared one by one
_LITTLE = 5_000  # steps of work for a line that a page can do without


def chain_rule(
    task: Task, name: str, indices: tuple[Index, ...], fresh: Callable[[], str] | None = None
) -> Form:
    """∂L/∂x_pq = Σ over the values z that use x of Σ_ij ∂L/∂z_ij · ∂z_ij/∂x_pq.

    Without `fresh` letters, i and j are those with which the entries of values are written.
    """
    graph = task.sweep.graph
    wrt = Entry(name, indices)
    parts: list[Form] = []
    for by in task.sweep.gradients[name].users:
        shape = graph.shapes[by]
        places = task.value_indices(shape)
        if fresh is not None:
            places = tuple(fresh() if isinstance(i, str) else i for i in places)
        bound = tuple(
            (place, dim.symbol)
            for place, dim in zip(places, shape, strict=True)
            if isinstance(place, str)
        )
        atoms: list[Atom] = [Rate(Entry(by, places), wrt)]
        if by != graph.loss:
            atoms.insert(0, Entry(f"d{by}", places))
        parts.append(((Term(tuple((atom, 1) for atom in atoms), bound), Fraction(1)),))
    return added(parts)


def unit(rows: tuple[Index, ...], cols: tuple[Index, ...]) -> Form:
    """∂x_ij/∂x_pq = δ_ip δ_jq."""
    made = constant(Fraction(1))
    for one, other in zip(rows, cols, strict=True):
        made = multiplied(made, single(Delta(one, other)))
    return made


class Judge:
    """Decides equalities between sides: for every size, else entry by entry at the sizes.

    ∂L/∂x is what the chain rule says of it, ∂z/∂x what the definition of z says. Tries four
    unfoldings in turn: (1) none; (2) subexpressions equal to a value folded to its name; (3) the
    names in `unfolded` replaced by their definitions; (4) all values replaced as well. In the
    latter three, entries of `diagonal` matrices are 0 off the diagonal; derivatives are taken
    before that, by all entries as if each were free.
    """

    def __init__(
        self,
        task: Task,
        name: str,
        unfolded: Iterable[str] = (),
        diagonal: frozenset[str] = frozenset(),
    ) -> None:
        sweep = task.sweep
        self.task = task
        self.name = name
        self._diagonal = diagonal
        self._values = {a.name: a.value for a in sweep.graph.values}
        self._gradients = {of: whole for of, whole in task.wholes.items() if of != f"d{name}"}
        known = self._values | self._gradients
        self._some = {name: known[name] for name in unfolded if name in known}
        self._places = {name: place for place, name in enumerate(self._values)}
        self.letters = itertools.count()
        self.entries = _Unfolding(self, {})

    def little(self, left: Side, right: Side) -> Verdict:
        """The verdict on a line that a page can do without; undecided where it takes much work."""
        try:
            with bounded(_LITTLE):
                return self.verdict(left, right)
        except TooLarge as error:
            return Verdict("undecided", reason=str(error))

    def verdict(self, left: Side, right: Side) -> Verdict:
        """Whether two sides are equal, first without unfolding, then with more and more of it."""
        if self._shape(left) != self._shape(right):
            return Verdict("refuted", reason="the sides have different shapes")
        if isinstance(left, Formula) and isinstance(right, Formula):
            known = ChainMap(self._values, self._gradients)
            parts = differing(left.node, right.node, known, self.task.sweep.facts.shape)
            if (left.node, right.node) not in parts and all(
                decide_by_letters(self._attempts(*map(Formula, part))).status == "equal"
                for part in parts
            ):
                return Verdict("equal", index=True)
        if len(self._some) > _MANY and self._share_by_share(left, right):
            return Verdict("equal", index=True)
        attempts = self._attempts(left, right)
        if isinstance(left, RouteSide) or isinstance(right, RouteSide):
            return decide(attempts)  # rows and columns of pairs are compared in letters only
        return decide(attempts, lambda: tuple(self._runs(left, right).values()), self.task.sizes)

    def _share_by_share(self, left: Side, right: Side) -> bool:
        """Whether the terms with dZ are the same on both sides, for each value Z by itself."""
        through = {f"d{of}" for of in self._some}
        try:
            with bounded(BUDGET.products * len(through)):
                one, other = (_shares(self.value(side), through) for side in (left, right))
                return one.keys() == other.keys() and all(
                    self._same_share(share, other[of]) for of, share in one.items()
                )
        except (UnsupportedError, RecursionError):
            return False

    def _same_share(self, one: Form, other: Form) -> bool:
        """Whether two forms read the same, names that only one of them has unfolded, last first."""
        while not read_the_same(one, other):
            apart = (_names_in(one) ^ _names_in(other)) & self._values.keys()
            if not apart:
                return False
            last = max(apart, key=self._places.__getitem__)
            once = _Unfolding(self, {last: self._values[last]}, self._diagonal)
            one, other = once.known(one), once.known(other)
        return True

    def _attempts(self, left: Side, right: Side) -> tuple[Attempt, ...]:
        """The sides with more and more names unfolded."""

        def attempt(
            what: str, entries: Callable[[], _Unfolding], sides: Callable[[], tuple[Side, ...]]
        ) -> Attempt:
            @cache
            def pair() -> Pair:
                one, other = (self.value(side, entries()) for side in sides())
                return one, other

            def forms(place: tuple[int, ...] | None) -> Pair:
                one, other = pair()
                if place is None:
                    return one, other
                at: dict[str, Index] = dict(zip(self._runs(left, right), place, strict=True))
                sizes = self.task.sizes
                return written_out(placed(one, at), sizes), written_out(placed(other, at), sizes)

            return Attempt(what, forms, complete=what == "all values unfolded")

        def as_they_stand() -> tuple[Side, ...]:
            return left, right

        def folded() -> tuple[Side, ...]:
            return self._called(left), self._called(right)

        return (
            attempt("as they stand", lambda: self.entries, as_they_stand),
            attempt("values folded to their names", lambda: self._with_names, folded),
            attempt("some names unfolded", lambda: self._with_some, as_they_stand),
            attempt("all values unfolded", lambda: self._with_all, as_they_stand),
        )

    @cached_property
    def _names(self) -> dict[Node, Name]:
        return {a.value: Name(a.name) for a in self.task.sweep.graph.values}

    @cached_property
    def _with_names(self) -> _Unfolding:
        lifted = {f"d{of}" for of in self.task.sweep.graph.lifted} & self._gradients.keys()
        known = {of: self._folded(self._gradients[of]) for of in lifted}
        return _Unfolding(self, known, self._diagonal)

    @cached_property
    def _with_some(self) -> _Unfolding:
        return _Unfolding(self, self._some, self._diagonal)

    @cached_property
    def _with_all(self) -> _Unfolding:
        return _Unfolding(self, self._values | self._some, self._diagonal)

    def _called(self, side: Side) -> Side:
        """A formula whose values go by their names."""
        return Formula(self._folded(side.node)) if isinstance(side, Formula) else side

    def _folded(self, node: Node) -> Node:
        """The node with whatever reads like the definition of a value called by its name."""
        node = rebuilt(node, map(self._folded, children(node)))
        return self._names.get(node, node)

    def value(self, side: Side, entries: _Unfolding | None = None) -> Form:
        """The general entry of a side; an array gets fresh letters."""
        entries = entries or self.entries
        if side not in entries.values:  # it is the right side of one link, the left of the next
            entries.values[side] = self._value(side, entries)
        return entries.values[side]

    def worked_out(self, form: Form) -> Form:
        """A form with the definitions of its derivatives put in, sums with deltas worked out."""
        return contracted(self.entries.known(form))

    def _value(self, side: Side, entries: _Unfolding) -> Form:
        match side:
            case Formula(node):
                return entries.known(entries.at(node, *self.task.input_indices(self._shape(side))))
            case Spelled(expr=expr) | WrittenEntry(expr=expr):
                return contracted(entries.known(form_of(expr, entries)))
            case SpelledProduct(left, right):
                return contracted(entries.known(_row_times_column(left, right, entries)))
            case EntryOf(node, indices):
                return entries.known(entries.at(node, *indices))
            case Indexed(form, expr=arranged):
                return self._printed(arranged or self.task.written(form), entries)
            case Cells(form):
                return self._printed(self.task.written(form), entries)
        if isinstance(side, RouteSide):
            return contracted(entries.known(side.form(entries)))
        raise TypeError(f"{side} is not about a whole program")

    def _printed(self, expr: IndexExpression, entries: _Unfolding) -> Form:
        """The form that a printed expression means; derivatives come before values are put in."""
        return contracted(entries.known(form_of(expr, self.entries)))

    def own(self, atom: Atom, entries: Entries) -> Form | None:
        """The definition of a quantity: of ∂z/∂x from z's formula, of ∂L/∂x by the chain rule."""
        match atom:
            case Rate(of=Entry() as of, wrt=Entry() as wrt):
                value = self.entries.at(self._values[of.name], *of.indices)  # not unfolded yet
                return partial(value, wrt, entries.letter)
            case Entry(name=name, indices=indices) if self.name and name == f"d{self.name}":
                return chain_rule(self.task, self.name, indices, entries.letter)
        return None

    def _shape(self, side: Side) -> Shape:
        """The shape of a side that is an array; () for a side with indices."""
        facts = self.task.sweep.facts
        if isinstance(side, SpelledProduct):
            return facts.shape(MatMul(side.left.node, side.right.node))
        return facts.shape(side.node) if isinstance(side, Formula | Spelled) else ()

    # -- at the sizes --------------------------------------------------------------------------

    def _runs(self, left: Side, right: Side) -> dict[str, int]:
        """How far each letter of the sides goes that they do not sum over."""
        found = self._free(left) | self._free(right)
        return {letter: found[letter] for letter in sorted(found, key=self._order)}

    def _order(self, letter: str) -> tuple[int, str]:
        letters = self.task.letters
        return (letters.index(letter) if letter in letters else len(letters), letter)

    def _free(self, side: Side) -> dict[str, int]:
        shape, bound = self.task.sweep.facts.shape, set[str]()
        match side:
            case Formula(node) | Spelled(node):
                found = [(self.task.input_indices(shape(node)), shape(node))]
            case SpelledProduct(left, right):
                return self._free(Formula(MatMul(left.node, right.node)))
            case EntryOf(node, indices) | WrittenEntry(node, indices):
                found = [(indices, shape(node))]
            case Indexed(form):
                bound = {letter for term, _ in form for letter, _ in term.bound}
                found = [
                    (entry.indices, shape(Name(entry.name)))
                    for term, _ in form
                    for atom, _ in term.atoms
                    for entry in _entries_of(atom)
                ]
            case _:
                raise TypeError(f"{side} is not about a whole program")
        return {
            letter: dim.size
            for letters, dims in found
            for letter, dim in zip(letters, dims, strict=True)
            if isinstance(letter, str) and letter not in bound
        }


def _shares(form: Form, through: Container[str]) -> dict[frozenset[str], Form]:
    """The terms of a form, those with the same of some names together."""
    found: dict[frozenset[str], Form] = {}
    for term, number in form:
        entries = (atom.name for atom, _ in term.atoms if isinstance(atom, Entry))
        names = frozenset(name for name in entries if name in through)
        found[names] = (*found.get(names, ()), (term, number))
    return found


def _names_in(form: Form) -> set[str]:
    return {atom.name for atom in atoms_in(form) if isinstance(atom, Entry)}


def _entries_of(atom: Atom) -> tuple[Entry, ...]:
    match atom:
        case Rate(of=of, wrt=wrt):
            return tuple(entry for entry in (of, wrt) if isinstance(entry, Entry))
        case Entry() if atom.indices:
            return (atom,)
    return ()


def _row_times_column(left: Spelled, right: Spelled, entries: Entries) -> Form:
    """Σ_k a_pk b_kq of two arrays by their written entries at (p, q)."""
    over = entries.shape(left.node)[-1]
    k: Index = 1 if over.symbol == "1" else entries.letter()
    (*_, inner), (outer, *_) = left.indices, right.indices
    row = placed(form_of(left.expr, entries), {inner: k} if isinstance(inner, str) else {})
    col = placed(form_of(right.expr, entries), {outer: k} if isinstance(outer, str) else {})
    bound = ((k, over.symbol),) if isinstance(k, str) else ()
    made = multiplied(row, col)
    return tuple((Term(term.atoms, term.bound + bound), number) for term, number in made)


class _Unfolding(Entries):
    """Entries of expressions with quantities replaced by their definitions."""

    def __init__(
        self, judge: Judge, definitions: Mapping[str, Node], diagonal: frozenset[str] = frozenset()
    ) -> None:
        facts = judge.task.sweep.facts
        super().__init__(facts.shape, definitions, assumed=facts.assumed, diagonal=diagonal)
        self._judge = judge
        self._known = definitions
        self._seen: dict[Atom, Form | None] = {}
        self._fresh = judge.letters  # one for all, so that no two letters are the same
        self.values: dict[Side, Form] = {}

    def known(self, form: Form) -> Form:
        """The form with every quantity replaced by its definition."""
        made: list[Form] = []
        changed = False
        for term, number in form:
            found = {atom: self._atom(atom) for atom, _ in term.atoms}
            if all(value is None for value in found.values()):
                made.append(((term, number),))
                continue
            changed = True
            kept = tuple((atom, power) for atom, power in term.atoms if found[atom] is None)
            product: Form = ((Term(kept, term.bound), number),)
            for atom, power in term.atoms:
                value = found[atom]
                if value is None:
                    continue
                if power < 0:
                    product = multiplied(product, to_the(value, power))
                for _ in range(power):  # each time with bound letters of its own
                    product = multiplied(product, refreshed(value, self.letter))
            made.append(product)
        return contracted(added(made)) if changed else form

    def _atom(self, atom: Atom) -> Form | None:
        """The form that replaces an atom, worked out once; None if the atom stays."""
        if atom not in self._seen:
            self._seen[atom] = self._found(atom)
        return self._seen[atom]

    def _found(self, atom: Atom) -> Form | None:
        found = self._judge.own(atom, self)
        if found is not None:
            return self.known(found)
        match atom:
            case Entry(name=name, indices=indices) if name in self._known:
                return self.known(self.at(self._known[name], *indices))
            case Entry(name=name, indices=(row, col)) if name in self._diagonal and row != col:
                return self._on_diagonal(name, row, col)
            case Call(function=function, arg=arg) if (inner := self.known(arg)) is not arg:
                return single(Call(function, sealed(inner)))
            case Raised(base=base, exponent=None) if (inner := self.known(base)) is not base:
                return single(Raised(inner, None))
            case Raised(base=base, exponent=exponent) if exponent is not None:
                inner, power = self.known(base), self.known(exponent)
                if inner is not base or power is not exponent:
                    return raised(inner, power)
            case Whole(function, letters, arg, indices) if (inner := self.known(arg)) is not arg:
                if function not in ("inv", "det", "logdet"):
                    return single(replace(atom, arg=inner))
                size = letters[0][1]
                dim = Dim(size, self._judge.task.sizes[size])
                return self._of_entry(function, inner, letters, dim, indices)
        return None
