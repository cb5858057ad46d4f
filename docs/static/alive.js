// Hosts the course's widgets on a page that has no kernel: what an anywidget asks of its model, and
// no more. docs/alive.py wrote each widget's state and code into the page.

class Model {
  constructor({ state, buffers }) {
    this.state = { ...state, layout: { comm_live: false } }; // by which a widget knows that it is alone
    this.listeners = new Map(); // event -> functions
    for (const [name, text] of Object.entries(buffers)) {
      const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      this.state[name] = new DataView(bytes.buffer);
    }
  }
  get(name) {
    return this.state[name];
  }
  /** set(name, value), or set({ name: value, … }): listeners hear of all that changed, at once. */
  set(name, value) {
    const values = typeof name === "string" ? { [name]: value } : name;
    const changed = Object.keys(values).filter((each) => values[each] !== this.state[each]);
    Object.assign(this.state, values);
    for (const each of changed) this.tell(`change:${each}`, this, this.state[each]);
  }
  on(event, listener) {
    if (!this.listeners.has(event)) this.listeners.set(event, new Set());
    this.listeners.get(event).add(listener);
  }
  off(event, listener) {
    if (listener) this.listeners.get(event)?.delete(listener);
    else this.listeners.delete(event);
  }
  tell(event, ...what) {
    for (const listener of [...(this.listeners.get(event) ?? [])]) listener(...what);
  }
  save_changes() {} // where else than here?
  send() {} // nobody hears it, and the widget says so
}

const codes = new Map(), modules = new Map(), models = new Map(); // by name

/** The module of that code, which comes with the first widget that needs it. */
function moduleOf(name) {
  if (!modules.has(name)) {
    const address = URL.createObjectURL(new Blob([codes.get(name).esm], { type: "text/javascript" }));
    modules.set(name, import(address));
    const style = document.createElement("style");
    style.textContent = codes.get(name).css;
    document.head.append(style);
  }
  return modules.get(name);
}

/** One view of a widget; a second of the same shares its model. */
async function host(el) {
  const { default: widget } = await moduleOf(el.dataset.code);
  const name = el.dataset.model;
  if (!models.has(name)) {
    models.set(name, new Model(JSON.parse(document.getElementById(`attn-model-${name}`).textContent)));
    await widget.initialize?.({ model: models.get(name) });
  }
  await widget.render({ model: models.get(name), el });
  el.dataset.alive = "";
}

async function hostAll() {
  for (const script of document.querySelectorAll("script[data-attn-code]"))
    codes.set(script.dataset.attnCode, JSON.parse(script.textContent));
  await Promise.all([...document.querySelectorAll(".attn-live")].map(host));
}
