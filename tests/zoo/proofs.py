"""What the proofs of a list of pairs share: animals drawn and run, and how far apart two are."""

import functools

import pytest
import torch
from torch import nn

from tests.zoo.packages import PACKAGES
from tests.zoo.registry import ZOO
from tests.zoo.witnesses import tokens

EVERY = ZOO | PACKAGES
LENGTHS = {  # others: any
    **dict.fromkeys(["swin", "swin_1", "timm_swin"], (16, 16)),
    "chunks": (8, 24),
}


def born(name, seed=0):
    """An animal in float64 and eval, its parameters drawn."""
    torch.manual_seed(seed)
    module = EVERY[name].make().double().eval()
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    return module


def draws(pair, count):
    """(name, function of x) of both at each of so many draws."""
    for seed in range(count):
        for name in (pair.f, pair.g):
            yield name, runner(name, born(name, seed))


def runner(name, module):
    return torch.no_grad()(functools.partial(EVERY[name].call, module))


def distance(f_name, f, g_name, g):
    """The largest difference at two lengths, beside the largest output."""
    lengths = next((LENGTHS[name] for name in (f_name, g_name) if name in LENGTHS), (5, 70))
    worst = 0.0
    for length in lengths:
        x = tokens(3, length)
        wanted = runner(f_name, f)(x)
        off = (runner(g_name, g)(x) - wanted).abs().max() / wanted.abs().max()
        worst = max(worst, off.item())
    return worst


def both_ways(pairs):
    return [
        pytest.param(*names, id="-".join(names))
        for pair in pairs
        for names in ((pair.f, pair.g), (pair.g, pair.f))
    ]
