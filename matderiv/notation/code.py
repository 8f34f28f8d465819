"""Gradients as the source text of a function for NumPy, torch or JAX that runs as printed.

The code is careful with numbers: it solves a linear system where a formula multiplies by an
inverse, log-determinants come from `slogdet`, and exponentials are shifted. A repeated
subexpression is computed once.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from matderiv.calculus.formulas.as_typed import as_typed
from matderiv.calculus.formulas.removable import removed, stood_for
from matderiv.calculus.formulas.shaping import numbered
from matderiv.calculus.sweep.results import Sweep
from matderiv.calculus.sweep.stable import stable
from matderiv.errors import InputError, MissingRuleError, ProofError
from matderiv.expression import nodes
from matderiv.expression.assumptions import ASSUMPTIONS
from matderiv.expression.axes import as_einsum, at_once
from matderiv.expression.definitions import definition
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.known_shapes import labels_of
from matderiv.expression.matrix_functions import (
    exponents,
    function_kind,
    is_eigen,
    is_eigenvalue,
    place_of,
)
from matderiv.expression.nodes import Node, names_in
from matderiv.expression.operations import ShapeOf
from matderiv.expression.program import Program
from matderiv.expression.shapes import Shape
from matderiv.expression.size_text import is_worked_out, letters_of_size
from matderiv.expression.source import BINARY, mixes, rearrangement, source
from matderiv.expression.vocabulary import did_you_mean
from matderiv.notation._careful import Careful, repeated
from matderiv.notation._targets import ALWAYS, MATRIX_CALLS, MATRIX_CALLS_OF, TARGETS, Target
from matderiv.notation.code_index_maps import MapCode
from matderiv.notation.statements import statements

__all__ = ["LANGUAGES", "Flattened", "Wanted", "gradient_code"]

#: The libraries that code can be printed for.
LANGUAGES = (*TARGETS, "sympy")

_UNARY, _ATOM = 3, 5
_MATRIX = 2  # dimensions


@dataclass(frozen=True, slots=True)
class Flattened:
    """An array as a matrix: its formula in words, its axes in `order`, and the sizes of its rows.

    An empty order says that what is worked out is the matrix itself.
    """

    words: str
    order: tuple[int, ...] = ()
    rows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A derivative other than a gradient: its function, the name of its result, and what it is.

    `program` is what is differentiated, `inputs` are what the function takes. Its formula may hold
    `calls` of einsum and kron: names that are the texts of such calls, each with how the call
    begins and what it is of.
    """

    function: str
    label: str
    words: str
    program: Program
    inputs: tuple[str, ...]
    calls: Mapping[str, tuple[str, tuple[Node, ...]]] = field(default_factory=dict)
    flattened: Flattened | None = None


def gradient_code(
    swept: Sweep,
    formulas: Mapping[str, Node],
    target: str,
    note: str = "",
    wanted: Wanted | None = None,
) -> str:
    """The source text of a function of the program's inputs that returns the gradients.

    `formulas`: the gradients by some names; one of them is what is `wanted` instead. Undefined
    functions and the derivatives it needs of them are keyword arguments.

    Raises:
        InputError: there is no such target.
        UnsupportedError: the target has no words for a part of the formula.
    """
    if target not in LANGUAGES:
        raise InputError(
            f"There is no code for {str(target)[:40]!r}; there is for {', '.join(LANGUAGES)}."
            + did_you_mean(target, LANGUAGES)
        )
    if target == "sympy":
        from matderiv.notation.code_sympy import sympy_code

        return sympy_code(swept, formulas, note, wanted.label if wanted else "")
    return _Function(swept, formulas, TARGETS[target], note, wanted).text()


