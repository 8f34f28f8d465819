"""Reads a printed page and evaluates both sides of every = on it, without what printed it.

The page is Markdown with LaTeX; the program, and the shapes of its inputs, are all that is known
besides. Names that the page defines itself are taken from it, in order.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from _page_latex import Tree, Unread, equations, parse
from _page_values import KNOWN, MAPS, REDUCED, Array, Point, called, functional, reduced

__all__ = ["Found", "Reading", "read_page"]

_MOST = 40  # choices of index letters that are tried of one equality
_BLOCK = re.compile(
    r"\$\$\n(.*?)\n\$\$|\\begin\{align\*\}\n(.*?)\n\\end\{align\*\}|\$(\\delta =[^$]*)\$", re.DOTALL
)
#: K and the array whose entries it takes to those of the transpose, named in one sentence.
_SWAP = re.compile(r"\$([A-Z])\$(?: is the permutation matrix|[^$]*置换矩阵)[^$]*\$([^$]+)\$")
_SQUARE = re.compile(r"\$([^$]*\(u\)) *= *u\^\{2\}\$")
_GREEK = {"lam": "lambda", "eps": "varepsilon"}


@dataclass(frozen=True)
class ArrayOf:
    """The array ∂y/∂x of a page, by its name; `columns`: vec reads arrays column by column.

    On such a page ∂z/∂x is through everything, and x may come first (`turned`).
    """

    name: str
    of: str
    wrt: str
    turned: bool = False
    columns: bool = False


#: The axes of a matrix by the words for them: rowsum adds up each row.
_AXES = {"row": 1, "col": 0}
_ALONG = re.compile(r"\\operatorname\{?(row|col)\}?")
_POINTS = 8  # tried, until a program has values


@dataclass
class Found:
    """What a page says: how many equalities are true, which are false, which were not read."""

    true: int = 0
    false: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def read_page(
    page: str,
    program: str,
    shapes: Mapping[str, tuple[int, ...]],
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
) -> Found:
    """Evaluate every equality of a page at a random point, the first at which there are values."""
    with np.errstate(all="ignore"):
        for other in range(seed, seed + _POINTS):
            try:
                point = Point.of(program, shapes, other, sizes)
            except np.linalg.LinAlgError:
                continue
            if all(np.isfinite(value).all() for value in point.values.values()):
                return Reading(point, program).page(page)
        return Found(unread=["a program that has no value"])


class _Undefined(LookupError):  # noqa: N818 - other letters may have a value
    """An index letter has no value, or an entry does not exist."""


@cache
def _parts(name: str) -> tuple[str, str | None]:
    match = re.fullmatch(r"([A-Za-z]+?)_?(\d+)|([A-Za-z]+)_(\w+)", name)
    base, below = (name, None) if match is None else match.group(*((1, 2) if match[1] else (3, 4)))
    return _GREEK.get(base, base), below


class Reading:
    """One page at one point."""

    def __init__(self, point: Point, program: str, array: ArrayOf | None = None) -> None:
        self.point = point
        self.derivative = array
        self.program = program
        self.loss = re.split(r"[;\n]", program.strip(" ;\n"))[-1].partition("=")[0].strip()
        words = set(re.findall(r"([A-Za-z_]\w*)\(", program))
        self.functions = words - set(KNOWN) - set(REDUCED) - set(MAPS)
        self.heads = frozenset(_parts(name)[0] for name in self.functions)
        self._given: set[str] = set()  # names that are defined as the page says
        self._trees: dict[str, Tree] = {}
        self.letters: dict[str, int] = {}
        self.runs: dict[str, int] = {}
        self.moving: str | None = None
        self.swaps: dict[str, str] = {}  # letters of permutation matrices
        self.largest = 0.0  # of the terms that were added up

    def page(self, page: str) -> Found:
        """All equalities; numbers that a section gives to inputs hold in that section."""
        found = Found()
        for section in re.split(r"^## |\\section", page, flags=re.MULTILINE):
            kept, definitions = dict(self.point.values), dict(self.point.definitions)
            self.point.squares |= {
                name for side in _SQUARE.findall(section) for name in self.squared(side)
            }
            self.swaps = dict(_SWAP.findall(section))
            for block in map("".join, _BLOCK.findall(section)):
                try:
                    chains = equations(block)
                except (Unread, IndexError):
                    found.unread.append(block)
                    continue
                for sides in chains:
                    self.chain(sides, found)
            self.point.restore(kept, definitions)
        return found

    def squared(self, side: str) -> Iterator[str]:
        """The undefined function f of a side f(u)."""
        match self.parse(side):
            case ("apply", head, _) if (look := _look(head)) and (name := self._function(look)):
                yield name

    def parse(self, side: str) -> Tree:
        """The tree of a side."""
        if side not in self._trees:
            self._trees[side] = parse(side, self.heads)
        return self._trees[side]

    def chain(self, sides: list[str], found: Found) -> None:
        """The equalities of one chain."""
        self.know_array()
        try:
            first = self.parse(sides[0])
            self.defined(first, sides)
        except (Unread, _Undefined, KeyError, ValueError, IndexError, TypeError):
            pass
        for left, right in itertools.pairwise(sides):
            line = f"{left} = {right}"
            try:
                holds = self.holds(*map(self.parse, (left, right)), list(map(self.parse, sides)))
            except (Unread, _Undefined, KeyError, ValueError, IndexError, TypeError) as error:
                found.unread.append(f"{line}   [{type(error).__name__}: {error}]")
                continue
            except (np.linalg.LinAlgError, RecursionError) as error:
                found.unread.append(f"{line}   [{error}]")
                continue
            if holds:
                found.true += 1
            else:
                found.false.append(line)

    def know_array(self) -> None:
        """The array of derivatives by its name, as soon as what is differentiated is known."""
        array, point = self.derivative, self.point
        if array is None or array.name in point.values or array.of not in point.values:
            return
        found = point.jacobian(array.of, array.wrt, total=True)
        point.values[array.name] = found.T if array.turned else found

    def total(self, of: str, sign: str) -> bool:
        """Whether a derivative is through all values."""
        return self.derivative is not None or (of == self.loss and not sign)

    def defined(self, first: Tree, sides: list[str]) -> None:
        """A chain that begins with a whole name defines it, if nothing else has."""
        if first[0] not in ("name", "sub") or self.entry(first) is not None:
            return
        tree = self.parse(sides[1])
        try:
            name = self.name(first)
        except Unread:
            if first[0] == "sub" and not re.fullmatch(r"\d+", "".join(first[2])):
                return
            name = "".join(_spelled(first))
            if not name[0].isalpha():
                return
        if name in self.point.definitions and name not in self.point.values:
            return
        if name in self.point.values and name not in self.point.definitions:
            self.given_numbers(name, tree)
            return
        if _holds_grid(tree) or name in self._given:
            return
        if tree[0] == "partial":  # δ = ∂L/∂Z
            self.point.values.setdefault(name, np.asarray(self.value(tree)))
            return
        names = self._names(tree) - self.point.sizes.keys()
        if not names <= set(self.point.values) or (not names and name in self.point.own):
            return  # a value in numbers is no definition

        def value(at: Mapping[str, Array]) -> Array:
            kept, self.point.values = self.point.values, dict(at)
            letters, self.letters = self.letters, {}
            try:
                return np.asarray(self.value(tree))
            finally:
                self.point.values, self.letters = kept, letters

        new = name not in self.point.values
        old = None if new else self.point.values[name]
        computed = value(self.point.values)
        if old is not None and not _same(old, computed):
            return  # false, as will be found
        if old is not None and old.shape != computed.shape:
            return
        self._given.add(name)
        self.point.define(name, self._names(tree), value)

    def given_numbers(self, name: str, tree: Tree) -> None:
        """From here on an input has the numbers that the page gives it."""
        if self._names(tree) or self.derivative is not None:
            return
        value = np.asarray(self.value(tree))
        dimensions = self.point.values[name].ndim
        if value.ndim == 1 and dimensions == 2:  # a matrix of one column
            value = value[:, None]
        if value.ndim == dimensions:
            self.point.give(name, value)

    def _names(self, tree: object) -> set[str]:
        """The names of a tree, those that are called aside."""
        found: set[str] = set()
        if isinstance(tree, tuple) and tree[:1] in (("name",), ("sub",)):
            try:
                return {self.name(tree)}
            except Unread:
                if tree[0] == "name":
                    return {tree[1]} - {"pi", "e"}
                if _is_slice(tree[2]):
                    return self._names(tree[1])
                if _strip(tree[1])[0] in ("name", "num", "function"):
                    entry = self.entry(tree)  # or I_N, 1_{N×M}, softmax₁
                    return set() if entry is None else {entry[0]}
        if isinstance(tree, tuple) and tree[:1] == ("sup",) and (entry := self.entry(tree)):
            return {entry[0]}
        if isinstance(tree, tuple) and tree[:1] == ("apply",):
            return self._names(tree[2])
        if isinstance(tree, tuple):
            for part in tree:
                found |= self._names(part) if isinstance(part, tuple) else set()
        return found

    # -- equalities ------------------------------------------------------------------------

    def holds(self, left: Tree, right: Tree, chain: list[Tree]) -> bool:
        """Whether two sides have the same value wherever the letters point."""
        ranges: dict[str, int] = {}
        for side in chain:
            for letter, size in self.ranges(side):
                if ranges.setdefault(letter, size) != size:
                    raise Unread(f"{letter} runs over two ranges")
        self.runs = ranges
        self.moving = self._moves(chain)
        free = sorted((_free(left) | _free(right)) & ranges.keys())
        choices = list(itertools.product(*(range(ranges[c]) for c in free)))
        seen = False
        for choice in choices[:: max(1, len(choices) // _MOST)]:
            self.letters = dict(zip(free, choice, strict=True))
            self.largest = 0.0
            one, other = self.value(left), self.value(right)
            if not (np.isfinite(one).all() and np.isfinite(other).all()):
                if isinstance(one, np.ma.MaskedArray) or isinstance(other, np.ma.MaskedArray):
                    continue
                raise Unread("no value here")
            seen = True
            if not _same(one, other, self.largest):
                return False
        if not seen:
            raise Unread("no choice of letters")
        return True

    def _moves(self, chain: list[Tree]) -> str | None:
        """The name whose differential is left in the end, from which the others come."""
        order = self.point.inputs()
        order += list(self.point.definitions)
        last = set(self._changes(chain[-1]))
        return next((n for n in order if n in last), None)

    def _changes(self, tree: object) -> Iterator[str]:
        if isinstance(tree, tuple):
            if tree[:1] == ("diff",):
                try:
                    yield self.name(tree[1])
                except Unread:
                    entry = self.entry(_strip(tree[1]))
                    if entry is not None:
                        yield entry[0]
                return
            for part in tree:
                yield from self._changes(part)

    # -- names and indices ------------------------------------------------------------------

    def name(self, tree: Tree) -> str:
        """The variable that a tree is the name of."""
        looks = _look(tree)
        for name in self.point.values:
            if looks is not None and _parts(name) == looks:
                return name
        raise Unread(f"no name {tree}")

    def array(self, base: Tree, label: str | None, count: int) -> str:
        """The array whose entries are printed with a letter."""
        if base[0] != "name":
            raise Unread(f"entries of {base}")
        for name, value in self.point.values.items():
            own, below = _parts(name)
            plain = _parts(name[0].lower() + name[1:])[0]
            if base[1] in (own, plain) and below == label and np.ndim(value) == count:
                return name
        raise Unread(f"no array with entries {base[1]} of {count} indices")

    def indices(self, tokens: tuple[str, ...], count: int | None) -> list[str | int]:
        """The indices of an entry."""
        text = "".join(tokens)
        if "," in tokens or (count == 1 and text.isdigit()):
            parts = text.split(",")
        else:
            parts = re.findall(r"[a-z](?:_\{?\d+\}?)?|.", text)
        found: list[str | int] = []
        for part in parts:
            if not re.fullmatch(r"\d+|[a-z](_\{?\d+\}?)?", part):
                raise Unread(f"index {part} in {text}")
            found.append(int(part) if part.isdigit() else re.sub("[{}]", "", part))
        return found

    def entry(self, tree: Tree) -> tuple[str, list[str | int]] | None:
        """The array and the indices that an entry is of, if a tree is one of a name."""
        label = None
        if tree[0] == "sup" and tree[2][0] == "label":
            tree, label = tree[1], tree[2][1]
        if tree[0] != "sub":
            return None
        base = tree[1]
        if label is None and _look(tree) is not None:
            try:
                self.name(tree)
            except Unread:
                pass
            else:
                return None
        base = _strip(base)
        if base[0] == "sup" and base[2][0] == "label":
            base, label = base[1], base[2][1]
        if base[0] != "name" or (base[1] == "delta" and "delta" not in self.point.values):
            return None
        for count in (4, 3, 2, 1):  # a_11 of a matrix, before the eleventh entry of a vector
            try:
                indices = self.indices(tree[2], count)
                if len(indices) == count:
                    return self.array(base, label, count), indices
            except Unread:
                continue
        return None

    def ranges(self, tree: object) -> Iterator[tuple[str, int]]:
        """The letters that index something, and how far they run."""
        if not isinstance(tree, tuple):
            return
        if tree[:1] in (("sum",), ("prod",)):
            yield from (pair for pair in self.ranges(tree[2]) if pair[0] not in tree[1])
            return
        if tree[:1] == ("sub",) and _is_slice(tree[2]):
            yield from self.ranges(tree[1])
            return
        if tree[:1] in (("sub",), ("sup",)):
            found = self.entry(tree)
            if found is not None:
                name, indices = found
                for index, size in zip(indices, np.shape(self.point.values[name]), strict=True):
                    if isinstance(index, str):
                        yield index, size
                return
            if tree[0] == "sub" and (self.held(tree) or _is_norm(tree)):
                yield from self.ranges(tree[1])
                return
            if tree[0] == "sub" and _strip(tree[1])[0] not in ("name", "num", "function"):
                yield from self.ranges(tree[1])
                try:
                    shape = np.shape(self.value(tree[1]))
                except (_Undefined, Unread, KeyError, ValueError, IndexError, TypeError):
                    return
                indices = self.indices(tree[2], len(shape))
                for index, size in zip(indices, shape, strict=False):
                    if isinstance(index, str):
                        yield index, size
                return
        for part in tree:
            yield from self.ranges(part)

    def place(self, indices: list[str | int], shape: tuple[int, ...]) -> tuple[int, ...]:
        """Indices as numbers from 0."""
        found = []
        for index, size in zip(indices, shape, strict=True):
            if isinstance(index, str) and index not in self.letters:
                raise _Undefined(f"{index} has no value")
            number = self.letters[index] if isinstance(index, str) else index - 1
            if not 0 <= number < size:
                raise _Undefined(f"there is no entry {indices}")
            found.append(number)
        return tuple(found)

    # -- values -------------------------------------------------------------------------------

    def value(self, tree: Tree) -> Array:  # noqa: C901, PLR0912 - one case a kind
        """The value of a tree: a number, a vector, or a matrix; a transposed vector is a row."""
        match tree:
            case ("num", text):
                return np.asarray(float(text))
            case ("fence" | "group", inner):
                return self.value(inner)
            case ("name", base):
                return self._named(base, tree)
            case ("neg", inner):
                return -self.value(inner)
            case ("add", items):
                return self._sum(items)
            case ("times", factors):
                return self._product(factors)
            case ("odot", left, right):
                return self.value(left) * self.value(right)
            case ("oslash", left, right):
                return self.value(left) / self.value(right)
            case ("kron", left, right):
                return np.kron(_column(self.value(left)), _column(self.value(right)))
            case ("frac", above, below):
                top, bottom = self.value(above), self.value(below)
                if np.ndim(bottom):
                    raise Unread("a fraction by an array")
                return top / bottom
            case ("sqrt", inner):
                return np.sqrt(self.value(inner))
            case ("abs", inner):
                return KNOWN["abs"](self.value(inner))
            case ("logdet", ("abs", inner)):
                return called("logdet", [self.value(inner)])
            case ("norm", inner):
                return called("norm", [self.value(inner)])
            case ("inner", one, other):
                return (self.value(one) * self.value(other)).sum()
            case ("partial", sign, above, below):
                return self._partial(sign, above, below)
            case ("diff", inner):
                return self._change(inner)
            case ("again", inner):
                return self._changed_again(inner)
            case ("sum" | "prod" as kind, letters, inner):
                return self._big(kind, letters, inner)
            case ("grid", rows):
                return self._grid(rows)
            case ("apply", ("function", ("max" | "min") as head), ("both", one, other)):
                return called(f"{head}imum", [self.value(one), self.value(other)])
            case ("apply", head, inner):
                return self._applied(head, inner)
            case ("sub", base, tokens):
                return self._below(tree, base, tokens)
            case ("sup", base, above):
                return self._raised(tree, base, above)
        raise Unread(f"a formula of kind {tree[0]}")

    def _named(self, base: str, tree: Tree) -> Array:
        try:
            return self.point.values[self.name(tree)]
        except Unread:
            if base == "pi":
                return np.asarray(np.pi)
            if base in self.swaps:
                return self.swap(np.shape(self.value(self.parse(self.swaps[base]))))
            if base in self.point.sizes:
                return np.asarray(float(self.point.sizes[base]))
            raise

    @staticmethod
    def swap(shape: tuple[int, ...]) -> Array:
        """The matrix K with vec(Xᵀ) = K·vec(X), for X of a shape, rows one after another."""
        places = np.arange(shape[0] * shape[1]).reshape(shape)
        return np.eye(places.size)[places.T.reshape(-1)]

    def _sum(self, items: tuple[tuple[str, Tree], ...]) -> Array:
        if any(term == ("dots",) for _, term in items):
            raise Unread("a sum with dots")
        found: Array = None
        for sign, term in items:
            value = self.value(term) * (1 if sign == "+" else -1)
            self.largest = max(self.largest, np.abs(value).max(initial=0))
            found = value if found is None else found + value
        return found

    def _product(self, factors: tuple[Tree, ...]) -> Array:
        """Factors side by side: arrays are multiplied as matrices, a vector being a column."""
        values = []
        for factor in factors:
            value = np.asanyarray(self.value(factor))
            if values and np.ndim(values[-1]) and np.ndim(value):
                values.append(_times(values.pop(), value))
            else:
                values.append(value)
        scalar = np.asarray(1.0)
        array: Array = None
        for value in values:
            if np.ndim(value):
                array = value if array is None else _times(array, value)
            else:
                scalar = scalar * value
        return scalar if array is None else scalar * array

    def _big(self, kind: str, letters: tuple[str, ...], inner: Tree) -> Array:
        """Σ or Π over index letters."""
        runs = dict(self.runs) | dict(self.ranges(inner))
        if any(letter in self.letters for letter in letters):
            raise Unread("a letter means two things")
        if inner[0] == "upto":
            _, letter, size, inner = inner
            runs[letter] = self._size(size)
        for letter in letters:  # of deltas alone: as far as what they are compared with
            for one, other in _deltas(inner):
                partner = {one: other, other: one}.get(letter)
                if letter not in runs and partner in runs:
                    runs[letter] = runs[partner]
        if not set(letters) <= runs.keys():
            raise Unread(f"{letters} run over nothing")
        found: Array = np.asarray(0.0 if kind == "sum" else 1.0)
        for place in itertools.product(*(range(runs[c]) for c in letters)):
            self.letters |= dict(zip(letters, place, strict=True))
            value = self.value(inner)
            found = found + value if kind == "sum" else found * value
        for letter in letters:
            self.letters.pop(letter, None)
        return found

    def _grid(self, rows: tuple[tuple[Tree, ...], ...]) -> Array:
        if any(cell == ("dots",) for row in rows for cell in row):
            raise Unread("a matrix with dots")
        if len({len(row) for row in rows}) != 1:
            raise Unread("rows of different lengths")
        found = np.asarray([[self.value(cell) for cell in row] for row in rows])
        if len(rows) == 1 and found.ndim > 2:  # a stack is a row of matrices, perhaps of columns
            return found[0, ..., None] if found.ndim == 3 else found[0]
        return found[:, 0] if found.ndim == 2 and len(rows[0]) == 1 else found

    def _applied(self, head: Tree, inner: Tree) -> Array:
        """A function of a value: known or not, of one number or an array, along an axis."""
        power, axis, prime = None, None, 0
        plain = head
        while plain[0] != "name" and plain[0] != "function":
            match plain:
                case ("group" | "fence", inside):
                    plain = inside
                case ("sup", inside, ("prime",)):
                    plain, prime = inside, prime + 1
                case ("sup", inside, above):
                    plain, power = inside, above
                case ("sub", inside, tokens):
                    look = _look(plain)
                    if look is not None and self._function(look) is not None:
                        break
                    plain, axis = inside, "".join(tokens)
                case _:
                    raise Unread(f"{head} of something")
        look = _look(plain)
        function = None if look is None else self._function(look)
        if plain[0] != "function" and function is None:  # a product
            return self._product((head, inner))
        argument = self.value(inner)
        if function is not None:
            if function[0].isupper():
                found = functional(function, argument, prime=bool(prime))
            else:
                found = self.point.function(function)(argument, prime=bool(prime))
        elif prime:
            raise Unread("a known function with a prime")
        else:
            found = self._known(plain[1], argument, axis)
        return found if power is None else found ** self.value(power)

    def _function(self, look: tuple[str, str | None]) -> str | None:
        return next((f for f in self.functions if _parts(f) == look), None)

    def _known(self, name: str, argument: Array, axis: str | None) -> Array:
        if name in KNOWN and axis is None:
            return KNOWN[name](argument)
        if name[:3] in _AXES and name[3:] in REDUCED and axis is None:
            return reduced(name[3:], argument, _AXES[name[:3]], keep=True)
        if name in REDUCED and axis is not None and (along := _ALONG.fullmatch(axis)):
            return reduced(name, argument, _AXES[along[1]])
        if name in REDUCED:
            words = (axis or "").split(",") if axis else []
            numbers = tuple(int(word) for word in words if word.isdigit())
            kept = words[len(numbers) :]
            if kept not in ([], [r"\operatorname{keep}"]):
                raise Unread(f"{name} along {axis}")
            over = numbers if len(numbers) > 1 else numbers[0] if numbers else None
            return reduced(name, argument, over, keep=bool(kept))
        if name == "vec" and axis is None:
            return np.asarray(argument).reshape(-1)
        if axis is None:
            return np.asarray(called(name, [argument]))
        raise Unread(f"{name} along {axis}")

    def _below(self, tree: Tree, base: Tree, tokens: tuple[str, ...]) -> Array:
        """A name with a subscript, an entry, I_N, 1_{N×M}, δ_ij or e_p."""
        try:
            return self.point.values[self.name(tree)]
        except Unread:
            pass
        entry = self.entry(tree)
        if entry is not None:
            name, indices = entry
            value = self.point.values[name]
            return value[self.place(indices, value.shape)]
        plain = _strip(base)
        text = "".join(tokens)
        if _is_slice(tokens):
            return np.asarray(self.value(base))[_places(text)]
        if _is_norm(tree):
            return self.value(base)
        if plain == ("name", "I"):
            return np.eye(self._size(text))
        if plain == ("function", "tri"):
            return np.tri(*(self._size(part) for part in text.split(r"\times")))
        if plain in (("num", "0"), ("num", "1")):
            return np.full([self._size(part) for part in text.split(r"\times")], float(plain[1]))
        if plain == ("name", "delta"):
            one, other = self.indices(tokens, 2)
            big = (1 << 30, 1 << 30)
            first, second = self.place([one, other], big)
            return np.asarray(float(first == second))
        taken = {name.lower() for name in self.point.values}
        letter_of_units = next((c for c in "euvh" if c not in taken), None)
        if plain == ("name", letter_of_units) and len(tokens) == 1:
            letter = tokens[0]
            if letter == "1":  # of an axis with one entry, for which there is no letter
                return np.ones(1)
            if letter in self.letters and letter in self.runs:
                unit = np.zeros(self.runs[letter])
                unit[self.letters[letter]] = 1
                return unit
        if plain[0] in ("name", "num", "function"):
            raise Unread(f"{plain} with {text} below it")
        held = self.held(tree)
        if held and plain[0] == "diff":
            return self._change(plain[1], held)
        if held:
            return self._partial("held", plain[2], plain[3])
        value = np.asarray(self.value(base))
        return value[self.place(self.indices(tokens, value.ndim), value.shape)]

    def held(self, tree: Tree) -> set[str]:
        """The names below a derivative or a differential of what is held fixed."""
        if _strip(tree[1])[0] not in ("partial", "diff"):
            return set()
        below = "".join(tree[2])
        names = re.split(",", re.sub(r"\\mathit|[{}\\_]", "", below))
        known = {"".join(part or "" for part in _parts(name)): name for name in self.point.values}
        return {known[name] for name in names} if set(names) <= known.keys() else set()

    def _size(self, text: str) -> int:
        if text.isdigit():
            return int(text)
        return self.point.sizes[text]

    def _raised(self, tree: Tree, base: Tree, above: Tree) -> Array:
        if above[0] == "label":
            entry = self.entry(tree)
            if entry is None:
                raise Unread(f"{tree} is no entry")
            name, indices = entry
            value = self.point.values[name]
            return value[self.place(indices, value.shape)]
        if _strip(base) == ("name", "e") and not any(n == "e" for n in self.point.values):
            return np.exp(self.value(above))
        value = np.asanyarray(self.value(base))
        match above:
            case ("T",):
                if isinstance(value, _Row) and len(value) == 1:
                    return np.asarray(value[0])
                if value.ndim == 0:
                    return value ** self.point.values["T"] if "T" in self.point.values else value
                return value[None, :].view(_Row) if value.ndim == 1 else np.swapaxes(value, -1, -2)
            case ("-T",):
                return np.linalg.inv(value).T
            case ("entrywise", inner):
                return value ** self.value(inner)
            case ("neg", ("num", "1")) if value.ndim == 2:
                return np.linalg.inv(value)
        if value.ndim:
            raise Unread("a power of an array")
        return value ** self.value(above)

    # -- derivatives ---------------------------------------------------------------------------

    def _partial(self, sign: str, above: Tree, below: Tree) -> Array:
        above, below = _strip(above), _strip(below)
        if _is_vec(below) or _is_vec(above):
            return self._by_vec(sign, above, below)
        if above[0] == "apply" and _look(above[1]) is not None:
            function = self._function(_look(above[1]) or ("", None))
            if function is not None and function[0].isupper():
                return self._of_functional(function, above[2], below)
        if above[0] not in ("name", "sub", "sup") or below[0] == "apply":
            return self._of_formula(sign, above, below)
        of, at = self._target(above)
        wrt, by = self._target(below)
        if self.total(of, sign):
            self._connected(wrt, of)
        found = self.point.jacobian(of, wrt, total=self.total(of, sign))
        count = np.ndim(self.point.values[of])
        if at is not None:
            found = found[self.place(at, found.shape[:count])]
            count = 0
        if by is not None:
            found = found[(..., *self.place(by, found.shape[count:]))]
        elif count and found.ndim > 2:  # that of a vector by a vector is a matrix
            raise Unread("a derivative of an array by an array")
        return found

    def _connected(self, wrt: str, of: str) -> None:
        """Refuse a value of the page's own where a line between it and another was not read."""
        seen, left = set[str](), [of]
        while left:
            name = left.pop()
            if name not in seen:
                seen.add(name)
                left += self.point.needs.get(name, ())
        if wrt in self._given and wrt not in seen:
            raise Unread(f"no way from {wrt} to {of}")

    def _target(self, tree: Tree) -> tuple[str, list[str | int] | None]:
        entry = self.entry(tree)
        if entry is not None:
            return entry
        return self.name(tree), None

    def _by_vec(self, sign: str, above: Tree, below: Tree) -> Array:
        """∂y/∂vec(X), ∂vec(Y)/∂x or ∂vec(Y)/∂vec(X), a matrix."""
        above, below = (side[2] if _is_vec(side) else side for side in (above, below))
        of, wrt = self.name(_strip(above)), self.name(_strip(below))
        found = self.point.jacobian(of, wrt, total=self.total(of, sign))
        if self.derivative is not None and self.derivative.columns:
            rows, cols = (np.ndim(self.point.values[name]) for name in (of, wrt))
            own = (*reversed(range(rows)), *(rows + n for n in reversed(range(cols))))
            found = found.transpose(own)
        return found.reshape(self.point.values[of].size, self.point.values[wrt].size)

    def _of_formula(self, sign: str, above: Tree, below: Tree) -> Array:
        """∂u/∂x of a formula u, or ∂L/∂f(y) where y is used in f(y) alone."""
        if below[0] == "apply":
            function = self._function(_look(below[1]) or ("", None))
            if function is None:
                raise Unread("a derivative by a value without a name")
            slope = self.point.function(function)(self.value(below[2]), prime=True)
            return self._partial(sign, above, below[2]) / slope
        wrt, by = self._target(below)
        moved = self.point.values[wrt].astype(complex)
        moved[() if by is None else self.place(by, moved.shape)] += 1e-30j
        kept = self.point.values
        self.point.values = kept | {wrt: moved}
        for name, definition in self.point.definitions.items():
            if name != wrt:
                self.point.values[name] = np.asarray(definition(self.point.values))
        try:
            return np.asarray(self.value(above)).imag / 1e-30
        finally:
            self.point.values = kept

    def _of_functional(self, function: str, argument: Tree, below: Tree) -> Array:
        """∂F(A)/∂a_ij, or the array of them all."""
        value = self.value(argument)
        found = functional(function, value, prime=True)
        if _strip(below) == _strip(argument):
            return found
        if below[0] == "sub" and _strip(below[1]) == _strip(argument):
            return found[self.place(self.indices(below[2], found.ndim), found.shape)]
        name, indices = self._target(below)
        of = _strip(argument)
        if of[0] == "sup" and of[2] == ("T",) and self.name(_strip(of[1])) == name:
            found = found.T
        elif of[0] not in ("name", "sub") or self.name(of) != name:
            raise Unread("a function of something else")
        return found if indices is None else found[self.place(indices, found.shape)]

    def _change(self, tree: Tree, held: Collection[str] = ()) -> Array:
        """DX at random; dY and d(…) are what comes of it through all that is not held fixed.

        Where no change is left, as in dL = 0, all inputs change; on the page of an array of
        derivatives it is the input that they are by.
        """
        rest = [self.derivative.wrt] if self.derivative else self.point.inputs()
        moving = [self.moving] if self.moving else rest
        for name in moving:
            self._connected(name, self.loss)
        kept = self.point.values
        chance = np.random.default_rng(7)
        ways = {name: chance.uniform(0.5, 1.5, kept[name].shape) for name in moving}
        self.point.values = kept | {name: kept[name] + 1e-30j * way for name, way in ways.items()}
        for name, definition in self.point.definitions.items():
            if name not in moving and name not in held:
                self.point.values[name] = np.asarray(definition(self.point.values))
        try:
            return np.asarray(self.value(_strip(tree))).imag / 1e-30
        finally:
            self.point.values = kept

    def _changed_again(self, tree: Tree, step: float = 1e-4) -> Array:
        """D²L: the change of dL, the change of x being the same, by differences of 1e-4."""
        if self.moving is None:
            raise Unread("no change")
        kept = self.point.values
        x = kept[self.moving]
        way = np.random.default_rng(7).uniform(0.5, 1.5, x.shape)
        found = []
        for sign in (1, -1):
            self.point.values = kept | {self.moving: x + sign * step * way}
            for name, definition in self.point.definitions.items():
                self.point.values[name] = np.asarray(definition(self.point.values))
            found.append(self._change(tree))
        self.point.values = kept
        return (found[0] - found[1]) / (2 * step)


