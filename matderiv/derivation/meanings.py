"""The meaning of gradients: patterns that are known by a name, each of whose claims is proved.

A pattern is found by how the program is written. It is kept only where all of its claims are
proved, so that a page never says of a program what does not hold for it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Literal, TypeAlias

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.calculus.formulas.flattened import (
    BasePower,
    added_up,
    chain,
    chained,
    cost,
    factors,
    product_of,
    split_scalars,
    sum_of,
    terms,
)
from matderiv.calculus.formulas.tidying import tidy
from matderiv.calculus.sweep.sweep import replaced
from matderiv.calculus.sweep.task import Task, read_task, task_of
from matderiv.derivation.judge import Judge
from matderiv.derivation.links import Link
from matderiv.derivation.sides import Formula
from matderiv.expression import nodes
from matderiv.expression.assumptions import ASSUMPTIONS
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.nodes import Name, Node, names_in, transposed
from matderiv.expression.program import Assignment, Program
from matderiv.expression.readings import targets

__all__ = ["Meaning", "MeaningKind", "meanings"]

_MATRIX = 2  # dimensions
_SHARES = 3  # of a gradient that is a sum over the uses of a name
_LONGEST = 16  # cost of a share

#: The statements, in the order in which a page says it. After an underscore: whether it is said of
#: rows, of columns, or of all entries.
MeaningKind = Literal[
    "residual",
    "normal",
    "left_row",
    "left_col",
    "left_all",
    "even_row",
    "even_col",
    "even_all",
    "stretched",
    "stretched_small",
    "rowsums",
    "likelihood",
    "estimate",
    "samples",
    "eigenvectors",
    "fork",
    "broadcast",
]
_Along: TypeAlias = Literal["row", "col", "all"]
#: A formula, or an equation by its sides.
_Shown: TypeAlias = Mapping[str, Node | tuple[Node, Node]]


@dataclass(frozen=True, slots=True)
class Meaning:
    """A statement: its kind, the formulas in its sentence, and the proofs of its claims."""

    kind: MeaningKind
    shown: _Shown
    claims: tuple[Link, ...]

    @property
    def names(self) -> frozenset[str]:
        """The names in its formulas; of a gradient also what it is by."""
        found = set[str]()
        for part in self.shown.values():
            for node in part if isinstance(part, tuple) else (part,):
                found |= names_in(node)
        return frozenset(found | {name[1:] for name in found if name[0] == "d"})


@dataclass(frozen=True, slots=True)
class _Claim:
    """Two sides that must be equal, in a task of their own where it is not that of the page."""

    left: Node
    right: Node
    task: Task | None = None


_Found: TypeAlias = tuple[MeaningKind, _Shown, tuple[_Claim, ...]]
_Finder: TypeAlias = Callable[["_Program"], Iterator[_Found]]


@lru_cache(maxsize=4)
def meanings(task: Task) -> tuple[Meaning, ...]:
    """The statements about the gradients of a task; each kind once.

    >>> ridge = read_task("L = sum((X @ W - T)**2) + lam*sum(W**2)", ("W",))
    >>> [meaning.kind for meaning in meanings(ridge)]
    ['normal', 'fork']
    """
    program = _Program(task)
    made: dict[MeaningKind, Meaning] = {}
    for finder in _FINDERS:
        for kind, shown, claims in finder(program):
            if kind not in made:
                links = tuple(_link(claim.task or task, claim) for claim in claims)
                if all(link.verdict.status == "equal" for link in links):
                    made[kind] = Meaning(kind, shown, links)
    return tuple(made.values())


def _link(task: Task, claim: _Claim) -> Link:
    """The claim with its verdict: gradients are what the sweep proves them to be."""
    left, right = Formula(claim.left), Formula(claim.right)
    names = names_in(claim.left) | names_in(claim.right)
    stated = [n for n in task.sweep.gradients if f"d{n}" in names and f"d{n}" not in task.shapes]
    others = {of for name in stated for of in task.sweep.upstream(name)}
    known = [of for of in others if not _is_given(task.sweep.gradients[of].formula)]
    verdict = Judge(task, "", (f"d{of}" for of in (*stated, *known))).verdict(left, right)
    if not all(task.prover.all_of(name).index for name in stated):
        verdict = replace(verdict, index=False)
    return Link(task, left, right, "pattern", verdict)


def _is_given(formula: Node) -> bool:
    """Whether a gradient is by the derivative of an undefined function."""
    return any(
        isinstance(node, nodes.Functional)
        or (isinstance(node, nodes.Apply) and node.function not in FUNCTIONS)
        for node in nodes.walk(formula)
    )


class _Program:
    """A task, its values and its gradients in inputs alone."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.shape: ShapeOf = task.sweep.facts.shape
        self.values: dict[str, Node] = {}
        for assignment in task.sweep.graph.values:
            self.values[assignment.name] = replaced(assignment.value, self.values)
        hidden = task.sweep.graph.lifted
        self.unnamed = {name: value for name, value in self.values.items() if name in hidden}
        self.loss = self.values.get(task.loss, nodes.ZERO)
        self.named = [
            (a.name, replaced(a.value, self.unnamed))
            for a in task.sweep.graph.values
            if a.name not in hidden
        ]

    def gradient(self, name: str) -> Node | None:
        """The gradient by a name in inputs alone; None where that is not known."""
        found = self.task.sweep.gradients.get(name)
        if found is None or found.vanishes or self.task.way(name) is not None:
            return None
        return self.without(self.task.whole(name, found.formula), self.values)

    def without(self, node: Node, values: Mapping[str, Node]) -> Node:
        """A formula without some values and without their gradients."""
        gradients = self.task.sweep.gradients
        known = dict(values) | {
            f"d{of}": self.without(self.task.whole(of, gradients[of].formula), values)
            for of in values
            if f"d{of}" in names_in(node) and of in gradients
        }
        return replaced(node, known)

    def free(self, name: str) -> bool:
        """Whether the gradient by a name is that by all of its entries, and not 0."""
        found = self.task.sweep.gradients.get(name)
        return found is not None and not found.vanishes and self.task.way(name) is None


