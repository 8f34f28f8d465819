"""Sizes of operands that an operation is told, such as that of the kernel of a convolution.

Until shapes are known such a size is a letter that no program writes, and the array whose size it
is stands times ones of this size.
"""

from __future__ import annotations

from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.size_text import is_unnamed

__all__ = ["counted", "counted_array"]


def counted(arg: Node, *letters: str) -> Node:
    """The array, whose last sizes are these.

    >>> counted_array(counted(nodes.Name("w"), "_1"))
    (Name(name='w'), ('_1',))
    """
    return nodes.Multiply(arg, nodes.Ones(letters))


def counted_array(node: Node) -> tuple[Node, tuple[str, ...]] | None:
    """An array whose last sizes have letters that no program writes, and the letters."""
    match node:
        case nodes.Multiply(arg, nodes.Ones(sizes)):
            letters = tuple(size for size in sizes if isinstance(size, str) and is_unnamed(size))
            return (arg, letters) if letters and len(letters) == len(sizes) else None
    return None
