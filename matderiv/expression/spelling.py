"""Other spellings of the language, whose meaning is certain: np.exp(x), xᵀ, ‖x‖², λ, Y^2."""

from __future__ import annotations

import logging
import re
import unicodedata

from matderiv.errors import ProgramSyntaxError
from matderiv.expression.latex_input import latex_program
from matderiv.expression.latex_signs import is_latex
from matderiv.expression.vocabulary import ARRAY_METHODS, FOREIGN_MODULES, GREEK, KNOWN

__all__ = ["OTHERWISE", "READ", "respelled"]

#: Where it is said how a text was read; the command line prints it.
READ = logging.getLogger("matderiv")

#: The end of a value, and its beginning.
_AFTER = r"(?<=[\w)\]])"
_NUMBER = r"[0-9]+(?:\.[0-9]*)?"

#: Functions that work otherwise elsewhere than here: how, and what to write.
OTHERWISE = {
    **{
        f"torch.{name}": f"divides by n - 1, and {name} by n; write {name}(x), or {name}(x) times "
        "the factor that is missing."
        for name in ("var", "std")
    },
    "torch.split": "makes parts of so many entries, and split so many parts, as in NumPy; write "
    "split(X, n) with the number n of parts.",
    "math.remainder": "is the one to the nearest multiple, and remainder(A, B) that of NumPy; "
    "write A - B*round(A/B).",
}

#: Calls that are read, and are no operations.
_WRITTEN_OUT = frozenset({"array", "asarray", "full"})

_MODULE = re.compile(
    rf"(?<![\w.])((?:(?:{'|'.join(sorted(FOREIGN_MODULES | {'F'}))})\.)+)([A-Za-z_]\w*)(?=\s*(\()?)"
)

#: The text that einsum takes, in which a quote is no transpose.
_SUBSCRIPTS = re.compile(r"""(?<=\beinsum\()\s*['"]([^'"\n]*)['"]""")

#: Signs that stand for one thing wherever they stand.
_SIGNS = {
    **dict.fromkeys("⊙∘∗", "*"),
    **dict.fromkeys("−–—", "-"),
    **dict.fromkeys("ᵀ⊤", ".T"),
    "÷": "/",
    "²": "**2",
    "³": "**3",
    "∥": "‖",
}
_TABLE = str.maketrans(_SIGNS)

#: Capital Greek letters that look like no Latin one.
_CAPITALS = frozenset("ΓΔΘΛΞΠΣΦΨΩ")


def respelled(text: str) -> tuple[str, str]:
    """The text in the spelling of the language, and the lines that were read otherwise.

    Only what is certain is read.

    Raises:
        ProgramSyntaxError: a sign has two readings; the error names both.

    >>> respelled("np.sum((X @ w − y)^2)/2 + λ*‖w‖²")[0]
    'sum((X @ w - y)**2)/2 + lam*norm(w)**2'
    """
    if is_latex(text):
        found = latex_program(text)
        return found, found
    subscripts: list[str] = []

    def hold(match: re.Match[str]) -> str:
        subscripts.append(match[1])
        return f'"{len(subscripts) - 1}"'

    def put(match: re.Match[str]) -> str:
        return f'"{subscripts[int(match[1])]}"'

    held = _SUBSCRIPTS.sub(hold, text)
    found, other = _respelled(held)
    if not subscripts:
        return found, other
    pattern = r'"([0-9]+)"'
    return re.sub(pattern, put, found), re.sub(pattern, put, other)


def _respelled(text: str) -> tuple[str, str]:
    if text.isascii() and not re.search(
        r"[\^']|\blambda|\|\||\)_\+|\)\s*=|[A-Za-z)\]]\.[a-z]|dim\s*=", text
    ):
        return text, ""
    bare = re.sub(r"#[^\n]*", "", text)
    _check_beside(bare)
    plain = _positive_parts(_norms(_lambda(_letters(_modules(_arguments(bare.translate(_TABLE)))))))
    found = _powers(_turned(_products(plain)))
    if found == bare:
        return text, ""
    pairs = zip(bare.split("\n"), found.split("\n"), strict=True)
    return found, " ".join(line.strip() for before, line in pairs if line != before)


