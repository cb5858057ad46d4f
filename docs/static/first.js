// The first page: what the chosen patch of a photograph sees, and the two languages of the page.
{
  const CHOSEN = "attnlib: language"; // the same in the questions' widget
  const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

  const tongueOf = (language) => (/^zh\b/.test(language) ? "zh-Hans" : "en");
  const speak = (tongue) => { document.documentElement.dataset.tongue = tongue; };
  speak(tongueOf(chosen() ?? navigator.language)); // before anything is drawn

  /** The language that the reader chose, here or above the questions. */
  function chosen() {
    try {
      return localStorage.getItem(CHOSEN);
    } catch {
      return null; // no storage
    }
  }

  function choose(tongue) {
    try {
      localStorage.setItem(CHOSEN, tongue);
    } catch {
      // It lives as long as the page.
    }
  }

  /** The row and the column of the patch under a finger or a mouse. */
  function patchUnder({ clientX, clientY }, photograph, side) {
    const { left, top, width, height } = photograph.getBoundingClientRect();
    const place = (share) => Math.max(0, Math.min(side - 1, Math.floor(share * side)));
    return [place((clientY - top) / height), place((clientX - left) / width)];
  }

  function livePair(box) {
    const { side, block, start, covers, levels, said } = JSON.parse(box.querySelector("script").textContent);
    const photographs = [...box.querySelectorAll("svg")], rows = Object.values(levels);
    let at = start;

    function draw() {
      const row = Math.floor(at / side), column = at % side;
      photographs.forEach((photograph, i) => {
        const drawn = photograph.querySelectorAll(".attn-covers rect");
        [...rows[i][at]].forEach((level, patch) => {
          const [fill, hides] = covers[level];
          drawn[patch].setAttribute("fill", fill);
          drawn[patch].setAttribute("fill-opacity", hides);
        });
        move(photograph.querySelector(".attn-own"), row - (row % block), column - (column % block));
        for (const frame of photograph.querySelectorAll(".attn-under, .attn-chosen")) move(frame, row, column);
      });
      tell(row, column);
    }
    function move(frame, row, column) {
      frame.setAttribute("y", row);
      frame.setAttribute("x", column);
    }
    function tell(row, column) {
      const [nest, pglsum] = rows.map((each) => [...each[at]].filter((level) => level > 0).length);
      const told = { row: row + 1, column: column + 1, nest, pglsum, own: block ** 2, all: side ** 2 };
      for (const [tongue, text] of Object.entries(said))
        box.querySelector(`.attn-said [lang="${tongue}"]`).innerHTML = text.replace(/\{(\w+)\}/g, (_, name) => told[name]);
    }
    function choose(row, column) {
      const to = row * side + column;
      if (to === at) return;
      at = to;
      draw();
    }

    for (const photograph of photographs)
      for (const happening of ["pointerdown", "pointermove"])
        photograph.addEventListener(happening, (event) => choose(...patchUnder(event, photograph, side)));
    box.querySelector(".attn-photographs").addEventListener("keydown", (event) => {
      const step = STEPS[event.key];
      if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault(); // the page stays where it is
      const [row, column] = [Math.floor(at / side) + step[0], (at % side) + step[1]];
      const inside = (place) => Math.max(0, Math.min(side - 1, place));
      choose(inside(row), inside(column));
    });
  }

  /** Two buttons: all that is written in both languages is shown in one. */
  function liveTongues(row) {
    const buttons = [...row.querySelectorAll("button")];
    function press(tongue) {
      speak(tongue);
      for (const button of buttons) button.setAttribute("aria-pressed", button.lang === tongue);
    }
    for (const button of buttons)
      button.onclick = () => {
        press(button.lang);
        choose(button.lang);
      };
    press(document.documentElement.dataset.tongue);
    row.hidden = false;
  }

  addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".attn-pair").forEach(livePair);
    document.querySelectorAll(".attn-tongues").forEach(liveTongues);
  });
}
