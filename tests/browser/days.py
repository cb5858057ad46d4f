"""A student in JupyterLab, with copies of their own, by keyboard and mouse."""

from pathlib import Path

import nbformat
from playwright.sync_api import expect

from attnlib.course.copies.copying import copies, update
from attnlib.course.lessons import exercise

SHOTS = Path(__file__).with_name("shots")
SECONDS = 1000
# The kernel has answered all that the page asked of it, moved widgets too. "Idle" alone is not
# enough: it stands there too while a busy machine has not yet said "busy".
IDLE = """() => {
    const kernel = window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel;
    const done = 4; // a bit; what ran in a cell stays here, as it may still print
    const answered = (request) => request._status & done;
    return kernel?.status === "idle" && [...kernel._futures.values()].every(answered);
}"""
# Every cell has run: [3], not [ ] or [*]; those that are folded too.
RAN = r"""() => {
    const prompts = [...document.querySelectorAll(".jp-CodeCell .jp-InputArea-prompt")];
    return prompts.length && prompts.every((prompt) => /\[\d+\]/.test(prompt.textContent));
}"""


class Day:
    """One student, who opens one lesson after the other."""

    def __init__(self, lab, open_page):
        self.address, self.folder = lab
        self.open_page = open_page

    def open(self, stem):
        self.watched = self.open_page()
        self.page = self.watched.page
        self.page.goto(f"{self.address}/lab/tree/my/{stem}.ipynb?reset")
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60 * SECONDS)
        self.idle()
        self.page.keyboard.press("Control+b")

    def idle(self):
        self.page.wait_for_function(IDLE, timeout=300 * SECONDS)

    def close(self):
        """Saved, and away; what JupyterLab says of a kernel that went is its own matter."""
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Control+s")
        self.page.wait_for_timeout(2 * SECONDS)
        self.watched.errors.clear()
        self.page.close()

    def cell(self, text):
        return self.page.locator(".jp-CodeCell").filter(has_text=text).first

    def menu(self, name, entry):
        self.page.click(f"text={name} >> nth=0")
        self.page.click(f"text={entry} >> nth=0")

    def run_all(self):
        self.menu("Run", "Run All Cells")
        self.page.wait_for_function(RAN, timeout=300 * SECONDS)
        failed = self.page.locator(".jp-RenderedText[data-mime-type*='error']")
        assert failed.count() == 0, failed.first.inner_text()

    def write(self, text, source):
        """Into the cell that holds this text; and it is run."""
        self.cell(text).locator(".cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(source)
        self.page.keyboard.press("Shift+Enter")
        self.idle()

    def solve(self, key):
        name = key.rpartition(".")[2]
        call = f'exercise("{key}").check({name})'
        self.write(f'"{key}").check(', f"{exercise(key).solved()}\n\n\n{call}")
        expect(self.cell(call)).to_contain_text("✔ Right.", timeout=60 * SECONDS)

    def update(self, stem, edit):
        """The lesson changes, and the student asks for what is new."""
        lesson = self.folder / f"lessons/{stem}.ipynb"
        nb = nbformat.read(lesson, 4)
        edit(nb.cells)
        nbformat.write(nb, lesson)
        (copy,) = (each for each in copies(lesson.parent) if each.lesson == lesson)
        return update(copy)
