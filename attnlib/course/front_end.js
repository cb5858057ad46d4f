// What the course's widgets share in the browser: front_end.py puts it before the code of each.

/** A new element, the last in its parent. */
function element(tag, parent, properties = {}, attributes = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent.append(made);
  return made;
}

/** Says a message in the language of `messages()`, with its places filled in: {name}, or as Python
 * has them, {name:.0%}, where the value comes written already.
 */
const speaker = (messages) => (message, values = {}) =>
  (messages()[message] ?? message).replace(/\{(\w+)(:[^}]*)?\}/g, (_, place) => values[place]);

/** Sentences that were said, one after the other; empty ones are left out. See language.py. */
const paragraph = (say, ...sentences) =>
  sentences.filter(Boolean).reduce((first, following) => say("{first} {following}", { first, following }));

/** A key that is pressed in a widget stays there: else JupyterLab moves to another cell, or cuts
 * one, and a slide turns. But Ctrl+S saves, Shift+Enter runs the cell, and Escape leaves the widget.
 */
function keepKey(event) {
  if (event.key === "Escape") document.activeElement.blur();
  else if (!event.ctrlKey && !event.metaKey && !(event.shiftKey && event.key === "Enter")) event.stopPropagation();
}

/** Whether no kernel holds this widget: it was started again, or the notebook opened again. Its
 * layout tells: anywidget shows no model its own `comm_live`, and the page's mark stays as it was.
 */
const alone = (model) => model.get("layout")?.comm_live === false;

/** Sets and keeps: with a kernel there, without one in the notebook, which JupyterLab then saves. */
function keep(model, values) {
  model.set(values);
  model.save_changes();
  const notebook = model.widget_manager?.context?.model;
  if (notebook) notebook.dirty = true;
}

const VIEW = "application/vnd.jupyter.widget-view+json";

/** The names of all models that the outputs of a notebook show, and of those inside them. */
function namesOfShown(cells, state) {
  const outputs = cells.flatMap((cell) => cell.outputs ?? []);
  const names = outputs.map((output) => output.data?.[VIEW]?.model_id).filter((name) => name in state);
  const shown = new Set(names);
  for (const name of shown)
    for (const [, inside] of JSON.stringify(state[name].state).matchAll(/IPY_MODEL_(\w+)/g)) shown.add(inside);
  return shown;
}

/** JupyterLab saves the state of those widgets that a kernel holds: after a restart of none, and
 * when the notebook is opened again each is an error. Here it saves those that the notebook shows.
 */
function initialize({ model: { widget_manager: manager } }) {
  const models = manager?._modelsSync, notebook = manager?.context?.model;
  if (!models || !notebook || Object.hasOwn(manager, "get_state_sync")) return;
  const live = manager.get_state_sync.bind(manager);
  manager.get_state_sync = (options) => {
    const gone = [...models.values()].filter((each) => !each.comm_live);
    for (const each of gone) each._comm_live = true; // past its setter, which would tell all views
    try {
      const saved = live(options), shown = namesOfShown(notebook.toJSON().cells, saved.state);
      return { ...saved, state: Object.fromEntries([...shown].map((name) => [name, saved.state[name]])) };
    } finally {
      for (const each of gone) each._comm_live = false;
    }
  };
}

