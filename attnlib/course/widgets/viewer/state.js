// What is held, chosen and shown. All functions of the viewer take `view`, what one view knows.

const bytes = (view) => view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
const floats = (view) => new Float32Array(bytes(view));

const clamp = (x, low, high) => Math.max(low, Math.min(high, x));
const largestOf = (values) => values.reduce((most, value) => (value > most ? value : most), 0);

/** What the model holds, in a form that can be asked. */
function contents(model) {
  const [heads, rows, cols] = model.get("shape");
  const whole = model.get("weights").byteLength > 0;
  const [high, wide] = whole ? [rows, cols] : model.get("overview_shape");
  const values = floats(whole ? model.get("weights") : model.get("overview"));
  const seen = new Int32Array(bytes(model.get("seen")));
  return {
    whole, high, wide, largest: largestOf(values),
    of: (head) => values.subarray(head * high * wide, (head + 1) * high * wide),
    row: (head, query) => values.subarray((head * rows + query) * cols, (head * rows + query + 1) * cols),
    seen: (head, query) => seen[head * rows + query],
  };
}

/** A new view: the whole map, at the place that the model says. */
function viewOf({ model, el }) {
  const [heads, rows, cols] = model.get("shape");
  const at = (name, size) => clamp(model.get(name), 0, size - 1);
  const stop = new AbortController();
  return {
    model, el, heads, rows, cols,
    say: speaker(() => model.get("said") ?? {}),
    listen: (target, kind, does, options = {}) =>
      target.addEventListener(kind, does, { signal: stop.signal, ...options }),
    end: () => stop.abort(),
    atEnd: (does) => stop.signal.addEventListener("abort", does),
    data: contents(model),
    get head() { return at("head", heads); },
    get query() { return at("query", rows); },
    get key() { return at("key", cols); },
    shown: { top: 0, left: 0, rows, cols }, // a window of the map, in tokens
    log: false, // whether colours are logarithmic
    pictures: new Map(), // of the heads, where they are painted
    side: null, // draws what stands beside the map
    tile: null, exact: null, // the newest cells of the window, and weights of a row, from the kernel
    turn: 0, // how many windows were asked for: strips of older ones are of no use
    computing: false, // whether this view asks for the overview, strip after strip
  };
}

/** Move to another head, query or key; all views of this model follow. */
function choose(view, place) {
  const { model, heads, rows, cols } = view, limits = { head: heads, query: rows, key: cols };
  for (const [name, value] of Object.entries(place)) model.set(name, clamp(value, 0, limits[name] - 1));
  try {
    model.save_changes();
  } catch {
    // A page without a kernel keeps its state here.
  }
  view.address?.remember(addressOf(view));
}

/** Tokens of an axis that may be shown at once. */
const fitting = (size, length) => clamp(size, Math.min(4, length), length);

/** Move the window: what is in it is asked for, and drawn. */
function show(view, top, left, high, wide) {
  const { shown, rows, cols } = view;
  shown.rows = fitting(high, rows);
  shown.cols = fitting(wide, cols);
  shown.top = clamp(top, 0, rows - shown.rows);
  shown.left = clamp(left, 0, cols - shown.cols);
  want(view); // first, as it drops what is no longer shown
  draw(view);
  if (view.table.dataset.part) wantTable(view);
}

/** Keep the token under (row, column) where it is. */
function zoom(view, factor, row = view.query + 0.5, column = view.key + 0.5) {
  const { shown, rows, cols } = view;
  const inside = row >= shown.top && row <= shown.top + shown.rows && column >= shown.left && column <= shown.left + shown.cols;
  const [down, across] = inside
    ? [(row - shown.top) / shown.rows, (column - shown.left) / shown.cols] : [0.5, 0.5];
  const high = fitting(shown.rows * factor, rows), wide = fitting(shown.cols * factor, cols);
  show(view, row - down * high, column - across * wide, high, wide);
}

/** Move the window no further than it takes to see the chosen token. */
function follow(view) {
  const { shown } = view;
  const part = (place, start, size) =>
    place < start ? place : place + 1 > start + size ? place + 1 - size : start;
  const top = part(view.query, shown.top, shown.rows), left = part(view.key, shown.left, shown.cols);
  if (top !== shown.top || left !== shown.left) show(view, top, left, shown.rows, shown.cols);
}

function showWhole(view) {
  show(view, 0, 0, view.rows, view.cols);
}

/** The first window of a map that has no overview yet. */
function showWindow(view) {
  const size = view.model.get("window");
  show(view, view.query - size / 2, view.key - size / 2, size, size);
}

function switchScale(view) {
  view.log = !view.log;
  view.scale.setAttribute("aria-pressed", view.log);
  repaint(view);
}
