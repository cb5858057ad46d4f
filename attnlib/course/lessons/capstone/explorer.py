"""Who influences whom, in a module that is right and in one with a mistake."""

from collections.abc import Callable, Mapping

from matplotlib.figure import Figure
from torch import Tensor, nn

from attnlib.course.compare import influence
from attnlib.course.figures.influence import plot_influence
from attnlib.course.language import N_, say
from attnlib.course.widgets.controls import choice, states, stepper
from attnlib.course.widgets.explorer import Explorer
from attnlib.layout import segment_slices

GROUPS = 4  # blocks or segments of the suspects
IN_GROUPS = ("blocks", "segments")
NAMES = {"blocks": N_("blocks"), "segments": N_("segments"), "frames": N_("frames")}

Pairs = Mapping[str, tuple[nn.Module, nn.Module]]


def bug_hunt_drawer(x: Tensor, pairs: Pairs) -> Callable[[str, int], tuple[Figure, str]]:
    """draw(suspect, length) -> the influence of both modules on the first tokens of x.

    Args:
        x: (L, C).
        pairs: name -> the module that is right and the suspect, as `buggy.pair` gives them; one
            named "blocks" takes (B, G, N, C), the others (L, C).
    """

    def draw(suspect: str, length: int) -> tuple[Figure, str]:
        if suspect == "blocks" and length % GROUPS:
            raise ValueError(
                f"length must be a multiple of {GROUPS} for blocks, which are equal, got {length}"
            )
        tokens = x[:length]
        tokens = tokens.view(1, GROUPS, -1, x.shape[-1]) if suspect == "blocks" else tokens
        names = (say("the original"), say("the rewrite"))
        found = [influence(module, tokens) for module in pairs[suspect]]
        groups = segment_slices(length, GROUPS) if suspect in IN_GROUPS else ()
        edges = [group.start for group in groups[1:] if group.start < length]
        figure = plot_influence(dict(zip(names, found, strict=True)), edges=edges)
        return figure, _read(suspect, length, found)

    return draw


def explore_bug_hunt(x: Tensor, pairs: Pairs) -> Explorer:
    """Choose a suspect and a length: who influences whom, in both? See `bug_hunt_drawer`."""
    controls = {
        "suspect": choice(
            say("suspect"), "segments", [(_name(suspect), suspect) for suspect in pairs]
        ),
        "length": stepper(say("tokens"), min(30, len(x)), range(GROUPS, len(x) + 1)),
    }

    def lengths(suspect, **_):
        return range(GROUPS, len(x) + 1, GROUPS if suspect == "blocks" else 1)

    drawer = bug_hunt_drawer(x, pairs)
    recorded = states(controls, length=range(2 * GROUPS, len(x) + 1, 5))
    return Explorer("explore_bug_hunt", drawer, controls, {"length": lengths}, recorded=recorded)


def _name(suspect):
    """What a suspect is called; the reader's own is called what it was named."""
    name = NAMES.get(suspect, suspect)
    return say(name)


def _read(suspect, length, found):
    original, rewrite = (matrix > 0 for matrix in found)
    differ = (original != rewrite).sum().item()
    told = {
        "suspect": _name(suspect),
        "length": length,
        "original": original.sum(),
        "pairs": length**2,
        "rewrite": rewrite.sum(),
    }
    if not differ:
        return say(
            "{suspect}, {length} tokens: the original feels {original} of {pairs} pairs, "
            "the rewrite {rewrite}; they are the same.",
            **told,
        )
    return say(
        "{suspect}, {length} tokens: the original feels {original} of {pairs} pairs, "
        "the rewrite {rewrite}; {differ} pairs are felt in one of the two only.",
        differ=differ,
        **told,
    )
