"use strict";
(() => {
  const root = document.documentElement;
  const words = JSON.parse(document.getElementById("words").textContent);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (selector, within = document) => within.querySelector(selector);
  const by = (id) => document.getElementById(id);
  const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
  root.classList.add("live");

  // -- formulas of a large page are put together from the parts that they share

  if (by("parts")) {
    const { shapes, parts } = JSON.parse(by("parts").textContent);
    const made = [];
    for (const [shape, ...inner] of parts) {
      const [start, ...rest] = shapes[shape].split("\ufffc");
      made.push(start + rest.map((text, number) => made[inner[number]] + text).join(""));
    }
    for (const within of [document, ...all("template").map((template) => template.content)]) {
      for (const formula of all("math[data-part]", within)) {
        formula.innerHTML = made[formula.dataset.part];
        formula.removeAttribute("data-part");
      }
    }
  }

  // -- light and dark

  by("theme").addEventListener("click", () => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = root.dataset.theme ?? (dark ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
  });

  // -- steps are folded and unfolded

  const folds = all(".fold");
  const body = (button) => by(button.getAttribute("aria-controls"));
  const isOpen = (button) => button.getAttribute("aria-expanded") === "true";
  const setFold = (button, open) => {
    button.setAttribute("aria-expanded", String(open));
    // Where browsers can, what is folded is still found by a search in the page.
    if (open) body(button).removeAttribute("hidden");
    else body(button).setAttribute("hidden", "until-found");
    by("fold_all").textContent = folds.some(isOpen) ? words.fold_all : words.unfold_all;
  };
  for (const button of folds) {
    button.addEventListener("click", () => setFold(button, !isOpen(button)));
    body(button).addEventListener("beforematch", () => setFold(button, true));
  }
  by("fold_all").addEventListener("click", () => {
    const open = !folds.some(isOpen);
    for (const button of folds) setFold(button, open);
  });
  if (!folds.length) by("fold_all").remove();

  // -- entries: which there are, and what lights up with them

  const panel = one(".panel");
  let chosen = null; // the cell that the pointer or the keyboard is at
  let kept = null; // the cell that was clicked

  const scope = (cell) => cell.closest(".body");
  const comesFrom = (pattern, key) => {
    const [name, row, col] = pattern.split("-");
    const [ofName, ofRow, ofCol] = key.split("-");
    const fits = (index, of) => index === "*" || index === of || (index === "=" && of === ofRow);
    return name === ofName && fits(row, ofRow) && fits(col, ofCol);
  };
  const templates = new Map(); // of each scope, by key
  for (const found of all("template[data-key]")) {
    const within = scope(found);
    if (!templates.has(within)) templates.set(within, new Map());
    templates.get(within).set(found.dataset.key, found);
  }
  const template = (cell) => templates.get(scope(cell))?.get(cell.dataset.key);
  const sources = (cell) => template(cell).dataset.from.split(" ").filter(Boolean);
  const isSource = (cell) => {
    const patterns = sources(cell);
    return (other) => patterns.some((pattern) => comesFrom(pattern, other.dataset.key));
  };

  const light = (cell) => {
    for (const lit of all(".chosen, .source")) lit.classList.remove("chosen", "source");
    if (!cell) return;
    const places = [scope(cell), panel];
    const cells = places.flatMap((place) => all("mtd[data-key]", place));
    for (const other of cells.filter(isSource(cell))) other.classList.add("source");
    for (const other of cells) {
      if (other.dataset.key === cell.dataset.key) other.classList.add("chosen");
    }
    for (const dots of places.flatMap((place) => all("mtd.dots", place))) {
      if (between(dots)) dots.classList.add("source");
    }
  };
  // Dots belong to a row or a column of which both ends are lit.
  const between = (dots) => {
    const isLit = (cell) => cell?.classList.contains("source");
    const row = dots.parentElement;
    const column = [...row.children].indexOf(dots);
    const above = row.previousElementSibling?.children[column];
    const below = row.nextElementSibling?.children[column];
    return (isLit(dots.previousElementSibling) && isLit(dots.nextElementSibling)) ||
      (isLit(above) && isLit(below));
  };

  const show = (cell) => {
    if (cell === chosen) return;
    chosen = cell;
    panel.classList.toggle("open", Boolean(cell));
    if (!cell) {
      light(null);
      return;
    }
    const detail = template(cell);
    const entry = one(".entry", panel);
    const inside = detail.content.cloneNode(true);
    // Arrays that it comes from and that do not stand beside it on the page.
    for (const found of all("template.array", detail.parentElement)) {
      const array = found.content.cloneNode(true);
      if (all("mtd[data-key]", array).some(isSource(cell))) inside.append(array);
    }
    for (const chain of all(".chain", inside)) {
      const box = document.createElement("div");
      box.className = "equation";
      chain.replaceWith(box);
      box.append(chain);
    }
    entry.replaceChildren(inside);
    light(cell);
    panel.scrollTop = 0;
    reachable(panel);
    by("said").textContent = detail.dataset.words;
  };
  const keep = (cell) => {
    kept?.removeAttribute("aria-selected");
    kept = cell;
    kept?.setAttribute("aria-selected", "true");
    one(".kept", panel).classList.toggle("on", Boolean(cell));
    show(cell);
    // A sheet at the bottom does not cover what it is about.
    const sheet = getComputedStyle(panel).position === "fixed";
    const covered = sheet && cell ? cell.getBoundingClientRect().bottom - innerHeight * 0.44 : 0;
    if (covered > 0) scrollBy({ top: covered, behavior: calm() ? "auto" : "smooth" });
  };

  // Each matrix is one stop of the Tab key; the arrow keys go from entry to entry.
  const grids = panel
    ? all("mtable.matrix").filter((grid) => all("mtd[data-key]", grid).some(template))
    : [];
  // In a narrow window the sheet may open under the pointer, which has not left the entry then.
  const leave = (event) => {
    if (event.pointerType === "mouse" && !panel.contains(event.relatedTarget)) show(kept);
  };
  panel?.addEventListener("pointerleave", leave);
  for (const grid of grids) {
    grid.setAttribute("role", "grid");
    grid.setAttribute("aria-label", words.matrix);
    grid.closest("math").setAttribute("role", "group");
    for (const row of grid.children) {
      row.setAttribute("role", "row");
      for (const cell of row.children) cell.setAttribute("role", "gridcell");
    }
    const cells = all(":scope > mtr > mtd[data-key]", grid).filter(template);
    cells.forEach((cell, number) => cell.setAttribute("tabindex", number ? "-1" : "0"));
    grid.addEventListener("keydown", (event) => move(event, cells));
    grid.addEventListener("pointerleave", leave);
    for (const cell of cells) {
      cell.addEventListener("pointerenter", (event) => {
        if (event.pointerType === "mouse" && !kept) show(cell);
      });
      cell.addEventListener("focus", () => {
        for (const other of cells) other.tabIndex = other === cell ? 0 : -1;
        // A finger opens the sheet when it is lifted: before, the sheet would be in its way.
        if (!kept && cell.matches(":focus-visible")) show(cell);
      });
      cell.addEventListener("blur", () => show(kept));
      cell.addEventListener("click", () => keep(kept === cell ? null : cell));
    }
  }
  const move = (event, cells) => {
    const cell = event.target.closest("mtd");
    const row = cell.parentElement;
    const column = [...row.children].indexOf(cell);
    const step = (from, way, at) => {
      let next = from?.[way];
      while (next && !cells.includes(at(next))) next = next[way];
      return next && at(next);
    };
    const same = (next) => next;
    const below = (next) => next.children[column];
    const next = {
      ArrowRight: () => step(cell, "nextElementSibling", same),
      ArrowLeft: () => step(cell, "previousElementSibling", same),
      ArrowDown: () => step(row, "nextElementSibling", below),
      ArrowUp: () => step(row, "previousElementSibling", below),
      Home: () => cells[0],
      End: () => cells.at(-1),
      Enter: () => cell,
      " ": () => cell,
    }[event.key];
    if (!next || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    if (next() === cell) keep(kept === cell ? null : cell);
    else next()?.focus();
  };
  if (panel) by("close").addEventListener("click", () => keep(null));

  // -- formulas are set smaller where room is short; what still scrolls is reached with the keyboard

  const measure = (within) => {
    const widths = all(".chain", within).map((chain) => {
      const edge = chain.getBoundingClientRect().left;
      const ends = all(".right, .more", chain).map((part) => part.getBoundingClientRect().right);
      return [chain, (Math.max(...ends) - edge) / parseFloat(getComputedStyle(chain).fontSize)];
    });
    for (const [chain, width] of widths) {
      // An estimate stays for what is not laid out.
      if (width > 0) chain.style.setProperty("--w", (width + 0.1).toFixed(2));
    }
  };
  const reachable = (within) => {
    measure(within);
    for (const box of all(".equation, .wide, pre", within)) {
      const scrolls = box.scrollWidth > box.clientWidth + 1;
      if (scrolls === box.hasAttribute("tabindex")) continue;
      const set = { tabindex: "0", role: "group", "aria-label": words.wide };
      for (const [name, value] of Object.entries(set)) {
        if (scrolls) box.setAttribute(name, value);
        else box.removeAttribute(name);
      }
    }
  };
  addEventListener("resize", () => reachable(document));
  document.fonts.ready.then(() => reachable(document));

  // -- presenting: the page is revealed block by block, and equality by equality

  let beats = [];
  let now = 0;
  const presenting = () => root.classList.contains("presenting");
  const sections = all("main > .body, .step");
  const blocksOf = (section) => [
    ...(section.matches(".body") ? section : one(".body", section)).children,
  ];
  const listed = () =>
    sections.flatMap((section) => {
      let head = null; // a heading comes with what follows it
      return blocksOf(section).flatMap((block) => {
        if (block.matches("h3")) {
          head = block;
          return [];
        }
        const links = all(".link", block);
        const found = (links.length ? links : [null]).map((link) => ({ section, head, block, link }));
        head = null;
        return found;
      });
    });
  const reveal = (number) => {
    now = Math.max(0, Math.min(number, beats.length - 1));
    const ahead = new Set(beats.slice(now + 1).flatMap(Object.values));
    const here = new Set(beats.slice(0, now + 1).flatMap(Object.values));
    for (const part of new Set(beats.flatMap(Object.values))) {
      part?.classList.toggle("ahead", ahead.has(part) && !here.has(part));
    }
    const progress = { now: now + 1, all: beats.length };
    by("progress").textContent = words.progress.replace(/\{(\w+)\}/g, (_, name) => progress[name]);
    bringIntoView(beats[now]);
  };
  const bringIntoView = ({ section, block, link }) => {
    const parts = link ? [...link.children] : [block];
    const bottom = Math.max(...parts.map((part) => part.getBoundingClientRect().bottom));
    const top = (block === blocksOf(section)[0] ? section : block).getBoundingClientRect().top;
    const room = innerHeight * 0.86;
    let shift = 0;
    if (bottom > room) shift = Math.min(bottom - room, Math.max(0, parts[0].getBoundingClientRect().top - 20));
    if (top < 0 && bottom <= room) shift = top - 20;
    if (shift) scrollBy({ top: shift, behavior: calm() ? "auto" : "smooth" });
  };
  const present = (on) => {
    keepNothing();
    root.classList.toggle("presenting", on);
    for (const part of all(".ahead")) part.classList.remove("ahead");
    if (on) {
      for (const button of folds) setFold(button, true);
      beats = listed();
      scrollTo(0, 0);
      reveal(0);
      document.activeElement?.blur();
    } else {
      by("present").focus({ preventScroll: true });
    }
    reachable(document);
  };
  const keepNothing = () => panel && keep(null);
  by("present").addEventListener("click", () => present(true));
  by("next").addEventListener("click", () => reveal(now + 1));
  by("back").addEventListener("click", () => reveal(now - 1));
  by("leave").addEventListener("click", () => present(false));

  const turns = {
    " ": () => reveal(now + 1),
    ArrowRight: () => reveal(now + 1),
    PageDown: () => reveal(now + 1),
    ArrowLeft: () => reveal(now - 1),
    PageUp: () => reveal(now - 1),
    Home: () => reveal(0),
    End: () => reveal(beats.length - 1),
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      if (panel && (kept || chosen)) keep(null);
      else if (presenting()) present(false);
      return;
    }
    const turn = presenting() && turns[event.key];
    // Space on a button presses the button.
    if (!turn || (event.key === " " && event.target.closest?.("button"))) return;
    event.preventDefault();
    turn();
  });
})();
