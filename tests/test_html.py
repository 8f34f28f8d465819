"""The pages in HTML, in a real browser: opened from disk with the network off, and used.

One browser serves all tests, and to open a page costs more than to use it: pytest puts the tests of
a page one after another, and each finds it as it was opened. A pointer, a finger and a keyboard do
what a reader does; what is expected of an entry is read off the derivation's own SymPy objects.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from _browser import Browser
from _derived import LINEAR, USUAL, derived
from _details import fits

import matderiv
from matderiv.calculus.index_forms.forms import Entry
from matderiv.derivation.one_entry import GradientEntries
from matderiv.expression.nodes import Name
from matderiv.expression.shapes import Shape
from matderiv.handout.texts import messages

pytestmark = pytest.mark.parts

TITLE = "50% of <script>alert(1)</script> & $x_1$ `a` \\frac {b} 'c' \"d\" 😀 矩阵"

SOFTPLUS = "P_1 = A_1.T @ B2; J = sum(log(1 + exp(P_1)))"


@dataclass(frozen=True)
class Written:
    """A page: its language, and the derivation that it shows."""

    lang: str
    program: str = LINEAR
    size: tuple[int, int, int] = USUAL
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    method: str = "elementwise"
    title: str | None = None

    @property
    def derivation(self) -> matderiv.Derivation:
        """The derivation, made once for all tests."""
        return derived(self.program, self.size, shapes=self.shapes, method=self.method)


#: Each kind of page once: the worked example in both languages, where it is small and where its
#: matrices are shortened; another product; and programs of several operations, one by slices.
PAGES = {
    "one": Written("en", size=(1, 1, 1), title=TITLE),
    "worked": Written("en"),
    "worked zh": Written("zh"),
    "large": Written("en", size=(12, 3, 11)),
    "names": Written("en", SOFTPLUS),
    "ridge": Written("en", "L = sum((X @ W - T)**2) + lam*sum(W**2)"),
    "layers": Written(
        "zh",
        "H = relu(X @ W + b); L = sum(logsumexp(H @ V, axis=1))",
        shapes={"X": (2, 3), "W": (3, 2), "V": (2, 3)},
    ),
    "attention": Written(
        "en",
        "P = softmax(Q @ K.T/sqrt(lam), axis=1); L = sum(P @ V)",
        shapes={"Q": (2, 3), "K": (2, 3), "V": (2, 2)},
    ),
    "slices": Written(
        "en", "L = sum(tanh(X @ W + b))", shapes={"X": (2, 2), "W": (2, 3)}, method="slice"
    ),
    "vectors": Written(
        "zh",
        "L = (x @ y - lam)**2 + x @ A @ y + norm(y)/lam",
        shapes={"x": (3,), "y": (3,)},
        title=TITLE,
    ),
}

#: Pages on which all entries are written by their letters.
WHOLE = ("ridge", "layers", "attention", "slices", "vectors")


def on(*names: str) -> pytest.MarkDecorator:
    """A test of these pages."""
    return pytest.mark.parametrize("page", names, indirect=True)


def needed(message: str) -> None:
    """Skip for a reason, or fail where the environment says that every tool is there."""
    if os.environ.get("MATDERIV_REQUIRE_TOOLS") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser without a network."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        needed("Chromium is not installed")
    assert path is not None
    started = Browser(path, tmp_path_factory.mktemp("profile"))
    try:
        started.call(
            "Network.emulateNetworkConditions",
            offline=True,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )
        started.media(prefers_reduced_motion="reduce", prefers_color_scheme="light")
        yield started
    finally:
        started.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages on disk, by name."""
    folder = tmp_path_factory.mktemp("pages")
    made = {}
    for number, (name, page) in enumerate(PAGES.items()):
        handout = page.derivation.handout(
            lang=page.lang, title=page.title, author=page.title or "", length="full"
        )
        (made[name],) = handout.save(folder / f"{number}.html")
    return made


@pytest.fixture(scope="module")
def page(
    browser: Browser, files: dict[str, Path], request: pytest.FixtureRequest
) -> Iterator[Page]:
    """A page for all its tests; after them, nothing has come to its console."""
    opened = Page(browser, request.param, files[request.param])
    yield opened
    if browser.path == opened.path:
        assert browser.heard == []


