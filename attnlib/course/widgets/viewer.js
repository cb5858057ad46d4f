// One interactive map of an attention: queries down, keys across. Plain JavaScript for anywidget.
//
// A map that fits lives wholly here: `weights`, float32, (H, N, M). Of a longer one only an
// `overview` does, (H, rows, cols) of pooled cells; what is on screen is asked of the kernel, one
// request at a time and always the newest: whatever was wanted in between is never sent. What takes
// long comes in strips of rows, each asked for when the one before is here; NaN is not yet computed.

const MAP = 420; // CSS pixels along the longer side of the map, where there is room
const LEFT = 62, RIGHT = 84, TOP = 6, BOTTOM = 44, BARS = 84, SIDE = 260;
const PATIENCE = 200; // ms until a spinner shows
const SILENCE = 4000; // ms after which a kernel that never said anything will say nothing
const BUSY = 60000; // ms that one which did may be at work
const DECADES = 4; // of the logarithmic scale
const NOTHING = [217, 217, 217]; // exactly zero, as in all figures of the course
const GREY = `rgb(${NOTHING})`;
const VIRIDIS =
  "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c 1fa088 28ae80 3fbc73 5ec962 84d44b addc30 d8e219 fde725";
const MARK = "#ff4d6d";
const BAR = "#3b8fc4";

const COLOURS = palette(VIRIDIS.split(" ").map((hex) => parseInt(hex, 16)));

function palette(stops) {
  const channel = (colour, shift) => (colour >> shift) & 255;
  return Array.from({ length: 256 }, (_, i) => {
    const place = (i / 255) * (stops.length - 1);
    const low = Math.min(Math.floor(place), stops.length - 2);
    return [16, 8, 0].map((shift) => {
      const [a, b] = [channel(stops[low], shift), channel(stops[low + 1], shift)];
      return Math.round(a + (b - a) * (place - low));
    });
  });
}

const bytes = (view) => view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
const floats = (view) => new Float32Array(bytes(view));

const clamp = (x, low, high) => Math.max(low, Math.min(high, x));
const largestOf = (values) => values.reduce((most, value) => (value > most ? value : most), 0);
const grouped = (number) => // 100 000, with thin spaces
  number < 10000 ? String(number) : String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");
const round = (x) => (x === 0 ? "0" : x < 0.001 ? x.toExponential(1) : x.toFixed(3));

/** A canvas of CSS size width × height, sharp on any screen. */
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

