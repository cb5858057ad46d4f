// What one difference does in the study: an interval a row. See explorer.py, and study/forest.py, which
// draws the same.

const NUMBERS = 0.35; // of the span of all intervals, right of them: room for the numbers
const FEW = 5; // ticks at most
const GRID = "background: white; color: black; display: grid; grid-template-columns: minmax(0, max-content) minmax(190px, 1fr); max-width: 700px; padding: 4px";
const LABEL = "align-content: center; overflow-wrap: anywhere; padding: 1px 10px 1px 0; text-align: right";
const ROW = "border-left: 1px solid black; min-height: var(--attn-row, 34px); position: relative";

const claimOf = ({ claims }, { change, task, budget }) => claims[[change, task, budget]];

function prepare({ stage, numbers }) {
  const legend = element("p", stage, { style: "background: white; color: black; display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 0; padding: 4px" });
  for (const look of Object.values(numbers.looks)) {
    const each = element("span", legend, { style: "align-items: center; display: inline-flex; gap: 6px" });
    markIn(made("svg", each, { width: 26, height: 16, "aria-hidden": true }), look, [0, 50, 100]);
    each.append(look.said);
  }
  const grid = element("div", stage, { style: GRID });

  return (state) => {
    const { title, rows, sentence } = claimOf(numbers, state), across = scaleOf(rows, numbers.bound);
    grid.replaceChildren();
    element("strong", grid, { style: "grid-column: 1 / -1; text-align: center", textContent: title });
    for (const row of rows) {
      element("div", grid, { style: LABEL, textContent: row.label });
      rowIn(element("div", grid, { style: ROW }), row, numbers, across);
    }
    const ticks = roundsIn(across.low, across.high);
    axisIn(grid, across, ticks, numbers.below);
    const ran = rows.filter(({ verdict }) => verdict);
    return { sentence, ranges: ran.map(({ low, high }) => [low, high]), means: ran.map(({ mean }) => mean), ticks };
  };
}

/** Points -> percent of the width; it knows its ends. */
function scaleOf(rows, bound) {
  const ran = rows.filter(({ verdict }) => verdict);
  const least = Math.min(-bound, ...ran.map(({ low }) => low)), most = Math.max(bound, ...ran.map(({ high }) => high));
  const low = least - 0.06 * (most - least), high = most + NUMBERS * (most - least);
  return Object.assign((points) => (100 * (points - low)) / (high - low), { low, high });
}

const filling = (parent, attributes) => made("svg", parent, { width: "100%", height: "100%", style: "inset: 0; overflow: visible; position: absolute", ...attributes });

function rowIn(cell, { low, mean, high, verdict, mean_said, said }, { bound, looks, not_run }, across) {
  const svg = filling(cell, { role: "img", "aria-label": said ?? not_run }), look = looks[verdict];
  made("rect", svg, { x: `${across(-bound)}%`, width: `${across(bound) - across(-bound)}%`, height: "102%", fill: NOTHING });
  made("line", svg, { x1: `${across(0)}%`, x2: `${across(0)}%`, y2: "102%", stroke: "black" });
  if (look) markIn(svg, look, [low, mean, high].map(across));
  const right = `${across(verdict ? Math.max(high, bound) : 0)}%`;
  words(svg, right, "50%", mean_said ?? not_run, "start", { dx: 10, "dominant-baseline": "central", fill: look?.colour ?? QUIET });
}

/** An interval and its mean, at these percents of the width. */
function markIn(svg, { colour, marker, filled }, [low, mean, high]) {
  made("line", svg, { x1: `${low}%`, x2: `${high}%`, y1: "50%", y2: "50%", stroke: colour, "stroke-width": 3 });
  const middle = made("svg", svg, { x: `${mean}%`, y: "50%", overflow: "visible" });
  const drawn = { fill: filled ? colour : "white", stroke: colour, "stroke-width": 2 };
  if (marker === "s") made("rect", middle, { x: -5, y: -5, width: 10, height: 10, ...drawn });
  else made("circle", middle, { r: 5, ...drawn });
}

function axisIn(grid, across, ticks, below) {
  element("span", grid);
  const svg = filling(element("div", grid, { style: "border-top: 1px solid black; height: 26px; position: relative" }), { "aria-hidden": true });
  for (const points of ticks) {
    made("line", svg, { x1: `${across(points)}%`, x2: `${across(points)}%`, y2: 5, stroke: "black" });
    words(svg, `${across(points)}%`, 20, String(points).replace("-", "−"), "middle");
  }
  element("span", grid, { style: "grid-column: 1 / -1; text-align: center", textContent: below });
}

/** Round numbers between two, not many. */
function roundsIn(low, high) {
  const power = 10 ** Math.floor(Math.log10(high - low));
  const step = [0.2, 0.5, 1, 2].map((each) => each * power).find((each) => (high - low) / each < FEW);
  const first = Math.ceil(low / step), count = Math.floor(high / step) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(6)));
}

function open({ change, task }, { claims }) {
  const asked = Object.keys(claims).map((key) => key.split(",")).filter(([each]) => each === change);
  return { task: asked.map(([, each]) => each), budget: asked.filter(([, each]) => each === task).map(([, , budget]) => Number(budget)) };
}

export default { initialize, render: drawn({ open, prepare }) };