def _gradient(name: str) -> Name:
    return Name(f"d{name}")


def _zero(like: Node) -> Node:
    return nodes.Multiply(nodes.ZERO, like)


def _along(axis: int | None, dimensions: int) -> _Along:
    if dimensions < _MATRIX or axis is None:
        return "all"
    return "row" if axis == dimensions - 1 else "col"


# -- prediction minus truth ----------------------------------------------------------------------


def _residual(program: _Program) -> Iterator[_Found]:
    """∂L/∂Z = c(P - T): prediction minus truth; 0 where P = T, in sum where softmax made P."""
    task = program.task
    truth = {*targets(task.program)}
    truth |= {name for name, what in task.assumed.items() if ASSUMPTIONS[what].rows}
    for name, _ in program.named:
        if not program.free(name):
            continue
        formula = task.sweep.gradients[name].formula
        prediction = _less(formula, truth, program.shape)
        if prediction is None:
            continue
        at_truth = replaced(formula, {prediction[0]: Name(prediction[1])})
        own, zero = _gradient(name), (Name(prediction[0]), Name(prediction[1]))
        claims = (_Claim(own, formula), _Claim(at_truth, _zero(zero[1])))
        yield "residual", {"equation": (own, formula), "zero": zero}, claims
        for value in task.sweep.graph.values:
            match value.value:
                case nodes.Softmax(Name(of), axis) if of == name:
                    yield _even(program, name, axis)


def _even(program: _Program, name: str, axis: int | None) -> _Found:
    """The sum of ∂L/∂X along an axis is 0."""
    own = _gradient(name)
    along = _along(axis, len(program.shape(own)))
    axis = None if along == "all" else axis
    claim = _Claim(nodes.Sum(own, axis), _zero(nodes.Sum(Name(name), axis)))
    shown: _Shown = {"dX": own, "X": Name(name), "L": Name(program.task.loss)}
    return _EVEN[along], shown, (claim,)


_EVEN: Mapping[_Along, MeaningKind] = {"row": "even_row", "col": "even_col", "all": "even_all"}


def _less(formula: Node, truth: set[str], shape: ShapeOf) -> tuple[str, str] | None:
    """The names of P and T in c(P - T) or c(T - P)."""
    _, _, arrays = split_scalars(formula, shape)
    if len(arrays) != 1 or arrays[0][1] != nodes.ONE:
        return None
    match sorted(terms(arrays[0][0]), key=lambda term: term[1] in {Name(name) for name in truth}):
        case [(one, Name(prediction)), (other, Name(true))] if one == -other and true in truth:
            return prediction, true
    return None


