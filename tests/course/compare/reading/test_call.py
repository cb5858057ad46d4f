"""How a module is called, and what is said when no way is found."""

import pytest
import torch
from torch import nn

from attnlib.course.compare.reading import Unreadable, calls
from tests.course.compare.reading.modules import HEADS, ByHand, C, Fused, Lists, Separate


class Kept(nn.Module):
    """It keeps its last map, with its graph."""

    def __init__(self):
        super().__init__()
        self.inner = Fused()

    def forward(self, x):
        self.last = self.inner(x)
        return self.last


class Locked(Fused):
    """It cannot be copied."""

    def __deepcopy__(self, memo):
        raise RuntimeError("one of a kind")


class Changes(Fused):
    """It writes into x."""

    def forward(self, x):
        x *= 2
        return super().forward(x)


class Mixed(Fused):
    """Tokens of all inputs see one another."""

    def forward(self, x):
        return super().forward(x.reshape(1, -1, C)).view(x.shape)


class OnlySquares(Fused):
    """Forty-nine tokens, no other number."""

    def forward(self, x):
        return super().forward(x.view(len(x), 7, 7, C).flatten(1, 2))


class Nested(Fused):
    """What it gives is in a mapping."""

    def forward(self, hidden_states, past_key_values=None, start_pos: int = 0):
        return {"hidden": super().forward(hidden_states), "cache": past_key_values}


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (Fused, "(B, L, C)"),
        (Separate, "(B, L, C)"),
        (ByHand, "(L, B, C)"),
        (Lists, "(L, C)"),
        (lambda: nn.MultiheadAttention(C, HEADS), "(L, B, C)"),
        (lambda: nn.MultiheadAttention(C, HEADS, batch_first=True), "(B, L, C)"),
        (Changes, "(B, L, C)"),
        (Nested, "(B, L, C)"),
    ],
)
def test_the_form_and_the_width_are_found_without_x(make, shape):
    call = calls(make())[0]
    assert (call.form.shape, call.width) == (shape, C)
    x = torch.randn(3, call.length, C, dtype=torch.float64)
    kept = x.clone()
    assert call.run(x).shape == x.shape
    assert torch.equal(x, kept)


def test_what_is_given_is_said():
    said = calls(Separate())[0].said
    assert "query = x, key = x, value = x, mask = None" in said
    assert f"x is (B, L, C), C = {C}" in said
    assert "causal, True = may attend" in calls(Separate(), causal=True)[0].said


def test_a_length_that_runs_is_found():
    assert calls(OnlySquares())[0].length == 49


def test_inputs_of_a_batch_are_kept_apart_where_any_form_does():
    # Alone in its batch each input is kept apart.
    assert [call.form.shape for call in calls(Mixed())] == ["(L, C)"]


def test_the_module_itself_is_left_alone():
    module = Fused().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    call = calls(module)[0]
    assert call.module is not module
    assert module.training and not call.module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(p.requires_grad for p in module.parameters())


def test_what_a_module_keeps_of_its_last_run_is_no_obstacle():
    module = Kept()
    module(torch.randn(1, 5, C))
    assert calls(module)[0].width == C
    assert module.last.grad_fn is not None


@pytest.mark.parametrize(
    ("make", "kind", "said"),
    [
        (Locked, Unreadable, "Locked cannot be copied: RuntimeError: one of a kind"),
        (lambda: nn.Softmax(-1), Unreadable, "Softmax do not tell its width C"),
        (lambda: nn.Bilinear(3, 4, 5), Unreadable, r"no way to call Bilinear.*\(B, L, C\), C=.*L="),
        (lambda: torch.softmax, TypeError, "an nn.Module is needed, got builtin"),
    ],
)
def test_bad_input_is_named(make, kind, said):
    with pytest.raises(kind, match=said):
        calls(make())
