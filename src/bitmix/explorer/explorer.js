// The explorer itself. Last part of its module, which a notebook renders as an anywidget and a page
// on its own.

const MOST_TILES = 12;
const MOST_LABELS = 10;

/** Return a cluster of a chain, as it is shown. The last number is that of a new cluster. */
function clusterOf(page, c, k) {
  const chain = page.chains[c];
  const part = (values, width) => values?.subarray(k * width, (k + 1) * width);
  const size = chain.sizes[k] ?? 0;
  const most = chain.members.length / chain.sizes.length;
  return {
    name: size ? `cluster ${chain.clusters[k]} of chain ${chain.chain}` : `a new cluster of chain ${chain.chain}`,
    size,
    means: part(chain.means, page.features),
    shares: part(chain.shares, page.classes.length),
    members: [...part(chain.members, most)].filter((number) => number).map((number) => number - 1),
  };
}

/** Return a cluster of a state of the chain whose sweeps are shown, as it is shown. */
function clusterOfState(page, state, i) {
  const chain = page.chains[0];
  const number = state.numbers[i];
  if (state === page.steps.states.at(-1)) {
    const k = chain.clusters.indexOf(number);
    if (k >= 0) return clusterOf(page, 0, k);
  }
  return {
    name: `cluster ${number} of chain ${chain.chain} after sweep ${state.sweep}`,
    size: state.sizes[i],
    means: Float64Array.from(state.means.subarray(i * page.features, (i + 1) * page.features), (m) => m / 255),
    members: [],
  };
}

function tile(page, colours, cluster, caption, open) {
  const canvas = picture(page);
  draw(canvas, page, colours, cluster.means);
  return h("button", { type: "button", class: "tile", onclick: () => open(cluster), title: cluster.name,
    "aria-label": `${cluster.name}, ${plural(cluster.size, "row")}, ${caption.join(", ")}` },
  canvas, ...caption.map((line) => h("span", {}, line)));
}

/** The features in which a cluster differs most from all rows. */
function unlike(page, means) {
  const name = (d) => page.names?.[d] ?? `feature ${d + 1}`;
  const apart = [...means.keys()].sort((a, b) =>
    Math.abs(means[b] - page.overall[b]) - Math.abs(means[a] - page.overall[a]));
  return apart.slice(0, MOST_TILES).map((d) => [name(d), means[d]]);
}

/** Everything about one cluster. `pick` is called with the number of a member. */
function detail(page, colours, cluster, pick) {
  const canvas = picture(page, `the mean of ${cluster.name}`);
  draw(canvas, page, colours, cluster.means);
  const members = strip(`members of ${cluster.name}`);
  members.show(cluster.members.map((number) => rowButton(page, colours, number, pick)));
  const share = percent(cluster.size / page.rows);
  const labels = [...(cluster.shares ?? [])].map((p, l) => [page.classes[l], p]);
  const facts = h("div", {}, h("p", {}, `${plural(cluster.size, "row")}, ${share} of all.`),
    ...(labels.length ? [h("h4", {}, "Labels"), bars(top(labels))] : []),
    ...(page.imageShape ? [] : [h("h4", {}, "Where it differs most from all rows"), bars(unlike(page, cluster.means))]));
  const shown = cluster.members.length < cluster.size ? `The first ${cluster.members.length} members` : "All members";
  const below = cluster.members.length
    ? [h("h4", {}, `${shown}: choose one to show it to the model`), members.box] : [];
  return [h("h3", { tabindex: "-1" }, cluster.name), h("div", { class: "columns" }, canvas, facts), ...below];
}

const top = (entries) => entries.sort((a, b) => b[1] - a[1]).slice(0, MOST_LABELS);

function rowButton(page, colours, number, pick) {
  const canvas = picture(page);
  const { x, seen } = pooled(page, number);
  draw(canvas, page, colours, x, seen);
  const name = poolName(page, number);
  return h("button", { type: "button", class: "tile", onclick: () => pick(number), title: name, "aria-label": name }, canvas);
}

