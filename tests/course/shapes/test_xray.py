"""The table says what happens: real shapes, true patterns, and no letter that is only guessed."""

import re
import warnings
from contextlib import contextmanager

import einops
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import attnlib
from attnlib.course import memory, rehearsal
from attnlib.course.shapes import xray as package
from attnlib.course.shapes.xray import side_by_side, xray
from attnlib.course.shapes.xray.axes import leaves
from attnlib.course.shapes.xray.trace import Trace
from attnlib.course.wide import width

B, G, N, L, C, H = 2, 4, 16, 10, 48, 6


class LineByLine(nn.Module):
    """Attention as a reader writes it, one step a line."""

    def __init__(self, dim=C, num_heads=H, order="d h"):
        super().__init__()
        self.num_heads, self.order = num_heads, order
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        B, G, N, C = x.shape
        D = C // self.num_heads
        qkv = self.qkv(x)
        qkv = qkv.reshape(B, G, N, 3, self.num_heads, D)
        qkv = qkv.permute(3, 0, 1, 4, 2, 5)
        q, k, v = qkv.unbind(0)
        scores = q @ k.transpose(-2, -1)
        scores = scores * D**-0.5
        weights = scores.softmax(-1)
        y = weights @ v
        y = y.permute((0, 1, 3, 4, 2) if self.order == "d h" else (0, 1, 3, 2, 4))
        y = y.reshape(B, G, N, C)
        return self.proj(y), weights


class LoopOverHeads(nn.Module):
    """Projections of its own for each head, side by side at the end."""

    def __init__(self, dim=C, heads=2, head_dim=5):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = (
            nn.ModuleList(nn.Linear(dim, head_dim) for _ in range(heads)) for _ in range(3)
        )
        self.out = nn.Linear(heads * head_dim, dim)

    def forward(self, x):
        results = []
        for q, k, v in zip(self.q, self.k, self.v, strict=True):
            scores = torch.einsum("bic,bjc->bij", q(x), k(x))
            results.append(torch.softmax(scores, -1) @ v(x))
        return self.out(torch.cat(results, dim=-1))


class Odd(nn.Module):
    """Calls that no table of calls holds, in forms that nobody foresees."""

    def forward(self, x):
        x = torch.fft.rfft(x).real
        x = torch.permute(input=x, dims=(0, 2, 1))
        x = x.repeat_interleave(2, dim=1)[:, torch.arange(4)]
        values, _ = torch.max(x, dim=1)
        largest = torch.max(values, values)
        x = x.clone()
        x[:, 0] = largest
        x += 1
        x = x + (torch.eye(3).to_sparse() @ torch.ones(3, 1))[:, 0]
        pieces = torch.split(x, [1, 3], dim=1)
        return {"y": torch.cat(pieces, dim=1).as_strided((2, 2), (1, 1)), "n": x.numel()}


def line_by_line(order):
    left = "b g n d h -> b g n (d h)" if order == "d h" else "b g n h d -> b g n (h d)"
    axes, shape = ("D H", (8, 6)) if order == "d h" else ("H D", (6, 8))
    merged = order.upper().replace(" ", "·")
    return [
        ("linear qkv", "B G N 3·H·D", (2, 4, 16, 144),
         "b g n c, (three h d) c -> b g n (three h d)", 73728),
        ("reshape", "B G N 3 H D", (2, 4, 16, 3, 6, 8),
         "b g n (three h d) -> b g n three h d", 0),
        ("permute", "3 B G H N D", (3, 2, 4, 6, 16, 8),
         "b g n three h d -> three b g h n d", 0),
        ("unbind → q, k, v", "B G H N D", (2, 4, 6, 16, 8),
         "three b g h n d -> 3 × b g h n d", 0),
        ("transpose k", "B G H D N", (2, 4, 6, 8, 16), "b g h n d -> b g h d n", 0),
        ("scores q @ kᵀ", "B G H N N", (2, 4, 6, 16, 16),
         "b g h i d, b g h d j -> b g h i j", 49152),
        ("* 0.3536", "B G H N N", (2, 4, 6, 16, 16), "b g h i j -> b g h i j", 49152),
        ("softmax", "B G H N N", (2, 4, 6, 16, 16), "b g h i j -> b g h i j", 49152),
        ("weights @ v", "B G H N D", (2, 4, 6, 16, 8),
         "b g h i j, b g h j d -> b g h i d", 24576),
        ("permute", f"B G N {axes}", (2, 4, 16, *shape),
         f"b g h n d -> {left.split(' -> ')[0]}", 0),
        ("reshape", f"B G N {merged}", (2, 4, 16, 48), left, 24576),
        ("linear proj", "B G N C", (2, 4, 16, 48),
         f"b g n ({order}), c ({order}) -> b g n c", 24576),
    ]  # fmt: skip


BLOCKS = [
    ("linear qkv", "B G N 3·H·D", (1, 4, 16, 144),
     "b g n c, (three h d) c -> b g n (three h d)", 36864),
    ("rearrange", "3 B G H N D", (3, 1, 4, 6, 16, 8),
     "b g n (three h d) -> three b g h n d", 0),
    ("unbind → q, k, v", "B G H N D", (1, 4, 6, 16, 8), "three b g h n d -> 3 × b g h n d", 0),
    ("reshape q, k, v", "B·G H N D", (4, 6, 16, 8), "b g h n d -> (b g) h n d", 0),
    ("scaled_dot_product_attention", "B·G H N D", (4, 6, 16, 8),
     "(b g) h i d, (b g) h j d, (b g) h j d -> (b g) h i d", 12288),
    ("reshape", "B G H N D", (1, 4, 6, 16, 8), "(b g) h n d -> b g h n d", 0),
    ("overflow check", "", (), "", 4),
    ("rearrange", "B G N D·H", (1, 4, 16, 48), "b g h n d -> b g n (d h)", 12288),
    ("linear proj", "B G N C", (1, 4, 16, 48), "b g n (d h), c (d h) -> b g n c", 12288),
]  # fmt: skip