# -- normal equations ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Product:
    """A number, powers of scalars, and factors of a matrix product."""

    number: Fraction
    scalars: tuple[BasePower, ...]
    factors: tuple[Node, ...]

    def over(self, other: _Product) -> Node:
        """The scalars of one over those of another."""
        ratio = nodes.Divide(
            product_of(self.number, self.scalars), product_of(other.number, other.scalars)
        )
        number, parts = factors(ratio)
        powers: dict[Node, Node] = {}
        for base, power in parts:
            powers[base] = added_up((*terms(powers.get(base, nodes.ZERO)), *terms(power)))
        return product_of(number, [part for part in powers.items() if part[1] != nodes.ZERO])


def _multiplied_out(node: Node, shape: ShapeOf) -> Iterator[_Product]:
    """A product of sums as a sum of products, where no term is broadcast."""
    parts = terms(node)
    if any(shape(term) != shape(node) for _, term in parts):
        yield _Product(Fraction(1), (), (node,))
        return
    for number, term in parts:
        more, scalars, arrays = split_scalars(term, shape)
        if not shape(term) and isinstance(term, nodes.MatMul):
            more, scalars, arrays = Fraction(1), [], [(term, nodes.ONE)]
        if len(arrays) > 1 or any(power != nodes.ONE for _, power in arrays):
            yield _Product(number * more, tuple(scalars), (term,))
            continue
        inner = arrays[0][0] if arrays else nodes.ONE
        match inner:
            case nodes.MatMul(left, right):
                sides = (_multiplied_out(side, shape) for side in (left, right))
                made = [
                    _Product(a.number * b.number, a.scalars + b.scalars, a.factors + b.factors)
                    for a, b in itertools.product(*sides)
                ]
            case nodes.Transpose(arg) if not isinstance(arg, Name):
                made = [
                    replace(one, factors=tuple(map(transposed, reversed(one.factors))))
                    for one in _multiplied_out(arg, shape)
                ]
            case nodes.Add() | nodes.Subtract() | nodes.Negate():
                made = [*_multiplied_out(inner, shape)]
            case _:
                made = [_Product(Fraction(1), (), (inner,))]
        for one in made:
            whole = (*scalars, *one.scalars)
            yield _Product(number * more * one.number, whole, one.factors)


def _normal(program: _Program) -> Iterator[_Found]:
    """∂L/∂W = c((XᵀX + λI)W - XᵀT): 0 where (XᵀX + λI)W = XᵀT."""
    shape = program.shape
    for name in program.task.wrt:
        gradient = program.gradient(name)
        if gradient is None or len(shape(Name(name))) not in (1, _MATRIX):
            continue
        own, right = list[_Product](), list[_Product]()
        for product in _multiplied_out(gradient, shape):
            (own if product.factors[-1:] == (Name(name),) else right).append(product)
        scalars = [base for one in (*own, *right) for base, _ in one.scalars]
        held = [*scalars, *(f for one in own for f in one.factors[:-1])]
        held += [f for one in right for f in one.factors]
        squares = [one for one in own if _is_square(one.factors[:-1])]
        if not squares or not right or any(name in names_in(node) for node in held):
            continue
        first = squares[0]
        own.remove(first)
        size = shape(Name(name))[0].symbol
        parts = [(Fraction(1), chained(first.factors[:-1]))]
        for one in own:
            factors = one.factors[:-1]
            matrix = chained(factors) if factors else nodes.Eye(size)
            parts.append(_times(one.over(first), matrix))
        left = nodes.MatMul(sum_of(parts), Name(name))
        known = sum_of(_times(one.over(first), chained(one.factors), -1) for one in right)
        scale = product_of(first.number, first.scalars)
        whole = nodes.Multiply(scale, nodes.Subtract(left, known))
        shown: _Shown = {"dW": _gradient(name), "W": Name(name), "equation": (left, known)}
        yield "normal", shown, (_Claim(_gradient(name), whole),)


def _times(scalar: Node, matrix: Node, sign: int = 1) -> tuple[Fraction, Node]:
    """A scalar times a matrix as a term of a sum."""
    ((number, rest),) = terms(scalar) if len(terms(scalar)) == 1 else ((Fraction(1), scalar),)
    return sign * number, matrix if rest == nodes.ONE else nodes.Multiply(rest, matrix)


def _is_square(factors: tuple[Node, ...]) -> bool:
    """Whether a product is AᵀA."""
    half = len(factors) // 2
    turned = tuple(map(transposed, reversed(factors[half:])))
    return bool(factors) and len(factors) % 2 == 0 and factors[:half] == turned


# -- what normalising removes ----------------------------------------------------------------------


