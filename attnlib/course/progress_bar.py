"""tqdm's progress bar, in a form that leaves no text in a stored lesson."""

import time

DELAY = 2  # seconds before it shows up
VIEW = "application/vnd.jupyter.widget-view+json"  # how a notebook names a widget


def progress_bar(total: int | None, what: str, unit: str):
    """A bar for `with`, moved on by `.update(n)`: `what` is being done to `total` of `unit`.

    Both words are as they are shown: said already. Where `total` is None it counts.

    It shows up after two seconds: on a terminal, or in a notebook as a widget below the cell. It
    disappears at the end. Its text depends on the clock, and `make test` compares outputs. So a
    notebook gets the widget alone, without the text that tqdm usually sends with it.

    Raises ModuleNotFoundError (with what to install) without tqdm.
    """
    try:
        import tqdm
    except ImportError as error:
        raise ModuleNotFoundError(
            'the progress bar needs tqdm: pip install "tqdm>=4.66"', name=error.name
        ) from None
    named = {"total": total, "desc": what, "unit": unit, "leave": False}
    return _Widget(named) if _in_notebook() else tqdm.tqdm(**named, delay=DELAY)


class _Widget:
    """The same in a notebook: what is done sooner makes no widget at all."""

    def __init__(self, named: dict):
        self.n, self._named, self._bar = 0, named, None
        self._start = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self._bar is not None:  # of a bar that counts, tqdm knows no truth
            self._bar.close()

    def update(self, n: int = 1) -> None:
        self.n += n
        if self._bar is not None:
            self._bar.update(n)
        elif time.monotonic() - self._start >= DELAY:
            self._bar = _displayed(self._named | {"initial": self.n})


def _displayed(named):
    import tqdm.notebook
    from IPython.display import display

    bar = tqdm.notebook.tqdm(**named, display=False)
    view = {"version_major": 2, "version_minor": 0, "model_id": bar.container.model_id}
    display({VIEW: view}, raw=True)
    return bar


def _in_notebook() -> bool:
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and "IPKernelApp" in shell.config