SELF = [
    ("linear qkv", "B L 3·H·D", (2, 10, 288), "b l c, (three h d) c -> b l (three h d)", 23040),
    ("rearrange", "3 B H L D", (3, 2, 6, 10, 16), "b l (three h d) -> three b h l d", 0),
    ("unbind → q, k, v", "B H L D", (2, 6, 10, 16), "three b h l d -> 3 × b h l d", 0),
    ("positions", "L L", (10, 10), "", 400),
    ("[None, None]", "1 1 L L", (1, 1, 10, 10), "i j -> 1 1 i j", 0),
    ("scaled_dot_product_attention", "B H L D", (2, 6, 10, 16),
     "b h i d, b h j d, b h j d -> b h i d", 7680),
    ("overflow check", "", (), "", 4),
    ("rearrange", "B L H·D", (2, 10, 96), "b h l d -> b l (h d)", 0),
    ("linear out", "B L C", (2, 10, 48), "b l (h d), c (h d) -> b l c", 3840),
]  # fmt: skip

# The local branch, from the cut of the frames on; the last segment is shorter.
LOCAL = [
    ("[..., :8, :]", "G·N C", ""),
    ("[..., 8:, :]", "2 C", ""),
    ("unflatten", "G N C", "(g n) c -> g n c"),
    ("local_attention.qkv[0:2]", "G 3·H·D C", ""),
    ("local_attention.out[0:2]", "G C H·D", ""),
    ("einsum local_attention.qkv", "G N 3·H·D", "g n c, g (three h d) c -> g n (three h d)"),
    ("rearrange", "3 G H N D", "g n (three h d) -> three g h n d"),
    ("unbind → q, k, v", "G H N D", "three g h n d -> 3 × g h n d"),
    ("scaled_dot_product_attention", "G H N D", "g h i d, g h j d, g h j d -> g h i d"),
    ("overflow check", "", ""),
    ("rearrange", "G N H·D", "g h n d -> g n (h d)"),
    ("einsum local_attention.out", "G N C", "g n (h d), g c (h d) -> g n c"),
    ("unbind q, k", "H N D", "g h n d -> 2 × h n d"),
    ("flatten", "G·N C", "g n c -> (g n) c"),
    ("unsqueeze", "1 2 C", "2 c -> 1 2 c"),
    ("local_attention.qkv[2:3]", "1 3·H·D C", ""),
    ("local_attention.out[2:3]", "1 C H·D", ""),
    ("einsum local_attention.qkv", "1 2 3·H·D", "1 2 c, 1 (three h d) c -> 1 2 (three h d)"),
    ("rearrange", "3 1 H 2 D", "1 2 (three h d) -> three 1 h 2 d"),
    ("unbind → q, k, v", "1 H 2 D", "three 1 h 2 d -> 3 × 1 h 2 d"),
    ("scaled_dot_product_attention", "1 H 2 D", "1 h i d, 1 h j d, 1 h j d -> 1 h i d"),
    ("overflow check", "", ""),
    ("rearrange", "1 2 H·D", "1 h 2 d -> 1 2 (h d)"),
    ("einsum local_attention.out", "1 2 C", "1 2 (h d), 1 c (h d) -> 1 2 c"),
    ("unbind q, k", "H 2 D", "1 h 2 d -> h 2 d"),
    ("squeeze", "2 C", "1 2 c -> 2 c"),
    ("cat", "L C", ""),
    ("normalize", "L C", "l c -> l c"),
    ("normalize", "L C", "l c -> l c"),
    ("add", "L C", "l c -> l c"),
]  # fmt: skip

# nn.MultiheadAttention on (L, B, C); batch first it is transposed before and after.
MHA_START = [
    ("linear in_proj", "L B 3·H·D", "l b c, (three h d) c -> l b (three h d)"),
    ("unflatten.unsqueeze.transpose.squeeze.contiguous", "3 L B H·D",
     "l b (three h d) -> three l b (h d)"),
    ("[0] → q, [1] → k, [2] → v", "L B H·D", ""),
    ("view.transpose q", "B·H L D", "l b (h d) -> (b h) l d"),
    ("view.transpose k", "B·H L D", "l b (h d) -> (b h) l d"),
    ("view.transpose v", "B·H L D", "l b (h d) -> (b h) l d"),
]  # fmt: skip
MHA_WEIGHTS = [
    *MHA_START,
    ("q * 0.3536", "B·H L D", "(b h) l d -> (b h) l d"),
    ("transpose k", "B·H D L", "(b h) l d -> (b h) d l"),
    ("scores q @ kᵀ", "B·H L L", "(b h) i d, (b h) d j -> (b h) i j"),
    ("softmax", "B·H L L", "(b h) i j -> (b h) i j"),
    ("weights @ v", "B·H L D", "(b h) i j, (b h) j d -> (b h) i d"),
    ("transpose.reshape", "L·B H·D", "(b h) l d -> (l b) (h d)"),
    ("linear out_proj", "L·B C", "(l b) (h d), c (h d) -> (l b) c"),
    ("view", "L B C", "(l b) c -> l b c"),
    ("view", "B H L L", "(b h) i j -> b h i j"),
    ("mean", "B L L", "b h i j -> b i j"),
]
MHA_FUSED = [
    *MHA_START,
    ("view q", "B H L D", "(b h) l d -> b h l d"),
    ("view k", "B H L D", "(b h) l d -> b h l d"),
    ("view v", "B H L D", "(b h) l d -> b h l d"),
    ("scaled_dot_product_attention", "B H L D", "b h i d, b h j d, b h j d -> b h i d"),
    ("permute.reshape", "L·B H·D", "b h l d -> (l b) (h d)"),
    ("linear out_proj", "L·B C", "(l b) (h d), c (h d) -> (l b) c"),
    ("view", "L B C", "(l b) c -> l b c"),
]


