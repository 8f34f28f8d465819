"""The Python interface to derivatives of arrays: Jacobians, Hessians, and their products."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from matderiv._collector import uncollected
from matderiv.arguments import NAME, checked
from matderiv.calculus.deciding.decide import Verdict
from matderiv.calculus.formulas.runnable import size_lines, size_words, written_for
from matderiv.calculus.sweep.array_derivatives import (
    ArrayProgram,
    Found,
    curvature,
    gradient_program,
    jacobian_of,
    pulled_back,
    pushed_forward,
)
from matderiv.calculus.sweep.singular import refuse_singular
from matderiv.calculus.sweep.task import chosen
from matderiv.errors import InputError, ShapeError, UnsupportedError
from matderiv.expression.assumptions import (
    ASSUMPTIONS,
    Assumed,
    infer_assumed,
    read_assumed,
)
from matderiv.expression.declared import declared_letters, ones_kept
from matderiv.expression.nodes import Node
from matderiv.expression.parse import parse
from matderiv.expression.program import Program
from matderiv.expression.readings import Reading
from matderiv.expression.shapes import Shape, read_as
from matderiv.expression.vocabulary import KNOWN, did_you_mean
from matderiv.notation.array_forms import FORMS, Derived, Written, array_latex, written_array

if TYPE_CHECKING:
    import numpy.typing as npt

    from matderiv.expression.numeric import Array as Numbers

__all__ = [
    "LAYOUTS",
    "TIMES",
    "ArrayDerivative",
    "asked_for",
    "derivative_text",
    "hessian",
    "hvp",
    "jvp",
    "vjp",
]

#: Whether the axes of Y come before those of X, or after them.
LAYOUTS = ("numerator", "denominator")

_MATRIX = 2  # dimensions
TIMES = 4  # the budget of a gradient: two of them, and what is read off


@dataclass(frozen=True, slots=True)
class Asked:
    """The question: one of `_KINDS` of derivatives of a program, by one input or two."""

    kind: str
    program: Program
    wrt: tuple[str, ...]
    assume: tuple[tuple[str, str], ...]
    layout: str = "numerator"
    direction: str = ""


@dataclass(frozen=True, eq=False)
class ArrayDerivative:
    """A Jacobian, a Hessian or a product of one with a direction, as a formula that is proved.

    `str` of it is the formula as NumPy-like source. One of three or four axes is written with
    `einsum`, with products ⊗ of matrices ("vec" by columns, "vec-rows" by rows), or in "index"
    notation, as its `form` says.

    >>> print(hessian("sum((X @ w - y)**2)", wrt="w"))
    2*X.T @ X
    """

    asked: Asked
    form: str
    shapes: Mapping[str, Shape]
    #: The letters of sizes whose numbers were given; formulas hold those numbers.
    declared: frozenset[str]
    answer: Found
    #: How the program was read where another reading fits as well.
    read: tuple[Reading, ...] = ()

    @property
    def wrt(self) -> tuple[str, ...]:
        """The names that it is by."""
        return self.asked.wrt

    @property
    def program(self) -> Program:
        """The program that is differentiated."""
        return self.asked.program

    @property
    def verdict(self) -> Verdict:
        """How the formula is proved."""
        return self.answer.verdict

    @cached_property
    def label(self) -> str:
        """The name of the result in `lines`: J, H, or such as Hv for a product with v."""
        wish = _LABELS[self.asked.kind] + self.asked.direction
        return _array(self.program, self.shapes, {}).free(wish, f"{wish}_")

    @cached_property
    def written(self) -> Written:
        """The formula as text, with the notes that it needs to be read."""
        return written_array(self._derived)

    @property
    def readings(self) -> tuple[str, ...]:
        """How the program was read where another reading fits as well, in sentences."""
        from matderiv.handout.readings import reading_texts

        return reading_texts(self.read)

    @property
    def formula(self) -> str:
        """The formula as NumPy-like source; of the form "index", an equation of entries."""
        return self.written.formula

    @property
    def lines(self) -> dict[str, str]:
        """All that is to be worked out after the program, in order; the result is the last.

        >>> hessian("mean((X @ w - y)**2)", wrt="w").lines
        {'N': 'X.shape[0]', 'H': '2*X.T @ X/N'}
        """
        sizes = size_lines(self.program, self.shapes, self.declared, self.written.parts)
        return sizes | {self.label: self.formula}

    @property
    def proof(self) -> str:
        """For which sizes the formula is proved."""
        if self.verdict.index:
            return "for all sizes"
        return f"at these sizes, {self.verdict.entries} entries one by one"

    @property
    def note(self) -> str:
        """The words that belong to the formula: the layout, or the order of vec; else ""."""
        return " ".join(filter(None, (self._layout_note, *self.written.notes, self.properties)))

    @cached_property
    def properties(self) -> str:
        """Sentences on a Hessian: that it is symmetric, and where the loss is convex; else "".

        >>> hessian("sum((X @ w - y)**2) + lam*sum(w**2)", wrt="w").properties
        'H is symmetric and, where lam >= 0, positive semidefinite: there L is convex in w.'
        >>> hessian("sum(sin(x))", wrt="x").properties
        'H is symmetric.'
        """
        if self.asked.kind != "hessian" or len(set(self.wrt)) > 1:
            return ""
        of, wrt = self.program.loss.name, self.wrt[0]
        program = _array(self.program, self.shapes, dict(self.asked.assume))
        shape = curvature(self.answer, program, wrt)
        if shape is None:
            return ""
        symmetric = f"{self.label} is symmetric" if self.answer.dims else ""
        if not shape.sign:
            return symmetric and f"{symmetric}."
        needed = " and ".join(f"{name} >= 0" for name in sorted(shape.needed))
        what = "positive" if shape.sign > 0 else "negative"
        kind = "convex" if shape.sign > 0 else "concave"
        where = f", where {needed}," if needed else ""
        words = f"{symmetric} and{where} {what} semidefinite" if symmetric else ""
        if not shape.convex:
            return f"{words}." if words else ""
        there = f"{'there ' if needed and words else ''}{of} is {kind} in {wrt}"
        if not words:
            return f"{there}{f' where {needed}' if needed else ''}."
        return f"{words}: {there}."

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result at the sizes of the program."""
        return tuple(dim.size for dim in self.answer.dims)

    def latex(self) -> str:
        r"""The formula as an equation in LaTeX; of the form "einsum", that of its entries.

        >>> print(hessian("x @ A @ x", wrt="x").latex(), end="")
        \begin{aligned}
        \dfrac{{\partial }^{2}L}{\partial x\partial x^{T}} & = A +A^{T}
        \end{aligned}
        """
        return array_latex(self._derived)

    @checked()
    def code(self, target: str = "numpy") -> str:
        """The source text of a function that works it out, for NumPy, torch, JAX or SymPy.

        Raises:
            InputError: there is no such target, or it has no words for the formula.
        """
        from matderiv.notation.code import Wanted, gradient_code

        asked, answer = self.asked, self.answer
        inputs = tuple(dict.fromkeys((*self.program.inputs(), *filter(None, [asked.direction]))))
        words = _WORDS[asked.kind].format(
            y=self._derived.of, x=" and ".join(self.wrt), v=asked.direction
        )
        note = " ".join(filter(None, (*self.readings, self._layout_note)))
        wanted = Wanted(asked.kind, self.label, words, self.program, inputs)
        return gradient_code(
            answer.sweep, {answer.name: answer.node}, target, note=note, wanted=wanted
        )

    @checked()
    def __call__(
        self,
        *,
        functions: Mapping[str, Callable[[Any], Any]] | None = None,
        **arrays: npt.ArrayLike,
    ) -> Numbers:
        """The value at arrays of any shapes that fit the program; a direction is one of them.

        `functions` are the undefined ones and their derivatives: `{"df": np.cos, "ddf": …}`. The
        axes are those of Y and then those of X, whatever the form is.

        Raises:
            InputError: something is missing, unknown, or of a shape that does not fit.

        >>> print(hessian("sum(exp(x))", wrt="x")(x=[0, 0]))
        [[1. 0.]
         [0. 1.]]
        """
        from matderiv.evaluation import arrays_of, shapes_at, work_out

        direction = self.asked.direction
        along = {n: a for n, a in arrays.items() if n == direction and n not in self.shapes}
        own = {n: a for n, a in arrays.items() if n not in along}
        assume = dict(self.asked.assume)
        given = arrays_of(self.program, own, assume)
        shapes = shapes_at(self.program, assume, self.shapes, self.declared, given)
        found = self.answer if _sizes(shapes) == _sizes(self.shapes) else _at(self.asked, shapes)
        if along:
            given |= _direction(direction, along[direction], found.sweep.graph.shapes[direction])
        elif direction and direction not in given:
            raise InputError(f"The direction {direction} has no value; give it as {direction}=….")
        return work_out(found.sweep, found.name, found.node, given, functions or {})

    def _text(self, node: Node) -> str:
        return written_for(self.program, self.shapes, self.declared, node)

    @checked()
    def size_words(self, name: str) -> str:
        """The meaning of a size in `lines`, such as "the rows of X"; empty for other names."""
        dims = {dim.symbol for shape in self.shapes.values() for dim in shape}
        return size_words(name, self.shapes, self.program.inputs()) if name in dims else ""

    @property
    def _derived(self) -> Derived:
        """The derivative to be written, under names that a page can show."""
        program, array = self.program, _array(self.program, self.shapes, {})
        value, (x, *more) = program.loss.name, self.wrt
        rank = len(self.shapes[value])
        wishes = (("L", "J"), ("y", "u", "z"), ("Y", "Z", "U"))[min(rank, _MATRIX)]
        of = value if array.named or not rank else array.free(*wishes)
        names: tuple[str, ...] = (x,)
        first = rank
        if self.asked.kind == "hessian":
            names, first = (x, *(more or (x,))), len(self.shapes[x])
        elif self.asked.layout == "denominator":
            first = len(self.shapes[x])
        swap = array.free("K", "C", "P")
        turned = self.asked.layout == "denominator"
        return Derived(self.answer, self.form, of, names, first, self._text, swap, turned)

    @property
    def _layout_note(self) -> str:
        if self.asked.layout == "numerator":
            return ""
        return f"Denominator layout: the axes of {self.wrt[0]} come before those of the value."

    def __str__(self) -> str:
        """The formula."""
        return self.formula

    def __repr__(self) -> str:
        """The formula, if it is short, and for which sizes it is proved."""
        formula = self.formula if len(self.formula) <= _SHORT else self.formula[:_SHORT] + "…"
        return f"<{self.label} = {formula}, proved {self.proof}>"


