"""`gradient` and `derive` never disagree: what one proves, the other proves."""

from __future__ import annotations

import pytest
from _gradient_table import Gradient, sized, table
from _thorough import THOROUGH, usually

import matderiv
from matderiv.calculus.sweep.task import read_task
from matderiv.derivation.program import build_program
from matderiv.errors import MatderivError

#: Numbers for the letters of sizes, all different.
SIZES = (3, 2, 4, 5)


def asked(gradient: Gradient, number: int) -> list[dict[str, str]]:
    """What is assumed: as the table says, and beside it a structure of a square matrix by turns.

    In a thorough run, each of them.
    """
    dims = gradient.shapes[gradient.wrt].split()
    square = len(dims) == 2 and dims[0] == dims[1]
    turn = number % len(_OWN)
    kinds = _OWN if THOROUGH else _OWN[turn : turn + 1]
    kinds = kinds if square else ()
    found = [dict(gradient.assume), *({**gradient.assume, gradient.wrt: kind} for kind in kinds)]
    return [one for number, one in enumerate(found) if one not in found[:number]]


#: Structures by whose own entries a gradient is taken.
_OWN = ("symmetric", "diagonal")

CASES = [
    pytest.param(gradient, assume, id=f"{gradient.id}, {assume}" if assume else gradient.id)
    for number, gradient in enumerate(table())
    for assume in asked(gradient, number)
]


def test_every_kind_of_assumption_is_among_them() -> None:
    """The whole table is asked, and every structure about many square matrices of it."""
    assumed = [tuple(case.values[1].values()) for case in CASES]  # type: ignore[union-attr]
    assert len(CASES) >= usually(180, thoroughly=230)
    least = usually(12, thoroughly=30)
    assert all(sum(kind in some for some in assumed) >= least for kind in _OWN)


@pytest.mark.parametrize(("gradient", "assume"), CASES)
def test_both_prove_the_same(gradient: Gradient, assume: dict[str, str]) -> None:
    """Both give one formula, or neither gives any."""
    sizes = gradient.sizes(SIZES)
    program = sized(gradient.program, sizes)
    shapes = {name: gradient.shape(name, sizes) for name in gradient.shapes}
    wrt = gradient.wrt
    try:
        found = str(matderiv.gradient(program, wrt=wrt, shapes=shapes, assume=assume))
    except MatderivError:
        with pytest.raises(MatderivError):
            matderiv.derive(program, wrt=wrt, shapes=shapes, assume=assume)
        return
    task = read_task(program, (wrt,), shapes=shapes, assume=assume)
    derivation = build_program(task, (wrt,))  # without what SymPy says of it, which takes longer
    assert derivation.formulas == {wrt: found}
    assert all(link.verdict.status == "equal" for link in derivation.links)
