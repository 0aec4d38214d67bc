// Rows: the one that the model sees, and those of the data. Third part of the explorer's module.

/** Return a row. x: its features; known: 1 where x has a value; seen: 1 where the model sees it. */
function emptyRow(features) {
  const filled = (value) => new Uint8Array(features).fill(value);
  return { x: filled(0), known: filled(1), seen: filled(1) };
}

/** Return a row of the data that the page holds, by its number in the pool. */
function pooled(page, number) {
  const width = Math.ceil(page.features / 8);
  const bits = (bytes) => Uint8Array.from({ length: page.features },
    (_, d) => (bytes[number * width + (d >> 3)] >> (d & 7)) & 1);
  const { x, observed } = page.pool;
  const known = observed ? bits(observed) : new Uint8Array(page.features).fill(1);
  return { x: bits(x), known, seen: known.slice() };
}

/** Return a button with the picture of a row of the data. */
function rowButton(page, colours, number, pick) {
  const { x, seen } = pooled(page, number);
  const { row, label } = page.pool;
  const labelled = label ? `, label ${page.classes[label[number]]}` : "";
  const name = `row ${whole(row[number])}${labelled}`;
  const canvas = picture(page);
  draw(canvas, page, colours, x, seen);
  const onclick = () => pick(number);
  const attributes = { type: "button", class: "tile", title: name, "aria-label": name, onclick };
  return h("button", attributes, canvas);
}

const nameOf = (page, d) => page.names?.[d] ?? `feature ${d + 1}`;