def derivative_text(derivative: ArrayDerivative, form: str = "formula") -> str:
    """The derivative as text: assignments that run in NumPy after the program, LaTeX, or code.

    Raises:
        InputError: there is no such form.

    >>> print(derivative_text(vjp("A @ x", wrt="x")), end="")
    Jv = A.T @ v
    """
    match form:
        case "formula":
            made = [f"# {note}" for note in (*derivative.readings, derivative.note) if note]
            if derivative.form == "index":
                return "\n".join([*made, derivative.formula, ""])
            for name, value in derivative.lines.items():
                what = derivative.size_words(name)
                made.append(f"{name} = {value}" + (f"  # {name}: {what}" if what else ""))
            return "\n".join([*made, ""])
        case "latex":
            return "".join(f"% {line}\n" for line in derivative.readings) + derivative.latex()
    return derivative.code(form)


_SHORT = 72  # letters of a formula that is shown whole

#: The beginning of the name of each kind of result.
_LABELS = {"jacobian": "J", "hessian": "H", "jvp": "J", "vjp": "J", "hvp": "H"}

_WORDS = {
    "jacobian": "the Jacobian of {y} by {x}",
    "hessian": "the Hessian of {y} by {x}",
    "jvp": "the Jacobian of {y} by {x}, times {v}",
    "vjp": "{v} times the Jacobian of {y} by {x}",
    "hvp": "the Hessian of {y} by {x}, times {v}",
}

