"""Pure moves of axes: nothing is computed here, elements only change places.

A reshape that is wrong by one axis passes every check of shapes; each pattern below therefore
names every axis, and the tests compare values.
"""

from einops import rearrange
from torch import Tensor

from attnlib.checks import check_count, check_divides

ORDERS = ("h d", "d h")


def blockify(x: Tensor, block_size: int) -> Tensor:
    """Cut a picture of tokens into square blocks, read row by row.

    Args:
        x: (…, height, width, C).
        block_size: edge of a block, in tokens; must divide height and width.
    Returns:
        (…, G, N, C), with G = (height / block_size)·(width / block_size), N = block_size².
    Source: NesT (Zhang et al. 2021, arXiv:2105.12723), section 3.1.
    """
    if x.dim() < 3:
        raise ValueError(f"x must be (…, height, width, C), got shape {tuple(x.shape)}")
    _check_block_size(block_size, *x.shape[-3:-1])
    pattern = "... (rows row) (cols col) c -> ... (rows cols) (row col) c"
    return rearrange(x, pattern, row=block_size, col=block_size)


def deblockify(x: Tensor, block_size: int, height: int, width: int) -> Tensor:
    """Put the blocks back into the picture they were cut from, square or not.

    Args:
        x: (…, G, N, C) as `blockify` made it.
        block_size, height, width: those of the picture, in tokens.
    Returns:
        (…, height, width, C).
    """
    _check_block_size(block_size, height, width)
    rows, cols = height // block_size, width // block_size
    if x.dim() < 3 or x.shape[-3:-1] != (rows * cols, block_size**2):
        raise ValueError(
            f"x must be (…, {rows * cols}, {block_size**2}, C) for {block_size=}, {height=}, "
            f"{width=}, got shape {tuple(x.shape)}"
        )
    pattern = "... (rows cols) (row col) c -> ... (rows row) (cols col) c"
    return rearrange(x, pattern, rows=rows, row=block_size)


def segment_slices(length: int, num_segments: int) -> tuple[slice, ...]:
    """Cut `length` tokens into `num_segments` contiguous segments of ⌈length / num_segments⌉.

    The last ones may be shorter, or empty: 10 tokens in 4 segments are 3, 3, 3, 1; 9 are
    3, 3, 3, 0. Source: PGL-SUM (Apostolidis et al. 2021, ISM), section III.

    Returns:
        num_segments slices with explicit start and stop, in order, that cover 0 … length once.
    """
    check_count("length", length, least=0)
    check_count("num_segments", num_segments)
    size = -(-length // num_segments)
    edges = [min(segment * size, length) for segment in range(num_segments + 1)]
    return tuple(slice(start, stop) for start, stop in zip(edges, edges[1:], strict=False))


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """(…, N, C) -> (…, H, N, D): each head takes D = C / H neighbouring channels."""
    if x.dim() < 2:
        raise ValueError(f"x must be (…, N, C), got shape {tuple(x.shape)}")
    check_divides("num_heads", num_heads, "C", x.shape[-1])
    return rearrange(x, "... n (h d) -> ... h n d", h=num_heads)


def merge_heads(x: Tensor, order: str = "h d") -> Tensor:
    """(…, H, N, D) -> (…, N, C): the heads side by side again, C = H·D.

    Args:
        order: "h d", head-major, the inverse of `split_heads` (PGL-SUM, timm's ViT); or "d h",
            channel-major (timm's NesT). Both give the same shape and different channels.
    """
    if order not in ORDERS:
        raise ValueError(f"order must be one of {ORDERS}, got {order!r}")
    if x.dim() < 3:
        raise ValueError(f"x must be (…, H, N, D), got shape {tuple(x.shape)}")
    return rearrange(x, f"... h n d -> ... n ({order})")


def _check_block_size(block_size: int, height: int, width: int) -> None:
    for name, value in (("block_size", block_size), ("height", height), ("width", width)):
        check_count(name, value)
    if height % block_size or width % block_size:
        raise ValueError(f"{block_size=} must divide {height=} and {width=}")
