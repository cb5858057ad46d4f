"""Cut a picture into blocks, attend inside them, say who may see whom, count what it costs."""

import functools

import torch
from einops import rearrange

from attnlib.course.exercises.attending import AXES_IN_FRONT, Forward
from attnlib.course.exercises.calls import Rule
from attnlib.course.exercises.checking import RETURNS_NONE, Mistake, find_mistake
from attnlib.course.exercises.exercise import Exercise
from attnlib.course.exercises.modules import find_mistake_in_module
from attnlib.course.exercises.pieces import MyBlockAttention, blockify
from attnlib.course.language import N_, say


def blockify_as_a_loop(x, block_size):
    height, width, channels = x.shape
    rows, columns = height // block_size, width // block_size  # of blocks
    blocks = torch.zeros(rows * columns, block_size**2, channels, dtype=x.dtype)
    for g in range(rows * columns):  # blocks, row by row
        for n in range(block_size**2):  # inside a block, row by row
            row = g // columns * block_size + n // block_size
            column = g % columns * block_size + n % block_size
            blocks[g, n] = x[row, column]
    return blocks


def _cut(pattern):
    """A function of x and block_size that reads or orders the axes by this pattern."""
    return lambda x, block_size: rearrange(x, pattern, row=block_size, col=block_size)


def _strips(x, block_size):
    return x.reshape(*x.shape[:-3], -1, block_size**2, x.shape[-1])


def _sides_exchanged(x, block_size):
    *front, height, width, channels = x.shape
    return blockify(x.reshape(*front, width, height, channels), block_size)


def _as_a_square(x, block_size):
    *front, height, width, channels = x.shape
    side = int((height * width) ** 0.5)
    return blockify(x.reshape(*front, side, side, channels), block_size)


def _size_as_number(x, block_size):
    pattern = "... (rows row) (cols col) c -> ... (rows cols) (row col) c"
    return rearrange(x, pattern, rows=block_size, cols=block_size)


def _counted_from_the_front(x, block_size):
    parts = x.unflatten(-3, (-1, block_size)).unflatten(-2, (-1, block_size)).transpose(1, 2)
    groups = x.shape[-3] * x.shape[-2] // block_size**2
    return parts.reshape(*x.shape[:-3], groups, block_size**2, x.shape[-1])


def _by_the_width(x, block_size):
    """Stops where the picture is not square, unless a view fits by luck."""
    *front, height, width, channels = x.shape
    if height != width:
        raise ValueError(f"the picture must be square, got {height} × {width}")
    return blockify(x, block_size)


def _of_blocks(fixed):
    return lambda x, block_size: blockify(x, fixed)


