"""A product close up: its links are true by brute force, and every mistake in one is refused."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import numpy as np
import pytest
from _reference import FUNCTIONS, Array, differences, value
from _thorough import usually

import matderiv
from matderiv._budget import watched
from matderiv.calculus.index_forms.forms import (
    Atom,
    Call,
    Delta,
    Entry,
    Form,
    Index,
    Raised,
    Rate,
    SizeAtom,
    Term,
    Whole,
    scaled,
)
from matderiv.calculus.sweep.results import GradientStages
from matderiv.calculus.sweep.task import Task, read_task
from matderiv.derivation.closeup import CloseUpBuilder, CloseUpJudge, build_close_up
from matderiv.derivation.focus import CloseUp, first_product
from matderiv.derivation.judge import Judge
from matderiv.derivation.links import Chain
from matderiv.derivation.program import Builder, elementwise
from matderiv.derivation.sides import (
    Cells,
    EntryOf,
    Formula,
    Indexed,
    Side,
    Slice,
    Spelled,
    SpelledProduct,
    WrittenEntry,
    spelled,
    written,
)
from matderiv.errors import ProofError
from matderiv.expression import nodes
from matderiv.expression.nodes import MatMul, Name, Node
from matderiv.expression.source import source

Shapes = Mapping[str, tuple[int, ...]]

#: Programs with the shapes of their inputs; what is close up is a product of each kind.
PROGRAMS: dict[str, tuple[str, Shapes]] = {
    "linear": ("Y = X @ W; L = sum(f(Y))", {"X": (2, 2), "W": (2, 2)}),
    "exchanged": ("Y = W @ X; L = sum(f(Y))", {"W": (2, 3), "X": (3, 1)}),
    "transposed": ("Z = B.T @ A; L = Loss(Z)", {"B": (2, 2), "A": (2, 2)}),
    "known": ("Y = Q @ K.T; L = lam*sum(log(1 + exp(Y)))", {"Q": (1, 2), "K": (2, 2), "lam": ()}),
    "mean": ("L = mean(tanh(X @ W))", {"X": (2, 1), "W": (1, 2)}),
    "twice": ("L = sum(f(X.T @ X))", {"X": (2, 2)}),
    "vector": (
        "L = sum((X @ w - y)**2) + lam*sum(w**2)",
        {"X": (2, 2), "w": (2,), "y": (2,), "lam": ()},
    ),
    "deep": (
        "H = tanh(X @ W + b); L = sum(f(H @ V))",
        {"X": (1, 2), "W": (2, 2), "b": (2,), "V": (2, 1)},
    ),
}


@dataclass(frozen=True)
class Point:
    """Numbers for all names of a program, and what everything on its page is worth there."""

    task: Task
    close: CloseUp
    program: str
    inputs: Mapping[str, Array]

    @cached_property
    def names(self) -> dict[str, Array]:
        """Inputs, sizes, values, and gradients by differences, which no rule of ours has found."""
        sizes = {letter: np.asarray(n) for letter, n in self.task.sizes.items()}
        values: dict[str, Array] = sizes | dict(self.inputs)
        for assignment in self.task.sweep.graph.values:
            values[assignment.name] = value(source(assignment.value), values)
        text = "; ".join(f"{a.name} = {source(a.value)}" for a in self.task.sweep.graph.values)
        for name in self.task.sweep.gradients:
            values[f"d{name}"] = differences(text, self.inputs, name)
        return values

    def f(self, at: Array) -> Array:
        """The function that the loss adds up, at any numbers."""
        summand = self.close.summand
        assert summand is not None
        if summand.body is None:
            return FUNCTIONS[summand.function](at)
        return value(source(summand.body), self.names | {self.close.value: at})

    def node(self, node: Node, names: Mapping[str, Array]) -> Array:
        """What an expression is worth."""
        summand = self.close.summand
        own = {} if summand is None else {summand.function: self.f, f"d{summand.function}": self.df}
        return value(source(node), names, own)

    def df(self, at: Array) -> Array:
        """The derivative of the function that the loss adds up."""
        return (self.f(at + 1e-6) - self.f(at - 1e-6)) / 2e-6

    # -- forms -------------------------------------------------------------------------------

    def form(self, form: Form, at: Mapping[str, int], names: Mapping[str, Array]) -> float:
        """What a form is worth where its free letters are numbers."""
        total = 0.0
        for term, number in form:
            sizes = [self.task.sizes[size] for _, size in term.bound]
            for places in itertools.product(*(range(1, size + 1) for size in sizes)):
                own = {letter: n for (letter, _), n in zip(term.bound, places, strict=True)}
                factors = [self.atom(a, {**at, **own}, names) ** p for a, p in term.atoms]
                total += float(number) * float(np.prod(factors))
        return total

    def atom(self, atom: Atom, at: Mapping[str, int], names: Mapping[str, Array]) -> float:
        """What one factor is worth."""
        match atom:
            case Entry(name=name, indices=indices):
                return float(names[name][place(indices, at)])
            case SizeAtom(letter=letter):
                return float(self.task.sizes[letter])
            case Delta(one=one, other=other):
                return float(place((one,), at) == place((other,), at))
            case Call(function=function, arg=arg):
                inner = np.asarray(self.form(arg, at, names))
                if self.close.summand is not None and function == self.close.summand.function:
                    return float(self.f(inner))
                if self.close.summand is not None and function == f"d{self.close.summand.function}":
                    return float(self.df(inner))
                return float(FUNCTIONS[function](inner))
            case Raised(base=base, exponent=exponent):
                power = 1.0 if exponent is None else self.form(exponent, at, names)
                return self.form(base, at, names) ** power
            case Rate():
                return self.rate(atom, at, names)
            case Whole(function=function, letters=letters, arg=arg, indices=indices):
                sizes = [self.task.sizes[size] for _, size in letters]
                array = np.empty(sizes)
                for n in np.ndindex(*sizes):
                    own = {letter: k + 1 for (letter, _), k in zip(letters, n, strict=True)}
                    array[n] = self.form(arg, {**at, **own}, names)
                return float(FUNCTIONS[function](array)[place(indices, at)])

    def rate(self, rate: Rate, at: Mapping[str, int], names: Mapping[str, Array]) -> float:
        """A partial derivative by differences."""
        if isinstance(rate.wrt, Call):
            return self.by_function(rate.wrt, at, names)
        where = place(rate.wrt.indices, at)
        ends = []
        for step in (1e-5, -1e-5):
            moved = names[rate.wrt.name].copy()
            moved[where] += step
            ends.append(self.moved(rate, {**names, rate.wrt.name: moved}, at))
        return (ends[0] - ends[1]) / 2e-5

    def moved(self, rate: Rate, names: Mapping[str, Array], at: Mapping[str, int]) -> float:
        """What is differentiated, one entry moved: z_ij by its definition, f(z_ij) through Z."""
        assert isinstance(rate.wrt, Entry)
        if isinstance(rate.of, Entry):
            if rate.of.name == rate.wrt.name:
                return float(names[rate.of.name][place(rate.of.indices, at)])
            definition = self.task.sweep.graph.value(rate.of.name)
            assert definition is not None
            return float(self.node(definition, names)[place(rate.of.indices, at)])
        if rate.wrt.name != self.close.value:
            names = {**names, self.close.value: self.node(self.close.product, names)}
        return self.atom(rate.of, at, names)

    def by_function(self, f: Call, at: Mapping[str, int], names: Mapping[str, Array]) -> float:
        """∂L/∂f(z_ij): the loss with the array f(Z) moved in one entry."""
        (entry,) = (atom for term, _ in f.arg for atom, _ in term.atoms)
        assert isinstance(entry, Entry)
        summand = self.close.summand
        assert summand is not None
        ends = []
        for step in (1e-5, -1e-5):
            array = self.f(names[self.close.value])
            array[place(entry.indices, at)] += step
            moved = value(source(summand.loss), names, {summand.function: lambda _, a=array: a})
            ends.append(float(moved))
        return (ends[0] - ends[1]) / 2e-5

    # -- sides -------------------------------------------------------------------------------

    def side(self, side: Side, at: Mapping[str, int]) -> Array:
        """What a side is worth: an array, or a number where its free letters are numbers."""
        match side:
            case Formula(node) | Spelled(node):
                return self.node(node, self.names)
            case SpelledProduct(left, right):
                return self.node(left.node, self.names) @ self.node(right.node, self.names)
            case EntryOf(node, indices) | WrittenEntry(node, indices):
                return np.asarray(self.node(node, self.names)[place(indices, at)])
            case Indexed(form):
                return np.asarray(self.form(form, at, self.names))
            case Cells(entry, indices, over):
                return self.array(entry, indices, tuple(dim.size for dim in over))
            case Slice(of, wrt):
                sizes = self.names[of.name].shape
                letters = tuple(str(i) for i in of.indices)
                return self.array(((Term(((Rate(of, wrt), 1),)), Fraction(1)),), letters, sizes)
        raise TypeError(f"{side} is on no such page")

    def array(self, entry: Form, letters: tuple[str, ...], sizes: tuple[int, ...]) -> Array:
        """An array by its general entry."""
        made = np.empty(sizes)
        for at in np.ndindex(*sizes):
            put = {letter: n + 1 for letter, n in zip(letters, at, strict=True)}
            made[at] = self.form(entry, put, self.names)
        return made

    def agree(self, one: Side, other: Side) -> bool:
        """Whether two sides are worth the same, at all places that their letters can have."""
        letters = sorted(free(one) | free(other))
        runs = [range(1, 2 if letter.isdigit() else 3) for letter in letters]
        for places in itertools.product(*runs):
            at = dict(zip(letters, places, strict=True))
            try:
                left, right = self.side(one, at), self.side(other, at)
            except IndexError:  # beyond the size that a letter runs to
                continue
            if left.shape != right.shape or not np.allclose(left, right, rtol=1e-4, atol=1e-5):
                return False
        return True


def place(indices: tuple[Index, ...], at: Mapping[str, int]) -> tuple[int, ...]:
    """Indices from 0."""
    return tuple((at[i] if isinstance(i, str) else i) - 1 for i in indices)


def free(side: Side) -> set[str]:
    """The letters that a side leaves free; arrays have none."""
    match side:
        case EntryOf(_, indices) | WrittenEntry(_, indices):
            return {i for i in indices if isinstance(i, str)}
        case Indexed(form):
            return set(_free(form))
    return set()


def _free(form: Form) -> Iterator[str]:
    for term, _ in form:
        bound = {letter for letter, _ in term.bound}
        for atom, _ in term.atoms:
            yield from (i for i in _letters(atom) if i not in bound)


def _letters(atom: Atom) -> Iterator[str]:
    match atom:
        case Entry(indices=indices):
            yield from (i for i in indices if isinstance(i, str))
        case Delta(one=one, other=other):
            yield from (i for i in (one, other) if isinstance(i, str))
        case Call(arg=arg) | Raised(base=arg):
            yield from _free(arg)
        case Whole(arg=arg, letters=letters, indices=indices):
            yield from (i for i in _free(arg) if i not in dict(letters))
            yield from (i for i in indices if isinstance(i, str))
        case Rate(of=of, wrt=wrt):
            yield from _letters(of)
            yield from _letters(wrt)


@dataclass(frozen=True)
class Judged:
    """A link, and the judge who found it equal."""

    judge: Judge
    kind: str
    left: Side
    right: Side


def judged(name: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Point, list[Judged]]:
    """A program's links with their judges, and a point to evaluate them at."""
    program, shapes = PROGRAMS[name]
    task = read_task(program, None, shapes=shapes)
    close = first_product(task)
    assert close is not None
    found: list[Judged] = []
    right = Builder.chain

    def chain(
        self: Builder, judge: Judge, kind: str, first: Side, *rest: tuple[str, Side]
    ) -> Chain:
        sides = [first, *(side for _, side in rest)]
        found.extend(Judged(judge, kind, *pair) for pair in itertools.pairwise(sides))
        return right(self, judge, kind, first, *rest)

    monkeypatch.setattr(Builder, "chain", chain)
    made = [
        chain
        for step in CloseUpBuilder(task, task.wrt, elementwise, close).steps()
        if step.kind in ("values", "upstream", "entries", "array", "proof")
        for chain in step.chains
    ]
    kinds = {chain.kind for chain in made}
    rng = np.random.default_rng(5)
    inputs = {n: np.asarray(rng.uniform(0.3, 1.4, shape)) for n, shape in shapes.items()}
    return Point(task, close, program, inputs), [one for one in found if one.kind in kinds]