def _is_vec(tree: Tree) -> bool:
    return tree[:2] == ("apply", ("function", "vec"))


def _is_slice(tokens: tuple[str, ...]) -> bool:
    """Whether a subscript says places as NumPy does, from 0 on: X_{1:}."""
    return ":" in tokens or r"\operatorname" in tokens


def _places(text: str) -> tuple[int | slice | None, ...]:
    """The places that a subscript such as {:},1{:} says."""
    found: list[int | slice | None] = []
    for part in re.sub(r"[{}]|\\operatorname", "", text).split(","):
        if ":" in part:
            found.append(slice(*(int(n) if n else None for n in part.split(":"))))
        else:
            found.append(None if part == "new" else int(part))
    return tuple(found)


def _is_norm(tree: Tree) -> bool:
    """‖A‖_F."""
    return _strip(tree[1])[0] == "norm" and tree[2] == ("F",)


def _strip(tree: Tree) -> Tree:
    while tree[0] in ("fence", "group"):
        tree = tree[1]
    return tree


def _spelled(tree: Tree) -> Iterator[str]:
    match _strip(tree):
        case ("name", base):
            yield base
        case ("sub", base, tokens):
            yield from _spelled(base)
            yield "".join(t for t in tokens if t.isalnum())


def _look(tree: Tree) -> tuple[str, str | None] | None:
    """The letter and the subscript of a name."""
    tree = _strip(tree)
    match tree:
        case ("name", base):
            return _parts(base) if re.search(r"\d", base) else (base, None)
        case ("sub", base, tokens) if _strip(base)[0] == "name":
            below = re.sub(r"\\mathit|[{}\\]", "", "".join(tokens))
            return _strip(base)[1], below
        case ("sup", base, ("prime",)):
            return _look(base)
    return None


