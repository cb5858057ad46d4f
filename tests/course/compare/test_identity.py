"""Same, different or undecided: the verdict, what is printed, and that nothing else is touched."""

import copy
import math

import pytest
import torch
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from torch import nn

from attnlib import BlockAttention, GlobalLocalAttention, SelfAttention
from attnlib.course import memory
from attnlib.course.compare import (
    NEST,
    PGLSUM,
    VALUES,
    DialledAttention,
    Move,
    Unreadable,
    dead,
    same,
    turned,
)

C = 8


def blocks(heads=2, bias=True):
    return BlockAttention(C, heads, qkv_bias=bias)


def frames(heads=2, output_size=C, pos_enc=None):
    return SelfAttention(C, output_size, heads=heads, pos_enc=pos_enc)


def fused(fusion="add"):
    return GlobalLocalAttention(C, C, num_segments=2, heads=2, fusion=fusion)


def multihead(heads=2, bias=True, batch_first=True):
    return nn.MultiheadAttention(C, heads, bias=bias, batch_first=batch_first)


def dialled(dials=NEST, **changes):
    return DialledAttention(turned(dials, **changes), C, 2, 2)


SAME = {
    "itself": (blocks, blocks),
    "functional twins": (blocks, multihead),
    "batch first or not": (multihead, lambda: multihead(batch_first=False)),
    "no bias": (frames, lambda: multihead(bias=False)),
    "positions of both": (lambda: frames(pos_enc="relative"), lambda: frames(pos_enc="relative")),
    "merge order": (dialled, lambda: dialled(merge="h d")),
    "key and value bias": (dialled, lambda: dialled(key_value_bias=False)),
    "how it is computed": (
        dialled,
        lambda: dialled(input="one group at a time", projections="one a head"),
    ),
}


@pytest.mark.parametrize("pair", SAME)
def test_where_only_notation_differs_they_are_the_same(pair):
    finding = same(*(make() for make in SAME[pair]))
    assert finding.verdict == "same", finding
    assert finding.witnesses == ()
    assert finding.special is None
    text = repr(finding)
    assert text.startswith("SAME both ways, worst ")
    assert "(float64, eval, L = " in text.splitlines()[0]
    assert text.count(" called with ") == 2
    lines = [line.strip() for line in text.splitlines()]
    for move in (finding.forth, finding.back):
        assert isinstance(move, Move)
        assert all(line.strip() in lines for line in move.code.splitlines())


# (f, g, the special case, what is told)
DIFFERENT = {
    "query bias": (multihead, lambda: blocks(bias=False), "g", "only g obeys"),
    "output bias": (lambda: blocks(bias=False), frames, "g", "tokens of zeros give rows of zeros"),
    "positions": (frames, lambda: frames(pos_enc="absolute"), None, "permuting the tokens"),
    "output width": (frames, lambda: frames(output_size=4), "g", "rank 2"),
    "fusion": (frames, fused, None, "only f obeys"),
    "who sees whom": (dialled, lambda: dialled(sees="all tokens"), None, "influences row"),
}


@pytest.mark.parametrize("pair", DIFFERENT)
def test_different_is_told_with_its_witness_and_a_special_case_with_its_move(pair):
    make_f, make_g, special, said = DIFFERENT[pair]
    finding = same(make_f(), make_g())
    assert finding.verdict == "different", finding
    assert finding.special == special
    text = repr(finding)
    assert text.startswith("DIFFERENT")
    assert said in text
    for name, way in (("f", finding.forth), ("g", finding.back)):
        assert isinstance(way, Move) == (name == special)
    if special:
        assert f"{special} is a special case of" in text.splitlines()[0]


def test_a_window_is_told_with_the_length_up_to_which_it_does_not_matter():
    class Windowed(nn.Module):
        def __init__(self, window):
            super().__init__()
            self.qkv, self.out, self.window = nn.Linear(C, 3 * C), nn.Linear(C, C), window

        def forward(self, x):
            q, k, v = self.qkv(x).unflatten(-1, (3, 2, C // 2)).permute(2, 0, 3, 1, 4)
            i = torch.arange(x.shape[1])
            near = (i[:, None] - i).abs() < self.window
            y = (q @ k.mT).masked_fill(~near, -math.inf).softmax(-1) @ v
            return self.out(y.transpose(1, 2).flatten(2))

    finding = same(Windowed(40), Windowed(1000))
    assert finding.equal_up_to == 40
    first, second = repr(finding).splitlines()[:2]
    assert first == "DIFFERENT: at L = 41, token 0 influences row 40 of g, not of f"
    assert second.strip() == "Equal up to L = 40: convert(f, g, max_length=40)"


ONLY_NOTATION = {"input", "projections", "merge", "scale", "initial", "dropout", "returned"}


def meaning(dials):
    """What is left of a setting once all that is notation is taken out."""
    left = {name: dials[name] for name in VALUES.keys() - ONLY_NOTATION - dead(dials).keys()}
    if dials["output_bias"]:
        left.pop("key_value_bias")  # the output bias can take it up
    return left


@st.composite
def neighbours(draw):
    """Two settings that differ in a few dials."""
    one = {name: draw(st.sampled_from(values)) for name, values in VALUES.items()}
    few = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=3))
    return one, one | {name: draw(st.sampled_from(VALUES[name])) for name in few}


