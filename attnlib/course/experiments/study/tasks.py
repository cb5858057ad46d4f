"""Five tasks: 16 tokens in 4 groups of 4, and a question. Each seed has draws of its own.

What is drawn: montages and sequences without end, of a fixed set of crops; digits and MNIST from a
fixed pool (1797 and 5000 pictures), parted anew into training and test. So the draws of two seeds
overlap there, and an interval over seeds speaks of training and of draws from this very pool. Of
other pictures it says nothing.
"""

import zlib
from collections.abc import Callable
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from attnlib.course import data
from attnlib.course.experiments.study.montages import LENGTH, crops, draw_global, draw_local
from attnlib.course.language import N_
from attnlib.layout import blockify

TRAIN, TEST = 4096, 1024  # sequences, where they are drawn at random
CLASSES = 10  # of the reverse task


class Examples(NamedTuple):
    """x (n, L, F), and labels (n, L), one a token, or (n,), one a sequence."""

    x: Tensor
    labels: Tensor


class Draw(NamedTuple):
    """What one seed trains and tests with."""

    train: Examples
    test: Examples


class Task(NamedTuple):
    """A question about 16 tokens, and what its answers take.

    `steps` is the budget 1×: chosen by eye, before anything was compared, so that the attention of
    the base learns, and is not yet at the ceiling.
    """

    asks: str
    features: int
    classes: int
    per_token: bool
    steps: int
    draw: Callable[[int], Draw]

    @property
    def chance(self) -> float:
        return 1 / self.classes


def generator(*names: object) -> torch.Generator:
    """One of its own for each tensor, so that no tensor's numbers depend on another's size."""
    return torch.Generator().manual_seed(zlib.crc32("/".join(map(str, names)).encode()))


def _montages(name, draw):
    def drawn(seed):
        parts = []
        for part, count in (("train", TRAIN), ("test", TEST)):
            photographs, labels = draw(count, generator(seed, name, part, "photographs"))
            table = crops(part)
            random = generator(seed, name, part, "crops")
            crop = torch.randint(table.shape[1], photographs.shape, generator=random)
            parts.append(Examples(table[photographs, crop], labels))
        return Draw(*parts)

    return drawn


def _reverse(seed):
    def examples(part, count):
        random = generator(seed, "reverse", part)
        classes = torch.randint(CLASSES, (count, LENGTH), generator=random)
        return Examples(F.one_hot(classes, CLASSES).float(), classes.flip(-1))

    return Draw(examples("train", TRAIN), examples("test", TEST))


def _pool(name, pictures, held_out):
    """Draws that part a pool of pictures anew: of every class, one in `held_out` is tested."""

    def drawn(seed):
        x, labels = pictures()
        tested = torch.zeros(len(labels), dtype=torch.bool)
        for label in labels.unique():
            places = torch.nonzero(labels == label).squeeze(-1)
            order = torch.randperm(len(places), generator=generator(seed, name, int(label)))
            tested[places[order[: len(places) // held_out]]] = True
        return Draw(Examples(x[~tested], labels[~tested]), Examples(x[tested], labels[tested]))

    return drawn


@lru_cache(1)
def _digits():
    pictures, labels = data.digits()
    return _patches(pictures, 2), labels


@lru_cache(1)
def _mnist():
    pictures, labels = data.mnist()
    return _patches(pictures, 7), labels


def _patches(pictures, side):
    """(n, height, width) -> (n, L, side²): patches are the tokens, quarters the groups."""
    x = rearrange(pictures, "n (row y) (col x) -> n row col (y x)", y=side, x=side)
    return blockify(x, 2).flatten(1, 2)


_OWN = N_("Does the photograph of this token occur once more in its own group?")
_OTHER = N_("Does the photograph of this token occur in another group too?")
_END = N_("Which class has the token that stands as far from the other end?")
_DIGIT = N_("Which digit is it?")

TASKS = MappingProxyType(
    {
        "local": Task(_OWN, 48, 2, True, 400, _montages("local", draw_local)),
        "global": Task(_OTHER, 48, 2, True, 900, _montages("global", draw_global)),
        "digits": Task(_DIGIT, 4, 10, False, 300, _pool("digits", _digits, 3)),
        "reverse": Task(_END, CLASSES, CLASSES, True, 60, _reverse),
        "mnist": Task(_DIGIT, 49, 10, False, 300, _pool("mnist", _mnist, 4)),
    }
)


def missing(name: str) -> str | None:
    """Why a task cannot be drawn here: what to install; None if it can."""
    try:
        {"digits": _digits, "mnist": _mnist}.get(name, lambda: crops("train"))()
    except (ModuleNotFoundError, OSError) as error:
        return str(error)
    return None
