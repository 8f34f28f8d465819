"""∂Y/∂X of an array Y by single entries, in index notation, and by differentials.

A Hessian is that of a gradient. It is symmetric, and where zᵀHz is a sum of squares, that is shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from matderiv._budget import stage
from matderiv.calculus.formulas.broadcasting import size_name
from matderiv.calculus.formulas.tidying import tidy
from matderiv.calculus.index_forms.forms import Entry, Rate, single
from matderiv.calculus.sweep.array_derivatives import Curvature
from matderiv.calculus.sweep.array_steps import ArraySteps, second_opinion_on_array
from matderiv.calculus.sweep.definite import quadratic
from matderiv.calculus.sweep.in_one_piece import ArrayTask
from matderiv.calculus.sweep.sweep import replaced
from matderiv.derivation.array_chains import ArrayChains
from matderiv.derivation.array_differentials import ArrayDifferentials, squared_by
from matderiv.derivation.array_entries import ArrayEntries
from matderiv.derivation.array_judge import ArrayJudge
from matderiv.derivation.jacobian import structure
from matderiv.derivation.kinds import Reason
from matderiv.derivation.links import Chain, ProvedSteps, Step
from matderiv.derivation.sides import Differential, Formula, Indexed, Side, change_of
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, names_in

__all__ = ["ArrayDerivation", "derived_array"]

_MATRIX = 2  # dimensions


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
    builder = _Builder(about, ArrayJudge(about))
    known = () if gradient is None else gradient.task.shapes
    sign = 0 if curvature is None else curvature.sign
    steps = tuple(builder.steps(known, sign))
    stage("what SymPy finds on its own")
    second = second_opinion_on_array(about)
    proved = ProvedSteps(about.task, (about.wrt,), steps, second=second)
    return ArrayDerivation(about, proved, gradient, curvature)


class _Builder(ArrayChains):
    """Makes the steps to ∂Y/∂X, each link judged."""

    __slots__ = ()

    @property
    def by_entries(self) -> ArrayEntries:
        """The maker of chains about single entries."""
        return ArrayEntries(self.about, self.judge)

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
        yield Step("array entries", tuple(self.by_entries.entries()), wrt)
        stage("all entries in letters")
        yield Step("array index", tuple(self.by_entries.index()), wrt)
        stage("differentials")
        changes = ArrayDifferentials(self.about, self.judge)
        yield Step("array differential", tuple(changes.differentials()), wrt)
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
        entry = self.by_entries.entry_of_array(about.joined(rows, cols))
        yield self.chain("entry", rate, ("entries", entry))
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
        """The number zᵀHz, or its opposite, as a sum of squares, where the form of H shows it."""
        about = self.about
        z = Name(about.names.vector)
        matrix = about.formula if sign > 0 else nodes.Negate(about.formula)
        found = quadratic(matrix, z, about.task.sweep.facts)
        if found is None:
            return
        product, put = (
            Formula(squared_by(z, array)) for array in (Name(about.names.array), about.formula)
        )
        last = Formula(found if sign > 0 else nodes.Negate(found))
        if self.judge.verdict(put, last).status != "undecided":
            yield self.chain("squares", product, ("put in", put), ("term by term", last))

    # -- Newton's step -----------------------------------------------------------------------

    def newton(self) -> Iterator[Chain]:
        """The line d(gᵀs + sᵀHs/2) = (g + Hs)ᵀ ds; and of a quadratic L, Hx - g without x.

        That is what H times x + s is where Hs = -g, the right side of the normal equations.
        """
        about, facts = self.about, self.about.task.sweep.facts
        g, matrix, s, x = map(
            Name, (about.of, about.names.array, about.names.step, about.names.wrt)
        )
        half = nodes.Divide(squared_by(s, matrix), nodes.TWO)
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
