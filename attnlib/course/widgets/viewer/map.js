// Draws the map: the cells in the window, its axes, its scale, and the small map of each head.

const ink = ({ root }) => getComputedStyle(root).color;
const acrossAt = ({ shown, width }, column) => LEFT + ((column - shown.left) / shown.cols) * width;
const downAt = ({ shown, height }, row) => TOP + ((row - shown.top) / shown.rows) * height;

/** Draws all in new colours, or of new numbers. */
function repaint(view) {
  view.pictures.clear();
  if (view.tile) view.tile.picture = null;
  drawThumbnails(view);
  draw(view);
}

function pictureOf({ pictures, data, log }, head) {
  if (!pictures.has(head)) {
    pictures.set(head, painted(data.of(head), data.high, data.wide, data.largest, log));
  }
  return pictures.get(head);
}

function drawThumbnails(view) {
  const { data, model } = view;
  view.thumbnails.forEach(({ made, context }, head) => {
    context.clearRect(0, 0, 48, 48);
    if (model.get("offer")) {
      hatch(context, 0, 0, 48, 48);
      context.fillStyle = ink(view);
      context.fillText(head, 20, 28);
    }
    context.imageSmoothingEnabled = Math.max(data.high, data.wide) > 48;
    context.drawImage(pictureOf(view, head), 0, 0, 48, 48);
    made.setAttribute("aria-pressed", head === view.head);
  });
}

/** The tile, if it is of the head that is shown. */
const tileHere = ({ tile, head }) => (tile?.head === head ? tile : null);

function draw(view) {
  const { map, model, data, head, rows, cols, log, width, height } = view, tile = tileHere(view);
  map.clearRect(0, 0, 2000, 2000);
  map.save();
  map.beginPath();
  map.rect(LEFT, TOP, width, height);
  map.clip();
  if (model.get("offer")) hatch(map, LEFT, TOP, width, height);
  drawCells(view, pictureOf(view, head), { high: data.high, wide: data.wide, rows: [0, rows], cols: [0, cols] });
  if (tile) {
    tile.picture ??= painted(tile.values, tile.high, tile.wide, tile.largest, log);
    drawCells(view, tile.picture, tile);
  }
  drawEdges(view);
  map.restore();
  drawAxes(view);
  drawScale(view);
  drawChoice(view);
}

/** Of a picture of cells, that cover these rows and columns: what is on screen, where it belongs. */
function drawCells(view, picture, { high, wide, rows: [top, bottom], cols: [left, right] }) {
  const { map, shown, width } = view;
  const tall = (bottom - top) / high, broad = (right - left) / wide; // tokens a cell
  const first = (start, from, size) => Math.max(0, Math.floor((start - from) / size));
  const last = (stop, from, size, most) => Math.min(most, Math.ceil((stop - from) / size));
  const [r0, r1] = [first(shown.top, top, tall), last(shown.top + shown.rows, top, tall, high)];
  const [c0, c1] = [first(shown.left, left, broad), last(shown.left + shown.cols, left, broad, wide)];
  if (r1 <= r0 || c1 <= c0) return;
  const [x0, x1] = [c0, c1].map((cell) => acrossAt(view, left + cell * broad));
  const [y0, y1] = [r0, r1].map((cell) => downAt(view, top + cell * tall));
  map.imageSmoothingEnabled = shown.cols / broad > width;
  map.drawImage(picture, c0, r0, c1 - c0, r1 - r0, x0, y0, x1 - x0, y1 - y0);
}

function drawEdges(view) {
  const { map, model, shown, width, height } = view;
  map.strokeStyle = "white";
  map.lineWidth = 1;
  for (const edge of edgesIn(model, shown.left, shown.cols, width))
    stroke(map, acrossAt(view, edge), TOP, acrossAt(view, edge), TOP + height);
  for (const edge of edgesIn(model, shown.top, shown.rows, height))
    stroke(map, LEFT, downAt(view, edge), LEFT + width, downAt(view, edge));
}

/** Edges in this part of an axis; none where they would hide the map. */
function edgesIn(model, start, size, pixels) {
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

function drawScale(view) {
  const { map, model, say, data, log, width, height } = view;
  const right = LEFT + width + 12, { largest } = tileHere(view) ?? data;
  for (let step = 0; step < height; step++) {
    const [r, g, b] = COLOURS[Math.round(255 * (1 - step / height))];
    map.fillStyle = `rgb(${r}, ${g}, ${b})`;
    map.fillRect(right, TOP + step, 10, 1.5);
  }
  map.fillStyle = ink(view);
  map.textAlign = "left";
  const ends = !largest && model.get("offer") ? [] : [[largest, 0], [log ? largest * 10 ** -DECADES : 0, height]];
  for (const [value, down] of ends) {
    map.textBaseline = down ? "bottom" : "top";
    map.fillText((log && down ? "≤ " : "") + Number(value.toPrecision(2)), right + 13, TOP + down);
  }
  map.fillStyle = GREY;
  map.fillRect(right, TOP + height + 24, 10, 10); // below the numbers of the keys
  map.fillStyle = ink(view);
  map.textBaseline = "middle";
  map.fillText(say("exactly 0"), right + 13, TOP + height + 29);
}
