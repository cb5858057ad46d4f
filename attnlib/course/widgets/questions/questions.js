// Questions, answered and scored here, in the browser. Plain JavaScript for anywidget.
//
// Nothing is sent: not to a server, and not to the kernel either. The exported file holds what the
// reader chose, and nothing of who or when.

const WHAT = "attnlib: questions";
const CHOSEN = "attnlib: language"; // the same on the first page of the site

const WORD = /[A-Za-z]{2}/; // else it is in no language, as (3, 4)

/** What was found of each misconception: "right", "belief", "other", or "open" (not answered). */
function score(items, answers) {
  const found = ({ id, right, belief }) => {
    if (answers[id] === undefined) return "open";
    return { [belief]: "belief", [right]: "right" }[answers[id]] ?? "other";
  };
  return Object.fromEntries(items.map((item) => [item.id, found(item)]));
}

const count = (scores, what) => Object.values(scores).filter((found) => found === what).length;

/** The address of a section of another lesson, if this page is one; else nothing.
 *
 * A lesson is 03_blocks.ipynb in JupyterLab and 03_blocks.html in the site, beside this page, and
 * the two name their sections in ways of their own. The sections that are named here are those of
 * the English lessons. From one in another language, zh/03_blocks.html, they lie one folder up; a
 * deck of it, 03_blocks.zh.html, lies beside the English one.
 */
function address({ lesson, heading }, languages) {
  const [, folder, ending] = /(?:\/([^/]*))?\/\d\d_\w+(\.[\w.]+)$/.exec(location.pathname) ?? [];
  if (!ending) return undefined;
  const another = (part) => languages.some(({ name }) => name === part);
  const up = another(folder) ? "../" : "";
  const english = ending.replace(/^\.(\w+)(?=\.)/, (part, name) => (another(name) ? "" : part));
  const inSite = heading.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^[-0-9]+|-+$/g, "");
  const name = english === ".ipynb" ? heading.replaceAll(" ", "-") : inSite;
  return `${up}${lesson}${english}#${encodeURIComponent(name)}`;
}

/** What was answered in this browser; another view, and tomorrow's, shows the same. */
function stored(form) {
  try {
    const found = JSON.parse(localStorage.getItem(`${WHAT} ${form}`)) ?? {};
    const letters = Object.entries(Object(found.answers)).filter(([, each]) => typeof each === "string");
    return { answers: Object.fromEntries(letters), scored: found.scored === true };
  } catch {
    // A page from disk may have no storage, or somebody else wrote there.
    return { answers: {}, scored: false };
  }
}

function store(form, { answers, scored }) {
  try {
    localStorage.setItem(`${WHAT} ${form}`, JSON.stringify({ answers, scored }));
  } catch {
    // They live as long as the page.
  }
}

/** The place of the reader's language: chosen here or on the first page, else the browser's. */
function readers(languages) {
  let chosen = navigator.language;
  try {
    chosen = localStorage.getItem(CHOSEN) ?? chosen;
  } catch {
    // No storage: the browser's.
  }
  const base = (tag) => tag.split("-")[0];
  return Math.max(0, languages.findIndex(({ tag }) => base(tag) === base(chosen)));
}

function choose(tag) {
  try {
    localStorage.setItem(CHOSEN, tag);
  } catch {
    // It lives as long as the page.
  }
}

const states = new Map(); // by form, for two views on one page