def _normalised(program: _Program) -> Iterator[_Found]:
    """Y = (X - m)/s by rows: ∂L/∂X has no part along ones, and without ε none along X - m."""
    task = program.task
    for name in task.wrt:
        if not program.free(name):
            continue
        for value, node in program.named:
            for part in nodes.walk(node):
                match part:
                    case nodes.Divide(above, below):
                        axis = _centred(replaced(above, program.values), name)
                        if axis != _NOT and name in names_in(replaced(below, program.values)):
                            own = value if part == node else ""
                            yield from _left(program, name, (axis, part, own))
                            return


_NOT: Literal["not"] = "not"


def _centred(node: Node, name: str) -> int | Literal["not"] | None:
    """The axis of the mean m in X - m."""
    match node:
        case nodes.Subtract(Name(one), nodes.Mean(Name(other), axis, _)) if one == other == name:
            return axis
    return _NOT


def _left(
    program: _Program, name: str, found: tuple[int | None, nodes.Divide, str]
) -> Iterator[_Found]:
    axis, part, value = found
    task, own = program.task, _gradient(name)
    dims = len(program.shape(Name(name)))
    axis = axis if dims == _MATRIX else None
    keep = axis is not None
    along = _along(axis, dims)
    if value and value in task.sweep.gradients:
        above, y = _gradient(value), Name(value)
        rest = nodes.Subtract(
            nodes.Subtract(above, nodes.Mean(above, axis, keep)),
            nodes.Multiply(nodes.Mean(nodes.Multiply(above, y), axis, keep), y),
        )
        shown: _Shown = {"dX": own, "dY": above, "Y": y, "s": part.right}
        yield _LEFT[along], shown, (_Claim(own, nodes.Divide(rest, part.right)),)
    yield _even(program, name, axis)
    if along == "all" or value not in task.sweep.gradients:  # of vectors it is not proved
        return
    small = _epsilon(replaced(part.right, program.values), program.shape)
    plain = task if small is None else _without(small, task)
    said: _Shown = {"dX": own, "Y": Name(value), "L": Name(task.loss)}
    claims = tuple(_stretched(name, value, part.right, axis, plain))
    if small is None:
        yield "stretched", said, claims
    else:
        yield "stretched_small", {**said, "small": small}, claims


def _stretched(
    name: str, value: str, divisor: Node, axis: int | None, plain: Task
) -> Iterator[_Claim]:
    """Σ dX⊙Y = (Σ dY⊙Y (1 - mean Y²) - mean dY Σ Y)/s; without ε mean Y² is 1, and Σ Y is 0."""
    y, above = Name(value), _gradient(value)

    def mean(node: Node) -> Node:
        return nodes.Mean(node, axis, keepdims=True)

    def total(node: Node) -> Node:
        return nodes.Sum(node, axis, keepdims=True)

    square = mean(nodes.Multiply(y, y))
    first = nodes.Multiply(total(nodes.Multiply(above, y)), nodes.Subtract(nodes.ONE, square))
    rest = nodes.Subtract(first, nodes.Multiply(mean(above), total(y)))
    yield _Claim(total(nodes.Multiply(_gradient(name), y)), nodes.Divide(rest, divisor))
    yield _Claim(total(y), _zero(total(Name(name))), plain)
    yield _Claim(square, nodes.Add(nodes.ONE, _zero(total(Name(name)))), plain)


_LEFT: Mapping[_Along, MeaningKind] = {"row": "left_row", "col": "left_col", "all": "left_all"}


def _epsilon(divisor: Node, shape: ShapeOf) -> Node | None:
    """ε of √(v + ε), a number or a scalar."""
    for node in nodes.walk(divisor):
        match node:
            case nodes.Apply("sqrt", nodes.Add(_, nodes.Number() | Name() as small)):
                return None if shape(small) else small
    return None


def _without(small: Node, task: Task) -> Task:
    """The task with √v in place of √(v + ε)."""
    values = (Assignment(a.name, _dropped(a.value, small)) for a in task.program.assignments)
    program = Program(tuple(values), task.program.assumed)
    known = {name: shape for name, shape in task.shapes.items() if name in program.names()}
    return task_of(program, task.wrt, known, task.assumed)


def _dropped(node: Node, small: Node) -> Node:
    """The formula with v in place of v + ε."""
    node = nodes.rebuilt(node, [_dropped(child, small) for child in nodes.children(node)])
    return node.left if isinstance(node, nodes.Add) and node.right == small else node


# -- row sums of attention -------------------------------------------------------------------------


