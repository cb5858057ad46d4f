// Where a widget stands, in the page's address, so that a link opens it. Only on pages without a
// kernel: a notebook's address, and that of a deck, is not ours.

const REST = 500; // ms without a move; Safari takes a hundred changes in half a minute
const OURS = /^#[a-z_]+=/; // the address of a heading has no such sign

/** VS Code, as others do, shows a notebook's outputs in a frame. */
const isPage = (model) => window.top === window && !window.Reveal && !model.widget_manager?.context;

/** Gives a widget a place in the address: `open(hash)` goes where that says, and tells whether it was
 * meant. `remember(hash)` writes one, once the widget rests: what moved last has the address.
 */
function inAddress(stage, model, open) {
  const stop = new AbortController();
  let resting;
  const arrived = () => {
    arrival.disconnect();
    clearTimeout(resting);
    if (isPage(model) && open(location.hash)) bring(stage, stop.signal);
  };
  const arrival = new ResizeObserver(arrived); // it is made before it stands on the page
  arrival.observe(stage);
  addEventListener("hashchange", arrived, { signal: stop.signal });
  return {
    remember(hash) {
      clearTimeout(resting);
      if (isPage(model)) resting = setTimeout(() => writeAddress(hash), REST);
    },
    leave() {
      arrival.disconnect();
      clearTimeout(resting);
      stop.abort();
    },
  };
}

/** In place of none, of a widget's, or of a heading; anything else was put there by others. */
function writeAddress(hash) {
  const free = !location.hash || OURS.test(location.hash) || document.querySelector(":target");
  if (free) history.replaceState(history.state, "", hash);
}

/** Into view, and again while the page around it grows, until the reader does something. */
function bring(stage, signal) {
  const growing = new ResizeObserver(() => stage.scrollIntoView({ block: "center" }));
  const leave = () => growing.disconnect();
  growing.observe(document.body);
  for (const act of ["keydown", "pointerdown", "wheel"]) addEventListener(act, leave, { capture: true, once: true, signal });
  signal.addEventListener("abort", leave);
}
