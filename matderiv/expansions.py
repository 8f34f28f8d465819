"""The Python interface to Taylor polynomials: derivatives of a number along a direction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from math import factorial
from typing import TYPE_CHECKING, Any

from matderiv.arguments import NAME, checked
from matderiv.array_derivatives import TIMES, asked_for
from matderiv.array_questions import answer_at, array_program
from matderiv.array_results import ArrayDerivative
from matderiv.calculus.formulas.runnable import size_lines
from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression._names import tell_apart
from matderiv.expression.program import Assignment, Program
from matderiv.tracing import ProgramLike

if TYPE_CHECKING:
    import numpy.typing as npt

    from matderiv.expression.numeric import Array

__all__ = ["Taylor", "taylor"]

_MOST = 6  # derivatives


@dataclass(frozen=True, eq=False)
class Taylor:
    """L(X + εV) up to a power of ε: each of the `terms` is the derivative of the one before.

    They go by the `names` D1, D2 …, in which later ones may be written. Where one is 0, so are
    all later ones, which are left out: the polynomial is then `exact`.

    >>> print(taylor("a @ x", wrt="x"))
    # L(x + eps*v) = L + eps*D1
    D1 = v @ a
    """

    terms: tuple[ArrayDerivative, ...]
    names: tuple[str, ...]
    exact: bool = False

    @property
    def loss(self) -> str:
        """The name of the number."""
        return self.terms[0].program.loss.name

    @property
    def wrt(self) -> str:
        """The name of the input that moves."""
        return self.terms[0].wrt[0]

    @property
    def direction(self) -> str:
        """The name of the direction."""
        return self.terms[0].asked.direction

    @property
    def lines(self) -> dict[str, str]:
        """The derivatives, to be worked out in this order after the program.

        >>> taylor("sum((X @ w - y)**2)", wrt="w", order=3).lines
        {'D1': '2*(v @ (X.T @ (X @ w - y)))', 'D2': '2*(v @ (X.T @ (X @ v)))'}
        """
        first = self.terms[0]
        parts = [part for term in self.terms for part in term.written.parts]
        sizes = size_lines(first.program, first.shapes, first.declared, parts)
        formulas = (term.formula for term in self.terms)
        return sizes | dict(zip(self.names, formulas, strict=True))

    @property
    def polynomial(self) -> str:
        """The equation that the names stand in.

        >>> taylor("sum(x**2)", wrt="x", order=4).polynomial
        'L(x + eps*v) = L + eps*D1 + eps**2/2*D2'
        """
        made = [self.loss]
        for n, name in enumerate(self.names, 1):
            power = "eps" if n == 1 else f"eps**{n}/{factorial(n)}"
            made.append(f"{power}*{name}")
        if not self.exact:
            made.append(f"O(eps**{len(self.names) + 1})")
        return f"{self.loss}({self.wrt} + eps*{self.direction}) = {' + '.join(made)}"

    @property
    def proof(self) -> str:
        """For which sizes every derivative is proved to be that of the one before."""
        every = all(term.verdict.index for term in self.terms)
        return "for all sizes" if every else "at these sizes, entry by entry"

    def latex(self) -> str:
        """The same as equations in LaTeX, one below the other.

        Raises:
            InputError: two names cannot be told apart in print.
        """
        from matderiv.notation.expansions import taylor_latex

        first = self.terms[0]
        tell_apart(first.program, {name: len(shape) for name, shape in first.shapes.items()})
        pairs = zip(self.names, (term.answer for term in self.terms), strict=True)
        moves = (self.loss, self.wrt, self.direction)
        return taylor_latex(moves, tuple(pairs), exact=self.exact)

    @checked()
    def code(self, target: str = "numpy") -> str:
        """The source text of a function for each derivative, for NumPy, torch, JAX or SymPy.

        Raises:
            InputError: there is no such target, or it has no words for a formula.
        """
        from matderiv.notation.code import Wanted, gradient_code

        inputs = tuple(dict.fromkeys((*self.terms[0].program.inputs(), self.direction)))
        made = []
        for name, term in zip(self.names, self.terms, strict=True):
            words = f"a derivative in {self.polynomial}"
            wanted = Wanted(f"taylor_{name}", name, words, term.program, inputs)
            answer = term.answer
            made.append(
                gradient_code(answer.sweep, {answer.name: answer.node}, target, wanted=wanted)
            )
        if target == "sympy":
            return "\n".join(made)
        heads, bodies = zip(*(text.split("\n\n\n", 1) for text in made), strict=True)
        imports = dict.fromkeys(line for head in heads for line in head.splitlines())
        return "\n\n\n".join(("\n".join(imports), *(body.rstrip("\n") for body in bodies))) + "\n"

    @checked()
    def __call__(
        self,
        *,
        functions: Mapping[str, Callable[[Any], Any]] | None = None,
        **arrays: npt.ArrayLike,
    ) -> tuple[Array, ...]:
        """The values of the derivatives at arrays; the direction is one of them.

        Raises:
            InputError: something is missing, unknown, or of a shape that does not fit.

        >>> [float(value) for value in taylor("sum(x**2)", wrt="x")(x=[1, 2], v=[1, 0])]
        [2.0, 2.0]
        """
        return tuple(term(functions=functions, **arrays) for term in self.terms)

    def __str__(self) -> str:
        """The polynomial and its derivatives."""
        lines = (f"{name} = {formula}" for name, formula in self.lines.items())
        return "\n".join((f"# {self.polynomial}", *lines))

    def __repr__(self) -> str:
        """The polynomial, and for which sizes its derivatives are proved."""
        return f"<{self.polynomial}, proved {self.proof}>"


@checked(TIMES, wrt=NAME, direction=NAME)
def taylor(
    program: ProgramLike,
    *,
    wrt: str | None = None,
    order: int = 2,
    direction: str | None = None,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
) -> Taylor:
    """L(X + εV) = Σ εᵏ/k!·Dₖ up to an order: Dₖ is the derivative of Dₖ₋₁ along V, and D₀ is L.

    It holds near points at which L is smooth.

    Shapes:
        The `direction` V has the shape of X; every Dₖ is a number.

    Raises:
        InputError: the program does not end in a number, `wrt` is no input, the direction is no
            name for it, or the order is more than 6.
        ProofError: a formula is not proved.

    >>> print(taylor("sum((X @ w - y)**2)", wrt="w"))
    # L(w + eps*v) = L + eps*D1 + eps**2/2*D2 + O(eps**3)
    D1 = 2*(v @ (X.T @ (X @ w - y)))
    D2 = 2*(v @ (X.T @ (X @ v)))
    """
    if not 1 <= order <= _MOST:
        raise InputError(f"The order is {order}; it is a whole number from 1 to {_MOST}.")
    first = asked_for(
        "jvp", program, wrt, sizes=sizes, shapes=shapes, assume=assume, direction=direction
    )
    if first.shapes[first.program.loss.name]:
        raise InputError(
            "The program ends in an array; a Taylor polynomial is of a number, such as a sum."
        )
    free = array_program(first.program, first.shapes, {})
    terms, names = [first], [free.free("D1", "E1", "T1")]
    while len(terms) < order and terms[-1].answer.node != nodes.ZERO:
        names.append(free.free(*(f"{letter}{len(terms) + 1}" for letter in "DET")))
        terms.append(_next(terms[-1], names[-2]))
    exact = terms[-1].answer.node == nodes.ZERO
    if exact and len(terms) > 1:
        terms.pop()
        names.pop()
    return Taylor(tuple(terms), tuple(names), exact)


def _next(term: ArrayDerivative, name: str) -> ArrayDerivative:
    """The derivative of a derivative that goes by a name."""
    asked, wrt = term.asked, term.wrt[0]
    program = Program(
        (*term.program.assignments, Assignment(name, term.answer.node)), term.program.assumed
    )
    shapes = {**term.shapes, asked.direction: term.shapes[wrt], name: ()}
    more = replace(asked, program=program)
    return replace(term, asked=more, shapes=shapes, answer=answer_at(more, shapes))
