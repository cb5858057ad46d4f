"""Attention over ranks is attention: every way, every length, on every rank."""

import datetime
import faulthandler
import math
import multiprocessing
import os
import re
import time
from itertools import accumulate
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from attnlib import AbsolutePositions, GlobalLocalAttention, SameGroup, attention, ranks

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="ranks are forked here")
WAYS = ("gather", "heads", "ring")
PAGE = Path(__file__).parent.parent / "docs" / "ranks.md"
TERMS = {
    None: lambda n: None,
    "causal": lambda n: lambda i, j: j <= i,
    "groups": SameGroup,
    "near": lambda n: lambda i, j: (i - j).abs() < n,
    "far": lambda n: lambda i, j: (i - j).abs() >= n,
    "keys": lambda n: lambda i, j: j < n,  # broadcasts over queries
    "nothing": lambda n: lambda i, j: (i < 0) & (j < 0),
    "distance": lambda n: lambda i, j: -(i - j).abs() / n,
    "positions": lambda n: AbsolutePositions(4 * n, 8),
    "minus infinity": lambda n: lambda i, j: torch.where(j > i + n, -torch.inf, 0.1 * j),
}
MASKS = [None, "causal", "groups", "near", "far", "keys", "nothing"]
BIASES = [None, "distance", "positions", "minus infinity"]


class Crew:
    """Ranks as processes, each waiting for what to do; all are told the same."""

    def __init__(self, count, folder, seconds=60):
        fork, self.pipes, self.processes = multiprocessing.get_context("fork"), [], []
        for rank in range(count):
            here, there = fork.Pipe()
            args = (there, rank, count, str(folder / "store"), seconds)
            process = fork.Process(target=_serve, args=args, daemon=True)
            process.start()
            self.pipes.append(here)
            self.processes.append(process)

    def __call__(self, job, *args):
        """What each rank returns, or an error that names one it raised."""
        for pipe in self.pipes:
            pipe.send((job, args))
        results = [self.answer(rank) for rank in range(len(self.pipes))]
        wrong = [result for result in results if isinstance(result, BaseException)]
        if wrong:
            raise wrong[0]
        return results

    def answer(self, rank):
        assert self.pipes[rank].poll(100), f"rank {rank} says nothing"
        return self.pipes[rank].recv()

    def close(self):
        for process in self.processes:
            process.kill()
            process.join()


def _serve(pipe, rank, count, path, seconds):
    faulthandler.disable()  # one that crashes on purpose has nothing to tell
    torch.set_num_threads(1)
    store, timeout = dist.FileStore(path, count), datetime.timedelta(seconds=seconds)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=count, timeout=timeout)
    while True:
        job, args = pipe.recv()
        try:
            pipe.send(job(*args))
        except Exception as error:
            pipe.send(type(error)(str(error)))


@pytest.fixture(scope="module")
def crews(tmp_path_factory):
    found = {count: Crew(count, tmp_path_factory.mktemp(f"{count}-ranks")) for count in (2, 4)}
    yield found
    for crew in found.values():
        crew.close()


def drawn(spec):
    """q, k, v of all ranks, and the gradient of the output."""
    torch.manual_seed(spec["seed"])
    lead, rows = spec["lead"], (sum(spec["queries"]), sum(spec["keys"]))
    shapes = [(rows[0], spec["dim"]), (rows[1], spec["dim"]), (rows[1], spec["value_dim"])]
    shapes.append((rows[0], spec["value_dim"]))
    return [torch.randn(*lead, spec["heads"], *shape, dtype=torch.float64) for shape in shapes]


def terms_of(spec):
    bias, mask = (TERMS[spec[name]](spec["n"]) for name in ("bias", "mask"))
    return {"bias": bias, "mask": mask, "scale": spec["scale"]}


def plain(x):
    """As numbers that a pipe takes: a tensor would be shared memory."""
    return None if x is None else x.detach().numpy()