@limits(max_examples=3)
@given(neighbours())
def test_settings_of_the_dials_are_the_same_only_where_their_meaning_is(pair):
    one, other = pair
    verdict = same(dialled(one), dialled(other)).verdict
    if meaning(one) == meaning(other):
        assert verdict != "different"
    elif not (one["key_value_bias"] or other["key_value_bias"]):
        assert verdict != "same"  # a value bias may take up an output bias


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("make", [blocks, multihead, dialled])
def test_the_two_are_left_as_they_were(make, training):
    f, g = make().train(training), frames()
    before = [copy.deepcopy(module.state_dict()) for module in (f, g)]
    same(f, g)
    assert f.training == training
    for module, was in zip((f, g), before, strict=True):
        for name, tensor in module.state_dict().items():
            assert tensor.dtype == torch.float32
            assert tensor.equal(was[name])
        assert all(tensor.requires_grad and tensor.grad is None for tensor in module.parameters())


def test_it_draws_no_global_numbers_and_finds_the_same_again():
    one, other = [blocks(), multihead()], [blocks(), multihead()]
    before = torch.get_rng_state()
    text = repr(same(*one))
    assert torch.get_rng_state().equal(before)
    torch.manual_seed(7)
    assert repr(same(*other)) == text  # about the code, whatever the parameters


class Impostor(nn.Module):
    """Block attention, but for some inputs or some parameters."""

    def __init__(self, when, then):
        super().__init__()
        self.inner, self.when, self.then = blocks(), when, then

    def forward(self, x):
        y = self.inner(x[:, None])[0][:, 0]
        return self.then(y) if self.when(self, x) else y


def test_block_attention_in_disguise_is_block_attention():
    assert same(Impostor(lambda module, x: False, None), blocks()).verdict == "same"


@pytest.mark.parametrize(
    "when",
    [
        lambda module, x: x.shape[1] == 2,
        lambda module, x: x.shape[1] > C,
        lambda module, x: module.inner.qkv.weight.min() < 0,
        lambda module, x: x.sum() > 0,
    ],
)
@pytest.mark.parametrize("then", [lambda y: y * (1 + 1e-6), lambda y: y * math.nan])
def test_an_impostor_is_not_called_the_same(when, then):
    assert same(Impostor(when, then), blocks()).verdict != "same"


@pytest.mark.parametrize("thing", [None, "module", 3, torch.tanh])
def test_what_is_no_module_is_named_with_what_is_needed(thing):
    said = f"must be an nn.Module, whose parameters can be moved, got {type(thing).__name__}"
    for name, pair in (("f", (thing, blocks())), ("g", (blocks(), thing))):
        with pytest.raises(TypeError, match=f"{name} {said}"):
            same(*pair)


def test_other_widths_are_named():
    with pytest.raises(ValueError, match="must take the same width C"):
        same(blocks(), BlockAttention(12, 2))
    with pytest.raises(Unreadable, match="no way to call"):
        same(nn.Bilinear(3, 4, 5), blocks())


def test_the_width_may_be_told():
    assert same(blocks(), multihead(), width=C).verdict == "same"
    assert same(DialledAttention(PGLSUM, 16, 2, 2), DialledAttention(PGLSUM, 16, 2, 2), width=16)


def test_what_would_take_more_memory_than_is_free_is_refused_with_what_would_not(monkeypatch):
    with torch.device("meta"):  # parameters of a size, in no memory
        wide = torch.nn.MultiheadAttention(8192, 8)
    monkeypatch.setattr(memory, "free_memory", lambda device: 6.1e9)
    said = (
        r"^same of modules with 536,936,448 parameters in all would take about 201\.6 GB, "
        r"and 6\.1 GB are free: modules with 15,000,000 parameters in all would fit$"
    )
    with pytest.raises(MemoryError, match=said):
        same(wide, wide)


def test_modules_of_the_lessons_fit_into_a_small_machine(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda device: 5e8)
    assert same(frames(), frames()).verdict == "same"
