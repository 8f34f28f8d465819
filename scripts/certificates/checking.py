"""A certificate checked: the program, every link of every chain, and the answers.

A link is proved for all sizes if both of its sides have one normal form (see `proving.py`). The
rest is evaluated: both sides at all their entries, at the sizes of the file, if they are small, and
at two other choices of sizes, which differ from each other and one of which holds a 1; each time at
two random points, modulo two random primes where the program only adds, multiplies and divides,
else with real numbers that know their errors. That finds what is false, but is no proof.
"""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from certificates.derivatives import Calculus
from certificates.entries import Entries
from certificates.frame import Json, RefusedError, Work, check_form, refuse
from certificates.functions import KINKS, called
from certificates.numbers import (
    DIGITS,
    Field,
    NotRationalError,
    Number,
    Reals,
    Residues,
    random_prime,
    real_arithmetic,
)
from certificates.program import Program, flat, names, read
from certificates.proving import Prover
from certificates.reading import Tree, parse, walk
from certificates.words import CHAINS, KINDS, METHODS, REASONS, STEPS
from certificates.worlds import World, other_worlds

SMALL = 120  # entries of all arrays together up to which the sizes of the file are looked at
MOST_LINKS = 100_000
MOST_EXPONENT = 1000  # of ten, by which numbers of a file may be small


def check(data: Json) -> list[tuple[str, str]]:
    """Check a certificate; the answer is each link, and whether it is proved or evaluated.

    Raises:
        RefusedError: at the first thing that is wrong.
    """
    check_form(data)
    program = read(data)
    calculus = Calculus(program)
    prover = Prover(calculus)
    chains: list[tuple[Json, Chain]] = []
    if data["method"] not in METHODS:
        refuse("method: there is no such method")
    if sum(len(chain["links"]) for step in data["steps"] for chain in step["chains"]) > MOST_LINKS:
        refuse(f"steps: more than {MOST_LINKS:,} links")
    for step in data["steps"]:
        if step["kind"] not in STEPS or not step["chains"]:
            refuse(f"steps: there is no step {step['kind'][:40]!r}, or it is empty")
        if not (step["wrt"] is None or step["wrt"] in program.shapes):
            refuse(f"{_where(step)}: it is about no name of the program")
        for number, chain in enumerate(step["chains"], 1):
            with _Located(f"{_where(step)}, chain {number}"):
                chains.append((step, Chain(chain, prover, step["wrt"])))
    _check_answers(data, program)
    _check_counts(data, program)
    _evaluate(data, Entries(calculus), chains)
    return [link for step, chain in chains for link in chain.told(_where(step))]


def summary(data: Json, links: list[tuple[str, str]]) -> str:
    """One line: how many links are proved and how many evaluated, and the answers."""
    count = sum(how == PROVED for _, how in links)
    answers = ", ".join(f"d{name} = {data['gradients'][name]}" for name in data["wrt"])
    return (
        f"{len(links)} equalities confirmed: {count} {PROVED}, {len(links) - count} {EVALUATED}; "
        f"{answers}"
    )


PROVED, EVALUATED = "proved for all sizes", "evaluated at random points"


def _where(step: Json) -> str:
    """The name of a step in a message."""
    return f"step {step['kind']}" + (f" {step['wrt']}" if step["wrt"] else "")


class _Located:
    """Says where something was refused."""

    def __init__(self, place: str) -> None:
        self.place = place

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, RefusedError):
            refuse(f"{self.place}: {error}")
        if isinstance(error, ArithmeticError):
            refuse(f"{self.place}: a side has no value")


# -- the answers ---------------------------------------------------------------------------------


def _check_answers(data: Json, program: Program) -> None:
    """Each gradient must be where a chain ends that begins with ∂L/∂x."""
    ends: dict[str, str] = {}
    derived: set[str] = set()
    for step in data["steps"]:
        if step["wrt"] is None:
            continue
        for chain in step["chains"]:
            first, *_, last = chain["sides"]
            if "of" not in first or "of" not in last or first["kind"] != "formula":
                continue
            if first["of"] == f"d{step['wrt']}":
                derived.add(first["of"])
                wanted: Json = parse(first["of"])
            else:
                wanted = parse(first["of"])
            if wanted == _asked(step["wrt"], program) and last["kind"] == "formula":
                ends[step["wrt"]] = last["of"] if last["at"] == first["at"] else ""
    for name in data["wrt"]:
        if ends.get(name) != data["gradients"][name]:
            refuse(f"gradients: that by {name} is not what is derived")
        used = names(parse(data["gradients"][name])) - program.shapes.keys()
        missing = [n for n in sorted(used - derived) if n[0] == "d" and n[1:] in program.shapes]
        if missing:
            refuse(f"gradients: that by {name} uses {missing[0]}, which is not derived")


