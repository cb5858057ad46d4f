// Two rows, normalised and fused: as arrows in the plane, whose tips are moved, and as norms. See
// explorer.py, which says the same.

const FUSIONS = {
  add: (whole, local) => whole + local,
  mult: (whole, local) => whole * local,
  avg: (whole, local) => (whole + local) / 2,
  max: (whole, local) => Math.max(whole, local),
};
const DASHES = { add: "none", mult: "8 4", avg: "10 4 2 4", max: "3 4" };
const ANGLES = [...Array(361).keys()];
const BRANCHES = ["global", "local"]; // as their controls are called
const REACH = 2.4; // of the plane, to each side
const LONGEST = 2; // row that a control offers
const HIGH = 332, HEAD = 28; // CSS pixels: the axes of both panels, and above them
const PLANE = { left: 30, wide: HIGH, foot: 28 }, NORMS = { left: 42, wide: 358, foot: 48 };

const radians = (degrees) => (degrees * Math.PI) / 180;
const rowOf = (angle, length) => [length * Math.cos(radians(angle)), length * Math.sin(radians(angle))];
const norm = (row) => Math.hypot(...row);
/** A row of zeros stays zero. */
const normalised = (row) => row.map((each) => each / (norm(row) || 1));
const fuse = (units, fusion) => units[0].map((whole, channel) => FUSIONS[fusion](whole, units[1][channel]));

/** Of each fusion the norms of the fused row, were the local row at another angle. */
function normsOf(unitWhole, localLength) {
  const turned = ANGLES.map((angle) => normalised(rowOf(angle, localLength)));
  const along = (fusion) => turned.map((local) => norm(fuse([unitWhole, local], fusion)));
  return Object.fromEntries(Object.keys(FUSIONS).map((fusion) => [fusion, along(fusion)]));
}

function prepare({ stage, say, choose }) {
  const panels = element("div", stage, { className: "attn-panels" });
  const plane = planeIn(panels, say, choose), curves = curvesIn(panels, say);
  return (state) => {
    const rows = BRANCHES.map((branch) => rowOf(state[`${branch}_angle`], state[`${branch}_length`]));
    const units = rows.map(normalised), fused = fuse(units, state.fusion);
    const norms = normsOf(units[0], state.local_length);
    plane(state, rows, [...units, fused]);
    curves(norms, state.fusion, [state.local_angle, norm(fused)]);
    return { sentence: told(say, state.fusion, rows, units, fused), fused, norms: Object.values(norms) };
  };
}

/** A panel with axes: { svg, at(x, y) }, where `x` and `y` are [low, high, ticks]. */
function axesIn(parent, { left, wide, foot }, x, y, title, attributes) {
  const svg = drawing(parent, left + wide + 14, HEAD + HIGH + foot, { "aria-label": title, ...attributes });
  const part = (value, [low, high]) => (value - low) / (high - low);
  const at = (across, up) => [left + wide * part(across, x), HEAD + HIGH * (1 - part(up, y))];
  words(svg, left + wide / 2, 18, title, "middle");
  for (const tick of x[2]) {
    const [across] = at(tick, 0);
    made("path", svg, { d: `M${across} ${HEAD + HIGH}v4`, stroke: "black" });
    words(svg, across, HEAD + HIGH + 20, minus(tick), "middle");
  }
  for (const tick of y[2]) {
    const [, up] = at(0, tick);
    made("path", svg, { d: `M${left} ${up}h-4`, stroke: "black" });
    words(svg, left - 8, up, minus(tick), "end", { "dominant-baseline": "central" });
  }
  made("rect", svg, { x: left, y: HEAD, width: wide, height: HIGH, fill: "none", stroke: "black" });
  return { svg, at };
}

const minus = (number) => String(number).replace("-", "\u2212");

