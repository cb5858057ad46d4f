"""Two settings, trained from the same seeds: how far apart they are, and how surely."""

import torch

from attnlib.course.exercises.checking import find_mistake
from attnlib.course.exercises.exercise import Exercise
from attnlib.course.language import N_


def paired_difference(ours, others):
    """Mean of ours minus others, and its spread over the seeds."""
    apart = ours - others  # seed by seed
    return apart.mean().item(), apart.std().item()


def _of(mean, spread):
    """Both from the differences of the seeds."""

    def found(ours, others):
        apart = ours - others
        return mean(apart).item(), spread(apart).item()

    return found


def _with_spread(spread):
    """The right mean beside spread(ours, others)."""
    return lambda ours, others: ((ours - others).mean().item(), spread(ours, others).item())


def _two_groups(count):
    """Spreads of two groups that have nothing to do with each other, over a number."""
    return _with_spread(lambda ours, others: ((ours.var() + others.var()) / count(ours)).sqrt())


def _sorted(ours, others):
    return paired_difference(ours.sort().values, others.sort().values)


def _every_with_every(ours, others):
    apart = ours[:, None] - others
    return apart.mean().item(), apart.std().item()


TWO_GROUPS = N_(
    "That is the spread of two groups that have nothing to do with each other. Here seed 0 of one "
    "belongs to seed 0 of the other: take the differences first, then their spread."
)
MISTAKES = (
    (
        N_("The sign of the mean is lost: it is minus where ours does worse."),
        lambda ours, others: ((ours - others).mean().abs().item(), (ours - others).std().item()),
    ),
    (
        N_("The sign is the wrong way: ours minus others, so that + means that ours does better."),
        lambda ours, others: paired_difference(others, ours),
    ),
    (TWO_GROUPS, _two_groups(lambda ours: 1), 1),
    (TWO_GROUPS, _two_groups(lambda ours: 2), 1),  # pooled
    (TWO_GROUPS, _two_groups(len), 1),  # of their means
    (
        N_("That is the mean of the two spreads. Take the differences first, then their spread."),
        _with_spread(lambda ours, others: (ours.std() + others.std()) / 2),
        1,
    ),
    (
        N_("That is the spread of all numbers of both. Take the differences first."),
        _with_spread(lambda ours, others: torch.cat([ours, others]).std()),
        1,
    ),
    (
        N_("Those are the two means. Wanted are mean and spread of the differences."),
        lambda ours, others: (ours.mean().item(), others.mean().item()),
        1,
    ),
    (
        N_("The two spreads were added. Take the differences first, then their spread."),
        _with_spread(lambda ours, others: ours.std() + others.std()),
        1,
    ),
    (
        N_("The two spreads were subtracted. Take the differences first, then their spread."),
        _with_spread(lambda ours, others: ours.std() - others.std()),
        1,
    ),
    (
        N_("That is the spread of ours alone. Wanted is that of the differences."),
        _with_spread(lambda ours, others: ours.std()),
        1,
    ),
    (
        N_("That is the spread of others alone. Wanted is that of the differences."),
        _with_spread(lambda ours, others: others.std()),
        1,
    ),
    (
        N_(
            "The spread is divided by n. The study divides by n − 1, as torch's std does by itself."
        ),
        _of(torch.mean, lambda apart: apart.std(correction=0)),
        3,
    ),
    (N_("That is the variance. The spread is its square root."), _of(torch.mean, torch.var), 2),
    (
        N_("Divided by √n: that says how sure the mean is. Wanted is how far the seeds lie apart."),
        _of(torch.mean, lambda apart: apart.std() / len(apart) ** 0.5),
        2,
    ),
    (
        N_("That is half a 95 % interval of the mean. Wanted is how far the seeds lie apart."),
        _of(torch.mean, lambda apart: 1.96 * apart.std() / len(apart) ** 0.5),
        2,
    ),
    (
        N_("The mean is not subtracted before you square: that is no standard deviation."),
        _of(torch.mean, lambda apart: apart.square().mean().sqrt()),
        2,
    ),
    (
        N_("That is the mean distance from the mean. A standard deviation squares them first."),
        _of(torch.mean, lambda apart: (apart - apart.mean()).abs().mean()),
        2,
    ),
    (N_("That is the sum. Wanted is the mean."), _of(torch.sum, torch.std)),
    (
        N_("That is the range, largest minus smallest. Wanted is the standard deviation."),
        _of(torch.mean, lambda apart: apart.max() - apart.min()),
        2,
    ),
    (
        N_("The signs are lost: a seed where ours does worse must count as minus."),
        lambda ours, others: (
            (ours - others).abs().mean().item(),
            (ours - others).abs().std().item(),
        ),
    ),
    (
        N_("The signs are lost in the mean: a seed where ours does worse must count as minus."),
        _of(lambda apart: apart.abs().mean(), torch.std),
    ),
    (N_("That is the median. Wanted is the mean."), _of(torch.median, torch.std)),
    (
        N_("The mean comes first, then the spread."),
        lambda ours, others: paired_difference(ours, others)[::-1],
    ),
    (
        N_("The seeds were sorted, so they lost their partners. Leave them in their order."),
        _sorted,
        1,
    ),
    (
        N_("Every seed was compared with every other. Seed 0 has one partner, seed 0."),
        _every_with_every,
        1,
    ),
    (
        N_("Those are percentage points. Leave the accuracies as they come, in [0, 1]."),
        lambda ours, others: paired_difference(100 * ours, 100 * others),
    ),
    (
        N_("Divided by others, it is a ratio. Wanted is the difference itself."),
        lambda ours, others: paired_difference(ours / others, torch.ones_like(others)),
    ),
)


def _cases():
    """Pairs that go up and down together, as trainings from one seed may; first ours is better."""
    generator = torch.Generator().manual_seed(0)
    for seeds, better in ((5, 0.01), (3, -0.01), (8, -0.01), (2, -0.01)):
        others = 0.7 + 0.05 * torch.randn(seeds, generator=generator, dtype=torch.float64)
        apart = 0.02 * torch.randn(seeds, generator=generator, dtype=torch.float64)
        yield others + apart - apart.mean() + better, others


def _find_mistake(answer):
    return find_mistake(answer, paired_difference, list(_cases()), MISTAKES)


EXERCISES = (
    Exercise(
        "does_it_matter.paired_difference",
        N_(
            "Write paired_difference(ours: torch.Tensor, others: torch.Tensor) -> (mean, spread).\n"
            "ours and others are (n,), accuracies of the same n seeds in the same order.\n"
            "mean: of ours minus others. spread: the standard deviation, over the seeds, of ours\n"
            "minus others. Both as in the study: the spread divides by n − 1."
        ),
        _find_mistake,
        (
            N_("First one tensor (n,): what differs, seed by seed."),
            N_("Then its mean, and its standard deviation: .mean(), .std(). Return both."),
            N_(".std() divides by n − 1 by itself. Other libraries may not: numpy's divides by n."),
        ),
        paired_difference,
    ),
)