class _Function:
    def __init__(
        self,
        swept: Sweep,
        formulas: Mapping[str, Node],
        target: Target,
        note: str,
        wanted: Wanted | None,
    ) -> None:
        self._swept = swept
        self._formulas = formulas
        self._target = target
        self._note = note
        self._shape = swept.facts.shape
        self._wanted = wanted
        self._program = wanted.program if wanted else swept.graph.program
        self._inputs = wanted.inputs if wanted else self._program.inputs()
        values = [a.value for a in swept.graph.program.assignments]
        self._labels = labels_of(values, swept.graph.shapes)
        self._letters: dict[str, str] = {}
        self._given: list[str] = []
        self._name = wanted.function if wanted else "gradient"
        labels = {f"d{name}": wanted.label for name in formulas} if wanted else {}
        self._rename = _Names(swept, target, self._name, labels)
        calls = wanted.calls if wanted else {}
        parts = [operand for _, operands in calls.values() for operand in operands]
        self._known = statements(swept, formulas, parts)
        used = statements(swept, {n: stable(f, swept) for n, f in formulas.items()}, parts)
        self._steps = {n: self._careful(value) for n, value in self._known.items() if n in used}
        self._check()
        self._calls = {
            text: (head, [*map(self._careful, operands)])
            for text, (head, operands) in calls.items()
        }
        self._whole = [
            *self._steps.values(),
            *(x for _, some in self._calls.values() for x in some),
        ]
        self._shared = repeated(self._whole)
        self._done: dict[Node, str] = {}
        self._lines: list[str] = []
        self._maps = MapCode(
            target.module,
            lambda node: self._of(node)[0],
            lambda node: self._wrapped(node, _ATOM),
            lambda node: self._array(self._of(node)[0], node),
            self._size,
            self._shape,
            self._like,
        )

    def _check(self) -> None:
        """Compare what is written with what was proved, at random numbers.

        Raises:
            ProofError: a value is another one.
        """
        from matderiv.expression.trial import different  # loads NumPy

        graph, calls = self._swept.graph, self._wanted.calls if self._wanted else {}
        steps = {n: v for n, v in self._known.items() if calls.keys().isdisjoint(names_in(v))}
        used = {name for value in steps.values() for name in names_in(value)} - steps.keys()
        given = {n for n in used if n in graph.shapes or n[1:] in graph.shapes}
        shapes = {name: self._shape(nodes.Name(name)) for name in given}
        written = {n: _as_quotients(self._steps[n]) for n in self._steps if n in steps}
        assumed = self._swept.facts.assumed
        name = different(steps, written, shapes, {**graph.shapes, **shapes}, assumed)
        if name is not None:
            raise ProofError(f"the code of {self._target.name} for {name} is not what was proved")

    def _careful(self, formula: Node) -> Node:
        """The formula as it is worked out."""
        written = removed(stable(formula, self._swept), self._shape)
        said = _said(written, self._target, self._shape)
        return Careful(self._swept.facts).of(as_typed(said, self._shape))

    # -- the text ----------------------------------------------------------------------------

    def text(self) -> str:
        """The whole text."""
        for name, value in self._steps.items():
            own = self._rename(name)
            if value not in self._done:
                written = self._contracted(value)[0]
                self._lines.append(f"{own} = {written}")
                self._done[value] = own
            else:
                self._lines.append(f"{own} = {self._done[value]}")
        results = ", ".join(self._rename(f"d{name}") for name in self._formulas)
        flattened = self._wanted.flattened if self._wanted else None
        if flattened is not None and flattened.order:
            array = self._rename.fresh()
            self._lines[-1] = array + self._lines[-1].removeprefix(results)
            self._lines.append(f"{results} = {self._matrix(array, flattened)}")
        if len(self._formulas) == 1 and self._lines[-1].startswith(f"{results} = "):
            self._lines[-1] = "return " + self._lines[-1].removeprefix(f"{results} = ")
        else:
            self._lines.append(f"return {results}")
        body = [*self._sizes(), *self._lines]
        inside = "\n".join(f"    {line}" if line else "" for line in [*self._docstring(), *body])
        head = f"def {self._name}({', '.join(self._parameters())}):"
        function = f"{head}\n{inside}\n"
        whole = "\n\n\n".join([*self._helpers("\n".join(body)), function])
        imports = [
            line
            for word, line in self._target.imports.items()
            if re.search(rf"(?<![\w.]){word}\.", whole)
        ]
        return "\n".join(imports) + ("\n\n\n" if imports else "") + whole

    def _matrix(self, array: str, flattened: Flattened) -> str:
        """The matrix of an array."""
        rows = "*".join(map(self._size, flattened.rows))
        turned = array
        if flattened.order != tuple(range(len(flattened.order))):
            order = ", ".join(map(str, flattened.order))
            turned = f"{self._target.module}.{self._target.transpose}({array}, ({order}))"
        return f"{turned}.reshape({rows}, -1)"

    def _helpers(self, text: str) -> list[str]:
        """The functions that a text calls and the library lacks, after those that they call."""
        found: list[str] = []
        for name, helper in reversed(tuple(self._target.helpers.items())):
            if re.search(rf"(?<![\w.]){name}\(", text):
                found.insert(0, helper)
                text += helper.split("\n", 1)[1]
        return found

    def _parameters(self) -> Iterator[str]:
        yield from map(self._rename, self._inputs)
        yield from self._given
        functions = sorted(
            {
                part.function
                for value in self._whole
                for part in nodes.walk(value)
                if isinstance(part, nodes.Apply | nodes.Functional)
                and part.function not in FUNCTIONS
                and part.function not in ALWAYS
            }
        )
        if functions:
            yield "*"
            yield from map(self._rename, functions)

    def _docstring(self) -> Iterator[str]:
        program = self._program
        if self._wanted:
            yield f'"""{self._wanted.label}: {self._wanted.words}.'
        else:
            results = ", ".join(f"d{name}" for name in self._formulas)
            what = "gradients" if len(self._formulas) > 1 else "gradient"
            names = " and ".join(self._formulas)
            yield f'"""{results}: the {what} of {program.loss.name} by {names}.'
        yield ""
        yield from (
            f"    {a.name} = {source(as_typed(a.value, self._shape))}" for a in program.assignments
        )
        yield ""
        shapes = self._swept.graph.shapes
        letters = frozenset(dim.symbol for shape in shapes.values() for dim in shape)
        flattened = self._wanted.flattened if self._wanted else None
        last = f"d{next(iter(self._formulas))}"
        yield from (
            f"    {self._rename.label(name)} = {source(numbered(typed, shapes, letters))}"
            for name, value in self._known.items()
            if name not in shapes and not (flattened and name == last)
            for typed in [as_typed(value, self._shape)]
        )
        if flattened is not None:
            yield f"    {self._rename.label(last)} = {flattened.words}"
        yield ""
        assumed = self._swept.facts.assumed
        words = (
            f"{name} {_words(shapes[name])}"
            + (f" {ASSUMPTIONS[assumed[name]].words}" if name in assumed else "")
            for name in self._inputs
        )
        yield f"Shapes: {', '.join(words)}."
        yield from textwrap.wrap(self._note, 90)
        yield '"""'

    def _sizes(self) -> Iterator[str]:
        """The letters of sizes that the text uses, from the shapes of the inputs."""
        for letter, where in self._letters.items():
            yield f"{letter} = {where}"

    # -- expressions ---------------------------------------------------------------------------

    def _of(self, code: Node) -> tuple[str, int]:
        """The text of an operand; a repeated subexpression gets a line and a name."""
        if code in self._done:
            return self._done[code], _ATOM
        if code not in self._shared:
            return self._contracted(code)
        text = self._contracted(code)[0]
        self._done[code] = name = self._rename.fresh()
        self._lines.append(f"{name} = {text}")
        return name, _ATOM

    def _contracted(self, code: Node) -> tuple[str, int]:
        found = as_einsum(code)
        return self._written(code) if found is None else (self._einsum(*found), _ATOM)

    def _wrapped(self, code: Node, least: int) -> str:
        text, own = self._of(code)
        return text if own >= least else f"({text})"

    def _written(self, code: Node) -> tuple[str, int]:
        match code:
            case nodes.MatMul(nodes.Inverse(matrix), right):
                solve = f"{self._target.module}.linalg.solve"
                return f"{solve}({self._of(matrix)[0]}, {self._of(right)[0]})", _ATOM
            case nodes.Name(name) if name in self._calls:
                head, operands = self._calls[name]
                inside = ", ".join(self._of(operand)[0] for operand in operands)
                return f"{self._target.module}.{head}{inside})", _ATOM
            case nodes.Name(name):
                if name in self._swept.graph.shapes or name[1:] in self._swept.graph.shapes:
                    return self._rename(name), _ATOM
                return self._size(name), _ATOM
            case nodes.Number(value):
                text = source(code)
                if "/" in text:
                    return text, 2 if value >= 0 else 1
                return text, _ATOM if value >= 0 else _UNARY
            case nodes.Size(symbol):
                text = self._size(symbol)
                return (f"({text})" if is_worked_out(symbol) else text), _ATOM
            case nodes.Pi():
                return f"{self._target.module}.pi", _ATOM
            case nodes.Eye(size):
                return self._filled(code, self._size(size)), _ATOM
            case nodes.Ones(sizes):
                inner = ", ".join(map(self._size, sizes))
                inner = f"({inner})" if len(sizes) > 1 else inner
                return self._filled(code, inner), _ATOM
            case nodes.Multiply(nodes.Number(0), nodes.Ones() as ones):
                return self._written(ones)[0].replace(".ones(", ".zeros(", 1), _ATOM
            case _ if isinstance(code, nodes.IndexMap):
                return self._maps.of(code), _ATOM
            case nodes.Negate(arg):
                return "-" + self._wrapped(arg, _UNARY), _UNARY
            case nodes.Transpose(arg):
                order = tuple(range(len(self._shape(arg))))[::-1]
                if len(order) > _MATRIX:  # in torch, .T is for matrices only
                    return self._rearranged(arg, order), _ATOM
                return self._wrapped(arg, _ATOM) + ".T", _ATOM
            case nodes.Rearrange(arg, order):
                return self._rearranged(arg, order), _ATOM
            case _ if type(code) in BINARY:
                operator, own, least, least_right = BINARY[type(code)]
                one, other = nodes.children(code)
                left = f"({self._of(one)[0]})" if mixes(code) else self._wrapped(one, least)
                return left + operator + self._wrapped(other, least_right), own
        return self._called(code), _ATOM

    def _einsum(self, subscripts: str, operands: Iterable[Node]) -> str:
        texts = ", ".join(self._of(operand)[0] for operand in operands)
        return f"{self._target.module}.einsum('{subscripts}', {texts})"

    def _rearranged(self, arg: Node, order: tuple[int | None, ...]) -> str:
        call = f"{self._target.module}.{self._target.transpose}"
        return rearrangement(self._wrapped(arg, _ATOM), self._of(arg)[0], order, call)

    def _called(self, node: Node) -> str:
        operands = [self._of(part)[0] for part in nodes.children(node)]
        match node:
            case nodes.Trace(nodes.MatrixFunction(arg, function)) if is_eigenvalue(function):
                return self._of_matrix(function, self._of(arg)[0])
            case nodes.MatrixFunction(_, function):
                return self._of_matrix(function, operands[0])
            case nodes.Frechet(_, _, function):
                whole = self._of_matrix(function, "m")
                return f"along(lambda m: {whole}, {', '.join(operands)})"
            case nodes.Apply(function, arg) if function in FUNCTIONS:
                call = FUNCTIONS[function].spelled(function, self._target.name)
                assert call is not None  # else the definition would stand here
                if call.startswith("np.") and hasattr(math, function) and self._plain(arg):
                    call = f"math.{function}({{0}})"  # a number of NumPy's own has a precision
                return call.format(self._array(operands[0], arg))
            case nodes.Apply(function) if function in ALWAYS:
                return ALWAYS[function].format(operands[0])
            case nodes.Apply(function) | nodes.Functional(function):
                return f"{self._rename(function)}({operands[0]})"
            case _ if isinstance(node, nodes.AlongAxis | nodes.Reduction):
                several = at_once(node)
                if several is None or node.arg in self._shared:
                    return self._along(node, operands[0], node.axis)
                return self._along(node, self._of(several[0])[0], several[1])
            case _ if isinstance(node, nodes.Entrywise):
                operands = list(map(self._array, operands, nodes.children(node)))
        return self._filled(node, *operands)

    def _of_matrix(self, function: str, operand: str) -> str:
        """A function of a matrix, or one eigenvalue."""
        kind = function_kind(function)
        text = MATRIX_CALLS_OF.get((self._target.name, kind), MATRIX_CALLS[kind])
        place: int | str = place_of(function) if is_eigen(function) else 0
        for exponent in exponents(function):
            place = self._size(exponent)
        return text.replace("{m}", self._target.module).format(operand, place)

    def _filled(self, node: Node, *operands: str) -> str:
        """The call of an operation."""
        words = self._target.words.get(type(node))
        if words is None:
            raise MissingRuleError(node, f"words in {self._target.name}")
        return words.format(*operands, like=self._like())

    def _plain(self, node: Node) -> bool:
        """Whether an operand is a number that no array is needed for."""
        kinds = (nodes.Name, nodes.Ones, nodes.Eye)
        return not any(isinstance(part, kinds) for part in nodes.walk(node))

    def _array(self, text: str, node: Node) -> str:
        """An operand; functions of torch's take no plain numbers."""
        if self._target.module != "torch" or not self._plain(node):
            return text
        return f"torch.tensor({text}, dtype={self._like()}.dtype)"

    def _along(
        self,
        node: nodes.AlongAxis | nodes.Reduction,
        operand: str,
        axis: int | tuple[int, ...] | None,
    ) -> str:
        """A function with an axis or several; torch may want one where NumPy takes all."""
        target = self._target
        name, keepdims = target.words[type(node)], getattr(node, "keepdims", False)
        shape = self._shape(node.arg)
        dims: object = axis
        if axis is None and isinstance(node, nodes.AlongAxis) and target.module == "torch":
            if len(shape) > 1:
                sizes = ", ".join(self._size(dim.symbol) for dim in shape)
                flat = f"{self._wrapped(node.arg, _ATOM)}.flatten()"
                return f"{name}({flat}, dim=0).reshape({sizes})"
            dims = 0
        elif axis is None and target.module == "torch":
            whole = tuple(range(len(shape))) if len(shape) != 1 else 0
            dims = whole if isinstance(node, nodes.LogSumExp) or (keepdims and shape) else None
        given = dims is not None or isinstance(node, nodes.AlongAxis)
        options = f", {target.axis}={dims}" if given else ""
        options += f", {target.keepdims}=True" if keepdims else ""
        return f"{name}({operand}{options})"

    def _like(self) -> str:
        """An input whose precision that of arrays of ones is: no labels; an array, if any is."""
        shapes = self._swept.graph.shapes
        numbers = [name for name in self._inputs if name not in self._labels]
        arrays = [name for name in numbers if shapes[name]] or numbers
        return self._rename(arrays[0]) if arrays else "torch.tensor(0.0)"

    def _size(self, size: int | str) -> str:
        """A size: a number, a letter that an input's shape gives, or one that is given itself."""
        if isinstance(size, int) or size.isdigit():
            return str(size)
        if is_worked_out(size):
            for letter in letters_of_size(size):
                self._size(letter)
            return size
        if size not in self._letters:
            for name in self._inputs:
                for place, dim in enumerate(self._swept.graph.shapes[name]):
                    if dim.symbol == size:
                        self._letters[size] = f"{self._rename(name)}.shape[{place}]"
                        return size
            if size not in self._given:
                self._given.append(size)
        return size