class WithoutWeights(nn.MultiheadAttention):
    def forward(self, query, key, value):
        return super().forward(query, key, value, need_weights=False)


def brief(steps):
    return [(step.step, step.axes, step.pattern) for step in steps]


@pytest.mark.parametrize("order", ["d h", "h d"])
def test_line_by_line(order):
    table = xray(LineByLine(order=order), torch.randn(B, G, N, C))
    assert [step[:5] for step in table.steps] == line_by_line(order)


def test_blocks():
    table = xray(attnlib.BlockAttention(C, H), torch.randn(1, G, N, C))
    assert [step[:5] for step in table.steps] == BLOCKS


def test_all_frames():
    module = attnlib.SelfAttention(C, 96, heads=H, pos_enc="absolute").eval()
    assert [step[:5] for step in xray(module, torch.randn(B, L, C)).steps] == SELF


def test_segments():
    module = attnlib.GlobalLocalAttention(C, 96, num_segments=3, heads=H, fusion="add").eval()
    steps = brief(xray(module, torch.randn(L, C)).steps)
    assert steps[0] == ("linear attention.qkv", "L 3·H·D", "l c, (three h d) c -> l (three h d)")
    assert steps[-len(LOCAL) :] == LOCAL


@pytest.mark.parametrize(
    ("kind", "expected"), [(nn.MultiheadAttention, MHA_WEIGHTS), (WithoutWeights, MHA_FUSED)]
)
@pytest.mark.parametrize("batch_first", [True, False])
def test_multihead_attention(kind, expected, batch_first):
    module = kind(C, H, batch_first=batch_first).eval()
    steps = brief(xray(module, torch.randn((B, L, C) if batch_first else (L, B, C))).steps)
    if batch_first:
        first, *steps, last = steps
        assert first == ("transpose", "L B C", "b l c -> l b c")
        assert last == ("transpose", "B L C", "l b c -> b l c")
    # In PyTorch 2.10 one line of it reads permute(…).contiguous().view(…).
    steps = [
        (re.sub(r"(transpose|permute)(\.contiguous)?\.view", r"\1.reshape", name), *rest)
        for name, *rest in steps
    ]
    assert steps == expected


def test_loop_over_heads():
    steps = brief(xray(LoopOverHeads(), torch.randn(B, L, C)).steps)
    head = [
        ("linear q.0", "B L 5", "b l c, 5 c -> b l 5"),
        ("linear k.0", "B L 5", "b l c, 5 c -> b l 5"),
        ("scores q @ kᵀ", "B L L", "b i 5, b j 5 -> b i j"),
        ("softmax", "B L L", "b i j -> b i j"),
        ("linear v.0", "B L 5", "b l c, 5 c -> b l 5"),
        ("weights @ v", "B L 5", "b i j, b j 5 -> b i 5"),
    ]
    assert steps[:6] == head
    assert [name for name, *_ in steps[6:12]] == [name.replace("0", "1") for name, *_ in head]
    assert steps[12:] == [
        ("cat", "B L H·5", "h b l 5 -> b l (h 5)"),
        ("linear out", "B L C", "b l (h 5), c (h 5) -> b l c"),
    ]


def test_a_chain_in_one_statement_is_the_einops_pattern():
    def split(x):
        return (
            x.reshape(B, L, 3, H, 8)
            .permute(2, 0, 3, 1, 4)
        )  # fmt: skip

    (step,) = xray(split, torch.randn(B, L, 144), heads=H).steps
    assert step[:2] == ("reshape.permute", "3 B H L D")
    assert step.pattern == "b l (three h d) -> three b h l d"


def test_the_order_of_the_split_shows():
    def tables(shape):
        split = lambda x: F.linear(x, torch.zeros(144, C)).view(B, L, *shape)
        return [step.pattern for step in xray(split, torch.randn(B, L, C), heads=H).steps]

    assert tables((3, H, 8))[-1] == "b l (three h d) -> b l three h d"
    assert tables((H, 3, 8))[-1] == "b l (h three d) -> b l h three d"
    assert tables((H, 8, 3))[-1] == "b l (h d three) -> b l h d three"


def test_chunk_tells_where_three_stands():
    weight = torch.zeros(144, C)

    def project(x):
        q, k, v = F.linear(x, weight).chunk(3, dim=-1)
        return q.unflatten(-1, (H, 8)), k, v

    linear, chunk, unflatten = brief(xray(project, torch.randn(B, L, C), heads=H).steps)
    assert linear[1:] == ("B L 3·H·D", "b l c, (three h d) c -> b l (three h d)")
    assert chunk == ("chunk → q, k, v", "B L H·D", "b l (three h d) -> 3 × b l (h d)")
    assert unflatten == ("unflatten q", "B L H D", "b l (h d) -> b l h d")


