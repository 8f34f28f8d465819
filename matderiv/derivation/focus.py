"""The value that a page shows close up, and the function whose values the loss adds up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import (
    Call,
    Entry,
    Form,
    Index,
    Raised,
    Term,
    Whole,
    letters_of,
    single,
)
from matderiv.calculus.sweep.task import Task
from matderiv.expression import nodes
from matderiv.expression.nodes import Apply, MatMul, Name, Node
from matderiv.expression.program import Assignment
from matderiv.expression.vocabulary import KNOWN

__all__ = ["CloseUp", "Summand", "close_up", "first_product", "function_of"]

_MATRIX = 2  # dimensions

#: Letters for a function that has no name in the program.
_FUNCTIONS = ("f", "phi", "psi", "F", "g", "h")


@dataclass(frozen=True, slots=True)
class Summand:
    """L = c·Σ_ij f(z_ij): the loss adds up a function of the entries of a value.

    `body`: the formula of f(Z) if this derivation named f; None if f is undefined in the program.
    `task`: the task with f(Z) in place of the body, for proofs that hold for any f.
    """

    function: str
    body: Node | None
    #: c as an expression.
    factor: Node
    #: The loss as a function of the array f(Z).
    loss: Node
    task: Task


@dataclass(frozen=True, slots=True)
class CloseUp:
    """Z = XW, the value that is shown close up; `factors` are X and W."""

    value: str
    product: MatMul
    factors: tuple[str, ...]
    summand: Summand | None

    def alone(self, task: Task, name: str) -> bool:
        """Whether a factor reaches the loss only through f of the entries of the value."""
        users = set(task.sweep.gradients[name].users)
        return self.summand is not None and users == {self.value}


def first_product(task: Task) -> CloseUp | None:
    """The close-up that a page has by default: of the first product, if there is one.

    It is the first value Z = XW that is an array and whose gradient by X or W is needed.


    >>> from matderiv.calculus.sweep.task import read_task
    >>> found = first_product(read_task("H = tanh(X @ W); Y = H @ V; L = sum(f(Y))"))
    >>> found.value, found.factors
    ('Z', ('X', 'W'))
    """
    graph = task.sweep.graph
    found = (close_up(task, a.name) for a in graph.values)
    return next((one for one in found if one is not None), None)


def close_up(task: Task, name: str) -> CloseUp | None:
    """The close-up of a value; None if it is no product of arrays whose gradients are needed.

    A product of stacks has none.
    """
    graph, gradients = task.sweep.graph, task.sweep.gradients
    product = graph.value(name)
    if not isinstance(product, MatMul) or not graph.shapes[name] or name not in gradients:
        return None
    if max(len(task.sweep.facts.shape(n)) for n in nodes.children(product)) > _MATRIX:
        return None
    factors = tuple(dict.fromkeys(n.name for n in nodes.walk(product) if isinstance(n, Name)))
    if not any(factor in gradients for factor in factors):
        return None
    if any(gradients[n].vanishes for n in (name, *factors) if n in gradients):
        return None
    return CloseUp(name, product, factors, _summand(task, name))


# -- the function that the loss adds up ------------------------------------------------------


def _summand(task: Task, name: str) -> Summand | None:
    """The function of which the loss is a sum, if it is one and uses nothing else of the value."""
    graph = task.sweep.graph
    if set(task.sweep.gradients[name].users) != {graph.loss}:
        return None
    value, loss = Name(name), graph.value(graph.result)
    assert loss is not None
    sums = [n for n in nodes.walk(loss) if _adds_up(n) and value in nodes.walk(n)]
    if len(sums) != 1:
        return None
    (total,) = sums
    (body,) = nodes.children(total)
    if list(nodes.walk(body)).count(value) != list(nodes.walk(loss)).count(value):
        return None
    if body == value or not _of_one_entry(task, name, body):
        return None
    match body:
        case Apply(function, Name()) if function not in KNOWN:
            own, called = None, body
        case _:
            own, called = body, Apply(function := _free_function(task), value)
    abstract = nodes.substituted(loss, total, nodes.rebuilt(total, [called]))
    factor = nodes.substituted(loss, total, _weight(task, total, body))
    if not _is_sum_of(function, Entries(task.sweep.facts.shape).at(abstract)):
        return None
    made = task if own is None else _with_loss(task, name, abstract, factor, function)
    return Summand(function, own, factor, abstract, made)


def _is_sum_of(function: str, form: Form) -> bool:
    """Whether a form is c·Σ_ij f(z_ij), and nothing else is added up or multiplied."""
    match form:
        case ((Term(atoms=atoms, bound=bound), _),):
            letters = {letter for letter, _ in bound}
            held = [
                (a, power) for a, power in atoms if isinstance(a, Call) or letters_of(a) & letters
            ]
            match held:
                case [(Call(function=name), 1)]:
                    return name == function
    return False


def _adds_up(node: Node) -> bool:
    return isinstance(node, nodes.Sum | nodes.Mean) and node.axis is None


def _weight(task: Task, total: Node, body: Node) -> Node:
    """The weight of one entry in a reduction: 1 in a sum, 1/(NM) in a mean."""
    if isinstance(total, nodes.Sum):
        return nodes.ONE
    weight: Node = nodes.ONE
    for dim in task.sweep.facts.shape(body):
        weight = nodes.Divide(weight, nodes.Size(dim.symbol, dim.size))
    return weight


def _of_one_entry(task: Task, name: str, body: Node) -> bool:
    """Whether entry ij of an array depends on no entry of the value but z_ij, and on numbers."""
    shape = task.sweep.facts.shape
    if shape(body) != shape(Name(name)):
        return False
    at = task.value_indices(shape(body))
    entries = list(_entries(Entries(shape).at(body, *at)))
    return all(e == Entry(name, at) if e.name == name else not e.indices for e in entries)


def _entries(form: Form) -> Iterator[Entry]:
    for term, _ in form:
        for atom, _ in term.atoms:
            match atom:
                case Entry():
                    yield atom
                case Call(arg=arg) | Whole(arg=arg):
                    yield from _entries(arg)
                case Raised(base=base, exponent=exponent):
                    yield from _entries(base)
                    yield from _entries(exponent or ())


def _free_function(task: Task) -> str:
    """A letter for a function that nothing else on the page goes by."""
    program = task.sweep.graph.program
    names = set(task.shapes) | program.functions() | program.letters()
    taken = {name.lower() for name in names} | set(task.letters[:8])
    return next(f for f in _FUNCTIONS if f.lower() not in taken)


def _with_loss(task: Task, name: str, loss: Node, factor: Node, function: str) -> Task:
    """The task with another loss, of which the gradient by the value is c·f′(Z)."""
    sweep = task.sweep
    graph = replace(
        sweep.graph,
        values=tuple(
            Assignment(a.name, loss) if a.name == sweep.graph.loss else a
            for a in sweep.graph.values
        ),
    )
    slope: Node = Apply(f"d{function}", Name(name))
    local = slope if factor == nodes.ONE else nodes.Multiply(factor, slope)
    gradient = replace(sweep.gradients[name], local=local, formula=local)
    gradients = {**sweep.gradients, name: gradient}
    return replace(task, sweep=replace(sweep, graph=graph, gradients=gradients))


def function_of(function: str, name: str, at: tuple[Index, ...]) -> Call:
    """f(z_ij)."""
    return Call(function, single(Entry(name, at)))
