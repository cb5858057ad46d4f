"""The four fusions, both branches in one module, rows of zeros, and a max that turns away."""

from itertools import permutations

import torch
import torch.nn.functional as F
from torch import Tensor

from attnlib.course.exercises.calls import Rule
from attnlib.course.exercises.checking import IS_NONE, find_mistake
from attnlib.course.exercises.exercise import Exercise
from attnlib.course.exercises.modules import find_mistake_in_module
from attnlib.course.exercises.pieces import MyGlobalLocalAttention, fuse, local_branch
from attnlib.course.language import N_, say
from attnlib.segments import FUSIONS


def fuse_by_entries(whole, local, fusion):
    out = torch.empty_like(whole)
    for frame in range(whole.shape[0]):
        u = whole[frame] / whole[frame].square().sum().sqrt()
        v = local[frame] / local[frame].square().sum().sqrt()
        for channel in range(whole.shape[1]):
            a, b = u[channel], v[channel]
            each = {"add": a + b, "mult": a * b, "avg": (a + b) / 2, "max": max(a, b)}
            out[frame, channel] = each[fusion]
    return out


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
LAST_AXIS = N_(
    "dim=1 is the last axis only where there are two. Where there are more, take dim=-1."
)
ONE_LENGTH = N_("You divide by one length for the whole matrix; each row has its own.")
ABSOLUTE = N_(
    "You divide by the sum of absolute values. "
    "A row's length is the square root of the sum of its squares."
)
MISTAKES = (
    (N_("The rows are fused as they came: normalise them first."), _normalised(_as_it_is), 1),
    (N_("Only the global rows are normalised."), _normalised(_unit, _as_it_is), 2),
    (N_("Only the local rows are normalised."), _normalised(_as_it_is, _unit), 2),
    (LAST_AXIS, _normalised(lambda x: F.normalize(x, dim=1 if x.dim() > 2 else -1)), 1),
    (ALONG_FRAMES, _normalised(lambda x: F.normalize(x, dim=-2)), 1),
    (ALONG_FRAMES, _normalised(lambda x: F.normalize(x, dim=0)), 1),
    (ONE_LENGTH, _normalised(lambda x: x / x.norm()), 1),
    (ABSOLUTE, _normalised(lambda x: F.normalize(x, p=1, dim=-1)), 1),
    (
        N_(
            "You divide by the largest entry. "
            "A row's length is the square root of the sum of its squares."
        ),
        _normalised(lambda x: F.normalize(x, p=torch.inf, dim=-1)),
        1,
    ),
    (
        N_("You divide by the squared length: take the square root."),
        _normalised(lambda x: x / x.square().sum(-1, keepdim=True)),
        1,
    ),
    (
        N_("You divide by the mean square (RMS): rows become √C long, not 1."),
        _normalised(lambda x: x / x.square().mean(-1, keepdim=True).sqrt()),
        1,
    ),
    (
        N_("You take the softmax of the rows; divide each by its length."),
        _normalised(lambda x: x.softmax(-1)),
        1,
    ),
    (
        N_("You subtract the mean, as LayerNorm does. Only divide each row by its length."),
        _normalised(lambda x: F.layer_norm(x, x.shape[-1:])),
        1,
    ),
    (
        N_("You normalise after fusing. It must be done before: to each row."),
        lambda whole, local, fusion: _unit(FUSIONS[fusion](whole, local)),
        2,
    ),
    (
        N_("You normalise once more after fusing: leave the fused row as it is."),
        lambda whole, local, fusion: _unit(FUSIONS[fusion](_unit(whole), _unit(local))),
        2,
    ),
    (
        N_("'max' takes the longer of the two rows; it must be the larger entry, in each channel."),
        _only("max", _longer_row, _as_it_is),
        3,
    ),
    (
        N_("'max' takes the larger by absolute value; signs count: −3 is smaller than 1."),
        _only("max", lambda u, v: torch.where(u.abs() >= v.abs(), u, v)),
        3,
    ),
    (
        N_("'max' takes absolute values; signs count: −3 is smaller than 1."),
        _only("max", lambda u, v: torch.maximum(u.abs(), v.abs())),
        3,
    ),
    (N_("'max' takes the smaller entries."), _only("max", torch.minimum), 3),
    (
        N_("'avg' halves only the local rows: (u + v) / 2 needs its brackets."),
        _only("avg", lambda u, v: u + v / 2),
        3,
    ),
    (
        N_("'mult' must stay entry by entry. Yours is a matrix product: @ in place of *."),
        _only("mult", lambda u, v: u @ v.mT),
        3,
    ),
    (
        N_("'mult' must stay entry by entry; you sum the products."),
        _only("mult", lambda u, v: (u * v).sum(-1, keepdim=True)),
        3,
    ),
    (
        N_("You subtract the mean and divide by the spread. Only divide each row by its length."),
        _normalised(lambda rows: (rows - rows.mean(-1, True)) / rows.std(-1, keepdim=True)),
        1,
    ),
    (
        N_("The two rows stand side by side. Combine them entry by entry."),
        lambda whole, local, fusion: torch.cat([_unit(whole), _unit(local)], -1),
        3,
    ),
    (
        N_("The length has lost its axis: keepdim=True."),
        _normalised(lambda rows: rows / rows.norm(dim=-1)),
        1,
    ),
)