Kinds = Mapping[str, Callable[[ArrayProgram, Asked], Found]]
_KINDS: Kinds = {
    "jacobian": lambda of, asked: jacobian_of(
        of, asked.wrt[0], denominator=asked.layout == "denominator"
    ),
    "hessian": lambda of, asked: jacobian_of(gradient_program(of, asked.wrt[0]), asked.wrt[-1]),
    "jvp": lambda of, asked: pushed_forward(of, asked.wrt[0], asked.direction),
    "vjp": lambda of, asked: pulled_back(of, asked.wrt[0], asked.direction),
    "hvp": lambda of, asked: pulled_back(
        gradient_program(of, asked.wrt[0]), asked.wrt[0], asked.direction
    ),
}


@checked(TIMES)
def hessian(
    program: str,
    *,
    wrt: str | Iterable[str] | None = None,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    form: str | None = None,
) -> ArrayDerivative:
    """∂²L/∂x∂xᵀ of a program that ends in a number: the Jacobian of its gradient.

    Shapes:
        Of a vector x of N it is N×N; of a matrix, an array of four axes, written in a `form`:
        "einsum", "vec", "vec-rows" or "index". With two names it is the mixed block: the axes of
        the first come first. `wrt` defaults to the only input that is an array.

    Raises:
        InputError: the program does not end in a number, or `wrt` is no input.
        ProofError: the formula is not proved.

    Source:
        Magnus and Neudecker, Matrix Differential Calculus, ch. 6 and 10.

    >>> print(hessian("p = sigmoid(X @ w); L = -sum(y*log(p) + (1 - y)*log(1 - p))", wrt="w"))
    X.T @ diag((1 - p)*p) @ X
    """
    return asked_for("hessian", program, wrt, sizes=sizes, shapes=shapes, assume=assume, form=form)


