"""Lesson 00: who may see whom, and which differences are only notation."""

import torch

from attnlib.course.exercises.device import Exercise


def same_group(length, group_size):
    """Which tokens may see each other? (length, length), bool: True where they may."""
    group = torch.arange(length) // group_size
    return group[:, None] == group[None, :]


def _known_mistakes(length, group_size):
    """Masks that a likely mistake makes, each with its name."""
    index = torch.arange(length)
    i, j = index[:, None], index[None, :]
    right = same_group(length, group_size)
    num_groups = -(-length // group_size)
    return {
        "True and False are exchanged: True means *may* see.": ~right,
        "Every token sees every other: that is the global branch.": torch.ones_like(right),
        "A token may also see itself: the diagonal must be True.": right & (i != j),
        "Tokens see only what stands before them: that is a causal mask.": right & (j <= i),
        "Tokens at the same place of different groups see each other: % where // is needed?": (
            i % group_size == j % group_size
        ),
        "The groups have the wrong size: was their number taken for their size?": (
            i // num_groups == j // num_groups
        ),
        "A band along the diagonal: that is a sliding window, but groups have fixed bounds.": (
            (i - j).abs() < group_size
        ),
    }


def _find_mistake_in_mask(answer):
    for length, group_size in ((64, 16), (12, 3), (10, 4), (6, 6), (63, 9)):
        got, right = answer(length, group_size), same_group(length, group_size)
        case = f"length={length}, group_size={group_size}"
        if got is None:
            return "Not written yet: it returns None."
        if not isinstance(got, torch.Tensor):
            return f"It must return a torch.Tensor, and returned {type(got).__name__}."
        if got.shape != right.shape:
            return f"For {case} the shape must be {tuple(right.shape)}, and is {tuple(got.shape)}."
        if got.dtype != torch.bool:
            return f"A mask is bool; this is {got.dtype}. A comparison (==) gives bool."
        if not got.equal(right):
            for name, mask in _known_mistakes(length, group_size).items():
                if got.equal(mask):
                    return f"{name} (Seen for {case}.)"
            i, j = (got != right).nonzero()[0].tolist()
            return f"For {case}, token {i} and token {j} should give {right[i, j].item()}."
    return None


KINDS = {
    "one qkv matrix, or three small ones a head": "notation",
    "the order in which heads are merged": "notation",
    "a loop over heads, or one reshape": "notation",
    "who may see whom": "choice",
    "parameters shared by the groups, or their own": "choice",
    "positions added to the scores": "choice",
    "normalising and fusing two branches": "choice",
}

REASONS = {
    "one qkv matrix, or three small ones a head": "stack their rows and they are the same matrix",
    "the order in which heads are merged": "permuting the columns of the output matrix undoes it",
    "a loop over heads, or one reshape": "both compute the same numbers",
    "who may see whom": "no parameters let a token of one block feel another block",
    "parameters shared by the groups, or their own": "one set cannot do what four do",
    "positions added to the scores": "without them a permutation of the tokens permutes the output",
    "normalising and fusing two branches": "the first style has no second branch",
}


def _find_mistake_in_kinds(answer):
    if not isinstance(answer, dict):
        return f"It must be a dict, and is {type(answer).__name__}."
    if set(answer) != set(KINDS):
        return f"The keys must stay as they are; check {sorted(set(answer) ^ set(KINDS))[0]!r}."
    if all(value is None for value in answer.values()):
        return "Not written yet: every value is None."
    for key, kind in KINDS.items():
        if answer[key] not in ("notation", "choice"):
            return f"{key!r} must be 'notation' or 'choice', and is {answer[key]!r}."
        if answer[key] != kind:
            return f"{key!r} is a {kind}: {REASONS[key]}."
    return None


EXERCISES = (
    Exercise(
        "00.1",
        "Write same_group(length: int, group_size: int) -> torch.Tensor, bool, (length, length):\n"
        "True where token i and token j lie in the same group. Groups are contiguous; the last\n"
        "one may be shorter. No loop is needed.",
        _find_mistake_in_mask,
        (
            "First a tensor that says for each token the number of its group.",
            "Token i lies in group i // group_size.",
            "Compare a column with a row: group[:, None] == group[None, :].",
        ),
        same_group,
    ),
    Exercise(
        "00.2",
        "For each difference say 'notation' (some re-arrangement of the parameters undoes it)\n"
        "or 'choice' (nothing undoes it: the two compute different functions).",
        _find_mistake_in_kinds,
        (
            "Ask: could I copy the parameters over, in another order, and get the same numbers?",
            "Three of the seven are notation.",
        ),
        "{\n" + "".join(f"    {key!r}: {kind!r},\n" for key, kind in KINDS.items()) + "}",
    ),
)
