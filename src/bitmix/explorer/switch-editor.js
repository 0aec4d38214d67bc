// The editor of a row that is no image: each feature is on, off or unknown. Fifth part of the
// explorer's module.

const MOST_SWITCHES = 200;
const STATES = {
  on: { short: "on" }, off: { short: "off" }, unknown: { short: "?", long: "unknown" },
};

/** Shows and changes `row`, and calls `change` after each change. */
class SwitchEditor {
  constructor(page, row, change) {
    Object.assign(this, { page, row, change });
    this.list = h("ul", { class: "switches" });
    this.more = note("");
    this.search = h("input", {
      type: "search", placeholder: "Find a feature", "aria-label": "Find a feature",
      oninput: () => {
        this.build();
        change();
      },
    });
    this.element = h("div", {}, this.buttons(), this.list, this.more,
      note("A bar is the probability to be on. The squares are the samples: full is on."));
    this.build();
  }

  buttons() {
    const keep = (text, kept) => button(text, () => {
      this.row.seen.set(kept());
      this.change();
    });
    const nothing = new Uint8Array(this.page.features);
    const search = this.page.features > 20 ? [this.search] : [];
    return h("div", { class: "buttons" }, keep("All unknown", () => nothing),
      keep("Show all", () => this.row.known), ...search);
  }

  /** Make the lines of the features that are searched for. */
  build() {
    const wanted = this.search.value.toLowerCase();
    const found = [...this.row.x.keys()].filter((d) =>
      nameOf(this.page, d).toLowerCase().includes(wanted));
    this.lines = found.slice(0, MOST_SWITCHES).map((d) => this.line(d));
    this.list.replaceChildren(...this.lines.map(({ element }) => element));
    const rest = found.length - this.lines.length;
    this.more.textContent = rest
      ? `${plural(rest, "more feature")}: type a part of a name to find them.` : "";
  }

  line(d) {
    const name = nameOf(this.page, d);
    const states = choice(name, STATES, (event) => this.set(d, event.target.value));
    const fill = h("span", {});
    const number = h("span", { class: "number" });
    const draws = h("span", { class: "draws", "aria-hidden": "true" });
    const element = h("li", {}, h("span", { class: "name" }, name), states.element,
      h("span", { class: "track" }, fill), number, draws);
    return { d, element, radios: states.radios, fill, number, draws };
  }

  set(d, state) {
    const { x, known, seen } = this.row;
    seen[d] = Number(state !== "unknown");
    if (seen[d]) {
      known[d] = 1;
      x[d] = Number(state === "on");
    }
    this.change();
  }

  paint(_colours, answer, samples) {
    const { x, seen } = this.row;
    for (const { d, element, radios, fill, number, draws } of this.lines) {
      radios[seen[d] ? ["off", "on"][x[d]] : "unknown"].checked = true;
      fill.style.width = `${100 * answer.mean[d]}%`;
      number.textContent = seen[d] ? "" : percent(answer.mean[d]);
      element.classList.toggle("hidden", !seen[d]);
      draws.replaceChildren(...samples.map((one) => h("i", { class: one[d] ? "one" : "" })));
    }
  }
}
