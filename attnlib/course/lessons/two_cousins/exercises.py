"""Who may see whom, and which differences are only notation."""

import torch

from attnlib.course.language import N_, say
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


MISTAKES = (
    (
        N_("The length 16 is fixed in your code: use segment_length."),
        _mask(lambda i, j, n: i // 16 == j // 16),
    ),
    (
        N_("True and False are exchanged: True means *may* see."),
        _mask(lambda i, j, n: i // n != j // n),
    ),
    (
        N_("Every token sees every other: that is the global branch."),
        _mask(lambda i, j, n: i + j >= 0),
    ),
    (
        N_("Every token sees only itself: is it // (whole numbers) that is needed?"),
        _mask(lambda i, j, n: i == j),
    ),
    (
        N_("A token may also see itself: the diagonal must be True."),
        _mask(lambda i, j, n: (i // n == j // n) & (i != j)),
    ),
    (
        N_("Tokens see only what stands before them: that is a causal mask."),
        _mask(lambda i, j, n: (i // n == j // n) & (j <= i)),
    ),
    (
        N_("Tokens at the same place of different segments see each other: is it // and not %?"),
        _mask(lambda i, j, n: i % n == j % n),
    ),
    (
        N_("The segments have the wrong length: was their number taken for their length?"),
        _by_number,
    ),
    (
        N_(
            "You take |i − j| < segment_length: that is a sliding window, "
            "but segments have fixed edges."
        ),
        _mask(lambda i, j, n: (i - j).abs() < n),
    ),
    (
        N_(
            "You take |i − j| ≤ segment_length: that is a sliding window, "
            "but segments have fixed edges."
        ),
        _mask(lambda i, j, n: (i - j).abs() <= n),
    ),
    (
        N_(
            "You take |i − j| ≤ segment_length // 2: "
            "that is a sliding window, but segments have fixed edges."
        ),
        _mask(lambda i, j, n: (i - j).abs() <= n // 2),
    ),
)
LENGTHS = ((64, 16), (12, 3), (10, 4), (6, 6), (63, 9))


def _find_mistake_in_mask(answer):
    return find_mistake(answer, same_segment, LENGTHS, MISTAKES)


KINDS = {
    "heads_in_one_matrix": "notation",
    "order_of_heads": "notation",
    "bias_on_keys": "notation",
    "bias_on_queries": "choice",
    "who_sees_whom": "choice",
    "shared_parameters": "choice",
    "positions": "choice",
}

REASONS = {
    "heads_in_one_matrix": N_(
        "{key!r} is a notation: stack their rows and they are the same matrix."
    ),
    "order_of_heads": N_(
        "{key!r} is a notation: permuting the columns of the output matrix undoes it."
    ),
    "bias_on_keys": N_(
        "{key!r} is a notation: it adds one number to a whole row of scores; "
        "softmax does not see that."
    ),
    "bias_on_queries": N_("{key!r} is a choice: it adds another number to each key's score."),
    "who_sees_whom": N_(
        "{key!r} is a choice: no parameters let a token of one block feel another block."
    ),
    "shared_parameters": N_("{key!r} is a choice: one set cannot do what four do."),
    "positions": N_(
        "{key!r} is a choice: without them a permutation of the tokens permutes the output."
    ),
}


def _find_mistake_in_kinds(answer):
    if not isinstance(answer, dict):
        return say("It must be a dict, and is {kind}.", kind=type(answer).__name__)
    if set(answer) != set(KINDS):
        key = sorted(set(answer) ^ set(KINDS))[0]
        return say("The keys must stay as they are; check {key!r}.", key=key)
    if all(value is None for value in answer.values()):
        return say("Not written yet: every value is None.")
    for key, kind in KINDS.items():
        if answer[key] not in ("notation", "choice"):
            told = {"key": key, "got": answer[key]}
            return say("{key!r} must be 'notation' or 'choice', and is {got!r}.", **told)
        if answer[key] != kind:
            return say(REASONS[key], key=key)
    return None


EXERCISES = (
    Exercise(
        "two_cousins.same_segment",
        N_(
            "Write same_segment(length: int, segment_length: int) -> torch.Tensor,\n"
            "bool, of shape (length, length).\n"
            "True where token i and token j lie in the same segment. Segments are contiguous; the\n"
            "last one may be shorter. No loop is needed."
        ),
        _find_mistake_in_mask,
        (
            N_("First a tensor that says for each token the number of its segment."),
            N_("Token i lies in segment i // segment_length."),
            N_("Compare a column with a row: segment[:, None] == segment[None, :]."),
        ),
        same_segment,
    ),
    Exercise(
        "two_cousins.kinds",
        N_(
            "For each difference (a comment tells it) say 'notation' (some re-arrangement of the\n"
            "parameters undoes it) or 'choice' (nothing undoes it: the two compute different\n"
            "functions)."
        ),
        _find_mistake_in_kinds,
        (
            N_(
                "Ask: could I copy the parameters over, in another order, and get the same numbers?"
            ),
            N_("Three of the seven are notation."),
        ),
        "{\n" + "".join(f"    {key!r}: {kind!r},\n" for key, kind in KINDS.items()) + "}",
    ),
)
