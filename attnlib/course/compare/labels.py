"""What the dials and their values are called where a reader sees them: in code they have names."""

from attnlib.course.language import N_, say

DIALS = {
    "input": N_("input"),
    "projections": N_("projections"),
    "merge": N_("merge"),
    "key_value_bias": N_("key value bias"),
    "query_bias": N_("query bias"),
    "output_bias": N_("output bias"),
    "sees": N_("sees"),
    "group_parameters": N_("group parameters"),
    "local_branch": N_("local branch"),
    "positions": N_("positions"),
    "fusion": N_("fusion"),
    "scale": N_("scale"),
    "initial": N_("initial"),
    "dropout": N_("dropout"),
    "returned": N_("returned"),
}

# Other values are code, or numbers.
WORDS = {
    *(N_("groups together"), N_("one group at a time")),
    *(N_("one matrix"), N_("one a head")),
    *(N_("own group"), N_("all tokens")),
    *(N_("shared"), N_("own")),
    *(N_("full"), N_("narrow")),
    *(N_("absolute"), N_("relative")),
    N_("normal .02"),
    *(N_("nothing"), N_("last head")),
}


def dial(name: str) -> str:
    """What the dial of this name is called."""
    return say(DIALS[name])


def value(given: object) -> str:
    """What the value of a dial is called."""
    if given is None:
        return say("none")
    return say(given) if given in WORDS else str(given)
