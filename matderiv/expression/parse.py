"""Reading a program: Python's grammar, a whitelist of it, and nothing is ever evaluated."""

from __future__ import annotations

import ast
import difflib
import warnings
from collections.abc import Callable
from fractions import Fraction

from matderiv.errors import InputError, ProgramSyntaxError, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.program import Assignment, Program
from matderiv.expression.vocabulary import (
    ELEMENTWISE,
    MAX_DEPTH,
    MAX_NAME,
    MAX_TEXT,
    NAME_PATTERN,
    RESERVED,
)

__all__ = ["parse"]

_BINARY: dict[type[ast.operator], Callable[[Node, Node], Node]] = {
    ast.Add: nodes.Add,
    ast.Sub: nodes.Subtract,
    ast.Mult: nodes.Multiply,
    ast.Div: nodes.Divide,
    ast.Pow: nodes.Power,
    ast.MatMult: nodes.MatMul,
}

_MAX_DIGITS = 40


def parse(text: str) -> Program:
    """Read `name = expression; …; loss` into a `Program`.

    A last statement without a name is called L.

    Raises:
        ProgramSyntaxError: the text is not in the language; the error holds the place.
        UnsupportedError: a part is known elsewhere but not derived here.

    >>> parse("Y = X @ W; sum(f(Y))").source()
    'Y = X @ W; L = sum(f(Y))'
    """
    return _Reader(text).program()


class _Reader:
    """One text being read; it holds the text only to say where an error is."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()

    def program(self) -> Program:
        statements = self._statements()
        assignments: list[Assignment] = []
        for position, statement in enumerate(statements):
            last = position == len(statements) - 1
            assignments.append(self._assignment(statement, assignments, last=last))
        program = Program(tuple(assignments))
        self._check_names(program)
        return program

    def _statements(self) -> list[ast.stmt]:
        if not self.text:
            raise ProgramSyntaxError(
                "The program is empty. Write for example: Y = X @ W; L = sum(f(Y))"
            )
        if len(self.text) > MAX_TEXT:
            raise InputError(
                f"The program has {len(self.text):,} characters; at most {MAX_TEXT:,} are read."
            )
        if "\0" in self.text:
            raise ProgramSyntaxError("The program holds a null character.")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                tree = ast.parse(self.text)
        except SyntaxError as error:
            offset = self._offset(error.lineno or 1, (error.offset or 1) - 1, characters=True)
            detail = (error.msg or "invalid syntax").partition(". Perhaps")[0]
            raise ProgramSyntaxError(
                f"The program cannot be read: {detail}.", self.text, offset
            ) from None
        except (RecursionError, MemoryError, ValueError):
            raise InputError("The program is nested too deeply to be read.") from None
        return tree.body

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
                    raise self._error(f"{name} is assigned twice; give each value its own name.",
                                      target)
                value = self._node(statement.value, 0)
                if any(isinstance(n, nodes.Name) and n.name == name for n in nodes.walk(value)):
                    raise self._error(f"{name} is defined by itself.", target)
                return Assignment(name, value)
        raise self._error(
            "A program is made of assignments such as Y = X @ W; "
            f"{self._words(statement)} is not one.",
            statement,
        )

    def _node(self, tree: ast.expr, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise InputError(f"The program is nested more than {MAX_DEPTH} levels deep.")
        match tree:
            case ast.Name():
                return nodes.Name(self._name(tree))
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
                raise self._error(f".{attr} is not in the language; the only attribute is .T.",
                                  tree)
            case ast.Call():
                return self._call(tree, depth)
        raise self._error(f"{self._words(tree)} is not in the language.", tree)

    def _call(self, tree: ast.Call, depth: int) -> Node:
        if not isinstance(tree.func, ast.Name):
            raise self._error(
                f"Only a function's plain name can be called, not {self._words(tree.func)}.", tree
            )
        name = self._name(tree.func)
        if name in RESERVED:
            raise UnsupportedError(
                f"{name}(…) is not derived by this version. Known functions: sum, "
                f"{', '.join(ELEMENTWISE)}; an undefined f(Y) or Loss(Y) works too."
            )
        if tree.keywords or len(tree.args) != 1 or isinstance(tree.args[0], ast.Starred):
            raise self._error(f"{name} takes one argument here: {name}(Y).", tree)
        arg = self._node(tree.args[0], depth + 1)
        if name == "sum":
            return nodes.Sum(arg)
        if name[0].isupper():
            return nodes.Functional(name, arg)
        if name not in ELEMENTWISE and len(name) > 2:
            near = difflib.get_close_matches(
                name, [*ELEMENTWISE, "sum", *RESERVED], n=1, cutoff=0.75
            )
            if near:
                raise self._error(f"Unknown function {name}. Did you mean {near[0]}?", tree)
        return nodes.Apply(name, arg)

    def _name(self, tree: ast.Name) -> str:
        # Python folds compatibility letters; the text as typed is what is judged.
        if not NAME_PATTERN.match(tree.id) or self._words(tree) != tree.id:
            raise self._error(
                f"{self._words(tree)} is not a name that can be used; "
                "names are Latin letters, digits and _, starting with a letter.",
                tree,
            )
        if len(tree.id) > MAX_NAME:
            raise self._error(f"The name {tree.id[:MAX_NAME]}… is longer than {MAX_NAME} letters.",
                              tree)
        return tree.id

    def _number(self, tree: ast.Constant, value: object) -> nodes.Number:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._error(f"{self._words(tree)} is not a number.", tree)
        written = self._words(tree)
        if len(written) > _MAX_DIGITS:
            raise self._error(f"A number has more than {_MAX_DIGITS} digits.", tree)
        exponent = written.lower().partition("e")[2].lstrip("+-")
        if not written.lower().startswith("0x") and len(exponent) > 2:  # noqa: PLR2004 - 1e99
            raise self._error(f"The number {written} is too large or too small.", tree)
        try:
            return nodes.Number(Fraction(written.replace("_", "")))
        except ValueError:
            return nodes.Number(Fraction(value))

    def _check_names(self, program: Program) -> None:
        functions = program.functions()
        names = program.names()
        for name in sorted(functions):
            if name in names:
                raise InputError(f"{name} is used both as a function and as a variable.")
            if f"d{name}" in functions:
                raise InputError(
                    f"d{name} is kept for the derivative of {name}; rename one of the two."
                )
        for name in sorted(names):
            if f"d{name}" in names:
                raise InputError(f"d{name} is kept for the gradient by {name}; rename it.")

    def _words(self, tree: ast.AST) -> str:
        """The part of the text that a syntax tree came from, cut to a readable length."""
        words = " ".join((ast.get_source_segment(self.text, tree) or "this").split())
        return words if len(words) <= 48 else words[:47] + "…"  # noqa: PLR2004 - a line's length

    def _error(self, message: str, tree: ast.stmt | ast.expr) -> ProgramSyntaxError:
        offset = self._offset(tree.lineno, tree.col_offset, characters=False)
        return ProgramSyntaxError(message, self.text, offset)

    def _offset(self, line: int, column: int, *, characters: bool) -> int:
        lines = self.text.splitlines(keepends=True)
        current = lines[line - 1] if line <= len(lines) else ""
        if not characters:
            column = len(current.encode()[:column].decode(errors="ignore"))
        return sum(map(len, lines[: line - 1])) + min(column, len(current))


def _loss_names() -> list[str]:
    return ["L", "J", "E", "S", *(f"L{n}" for n in range(1, 100))]
