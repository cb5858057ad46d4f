"""Two results made one, what travels between ranks in bytes, and a causal ring without waiting."""

import torch
from torch import Tensor

from attnlib.course.exercises.checking import RETURNS_NONE, Mistake, find_mistake
from attnlib.course.exercises.exercise import Exercise
from attnlib.course.language import N_, say
from attnlib.course.lessons.ranks.ring import pairs


def merge(out, lse, other, its_lse):
    """Two outputs (N, Dv), each with its log-sum-exps (N,) -> the same of all their keys."""
    both = torch.logaddexp(lse, its_lse)
    level = both.masked_fill(both == -torch.inf, 0)  # no keys in either: −inf − (−inf) is nan
    share, its_share = (lse - level).exp(), (its_lse - level).exp()
    return share[:, None] * out + its_share[:, None] * other, both


def bytes_sent(how, ranks, length, heads, width, itemsize):
    """The bytes that each rank sends for one attention."""
    part = length // ranks * heads * width * itemsize  # q, k or v of one rank
    if how == "heads":
        return 4 * part * (ranks - 1) // ranks  # q, k, v there, out back
    return 2 * part * (ranks - 1)  # k and v, to each other rank or round the ring


def deal(length, ranks):
    """The tokens of each rank, so that at no step of a causal ring one waits for another."""
    pieces = torch.arange(length).chunk(2 * ranks)
    return [torch.cat([pieces[rank], pieces[-1 - rank]]) for rank in range(ranks)]


# Merging


def _part(scores, v):
    """The output and the log-sum-exps of these keys alone."""
    return scores.softmax(-1) @ v, scores.logsumexp(-1)


def _cases_of_merging():
    generator = torch.Generator().manual_seed(0)
    for rows, keys, spread in ((6, (4, 5), 2.0), (3, (1, 7), 2.0), (4, (3, 3), 300.0)):
        parts = [
            _part(
                spread * torch.randn(rows, count, generator=generator),
                torch.randn(count, 3, generator=generator),
            )
            for count in keys
        ]
        yield (*parts[0], *parts[1])
    seen = _part(torch.randn(2, 4, generator=generator), torch.randn(4, 3, generator=generator))
    none = torch.zeros(2, 3), torch.full((2,), -torch.inf)
    yield (*none, *seen)
    yield (*seen, *none)
    yield (*none, *none)


def _with(shares, both=torch.logaddexp):
    """A merge by shares(lse, its_lse) of the two outputs, and a log-sum-exp of both."""

    def merge(out, lse, other, its_lse):
        one, two = shares(lse, its_lse)
        return one[:, None] * out + two[:, None] * other, both(lse, its_lse)

    return merge


def _shares(lse, its_lse):
    both = torch.logaddexp(lse, its_lse)
    level = both.masked_fill(both == -torch.inf, 0)
    return (lse - level).exp(), (its_lse - level).exp()


def _then(change):
    """The right merge, and then something that spoils it."""
    return lambda *parts: change(*merge(*parts))


def _halves(lse, its_lse):
    return torch.full_like(lse, 0.5), torch.full_like(lse, 0.5)


def _ones(lse, its_lse):
    return torch.ones_like(lse), torch.ones_like(lse)


def _against(level):
    """exp(lse − level) of both, as they are."""
    return lambda lse, its_lse: tuple((x - level(lse, its_lse)).exp() for x in (lse, its_lse))


