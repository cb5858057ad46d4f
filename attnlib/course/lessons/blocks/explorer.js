// A photograph cut into blocks, and the mask that comes of it. See explorer.py, which says the same.

const SIDE = 360, HEAD = 28, FOOT = 44; // CSS pixels: of a panel, above and below it

/** Where a patch stands when tokens are counted block by block. */
function tokenOf(row, column, size, cols) {
  const block = Math.floor(row / size) * (cols / size) + Math.floor(column / size);
  return block * size ** 2 + (row % size) * size + (column % size);
}

function prepare({ stage, numbers: { pictures, rows, cols }, say, choose }) {
  const panels = element("div", stage, { className: "attn-panels" });
  const photograph = photographIn(panels, rows, cols, say, choose), mask = maskIn(panels, say);
  return ({ photograph: name, block_size, row, column }) => {
    const size = block_size ** 2, groups = (rows * cols) / size, token = tokenOf(row, column, block_size, cols);
    photograph(pictures[name], block_size, row, column);
    mask(groups, size, token);
    return { sentence: told(say, { block_size, groups, size, row, column, token }), groups, size, token };
  };
}

/** The picture, faded but for one block; a click or a tap on a patch makes it the query. */
function photographIn(panels, rows, cols, say, choose) {
  const patch = SIDE / Math.max(rows, cols), wide = cols * patch, high = rows * patch;
  const svg = drawing(panels, wide + 4, high + HEAD + 4, { "aria-label": say("one query (red) and its keys (not faded)") });
  words(svg, 2, 18, say("one query (red) and its keys (not faded)"));
  const inside = made("g", svg, { transform: `translate(2 ${HEAD})` });
  const image = made("image", inside, { width: wide, height: high, preserveAspectRatio: "none", style: "cursor: pointer;" });
  const shade = made("path", inside, { fill: NOTHING, "fill-opacity": 0.75, "fill-rule": "evenodd", "pointer-events": "none" });
  const lines = made("g", inside, { stroke: "white", "pointer-events": "none" });
  const frame = made("rect", inside, { width: patch, height: patch, fill: "none", stroke: MARK, "stroke-width": 3, "pointer-events": "none" });
  image.addEventListener("click", (event) => {
    const [row, column] = cellAt(image, event, rows, cols);
    choose({ row, column });
  });

  return (picture, size, row, column) => {
    if (image.getAttribute("href") !== picture) image.setAttribute("href", picture);
    const edge = size * patch, left = column - (column % size), top = row - (row % size);
    change(shade, { d: `M0 0H${wide}V${high}H0ZM${left * patch} ${top * patch}h${edge}v${edge}h${-edge}Z` });
    change(frame, { x: column * patch, y: row * patch });
    lines.replaceChildren();
    for (const [step, width] of [[1, 0.5], [size, 2.5]]) {
      for (let at = 0; at <= rows; at += step) made("line", lines, { x2: wide, y1: at * patch, y2: at * patch, "stroke-width": width });
      for (let at = 0; at <= cols; at += step) made("line", lines, { x1: at * patch, x2: at * patch, y2: high, "stroke-width": width });
    }
  };
}

/** Who may attend to whom: a block of queries sees its own keys. */
function maskIn(panels, say) {
  const left = 62;
  const svg = drawing(panels, left + SIDE + 4, HEAD + SIDE + FOOT, { "aria-label": say("all queries (grey: weight exactly 0)") });
  words(svg, left + SIDE / 2, 18, say("all queries (grey: weight exactly 0)"), "middle");
  const inside = made("g", svg, { transform: `translate(${left} ${HEAD})` });
  made("rect", inside, { width: SIDE, height: SIDE, fill: NOTHING });
  const cells = made("g", inside);
  const line = made("rect", inside, { width: SIDE, height: 2, fill: MARK });
  words(inside, SIDE / 2, SIDE + 38, say("key"), "middle");
  words(inside, -SIDE / 2, -44, say("query"), "middle", { transform: "rotate(-90)" });
  words(inside, 0, SIDE + 18, 0);
  words(inside, -8, 14, 0, "end");
  const ends = [words(inside, SIDE, SIDE + 18, "", "end"), words(inside, -8, SIDE - 2, "", "end")];

  return (groups, size, token) => {
    const cell = SIDE / (groups * size), edge = size * cell;
    const gap = size > 1 ? 1 : 0; // white edges would hide single cells
    cells.replaceChildren();
    for (let group = 0; group < groups; group++)
      made("rect", cells, { x: group * edge, y: group * edge, width: edge, height: edge, fill: ENDS[0] });
    for (let group = 1; gap && group < groups; group++) {
      made("rect", cells, { y: group * edge, width: SIDE, height: gap, fill: "white" });
      made("rect", cells, { x: group * edge, height: SIDE, width: gap, fill: "white" });
    }
    change(line, { y: (token + 0.5) * cell - 1 });
    for (const end of ends) end.textContent = groups * size - 1;
  };
}

function told(say, { block_size, groups, size, row, column, token }) {
  const length = groups * size, block = Math.floor(token / size);
  const patch = say(
    "block_size {block_size}: G = {groups} blocks of N = {size} patches. The patch at row {row}, column {column} is token {token}, in block {block}; it may attend to {size} of {length} tokens.",
    { block_size, groups, size, row, column, token, block, length },
  );
  const pairs = { groups, inside: groups * size ** 2, all: length ** 2 };
  const weights = groups > 1
    ? say("Weights in a head: G·N² = {inside}, 1/{groups} of L² = {all}.", pairs)
    : say("Weights in a head: G·N² = {inside}, all of L² = {all}.", pairs);
  return paragraph(say, patch, weights);
}

export default { initialize, render: drawn({ prepare }) };
