"""How many directions of the input an attention can see at all, whatever its parameters are.

What a softmax knows of q and k is their product, what y knows of v is that with `out`: the
directions in these products are there in any writing. No parameters give products of more
directions than random ones do.
"""

import torch
from torch import Tensor

from attnlib.course.compare.reading.immovable import Immovable
from attnlib.course.language import N_, say

SMALL = 1e-9  # relative to the largest: no direction
FEW = {
    ("query",): N_("its queries see {count} directions of the input"),
    ("key",): N_("its keys see {count} directions of the input"),
    ("value",): N_("its values see {count} directions of the input"),
    ("query", "key"): N_("its queries and keys see {count} directions of the input"),
    ("query", "value"): N_("its queries and values see {count} directions of the input"),
    ("key", "value"): N_("its keys and values see {count} directions of the input"),
    ("query", "key", "value"): N_(
        "its queries, keys and values see {count} directions of the input"
    ),
    ("out",): N_("what its heads give moves y in {count} directions"),
}


def check_ranks(free: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    """Immovable if the wanted parts need more directions than the target has.

    Args:
        free: the parts of the target at random parameters.
    """
    most = {name: free[name].flatten(0, 1) for name in ("query", "key", "value")}
    most["out"] = free["out"].mT.flatten(0, 1)
    scores, moves = wanted["query"].mT @ wanted["key"], wanted["out"] @ wanted["value"]
    least = {"query": scores.mT, "key": scores, "value": moves, "out": moves.mT}
    for names, message in FEW.items():
        count = _rank(torch.cat([most[name] for name in names]))
        if _rank(torch.cat([least[name].flatten(0, 1) for name in names])) > count:
            raise Immovable(say(message, count=count))


def _rank(rows):
    sizes = torch.linalg.svdvals(rows)
    return int((sizes > SMALL * sizes[0]).sum())
