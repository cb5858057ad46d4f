"""Axes and patterns as text."""

from collections import Counter

from attnlib.course.shapes.xray.axes import Factor, leaves


def shown_axes(axes) -> str:
    """ "B G N 3·H·D": the package's letters, and numbers for what is not known."""
    return " ".join("·".join(map(_letter, leaves(axis))) or "1" for axis in axes)


def shown_pattern(inputs, output, splits: dict, copies: int = 1) -> str:
    """ "b n (three h d) -> three b h n d", one term for each of the inputs' axes.

    Different factors of one name are told apart by a prime.
    """
    names, seen = {}, Counter()

    def name(factor):
        if factor not in names:
            base = factor.name or factor.likely.lower() or str(factor.size)
            names[factor] = base if base == "1" else base + "′" * seen[base]
            seen[base] += 1
        return names[factor]

    def term(axes):
        axes = (tuple(map(name, leaves(axis, splits))) for axis in axes)
        return " ".join(a[0] if len(a) == 1 else f"({' '.join(a)})" if a else "1" for a in axes)

    left = ", ".join(map(term, inputs))
    return f"{left} -> {f'{copies} × ' if copies > 1 else ''}{term(output)}"


def _letter(factor: Factor) -> str:
    letter = factor.letter or factor.likely
    return letter.replace("three", "3") if letter else str(factor.size)
