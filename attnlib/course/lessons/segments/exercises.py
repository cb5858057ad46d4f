"""Where segments begin and end, a set of parameters for each, empty ones, and widths that fit."""

from operator import index

import torch

from attnlib.course.exercises.calls import Rule
from attnlib.course.exercises.checking import Mistake, find_mistake
from attnlib.course.exercises.exercise import Exercise
from attnlib.course.exercises.pieces import boundaries, local_branch
from attnlib.course.language import N_, say


def boundaries_by_counting(length, num_segments):
    size = 1
    while size * num_segments < length:  # so that there is room for all frames
        size += 1
    found, stop = [], 0
    for _ in range(num_segments):
        start = stop
        while stop < length and stop - start < size:  # one frame more
            stop += 1
        found.append((start, stop))
    return found


def _cut(size, length, num_segments):
    """Segments of that size, whatever it is; the last ones end with the frames."""
    edges = [min(number * size, length) for number in range(num_segments + 1)]
    return list(zip(edges, edges[1:], strict=False))


def _spread(length, num_segments):
    """As torch.tensor_split: the longer ones first, none longer by more than one frame."""
    size, longer = divmod(length, num_segments)
    edges = [number * size + min(number, longer) for number in range(num_segments + 1)]
    return list(zip(edges, edges[1:], strict=False))


