// A query to drag, four keys, and their weights step by step. See explorer.py, which says the same.

const SIDE = 288, HEAD = 28, WIDE = 162, EDGE = 6; // CSS pixels: the plane, above the panels, a panel of bars
const REACH = 2.5; // the plane is drawn this far to each side
const UNIT = SIDE / (2 * REACH);
const END = 2, STEPS = 10; // a tip goes from -2 to 2, in steps of a tenth
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

const across = (x) => (REACH + x) * UNIT;
const down = (y) => (REACH - y) * UNIT;
const snapped = (x) => Math.round(Math.max(-END, Math.min(END, x)) * STEPS) / STEPS;
const sum = (values) => values.reduce((so_far, value) => so_far + value, 0);
const dot = (one, other) => sum(one.map((value, i) => value * other[i]));
const colourOf = (key) => (key === 0 ? ENDS[1] : ENDS[0]);

function prepare({ stage, numbers, say, choose }) {
  const panels = element("div", stage, { className: "attn-panels" });
  const plane = planeIn(panels, numbers.others, say, choose);
  const bars = [0, 1, 2].map(() => barsIn(panels, 1 + numbers.others.length, say));
  return (state) => {
    const { keys, factor, products, scores, weights } = attend(numbers, state);
    const largest = Math.max(1, ...[...products, ...scores].map(Math.abs));
    plane(state, keys);
    bars[0]("q·k", products, -largest, largest);
    bars[1](formula(say, state), scores, -largest, largest);
    bars[2](say("weights"), weights, 0, 1);
    return { sentence: told(say, state, factor, products, scores, weights), products, scores, weights };
  };
}

/** The query, the keys, and what comes of them. */
function attend({ others, rest }, { q_x, q_y, k_x, k_y, head_dim, scale, temperature }) {
  const plane = [[q_x, q_y], [k_x, k_y], ...others];
  const [q, ...keys] = plane.map((seen, i) => [...seen, ...rest[i].slice(0, head_dim - 2)]);
  const factor = scale === "1/√D" ? head_dim ** -0.5 : 1;
  const products = keys.map((key) => dot(q, key)), scores = products.map((product) => (product * factor) / temperature);
  const largest = Math.max(...scores), powers = scores.map((score) => Math.exp(score - largest));
  return { keys, factor, products, scores, weights: powers.map((power) => power / sum(powers)) };
}

/** Arrows, and with D = 2 the shadow of each key on the line of the query. */
function planeIn(panels, others, say, choose) {
  const svg = drawing(panels, SIDE + 2, HEAD + SIDE + 2, { role: "group" });
  const title = words(svg, SIDE / 2, 18, "", "middle");
  const inside = made("g", svg, { transform: `translate(1 ${HEAD})` });
  made("rect", inside, { width: SIDE, height: SIDE, fill: "none", stroke: "black" });
  made("path", inside, { d: `M${across(0) - 5} ${down(0)}h10m-5 -5v10`, stroke: QUIET });
  const shadows = made("g", inside);
  const line = made("line", shadows, { stroke: NOTHING, "stroke-width": 2 });
  const drops = [0, ...others].map(() => made("line", shadows, { stroke: QUIET, "stroke-width": 1.5, "stroke-dasharray": "1.5 3" }));
  others.forEach((tip, i) => arrow(inside, i + 1, tip));
  const to = (name) => (x, y) => choose({ [`${name}_x`]: x, [`${name}_y`]: y });
  const key = tipIn(inside, 0, ENDS[1], (at) => say("key 0 at {x}, {y}: drag it, or use the arrow keys", at), to("k"));
  const query = tipIn(inside, "q", MARK, (at) => say("query at {x}, {y}: drag it, or use the arrow keys", at), to("q"));

  return ({ q_x, q_y, k_x, k_y, head_dim }, keys) => {
    title.textContent = head_dim === 2 ? say("q and keys") : say("q and keys, 2 of D = {head_dim}", { head_dim });
    change(svg, { "aria-label": title.textContent });
    const square = q_x ** 2 + q_y ** 2, seen = head_dim === 2 && square > 0;
    change(shadows, { visibility: seen ? "visible" : "hidden" });
    if (seen) {
      const far = REACH / Math.max(Math.abs(q_x), Math.abs(q_y));
      between(line, [-far * q_x, -far * q_y], [far * q_x, far * q_y]);
      keys.forEach((tip, i) => {
        const share = dot(tip, [q_x, q_y]) / square;
        between(drops[i], tip, [share * q_x, share * q_y]);
      });
    }
    key(k_x, k_y);
    query(q_x, q_y);
  };
}

function between(line, [x1, y1], [x2, y2]) {
  change(line, { x1: across(x1), y1: down(y1), x2: across(x2), y2: down(y2) });
}

/** A key that stands still. */
function arrow(inside, key, [x, y]) {
  const colour = colourOf(key), turn = (-Math.atan2(y, x) * 180) / Math.PI;
  between(made("line", inside, { stroke: colour, "stroke-width": 4 }), [0, 0], [0.9 * x, 0.9 * y]);
  made("path", inside, { d: "M0 0L-16 -8L-12 0L-16 8Z", fill: colour, transform: `translate(${across(x)} ${down(y)}) rotate(${turn})` });
  beyond(nameIn(inside, key, colour), x, y);
}