def test_equal_sizes_are_not_told_apart():
    steps = xray(LineByLine(36, 6), torch.randn(B, G, N, 36)).steps
    assert steps[1].axes == "B G N 3 H|D H|D"
    assert steps[1].pattern == "b g n (three h|d h|d′) -> b g n three h|d h|d′"
    assert steps[2].pattern == "b g n three h|d h|d′ -> three b g h|d n h|d′"
    assert steps[-1].axes == "B G N C"
    three_heads = xray(LineByLine(48, 3), torch.randn(B, G, N, 48)).steps
    assert three_heads[1].axes == "B G N three|H three|H D".replace("three", "3")


def test_without_heads_sizes_are_numbers():
    split = lambda x: x.unflatten(-1, (H, 8))
    (step,) = xray(split, torch.randn(B, L, C)).steps
    assert step[1:4] == ("B L 6 8", (B, L, 6, 8), "b l (6 8) -> b l 6 8")


def test_two_axes_of_one_range_are_two():
    def distance(x):
        i = torch.arange(x.shape[1])
        return (i[:, None] - i[None, :]).mT

    step = xray(distance, torch.randn(B, L, C)).steps[-1]
    assert step[:4] == ("mT", "10 10", (10, 10), "10 10′ -> 10′ 10")


class InOut(nn.Module):
    """Matrices as (in, out), as GPT-2 has them; nothing is cut in three."""

    def __init__(self):
        super().__init__()
        self.n_head = H
        self.first, self.last = (nn.Parameter(torch.randn(C, C)) for _ in range(2))
        self.bias = nn.Parameter(torch.randn(C))

    def forward(self, x):
        y = torch.addmm(self.bias, x.view(-1, C), self.first).view(x.shape)
        one, two, three = (y.unflatten(-1, (self.n_head, -1)).transpose(1, 2) for _ in range(3))
        y = (one @ two.mT).softmax(1) @ three
        y = y.transpose(1, 2).flatten(2).flatten(0, 1)
        return torch.addmm(self.bias, y, self.last).view(x.shape)


def test_letters_go_on_through_a_matrix_kept_as_in_and_out():
    steps = {step.step: step for step in xray(InOut(), torch.randn(B, L, C)).steps}
    assert steps["addmm first"].pattern == "(b l) c, c (h d) -> (b l) (h d)"
    assert steps["addmm last"].axes == "B·L C"


def test_what_meets_in_scores_and_then_weights_is_called_q_k_and_v():
    steps = [step.step for step in xray(InOut(), torch.randn(B, L, C)).steps]
    assert "unflatten.transpose q, k, v" in steps


def test_a_softmax_over_another_axis_than_the_keys_says_so():
    steps = [step.step for step in xray(InOut(), torch.randn(B, L, C)).steps]
    assert "softmax over h" in steps
    columns = lambda x: (x @ x.mT).softmax(dim=-2) @ x
    assert xray(columns, torch.randn(B, L, C)).steps[-2].step == "softmax over i"
    rows = lambda x: (x @ x.mT).softmax(dim=-1) @ x
    assert xray(rows, torch.randn(B, L, C)).steps[-2].step == "softmax"


def test_keys_and_values_are_x_where_a_module_asks_for_them():
    class Asks(nn.Module):
        def forward(self, query, keys, values, mask=None):
            return (query @ keys.mT).softmax(-1) @ values

    x = torch.randn(B, L, C)
    asked = xray(Asks(), x).steps
    assert asked == xray(lambda x: (x @ x.mT).softmax(-1) @ x, x).steps


def test_an_odd_module_is_shown_as_far_as_it_is_known():
    table = xray(Odd(), torch.randn(2, 3, 6))
    assert table.steps[0] == ("fft_rfft", "2 3 4", (2, 3, 4), "", 192, "computes")
    in_place = [step for step in table.steps if step.kind == "computes" and not step.bytes]
    assert [(step.step, step.axes) for step in in_place] == [
        ("[:, 0] =", "2 4 3"),
        ("+= 1", "2 4 3"),
    ]
    assert repr(table).count("in place") == 2


MODULES = {
    "line by line": (LineByLine, (B, G, N, C)),
    "blocks": (lambda: attnlib.BlockAttention(C, H), (1, G, N, C)),
    "one block": (lambda: attnlib.BlockAttention(C, H), (1, 1, 1, C)),
    "all frames": (lambda: attnlib.SelfAttention(C, 96, heads=H, pos_enc="relative"), (L, C)),
    "segments": (
        lambda: attnlib.GlobalLocalAttention(C, 96, num_segments=3, heads=H, fusion="max"),
        (B, L, C),
    ),
    "torch": (lambda: nn.MultiheadAttention(C, H, batch_first=True), (B, L, C)),
    "torch, one input": (lambda: nn.MultiheadAttention(C, H), (L, C)),
    "torch, fused": (lambda: WithoutWeights(C, H), (L, B, C)),
    "torch's layer": (lambda: nn.TransformerEncoderLayer(C, H, 100, batch_first=True), (B, L, C)),
    "loop": (LoopOverHeads, (B, L, C)),
    "odd": (Odd, (2, 3, 6)),
}


