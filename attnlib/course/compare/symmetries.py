"""What one attention obeys and another breaks: tests that need no parameters and no map.

Each takes a module as a function of x (L, C) or (B, L, C), an x (L, C), and the number of groups of
L / num_groups neighbouring tokens. It gives the changed input, the rows that the module gives for
it, and the rows that it must give if it obeys; or None where there is nothing to test. Of several
changes it takes the one that shows most.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

CUTS = 8  # places at which a long input is cut in what came before and what comes later
SEED = 71_994  # no small number: inputs drawn with the same one would only be scaled


class Trial(NamedTuple):
    """`changed`: an input. `got`: what the module makes of it. `expected`: if it obeys."""

    changed: Tensor
    got: Tensor
    expected: Tensor


def another_group(call: Callable, x: Tensor, num_groups: int) -> Trial | None:
    """changing a token of another group leaves a row alone"""
    if num_groups == 1:
        return None
    group = torch.arange(len(x)) // (len(x) // num_groups)
    others = enumerate(_others(x, num_groups))
    return _changed(
        call, x, [(group == number, group != number, other) for number, other in others]
    )


def later_token(call: Callable, x: Tensor, num_groups: int) -> Trial | None:
    """changing a later token leaves a row alone (causal)"""
    if len(x) == 1:
        return None
    token = torch.arange(len(x))
    cuts = torch.linspace(1, len(x) - 1, min(CUTS, len(x) - 1)).round()
    others = zip(cuts, _others(x, len(cuts)), strict=True)
    return _changed(call, x, [(token >= cut, token < cut, other) for cut, other in others])


def permuting_tokens(call: Callable, x: Tensor, num_groups: int) -> Trial | None:
    """permuting the tokens permutes the rows"""
    return _permuted(call, x, _orders(len(x))) if len(x) > 1 else None


def permuting_groups(call: Callable, x: Tensor, num_groups: int) -> Trial | None:
    """permuting whole groups permutes their rows"""
    if num_groups == 1:
        return None
    groups = torch.arange(len(x)).unflatten(0, (num_groups, -1))
    return _permuted(call, x, [groups[order].flatten() for order in _orders(len(groups))])


def permuting_inside(call: Callable, x: Tensor, num_groups: int) -> Trial | None:
    """permuting the tokens inside a group permutes its rows"""
    groups = torch.arange(len(x)).unflatten(0, (num_groups, -1))
    if 1 in groups.shape:
        return None
    # In one group at a time: the same order in all is obeyed by who compares their n-th tokens.
    apart = [
        torch.cat([*groups[:number], tokens[order], *groups[number + 1 :]])
        for number, tokens in enumerate(groups)
        for order in _orders(len(tokens))
    ]
    return _permuted(call, x, apart)


def alone_or_in_a_batch(call: Callable, x: Tensor, num_groups: int) -> Trial:
    """an input gives the same alone as in a batch"""
    batch = torch.stack([x, *_others(x, 1)])
    return Trial(batch, call(batch), torch.stack([call(each) for each in batch]))


def zeros_give_zeros(call: Callable, x: Tensor, num_groups: int) -> Trial:
    """tokens of zeros give rows of zeros"""
    zeros = torch.zeros_like(x)
    return Trial(zeros, call(zeros), zeros)


def zero_query(call: Callable, x: Tensor, num_groups: int) -> Trial:
    """what a token of zeros collects is linear in the other tokens"""
    one, other = pair = torch.stack([x, *_others(x, 1)])
    pair[:, [0, -1]] = 0.0  # both ends: one of them may see only itself
    # Sums, not multiples: a maximum of the tokens, or what ReLU leaves of them, is doubled too.
    inputs = (torch.zeros_like(one), one, other, one + other)
    of_none, of_one, of_other, of_both = (call(each)[[0, -1]] for each in inputs)
    return Trial(one + other, of_both - of_other, of_one - of_none)


def alike_tokens(call: Callable, x: Tensor, num_groups: int) -> Trial:
    """where all tokens are alike, rows are affine in them"""
    one, other = x[:1], _others(x, 1)[0, :1]
    middle, *ends = (each.expand_as(x) for each in ((one + other) / 2, one, other))
    return Trial(middle, call(middle), sum(map(call, ends)) / 2)


def bounded_rows(call: Callable, x: Tensor, num_groups: int) -> Trial:
    """rows do not grow with the tokens"""
    chance = _others(x, 1)[0] > 0
    tokens, channels = chance[:, :1], chance[:1]
    trials = []
    # All, and parts: what is divided by a token that grows too does not grow with all.
    for part in (torch.ones_like(tokens), tokens, ~tokens, channels, ~channels):
        large, larger = (torch.where(part, factor * x, x) for factor in (1e3, 1e6))
        growth = call(larger).norm(dim=-1).max() - 2 * call(large).norm(dim=-1).max()
        trials.append(Trial(larger, growth.clamp(min=0), torch.zeros_like(growth)))
    return _worst(trials)


def short_rows(call: Callable, x: Tensor, num_groups: int) -> Trial:
    """no row is longer than 1, however long the tokens are"""
    # Tokens of any length: rows that grow with them are short only for short ones.
    longest = torch.stack([call(factor * x).norm(dim=-1).max() for factor in (1.0, 1e3)]).max()
    excess = (longest - 1).clamp(min=0)
    return Trial(x, excess, torch.zeros_like(excess))


def odd(call: Callable, x: Tensor, num_groups: int) -> Trial:
    """changing the sign of x changes the sign of the rows"""
    return Trial(-x, call(-x), -call(x))


def even(call: Callable, x: Tensor, num_groups: int) -> Trial:
    """changing the sign of x leaves the rows alone"""
    return Trial(-x, call(-x), call(x))


def equal_steps(call: Callable, x: Tensor, num_groups: int) -> Trial | None:
    """making a token longer in equal steps changes the other rows in equal steps"""
    if len(x) == 1:
        return None
    trials = []
    for size, slack in ((1.0, 1e-4), (1e3, 0.0)):  # small tokens show the eps in a norm
        for token in {0, len(x) // 2, len(x) - 1}:
            others = torch.arange(len(x)) != token
            factors = torch.ones(3, len(x), 1, dtype=x.dtype, device=x.device)
            factors[:, token, 0] = torch.tensor([1.0, 2.0, 3.0])
            longer = size * factors * x
            short, middle, long = call(longer)[:, others] / size
            second, first = long - middle, middle - short
            near = (second - first).abs() <= slack * middle.abs().max()
            trials.append(Trial(longer, second, torch.where(near, second, first)))
    return _worst(trials)


SYMMETRIES = (
    another_group,
    later_token,
    permuting_tokens,
    permuting_groups,
    permuting_inside,
    alone_or_in_a_batch,
    zeros_give_zeros,
    zero_query,
    alike_tokens,
    bounded_rows,
    short_rows,
    odd,
    even,
    equal_steps,
)


def _others(x, count):
    """Other inputs, random and as large as x: a change to one of them is no shift and no scaling.

    Whatever a norm takes out of a token, it does not take out the difference of these.
    """
    generator = torch.Generator().manual_seed(SEED)
    drawn = torch.randn(count, *x.shape, generator=generator, dtype=torch.float64).to(x)
    size = x.square().mean().sqrt()
    return drawn * (size if size > 0 else 1.0)


def _orders(count):
    """A swap and a full turn. All permutations are made of these two, so they stand for all."""
    first, second, *rest = range(count)
    return torch.tensor([[second, first, *rest], [second, *rest, first]])


def _changed(call, x, changes):
    """`changes`: (tokens that become those of the other input, rows to look at, other input)."""
    before, trials = call(x), []
    for tokens, rows, other in changes:
        changed = torch.where(tokens[:, None].to(x.device), other, x)
        trials.append(Trial(changed, call(changed)[rows], before[rows]))
    return _worst(trials)


def _permuted(call, x, orders):
    before = call(x)
    return _worst([Trial(x[order], call(x[order]), before[order]) for order in orders])


def _worst(trials):
    """The trial that is off most; what is not a number is off by more than any."""

    def off(trial):
        most = (trial.got - trial.expected).abs().max()
        return most.nan_to_num(nan=torch.inf, posinf=torch.inf)

    return max(trials, key=off)