def _mistakes():
    """`MISTAKES`, and what can be wrong with one of the fusions, with its name."""
    yield from MISTAKES
    for fusion in REST:
        said = say("For '{fusion}' nothing is returned yet.", fusion=fusion)
        yield said, _only(fusion, _nothing), 3
    for asked, given in permutations(FUSIONS, 2):
        said = say("'{asked}' gives what '{given}' should give.", asked=asked, given=given)
        yield said, _only(asked, FUSIONS[given]), 3


SHAPES = ((5, 3), (2, 3), (3, 7), (4, 4), (1, 8), (8, 1), (2, 4, 3), (2, 3, 4, 5))


def _find_mistake_in_fuse(answer):
    generator = torch.Generator().manual_seed(0)
    for fusion in FUSIONS:  # each by itself: for each the gradients are looked at
        cases = []
        for shape in SHAPES:
            rows = torch.randn(2, *shape, generator=generator)
            lengths = 10 * torch.rand(2, *shape[:-1], 1, generator=generator) + 0.1
            cases.append((*(rows * lengths), fusion))
        if mistake := find_mistake(answer, fuse, cases, tuple(_mistakes()), trained=True):
            return mistake
    return None


def _with(forward):
    """The module with this forward in place of its own."""
    return type("Wrong", (MyGlobalLocalAttention,), {"forward": forward})


def _local(self, x):
    return local_branch(x, self.local_attention)


def _fixed(fusion):
    return _with(lambda self, x: fuse(self.attention(x), _local(self, x), fusion))


def _combined(combine):
    """Another way to make one row of the two."""
    return _with(lambda self, x: combine(self.attention(x), _local(self, x), self.fusion))


TOO_FEW = N_("Only one set of parameters is used for all segments. Each has its own.")
MODULE_MISTAKES = (
    (
        N_("The global branch is returned alone. Fuse it with the local one."),
        _with(lambda self, x: self.attention(x)),
        3,
    ),
    (
        N_("The local branch is returned alone. Fuse the global one with it."),
        _with(lambda self, x: _local(self, x)),
        3,
    ),
    (N_("The branches are added as they are. Use fuse."), _combined(lambda u, v, fusion: u + v), 3),
    (
        N_("The mean of the branches is returned. Use fuse."),
        _combined(lambda u, v, fusion: (u + v) / 2),
        3,
    ),
    (
        N_("The rows of both branches stand side by side. fuse makes one row of the two."),
        _combined(lambda u, v, fusion: torch.cat([u, v], -1)),
        3,
    ),
    (
        N_("The branches are combined as they are. fuse makes their rows 1 long before that."),
        _combined(lambda u, v, fusion: FUSIONS[fusion](u, v)),
        3,
    ),
    (
        N_("The global branch is fused with itself. The other is local_branch."),
        _combined(lambda u, v, fusion: fuse(u, u, fusion)),
        2,
    ),
    (
        N_("The local branch is fused with itself. The other is self.attention(x)."),
        _combined(lambda u, v, fusion: fuse(v, v, fusion)),
        1,
    ),
    (
        N_("The fused rows are fused once more, with the local ones. Once is enough."),
        _combined(lambda u, v, fusion: fuse(fuse(u, v, fusion), v, fusion)),
        3,
    ),
    (
        N_("The fused rows are fused once more, with the global ones. Once is enough."),
        _combined(lambda u, v, fusion: fuse(fuse(u, v, fusion), u, fusion)),
        3,
    ),
    (
        N_("You normalise once more after fusing: leave the fused row as it is."),
        _combined(lambda u, v, fusion: _unit(fuse(u, v, fusion))),
        3,
    ),
    (
        N_("The local branch gets what the global one made. Both get x."),
        _with(lambda self, x: fuse(u := self.attention(x), _local(self, u), self.fusion)),
        2,
    ),
    (
        N_("The local branch gets what the global one made, and is returned. Both get x."),
        _with(lambda self, x: _local(self, self.attention(x))),
        2,
    ),
    (
        N_("The global branch gets what the local one made. Both get x."),
        _with(lambda self, x: fuse(self.attention(v := _local(self, x)), v, self.fusion)),
        1,
    ),
    (
        N_("The frames themselves are fused with the local branch. Give them to self.attention."),
        _with(lambda self, x: fuse(x, _local(self, x), self.fusion)),
        1,
    ),
    (
        N_("The global branch is fused with the frames themselves. Give them to local_branch."),
        _with(lambda self, x: fuse(self.attention(x), x, self.fusion)),
        2,
    ),
    (
        N_("The frames are added to the fused rows. PGL-SUM's attention does not do that."),
        _with(lambda self, x: x + fuse(self.attention(x), _local(self, x), self.fusion)),
        3,
    ),
    (
        TOO_FEW,
        _with(lambda self, x: fuse(self.attention(x), self.local_attention[0](x), self.fusion)),
        2,
    ),
    (
        TOO_FEW,
        _with(
            lambda self, x: fuse(
                self.attention(x),
                local_branch(x, [self.local_attention[0]] * len(self.local_attention)),
                self.fusion,
            )
        ),
        2,
    ),
    (
        N_("The sets of parameters come in reversed order: segment 0 has set 0."),
        _with(
            lambda self, x: fuse(
                self.attention(x), local_branch(x, [*self.local_attention][::-1]), self.fusion
            )
        ),
        2,
    ),
    (
        N_("All segments' modules get the whole of x, and are added. local_branch cuts x."),
        _with(
            lambda self, x: fuse(
                self.attention(x), sum(each(x) for each in self.local_attention), self.fusion
            )
        ),
        2,
    ),
    (
        N_("The global branch stands in for every segment. Their modules: self.local_attention."),
        _with(
            lambda self, x: fuse(
                self.attention(x),
                local_branch(x, [self.attention] * len(self.local_attention)),
                self.fusion,
            )
        ),
        2,
    ),
)


