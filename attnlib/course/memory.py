"""How much memory is free, and how work is refused that would need more."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

GROUPS = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")  # the groups that this process is in
# Files of a group, of version 2 and of version 1: the limit, what is used, and what of that is
# files, which make room when asked.
FILES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def free_memory(device: torch.device | str = "cpu") -> float:
    """Bytes that this process may still take there; inf where that cannot be told.

    On a CPU as much as the machine has, and as each limit of a container leaves it. A GPU with
    memory of its own is asked; what PyTorch keeps there unused is free.
    """
    if torch.device(device).type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    return min(_of_the_machine(), *_left_by_groups(), float("inf"))


def check_memory(
    work: str,
    needed: Callable[[int], float],
    size: int,
    named: Callable[[int], str],
    device: torch.device | str = "cpu",
) -> None:
    """Refuse work that needs more than is free, and say which size would fit.

    Args:
        work: what it is, as "xray".
        needed: size -> bytes, an estimate that grows with it; inf for one that cannot be told.
        size: that was asked for.
        named: size -> how a caller writes it, as "L = 4000".
        device: where the bytes are taken.
    Raises:
        MemoryError: with how much it would take, how much is free, and a size that would fit.
    """
    free = free_memory(device)
    wanted = needed(size)
    if wanted <= free:
        return
    fitting = _largest(needed, size, free)
    fits = f"{named(fitting)} would fit" if fitting else "expected something smaller"
    raise MemoryError(
        f"{work} of {named(size)} would take about {_size(wanted)}, and {_size(free)} "
        f"are free: {fits}"
    )


def _largest(needed, size, free) -> int:
    """Of the numbers below size that have two digits and then zeros, the largest that fits, or 0.

    Such a number is easier to read; and a little room stays for what the estimate does not know.
    """
    rounds = {digits * 10**zeros for digits in range(1, 100) for zeros in range(len(str(size)))}
    smaller = sorted(number for number in rounds if number < size)
    count = bisect_right(smaller, free, key=needed)
    return smaller[count - 1] if count else 0


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"


def _of_the_machine() -> float:
    try:
        import psutil  # comes with ipykernel
    except ImportError:
        return float("inf")
    return psutil.virtual_memory().available


def _left_by_groups() -> Iterator[float]:
    """Of each control group that this process is in, by the files of Linux."""
    if not OWN.is_file():
        return
    for line in OWN.read_text(encoding="utf-8").splitlines():
        _, kinds, path = line.split(":", 2)
        if kinds not in ("", "memory"):
            continue
        root = GROUPS / kinds
        inside = Path(path.lstrip("/"))
        # Inside a container the path may be that of the machine outside; the root is always there.
        for folder in (root / inside, *(root / each for each in inside.parents)):
            for limit, used, idle in FILES:
                yield _left_by(folder, limit, used, idle)


def _left_by(folder, limit, used, idle) -> float:
    try:
        most, now = ((folder / name).read_text(encoding="utf-8").strip() for name in (limit, used))
        stat = dict(
            line.split() for line in (folder / "memory.stat").read_text("utf-8").splitlines()
        )
    except OSError:  # no such group, or nobody may look
        return float("inf")
    if most == "max":
        return float("inf")
    return max(0, int(most) - int(now) + int(stat.get(idle, 0)))