@dataclass(frozen=True)
class Page:
    """A page in the browser."""

    browser: Browser
    name: str
    path: Path

    @property
    def written(self) -> Written:
        """What is on it."""
        return PAGES[self.name]

    def opened(self, width: int, height: int = 800, *, touch: bool = False) -> Browser:
        """The browser with the page as it is when it opens."""
        browser = self.browser
        browser.screen(width, height, touch=touch)
        if browser.path != self.path:
            browser.open(self.path)
            return browser
        browser.press("Escape", 3)  # lets go of an entry, leaves presenting
        browser.run(
            "scrollTo(0, 0); document.activeElement.blur();"
            "[...document.querySelectorAll('.fold[aria-expanded=false]')].map(b => b.click())"
        )
        browser.move(0, 0)
        return browser


@pytest.fixture
def desk(page: Page) -> Browser:
    """The page on a desk."""
    return page.opened(1280)


@pytest.fixture
def phone(page: Page) -> Browser:
    """The page on a phone."""
    return page.opened(390, 844, touch=True)


@pytest.fixture
def scratch(desk: Browser) -> Iterator[Browser]:
    """The page on a desk, for a test that leaves it in pieces."""
    yield desk
    desk.path = None


def cell(key: str, link: int = 1) -> str:
    """JavaScript for the cell of that key in the step about the whole matrix.

    `link` says in which equality of its chain: 1 holds the partial derivatives, 2 the sums.
    """
    return (
        f"[...document.querySelectorAll('.step')].map(s => s.querySelector("
        f"'.link:nth-child({link}) [data-key=\"{key}\"][tabindex]')).findLast(Boolean)"
    )


LIT = """(kind => [...new Set([...document.querySelectorAll('mtd.' + kind)]
    .map(c => c.dataset.key ?? c.textContent))].sort())"""


def lit(page: Browser) -> tuple[list[str], list[str]]:
    """The keys of the entries that are chosen, and of those they come from."""
    return page.run(f"{LIT}('chosen')"), page.run(f"{LIT}('source')")


#: The last formula of the derivation that the panel shows; arrays beside it are no part of it.
LAST = """[...document.querySelectorAll('.panel .entry .equation:not(:has([data-key]))')].at(-1)
    ?.querySelector('.link:last-child .right').parentElement.textContent"""


def pointed(page: Browser, cells: str) -> list[tuple[str, list[str], list[str], str]]:
    """Of each cell in a JavaScript list: its key, what is chosen and lit at it, the last formula.

    The page hears of a pointer that is there at once: a real one would have to scroll to each.
    """
    enter = "new PointerEvent('pointerenter', {pointerType: 'mouse'})"
    return [
        (key, chosen, lights, "".join(c for c in last if c not in "\u2061\u2062\u2063"))
        for key, chosen, lights, last in page.run(
            f"{cells}.map(cell => {{ cell.dispatchEvent({enter});"
            f" return [cell.dataset.key, {LIT}('chosen'), {LIT}('source'), {LAST} ?? '']; }})"
        )
    ]


def panel(page: Browser) -> str:
    """The text in the panel, without signs that cannot be seen; nothing while it is not open."""
    text = page.run(
        "(p => p.matches('.open') && getComputedStyle(p).visibility === 'visible'"
        " ? p.querySelector('.entry').textContent : '')(document.querySelector('.panel'))"
    )
    return "".join(letter for letter in text if letter not in "\u2061\u2062\u2063\n")


# -- the page as it opens ----------------------------------------------------------------------


def fits_the_screen(browser: Browser) -> bool:
    """No screen has to be pushed sideways; what is wider stands in a box of its own that scrolls."""
    return browser.run(
        "(wide => document.scrollingElement.scrollWidth <= wide"
        " && [...document.querySelectorAll('main *')].every(e => e.closest('.equation, .wide, pre')"
        " || e.getBoundingClientRect().right <= wide + 1))"
        # A phone makes innerWidth as wide as what sticks out.
        "(document.scrollingElement.clientWidth)"
    )


#: Every formula of a page, those that it has in store among them.
FORMULAS = """[document, ...[...document.querySelectorAll('template')].map(t => t.content)]
    .flatMap(place => [...place.querySelectorAll('math')]).map(formula => formula.outerHTML)"""


