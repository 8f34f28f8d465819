r"""The signs of LaTeX, where several that mean the same are one."""

from __future__ import annotations

import re

from matderiv.expression.vocabulary import GREEK

__all__ = ["GREEK_COMMANDS", "is_latex", "latex_signs", "with_quotes"]

#: Names of Greek letters by their commands.
GREEK_COMMANDS = {greek: name for name, greek in GREEK.items()} | {
    name: name for name in "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell".split()
}

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[0-9]+(?:\.[0-9]+)?|\S", re.DOTALL)
_LATEX = re.compile(r"\\[A-Za-z|\[(]|[\^_]\{|\\\\")
#: Signs that mean the same as another, or nothing; the first of a line is what they mean.
_SAME = {
    sign: line.split()[0].removeprefix("nothing")
    for line in r"""\odot * \circ \ast; ( [ \{; ) ] \}; / \oslash; \frac \dfrac \tfrac; \log \ln
    ; \hat \widehat; \bar \overline; \phi \varphi; \theta \vartheta; \| \Vert \lVert \rVert
    ; | \vert \lvert \rvert; nothing \, \: \! \quad \qquad \left \right \big \Big \bigl \bigr
    \Bigl \Bigr & $ ~ \[ \] \( \) \displaystyle \limits \nolimits""".split(";")
    for sign in line.split()[1:]
} | {"\\ ": "", "\\;": ""}
#: Xᵀ, X⁻ᵀ, and ∂L/∂Y as a fraction or as \nabla_Y L.
_T = r"(?:\\top|\\intercal|\\prime|T|\\(?:mathsf|mathrm|text)\s*(?:\{\s*T\s*\}|T))"
_TURNED = re.compile(rf"\^\s*(?:{_T}|\{{\s*{_T}\s*\}})")
_TURNED_INVERSE = re.compile(rf"\^\s*\{{\s*-\s*{_T}\s*\}}")
_D, _NAME = (
    r"(?:\\partial|\\mathrm\{?\s*d\}?|d)",
    r"((?:\\\w+\s*\{)?\s*\\?[A-Za-z]+(?:_\{?\w+\}?)?\s*\}?)",
)
_PARTIAL = re.compile(
    rf"\\d?frac\s*\{{\s*{_D}\s*{_NAME}\s*\}}\s*\{{\s*{_D}\s*{_NAME}\s*\}}"
    rf"|\\nabla\s*_\s*\{{?{_NAME}\}}?\s*[A-Z]"
)
#: L(w) at the beginning of L(w) = ….
_DEFINED = re.compile(
    r"(?:(?<=[;,])|\A)(\s*(?:\\\w+\s*\{\s*\w+\s*\}|\\?[A-Za-z]+))\s*\(\s*\\?\w+(?:\s*,\s*\\?\w+)*\s*\)\s*="
)


def is_latex(text: str) -> bool:
    r"""Whether a text is LaTeX.

    >>> is_latex(r"x^\top A x"), is_latex("X.T @ X")
    (True, False)
    """
    return _LATEX.search(text) is not None


def with_quotes(text: str) -> str:
    r"""The text with ' for each way to write a transpose, ∂L/∂Y as the name dY, L for L(w) = ….

    >>> with_quotes(r"\frac{\partial L}{\partial Y} W^{\top}")
    "\\mathrm{dY} W'"
    """
    text = _DEFINED.sub(r"\1 =", text)
    return _TURNED.sub("'", _TURNED_INVERSE.sub("^{-1}'", _PARTIAL.sub(_partial, text)))


def latex_signs(text: str) -> list[tuple[str, int]]:
    r"""Each sign and its place; spaces are left out.

    >>> latex_signs(r"\lVert x")
    [('\\|', 0), ('x', 7)]
    """
    read = ((_SAME.get(m[0], m[0]), m.start()) for m in _TOKEN.finditer(text))
    return [pair for pair in read if pair[0]]


def _partial(match: re.Match[str]) -> str:
    name = re.sub(r"\\(?:mathcal|boldsymbol|mathbf|bm)|[{}\s\\]", "", match[2] or match[3])
    return rf"\mathrm{{d{GREEK_COMMANDS.get(name, name)}}}"
