"""The four fusions, rows of zeros, and when the larger of two is not between them."""

from itertools import permutations

import torch
import torch.nn.functional as F
from torch import Tensor

from attnlib.course.language import N_, say
from attnlib.course.widgets.checking import find_mistake
from attnlib.course.widgets.exercise import Exercise
from attnlib.segments import FUSIONS


def fuse_rows(whole, local, fusion):
    """(L, C), (L, C) -> (L, C): the rows normalised, then "add", "mult", "avg" or "max"."""
    u = whole / whole.norm(dim=-1, keepdim=True)
    v = local / local.norm(dim=-1, keepdim=True)
    if fusion == "add":
        return u + v
    if fusion == "mult":
        return u * v
    if fusion == "avg":
        return (u + v) / 2
    return torch.maximum(u, v)


def _unit(x):
    return F.normalize(x, dim=-1)


def _as_it_is(x):
    return x


def _normalised(normalise, normalise_local=None):
    """The fusions with another way to normalise, or with two."""

    def fused(whole, local, fusion):
        return FUSIONS[fusion](normalise(whole), (normalise_local or normalise)(local))

    return fused


def _only(fusion, combine, prepare=_unit):
    """A mistake in one of the four fusions; in the others it is none."""

    def fused(whole, local, asked):
        if asked != fusion:
            raise ValueError(f"made for {fusion!r} only, got {asked!r}")
        return combine(*map(prepare, (whole, local)))

    return fused


def _longer_row(whole, local):
    longer = whole.norm(dim=-1, keepdim=True) >= local.norm(dim=-1, keepdim=True)
    return _unit(torch.where(longer, whole, local))


def _nothing(u, v):
    return None


REST = ("mult", "avg", "max")  # asked after "add"
ALONG_FRAMES = N_("You normalise along the frames. Each *row* must become 1 long: dim=-1.")
ONE_LENGTH = N_("You divide by one length for the whole matrix; each row has its own.")
ABSOLUTE = N_(
    "You divide by the sum of absolute values. "
    "A row's length is the square root of the sum of its squares."
)
MISTAKES = (
    (N_("The rows are fused as they came: normalise them first."), _normalised(_as_it_is)),
    (N_("Only the global rows are normalised."), _normalised(_unit, _as_it_is)),
    (N_("Only the local rows are normalised."), _normalised(_as_it_is, _unit)),
    (ALONG_FRAMES, _normalised(lambda x: F.normalize(x, dim=0))),
    (ONE_LENGTH, _normalised(lambda x: x / x.norm())),
    (ABSOLUTE, _normalised(lambda x: F.normalize(x, p=1, dim=-1))),
    (
        N_(
            "You divide by the largest entry. "
            "A row's length is the square root of the sum of its squares."
        ),
        _normalised(lambda x: F.normalize(x, p=torch.inf, dim=-1)),
    ),
    (
        N_("You divide by the squared length: take the square root."),
        _normalised(lambda x: x / x.square().sum(-1, keepdim=True)),
    ),
    (
        N_("You divide by the mean square (RMS): rows become √C long, not 1."),
        _normalised(lambda x: x / x.square().mean(-1, keepdim=True).sqrt()),
    ),
    (
        N_("You take the softmax of the rows; divide each by its length."),
        _normalised(lambda x: x.softmax(-1)),
    ),
    (
        N_("You normalise after fusing. It must be done before: to each row."),
        lambda whole, local, fusion: _unit(FUSIONS[fusion](whole, local)),
    ),
    (
        N_("You normalise once more after fusing: leave the fused row as it is."),
        lambda whole, local, fusion: _unit(FUSIONS[fusion](_unit(whole), _unit(local))),
    ),
    (
        N_("'max' takes the longer of the two rows; it must be the larger entry, in each channel."),
        _only("max", _longer_row, _as_it_is),
    ),
    (
        N_("'max' takes the larger by absolute value; signs count: −3 is smaller than 1."),
        _only("max", lambda u, v: torch.where(u.abs() >= v.abs(), u, v)),
    ),
    (
        N_("'max' takes absolute values; signs count: −3 is smaller than 1."),
        _only("max", lambda u, v: torch.maximum(u.abs(), v.abs())),
    ),
    (N_("'max' takes the smaller entries."), _only("max", torch.minimum)),
    (
        N_("'avg' halves only the local rows: (u + v) / 2 needs its brackets."),
        _only("avg", lambda u, v: u + v / 2),
    ),
    (
        N_("'mult' must stay entry by entry; you sum the products."),
        _only("mult", lambda u, v: (u * v).sum(-1, keepdim=True)),
    ),
)


