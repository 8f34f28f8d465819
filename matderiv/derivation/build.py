"""From a problem to its derivation: which links are shown, and that each of them is proved."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

import sympy as sp

from matderiv.calculus.elementwise import chain_rule, tidy
from matderiv.calculus.problem import Elementwise, Opaque, Problem, with_coefficient
from matderiv.calculus.regroup import regrouped
from matderiv.calculus.scalars import Index, Partial, delta, entry, xreplaced
from matderiv.calculus.series import Array, Bound, Filled, PartialOfSum, Scalar, Series
from matderiv.calculus.values import Values, with_partial
from matderiv.calculus.verdicts import Judge, Verdict, vanishes
from matderiv.derivation.links import Chain, Derivation, Link, Step
from matderiv.derivation.sides import (
    Element,
    Formula,
    MatrixPartial,
    ProductVecPartial,
    Side,
    Value,
    Written,
    WrittenProduct,
    flattened,
    matrix_of,
)
from matderiv.errors import ProofError
from matderiv.expression.nodes import MatMul, Name, Node

__all__ = [
    "build",
    "chain",
    "entry_chain",
    "gradient_of",
    "jacobian_chains",
    "judged",
    "placed",
]

Report = Callable[[str], None]


def build(problem: Problem, wrt: tuple[str, ...], *, report: Report = lambda _: None) -> Derivation:
    """Derive the gradients of a problem: the given, ∂L/∂Y, single entries, matrix, all sizes.

    `report` is told the kind of each step before it is built.

    Raises:
        ProofError: a link is not proved.
    """
    return Derivation(problem, wrt, tuple(_Builder(problem).steps(wrt, report)))


def chain(judge: Judge, kind: str, first: Side, *rest: tuple[str, Side]) -> Chain:
    """A chain of links, each judged.

    Raises:
        ProofError: a link is not proved; the error names the chain and the verdict.
    """
    sides = [first, *(side for _, side in rest)]
    verdicts = judged(judge, kind, sides)
    for verdict, (reason, _) in zip(verdicts, rest, strict=False):
        if verdict.status != "equal":
            raise ProofError(f"{kind}, {reason}: {verdict.status}; {verdict.reason}")
    return Chain(
        kind,
        tuple(
            Link(judge.problem, left, right, reason, verdict)
            for (left, right), (reason, _), verdict in zip(
                itertools.pairwise(sides), rest, verdicts, strict=True
            )
        ),
    )


def judged(judge: Judge, kind: str, sides: Sequence[Side]) -> list[Verdict]:
    """The verdict on each side being equal to the next.

    Raises:
        ProofError: a matrix stands beside a scalar.
    """
    things = [matrix_of(side, judge.problem) for side in sides]
    arrays = [thing for thing in things if isinstance(thing, Array)]
    if arrays and len(arrays) < len(things):
        raise ProofError(f"{kind}: a matrix is set equal to a scalar")
    if arrays:
        flat = any(isinstance(side, ProductVecPartial) for side in sides)
        return judge.arrays(arrays, letters=not flat)
    letters = set(judge.problem.letters.all)
    held = any(letters & _free(side) for side in sides)
    scalars = [thing for thing in things if not isinstance(thing, Array)]
    return judge.scalars(scalars, letters=held)


def concluded(steps: Chain) -> Chain:
    """The first side equals the last: every link between them is proved, none is compared anew."""
    verdict = Verdict("equal", index=all(link.verdict.index for link in steps.links))
    link = Link(steps.links[0].task, steps.sides[0], steps.sides[-1], "proved above", verdict)
    return Chain("result", (link,))


def _free(side: Side) -> set[sp.Basic]:
    match side:
        case Element(row=row, col=col):
            return {row, col}
        case Value(scalar=Series(bounds=bounds) as series):
            inside = {s for f in series.general_term() for s in _free_of(f)}
            return inside - {b.letter for b in bounds}
        case Value(scalar=scalar):
            return _free_of(scalar)
    return set()


def _free_of(scalar: Scalar) -> set[sp.Basic]:
    if isinstance(scalar, sp.Expr):
        return set(scalar.free_symbols)
    if isinstance(scalar, Filled):
        return set(scalar.expr.free_symbols)
    return set()


def entry_chain(judge: Judge, kind: str, answer: Node, x: sp.Indexed) -> Chain:
    """∂L/∂x_pq = Σ_ij ∂L/∂y_ij · ∂y_ij/∂x_pq = entry (p, q) of the answer.

    Raises:
        ProofError: a link is not proved.
    """
    problem = judge.problem
    return chain(
        judge,
        kind,
        Value(Partial(problem.loss, x)),
        ("chain rule", Value(problem.chain_rule(x))),
        ("zeros dropped", Value(problem.array(answer).at(*x.indices))),
    )


def jacobian_chains(problem: Problem, name: str, *, written: bool) -> tuple[Chain, ...]:
    """∂y_ij/∂x_pq = δ_ip w_qj for all sizes and, if `written`, the Jacobian written out.

    Read row by row, the entry δ_ip w_qj at row (i, j) and column (p, q) is that of I_N ⊗ Wᵀ.
    """
    letters = problem.letters
    y = entry(problem.name, letters.i, letters.j)
    x = entry(name, letters.p, letters.q)
    local = _contracted(problem, y, x)
    judge = Judge(problem)
    chains = [
        chain(
            judge,
            "jacobian entry",
            Value(Partial(y, x)),
            ("delta picks a term", Value(_product(local))),
        )
    ]
    if written:

        def at(i: int, j: int, p: int, q: int) -> sp.Expr:
            places: dict[sp.Basic, Index]
            places = {letters.i: i, letters.j: j, letters.p: p, letters.q: q}
            return sp.Mul(*(placed(f, places) for f in local))

        values = Written(flattened(problem, problem.name, name, at))
        chains.append(
            chain(judge, "jacobian", ProductVecPartial(problem.name, name), ("entries", values))
        )
    return tuple(chains)


def gradient_of(problem: Problem, name: str) -> Node:
    """The gradient as a matrix expression, read off the indices of its (p, q) entry."""
    p, q = problem.letters.p, problem.letters.q
    values = Values(problem, general=True, upstream=True)
    return regrouped(values.of(Partial(problem.loss, entry(name, p, q))), p, q)


class _Builder:
    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.judge = Judge(problem)
        self.head = problem.head
        self.name = problem.name
        self.upstream = Name(f"d{problem.name}")

    def steps(self, wrt: tuple[str, ...], report: Report) -> Iterator[Step]:
        matrices: list[Chain] = []
        report("given")
        yield Step("given", tuple(self.given()))
        report("upstream")
        yield Step("upstream", tuple(self.upstream_gradient()))
        for name in wrt:
            report(f"entries {name}")
            answer = self.answer(name)
            first = name == wrt[0]
            yield Step("entries", tuple(self.entries(name, answer, first=first)), name)
            report(f"matrix {name}")
            matrices.append(self.matrix(name, answer))
            yield Step("matrix", (matrices[-1],), name)
        yield Step("conclusion", tuple(map(concluded, matrices)))
        for name in wrt:
            yield Step("index", tuple(self.index(name)), name)

    def chain(self, kind: str, first: Side, *rest: tuple[str, Side]) -> Chain:
        return chain(self.judge, kind, first, *rest)

    def answer(self, name: str) -> Node:
        return gradient_of(self.problem, name)

    def written(self, node: Node) -> Written:
        return Written(self.problem.array(node))

    def y(self, i: Index, j: Index) -> sp.Indexed:
        return entry(self.name, i, j)

    # -- step 1: what is given ---------------------------------------------------------------

    def given(self) -> Iterator[Chain]:
        problem = self.problem
        for name in problem.factors:
            yield self.chain("matrix", Formula(Name(name)), ("entries", self.written(Name(name))))
        value = problem.product.value
        yield self.chain(
            "product",
            Formula(Name(self.name)),
            ("definition", Formula(value)),
            ("matrix product", self.written(value)),
            ("names", self.written(Name(self.name))),
        )
        loss = Value(problem.loss)
        head, definition = self.head, problem.loss_definition
        if isinstance(head, Opaque) or isinstance(definition, sp.Expr):
            yield self.chain("loss of matrix", loss, ("definition", Value(definition)))
            return
        yield self.chain(
            "loss",
            loss,
            ("definition", Value(definition)),
            ("sum sign", Value(definition, sigma=True)),
        )
        if head.body is not None:
            y = head.variable
            yield self.chain("function", Value(head.at(y)), ("definition", Value(head.body)))

    # -- step 2: the upstream gradient -------------------------------------------------------

    def upstream_gradient(self) -> Iterator[Chain]:
        head, loss = self.head, self.problem.loss
        whole, entries = Formula(self.upstream), self.written(self.upstream)
        if isinstance(head, Opaque):
            yield self.chain("upstream of matrix", whole, ("entries", entries))
            return
        letters = self.problem.letters
        y = self.y(letters.i, letters.j)
        unit = Value(Partial(loss, head.at(y)))
        yield self.chain("unit", unit, ("sum rule", Value(head.coefficient)))
        slope = None
        if head.body is not None:
            slope = self.slope(head)
            yield self.slope_chain(head, slope)

        def product(i: Index, j: Index) -> tuple[Scalar, ...]:
            f = head.at(self.y(i, j))
            return (Partial(loss, f), Partial(f, self.y(i, j)))

        def resolved(i: Index, j: Index) -> tuple[Scalar, ...]:
            f = head.at(self.y(i, j))
            return with_coefficient(head.coefficient, Partial(f, self.y(i, j)))

        links = [
            ("entries", entries),
            ("chain rule", self.by_entry(product)),
            ("unit", self.by_entry(resolved)),
        ]
        if slope is not None:
            total = self.short(head.coefficient * slope)
            links.append(
                (
                    "derivative of f",
                    self.by_entry(lambda i, j: (xreplaced(total, {head.variable: self.y(i, j)}),)),
                )
            )
        yield self.chain("upstream", whole, *links)

    def by_entry(self, term: Callable[[Index, Index], tuple[Scalar, ...]]) -> Written:
        """The matrix over Y's shape whose entries are the products term(i, j)."""
        rows, cols = self.problem.shapes[self.name]
        return Written(Array(rows, cols, lambda i, j: _one(term(i, j))))

    def short(self, expr: sp.Expr) -> sp.Expr:
        """The tidied expression where it is proved equal, else the expression itself."""
        short = tidy(expr)
        return short if vanishes(short - expr) else expr

    def slope(self, head: Elementwise) -> sp.Expr:
        assert head.body is not None
        return self.short(sp.Mul(*chain_rule(head.body, head.variable)))

    def slope_chain(self, head: Elementwise, slope: sp.Expr) -> Chain:
        """∂f(y)/∂y by the chain rule, then tidied."""
        assert head.body is not None
        y = head.variable
        factors = chain_rule(head.body, y)
        links: list[tuple[str, Side]] = []
        if sum(abs(factor) != 1 for factor in factors) > 1:  # else both would look the same
            links.append(("chain rule", Value(Series((), lambda: factors))))
        links.append(("simplified" if links else "derivative", Value(slope)))
        return self.chain("slope", Value(Partial(head.at(y), y)), *links)

    # -- step 3: single entries --------------------------------------------------------------

    def entries(self, name: str, answer: Node, *, first: bool) -> Iterator[Chain]:
        """Single entries of a gradient; L is written out for the `first` matrix only."""
        problem = self.problem
        rows, cols = problem.shapes[name]
        corner = entry(name, 1, 1)
        if isinstance(self.head, Elementwise):
            if first:
                yield self.expanded_loss(self.head)
            yield from self.first_entry(self.head, corner)
        partials = matrix_of(MatrixPartial(self.name, corner), problem)
        assert isinstance(partials, Array)
        yield self.chain(
            "local",
            MatrixPartial(self.name, corner),
            ("entries", Written(partials)),
            ("constants", self.local(corner)),
        )
        places = [(1, 1), (1, 2), (2, 1)]
        shown = [(p, q) for p, q in places if p <= rows.size and q <= cols.size]
        for number, (p, q) in enumerate(shown):
            kind = "entry" if number == 0 else "another entry"
            yield entry_chain(self.judge, kind, answer, entry(name, p, q))

    def first_entry(self, head: Elementwise, x: sp.Expr) -> Iterator[Chain]:
        """From L as a sum of f(y_ij) to one term of ∂L/∂x through the chain rule."""
        problem, loss = self.problem, self.problem.loss
        spelled = problem.loss_definition
        assert isinstance(spelled, Series)

        def partial(i: Index, j: Index) -> tuple[Scalar, ...]:
            return with_coefficient(head.coefficient, Partial(head.at(self.y(i, j)), x))

        yield self.chain(
            "sum rule",
            Value(Partial(loss, x)),
            ("definition", Value(PartialOfSum(spelled, x))),
            ("sum rule", Value(problem.sum_over_product(partial))),
        )
        y = self.y(1, 1)
        f = head.at(y)
        through = with_coefficient(head.coefficient, Partial(f, y), Partial(y, x))
        yield self.chain(
            "one term",
            Value(_one(with_coefficient(head.coefficient, Partial(f, x)))),
            ("chain rule", Value(_product(through))),
            ("unit", Value(_product((Partial(loss, y), Partial(y, x))))),
        )

    def expanded_loss(self, head: Elementwise) -> Chain:
        """L = Σ f(y_ij) with every y_ij written out."""
        problem = self.problem
        product = problem.array(problem.product.value)

        def filled(i: Index, j: Index) -> tuple[Scalar, ...]:
            y = self.y(i, j)
            written = product.at(i, j)
            assert isinstance(written, Series)
            return with_coefficient(head.coefficient, Filled(head.at(y), y, written))

        return self.chain(
            "expanded loss",
            Value(problem.loss),
            ("definition", Value(problem.loss_definition)),
            ("entries of the product", Value(problem.sum_over_product(filled))),
        )

    def local(self, x: sp.Expr) -> Written:
        """The matrix of all ∂y_ij/∂x, each worked out to an entry or 0."""
        i, j = self.problem.letters.i, self.problem.letters.j
        values = Values(self.problem, general=True)
        (monomial,) = values.of(Partial(self.y(i, j), x))  # a product is linear in each factor

        def at(a: Index, b: Index) -> sp.Expr:
            return sp.Mul(*(placed(f, {i: a, j: b}) for f in monomial.atoms))

        rows, cols = self.problem.shapes[self.name]
        return Written(Array(rows, cols, at))

    # -- step 4: the matrix ------------------------------------------------------------------

    def matrix(self, name: str, answer: Node) -> Chain:
        problem = self.problem
        assert isinstance(answer, MatMul)
        gradient = Name(f"d{name}")
        left, right = problem.array(answer.left), problem.array(answer.right)
        bound = Bound(problem.letter_of(left.cols), left.cols)
        return self.chain(
            "regrouped",
            Formula(gradient),
            ("entries", self.written(gradient)),
            ("entries worked out", self.written(answer)),
            ("row times column", WrittenProduct(left, right, bound)),
            ("matrix names", Formula(answer)),
        )

    # -- all sizes: index notation -----------------------------------------------------------

    def index(self, name: str) -> Iterator[Chain]:
        problem, loss, letters = self.problem, self.problem.loss, self.problem.letters
        x, y = entry(name, letters.p, letters.q), self.y(letters.i, letters.j)
        definition = problem.array(problem.product.value).at(letters.i, letters.j)
        answer = self.answer(name)
        assert isinstance(definition, Series)
        assert isinstance(answer, MatMul)
        slot = problem.factors.index(name)

        def rate(k: Index) -> tuple[Scalar, ...]:
            return with_partial(definition.term(k), slot, x)

        def deltas(k: Index) -> tuple[Scalar, ...]:
            term = definition.term(k)
            return (*term[:slot], *_deltas(term[slot], x), *term[slot + 1 :])

        local = _contracted(self.problem, y, x)
        upstream = Partial(loss, y)
        chained = problem.sum_over_product(
            lambda i, j: tuple(placed(f, {letters.i: i, letters.j: j}) for f in (upstream, *local))
        )
        yield self.chain("index product", Value(y), ("definition", Value(definition, sigma=True)))
        yield self.chain(
            "index local",
            Value(Partial(y, x)),
            ("product rule", Value(Series(definition.bounds, rate), sigma=True)),
            ("deltas", Value(Series(definition.bounds, deltas), sigma=True)),
            ("delta picks a term", Value(_product(local))),
        )
        yield self.chain(
            "index chain",
            Value(Partial(loss, x)),
            ("chain rule", Value(problem.chain_rule(x), sigma=True)),
            ("local derivative", Value(chained, sigma=True)),
            (
                "delta picks a term",
                Value(self.problem.array(answer).at(letters.p, letters.q), sigma=True),
            ),
            ("matrix product", Element(answer, letters.p, letters.q)),
        )


