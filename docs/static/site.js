// Widgets typeset their text as MathJax 2 wants it, which MathJax 3 does not know.
addEventListener("DOMContentLoaded", () => {
  if (window.MathJax) {
    MathJax.Hub ??= { Queue: ([, , element]) => MathJax.typesetPromise?.([element]) };
  }
});

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
