"""Every symmetry is obeyed by a module that must obey it and broken by one that must not."""

import pytest
import torch
from torch import nn

from attnlib import BlockAttention, GlobalLocalAttention, SelfAttention
from attnlib.course.compare import SYMMETRIES, Adapter, Setting, adapt
from attnlib.course.compare import symmetries as s

C, L, GROUPS = 8, 12, 3
SETTING = Setting(GROUPS, inner=4)


def randomised(module, num_groups=GROUPS):
    torch.manual_seed(1)
    module = module.double().eval()
    for parameter in module.parameters():
        parameter.data.normal_(0, C**-0.5)
    return adapt(module, num_groups=num_groups)


def biased():
    return randomised(BlockAttention(C, 2, qkv_bias=True))


def unbiased():
    return randomised(BlockAttention(C, 2))


def every_token():
    return randomised(SelfAttention(C, C, heads=2))


def narrow():
    return randomised(SelfAttention(C, 4, heads=2))


def narrow_and_shifted():
    module = narrow()
    return adapt(lambda x: module(x) + torch.arange(1.0, C + 1))


def positioned():
    return randomised(SelfAttention(C, C, heads=2, pos_enc="absolute"))


def fused():
    return randomised(GlobalLocalAttention(C, 12, num_segments=3, heads=2, fusion="add"))


def own_segments():
    """The local branch of PGL-SUM alone: each group has parameters of its own."""
    whole = GlobalLocalAttention(C, 12, num_segments=3, heads=2, fusion="add")
    return randomised(whole.local_attention)


def causal():
    return adapt(lambda x: x.cumsum(-2))


def tokenwise():
    return adapt(nn.Linear(C, C).double())


def mixing_the_batch():
    attention = nn.MultiheadAttention(C, 2).double().eval()  # wants (L, B, C)
    return Adapter(attention, call=lambda module, x: module(x, x, x))


# symmetry -> those that obey, those that break it
CASES = {
    s.another_group: ([biased, own_segments, tokenwise], [every_token, fused, positioned]),
    s.later_token: ([causal, tokenwise], [biased, every_token]),
    s.permuting_tokens: ([every_token, tokenwise], [biased, positioned, fused, causal]),
    s.permuting_groups: ([biased, every_token], [own_segments, positioned, causal]),
    s.permuting_inside: ([biased, own_segments, fused], [positioned, causal]),
    s.alone_or_in_a_batch: ([biased, fused, causal], [mixing_the_batch]),
    s.zeros_give_zeros: ([every_token, positioned, fused, causal], [biased, unbiased, tokenwise]),
    s.zero_query: ([unbiased, every_token, positioned, causal], [biased, fused]),
    s.bounded_rows: ([fused], [biased, every_token, tokenwise]),
    s.few_directions: ([narrow, narrow_and_shifted], [every_token, biased, tokenwise]),
}


def off(symmetry, call, length=L):
    x = torch.randn(length, C, dtype=torch.float64)
    before = x.clone()
    trial = symmetry(call, x, SETTING)
    assert x.equal(before)
    assert trial.got.shape == trial.expected.shape
    return ((trial.got - trial.expected).abs().max() / call(x).abs().max()).item()


def test_every_symmetry_is_tested_here():
    assert tuple(CASES) == SYMMETRIES


@pytest.mark.parametrize(
    ("symmetry", "make"), [(s, make) for s, (obey, _) in CASES.items() for make in obey]
)
@pytest.mark.parametrize("length", [L, 30])
def test_it_is_obeyed_by_what_must_obey_it(symmetry, make, length):
    assert off(symmetry, make(), length) <= 1e-12


@pytest.mark.parametrize(
    ("symmetry", "make"), [(s, make) for s, (_, breaks) in CASES.items() for make in breaks]
)
@pytest.mark.parametrize("length", [L, 30])
def test_it_is_broken_by_what_must_not_obey_it(symmetry, make, length):
    assert off(symmetry, make(), length) > 1e-3


