"""Which kernel serves a request, which can run here, and who says so."""

import importlib.util
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import attnlib
from attnlib import attention, available_backends, kernels
from attnlib.attention import LONG, _auto

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
with_triton = pytest.mark.skipif(
    not importlib.util.find_spec("triton"), reason="triton has wheels for Linux only"
)


def table(device, *, function=False, dropout=0.0, dtype=torch.float32, pairs=LONG):
    """What auto takes; the device is only asked for its type, so it need not be there."""
    q = SimpleNamespace(device=torch.device(device), dtype=dtype)
    bias = (lambda i, j: i - j) if function else None
    return _auto(q, (2, 1, pairs), bias, None, dropout)


def test_auto_on_a_cpu():
    for function, pairs in itertools.product((False, True), (1, LONG)):
        assert table("cpu", function=function, pairs=pairs) == "sdpa"
        assert table("cpu", function=function, pairs=pairs, dropout=0.1) == "eager"


def test_auto_on_cuda(monkeypatch):
    module = sys.modules["attnlib.attention"]
    monkeypatch.setattr(module, "why_not", lambda name: None)
    assert table("cuda", function=True) == "flex"
    assert table("cuda", function=True, pairs=LONG - 1) == "sdpa"
    assert table("cuda", function=True, dropout=0.1) == "sdpa"
    assert table("cuda", function=True, dtype=torch.float64) == "sdpa"
    assert table("cuda") == "sdpa"
    monkeypatch.setattr(module, "why_not", lambda name: "no triton")
    assert table("cuda", function=True) == "sdpa"


def test_a_mask_that_is_a_function_counts_as_a_bias_does(monkeypatch):
    monkeypatch.setattr(sys.modules["attnlib.attention"], "why_not", lambda name: None)
    q = SimpleNamespace(device=torch.device("cuda"), dtype=torch.float32)
    assert _auto(q, (1, 1, LONG), None, attnlib.SameGroup(4), 0.0) == "flex"
    assert _auto(q, (1, 1, LONG), torch.zeros(1), torch.ones(1, dtype=torch.bool), 0.0) == "sdpa"


def test_auto_elsewhere():
    assert table("mps", function=True, dropout=0.5) == "sdpa"


@without_gpu
def test_without_a_gpu_triton_is_left_out_and_says_why(monkeypatch):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setattr(kernels, "TRITON_IS_HERE", True)
    assert available_backends() == ("eager", "sdpa", "flex")
    said = r"backend='triton' cannot run: there is no CUDA GPU .*TRITON_INTERPRET=1.*; take one of "
    with pytest.raises(ValueError, match=said + re.escape("('auto', 'eager', 'sdpa', 'flex')")):
        attention(*torch.randn(3, 1, 4, 8), backend="triton")


def test_without_a_wheel_triton_is_left_out_and_says_why(monkeypatch):
    monkeypatch.setattr(kernels, "TRITON_IS_HERE", False)
    assert available_backends() == ("eager", "sdpa", "flex")
    with pytest.raises(ValueError, match="triton is not here .pip install triton, on Linux"):
        attention(*torch.randn(3, 1, 4, 8), backend="triton")


def test_a_name_that_no_backend_has_is_no_backend():
    with pytest.raises(ValueError, match=r"backend must be one of \('auto', 'eager'.*got 'flash'"):
        attention(*torch.randn(3, 1, 4, 8), backend="flash")


@with_triton
def test_where_it_is_not_interpreted_it_takes_no_tensors_of_a_cpu():
    from attnlib.kernels import triton

    q, k, v = torch.randn(3, 1, 4, 8)
    if not triton.INTERPRETED:
        with pytest.raises(ValueError, match='"triton" runs on CUDA, got cpu: take "sdpa", or set'):
            triton.attend(q, k, v, scale=1.0, bias=None, mask=None, dropout=0.0)


def test_maps_on_a_cpu_do_not_ask_triton():
    assert kernels.triton_for(torch.zeros(1), None, None, None) is None


@with_triton
def test_the_kernels_compile_for_gpus_that_are_not_here():
    """For A100 and H100: their compiler needs none. In a process of its own, uninterpreted."""
    code = Path(__file__).with_name("kernels") / "compile.py"
    environment = os.environ | {"TRITON_INTERPRET": "0", "PYTHONPATH": str(code.parents[2])}
    run = subprocess.run(
        [sys.executable, code], env=environment, capture_output=True, text=True, check=True
    )
    variants = [line.split() for line in run.stdout.splitlines()]
    assert len(variants) == 40
    for *variant, shared, spilled in variants:
        assert int(shared) <= 99 * 1024, variant  # what a program may have on most GPUs
        assert int(spilled) <= 512, variant  # a few registers; too large a tile spills thousands


@with_triton
def test_a_cell_is_worked_on_in_tiles_no_larger_than_it_asks_for():
    from attnlib.kernels import pooling

    def sides(dtype, *cell):
        q = torch.empty(1, 64, dtype=dtype)
        sizes = pooling.tile_sizes(q, q, *cell)
        return sizes["TILE_Q"], sizes["TILE_K"]

    largest = sides(torch.bfloat16, 4096, 4096)
    assert sides(torch.bfloat16, 128, 32) == largest == (128, 32)
    assert sides(torch.bfloat16, 4, 1.5) == (16, 16)
    assert sides(torch.bfloat16, 33, 16) == (64, 16)
    assert sides(torch.bfloat16, 16.5, 4096) == (32, 32)
    assert sides(torch.float32, 4, 4) == (32, 32)
