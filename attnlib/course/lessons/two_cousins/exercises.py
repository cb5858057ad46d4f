"""Who may see whom, and which differences are only notation."""

import torch

from attnlib.course.widgets.checking import find_mistake
from attnlib.course.widgets.exercise import Exercise


def same_segment(length, segment_length):
    """Which tokens may see each other? (length, length), bool: True where they may."""
    segment = torch.arange(length) // segment_length
    return segment[:, None] == segment[None, :]


def _mask(may):
    """A function of length and segment_length from one of indices and segment_length."""

    def mask(length, segment_length):
        index = torch.arange(length)
        return may(index[:, None], index[None, :], segment_length)

    return mask


def _by_number(length, num_segments):
    return same_segment(length, -(-length // num_segments))


WINDOW = "that is a sliding window, but segments have fixed edges."
MISTAKES = {
    "The length 16 is fixed in your code: use segment_length.": _mask(
        lambda i, j, n: i // 16 == j // 16
    ),
    "True and False are exchanged: True means *may* see.": _mask(lambda i, j, n: i // n != j // n),
    "Every token sees every other: that is the global branch.": _mask(lambda i, j, n: i + j >= 0),
    "Every token sees only itself: is it // (whole numbers) that is needed?": _mask(
        lambda i, j, n: i == j
    ),
    "A token may also see itself: the diagonal must be True.": _mask(
        lambda i, j, n: (i // n == j // n) & (i != j)
    ),
    "Tokens see only what stands before them: that is a causal mask.": _mask(
        lambda i, j, n: (i // n == j // n) & (j <= i)
    ),
    "Tokens at the same place of different segments see each other: is it // and not %?": _mask(
        lambda i, j, n: i % n == j % n
    ),
    "The segments have the wrong length: was their number taken for their length?": _by_number,
    f"You take |i − j| < segment_length: {WINDOW}": _mask(lambda i, j, n: (i - j).abs() < n),
    f"You take |i − j| ≤ segment_length: {WINDOW}": _mask(lambda i, j, n: (i - j).abs() <= n),
    f"You take |i − j| ≤ segment_length // 2: {WINDOW}": _mask(
        lambda i, j, n: (i - j).abs() <= n // 2
    ),
}
LENGTHS = ((64, 16), (12, 3), (10, 4), (6, 6), (63, 9))


def _find_mistake_in_mask(answer):
    return find_mistake(answer, same_segment, LENGTHS, MISTAKES)


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
        "two_cousins.same_segment",
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
        "two_cousins.kinds",
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