MERGE_MISTAKES = (
    (
        N_(
            "Where neither part had a key, both log-sum-exps are −inf, and −inf − (−inf), like 0 / "
            "0, is nan. The output must stay 0 there."
        ),
        _with(_against(torch.logaddexp)),
        3,
    ),
    (N_("That is the first part as it came."), lambda *parts: parts[:2]),
    (N_("That is the second part as it came."), lambda *parts: parts[2:]),
    (
        N_(
            "You take the mean of the outputs. They are means already, and one part may have had "
            "nearly all of the weight: the log-sum-exps say how much."
        ),
        _with(_halves),
        1,
    ),
    (
        N_("You add the outputs. Each is a mean already: their shares must sum to 1."),
        _with(_ones),
        1,
    ),
    (
        N_("You add the log-sum-exps. They are logarithms: add what is inside, torch.logaddexp."),
        _with(_shares, torch.add),
        2,
    ),
    (
        N_(
            "As the new log-sum-exp you return the larger one. It is the logarithm of a sum: "
            "torch.logaddexp."
        ),
        _with(_shares, torch.maximum),
        2,
    ),
    (
        N_("As the new log-sum-exp you return that of the first part."),
        _with(_shares, lambda lse, its_lse: lse),
        2,
    ),
    (
        N_("As the new log-sum-exp you return that of the second part."),
        _with(_shares, lambda lse, its_lse: its_lse),
        2,
    ),
    (
        N_("As the new log-sum-exp you return the mean of the two: it is torch.logaddexp."),
        _with(_shares, lambda lse, its_lse: (lse + its_lse) / 2),
        2,
    ),
    (
        N_("The output is right. Of the second result the logarithm is missing."),
        _with(_shares, lambda lse, its_lse: torch.logaddexp(lse, its_lse).exp()),
        2,
    ),
    (
        N_(
            "You measure both against the larger log-sum-exp. Then their shares sum to more than "
            "1: subtract the new log-sum-exp."
        ),
        _with(_against(torch.maximum)),
        2,
    ),
    (
        N_("The outputs are multiplied by exp(lse), and not divided by the sum of both."),
        _with(lambda lse, its_lse: (lse.exp(), its_lse.exp())),
        2,
    ),
    (
        N_("A share is not lse / (lse + its_lse): take exp of both first."),
        _with(lambda a, b: (a / (a + b), b / (a + b))),
        2,
    ),
    (
        N_("exp is missing: a share is exp(lse − both)."),
        _with(lambda a, b: (a - torch.logaddexp(a, b), b - torch.logaddexp(a, b))),
        2,
    ),
    (
        N_("The shares are exchanged: each output goes with its own log-sum-exp."),
        _with(lambda lse, its_lse: _shares(its_lse, lse)),
        2,
    ),
    (
        N_("The sign is turned: a share is exp(lse − both), never over 1."),
        _with(lambda a, b: ((torch.logaddexp(a, b) - a).exp(), (torch.logaddexp(a, b) - b).exp())),
        2,
    ),
    (
        N_("You take 2 to the power: a log-sum-exp was made with exp."),
        _with(lambda a, b: (2 ** (a - torch.logaddexp(a, b)), 2 ** (b - torch.logaddexp(a, b)))),
        2,
    ),
    (
        N_("exp(lse) is infinite above 88: subtract first, exp(lse − both)."),
        _with(
            lambda a, b: (a.exp() / (a.exp() + b.exp()), b.exp() / (a.exp() + b.exp())),
            lambda a, b: (a.exp() + b.exp()).log(),
        ),
        2,
    ),
    (
        N_("exp(lse) is infinite above 88: torch.logaddexp is log(exp + exp), and safe."),
        _with(_shares, lambda a, b: (a.exp() + b.exp()).log()),
        2,
    ),
    (
        N_(
            "You weigh with one number for the whole table. Each query has log-sum-exps of its own."
        ),
        _with(lambda a, b: _shares(*(x.logsumexp(0).expand_as(x) for x in (a, b)))),
        2,
    ),
    (
        N_("The order is (out, lse). Yours begins with the log-sum-exp."),
        _then(lambda out, both: (both, out)),
    ),
    (
        N_(
            "Where neither part had a key, the log-sum-exp stays −inf: a later part must know that "
            "nothing came."
        ),
        _then(lambda out, both: (out, both.masked_fill(both == -torch.inf, 0))),
        3,
    ),
)


def _find_mistake_in_merging(answer):
    return find_mistake(answer, merge, list(_cases_of_merging()), MERGE_MISTAKES)


# What travels

# In the first two of each kind no two of the mistakes below give the same number.
TRAVELS = (
    ("gather", 4, 96, 3, 5, 8),
    ("heads", 4, 96, 8, 5, 2),
    ("ring", 5, 60, 2, 7, 4),
    ("heads", 2, 1024, 4, 16, 8),
    ("ring", 8, 4096, 8, 64, 2),
    ("gather", 1, 12, 2, 4, 4),
    ("heads", 1, 12, 2, 4, 4),
)


