"""Programs as code that runs: the cells of a notebook, and formulas in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import sympy as sp

from matderiv.calculus.elementwise import domain, to_node
from matderiv.calculus.problem import Elementwise, Opaque, Problem
from matderiv.calculus.scalars import entry
from matderiv.calculus.series import Array
from matderiv.derivation.links import Derivation
from matderiv.derivation.sides import matrix_of
from matderiv.errors import InputError
from matderiv.expression.nodes import Apply, Multiply, Name, Node, walk
from matderiv.expression.shapes import Dim, Shape, infer
from matderiv.expression.source import source
from matderiv.expression.vocabulary import ELEMENTWISE

__all__ = [
    "IMPORTS",
    "check_code",
    "derive_code",
    "display_code",
    "program_code",
    "sizes_code",
    "upstream_source",
]

#: Known functions that NumPy has not.
_DEFINED = {
    "sigmoid": "def sigmoid(y):\n    return 1 / (1 + np.exp(-y))",
    "relu": "def relu(y):\n    return np.maximum(0, y)",
    "step": "def step(y):\n    return np.where(y > 0, 1.0, 0.0)",
}

#: What stands in for an undefined function and for its derivative: log(1 + exp(y)).
_STAND_IN = """def {f}(y):
    return np.log1p(np.exp(y))


def d{f}(y):
    return 1 / (1 + np.exp(-y))"""

#: What stands in for an undefined loss of a whole matrix: the root of the sum of squares.
_LOSS_STAND_IN = """def {f}(A):
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


IMPORTS = "import numpy as np\nfrom IPython.display import Markdown\n\nimport matderiv\n\n"


def derive_code(derivation: Derivation) -> str:
    """The imports of all cells, and the call that derives this very derivation."""
    call = _derive(derivation, lambda dim: str(dim.size))
    return f"{IMPORTS}{call}\nderivation.formulas"


def _derive(derivation: Derivation, written: Callable[[Dim], str]) -> str:
    """The call; `written` says whether a size is a number or its letter."""
    problem = derivation.problem
    sizes = (f'"{key}": {written(dim)}' for key, dim in zip("NDM", problem.dims, strict=True))
    words = [f'    "{problem.program.source()}",', f"    sizes={{{', '.join(sizes)}}},"]
    if derivation.wrt != problem.factors:
        names = ", ".join(f'"{name}"' for name in derivation.wrt)
        words.append(f"    wrt=[{names}],")
    shapes = [
        f'"{name}": ({", ".join(map(written, shape))})' for name, shape in _fixed(problem).items()
    ]
    if shapes:
        words.append(f"    shapes={{{', '.join(shapes)}}},")
    return "\n".join(["derivation = matderiv.derive(", *words, ")"])


def _fixed(problem: Problem) -> dict[str, Shape]:
    """The shapes of all inputs, if they do not follow from the sizes N, D and M alone."""
    sizes = {key: dim.size for key, dim in zip("NDM", problem.dims, strict=True)}
    try:
        follow = infer(problem.program, sizes=sizes) == problem.shapes
    except InputError:
        follow = False
    return {} if follow else {name: problem.shapes[name] for name in problem.program.inputs()}


def program_code(derivation: Derivation) -> str:
    """The call that derives a whole program, the shape of every input declared."""
    task = derivation.task
    shapes = {name: tuple(dim.size for dim in task.shapes[name]) for name in task.program.inputs()}
    words = [f"{name!r}: {shape}" for name, shape in shapes.items()]
    assumed = [f"    assume={dict(task.assumed)},"] if task.assumed else []
    method = [f"    method={task.method!r},"] if task.method != "elementwise" else []
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


def sizes_code(derivation: Derivation, sizes: tuple[int, int, int]) -> str:
    """Sizes to be changed by a reader, and the derivation at them."""
    letters = ", ".join(dim.symbol for dim in derivation.problem.dims)
    numbers = ", ".join(map(str, sizes))
    return f"{letters} = {numbers}\n{_derive(derivation, lambda dim: dim.symbol)}"


