// A bar and the curve of the loss, as figures/losses.py draws it: without a kernel it shows the last.

const WIDE = 460, HIGH = 230, LEFT = 62, RIGHT = 20, TOP = 10, FOOT = 52; // CSS pixels
const SMOOTH = 20; // steps of which a line shows the mean

function render({ model, el }) {
  const say = speaker(() => model.get("said")), steps = model.get("steps");
  const root = element("div", el, { className: "attn-explorer attn-curve" });
  const bar = element("progress", root, { max: steps }, { "aria-label": say("step") });
  const curve = curveIn(root, steps, say), line = element("p", root, { className: "attn-told" });
  function draw() {
    const losses = numbersOf(model.get("drawn"));
    bar.value = losses.length;
    curve(losses);
    line.textContent = model.get("sentence");
  }
  draw();
  model.on("change:drawn", draw);
  return () => model.off("change:drawn", draw);
}

/** The float64 numbers in a view of bytes. */
const numbersOf = (view) => [...new Float64Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength))];

/** Steps across, losses up; gives back draw(losses). */
function curveIn(root, steps, say) {
  const svg = drawing(root, WIDE, HIGH, { "aria-label": say("loss") }), right = WIDE - RIGHT, bottom = HIGH - FOOT;
  const across = (step) => LEFT + (step / steps) * (right - LEFT);
  const ticks = made("g", svg, { stroke: "none" });
  const [each, mean] = [[0.25, 1], [1, 2.5]].map(([opacity, width]) =>
    made("path", svg, { fill: "none", stroke: ENDS[0], opacity, "stroke-width": width, "stroke-linejoin": "round" }));
  made("path", svg, { d: `M${LEFT} ${TOP}V${bottom}H${right}`, fill: "none", stroke: "black" });
  words(svg, (LEFT + right) / 2, HIGH - 8, say("step"), "middle");
  words(svg, -(TOP + bottom) / 2, 16, say("loss"), "middle", { transform: "rotate(-90)" });

  return (losses) => {
    const top = 1.05 * Math.max(...losses.filter(Number.isFinite)), end = top > 0 ? top : 1;
    const up = (loss) => bottom - (loss / end) * (bottom - TOP);
    change(each, { d: path(losses, across, up) });
    change(mean, { d: path(smooth(losses), across, up) });
    ticks.replaceChildren();
    for (const step of rounds(steps)) {
      made("path", ticks, { d: `M${across(step)} ${bottom}v5`, stroke: "black" });
      words(ticks, across(step), bottom + 20, step, "middle");
    }
    for (const loss of rounds(end)) {
      made("path", ticks, { d: `M${LEFT} ${up(loss)}h-5`, stroke: "black" });
      words(ticks, LEFT - 9, up(loss) + 5, loss, "end");
    }
  };
}

/** Through all values; where one is not finite there is a gap. */
function path(values, across, up) {
  let d = "", pen = "M";
  values.forEach((value, step) => {
    const drawn = Number.isFinite(value);
    if (drawn) d += `${pen}${across(step).toFixed(2)} ${up(value).toFixed(2)}`;
    pen = drawn ? "L" : "M";
  });
  return d;
}

/** The mean of the last steps, at the beginning of fewer. */
function smooth(losses) {
  let total = 0;
  return losses.map((loss, step) => {
    total += loss - (losses[step - SMOOTH] ?? 0);
    return total / Math.min(step + 1, SMOOTH);
  });
}

/** Round numbers from 0 to the end, four to seven. */
function rounds(end) {
  const power = 10 ** Math.floor(Math.log10(end)), step = [0.2, 0.25, 0.5, 1, 2].find((each) => end / (each * power) < 7) * power;
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, i) => Number((i * step).toPrecision(6)));
}

export default { initialize, render };