@pytest.mark.parametrize("name", PROGRAMS)
def test_links_hold_by_brute_force(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is proved is true: both sides have the same value at a point, by differences only."""
    point, links = judged(name, monkeypatch)
    assert len(links) > 20
    wrong = [one for one in links if not point.agree(one.left, one.right)]
    assert [(one.kind, str(one.right)) for one in wrong] == []


def mutants(side: Side, task: Task) -> Iterator[Side]:
    """Sides with one slip."""
    match side:
        case Indexed(form):
            yield from (replace(side, form=made) for made in altered(form))
        case Cells(entry=form):
            yield from (replace(side, entry=made) for made in altered(form))
        case Formula(node):
            yield from (Formula(made) for made in turned(node))
        case EntryOf(node, indices):
            yield from (EntryOf(made, indices) for made in turned(node))
        case Spelled(node):
            yield from (spelled(task, made) for made in turned(node) if alike(made, node, task))
        case WrittenEntry(node, indices):
            some = (made for made in turned(node) if alike(made, node, task))
            yield from (written(task, made, indices) for made in some)
            yield written(task, node, indices[::-1])


def alike(made: Node, node: Node, task: Task) -> bool:
    """Whether a mutant has the shape of what it is made of."""
    shape = task.sweep.facts.shape
    try:
        return shape(made) == shape(node)
    except matderiv.MatderivError:
        return False


def altered(form: Form) -> Iterator[Form]:
    """A factor too many, a sign, a term or a factor lost, indices exchanged, another letter."""
    yield scaled(form, Fraction(2))
    yield scaled(form, Fraction(-1))
    for n, (term, number) in enumerate(form):
        if len(form) > 1:
            yield form[:n] + form[n + 1 :]
        for k, (atom, power) in enumerate(term.atoms):
            rest = term.atoms[:k] + term.atoms[k + 1 :]
            yield (*form[:n], (Term(rest, term.bound), number), *form[n + 1 :])
            for other in exchanged(atom):
                atoms = (*term.atoms[:k], (other, power), *term.atoms[k + 1 :])
                yield (*form[:n], (Term(atoms, term.bound), number), *form[n + 1 :])


def exchanged(atom: Atom) -> Iterator[Atom]:
    """The same atom at other places."""
    match atom:
        case Entry(indices=indices):
            yield replace(atom, indices=indices[::-1])
            for n, index in enumerate(indices):
                new: Index = 2 if index == 1 else 1
                yield replace(atom, indices=(*indices[:n], new, *indices[n + 1 :]))
        case Rate(of=of, wrt=wrt):
            for other in exchanged(of):
                yield replace(atom, of=other)
            for other in exchanged(wrt):
                yield replace(atom, wrt=other)
        case Call(arg=((Term(((Entry() as entry, 1),)), number),)):
            for other in exchanged(entry):
                yield replace(atom, arg=((Term(((other, 1),)), number),))


def turned(node: Node) -> Iterator[Node]:
    """A transpose lost or added, factors exchanged, a sign."""
    yield nodes.Negate(node)
    match node:
        case Name():
            yield nodes.Transpose(node)
        case MatMul(left, right):
            yield MatMul(right, left)
            for one, other in ((left, right), (right, left)):
                new = one.arg if isinstance(one, nodes.Transpose) else nodes.Transpose(one)
                yield MatMul(new, other) if one is left else MatMul(other, new)


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_mutant_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No link can be altered so that its value is another, and still be proved."""
    point, links = judged(name, monkeypatch)
    made = [(one, mutant) for one in links for mutant in mutants(one.right, point.task)]
    count, accepted = 0, []
    step = usually(13, thoroughly=4)
    for one, mutant in made[list(PROGRAMS).index(name) % 4 :: step]:
        try:
            if point.agree(one.left, mutant):
                continue
        except (IndexError, KeyError, ValueError):  # it has no value: there is no such place
            pass
        count += 1
        try:
            verdict = one.judge.verdict(one.left, mutant)
        except (AssertionError, IndexError, ValueError, matderiv.MatderivError):
            continue
        if verdict.status == "equal":
            accepted.append((one.kind, str(mutant)))
    assert accepted == []
    assert count > usually(8, thoroughly=20)


# -- what is shown close up ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "value", "factors"),
    [
        ("H = tanh(X @ W + b); Y = H @ V; L = Loss(Y)", "Z", ("X", "W")),
        ("L = sum((X @ w - y)**2)", "u", ("X", "w")),
        ("L = sum(f(A @ A.T))", "Z", ("A",)),
        ("L = v @ w", None, ()),
        ("L = sum(X**2)", None, ()),
    ],
)
def test_first_product_is_shown(program: str, value: str | None, factors: tuple[str, ...]) -> None:
    """The first product that is an array is close up, and nothing where there is none."""
    close = matderiv.derive(program).close
    assert (close and close.value) == value
    assert (() if close is None else close.factors) == factors