@contextmanager
def recorded():
    """{row: (its first operand, its results)} of every row that is made, as they were then."""
    rows, note = {}, Trace._note

    def spy(self, call, operands, results):
        count = len(self.rows)
        copies = [x.clone() for x in results]
        first = operands[0].clone() if operands else None
        if isinstance(call.args[0] if call.args else None, list):
            first = [x.clone() for x in call.args[0]]
        note(self, call, operands, results)
        if len(self.rows) > count:
            rows[self.rows[-1]] = first, copies
        elif self.rows and self.rows[-1].result is results[0]:
            rows[self.rows[-1]] = rows[self.rows[-1]][0], copies

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trace, "_note", spy)
        yield rows


def by_pattern(row, x):
    """What einops.rearrange makes of x by the pattern that is shown for a row."""
    pattern = row.step().pattern.replace("|", "_or_").replace("′", "_again")
    pattern = re.sub(r"-> \d+ × ", "-> taken ", pattern)
    pattern = re.sub(r"\b(?!1\b)(\d+)", r"size_\1", pattern)
    left, right = pattern.split(" -> ")
    if right.startswith("taken "):  # unbind and chunk: the name on the left only is what is taken
        (taken,) = {*re.findall(r"\w+", left)} - {*re.findall(r"\w+", right), "1"}
        pattern = f"{left} -> {right.replace('taken', taken)}"
    factors = [leaf for axis in row.inputs[0] for leaf in leaves(axis, row.splits) or [None]]
    pairs = zip(re.findall(r"\w+", left), factors, strict=True)
    sizes = {name: factor.size for name, factor in pairs if name != "1"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # einops' advice on names
        return einops.rearrange(x, pattern, **sizes)


def check_patterns(rows):
    """Hold the patterns of all that only move against einops; returns how many there were."""
    moves = [row for row in rows if row.inputs and (row.pure or row.kind != "computes")]
    for row in moves:
        x, results = rows[row]
        result = torch.stack(results) if row.effect.copies > 1 else results[0]
        torch.testing.assert_close(by_pattern(row, x), result, rtol=0, atol=0)
    return len(moves)


@pytest.mark.parametrize("name", MODULES)
def test_patterns_are_true_and_shapes_are_real(name):
    make, shape = MODULES[name]
    module, x = make().eval(), torch.randn(shape)
    with recorded() as rows:
        steps = xray(module, x).steps
    assert check_patterns(rows) >= 1
    for row, (_, results) in rows.items():
        assert row.step().shape == tuple(results[0].shape)
    for step in steps:
        assert len(step.axes.split()) == len(step.shape)
        for axis, size in zip(step.axes.split(), step.shape, strict=True):
            known = [int(part) for part in axis.split("·") if part.isdigit()]
            assert size % torch.Size(known).numel() == 0
        assert (step.bytes == 0) or step.kind != "moves"


SIZES = st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=2, max_size=4)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), sizes=SIZES, one_line=st.booleans())
def test_any_chain_of_moves_has_a_true_pattern(data, sizes, one_line):
    """reshape into any sizes, permute, transpose, indexing by None, flatten: drawn at random."""

    def move(x):
        kind = data.draw(st.sampled_from(["reshape", "permute", "mT", "None", "flatten"]))
        if kind == "reshape":
            shape, rest = [], x.numel()
            while rest > 1 and len(shape) < 4:
                shape.append(data.draw(st.sampled_from([d for d in range(1, 9) if rest % d == 0])))
                rest //= shape[-1]
            return x.reshape(*shape, rest)
        if kind == "permute":
            return x.permute(data.draw(st.permutations(range(x.dim()))))
        if kind == "None":
            return x[:, None]
        return x.mT if kind == "mT" and x.dim() > 1 else x.flatten(0, -1)

    def forward(x):
        for _ in range(3):
            x = move(x)
        return x

    def by_line(x):
        x = move(x)
        x = move(x)
        return move(x)

    x = torch.arange(torch.Size(sizes).numel()).reshape(sizes)
    with recorded() as rows:
        xray(forward if one_line else by_line, x, axes=" ".join("BGLC"[-len(sizes) :]), heads=3)
    check_patterns(rows)


def test_einops_calls_are_one_row():
    def pooled(x):
        x = einops.rearrange([x, x], "two b l c -> b (l two) c")
        return einops.reduce(x, "b (half l) c -> half b c", "mean", half=2)

    rearrange, reduce = xray(pooled, torch.randn(B, L, C)).steps
    assert rearrange[:4] == ("rearrange", "B L·2 C", (B, 20, C), "2 b l c -> b (l 2) c")
    assert reduce[:3] == ("reduce", "2 B C", (2, B, C))


def test_what_is_seen_of_each_step():
    kinds = {step.step: step.kind for step in xray(LineByLine(), torch.randn(B, G, N, C)).steps}
    assert kinds["unbind → q, k, v"] == kinds["transpose k"] == "moves"
    assert kinds["reshape"] == "copies"
    assert kinds["scores q @ kᵀ"] == kinds["softmax"] == "computes"


def test_as_text():
    table = xray(nn.Linear(C, 7), torch.randn(L, C))
    assert repr(table).splitlines() == [
        "Linear, given x: L C = (10, 48)",
        "   step    axes  shape    einops pattern   bytes",
        "●  linear  L 7   (10, 7)  l c, 7 c -> l 7  280",
        "· moves axes only (a view)   » moves elements (a copy)   ● computes",
        "Largest: linear, 280 bytes. New in all: 280 bytes, in 1 of 1 steps.",
    ]