/** The sweeps of one chain. */
function sweeps(page, open) {
  const { states, chain } = page.steps;
  const last = states.length - 1;
  const box = strip(`the clusters of chain ${chain}`);
  const said = h("p", { role: "status" });
  const slider = h("input", { type: "range", min: 0, max: last, value: last, "aria-label": "sweep", oninput: show });
  const play = button("Play", () => (timer ? stop() : start()));
  let timer = null, colours = null;

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  }

  function start() {
    play.textContent = "Stop";
    if (Number(slider.value) === last) slider.value = -1;
    timer = setInterval(() => {
      slider.value = Number(slider.value) + 1;
      show();
      if (Number(slider.value) === last) stop();
    }, 900);
    slider.value = Math.max(slider.value, 0);
    show();
  }

  function show() {
    const state = states[slider.value];
    const length = Math.max(...state.places) + 1;
    const shown = Array.from({ length }, () => h("span", { class: "tile empty" }));
    state.places.forEach((place, i) => {
      const cluster = clusterOfState(page, state, i);
      shown[place] = tile(page, colours, cluster, [whole(cluster.size)], open);
    });
    box.show(shown);
    const when = state.sweep ? `Sweep ${whole(state.sweep)}` : "The start";
    said.textContent = `${when}: ${plural(state.clusters, "cluster")}, the largest with `
      + `${plural(state.largest, "row")}. Log joint ${whole(Math.round(state.logJoint))} nats.`
      + (state.places.length < state.clusters ? ` ${state.places.length} clusters are shown.` : "");
    slider.setAttribute("aria-valuetext", when);
  }

  const element = section(`Watch the clusters of chain ${chain} form`,
    h("p", { class: "note" }, "A cluster keeps its place from sweep to sweep. The number is its number of rows."),
    h("div", { class: "buttons" }, play, slider), said, box.box);
  const paint = (theme) => {
    colours = theme;
    show();
  };
  return { element, paint, stop };
}

/** What the page does not hold. */
function limits(page) {
  const [clusters, rows] = ["clusters", "rows"].map((key) => sum(page.chains.map((chain) => chain.leftOut[key])));
  const share = percent(rows / (page.rows * page.chains.length));
  return h("p", { class: "note" }, `The answers average over the last state of ${plural(page.chains.length, "chain")}, with equal weights. `
    + (clusters ? `${plural(clusters, "small cluster")} with ${share} of the rows did not fit in this page and are left out of all answers. ` : "")
    + `The page holds ${plural(page.pool.row.length, "row")} of the data to pick from and as members.`);
}

const same = (values) => h("dl", {}, ...values.map(([term, value]) =>
  h("div", {}, h("dt", {}, term), h("dd", {}, value))));

function facts(page, answer, row) {
  const sure = certainty(answer, row.seen);
  const noun = page.imageShape ? "pixels" : "features";
  const ofHidden = (value) => (sure.hidden ? value : "nothing is hidden");
  return same([
    [`Hidden ${noun}`, `${whole(sure.hidden)} of ${whole(page.features)}`],
    [`Hidden ${noun} that it expects to guess right`, ofHidden(percent(sure.right))],
    ["Mean distance of a chain from the average", ofHidden(percent(sure.apart))],
    ["Clusters that share the answer, in each chain", sure.clusters.toFixed(1)],
    ["Probability of a new cluster", percent(sure.newCluster)],
  ]);
}