def looked_at(map, spec):
    return [map.pooled(*spec["pooled"]), map.window(*spec["window"])] + [
        map.pooled(spec["pooled"][0], "mean", *spec["window"])
    ]


def whole(spec):
    *inputs, grad = drawn(spec)
    inputs = [x.requires_grad_() for x in inputs]
    out, map = attention(*inputs, **terms_of(spec))
    out.backward(grad)
    return out.detach(), [x.grad for x in inputs], looked_at(map, spec)


def mine(x, lengths, rank):
    return x.split(lengths, -2)[rank]


def piece(spec):
    """What `whole` gives, of one rank's rows; and the bytes it sent there and back."""
    rank, lengths = dist.get_rank(), [spec[name] for name in ("queries", "keys", "keys", "queries")]
    *inputs, grad = (mine(x, n, rank).clone() for x, n in zip(drawn(spec), lengths, strict=True))
    inputs = [x.requires_grad_() for x in inputs]
    before = ranks.sent()
    out, map = ranks.attention(*inputs, how=spec["how"], **terms_of(spec))
    there = ranks.sent()
    out.backward(grad)
    back = ranks.sent()
    maps = [plain(x) for x in looked_at(map, spec)]
    return plain(out), [plain(x.grad) for x in inputs], maps, (there - before, back - there)


def close(got, want, whole):
    """Within 1e-14, or of the largest number of the whole where that is over 1."""
    largest = max([1.0, *whole.abs().flatten().tolist()])
    torch.testing.assert_close(torch.from_numpy(got), want, rtol=0, atol=1e-14 * largest)


def compared(crews, spec):
    """Assert that every rank has its part of what one process computes, and the same maps."""
    out, grads, maps = whole(spec)
    results = crews[len(spec["queries"])](piece, spec)
    lengths = [spec["queries"], spec["keys"], spec["keys"]]
    for rank, (its_out, its_grads, its_maps, _) in enumerate(results):
        close(its_out, mine(out, spec["queries"], rank), out)
        for got, want, n in zip(its_grads, grads, lengths, strict=True):
            close(got, mine(want, n, rank), want)
        for got, want in zip(its_maps, maps, strict=True):
            close(got, want, want)
        for its, first in zip(its_maps, results[0][2], strict=True):
            assert (its == first).all()
    assert [result[3] for result in results] == bytes_of(spec)


def bytes_of(spec):
    """(forward, backward) that each rank sends, from who needs whose keys; float64."""
    count, how, heads = len(spec["queries"]), spec["how"], spec["heads"]
    ends = [[0, *accumulate(spec[name])] for name in ("queries", "keys")]
    i, j = (torch.arange(each[-1]) for each in ends)
    mask = TERMS[spec["mask"]](spec["n"])
    may = torch.ones(len(i), len(j), dtype=torch.bool) if mask is None else mask(i[:, None], j)
    may = may.expand(len(i), len(j))
    needs = [[bool(y.any()) for y in x.split(spec["keys"], 1)] for x in may.split(spec["queries"])]
    number = 8 * math.prod(spec["lead"])  # bytes of one number of each head
    kv = [n * heads * (spec["dim"] + spec["value_dim"]) * number for n in spec["keys"]]
    others = [[s for s in range(count) if s != rank] for rank in range(count)]
    none = not any(needs[rank][s] for rank in range(count) for s in others[rank])
    if how == "gather" or none:
        return [
            (
                kv[rank] * sum(needs[other][rank] for other in others[rank]),
                sum(kv[s] for s in others[rank] if needs[rank][s]),
            )
            for rank in range(count)
        ]
    if how == "heads":  # (R − 1) / R of q, k, v, and of the output
        q = [n * heads * spec["dim"] * number for n in spec["queries"]]
        out = [n * heads * spec["value_dim"] * number for n in spec["queries"]]
        return [
            (
                ((count - 1) * (q[rank] + kv[rank]) + sum(out) - out[rank]) // count,
                ((count - 1) * out[rank] + sum(q) - q[rank] + sum(kv) - kv[rank]) // count,
            )
            for rank in range(count)
        ]
    hops = [
        max(n for n in range(count) if n == 0 or needs[(s + n) % count][s]) for s in range(count)
    ]
    found = []
    for rank in range(count):
        passed = [s for s in range(count) if (rank - s) % count < hops[s]]
        there = sum(kv[s] for s in passed)  # k and v
        with_sums = sum(kv[s] for s in passed if s != rank)  # their gradients, but its own
        home = sum(kv[s] for s in others[rank] if (rank - s) % count == hops[s])
        found.append((there, there + with_sums + home))
    return found


