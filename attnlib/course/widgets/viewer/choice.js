// Draws what is chosen: its mark on the map, and the query's weights as bars below.

function drawChoice(view) {
  const { query, key } = view, { weights, seen } = rowOfWeights(view);
  drawMark(view, query, key);
  drawBars(view, weights, key);
  view.side?.(weights, query);
  view.sentence.textContent = told(view, weights, seen);
}

/** The weights of the query, null where they are not here, and how many keys it may see. */
function rowOfWeights({ data, exact, head, query }) {
  if (data.whole) return { weights: data.row(head, query), seen: data.seen(head, query) };
  const here = exact && exact.head === head && exact.query === query;
  return here ? { weights: exact.values, seen: exact.seen } : { weights: null };
}

function drawMark(view, row, column) {
  const { mark, shown, width, height } = view;
  mark.clearRect(0, 0, 2000, 2000);
  mark.save();
  mark.beginPath();
  mark.rect(LEFT - 2, TOP - 2, width + 4, height + 4);
  mark.clip();
  mark.strokeStyle = MARK;
  mark.lineWidth = 1.5;
  const [high, wide] = [Math.max(3, height / shown.rows), Math.max(3, width / shown.cols)];
  mark.strokeRect(LEFT, downAt(view, row), width, high);
  mark.strokeRect(acrossAt(view, column), downAt(view, row), wide, high);
  mark.restore();
}

const mostOf = (weights) => largestOf(weights) || 1;

/** A bar a token; where they are thinner than pixels, the largest of those that share one.
 * Exactly 0 has no bar: there the ground is grey.
 */
function drawBars(view, weights, column) {
  const { bars, shown, cols, width } = view;
  bars.clearRect(0, 0, 2000, 2000);
  if (!weights) return;
  const most = mostOf(weights), base = BARS - 4;
  const x = (place) => clamp(acrossAt(view, place), LEFT, LEFT + width);
  const bar = (from, to, value, colour) => {
    const tall = (value / most) * (BARS - 14);
    bars.fillStyle = colour;
    bars.fillRect(from, base - tall, Math.max(1, to - from), tall);
  };
  const step = Math.max(1, shown.cols / width), gap = width / shown.cols > 4 ? 1 : 0;
  for (let place = shown.left; place < shown.left + shown.cols; place += step) {
    const first = Math.floor(place), last = Math.max(first + 1, Math.floor(place + step));
    const value = largestOf(weights.subarray(first, Math.min(last, cols)));
    bar(x(first), x(last) - gap, value, BAR);
    if (value > 0) continue;
    bars.fillStyle = GREY;
    bars.fillRect(x(first), base + 1, x(last) - x(first), BARS - base - 1);
  }
  bar(x(column), x(column + 1) - gap, weights[column], MARK);
  nameBars(view, most, base);
}

function nameBars(view, most, base) {
  const { bars, model, say, width } = view;
  bars.fillStyle = ink(view);
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
