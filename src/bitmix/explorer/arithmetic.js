// The content as typed arrays, and what the chains expect of a row.
// First part of the explorer's module, see script.py.

const TYPES = {
  uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, float64: Float64Array,
};

/** Return the content with its packed arrays as typed arrays. */
async function unpack(value) {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return Promise.all(value.map(unpack));
  if ("gzip" in value) {
    const bytes = Uint8Array.from(atob(value.gzip), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new TYPES[value.type](await new Response(stream).arrayBuffer());
  }
  const entries = Object.entries(value).map(async ([key, item]) => [key, await unpack(item)]);
  return Object.fromEntries(await Promise.all(entries));
}

/** Return content that is ready for `predict`. */
export async function load(content) {
  const page = await unpack(content);
  page.chains = page.chains.map((chain) => prepared(chain, page.features));
  const [first] = page.chains;
  page.overall = average(first.logPrior.map(Math.exp), first.means, page.features);
  return page;
}

/** Add what predictions need, clusters x features, a new cluster last. */
function prepared(chain, features) {
  const { weights, sizes, counts, observed, alpha, beta } = chain;
  const cells = weights.length * features;
  const [logOn, logOff, means] = [0, 1, 2].map(() => new Float64Array(cells));
  for (let cell = 0; cell < cells; cell++) {
    const d = cell % features;
    const count = counts[cell] ?? 0;
    const seen = observed ? observed[cell] : sizes[(cell - d) / features];
    const on = alpha[d] + count;
    const off = beta[d] + ((seen ?? 0) - count);
    const logTotal = Math.log(on + off);
    logOn[cell] = Math.log(on) - logTotal;
    logOff[cell] = Math.log(off) - logTotal;
    means[cell] = on / (on + off);
  }
  const total = sum(weights);
  return { ...chain, logPrior: weights.map((w) => Math.log(w / total)), logOn, logOff, means };
}

const sum = (values) => values.reduce((a, b) => a + b, 0);

/** Return p(cluster | observed features) of one chain, the new cluster last. */
function responsibilities(chain, x, seen) {
  const features = x.length;
  const logs = chain.logPrior.slice();
  for (let k = 0; k < logs.length; k++) {
    const row = k * features;
    let log = logs[k];
    for (let d = 0; d < features; d++) {
      if (seen[d]) log += x[d] ? chain.logOn[row + d] : chain.logOff[row + d];
    }
    logs[k] = log;
  }
  const top = Math.max(...logs);
  const p = logs.map((log) => Math.exp(log - top));
  const total = sum(p);
  return p.map((value) => value / total);
}

/** Return sum_k p_k values_kj, for an array of clusters x width. */
function average(p, values, width) {
  const result = new Float64Array(width);
  p.forEach((weight, k) => {
    if (weight < 1e-18) return; // too little to change a sum of doubles
    for (let j = 0; j < width; j++) result[j] += weight * values[k * width + j];
  });
  return result;
}

/**
 * Return what the chains expect of a row: what `bitmix.responsibilities`, `bitmix.complete` and
 * `bitmix.label_probabilities` return.
 *
 * x and seen have a 0 or 1 for each feature; x counts only where seen is 1.
 */
export function predict(page, x, seen) {
  const { features, classes, chains } = page;
  const equal = new Float64Array(chains.length).fill(1 / chains.length);
  const over = (parts, width) => average(equal, parts.flatMap((part) => [...part]), width);
  const p = chains.map((chain) => responsibilities(chain, x, seen));
  const expected = p.map((weights, c) => {
    const means = average(weights, chains[c].means, features);
    return means.map((mean, d) => (seen[d] ? x[d] : mean));
  });
  const width = classes.length;
  const labels = width
    ? over(p.map((weights, c) => average(weights, chains[c].shares, width)), width) : null;
  return { p, expected, mean: over(expected, features), labels };
}

/** Return a function that draws doubles from 0 to 1, the same for the same seed (mulberry32). */
function randomDoubles(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draw a row: a cluster given the observed features, then each feature that is not observed. */
export function sample(chain, p, x, seen, seed) {
  const random = randomDoubles(seed);
  let left = random();
  let k = p.findIndex((weight) => (left -= weight) < 0);
  if (k < 0) k = p.length - 1;
  return x.map((value, d) => {
    const drawn = random() < chain.means[k * x.length + d];
    return seen[d] ? value : Number(drawn);
  });
}

/** Return numbers that say how sure the answer is. */
function certainty(answer, seen) {
  const hidden = [...seen.keys()].filter((d) => !seen[d]);
  const over = (value) => sum(hidden.map(value)) / hidden.length;
  const spread = (d) => sum(answer.expected.map((e) => Math.abs(e[d] - answer.mean[d])));
  const entropy = (p) => -sum(p.map((w) => (w > 0 ? w * Math.log(w) : 0)));
  const chains = answer.p.length;
  return {
    hidden: hidden.length,
    right: over((d) => Math.max(answer.mean[d], 1 - answer.mean[d])),
    apart: over((d) => spread(d) / chains),
    clusters: sum(answer.p.map((p) => Math.exp(entropy(p)))) / chains,
    newCluster: sum(answer.p.map((p) => p[p.length - 1])) / chains,
  };
}
