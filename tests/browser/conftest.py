"""A real browser, a JupyterLab of its own, and nothing that leaves the machine.

Run by `make test-browser`. Screenshots go to tests/browser/shots/, which git ignores.
"""

import contextlib
import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from attnlib.course.copies.copying import copies, make
from notebooks.execute import HERE
from tests.browser.days import IDLE, RAN, SECONDS, SHOTS, Day
from tests.browser.hosted import hosted
from tests.browser.notebook import written
from tests.browser.site import DRAWN, SITE

ROOT = Path(__file__).resolve().parents[2]
# The first has no window's frame, which the others draw anew for each page: a second of a core.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOCAL = ("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:", "about:", "file:")

# All explorers on one page, to be looked at in both themes and two widths.
WIDGETS = (
    """
from attnlib import blockify
from attnlib.course import data
from attnlib.course.lessons.blocks.explorer import explore_blocks
from attnlib.course.lessons.by_hand.explorer import explore_scores
from attnlib.course.lessons.fusion.explorer import explore_fusion
from attnlib.course.lessons.global_branch.explorer import explore_global
from attnlib.course.lessons.heads.explorer import explore_heads
from attnlib.course.lessons.positions.explorer import explore_positions
from attnlib.course.lessons.segments.explorer import explore_segments
from attnlib.course.widgets.viewer import view
import torch
torch.manual_seed(0)
picture = data.photograph("astronaut", 96, 96)
pictures = {name: data.photograph(name, 96, 96) for name in ("astronaut", "coffee")}
""",
    "explore_scores()",
    "explore_heads(picture)",
    "explore_blocks(pictures, 8)",
    "explore_segments()",
    "explore_positions(torch.randn(12, 48))",
    "explore_fusion()",
    "explore_global(torch.randn(12, 48))",
    "seen = view(torch.rand(2, 16, 16).softmax(-1), title='twice'); seen",
    "seen",
)


@pytest.fixture(scope="session")
def chromium():
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert path, f"there is none of {BROWSERS}: apt-get install chromium-headless-shell"
    SHOTS.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class Watched:
    """A page, the errors of its console, what it loads, and what would have left the machine."""

    def __init__(self, page):
        self.page, self.errors, self.loaded, self.left = page, [], set(), []
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.route("**/*", self._route)

    def _route(self, route):
        if route.request.url.startswith(LOCAL):
            self.loaded.add(route.request.url)
            route.continue_()
        else:
            self.left.append(route.request.url)
            route.abort()


@pytest.fixture
def open_page(chromium):
    """open_page(width, theme) -> a Watched page; at the end neither errors nor requests.

    touch: a screen that fingers touch, in place of a mouse.
    locale: the language of the browser.
    """
    opened = []

    def open_page(width=1280, theme="light", touch=False, locale="en-US", height=1000):
        screen = {"viewport": {"width": width, "height": height}, "has_touch": touch}
        reader = {"color_scheme": theme, "locale": locale}
        context = chromium.new_context(**screen, is_mobile=touch, **reader)
        opened.append((context, Watched(context.new_page())))
        return opened[-1][1]

    yield open_page
    for context, watched in opened:
        context.close()
        assert watched.errors == []
        assert watched.left == []


@pytest.fixture
def open_site(open_page):
    """open_site(page, …) -> the watched page of the site, its widgets drawn."""

    def open_site(page, base=None, **how):
        watched = open_page(**how)
        watched.page.goto(f"{base or SITE.as_uri()}/{page}")
        watched.page.wait_for_function(DRAWN)
        return watched

    return open_site


