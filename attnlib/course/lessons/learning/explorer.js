// A digit in a trained NesT: whom one of its places attends to, level by level. See explorer.py,
// which says the same.

const SIDE = 256, HEAD = 28; // CSS pixels: of a panel, above it
const FAINT = 0.35; // of the ink, so that circles are seen on it
const FULL = 0.92; // the diameter of the largest circle, in tokens
const NEARLY = 0.95, MUCH = 0.25; // see explorer.py

/** The float32 numbers that a text of base64 holds. */
const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);

function prepare({ stage, numbers: { pictures, labels, guesses, levels }, say, choose }) {
  const all = levels.map((level) => ({ ...level, weights: floats(level.weights) })), [{ side }] = levels;
  const panels = element("div", stage, { className: "attn-panels" });
  const digit = pictureIn(panels, side, choose), maps = all.map((level) => levelIn(panels, side, level, choose));
  return ({ picture, row, column, head }) => {
    const weights = all.map((level, i) => {
      const place = [row, column].map((each) => Math.floor((each * level.side) / side));
      const found = look(level, picture, place, head), largest = Math.max(...found);
      maps[i](pictures[picture], say("level {number}, largest {largest:.2f}", { number: i + 1, largest: two(largest) }), place, found);
      return found;
    });
    digit(pictures[picture], say("the picture"), [row, column], side);
    const taken = say("A {digit}, taken for a {guess}.", { digit: labels[picture], guess: guesses[picture] });
    return { sentence: paragraph(say, taken, ...weights.map((found, i) => told(say, i + 1, all[i], found))), weights };
  };
}

/** The weights of the query there for all tokens of its level, row by row; outside its block they are 0. */
function look({ side, block, heads, weights }, picture, [row, column], head) {
  const size = block ** 2, group = Math.floor(row / block) * (side / block) + Math.floor(column / block);
  const token = (row % block) * block + (column % block), groups = (side / block) ** 2;
  const chosen = head === "mean" ? [...Array(heads).keys()] : [head];
  const starts = chosen.map((each) => (((picture * heads + each) * groups + group) * size + token) * size);
  const found = Array(side ** 2).fill(0), top = row - (row % block), left = column - (column % block);
  for (let key = 0; key < size; key++) {
    const place = (top + Math.floor(key / block)) * side + left + (key % block);
    found[place] = starts.reduce((sum, start) => sum + weights[start + key], 0) / starts.length;
  }
  return found;
}

/** A picture, on which a click or a tap chooses a place; gives back draw(picture, title, place, tokens). */
function pictureIn(panels, side, choose, opacity = 1) {
  const svg = drawing(panels, SIDE + 4, HEAD + SIDE + 4), title = words(svg, SIDE / 2 + 2, 18, "", "middle");
  const inside = made("g", svg, { transform: `translate(2 ${HEAD})` });
  const image = made("image", inside, { width: SIDE, height: SIDE, opacity, style: "cursor: pointer; image-rendering: pixelated" });
  const above = made("g", inside, { "pointer-events": "none" });
  const frame = made("rect", above, { fill: "none", stroke: MARK, "stroke-width": 3 });
  image.addEventListener("click", (event) => {
    const [row, column] = cellAt(image, event, side, side);
    choose({ row, column });
  });
  const draw = (picture, called, [row, column], tokens) => {
    const edge = SIDE / tokens;
    change(image, { href: picture });
    title.textContent = called;
    change(svg, { "aria-label": called });
    change(frame, { x: column * edge, y: row * edge, width: edge, height: edge });
  };
  return Object.assign(draw, { above, frame });
}

/** The picture, and on every token a circle whose area goes with its weight, the largest filling it. */
function levelIn(panels, side, level, choose) {
  const picture = pictureIn(panels, side, choose, FAINT), edge = SIDE / level.side;
  const circles = made("g", picture.above, { fill: ENDS[0] });
  for (const [step, width] of [[1, 0.5], [level.block, 2.5]])
    for (let at = 0; at <= level.side; at += step) made("path", picture.above, { d: `M0 ${at * edge}H${SIDE}M${at * edge} 0V${SIDE}`, stroke: "black", "stroke-width": width });
  picture.above.append(picture.frame); // above all of them
  return (address, called, place, weights) => {
    picture(address, called, place, level.side);
    const largest = Math.max(...weights);
    circles.replaceChildren();
    weights.forEach((weight, i) => {
      const [row, column] = [Math.floor(i / level.side), i % level.side];
      if (weight) made("circle", circles, { cx: (column + 0.5) * edge, cy: (row + 0.5) * edge, r: (FULL / 2) * edge * Math.sqrt(weight / largest) });
    });
  };
}

function told(say, number, { side, block }, weights) {
  const keys = block ** 2, largest = Math.max(...weights), place = weights.indexOf(largest);
  if (entropyOf(weights) / Math.log(keys) > NEARLY)
    return say("Level {number}, {keys} keys: nearly equal weights (entropy above {nearly:.0%}).", { number, keys, nearly: percent(NEARLY) });
  if (largest > MUCH)
    return say(
      "Level {number}, {keys} keys: more than a quarter of the weight goes to row {row}, column {column}.",
      { number, keys, row: Math.floor(place / side), column: place % side },
    );
  return say("Level {number}, {keys} keys: unequal weights, but no key gets more than a quarter.", { number, keys });
}

export default { initialize, render: drawn({ prepare }) };
