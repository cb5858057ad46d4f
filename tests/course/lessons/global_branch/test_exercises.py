"""The checks take their solutions, refuse their stubs, and name the known wrong answers."""

import re

import pytest
import torch
from einops import rearrange
from torch.nn import functional as F

from attnlib import SelfAttention, attention
from attnlib.course import compare
from attnlib.course.exercises.pieces import MySelfAttention, attend, merge, split
from attnlib.course.lessons import exercise
from attnlib.course.lessons.global_branch.exercises import (
    ATTENTION_MISTAKES,
    DROPOUT_MISTAKES,
    MAP_MISTAKES,
    SOFTMAX_MISTAKES,
    dropped,
    stable_softmax,
)
from tests.course.lessons.test_class import WRONG as IN_CLASS

CLASS = [words for _, words, _ in IN_CLASS]


class Mine(MySelfAttention):
    """The solution, its steps open to be done otherwise."""

    order = "h d"

    def forward(self, x):
        return self.out(merge(self.attended(*self.parts(x), self.added(x)), self.order))

    def parts(self, x):
        return (split(part, self.heads) for part in self.qkv(x).chunk(3, dim=-1))

    def attended(self, q, k, v, bias):
        return attend(q, k, v, self.scale(q), bias)[0]

    def scale(self, q):
        return 1.0

    def added(self, x):
        return self.bias(x.shape[0])


def mine(**steps):
    return type("MySelfAttention", (Mine,), steps)


def root(self, q):
    return q.shape[-1] ** -0.5


def nothing(self, x):
    return 0


def attended(function):
    return mine(attended=lambda self, q, k, v, bias: function(q, k, v, bias))


def scores_softmax(axis):
    return lambda q, k, v, bias: (q @ k.mT + bias).softmax(axis) @ v


def inside_a_token(q, k, v, bias):
    q, k, v = (part.transpose(0, 1) for part in (q, k, v))
    return ((q @ k.mT).softmax(-1) @ v).transpose(0, 1)


def of_head_0(place):
    def attended(self, *parts):
        *parts, bias = parts
        parts[place] = parts[place][:1].expand(parts[place].shape)
        return attend(*parts, 1, bias)[0]

    return mine(attended=attended)


def forward(function):
    return mine(forward=function)


def joined_by_view(self, x):
    out = self.attended(*self.parts(x), self.added(x))
    return self.out(out.reshape(len(x), -1))


def returning(results):
    def forward(self, x):
        out, weights = attend(*self.parts(x), 1, self.added(x))
        return results(self.out(merge(out, "h d")), weights)

    return mine(forward=forward)