SPEC = {
    "seed": 0, "lead": (), "heads": 4, "dim": 8, "value_dim": 8, "scale": None, "n": 16,
    "mask": None, "bias": None, "how": "ring", "pooled": (7, "mean"),
    "window": (slice(3, 40), slice(5, 61)),
}  # fmt: skip


def spec_of(count, length=64, **changes):
    lengths = [length // count] * count
    return SPEC | {"queries": lengths, "keys": lengths} | changes


@st.composite
def specs(draw):
    count = draw(st.sampled_from([2, 4]))
    lengths = st.lists(st.integers(1, 9), min_size=count, max_size=count)
    queries = draw(lengths)
    keys = draw(st.one_of(st.just(queries), lengths))
    spans = [
        sorted((draw(st.integers(0, n)), draw(st.integers(0, n))))
        for n in map(sum, (queries, keys))
    ]
    return {
        "queries": queries,
        "keys": keys,
        "seed": draw(st.integers(0, 1000)),
        "lead": draw(st.sampled_from([(), (2,), (1, 2)])),
        "heads": count * draw(st.integers(1, 2)),
        "dim": draw(st.integers(1, 5)),
        "value_dim": draw(st.integers(1, 5)),
        "scale": draw(st.sampled_from([None, 0.3, -1.0])),
        "n": draw(st.integers(1, 12)),
        "mask": draw(st.sampled_from(MASKS)),
        "bias": draw(st.sampled_from(BIASES)),
        "how": draw(st.sampled_from(WAYS)),
        "pooled": (draw(st.integers(1, 40)), draw(st.sampled_from(["mean", "max"]))),
        "window": tuple(slice(*span) for span in spans),
    }


@given(spec=specs())
@settings(max_examples=60)
def test_every_rank_has_its_rows_of_one_process_and_sends_what_the_formula_says(crews, spec):
    compared(crews, spec)


@pytest.mark.parametrize(("how", "count"), [("gather", 2), ("ring", 4)])
def test_a_long_sequence_is_exact_too(crews, how, count):
    lengths = [4096 // count] * count
    lengths[0], lengths[-1] = lengths[0] + 5, lengths[-1] - 5
    long = {"queries": lengths, "keys": lengths, "heads": 1, "n": 512, "dim": 4, "value_dim": 4}
    windows = {"window": (slice(1000, 1100), slice(5, 4000)), "pooled": (30, "max")}
    terms = {"mask": "causal", "bias": "distance"}
    compared(crews, SPEC | long | windows | terms | {"how": how})


@pytest.mark.parametrize("how", WAYS)
def test_nothing_is_sent_where_groups_lie_inside_a_rank(crews, how):
    results = crews[4](piece, spec_of(4, mask="groups", n=8, how=how))
    assert [result[3] for result in results] == [(0, 0)] * 4


@pytest.mark.parametrize("count", [2, 4])
def test_the_ring_sends_what_the_docstring_says(crews, count):
    """(R − 1)·n·B forward and twice as much backward, B bytes of k and v of a row."""
    results = crews[count](piece, spec_of(count))
    forward = (count - 1) * (64 // count) * 4 * (8 + 8) * 8
    assert [result[3] for result in results] == [(forward, 2 * forward)] * count


def tiles_of(count, how):
    """The (rank, source) of all tiles in which the ring asks for a bias."""
    seen = set()

    def bias(i, j):
        seen.add((int(i.min()) // 8, int(j.min()) // 8, int(j.max()) // 8))
        return 0.0 * (i - j)

    q = torch.randn(3, 2, 8, 4, requires_grad=True)
    out, map = ranks.attention(*q.unbind(), bias=bias, mask=TERMS["causal"](0), how=how)
    out.sum().backward()
    map.pooled(4)
    return seen


def test_the_ring_computes_no_tile_that_the_mask_excludes(crews):
    for rank, seen in enumerate(crews[4](tiles_of, 4, "ring")):
        assert {tile for tile in seen if tile[0] == rank and rank} == {
            (rank, source, source) for source in range(rank + 1) if rank
        }
        assert max(last for _, _, last in seen) <= rank


class Largest(TorchDispatchMode):
    """The bytes of the largest tensor that is made."""

    bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        made = result if isinstance(result, tuple | list) else [result]
        sizes = [x.untyped_storage().nbytes() for x in made if isinstance(x, torch.Tensor)]
        self.bytes = max([self.bytes, *sizes])
        return result


def largest_of(length):
    q, k, v = torch.randn(3, 1, length // dist.get_world_size(), 2)
    with Largest() as seen:
        _, map = ranks.attention(q, k, v, how="ring")
        map.pooled(4)
    return seen.bytes


def test_a_rank_of_the_ring_holds_less_the_more_there_are(crews):
    """Tiles are (L/R)²: a quarter, at lengths where each is one strip."""
    two, four = (max(crews[count](largest_of, 1024)) for count in (2, 4))
    assert two == 512 * 512 * 4
    assert four == two / 4


def refusal(rank, change):
    """What a call says that one rank makes differently."""
    q = torch.randn(3, 2, 4, 6, 8)
    asked = {"how": "ring"}
    if dist.get_rank() == rank:
        q, asked = change(q, asked)
    try:
        ranks.attention(*q, **asked)
    except (TypeError, ValueError) as error:
        return type(error).__name__, str(error)
    return "none", ""


def wider(q, asked):
    return q.double(), asked


def narrower(q, asked):
    return q[..., :5], asked


def fewer_heads(q, asked):
    return q[..., :2, :, :], asked


def no_rows(q, asked):
    return q[..., :0, :], asked


def a_list(q, asked):
    return (q[0], [1.0], q[2]), asked


def otherwise(q, asked):
    return q, {"how": "gather"}


def masked(q, asked):
    return q, asked | {"mask": SameGroup(3)}


def scaled(q, asked):
    return q, asked | {"scale": 2.0}


def learned(q, asked):
    return q.requires_grad_(), asked


def a_tensor(q, asked):
    return q, asked | {"mask": torch.ones(12, 12) > 0}


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        (wider, "ValueError", r"dtype .* torch.float32 \(rank 0\); torch.float64 \(rank 1\)"),
        (narrower, "ValueError", r"shape of q .*, 8\) \(rank 0\); .*, 5\) \(rank 1\)"),
        (fewer_heads, "ValueError", r"shape of q .* \(2, 2, …, 8\) \(rank 1\)"),
        (no_rows, "ValueError", r"q must be .* got shape \(2, 4, 0, 8\) \(rank 1\)"),
        (a_list, "TypeError", r"k must be a torch.Tensor, got list \(rank 1\)"),
        (otherwise, "ValueError", r"how .* ring \(rank 0\); gather \(rank 1\)"),
        (masked, "ValueError", r"mask .* none \(rank 0\); a function \(rank 1\)"),
        (scaled, "ValueError", r"scale .* None \(rank 0\); 2.0 \(rank 1\)"),
        (learned, "ValueError", r"requires_grad .*\(rank 0\).*\(rank 1\)"),
        (a_tensor, "TypeError", r"mask must be a function .* got Tensor \(rank 1\)"),
    ],
)  # fmt: skip
def test_what_one_rank_has_otherwise_is_named_on_all(crews, change, kind, says):
    results = crews[2](refusal, 1, change)
    assert results[0] == results[1]
    assert results[0][0] == kind
    assert re.search(says, results[0][1])


def meets(fate, how, at):
    """Call attention, in whose n-th bias rank 1 meets its fate; what the others are told."""
    calls = 0

    def bias(i, j):
        nonlocal calls
        calls += 1
        if dist.get_rank() == 1 and calls == at:
            fate()
        return 0.1 * (i - j)

    q = torch.randn(3, 4, 6, 8, requires_grad=True)
    try:
        out, map = ranks.attention(*q, bias=bias, how=how)
        out.sum().backward()
        map.window(slice(0, 2), slice(0, 2))
    except RuntimeError as error:
        return str(error)


def dies():
    os._exit(1)


def hangs():
    time.sleep(1000)


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("at", [1, 2, 5])
def test_a_rank_that_dies_is_named_by_all_others_before_any_time_is_up(tmp_path, how, at):
    crew = Crew(4, tmp_path)
    for pipe in crew.pipes:
        pipe.send((meets, (dies, how, at)))
    said = [crew.answer(rank) for rank in (0, 2, 3)]
    crew.close()
    assert [each[:13] for each in said] == ["rank 1 died: "] * 3


@pytest.mark.parametrize("at", [1, 3])
def test_a_rank_that_hangs_is_named_by_all_others_when_its_time_is_up(tmp_path, at):
    crew = Crew(4, tmp_path, seconds=1)
    for pipe in crew.pipes:
        pipe.send((meets, (hangs, "ring", at)))
    said = [crew.answer(rank) for rank in (0, 2, 3)]
    crew.close()
    assert [each[:22] for each in said] == ["rank 1 did not answer "] * 3


@given(
    rows=st.integers(1, 6),
    parts=st.lists(st.integers(1, 6), min_size=2, max_size=4),
    blind=st.integers(0, 6),
    size=st.sampled_from([1.0, 1e3]),
)
def test_merged_parts_are_the_whole(rows, parts, blind, size):
    q, k, v = (torch.randn(2, n, 4, dtype=torch.float64) for n in (rows, sum(parts), sum(parts)))
    mask = torch.rand(rows, sum(parts)) > 0.5
    mask[:blind] = False
    want, map = attention(q * size, k, v, mask=mask)
    out, lse = torch.full_like(want, torch.nan), want.new_full(want.shape[:-1], -torch.inf)
    for its_k, its_v, may in zip(
        *(x.split(parts, -2) for x in (k, v)), mask.split(parts, -1), strict=True
    ):
        other, tile = attention(q * size, its_k, its_v, mask=may)
        out, lse = ranks.merge(out, lse, other, tile.lse)
    torch.testing.assert_close(out, want, rtol=0, atol=1e-11)
    torch.testing.assert_close(lse, map.lse, rtol=1e-13, atol=1e-13)


def in_float32(size):
    """Errors of the output, and of the sums of the map's rows, where all keys are the same."""
    torch.manual_seed(0)
    count, (q, k, v) = dist.get_world_size(), torch.randn(3, 2, 24, 8)
    k = k[:, :1].expand(k.shape)
    own = [mine(x, [24 // count] * count, dist.get_rank()).clone() for x in (q * size, k, v)]
    out, map = ranks.attention(*own, how="ring")
    sums = map.window(slice(0, 24), slice(0, 24)).sum(-1)
    return (out - v.mean(-2, keepdim=True)).abs().max().item(), (sums - 1).abs().max().item()


@pytest.mark.parametrize("size", [1.0, 1e5])
def test_the_ring_loses_nothing_where_scores_are_large(crews, size):
    """At 1e5 a log-sum-exp in float32 would be off by 0.01, and so would be rows of the map."""
    for errors in crews[4](in_float32, size):
        assert max(errors) < 1e-5


def in_half(dtype, how):
    q = torch.randn(3, 4, 6, 8).to(dtype).requires_grad_()
    out, map = ranks.attention(*q, how=how)
    out.sum().backward()
    return str(out.dtype), str(q.grad.dtype), str(map.pooled(3).dtype)


@pytest.mark.parametrize("how", WAYS)
def test_dtypes_are_those_of_attention(crews, how):
    half = str(torch.bfloat16)
    assert crews[2](in_half, torch.bfloat16, how) == [(half, half, str(torch.float32))] * 2


def with_learned_bias(how):
    torch.manual_seed(dist.get_rank())
    slope = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    q, k, v = torch.randn(3, 2, 6, 4, dtype=torch.float64)
    ranks.attention(q, k, v, bias=lambda i, j: slope * (i - j), how=how)[0].sum().backward()
    found = [x.new_empty(x.shape) for x in (q, k, v) for _ in range(2)]
    for n, x in enumerate((q, k, v)):
        dist.all_gather(found[2 * n : 2 * n + 2], x)
    whole = slope.detach().clone().requires_grad_()
    parts = [torch.cat(found[2 * n : 2 * n + 2], -2) for n in range(3)]
    attention(*parts, bias=lambda i, j: whole * (i - j))[0].sum().backward()
    return slope.grad.item(), whole.grad.item()


@pytest.mark.parametrize("how", ["gather", "heads"])
def test_a_learned_bias_has_its_gradient_in_parts(crews, how):
    (one, whole), (other, _) = crews[2](with_learned_bias, how)
    assert one + other == pytest.approx(whole, abs=1e-13)


def test_the_ring_refuses_a_learned_bias(crews):
    with pytest.raises(ValueError, match='gives no gradients to a bias: take "gather" or "heads"'):
        crews[2](with_learned_bias, "ring")


def global_local(lengths, arguments):
    rank = dist.get_rank()
    torch.manual_seed(3)
    module = GlobalLocalAttention(8, 32, heads=2, **arguments).double().eval()
    x, grad = torch.randn(2, sum(lengths), 8, dtype=torch.float64)
    inputs = x.clone().requires_grad_()
    y, maps = module(inputs)
    y.backward(grad)
    wanted = [p.grad for p in module.parameters()]
    module.zero_grad(set_to_none=True)
    own = mine(x, lengths, rank).clone().requires_grad_()
    before = ranks.sent()
    out, found = ranks.global_local(module, own)
    sent = ranks.sent() - before
    out.backward(mine(grad, lengths, rank))
    sums = [torch.zeros_like(p) if p.grad is None else p.grad for p in module.parameters()]
    for gradient in sums:
        dist.all_reduce(gradient)
    pairs = [(out, mine(y, lengths, rank)), (own.grad, mine(inputs.grad, lengths, rank))]
    pairs += [*zip(sums, wanted, strict=True)]
    pairs += [(found.whole.pooled(5), maps.whole.pooled(5))]
    first = sum(m.shape[-1] > 0 for m in maps.segments)
    errors = [(a - b).abs().max().item() for a, b in pairs]
    return errors, sent, [m.shape[-1] for m in found.segments], first


@given(
    cuts=st.lists(st.integers(0, 39), min_size=3, max_size=3, unique=True).map(sorted),
    segments=st.sampled_from([None, 2, 4, 8]),
    pos_enc=st.sampled_from([None, "absolute", "relative"]),
)
@settings(max_examples=20)
def test_global_local_is_the_module(crews, cuts, segments, pos_enc):
    ends = [0, *(cut + 1 for cut in cuts), 41]
    lengths = [b - a for a, b in zip(ends, ends[1:], strict=False)]
    arguments = {"num_segments": segments, "fusion": segments and "add", "pos_enc": pos_enc}
    results = crews[4](global_local, lengths, arguments)
    for errors, *_ in results:
        assert max(errors) < 1e-13
    widths = [n for _, _, its, _ in results for n in its]
    assert sum(widths) == (41 if segments else 0)
    assert len(widths) == results[0][3]


def test_the_local_branch_sends_nothing_where_segments_lie_inside_ranks(crews):
    arguments = {"num_segments": 4, "fusion": "add"}
    with_local = crews[2](global_local, [16, 16], arguments)
    alone = crews[2](global_local, [16, 16], {})
    assert [result[1] for result in with_local] == [result[1] for result in alone]
    across = crews[2](global_local, [12, 20], arguments)
    assert across[0][1] + across[1][1] > alone[0][1] + alone[1][1]


def global_local_in_training():
    ranks.global_local(GlobalLocalAttention(8, 32), torch.randn(4, 8))


def test_global_local_refuses_dropout(crews):
    with pytest.raises(ValueError, match="module must be in eval mode"):
        crews[2](global_local_in_training)


def mapped(how):
    torch.vmap(lambda *x: ranks.attention(*x, how=how)[0])(*torch.randn(3, 2, 4, 6, 8))


def compiled(how):
    q = torch.randn(3, 2, 4, 6, 8)
    call = lambda *x: 2 * ranks.attention(*x, how=how)[0]
    return (torch.compile(call, backend="eager")(*q) - call(*q)).abs().max().item()


@pytest.mark.parametrize("how", WAYS)
def test_vmap_is_pytorchs_own_error(crews, how):
    with pytest.raises(RuntimeError, match="functorch transforms"):
        crews[2](mapped, how)


def test_what_is_compiled_calls_it_as_it_is(crews):
    assert crews[2](compiled, "ring") == [0.0, 0.0]


def by_torch(lengths):
    spec = SPEC | {"queries": lengths, "keys": lengths, "how": "torch"}
    out, grads, maps, _ = piece(spec)
    return out, grads, maps


def test_torch_serves_plain_attention(crews):
    spec = spec_of(2)
    out, grads, maps = whole(spec)
    for rank, (its_out, its_grads, its_maps) in enumerate(crews[2](by_torch, spec["keys"])):
        for got, want in zip((its_out, *its_grads), (out, *grads), strict=True):
            close(got, mine(want, spec["keys"], rank), want)
        for got, want in zip(its_maps, maps, strict=True):
            close(got, want, want)


def test_torch_refuses_what_it_does_not_do(crews):
    with pytest.raises(
        ValueError, match=r'as many rows on every rank, got \[5, 6\]: take "gather"'
    ):
        crews[2](by_torch, [5, 6])
    with pytest.raises(ValueError, match="takes no bias and no mask"):
        crews[2](piece, spec_of(2, mask="causal", how="torch"))
    with pytest.raises(ValueError, match='"heads": 4 ranks must divide H=2 heads'):
        crews[4](piece, spec_of(4, heads=2, how="heads"))


def _dtensor(x, dim):
    from torch.distributed.tensor import Shard, distribute_tensor, init_device_mesh

    return distribute_tensor(x, init_device_mesh("cpu", (dist.get_world_size(),)), [Shard(dim)])


class ByContextParallel:
    """PyTorch's `context_parallel`: it cuts whole tensors, and replaces its attention inside."""

    def __call__(self, q, k, v, kernel, **how):
        from torch.distributed.tensor import init_device_mesh
        from torch.distributed.tensor.experimental import context_parallel

        mesh = init_device_mesh("cpu", (dist.get_world_size(),))
        buffers = [x.clone() for x in (q, k, v)]
        one = torch.ones((), dtype=q.dtype, requires_grad=True)  # buffers have no gradients
        with context_parallel(mesh, buffers=buffers, buffer_seq_dims=[2, 2, 2]), kernel:
            result = F.scaled_dot_product_attention(*(one * x for x in buffers), **how)
            result.sum().backward()
        return result, one.grad


class ByDTensor:
    def __call__(self, q, k, v, kernel, **how):
        parts = [_dtensor(x, 2).requires_grad_() for x in (q, k, v)]
        with kernel:
            result = F.scaled_dot_product_attention(*parts, **how)
            result.sum().backward()
        return result.to_local(), parts[0].grad


class ByRanks:
    def __call__(self, q, k, v, kernel, is_causal=False, attn_mask=None):
        rank, count = dist.get_rank(), dist.get_world_size()
        parts = [x.tensor_split(count, 2)[rank].clone().requires_grad_() for x in (q, k, v)]
        mask = TERMS["causal"](0) if is_causal else attn_mask
        result = ranks.attention(*parts, mask=mask)
        result[0].sum().backward()
        return result, parts[0].grad


class ByFSDP:
    """PyTorch's `fully_shard`: parameters are cut; each rank brings rows of its own."""

    def __call__(self, q, k, v, kernel, **how):
        from torch.distributed.fsdp import fully_shard
        from torch.distributed.tensor import init_device_mesh

        rank, count = dist.get_rank(), dist.get_world_size()
        module = torch.nn.Linear(q.shape[-1], q.shape[-1], bias=False).to(q.dtype)
        torch.nn.init.eye_(module.weight)
        fully_shard(module, mesh=init_device_mesh("cpu", (count,)))
        parts = [x.tensor_split(count, 2)[rank].clone() for x in (q, k, v)]
        result = F.scaled_dot_product_attention(module(parts[0]), *parts[1:], **how)
        result.sum().backward()
        return result, module.weight.grad


BESIDE = {"ranks": ByRanks, "context_parallel": ByContextParallel, "DTensor": ByDTensor}
BESIDE["fully_shard"] = ByFSDP


def beside(column, row):
    """What a cell of the table says: "yes", "no", or an error."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    length = 31 if row == "lengths that differ" else 32
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 1, 4, length, 8, dtype=torch.float64)
    asked, kernel = {}, sdpa_kernel(SDPBackend.MATH)
    if row == "causal":
        asked, kernel = {"is_causal": True}, sdpa_kernel(SDPBackend.FLASH_ATTENTION)
    if row == "a mask f(i, j)":
        asked = {"attn_mask": TERMS["causal"](0)}
    want = F.scaled_dot_product_attention(q, k, v, is_causal=bool(asked))
    rank, count = dist.get_rank(), dist.get_world_size()
    try:
        result, grad = BESIDE[column]()(q, k, v, kernel, **asked)
    except Exception as error:
        return type(error).__name__
    out = result[0] if isinstance(result, tuple) else result
    place = want.tensor_split(count, 2)[rank]
    # context_parallel gives the first piece the last one too, for balance.
    pieces = want.chunk(2 * count, 2)
    balanced = torch.cat([pieces[rank], pieces[-1 - rank]], 2)
    in_order, somewhere = (
        x.shape == out.shape and (x - out).abs().max() < 1e-14 for x in (place, balanced)
    )
    found = {
        "rows stay in order": bool(in_order),
        "gradients": grad is not None,
        "a map": isinstance(result, tuple) and hasattr(result[1], "pooled"),
    }
    return "yes" if found.get(row, bool(in_order or somewhere)) else "no"


def table():
    """The cells of the table in docs/ranks.md: row, column, what it says."""
    text = PAGE.read_text(encoding="utf-8").split("<!-- beside -->")[1].split("<!-- end -->")[0]
    head, _, *rows = [
        [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        for line in text.strip().splitlines()
    ]
    return [
        (row[0], name, cell) for row in rows for name, cell in zip(head[1:], row[1:], strict=True)
    ]


def cell(crew, column, row):
    try:
        said = crew(beside, column, row)
    except EOFError:
        return "crash"
    return next((each for each in said if each != "yes"), "yes")


def test_the_table_beside_pytorchs_own(crews, tmp_path):
    claims = {(row, column): says for row, column, says in table() if says not in ("–", "crash")}
    assert claims == {(row, column): cell(crews[2], column, row) for row, column in claims}
    (crash,) = [(row, column) for row, column, says in table() if says == "crash"]
    crew = Crew(2, tmp_path, seconds=5)
    assert cell(crew, *reversed(crash)) == "crash"
    crew.close()
