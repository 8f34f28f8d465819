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
  document.addEventListener("toggle", (event) => reachable(event.target), true);
  addEventListener("beforeprint", () => {
    for (const answer of all("details")) answer.open = true;
  });
  document.fonts.ready.then(() => reachable(document));

  // -- presenting: the page as slides, as much of a section on each as the screen holds

  let slides = [];
  let now = 0;
  let typed = ""; // digits of the slide to go to
  const presenting = () => root.classList.contains("presenting");
  const sections = all("main > .body, .step:not(.aside)"); // a talk leaves out what is aside
  const blocksOf = (section) => [
    ...(section.matches(".body") ? section : one(".body", section)).children,
  ];
  const leads = (block) =>
    block.matches("h3") || (block.matches("p") && block.nextElementSibling?.matches(":not(p, h3)"));
  // What stays together: an equality or another block, with the heading and the words before it.
  const pieces = (section) => {
    let lead = [];
    return blocksOf(section).flatMap((block) => {
      if (leads(block)) {
        lead.push(block);
        return [];
      }
      const links = block.matches(".equation") ? all(".link", block) : [];
      const parts = links.length ? links : [block];
      const found = parts.map((part, n) => ({ block, part, lead: n ? [] : lead }));
      lead = [];
      return found;
    });
  };
  const extent = ({ part, lead }) => {
    const laid = [...lead, ...(part.matches(".link") ? part.children : [part])];
    const boxes = laid.map((one) => one.getBoundingClientRect());
    return [Math.min(...boxes.map((box) => box.top)), Math.max(...boxes.map((box) => box.bottom))];
  };
  const dealt = () =>
    sections.flatMap((section) => {
      const title = one(".title", section)?.getBoundingClientRect().height ?? 0;
      const opening = section === sections[0] ? section.getBoundingClientRect().top + scrollY : 0;
      let room = innerHeight * 0.92 - title * 2 - opening;
      const found = [];
      let start = 0;
      for (const piece of pieces(section)) {
        const [top, bottom] = extent(piece);
        if (!found.length || bottom - start > room) {
          if (found.length) room = innerHeight * 0.92 - title * 2;
          found.push({ section, pieces: [] });
          start = top;
        }
        found.at(-1).pieces.push(piece);
      }
      return found;
    });
  const deal = () => {
    for (const part of all(".off, .head-only")) part.classList.remove("off", "head-only");
    slides = dealt();
  };
  const turnTo = (number) => {
    now = Math.max(0, Math.min(number, slides.length - 1));
    const { section, pieces: shown } = slides[now];
    one("main > header").classList.toggle("off", now > 0);
    for (const other of sections) other.classList.toggle("off", other !== section);
    const kept = new Set(shown.flatMap(({ block, part, lead }) => [block, part, ...lead]));
    for (const block of blocksOf(section)) {
      block.classList.toggle("off", !kept.has(block));
      for (const link of all(".link", block)) link.classList.toggle("off", !kept.has(link));
      const head = one(".link", block); // a chain that goes on keeps its left side
      head?.classList.toggle("head-only", kept.has(block) && !kept.has(head));
    }
    const progress = { now: now + 1, all: slides.length };
    by("progress").textContent = words.progress.replace(/\{(\w+)\}/g, (_, name) => progress[name]);
    scrollTo(0, 0);
    reachable(section);
  };
  const present = (on) => {
    keepNothing();
    root.classList.toggle("presenting", on);
    for (const part of all(".off, .head-only")) part.classList.remove("off", "head-only");
    if (on) {
      for (const button of folds) setFold(button, true);
      measure(document);
      deal();
      turnTo(0);
      document.activeElement?.blur();
    } else {
      by("present").focus({ preventScroll: true });
    }
    reachable(document);
  };
  const keepNothing = () => panel && keep(null);
  by("present").addEventListener("click", () => present(true));
  by("next").addEventListener("click", () => turnTo(now + 1));
  by("back").addEventListener("click", () => turnTo(now - 1));
  by("leave").addEventListener("click", () => present(false));
  addEventListener("resize", () => {
    if (!presenting()) return;
    const first = slides[now].pieces[0].part;
    deal();
    turnTo(slides.findIndex((slide) => slide.pieces.some(({ part }) => part === first)));
  });
  if (root.classList.contains("slides")) document.fonts.ready.then(() => present(true));

  const turns = {
    " ": () => turnTo(now + 1),
    ArrowRight: () => turnTo(now + 1),
    PageDown: () => turnTo(now + 1),
    ArrowLeft: () => turnTo(now - 1),
    PageUp: () => turnTo(now - 1),
    Home: () => turnTo(0),
    End: () => turnTo(slides.length - 1),
    Enter: () => turnTo(typed ? typed - 1 : now + 1),
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      if (panel && (kept || chosen)) keep(null);
      else if (presenting()) present(false);
      return;
    }
    const digit = presenting() && /^\d$/.test(event.key) ? event.key : "";
    const turn = presenting() && turns[event.key];
    // Space and Enter on a button press the button.
    const pressed = [" ", "Enter"].includes(event.key) && event.target.closest?.("button, summary");
    if (turn && !pressed) turn();
    typed = digit && typed + digit;
    if (!turn || pressed) return;
    event.preventDefault();
  });
})();