WRONG_ATTENTION = {
    "Not written yet": forward(lambda self, x: None),
    "divided by √D, as in NesT": mine(scale=root),
    'merged "d h", as in NesT': mine(order="d h"),
    "Two things are NesT's": mine(scale=root, order="d h"),
    "divided by √D, and the bias is missing": mine(scale=root, added=nothing),
    'merged "d h", and the bias is missing': mine(order="d h", added=nothing),
    "This is NesT's attention": mine(scale=root, order="d h", added=nothing),
    "The scores are scaled": mine(scale=lambda self, q: 1 / q.shape[-1]),
    "The scores are scaled.": mine(scale=lambda self, q: self.out.in_features**-0.5),
    "The scores are scaled. Here": mine(scale=lambda self, q: self.qkv.in_features**-0.5),
    "are scaled. Here the scale is 1": mine(scale=lambda self, q: 64**-0.5),
    "The scores and the bias are divided": attended(
        lambda q, k, v, bias: ((q @ k.mT + bias) / 2).softmax(-1) @ v
    ),
    "All heads use the mean of their maps": attended(
        lambda q, k, v, bias: (q @ k.mT + bias).softmax(-1).mean(0) @ v
    ),
    "The bias is missing": mine(added=nothing),
    "The bias is transposed": mine(added=lambda self, x: self.bias(len(x)).mT),
    "The bias is subtracted": mine(added=lambda self, x: -self.bias(len(x))),
    "The bias is added to the weights": attended(
        lambda q, k, v, bias: ((q @ k.mT).softmax(-1) + bias) @ v
    ),
    "The last step is missing": forward(
        lambda self, x: merge(self.attended(*self.parts(x), self.added(x)), "h d")
    ),
    "It returns y and the map": returning(lambda y, weights: (y, weights)),
    "It returns the map": returning(lambda y, weights: weights),
    "x is added": forward(lambda self, x: x + Mine.forward(self, x)),
    "Queries and keys are exchanged": attended(lambda q, k, v, bias: attend(k, q, v, 1, bias)[0]),
    "Keys and values are exchanged": attended(lambda q, k, v, bias: attend(q, v, k, 1, bias)[0]),
    "The queries meet themselves": attended(lambda q, k, v, bias: attend(q, q, v, 1, bias)[0]),
    "The weighted sum is of the keys": attended(lambda q, k, v, bias: attend(q, k, k, 1, bias)[0]),
    "before queries, keys and values were told apart": mine(
        parts=lambda self, x: rearrange(
            self.qkv(x), "l (h three d) -> three h l d", three=3, h=self.heads
        )
    ),
    "alternate, channel by channel": mine(
        parts=lambda self, x: rearrange(
            self.qkv(x), "l (h d three) -> three h l d", three=3, h=self.heads
        )
    ),
    "There is one head only": mine(parts=lambda self, x: self.qkv(x)[None].chunk(3, -1)),
    "The heads meet each other inside a token": attended(inside_a_token),
    "A bare reshape splits": mine(
        parts=lambda self, x: (
            part.reshape(self.heads, len(x), -1) for part in self.qkv(x).chunk(3, -1)
        )
    ),
    "The split is channel-major": mine(
        parts=lambda self, x: rearrange(
            self.qkv(x), "l (three d h) -> three h l d", three=3, h=self.heads
        )
    ),
    "A bare reshape merges": forward(joined_by_view),
    "the queries of head 0": of_head_0(0),
    "the keys of head 0": of_head_0(1),
    "the values of head 0": of_head_0(2),
    "The softmax runs over the queries": attended(scores_softmax(-2)),
    "The softmax runs over the heads": attended(scores_softmax(0)),
    "not their gradients": forward(lambda self, x: Mine.forward(self, x.detach())),
    "Leave __init__ as it is given": type(
        "MySelfAttention", (Mine,), {"__init__": lambda self, channels: None}
    ),
    "For MySelfAttention(6, 12, 3, table), x of shape (5, 6)": mine(
        parts=lambda self, x: self.qkv(x)
    ),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_ATTENTION.items(), ids=WRONG_ATTENTION)
def test_wrong_attention_is_named(words, answer):
    refused("global_branch.MySelfAttention", answer, words)


def in_one_go(self, x):
    qkv = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(1, 2, 0, 3)
    bias = torch.zeros(len(x), len(x)).to(x) + self.bias(len(x))
    y = F.scaled_dot_product_attention(*qkv, attn_mask=bias, scale=1.0)
    return self.out(y.transpose(0, 1).reshape(len(x), -1))


def head_by_head(self, x):
    heads = []
    q, k, v = (part.chunk(self.heads, -1) for part in self.qkv(x).chunk(3, -1))
    for each in zip(q, k, v, strict=True):
        out, _ = attend(*each, 1, self.bias(len(x)))
        heads.append(out)
    return self.out(torch.cat(heads, -1))


@pytest.mark.parametrize("written", [in_one_go, head_by_head, Mine.forward])
def test_attention_written_in_another_way_passes(written):
    assert exercise("global_branch.MySelfAttention").check(forward(written)).right


def test_attention_with_a_function_of_attnlib_is_told_so():
    def through_the_library(self, x):
        out, _ = attention(*self.parts(x), scale=1.0, bias=self.table and self.bias(len(x)))
        return self.out(merge(out, "h d"))

    answer = forward(through_the_library)
    refused("global_branch.MySelfAttention", answer, "But it calls attention")


def test_what_passes_is_the_library_s_self_attention():
    found = compare.same(forward(head_by_head)(12, 12, 3), SelfAttention(12, 12, heads=3))
    assert found.verdict == "same"


def by_einsum(x, queries, keys):
    q = torch.einsum("lc,hdc->hld", x, torch.stack(queries))
    k = torch.einsum("lc,hdc->hld", x, torch.stack(keys))
    return (q @ k.mT).softmax(-1)


def scores_of(x, queries, keys):
    return torch.stack([x @ q.T @ k @ x.T for q, k in zip(queries, keys, strict=True)])


def last_in_a_loop(x, queries, keys):
    for query, key in zip(queries, keys, strict=True):
        weights = ((x @ query.T) @ (x @ key.T).T).softmax(-1)
    return weights


def closes_over_the_last(x, queries, keys):
    return last_in_a_loop(x, queries, keys).repeat(len(queries), 1, 1)


