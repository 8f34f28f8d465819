"""Shapes: inferred from use, completed by what the user declares, checked against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matderiv.errors import InputError, ShapeError, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.program import Program
from matderiv.expression.source import source
from matderiv.expression.vocabulary import MAX_SIZE, is_greek

__all__ = ["DEFAULT_SIZES", "Dim", "Shape", "infer", "shape_of"]

#: Sizes of the first product's factors, (N, D) and (D, M), unless the user gives others.
DEFAULT_SIZES = {"N": 2, "D": 4, "M": 3}

_FURTHER = tuple("KPQRSTUVABCEFGH")


@dataclass(frozen=True, slots=True)
class Dim:
    """A size with the letter that stands for it when a statement holds for every size."""

    symbol: str
    size: int


Shape = tuple[Dim, ...]


class _Var:
    """A size not known yet; equal sizes are joined to one representative."""

    __slots__ = ("parent", "size")

    def __init__(self, size: int | None = None) -> None:
        self.parent: _Var | None = None
        self.size = size

    def root(self) -> _Var:
        var = self
        while var.parent is not None:
            var = var.parent
        return var

    def __str__(self) -> str:
        size = self.root().size
        return "?" if size is None else str(size)


_Vars = tuple[_Var, ...]


def infer(
    program: Program,
    *,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> dict[str, Shape]:
    """The shape of every name of the program.

    Shapes:
        A capitalised name is a matrix, a lower-case one a vector, a Greek one a scalar,
        unless `shapes` declares it. `sizes` gives N, D, M: the first product of the program
        takes an (N, D) matrix by a (D, M) one.

    Raises:
        ShapeError: two shapes do not fit, or a size is not a whole number ≥ 1.
        InputError: a size or shape is given for something that is not in the program.

    >>> from matderiv.expression.parse import parse
    >>> infer(parse("Y = X @ W; L = sum(f(Y))"))["W"]
    (Dim(symbol='D', size=4), Dim(symbol='M', size=3))
    """
    return _Inference(program, sizes or {}, shapes or {}).run()


def shape_of(node: Node, shapes: Mapping[str, Shape]) -> Shape:
    """The shape of an expression of names whose shapes are known; each letter has one size.

    Raises:
        ShapeError: two shapes do not fit; the part and its sizes are named.

    >>> from matderiv.expression.nodes import MatMul, Name
    >>> shapes = {"X": (Dim("N", 2), Dim("D", 4)), "W": (Dim("D", 4), Dim("M", 3))}
    >>> shape_of(MatMul(Name("X"), Name("W")), shapes)
    (Dim(symbol='N', size=2), Dim(symbol='M', size=3))
    """
    inference = _Inference(Program(()), {}, {})
    sizes = {dim: _Var(dim.size) for shape in shapes.values() for dim in shape}
    inference.known = {name: tuple(sizes[dim] for dim in shape) for name, shape in shapes.items()}
    found = [var.root() for var in inference.shape(node)]
    dims = {var.root(): dim for dim, var in sizes.items()}
    return tuple(dims.get(var) or Dim(str(var), var.size or 1) for var in found)


class _Inference:
    def __init__(
        self,
        program: Program,
        sizes: Mapping[str, int | None],
        shapes: Mapping[str, tuple[int, ...]],
    ) -> None:
        self.program = program
        self.sizes = {name: _size(f"{name} is", n) for name, n in sizes.items() if n is not None}
        self.declared = {name: _declared(name, shape) for name, shape in shapes.items()}
        self.known: dict[str, _Vars] = {}
        self.product: tuple[_Vars, _Vars] | None = None

    def run(self) -> dict[str, Shape]:
        inputs = self.program.inputs()
        for name in self.declared:
            if name not in inputs:
                what = (
                    "is assigned; its shape follows"
                    if name in self.program.names()
                    else ("is not in the program")
                )
                raise InputError(
                    f"--shape {name}: {name} {what}. Inputs are: {', '.join(inputs) or 'none'}."
                )
        for name in inputs:
            self.known[name] = tuple(_Var(n) for n in self.declared.get(name, _default(name)))
        for assignment in self.program.assignments:
            self.known[assignment.name] = self.shape(assignment.value)
        loss = self.program.loss
        if shape := self.known[loss.name]:
            value = source(loss.value)
            what = f"The loss {loss.name} = {value} is {_words(shape)}, not a scalar."
            if isinstance(loss.value, nodes.MatMul):
                raise ShapeError(f"{what} Did you mean {loss.name} = sum(f({value}))?")
            raise ShapeError(f"{what} Did you mean {loss.name} = sum({value})?")
        self._settle()
        symbols = self._symbols()
        return {
            name: tuple(Dim(symbols[v.root()], v.root().size or 1) for v in shape)
            for name, shape in self.known.items()
        }

    def shape(self, node: Node) -> _Vars:
        match node:
            case nodes.Name(name):
                return self.known[name] if name in self.known else self._unknown(name)
            case nodes.Number():
                return ()
            case nodes.Negate(arg) | nodes.Apply(_, arg):
                return self.shape(arg)
            case nodes.Sum(arg) | nodes.Functional(_, arg):
                self.shape(arg)
                return ()
            case nodes.Transpose(arg):
                return self.shape(arg)[::-1]
            case nodes.MatMul():
                return self._matmul(node)
            case _:
                return self._entrywise(node)

    def _unknown(self, name: str) -> _Vars:
        raise InputError(f"{name} is used before it is assigned; exchange the two assignments.")

    def _matmul(self, node: nodes.MatMul) -> _Vars:
        left, right = self.shape(node.left), self.shape(node.right)
        for operand, shape in ((node.left, left), (node.right, right)):
            if not shape:
                raise ShapeError(
                    f"{source(node)}: {source(operand)} is a scalar, and @ takes matrices. "
                    f"Did you mean {source(nodes.Multiply(node.left, node.right))}?"
                )
            if len(shape) != 2:  # noqa: PLR2004 - a matrix has two dimensions
                hint = _as_matrix(operand, first=operand is node.left)
                raise UnsupportedError(
                    f"{source(node)}: {source(operand)} is a vector, and this version derives "
                    f"products of two matrices only. {hint}"
                )
        if not _join(left[1], right[0]):
            raise ShapeError(self._mismatch(node, left, right))
        if self.product is None:
            self.product = (left, right)
        return (left[0], right[1])

    def _mismatch(self, node: nodes.MatMul, left: _Vars, right: _Vars) -> str:
        a, b = source(node.left), source(node.right)
        message = (
            f"{source(node)}: {a} is {_words(left)} but {b} is {_words(right)}; "
            f"the inner sizes {left[1]} and {right[0]} differ."
        )
        if left[1].root().size == right[1].root().size:
            return f"{message} Did you mean {source(nodes.MatMul(node.left, _t(node.right)))}?"
        if left[0].root().size == right[0].root().size:
            return f"{message} Did you mean {source(nodes.MatMul(_t(node.left), node.right))}?"
        if left[0].root().size == right[1].root().size:
            return f"{message} Did you mean {source(nodes.MatMul(node.right, node.left))}?"
        return f"{message} The columns of {a} must be as many as the rows of {b}."

    def _entrywise(self, node: Node) -> _Vars:
        left, right = (self.shape(child) for child in nodes.children(node))
        if not left or not right:
            return left or right
        fits = len(left) == len(right)
        if not fits:
            vector = next(
                c for c, s in zip(nodes.children(node), (left, right), strict=True) if len(s) == 1
            )
            hint = (
                f" If {vector.name} is one number, declare --shape {vector.name}=scalar."
                if isinstance(vector, nodes.Name)
                else ""
            )
            raise UnsupportedError(
                f"{source(node)}: {source(vector)} is a vector beside a matrix, and this version "
                f"does not derive broadcasting.{hint}"
            )
        joined = [_join(a, b) for a, b in zip(left, right, strict=True)]  # join all, then ask
        if not all(joined):
            a, b = (source(child) for child in nodes.children(node))
            raise ShapeError(
                f"{source(node)}: {a} is {_words(left)} but {b} is {_words(right)}; "
                "entry by entry, both must have the same shape. Declare others with --shape."
            )
        return left

    def _settle(self) -> None:
        """Give every size a value: what the user said, then what is left of the defaults."""
        if self.product is None:
            if self.sizes:
                raise InputError(
                    f"-{next(iter(self.sizes))} gives a size of a matrix product, "
                    "and the program holds none; write one, such as Y = X @ W."
                )
        else:
            (n, d), (_, m) = self.product
            slots = {"N": n, "D": d, "M": m}
            for name, size in self.sizes.items():
                if name not in slots:
                    raise InputError(f"{name} is not a size; the sizes are N, D and M.")
                root = slots[name].root()
                if root.size is not None and root.size != size:
                    raise ShapeError(
                        f"{name} = {size} does not fit: this size is {root.size} already, "
                        "by a declared shape or because the program makes two sizes equal. "
                        f"Leave out {name}, or give it {root.size}."
                    )
                root.size = size
            for name, var in slots.items():
                if var.root().size is None:
                    var.root().size = DEFAULT_SIZES[name]
        for shape in self.known.values():
            for var in shape:
                if var.root().size is None:
                    var.root().size = DEFAULT_SIZES["N"]

    def _symbols(self) -> dict[_Var, str]:
        """A letter for every size: N, D, M for the product's, and none that is a variable."""
        taken = self.program.names() | self.program.functions()
        symbols: dict[_Var, str] = {}
        used: set[str] = set()

        def name(var: _Var, wish: str) -> None:
            root = var.root()
            if root not in symbols:
                free = (s for s in (wish, f"{wish}_0", *_FURTHER) if s not in taken | used)
                symbols[root] = next(free, f"{wish}_{len(used) + 1}")
                used.add(symbols[root])

        if self.product is not None:
            (n, d), (_, m) = self.product
            for var, wish in ((n, "N"), (d, "D"), (m, "M")):
                name(var, wish)
        for shape in self.known.values():
            for var in shape:
                name(var, "K")
        return symbols


