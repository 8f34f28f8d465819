"""The pages in HTML, in a real browser: opened from disk with the network off, and used.

One browser serves all tests. A pointer, a finger and a keyboard do what a reader does; what is
expected of an entry is read off the derivation's own SymPy objects.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from _browser import Browser
from _derived import derived

import matderiv
from matderiv.calculus.index_forms.forms import Entry
from matderiv.derivation.one_entry import GradientEntries
from matderiv.expression.nodes import Name
from matderiv.expression.shapes import Shape
from matderiv.handout.texts import messages

SIZES = [(2, 4, 3), (1, 1, 1), (3, 5, 2), (8, 8, 8), (12, 3, 11)]
LANGS = ("en", "zh")
#: The worked example in both languages, and in one of them where it is small or large.
SIZED = [*((lang, size) for size in SIZES[:2] for lang in LANGS)]
SIZED += [("zh", (3, 5, 2)), ("zh", (8, 8, 8)), ("en", (12, 3, 11))]
TITLE = "50% of <script>alert(1)</script> & $x_1$ `a` \\frac {b} 'c' \"d\" 😀 矩阵"

PROGRAMS = {
    "X @ W": "Y = X @ W; L = sum(f(Y))",
    "W @ X": "Y = W @ X; L = sum(f(Y))",
    "theorem": "L = Loss(Q @ K.T)",
    "names": "P_1 = A_1.T @ B2; J = sum(log(1 + exp(P_1)))",
}

#: Whole programs, with the language of their page, the shapes of their inputs and their method.
WHOLE: dict[str, tuple[str, str, dict[str, tuple[int, ...]], str]] = {
    "ridge": ("en", "L = sum((X @ W - T)**2) + lam*sum(W**2)", {}, "elementwise"),
    "layers": (
        "zh",
        "H = relu(X @ W + b); L = sum(logsumexp(H @ V, axis=1))",
        {"X": (2, 3), "W": (3, 2), "V": (2, 3)},
        "elementwise",
    ),
    "attention": (
        "en",
        "P = softmax(Q @ K.T/sqrt(lam), axis=1); L = sum(P @ V)",
        {"Q": (2, 3), "K": (2, 3), "V": (2, 2)},
        "elementwise",
    ),
    "slices": ("en", "L = sum(tanh(X @ W + b))", {"X": (2, 2), "W": (2, 3)}, "slice"),
    "vectors": (
        "zh",
        "L = (x @ y - lam)**2 + x @ A @ y + norm(y)/lam",
        {"x": (3,), "y": (3,)},
        "elementwise",
    ),
}


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
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, object], Path]:
    """Handouts in both languages at all sizes, and of all programs."""
    folder = tmp_path_factory.mktemp("pages")
    made: dict[tuple[str, object], Path] = {}
    wanted: list[tuple[str, object, matderiv.Derivation]] = [
        *((lang, size, derived(size=size)) for lang, size in SIZED),
        *(("en", name, derived(PROGRAMS[name])) for name in PROGRAMS if name != "X @ W"),
    ]
    for what, (lang, program, shapes, method) in WHOLE.items():
        wanted.append((lang, what, derived(program, shapes=shapes, method=method)))
    for number, (lang, what, derivation) in enumerate(wanted):
        (path,) = derivation.handout(lang=lang).save(folder / f"{number}.html")
        made[lang, what] = path
    made["en", "X @ W"] = made["en", (2, 4, 3)]
    return made


@pytest.fixture
def page(browser: Browser, files: dict[tuple[str, object], Path]) -> Browser:
    """The worked example in English on a desk, as it is when it opens."""
    path = files["en", (2, 4, 3)]
    browser.screen(1280)
    if browser.path != path:
        browser.open(path)
        return browser
    browser.press("Escape", 3)  # lets go of an entry, leaves presenting
    browser.run(
        "scrollTo(0, 0); document.activeElement.blur();"
        "[...document.querySelectorAll('.fold[aria-expanded=false]')].map(b => b.click())"
    )
    browser.move(0, 0)
    return browser


@pytest.fixture
def scratch(page: Browser) -> Iterator[Browser]:
    """The same for a test that leaves it in pieces."""
    yield page
    page.path = None


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


PAGES = [
    *SIZED,
    *((lang, what) for what, (lang, *_) in WHOLE.items()),
]


@pytest.mark.parametrize(("lang", "what"), PAGES, ids=str)
def test_page_opens_from_disk(
    browser: Browser, files: dict[tuple[str, object], Path], lang: str, what: object
) -> None:
    """Nothing is loaded, the console stays empty, and no screen has to be pushed sideways."""
    browser.screen(1280)
    browser.open(files[lang, what])
    for width in (1280, 390):
        browser.screen(width, touch=width < 1000)
        assert browser.heard == []
        assert {url.split(":")[0] for url in browser.asked} <= {"file", "data"}
        assert browser.run("document.scrollingElement.scrollWidth <= innerWidth")
        # What is wider than the screen stands in a box of its own that scrolls.
        assert browser.run(
            "[...document.querySelectorAll('main *')].filter(e => !e.closest('.equation, .wide, pre')"
            " && e.getBoundingClientRect().right > innerWidth + 1).length === 0"
        )
    assert browser.run("document.documentElement.lang") == messages(lang)["page.code"]


@pytest.mark.parametrize("what", ["X @ W", "theorem", "names", (12, 3, 11), *WHOLE], ids=str)
def test_every_letter_of_a_formula_is_in_the_font(
    browser: Browser, files: dict[tuple[str, object], Path], what: object
) -> None:
    """Formulas are drawn in the font that the page holds, every letter and sign of them."""
    browser.open(next(path for (_, page), path in files.items() if page == what))
    used = browser.fonts(
        "[...new Map([...document.querySelectorAll('math *')].filter(e => !e.children.length)"
        ".map(e => [e.outerHTML, e])).values()]"
    )
    assert len(used) > 20
    assert {text for text, fonts in used.items() if not fonts <= {"Matderiv Math"}} == set()


@pytest.mark.parametrize("lang", LANGS)
def test_no_line_starts_with_a_comma(files: dict[tuple[str, object], Path], lang: str) -> None:
    """Punctuation after a formula stays with it; a browser would break the line between them."""
    text = files[lang, (2, 4, 3)].read_text(encoding="utf-8")
    assert re.search(r"</math>[,，、。.]", text)
    held = re.sub(r'<span class="held">.*?</span>', "", text)
    assert not re.search(r"</math>[^\s\w<]", held)


@pytest.mark.parametrize(("lang", "what"), PAGES, ids=str)
def test_what_the_panel_proves_is_counted(
    files: dict[tuple[str, object], Path], lang: str, what: object
) -> None:
    """The panel says how many equalities its derivations hold, and of how many entries."""
    text = files[lang, what].read_text(encoding="utf-8")
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


CREATE = "document.createElement('script')"


@pytest.mark.parametrize(
    ("deed", "directive"),
    [
        ("fetch('https://example.org/').catch(() => 0)", "connect-src"),
        ("(i => { i.src = 'https://example.org/a.png'; })(new Image())", "img-src"),
        (
            "(s => { s.textContent = 'planted = 1'; document.body.append(s); })(PLANT)",
            "script-src-elem",
        ),
        ("document.body.setAttribute('onclick', 'window.planted = 1')", "script-src-attr"),
    ],
)
def test_page_forbids_the_network_and_other_programs(
    scratch: Browser, deed: str, directive: str
) -> None:
    """The page's own policy holds: no request leaves it, and no program but its own runs."""
    refused = scratch.run(
        "new Promise(done => { document.addEventListener('securitypolicyviolation',"
        f" event => done(event.effectiveDirective)); {deed.replace('PLANT', CREATE)}; setTimeout(done, 2000, 'nothing'); }})"
    )
    assert refused == directive
    assert scratch.run("window.planted") is None


