"""The commands, as one."""

from __future__ import annotations

import click

from matderiv._version import __version__
from matderiv.cli._check import check_command
from matderiv.cli._derive import derive_command
from matderiv.cli._explain import explain_command
from matderiv.cli._gradient import gradient_command
from matderiv.cli._handout import handout_command
from matderiv.cli._jacobian import jacobian_command
from matderiv.cli._second import hessian_command, product_commands
from matderiv.cli._show import show_command
from matderiv.cli._taylor import taylor_command

__all__ = ["cli"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="matderiv")
def cli() -> None:
    """Gradients of matrix expressions, derived step by step, every line proved."""


for _command in (
    check_command,
    derive_command,
    explain_command,
    gradient_command,
    handout_command,
    hessian_command,
    jacobian_command,
    *product_commands,
    show_command,
    taylor_command,
):
    cli.add_command(_command)
