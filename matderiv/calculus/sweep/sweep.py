"""The reverse sweep: every gradient of a graph in one pass from its result to its inputs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from matderiv._budget import stage
from matderiv.calculus.formulas.broadcasting import ShapeOf, size_name
from matderiv.calculus.formulas.flattened import added_up, cost, formula_key, sum_of, terms
from matderiv.calculus.formulas.rewrite_transposes import shortest_transpose
from matderiv.calculus.formulas.rewrites import Facts, RewriteName
from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.calculus.formulas.tidying import (
    Rewritten,
    as_written,
    completed,
    tidied,
    tidy,
    transposes_collected,
)
from matderiv.calculus.sweep.adjoints import adjoint
from matderiv.calculus.sweep.graph import Graph
from matderiv.calculus.sweep.results import GradientStages, Sweep, Use
from matderiv.calculus.sweep.shortening import shortened
from matderiv.calculus.sweep.value_names import (
    ValueNames,
    told_in_values,
    value_names,
    with_value_names,
)
from matderiv.calculus.sweep.vanishing import (
    Vanishing,
    agree_somewhere,
    agrees,
    is_tied,
    is_zero,
    reads_zero,
)
from matderiv.errors import InputError, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.assumptions import Assumed
from matderiv.expression.definitions import second_derivative
from matderiv.expression.nodes import Node
from matderiv.expression.shapes import Shape
from matderiv.expression.source import source

__all__ = ["finished", "in_inputs", "inlined", "name_meant", "replaced", "sweep"]

_REPEATED: Final = "repeated in every row or column"
_MATRIX = 2  # dimensions
_TOGETHER = 24  # uses of one name whose gradients are tidied as one formula
_FEW = 4  # uses of one name into whose gradients others are put, where that is shorter
_SHORT = 8  # values of a program whose pages show how each gradient gets short
_PUT = 40  # the length up to which a gradient is put into the formulas that mention it
_UNFOLDED = 20  # values that are put into each other
_LONGEST = 200  # operations and names of a formula into which values are still put


def sweep(
    graph: Graph,
    wrt: tuple[str, ...],
    assumed: Assumed = MappingProxyType({}),
    zero: Vanishing = is_zero,
) -> Sweep:
    """All gradients of L by the names that depend on `wrt`; those of ⟨dY, Y⟩ for an array Y.

    `zero` says which formulas are zero although they do not show it.

    Raises:
        InputError: both sides of a maximum are the same, so that there is a kink everywhere.
        UnsupportedError: a node has no rule.
    """
    definitions = {a.name: a.value for a in graph.values}
    facts = Facts(shapes_over(graph.shapes), assumed, definitions.get)
    facts = replace(facts, assumed={**assumed, **_symmetric_values(graph, facts)})
    _refuse_equal_sides(graph, facts)
    try:
        found = shortened(graph, wrt, lambda graph: _named(_Sweep(graph, wrt, facts)))
        for name in wrt:
            found = _with_zero(found, name, zero)
    except RecursionError:
        raise UnsupportedError(
            f"The gradient of {graph.result} is a formula in too many brackets; "
            "give names to parts of the program."
        ) from None
    return found


def _symmetric_values(graph: Graph, facts: Facts) -> Assumed:
    """The values that are their own transposes, read off their definitions."""
    found: dict[str, str] = {}
    for assignment in graph.values:
        shape = graph.shapes[assignment.name]
        if len(shape) == _MATRIX and shape[0] == shape[1]:
            known = replace(facts, assumed={**facts.assumed, **found})
            turned = shortest_transpose(assignment.value, known)
            if formula_key(turned) == formula_key(assignment.value):
                found[assignment.name] = "symmetric"
    return found


def _refuse_equal_sides(graph: Graph, facts: Facts) -> None:
    """No gradient says step(A - Z) where A and Z go by two names for the same values.

    In a program of many values, which are not put into each other, the sides are compared at
    random places; what agrees there is refused, too. So are sides of which only some entries are
    the same, such as X and its transpose, as half of a step would be right for those, and a largest
    entry that is never the only one, such as that of a symmetric matrix.
    """
    values = {a.name: a.value for a in graph.values}
    lifted: dict[str, Node] = {}
    for name, value in values.items():
        if name in graph.lifted:
            lifted[name] = replaced(value, lifted)
    for node in itertools.chain.from_iterable(map(nodes.walk, values.values())):
        if isinstance(node, nodes.Max | nodes.Min) and is_tied(node, graph, facts):
            raise UnsupportedError(
                f"In {source(replaced(node, lifted))} the entry that is taken may stand there "
                "twice at any place, so that none of the two has a derivative of its own; take it "
                "of a part in which each value stands once, such as a diagonal or a row."
            )
        if isinstance(node, nodes.Maximum | nodes.Minimum):
            apart = nodes.Subtract(node.left, node.right)
            if reads_zero(apart, facts):
                continue
            whole, one = (source(replaced(part, lifted)) for part in (node, node.left))
            same = f"In {whole} both sides are the same whatever the inputs are; write {one}."
            if len(values) <= _UNFOLDED and reads_zero(apart, facts, values):
                raise InputError(same)
            if len(values) > _UNFOLDED and agrees(apart, graph):
                raise UnsupportedError(
                    f"In {whole} both sides agree wherever they are tried, and whether they are "
                    f"the same is not decided in so long a program; write {one} if they are."
                )
            if _in_common(node, values) and agree_somewhere((node.left, node.right), graph):
                raise UnsupportedError(
                    f"In {whole} some entries of both sides are the same wherever it was tried, "
                    f"so that there is a kink at every input; write {_by_absolute(node, lifted)}."
                )


def _by_absolute(node: nodes.Maximum | nodes.Minimum, lifted: Mapping[str, Node]) -> str:
    """(a + b ± |a - b|)/2."""
    left, right = (replaced(side, lifted) for side in (node.left, node.right))
    apart = nodes.Apply("abs", nodes.Subtract(left, right))
    twice = (nodes.Add if isinstance(node, nodes.Maximum) else nodes.Subtract)(
        nodes.Add(left, right), apart
    )
    return source(nodes.Divide(twice, nodes.Number(Fraction(2))))


def _in_common(node: nodes.Maximum | nodes.Minimum, values: Mapping[str, Node]) -> bool:
    """Whether the sides have an input in common, perhaps behind values of the program."""
    one, other = (_behind(side, values) for side in (node.left, node.right))
    return not one.isdisjoint(other)


def _behind(node: Node, values: Mapping[str, Node]) -> set[str]:
    """The inputs that a formula is made of."""
    found: set[str] = set()
    queue = list(nodes.names_in(node))
    while queue:
        name = queue.pop()
        if name not in found:
            found.add(name)
            queue += nodes.names_in(values[name]) if name in values else ()
    return found - values.keys()


def _named(sweep: _Sweep) -> Sweep:
    """The sweep of a graph; the values of ours that its formulas mention are called by their names.

    A definition is put in place of a name unless the formula gets too long.
    """
    while True:
        found = sweep.run()
        told = {of for name in sweep.wrt for of in (*found.upstream(name), name)}
        formulas = [*(found.gradients[name].formula for name in told), *found.called.values()]
        mentioned = frozenset[str]().union(*map(nodes.names_in, formulas))
        hidden = frozenset(name for name in mentioned if found.graph.hides(name))
        if not hidden:
            return found
        graph = replace(sweep.graph, called=sweep.graph.called | hidden)
        sweep = replace(sweep, graph=graph)


def _with_zero(found: Sweep, name: str, zero: Vanishing) -> Sweep:
    """The sweep, a gradient that is zero although its formula does not show it written as zero."""
    stages = found.gradients[name]
    others = {of: one.formula for of, one in found.gradients.items() if of != name}
    if stages.vanishes or not zero(stages.formula, name, found.graph, found.facts, others):
        return found
    formula = _zeros(found.graph.shapes[name])
    made = replace(stages, formula=formula, vanishes=True)
    return replace(found, gradients={**found.gradients, name: made})


def _zeros(shape: Shape) -> Node:
    return nodes.zeros(tuple(map(size_name, shape))) if shape else nodes.ZERO


def replaced(node: Node, values: Mapping[str, Node]) -> Node:
    """The formula with definitions in place of names."""
    if isinstance(node, nodes.Name):
        return values.get(node.name, node)
    return nodes.rebuilt(node, [replaced(child, values) for child in nodes.children(node)])


_WRITTEN = 100  # nodes of a formula that is written out


def in_inputs(formulas: Mapping[str, Node]) -> dict[str, Node]:
    """Formulas without the names of those before them; those that get long keep theirs.

    So the work is linear in the formulas, though ones that use one another twice over would double
    with each that is put in.

    >>> from matderiv.expression.parse import parse
    >>> values = parse("a = x*x; b = a + a; L = b*a").assignments
    >>> source(in_inputs({value.name: value.value for value in values})["L"])
    '(x*x + x*x)*(x*x)'
    """
    made: dict[str, Node] = {}
    lengths: dict[str, int] = {}
    for name, formula in formulas.items():
        length = sum(
            lengths.get(node.name, 1) if isinstance(node, nodes.Name) else 1
            for node in nodes.walk(formula)
        )
        if length <= _WRITTEN:
            made[name], lengths[name] = replaced(formula, made), length
    return made


@dataclass(slots=True)
class _Sweep:
    graph: Graph
    wrt: tuple[str, ...]
    facts: Facts

    def run(self) -> Sweep:
        graph, facts = self.graph, self.facts
        shape = facts.shape
        moving = graph.depends(frozenset(self.wrt))
        values = _values(graph, facts)
        local: dict[str, list[Use]] = {}
        whole: dict[str, list[Use]] = {}
        found: dict[str, GradientStages] = {}
        for assignment in reversed(graph.values):
            name = assignment.name
            if name not in moving or (name != graph.result and name not in local):
                continue
            named = upstream = graph.seed
            if name != graph.result:
                both = (local[name], whole[name])
                found[name], short = self.gradient(name, both, values, found)
                if found[name].vanishes:
                    continue
                named = upstream = nodes.Name(f"d{name}")
                if inlined(name, found[name].formula, graph, facts):
                    upstream = short if graph.hides(name) else found[name].formula
            _collect(local, name, _uses(assignment.value, named, shape, moving))
            _collect(whole, name, _uses(assignment.value, upstream, shape, moving))
        for name in self.wrt:
            if name not in found:
                both = (local.get(name, []), whole.get(name, []))
                found[name], _ = self.gradient(name, both, values, found)
        return Sweep(graph, facts, found, values.lifted, values.called, values.names)

    def gradient(
        self,
        name: str,
        uses: tuple[list[Use], list[Use]],
        values: _Values,
        found: Mapping[str, GradientStages],
    ) -> tuple[GradientStages, Node]:
        """The gradient by a name from its uses; and the formula to substitute if it is lifted."""
        stage(f"the gradient by {name}")
        local, whole = uses
        put = [Use(use.by, replaced(use.gradient, values.lifted)) for use in whole]
        if cost(_sum(put)) > _LONGEST:  # values and gradients stay under their names
            put = local
        best = self.tidied(name, put, values)
        own = _each(local, self.facts) if len(put) > _TOGETHER else tidy(_sum(local), self.facts)
        gone: frozenset[str] = frozenset()
        # Of a long program, the gradient by a value that has no name is put into others as it is.
        shown = name in self.wrt or not self.graph.hides(name)
        shown |= len(self.graph.values) <= _SHORT
        if shown and len(put) <= _FEW and best[2] != nodes.ZERO:
            before = with_value_names(best[2], values.names.by_key, but=name)
            for known in _puttable(before, found):
                uses_put = _with_put(put, known, name, values.names)
                other = self.tidied(name, uses_put, values, known)
                if other[2] != before and self.is_better(name, other[2], before, found):
                    best, before, gone = other, other[2], frozenset(known)
        assembled, tidying, formula, short = best
        zero = formula == nodes.ZERO or _vanishes(formula, self.facts)
        if zero:
            formula = _zeros(self.graph.shapes[name])
        own = with_value_names(own, values.near, but=name)
        made = GradientStages(name, tuple(local), own, assembled, tidying, formula, zero, gone)
        return made, short

    def tidied(
        self, name: str, uses: Sequence[Use], values: _Values, put: Mapping[str, Node] | None = None
    ) -> tuple[Node, tuple[Rewritten, ...], Node, Node]:
        """The sum of uses, the rewrites of it, the formula, and that before it is broadcast.

        A gradient that was put in and is still there goes by its name again.
        """
        graph, facts = self.graph, self.facts
        again = {formula_key(value): of for of, value in (put or {}).items()}
        names = replace(values.names, by_key={**values.names.by_key, **again})
        assembled = _sum(uses)
        if len(uses) > _TOGETHER:
            tidying = [Rewritten("each term", _each(uses, facts))]
        else:
            tidying = list(tidied(assembled, facts))
        formula = short = tidying[-1].formula if tidying else assembled
        if formula != nodes.ZERO and graph.hides(name):
            short = with_value_names(formula, again, but=name)
            made = completed(short, graph.shapes[name], facts)
            if made != formula:
                tidying.append(Rewritten(_REPEATED, made))
            formula = made
        elif formula != nodes.ZERO:
            tidying += finished(formula, name, graph.shapes[name], names, facts)
            formula = tidying[-1].formula if tidying else formula
        return assembled, tuple(tidying), formula, short

    def is_better(
        self, name: str, formula: Node, before: Node, found: Mapping[str, GradientStages]
    ) -> bool:
        """Whether a formula is no longer than one that mentions further gradients.

        It may be longer if nothing but these two mentions them, and all together is shorter.
        """
        if cost(formula) <= cost(before):
            return True
        gone = _mentioned(before, found) - _mentioned(formula, found)
        alone = [of for of in gone if self.uses_alone(of, {name, *gone})]
        put = replaced(before, {f"d{of}": found[of].formula for of in gone})
        together = cost(before) + sum(cost(found[of].formula) + 1 for of in alone)
        return cost(formula) < min(cost(put), together - 1)

    def uses_alone(self, of: str, names: set[str]) -> bool:
        """Whether no formulas but those of the gradients by these names mention that by a value."""
        graph, moving = self.graph, self.graph.depends(frozenset(self.wrt))
        queue = [of]
        while queue:
            for name in nodes.names_in(graph.definition(queue.pop())) & moving - names:
                if not graph.hides(name):
                    return False
                queue.append(name)
        return of not in self.wrt


def name_meant(graph: Graph) -> str:
    """The result that was perhaps meant, where it does not use a value: with that for a name.

    In `Y = X @ W; L = sum(f(Z))` nothing uses Y, and Z is used in L only.
    """
    *before, last = graph.program.assignments
    inside = frozenset[str]().union(*(nodes.names_in(a.value) for a in before))
    used = nodes.names_in(last.value)
    idle = [a.name for a in before if a.name not in inside | used]
    if len(idle) != 1:
        return ""
    shape = graph.shapes[idle[0]]
    alike = [x for x in used - inside if len(graph.shapes[x]) == len(shape)]
    if len(alike) != 1:
        return ""
    meant = replaced(last.value, {alike[0]: nodes.Name(idle[0])})
    return source(meant)


def _uses(value: Node, upstream: Node, shape: ShapeOf, moving: frozenset[str]) -> Iterator[Use]:
    """The term of the chain rule for each use of a `moving` name in a value."""
    if isinstance(value, nodes.Name):
        if value.name in moving:
            yield Use(value.name, upstream)
        return
    if moving.isdisjoint(nodes.names_in(value)):
        return
    operands = nodes.children(value)
    if isinstance(value, nodes.Frechet) and not moving.isdisjoint(nodes.names_in(value.arg)):
        raise second_derivative(value)
    for operand, gradient in zip(operands, adjoint(value, upstream, shape), strict=True):
        yield from _uses(operand, gradient, shape, moving)


def _collect(uses: dict[str, list[Use]], by: str, found: Iterator[Use]) -> None:
    """Add the terms of one value before those of later values."""
    fresh: dict[str, list[Use]] = {}
    for use in found:
        fresh.setdefault(use.by, []).append(Use(by, use.gradient))
    for name, some in fresh.items():
        uses[name] = some + uses.get(name, [])


@dataclass(frozen=True, slots=True)
class _Values:
    """The values of a graph: lifted ones, called ones, and the names of the others.

    `near` has the name of every value by the key of its formula in the graph.
    """

    lifted: Mapping[str, Node]
    called: Mapping[str, Node]
    names: ValueNames
    near: Mapping[object, str]


def _values(graph: Graph, facts: Facts) -> _Values:
    """The values, with definitions in place of lifted names unless the formula gets too long."""
    lifted: dict[str, Node] = {}
    called: dict[str, Node] = {}
    names: list[tuple[str, Node]] = []
    totals: list[tuple[str, Node]] = []
    near = [(a.name, a.value) for a in graph.values if a.name != graph.result]
    for assignment in graph.values:
        value = replaced(assignment.value, lifted)
        if assignment.name in graph.called:
            called[assignment.name] = value if cost(value) <= _LONGEST else assignment.value
        if cost(value) > _LONGEST:
            continue
        if graph.hides(assignment.name):
            lifted[assignment.name] = value
        elif assignment.name != graph.result:
            names += [(assignment.name, form) for form in (value, tidy(value, facts))]
        scalar = not graph.shapes[assignment.name] and not graph.hides(assignment.name)
        # The result is asked for only beside other values, as in the entropy of p = softmax(z).
        beside = graph.program.named and nodes.names_in(value) & {name for name, _ in names}
        if scalar and (assignment.name != graph.result or beside):
            totals.append((assignment.name, value))
    return _Values(lifted, called, value_names(names, totals), value_names(near).by_key)


def _named_in(formula: Node, found: Mapping[str, GradientStages]) -> list[str]:
    """The names whose gradients stand in a formula."""
    names = sorted(nodes.names_in(formula))
    return [n[1:] for n in names if n[:1] == "d" and n[1:] in found]


def _mentioned(formula: Node, found: Mapping[str, GradientStages]) -> frozenset[str]:
    """The names whose gradients a formula mentions, or a formula of one of these."""
    names: set[str] = set()
    queue = [formula]
    while queue:
        for name in _named_in(queue.pop(), found):
            if name not in names:
                names.add(name)
                queue.append(found[name].formula)
    return frozenset(names)


def _with_put(
    uses: Sequence[Use], known: Mapping[str, Node], name: str, names: ValueNames
) -> list[Use]:
    """Uses with formulas in place of gradients, values called by their names."""
    put = (replaced(use.gradient, known) for use in uses)
    told = (with_value_names(gradient, names.by_key, but=name) for gradient in put)
    return [Use(use.by, gradient) for use, gradient in zip(uses, told, strict=True)]


def _puttable(formula: Node, found: Mapping[str, GradientStages]) -> Iterator[dict[str, Node]]:
    """Gradients that a formula mentions, with formulas to put in their place: all, or single ones.

    Those that these formulas mention themselves are put in, too, unless they get long.
    """
    every = {f"d{of}": found[of].formula for of in _named_in(formula, found)}
    direct = {name: value for name, value in every.items() if cost(value) <= _PUT}
    if not direct:
        return
    yield direct
    if len(direct) > 1:
        yield from ({name: value} for name, value in direct.items())
    deep = direct
    while further := {of for value in deep.values() for of in _named_in(value, found)}:
        put = {f"d{of}": found[of].formula for of in further}
        deep = {name: replaced(value, put) for name, value in deep.items()}
        if sum(map(cost, deep.values())) > _PUT:
            return
    if deep != direct:
        yield deep


def finished(
    formula: Node, name: str, own: Shape, names: ValueNames, facts: Facts
) -> list[Rewritten]:
    """The last rewrites of the gradient by a name; those that change nothing are left out."""
    finishes: tuple[tuple[RewriteName, Callable[[Node], Node]], ...] = (
        ("transposes collected", lambda node: transposes_collected(node, facts)),
        ("names of the program", lambda node: told_in_values(node, names, facts, but=name)),
        (_REPEATED, lambda node: completed(node, own, facts)),
        ("scalars first", lambda node: as_written(node, facts)),
    )
    made: list[Rewritten] = []
    for reason, finish in finishes:
        new = finish(formula)
        if new != formula:
            formula = new
            made.append(Rewritten(reason, formula))
    return made


def _vanishes(formula: Node, facts: Facts) -> bool:
    """Whether a formula with a zero in it is zero, whatever its shape is."""
    if not any(n == nodes.ZERO for n in nodes.walk(formula)):
        return False
    return reads_zero(formula, facts)


def _sum(uses: Sequence[Use]) -> Node:
    return sum_of((Fraction(1), use.gradient) for use in uses)


def _each(uses: Sequence[Use], facts: Facts) -> Node:
    """The sum of many uses, each simplified by itself, like ones together."""
    return added_up(term for use in uses for term in terms(tidy(use.gradient, facts)))


def inlined(name: str, formula: Node, graph: Graph, facts: Facts) -> bool:
    """Whether formulas contain this gradient's formula instead of its name."""
    if graph.hides(name):
        return cost(formula) <= _LONGEST
    return cost(formula) == 1 or not facts.shape(nodes.Name(name))