def check_code(derivation: Derivation) -> str:
    """The printed formulas in NumPy against central differences, at the sizes chosen before."""
    problem = derivation.problem
    program = problem.program
    inputs = [name for name in program.inputs() if problem.shapes[name]]
    used = program.functions() | {
        node.function for node in walk(_upstream(derivation)) if isinstance(node, Apply)
    }
    value = [
        f"def {program.loss.name}_of({', '.join(inputs)}):",
        *(f"    {a.name} = {source(a.value)}" for a in program.assignments),
        f"    return {program.loss.name}",
    ]
    definitions = [
        "\n".join(_given(problem, used)),
        *_functions(used),
        "\n".join(value),
        _DIFFERENCES,
    ]
    work = [*_formulas(derivation), "", *_comparisons(derivation, inputs)]
    return "\n\n\n".join([*definitions, "\n".join(work)])


def _given(problem: Problem, used: frozenset[str]) -> Iterator[str]:
    """Functions of NumPy by their names, and random inputs where f is differentiable."""
    known = sorted(used & set(ELEMENTWISE) - set(_DEFINED))
    yield f"from numpy import {', '.join([*known, 'sum'])}"
    yield ""
    yield "rng = np.random.default_rng(0)"
    head = problem.head
    positive = (
        isinstance(head, Elementwise)
        and head.body is not None
        and bool(domain(head.body, head.variable))
    )
    for name in problem.program.inputs():
        shape = problem.shapes[name]
        if not shape:
            yield f"{name} = 0.5"
            continue
        letters = ", ".join(dim.symbol for dim in shape)
        how = "uniform(0.5, 1.5, " if positive else "normal("
        yield f"{name} = rng.{how}size=({letters}))"


def _functions(used: frozenset[str]) -> Iterator[str]:
    """Definitions of the functions that NumPy does not know, an example for an undefined one."""
    for name in sorted(used):
        if name in _DEFINED:
            yield _DEFINED[name]
        elif name not in ELEMENTWISE and name[1:] not in used:  # df stands beside f
            yield (_LOSS_STAND_IN if name[0].isupper() else _STAND_IN).format(f=name)


def _formulas(derivation: Derivation) -> Iterator[str]:
    problem = derivation.problem
    yield f"{problem.name} = {source(problem.product.value)}"
    yield f"d{problem.name} = {upstream_source(derivation)}"
    yield from (f"d{name} = {formula}" for name, formula in derivation.formulas.items())


def _comparisons(derivation: Derivation, inputs: list[str]) -> Iterator[str]:
    loss = derivation.problem.program.loss.name
    for name in derivation.wrt:
        call = f"lambda {name}: {loss}_of({', '.join(inputs)})"
        yield f"difference = d{name} - central_differences({call}, {name})"
        yield f'print("d{name}", np.abs(difference).max())'


def upstream_source(derivation: Derivation) -> str:
    """∂L/∂Y in NumPy: the last side of its chain, entry by entry.

    >>> from matderiv.api import derive
    >>> upstream_source(derive("sum(exp(2*(X @ W)))"))
    '2*exp(2*Y)'
    """
    return source(_upstream(derivation))


def _upstream(derivation: Derivation) -> Node:
    problem, head = derivation.problem, derivation.problem.head
    matrix = Name(problem.name)
    if isinstance(head, Opaque):
        return Apply(f"d{head.function}", matrix)
    if head.body is None:
        rate = Apply(f"d{head.function}", matrix)
        if head.coefficient == 1:
            return rate
        return Multiply(to_node(head.coefficient, head.variable, matrix), rate)
    step = next(step for step in derivation.steps if step.kind == "upstream")
    last = matrix_of(step.chains[-1].sides[-1], problem)
    assert isinstance(last, Array)
    entry_rate = last.at(1, 1)
    assert isinstance(entry_rate, sp.Expr)
    return to_node(entry_rate, entry(problem.name, 1, 1), matrix)
