"""Messages about text that is not in the language, with advice on how to write it instead."""

from __future__ import annotations

import ast
import keyword
import re
import unicodedata

from matderiv.expression.libraries import CALLS
from matderiv.expression.vocabulary import DEFAULT_PROGRAM, KNOWN, is_greek

__all__ = ["instead_of", "name_trouble", "syntax_trouble"]


#: Signs of mathematics and of other keyboards, and what the language writes for them.
_SIGNS = {
    "×": "@ for the matrix product or * entry by entry",
    "·": "@ for the matrix product or * entry by entry",
    "⋅": "@ for the matrix product or * entry by entry",
    "∙": "@ for the matrix product or * entry by entry",
    "•": "@ for the matrix product or * entry by entry",
    "⊙": "*",
    "∘": "*",
    "∗": "*",
    "÷": "/",
    "−": "-",
    "–": "-",
    "—": "-",
    "√": "sqrt(…)",
    "∑": "sum(…)",
    "∏": "prod(…)",
    "‖": "norm(…)",
    "∥": "norm(…)",
    "⁻": "inv(X) for an inverse",
    "²": "**2",
    "³": "**3",
    "ᵀ": ".T",
    "⊤": ".T",
    "′": ".T for a transpose",
    "’": ".T for a transpose",
    "‘": ".T for a transpose",
    "…": "the whole formula",
    "。": ".",
    "、": ",",
}

#: ASCII signs that Python's grammar stumbles over.
_PLAIN_SIGNS = {
    "'": "There are no strings in the language; the transpose of X is X.T",
    '"': "There are no strings in the language; the transpose of X is X.T",
    "|": "Bars are not in the language; write abs(Y) for the absolute value of Y",
    "!": "! is not in the language; remove it",
    "?": "? is not in the language; remove it",
    "$": "$ is not in the language; write the formula without it",
    "\\": "A backslash is not in the language; a name is Latin letters, digits and _",
    "<": "< cannot stand here; a name is Latin letters, digits and _",
    ">": "> cannot stand here; a name is Latin letters, digits and _",
    "{": "Braces are not in the language; write ( and )",
    "}": "Braces are not in the language; write ( and )",
    "%": "% cannot stand here; remove it",
    "^": "^ cannot stand here; a power is Y**2",
    ":": ": cannot stand here; assign with =, such as Y = X @ W",
    "=": "= cannot stand here; separate assignments with ;",
    ",": "A comma cannot stand here; separate assignments with ;",
}

#: Advice for parts of Python that are not in the language, by the part's type.
_INSTEAD: dict[type[ast.AST], str] = {
    ast.BitXor: "a power is Y**2, a transpose X.T",
    ast.FloorDiv: "divide with /",
    ast.Compare: "assign with a single =, and compare two arrays with <, <=, >, >=, == or !=",
    ast.BoolOp: "operators are + - * / ** and @",
    ast.Not: "operators are + - * / ** and @",
    ast.IfExp: "relu(Y) and step(Y) decide by the sign of Y",
    ast.Lambda: "write the function out, such as sum(Y**2), or leave it undefined, f(Y); "
    "the scalar λ is lam",
    ast.Tuple: "separate assignments with ;",
    ast.List: "a list holds entries or rows, such as [[1, 2], [3, 4]]",
    ast.Dict: "write ( and )",
    ast.Set: "write ( and )",
    ast.NamedExpr: f"give it a line of its own, such as {DEFAULT_PROGRAM}",
    ast.JoinedStr: "there are no strings",
    ast.AugAssign: "give the new value a name of its own",
    ast.AnnAssign: "assign with =, and declare shapes with --shape X=2x4",
    ast.Starred: "write the operand without *",
}


def instead_of(tree: ast.AST) -> str:
    """Advice for a part that is not in the language, or a summary of the language."""
    sign: ast.AST = getattr(tree, "op", tree)
    return (
        _INSTEAD.get(type(sign))
        or _INSTEAD.get(type(tree))
        or "it holds names, numbers, + - * / ** @, .T and functions such as sum(Y) and f(Y)"
    )


