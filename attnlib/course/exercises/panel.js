// An exercise: task, Check, hints, solution. Plain JavaScript for anywidget.
//
// All but Check lives here, so that it works without a kernel too.

const PATIENCE = 5000; // ms until the reader is told that no answer came; one may come still

function render({ model, el }) {
  const say = speaker(() => model.get("messages"));
  const root = element("div", el, { className: "attn-panel" });
  root.addEventListener("keydown", keepKey);
  element("pre", root, { textContent: model.get("task") });
  fold(say("What it must give, as a slow loop"), model.get("loop"));

  const row = element("div", root, { className: "attn-row" });
  const checking = button(say("Check"), check);
  const hinting = button("", hint);
  const verdict = element("div", root, { className: "attn-verdict" }, { role: "status" });
  const hints = element("ol", root);
  const solution = fold(say("Solution"), model.get("solution"));
  let number = 0, waiting;

  function button(textContent, onclick) {
    return element("button", row, { type: "button", textContent, onclick });
  }

  function fold(title, code) {
    const details = element("details", root, { hidden: !code });
    element("summary", details, { textContent: title });
    element("pre", details, { textContent: code });
    return details;
  }

  function check() {
    number += 1;
    checking.disabled = true;
    clearTimeout(waiting);
    waiting = setTimeout(unanswered, alone(model) ? 0 : PATIENCE);
    model.send({ number });
  }

  function unanswered() {
    checking.disabled = false;
    verdict.dataset.found = "none";
    verdict.textContent = say("No answer yet. Is a kernel running? Open the lesson in JupyterLab, or run its cells again from the top; then check once more.");
  }

  function hint() {
    const told = model.get("told"), helps = model.get("helps");
    const rest = model.get("hints").map((_, i) => i + 1).filter((each) => !told.includes(each));
    keep(model, { told: [...told, rest.includes(helps) ? helps : rest[0]] });
  }

  function drawHints() {
    const told = model.get("told"), all = model.get("hints");
    hints.replaceChildren();
    for (const each of told) element("li", hints, { textContent: all[each - 1] });
    hints.hidden = !told.length;
    const out = told.length >= all.length;
    hinting.textContent = say("Hint {next} of {all}", { next: Math.min(told.length + 1, all.length), all: all.length });
    hinting.disabled = out;
    solution.hidden = !out || !model.get("solution");
    if (out && !model.get("solution")) element("li", hints, { textContent: say("The solution is not released yet.") });
  }

  function drawVerdict() {
    const said = model.get("verdict");
    verdict.dataset.found = said.startsWith("✔") ? "right" : said ? "wrong" : "";
    verdict.replaceChildren();
    if (said) element("p", verdict, { textContent: said });
    element("div", verdict, { innerHTML: model.get("tables") });
  }

  const events = { "change:told": drawHints, "change:verdict": drawVerdict, "change:tables": drawVerdict, "msg:custom": answered };
  function answered(message) {
    if (message.answered !== number) return;
    clearTimeout(waiting);
    checking.disabled = false;
    drawVerdict();
  }
  for (const [event, then] of Object.entries(events)) model.on(event, then);
  drawHints();
  drawVerdict();
  return () => {
    clearTimeout(waiting);
    for (const [event, then] of Object.entries(events)) model.off(event, then);
  };
}

export default { initialize, render };
