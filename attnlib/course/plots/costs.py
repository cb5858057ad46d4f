"""What a map costs, as it was measured: time and memory over the number of tokens."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from attnlib.course.plots.style import ENDS, MARK, STYLE, closed

LINES = {  # what was measured -> how it is drawn
    "out": {"color": "black", "marker": "o"},
    "out + map": {"color": ENDS[0], "marker": "s"},
    "out + weights": {"color": MARK, "marker": "^"},
}


def plot_costs(costs: Sequence, machine: str) -> Figure:
    """Seconds and bytes over tokens, both axes logarithmic; what was not run has no point.

    Args:
        costs: `attnlib.course.costs.Cost`, of one number of heads.
        machine: where they were measured; it stands above.
    """
    if not costs:
        raise ValueError("costs must hold at least one measurement, got none")
    lengths = sorted({cost.length for cost in costs})
    with plt.rc_context(STYLE):
        fig, axes = plt.subplots(1, 2, figsize=(10.6, 4.3), layout="constrained")
        for axis, name, unit in zip(axes, ("seconds", "bytes"), (1, 2**20), strict=True):
            for what, style in LINES.items():
                points = [
                    (cost.length, getattr(cost, name) / unit)
                    for cost in costs
                    if cost.what == what and cost.not_run is None
                ]
                axis.loglog(*zip(*points, strict=True), label=what, **style, linewidth=2)
            axis.set_xticks(lengths, [f"{length:,}".replace(",", " ") for length in lengths])
            axis.xaxis.set_minor_locator(NullLocator())
            axis.set_xlabel("tokens")
            axis.grid(alpha=0.3)
        axes[0].set_title("seconds")
        axes[1].set_title("peak of memory, MiB above what was there")
        axes[0].legend()
        fig.suptitle(f"measured on: {machine}", fontsize=12)
    return closed(fig)


def read_costs(costs: Sequence) -> str:
    """A table: a line for each number of tokens, with seconds and memory to two digits.

    Less memory than a megabyte is that of the allocator's pages, and is not told.
    """
    told = {(cost.length, cost.what): _told(cost) for cost in costs}
    lines = ["tokens" + "".join(f"{what:>19}" for what in LINES)]
    for length in sorted({length for length, _ in told}):
        lines.append(
            f"{length:6}" + "".join(f"{told.get((length, what), ''):>19}" for what in LINES)
        )
    return "\n".join(lines)


def _told(cost):
    if cost.not_run:
        return f"  not run: {cost.not_run}"
    time = f"{_two_digits(cost.seconds)} s"
    if cost.seconds < 1:
        time = f"{_two_digits(cost.seconds * 1000)} ms"
    memory = f"{_two_digits(cost.bytes / 2**20)} MiB" if cost.bytes >= 2**20 else "< 1 MiB"
    return f"{time}, {memory}"


def _two_digits(number):
    return f"{float(f'{number:.2g}'):g}"
