// The explorer itself. Last part of its module, which a notebook renders as an anywidget and a page
// on its own.

/** Return how sure an answer is, in words and numbers. */
function facts(page, answer, row) {
  const sure = certainty(answer, row.seen);
  const noun = page.imageShape ? "pixels" : "features";
  const ofHidden = (p) => (sure.hidden ? percent(p) : "nothing is hidden");
  const lines = [
    [`Hidden ${noun}`, `${whole(sure.hidden)} of ${whole(page.features)}`],
    [`Hidden ${noun} that it expects to guess right`, ofHidden(sure.right)],
    ["Mean distance of a chain from the average", ofHidden(sure.apart)],
    ["Clusters that share the answer, in each chain", sure.clusters.toFixed(1)],
    ["Probability of a new cluster", percent(sure.newCluster)],
  ];
  return h("dl", {}, ...lines.map(([term, value]) =>
    h("div", {}, h("dt", {}, term), h("dd", {}, value))));
}

/** Return what the page holds and what it leaves out. */
function limits(page) {
  const chains = page.chains.length;
  const total = (key) => sum(page.chains.map((chain) => chain.leftOut[key]));
  const share = percent(total("rows") / (page.rows * chains));
  const leftOut = total("clusters") ? `${plural(total("clusters"), "small cluster")} with ${share} `
    + "of the rows did not fit in this page. All answers leave them out. " : "";
  return note(`The answers average over the last states of ${plural(chains, "chain")} with equal `
    + `weights. ${leftOut}The page holds ${plural(page.pool.row.length, "row")} of the data, to `
    + "pick from and as members of clusters.");
}

class Explorer {
  constructor(page, root) {
    Object.assign(this, { page, root, seed: 1, frame: null, cluster: null });
    const change = () => (this.frame ??= requestAnimationFrame(() => this.update()));
    this.change = change;
    this.row = emptyRow(page.features);
    this.editor = new (page.imageShape ? ImageEditor : SwitchEditor)(page, this.row, change);
    this.expected = picture(page, "what the model expects");
    const { length } = page.chains;
    this.samples = Array.from({ length: between(length, 4, 8) }, (_, i) =>
      picture(page, `sample ${i + 1}`));
    [this.facts, this.labels, this.detail] = ["facts", "labels", "detail"].map((name) =>
      h("div", { class: name }));
    this.said = spoken();
    this.picks = new Strip("rows to pick", "picks");
    this.clusters = new Strip("responsible clusters");
    this.sweeps = new Sweeps(page, (cluster) => this.open(cluster));
    this.pick = (number) => {
      Object.assign(this.row, pooled(page, number));
      change();
    };
  }

  /** Put everything in its place, with the second half of the first row hidden. */
  build() {
    const { page, root } = this;
    const half = page.imageShape ? (page.imageShape[0] >> 1) * page.imageShape[1]
      : page.features >> 1;
    Object.assign(this.row, pooled(page, 0));
    this.row.seen.fill(0, half);
    root.classList.add("bitmix-explorer");
    root.classList.toggle("features", !page.imageShape);
    const features = plural(page.features, page.imageShape ? "pixel" : "feature");
    root.replaceChildren(
      h("p", { class: "lede" }, `${plural(page.rows, "row")} of ${features}.`),
      section("Pick a row, then hide a part of it", this.picks.element),
      this.workspace(), this.said,
      section("Responsible clusters",
        note("Choose a cluster to see its mean, its size and its members."),
        this.clusters.element, this.detail),
      this.sweeps.element, limits(page));
    this.repaint();
  }

  workspace() {
    const others = button("Draw others", () => {
      this.seed += 1;
      this.change();
    });
    const labels = this.page.classes.length ? [h("h2", {}, "Label"), this.labels] : [];
    return h("div", { class: "workspace" },
      section("The model sees", this.editor.element),
      ...(this.page.imageShape ? [section("It expects", this.expected)] : []),
      section("Samples", h("div", { class: "samples" }, ...this.samples), others),
      h("section", {}, ...labels, h("h2", {}, "How sure it is"), this.facts));
  }

  /** Draw everything, in the colours of the theme. */
  repaint() {
    const { page } = this;
    this.colours = readColours(this.root);
    this.picks.show(Array.from({ length: page.pool.picks }, (_, number) =>
      rowButton(page, this.colours, number, this.pick)));
    if (this.cluster) this.showDetail();
    this.sweeps.paint(this.colours);
    this.update();
  }

  /** Answer for the row as it is. */
  update() {
    const start = performance.now();
    const { page, colours } = this;
    const { x, seen } = this.row;
    this.frame = null;
    const answer = predict(page, x, seen);
    const drawn = this.samples.map((_, i) => {
      const c = i % page.chains.length;
      return sample(page.chains[c], answer.p[c], x, seen, 1000 * this.seed + i);
    });
    this.editor.paint(colours, answer, drawn);
    draw(this.expected, page, colours, answer.mean, seen);
    this.samples.forEach((canvas, i) => draw(canvas, page, colours, drawn[i], seen));
    this.facts.replaceChildren(facts(page, answer, this.row));
    this.showLabels(likely(page, answer.labels));
    this.showClusters(answer);
    this.root.dataset.milliseconds = (performance.now() - start).toFixed(1);
  }

  showLabels(labels) {
    this.labels.replaceChildren(bars(labels));
    clearTimeout(this.speech);
    if (!labels.length) return;
    const [[label, p]] = labels;
    const text = `The most probable label is ${label}, ${percent(p)}.`;
    this.speech = setTimeout(() => (this.said.textContent = text), 400); // not while dragging
  }

  showClusters(answer) {
    const { page, colours } = this;
    const all = answer.p.flatMap((p, c) =>
      [...p].map((weight, k) => [weight / page.chains.length, c, k]));
    const best = all.sort((a, b) => b[0] - a[0]).slice(0, MOST_TILES);
    const worthwhile = best.filter(([weight]) => weight >= 0.0005);
    this.clusters.show(worthwhile.map(([weight, c, k]) => {
      const lines = [percent(weight), `chain ${page.chains[c].chain}`];
      return tile(page, colours, clusterOf(page, c, k), lines, (cluster) => this.open(cluster));
    }));
  }

  open(cluster) {
    this.cluster = cluster;
    this.showDetail();
    this.detail.querySelector("h3").focus();
  }

  showDetail() {
    this.detail.replaceChildren(...detail(this.page, this.colours, this.cluster, this.pick));
  }
}

/** Show the explorer in `el`; return a function that ends it. */
async function render({ model, el }) {
  const explorer = new Explorer(await load(model.get("content")), el);
  explorer.build();
  const repaint = () => explorer.repaint();
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", repaint);
  const themes = new MutationObserver(repaint); // JupyterLab writes its theme to the body
  themes.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  return () => {
    explorer.sweeps.stop();
    dark.removeEventListener("change", repaint);
    themes.disconnect();
  };
}

export default { render };
