"""What a map costs: nothing until looked at, and never N×N for a window or a pooled map."""

import pytest
import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from attnlib import (
    AbsolutePositions,
    AttentionMap,
    GlobalLocalAttention,
    SelfAttention,
    attention,
    maps,
)
from attnlib.kernels import dropped


class Allocations(TorchDispatchMode):
    """Bytes of everything that PyTorch's operations make inside, and of what is still alive."""

    def __init__(self):
        super().__init__()
        self.born = {}

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        for x in tree_leaves(result):
            if isinstance(x, torch.Tensor):
                storage = x.untyped_storage()
                self.born.setdefault(StorageWeakRef(storage), storage.nbytes())
        return result

    @property
    def largest(self):
        return max(self.born.values(), default=0)

    @property
    def alive(self):
        return sum(size for storage, size in self.born.items() if not storage.expired())


def largest(work):
    with Allocations() as allocations:
        work()
    return allocations.largest


def near(i, j):
    return (i - j).abs() < 100


LOOKS = {
    "window": lambda map: map.window(slice(10, 50), slice(20, 30)),
    "tall window": lambda map: map.window(slice(0, None), slice(20, 24)),
    "pooled mean": lambda map: map.pooled(16),
    "pooled max": lambda map: map.pooled(16, "max"),
    "pooled unevenly": lambda map: map.pooled(37),
    "pooled window": lambda map: map.pooled(37, "max", slice(3, None), slice(5, None)),
    "lse": lambda map: map.lse,
}
TERMS = {
    "nothing": lambda n, device: {},
    "a function": lambda n, device: {"mask": near, "bias": lambda i, j: (i - j) / n},
    "positions": lambda n, device: {"bias": AbsolutePositions(n, 16)},
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("known", [False, True], ids=["", "lse known"])
def test_memory_grows_with_n_not_with_its_square(look, terms, dtype, known, device, monkeypatch):
    monkeypatch.setattr(maps, "STRIP_BYTES", 2**14)

    def peak(n):
        q = torch.randn(2, n, 4, device=device, dtype=dtype)
        lse = torch.zeros(2, n, device=device) if known else None
        map = AttentionMap(q, q, scale=1.0, lse=lse, **TERMS[terms](n, device))
        return largest(lambda: LOOKS[look](map))

    assert peak(400) <= 2.2 * max(peak(200), 2**14)
    assert peak(400) < 400 * 400  # one head's weights would take four times that


@pytest.mark.parametrize("look", LOOKS)
def test_strips_are_small_as_they_come(look, device):
    q = torch.randn(4, 2048, 4, device=device)
    map = AttentionMap(q, q, scale=1.0)
    assert largest(lambda: LOOKS[look](map)) <= 2 * maps.STRIP_BYTES < 4 * 2048**2 * 4


def test_the_ruler_sees_the_whole_map(device):
    q = torch.randn(2, 512, 4, device=device)
    assert largest(AttentionMap(q, q, scale=1.0).weights) >= 2 * 512**2 * 4


def test_a_map_costs_nothing_until_it_is_looked_at(device):
    q = torch.randn(2, 512, 4, device=device)
    with Allocations() as allocations:
        map = AttentionMap(q, q, scale=1.0)
        shape = map.detach().shape
    assert shape == (2, 512, 512)
    assert sum(allocations.born.values()) <= 2 * q.nbytes  # no more than what detach() names anew


def test_attention_itself_forms_no_weights(device):
    q = torch.randn(2, 1, 2, 512, 4, device=device)
    assert largest(lambda: attention(q, q, q)) < 512 * 512


def test_with_dropout_in_strips_a_bit_a_weight_is_all_there_is(monkeypatch):
    monkeypatch.setattr(dropped, "STRIP", 2**14)
    n = 1024
    q, k, v = (torch.randn(2, n, 4, requires_grad=True) for _ in range(3))
    bias, mask = torch.randn(n, n), torch.ones(n, n).tril().bool()
    bits = 2 * n * n // 8  # bytes; the weights of one head would take 16 times as many
    with Allocations() as allocations:
        for given in (bias, mask):
            allocations.born[StorageWeakRef(given.untyped_storage())] = 0
        how = {"scale": 1.0, "bias": bias, "mask": mask, "dropout": 0.5}
        out, _ = dropped.attend(q, k, v, **how)
        for_the_backward = allocations.alive
        out.sum().backward()
    assert allocations.largest <= bits
    assert for_the_backward <= bits + 8 * q.nbytes


@pytest.mark.parametrize("name", ["bias", "mask"])
def test_a_bias_or_mask_of_all_groups_is_not_copied_for_each(name, device):
    q = torch.randn(4, 8, 2, 64, 4, device=device)
    term = torch.rand(64, 64, device=device)
    term = term > 0.3 if name == "mask" else term
    assert largest(lambda: attention(q, q, q, **{name: term})) <= max(q.nbytes, 64 * 64 * 4)


def train(module, lengths, keep):
    """Bytes alive after each step, with what the steps so far left in a log."""
    log, alive = [], []
    device = next(module.parameters()).device
    with Allocations() as allocations:
        for length in lengths:
            y, map = module(torch.randn(length, 8, device=device))
            y.square().sum().backward()
            module.zero_grad(set_to_none=True)
            log.append(keep(map))
            del y, map
            alive.append(allocations.alive)
    return alive


MODULES = {
    "self": (lambda: SelfAttention(8, 8, heads=2, pos_enc="absolute"), 3 * 8),
    "global and local": (
        lambda: GlobalLocalAttention(
            8, 16, pos_enc="relative", num_segments=2, heads=2, fusion="add"
        ),
        3 * 16 + 3 * 8,
    ),
}
LENGTHS = {"one length": (200,) * 8, "two lengths in turn": (200, 201) * 4}


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("lengths", LENGTHS)
def test_a_log_of_detached_maps_grows_by_their_queries_and_keys_only(name, lengths, device):
    module, width = MODULES[name]  # queries, keys and the values that lie beside them
    alive = train(module().to(device), LENGTHS[lengths], lambda map: map.detach())
    a_step = (alive[7] - alive[3]) / 4  # the first steps may fill caches
    assert a_step <= 201 * width * 4  # bytes; one head's weights would take 160 000


@pytest.mark.parametrize("name", MODULES)
def test_looking_at_a_stored_map_leaves_nothing_behind(name, device):
    module = MODULES[name][0]().to(device)
    with Allocations() as allocations:
        y, map = module(torch.randn(200, 8, device=device))
        stored = map.detach()
        before = allocations.alive
        parts = (stored.whole, *stored.segments) if hasattr(stored, "whole") else (stored,)
        for part in parts * 2:  # what the first look keeps serves the second
            part.weights()
            part.pooled(5)
            LOOKS["lse"](part)
        numbers = sum(part.shape[:-1].numel() for part in parts)  # a log-sum-exp a row and head
        assert allocations.alive - before <= numbers * 4


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("lengths", LENGTHS)
def test_training_without_a_log_keeps_nothing(name, lengths, device):
    alive = train(MODULES[name][0]().to(device), LENGTHS[lengths], lambda map: None)
    assert alive[7] == alive[3]


def test_the_ruler_sees_a_graph_that_is_kept(device):
    module = MODULES["self"][0]().to(device)
    detached = train(module, (200,) * 6, lambda map: map.detach())
    kept = train(module, (200,) * 6, lambda map: (map, map.weights()))
    assert kept[5] > 2 * detached[5]
