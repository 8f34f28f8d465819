"""The structure of the certificate of a whole program: the program itself, steps, chains, ends."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from certificates.arrays import undefined
from certificates.frame import Json, RefusedError, refuse, where, words
from certificates.reading import Tree, exchanged, parse, walk
from certificates.worlds import Program
from certificates.written import trees

MOST_SIZE = 10**9

_NAME = r"[A-Za-z]\w*"
_FIXED = re.compile("[1-9][0-9]{0,8}")
_LANGUAGE = {"num", "name", "neg", "add", "mul", "pow", "matmul", "T", "call", "tuple", "option"}
_STRUCTURES = ("symmetric", "diagonal")


# -- the program -----------------------------------------------------------------------------------


def read(data: Json) -> Program:
    """The program that the certificate is about, its definitions compared with its text."""
    _check_names(data)
    shapes, written = data["shapes"], _assignments(data["program"])
    definitions = {name: parse(text) for name, text in data["definitions"].items()}
    for name, tree in (*written.items(), *definitions.items()):
        kinds = {node[0] for node in walk(tree)}
        called = {node[1] for node in walk(tree) if node[0] == "call"}
        if not kinds <= _LANGUAGE or called & {"Partial", "acos"} or "." in str(names(tree)):
            refuse(f"definitions: {name[:40]} is not in the language of programs")
    loss = list(written)[-1]
    if shapes.get(loss) != []:
        refuse(f"shapes: {loss[:40]} is not a number")
    if [name for name in definitions if name in written] != list(written):
        refuse("definitions: they are not those of the program's values, in its order")
    lifted = {name: tree for name, tree in definitions.items() if name not in written}
    for name, tree in written.items():
        if unfolded(definitions[name], lifted) != tree:
            refuse(f"definitions: {name} is not what the program says")
    used = {name for tree in definitions.values() for name in names(tree)}
    inputs = {n for tree in written.values() for n in names(tree)} - {*written, *data["sizes"]}
    if list(definitions)[-1] != loss or {*lifted} - used or {*lifted} & inputs:
        refuse("definitions: there is one that the program does not need")
    if {*shapes} != {*definitions, *inputs}:
        refuse("shapes: they are not those of the program's names")
    functions = set().union(*(undefined(tree) for tree in definitions.values()))
    everything = [*shapes, *data["sizes"], *functions]
    derived = [f"d{name}" for name in (*shapes, *functions)]
    if len({*everything, *derived}) != len(everything) + len(derived):
        refuse("program, sizes: a name stands for two things")
    for name, assumed in data["assume"].items():
        square = len(shapes.get(name, [])) == 2 and len({*shapes[name]}) == 1  # noqa: PLR2004
        if name not in inputs or assumed not in _STRUCTURES or not square:
            refuse(f"assume: {name[:40]} cannot be {assumed[:40]}")
    wrt = data["wrt"]
    if not wrt or len({*wrt}) != len(wrt) or not {*wrt} <= inputs or {*data["gradients"]} != {*wrt}:
        refuse("wrt, gradients: they are not those of some inputs")
    return Program(definitions, shapes, functions, data["assume"])


def _check_names(data: Json) -> None:
    for name, size in data["sizes"].items():
        if not re.fullmatch(_NAME, name) or not 1 <= size <= MOST_SIZE:
            refuse(f"sizes: {name[:40]!r} is not from 1 to {MOST_SIZE:,}")
    for name, shape in data["shapes"].items():
        known = all(n in data["sizes"] or _FIXED.fullmatch(n) for n in shape)
        if not re.fullmatch(_NAME, name) or not known or len(shape) > 2:  # noqa: PLR2004
            refuse(f"shapes: {name[:40]!r} has no shape in the sizes of the file")
    if {*data["sizes"]} - {size for shape in data["shapes"].values() for size in shape}:
        refuse("sizes: there is one that no shape holds")


def _assignments(text: str) -> dict[str, Tree]:
    """The assignments of a program, in order."""
    found: dict[str, Tree] = {}
    for part in text.split("; "):
        match = re.fullmatch(rf"({_NAME}) = ([^;]+)", part)
        if match is None or match[1] in found:
            refuse("program: it is not a list of assignments")
        found[match[1]] = parse(match[2])
    return found


def names(tree: Tree) -> set[str]:
    """The names in a tree."""
    options = {node[2] for node in walk(tree) if node[0] == "option"}
    return {n[1] for n in walk(tree) if n[0] == "name" and n not in options}


def unfolded(tree: Tree, lifted: Mapping[str, Tree]) -> Tree:
    """The tree with lifted names replaced, sums and products in one row as they are read."""
    table = {("name", name): ("name", name) for name in lifted}
    for name, value in lifted.items():
        table["name", name] = flat(exchanged(value, table))
    found: Tree = flat(exchanged(tree, table))
    return found


def flat(tree: Json) -> Json:
    """(a + b) + c as a + b + c."""
    if not isinstance(tree, tuple):
        return tree
    made = tuple(map(flat, tree))
    match made:
        case (("add" | "mul") as kind, ((inner, some), *rest)) if inner == kind:
            return kind, (*some, *rest)
    return made


# -- steps -----------------------------------------------------------------------------------------

_TIDY = (
    "like terms|common factor|powers of one base|names of functions|multiplied out|"
    "scalars out of a product|identity matrix|cancelled in an inverse|diagonal matrix|"
    "outer product|transpose|scalars out of a sum|mean|inverse"
)
_VALUE = "entry of value: definition; "
_READ = "(, transposes)?(, matrix product)?"
_ELEMENTWISE = (
    f"{_VALUE}local: local derivative(; {_VALUE}local: local derivative)*"
    "(; all entries: chain rule, local derivatives(, matrix product)?)?"
    "(; written out: (entries, entries worked out(, row times column)?, matrix names"
    "|local derivatives))?"
)
_PAIRED = "chain rule|differentials put in|moved|cyclic rule|gradient"

#: What a step is made of: its chains and the reasons of their links.
STEPS = {
    "values": "value: definition(; value: definition)*",
    "gradient": _ELEMENTWISE,
    "direct": _ELEMENTWISE,
    "index": f"({_VALUE}local: product rule, indices that agree, deltas{_READ}; )+"
    f"(contracted: chain rule, local derivatives, deltas{_READ}; )?formula: entries",
    "differential": "(differential: definition, rules; )*"
    f"pairing: ({_PAIRED})(, ({_PAIRED}))*; read off: read off",
    "slice": "(slice: one entry; (slice written out: partial derivatives; )?)+"
    "inner products: chain rule, inner product, slices put in, entries that are not zero"
    f"{_READ}; formula: entries",
    "kronecker": "((vec: definition, row by row; )?jacobian: entries; )+"
    "transposed: chain rule, jacobians put in, transposed(, row by row)?; formula: same vec",
    "matrix": f"assembled: chain rule(, put in)?(, ({_TIDY}))*(, rearranged)?",
    "structure": "structure: put in(, rearranged)?",
}

#: The steps in which each method derives a gradient.
METHODS = {
    "elementwise": ("gradient",),
    "index": ("index",),
    "differential": ("differential",),
    "slice": ("slice", "direct"),
    "kronecker": ("kronecker", "direct"),
}


def check(data: Json, program: Program) -> None:
    """Refuse steps that are not those of a derivation, or do not end where they should."""
    steps, wrt = data["steps"], data["wrt"]
    known = METHODS.get(data["method"])
    if known is None:
        refuse("method: there is no such method")
    values = [name for name in reversed(list(program.definitions)) if name != program.loss]
    about = [step["wrt"] for step in steps if step["kind"] in known]
    lead = about[: len(about) - len(wrt)]
    expected = [("values", None)]
    expected += [(step["kind"], step["wrt"]) for step in steps if step["kind"] in known]
    expected += [("matrix", name) for name in wrt]
    expected += [("structure", name) for name in wrt if name in program.assumed]
    stated = [(step["kind"], step["wrt"]) for step in steps]
    in_order = [name for name in values if name in lead] == lead
    if stated != expected or about[len(lead) :] != wrt or not in_order:
        refuse(f"steps: they are not those of a derivation by {', '.join(wrt)[:200]}")
    done: list[str] = []
    formulas: dict[str, str] = {}
    for step in steps:
        try:
            _Step(data, program, step, done, formulas).check()
        except RefusedError as error:
            refuse(f"{where(step)}: {error}")
        if step["kind"] in known:
            done.append(step["wrt"])
    for name in wrt:
        if formulas.get(name) != data["gradients"][name]:
            refuse(f"gradients: that by {name} is not what is derived")


#: The chains that begin what is said of the next value that uses the name.
_NEXT = ("entry of value", "differential", "slice", "vec", "jacobian")

#: Whether the matrix in J·vec(A) is transposed, by the reason for writing it.
_TURNED = {"chain rule": True, "jacobians put in": True, "transposed": False, "row by row": False}


class _Step:
    """One step, those before it being `done`; `formulas` are where they ended."""

    def __init__(
        self,
        data: Json,
        program: Program,
        step: Json,
        done: Sequence[str],
        formulas: dict[str, str],
    ) -> None:
        self.definitions, self.program, self.step = data["definitions"], program, step
        self.done, self.formulas = done, formulas
        self.name: str = step["wrt"]
        self.chains: list[Json] = step["chains"]

    def check(self) -> None:
        """Refuse what is not the step that it says it is."""
        if not re.fullmatch(STEPS[self.step["kind"]], words(self.step)):
            refuse("its chains and their reasons are not those of a derivation")
        if self.step["kind"] == "values":
            self.values()
            return
        self.check_gradients()
        users = iter(self.users())
        user, before = "", ""
        for chain in self.chains:
            kind = chain["kind"]
            if kind in _NEXT and not (kind == "jacobian" and before == "vec"):
                user = next(users, "") or refuse("a value in it does not use the name")
            if not self.begins(chain, user):
                refuse(f"{kind!r} does not begin with what it is about")
            before = kind
        if self.step["kind"] not in ("matrix", "structure"):
            if next(users, None) is not None:
                refuse("a value that uses the name is left out")
            if [chain["kind"] for chain in self.chains] != list(self.expected()):
                refuse("a chain is missing, or is one too many")
        self.end()

    def values(self) -> None:
        """Each value with its definition."""
        stated = [
            tuple(chain["links"][0][end].get("of") for end in ("left", "right"))
            for chain in self.chains
        ]
        if stated != list(self.definitions.items()):
            refuse("it does not state the definitions in their order")

    def check_gradients(self) -> None:
        """Gradients that are used have been derived before."""
        shapes, own = self.program.shapes, {*self.done, self.name}
        used = {
            node[1]
            for chain in self.chains
            for tree in trees(chain)
            for node in walk(tree)
            if node[0] in ("name", "index") and node[1] not in shapes
        }
        for name in sorted(used):
            if name[0] == "d" and name[1:] in shapes and name[1:] not in own:
                refuse(f"it uses {name}, which is not derived before")

    def users(self) -> list[str]:
        """The values that use the name, and that the loss is derived through."""
        program = self.program
        found = [
            name
            for name, tree in program.definitions.items()
            if self.name in names(tree) and (name == program.loss or name in self.done)
        ]
        if self.step["kind"] == "differential" and len(found) > 1:
            return [name for name in found if name != program.loss]  # dL is more than its own
        return found

    def expected(self) -> Iterator[str]:
        """The chains that the step must have."""
        kind, users = self.step["kind"], self.users()
        direct, scalar = users == [self.program.loss], not self.program.shapes[self.name]
        for user in users:
            match kind:
                case "gradient" | "direct" | "index":
                    yield from ("entry of value", "local")
                case "differential":
                    yield "differential"
                case "slice":
                    yield "slice"
                    if not scalar and self.program.shapes[user]:
                        yield "slice written out"
                case "kronecker":
                    yield from ("vec", "jacobian") if self.is_product(user) else ("jacobian",)
        match kind:
            case "gradient" | "direct":
                yield from () if direct else ("all entries",)
                yield from () if direct and scalar else ("written out",)
            case "index":
                yield from ("formula",) if direct else ("contracted", "formula")
            case "differential":
                yield from ("pairing", "read off")
            case "slice":
                yield from ("inner products", "formula")
            case "kronecker":
                yield from ("transposed", "formula")

    def is_product(self, user: str) -> bool:
        """Whether a value is a product or a transpose that the name is an operand of, once."""
        own = ("name", self.name)
        match self.program.definitions[user]:
            case ("matmul", left, right) | ("call", "outer", (left, right)):
                return [left, right].count(own) + [left, right].count(("T", own)) == 1
            case ("T", part):
                return bool(part == own)
        return False

    # -- where chains begin and end

    def begins(self, chain: Json, user: str) -> bool:
        """Whether a chain begins with what it is about."""
        links, own = chain["links"], self.name
        left, right = links[0]["left"], links[0]["right"]
        if any(
            link["right"]["type"] == "times"
            and link["right"]["transposed"] != _TURNED.get(link["reason"])
            for link in links
        ):
            return False
        by = self.entries(chain, own)
        of = self.entries(chain, user) if user else None
        both = self.entries(chain, user, own) if user else None
        wanted: Json = None
        defined = bool(right.get("of") == self.definitions.get(user))
        kind: str = left["type"]
        stated, at, entry = left.get("of", "0"), left.get("at"), str(left["entry"])
        match chain["kind"]:
            case "entry of value":
                return of is not None and entry == of[0].text and defined
            case "local":
                wanted = both and f"Partial({both[0].text}, {both[1].text})"
                return kind == "indexed" and entry == wanted
            case "all entries" | "contracted" | "inner products":
                return kind == "indexed" and by is not None and entry == f"d{by[0].text}"
            case "written out" | "formula" | "read off" | "assembled":
                return by is not None and (kind, stated, at) == ("formula", f"d{own}", by[0].at)
            case "transposed":
                return by is not None and (kind, stated, at) == ("vec", f"d{own}", by[0].at)
            case "pairing":
                change = f"{self.program.loss}.differential"
                return (kind, stated, chain["indices"]) == ("formula", change, {})
            case "differential":
                wanted = of and ("array", f"{user}.differential", of[0].at)
                known = right["type"] == "differential" and defined
                return bool(known and (kind, stated, at) == wanted)
            case "slice":
                wanted = both and ("slice", f"Partial({user}, {both[1].text})", both[0].at)
                return bool((kind, stated, at) == wanted)
            case "slice written out":
                one = rf"Partial\({user}, {own}\[[12](, [12])?\]\)"
                return kind == "slice" and bool(re.fullmatch(one, stated)) and of is not None
            case "vec":
                return of is not None and (kind, stated, at) == ("vec", user, of[0].at) and defined
            case "jacobian":
                wanted = both and [both[0].at, both[1].at]
                ends, parts = [left.get("rows"), left.get("cols")], [{"of": user, "wrt": own}]
                return bool(wanted == ends and left.get("parts") == parts)
        wanted = self.by_structure(f"d{own}")
        return bool(by and at == by[0].at and parse(stated) == wanted)

    def entries(self, chain: Json, *some: str) -> list[_Entry] | None:
        """Entries at the letters of a chain, in their order, if they are all of its letters."""
        letters, sizes, found = iter(chain["indices"]), [], []
        for name in some:
            shape = self.program.shapes[name]
            at = ["1" if size == "1" else next(letters, "?") for size in shape]
            sizes += [size for size in shape if size != "1"]
            found.append(_Entry(f"{name}[{', '.join(at)}]" if at else name, at))
        return found if sizes == list(chain["indices"].values()) else None

    def by_structure(self, gradient: str) -> Tree:
        """G + Gᵀ - G∗I or G∗I."""
        g, size = f"({gradient})", self.program.shapes[self.name][0]
        symmetric = self.program.assumed[self.name] == "symmetric"
        text = f"{g} + {g}.T - {g}*eye({size})" if symmetric else f"{g}*eye({size})"
        found: Tree = flat(parse(text))
        return found

    def end(self) -> None:
        """Refuse a step that does not end in the formula that the others go on with."""
        first, last = self.chains[-1]["links"][0]["right"], self.chains[-1]["links"][-1]["right"]
        kind, scalar = self.step["kind"], not self.program.shapes[self.name]
        if kind == "matrix" and self.formulas.get(self.name, first["of"]) != first["of"]:
            refuse("it does not go on with the formula that is derived")
        if kind == "structure" and flat(parse(first["of"])) != self.by_structure(
            self.formulas[self.name]
        ):
            refuse("it does not go on with the formula that is derived")
        if kind not in ("matrix", "structure"):
            if scalar and self.chains[-1]["kind"] == "local":
                return  # a number that the loss alone uses: its derivative is all there is to say
            if not self.read_off(last["of"]):
                refuse("what is found is not the formula")
        self.formulas[self.name] = last["of"]

    def read_off(self, formula: str) -> bool:
        """Whether the chain before the last ends in the formula, or in one that it only repeats."""
        chain = self.chains[-2]
        side, tree = chain["links"][-1]["right"], parse(formula)
        repeats = any(node[:2] == ("call", "ones") for node in walk(tree))
        if chain["kind"] == "pairing":
            found = paired(parse(side["of"]), ("name", f"{self.name}.differential"))
            same = found in (tree, ("T", tree)) or ("T", found) == tree
            return bool(found is not None and (repeats or same))
        if not self.program.shapes[self.name]:
            return True  # a number has no entries
        if chain["kind"] == "local" and self.step["kind"] in ("gradient", "direct"):
            return True  # the loss alone uses it
        if side["type"] in ("entry", "vec"):
            return bool(side["of"] == formula)
        return repeats and side["type"] != "contraction"


def paired(tree: Tree, change: Tree) -> Json:
    """The G, or its transpose, of tr(G·dX), g·dx and Σ G∗dX; 1 of ΣdX and of dx."""
    match tree:
        case ("call", "trace" | "sum", (inner,)):
            return paired(inner, change)
        case ("matmul", left, right) if right == change:
            return left
        case ("mul", (*some, ("call", "sum", (right,)))) | ("mul", (*some, right)) if (
            right == change
        ):
            return ("mul", tuple(some)) if len(some) > 1 else tuple(some[0])
    return ("num", 1) if tree == change else None


class _Entry(NamedTuple):
    """An entry as text, and its indices."""

    text: str
    at: list[str]
