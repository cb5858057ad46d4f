// One interactive map of an attention: queries down, keys across. Plain JavaScript for anywidget.
// Its parts lie in viewer/, and stand before this file when the browser gets them.
//
// A map that fits lives wholly here: `weights`, float32, (H, N, M). Of a longer one only an
// `overview` does, (H, rows, cols) of pooled cells; what is on screen is asked of the kernel, one
// request at a time and always the newest: whatever was wanted in between is never sent. What takes
// long comes in strips of rows, each asked for when the one before is here; NaN is not yet computed.

function render({ model, el }) {
  const view = viewOf({ model, el });
  build(view);
  view.kernel = askedBy(view);
  buildBeside(view);
  listenToKeys(view);
  listenToMouse(view);
  listenToFingers(view);
  listenToModel(view);
  listenToPage(view);
  listenToAddress(view);
  view.listen(view.details, "toggle", () => wantTable(view));
  begin(view);
  return view.end;
}

/** What is drawn and asked for at once. */
function begin(view) {
  repaint(view);
  writeOverview(view);
  if (view.model.get("offer")) showWindow(view);
  else want(view);
  wantRow(view);
}

/** Another view of the same model, or the kernel, may move it too. */
function listenToModel(view) {
  const moved = () => {
    follow(view);
    drawChoice(view);
    wantRow(view);
  };
  const turned = () => {
    drawThumbnails(view);
    want(view);
    draw(view);
    wantRow(view);
    wantTable(view);
  };
  const arrived = () => overviewArrived(view);
  const changes = { query: moved, key: moved, head: turned, overview: arrived, offer: arrived };
  for (const [name, does] of Object.entries(changes)) view.model.on(`change:${name}`, does);
  view.atEnd(() => {
    for (const [name, does] of Object.entries(changes)) view.model.off(`change:${name}`, does);
  });
}

/** The page says in which colours to draw, and how wide. */
function listenToPage(view) {
  const again = () => draw(view);
  const theme = new MutationObserver(again);
  theme.observe(document.body, { attributes: true });
  theme.observe(document.documentElement, { attributes: true });
  // Drawn before it stands on the page it cannot know the width and the colour of text there.
  const arrival = new ResizeObserver(() => {
    fitPage(view);
    draw(view);
  });
  arrival.observe(view.root);
  view.listen(window.matchMedia("(prefers-color-scheme: dark)"), "change", again);
  view.atEnd(() => {
    theme.disconnect();
    arrival.disconnect();
  });
}

export default { initialize, render };
