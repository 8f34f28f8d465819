"""Names of forms that do not depend on the letters that they sum over: equal names, equal forms."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from hashlib import blake2b

from matderiv._budget import spend
from matderiv.calculus.index_forms.forms import (
    Atom,
    Call,
    Chosen,
    Delta,
    Entry,
    Form,
    Indices,
    Raised,
    Rate,
    SizeAtom,
    Term,
    Whole,
    letters_of,
    placed_term,
)
from matderiv.errors import TooLarge
from matderiv.expression.matrix_functions import MATRIX_FUNCTIONS, SMOOTH, function_kind, is_eigen
from matderiv.expression.nodes import Selection
from matderiv.expression.size_text import is_worked_out, terms_of_size

__all__ = ["atom_name", "canonical", "collected", "least_name", "sealed"]

_LONGEST = 1000  # letters of the name of an atom
_MAX_ORDERS = 720  # of the bound letters of a term that are tried


def sealed(form: Form) -> Form:
    """The form inside an atom: its own letters renamed so that the same reads the same.

    Like terms are added up. The names of letters hold how deep the sums in the form are, so that
    no inner sum binds the same one.
    """
    made: dict[str, tuple[Term, Fraction]] = {}
    height = _height(form)
    for term, number in map(_without_idle, form):
        key, names = least_name(term, {})
        if key not in made:
            places = {
                letter: f"~{names[letter]}:{height}" for letter, _ in term.bound if letter in names
            }
            atoms = placed_term(Term(term.atoms), places).atoms
            bound = tuple((places.get(letter, letter), size) for letter, size in term.bound)
            made[key] = (Term(atoms, bound), Fraction(0))
        first, total = made[key]
        made[key] = (first, total + number)
    return tuple(found for _, found in sorted(made.items(), key=lambda pair: pair[0]) if found[1])


@lru_cache(maxsize=1 << 14)
def _height(form: Form) -> int:
    """How deep the sums in a form stand inside each other."""
    inner = [f for term, _ in form for atom, _ in term.atoms for f in _inside(atom)]
    return max(map(_height, inner), default=0) + any(term.bound for term, _ in form)


def _inside(atom: Atom) -> tuple[Form, ...]:
    match atom:
        case Call(arg=arg) | Whole(arg=arg) | Raised(base=arg, exponent=None):
            return (arg,)
        case Raised(base=base, exponent=exponent) if exponent is not None:
            return (base, exponent)
    return ()


def collected(form: Form) -> Form:
    """The form with like terms added up whose bound letters have other names; Σ_i a/N = a.

    >>> one, other = (Term(((Entry("x", (i,)), 1),), ((i, "N"),)) for i in "ij")
    >>> [number for _, number in collected(((one, Fraction(1)), (other, Fraction(2))))]
    [Fraction(3, 1)]
    """
    found: dict[str, tuple[Term, Fraction]] = {}
    for term, number in map(_without_idle, form):
        key = _key(term, {})
        first, total = found.get(key, (term, Fraction(0)))
        found[key] = (first, total + number)
    return tuple((term, number) for term, number in found.values() if number)


def _without_idle(part: tuple[Term, Fraction]) -> tuple[Term, Fraction]:
    """Σ_i 1 = N where the term is divided by N, and Σ_i 1 = 2 over a size that is the number 2."""
    term, number = part
    if not term.bound:
        return part
    powers = dict(term.atoms)
    used = frozenset[str]().union(*(letters_of(atom) for atom in powers))
    bound = []
    for letter, size in _in_letters(term.bound, used):
        if letter not in used and powers.get(SizeAtom(size), 0) < 0:
            powers[SizeAtom(size)] += 1
        elif letter not in used and size.isdigit():
            number *= int(size)
        else:
            bound.append((letter, size))
    return Term(tuple((a, p) for a, p in powers.items() if p), tuple(bound)), number


def _in_letters(
    bound: tuple[tuple[str, str], ...], used: frozenset[str]
) -> Iterator[tuple[str, str]]:
    """Sums of 1 over a size H·D as sums over H and over D."""
    for letter, size in bound:
        parts = [size]
        if letter not in used and is_worked_out(size):
            products = terms_of_size(size)
            if len(products) == 1:
                ((letters, number),) = products.items()
                parts = [*([str(number)] * (number > 1)), *letters]
        yield from (
            (letter if len(parts) == 1 else f"{letter}.{n}", s) for n, s in enumerate(parts)
        )


def canonical(form: Form) -> dict[str, Fraction]:
    """The terms of a form, each under a name that does not depend on its bound letters.

    Raises:
        TooLarge: there are too many orders of bound letters to try.
    """
    total: dict[str, Fraction] = {}
    for term, number in map(_without_idle, form):
        key = _key(term, {})
        total[key] = total.get(key, Fraction(0)) + number
    return {key: number for key, number in total.items() if number}


def _key(term: Term, names: Mapping[str, str]) -> str:
    return least_name(term, names)[0]


def least_name(term: Term, names: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The least of the names of a term over all orders of its bound letters; and that order."""
    used = frozenset[str]().union(*(letters_of(atom) for atom, _ in term.atoms))
    idle = sorted(size for letter, size in term.bound if letter not in used)
    extra = [f"|{size}|" for size in idle]
    bound = [(letter, size) for letter, size in term.bound if letter in used]
    best: tuple[str, dict[str, str]] | None = None
    for order in _orders(term, bound, names):
        spend(1)
        inner = dict(names)
        for letter, size in order:
            inner[letter] = f"{size}:{len(inner)}"
        atoms = sorted([*extra, *(_written(a, p, inner) for a, p in term.atoms)])
        sizes = ",".join(inner[letter] for letter, _ in order)
        text = f"{'·'.join(atoms)}{{{sizes}}}"
        if best is None or text < best[0]:
            best = (text, inner)
    assert best is not None
    return best