@pytest.mark.parametrize("name", ["worked", "attention"])
def test_a_page_that_shares_parts_reads_as_one_that_does_not(
    browser: Browser,
    files: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """What stands in a large page once is in all its places when the page is open."""
    monkeypatch.setattr("matderiv.handout.html.LARGE_PAGE", 0)
    page = PAGES[name]
    (shared,) = page.derivation.handout(lang=page.lang, length="full").save(tmp_path / "page.html")
    assert shared.read_text(encoding="utf-8").count("data-part=") > 100
    browser.screen(1280, 800)
    formulas = []
    for path in (files[name], shared):
        browser.open(path)
        formulas.append(browser.run(FORMULAS))
    assert formulas[0] == formulas[1]
    assert browser.heard == []


@on(*PAGES)
def test_page_opens_from_disk(page: Page, desk: Browser) -> None:
    """Nothing is loaded, and the console stays empty."""
    assert desk.heard == []
    assert {url.split(":")[0] for url in desk.asked} <= {"file", "data"}
    assert fits_the_screen(desk)
    assert desk.run("document.documentElement.lang") == messages(page.written.lang)["page.code"]


@on("one", "vectors")
def test_title_comes_out_as_typed(page: Page, desk: Browser) -> None:
    """Signs of any markup, emoji and Chinese are words in a title, and nothing else."""
    assert page.written.title == TITLE
    assert desk.run("document.title") == TITLE
    assert desk.run("document.querySelector('h1').textContent") == TITLE
    assert desk.run("document.querySelector('.author').textContent") == TITLE
    assert desk.run("document.querySelectorAll('h1 *, .author *').length") == 0


@on("worked", "large", "names", *WHOLE)
def test_every_letter_of_a_formula_is_in_the_font(desk: Browser) -> None:
    """Formulas are drawn in the font that the page holds, every letter and sign of them."""
    used = desk.fonts(
        "[...new Map([...document.querySelectorAll('math *')].filter(e => !e.children.length)"
        ".map(e => [e.outerHTML, e])).values()]"
    )
    assert len(used) > 20
    assert {text for text, fonts in used.items() if not fonts <= {"Matderiv Math"}} == set()


@pytest.mark.parametrize("name", ["worked", "worked zh"])
def test_no_line_starts_with_a_comma(files: dict[str, Path], name: str) -> None:
    """Punctuation after a formula stays with it; a browser would break the line between them."""
    text = files[name].read_text(encoding="utf-8")
    assert re.search(r"</math>[,，、。.]", text)
    held = re.sub(r'<span class="held">.*?</span>', "", text)
    assert not re.search(r"</math>[^\s\w<]", held)


@pytest.mark.parametrize("name", PAGES)
def test_what_the_panel_proves_is_counted(files: dict[str, Path], name: str) -> None:
    """The panel says how many equalities its derivations hold, and of how many entries."""
    text = files[name].read_text(encoding="utf-8")
    chains = [t for t in re.findall(r"<template .*?</template>", text) if 'class="chain"' in t]
    said = re.search(r'<p class="proved">(.*?)</p>', text)
    assert said is not None
    entries = sum("data-key" in chain.split(">")[0] for chain in chains)
    assert entries > 0
    counts = {entries, sum(chain.count('class="link"') for chain in chains)}
    assert set(map(int, re.findall(r"\d+", said[1]))) == counts


def test_page_is_the_same_every_time() -> None:
    """The same handout is the same page, byte for byte."""
    first, second = (derived(size=(1, 1, 1)).handout().write("html") for _ in range(2))
    assert first == second


# -- entries -----------------------------------------------------------------------------------


#: Products of two matrices, in either order and with either factor transposed.
PRODUCTS = {
    "X @ W": (LINEAR, USUAL),
    "W @ X": ("Y = W @ X; L = sum(f(Y))", USUAL),
    "theorem": ("L = Loss(Q @ K.T)", USUAL),
    "names": (SOFTPLUS, USUAL),
    "large": (LINEAR, (12, 3, 11)),
}


def expected_sources(derivation: matderiv.Derivation) -> Iterator[tuple[str, set[str]]]:
    """The keys of some entries of each gradient, and of all that such an entry comes from."""
    shapes = derivation.task.shapes
    for name in derivation.wrt:
        rows, cols = (dim.size for dim in shapes[name])
        for p, q in ((1, 1), (rows, cols), (rows, 1)):
            form = GradientEntries(derivation.task, name).sources((p, q))
            found = {
                "-".join((entry.name, *map(str, at)))
                for entry in form
                for at in filled(entry, derivation.task.sweep.facts.shape(Name(entry.name)))
            }
            assert found
            yield f"d{name}-{p}-{q}", found


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_page_knows_what_an_entry_comes_from(name: str) -> None:
    """The sources that a page gives for an entry are those of the entry worked out."""
    derivation = derived(*PRODUCTS[name])
    text = derivation.handout(length="full").write("html")
    shown = set(re.findall(r' data-key="([^"]*)"', text))
    given = dict(re.findall(r'<template data-key="([^"]*)" data-from="([^"]*)"', text))
    for key, found in expected_sources(derivation):
        patterns = given[key].split()
        assert {k for k in shown if any(fits(p, k) for p in patterns)} == found & shown, key
        assert found & shown


@on("worked", "names", "large")
def test_pointing_lights_up_what_an_entry_comes_from(page: Page, desk: Browser) -> None:
    """At any entry the lit sources are those of the entry worked out, as far as they are shown."""
    shown = set(desk.run("[...document.querySelectorAll('[data-key]')].map(c => c.dataset.key)"))
    for key, found in expected_sources(page.written.derivation):
        cells = f"[{cell(key, 1)}, {cell(key, 2)}]"
        for _, chosen, lights, _ in pointed(desk, cells):
            assert chosen == [key]
            assert {k for k in lights if k not in "⋯⋮⋱"} == found & shown, key
            assert len(found & shown) > 0
        # The sum for this entry and its entry among the partial derivatives: both.
        assert desk.run("document.querySelectorAll('mtd.chosen').length") >= 2


def filled(entry: Entry, shape: Shape) -> Iterator[tuple[int, ...]]:
    """All places that an entry with letters stands for."""
    runs = (
        [index] if isinstance(index, int) else range(1, dim.size + 1)
        for index, dim in zip(entry.indices, shape, strict=True)
    )
    return itertools.product(*runs)


def occurring(formula: str, names: dict[str, str]) -> set[str]:
    """The keys of the entries that stand in a formula; `names` are arrays by their letters."""
    found = re.findall(r"(∂L∂)?([a-z])(\d+)", formula)
    return {"-".join(("d" * bool(d) + names[x], *places)) for d, x, places in found if x in names}


@on(*WHOLE)
def test_every_entry_of_a_program_lights_up_what_is_in_its_formula(
    page: Page, desk: Browser
) -> None:
    """Pointing at any entry shows its derivation; lit is exactly what its last formula holds."""
    shapes = page.written.derivation.task.shapes
    names = {name.lower(): name for name, shape in shapes.items() if shape}
    seen = pointed(desk, "[...document.querySelectorAll('mtd[data-key][tabindex]')]")
    assert len(seen) >= 8
    for key, chosen, lights, last in seen:
        assert chosen == [key]
        own = last.split("=")[-1]
        # Of a factor without a name a whole row or column is lit besides.
        assert {key for key in lights if "." not in key} == occurring(own, names), own
    assert sum(len(lights) for _, _, lights, _ in seen) > len(seen)


@on("ridge")
def test_arrays_that_stand_elsewhere_are_shown_with_the_derivation(desk: Browser) -> None:
    """The panel holds those arrays of which an entry is lit, and no other; it is let go of."""
    shown = (
        "[...document.querySelectorAll('.panel .equation:has([data-key])')]"
        ".map(e => e.querySelector('[data-key]').dataset.key.split('-')[0])"
    )
    desk.hover(cell("dZ-1-2", 2))
    assert desk.run(shown) == ["Z", "T"]
    desk.hover(cell("dX-1-2", 2))  # both factors stand beside it
    assert desk.run(shown) == []
    desk.hover(cell("dW-1-2", 2))
    assert desk.run(shown) == ["X", "dZ", "W"]
    desk.move(2, 2)
    assert panel(desk) == ""


@on("vectors")
def test_keyboard_goes_down_a_vector(desk: Browser) -> None:
    """A vector is a column: arrows go up and down, Enter keeps, and Escape lets go."""
    desk.press("Tab")
    desk.run(f"{cell('dx-1')}.focus()")
    for key, there in (("ArrowDown", "dx-2"), ("ArrowRight", "dx-2"), ("End", "dx-3")):
        desk.press(key)
        assert desk.run("document.activeElement.dataset.key") == there
        assert lit(desk)[0] == [there]
        assert panel(desk).startswith(f"∂L/∂x{there[-1]} 来自")
    desk.press("Enter")
    desk.run("document.activeElement.blur()")
    assert lit(desk)[0] == ["dx-3"]
    desk.press("Escape")
    assert lit(desk) == ([], [])


@on("large")
def test_dots_between_lit_entries_are_lit(desk: Browser) -> None:
    """A row of which the middle is left out lights up as one."""
    desk.hover(cell("dX-1-1"))
    assert "⋯" in lit(desk)[1]
    assert "⋱" not in lit(desk)[1]


@on("worked", "worked zh")
def test_panel_shows_the_derivation_of_an_entry(page: Page, desk: Browser) -> None:
    """The panel says where an entry comes from, and derives it down to the terms that are left."""
    assert panel(desk) == ""
    before = desk.run("JSON.stringify(document.querySelector('main').getBoundingClientRect())")
    desk.run("scrollTo(0, 0)")
    desk.hover(cell("dX-2-3"))
    text = panel(desk)
    said = {
        "en": "∂L/∂x23 comes from row 2 of ∂L/∂Y and row 3 of W.",
        "zh": "∂L/∂x23 来自 ∂L/∂Y 的第 2 行和 W 的第 3 行。",
    }
    assert text.startswith(said[page.written.lang] + "∂yij∂x23=δi2w3j∂L∂x23=∂L∂y11⋅∂y11∂x23+")
    assert text.endswith("=∂L∂y21⋅w31+∂L∂y22⋅w32+∂L∂y23⋅w33")
    spoken = desk.run("document.getElementById('said').textContent")
    assert spoken.startswith("∂L/∂x_23 ")
    assert "2" in spoken.removeprefix("∂L/∂x_23")
    # The text beside it stays where it is.
    desk.run("scrollTo(0, 0)")
    after = desk.run("JSON.stringify(document.querySelector('main').getBoundingClientRect())")
    assert after == before
    desk.move(2, 2)
    assert panel(desk) == ""
    assert lit(desk) == ([], [])


@on("worked")
def test_every_entry_has_its_own_derivation(desk: Browser) -> None:
    """The panel's last line is, for each entry, what the worked-out matrix holds there."""
    keys = [f"dW-{p}-{q}" for p in (1, 4) for q in (1, 3)]
    keys += [f"dX-{p}-{q}" for p in (1, 2) for q in (1, 4)]
    cells = f"[{', '.join(cell(key, 2) for key in keys)}]"
    inside = desk.run(f"{cells}.map(c => c.textContent)")
    for own, (*_, last) in zip(inside, pointed(desk, cells), strict=True):
        assert last == "=" + "".join(c for c in own if c not in "\u2061\u2062\u2063")


@on("worked")
def test_click_keeps_an_entry_until_it_is_let_go(desk: Browser) -> None:
    """A click keeps the panel while the pointer goes elsewhere; Esc, ×, or a click lets go."""
    for let_go in (
        lambda: desk.press("Escape"),
        lambda: desk.click("document.getElementById('close')"),
        lambda: desk.click(cell("dX-1-2")),
    ):
        desk.click(cell("dX-1-2"))
        desk.hover(cell("dW-1-1"))
        assert lit(desk)[0] == ["dX-1-2"]
        assert desk.run("document.querySelectorAll('[aria-selected]').length") == 1
        let_go()
        desk.move(2, 2)
        desk.run("document.activeElement.blur()")
        assert panel(desk) == ""
        assert lit(desk) == ([], [])


@on("worked")
def test_keyboard_reaches_every_entry(desk: Browser) -> None:
    """A matrix is one stop of the Tab key; arrows go through it; Enter keeps; Esc lets go."""
    desk.run(f"{cell('dX-1-1')}.focus()")
    where = "document.activeElement.dataset.key"
    for key, there in (
        ("ArrowRight", "dX-1-2"),
        ("ArrowDown", "dX-2-2"),
        ("ArrowLeft", "dX-2-1"),
        ("ArrowLeft", "dX-2-1"),
        ("End", "dX-2-4"),
        ("ArrowUp", "dX-1-4"),
        ("Home", "dX-1-1"),
    ):
        desk.press(key)
        assert desk.run(where) == there
        assert lit(desk)[0] == [there]
        assert panel(desk).startswith(f"∂L/∂x{there[3]}{there[5]} ")
    desk.press("ArrowRight")
    desk.press("Enter")
    desk.press("Tab")
    assert desk.run(where) == "dX-1-1"  # of the next matrix
    assert lit(desk)[0] == ["dX-1-2"]
    desk.press("Tab", shift=True)
    assert desk.run(where) == "dX-1-2"  # where it was left
    desk.press("Escape")
    assert lit(desk)[0] == []
    desk.press(" ")
    assert lit(desk)[0] == ["dX-1-2"]


# -- steps -------------------------------------------------------------------------------------


@on("worked")
def test_steps_fold(desk: Browser) -> None:
    """A step folds at a click or by the keyboard, and all of them at once."""
    height = "document.querySelectorAll('.step > .body')[1].getBoundingClientRect().height"
    state = "document.querySelectorAll('.fold')[1].getAttribute('aria-expanded')"
    full = desk.run(height)
    desk.click("document.querySelectorAll('.fold')[1]")
    assert desk.run(state) == "false"
    assert desk.run(height) < 5 < full
    desk.press("Enter")
    assert desk.run(state) == "true"
    assert desk.run(height) == full
    desk.click("document.getElementById('fold_all')")
    open_ones = "document.querySelectorAll('.fold[aria-expanded=true]').length"
    assert desk.run(open_ones) == 0
    desk.click("document.getElementById('fold_all')")
    assert desk.run(open_ones) == desk.run("document.querySelectorAll('.step').length")


VISIBLE = """[...document.querySelectorAll('.link > *, main :is(p, h2, figure, pre, ul)')]
    .filter(e => e.checkVisibility({visibilityProperty: true})).length"""


PLACE = "document.getElementById('progress').textContent"

#: What is on a slide: blocks outside chains, and right sides of chains, by their place on the page.
ON_IT = """[...document.querySelectorAll('.right, main :is(p, figure, pre, ul, details)')]
    .map((e, n) => e.checkVisibility() ? n : -1).filter(n => n >= 0)"""


#: Those of them that a talk leaves out.
ASIDE = """[...document.querySelectorAll('.right, main :is(p, figure, pre, ul, details)')]
    .map((e, n) => e.closest('.aside') ? n : -1).filter(n => n >= 0)"""


@on("worked")
def test_page_is_presented_with_the_keyboard(desk: Browser) -> None:
    """For projecting, one slide at a time, larger; keys go on, back, to a number, and leave."""
    whole = desk.run(VISIBLE)
    size = "parseFloat(getComputedStyle(document.querySelector('main p')).fontSize)"
    usual = desk.run(size)
    desk.click("document.getElementById('present')")
    first, *_, last = desk.run(PLACE).split()
    assert first == "1"
    assert 15 < int(last) < 35
    assert desk.run(size) > usual * 1.15
    for key, place in (
        (" ", 2),
        ("ArrowRight", 3),
        ("PageDown", 4),
        ("ArrowLeft", 3),
        ("PageUp", 2),
        ("End", int(last)),
        ("ArrowRight", int(last)),
        ("Home", 1),
        ("ArrowLeft", 1),
    ):
        desk.press(key)
        assert desk.run(PLACE).split()[0] == str(place)
        assert 0 < desk.run(VISIBLE) < whole
    for key in ("1", "2", "Enter"):
        desk.press(key)
    assert desk.run(PLACE).split()[0] == "12"
    desk.click("document.getElementById('back')")
    assert desk.run(PLACE).split()[0] == "11"
    desk.press("Escape")
    assert desk.run(VISIBLE) == whole
    assert desk.run(size) == usual
    assert desk.run("document.activeElement.id") == "present"
    assert desk.heard == []


@on("worked", "large")
def test_slides_hold_all_of_the_page_once(desk: Browser) -> None:
    """Each piece but those aside is on one slide, in the order of the page, above its edge."""
    aside = desk.run(ASIDE)
    all_of_it = [n for n in desk.run(ON_IT) if n not in aside]
    assert aside
    desk.click("document.getElementById('present')")
    count = int(desk.run(PLACE).split()[-1])
    seen: list[int] = []
    for _ in range(count):
        bottom = desk.run(
            "Math.max(...[...document.querySelectorAll('.link > *, main :is(p, li, tr, pre)')]"
            ".filter(e => e.checkVisibility()).map(e => e.getBoundingClientRect().bottom))"
        )
        pieces = desk.run(ON_IT)
        assert 0 < bottom <= 800 or len(pieces) <= 2  # a figure that no screen holds
        # A chain that goes on keeps its left side.
        assert desk.run(
            "[...document.querySelectorAll('.chain')].filter(e => e.checkVisibility())"
            ".every(e => e.querySelector('.left').checkVisibility())"
        )
        seen += pieces
        desk.press(" ")
    assert seen == all_of_it
    desk.press("Escape")


def test_slides_open_at_their_first_and_fold_answers(browser: Browser, tmp_path: Path) -> None:
    """The file of slides is the page, presented; an answer is shown when the speaker opens it."""
    (path,) = derived().handout(exercises=2, seed=3).save(tmp_path / "talk.slides.html")
    browser.screen(1280)
    browser.open(path)
    assert browser.run(PLACE).split()[0] == "1"
    browser.press("End")
    answer = "[...document.querySelectorAll('main details')].at(-1)"
    assert browser.run(f"{answer}.checkVisibility()")
    assert not browser.run(f"{answer}.querySelector('p').checkVisibility()")
    browser.click(f"{answer}.querySelector('summary')")
    assert browser.run(f"{answer}.querySelector('p').checkVisibility()")
    assert browser.heard == []


def test_page_without_a_panel_is_presented_too(browser: Browser, tmp_path: Path) -> None:
    """Answers on a sheet of their own have no entries to ask about; all else works."""
    handout = derived(size=(1, 1, 1)).handout(exercises=2, seed=3, answers="separate")
    _, path = handout.save(tmp_path / "sheet.html")
    browser.screen(1280)
    browser.open(path)
    assert browser.run("document.querySelector('.panel')") is None
    whole = browser.run(VISIBLE)
    browser.click("document.getElementById('present')")
    assert 0 < browser.run(VISIBLE) < whole
    browser.press("End")
    browser.press("Escape")
    assert browser.run(VISIBLE) == whole
    assert not browser.run("document.documentElement.matches('.presenting')")
    browser.click("document.querySelector('.fold')")
    assert browser.run(VISIBLE) < whole
    assert browser.heard == []


# -- everybody ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def axe() -> str:
    """The program of axe-core, from the file that MATDERIV_AXE names."""
    path = os.environ.get("MATDERIV_AXE", "")
    if not Path(path).is_file():
        needed("MATDERIV_AXE names no axe.min.js; get one with npm install axe-core")
    return Path(path).read_text(encoding="utf-8")


def complaints(page: Browser, axe: str) -> list[str]:
    """What axe finds that is serious or critical.

    The contrast of formulas is that of the text around them, so it is looked at in lit ones only.
    """
    page.run(f"{axe}; 0")
    found = page.run(
        """(async () => {
            const run = (where, rules) => axe.run(where, {resultTypes: ["violations"], ...rules});
            const contrast = {runOnly: ["color-contrast"]};
            const lit = document.querySelectorAll("mtd.chosen, mtd.source");
            const reports = [
                await run(document, {rules: {"color-contrast": {enabled: false}}}),
                await run({exclude: ["main math"]}, contrast),
                ...(lit.length ? [await run([...lit], contrast)] : []),
            ];
            return JSON.stringify(reports.flatMap(report => report.violations));
        })()"""
    )
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in json.loads(found)
        if one["impact"] in ("serious", "critical")
    ]