def placed(atom: sp.Expr, places: Mapping[sp.Basic, Index]) -> sp.Expr:
    """An atom with index letters replaced by other indices."""
    if isinstance(atom, sp.KroneckerDelta):
        return delta(*(places.get(a, a) for a in atom.args))
    return xreplaced(
        atom, {old: sp.Integer(n) if isinstance(n, int) else n for old, n in places.items()}
    )


def _deltas(x: Scalar, wrt: sp.Indexed) -> tuple[Scalar, ...]:
    """∂x_ik/∂x_pq = δ_ip δ_kq."""
    assert isinstance(x, sp.Indexed)
    return tuple(delta(a, b) for a, b in zip(x.indices, wrt.indices, strict=True))


def _contracted(problem: Problem, y: sp.Expr, x: sp.Expr) -> tuple[sp.Expr, ...]:
    """The factors of ∂y_ij/∂x_pq once the inner sum is gone, the delta first."""
    (monomial,) = Values(problem, general=True).of(Partial(y, x))
    return tuple(sorted(monomial.atoms, key=lambda a: not isinstance(a, sp.KroneckerDelta)))


def _product(factors: tuple[Scalar, ...]) -> Series:
    return Series((), lambda: factors)


def _one(factors: tuple[Scalar, ...]) -> Scalar:
    return factors[0] if len(factors) == 1 else _product(factors)