def _rowsums(program: _Program) -> Iterator[_Found]:
    """O = PV with P = softmax(Z): the rows of dP ⊙ P and of dO ⊙ O have the same sums."""
    known = dict(program.named)
    for name, node in program.named:
        match node:
            case nodes.MatMul(Name(p), Name()) if isinstance(known.get(p), nodes.Softmax):
                if not (program.free(p) and program.free(name)):
                    continue
                axis = len(program.shape(Name(p))) - 1
                one, other = (
                    nodes.Sum(nodes.Multiply(_gradient(n), Name(n)), axis, keepdims=True)
                    for n in (p, name)
                )
                shown: _Shown = {"equation": (one, other), "P": Name(p)}
                yield "rowsums", shown, (_Claim(one, other),)


# -- maximum likelihood ----------------------------------------------------------------------------


def _likelihood(program: _Program) -> Iterator[_Found]:
    """L = log|S| + yᵀS⁻¹y: ∂L/∂S = S⁻ᵀ(Sᵀ - yyᵀ)S⁻ᵀ, which is 0 where Sᵀ = yyᵀ."""
    shape = program.shape
    for name in program.task.wrt:
        if not program.free(name):
            continue
        s = Name(name)
        logs, others = list[_Product](), list[_Quadratic]()
        for product in _about(name, program.loss, shape):
            if product.factors == (nodes.LogDet(s),):
                logs.append(product)
            elif (found := _quadratic(product.factors, s, shape)) is not None:
                others.append(_Quadratic(product, *found))
        if len(logs) != 1 or len(others) != 1:
            continue
        (log,), (quadratic,) = logs, others
        ratio = quadratic.product.over(log)
        moment = tidy(sum_of([_times(ratio, quadratic.moment)]), program.task.sweep.facts)
        inverse = transposed(nodes.Inverse(s))
        middle = nodes.Subtract(transposed(s), moment)
        whole: Node = chained([inverse, middle, inverse])
        scale = product_of(log.number, log.scalars)
        if scale != nodes.ONE:
            whole = nodes.Multiply(scale, whole)
        own = _gradient(name)
        mean = tidy(transposed(moment), program.task.sweep.facts)
        shown: _Shown = {"equation": (own, whole), "zero": (s, mean)}
        claim = _Claim(own, whole)
        yield "likelihood", shown, (claim,)
        if quadratic.alone is None:
            yield "estimate", {"S": s, "M": mean}, (claim,)
        elif ratio == nodes.ONE:
            yield "samples", {"y": quadratic.alone, "S": s, "moment": moment}, (_of_samples(),)


def _about(name: str, loss: Node, shape: ShapeOf) -> Iterator[_Product]:
    """The terms of a loss that hold a name, each as a product with what holds it last."""
    for number, term in terms(loss):
        more, scalars, _ = split_scalars(term, shape)
        about = [base for base, power in scalars if power == nodes.ONE and name in names_in(base)]
        rest = tuple(part for part in scalars if part[0] not in about)
        for base in about[:1]:
            for one in _multiplied_out(base, shape) if isinstance(base, nodes.MatMul) else ():
                yield replace(one, number=number * more * one.number, scalars=(*rest, *one.scalars))
            if not isinstance(base, nodes.MatMul):
                yield _Product(number * more, rest, (base,))


@dataclass(frozen=True, slots=True)
class _Quadratic:
    """A multiple of yᵀS⁻¹y, and yyᵀ; `alone` is y where that is one vector with a name."""

    product: _Product
    moment: Node
    alone: Name | None


def _quadratic(
    factors: tuple[Node, ...], s: Name, shape: ShapeOf
) -> tuple[Node, Name | None] | None:
    """yyᵀ of yᵀS⁻¹y, Cᵀ of tr(S⁻¹C), YᵀY of Σ (YS⁻¹) ⊙ Y."""
    inverse = nodes.Inverse(s)
    match factors:
        case (left, middle, right) if middle == inverse and len(shape(right)) == 1:
            plain = left.arg if isinstance(left, nodes.Transpose) else left
            if plain == right:
                return nodes.Outer(right, right), right if isinstance(right, Name) else None
        case (nodes.Trace(nodes.MatMul(left, right)),) if inverse in (left, right):
            return transposed(right if left == inverse else left), None
        case (nodes.Sum(nodes.Multiply(nodes.MatMul(one, middle), other), None),) if (
            one == other and middle == inverse
        ):
            return nodes.MatMul(transposed(one), one), None
    return None


