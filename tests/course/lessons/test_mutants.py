"""Each solution made wrong in one place, at every place in turn: does its check see it?"""

from importlib import import_module

import pytest
import torch
from torch import nn

from attnlib.course.exercises.written import PIECES
from attnlib.course.manifest import LESSONS
from tests.course.lessons.mutants import mutants

EXERCISES = [
    exercise
    for lesson in LESSONS
    for exercise in import_module(f"attnlib.course.lessons.{lesson.name}.exercises").EXERCISES
    if callable(exercise.answer)
]
# What may stand in a module that is trained: gradients and the digits of float64 matter.
TRAINED = {
    *(set(PIECES) - {"positions.absolute", "segments.boundaries"}),
    *("capstone.merge", "capstone.weights", "fusion.normalise", "global_branch.all_maps"),
    *("global_branch.dropped", "global_branch.stable_softmax", "heads.unscramble"),
}
# Mutants that give the same on all inputs that the task names, and why.
LAST = "the last axis is number 1 of two"
EQUIVALENT = {
    "by_hand.softmax": {"powers = larger(scores.exp())": "the factor stands above and below"},
    "by_hand.attend": {
        "def attend(q, k, v, scale, bias=1):": "one number more in a whole row changes no weight"
    },
    "global_branch.MySelfAttention": {
        "q, k, v = (split(part, self.heads) for part in self.qkv(x).chunk(3, 1))": LAST
    },
    "global_branch.all_maps": {"maps.append(scores.softmax(1))": LAST},
    "global_branch.stable_softmax": {
        "powers = larger(shifted.exp())": "the factor stands above and below",
        "shifted = scores - detached(scores.amax(-1, keepdim=True))": (
            "softmax has no gradient along what is added to a whole row"
        ),
    },
    "segments.unused": {"return range(filled, num_segments)": "a range may stand for a list"},
    "segments.next_width": {
        "while width // num_segments % -4:": "0 where 4 divides, and only there"
    },
    "fusion.MyGlobalLocalAttention": {
        "return fuse(local_branch(x, self.local_attention), self.attention(x), self.fusion)": (
            "all four fusions may take the two in either order"
        ),
    },
    "fusion.normalise": {"lengths = x.norm(dim=1, keepdim=True)": LAST},
    "positions.feels_order": {
        "return not torch.allclose(f(x)[order], f(x[order]))": "equal either way"
    },
    "positions.absolute": {
        "if length % -2:": "0 for even lengths alone",
        "table = torch.where(j % -2 == 0, angle.sin(), angle.cos())": "0 for even j alone",
    },
    "kernels.merge": {
        "level = most.masked_fill(most == -torch.inf, 1)": "any finite number does there"
    },
    "does_it_matter.paired_difference": {
        "return (apart.mean(), apart.std().item())": "a tensor of one number is one",
        "return (apart.mean().item(), apart.std())": "a tensor of one number is one",
    },
    "learning.weight_on": {"return weights[:, query, source].mean(1)": LAST},
    "learning.maps_apart": {
        "heads = range(len(one))": "a range is as good an index as a list",
        "return min((each[heads, order].mean().item() for order in permutations(heads)))": (
            "a tuple is as good an index as a list"
        ),
        "each = (one[:, None] - other[None]).abs().sum(-1) / 2": "the mean comes at the end",
        "return min((each[heads, list(order)].mean() for order in permutations(heads)))": (
            "a tensor of one number is one"
        ),
        "each = (one[:, None] - other[None]).abs().sum(-2).mean(-1) / 2": (
            "sum and mean of a square go in either order"
        ),
        "each = (other[None] - one[:, None]).abs().sum(-1).mean(-1) / 2": "|a - b| is |b - a|",
    },
    "video.shot_importance": {
        "return [shot.mean() for shot in shots]": "a list of numbers is as good as a tensor"
    },
    "ranks.merge": {
        "both = torch.logaddexp(its_lse, lse)": "a sum of two, in either order",
        "level = both.masked_fill(both == -torch.inf, 1)": "any finite number does there",
    },
    "transformer.on_previous": {"return weights.diagonal(-1, -2, -1).mean(1)": LAST},
}


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.key)
def test_every_mutant_is_refused(exercise):
    known = EQUIVALENT.get(exercise.key, {})
    tried = dict(mutants(exercise.answer, trained=exercise.key in TRAINED))
    survivors = [line for line, mutant in tried.items() if exercise.refuse(mutant) is None]
    assert [line for line in survivors if line not in known] == []
    assert set(known) <= set(survivors)  # none that is not made any more, or is refused


def test_the_keys_are_those_of_exercises():
    assert {*TRAINED, *EQUIVALENT} <= {exercise.key for exercise in EXERCISES}


def example(x):
    """Not changed: -> 1."""
    return x.mean(-1, keepdim=True) - 0.5


def test_each_mutant_is_wrong_in_one_place():
    assert [line.removeprefix("return ") for line, _ in mutants(example, trained=True)] == [
        "larger(x.mean(-1, keepdim=True) - 0.5)",
        "single(x.mean(-1, keepdim=True) - 0.5)",
        "x.mean(-1, keepdim=True) + 0.5",
        "0.5 - x.mean(-1, keepdim=True)",
        "detached(x.mean(-1, keepdim=True) - 0.5)",
        "x - 0.5",
        "detached(x.mean(-1, keepdim=True)) - 0.5",
        "x.mean(-1, keepdim=True) - 1.5",
        "x.mean(-1, keepdim=True) - -0.5",
        "x.sum(-1, keepdim=True) - 0.5",
        "x.mean(1, keepdim=True) - 0.5",
        "x.mean(0, keepdim=True) - 0.5",
        "x.mean(-1, keepdim=False) - 0.5",
        "x.mean(-2, keepdim=True) - 0.5",
    ]


def test_a_mutant_computes_what_its_line_says():
    x = torch.randn(3, 4, dtype=torch.float64)
    made = {line: mutant(x) for line, mutant in mutants(example, trained=True)}
    assert made["return x - 0.5"].equal(x - 0.5)
    assert made["return single(x.mean(-1, keepdim=True) - 0.5)"].dtype == torch.float32


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = 3.0

    def forward(self, x):
        return self.scale * x


def test_of_a_module_only_forward_changes():
    made = {
        line: mutant()(torch.ones(())).item() for line, mutant in mutants(Scaled, trained=False)
    }
    assert made == {
        "return larger(self.scale * x)": pytest.approx(3.03),
        "return self.scale / x": 3,
    }
