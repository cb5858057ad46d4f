// The chosen token in the page's address, so that a link opens it: #row=2&col=3, with its head where
// there are several, and before them the number of the map where the page has several. Only on pages
// without a kernel: a notebook's address, and that of a deck, is not ours.

const REST = 500; // ms without a move; Safari takes a hundred changes in half a minute
const PLACE = /^#(?:map=(\d+)&)?(?:head=(\d+)&)?row=(\d+)&col=(\d+)$/;

/** VS Code, as others do, shows a notebook's outputs in a frame. */
const isPage = ({ model }) => window.top === window && !window.Reveal && !model.widget_manager?.context;

function listenToAddress(view) {
  if (!isPage(view)) return;
  const open = () => {
    arrival.disconnect();
    clearTimeout(view.resting);
    openAddress(view);
  };
  const arrival = new ResizeObserver(open); // it is made before it stands on the page
  arrival.observe(view.root);
  view.listen(window, "hashchange", open);
  view.atEnd(() => {
    arrival.disconnect();
    clearTimeout(view.resting);
  });
}

/** Chooses the place that the address names, if it is in this map, and brings the map into view. */
function openAddress(view) {
  const found = location.hash.match(PLACE);
  if (!found) return;
  const [, map, head = view.head, query, key] = found;
  const mine = map ? Number(map) === view.model.get("number") : view.root === document.querySelector(".attn-view");
  if (!mine) return;
  choose(view, { head: Number(head), query: Number(query), key: Number(key) });
  bring(view);
}

/** Into view, and again while the page around it grows, until the reader does something. */
function bring({ stage, listen, atEnd }) {
  const growing = new ResizeObserver(() => stage.scrollIntoView({ block: "center" }));
  const leave = () => growing.disconnect();
  growing.observe(document.body);
  for (const act of ["keydown", "pointerdown", "wheel"]) listen(window, act, leave, { capture: true, once: true });
  atEnd(leave);
}

/** Writes where the view stands once it rests: the map that moved last has the address. */
function remember(view) {
  clearTimeout(view.resting);
  if (isPage(view)) view.resting = setTimeout(() => writeAddress(view), REST);
}

/** In place of none, of another place, or of a heading; anything else was put there by others. */
function writeAddress({ model, heads, head, query, key }) {
  const free = !location.hash || PLACE.test(location.hash) || document.querySelector(":target");
  if (!free) return;
  const several = document.querySelectorAll(".attn-view").length > 1;
  const map = several ? `map=${model.get("number")}&` : "", ofHead = heads > 1 ? `head=${head}&` : "";
  history.replaceState(history.state, "", `#${map}${ofHead}row=${query}&col=${key}`);
}