def _mistakes():
    """`MISTAKES`, and what can be wrong with one of the fusions, with its name."""
    yield from MISTAKES
    for fusion in REST:
        said = say("For '{fusion}' nothing is returned yet.", fusion=fusion)
        yield said, _only(fusion, _nothing)
    for asked, given in permutations(FUSIONS, 2):
        said = say("'{asked}' gives what '{given}' should give.", asked=asked, given=given)
        yield said, _only(asked, FUSIONS[given])


def _find_mistake_in_fuse_rows(answer):
    generator = torch.Generator().manual_seed(0)
    cases = []
    for length, channels in ((5, 3), (3, 7), (4, 4), (1, 6), (6, 1)):
        for fusion in FUSIONS:
            rows = torch.randn(2, length, channels, generator=generator)
            lengths = 10 * torch.rand(2, length, 1, generator=generator) + 0.1
            cases.append((*(rows * lengths), fusion))
    return find_mistake(answer, fuse_rows, cases, tuple(_mistakes()))


def normalise(x):
    """(L, C) -> (L, C): every row 1 long, rows of zeros still zero."""
    lengths = x.norm(dim=-1, keepdim=True)
    return x / lengths.clamp(min=1e-12)  # 0 / 1e-12 is 0


SHORT = 1e-9  # the shortest row of the cases that is not zero
SHORT_MISTAKES = (
    (N_("The rows came back as they were."), _as_it_is),
    (ALONG_FRAMES, lambda x: F.normalize(x, dim=0)),
    (ABSOLUTE, lambda x: F.normalize(x, p=1, dim=-1)),
    (ONE_LENGTH, lambda x: x / x.norm()),
    (
        N_("A row of zeros must stay zero; yours becomes 1 long."),
        lambda x: F.normalize(torch.where(x.any(-1, keepdim=True), x, 1), dim=-1),
    ),
)
ADDED = (1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-3, 1)
DIVISORS = (1e-8, 1e-7, 1e-6, 1e-5, 1e-3, 1)  # the smallest ones, where a clamp is too large


def _mistakes_with_a_number():
    """A number that is added to the length, or that the length is clamped to."""
    for small in ADDED:
        said = say(
            "You add {small:g} to the length: short rows do not become 1 long. Use clamp.",
            small=small,
        )
        yield said, lambda x, small=small: x / (x.norm(dim=-1, keepdim=True) + small)
    for small in DIVISORS:
        said = say(
            "The smallest divisor, {small:g}, is too large: a row of {short:g} is not made 1 long.",
            small=small,
            short=SHORT,
        )
        yield said, lambda x, small=small: x / x.norm(dim=-1, keepdim=True).clamp(min=small)


def _find_mistake_in_normalise(answer):
    generator = torch.Generator().manual_seed(0)
    cases = []
    for length, channels, dtype in ((5, 4, torch.float64), (4, 7, torch.float32)):
        rows = F.normalize(torch.randn(length, channels, generator=generator), dim=-1).to(dtype)
        lengths = torch.tensor([3, 0.5, 0, SHORT, 1e-4][:length], dtype=dtype)
        cases.append((rows * lengths[:, None],))
    cases.append((torch.zeros(2, 3),))
    mistakes = (*SHORT_MISTAKES, *_mistakes_with_a_number())
    return (
        _nan(answer, cases[0][0])
        or find_mistake(answer, normalise, cases, mistakes)
        or _nan_gradient(answer, cases[0][0])
    )


def _nan(answer, x):
    got = answer(x.clone()) if callable(answer) else None
    if isinstance(got, Tensor) and got.isnan().any():
        return say("A row of zeros became nan: 0 / 0. Divide by something > 0.")
    return None


def _nan_gradient(answer, x):
    x = x.clone().requires_grad_()
    answer(x).sum().backward()
    if x.grad.isnan().any():
        return say(
            "The rows are right, but the gradient of the row of zeros is nan, and would spoil "
            "all training: change the divisor, not the result; and take norm(), since the slope "
            "of sqrt at 0 is infinite."
        )
    return None