/** What a colour or a line means, in places of one width from `from` to `to`. */
function legendIn(svg, from, to, y, lines) {
  const wide = (to - from) / lines.length;
  return lines.map(([name, attributes], i) => {
    const x = from + i * wide;
    words(svg, x + 38, y, name, "start", { "dominant-baseline": "central" });
    return made("path", svg, { d: `M${x + 6} ${y}h26`, ...attributes });
  });
}

/** The rows as they came, which a pointer or the arrow keys move, and the arrows. */
function planeIn(parent, say, choose) {
  const ticks = [-REACH, REACH, [-1, 0, 1]], title = say("circles: as they came; arrows: normalised");
  const { svg, at } = axesIn(parent, PLANE, ticks, ticks, title, { role: "group" });
  const [x, y] = at(0, 0), unit = PLANE.wide / (2 * REACH), colours = [...ENDS, MARK];
  made("circle", svg, { cx: x, cy: y, r: unit, fill: "none", stroke: NOTHING, "stroke-width": 2 });
  const names = [say("global"), say("local"), say("fused")];
  legendIn(svg, PLANE.left, PLANE.left + PLANE.wide, HEAD + HIGH - 18, names.map((name, i) => [name, { stroke: colours[i], "stroke-width": 5 }]));
  const arrows = colours.map((fill) => made("path", svg, { fill, stroke: fill, "stroke-linejoin": "round", "stroke-linecap": "round" }));
  const stems = ENDS.map((stroke) => made("path", svg, { stroke, "stroke-width": 1.5 }));
  const labels = [
    say("the global row: left and right turn it, up and down change its length"),
    say("the local row: left and right turn it, up and down change its length"),
  ];
  const rowAt = (toX, toY) => [(toX - x) / unit, (y - toY) / unit];
  const tips = BRANCHES.map((branch, i) => tipIn(svg, ENDS[i], labels[i], rowAt, (angle, length) =>
    choose({ [`${branch}_angle`]: angle, [`${branch}_length`]: length })));

  return (state, rows, ends) => {
    ends.forEach((row, i) => change(arrows[i], { d: arrow([x, y], at(...row)) }));
    rows.forEach((row, i) => {
      change(stems[i], { d: `M${x} ${y}L${at(...row)}` });
      tips[i](state[`${BRANCHES[i]}_angle`], state[`${BRANCHES[i]}_length`], at(...row));
    });
  };
}

/** From one place to another: a shaft and a head, which shrinks where the arrow is too short. */
function arrow([x, y], [toX, toY]) {
  const long = Math.hypot(toX - x, toY - y), scale = Math.min(1, long / 26);
  const [ahead, aside] = long ? [(toX - x) / long, (toY - y) / long] : [1, 0];
  const corners = [[0, 3], [long - 22 * scale, 3], [long - 26 * scale, 9], [long, 0]];
  const place = ([along, off]) => [x + along * ahead - off * scale * aside, y + along * aside + off * scale * ahead];
  const other = corners.slice(0, 3).reverse().map(([along, off]) => [along, -off]);
  return `M${[...corners, ...other].map(place).join("L")}Z`;
}

