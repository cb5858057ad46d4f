"""Calls that only move: they cut axes, merge them, change their order, or take a part."""

import torch

from attnlib.course.shapes.xray.axes import (
    CHANNELS,
    TOKENS,
    Factor,
    leaves,
    numbers,
    regroup,
    size_of,
)
from attnlib.course.shapes.xray.calls import Call, Effect


def regrouped(call: Call) -> Effect | None:
    """reshape and its like: the order of the elements stays, so the shape says it all."""
    axes = call.axes(call.args[0])
    output, splits = regroup(axes, call.result.shape, call.letters)
    return output and Effect([axes], output, splits=splits, pure=True)


def permuted(call: Call) -> Effect:
    """permute and its like: the same call on a tensor whose sizes all differ tells the order."""
    axes = call.axes(call.args[0])
    probe = torch.empty(tuple(range(2, 2 + len(axes))), device="meta")
    order = [size - 2 for size in call.function(probe, *call.args[1:], **call.kwargs).shape]
    return Effect([axes], tuple(axes[k] for k in order), pure=True)


def copied(call: Call) -> Effect:
    """contiguous, clone: only the memory changes, not the order."""
    axes = call.axes(call.args[0])
    return Effect([axes], axes, pure=True)


def unbound(call: Call) -> Effect:
    """unbind: one tensor for each entry of an axis."""
    axes = call.axes(call.args[0])
    return _taken_apart(call, axes, axes, call.arg(1, "dim", 0) % len(axes), {})


def chunked(call: Call) -> Effect | None:
    """chunk and split: the axis of equal pieces is split in (how many, how long)."""
    axes, pieces = call.axes(call.args[0]), call.result
    dim = call.arg(2, "dim", 0) % len(axes)
    shape = [*pieces[0].shape[:dim], len(pieces), *pieces[0].shape[dim:]]
    if any(piece.shape != pieces[0].shape for piece in pieces):
        return None
    cut, splits = regroup(axes, shape, call.letters)
    return cut and _taken_apart(call, axes, cut, dim, splits)


def joined(call: Call) -> Effect:
    """cat and stack of equal pieces: what einops makes of a list of tensors."""
    pieces, dim = call.args[0], call.arg(1, "dim", 0) % call.result.dim()
    axes = call.axes(pieces[0])
    if any(piece.shape != pieces[0].shape for piece in pieces):
        return _joined_unequal(call, pieces, axes, dim)
    heads = len(pieces) in call.letters.heads and _of_one_head(axes[-1])
    count = (Factor(len(pieces), "H" if heads else ""),)
    merged = () if call.name == "stack" else axes[dim]
    after = axes[dim:] if call.name == "stack" else axes[dim + 1 :]
    return Effect([(count, *axes)], (*axes[:dim], count + merged, *after))


def indexed(call: Call) -> Effect:
    """x[…] of slices, numbers, None and …: an axis cut shorter has another size, and a number."""
    axes, index = call.axes(call.args[0]), _as_tuple(call.args[1])
    if not all(isinstance(k, int | slice) or k is None or k is ... for k in index):
        return Effect([], numbers(call.result.shape), verb="[…]")
    verb, called = written(index), ()
    taken = sum(k is not None and k is not ... for k in index)
    at = index.index(...) if ... in index else len(index)
    index = (*index[:at], *[slice(None)] * (len(axes) - taken), *index[at + 1 :])
    output, old, sizes = [], list(axes), call.result.shape
    for k in index:
        if k is None:
            output.append(())
        elif isinstance(k, slice):
            output.append(_sliced(old.pop(0), sizes[len(output)]))
        else:
            called = _called(old.pop(0))[k : k + 1]
    pure = all(k is None or k == slice(None) for k in index)
    inputs = [axes] if pure else []
    return Effect(inputs, tuple(output), pure=pure, verb=verb, called=called)


def written_to(call: Call) -> Effect:
    """x[…] = y."""
    index = _as_tuple(call.args[1])
    return Effect([], call.axes(call.args[0]), verb=f"{written(index)} =")


def expanded(call: Call) -> Effect:
    """expand: an axis of size 1 is repeated, and its meaning is not known."""
    axes, sizes = call.axes(call.args[0]), numbers(call.result.shape)
    axes = ((),) * (len(sizes) - len(axes)) + axes
    kept = (a if size_of(a) == size_of(n) else n for a, n in zip(axes, sizes, strict=True))
    return Effect([], tuple(kept))


def written(index: tuple) -> str:
    """An index as it stands in the code; "…" for tensors and lists in it."""
    return f"[{', '.join(map(_written, index))}]"


def _written(k) -> str:
    if isinstance(k, slice):
        ends = ["" if end is None else str(end) for end in (k.start, k.stop, k.step)]
        return ":".join(ends if k.step is not None else ends[:2])
    return "..." if k is ... else str(k) if k is None or isinstance(k, int) else "…"


def _as_tuple(index) -> tuple:
    return index if isinstance(index, tuple) else (index,)


def _taken_apart(call, axes, cut, dim, splits) -> Effect:
    """One tensor for each entry of `dim`, an axis of `cut`."""
    output = cut[:dim] + cut[dim + 1 :]
    copies, called = len(call.result), _called(cut[dim])
    return Effect([axes], output, splits=splits, copies=copies, called=called)


def _called(axis) -> tuple[str, ...]:
    """The three of an axis three are q, k and v."""
    return tuple("qkv") if [factor.letter for factor in axis] == ["three"] else ()


def _joined_unequal(call, pieces, axes, dim) -> Effect:
    """Tokens that add up to all tokens are L again; any other sum is a number."""
    size = call.result.shape[dim]
    kinds = {factor.kind for piece in pieces for factor in call.axes(piece)[dim]}
    whole = kinds == {TOKENS} and size == call.letters.length
    joint = Factor(size, "L" if whole else "", TOKENS if kinds == {TOKENS} else "")
    return Effect([], (*axes[:dim], (joint,), *axes[dim + 1 :]))


def _of_one_head(axis) -> bool:
    """Whether an axis may be what one head gives: channels, but not C."""
    return all(f.kind == CHANNELS and "C" not in f.letter + f.likely for f in leaves(axis))


def _sliced(axis, size):
    return axis if size == size_of(axis) else (Factor(size, kind=axis[0].kind if axis else ""),)