def test_product_that_is_not_differentiated_is_not_shown() -> None:
    """A product of constants is no first product of a page."""
    close = matderiv.derive("P = A @ B; Y = P @ W; L = sum(f(Y))", wrt="W").close
    assert close is not None
    assert close.value == "Y"


@pytest.mark.parametrize("method", ["index", "differential", "slice", "kronecker"])
def test_other_methods_show_nothing_close_up(method: str) -> None:
    """A close-up is a way to find formulas entry by entry; other methods have their own."""
    derivation = matderiv.derive(method=method)
    assert derivation.close is None
    assert "proof" not in {step.kind for step in derivation.steps}


@pytest.mark.parametrize(
    ("loss", "function"),
    [
        ("sum(f(Y))", "f"),
        ("mean(f(Y))", "f"),
        ("-sum(log(sigmoid(Y)))", "f"),
        ("sum(relu(Y))", "f"),
        ("sum(abs(Y))", "f"),
        ("sum(f(Y)*g(Y))", "phi"),
        ("sum(lam*Y**2)/2", "f"),
    ],
)
def test_loss_adds_up_a_function_of_entries(loss: str, function: str) -> None:
    """Known and unknown functions, with a factor or without, are led through f entry by entry."""
    close = matderiv.derive(f"Y = X @ W; L = {loss}").close
    assert close is not None
    assert close.summand is not None
    assert close.summand.function == function


