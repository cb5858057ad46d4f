// Frames cut into segments, and the parameters that each frame meets. See explorer.py, which says
// the same.

const FILLS = ["#9ecae1", "#fdd0a2"]; // neighbours differ; the numbers tell which is which
const CROWDED = 30; // frames; with more, not all are numbered
const NARROW = 700; // CSS pixels; on a stage that is narrower the frames go down, not to the right

/** The slices of segment_slices: of one length but for the last ones, which may be empty. */
function segmentsOf(length, count) {
  const size = Math.ceil(length / count), edge = (number) => Math.min(number * size, length);
  return Array.from({ length: count }, (_, number) => ({ start: edge(number), stop: edge(number + 1) }));
}

const holds = ({ start, stop }, frame) => start <= frame && frame < stop;

/** The frames that carry their number: all, or so many as there is room for. */
function numbered(length, frame) {
  const step = length <= CROWDED ? 1 : 5 * Math.ceil(length / (5 * CROWDED));
  const apart = (number) => Math.abs(number - frame) >= length / CROWDED;
  return [...Array(length).keys()].filter((number) => number === frame || (number % step === 0 && apart(number)));
}

/** Where all lies, in CSS pixels: along the frames, and across them, from the sets of the local
 * branch to that of the global one.
 */
function measured(turned, pictured) {
  const { along, left, top, right, sets, cone, pictures, numbers, way, all, font } = turned
    ? { along: 620, left: 2, top: 44, right: 2, sets: 100, cone: 50, pictures: pictured && 50, numbers: pictured ? 36 : 86, way: 26, all: 44, font: 13 }
    : { along: 676, left: 128, top: 4, right: 12, sets: 66, cone: 50, pictures: pictured && 62, numbers: 44, way: 32, all: 50, font: 15 };
  const frames = sets + cone, row = frames + pictures, end = row + numbers, global = end + way, across = global + all;
  const size = turned ? [left + across + right, top + along + 4] : [left + along + right, top + across + 4];
  const at = (x, y) => (turned ? [left + y, top + x] : [left + x, top + y]);
  return {
    turned, along, font, size, frames, row, end, global, across, sets,
    at,
    box(start, from, length, to) {
      const [x, y] = at(start, from), [width, height] = turned ? [to - from, length] : [length, to - from];
      return { x, y, width, height };
    },
    line: (...points) => `M${points.map((point) => at(...point)).join("L")}`,
  };
}

/** Words of one line or more round a place. */
function lines(parent, [x, y], text, align, attributes = {}) {
  const all = text.split("\n"), group = made("g", parent, attributes);
  all.forEach((line, i) =>
    words(group, x, y, line, align, { dy: `${1.2 * (i - (all.length - 1) / 2)}em`, "dominant-baseline": "central" }));
}

function prepare({ stage, numbers: { pictures, ratio }, say, choose }) {
  const svg = drawing(stage, 0, 0, { "aria-label": say("frames") });
  const behind = made("g", svg), images = pictures.map((href) => made("image", svg, { href })), before = made("g", svg);
  const isNarrow = () => stage.clientWidth > 0 && stage.clientWidth < NARROW; // 0: not in the page yet
  let turned, shown;

  function paint() {
    turned = isNarrow();
    const place = measured(turned, pictures.length > 0), [width, height] = place.size;
    change(svg, { width, height, viewBox: `0 0 ${width} ${height}`, style: `font-size: ${place.font}px` });
    behind.replaceChildren();
    before.replaceChildren();
    rowsIn(behind, place, say);
    shown.segments.forEach((_, number) => segmentIn(behind, place, shown, number, say));
    imagesAt(images, place, shown.length, ratio);
    framesIn(before, place, shown);
  }
  svg.addEventListener("click", ({ target: { dataset } }) => dataset.frame && choose({ frame: Number(dataset.frame) }));
  new ResizeObserver(() => isNarrow() !== turned && paint()).observe(stage);

  return ({ length, num_segments, frame }) => {
    shown = { length, frame, segments: segmentsOf(length, num_segments) };
    paint();
    return { sentence: told(say, shown), edges: [0, ...shown.segments.map(({ stop }) => stop)] };
  };
}

/** What the three rows are, and the global branch's set of parameters. */
function rowsIn(parent, place, say) {
  const { turned, along, sets, frames, row, end, global, across } = place;
  const names = [say("local branch:\nown parameters"), say("frames"), say("global branch")];
  const starts = turned ? [0, frames, across] : [sets / 2, (row + end) / 2, (global + across) / 2];
  const aligns = turned ? ["start", "start", "end"] : ["end", "end", "end"];
  names.forEach((name, i) => lines(parent, place.at(turned ? -22 : -16, starts[i]), name, aligns[i]));
  made("rect", parent, { ...place.box(0, global, along, across), fill: NOTHING, stroke: QUIET });
  const middle = place.at(along / 2, (global + across) / 2);
  lines(parent, middle, say("one set for all frames"), "middle", { transform: turned ? `rotate(-90 ${middle})` : "" });
}

