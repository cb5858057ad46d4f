"""Who may see whom, and which differences are only notation."""

import torch

from attnlib.course.exercises.checking import ALL_NONE, find_mistake
from attnlib.course.exercises.exercise import Exercise
from attnlib.course.language import N_, say


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


def _cut_to(length_of):
    """A table of another length: length_of(length, segment_length)."""
    return lambda length, n: same_segment(length_of(length, n), n)


SHIFTED = N_("The edges are shifted: tokens 0 to segment_length − 1 make segment 0. Take //.")
MISTAKES = (
    (
        N_("The length 16 is fixed in your code: use segment_length."),
        _mask(lambda i, j, n: i // 16 == j // 16),
        2,
    ),
    (
        N_("Four segments are fixed in your code: use segment_length."),
        lambda length, n: same_segment(length, max(length // 4, 1)),
        2,
    ),
    (
        N_("Four segments are fixed in your code: use segment_length."),
        lambda length, n: _by_number(length, 4),
        2,
    ),
    (
        N_("True and False are exchanged: True means *may* see."),
        _mask(lambda i, j, n: i // n != j // n),
        3,
    ),
    (
        N_("Every token sees every other: that is the global branch."),
        _mask(lambda i, j, n: i + j >= 0),
        1,
    ),
    (
        N_("Every token sees only itself: is it // (whole numbers) that is needed?"),
        _mask(lambda i, j, n: i == j),
        2,
    ),
    (
        N_("A token may also see itself: the diagonal must be True."),
        _mask(lambda i, j, n: (i // n == j // n) & (i != j)),
        3,
    ),
    (
        N_("Tokens see only what stands before them: that is a causal mask."),
        _mask(lambda i, j, n: (i // n == j // n) & (j <= i)),
        3,
    ),
    (
        N_("Tokens see only what stands before them, not even themselves: that is a causal mask."),
        _mask(lambda i, j, n: (i // n == j // n) & (j < i)),
        3,
    ),
    (
        N_("Tokens see only what stands behind them. In a segment all see all."),
        _mask(lambda i, j, n: (i // n == j // n) & (j >= i)),
        3,
    ),
    (
        N_("Tokens also see the segments behind their own: compare with ==, not with <=."),
        _mask(lambda i, j, n: i // n <= j // n),
        3,
    ),
    (
        N_("Tokens also see the segments before their own: compare with ==, not with >=."),
        _mask(lambda i, j, n: i // n >= j // n),
        3,
    ),
    (
        N_("Tokens also see the segments next to their own."),
        _mask(lambda i, j, n: (i // n - j // n).abs() <= 1),
        3,
    ),
    (SHIFTED, _mask(lambda i, j, n: (i + 1) // n == (j + 1) // n), 2),
    (SHIFTED, _mask(lambda i, j, n: (i / n).ceil() == (j / n).ceil()), 2),
    (SHIFTED, _mask(lambda i, j, n: (i / n).round() == (j / n).round()), 2),
    (
        N_("The tokens behind the last whole segment are missing: the last one may be shorter."),
        _cut_to(lambda length, n: length // n * n),
        2,
    ),
    (
        N_("The table is larger than `length`: the last segment may be shorter."),
        _cut_to(lambda length, n: -(-length // n) * n),
        2,
    ),
    (
        N_("Tokens at the same place of different segments see each other: is it // and not %?"),
        _mask(lambda i, j, n: i % n == j % n),
        2,
    ),
    (
        N_("The segments have the wrong length: was their number taken for their length?"),
        _by_number,
        2,
    ),
    (
        N_(
            "You take |i − j| < segment_length: that is a sliding window, "
            "but segments have fixed edges."
        ),
        _mask(lambda i, j, n: (i - j).abs() < n),
        1,
    ),
    (
        N_(
            "You take |i − j| ≤ segment_length: that is a sliding window, "
            "but segments have fixed edges."
        ),
        _mask(lambda i, j, n: (i - j).abs() <= n),
        1,
    ),
    (
        N_(
            "You take |i − j| ≤ segment_length // 2: "
            "that is a sliding window, but segments have fixed edges."
        ),
        _mask(lambda i, j, n: (i - j).abs() <= n // 2),
        1,
    ),
    (
        N_(
            "You take |i − j| < segment_length // 2: "
            "that is a sliding window, but segments have fixed edges."
        ),
        _mask(lambda i, j, n: (i - j).abs() < n // 2),
        1,
    ),
    (
        N_("That is the segment of each token. Now compare every token with every other."),
        lambda length, n: torch.arange(length) // n,
        3,
    ),
)
LENGTHS = ((64, 16), (12, 3), (10, 4), (6, 6), (63, 9))


def _find_mistake_in_mask(answer):
    return find_mistake(answer, same_segment, LENGTHS, MISTAKES)


KINDS = {
    "heads_in_one_matrix": "notation",
    "order_of_heads": "notation",
    "bias_on_keys": "notation",
    "output_bias": "choice",
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
        "{key!r} is a notation: it adds the same number to all scores of a row. The weights stay "
        "as they are, so it can be left out."
    ),
    "output_bias": N_(
        "{key!r} is a choice: without it the same numbers come out only where it is zero."
    ),
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
        return say(ALL_NONE)
    for key, kind in KINDS.items():
        got = str(answer[key]).strip().lower()
        if got not in ("notation", "choice"):
            told = {"key": key, "got": answer[key]}
            return say("{key!r} must be 'notation' or 'choice', and is {got!r}.", **told)
        if got != kind:
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
            "For each difference (a comment tells it) say 'notation' or 'choice'.\n"
            "It is notation if parameters for the one always give parameters for the other that\n"
            "compute the same: put in another order, cut, joined, or without a part that changes\n"
            "nothing. It is a choice if one can compute what the other cannot.\n"
            "A fact for one of them: q·(k + b) = q·k + q·b."
        ),
        _find_mistake_in_kinds,
        (
            N_(
                "Ask: could I copy the parameters over, in another order or without some of them, "
                "and get the same numbers?"
            ),
            N_(
                "A bias b on the keys adds q·b to every score of the row of q. Softmax divides by "
                "the sum of the row. What is a factor of all of them can be cancelled."
            ),
            N_("Three of the seven are notation."),
        ),
        "{\n" + "".join(f"    {key!r}: {kind!r},\n" for key, kind in KINDS.items()) + "}",
    ),
)
