"""Loops over a number of steps, written out: `for t in range(3): h = tanh(W @ h)`."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from matderiv.errors import ProgramSyntaxError
from matderiv.expression._arguments import Refusal

__all__ = ["GIVEN", "one_line_loops", "unrolled"]

#: The attribute of a name that a loop has given to a value, which the text does not hold.
GIVEN = "given_by_loop"

_MOST = 64  # statements that loops are written out as
_TOO_LONG = f"Loops are written out as at most {_MOST} statements."
_LOOP = re.compile(r"for\b.*:\Z")
_AFTER = re.compile(r";(?=[ \t]*for[ \t])")


def one_line_loops(text: str) -> str:
    r"""The text with each loop on a line of its own, the lines of its body behind it.

    >>> one_line_loops("h = x; for t in range(2):\n  y = W @ h\n  h = tanh(y)\nsum(h)")
    'h = x\n for t in range(2): y = W @ h; h = tanh(y)\nsum(h)'
    """
    made: list[str] = []
    depth = -1  # of the loop whose body is read
    for line in _AFTER.sub("\n", text).split("\n"):
        indent, plain = len(line) - len(line.lstrip()), line.strip()
        if depth >= 0 and plain and indent > depth:
            if _LOOP.match(plain.partition(":")[0] + ":"):
                raise ProgramSyntaxError(
                    "A loop stands in no other loop; write the inner one out.", text, 0
                )
            made[-1] += (" " if made[-1].endswith(":") else "; ") + plain
            continue
        depth = indent if _LOOP.match(plain) else -1
        made.append(line)
    return "\n".join(made)


def unrolled(body: Iterable[ast.stmt]) -> list[ast.stmt]:
    """The statements with loops written out; the value that a loop gives h at step 0 is h_t0.

    Raises:
        Refusal: a loop does not run over numbers, or is too long.
    """
    made: list[ast.stmt] = []
    names: dict[str, str] = {}
    for statement in body:
        if isinstance(statement, ast.For):
            made += _written(statement, names)
        else:
            made.append(_put(statement, {}, names))
    if len(made) > _MOST and names:
        loop = next(line for line in body if isinstance(line, ast.For))
        raise Refusal(_TOO_LONG, loop.iter)
    return made


def _written(loop: ast.For, names: dict[str, str]) -> Iterator[ast.stmt]:
    """The steps of a loop; `names` are those that values have by now."""
    if loop.orelse or not isinstance(loop.target, ast.Name):
        raise Refusal("A loop is written as for t in range(3): h = tanh(W @ h).", loop.iter)
    letter = loop.target.id
    for step in _steps(loop.iter):
        for statement in loop.body:
            target, value = _assigned(statement, loop)
            new = _put(ast.copy_location(ast.Expr(value), statement), {letter: step}, names)
            names[target.id] = f"{target.id}_{letter}{step}"
            assign = ast.Assign([_named(target, names[target.id])], new.value)
            yield ast.copy_location(assign, statement)


def _steps(tree: ast.expr) -> range:
    match tree:
        case ast.Call(func=ast.Name(id="range"), args=[end], keywords=[]):
            ends = [0, _whole(end)]
        case ast.Call(func=ast.Name(id="range"), args=[first, end], keywords=[]):
            ends = [_whole(first), _whole(end)]
        case _:
            ends = [None]
    if None not in ends:
        found = range(*(end or 0 for end in ends))
        if len(found) > _MOST:
            raise Refusal(_TOO_LONG, tree)
        if not found:
            raise Refusal("A loop has one step or more, such as range(3) has.", tree)
        return found
    raise Refusal(
        "A loop runs over the numbers of a range, such as range(3); a letter has no words in this "
        "version.",
        tree,
    )


def _whole(tree: ast.expr) -> int | None:
    match tree:
        case ast.Constant(value=int() as number) if not isinstance(number, bool):
            return number
    return None


def _assigned(statement: ast.stmt, loop: ast.For) -> tuple[ast.Name, ast.expr]:
    """A name and its value: h and h + u for h += u."""
    match statement:
        case ast.Assign(targets=[ast.Name() as target], value=value):
            return target, value
        case ast.AugAssign(target=ast.Name() as target, op=op, value=value):
            used = ast.copy_location(ast.Name(target.id, ast.Load()), target)
            return target, ast.copy_location(ast.BinOp(used, op, value), statement)
    raise Refusal("The body of a loop assigns values, such as h = tanh(W @ h).", loop.iter)


_Statement = TypeVar("_Statement", bound=ast.stmt)


def _put(statement: _Statement, numbers: Mapping[str, int], names: Mapping[str, str]) -> _Statement:
    """A copy of a statement with numbers and the names of values put in, its targets aside."""
    new = copy.deepcopy(statement)
    if isinstance(new, ast.Assign | ast.Expr):
        new.value = _Put(numbers, names).visit(new.value)
    return new


class _Put(ast.NodeTransformer):
    def __init__(self, numbers: Mapping[str, int], names: Mapping[str, str]) -> None:
        self.numbers, self.names = numbers, names

    def visit_Call(self, node: ast.Call) -> ast.Call:
        """A function keeps its name."""
        node.args = [self.visit(arg) for arg in node.args]
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)
        if isinstance(node.func, ast.Attribute):
            node.func.value = self.visit(node.func.value)
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A number for the letter of a loop, and for a value its name at this step."""
        if node.id in self.numbers:
            return ast.copy_location(ast.Constant(self.numbers[node.id]), node)
        return _named(node, self.names[node.id]) if node.id in self.names else node


def _named(node: ast.Name, name: str) -> ast.Name:
    made = ast.copy_location(ast.Name(name, node.ctx), node)
    setattr(made, GIVEN, True)
    return made
