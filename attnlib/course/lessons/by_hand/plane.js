// A plane with the query and key 0 to drag, by mouse, by touch or by arrow keys. Plain JavaScript
// for anywidget. The points move here at once; the kernel, which draws the rest, is told the newest
// places at most every PAUSE ms, about as long as a drawing takes.

const SIDE = 240, EDGE = 22; // px
const REACH = 2; // coordinates from -2 to 2, as the sliders
const STEP = 0.1;
const PAUSE = 120; // ms
const SVG = "http://www.w3.org/2000/svg";
const POINTS = {
  q: {
    short: "q",
    colour: "#d62728",
    told: (say, at) => say("query at {x}, {y}: drag it, or use the arrow keys", at),
  },
  k: {
    short: "0",
    colour: "#e69f00",
    told: (say, at) => say("key 0 at {x}, {y}: drag it, or use the arrow keys", at),
  },
};
const OTHER = "#0072b2";
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

const across = (x) => EDGE + ((x + REACH) / (2 * REACH)) * (SIDE - 2 * EDGE);
const down = (y) => SIDE - across(y);
const snapped = (x) => Math.round(Math.max(-REACH, Math.min(REACH, x)) / STEP) / (1 / STEP);

function made(tag, parent, attributes) {
  const element = document.createElementNS(SVG, tag);
  change(element, attributes);
  parent.append(element);
  return element;
}

function change(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}

function arrow(parent, colour) {
  return made("line", parent, {
    x1: across(0), y1: down(0), stroke: colour, "stroke-width": 3, "stroke-linecap": "round",
  });
}

function label(parent, text, colour) {
  const style = `font: bold 14px sans-serif; pointer-events: none; user-select: none`;
  const element = made("text", parent, { fill: colour, "text-anchor": "middle", style });
  element.textContent = text;
  return element;
}

/** Where the label of a tip stands: a little farther out. */
function place(element, [x, y]) {
  const length = Math.hypot(x, y) || 1;
  change(element, { x: across(x) + (17 * x) / length, y: down(y) - (17 * y) / length + 5 });
}

function frame(svg) {
  const quiet = { stroke: "currentColor", "stroke-opacity": 0.25 };
  made("rect", svg, { x: 1, y: 1, width: SIDE - 2, height: SIDE - 2, fill: "none", ...quiet });
  made("line", svg, { x1: across(-REACH), x2: across(REACH), y1: down(0), y2: down(0), ...quiet });
  made("line", svg, { x1: across(0), x2: across(0), y1: down(-REACH), y2: down(REACH), ...quiet });
}

function render({ model, el }) {
  const say = speaker(() => model.get("said"));
  const size = { width: SIDE, height: SIDE, viewBox: `0 0 ${SIDE} ${SIDE}` };
  const svg = made("svg", el, { ...size, class: "attn-plane" });
  svg.style.touchAction = "none"; // else a finger scrolls the page
  svg.addEventListener("keydown", keepKey);
  frame(svg);
  model.get("others").forEach((tip, number) => {
    change(arrow(svg, OTHER), { x2: across(tip[0]), y2: down(tip[1]) });
    place(label(svg, number + 1, OTHER), tip);
  });

  let timer = null;
  const tell = () => {
    clearTimeout(timer);
    timer = null;
    model.save_changes();
  };
  const move = (trait, x, y) => {
    model.set(trait, [snapped(x), snapped(y)]);
    timer ??= setTimeout(tell, PAUSE);
  };

  for (const [trait, { short, colour, told }] of Object.entries(POINTS)) {
    const line = arrow(svg, colour);
    const text = label(svg, short, colour);
    const tip = made("circle", svg, { r: 9, fill: colour, tabindex: 0, role: "button" });
    tip.style.cursor = "grab";

    const draw = () => {
      const [x, y] = model.get(trait);
      change(line, { x2: across(x), y2: down(y) });
      place(text, [x, y]);
      const name = told(say, { x: x.toFixed(1), y: y.toFixed(1) });
      change(tip, { cx: across(x), cy: down(y), "aria-label": name });
    };
    draw();
    model.on(`change:${trait}`, draw);

    tip.addEventListener("pointerdown", (event) => {
      tip.setPointerCapture(event.pointerId);
      tip.focus();
    });
    tip.addEventListener("pointermove", (event) => {
      if (!tip.hasPointerCapture(event.pointerId)) return;
      const box = svg.getBoundingClientRect();
      const scale = (2 * REACH) / (SIDE - 2 * EDGE);
      const x = (event.clientX - box.left - EDGE) * scale - REACH;
      move(trait, x, REACH - (event.clientY - box.top - EDGE) * scale);
    });
    tip.addEventListener("pointerup", tell);
    tip.addEventListener("keydown", (event) => {
      const way = WAYS[event.key];
      if (!way) return;
      event.preventDefault();
      const [x, y] = model.get(trait);
      move(trait, x + STEP * way[0], y + STEP * way[1]);
    });
  }
  return () => {
    clearTimeout(timer);
    for (const trait of Object.keys(POINTS)) model.off(`change:${trait}`);
  };
}

export default { initialize, render };
