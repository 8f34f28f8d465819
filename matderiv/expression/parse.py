"""Reading a program: Python's grammar, a whitelist of it, and nothing is ever evaluated."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable
from fractions import Fraction

from matderiv.errors import InputError, ProgramSyntaxError, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression._syntax import instead_of, name_trouble, syntax_trouble
from matderiv.expression.nodes import Node
from matderiv.expression.program import Assignment, Program
from matderiv.expression.vocabulary import (
    DEFAULT_PROGRAM,
    ELEMENTWISE,
    INSTEAD,
    MAX_DEPTH,
    MAX_NAME,
    MAX_TEXT,
    NAME_PATTERN,
    RESERVED,
    misspelt,
)

__all__ = ["Reader", "parse"]

_BINARY: dict[type[ast.operator], Callable[[Node, Node], Node]] = {
    ast.Add: nodes.Add,
    ast.Sub: nodes.Subtract,
    ast.Mult: nodes.Multiply,
    ast.Div: nodes.Divide,
    ast.Pow: nodes.Power,
    ast.MatMult: nodes.MatMul,
}

_MAX_DIGITS = 40
_NOT_FINITE = frozenset({"nan", "inf", "infinity", "infty"})


def parse(text: str) -> Program:
    """Read `name = expression; …; loss` into a `Program`.

    A last statement without a name is called L.

    Raises:
        ProgramSyntaxError: the text is not in the language; the error holds the place.
        UnsupportedError: a part is known elsewhere but not derived here.

    >>> parse("Y = X @ W; sum(f(Y))").source()
    'Y = X @ W; L = sum(f(Y))'
    """
    return Reader(text).program()


class Reader:
    """One text being read; it holds the text only to say where an error is."""

    #: What the text is called in an error, and what could be written in its place.
    what = "program"
    example = DEFAULT_PROGRAM

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise InputError(f"A {self.what} is text, not {type(text).__name__}.")
        # Indentation means nothing here, and line ends are one character.
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self.text = "\n".join(line.strip() for line in lines).strip()

    def program(self) -> Program:
        """The whole text as a program."""
        statements = self._statements()
        assignments: list[Assignment] = []
        for position, statement in enumerate(statements):
            last = position == len(statements) - 1
            assignments.append(self._assignment(statement, assignments, last=last))
        program = Program(tuple(assignments))
        self._check_names(program)
        return program

    def _statements(self) -> list[ast.stmt]:
        if len(self.text) > MAX_TEXT:
            raise InputError(
                f"The {self.what} has {len(self.text):,} characters; at most {MAX_TEXT:,} are "
                "read. Write it shorter."
            )
        if "\0" in self.text:
            raise ProgramSyntaxError(
                f"The {self.what} holds a null character; remove it.",
                self.text,
                self.text.index("\0"),
            )
        try:
            self.text.encode()
        except UnicodeEncodeError as error:
            raise ProgramSyntaxError(
                f"The {self.what} holds bytes that are not UTF-8; write it in plain letters.",
                self.text,
                error.start,
            ) from None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Python's remarks on its own grammar
                body = ast.parse(self.text).body if self.text.strip("; \n") else []
        except SyntaxError as error:
            offset = self._offset(error.lineno or 1, (error.offset or 1) - 1, characters=True)
            message, offset = syntax_trouble(self.text, offset, error.msg or "", self.example)
            raise ProgramSyntaxError(message, self.text, offset) from None
        except (RecursionError, MemoryError, ValueError):
            raise InputError(
                f"The {self.what} is nested too deeply; write it with fewer brackets."
            ) from None
        if not body:
            raise ProgramSyntaxError(f"The {self.what} is empty. Write for example: {self.example}")
        return body

    def _assignment(
        self, statement: ast.stmt, before: list[Assignment], *, last: bool
    ) -> Assignment:
        taken = {assignment.name for assignment in before}
        if isinstance(statement, ast.Expr) and last:
            value = self._node(statement.value, 0)
            used = {n.name for n in nodes.walk(value) if isinstance(n, nodes.Name)} | taken
            return Assignment(next(n for n in _loss_names() if n not in used), value)
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            if isinstance(target, ast.Name):
                name = self._name(target)
                if name in taken:
                    raise self._error(
                        f"{name} is assigned twice; give each value its own name.", target
                    )
                value = self._node(statement.value, 0)
                if any(isinstance(n, nodes.Name) and n.name == name for n in nodes.walk(value)):
                    raise self._error(
                        f"{name} is defined by itself; give the new value a name of its own.",
                        target,
                    )
                return Assignment(name, value)
        words = self._words(statement)
        if isinstance(statement, ast.Expr):
            self._node(statement.value, 0)  # what is wrong with it comes first
            raise self._error(
                f"{words} has no name; only the last line may lack one. Write Y = {words}.",
                statement,
            )
        hint = (
            f": {instead_of(statement)}"
            if isinstance(statement, ast.AugAssign | ast.AnnAssign)
            else ""
        )
        raise self._error(
            f"{words} is not an assignment of one value to one name, such as Y = X @ W{hint}.",
            statement,
        )

    def _node(self, tree: ast.expr, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise InputError(
                f"The {self.what} is nested more than {MAX_DEPTH} levels deep; write it shorter, "
                "with fewer brackets and operations."
            )
        match tree:
            case ast.Name():
                return nodes.Name(self._variable(tree))
            case ast.Constant(value=value):
                return self._number(tree, value)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self._node(operand, depth + 1)
                if isinstance(inner, nodes.Number):
                    return nodes.Number(-inner.value)
                return nodes.Negate(inner)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self._node(operand, depth + 1)
            case ast.BinOp(op=op) if type(op) in _BINARY:
                left = self._node(tree.left, depth + 1)
                right = self._node(tree.right, depth + 1)
                return _BINARY[type(op)](left, right)
            case ast.Attribute(value=value, attr="T"):
                return nodes.Transpose(self._node(value, depth + 1))
            case ast.Attribute(attr=attr):
                raise self._error(
                    f".{attr} is not in the language; the only attribute is .T, as in X.T.",
                    tree,
                    at=self._attribute(tree),
                )
            case ast.Call():
                return self._call(tree, depth)
        raise self._error(f"{self._words(tree)} is not in the language; {instead_of(tree)}.", tree)

    def _call(self, tree: ast.Call, depth: int) -> Node:
        if isinstance(tree.func, ast.Attribute):
            name = tree.func.attr
            inside = self._words((tree.args or [tree.func.value])[0])
            what = INSTEAD.get(name) or f"{name}({inside})"
            raise self._error(
                f"Methods and modules are not in the language; write {what}.", tree.func
            )
        if not isinstance(tree.func, ast.Name):
            raise self._error(
                f"{self._words(tree.func)} cannot be called; write an operator such as * "
                "before the bracket.",
                tree,
            )
        name = self._name(tree.func)
        if name in RESERVED:
            instead = (
                f"Write {INSTEAD[name]}."
                if name in INSTEAD
                else (
                    f"Known functions are sum, {', '.join(ELEMENTWISE)}; an undefined f(Y), or "
                    "Loss(Y) of the whole matrix, works too."
                )
            )
            raise UnsupportedError(f"{name}(…) is not derived by this version. {instead}")
        near = None if name in ELEMENTWISE or name == "sum" else misspelt(name)
        if near in RESERVED:
            raise self._error(
                f"Unknown function {name}. If {near} is meant: it is not derived by this version; "
                "Loss(Y) proves the result for every loss.",
                tree,
            )
        if near is not None:
            raise self._error(f"Unknown function {name}. Did you mean {near}?", tree)
        if tree.keywords or len(tree.args) != 1 or isinstance(tree.args[0], ast.Starred):
            raise self._error(f"{name} takes one argument and no options here: {name}(Y).", tree)
        arg = self._node(tree.args[0], depth + 1)
        if name == "sum":
            return nodes.Sum(arg)
        if name[0].isupper():
            return nodes.Functional(name, arg)
        return nodes.Apply(name, arg)

    def _variable(self, tree: ast.Name) -> str:
        name = self._name(tree)
        if name in ELEMENTWISE or name == "sum":
            raise self._error(
                f"{name} is a function; write {name}(Y), or give the variable another name.", tree
            )
        return name

    def _name(self, tree: ast.Name) -> str:
        # Python folds compatibility letters; the text as typed is what is judged.
        if not NAME_PATTERN.match(tree.id) or self._typed(tree) != tree.id:
            raise self._error(name_trouble(self._words(tree)), tree)
        if tree.id.lower() in _NOT_FINITE:
            raise self._error(
                f"{tree.id} is no finite number; write a number or another name.", tree
            )
        if len(tree.id) > MAX_NAME:
            raise self._error(
                f"The name {tree.id[:MAX_NAME]}… is longer than {MAX_NAME} letters; shorten it.",
                tree,
            )
        return tree.id

    def _number(self, tree: ast.Constant, value: object) -> nodes.Number:
        if isinstance(value, bool) or not isinstance(value, int | float):
            what = (
                "there are no strings"
                if isinstance(value, str | bytes)
                else ("write a real number such as 2 or 0.5")
            )
            raise self._error(f"{self._words(tree)} is not in the language; {what}.", tree)
        written = self._typed(tree)
        if len(written) > _MAX_DIGITS or (isinstance(value, int) and value >= 10**_MAX_DIGITS):
            raise self._error(
                f"A number has more than {_MAX_DIGITS} digits; write fewer of them.", tree
            )
        exponent = written.lower().partition("e")[2].lstrip("+-")
        if not written.lower().startswith("0x") and len(exponent) > 2:  # noqa: PLR2004 - 1e99
            raise self._error(
                f"The number {written} is too large or too small; exponents go up to 99.", tree
            )
        try:
            return nodes.Number(Fraction(written.replace("_", "")))
        except ValueError:
            return nodes.Number(Fraction(value))

    def _check_names(self, program: Program) -> None:
        functions = program.functions()
        names = program.names()
        for name in sorted(functions):
            if name in names:
                raise InputError(
                    f"{name} is used both as a function and as a variable; rename one of the two."
                )
        everything = names | functions
        for name in sorted(everything):
            if f"d{name}" in everything:
                kept = "derivative of" if name in functions else "gradient by"
                raise InputError(f"d{name} is kept for the {kept} {name}; rename one of the two.")

    def _typed(self, tree: ast.AST) -> str:
        return ast.get_source_segment(self.text, tree) or ""

    def _words(self, tree: ast.AST) -> str:
        """The part of the text that a syntax tree came from, cut to a readable length."""
        words = " ".join((self._typed(tree) or "this").split())
        return words if len(words) <= 48 else words[:47] + "…"  # noqa: PLR2004 - a line's length

    def _error(
        self, message: str, tree: ast.stmt | ast.expr, at: int | None = None
    ) -> ProgramSyntaxError:
        if at is None:
            at = self._offset(tree.lineno, tree.col_offset, characters=False)
        return ProgramSyntaxError(message, self.text, at)

    def _attribute(self, tree: ast.Attribute) -> int:
        """Where the attribute's own name starts."""
        end = self._offset(tree.end_lineno or 1, tree.end_col_offset or 0, characters=False)
        return max(0, end - len(tree.attr))

    def _offset(self, line: int, column: int, *, characters: bool) -> int:
        lines = self.text.split("\n")
        current = lines[line - 1] if line <= len(lines) else ""
        if not characters:
            column = len(current.encode()[:column].decode(errors="ignore"))
        return sum(len(before) + 1 for before in lines[: line - 1]) + max(
            0, min(column, len(current))
        )


def _loss_names() -> list[str]:
    return ["L", "J", "E", "S", *(f"L{n}" for n in range(1, 100))]