WRONG_MAPS = {
    "Not written yet": lambda x, queries, keys: None,
    "It must return a torch.Tensor, and returned Size": lambda x, queries, keys: x.shape,
    "the last head's map only": last_in_a_loop,
    "the last head's map H times": closes_over_the_last,
    "the first head's map only": lambda *given: by_einsum(*given)[0],
    "the mean over the heads": lambda *given: by_einsum(*given).mean(0),
    "the sum over the heads": lambda *given: by_einsum(*given).sum(0),
    "torch.stack makes one tensor": lambda *given: list(by_einsum(*given)),
    "torch.cat lays the maps below each other": lambda *given: torch.cat(list(by_einsum(*given))),
    "The heads are the last axis": lambda *given: torch.stack(list(by_einsum(*given)), -1),
    "the softmax is missing": scores_of,
    "runs over the queries": lambda *given: scores_of(*given).softmax(1),
    "One softmax over all heads": lambda *given: scores_of(*given).softmax(0),
    "One softmax over the whole map": lambda x, queries, keys: torch.stack(
        [each.flatten().softmax(0).view(len(x), -1) for each in scores_of(x, queries, keys)]
    ),
    "divided by a root": lambda x, queries, keys: (
        scores_of(x, queries, keys) / queries[0].shape[0] ** 0.5
    ).softmax(-1),
    "by a root, of D or of C": lambda x, queries, keys: (
        scores_of(x, queries, keys) / x.shape[-1] ** 0.5
    ).softmax(-1),
    "The maps are transposed": lambda *given: by_einsum(*given).transpose(1, 2),
    "Queries and keys are exchanged": lambda x, queries, keys: by_einsum(x, keys, queries),
    "The queries meet themselves": lambda x, queries, keys: by_einsum(x, queries, queries),
    "the matrices of the head are not used": lambda x, queries, keys: torch.stack(
        [(x @ x.T).softmax(-1)] * len(queries)
    ),
    "All heads use keys[0]": lambda x, queries, keys: torch.stack(
        [(x @ query.T @ (x @ keys[0].T).T).softmax(-1) for query in queries]
    ),
    "All heads use queries[0]": lambda x, queries, keys: torch.stack(
        [(x @ queries[0].T @ (x @ key.T).T).softmax(-1) for key in keys]
    ),
    "The matrices are (D, C)": lambda x, queries, keys: torch.stack(
        [((x @ q) @ (x @ k).T).softmax(-1) for q, k in zip(queries, keys, strict=True)]
    ),
    "The matrix of the queries": lambda x, queries, keys: torch.stack(
        [((x @ q) @ (x @ k.T).T).softmax(-1) for q, k in zip(queries, keys, strict=True)]
    ),
    "The matrix of the keys": lambda x, queries, keys: torch.stack(
        [((x @ q.T) @ (x @ k).T).softmax(-1) for q, k in zip(queries, keys, strict=True)]
    ),
    "The keys must be transposed": lambda x, queries, keys: torch.stack(
        [((x @ q.T) @ (x @ k.T)).softmax(-1) for q, k in zip(queries, keys, strict=True)]
    ),
    "the shape must be (3, 4, 4), and is (1, 3, 4, 4)": lambda *given: by_einsum(*given)[None],
    "stopped with RuntimeError: ": lambda x, queries, keys: x @ queries[0][:2],
}


@pytest.mark.parametrize(("words", "answer"), WRONG_MAPS.items(), ids=WRONG_MAPS)
def test_wrong_maps_are_named(words, answer):
    refused("global_branch.all_maps", answer, words)


def test_maps_with_dropout_are_refused():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        verdict = exercise("global_branch.all_maps").check(
            lambda *given: F.dropout(by_einsum(*given), 0.5)
        )
    assert "the value at [0, 0, 0]" in verdict and not verdict.right


def test_heads_that_are_flipped_are_refused():
    refused(
        "global_branch.all_maps", lambda *given: by_einsum(*given).flip(0), "the value at [0, 0, 0]"
    )


def kept(weights, keep):
    return torch.where(keep, weights, 0.0)