/** Its set of parameters, its frames, and what leads from one to the other. */
function segmentIn(parent, place, { length, segments, frame }, number, say) {
  const { along, sets, frames, row, end } = place, { start, stop } = segments[number];
  const size = stop - start, wide = along / segments.length, middle = (number + 0.5) * wide, unit = along / length;
  const fill = size ? FILLS[number % 2] : "white";
  made("rect", parent, { ...place.box((number + 0.04) * wide, 0, 0.92 * wide, sets), fill, stroke: QUIET, "stroke-dasharray": size ? "none" : "4 3" });
  lines(parent, place.at(middle, sets / 2), ofSet(number, size, say), "middle", { fill: size ? "black" : QUIET });
  if (!size) return;
  made("rect", parent, { ...place.box(start * unit, row, size * unit, end), fill });
  made("path", parent, { d: place.line([start * unit, frames], [stop * unit, frames], [middle, sets]), fill, opacity: 0.35 });
  if (holds(segments[number], frame))
    made("path", parent, { d: place.line([(frame + 0.5) * unit, frames], [middle, sets]), stroke: MARK, "stroke-width": 3 });
}

function ofSet(number, size, say) {
  if (size === 0) return say("set {number}\nempty", { number });
  return size === 1 ? say("set {number}\n1 frame", { number }) : say("set {number}\n{size} frames", { number, size });
}

/** As tall as their row, of each the middle; turned, all of each. */
function imagesAt(images, place, length, ratio) {
  const unit = place.along / length;
  images.forEach((image, number) => {
    const box = place.box(number * unit, place.frames, unit, place.row);
    const fits = place.turned || box.width / box.height > ratio;
    const shown = number < length ? "inline" : "none";
    change(image, { ...box, display: shown, preserveAspectRatio: `xMidYMid ${fits ? "meet" : "slice"}` });
  });
}

/** Their numbers and edges, the chosen one's frame, and where each can be tapped. */
function framesIn(parent, place, { length, frame }) {
  const { along, frames, row, end, global } = place, unit = along / length;
  const numbers = made("g", parent, { style: `font-size: ${place.font - 1}px` });
  for (const number of numbered(length, frame))
    lines(numbers, place.at((number + 0.5) * unit, (row + end) / 2), String(number), "middle");
  for (let edge = 0; edge <= length; edge++)
    made("path", parent, { d: place.line([edge * unit, frames], [edge * unit, end]), stroke: "white" });
  made("path", parent, { d: place.line([(frame + 0.5) * unit, end], [(frame + 0.5) * unit, global]), stroke: MARK, "stroke-width": 3 });
  made("rect", parent, { ...place.box(frame * unit, frames, unit, end), fill: "none", stroke: MARK, "stroke-width": 3 });
  for (let number = 0; number < length; number++)
    made("rect", parent, { ...place.box(number * unit, frames, unit, end), fill: "transparent", "data-frame": number, cursor: "pointer" });
}

function told(say, { length, segments, frame }) {
  const sizes = segments.map(({ start, stop }) => stop - start), index = segments.findIndex((each) => holds(each, frame));
  const empty = sizes.flatMap((size, number) => (size ? [] : [number]));
  return paragraph(
    say,
    say("L = {length}, {segments} segments: ⌈{length} / {segments}⌉ = {size}, so {sizes}.", { length, segments: sizes.length, size: sizes[0], sizes: sizes.join(", ") }),
    toldOfFrame(say, frame, index, segments[index]),
    empty.length ? say("Empty segments: {numbers}. No frame meets their parameters.", { numbers: empty.join(", ") }) : "",
  );
}

function toldOfFrame(say, frame, index, { start, stop }) {
  const values = { frame, index, first: start, last: stop - 1 };
  if (stop - start === 1)
    return say(
      "Frame {frame} lies in segment {index}, alone: it meets set {index} of the local branch's parameters, and the global branch's, which all frames share.",
      values,
    );
  return say(
    "Frame {frame} lies in segment {index}, with frames {first} … {last}: it meets set {index} of the local branch's parameters, and the global branch's, which all frames share.",
    values,
  );
}

const open = ({ length }) => ({ frame: [...Array(length).keys()] });

export default { initialize, render: drawn({ open, prepare }) };
