// Two editors of the row that the model sees: of images, and of named features. Third part of the
// explorer's module.

/** The row that the model sees, in part. x: its features; known: 1 where x has a value; seen. */
function emptyRow(features) {
  const zeros = () => new Uint8Array(features);
  return { x: zeros(), known: zeros().fill(1), seen: zeros().fill(1) };
}

const bit = (bytes, row, width, d) => (bytes[row * Math.ceil(width / 8) + (d >> 3)] >> (d & 7)) & 1;

/** Return a row of the pool. */
function pooled(page, number) {
  const { x, observed } = page.pool;
  const row = emptyRow(page.features);
  row.x = row.x.map((_, d) => bit(x, number, page.features, d));
  if (observed) row.known = row.x.map((_, d) => bit(observed, number, page.features, d));
  row.seen = row.known.slice();
  return row;
}

const poolName = (page, number) => `row ${whole(page.pool.row[number])}`
  + (page.pool.label ? `, label ${page.classes[page.pool.label[number]]}` : "");

const TOOLS = {
  draw: "Draw", erase: "Erase", hide: "Hide", show: "Show",
};
const HELP = "Arrow keys move over the pixels, Space uses the tool, Shift with an arrow key drags it. "
  + "D, E, H and S choose a tool.";

/** An editor of images. `change` is called after each change. */
function imageEditor(page, row, change) {
  const [rows, columns] = page.imageShape;
  const canvas = picture(page, "");
  const cursor = h("div", { class: "cursor" });
  const said = h("p", { class: "unseen", role: "status" });
  const box = h("div", {
    class: "editor", tabindex: "0", role: "application", "aria-roledescription": "pixel editor",
    "aria-label": `What the model sees, ${rows} by ${columns} pixels. ${HELP}`,
  }, canvas, cursor);
  let at = [rows >> 1, columns >> 1], drag = null, answer = null;
  const name = `tool-${Math.random().toString(36).slice(2)}`;
  const tools = Object.entries(TOOLS).map(([value, text]) => h("label", {},
    h("input", { type: "radio", name, value, checked: value === "hide" }), h("span", {}, text)));
  const radios = tools.map((label) => label.firstChild);
  const tool = () => radios.find((radio) => radio.checked).value;

  const place = (element, [r0, c0], [r1, c1]) => Object.assign(element.style, {
    top: `${(100 * Math.min(r0, r1)) / rows}%`, height: `${(100 * (Math.abs(r1 - r0) + 1)) / rows}%`,
    left: `${(100 * Math.min(c0, c1)) / columns}%`, width: `${(100 * (Math.abs(c1 - c0) + 1)) / columns}%`,
  });

  function rectangle([r0, c0], [r1, c1], use) {
    for (let r = Math.min(r0, r1); r <= Math.max(r0, r1); r++) {
      for (let c = Math.min(c0, c1); c <= Math.max(c0, c1); c++) use(r * columns + c);
    }
  }

  function stroke([r0, c0], [r1, c1], use) {
    const thick = Math.floor(Math.min(rows, columns) / 14) - 1; // 1 at 28 x 28: two pixels wide
    const steps = Math.max(Math.abs(r1 - r0), Math.abs(c1 - c0), 1);
    for (let i = 0; i <= steps; i++) {
      const r = Math.round(r0 + ((r1 - r0) * i) / steps), c = Math.round(c0 + ((c1 - c0) * i) / steps);
      const last = [Math.min(r + Math.max(thick, 0), rows - 1), Math.min(c + Math.max(thick, 0), columns - 1)];
      rectangle([r, c], last, use);
    }
  }

  /** Use the tool from the last place of the drag, or from its start for a rectangle. */
  function use(to) {
    drag ??= { start: to, last: to, seen: row.seen.slice() };
    const chosen = tool();
    if (chosen === "hide" || chosen === "show") {
      row.seen.set(drag.seen);
      rectangle(drag.start, to, (d) => (row.seen[d] = chosen === "show" ? row.known[d] : 0));
      place(cursor, drag.start, to);
    } else {
      stroke(drag.last, to, (d) => {
        row.x[d] = chosen === "draw" ? 1 : 0;
        row.seen[d] = row.known[d] = 1;
      });
      place(cursor, to, to);
    }
    drag.last = at = to;
    change();
  }

  function moved() {
    place(cursor, at, at);
    const d = at[0] * columns + at[1];
    const value = row.seen[d] ? (row.x[d] ? "on" : "off") : `hidden, ${percent(answer.mean[d])} on`;
    said.textContent = `row ${at[0] + 1}, column ${at[1] + 1}: ${value}`;
  }

  function pixel(event) {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    const inside = (share, n) => Math.min(Math.max(Math.floor(share * n), 0), n - 1);
    return [inside((event.clientY - top) / height, rows), inside((event.clientX - left) / width, columns)];
  }

  box.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    box.setPointerCapture(event.pointerId);
    drag = null;
    use(pixel(event));
  });
  box.addEventListener("pointermove", (event) => {
    if (box.hasPointerCapture(event.pointerId)) use(pixel(event));
  });
  for (const type of ["pointerup", "pointercancel"]) box.addEventListener(type, () => (drag = null));
  box.addEventListener("keyup", (event) => event.key === "Shift" && (drag = null));
  box.addEventListener("keydown", (event) => {
    const [r, c] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] ?? [];
    const named = radios.find((radio) => radio.value[0] === event.key.toLowerCase());
    if (r !== undefined) {
      if (event.shiftKey && !drag) use(at);
      at = [Math.min(Math.max(at[0] + r, 0), rows - 1), Math.min(Math.max(at[1] + c, 0), columns - 1)];
      if (event.shiftKey) use(at);
      else drag = null;
    } else if (event.key === " ") {
      drag = null;
      use(at);
      drag = null;
    } else if (named && !event.ctrlKey && !event.metaKey && !event.altKey) named.checked = true;
    else return;
    event.preventDefault();
    moved();
  });
  place(cursor, at, at);

  const upper = (d) => d < (rows >> 1) * columns;
  const masks = { "Hide lower half": upper, "Hide all": () => false, "Show all": () => true };
  const buttons = Object.entries(masks).map(([text, keep]) => button(text, () => {
    row.seen.forEach((_, d) => (row.seen[d] = keep(d) ? row.known[d] : 0));
    change();
  }));
  const blank = button("New drawing", () => {
    Object.assign(row, emptyRow(page.features));
    radios[0].checked = true;
    change();
  });
  return {
    element: h("div", { class: "image-editor" }, box, said,
      h("div", { class: "tools", role: "radiogroup", "aria-label": "Tool" }, ...tools),
      h("div", { class: "buttons" }, ...buttons, blank)),
    paint(colours, result) {
      answer = result;
      draw(canvas, page, colours, row.x, row.seen, true);
    },
  };
}