def _free(tree: object) -> set[str]:
    """The letters in indices that no sum binds."""
    if not isinstance(tree, tuple):
        return set()
    match tree:
        case ("sum" | "prod", letters, inner):
            return _free(inner) - set(letters)
        case ("sub", base, tokens) if _is_slice(tokens):
            return _free(base)
        case ("sub", base, tokens):
            found = set(re.findall(r"[a-z](?:_\{?\d+\}?)?", "".join(tokens)))
            return _free(base) | {re.sub("[{}]", "", each) for each in found}
    return set[str]().union(*(map(_free, tree)))


def _deltas(tree: object) -> Iterator[tuple[str, str]]:
    """The two indices of every delta."""
    if isinstance(tree, tuple):
        if tree[:1] == ("sub",) and tree[1] == ("name", "delta"):
            letters = [t for t in tree[2] if t != ","]
            if len(letters) == 2:
                yield letters[0], letters[1]
            return
        for part in tree:
            yield from _deltas(part)


def _holds_grid(tree: object) -> bool:
    if not isinstance(tree, tuple):
        return False
    return tree[:1] in (("grid",), ("dots",)) or any(map(_holds_grid, tree))


class _Row(np.ndarray[Any, Any]):
    """A transposed vector; a matrix of one row is something else: its product is a vector."""


