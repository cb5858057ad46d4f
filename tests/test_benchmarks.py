"""What can be tested of the benchmarks without a clock: that they run, and compare equals."""

import json
import os
import signal
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from attnlib import BlockAttention, available_backends
from benchmarks import blocks, dropout, kernels, maps, module, probe, run, timing
from benchmarks.machine import earlier, machine, path_of, rehearsing, store
from benchmarks.sizes import SIZES

CPU = torch.device("cpu")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="memory is measured on Linux only")
SMALL = {
    "input_size": 16,
    "output_size": 32,
    "freq": 10000,
    "pos_enc": "absolute",
    "num_segments": 2,
    "heads": 2,
}


@pytest.fixture(autouse=True)
def short_turns(monkeypatch):
    monkeypatch.setattr(timing, "TURN", 0)


@pytest.fixture
def at(device):
    """The device with its number, as `make bench` names it."""
    return torch.device("cuda", 0) if device.type == "cuda" else device


def found_by(make, *args, length, device):
    """In place of a child."""
    make(*args, length, device)()
    return {"seconds": 0.5, "bytes": 2**20, "not_run": None}


def counted(work):
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


@pytest.fixture
def small_network(monkeypatch):
    monkeypatch.setattr(module, "NETWORK", SMALL)


def test_the_module_part_yields_a_row_a_length_and_kind_of_run(small_network, at):
    rows = list(module.measure(at, 1e9, {8: 1, 12: 1}))
    launched = ("", ", CUDA graph") if at.type == "cuda" else ("",)
    assert [(row["length"], row["what"]) for row in rows] == [
        (length, what + how) for length in (8, 12) for what in module.RUNS for how in launched
    ]
    assert all(row[name] > 0 for row in rows for name in ("ours", "rebuilt", "kept"))
    # Whose multiplications `flops` counts: forward passes, launched one by one or as a graph.
    counted = {"forward" + how for how in launched}
    assert all(("share_of_matrix_rate" in row) == (row["what"] in counted) for row in rows)
    assert all(module.line(row).count("|") == module.HEAD.count("|") // 2 for row in rows)


def test_modules_that_differ_are_not_timed(small_network):
    compared = module.modules(CPU)
    with torch.no_grad():
        compared["kept"].attention.out.weight += 0.1
    for each in compared.values():
        each.eval()
    with pytest.raises(AssertionError, match="kept"):
        module.check_same(compared, torch.randn(8, 16))


def test_flops_of_the_module_are_those_of_its_products(small_network):
    loops = module.modules(CPU)["rebuilt"].eval()
    assert module.flops(8) == counted(lambda: module.forward(loops, torch.randn(8, 16)))
    # by hand, L = 8, C = 16: 4 projections of (8, 16) to 32 + 16 wide, rows of 8 and twice of 4
    assert module.flops(8) == 4 * (2 * 8 * 16 * 48) + 4 * (8 * 8 * 32 + 2 * 4 * 4 * 16)


def test_a_version_that_has_no_graph_is_not_run():
    row = {"length": 8, "what": "forward, CUDA graph", "ours": 0.1, "rebuilt": None, "kept": 0.2}
    assert module.line(row) == "| 8 | forward, CUDA graph | 100 ms | not run | 2.00 × | |"
    assert "| not run | not run | not run | |" in module.line(row | {"ours": None})


def test_the_dropout_part_yields_a_row_a_length_and_version():
    rows = list(dropout.measure(CPU, {8: 1, 12: 3}, probe=found_by))
    assert [(row["length"], row["what"]) for row in rows] == [
        (length, what) for length in (8, 12) for what in dropout.VERSIONS
    ]
    for row in rows:
        low, middle, high = row["ratios"]
        assert 0 < low <= middle <= high and 0 < row["seconds"] != 0.5
        assert row["bytes"] == 2**20
        assert dropout.line(row).count("|") == dropout.HEAD.count("|") // 2
    assert all(row["ratios"] == [1, 1, 1] for row in rows if row["what"] == dropout.LOOP)


def test_versions_with_dropout_have_the_same_mean(monkeypatch):
    monkeypatch.setattr(dropout, "DROPOUT", 0.0)
    q, k, v = torch.randn(3, 2, 9, 4)
    bias = torch.randn(9, 9)
    outputs = [version(q, k, v, bias) for version in dropout.VERSIONS.values()]
    for out in outputs:
        torch.testing.assert_close(out, outputs[0])


def test_the_blocks_part_times_five_ways_to_write_the_same(at):
    rows = list(blocks.measure(at, 2, {"small": ((4, 8, 2), (1, 16, 4))}, repeats=1))
    assert [(row["level"], row["what"]) for row in rows] == [
        (level, what) for level in (1, 2) for what in ("forward", "forward + backward")
    ]
    assert rows[0]["shape"] == [2, 4, 196, 8]
    assert all(row[name] > 0 for row in rows for name in (*blocks.VERSIONS, "five axes"))
    assert all(blocks.line(row).count("|") == blocks.HEAD.count("|") // 2 for row in rows)


def test_blocks_that_differ_are_not_timed():
    compared = blocks.versions(8, 2, CPU)
    # The likely slip: parameters taken over as they are, whatever the order of the heads.
    block = BlockAttention(8, 2, qkv_bias=True)
    theirs = blocks.multihead_of(block)
    theirs.out_proj.weight.data.copy_(block.proj.weight)
    compared |= {
        "ours": lambda x: block(x)[0],
        "multihead": lambda x: theirs(x[0], x[0], x[0])[0][None],
    }
    with pytest.raises(AssertionError, match="multihead"):
        blocks.check_same({n: compared[n] for n in ("ours", "multihead")}, torch.randn(1, 2, 5, 8))


def test_levels_are_those_of_timm():
    """56 × 56 tokens, of which every level keeps a quarter, in blocks of 14 × 14; heads 32 wide."""
    for levels in blocks.LEVELS.values():
        assert [groups * blocks.TOKENS for groups, _, _ in levels] == [56**2, 28**2, 14**2]
        assert all(width // heads == 32 for _, width, heads in levels)


def test_the_kernels_part_yields_a_row_a_backend_and_length(at):
    rows = list(kernels.measure(at, 1e9, (16, 32), probe=found_by))
    assert [(row["backend"], row["length"]) for row in rows] == [
        (backend, length) for backend in kernels.backends(at) for length in (16, 32)
    ]
    # 4 · 32² · 8 · 64 in half a second, of 10⁹ a second
    assert rows[1]["tflops"] == 4 * 32**2 * 8 * 64 / 0.5 / 1e12
    assert rows[1]["share_of_matrix_rate"] == pytest.approx(rows[1]["tflops"] * 1e3)
    assert all(kernels.line(row).count("|") == kernels.HEAD.count("|") // 2 for row in rows)


def test_flops_of_a_kernel_are_those_of_its_products():
    assert kernels.flops(16) == counted(kernels.make("eager", 16, CPU))


def test_triton_is_not_timed_where_it_is_simulated(monkeypatch):
    monkeypatch.setattr(kernels, "available_backends", lambda: ("eager", "triton"))
    assert kernels.backends(CPU) == ("eager",)
    assert kernels.backends(torch.device("cuda", 0)) == ("eager", "triton")


def test_kernels_that_differ_are_not_timed(monkeypatch):
    honest = kernels.make
    monkeypatch.setattr(
        kernels, "make", lambda b, n, d: lambda: honest(b, n, d)() + 0.01 * (b == "sdpa")
    )
    assert "sdpa" in available_backends()
    with pytest.raises(AssertionError, match="sdpa"):
        kernels.check_same(16, CPU)


def test_the_maps_part_yields_a_row_a_look(at):
    rows = list(maps.measure(at, {1: (16, 32), 8: (16,)}, probe=found_by))
    assert [(row["heads"], row["length"], row["what"]) for row in rows] == [
        (heads, length, what)
        for heads, length in ((1, 16), (1, 32), (8, 16))
        for what in maps.LOOKS
    ]
    assert all(row["bytes"] == 2**20 and 0 < row["seconds"] != 0.5 for row in rows)
    assert all(maps.line(row).count("|") == maps.HEAD.count("|") // 2 for row in rows)


def test_looks_are_what_their_names_say():
    out = maps.make("out", 1, 300, CPU)()
    same, pooled = maps.make("out + map", 1, 300, CPU)()
    again, weights = maps.make("out + weights", 1, 300, CPU)()
    assert torch.equal(out, same) and torch.equal(out, again)
    assert out.shape == (1, 300, 64)
    assert pooled.shape == (1, 256, 256)
    assert weights.shape == (1, 300, 300)


def test_a_look_that_was_not_run_is_neither_timed_nor_tried_longer():
    def found(make, what, heads, length, device):
        if what == "out + weights" and length > 16:
            return probe.NOTHING | {"not_run": probe.TOO_LARGE}
        return found_by(make, what, heads, length=length, device=device)

    rows = {
        (row["length"], row["what"]): row
        for row in maps.measure(CPU, {8: (16, 32, 64)}, probe=found)
    }
    assert rows[16, "out + weights"]["seconds"] > 0
    assert rows[32, "out + weights"] == {
        "heads": 8,
        "length": 32,
        "what": "out + weights",
        "seconds": None,
        "bytes": None,
        "not_run": "more than half of memory",
    }
    assert rows[64, "out + weights"]["not_run"] == "not tried, since 32 was not run"
    assert rows[64, "out + map"]["seconds"] > 0
    assert maps.line(rows[32, "out + weights"]).count("|") == maps.HEAD.count("|") // 2


def fill(length, device):
    """Stands for a run that takes 4 kB a token."""
    return lambda: torch.ones(length, 1024, device=device).sum()


def never_ends(length, device):
    return lambda: signal.pause()


def more_than_half(length, device):
    if device.type == "cuda":
        whole = torch.cuda.get_device_properties(device).total_memory
    else:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    share = 0.6 if length > probe.SHORT else 0.01
    return lambda: torch.empty(int(share * whole), dtype=torch.uint8, device=device)


def is_killed(length, device):
    return lambda: signal.raise_signal(signal.SIGKILL) if length > probe.SHORT else None


def fails(length, device):
    raise ValueError("length must be even\nand more")


@LINUX
def test_a_run_by_itself_tells_its_seconds_and_its_peak(at):
    found = probe.probed(fill, length=2**14, device=at)
    assert found["not_run"] is None
    assert 0 < found["seconds"] < probe.LIMIT
    assert 60 * 2**20 <= found["bytes"] < 80 * 2**20


@LINUX
@pytest.mark.parametrize(
    ("make", "why"),
    [
        (more_than_half, "more than half of memory"),
        (fails, "ValueError: length must be even"),
    ],
)
def test_what_fails_by_itself_is_not_run(make, why, at):
    assert probe.probed(make, length=64, device=at) == probe.NOTHING | {"not_run": why}


@LINUX
def test_a_child_that_is_killed_had_too_little_memory():
    found = probe.probed(is_killed, length=64, device=CPU)
    assert found == probe.NOTHING | {"not_run": "more than half of memory"}


def test_on_a_gpu_no_child_is_started(monkeypatch):
    gpu, said = torch.device("cuda", 0), []
    monkeypatch.setattr(
        torch.cuda, "set_per_process_memory_fraction", lambda share, device: said.append(share)
    )
    monkeypatch.setattr(probe, "_measure", lambda run, device: {"seconds": run()})
    pids = lambda add, length, device: lambda: os.getpid() + add
    assert probe.probed(pids, 1, length=64, device=gpu) == {"seconds": os.getpid() + 1}
    assert said == [0.5]


def test_on_a_gpu_neither_time_nor_memory_of_compiling_counts(monkeypatch):
    held, runs = [], []
    monkeypatch.setattr(probe, "_start_peak", lambda device: held.append(len(runs)) or 10)
    monkeypatch.setattr(probe, "_peak", lambda device: 30)

    def run():
        runs.append("run")

    monkeypatch.setattr(probe, "seconds", lambda run: run() or (50.0, 20.0)[len(runs) - 1])
    found = probe._measure(run, torch.device("cuda", 0))
    assert found == {"seconds": 20.0, "bytes": 20, "not_run": None}
    assert held == [0, 1]  # the peak starts anew after the first run


@LINUX
def test_a_child_that_takes_too_long_is_stopped():
    found = probe.in_child(never_ends, length=64, device=CPU, limit=0.1)
    assert found == probe.NOTHING | {"not_run": "more than 0.1 s"}


def test_versions_take_turns():
    order = []
    found = timing.in_turns({name: partial(order.append, name) for name in "ab"}, 2)
    assert order == ["a", "b"] * 3  # the first turn does not count
    assert list(found) == ["a", "b"]


def test_every_turn_of_cpu_time_is_told(monkeypatch):
    monkeypatch.setattr(timing.time, "process_time", iter(range(8)).__next__)
    order = []
    found = timing.cpu_turns({name: partial(order.append, name) for name in "ab"}, 1)
    assert order == ["a", "b"] * 2 and found == {"a": [1], "b": [1]}


def test_a_short_run_is_repeated_inside_a_turn(monkeypatch):
    monkeypatch.setattr(timing, "TURN", 0.01)
    monkeypatch.setattr(timing, "timer", iter([0.0, 0.002, 1.0, 1.020]).__next__)
    order = []
    assert timing.in_turns({"a": partial(order.append, "a")}, 1)["a"] == pytest.approx(0.004)
    assert order == ["a"] * 6  # 2 ms; then five of them in 20 ms


def test_times_are_spelled_without_powers_of_ten():
    spans = (160.2, 2.754, 0.0252, 0.0000123)
    assert [timing.spelled(span) for span in spans] == ["160 s", "2.75 s", "25.2 ms", "0.0123 ms"]


def test_a_part_is_kept_from_the_same_machine_on_the_same_day(tmp_path):
    path = tmp_path / "here.json"
    assert earlier(path, machine()) == {}
    store(path, {"machine": {"cpu": "other"}, "maps": []})
    assert earlier(path, machine()) == {}
    assert "maps" in earlier(path, {"cpu": "other"})


def test_a_stored_file_is_whole_or_as_it_was(monkeypatch, tmp_path):
    path = tmp_path / "here.json"
    store(path, {"machine": "old"})
    with pytest.raises(TypeError):
        store(path, {"machine": "new", "maps": object()})
    monkeypatch.setattr(Path, "replace", lambda *_: 1 / 0)  # interrupted before the last move
    with pytest.raises(ZeroDivisionError):
        store(path, {"machine": "new"})
    assert json.loads(path.read_text()) == {"machine": "old"}


def test_a_machine_has_a_file_and_a_gpu_another():
    about = {"cpu": "AMD EPYC", "threads": "2"}
    assert path_of(about).name == "amd-epyc-2-threads.json"
    assert path_of(about | {"gpu": "NVIDIA H200"}).name == "nvidia-h200.json"
    assert path_of(rehearsing(about)).name == "rehearsal-on-amd-epyc-2-threads.json"


@pytest.fixture
def bench(small_network, monkeypatch, tmp_path, capsys):
    """bench("module") runs the command, tiny, and gives what it printed; it stores in tmp_path."""

    def bench(*words):
        command = ["run", "--rehearse", "--into", str(tmp_path / "results"), *words]
        monkeypatch.setattr(sys, "argv", command)
        run.main()
        return capsys.readouterr().out

    return bench


def test_the_command_stores_what_it_prints(bench):
    printed = bench("module")
    assert bench("--tables").strip() == printed.split("\nstored in")[0].strip()
    assert printed.count("\n| 8 | ") == 3
    assert "Rehearsal on" in printed and "no figure here means anything" in printed


def test_rows_are_stored_as_they_are_measured(bench, monkeypatch, tmp_path):
    bench("blocks")

    def interrupted(*_, **__):
        yield {"length": 8, "what": "forward", "ours": 0.1, "rebuilt": 0.2, "kept": 0.2}
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "measure", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bench("module")
    (path,) = (tmp_path / "results").iterdir()
    found = json.loads(path.read_text())
    assert [row["ours"] for row in found["module"]] == [0.1]
    assert len(found["blocks"]) == 2


def test_without_a_gpu_there_are_no_tiles_to_choose():
    assert run.why_not("tiles", CPU, SIZES["cpu"]) == "there is no GPU to choose them for"
    assert run.why_not("tiles", CPU, SIZES["rehearsal"]) is None
    assert run.why_not("tiles", torch.device("cuda", 0), SIZES["cuda"]) is None
    assert run.why_not("dropout", torch.device("cuda", 0), SIZES["cuda"]) == "it is for a CPU"


def test_every_part_has_its_sizes():
    for mode, sizes in SIZES.items():
        left_out = {"cpu": {"tiles"}, "cuda": {"dropout"}}.get(mode, set())
        assert set(sizes) == {"product", *run.PARTS} - left_out


def test_a_part_that_does_not_exist_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["run", "map"])
    with pytest.raises(SystemExit):
        run.main()
    said = capsys.readouterr().err
    assert "must be one of calls, module, dropout, blocks, kernels, maps, tiles, got map" in said
