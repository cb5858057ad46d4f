// What of a long map is asked of the kernel, and what becomes of its answers: the window on screen,
// in strips of rows; the row of the chosen query; the overview, where the reader asks for it.

/** Whom the view asks, until it ends. */
function askedBy(view) {
  const kernel = correspondent(view, (message, values) => reply(view, message, values), (now) => tellState(view, now));
  view.atEnd(() => {
    view.computing = false;
    kernel.close();
  });
  return kernel;
}

function tellState(view, now) {
  const { say, status, ofOverview, ofPart } = view;
  const states = {
    busy: say("◌ computing …"),
    silent: say("needs a kernel: in JupyterLab, run its cell"),
    failed: say("the kernel could not compute this"),
    idle: "",
  };
  if (now === "failed" || now === "silent") stopOverview(view);
  const told = [ofOverview, ofPart].some(({ line }) => line.dataset.how === "computing");
  if (now !== "busy" || !told) status.textContent = states[now];
}

function reply(view, message, values) {
  if (message.kind === "tile") addToTile(view, message, values);
  else if (message.kind === "overview") addToOverview(view, message, values);
  else if (message.kind === "row") {
    view.exact = { ...message, values };
    drawChoice(view);
  } else if (message.kind === "pairs") fillTable(view, message);
}

function wantRow({ data, kernel, head, query }) {
  if (!data.whole) kernel.ask({ kind: "row", head, query });
}

/** The rows and columns that the window touches. */
function onScreen({ shown, rows, cols }) {
  const top = Math.floor(shown.top), left = Math.floor(shown.left);
  const bottom = Math.min(rows, Math.ceil(shown.top + shown.rows));
  const right = Math.min(cols, Math.ceil(shown.left + shown.cols));
  return { rows: [top, bottom], cols: [left, right] };
}

/** The window's cells; `asked`: by the reader, however long it takes. */
function want(view, { asked = false } = {}) {
  const { data, shown, rows, cols, head, kernel, ofPart } = view;
  if (data.whole) return;
  const turn = ++view.turn;
  write(ofPart, "");
  if (shown.rows === rows && shown.cols === cols) view.tile = null; // the overview shows it
  else kernel.ask({ kind: "tile", head, ...onScreen(view), turn, asked, first: 0 });
}

/** A strip of the window on screen; the next one is asked for, unless there is a newer window. */
function addToTile(view, message, values) {
  const { say, kernel, ofPart } = view;
  const { head, rows, cols, turn, asked, first, last, left } = message;
  const [high, wide] = message.shape, newest = turn === view.turn;
  if (!values) return newest && write(ofPart, message.offer, "offered");
  if (first === 0) view.tile = { ...message, high, wide, values: new Float32Array(high * wide).fill(NaN) };
  const { tile } = view;
  if (tile?.turn !== turn) return;
  tile.values.set(values, first * wide);
  Object.assign(tile, { picture: null, largest: largestOf(tile.values) });
  draw(view);
  if (!newest) return;
  const todo = asked && last < high;
  write(ofPart, todo ? say("Computing this part: {left} left.", { left }) : "", "computing");
  if (last < high) kernel.ask({ kind: "tile", head, rows, cols, turn, asked, first: last });
}

// The overview, where it takes so long that it is computed only when asked for.

function toggleOverview(view) {
  if (view.computing) return stopOverview(view);
  view.computing = true;
  writeOverview(view, view.say("Overview: computing …"));
  wantOverview(view);
}

function stopOverview(view) {
  if (!view.computing) return;
  view.computing = false;
  writeOverview(view);
}

function wantOverview({ computing, kernel, head }) {
  if (computing) kernel.ask({ kind: "overview", head });
}

function writeOverview({ model, say, computing, compute, ofOverview }, words = model.get("offer")) {
  write(ofOverview, model.get("offer") && words, computing ? "computing" : "offered");
  compute.textContent = computing ? say("Stop") : say("Compute the overview");
}

/** Says what is offered or computed; hidden where there is nothing to say. */
function write({ line, text }, words, how = "") {
  line.hidden = !words;
  line.dataset.how = how;
  text.setAttribute("aria-live", how === "computing" ? "off" : "polite");
  if (text.textContent !== words) text.textContent = words;
}

function addToOverview(view, { head, first, done, left }, values) {
  const { data, say } = view;
  if (values) {
    data.of(head).set(values, first * data.wide);
    data.largest = Math.max(data.largest, largestOf(values));
    repaint(view);
  }
  view.bar.value = done;
  const share = Math.floor(100 * done);
  if (view.computing) writeOverview(view, say("Overview: {share}% done, {left} left.", { share, left }));
  if (done < 1) setTimeout(() => wantOverview(view)); // after what waits: moves go first
}

/** That of another head is whole, or of the last: all views of this model get it. */
function overviewArrived(view) {
  view.data = contents(view.model);
  if (!view.model.get("offer")) {
    view.computing = false;
    writeOverview(view);
  }
  repaint(view);
}
