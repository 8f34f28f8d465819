"""The Python interface to Jacobians: what one would take, and small ones themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matderiv.api import DEFAULT_PROGRAM, MOST_SHOWN, Show, check_factor, shown
from matderiv.calculus.jacobian import JacobianSize, jacobian_size
from matderiv.calculus.problem import Problem, understand, with_loss
from matderiv.derivation.build import gradient_of, jacobian_chains
from matderiv.errors import InputError
from matderiv.expression.parse import parse
from matderiv.expression.shapes import infer
from matderiv.expression.source import source
from matderiv.handout.document import Document
from matderiv.handout.formats import write_text
from matderiv.handout.jacobian import Facts, compose_jacobian

__all__ = ["Jacobian", "jacobian"]

#: Rows and columns up to which a Jacobian is written out unasked.
_WRITTEN_JACOBIAN = 12


@dataclass(frozen=True, slots=True)
class Jacobian:
    """The Jacobian ∂Y/∂X of a program's product: its size, structure and, if small, itself."""

    problem: Problem
    wrt: str
    size: JacobianSize
    dtype: str

    def document(self, lang: str = "en", show: Show = None) -> Document:
        """The page about it. `show` writes the Jacobian out, so much of it; see `derive`.

        Raises:
            InputError: no such language, or the Jacobian is too large to be written out.
        """
        rows, cols = self.size.rows, self.size.cols
        written = show is not None or max(rows, cols) <= _WRITTEN_JACOBIAN
        if show is not None and rows * cols > MOST_SHOWN:
            raise InputError(
                f"The Jacobian is {rows:,}×{cols:,}; at most {MOST_SHOWN:,} entries can be "
                "written out. Leave --show away, or choose smaller sizes."
            )
        known = None if show is None or show == "all" else shown(self.problem, show)
        facts = Facts(
            self.problem,
            self.wrt,
            self.size,
            self.dtype,
            source(gradient_of(self.problem, self.wrt)),
            jacobian_chains(self.problem, self.wrt, written=written),
        )
        return compose_jacobian(facts, lang, known)

    def print(self, form: str = "text", lang: str = "en", show: Show = None) -> str:
        """The page as text, LaTeX or Markdown."""
        return write_text(self.document(lang, show), form)


def jacobian(
    program: str = DEFAULT_PROGRAM,
    *,
    wrt: str | None = None,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    dtype: str = "float32",
) -> Jacobian:
    """∂Y/∂X = I_N ⊗ Wᵀ (row-major vec): (N·M)·(N·D) partial derivatives, at most N·D·M not 0.

    Shapes:
        As in `derive`; nothing of that size is built.

    Raises:
        InputError: the input cannot be read, or `dtype` is no known type of numbers.

    Source:
        Magnus and Neudecker, Matrix Differential Calculus, ch. 2 (vec and Kronecker products).

    >>> jacobian(sizes={"N": 64, "D": 4096, "M": 4096}).size.memory == 256 * 1024**3
    True
    """
    written = with_loss(parse(program))
    problem = understand(written, infer(written, sizes=sizes, shapes=shapes))
    name = problem.factors[0] if wrt is None else wrt
    check_factor(problem, name)
    return Jacobian(problem, name, jacobian_size(problem, name, dtype), dtype)
