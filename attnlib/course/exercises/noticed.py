"""What a wrong result has in common with the right one, where no known mistake gave it."""

import torch
from torch import Tensor

from attnlib.course.exercises.agreeing import CLOSE, agree
from attnlib.course.language import say


def noticed(got: object, want: object) -> str:
    """A sentence, or nothing: one factor too many, the right numbers in other places, and so on."""
    if isinstance(want, (tuple, list)):
        return _several(got, want)
    got, want = (torch.as_tensor(x) if isinstance(x, (int, float)) else x for x in (got, want))
    if not isinstance(got, Tensor) or not isinstance(want, Tensor) or not want.numel():
        return ""
    if torch.bool in (got.dtype, want.dtype):
        return _inverted(got, want)
    got, want = got.detach().double(), want.detach().double()
    if got.shape == want.shape:
        return _compared(got, want)
    return _shaped(got, want)


def _several(got, want):
    if not isinstance(got, (tuple, list)) or len(got) != len(want):
        return ""
    if len(want) > 1 and agree(got, want[::-1]):
        return say("The results are right. But their order is reversed.")
    wrong = [pair for pair in zip(got, want, strict=True) if not agree(*pair)]
    return noticed(*wrong[0]) if wrong else ""


def _inverted(got, want):
    if got.dtype == want.dtype and want.numel() > 1 and got.equal(~want):
        return say("True and False are exchanged.")
    return ""


def _shaped(got, want):
    """Of two shapes."""
    if got.squeeze().shape == want.squeeze().shape and _near(got.squeeze(), want.squeeze()):
        if got.dim() > want.dim():
            return say("The numbers are right. But there is an axis of size 1 too many.")
        return say("The numbers are right. But an axis of size 1 is missing.")
    if got.dim() == want.dim() and got.dim() > 1 and _turned(got, want):
        return say("The numbers are right. But two axes are exchanged.")
    if got.numel() == want.numel() and _near(got.flatten(), want.flatten()):
        return say("The numbers are right, and in the right order. But the shape is another one.")
    return ""


def _compared(got, want):
    """Of one shape: what is the same everywhere."""
    if _near(got, want):  # only the dtype is another one
        return ""
    if got.isnan().any() and not want.isnan().any():
        return say("Some of it is nan: 0 / 0, inf / inf or inf − inf.")
    if want.dim() > 1 and _turned(got, want):
        return say("The numbers are right. But two axes are exchanged.")
    if want.numel() < 3 or not (got.isfinite().all() and want.isfinite().all()):
        return ""
    return _moved(got, want) or _times(got, want) or _plus(got, want)


def _turned(got, want):
    axes = range(want.dim())
    return any(
        got.transpose(i, j).shape == want.shape and _near(got.transpose(i, j), want)
        for i in axes
        for j in axes[i + 1 :]
    )


def _moved(got, want):
    one, other = (x.flatten().sort().values for x in (got, want))
    if want.unique().numel() > 2 and _near(one, other):
        return say("These are the right numbers, in the wrong places.")
    return ""


def _times(got, want):
    large = want.abs() > 1e-3
    factors = (got / want)[large]
    if large.sum() < 3 or not _one_value(factors) or not _near(got, want * factors[0]):
        return ""
    return say("Every number is {factor} times what it should be.", factor=f"{factors[0]:.4g}")


def _plus(got, want):
    more = got - want
    if not _one_value(more.flatten()):
        return ""
    more = more.flatten()[0].item()
    if more > 0:
        return say("Every number is too large by {more}.", more=f"{more:.4g}")
    return say("Every number is too small by {more}.", more=f"{-more:.4g}")


def _one_value(x):
    return _near(x, x[:1].expand_as(x))


def _near(one, other):
    return torch.allclose(one, other, equal_nan=True, **CLOSE)
