"""The shape of each node from those of its operands, with NumPy's meaning."""

from __future__ import annotations

from collections.abc import Callable, Container

from matderiv.errors import MissingRuleError, ShapeError
from matderiv.expression import nodes
from matderiv.expression._index_rules import IndexMapRules, axes_of, declare
from matderiv.expression._sizes import ShapeVariables, SizeVariable, broadcast, join, words
from matderiv.expression._worked_sizes import WorkedSizes
from matderiv.expression.axes import full_order
from matderiv.expression.counted import counted_array
from matderiv.expression.matrix_functions import exponents
from matderiv.expression.nodes import Node, transposed
from matderiv.expression.size_text import is_length, letters_of_size
from matderiv.expression.source import source

__all__ = ["Rules"]

_MATRIX = 2  # dimensions
_ORDERS = (1, 2, "inf", "-inf", "nuc")  # of norms of matrices


class Rules:
    """The shapes of expressions over names whose shapes are known, perhaps not their sizes."""

    def __init__(
        self,
        unknown: Callable[[str], ShapeVariables],
        letter: Callable[[str], SizeVariable] = lambda _: SizeVariable(),
        assigned: Container[str] = (),
    ) -> None:
        self.known: dict[str, ShapeVariables] = {}
        self.sizes = WorkedSizes(letter, lambda name: self.shape(nodes.Name(name)))
        self.index_maps = IndexMapRules(self.shape, self.sizes, assigned)
        self.products: list[tuple[nodes.MatMul, dict[str, SizeVariable]]] = []
        self._unknown = unknown
        # By identity: in a formula with shared parts each is worked out once.
        self._done: dict[int, tuple[Node, ShapeVariables]] = {}

    def shape(self, node: Node) -> ShapeVariables:
        """The shape of a node.

        Raises:
            ShapeError: shapes do not fit.
        """
        done = self._done.get(id(node))
        if done is None:
            done = self._done[id(node)] = (
                node,
                self.index_maps.of(node) if isinstance(node, nodes.IndexMap) else self._shape(node),
            )
        return done[1]

    def _shape(self, node: Node) -> ShapeVariables:
        match node:
            case nodes.Name(name):
                return self.known[name] if name in self.known else self._unknown(name)
            case nodes.Number() | nodes.Size() | nodes.Pi():
                return self._number(node)
            case nodes.Negate(arg) | nodes.Apply(_, arg):
                return self.shape(arg)
            case nodes.Functional(_, arg, sizes):
                self.shape(arg)
                return tuple(map(self.sizes.size, sizes))
            case nodes.Transpose(arg):
                return self.shape(arg)[::-1]
            case nodes.Rearrange(arg):
                own = self.shape(arg)
                order = self._order(node, own)
                return tuple(SizeVariable(1, fixed=True) if n is None else own[n] for n in order)
            case _ if isinstance(node, nodes.Reduction):
                return self._reduction(node)
            case _ if isinstance(node, nodes.AlongAxis):
                shape = self.shape(node.arg)
                self._axis(node, shape, node.axis)
                return shape
            case nodes.Norm():
                return self._norm(node)
            case nodes.Trace(arg) | nodes.Determinant(arg) | nodes.LogDet(arg):
                self._square(node, arg)
                return ()
            case nodes.Inverse() | nodes.MatrixFunction() | nodes.Frechet():
                return self._of_matrix(node)
            case nodes.Diag():
                return self._diag(node)
            case nodes.Outer():
                return self._outer(node)
            case nodes.Eye(size):
                return (self.sizes.size(size),) * 2
            case nodes.Ones(sizes):
                return tuple(map(self.sizes.size, sizes))
            case nodes.MatMul():
                return self._matmul(node)
            case _ if isinstance(node, nodes.Entrywise):
                return self._entrywise(node)
        raise MissingRuleError(node, "shape")

    # -- of one array ------------------------------------------------------------------------

    def _axis(self, node: Node, shape: ShapeVariables, axis: int | None) -> int | None:
        if axis is None or -len(shape) <= axis < len(shape):
            return axis
        (arg,) = nodes.children(node)
        has = axes_of(shape) + ". Leave the axis out" * (len(shape) < _MATRIX)
        raise ShapeError(f"{source(node)}: {source(arg)} is {words(shape)}; {has}.")

    @staticmethod
    def _order(node: nodes.Rearrange, shape: ShapeVariables) -> tuple[int | None, ...]:
        """The order with every axis named, counted from the first."""
        order = full_order(node, len(shape))
        if order is None:
            named = sum(axis is not None for axis in node.order)
            what = f"{source(node)}: {source(node.arg)} is {words(shape)}"
            if node.rest is None and named != len(shape):
                example = "x".join(str(n + 2) for n in range(named))
                raise ShapeError(f"{what}, and {named} axes are named.{declare(node.arg, example)}")
            raise ShapeError(f"{what}; {axes_of(shape)}, and each is named once.")
        return order

    def _reduction(self, node: nodes.Reduction) -> ShapeVariables:
        shape = self.shape(node.arg)
        axis = self._axis(node, shape, node.axis)
        gone = set(range(len(shape))) if axis is None else {axis % len(shape)}
        if node.keepdims:
            return tuple(
                SizeVariable(1, fixed=True) if n in gone else s for n, s in enumerate(shape)
            )
        return tuple(s for n, s in enumerate(shape) if n not in gone)

    def _norm(self, node: nodes.Norm) -> ShapeVariables:
        shape, arg = self.shape(node.arg), source(node.arg)
        if not shape:
            raise ShapeError(f"{source(node)}: {arg} is a scalar. Did you mean abs({arg})?")
        if node.order not in (None, *_ORDERS) and len(shape) == _MATRIX:
            raise ShapeError(
                f"{source(node)}: {arg} is {words(shape)}, and such a norm of a matrix is not in "
                f"the language. Did you mean norm({arg}), the Frobenius norm?"
            )
        if node.order == "nuc" and len(shape) != _MATRIX:
            raise ShapeError(
                f"{source(node)}: {arg} is {words(shape)}; the nuclear norm is one of a matrix."
            )
        if node.order is not None and len(shape) > _MATRIX:
            raise ShapeError(
                f"{source(node)}: {arg} is {words(shape)}; name the axis of the vectors, as in "
                f"norm({arg}, {node.order}, axis=-1)."
            )
        return ()

    def _number(self, node: Node) -> ShapeVariables:
        if isinstance(node, nodes.Size) and is_length(node.symbol):
            self.sizes.size(node.symbol)  # the array has such an axis
        return ()

    def _of_matrix(
        self, node: nodes.Inverse | nodes.MatrixFunction | nodes.Frechet
    ) -> ShapeVariables:
        """The shape of A, which the E of a derivative along E has too."""
        shape = self._square(node, node.arg)
        if isinstance(node, nodes.Inverse):
            return shape
        for exponent in exponents(node.function):  # it may be 0 where a size may not
            for letter in letters_of_size(exponent):
                self.sizes.size(letter)
        change = self.shape(node.change) if isinstance(node, nodes.Frechet) else shape
        if len(change) != _MATRIX or not all(map(join, shape, change)):
            raise ShapeError(
                f"{source(node)}: the change of {source(node.arg)} is {words(change)}, and must be "
                f"{words(shape)} as that is."
            )
        return shape

    def _square(self, node: Node, arg: Node) -> ShapeVariables:
        shape = self.shape(arg)
        what, name = source(node), source(arg)
        takes = _OF_A_SQUARE[type(node)]
        if len(shape) != _MATRIX:
            instead = (
                source(nodes.Divide(nodes.ONE, arg)) if isinstance(node, nodes.Inverse) else ""
            )
            hint = f" Did you mean {instead}?" if instead and not shape else ""
            raise ShapeError(
                f"{what}: {name} is {words(shape)}; {takes} of a square matrix.{hint}"
                + (declare(arg, "3x3") if not hint else "")
            )
        self._square_factors(arg)
        if not join(*shape):
            rows, cols = (size.number or 0 for size in shape)
            turned = transposed(arg)
            meant = nodes.MatMul(arg, turned) if rows < cols else nodes.MatMul(turned, arg)
            whole = nodes.rebuilt(node, [meant, *nodes.children(node)[1:]])
            raise ShapeError(
                f"{what}: {name} is {words(shape)}, which is not square; {takes} of a square "
                f"matrix. Did you mean {source(whole)}?"
            )
        return shape

    def _square_factors(self, node: Node) -> None:
        """In A @ B a factor that is declared square is taken to be square at every size."""
        if isinstance(node, nodes.MatMul):
            for factor in nodes.children(node):
                self._square_factors(factor)
        elif isinstance(node, nodes.Transpose):
            self._square_factors(node.arg)
        elif isinstance(node, nodes.Reshape) and len(own := self.shape(node.arg)) == 2 * _MATRIX:
            for row, col in zip(own[:_MATRIX], own[_MATRIX:], strict=True):
                join(row, col)  # of A ⊗ B, which is square if both are
        elif isinstance(node, nodes.Name):
            shape = self.shape(node)
            if len(shape) == _MATRIX and shape[0].number is not None:
                join(*shape)

    def _diag(self, node: nodes.Diag) -> ShapeVariables:
        shape = self.shape(node.arg)
        if len(shape) == 1:
            return shape * 2
        if not shape:
            raise ShapeError(
                f"{source(node)}: {source(node.arg)} is a scalar; diag takes a vector or a square "
                "matrix." + declare(node.arg, "3")
            )
        return self._square(node, node.arg)[:1]

    # -- of two arrays -----------------------------------------------------------------------

    def _outer(self, node: nodes.Outer) -> ShapeVariables:
        left, right = self.shape(node.left), self.shape(node.right)
        for operand, shape in ((node.left, left), (node.right, right)):
            if len(shape) != 1:
                hint = (
                    f" Did you mean {source(nodes.Multiply(node.left, node.right))}?"
                    if not shape
                    else declare(operand, "3")
                )
                raise ShapeError(
                    f"{source(node)}: {source(operand)} is {words(shape)}; outer takes two "
                    f"vectors.{hint}"
                )
        return (*left, *right)

    def _matmul(self, node: nodes.MatMul) -> ShapeVariables:
        left, right = self.shape(node.left), self.shape(node.right)
        for operand, shape in ((node.left, left), (node.right, right)):
            if not shape:
                meant = self._outer_meant(operand)
                parts = [meant if meant and p is operand else p for p in nodes.children(node)]
                instead = nodes.MatMul(*parts) if meant else nodes.Multiply(*parts)
                raise ShapeError(
                    f"{source(node)}: {source(operand)} is a scalar, and @ takes matrices. "
                    f"Did you mean {source(instead)}?"
                )
        if not join(left[-1], right[-_MATRIX:][0]):
            raise ShapeError(self._mismatch(node, left, right))
        stack = self._spread(left[:-_MATRIX], right[:-_MATRIX])
        if stack is None:
            a, b = source(node.left), source(node.right)
            raise ShapeError(
                f"{source(node)}: {a} is {words(left)} but {b} is {words(right)}; of stacks of "
                "matrices, the sizes before the last two must be equal or 1."
            )
        rows, cols = left[-_MATRIX:-1], right[-1:] if len(right) > 1 else ()
        slots = {"D": left[-1]}
        if rows:
            slots = {"N": rows[0], **slots}
        if cols:
            slots["M"] = cols[0]
        self.products.append((node, slots))
        return (*stack, *rows, *cols)

    def _outer_meant(self, node: Node) -> Node | None:
        """The outer product, for x @ u.T of two vectors, which is a number."""
        match node:
            case nodes.MatMul(left, nodes.Transpose(right)) if len(self.shape(left)) == 1:
                return nodes.Outer(left, right)
        return None

    @staticmethod
    def _spread(left: ShapeVariables, right: ShapeVariables) -> ShapeVariables | None:
        """The shape that two shapes are broadcast to, None if they do not fit."""
        shared = min(len(left), len(right))
        longer = left if len(left) > shared else right
        lead = len(longer) - shared
        pairs = zip(left[len(left) - shared :], right[len(right) - shared :], strict=True)
        found = [broadcast(a, b) for a, b in pairs]  # join all, then ask
        fitting = tuple(size for size in found if size is not None)
        return (*longer[:lead], *fitting) if len(fitting) == shared else None

    @staticmethod
    def _mismatch(node: nodes.MatMul, left: ShapeVariables, right: ShapeVariables) -> str:
        a, b = source(node.left), source(node.right)
        inner = "inner sizes" if max(len(left), len(right)) > 1 else "sizes"
        message = (
            f"{source(node)}: {a} is {words(left)} but {b} is {words(right)}; "
            f"the {inner} {left[-1]} and {right[-_MATRIX:][0]} differ."
        )
        if len(left) == len(right) == 1:
            return f"{message} Did you mean {source(nodes.Outer(node.left, node.right))}?"
        if len(right) == _MATRIX and left[-1].number == right[1].number:
            meant = nodes.MatMul(node.left, transposed(node.right))
            return f"{message} Did you mean {source(meant)}?"
        if len(left) == _MATRIX and left[0].number == right[0].number:
            meant = nodes.MatMul(transposed(node.left), node.right)
            return f"{message} Did you mean {source(meant)}?"
        if left[0].number == right[-1].number:
            return f"{message} Did you mean {source(nodes.MatMul(node.right, node.left))}?"
        if len(left) == 1:
            return f"{message} {a} must have as many entries as {b} has rows."
        if len(right) == 1:
            return f"{message} {b} must have as many entries as {a} has columns."
        return f"{message} The columns of {a} must be as many as the rows of {b}."

    def _counted(self, arg: Node, letters: tuple[str, ...]) -> ShapeVariables:
        """The shape of an array; its last sizes get letters."""
        own = self.shape(arg)
        for size, letter in zip(own[-len(letters) :], letters, strict=len(letters) <= len(own)):
            join(size, self.sizes.size(letter))
        return own

    def _entrywise(self, node: nodes.Entrywise) -> ShapeVariables:
        if (told := counted_array(node)) is not None:
            return self._counted(*told)
        left, right = (self.shape(child) for child in nodes.children(node))
        made = self._spread(left, right)
        if made is None:
            raise ShapeError(self._no_broadcast(node, left, right))
        return made

    @staticmethod
    def _no_broadcast(node: Node, left: ShapeVariables, right: ShapeVariables) -> str:
        first, second = nodes.children(node)
        a, b = source(first), source(second)
        message = f"{source(node)}: {a} is {words(left)} but {b} is {words(right)}; "
        if {len(left), len(right)} == {1, _MATRIX}:
            vector, matrix = (first, second) if len(left) == 1 else (second, first)
            few, many = (left, right) if len(left) == 1 else (right, left)
            message += (
                f"a vector goes with each row, and the rows of {source(matrix)} have {many[1]} "
                f"entries, not {few[0]}."
            )
            if few[0].number == many[0].number:
                turned = f"{few[0]}x1"
                return message + declare(vector, turned, why="for a column")
            return message
        message += "entry by entry, sizes must be equal or 1."
        if [s.number for s in left] == [s.number for s in right[::-1]]:
            meant = nodes.rebuilt(node, [first, transposed(second)])
            return f"{message} Did you mean {source(meant)}?"
        return f"{message} Declare others with --shape."


_OF_A_SQUARE: dict[type, str] = {
    nodes.Trace: "the trace is that",
    nodes.Determinant: "the determinant is that",
    nodes.LogDet: "the determinant is that",
    nodes.Inverse: "the inverse is that",
    nodes.MatrixFunction: "such a function is that",
    nodes.Frechet: "such a derivative is that",
    nodes.Diag: "diag takes the diagonal",
}