def _degrees(u, v):
    cosine = F.cosine_similarity(u, v, dim=-1).clamp(-1, 1)
    return torch.rad2deg(cosine.acos()).item()


WIDEST = 90  # degrees between the two rows of exercise fusion.rows
ROUNDING = 0.5  # degrees, for rows typed with two digits
ONE_LONG = (
    N_("The first row must be 1 long, and is {length:.3f} long."),
    N_("The second row must be 1 long, and is {length:.3f} long."),
)


def _find_mistake_in_rows(answer):
    if answer is None:
        return say("Not written yet: it is None.")
    rows = torch.as_tensor(answer, dtype=torch.float64)
    if rows.shape != (2, 2):
        got = tuple(rows.shape)
        return say("It must be two rows of two numbers, (2, 2), and is {got}.", got=got)
    for message, row in zip(ONE_LONG, rows, strict=True):
        if not abs(row.norm() - 1) < 0.01:
            return say(message, length=row.norm())
    (u, v), fused = rows, rows.amax(0)
    apart = _degrees(u, v)
    if apart > WIDEST + ROUNDING:
        return say(
            "They are {apart:.0f}° apart; find two that are at most {most}° apart.",
            apart=apart,
            most=WIDEST,
        )
    if fused.norm() < 0.01:
        return say(
            "The larger entries are both 0, so nothing is left, and nothing has no direction."
        )
    # Inside the angle between them the two parts add up to the whole.
    first, second = _degrees(u, fused), _degrees(fused, v)
    if first + second - apart < 2 * ROUNDING:
        return _lies_between(first, second, apart)
    return None


def _lies_between(first, second, apart):
    if min(first, second) < ROUNDING:
        return say("One row has the larger entry in both channels, so the fused row is that row.")
    return say(
        "The fused row lies between them: {first:.0f}° from the first, {second:.0f}° from the "
        "second, and they are {apart:.0f}° apart.",
        first=first,
        second=second,
        apart=apart,
    )


EXERCISES = (
    Exercise(
        "fusion.fuse_rows",
        N_(
            "Write fuse_rows(whole: torch.Tensor, local: torch.Tensor, fusion: str) "
            "-> torch.Tensor.\n"
            "whole and local are (L, C), a row for each frame; no row is zero. "
            "Normalise the rows of\n"
            "both, then combine them by fusion: 'add', 'mult', 'avg' or 'max'. "
            "The result is (L, C).\n"
            "Write it without attnlib's fuse."
        ),
        _find_mistake_in_fuse_rows,
        (
            N_("The length of each row: whole.norm(dim=-1, keepdim=True), of shape (L, 1)."),
            N_("u = whole / its lengths, v = local / its lengths; then one `if` for each fusion."),
            N_("u + v, u * v, (u + v) / 2, torch.maximum(u, v)."),
        ),
        fuse_rows,
    ),
    Exercise(
        "fusion.normalise",
        N_(
            "Write normalise(x: torch.Tensor) -> torch.Tensor, (L, C) -> (L, C), "
            "without F.normalize.\n"
            "Every row becomes 1 long, however short it is "
            "(the check goes down to a length of 1e-9).\n"
            "A row of zeros stays zero, and nothing is nan: not the result, and not the gradient."
        ),
        _find_mistake_in_normalise,
        (
            N_("Only the divisor of a row of zeros needs a change: any number > 0 will do there."),
            N_(
                "x.norm(dim=-1, keepdim=True) are the lengths; "
                "clamp(min=…) changes only small ones."
            ),
            N_("The smallest divisor must be below 1e-9: F.normalize takes 1e-12."),
        ),
        normalise,
    ),
    Exercise(
        "fusion.rows",
        N_(
            "Find two rows of two channels, each 1 long and at most 90° apart, "
            "that 'max' fuses to\n"
            "a row which does not lie between them. (The rows of the lesson are 130° apart.)\n"
            "A (2, 2) tensor: torch.tensor([[…, …], […, …]])."
        ),
        _find_mistake_in_rows,
        (
            N_("Look for it with the explorer: fusion max, and turn the local row."),
            N_("One channel must be negative in both rows; in the other the signs differ."),
            N_(
                "Begin with (−0.8, 0.6), and a second row which is a little less negative in front."
            ),
        ),
        "torch.tensor([[-0.8, 0.6], [-0.6, -0.8]])",
    ),
)
