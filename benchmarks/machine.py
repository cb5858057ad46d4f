"""Where figures come from: the machine, its versions, and the file that keeps them."""

import importlib.util
import json
import platform
import re
from datetime import date
from pathlib import Path

import torch

from attnlib.course.rewriting import rewrite

RESULTS = Path(__file__).parent / "results"

# How far outputs of equal mathematics may lie apart.
TOLERANCE = {
    torch.float32: {"rtol": 1e-4, "atol": 1e-5},
    torch.float16: {"rtol": 4e-3, "atol": 4e-3},
    torch.bfloat16: {"rtol": 2e-2, "atol": 2e-2},
}


def machine(device: torch.device | None = None) -> dict[str, str]:
    """What the figures depend on; the GPU too where `device` is one."""
    cpuinfo = Path("/proc/cpuinfo")
    name = (
        re.search(r"model name\s*: (.*)", cpuinfo.read_text(encoding="utf-8"))
        if cpuinfo.exists()
        else None
    )
    found = {
        "cpu": name.group(1) if name else platform.processor() or platform.machine(),
        "threads": str(torch.get_num_threads()),
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "date": date.today().isoformat(),
    }
    if device is not None and device.type == "cuda":
        about = torch.cuda.get_device_properties(device)
        memory = f"{about.total_memory / 2**30:.0f} GiB"
        found |= {"gpu": about.name, "gpu_memory": memory, "cuda": torch.version.cuda}
        if importlib.util.find_spec("triton"):
            found["triton"] = importlib.import_module("triton").__version__
    return found


def rehearsing(about: dict[str, str]) -> dict[str, str]:
    """The same machine where it only shows that all runs, so that nobody quotes its figures."""
    return about | {"rehearsal": "tiny sizes: no figure here means anything"}


def name_of(about: dict[str, str]) -> str:
    """What did the work: "AMD EPYC, 2 threads", or the GPU's name."""
    name = about.get("gpu") or f"{about['cpu']}, {about['threads']} threads"
    return f"Rehearsal on {name}" if "rehearsal" in about else name


def path_of(about: dict[str, str], folder: Path = RESULTS) -> Path:
    """Its results file: one a machine, or a GPU."""
    slug = re.sub(r"[^a-z0-9]+", "-", name_of(about).lower())
    return folder / f"{slug.strip('-')}.json"


def earlier(path: Path, about: dict[str, str]) -> dict:
    """What the same machine stored on the same day: its parts may stand beside new ones."""
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found if found.get("machine") == about else {}


def store(path: Path, found: dict) -> None:
    """Replace the file in one move, so that an interruption leaves the old one or the new."""
    rewrite(path, json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def dtype_on(device: torch.device) -> torch.dtype:
    """The dtype that kernels are mostly run in there."""
    return torch.bfloat16 if device.type == "cuda" else torch.float32