def name_trouble(name: str) -> str:
    """Why a name cannot be used, and what can.

    >>> name_trouble("λ")
    'λ is not a name that can be used; write lam.'
    """
    for letter in name:
        if letter.isascii():
            continue
        words = unicodedata.name(letter, "an unknown letter")
        if words.startswith("GREEK SMALL LETTER ") and len(name) == 1:
            greek = words.removeprefix("GREEK SMALL LETTER ").lower().replace("lamda", "lam")
            return f"{name} is not a name that can be used; write {greek}."
        sign = _SIGNS.get(letter) or ("sum" if letter == "Σ" else None)
        if sign:
            return f"{name} is not a name that can be used; for {letter} write {sign}."
        return (
            f"{name} is not a name that can be used: it holds {letter}, which is "
            f"{words.lower()}. Names are Latin letters, digits and _, starting with a letter."
        )
    return (
        f"{name} is not a name that can be used; names are Latin letters, digits and _, "
        "starting with a letter."
    )


def syntax_trouble(
    text: str, offset: int, detail: str, example: str = DEFAULT_PROGRAM
) -> tuple[str, int]:
    """One sentence on a syntax error at an offset, and the offset it is about.

    `detail` is what Python says; its wording changes between versions, so little of it is used.
    """
    here = text[offset : offset + 1]
    sign = _sign(here)
    if sign:
        return sign, offset
    if "never closed" in detail:
        return f"{here} is never closed; write the missing {_CLOSING.get(here, ')')}.", offset
    if "unmatched" in detail or "does not match" in detail:
        return f"{here} closes nothing that is open; remove it or open it before.", offset
    if "too many nested" in detail:
        return "The program is nested too deeply; write it with fewer brackets.", offset
    word = re.search(r"\blambda\b", text)
    if word:
        return "lambda is a word that Python keeps for itself; write lam.", word.start()
    bars = bars_trouble(text)
    if bars:
        return bars
    around = _number_and_name(text, offset) or _two_values(text, offset)
    if around:
        return around
    if here in _PLAIN_SIGNS and here:
        return f"{_PLAIN_SIGNS[here]}.", offset
    backslash = text.find("\\")
    if backslash >= 0:
        return _PLAIN_SIGNS["\\"] + ".", backslash
    if "=" in detail:  # Python's guess is a comparison; a forgotten ; is likelier here
        return "This is not one assignment; separate assignments with ;.", offset
    if not text[offset:].strip(" ;\n\t"):
        return f"Something is missing at the end. Write for example: {example}", offset
    if here in ")];":
        return f"Something is missing before {here}.", offset
    return f"This cannot be read from {here} on. Write for example: {example}", offset


def bars_trouble(text: str) -> tuple[str, int] | None:
    """log|X| and |X|: of a matrix the determinant, of entries their absolute values.

    >>> bars_trouble("|X| + 1")
    ('|X| has two readings: det(X), of a square matrix, or abs(X), entry by entry; write one of \
them.', 0)
    """
    bars = re.search(r"(\blog|\bln|)\s*\|([^|\n]+)\|", text)
    if bars is None:
        return None
    log, inside = bars.groups()
    said = f"logdet({inside})" if log else f"det({inside})"
    other = f"log(abs({inside}))" if log else f"abs({inside})"
    return (
        f"{bars[0].strip()} has two readings: {said}, of a square matrix, or {other}, entry by "
        "entry; write one of them."
    ), bars.start(2) - 1


_CLOSING = {"(": ")", "[": "]", "{": "}"}


def _sign(sign: str) -> str | None:
    if not sign or sign.isascii():
        return None
    if sign in _SIGNS:
        return f"{sign} is not in the language; write {_SIGNS[sign]}."
    folded = unicodedata.normalize("NFKC", sign).strip()
    if folded.isascii() and folded.isprintable() and folded:
        return f"{sign} is not in the language; write a plain {folded}."
    words = unicodedata.name(sign, "a character that is not printed").lower()
    return f"The character U+{ord(sign):04X} ({words}) is not in the language; remove it."


def _number_and_name(text: str, offset: int) -> tuple[str, int] | None:
    """2Y: a product needs its sign."""
    for match in re.finditer(r"(?<![\w.])([0-9][0-9.]*)\s*([A-Za-z]\w*)", text):
        if match.start() <= offset <= match.end():
            number, name = match.groups()
            over = re.search(r"([\w.]+)\s*/\s*\Z", text[: match.start()])
            called = name in KNOWN or name in CALLS
            right = f"{number}*{_operand(text[match.start(2) :]) if called else name}"
            if over:
                right = f"{over[1]}/({right}), or {over[1]}/{right}"
            throughout = _throughout(text)
            return (
                f"Between {number} and {name} an operator is missing; write {right}{throughout}.",
                match.start(),
            )
    return None