def _asked(name: str, program: Program) -> Tree:
    """dX, or what is left of it where X has a structure: G + Gᵀ - G∗I or G∗I."""
    structure = program.assumed.get(name)
    size = program.shapes[name][0] if structure else ""
    text = {
        None: f"d{name}",
        "symmetric": f"d{name} + d{name}.T - d{name}*eye({size})",
        "diagonal": f"d{name}*eye({size})",
    }[structure]
    found: Tree = flat(parse(text))
    return found


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


_CHANCE = random.SystemRandom()
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
        written = [parse(data["entry"])]
        if "of" in data:
            over = tuple(runs.get(index, "1") for index in at)
            places = tuple(("name", i) if i in runs else ("num", int(i)) for i in at)
            written.append(self.calculus.source(data["of"], over, places, KINDS[kind]))
        self.numbers = {
            (node[1], n, index[1])
            for tree in written
            for node in walk(tree)
            if node[0] == "index"
            for n, index in enumerate(node[2])
            if index[0] == "num"
        }
        self.trees = [self.calculus.read(tree, runs, about) for tree in written]
        self.proved = all(prover.same(self.trees[0], tree, about) for tree in self.trees[1:])

    def value(self, world: World, place: Place) -> Number:
        """The value of the side at a place."""
        first, *others = (world.entries.ready(tree).run(world, place) for tree in self.trees)
        if not all(world.field.same(first, other) for other in others):
            refuse("a side is not the entry that it states")
        return first

    @property
    def spelled(self) -> bool:
        """Whether it is written out at the sizes of the file."""
        return "entries" in self.data

    def check_spelled(self, world: World, values: list[tuple[Place, Number]]) -> None:
        """Compare what is written out with the side; the sizes are those of the file."""
        own = {tuple(place.get(i, 1) for i in self.at): value for place, value in values}
        spelled = dict(_cells(self.data["entries"]))
        if spelled.keys() != own.keys():
            refuse("an array is not written out in its shape")
        for at, text in spelled.items():
            tree = self.calculus.read(parse(text), {}, world.about)
            if not world.field.same(world.entries.ready(tree).run(world, {}), own[at]):
                refuse(f"an array as written out is not what it stands for at {at}")


def _cells(entries: Json, at: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], str]]:
    if isinstance(entries, str):
        yield at, entries
        return
    for n, part in enumerate(entries, 1):
        yield from _cells(part, (*at, n))