/** Show the explorer in `el`; return a function that ends it. */
async function render({ model, el }) {
  const page = await load(model.get("content"));
  const row = emptyRow(page.features);
  const editor = (page.imageShape ? imageEditor : switchEditor)(page, row, change);
  const samples = Array.from({ length: Math.min(Math.max(page.chains.length, 4), 8) }, (_, i) =>
    picture(page, `sample ${i + 1}`));
  const expected = picture(page, "what the model expects");
  const parts = Object.fromEntries(["facts", "labels", "detail"].map((key) => [key, h("div", { class: key })]));
  parts.said = h("p", { class: "unseen", role: "status" });
  const picks = strip("rows to pick", "picks");
  const clusters = strip("responsible clusters");
  const chain = sweeps(page, open);
  let seed = 1, frame = null, speak = null, colours = null, shown = null;

  function change() {
    frame ??= requestAnimationFrame(update);
  }

  function update() {
    const start = performance.now();
    frame = null;
    const answer = predict(page, row.x, row.seen);
    const drawn = samples.map((_, i) => {
      const c = i % page.chains.length;
      return sample(page.chains[c], answer.p[c], row.x, row.seen, 1000 * seed + i);
    });
    editor.paint(colours, answer, drawn);
    draw(expected, page, colours, answer.mean, row.seen);
    samples.forEach((canvas, i) => draw(canvas, page, colours, drawn[i], row.seen));
    parts.facts.replaceChildren(facts(page, answer, row));
    const labels = answer.labels && top([...answer.labels].map((p, l) => [page.classes[l], p]));
    parts.labels.replaceChildren(...(labels ? [bars(labels)] : []));
    showClusters(answer);
    clearTimeout(speak);
    speak = setTimeout(() => (parts.said.textContent = labels
      ? `The most probable label is ${labels[0][0]}, ${percent(labels[0][1])}.` : ""), 400);
    el.dataset.milliseconds = (performance.now() - start).toFixed(1);
  }

  function showClusters(answer) {
    const all = answer.p.flatMap((p, c) => [...p].map((weight, k) => [weight / page.chains.length, c, k]));
    const best = all.sort((a, b) => b[0] - a[0]).slice(0, MOST_TILES).filter(([weight]) => weight > 0.0005);
    clusters.show(best.map(([weight, c, k]) =>
      tile(page, colours, clusterOf(page, c, k), [percent(weight), `chain ${page.chains[c].chain}`], open)));
  }

  function open(cluster) {
    shown = cluster;
    parts.detail.replaceChildren(...detail(page, colours, cluster, pick));
    parts.detail.querySelector("h3").focus();
  }

  function pick(number) {
    Object.assign(row, pooled(page, number));
    change();
  }

  function repaint() {
    colours = readColours(el);
    picks.show(Array.from({ length: page.pool.picks }, (_, number) => rowButton(page, colours, number, pick)));
    if (shown) parts.detail.replaceChildren(...detail(page, colours, shown, pick));
    chain.paint(colours);
    update();
  }

  pick(0);
  const half = page.imageShape ? (page.imageShape[0] >> 1) * page.imageShape[1] : page.features >> 1;
  row.seen.fill(0, half);
  const others = button("Draw others", () => {
    seed += 1;
    change();
  });
  const views = [section("The model sees", editor.element)];
  if (page.imageShape) views.push(section("It expects", expected));
  const drawings = [h("h2", {}, "Samples"), h("div", { class: "samples" }, ...samples), others];
  el.classList.add("bitmix-explorer");
  el.classList.toggle("features", !page.imageShape);
  el.replaceChildren(
    h("p", { class: "lede" }, `${plural(page.rows, "row")} of ${plural(page.features, page.imageShape ? "pixel" : "feature")}.`),
    section("Pick a row, then hide a part of it", picks.box),
    h("div", { class: "workspace" }, ...views, h("section", {}, ...drawings),
      h("section", {}, ...(page.classes.length ? [h("h2", {}, "Label"), parts.labels] : []), h("h2", {}, "How sure it is"), parts.facts)),
    parts.said,
    section("Responsible clusters", h("p", { class: "note" }, "Choose a cluster to see its mean, its size and its members."), clusters.box, parts.detail),
    chain.element, limits(page));
  editor.build?.();

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const themes = new MutationObserver(repaint); // JupyterLab says its theme on the body
  themes.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  dark.addEventListener("change", repaint);
  repaint();
  return () => {
    chain.stop();
    themes.disconnect();
    dark.removeEventListener("change", repaint);
  };
}

export default { render };
