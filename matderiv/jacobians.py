"""The Python interface to Jacobians: formulas, and pages on what the whole array would take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from matderiv.api import DEFAULT_PROGRAM, MOST_SHOWN, Show
from matderiv.arguments import NAME, checked
from matderiv.array_derivatives import TIMES, asked_for
from matderiv.array_results import ArrayDerivative
from matderiv.calculus.sweep.in_one_piece import ArrayTask, read_array
from matderiv.calculus.sweep.local_jacobian import JacobianSize, LocalJacobian, check_type
from matderiv.errors import InputError
from matderiv.expression._names import tell_apart
from matderiv.handout.document import Document, Heading
from matderiv.handout.jacobian import compose_jacobian
from matderiv.handout.notation_box import with_delta
from matderiv.handout.sentences import fill
from matderiv.tracing import ProgramLike, program_text

__all__ = ["Jacobian", "jacobian"]


@dataclass(frozen=True, eq=False, repr=False)
class Jacobian(ArrayDerivative):
    """∂Y/∂X as a formula that is proved, and a page about an array of that size.

    The page is of the array that the program ends in, or of the last one that its loss is computed
    from: its size, structure and, if small, itself.
    """

    dtype: str = "float32"
    #: The arguments of `read_array`.
    said: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def found(self) -> ArrayTask:
        """The array and the input that the page is about.

        Raises:
            InputError: no array is computed on the way to the loss.
        """
        return read_array(**self.said)

    @cached_property
    def size(self) -> JacobianSize:
        """How many entries the Jacobian of the page has, and their memory."""
        found = self.found
        return LocalJacobian(found.task, found.of, found.wrt).size(self.dtype)

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
        """The page that derives it, if Y is what the program ends in, and says what it takes.

        `show` writes the Jacobian out, so much of it; see `derive`. `exercises` are drawn from
        `seed`; their `answers` stand at the end, unless that is "none".

        Raises:
            InputError: no such language, the Jacobian is too large to be written out, there are no
                exercises about it, or two names of the program cannot be told apart on a page.
            ProofError: a link of the derivation, its entries or its structure are not proved.
        """
        tell_apart(self.program, {name: len(shape) for name, shape in self.shapes.items()})
        size = self.size
        if show is not None and size.count > MOST_SHOWN:
            raise InputError(
                f"The Jacobian is {size.rows:,}×{size.cols:,}; at most {MOST_SHOWN:,} entries can "
                "be written out. Leave --show away, or choose smaller sizes."
            )
        most = max(size.rows, size.cols) if show == "all" else show
        alone = not self.shapes[self.program.loss.name]
        found = self.found if alone else replace(self.found, tied="")  # said before
        axes = max(len(self.shapes[name]) for name in (self.program.loss.name, *self.wrt))
        written = not alone and axes == 1 and show is None  # as a matrix, with its entries
        sizes_alone = self.form == "vec" or written
        size_page = compose_jacobian(found, self.dtype, most, lang, sizes_alone=sizes_alone)
        if alone:
            if exercises:
                raise InputError(
                    "Exercises are about the Jacobian of an array; of the gradient of a number, "
                    "take those of matderiv handout."
                )
            return size_page
        derived, page = self._page(lang, show, newton=newton, vector=bool(exercises))
        heading = Heading(2, fill(lang, "jacobian.heading", {}))
        blocks = (*page.blocks, heading, *size_page.blocks)
        page = replace(page, blocks=tuple(with_delta(blocks, lang)))
        return self._with_exercises(derived, page, exercises, seed, answers)


@checked(TIMES, wrt=NAME)
def jacobian(
    program: ProgramLike = DEFAULT_PROGRAM,
    *,
    wrt: str | None = None,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    form: str | None = None,
    layout: str | None = None,
    dtype: str = "float32",
) -> Jacobian:
    """∂Y/∂X: the partial derivatives of all entries of a program's value by those of an input.

    Shapes:
        Of a number it is the gradient, by a number an array in the shape of Y, and of a vector by
        a vector a matrix whose rows are the entries of Y (numerator `layout`) or those of X
        (denominator). Of more axes it is written in a `form`: with "einsum", as ∂vec(Y)/∂vec(X)
        by columns ("vec") or rows ("vec-rows"), or as its entries ("index"). `wrt` is the first
        input that is an array, unless it is said.

    Raises:
        InputError: the input cannot be read, or there is no such form, layout or type of numbers.
        ProofError: the formula is not proved.

    Source:
        Magnus and Neudecker, Matrix Differential Calculus, ch. 2, 5 and 9.

    >>> print(jacobian("relu(A @ x)", wrt="x"))
    diag(step(A @ x)) @ A
    >>> print(jacobian("A @ X @ B", wrt="X", form="vec"))
    kron(B.T, A)
    >>> jacobian(sizes={"N": 64, "D": 4096, "M": 4096}).size.memory == 256 * 1024**3
    True
    """
    check_type(dtype)
    said: dict[str, Any] = {
        "program": program_text(program),
        "wrt": wrt,
        "sizes": sizes,
        "shapes": shapes,
        "assume": assume,
    }
    found = asked_for("jacobian", **said, form=form, layout=layout)
    return Jacobian(**vars(found), dtype=dtype, said=said)
