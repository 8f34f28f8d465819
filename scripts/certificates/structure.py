"""The structure of the certificate of a whole program: the program itself, steps, chains, ends."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

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
    values = [name for name in reversed(program.definitions) if name != program.loss]
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
        self.data, self.program, self.step = data, program, step
        self.done, self.formulas = done, formulas
        self.name: str = step["wrt"]
        self.chains: list[Json] = step["chains"]

    def check(self) -> None:
        """Refuse what is not the step that it says it is."""
        kind = self.step["kind"]
        if not re.fullmatch(STEPS[kind], words(self.step)):
            refuse("its chains and their reasons are not those of a derivation")
        if kind == "values":
            self.values()
            return
        self.check_names()
        users = iter(self.users())
        user = ""
        for chain in self.chains:
            if chain["kind"] in _BEGIN:
                user = next(users, "") or refuse("a value in it does not use the name")
            elif chain["kind"] == "jacobian" and self.chains[self.chains.index(chain) - 1][
                "kind"
            ] != "vec":
                user = next(users, "") or refuse("a value in it does not use the name")
            self.begin(chain, user)
        if next(users, None) is not None and kind != "differential":
            pass
        self.end()

    def values(self) -> None:
        """Each value with its definition."""
        stated = [
            (chain["links"][0]["left"].get("of"), chain["links"][0]["right"].get("of"))
            for chain in self.chains
        ]
        if stated != list(self.data["definitions"].items()):
            refuse("it does not state the definitions in their order")

    def check_names(self) -> None:
        """Gradients that are used have been derived before."""
        own = {*self.done, self.name}
        shapes = self.program.shapes
        for chain in self.chains:
            for tree in trees(chain):
                for node in walk(tree):
                    text = node[1] if node[0] in ("name", "index") else ""
                    if text not in shapes and text[:1] == "d" and text[1:] in shapes:
                        if text[1:] not in own:
                            refuse(f"it uses {text}, which is not derived before")

    def users(self) -> list[str]:
        """The values that use the name, and that the loss is derived through."""
        program = self.program
        return [
            name
            for name, tree in program.definitions.items()
            if self.name in names(tree) and (name == program.loss or name in self.done)
        ]

    # -- where chains begin and end

    def begin(self, chain: Json, user: str) -> None:
        """Refuse a chain that begins with something else than it should."""
        left, right = chain["links"][0]["left"], chain["links"][0]["right"]
        definition = self.data["definitions"].get(user)
        letters = list(chain["indices"])
        runs = list(chain["indices"].values())
        own, kind = self.name, chain["kind"]

        def entry(*some: str) -> list[str]:
            """Entries at the letters of the chain, in their order."""
            rest, sizes, found = iter(letters), [], []
            for name in some:
                at = []
                for size in self.program.shapes[name]:
                    at.append("1" if size == "1" else next(rest, "?"))
                    sizes += [] if size == "1" else [size]
                found.append((name, at))
            if sizes != runs:
                refuse(f"{kind!r} is not read at indices of their own")
            return [f"{name}[{', '.join(at)}]" if at else name for name, at in found]

        def places(name: str) -> list[str]:
            (text,) = entry(name)
            return text.partition("[")[2].rstrip("]").split(", ") if "[" in text else []

        match kind:
            case "entry of value":
                good = left.get("entry") == entry(user)[0] and right.get("of") == definition
            case "local":
                value, by = entry(user, own)
                good = left.get("entry") == f"Partial({value}, {by})"
            case "all entries" | "contracted" | "inner products":
                good = left.get("entry") == "d" + entry(own)[0]
            case "written out" | "formula" | "read off" | "assembled":
                good = left.get("of") == f"d{own}" and left.get("at") == places(own)
            case "transposed":
                good = (left["type"], left.get("of")) == ("vec", f"d{own}")
                good = good and left["at"] == places(own)
            case "pairing":
                good = left.get("of") == f"{self.program.loss}.differential" and not letters
            case "differential":
                good = left.get("of") == f"{user}.differential" and left["at"] == places(user)
                good = good and (right["type"], right["of"]) == ("differential", definition)
            case "slice":
                _, by = entry(user, own)
                good = left.get("of") == f"Partial({user}, {by})"
            case "slice written out":
                good = left.get("of", "").startswith(f"Partial({user}, {own}")
                good = good and left["at"] == places(user)
            case "vec":
                good = left.get("of") == user and left["at"] == places(user)
                good = good and right.get("of") == definition
            case "jacobian":
                entry(user, own)
                good = left.get("parts") == [{"of": user, "wrt": own}]
            case _:
                good = parse(left.get("of", "0")) == self.by_structure()
        if not good:
            refuse(f"{kind!r} does not begin with what it is about")

    def by_structure(self) -> Tree:
        """G + Gᵀ - G∗I or G∗I."""
        size = self.program.shapes[self.name][0]
        g = f"d{self.name}"
        diagonal = f"{g}*eye({size})"
        symmetric = self.program.assumed[self.name] == "symmetric"
        return parse(f"{g} + {g}.T - {diagonal}" if symmetric else diagonal)

    def end(self) -> None:
        """Refuse a step that does not end in the formula that the others go on with."""
        last = self.chains[-1]["links"]
        stated = last[-1]["right"].get("of")
        if self.step["kind"] in ("matrix", "structure"):
            if self.step["kind"] == "matrix" and self.formulas.get(self.name, stated) is None:
                refuse("there is nothing to go on with")
            first = last[0]["right"].get("of")
            before = self.formulas.get(self.name)
            if self.step["kind"] == "matrix" and before not in (None, first):
                refuse("it does not go on with the formula that is derived")
            self.formulas[self.name] = stated
            return
        if not self.program.shapes[self.name] and self.chains[-1]["kind"] == "local":
            return
        self.formulas[self.name] = stated
        entries = self.chains[-2]["links"][-1]["right"]
        if self.program.shapes[self.name] and self.step["kind"] != "differential":
            self.same_formula(entries, stated)

    def same_formula(self, side: Json, formula: str) -> None:
        """The entry that was found is one of the formula, unless that only repeats it."""
        tree = parse(formula)
        repeated = ("call", "ones") in {node[:2] for node in walk(tree)}
        named = side["type"] in ("entry", "vec", "indexed")
        if side.get("of", "") != formula and not (repeated and named):
            direct = side["type"] == "indexed" and self.step["kind"] in ("gradient", "direct")
            if not direct:
                refuse("the entry that is found is not one of the formula")


#: The chains that begin what is said of the next value that uses the name.
_BEGIN = ("entry of value", "differential", "slice", "vec")


def texts(chain: Json) -> Iterator[str]:
    """All texts of a chain."""
    for link in chain["links"]:
        for side in (link["left"], link["right"]):
            yield from (part for part in side.values() if isinstance(part, str))