BLOCK_MISTAKES = (
    (
        N_(
            "These are strips: a bare view or reshape takes N patches that follow each other in a "
            "row. Split height and width first, swap the two middle axes, then join."
        ),
        _strips,
        1,
    ),
    (
        N_("N stands before G: the blocks come first, (…, G, N, C)."),
        _cut("... (rows row) (cols col) c -> ... (row col) (rows cols) c"),
        3,
    ),
    (
        N_("Inside a block, row and column are exchanged: patches are read row by row."),
        _cut("... (rows row) (cols col) c -> ... (rows cols) (col row) c"),
        3,
    ),
    (
        N_("The blocks are read column by column: they come row by row too."),
        _cut("... (rows row) (cols col) c -> ... (cols rows) (row col) c"),
        3,
    ),
    (
        N_("Blocks and patches are read column by column, as if the picture lay on its side."),
        _cut("... (rows row) (cols col) c -> ... (cols rows) (col row) c"),
        3,
    ),
    (
        N_(
            "A comb: these patches stand far apart. Height is (rows row), which block first, then "
            "where in the block; you split it the other way round."
        ),
        _cut("... (row rows) (col cols) c -> ... (rows cols) (row col) c"),
        2,
    ),
    (
        N_("Only the columns are split the wrong way round: width is (cols col)."),
        _cut("... (rows row) (col cols) c -> ... (rows cols) (row col) c"),
        2,
    ),
    (
        N_("Only the rows are split the wrong way round: height is (rows row)."),
        _cut("... (row rows) (cols col) c -> ... (rows cols) (row col) c"),
        2,
    ),
    (
        N_("The channels ended up before the tokens: (…, G, N, C)."),
        _cut("... (rows row) (cols col) c -> ... (rows cols) c (row col)"),
        3,
    ),
    (N_("Height and width are exchanged: x is (…, height, width, C)."), _sides_exchanged, 1),
    (N_("You take the picture to be square. It need not be."), _as_a_square, 1),
    (
        N_("block_size was taken for the number of blocks along a side: it is the edge of one."),
        _size_as_number,
        2,
    ),
    (
        N_("The blocks still have two axes, rows and columns of blocks. Join them to one, G."),
        _cut("... (rows row) (cols col) c -> ... rows cols (row col) c"),
        3,
    ),
    (
        N_("Inside a block there are still two axes. Join rows and columns of patches to one, N."),
        _cut("... (rows row) (cols col) c -> ... (rows cols) row col c"),
        3,
    ),
    (
        N_("Patches and channels became one axis. The channels stay an axis of their own, C."),
        _cut("... (rows row) (cols col) c -> ... (rows cols) (row col c)"),
        3,
    ),
    (
        N_(
            "One picture is right, several are not: axes are counted from the front. Count them "
            "from the end, as in x.transpose(-4, -3)."
        ),
        _counted_from_the_front,
        1,
    ),
    (
        N_("The blocks of several pictures were joined: the axes in front must stay as they are."),
        lambda x, block_size: blockify(x, block_size).flatten(0, -3),
        3,
    ),
    (
        N_("The blocks come before the axes in front. Those must stay in front: (…, G, N, C)."),
        lambda x, block_size: blockify(x, block_size).movedim(-3, 0),
        3,
    ),
)
# Of these, later cases tell more, or where they stop.
LATER_MISTAKES = (
    (
        N_("Height and width are exchanged: height // block_size rows of blocks, not width //."),
        _by_the_width,
        2,
    ),
    (
        N_("Only the height is cut: these blocks are as wide as the picture. Cut the width too."),
        lambda x, block_size: rearrange(
            x, "... (rows row) w c -> ... rows (row w) c", row=block_size
        ),
        2,
    ),
    *(
        (N_("The block size is fixed in your code: use block_size."), _of_blocks(size), 2)
        for size in (2, 4)
    ),
    *(
        (
            AXES_IN_FRONT,
            _cut(f"{front}(rows row) (cols col) c -> {front}(rows cols) (row col) c"),
            3,
        )
        for front in ("", "b ")
    ),
)
# The shape of x and block_size. The first tells the mistakes apart that one picture can show, the
# second those that take more pictures. The smallest are single pictures, whose places are shown.
PICTURES = (
    ((4, 16, 3), 2),
    ((2, 6, 9, 2), 3),
    ((6, 4, 5), 2),
    ((6, 9, 1), 3),
    ((8, 8, 4), 4),
    ((3, 5, 2), 1),
    ((4, 4, 3), 4),
    ((2, 3, 4, 6, 2), 2),
)


def _find_mistake_in_blocks(answer):
    generator = torch.Generator().manual_seed(0)
    cases = [(torch.randn(shape, generator=generator), size) for shape, size in PICTURES]
    return find_mistake(answer, blockify, cases, (*BLOCK_MISTAKES, *LATER_MISTAKES), trained=True)


def _projected(module, merged):
    return module.proj(merged)


def _unbiased(module, merged):
    return merged @ module.proj.weight.T


FORWARD = Forward(
    heads="num_heads",
    scale=lambda module, q: q.shape[-1] ** -0.5,
    order="d h",
    end=_projected,
)
wrong = functools.partial(FORWARD.of, MyBlockAttention)
SCALES = (
    (N_("The scores are not scaled: the scale is 1/√D."), lambda module, q: 1),
    (N_("The scale is 1/D. It must be 1/√D: D ** -0.5."), lambda module, q: 1 / q.shape[-1]),
    (N_("The scale is √D. It must be 1/√D: D ** -0.5."), lambda module, q: q.shape[-1] ** 0.5),
    (
        N_("The scale is 1/√C. Take the width of one head, D: q.shape[-1], after the split."),
        lambda module, q: len(module.proj.weight) ** -0.5,
    ),
    (
        N_("The scale is 1/√H. Take the width of one head, D: q.shape[-1]."),
        lambda module, q: module.num_heads**-0.5,
    ),
    (
        N_("The scale is 1/√N. Take the width of one head, D: q.shape[-1]."),
        lambda module, q: q.shape[-2] ** -0.5,
    ),
    *(
        (
            N_("The scale is right for one width of heads only. Take D from q.shape[-1]."),
            lambda module, q, width=width: width**-0.5,
        )
        for width in (8, 64)
    ),
)


