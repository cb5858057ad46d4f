"""The checks take their solutions, refuse their stubs, and name the known wrong answers."""

import pytest
import torch
from einops import rearrange

from attnlib.course.lessons import exercise
from attnlib.course.lessons.heads import exercises
from attnlib.layout import merge_heads, split_heads


def unscrambled(y, heads):
    return rearrange(y, "n (d h) -> n (h d)", h=heads)


def split(x, heads):
    return rearrange(x, "n (h d) -> h n d", h=heads)


def matrices(weight, heads):
    return list(zip(*weight.view(3, heads, -1, weight.shape[1]), strict=True))


WRONG_ORDERS = {
    "Not written yet": lambda y, heads: None,
    "A view alone moves nothing": lambda y, heads: y.view(len(y), -1, heads).reshape(y.shape),
    "The other way round, or H and D exchanged": (
        lambda y, heads: y.view(len(y), heads, -1).transpose(1, 2).reshape(y.shape)
    ),
    "exchanged: that turns 'h d' into 'd h'": (
        lambda y, heads: rearrange(y, "n (d h) -> n (h d)", d=heads)
    ),
    "Merge them again": lambda y, heads: y.view(len(y), -1, heads).mT,
    "told apart, but not exchanged": lambda y, heads: y.view(len(y), -1, heads),
    "This is split, (H, N, D)": lambda y, heads: y.view(len(y), -1, heads).permute(2, 0, 1),
    "The tokens changed places": lambda y, heads: rearrange(y, "(d h) c -> (h d) c", h=heads),
    "Numbers of several tokens are mixed": (
        lambda y, heads: y.view(heads, len(y), -1).transpose(0, 1).flatten(1)
    ),
    "The heads were still in front": (
        lambda y, heads: y.view(len(y), -1, heads).permute(2, 0, 1).reshape(len(y), -1)
    ),
    "The channels were reversed": lambda y, heads: y.flip(-1),
    "but in reversed order": (
        lambda y, heads: torch.cat([y[:, h::heads] for h in reversed(range(heads))], 1)
    ),
    "the shape must be (6, 6), and is (6, 3)": lambda y, heads: y[:, ::heads],
    "It must return a torch.Tensor, and returned list": (
        lambda y, heads: unscrambled(y, heads).tolist()
    ),
    "the value at [0, 0] should be -1.126, and is -2.252": (
        lambda y, heads: 2 * unscrambled(y, heads)
    ),
    "heads=2 it stopped with EinopsError": lambda y, heads: unscrambled(y, 4),
    "2 heads are fixed in your code": lambda y, heads: unscrambled(y, 2),
    "It must be a function, and is a torch.Tensor": torch.ones(2),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_ORDERS.items(), ids=WRONG_ORDERS)
def test_a_wrong_order_is_named(words, answer):
    verdict = exercise("heads.unscramble").check(answer)
    assert not verdict.right
    assert words in verdict


RIGHT_ORDERS = {
    "view and transpose": (
        lambda y, heads: y.view(len(y), -1, heads).transpose(1, 2).reshape(y.shape)
    ),
    "each head's columns": (
        lambda y, heads: torch.cat([y[:, head::heads] for head in range(heads)], dim=1)
    ),
    "an index": (lambda y, heads: y[:, torch.arange(y.shape[1]).view(-1, heads).mT.flatten()]),
    "undo the merge, do the other": (
        lambda y, heads: merge_heads(rearrange(y, "n (d h) -> h n d", h=heads))
    ),
}


@pytest.mark.parametrize("answer", RIGHT_ORDERS.values(), ids=RIGHT_ORDERS)
def test_other_ways_to_unscramble_pass(answer):
    assert exercise("heads.unscramble").check(answer).right


def test_the_task_undoes_the_wrong_merge_of_the_library():
    x = torch.randn(5, 12, generator=torch.Generator().manual_seed(0))
    scrambled = merge_heads(split_heads(x, 3), "d h")
    assert not scrambled.equal(x)
    assert exercise("heads.unscramble").answer(scrambled, 3).equal(x)


def square_only(y, heads):
    """Right where H = D, where both directions are one."""
    return rearrange(y, "n (a b) -> n (b a)", a=heads)


def test_what_is_right_for_square_heads_only_does_not_pass():
    assert "The other way round" in exercise("heads.unscramble").check(square_only)


