"""`matderiv help`: topics, one Markdown file each, shown in the terminal's pager."""

from __future__ import annotations

from importlib.resources import files

import click

__all__ = ["help_command"]

_FOLDER = files("matderiv") / "help"
_TOPICS = sorted(f.name.removesuffix(".md") for f in _FOLDER.iterdir() if f.name.endswith(".md"))


def _text(topic: str) -> str:
    return (_FOLDER / f"{topic}.md").read_text(encoding="utf-8")


@click.command("help")
@click.argument("topic", required=False, type=click.Choice(_TOPICS))
def help_command(topic: str | None) -> None:
    """Show help on a topic; without one, list the topics."""
    if topic:
        click.echo_via_pager(_text(topic))
        return
    width = max(map(len, _TOPICS))
    for name in _TOPICS:
        title = _text(name).partition("\n")[0].removeprefix("# ")
        click.echo(f"matderiv help {name:{width}}  {title}")
