// Elements that the explorer is made of. Second part of its module.

function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

const whole = (n) => n.toLocaleString("en");
const percent = (p) => `${(100 * p).toFixed(p > 0 && p < 0.0995 ? 1 : 0)}%`;
const plural = (n, word) => `${whole(n)} ${word}${n === 1 ? "" : "s"}`;

function section(title, ...children) {
  return h("section", {}, h("h2", {}, title), ...children);
}

function button(text, onclick) {
  return h("button", { type: "button", onclick }, text);
}

/** A bar chart of probabilities in words and lengths. */
function bars(entries) {
  const bar = ([name, p]) => h("li", {},
    h("span", { class: "name" }, name),
    h("span", { class: "track" }, h("span", { style: `width: ${100 * p}%` })),
    h("span", { class: "number" }, percent(p)));
  return h("ul", { class: "bars" }, ...entries.map(bar));
}

/** Buttons in a row, of which Tab reaches one; the arrow keys move among them. */
function strip(label, kind = "") {
  const box = h("div", { class: `strip ${kind}`, role: "group", "aria-label": label });
  const select = (chosen) => [...box.children].forEach((b) => (b.tabIndex = b === chosen ? 0 : -1));
  box.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const all = [...box.children];
    const next = step && all[all.indexOf(document.activeElement) + step];
    if (!next) return;
    event.preventDefault();
    select(next);
    next.focus();
  });
  return {
    box,
    show(buttons) {
      box.replaceChildren(...buttons);
      select(buttons[0]);
    },
  };
}

/** A canvas with one picture of a row: pixels, or a bar for each feature without an image shape. */
function picture(page, label) {
  const [rows, columns] = page.imageShape ?? [24, page.features];
  return h("canvas", {
    width: columns, height: rows, class: page.imageShape ? "image" : "profile",
    ...(label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" }),
  });
}

/** Draw values from 0 to 1. Where seen is 0, the colours are those of what is hidden. */
function draw(canvas, page, colours, values, seen, hideAll = false) {
  const { width, height } = canvas;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const d = page.imageShape ? pixel : pixel % width;
    const hidden = seen && !seen[d];
    const [low, high] = hidden ? colours.hidden : colours.seen;
    let value = hidden && hideAll ? 0 : values[d];
    if (!page.imageShape) value = values[d] * height >= height - Math.floor(pixel / width) ? 1 : 0;
    for (let c = 0; c < 3; c++) image.data[4 * pixel + c] = low[c] + value * (high[c] - low[c]);
    image.data[4 * pixel + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

/** Return the colours of the theme as numbers: those of 0 and of 1. */
function readColours(root) {
  const read = (name) => {
    const probe = root.appendChild(h("i", { style: `color: var(--${name})` }));
    const numbers = getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
    probe.remove();
    return numbers;
  };
  return {
    seen: [read("paper"), read("ink")],
    hidden: [read("hidden-paper"), read("hidden-ink")],
  };
}
