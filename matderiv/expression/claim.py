"""Reading a formula about a program: one expression of the program's names and of gradients."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Collection, Mapping

from matderiv.errors import ProgramSyntaxError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.parse import Reader
from matderiv.expression.vocabulary import ELEMENTWISE

__all__ = ["parse_claim"]


def parse_claim(
    text: str,
    names: Collection[str],
    functions: Collection[str],
    letters: Mapping[int, int | str] | None = None,
    numbers: Mapping[str, Node] | None = None,
) -> Node:
    """Read one expression in the language of programs.

    `names`: the variables and gradients that it may use. `functions`: functions besides the known
    ones. `letters`: the letter of a size that is written in figures. `numbers`: the values of other
    names, such as N in 1/N.


    Raises:
        ProgramSyntaxError: the text is not in the language, or it holds a name that means
            nothing here; the error holds the place.

    >>> parse_claim("dY @ W.T", ("X", "W", "dY"), ())
    MatMul(left=Name(name='dY'), right=Transpose(arg=Name(name='W')))
    """
    return _ClaimReader(text, names, functions, letters or {}, numbers or {}).expression()


#: f′( and ∂L/∂Y, as they are written by hand.
_PRIME = re.compile(r"\b([A-Za-z]\w*)['′’]\s*\(")
_PARTIAL = re.compile(r"(?:∂\w+\s*/\s*∂|\bd\w+\s*/\s*d)(\w+)")


class _ClaimReader(Reader):
    what = "claim"
    example = "dY @ W.T"

    def __init__(
        self,
        text: str,
        names: Collection[str],
        functions: Collection[str],
        letters: Mapping[int, int | str],
        numbers: Mapping[str, Node],
    ) -> None:
        super().__init__(text)
        self.names = names
        self.functions = functions
        self.letters = letters
        self.numbers = numbers

    def expression(self) -> Node:
        self._check_signs()
        first, *more = self._statements()
        if isinstance(first, ast.Assign) and not more and len(first.targets) == 1:
            target = self._words(first.targets[0])
            raise self._error(
                f"A claim is the formula alone; leave out {target} = and write "
                f"{self._words(first.value)}.",
                first,
            )
        if more or not isinstance(first, ast.Expr):
            raise self._error(
                f"A claim is one expression, such as {self.example}.", more[0] if more else first
            )
        return self._node(first.value, 0)

    def _check_signs(self) -> None:
        """Refuse the signs in f′(Y) and ∂L/∂Y; the language writes df(Y) and dY."""
        prime = _PRIME.search(self.text)
        if prime:
            f = prime[1]
            message = f"{f}′ is written d{f} here, such as d{f}(Y)."
            raise ProgramSyntaxError(message, self.text, prime.start())
        partial = _PARTIAL.search(self.text)
        if partial and f"d{partial[1]}" in self.names:
            message = f"{partial[0]} is written d{partial[1]} here."
            raise ProgramSyntaxError(message, self.text, partial.start())

    def _node(self, tree: ast.expr, depth: int) -> Node:
        if isinstance(tree, ast.Name) and tree.id in self.numbers and tree.id not in self.names:
            return self.numbers[self._variable(tree)]
        return super()._node(tree, depth)

    def _variable(self, tree: ast.Name) -> str:
        name = super()._variable(tree)
        if name not in self.names and name not in self.numbers:
            raise self._error(self._unknown(name, "name"), tree)
        return name

    def _call(self, tree: ast.Call, depth: int) -> Node:
        made = super()._call(tree, depth)
        known = (*ELEMENTWISE, *self.functions)
        if isinstance(made, nodes.Apply | nodes.Functional) and made.function not in known:
            raise self._error(self._unknown(made.function, "function"), tree)
        match made:
            case nodes.Eye(size):
                return nodes.Eye(self._letter(size, tree))
            case nodes.Ones(sizes):
                return nodes.Ones(tuple(self._letter(size, tree) for size in sizes))
        return made

    def _letter(self, size: int | str, tree: ast.Call) -> int | str:
        """The letter of a size; a size in figures would tie the claim to that size."""
        if size == 1 or isinstance(size, str):
            return size
        if size not in self.letters:
            raise self._error(
                f"A claim is judged for all sizes, and {self._words(tree)} has the size {size}, "
                "which is not that of one letter; write the letter, such as eye(N).",
                tree,
            )
        return self.letters[size]

    def _unknown(self, name: str, kind: str) -> str:
        known = self.names if kind == "name" else (*self.functions, *ELEMENTWISE, "sum")
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.6) if len(name) > 1 else []
        folded = {other.lower(): other for other in known}
        meant = folded.get(name.lower()) or (near[0] if near else None)
        glued = _glued(name, known) if kind == "name" else None
        hint = glued or meant
        return f"There is no {kind} {name} here; there are {', '.join(known)}." + (
            f" Did you mean {hint}?" if hint else ""
        )


def _glued(name: str, known: Collection[str]) -> str | None:
    """XW, where X @ W is meant."""
    for cut in range(1, len(name)):
        if name[:cut] in known and name[cut:] in known:
            return f"{name[:cut]} @ {name[cut:]}"
    return None
