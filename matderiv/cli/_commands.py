"""The commands, as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

import click

from matderiv._version import __version__

__all__ = ["cli"]

#: The module that makes each command, as NAME_command.
_MADE_IN = {
    "check": "matderiv.cli._check",
    "derive": "matderiv.cli._derive",
    "explain": "matderiv.cli._explain",
    "gradient": "matderiv.cli._gradient",
    "handout": "matderiv.cli._handout",
    "help": "matderiv.cli._help",
    "hessian": "matderiv.cli._second",
    "hvp": "matderiv.cli._second",
    "jacobian": "matderiv.cli._jacobian",
    "jvp": "matderiv.cli._second",
    "show": "matderiv.cli._show",
    "taylor": "matderiv.cli._taylor",
    "vjp": "matderiv.cli._second",
}


class _Commands(Mapping[str, click.Command]):
    """Each command is made once it is asked for: to make them all takes a while."""

    def __getitem__(self, name: str) -> click.Command:
        module = import_module(_MADE_IN[name])
        command: click.Command = getattr(module, f"{name}_command")
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(_MADE_IN)

    def __len__(self) -> int:
        return len(_MADE_IN)


@click.group(commands=_Commands(), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="matderiv")
def cli() -> None:
    """Gradients of matrix expressions, derived step by step, every line proved."""
