"""An embedding whose tokens look only inside their block."""

import pytest
import torch

from attnlib.course.lessons.transformer.inside import blocks, embeddings


def test_blocks_lie_side_by_side():
    index = torch.arange(5)
    seen = blocks(2)(index[:, None], index[None])
    assert seen.int().tolist() == [
        [1, 1, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [0, 0, 1, 1, 0],
        [0, 0, 1, 1, 0],
        [0, 0, 0, 0, 1],
    ]


def test_smaller_blocks_leave_less_of_the_embedding(minilm):
    whole = embeddings(minilm)
    kept = [
        (embeddings(minilm, mask=blocks(size)) * whole).sum(-1).mean().item()
        for size in (1, 2, 4, 8, 16, 64)
    ]
    assert kept == sorted(kept)
    assert kept[-1] == pytest.approx(1, abs=1e-5)  # longer than any sentence
    assert kept[2] == pytest.approx(0.32, abs=0.02)
    others = whole @ whole.T - torch.eye(len(whole))
    assert others.max() < 0.2  # sentences that have nothing to do with each other
