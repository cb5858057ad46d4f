"""Compiled without a break in the graph, both modules give what they give otherwise.

The "aot_eager" compiler traces forward and backward as the others do, and needs no C++ compiler.
"""

import shutil

import pytest
import torch

from attnlib import BlockAttention, GlobalLocalAttention, attention

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script_method`:DeprecationWarning")

MODULES = {
    "blocks": (lambda: BlockAttention(12, 3), (2, 3), 12),
    "global and local": (
        lambda: GlobalLocalAttention(
            8, 16, pos_enc="absolute", num_segments=4, heads=2, fusion="add"
        ),
        (),
        8,
    ),
}


@pytest.fixture(params=MODULES)
def built(request, device):
    """A module in eval mode, and a maker of inputs of any length."""
    torch.compiler.reset()
    make, lead, width = MODULES[request.param]
    return make().to(device).eval(), lambda n: torch.randn(*lead, n, width, device=device)


def all_maps(map):
    return (map.whole, *map.segments) if hasattr(map, "whole") else (map,)


def agree(module, compiled, x):
    """Output, maps and gradients, twice: the second call finds its positions made."""
    for _ in range(2):
        results = []
        for f in (module, compiled):
            module.zero_grad()
            y, map = f(x)
            weights = [part.weights() for part in all_maps(map)]
            (y.square().sum() + sum(w.square().sum() for w in weights)).backward()
            results.append([y, *weights, *(p.grad for p in module.parameters())])
        for got, expected in zip(*results, strict=True):
            torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


def test_compiled_whole_it_gives_the_same_for_each_length(built):
    module, frames = built
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    for length in (9, 10, 4):  # segments of 3, 3, 3, 0; of 3, 3, 3, 1; of one frame each
        agree(module, compiled, frames(length))


def test_nothing_is_asked_that_pytorch_2_11_cannot_trace(built, monkeypatch):
    monkeypatch.setattr(torch.amp, "is_autocast_available", None)  # to trace it is an error
    monkeypatch.setattr(torch.compiler, "is_exporting", None)  # True in all that is compiled
    module, frames = built
    module(frames(9))


@pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="no C++ compiler")
def test_inductor_gives_the_same(built):
    module, frames = built
    x = frames(10)
    with torch.no_grad():
        y, map = torch.compile(module, fullgraph=True)(x)
        expected, expected_map = module(x)
    torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-5)
    for got, wanted in zip(all_maps(map), all_maps(expected_map), strict=True):
        torch.testing.assert_close(got.weights(), wanted.weights(), rtol=1e-4, atol=1e-5)


def test_a_scale_may_be_an_argument_of_what_is_compiled(device):
    def scaled(q, k, v, scale):
        return attention(q, k, v, scale=scale)[0]

    torch.compiler.reset()
    compiled = torch.compile(scaled, fullgraph=True, backend="aot_eager")
    q, k, v = torch.randn(3, 2, 9, 8, device=device)
    for scale in (0.3, 0.7, -0.5, -0.8, 0.0):  # from the second on a symbol
        torch.testing.assert_close(compiled(q, k, v, scale), scaled(q, k, v, scale))


@pytest.mark.parametrize(
    ("spoil", "error"),
    [(lambda x: x[..., :-1], ValueError), (lambda x: x.long(), TypeError)],
    ids=["width", "dtype"],
)
def test_without_fullgraph_errors_keep_their_type(built, spoil, error):
    module, frames = built
    compiled = torch.compile(module, backend="aot_eager")
    with pytest.raises(error, match="x must be"):
        compiled(spoil(frames(9)))