@checked(TIMES, wrt=NAME, direction=NAME)
def jvp(
    program: str,
    *,
    wrt: str | None = None,
    direction: str | None = None,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
) -> ArrayDerivative:
    """∂Y/∂X·V without ∂Y/∂X: the derivative of the program's value along a direction.

    Shapes:
        The `direction` V has the shape of X, and the result that of Y. V is a new name, or that
        of another input.

    Raises:
        InputError: `wrt` is no input, or the direction is no name for it.
        ProofError: the formula is not proved.

    >>> print(jvp("tanh(A @ x)", wrt="x"))
    (A @ v)*(1 - tanh(A @ x)**2)
    """
    return asked_for(
        "jvp", program, wrt, sizes=sizes, shapes=shapes, assume=assume, direction=direction
    )


@checked(TIMES, wrt=NAME, direction=NAME)
def vjp(
    program: str,
    *,
    wrt: str | None = None,
    direction: str | None = None,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
) -> ArrayDerivative:
    """Vᵀ·∂Y/∂X without ∂Y/∂X: the gradient of ⟨V, Y⟩ = Σ V∗Y.

    Shapes:
        The `direction` V has the shape of Y, and the result that of X.

    Raises:
        InputError: `wrt` is no input, or the direction is no name for it.
        ProofError: the formula is not proved.

    >>> print(vjp("tanh(A @ x)", wrt="x"))
    A.T @ (v*(1 - tanh(A @ x)**2))
    """
    return asked_for(
        "vjp", program, wrt, sizes=sizes, shapes=shapes, assume=assume, direction=direction
    )


