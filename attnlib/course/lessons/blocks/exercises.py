"""Cut a picture into blocks, say who may see whom, and count what it costs."""

import functools

import torch
from einops import rearrange

from attnlib.course.language import N_, say
from attnlib.course.widgets.checking import find_mistake
from attnlib.course.widgets.exercise import Exercise


def into_blocks(x, block_size):
    """(height, width, C) -> (G, N, C), blocks row by row, and row by row inside each."""
    pattern = "(rows row) (cols col) c -> (rows cols) (row col) c"
    return rearrange(x, pattern, row=block_size, col=block_size)


def _cut(pattern):
    """A function of x and block_size that reads or orders the axes by this pattern."""
    return lambda x, block_size: rearrange(x, pattern, row=block_size, col=block_size)


def _strips(x, block_size):
    return x.reshape(-1, block_size**2, x.shape[-1])


def _sides_exchanged(x, block_size):
    height, width, channels = x.shape
    return into_blocks(x.reshape(width, height, channels), block_size)


def _as_a_square(x, block_size):
    side = int((x.shape[0] * x.shape[1]) ** 0.5)
    return into_blocks(x.reshape(side, side, x.shape[-1]), block_size)


def _size_as_number(x, block_size):
    pattern = "(rows row) (cols col) c -> (rows cols) (row col) c"
    return rearrange(x, pattern, rows=block_size, cols=block_size)


BLOCK_MISTAKES = (
    (
        N_(
            "These are strips: a bare view or reshape takes N patches that follow each other in a "
            "row. Split height and width first, bring the two inner axes together, then join."
        ),
        _strips,
    ),
    (
        N_("N stands before G: the blocks come first, (G, N, C)."),
        _cut("(rows row) (cols col) c -> (row col) (rows cols) c"),
    ),
    (
        N_("Inside a block, row and column are exchanged: patches are read row by row."),
        _cut("(rows row) (cols col) c -> (rows cols) (col row) c"),
    ),
    (
        N_("The blocks are read column by column: they come row by row too."),
        _cut("(rows row) (cols col) c -> (cols rows) (row col) c"),
    ),
    (
        N_("Blocks and patches are read column by column, as if the picture lay on its side."),
        _cut("(rows row) (cols col) c -> (cols rows) (col row) c"),
    ),
    (
        N_(
            "A comb: these patches stand far apart. Height is (rows row), which block first, then "
            "where in the block; you split it the other way round."
        ),
        _cut("(row rows) (col cols) c -> (rows cols) (row col) c"),
    ),
    (
        N_("Only the columns are split the wrong way round: width is (cols col)."),
        _cut("(rows row) (col cols) c -> (rows cols) (row col) c"),
    ),
    (
        N_("Only the rows are split the wrong way round: height is (rows row)."),
        _cut("(row rows) (cols col) c -> (rows cols) (row col) c"),
    ),
    (
        N_("The channels ended up before the tokens: (G, N, C)."),
        _cut("(rows row) (cols col) c -> (rows cols) c (row col)"),
    ),
    (N_("Height and width are exchanged: x is (height, width, C)."), _sides_exchanged),
    (N_("You take the picture to be square. It need not be."), _as_a_square),
    (
        N_("block_size was taken for the number of blocks along a side: it is the edge of one."),
        _size_as_number,
    ),
)
# height, width, C, block_size. The first tells all mistakes apart.
PICTURES = ((4, 16, 3, 2), (6, 4, 5, 2), (6, 9, 1, 3), (8, 8, 4, 4), (3, 5, 2, 1), (4, 4, 3, 4))


def _find_mistake_in_blocks(answer):
    generator = torch.Generator().manual_seed(0)
    cases = [(torch.randn(*shape, generator=generator), size) for *shape, size in PICTURES]
    return find_mistake(answer, into_blocks, cases, BLOCK_MISTAKES)


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
            "row + column of the block is no number of its own."
        ),
        _numbered(lambda row, column, rows, columns: row + column),
    ),
    (
        N_(
            "Two blocks get the same number in your code: "
            "row · column of the block is no number of its own."
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
        return say("Not written yet: it returns None.")
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        return say(
            "It must return two numbers, parameters and multiply-adds, and returned {got!r}.",
            got=got,
        )
    for place, (sentence, mistakes) in enumerate(PARTS):
        mistake = find_mistake(_part(answer, place), _part(count, place), COSTS, mistakes)
        if mistake:
            return say(sentence, mistake=mistake)
    return None


EXERCISES = (
    Exercise(
        "blocks.into_blocks",
        N_(
            "Write into_blocks(x: torch.Tensor, block_size: int) -> torch.Tensor.\n"
            "x is a picture of patches, (height, width, C). "
            "Return its blocks, (G, N, C): the blocks\n"
            "row by row, and inside each block the patches row by row. "
            "block_size divides both sides,\n"
            "and the picture need not be square. With rearrange, or with view and transpose\n"
            "(not with attnlib's blockify)."
        ),
        _find_mistake_in_blocks,
        (
            N_(
                "Height has two parts: in which row of blocks, and in which row of that block. "
                "So has\n"
                "   the width. Give each part an axis of its own."
            ),
            N_(
                "In einops: (rows row) (cols col) c, with row and col equal to block_size. "
                "Which two\n"
                "   say in which block, and which two where in it?"
            ),
            N_(
                "rows and cols together are G, row and col together are N:\n"
                "   -> (rows cols) (row col) c."
            ),
        ),
        into_blocks,
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
