"""The formula that a name of the language stands for, and its gradients."""

from __future__ import annotations

from matderiv.errors import InputError, MatderivError
from matderiv.expression import nodes
from matderiv.expression.foreign import elsewhere, instead_of_name
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.libraries import CALLS
from matderiv.expression.operations import OPERATIONS
from matderiv.expression.parse import parse
from matderiv.expression.shapes import infer
from matderiv.expression.source import source
from matderiv.expression.vocabulary import KNOWN, did_you_mean
from matderiv.gradients import gradient, printed

__all__ = ["explanation"]


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
    value = parse(call).loss.value
    written = source(value)
    program, head = f"L = {call}", f"  L = {written}"
    try:
        infer(parse(program), scalar=True)
    except MatderivError:
        result = "Y" if not {"Y", "dY"} & nodes.names_in(value) else "Z"
        program, head = f"{result} = {call}; L = Loss({result})", f"  {result} = {written}"
    lines = (
        [f"{call} stands for", head] if written != call else [f"{call} is of the language itself"]
    )
    if name in FUNCTIONS and FUNCTIONS[name].definition:
        lines[0] = f"{call} is {FUNCTIONS[name].definition} of each entry u"
    if not nodes.names_in(value):
        return lines[0]
    found = gradient(program, wrt=list(parse(call).inputs()))
    formulas = (f"  {line}" for line in printed(found).splitlines() if line[0] != "#")
    return "\n".join((*lines, "and its gradients are", *formulas))
