"""Where segments begin and end, which of them are empty, and widths that fit."""

from attnlib.course.language import N_
from attnlib.course.widgets.checking import find_mistake
from attnlib.course.widgets.exercise import Exercise


def boundaries(length, num_segments):
    """(start, stop) of every segment; stop is the first frame behind it."""
    size = -(-length // num_segments)  # rounded up
    edges = [min(number * size, length) for number in range(num_segments + 1)]
    return list(zip(edges, edges[1:], strict=False))


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
    ),
    (
        N_(
            "Rounded down, the last segment takes the rest: round up, then the last one is shorter."
        ),
        _rest_to_the_last,
    ),
    (
        N_(
            "Nothing is evened out: every segment has ⌈length / num_segments⌉ frames while there "
            "are any. You share the rest out, as torch.tensor_split does."
        ),
        _spread,
    ),
    (
        N_(
            "Nothing is evened out: every segment has ⌈length / num_segments⌉ frames while there "
            "are any. You cut at number · length // num_segments."
        ),
        _proportional,
    ),
    (
        N_("length // num_segments + 1 is too long where num_segments divides length."),
        lambda length, n: _cut(length // n + 1, length, n),
    ),
    (
        N_("num_segments was taken for the length of a segment: it is how many there are."),
        _pieces_of,
    ),
    (
        N_("An empty segment must be in the list as well: it has parameters, and takes its place."),
        lambda length, n: [pair for pair in boundaries(length, n) if pair[0] < pair[1]],
    ),
    (N_("A stop lies beyond the last frame: take min(…, length)."), _beyond),
    (
        N_("An empty segment starts beyond the last frame: take min(…, length) for start as well."),
        _starts_beyond,
    ),
    (
        N_("stop is the first frame *behind* the segment, as in a slice, not its last frame."),
        _each(lambda start, stop, length: (start, stop - 1)),
    ),
    (
        N_("The second number must be where the segment stops, not how long it is."),
        _each(lambda start, stop, length: (start, stop - start)),
    ),
    (
        N_("These are the lengths. Wanted are pairs (start, stop)."),
        _each(lambda start, stop, length: stop - start),
    ),
    (N_("Frames are counted from 0."), _each(lambda start, stop, length: (start + 1, stop + 1))),
)
CUTS = ((10, 4), (9, 4), (16, 5), (1, 2), (7, 7), (320, 4), (5, 8), (10, 7), (23, 6), (100, 9))


def _find_mistake_in_boundaries(answer):
    return find_mistake(answer, boundaries, CUTS, CUTTING_MISTAKES)


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
        N_("The size is rounded up, not down: ⌈length / num_segments⌉."),
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
            "boundaries(40, 4) is [(0, 10), (10, 20), (20, 30), (30, 40)]. Try also 10 in 4."
        ),
        _find_mistake_in_boundaries,
        (
            N_("⌈a / b⌉ is math.ceil(a / b), or without an import -(-a // b)."),
            N_("Segment number g would start at g · size and stop at (g + 1) · size."),
            N_("No frame lies beyond length: min(g * size, length), for start and for stop."),
        ),
        boundaries,
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