def _orders(
    term: Term, bound: list[tuple[str, str]], names: Mapping[str, str]
) -> Iterable[tuple[tuple[str, str], ...]]:
    """The orders of the bound letters to try: those that their atoms do not already fix."""
    if len(bound) <= 1:
        return [tuple(bound)]
    colour, kinds = dict(bound), 0
    beside = {letter: [a for a in term.atoms if letter in letters_of(a[0])] for letter, _ in bound}
    while kinds < len(set(colour.values())):  # until no kind of letter falls apart any more
        kinds = len(set(colour.values()))
        seen = {letter: _surroundings(beside[letter], letter, colour, names) for letter, _ in bound}
        ranks = {text: n for n, text in enumerate(sorted(set(seen.values())))}
        colour = {letter: f"{size}.{ranks[seen[letter]]}" for letter, size in bound}
    groups = [
        [pair for pair in bound if colour[pair[0]] == kind] for kind in sorted(set(colour.values()))
    ]
    if math.prod(math.factorial(len(group)) for group in groups) > _MAX_ORDERS:
        raise TooLarge("a sum runs over too many indices that are alike")
    return (
        tuple(itertools.chain(*choice))
        for choice in itertools.product(*(itertools.permutations(group) for group in groups))
    )


def _surroundings(
    atoms: Iterable[tuple[Atom, int]],
    letter: str,
    colour: Mapping[str, str],
    names: Mapping[str, str],
) -> str:
    inner = {**names, **colour, letter: f"*{colour[letter]}"}
    return " ".join(sorted(_written(atom, power, inner) for atom, power in atoms))


def _written(atom: Atom, power: int, names: Mapping[str, str]) -> str:
    text = atom_name(atom, names)
    return text if power == 1 else f"{text}^{power}"


def atom_name(atom: Atom, names: Mapping[str, str]) -> str:
    """The name of an atom, its letters under other names."""
    match atom:
        case Entry(name=name, indices=indices):
            places = [names.get(str(i), str(i)) for i in indices]
            return f"{name}[{','.join(sorted(places) if atom.symmetric else places)}]"
        case Chosen(constant=rule, indices=indices):
            places = [names.get(str(i), str(i)) for i in indices]
            params = rule.params
            match rule:
                case Selection("roll", (int(shift),)) if shift < 0:
                    places, params = places[::-1], (-shift,)
                case Selection("slice", (_, -1), (rows, columns)) if rows == columns:
                    places = sorted(places)
            return f"{rule.kind}{params}{rule.sizes}[{','.join(places)}]"
        case SizeAtom(letter=letter):
            return f"|{letter}|"
        case Delta(one=one, other=other):
            return "δ[" + ",".join(sorted(names.get(str(i), str(i)) for i in (one, other))) + "]"
    own = tuple((letter, names[letter]) for letter in letters_of(atom) if letter in names)
    return _name_of(atom, frozenset(own), len(names))


