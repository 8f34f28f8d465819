"""Single entries of a product and of its gradients: where they come from, and why."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

from matderiv.calculus.index_forms.forms import Entry, Index
from matderiv.calculus.scalars import Partial, entry
from matderiv.calculus.verdicts import BUDGET, Judge
from matderiv.derivation import build
from matderiv.derivation.links import Chain, Derivation
from matderiv.derivation.sides import Formula, Value, Written
from matderiv.expression.nodes import MatMul, Name, Node, Transpose
from matderiv.handout.details import origin
from matderiv.handout.document import Detail
from matderiv.notation.boxes import Box
from matderiv.notation.compose import Notation, automatic_show
from matderiv.notation.marks import key

__all__ = ["ProductDetails"]


@dataclass(frozen=True, slots=True)
class ProductDetails:
    """Answers about the entries of the matrices of a derivation of one product."""

    derivation: Derivation
    notation: Notation
    language: str

    def of(self, chain: Chain) -> tuple[Detail, ...]:
        """The details of the entries that a chain about a product of two matrices shows.

        Each has its own derivation, proved as every other; where there are too many entries to
        do so in a moment, they only have the sentence.
        """
        first, product = chain.sides[0], self._product(chain)
        if product is None or not isinstance(first, Formula) or not isinstance(first.node, Name):
            return ()
        name = first.node.name
        array = self.derivation.problem.array(first.node)
        places = [
            (p, q)
            for p, q in itertools.product(
                self.notation.shown(array.rows.size), self.notation.shown(array.cols.size)
            )
            if p is not None and q is not None
        ]
        terms = len(self.derivation.problem.sum_over_product(lambda *_: ()))
        few = self.notation.show is not None or len(places) * terms <= BUDGET
        # A sum of many terms is shortened even on a page that shows everything.
        short = replace(self.notation, show=automatic_show(self.derivation.problem), marked=False)
        judge = Judge(self.derivation.problem)
        details: list[Detail] = []
        for p, q in places:
            sources = (_run(product.left, p, "k"), _run(product.right, "k", q))
            sentence = origin(self.language, self, self.entry(name, (p, q)), sources)
            marks = tuple(key(source.name, *source.indices) for source in sources)
            detail = Detail(key(name, p, q), marks, sentence)
            if few:
                own = self._chain(judge, name, product, p, q)
                detail = replace(detail, boxes=(short.chain(own),))
            details.append(detail)
        return tuple(details)

    def array(self, name: str) -> Box:
        """W, or ∂L/∂Y."""
        return self.notation.node(Name(name))

    def entry(self, name: str, indices: tuple[Index, ...]) -> Box:
        """w_12, or ∂L/∂y_12."""
        problem = self.derivation.problem
        p, q = indices
        if name in problem.shapes:
            return self.notation.expr(entry(name, p, q))
        return self.notation.expr(Partial(problem.loss, entry(name[1:], p, q)))

    def _product(self, chain: Chain) -> MatMul | None:
        """The product that a chain writes out, if it does."""
        if not any(isinstance(side, Written) for side in chain.sides):
            return None
        found = (s.node for s in chain.sides if isinstance(s, Formula))
        return next((node for node in found if isinstance(node, MatMul)), None)

    def _chain(self, judge: Judge, name: str, product: MatMul, p: int, q: int) -> Chain:
        problem = judge.problem
        if name == problem.name:
            value = Value(problem.array(product).at(p, q))
            y = Value(entry(name, p, q))
            return build.chain(judge, "entry of the product", y, ("matrix product", value))
        return build.entry_chain(judge, "entry", product, entry(name[1:], p, q))


def _run(factor: Node, row: Index, col: Index) -> Entry:
    """What of a factor is multiplied, by the indices of the matrix as it was given."""
    if isinstance(factor, Transpose):
        return _run(factor.arg, col, row)
    assert isinstance(factor, Name)
    return Entry(factor.name, (row, col))
