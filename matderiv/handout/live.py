"""What a notebook holds beside the handout: cells that derive, change sizes, and check."""

from __future__ import annotations

from collections.abc import Iterator

from matderiv.calculus.problem import Elementwise
from matderiv.handout import code
from matderiv.handout.compose import Composer
from matderiv.handout.document import Block, CodeBlock, Heading, Paragraph

__all__ = ["live"]

#: Sizes to start from, other than those of the handout.
_SIZES = ((3, 2, 2), (2, 3, 2))


def live(composer: Composer) -> Iterator[Block]:
    """Cells with a word before each."""
    derivation = composer.derivation
    fields = composer.fields()
    head = composer.problem.head
    own = tuple(dim.size for dim in composer.problem.dims)

    def say(key: str) -> Paragraph:
        return Paragraph(composer.say(f"notebook.{key}", fields))

    yield Heading(2, composer.say("notebook.heading", fields))
    yield say("derive")
    yield _cell(code.derive_code(derivation))
    yield say("sizes")
    sizes = next(sizes for sizes in _SIZES if sizes != own)
    yield _cell(f"{code.sizes_code(derivation, sizes)}\n{code.display_code(composer.language)}")
    yield say("check")
    if not isinstance(head, Elementwise):
        yield say("check_loss")
    elif head.body is None:
        yield say("check_function")
    yield _cell(code.check_code(derivation))


def _cell(text: str) -> CodeBlock:
    return CodeBlock(text, live=True)
