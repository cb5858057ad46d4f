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

/** Sentences one after the other, as the language sets them; empty ones are left out. */
function paragraph(say, ...sentences) {
  return sentences.filter(Boolean).reduce((first, following) => say("{first} {following}", { first, following }));
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

/** The map as large as there is room, over it the mark of the choice, and below it the bars. */
function buildMap(view) {
  const { el, rows, cols, body } = view, longer = Math.max(rows, cols);
  const room = el.clientWidth ? clamp(el.clientWidth - LEFT - RIGHT - 16, 160, MAP) : MAP;
  const width = Math.max(80, (room * cols) / longer), height = Math.max(40, (room * rows) / longer);
  const left = element("div", body);
  const stage = element("div", left, { className: "attn-stage" });
  const size = [LEFT + width + RIGHT, TOP + height + BOTTOM];
  Object.assign(view, {
    width, height, stage,
    map: canvas(stage, ...size, "attn-map"),
    mark: canvas(stage, ...size, "attn-mark"),
    bars: canvas(left, LEFT + width + RIGHT, BARS, "attn-bars"),
    hand: element("div", stage, { className: "attn-hand" }),
  });
  const place = { left: LEFT, top: TOP, width, height };
  for (const [side, pixels] of Object.entries(place)) view.hand.style[side] = `${pixels}px`;
}

/** The context of a new canvas of CSS size width × height, sharp on any screen. */
function canvas(parent, width, height, className) {
  const made = element("canvas", parent, { className });
  const ratio = window.devicePixelRatio || 1;
  made.width = Math.round(width * ratio);
  made.height = Math.round(height * ratio);
  made.style.width = `${width}px`;
  made.style.height = `${height}px`;
  const context = made.getContext("2d");
  context.scale(ratio, ratio);
  return context;
}
