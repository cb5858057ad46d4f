// What fingers do on the map: one chooses, where it taps and where it is drawn; two zoom and pan.
// Beside the map they scroll the page: so they are heard on `hand`, which lies over the map alone.

function listenToFingers(view) {
  const { root, hand, listen } = view, on = new Map(); // pointer -> where that finger is
  let grip = null; // what two fingers hold; kept until all are gone: the last to leave chooses nothing
  const take = () => {
    if (on.size === 2) grip = gripOf(view, [...on.values()]);
    if (on.size === 0) grip = null;
  };
  const finger = (kind, does) => listen(hand, kind, (event) => event.pointerType === "touch" && does(event));
  finger("pointerdown", (event) => {
    on.set(event.pointerId, spotOf(view, event));
    root.focus({ preventScroll: true });
    take();
  });
  finger("pointermove", (event) => {
    on.set(event.pointerId, spotOf(view, event));
    if (!grip) chooseAt(view, event);
    else if (on.size === 2) pull(view, grip, [...on.values()]);
  });
  const lift = (event) => {
    on.delete(event.pointerId);
    take();
  };
  finger("pointerup", (event) => {
    if (!grip) chooseAt(view, event);
    lift(event);
  });
  finger("pointercancel", lift);
}

/** Two fingers: how far they are apart, in pixels, and the spot in their middle. */
function pairOf({ width, height }, [a, b]) {
  const apart = Math.hypot((a.across - b.across) * width, (a.down - b.down) * height);
  return { apart: Math.max(1, apart), down: (a.down + b.down) / 2, across: (a.across + b.across) / 2 };
}

/** The token that two fingers take hold of, and how much is shown then. */
function gripOf(view, fingers) {
  const { apart, down, across } = pairOf(view, fingers), { top, left, rows, cols } = view.shown;
  return { apart, rows, cols, row: top + down * rows, column: left + across * cols };
}

/** That token stays in the middle of the fingers; the farther apart they are, the larger it is. */
function pull(view, grip, fingers) {
  const { apart, down, across } = pairOf(view, fingers), part = grip.apart / apart;
  const high = fitting(grip.rows * part, view.rows), wide = fitting(grip.cols * part, view.cols);
  show(view, grip.row - down * high, grip.column - across * wide, high, wide);
}