def _two_values(text: str, offset: int) -> tuple[str, int] | None:
    """X W, or Y = X @ W L = …: two values with nothing between them."""
    before = re.search(r"([\w.]*[\w)\]]+)\s+\Z", text[:offset]) or re.search(
        r"([)\]])\Z", text[:offset]
    )
    after = re.match(r"[A-Za-z_0-9(]\w*", text[offset:])
    if before is None or after is None:
        # Python 3.11 may point at the first of the two.
        pair = re.search(r"([A-Za-z]\w*(?:\.T)*)[ \t]+([A-Za-z]\w*)", text[offset:])
        if pair is None:
            return None
        first, second, place = pair[1], pair[2], offset + pair.start(2)
    else:
        first, second, place = before[1], after[0], offset
    if re.match(r"\w*\s*=(?!=)", text[place:]):
        return f"Before {second} a ; is missing; it separates assignments.", place
    if first in KNOWN or first in CALLS:
        operand = _operand(text[place:])
        return f"{first} is a function; write {first}({operand}).", place
    if not re.fullmatch(r"[A-Za-z]\w*(?:\.T)*", first) or not re.fullmatch(r"[A-Za-z]\w*", second):
        return f"Between {first} and {second} an operator is missing, such as @ or *.", place
    if _sign_between(first, second) == "*":
        said = f"write {first}*{second}"
    else:
        said = f"write {first} @ {second}, the matrix product, or {first}*{second}, entry by entry"
    return (
        f"Between {first} and {second} an operator is missing; {said}{_throughout(text)}."
    ), place


#: Functions whose value is a number, which a product takes with *.
_NUMBERS = frozenset("norm tr trace det logdet sum mean exp log sqrt".split())
_GAP = re.compile(r"(?<=[\w)\]])[ \t]+(?=[A-Za-z_(])")


def _sign_between(first: str, second: str) -> str:
    """The sign that is missing between two values, where it is certain; else @."""
    number = first[:1].isdigit() or is_greek(first) or second in _NUMBERS
    return "*" if number else " @ "


def _operand(text: str) -> str:
    """The name that a text begins with, and what belongs to it: det X and det (X) are det(X)."""
    name = re.match(r"\w*(?:\.T)*", text)
    assert name is not None
    rest = text[name.end() :]
    if name[0] in KNOWN or name[0] in CALLS:
        rest = rest.lstrip()
        if rest[:1] != "(":
            return f"{name[0]}({_operand(rest)})" if rest[:1].isalpha() else name[0]
    if rest[:1] not in ("(", "["):
        return name[0]
    depth = 0
    for place, sign in enumerate(rest):
        depth += (sign in "([") - (sign in ")]")
        if depth == 0:
            return name[0] + rest[: place + 1]
    return name[0]


def _throughout(text: str) -> str:
    """The end of a message about a missing sign where more than one is missing: the whole text."""
    typed = re.sub(r"(?<![\w.])([0-9][0-9.]*)(?=[A-DF-Za-df-z])", r"\1 ", text)
    typed = re.sub(r"\.T\(", ".T (", typed)
    if typed != text and re.search(r"/\s*[0-9.]+\s*[A-Za-z]", text):
        return ""  # 1/2n has two readings
    whole = _with_products(typed)
    return f". With matrix products throughout: {whole}" if whole else ""


def _with_products(text: str) -> str:
    """A text of several values with nothing between them, with products there; "" if unsure."""
    gaps = [*_GAP.finditer(text)]
    made, done = "", 0
    for gap in gaps:
        before = re.search(r"[\w.]*\w\Z", text[: gap.start()])
        after = re.match(r"\w*", text[gap.end() :])
        first, second = before[0] if before else "", after[0] if after else ""
        if not first or first in KNOWN or first in CALLS or keyword.iskeyword(first):
            return ""
        made += text[done : gap.start()] + _sign_between(first, second)
        done = gap.end()
    try:
        ast.parse(made + text[done:])
    except SyntaxError:
        return ""
    return made + text[done:] if len(gaps) > 1 else ""
