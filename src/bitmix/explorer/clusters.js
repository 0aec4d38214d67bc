// Clusters: tiles, all about one of them, and how they form. Sixth part of the explorer's module.

const MOST_TILES = 12;
const MOST_LABELS = 10;

/** Return a cluster of a chain, as it is shown. The last number is that of a new cluster. */
function clusterOf(page, c, k) {
  const chain = page.chains[c];
  const part = (values, width) => values?.subarray(k * width, (k + 1) * width);
  const size = chain.sizes[k] ?? 0;
  const name = size ? `cluster ${chain.clusters[k]}` : "a new cluster";
  const members = part(chain.members, chain.members.length / chain.sizes.length);
  return {
    name: `${name} of chain ${chain.chain}`,
    size,
    means: part(chain.means, page.features),
    shares: part(chain.shares, page.classes.length),
    members: [...members].filter((number) => number).map((number) => number - 1),
  };
}

/** Return a cluster of a state of the chain whose sweeps are shown, as it is shown. */
function clusterOfState(page, state, i) {
  const [chain] = page.chains;
  const number = state.numbers[i];
  const k = state === page.steps.states.at(-1) ? chain.clusters.indexOf(number) : -1;
  if (k >= 0) return clusterOf(page, 0, k);
  const levels = state.means.subarray(i * page.features, (i + 1) * page.features);
  const when = state.sweep ? `after sweep ${state.sweep}` : "at the start";
  return {
    name: `cluster ${number} of chain ${chain.chain} ${when}`,
    size: state.sizes[i],
    means: Float64Array.from(levels, (level) => level / 255),
    members: [],
  };
}

/** Return a button with the mean of a cluster and lines of text. */
function tile(page, colours, cluster, lines, open) {
  const canvas = picture(page);
  draw(canvas, page, colours, cluster.means);
  const label = [cluster.name, plural(cluster.size, "row"), ...lines].join(", ");
  const onclick = () => open(cluster);
  const named = { title: cluster.name, "aria-label": label };
  const texts = lines.map((line) => h("span", {}, line));
  return h("button", { type: "button", class: "tile", ...named, onclick }, canvas, ...texts);
}

/** Return the labels with the highest probabilities, [[label, p], ...], the highest first. */
function likely(page, p) {
  const entries = [...(p ?? [])].map((value, l) => [page.classes[l], value]);
  return entries.sort((a, b) => b[1] - a[1]).slice(0, MOST_LABELS);
}

/** Return the features in which a cluster differs most from all rows, [[name, p], ...]. */
function unlike(page, means) {
  const apart = (d) => Math.abs(means[d] - page.overall[d]);
  const order = [...means.keys()].sort((a, b) => apart(b) - apart(a));
  return order.slice(0, MOST_TILES).map((d) => [nameOf(page, d), means[d]]);
}

/** Return all about a cluster. `pick` is called with the number of a member in the pool. */
function detail(page, colours, cluster, pick) {
  const { name, size, means, shares, members } = cluster;
  const canvas = picture(page, `the mean of ${name}`);
  draw(canvas, page, colours, means);
  const facts = [h("p", {}, `${plural(size, "row")}, ${percent(size / page.rows)} of all.`)];
  if (shares?.length) facts.push(h("h4", {}, "Labels"), bars(likely(page, shares)));
  if (!page.imageShape) {
    facts.push(h("h4", {}, "Where it differs most from all rows"), bars(unlike(page, means)));
  }
  const parts = [h("h3", { tabindex: "-1" }, name),
    h("div", { class: "columns" }, canvas, h("div", {}, ...facts))];
  if (members.length) {
    const strip = new Strip(`members of ${name}`);
    strip.show(members.map((number) => rowButton(page, colours, number, pick)));
    const which = members.length < size ? `The first ${members.length} members` : "All members";
    parts.push(h("h4", {}, `${which}: choose one to show it to the model`), strip.element);
  }
  return parts;
}

/** The states of one chain from its start on. `open` is called with a cluster. */
class Sweeps {
  constructor(page, open) {
    Object.assign(this, { page, open, timer: null, states: page.steps.states });
    this.last = this.states.length - 1;
    this.strip = new Strip(`the clusters of chain ${page.steps.chain}`);
    this.said = h("p", { role: "status" });
    this.slider = h("input", {
      type: "range", min: 0, max: this.last, value: this.last, "aria-label": "sweep",
      oninput: () => this.show(),
    });
    this.play = button("Play", () => (this.timer ? this.stop() : this.start()));
    this.element = section(`Watch the clusters of chain ${page.steps.chain} form`,
      note("A cluster keeps its place from sweep to sweep. The number is its number of rows."),
      h("div", { class: "buttons" }, this.play, this.slider), this.said, this.strip.element);
  }

  start() {
    this.play.textContent = "Stop";
    this.timer = setInterval(() => this.go(Number(this.slider.value) + 1), 900);
    if (Number(this.slider.value) === this.last) this.go(0);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.play.textContent = "Play";
  }

  go(number) {
    this.slider.value = number;
    this.show();
    if (number >= this.last) this.stop();
  }

  paint(colours) {
    this.colours = colours;
    this.show();
  }

  show() {
    const state = this.states[this.slider.value];
    const length = Math.max(...state.places) + 1;
    const shown = Array.from({ length }, () => h("span", { class: "tile empty" }));
    state.places.forEach((place, i) => {
      const cluster = clusterOfState(this.page, state, i);
      shown[place] = tile(this.page, this.colours, cluster, [whole(cluster.size)], this.open);
    });
    this.strip.show(shown);
    const when = state.sweep ? `Sweep ${whole(state.sweep)}` : "The start";
    const some = state.places.length;
    this.slider.setAttribute("aria-valuetext", when);
    this.said.textContent = `${when}: ${plural(state.clusters, "cluster")}, the largest with `
      + `${plural(state.largest, "row")}. Log joint ${whole(Math.round(state.logJoint))} nats.`
      + (some < state.clusters ? ` ${plural(some, "cluster")} are shown.` : "");
  }
}
