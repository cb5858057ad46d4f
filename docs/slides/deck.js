// Shows the deck, and sets each slide in the largest type in which it fits.

const LARGEST = 42, SMALLEST = 24; // px at 1280 × 720, of prose; code has 0.78 of it
const LARGEST_TABLE = 2.2; // times as large as in a notebook
const narrow = window.matchMedia("(max-width: 700px)").matches; // a telephone: read, not projected

/** Whether anything in the slide reaches over its edges. */
function overflows(slide) {
  const inner = slide.querySelectorAll("pre, table, .jp-OutputArea-output");
  return slide.scrollHeight > slide.clientHeight || slide.scrollWidth > slide.clientWidth
    || [...inner].some((part) => part.scrollWidth > part.clientWidth + 1);
}

/** A table that a cell printed: as large as there is room, its long lines folded for that. */
function fillWithTable(slide, table) {
  slide.style.fontSize = "28px";
  const across = slide.clientWidth - 80, down = slide.clientHeight - 50 - table.offsetTop;
  const fits = (zoom) => {
    table.style.maxWidth = `${across / zoom}px`;
    return table.scrollWidth * zoom <= across + 1 && table.offsetHeight * zoom <= down;
  };
  let zoom = LARGEST_TABLE;
  while (zoom > 0.5 && !fits(zoom)) zoom -= 0.05;
  table.style.zoom = zoom;
}

/** The largest type in which all of the slide is seen. */
function fit(slide) {
  if (!slide || slide.dataset.fitted || slide.dataset.kind === "widget" || narrow) return;
  slide.dataset.fitted = true;
  const table = slide.querySelector(".jp-RenderedHTML");
  if (table) return fillWithTable(slide, table);
  for (let size = LARGEST; size >= SMALLEST; size--) {
    slide.style.fontSize = `${size}px`;
    if (!overflows(slide)) break;
  }
}

/** A widget comes later than its slide, and grows: at most as large as there is room. */
function shrink(widget) {
  const across = 1200 / widget.scrollWidth, down = (720 - 10 - widget.offsetTop) / widget.scrollHeight;
  widget.style.transform = `scale(${Math.min(across, down, 1)})`;
}

/** On paper, or in a picture of all slides. */
function fitAll() {
  document.querySelectorAll(".slides section section").forEach(fit);
}

Reveal.initialize({
  width: 1280,
  height: 720,
  margin: 0,
  maxScale: 4,
  center: false,
  display: "flex",
  disableLayout: narrow,
  hash: true,
  slideNumber: "c/t",
  transition: "none",
  plugins: [RevealNotes],
});
if (!narrow) {
  const grown = new ResizeObserver((entries) => entries.forEach((entry) => shrink(entry.target)));
  const widgets = document.querySelectorAll('[data-kind="widget"] .jp-OutputArea-output');
  widgets.forEach((widget) => grown.observe(widget));
}
Reveal.on("ready", (event) => fit(event.currentSlide));
Reveal.on("slidechanged", (event) => fit(event.currentSlide));
Reveal.on("pdf-ready", fitAll);
// For paper Reveal takes all slides out of the page for a moment: a widget looked for then is missed.
Reveal.on(Reveal.isPrintingPDF() ? "pdf-ready" : "ready", hostAll);
