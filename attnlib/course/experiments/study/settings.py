"""What is compared: a common middle, each of its dials turned alone, the two ends, no attention."""

from types import MappingProxyType

from attnlib.course.compare import NEST, PGLSUM, VALUES, turned

# NesT with a global branch beside the local one: without it, other dials have no effect.
MIDDLE = MappingProxyType(turned(NEST, sees="all tokens", fusion="add", initial="Xavier √2"))

# Dials that change no output, so there is nothing to train; each with its reason.
NOTATION = MappingProxyType(
    {
        "input": "groups are computed together or one after the other, from the same parameters",
        "projections": "the rows of the one matrix are those of the matrices of all heads",
        "returned": "it says which map is handed back beside the output",
    }
)

# Also notation: the columns of the output matrix in another order. It is trained as the control:
# any difference it shows is chance.
CONTROL = "merge: h d"


def settings() -> dict[str, dict | None]:
    """Name -> dials; None is the network without its attention."""
    found = {"middle": dict(MIDDLE)}
    for dial, values in VALUES.items():
        for value in values:
            if dial not in NOTATION and value != MIDDLE[dial]:
                found[f"{dial}: {value}"] = turned(MIDDLE, **{dial: value})
    found["NesT"] = dict(NEST)
    fast = {dial: NEST[dial] for dial in NOTATION}
    found["PGL-SUM"] = turned(PGLSUM, **fast)
    found["no attention"] = None
    return found


SETTINGS = MappingProxyType(settings())
