"""Other notations of a formula: how transposes, matrices and gradients are written.

A formula is proved before it is written; its boxes are only put in other words here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from matderiv.errors import InputError
from matderiv.notation.boxes import (
    Aligned,
    BigSum,
    Box,
    Fence,
    Fraction,
    Grid,
    Lines,
    NumberBox,
    Operator,
    Root,
    Row,
    Scripts,
    Styled,
    Symbol,
    Tagged,
    Terms,
    Word,
)
from matderiv.notation.names import has_fraction, name_box, partial_ratio

__all__ = ["NOTATIONS", "Style", "read_notation"]

#: The words to choose from, by their subject; the first of each is usual.
NOTATIONS = {
    "transposes": ("T", "prime", "top"),
    "arrays": ("plain", "bold"),
    "gradients": ("partial", "nabla", "bar"),
}

_T = Operator("transpose")
_INVERSE_T = Terms((("-", _T),))
_INVERSE = Terms((("-", NumberBox("1")),))


def read_notation(words: str | None) -> tuple[str, ...]:
    """The words of a notation, such as "prime,bold", one of each kind at most.

    Raises:
        InputError: a word is not known, or two are about the same.

    >>> read_notation("bold, nabla")
    ('T', 'bold', 'nabla')
    """
    chosen = dict.fromkeys(part.strip() for part in (words or "").split(",") if part.strip())
    known = {word: kind for kind, of in NOTATIONS.items() for word in of}
    found: dict[str, str] = {}
    for word in chosen:
        if word not in known:
            raise InputError(
                f"There is no notation {word[:40]!r}; there are: {', '.join(known)}, and several "
                "are written with commas, such as prime,bold."
            )
        other = found.setdefault(known[word], word)
        if other != word:
            raise InputError(f"{other} and {word} are both about {known[word]}; leave one out.")
    return tuple(found.get(kind) or of[0] for kind, of in NOTATIONS.items())


@dataclass(frozen=True)
class Style:
    """Writes boxes of one program in a notation; see `read_notation`.

    `loss` is the scalar that is differentiated, `arrays` are the names of arrays.
    """

    notation: tuple[str, ...]
    loss: str
    arrays: frozenset[str]

    @property
    def usual(self) -> bool:
        """Whether boxes stay as they are."""
        return self.notation == tuple(of[0] for of in NOTATIONS.values())

    @property
    def transposed(self) -> str:
        """The sign of a transpose in words."""
        return {"T": "ᵀ", "prime": "′", "top": "⊤"}[self.notation[0]]

    @cached_property
    def _bold(self) -> frozenset[Box]:
        bold = self.notation[1] == "bold"
        return frozenset(map(name_box, self.arrays)) if bold else frozenset()

    @cached_property
    def _above(self) -> Box:
        return partial_ratio(name_box(self.loss), name_box(self.loss)).above

    def __call__(self, box: Box) -> Box:
        """The box in this notation."""
        return box if self.usual else self._styled(box)

    def _styled(self, box: Box) -> Box:
        if box in self._bold:
            return Styled(box, "bold")
        by = self._by(box)
        if by is not None:
            return self._gradient(by)
        match box:
            case Scripts(base=base, sub=sub, sup=sup):
                return self._scripts(base, sub, sup)
            case Row(items=items):
                return Row(tuple(self._factors(items)))
            case Fraction(above=above, below=below):
                return Fraction(self._styled(above), self._styled(below))
            case Terms(items=terms):
                return Terms(tuple((sign, self._styled(term)) for sign, term in terms))
            case Lines(rows=lines):
                return Lines(tuple(_terms(self._styled(row)) for row in lines))
            case Grid(rows=rows):
                return Grid(tuple(tuple(map(self._styled, row)) for row in rows))
            case Aligned(left=left, rights=rights):
                return Aligned(self._styled(left), tuple(map(self._styled, rights)))
            case BigSum(body=body):
                return replace(box, body=self._styled(body))
            case Fence(body=body):
                new = self._styled(body)
                lower = has_fraction(body) and not has_fraction(new)
                return replace(box, body=new, big=box.big and not lower)
            case Root(body=body) | Tagged(body=body):
                return replace(box, body=self._styled(body))
        return box

    # -- gradients -----------------------------------------------------------------------------

    def _by(self, box: Box) -> Box | None:
        """X of ∂L/∂X, or x_ij of ∂L/∂x_ij where that is written with a bar; else None."""
        match box:
            case Fraction(above=above, below=Row(items=(Operator(name="partial"), by))):
                pass
            case Row(
                items=(
                    above,
                    Operator(name="slash"),
                    Row(items=(Operator(name="partial"), by)),
                )
            ):
                pass
            case _:
                return None
        return by if above == self._above and self._has_own_sign(by) else None

    def _has_own_sign(self, by: Box) -> bool:
        match by:
            case _ if self.notation[2] == "partial":
                return False
            case Symbol() | Word():
                return True
            case Scripts(base=Symbol() | Word(), sub=sub, sup=sup):
                entry = isinstance(sub, Row) or sup is not None
                return self.notation[2] == "bar" or not entry
        return False

    def _gradient(self, by: Box) -> Box:
        """The gradient by a name or an entry."""
        own = self._styled(by)
        loss = name_box(self.loss)
        if self.notation[2] == "nabla":
            return Row((Scripts(Operator("nabla"), sub=own), loss))
        if isinstance(own, Scripts):
            return Scripts(Styled(own.base, "bar"), own.sub, own.sup)
        return Styled(own, "bar")

    # -- what stands beside or above ------------------------------------------------------------

    def _scripts(self, base: Box, sub: Box | None, sup: Box | None) -> Box:
        """Something with an index or an exponent; an entry of an array keeps its letter."""
        own: Box
        without = base if sub is None else Scripts(base, sub)
        inner = self._by(base.body) if isinstance(base, Fence) and self._is_bar else None
        if inner is not None:
            own = self._gradient(inner)
        elif without in self._bold:
            own, sub = Styled(without, "bold"), None
        else:  # of an entry, the letter is that of a number
            own = base if sub is not None and base in self._bold else self._styled(base)
        if isinstance(own, Scripts) and own.sup is None and sub is None:
            sub = own.sub
            own = own.base
        sign = Operator(_SIGNS[self.notation[0]])
        if sup == _INVERSE_T and self.notation[0] == "prime":
            return Scripts(Fence(Scripts(own, sub, _INVERSE)), sup=sign)
        if sup == _INVERSE_T:
            sup = Terms((("-", sign),))
        return Scripts(own, sub, sign if sup == _T else sup)

    @property
    def _is_bar(self) -> bool:
        return self.notation[2] == "bar"

    def _factors(self, items: tuple[Box, ...]) -> Iterator[Box]:
        """Factors side by side; a gradient written as ∇_X L has brackets there."""
        for before, item, after in zip((None, *items), items, (*items[1:], None), strict=False):
            new = self._styled(item)
            alone = all(b is None or isinstance(b, Operator) for b in (before, after))
            several = isinstance(new, Row) and self._by(item) is not None
            yield Fence(new) if several and not alone else new


_SIGNS = {"T": "transpose", "prime": "prime", "top": "top"}


def _terms(box: Box) -> Terms:
    assert isinstance(box, Terms)
    return box