def _module_mistakes():
    yield from MODULE_MISTAKES
    for fusion in FUSIONS:
        said = say("'{fusion}' is fixed in your code: use self.fusion.", fusion=fusion)
        yield said, _fixed(fusion), 3


# channels, segments, heads, fusion, and L: with a last segment that is shorter, empty, or full.
MODULES = (
    (24, 3, 2, "mult", 10),
    (16, 4, 4, "avg", 9),
    (24, 2, 3, "max", 6),
    (16, 4, 2, "add", 3),
    (32, 2, 1, "add", 1),
    (8, 2, 2, "mult", 3),
)


def _find_mistake_in_module(answer):
    generator = torch.Generator().manual_seed(0)
    cases = []
    for *arguments, length in MODULES:
        cases.append((tuple(arguments), torch.randn(length, arguments[0], generator=generator)))
    return find_mistake_in_module(answer, MyGlobalLocalAttention, cases, tuple(_module_mistakes()))


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
    (
        N_("You divide by the squared length: take the square root."),
        lambda x: x / x.square().sum(-1, keepdim=True).clamp(min=1e-24),
    ),
    (
        N_("You divide by the largest entry. Divide by the length."),
        lambda x: x / x.abs().amax(-1, keepdim=True).clamp(min=1e-12),
    ),
    (
        N_("You subtract the mean, as LayerNorm does. Only divide each row by its length."),
        lambda x: F.layer_norm(x, x.shape[-1:]),
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
    # The slope of a very short row, or of zeros, hangs on the smallest divisor, which is free.
    ordinary = [(torch.randn(4, 3, generator=generator),)]
    return (
        _nan(answer, cases[0][0])
        or find_mistake(answer, normalise, cases, mistakes)
        or find_mistake(answer, normalise, ordinary, (), trained=True)
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
        return say(IS_NONE)
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
        "fusion.fuse",
        N_(
            "Write fuse(whole: torch.Tensor, local: torch.Tensor, fusion: str) -> torch.Tensor.\n"
            "whole and local are (…, L, C), a row for each frame; no row is zero. "
            "Normalise the rows of\n"
            "both, then combine them by fusion: 'add', 'mult', 'avg' or 'max'. "
            "The result is (…, L, C).\n"
            "Write it without attnlib."
        ),
        _find_mistake_in_fuse,
        (
            N_(
                "The length of each row: whole.norm(dim=-1, keepdim=True), of shape (…, L, 1). "
                "F.normalize(whole, dim=-1) divides by it."
            ),
            N_("u = whole / its lengths, v = local / its lengths; then one `if` for each fusion."),
            N_("u + v, u * v, (u + v) / 2, torch.maximum(u, v)."),
        ),
        fuse,
        loop=fuse_by_entries,
        rule=Rule(),
    ),
    Exercise(
        "fusion.MyGlobalLocalAttention",
        N_(
            "Write the forward of MyGlobalLocalAttention: x (L, C) -> (L, C).\n"
            "self.attention makes the global rows of x. self.local_attention holds a module for\n"
            "each segment; local_branch gives each its part of x, and returns the local rows.\n"
            "fuse makes one row of the two, by self.fusion.\n"
            "__init__ is given: leave it as it is. Write it without attnlib."
        ),
        _find_mistake_in_module,
        (
            N_("The global rows are self.attention(x)."),
            N_("The local rows are local_branch(x, self.local_attention)."),
            N_("Return fuse(global rows, local rows, self.fusion), and nothing more."),
        ),
        MyGlobalLocalAttention,
        rule=Rule(),
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
        rule=Rule(frozenset({"normalize"})),
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
