"""The checks take their solutions, refuse their stubs, and name the known wrong answers."""

import pytest
import torch
from einops import rearrange
from torch.utils.flop_counter import FlopCounterMode

from attnlib import BlockAttention, blockify
from attnlib.course.figures.gallery import plot_pictures
from attnlib.course.lessons import exercise
from attnlib.course.lessons.blocks.exercises import (
    BLOCK_MISTAKES,
    COSTS,
    GRIDS,
    MASK_MISTAKES,
    OPERATION_MISTAKES,
    PARAMETER_MISTAKES,
    PICTURES,
    block_mask,
    count,
    into_blocks,
)

SPLIT = "(rows row) (cols col) c"


def cut(pattern):
    return lambda x, n: rearrange(x, pattern, row=n, col=n)


def strips_by_view(x, n):
    return x.view(-1, n * n, x.shape[2])


def joined_too_early(x, n):
    """The axes are split, and nothing is brought together."""
    height, width, channels = x.shape
    return x.view(height // n, n, width // n, n, channels).reshape(-1, n * n, channels)


def height_for_width(x, n):
    height, width, channels = x.shape
    parts = x.reshape(width // n, n, height // n, n, channels)
    return parts.transpose(1, 2).reshape(-1, n * n, channels)


def by_a_root(x, n):
    side = int((x.shape[0] * x.shape[1]) ** 0.5) // n
    return x.reshape(side, n, side, n, -1).transpose(1, 2).reshape(-1, n * n, x.shape[2])


def so_many_blocks(x, n):
    rows, cols = x.shape[0] // n, x.shape[1] // n
    return rearrange(x, f"{SPLIT} -> (rows cols) (row col) c", row=rows, col=cols)


WRONG_BLOCKS = {
    "Not written yet": lambda x, n: None,
    "returned list": lambda x, n: [],
    "These are strips": strips_by_view,
    "strips: a bare view or reshape": joined_too_early,
    "N stands before G": cut(f"{SPLIT} -> (row col) (rows cols) c"),
    "Inside a block, row and column": cut(f"{SPLIT} -> (rows cols) (col row) c"),
    "The blocks are read column by column": cut(f"{SPLIT} -> (cols rows) (row col) c"),
    "as if the picture lay on its side": lambda x, n: into_blocks(x.transpose(0, 1), n),
    "A comb": cut("(row rows) (col cols) c -> (rows cols) (row col) c"),
    "Only the columns are split the wrong way": cut(
        "(rows row) (col cols) c -> (rows cols) (row col) c"
    ),
    "Only the rows are split the wrong way": cut(
        "(row rows) (cols col) c -> (rows cols) (row col) c"
    ),
    "The channels ended up before the tokens": lambda x, n: into_blocks(x, n).mT,
    "Height and width are exchanged": height_for_width,
    "You take the picture to be square": by_a_root,
    "taken for the number of blocks along a side": so_many_blocks,
    "the shape must be (16, 4, 3), and is (64, 3)": lambda x, n: into_blocks(x, n).flatten(0, 1),
    "is (1, 16, 4, 3)": lambda x, n: into_blocks(x, n)[None],
    "the value at": lambda x, n: into_blocks(x, n).flip(1),
    "it stopped with EinopsError": lambda x, n: rearrange(x, f"{SPLIT} -> (rows cols) c", row=n),
    "For x of shape (6, 4, 5), block_size=2": lambda x, n: (
        into_blocks(x, n) if x.shape[2] == 3 else torch.zeros(6, 4, 5)
    ),
    "For x of shape (6, 9, 1), block_size=3": lambda x, n: into_blocks(x, 2),
    "It changes its arguments": lambda x, n: into_blocks(x, n).clone() + 0 * x.zero_().sum(),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_BLOCKS.items(), ids=WRONG_BLOCKS)
def test_wrong_blocks_are_named(words, answer):
    verdict = exercise("blocks.into_blocks").check(answer)
    assert not verdict.right
    assert words in verdict, verdict


def test_other_ways_to_cut_pass():
    def by_view(x, block_size):
        height, width, channels = x.shape
        x = x.view(height // block_size, block_size, width // block_size, block_size, channels)
        return x.transpose(1, 2).reshape(-1, block_size**2, channels)

    def by_permute(x, n):
        parts = x.unflatten(1, (-1, n)).unflatten(0, (-1, n))
        return parts.permute(0, 2, 1, 3, 4).flatten(2, 3).flatten(0, 1)

    def by_slices(x, n):
        corners = [(r, c) for r in range(0, x.shape[0], n) for c in range(0, x.shape[1], n)]
        return torch.stack([x[r : r + n, c : c + n].flatten(0, 1) for r, c in corners])

    def by_unfold(x, n):
        return x.unfold(0, n, n).unfold(1, n, n).flatten(0, 1).flatten(2).mT

    for answer in (by_view, by_permute, by_slices, by_unfold, blockify):
        assert exercise("blocks.into_blocks").check(answer) == "✔ Right."


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
    "row + column of the block": numbered(lambda row, column, rows, cols: row + column),
    "row · column of the block": numbered(lambda row, column, rows, cols: row * column),
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


FIRST = torch.randn(*PICTURES[0][:3], generator=torch.Generator().manual_seed(0))
TOLD = {
    "blocks": (BLOCK_MISTAKES, into_blocks, (FIRST, PICTURES[0][3])),
    "mask": (MASK_MISTAKES, block_mask, GRIDS[0]),
    "parameters": (PARAMETER_MISTAKES, lambda *case: count(*case)[0], COSTS[0]),
    "operations": (OPERATION_MISTAKES, lambda *case: count(*case)[1], COSTS[0]),
}


@pytest.mark.parametrize("what", TOLD)
def test_the_first_case_tells_all_mistakes_apart(what):
    mistakes, right, case = TOLD[what]
    wrong = [function for _, function in mistakes]
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
