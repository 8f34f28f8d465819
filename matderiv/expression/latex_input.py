r"""Reads a subset of LaTeX as a program: \top, norms, \frac, \sum over all entries, functions.

Two factors side by side are a matrix product, as they are in LaTeX. Nothing is guessed: a command
that is not known, and what has two readings, is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from matderiv.errors import InputError, ProgramSyntaxError
from matderiv.expression.latex_signs import GREEK_COMMANDS, latex_signs, with_quotes
from matderiv.expression.vocabulary import GREEK, KNOWN, MAX_DEPTH

__all__ = ["latex_program"]

_STYLES = frozenset(
    "mathbf boldsymbol bm mathrm mathit mathcal mathsf mathbb text operatorname vec".split()
)
_ALSO = {
    "Tr": "tr",
    "trace": "tr",
    "Diag": "diag",
    "sgn": "sign",
    "ReLU": "relu",
    "LSE": "logsumexp",
}
_OF_TWO = {"max": "maximum", "min": "minimum"}
_NUMBERS = frozenset("det tr logdet logsumexp norm sum mean".split())
_SIZES = frozenset("nmdkNDM")
#: The kind of a product of matrices.
_KINDS = {
    ("matrix", "matrix"): "matrix",
    ("matrix", "vector"): "vector",
    ("row", "matrix"): "row",
    ("vector", "matrix"): "row",
    ("row", "vector"): "number",
}


def latex_program(text: str) -> str:
    r"""The same program in the language.

    Raises:
        ProgramSyntaxError: a command is not known, or a part has two readings.

    >>> latex_program(r"\frac{1}{2}\lVert Xw - y\rVert_2^2 + \lambda w^\top w")
    '1/2*norm(X @ w - y)**2 + lam*w.T @ w'
    >>> latex_program(r"Y = XW, \quad L = \sum_{ij} f(y_{ij})")
    'Y = X @ W; L = sum(f(Y))'
    """
    return _Latex(with_quotes(text)).program()


def _bare(text: str) -> str:
    """The text without brackets around all of it."""
    depth = [0]
    for sign in text:
        depth.append(depth[-1] + (sign == "(") - (sign == ")"))
    return text[1:-1] if text[:1] == "(" and 0 not in depth[1:-1] else text


@dataclass(frozen=True, slots=True)
class _Part:
    """Text in the language. `level`: 0 a sum, 1 a product, 2 a power, 3 a name or call.

    `kind`: what it is in LaTeX: a number, a vector, a row (a transposed vector), a matrix, a Greek
    name that may be a number or a vector, or an entry with the letters of its indices.
    """

    text: str
    kind: str
    level: int = 3

    def within(self, level: int) -> str:
        return self.text if self.level >= level else f"({self.text})"


class _Latex:
    def __init__(self, text: str) -> None:
        self.text = text
        self.signs = [*latex_signs(text), ("", len(text))]
        self.at = 0
        self.depth = 0
        self.bound = ""  # letters of sums
        self.closing: tuple[str, ...] = ()  # bars that may end here
        self.below = False

    # -- tokens --------------------------------------------------------------------------------

    @property
    def next(self) -> str:
        return self.signs[self.at][0]

    def take(self, *wanted: str) -> str:
        """The next token, if it is one of these, or any if none are named."""
        token = self.next
        if (wanted and token not in wanted) or not token:
            return ""
        self.at += 1
        return token

    def refuse(self, message: str, at: int | None = None) -> ProgramSyntaxError:
        place = self.signs[self.at if at is None else at][1]
        return ProgramSyntaxError(message, self.text, place)

    def need(self, token: str) -> None:
        if not self.take(token):
            raise self.refuse(f"In this LaTeX {token} is missing; write it.")

    # -- sums and products ---------------------------------------------------------------------

    def program(self) -> str:
        made = [self.statement()]
        while self.take(";", ",", "\\\\", "."):
            if self.next:
                made.append(self.statement())
        if self.next:
            raise self.refuse(f"This LaTeX cannot be read from {self.next} on; leave it out.")
        return "; ".join(made)

    def statement(self) -> str:
        part = self.sum()
        if not self.take("="):
            return part.text
        if not re.fullmatch(r"\w+", part.text):
            raise self.refuse("= stands after a name, such as Y = XW; write one.")
        return f"{part.text} = {self.sum().text}"

    def sum(self) -> _Part:
        sign = self.take("+", "-")
        found = self.product()
        if sign == "-":
            found = replace(found, text=f"-{found.within(1)}", level=min(found.level, 1))
        while sign := self.take("+", "-"):
            other = self.product()
            kind = self.shared(found, other, sign)
            found = _Part(f"{found.text} {sign} {other.within(1)}", kind, 0)
        return found

    def shared(self, one: _Part, other: _Part, sign: str) -> str:
        """The kind of a sum, or of a product by entries."""
        plain = ("number", "greek")
        kinds = [k for k in (one.kind, other.kind) if k not in plain]
        if len({*kinds}) > 1 and any(kind.startswith("entry") for kind in kinds):
            raise self.refuse(
                f"{one.text} {sign} {other.text} has entries with other indices; write whole "
                r"arrays, such as x^\top A y."
            )
        return kinds[0] if kinds else "greek" if "greek" in (one.kind, other.kind) else "number"

    def product(self) -> _Part:
        found = self.factor()
        while True:
            at = self.at
            sign = self.take(r"\odot", "/", r"\cdot", r"\times")
            if not sign and not self.begins():
                return found
            found = self.times(found, self.factor(), sign, at)

    def begins(self) -> bool:
        """Whether a factor begins here, and no bar ends."""
        if self.next in self.closing or self.next == "\\\\":
            return False
        return re.match(r"[\w({|\\]", self.next) is not None

    def times(self, one: _Part, other: _Part, sign: str, at: int) -> _Part:
        """A product: of matrices where neither factor is a number or an entry."""
        kinds = (one.kind, "vector" if other.kind == "greek" else other.kind)
        a, b = one.within(1), other.within(2)
        plain = any(k == "number" or k.startswith("entry") for k in (*kinds, other.kind))
        if sign in (r"\odot", "/") or plain or one.kind == "greek":
            text = f"{a}/{b}" if sign == "/" else f"{a}*{b}"
            return _Part(text, self.shared(one, other, "beside"), 1)
        if sign == r"\cdot" and kinds == ("vector", "vector"):
            return _Part(f"{a} @ {b}", "number", 1)
        if kinds == ("vector", "row"):
            column = _bare(other.text.removesuffix(".T"))
            return _Part(f"outer({_bare(one.text)}, {column})", "matrix")
        kind = _KINDS.get(kinds)
        if kind is None or sign == r"\times":
            raise self.refuse(
                f"{a} beside {b} has two readings: {a} @ {b}, the matrix product, and {a}*{b}, "
                "entry by entry; write one of them.",
                at,
            )
        return _Part(f"{a} @ {b}", kind, 1)

    # -- factors -------------------------------------------------------------------------------

    def factor(self) -> _Part:
        at = self.at
        found = self.base()
        while sign := self.take("^", "'", "_"):
            if sign == "'":
                turned = {"vector": "row", "greek": "row", "row": "vector"}
                found = _Part(f"{found.within(3)}.T", turned.get(found.kind, found.kind))
            elif sign == "^":
                found = self.power(found, self.exponent(), at)
            elif (below := self.words()) == "+":
                found = _Part(f"relu({_bare(found.text)})", found.kind)
            else:
                found = self.entry(found, below, at)
        return found

    def exponent(self) -> _Part:
        """The exponent; `kind` says where it is a power of entries."""
        if not self.take("{"):
            return self.one()
        by_entry = self.take(r"\odot")
        found = self.sum()
        self.need("}")
        return replace(found, kind="by entry") if by_entry else found

    def power(self, base: _Part, above: _Part, at: int) -> _Part:
        if base.text == "e":
            return _Part(f"exp({above.text})", above.kind)
        if base.kind == "matrix" and above.kind != "by entry":
            if above.text == "-1":
                return _Part(f"inv({_bare(base.text)})", "matrix")
            if above.text not in ("2", "3", "4"):
                raise self.refuse(
                    f"The power {above.text} of the matrix {base.text} is not in the language; "
                    "write its value as an input of its own, such as S.",
                    at,
                )
            return _Part(" @ ".join([base.within(2)] * int(above.text)), "matrix", 1)
        text = above.text if re.fullmatch(r"\w+", above.text) else f"({above.text})"
        return _Part(f"{base.within(3)}**{text}", base.kind, 2)

    def base(self) -> _Part:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise InputError("The LaTeX is nested too deeply; write it with fewer brackets.")
        found = self.innermost()
        self.depth -= 1
        return found

    def innermost(self) -> _Part:
        at, sign = self.at, self.take()
        match sign:
            case "(":
                found = self.until(")")
                return replace(found, text=found.within(3), level=3)
            case "{":
                return self.until("}")
            case "|" | r"\|":
                return self.bars(sign, at)
            case r"\frac":
                return self.fraction()
            case r"\langle":
                return self.inner_product()
            case r"\sqrt":
                found = self.argument()
                return _Part(f"sqrt({found.text})", found.kind)
            case r"\sum" | r"\prod":
                return self.total(sign)
        if sign[:1].isdigit():
            return _Part(sign, "number")
        if sign.isalpha() or sign[:1] == "\\":
            return self.named(sign, at)
        raise self.refuse(f"This LaTeX cannot be read from {sign or 'its end'} on.", at)

    def until(self, close: str, *bars: str) -> _Part:
        """A formula up to a bracket or bar."""
        before, self.closing = self.closing, bars
        found = self.sum()
        self.closing = before
        self.need(close)
        return found

    def pair(self, close: str) -> tuple[_Part, _Part]:
        """Two formulas with a comma between them."""
        one = self.until(",")
        return one, self.until(close, close)

    def inner_product(self) -> _Part:
        r"""\langle A, B \rangle."""
        one, other = self.pair(r"\rangle")
        if "matrix" in (one.kind, other.kind):
            return _Part(f"sum({one.within(1)}*{other.within(2)})", "number")
        return _Part(f"{one.within(1)} @ {other.within(2)}", "number", 1)

    def bars(self, sign: str, at: int) -> _Part:
        """A norm, an absolute value or a determinant."""
        found = self.until(sign, sign)
        text = _bare(found.text)
        if sign == "|" and found.kind == "matrix":
            return _Part(f"det({text})", "number")
        if sign == "|":
            return _Part(f"abs({text})", found.kind)
        above = self.exponent() if self.take("^") else None
        order = self.words() if self.take("_") else ""
        if order not in ("", "F", "2") and (order != "1" or found.kind == "matrix"):
            order = order.replace("odot", "*")
            raise self.refuse(
                f"The norm _{order} is not read; write \\sum_{{ij}} |y_{{ij}}| for _1.", at
            )
        other = order == "1" or (order == "2" and found.kind == "matrix")
        norm = _Part(f"norm({text}, {order})" if other else f"norm({text})", "number")
        return self.power(norm, above, at) if above else norm

    def fraction(self) -> _Part:
        above = self.argument()
        before, self.below = self.below, True
        below = self.argument()
        self.below = before
        text = f"{above.within(1)}/{below.within(2)}"
        return _Part(text, self.shared(above, below, "over"), 1)

    def argument(self) -> _Part:
        """The argument of a command: a group in braces, or one sign."""
        return self.until("}") if self.take("{") else self.one()

    def one(self) -> _Part:
        """One sign: x^23 is x² beside 3."""
        sign, place = self.signs[self.at]
        if sign[:1].isdigit() and sign[1:]:
            self.signs[self.at : self.at + 1] = [(sign[0], place), (sign[1:], place + 1)]
        return self.base()

    def words(self) -> str:
        """A group or sign as it is typed, without the commands for styles."""
        made, depth = "", 0
        while True:
            sign = self.take()
            depth += (sign == "{") - (sign == "}")
            made += "" if sign in ("{", "}") else sign.removeprefix("\\")
            if sign.removeprefix("\\") in _STYLES:
                made = made.removesuffix(sign.removeprefix("\\"))
            elif depth <= 0 or not sign:
                return made

    def total(self, sign: str) -> _Part:
        """A sum or product over all entries; nested sums are one."""
        at, letters = self.at - 1, ""
        while True:
            if self.take("_"):
                letters += re.sub(r"=[^,]*|,", "", self.words())
            if self.take("^"):
                self.words()
            if not self.take(sign):
                break
        before, self.bound = self.bound, self.bound + letters
        found = self.product()
        self.bound = before
        if found.kind != f"entry {letters}" or not letters:
            raise self.refuse(
                f"{sign} is read over all entries of arrays of these indices, as in "
                r"\sum_{ij} f(y_{ij}); write other sums with whole arrays, as in \|Xw - y\|^2.",
                at,
            )
        return _Part(f"{sign[1:]}({found.text})", "number")

    # -- names and functions -------------------------------------------------------------------

    def named(self, sign: str, at: int) -> _Part:
        name = sign.removeprefix("\\")
        if name in ("hat", "bar", "tilde"):
            return self.name(f"{self.argument().text}_{name}", at)
        styled = name in _STYLES
        if styled:
            name = self.words()
        if sign == r"\mathbb" and name in ("E", "P", "R"):
            raise self.refuse(
                rf"\mathbb{{{name}}} is not read; with given numbers write means.", at
            )
        if (styled or sign != name) and (name in KNOWN or name in _ALSO):
            return self.call(_ALSO.get(name, name), at)
        word = len(name) > 1 and styled
        if self.next in ("(", "'") and (word or name in (*"fgh", "phi", "psi", "sigma")):
            derivative = "d" if self.next == "'" and self.take("'") else ""
            if self.next == "(":
                return self.call(derivative + ("sigmoid" if name == "sigma" else name), at)
        if sign == r"\pi":
            return _Part("pi", "number")
        if sign != name and not styled and name not in GREEK_COMMANDS:
            raise self.refuse(
                rf"\{name} is not read; what is read are names, Greek letters, \top, \frac, "
                r"\sqrt, \sum, \|, \log, \det, \operatorname{tr}, \odot and the like.",
                at,
            )
        return self.name(GREEK_COMMANDS.get(name, name), at)

    def name(self, name: str, at: int) -> _Part:
        """A name with what stands below it, or an entry of an array."""
        if not re.fullmatch(r"[A-Za-z]\w*", name):
            raise self.refuse(f"{name} is no name; an array of ones is ones(n).", at)
        base = re.sub(r"^d(?=[A-Za-z])", "", name.partition("_")[0])
        kind = "matrix" if base[0].isupper() else "greek" if base in GREEK else "vector"
        if self.below and name in _SIZES:
            kind = "number"
        below = self.words().replace(",", "") if self.take("_") else ""
        if name == "I":
            free = next(c for c in "nmkp" if c not in self.text)
            return _Part(f"eye({below or free})", "matrix")
        if below and set(below) <= {*self.bound}:
            if kind == "greek":
                raise self.refuse(rf"\{name}_{below}: Greek names are numbers; write m_i.", at)
            array = name.capitalize() if len(below) > 1 == len(name) else name
            return _Part(array, f"entry {below}")
        return _Part(f"{name}_{below}" if below else name, kind)

    def entry(self, part: _Part, below: str, at: int) -> _Part:
        """An entry of a formula: (XW)_{ij}."""
        letters = below.replace(",", "")
        if not letters or not set(letters) <= {*self.bound}:
            raise self.refuse(f"_{below} is no index of a sum here; leave it out.", at)
        return replace(part, kind=f"entry {letters}")

    def call(self, function: str, at: int) -> _Part:
        """A function of what stands in brackets after it, or of the next factor."""
        above = self.exponent() if self.take("^") else None
        if function in _OF_TWO and self.take("("):
            one, other = self.pair(")")
            kind = self.shared(one, other, "beside")
            return _Part(f"{_OF_TWO[function]}({one.text}, {other.text})", kind)
        if self.take("("):
            found = self.until(")")
        else:
            found = self.product() if function == "tr" else self.factor()
            if function != "tr" and self.begins():
                raise self.refuse(f"Write what {function} is applied to in brackets.", at)
        if function == "softmax" and found.kind == "matrix":
            raise self.refuse("softmax(Y, axis=1) is by rows, softmax(Y) of all; write one.", at)
        text = f"{function}({_bare(found.text)})"
        if text.startswith("log(det(") and _bare(text[3:]) == text[4:-1]:
            inner = text[4:-1]
            text = f"logdet{inner[3:]}" if _bare(inner[3:]) != inner[3:] else text
        kind = "number" if function in _NUMBERS or function[0].isupper() else found.kind
        made = _Part(text, kind)
        return self.power(made, above, at) if above else made
