"""Programs as code that runs: the cells of a notebook."""

from __future__ import annotations

from matderiv.derivation.links import Derivation

__all__ = ["IMPORTS", "display_code", "program_code"]

IMPORTS = "import numpy as np\nfrom IPython.display import Markdown\n\nimport matderiv\n\n"


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