def _column(value: Array) -> Array:
    """A matrix; a vector as one of a single column."""
    value = np.asanyarray(value)
    return np.asarray(value[:, None] if value.ndim == 1 else value)


def _times(one: Array, other: Array) -> Array:
    """The product of two arrays, a vector being a column."""
    if one.ndim == 1 and other.ndim == 2 and other.shape[0] == 1:
        return np.outer(one, np.asarray(other)[0])
    if one.ndim == 1 and other.shape == (1,):  # a number as a matrix
        return one * other
    if one.ndim == 1:
        raise Unread("a column times an array")
    found = one @ other
    return np.asarray(found)[0] if isinstance(one, _Row) and other.ndim == 1 else found


def _same(one: Array, other: Array, largest: float = 0.0) -> bool:
    """Whether two values are equal; a vector is a column.

    Terms that cancel leave a rounding error as large as the `largest` of them makes it.
    """
    one, other = np.asarray(one), np.asarray(other)
    if one.ndim == 1 and other.ndim == 2:
        one = one[:, None] if other.shape[1] == 1 else one[None, :]
    if other.ndim == 1 and one.ndim == 2:
        other = other[:, None] if one.shape[1] == 1 else other[None, :]
    if one.shape != other.shape:
        return one.size == other.size == 1 and bool(np.isclose(one.ravel(), other.ravel()).all())
    scale = 1e-9 + 1e-7 * max(np.abs(one).max(initial=0), np.abs(other).max(initial=0))
    scale += 1e-15 * largest
    return bool((np.abs(one - other) <= scale).all())