@pytest.mark.parametrize("lang", LANGS)
def test_title_comes_out_as_typed(browser: Browser, tmp_path: Path, lang: str) -> None:
    """Signs of any markup, emoji and Chinese are words in a title, and nothing else."""
    handout = derived(size=(1, 1, 1)).handout(lang=lang, title=TITLE, author=TITLE)
    (path,) = handout.save(tmp_path / "title.html")
    browser.open(path)
    assert browser.heard == []
    assert browser.run("document.title") == TITLE
    assert browser.run("document.querySelector('h1').textContent") == TITLE
    assert browser.run("document.querySelector('.author').textContent") == TITLE
    assert browser.run("document.querySelectorAll('h1 *, .author *').length") == 0


# -- entries -----------------------------------------------------------------------------------


@pytest.mark.parametrize("what", [*PROGRAMS, (12, 3, 11)], ids=str)
def test_pointing_lights_up_what_an_entry_comes_from(
    browser: Browser, files: dict[tuple[str, object], Path], what: object
) -> None:
    """At any entry the lit sources are those of the entry worked out, as far as they are shown."""
    browser.screen(1280)
    browser.open(files["en", what])
    shown = set(browser.run("[...document.querySelectorAll('[data-key]')].map(c => c.dataset.key)"))
    derivation = derived(PROGRAMS[what]) if isinstance(what, str) else derived(size=what)
    shapes = derivation.task.shapes
    for name in derivation.wrt:
        rows, cols = (dim.size for dim in shapes[name])
        for p, q in ((1, 1), (rows, cols), (rows, 1)):
            key = f"d{name}-{p}-{q}"
            form = GradientEntries(derivation.task, name).sources((p, q))
            found = {
                "-".join((entry.name, *map(str, at)))
                for entry in form
                for at in filled(entry, derivation.task.sweep.facts.shape(Name(entry.name)))
            }
            cells = f"[{cell(key, 1)}, {cell(key, 2)}]"
            for _, chosen, lights, _ in pointed(browser, cells):
                assert chosen == [key]
                assert {k for k in lights if k not in "⋯⋮⋱"} == found & shown, key
                assert len(found & shown) > 0
            # The sum for this entry and its entry among the partial derivatives: both.
            assert browser.run("document.querySelectorAll('mtd.chosen').length") >= 2


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