@on("vectors")
def test_page_in_the_dark_is_for_everybody(desk: Browser, axe: str) -> None:
    """No serious barrier at a desk in the dark with the panel open."""
    desk.click(cell("dx-2"))
    desk.click("document.getElementById('theme')")
    assert desk.run("document.documentElement.dataset.theme") == "dark"
    assert complaints(desk, axe) == []
    desk.click("document.getElementById('theme')")


@on("one")
def test_page_while_presenting_is_for_everybody(phone: Browser, axe: str) -> None:
    """No serious barrier on a phone while presenting."""
    phone.tap("document.getElementById('present')")
    phone.tap("document.getElementById('next')")
    assert complaints(phone, axe) == []


# -- on a phone --------------------------------------------------------------------------------


@on(*PAGES)
def test_page_fits_a_phone(phone: Browser) -> None:
    """No screen has to be pushed sideways, and what scrolls, and nothing else, takes the focus."""
    assert fits_the_screen(phone)
    scrolls, stops = phone.run(
        "[e => e.scrollWidth > e.clientWidth + 1, e => e.tabIndex === 0].map(f =>"
        "[...document.querySelectorAll('.equation, pre, .wide')].map(f))"
    )
    assert any(scrolls)
    assert scrolls == stops


@on("ridge")
def test_finger_reaches_an_entry_under_the_sheet(phone: Browser) -> None:
    """A tall sheet opens when the finger is lifted, and then what was touched is above it."""
    phone.tap(cell("dW-1-2", 2))
    phone.run("new Promise(done => setTimeout(done, 50))")
    assert lit(phone)[0] == ["dW-1-2"]
    sheet, entry = phone.run(
        "[document.querySelector('.panel').getBoundingClientRect().top,"
        " document.querySelector('[aria-selected]').getBoundingClientRect().bottom]"
    )
    assert sheet < 844 / 2
    assert entry < sheet
    assert phone.run("document.scrollingElement.scrollWidth") == 390


