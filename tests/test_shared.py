"""What repeats in the formulas of a large page stands in it once, and nothing is lost."""

from __future__ import annotations

import json
import re

import pytest
from _derived import derived

from matderiv.handout.formats import write_text
from matderiv.handout.shared import shared


def unfolded(page: str, data: str) -> str:
    """The page with every part in its places."""
    stored = json.loads(data)
    made: list[str] = []
    for shape, *inner in stored["parts"]:
        start, *rest = stored["shapes"][shape].split("\ufffc")
        assert len(rest) == len(inner)
        made.append(start + "".join(made[n] + text for n, text in zip(inner, rest, strict=True)))
    return re.sub(
        r' data-part="(\d+)"></math>', lambda found: f">{made[int(found[1])]}</math>", page
    )


@pytest.mark.long
def test_nothing_is_lost_and_little_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts put in their places are the page; of a product of 6×6 matrices a fifth is left."""
    monkeypatch.setattr("matderiv.handout.html.LARGE_PAGE", 1 << 40)
    derivation = derived("L = sum(f(X @ W))", shapes={"X": (6, 6), "W": (6, 6)})
    page = write_text(derivation.document(show="all"), "html")
    body = page[page.index("<main") : page.index("</main>")]
    rest, data = shared(body)
    assert unfolded(rest, data) == body
    assert len(rest) + len(data) < len(body) / 5


def test_a_page_with_the_sign_of_a_hole_is_left_alone() -> None:
    """Text that could be taken for a hole is not touched."""
    page = "<math>" + "<mrow><mi>\ufffc</mi><mi>x</mi></mrow>" * 9 + "</math>"
    assert shared(page) == (page, "")