@pytest.mark.parametrize("what", WHOLE)
def test_every_entry_of_a_program_lights_up_what_is_in_its_formula(
    browser: Browser, files: dict[tuple[str, object], Path], what: str
) -> None:
    """Pointing at any entry shows its derivation; lit is exactly what its last formula holds."""
    lang, program, shapes, method = WHOLE[what]
    task = derived(program, shapes=shapes, method=method).task
    names = {name.lower(): name for name, shape in task.shapes.items() if shape}
    browser.screen(1280)
    browser.open(files[lang, what])
    seen = pointed(browser, "[...document.querySelectorAll('mtd[data-key][tabindex]')]")
    assert len(seen) >= 8
    for key, chosen, lights, last in seen:
        assert chosen == [key]
        own = last.split("=")[-1]
        # Of a factor without a name a whole row or column is lit besides.
        assert {key for key in lights if "." not in key} == occurring(own, names), own
    assert sum(len(lights) for _, _, lights, _ in seen) > len(seen)


def test_arrays_that_stand_elsewhere_are_shown_with_the_derivation(
    browser: Browser, files: dict[tuple[str, object], Path]
) -> None:
    """The panel holds those arrays of which an entry is lit, and no other; it is let go of."""
    browser.screen(1280)
    browser.open(files["en", "ridge"])
    shown = (
        "[...document.querySelectorAll('.panel .equation:has([data-key])')]"
        ".map(e => e.querySelector('[data-key]').dataset.key.split('-')[0])"
    )
    browser.hover(cell("dZ-1-2", 2))
    assert browser.run(shown) == ["Z", "T"]
    browser.hover(cell("dX-1-2", 2))  # both factors stand beside it
    assert browser.run(shown) == []
    browser.hover(cell("dW-1-2", 2))
    assert browser.run(shown) == ["X", "dZ", "W"]
    browser.move(2, 2)
    assert panel(browser) == ""


def test_keyboard_goes_down_a_vector(
    browser: Browser, files: dict[tuple[str, object], Path]
) -> None:
    """A vector is a column: arrows go up and down, Enter keeps, and Escape lets go."""
    browser.screen(1280)
    browser.open(files["zh", "vectors"])
    browser.press("Tab")
    browser.run(f"{cell('dx-1')}.focus()")
    for key, there in (("ArrowDown", "dx-2"), ("ArrowRight", "dx-2"), ("End", "dx-3")):
        browser.press(key)
        assert browser.run("document.activeElement.dataset.key") == there
        assert lit(browser)[0] == [there]
        assert panel(browser).startswith(f"∂L∂x{there[-1]} 来自")
    browser.press("Enter")
    browser.run("document.activeElement.blur()")
    assert lit(browser)[0] == ["dx-3"]
    browser.press("Escape")
    assert lit(browser) == ([], [])