WRONG_SPLITS = {
    "Not written yet": lambda x, heads: None,
    "a view to (H, N, D) reads the rows on": lambda x, heads: x.view(heads, len(x), -1),
    "That is (N, H, D)": lambda x, heads: x.view(len(x), heads, -1),
    "every H-th channel": lambda x, heads: x.view(len(x), -1, heads).permute(2, 0, 1),
    "2 heads are fixed in your code": lambda x, heads: split(x, 2),
    "must be `heads` heads": lambda x, heads: x.view(len(x), -1, heads).transpose(0, 1),
    "every head is transposed": lambda x, heads: split(x, heads).mT,
    "The tokens were cut": lambda x, heads: torch.stack(x.chunk(heads)),
    "a sequence of H tensors": lambda x, heads: list(x.chunk(heads, -1)),
    "that is x itself": lambda x, heads: merge_heads(split(x, heads)),
    "the shape must be (2, 6, 3), and is (3, 12)": lambda x, heads: x.view(3, 12),
    "the value at [0, 0, 0] should be -1.126, and is -2.252": (
        lambda x, heads: 2 * split(x, heads)
    ),
    "heads=2 it stopped with RuntimeError": lambda x, heads: x.view(len(x), 5, -1),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_SPLITS.items(), ids=WRONG_SPLITS)
def test_a_wrong_split_is_named(words, answer):
    verdict = exercise("heads.split").check(answer)
    assert not verdict.right
    assert words in verdict


RIGHT_SPLITS = {
    "view and transpose": lambda x, heads: x.view(len(x), heads, -1).transpose(0, 1),
    "chunks": lambda x, heads: torch.stack(x.chunk(heads, dim=-1)),
    "unflatten": lambda x, heads: x.unflatten(-1, (heads, -1)).movedim(1, 0),
    "the library's": split_heads,
    "the transpose first": lambda x, heads: x.mT.reshape(heads, -1, len(x)).mT,
}


@pytest.mark.parametrize("answer", RIGHT_SPLITS.values(), ids=RIGHT_SPLITS)
def test_other_ways_to_split_pass(answer):
    assert exercise("heads.split").check(answer).right


def reordered(pattern):
    return lambda weight, heads: [
        tuple(triple)
        for triple in rearrange(weight, f"{pattern} c -> h three d c", three=3, h=heads)
    ]


WRONG_MATRICES = {
    "Not written yet": lambda weight, heads: None,
    "You read the rows head by head": (
        lambda weight, heads: [tuple(rows.chunk(3)) for rows in weight.chunk(heads)]
    ),
    "you take every H-th row": reordered("(three d h)"),
    "You take every third row": reordered("(h d three)"),
    "2 heads are fixed in your code": lambda weight, heads: matrices(weight, 2),
    "Keys and queries are exchanged": (
        lambda weight, heads: [(k, q, v) for q, k, v in matrices(weight, heads)]
    ),
    "Keys and values are exchanged": (
        lambda weight, heads: [(q, v, k) for q, k, v in matrices(weight, heads)]
    ),
    "begins with the values": (
        lambda weight, heads: [triple[::-1] for triple in matrices(weight, heads)]
    ),
    "Every matrix is transposed": (
        lambda weight, heads: [(q.T, k.T, v.T) for q, k, v in matrices(weight, heads)]
    ),
    "three lists of H matrices": (
        lambda weight, heads: [tuple(rows.chunk(heads)) for rows in weight.chunk(3)]
    ),
    "Each of the H entries is one tensor": (
        lambda weight, heads: [*weight.view(3, heads, -1, weight.shape[1]).transpose(0, 1)]
    ),
    "one tensor (3, H, D, C)": (lambda weight, heads: weight.view(3, heads, -1, weight.shape[1])),
    "one tensor (H, 3, D, C)": (
        lambda weight, heads: weight.view(3, heads, -1, weight.shape[1]).transpose(0, 1)
    ),
    "there must be 2 results, and there are 3": lambda weight, heads: list(weight.chunk(3)),
    "in result 2, the value at [0, 0] should be -1.531": (
        lambda weight, heads: [(q, k, 2 * v) for q, k, v in matrices(weight, heads)]
    ),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_MATRICES.items(), ids=WRONG_MATRICES)
def test_wrong_matrices_are_named(words, answer):
    verdict = exercise("heads.head_matrices").check(answer)
    assert not verdict.right
    assert words in verdict


RIGHT_MATRICES = {
    "view": matrices,
    "chunks": lambda weight, heads: list(
        zip(*(rows.chunk(heads) for rows in weight.chunk(3)), strict=True)
    ),
    "lists for triples": lambda weight, heads: [list(triple) for triple in matrices(weight, heads)],
    "in order": reordered("(three h d)"),
}


@pytest.mark.parametrize("answer", RIGHT_MATRICES.values(), ids=RIGHT_MATRICES)
def test_other_ways_to_cut_the_matrix_pass(answer):
    assert exercise("heads.head_matrices").check(answer).right


NAMES = {
    "heads.unscramble": "unscramble",
    "heads.split": "split",
    "heads.head_matrices": "head_matrices",
}


@pytest.mark.parametrize("key", NAMES)
def test_every_mistake_that_is_known_is_one(key):
    """No sentence stands for a right answer, and each is reached by its own mistake."""

    known = {
        "heads.unscramble": "SCRAMBLES",
        "heads.split": "SPLITS",
        "heads.head_matrices": "MATRICES",
    }[key]
    for sentence, wrong in getattr(exercises, known):
        assert sentence in exercise(key).check(wrong)
