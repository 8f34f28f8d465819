"""Makes the maths font that pages in HTML carry, from STIX Two Math.

    pip install fonttools brotli ziamath
    python scripts/subset_font.py

The wheel of ziamath holds the original, STIXTwoMath-Regular.ttf; a path to another copy of it may
be given. The original is under the SIL Open Font License 1.1, which reserves the name "TM Math"
and lets nobody present a changed font under a reserved name. The subset is called "Matderiv Math",
as no reader should take it for the original; its licence stands beside it in the package, and is
printed into every page that holds the font.
"""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

TARGET = Path(__file__).parents[1] / "matderiv" / "handout" / "assets" / "matderiv-math.woff2"
NAME = "Matderiv Math"

#: The characters that formulas can contain: letters upright and in italics, digits, signs.
CHARACTERS = [
    *range(0x20, 0x7F),
    *range(0x391, 0x3A2),  # Greek
    *range(0x3A3, 0x3D7),
    *range(0x1D434, 0x1D468),  # Latin italics
    *range(0x1D6E2, 0x1D71C),  # Greek italics
    *map(ord, "\u00a0\u2061\u2062\u2063\u210e±·×÷′−∂∑∏√∞∈≤≥≠⊗⊘‖⋅⋮⋯⋱∘⊙…⟨⟩"),
]

#: The names of a font file: family, style, unique name, full name, PostScript name.
NAMES = {1: NAME, 2: "Regular", 3: f"{NAME} (subset)", 4: NAME, 6: NAME.replace(" ", "")}
#: Names that stay: copyright, version, trademark, licence and its address.
KEPT = {0, 5, 7, 13, 14}


def main() -> None:
    """Write the subset."""
    font = TTFont(sys.argv[1] if len(sys.argv) > 1 else _original())
    options = subset.Options()
    options.layout_features = ["ssty", "dtls", "kern"]  # forms for scripts; letters without dots
    options.name_IDs = [*KEPT]
    options.hinting = False
    options.glyph_names = False
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=CHARACTERS)
    subsetter.subset(font)
    for number, text in NAMES.items():
        font["name"].setName(text, number, 3, 1, 0x409)
    # Browsers push an index below the tail of its letter. With no drop added to that, y₁₁ and x₁₁
    # stand alike, and TeX's rules for single letters come out.
    font["MATH"].table.MathConstants.SubscriptBaselineDropMin.Value = 0
    font.flavor = "woff2"
    font["head"].modified = font["head"].created  # the same bytes on every day
    font.recalcTimestamp = False
    font.save(TARGET)
    print(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes, {len(font.getGlyphOrder())} glyphs")


def _original() -> Path:
    files = metadata.files("ziamath") or ()
    return Path(str(next(f for f in files if f.name == "STIXTwoMath-Regular.ttf").locate()))


if __name__ == "__main__":
    main()
