"""What a caller may get wrong with numbers and names."""

from torch import Tensor


def positive(name: str, value: int) -> None:
    """Raise unless `value` is an int of at least 1."""
    if not isinstance(value, int):
        raise TypeError(f"{name}={value!r} must be an int, got {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name}={value} must be at least 1")


def size(height: int | None, width: int | None) -> tuple[int | None, int | None]:
    """Both sides as they came; raise unless each is None or an int of at least 1."""
    for name, value in (("height", height), ("width", width)):
        if value is not None:
            positive(name, value)
    return height, width


def known(name: str, names) -> None:
    """Raise unless `name` is one of `names`."""
    if name not in names:
        raise ValueError(f"name={name!r} is unknown: expected one of {', '.join(names)}")


def finite(name: str, value: Tensor) -> None:
    """Raise unless every number is finite; the error names the first place along the first axis."""
    wrong = ~value.isfinite()
    if wrong.any():
        first = tuple(wrong.nonzero()[0].tolist())
        at = f"[{first[0]}]" if first else ""
        what = "NaN" if value[first].isnan() else "infinity"
        raise ValueError(f"{name}{at} holds {what}: expected finite numbers")
