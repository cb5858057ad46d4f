"""The checks take their solutions, refuse their stubs, and name the known wrong answers."""

import pytest
import torch
from einops import rearrange
from torch.utils.flop_counter import FlopCounterMode

import attnlib
from attnlib import BlockAttention
from attnlib.course import compare
from attnlib.course.exercises.pieces import MyBlockAttention, attend, merge, split
from attnlib.course.figures.gallery import plot_pictures
from attnlib.course.lessons import exercise
from attnlib.course.lessons.blocks.exercises import (
    ATTENTION_MISTAKES,
    BLOCK_MISTAKES,
    COSTS,
    GRIDS,
    MASK_MISTAKES,
    OPERATION_MISTAKES,
    PARAMETER_MISTAKES,
    PICTURES,
    block_mask,
    blockify,
    blockify_as_a_loop,
    count,
)
from tests.course.lessons.test_class import WRONG as IN_CLASS

CLASS = [words for _, words, _ in IN_CLASS]

SPLIT = "... (rows row) (cols col) c"


def cut(pattern):
    return lambda x, n: rearrange(x, pattern, row=n, col=n)


def strips_by_view(x, n):
    return x.view(*x.shape[:-3], -1, n * n, x.shape[-1])


def joined_too_early(x, n):
    """The axes are split, and nothing is brought together."""
    *front, height, width, channels = x.shape
    parts = x.view(*front, height // n, n, width // n, n, channels)
    return parts.reshape(*front, -1, n * n, channels)


def height_for_width(x, n):
    *front, height, width, channels = x.shape
    parts = x.reshape(*front, width // n, n, height // n, n, channels)
    return parts.transpose(-4, -3).reshape(*front, -1, n * n, channels)


def by_a_root(x, n):
    *front, height, width, channels = x.shape
    side = int((height * width) ** 0.5) // n
    parts = x.reshape(*front, side, n, side, n, channels)
    return parts.transpose(-4, -3).reshape(*front, -1, n * n, channels)


def so_many_blocks(x, n):
    rows, cols = x.shape[-3] // n, x.shape[-2] // n
    return rearrange(x, f"{SPLIT} -> ... (rows cols) (row col) c", row=rows, col=cols)


def from_the_front(x, n):
    *front, height, width, channels = x.shape
    parts = x.view(*front, height // n, n, width // n, n, channels)
    return parts.transpose(1, 2).reshape(*front, -1, n * n, channels)


def of_one_picture(x, n):
    height, width, channels = x.shape
    parts = x.view(height // n, n, width // n, n, channels)
    return parts.transpose(1, 2).reshape(-1, n * n, channels)


def with_a_batch_only(x, n):
    return blockify(x, n) if x.dim() < 5 else blockify(x.flatten(0, 1), n)


WRONG_BLOCKS = {
    "Not written yet": lambda x, n: None,
    "returned list": lambda x, n: [],
    "These are strips": strips_by_view,
    "strips: a bare view or reshape": joined_too_early,
    "N stands before G": cut(f"{SPLIT} -> ... (row col) (rows cols) c"),
    "Inside a block, row and column": cut(f"{SPLIT} -> ... (rows cols) (col row) c"),
    "The blocks are read column by column": cut(f"{SPLIT} -> ... (cols rows) (row col) c"),
    "as if the picture lay on its side": lambda x, n: blockify(x.transpose(-3, -2), n),
    "A comb": cut("... (row rows) (col cols) c -> ... (rows cols) (row col) c"),
    "Only the columns are split the wrong way": cut(
        "... (rows row) (col cols) c -> ... (rows cols) (row col) c"
    ),
    "Only the rows are split the wrong way": cut(
        "... (row rows) (cols col) c -> ... (rows cols) (row col) c"
    ),
    "The channels ended up before the tokens": lambda x, n: blockify(x, n).mT,
    "Height and width are exchanged": height_for_width,
    "You take the picture to be square": by_a_root,
    "taken for the number of blocks along a side": so_many_blocks,
    "The blocks still have two axes": cut(f"{SPLIT} -> ... rows cols (row col) c"),
    "Inside a block there are still two axes": cut(f"{SPLIT} -> ... (rows cols) row col c"),
    "Patches and channels became one axis": lambda x, n: blockify(x, n).flatten(-2),
    "axes are counted from the front": from_the_front,
    "The blocks of several pictures were joined": lambda x, n: torch.cat(
        [blockify(one, n) for one in x.reshape(-1, *x.shape[-3:])]
    ),
    "The blocks come before the axes in front": cut(f"{SPLIT} -> (rows cols) ... (row col) c"),
    "one number of axes": of_one_picture,
    "shape must be (2, 3, 6, 4, 2)": with_a_batch_only,
    "the shape must be (16, 4, 3), and is (64, 3)": lambda x, n: blockify(x, n).flatten(-3, -2),
    "is (1, 16, 4, 3)": lambda x, n: blockify(x, n)[None],
    "the value at": lambda x, n: blockify(x, n).flip(-2),
    "it stopped with EinopsError": lambda x, n: rearrange(x, f"{SPLIT} -> (rows cols) c", row=n),
    "For x of shape (6, 4, 5), block_size=2": lambda x, n: (
        torch.zeros(6, 4, 5) if x.shape[-1] == 5 else blockify(x, n)
    ),
    "The block size is fixed in your code": lambda x, n: blockify(x, 2),
    "It changes its arguments": lambda x, n: blockify(x, n).clone() + 0 * x.zero_().sum(),
    "not their gradients": lambda x, n: blockify(x.detach(), n),
    "keep the dtype": lambda x, n: blockify(x.float(), n),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_BLOCKS.items(), ids=WRONG_BLOCKS)
def test_wrong_blocks_are_named(words, answer):
    verdict = exercise("blocks.blockify").check(answer)
    assert not verdict.right
    assert words in verdict, verdict


def passes(key, answer):
    return exercise(key).check(answer).right


def test_other_ways_to_cut_pass():
    def by_view(x, block_size):
        *front, height, width, channels = x.shape
        parts = (height // block_size, block_size, width // block_size, block_size)
        x = x.view(*front, *parts, channels).transpose(-4, -3)
        return x.reshape(*front, -1, block_size**2, channels)

    def by_permute(x, n):
        parts = x.unflatten(-2, (-1, n)).unflatten(-4, (-1, n))
        return parts.movedim(-3, -4).flatten(-3, -2).flatten(-4, -3)

    def by_slices(x, n):
        corners = [(r, c) for r in range(0, x.shape[-3], n) for c in range(0, x.shape[-2], n)]
        blocks = [x[..., r : r + n, c : c + n, :].flatten(-3, -2) for r, c in corners]
        return torch.stack(blocks, -3)

    def by_unfold(x, n):
        return x.unfold(-3, n, n).unfold(-3, n, n).flatten(-5, -4).flatten(-2).mT

    def by_the_loop(x, block_size):
        pictures = x.reshape(-1, *x.shape[-3:])
        blocks = torch.stack([blockify_as_a_loop(each, block_size) for each in pictures])
        return blocks.view(*x.shape[:-3], *blocks.shape[1:])

    for answer in (by_view, by_permute, by_slices, by_unfold, by_the_loop):
        assert passes("blocks.blockify", answer), answer


def test_the_loop_is_the_solution_written_slowly():
    x = torch.randn(6, 4, 3)
    assert blockify_as_a_loop(x, 2).equal(blockify(x, 2))


def test_the_library_s_own_is_not_an_answer():
    verdict = exercise("blocks.blockify").check(lambda x, n: attnlib.blockify(x, n))
    assert "The numbers are right. But it calls blockify" in verdict


class Mine(MyBlockAttention):
    """The solution, its steps open to be done otherwise."""

    order = "d h"

    def forward(self, x):
        return self.proj(merge(self.attended(*self.parts(x)), self.order))

    def parts(self, x):
        return (split(part, self.num_heads) for part in self.qkv(x).chunk(3, dim=-1))

    def attended(self, q, k, v):
        return attend(q, k, v, self.scale(q))[0]

    def scale(self, q):
        return 1 / q.shape[-1] ** 0.5


def mine(**steps):
    return type("MyBlockAttention", (Mine,), steps)


def forward(function):
    return mine(forward=function)


def scaled(scale):
    return mine(scale=lambda self, q: scale(q))


def attended(function):
    return mine(attended=lambda self, q, k, v: function(q, k, v, self.scale(q)))


def heads_first(self, x):
    """Heads first, then what is what, as some write it."""
    qkv = self.qkv(x).unflatten(-1, (self.num_heads, 3, -1))
    return (part.transpose(-3, -2) for part in qkv.unbind(-2))


def channel_by_channel(self, x):
    return (split(part, self.num_heads) for part in self.qkv(x).unflatten(-1, (-1, 3)).unbind(-1))


def inside_a_token(q, k, v, scale):
    q, k, v = (part.transpose(-3, -2) for part in (q, k, v))
    return ((scale * q @ k.mT).softmax(-1) @ v).transpose(-3, -2)


def viewed(self, x):
    parts = self.qkv(x).chunk(3, -1)
    return (part.reshape(*x.shape[:2], self.num_heads, x.shape[2], -1) for part in parts)


def joined_by_view(self, x):
    return self.proj(self.attended(*self.parts(x)).reshape(x.shape))


def returning(results):
    def forward(self, x):
        q, k, v = self.parts(x)
        out, weights = attend(q, k, v, self.scale(q))
        return results(self.proj(merge(out, "d h")), weights)

    return mine(forward=forward)


def with_tokens(before, after):
    def forward(self, x):
        y = Mine.forward(self, before(x))
        return after(y, x)

    return mine(forward=forward)


def of_head_0(place):
    def attended(self, *parts):
        parts = [part[..., :1, :, :] if n == place else part for n, part in enumerate(parts)]
        return attend(*parts, self.scale(parts[0]))[0].expand(*parts[0].shape[:2], 3, -1, -1)

    return mine(attended=attended)


WRONG_ATTENTION = {
    "Not written yet": forward(lambda self, x: None),
    'NesT merges "d h"': mine(order="h d"),
    "The scores are not scaled: ": scaled(lambda q: 1.0),
    "Two things": mine(order="h d", scale=lambda self, q: 1),
    "Two things: the scale is not": mine(order="h d", scale=lambda self, q: self.num_heads**-0.5),
    "The scale is 1/D": scaled(lambda q: 1 / q.shape[-1]),
    "The scale is √D": scaled(lambda q: q.shape[-1] ** 0.5),
    "The scale is 1/√C": mine(scale=lambda self, q: self.proj.in_features**-0.5),
    "The scale is 1/√H": scaled(lambda q: q.shape[-3] ** -0.5),
    "The scale is 1/√N": scaled(lambda q: q.shape[-2] ** -0.5),
    "for one width of heads only": scaled(lambda q: 64**-0.5),
    "width of heads only. Take D from": scaled(lambda q: 1 / 8**0.5),
    "The last step is missing": forward(
        lambda self, x: merge(self.attended(*self.parts(x)), "d h")
    ),
    "proj has a bias": forward(
        lambda self, x: merge(self.attended(*self.parts(x)), "d h") @ self.proj.weight.mT
    ),
    "All blocks attend together": with_tokens(
        lambda x: x.reshape(len(x), -1, x.shape[-1]), lambda y, x: y.reshape(x.shape)
    ),
    "All inputs and all blocks": with_tokens(
        lambda x: x.reshape(-1, x.shape[-1]), lambda y, x: y.reshape(x.shape)
    ),
    "Tokens meet those at the same place": with_tokens(
        lambda x: rearrange(x, "b g n c -> b n g c"), lambda y, x: y.transpose(1, 2)
    ),
    "G and N are exchanged": with_tokens(lambda x: x, lambda y, x: y.transpose(1, 2)),
    "It returns y and the map": returning(lambda y, weights: (y, weights)),
    "It returns the map": returning(lambda y, weights: weights),
    "x is added": forward(lambda self, x: x + Mine.forward(self, x)),
    "Queries and keys are exchanged": attended(lambda q, k, v, scale: attend(k, q, v, scale)[0]),
    "Keys and values are exchanged": attended(lambda q, k, v, scale: attend(q, v, k, scale)[0]),
    "The queries meet themselves": attended(lambda q, k, v, scale: attend(q, q, v, scale)[0]),
    "The weighted sum is of the keys": attended(lambda q, k, v, scale: attend(q, k, k, scale)[0]),
    "before queries, keys and values were told apart": mine(parts=heads_first),
    "alternate, channel by channel": mine(parts=channel_by_channel),
    "There is one head only": mine(parts=lambda self, x: self.qkv(x).unsqueeze(2).chunk(3, -1)),
    "one head only: split": mine(
        parts=lambda self, x: self.qkv(x).unsqueeze(2).chunk(3, -1), scale=lambda self, q: 1 / 2
    ),
    "All heads use the mean of their maps": attended(
        lambda q, k, v, scale: (scale * q @ k.mT).softmax(-1).mean(2, keepdim=True) @ v
    ),
    "The heads meet each other inside a token": attended(inside_a_token),
    "A bare reshape splits": mine(parts=viewed),
    "The split is channel-major": mine(
        parts=lambda self, x: rearrange(
            self.qkv(x), "b g n (three d h) -> three b g h n d", three=3, h=self.num_heads
        )
    ),
    "A bare reshape merges": forward(joined_by_view),
    "the queries of head 0": of_head_0(0),
    "the keys of head 0": of_head_0(1),
    "the values of head 0": of_head_0(2),
    "The softmax runs over the queries": attended(
        lambda q, k, v, scale: (q @ k.mT * scale).softmax(-2) @ v
    ),
    "The softmax runs over the heads": attended(
        lambda q, k, v, scale: (q @ k.mT * scale).softmax(2) @ v
    ),
    "not their gradients": forward(lambda self, x: Mine.forward(self, x.detach())),
    "Leave __init__ as it is given": type(
        "MyBlockAttention", (Mine,), {"__init__": lambda self, dim: None}
    ),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_ATTENTION.items(), ids=WRONG_ATTENTION)
def test_wrong_attention_is_named(words, answer):
    verdict = exercise("blocks.MyBlockAttention").check(answer)
    assert not verdict.right
    assert words in verdict, verdict


def test_the_tables_name_the_module_and_its_input():
    verdict = exercise("blocks.MyBlockAttention").check(mine(order="h d"))
    assert "For MyBlockAttention(8, 4), x of shape (1, 2, 3, 8):" in verdict.tables


def test_every_mistake_in_attention_is_named_as_itself_and_tried_here():
    """None hides behind another that gives the same."""
    for sentence, wrong, _ in ATTENTION_MISTAKES:
        assert exercise("blocks.MyBlockAttention").check(wrong).startswith(f"✘ {sentence} (Seen")
        assert any(words in sentence for words in (*WRONG_ATTENTION, *CLASS)), sentence


def test_attention_with_a_function_of_attnlib_is_told_so():
    def through_the_library(self, x):
        q, k, v = self.parts(x)
        return self.proj(merge(attnlib.attention(q, k, v)[0], "d h"))

    verdict = exercise("blocks.MyBlockAttention").check(forward(through_the_library))
    assert "The numbers are right. But it calls attention" in verdict


def in_one_go(self, x):
    qkv = rearrange(self.qkv(x), "b g n (t h d) -> t b g h n d", t=3, h=self.num_heads)
    y = torch.nn.functional.scaled_dot_product_attention(*qkv)
    return self.proj(rearrange(y, "b g h n d -> b g n (d h)"))


def by_einsum(self, x):
    q, k, v = self.parts(x)
    scores = torch.einsum("bghid,bghjd->bghij", q, k) / q.shape[-1] ** 0.5
    y = torch.einsum("bghij,bghjd->bgidh", scores.softmax(-1), v)
    return self.proj(y.flatten(-2))


def head_by_head(self, x):
    q, k, v = (part.unflatten(-1, (self.num_heads, -1)) for part in self.qkv(x).chunk(3, -1))
    width = q.shape[-1]
    heads = [
        attend(q[..., h, :], k[..., h, :], v[..., h, :], width**-0.5)[0]
        for h in range(self.num_heads)
    ]
    return self.proj(torch.stack(heads, -1).flatten(-2))


def block_by_block(self, x):
    return torch.stack([torch.stack([Mine.forward(self, one) for one in each]) for each in x])


RIGHT_FORWARDS = (in_one_go, by_einsum, head_by_head, block_by_block)


@pytest.mark.parametrize("written", RIGHT_FORWARDS)
def test_attention_written_in_another_way_passes(written):
    assert passes("blocks.MyBlockAttention", forward(written))


@pytest.mark.parametrize("module", [MyBlockAttention, forward(head_by_head)])
def test_what_passes_is_the_library_s_block_attention(module):
    assert compare.same(module(12, 3), BlockAttention(12, 3)).verdict == "same"


def raster(may):
    """A mask from a function of two places, each (row, column), as a double loop."""

    def mask(height, width, n):
        places = [(row, column) for row in range(height) for column in range(width)]
        return torch.tensor([[may(one, other, n) for other in places] for one in places])

    return mask


def same(one, other, n):
    return one[0] // n == other[0] // n and one[1] // n == other[1] // n


def far(one, other):
    return max(abs(one[0] - other[0]), abs(one[1] - other[1]))


def numbered(number):
    """A mask from number(row of block, column of block, height // n, width // n)."""

    def mask(height, width, n):
        def block(place):
            return number(place[0] // n, place[1] // n, height // n, width // n)

        return raster(lambda one, other, n: block(one) == block(other))(height, width, n)

    return mask


def pieces(height, width, length):
    piece = torch.arange(height * width) // length
    return piece[:, None] == piece


def of_the_blocks_themselves(height, width, n):
    """Each block of ones, put on the diagonal: right in the order of blockify."""
    return torch.block_diag(*[torch.ones(n * n, n * n)] * (height * width // n**2)).bool()


WRONG_MASKS = {
    "Not written yet": lambda h, w, n: None,
    "must be bool, and is torch.float32": lambda h, w, n: block_mask(h, w, n).float(),
    "and is (8, 16)": lambda h, w, n: torch.ones(h, w, dtype=torch.bool),
    "exchanged: True means": lambda h, w, n: ~block_mask(h, w, n),
    "block_size² tokens that follow": lambda h, w, n: pieces(h, w, n * n),
    "right for tokens in the order of `blockify`": of_the_blocks_themselves,
    "pieces of block_size tokens": lambda h, w, n: pieces(h, w, n),
    "Only the rows are compared": raster(lambda a, b, n: a[0] // n == b[0] // n),
    "Only the columns are compared": raster(lambda a, b, n: a[1] // n == b[1] // n),
    "it must be *and*": raster(lambda a, b, n: a[0] // n == b[0] // n or a[1] // n == b[1] // n),
    "is it // and not %": raster(lambda a, b, n: a[0] % n == b[0] % n and a[1] % n == b[1] % n),
    "the diagonal must be True": raster(lambda a, b, n: same(a, b, n) and a != b),
    "Every patch sees only itself": raster(lambda a, b, n: a[0] / n == b[0] / n and a == b),
    "Every patch sees every other": raster(lambda a, b, n: True),
    "Distance < block_size: that is a window": raster(lambda a, b, n: far(a, b) < n),
    "Distance ≤ block_size: that is a window": raster(lambda a, b, n: far(a, b) <= n),
    "Distance ≤ block_size // 2: that is a window": raster(lambda a, b, n: far(a, b) <= n // 2),
    "Steps in rows and columns together": raster(
        lambda a, b, n: abs(a[0] - b[0]) + abs(a[1] - b[1]) < n
    ),
    "Height and width are exchanged": lambda h, w, n: block_mask(w, h, n),
    "row + column does not tell": numbered(lambda row, column, rows, cols: row + column),
    "row · column does not tell": numbered(lambda row, column, rows, cols: row * column),
    "not height // block_size": numbered(lambda row, column, rows, cols: row * rows + column),
    "taken for the number of blocks": lambda h, w, n: raster(
        lambda a, b, n: a[0] * n // h == b[0] * n // h and a[1] * n // w == b[1] * n // w
    )(h, w, n),
    "the value at [0, 0] should be True": lambda h, w, n: torch.zeros(h * w, h * w).bool(),
    "For height=8, width=16, block_size=4 it stopped": lambda h, w, n: torch.ones(h).view(w, n),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_MASKS.items(), ids=WRONG_MASKS)
def test_a_wrong_mask_is_named(words, answer):
    verdict = exercise("blocks.block_mask").check(answer)
    assert not verdict.right
    assert words in verdict, verdict


def test_other_ways_to_write_the_mask_pass():
    def by_number(height, width, n):
        token = torch.arange(height * width)
        block = token // width // n * (width // n) + token % width // n
        return block[:, None] == block

    def by_blockify(height, width, n):
        token = blockify(torch.arange(height * width).view(height, width, 1), n).squeeze(-1)
        mask = torch.zeros(height * width, height * width, dtype=torch.bool)
        for block in token:
            mask[block[:, None], block] = True
        return mask

    for answer in (raster(same), by_number, by_blockify):
        assert exercise("blocks.block_mask").check(answer) == "✔ Right."


def test_the_mask_in_the_order_of_blockify_is_squares_on_the_diagonal():
    order = blockify(torch.arange(54).view(6, 9, 1), 3).flatten()
    assert block_mask(6, 9, 3)[order][:, order].equal(of_the_blocks_themselves(6, 9, 3))


def parameters(number):
    return lambda h, w, c, n: (number(h, w, c, n), count(h, w, c, n)[1])


def operations(number):
    return lambda h, w, c, n: (count(h, w, c, n)[0], number(h, w, c, n))


WRONG_COUNTS = {
    "Not written yet": lambda h, w, c, n: None,
    "must be a function, and is tuple": (2328, 73728),
    "must return two numbers, parameters and multiply-adds, and returned 5": lambda h, w, c, n: 5,
    "and returned (1, 2, 3)": lambda h, w, c, n: (1, 2, 3),
    "Parameters: All blocks share": parameters(lambda h, w, c, n: h * w // n**2 * (4 * c * c + c)),
    "(And proj has a bias.)": parameters(lambda h, w, c, n: h * w // n**2 * 4 * c * c),
    "Parameters: proj has a bias": parameters(lambda h, w, c, n: 4 * c * c),
    "Parameters: qkv has no bias": parameters(lambda h, w, c, n: 4 * c * (c + 1)),
    "proj is missing": parameters(lambda h, w, c, n: 3 * c * c),
    "queries, keys *and* values": parameters(lambda h, w, c, n: c * (2 * c + 1)),
    "do not depend on the number of tokens": parameters(lambda h, w, c, n: h * w * (4 * c * c + c)),
    "Parameters: For height=8, width=12, channels=24, block_size=4 the result should be 2328": (
        parameters(lambda h, w, c, n: c)
    ),
    "Multiply-adds: There are two products": operations(lambda h, w, c, n: h * w * n * n * c),
    "That is one block": operations(lambda h, w, c, n: 2 * (n * n) ** 2 * c),
    "one product in one block": operations(lambda h, w, c, n: (n * n) ** 2 * c),
    "That is full attention": operations(lambda h, w, c, n: 2 * h * w * h * w * c),
    "one product of full attention": operations(lambda h, w, c, n: h * w * h * w * c),
    "block_size² patches, not block_size": operations(lambda h, w, c, n: 2 * h * w * n * c),
    "Those are the pairs": operations(lambda h, w, c, n: h * w * n * n),
    "Each pair costs C": operations(lambda h, w, c, n: 2 * h * w * n * n),
    "one operation here, not two": operations(lambda h, w, c, n: 4 * h * w * n * n * c),
    "The nn.Linears are not asked for": operations(
        lambda h, w, c, n: 2 * h * w * n * n * c + 4 * h * w * c * c
    ),
    "Multiply-adds: For height=8, width=12, channels=24, block_size=4 the result should be 73728": (
        operations(lambda h, w, c, n: n)
    ),
    "Parameters: For height=8, width=12, channels=24, block_size=4 the result": (
        lambda h, w, c, n: count(h, w, c, n)[::-1]
    ),
    "It stopped with ZeroDivisionError": lambda h, w, c, n: 1 // 0,
}


@pytest.mark.parametrize(("words", "answer"), WRONG_COUNTS.items(), ids=WRONG_COUNTS)
def test_a_wrong_count_is_named(words, answer):
    verdict = exercise("blocks.count").check(answer)
    assert not verdict.right
    assert words in verdict, verdict


def test_other_ways_to_count_pass():
    def by_groups(height, width, channels, n):
        groups, size = (height // n) * (width // n), n**2
        return [channels * (4 * channels + 1), groups * size * size * (channels + channels)]

    def by_building(height, width, channels, n):
        module = BlockAttention(dim=channels)
        pairs = height * width * n * n
        return sum(p.numel() for p in module.parameters()), 2 * pairs * channels

    for answer in (by_groups, by_building):
        assert exercise("blocks.count").check(answer) == "✔ Right."


@pytest.mark.parametrize(("height", "width", "channels", "block_size"), COSTS)
def test_the_counts_are_those_of_the_module(height, width, channels, block_size):
    module = BlockAttention(dim=channels, num_heads=1)
    x = blockify(torch.randn(height, width, channels), block_size)  # (G, N, C)
    with FlopCounterMode(display=False) as counter:
        (x @ x.mT).softmax(-1) @ x
    found = sum(p.numel() for p in module.parameters()), counter.get_total_flops() // 2
    assert found == count(height, width, channels, block_size)


def drawn(case):
    return torch.randn(case[0], generator=torch.Generator().manual_seed(0)), case[1]


TOLD = {
    "blocks": (BLOCK_MISTAKES[:-3], blockify, drawn(PICTURES[0])),
    "several": (BLOCK_MISTAKES[-3:], blockify, drawn(PICTURES[1])),
    "mask": (MASK_MISTAKES, block_mask, GRIDS[0]),
    "parameters": (PARAMETER_MISTAKES, lambda *case: count(*case)[0], COSTS[0]),
    "operations": (OPERATION_MISTAKES, lambda *case: count(*case)[1], COSTS[0]),
}


@pytest.mark.parametrize("what", TOLD)
def test_the_first_case_tells_all_mistakes_apart(what):
    mistakes, right, case = TOLD[what]
    wrong = [function for _, function, *_ in mistakes]
    results = [torch.as_tensor(f(*case)) for f in (right, *wrong)]
    for place, one in enumerate(results):
        assert not any(one.equal(other) for other in results[place + 1 :]), place


def test_pictures_stand_side_by_side_unchanged_with_lines_at_the_steps():
    pictures = {"wide": torch.rand(4, 16, 3), "square": torch.rand(8, 8, 3)}
    figure = plot_pictures(pictures, step=4)
    assert [axis.get_title() for axis in figure.axes] == list(pictures)
    for axis, picture in zip(figure.axes, pictures.values(), strict=True):
        assert (axis.images[0].get_array() == picture.numpy()).all()
    strip, square = ([part.get_segments() for part in axis.collections] for axis in figure.axes)
    assert [len(part) for part in strip] == [0, 3], "no line along the strip, three across it"
    assert [line[0][0] for line in strip[1]] == [3.5, 7.5, 11.5]
    assert [[line[0].tolist() for line in part] for part in square] == [
        [[-0.5, 3.5]],
        [[3.5, -0.5]],
    ]
    assert not [part for axis in plot_pictures(pictures).axes for part in axis.collections]


def test_pictures_have_one_scale():
    pictures = {"wide": torch.rand(4, 16, 3), "square": torch.rand(8, 8, 3)}
    figure = plot_pictures(pictures)
    figure.draw_without_rendering()
    wide, square = (axis.images[0].get_window_extent() for axis in figure.axes)
    assert wide.width / 16 == pytest.approx(square.width / 8, rel=0.05)
    assert wide.height / 4 == pytest.approx(square.height / 8, rel=0.05)


def test_no_pictures_or_an_odd_step_are_refused():
    with pytest.raises(ValueError, match="pictures must be at least one, got none"):
        plot_pictures({})
    with pytest.raises(ValueError, match="step=3 must divide width=8"):
        plot_pictures({"one": torch.rand(6, 8, 3)}, step=3)
