// The axes of the map: which tokens are named there, and how.

function drawAxes(view) {
  const { map, width, height } = view;
  map.fillStyle = map.strokeStyle = ink(view);
  map.lineWidth = 1;
  map.strokeRect(LEFT - 0.5, TOP - 0.5, width + 1, height + 1);
  map.font = "12px sans-serif";
  map.textBaseline = "middle";
  map.textAlign = "right";
  nameQueries(view);
  map.textAlign = "center";
  map.textBaseline = "top";
  nameKeys(view);
}

function nameQueries(view) {
  const { map, model, say, shown, height } = view;
  const named = ticks(shown.top, shown.rows, height, 16);
  for (const row of named) map.fillText(tickName(model, "query_names", row, named), LEFT - 5, downAt(view, row + 0.5));
  if (model.get("query_names").length) return;
  map.save();
  map.translate(10, TOP + height / 2);
  map.rotate(-Math.PI / 2);
  map.textAlign = "center";
  map.textBaseline = "top";
  map.fillText(say("query"), 0, -5);
  map.restore();
}

function nameKeys(view) {
  const { map, model, say, shown, cols, width, height } = view;
  const names = model.get("key_names").length > 0;
  const named = ticks(shown.left, shown.cols, width, names ? 18 : cols > 10000 ? 56 : 40);
  for (const column of named) {
    const text = tickName(model, "key_names", column, named);
    fillTurned(map, text, acrossAt(view, column + 0.5), TOP + height + 5, names);
  }
  if (!names) map.fillText(say("key"), LEFT + width / 2, TOP + height + 26);
}

function fillTurned(map, text, left, top, turned) {
  if (!turned) return map.fillText(text, left, top);
  map.save();
  map.translate(left, top);
  map.rotate(-Math.PI / 4);
  map.textAlign = "right";
  map.fillText(text, 0, -2);
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

const nameOf = (model, axis, token) => model.get(axis)[token] ?? grouped(token);
/** A tick among others: by its name, unless most names between them are left out. */
const tickName = (model, axis, token, [first, second]) =>
  model.get(axis).length && !(second - first > 20) ? short(nameOf(model, axis, token), 8) : grouped(token);
const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
