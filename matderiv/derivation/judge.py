"""The judge of equalities about a whole program."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fractions import Fraction

from matderiv.calculus.deciding.equality import same_form
from matderiv.calculus.index_forms.canonical import sealed
from matderiv.calculus.index_forms.contraction import contracted
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.expanded import refuting_point, written_out
from matderiv.calculus.index_forms.factoring import read_the_same
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
    bounded,
    constant,
    difference,
    multiplied,
    placed,
    raised,
    refreshed,
    single,
    to_the,
)
from matderiv.calculus.index_forms.index_expressions import form_of
from matderiv.calculus.index_forms.partials import partial
from matderiv.calculus.sweep.task import Task
from matderiv.calculus.verdicts import Verdict
from matderiv.derivation.sides import (
    EntryOf,
    Formula,
    Indexed,
    RouteSide,
    Side,
    Spelled,
    SpelledProduct,
    WrittenEntry,
)
from matderiv.errors import InputError
from matderiv.expression.nodes import MatMul, Name, Node, children, rebuilt
from matderiv.expression.shapes import Shape

__all__ = ["Judge", "chain_rule", "unit"]

#: Entries of an array up to which it is compared at the sizes, where no proof is found.
_MOST_ENTRIES = 100

#: Products of terms in the proof of one equality.
_WORK = 20_000


def chain_rule(
    task: Task, name: str, indices: tuple[Index, ...], fresh: Callable[[], str] | None = None
) -> Form:
    """∂L/∂x_pq = Σ over the values z that use x of Σ_ij ∂L/∂z_ij · ∂z_ij/∂x_pq.

    Without `fresh` letters, i and j are those with which the entries of values are written.
    """
    graph = task.sweep.graph
    wrt = Entry(name, indices)
    parts: list[Form] = []
    for by in dict.fromkeys(use.by for use in task.sweep.gradients[name].uses):
        shape = graph.shapes[by]
        places = task.places(shape, 0)
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

    ∂L/∂x is what the chain rule says of it, ∂z/∂x what the definition of z says. Values and
    their gradients are quantities of their own first, then what reads like the definition of a
    value as well; then those to be `unfolded` are what stands for them, then all values are.
    """

    def __init__(self, task: Task, name: str, unfolded: Iterable[str] = ()) -> None:
        sweep = task.sweep
        self.task = task
        self.name = name
        self._values = {a.name: a.value for a in sweep.graph.values}
        gradients = {
            f"d{of}": task.whole(of, found.formula)
            for of, found in sweep.gradients.items()
            if of != name
        }
        known = self._values | gradients
        some = {name: known[name] for name in unfolded if name in known}
        self.letters = itertools.count()
        self.entries = _Unfolding(self, {})
        self._names = {a.value: Name(a.name) for a in sweep.graph.values}
        lifted = {f"d{of}" for of in sweep.graph.lifted} & gradients.keys()
        folded = _Unfolding(self, {of: self._folded(gradients[of]) for of in lifted})
        self._attempts = (
            (self.entries, False),
            (folded, True),
            (_Unfolding(self, some), False),
            (_Unfolding(self, self._values | some), False),
        )

    def verdict(self, left: Side, right: Side) -> Verdict:
        """Whether two sides are equal, as they stand or unfolded."""
        if self._shape(left) != self._shape(right):
            return Verdict("refuted", detail="the sides have different shapes")
        pairs: list[tuple[Form, Form]] = []
        for entries, fold in self._attempts:
            sides = tuple(map(self._called, (left, right))) if fold else (left, right)
            try:
                with bounded(_WORK):
                    one, other = (self.value(side, entries) for side in sides)
                    if read_the_same(one, other):
                        return Verdict("equal", index=True)
            except InputError:  # too large to be unfolded, or not known
                continue
            pairs.append((one, other))
        if any(self._same(pair) for pair in pairs):
            return Verdict("equal", index=True)
        if len(pairs) < len(self._attempts):
            return Verdict("undecided", detail="the entries are too large, or not known")
        pair = pairs[-1]
        if isinstance(left, RouteSide) or isinstance(right, RouteSide):
            return Verdict("undecided", detail="the entries of both sides do not read the same")
        return self._compared(pair, self._runs(left) | self._runs(right))

    @staticmethod
    def _same(pair: tuple[Form, Form]) -> bool:
        """Whether two forms are equal as functions, which takes longer to find."""
        try:
            with bounded(_WORK):
                return same_form(*pair)
        except InputError:
            return False

    def _called(self, side: Side) -> Side:
        """A formula whose values go by their names."""
        return Formula(self._folded(side.node)) if isinstance(side, Formula) else side

    def _folded(self, node: Node) -> Node:
        """The node with whatever reads like the definition of a value called by its name."""
        operands = children(node)
        made = [self._folded(child) for child in operands]
        if any(a is not b for a, b in zip(made, operands, strict=True)):
            node = rebuilt(node, made)
        return self._names.get(node, node)

    def value(self, side: Side, entries: _Unfolding | None = None) -> Form:
        """The entry of a side, an array's at letters of its own."""
        entries = entries or self.entries
        match side:
            case Formula(node):
                return entries.known(entries.at(node, *self.task.places(self._shape(side), 2)))
            case Spelled(expr=expr) | WrittenEntry(expr=expr):
                return entries.known(form_of(expr, entries))
            case SpelledProduct(left, right):
                return entries.known(_row_times_column(left, right, entries))
            case EntryOf(node, indices):
                return entries.known(entries.at(node, *indices))
            case Indexed(form):
                return entries.known(form)
        if isinstance(side, RouteSide):
            return entries.known(side.form(entries))
        raise TypeError(f"{side} is not about a whole program")

    def own(self, atom: Atom, entries: Entries) -> Form | None:
        """What stands for a quantity: a definition for a rate, the chain rule for ∂L/∂x."""
        match atom:
            case Rate(of=Entry() as of, wrt=Entry() as wrt):
                value = self.entries.at(self._values[of.name], *of.indices)  # not unfolded yet
                return partial(value, wrt, entries.letter)
            case Entry(name=name, indices=indices) if name == f"d{self.name}":
                return chain_rule(self.task, self.name, indices, entries.letter)
        return None

    def _shape(self, side: Side) -> Shape:
        """The shape of an array; what has indices is a number."""
        facts = self.task.sweep.facts
        if isinstance(side, SpelledProduct):
            return facts.shape(MatMul(side.left.node, side.right.node))
        return facts.shape(side.node) if isinstance(side, Formula | Spelled) else ()

    # -- at the sizes --------------------------------------------------------------------------

    def _compared(self, pair: tuple[Form, Form], runs: Mapping[str, int]) -> Verdict:
        """The verdict on two forms at every place that their letters can have."""
        count = math.prod(runs.values())
        if count > _MOST_ENTRIES:
            detail = f"not proved for all sizes, and {count} entries are too many to compare"
            return Verdict("undecided", detail=detail)
        letters = sorted(runs, key=self.task.letters.index)
        for numbers in itertools.product(*(range(1, runs[letter] + 1) for letter in letters)):
            at: dict[str, Index] = dict(zip(letters, numbers, strict=True))
            where = f"entry {numbers}: " if numbers else ""
            try:
                with bounded(_WORK):
                    one, other = (written_out(placed(form, at), self.task.sizes) for form in pair)
            except InputError as error:
                return Verdict("undecided", detail=f"{where}{error}")
            point = refuting_point(difference(one, other))
            if point is not None:
                detail = f"{where}the sides differ at {point}"
                return Verdict("refuted", detail=detail, entry=numbers)
            with bounded(_WORK):
                same = same_form(one, other)
            if not same:
                return Verdict("undecided", detail=f"{where}the sides do not read the same")
        return Verdict("equal", entries=count)

    def _runs(self, side: Side) -> dict[str, int]:
        """How far the letters of a side go that it does not sum over."""
        shape, bound = self.task.sweep.facts.shape, set[str]()
        match side:
            case Formula(node) | Spelled(node):
                found = [(self.task.places(shape(node), 2), shape(node))]
            case SpelledProduct(left, right):
                return self._runs(Formula(MatMul(left.node, right.node)))
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
    """Entries of expressions, quantities in them replaced by what stands for them."""

    def __init__(self, judge: Judge, definitions: Mapping[str, Node]) -> None:
        facts = judge.task.sweep.facts
        super().__init__(facts.shape, definitions, symmetric=facts.symmetric)
        self._judge = judge
        self._known = definitions
        self._fresh = judge.letters  # one for all, so that no two letters are the same

    def known(self, form: Form) -> Form:
        """The form with what stands for its quantities, wherever they occur in it."""
        made: list[Form] = []
        for term, number in form:
            product: Form = ((Term((), term.bound), number),)
            for atom, power in term.atoms:
                found = self._atom(atom)
                if power < 0:
                    product = multiplied(product, to_the(found, power))
                for _ in range(power):  # each time with bound letters of its own
                    product = multiplied(product, refreshed(found, self.letter))
            made.append(product)
        return contracted(added(made))

    def _atom(self, atom: Atom) -> Form:
        found = self._judge.own(atom, self)
        if found is not None:
            return self.known(found)
        match atom:
            case Entry(name=name, indices=indices) if name in self._known:
                return self.known(self.at(self._known[name], *indices))
            case Call(function=function, arg=arg):
                return single(Call(function, sealed(self.known(arg))))
            case Raised(base=base, exponent=None):
                return single(Raised(self.known(base), None))
            case Raised(base=base, exponent=exponent) if exponent is not None:
                return raised(self.known(base), self.known(exponent))
            case Whole(arg=arg):
                return single(replace(atom, arg=self.known(arg)))
        return single(atom)
