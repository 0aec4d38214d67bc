// Elements that the explorer is made of. Second part of its module.

/** Return an element. Attributes whose names start with "on" are listeners. */
function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const whole = (n) => n.toLocaleString("en");
const percent = (p) => `${(100 * p).toFixed(p > 0 && p < 0.0995 ? 1 : 0)}%`;
const plural = (n, word) => `${whole(n)} ${word}${n === 1 ? "" : "s"}`;
const between = (n, low, high) => Math.min(Math.max(n, low), high);

const section = (title, ...children) => h("section", {}, h("h2", {}, title), ...children);
const note = (text) => h("p", { class: "note" }, text);
const button = (text, onclick) => h("button", { type: "button", onclick }, text);

/** Return text that a screen reader says when it changes, and nobody sees. */
const spoken = () => h("p", { class: "unseen", role: "status" });

/** Return a bar chart of probabilities, [[name, p], ...], in words and lengths. */
function bars(entries) {
  const bar = ([name, p]) => h("li", {},
    h("span", {}, name),
    h("span", { class: "track" }, h("span", { style: `width: ${100 * p}%` })),
    h("span", { class: "number" }, percent(p)));
  return h("ul", { class: "bars" }, ...entries.map(bar));
}

/** Return radio buttons by value, and the element that has them beside each other. */
function choice(label, texts, onchange) {
  const name = `choice-${Math.random().toString(36).slice(2)}`;
  const radio = ([value, text]) =>
    [value, h("input", { type: "radio", name, value, "aria-label": text.long, onchange })];
  const radios = Object.fromEntries(Object.entries(texts).map(radio));
  const labels = Object.entries(texts).map(([value, text]) =>
    h("label", {}, radios[value], h("span", {}, text.short)));
  const element = h("span", { class: "tools", role: "radiogroup", "aria-label": label }, ...labels);
  return { element, radios };
}

/** A row of buttons. Tab reaches one of them, and the arrow keys move among them. */
class Strip {
  constructor(label, kind = "") {
    this.element = h("div", {
      class: `strip ${kind}`, role: "group", "aria-label": label,
      onkeydown: (event) => this.move(event),
    });
  }

  show(children) {
    this.element.replaceChildren(...children);
    this.select(this.buttons[0]);
  }

  get buttons() {
    return [...this.element.querySelectorAll("button")];
  }

  select(chosen) {
    for (const one of this.buttons) one.tabIndex = one === chosen ? 0 : -1;
  }

  move(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const { buttons } = this;
    const next = step && buttons[buttons.indexOf(document.activeElement) + step];
    if (!next) return;
    event.preventDefault();
    this.select(next);
    next.focus();
  }
}

/** Return a canvas for a row: its pixels, or a bar for each feature if it is no image. */
function picture(page, label) {
  const [height, width] = page.imageShape ?? [24, page.features];
  const described = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
  return h("canvas", { width, height, class: page.imageShape ? "" : "profile", ...described });
}

/** Draw values from 0 to 1 in the colours of what is seen, or of what is not where seen is 0. */
function draw(canvas, page, colours, values, seen) {
  const { width, height } = canvas;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const d = page.imageShape ? pixel : pixel % width;
    const [low, high] = seen && !seen[d] ? colours.hidden : colours.seen;
    const level = height - Math.floor(pixel / width); // from the bottom of a bar
    const value = page.imageShape ? values[d] : Number(values[d] * height >= level);
    for (let c = 0; c < 3; c++) image.data[4 * pixel + c] = low[c] + value * (high[c] - low[c]);
    image.data[4 * pixel + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

/** Return the theme's colours of 0 and of 1, for what is seen and what is hidden. */
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
