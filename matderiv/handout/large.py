"""Chains of equalities that are too large for a page of LaTeX, on pages of their own."""

from __future__ import annotations

from matderiv.notation.boxes import Aligned
from matderiv.notation.layout import fitted

__all__ = ["PAGES", "PAGE_HEIGHT", "enlarged", "tallest"]

#: The height of a usual page's text in em.
PAGE_HEIGHT = 66.0

#: The widths in em that are tried for larger ones, up to what TeX can measure; how high a page
#: may be in parts of its width; the least height in em.
_ROOMS = tuple(70 * 1.25**n for n in range(15))
_SQUARE, _LOWEST = 0.75, 42.0

#: Pages of other sizes: of a text so wide and so high, and back to those of the document.
PAGES = r"""\makeatletter
\newdimen\usualwidth \newdimen\usualheight
\AtBeginDocument{\usualwidth=\textwidth \usualheight=\textheight}
\newcommand{\setpage}[4]{\clearpage
  \pdfpagewidth=#1\relax \pdfpageheight=#2\relax
  \textwidth=#3\relax \hsize=#3\relax \columnwidth=#3\relax \linewidth=#3\relax
  \textheight=#4\relax \global\vsize=#4\relax
  \global\@colht=#4\relax \global\@colroom=#4\relax}
\newcommand{\largepage}[2]{\setpage
  {\dimexpr\paperwidth-\usualwidth+#1}{\dimexpr\paperheight-\usualheight+#2}%
  {\dimexpr#1}{\dimexpr#2}}
\newcommand{\usualpage}{\setpage{\paperwidth}{\paperheight}{\usualwidth}{\usualheight}}
\makeatother"""


def tallest(box: Aligned) -> float:
    """The height of the highest row of a chain, in em; between rows a page may end."""
    return max(right.height for right in box.rights)


def enlarged(box: Aligned) -> tuple[Aligned, str]:
    """A chain as it fits a larger page, and what begins that page."""
    fit = box
    for room in _ROOMS:
        larger = fitted(box, room, elide=False)
        assert isinstance(larger, Aligned)
        fit = larger
        if fit.width <= room and fit.height <= room * _SQUARE:
            break
    width, high = max(fit.width * 1.08, _ROOMS[0]), max(fit.height * 1.35 + 6, _LOWEST)
    return fit, f"\\largepage{{{width:.0f}em}}{{{high:.0f}em}}"
