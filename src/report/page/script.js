"use strict";
(() => {
  const page = document.documentElement;
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  page.classList.add("live");

  // Light and dark: as the system has it, until it is chosen.
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (page.dataset.theme ? page.dataset.theme === "dark" : dark.matches);
  const showTheme = () => one("#theme").setAttribute("aria-pressed", isDark());
  one("#theme").addEventListener("click", () => {
    page.dataset.theme = isDark() ? "light" : "dark";
    showTheme();
  });
  dark.addEventListener("change", showTheme);
  showTheme();

  // Whether values chosen in selectors are those of an element; what is not chosen is any.
  const isAt = (element, chosen) => {
    const at = element.dataset.at.split(",");
    return chosen.every((value, i) => value === "" || value === at[i]);
  };
  const values = (selects) => selects.map((select) => select.value);

  // The table of cells: sorted by a column, and those that filters leave.
  const table = one("#cells table");
  const lines = all("tbody tr", table);
  const filters = all("#cells select");
  const filter = () => {
    const chosen = values(filters);
    for (const line of lines) line.hidden = !isAt(line, chosen);
    const left = lines.filter((line) => !line.hidden).length;
    one("#shown").textContent = `${left} of ${lines.length} cells`;
  };
  for (const select of filters) select.addEventListener("change", filter);
  filter();

  // All numbers of a text, one after another; above a bound is more than the bound.
  const numbers = (text) => {
    const found = text.match(/>?-?\d+(\.\d+)?(e-?\d+)?/g) ?? [];
    return found.map((one) => (one.startsWith(">") ? Number(one.slice(1)) + 1e-4 : Number(one)));
  };
  const isNumeric = (text) => /^[[>(-]?\d/.test(text);
  const compare = (a, b) => {
    if (!isNumeric(a) || !isNumeric(b)) return a.localeCompare(b, "en");
    const [x, y] = [numbers(a), numbers(b)];
    const differ = x.findIndex((number, i) => number !== y[i]);
    return differ < 0 ? 0 : x[differ] - (y[differ] ?? 0);
  };
  const heads = all("thead th[aria-sort]", table);
  const sort = (head) => {
    const isUp = head.getAttribute("aria-sort") !== "ascending";
    for (const other of heads) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", isUp ? "ascending" : "descending");
    const keyed = lines.map((line) => [line.cells[head.cellIndex].textContent, line]);
    const isNone = ([text]) => text === "-";
    // Where there is nothing, last.
    keyed.sort((a, b) => isNone(a) - isNone(b) || (isUp ? 1 : -1) * compare(a[0], b[0]));
    one("tbody", table).append(...keyed.map(([, line]) => line));
  };
  for (const head of heads) one("button", head).addEventListener("click", () => sort(head));

  // What a mark says, at once: its title, which is taken away meanwhile so that it does not show twice.
  const tip = one("#tip");
  let read = null;
  const silence = () => {
    if (read) {
      read.mark.prepend(read.title);
      read.mark.classList.remove("read");
    }
    read = null;
    tip.textContent = "";
  };
  const say = (mark, x, y) => {
    if (read?.mark !== mark) {
      silence();
      const title = one(":scope > title", mark);
      read = { mark, title };
      mark.classList.add("read");
      title.remove();
      tip.textContent = title.textContent;
    }
    place(x, y);
  };
  const place = (x, y) => {
    const [width, height] = [tip.offsetWidth, tip.offsetHeight];
    tip.style.left = `${Math.max(4, Math.min(x + 12, innerWidth - width - 4))}px`;
    tip.style.top = `${y > height + 16 ? y - height - 12 : y + 16}px`;
  };

  // What is said along a curve becomes marks: points on it, which are seen when they are read. Each has the pieces
  // of the line that are its own: where a curve keeps its value, up to the next point; else half the way to it.
  const piecesOf = new WeakMap();
  const element = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const markCurve = (readings) => {
    const lines = readings.textContent.split("\n").map((line) => /^(\S+) (\S+) (.*)$/.exec(line).slice(1));
    const points = lines.map(([x, y]) => [Number(x), Number(y)]);
    const isSteps = readings.classList.contains("steps");
    const curve = element("g", { class: readings.getAttribute("class"), "data-curve": readings.dataset.curve });
    const marks = points.map((point, i) => {
      const mark = element("circle", { cx: point[0], cy: point[1], r: 4 });
      mark.append(element("title", {}));
      mark.firstChild.textContent = `${readings.dataset.curve}: ${lines[i][2]}`;
      piecesOf.set(mark, [[point, point]]);
      curve.append(mark);
      return mark;
    });
    // The line is drawn through more points than there are readings.
    for (const piece of drawn(readings.previousElementSibling)) {
      const middle = (piece[0][0] + piece[1][0]) / 2;
      const after = points.findIndex(([x]) => x > middle);
      const last = after < 0 ? points.length - 1 : Math.max(0, after - 1);
      const isNext = !isSteps && after > 0 && points[after][0] - middle < middle - points[last][0];
      piecesOf.get(marks[isNext ? after : last]).push(piece);
    }
    readings.replaceWith(curve);
  };
  // The pieces of a line.
  const drawn = (line) => {
    if (!line?.matches("path.line")) return [];
    const pieces = [];
    let at = [];
    for (const [, way, first, second] of line.getAttribute("d").matchAll(/([MLHV])([-.\d]+)(?: ([-.\d]+))?/g)) {
      const to = [way === "V" ? at[0] : Number(first), way === "V" ? Number(first) : way === "H" ? at[1] : Number(second)];
      if (way !== "M") pieces.push([at, to]);
      at = to;
    }
    return pieces;
  };
  const toPiece = ([x, y], [[a, b], [c, d]]) => {
    const [u, v] = [c - a, d - b];
    const part = Math.max(0, Math.min(1, ((x - a) * u + (y - b) * v) / (u * u + v * v || 1)));
    return Math.hypot(x - a - part * u, y - b - part * v);
  };

  const marksOf = new WeakMap();
  const marks = (drawing) => {
    if (!marksOf.has(drawing)) {
      marksOf.set(drawing, all("title", drawing).map((title) => title.parentElement));
    }
    return marksOf.get(drawing).filter((mark) => !mark.closest(".off"));
  };
  const centre = (mark) => {
    const box = mark.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  // The mark under the pointer, or the nearest one that is not far.
  const REACH = 16;
  const markAt = (drawing, event) => {
    const there = marks(drawing);
    for (let at = event.target; at && at !== drawing; at = at.parentElement) {
      if (there.includes(at)) return at;
    }
    const matrix = one("svg", drawing).getScreenCTM().inverse();
    const inside = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix);
    const distance = (mark) => {
      const pieces = piecesOf.get(mark);
      if (pieces) return Math.min(...pieces.map((piece) => toPiece([inside.x, inside.y], piece)));
      const [x, y] = centre(mark);
      return Math.hypot(x - event.clientX, y - event.clientY);
    };
    // Of those that lie on each other the last one, which is seen.
    const near = there.map((mark) => [distance(mark), mark]).filter(([far]) => far < REACH);
    return near.reduce((best, other) => (other[0] <= best[0] ? other : best), [REACH])[1];
  };

  const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity };
  // Up and down from a tile: to the next one above or below it.
  const above = (there, mark, step) => {
    const [x, y] = centre(mark);
    const spans = (box) => box.left <= x && x <= box.right;
    const others = there.filter((other) => spans(other.getBoundingClientRect()));
    const far = (other) => (centre(other)[1] - y) * step;
    const next = others.filter((other) => far(other) > 1);
    return next.reduce((nearest, other) => (far(other) < far(nearest) ? other : nearest), next[0] ?? mark);
  };
  // Up and down from a curve: to about the same place of the one before it or after it, which may be in another panel.
  const beside = (there, mark, step) => {
    const curves = [...new Set(there.map((other) => other.parentElement))];
    const next = curves[curves.indexOf(mark.parentElement) + step];
    if (!next) return mark;
    const along = (other) => other.getAttribute("cx") - other.parentElement.firstChild.getAttribute("cx");
    const far = (other) => Math.abs(along(other) - along(mark));
    return [...next.children].reduce((nearest, other) => (far(other) < far(nearest) ? other : nearest));
  };
  function prepare(drawing) {
    if (drawing.tabIndex === 0) return;
    const curves = all(".readings", drawing);
    curves.forEach(markCurve);
    if (marks(drawing).length === 0) return;
    drawing.tabIndex = 0;
    drawing.setAttribute("role", "group");
    const label = one("svg", drawing).getAttribute("aria-label");
    const ways = curves.length > 1 ? ", up and down those of another curve" : "";
    drawing.setAttribute("aria-label", `${label}. Arrow keys read its marks${ways}.`);
    drawing.addEventListener("pointermove", (event) => {
      const mark = markAt(drawing, event);
      if (mark) say(mark, event.clientX, event.clientY);
      else silence();
    });
    drawing.addEventListener("pointerleave", silence);
    drawing.addEventListener("blur", silence);
    drawing.addEventListener("keydown", (event) => {
      if (event.key === "Escape") silence();
      if (!(event.key in STEPS) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const there = marks(drawing);
      const step = STEPS[event.key];
      const next = Math.max(0, Math.min(there.indexOf(read?.mark) + step, there.length - 1));
      const across = read?.mark.matches(".tile") ? above : piecesOf.has(read?.mark) && beside;
      const isAcross = ["ArrowUp", "ArrowDown"].includes(event.key) && across;
      const mark = isAcross ? across(there, read.mark, step) : there[next];
      mark.scrollIntoView({ block: "nearest", inline: "nearest" });
      say(mark, ...centre(mark));
      one("#said").textContent = tip.textContent;
    });
  }
  addEventListener("scroll", () => read && place(...centre(read.mark)), { passive: true, capture: true });

  // What is long is unpacked once it is asked for.
  const unpacked = new WeakMap();
  const unpackAll = async (group) => {
    const packed = all(".packed", group);
    const text = (piece) => {
      const bytes = Uint8Array.from(atob(piece.textContent), (letter) => letter.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
      return new Response(stream).text();
    };
    // All at once, so that nothing is drawn before it is known what is to be seen.
    const texts = await Promise.all(packed.map(text));
    packed.forEach((piece, i) => {
      piece.insertAdjacentHTML("afterend", texts[i]);
      piece.remove();
    });
  };
  const unpack = (group) => {
    if (!unpacked.has(group)) unpacked.set(group, unpackAll(group));
    return unpacked.get(group);
  };

  // Figures: the one that is chosen, with the layers that are asked for.
  for (const group of all(".group")) {
    const selects = all("[data-choice]", group);
    const boxes = all("[data-layer]", group);
    const show = () => {
      const chosen = values(selects);
      for (const figure of all("figure", group)) {
        figure.hidden = !isAt(figure, chosen);
        if (!figure.hidden) prepare(one(".drawing", figure));
      }
      for (const box of boxes) {
        const layer = all(`svg .${CSS.escape(box.dataset.layer)}`, group);
        for (const marks of layer) marks.classList.toggle("off", !box.checked);
      }
    };
    for (const select of selects) select.addEventListener("change", () => unpack(group).then(show));
    for (const box of boxes) box.addEventListener("change", show);
    one("details", group)?.addEventListener("toggle", () => unpack(group).then(show));
    one(".save", group).addEventListener("click", () => {
      const shown = one("figure:not([hidden]) svg", group).cloneNode(true);
      for (const mark of all(".off, .readings", shown)) mark.remove();
      const text = new XMLSerializer().serializeToString(shown);
      save(text, "image/svg+xml", `${document.body.dataset.study}-${group.id}.svg`);
    });
    show();
  }

  const save = (text, type, name) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  // The configuration.
  const config = one("#config");
  one("#save").addEventListener("click", () => save(config.textContent, "application/toml", "study.toml"));
  one("#copy").addEventListener("click", async (event) => {
    const button = event.currentTarget;
    try {
      await navigator.clipboard.writeText(config.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(config);
      button.textContent = "Selected: copy it";
    }
  });
})();
