"""The checks name the known wrong answers; its figure holds the numbers given to it."""

import math

import pytest
import torch
import torch.nn.functional as F

from attnlib import GlobalLocalAttention, fuse
from attnlib.course.exercises import pieces
from attnlib.course.exercises.pieces import MyGlobalLocalAttention, local_branch
from attnlib.course.lessons import exercise
from attnlib.course.lessons.fusion.exercises import (
    MODULE_MISTAKES,
    MODULES,
    WIDEST,
    fuse_by_entries,
)
from attnlib.course.lessons.fusion.figures import plot_angles, read_angles
from attnlib.segments import FUSIONS
from tests.course.lessons.named import assert_named


def by(normalise, normalise_local=None):
    """The four fusions of rows that were normalised in this way."""

    def fused(whole, local, fusion):
        return FUSIONS[fusion](normalise(whole), (normalise_local or normalise)(local))

    return fused


def instead(fusion, combine):
    """attnlib's fuse, but for one fusion, which gets the rows as they came."""

    def fused(whole, local, asked):
        return combine(whole, local) if asked == fusion else fuse(whole, local, asked)

    return fused


def unit(x):
    return x / x.norm(dim=-1, keepdim=True)


def longer_row(whole, local):
    return unit(
        torch.where(whole.norm(dim=-1)[:, None] > local.norm(dim=-1)[:, None], whole, local)
    )


def changes_its_rows(whole, local, fusion):
    whole /= whole.norm(dim=-1, keepdim=True)
    local /= local.norm(dim=-1, keepdim=True)
    return FUSIONS[fusion](whole, local)


WRONG_FUSIONS = {
    "Not written yet": lambda whole, local, fusion: None,
    "It must be a function, and is str": "add",
    "stopped with TypeError": lambda whole, local: whole + local,
    "fused as they came": lambda whole, local, fusion: FUSIONS[fusion](whole, local),
    "Only the global rows are": by(unit, lambda x: x),
    "Only the local rows are": by(lambda x: x, unit),
    "along the frames": by(lambda x: x / x.norm(dim=0, keepdim=True)),
    "Each *row* must become 1 long": by(lambda x: F.normalize(x, dim=-2)),
    "dim=1 is the last axis only where there are two": by(F.normalize),  # its dim is 1
    "one length for the whole matrix": by(lambda x: x / torch.linalg.matrix_norm(x)),
    "the sum of absolute values": by(lambda x: x / x.abs().sum(-1, keepdim=True)),
    "divide by the largest entry": by(lambda x: x / x.abs().amax(-1, keepdim=True)),
    "divide by the squared length": by(lambda x: x / (x * x).sum(-1, keepdim=True)),
    "mean square (RMS)": by(lambda x: x / (x**2).mean(-1, keepdim=True) ** 0.5),
    "softmax of the rows": by(lambda x: torch.softmax(x, dim=1)),
    "You normalise after fusing": lambda whole, local, fusion: unit(FUSIONS[fusion](whole, local)),
    "once more after fusing": lambda whole, local, fusion: unit(fuse(whole, local, fusion)),
    "For 'mult' nothing is returned yet": instead("mult", lambda whole, local: None),
    "For 'max' nothing is returned yet": instead("max", lambda whole, local: None),
    "'avg' gives what 'add' should give": instead("avg", lambda w, v: unit(w) + unit(v)),
    "'add' gives what 'avg' should give": instead("add", lambda w, v: (unit(w) + unit(v)) / 2),
    "'add' gives what 'mult' should give": (
        lambda whole, local, fusion: fuse(
            whole, local, {"add": "mult", "mult": "add"}.get(fusion, fusion)
        )
    ),
    "'mult' gives what 'add' should give": instead("mult", lambda w, v: unit(w) + unit(v)),
    "'max' takes the longer of the two rows": instead("max", longer_row),
    "'max' takes the larger by absolute value": instead(
        "max", lambda w, v: torch.where(unit(w).abs() > unit(v).abs(), unit(w), unit(v))
    ),
    "'max' takes absolute values": instead(
        "max", lambda w, v: torch.maximum(unit(w).abs(), unit(v).abs())
    ),
    "'max' takes the smaller entries": instead("max", lambda w, v: torch.min(unit(w), unit(v))),
    "'avg' halves only the local rows": instead("avg", lambda w, v: unit(w) + unit(v) / 2),
    "you sum the products": instead("mult", lambda w, v: (unit(w) * unit(v)).sum(-1, keepdim=True)),
    "local of shape (5, 3), fusion='max'": (instead("max", torch.maximum)),
    "the value at [0, 0] should be": instead("mult", lambda w, v: unit(w) * v * 2),
    "changes its arguments": changes_its_rows,
    "not their gradients": by(lambda x: x / x.detach().norm(dim=-1, keepdim=True)),
    "less exact than it went in": by(lambda x: unit(x.float())),
    "it calls fuse": fuse,
}


