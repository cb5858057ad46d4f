"""How a module is called, and what is said when no way is found."""

import pytest
import torch
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from attnlib.course.compare.calling.forms import blocks
from attnlib.course.compare.calling.search import calls, given_apart
from attnlib.course.compare.calling.unreadable import Unreadable
from attnlib.course.compare.judging.masks import masked
from tests.course.compare.modules import HEADS, ByHand, C, Fused, Lists, Separate, causal


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


class Causal(nn.Module):
    """It would run as (L, B, C) too, and the first input of a batch would not notice."""

    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(C, 3 * C)

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        return functional.scaled_dot_product_attention(q, k, v, is_causal=True)


class Placed(nn.Module):
    """Its table of positions may be left out, by its signature; not by its code."""

    def __init__(self):
        super().__init__()
        self.head_dim = C
        self.qkv = nn.Linear(C, 3 * C)

    def forward(self, hidden_states, position_embeddings=None, **kwargs):
        cos, sin = position_embeddings
        q, k, v = self.qkv(hidden_states).chunk(3, dim=-1)
        q, k = (part * cos + part.roll(C // 2, -1) * sin for part in (q, k))
        return functional.scaled_dot_product_attention(q, k, v)


def rotary_of_this_file(size, length):
    """No rotation, but not what is usual either."""
    return torch.full((length, size), 0.25), torch.zeros(length, size)


class OnlySquares(Fused):
    """Forty-nine tokens, no other number."""

    def forward(self, x):
        return super().forward(x.view(len(x), 7, 7, C).flatten(1, 2))


class Nested(Fused):
    """What it gives is in a mapping."""

    def forward(self, hidden_states, past_key_values=None, start_pos: int = 0, rotary_pos_emb=None):
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


@pytest.mark.parametrize("pieces", [2, 3])
def test_what_cuts_its_first_axis_does_not_take_the_batch_for_it(pieces):
    class Cut(nn.Module):
        """(L, …, C): each piece of the tokens has a matrix of its own."""

        def __init__(self):
            super().__init__()
            self.matrices = nn.ParameterList(torch.randn(C, C) for _ in range(pieces))

        def forward(self, x):
            parts = x.split(-(-len(x) // pieces))
            return torch.cat([x @ w for x, w in zip(parts, self.matrices, strict=False)])

    assert [call.form.shape for call in calls(Cut())] == ["(L, B, C)", "(L, C)"]


def test_a_causal_module_does_not_take_its_batch_for_the_tokens():
    assert "(L, B, C)" not in [call.form.shape for call in calls(Causal())]


def test_what_may_be_left_out_is_given_where_nothing_runs_without():
    assert "position_embeddings = rotary tables" in calls(Placed())[0].said
    assert calls(Nested())[0].given == {"hidden_states": "x"}


def test_with_a_mask_positions_are_those_of_the_plain_call():
    class Masked(Placed):
        def forward(self, x, position_embeddings, mask=None):
            q = k = v = self.qkv(x).chunk(3, dim=-1)[0] * position_embeddings[0]
            return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)

    Masked.__module__ = __name__
    call = calls(Masked())[0]
    x = [torch.randn(1, 7, C, dtype=torch.float64)]
    plain, *both = (each.arguments(x, 7) for each in (call, *masked(call, call)))
    assert plain["position_embeddings"][0].unique() == 0.25
    for each in both:
        assert torch.equal(each["position_embeddings"][0], plain["position_embeddings"][0])


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


class Counting(Fused):
    """It counts how often it was called, and says so."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return self.calls * super().forward(x)


class Largest(Fused):
    """It divides by the largest number that it has ever seen: a second call is no other."""

    def __init__(self):
        super().__init__()
        self.register_buffer("largest", torch.zeros(()))

    def forward(self, x):
        self.largest = torch.maximum(self.largest, x.abs().max())
        return super().forward(x / self.largest)


class Dropping(Fused):
    """Dropout that does not stop in eval."""

    def forward(self, x):
        return nn.functional.dropout(super().forward(x))


class Filling(Fused):
    """It fills a cache, but gives the same whenever it is asked the same."""

    def __init__(self):
        super().__init__()
        self.register_buffer("cache", torch.zeros(0))

    def forward(self, x):
        self.cache = x
        return super().forward(self.cache)


class Model(nn.Module):
    """Tokens are whole numbers here."""

    def __init__(self):
        super().__init__()
        self.embed, self.attention, self.head = nn.Embedding(50, C), Fused(), nn.Linear(C, 50)

    def forward(self, ids):
        return self.head(self.attention(self.embed(ids)))


class Scaled(Fused):
    """It wants a factor that nobody knows."""

    def forward(self, x, temperature):
        return super().forward(x) / temperature.value


class OwnBlocks(nn.ModuleList):
    """As many blocks as it has parts, no other number."""

    def __init__(self, blocks):
        super().__init__(Fused() for _ in range(blocks))

    def forward(self, x):
        parts = zip(self, x.unbind(1), strict=True)
        return torch.stack([part(block) for part, block in parts], 1)


def quantised():
    module = Fused()
    whole = torch.zeros(3 * C, C, dtype=torch.int8)
    module.qkv.weight = nn.Parameter(whole, requires_grad=False)
    return module


@pytest.mark.parametrize(
    ("make", "kind", "said"),
    [
        (Locked, Unreadable, r"module cannot be copied: .*\(Locked\) gives .*: one of a kind"),
        (lambda: nn.PReLU(), Unreadable, "of module, a PReLU, do not tell its width C: give"),
        (lambda: nn.Bilinear(3, 4, 5), Unreadable, r"call module, a Bilinear.*\(B, L, C\), C=.*L="),
        (lambda: torch.softmax, TypeError, "module must be an nn.Module, got builtin.*: put"),
        (lambda: 3, TypeError, "module must be an nn.Module, got int"),
        (Counting, Unreadable, "module must give the same .* Counting changes itself.*: take that"),
        (Largest, Unreadable, "Largest changes itself"),
        (Dropping, Unreadable, "or draws random numbers"),
        (Model, Unreadable, 'Model takes whole .*, such as module.get_submodule."attention"'),
        (
            Scaled,
            Unreadable,
            r"forward takes \(x, temperature\). Wrap it in a module whose forward",
        ),
        (quantised, Unreadable, "qkv.weight is int8: give the module before it was quantised"),
        (lambda: Fused().to("meta"), Unreadable, "qkv.weight has none yet"),
        (lambda: nn.LazyLinear(C), Unreadable, "weight has none yet .*run the module once"),
    ],
)
def test_bad_input_is_named(make, kind, said):
    with pytest.raises(kind, match=said):
        calls(make())


@pytest.mark.parametrize("width", [0, -C, 3.0, True, "C"])
def test_a_width_is_a_whole_number(width):
    with pytest.raises(ValueError, match=f"width must be a whole number .*, got {width!r}"):
        calls(Fused(), width=width)


def test_a_module_may_keep_what_it_likes_while_it_gives_the_same():
    assert calls(Filling())[0].width == C


@pytest.mark.parametrize("blocks", [2, 3, 5])
def test_so_many_blocks_as_the_module_wants_are_found(blocks):
    (call,) = calls(OwnBlocks(blocks))
    assert (call.form.shape, call.form.groups) == ("(B, G, N, C)", blocks)


@limits(max_examples=20)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4))
def test_blocks_are_cut_from_the_tokens_in_their_order(batch, count, tokens):
    x = torch.randn(batch, count * tokens, C)
    form = blocks(count)
    assert form.enter(x).shape == (batch, count, tokens, C)
    assert torch.equal(form.enter(x)[:, -1], x[:, -tokens:])
    assert torch.equal(form.leave(form.enter(x)), x)


def test_who_hides_all_later_inputs_is_not_called_with_the_batch_for_the_sequence():
    # Causal over the batch: the first input is the same beside any other, the second is not.
    assert [call.form.shape for call in calls(Fused(mask=causal))] == ["(B, L, C)"]


class Named(Separate):
    """Values come first, but names tell."""

    def forward(self, v, k, q):
        return super().forward(q, k, v, None)


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (Separate, ["query", "key", "value"]),
        (Named, ["q", "k", "v"]),
        (lambda: nn.MultiheadAttention(C, HEADS), ["query", "key", "value"]),
    ],
)
def test_queries_keys_and_values_of_their_own_are_given_by_name(make, names):
    call = given_apart(calls(make())[0])
    assert call.inputs == names
    one, *others = torch.randn(3, 2, 1, C, dtype=torch.float64)
    # One token sees itself alone: what comes out depends on its value.
    y = call.run(torch.cat([one, *others], -1))
    assert torch.allclose(y, call.run(torch.cat([others[0], one, others[1]], -1)))
    assert not torch.allclose(y, call.run(torch.cat([one, others[1], others[0]], -1)))


def test_who_takes_x_alone_takes_no_keys():
    assert given_apart(calls(Fused())[0]) is None
