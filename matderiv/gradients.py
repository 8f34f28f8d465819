"""The Python interface to gradients: the formula alone, proved, callable, and as source text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, overload

from matderiv._collector import uncollected
from matderiv.arguments import checked
from matderiv.calculus.deciding.decide import Verdict
from matderiv.calculus.formulas.flattened import cost, sum_of, terms, without_units
from matderiv.calculus.formulas.removable import ADJUGATE, OTHERS, removed, stood_for
from matderiv.calculus.formulas.runnable import size_lines, size_words, written_for
from matderiv.calculus.sweep.graph import graph_of
from matderiv.calculus.sweep.low_rank import zero_determinants, zeros_written
from matderiv.calculus.sweep.proving import Prover
from matderiv.calculus.sweep.results import Sweep
from matderiv.calculus.sweep.singular import refuse_singular
from matderiv.calculus.sweep.structure import own_gradient, way_of
from matderiv.calculus.sweep.sweep import name_meant, sweep
from matderiv.calculus.sweep.task import chosen
from matderiv.errors import ProofError
from matderiv.expression import nodes
from matderiv.expression.assumptions import (
    ASSUMPTIONS,
    Assumed,
    Convention,
    read_convention,
    read_shaped,
)
from matderiv.expression.declared import declared_letters
from matderiv.expression.known_shapes import settled
from matderiv.expression.nodes import Node
from matderiv.expression.program import Program
from matderiv.expression.readings import Reading
from matderiv.expression.shapes import Shape, read_as
from matderiv.tracing import ProgramLike, program_text

if TYPE_CHECKING:
    import numpy.typing as npt

    from matderiv.expression.numeric import Array

__all__ = ["GRADIENT_FORMATS", "Gradient", "forget", "gradient", "printed"]

#: The formats that gradients can be printed in.
GRADIENT_FORMATS = ("formula", "latex", "numpy", "torch", "jax", "sympy")


#: The gradient that is meant by an input of which something is assumed, by the way to it.
_NOTES = {
    "symmetric": "the gradient is by its entries on and above its diagonal; those below are the "
    "same numbers. With G the gradient by all entries, it is G + G.T - G*eye. The one in the space "
    "of symmetric matrices, (G + G.T)/2, is asked for by --convention inner.",
    "inner": "the gradient is the one in the space of symmetric matrices; with G the gradient by "
    "all entries, it is (G + G.T)/2. The one by its own entries, G + G.T - G*eye, is asked for by "
    "--convention entries.",
    "diagonal": "the gradient is by its entries on its diagonal. With G the gradient by all "
    "entries, it is G*eye.",
    "lower": "the gradient is by its entries on and below its diagonal. With G the gradient by all "
    "entries, it is tril(G).",
    "all": "its entries are tied to each other, and the gradient is by all of them as if each were "
    "free, at such {X}.",
}

_SHORT = 72  # letters of a formula that is shown whole


@dataclass(frozen=True, slots=True, eq=False)
class Gradient:
    """∂L/∂X as a formula that is proved; `str` of it is the formula as NumPy-like source.

    Shapes:
        The formula has the shape of X. `shapes` are those of all names, for every one of which
        the letter of each size holds for all numbers where `verdict.index` is true.

    >>> g = gradient("Y = X @ W; L = sum(f(Y))", wrt="X")
    >>> print(g)
    dY @ W.T
    >>> g.upstream
    {'dY': 'df(Y)'}
    >>> g.proof
    'for all sizes'
    """

    program: Program
    wrt: str
    assume: Assumed
    #: Which gradient by a symmetric input is meant.
    convention: Convention
    shapes: Mapping[str, Shape]
    #: The letters of sizes whose numbers were given; formulas hold those numbers.
    declared: frozenset[str]
    sweep: Sweep
    #: The formula as an expression.
    node: Node
    verdict: Verdict
    #: The kinds that names were taken to be, and how the program was read otherwise.
    read: tuple[Reading, ...] = ()

    @property
    def readings(self) -> tuple[str, ...]:
        """The kinds that names were taken to be, and how the program was read otherwise.

        >>> gradient("L = sum((X @ theta - y)**2)", wrt="theta").readings
        ('X is read as a matrix.', 'theta and y are read as vectors.')
        """
        from matderiv.handout.readings import reading_texts

        return reading_texts(self.read)

    @property
    def formula(self) -> str:
        """The formula as NumPy-like source."""
        return self._text(self.node)

    @property
    def upstream(self) -> dict[str, str]:
        """The gradients of other names that the formula uses, in the order to work them out."""
        names = self.sweep.upstream(self.wrt)
        return {f"d{name}": self._text(self.sweep.gradients[name].formula) for name in names}

    @property
    def lines(self) -> dict[str, str]:
        """All that is to be worked out after the program, in order; the gradient is the last.

        Sizes that formulas hold come first, then values without a name in the program, where a
        formula calls them by one.

        >>> gradient("Y = X @ W; L = sum(f(Y))", wrt="X").lines
        {'dY': 'df(Y)', 'dX': 'dY @ W.T'}
        >>> gradient("mean((X @ w - y)**2)", wrt="w").lines
        {'N': 'X.shape[0]', 'dw': '2*X.T @ (X @ w - y)/N'}
        >>> for left, right in gradient("Loss(softmax(A @ B, axis=1) @ V)", wrt="A").lines.items():
        ...     print(left, "=", right)
        U = softmax(A @ B, axis=1)
        dU = dLoss(U @ V) @ V.T
        dA = (U*(dU - sum(dU*U, axis=1, keepdims=True))) @ B.T
        """
        called = self.sweep.called
        values = {name: called[name] for name in self.sweep.values(self.wrt)}
        upstream = [self.sweep.gradients[n].formula for n in self.sweep.upstream(self.wrt)]
        used = (*values.values(), *upstream, self.node)
        sizes = size_lines(self.program, self.shapes, self.declared, used)
        texts = {name: self._text(value) for name, value in values.items()}
        return sizes | texts | self.upstream | {f"d{self.wrt}": self.formula}

    @property
    def proof(self) -> str:
        """For which sizes the formula is proved."""
        if any(reading.kind == "zero" for reading in self.read):
            return "at the declared sizes"
        if self.verdict.index:
            return "for all sizes"
        return f"at these sizes, {self.verdict.entries} entries one by one"

    @property
    def note(self) -> str:
        """A sentence on a gradient that is zero or by an input of declared structure; else "".

        Or on where a formula has no value although the gradient has one.

        >>> gradient("prod(x)").note.partition(";")[0]
        'The formula has no value where an entry of x is 0'
        """
        if self.sweep.gradients[self.wrt].vanishes:
            return self._why_zero()
        return " ".join(filter(None, (self._structure(), self._poles())))

    def _structure(self) -> str:
        structure = self.assume.get(self.wrt)
        if structure is None or ASSUMPTIONS[structure].gradient == "free":
            return ""
        way = way_of(structure, self.convention)
        words = _NOTES[way or "all"].format(X=self.wrt)
        return f"{self.wrt} is {ASSUMPTIONS[structure].words}: {words}"

    def _poles(self) -> str:
        """Where a formula divides by a factor of a product, or by a determinant beside it."""
        formulas = [self.sweep.gradients[of].formula for of in self.sweep.upstream(self.wrt)]
        said: dict[str, None] = {}
        for formula in (*formulas, self.node):
            for part in nodes.walk(removed(formula, self.sweep.facts.shape)):
                if isinstance(part, nodes.Apply) and part.function in (ADJUGATE, *OTHERS.values()):
                    of, inside = self._text(part.arg), self._text(stood_for(part))
                    said[
                        f"where {of} is singular; calls and code have one, by the "
                        f"adjugate of {of} in place of {inside}."
                        if part.function == ADJUGATE
                        else f"where an entry of {of} is 0; calls and code have one, by the "
                        f"products of the other entries in place of {inside}."
                    ] = None
        return " ".join(f"The formula has no value {what}" for what in said)

    @checked()
    def size_words(self, name: str) -> str:
        """The meaning of a size in `lines`, such as "the rows of X"; empty for other names."""
        dims = {dim.symbol for shape in self.shapes.values() for dim in shape}
        return size_words(name, self.shapes, self.program.inputs()) if name in dims else ""

    @checked()
    def code(self, target: str = "numpy") -> str:
        """The source text of a function that works the gradient out; see `gradient_code`.

        Raises:
            InputError: there is no such target, or it has no words for the formula.
        """
        from matderiv.notation.code import gradient_code

        note = " ".join(filter(None, (*_beside_shapes(self), self.note)))
        return gradient_code(self.sweep, {self.wrt: self.node}, target, note=note)

    def latex(self) -> str:
        """The gradients of `lines` in LaTeX, one below the other; amsmath is all it needs."""
        return printed({self.wrt: self}, "latex")

    @checked()
    def __call__(
        self,
        *,
        functions: Mapping[str, Callable[[Any], Any]] | None = None,
        **arrays: npt.ArrayLike,
    ) -> Array:
        """The value of the gradient at arrays of any shapes that fit the program.

        `functions` are the undefined ones and their derivatives, as far as the formula needs
        them: `{"f": np.sin, "df": np.cos}`. An upstream gradient may be given instead: `dY=…`.

        Raises:
            InputError: something is missing, unknown, or of a shape that does not fit.

        >>> g = gradient("L = sum(f(X @ w))", wrt="w")
        >>> print(g(X=[[1, 2]], w=[3, 4], functions={"df": lambda y: 2*y}))
        [22. 44.]
        """
        from matderiv.evaluation import arrays_of, shapes_at, work_out

        given = arrays_of(self.program, arrays, self.assume)
        there = self._at(shapes_at(self.program, self.assume, self.shapes, self.declared, given))
        return work_out(there.sweep, self.wrt, there.node, given, functions or {})

    def _at(self, shapes: Mapping[str, Shape]) -> Gradient:
        """The same gradient at shapes that are given, derived and proved there."""
        given = frozenset(dim.symbol for shape in shapes.values() for dim in shape)
        if given <= self.declared and {n: _sizes(s) for n, s in shapes.items()} == {
            n: _sizes(s) for n, s in self.shapes.items()
        }:
            return self
        asked = _Asked(
            self.program,
            self.program.named,
            tuple(shapes.items()),
            (self.wrt,),
            tuple(self.assume.items()),
            self.convention,
            given,
        )
        return _solved(asked)[self.wrt]

    def _why_zero(self) -> str:
        graph, own = self.sweep.graph, self.sweep.gradients[self.wrt]
        what = "gradient" if graph.loss else "derivative"
        if graph.result not in graph.depends(frozenset({self.wrt})):
            meant = name_meant(graph)
            hint = f" Did you mean {meant}?" if meant else ""
            return f"{graph.result} does not depend on {self.wrt}; its {what} is 0.{hint}"
        stages = (own.assembled, *(step.formula for step in own.tidying))
        shown = [_as_a_sum(without_units(one)) for one in stages if not _shows_a_zero(one)]
        why = f": {self._text(min(shown, key=cost))} is 0" if shown else ""
        return f"The {what} of {graph.result} by {self.wrt} is 0 wherever it is defined{why}."

    def _text(self, node: Node) -> str:
        return written_for(self.program, self.sweep.graph.shapes, self.declared, node)

    def __str__(self) -> str:
        """The formula."""
        return self.formula

    def __repr__(self) -> str:
        """The formula, if it is short, and for which sizes it is proved."""
        formula = self.formula
        if len(formula) > _SHORT:
            formula = formula[:_SHORT] + "…"
        return f"<Gradient d{self.wrt} = {formula}, proved {self.proof}>"

    def _repr_latex_(self) -> str | None:
        from matderiv.notation.gradients import displayed

        return displayed(self.sweep, {self.wrt: self.node}, (*self.readings, *_sizes_of(self)))


def _beside_shapes(found: Gradient) -> tuple[str, ...]:
    """The readings that code needs, which shows the shapes of all inputs."""
    from matderiv.handout.readings import reading_texts

    return reading_texts(found.read, shapes_stand=True)


def _sizes_of(found: Gradient) -> list[str]:
    """The meaning of each size in the formulas, such as "N: the rows of X"."""
    return [f"{name}: {words}" for name in found.lines if (words := found.size_words(name))]


def _shows_a_zero(node: Node) -> bool:
    """Whether a part is the number 0, or a sum of numbers such as 1 - 1."""
    return any(
        part == nodes.ZERO
        or (isinstance(part, nodes.Add | nodes.Subtract) and not nodes.names_in(part))
        for part in nodes.walk(node)
    )


def _as_a_sum(node: Node) -> Node:
    """The formula with its terms one after another, one with a plus first."""
    return sum_of(terms(node)) if isinstance(node, nodes.Add | nodes.Subtract) else node


@overload  # a string is an iterable of names as well, but is taken for one name
def gradient(  # type: ignore[overload-overlap]
    program: ProgramLike,
    *,
    wrt: str,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    convention: str | None = None,
) -> Gradient: ...


@overload
def gradient(
    program: ProgramLike,
    *,
    wrt: Iterable[str],
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    convention: str | None = None,
) -> dict[str, Gradient]: ...


@overload
def gradient(
    program: ProgramLike,
    *,
    wrt: None = None,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    convention: str | None = None,
) -> Gradient | dict[str, Gradient]: ...


@checked()
def gradient(
    program: ProgramLike,
    *,
    wrt: str | Iterable[str] | None = None,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    convention: str | None = None,
) -> Gradient | dict[str, Gradient]:
    """∂L/∂X of any program: one formula for a name, a dictionary of them for several.

    Shapes:
        As in `derive`. `assume` says what is known of inputs: `{"S": "symmetric"}`,
        `"diagonal"`, `"psd"`, `"lower"`, `"orthogonal"`, `"stochastic"`, `"onehot"` or
        `"positive"`; `convention` which gradient by a symmetric matrix is meant, the one by its
        own "entries" or the one for inner products with symmetric changes, "inner".
        `wrt` names inputs or assigned values; it defaults to every input that is an array, and if
        that is one, there is one formula.

    Raises:
        InputError: the input cannot be read or is not supported; nothing is guessed.
        ProofError: a gradient is not proved.

    Source:
        Reverse accumulation; see any text on automatic differentiation. Structure as in
        Petersen and Pedersen, The Matrix Cookbook, section 2.8.

    >>> print(gradient("L = sum((X @ W - T)**2)", wrt="W"))
    2*X.T @ (X @ W - T)
    >>> print(gradient("logdet(S)", assume={"S": "symmetric"}))
    2*inv(S) - inv(S)*eye(N)
    >>> print(gradient("logdet(S)", assume={"S": "symmetric"}, convention="inner"))
    inv(S)
    """
    with uncollected():
        text = program_text(program)
        written, assumed, known = read_shaped(
            text, assume, sizes=sizes, shapes=shapes, scalar=True, wrt=wrt
        )
        meant = read_convention(convention, assumed)
        named = (wrt,) if isinstance(wrt, str) else None if wrt is None else tuple(wrt)
        names = chosen(written, named, known, assumed=assumed, assigned=True)
        declared = declared_letters(known, sizes, shapes)
        meaning = tuple(known.items()), names, tuple(assumed.items()), meant, declared
        asked = _Asked(written, written.named, *meaning)
        solved = _solved(asked)
        read = read_as(written, known, shapes or (), scalar=True)
        read += zero_determinants(written, known, declared)
    found = {name: replace(one, read=read) for name, one in solved.items()}
    alone = isinstance(wrt, str) or (wrt is None and len(names) == 1)
    return found[names[0]] if alone else found


def printed(gradients: Mapping[str, Gradient], form: str = "formula") -> str:
    """The gradients of one program as text; what they share is printed once.

    As "formula", each line is an assignment that runs in NumPy after the program.

    Raises:
        InputError: there is no such form.

    >>> both = gradient("Y = X @ W; L = sum(f(Y))", wrt=["X", "W"])
    >>> print(printed(both), end="")
    # X, W: matrices
    dY = df(Y)
    dX = dY @ W.T
    dW = X.T @ dY
    """
    first = next(iter(gradients.values()))
    notes = [g.note for g in gradients.values() if g.note]
    readings = first.readings
    formulas = {name: g.node for name, g in gradients.items()}
    match form:
        case "formula":
            lines = {k: v for g in gradients.values() for k, v in g.lines.items()}
            made = [f"# {note}" for note in (*readings, *notes)]
            for name, value in lines.items():
                what = first.size_words(name)
                made.append(f"{name} = {value}" + (f"  # {name}: {what}" if what else ""))
            return "\n".join(made) + "\n"
        case "latex":
            from matderiv.notation.gradients import gradients_latex

            words = dict.fromkeys(line for g in gradients.values() for line in _sizes_of(g))
            remarks = "".join(f"% {line}\n" for line in (*readings, *words))
            return remarks + gradients_latex(first.sweep, formulas)
    from matderiv.notation.code import gradient_code

    note = " ".join((*_beside_shapes(first), *notes))
    return gradient_code(first.sweep, formulas, form, note=note)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question for gradients: the key that their formulas are remembered by.

    `told`: whether the text names the result, which is no part of what a program means.
    """

    program: Program
    told: bool
    shapes: tuple[tuple[str, Shape], ...]
    names: tuple[str, ...]
    assumed: tuple[tuple[str, str], ...]
    convention: Convention
    declared: frozenset[str]


@lru_cache(maxsize=64)
def _solved(asked: _Asked) -> dict[str, Gradient]:
    """Derived, brought to what is asked for, and proved."""
    program, names, convention = asked.program, asked.names, asked.convention
    shapes, assumed, declared = dict(asked.shapes), dict(asked.assumed), asked.declared
    clear, there = zeros_written(program, shapes, declared)
    refuse_singular(clear, there, declared)
    swept = sweep(graph_of(settled(clear, there), there), names, assumed)
    prover = Prover(swept)
    made = {}
    for name in names:
        verdict = prover.all_of(name)
        if verdict.status != "equal":
            raise ProofError(f"the gradient by {name} is {verdict.status}: {verdict.reason}")
        formula = swept.gradients[name].formula
        if name in assumed:
            formula = own_gradient(formula, name, assumed, convention, swept.facts)
        made[name] = Gradient(
            program, name, assumed, convention, shapes, declared, swept, formula, verdict
        )
    return made


def forget() -> None:
    """Let no gradient that was derived be known any more, so that the next one takes its time."""
    _solved.cache_clear()


def _sizes(shape: Shape) -> tuple[int, ...]:
    return tuple(dim.size for dim in shape)