def _default(name: str) -> tuple[None, ...]:
    if name[0].isupper():
        return (None, None)
    return () if is_greek(name) else (None,)


def _join(a: _Var, b: _Var) -> bool:
    a, b = a.root(), b.root()
    if a is b:
        return True
    if a.size is not None and b.size is not None and a.size != b.size:
        return False
    b.parent, a.size = a, a.size if a.size is not None else b.size
    return True


def _t(node: Node) -> Node:
    return node.arg if isinstance(node, nodes.Transpose) else nodes.Transpose(node)


def _words(shape: _Vars) -> str:
    if all(var.root().size is None for var in shape):
        return ("a scalar", "a vector", "a matrix")[len(shape)]
    return "×".join(map(str, shape))


def _as_matrix(vector: Node, *, first: bool) -> str:
    if not isinstance(vector, nodes.Name):
        return "Write it with matrices."
    return f"Declare it as a matrix, such as --shape {vector.name}={'1x4' if first else '4x1'}."


def _size(what: str, size: object) -> int:
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= MAX_SIZE:
        raise ShapeError(f"{what} {size!r:.40}; a size is a whole number from 1 to {MAX_SIZE:,}.")
    return size


def _declared(name: str, shape: object) -> tuple[int, ...]:
    if not isinstance(shape, tuple | list):
        raise ShapeError(f"The shape of {name} must be a tuple of sizes, such as (2, 4).")
    if len(shape) > 2:  # noqa: PLR2004 - arrays have at most two dimensions here
        raise ShapeError(
            f"{name} has {len(shape)} dimensions; at most 2 can be used, such as "
            f"--shape {name}=2x4."
        )
    return tuple(_size(f"The shape of {name} holds", n) for n in shape)
