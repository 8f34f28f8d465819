"""What can be asked about single entries of a written-out matrix: where they come from, and why."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

from matderiv.calculus.scalars import Partial, entry
from matderiv.calculus.verdicts import BUDGET, Judge
from matderiv.derivation import build
from matderiv.derivation.links import Chain, Derivation
from matderiv.derivation.sides import Formula, Value, Written
from matderiv.expression.nodes import MatMul, Name, Node, Transpose
from matderiv.handout.document import Detail, Math, Segment, Segments, Text
from matderiv.notation.compose import Notation, automatic_show
from matderiv.notation.marks import key

__all__ = ["Details"]


@dataclass(frozen=True, slots=True)
class Details:
    """Answers about the entries of the matrices of a derivation; `say` fills a message in."""

    derivation: Derivation
    notation: Notation
    say: Callable[[str, dict[str, Segment]], Segments]

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
            detail = Detail(key(name, p, q), self._sentence(name, product, p, q))
            if few:
                own = self._chain(judge, name, product, p, q)
                detail = replace(detail, box=short.chain(own), proved=len(own.links))
            details.append(detail)
        return tuple(details)

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

    def _sentence(self, name: str, product: MatMul, p: int, q: int) -> Segments:
        """Where an entry comes from: a row or a column of each factor."""
        problem = self.derivation.problem
        own = name in problem.shapes
        x = entry(name, p, q) if own else Partial(problem.loss, entry(name[1:], p, q))
        left, first = _run(product.left, "row", "column")
        right, second = _run(product.right, "column", "row")
        return self.say(
            f"entry.from_{first}_and_{second}",
            {
                "x": Math(self.notation.expr(x)),
                "A": Math(self.notation.node(left)),
                "B": Math(self.notation.node(right)),
                "p": Text(str(p)),
                "q": Text(str(q)),
            },
        )


def _run(factor: Node, plain: str, turned: str) -> tuple[Node, str]:
    """A factor as it was given, and what of it is multiplied: a row or a column."""
    if isinstance(factor, Transpose):
        return _run(factor.arg, turned, plain)
    return factor, plain
