"""The Python interface to Jacobians: what one would take, and small ones themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from matderiv.api import DEFAULT_PROGRAM, MOST_SHOWN, Show
from matderiv.arguments import NAME, checked
from matderiv.calculus.sweep.in_one_piece import ArrayTask, read_array
from matderiv.calculus.sweep.local_jacobian import JacobianSize, LocalJacobian
from matderiv.errors import InputError
from matderiv.handout.document import Document
from matderiv.handout.formats import write_text
from matderiv.handout.jacobian import compose_jacobian

__all__ = ["Jacobian", "jacobian"]


@dataclass(frozen=True, slots=True, repr=False)
class Jacobian:
    """The Jacobian ∂Y/∂X of an array by an input: its size, structure and, if small, itself."""

    found: ArrayTask
    dtype: str
    size: JacobianSize

    @checked()
    def document(self, lang: str = "en", show: Show = None) -> Document:
        """The page about it. `show` writes the Jacobian out, so much of it; see `derive`.

        Raises:
            InputError: no such language, or the Jacobian is too large to be written out.
            ProofError: its entries or its structure are not proved.
        """
        size = self.size
        if show is not None and size.count > MOST_SHOWN:
            raise InputError(
                f"The Jacobian is {size.rows:,}×{size.cols:,}; at most {MOST_SHOWN:,} entries can "
                "be written out. Leave --show away, or choose smaller sizes."
            )
        most = max(size.rows, size.cols) if show == "all" else show
        return compose_jacobian(self.found, self.dtype, most, lang)

    @checked()
    def print(self, form: str = "text", lang: str = "en", show: Show = None) -> str:
        """The page as text, LaTeX or Markdown."""
        return write_text(self.document(lang, show), form)

    def __repr__(self) -> str:
        """Of what, and how large."""
        size = self.size
        return f"<Jacobian of {self.found.of} by {self.found.wrt}, {size.rows}×{size.cols}>"


@checked(wrt=NAME)
def jacobian(
    program: str = DEFAULT_PROGRAM,
    *,
    wrt: str | None = None,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    dtype: str = "float32",
) -> Jacobian:
    """∂vec(Y)/∂vec(X): all partial derivatives of the array that a program ends in.

    If the program ends in a loss, Y is the last array that it is computed from. Of Y = X·W the
    Jacobian is I_N ⊗ Wᵀ, with (N·M)·(N·D) entries of which at most N·D·M are not 0.

    Shapes:
        As in `derive`; nothing of that size is built. Rows are the entries of Y, columns those of
        X (numerator layout), both arrays read row by row.

    Raises:
        InputError: the input cannot be read, or `dtype` is no known type of numbers.
        UnsupportedError: `wrt` is assumed to have a structure; other inputs may have one.

    Source:
        Magnus and Neudecker, Matrix Differential Calculus, ch. 2 (vec and Kronecker products).

    >>> jacobian(sizes={"N": 64, "D": 4096, "M": 4096}).size.memory == 256 * 1024**3
    True
    """
    found = read_array(program, wrt, sizes=sizes, shapes=shapes, assume=assume)
    return Jacobian(found, dtype, LocalJacobian(found.task, found.of, found.wrt).size(dtype))