def _check_beside(text: str) -> None:
    """Refuse xᵀAx, whose letters may be factors of either product."""
    found = re.search(r"([A-Za-z]\w*)[ᵀ⊤]([A-Za-z]\w*)\b(?!\s*\()", text)
    if found is None:
        return
    one, two = found.groups()
    factors = [two] if two in GREEK or not re.fullmatch("[A-Za-z]{2,3}", two) else list(two)
    products = [sign.join((f"{one}.T", *factors)) for sign in (" @ ", "*")]
    raise ProgramSyntaxError(
        f"{found[0]} has two readings: {products[0]}, the matrix product, or {products[1]}, entry "
        "by entry; write one of them.",
        text,
        found.start(),
    )


def _modules(text: str) -> str:
    """np.exp(x), X.t(), softmax(X, dim=1)."""

    def alone(match: re.Match[str]) -> str:
        module, name, called = match.groups()
        if not called:
            return "pi" if name == "pi" else match[0]
        if module == "F." and name in ARRAY_METHODS:  # F may be a matrix
            return match[0]
        if module + name in OTHERWISE:
            words = f"{module}{name} {OTHERWISE[module + name]}"
            raise ProgramSyntaxError(words, text, match.start())
        return name if name in KNOWN or name in _WRITTEN_OUT else match[0]

    text = re.sub(r"(?<=[(,])(\s*)dim(?=\s*=(?!=))", r"\1axis", _MODULE.sub(alone, text))
    text = re.sub(r"(?<=[(,])(\s*)keepdim(?=\s*=(?!=))", r"\1keepdims", text)
    text = re.sub(r"(\bnorm\([^()]*,\s*)p(?=\s*=(?!=))", r"\1ord", text)  # as in torch
    return re.sub(rf"{_AFTER}\.(?:t|transpose)\(\s*\)", ".T", text)


def _arguments(text: str) -> str:
    """f(x) = … as f = …, where f(…) stands nowhere else."""

    def alone(match: re.Match[str]) -> str:
        uses = re.findall(rf"(?<![\w.]){match[1]}\s*\(", text)
        return f"{match[1]} =" if len(uses) == 1 else match[0]

    names = r"\s*\w+(?:\s*,\s*\w+)*\s*"
    return re.sub(rf"(?<![^;\n\s])([A-Za-z]\w*)\s*\({names}\)\s*=(?!=)", alone, text)


def _positive_parts(text: str) -> str:
    """(…)_+ as relu(…)."""
    while (end := text.find(")_+")) >= 0:
        depth, start = 1, end
        while depth and start > 0:
            start -= 1
            depth += (text[start] == ")") - (text[start] == "(")
        if depth:
            return text
        text = f"{text[:start]}relu{text[start : end + 1]}{text[end + 3 :]}"
    return text


def _letters(text: str) -> str:
    """λ, Σ(x) for a sum, and Σ for a name."""
    text = re.sub(r"(?<!\w)[Σ∑](?=\s*\()", "sum", text)
    text = re.sub(r"∏(?=\s*\()", "prod", text)
    return re.sub(r"√(?=\s*\()", "sqrt", re.sub(r"(?<![^\W\d])[^\W\d_](?![^\W\d_])", _letter, text))


def _lambda(text: str) -> str:
    """The word lambda, perhaps with a number, as lam, where it is no function of Python.

    It stays where another name is lam.
    """
    if re.search(r"\blambda\b[^\S\n]*(?:[A-Za-z_*][\w, *]*)?:|\blam(?=_?[0-9]*\b)", text):
        return text
    return re.sub(r"\blambda(?=_?[0-9]*\b)", "lam", text)


def _letter(match: re.Match[str]) -> str:
    """The name of a Greek letter that stands alone, or before a digit."""
    letter = match[0]
    if letter.isascii():
        return letter
    words = unicodedata.name(letter, "")
    if words == "MICRO SIGN":
        return "mu"
    found = re.fullmatch(r"GREEK (?:SMALL LETTER |LUNATE )?(\w+)(?: SYMBOL)?", words)
    name = found[1].lower().replace("lamda", "lam") if found else ""
    if letter in _CAPITALS:
        return words.rpartition(" ")[2].replace("LAMDA", "LAMBDA").capitalize()
    return name if name in GREEK else letter