def test_finger_reaches_an_entry_under_the_sheet(
    browser: Browser, files: dict[tuple[str, object], Path]
) -> None:
    """A tall sheet opens when the finger is lifted, and then what was touched is above it."""
    browser.screen(390, 844, touch=True)
    browser.open(files["en", "ridge"])
    browser.tap(cell("dW-1-2", 2))
    browser.run("new Promise(done => setTimeout(done, 50))")
    assert lit(browser)[0] == ["dW-1-2"]
    sheet, entry = browser.run(
        "[document.querySelector('.panel').getBoundingClientRect().top,"
        " document.querySelector('[aria-selected]').getBoundingClientRect().bottom]"
    )
    assert sheet < 844 / 2
    assert entry < sheet
    assert browser.run("document.scrollingElement.scrollWidth") == 390


def test_dots_between_lit_entries_are_lit(
    browser: Browser, files: dict[tuple[str, object], Path]
) -> None:
    """A row of which the middle is left out lights up as one."""
    browser.open(files["en", (12, 3, 11)])
    browser.hover(cell("dX-1-1"))
    assert "⋯" in lit(browser)[1]
    assert "⋱" not in lit(browser)[1]


@pytest.mark.parametrize("lang", LANGS)
def test_panel_shows_the_derivation_of_an_entry(
    browser: Browser, files: dict[tuple[str, object], Path], lang: str
) -> None:
    """The panel says where an entry comes from, and derives it down to the terms that are left."""
    browser.screen(1280)
    browser.open(files[lang, (2, 4, 3)])
    assert panel(browser) == ""
    before = browser.run("JSON.stringify(document.querySelector('main').getBoundingClientRect())")
    browser.run("scrollTo(0, 0)")
    browser.hover(cell("dX-2-3"))
    text = panel(browser)
    said = {
        "en": "∂L∂x23 comes from row 2 of ∂L∂Y and row 3 of W.",
        "zh": "∂L∂x23 来自 ∂L∂Y 的第 2 行和 W 的第 3 行。",
    }
    assert text.startswith(said[lang] + "∂yij∂x23=δi2w3j∂L∂x23=∂L∂y11⋅∂y11∂x23+")
    assert text.endswith("=∂L∂y21⋅w31+∂L∂y22⋅w32+∂L∂y23⋅w33")
    spoken = browser.run("document.getElementById('said').textContent")
    assert spoken.startswith("∂L/∂x_23 ")
    assert "2" in spoken.removeprefix("∂L/∂x_23")
    # The text beside it stays where it is.
    browser.run("scrollTo(0, 0)")
    after = browser.run("JSON.stringify(document.querySelector('main').getBoundingClientRect())")
    assert after == before
    browser.move(2, 2)
    assert panel(browser) == ""
    assert lit(browser) == ([], [])


def test_every_entry_has_its_own_derivation(page: Browser) -> None:
    """The panel's last line is, for each entry, what the worked-out matrix holds there."""
    keys = [f"dW-{p}-{q}" for p in (1, 4) for q in (1, 3)]
    keys += [f"dX-{p}-{q}" for p in (1, 2) for q in (1, 4)]
    cells = f"[{', '.join(cell(key, 2) for key in keys)}]"
    inside = page.run(f"{cells}.map(c => c.textContent)")
    for own, (*_, last) in zip(inside, pointed(page, cells), strict=True):
        assert last == "=" + "".join(c for c in own if c not in "\u2061\u2062\u2063")


