"""Reading a program: Python's grammar, a whitelist of it, and nothing is ever evaluated."""

from __future__ import annotations

import ast
import copy
import itertools
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from matderiv.errors import InputError, ProgramSyntaxError, ShapeError
from matderiv.expression import nodes
from matderiv.expression._arguments import Refusal, arrange, new_axes
from matderiv.expression._callee import check_declared, check_function, method_call
from matderiv.expression._constants import check_constants
from matderiv.expression._names import check_names
from matderiv.expression._spectral import of_matrix
from matderiv.expression._syntax import (
    bars_trouble,
    instead_of,
    name_trouble,
    syntax_trouble,
)
from matderiv.expression._unroll import GIVEN, one_line_loops, unrolled
from matderiv.expression.axes import over_axes, swapaxes
from matderiv.expression.foreign import elsewhere, instead_of_name
from matderiv.expression.index_calls import Labels, indexed, literal, read_size
from matderiv.expression.lengths import Lengths, asks_sizes
from matderiv.expression.libraries import library_call
from matderiv.expression.nodes import Node
from matderiv.expression.operations import OPERATIONS, operation_of
from matderiv.expression.program import Assignment, Program
from matderiv.expression.shapes import infer
from matderiv.expression.shorthand import at_least, equal, greater, unequal
from matderiv.expression.size_text import asked_of, asked_text, is_length
from matderiv.expression.source import source
from matderiv.expression.spelling import READ, respelled
from matderiv.expression.vocabulary import (
    DEFAULT_PROGRAM,
    ELEMENTWISE,
    KNOWN,
    MAX_DEPTH,
    MAX_NAME,
    MAX_TEXT,
    NAME_PATTERN,
    is_greek,
    is_plain,
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

#: A line that says something of inputs: `assume S symmetric, psd`, `assume p, q positive`.
_ASSUME = re.compile(
    r"(?:(?<=[;\n])|\A)[ \t]*assume[ \t]+(?:(\w+(?:[ \t]*,[ \t]*\w+)*)[ \t]+(?:is[ \t]+)?"
    r"(\w+(?:(?:[ \t]*,[ \t]*|[ \t]+and[ \t]+)\w+)*)[ \t]*(?=[;\n#]|\Z)|(?=\w))"
)

#: A statement that declares undefined functions; Python's own of this form is global.
_FUNCTION = re.compile(r"(?:^|(?<=;))([ \t]*)function(?=[ \t]+[A-Za-z])", re.MULTILINE)

_COMPARISONS: dict[type[ast.cmpop], Callable[[Node, Node], Node]] = {
    ast.Eq: equal,
    ast.NotEq: unequal,
    ast.Gt: greater,
    ast.Lt: lambda left, right: greater(right, left),
    ast.GtE: at_least,
    ast.LtE: lambda left, right: at_least(right, left),
}

#: Functions of all entries unless an axis is named, which many take to be those of each row.
_OF_ROWS_ELSEWHERE = frozenset({"softmax", "log_softmax"})

_MAX_DIGITS = 40
_NOT_FINITE = frozenset({"nan", "inf", "infinity", "infty"})


def parse(text: str, shapes: Mapping[str, tuple[int, ...]] | None = None) -> Program:
    """Read `name = expression; …; loss` into a `Program`.

    A last statement without a name is called L. A line `assume S symmetric` says something of an
    input. What some operations mean depends on how many axes an input has, by its declared shape.

    Raises:
        ProgramSyntaxError: the text is not in the language; the error holds the place.
        UnsupportedError: a part is known elsewhere but not derived here.

    >>> parse("Y = X @ W; sum(f(Y))").source()
    'Y = X @ W; L = sum(f(Y))'
    """
    return Reader(text, shapes).program()


#: Names of inputs that are masks where they stand in an index.
_MASKS = frozenset({"M", "mask", "Mask"})

#: Constants of a shape, which may be that of an array: zeros(X.shape).
_OF_A_SHAPE = frozenset({"zeros", "ones", "full"})

#: Functions of places of entries, and the entries that stand there.
_PLACES = {"argmax": "max", "argmin": "min", "argsort": "sort"}

#: Operations that are given several axes as they are.
_AXES_THEMSELVES = frozenset({"norm", "squeeze", "var", "std"})


class Reader:
    """One text being read; it holds the text only to say where an error is."""

    #: The word for the text in an error, and an example of one.
    what = "program"
    example = DEFAULT_PROGRAM

    def __init__(self, text: str, shapes: Mapping[str, tuple[int, ...]] | None = None) -> None:
        self.shapes = dict(shapes or {})
        #: Letters of the sizes of operands, which a program does not write.
        self.unnamed = map("_{}".format, itertools.count(1))
        # Indentation means nothing here, and line ends are one character.
        lines = one_line_loops(text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
        self.text = "\n".join(line.strip() for line in lines).strip()
        self.lines: list[bytes] = []
        self.assumed: list[tuple[str, str]] = []
        self.declared: tuple[str, ...] = ()
        self.assigned: dict[str, Assignment] = {}
        self.lengths = Lengths()
        self.loops = False
        #: Calls as they are written, by the text of what they are read as.
        self.written: dict[str, str] = {}

    def program(self) -> Program:
        """The whole text as a program."""
        statements = self._statements()
        assignments = self.assigned
        for position, statement in enumerate(statements):
            last = position == len(statements) - 1
            assignment = self._assignment(statement, assignments, last=last)
            assignments[assignment.name] = assignment
        named = isinstance(statements[-1], ast.Assign)
        names = self.lengths.names()
        program = Program(
            tuple(assignments.values()),
            tuple(self.assumed),
            named,
            size_names=names,
            written=tuple(self.written.items()),
        )
        if self.loops:
            READ.info("Read as: %s", program.source())
        self._check_lengths(program)
        check_names(program)
        check_constants(program)
        return program

    def _check_lengths(self, program: Program) -> None:
        """Refuse the size of an array that stands nowhere, which nothing would tell."""
        used = {a.name for a in program.assignments}
        for assignment in program.assignments:
            used |= nodes.names_in(assignment.value)
        for length in sorted(program.lengths()):
            name, _ = asked_of(length)
            if name not in used:
                raise InputError(
                    f"{asked_text(length)}: {name} stands nowhere else in the {self.what}; write a "
                    "scalar for the size, such as n."
                )

    def _statements(self) -> list[ast.stmt]:
        if len(self.text) > MAX_TEXT:
            raise InputError(
                f"The {self.what} has {len(self.text):,} characters; at most {MAX_TEXT:,} are "
                "read. Write it shorter."
            )
        self.text, other = respelled(self.text)
        plain, lines = self._without_assumed()
        if "\0" in self.text:
            raise ProgramSyntaxError(
                f"The {self.what} holds a null character; remove it.",
                self.text,
                self.text.index("\0"),
            )
        try:
            self.lines = self.text.encode().split(b"\n")
        except UnicodeEncodeError as error:
            raise ProgramSyntaxError(
                f"The {self.what} holds bytes that are not UTF-8; write it in plain letters.",
                self.text,
                error.start,
            ) from None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Python's remarks on its own grammar
                text = _FUNCTION.sub(r"\1global  ", plain)
                body = ast.parse(text).body if text.strip("; \n") else []
        except SyntaxError as error:
            offset = self._offset(error.lineno or 1, (error.offset or 1) - 1, characters=True)
            message, offset = syntax_trouble(self.text, offset, error.msg or "", self.example)
            raise ProgramSyntaxError(message, self.text, offset) from None
        except (RecursionError, MemoryError, ValueError):
            raise InputError(
                f"The {self.what} is nested too deeply; write it with fewer brackets."
            ) from None
        if other:
            READ.info("Read as: %s", other)
        body = [line for line in body if (line.lineno, line.col_offset) not in lines]
        declarations = [line for line in body if isinstance(line, ast.Global)]
        self.declared = tuple(name for line in declarations for name in line.names)
        for line in declarations:
            for name in line.names:
                self._check_declaration(name, line)
        body = [line for line in body if not isinstance(line, ast.Global)]
        self.loops = any(isinstance(line, ast.For) for line in body)
        try:
            body = unrolled(body) if self.loops else body
            body = (
                [*self._with_letters(body)] if self.lengths.given or asks_sizes(self.text) else body
            )
        except Refusal as refusal:
            raise self._error(refusal.message, refusal.tree) from None
        except RecursionError:
            raise InputError(
                f"The {self.what} is nested too deeply; write it with fewer brackets."
            ) from None
        if not body:
            raise ProgramSyntaxError(f"The {self.what} is empty. Write for example: {self.example}")
        return body

    def _with_letters(self, body: list[ast.stmt]) -> Iterator[ast.stmt]:
        """The statements with letters for sizes, without those that only name sizes."""
        for number, statement in enumerate(body):
            named = self.lengths.named(statement) if number < len(body) - 1 else []
            for name in named:
                Reader._variable(self, name)
            if not named:
                yield self.lengths.visit(statement)

    def _without_assumed(self) -> tuple[str, set[tuple[int, int]]]:
        """The text with other statements in place of what it assumes, and where those stand."""
        text, places = self.text, set[tuple[int, int]]()
        for found in _ASSUME.finditer(self.text):
            line = self.text[: found.start()].rpartition("\n")[2]
            if "#" in line:
                continue
            start = found.end() - len(found[0].lstrip())
            if found[2] is None:
                raise ProgramSyntaxError(
                    "What is assumed is written as a name and a word, such as assume S symmetric.",
                    self.text,
                    start,
                )
            what = re.sub(r"\s*,\s*|\s+and\s+", ", ", found[2])
            self.assumed += ((name.strip(), what) for name in found[1].split(","))
            words = "pass".ljust(found.end() - start)
            text = f"{text[:start]}{words}{text[found.end() :]}"
            begin = text[:start].rpartition("\n")[2]
            places.add((text[:start].count("\n") + 1, len(begin.encode())))
        return text, places

    def _assignment(
        self, statement: ast.stmt, taken: Mapping[str, Assignment], *, last: bool
    ) -> Assignment:
        if isinstance(statement, ast.Expr) and last:
            value = self._node(statement.value, 0)
            used = nodes.names_in(value) | taken.keys()
            return Assignment(next(n for n in _loss_names() if n not in used), value)
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            if isinstance(target, ast.Name):
                name = self._variable(target)
                if name == "pi":
                    raise self._error("pi is the number π; give the value another name.", target)
                if name in taken or name in self.lengths.given:
                    raise self._error(
                        f"{name} is assigned twice; give each value its own name.", target
                    )
                value = self._node(statement.value, 0)
                if name in nodes.names_in(value):
                    raise self._error(
                        f"{name} is defined by itself; give the new value a name of its own.",
                        target,
                    )
                return Assignment(name, value)
        words = self._words(statement)
        if isinstance(statement, ast.Expr):
            match statement.value:
                case ast.Compare(left=ast.Name(), ops=[ast.Eq()]):
                    raise self._error(
                        f"{words} compares; assign with a single =, such as Y = X @ W.", statement
                    )
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
            case ast.Name(id="pi"):
                return nodes.Pi()
            case ast.Name(id=letter) if is_length(letter):
                return self._length(letter, tree)
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
            case ast.Compare(ops=[sign], comparators=[right]) if type(sign) in _COMPARISONS:
                sides = (self._node(side, depth + 1) for side in (tree.left, right))
                return _COMPARISONS[type(sign)](*sides)
            case ast.Attribute(value=value, attr="T"):
                return nodes.Transpose(self._node(value, depth + 1))
            case ast.Attribute(value=value, attr="mT"):
                return swapaxes(self._node(value, depth + 1), -1, -2)
            case ast.Subscript():
                return self._indexed(tree, depth)
            case ast.List(elts=[_, *_] as parts):
                self._check_literal(tree)
                return literal([self._node(part, depth + 1) for part in parts])
            case ast.Attribute(attr="shape" | "size"):
                raise self._error(
                    f"{self._words(tree)}: a size is that of one axis of a named array: "
                    "Y = X @ W; n = Y.shape[0].",
                    tree,
                    at=self._attribute(tree),
                )
            case ast.Attribute(attr=attr):
                raise self._error(
                    f".{attr} is not in the language; the only attribute is .T, as in X.T.",
                    tree,
                    at=self._attribute(tree),
                )
            case ast.Call():
                return self._call(tree, depth)
        raise self._foreign(tree)

    def _foreign(self, tree: ast.expr) -> ProgramSyntaxError:
        """The error about a part that is not in the language."""
        is_bar = isinstance(getattr(tree, "op", None), ast.BitOr)
        bars = bars_trouble(self.text) if is_bar else None
        if bars:
            return ProgramSyntaxError(bars[0], self.text, bars[1])
        return self._error(f"{self._words(tree)} is not in the language; {instead_of(tree)}.", tree)

    def _length(self, letter: str, tree: ast.Name) -> Node:
        """A size that an array is asked for, as a number."""
        name, _ = asked_of(letter)
        if name in KNOWN or not NAME_PATTERN.match(name):
            raise self._error(name_trouble(name), tree)
        return nodes.Size(letter, 1)

    def _indexed(self, tree: ast.Subscript, depth: int) -> Node:
        """X[:, None], X[1:], X[arange(N), y] by labels, and eigvalsh(A)[0]."""
        if (spectral := self._of_matrix(tree, depth)) is not None:
            return spectral
        if (new := new_axes(tree.slice)) is not None:
            return nodes.Rearrange(self._node(tree.value, depth + 1), *new)
        if (there := _at_places(tree)) is not None:
            return self._node(there, depth + 1)
        array = self._node(tree.value, depth + 1)
        if isinstance(tree.slice, ast.Name) and tree.slice.id in _MASKS:
            mask = tree.slice.id
            raise self._error(
                f"{self._words(tree)}: how many entries a mask takes is no size; their sum and "
                f"mean are read, and of others write a product, as in sum(f(X)*{mask}). Labels "
                "have another name, such as y.",
                tree,
            )
        try:
            found = indexed(array, tree.slice)
        except ShapeError as error:
            raise self._error(f"{self._words(tree)}: {error}", tree) from None
        if not isinstance(found, Labels):
            return found
        labels = self._node(found.tree, depth + 1)
        rows = None if found.rows is None else read_size(found.rows)
        asked = asked_of(rows) if isinstance(rows, str) and is_length(rows) else None
        if asked in [(of.name, 0) for of in (array, labels) if isinstance(of, nodes.Name)]:
            rows = None  # all of them, as the length of the array or of the labels says
        elif found.rows is not None and rows is None:
            raise self._error(
                f"{self._words(tree)}: the rows are all of them, arange(N) or arange(len(y)).", tree
            )
        return nodes.Gathered(array, labels, found.how, rows)

    def _check_literal(self, tree: ast.List) -> None:
        """Refuse rows of unequal length."""
        rows = [len(row.elts) if isinstance(row, ast.List) else 0 for row in tree.elts]
        for number, count in enumerate(rows):
            if count != rows[0]:
                raise self._error(
                    f"{self._words(tree)} is ragged: row 0 has {rows[0] or 'no list of'} entries, "
                    f"row {number} {count or 'none'}; give all rows as many.",
                    tree,
                )

    def _several(self, name: str, tree: ast.expr, depth: int) -> list[Any]:
        """The arrays of a list, of block a list of rows."""
        if not isinstance(tree, ast.Tuple | ast.List) or not tree.elts:
            example = operation_of(name).example(name)
            raise self._error(f"{name} takes a list of arrays: {example}.", tree)
        if name != "block":
            return [self._node(part, depth + 1) for part in tree.elts]
        nested = all(isinstance(row, ast.List) for row in tree.elts)
        rows = tree.elts if nested else [tree]
        return [
            [[self._node(part, depth + 1) for part in getattr(row, "elts", ())] for row in rows]
        ]

    def _of_matrix(self, tree: ast.expr, depth: int) -> Node | None:
        """A function of eigenvalues or factors that is one of the matrix itself."""
        found = of_matrix(tree)
        if found is None:
            return None
        make, matrix = found
        node, words = self._node(matrix, depth + 1), self._words(tree)
        made = make(node)
        if source(made) != words:
            READ.info("Read as: %s for %s", source(made), words)
        for name in ("eigvalsh", "eigh", "cholesky"):
            if f"{name}(" in words:
                READ.info("Read as: %s of a symmetric matrix, which %s must be", name, source(node))
        return made

    def _call(self, tree: ast.Call, depth: int) -> Node:  # noqa: PLR0912 - a case a line
        for read in (self._of_matrix, self._masked, self._filled, self._of_library):
            if (found := read(tree, depth)) is not None:
                return found
        match tree:
            case ast.Call(func=ast.Name(id="array" | "asarray"), args=[ast.List() as entries]) if (
                not tree.keywords
            ):
                return self._node(entries, depth + 1)
            case ast.Call(ast.Name("embedding"), [_, _] as args, []) if (
                "embedding" not in self.declared
            ):
                return self._indexed(_looked_up(tree, *args), depth)
        try:
            other = library_call(tree)
            if other is not None and other[0] not in self.declared and other[1].other_name:
                name, args = other[1].other_name, other[2]
                READ.info("Read as: %s(…) for %s", name, self._words(tree))
            elif isinstance(tree.func, ast.Name):
                name, args = self._meant(self._name(tree.func), tree)
                self._check_function(name, tree)
                if len(args) > 1 and name[0].isupper() and name not in OPERATIONS:
                    return self._of_several(name, tree, depth)
            else:
                name, args = method_call(tree, self._words)
            operands, options = arrange(name, operation_of(name), tree, args)
        except Refusal as refusal:
            raise self._error(refusal.message, refusal.tree) from None
        if operation_of(name).several:
            made = self._several(name, operands[0], depth)
        else:
            made = [self._node(operand, depth + 1) for operand in operands]
        for option, value in options.items():
            if isinstance(value, ast.expr):
                options[option] = self._node(value, depth + 1)
        answers: dict[str, Callable[..., Any]] = {
            "dimensions": self._dimensions,
            "read": self._formula,
            "letter": self._letter_of_operand,
        }
        options |= {asked: answers[asked] for asked in operation_of(name).asks}
        make = operation_of(name).make
        try:
            if name == "einsum":
                return make(options["subscripts"], *made)
            many = operation_of(name).several or name in _AXES_THEMSELVES
            if isinstance(axes := options.get("axis"), tuple) and not many:
                (arg,) = made
                return over_axes(make, arg, axes, keepdims=bool(options.get("keepdims")))
            node = make(*made, **options)
        except ShapeError as error:
            raise self._error(f"{name}: {error}", tree) from None
        if "letter" in operation_of(name).asks:
            self.written[source(node)] = self._words(tree)
        if name in _OF_ROWS_ELSEWHERE and options.get("axis") is None:
            self._tell_axis(name, tree, made[0])
        return self._sized(node) if isinstance(node, nodes.Functional) else node

    def _sized(self, node: nodes.Functional) -> Node:
        """A function of whole arrays with the shape that is declared of its values."""
        return replace(node, sizes=self.shapes.get(node.function, ()))

    def _tell_axis(self, name: str, tree: ast.Call, array: Node) -> None:
        """Say that a softmax without an axis is one of all entries, where there are more axes."""
        if self._dimensions(array) > 1:
            READ.info(
                "%s is over all entries at once, as in SciPy; of each row it is %s(…, axis=-1)",
                self._words(tree),
                name,
            )

    def _masked(self, tree: ast.Call, depth: int) -> Node | None:
        """The sum or the mean of what a mask takes: Σ f(x)·m, and that divided by Σ m."""
        match tree:
            case ast.Call(ast.Name("sum" | "mean" as name), [inside], []):
                pass
            case _:
                return None
        masked = _Masked()
        whole = masked.visit(copy.deepcopy(inside))
        numbers = frozenset(n for n, own in self.shapes.items() if not own)
        if not masked.masks or not masked.entrywise(whole, numbers):
            return None
        if len({ast.dump(mask) for mask in masked.masks}) > 1:
            raise self._error(f"{self._words(tree)}: write one mask, or the product of two.", tree)
        mask = masked.masks[0]
        array, chosen = self._node(whole, depth + 1), self._node(mask, depth + 1)
        more = self._dimensions(array) - self._dimensions(chosen)
        if more < 0 or (more and name == "mean"):
            raise self._error(
                f"{self._words(tree)}: the mask has other axes than the array; write the sum of "
                "their product, divided by how many entries it takes.",
                tree,
            )
        if more:  # it takes rows
            chosen = nodes.Rearrange(chosen, (None,) * more, 0)
        total: Node = nodes.Sum(nodes.Multiply(array, chosen))
        made = total if name == "sum" else nodes.Divide(total, nodes.Sum(chosen))
        holds = f", {source(chosen)} holding zeros and ones" if isinstance(mask, ast.Name) else ""
        READ.info("Read as: %s for %s%s", source(made), self._words(tree), holds)
        return made

    def _filled(self, tree: ast.expr, depth: int) -> Node | None:
        """full((n, m), c) as the number times an array of ones."""
        match tree:
            case ast.Call(ast.Name("full") as name, [sizes, value], []) if not isinstance(
                sizes, ast.Attribute
            ):
                ones = ast.copy_location(ast.Name("ones"), name)
                setattr(ones, GIVEN, True)
                array = self._node(ast.copy_location(ast.Call(ones, [sizes], []), tree), depth + 1)
                number = self._node(value, depth + 1)
                return array if number == nodes.ONE else nodes.Multiply(number, array)
        return None

    def _of_library(self, tree: ast.Call, depth: int) -> Node | None:
        """np.multiply(X, Y) as X*Y: a call of another library whose meaning is certain."""
        found = library_call(tree)
        if found is None or found[0] in self.declared:
            return None
        _, call, args = found
        if call.other_name is not None:
            return None
        values = [self._node(arg, depth + 1) for arg in args]
        made = self._formula(call.formula, dict(zip(call.operands, values, strict=True)), {})
        READ.info("Read as: %s for %s", source(made), self._words(tree))
        return made

    def _of_several(self, name: str, tree: ast.Call, depth: int) -> Node:
        """F(x, Y), a function of all entries of several arrays, which stand one after another."""
        if tree.keywords or any(isinstance(part, ast.Starred) for part in tree.args):
            raise self._error(f"{name} takes arrays and no options: {name}(x, y).", tree)
        rows = []
        for part in tree.args:
            node = self._node(part, depth + 1)
            match self._dimensions(node):
                case 0:
                    node = nodes.Rearrange(node, (None,))
                case n if n > 1:
                    node = operation_of("ravel").make(node)
            rows.append(node)
        made = self._sized(nodes.Functional(name, operation_of("concatenate").make(*rows)))
        READ.info("Read as: %s for %s", source(made), self._words(tree))
        return made

    def _meant(self, name: str, tree: ast.Call) -> tuple[str, list[ast.expr]]:
        """The function and operands of a call; max(0, Y) is maximum(0, Y)."""
        if name == "gelu" and (way := _approximate(tree)) is not None:
            name = "gelu" if way == "none" else "gelu_tanh"
            tree.keywords = []
        match tree.args:
            case [ast.Constant(value=number), _] if name in ("max", "min") and not tree.keywords:
                READ.info("Read as: %simum(%s, …) for %s", name, number, self._words(tree))
                return f"{name}imum", tree.args
            case [ast.Attribute(of, "shape"), *rest] if name in _OF_A_SHAPE:
                return f"{name}_like", [of, *rest]
            case [ast.Constant(value=0 | 1 as order), of] if name == "polygamma":
                return "trigamma" if order else "digamma", [of]
        return name, tree.args

    def _formula(self, text: str, values: Mapping[str, Node], options: Mapping[str, Node]) -> Node:
        """The node of a formula of the language's own, with values for all names in it."""
        return _FormulaReader(text, self, values, options).value()

    def _letter_of_operand(self) -> str:
        return next(self.unnamed)

    def _dimensions(self, node: Node) -> int:
        """How many dimensions an expression has after the values so far; 0 if they do not fit."""
        program = Program((*self.assigned.values(), Assignment("", node)))
        inputs = program.inputs()
        try:
            shapes = {name: own for name, own in self.shapes.items() if name in inputs}
            found = infer(program, shapes=shapes)
        except InputError:
            return 0
        return len(found[""])

    def _check_function(self, name: str, tree: ast.Call) -> None:
        if name not in self.declared:
            check_function(name, tree)
            check_declared(name, tree, self.declared)

    def _check_declaration(self, name: str, line: ast.Global) -> None:
        """Refuse to declare a function whose derivative is known, here or elsewhere."""
        found = elsewhere(name)
        if name in KNOWN or name == "pi":
            raise self._error(f"{name} is known; declare functions with other names.", line)
        if found is not None:
            raise self._error(f"{name} has a meaning elsewhere; {instead_of_name(*found)}.", line)
        if not NAME_PATTERN.match(name) or len(name) > MAX_NAME:
            raise self._error(name_trouble(name), line)

    def _variable(self, tree: ast.Name) -> str:
        name = self._name(tree)
        if name in KNOWN:
            raise self._error(
                f"{name} is a function; write {operation_of(name).example(name)}, "
                "or give the variable another name.",
                tree,
            )
        if name in self.declared:
            raise self._error(f"{name} is declared a function; write {name}(Y).", tree)
        return name

    def _name(self, tree: ast.Name) -> str:
        # Python folds compatibility letters; the text as typed is what is judged.
        typed = hasattr(tree, GIVEN) or self._typed(tree) == tree.id
        if not NAME_PATTERN.match(tree.id) or not typed:
            raise self._error(name_trouble(self._words(tree)), tree)
        if tree.id.lower() in _NOT_FINITE:
            raise self._error(
                f"{tree.id} is no finite number; write a number or another name.", tree
            )
        if len(tree.id) > MAX_NAME and tree.id not in KNOWN and elsewhere(tree.id) is None:
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

    def _typed(self, tree: ast.stmt | ast.expr) -> str:
        """The characters that a syntax tree came from; quick however long the text is."""
        first, last = tree.lineno - 1, (tree.end_lineno or tree.lineno) - 1
        lines = self.lines[first : last + 1]
        lines[-1] = lines[-1][: tree.end_col_offset]
        lines[0] = lines[0][tree.col_offset :]
        return b"\n".join(lines).decode(errors="replace")

    def _words(self, tree: ast.stmt | ast.expr) -> str:
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


class _Masked(ast.NodeTransformer):
    """Takes the masks from X[M] and X[X > 0] within a formula of entries, and remembers them."""

    def __init__(self) -> None:
        self.masks: list[ast.expr] = []
        self.taken: set[int] = set()

    def visit_Subscript(self, tree: ast.Subscript) -> ast.AST:
        """The array without its mask."""
        named = isinstance(tree.slice, ast.Name) and tree.slice.id in _MASKS
        if not named and not isinstance(tree.slice, ast.Compare):
            return tree
        self.masks.append(tree.slice)
        self.taken.add(id(tree.value))
        return tree.value

    def entrywise(self, tree: ast.expr, numbers: frozenset[str]) -> bool:
        """Whether every entry of a formula is made of the entries at its own place.

        What stands beside arrays that were masked is a number: an array has other entries.
        `numbers`: names that are declared to be scalars.
        """
        if id(tree) in self.taken:
            return True
        match tree:
            case ast.BinOp(left=left, op=op, right=right) if not isinstance(op, ast.MatMult):
                return self.entrywise(left, numbers) and self.entrywise(right, numbers)
            case ast.UnaryOp(operand=operand):
                return self.entrywise(operand, numbers)
            case ast.Call(ast.Name(id=name), [operand], []):
                of_entries = name in ELEMENTWISE or (name not in KNOWN and is_plain(name))
                return of_entries and self.entrywise(operand, numbers)
            case ast.Name(id=name):
                return is_greek(name) or name in numbers
        return isinstance(tree, ast.Constant)


def _approximate(tree: ast.Call) -> str | None:
    """The word in gelu(Y, approximate="tanh")."""
    match tree.keywords:
        case [ast.keyword("approximate", ast.Constant(value="tanh" | "none" as way))]:
            return str(way)
    return None


def _looked_up(tree: ast.Call, one: ast.expr, other: ast.expr) -> ast.Subscript:
    """W[y] of embedding(y, W), and of embedding(W, y) where the names say so."""
    match one, other:
        case ast.Name(id=first), ast.Name(id=second) if first[0].isupper() > second[0].isupper():
            one, other = other, one
    return ast.copy_location(ast.Subscript(other, one, ast.Load()), tree)


def _at_places(tree: ast.Subscript) -> ast.Call | None:
    """The entry at the place of the largest one, x[argmax(x)], as max(x); x[argsort(x)] sorted."""
    match tree:
        case ast.Subscript(
            of, ast.Call(ast.Name("argmax" | "argmin" | "argsort" as name), [inner], [])
        ) if ast.dump(of) == ast.dump(inner):
            axes: list[ast.keyword] = []
        case ast.Subscript(
            of,
            ast.Tuple(
                [
                    ast.Call(ast.Name("arange" | "range"), [_]),
                    ast.Call(
                        ast.Name("argmax" | "argmin" as name),
                        [inner],
                        [ast.keyword("axis", ast.Constant(value=1 | -1))] as axes,
                    ),
                ]
            ),
        ) if ast.dump(of) == ast.dump(inner):
            pass
        case _:
            return None
    called = ast.copy_location(ast.Name(_PLACES[name], ast.Load()), of)
    setattr(called, GIVEN, True)
    return ast.copy_location(ast.Call(called, [of], axes), tree)


class _FormulaReader(Reader):
    """Reads a formula that a function stands for; its names are those of operands and options."""

    def __init__(
        self,
        text: str,
        reader: Reader,
        values: Mapping[str, Node],
        options: Mapping[str, Node],
    ) -> None:
        super().__init__(text, reader.shapes)
        self.lines = [text.encode()]
        self.assigned = dict(reader.assigned)
        self.unnamed = reader.unnamed
        self.values, self.options = values, options

    def value(self) -> Node:
        """The formula."""
        return self._node(_tree(self.text), 0)

    def _node(self, tree: ast.expr, depth: int) -> Node:
        match tree:
            case ast.Name(id=name) if name in self.options:
                return self.options[name]
            case ast.Name(id=name) if name in self.values:
                return self.values[name]
            case ast.BinOp(ast.Constant(int() as above), ast.Div(), ast.Constant(int() as below)):
                return nodes.Number(Fraction(above, below))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _NEUTRAL:
                for side, other in ((right, left), (left, right)):
                    if self._is_neutral(side, _NEUTRAL[type(op)]):
                        return self._node(other, depth + 1)
        return super()._node(tree, depth)

    def _is_neutral(self, tree: ast.expr, number: Node) -> bool:
        """Whether a part is an option, or its root, whose value changes nothing here."""
        match tree:
            case ast.Call(func=ast.Name("sqrt"), args=[inner]):
                return self._is_neutral(inner, number)
            case ast.Name(id=name):
                return self.options.get(name) == number
        return False


#: The number that an operation leaves all others as they are with; a divisor stands on the right.
_NEUTRAL = {ast.Add: nodes.ZERO, ast.Mult: nodes.ONE, ast.Div: nodes.ONE}


@lru_cache(maxsize=128)
def _tree(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _loss_names() -> list[str]:
    return ["L", "J", "E", "S", *(f"L{n}" for n in range(1, 100))]
