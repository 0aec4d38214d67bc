// The editor of a row that is an image. Fourth part of the explorer's module.

const TOOLS = { draw: "Draw", erase: "Erase", hide: "Hide", show: "Show" };
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const HELP = "Arrow keys move over the pixels. Space uses the tool. Shift with arrow keys drags "
  + "it. D, E, H and S choose a tool.";

/** Shows and changes `row`, and calls `change` after each change. A place is [row, column]. */
class ImageEditor {
  constructor(page, row, change) {
    Object.assign(this, { page, row, change, drag: null });
    [this.rows, this.columns] = page.imageShape;
    this.at = [this.rows >> 1, this.columns >> 1];
    this.canvas = picture(page);
    this.cursor = h("div", { class: "cursor" });
    this.said = spoken();
    const texts = Object.entries(TOOLS).map(([value, short]) => [value, { short }]);
    this.tools = choice("Tool", Object.fromEntries(texts));
    this.tools.radios.hide.checked = true;
    this.element = h("div", { class: "image-editor" },
      this.surface(), this.said, this.tools.element, this.buttons());
    this.frame(this.at, this.at);
  }

  surface() {
    const surface = h("div", {
      class: "editor", tabindex: "0", role: "application", "aria-roledescription": "pixel editor",
      "aria-label": `What the model sees, ${this.rows} by ${this.columns} pixels. ${HELP}`,
      onpointerdown: (event) => {
        if (event.button) return;
        surface.setPointerCapture(event.pointerId);
        this.drop();
        this.use(this.placeOf(event));
      },
      onpointermove: (event) => {
        if (surface.hasPointerCapture(event.pointerId)) this.use(this.placeOf(event));
      },
      onpointerup: () => this.drop(),
      onpointercancel: () => this.drop(),
      onkeydown: (event) => this.press(event),
      onkeyup: (event) => event.key === "Shift" && this.drop(),
    }, this.canvas, this.cursor);
    return surface;
  }

  buttons() {
    const middle = (this.rows >> 1) * this.columns;
    const keep = (text, kept) => button(text, () => {
      this.row.seen.forEach((_, d, seen) => (seen[d] = kept(d) ? this.row.known[d] : 0));
      this.change();
    });
    const blank = button("New drawing", () => {
      Object.assign(this.row, emptyRow(this.page.features));
      this.tools.radios.draw.checked = true;
      this.change();
    });
    return h("div", { class: "buttons" }, keep("Hide lower half", (d) => d < middle),
      keep("Hide all", () => false), keep("Show all", () => true), blank);
  }

  get tool() {
    return Object.keys(TOOLS).find((value) => this.tools.radios[value].checked);
  }

  inside(r, c) {
    return [between(r, 0, this.rows - 1), between(c, 0, this.columns - 1)];
  }

  /** Return the place under the pointer. */
  placeOf({ clientX, clientY }) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    const share = (part, all, count) => Math.floor((part / all) * count);
    return this.inside(share(clientY - top, height, this.rows),
      share(clientX - left, width, this.columns));
  }

  /** Put the frame of the cursor around a rectangle. */
  frame([r0, c0], [r1, c1]) {
    const part = (length, all) => `${(100 * length) / all}%`;
    Object.assign(this.cursor.style, {
      top: part(Math.min(r0, r1), this.rows), height: part(Math.abs(r1 - r0) + 1, this.rows),
      left: part(Math.min(c0, c1), this.columns), width: part(Math.abs(c1 - c0) + 1, this.columns),
    });
  }

  /** Call `use` with each pixel of a rectangle. */
  rectangle([r0, c0], [r1, c1], use) {
    for (let r = Math.min(r0, r1); r <= Math.max(r0, r1); r++) {
      for (let c = Math.min(c0, c1); c <= Math.max(c0, c1); c++) use(r * this.columns + c);
    }
  }

  /** Call `use` with each pixel of a line, which is two pixels thick in images of MNIST. */
  line([r0, c0], [r1, c1], use) {
    const more = Math.max(Math.floor(Math.min(this.rows, this.columns) / 14) - 1, 0);
    const steps = Math.max(Math.abs(r1 - r0), Math.abs(c1 - c0), 1);
    for (let step = 0; step <= steps; step++) {
      const r = Math.round(r0 + ((r1 - r0) * step) / steps);
      const c = Math.round(c0 + ((c1 - c0) * step) / steps);
      this.rectangle([r, c], this.inside(r + more, c + more), use);
    }
  }

  /** Drag the tool to a place: a line from the last place, or a rectangle from the first one. */
  use(to) {
    const { row, tool } = this;
    this.drag ??= { start: to, last: to, seen: row.seen.slice() };
    const { start, last, seen } = this.drag;
    const rectangular = tool === "hide" || tool === "show";
    if (rectangular) {
      row.seen.set(seen);
      this.rectangle(start, to, (d) => (row.seen[d] = tool === "show" ? row.known[d] : 0));
    } else {
      this.line(last, to, (d) => {
        row.x[d] = Number(tool === "draw");
        row.seen[d] = row.known[d] = 1;
      });
    }
    this.frame(rectangular ? start : to, to);
    this.drag.last = this.at = to;
    this.change();
  }

  /** End the drag. The frame of the cursor is one pixel again. */
  drop() {
    this.drag = null;
    this.frame(this.at, this.at);
  }

  press(event) {
    const arrow = ARROWS[event.key];
    const tool = Object.keys(TOOLS).find((value) => value[0] === event.key.toLowerCase());
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (arrow) this.step(arrow, event.shiftKey);
    else if (event.key === " ") {
      this.drop();
      this.use(this.at);
      this.drop();
    } else if (tool) this.tools.radios[tool].checked = true;
    else return;
    event.preventDefault();
    this.spoken = true;
    this.change();
  }

  step([down, right], dragging) {
    if (dragging && !this.drag) this.use(this.at);
    this.at = this.inside(this.at[0] + down, this.at[1] + right);
    if (dragging) this.use(this.at);
    else this.drop();
  }

  paint(colours, answer) {
    const { x, known, seen } = this.row;
    draw(this.canvas, this.page, colours, x.map((value, d) => value & known[d] & seen[d]), seen);
    if (!this.spoken) return;
    this.spoken = false;
    const [r, c] = this.at;
    const d = r * this.columns + c;
    const value = seen[d] ? ["off", "on"][x[d]] : `hidden, ${percent(answer.mean[d])} on`;
    this.said.textContent = `row ${r + 1}, column ${c + 1}: ${value}`;
  }
}
