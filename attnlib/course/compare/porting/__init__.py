"""A move written as Python to be pasted, and what `same` found as a reader sees it."""