def _travelling(tensors=2, swapped=4, others=lambda ranks: ranks - 1, share=None, part=None):
    """bytes_sent with something wrong in it.

    Args:
        tensors: that are sent on whole, by gather and ring; swapped: those of heads.
        others: to how many ranks, or how often round the ring.
        share: of a tensor that heads sends away, from `ranks`.
        part: the bytes of q of one rank, from length, ranks, heads, width, itemsize.
    """
    share = share or (lambda ranks: (ranks - 1) / ranks)
    part = part or (lambda length, ranks, *sizes: length // ranks * _product(sizes))

    def sent(how, ranks, length, heads, width, itemsize):
        own = part(length, ranks, heads, width, itemsize)
        if how == "heads":
            return round(swapped * own * share(ranks))  # all are whole
        return tensors * own * others(ranks)

    return sent


def _product(numbers):
    product = 1
    for number in numbers:
        product *= number
    return product


BYTES_MISTAKES = (
    (
        N_("To whom does a rank send? You count all ranks, itself too: ranks − 1."),
        _travelling(others=lambda ranks: ranks, share=lambda ranks: 1),
        1,
    ),
    (
        N_("In the ring nothing is handed on after the last step: ranks − 1 times, not ranks."),
        lambda how, *given: (
            _travelling(others=lambda ranks: ranks) if how == "ring" else bytes_sent
        )(how, *given),
        1,
    ),
    (
        N_("gather and ring send k and v: you count one of the two."),
        _travelling(tensors=1),
        1,
    ),
    (
        N_("gather and ring do not send q: it stays where its output is wanted."),
        _travelling(tensors=3),
        1,
    ),
    (
        N_("A rank holds length // ranks rows. (What all ranks send together is not asked.)"),
        _travelling(part=lambda length, ranks, *sizes: length * _product(sizes)),
        1,
    ),
    (
        N_("All heads travel: multiply by heads too."),
        _travelling(part=lambda n, ranks, heads, *sizes: n // ranks * _product(sizes)),
        1,
    ),
    (
        N_("These are numbers, not bytes: multiply by itemsize."),
        _travelling(part=lambda n, ranks, *sizes: n // ranks * _product(sizes[:-1])),
        1,
    ),
    (
        N_("With heads, out must travel back too: four tensors, not three."),
        _travelling(swapped=3),
        2,
    ),
    (
        N_("With heads, q, k and v travel, and out back: four tensors, not two."),
        _travelling(swapped=2),
        2,
    ),
    (
        N_("With heads, a rank keeps its own part of each tensor: (ranks − 1) / ranks of it go."),
        _travelling(share=lambda ranks: 1),
        2,
    ),
    (
        N_("With heads, each of the others gets its heads only: 1 / ranks of a tensor, not all."),
        _travelling(share=lambda ranks: ranks - 1),
        2,
    ),
    (
        N_("With heads, (ranks − 1) others get 1 / ranks each: you count one of them."),
        _travelling(share=lambda ranks: 1 / ranks),
        2,
    ),
    (
        N_("In the ring a rank sends at each step but the last: ranks − 1 times, not once."),
        lambda how, ranks, *sizes: (
            bytes_sent(how, ranks, *sizes) // (max(ranks - 1, 1) if how == "ring" else 1)
        ),
        1,
    ),
    (
        N_(
            "gather and ring send the same: in the ring a rank also hands on what it got, in "
            "gather it hands out its own to each."
        ),
        lambda how, ranks, *sizes: (
            bytes_sent(how, ranks, *sizes) // (max(ranks - 1, 1) if how == "gather" else 1)
        ),
        1,
    ),
)


def _find_mistake_in_bytes(answer):
    return find_mistake(answer, bytes_sent, TRAVELS, BYTES_MISTAKES)


# A causal ring without waiting

DEALS = ((8, 2), (24, 3), (24, 4), (64, 4), (12, 1))


def _find_mistake_in_deal(answer):
    """By what must hold of it: there are many right answers."""
    if not callable(answer):
        return find_mistake(answer, deal, DEALS, ())
    for length, ranks in DEALS:
        got = answer(length, ranks)
        if got is None:
            return Mistake(say(RETURNS_NONE))
        tokens = _tokens(got)
        mistake = _wrong_form(tokens, length, ranks) or _unequal(tokens, length, ranks)
        if mistake is not None:
            return mistake
    return None


def _tokens(got):
    """What each rank holds as tensors of whole numbers; None if it is something else."""
    try:
        tokens = [torch.as_tensor(list(each)) for each in got]
    except (TypeError, ValueError):
        return None
    if any(each.dim() != 1 or each.is_floating_point() for each in tokens):
        return None
    return tokens


def _wrong_form(tokens, length, ranks):
    """Whether each token is there once, and each rank has as many."""
    told = {"length": length, "ranks": ranks}
    if tokens is None or any(each.dtype == torch.bool for each in tokens):
        return Mistake(
            say(
                "For length={length}, ranks={ranks} it must be a list with the tokens of each "
                "rank, whole numbers.",
                **told,
            )
        )
    if len(tokens) != ranks:
        return Mistake(
            say(
                "For length={length}, ranks={ranks} there must be a list for each rank, and there "
                "are {got}.",
                got=len(tokens),
                **told,
            )
        )
    counts = [len(each) for each in tokens]
    every = [token for each in tokens for token in each.tolist()]
    beyond = sorted(set(every) - set(range(length)))
    missing = sorted(set(range(length)) - set(every))
    if beyond:
        return Mistake(
            say(
                "For length={length}, ranks={ranks} there is no token {token}: they are counted "
                "from 0.",
                token=beyond[0],
                **told,
            )
        )
    if missing:
        return Mistake(
            say(
                "For length={length}, ranks={ranks} nobody holds token {token}.",
                token=missing[0],
                **told,
            )
        )
    if len(every) > length:
        return Mistake(
            say("For length={length}, ranks={ranks} a token is held by two ranks.", **told)
        )
    if len(set(counts)) > 1:
        return Mistake(
            say(
                "For length={length}, ranks={ranks} the ranks must hold equally many tokens, and "
                "they hold {counts}.",
                counts=", ".join(map(str, counts)),
                **told,
            )
        )
    return None


def _unequal(tokens: list[Tensor], length, ranks):
    """Whether some rank has more pairs than another: in all, or at one step of the ring."""
    steps = pairs([each.sort().values for each in tokens], causal=True)
    whole = steps.sum(0).tolist()
    told = {"length": length, "ranks": ranks, "pairs": ", ".join(map(str, whole))}
    if len(set(whole)) > 1:
        gaps = {gap for each in tokens for gap in each.sort().values.diff().tolist()}
        if gaps == {1}:
            return Mistake(
                say(
                    "For length={length}, ranks={ranks} each rank holds tokens in one piece. Late "
                    "tokens see many keys, early ones few: the pairs, rank by rank, are {pairs}.",
                    **told,
                ),
                1,
            )
        if gaps == {ranks}:
            return Mistake(
                say(
                    "For length={length}, ranks={ranks} the tokens are dealt out in turn. That is "
                    "close: but in each round the last rank gets the latest token. The pairs, "
                    "rank by rank, are {pairs}.",
                    **told,
                ),
                2,
            )
        return Mistake(
            say(
                "For length={length}, ranks={ranks} the ranks have unequally many pairs: {pairs}.",
                **told,
            ),
            1,
        )
    for step, counts in enumerate(steps.tolist(), 1):
        if len(set(counts)) > 1:
            return Mistake(
                say(
                    "For length={length}, ranks={ranks} all ranks have {all} pairs, and at step "
                    "{step} of the ring still one waits for another: {counts}.",
                    all=whole[0],
                    step=step,
                    counts=", ".join(map(str, counts)),
                    length=length,
                    ranks=ranks,
                ),
                3,
            )
    return None


EXERCISES = (
    Exercise(
        "ranks.merge",
        N_(
            "The same N queries met some keys, and then others. Of each part you get the output\n"
            "(N, Dv), *divided already*, and the log-sum-exps (N,) of its scores.\n"
            "Write merge(out, lse, other, its_lse) -> (out, lse) of all keys together.\n"
            "(Where all keys of a part were masked, you get 0 and −inf. So may both.)"
        ),
        _find_mistake_in_merging,
        (
            N_(
                "exp(lse) is the sum that the first output was divided by. Which share of the sum "
                "of both is that?"
            ),
            N_(
                "The new log-sum-exp is torch.logaddexp(lse, its_lse). The share of the first is "
                "exp(lse − new), that of the second likewise; as (N, 1), [:, None], they multiply "
                "the outputs."
            ),
            N_("−inf − (−inf) is nan: where the new log-sum-exp is −inf, subtract 0 in its place."),
        ),
        merge,
    ),
    Exercise(
        "ranks.bytes_sent",
        N_(
            "Write bytes_sent(how, ranks, length, heads, width, itemsize) -> int: the bytes that "
            "*one*\nrank sends for one attention. q, k and v are (heads, length, width), cut along "
            "the length\ninto equal parts; a number has itemsize bytes. how is 'gather', 'heads' "
            "or 'ring'."
        ),
        _find_mistake_in_bytes,
        (
            N_(
                "The k of one rank has length // ranks · heads · width · itemsize bytes. Gather "
                "and ring send such a k, and such a v, ranks − 1 times."
            ),
            N_(
                "With heads, of each tensor 1 / ranks goes to each of the ranks − 1 others. There "
                "are four: q, k, v there, and out back."
            ),
        ),
        bytes_sent,
    ),
    Exercise(
        "ranks.deal",
        N_(
            "Write deal(length, ranks) -> a list with the tokens of each rank, so that in a "
            "*causal*\nring nobody waits: at every step all ranks have equally many pairs. Each "
            "token is held\nonce, all ranks hold equally many. (2 · ranks always divides length.) "
            "There is\nmore than one way."
        ),
        _find_mistake_in_deal,
        (
            N_("Token i sees i + 1 keys. Who has an early token may take a late one with it."),
            N_("Token i and token length − 1 − i see together length + 1 keys, whatever i is."),
            N_(
                "Cut the tokens into 2 · ranks pieces with .chunk. Rank r takes piece r from the "
                "front and piece r from the back."
            ),
        ),
        deal,
    ),
)
