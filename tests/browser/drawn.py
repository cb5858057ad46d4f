"""The explorers that are drawn in the browser, with small inputs."""

import torch

from attnlib.course.experiments.locality import small_nest
from attnlib.course.experiments.study.findings import findings
from attnlib.course.experiments.study.results import load
from attnlib.course.lessons.blocks.explorer import explore_blocks
from attnlib.course.lessons.by_hand.explorer import explore_scores
from attnlib.course.lessons.does_it_matter.explorer import explore_study
from attnlib.course.lessons.fusion.explorer import explore_fusion
from attnlib.course.lessons.learning.explorer import explore_levels
from attnlib.course.lessons.segments.explorer import explore_segments

GENERATOR = torch.Generator().manual_seed(0)
PICTURE = torch.rand(24, 36, 3, generator=GENERATOR)
FRAMES = torch.rand(40, 6, 14, 3, generator=GENERATOR)
DIGITS = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(1))


def row(angle, length):
    angle = torch.deg2rad(torch.as_tensor(angle, dtype=torch.float64))
    return length * torch.stack([angle.cos(), angle.sin()], -1)


def with_a_pattern(network):
    """Else its weights are nearly equal."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    return network.eval()


# How to make each.
EXPLORERS = {
    "blocks": lambda: explore_blocks({"a": PICTURE, "b": PICTURE.flip(0)}, 3),
    "segments": lambda: explore_segments(FRAMES),
    "fusion": explore_fusion,
    "does_it_matter": lambda: explore_study(findings(load())),
    "by_hand": explore_scores,
    "learning": lambda: explore_levels(with_a_pattern(small_nest(0)), DIGITS, torch.arange(3)),
}
