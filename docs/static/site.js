addEventListener("DOMContentLoaded", hostAll);

// What can be scrolled sideways can be focused, so that the arrow keys scroll it.
function focusable() {
  const wrappers = "pre, .table-wrapper, .text_html, .text_html div, p:has(> img)";
  for (const element of document.querySelectorAll(wrappers)) {
    const wide = element.scrollWidth > element.clientWidth;
    if (wide) element.tabIndex = 0;
    else element.removeAttribute("tabindex");
  }
}
addEventListener("load", focusable);
addEventListener("resize", focusable);

// On paper nothing can be unfolded.
addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details:not([open])")) {
    fold.open = true;
    addEventListener("afterprint", () => (fold.open = false), { once: true });
  }
});