@pytest.mark.parametrize(("words", "answer"), WRONG_FUSIONS.items(), ids=WRONG_FUSIONS)
def test_a_wrong_fusion_is_named(words, answer):
    verdict = exercise("fusion.fuse").check(answer)
    assert not verdict.right
    assert words in verdict


def test_what_is_detached_in_one_fusion_only_is_seen():
    cut = instead("max", lambda w, v: torch.maximum(unit(w), unit(v)).detach() + 0 * w)
    assert "not their gradients" in exercise("fusion.fuse").check(cut)


def right_by_square_root(whole, local, fusion):
    u, v = (x * (x * x).sum(-1, keepdim=True).rsqrt() for x in (whole, local))
    if fusion in ("add", "avg"):
        return (u + v) * (0.5 if fusion == "avg" else 1)
    return u * v if fusion == "mult" else torch.stack([u, v]).amax(0)


def right_by_einsum(whole, local, fusion):
    u, v = (x / torch.einsum("...c,...c->...", x, x).sqrt().unsqueeze(-1) for x in (whole, local))
    return {"add": u + v, "mult": u * v, "avg": torch.lerp(u, v, 0.5), "max": u.max(v)}[fusion]


def right_by_frames(whole, local, fusion):
    """Flat, then a frame at a time."""
    combine = {"mult": torch.mul, "max": torch.fmax}.get(fusion, torch.add)
    pairs = zip(whole.flatten(0, -2), local.flatten(0, -2), strict=True)
    rows = torch.stack([combine(row / row.norm(), other / other.norm()) for row, other in pairs])
    return (rows * 0.5 if fusion == "avg" else rows).view_as(whole)


@pytest.mark.parametrize("answer", [right_by_square_root, right_by_einsum, right_by_frames])
def test_other_right_fusions_pass(answer):
    assert exercise("fusion.fuse").check(answer).right


@pytest.mark.parametrize("fusion", FUSIONS)
def test_the_loop_is_the_fusion_of_the_library(fusion):
    whole, local = torch.randn(2, 4, 3)
    torch.testing.assert_close(fuse_by_entries(whole, local, fusion), fuse(whole, local, fusion))


def with_forward(forward):
    """The reader's class with this forward."""
    return type("MyGlobalLocalAttention", (MyGlobalLocalAttention,), {"forward": forward})


WRONG_MODULES = {
    "Not written yet": with_forward(lambda self, x: None),
    "must be a class, an nn.Module": lambda x: x,
    "The global branch is returned alone": with_forward(lambda self, x: self.attention(x)),
    "The local branch is returned alone": with_forward(
        lambda self, x: local_branch(x, self.local_attention)
    ),
    "are added as they are": with_forward(
        lambda self, x: self.attention(x) + local_branch(x, self.local_attention)
    ),
    "'add' is fixed in your code": with_forward(
        lambda self, x: pieces.fuse(self.attention(x), local_branch(x, self.local_attention), "add")
    ),
    "'mult' is fixed in your code": with_forward(
        lambda self, x: pieces.fuse(
            self.attention(x), local_branch(x, self.local_attention), "mult"
        )
    ),
    "returned tuple": with_forward(lambda self, x: (self.attention(x), None)),
    "it calls fuse": with_forward(
        lambda self, x: fuse(self.attention(x), local_branch(x, self.local_attention), self.fusion)
    ),
    "not their gradients": with_forward(
        lambda self, x: pieces.fuse(
            self.attention(x), local_branch(x.detach(), self.local_attention), self.fusion
        )
    ),
    "it stopped with TypeError": with_forward(lambda self, x: local_branch(x)),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_MODULES.items(), ids=WRONG_MODULES)