function render({ model, el }) {
  const names = ["form", "items", "languages", "first"];
  const [form, items, languages, first] = names.map((name) => model.get(name));
  if (!states.has(form)) states.set(form, stored(form));
  const state = states.get(form);
  // Who spoke in Python has chosen; English was spoken by nobody.
  if (state.first !== first) Object.assign(state, { first, language: first || readers(languages) });
  const spoken = () => languages[state.language];
  const root = element("form", el, { className: "attn-ask" });
  root.addEventListener("keydown", keepKey);
  root.addEventListener("submit", (event) => event.preventDefault());

  const say = speaker(() => spoken().messages); // in the language that the reader chose

  /** The attribute of what is not translated, and so is English in another language. */
  function lang(message) {
    const other = spoken().name !== "en" && !(message in spoken().messages);
    return other && WORD.test(message) ? { lang: "en" } : {};
  }

  function draw(focus) {
    root.replaceChildren();
    root.lang = spoken().tag;
    offer();
    const head = say("{count} questions, form {form}; about six minutes. Nothing you choose is sent anywhere. If you do not know, take what seems likeliest, or leave it open.", { count: items.length, form });
    element("p", root, { textContent: head });
    const scores = score(items, state.answers);
    items.forEach((item, i) => {
      const fieldset = question(item, i + 1);
      if (state.scored) verdict(fieldset, item, scores[item.id]);
    });
    if (state.scored) result(scores);
    else button(element("div", root, { className: "attn-row" }), "score", say("Score"), () => turn(true));
    root.querySelector(focus)?.focus({ preventScroll: focus.startsWith("[data-language") });
  }

  function turn(scored) {
    state.scored = scored;
    if (!scored) state.answers = {};
    store(form, state);
    draw(scored ? ".attn-total" : "input");
  }

  function button(parent, does, textContent, onclick) {
    element("button", parent, { type: "button", textContent, onclick }, { "data-does": does });
  }

  function offer() {
    const row = element("div", root, { className: "attn-row" }, { role: "group", "aria-label": say("Language") });
    languages.forEach(({ label, tag }, i) => {
      const onclick = () => {
        state.language = i;
        choose(tag);
        draw(`[data-language="${i}"]`);
      };
      const properties = { type: "button", textContent: label, lang: tag, onclick };
      element("button", row, properties, { "aria-pressed": state.language === i, "data-language": i });
    });
  }

  function question({ id, stem, choices }, number) {
    const fieldset = element("fieldset", root, {}, { "data-id": id });
    const legend = element("legend", fieldset);
    element("b", legend, { textContent: `${number}. ` });
    element("span", legend, { textContent: say(stem), ...lang(stem) });
    for (const [letter, choice] of Object.entries(choices)) {
      const label = element("label", fieldset);
      const checked = state.answers[id] === letter;
      const onchange = () => {
        state.answers[id] = letter;
        store(form, state);
      };
      element("input", label, { type: "radio", name: id, checked, disabled: state.scored, onchange });
      element("span", label, { textContent: `${letter}.` });
      element("span", label, { textContent: say(choice), ...lang(choice) });
    }
    return fieldset;
  }

  function verdict(fieldset, item, found) {
    const box = element("div", fieldset, { className: "attn-verdict" }, { "data-found": found });
    const said = {
      right: () => say("✔ Right."),
      belief: () => say("✘ This is a common belief: “{name}”", { name: say(item.name) }),
      other: () => say("✘ Not so."),
      open: () => say("– Not answered."),
    };
    element("p", box, { textContent: said[found]() });
    if (found === "open") return; // so that it can still be answered, another time
    const because = say(item.because);
    if (found === "right") {
      element("p", box, { textContent: because });
      return;
    }
    const [letter, choice] = [item.right, say(item.choices[item.right])];
    const answer = say("Right is: {letter}. {choice}. {because}", { letter, choice, because });
    element("p", box, { textContent: answer });
    readAgain(element("p", box), item.again);
  }

  function readAgain(line, { lesson, heading }) {
    const here = "\u0000"; // where the heading goes, which is a link, or in another language
    const values = { number: lesson.slice(0, 2), heading: here };
    const [before, after] = say("Read again: lesson {number}, “{heading}”", values).split(here);
    const href = address({ lesson, heading }, languages);
    line.append(before);
    const place = href ? element("a", line, { href, target: "_blank" }) : element("span", line);
    Object.assign(place, { textContent: say(heading), ...lang(heading) });
    line.append(after);
  }

  function result(scores) {
    const [right, belief, open] = ["right", "belief", "open"].map((what) => count(scores, what));
    const values = { right, belief, open, count: items.length };
    const textContent = open
      ? say("{right} of {count} right; {belief} of the {count} common beliefs found; {open} not answered. Below each answer it now says why.", values)
      : say("{right} of {count} right; {belief} of the {count} common beliefs found. Below each answer it now says why.", values);
    element("p", root, { className: "attn-total", textContent, tabIndex: -1 });
    const row = element("div", root, { className: "attn-row" });
    button(row, "export", say("Export (a file without your name)"), () => save(scores, right));
    const label = element("label", row, { className: "attn-file" });
    const file = element("input", label, { type: "file", accept: ".json" });
    element("span", label, { textContent: say("Compare with an exported file …") });
    button(row, "again", say("Start again"), () => turn(false));
    const said = element("div", root, { className: "attn-compared" }, { role: "status" });
    file.onchange = async () => {
      const lines = compare(await file.files[0]?.text(), scores, right);
      said.replaceChildren();
      for (const textContent of lines) element("p", said, { textContent });
    };
  }

  function save(scores, right) {
    const answers = Object.fromEntries(items.map(({ id }) => [id, state.answers[id] ?? null]));
    const all = { what: WHAT, form, language: spoken().name, right, answers, score: scores };
    const blob = new Blob([`${JSON.stringify(all, null, 2)}\n`], { type: "application/json" });
    const link = Object.assign(document.createElement("a"), { download: `attnlib-questions-${form}.json` });
    link.href = URL.createObjectURL(blob);
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function compare(text, scores, right) {
    let file;
    try {
      file = JSON.parse(text);
    } catch {
      file = undefined;
    }
    if (file?.what !== WHAT || !file.score) return [say("This is no file that was exported here.")];
    const then = { form: file.form, then: file.right, all: Object.keys(file.score).length };
    const is = (where, { id }) => where[id] === "belief";
    const gone = listed((item) => is(file.score, item) && !is(scores, item));
    const stayed = listed((item) => is(file.score, item) && is(scores, item));
    const found = listed((item) => !is(file.score, item) && is(scores, item));
    return [
      say("In the file (form {form}) {then} of {all} were right, here {now} of {count}.", { ...then, now: right, count: items.length }),
      gone && say("No longer found: {names}", { names: gone }),
      stayed && say("Found both times: {names}", { names: stayed }),
      found && say("Found only here: {names}", { names: found }),
    ].filter(Boolean);
  }

  function listed(test) {
    const add = (names, name) => (names ? say("{names} “{name}”", { names, name }) : say("“{name}”", { name }));
    return items.filter(test).map((item) => say(item.name)).reduce(add, "");
  }

  draw();
  return () => root.remove();
}

export default { initialize, render };