@on("worked zh")
def test_finger_opens_a_sheet(phone: Browser) -> None:
    """On a phone a tap opens a sheet at the bottom, beside which the entry can be seen."""
    phone.tap(cell("dX-2-1", 2))
    phone.run("new Promise(done => setTimeout(done, 50))")
    assert panel(phone).startswith("∂L/∂x21 来自")
    sheet, entry = phone.run(
        "[document.querySelector('.panel'), document.querySelector('mtd.chosen[aria-selected]')]"
        ".map(e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]})"
    )
    assert sheet[0] == 0
    assert sheet[2] == 390
    assert sheet[3] == 844
    assert sheet[1] > 844 * 0.45
    assert entry[3] < sheet[1]
    assert phone.run("document.scrollingElement.scrollWidth") == 390
    # No word of a key that a phone has not.
    assert phone.run("document.querySelector('.panel').innerText.includes('Esc')") is False
    phone.tap("document.getElementById('close')")
    assert panel(phone) == ""


# -- paper -------------------------------------------------------------------------------------


@on("large", "names", "layers", "attention")
def test_nothing_is_cut_off_on_paper(page: Page) -> None:
    """Formulas fit an A4 page, what was folded is open, and no button or panel is printed."""
    browser = page.opened(680)  # A4 without its margins
    browser.click("document.getElementById('fold_all')")
    browser.media("print")
    try:
        outside = browser.run(
            "[...document.querySelectorAll('main *')].filter(e => e.checkVisibility() &&"
            " e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 90))"
        )
        assert outside == []
        whole, seen = browser.run(
            "(links => [links, links.filter(e => e.checkVisibility()"
            " && e.getBoundingClientRect().height > 5)].map(found => found.length))"
            "([...document.querySelectorAll('main .link > *')])"
        )
        assert whole == seen > 20
        assert not browser.run(
            "[...document.querySelectorAll('button, .panel')].some(e => e.checkVisibility())"
        )
        smallest = browser.run(
            "Math.min(...[...document.querySelectorAll('.chain')]"
            ".map(e => parseFloat(getComputedStyle(e).fontSize)))"
            " / parseFloat(getComputedStyle(document.querySelector('main p')).fontSize)"
        )
        assert smallest >= 0.7
    finally:
        browser.media(prefers_reduced_motion="reduce", prefers_color_scheme="light")


