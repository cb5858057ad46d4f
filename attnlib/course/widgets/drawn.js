// An explorer that is drawn in the browser: with a kernel or without, it answers at once.

/** `drawing` is the explorer's own part:
 * - open(state, numbers): name -> the values that a control offers there; a control that is left out offers all;
 * - prepare({ stage, numbers, say, choose }): makes what stays on the stage, and gives back draw(state),
 *   which draws a state and returns its sentence, and beside it the numbers that are seen.
 * `choose(values)` moves controls, as a hand would.
 */
const drawn = (drawing) => (context) => panel(context, ({ model, el, stage, say, show }) => {
  const values = model.get("values");
  const stateOf = (at) => Object.fromEntries(Object.entries(at).map(([name, place]) => [name, values[name][place]]));
  let at = model.get("shown").at;

  function openOf(state) {
    const offered = drawing.open?.(state, model.get("numbers")) ?? {};
    const places = (name) => values[name].flatMap((value, place) => (!offered[name] || offered[name].includes(value) ? [place] : []));
    return Object.fromEntries(Object.keys(values).map((name) => [name, places(name)]));
  }

  /** Each control moved to the nearest place that it offers, those before it having moved. */
  function fit(to) {
    const fitted = { ...to };
    for (const name of Object.keys(values)) {
      const far = (place) => Math.abs(place - to[name]), places = openOf(stateOf(fitted))[name];
      fitted[name] = places.reduce((best, place) => (far(place) < far(best) ? place : best));
    }
    return fitted;
  }

  function draw() {
    const result = draws(stateOf(at));
    show({ at, open: openOf(stateOf(at)), sentence: result.sentence });
    stage.dispatchEvent(new CustomEvent("drawn", { detail: { at, ...result } }));
  }
  function move(to) {
    at = fit(to);
    draw();
    keep(model, { shown: { at } });
  }
  function moved() {
    if (model.get("shown").at === at) return;
    at = model.get("shown").at;
    draw();
  }
  function choose(chosen) {
    const places = Object.entries(chosen).map(([name, value]) => [name, values[name].indexOf(value)]);
    if (places.some(([name, place]) => place !== at[name])) move({ ...at, ...Object.fromEntries(places) });
  }
  const draws = drawing.prepare({ stage, numbers: model.get("numbers"), say, choose });

  return {
    start() {
      draw();
      model.on("change:shown", moved);
    },
    move,
    stop: () => model.off("change:shown", moved),
  };
});