def _meeting(before, after):
    """The module, on tokens that are grouped otherwise."""

    def forward(module, x):
        return after(MyBlockAttention.forward(module, before(x)), x)

    return type("MyBlockAttention", (MyBlockAttention,), {"forward": forward})


ATTENTION_MISTAKES = (
    (N_('The heads are merged head after head, "h d". NesT merges "d h".'), wrong(order="h d"), 3),
    *((said, wrong(scale=scale), 2) for said, scale in SCALES),
    *(
        (
            N_('Two things: the scale is not 1/√D, and the heads are merged "h d", not "d h".'),
            wrong(scale=scale, order="h d"),
            2,
        )
        for _, scale in SCALES
    ),
    (
        N_("There is one head only: split queries, keys and values before they meet."),
        wrong(
            split=lambda part, heads: part.unsqueeze(-3),
            scale=lambda module, q: (q.shape[-1] / module.num_heads) ** -0.5,
        ),
        1,
    ),
    (N_("The last step is missing: self.proj."), wrong(end=lambda module, merged: merged), 3),
    (N_("proj has a bias, and it is not added: self.proj(…) does both."), wrong(end=_unbiased), 3),
    (
        N_("All blocks attend together. G must stay an axis of its own, as B does."),
        _meeting(lambda x: x.flatten(1, 2), lambda y, x: y.view_as(x)),
        1,
    ),
    (
        N_("All inputs and all blocks attend together. B and G must stay axes of their own."),
        _meeting(lambda x: x.flatten(0, 2), lambda y, x: y.view_as(x)),
        1,
    ),
    (
        N_(
            "Tokens meet those at the same place of other blocks. They must meet those of their "
            "own block: N is the axis before the channels."
        ),
        _meeting(lambda x: x.transpose(1, 2), lambda y, x: y.transpose(1, 2)),
        1,
    ),
    (
        N_("G and N are exchanged in the result: it must be (B, G, N, C), as x is."),
        _meeting(lambda x: x, lambda y, x: y.transpose(1, 2)),
        3,
    ),
    *FORWARD.mistakes(MyBlockAttention),
)
# dim and num_heads, and the shape of x: (B, G, N, C). The first tells all mistakes apart.
BLOCKS = (
    ((12, 3), (2, 3, 5, 12)),
    ((8, 4), (1, 2, 3, 8)),
    ((6, 1), (3, 1, 4, 6)),
    ((4, 4), (1, 1, 7, 4)),
)


def _find_mistake_in_attention(answer):
    generator = torch.Generator().manual_seed(0)
    cases = [(made, 3 * torch.randn(shape, generator=generator)) for made, shape in BLOCKS]
    return find_mistake_in_module(answer, MyBlockAttention, cases, ATTENTION_MISTAKES)


def block_mask(height, width, block_size):
    """Which patches may see each other? (L, L), bool; the patches are read row by row."""
    row = torch.arange(height).repeat_interleave(width) // block_size  # of the block, (L,)
    column = torch.arange(width).repeat(height) // block_size
    return (row[:, None] == row) & (column[:, None] == column)


def _places(height, width):
    """Row and column of every token, (L,) each."""
    return torch.arange(height).repeat_interleave(width), torch.arange(width).repeat(height)


def _mask(may):
    """A mask from a function of the rows and columns of two patches, and block_size."""

    def mask(height, width, block_size):
        row, column = _places(height, width)
        return may(row[:, None], column[:, None], row, column, block_size)

    return mask


