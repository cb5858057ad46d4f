"""GlobalLocalAttention against the same network as loops, positions rebuilt and kept."""

from collections.abc import Iterator

import torch

from attnlib import GlobalLocalAttention
from benchmarks.graphs import recorded
from benchmarks.looped import LoopedGlobalLocal
from benchmarks.timing import in_turns, spelled

NETWORK = {
    "input_size": 1024,
    "output_size": 1024,
    "freq": 10000,
    "pos_enc": "absolute",
    "num_segments": 4,
    "heads": 8,
}
GRAPH = ", CUDA graph"

HEAD = """\
| L | what | attnlib | against rebuilt | against kept | of the matrix rate |
|---|---|---|---|---|---|"""


def line(row: dict) -> str:
    ours, share = row["ours"], row.get("share_of_matrix_rate")
    against = (_ratio(row[name], ours) for name in ("rebuilt", "kept"))
    time = spelled(ours) if ours else "not run"
    return " | ".join(
        (f"| {row['length']}", row["what"], time, *against, f"{share:.0%} |" if share else "|")
    )


def _ratio(theirs, ours):
    return f"{theirs / ours:.2f} ×" if theirs and ours else "not run"


def flops(length: int) -> float:
    """Multiplications and additions of one forward pass of both branches."""
    width, num_segments = NETWORK["output_size"], NETWORK["num_segments"]
    local = width // num_segments
    projections = 8 * length * NETWORK["input_size"] * (width + local)
    rows = 4 * length * (length * width + length / num_segments * local)
    return projections + rows


def forward(module, x):
    with torch.inference_mode():
        return module(x)


def forward_backward(module, x):
    module.zero_grad()
    module(x)[0].sum().backward()


RUNS = {
    "forward": (False, forward),
    "forward + backward": (False, forward_backward),
    "training, dropout 0.5": (True, forward_backward),
}


def modules(device: torch.device) -> dict[str, torch.nn.Module]:
    """The same parameters three times."""
    torch.manual_seed(0)
    ours = GlobalLocalAttention(**NETWORK, fusion="add")
    looped = {
        "rebuilt": LoopedGlobalLocal(**NETWORK),
        "kept": LoopedGlobalLocal(**NETWORK, keep_positions=True),
    }
    for each in looped.values():
        each.load_state_dict(ours.published_state_dict())
    return {name: each.to(device) for name, each in ({"ours": ours} | looped).items()}


def measure(device: torch.device, rate: float, repeats: dict[int, int]) -> Iterator[dict]:
    """A row a length and kind of run; on CUDA one more each, as a CUDA graph. Float32.

    `rate` is what the device reaches in one large product, in FLOP/s; `repeats` go by length.
    """
    compared = modules(device)
    for length, times in repeats.items():
        x = torch.randn(length, NETWORK["input_size"], device=device)
        for what, (training, run) in RUNS.items():
            for module in compared.values():
                module.train(training)
            if not training:
                check_same(compared, x)
            versions = {n: lambda m=m, run=run, x=x: run(m, x) for n, m in compared.items()}
            graphs = _graphs(versions) if device.type == "cuda" else {}
            found = in_turns(versions | graphs, times)
            for launched in ("", GRAPH) if device.type == "cuda" else ("",):
                row = {"length": length, "what": what + launched}
                row |= {name: found.get(name + launched) for name in versions}
                if what == "forward" and row["ours"]:
                    row["share_of_matrix_rate"] = flops(length) / row["ours"] / rate
                yield row


def check_same(compared: dict[str, torch.nn.Module], x: torch.Tensor) -> None:
    """Only equal outputs are worth timing against each other."""
    outputs = {name: forward(module, x)[0] for name, module in compared.items()}
    for name, y in outputs.items():
        torch.testing.assert_close(y, outputs["ours"], rtol=1e-3, atol=1e-4, msg=name)


def _graphs(versions):
    """Those that can be recorded."""
    found = {}
    for name, run in versions.items():
        try:
            found[name + GRAPH] = recorded(run)
        except RuntimeError as error:
            print(f"not recorded: {name}: {str(error).splitlines()[0]}")
    return found
