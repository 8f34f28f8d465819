"""Maximum likelihood of a normal distribution."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.calculus.formulas.flattened import chained, product_of, split_scalars, sum_of, terms
from matderiv.calculus.formulas.tidying import tidy
from matderiv.calculus.sweep.task import read_task
from matderiv.derivation.meanings.products import ScaledProduct, scaled_products, times_matrix
from matderiv.derivation.meanings.statements import (
    Candidate,
    Equality,
    Shown,
    Unfolded,
    gradient_name,
)
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node, names_in, transposed

__all__ = ["likelihood"]


def likelihood(program: Unfolded) -> Iterator[Candidate]:
    """L = log|S| + yᵀS⁻¹y: ∂L/∂S = S⁻ᵀ(Sᵀ - yyᵀ)S⁻ᵀ, which is 0 where Sᵀ = yyᵀ."""
    shape = program.shape
    for name in program.task.wrt:
        if not program.free(name):
            continue
        s = Name(name)
        logs, others = list[ScaledProduct](), list[_Quadratic]()
        for product in _about(name, program.loss, shape):
            if product.factors == (nodes.LogDet(s),):
                logs.append(product)
            elif (found := _quadratic(product.factors, s, shape)) is not None:
                others.append(_Quadratic(product, *found))
        if len(logs) != 1 or len(others) != 1:
            continue
        (log,), (quadratic,) = logs, others
        ratio = quadratic.product.over(log)
        moment = tidy(sum_of([times_matrix(ratio, quadratic.moment)]), program.task.sweep.facts)
        inverse = transposed(nodes.Inverse(s))
        middle = nodes.Subtract(transposed(s), moment)
        whole: Node = chained([inverse, middle, inverse])
        scale = product_of(log.number, log.scalars)
        if scale != nodes.ONE:
            whole = nodes.Multiply(scale, whole)
        own = gradient_name(name)
        mean = tidy(transposed(moment), program.task.sweep.facts)
        shown: Shown = {"equation": (own, whole), "zero": (s, mean)}
        claim = Equality(own, whole)
        yield "likelihood", shown, (claim,)
        if quadratic.alone is None:
            yield "estimate", {"S": s, "M": mean}, (claim,)
        elif ratio == nodes.ONE:
            yield "samples", {"y": quadratic.alone, "S": s, "moment": moment}, (_of_samples(),)


def _about(name: str, loss: Node, shape: ShapeOf) -> Iterator[ScaledProduct]:
    """The terms of a loss that hold a name, each as a product with what holds it last."""
    for number, term in terms(loss):
        more, scalars, _ = split_scalars(term, shape)
        about = [base for base, power in scalars if power == nodes.ONE and name in names_in(base)]
        rest = tuple(part for part in scalars if part[0] not in about)
        for base in about[:1]:
            for one in scaled_products(base, shape) if isinstance(base, nodes.MatMul) else ():
                yield replace(one, number=number * more * one.number, scalars=(*rest, *one.scalars))
            if not isinstance(base, nodes.MatMul):
                yield ScaledProduct(number * more, rest, (base,))


@dataclass(frozen=True, slots=True)
class _Quadratic:
    """A multiple of yᵀS⁻¹y, and yyᵀ; `alone` is y where that is one vector with a name."""

    product: ScaledProduct
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


def _of_samples() -> Equality:
    """The same of a mean over samples, the rows of Y: Sᵀ = YᵀY/N."""
    text = "L = logdet(S) + mean(sum((Y @ inv(S))*Y, axis=1))"
    task = read_task(text, ("S",), shapes={"Y": (5, 3), "S": (3, 3)}, scalar=True)
    y, s = Name("Y"), Name("S")
    rows = task.shapes["Y"][0]
    count = nodes.Size(rows.symbol, rows.size)
    moment = nodes.Divide(nodes.MatMul(transposed(y), y), count)
    inverse = transposed(nodes.Inverse(s))
    whole = chained([inverse, nodes.Subtract(transposed(s), moment), inverse])
    return Equality(gradient_name("S"), whole, task)
