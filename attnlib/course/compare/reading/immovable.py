"""What stands in the way of a move is named; where all was read, it is a reason of difference."""

EQUAL = 1e-6  # numbers nearer than this are those that a part has, whatever its parameters are


class Immovable(ValueError):
    """Why the parameters of one attention do not go into another."""


class Untried(Immovable):
    """No way is known to the reader, and none is excluded: it is no reason of difference."""
