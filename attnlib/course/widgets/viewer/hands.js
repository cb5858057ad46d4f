// What keys and mouse do.

const KEYS = {
  ArrowUp: (view, by) => choose(view, { query: view.query - by }),
  ArrowDown: (view, by) => choose(view, { query: view.query + by }),
  ArrowLeft: (view, by) => choose(view, { key: view.key - by }),
  ArrowRight: (view, by) => choose(view, { key: view.key + by }),
  PageUp: (view) => choose(view, { head: view.head - 1 }),
  PageDown: (view) => choose(view, { head: view.head + 1 }),
  Home: (view) => choose(view, { key: 0 }),
  End: (view) => choose(view, { key: view.cols - 1 }),
  "+": (view) => zoom(view, 0.5),
  "=": (view) => zoom(view, 0.5),
  "-": (view) => zoom(view, 2),
  0: showWhole,
  l: switchScale,
};

function listenToKeys(view) {
  const { root, listen } = view;
  listen(root, "keydown", keepKey);
  listen(root, "keydown", (event) => {
    const does = KEYS[event.key];
    if (!does || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    does(view, event.shiftKey ? 10 : 1);
  });
}

/** How far down and across the map something is, from 0 to 1 on it. */
function spotOf({ mark, width, height }, { clientX, clientY }) {
  const bounds = mark.canvas.getBoundingClientRect();
  const shrunk = mark.canvas.offsetWidth / bounds.width; // not 1 on a slide that is scaled to the screen
  return {
    down: ((clientY - bounds.top) * shrunk - TOP) / height,
    across: ((clientX - bounds.left) * shrunk - LEFT) / width,
  };
}

/** The row and column there, in tokens; null beside the map. */
function tokenAt(view, pointer) {
  const { down, across } = spotOf(view, pointer), { shown } = view;
  if (across < 0 || across >= 1 || down < 0 || down >= 1) return null;
  return [shown.top + down * shown.rows, shown.left + across * shown.cols];
}

function chooseAt(view, pointer) {
  const [query, key] = tokenAt(view, pointer)?.map(Math.floor) ?? [];
  if (query !== undefined) choose(view, { query, key });
}

/** It chooses where it hovers, and pulls the map. The wheel belongs to the page until the reader has
 * chosen this map.
 */
function listenToMouse(view) {
  const { root, stage, shown, listen } = view;
  let held = null; // where the mouse took the map
  const mouse = (kind, does) => listen(stage, kind, (event) => event.pointerType !== "touch" && does(event));
  mouse("pointerdown", (event) => {
    held = { ...spotOf(view, event), top: shown.top, left: shown.left };
    stage.setPointerCapture(event.pointerId);
    root.focus({ preventScroll: true });
  });
  mouse("pointermove", (event) => {
    if (!held) return chooseAt(view, event);
    const { down, across } = spotOf(view, event), { rows, cols } = shown;
    show(view, held.top - (down - held.down) * rows, held.left - (across - held.across) * cols, rows, cols);
  });
  mouse("pointerup", () => (held = null));
  mouse("pointercancel", () => (held = null));
  listen(stage, "dblclick", (event) => {
    const place = tokenAt(view, event);
    if (place) zoom(view, 0.5, ...place);
  });
  listen(stage, "wheel", (event) => {
    const place = tokenAt(view, event);
    if (!place || (!event.ctrlKey && document.activeElement !== root)) return;
    event.preventDefault();
    zoom(view, event.deltaY > 0 ? 1.25 : 0.8, ...place);
  }, { passive: false });
}
