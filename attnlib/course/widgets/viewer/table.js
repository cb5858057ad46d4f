// The strongest pairs as a table, where the reader has opened it.

function wantTable(view) {
  const { data, details, kernel, head, rows, cols } = view;
  if (!details.open) return;
  if (data.whole) fillTable(view, { rows: [0, rows], cols: [0, cols], pairs: strongest(data.of(head), cols, 10) });
  else kernel.ask({ kind: "pairs", head, ...onScreen(view) });
}

function strongest(values, cols, count) {
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
function fillTable(view, { pairs = [], offer, rows: [top, bottom], cols: [left, right] }) {
  const { say, table, rows, cols } = view;
  table.replaceChildren();
  const part = bottom - top < rows || right - left < cols;
  table.dataset.part = part ? "yes" : "";
  const from = say("In queries {top} to {bottom} and keys {left} to {right}:", {
    top: grouped(top), bottom: grouped(bottom - 1), left: grouped(left), right: grouped(right - 1),
  });
  if (offer || part) element("p", table, { textContent: offer ?? from });
  if (pairs.length) listPairs(view, pairs);
}

function listPairs({ model, say, table }, pairs) {
  const made = element("table", table);
  const line = (cells, tag) => {
    const row = element("tr", made);
    for (const text of cells) element(tag, row, { textContent: text });
  };
  line([say("query"), say("key"), say("weight")], "th");
  const called = (axis, token) => `${grouped(token)}${model.get(axis).length ? ` ${nameOf(model, axis, token)}` : ""}`;
  for (const [row, column, value] of pairs) line([called("query_names", row), called("key_names", column), round(value)], "td");
}
