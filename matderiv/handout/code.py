"""Programs as code that runs: the cells of a notebook."""

from __future__ import annotations

import re
from collections.abc import Mapping

from matderiv.calculus.sweep.task import Task
from matderiv.derivation.links import ProvedSteps
from matderiv.derivation.methods.table import usual_method
from matderiv.errors import UnsupportedError
from matderiv.expression.nodes import Apply, Functional, Name, walk
from matderiv.expression.vocabulary import KNOWN
from matderiv.notation.code import gradient_code

__all__ = ["IMPORTS", "check_code", "display_code", "program_code", "undefined"]

_DOCSTRING = re.compile(r' *""".*?"""\n', re.DOTALL)

IMPORTS = "import numpy as np\nfrom IPython.display import Markdown\n\nimport matderiv\n\n"


def program_code(derivation: ProvedSteps) -> str:
    """The call that derives a whole program, the shape of every input declared."""
    task = derivation.task
    shapes = {name: tuple(dim.size for dim in task.shapes[name]) for name in task.program.inputs()}
    words = [f"{name!r}: {shape}" for name, shape in shapes.items()]
    assumed = [f"    assume={dict(task.assumed)},"] if task.assumed else []
    if task.convention != "entries":
        assumed.append(f"    convention={task.convention!r},")
    method = [f"    method={task.method!r},"] if task.method != usual_method(task) else []
    return "\n".join(
        [
            "derivation = matderiv.derive(",
            f'    "{task.program.source()}",',
            f"    wrt={list(derivation.wrt)},",
            "    shapes={",
            *(f"        {word}," for word in words),
            "    },",
            *assumed,
            *method,
            ")",
        ]
    ).replace("'", '"')


def display_code(language: str) -> str:
    """The page of the derivation as a cell's output."""
    return f'Markdown(derivation.markdown(lang="{language}"))'


#: An example of an undefined function, and its derivative: log(1 + exp(y)).
_STAND_IN = """def {f}(y):
    return np.log1p(np.exp(y))


def d{f}(y):
    return 1 / (1 + np.exp(-y))"""

#: An example of an undefined function of a whole array: the root of the sum of squares.
_ARRAY_STAND_IN = """def {f}(A):
    return np.sqrt(np.sum(A**2))


def d{f}(A):
    return A / {f}(A)"""

_DIFFERENCES = """def central_differences(function, A, h=1e-6):
    gradient = np.zeros_like(A)
    for place in np.ndindex(A.shape):
        step_there = np.zeros_like(A)
        step_there[place] = h
        gradient[place] = (function(A + step_there) - function(A - step_there)) / (2 * h)
    return gradient"""


def check_code(derivation: ProvedSteps) -> str | None:
    """The printed formulas in NumPy against central differences of the loss.

    None for inputs with a structure, whose entries cannot be moved one by one, for what NumPy has
    no words for, and for undefined functions whose values are arrays.
    """
    task = derivation.task
    sweep = task.sweep
    name = sweep.graph.result
    if task.assumed or any(
        isinstance(part, Functional) and part.sizes
        for assignment in task.program.assignments
        for part in walk(assignment.value)
    ):
        return None
    try:
        loss = gradient_code(sweep, {name: Name(name)}, "numpy")
        formulas = {n: sweep.gradients[n].formula for n in derivation.wrt}
        gradient = gradient_code(sweep, formulas, "numpy")
    except UnsupportedError:
        return None
    value = _DOCSTRING.sub("", loss, count=1).replace("def gradient(", "def loss_of(", 1)
    parts = [*map(_stand_in, undefined(derivation)), value, gradient, _DIFFERENCES]
    body = "\n\n\n".join(part.removeprefix("import numpy as np").strip() for part in parts)
    inputs = ", ".join(_drawn(task, n) for n in task.program.inputs())
    names = "".join(f'"{n}", ' for n in derivation.wrt)
    found = f"gradient(*inputs.values(){_given(gradient, task.sizes)})"
    found = found if len(derivation.wrt) > 1 else f"[{found}]"
    return f"""{body}


rng = np.random.default_rng(0)
inputs = {{{inputs}}}
for name, found in zip([{names.removesuffix(", ")}], {found}):
    def moved(A):
        return loss_of(*(inputs | {{name: A}}).values(){_given(value, task.sizes)})

    difference = central_differences(moved, inputs[name]) - found
    print(f"d{{name}}", np.max(np.abs(difference)))"""


def undefined(derivation: ProvedSteps) -> list[tuple[str, bool]]:
    """The undefined functions of a program, each with whether it is of a whole array."""
    values = [a.value for a in derivation.task.program.assignments]
    parts = [n for value in values for n in walk(value) if isinstance(n, Apply | Functional)]
    found = {n.function: isinstance(n, Functional) for n in parts if n.function not in KNOWN}
    return sorted(found.items())


def _stand_in(function: tuple[str, bool]) -> str:
    name, of_array = function
    return (_ARRAY_STAND_IN if of_array else _STAND_IN).format(f=name)


def _drawn(task: Task, name: str) -> str:
    """An input with random entries, positive so that roots and logarithms exist."""
    sizes = tuple(dim.size for dim in task.shapes[name])
    return f'"{name}": np.asarray(rng.uniform(0.5, 1.5, {sizes}))'


def _given(text: str, sizes: Mapping[str, int]) -> str:
    """The sizes and functions that a function of the inputs is given as keywords."""
    head = re.search(r"^def (?:gradient|loss_of)\((.*)\):$", text, re.MULTILINE)
    assert head is not None
    inputs, _, names = head[1].partition("*, ")
    letters = [f", {name}={sizes[name]}" for name in inputs.split(", ") if name in sizes]
    return "".join([*letters, *(f", {name}={name}" for name in names.split(", ") if name)])