class Chain:
    """A chain of links, whose sides are all read at the same indices."""

    def __init__(self, data: Json, prover: Prover, about: str | None) -> None:
        self.links, self.kind = data["links"], data["kind"]
        if self.kind not in CHAINS or len(data["sides"]) != len(self.links) + 1 or not self.links:
            refuse(f"there is no chain {self.kind[:40]!r}, or it has not one side more than links")
        for link in self.links:
            if link["reason"] not in REASONS:
                refuse(f"there is no reason {link['reason'][:40]!r}")
        self.runs: dict[str, str] = data["indices"]
        for letter, size in self.runs.items():
            sizes = {n for shape in prover.program.shapes.values() for n in shape}
            if not re.fullmatch(r"[a-z]\w*", letter) or size not in sizes:
                refuse(f"{letter[:20]!r} is no index letter of a size")
        self.sides = [Side(side, self.runs, prover, about) for side in data["sides"]]
        self.proved = [
            one.proved and other.proved and prover.same(one.trees[0], other.trees[0], about)
            for one, other in itertools.pairwise(self.sides)
        ]
        self.spelled = any(side.spelled for side in self.sides)
        self.looked = [0] * len(self.links)

    def open(self, *, own: bool) -> list[bool]:
        """The links to be evaluated, at the sizes of the file or at others."""
        return [
            not proved and (own or link["for_all_sizes"])
            for proved, link in zip(self.proved, self.links, strict=True)
        ]

    def look(self, world: World, *, own: bool) -> None:
        """Compare each side with the next; `own`: the sizes are those of the file."""
        todo = self.open(own=own)
        near = [any(todo[max(n - 1, 0) : n + 1]) for n in range(len(self.sides))]
        if own:
            near = [n or side.spelled for n, side in zip(near, self.sides, strict=True)]
        if not any(near) or not self._there(world):
            return
        sizes = world.shape(list(self.runs.values()))
        found: list[list[tuple[Place, Number]]] = [[] for _ in self.sides]
        for place in itertools.product(*(range(1, size + 1) for size in sizes)):
            at = dict(zip(self.runs, place, strict=True))
            world.work.spend(10 * len(self.sides))
            for number, side in enumerate(self.sides):
                if near[number]:
                    found[number].append((at, side.value(world, at)))
            for n, link in enumerate(self.links):
                if todo[n] and not world.field.same(found[n][-1][1], found[n + 1][-1][1]):
                    refuse(f"{link['reason']!r}: the sides differ at {place or 'a point'}")
        for n, looked in enumerate(todo):
            self.looked[n] += looked
        if own:
            for side, values in zip(self.sides, found, strict=True):
                if side.spelled:
                    side.check_spelled(world, values)

    def _there(self, world: World) -> bool:
        """Whether the entries that are named by numbers, such as x_12, are there."""
        return all(
            number <= world.shape(world.entries.lowering.shape_of(name))[axis]
            for side in self.sides
            for name, axis, number in side.numbers
        )

    def told(self, where: str) -> Iterator[tuple[str, str]]:
        """Each link by its place, and how it was confirmed."""
        for link, proved, looked in zip(self.links, self.proved, self.looked, strict=True):
            if not proved and not looked:
                refuse(f"{where}: {link['reason']!r}: there are no sizes to evaluate it at")
            yield f"{where}, {self.kind}: {link['reason']}", PROVED if proved else EVALUATED


# -- evaluating ----------------------------------------------------------------------------------


def _evaluate(data: Json, entries: Entries, chains: list[tuple[Json, Chain]]) -> None:
    """Look at every link that is not proved, and at all that is written out."""
    if not any(chain.spelled or any(chain.open(own=True)) for _, chain in chains):
        return
    extra = _exponents(data)
    try:
        _look(data, entries, [Residues(random_prime(_CHANCE)) for _ in range(2)], chains)
    except NotRationalError:
        with real_arithmetic(DIGITS + extra):
            # It takes more points to tell functions apart that take few values.
            kinks = any(called(tree) & KINKS for tree in entries.program.definitions.values())
            _look(data, entries, [Reals(DIGITS // 2 + extra)] * (8 if kinks else 2), chains)


def _look(
    data: Json, entries: Entries, fields: Sequence[Field], chains: list[tuple[Json, Chain]]
) -> None:
    """Look at chains in every world that is needed."""
    own, work = data["sizes"], Work()
    sizes = [[own.get(n) or int(n) for n in shape] for shape in data["shapes"].values()]
    here = any(
        chain.spelled or chain.open(own=True) != chain.open(own=False) for _, chain in chains
    )
    there = any(any(chain.open(own=False)) for _, chain in chains)
    found: list[Iterable[World]] = []
    if here or sum(map(math.prod, sizes)) <= SMALL:
        found.append(World(entries, field, own, _CHANCE, work) for field in fields)
    if there:
        found.append(other_worlds(entries, fields, work, _CHANCE))
    for world in itertools.chain(*found):
        about: Json = None
        for step, chain in chains:
            if step is not about:
                about = step
                world.begin(step["wrt"])
            with _Located(_where(step)):
                chain.look(world, own=world.sizes == own)


def _exponents(data: Json) -> int:
    """How many digits more are needed to see the smallest numbers of the file."""
    most = 0
    texts = [*data["definitions"].values(), *data["gradients"].values()]
    texts += [
        side[key]
        for step in data["steps"]
        for chain in step["chains"]
        for side in chain["sides"]
        for key in ("entry", "of")
        if key in side
    ]
    for text in texts:
        powers = sum(int(n) for n in re.findall(r"[0-9]e-?([0-9]{1,3})", text))
        longs = sum(len(n) for n in re.findall(r"[0-9]{8,}", text))
        most = max(most, powers + longs)
    if most > MOST_EXPONENT:
        refuse(f"numbers of more than {MOST_EXPONENT} digits")
    return most
