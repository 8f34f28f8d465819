"""Claims about arrays of three and four axes: with einsum, with ⊗ and vec, or by their entries.

Each is read as a sum of products of entries, as arrays of derivatives are when they are derived.
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Mapping
from dataclasses import replace

from matderiv.calculus.index_forms.linear_maps import Product
from matderiv.checking.claim_products import ArrayAxes, ArrayClaim, node_of
from matderiv.checking.einsum_claims import einsum_products
from matderiv.checking.entry_claims import index_products
from matderiv.checking.question import Question
from matderiv.checking.vec_claims import vec_products
from matderiv.errors import InputError, MatderivError
from matderiv.expression.dims import Shape
from matderiv.expression.nodes import Node

__all__ = ["claim_axes", "claim_text", "read_array_claim"]

_INDEX = re.compile(r"[∂δΣ]|\bdelta_|^\s*[A-Z]_\w+\s*=")
_VEC = re.compile(r"\b(?:kron|vec)\(|\beye\([^)]*\*")


def claim_axes(question: Question) -> ArrayAxes:
    """The axes that a claim is about."""
    assert question.derivative is not None
    first = question.derivative.first
    axes = tuple(zip(question.derivative.answer.at, question.shape, strict=True))
    used = (*question.names, *question.further)
    names = {name: question.shapes[name] for name in used if name in question.shapes}

    def shape(node: Node) -> Shape:
        try:
            return question.shape_of(node)
        except KeyError as error:
            raise InputError(f"The size {error.args[0]} is not known here.") from None

    return ArrayAxes(axes[:first], axes[first:], question.read, shape, names)


def read_array_claim(question: Question, text: str) -> Node | None:
    """The claim as a formula, where it is in a form of its own; else None.

    Raises:
        InputError: it cannot be read in that form.
    """
    if question.derivative is None:
        return None
    axes = claim_axes(question)
    form = _claim_form(text, axes.names)
    answer = question.derivative.answer
    if answer.matrix and form != "index":
        return None
    question.said[answer.node] = claim_text(
        question, answer.node, answer.products, form or "einsum"
    )
    text = text.strip()
    if column := re.fullmatch(r"vec\(((?:[^()]|\([^()]*\))*)\)", text):
        entries = question.read(column[1])
        question.said[entries] = text
        return entries
    claim = _read_claim(text, form, axes) if form else None
    node = node_of(claim.products, axes) if claim else None
    if claim and node is None and claim.form != "einsum":
        raise InputError("Two sizes meet at one index of the claim; see which array it belongs to.")
    if node is None:  # it is a formula, in which is seen what does not fit
        node = question.read(text)
    elif claim:
        question.claimed[node] = claim
    question.said[node] = re.sub(r"^\s*\w+\s*=(?!=)\s*", "", text)
    return node


def claim_text(question: Question, node: Node, products: tuple[Product, ...], form: str) -> str:
    """The array of some products in a form, or with einsum where it has no such form."""
    assert question.derivative is not None
    answer = replace(question.derivative.answer, node=node, products=products)
    for way in (form, "einsum"):
        try:
            return replace(question.derivative, answer=answer, form=way).formula
        except MatderivError:
            continue
    return question.source(node)


def _claim_form(claim: str, names: Mapping[str, Shape]) -> str | None:
    """The form that a claim is written in; None where it is an expression of the language.

    >>> [_claim_form(claim, {}) for claim in ("kron(B.T, A)", "∂y_ij/∂x_pq = a_ip·δ_jq", "2*A")]
    ['vec', 'index', None]
    """
    if "einsum(" in claim:
        return "einsum"
    if _VEC.search(claim) or ("K" not in names and re.search(r"\bK\b", claim)):
        return "vec"
    return "index" if _INDEX.search(claim) else None


def _read_claim(claim: str, form: str, axes: ArrayAxes) -> ArrayClaim | None:
    """The claim in its form; None where it is a formula of the language that has to be read whole.

    Raises:
        InputError: it cannot be read.
    """
    if form == "index":
        claim = re.sub(r"\s*\n\s*", " ", claim)
        return ArrayClaim(form, tuple(index_products(claim, axes)))
    try:
        tree = ast.parse(re.sub(r"^\s*\w+\s*=(?!=)", "", claim).strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return None
    if form == "einsum":
        found = einsum_products(tree, axes)
        return None if found is None else ArrayClaim(form, tuple(found))
    own = vec_products(tree, axes, by_rows=False)
    turned: tuple[Product, ...] = ()
    with contextlib.suppress(InputError):  # it may have no meaning the other way round
        turned = vec_products(tree, axes, by_rows=True)
    return ArrayClaim(form, own, turned if turned != own else ())