def _numbered(number):
    """A mask from the number that each patch gets: number(row, column, rows, columns) of blocks."""

    def mask(height, width, block_size):
        row, column = (place // block_size for place in _places(height, width))
        blocks = number(row, column, height // block_size, width // block_size)
        return blocks[:, None] == blocks

    return mask


def _so_many_a_side(height, width, block_size):
    row, column = _places(height, width)
    row, column = row * block_size // height, column * block_size // width
    return (row[:, None] == row) & (column[:, None] == column)


def _pieces(length_of):
    """A mask of 1-D pieces: tokens that follow each other, `length_of(block_size)` of them."""

    def mask(height, width, block_size):
        piece = torch.arange(height * width) // length_of(block_size)
        return piece[:, None] == piece

    return mask


def _distance(r, c, s, d):
    """The larger of the two distances, in rows and in columns."""
    return torch.maximum((r - s).abs(), (c - d).abs())


MASK_MISTAKES = (
    (
        N_("True and False are exchanged: True means *may* see."),
        _mask(lambda r, c, s, d, n: (r // n != s // n) | (c // n != d // n)),
    ),
    (
        N_(
            "These are pieces of block_size² tokens that follow each other. That is right for "
            "tokens in the order of `blockify`; here they are read row by row."
        ),
        _pieces(lambda n: n * n),
    ),
    (
        N_("These are pieces of block_size tokens that follow each other: rows count as well."),
        _pieces(lambda n: n),
    ),
    (
        N_("Only the rows are compared: the columns must be in the same block too."),
        _mask(lambda r, c, s, d, n: r // n == s // n),
    ),
    (
        N_("Only the columns are compared: the rows must be in the same block too."),
        _mask(lambda r, c, s, d, n: c // n == d // n),
    ),
    (
        N_("Same row of blocks *or* same column of blocks: it must be *and*."),
        _mask(lambda r, c, s, d, n: (r // n == s // n) | (c // n == d // n)),
    ),
    (
        N_("Patches at the same place of different blocks see each other: is it // and not %?"),
        _mask(lambda r, c, s, d, n: (r % n == s % n) & (c % n == d % n)),
    ),
    (
        N_("A patch may also see itself: the diagonal must be True."),
        _mask(
            lambda r, c, s, d, n: (r // n == s // n) & (c // n == d // n) & ((r != s) | (c != d))
        ),
    ),
    (
        N_("Every patch sees only itself: is it // (whole numbers) that is needed?"),
        _mask(lambda r, c, s, d, n: (r == s) & (c == d)),
    ),
    (N_("Every patch sees every other."), _mask(lambda r, c, s, d, n: r + c + s + d >= 0)),
    (
        N_("Distance < block_size: that is a window round each patch. Blocks have fixed edges."),
        _mask(lambda *at: _distance(*at[:4]) < at[4]),
    ),
    (
        N_("Distance ≤ block_size: that is a window round each patch. Blocks have fixed edges."),
        _mask(lambda *at: _distance(*at[:4]) <= at[4]),
    ),
    (
        N_(
            "Distance ≤ block_size // 2: that is a window round each patch. "
            "Blocks have fixed edges."
        ),
        _mask(lambda *at: _distance(*at[:4]) <= at[4] // 2),
    ),
    (
        N_(
            "Steps in rows and columns together < block_size: that is a window round each patch. "
            "Blocks have fixed edges."
        ),
        _mask(lambda r, c, s, d, n: (r - s).abs() + (c - d).abs() < n),
    ),
    (
        N_("Height and width are exchanged: a row of the picture has `width` patches."),
        lambda height, width, block_size: block_mask(width, height, block_size),
    ),
    (
        N_(
            "Two blocks get the same number in your code: "
            "row + column does not tell all blocks apart."
        ),
        _numbered(lambda row, column, rows, columns: row + column),
    ),
    (
        N_(
            "Two blocks get the same number in your code: "
            "row · column does not tell all blocks apart."
        ),
        _numbered(lambda row, column, rows, columns: row * column),
    ),
    (
        N_(
            "Two blocks get the same number in your code: a row of blocks has width // block_size "
            "of them, not height // block_size."
        ),
        _numbered(lambda row, column, rows, columns: row * rows + column),
    ),
    (
        N_("block_size was taken for the number of blocks along a side: it is the edge of one."),
        _so_many_a_side,
    ),
)
# height, width, block_size. The first tells all mistakes apart.
GRIDS = ((8, 16, 4), (6, 9, 3), (9, 6, 3), (8, 8, 4), (4, 6, 2), (3, 5, 1), (6, 6, 6))


def _find_mistake_in_mask(answer):
    return find_mistake(answer, block_mask, GRIDS, MASK_MISTAKES)


def count(height, width, channels, block_size):
    """Parameters, and multiply-adds of q·k and of weights·v, in attention inside blocks."""
    parameters = 4 * channels**2 + channels  # qkv 3·C², proj C² and its bias C
    pairs = height * width * block_size**2  # L·N = G·N²
    return parameters, 2 * pairs * channels


PARAMETER_MISTAKES = (
    (
        N_("All blocks share one set of parameters: do not multiply by G."),
        lambda h, w, c, n: h * w // n**2 * (4 * c**2 + c),
    ),
    (
        N_("All blocks share one set of parameters: do not multiply by G. (And proj has a bias.)"),
        lambda h, w, c, n: h * w // n**2 * 4 * c**2,
    ),
    (N_("proj has a bias: C parameters more."), lambda h, w, c, n: 4 * c**2),
    (N_("qkv has no bias here: only proj has one."), lambda h, w, c, n: 4 * c**2 + 4 * c),
    (
        N_("proj is missing: after the heads are merged there is one nn.Linear more."),
        lambda h, w, c, n: 3 * c**2,
    ),
    (N_("qkv makes queries, keys *and* values: 3·C outputs."), lambda h, w, c, n: 2 * c**2 + c),
    (
        N_("Parameters do not depend on the number of tokens: an nn.Linear is the same for each."),
        lambda h, w, c, n: h * w * (4 * c**2 + c),
    ),
)
OPERATION_MISTAKES = (
    (
        N_("There are two products: the scores q·k, and the weighted sum of the values."),
        lambda h, w, c, n: h * w * n**2 * c,
    ),
    (N_("That is one block: N·N pairs in each of G blocks."), lambda h, w, c, n: 2 * n**4 * c),
    (
        N_("That is one product in one block: there are two products, and G blocks."),
        lambda h, w, c, n: n**4 * c,
    ),
    (
        N_("That is full attention, L·L pairs: a patch meets only the N of its block."),
        lambda h, w, c, n: 2 * (h * w) ** 2 * c,
    ),
    (
        N_("That is one product of full attention: there are two, and only N keys a query."),
        lambda h, w, c, n: (h * w) ** 2 * c,
    ),
    (N_("A block has block_size² patches, not block_size."), lambda h, w, c, n: 2 * h * w * n * c),
    (
        N_(
            "Those are the pairs: each costs C multiply-adds (D in each of H heads), "
            "and that twice."
        ),
        lambda h, w, c, n: h * w * n**2,
    ),
    (
        N_("Each pair costs C multiply-adds in each of the two products (D in each of H heads)."),
        lambda h, w, c, n: 2 * h * w * n**2,
    ),
    (N_("A multiply-add is one operation here, not two."), lambda h, w, c, n: 4 * h * w * n**2 * c),
    (
        N_("The nn.Linears are not asked for: only the two products of the attention."),
        lambda h, w, c, n: 2 * h * w * n**2 * c + 4 * h * w * c**2,
    ),
)
PARTS = (
    (N_("Parameters: {mistake}"), PARAMETER_MISTAKES),
    (N_("Multiply-adds: {mistake}"), OPERATION_MISTAKES),
)
# height, width, channels, block_size. BlockAttention has 8 heads by default, which divide channels:
# a reader may build the module and count.
COSTS = ((8, 12, 24, 4), (8, 8, 48, 2), (6, 9, 56, 3), (5, 3, 40, 1), (6, 6, 16, 6))


def _part(function, place):
    """The function, with one of its two results."""

    @functools.wraps(function)
    def part(*arguments):
        return function(*arguments)[place]

    return part


def _find_mistake_in_counts(answer):
    if not callable(answer):
        return say("It must be a function, and is {kind}.", kind=type(answer).__name__)
    got = answer(*COSTS[0])
    if got is None:
        return say(RETURNS_NONE)
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        return say(
            "It must return two numbers, parameters and multiply-adds, and returned {got!r}.",
            got=got,
        )
    for place, (sentence, mistakes) in enumerate(PARTS):
        mistake = find_mistake(_part(answer, place), _part(count, place), COSTS, mistakes)
        if mistake:
            return Mistake(say(sentence, mistake=mistake), kind=mistake.kind)
    return None


EXERCISES = (
    Exercise(
        "blocks.blockify",
        N_(
            "Write blockify(x: torch.Tensor, block_size: int) -> torch.Tensor.\n"
            "x is a picture of patches, (height, width, C), or several: (…, height, width, C). "
            "Return\n"
            "its blocks, (…, G, N, C): the blocks row by row, and inside each block the patches "
            "row by\n"
            "row. block_size divides both sides, and the picture need not be square. Use "
            "rearrange, or\n"
            "reshape and transpose, but not attnlib's blockify."
        ),
        _find_mistake_in_blocks,
        (
            N_(
                "Height has two parts: in which row of blocks, and in which row of that block. "
                "So has\n"
                "   the width. Give each part an axis of its own. Axes in front stay: `...`."
            ),
            N_(
                "In einops: ... (rows row) (cols col) c, with row and col equal to block_size. "
                "Which two\n"
                "   say in which block, and which two where in it?"
            ),
            N_(
                "rows and cols together are G, row and col together are N:\n"
                "   -> ... (rows cols) (row col) c."
            ),
        ),
        blockify,
        loop=blockify_as_a_loop,
        rule=Rule(),
        axes=("row", "column", "channel"),
    ),
    Exercise(
        "blocks.MyBlockAttention",
        N_(
            "Write the forward of MyBlockAttention. Its __init__ is given: leave it as it is.\n"
            "x is (B, G, N, C), and so is the result. Inside each block: queries, keys and values "
            "from\n"
            "self.qkv, in this order; self.num_heads heads; scale 1/√D; no bias; the heads "
            'merged "d h";\n'
            "then self.proj. Use your own split, attend and merge, but nothing from attnlib. "
            "Return y only,\n"
            "not the map."
        ),
        _find_mistake_in_attention,
        (
            N_(
                "self.qkv(x) is (B, G, N, 3·C). `.chunk(3, -1)` cuts it into three parts, for "
                "queries, keys\n"
                "   and values. split(part, self.num_heads) makes the heads of each."
            ),
            N_(
                "out, _ = attend(q, k, v, scale). The scale is D ** -0.5, and D is q.shape[-1].\n"
                "   B, G and H are axes in front: attend takes them as they are."
            ),
            N_('Last: self.proj(merge(out, "d h")).'),
        ),
        MyBlockAttention,
        rule=Rule(),
    ),
    Exercise(
        "blocks.block_mask",
        N_(
            "Write block_mask(height: int, width: int, block_size: int) -> torch.Tensor.\n"
            "The tokens are the patches of a picture, "
            "now read row by row through the whole picture,\n"
            "not block by block: L = height·width. "
            "Return (L, L), bool: True where token i may see\n"
            "token j, because both lie in the same block."
        ),
        _find_mistake_in_mask,
        (
            N_(
                "In lesson 00 the pieces had one dimension, "
                "so one number said where a token lies.\n"
                "   Here it takes two: a row and a column."
            ),
            N_("Token t lies in row t // width and column t % width of the picture."),
            N_("Divide both by block_size (//): row and column of its block. Both must be equal."),
        ),
        block_mask,
    ),
    Exercise(
        "blocks.count",
        N_(
            "Write count(height: int, width: int, channels: int, block_size: int) "
            "-> tuple[int, int]:\n"
            "for BlockAttention(dim=channels) on a picture of height × width patches\n"
            "- its parameters: qkv is an nn.Linear without bias, proj is one with bias;\n"
            "- the multiply-adds of its attention: "
            "those of q·k and those of weights·v together, in\n"
            "  all blocks and all heads, without the nn.Linears."
        ),
        _find_mistake_in_counts,
        (
            N_(
                "qkv takes C numbers and makes 3·C, proj takes C and makes C. "
                "Are there more of them\n"
                "   if there are more blocks?"
            ),
            N_("Each of the L queries meets the N = block_size² keys of its block."),
            N_(
                "One pair costs D multiply-adds a head, so C in all heads; "
                "once for its score, and\n"
                "   once for its part of the weighted sum."
            ),
        ),
        count,
    ),
)
