"""The sides of the links of a whole program: what is written there, in each way that it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from certificates.arrays import Array, Shape, total
from certificates.entries import Texts
from certificates.frame import Form, Json, refuse
from certificates.numbers import Number
from certificates.reading import Tree, parse, walk
from certificates.worlds import World

# -- the form ------------------------------------------------------------------------------------

_ENTRY: Form = {"at": [str], "entry": str, "latex": str}
_FORMULA: Form = _ENTRY | {"of": str}
_JACOBIAN: Form = (
    {"of": str, "wrt": str},
    {"diagonal": str},
    {
        "factors": [{"of": str, "row": (int, None), "col": (int, None)}],
        "swapped": ("rows", "cols", None),
    },
)


def _spelled(form: Form) -> Form:
    """Perhaps with all entries at the sizes."""
    return form, form | {"entries": ([str], [[str]])}


SIDE: Form = (
    {"type": "indexed", "entry": str, "latex": str},
    *(
        _FORMULA | {"type": kind}
        for kind in ("formula", "entry", "pushed", "contraction", "vec", "array", "slice")
    ),
    *_spelled(_FORMULA | {"type": "spelled"}),
    _FORMULA | {"type": "product", "factors": [_spelled({"of": str})]},
    _FORMULA | {"type": "differential", "wrt": str},
    *_spelled(_ENTRY | {"type": "cells"}),
    _ENTRY | {"type": "inner", "parts": [{"of": str, "with": str}]},
    {
        "type": "jacobian",
        "rows": [str],
        "cols": [str],
        "entry": str,
        "latex": str,
        "parts": [_JACOBIAN],
    },
    _ENTRY | {"type": "times", "transposed": bool, "parts": [{"jacobian": _JACOBIAN, "vec": str}]},
)

Place = Mapping[str, int]
Ends = Sequence[Sequence[int]]  # of a row and of a column
Value = Callable[[World, Place], Number]


# -- what it is worth ----------------------------------------------------------------------------


class Side:
    """One side of a link; `runs` are the letters of its chain with their sizes.

    `values` are all the ways in which it says what it is worth: they must agree.
    """

    def __init__(self, data: Json, runs: Mapping[str, str], texts: Texts) -> None:
        self.data, self.runs, self.texts = data, runs, texts
        self.values: list[Value] = [texts.ready(data["entry"], frozenset(runs)).run]
        if data["type"] in _WAYS:
            self.values.append(_WAYS[data["type"]](self))

    def value(self, world: World, place: Place) -> Number:
        """What it is worth at a place."""
        first, *others = (value(world, place) for value in self.values)
        if not all(world.field.same(first, other) for other in others):
            refuse("a side is not the entry that it states")
        return first

    @property
    def spelled(self) -> bool:
        """Whether it is written out at the sizes of the file."""
        return any("entries" in part for part in (self.data, *self.data.get("factors", ())))

    # -- places

    def _over(self, world: World, at: Sequence[str]) -> Shape:
        """The shape that indices run over: 1 where the index is a number."""
        return world.shape([self.runs[i] if i in self.runs else self._single(i) for i in at])

    @staticmethod
    def _single(index: str) -> int:
        return 1 if index == "1" else refuse(f"{index[:20]!r} is not an index of this chain")

    @staticmethod
    def _place(at: Sequence[str], place: Place) -> list[int]:
        return [place.get(i, 1) for i in at]

    def _array(self, text: str) -> Callable[[World, Place], Array]:
        """The array that source stands for, worked out once for the letters that it holds."""
        tree = parse(text)
        mark = object()
        held = sorted({n[1] for n in walk(tree) if n[0] == "name"} & self.runs.keys())

        def array(world: World, place: Place) -> Array:
            key = (mark, *(place[letter] for letter in held))
            found = world.memo.get(key)
            if found is None:
                world.letters = place
                found = world.memo[key] = world.formula(tree)
            return found

        return array

    def formula(self, *, strictly: bool = True) -> Value:
        """An entry of a formula, whose shape must be the one that the indices run over."""
        at, array = self.data["at"], self._array(self.data["of"])

        def value(world: World, place: Place) -> Number:
            found, over = array(world, place), self._over(world, at)
            if strictly and found.shape != over:
                refuse("a formula does not have the shape that its indices run over")
            return found.over(over, self._place(at, place))

        return value

    def repeated(self) -> Value:
        """An entry of a formula that may stand for a larger array."""
        return self.formula(strictly=False)

    def contraction(self) -> Value:
        """An entry of a product."""
        if parse(self.data["of"])[0] != "matmul":
            refuse("a contraction of what is no product")
        return self.formula()

    def slice(self) -> Value:
        """An entry of ∂Z/∂x_pq."""
        if parse(self.data["of"])[:2] != ("call", "Partial"):
            refuse("a slice of what is no derivative")
        return self.formula()

    def product(self) -> Value:
        """An entry of the product of arrays that are both written out."""
        factors = tuple(parse(factor["of"]) for factor in self.data["factors"])
        if parse(self.data["of"]) != ("matmul", *factors):
            refuse("a product is not that of its factors")
        return self.formula()

    def differential(self) -> Value:
        """An entry of d(formula)."""
        at, wrt, tree = self.data["at"], self.data["wrt"], parse(self.data["of"])
        mark = object()

        def value(world: World, place: Place) -> Number:
            if wrt != world.about:
                refuse("a differential is not by what its step is about")
            found = world.memo.get((mark,))
            if found is None:
                found = world.memo[mark,] = world.differential(tree, wrt)
            if found.shape != self._over(world, at):
                refuse("a differential does not have the shape that its indices run over")
            return found.at(self._place(at, place))

        return value

    def inner(self) -> Value:
        """Σ a_ij b_ij, added up over the parts."""
        if self.data["at"]:
            refuse("an inner product is a number")
        parts = [(self._array(p["of"]), self._array(p["with"])) for p in self.data["parts"]]

        def value(world: World, place: Place) -> Number:
            found = world.number(0)
            for upstream, array in parts:
                one, other = upstream(world, place), array(world, place)
                for at in world.places(one.shape):
                    found = found + one.at(at) * other.over(one.shape, at)
            return found

        return value

    # -- arrays read row by row

    def jacobian(self) -> Value:
        """∂z_ij/∂x_pq, or the entry of a sum of Kronecker products there."""
        rows, cols = self.data["rows"], self.data["cols"]
        parts = [self._matrix(part) for part in self.data["parts"]]

        def value(world: World, place: Place) -> Number:
            at = (self._place(rows, place), self._place(cols, place))
            shapes = (self._over(world, rows), self._over(world, cols))
            return total(world.field, (part(world, place, at, shapes) for part in parts))

        return value

    def times(self) -> Value:
        """An entry of J·vec(A), or of Jᵀ·vec(A), added up over the parts."""
        at, turned = self.data["at"], self.data["transposed"]
        parts = [
            (self._matrix(part["jacobian"]), self._array(part["vec"]))
            for part in self.data["parts"]
        ]

        def value(world: World, place: Place) -> Number:
            own, over = self._place(at, place), self._over(world, at)
            found = world.number(0)
            for matrix, vec in parts:
                array = vec(world, place)
                for other in world.places(array.shape):
                    ends, shapes = (own, list(other)), (over, array.shape)
                    if turned:
                        ends, shapes = ends[::-1], shapes[::-1]
                    found = found + matrix(world, place, ends, shapes) * array.at(other)
            return found

        return value

    def _matrix(self, data: Json) -> Callable[..., Number]:
        """The entry of ∂vec(Z)/∂vec(X), of a diagonal matrix, or of a Kronecker product."""
        match data:
            case {"of": of, "wrt": wrt}:
                return lambda world, _, at, __: world.rate(of, at[0], wrt, at[1])
            case {"diagonal": text}:
                return self._diagonal(self._array(text))
        return self._kronecker(data)

    @staticmethod
    def _diagonal(array: Callable[[World, Place], Array]) -> Callable[..., Number]:
        def value(world: World, place: Place, at: Ends, shapes: Ends) -> Number:
            if tuple(shapes[0]) != tuple(shapes[1]):
                refuse("a diagonal matrix is not square")
            found = array(world, place).over(tuple(shapes[0]), at[0])
            return found if list(at[0]) == list(at[1]) else world.number(0)

        return value

    def _kronecker(self, data: Json) -> Callable[..., Number]:
        ends = ("row", "col")
        crossed = [sum(f[end] is not None for f in data["factors"]) for end in ends]
        if data["swapped"] is not None and crossed != [2, 2]:
            refuse("a Kronecker product is swapped that has no rows and columns to swap")
        factors = [(f["row"], f["col"], self._array(f["of"])) for f in data["factors"]]
        for end in ends:  # they are multiplied in the order in which indices are read
            found = [factor[end] for factor in data["factors"] if factor[end] is not None]
            if found != list(range(len(found))):
                refuse("the factors of a Kronecker product are not in order")

        def value(world: World, place: Place, at: Ends, shapes: Ends) -> Number:
            turn = [data["swapped"] == end for end in ("rows", "cols")]
            (rows, high), (cols, wide) = (
                (a[::-1], s[::-1]) if t else (a, s)
                for a, s, t in zip(at, shapes, turn, strict=True)
            )
            made = world.number(1)
            seen = [0, 0]
            for row, col, factor in factors:
                array = factor(world, place)
                own = [rows[row]] if row is not None else []
                own += [cols[col]] if col is not None else []
                size = ((high[row],) if row is not None else ()) + (
                    (wide[col],) if col is not None else ()
                )
                seen = [seen[0] + (row is not None), seen[1] + (col is not None)]
                if array.shape != size:
                    refuse("a factor of a Kronecker product does not have the shape it should")
                made = made * array.at(own)
            if seen != [len(rows), len(cols)]:
                refuse("a Kronecker product leaves out an index")
            return made

        return value

    # -- written out at the sizes of the file

    def check_spelled(self, world: World, values: Sequence[tuple[Place, Number]]) -> None:
        """Compare what is written out with the side; the sizes are those of the file."""
        if "entries" in self.data:
            at = self.data["at"]
            own = {tuple(self._place(at, place)): value for place, value in values}
            self._compare(self.data["entries"], world, own)
        for factor in self.data.get("factors", ()):
            if "entries" in factor:
                array = self._array(factor["of"])(world, {})
                found = {at: array.at(at) for at in world.places(array.shape)}
                self._compare(factor["entries"], world, found)

    def _compare(
        self, entries: Json, world: World, values: Mapping[tuple[int, ...], Number]
    ) -> None:
        spelled = dict(_cells(entries))
        if spelled.keys() != values.keys():
            refuse("an array is not written out in its shape")
        for at, text in spelled.items():
            if not world.field.same(self.texts.ready(text, frozenset()).run(world, {}), values[at]):
                refuse(f"an array as written out is not what it stands for at {at}")


#: Beside the general entry: the other way in which a side says what it is worth.
_WAYS: dict[str, Callable[[Side], Value]] = {
    **dict.fromkeys(("formula", "entry", "pushed", "vec", "spelled"), Side.formula),
    "array": Side.repeated,
    "contraction": Side.contraction,
    "slice": Side.slice,
    "product": Side.product,
    "differential": Side.differential,
    "inner": Side.inner,
    "jacobian": Side.jacobian,
    "times": Side.times,
}


def _cells(entries: Json, at: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], str]]:
    if isinstance(entries, str):
        yield at, entries
        return
    for n, part in enumerate(entries, 1):
        yield from _cells(part, (*at, n))


def trees(data: Json) -> Iterator[Tree]:
    """All mathematics of a side, as trees."""
    for name, part in data.items() if isinstance(data, dict) else enumerate(data):
        if isinstance(part, dict | list):
            yield from trees(part)
        elif isinstance(part, str) and name in ("entry", "of", "with", "vec", "diagonal"):
            yield parse(part)
