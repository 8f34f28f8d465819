"""`matderiv explain`."""

from __future__ import annotations

import click

from matderiv.cli._output import progress, write_output

__all__ = ["explain_command"]


@click.command("explain")
@click.argument("name")
def explain_command(name: str) -> None:
    """Print the formula that NAME stands for, and its gradients, proved.

    NAME is a function of the language: a layer or loss such as layer_norm, attention or
    cross_entropy, or any other.
    """
    from matderiv.explanations import explanation

    with progress():
        text = explanation(name)
    write_output(f"{text}\n", None)
