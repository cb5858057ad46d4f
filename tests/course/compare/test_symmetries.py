"""Every symmetry is obeyed by a module that must obey it and broken by one that must not."""

import re

import pytest
import torch
from torch import nn

from attnlib import BlockAttention, GlobalLocalAttention, SelfAttention
from attnlib.course.compare import SYMMETRIES, rules
from attnlib.course.compare import symmetries as s
from attnlib.course.language import speaking

C, L, GROUPS = 8, 12, 3


def randomised(module):
    """(…, L, C) -> (…, L, C): a module that gives a map as well, with parameters of a seed."""
    torch.manual_seed(1)
    module = module.double().eval()
    for parameter in module.parameters():
        parameter.data.normal_(0, C**-0.5)
    return lambda x: module(x)[0]


def in_blocks(module):
    call = randomised(module)
    return lambda x: call(x.reshape(-1, GROUPS, x.shape[-2] // GROUPS, C)).view(x.shape)


def biased():
    return in_blocks(BlockAttention(C, 2, qkv_bias=True))


def unbiased():
    return in_blocks(BlockAttention(C, 2))


def every_token():
    return randomised(SelfAttention(C, C, heads=2))


def positioned():
    return randomised(SelfAttention(C, C, heads=2, pos_enc="absolute"))


def fused():
    return randomised(GlobalLocalAttention(C, 12, num_segments=3, heads=2, fusion="add"))


def averaged():
    return randomised(GlobalLocalAttention(C, 12, num_segments=3, heads=2, fusion="avg"))


def multiplied():
    return randomised(GlobalLocalAttention(C, 12, num_segments=3, heads=2, fusion="mult"))


def normed(eps=1e-6):
    """Causal, with norms on q and k, as some language models have them."""
    matrices = torch.randn(3, C, C, dtype=torch.float64)

    def call(x):
        q, k, v = x.unsqueeze(-3) @ matrices
        q, k = (nn.functional.rms_norm(part, (C,), eps=eps) for part in (q, k))
        return nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)

    return lambda x: torch.stack([call(each) for each in x]) if x.dim() == 3 else call(x)


def capped():
    """A tanh holds the scores at 1: large tokens leave only their signs."""
    return lambda x: (x @ x.mT).tanh().softmax(-1) @ x


def small():
    """Rows are short as long as tokens are no longer than usual."""
    return lambda x: x / 100


def unbounded():
    """Every weight by itself: nothing sums to 1."""
    return lambda x: (x @ x.mT).sigmoid() @ x


def layer_normed():
    torch.manual_seed(1)
    norm = nn.LayerNorm(C).double()
    norm.weight.data.normal_()
    return norm


def own_segments():
    """The local branch of PGL-SUM alone: each group has parameters of its own."""
    whole = GlobalLocalAttention(C, 12, num_segments=3, heads=2, fusion="add")
    return randomised(whole.local_attention)


def causal():
    return lambda x: x.cumsum(-2)


def tokenwise():
    return nn.Linear(C, C).double()


def mixing_the_batch():
    attention = nn.MultiheadAttention(C, 2).double().eval()  # wants (L, B, C)
    return lambda x: attention(*[x.view(-1, *x.shape[-2:])] * 3)[0].view(x.shape)


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
    s.alike_tokens: (
        [biased, every_token, positioned, causal, normed, tokenwise],
        [fused, unbounded, layer_normed],
    ),
    s.bounded_rows: ([fused], [biased, every_token, tokenwise]),
    s.short_rows: ([averaged, multiplied], [fused, biased, every_token, layer_normed, small]),
    s.odd: ([every_token, positioned, fused, causal], [biased, tokenwise, multiplied]),
    s.even: ([multiplied], [biased, every_token, fused, tokenwise]),
    s.equal_steps: ([normed, causal, tokenwise], [biased, every_token, fused, capped]),
}


def off(symmetry, call, length=L):
    x = torch.randn(length, C, dtype=torch.float64)
    before = x.clone()
    trial = symmetry(call, x, GROUPS)
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
    assert symmetry(every_token(), torch.randn(L, C, dtype=torch.float64), 1) is None


@pytest.mark.parametrize("symmetry", CASES, ids=lambda function: function.__name__)
def test_the_changed_input_is_the_one_that_gave_the_rows(symmetry):
    x = torch.randn(L, C, dtype=torch.float64)
    seen = []
    call = biased()
    symmetry(lambda x: seen.append(x.clone()) or call(x), x, GROUPS)
    trial = symmetry(call, x, GROUPS)
    assert any(trial.changed.shape == given.shape and trial.changed.equal(given) for given in seen)


def changed_by(symmetry, call=lambda x: x):
    """The tokens 0, 1, 2, …, and what the symmetry makes of them."""
    x = torch.arange(float(L))[:, None].repeat(1, C).double()
    return x, symmetry(call, x, GROUPS).changed


