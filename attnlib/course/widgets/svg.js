// What drawn explorers draw with: SVG, in the colours of figures/style.py, and numbers as
// widgets/formatting.py writes them.

const SVG = "http://www.w3.org/2000/svg";
const NOTHING = "#d9d9d9"; // exactly zero
const MARK = "#d62728";
const QUIET = "#595959";
const ENDS = ["#0072b2", "#e69f00"];

/** So many digits behind the point. What lies just between two is made even, as Python does. */
function fixed(value, digits) {
  const text = value.toFixed(digits), between = Math.abs((value * 2 ** (digits + 1)) % 2) === 1;
  return between && Number(text.at(-1)) % 2 ? (value * (1 - 2 ** -50)).toFixed(digits) : text;
}
/** Two digits behind the point, and no minus before a zero. */
const two = (value) => fixed(value, 2).replace(/^-(0\.00)$/, "$1");
const listed = (values) => values.map(two).join(", ");
const percent = (value) => `${fixed(100 * value, 0)}%`;

/** -Σ w · log w of a row of weights. */
const entropyOf = (weights) => weights.reduce((sum, weight) => sum - (weight && weight * Math.log(weight)), 0);
/** The entropy of a query's weights against uniform attention's on as many keys. */
const spread = (weights) => percent(entropyOf(weights) / Math.log(weights.length));

function made(tag, parent, attributes = {}) {
  const element = document.createElementNS(SVG, tag);
  change(element, attributes);
  parent.append(element);
  return element;
}

function change(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}

/** A drawing of that size in CSS pixels; on a narrow page it shrinks. */
function drawing(parent, width, height, attributes = {}) {
  return made("svg", parent, { width, height, viewBox: `0 0 ${width} ${height}`, class: "attn-drawing", role: "img", ...attributes });
}

/** Words at a place; `align` is start, middle or end. */
function words(parent, x, y, text, align = "start", attributes = {}) {
  const element = made("text", parent, { x, y, "text-anchor": align, ...attributes });
  element.textContent = text;
  return element;
}

/** Row and column of a picture's cell in which a click or a tap is. */
function cellAt(picture, { clientX, clientY }, rows, cols) {
  const { left, top, width, height } = picture.getBoundingClientRect();
  const place = (share, count) => Math.min(count - 1, Math.floor(share * count));
  return [place((clientY - top) / height, rows), place((clientX - left) / width, cols)];
}

/** Lets a mouse or a finger drag a part of a drawing. `middle()` says where it is, and `moved(x, y)`
 * hears where it should be, in the coordinates of what it stands in, also where the page is scaled.
 */
function draggable(part, middle, moved) {
  let grip = null; // where it was taken, beside its middle
  const under = ({ clientX, clientY }) => new DOMPoint(clientX, clientY).matrixTransform(part.parentNode.getScreenCTM().inverse());
  change(part, { "data-prevent-swipe": "" }); // else a finger on it turns a slide
  // Nor does it scroll the page. Chromium heeds that where the display is not inline.
  Object.assign(part.style, { cursor: "grab", display: "block", touchAction: "none", userSelect: "none" });
  part.addEventListener("pointerdown", (event) => {
    part.setPointerCapture(event.pointerId);
    const { x, y } = under(event), [atX, atY] = middle();
    grip = [atX - x, atY - y];
  });
  part.addEventListener("pointermove", (event) => {
    if (!grip) return;
    const { x, y } = under(event);
    moved(x + grip[0], y + grip[1]);
  });
  part.addEventListener("lostpointercapture", () => { grip = null; });
}
