"""The shape of each node from those of its operands, with NumPy's meaning."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Container, Mapping, Sequence

from matderiv.errors import MissingRuleError, ShapeError
from matderiv.expression import nodes
from matderiv.expression._sizes import ShapeVariables, SizeVariable, broadcast, join, words
from matderiv.expression.axes import full_order
from matderiv.expression.index_maps import least_size, new_axis_of, parts_of, result_size
from matderiv.expression.matrix_functions import exponents
from matderiv.expression.nodes import Node, transposed
from matderiv.expression.size_text import (
    SizeText,
    is_worked_out,
    letters_of_size,
    put,
    size_difference,
    size_number,
    size_sum,
)
from matderiv.expression.source import source

__all__ = ["Rules", "solved_size"]

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
        self.assigned = assigned
        self.known: dict[str, ShapeVariables] = {}
        self.letters: dict[str, SizeVariable] = {}
        self.products: list[tuple[nodes.MatMul, dict[str, SizeVariable]]] = []
        #: Sizes that are worked out from others: the text, and what its letters stand for.
        self.worked: list[tuple[SizeVariable, str, dict[str, SizeVariable]]] = []
        #: Sizes that are at least a number, each with what needs it.
        self.least: list[tuple[SizeVariable, int, nodes.Mapped]] = []
        self._unknown = unknown
        self._letter = letter
        # By identity: in a formula with shared parts each is worked out once.
        self._done: dict[int, tuple[Node, ShapeVariables]] = {}

    def shape(self, node: Node) -> ShapeVariables:
        """The shape of a node.

        Raises:
            ShapeError: shapes do not fit.
        """
        done = self._done.get(id(node))
        if done is None:
            found = self._index_map(node) if isinstance(node, nodes.IndexMap) else self._shape(node)
            done = self._done[id(node)] = (node, found)
        return done[1]

    def _shape(self, node: Node) -> ShapeVariables:
        match node:
            case nodes.Name(name):
                return self.known[name] if name in self.known else self._unknown(name)
            case nodes.Number() | nodes.Size() | nodes.Pi():
                return ()
            case nodes.Negate(arg) | nodes.Apply(_, arg):
                return self.shape(arg)
            case nodes.Functional(_, arg):
                self.shape(arg)
                return ()
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
                return (self.size(size),) * 2
            case nodes.Ones(sizes):
                return tuple(map(self.size, sizes))
            case nodes.MatMul():
                return self._matmul(node)
            case _ if isinstance(node, nodes.Entrywise):
                return self._entrywise(node)
        raise MissingRuleError(node, "shape")

    def size(self, size: int | str) -> SizeVariable:
        """A number, or the size with this letter."""
        if isinstance(size, int):
            return SizeVariable(size, fixed=True)
        if is_worked_out(size):
            return self._worked_out(size, {})
        if size not in self.letters:
            self.letters[size] = self._letter(size)
        return self.letters[size]

    def _worked_out(self, text: SizeText, at: dict[str, SizeVariable]) -> SizeVariable:
        """A size whose text holds letters: those in `at`, and letters of the program."""
        if isinstance(text, int):
            return SizeVariable(text, fixed=True)
        letters = {name: at.get(name) or self.size(name) for name in letters_of_size(text)}
        if text in letters:
            return letters[text]
        found = SizeVariable()
        self.worked.append((found, text, letters))
        self.work_out()
        numbers = [size for size in letters.values() if size.fixed]
        if len(numbers) == len(letters):
            found.fix()
        return found

    def work_out(self) -> None:
        """Give sizes the numbers that follow from others, the other way round where one is open.

        Raises:
            ShapeError: two numbers of one size differ.
        """
        before = None
        while before != (before := sum(size.number is None for size, _, _ in self.worked)):
            for size, text, letters in self.worked:
                known = {name: n for name, at in letters.items() if (n := at.number) is not None}
                if len(known) == len(letters):
                    found = size_number(text, known)
                    if found < 1:
                        raise ShapeError(
                            "A slice leaves no entry, or ends after the last one; give sizes that "
                            "fit."
                        )
                    if not join(size, SizeVariable(found)):
                        raise ShapeError(
                            f"A size that is worked out from others is {found}, and {size} where "
                            "it is used; give sizes that fit."
                        )
                elif len(known) == len(letters) - 1 and size.number is not None:
                    (open_,) = letters.keys() - known.keys()
                    solved = solved_size(text, open_, known, size.number)
                    if solved is not None:
                        letters[open_].settle(solved)
                        if size.fixed:
                            letters[open_].fix()

    def tell_apart(self) -> None:
        """Sizes that are worked out in two ways, as in N + M = K + P, are numbers, not letters.

        From N + 1 = M + 1 follows N = M, so that there is one way.
        """
        alone: dict[tuple[SizeVariable, SizeText], SizeVariable] = {}
        for size, text, at in self.worked:
            if len(at) == 1:
                ((name, own),) = at.items()
                join(alone.setdefault((size.root(), put(text, {name: "n"})), own), own)
        texts: dict[SizeVariable, SizeText] = {}
        for size, text, at in self.worked:
            known = {name: own.fixed and own.number is not None for name, own in at.items()}
            names = {n: str(own) if known[n] else f"s{id(own.root())}" for n, own in at.items()}
            found = put(text, names)
            if texts.setdefault(size.root(), found) != found:
                if "*" in str(text) and any(own.number is None for own in at.values()):
                    raise ShapeError(
                        "Two products of sizes are the same number, which leaves the sizes open; "
                        "declare the shapes of what is reshaped or multiplied, as in --shape X=2x3."
                    )
                for one in (size, *at.values()):
                    one.fix()
        for size, _, at in reversed(self.worked):  # what follows from numbers is one
            if size.fixed:
                for other in at.values():
                    other.fix()

    def symbols(self, letters: dict[SizeVariable, str]) -> None:
        """The texts of sizes that are worked out from sizes with letters, added to these."""
        for size, text, at in self.worked:
            if size.root() in letters or size.fixed:
                continue
            own = {name: letters.get(s.root(), str(s)) for name, s in at.items()}
            letters[size.root()] = str(put(text, own))

    # -- of one array ------------------------------------------------------------------------

    def _index_map(self, node: nodes.IndexMap) -> ShapeVariables:
        match node:
            case nodes.Selection(sizes=sizes):
                return tuple(map(self.size, sizes))
            case nodes.OneHot(arg, size):
                return (*self._labels(node, arg), self.size(size))
            case nodes.Mapped():
                return self._mapped(node)
            case nodes.Joined():
                return self._joined(node)
            case nodes.Gathered():
                return self._gathered(node)
            case nodes.Reshape():
                return self._reshaped(node)

    def _mapped(self, node: nodes.Mapped) -> ShapeVariables:
        shape = self.shape(node.arg)
        what = f"{source(node)}: {source(node.arg)} is {words(shape)}"
        if node.move[0] in ("tril", "triu"):
            if len(shape) < _MATRIX:
                raise ShapeError(f"{what}; a triangle is that of a matrix.")
            return shape
        if not shape:
            raise ShapeError(f"{what}; it has no axis.{_declare(node.arg, '3')}")
        everywhere = node.axis is None and node.move[0] == "pad"
        if node.axis is None and len(shape) > 1 and not everywhere:
            raise ShapeError(f"{what}; say along which axis, such as axis=0.")
        if node.axis is not None and not -len(shape) <= node.axis < len(shape):
            raise ShapeError(f"{what}; {_axes_of(shape)}.")
        axes = range(len(shape)) if everywhere else [(node.axis or 0) % len(shape)]
        made: list[SizeVariable] = []
        for axis, size in enumerate(shape):
            made += self._moved(node, size) if axis in axes else [size]
        return tuple(made)

    def _moved(self, node: nodes.Mapped, size: SizeVariable) -> list[SizeVariable]:
        """The size of an axis that is moved, none where one entry is taken."""
        least = least_size(node.move)
        if size.number is not None and size.number < least:
            raise ShapeError(
                f"{source(node)}: {source(node.arg)} has {size.number} "
                f"{'entry' if size.number == 1 else 'entries'} there, and needs {least}."
            )
        self.least.append((size, least, node))
        own = "_n"
        try:
            found = result_size(node.move, own)
        except ShapeError as error:
            raise ShapeError(f"{source(node)}: {error}") from None
        match node.move:
            case ("slice", _, str(stop), _):  # what is left behind it and one more
                self._worked_out(size_sum(size_difference(own, stop), 1), {own: size})
        return [] if found is None else [self._worked_out(found, {own: size})]

    def _joined(self, node: nodes.Joined) -> ShapeVariables:
        parts = tuple(parts_of(node))
        shapes = [self.shape(part) for part in parts]
        what = ", ".join(f"{source(p)} is {words(s)}" for p, s in zip(parts, shapes, strict=True))
        if len({len(shape) for shape in shapes}) > 1:
            raise ShapeError(
                f"{source(node)}: {what}; arrays that are put together have as many axes."
            )
        new, axis = new_axis_of(node, len(shapes[0]))
        if not 0 <= axis < len(shapes[0]) + new:
            raise ShapeError(f"{source(node)}: {what}; {_axes_of(shapes[0])}.")
        for shape in shapes[1:]:
            for place, (one, other) in enumerate(zip(shapes[0], shape, strict=True)):
                if (new or place != axis) and not join(one, other):
                    raise ShapeError(
                        f"{source(node)}: {what}; only along axis {axis} may sizes differ."
                    )
        for above, below in itertools.pairwise(parts):
            self._aligned(above, below)
        first = shapes[0]
        if new:
            return (*first[:axis], SizeVariable(len(parts), fixed=True), *first[axis:])
        own = {f"_n{n}": shape[axis] for n, shape in enumerate(shapes)}
        return (*first[:axis], self._total(own), *first[axis + 1 :])

    def _aligned(self, one: Node, other: Node) -> None:
        """Rows of a block matrix have their parts below each other, unless sizes say otherwise."""
        if not (isinstance(one, nodes.Joined) and isinstance(other, nodes.Joined)):
            return
        for above, below in zip(parts_of(one), parts_of(other), strict=False):
            ends = (*self.shape(above)[-1:], *self.shape(below)[-1:])
            if one.axis == other.axis == -1 and all(size.number is None for size in ends):
                join(*ends)

    def _total(self, sizes: dict[str, SizeVariable]) -> SizeVariable:
        """The sum of sizes; fixed ones are numbers in its text."""
        text: SizeText = 0
        for name, size in sizes.items():
            text = size_sum(text, size.number if size.fixed and size.number else name)
        return self._worked_out(text, sizes)

    # -- the same entries in other sizes -----------------------------------------------------

    def _reshaped(self, node: nodes.Reshape) -> ShapeVariables:
        own = self.shape(node.arg)
        match node.how:
            case "pairs":
                return tuple(self._product(own[n : n + 2]) for n in range(0, len(own), 2))
            case "squeeze":
                return self._squeezed(node, own)
            case "unflatten":
                return self._unflattened(node, own)
        new = [None if size == -1 else self.size(size) for size in node.sizes]
        if None in new:
            place = new.index(None)
            known = [size for size in new if size is not None]
            new[place] = self._rest(node, own, known)
        made = tuple(size for size in new if size is not None)
        step = -1 if node.how == "F" else 1
        self._same_entries(node, own[::step], made[::step])
        return made

    def _unflattened(self, node: nodes.Reshape, own: ShapeVariables) -> ShapeVariables:
        axis, *parts = node.sizes
        what = f"{source(node)}: {source(node.arg)} is {words(own)}"
        if not isinstance(axis, int) or not -len(own) <= axis < len(own):
            raise ShapeError(f"{what}; {_axes_of(own)}.")
        axis %= len(own)
        made = [SizeVariable() if size == -1 else self.size(size) for size in parts]
        total, taken = own[axis].number, math.prod(size.number or 1 for size in made)
        numbers = [size.number for size in made if size.number is not None]
        if -1 in parts and (total is None or len(numbers) < len(made) - 1):
            raise ShapeError(
                f"{what}; declare its shape with --shape, or write the size in place of -1."
            )
        whole = total == taken if -1 not in parts else (total or 0) % taken == 0
        if total is not None and len(numbers) >= len(made) - 1 and not whole:
            raise ShapeError(f"{what}; {total} entries along axis {axis} are no rows of {taken}.")
        for part, size in zip(parts, made, strict=True):
            if part == -1:
                size.settle((total or 0) // taken)
        if -1 in parts:  # its letter would stand nowhere else
            for size in (own[axis], *made):
                size.fix()
        self._related([own[axis]], made)
        return (*own[:axis], *made, *own[axis + 1 :])

    def _squeezed(self, node: nodes.Reshape, own: ShapeVariables) -> ShapeVariables:
        what = f"{source(node)}: {source(node.arg)} is {words(own)}"
        axes = [int(n) for n in node.sizes]
        for axis in axes:
            if not -len(own) <= axis < len(own):
                raise ShapeError(f"{what}; {_axes_of(own)}.")
            if own[axis].number not in (1, None):
                raise ShapeError(f"{what}; only an axis of a single entry goes.")
            if not join(own[axis], SizeVariable(1, fixed=True)):
                raise ShapeError(f"{what}; only an axis of a single entry goes.")
        gone = {axis % len(own) for axis in axes}
        return tuple(size for n, size in enumerate(own) if n not in gone)

    def _product(self, sizes: Sequence[SizeVariable]) -> SizeVariable:
        """The product of sizes; fixed ones are numbers in its text."""
        text: SizeText = 1
        for n, size in enumerate(sizes):
            own = size.number if size.fixed and size.number else f"_n{n}"
            text = put("a*b", {"a": text, "b": own})
        return self._worked_out(text, {f"_n{n}": size for n, size in enumerate(sizes)})

    def _rest(
        self, node: nodes.Reshape, own: ShapeVariables, known: list[SizeVariable]
    ) -> SizeVariable:
        """The size that -1 stands for: the product of the sizes of A that no other size takes."""
        left, over = list(own), []
        for size in known:
            same = next((n for n, other in enumerate(left) if other.root() is size.root()), None)
            if same is not None:
                del left[same]
            elif size.number != 1:
                over.append(size)
        if not over:
            return self._product(left)
        numbers = [size.number for size in left], [size.number for size in over]
        what = f"{source(node)}: {source(node.arg)} is {words(own)}"
        if any(number is None for number in itertools.chain(*numbers)):
            raise ShapeError(f"{what}; write the size in place of -1.")
        total, taken = (math.prod(n for n in side if n) for side in numbers)
        if total % taken:
            raise ShapeError(f"{what}; {total} entries are no rows of {taken}.")
        for size in (*left, *over):
            size.fix()
        return SizeVariable(total // taken, fixed=True)

    def _same_entries(self, node: nodes.Reshape, own: ShapeVariables, new: ShapeVariables) -> None:
        """Join sizes that hold the same entries; what is put together is a product.

        Raises:
            ShapeError: there are not as many entries.
        """
        old, made = ([s for s in side if not (s.fixed and s.number == 1)] for side in (own, new))
        numbers = [size.number for size in (*old, *made)]
        if all(numbers):
            total, other = (math.prod(s.number or 1 for s in side) for side in (old, made))
            if total != other:
                raise ShapeError(
                    f"{source(node)}: {source(node.arg)} is {words(own)}, which is {total} "
                    f"entries, and the new sizes hold {other}; give sizes with as many."
                )
            for held in _groups(old, made):
                self._related(*held)
            return
        few = min(len(old), len(made)) - 1
        for one, two in zip(old[: max(few, 0)], made, strict=False):
            self._related([one], [two])
        if few >= 0:
            self._related(old[few:], made[few:])

    def _related(self, one: list[SizeVariable], other: list[SizeVariable]) -> None:
        """Make the products of sizes the same."""
        if 1 not in (len(one), len(other)) or not (one and other):
            for size in (*one, *other):
                size.fix()
            return
        few, many = (one, other) if len(one) == 1 else (other, one)
        if few[0].number is not None and any(s.fixed for s in (*few, *many)):
            self.work_out()
        whole = few[0] if len(many) > 1 else None
        made = self._product(many) if whole else many[0]
        if not join(made, few[0]):
            raise ShapeError(f"A size is {few[0]} and {made} at once; give sizes that fit.")
        if made.fixed and whole:
            for size in many:
                size.fix()
        self.work_out()

    def _labels(self, node: Node, labels: Node) -> ShapeVariables:
        if not isinstance(labels, nodes.Name) or labels.name in self.assigned:
            raise ShapeError(f"{source(node)}: labels are an input, given by its name.")
        return self.shape(labels)

    def _gathered(self, node: nodes.Gathered) -> ShapeVariables:
        array, labels = self.shape(node.array), self._labels(node, node.labels)
        what = f"{source(node)}: {source(node.array)} is {words(array)}"
        most = 1 if node.how == "picked" else 0
        least = 1 + most if node.how == "columns" else 1
        if node.how == "picked" and len(array) != len(labels) + 1:
            raise ShapeError(
                f"{what} and {source(node.labels)} {words(labels)}; there is a label for each row."
            )
        if node.how != "picked" and not least <= len(array) <= _MATRIX:
            raise ShapeError(f"{what}; labels name rows or columns of a matrix.")
        if node.how == "rows":
            return (*labels, *array[1:])
        if node.how == "columns":
            return (*array[:1], *labels)
        fits = [join(a, b) for a, b in zip(array, labels, strict=False)]  # join all, then ask
        if not all(fits):
            raise ShapeError(
                f"{what}, with {words(labels)} of labels; there is a label for each row."
            )
        if node.rows is not None and not join(labels[0], self.size(node.rows)):
            raise ShapeError(f"{what}; {node.rows} is not how many rows there are.")
        return labels

    def _axis(self, node: Node, shape: ShapeVariables, axis: int | None) -> int | None:
        if axis is None or -len(shape) <= axis < len(shape):
            return axis
        (arg,) = nodes.children(node)
        has = _axes_of(shape) + ". Leave the axis out" * (len(shape) < _MATRIX)
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
                raise ShapeError(
                    f"{what}, and {named} axes are named.{_declare(node.arg, example)}"
                )
            raise ShapeError(f"{what}; {_axes_of(shape)}, and each is named once.")
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

    def _of_matrix(
        self, node: nodes.Inverse | nodes.MatrixFunction | nodes.Frechet
    ) -> ShapeVariables:
        """The shape of A, which the E of a derivative along E has too."""
        shape = self._square(node, node.arg)
        if isinstance(node, nodes.Inverse):
            return shape
        for exponent in exponents(node.function):  # it may be 0 where a size may not
            for letter in letters_of_size(exponent):
                self.size(letter)
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
                + (_declare(arg, "3x3") if not hint else "")
            )
        self._square_factors(arg)
        if not join(*shape):
            rows, cols = (size.number or 0 for size in shape)
            turned = transposed(arg)
            meant = nodes.MatMul(arg, turned) if rows < cols else nodes.MatMul(turned, arg)
            raise ShapeError(
                f"{what}: {name} is {words(shape)}, which is not square; {takes} of a square "
                f"matrix. Did you mean {source(nodes.rebuilt(node, [meant]))}?"
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
                "matrix." + _declare(node.arg, "3")
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
                    else _declare(operand, "3")
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

    def _entrywise(self, node: nodes.Entrywise) -> ShapeVariables:
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
                return message + _declare(vector, turned, why="for a column")
            return message
        message += "entry by entry, sizes must be equal or 1."
        if [s.number for s in left] == [s.number for s in right[::-1]]:
            meant = nodes.rebuilt(node, [first, transposed(second)])
            return f"{message} Did you mean {source(meant)}?"
        return f"{message} Declare others with --shape."


def _groups(
    own: list[SizeVariable], new: list[SizeVariable]
) -> list[tuple[list[SizeVariable], list[SizeVariable]]]:
    """Sizes with the same product, as few together as can be, in order."""
    found: list[tuple[list[SizeVariable], list[SizeVariable]]] = []
    left, right = list(own), list(new)
    while left or right:
        if not (left and right):  # sizes of 1
            found = found or [([], [])]
            found[-1][0].extend(left)
            found[-1][1].extend(right)
            break
        one, other = [left.pop(0)], [right.pop(0)]
        while (total := math.prod(s.number or 1 for s in one)) != (
            more := math.prod(s.number or 1 for s in other)
        ):
            if total < more:
                one.append(left.pop(0))
            else:
                other.append(right.pop(0))
        found.append((one, other))
    return found


def solved_size(text: str, name: str, known: Mapping[str, int], value: int) -> int | None:
    """The letter's number at which a size has a value, where the size grows with it evenly."""
    one, two, three = (size_number(text, {**known, name: n}) for n in (1000, 1001, 1002))
    by = two - one
    if by < 1 or three - two != by or (value - one) % by:
        return None
    found = (value - one) // by + 1000
    return found if found >= 1 else None


def _axes_of(shape: ShapeVariables) -> str:
    """The numbers of an array's axes, in words."""
    known = {0: "it has no axis", 1: "its only axis is 0", 2: "its axes are 0 and 1"}
    return known.get(len(shape), f"its axes are 0 to {len(shape) - 1}")


_OF_A_SQUARE: dict[type, str] = {
    nodes.Trace: "the trace is that",
    nodes.Determinant: "the determinant is that",
    nodes.LogDet: "the determinant is that",
    nodes.Inverse: "the inverse is that",
    nodes.MatrixFunction: "such a function is that",
    nodes.Frechet: "such a derivative is that",
    nodes.Diag: "diag takes the diagonal",
}


def _declare(node: Node, shape: str, why: str = "") -> str:
    """How an input gets another shape."""
    if not isinstance(node, nodes.Name):
        return ""
    return f" {f'{why.capitalize()}, declare' if why else 'Declare'} --shape {node.name}={shape}."
