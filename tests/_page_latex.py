"""LaTeX formulas of a page as trees: a small parser that knows nothing of what printed them.

A tree is a tuple whose first item is its kind:

    ("num", text) ("name", base, sub) ("apply", head, power, axis, prime, tree)
    ("neg", t) ("add", ((sign, t), ...)) ("times", (t, ...)) ("odot" | "oslash" | "kron", t, t)
    ("frac", t, t) ("partial", sign, t, t) ("sup", t, t) ("sub", t, tokens) ("sqrt", t) ("abs", t)
    ("norm", t) ("logdet", t) ("inner", t, t) ("sum" | "prod", letters, t) ("upto", letter, size, t) ("grid", rows) ("diff", t) ("again", t) ("dots",)

Anything else raises `Unread`.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["Tree", "Unread", "equations", "parse"]

Tree = tuple[Any, ...]


class Unread(Exception):  # noqa: N818 - nothing is wrong, but it is not understood
    """A formula that this reader does not understand."""


_TOKEN = re.compile(r"\\[A-Za-z]+|\\[^A-Za-z]|[A-Za-z]|[0-9]+|[^\s]")
_DIFFERENTIAL = r"\mathop{}\!\mathrm{d}"
_CHANGES = {r"\differential": "diff", r"\again": "again"}
_CALLED = frozenset(
    r"\exp \log \sin \cos \tan \arcsin \arccos \arctan \sinh \cosh \tanh \operatorname \det".split()
)
_GREEK = frozenset(
    "\\" + name
    for name in (
        "alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi pi "
        "rho sigma tau upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon "
        "Phi Psi Omega"
    ).split()
)
_ENDS = frozenset((")", "}", "]", ",", "&", "=", r"\\", r"\rangle", r"\rvert", r"\end", "+", "-"))


def equations(source: str) -> list[list[str]]:
    """The equalities of a displayed block: for each chain, its sides in order."""
    body = re.sub(r"\\\\\*?(\[[^\]]*\])?", r"\\\\ ", source.strip())
    body = re.sub(r"\\(begin|end)\{aligned\}(\[[a-z]\])?", r"\\\1{aligned}", body)
    start, end = r"\begin{aligned}", r"\end{aligned}"
    if body.startswith(start) and body.endswith(end):
        body = body[len(start) : -len(end)]
    chains: list[list[str]] = []
    for row in _split(body.replace(r",\quad", r"\\ "), r"\\"):
        plain = re.sub(r"&\s*&\s*\\quad.*|\\Rightarrow\\ ", "", row, flags=re.DOTALL)  # no reasons
        parts = [part.strip() for part in _split(plain.replace("&", " & "), "=")]
        parts = [re.sub(r"&\s*$|^\s*&", "", part).strip() for part in parts]
        if parts[0] or not chains:  # it does not go on with the line before
            chains.append([])
        chains[-1] += [part for n, part in enumerate(parts) if part or n]
    return [sides for sides in chains if len(sides) > 1]


def _split(text: str, at: str) -> list[str]:
    """A text in parts, at signs that stand inside of no group or environment."""
    parts, depth, last, n = [""], 0, 0, 0
    for sign in re.finditer(r"\\begin\b|\\end\b|\\\\|\\[A-Za-z]+|\\.|[{}=]", text):
        word = sign[0]
        depth += (word in ("{", r"\begin")) - (word in ("}", r"\end"))
        if word == at and depth == 0:
            parts[n] = text[last : sign.start()]
            parts.append("")
            n, last = n + 1, sign.end()
    parts[n] = text[last:]
    return parts


def parse(source: str, functions: frozenset[str] = frozenset()) -> Tree:
    """The tree of one side of an equality; what stands before a bracket may be a function."""
    text = source.replace(f"{{{_DIFFERENTIAL}}}^{{2}}", r"\again ")
    text = text.replace(_DIFFERENTIAL, r"\differential ")
    text = re.sub(r"\\(left|right|displaystyle|big|Big)\b", "", text).replace(r"\dfrac", r"\frac")
    reader = _Reader(_TOKEN.findall(text.replace(r"\tfrac", r"\frac")), functions)
    found = reader.sum()
    if reader.next():
        raise Unread(f"{reader.next()} after a formula")
    return found


class _Reader:
    def __init__(self, tokens: list[str], functions: frozenset[str]) -> None:
        self.tokens = tokens
        self.functions = functions
        self.at = 0

    def next(self, ahead: int = 0) -> str:
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else ""

    def take(self, expected: str | None = None) -> str:
        sign = self.next()
        if not sign or (expected is not None and sign != expected):
            raise Unread(f"{sign or 'the end'} where {expected or 'more'} is expected")
        self.at += 1
        return sign

    def group(self) -> list[str]:
        """The tokens between braces."""
        self.take("{")
        start, depth = self.at, 1
        while depth:
            sign = self.take()
            depth += (sign == "{") - (sign == "}")
        return self.tokens[start : self.at - 1]

    def inside(self) -> Tree:
        reader = _Reader(self.group(), self.functions)
        found = reader.sum()
        if reader.next():
            raise Unread(f"{reader.next()} in a group")
        return found

    def sum(self) -> Tree:
        """Terms with signs."""
        items: list[tuple[str, Tree]] = []
        sign = self.take() if self.next() in ("+", "-") else "+"
        while True:
            items.append((sign, self.term()))
            if self.next() not in ("+", "-"):
                break
            sign = self.take()
        if len(items) == 1:
            return items[0][1] if items[0][0] == "+" else ("neg", items[0][1])
        return ("add", tuple(items))

    def term(self) -> Tree:
        """A product; what stands side by side holds together more tightly than a sign between."""
        left = self.product()
        while self.next() in (r"\odot", r"\oslash", r"\otimes"):
            kind = {r"\odot": "odot", r"\oslash": "oslash", r"\otimes": "kron"}[self.take()]
            left = (kind, left, self.product())
        return left

    def product(self) -> Tree:
        factors = [self.power()]
        while True:
            if self.next() in (r"\cdot", r"\times"):
                self.take()
            elif (
                not self.next()
                or self.next() in _ENDS
                or self.next() in (r"\odot", r"\oslash", r"\otimes")
                or (self.next() == r"\|" and self._bars)
            ):
                break
            factors.append(self.power())
        return factors[0] if len(factors) == 1 else ("times", tuple(factors))

    _bars = False

    def power(self) -> Tree:
        """An atom with what stands above and below it."""
        tree = self.atom()
        if self.next() == "(" and tree[0] in ("group", "fence") and self.is_function(tree):
            tree = self.call(tree)
        while self.next() in ("^", "_"):
            if self.take() == "_":
                below = self.group() if self.next() == "{" else [self.take()]
                tree = ("sub", tree, tuple(below))
            else:
                tree = ("sup", tree, self._above())
            if self.next() == "(" and self.is_function(tree):
                tree = self.call(tree)
        return tree

    def is_function(self, tree: Tree) -> bool:
        """Whether what stands before a bracket is a function: f′, softmax₁, tanh²."""
        match tree:
            case ("function", _):
                return True
            case ("name", base):
                return base in self.functions
            case ("group" | "fence", inner) | ("sub" | "sup", inner, _):
                return self.is_function(inner)
        return False

    def whole(self, tokens: list[str]) -> Tree:
        """The tree of some tokens, all of them."""
        reader = _Reader(list(tokens), self.functions)
        found = reader.sum()
        if reader.next():
            raise Unread(f"{reader.next()} in {''.join(tokens)}")
        return found

    def _above(self) -> Tree:
        tokens = self.group() if self.next() == "{" else [self.take()]
        match tokens:
            case ["T"]:
                return ("T",)
            case ["-", "T"]:
                return ("-T",)
            case [r"\prime"]:
                return ("prime",)
            case [r"\odot", *rest]:
                return ("entrywise", self.whole(rest))
            case ["(", *between, ")"] if all(t.isalnum() for t in between):
                return ("label", "".join(between))
        return self.whole(tokens)

    def call(self, head: Tree) -> Tree:
        """A function of what stands in brackets, max and min of two things."""
        self.take("(")
        found = self.sum()
        if head in (("function", "max"), ("function", "min")) and self.next() == ",":
            self.take(",")
            found = ("both", found, self.sum())
        self.take(")")
        return ("apply", head, found)

    def _bracketed(self) -> Tree:
        self.take("(")
        found = self.sum()
        self.take(")")
        return found

    def atom(self) -> Tree:
        sign = self.next()
        if sign.isdigit():
            self.take()
            if self.next() == "." and self.next(1).isdigit():
                self.take()
                return ("num", f"{sign}.{self.take()}")
            return ("num", sign)
        if sign == "(":
            return ("fence", self._bracketed())
        if sign == "{":
            reader = _Reader(self.group(), self.functions)
            found = reader.power()
            if reader.next():
                raise Unread("a group of several parts")
            return ("group", found)
        self.take()
        if sign in (r"\cdots", r"\vdots", r"\ddots"):
            return ("dots",)
        if sign == r"\frac":
            above, below = self.group(), self.group()
            if above[:1] and above[0] == r"\partial":
                return self.derivative(above, below)
            return ("frac", self.whole(above), self.whole(below))
        if sign == r"\sqrt":
            return ("sqrt", self.inside())
        if sign == r"\lvert":
            found = self.sum()
            self.take(r"\rvert")
            return ("abs", found)
        if sign == r"\|":
            self._bars = True
            found = self.sum()
            self._bars = False
            self.take(r"\|")
            return ("norm", found)
        if sign == r"\langle":
            one = self.sum()
            self.take(",")
            other = self.sum()
            self.take(r"\rangle")
            return ("inner", one, other)
        if sign in (r"\sum", r"\prod"):
            self.take("_")
            return self._big(sign)
        if sign in _CHANGES:
            return (_CHANGES[sign], self.power())
        if sign == r"\begin":
            return self._grid()
        if sign in _CALLED or sign == r"\mathit":
            return self._word(sign)
        if sign in _GREEK or (len(sign) == 1 and sign.isalpha()):
            name: Tree = ("name", sign.lstrip("\\"))
            return self.call(name) if self.next() == "(" and self.is_function(name) else name
        raise Unread(f"{sign} in a formula")

    def _big(self, sign: str) -> Tree:
        """Σ over letters, or over one of them from 1 to a size."""
        under = self.group()
        if self.next() != "^":
            return (sign[1:], tuple(self._letters(under)), self.product())
        if under[1:] != ["=", "1"]:
            raise Unread(f"a sum over {under}")
        self.take("^")
        upto = "".join(self.group())
        return (sign[1:], (under[0],), ("upto", under[0], upto, self.product()))

    def _word(self, sign: str) -> Tree:
        if sign in (r"\operatorname", r"\mathit"):
            kind = "function" if sign == r"\operatorname" else "name"
            head: Tree = (kind, "".join(self.group()).replace(r"\_", "_"))
        else:
            head = ("function", sign[1:])
        if head == ("function", "log") and self.next() == r"\lvert":
            return ("logdet", self.power())
        return self.call(head) if self.next() == "(" and self.is_function(head) else head

    @staticmethod
    def _letters(tokens: list[str]) -> list[str]:
        text = "".join(tokens)
        found = [re.sub(r"[{}]", "", part) for part in text.split(",")]
        if any(not re.fullmatch(r"[a-z](_\d+)?", part) for part in found):
            raise Unread(f"a sum over {text}")
        return found

    def _grid(self) -> Tree:
        kind = "".join(self.group())
        if kind == "aligned":
            return ("fence", self.whole(self._lines()))
        if kind != "pmatrix":
            raise Unread(f"an environment {kind}")
        rows: list[list[Tree]] = [[]]
        while self.next() != r"\end":
            rows[-1].append(self._cell())
            if self.next() == "&":
                self.take()
            elif self.next() == r"\\":
                self.take()
                rows.append([])
        self.take()
        self.group()
        return ("grid", tuple(tuple(row) for row in rows if row))

    def _lines(self) -> list[str]:
        """The tokens of broken lines, without what breaks and aligns them."""
        kept: list[str] = []
        depth = 0
        while depth or self.next() != r"\end":
            sign = self.take()
            depth += (sign == r"\begin") - (sign == r"\end")
            if depth == 0 and sign == "{" and self.next() == "}":
                self.take()
            elif depth or sign not in ("&", r"\\"):
                kept.append(sign)
        self.take()
        self.group()
        return kept

    def _cell(self) -> Tree:
        """A cell ends at its own & or line break, those of environments in it aside."""
        start, depth = self.at, 0
        while self.next() and (depth or self.next() not in ("&", r"\\", r"\end")):
            sign = self.take()
            depth += (sign == r"\begin") - (sign == r"\end")
        return self.whole(self.tokens[start : self.at])

    def derivative(self, above: list[str], below: list[str]) -> Tree:
        """∂y/∂x; a sign above the first ∂ says that other values are held fixed."""
        mark, top = "", above[1:]
        if top[:1] == ["^"]:
            mark, top = top[1], top[2:]
            if mark == "{":
                end = top.index("}")
                mark, top = "".join(top[:end]), top[end + 1 :]
        if below[:1] != [r"\partial"]:
            raise Unread("∂ above a line without ∂ below it")
        return ("partial", mark, self.whole(top), self.whole(below[1:]))
