"""A function in several processes that send each other tensors: many machines, played on one.

Each process is forked from this one, so it knows all that was defined here, in a notebook too. They
meet by a file, and talk over the loopback interface alone.
"""

import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from datetime import timedelta
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import torch.distributed as dist

from attnlib.checks import check_count
from attnlib.course.language import say

__all__ = ["start", "why_not"]

DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux' prctl
GRACE = 3.0  # seconds in which the others may say what they saw, when one is lost


def why_not() -> str | None:
    """A sentence that says why no ranks can be started here; None if they can."""
    if not sys.platform.startswith("linux"):
        return say(
            "Ranks are started by fork, on Linux only, and this is {system}. Nothing below needs "
            "what they compute: read on.",
            system=sys.platform,
        )
    if not (dist.is_available() and dist.is_gloo_available()):
        return say(
            "This PyTorch was built without gloo, by which ranks talk on a CPU. Nothing below "
            "needs what they compute: read on."
        )
    return None


def start(function: Callable, ranks: int, *arguments: object, seconds: float = 30.0) -> list:
    """What `function(rank, *arguments)` returned in each of `ranks` processes, by rank.

    Inside, `torch.distributed` is set up (gloo), and one thread computes. What is printed there is
    lost. When it returns, or raises, or this process is killed, no process is left.

    Args:
        function: any, also one defined in a notebook. What it returns must pickle. No gradients on
            a machine with a GPU: they do not survive a fork.
        ranks: how many processes, at least 1.
        seconds: after which a rank gives up waiting for another; after twice that a rank that is
            not back is taken to hang.
    Raises:
        RuntimeError: for ranks that died, hang or stopped, each named, with what it said.
    """
    check_count("ranks", ranks)
    if why := why_not():
        raise RuntimeError(why)
    with TemporaryDirectory() as name:
        folder = Path(name)
        fork = multiprocessing.get_context("fork").Process
        works = [(function, rank, ranks, arguments, seconds, folder) for rank in range(ranks)]
        processes = [fork(target=_work, args=work, daemon=True) for work in works]
        try:
            with warnings.catch_warnings():
                # A kernel has threads; of what they hold the children touch nothing.
                warnings.simplefilter("ignore", DeprecationWarning)
                for process in processes:
                    process.start()
            _wait(processes, 2 * seconds)
            return _results(processes, folder)
        finally:
            for process in processes:
                if process.pid is not None:  # else the fork itself was refused
                    process.kill()
                    process.join()


def _work(function, rank, ranks, arguments, seconds, folder: Path) -> None:
    """In the child: run the function, and leave in a file what came of it."""
    ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    _be_quiet()
    torch.set_num_threads(1)  # the threads of the parent's pool were not forked
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    store = dist.FileStore(str(folder / "store"), ranks)
    patience = timedelta(seconds=seconds)
    try:
        dist.init_process_group("gloo", store=store, rank=rank, world_size=ranks, timeout=patience)
        found = pickle.dumps((function(rank, *arguments), None))
        dist.barrier()  # the others may still be reading what this one sent
    except Exception as error:  # the reader's own code may raise anything
        found = pickle.dumps((None, f"{type(error).__name__}: {error}"))
    unfinished = folder / f"{rank}.unfinished"
    unfinished.write_bytes(found)
    unfinished.rename(folder / str(rank))


def _be_quiet() -> None:
    """Print nothing: a notebook's streams belong to its kernel, and are not this process's."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    sys.stdout = sys.stderr = os.fdopen(nowhere, "w")


def _wait(processes: Sequence[BaseProcess], seconds: float) -> None:
    """Until all have ended, or `seconds`; when one is lost, the others get no more than GRACE."""
    end = time.monotonic() + seconds
    left = {process.sentinel: process for process in processes}
    while left and (rest := end - time.monotonic()) > 0:
        for sentinel in wait(list(left), rest):
            process = left.pop(sentinel)
            process.join()
            if process.exitcode:
                end = min(end, time.monotonic() + GRACE)


def _results(processes: Sequence[BaseProcess], folder: Path) -> list:
    """What each returned. Raises RuntimeError that names each rank which did not return."""
    values, stopped, lost = [], {}, {}
    for rank, process in enumerate(processes):
        file = folder / str(rank)
        if file.exists():
            value, error = pickle.loads(file.read_bytes())
            values.append(value)
            stopped |= {rank: error} if error else {}
        else:
            lost[rank] = process.exitcode
    if lost or stopped:
        died = {rank: code for rank, code in lost.items() if code is not None}
        raise RuntimeError(
            "; ".join(  # who died is why the others did not come back, or stopped
                [f"rank {rank} died, exit code {code}" for rank, code in died.items()]
                + [f"rank {rank} did not come back" for rank in lost if rank not in died]
                + [f"rank {rank} stopped with {error}" for rank, error in stopped.items()]
            )
        )
    return values
