"""What a class of beginners wrote in a trial: mistakes that once got numbers, or another name."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from einops import rearrange

from attnlib import attention
from attnlib.course.exercises.pieces import (
    MyBlockAttention,
    MySelfAttention,
    attend,
    boundaries,
    local_branch,
    merge,
    split,
)
from attnlib.course.lessons import exercise
from attnlib.course.lessons.kernels.exercises import merge as merged
from tests.course.lessons.named import assert_named


def block_attention(parts=lambda module, x: module.qkv(x).chunk(3, -1), heads=None):
    class MyBlock(MyBlockAttention):
        def forward(self, x):
            q, k, v = (split(part, heads or self.num_heads) for part in parts(self, x))
            return self.proj(merge(attend(q, k, v, q.shape[-1] ** -0.5)[0], "d h"))

    return MyBlock


class ValuesFirst(MySelfAttention):
    def forward(self, x):
        v, q, k = (split(part, self.heads) for part in self.qkv(x).chunk(3, -1))
        return self.out(merge(attend(q, k, v, 1, self.bias(len(x)))[0], "h d"))


class WithABatch(MySelfAttention):
    def forward(self, x):
        q, k, v = (split(part, self.heads) for part in self.qkv(x[None]).chunk(3, -1))
        return self.out(merge(attend(q, k, v, 1, self.bias(len(x)))[0], "h d"))


def by_height(x, size):
    x = x.unflatten(-3, (x.shape[-2] // size, size)).unflatten(-2, (-1, size))
    return x.transpose(-4, -3).flatten(-5, -4).flatten(-3, -2)


def of_width(weight, heads):
    size = weight.shape[1] // heads
    return [tuple(m[h * size : (h + 1) * size] for m in weight.chunk(3)) for h in range(heads)]


def attend_without_inf(q, k, v, scale, bias=0):
    bias = bias.nan_to_num(neginf=0.0) if torch.is_tensor(bias) else bias
    return attend(q, k, v, scale, bias)


def attend_up_to_itself(q, k, v, scale, bias=0):
    later = torch.ones(q.shape[-2], k.shape[-2]).triu(1) > 0
    return attend(q, k, v, scale, (bias + torch.zeros(later.shape)).masked_fill(later, -math.inf))


def attend_with_a_map_cut_off(q, k, v, scale, bias=0):
    out, weights = attend(q, k, v, scale, bias)
    return out, weights.detach()


def only_in_training(weights, keep, p, training):
    if training:
        return weights * keep / (1 - p)


def by_norm(rows):
    return rows / rows.norm(dim=-1)


def standard(rows):
    return (rows - rows.mean(-1, keepdim=True)) / rows.std(-1, keepdim=True)


def fused(unit):
    def combined(whole, local, fusion):
        a, b = unit(whole), unit(local)
        return {"add": a + b, "mult": a * b, "avg": (a + b) / 2, "max": a.maximum(b)}[fusion]

    return combined


def shifted(length, segment_length):
    segment = (torch.arange(length) + 1) // segment_length
    return segment[:, None] == segment


def placed(*places):
    return lambda one, other: tuple(merged(one, other)[place] for place in places)


def most_0(one, other):
    most, *rest = merged(one, other)
    return most.masked_fill(most == -math.inf, 0), *rest


def as_lse(one, other):
    most, total, out = merged(one, other)
    return most, most + total.log(), out


WRONG = [
    ("two_cousins.same_segment", "edges are shifted", shifted),
    ("capstone.weights", "Is one of the two to be turned", lambda q, k: (q @ k).softmax(-1)),
    (
        "by_hand.attend",
        "It also calls attention",
        lambda q, k, v, scale, bias=0: attention(q, k, v, scale=scale),
    ),
    ("two_cousins.same_segment", "Now compare every token", lambda n, s: torch.arange(n) // s),
    ("by_hand.attend", "A bias of -inf must give", attend_without_inf),
    ("by_hand.attend", "only the keys up to its own", attend_up_to_itself),
    ("by_hand.attend", "not their gradients", attend_with_a_map_cut_off),
    ("by_hand.fitting_scale", "64 is fixed", lambda width, s, t: 1 / (s * t * 8)),
    (
        "by_hand.fitting_scale",
        "spread of q + k",
        lambda width, s, t: (width * (s * s + t * t)) ** -0.5,
    ),
    (
        "heads.split",
        "the channels of head 0",
        lambda x, h: torch.stack([x.chunk(h, -1)[0]] * h, -3),
    ),
    ("heads.split", "one number of axes", lambda x, h: rearrange(x, "n (h d) -> h n d", h=h)),
    ("heads.split", "one number of axes", lambda x, h: rearrange(x, "b n (h d) -> b h n d", h=h)),
    ("heads.merge", "one number of axes", lambda out, o: rearrange(out, f"h n d -> n ({o})")),
    ("heads.merge", "one number of axes", lambda out, o: rearrange(out, f"b h n d -> b n ({o})")),
    (
        "heads.merge",
        "exchanges axes 1 and 2",
        lambda out, o: out.transpose(1, 2).flatten(2) if o == "h d" else merge(out, o),
    ),
    ("heads.unscramble", "Numbers of several tokens", lambda y, h: y.T.reshape(len(y), -1)),
    (
        "heads.unscramble",
        "Numbers of several tokens",
        lambda y, h: y.view(-1, len(y), h).transpose(0, 1).reshape(len(y), -1),
    ),
    ("heads.head_matrices", "You take C / H for D", of_width),
    (
        "heads.head_matrices",
        "the matrices of head 0",
        lambda weight, h: [tuple(m.chunk(h)[0] for m in weight.chunk(3))] * h,
    ),
    ("blocks.blockify", "Height and width are exchanged", by_height),
    (
        "blocks.blockify",
        "Only the height is cut",
        lambda x, b: rearrange(x, "... (r p) w c -> ... r (p w) c", p=b),
    ),
    (
        "blocks.blockify",
        "The block size is fixed",
        lambda x, b: rearrange(x, "... (r p) (s q) c -> ... (r s) (p q) c", p=4, q=4),
    ),
    (
        "blocks.blockify",
        "one number of axes",
        lambda x, b: rearrange(x, "(r p) (s q) c -> (r s) (p q) c", p=b, q=b),
    ),
    (
        "blocks.MyBlockAttention",
        "Queries, keys and values are exchanged",
        block_attention(lambda module, x: module.qkv(x).chunk(3, -1)[::-1]),
    ),
    ("blocks.MyBlockAttention", "The number of heads is fixed", block_attention(heads=6)),
    ("blocks.count", "is no whole number", lambda h, w, c, b: (4.0 * c * c + c, 1)),
    ("global_branch.MySelfAttention", "Queries, keys and values are exchanged", ValuesFirst),
    ("global_branch.MySelfAttention", "an axis of size 1 too many", WithABatch),
    (
        "global_branch.all_maps",
        "Every query matrix meets every",
        lambda x, qs, ks: torch.stack(
            [(x @ q.T @ (x @ k.T).T).softmax(-1) for q in qs for k in ks]
        ),
    ),
    (
        "global_branch.dropped",
        "the share that is kept in this call",
        lambda w, keep, p, on: w * keep / keep.float().mean() if on else w,
    ),
    (
        "global_branch.dropped",
        "-inf is for scores",
        lambda w, keep, p, on: torch.where(keep, w / (1 - p), -math.inf) if on else w,
    ),
    ("global_branch.dropped", "Outside training it returns None", only_in_training),
    (
        "global_branch.dropped",
        "You multiply by 1 + p",
        lambda w, keep, p, on: w * keep * (1 + p) if on else w,
    ),
    (
        "global_branch.stable_softmax",
        "You divide by the largest score",
        lambda s: (s / s.amax(-1, keepdim=True)).softmax(-1),
    ),
    (
        "global_branch.stable_softmax",
        "above the line only",
        lambda s: (s - s.amax(-1, keepdim=True)).exp() / s.exp().sum(-1, keepdim=True),
    ),
    (
        "segments.boundaries",
        "the first segment starts at 0",
        lambda n, g: [(start + 1, stop) for start, stop in boundaries(n, g)],
    ),
    (
        "segments.boundaries",
        "These are the edges alone",
        lambda n, g: [min(i * -(-n // g), n) for i in range(g + 1)],
    ),
    (
        "segments.boundaries",
        "An empty segment lies at the end",
        lambda n, g: [(a, b) if a < b else (0, 0) for a, b in boundaries(n, g)],
    ),
    (
        "segments.boundaries",
        "An empty segment starts at `length`",
        lambda n, g: [(min(a, n - 1), b) for a, b in boundaries(n, g)],
    ),
    (
        "segments.boundaries",
        "to the nearest whole number",
        lambda n, g: [(min(i * round(n / g), n), min((i + 1) * round(n / g), n)) for i in range(g)],
    ),
    ("segments.local_branch", "All of x goes through the first", lambda x, fs: fs[0](x)),
    ("segments.local_branch", "x is added", lambda x, fs: x + local_branch(x, fs)),
    (
        "segments.local_branch",
        "fixed at 4",
        lambda x, fs: torch.cat([f(p) for f, p in zip(fs, x.split(-(-len(x) // 4)))]),  # noqa: B905
    ),
    (
        "segments.local_branch",
        "Every G-th frame",
        lambda x, fs: torch.cat(
            [f(x[g :: len(fs)]) for g, f in enumerate(fs) if len(x[g :: len(fs)])]
        ),
    ),
    ("segments.unused", "always empty", lambda n, g: []),
    ("segments.unused", "may still hold frames", lambda n, g: [g - 1] if n % g else []),
    (
        "segments.next_width",
        "4 segments are fixed",
        lambda w, g: next(i for i in range(w, w + 99) if i // 4 and i // 4 % 4 == 0),
    ),
    (
        "segments.next_width",
        "not all of them together",
        lambda w, g: max(4, next(i for i in range(w, w + 99) if i // g % 4 == 0)),
    ),
    ("fusion.fuse", "divide by the spread", fused(standard)),
    ("fusion.fuse", "lost its axis", fused(by_norm)),
    (
        "fusion.fuse",
        "stand side by side",
        lambda a, b, how: torch.cat([F.normalize(a, dim=-1), F.normalize(b, dim=-1)], -1),
    ),
    (
        "fusion.normalise",
        "take the square root",
        lambda x: x / (x * x).sum(-1, keepdim=True).clamp(min=1e-24),
    ),
    (
        "fusion.normalise",
        "by the largest entry",
        lambda x: x / x.abs().amax(-1, keepdim=True).clamp(min=1e-12),
    ),
    ("fusion.normalise", "as LayerNorm does", lambda x: F.layer_norm(x, x.shape[-1:])),
    ("learning.weight_on", "head 0 alone", lambda w, s: w[0, torch.arange(len(s)), s].mean()),
    (
        "transformer.on_previous",
        "The last query is left out",
        lambda w: w.diagonal(-1, 1, 2)[:, :-1].mean(-1),
    ),
    ("transformer.on_previous", "the mean over all cells", lambda w: w.tril(-1).mean((1, 2))),
    ("kernels.merge", "Yours begins with total", placed(1, 0, 2)),
    ("kernels.merge", "log-sum-exp in place of total", as_lse),
    ("kernels.merge", "most stays −inf", most_0),
]


@pytest.mark.parametrize(("key", "words", "answer"), WRONG)
def test_its_mistakes_have_names(key, words, answer):
    assert_named(key, answer, words)


def cut(length, count):
    size = math.ceil(length / count)
    for number in range(count):
        yield min(number * size, length), min((number + 1) * size, length)


RIGHT = {
    "segments.unused": lambda n, g: range(-(-n // -(-n // g)), g),
    "segments.boundaries": lambda n, g: np.array([*cut(n, g)]),
}


@pytest.mark.parametrize(("key", "answer"), RIGHT.items(), ids=RIGHT)
def test_what_stands_for_a_list_passes(key, answer):
    assert exercise(key).check(answer).right