@checked(TIMES, wrt=NAME, direction=NAME)
def hvp(
    program: str,
    *,
    wrt: str | None = None,
    direction: str | None = None,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
) -> ArrayDerivative:
    """The Hessian times a direction, without the Hessian: the gradient of ⟨∇L, V⟩.

    Shapes:
        The `direction` V and the result have the shape of X.

    Raises:
        InputError: the program does not end in a number, `wrt` is no input, or the direction is no
            name for it.
        ProofError: the formula is not proved.

    Source:
        Pearlmutter, Fast exact multiplication by the Hessian, 1994.

    >>> print(hvp("p = sigmoid(X @ w); L = -sum(y*log(p) + (1 - y)*log(1 - p))", wrt="w"))
    X.T @ ((X @ v)*p*(1 - p))
    """
    return asked_for(
        "hvp", program, wrt, sizes=sizes, shapes=shapes, assume=assume, direction=direction
    )


def asked_for(
    kind: str,
    program: str,
    wrt: str | Iterable[str] | None = None,
    *,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    form: str | None = None,
    layout: str | None = None,
    direction: str | None = None,
) -> ArrayDerivative:
    """The answer of one of the functions above."""
    written = parse(program)
    assumed = read_assumed(written, assume)
    second = kind in ("hessian", "hvp")
    known = _inferred(written, assumed, sizes, shapes, scalar=second)
    most, first = (2 if kind == "hessian" else 1), kind == "jacobian"
    names = _names(written, known, assumed, wrt, most if not first else 0)
    with uncollected():
        declared = declared_letters(known, sizes, shapes)
        refuse_singular(written, known, declared)
        asked = Asked(kind, written, names, tuple(assumed.items()))
        asked = _with_layout(asked, layout, known)
        if direction is not None or kind in ("jvp", "vjp", "hvp"):
            asked = _with_direction(asked, direction, known)
        found = _at(asked, known)
        written_form = _form(form, found, asked, known)
    read = read_as(written, known, shapes or (), scalar=second)
    return ArrayDerivative(asked, written_form, known, declared, found, read)


def _inferred(
    program: Program,
    assumed: Assumed,
    sizes: Mapping[str, int | None] | None,
    shapes: Mapping[str, tuple[int, ...]] | None,
    *,
    scalar: bool,
) -> dict[str, Shape]:
    try:
        known = infer_assumed(program, assumed, sizes=sizes, shapes=shapes, scalar=scalar)
    except ShapeError as error:
        if scalar and "not a scalar" in str(error):
            raise ShapeError(f"{error} Of an array there is a Jacobian, not a Hessian.") from None
        raise
    return ones_kept(program, known, shapes)


def _names(
    program: Program,
    known: Mapping[str, Shape],
    assumed: Assumed,
    wrt: str | Iterable[str] | None,
    most: int,
) -> tuple[str, ...]:
    """The inputs to differentiate by, at most so many; by default the first if that is 0."""
    named = (wrt,) if isinstance(wrt, str) else None if wrt is None else tuple(wrt)
    names = chosen(program, named, known)
    bound = {n for n, what in assumed.items() if ASSUMPTIONS[what].gradient == "own"}
    free = tuple(name for name in names if name not in bound)
    if named is None and not most:
        return free[:1] or names[:1]
    if named is None and len(free) > 1:
        raise InputError(
            f"Several inputs are arrays: {', '.join(free)}; say by which one with wrt, or --wrt."
        )
    names = names if named or not free else free
    if len(names) > max(1, most):
        what = "two inputs" if most > 1 else "one input"
        raise InputError(f"It is by {what} at most, and wrt names {len(names)}; leave some out.")
    for name in names:
        if name in bound:
            raise UnsupportedError(
                f"{name} is assumed to be {assumed[name]}, and the Jacobian by its independent "
                f"entries is not worked out; leave --assume {name}={assumed[name]} out, or choose "
                "another --wrt."
            )
    return names