/** Cells of numbers as a picture, one pixel a cell; nothing where there is no number yet. */
function painted(values, rows, cols, largest, log) {
  const picture = new OffscreenCanvas(cols, rows);
  const context = picture.getContext("2d");
  const image = context.createImageData(cols, rows);
  for (let cell = 0; cell < rows * cols; cell++) {
    if (Number.isNaN(values[cell])) continue;
    const colour = colourOf(values[cell], largest, log);
    image.data.set(colour, 4 * cell);
    image.data[4 * cell + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return picture;
}

function colourOf(value, largest, log) {
  if (value === 0) return NOTHING;
  const share = largest > 0 ? value / largest : 0;
  const place = log ? 1 + Math.log10(share) / DECADES : share;
  return COLOURS[Math.round(255 * clamp(place, 0, 1))];
}

/** What the model holds, in a form that can be asked. */
function contents(model) {
  const [heads, rows, cols] = model.get("shape");
  const whole = model.get("weights").byteLength > 0;
  const [high, wide] = whole ? [rows, cols] : model.get("overview_shape");
  const values = floats(whole ? model.get("weights") : model.get("overview"));
  const seen = new Int32Array(bytes(model.get("seen")));
  return {
    heads, rows, cols, whole, high, wide, largest: largestOf(values),
    of: (head) => values.subarray(head * high * wide, (head + 1) * high * wide),
    row: (head, query) => values.subarray((head * rows + query) * cols, (head * rows + query + 1) * cols),
    seen: (head, query) => seen[head * rows + query],
  };
}

/** Talks to the kernel: one request under way, and the newest that waits. */
function correspondent({ model, el }, onReply, onState) {
  const me = Math.random().toString(36).slice(2);
  let underway = null, waiting = new Map(), count = 0, heard = false, spinner, silence;
  function send(request) {
    underway = { ...request, view: me, id: ++count };
    clearTimeout(spinner);
    spinner = setTimeout(() => onState("busy"), PATIENCE);
    clearTimeout(silence);
    silence = setTimeout(() => onState("silent"), alone(el) ? 0 : heard ? BUSY : SILENCE);
    try {
      model.send(underway);
    } catch {
      onState("silent");
    }
  }
  function receive(message, buffers) {
    if (message.view !== me) return;
    heard = true;
    clearTimeout(silence);
    if (!underway || message.id !== underway.id) return;
    clearTimeout(spinner);
    onState(message.kind === "failed" ? "failed" : "idle");
    underway = null;
    onReply(message, buffers.length ? floats(buffers[0]) : null);
    const next = waiting.keys().next();
    if (!next.done && !underway) {
      const request = waiting.get(next.value);
      waiting.delete(next.value);
      send(request);
    }
  }
  model.on("msg:custom", receive);
  return {
    ask(request) {
      if (underway) {
        waiting.delete(request.kind); // so that the newest comes last of its kind
        waiting.set(request.kind, request);
      } else send(request);
    },
    close() {
      clearTimeout(spinner);
      clearTimeout(silence);
      model.off("msg:custom", receive);
    },
  };
}

function render({ model, el }) {
  const say = speaker(() => model.get("said") ?? {});
  let data = contents(model);
  const { heads, rows, cols } = data;
  const room = el.clientWidth ? clamp(el.clientWidth - LEFT - RIGHT - 16, 160, MAP) : MAP;
  const longer = Math.max(rows, cols);
  const width = Math.max(80, (room * cols) / longer), height = Math.max(40, (room * rows) / longer);
  const stop = new AbortController();
  const listen = (target, kind, does, options = {}) =>
    target.addEventListener(kind, does, { signal: stop.signal, ...options });

  // What is on screen: a window of the map, in tokens; the newest cells that the kernel sent.
  const shown = { top: 0, left: 0, rows, cols };
  let log = false, tile = null, exact = null, thumbnails = [], pictures = new Map(), side = null;
  let turn = 0; // how many windows were asked for: strips of older ones are of no use
  let computing = false; // whether this view asks for the overview, strip after strip

  const states = {
    busy: say("◌ computing …"),
    silent: say("needs a kernel: in JupyterLab, run its cell"),
    failed: say("the kernel could not compute this"),
    idle: "",
  };
  const help = say(
    "Arrow keys choose query and key, with shift by ten; page up and down the head; plus, minus and 0 zoom; l logarithmic colours.",
  );
  const joined = (first, following) => say("{first} {following}", { first, following });
  const paragraph = (...sentences) => sentences.filter(Boolean).reduce(joined);

  // ---- The page -------------------------------------------------------------------------------
  const title = model.get("title");
  const named = title ? say("{title}.", { title }) : say("Attention map.");
  const root = element("div", el, { className: "attn-view" }, {
    tabindex: 0, role: "group", "aria-label": paragraph(named, model.get("offer"), help),
  });
  if (title) element("div", root, { className: "attn-title", textContent: title });
  const tools = element("div", root, { className: "attn-tools" });
  const strip = element("div", tools, { className: "attn-heads" }, { role: "group", "aria-label": say("heads") });
  const button = (text, label, does, parent = tools) => {
    const made = element("button", parent, { textContent: text, title: label }, { "aria-label": label, type: "button" });
    listen(made, "click", does);
    return made;
  };
  button("+", say("zoom in"), () => zoom(0.5));
  button("−", say("zoom out"), () => zoom(2));
  button(say("whole"), say("show the whole map"), () => show(0, 0, rows, cols));
  const scale = button(say("log"), say("log: logarithmic colours"), () => {
    log = !log;
    scale.setAttribute("aria-pressed", log);
    repaint();
  });
  scale.setAttribute("aria-pressed", false);
  const state = element("span", tools, { className: "attn-state" }, { role: "status" });

  // What would take long, and the buttons that ask for it: the overview, and the window on screen.
  const offers = ["overview", "part"].map((what) => {
    const line = element("div", root, { className: `attn-offer attn-${what}`, hidden: true });
    return { line, text: element("span", line, {}, { role: "status" }) };
  });
  const [ofOverview, ofPart] = offers;
  const bar = element("progress", ofOverview.line, { max: 1, value: 0 }, { "aria-label": say("overview") });
  const compute = button(say("Compute the overview"), say("compute the overview"), toggleOverview, ofOverview.line);
  button(say("Show a window"), say("show a window round the chosen query and key"), showWindow, ofOverview.line);
  button(say("Compute this part"), say("compute this part"), () => want({ asked: true }), ofPart.line);

  const body = element("div", root, { className: "attn-body" });
  const left = element("div", body);
  const stage = element("div", left, { className: "attn-stage" });
  const map = canvas(stage, LEFT + width + RIGHT, TOP + height + BOTTOM, "attn-map");
  const mark = canvas(stage, LEFT + width + RIGHT, TOP + height + BOTTOM, "attn-mark");
  const bars = canvas(left, LEFT + width + RIGHT, BARS, "attn-bars");
  const sentence = element("p", root, { className: "attn-sentence" }, { "aria-live": "polite" });
  const details = element("details", root);
  element("summary", details, { textContent: say("Strongest pairs, as a table") });
  const table = element("div", details);

  for (let head = 0; head < heads && heads > 1; head++) {
    const words = say("head {head}", { head });
    const made = element("button", strip, { className: "attn-head", title: words }, {
      "aria-label": words, type: "button",
    });
    thumbnails.push({ made, context: canvas(made, 48, 48, "") });
    listen(made, "click", () => choose({ head }));
  }

  if (data.whole) ofPart.line.remove(); // else it keeps its place, so that nothing jumps

  const kernel = correspondent({ model, el }, reply, (now) => {
    if (now === "failed" || now === "silent") stopOverview();
    if (now !== "busy" || !offers.some(({ line }) => line.dataset.how === "computing")) state.textContent = states[now];
  });

  // ---- State ----------------------------------------------------------------------------------
  const at = (name, size) => clamp(model.get(name), 0, size - 1);
  const head = () => at("head", heads), query = () => at("query", rows), key = () => at("key", cols);

  /** Move to another head, query or key; all views of this model follow. */
  function choose(place) {
    const limits = { head: heads, query: rows, key: cols };
    for (const [name, value] of Object.entries(place)) model.set(name, clamp(value, 0, limits[name] - 1));
    try {
      model.save_changes();
    } catch {
      // A page without a kernel keeps its state here.
    }
  }

  function show(top, left, high, wide) {
    shown.rows = clamp(high, Math.min(4, rows), rows);
    shown.cols = clamp(wide, Math.min(4, cols), cols);
    shown.top = clamp(top, 0, rows - shown.rows);
    shown.left = clamp(left, 0, cols - shown.cols);
    want(); // first, as it drops what is no longer shown
    draw();
    if (table.dataset.part) wantTable();
  }

  /** Keep the token under (row, column) where it is. */
  function zoom(factor, row = query() + 0.5, column = key() + 0.5) {
    const inside = row >= shown.top && row <= shown.top + shown.rows && column >= shown.left && column <= shown.left + shown.cols;
    const [down, across] = inside
      ? [(row - shown.top) / shown.rows, (column - shown.left) / shown.cols] : [0.5, 0.5];
    const high = clamp(shown.rows * factor, Math.min(4, rows), rows);
    const wide = clamp(shown.cols * factor, Math.min(4, cols), cols);
    show(row - down * high, column - across * wide, high, wide);
  }

  function follow() {
    const part = (place, start, size) =>
      place < start ? place : place + 1 > start + size ? place + 1 - size : start;
    const top = part(query(), shown.top, shown.rows), left = part(key(), shown.left, shown.cols);
    if (top !== shown.top || left !== shown.left) show(top, left, shown.rows, shown.cols);
  }

  // ---- The kernel's part, for maps that do not fit here ---------------------------------------
  function want({ asked = false } = {}) {
    if (data.whole) return;
    turn++;
    write(ofPart, "");
    if (shown.rows === rows && shown.cols === cols) tile = null; // the overview shows it
    else kernel.ask({ kind: "tile", head: head(), ...onScreen(), turn, asked, first: 0 });
  }

  function onScreen() {
    const top = Math.floor(shown.top), left = Math.floor(shown.left);
    const bottom = Math.min(rows, Math.ceil(shown.top + shown.rows));
    const right = Math.min(cols, Math.ceil(shown.left + shown.cols));
    return { rows: [top, bottom], cols: [left, right] };
  }

  function wantRow() {
    if (!data.whole) kernel.ask({ kind: "row", head: head(), query: query() });
  }

  function reply(message, values) {
    if (message.kind === "tile") addToTile(message, values);
    else if (message.kind === "overview") addToOverview(message, values);
    else if (message.kind === "row") {
      exact = { ...message, values };
      drawChoice();
    } else if (message.kind === "pairs") fillTable(message);
  }

  /** A strip of the window on screen; the next one is asked for, unless there is a newer window. */
  function addToTile(message, values) {
    const [high, wide] = message.shape, newest = message.turn === turn;
    if (!values) return newest && write(ofPart, message.offer, "offered");
    if (message.first === 0) tile = { ...message, high, wide, values: new Float32Array(high * wide).fill(NaN) };
    if (tile?.turn !== message.turn) return;
    tile.values.set(values, message.first * wide);
    Object.assign(tile, { picture: null, largest: largestOf(tile.values) });
    draw();
    if (!newest) return;
    const { head, rows, cols, asked, last } = message;
    const { left } = message, todo = asked && last < high;
    write(ofPart, todo ? say("Computing this part: {left} left.", { left }) : "", "computing");
    if (last < high) kernel.ask({ kind: "tile", head, rows, cols, turn, asked, first: last });
  }

  // ---- The overview, where it takes so long that it is computed only when asked for ------------
  function write({ line, text }, words, how = "") {
    line.hidden = !words;
    line.dataset.how = how;
    text.setAttribute("aria-live", how === "computing" ? "off" : "polite");
    if (text.textContent !== words) text.textContent = words;
  }

  function toggleOverview() {
    if (computing) return stopOverview();
    computing = true;
    writeOverview(say("Overview: computing …"));
    wantOverview();
  }

  function stopOverview() {
    if (!computing) return;
    computing = false;
    writeOverview();
  }

  function wantOverview() {
    if (computing) kernel.ask({ kind: "overview", head: head() });
  }

  function writeOverview(words = model.get("offer")) {
    write(ofOverview, model.get("offer") && words, computing ? "computing" : "offered");
    compute.textContent = computing ? say("Stop") : say("Compute the overview");
  }

  function addToOverview({ head, first, done, left }, values) {
    if (values) {
      data.of(head).set(values, first * data.wide);
      data.largest = Math.max(data.largest, largestOf(values));
      repaint();
    }
    bar.value = done;
    const share = Math.floor(100 * done);
    if (computing) writeOverview(say("Overview: {share}% done, {left} left.", { share, left }));
    if (done < 1) setTimeout(wantOverview); // after what waits: moves go first
  }

  /** That of another head is whole, or of the last: all views of this model get it. */
  function overviewArrived() {
    data = contents(model);
    if (!model.get("offer")) {
      computing = false;
      writeOverview();
    }
    repaint();
  }

  function showWindow() {
    const size = model.get("window");
    show(query() - size / 2, key() - size / 2, size, size);
  }

  // ---- Drawing --------------------------------------------------------------------------------
  const ink = () => getComputedStyle(root).color;
  const x = (column) => LEFT + ((column - shown.left) / shown.cols) * width;
  const y = (row) => TOP + ((row - shown.top) / shown.rows) * height;

  function repaint() {
    pictures.clear();
    if (tile) tile.picture = null;
    drawThumbnails();
    draw();
  }

  function pictureOf(which) {
    if (!pictures.has(which)) {
      pictures.set(which, painted(data.of(which), data.high, data.wide, data.largest, log));
    }
    return pictures.get(which);
  }

  function drawThumbnails() {
    thumbnails.forEach(({ made, context }, which) => {
      context.clearRect(0, 0, 48, 48);
      if (model.get("offer")) {
        hatch(context, 0, 0, 48, 48);
        context.fillStyle = ink();
        context.fillText(which, 20, 28);
      }
      context.imageSmoothingEnabled = Math.max(data.high, data.wide) > 48;
      context.drawImage(pictureOf(which), 0, 0, 48, 48);
      made.setAttribute("aria-pressed", which === head());
    });
  }

  function draw() {
    map.clearRect(0, 0, 2000, 2000);
    map.save();
    map.beginPath();
    map.rect(LEFT, TOP, width, height);
    map.clip();
    if (model.get("offer")) hatch(map, LEFT, TOP, width, height);
    place(pictureOf(head()), data.high, data.wide, [0, rows], [0, cols]);
    if (tile && tile.head === head()) {
      tile.picture ??= painted(tile.values, tile.high, tile.wide, tile.largest, log);
      place(tile.picture, tile.high, tile.wide, tile.rows, tile.cols);
    }
    map.strokeStyle = "white";
    map.lineWidth = 1;
    for (const edge of edgesIn(shown.left, shown.cols, width)) stroke(map, x(edge), TOP, x(edge), TOP + height);
    for (const edge of edgesIn(shown.top, shown.rows, height)) stroke(map, LEFT, y(edge), LEFT + width, y(edge));
    map.restore();
    drawAxes();
    drawScale();
    drawChoice();
  }

  /** Of a picture of cells that cover these rows and columns: what is on screen, where it belongs. */
  function place(picture, high, wide, [top, bottom], [left, right]) {
    const tall = (bottom - top) / high, broad = (right - left) / wide; // tokens a cell
    const first = (start, from, size) => Math.max(0, Math.floor((start - from) / size));
    const last = (stop, from, size, most) => Math.min(most, Math.ceil((stop - from) / size));
    const [r0, r1] = [first(shown.top, top, tall), last(shown.top + shown.rows, top, tall, high)];
    const [c0, c1] = [first(shown.left, left, broad), last(shown.left + shown.cols, left, broad, wide)];
    if (r1 <= r0 || c1 <= c0) return;
    const [x0, x1] = [c0, c1].map((cell) => x(left + cell * broad)), [y0, y1] = [r0, r1].map((cell) => y(top + cell * tall));
    map.imageSmoothingEnabled = shown.cols / broad > width;
    map.drawImage(picture, c0, r0, c1 - c0, r1 - r0, x0, y0, x1 - x0, y1 - y0);
  }

  /** Edges in this part of an axis; none where they would hide the map. */
  function edgesIn(start, size, pixels) {
    const found = model.get("edges").filter((edge) => edge >= start && edge <= start + size);
    return found.length > pixels / 3 ? [] : found;
  }

  /** Nothing is known here yet. */
  function hatch(context, left, top, wide, high) {
    context.fillStyle = "#8c8c8c33";
    context.fillRect(left, top, wide, high);
    context.strokeStyle = "#8c8c8c66";
    context.lineWidth = 1;
    for (let across = -high; across < wide; across += 8) {
      stroke(context, left + across, top + high, left + across + high, top);
    }
  }

  function stroke(context, x0, y0, x1, y1) {
    context.beginPath();
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
    context.stroke();
  }

  function drawAxes() {
    map.fillStyle = map.strokeStyle = ink();
    map.lineWidth = 1;
    map.strokeRect(LEFT - 0.5, TOP - 0.5, width + 1, height + 1);
    map.font = "12px sans-serif";
    map.textBaseline = "middle";
    map.textAlign = "right";
    const named = ticks(shown.top, shown.rows, height, 16);
    for (const row of named) {
      map.fillText(tickName("query_names", row, named), LEFT - 5, y(row + 0.5));
    }
    map.textAlign = "center";
    map.textBaseline = "top";
    const names = model.get("key_names");
    const below = ticks(shown.left, shown.cols, width, names.length ? 18 : cols > 10000 ? 56 : 40);
    for (const column of below) {
      label(tickName("key_names", column, below), x(column + 0.5), TOP + height + 5, names.length > 0);
    }
    if (!names.length) map.fillText(say("key"), LEFT + width / 2, TOP + height + 26);
    map.save();
    map.translate(10, TOP + height / 2);
    map.rotate(-Math.PI / 2);
    if (!model.get("query_names").length) map.fillText(say("query"), 0, -5);
    map.restore();
  }

  function label(text, left, top, turned) {
    if (!turned) return map.fillText(text, left, top);
    map.save();
    map.translate(left, top);
    map.rotate(-Math.PI / 4);
    map.textAlign = "right";
    map.fillText(text, 0, -2);
    map.textAlign = "center";
    map.restore();
  }

  /** Tokens to be named: all where there is room, else at a round distance. */
  function ticks(start, size, pixels, room) {
    const most = Math.max(1, pixels / room);
    const steps = [1, 2, 5].flatMap((n) => [0, 1, 2, 3, 4, 5].map((power) => n * 10 ** power)).sort((a, b) => a - b);
    const step = steps.find((each) => size / each <= most) ?? size;
    const found = [];
    for (let token = Math.ceil(start / step) * step; token < start + size; token += step) found.push(token);
    return found;
  }

  const name = (axis, token) => model.get(axis)[token] ?? grouped(token);
  /** A tick among others: by its name, unless most names between them are left out. */
  const tickName = (axis, token, [first, second]) =>
    model.get(axis).length && !(second - first > 20) ? short(name(axis, token), 8) : grouped(token);
  const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

  function drawScale() {
    const right = LEFT + width + 12, largest = tile && tile.head === head() ? tile.largest : data.largest;
    for (let step = 0; step < height; step++) {
      const [r, g, b] = COLOURS[Math.round(255 * (1 - step / height))];
      map.fillStyle = `rgb(${r}, ${g}, ${b})`;
      map.fillRect(right, TOP + step, 10, 1.5);
    }
    map.fillStyle = ink();
    map.textAlign = "left";
    const ends = !largest && model.get("offer") ? [] : [[largest, 0], [log ? largest * 10 ** -DECADES : 0, height]];
    for (const [value, down] of ends) {
      map.textBaseline = down ? "bottom" : "top";
      map.fillText((log && down ? "≤ " : "") + Number(value.toPrecision(2)), right + 13, TOP + down);
    }
    map.fillStyle = GREY;
    map.fillRect(right, TOP + height + 24, 10, 10); // below the numbers of the keys
    map.fillStyle = ink();
    map.textBaseline = "middle";
    map.fillText(say("exactly 0"), right + 13, TOP + height + 29);
  }

  function drawChoice() {
    const [row, column] = [query(), key()];
    mark.clearRect(0, 0, 2000, 2000);
    mark.save();
    mark.beginPath();
    mark.rect(LEFT - 2, TOP - 2, width + 4, height + 4);
    mark.clip();
    mark.strokeStyle = MARK;
    mark.lineWidth = 1.5;
    const [high, wide] = [Math.max(3, height / shown.rows), Math.max(3, width / shown.cols)];
    mark.strokeRect(LEFT, y(row), width, high);
    mark.strokeRect(x(column), y(row), wide, high);
    mark.restore();
    const { weights, seen } = rowOfWeights();
    drawBars(weights, column);
    side?.(weights, row, column);
    sentence.textContent = told(weights, seen, row, column);
  }

  /** The weights of the query, null where they are not here, and how many keys it may see. */
  function rowOfWeights() {
    if (data.whole) return { weights: data.row(head(), query()), seen: data.seen(head(), query()) };
    const here = exact && exact.head === head() && exact.query === query();
    return here ? { weights: exact.values, seen: exact.seen } : { weights: null };
  }

  function drawBars(weights, column) {
    bars.clearRect(0, 0, 2000, 2000);
    if (!weights) return;
    const most = weights.reduce((so, value) => Math.max(so, value), 0) || 1;
    const base = BARS - 4, tall = BARS - 14;
    const bar = (from, to, value, colour) => {
      bars.fillStyle = colour;
      bars.fillRect(from, base - (value / most) * tall, Math.max(1, to - from), (value / most) * tall);
    };
    const ground = (from, to) => {
      bars.fillStyle = GREY;
      bars.fillRect(from, base + 1, to - from, BARS - base - 1);
    };
    // A bar a token; where they are thinner than pixels, the largest of those that share one.
    // Exactly 0 has no bar: there the ground is grey.
    const step = Math.max(1, shown.cols / width), gap = width / shown.cols > 4 ? 1 : 0;
    for (let place = shown.left; place < shown.left + shown.cols; place += step) {
      const first = Math.floor(place), last = Math.max(first + 1, Math.floor(place + step));
      let value = 0;
      for (let token = first; token < Math.min(last, cols); token++) value = Math.max(value, weights[token]);
      const [from, to] = [Math.max(LEFT, x(first)), Math.min(LEFT + width, x(last))];
      bar(from, to - gap, value, BAR);
      if (value === 0) ground(from, to);
    }
    bar(Math.max(LEFT, x(column)), Math.min(LEFT + width, x(column + 1)) - gap, weights[column], MARK);
    bars.fillStyle = ink();
    bars.fillRect(LEFT, base, width, 1);
    bars.font = "12px sans-serif";
    bars.textAlign = "right";
    bars.textBaseline = "top";
    bars.fillText(Number(most.toPrecision(2)), LEFT - 5, 6);
    bars.textBaseline = "bottom";
    bars.fillText("0", LEFT - 5, BARS);
    bars.textBaseline = "middle";
    bars.fillText(model.get("normalised") ? say("weights") : say("values"), LEFT - 5, BARS / 2);
    bars.textAlign = "left";
    const lines = say("of this\nquery").split("\n");
    lines.forEach((line, below) => bars.fillText(line, LEFT + width + 8, BARS / 2 - 7 + 15 * below));
  }

  function told(weights, seen, row, column) {
    const pair = { head: head(), query: quoted("query_names", row), key: quoted("key_names", column) };
    if (!weights && heads > 1) return say("Head {head}: query {query} on key {key}.", pair);
    if (!weights) return say("query {query} on key {key}.", pair);
    const weight = round(weights[column]);
    const here = heads > 1
      ? say("Head {head}: query {query} on key {key}: {weight}.", { ...pair, weight })
      : say("query {query} on key {key}: {weight}.", { ...pair, weight });
    return paragraph(here, toldOfLargest(weights, seen));
  }

  function quoted(axis, token) {
    const number = grouped(token);
    return model.get(axis).length ? say("{number} “{name}”", { number, name: name(axis, token) }) : number;
  }

  /** Uniform attention, too, gives nothing to keys that this query may not see: `seen` are others. */
  function toldOfLargest(weights, seen) {
    let top = 0, entropy = 0;
    weights.forEach((value, token) => {
      if (value > weights[top]) top = token;
      if (value > 0) entropy -= value * Math.log(value);
    });
    if (weights[top] === 0) return say("This query gives no key any weight.");
    const found = { weight: round(weights[top]), key: quoted("key_names", top) };
    if (cols === 1 || !model.get("normalised"))
      return say("This query's largest weight is {weight}, on key {key}.", found);
    if (seen === 1)
      return say("This query's largest weight is {weight}, on key {key}; it sees no other key.", found);
    const share = Math.round((100 * entropy) / Math.log(seen));
    if (seen === cols)
      return say(
        "This query's largest weight is {weight}, on key {key}; its entropy is {share}% of uniform attention's.",
        { ...found, share },
      );
    return say(
      "This query's largest weight is {weight}, on key {key}; its entropy is {share}% of uniform attention's on the {seen} keys that it sees.",
      { ...found, share, seen: grouped(seen) },
    );
  }

  // ---- The table ------------------------------------------------------------------------------
  function wantTable() {
    if (!details.open) return;
    const all = { rows: [0, rows], cols: [0, cols] };
    if (data.whole) fillTable({ ...all, pairs: strongest(data.of(head()), 10) });
    else kernel.ask({ kind: "pairs", head: head(), ...onScreen() });
  }

  function strongest(values, count) {
    const found = [];
    values.forEach((value, cell) => {
      if (found.length === count && value <= found[count - 1][2]) return;
      found.push([Math.floor(cell / cols), cell % cols, value]);
      found.sort((a, b) => b[2] - a[2]);
      found.length = Math.min(found.length, count);
    });
    return found;
  }

  /** The pairs, and where they are from: of a long map the kernel looks through what is on screen. */
  function fillTable({ pairs = [], offer, rows: [top, bottom], cols: [left, right] }) {
    table.replaceChildren();
    const part = bottom - top < rows || right - left < cols;
    table.dataset.part = part ? "yes" : "";
    const from = say("In queries {top} to {bottom} and keys {left} to {right}:", {
      top: grouped(top), bottom: grouped(bottom - 1), left: grouped(left), right: grouped(right - 1),
    });
    if (offer || part) element("p", table, { textContent: offer ?? from });
    if (!pairs.length) return;
    const made = element("table", table);
    const line = (cells, tag) => {
      const row = element("tr", made);
      for (const text of cells) element(tag, row, { textContent: text });
    };
    line([say("query"), say("key"), say("weight")], "th");
    const called = (axis, token) => `${grouped(token)}${model.get(axis).length ? ` ${name(axis, token)}` : ""}`;
    for (const [row, column, value] of pairs) line([called("query_names", row), called("key_names", column), round(value)], "td");
  }

  // ---- Beside the map: the picture, or the frames ---------------------------------------------
  if (model.get("picture").byteLength) {
    const image = new Image();
    const address = URL.createObjectURL(new Blob([model.get("picture")], { type: "image/png" }));
    listen(image, "load", () => {
      side = model.get("grid").length ? patchwork(image) : filmstrip(image);
      drawChoice();
    });
    image.src = address;
    stop.signal.addEventListener("abort", () => URL.revokeObjectURL(address));
  }

  /** The row's weights laid over the picture; a click on a patch chooses it as the query. */
  function patchwork(image) {
    const [down, across] = model.get("grid"), places = model.get("places");
    const size = SIDE / Math.max(down, across);
    const context = canvas(body, across * size, down * size, "attn-side");
    const order = new Map(places.map((spot, token) => [spot, token]));
    listen(context.canvas, "click", (event) => {
      const spot = Math.floor(event.offsetY / size) * across + Math.floor(event.offsetX / size);
      if (order.has(spot)) choose({ query: order.get(spot) });
    });
    return (weights, row) => {
      context.drawImage(image, 0, 0, across * size, down * size);
      if (weights) {
        const most = weights.reduce((so, value) => Math.max(so, value), 0) || 1;
        weights.forEach((value, token) => {
          const [r, g, b] = colourOf(value, most, false);
          context.fillStyle = `rgba(${r}, ${g}, ${b}, 0.62)`;
          context.fillRect((places[token] % across) * size, Math.floor(places[token] / across) * size, size, size);
        });
      }
      context.strokeStyle = MARK;
      context.lineWidth = 3;
      context.strokeRect((places[row] % across) * size + 1, Math.floor(places[row] / across) * size + 1, size - 2, size - 2);
    };
  }

  /** Thumbnails of the frames, lit as the row's weights are. */
  function filmstrip(image) {
    const [count, wide, high] = model.get("thumbnails");
    const across = Math.max(1, Math.floor((SIDE * 1.5) / (wide + 2)));
    const lines = Math.ceil(count / across);
    const context = canvas(body, across * (wide + 2), lines * (high + 2), "attn-side");
    return (weights, row) => {
      context.clearRect(0, 0, 2000, 2000);
      const most = weights ? weights.reduce((so, value) => Math.max(so, value), 0) || 1 : 1;
      for (let thumb = 0; thumb < count; thumb++) {
        const [first, last] = [thumb, thumb + 1].map((edge) => Math.floor((edge * cols) / count));
        const light = weights ? Math.max(...weights.subarray(first, Math.max(first + 1, last))) / most : 1;
        const [px, py] = [(thumb % across) * (wide + 2) + 1, Math.floor(thumb / across) * (high + 2) + 1];
        context.globalAlpha = 0.15 + 0.85 * light;
        context.drawImage(image, thumb * wide, 0, wide, high, px, py, wide, high);
        context.globalAlpha = 1;
        if (Math.floor(((row + 1) * count - 1) / rows) === thumb) {
          context.strokeStyle = MARK;
          context.lineWidth = 2;
          context.strokeRect(px, py, wide, high);
        }
      }
    };
  }

  // ---- Hands ----------------------------------------------------------------------------------
  const keys = {
    ArrowUp: (by) => choose({ query: query() - by }),
    ArrowDown: (by) => choose({ query: query() + by }),
    ArrowLeft: (by) => choose({ key: key() - by }),
    ArrowRight: (by) => choose({ key: key() + by }),
    PageUp: () => choose({ head: head() - 1 }),
    PageDown: () => choose({ head: head() + 1 }),
    Home: () => choose({ key: 0 }),
    End: () => choose({ key: cols - 1 }),
    "+": () => zoom(0.5),
    "=": () => zoom(0.5),
    "-": () => zoom(2),
    0: () => show(0, 0, rows, cols),
    l: () => scale.click(),
  };
  listen(root, "keydown", keepKey);
  listen(root, "keydown", (event) => {
    const does = keys[event.key];
    if (!does || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    does(event.shiftKey ? 10 : 1);
  });

  const token = (event) => {
    const bounds = mark.canvas.getBoundingClientRect();
    const shrunk = mark.canvas.offsetWidth / bounds.width; // not 1 on a slide that is scaled to the screen
    const across = ((event.clientX - bounds.left) * shrunk - LEFT) / width;
    const down = ((event.clientY - bounds.top) * shrunk - TOP) / height;
    if (across < 0 || across >= 1 || down < 0 || down >= 1) return null;
    return [shown.top + down * shown.rows, shown.left + across * shown.cols];
  };
  let drag = null;
  listen(mark.canvas, "pointerdown", (event) => {
    drag = { x: event.clientX, y: event.clientY, top: shown.top, left: shown.left };
    mark.canvas.setPointerCapture(event.pointerId);
    root.focus({ preventScroll: true });
  });
  listen(mark.canvas, "pointermove", (event) => {
    if (drag) {
      const down = ((event.clientY - drag.y) / height) * shown.rows;
      const across = ((event.clientX - drag.x) / width) * shown.cols;
      return show(drag.top - down, drag.left - across, shown.rows, shown.cols);
    }
    const spot = token(event);
    if (spot) choose({ query: Math.floor(spot[0]), key: Math.floor(spot[1]) });
  });
  listen(mark.canvas, "pointerup", () => (drag = null));
  listen(mark.canvas, "pointercancel", () => (drag = null));
  listen(mark.canvas, "dblclick", (event) => {
    const spot = token(event);
    if (spot) zoom(0.5, ...spot);
  });
  // The wheel belongs to the page until the reader has chosen this map.
  listen(mark.canvas, "wheel", (event) => {
    const spot = token(event);
    if (!spot || (!event.ctrlKey && document.activeElement !== root)) return;
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.25 : 0.8, ...spot);
  }, { passive: false });
  listen(details, "toggle", wantTable);

  // ---- Life and death -------------------------------------------------------------------------
  const moved = () => {
    follow();
    drawChoice();
    wantRow();
  };
  const turned = () => {
    drawThumbnails();
    want();
    draw();
    wantRow();
    wantTable();
  };
  model.on("change:query", moved);
  model.on("change:key", moved);
  model.on("change:head", turned);
  model.on("change:overview", overviewArrived);
  model.on("change:offer", overviewArrived);
  const theme = new MutationObserver(draw);
  theme.observe(document.body, { attributes: true });
  theme.observe(document.documentElement, { attributes: true });
  // Drawn before it stands on the page it cannot know the colour of text there.
  const arrival = new ResizeObserver(draw);
  arrival.observe(root);
  listen(window.matchMedia("(prefers-color-scheme: dark)"), "change", draw);
  repaint();
  writeOverview();
  if (model.get("offer")) showWindow();
  else want();
  wantRow();

  return () => {
    computing = false;
    stop.abort();
    theme.disconnect();
    arrival.disconnect();
    model.off("change:query", moved);
    model.off("change:key", moved);
    model.off("change:head", turned);
    model.off("change:overview", overviewArrived);
    model.off("change:offer", overviewArrived);
    kernel.close();
  };
}

export default { initialize, render };
