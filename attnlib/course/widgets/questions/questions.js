// Ten questions, answered and scored here, in the browser. Plain JavaScript for anywidget.
//
// Nothing is sent: not to a server, and not to the kernel either. The exported file holds what the
// reader chose, and nothing of who or when.

const WHAT = "attnlib: ten questions";

const WORDS = {
  en: {
    space: " ",
    language: "Language",
    head: (form) =>
      `Ten questions, form ${form}; about five minutes. Nothing you choose is sent anywhere. If you do not know, take what seems likeliest, or leave it open.`,
    score: "Score",
    again: "Start again",
    export: "Export (a file without your name)",
    compare: "Compare with an exported file …",
    right: "✔ Right.",
    other: "✘ Not so.",
    belief: (name) => `✘ This is a common belief: “${name}”`,
    open: "– Not answered.",
    answer: (choice) => `Right is: ${choice}${/[.?!]$/.test(choice) ? "" : "."}`,
    read: "Read again: ",
    place: (lesson, heading) => `lesson ${lesson}, “${heading}”`,
    total: (right, belief, open) =>
      `${right} of 10 right; ${belief} of the ten common beliefs found${open ? `; ${open} not answered` : ""}.`,
    look: "Below each question it now says why.",
    before: (form, then, now) => `In the file (form ${form}) ${then} of 10 were right, here ${now} of 10.`,
    gone: "No longer found: ",
    stayed: "Found both times: ",
    new: "Found only here: ",
    bad: "This is no file that was exported here.",
  },
  zh: {
    space: "",
    language: "语言",
    head: (form) =>
      `十个问题，${form} 卷，大约五分钟。你的选择不会发送到任何地方。不知道的，选最有可能的，或者空着。`,
    score: "评分",
    again: "重新开始",
    export: "导出（文件里没有你的姓名）",
    compare: "与导出的文件比较……",
    right: "✔ 正确。",
    other: "✘ 不对。",
    belief: (name) => `✘ 这是一个常见的误解：“${name}”`,
    open: "– 没有作答。",
    answer: (choice) => `正确答案：${choice}${/[。？！]$/.test(choice) ? "" : "。"}`,
    read: "重读：",
    place: (lesson, heading) => `第 ${lesson} 课，“${heading}”`,
    total: (right, belief, open) =>
      `十题答对 ${right} 题；发现 ${belief} 个常见误解${open ? `；${open} 题没有作答` : ""}。`,
    look: "每道题下面现在都说明了原因。",
    before: (form, then, now) => `文件里（${form} 卷）答对 ${then} 题，这里答对 ${now} 题。`,
    gone: "不再出现的误解：",
    stayed: "两次都出现的误解：",
    new: "只在这里出现的误解：",
    bad: "这不是从这里导出的文件。",
  },
};

/** What was found of each misconception: "right", "belief", "other", or "open" (not answered). */
function score(items, answers) {
  const found = ({ id, right, belief }) => {
    if (answers[id] === undefined) return "open";
    return { [belief]: "belief", [right]: "right" }[answers[id]] ?? "other";
  };
  return Object.fromEntries(items.map((item) => [item.id, found(item)]));
}

const count = (scores, what) => Object.values(scores).filter((found) => found === what).length;

function element(tag, parent, properties = {}, attributes = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent.append(made);
  return made;
}

/** The address of a section of another lesson, if this page is one; else nothing.
 *
 * A lesson is 03_blocks.ipynb in JupyterLab and 03_blocks.html in the site, beside this page, and
 * the two name their sections in ways of their own.
 */
function address({ lesson, heading }) {
  const ending = /\/\d\d_\w+(\.[\w.]+)$/.exec(location.pathname)?.[1];
  if (!ending) return undefined;
  const inSite = heading.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^[-0-9]+|-+$/g, "");
  const name = ending === ".ipynb" ? heading.replaceAll(" ", "-") : inSite;
  return `${lesson}${ending}#${encodeURIComponent(name)}`;
}

const kept = new Map(); // by form, so that a second view of the widget shows the same answers

