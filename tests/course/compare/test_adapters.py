"""Each module as a map of sequences, and the parameters that its layouts find."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from attnlib import BlockAttention, GlobalLocalAttention, SelfAttention, fuse
from attnlib.course.compare import VALUES, Adapter, DialledAttention, Layout, adapt, take

C = 8


def randomised(module):
    """In float64, with random parameters: fresh biases are often zero."""
    module = module.double().eval()
    for parameter in module.parameters():
        parameter.data.normal_(0, C**-0.5)
    return module


def tokens(*shape, width=C):
    return torch.randn(*shape, width, dtype=torch.float64)


def plain(heads, x):
    """One plain attention of the tokens (L, C), in the common form."""
    y = torch.zeros(len(x), heads.out.shape[1], dtype=x.dtype)
    for h in range(len(heads.query)):
        q, k, v = (x @ matrix[h].mT for matrix in (heads.query, heads.key, heads.value))
        q = q if heads.query_bias is None else q + heads.query_bias[h]
        k = k if heads.key_bias is None else k + heads.key_bias[h]
        v = v if heads.value_bias is None else v + heads.value_bias[h]
        powers = (heads.scale * q @ k.mT).exp()
        y += powers / powers.sum(1, keepdim=True) @ v @ heads.out[h].mT
    return y if heads.out_bias is None else y + heads.out_bias


def close(y, expected):
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-12)


ONE_ATTENTION = {
    "block, bias": lambda: BlockAttention(C, 2, qkv_bias=True),
    "block": lambda: BlockAttention(C, 4),
    "self": lambda: SelfAttention(C, C, heads=2),
    "self, narrower": lambda: SelfAttention(C, 6, heads=3),
    "global": lambda: GlobalLocalAttention(C, 12, heads=3),
    "multihead": lambda: nn.MultiheadAttention(C, 2),
    "multihead, batch first": lambda: nn.MultiheadAttention(C, 2, batch_first=True),
    "multihead, no bias": lambda: nn.MultiheadAttention(C, 4, bias=False),
    "multihead, no bias, batch first": lambda: nn.MultiheadAttention(
        C, 4, bias=False, batch_first=True
    ),
}


@pytest.mark.parametrize("kind", ONE_ATTENTION)
def test_the_layout_finds_the_parameters_of_one_attention(kind):
    module = randomised(ONE_ATTENTION[kind]())
    adapter = adapt(module)
    (layout,) = adapter.layouts
    x = tokens(3, 5)
    y = adapter(x)
    assert y.shape == x.shape
    assert y.requires_grad  # its graph is what `influence` follows
    for example, expected in zip(x, y, strict=True):
        close(plain(take(module, layout), example), expected)
        close(adapter(example), expected)  # alone as in a batch
    assert adapter.width == C
    assert adapter.num_groups == 1
    assert adapter.name == type(module).__name__
    assert adapter.module is module


@pytest.mark.parametrize("groups", [2, 3])
def test_blocks_are_cut_from_the_tokens_in_order(groups):
    module = randomised(BlockAttention(C, 2, qkv_bias=True))
    adapter = adapt(module, num_groups=groups)
    heads = take(module, adapter.layouts[0])
    x = tokens(2, 4 * groups)
    y = adapter(x)
    for video in range(2):
        parts = [plain(heads, block) for block in x[video].split(4)]
        close(y[video], torch.cat(parts))
    assert adapter.num_groups == groups
    assert adapter.name == f"BlockAttention, {groups} groups"


def test_segments_follow_the_global_branch_in_the_layouts():
    module = randomised(GlobalLocalAttention(C, 24, num_segments=3, heads=2, fusion="max"))
    adapter = adapt(module)
    whole, *segments = (take(module, layout) for layout in adapter.layouts)
    assert len(segments) == adapter.num_groups == 3
    x = tokens(6)
    local = [plain(heads, part) for heads, part in zip(segments, x.split(2), strict=True)]
    close(adapter(x), fuse(plain(whole, x), torch.cat(local), "max"))
    assert adapter.name == "GlobalLocalAttention, 3 groups"


settings = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()})


@given(settings)
def test_the_layouts_find_the_parameters_of_every_setting_of_the_dials(dials):
    dials["positions"] = None  # they are no parameters
    module = randomised(DialledAttention(dials, 24, 3, 3))
    adapter = adapt(module)
    every = [take(module, layout) for layout in adapter.layouts]
    x = tokens(6, width=24)
    grouped = dials["sees"] == "own group" or dials["fusion"] is not None
    assert adapter.num_groups == (3 if grouped else 1)
    assert adapter.width == 24

    def branch(local):
        own_parameters = local and dials["group_parameters"] == "own"
        sets = [every.pop(0) for _ in range(3 if own_parameters else 1)]
        parts = x.split(2) if local else [x]
        sets = sets if own_parameters else sets * len(parts)
        return torch.cat([plain(heads, part) for heads, part in zip(sets, parts, strict=True)])

    y = branch(dials["sees"] == "own group")
    if dials["fusion"] is not None:
        y = fuse(y, branch(True), dials["fusion"])
    assert every == []
    close(adapter(x), y)


def test_dials_that_see_all_tokens_have_groups_only_where_they_fuse():
    groups = lambda **dials: adapt(DialledAttention(dials, 24, 3, 3)).num_groups
    assert groups() == 3
    assert groups(sees="all tokens") == 1
    assert groups(sees="all tokens", fusion="add") == 3


def test_an_adapter_is_left_as_it_is():
    adapter = Adapter(nn.Identity(), num_groups=2)
    assert adapt(adapter) is adapter
    assert adapt(adapter, num_groups=3) is adapter


def test_a_function_is_known_by_its_answers_only():
    adapter = adapt(torch.tanh)
    x = tokens(5)
    assert adapter(x).equal(x.tanh())
    assert adapter.layouts == ()
    assert adapter.width is None
    assert adapter.name == "tanh"


def test_a_module_of_another_kind_is_known_by_its_answers_only():
    module = nn.Linear(C, C).double()
    adapter = adapt(module)
    x = tokens(2, 5)
    assert adapter(x).equal(module(x))
    assert (adapter.layouts, adapter.name) == ((), "Linear")


def test_an_adapter_calls_as_it_is_told():
    adapter = Adapter(torch.add, call=lambda module, x: (module(x, 1.0), "more"))
    x = tokens(5)
    assert adapter(x).equal(x + 1)


def test_the_tokens_come_with_a_batch_axis_and_leave_as_they_came():
    shapes = []
    adapter = adapt(lambda x: shapes.append(x.shape) or x)
    assert adapter(tokens(5)).shape == (5, C)
    assert adapter(tokens(3, 5)).shape == (3, 5, C)
    assert shapes == [(1, 5, C), (3, 5, C)]


@pytest.mark.parametrize("extra", [{"add_bias_kv": True}, {"add_zero_attn": True}])
@pytest.mark.parametrize("batch_first", [True, False])
def test_multihead_attention_with_tokens_of_its_own_has_no_layout(extra, batch_first):
    module = randomised(nn.MultiheadAttention(C, 2, batch_first=batch_first, **extra))
    adapter = adapt(module)
    assert adapter.layouts == ()
    x = tokens(2, 5)
    first = x if batch_first else x.transpose(0, 1)
    y = module(first, first, first)[0]
    close(adapter(x), (y if batch_first else y.transpose(0, 1)).detach())


# Mistakes


@pytest.mark.parametrize("thing", [None, 3, "module", torch.ones(2)])
def test_what_cannot_be_called_is_refused(thing):
    with pytest.raises(TypeError, match=r"a module or a function of x \(B, L, C\) is needed, got"):
        adapt(thing)


@pytest.mark.parametrize(("kdim", "vdim"), [(4, None), (None, 4), (4, 6)])
def test_multihead_attention_of_something_else_is_refused(kdim, vdim):
    said = f"kdim and vdim equal to embed_dim.*got kdim={kdim or C}, vdim={vdim or C}"
    with pytest.raises(ValueError, match=said):
        adapt(nn.MultiheadAttention(C, 2, kdim=kdim, vdim=vdim))


@pytest.mark.parametrize("groups", [0, -1])
def test_a_number_of_blocks_that_is_none_is_refused(groups):
    with pytest.raises(ValueError, match=f"num_groups must be a whole number.*got {groups}"):
        adapt(BlockAttention(C, 2), num_groups=groups)


def raising(x):
    raise KeyError("nowhere")


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (nn.Linear(C, 3).double(), r"for \(1, 5, 8\) it returned \(1, 5, 3\)$"),
        (lambda x: x[:, :4], r"for \(1, 5, 8\) it returned \(1, 4, 8\)$"),
        (lambda x: x[0], r"it returned \(5, 8\)$"),
        (lambda x: [x], "it returned list$"),
        (lambda x: None, "it returned NoneType$"),
        (lambda x: (None, x), "it returned NoneType$"),
        (lambda x: math.pi, "it returned float$"),
        (raising, "it raised KeyError: 'nowhere'$"),
        (nn.Linear(C, C), "it raised RuntimeError: ."),  # float32
        (nn.Linear(3, 3).double(), "it raised RuntimeError: ."),
    ],
)
def test_a_module_that_is_no_map_of_sequences_is_told_what_it_did(function, said):
    adapter = adapt(function)
    name = getattr(function, "__name__", "Linear")
    with pytest.raises(ValueError, match=said) as error:
        adapter(tokens(5))
    assert f"{name} must take x (B, L, C) and return y of its shape; " in str(error.value)


def test_the_error_of_a_module_keeps_its_cause():
    with pytest.raises(ValueError, match="nowhere") as error:
        adapt(raising)(tokens(5))
    assert isinstance(error.value.__cause__, KeyError)


@pytest.mark.parametrize(
    "adapter",
    [
        adapt(BlockAttention(C, 2), num_groups=4),
        adapt(GlobalLocalAttention(C, 16, num_segments=4, heads=2, fusion="add")),
        Adapter(nn.Identity(), num_groups=4),
    ],
)
def test_tokens_that_the_groups_do_not_divide_are_refused(adapter):
    said = f"x has 6 tokens: {adapter.name} must divide them"
    for x in (tokens(6), tokens(2, 6)):
        with pytest.raises(ValueError, match=said):
            adapter(x)


def test_a_layout_that_does_not_fit_is_named_when_the_width_is_asked():
    layout = Layout(2, 1.0, ("wqkv", "(three h d) c"), ("out", "c (h d)"))
    with pytest.raises(ValueError, match=r"'wqkv' is no parameter of Linear: weight, bias"):
        Adapter(nn.Linear(C, C), layouts=[layout]).width  # noqa: B018


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"num_groups": 0}, ValueError, "num_groups must be a whole number, at least 1, got 0"),
        ({"layouts": Layout(2, 1.0, ("a", "b"), ("c", "d"))}, TypeError, "layouts must be a list"),
    ],
)
def test_an_adapter_says_what_it_needs(arguments, error, said):
    with pytest.raises(error, match=said):
        Adapter(nn.Identity(), **arguments)


def test_a_function_has_no_parameters_to_lay_out():
    layout = Layout(2, 1.0, ("a", "b"), ("c", "d"))
    with pytest.raises(TypeError, match="layouts need an nn.Module, got function"):
        Adapter(lambda x: x, layouts=[layout])