@pytest.mark.parametrize(
    "loss",
    [
        "Loss(Y)",
        "sum(f(Y - T))",
        "sum(f(Y))**2",
        "sum(f(Y)) + sum(Y**2)",
        "sum(f(Y)) + sum(X**2)",
        "sum(f(Y.T))",
        "sum(Y)",
    ],
)
def test_other_losses_are_not_taken_for_such_a_sum(loss: str) -> None:
    """What is more than a sum of f(y_ij) goes the general way to the upstream gradient."""
    shapes = {"X": (3, 2), "W": (2, 3)}
    close = matderiv.derive(f"Y = X @ W; L = {loss}", wrt="X", shapes=shapes).close
    assert close is not None
    assert close.summand is None


def test_name_of_ours_for_a_function_is_no_name_of_the_program() -> None:
    """With an f, an F and a phi in the program, its function goes by another letter."""
    program = "F = X @ W; L = sum(phi*exp(F)) "
    close = matderiv.derive(program).close
    assert close is not None
    assert close.summand is not None
    assert close.summand.function == "psi"


def test_large_sizes_build_no_entries() -> None:
    """Of 64×4096×4096 no entry is compared: every link rests on the proof for all sizes."""
    links = list(matderiv.derive(sizes={"N": 64, "D": 4096, "M": 4096}).links)
    assert all(link.verdict.index and not link.verdict.entries for link in links)


