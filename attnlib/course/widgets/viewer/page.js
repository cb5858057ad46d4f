// The elements of a view, from above: title, buttons, offers, map with its bars, sentence, table.

const MAP = 420; // CSS pixels along the longer side of the map, where there is room
const LEFT = 62, RIGHT = 84, TOP = 6, BOTTOM = 44, BARS = 84, SIDE = 260;

/** Builds the page of a view, which from then on knows its parts. */
function build(view) {
  const { model, el, say } = view;
  const title = model.get("title");
  view.root = element("div", el, { className: "attn-view" }, {
    tabindex: 0, role: "group", "aria-label": describe(view, title),
  });
  if (title) element("div", view.root, { className: "attn-title", textContent: title });
  buildTools(view);
  buildOffers(view);
  view.body = element("div", view.root, { className: "attn-body" });
  buildMap(view);
  view.sentence = element("p", view.root, { className: "attn-sentence" }, { "aria-live": "polite" });
  view.details = element("details", view.root);
  element("summary", view.details, { textContent: say("Strongest pairs, as a table") });
  view.table = element("div", view.details);
}

function describe({ model, say }, title) {
  const named = title ? say("{title}.", { title }) : say("Attention map.");
  const help = say(
    "Arrow keys choose query and key, with shift by ten; page up and down the head; plus, minus and 0 zoom; l logarithmic colours.",
  );
  return paragraph(say, named, model.get("offer"), help);
}

function button({ listen }, parent, textContent, label, does) {
  const made = element("button", parent, { textContent, title: label }, { "aria-label": label, type: "button" });
  listen(made, "click", does);
  return made;
}

function buildTools(view) {
  const { say, root } = view;
  const tools = element("div", root, { className: "attn-tools" });
  view.thumbnails = buildHeads(view, tools);
  button(view, tools, "+", say("zoom in"), () => zoom(view, 0.5));
  button(view, tools, "−", say("zoom out"), () => zoom(view, 2));
  button(view, tools, say("whole"), say("show the whole map"), () => showWhole(view));
  view.scale = button(view, tools, say("log"), say("log: logarithmic colours"), () => switchScale(view));
  view.scale.setAttribute("aria-pressed", false);
  view.status = element("span", tools, { className: "attn-state" }, { role: "status" });
}

/** A button with a small map for each head, where there are several. */
function buildHeads(view, tools) {
  const { say, heads, listen } = view;
  const strip = element("div", tools, { className: "attn-heads" }, { role: "group", "aria-label": say("heads") });
  return Array.from({ length: heads > 1 ? heads : 0 }, (_, head) => {
    const words = say("head {head}", { head });
    const made = element("button", strip, { className: "attn-head", title: words }, {
      "aria-label": words, type: "button",
    });
    listen(made, "click", () => choose(view, { head }));
    return { made, context: canvas(made, 48, 48, "") };
  });
}

/** What would take long, and the buttons that ask for it: the overview, and the window on screen. */
function buildOffers(view) {
  const { say, root, data } = view;
  const [overview, part] = ["overview", "part"].map((what) => {
    const line = element("div", root, { className: `attn-offer attn-${what}`, hidden: true });
    return { line, text: element("span", line, {}, { role: "status" }) };
  });
  view.bar = element("progress", overview.line, { max: 1, value: 0 }, { "aria-label": say("overview") });
  view.compute = button(view, overview.line, say("Compute the overview"), say("compute the overview"), () => toggleOverview(view));
  button(view, overview.line, say("Show a window"), say("show a window round the chosen query and key"), () => showWindow(view));
  button(view, part.line, say("Compute this part"), say("compute this part"), () => want(view, { asked: true }));
  Object.assign(view, { ofOverview: overview, ofPart: part });
  if (data.whole) part.line.remove(); // else it keeps its place, so that nothing jumps
}

/** The map, over it the mark of the choice and what hears hands, and below it the bars. */
function buildMap(view) {
  const left = element("div", view.body);
  view.stage = element("div", left, { className: "attn-stage" });
  view.map = element("canvas", view.stage, { className: "attn-map" }).getContext("2d");
  view.mark = element("canvas", view.stage, { className: "attn-mark" }).getContext("2d");
  view.hand = element("div", view.stage, { className: "attn-hand" });
  view.bars = element("canvas", left, { className: "attn-bars" }).getContext("2d");
  sizeMap(view, view.el.clientWidth || Infinity); // what is not yet on the page has no width
}

/** The map as large as a page of this width has room for. */
function sizeMap(view, page) {
  const { rows, cols } = view, longer = Math.max(rows, cols), before = view.width;
  const room = clamp(page - LEFT - RIGHT - 16, 160, MAP);
  const width = Math.max(80, (room * cols) / longer), height = Math.max(40, (room * rows) / longer);
  if (width === before) return;
  Object.assign(view, { width, height });
  for (const context of [view.map, view.mark]) sizeCanvas(context, LEFT + width + RIGHT, TOP + height + BOTTOM);
  sizeCanvas(view.bars, LEFT + width + RIGHT, BARS);
  const place = { left: LEFT, top: TOP, width, height };
  for (const [side, pixels] of Object.entries(place)) view.hand.style[side] = `${pixels}px`;
}

/** Once it stands on a page, the map is no wider than that. */
function fitPage(view) {
  const { scrollWidth, clientWidth } = view.root;
  if (scrollWidth > clientWidth) sizeMap(view, clientWidth);
}

/** The context of a new canvas of CSS size width × height. */
function canvas(parent, width, height, className) {
  const context = element("canvas", parent, { className }).getContext("2d");
  sizeCanvas(context, width, height);
  return context;
}

/** Sharp on any screen. */
function sizeCanvas(context, width, height) {
  const { canvas } = context, ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  context.scale(ratio, ratio);
}