def test_a_wrong_module_is_named(words, answer):
    assert_named("fusion.MyGlobalLocalAttention", answer, words)


def test_every_known_mistake_of_the_module_is_called_by_its_own_name():
    for sentence, mistake, *_ in MODULE_MISTAKES:
        verdict = exercise("fusion.MyGlobalLocalAttention").check(mistake)
        assert verdict.startswith(f"✘ {sentence}")


def fused_the_other_way_round(self, x):
    """All four fusions give the same for both orders."""
    return pieces.fuse(local_branch(x, self.local_attention), self.attention(x), self.fusion)


def written_out(self, x):
    size = -(-len(x) // len(self.local_attention))
    pairs = zip(self.local_attention, x.split(size), strict=False)
    u = torch.cat([each(part) for each, part in pairs])
    u, v = (rows / rows.norm(dim=-1, keepdim=True) for rows in (u, self.attention(x)))
    return {"add": u + v, "mult": u * v, "avg": (u + v) / 2, "max": torch.max(u, v)}[self.fusion]


@pytest.mark.parametrize("forward", [fused_the_other_way_round, written_out])
def test_other_right_modules_pass(forward):
    assert exercise("fusion.MyGlobalLocalAttention").check(with_forward(forward)).right


@pytest.mark.parametrize(("channels", "segments", "heads", "fusion", "length"), MODULES)
def test_the_module_is_that_of_the_library(channels, segments, heads, fusion, length):
    mine = MyGlobalLocalAttention(channels, segments, heads, fusion)
    how = {"num_segments": segments, "heads": heads, "fusion": fusion}
    theirs = GlobalLocalAttention(channels, channels, **how).eval()
    parts = mine.local_attention
    theirs.attention.load_state_dict(mine.attention.state_dict())
    with torch.no_grad():
        theirs.local_attention.qkv.copy_(torch.stack([part.qkv.weight for part in parts]))
        theirs.local_attention.out.copy_(torch.stack([part.out.weight for part in parts]))
    x = torch.randn(length, channels)
    torch.testing.assert_close(mine(x), theirs(x)[0])


def adds(small):
    return lambda x: x / (x.norm(dim=-1, keepdim=True) + small)


def at_least(small):
    return lambda x: x / x.norm(dim=-1, keepdim=True).clamp(min=small)


def zeros_become_ones(x):
    return unit(torch.where((x == 0).all(-1, keepdim=True), torch.ones_like(x), x))


WRONG_ROWS = {
    "Not written yet": lambda x: None,
    "must be a function": torch.eye(2),
    "0 / 0": unit,
    "came back as they were": lambda x: x,
    "along the frames": lambda x: F.normalize(x, dim=0),
    "sum of absolute values": lambda x: F.normalize(x, p=1, dim=-1),
    "one length for the whole matrix": lambda x: x / x.norm().clamp(min=1e-12),
    "a row of zeros must stay zero": zeros_become_ones,
    "You add 1e-12": adds(1e-12),
    "You add 1e-08": adds(1e-8),
    "You add 1e-06": adds(1e-6),
    "The smallest divisor, 1e-08,": at_least(1e-8),
    "The smallest divisor, 1e-06,": at_least(1e-6),
    "the value at": adds(3e-7),
    "it calls normalize": lambda x: F.normalize(x, dim=-1),
    "not their gradients": lambda x: x / x.norm(dim=-1, keepdim=True).clamp(min=1e-12).detach(),
    "gradient of the row of zeros is nan": lambda x: unit(x).nan_to_num(),
    "the slope of sqrt at 0 is infinite": (
        lambda x: x / (x * x).sum(-1, keepdim=True).sqrt().clamp(min=1e-12)
    ),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_ROWS.items(), ids=WRONG_ROWS)
def test_a_wrong_way_to_normalise_is_named(words, answer):
    verdict = exercise("fusion.normalise").check(answer)
    assert not verdict.right
    assert words.lower() in verdict.lower()


def by_where(x):
    lengths = x.norm(dim=-1, keepdim=True)
    return x / torch.where(lengths == 0, 1, lengths)


def by_adding_where_zero(x):
    lengths = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return x / (lengths + (lengths == 0))


def by_clamped_squares(x):
    return x / (x * x).sum(-1, keepdim=True).clamp(min=1e-24).sqrt()


def by_index(x):
    result, rows = torch.zeros_like(x), x.any(-1)
    result[rows] = unit(x[rows])
    return result


@pytest.mark.parametrize(
    "answer",
    [
        by_where,
        by_adding_where_zero,
        by_clamped_squares,
        by_index,
    ],
)
def test_other_right_ways_to_normalise_pass(answer):
    assert exercise("fusion.normalise").check(answer).right


def at(*degrees):
    angles = torch.tensor(degrees, dtype=torch.float64).deg2rad()
    return torch.stack([angles.cos(), angles.sin()], -1)


WRONG_PAIRS = {
    "Not written yet": None,
    "It must be two rows of two numbers, (2, 2), and is (3, 2)": at(0, 1, 2),
    "and is (2,)": torch.tensor([0.6, 0.8]),
    "The first row must be 1 long, and is 2.000 long": 2 * at(143, 233),
    "The second row must be 1 long, and is 0.000 long": [[-0.8, 0.6], [0, 0]],
    "The first row must be 1 long, and is nan": [[math.nan, 0.6], [0.6, 0.8]],
    "They are 130° apart": at(160, 290),
    "They are 180° apart": at(30, 210),
    "both 0": at(180, 270),
    "One row has the larger entry in both channels": at(60, 140),
    "the larger entry in both channels, so": at(60, 60),
    "lies between them: 45° from the first, 45° from the second, and they are 90°": at(0, 90),
    "lies between them: 30° from the first": at(15, 75),
    "It stopped with": "two rows",
}


@pytest.mark.parametrize(("words", "answer"), WRONG_PAIRS.items(), ids=WRONG_PAIRS)
def test_a_wrong_pair_of_rows_is_named(words, answer):
    verdict = exercise("fusion.rows").check(answer)
    assert not verdict.right
    assert words in verdict


@pytest.mark.parametrize(
    "answer", [at(143, 233), at(233, 143), at(170, 220), at(280, 230), [[-0.8, 0.6], [-0.6, -0.8]]]
)
def test_other_right_pairs_pass(answer):
    assert exercise("fusion.rows").check(answer).right


def test_the_pairs_that_pass_are_those_that_no_positive_sum_of_both_gives():
    for first in range(0, 360, 7):
        for second in range(first + 11, first + 90, 13):
            rows = at(first, second)
            parts = torch.linalg.solve(rows.T, rows.amax(0))
            # Within a degree of the edge the check is generous; these are not.
            clearly_outside, inside = parts.min() < -0.05, parts.min() > -1e-9
            if clearly_outside or inside:
                assert exercise("fusion.rows").check(rows).right == clearly_outside.item(), (
                    first,
                    second,
                )


def test_angles_are_drawn_a_panel_for_each_fusion():
    one, other = torch.tensor([10.0, 20.0, 30.0]), torch.tensor([40.0, 20.0, 25.0])
    figure = plot_angles({"as_they_are": (one, other), "my own": (one, one)}, edges=(2,))
    first, second = figure.axes
    assert (first.get_title(), second.get_title()) == ("added as they are", "my own")
    for axis, local in ((first, other), (second, one)):
        edge, to_global, to_local = axis.lines
        assert edge.get_xdata()[0] == 1.5
        assert to_global.get_ydata().tolist() == one.tolist()
        assert to_local.get_ydata().tolist() == local.tolist()
        assert axis.get_ylim()[0] == 0
        assert axis.get_ylim()[1] > 40
    said = [text.get_text() for text in first.get_legend().get_texts()]
    assert said == ["to the global row", "to the local row"]


def test_the_sentences_count_the_frames():
    one, other = torch.tensor([10.0, 20.0, 30.0]), torch.tensor([40.0, 20.0, 25.0])
    assert read_angles({"as_they_are": (one, other), "my own": (one, one)}).splitlines() == [
        "added as they are: nearer to the global row in 1, to the local row in 1, as near to both "
        "in 1 of 3 frames.",
        "my own: nearer to the global row in 0, to the local row in 0, as near to both in 3 of 3 "
        "frames.",
    ]


def test_the_task_names_its_angle():
    assert f"at most {WIDEST}° apart" in repr(exercise("fusion.rows"))
