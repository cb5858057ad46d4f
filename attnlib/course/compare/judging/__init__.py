"""Two modules: the same, different, or undecided; and by what that is seen."""
