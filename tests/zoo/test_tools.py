"""The other tools go on every module of the zoo: X-ray, influence, and the viewer."""

import pytest
import torch

from attnlib.course.compare import influence
from attnlib.course.compare.seeing.maps import maps
from attnlib.course.shapes.xray import xray
from tests.zoo import registry
from tests.zoo.packages import INSTALLED, PACKAGES, WHY
from tests.zoo.proofs import EVERY, LENGTHS, born
from tests.zoo.registry import ZOO, C

LENGTH = {"swin_einsum": 16, "table_1": 16, "chunks_mask": 8, "local_blocks": 8}
LENGTH |= {name: shortest for name, (shortest, _) in LENGTHS.items()}
SINGLE = (registry.without_batch, registry.without_batch_first)
# Their weights sum to 1 nowhere, or not before they meet values; or rows look at slices.
NO_MAP = {"exp_sum", "one_plus", "sigmoid", "rows_4", "own_blocks"}
SCORES = ("scores q @ kᵀ", "scaled_dot_product_attention")
# Complex numbers, slices of tokens, tokens that pad: the letters get lost on the way.
NO_SCORES = {"llama_meta", "llama_meta_grouped", "rows_4", "xt_zero_key"}
NO_SCORES |= {"local_63", "local_64", "local_blocks"}
NAMES = [
    *ZOO,
    *(
        pytest.param(name, marks=[pytest.mark.zoo, pytest.mark.skipif(not INSTALLED, reason=WHY)])
        for name in PACKAGES
    ),
]


def tokens(name):
    """x as the module itself wants it, its length 7 where any will do."""
    x = torch.randn(3, LENGTH.get(name, 7), C)
    call = EVERY[name].call
    if call in SINGLE:
        return x[0]
    if call is registry.as_blocks:
        return x[None]
    return x.transpose(0, 1) if call is registry.sequence_first else x


@pytest.mark.parametrize("name", NAMES)
def test_its_steps_are_told(name):
    first = EVERY[name].call is registry.sequence_first
    table = xray(born(name).float(), tokens(name), axes="L B C" if first else None)
    told = any(step.step.startswith(SCORES) for step in table.steps)
    assert told == (name not in NO_SCORES)


@pytest.mark.parametrize("name", NAMES)
def test_its_influences_are_measured(name):
    x = tokens(name)
    felt = influence(born(name).float(), x[:1] if x.dim() == 3 else x)
    assert felt.isfinite().all() or name in ("strict_mask", "inverted_mask")
    assert (felt.nan_to_num() > 0).any()


@pytest.mark.parametrize("name", NAMES)
def test_its_maps_are_caught(name):
    if name in NO_MAP:
        pytest.skip("no map is read: see NO_MAP")
    length = LENGTH.get(name, 7)
    found = maps(born(name), torch.randn(length, C))
    assert found.shape[1:] == (length, length)
    assert (found >= 0).all()
    assert found.any()