@pytest.mark.parametrize("symmetry", [s.another_group, s.permuting_groups, s.permuting_inside])
def test_one_group_leaves_nothing_to_test_between_groups(symmetry):
    assert symmetry(every_token(), torch.randn(L, C, dtype=torch.float64), Setting()) is None


@pytest.mark.parametrize(
    ("length", "inner", "tested"),
    [(12, None, False), (12, 8, False), (12, 7, True), (5, 4, False), (6, 4, True), (6, 5, False)],
)
def test_directions_are_counted_only_where_there_is_room_for_more(length, inner, tested):
    # L rows around their mean differ in at most L - 1 directions, and in at most C.
    x = torch.randn(length, C, dtype=torch.float64)
    trial = s.few_directions(every_token(), x, Setting(1, inner))
    assert (trial is not None) == tested
    assert trial is None or len(trial.got) == min(length, C) - inner


@pytest.mark.parametrize("symmetry", SYMMETRIES, ids=lambda its: its.__name__)
def test_the_changed_input_is_the_one_that_gave_the_rows(symmetry):
    x = torch.randn(L, C, dtype=torch.float64)
    seen = []
    call = biased()
    symmetry(lambda x: seen.append(x.clone()) or call(x), x, SETTING)
    trial = symmetry(call, x, SETTING)
    assert any(trial.changed.shape == its.shape and trial.changed.equal(its) for its in seen)


def test_the_changes_are_those_that_the_names_say():
    x = torch.arange(float(L))[:, None].repeat(1, C).double()
    changed = {f: f(lambda x: x, x, SETTING).changed for f in SYMMETRIES if f != s.few_directions}
    first = lambda symmetry: changed[symmetry][..., 0].tolist()
    assert first(s.another_group) == [1, *range(1, 12)]  # both ends are tried, and tell alike
    assert first(s.later_token) == [*range(11), 12]
    assert first(s.permuting_tokens) == [1, 0, *range(11, 1, -1)]
    assert first(s.permuting_groups) == [4, 5, 6, 7, 0, 1, 2, 3, 8, 9, 10, 11]
    assert first(s.permuting_inside) == [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10]
    assert first(s.zeros_give_zeros) == [0] * L
    assert first(s.bounded_rows) == [1e6 * i for i in range(L)]
    assert first(s.alone_or_in_a_batch) == [[*range(12)], [*range(12, 0, -1)]]


def test_every_symmetry_says_in_words_what_it_asks():
    assert all(len(symmetry.__doc__) > 30 for symmetry in SYMMETRIES)
    assert len({symmetry.__doc__ for symmetry in SYMMETRIES}) == len(SYMMETRIES)


def test_a_shift_is_no_permutation_enough():
    """A circular convolution obeys every shift."""
    x = torch.randn(L, C, dtype=torch.float64)
    trial = s.permuting_tokens(lambda x: x + x.roll(1, -2), x, SETTING)
    assert (trial.got - trial.expected).abs().max() > 0.1


def test_a_causal_module_does_not_pass_for_one_that_sees_only_its_group():
    x = torch.randn(L, C, dtype=torch.float64)
    trial = s.another_group(lambda x: x.cumsum(-2), x, SETTING)
    assert (trial.got - trial.expected).abs().max() > 0.1


def test_a_query_bias_shows_under_a_causal_mask_too():
    x, bias = torch.randn(L, C, dtype=torch.float64), torch.ones(C, dtype=torch.float64)

    def causal(x):
        scores = ((x + bias) @ x.mT).masked_fill(torch.ones(L, L).triu(1).bool(), -torch.inf)
        return scores.softmax(-1) @ x

    trial = s.zero_query(causal, x, SETTING)
    assert (trial.got - trial.expected).abs().max() > 1e-3


@pytest.mark.parametrize("symmetry", SYMMETRIES, ids=lambda its: its.__name__)
def test_one_token_alone_is_tested_or_left_out(symmetry):
    trial = symmetry(lambda x: x, torch.randn(1, C, dtype=torch.float64), Setting())
    assert trial is None or trial.got.numel()
