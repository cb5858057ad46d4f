"""Who sees whom, as a function of indices: tokens of one group see each other, no others."""

from torch import Tensor

from attnlib.checks import check_count


class SameGroup:
    """mask[i, j] = ⌊i / size⌋ == ⌊j / size⌋: blocks in the order of `blockify`, or segments.

    Over all L tokens of an input it does what an axis G does that holds groups of `size` tokens.
    The last group may be shorter: L = 5, size = 2 gives

        1 1 0 0 0
        1 1 0 0 0
        0 0 1 1 0
        0 0 1 1 0
        0 0 0 0 1

    Args:
        size: tokens of a group, at least 1: block_size² for blocks, ⌈L / num_segments⌉ for
            segments.
    """

    def __init__(self, size: int):
        check_count("size", size)
        self.size = size

    def __call__(self, i: Tensor, j: Tensor) -> Tensor:
        """(…) query and key indices that broadcast -> (…) bool, True = may attend."""
        return i // self.size == j // self.size

    def __repr__(self) -> str:
        return f"SameGroup({self.size})"