def _as_quotients(node: Node) -> Node:
    """The expression with Π x/x and det(A)·A⁻¹ in place of the functions that stand for them."""
    node = nodes.rebuilt(node, map(_as_quotients, nodes.children(node)))
    return stood_for(node) if isinstance(node, nodes.Apply) and node.function in ALWAYS else node


def _said(node: Node, target: Target, shape: ShapeOf) -> Node:
    """The expression with definitions in place of operations that the library lacks."""
    match node:
        case nodes.Apply(function) if function in FUNCTIONS:
            named = FUNCTIONS[function].spelled(function, target.name) is not None
        case _:
            named = type(node) in target.words or isinstance(node, nodes.IndexMap)
    simpler = None if named else definition(node, shape)
    if simpler is not None:
        return _said(simpler, target, shape)
    return nodes.rebuilt(node, (_said(child, target, shape) for child in nodes.children(node)))


class _Names:
    """Identifiers that hide nothing that the text uses."""

    def __init__(
        self, swept: Sweep, target: Target, function: str, labels: Mapping[str, str]
    ) -> None:
        graph = swept.graph
        self._labels = labels
        self._kept = {*target.imports, *target.helpers, function}
        letters = {dim.symbol for shape in graph.shapes.values() for dim in shape}
        functions = graph.program.functions()
        names = graph.shapes.keys() | functions
        self._taken = names | letters | self._kept | {f"d{name}" for name in names}
        self._count = 0

    def label(self, name: str) -> str:
        """The name to print: another one for a derivative that is no gradient."""
        return self._labels.get(name, name)

    def __call__(self, name: str) -> str:
        name = self.label(name)
        while name in self._kept:
            name += "_"
        return name

    def fresh(self) -> str:
        """A new name for a repeated subexpression."""
        while True:
            self._count += 1
            if f"t{self._count}" not in self._taken:
                return f"t{self._count}"


def _words(shape: Shape) -> str:
    """(N, D); a number of the program's own stays one."""
    symbols = [dim.symbol for dim in shape]
    return f"({', '.join(symbols)}{',' if len(symbols) == 1 else ''})" if symbols else "a scalar"
