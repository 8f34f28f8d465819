"""Forms where what is assumed of inputs is used: Σ_k t_ik = 1, t_ik² = t_ik, Σ_k q_ki q_kj = δ_ij.

Each of these holds at every point that keeps what is assumed, so it may be used where two forms are
compared, and after derivatives have been taken: by entries of T the ways in which they are tied to
each other are no facts.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from matderiv.calculus.index_forms.canonical import sealed
from matderiv.calculus.index_forms.contraction import contracted
from matderiv.calculus.index_forms.expanded import written_out
from matderiv.calculus.index_forms.forms import (
    ONE_FORM,
    Atom,
    Call,
    Chosen,
    Delta,
    Entry,
    Form,
    Raised,
    Rate,
    SizeAtom,
    Term,
    Whole,
    added,
    constant,
    difference,
    letters_of,
    multiplied,
    placed,
    raised,
    refreshed,
    scaled,
    single,
    to_the,
)
from matderiv.calculus.index_forms.known_functions import called
from matderiv.expression.assumptions import ASSUMPTIONS, Positivity
from matderiv.expression.size_text import size_number

__all__ = ["under_assumptions"]

_PAIR = 2


def under_assumptions(form: Form, sizes: Mapping[str, int] | None = None) -> Form:
    """The form with what is assumed of the arrays in it used; at `sizes`, if sums are written out.

    >>> from matderiv.calculus.index_forms.forms import Known
    >>> t = Entry("T", ("i", "k"), Known("stochastic", "M"))
    >>> under_assumptions(((Term(((t, 1),), (("k", "M"),)), Fraction(1)),)) == ONE_FORM
    True
    """
    return _Using(sizes).form(form) if _assumes(form) else form


@lru_cache(maxsize=1 << 14)
def _assumes(form: Form) -> bool:
    """Whether anything is assumed of an array in a form; parts that stand twice are asked once."""
    return any(map(_is_assumed, (atom for term, _ in form for atom, _ in term.atoms)))


def _is_assumed(atom: Atom) -> bool:
    match atom:
        case Entry(known=known):
            return known is not None
        case Call(arg=arg) | Whole(arg=arg):
            return _assumes(arg)
        case Raised(base=base, exponent=exponent):
            return _assumes(base) or _assumes(exponent or ())
        case Rate(of=of, wrt=wrt):
            return _is_assumed(of) or _is_assumed(wrt)
    return False


class _Using:
    def __init__(self, sizes: Mapping[str, int] | None) -> None:
        self.sizes = sizes
        self.count = itertools.count()

    def letter(self) -> str:
        """A letter that nothing else uses."""
        return f"^{next(self.count)}"

    def form(self, form: Form) -> Form:
        """The form, worked over until nothing changes any more."""
        made = contracted(added(self.term(term, number) for term, number in form))
        return made if made == form else self.form(made)

    def term(self, term: Term, number: Fraction) -> Form:
        """One term: its atoms first, then what they are together."""
        kept: list[tuple[Atom, int]] = []
        others: list[tuple[Form, int]] = []
        for atom, power in term.atoms:
            found = self.atom(atom, power)
            if found is None:
                kept.append((atom, power))
            else:
                others.append(found)
        together = _together(Term(tuple(kept), term.bound))
        made: Form = ((together, number),)
        for value, power in others:
            if power < 0:
                made = multiplied(made, to_the(value, power))
            for _ in range(power):
                made = multiplied(made, refreshed(value, self.letter))
        return made

    def atom(self, atom: Atom, power: int) -> tuple[Form, int] | None:
        """The form that an atom to a power is, and its power; None if it stays."""
        match atom:
            case Entry(known=known) if known is not None:
                return self.entry(atom, known.what, known.size, power)
            case Call(function, arg):
                inner = self.form(arg)
                found = _of_sign(function, inner)
                if found is None and inner == arg:
                    return None
                return (found or single(Call(function, sealed(inner))), power)
            case Raised(base, exponent):
                inner = self.form(base)
                above = None if exponent is None else self.form(exponent)
                found = None if above is None else _root(inner, above)
                if found is None and (inner, above) == (base, exponent):
                    return None
                if found is None:
                    found = raised(inner, ONE_FORM if above is None else above)
                return found, power
            case Whole():
                return self.whole(atom, power)
        return None

    def entry(self, entry: Entry, what: str, size: str, power: int) -> tuple[Form, int] | None:
        """The same of an entry, which may be 0 or 1, or given by others of its row."""
        last = entry.indices[-1:]
        if what == "lower":
            row, col = entry.indices
            above = isinstance(row, int) and isinstance(col, int) and row < col
            return ((), power) if above else None
        if not ASSUMPTIONS[what].rows:
            return None
        if self.sizes is not None and isinstance(last[0], int):
            count = size_number(size, self.sizes)
            if last[0] == count:
                before = added(
                    single(replace(entry, indices=(*entry.indices[:-1], k)))
                    for k in range(1, count)
                )
                return difference(ONE_FORM, before), min(power, 1) if what == "onehot" else power
        return (single(entry), 1) if what == "onehot" and power > 1 else None

    def whole(self, atom: Whole, power: int) -> tuple[Form, int] | None:
        """Q⁻¹ = Qᵀ, (det Q)² = 1 and log |det Q| = 0 for an orthogonal Q; det of a triangle."""
        inner = self.form(atom.arg)
        match inner:
            case ((Term(((Entry(known=known) as entry, 1),), ()), 1),) if known is not None:
                found = self.of_matrix(atom, entry, known.what, power)
                if found is not None:
                    return found
        return None if inner == atom.arg else (single(replace(atom, arg=inner)), power)

    def of_matrix(
        self, atom: Whole, entry: Entry, what: str, power: int
    ) -> tuple[Form, int] | None:
        if [*entry.indices] != [*dict.fromkeys(entry.indices)] or len(atom.letters) != _PAIR:
            return None
        names = tuple(letter for letter, _ in atom.letters)
        if set(entry.indices) != set(names):
            return None
        match what, atom.function:
            case "orthogonal", "inv":
                turned = dict(zip(names, reversed(atom.indices), strict=True))
                return placed(single(entry), turned), power
            case "orthogonal", "logdet":
                return (), power
            case "lower", "det" | "logdet":
                (row, size), (col, _) = atom.letters
                on = placed(single(entry), {col: row})
                if atom.function == "det":
                    made = single(Whole("prod", ((row, size),), on))
                else:
                    log = called("log", called("abs", on, self.letter), self.letter)
                    made = tuple((Term(t.atoms, (*t.bound, (row, size))), c) for t, c in log)
                return self.written(made), power
        return None

    def written(self, form: Form) -> Form:
        """A form at the sizes, where sums are written out."""
        if self.sizes is None:
            return form
        return written_out(form, self.sizes)


# -- atoms beside each other -----------------------------------------------------------------


def _together(term: Term) -> Term:
    """A term with the sums and products gone that are known."""
    while True:
        for rule in (_row, _labels, _columns, _determinants, _sides):
            if (found := rule(term)) is not None:
                term = found
                break
        else:
            return term


def _row(term: Term) -> Term | None:
    """Σ_k t_ik = 1, where k stands nowhere else."""
    for atom, power in term.atoms:
        if power != 1 or not isinstance(atom, Entry) or atom.known is None:
            continue
        what, size = atom.known
        if not ASSUMPTIONS[what].rows or (atom.indices[-1], size) not in term.bound:
            continue
        letter = str(atom.indices[-1])
        if letter in atom.indices[:-1] or _stands(term, letter, but=(atom,)):
            continue
        rest = tuple(pair for pair in term.atoms if pair[0] != atom)
        return Term(rest, tuple(b for b in term.bound if b[0] != letter))
    return None


def _labels(term: Term) -> Term | None:
    """t_ik t_il = δ_kl t_ik of a one-hot T: one entry of a row is 1, the others are 0."""
    for one, other in _pairs(term, "onehot"):
        if one.indices[:-1] == other.indices[:-1]:
            rest = tuple(pair for pair in term.atoms if pair[0] != other)
            delta = (Delta(one.indices[-1], other.indices[-1]), 1)
            return Term((*rest, delta) if delta not in rest else rest, term.bound)
    return None


def _columns(term: Term) -> Term | None:
    """Σ_k q_ki q_kj = δ_ij = Σ_k q_ik q_jk of an orthogonal Q."""
    powers = dict(term.atoms)
    squares = ((a, a) for a, n in powers.items() if n == _PAIR and _is(a, "orthogonal"))
    for one, other in itertools.chain(_pairs(term, "orthogonal"), squares):
        assert isinstance(one, Entry)
        assert isinstance(other, Entry)
        for place in (0, 1):
            letter, stays = one.indices[place], (one.indices[1 - place], other.indices[1 - place])
            bound = one.known is not None and (letter, one.known.size) in term.bound
            if not bound or other.indices[place] != letter or letter in stays:
                continue
            if _stands(term, str(letter), but=(one, other)):
                continue
            rest = tuple(pair for pair in term.atoms if pair[0] not in (one, other))
            left = tuple(b for b in term.bound if b[0] != letter)
            delta = (Delta(*stays), 1)
            return Term((*rest, delta) if delta not in rest else rest, left)
    return None


def _determinants(term: Term) -> Term | None:
    """(det Q)² = 1 of an orthogonal Q, of which each determinant may have letters of its own."""
    powers = Counter[str]()
    for atom, power in term.atoms:
        if (name := _determinant_of(atom)) is not None:
            powers[name] += power
    kept: list[tuple[Atom, int]] = []
    for atom, power in term.atoms:
        name = _determinant_of(atom)
        if name is None:
            kept.append((atom, power))
        elif powers.pop(name, 0) % _PAIR:
            kept.append((atom, 1))
    return None if tuple(kept) == term.atoms else Term(tuple(kept), term.bound)


def _determinant_of(atom: Atom) -> str | None:
    """The name of the orthogonal matrix that an atom is the determinant of."""
    match atom:
        case Whole("det", _, ((Term(((Entry() as entry, 1),), ()), 1),)) if (
            _is(entry, "orthogonal") and len(set(entry.indices)) == _PAIR
        ):
            return entry.name
    return None


def _is(atom: Atom, what: str) -> bool:
    return isinstance(atom, Entry) and atom.known is not None and atom.known.what == what


def _pairs(term: Term, what: str) -> Iterator[tuple[Entry, Entry]]:
    """Two different entries of one array, each to the first power."""
    some = [a for a, n in term.atoms if n == 1 and isinstance(a, Entry) and _is(a, what)]
    return ((a, b) for a, b in itertools.combinations(some, 2) if a.name == b.name)


def _stands(term: Term, letter: str, *, but: tuple[Atom, ...]) -> bool:
    return any(letter in letters_of(atom) for atom, _ in term.atoms if atom not in but)


# -- signs -----------------------------------------------------------------------------------


def _sides(term: Term) -> Term | None:
    """u·sign u = u·step u = u of what is not negative: where u is 0, so is the product."""
    held = {atom for atom, power in term.atoms if power > 0}
    for atom, _ in term.atoms:
        if not isinstance(atom, Call) or atom.function not in ("sign", "step"):
            continue
        if not _sign(atom.arg):
            continue
        for part, _ in atom.arg:
            doubtful = (a for a, n in part.atoms if _of_atom(a, n) != Positivity.POSITIVE)
            if not part.bound and all(a in held for a in doubtful):
                return Term(tuple(pair for pair in term.atoms if pair[0] != atom), term.bound)
    return None


def _of_sign(function: str, arg: Form) -> Form | None:
    """The rules sign p = step p = 1, sign(p·u) = sign u and log(p·qⁿ) = log p + n·log q."""
    sign = _sign(arg)
    if function in ("sign", "step"):
        return ONE_FORM if sign == Positivity.POSITIVE else _without_positive(function, arg)
    if function != "log" or not sign or len(arg) != 1:
        return None
    ((term, number),) = arg
    if term.bound or (number == 1 and len(term.atoms) == 1 and term.atoms[0][1] == 1):
        return None
    if any(_sign(single(atom)) == Positivity.UNKNOWN for atom, _ in term.atoms):
        return None
    made = [scaled(single(Call("log", single(a))), Fraction(n)) for a, n in term.atoms]
    if number != 1:
        made.append(single(Call("log", constant(number))))
    return added(made)


def _without_positive(function: str, arg: Form) -> Form | None:
    if len(arg) != 1 or arg[0][0].bound:
        return None
    ((term, number),) = arg
    kept = tuple(pair for pair in term.atoms if _of_atom(*pair) != Positivity.POSITIVE)
    sign = Fraction(1 if number > 0 else -1)
    if len(kept) == len(term.atoms) and sign == number:
        return None
    return single(Call(function, ((Term(kept), sign),)))


def _root(base: Form, exponent: Form) -> Form | None:
    """(p²)^(1/2) = p of numbers that are not negative."""
    if len(base) != 1 or base[0][0].bound:
        return None
    ((term, number),) = base
    match base, exponent:
        case ((Term(((label, 1),)), 1),), ((Term((), ()), above),) if above > 0:
            if _is(label, "onehot"):  # 0 and 1 are all their powers
                return base
        case _:
            pass
    if number <= 0 or not term.atoms or (len(term.atoms) == 1 and term.atoms[0][1] == 1):
        return None
    if any(_sign(single(atom)) == Positivity.UNKNOWN for atom, _ in term.atoms):
        return None
    made = ONE_FORM if number == 1 else single(Raised(constant(number), exponent))
    for atom, power in term.atoms:
        made = multiplied(made, raised(single(atom), scaled(exponent, Fraction(power))))
    return made


def _sign(form: Form) -> Positivity:
    """How sure it is that a form is not negative, whatever its entries are."""
    found = [_sign_of(term, number) for term, number in form]
    if not found or Positivity.UNKNOWN in found:
        return Positivity.UNKNOWN
    return max(found)


def _sign_of(term: Term, number: Fraction) -> Positivity:
    if number <= 0:
        return Positivity.UNKNOWN
    return min((_of_atom(atom, power) for atom, power in term.atoms), default=Positivity.POSITIVE)


def _of_atom(atom: Atom, power: int) -> Positivity:
    match atom:
        case Entry("π", ()) | SizeAtom():
            return Positivity.POSITIVE
        case Entry(known=known) if known is not None and ASSUMPTIONS[known.what].sign:
            return ASSUMPTIONS[known.what].sign
        case Call("exp"):
            return Positivity.POSITIVE
        case Raised(base=base) if _sign(base):
            return _sign(base)
        case Whole("prod", arg=arg) if _sign(arg):
            return _sign(arg)
        case Delta() | Chosen():
            return Positivity.NOT_NEGATIVE
    return Positivity.NOT_NEGATIVE if power % 2 == 0 else Positivity.UNKNOWN