def _of_samples() -> _Claim:
    """The same of a mean over samples, the rows of Y: Sᵀ = YᵀY/N."""
    text = "L = logdet(S) + mean(sum((Y @ inv(S))*Y, axis=1))"
    task = read_task(text, ("S",), shapes={"Y": (5, 3), "S": (3, 3)}, scalar=True)
    y, s = Name("Y"), Name("S")
    rows = task.shapes["Y"][0]
    count = nodes.Size(rows.symbol, rows.size)
    moment = nodes.Divide(nodes.MatMul(transposed(y), y), count)
    inverse = transposed(nodes.Inverse(s))
    whole = chained([inverse, nodes.Subtract(transposed(s), moment), inverse])
    return _Claim(_gradient("S"), whole, task)


# -- eigenvectors ----------------------------------------------------------------------------------


def _eigenvectors(program: _Program) -> Iterator[_Found]:
    """L = c‖X - XWWᵀ‖²: 0 with WᵀW = I where CW = W(WᵀCW), C = XᵀX."""
    shape = program.shape
    for name in program.task.wrt:
        number, scalars, arrays = split_scalars(program.loss, shape)
        del arrays
        bases = [base for base, _ in scalars if name in names_in(base)]
        match bases:
            case [nodes.Sum(nodes.Power(nodes.Subtract(x, image), nodes.TWO), None)]:
                parts = chain(image, shape)
            case _:
                continue
        w = Name(name)
        if parts != [x, w, transposed(w)] or not isinstance(x, Name) or not program.free(name):
            continue
        rest = [part for part in scalars if part[0] not in bases]
        scale = product_of(-2 * number, rest)
        second = nodes.MatMul(transposed(x), x)
        image = nodes.MatMul(second, w)
        own = nodes.MatMul(w, chained([transposed(w), transposed(x), x, w]))
        eye = nodes.Eye(shape(w)[1].symbol)
        unit = nodes.MatMul(transposed(w), w)
        off = nodes.MatMul(image, nodes.Subtract(eye, unit))
        on = nodes.Subtract(image, own)
        whole = nodes.Multiply(scale, nodes.Add(on, off))
        shown: _Shown = {
            "orthonormal": (unit, eye),
            "equation": (_gradient(name), nodes.Multiply(scale, on)),
            "zero": (image, own),
            "C": second,
            "W": w,
        }
        yield "eigenvectors", shown, (_Claim(_gradient(name), whole),)


# -- forks and broadcasts --------------------------------------------------------------------------


def _fork(program: _Program) -> Iterator[_Found]:
    """X used twice: ∂L/∂X is the sum of what comes back from both uses."""
    task = program.task
    named = [name for name, _ in program.named]
    for name in (*task.wrt, *named):
        found = task.sweep.gradients.get(name)
        if found is None or not program.free(name) or len(found.users) == 1:
            continue
        shares = [
            tidy(program.without(task.whole(name, use.gradient), program.unnamed), task.sweep.facts)
            for use in found.uses
        ]
        if len(shares) > _SHARES or any(cost(share) > _LONGEST for share in shares):
            continue
        total = added_up(term for share in shares for term in terms(share))
        spread = any(isinstance(part, nodes.Ones) for part in nodes.walk(total))
        if len(terms(total)) == 1 or spread:
            continue
        shown: _Shown = {"X": Name(name), "equation": (_gradient(name), total)}
        yield "fork", shown, (_Claim(_gradient(name), total),)


def _broadcast(program: _Program) -> Iterator[_Found]:
    """Z = XW + b by rows: ∂L/∂b is the sum of the rows of ∂L/∂Z."""
    task, shape = program.task, program.shape
    for value, node in program.named:
        if not isinstance(node, nodes.Add | nodes.Subtract) or len(shape(node)) != _MATRIX:
            continue
        for part in nodes.children(node):
            if isinstance(part, Name) and len(shape(part)) == 1 and part.name in task.wrt:
                if not (program.free(value) and program.free(part.name)):
                    continue
                added = nodes.Sum(_gradient(value), 0)
                claim = _Claim(_gradient(part.name), task.sweep.gradients[part.name].formula)
                total = _Claim(_gradient(part.name), added)
                shown: _Shown = {"b": part, "equation": (_gradient(part.name), added)}
                yield "broadcast", shown, (claim, total)


#: The patterns, in the order in which a page speaks of them.
_FINDERS: tuple[_Finder, ...] = (
    _residual,
    _normal,
    _normalised,
    _rowsums,
    _likelihood,
    _eigenvectors,
    _fork,
    _broadcast,
)