def _with_layout(asked: Asked, layout: str | None, known: Mapping[str, Shape]) -> Asked:
    if layout is None:
        return asked
    if layout not in LAYOUTS:
        raise InputError(
            f"There is no layout {layout[:40]!r}; there are {' and '.join(LAYOUTS)}."
            + did_you_mean(layout, LAYOUTS)
        )
    value, (name,) = asked.program.loss.name, asked.wrt
    if not (known[value] and known[name]):
        scalar, other = (value, name) if not known[value] else (name, value)
        raise InputError(
            f"{scalar} is a number, so the derivative has the shape of {other} in either layout; "
            "leave the layout out."
        )
    return Asked(asked.kind, asked.program, asked.wrt, asked.assume, layout)


def _with_direction(asked: Asked, direction: str | None, known: Mapping[str, Shape]) -> Asked:
    """The question with a direction whose name is clear and whose shape fits."""
    of = asked.program.loss.name if asked.kind == "vjp" else asked.wrt[0]
    shape = known[of]
    array = _array(asked.program, known, {})
    if direction is None:
        wishes = (("tau", "nu"), ("v", "u", "z"), ("V", "U", "Z"))[min(len(shape), _MATRIX)]
        direction = array.free(*wishes)
    elif not direction.isidentifier() or not direction.isascii() or direction.startswith("_"):
        raise InputError(f"{direction[:40]!r} is not a name for a direction, such as v.")
    elif direction in asked.wrt or direction in {a.name for a in asked.program.assignments}:
        raise InputError(
            f"{direction} changes with {asked.wrt[0]}, and a direction is held fixed; give it "
            f"another name, such as {array.free('v', 'u')}."
        )
    elif direction in known and direction in asked.program.inputs():
        if known[direction] != shape:
            one, other = (
                "×".join(d.symbol for d in s) or "a number" for s in (known[direction], shape)
            )
            raise ShapeError(
                f"The direction {direction} is {one} in the program, but {of} is {other}; give the "
                f"direction another name, such as {array.free('v', 'u')}."
            )
    elif array.free(direction) != direction or direction in {*KNOWN, "pi"}:
        raise InputError(
            f"{direction} has another meaning in the program; call the direction "
            f"{array.free('v', 'u')}."
        )
    return Asked(asked.kind, asked.program, asked.wrt, asked.assume, asked.layout, direction)


def _form(form: str | None, found: Found, asked: Asked, known: Mapping[str, Shape]) -> str:
    """The form to write a derivative in."""
    if form is not None and form not in FORMS:
        raise InputError(
            f"There is no form {form[:40]!r}; there are {', '.join(FORMS)}."
            + did_you_mean(form, FORMS)
        )
    if form in ("vec", "vec-rows"):
        value = asked.wrt[0] if asked.kind == "hessian" else asked.program.loss.name
        for name in (value, asked.wrt[-1]):
            if len(known[name]) > _MATRIX:
                raise InputError(
                    f"{name} has {len(known[name])} axes, and vec is of matrices; "
                    "choose the form einsum or index."
                )
    if form == "index":
        return form
    return "formula" if found.matrix else form or "einsum"


def _array(program: Program, known: Mapping[str, Shape], assumed: Assumed) -> ArrayProgram:
    return ArrayProgram(program, known, assumed, named=program.loss.name != "L")


def _at(asked: Asked, shapes: Mapping[str, Shape]) -> Found:
    return _found(asked, tuple(shapes.items()))


@lru_cache(maxsize=64)
def _found(asked: Asked, shape_of_names: tuple[tuple[str, Shape], ...]) -> Found:
    """Derived, read off and proved."""
    of = _array(asked.program, dict(shape_of_names), dict(asked.assume))
    return _KINDS[asked.kind](of, asked)


def _sizes(shapes: Mapping[str, Shape]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(dim.size for dim in shape) for name, shape in shapes.items()}


def _direction(name: str, value: npt.ArrayLike, shape: Shape) -> dict[str, Numbers]:
    """The direction as an array."""
    import numpy as np

    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} is no array of numbers; give it as NumPy takes it.") from None
    wanted = tuple(dim.size for dim in shape)
    if array.shape != wanted:
        raise ShapeError(
            f"The direction {name} has the shape {array.shape}; it should be {wanted}."
        )
    return {name: array}
