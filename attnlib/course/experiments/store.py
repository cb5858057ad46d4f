"""Results of experiments as JSON files: written whole or not at all, and read with care."""

import json
import platform
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeVar

import torch

from attnlib.course.rewriting import rewrite

Results = TypeVar("Results")


def write(path: Path, head: dict, runs: list[dict]) -> None:
    """A JSON file of what `head` holds and, last, "runs": one line each, for readable diffs.

    It replaces the file in one move, so that an interruption leaves the old one or the new.
    """
    lines = ",\n".join(json.dumps(run) for run in runs)
    text = json.dumps(head, indent=1, ensure_ascii=False).removesuffix("\n}")
    rewrite(path, f'{text},\n "runs": [\n{lines}\n]\n}}\n')


def read(path: Path, build: Callable[[dict], Results], command: str) -> Results:
    """What `build` makes of the contents of a file that `write` wrote.

    Args:
        build: may raise ValueError, TypeError or KeyError for contents that are not as expected.
        command: the one that measures anew; the errors name it.
    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: {command}")
    try:
        return build(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path} is damaged ({error}): git checkout brings the stored results back, "
            f"{command} measures anew"
        ) from None


def machine(processes: int = 1) -> dict[str, str]:
    """What times and last digits depend on."""
    cpuinfo = Path("/proc/cpuinfo")
    name = (
        re.search(r"model name\s*: (.*)", cpuinfo.read_text(encoding="utf-8"))
        if cpuinfo.exists()
        else None
    )
    return {
        "cpu": name.group(1) if name else platform.processor() or platform.machine(),
        "processes": str(processes),
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "date": date.today().isoformat(),
    }
