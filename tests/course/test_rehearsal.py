"""What a rehearsal foretells is what a run takes; and it leaves no trace."""

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from attnlib import BlockAttention, SelfAttention
from attnlib.course import memory, rehearsal
from attnlib.course.rehearsal import Ledger, check_run, rehearse


def call(module, x):
    return module(x)


def weigh(module, x):
    return module(x)[1].weights()


def learn(module, x):
    y = module(x)
    (y[0] if isinstance(y, tuple) else y).sum().backward()


@pytest.fixture
def free(monkeypatch):
    def pretend(amount):
        for each in (memory, rehearsal):
            monkeypatch.setattr(each, "free_memory", lambda device: amount)

    return pretend


MODULES = {
    "a map, whole": (weigh, lambda: SelfAttention(8, 8, heads=2), (200, 8)),
    "blocks": (learn, lambda: BlockAttention(8, 2), (2, 30, 16, 8)),
    "PyTorch's": (call, lambda: nn.TransformerEncoderLayer(8, 2, batch_first=True), (3, 200, 8)),
    "gradients": (
        learn,
        lambda: nn.Sequential(nn.Linear(8, 80), nn.ReLU(), nn.Linear(80, 8)),
        (9, 8),
    ),
    "half": (call, lambda: nn.Linear(8, 300).bfloat16(), (2, 50, 8)),
    "a function": (call, lambda: attend, (70, 8)),
}


@pytest.mark.parametrize("kind", MODULES)
def test_it_foretells_what_is_alive_in_the_run(kind):
    run, make, shape = MODULES[kind]
    module = make()
    x = torch.randn(shape, dtype=torch.bfloat16 if kind == "half" else torch.float32)
    foretold = rehearse(run, module, x, shape)
    with Ledger() as ledger:
        run(module, x.clone())
    assert foretold == pytest.approx(ledger.most, rel=0.5)


def attend(x):
    return torch.softmax(x @ x.mT, -1) @ x


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 400), st.integers(1, 400))
def test_it_grows_with_the_size(one, other):
    x = torch.zeros(2, 4)
    small, large = (rehearse(call, attend, x, (n, 4)) for n in sorted((one, other)))
    assert small <= large
    assert small < large or one == other


class Remembers(nn.Module):
    """Keeps what it has seen, counts, prints, and draws: as modules do."""

    def __init__(self):
        super().__init__()
        self.seen, self.count = torch.zeros(0, 4), 0
        self.register_buffer("mean", torch.zeros(4))

    def forward(self, x):
        print("forward")
        self.count += 1
        self.seen = torch.cat([self.seen, x])
        self.mean.add_(x.mean(0))
        return nn.functional.dropout(x)


def test_it_leaves_no_trace(capsys):
    module, x = Remembers(), torch.ones(3, 4)
    before = torch.get_rng_state()
    assert rehearse(call, module, x, (1000, 4)) > 1000 * 4 * 4
    assert capsys.readouterr() == ("", "")
    assert torch.get_rng_state().equal(before)
    assert module.count == 0 and module.seen.shape == (0, 4) and not module.mean.any()
    assert type(module.seen) is torch.Tensor


def test_what_surely_fits_is_not_rehearsed(monkeypatch):
    monkeypatch.setattr(rehearsal, "rehearse", None)
    check_run("xray", call, nn.Identity(), torch.zeros(100, 64))


def test_what_does_not_fit_is_refused_and_never_run(free):
    class Real(nn.Module):
        def forward(self, x):
            assert type(x) is not torch.Tensor, "this would take the memory"
            return x[:, None] * x

    free(1e6)
    x = torch.zeros(5000, 4)
    said = r"^work of x of shape \(5000, 4\) would take about \d+ MB, and 1 MB are free: x of"
    with pytest.raises(MemoryError, match=rf"{said} shape \(\d+, 4\) would fit$"):
        check_run("work", call, Real(), x)


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 40), st.integers(1, 400), st.floats(2e3, 1e6))
def test_what_is_proposed_is_accepted(batch, length, amount):
    with pytest.MonkeyPatch.context() as patch:
        for each in (memory, rehearsal):
            patch.setattr(each, "free_memory", lambda device: amount)
        said = refusal(torch.zeros(batch, length, 4))
        if said and "would fit" in said:
            proposed = map(int, re.findall(r"\d+", said.split("free: ")[1]))
            assert refusal(torch.zeros(*proposed)) is None


def refusal(x):
    """What is said of an x, or None where nothing is refused."""
    try:
        check_run("work", call, attend, x)
    except MemoryError as error:
        return str(error)
    return None


def test_a_module_that_looks_at_numbers_is_not_refused(free):
    free(10.0)
    check_run(
        "work", lambda module, x: module(x), lambda x: x[: int(x.sum().item())], torch.ones(9, 4)
    )


def test_where_only_one_length_runs_nothing_is_proposed(free):
    class Fixed(nn.Module):
        def forward(self, x):
            return x + torch.zeros(500, 4)

    free(10.0)
    with pytest.raises(MemoryError, match=r"expected something smaller$"):
        check_run("work", call, Fixed(), torch.zeros(500, 4))