def test_views_take_no_memory():
    table = xray(lambda x: x.mT.unflatten(-1, (2, 5)), torch.randn(B, L, C))
    assert repr(table).splitlines()[2].endswith("view")
    assert repr(table).splitlines()[-1] == "No step takes memory."


def test_tables_say_the_same_each_time():
    module, x = attnlib.BlockAttention(C, H), torch.randn(1, G, N, C)
    one, two = xray(module, x), xray(module, x)
    both = side_by_side(one, two)
    for shown in (one, two, both):
        assert "0x" not in repr(shown) + shown._repr_html_()
        assert " id=" not in shown._repr_html_()
    assert (repr(one), one._repr_html_()) == (repr(two), two._repr_html_())


def test_html_holds_the_table_escaped():
    html = xray(nn.Linear(C, 7), torch.randn(L, C))._repr_html_()
    assert "l c, 7 c -&gt; l 7" in html
    assert html.count("<tr>") == 2


def test_side_by_side():
    left, right = xray(nn.Linear(C, 7), torch.ones(L, C)), xray(lambda x: x.mT, torch.ones(L, C))
    lines = repr(side_by_side(left, right)).splitlines()
    assert [line.split("  │  ")[0].rstrip() for line in lines] == repr(left).splitlines()
    assert [line.split("  │  ")[1] for line in lines] == repr(right).splitlines()
    html = side_by_side(left, right)._repr_html_()
    assert left._repr_html_() in html
    assert right._repr_html_() in html
    with pytest.raises(TypeError, match=r"right must be an XRay, as xray gives it, got Tensor"):
        side_by_side(left, torch.ones(2))


def test_nothing_is_left_behind():
    module = attnlib.GlobalLocalAttention(C, 96, num_segments=3, heads=H, fusion="add")
    before = {name: x.clone() for name, x in module.state_dict().items()}
    x = torch.randn(L, C, requires_grad=True)
    kept, whole = x.detach().clone(), F.multi_head_attention_forward
    torch.manual_seed(0)
    with torch.no_grad():
        module(x)
    state = torch.get_rng_state()
    torch.manual_seed(0)
    xray(module, x)
    assert torch.equal(torch.get_rng_state(), state)  # dropout drew as ever, and no more
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(p.grad is None for p in module.parameters())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
    assert torch.equal(x, kept)
    assert x.grad is None
    assert F.multi_head_attention_forward is whole
    assert torch.overrides._get_current_function_mode() is None


class Wrong(LineByLine):
    def forward(self, x):
        qkv = self.qkv(x)
        q, k, v = qkv.chunk(3, -1)
        return q @ k


def test_an_error_comes_through_with_the_steps_before_it():
    with pytest.raises(RuntimeError, match="size") as caught:
        xray(Wrong(), torch.randn(B, G, N, C))
    assert caught.value.__notes__ == [
        "xray, the steps so far: linear qkv: B G N 3·C (2, 4, 16, 144); "
        "chunk → q, k, v: B G N C (2, 4, 16, 48). "
        "Then matmul of B G N C (2, 4, 16, 48) and B G N C (2, 4, 16, 48)."
    ]
    assert torch.overrides._get_current_function_mode() is None


def test_an_error_before_the_first_step():
    with pytest.raises(ValueError, match="x must be") as caught:
        xray(attnlib.BlockAttention(C, H), torch.randn(B, L, C))
    assert caught.value.__notes__ == ["xray, the steps so far: none."]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((3, torch.ones(2, 3)), TypeError, "module must be a module or a function, got int"),
        ((nn.Identity(), [1.0]), TypeError, "x must be a torch.Tensor, got list"),
        ((nn.Identity(), torch.ones(3)), ValueError, "axes must name the 1 axes of x, got None"),
        (
            (nn.Identity(), torch.ones(2, 3), "B L C"),
            ValueError,
            r'axes must be 2 different names for x of shape \(2, 3\), as "L C", got \'B L C\'',
        ),
        ((nn.Identity(), torch.ones(2, 3), "L L"), ValueError, "axes must be 2 different names"),
        ((nn.Identity(), torch.ones(2, 3), 7), TypeError, "axes must be a string, got int"),
        ((nn.Identity(), torch.ones(2, 3), None, 0), ValueError, "heads must be a whole number"),
    ],
)
def test_what_a_caller_may_get_wrong(arguments, error, message):
    with pytest.raises(error, match=message):
        xray(*arguments)


def test_a_view_of_another_dtype_is_numbers():
    (step,) = xray(lambda x: x.view(torch.int16), torch.randn(B, L, C)).steps
    assert step == ("view", "2 10 96", (B, L, 96), "", 0, "moves")


@pytest.mark.parametrize("lead", [(), (G,), (B, G)])
@pytest.mark.parametrize("weight_first", [False, True])
def test_dots_in_an_equation_count_from_the_last_axis(weight_first, lead):
    weight, terms = torch.randn(*lead, 5, C), ["... n c", "... e c"]

    def project(x):
        pairs = list(zip(terms, (x, weight), strict=True))[:: -1 if weight_first else 1]
        return torch.einsum(", ".join(t for t, _ in pairs) + " -> ... n e", *(y for _, y in pairs))

    (step,) = xray(project, torch.randn(B, G, N, C)).steps
    assert step[:3] == ("einsum", "B G N 5", (B, G, N, 5))
    names = " ".join(["b", "g"][2 - len(lead) :] + ["5", "c"])
    left = [names, "b g n c"] if weight_first else ["b g n c", names]
    assert step.pattern == f"{', '.join(left)} -> b g n 5"