/** The tip of a row. Where it is moved to, `moved(angle, length)` hears, in steps of the controls. */
function tipIn(svg, stroke, label, rowAt, moved) {
  const tip = made("g", svg, { tabindex: 0, role: "button", "aria-label": label });
  made("circle", tip, { r: 22, fill: "transparent" }); // as large as a finger
  made("circle", tip, { r: 6, fill: "white", stroke, "stroke-width": 3 });
  let angle, length, place;

  function moveTo(...to) {
    const [across, up] = rowAt(...to);
    const far = Math.min(LONGEST, Math.round(10 * Math.hypot(across, up)) / 10);
    const turned = Math.round((Math.atan2(up, across) * 180) / Math.PI + 360) % 360;
    moved(far ? turned : angle, far); // a row of zeros keeps the angle that it had
  }
  draggable(tip, () => place, moveTo);
  tip.addEventListener("keydown", (event) => {
    const turn = { ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0, stretch = { ArrowDown: -1, ArrowUp: 1 }[event.key] ?? 0;
    if (!turn && !stretch) return;
    event.preventDefault(); // the page would scroll
    const longer = Math.round(10 * length + stretch) / 10;
    moved((angle + turn + 360) % 360, Math.min(LONGEST, Math.max(0, longer)));
  });

  return (...now) => {
    [angle, length, place] = now;
    change(tip, { transform: `translate(${place})` });
  };
}

/** The norm of the fused row at every angle of the local one, a line for each fusion. */
function curvesIn(parent, say) {
  const { left, wide } = NORMS, x = [0, 360, [0, 90, 180, 270, 360]], y = [-0.06, 2.5, [0, 0.71, 1, 1.41, 2]];
  const { svg, at } = axesIn(parent, NORMS, x, y, say("norm of the fused row"));
  words(svg, left + wide / 2, HEAD + HIGH + 40, say("angle of the local row, degrees"), "middle");
  const names = Object.keys(FUSIONS);
  const samples = legendIn(svg, left, left + wide, HEAD + 18, names.map((name) => [name, {}]));
  const line = made("path", svg, { stroke: NOTHING, "stroke-width": 1.5 });
  const curves = names.map(() => made("path", svg, { fill: "none" }));
  const here = made("circle", svg, { r: 8, fill: MARK });

  return (norms, chosen, [angle, value]) => {
    names.forEach((name, i) => {
      const style = name === chosen ? { stroke: MARK, "stroke-width": 4 } : { stroke: QUIET, "stroke-width": 1.6 };
      for (const each of [samples[i], curves[i]]) change(each, { ...style, "stroke-dasharray": DASHES[name] });
      change(curves[i], { d: `M${norms[name].map((height, turned) => at(turned, height).map(two)).join("L")}` });
    });
    const [across, up] = at(angle, value);
    change(line, { d: `M${across} ${HEAD}v${HIGH}` });
    change(here, { cx: across, cy: up });
  };
}

function told(say, fusion, rows, units, fused) {
  const [whole, local] = rows.map(norm).map(two), [unit_whole, unit_local] = units.map(norm).map(two);
  return paragraph(
    say,
    toldOfNorms(say, rows.map((row) => norm(row) === 0), { whole, local, unit_whole, unit_local }),
    rows.every(norm) ? say("The angle between is {angle:.0f}°.", { angle: fixed(between(...units), 0) }) : "",
    say("{fusion}: the fused row has norm {norm}.", { fusion, norm: two(norm(fused)) }),
  );
}

/** By which of the two rows are zero. */
function toldOfNorms(say, [noWhole, noLocal], norms) {
  if (noWhole && noLocal)
    return say(
      "Norms {whole} (global) and {local} (local) become {unit_whole} and {unit_local}: a row of zeros has no direction and stays zero (global and local).",
      norms,
    );
  if (noWhole)
    return say(
      "Norms {whole} (global) and {local} (local) become {unit_whole} and {unit_local}: a row of zeros has no direction and stays zero (global).",
      norms,
    );
  if (noLocal)
    return say(
      "Norms {whole} (global) and {local} (local) become {unit_whole} and {unit_local}: a row of zeros has no direction and stays zero (local).",
      norms,
    );
  return say(
    "Norms {whole} (global) and {local} (local) become {unit_whole} and {unit_local}, so the lengths play no part.",
    norms,
  );
}

/** The angle between two rows of norm 1, in degrees. */
function between([x, y], [toX, toY]) {
  return (Math.acos(Math.min(1, Math.max(-1, x * toX + y * toY))) * 180) / Math.PI;
}

/** A row of zeros has no angle. */
const open = ({ global_angle, global_length }) => (global_length ? {} : { global_angle: [global_angle] });

export default { initialize, render: drawn({ open, prepare }) };
