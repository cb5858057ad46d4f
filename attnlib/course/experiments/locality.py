"""Is a local first level better than a global one? A small NesT on digits, several seeds.

    python -m attnlib.course.experiments.locality    (trains all, some minutes, and stores it)

The number of steps and the learning rate are those of the digits in another experiment, and were
chosen there for another network: neither of the two compared here was favoured.
"""

import copy
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor, nn

from attnlib.course import data
from attnlib.course.experiments.store import machine, read, write
from attnlib.course.experiments.training import accuracy, fit
from attnlib.course.models.nest import NestClassifier
from attnlib.layout import deblockify

# Pictures of 8×8 pixels, each pixel a token: four blocks of 4×4 of them, then one block.
SMALL = MappingProxyType(
    {
        "img_size": 8,
        "in_chans": 1,
        "patch_size": 1,
        "num_levels": 2,
        "embed_dims": (32, 48),
        "num_heads": 4,
        "depths": 1,
        "num_classes": 10,
    }
)
STEPS = 300
SEEDS = 10
LARGEST = 1200  # digits to train with
TRAINED_ON = (LARGEST, 120)
FIRST_LEVELS = ("4 blocks", "1 block")
STORED = Path(__file__).with_suffix(".json")
COMMAND = "python -m attnlib.course.experiments.locality"


class Run(NamedTuple):
    """One network trained: how its first level was cut, on how many digits, and how well it did."""

    first_level: str
    digits: int
    seed: int
    right: float  # share of the digits held out


def small_nest(seed: int) -> NestClassifier:
    """A new network for digits, `SMALL`, with parameters drawn from this seed.

    As NestClassifier draws them, with a width of .02, but so that every version of PyTorch draws
    the same numbers.
    """
    network = NestClassifier(**SMALL)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() > 1:  # biases start at 0, and the factors of a LayerNorm at 1
                parameter.normal_(std=0.02, generator=generator)
    return network


def in_one_block(network: NestClassifier) -> NestClassifier:
    """A copy whose first level is one block: every token sees all others from the start.

    The parameters are the same numbers; the positions of the first level stay at their places.
    """
    network = copy.deepcopy(network)
    level = network.levels[0]
    side = level.block_size * 2 ** (len(network.levels) - 1)  # of the picture, in tokens
    positions = deblockify(level.pos_embed.detach(), level.block_size, side, side)
    level.pos_embed = nn.Parameter(positions.flatten(1, 2).unsqueeze(1))  # (1, 1, side², C)
    level.block_size = side
    return network


def with_equal_weights(network: NestClassifier, level: int) -> NestClassifier:
    """A copy whose queries of one level are 0: so are its scores, and all weights are 1/N."""
    network = copy.deepcopy(network)
    with torch.no_grad():
        for layer in network.levels[level].transformer_encoder:
            for parameter in layer.attn.qkv.parameters():  # queries are the first third of rows
                parameter[: layer.attn.dim] = 0
    return network


def split(count: int) -> tuple[Tensor, Tensor]:
    """Indices of `LARGEST` examples to train with and of those held out, both in random order.

    Any first n of the former are n examples drawn at random. Raises ValueError if none is held out.
    """
    if count <= LARGEST:
        raise ValueError(f"count must be above {LARGEST}, got {count}")
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    return order[:LARGEST], order[LARGEST:]


def run(first_level: str, digits: int, seed: int) -> Run:
    """Train one network. Raises ValueError for another first level than `FIRST_LEVELS`."""
    if first_level not in FIRST_LEVELS:
        raise ValueError(f"first_level must be one of {FIRST_LEVELS}, got {first_level!r}")
    pictures, labels = data.digits()
    trained, held_out = split(len(labels))
    trained = trained[:digits]
    network = small_nest(seed)
    if first_level == "1 block":
        network = in_one_block(network)
    x = pictures[:, None]  # (n, 1, 8, 8)
    for _ in fit(network, x[trained], labels[trained], STEPS, seed=seed):
        pass
    right = accuracy(network, x[held_out], labels[held_out])
    return Run(first_level, digits, seed, round(right, 5))


def stored_runs(path: Path = STORED) -> list[Run]:
    """The results that come with attnlib: every first level, number of digits and seed."""
    return read(path, lambda contents: [Run(**run) for run in contents["runs"]], COMMAND)


def main(path: Path = STORED) -> None:
    """Train all and store them, with what they were measured on."""
    torch.set_num_threads(1)
    runs = [
        run(first_level, digits, seed)
        for digits in TRAINED_ON
        for seed in range(SEEDS)
        for first_level in FIRST_LEVELS
    ]
    head = {"machine": machine(), "steps": STEPS}
    write(path, head, [each._asdict() for each in runs])


if __name__ == "__main__":
    main()