def _norms(text: str) -> str:
    """‖x‖, ‖X‖_F, ‖x‖_2 and ||x||; a number before one multiplies it, as in λ‖x‖²."""
    made, open_at = "", None
    for piece in re.split(r"(‖(?:_[F12]\b|₂)?)", text.replace("||", "‖")):
        if not piece.startswith("‖"):
            made += piece
            continue
        ended = re.search(r"[\w)\].']\s*\Z", made) is not None
        if open_at is None and piece == "‖":
            made = made.rstrip() + "*" if ended else made
            open_at, made = len(made), made + "norm("
        elif open_at is not None and ended:
            order = {"_1": ", 1", "_2": ", 2", "₂": ", 2"}.get(piece[1:], "")
            open_at, made = None, f"{made}{order})"
        else:
            return text
    return text if open_at is not None else made


def _products(text: str) -> str:
    """2·x is a product of numbers; x·y one of vectors, A·B of matrices."""

    def sign(match: re.Match[str]) -> str:
        left, dot, right = match.groups()
        if re.fullmatch(_NUMBER, left) or re.fullmatch(_NUMBER, right) or left in GREEK:
            return f"{left}*"
        if dot == "×":
            raise ProgramSyntaxError(
                f"× has two readings: {left} @ {right}, the matrix product, or {left}*{right}, "
                "entry by entry; write one of them.",
                text,
                match.start(2),
            )
        return f"{left} @ "

    return re.sub(
        rf"({_NUMBER}|[A-Za-z]\w*(?:\.T)?|[)\]])[ \t]*([·⋅∙•×])[ \t]*(?=([\w.]+|\())", sign, text
    )


def _turned(text: str) -> str:
    """X', with MATLAB's product beside it refused: X'*Y is X.T @ Y there."""
    quote = rf"{_AFTER}['′’](?=\s*(?:[-+*/@^;,)\]\n.'′’]|\Z)|[ \t]+[\w(])"
    beside = re.search(r"([A-Za-z]\w*)['′’]([A-Za-z]\w*)\b(?!['′’])", text)
    if beside:
        one, two = beside.groups()
        raise ProgramSyntaxError(
            f"{beside[0]} has two readings: {one}.T @ {two}, the matrix product, or {one}.T*{two}, "
            "entry by entry; write one of them.",
            text,
            beside.start(),
        )
    factors = re.search(r"[)\]]['′’][^\S\n]*\(", text)
    if factors:
        raise ProgramSyntaxError(
            "(…)'(…) has two readings: (…).T @ (…), the matrix product, or (…).T*(…), entry by "
            "entry; write one of them.",
            text,
            factors.start() + 1,
        )
    whole = text
    while (found := re.search(quote, text)) is not None:
        start, end = found.span()
        name = re.search(r"[A-Za-z]\w*(?:\.T)*\Z|[)\]]\Z", text[:start])
        other = re.match(r"\s*\*(?!\*)\s*([A-Za-z]\w*|\()", text[end:])
        if name is None:
            return whole
        if other:
            one = name[0] if name[0][0].isalpha() else "(…)"
            two = other[1] if other[1] != "(" else "(…)"
            raise ProgramSyntaxError(
                f"{one}'*{two} has two readings: {one}.T @ {two}, the matrix product as in MATLAB, "
                f"or {one}.T*{two}, entry by entry; write one of them.",
                text,
                name.start(),
            )
        text = f"{text[:start]}.T{text[end:]}"
    return whole if "'" in text else text


def _powers(text: str) -> str:
    """Y^2 is a power of each entry, X^T the transpose; X^-1 may be an inverse or 1/X."""
    inverse = re.search(r"([A-Za-z]\w*|[)\]])\s*\^\s*\(?\s*-\s*1\b", text)
    if inverse:
        base = inverse[1] if inverse[1][0].isalpha() else "(…)"
        raise ProgramSyntaxError(
            f"{base}^-1 has two readings: inv({base}), the inverse of a matrix, or 1/{base}, entry "
            "by entry; write one of them.",
            text,
            inverse.start(),
        )
    if not re.search(r"(?<![.^\w])T\b", re.sub(r"\^\s*T\b", "", text)):
        text = re.sub(rf"{_AFTER}\^T\b", ".T", text)
    return re.sub(
        rf"{_AFTER}(\s*)\^(?=\s*(?:{_NUMBER}|\(\s*-?{_NUMBER}(?:/{_NUMBER})?\s*\)))", r"\1**", text
    )
