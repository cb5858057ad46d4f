// Controls above a stage, and beneath it a sentence: the frame of all explorers.

/** Makes the frame. `sourceOf` is handed { model, stage, say, show, alarm } and gives back
 * { start(), move(at, moved), stop() }: `at` is the place of each control among its values, `show`
 * takes { at, open, sentence }, where `open` holds the places that each control offers.
 */
function panel({ model, el }, sourceOf) {
  const say = speaker(() => model.get("said"));
  const root = element("div", el, { className: "attn-explorer" });
  root.addEventListener("keydown", keepKey);
  // A finger on a slider would turn a slide.
  const row = element("div", root, { className: "attn-controls" }, { "data-prevent-swipe": "" });
  const alert = element("p", root, { className: "attn-alone" }, { role: "alert" });
  const stage = element("div", root, { className: "attn-stage" });
  const line = element("p", root, { className: "attn-told" }, { role: "status", "aria-live": "polite" });

  let address; // from when the first state stands there: that one is no move
  const source = sourceOf({
    model, el, stage, say,
    show({ at, open, sentence }) {
      controls.place(at, open);
      line.textContent = sentence;
      address?.remember(hashOf(model, at));
    },
    alarm: (words) => { alert.textContent = words; },
  });
  const controls = controlsIn(row, model, (at, moved) => source.move(at, moved));
  source.start();
  address = inAddress(root, model, (hash) => {
    const at = placesIn(model, hash);
    if (at) source.move(at, null);
    return at !== undefined;
  });
  return () => {
    address.leave();
    source.stop();
  };
}

/** The state as an address: #name=value of each control, the value as it is shown. */
function hashOf(model, at) {
  const shown = model.get("controls").map(({ name, labels }) => [name, labels[at[name]]]);
  return `#${new URLSearchParams(shown)}`;
}

/** Where the controls stand in an address; nothing where it is of another widget, or unknown. */
function placesIn(model, hash) {
  const wanted = new URLSearchParams(hash.slice(1)), controls = model.get("controls");
  const places = controls.map(({ name, labels }) => [name, labels.indexOf(wanted.get(name))]);
  const known = [...wanted].length === controls.length && places.every(([, place]) => place >= 0);
  return known ? Object.fromEntries(places) : undefined;
}

/** Makes all controls and buttons; gives back { place(at, open) }, which moves them. */
function controlsIn(row, model, moved) {
  let at = {};
  const move = (to, name) => moved({ ...at, ...to }, name);
  for (const { text, at: to } of model.get("presets"))
    element("button", row, { type: "button", textContent: text, onclick: () => move(to, null) });
  const made = model.get("controls").map((control) => {
    const { name, kind, text, labels } = control;
    const label = element("label", row, { className: `attn-${kind}` }, { "data-name": name });
    element("span", label, { textContent: text });
    return { name, place: KINDS[kind](label, labels, (place) => move({ [name]: place }, name)) };
  });
  return {
    place(to, open) {
      at = to;
      for (const { name, place } of made) place(at[name], open[name]);
    },
  };
}

/** Of each kind: makes the control, gives back what moves it: place(at, open). */
const KINDS = {
  slider(label, labels, moved) {
    let offered = [];
    const input = element("input", label, { type: "range", min: 0 });
    const output = element("output", label);
    // As wide as its longest text, or the controls after it would shift.
    output.style.minWidth = `${Math.max(...labels.map((each) => each.length))}ch`;
    input.oninput = () => moved(offered[input.value]);
    return (at, open) => {
      offered = open;
      input.max = open.length - 1;
      input.value = open.indexOf(at);
      input.disabled = open.length < 2;
      output.textContent = labels[at];
      input.setAttribute("aria-valuetext", labels[at]);
    };
  },
  list(label, labels, moved) {
    let offered = [];
    const select = element("select", label);
    select.onchange = () => moved(offered[select.selectedIndex]);
    return (at, open) => {
      if (open.join() !== offered.join()) {
        select.replaceChildren(...open.map((place) => new Option(labels[place])));
        offered = open;
      }
      select.selectedIndex = open.indexOf(at);
      select.disabled = open.length < 2;
    };
  },
  tick(label, labels, moved) {
    const input = element("input", label, { type: "checkbox" });
    input.onchange = () => moved(Number(input.checked));
    return (at, open) => {
      input.checked = at === 1;
      input.disabled = open.length < 2;
    };
  },
};