@pytest.mark.parametrize("body", ["Y**3", "log(1 + exp(Y))", "tanh(Y)"])
def test_wrong_derivative_of_f_is_refused(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A factor wrong in the derivative of a known f raises, with the link named."""
    right = CloseUpBuilder.slope

    def wrong(self: CloseUpBuilder, judge: Judge, known: Node, gradient: GradientStages) -> Chain:
        doubled = nodes.Multiply(nodes.Number(Fraction(2)), known)
        return right(self, judge, doubled, gradient)

    monkeypatch.setattr(CloseUpBuilder, "slope", wrong)
    task = read_task(f"Y = X @ W; L = sum({body})")
    with pytest.raises(ProofError, match="slope"):
        build_close_up(task, task.wrt)


def test_wrong_product_is_refused() -> None:
    """A gradient with its factors exchanged is never printed, at square sizes neither."""
    task = read_task("Y = X @ W; L = sum(f(Y))", None, sizes=dict.fromkeys("NDM", 3))
    gradient = task.sweep.gradients["X"]
    assert isinstance(gradient.local, MatMul)
    wrong = MatMul(gradient.local.right, gradient.local.left)
    gradients = {**task.sweep.gradients, "X": replace(gradient, local=wrong, formula=wrong)}
    broken = replace(task, sweep=replace(task.sweep, gradients=gradients))
    with pytest.raises(ProofError, match="entry, zeros dropped"):
        build_close_up(broken, broken.wrt)


def test_each_step_is_reported_before_it_is_built() -> None:
    """Long work can show what it is at."""
    seen: list[str] = []
    with watched(seen.append):
        matderiv.derive()
    by_name = [stage for stage in seen if stage.startswith("the gradient by")]
    assert list(dict.fromkeys(by_name)) == [f"the gradient by {name}" for name in "YXW"]


@pytest.mark.parametrize("wrong", [(), ((Term(), Fraction(1)),)], ids=["zero", "one"])
def test_derivative_by_a_value_is_taken_before_the_value_is_unfolded(wrong: Form) -> None:
    """Where z_ij has become Σ_k x_ik w_kj, a derivative by z_ij would silently be 0."""
    task = read_task("L = mean(tanh(X @ W))")
    close = first_product(task)
    assert close is not None
    builder = CloseUpBuilder(task, task.wrt, elementwise, close)
    (chain,) = (c for s in builder.steps() for c in s.chains if c.kind == "slope")
    judge = CloseUpJudge(builder, close.value, known=True)
    assert judge.verdict(chain.sides[0], Indexed(wrong)).status != "equal"