WRONG_DROPOUTS = {
    "Not written yet": lambda weights, keep, p, training: None,
    "return the weights as they are": lambda weights, keep, p, training: (
        kept(weights, keep) / (1 - p)
    ),
    "Nothing is dropped in training": lambda weights, keep, p, training: weights,
    "Are training and evaluation exchanged": lambda weights, keep, p, training: (
        weights if training else kept(weights, keep) / (1 - p)
    ),
    "or the mean over many calls shrinks": lambda weights, keep, p, training: (
        kept(weights, keep) if training else weights
    ),
    "is another way, not PyTorch's": lambda weights, keep, p, training: (
        kept(weights, keep) if training else weights * (1 - p)
    ),
    "You shrink the weights in evaluation": lambda weights, keep, p, training: (
        kept(weights, keep) / (1 - p) if training else weights * (1 - p)
    ),
    "Divided by p": lambda weights, keep, p, training: (
        kept(weights, keep) / p if training else weights
    ),
    "Multiplied by p": lambda weights, keep, p, training: (
        kept(weights, keep) * p if training else weights
    ),
    "Multiplied by 1 - p": lambda weights, keep, p, training: (
        kept(weights, keep) * (1 - p) if training else weights
    ),
    "The wrong ones are dropped": lambda weights, keep, p, training: (
        kept(weights, ~keep) / (1 - p) if training else weights
    ),
    "You make the rows sum to 1 again": lambda weights, keep, p, training: (
        F.normalize(kept(weights, keep), p=1, dim=-1) if training else weights
    ),
    "There is a softmax after": lambda weights, keep, p, training: (
        F.softmax(kept(weights, keep), -1) if training else weights
    ),
    "a softmax after the dropout": lambda weights, keep, p, training: (
        F.softmax(kept(weights, keep) / (1 - p), -1) if training else weights
    ),
    "All weights grow": lambda weights, keep, p, training: (
        weights / (1 - p) if training else weights
    ),
    "that of p = 0.5 only": lambda weights, keep, p, training: (
        kept(weights, keep) * 2 if training else weights
    ),
    "keep the dtype": lambda weights, keep, p, training: (
        kept(weights, keep) / (1 - p) if training else weights.float()
    ),
    "not their gradients": lambda weights, keep, p, training: (
        kept(weights.detach(), keep) / (1 - p) if training else weights
    ),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_DROPOUTS.items(), ids=WRONG_DROPOUTS)
def test_a_wrong_dropout_is_named(words, answer):
    refused("global_branch.dropped", answer, words)


def test_dropout_in_place_is_refused():
    def in_place(weights, keep, p, training):
        return weights.mul_(keep).div_(1 - p) if training else weights

    refused("global_branch.dropped", in_place, "It changes its arguments")


def test_dropout_that_draws_its_own_is_refused():
    refused(
        "global_branch.dropped",
        lambda weights, keep, p, training: F.dropout(weights, p, training),
        "the value",
    )


def naive(scores, dim=-1):
    powers = scores.exp()
    return powers / powers.sum(dim, keepdim=True)


WRONG_SOFTMAXES = {
    "Not written yet": lambda scores: None,
    "infinite / infinite is nan": naive,
    "float64 only moves the limit": lambda scores: naive(scores.double()),
    "Infinite parts were replaced": lambda scores: naive(scores).nan_to_num(0.0),
    "the largest score of all rows": lambda scores: naive(scores - scores.max()),
    "the largest score of each column": lambda scores: stable_softmax(
        scores - scores.max(-2, keepdim=True).values
    ),
    "You subtract the mean": lambda scores: naive(scores - scores.mean(-1, keepdim=True)),
    "You subtract a row's smallest": lambda scores: naive(
        scores - scores.min(-1, keepdim=True).values
    ),
    "You cut large scores off": lambda scores: naive(scores.clamp(max=80)),
    "You divide the scores by the largest": lambda scores: naive(
        scores / scores.abs().max(-1, keepdim=True).values
    ),
    "without its sign": lambda scores: naive(scores - scores.abs().max(-1, keepdim=True).values),
    "The rows do not sum to 1": lambda scores: (scores - scores.max(-1, keepdim=True).values).exp(),
    "You subtract one number from all": lambda scores: naive(scores - 80),
    "You divide the scores by a number": lambda scores: naive(scores / 100),
    "You put 0 in place": lambda scores: stable_softmax(scores.where(scores.isfinite(), 0.0)),
    "over all rows together: each": lambda scores: F.normalize(
        (scores - scores.amax(-1, keepdim=True)).exp().flatten(), p=1, dim=0
    ).view_as(scores),
    "It sums over the wrong axis": lambda scores: F.softmax(scores, -2),
    "It sums over all rows together": lambda scores: F.softmax(scores.flatten(), 0).view(
        scores.shape
    ),
    "the shape must be (3,": lambda scores: stable_softmax(scores)[:, :1],
    "and is inf or nan": lambda scores: scores * torch.nan,
    "A -inf among the scores": lambda scores: (
        stable_softmax(scores) if scores.isfinite().all() else scores * torch.nan
    ),
    "The numbers are right. But it calls softmax": lambda scores: scores.softmax(-1),
    "But it calls log_softmax": lambda scores: scores.log_softmax(-1).exp(),
    "But it calls logsumexp": lambda scores: (scores - scores.logsumexp(-1, keepdim=True)).exp(),
    "not their gradients": lambda scores: stable_softmax(scores.detach()),
    "keep the dtype": lambda scores: stable_softmax(scores.float()),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_SOFTMAXES.items(), ids=WRONG_SOFTMAXES)
