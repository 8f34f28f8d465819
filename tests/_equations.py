r"""Equations read from LaTeX into a normal form, so that two sources of them can be compared.

A link is a pair (left, right) of normal strings with an `=` between them. What is only typography
is gone from a normal string: spacing, the size of fractions, braces that group nothing, and the
line breaks of chains and sums. What has a meaning stays: rows and cells of matrices, the order of
factors and terms, every dot. What is not understood is refused with a ValueError, never skipped.

>>> links(r"\begin{aligned} Y & = X W^T \\ & = \dfrac12 \end{aligned}")
Traceback (most recent call last):
ValueError: \dfrac without braces
>>> links(r"\begin{aligned} Y & = X W^T \\ & = \dfrac{1}{2} \end{aligned}")
[('Y', 'XW^{T}'), ('XW^{T}', '\\frac{1}{2}')]
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

__all__ = ["Link", "displays", "inlines", "links", "links_of", "normal", "tokens"]

Link = tuple[str, str]
Items = list[str]

_TOKEN = re.compile(
    r"\\(?:begin|end)\{[a-z]+\*?\}(?:\[[a-z]\])?"  # an environment, with its placement
    r"|\\\\\*?(?:\[-?[\d.]+[a-z]{2}\])?"  # a new row, with the space below the old one
    r"|\\[A-Za-z]+|\\.|\S"
)
_SPACES = {r"\,", r"\;", r"\:", r"\!", r"\ ", r"\quad", r"\qquad", "~"}
#: Commands by their number of arguments; a group after any other command only groups.
_ARGUMENTS = {
    "frac": 2,
    "dfrac": 2,
    "tfrac": 2,
    "sqrt": 1,
    "operatorname": 1,
    "mathit": 1,
    "mathbb": 1,
}
_SAME = {"dfrac": "frac", "tfrac": "frac"}
_SIGNS = ("+", "-")

# In LaTeX every `\\` is passed over before `\[` is looked for, since a row may end in `\\[10pt]`.
_LATEX = re.compile(
    r"\\\[(?P<display>(?:\\\\|[^\\]|\\[^\\\]])*)\\\]|(?<!\\)\$(?P<inline>[^$]+)\$|\\\\|\\."
)
_MARKDOWN = re.compile(r"\$\$(?P<display>[^$]+)\$\$|\$(?P<inline>[^$]+)\$|\\.|`[^`]*`", re.DOTALL)


def displays(text: str, *, markdown: bool = False) -> list[str]:
    r"""The displayed formulas of a document.

    >>> displays(r"So $a = b$: \[ c \\[10pt] = d \] and \[ e \]")
    [' c \\\\[10pt] = d ', ' e ']
    """
    return _formulas(text, "display", markdown=markdown)


def inlines(text: str, *, markdown: bool = False) -> list[str]:
    r"""The formulas inside the lines of a document.

    >>> inlines(r"So $a = b$, for \$5: $$c$$", markdown=True)
    ['a = b']
    """
    return _formulas(text, "inline", markdown=markdown)


def _formulas(text: str, kind: str, *, markdown: bool) -> list[str]:
    if not markdown:
        text = re.sub(r"(?<!\\)%.*", "", text)
        text = text.replace(r"\begin{align*}", r"\[\begin{aligned}")
        text = text.replace(r"\end{align*}", r"\end{aligned}\]")
    found = (_MARKDOWN if markdown else _LATEX).finditer(text)
    return [match[kind] for match in found if match[kind] is not None]


def links_of(formulas: Iterable[str]) -> list[Link]:
    """The links of several formulas, one after another."""
    return [link for formula in formulas for link in links(formula)]


def links(formula: str) -> list[Link]:
    """The links of one formula, in their order; a formula without `=` has none.

    Raises:
        ValueError: the formula is not understood.

    >>> links("a = b = c, d = e")
    [('a', 'b'), ('b', 'c'), ('d', 'e')]
    """
    found: list[Link] = []
    for equation in _split(_Reader(formula).whole(), ","):
        sides = _split(equation, "=")
        if len(sides) > 1 and not all(sides):
            raise ValueError("an equation lacks a side")
        found.extend(pairwise(map(_join, sides)))
    return found


def normal(formula: str) -> str:
    r"""The normal form of a formula.

    >>> normal(r"\left( \begin{matrix} a & b \\ c & d \end{matrix} \right)")
    '(\\begin{matrix}a&b\\\\c&d\\end{matrix})'
    """
    return _join(_Reader(formula).whole())


def tokens(formula: str) -> list[str]:
    """The formula in pieces; joined by spaces they are the same formula."""
    return _TOKEN.findall(formula)


def _split(items: Items, at: str) -> list[Items]:
    parts: list[Items] = [[]]
    for item in items:
        if item == at:
            parts.append([])
        else:
            parts[-1].append(item)
    return parts


def _join(items: Sequence[str]) -> str:
    """Items as one string; a space keeps a command apart from a letter after it."""
    return re.sub(
        r"(\\[A-Za-z]+) (?![A-Za-z])",
        r"\1",
        "".join(item + " " if re.fullmatch(r"\\[A-Za-z]+", item) else item for item in items),
    )


class _Reader:
    """Recursive descent over the tokens of a formula.

    What is read is a list of items: letters, digits and signs, and each of a fraction, a script,
    a matrix or a pair of parentheses as one item, so that only outermost `=` and `,` are seen.
    """

    def __init__(self, formula: str) -> None:
        self.rest = [t for t in reversed(tokens(formula)) if t not in _SPACES]

    def peek(self) -> str:
        return self.rest[-1] if self.rest else "the end"

    def take(self, wanted: str | None = None) -> str:
        found = self.peek()
        if not self.rest or (wanted is not None and found != wanted):
            raise ValueError(f"{found} instead of {wanted or 'more'}")
        return self.rest.pop()

    def whole(self) -> Items:
        items = self.items()
        if self.rest:
            raise ValueError(f"{self.peek()} closes nothing")
        return items

    def items(self) -> Items:
        """What stands here, up to a piece that ends it."""
        found: Items = []
        while self.rest and not self.ends(piece := self.peek()):
            if piece.startswith(r"\begin{aligned}"):
                # Lines without a bracket around them are a whole side: next to anything else
                # they would be a factor or a term, and their own signs would be lost.
                if found and found[-1] != "=":
                    raise ValueError(f"aligned lines after {found[-1]}")
                found += self.aligned()
                if self.rest and not self.ends(self.peek()) and self.peek() != "=":
                    raise ValueError(f"aligned lines before {self.peek()}")
            else:
                found += self.item()
        return found

    @staticmethod
    def ends(piece: str) -> bool:
        return piece in ("}", ")", "&", r"\right") or piece.startswith(("\\\\", r"\end"))

    def item(self) -> Items:
        piece = self.take()
        if piece == "{":
            items = self.until("}")
            if len(items) != 1 and self.peek() in ("^", "_"):
                raise ValueError("a script at a group of several items")
            return items
        if piece == "(":
            return [f"({_join(self.until(')'))})"]
        if piece == r"\left":
            self.take("(")
            items = self.until(r"\right")
            self.take(")")
            return [f"({_join(items)})"]
        if piece in ("^", "_"):
            return [f"{piece}{{{_join(self.item())}}}"]
        if piece.startswith(r"\begin"):
            name = piece[len(r"\begin{") :].split("}")[0]
            if name not in ("matrix", "pmatrix"):
                raise ValueError(f"the environment {name}")
            matrix = _matrix(self.rows(name))
            return [f"({matrix})" if name == "pmatrix" else matrix]
        count = _ARGUMENTS.get(piece[1:], 0) if piece.startswith("\\") else 0
        if not count:
            return [piece]
        name = _SAME.get(piece[1:], piece[1:])
        return [f"\\{name}" + "".join(f"{{{_join(self.argument(piece))}}}" for _ in range(count))]

    def until(self, end: str) -> Items:
        items = self.items()
        self.take(end)
        return items

    def argument(self, command: str) -> Items:
        if self.peek() != "{":
            raise ValueError(f"{command} without braces")
        self.take()
        return self.until("}")

    def rows(self, name: str) -> list[list[Items]]:
        """The rows of an environment, each a list of cells."""
        rows: list[list[Items]] = [[self.items()]]
        while self.peek() != rf"\end{{{name}}}":
            piece = self.take()
            if piece == "&":
                rows[-1].append(self.items())
            elif piece.startswith("\\\\"):
                rows.append([self.items()])
            else:
                raise ValueError(f"{piece} in {name}")
        self.take()
        return rows

    def aligned(self) -> Items:
        """Lines as one: the break between two of them has to stand beside `=` or a sign."""
        self.take()
        found: Items = []
        for row in self.rows("aligned"):
            if len(row) > 2:
                raise ValueError("a line with several places to align")
            line = [item for cell in row for item in cell]
            beside = {*found[-1:], *line[:1]}
            if found and line and not beside & {"=", *_SIGNS}:
                raise ValueError(f"a line break between {found[-1]} and {line[0]}")
            found += line
        return found


def _matrix(rows: list[list[Items]]) -> str:
    """A matrix by its cells, with rows that were broken by a pair of arrows made whole."""
    if rows[-1] == [[]]:
        rows = rows[:-1]
    whole: list[list[Items]] = []
    for row in rows:
        broken = bool(whole) and whole[-1][-1][-1:] == [r"\to"]
        if broken != (row[0][:1] == [r"\to"]):
            raise ValueError("a row is broken on one side only")
        if broken:
            whole[-1][-1].pop()
            whole[-1] += [row[0][1:], *row[1:]]
        else:
            whole.append(list(row))
    if any(item == r"\to" for row in whole for cell in row for item in cell):
        raise ValueError("an arrow that breaks no row")
    if len({len(row) for row in whole}) != 1:
        raise ValueError("rows of different lengths")
    if not all(cell for row in whole for cell in row):
        raise ValueError("an empty cell")
    body = r"\\".join("&".join(map(_join, row)) for row in whole)
    return rf"\begin{{matrix}}{body}\end{{matrix}}"
