// A prediction: choose, commit, and only then the answer. Plain JavaScript for anywidget.
//
// It lives here, so that it works without a kernel too.

let count = 0; // of views: each has a group of radio buttons of its own

function render({ model, el }) {
  const say = speaker(() => model.get("messages"));
  const group = `attn-predict-${count++}`;
  const root = element("form", el, { className: "attn-predict" });
  root.addEventListener("submit", (event) => event.preventDefault());
  root.addEventListener("keydown", keepKey);

  function draw() {
    const chosen = model.get("chosen"), committed = model.get("committed");
    root.replaceChildren();
    const fieldset = element("fieldset", root, { disabled: committed });
    const legend = element("legend", fieldset);
    const head = say("Predict.");
    // A page may set a legend as a table, which drops a space that stands alone. Chinese has none.
    element("b", legend, { textContent: head.endsWith("。") ? head : `${head} ` });
    legend.append(model.get("question"));
    model.get("choices").forEach((choice, i) => {
      const label = element("label", fieldset);
      const onchange = () => keep(model, { chosen: i });
      element("input", label, { type: "radio", name: group, checked: i === chosen, onchange });
      element("span", label, { textContent: choice });
    });
    const row = element("div", root, { className: "attn-row", hidden: committed });
    element("button", row, { type: "button", className: "attn-commit", textContent: say("I commit to this"), disabled: chosen < 0, onclick: () => commit(model.get("chosen")) });
    element("button", row, { type: "button", textContent: say("Skip"), onclick: () => commit(-1) });
    const said = element("p", root, { tabIndex: -1 }, { role: "status" });
    if (committed) reveal(said, chosen);
  }

  function commit(chosen) {
    keep(model, { chosen, committed: true });
    root.querySelector("[role=status]").focus({ preventScroll: true });
  }

  function reveal(said, chosen) {
    const answer = model.get("answer"), right = model.get("choices")[answer];
    const words = { [answer]: say("As you said."), [-1]: say("The answer: {answer}", { answer: right }) };
    said.dataset.found = chosen === answer ? "right" : "wrong";
    said.textContent = words[chosen] ?? say("Not so. The answer: {answer}", { answer: right });
    element("br", said);
    said.append(model.get("because"));
  }

  function chose() {
    root.querySelectorAll("input").forEach((input, i) => { input.checked = i === model.get("chosen"); });
    root.querySelector(".attn-commit").disabled = model.get("chosen") < 0;
  }

  draw();
  model.on("change:chosen", chose);
  model.on("change:committed", draw);
  return () => {
    model.off("change:chosen", chose);
    model.off("change:committed", draw);
  };
}

export default { initialize, render };
