// Numbers as colours, as in all figures of the course.

const DECADES = 4; // of the logarithmic scale
const NOTHING = [217, 217, 217]; // exactly zero
const GREY = `rgb(${NOTHING})`;
const VIRIDIS =
  "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c 1fa088 28ae80 3fbc73 5ec962 84d44b addc30 d8e219 fde725";
const MARK = "#ff4d6d";
const BAR = "#3b8fc4";

const COLOURS = palette(VIRIDIS.split(" ").map((hex) => parseInt(hex, 16)));

function palette(stops) {
  const channel = (colour, shift) => (colour >> shift) & 255;
  return Array.from({ length: 256 }, (_, i) => {
    const place = (i / 255) * (stops.length - 1);
    const low = Math.min(Math.floor(place), stops.length - 2);
    return [16, 8, 0].map((shift) => {
      const [a, b] = [channel(stops[low], shift), channel(stops[low + 1], shift)];
      return Math.round(a + (b - a) * (place - low));
    });
  });
}

function colourOf(value, largest, log) {
  if (value === 0) return NOTHING;
  const share = largest > 0 ? value / largest : 0;
  const place = log ? 1 + Math.log10(share) / DECADES : share;
  return COLOURS[Math.round(255 * clamp(place, 0, 1))];
}

/** Cells of numbers as a picture, one pixel a cell; nothing where there is no number yet. */
function painted(values, rows, cols, largest, log) {
  const picture = new OffscreenCanvas(cols, rows);
  const context = picture.getContext("2d");
  const image = context.createImageData(cols, rows);
  for (let cell = 0; cell < rows * cols; cell++) {
    if (Number.isNaN(values[cell])) continue;
    const colour = colourOf(values[cell], largest, log);
    image.data.set(colour, 4 * cell);
    image.data[4 * cell + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return picture;
}