const nameIn = (inside, text, colour) =>
  words(inside, 0, 0, text, "middle", { fill: colour, "font-weight": "bold", style: "pointer-events: none; user-select: none" });

/** Puts a name a little farther out than its tip. */
function beyond(name, x, y) {
  const length = Math.hypot(x, y), [right, up] = length ? [x / length, y / length] : [0, -1];
  change(name, { x: across(x) + 19 * right, y: down(y) - 19 * up + 5 });
}

/** An arrow whose tip is dragged by mouse or finger, or moved by keys; gives back draw(x, y). */
function tipIn(inside, text, colour, called, moved) {
  const line = made("line", inside, { stroke: colour, "stroke-width": 4 });
  const name = nameIn(inside, text, colour);
  // The rim is not seen: it makes the tip as large as a finger. Beside it a finger scrolls the page.
  const tip = made("circle", inside, {
    r: 9, fill: colour, stroke: "transparent", "stroke-width": 26, tabindex: 0, role: "button",
    "pointer-events": "all",
  });
  let at = [0, 0];

  function go(...to) {
    const [x, y] = to.map(snapped);
    if (x !== at[0] || y !== at[1]) moved(x, y);
  }
  draggable(tip, () => [across(at[0]), down(at[1])], (x, y) => go(x / UNIT - REACH, REACH - y / UNIT));
  tip.addEventListener("keydown", (event) => {
    const way = WAYS[event.key];
    if (!way) return;
    event.preventDefault();
    go(at[0] + way[0] / STEPS, at[1] + way[1] / STEPS);
  });

  return (x, y) => {
    at = [x, y];
    between(line, [0, 0], at);
    beyond(name, x, y);
    change(tip, { cx: across(x), cy: down(y), "aria-label": called({ x: x.toFixed(1), y: y.toFixed(1) }) });
  };
}

/** A bar for each key, its number above it; gives back draw(title, values, low, high). */
function barsIn(panels, count, say) {
  const svg = drawing(panels, WIDE, HEAD + SIDE + 2), row = SIDE / count;
  const title = words(svg, WIDE / 2, 18, "", "middle");
  const bars = Array.from({ length: count }, (_, key) => {
    const top = HEAD + key * row, bar = made("rect", svg, { y: top + 34, height: row - 44, fill: colourOf(key) });
    words(svg, EDGE, top + 24, say("key {key}", { key }));
    const zero = made("line", svg, { y1: top + 30, y2: top + row - 6, stroke: QUIET });
    return { number: words(svg, WIDE - EDGE, top + 24, "", "end"), bar, zero };
  });
  return (called, values, low, high) => {
    const place = (value) => EDGE + ((value - low) / (high - low)) * (WIDE - 2 * EDGE);
    title.textContent = called;
    change(svg, { "aria-label": called });
    values.forEach((value, key) => {
      const { number, bar, zero } = bars[key], [left, right] = [Math.min(0, value), Math.max(0, value)].map(place);
      number.textContent = two(value);
      change(bar, { x: left, width: right - left });
      change(zero, { x1: place(0), x2: place(0) });
    });
  };
}

function formula(say, { scale, temperature }) {
  const root = scale === "1/√D" ? " / √D" : "", divided = temperature === 1 ? "" : ` / ${temperature}`;
  return say("scores: {formula}", { formula: `q·k${root}${divided}` });
}

function told(say, { head_dim, scale, temperature }, factor, products, scores, weights) {
  const times = scale === "1" ? two(factor) : `1/√${head_dim} = ${two(factor)}`;
  const lists = { products: listed(products), scores: listed(scores), weights: listed(weights) };
  const sentence = say(
    "q·k of keys 0 to {last}: {products}. Times {times}, over temperature {temperature:g}, the scores are {scores}. Softmax: {weights}.",
    { last: products.length - 1, times, temperature, ...lists },
  );
  const hidden = say("(You see 2 of {head_dim} coordinates; the others are random numbers.)", { head_dim });
  return paragraph(say, sentence, toldOfWeights(say, weights), head_dim > 2 ? hidden : "");
}

/** Which keys get most, and how evenly the weights are spread. */
function toldOfWeights(say, weights) {
  const largest = Math.max(...weights), first = [...weights.keys()].filter((key) => weights[key] > largest - 1e-9);
  const values = { most: two(largest), entropy: spread(weights), key: first[0], keys: first.join(", ") };
  if (first.length === weights.length) return say("All keys get the same, {most}; the entropy is {entropy} of uniform attention's.", values);
  if (first.length > 1) return say("Keys {keys} get most, {most} each; the entropy is {entropy} of uniform attention's.", values);
  return say("Key {key} gets most; the entropy is {entropy} of uniform attention's.", values);
}

export default { initialize, render: drawn({ prepare }) };