def test_what_is_the_same_twice_is_queries_and_keys_only_where_it_is_tokens():
    x = torch.randn(B, L, C)
    channels = xray(lambda x: x.mT @ x, x).steps[-1]
    assert channels[:4] == ("matmul", "B C C", (B, C, C), "b c l, b l c′ -> b c c′")
    some = lambda x: torch.cat([x[:, :3], x[:, 5:]], 1)
    tokens = xray(lambda x: (y := some(x)) @ y.mT, x).steps[-1]
    assert tokens[:4] == ("scores q @ kᵀ", "B 8 8", (B, 8, 8), "b i c, b c j -> b i j")
    some = lambda x: torch.cat([x[..., :3], x[..., 5:]], -1)
    channels = xray(lambda x: (y := some(x)).mT @ y, x).steps[-1]
    assert channels[:2] == ("matmul", "B 46 46")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_product_of_a_tensor_with_itself_has_a_true_pattern(data):
    one, other = ("".join(data.draw(st.permutations("abcde"))[:3]) for _ in range(2))
    out = "".join(data.draw(st.lists(st.sampled_from(one + other), unique=True)))
    x = torch.arange(27.0).view(3, 3, 3)
    multiply = lambda x: torch.einsum(f"{one},{other}->{out}", x, x)
    (step,) = xray(multiply, x).steps
    pattern = step.pattern.replace("′", "_again")
    torch.testing.assert_close(einops.einsum(x, x, pattern), multiply(x))


def test_linear_attention_multiplies_channels_with_channels():
    def without_softmax(x):
        q, k, v = x.view(B, L, 3, H, 8).permute(2, 0, 3, 1, 4)
        return q @ (k.mT @ v)

    *_, one, two = xray(without_softmax, torch.randn(B, L, 144), heads=H).steps
    assert (one.axes, one.pattern) == ("B H D D", "b h d l, b h l d′ -> b h d d′")
    assert (two.axes, two.pattern) == ("B H L D", "b h l d, b h d d′ -> b h l d′")


def test_an_axis_met_twice_keeps_what_it_probably_is():
    project = nn.Linear(C, C, bias=False)
    step = xray(lambda x: (y := project(x)).mT @ y, torch.randn(B, L, C)).steps[-1]
    assert (step.axes, step.pattern) == ("B C C", "b c l, b l c′ -> b c c′")


class InBlocks(nn.Module):
    num_segments = 2

    def forward(self, x):
        return x.unflatten(0, (2, 3)), x.unflatten(1, (2, 5))


def test_only_tokens_are_cut_into_groups():
    batch, tokens = xray(InBlocks(), torch.randn(6, L, C)).steps
    assert (batch.axes, tokens.axes) == ("2 3 L C", "B G N C")


def test_only_tokens_that_add_up_to_all_tokens_are_all_tokens():
    def cut_and_joined(x):
        return (
            torch.cat([x[:, :3], x[:, 3:]], 1),
            torch.cat([x[:, :3], x[:, 4:]], 1),
            torch.cat([x[..., :3], x[..., :7]], -1),
        )

    steps = xray(cut_and_joined, torch.randn(B, L, C)).steps
    assert [step.axes for step in steps if step.step == "cat"] == ["B L C", "B 9 C", "B L 10"]


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_a_chain_takes_the_memory_of_a_copy_wherever_that_stands_in_it(data):
    calls = {"transpose": (-2, -1), "unsqueeze": (0,), "clone": ()}
    moves = data.draw(st.lists(st.sampled_from(list(calls)), min_size=1, max_size=5))

    def chain(x):
        for name in moves:
            x = getattr(x, name)(*calls[name])  # one statement, one row

    x = torch.randn(L, C)
    (step,) = xray(chain, x).steps
    assert (step.bytes, step.kind) == ((x.nbytes, "copies") if "clone" in moves else (0, "moves"))


def test_heads_alone_are_told_by_their_size():
    (step,) = xray(lambda x: x.view(B, L, H, 4, 2), torch.randn(B, L, C), heads=H).steps
    assert step[1:4] == ("B L H 4 2", (B, L, H, 4, 2), "b l (h 4 2) -> b l h 4 2")


def test_no_gradients_are_kept():
    seen = []
    xray(lambda x: seen.append(torch.is_grad_enabled()), torch.randn(B, L, C))
    assert seen == [False]


def test_axes_of_the_readers_choice():
    table = xray(lambda x: x.flatten(1, 2), torch.randn(2, 3, 5, C), axes="B height width C")
    assert table.given == "x: B height width C = (2, 3, 5, 48)"
    assert table.steps[0][:4] == (
        "flatten", "B height·width C", (2, 15, C), "b height width c -> b (height width) c",
    )  # fmt: skip


def shown(function, x, **known):
    """(step, axes) of every row."""
    return [step[:2] for step in xray(function, x, **known).steps]


def test_three_parts_of_what_is_no_projection_are_not_q_k_and_v():
    steps = shown(lambda x: x.unflatten(-1, (3, 16)).unbind(2), torch.randn(B, L, C))
    assert steps == [("unflatten", "B L 3 16"), ("unbind", "B L 16")]


