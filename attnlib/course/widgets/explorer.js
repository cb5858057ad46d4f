// An explorer whose pictures come from the kernel, or were recorded for a page that has none.

const PATIENCE = 4000; // ms; a kernel that is at work may answer later

function render(context) {
  const recorded = "states" in context.model.get("record");
  return panel(context, recorded ? fromRecord : fromKernel);
}

const png = (view) => URL.createObjectURL(new Blob([view], { type: "image/png" }));

/** Asks the kernel, and shows what it answers last; says so when none does. */
function fromKernel({ model, stage, say, show, alarm }) {
  const image = element("img", stage, {}, { alt: "" });
  let count = model.get("asked").count, waiting, address;

  const tell = () => alarm(say("No kernel answers: run this cell to move it."));
  const quiet = () => {
    clearTimeout(waiting);
    waiting = undefined;
    alarm("");
  };
  const look = () => (alone(model) ? tell() : quiet());
  function paint() {
    URL.revokeObjectURL(address);
    const picture = model.get("picture");
    address = picture.byteLength ? png(picture) : undefined;
    if (address) image.src = address;
    // Hidden it keeps its place, so nothing jumps.
    image.style.visibility = address ? "visible" : "hidden";
  }
  function answered() {
    const shown = model.get("shown");
    if (shown.count < count) return; // it was moved on since
    quiet();
    show(shown);
    paint();
  }
  return {
    start() {
      show(model.get("shown"));
      paint();
      model.on("change:shown", answered);
      model.on("comm_live_update", look);
      look();
    },
    move(at) {
      if (alone(model)) return tell(), show(model.get("shown"));
      model.set("asked", { at, count: ++count });
      model.save_changes();
      waiting ??= setTimeout(tell, PATIENCE);
    },
    stop() {
      clearTimeout(waiting);
      URL.revokeObjectURL(address);
      model.off("change:shown", answered);
      model.off("comm_live_update", look);
    },
  };
}

/** Shows states that were recorded: each is a picture, or a picture and what differs from it. */
function fromRecord({ model, stage, say, show }) {
  const { start, states, opens, fitted, scales } = model.get("record");
  const names = model.get("controls").map(({ name }) => name), pictures = model.get("pictures");
  const canvas = element("canvas", stage), context = canvas.getContext("2d");
  const telephone = matchMedia("(max-width: 600px)");
  let newest = 0, key;

  const keyOf = (at) => names.map((name) => at[name]).join();
  const placesOf = (key) => Object.fromEntries(key.split(",").map((place, i) => [names[i], Number(place)]));
  const decoded = ([from, to]) =>
    createImageBitmap(new Blob([new DataView(pictures.buffer, pictures.byteOffset + from, to - from)]));

  /** The picture of the state that was asked for last, once all of it is there. */
  async function paint() {
    const width = Number(telephone.matches), ranges = states[key][2][width];
    const mine = ++newest, layers = await Promise.all(ranges.map(decoded));
    if (mine !== newest) return;
    stage.style.visibility = layers.length ? "visible" : "hidden";
    if (!layers.length) return;
    [canvas.width, canvas.height] = [layers[0].width, layers[0].height];
    canvas.style.width = `${canvas.width * scales[width]}px`;
    for (const layer of layers) context.drawImage(layer, 0, 0);
  }

  /** Of all that was recorded the key nearest to this state, with the moved control left there. */
  function nearest(at, moved) {
    const far = (each) => names.reduce((sum, name) => sum + Math.abs(each[name] - at[name]), 0);
    const all = Object.keys(states).map(placesOf);
    const kept = all.filter((each) => moved === null || each[moved] === at[moved]);
    return keyOf(kept.reduce((best, each) => (far(each) < far(best) ? each : best)));
  }

  function move(at, moved) {
    const wanted = fitted[keyOf(at)] ?? keyOf(at);
    key = wanted in states ? wanted : nearest(at, moved);
    const [told, open] = states[key];
    const sentence = key === wanted ? told : say("This page does not hold that; the nearest it holds: {sentence}", { sentence: told });
    show({ at: placesOf(key), open: opens[open], sentence });
    paint();
  }
  return {
    start() {
      move(placesOf(start), null);
      telephone.addEventListener("change", paint);
    },
    move,
    stop: () => telephone.removeEventListener("change", paint),
  };
}

export default { initialize, render };
