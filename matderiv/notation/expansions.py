"""Taylor polynomials in LaTeX."""

from __future__ import annotations

from math import factorial

from matderiv.calculus.sweep.array_derivatives import Found
from matderiv.notation.array_forms import formulas_of
from matderiv.notation.boxes import (
    Box,
    Fraction,
    NumberBox,
    Row,
    Scripts,
    Symbol,
    Terms,
)
from matderiv.notation.latex import latex
from matderiv.notation.names import fenced, name_box

__all__ = ["taylor_latex"]

_EPS = Symbol("varepsilon", greek=True)


def taylor_latex(
    moves: tuple[str, str, str], terms: tuple[tuple[str, Found], ...], *, exact: bool
) -> str:
    """L(x + εv) = L + εD₁ + …, and what each derivative is; `moves` are the names of L, x and v."""
    of, wrt, direction = map(name_box, moves)
    moved = fenced(Terms((("+", wrt), ("+", Row((_EPS, direction))))))
    summands: list[Box] = [of]
    for n, (name, _) in enumerate(terms, 1):
        power = _EPS if n == 1 else Fraction(_power(n), NumberBox(str(factorial(n))))
        summands.append(Row((power, name_box(name))))
    if not exact:
        summands.append(Row((Symbol("O"), fenced(_power(len(terms) + 1)))))
    total = Terms(tuple(("+", box) for box in summands))
    rows: list[tuple[Box, Box]] = [(Row((of, moved)), total)]
    for name, found in terms:
        rows.append((name_box(name), formulas_of(found, moves[0]).node(found.node)))
    lines = (f"{latex(left)} & = {latex(right)}" for left, right in rows)
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}\n"


def _power(n: int) -> Box:
    return Scripts(_EPS, sup=NumberBox(str(n)))
