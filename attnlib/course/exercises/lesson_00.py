"""Lesson 00: who may see whom, and which differences are only notation."""

import torch

from attnlib.course.exercises.device import Exercise


def same_segment(length, segment_length):
    """Which tokens may see each other? (length, length), bool: True where they may."""
    segment = torch.arange(length) // segment_length
    return segment[:, None] == segment[None, :]


def _known_mistakes(length, segment_length):
    """Masks that a likely mistake makes, each with its name."""
    index = torch.arange(length)
    i, j = index[:, None], index[None, :]
    right = same_segment(length, segment_length)
    num_segments = -(-length // segment_length)
    band = "A band along the diagonal: that is a sliding window, but segments have fixed edges."
    return (
        ("The length 16 is fixed in your code: use segment_length.", same_segment(length, 16)),
        ("True and False are exchanged: True means *may* see.", ~right),
        ("Every token sees every other: that is the global branch.", torch.ones_like(right)),
        ("Every token sees only itself: is it // (whole numbers) that is needed?", i == j),
        ("A token may also see itself: the diagonal must be True.", right & (i != j)),
        ("Tokens see only what stands before them: that is a causal mask.", right & (j <= i)),
        (
            "Tokens at the same place of different segments see each other: is it // and not %?",
            i % segment_length == j % segment_length,
        ),
        (
            "The segments have the wrong length: was their number taken for their length?",
            i // num_segments == j // num_segments,
        ),
        (band, (i - j).abs() < segment_length),
        (band, (i - j).abs() <= segment_length),
        (band, (i - j).abs() <= segment_length // 2),
    )


def _find_mistake_in_mask(answer):
    for length, segment_length in ((64, 16), (12, 3), (10, 4), (6, 6), (63, 9)):
        got, right = answer(length, segment_length), same_segment(length, segment_length)
        case = f"length={length}, segment_length={segment_length}"
        if got is None:
            return "Not written yet: it returns None."
        if not isinstance(got, torch.Tensor):
            return f"It must return a torch.Tensor, and returned {type(got).__name__}."
        if got.shape != right.shape:
            return f"For {case} the shape must be {tuple(right.shape)}, and is {tuple(got.shape)}."
        if got.dtype != torch.bool:
            return f"A mask is bool; this is {got.dtype}. A comparison (==) gives bool."
        if not got.equal(right):
            for name, mask in _known_mistakes(length, segment_length):
                if got.equal(mask):
                    return f"{name} (Seen for {case}.)"
            i, j = (got != right).nonzero()[0].tolist()
            return f"For {case}, token {i} and token {j} should give {right[i, j].item()}."
    return None


KINDS = {
    "one qkv matrix, or three small ones a head": "notation",
    "the order in which heads are merged": "notation",
    "a bias on the keys": "notation",
    "a bias on the queries": "choice",
    "who may see whom": "choice",
    "parameters shared by the blocks, or their own": "choice",
    "positions added to the scores": "choice",
}

REASONS = {
    "one qkv matrix, or three small ones a head": "stack their rows and they are the same matrix",
    "the order in which heads are merged": "permuting the columns of the output matrix undoes it",
    "a bias on the keys": "it adds one number to a whole row of scores; softmax does not see that",
    "a bias on the queries": "it adds another number to each key's score",
    "who may see whom": "no parameters let a token of one block feel another block",
    "parameters shared by the blocks, or their own": "one set cannot do what four do",
    "positions added to the scores": "without them a permutation of the tokens permutes the output",
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
        "Write same_segment(length: int, segment_length: int) -> torch.Tensor,\n"
        "bool, of shape (length, length).\n"
        "True where token i and token j lie in the same segment. Segments are contiguous; the\n"
        "last one may be shorter. No loop is needed.",
        _find_mistake_in_mask,
        (
            "First a tensor that says for each token the number of its segment.",
            "Token i lies in segment i // segment_length.",
            "Compare a column with a row: segment[:, None] == segment[None, :].",
        ),
        same_segment,
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
