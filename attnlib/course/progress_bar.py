"""tqdm's progress bar, in a form that leaves no text in a stored lesson."""

VIEW = "application/vnd.jupyter.widget-view+json"  # how a notebook names a widget


def progress_bar(total: int, what: str, unit: str):
    """A bar for `with`, moved on by `.update(n)`: `what` is being done to `total` of `unit`.

    Both words are as they are shown: said already.

    On a terminal it shows up after two seconds; in a notebook it is a widget below the cell. It
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
    if not _in_notebook():
        return tqdm.tqdm(**named, delay=2)

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