def test_click_keeps_an_entry_until_it_is_let_go(page: Browser) -> None:
    """A click keeps the panel while the pointer goes elsewhere; Esc, ×, or a click lets go."""
    for let_go in (
        lambda: page.press("Escape"),
        lambda: page.click("document.getElementById('close')"),
        lambda: page.click(cell("dX-1-2")),
    ):
        page.click(cell("dX-1-2"))
        page.hover(cell("dW-1-1"))
        assert lit(page)[0] == ["dX-1-2"]
        assert page.run("document.querySelectorAll('[aria-selected]').length") == 1
        let_go()
        page.move(2, 2)
        page.run("document.activeElement.blur()")
        assert panel(page) == ""
        assert lit(page) == ([], [])


def test_keyboard_reaches_every_entry(page: Browser) -> None:
    """A matrix is one stop of the Tab key; arrows go through it; Enter keeps; Esc lets go."""
    page.run(f"{cell('dX-1-1')}.focus()")
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
        page.press(key)
        assert page.run(where) == there
        assert lit(page)[0] == [there]
        assert panel(page).startswith(f"∂L∂x{there[3]}{there[5]} ")
    page.press("ArrowRight")
    page.press("Enter")
    page.press("Tab")
    assert page.run(where) == "dX-1-1"  # of the next matrix
    assert lit(page)[0] == ["dX-1-2"]
    page.press("Tab", shift=True)
    assert page.run(where) == "dX-1-2"  # where it was left
    page.press("Escape")
    assert lit(page)[0] == []
    page.press(" ")
    assert lit(page)[0] == ["dX-1-2"]


def test_finger_opens_a_sheet(browser: Browser, files: dict[tuple[str, object], Path]) -> None:
    """On a phone a tap opens a sheet at the bottom, beside which the entry can be seen."""
    browser.screen(390, 844, touch=True)
    browser.open(files["zh", (2, 4, 3)])
    browser.tap(cell("dX-2-1", 2))
    browser.run("new Promise(done => setTimeout(done, 50))")
    assert panel(browser).startswith("∂L∂x21 来自")
    sheet, entry = browser.run(
        "[document.querySelector('.panel'), document.querySelector('mtd.chosen[aria-selected]')]"
        ".map(e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]})"
    )
    assert sheet[0] == 0
    assert sheet[2] == 390
    assert sheet[3] == 844
    assert sheet[1] > 844 * 0.45
    assert entry[3] < sheet[1]
    assert browser.run("document.scrollingElement.scrollWidth") == 390
    # No word of a key that a phone has not.
    assert browser.run("document.querySelector('.panel').innerText.includes('Esc')") is False
    browser.tap("document.getElementById('close')")
    assert panel(browser) == ""


# -- steps -------------------------------------------------------------------------------------


def test_steps_fold(page: Browser) -> None:
    """A step folds at a click or by the keyboard, and all of them at once."""
    height = "document.querySelectorAll('.step > .body')[1].getBoundingClientRect().height"
    state = "document.querySelectorAll('.fold')[1].getAttribute('aria-expanded')"
    full = page.run(height)
    page.click("document.querySelectorAll('.fold')[1]")
    assert page.run(state) == "false"
    assert page.run(height) < 5 < full
    page.press("Enter")
    assert page.run(state) == "true"
    assert page.run(height) == full
    page.click("document.getElementById('fold_all')")
    open_ones = "document.querySelectorAll('.fold[aria-expanded=true]').length"
    assert page.run(open_ones) == 0
    page.click("document.getElementById('fold_all')")
    assert page.run(open_ones) == page.run("document.querySelectorAll('.step').length")


VISIBLE = """[...document.querySelectorAll('.link > *, main :is(p, h2, figure, pre, ul)')]
    .filter(e => e.checkVisibility({visibilityProperty: true})).length"""


def test_page_is_revealed_with_the_keyboard(page: Browser) -> None:
    """For projecting, steps come one equality at a time, larger, and go back again."""
    whole = page.run(VISIBLE)
    size = "parseFloat(getComputedStyle(document.querySelector('main p')).fontSize)"
    usual = page.run(size)
    page.click("document.getElementById('present')")
    counts = [page.run(VISIBLE)]
    for key in (" ", "ArrowRight", "PageDown", " ", " ", " ", " "):
        page.press(key)
        counts.append(page.run(VISIBLE))
    assert page.run(size) > usual * 1.2
    assert counts == sorted(set(counts))  # each key shows more
    assert counts[-1] < whole
    for key, count in (("ArrowLeft", counts[-2]), ("PageUp", counts[-3])):
        page.press(key)
        assert page.run(VISIBLE) == count
    page.press("Home")
    assert page.run(VISIBLE) == counts[0]
    page.press("End")
    assert page.run(VISIBLE) == whole
    page.click("document.getElementById('back')")
    assert page.run(VISIBLE) < whole
    page.press("Escape")
    assert page.run(VISIBLE) == whole
    assert page.run(size) == usual
    assert page.run("document.activeElement.id") == "present"
    assert page.heard == []


