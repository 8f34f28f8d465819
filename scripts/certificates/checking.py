"""A certificate checked: the program, every link of every chain, and the answers.

A link is proved for all sizes if both of its sides have one normal form (see `proving.py`). The
rest is evaluated: both sides at all their entries, at the sizes of the file, if they are small, and
at two other choices of sizes, which differ from each other and one of which holds a 1; each time at
two random points, with numbers that know their errors. Where sizes stand as numbers, more sizes are
tried. That finds what is false, but is no proof. All sides must have a value at some point.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from certificates.derivatives import Calculus
from certificates.frame import Json, RefusedError, check_form, refuse
from certificates.functions import parts_of
from certificates.numbers import ImpreciseError, Real, Reals
from certificates.points import Point, other_points, spread_of
from certificates.program import Program, names, read
from certificates.proving import Prover
from certificates.reading import Tree, parse
from certificates.words import CHAINS, KINDS, METHODS, REASONS, STEPS
from certificates.worlds import Jumps, World

SMALL = 120  # entries of all arrays together up to which the sizes of the file are looked at
MOST_LINKS = 100_000
MOST_SPREAD = 8  # powers of a size, as a number in a formula
DIGITS = (60, 240, 1000)  # of real numbers, more where they do not suffice


def check(data: Json) -> list[tuple[str, str]]:
    """Check a certificate; the answer is each link, and whether it is proved or evaluated.

    Raises:
        RefusedError: at the first thing that is wrong.
    """
    check_form(data)
    before = check(data["gradient"]) if "gradient" in data else []
    program = read(data)
    if "gradient" in data:
        _check_paired(data, program)
    prover = Prover(Calculus(program))
    found: list[Link] = []
    if data["method"] not in METHODS:
        refuse("method: there is no such method")
    if sum(len(chain["links"]) for step in data["steps"] for chain in step["chains"]) > MOST_LINKS:
        refuse(f"steps: more than {MOST_LINKS:,} links")
    for step in data["steps"]:
        if step["kind"] not in STEPS or not step["chains"]:
            refuse(f"steps: there is no step {step['kind'][:40]!r}, or it is empty")
        about = step["wrt"]
        where = f"step {step['kind']}" + (f" {about}" if about else "")
        if not (about is None or about in program.shapes):
            refuse(f"{where}: it is about no name of the program")
        for number, chain in enumerate(step["chains"], 1):
            with _located(f"{where}, chain {number}"):
                found += _links(chain, prover, about, where)
    _check_answers(data, program)
    if "jacobian" in data:
        _check_jacobian(data, program)
    _check_counts(data, program)
    _evaluate(data, prover.calculus, found)
    for link in found:
        if not link.proved and not link.looked:
            refuse(f"{link.where}: there are no sizes to evaluate it at")
    return [*before, *((link.where, PROVED if link.proved else EVALUATED) for link in found)]


def summary(data: Json, links: list[tuple[str, str]]) -> str:
    """One line: how many links are proved and how many evaluated, and the answers."""
    count = sum(how == PROVED for _, how in links)
    answers = ", ".join(f"d{name} = {data['gradients'][name]}" for name in data["wrt"])
    return (
        f"{len(links)} equalities confirmed: {count} {PROVED}, {len(links) - count} {EVALUATED}; "
        f"{answers}"
    )


PROVED, EVALUATED = "proved for all sizes", "evaluated at random points"


@contextlib.contextmanager
def _located(place: str) -> Iterator[None]:
    """Says where something was refused."""
    try:
        yield
    except RefusedError as error:
        refuse(f"{place}: {error}")
    except ArithmeticError:
        refuse(f"{place}: a side has no value")


# -- the answers ---------------------------------------------------------------------------------


def _check_answers(data: Json, program: Program) -> None:
    """Each gradient must be where a chain ends that begins with ∂L/∂x."""
    ends: dict[str, str] = {}
    for step in data["steps"]:
        if step["wrt"] is None:
            continue
        for chain in step["chains"]:
            first, *_, last = chain["sides"]
            if "of" not in first or "of" not in last or first["kind"] != "formula":
                continue
            if parse(first["of"]) == _asked(step["wrt"], program) and last["kind"] == "formula":
                ends[step["wrt"]] = last["of"] if last["at"] == first["at"] else ""
    for name in data["wrt"]:
        if ends.get(name) != data["gradients"][name]:
            refuse(f"gradients: that by {name} is not what is derived")
        _check_derived(name, ends, program)


def _check_paired(data: Json, program: Program) -> None:
    """Refuse a program that is not ⟨V, g⟩ with a free V and the gradient g of another certificate.

    Together they are about a Hessian: the gradient of ⟨V, g⟩ is the Hessian's product with V.
    """
    of, first = data["gradient"], read(data["gradient"])
    *_, gradient, total = program.definitions
    free = [name for name in program.inputs if name not in first.shapes]
    if len(of["wrt"]) != 1 or len(free) != 1:
        refuse("gradient: it is not of one input, or not one direction is free")
    (v,), (wrt,) = free, of["wrt"]
    products = [parse(f"sum({v}*{gradient})"), parse(f"{v}*{gradient}")]
    if program.definitions[total] != products[not first.shapes[wrt]]:
        refuse(f"gradient: the program does not end in its product with {v}")
    if program.unfolded(program.definitions[gradient]) != first.unfolded(
        parse(of["gradients"][wrt])
    ):
        refuse("gradient: its formula is another one in the program")
    if program.shapes[v] != first.shapes[wrt] or program.shapes[gradient] != first.shapes[wrt]:
        refuse("gradient: it has another shape in the program")
    for name in {*program.inputs} - {v}:
        if program.shapes[name] != first.shapes[name] or name in first.definitions:
            refuse(f"gradient: {name} is another input in the program")
    if data["assume"] != of["assume"] or data["functions"] or of["functions"]:
        refuse("gradient: the programs do not assume the same, or name functions")


def _check_jacobian(data: Json, program: Program) -> None:
    """Refuse a Jacobian J of y by x that holds v, or where ⟨v, y⟩ has another gradient than Jᵀv.

    It is Jv in denominator layout; v∗J of a number y, and Σ v∗J by a number x.
    """
    own, wrt = data["jacobian"], data["wrt"]
    v, total = own["direction"], [*program.definitions][-1]
    if len(wrt) != 1 or v not in program.inputs or v in wrt or v in data["assume"]:
        refuse(f"jacobian: {v[:40]!r} is no free direction, or the gradient is not by one input")
    if any(v in names(tree) for name, tree in program.definitions.items() if name != total):
        refuse(f"jacobian: {v} is not free; another value uses it")
    summed, array = program.definitions[total], parse(own["formula"])
    direction = ("name", v)
    of = summed[2][0] if summed[0] == "call" and summed[1] == "sum" else summed
    if of[0] != "mul" or len(of[1]) != len((v, array)) or of[1][0] != direction:
        refuse(f"jacobian: the program does not end in its product with {v}")
    if v in names(array) or not names(array) <= program.shapes.keys() | program.sizes.keys():
        refuse(f"jacobian: its formula names {v}, or what is no value of the program")
    turned = array[1] if array[0] == "T" else ("T", array)
    product: Tree = ("mul", (direction, array))
    if program.shapes[v] and program.shapes[wrt[0]]:
        sides = {"numerator": turned, "denominator": array}
        product = ("matmul", sides.get(own["layout"]), direction)
    elif program.shapes[v]:
        product = ("call", "sum", (product,))
    if parse(data["gradients"][wrt[0]]) != product:
        refuse(f"jacobian: the gradient is not its product with {v}")


def _check_derived(name: str, ends: Mapping[str, str], program: Program) -> None:
    """Refuse an answer with a gradient in it that is not derived, or not by a later value."""
    for used in names(parse(ends[name])) - program.shapes.keys():
        value = used[1:]
        if value in program.shapes and used[0] == "d":
            if name not in program.reach.get(value, ()) or not ends.get(value):
                refuse(f"gradients: that by {name} uses {used}, which is not derived")
            _check_derived(value, ends, program)


def _asked(name: str, program: Program) -> Tree:
    """dX, or what is made of it by the entries of X: G + Gᵀ - G∗I, (G + Gᵀ)/2, G∗I, tril(G)."""
    g = f"d{name}"
    diagonal = f"{g}*eye({' '.join(program.shapes[name][:1])})"
    if program.says(name, "lower"):
        return parse(f"tril({g})")
    if program.says(name, "diagonal"):
        return parse(diagonal)
    if program.says(name, "symmetric", "psd"):
        return parse(f"({g} + {g}.T)/2" if program.inner else f"{g} + {g}.T - {diagonal}")
    return parse(g)


def _check_counts(data: Json, program: Program) -> None:
    """Refuse a certificate whose totals are not the sums over its links."""
    links = [
        (link, chain) for s in data["steps"] for chain in s["chains"] for link in chain["links"]
    ]
    for link, chain in links:
        sizes = (program.sizes.get(n) or int(n) for n in chain["indices"].values())
        count = 0 if link["for_all_sizes"] else math.prod(sizes)
        if link["entries"] != count:
            refuse(f"{link['reason']!r}: the entries compared should be {count}")
    if data["proof"] != {
        "equalities": len(links),
        "for_all_sizes": sum(link["for_all_sizes"] for link, _ in links),
        "compared": sum(link["entries"] > 0 for link, _ in links),
        "entries": sum(link["entries"] for link, _ in links),
    }:
        refuse("proof: the counts are not those of the links")


_NUMBER = re.compile("[1-9][0-9]{0,8}")

# -- chains --------------------------------------------------------------------------------------

Place = Mapping[str, int]


class Side:
    """One side of a link; `runs` are the letters of its chain with their sizes.

    What it says in index notation and what it says as source must agree.
    """

    def __init__(
        self, data: Json, runs: Mapping[str, str], prover: Prover, about: str | None
    ) -> None:
        self.data, self.at, self.calculus = data, data["at"], prover.calculus
        kind, at = data["kind"], data["at"]
        if kind not in KINDS or ("of" in data) != (KINDS[kind] != "entry"):
            refuse(f"there is no side {kind[:40]!r} of this form")
        if any(index not in runs and not _NUMBER.fullmatch(index) for index in at):
            refuse("an index is not one of its chain")
        cells = "".join(text for _, text in _cells(data.get("entries", "")))
        self.calculus.work.spend(len(data["entry"] + data.get("of", "") + cells))
        self.calculus.begin(runs, about)
        parts_of(parse(data["entry"]))
        self.trees = [self.calculus.number(parse(data["entry"]))]
        if "of" in data:
            over = tuple(runs.get(index, "1") for index in at)
            parts_of(parse(data["of"]))
            places = tuple(("name", i) if i in runs else ("num", int(i)) for i in at)
            self.trees.append(self.calculus.source(data["of"], over, places, KINDS[kind]))
        self.numbers = frozenset(self.calculus.numbers)
        self.proved = all(prover.same(self.trees[0], tree, about) for tree in self.trees[1:])

    def value(self, world: World, place: Place) -> Real:
        """The value of the side at a place."""
        first, *others = (world.value(tree, place) for tree in self.trees)
        if not all(world.field.same(first, other) for other in others):
            refuse("a side is not the entry that it states")
        return first

    def there(self, world: World) -> bool:
        """Whether the entries that are named by numbers, such as x_12, are there."""
        return all(n <= world.shape([size])[0] for size, n in self.numbers)

    def check_spelled(self, world: World, runs: Mapping[str, str]) -> None:
        """Compare what is written out with the side; the sizes are those of the file."""
        own = {
            tuple(p.get(i, 1) for i in self.at): self.value(world, p) for p in _places(world, runs)
        }
        spelled = dict(_cells(self.data["entries"]))
        if spelled.keys() != own.keys():
            refuse("an array is not written out in its shape")
        for at, text in spelled.items():
            self.calculus.begin({}, world.about)
            tree = self.calculus.number(parse(text))
            if not world.field.same(world.value(tree, {}), own[at]):
                refuse(f"an array as written out is not what it stands for at {at}")


def _cells(entries: Json, at: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], str]]:
    if isinstance(entries, str):
        yield at, entries
        return
    for n, part in enumerate(entries, 1):
        yield from _cells(part, (*at, n))


def _places(world: World, runs: Mapping[str, str]) -> Iterator[Place]:
    """All choices of the letters of a chain."""
    sizes = world.shape(list(runs.values()))
    for place in itertools.product(*(range(1, size + 1) for size in sizes)):
        world.work.spend(20)
        yield dict(zip(runs, place, strict=True))


@dataclass
class Link:
    """Two sides that are read at the same indices; `looked`: it has been evaluated."""

    where: str
    about: str | None
    runs: Mapping[str, str]
    sides: tuple[Side, Side]
    spelled: list[Side]  # each side that is written out, once in its chain
    for_all_sizes: bool
    proved: bool
    looked: bool = False

    def open(self, *, own: bool) -> bool:
        """Whether it is to be evaluated, at the sizes of the file or at others."""
        return not self.proved and (own or self.for_all_sizes)

    def look(self, point: Point, *, own: bool, first: bool) -> None:
        """Compare its sides, and what is written out; `own`: the sizes are those of the file.

        At the first point all links are looked at, so that what is proved has a value, too.
        """
        for world in point.worlds():
            world.begin(self.about)
            with contextlib.suppress(ArithmeticError):
                if self.open(own=own) or (first and (own or self.for_all_sizes)):
                    self._compare(world)
                for side in self.spelled if own else ():
                    side.check_spelled(world, self.runs)
                return
        refuse("a side has no value")

    def _compare(self, world: World) -> None:
        if not all(side.there(world) for side in self.sides):
            return
        self.looked = True
        for place in _places(world, self.runs):
            if not world.field.same(*(side.value(world, place) for side in self.sides)):
                refuse(f"the sides differ at {tuple(place.values()) or 'a point'}")


def _links(chain: Json, prover: Prover, about: str | None, where: str) -> Iterator[Link]:
    """The links of a chain, whose sides are all read at the same indices."""
    links, kind, runs = chain["links"], chain["kind"], chain["indices"]
    if kind not in CHAINS or len(chain["sides"]) != len(links) + 1 or not links:
        refuse(f"there is no chain {kind[:40]!r}, or it has not one side more than links")
    sizes = {n for shape in prover.program.shapes.values() for n in shape}
    for letter, size in runs.items():
        if not re.fullmatch(r"[a-z]\w*", letter) or size not in sizes:
            refuse(f"{letter[:20]!r} is no index letter of a size")
    sides = [Side(side, runs, prover, about) for side in chain["sides"]]
    for number, link in enumerate(links):
        one, other = sides[number : number + 2]
        if link["reason"] not in REASONS:
            refuse(f"there is no reason {link['reason'][:40]!r}")
        place = f"{where}, {kind}: {link['reason']}"
        proved = one.proved and other.proved and prover.same(one.trees[0], other.trees[0], about)
        new = sides if number == 0 else [other]
        spelled = [side for side in new[:2] if "entries" in side.data]
        yield Link(place, about, runs, (one, other), spelled, link["for_all_sizes"], proved)


# -- evaluating ----------------------------------------------------------------------------------


def _evaluate(data: Json, calculus: Calculus, links: list[Link]) -> None:
    """Look at every link that is not proved, at all that is written out, and for values of all."""
    program, jumps = calculus.program, Jumps()
    few = any(program.says(name, "onehot") for name in program.assumed)  # which takes few values
    for field in map(Reals, DIGITS):
        with contextlib.suppress(ImpreciseError):
            point = partial(Point, calculus, jumps, field)
            _look(data, point, 2, links)
            if jumps.seen or few:  # more points, to tell apart what takes few values
                _look(data, point, 6, links)
            if _one_sided(jumps, program):  # numbers that steps are at may be far from these
                jumps.scale = program.reach_of_numbers()
                _look(data, point, 6, links)
            if _one_sided(jumps, program):
                refuse("a side asks for a sign that is always the same")
            return
    refuse(f"numbers that {DIGITS[-1]:,} digits do not tell apart")


def _one_sided(jumps: Jumps, program: Program) -> bool:
    return any(not _signed(tree, program) for tree in jumps.one_sided)


def _signed(tree: Tree, program: Program) -> bool:
    """Whether a tree holds only inputs of which it is assumed that they are not negative."""
    used = names(tree).union(*(program.reach.get(n, frozenset()) for n in names(tree)))
    inputs = used & {*program.inputs}
    return bool(inputs) and all(program.says(n, "positive", "onehot") for n in inputs)


def _look(
    data: Json, at: Callable[[Mapping[str, int]], Point], count: int, links: list[Link]
) -> None:
    """Look at links at every point that is needed, and at all links at the first."""
    own, first = data["sizes"], True
    here = any(x.spelled or x.open(own=True) != x.open(own=False) for x in links)
    shapes = [[own.get(n) or int(n) for n in shape] for shape in data["shapes"].values()]
    found: list[Iterable[Point]] = []
    if here or sum(map(math.prod, shapes)) <= SMALL:
        found.append(at(own) for _ in range(count))
    trees = [t for x in links if x.open(own=False) for side in x.sides for t in side.trees]
    if trees or not found:
        spread = {name: _most(trees, name) for name in own}
        found.append(other_points(at, list(own), spread, count))
    for point in itertools.chain(*found):
        for link in links:
            with _located(link.where):
                link.look(point, own=point.sizes == own, first=first)
        first = False


def _most(trees: Iterable[Tree], name: str) -> int:
    """At how many sizes a letter may have some formulas may agree that differ."""
    most = max(
        (high - low + more for low, high, more in (spread_of(t, name) for t in trees)), default=0
    )
    if most > MOST_SPREAD:
        refuse(f"formulas that hold {name[:40]} as a number too often")
    return most