# -- what a page does not allow, and what is heard of ------------------------------------------


CREATE = "document.createElement('script')"

#: What a page refuses, by the directive of its policy that refuses it.
DEEDS = {
    "connect-src": "fetch('https://example.org/').catch(() => 0)",
    "img-src": "(i => { i.src = 'https://example.org/a.png'; })(new Image())",
    "script-src-elem": (
        f"(s => {{ s.textContent = 'planted = 1'; document.body.append(s); }})({CREATE})"
    ),
    "script-src-attr": "document.body.setAttribute('onclick', 'window.planted = 1')",
}


@on("one")
def test_page_forbids_the_network_and_other_programs(scratch: Browser) -> None:
    """The page's own policy holds: no request leaves it, and no program but its own runs."""
    for directive, deed in DEEDS.items():
        refused = scratch.run(
            "new Promise(done => { document.addEventListener('securitypolicyviolation',"
            f" event => done(event.effectiveDirective), {{once: true}}); {deed};"
            " setTimeout(done, 60000, 'nothing'); })"
        )
        assert refused == directive
    assert scratch.run("window.planted") is None


@on("one")
def test_barriers_are_found(scratch: Browser, axe: str) -> None:
    """The check can fail: a button without a name is heard of."""
    scratch.run(
        "document.querySelector('h1').style.color = '#eee';"
        "document.querySelector('main').replaceChildren("
        "document.querySelector('h1'), document.createElement('button'))"
    )
    found = {line.split(":")[0] for line in complaints(scratch, axe)}
    assert found == {"button-name", "color-contrast"}