@lru_cache(maxsize=1 << 13)
def _name_of(
    atom: Call | Raised | Whole | Rate, own: frozenset[tuple[str, str]], count: int
) -> str:
    """The name of an atom that holds others: it depends on the names of its own letters only.

    `count` is how many letters have names; those of inner sums are numbered on. Of a long name,
    which may hold the same part twice at every level, there is a digest.
    """
    names = dict(own) | {f" {n}": "" for n in range(count - len(own))}
    name = _whole_name_of(atom, names)
    if len(name) <= _LONGEST:
        return name
    return f"#{blake2b(name.encode(), digest_size=24).hexdigest()}"


def _whole_name_of(atom: Call | Raised | Whole | Rate, names: Mapping[str, str]) -> str:
    match atom:
        case Call(function=function, arg=form):
            return f"{function}({form_name(form, names)})"
        case Raised(base=base, exponent=None):
            return f"({form_name(base, names)})"
        case Raised(base=base, exponent=exponent):
            assert exponent is not None
            return f"({form_name(base, names)})^({form_name(exponent, names)})"
        case Whole():
            if function_kind(atom.function) in _ALONG:
                return min(_whole_name(way, names) for way in _ways(atom))
            if function_kind(atom.function) not in _TURNED:
                return _whole_name(atom, names)
            ways = [atom, _turned(atom)]
            if is_eigen(atom.function):  # of a symmetric matrix
                ways += [replace(way, indices=way.indices[::-1]) for way in ways]
            return min(_whole_name(way, names) for way in ways)
        case Rate(of=of, wrt=wrt):
            return f"∂{atom_name(of, names)}/∂{atom_name(wrt, names)}"


def form_name(form: Form, names: Mapping[str, str]) -> str:
    """The name of a form, its letters under other names."""
    total: dict[str, Fraction] = {}
    for term, number in form:
        key = _key(term, names)
        total[key] = total.get(key, Fraction(0)) + number
    return " + ".join(f"{c}*{k}" for k, c in sorted(total.items()) if c)


#: Functions F of a square matrix with F(Aᵀ) = F(A)ᵀ: both ways of reading A are the same.
_TURNED = frozenset({"inv", "det", "logdet", *MATRIX_FUNCTIONS})


#: The derivatives ∂f(A)_ij/∂a_kl of functions of a square matrix.
_ALONG = frozenset(f"d{name}" for name in SMOOTH)


def _ways(atom: Whole) -> Iterator[Whole]:
    """∂f(A)_ij/∂a_kl is that of _lk by _ji, and of f(Aᵀ)_kl by _ij and _ji by _lk.

    In a basis where A is diagonal it is δ_ik δ_jl times (f(λ_i) - f(λ_j))/(λ_i - λ_j). Of a
    diagonal matrix A these are all the same, for it is its own transpose.
    """
    i, j, k, m = atom.indices
    own: tuple[Indices, ...] = ((i, j, k, m), (m, k, j, i))
    turned: tuple[Indices, ...] = ((k, m, i, j), (j, i, m, k))
    row, col = (letter for letter, _ in atom.letters)
    deltas = {Delta(row, col), Delta(col, row)}
    if all(not deltas.isdisjoint(inner for inner, _ in term.atoms) for term, _ in atom.arg):
        own = turned = own + turned
    for letters, orders in ((atom.letters, own), (atom.letters[::-1], turned)):
        yield from (replace(atom, letters=letters, indices=order) for order in orders)


def _turned(atom: Whole) -> Whole:
    return replace(atom, letters=atom.letters[::-1], indices=atom.indices[::-1])


def _whole_name(atom: Whole, names: Mapping[str, str]) -> str:
    inner = dict(names)
    for letter, size in atom.letters:
        inner[letter] = f"{size}:{len(inner)}"
    places = ",".join(names.get(str(i), str(i)) for i in atom.indices)
    return f"{atom.function}[{form_name(atom.arg, inner)}][{places}]"
