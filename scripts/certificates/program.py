"""The program of a certificate, read again: its definitions must be those that are stated."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from certificates.frame import Json, refuse
from certificates.functions import parts_of
from certificates.lowering import KNOWN, Lowering
from certificates.reading import INDEX_MAPS, Tree, exchanged, parse, refuse_index_map, walk

MOST_SIZE = 10**9
_FAR = 10**6  # beyond this no steps are looked for
MOST_PROGRAM = 100_000  # letters, and parts of its definitions

_NAME = r"[A-Za-z]\w*"
_FIXED = re.compile("[1-9][0-9]{0,8}")
_LANGUAGE = set("num name add mul pow matmul T mT new call tuple option".split())
#: Assumptions about square matrices, about arrays with rows, and about any input.
_SQUARE = ("symmetric", "diagonal", "psd", "lower", "orthogonal")
_ROWS = ("stochastic", "onehot")
_ANY = ("positive",)


@dataclass(frozen=True)
class Program:
    """Definitions in order, shapes in letters, undefined functions, structure of inputs."""

    definitions: Mapping[str, Tree]
    shapes: Mapping[str, list[str]]
    sizes: Mapping[str, int]
    functions: set[str]
    assumed: Mapping[str, str]
    #: f for f(z_ij) of ours: the name Z, f(Z) as source, and the loss in terms of f(Z).
    bodies: Mapping[str, tuple[str, Tree, Tree]]
    #: Whether gradients by symmetric inputs are those among symmetric matrices.
    inner: bool = False

    def says(self, name: str, *words: str) -> bool:
        """Whether one of some words is assumed of a name."""
        return not {*self.assumed.get(name, "").split(", ")}.isdisjoint(words)

    def unfolded(self, tree: Tree) -> Tree:
        """A tree over the inputs alone."""
        return _unfolded(tree, self.definitions)

    def reach_of_numbers(self) -> int:
        """A number that is greater than twice all numbers in the definitions, within bounds."""
        numbers = [
            abs(node[1])
            for tree in self.definitions.values()
            for node in walk(tree)
            if node[0] == "num"
        ]
        return 3 + min(2 * math.ceil(max(numbers, default=1)), _FAR)

    @property
    def loss(self) -> str:
        """The name of the value that is differentiated."""
        return list(self.definitions)[-1]

    @property
    def inputs(self) -> list[str]:
        """The names that are not defined."""
        return [name for name in self.shapes if name not in self.definitions]

    @cached_property
    def uses(self) -> dict[str, frozenset[str]]:
        """The names in each definition."""
        return {name: names(tree) for name, tree in self.definitions.items()}

    @cached_property
    def reach(self) -> dict[str, frozenset[str]]:
        """The names that each value is made of, through others too."""
        found: dict[str, frozenset[str]] = {}
        for name, used in self.uses.items():
            found[name] = used.union(*(found[n] for n in used & found.keys()))
        return found


def read(data: Json) -> Program:
    """The program that the certificate is about, its definitions compared with its text."""
    texts = [data["program"], *data["definitions"].values()]
    texts += [text for function in data["functions"].values() for text in function.values()]
    if sum(map(len, texts)) > MOST_PROGRAM:
        refuse(f"program: more than {MOST_PROGRAM:,} letters")
    shapes, written = data["shapes"], _assignments(data["program"])
    definitions = {name: parse(text) for name, text in data["definitions"].items()}
    for name, tree in (*written.items(), *definitions.items()):
        _check_language(name, tree)
    _check_names(data)
    loss = list(written)[-1]
    if shapes.get(loss) != []:
        refuse(f"shapes: {loss[:40]} is not a number")
    if [name for name in definitions if name in written] != list(written):
        refuse("definitions: they are not those of the program's values, in its order")
    lifted = {name: tree for name, tree in definitions.items() if name not in written}
    for name, tree in written.items():
        if _unfolded(definitions[name], lifted) != flat(tree):
            refuse(f"definitions: {name} is not what the program says")
    used = {name for tree in definitions.values() for name in names(tree)}
    inputs = {n for tree in written.values() for n in names(tree)} - {*written, *data["sizes"]}
    if list(definitions)[-1] != loss or {*lifted} - used or {*lifted} & inputs:
        refuse("definitions: there is one that the program does not need")
    if {*shapes} != {*definitions, *inputs}:
        refuse("shapes: they are not those of the program's names")
    functions = {
        node[1] for tree in definitions.values() for node in walk(tree) if node[0] == "call"
    } - KNOWN
    bodies = {
        name: (f["of"], parse(f["body"]), parse(f["loss"])) for name, f in data["functions"].items()
    }
    for name, (of, body, whole) in bodies.items():
        _check_language(name, ("add", (body, whole)))
        here = {("call", name, (("name", of),)): body}
        if not re.fullmatch("[a-z][a-z]*|F", name) or name in functions | KNOWN or of not in shapes:
            refuse(f"functions: {name[:40]!r} cannot be a function of {of[:40]!r}")
        if _put_in(here, whole) != flat(definitions[loss]):
            refuse("functions: the loss is not what it is said to be")
    functions |= {*bodies}
    everything = [*shapes, *data["sizes"], *functions]
    derived = [f"d{name}" for name in (*shapes, *functions)]
    if len({*everything, *derived}) != len(everything) + len(derived):
        refuse("program, sizes: a name stands for two things")
    for name, words in data["assume"].items():
        square = len(shapes.get(name, [])) == 2 and len({*shapes[name]}) == 1  # noqa: PLR2004
        for assumed in words.split(", "):
            known = (square and assumed in _SQUARE) or (shapes.get(name) and assumed in _ROWS)
            if name not in inputs or not (known or assumed in _ANY):
                refuse(f"assume: {name[:40]} cannot be {assumed[:40]}")
    wrt = data["wrt"]
    if not wrt or len({*wrt}) != len(wrt) or not {*wrt} <= inputs or {*data["gradients"]} != {*wrt}:
        refuse("wrt, gradients: they are not those of some inputs")
    found = Program(
        definitions, shapes, data["sizes"], functions, data["assume"], bodies, "convention" in data
    )
    _check_shapes(found)
    return found


def _check_language(name: str, tree: Tree) -> None:
    parts_of(tree)
    kinds = {node[0] for node in walk(tree)}
    called = {node[1] for node in walk(tree) if node[0] == "call"}
    foreign = called & {"Partial", "acos", "differential", "Sum", "KroneckerDelta"}
    if not kinds <= _LANGUAGE | {"index"} or foreign or "." in str(names(tree)):
        refuse(f"definitions: {name[:40]} is not in the language of programs")
    if "index" in kinds or called & INDEX_MAPS:
        refuse_index_map(name)


def _check_names(data: Json) -> None:
    for name, size in data["sizes"].items():
        if not re.fullmatch(_NAME, name) or not 1 <= size <= MOST_SIZE:
            refuse(f"sizes: {name[:40]!r} is not from 1 to {MOST_SIZE:,}")
    for name, shape in data["shapes"].items():
        known = all(n in data["sizes"] or _FIXED.fullmatch(n) for n in shape)
        if not re.fullmatch(_NAME, name) or not known:
            refuse(f"shapes: {name[:40]!r} has no shape in the sizes of the file")
    if {*data["sizes"]} - {size for shape in data["shapes"].values() for size in shape}:
        refuse("sizes: there is one that no shape holds")


def _check_shapes(program: Program) -> None:
    """The shapes of values must follow from those of the inputs."""
    lowering = Lowering(program.sizes, program.shapes, program.functions)
    for name, tree in program.definitions.items():
        if lowering.lower(tree).shape != tuple(program.shapes[name]):
            refuse(f"shapes: that of {name[:40]} does not follow")


def _assignments(text: str) -> dict[str, Tree]:
    """The assignments of a program, in order."""
    found: dict[str, Tree] = {}
    for part in text.split("; "):
        match = re.fullmatch(rf"({_NAME}) = ([^;]+)", part)
        if match is None or match[1] in found:
            refuse("program: it is not a list of assignments")
        found[match[1]] = parse(match[2])
    return found


@lru_cache(maxsize=1 << 14)
def names(tree: Tree) -> frozenset[str]:
    """The names in a tree."""
    options = {node[2] for node in walk(tree) if node[0] == "option"}
    return frozenset(n[1] for n in walk(tree) if n[0] in ("name", "index") and n not in options)


def _unfolded(tree: Tree, lifted: Mapping[str, Tree]) -> Tree:
    """The tree with lifted names replaced, sums and products in one row as they are read."""
    table = {("name", name): ("name", name) for name in lifted}
    for name, value in lifted.items():
        table["name", name] = _put_in(table, value)
    return _put_in(table, tree)


def _put_in(table: Mapping[Tree, Tree], tree: Tree) -> Tree:
    """The tree with parts exchanged for others."""
    if sum(_count(table.get(node, node[:1])) for node in walk(tree)) > MOST_PROGRAM:
        refuse("definitions: they are too long")
    found: Tree = flat(exchanged(tree, table))
    return found


@lru_cache(maxsize=1 << 14)
def _count(tree: Tree) -> int:
    return sum(1 for _ in walk(tree))


def flat(tree: Any) -> Any:  # noqa: ANN401 - a tree or a leaf
    """(a + b) + c as a + b + c."""
    if not isinstance(tree, tuple):
        return tree
    made = tuple(map(flat, tree))
    match made:
        case (("add" | "mul") as kind, ((inner, some), *rest)) if inner == kind:
            return kind, (*some, *rest)
    return made
