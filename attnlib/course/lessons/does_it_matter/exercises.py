"""Two settings, trained from the same seeds: how far apart they are, and how surely."""

import torch

from attnlib.course.language import N_
from attnlib.course.widgets.checking import find_mistake
from attnlib.course.widgets.exercise import Exercise


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


def _sorted(ours, others):
    return paired_difference(ours.sort().values, others.sort().values)


def _every_with_every(ours, others):
    apart = ours[:, None] - others
    return apart.mean().item(), apart.std().item()


MISTAKES = (
    (
        N_("The sign is the wrong way: ours minus others, so that + means that ours does better."),
        lambda ours, others: paired_difference(others, ours),
    ),
    (
        N_(
            "That is the spread of two groups that have nothing to do with each other. Here "
            "seed 0 of one belongs to seed 0 of the other: take the differences first, then their "
            "spread."
        ),
        _with_spread(lambda ours, others: (ours.var() + others.var()).sqrt()),
    ),
    (
        N_("The two spreads were added. Take the differences first, then their spread."),
        _with_spread(lambda ours, others: ours.std() + others.std()),
    ),
    (
        N_("The two spreads were subtracted. Take the differences first, then their spread."),
        _with_spread(lambda ours, others: ours.std() - others.std()),
    ),
    (
        N_("That is the spread of ours alone. Wanted is that of the differences."),
        _with_spread(lambda ours, others: ours.std()),
    ),
    (
        N_("That is the spread of others alone. Wanted is that of the differences."),
        _with_spread(lambda ours, others: others.std()),
    ),
    (
        N_(
            "The spread is divided by n. The study divides by n − 1, as torch's std does by itself."
        ),
        _of(torch.mean, lambda apart: apart.std(correction=0)),
    ),
    (N_("That is the variance. The spread is its square root."), _of(torch.mean, torch.var)),
    (
        N_("Divided by √n: that says how sure the mean is. Wanted is how far the seeds lie apart."),
        _of(torch.mean, lambda apart: apart.std() / len(apart) ** 0.5),
    ),
    (
        N_("That is the range, largest minus smallest. Wanted is the standard deviation."),
        _of(torch.mean, lambda apart: apart.max() - apart.min()),
    ),
    (
        N_("The signs are lost: a seed where ours does worse must count as minus."),
        lambda ours, others: (
            (ours - others).abs().mean().item(),
            (ours - others).abs().std().item(),
        ),
    ),
    (N_("That is the median. Wanted is the mean."), _of(torch.median, torch.std)),
    (
        N_("The mean comes first, then the spread."),
        lambda ours, others: paired_difference(ours, others)[::-1],
    ),
    (N_("The seeds were sorted, so they lost their partners. Leave them in their order."), _sorted),
    (
        N_("Every seed was compared with every other. Seed 0 has one partner, seed 0."),
        _every_with_every,
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
    """Pairs that go up and down together, as trainings from one seed may."""
    generator = torch.Generator().manual_seed(0)
    for seeds in (5, 3, 8, 2):
        others = 0.7 + 0.05 * torch.randn(seeds, generator=generator, dtype=torch.float64)
        apart = 0.02 * torch.randn(seeds, generator=generator, dtype=torch.float64) - 0.01
        yield others + apart, others


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