def test_the_changes_are_those_that_the_names_say():
    first = lambda symmetry: changed_by(symmetry)[1][..., 0].tolist()
    assert first(s.permuting_tokens) in ([1, 0, *range(2, 12)], [*range(1, 12), 0])
    blocks = torch.tensor(first(s.permuting_groups)).unflatten(0, (GROUPS, -1))
    assert blocks.sort(0).values.flatten().tolist() == [*range(12)]
    assert first(s.permuting_inside) in (
        [1, 0, *range(2, 12)],
        [1, 2, 3, 0, *range(4, 12)],
    )
    assert first(s.zeros_give_zeros) == [0] * L
    assert first(s.bounded_rows) == [1e6 * i for i in range(L)]
    assert first(s.alone_or_in_a_batch)[0] == [*range(12)]


def test_what_is_changed_lies_in_one_group_or_behind_all_that_is_looked_at():
    looked_at = []

    def spy(x):
        looked_at.append(x.clone())
        return x

    for symmetry in (s.another_group, s.later_token):
        looked_at.clear()
        x, _ = changed_by(symmetry, spy)
        changes = [(x != each).any(-1).nonzero().flatten().tolist() for each in looked_at]
        if symmetry is s.another_group:
            assert sorted(filter(None, changes)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
        else:
            cuts = sorted(min(each) for each in changes if each)
            assert all(each == [*range(each[0], L)] for each in changes if each)
            assert cuts[0] == 1 and cuts[-1] == L - 1 and len(set(cuts)) == s.CUTS


# ---- No change that a norm takes out -------------------------------------------------------------

NORMS = {
    "LayerNorm": lambda x: nn.functional.layer_norm(x, (C,)),
    "centred": lambda x: x - x.mean(-1, keepdim=True),
    "softmax": lambda x: x.softmax(-1),
    "RMSNorm": lambda x: nn.functional.rms_norm(x, (C,)),
    "unit vectors": lambda x: nn.functional.normalize(x, dim=-1),
    "signs": lambda x: x.sign(),
    "no first channel": lambda x: x * (torch.arange(C) > 0),
    "no last channel": lambda x: x * (torch.arange(C) < C - 1),
    "one channel": lambda x: x * (torch.arange(C) == 3),
    "without its size": lambda x: x / (x.abs().amax(-1, keepdim=True) + 1e-30),
    "differences of channels": lambda x: x - x.roll(1, -1),
}
inputs = pytest.mark.parametrize(
    "given",
    [
        lambda *shape: torch.randn(*shape, dtype=torch.float64),
        lambda *shape: 1e-6 * torch.randn(*shape, dtype=torch.float64),
        lambda *shape: 1e6 * torch.randn(*shape, dtype=torch.float64),
        lambda *shape: torch.ones(*shape, dtype=torch.float64),
        lambda *shape: torch.zeros(*shape, dtype=torch.float64),
    ],
    ids=["usual", "small", "large", "all alike", "zeros"],
)


@inputs
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("symmetry", [s.another_group, s.later_token])
def test_who_sees_all_tokens_is_found_behind_every_norm(symmetry, norm, given):
    seen = lambda x: NORMS[norm](x).mean(-2, keepdim=True).expand_as(x)
    trial = symmetry(seen, given(L, C), GROUPS)
    assert (trial.got - trial.expected).abs().max() > 1e-9


@pytest.mark.parametrize("norm", NORMS)
def test_who_mixes_the_batch_is_found_behind_every_norm(norm):
    def mixing(x):
        seen = NORMS[norm](x).mean(-2, keepdim=True)
        return x + seen - seen.mean(0)  # nothing is added to what is alone

    call = lambda x: mixing(x) if x.dim() == 3 else mixing(x[None])[0]
    trial = s.alone_or_in_a_batch(call, torch.randn(L, C, dtype=torch.float64), GROUPS)
    assert (trial.got - trial.expected).abs().max() > 1e-3


def test_who_mixes_the_batch_in_one_direction_only_is_found():
    for mixing in (lambda x: x.cumsum(0), lambda x: x.flip(0).cumsum(0).flip(0)):
        call = lambda x, mixing=mixing: mixing(x) if x.dim() == 3 else mixing(x[None])[0]
        trial = s.alone_or_in_a_batch(call, torch.randn(L, C, dtype=torch.float64), GROUPS)
        assert (trial.got - trial.expected).abs().max() > 0.1


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_inputs_that_a_seed_gave_are_not_changed_along_themselves(seed):
    x = torch.randn(L, C, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    changed = s.later_token(lambda x: x, x, GROUPS).changed
    rows = (changed != x).any(-1)
    assert nn.functional.cosine_similarity(x[rows], changed[rows]).abs().max() < 0.99


@pytest.mark.parametrize("sees", [(0, 1), (L - 2, L - 1)])
def test_one_pair_at_the_border_of_past_and_future_is_found(sees):
    query, key = sees

    def call(x):
        y = x.clone()
        y[..., query, :] += x[..., key, :]
        return y

    trial = s.later_token(call, torch.randn(L, C, dtype=torch.float64), GROUPS)
    assert (trial.got - trial.expected).abs().max() > 0.1


@pytest.mark.parametrize("query", [0, 5, 11])
@pytest.mark.parametrize("key", range(L))
def test_one_pair_of_different_groups_is_found(query, key):
    def call(x):
        y = x.clone()
        y[..., query, :] += x[..., key, :]
        return y

    trial = s.another_group(call, torch.randn(L, C, dtype=torch.float64), GROUPS)
    found = (trial.got - trial.expected).abs().max() > 0.1
    assert found == (query // 4 != key // 4)


def test_a_change_that_gives_nan_is_not_passed_over():
    fragile = lambda x: x * (torch.nan if x[0, 0] != 1 else 1)
    for symmetry in (s.another_group, s.later_token, s.permuting_tokens, s.bounded_rows):
        x = torch.randn(L, C, dtype=torch.float64)
        x[0, 0] = 1
        trial = symmetry(fragile, x, GROUPS)
        if symmetry is not s.later_token:  # which never changes the first token
            assert (trial.got - trial.expected).isnan().any()


def test_a_maximum_is_not_called_linear():
    x = torch.randn(L, C, dtype=torch.float64)
    for call in (
        lambda x: x.amax(-2, keepdim=True).expand_as(x),
        lambda x: x.relu().mean(-2, keepdim=True).expand_as(x),
        lambda x: x.norm(dim=-1, keepdim=True).mean(-2, keepdim=True).expand_as(x),
    ):
        trial = s.zero_query(call, x, GROUPS)
        assert (trial.got - trial.expected).abs().max() > 1e-3


def test_rows_that_grow_with_some_tokens_only_are_not_called_bounded():
    x = torch.randn(L, C, dtype=torch.float64)
    for call in (
        lambda x: x / x[..., :1, :].norm(dim=-1, keepdim=True),
        lambda x: x / x[..., -1:, :].norm(dim=-1, keepdim=True),
        lambda x: x / x[..., :1],
    ):
        trial = s.bounded_rows(call, x, GROUPS)
        assert (trial.got - trial.expected).abs().max() > 10
    trial = s.bounded_rows(lambda x: x / x.norm(), x, GROUPS)
    assert (trial.got - trial.expected).abs().max() == 0


def test_every_symmetry_says_in_words_what_it_asks():
    assert all(len(symmetry.__doc__) > 30 for symmetry in SYMMETRIES)
    assert len({symmetry.__doc__ for symmetry in SYMMETRIES}) == len(SYMMETRIES)
    assert rules() == [symmetry.__doc__ for symmetry in SYMMETRIES]


def test_every_symmetry_has_words_in_chinese():
    with speaking("zh"):
        assert [rule for rule in rules() if not re.search("[\u4e00-\u9fff]", rule)] == []


def test_a_shift_is_no_permutation_enough():
    """A circular convolution obeys every shift."""
    x = torch.randn(L, C, dtype=torch.float64)
    trial = s.permuting_tokens(lambda x: x + x.roll(1, -2), x, GROUPS)
    assert (trial.got - trial.expected).abs().max() > 0.1


@pytest.mark.parametrize("length", [4, 5, L])
def test_nor_is_a_reflection(length):
    """One that looks the same both ways round obeys every turn and every reflection."""
    x = torch.randn(length, C, dtype=torch.float64)
    neighbours = lambda x: x + x.roll(1, -2) + x.roll(-1, -2)
    trial = s.permuting_tokens(neighbours, x, GROUPS)
    assert (trial.got - trial.expected).abs().max() > 0.1

    def in_groups(x):
        return neighbours(x.unflatten(-2, (2, -1))).flatten(-3, -2)

    x = torch.randn(2 * length, C, dtype=torch.float64)
    trial = s.permuting_inside(in_groups, x, 2)
    assert (trial.got - trial.expected).abs().max() > 0.1


def test_one_order_for_all_groups_is_not_enough():
    """Who compares the n-th tokens of all groups obeys it, whatever the order."""
    x = torch.randn(L, C, dtype=torch.float64)
    across = lambda x: x + x.unflatten(-2, (GROUPS, -1)).sum(-3).repeat(GROUPS, 1)
    trial = s.permuting_inside(across, x, GROUPS)
    assert (trial.got - trial.expected).abs().max() > 0.1


def test_a_causal_module_does_not_pass_for_one_that_sees_only_its_group():
    x = torch.randn(L, C, dtype=torch.float64)
    trial = s.another_group(lambda x: x.cumsum(-2), x, GROUPS)
    assert (trial.got - trial.expected).abs().max() > 0.1


def test_a_query_bias_shows_under_a_causal_mask_too():
    x, bias = torch.randn(L, C, dtype=torch.float64), torch.ones(C, dtype=torch.float64)

    def causal(x):
        scores = ((x + bias) @ x.mT).masked_fill(torch.ones(L, L).triu(1).bool(), -torch.inf)
        return scores.softmax(-1) @ x

    trial = s.zero_query(causal, x, GROUPS)
    assert (trial.got - trial.expected).abs().max() > 1e-3


@pytest.mark.parametrize("symmetry", CASES, ids=lambda function: function.__name__)
def test_one_token_alone_is_tested_or_left_out(symmetry):
    trial = symmetry(lambda x: x, torch.randn(1, C, dtype=torch.float64), 1)
    assert trial is None or trial.got.numel()
