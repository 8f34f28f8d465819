"""The formula that a name of the language stands for, and its gradients."""

from __future__ import annotations

from matderiv.errors import InputError, MatderivError, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.assumptions import read_shaped
from matderiv.expression.foreign import elsewhere, instead_of_name
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.known_shapes import labels_of
from matderiv.expression.libraries import CALLS
from matderiv.expression.operations import OPERATIONS
from matderiv.expression.parse import parse
from matderiv.expression.shapes import infer
from matderiv.expression.source import source
from matderiv.expression.vocabulary import KNOWN, did_you_mean
from matderiv.gradients import gradient, printed

__all__ = ["explanation"]

#: Shapes of the operands of functions that not any array fits.
_SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    **{name: {"X": (4, 3, 3)} for name in ("pixel_shuffle", "interpolate", "upsample")},
    "pixel_unshuffle": {"X": (2, 4, 4)},
    **{f"{how}_pool{n}d": {"X": (2, 3, *(4,) * n)} for how in ("avg", "max") for n in (1, 2)},
    "cumsum": {"X": (4,)},
    "multi_head_attention": {"Q": (3, 4), "K": (5, 4), "V": (5, 6)},
}


def explanation(name: str) -> str:
    """The formula that a name stands for, with the gradients by its operands, each proved.

    Raises:
        InputError: the language has no such name.

    >>> print(explanation("mse_loss"))
    mse_loss(Y, T) stands for
      L = mean((Y - T)**2)
    and its gradients are
      N = Y.shape[0]  # N: the rows of Y
      D = Y.shape[1]  # D: the columns of Y
      dY = 2*(Y - T)/(N*D)
      dT = -2*(Y - T)/(N*D)
    """
    read = CALLS.get(name, ())
    if read and (alike := read[0].other_name):
        name = alike
    if name not in KNOWN and not read:
        other = elsewhere(name)
        if other is not None:
            raise InputError(f"{name} is not in the language; {instead_of_name(*other)}.")
        raise InputError(f"The language has no {name}.{did_you_mean(name, KNOWN)}")
    if name in KNOWN:
        call = OPERATIONS[name].example(name)
    else:
        call = f"{name}({', '.join(read[0].operands)})"
    shapes = _SHAPES.get(name)
    value = parse(call, shapes).loss.value
    written = source(value)
    program = f"L = {call}"
    try:
        infer(parse(program, shapes), shapes=shapes, scalar=True)
    except MatderivError:
        result = "Y" if not {"Y", "dY"} & nodes.names_in(value) else "Z"
        program = f"{result} = {call}; L = Loss({result})"
    reading, _, known = read_shaped(program, shapes=shapes)
    head = f"  {reading.assignments[0].name} = {source(reading.assignments[0].value)}"
    lines = (
        [f"{call} stands for", head] if written != call else [f"{call} is of the language itself"]
    )
    if name in FUNCTIONS and FUNCTIONS[name].definition:
        lines[0] = f"{call} is {FUNCTIONS[name].definition} of each entry u"
    if not nodes.names_in(value):
        return lines[0]
    labels = labels_of([one.value for one in reading.assignments], known)
    by = [operand for operand in parse(call, shapes).inputs() if operand not in labels]
    if not by:
        return "\n".join(lines)
    try:
        found = gradient(program, wrt=by, shapes=shapes)
    except UnsupportedError as error:
        return "\n".join((*lines, str(error)))
    formulas = (f"  {line}" for line in printed(found).splitlines() if line[0] != "#")
    return "\n".join((*lines, "and its gradients are", *formulas))
