// What stands in an explorer beside its controls, which are ipywidgets: it keeps their keys from
// JupyterLab, and says so when nobody answers them.

const PATIENCE = 4000; // ms; a kernel that is at work may answer later

function render({ model, el }) {
  const say = speaker(() => model.get("said"));
  const line = element("p", el, { className: "attn-alone" }, { role: "alert" });
  let output = null, waiting;

  const tell = () => { line.textContent = say("No kernel answers: run this cell to move it."); };
  const answered = () => {
    clearTimeout(waiting);
    waiting = undefined;
    line.textContent = "";
  };
  const look = () => (alone(el) ? tell() : answered());

  /** A control was touched. The kernel is asked for a sign of life, once until it gives one. */
  function ask() {
    if (alone(el)) return tell();
    if (waiting) return;
    waiting = setTimeout(tell, PATIENCE);
    model.send("ask");
  }

  const touches = { keydown: keepKey, keyup: ask, pointerup: ask, change: ask };
  // It is attached a moment after it is made.
  const attached = requestAnimationFrame(() => {
    output = el.closest(".jp-OutputArea-output");
    for (const [touch, does] of Object.entries(touches)) output?.addEventListener(touch, does);
    look();
  });
  model.on("msg:custom", answered);
  model.on("comm_live_update", look);
  return () => {
    cancelAnimationFrame(attached);
    clearTimeout(waiting);
    for (const [touch, does] of Object.entries(touches)) output?.removeEventListener(touch, does);
    model.off("msg:custom", answered);
    model.off("comm_live_update", look);
  };
}

export default { initialize, render };
