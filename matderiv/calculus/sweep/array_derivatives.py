"""Derivatives of arrays from gradients of numbers: products with a direction, and the whole array.

The gradient of ⟨V, Y⟩ = Σ V∗Y by X, with a free V, is the product of V with the Jacobian ∂Y/∂X. It
is linear in V, and the Jacobian is read off it. The gradient of *that*, by V and along a direction
U, is the product of the Jacobian with U. With the gradient of a loss for Y, these are Hessians.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from matderiv.calculus.deciding.decide import Verdict
from matderiv.calculus.formulas.broadcasting import filled, is_entrywise, size_name
from matderiv.calculus.formulas.flattened import chain, cost
from matderiv.calculus.formulas.tidying import tidy
from matderiv.calculus.index_forms.einsums import broadcasted
from matderiv.calculus.index_forms.forms import Indices
from matderiv.calculus.index_forms.letters import lettered
from matderiv.calculus.index_forms.linear_maps import Product, linear_map
from matderiv.calculus.index_forms.regrouped import reduced, regrouped
from matderiv.calculus.sweep.conditions import conditions
from matderiv.calculus.sweep.definite import semidefinite
from matderiv.calculus.sweep.graph import graph_of
from matderiv.calculus.sweep.proving import Prover, all_equal
from matderiv.calculus.sweep.results import Sweep
from matderiv.calculus.sweep.sweep import finished, replaced, sweep
from matderiv.calculus.sweep.value_names import ValueNames, with_value_names
from matderiv.errors import ProofError, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.assumptions import Assumed
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.known_shapes import settled
from matderiv.expression.nodes import Node
from matderiv.expression.program import Assignment, Program
from matderiv.expression.shapes import Shape

__all__ = [
    "ArrayProgram",
    "Curvature",
    "Found",
    "check_derivative",
    "contracted_with",
    "curvature",
    "gradient_program",
    "is_smooth",
    "jacobian_of",
    "pulled_back",
    "pushed_forward",
]

_LONGEST = 1000  # operations and names of a formula in one piece
_MATRIX = 2  # dimensions


@dataclass(frozen=True, slots=True)
class ArrayProgram:
    """A program that ends in an array, or in a number, with the shapes of all names.

    `assumed`: the assumptions about inputs.
    """

    program: Program
    shapes: Mapping[str, Shape]
    assumed: Assumed = field(default_factory=dict)
    #: Whether the last value has a name that formulas may use.
    named: bool = True

    @property
    def value(self) -> Node:
        """The last value."""
        return self.program.loss.value

    @property
    def shape(self) -> Shape:
        """The shape of the last value."""
        return self.shapes[self.program.loss.name]

    def free(self, *wishes: str) -> str:
        """A name that the program does not use."""
        taken = self.program.names() | self.shapes.keys() | self.program.functions()
        taken |= {dim.symbol for shape in self.shapes.values() for dim in shape}
        taken |= {f"d{name}" for name in taken}
        more = (f"{wish}{n}" for n in range(1, len(taken) + 2) for wish in wishes)
        return next(name for name in (*wishes, *more) if name not in taken)

    def clear(self, *wishes: str) -> str:
        """A name that the program uses neither in small letters nor in capitals, if possible."""
        taken = {name.lower() for name in self.program.names() | self.shapes.keys()}
        return self.free(*[wish for wish in wishes if wish.lower() not in taken] or wishes)

    def along(self, direction: str) -> ArrayProgram:
        """⟨V, Y⟩ as a program: its last value is Σ V∗Y, or V·L of a number L.

        A last value without a name of the user's is written out in it.
        """
        *before, last = self.program.assignments
        value = last.value
        if self.named:
            before.append(last)
            value = nodes.Name(last.name)
        paired: Node = nodes.Multiply(nodes.Name(direction), value)
        total = self.free("S", "T", "E")
        paired = nodes.Sum(paired) if self.shape else paired
        program = Program((*before, Assignment(total, paired)))
        gone = frozenset({last.name}) - program.names()
        shapes = {name: shape for name, shape in self.shapes.items() if name not in gone}
        shapes |= {direction: self.shape, total: ()}
        return ArrayProgram(program, shapes, self.assumed)


@dataclass(frozen=True, slots=True)
class Found:
    """A derivative that is proved: in `sweep`, the gradient by `name` is its formula.

    `products`: the sum of these, at the letters `at`, is its entry, where it is an array of
    derivatives. `matrix`: whether the formula is one of matrices, and not of more axes.
    """

    sweep: Sweep
    name: str
    node: Node
    verdict: Verdict
    products: tuple[Product, ...] = ()
    at: Indices = ()
    dims: Shape = ()
    matrix: bool = True

    @property
    def vanishes(self) -> bool:
        """Whether it is an array of zeros, or 0."""
        return self.node in (nodes.ZERO, _zeros(self.dims))


@dataclass(frozen=True, slots=True)
class Curvature:
    """A symmetric Hessian: its sign is 1 where it is positive semidefinite, -1 where negative.

    `needed`: the inputs that must not be negative for it. The sign is 0 where nothing is known.
    `convex`: the sign says that L is convex or concave, for L is smooth on a convex set.
    """

    sign: int
    needed: frozenset[str] = frozenset()
    convex: bool = False


def curvature(found: Found, of: ArrayProgram, wrt: str) -> Curvature | None:
    """The symmetry of a Hessian by one input, and its sign; None where symmetry is not proved."""
    half = len(found.dims) // 2
    order = (*range(half, 2 * half), *range(half))
    turned: Node = nodes.Rearrange(found.node, order)
    if half < _MATRIX:
        turned = nodes.Transpose(found.node) if half else found.node
    if Prover(found.sweep).equal(found.node, turned).status != "equal":
        return None
    if half > 1 or not found.matrix:
        return Curvature(0)
    values = {a.name: a.value for a in of.program.assignments[:-1]}
    inputs = frozenset(of.program.inputs())
    for sign, matrix in ((1, found.node), (-1, nodes.Negate(found.node))):
        needed = semidefinite(matrix, found.sweep.facts, values, inputs)
        if needed is not None:
            return Curvature(sign, needed, is_smooth(of, wrt))
    return Curvature(0)


def is_smooth(of: ArrayProgram, wrt: str) -> bool:
    """Whether a number has no kinks, and exists where expressions linear in X are positive."""
    graph = graph_of(settled(of.program, of.shapes), of.shapes)
    lifted: dict[str, Node] = {}
    for value in graph.values:
        for node in nodes.walk(value.value):
            known = FUNCTIONS.get(node.function) if isinstance(node, nodes.Apply) else None
            if isinstance(node, nodes.Maximum | nodes.Minimum) or (known and known.kink):
                return False
        lifted[value.name] = replaced(value.value, lifted)
    found = ((kind, replaced(part, lifted)) for kind, part in conditions(graph, lifted))
    return all(
        kind == "positive" and (_is_affine(part, wrt) or _is_positive(part)) for kind, part in found
    )


def _is_positive(node: Node) -> bool:
    """Whether an expression is a function with positive values, or 1 less a sigmoid."""
    match node:
        case nodes.Subtract(nodes.ONE, nodes.Apply("sigmoid")) | nodes.Softmax():
            return True
        case nodes.Apply(function):
            return function in FUNCTIONS and FUNCTIONS[function].positive
    return False


def _is_affine(node: Node, wrt: str) -> bool:
    """Whether a formula is X, times and plus other things."""
    moving = [child for child in nodes.children(node) if wrt in nodes.names_in(child)]
    match node:
        case nodes.Name() | nodes.Number() | nodes.Add() | nodes.Subtract() | nodes.Negate():
            return all(_is_affine(child, wrt) for child in moving)
        case nodes.Multiply() | nodes.MatMul() | nodes.Transpose() | nodes.Sum():
            return moving in ([], moving[:1]) and all(_is_affine(child, wrt) for child in moving)
    return not moving


def gradient_program(of: ArrayProgram, wrt: str) -> ArrayProgram:
    """The program that ends in the gradient of a program by a name, in one formula.

    Raises:
        ProofError: the gradient is not proved.
        UnsupportedError: it holds the derivative of an undefined function of an array.
    """
    swept = _swept(of, wrt)
    formula, _ = _in_one_piece(swept, wrt)
    return _ending_in(of, swept, formula, of.shapes[wrt])


def pulled_back(of: ArrayProgram, wrt: str, direction: str) -> Found:
    """Vᵀ·∂Y/∂X: the gradient of ⟨V, Y⟩ by X, V the direction."""
    swept = _swept(of.along(direction), wrt)
    formula, verdict = _in_one_piece(swept, wrt)
    return _without_large_products(swept, wrt, formula, verdict)


def pushed_forward(of: ArrayProgram, wrt: str, direction: str) -> Found:
    """∂Y/∂X·U: the gradient by V of ⟨U, Vᵀ·∂Y/∂X⟩, which is linear in V; U is the direction."""
    seed = replace(of, shapes={**of.shapes, direction: ()}).free("V", "Z", "P")
    paired = of.along(seed)
    swept = _swept(paired, wrt)
    formula, verdict = _in_one_piece(swept, wrt)
    pulled = _ending_in(paired, swept, formula, of.shapes[wrt])
    again = _swept(pulled.along(direction), seed)
    formula, second = _in_one_piece(again, seed)
    if seed in nodes.names_in(formula):
        raise UnsupportedError("The product with a direction is not seen to be linear in it.")
    return _without_large_products(again, seed, formula, all_equal((verdict, second)))


def _without_large_products(swept: Sweep, name: str, formula: Node, verdict: Verdict) -> Found:
    """The formula with A @ (B @ v) in place of A @ B @ v, which is worked out from the left."""
    shape = swept.facts.shape

    def bracketed(node: Node) -> Node:
        made = nodes.rebuilt(node, map(bracketed, nodes.children(node)))
        *matrices, last = chain(made, shape)
        if len(matrices) > 1 and len(shape(last)) == 1 and len(shape(matrices[0])) == _MATRIX:
            for matrix in reversed(matrices):
                last = nodes.MatMul(matrix, last)
            return last
        return made

    found = bracketed(formula)
    if found != formula:
        verdict = all_equal((verdict, Prover(swept).same(found, formula, name)))
        check_derivative(verdict, name)
    dims = swept.graph.shapes[name]
    return Found(_with(swept, name, found), name, found, verdict, dims=dims)


def jacobian_of(of: ArrayProgram, wrt: str, *, denominator: bool = False) -> Found:
    """∂Y/∂X, the axes of Y before those of X or after them; of a number L, its gradient.

    Raises:
        ProofError: it is not proved.
        UnsupportedError: the formula is too long, or is not seen to be linear.
    """
    if not of.shape:
        swept = _swept(of, wrt)
        formula, verdict = _in_one_piece(swept, wrt)
        return Found(_with(swept, wrt, formula), wrt, formula, verdict, dims=of.shapes[wrt])
    direction = of.free("V", "Z", "P")
    swept = _swept(of.along(direction), wrt)
    formula, verdict = _in_one_piece(swept, wrt)
    rows, cols = of.shape, of.shapes[wrt]
    at = (
        lettered(rows, (f"i{n}" for n in range(len(rows)))),
        lettered(cols, (f"p{n}" for n in range(len(cols)))),
    )
    prover = Prover(swept)
    order, sizes = ((at[1], at[0]), (cols, rows)) if denominator else (at, (rows, cols))
    axes, dims = (*order[0], *order[1]), (*sizes[0], *sizes[1])
    zeros = _zeros(dims)
    if swept.gradients[wrt].vanishes:
        few = len(dims) <= _MATRIX
        return Found(_with(swept, wrt, zeros), wrt, zeros, verdict, (), axes, dims, few)
    products = linear_map(formula, direction, at[1], at[0], swept.facts.shape)
    node = None
    if len(dims) <= _MATRIX:
        node = regrouped(products, axes, dims, swept.graph.shapes, swept.facts.assumed)
    matrix = node is not None
    if node is not None:
        node = with_value_names(node, _names(swept).by_key, but=wrt)
        node = zeros if node == nodes.ZERO else node
    else:
        products = tuple(reduced(products, axes, dims, swept.facts))
        node = broadcasted(products, axes, dims, swept.facts.shape)
    product = contracted_with(nodes.Name(direction), node, *sizes, denominator=denominator)
    verdict = all_equal((verdict, prover.same(product, formula, wrt)))
    check_derivative(verdict, wrt)
    return Found(_with(swept, wrt, node), wrt, node, verdict, products, axes, dims, matrix)


def _zeros(dims: Shape) -> Node:
    return nodes.zeros(tuple(map(size_name, dims))) if dims else nodes.ZERO


def contracted_with(
    direction: Node, array: Node, first: Shape, last: Shape, *, denominator: bool
) -> Node:
    """Σ V∗∂Y/∂X over the axes of Y, which are the first of the array, or the last."""
    if len(first) == len(last) == 1:
        sides = (array, direction) if denominator else (direction, array)
        return nodes.MatMul(*sides)
    before, behind = len(first), len(last)
    if not denominator and last:
        direction = nodes.Rearrange(direction, (*range(before), *[None] * behind))
    made: Node = nodes.Multiply(direction, array)
    for axis in reversed(range(before, before + behind) if denominator else range(before)):
        made = nodes.Sum(made, axis)
    return made


def _swept(of: ArrayProgram, wrt: str) -> Sweep:
    program = settled(of.program, of.shapes)
    return sweep(graph_of(program, of.shapes), (wrt,), of.assumed)


def check_derivative(verdict: Verdict, wrt: str) -> None:
    """Raise a ProofError unless a derivative is proved."""
    if verdict.status != "equal":
        raise ProofError(f"the derivative by {wrt} is {verdict.status}: {verdict.reason}")


def _in_one_piece(swept: Sweep, wrt: str) -> tuple[Node, Verdict]:
    """The gradient without names of other gradients, or of values that the program does not name.

    Raises:
        ProofError: it is not proved.
        UnsupportedError: it is too long.
    """
    prover = Prover(swept)
    verdict = prover.all_of(wrt)
    check_derivative(verdict, wrt)
    own = swept.gradients[wrt]
    shape = swept.facts.shape
    known = dict(swept.called)
    for name, found in swept.gradients.items():
        known[f"d{name}"] = filled(found.formula, swept.graph.shapes[name], shape)
    formula = own.formula
    while not nodes.names_in(formula).isdisjoint(known):
        formula = replaced(formula, known)
        if cost(formula) > _LONGEST:
            raise UnsupportedError(
                f"The derivative by {wrt} is too long to be written in one piece; take that of a "
                "shorter program."
            )
    if formula != own.formula:
        whole = tidy(formula, swept.facts)
        last = finished(whole, wrt, swept.graph.shapes[wrt], _names(swept), swept.facts)
        formula = last[-1].formula if last else whole
        verdict = all_equal((verdict, prover.same(formula, own.formula, wrt)))
        check_derivative(verdict, wrt)
    return formula, verdict


def _names(swept: Sweep) -> ValueNames:
    """The names of the program's own values."""
    return swept.names.among(swept.graph.program.names())


def _with(swept: Sweep, name: str, formula: Node) -> Sweep:
    """The sweep with another formula of one gradient."""
    stages = replace(swept.gradients[name], formula=formula)
    return replace(swept, gradients={**swept.gradients, name: stages})


def _ending_in(of: ArrayProgram, swept: Sweep, formula: Node, shape: Shape) -> ArrayProgram:
    """The program whose last value is a gradient instead."""
    for part in nodes.walk(formula):
        if isinstance(part, nodes.Apply) and not is_entrywise(part):
            raise UnsupportedError(
                f"{part.function[1:]} is an undefined function of an array, whose second "
                f"derivatives have no names here; write {part.function[1:]} out, or as sum(f(…))."
            )
    *before, _ = swept.graph.program.assignments
    name = of.free("G", "Q", "R")
    program = Program((*before, Assignment(name, formula)))
    return ArrayProgram(program, {**of.shapes, name: shape}, of.assumed, named=False)
