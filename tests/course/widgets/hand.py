"""Explorers as a hand in the browser moves them."""

from attnlib.course.widgets.explorer import Explorer


def by_hand(explorer: Explorer, **values) -> None:
    """Move one control after the other; others may have to follow."""
    for name, value in values.items():
        at = explorer._at(explorer.state | {name: value})
        explorer.asked = {"at": at, "count": explorer.asked["count"] + 1}


def grey(explorer: Explorer) -> set[str]:
    """The controls that make no difference now."""
    return {name for name, values in explorer.offered.items() if len(values) < 2}
