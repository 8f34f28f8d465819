"""The certificate of a whole program: both sides of every link, at random points.

The definitions must follow from the program, and what is stated of shapes and structure from the
definitions. Then both sides of every link are worked out at all their entries: at the sizes of the
file, if they are small, and at two other choices of sizes, which differ from each other and one of
which holds a 1; each time for two random choices of the inputs and of the undefined functions.
Where a program only adds, multiplies and divides, both sides must be equal modulo a prime of 127
bits, else to 30 of 60 digits. What a side says in several ways, as source, in index notation and
written out, must agree as well.

This finds what is false: it is how one tests whether polynomials are identical. It is no proof for
all sizes, as that of one product is. Numbers below 1e-30 could be added to a formula that needs
real numbers and would not be seen.

Derivatives are the program's own, by what each number was made of: ∂L/∂Z through everything that
is computed from Z, `Partial(Z[i, j], X[p, q])` by the definition of Z alone. They are worked out
at points at which the program has a value; relu′ is step and abs′ is sign there.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping

from certificates import structure
from certificates.entries import Texts
from certificates.frame import (
    Json,
    RefusedError,
    certificate_form,
    check_form,
    check_verdict,
    confirmed,
    refuse,
    sides,
    where,
)
from certificates.numbers import Field, NotRationalError, Number, Reals, Residues, real_arithmetic
from certificates.reading import parse
from certificates.worlds import Program, World, worlds
from certificates.written import SIDE, Side

SMALL = 120  # entries of all arrays together up to which the sizes of the file are looked at

CERTIFICATE = certificate_form(
    "program",
    {"method": str, "assume": {str: str}},
    SIDE,
    {"indices": {str: str}},
)


def check(data: Json) -> str:
    """Check the certificate of a program; the answer is a line that says what was confirmed.

    Raises:
        RefusedError: at the first thing that is wrong.
    """
    check_form(data, CERTIFICATE)
    program = structure.read(data)
    structure.check(data, program)
    seed = int(data["sha256"], 16)
    texts = Texts(data["sizes"], data["shapes"])
    chains = [
        (step, number, Chain(chain, texts))
        for step in data["steps"]
        for number, chain in enumerate(step["chains"], 1)
    ]
    with real_arithmetic():
        try:
            _evaluate(data, program, Residues(), seed, chains)
        except NotRationalError:
            _evaluate(data, program, Reals(), seed, chains)
    verdicts = [verdict for _, _, chain in chains for verdict in chain.verdicts(data["sizes"])]
    return confirmed(data, verdicts, " at random points")


def _evaluate(
    data: Json, program: Program, field: Field, seed: int, chains: list[tuple[Json, int, Chain]]
) -> None:
    """Look at every link in every world."""
    entries = sum(
        _product(program_size(data["sizes"], n) for n in shape) for shape in data["shapes"].values()
    )
    own = data["sizes"]
    needed = any(not link.general or link.spelled for _, _, link in chains)
    chosen = own if entries <= SMALL or needed else None
    for world in worlds(program, field, chosen, list(own), seed):
        about: Json = None
        for step, number, chain in chains:
            if step is not about:
                about = step
                world.begin(step["wrt"])
            try:
                chain.look(world, own=world.sizes == own)
            except (RefusedError, ArithmeticError) as error:
                words = str(error) if isinstance(error, RefusedError) else "a side has no value"
                refuse(f"{where(step)}, chain {number}: {words}")


def program_size(sizes: Mapping[str, int], size: str) -> int:
    """The number that a size stands for."""
    return sizes[size] if size in sizes else int(size)


def _product(numbers: Iterator[int]) -> int:
    found = 1
    for number in numbers:
        found *= number
    return found


class Chain:
    """A chain of links, whose sides are all read at the same indices."""

    def __init__(self, data: Json, texts: Texts) -> None:
        self.links = data["links"]
        self.runs: dict[str, str] = data["indices"]
        for letter, size in self.runs.items():
            known = size in texts.sizes or re.fullmatch("[1-9][0-9]{0,8}", size)
            if not re.fullmatch(r"[a-z]\w*", letter) or not known:
                refuse(f"{letter[:20]!r} is no index letter of a size")
        self.sides = [Side(side, self.runs, texts) for side in sides(data)]
        self.spelled = any(side.spelled for side in self.sides)
        self.general = all(link["verdict"]["for_all_sizes"] for link in self.links)
        self.fixed = _fixed(self.sides[0].data)

    def look(self, world: World, *, own: bool) -> None:
        """Compare each side with the next; `own`: the sizes are those of the file."""
        if self.fixed is not None and not world.has(*self.fixed):
            return  # it is about one entry, such as x_12, which is not there at these sizes
        sizes = world.shape(list(self.runs.values()))
        found: list[list[tuple[Mapping[str, int], Number]]] = [[] for _ in self.sides]
        for place in itertools.product(*(range(1, size + 1) for size in sizes)):
            at = dict(zip(self.runs, place, strict=True))
            world.work.spend(len(self.sides))
            values: list[Number] = []
            for number, side in enumerate(self.sides):
                if not (own or self._looked_at(number)):
                    values.append(None)
                    continue
                values.append(side.value(world, at))
                found[number].append((at, values[-1]))
            for link, (one, other) in zip(self.links, itertools.pairwise(values), strict=True):
                if one is None or other is None or not (own or link["verdict"]["for_all_sizes"]):
                    continue
                if not world.field.same(one, other):
                    refuse(f"{link['reason']!r}: the sides differ at {place or 'a point'}")
        if own:
            for side, values in zip(self.sides, found, strict=True):
                side.check_spelled(world, values)

    def _looked_at(self, number: int) -> bool:
        """Whether a side belongs to a link that is said to hold for all sizes."""
        beside = self.links[max(number - 1, 0) : number + 1]
        return any(link["verdict"]["for_all_sizes"] for link in beside)

    def verdicts(self, sizes: Mapping[str, int]) -> Iterator[tuple[bool, int]]:
        """What each link says of itself, which must be one of two things."""
        count = _product(program_size(sizes, size) for size in self.runs.values())
        for link in self.links:
            general = link["verdict"]["for_all_sizes"]
            check_verdict(link, general, 0 if general else count)
            yield general, 0 if general else count


def _fixed(side: Json) -> tuple[str, list[int]] | None:
    """The name and the place of the one entry that a slice is by, if it is by one."""
    match parse(side.get("of", "0")):
        case ("call", "Partial", (_, ("index", name, indices))) if side["type"] == "slice":
            numbers = [index for _, index in indices]
            return (name, numbers) if all(isinstance(n, int) for n in numbers) else None
    return None
