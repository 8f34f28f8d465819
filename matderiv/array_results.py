"""A derivative of an array that is proved: its formula, code, LaTeX and values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from matderiv._collector import uncollected
from matderiv.arguments import checked
from matderiv.array_questions import Asked, answer_at, array_program
from matderiv.calculus.deciding.decide import Verdict
from matderiv.calculus.formulas.runnable import size_lines, size_words, written_for
from matderiv.calculus.formulas.work import Work, size_of, work_of
from matderiv.calculus.sweep.array_derivatives import Found, curvature
from matderiv.calculus.sweep.definite_products import curvature_of_products
from matderiv.calculus.sweep.singular import refuse_singular
from matderiv.errors import InputError, MatderivError, ShapeError
from matderiv.expression._names import tell_apart
from matderiv.expression.assumptions import ASSUMPTIONS
from matderiv.expression.nodes import Node
from matderiv.expression.program import Program
from matderiv.expression.readings import Reading
from matderiv.expression.shapes import Shape
from matderiv.notation.array_forms import (
    Derived,
    Written,
    array_latex,
    code_calls,
    vec_order,
    written_array,
)
from matderiv.notation.statements import statements

if TYPE_CHECKING:
    import numpy.typing as npt

    from matderiv.derivation.array_steps import ArrayDerivation
    from matderiv.expression.numeric import Array as Numbers
    from matderiv.handout.document import Document
    from matderiv.notation.shown import Show

__all__ = ["ArrayDerivative", "derivative_text"]

_MATRIX = 2  # dimensions
_SHORT = 72  # letters of a formula that is shown whole

#: The beginning of the name of each kind of result.
_LABELS = {"jacobian": "J", "hessian": "H", "jvp": "J", "vjp": "J", "hvp": "H"}

#: The whole array of which a product is worked out.
_WHOLE = {"jvp": "jacobian", "vjp": "jacobian", "hvp": "hessian"}

_WORDS = {
    "jacobian": "the Jacobian of {y} by {x}",
    "hessian": "the Hessian of {y} by {x}",
    "jvp": "the Jacobian of {y} by {x}, times {v}",
    "vjp": "{v} times the Jacobian of {y} by {x}",
    "hvp": "the Hessian of {y} by {x}, times {v}",
}


@dataclass(frozen=True, eq=False)
class ArrayDerivative:
    """A Jacobian, a Hessian or a product of one with a direction, as a formula that is proved.

    `str` of it is the formula as NumPy-like source. One of three or four axes is written with
    `einsum`, with products ⊗ of matrices ("vec" by columns, "vec-rows" by rows), or in "index"
    notation, as its `form` says.

    >>> from matderiv import hessian
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
        """The name of the result in `lines`: J, H, or such as Jv, vJ and Hv for products with v."""
        letter, v = _LABELS[self.asked.kind], self.asked.direction
        wish = v + letter if self.asked.kind == "vjp" else letter + v
        return array_program(self.program, self.shapes, {}).free(wish, f"{wish}_")

    @cached_property
    def written(self) -> Written:
        """The formula as text, with the notes that it needs to be read."""
        return written_array(self._derived)

    @property
    def readings(self) -> tuple[str, ...]:
        """The kinds that names were taken to be, and how the program was read otherwise."""
        from matderiv.handout.readings import reading_texts

        return reading_texts(self.read)

    @property
    def formula(self) -> str:
        """The formula as NumPy-like source; of the form "index", an equation of entries."""
        return self.written.formula

    @property
    def lines(self) -> dict[str, str]:
        """All that is to be worked out after the program, in order; the result is the last.

        >>> from matderiv import hessian
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
        own = (self._layout_note, *self.written.notes, self.properties, self._tied_note)
        return " ".join(filter(None, own))

    @cached_property
    def properties(self) -> str:
        """Sentences on a Hessian: that it is symmetric, and where the loss is convex; else "".

        >>> from matderiv import hessian
        >>> hessian("sum((X @ w - y)**2) + lam*sum(w**2)", wrt="w").properties
        'H is symmetric and, where lam >= 0, positive semidefinite: there L is convex in w.'
        >>> hessian("sum(sin(x))", wrt="x").properties
        'H is symmetric.'
        """
        if self.asked.kind != "hessian" or len(set(self.wrt)) > 1:
            return ""
        of, wrt = self.program.loss.name, self.wrt[0]
        program = array_program(self.program, self.shapes, dict(self.asked.assume))
        shape = curvature(self.answer, program, wrt)
        if shape is None:
            return ""
        if len(self.answer.dims) > _MATRIX:
            shape = curvature_of_products(self.answer, program, wrt)
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

    @cached_property
    def work(self) -> str:
        """A sentence on what a product takes, and what the whole array would; else "".

        >>> from matderiv import hvp
        >>> print(hvp("x @ A @ x", wrt="x").work.split("; ")[1])
        H and the product of H and v take 3*D**2 operations and hold D**2 + D numbers.
        """
        costs = self.costs
        if costs is None:
            return ""
        (o, n), (p, m) = costs
        v, label = self.asked.direction, _LABELS[self.asked.kind]
        along = f"{v} and {label}" if self.asked.kind == "vjp" else f"{label} and {v}"
        return (
            f"{self.label} takes {o} operations and holds {n} numbers; {label} and the product of "
            f"{along} take {p} operations and hold {m} numbers."
        )

    @cached_property
    def costs(self) -> tuple[tuple[str, str], tuple[str, str]] | None:
        """The operations and numbers of a product, and with the whole array; None where unknown."""
        whole = _WHOLE.get(self.asked.kind)
        if whole is None:
            return None
        known = {
            dim.symbol: dim.size
            for shape in self.shapes.values()
            for dim in shape
            if dim.symbol in self.declared
        }
        try:
            own = _work(self.answer)
            full = answer_at(replace(self.asked, kind=whole, direction=""), self.shapes)
            other = _work(full)
        except MatderivError:  # the whole array has no formula
            return None
        product = Work(size_of(full.dims, times=2), size_of(self.answer.dims))
        return own.told(known), (other + product).told(known)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result at the sizes of the program."""
        return tuple(dim.size for dim in self.answer.dims)

    def latex(self) -> str:
        r"""The formula as an equation in LaTeX; of the form "einsum", that of its entries.

        Raises:
            InputError: two names cannot be told apart in print.

        >>> from matderiv import hessian
        >>> print(hessian("x @ A @ x", wrt="x").latex(), end="")
        \begin{aligned}
        \dfrac{{\partial }^{2}L}{\partial x\partial x^{T}} & = A +A^{T}
        \end{aligned}
        """
        tell_apart(self.program, {name: len(shape) for name, shape in self.shapes.items()})
        return array_latex(self._derived)

    @checked()
    def code(self, target: str = "numpy") -> str:
        """The source text of a function that works it out, for NumPy, torch, JAX or SymPy.

        Raises:
            InputError: there is no such target, or it has no words for the formula.
        """
        from matderiv.notation.code import Flattened, Wanted, gradient_code

        asked, answer = self.asked, self.answer
        inputs = tuple(dict.fromkeys((*self.program.inputs(), *filter(None, [asked.direction]))))
        words = _WORDS[asked.kind].format(
            y=self.program.loss.name, x=" and ".join(self.wrt), v=asked.direction
        )
        from matderiv.handout.readings import reading_texts

        said = reading_texts(self.read, shapes_stand=True)
        note = " ".join(filter(None, (*said, self._layout_note, self._tied_note)))
        if self._vec and target == "sympy":
            raise InputError(
                f"The form {self.form} has no SymPy source here; take numpy, torch or jax instead."
            )
        as_formula = target == "sympy"
        written = replace(self._derived, form="formula") if as_formula else self._derived
        formula, calls, order = code_calls(written)
        flattened = None
        if self._vec:
            rows = tuple(dim.symbol for dim in answer.dims[: self.first])
            flattened = Flattened(self.formula, order, rows)
            note = " ".join(filter(None, (note, *self.written.notes)))
        wanted = Wanted(asked.kind, self.label, words, self.program, inputs, calls, flattened)
        return gradient_code(answer.sweep, {answer.name: formula}, target, note=note, wanted=wanted)

    @checked()
    def document(
        self,
        lang: str = "en",
        show: Show = None,
        *,
        newton: bool = False,
        exercises: int = 0,
        seed: int = 0,
        answers: Literal["none", "end"] = "end",
    ) -> Document:
        """The page that derives it: by entries, in index notation, by differentials.

        A product with a direction is derived as the gradient of a number. `show` is how many rows,
        columns and terms are shown of long ones, or "all"; with `newton` the page about a Hessian
        by a vector goes on to Newton's step. `exercises` are drawn from `seed`; their `answers`
        stand at the end, unless that is "none".

        Raises:
            InputError: no such language, `show` asks for too much, or exercises or Newton's step
                are asked for with a product with a direction.
            ProofError: a link of the derivation is not proved.
            UnsupportedError: a value is too long in one piece.
        """
        if self.asked.direction:
            if newton or exercises:
                raise InputError(
                    f"The page about {self.asked.kind} has no exercises and no Newton's step; "
                    f"those are of the page about {_WHOLE[self.asked.kind]}."
                )
            return self._product_page(lang, show)
        derived, page = self._page(lang, show, newton=newton, vector=bool(exercises))
        return self._with_exercises(derived, page, exercises, seed, answers)

    def _page(
        self, lang: str, show: Show, *, newton: bool, vector: bool
    ) -> tuple[ArrayDerivation, Document]:
        """The steps, and the page without exercises; `vector`: whether these need one."""
        from matderiv.handout.array_page import array_blocks, array_title
        from matderiv.handout.document import Document
        from matderiv.handout.notation_box import with_delta
        from matderiv.notation.shown import shown

        with uncollected():
            derived = self._derivation(newton=newton, vector=vector)
            lines = {} if self.form == "index" else self.lines
            if newton:
                lines = self._newton_lines(derived)
            most = shown(derived.about.task, show)
            blocks = with_delta(array_blocks(derived, lines, lang, most, self.asked.tied), lang)
            title = array_title(derived, lang)
            return derived, Document(lang, title, tuple(blocks), whole=most is None)

    def _product_page(self, lang: str, show: Show) -> Document:
        """The page about a product with a direction."""
        from matderiv.handout.product_page import ProductSubject, product_page
        from matderiv.notation.shown import shown
        from matderiv.product_pages import product_steps

        asked = self.asked
        with uncollected():
            steps = product_steps(asked, self.answer, dict(self.shapes), self.read, board=True)
            about = ProductSubject(
                asked.kind,
                asked.wrt[0],
                asked.direction,
                _LABELS[asked.kind],
                self.label,
                self.lines,
                self.costs,
            )
            return product_page(steps, about, lang, shown(steps[-1].task, show))

    def _with_exercises(
        self,
        derived: ArrayDerivation,
        page: Document,
        count: int,
        seed: int,
        answers: Literal["none", "end"],
    ) -> Document:
        """The page with so many exercises."""
        if answers not in ("none", "end"):
            raise InputError(f"Answers stand at the end, or none do; there is no {answers[:40]!r}.")
        if not count:
            return page
        from matderiv.array_pages import given_for_exercises
        from matderiv.handout.array_exercises import array_exercises
        from matderiv.handout.sheet import with_exercises

        with uncollected():
            given = given_for_exercises(self.asked, self.shapes, derived.about.names)
            drawn = array_exercises(derived, given, page.language, count, seed)
            return with_exercises(page, drawn, count, answers)

    def _newton_lines(self, derived: ArrayDerivation) -> dict[str, str]:
        """The gradient, the Hessian and Newton's step, in the order to work them out."""
        gradient = derived.gradient
        assert gradient is not None
        node = gradient.answer(self.wrt[0])
        parts = (node, *self.written.parts)
        sizes = size_lines(self.program, self.shapes, self.declared, parts)
        names = derived.about.names
        step = f"-solve({self.label}, {names.of})"
        return {
            **sizes,
            names.of: self._text(node),
            self.label: self.formula,
            names.step: step,
        }

    def _derivation(self, *, newton: bool, vector: bool) -> ArrayDerivation:
        """The steps to a Jacobian or a Hessian."""
        from matderiv.array_pages import ArrayWishes, derive_array

        wishes = ArrayWishes(self.read, self.form != "vec", newton, vector)
        return derive_array(self.asked, self.answer, self.shapes, wishes)

    @checked()
    def print(
        self,
        form: str = "text",
        lang: str = "en",
        show: Show = None,
        *,
        newton: bool = False,
        exercises: int = 0,
        seed: int = 0,
        answers: Literal["none", "end"] = "end",
    ) -> str:
        """The page as text, LaTeX or Markdown; see `document`."""
        from matderiv.handout.formats import write_text

        page = self.document(
            lang, show, newton=newton, exercises=exercises, seed=seed, answers=answers
        )
        return write_text(page, form)

    @checked()
    def json(self) -> str:
        """The certificate: that of the gradient of ⟨V, Y⟩, which is Jᵀv with the formula of J.

        Raises:
            ProofError: a link is not proved.
            UnsupportedError: it is zero, and there are no steps.
        """
        from matderiv.array_certificates import array_certificate

        with uncollected():
            return array_certificate(self.asked, self.answer, self.shapes)

    @checked()
    def __call__(
        self,
        *,
        functions: Mapping[str, Callable[[Any], Any]] | None = None,
        **arrays: npt.ArrayLike,
    ) -> Numbers:
        """The value at arrays of any shapes that fit the program; a direction is one of them.

        `functions` are the undefined ones and their derivatives: `{"df": np.cos, "ddf": …}`. The
        axes are those of Y and then those of X; of the forms "vec" and "vec-rows" it is a matrix.

        Raises:
            InputError: something is missing, unknown, or of a shape that does not fit.

        >>> from matderiv import hessian
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
        refuse_singular(self.program, shapes, {d.symbol for own in shapes.values() for d in own})
        found = (
            self.answer if _sizes(shapes) == _sizes(self.shapes) else answer_at(self.asked, shapes)
        )
        if along:
            given |= _direction(direction, along[direction], found.sweep.graph.shapes[direction])
        elif direction and direction not in given:
            raise InputError(f"The direction {direction} has no value; give it as {direction}=….")
        made = work_out(found.sweep, found.name, found.node, given, functions or {})
        if not self._vec:
            return made
        rows = math.prod(made.shape[: self.first])
        return made.transpose(vec_order(self._derived)).reshape(rows, -1)

    def _text(self, node: Node) -> str:
        return written_for(self.program, self.shapes, self.declared, node)

    @checked()
    def size_words(self, name: str) -> str:
        """The meaning of a size in `lines`, such as "the rows of X"; empty for other names."""
        dims = {dim.symbol for shape in self.shapes.values() for dim in shape}
        return size_words(name, self.shapes, self.program.inputs()) if name in dims else ""

    @property
    def first(self) -> int:
        """How many axes come before those of the second array: those of Y, or of X where turned."""
        return self._derived.first

    @property
    def _derived(self) -> Derived:
        """The derivative to be written, under names that a page can show."""
        program, array = self.program, array_program(self.program, self.shapes, {})
        value, (x, *more) = program.loss.name, self.wrt
        rank = len(self.shapes[value])
        wishes = (("L", "J"), ("y", "u", "z"), ("Y", "Z", "U"))[min(rank, _MATRIX)]
        of = value if array.named or not rank else array.free(*wishes)
        names: tuple[str, ...] = (x,)
        first = rank
        if self.asked.kind in ("hessian", "hvp"):
            names, first = (x, *(more or (x,))), len(self.shapes[x])
        elif self.asked.layout == "denominator":
            first = len(self.shapes[x])
        swap = array.free("K", "C", "P")
        turned = self.asked.layout == "denominator"
        direction = self.asked.direction
        product = (_LABELS[self.asked.kind], direction) if direction else None
        answer, text = self.answer, self._text
        return Derived(answer, self.form, of, names, first, text, swap, turned, product)

    @property
    def _vec(self) -> bool:
        """Whether an array of three or four axes is written as a matrix over vec."""
        return self.form in ("vec", "vec-rows")

    @property
    def _layout_note(self) -> str:
        if self.asked.layout == "numerator":
            return ""
        return f"Denominator layout: the axes of {self.wrt[0]} come before those of the value."

    @property
    def _tied_note(self) -> str:
        """A sentence on an input of a structure; the matrices of one are a linear space."""
        return " ".join(
            f"{name} is {ASSUMPTIONS[what].words}: {self.label} is by all entries of {name} as if "
            f"each were free. Changes of {name} that keep its structure are among those."
            for name, what in self.asked.tied
        )

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

    >>> from matderiv import vjp
    >>> derivative_text(vjp("A @ x", wrt="x")).splitlines()[-1]
    'vJ = A.T @ v'
    """
    match form:
        case "formula":
            notes = (*derivative.readings, derivative.note, derivative.work)
            made = [f"# {note}" for note in notes if note]
            if derivative.form == "index":
                return "\n".join([*made, derivative.formula, ""])
            for name, value in derivative.lines.items():
                what = derivative.size_words(name)
                made.append(f"{name} = {value}" + (f"  # {name}: {what}" if what else ""))
            return "\n".join([*made, ""])
        case "latex":
            return "".join(f"% {line}\n" for line in derivative.readings) + derivative.latex()
    return derivative.code(form)


def _work(found: Found) -> Work:
    """The work that a derivative takes, with that of the values that it is made of."""
    values = statements(found.sweep, {found.name: found.node})
    return work_of(values.values(), found.sweep.facts.shape)


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
