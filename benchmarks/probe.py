"""One run by itself: its time, the memory that it takes, or why it was not run.

On a CPU in a process of its own, stopped at 60 seconds or half of the memory, because what an
earlier run left in the heap would hide what this one takes, and because a kernel cannot be stopped
from inside; Linux only. A GPU's allocator tells the runs apart: there a process would only cost
its start, some seconds for each row. It is held to half of the memory too, but stopped by nobody.
"""

import gc
import multiprocessing
import os
import re
import signal
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import torch

from benchmarks.timing import in_turns, seconds

LIMIT = 60  # seconds, for getting ready, for the first run and for all that follow it
SHARE = 0.5  # of the memory of the machine, or of the GPU
SHORT = 16  # tokens
BUDGET = 5  # seconds in which a run is repeated; a longer one is not
TOO_LARGE = "more than half of memory"
NOTHING = {"seconds": None, "bytes": None}


def probed(make: Callable, *args, length: int, device: torch.device) -> dict:
    """Seconds of a run, bytes at its peak, and why it was not run, if it was not.

    Args:
        make: a function of a module; make(*args, length, device) builds what the run takes,
            outside of the measurement, and returns the run.
        length: tokens.
    Returns:
        "seconds", the median; "bytes", the peak over what was held before; "not_run", None or why.
    """
    probe = on_gpu if device.type == "cuda" else in_child
    return probe(partial(make, *args), length, device)


def on_gpu(make: Callable, length: int, device: torch.device) -> dict:
    """What `probed` finds, in this process."""
    try:
        torch.cuda.set_per_process_memory_fraction(SHARE, device)
        with torch.no_grad():
            return _measure(make(length, device), device)
    except Exception as error:
        return NOTHING | {"not_run": reason(error)}
    finally:  # after a run that found too little memory, the next has it whole
        gc.collect()
        torch.cuda.empty_cache()


def in_child(make: Callable, length: int, device: torch.device, limit: float = LIMIT) -> dict:
    """What `probed` finds, in a process of its own; `limit` in seconds."""
    spawn = multiprocessing.get_context("spawn")
    receiver, sender = spawn.Pipe(duplex=False)
    child = spawn.Process(target=_work, args=(sender, make, length, device))
    child.start()
    sender.close()  # so that the child's death is the end of the pipe
    try:
        found = None
        while found is None:  # it says None after each part, and what it found at the end
            if not receiver.poll(limit):
                return NOTHING | {"not_run": f"more than {limit:g} s"}
            found = receiver.recv()
        return found
    except EOFError:  # it died; the system kills whoever takes the last of the memory
        child.join()
        killed = child.exitcode == -signal.SIGKILL
        why = TOO_LARGE if killed else f"stopped with exit status {child.exitcode}"
        return NOTHING | {"not_run": why}
    finally:
        child.kill()
        child.join()


def rising(lengths: Iterable[int], probe: Callable) -> Iterator[dict]:
    """What `probe(length=…)` finds; beyond a length that was not run, longer ones are not tried."""
    missed = None
    for length in lengths:
        if missed:
            yield NOTHING | {"not_run": f"not tried, since {missed} was not run"}
            continue
        found = probe(length=length)
        missed = length if found["not_run"] else None
        yield found


def _work(sender, make, length, device):
    """What the child does."""
    try:
        _limit_memory()
        with torch.no_grad():
            seconds(make(SHORT, device))  # what libraries load at first is not counted
            run = make(length, device)
            sender.send(None)
            sender.send(_measure(run, device, lambda: sender.send(None)))
    except Exception as error:
        sender.send(NOTHING | {"not_run": reason(error)})


def _measure(run, device, say_first_is_done=lambda: None):
    held = _start_peak(device)
    first = seconds(run)
    say_first_is_done()
    if device.type == "cuda":  # the first run compiled, which takes time and memory too
        held = _start_peak(device)
        first = seconds(run)
    found = {"seconds": first, "bytes": max(0, _peak(device) - held), "not_run": None}
    if first < BUDGET:
        repeats = min(25, int(BUDGET / first))
        found["seconds"] = in_turns({"run": run}, repeats)["run"]
    return found


def _limit_memory():
    import resource  # Windows has none

    most = int(SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _start_peak(device):
    """Bytes held now; the peak starts anew."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak(device):
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else _status("VmHWM")


def _status(name):
    text = Path("/proc/self/status").read_text()
    return int(re.search(rf"{name}:\s*(\d+) kB", text).group(1)) * 1024


def reason(error: Exception) -> str:
    """Why a run failed, in one line."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return TOO_LARGE
    if "can't allocate memory" in str(error):  # a RuntimeError on a CPU
        return TOO_LARGE
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"