function render({ model, el }) {
  const [form, items] = [model.get("form"), model.get("items")];
  if (!kept.has(form)) kept.set(form, { language: "en", answers: {}, scored: false });
  const state = kept.get(form);
  const root = element("form", el, { className: "attn-ask" });
  // Else an arrow key that moves a radio button moves the notebook, or turns a slide.
  root.addEventListener("keydown", (event) => event.stopPropagation());
  root.addEventListener("submit", (event) => event.preventDefault());

  function draw(focus) {
    const words = WORDS[state.language];
    root.replaceChildren();
    root.lang = state.language;
    languages(words);
    element("p", root, { textContent: words.head(form) });
    const scores = score(items, state.answers);
    items.forEach((item, i) => {
      const fieldset = question(item, i + 1);
      if (state.scored) verdict(fieldset, item, scores[item.id], words);
    });
    if (state.scored) result(scores, words);
    else button(element("div", root, { className: "attn-row" }), "score", words, () => turn(true));
    root.querySelector(focus)?.focus({ preventScroll: focus.startsWith("[lang") });
  }

  function turn(scored) {
    state.scored = scored;
    if (!scored) state.answers = {};
    draw(scored ? ".attn-total" : "input");
  }

  function button(parent, name, words, onclick) {
    return element("button", parent, { type: "button", textContent: words[name], onclick }, { "data-does": name });
  }

  function languages(words) {
    const row = element("div", root, { className: "attn-row" }, { role: "group", "aria-label": words.language });
    for (const [lang, textContent] of [["en", "English"], ["zh", "中文"]]) {
      const onclick = () => {
        state.language = lang;
        draw(`[lang=${lang}]`);
      };
      element("button", row, { type: "button", textContent, lang, onclick }, { "aria-pressed": state.language === lang });
    }
  }

  function question({ id, stem, choices }, number) {
    const fieldset = element("fieldset", root, {}, { "data-id": id });
    const legend = element("legend", fieldset);
    element("b", legend, { textContent: `${number}.` });
    legend.append(` ${stem[state.language]}`);
    choices.forEach((choice, i) => {
      const label = element("label", fieldset);
      const checked = state.answers[id] === i;
      const onchange = () => (state.answers[id] = i);
      element("input", label, { type: "radio", name: id, checked, disabled: state.scored, onchange });
      element("span", label, { textContent: choice[state.language] });
    });
    return fieldset;
  }

  function verdict(fieldset, item, found, words) {
    const [name, because] = [item.name[state.language], item.because[state.language]];
    const box = element("div", fieldset, { className: "attn-verdict" }, { "data-found": found });
    element("p", box, { textContent: found === "belief" ? words.belief(name) : words[found] });
    const answer = found === "right" ? "" : words.answer(item.choices[item.right][state.language]);
    element("p", box, { textContent: [answer, because].filter(Boolean).join(words.space) });
    if (found === "right") return;
    const line = element("p", box, { textContent: words.read });
    const textContent = words.place(item.again.lesson.slice(0, 2), item.again.heading);
    const href = address(item.again);
    if (href) element("a", line, { textContent, href, target: "_blank" });
    else element("span", line, { textContent });
  }

  function result(scores, words) {
    const [right, belief, open] = ["right", "belief", "open"].map((what) => count(scores, what));
    const textContent = `${words.total(right, belief, open)}${words.space}${words.look}`;
    element("p", root, { className: "attn-total", textContent, tabIndex: -1 });
    const row = element("div", root, { className: "attn-row" });
    button(row, "export", words, () => save(scores, right));
    const label = element("label", row, { className: "attn-file" });
    const file = element("input", label, { type: "file", accept: ".json" });
    element("span", label, { textContent: words.compare });
    button(row, "again", words, () => turn(false));
    const said = element("div", root, { className: "attn-compared" }, { role: "status" });
    file.onchange = async () => {
      const lines = compare(await file.files[0]?.text(), scores, right, words);
      said.replaceChildren();
      for (const textContent of lines) element("p", said, { textContent });
    };
  }

  function save(scores, right) {
    const answers = Object.fromEntries(items.map(({ id }) => [id, state.answers[id] ?? null]));
    const all = { what: WHAT, form, language: state.language, right, answers, score: scores };
    const blob = new Blob([`${JSON.stringify(all, null, 2)}\n`], { type: "application/json" });
    const link = Object.assign(document.createElement("a"), { download: `attnlib-questions-${form}.json` });
    link.href = URL.createObjectURL(blob);
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function compare(text, scores, right, words) {
    let file;
    try {
      file = JSON.parse(text);
    } catch {
      return [words.bad];
    }
    if (file?.what !== WHAT || !file.score) return [words.bad];
    const is = (where, { id }) => where[id] === "belief";
    const listed = (word, test) => {
      const names = items.filter(test).map((item) => `“${item.name[state.language]}”`);
      return names.length ? [words[word] + names.join(words.space)] : [];
    };
    return [
      words.before(file.form, file.right, right),
      ...listed("gone", (item) => is(file.score, item) && !is(scores, item)),
      ...listed("stayed", (item) => is(file.score, item) && is(scores, item)),
      ...listed("new", (item) => !is(file.score, item) && is(scores, item)),
    ];
  }

  draw();
  return () => root.remove();
}

export default { render };