def test_what_is_revealed_is_on_the_screen(page: Browser) -> None:
    """The newest line is never below the edge, and lines before it do not move sideways."""
    page.click("document.getElementById('present')")
    count = page.run("document.querySelectorAll('.link').length")
    assert count > 30
    for _ in range(45):
        page.press(" ")
        bottom = page.run(
            "Math.max(...[...document.querySelectorAll('.link > *, main :is(p, li, tr, pre)')]"
            ".filter(e => e.checkVisibility({visibilityProperty: true}))"
            ".map(e => e.getBoundingClientRect().bottom))"
        )
        assert 0 < bottom <= 800
    page.press("Escape")


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


# -- paper -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "what",
    [("en", (2, 4, 3)), ("zh", (8, 8, 8)), ("en", "names"), ("zh", "layers"), ("en", "attention")],
    ids=str,
)
def test_nothing_is_cut_off_on_paper(
    browser: Browser, files: dict[tuple[str, object], Path], what: tuple[str, object]
) -> None:
    """Formulas fit an A4 page, what was folded is open, and no button or panel is printed."""
    browser.screen(1280)
    browser.open(files[what])
    browser.click("document.getElementById('fold_all')")
    browser.screen(680)  # A4 without its margins
    browser.media("print")
    try:
        outside = browser.run(
            "[...document.querySelectorAll('main *')].filter(e => e.checkVisibility() &&"
            " e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 90))"
        )
        assert outside == []
        assert browser.run("document.querySelectorAll('.link > *').length") == browser.run(
            "[...document.querySelectorAll('.link > *')].filter(e => e.checkVisibility()"
            " && e.getBoundingClientRect().height > 5).length"
        )
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


@pytest.mark.parametrize(
    "what",
    [
        ("en", (1, 1, 1), "dX-1-1"),
        ("zh", "vectors", "dx-2"),
    ],
    ids=str,
)
def test_page_is_for_everybody(
    browser: Browser,
    files: dict[tuple[str, object], Path],
    axe: str,
    what: tuple[str, object, str],
) -> None:
    """No serious barrier: at a desk in the dark with the panel open, on a phone while presenting."""
    browser.screen(1280)
    *page, key = what
    browser.open(files[tuple(page)])
    browser.click(cell(key))
    browser.click("document.getElementById('theme')")
    assert browser.run("document.documentElement.dataset.theme") == "dark"
    assert complaints(browser, axe) == []
    browser.screen(390, touch=True)
    browser.click("document.getElementById('theme')")
    browser.tap("document.getElementById('present')")
    browser.tap("document.getElementById('next')")
    assert complaints(browser, axe) == []


def test_barriers_are_found(scratch: Browser, axe: str) -> None:
    """The check can fail: a button without a name is heard of."""
    scratch.run(
        "document.querySelector('h1').style.color = '#eee';"
        "document.querySelector('main').replaceChildren("
        "document.querySelector('h1'), document.createElement('button'))"
    )
    found = {line.split(":")[0] for line in complaints(scratch, axe)}
    assert found == {"button-name", "color-contrast"}


def test_scrolling_boxes_are_reached_with_the_keyboard(
    browser: Browser, files: dict[tuple[str, object], Path]
) -> None:
    """On a phone whatever scrolls sideways takes the focus, and nothing else does."""
    browser.screen(390, touch=True)
    browser.open(files["en", (2, 4, 3)])
    scrolls, stops = browser.run(
        "[e => e.scrollWidth > e.clientWidth + 1, e => e.tabIndex === 0].map(f =>"
        "[...document.querySelectorAll('.equation, pre, .wide')].map(f))"
    )
    assert any(scrolls)
    assert scrolls == stops