def _proportional(length, num_segments):
    edges = [number * length // num_segments for number in range(num_segments + 1)]
    return list(zip(edges, edges[1:], strict=False))


def _rest_to_the_last(length, num_segments):
    *others, (start, _) = _cut(length // num_segments, length, num_segments)
    return [*others, (start, length)]


def _each(change):
    """The right boundaries, with `change(start, stop, length)` made to each."""

    def changed(length, num_segments):
        return [change(*pair, length) for pair in boundaries(length, num_segments)]

    return changed


def _beyond(length, num_segments):
    size = -(-length // num_segments)
    return [(number * size, (number + 1) * size) for number in range(num_segments)]


def _starts_beyond(length, num_segments):
    return [(start, min(stop, length)) for start, stop in _beyond(length, num_segments)]


def _pieces_of(length, size):
    """The number of segments taken for their length."""
    return _cut(size, length, -(-length // size))


CUTTING_MISTAKES = (
    (
        N_("The number of segments is fixed at 4 in your code: use num_segments."),
        lambda length, n: boundaries(length, 4),
    ),
    (
        N_("Rounded down, frames at the end belong to nobody: round up."),
        lambda length, n: _cut(length // n, length, n),
        1,
    ),
    (
        N_(
            "Rounded down, the last segment takes the rest: round up, then the last one is shorter."
        ),
        _rest_to_the_last,
        1,
    ),
    (
        N_(
            "Nothing is evened out: every segment has ⌈length / num_segments⌉ frames while there "
            "are any. You share the rest out, as torch.tensor_split does."
        ),
        _spread,
        1,
    ),
    (
        N_(
            "Nothing is evened out: every segment has ⌈length / num_segments⌉ frames while there "
            "are any. You cut at number · length // num_segments."
        ),
        _proportional,
        1,
    ),
    (
        N_("length / num_segments is no whole number there: round it up."),
        lambda length, n: [(g * length / n, (g + 1) * length / n) for g in range(n)],
        1,
    ),
    (
        N_("length // num_segments + 1 is too long where num_segments divides length."),
        lambda length, n: _cut(length // n + 1, length, n),
        1,
    ),
    (
        N_("num_segments was taken for the length of a segment: it is how many there are."),
        _pieces_of,
        1,
    ),
    (
        N_("An empty segment must be in the list as well: it has parameters, and takes its place."),
        lambda length, n: [pair for pair in boundaries(length, n) if pair[0] < pair[1]],
        3,
    ),
    (N_("A stop lies beyond the last frame: take min(…, length)."), _beyond, 3),
    (
        N_("An empty segment starts beyond the last frame: take min(…, length) for start as well."),
        _starts_beyond,
        3,
    ),
    (
        N_("stop is the first frame *behind* the segment, as in a slice, not its last frame."),
        _each(lambda start, stop, length: (start, stop - 1)),
        2,
    ),
    (
        N_("The second number must be where the segment stops, not how long it is."),
        _each(lambda start, stop, length: (start, stop - start)),
        2,
    ),
    (
        N_("These are the lengths. Wanted are pairs (start, stop)."),
        _each(lambda start, stop, length: stop - start),
        2,
    ),
    (N_("Frames are counted from 0."), _each(lambda start, stop, length: (start + 1, stop + 1)), 2),
    (
        N_("Frames are counted from 0: the first segment starts at 0."),
        lambda length, n: [(start + 1, stop) for start, stop in boundaries(length, n)],
        2,
    ),
    (
        N_("These are the edges alone. Make pairs of them, (start, stop), one for each segment."),
        lambda length, n: [0, *(stop for _, stop in boundaries(length, n))],
        2,
    ),
    (
        N_("An empty segment lies at the end: (length, length)."),
        lambda length, n: [
            (start, stop) if start < stop else (0, 0) for start, stop in boundaries(length, n)
        ],
        3,
    ),
    (
        N_("An empty segment starts at `length`. The last frame before it is not its own."),
        lambda length, n: [(min(start, length - 1), stop) for start, stop in boundaries(length, n)],
        3,
    ),
    (
        N_("length / num_segments is rounded to the nearest whole number. Round it up."),
        lambda length, n: _cut(round(length / n), length, n),
        1,
    ),
)
CUTS = ((10, 4), (9, 4), (16, 5), (1, 2), (7, 7), (320, 4), (5, 8), (10, 7), (23, 6), (100, 9))


def _find_mistake_in_boundaries(answer):
    return find_mistake(answer, boundaries, CUTS, CUTTING_MISTAKES) or _no_index(answer)


def _no_index(answer):
    """Whether a slice would refuse a number of the answer."""
    for case in CUTS:
        for edge in (edge for pair in answer(*case) for edge in pair):
            try:
                index(edge)
            except TypeError:
                return Mistake(
                    say(
                        "The values are right. But {edge!r} is no whole number, and a slice takes "
                        "whole numbers only: // and math.ceil give them, / does not.",
                        edge=edge,
                    ),
                    1,
                )
    return None


def local_branch_by_frames(x, branches):
    size = -(-len(x) // len(branches))  # L / G, rounded up
    rows = []
    for frame in range(len(x)):
        number = frame // size  # of the segment that the frame lies in
        start = number * size
        segment = x[start : start + size]
        rows.append(branches[number](segment)[frame - start])
    return torch.stack(rows)


def _branches(count):
    """So many functions (N, C) -> (N, C): each its own, and each looks at all N frames."""

    def branch(number):
        return lambda x: (number + 2) * x.flip(1) + x.mean(0)

    return [branch(number) for number in range(count)]


def _given(answer):
    """The answer as a function of x and the number of branches, which a sentence can tell."""
    return lambda x, branches: answer(x, _branches(branches))


def _parts(x, branches, edges=None):
    """What each branch makes of its segment."""
    edges = edges or boundaries(len(x), len(branches))
    return [branch(x[i:j]) for branch, (i, j) in zip(branches, edges, strict=True)]


def _other_branches(change):
    return lambda x, branches: torch.cat(_parts(x, change(branches)))


def _other_segments(cut):
    return lambda x, branches: torch.cat(_parts(x, branches, cut(len(x), len(branches))))


def _of_so_many_frames(length, num_segments):
    """The number of segments taken for their length; those that are left are empty."""
    found = _pieces_of(length, num_segments)
    return (found + [(length, length)] * num_segments)[:num_segments]


def _all_of_x(x, branches):
    """Each branch sees the whole of x, and its own rows are taken."""
    pairs = zip(branches, boundaries(len(x), len(branches)), strict=True)
    return torch.cat([branch(x)[start:stop] for branch, (start, stop) in pairs])


def _every_gth(x, branches):
    count, out = len(branches), torch.empty_like(x)
    for number, branch in enumerate(branches):
        out[number::count] = branch(x[number::count])
    return out


def _frame_by_frame(x, branches):
    rows = []
    for branch, (start, stop) in zip(branches, boundaries(len(x), len(branches)), strict=True):
        rows += [branch(x[frame : frame + 1]) for frame in range(start, stop)]
    return torch.cat(rows)


def _one_after_the_other(x, branches):
    for branch in branches:
        x = branch(x)
    return x


LOCAL_MISTAKES = (
    (
        N_("All segments go through the first branch. Each has its own: branches[g]."),
        _other_branches(lambda branches: branches[:1] * len(branches)),
        2,
    ),
    (
        N_("All segments go through the last branch. Each has its own: branches[g]."),
        _other_branches(lambda branches: branches[-1:] * len(branches)),
        2,
    ),
    (
        N_("The branches come in reversed order: segment 0 belongs to branches[0]."),
        _other_branches(lambda branches: branches[::-1]),
        2,
    ),
    (
        N_("The branches are one place off: segment 0 belongs to branches[0]."),
        _other_branches(lambda branches: branches[1:] + branches[:1]),
        2,
    ),
    (
        N_("The segments are joined in reversed order: the first frames come first."),
        lambda x, branches: torch.cat(_parts(x, branches)[::-1]),
        3,
    ),
    (
        N_("Rounded down, frames at the end belong to nobody: take ⌈L / G⌉, as boundaries does."),
        _other_segments(lambda length, n: _cut(length // n, length, n)),
        1,
    ),
    (
        N_(
            "Rounded down, the last segment takes the rest: take ⌈L / G⌉ frames, as boundaries "
            "does."
        ),
        _other_segments(_rest_to_the_last),
        1,
    ),
    (
        N_(
            "The frames are shared out evenly, as torch.tensor_split does. Every segment has "
            "⌈L / G⌉ frames while there are any, as boundaries says."
        ),
        _other_segments(_spread),
        1,
    ),
    (
        N_("The segments are G frames long. G is how many segments there are."),
        _other_segments(_of_so_many_frames),
        1,
    ),
    (
        N_("Every G-th frame goes to one branch. A segment is a piece of neighbouring frames."),
        _every_gth,
        1,
    ),
    (N_("Each branch sees all of x. It must see its own segment only."), _all_of_x, 2),
    (
        N_("Each branch gets all of x, and all the results stand one behind the other."),
        lambda x, branches: torch.cat([branch(x) for branch in branches]),
        2,
    ),
    (
        N_("Each branch gets all of x, and the results are added."),
        lambda x, branches: sum(branch(x) for branch in branches),
        2,
    ),
    (
        N_("Each branch gets all of x, and the mean of the results is taken."),
        lambda x, branches: torch.stack([branch(x) for branch in branches]).mean(0),
        2,
    ),
    (
        N_("A segment is x[start:stop]. Yours has one frame more."),
        _other_segments(_each(lambda start, stop, length: (start, stop + 1))),
        2,
    ),
    (
        N_("A segment is x[start:stop]: stop is behind its last frame. Yours has one frame less."),
        _other_segments(_each(lambda start, stop, length: (start, max(start, stop - 1)))),
        2,
    ),
    (
        N_("x goes through all branches, one after the other. Each gets one segment of x only."),
        _one_after_the_other,
        2,
    ),
    (
        N_("Each branch gets one frame at a time. Frames of one segment must see each other."),
        _frame_by_frame,
        2,
    ),
    (N_("The segments are cut and joined, but no branch is called."), lambda x, branches: x, 2),
    (N_("That is a list of segments. Join them: torch.cat makes one tensor."), _parts, 3),
    (
        N_("torch.stack makes a new axis of the segments. torch.cat joins them along the frames."),
        lambda x, branches: torch.stack(_parts(x, branches)),
        3,
    ),
    (
        N_("The segments stand side by side, in the channels. Join them along the frames."),
        lambda x, branches: torch.cat(_parts(x, branches), 1),
        3,
    ),
    (N_("All of x goes through the first branch. Cut x first."), lambda x, fs: fs[0](x), 2),
    (
        N_("x is added to the rows. The branches alone make them."),
        lambda x, branches: x + local_branch(x, branches),
        3,
    ),
    (
        N_("The number of segments is fixed at 4 in your code: it is len(branches)."),
        lambda x, branches: torch.cat(
            [f(part) for f, part in zip(branches, x.split(-(-len(x) // 4)), strict=False)]
        ),
        1,
    ),
    (
        N_("Every G-th frame goes to one branch. A segment is a piece of neighbouring frames."),
        lambda x, branches: torch.cat(
            [f(x[g :: len(branches)]) for g, f in enumerate(branches) if g < len(x)]
        ),
        1,
    ),
)
# L, C and G: all full, so that what joins along a wrong axis runs; the last one shorter, or empty.
# The one with the fewest numbers is an ordinary one, which shows most.
LOCAL_CASES = ((8, 3, 4), (4, 2, 2), (10, 3, 4), (9, 4, 4), (3, 3, 5), (1, 9, 2), (5, 3, 1))


def _find_mistake_in_local_branch(answer):
    generator = torch.Generator().manual_seed(0)
    cases = [(torch.randn(*shape, generator=generator), count) for *shape, count in LOCAL_CASES]
    mistakes = [(said, _given(wrong), hint) for said, wrong, hint in LOCAL_MISTAKES]
    if not callable(answer):
        return find_mistake(answer, local_branch, cases, ())
    return find_mistake(
        _given(answer), _given(local_branch), cases, mistakes, trained=True
    ) or _without_frames(answer)


def _without_frames(answer):
    """Whether a branch is called for an empty segment."""
    seen = []

    def branch(x):
        seen.append(len(x))
        return x

    answer(torch.ones(3, 2), [branch] * 5)
    if 0 not in seen:
        return None
    return Mistake(
        say(
            "The rows are right. But an empty segment is handed to its branch, and not every "
            "branch can take one: skip it where start == stop."
        ),
        2,
    )


def unused(length, num_segments):
    """The numbers of the segments that hold no frame."""
    size = -(-length // num_segments)
    filled = -(-length // size)  # segments that hold at least one
    return list(range(filled, num_segments))


def _those(keep):
    """The numbers g of those segments for which keep(g, length, num_segments, size) holds."""

    def chosen(length, num_segments):
        size = -(-length // num_segments)
        return [g for g in range(num_segments) if keep(g, length, num_segments, size)]

    return chosen


UNUSED_MISTAKES = (
    (
        N_("These are the segments that hold frames; wanted are the others."),
        _those(lambda g, length, n, size: g * size < length),
    ),
    (N_("Segments are counted from 0."), lambda length, n: [g + 1 for g in unused(length, n)]),
    (
        N_(
            "A segment can be empty although there are more frames than segments: "
            "9 in 4 are 3, 3, 3, 0."
        ),
        _those(lambda g, length, n, size: g >= length),
    ),
    (
        N_("A segment that would begin at frame number `length` is empty as well: >=, not >."),
        _those(lambda g, length, n, size: g * size > length),
    ),
    (
        N_("Your list is always empty. The size is rounded up, not down: ⌈length / num_segments⌉."),
        _those(lambda g, length, n, size: g * (length // n) >= length),
    ),
    (
        N_("The size is rounded up, not down: it is never 0 while there are frames."),
        _those(lambda g, length, n, size: length // n == 0),
    ),
    (
        N_("A short segment is not an empty one: it counts as used."),
        _those(lambda g, length, n, size: (g + 1) * size > length),
    ),
    (
        N_("More than the last one can be empty."),
        _those(lambda g, length, n, size: g == n - 1 and g * size >= length),
    ),
    (
        N_("Not the frames that are missing are asked for, but the segments that hold none."),
        lambda length, n: list(range(length, n * -(-length // n))),
    ),
    (
        N_("Where num_segments does not divide length, the last segment may still hold frames."),
        lambda length, n: [n - 1] if length % n else [],
    ),
)
UNUSED_CASES = ((3, 6), (9, 4), (10, 4), (16, 5), (10, 7), (1, 4), (5, 8), (320, 4), (30, 12))


def _find_mistake_in_unused(answer):
    return find_mistake(answer, unused, UNUSED_CASES, UNUSED_MISTAKES)


def next_width(output_size, num_segments):
    """The smallest width from output_size on of which a segment can be given its part."""
    width = max(output_size, 4 * num_segments)
    while width // num_segments % 4:
        width += 1
    return width


def _next_multiple(step):
    """The next multiple of step(num_segments)."""
    return lambda width, n: -(-width // step(n)) * step(n)


def _largest_below(output_size, num_segments):
    while output_size // num_segments % 4:
        output_size -= 1
    return output_size


def _may_be_zero(output_size, num_segments):
    while output_size // num_segments % 4:
        output_size += 1
    return output_size


WIDTH_MISTAKES = (
    (N_("0 is a multiple of 4, but four heads need at least one channel each."), _may_be_zero),
    (N_("That is the width as it came, whether it fits or not."), lambda width, n: width),
    (
        N_("That is the width of one segment: asked is the output_size of all."),
        lambda width, n: next_width(width, n) // n,
    ),
    (N_("It must not be below output_size: look upwards."), _largest_below),
    (
        N_(
            "num_segments need not divide the width: "
            "it is width // num_segments that 4 must divide."
        ),
        _next_multiple(lambda n: n),
    ),
    (
        N_("That is a multiple of 4; but it is output_size // num_segments that must be one."),
        _next_multiple(lambda n: 4),
    ),
    (
        N_(
            "That works, but is not the smallest: // rounds down, "
            "so 265 // 3 = 88 is a multiple of 4."
        ),
        _next_multiple(lambda n: 4 * n),
    ),
    (
        N_("output_size itself may work, and is then the smallest: begin there."),
        lambda width, n: next_width(width + 1, n),
    ),
    (
        N_("4 segments are fixed in your code: use num_segments."),
        lambda width, n: next_width(width, 4),
    ),
    (
        N_("Each segment needs a width of at least 4, not all of them together."),
        lambda width, n: max(4, _may_be_zero(width, n)),
    ),
)
WIDTHS = ((257, 3), (264, 3), (265, 3), (1024, 4), (100, 8), (3, 4), (10, 4), (250, 7), (48, 2))


def _find_mistake_in_width(answer):
    return find_mistake(answer, next_width, WIDTHS, WIDTH_MISTAKES)


EXERCISES = (
    Exercise(
        "segments.boundaries",
        N_(
            "Write boundaries(length: int, num_segments: int) -> list of pairs of int:\n"
            "(start, stop) of every segment, in order. "
            "stop is the first frame behind the segment,\n"
            "as in a slice. "
            "Each segment has ⌈length / num_segments⌉ frames as long as there are any;\n"
            "then one may be shorter, and those behind it are empty: (length, length).\n"
            "boundaries(40, 4) is [(0, 10), (10, 20), (20, 30), (30, 40)]. Try also 10 in 4.\n"
            "Write it without attnlib."
        ),
        _find_mistake_in_boundaries,
        (
            N_("⌈a / b⌉ is math.ceil(a / b), or without an import -(-a // b)."),
            N_("Segment number g would start at g · size and stop at (g + 1) · size."),
            N_("No frame lies beyond length: min(g * size, length), for start and for stop."),
        ),
        boundaries,
        loop=boundaries_by_counting,
        rule=Rule(),
    ),
    Exercise(
        "segments.local_branch",
        N_(
            "Write local_branch(x: torch.Tensor, branches) -> torch.Tensor, (L, C) -> (L, C).\n"
            "branches are G functions, one for each segment. Cut the frames x into G segments,\n"
            "as boundaries does, and give segment g, (N, C), to branches[g], which makes other\n"
            "rows of it, (N, C). An empty segment is skipped: its branch is not called.\n"
            "The rows come back in the order of the frames. Write it without attnlib."
        ),
        _find_mistake_in_local_branch,
        (
            N_("boundaries(len(x), len(branches)) says where each segment starts and stops."),
            N_("branches[g](x[start:stop]) are the rows of segment g. Do it where start < stop."),
            N_("Collect the rows of the segments in a list; torch.cat makes one tensor of it."),
        ),
        local_branch,
        loop=local_branch_by_frames,
        rule=Rule(),
    ),
    Exercise(
        "segments.unused",
        N_(
            "Write unused(length: int, num_segments: int) -> list of int:\n"
            "the numbers of the sets of parameters that no frame meets, in order.\n"
            "unused(9, 4) is [3]; unused(8, 4) is []."
        ),
        _find_mistake_in_unused,
        (
            N_("A set is unused where its segment is empty: start == stop in boundaries."),
            N_("Segment g is empty where g · ⌈length / num_segments⌉ has reached length."),
        ),
        unused,
    ),
    Exercise(
        "segments.next_width",
        N_(
            "Write next_width(output_size: int, num_segments: int) -> int:\n"
            "the smallest width that is not below output_size and that GlobalLocalAttention takes\n"
            "with so many segments: width // num_segments must be a multiple of 4, and at least 4."
        ),
        _find_mistake_in_width,
        (
            N_("A loop will do: begin at output_size, add 1 until it fits."),
            N_("It does not fit while width // num_segments % 4 is not 0."),
            N_("Below 4 * num_segments nothing fits: begin at max(output_size, 4 * num_segments)."),
        ),
        next_width,
    ),
)