def test_a_wrong_softmax_is_named(words, answer):
    refused("global_branch.stable_softmax", answer, words)


def test_a_small_number_below_the_line_does_not_help():
    def with_a_small_number(scores):
        powers = scores.exp()
        return powers / (powers.sum(-1, keepdim=True) + 1e-9)

    refused("global_branch.stable_softmax", with_a_small_number, "infinite / infinite is nan")


def refused(key, answer, words):
    verdict = exercise(key).check(answer)
    assert not verdict.right
    assert words in verdict, verdict


def in_use_first(weights, keep, p, training):
    if training:
        return torch.where(keep, weights / (1 - p), torch.zeros_like(weights))
    return weights.clone()


def masked(weights, keep, p, training):
    return weights.masked_fill(~keep, 0.0) * (1 / (1 - p)) if training else weights


def with_a_detached_maximum(scores):
    return naive(scores - scores.detach().amax(-1, keepdim=True))


def row_by_row(scores):
    rows = scores.flatten(0, -2)
    return torch.stack([naive(row - max(row)) for row in rows]).view(scores.shape)


RIGHT = {
    "global_branch.all_maps": [
        by_einsum,
        lambda x, queries, keys: F.softmax(scores_of(x, queries, keys), dim=2),
        lambda x, queries, keys: torch.cat(
            [by_einsum(x, [q], [k]) for q, k in zip(queries, keys, strict=True)]
        ),
        lambda x, queries, keys: by_einsum(
            x.double(), [q.double() for q in queries], [k.double() for k in keys]
        ),
    ],
    "global_branch.dropped": [in_use_first, masked],
    "global_branch.stable_softmax": [
        with_a_detached_maximum,
        row_by_row,
        lambda scores: with_a_detached_maximum(scores.double()),
        lambda scores: naive(scores - scores.max(-1, keepdim=True).values - 3),
    ],
}
ANSWERS = [(key, answer) for key, answers in RIGHT.items() for answer in answers]


@pytest.mark.parametrize(("key", "answer"), ANSWERS)
def test_other_right_ways_pass(key, answer):
    assert exercise(key).check(answer).right


NAMES = {
    "global_branch.all_maps": "all_maps",
    "global_branch.dropped": "dropped",
    "global_branch.stable_softmax": "stable_softmax",
}


@pytest.mark.parametrize(
    ("key", "answer"), [(key, answer) for key in NAMES for answer in (None, 3)]
)
def test_what_is_no_function_is_refused(key, answer):
    refused(key, answer, "It must be a function")


@pytest.mark.parametrize(
    ("key", "mistakes", "named"),
    [
        ("global_branch.MySelfAttention", ATTENTION_MISTAKES, WRONG_ATTENTION),
        ("global_branch.all_maps", MAP_MISTAKES, WRONG_MAPS),
        ("global_branch.dropped", DROPOUT_MISTAKES, WRONG_DROPOUTS),
        ("global_branch.stable_softmax", SOFTMAX_MISTAKES, WRONG_SOFTMAXES),
    ],
)
def test_every_known_mistake_is_named_as_itself_and_tried_here(key, mistakes, named):
    """None hides behind another that gives the same, and each has a wrong answer above."""
    for sentence, wrong, *_ in mistakes:
        assert exercise(key).check(wrong).startswith(f"✘ {sentence} (Seen for ")
        assert any(words in sentence for words in (*named, *CLASS)), sentence


@pytest.mark.parametrize("key", NAMES)
def test_hints_come_one_more_at_a_time(key, capsys):
    task = exercise(key)
    task._shown = 0
    counts = []
    for _ in range(4):
        task.hint()
        counts.append(len(re.findall(r"^\d\. ", capsys.readouterr().out, re.MULTILINE)))
    assert counts == [1, 2, 3, 3]


def test_the_solutions_are_what_they_say():
    """Against PyTorch itself."""
    torch.manual_seed(0)
    scores = torch.randn(2, 3, 4) * 300
    torch.testing.assert_close(stable_softmax(scores), scores.softmax(-1))
    weights = torch.rand(2, 50, 50)
    after = F.dropout(weights, 0.3, training=True)
    torch.testing.assert_close(dropped(weights, after != 0, 0.3, True), after)
    assert dropped(weights, after != 0, 0.3, False) is weights