@pytest.mark.parametrize("size", [H, C // H, C])
def test_a_size_tells_a_letter_of_channels_only(size):
    x = torch.randn(B, 2 * size, C)
    assert shown(lambda x: x.unflatten(1, (2, size)), x, heads=H) == [
        ("unflatten", f"B 2 {size} C")
    ]
    table = torch.randn(2 * size, size)
    assert shown(lambda x: x.mT @ table, x, heads=H)[-1] == ("matmul", f"B C {size}")


def test_pieces_side_by_side_are_heads_only_if_each_may_be_of_one_and_all_are_there():
    of_one_head, to_width = nn.Linear(C, 5), nn.Linear(C, C)

    def joined(x):
        piece, whole = of_one_head(x), to_width(x)
        return [torch.cat(pieces, -1) for pieces in ([piece] * 2, [piece] * 4, [whole] * 2)]

    steps = shown(joined, torch.randn(B, L, C), heads=2)
    assert [axes for step, axes in steps if step == "cat"] == ["B L H·5", "B L 4·5", "B L 2·C"]


def test_slices_are_written_as_in_the_code():
    cut = lambda x: (x[::2], x[:, 1:9:3], x[..., 4:], x[:1], x[0, :, None, -1])
    assert shown(cut, torch.randn(B, L, C)) == [
        ("[::2]", "1 L C"),
        ("[:, 1:9:3]", "B 3 C"),
        ("[..., 4:]", "B L 44"),
        ("[:1]", "1 L C"),
        ("[0, :, None, -1]", "L 1"),
    ]


def test_expand_keeps_the_axes_that_are_there():
    x = torch.randn(B, L, C)
    assert shown(lambda x: x[:, None].expand(3, B, 7, L, C), x)[-1] == ("expand", "3 B 7 L C")


def test_what_is_split_twice_is_shown_by_its_first_split():
    def split_twice(x):
        y = F.linear(x, torch.zeros(144, C))
        return y.view(B, L, 3, H, 8), y.view(B, L, 4, 36)

    linear, first, second = shown(split_twice, torch.randn(B, L, C), heads=H)[-3:]
    assert (linear[1], first[1], second[1]) == ("B L 3·H·D", "B L 3 H D", "B L 4 36")


def test_tokens_joined_again_are_the_same_tokens():
    def meet(x):
        again = torch.cat([x[:, :3], x[:, 3:]], 1)
        return again @ x.mT

    step = xray(meet, torch.randn(B, L, C)).steps[-1]
    assert step[:4] == ("scores q @ kᵀ", "B L L", (B, L, L), "b i c, b c j -> b i j")


def test_the_stride_of_an_axis_of_size_1_is_no_difference():
    x = torch.randn(L, C).as_strided((1, L, C), (7, C, 1))
    assert x.view(1, L, C).stride() != x.stride()
    assert shown(lambda x: x.view(1, L, C), x) == []


def test_columns_line_up_in_a_language_of_wide_characters(spoken):
    spoken({"step": "步骤", "view": "视图", "weights @ v": "权重 @ v"})
    table = xray(attnlib.SelfAttention(C, C), torch.randn(L, C))
    heading, *lines = repr(table).splitlines()[1 : 2 + len(table.steps)]
    assert heading.startswith("   步骤 ")
    place = width(heading[: heading.index("shape")])
    for line, step in zip(lines, table.steps, strict=True):
        assert width(line[: line.index(f"  {step.shape}") + 2]) == place
    assert any("权重 @ v" in line for line in lines)
    assert any(line.endswith("视图") for line in lines)


# ---- How much it would take ----------------------------------------------------------------------


@contextmanager
def only(amount):
    """So many bytes are free."""
    with pytest.MonkeyPatch.context() as patch:
        for each in (memory, rehearsal):
            patch.setattr(each, "free_memory", lambda device: amount)
        yield


def test_what_would_not_fit_is_refused_before_it_runs_with_what_would():
    module = nn.MultiheadAttention(8, 2, batch_first=True)
    said = r"^xray of x: B L C = \(1, 8000, 8\) would take about [\d.]+ GB, and 100 MB are free: "
    with only(1e8), pytest.raises(MemoryError, match=said) as raised:
        xray(module, torch.zeros(1, 8000, 8))
    length = int(re.search(r"B L C = \(1, (\d+), 8\) would fit$", str(raised.value))[1])
    with only(1e8):
        table = xray(module, torch.zeros(1, length, 8))
    assert 3e7 < sum(step.bytes for step in table.steps) < 1e8


def test_what_fits_is_rehearsed_and_the_table_is_the_same():
    module, x = LineByLine(), torch.randn(B, G, N, C)
    whole = xray(module, x)
    needed = sum(step.bytes for step in whole.steps)
    with only(1.5 * needed):  # it is right to within a factor of 1.5
        assert repr(xray(module, x)) == repr(whole)
    with only(needed / 1.5), pytest.raises(MemoryError):
        xray(module, x)


@settings(max_examples=8, deadline=None)
@given(st.integers(2, 300), st.sampled_from([1e4, 1e5, 1e6]))
def test_it_refuses_what_takes_more_than_is_free_and_no_more(length, amount):
    module, x = nn.MultiheadAttention(6, 2, batch_first=True), torch.zeros(1, length, 6)
    needed = sum(step.bytes for step in xray(module, x).steps)
    with only(amount):
        try:
            xray(module, x)
        except MemoryError:
            assert needed > amount / 1.5
        else:
            assert needed < amount * 1.5


def test_every_step_moves_the_bar():
    steps = []
    count = len(xray(LineByLine(), torch.randn(B, G, N, C)).steps)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(package, "progress_bar", lambda *named: _Bar(steps))
        xray(LineByLine(), torch.randn(B, G, N, C))
    assert len(steps) >= count


class _Bar:
    def __init__(self, steps):
        self.update = lambda: steps.append(1)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass
