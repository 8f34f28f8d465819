"""Index notation as plain text for other programs: Sum(X[i, k]*W[k, j], (k, 1, D)).

Formulas beside it are NumPy-like source that holds for every size. Three things have no name in the
language of programs: dX is `X.differential`, e_p e_qᵀ is `X.unit[p, q]`, and π is `acos(-1)`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from matderiv.calculus.index_forms.forms import (
    Atom,
    Call,
    Chosen,
    Delta,
    Entry,
    Form,
    Index,
    Raised,
    Rate,
    SizeAtom,
    Term,
    Whole,
)
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.size_text import is_worked_out
from matderiv.expression.source import source

__all__ = ["IndexText", "Scope", "formula_text", "index_list"]

_PI = "acos(-1)"

#: The letter that is written for a letter of a form.
Scope = Mapping[Index, str]


def index_list(indices: Iterable[Index]) -> str:
    """Indices with commas between them."""
    return ", ".join(map(str, indices))


def formula_text(node: Node, unit: tuple[Index, ...]) -> str:
    """NumPy-like source for every size; `unit` is where the entry of a unit array stands.

    >>> formula_text(nodes.Multiply(nodes.Size("N", 2), nodes.Name("δX")), ())
    'N*X.differential'
    """
    return source(_told(node, unit))


def _told(node: Node, unit: tuple[Index, ...]) -> Node:
    match node:
        case nodes.Size(symbol, size):
            fixed = symbol == str(size)
            name = f"({symbol})" if is_worked_out(symbol) else symbol
            return nodes.Number(Fraction(size)) if fixed else nodes.Name(name)
        case nodes.Pi():
            return nodes.Name(_PI)
        case nodes.Name(name) if name[0] == "δ":
            return nodes.Name(f"{name[1:]}.differential")
        case nodes.Name(name) if name[0] == "ε":
            return nodes.Name(f"{name[1:]}.unit[{index_list(unit)}]")
    return nodes.rebuilt(node, [_told(child, unit) for child in nodes.children(node)])


@dataclass(frozen=True, slots=True)
class IndexText:
    """Writes forms; `letters` are those to sum over, `unit` is as in `formula_text`."""

    letters: tuple[str, ...]
    unit: tuple[Index, ...] = ()

    def form(self, form: Form, scope: Scope | None = None) -> str:
        """A sum of products."""
        scope = scope or {}
        terms = [self._term(term, number, scope) for term, number in form]
        text = " + ".join(terms) or "0"
        return text.replace(" + -", " - ")

    def _term(self, term: Term, number: Fraction, scope: Scope) -> str:
        inside = self._inside(scope, (letter for letter, _ in term.bound))
        factors = [self._power(atom, power, inside) for atom, power in term.atoms]
        product = "*".join(factors) or "1"
        if term.bound:
            product = f"Sum({product}, {_bounds(term.bound, inside)})"
        if number == 1:
            return product
        return f"-{product}" if number == -1 else f"{number}*{product}"

    def _inside(self, scope: Scope, bound: Iterable[str]) -> Scope:
        """The scope with fresh letters for the summation letters."""
        taken = set(scope.values())
        others = itertools.chain(self.letters, (f"i_{n}" for n in itertools.count(20)))
        free = (letter for letter in others if letter not in taken)
        return {**scope, **dict(zip(bound, free, strict=False))}

    def _power(self, atom: Atom, power: int, scope: Scope) -> str:
        text = self._atom(atom, scope)
        return text if power == 1 else f"{text}**{power}"

    def _atom(self, atom: Atom, scope: Scope) -> str:
        match atom:
            case Chosen(constant, indices):
                return self._entry(source(constant), [_index(i, scope) for i in indices])
            case Entry(name, indices):
                return self._entry(name, [_index(i, scope) for i in indices])
            case SizeAtom(letter):
                return letter
            case Call(function, arg):
                return f"{function}({self.form(arg, scope)})"
            case Raised(base, None):
                return f"({self.form(base, scope)})"
            case Raised(base, exponent):
                assert exponent is not None
                return f"(({self.form(base, scope)})**({self.form(exponent, scope)}))"
            case Whole(function, letters, arg, indices):
                inside = self._inside(scope, (letter for letter, _ in letters))
                parts = [self.form(arg, inside)]
                parts += [_bounds(letters, inside)] if letters else []
                parts += [_index(i, scope) for i in indices]
                return f"{function}({', '.join(parts)})"
            case Delta(one, other):
                return _delta(_index(one, scope), _index(other, scope))
            case Rate(of, wrt):
                return f"Partial({self._atom(of, scope)}, {self._atom(wrt, scope)})"

    def _entry(self, name: str, indices: list[str]) -> str:
        if name == "π":
            return _PI
        if name[0] == "ε":
            pairs = zip(indices, map(str, self.unit), strict=True)
            return "*".join(_delta(*pair) for pair in pairs)
        array = f"{name[1:]}.differential" if name[0] == "δ" else name
        return f"{array}[{', '.join(indices)}]" if indices else array


def _index(index: Index, scope: Scope) -> str:
    return scope.get(index, str(index))


def _delta(one: str, other: str) -> str:
    return f"KroneckerDelta({one}, {other})"


def _bounds(bound: tuple[tuple[str, str], ...], scope: Scope) -> str:
    return ", ".join(f"({scope[letter]}, 1, {size})" for letter, size in bound)