@pytest.fixture(scope="session")
def server():
    """The site behind a static server on this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()


@pytest.fixture
def show(open_page, tmp_path):
    """show(widget) -> the page that hosts it, at work."""

    def show(widget, **how):
        (tmp_path / "page.html").write_text(hosted(widget), encoding="utf-8")
        page = open_page(**how).page
        page.goto((tmp_path / "page.html").as_uri())
        page.wait_for_selector("[data-alive]", state="attached")
        return page

    return show


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """The address and the folder of a JupyterLab with a home of its own.

    Its kernels listen on files, as notebooks/sockets.py says why.
    """
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("lab")
    (folder / "notebooks").mkdir()
    shutil.copytree(ROOT / "docs", folder / "docs")  # a lesson shows pictures from there
    settings = home / "settings/@jupyterlab"
    for plugin, text in (
        ("apputils-extension/notification", '{"fetchNews": "false", "checkForUpdates": false}'),
        ("notebook-extension/tracker", '{"windowingMode": "none"}'),
        ("../@jupyter-widgets/jupyterlab-manager/plugin", '{"saveState": true}'),
    ):
        file = settings / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += ["--port=0", "--ip=127.0.0.1", "--IdentityProvider.token="]
    command += ["--KernelManager.transport=ipc"]
    command += ["--LabApp.expose_app_in_browser=True"]  # so that IDLE may ask it
    command += [f"--ServerApp.root_dir={folder}", "--LabApp.news_url=None"]
    command += ["--ServerApp.disable_check_xsrf=True"]  # so that `shut_down` may ask it
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    runtime = tempfile.mkdtemp(prefix="lab-")  # short: a socket's path may have a hundred letters
    places = {f"JUPYTER_{kind}_DIR": str(home / kind) for kind in ("CONFIG", "DATA")}
    places["JUPYTER_RUNTIME_DIR"] = runtime
    environment = (
        os.environ
        | places
        | {
            "HOME": str(home),
            "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
            "JUPYTER_PREFER_ENV_PATH": "1",
            "OMP_NUM_THREADS": "1",
            "ATTNLIB_MY": str(folder / "my"),
        }
    )
    with (home / "log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        yield _address(server, Path(runtime), home / "log"), folder
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(runtime)


def _address(server, runtime, log):
    """Where the server listens, once it does: it took a free port, and wrote down which."""
    for _ in range(120):
        assert server.poll() is None, log.read_text()
        for told in runtime.glob("jpserver-*.json"):
            address = json.loads(told.read_text())["url"].rstrip("/")
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/api", timeout=2).close()
                return address
        time.sleep(0.5)
    raise AssertionError(f"JupyterLab did not start: {log.read_text()}")


def shut_down(address):
    """Stop all kernels. No page is open: one would ask for its kernel, and be told 404."""
    with urllib.request.urlopen(f"{address}/api/sessions") as sessions:
        for session in json.load(sessions):
            request = urllib.request.Request(
                f"{address}/api/sessions/{session['id']}", method="DELETE"
            )
            urllib.request.urlopen(request).close()


@pytest.fixture
def no_kernel(lab):
    """no_kernel(): from now on none answers."""
    return lambda: shut_down(lab[0])


@pytest.fixture
def run_notebook(lab, open_page):
    """run_notebook(path, …) -> the watched page, after Run All; no cell has failed."""
    address, folder = lab

    def run_notebook(path, width=1280, theme="light"):
        shutil.copy(path, folder / "notebooks/x.ipynb")
        shutil.rmtree(folder / "my", ignore_errors=True)  # what was chosen in the test before
        shut_down(address)  # else the kernel of the lesson before would run this one
        watched = open_page(width, theme)
        page = watched.page
        page.goto(f"{address}/lab/tree/notebooks/x.ipynb?reset")
        page.wait_for_function(IDLE, timeout=60 * SECONDS)
        page.keyboard.press("Control+b")  # more room for the notebook
        if theme == "dark":
            page.click("text=Settings >> nth=0")
            page.hover("text=Theme >> nth=0")
            page.click("text=JupyterLab Dark >> nth=0")
            page.wait_for_selector("body[data-jp-theme-light=false]", state="attached")
        page.click("text=Run >> nth=0")
        page.click("text=Run All Cells")
        page.wait_for_function(RAN, timeout=300 * SECONDS)  # all its cells: 09 has 70 s
        page.wait_for_function(IDLE, timeout=60 * SECONDS)
        page.wait_for_timeout(1 * SECONDS)  # widgets are drawn after their cell is done
        failed = page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').all_inner_texts()
        assert not [text for text in failed if "Error" in text]
        assert page.locator(".jp-RenderedText[data-mime-type*='error']").count() == 0
        return watched

    return run_notebook


@pytest.fixture(scope="session")
def widgets(tmp_path_factory):
    return written(WIDGETS, tmp_path_factory.mktemp("widgets") / "widgets.ipynb")


@pytest.fixture
def day(lab, open_page, monkeypatch):
    """A student with a copy of every lesson, who has done nothing yet."""
    _, folder = lab
    for name in ("my", "lessons"):
        shutil.rmtree(folder / name, ignore_errors=True)
    monkeypatch.setenv("ATTNLIB_MY", str(folder / "my"))
    shutil.copytree(HERE, folder / "lessons", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for copy in copies(folder / "lessons"):
        make(copy)
    return Day(lab, open_page)
