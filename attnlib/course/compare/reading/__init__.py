"""A module read from what it does: matrices, biases, masks, turns, and the place of each number."""
