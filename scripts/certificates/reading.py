"""Reading mathematics, with a parser of its own: Python's `ast` fails on long sums."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any, NoReturn

from certificates.frame import refuse

MOST_TEXT, MOST_DIGITS, MOST_DEPTH, MOST_FACTORS = 200_000, 1300, 100, 300

Tree = tuple[Any, ...]

_TOKEN = re.compile(
    r"\s*(?:((?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:e-?[0-9]{1,3})?)|([A-Za-z_][A-Za-z0-9_]*)"
    r"|(\*\*|==|[-+*/@().,:=\[\]])|(\S))"
)


@lru_cache(maxsize=1 << 14)
def parse(text: str) -> Tree:
    """The tree of an expression: numbers, names, calls, entries, + - * / ** @ .T .mT and [:, None].

    `X.differential` is a name, and `X.unit[p, q]` an entry, of arrays with a dot in their names.
    """
    if not isinstance(text, str) or len(text) > MOST_TEXT:
        refuse("an expression is no text, or too long")
    tokens: list[str] = []
    for number, name, operator, other in _TOKEN.findall(text):
        if other or len(number) > MOST_DIGITS:
            refuse(f"{text[:60]!r} cannot be read at {(other or number)[:20]!r}")
        tokens.append(number or name or operator)
    return _Parser(tokens, text).whole()


class _Parser:
    def __init__(self, tokens: list[str], text: str) -> None:
        self.tokens, self.text, self.at, self.depth = [*tokens, ""], text, 0, 0

    def whole(self) -> Tree:
        """The tree of all tokens."""
        tree = self.comparison()
        return tree if self.tokens[self.at] == "" else self.fail()

    def fail(self) -> NoReturn:
        """Say where the text stops making sense."""
        refuse(f"{self.text[:60]!r} is no expression at {self.tokens[self.at]!r}")

    def take(self, *wanted: str) -> str:
        """The next token if it is wanted, else nothing."""
        token = self.tokens[self.at]
        if token == "" or token not in wanted:
            return ""
        self.at += 1
        return token

    def comparison(self) -> Tree:
        """A sum, or 1 where two sums are equal, else 0."""
        left = self.sum()
        if not self.take("=="):
            return left
        right = self.sum()
        return (
            "call",
            "iszero",
            (left if right == ("num", 0) else ("add", (left, ("neg", right))),),
        )

    def sum(self) -> Tree:
        """Terms with + and - between them."""
        terms = [self.product()]
        while sign := self.take("+", "-"):
            term = self.product()
            terms.append(("neg", term) if sign == "-" else term)
        return terms[0] if len(terms) == 1 else ("add", tuple(terms))

    def product(self) -> Tree:
        """Factors with *, / and @ between them."""
        factors, products = [self.unary()], 1
        while sign := self.take("*", "/", "@"):
            factor = self.unary()
            if sign == "@":
                products += 1
                if products > MOST_FACTORS:
                    refuse(f"a product of more than {MOST_FACTORS} matrices")
                left = factors[0] if len(factors) == 1 else ("mul", tuple(factors))
                factors = [("matmul", left, factor)]
            else:
                factors.append(("pow", factor, ("num", -1)) if sign == "/" else factor)
        return factors[0] if len(factors) == 1 else ("mul", tuple(factors))

    def unary(self) -> Tree:
        """A minus or a power."""
        self.depth += 1
        if self.depth > MOST_DEPTH:
            refuse(f"an expression is nested more than {MOST_DEPTH} levels deep")
        if self.take("-"):
            tree: Tree = ("neg", self.unary())
        else:
            tree = self.postfix()
            if self.take("**"):
                tree = ("pow", tree, self.unary())
        self.depth -= 1
        return tree

    def postfix(self) -> Tree:
        """A number, a name, a call, an entry, brackets; then any .T."""
        word = self.tokens[self.at]
        self.at += 1
        if word[:1].isdigit():
            tree: Tree = ("num", int(word) if word.isdigit() else Fraction(word))
        elif word == "(":
            items = self.items(")")
            tree = items[0] if len(items) == 1 else ("tuple", items)
        elif word and (word[0].isalpha() or word[0] == "_"):
            tree = self.named(word)
        else:
            self.at -= 1
            self.fail()
        while sign := self.take(".", "["):
            if sign == "[":
                tree = ("new", tree, self.axes())
            else:
                tree = (self.take("T", "mT") or self.fail(), tree)
        return tree

    def axes(self) -> str:
        """The axes in an index such as [:, None], up to its end: a colon or an N for each."""
        found = ""
        while not found or self.take(","):
            found += (self.take(":", "None") or self.fail())[0]
        return found if self.take("]") else self.fail()

    def named(self, word: str) -> Tree:
        """A name, and what belongs to it: arguments, indices, or a word after a dot."""
        if self.take("("):
            return ("call", word, self.items(")"))
        after = self.tokens[self.at + 1] if self.tokens[self.at] == "." else ""
        if after in ("differential", "unit"):
            self.at += 2
            word = f"{word}.{after}"
        if self.tokens[self.at + 1 : self.at + 2] not in ([":"], ["None"]) and self.take("["):
            return ("index", word, self.items("]"))
        return ("name", word)

    def items(self, end: str) -> tuple[Tree, ...]:
        """The items between commas, up to `end`."""
        found = [self.item()]
        while self.take(","):
            found.append(self.item())
        return tuple(found) if self.take(end) else self.fail()

    def item(self) -> Tree:
        """An argument, or an option with its name."""
        if self.tokens[self.at + 1 : self.at + 2] == ["="] and self.tokens[self.at].isidentifier():
            name = self.tokens[self.at]
            self.at += 2
            return ("option", name, self.comparison())
        return self.comparison()


def walk(tree: Tree) -> Iterator[Tree]:
    """All parts of a tree."""
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node[0], str):
            yield node
        left.extend(part for part in node if isinstance(part, tuple))


def exchanged(tree: Any, table: Mapping[Tree, Tree]) -> Any:  # noqa: ANN401 - a tree or a leaf
    """The tree with some of its parts exchanged for others."""
    kinds, known = {part[0] for part in table}, {}

    def change(part: Any) -> Any:  # noqa: ANN401
        if not isinstance(part, tuple):
            return part
        if part and isinstance(part[0], str) and part[0] in kinds and part in table:
            return table[part]
        if id(part) not in known:
            known[id(part)] = tuple(map(change, part))
        return known[id(part)]

    return change(tree)


def whole_number(tree: Tree) -> int | None:
    """The whole number that is written, if one is."""
    match tree:
        case ("num", int(n)):
            return n
        case ("neg", ("num", int(n))):
            return -n
    return None
