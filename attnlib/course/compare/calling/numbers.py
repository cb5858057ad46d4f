"""The whole numbers that a module knows: any may be a length that it needs, or a window."""

from collections.abc import Iterator

from torch import Tensor, nn

TORCH = nn.Module.__module__.split(".")[0]


def whole_numbers(module: nn.Module) -> set[int]:
    """Those kept by its parts and configurations, written in code, sizes of buffers and lists."""
    found = repeats(module)
    for part in module.modules():
        found |= set(_numbers(vars(part), deep=True))
        found |= {size for buffer in part.buffers(recurse=False) for size in buffer.shape}
        if not type(part).__module__.startswith(TORCH):
            found |= set(_of_code(part))
    return {number for number in found if number > 1}


def repeats(module: nn.Module) -> set[int]:
    """How often it has the same part: entries of lists, and of the first of three or more axes."""
    lists = (p for p in module.modules() if isinstance(p, nn.ModuleList | nn.ParameterList))
    stacked = (p for p in module.parameters() if p.dim() > 2)
    return {len(each) for each in (*lists, *stacked)}


def _of_code(part) -> Iterator[int]:
    """Numbers in the methods of a class of somebody's own."""
    code = [method.__code__ for method in vars(type(part)).values() if hasattr(method, "__code__")]
    for each in code:
        yield from (number for number in each.co_consts if type(number) is int)
        code += (inner for inner in each.co_consts if hasattr(inner, "co_consts"))


def _numbers(values: dict, deep: bool) -> Iterator[int]:
    for value in values.values():
        if type(value) is int:
            yield value
        elif isinstance(value, tuple | list):
            yield from (each for each in value if type(each) is int)
        elif deep and hasattr(value, "__dict__") and not isinstance(value, nn.Module | Tensor):
            yield from _numbers(vars(value), deep=False)
