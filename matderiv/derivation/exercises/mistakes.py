"""Find the wrong line: the derivation of an entry in which one `=` is wrong."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from random import Random

from matderiv.calculus.deciding.decide import Verdict, same_form
from matderiv.calculus.formulas.flattened import sum_of
from matderiv.calculus.formulas.mistakes import Edit, Setting, edits
from matderiv.calculus.formulas.tidying import tidy
from matderiv.calculus.index_forms.contraction import contracted
from matderiv.calculus.index_forms.forms import (
    Atom,
    Delta,
    Entry,
    Form,
    Index,
    Rate,
    Term,
    added,
    atoms_in,
    multiplied,
    placed,
    single,
)
from matderiv.calculus.index_forms.partials import partial
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.exercises.drawing import Draw, Drawn
from matderiv.derivation.exercises.theme import LetterSizes, Theme, users
from matderiv.derivation.judge import Judge, chain_rule
from matderiv.derivation.kinds import Reason
from matderiv.derivation.links import Chain, Link
from matderiv.derivation.program import Builder, elementwise
from matderiv.derivation.sides import EntryOf, Indexed, Side
from matderiv.errors import InputError, MatderivError
from matderiv.expression import nodes
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.nodes import Name, Node, Number, names_in, walk
from matderiv.expression.shapes import Shape

__all__ = ["Mistake", "holds", "mistakes"]

_LONGEST = 8  # terms of a line
_ONE = Fraction(1)


@dataclass(frozen=True, slots=True, eq=False)
class Mistake:
    """A chain with one wrong `=`, the right one, and where they part.

    `line` counts the equals signs from 1; `stands` is there by mistake, `belongs` belongs there.
    `place` are values of the letters of the first side at which the wrong `=` does not hold.
    """

    task: Task
    name: str
    kind: str
    wrong: Chain
    right: Chain
    line: int
    belongs: Node
    stands: Node
    place: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class _Case:
    """A mistake of a kind in the gradient by a name: `formula` with `stands` for `belongs`.

    `square` if the shapes would show it unless all sizes are equal; `lost` is the value whose use
    of the name is forgotten.
    """

    name: str
    kind: str
    formula: Node
    belongs: Node
    stands: Node
    square: bool = False
    lost: str = ""


def mistakes(theme: Theme) -> Draw[Mistake]:
    """Exercises about wrong lines; rather not about names in the loss alone."""
    cases = [case for name in theme.rather(theme.gradients) for case in _cases(theme.task, name)]
    return functools.partial(_draw, theme, cases)


def _cases(task: Task, name: str) -> Iterator[_Case]:
    """All single mistakes in the gradient by a name."""
    gradient, facts = task.sweep.gradients[name], task.sweep.facts
    several = users(task, name)
    for by in several if len(several) > 1 else ():
        kept = sum_of((_ONE, use.gradient) for use in gradient.uses if use.by != by)
        formula = tidy(kept, facts)
        if formula != nodes.ZERO:
            yield _Case(name, "use", formula, Name(by), formula, lost=by)
    fitting = _fitting(facts.shape)
    fit = ((), task.shapes[name], fitting(gradient.local))
    for edit in _edits(gradient.local, fitting, frozenset(f"d{by}" for by in several)):
        square = fitting(edit.node) not in fit
        yield _Case(name, edit.kind, edit.node, edit.before, edit.after, square)


def _fitting(shape: Callable[[Node], Shape]) -> Callable[[Node], Shape | None]:
    def fitting(node: Node) -> Shape | None:
        try:
            return shape(node)
        except (InputError, LookupError):
            return None

    return fitting


def _edits(
    formula: Node, fitting: Callable[[Node], Shape | None], upstream: frozenset[str]
) -> Iterator[Edit]:
    """Mistakes of the catalogue that remain possible for a student who knows `upstream`.

    >>> from matderiv.calculus.formulas.shaping import shapes_over
    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import infer
    >>> from matderiv.expression.source import source
    >>> fitting = _fitting(shapes_over(infer(parse("L = Loss(X @ W)"))))
    >>> for edit in _edits(parse("dX @ W").loss.value, fitting, frozenset({"dX"})):
    ...     print(edit.kind, source(edit.node))
    whole (dX @ W).T
    transpose dX.T @ W
    transpose dX @ W.T
    order W @ dX
    operator dX*W
    factor 2*(dX @ W)
    sign -(dX @ W)
    """
    functions = {n.function for n in walk(formula) if isinstance(n, nodes.Apply)}
    primes = {f[1:]: f for f in functions if f[:1] == "d" and f[1:2].islower()}
    setting = Setting(fitting, primes=primes | _PRIMES)
    for row, suits in _SUITABLE.items():
        for edit in edits(row, formula, setting):
            if suits(edit, formula, setting):
                kind = "factor" if row == "factor too many" and _is_number(edit) else edit.kind
                gone = upstream & names_in(edit.before) and not upstream & names_in(edit.after)
                if kind != "part" or not gone:
                    yield replace(edit, kind=kind)
    if not any(isinstance(n, Number) and n.value not in _UNITS for n in walk(formula)):
        doubled = nodes.Multiply(nodes.TWO, formula)
        yield Edit("factor", doubled, formula, doubled)
    turned = formula.arg if isinstance(formula, nodes.Negate) else nodes.Negate(formula)
    yield Edit("sign", turned, formula, turned)


_UNITS = (0, 1, -1)

#: Functions whose derivatives have names of their own.
_PRIMES = {
    name: function.derivative.removesuffix("(u)")
    for name, function in FUNCTIONS.items()
    if function.derivative.removesuffix("(u)") in FUNCTIONS
}


def _is_number(edit: Edit) -> bool:
    """Whether a number in front, or a size below, is what has been lost."""
    match edit.before:
        case nodes.Multiply(Number(value), rest):
            return rest == edit.after and value not in _UNITS
        case nodes.Divide(_, Number() | nodes.Size()):
            return True
    return False


def _of_a_product(edit: Edit, formula: Node, _setting: Setting) -> bool:
    """A factor of a matrix product, no transpose of a transpose."""
    products = [n for n in walk(formula) if isinstance(n, nodes.MatMul)]
    inverse = isinstance(edit.before, nodes.Transpose) and isinstance(edit.after, nodes.Inverse)
    return inverse or any(edit.before in (n.left, n.right) for n in products)


def _of_matrices(edit: Edit, _formula: Node, setting: Setting) -> bool:
    return all(map(setting.is_matrix, nodes.children(edit.before)))


def _is_other_axis(edit: Edit, _formula: Node, _setting: Setting) -> bool:
    part = edit.before
    assert isinstance(part, nodes.Reduction | nodes.AlongAxis)
    return part.axis is not None and edit.after == replace(part, axis=1 - part.axis)


def _is_opposite(edit: Edit, _formula: Node, _setting: Setting) -> bool:
    """A minus for a plus, or a plus for a minus."""
    match edit.before, edit.after:
        case (nodes.Add(a, b), nodes.Subtract(c, d)) | (nodes.Subtract(a, b), nodes.Add(c, d)):
            return (a, b) == (c, d)
    return False


def _is_undone(edit: Edit, _formula: Node, setting: Setting) -> bool:
    """A function stands where its derivative belongs."""
    match edit.before, edit.after:
        case nodes.Apply(prime), nodes.Apply(function):
            return setting.primes.get(function) == prime
    return False


def _is_lost(edit: Edit, _formula: Node, setting: Setting) -> bool:
    """A number in front is lost, or a factor entry by entry."""
    if isinstance(edit.before, nodes.MatMul):
        return False
    return _is_number(edit) or all(map(setting.fitting, nodes.children(edit.before)))


#: The rows of the catalogue that make an exercise, and which of their changes do.
_SUITABLE: dict[str, Callable[[Edit, Node, Setting], bool]] = {
    "whole": lambda edit, _, setting: setting.is_matrix(edit.before),
    "transpose": _of_a_product,
    "order": _of_matrices,
    "operator": _of_matrices,
    "axis": _is_other_axis,
    "factor too many": _is_lost,
    "sign": _is_opposite,
    "prime": _is_undone,
}


def _draw(theme: Theme, cases: list[_Case], chance: Random) -> Drawn[Mistake]:
    kind = chance.choice(sorted({case.kind for case in cases}))
    case = chance.choice([case for case in cases if case.kind == kind])
    sizes, size = theme.small(chance), chance.randint(2, 3)
    pick = chance.random()
    return (case,), lambda: _made(theme, case, size if case.square else sizes, pick)


def _made(theme: Theme, case: _Case, sizes: LetterSizes | int, pick: float) -> Mistake | None:
    """The exercise, or None where the mistake is none, or no line of the derivation shows it.

    The judge has the last word: one link must be refuted, every other one equal.
    """
    try:
        task = theme.square(sizes) if isinstance(sizes, int) else theme.at(sizes)
        case = _at_sizes(case, theme, task)
        judge = Judge(task, case.name, users(task, case.name))
        lines = _Lines(task, case, judge)
        right, wrong = lines.right(), lines.wrong()
        first, *rest = right
        builder = Builder(task, (case.name,), elementwise)
        sides: list[tuple[Reason, Side]] = [("right", side) for side in rest]
        repaired = builder.chain(judge, "right", first, *sides)
    except MatderivError:  # the formula has no shape or is too large, or sizes are fixed
        return None
    cuts = [n for n in range(1, len(right)) if wrong[n] is not None and wrong[n] is not right[n]]
    cuts = [n for n in cuts if all(side is not None for side in wrong[n:])]
    if not cuts:
        return None
    cut = cuts[int(pick * len(cuts))]
    shown: list[Side] = [*right[:cut], *(side for side in wrong[cut:] if side is not None)]
    verdicts = [judge.verdict(*pair) for pair in pairwise(shown)]
    expected = ["refuted" if n == cut else "equal" for n in range(1, len(shown))]
    if [verdict.status for verdict in verdicts] != expected:
        return None
    links = tuple(
        Link(task, shown[n], shown[n + 1], "slip" if n + 1 == cut else "as before", verdict)
        for n, verdict in enumerate(verdicts)
    )
    return Mistake(
        task,
        case.name,
        case.kind,
        Chain("slip", links),
        repaired,
        cut,
        case.belongs,
        case.stands,
        _place(task, case.name, verdicts[cut - 1]),
    )


def _at_sizes(case: _Case, theme: Theme, task: Task) -> _Case:
    """The mistake with the sizes of a task; all letters are one where the task is square."""
    (one, *_) = (*(s for s in task.sizes if not s.isdigit()), "")
    letters = {s: s if s in task.sizes else one for s in theme.letters}

    def put(node: Node) -> Node:
        match node:
            case nodes.Size(symbol) if symbol in letters:
                return nodes.Size(letters[symbol], task.sizes[letters[symbol]])
            case nodes.Eye(size):
                return nodes.Eye(letters.get(size, size) if isinstance(size, str) else size)
            case nodes.Ones(sizes):
                return nodes.Ones(
                    tuple(letters.get(s, s) if isinstance(s, str) else s for s in sizes)
                )
        return nodes.rebuilt(node, map(put, nodes.children(node)))

    return replace(
        case, formula=put(case.formula), belongs=put(case.belongs), stands=put(case.stands)
    )


class _Lines:
    """The lines from ∂L/∂x_pq to an entry of the formula, right and with a mistake.

    ∂L/∂x_pq = Σ_ij ∂L/∂z_ij · ∂z_ij/∂x_pq = … with the derivatives put in = the sum worked out
    = (formula)_pq.
    """

    def __init__(self, task: Task, case: _Case, judge: Judge) -> None:
        gradient = task.sweep.gradients[case.name]
        shape = task.sweep.facts.shape
        own = task.shapes[case.name]
        self.local, self.formula = gradient.local, case.formula
        found = shape(self.formula)
        if found not in ((), own, shape(self.local)):
            raise InputError("the wrong formula has another shape")
        self.task, self.case, self.judge = task, case, judge
        self.users = users(task, case.name)
        self.at = task.input_indices(own)
        self.wrt = Entry(case.name, self.at)
        self.rule = chain_rule(task, case.name, self.at, judge.entries.letter)
        self.summed = judge.worked_out(self.rule)
        whole = task.whole(case.name, self.formula)
        self.found = judge.entries.at(whole, *self.at)
        if max(len(self.summed), len(self.found)) > _LONGEST:
            raise InputError("the lines are too long")
        self._put = Indexed(self.put(dict.fromkeys(self.users)))

    def right(self) -> list[Side]:
        """All lines as they should be."""
        whole = self.task.whole(self.case.name, self.local)
        return [
            Indexed(single(Entry(f"d{self.case.name}", self.at))),
            Indexed(self.rule),
            self._put,
            Indexed(self.summed),
            EntryOf(whole, self.at),
        ]

    def wrong(self) -> list[Side | None]:
        """The lines as the mistake makes them; None for what it cannot have come from."""
        rates = self.rates()
        whole = self.task.whole(self.case.name, self.formula)
        lost = None
        if self.case.lost:
            lost = Indexed(tuple(p for p in self.rule if not holds(p[0], self.case.lost)))
        return [
            None,
            lost,
            None if rates is None else Indexed(self.put(rates)),
            Indexed(self.found),
            EntryOf(whole, self.at),
        ]

    def put(self, rates: dict[str, Form | None]) -> Form:
        """The chain rule with derivatives put in, those of `rates` or else the right ones."""
        made: list[Form] = []
        for term, number in self.rule:
            ((rate, _),) = [pair for pair in term.atoms if isinstance(pair[0], Rate)]
            assert isinstance(rate, Rate)
            assert isinstance(rate.of, Entry)
            others = tuple(pair for pair in term.atoms if pair[0] != rate)
            given = rates.get(rate.of.name)
            local = self.rate(rate.of) if given is None else self.placed(given, rate.of)
            made.append(multiplied(((Term(others, term.bound), number),), local))
        return added(made)

    def rate(self, of: Entry) -> Form:
        """∂z_ij/∂x_pq, as it is."""
        value = self.task.sweep.graph.definition(of.name)
        entries = self.judge.entries
        return partial(entries.at(value, *of.indices), self.wrt, entries.letter)

    def rates(self) -> dict[str, Form | None] | None:
        """The derivative of each value that the wrong formula implies; None where it is right."""
        loss = self.task.sweep.graph.loss
        names = {f"d{by}": by for by in self.users if by != loss}
        wrong: dict[str, list[Form]] = {by: [] for by in self.users}
        for term, number in self.found:
            above = [pair for pair in term.atoms if _named(pair[0], names)]
            others = tuple(pair for pair in term.atoms if pair not in above)
            inside = {atom for pair in others for atom in atoms_in(single(pair[0]))}
            if any(_named(atom, names) for atom in inside):
                return None
            if len(above) > 1 or any(power != 1 for _, power in above):
                return None
            rest: Form = ((Term(others, term.bound), number),)
            if above:
                entry = above[0][0]
                assert isinstance(entry, Entry)
                wrong[names[entry.name]].append(multiplied(rest, self.deltas(entry)))
            elif loss in wrong:
                wrong[loss].append(rest)
            else:
                return None
        found: dict[str, Form | None] = {}
        for by, forms in wrong.items():
            form = contracted(added(forms))
            of = Entry(by, self.task.value_indices(self.task.shapes[by]))
            found[by] = None if same_form(form, self.rate(of)) else form
        return found

    def deltas(self, above: Entry) -> Form:
        """δ_ik δ_jm for ∂L/∂z_km: what is left of it in ∂z_ij/∂x_pq."""
        form: Form = ((Term(), _ONE),)
        places = self.task.value_indices(self.task.shapes[above.name[1:]])
        for one, other in zip(above.indices, places, strict=True):
            if one != other:
                form = multiplied(form, single(Delta(one, other)))
        return form

    def placed(self, form: Form, of: Entry) -> Form:
        """A derivative at i and j, at the indices of the chain rule."""
        letters = self.task.value_indices(self.task.shapes[of.name])
        put: dict[str, Index] = {
            old: new for old, new in zip(letters, of.indices, strict=True) if isinstance(old, str)
        }
        return placed(form, put)


def _place(task: Task, name: str, verdict: Verdict) -> tuple[tuple[str, int], ...]:
    """Numbers for the letters of ∂L/∂x_pq at which a link is refuted, if all are known."""
    letters = [i for i in task.input_indices(task.shapes[name]) if isinstance(i, str)]
    entry = verdict.entry or ()
    return tuple(zip(letters, entry, strict=True)) if len(entry) == len(letters) else ()


def _named(atom: Atom, names: Mapping[str, str]) -> bool:
    return isinstance(atom, Entry) and atom.name in names


def holds(term: Term, by: str) -> bool:
    """Whether a term of the chain rule is about a value."""
    rates = (atom.of for atom, _ in term.atoms if isinstance(atom, Rate))
    return any(isinstance(of, Entry) and of.name == by for of in rates)
