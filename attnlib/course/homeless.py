"""Readers whose HOME cannot be written, as in some containers, get the same lessons.

Matplotlib, fontconfig and Triton keep caches there. Where they cannot, the first two say so in the
middle of a lesson, and Triton stops. So they get a folder that lasts as long as the process.
"""

import atexit
import logging
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path


def make_do() -> None:
    """To be called before one of them is imported: it sets what they read from the environment."""
    home = os.path.expanduser("~")  # noqa: PTH111  stays "~" where no home is known
    caches = os.environ.get("XDG_CACHE_HOME") or f"{home}/.cache"
    settings = os.environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    own = os.environ.get("MPLCONFIGDIR")
    places = {
        "XDG_CACHE_HOME": [caches],  # fontconfig's
        "MPLCONFIGDIR": [own] if own else [f"{caches}/matplotlib", f"{settings}/matplotlib"],
        "TRITON_HOME": [os.environ.get("TRITON_HOME") or home],
    }
    for variable, folders in places.items():
        if not all(map(_usable, folders)):
            os.environ[variable] = _folder(variable)
    # Where there is no cache yet, Matplotlib says after five seconds that it is making one.
    logging.getLogger("matplotlib.font_manager").addFilter(_tells_no_wait)


def _usable(folder: str) -> bool:
    """Whether something can be written there. As its owner would, it makes the folder."""
    if not Path(folder).is_absolute():  # it would be made wherever the reader happens to be
        return False
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


@cache
def _folder(name: str) -> str:
    folder = tempfile.mkdtemp(prefix=f"attnlib-{name}-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _tells_no_wait(record: logging.LogRecord) -> bool:
    return "building the font cache" not in record.getMessage()
