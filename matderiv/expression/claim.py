"""Reading a formula about a program: one expression of the program's names and of gradients."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

from matderiv.errors import InputError, ProgramSyntaxError, ShapeError
from matderiv.expression import nodes
from matderiv.expression._callee import check_function
from matderiv.expression.latex_signs import is_latex
from matderiv.expression.lengths import Lengths
from matderiv.expression.nodes import Node
from matderiv.expression.parse import Reader
from matderiv.expression.program import Assignment, Program
from matderiv.expression.shapes import infer
from matderiv.expression.size_text import asked_of, is_length, letters_of_size, put
from matderiv.expression.source import source
from matderiv.expression.spelling import READ
from matderiv.expression.vocabulary import ELEMENTWISE

__all__ = ["Words", "parse_claim"]

_TWO = 2  # any size: only dimensions are asked for


@dataclass(frozen=True)
class Words:
    """The words that a claim may use.

    `names`: variables and gradients. `functions`: functions besides the known ones. `letters`: the
    letter of a size that is written in figures. `numbers`: the values of other names, such as N in
    1/N. `sizes`: those of each name, for X.shape[0] and len(X). `wanted`: the name that the last
    line may assign, such as dX. `windows`: the sizes of windows by their figures: the
    program's own, and letters, one of each. `size_names`: the names that the program gives to
    sizes, each with the size that it asks an array for. `values`: the shapes of functions of whole
    arrays whose values are arrays.
    """

    names: Collection[str]
    functions: Collection[str]
    letters: Mapping[int, int | str] = field(default_factory=dict)
    numbers: Mapping[str, Node] = field(default_factory=dict)
    sizes: Mapping[str, Sequence[Node]] = field(default_factory=dict)
    wanted: str = ""
    windows: Mapping[int, int | str] = field(default_factory=dict)
    size_names: Sequence[tuple[str, str]] = ()
    values: Mapping[str, tuple[int | str, ...]] = field(default_factory=dict)


def parse_claim(text: str, words: Words) -> Node:
    """Read one expression in the language of programs, perhaps after assignments that it uses.

    Raises:
        ProgramSyntaxError: the text is not in the language, or it holds a name that means
            nothing here; the error holds the place.

    >>> parse_claim("dY @ W.T", Words(("X", "W", "dY"), ()))
    MatMul(left=Name(name='dY'), right=Transpose(arg=Name(name='W')))
    """
    return _ClaimReader(text, words).expression()


#: f′( and ∂L/∂Y, as they are written by hand.
_PRIME = re.compile(r"\b([A-Za-z]\w*)['′’]\s*\(")
_PARTIAL = re.compile(r"(?:∂\w+\s*/\s*∂|\bd\w+\s*/\s*d)(\w+)")


class _ClaimReader(Reader):
    what = "claim"
    example = "dY @ W.T"

    def __init__(self, text: str, words: Words) -> None:
        super().__init__(text)
        self.known = words
        self.given: dict[str, Node] = {}
        self.lengths = Lengths(words.size_names)

    def expression(self) -> Node:
        """The last line, with the values of the lines before it in place of their names."""
        self._check_signs()
        *before, last = self._statements()
        if self.assumed:
            name, word = self.assumed[0]
            raise ProgramSyntaxError(
                f"A claim assumes nothing; assume {name} {word} belongs in the program.",
                self.text,
                0,
            )
        for statement in before:
            name, value = self._assigned(statement)
            self.given[name] = self._node(value, 0)
        if isinstance(last, ast.Expr):
            return self._with_letters_of(self._node(last.value, 0), last)
        name, value = self._assigned(last)
        if name != (wanted := self.known.wanted):
            raise self._error(
                f"The last line is about {name}, and {wanted} is asked for; leave out {name} = "
                f"or write {wanted} = {self._words(value)}.",
                last,
            )
        return self._with_letters_of(self._node(value, 0), last)

    def _with_letters_of(self, node: Node, tree: ast.stmt) -> Node:
        """The formula with the letters of sizes that it asks arrays for, as in eye(len(x))."""
        place = ast.copy_location(ast.Name(""), tree)

        def letter(size: int | str) -> int | str:
            if not isinstance(size, str) or not is_length(size):
                return size
            asked = filter(is_length, letters_of_size(size))
            return put(size, {one: source(self._length(one, place)) for one in asked})

        made = [self._with_letters_of(child, tree) for child in nodes.children(node)]
        return nodes.with_sizes(nodes.rebuilt(node, made), letter)

    def _assigned(self, statement: ast.stmt) -> tuple[str, ast.expr]:
        match statement:
            case ast.Assign(targets=[ast.Name() as target], value=value):
                return self._name(target), value
        raise self._error(
            f"A claim is one expression, such as {self.example}, perhaps after assignments of "
            "names that it uses.",
            statement,
        )

    def _check_signs(self) -> None:
        """Refuse the signs in f′(Y) and ∂L/∂Y; the language writes df(Y) and dY."""
        if is_latex(self.text):  # it is read with them
            return
        prime = _PRIME.search(self.text)
        if prime:
            f = prime[1]
            message = f"{f}′ is written d{f} here, such as d{f}(Y)."
            raise ProgramSyntaxError(message, self.text, prime.start())
        partial = _PARTIAL.search(self.text)
        if partial and f"d{partial[1]}" in self.known.names:
            message = f"{partial[0]} is written d{partial[1]} here."
            raise ProgramSyntaxError(message, self.text, partial.start())

    def _node(self, tree: ast.expr, depth: int) -> Node:
        match tree:
            case ast.Name(id=name) if name in self.given:
                return self.given[name]
            case ast.Name(id=name) if name in self.known.numbers and name not in self.known.names:
                return self.known.numbers[self._name(tree)]
            case ast.Name(id=name) if self._is_size(name):
                return self.known.numbers[self._known_letter(self._name(tree))]
        return super()._node(tree, depth)

    def _is_size(self, name: str) -> bool:
        """Whether a name that nothing has is that of one size but for its capital: n for N."""
        alike = [own for own in (*self._sizes, *self.known.names) if own.lower() == name.lower()]
        return len(alike) == 1 and alike[0] in self._sizes and alike[0] != name

    def _dimensions(self, node: Node) -> int:
        """How many dimensions an expression has, its names having those that are known."""
        sizes = self.known.sizes
        own = {name: sizes.get(name, sizes.get(name[1:])) for name in nodes.names_in(node)}
        shapes = {name: (_TWO,) * len(axes) for name, axes in own.items() if axes is not None}
        try:
            found = infer(Program((Assignment("", node),)), shapes=shapes)
        except InputError:
            return 0
        return len(found[""])

    def _length(self, letter: str, tree: ast.Name) -> Node:
        """The letter of a size that an array is asked for, X.shape[0] or x.size."""
        name, axis = asked_of(letter)
        sizes = self.known.sizes.get(self._known(name, tree), ())
        if axis is None:
            return reduce(nodes.Multiply, sizes) if sizes else nodes.ONE
        if not -len(sizes) <= axis < len(sizes):
            raise self._error(f"{self._words(tree)}: {name} has {len(sizes)} axes.", tree)
        return sizes[axis]

    def _letter_of_operand(self) -> str:
        raise ShapeError("in a claim write the windows with their size, as in windows(x, K) @ w.")

    def _variable(self, tree: ast.Name) -> str:
        return self._known(super()._variable(tree), tree)

    def _known(self, name: str, tree: ast.expr) -> str:
        if name in self.known.names or name in self.known.numbers:
            return name
        raise self._error(self._unknown(name, "name"), tree)

    def _check_function(self, name: str, tree: ast.Call) -> None:
        if name not in self.known.functions:
            check_function(name, tree)

    def _call(self, tree: ast.Call, depth: int) -> Node:
        made = super()._call(tree, depth)
        known = (*ELEMENTWISE, *self.known.functions)
        if isinstance(made, nodes.Apply | nodes.Functional) and made.function not in known:
            raise self._error(self._unknown(made.function, "function"), tree)
        match made:
            case nodes.Functional(function, arg) if function in self.known.values:
                return nodes.Functional(function, arg, self.known.values[function])
            case nodes.Apply(function, arg) if function[1:] in self.known.values:
                axes = (_TWO,) * self._dimensions(arg)  # their sizes follow with the shapes
                return nodes.Functional(function, arg, (*self.known.values[function[1:]], *axes))
            case nodes.Eye(size):
                return nodes.Eye(self._letter(size, tree))
            case nodes.Ones(sizes):
                return nodes.Ones(tuple(self._letter(size, tree) for size in sizes))
            case nodes.Multiply(nodes.ZERO, nodes.Ones(sizes)):
                return nodes.zeros(tuple(self._letter(size, tree) for size in sizes))
            case nodes.OneHot(arg, size):
                return nodes.OneHot(arg, self._letter(size, tree))
            case nodes.Selection(kind, params, sizes):
                own = tuple(self._letter(size, tree) for size in sizes)
                return nodes.Selection(kind, params, own)
            case nodes.Mapped(arg, ("windows" | "fold" as how, int(size), *steps), axis):
                letter = self.known.windows.get(size) or self._letter(size, tree)
                return nodes.Mapped(arg, (how, letter, *steps), axis)
            case nodes.Reshape(arg, sizes, "C" | "F" as how):
                own = tuple(n if n == -1 else self._letter(n, tree) for n in sizes)
                return nodes.Reshape(arg, own, how)
        return made

    def _letter(self, size: int | str, tree: ast.Call) -> int | str:
        """The letter of a size; a size in figures would tie the claim to that size."""
        if isinstance(size, str):
            return self._known_letter(size)
        if size == 1:
            return size
        if size not in self.known.letters:
            raise self._error(
                f"A claim is judged for all sizes, and {self._words(tree)} has the size {size}, "
                "which is not that of one letter; write the letter, such as eye(N).",
                tree,
            )
        return self.known.letters[size]

    def _known_letter(self, size: str) -> str:
        """The size that another letter stands for, being the only one that it can stand for."""
        if not size.isidentifier() or is_length(size) or size in self._sizes:
            return size
        alike = [own for own in self._sizes if own.lower() == size.lower()] or self._sizes
        if len(alike) != 1:
            return size  # which is refused with the sizes that there are
        READ.info("%s is read as the size %s.", size, alike[0])
        return alike[0]

    @property
    def _sizes(self) -> tuple[str, ...]:
        """The letters of sizes."""
        return tuple(name for name in self.known.numbers if name != "pi")

    def _identity(self) -> str:
        return " or ".join(f"eye({size})" for size in self._sizes) or "eye(2), with its size"

    def _unknown(self, name: str, kind: str) -> str:
        if kind == "name" and name == "I":
            return f"I is not a name here; the identity matrix is written {self._identity()}."
        known = self.known.names if kind == "name" else (*self.known.functions, *ELEMENTWISE, "sum")
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.6) if len(name) > 1 else []
        asked = kind == "name" and len(name) == 1  # as letters of sizes are
        sizes = self._sizes if asked else ()
        folded = {other.lower(): other for other in (*sizes, *known)}
        meant = folded.get(name.lower()) or (near[0] if near else None)
        glued = _glued(name, known) if kind == "name" else None
        hint = glued or meant
        also = f", and the sizes {', '.join(sizes)}" if sizes else ""
        return f"There is no {kind} {name} here; there are {', '.join(known)}{also}." + (
            f" Did you mean {hint}?"
            if hint
            else f" If {name} is a size, write {' or '.join(sizes)} for it."
            if sizes
            else ""
        )


def _glued(name: str, known: Collection[str]) -> str | None:
    """XW, where X @ W is meant."""
    for cut in range(1, len(name)):
        if name[:cut] in known and name[cut:] in known:
            return f"{name[:cut]} @ {name[cut:]}"
    return None
