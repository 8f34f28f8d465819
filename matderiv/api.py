"""The Python interface: `derive` and the derivation it returns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from matderiv._budget import PAGE_WORK, stage
from matderiv._collector import uncollected
from matderiv.arguments import checked
from matderiv.calculus.sweep.second import second_opinion_on
from matderiv.calculus.sweep.task import read_task
from matderiv.derivation import links
from matderiv.derivation.closeup import build_close_up
from matderiv.derivation.methods.table import METHODS, method_for
from matderiv.derivation.program import build_program
from matderiv.expression.vocabulary import DEFAULT_PROGRAM
from matderiv.handout.document import Document
from matderiv.handout.formats import write_text
from matderiv.handout.lengths import Length, compose_length, read_length
from matderiv.handout.program import compose_program
from matderiv.handout.readings import reading_texts
from matderiv.handout.restyled import in_notation, style_of
from matderiv.notation.gradients import displayed
from matderiv.notation.shown import MOST_SHOWN, Show, shown
from matderiv.tracing import ProgramLike, program_text

if TYPE_CHECKING:
    from matderiv.handouts import Handout

__all__ = [
    "DEFAULT_PROGRAM",
    "MOST_SHOWN",
    "Derivation",
    "Show",
    "board",
    "derive",
    "shown",
]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Derivation(links.ProvedSteps):
    """A derivation that prints itself, and shows itself in Jupyter."""

    @property
    def readings(self) -> tuple[str, ...]:
        """How the program was read where another reading fits as well, in sentences.

        >>> derive("L = sum(f(X/d))").readings
        ('X is read as a matrix.', 'd is read as a number; --shape d=3 declares it otherwise.')
        """
        return reading_texts(self.task.readings, shapes_stand=True)

    @checked()
    def document(
        self,
        lang: str = "en",
        show: Show = None,
        length: Length = "full",
        notation: str | None = None,
        mono: bool = False,  # noqa: FBT001, FBT002 - as in the command line
    ) -> Document:
        """The document of the derivation in a language.

        `show` is how many rows, columns and terms are shown of long ones, or "all". The `length`
        is "full", every step; "short", the steps that teach something; "board", the derivation as
        it is written on a board; or "card", one page of formulas, rules and code. The `notation`
        is some of these words with commas between them: "prime" or "top" for transposes, "bold"
        for arrays, "nabla" or "bar" for gradients. A page that is `mono` has no colours.

        Raises:
            InputError: no such language or notation, or `show` asks for more than a page can hold.
        """
        known = read_length(length)
        compose = compose_program if known == "full" else partial(compose_length, length=known)
        found = compose(self, lang, shown(self.task, show))
        return in_notation(found, style_of(self.task, notation), mono=mono)

    @checked()
    def handout(
        self,
        *,
        lang: str = "en",
        title: str | None = None,
        author: str = "",
        show: Show = None,
        exercises: int = 0,
        seed: int = 0,
        answers: Literal["none", "end", "separate"] = "end",
        length: Length | None = None,
        jacobian: bool = True,
        notation: str | None = None,
        mono: bool = False,
    ) -> Handout:
        """The handout of the derivation: problem, formulas, steps, proof, figures, exercises.

        `title` replaces the usual one; `exercises` are drawn from `seed`, and their answers stand
        at the end, in a document of their own ("separate") or nowhere ("none"). `lang`, `show`,
        `length`, `notation` and `mono` are as in `document`; by default the handout of a single
        product is full, and that of any other program short. Without `jacobian` a full one has no
        appendix on the Jacobian.

        Raises:
            InputError: as in `document`, or an argument cannot be used as it stands.

        >>> handout = derive(sizes={"N": 2, "D": 4, "M": 3}).handout(title="Why the transpose?")
        >>> handout.write("md").splitlines()[0]
        '# Why the transpose?'
        """
        from matderiv.handouts import Wishes, make

        wishes = Wishes(
            lang,
            title,
            author,
            show,
            exercises,
            seed,
            answers,
            length,
            jacobian,
            notation,
            mono,
        )
        with uncollected():
            return make(self, wishes, shown(self.task, show))

    @checked()
    def latex(
        self,
        lang: str = "en",
        show: Show = None,
        length: Length = "full",
        notation: str | None = None,
    ) -> str:
        """The derivation as a LaTeX fragment; see `document`."""
        with uncollected():
            return write_text(self.document(lang, show, length, notation), "latex")

    @checked()
    def markdown(
        self,
        lang: str = "en",
        show: Show = None,
        length: Length = "full",
        notation: str | None = None,
    ) -> str:
        """The derivation as Markdown; see `document`."""
        with uncollected():
            return write_text(self.document(lang, show, length, notation), "markdown")

    def json(self) -> str:
        """The derivation as a certificate that others can check; see the README."""
        with uncollected():
            from matderiv.handout.certificate import certificate

            return certificate(self)

    def __repr__(self) -> str:
        """Which gradients, and how many steps lead to them."""
        names = ", ".join(f"d{name}" for name in self.wrt)
        return f"<Derivation of {names} of {self.task.loss} in {len(self.steps)} steps, proved>"

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def _repr_latex_(self) -> str | None:
        formulas = {name: self.answer(name) for name in self.wrt}
        return displayed(self.task.sweep, formulas, self.readings)


@checked(PAGE_WORK)
def derive(
    program: ProgramLike = DEFAULT_PROGRAM,
    *,
    wrt: str | Iterable[str] | None = None,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    convention: str | None = None,
    method: str | None = None,
    rename: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
) -> Derivation:
    r"""The gradients of a program's scalar loss: derived step by step, every = proved.

    Shapes:
        The first product of the program is of (N, D) by (D, M); N, D, M are 2, 4, 3 unless
        `sizes` gives others, and `shapes` declares the shape of any name. `wrt` defaults to
        every input that is an array, but for targets, labels and masks by their names and uses,
        such as T in X @ W - T; the readings say so. `assume` and `convention` are as in `gradient`.

    `method` is the way to the formulas: "elementwise", "index" (notation), "differential" (and
    traces), "slice" (inner products with each ∂Y/∂x_pq) or "kronecker" (products and vec). All
    end in the same formulas. It is "elementwise" unless one is asked for, and "index" where an
    array has more than two dimensions, which the last three methods do not write. `rename` says
    what names of the program are called on the page, such as {"W": r"\Theta"}.

    Raises:
        InputError: the input cannot be read or is not supported; nothing is guessed.
        ProofError: a link is not proved.

    Source:
        Any text on backpropagation; here it is derived, not quoted.

    >>> derivation = derive("Y = X @ W; L = sum(f(Y))", sizes={"N": 3})
    >>> derivation.formulas
    {'X': 'dY @ W.T', 'W': 'X.T @ dY'}
    >>> derive("L = sum((X @ W - T)**2) + lam*sum(W**2)", wrt="W").formulas
    {'W': '2*(X.T @ (X @ W - T) + lam*W)'}
    """
    names = None if wrt is None else (wrt,) if isinstance(wrt, str) else tuple(wrt)
    with uncollected():
        task = read_task(
            program_text(program),
            names,
            sizes=sizes,
            shapes=shapes,
            assume=assume,
            convention=convention,
            scalar=True,
            roles=True,
            rename=rename,
        )
        method = method_for(task, method)
        task = replace(task, method=method)
        if method == "elementwise":
            made = build_close_up(task, task.wrt)
        else:
            made = build_program(task, task.wrt, route=METHODS[method])
        stage("what SymPy finds on its own")
        second = second_opinion_on(task)
    return Derivation(task, task.wrt, made.steps, made.close, second)


@checked(PAGE_WORK)
def board(
    program: str = DEFAULT_PROGRAM,
    *,
    wrt: str | Iterable[str] | None = None,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    convention: str | None = None,
    rename: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    lang: str = "en",
    notation: str | None = None,
    colours: bool = False,
) -> str:
    r"""The derivation as it is written on a board, in lines of 80 columns; every line is proved.

    Shapes:
        As in `derive`, as are the other arguments. With `colours`, a terminal shows each array in
        one of its own.

    Raises:
        InputError: the input cannot be read or is not supported; nothing is guessed.
        ProofError: a line is not proved.

    >>> print(board("L = sum((X @ W - T)**2)", wrt="W").split("\n\n")[1])
         dL = 2tr((XW - T)ᵀX dW)                                          power rule
            = tr((2Xᵀ(XW - T))ᵀ dW)                    (AB)ᵀ = BᵀAᵀ; terms collected
    ⇒ ∂L/∂W = 2Xᵀ(XW - T)                                    read off dL = tr(Gᵀ dW)
    """
    names = None if wrt is None else (wrt,) if isinstance(wrt, str) else tuple(wrt)
    with uncollected():
        from matderiv.handout.board import terminal_board

        task = read_task(
            program,
            names,
            sizes=sizes,
            shapes=shapes,
            assume=assume,
            convention=convention,
            scalar=True,
            roles=True,
            rename=rename,
        )
        return terminal_board(task, lang, notation, colours=colours)