const MOST_SWITCHES = 200;
const VALUES = { on: "on", off: "off", unknown: "?" };

/** An editor of named features: each is on, off or unknown, with the answer beside it. */
function switchEditor(page, row, change) {
  const nameOf = (d) => page.names?.[d] ?? `feature ${d + 1}`;
  const group = `switch-${Math.random().toString(36).slice(2)}`;
  const list = h("ul", { class: "switches" });
  const more = h("p", { class: "note" });
  const search = h("input", { type: "search", placeholder: "Find a feature", "aria-label": "Find a feature", oninput: build });
  let lines = [];

  function set(d, value) {
    row.seen[d] = value === "unknown" ? 0 : 1;
    if (row.seen[d]) row.x[d] = value === "on" ? 1 : 0;
    if (row.seen[d]) row.known[d] = 1;
    change();
  }

  function line(d) {
    const radio = (value) => h("input", {
      type: "radio", name: `${group}-${d}`, value, "aria-label": value, onchange: () => set(d, value),
    });
    const radios = Object.fromEntries(Object.keys(VALUES).map((value) => [value, radio(value)]));
    const fill = h("span"), number = h("span", { class: "number" }), draws = h("span", { class: "draws", "aria-hidden": "true" });
    const element = h("li", {}, h("span", { class: "name" }, nameOf(d)),
      h("span", { class: "tools", role: "radiogroup", "aria-label": nameOf(d) },
        ...Object.entries(radios).map(([value, input]) => h("label", {}, input, h("span", {}, VALUES[value])))),
      h("span", { class: "track" }, fill), number, draws);
    return { d, element, radios, fill, number, draws };
  }

  function build() {
    const wanted = search.value.toLowerCase();
    const found = [...row.x.keys()].filter((d) => nameOf(d).toLowerCase().includes(wanted));
    lines = found.slice(0, MOST_SWITCHES).map(line);
    list.replaceChildren(...lines.map(({ element }) => element));
    const rest = found.length - lines.length;
    more.textContent = rest ? `${plural(rest, "more feature")}: type a part of a name to find them.` : "";
    change();
  }

  function paint(colours, answer, samples) {
    for (const { d, element, radios, fill, number, draws } of lines) {
      radios[row.seen[d] ? (row.x[d] ? "on" : "off") : "unknown"].checked = true;
      fill.style.width = `${100 * answer.mean[d]}%`;
      number.textContent = row.seen[d] ? "" : percent(answer.mean[d]);
      element.classList.toggle("hidden", !row.seen[d]);
      draws.replaceChildren(...samples.map((s) => h("i", { class: s[d] ? "one" : "zero" })));
    }
  }

  const all = button("All unknown", () => {
    row.seen.fill(0);
    change();
  });
  const first = button("Show all", () => {
    row.seen.set(row.known);
    change();
  });
  const tools = h("div", { class: "buttons" }, all, first, ...(page.features > 20 ? [search] : []));
  const note = h("p", { class: "note" }, "The bar is the probability to be on. The squares are the samples: full is on.");
  return { element: h("div", { class: "switch-editor" }, tools, list, more, note), paint, build };
}
