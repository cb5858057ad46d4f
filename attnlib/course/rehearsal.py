"""How much memory a run will take: rehearsed on tensors that have a shape and no numbers."""

import logging
import warnings
import weakref
from collections.abc import Callable
from contextlib import contextmanager, redirect_stdout
from copy import deepcopy
from io import StringIO

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from attnlib.course.memory import check_memory, free_memory

Run = Callable[[Callable, Tensor], object]
# Numbers that are kept for each pair of tokens, and for each number of x, in work that is large. If
# those would fit, so does the real work: nothing is rehearsed, and no module runs twice.
LARGE = 1000


def check_run(
    work: str,
    run: Run,
    module: Callable,
    x: Tensor,
    named: Callable[[tuple[int, ...]], str] = "x of shape {}".format,
) -> None:
    """Refuse run(module, x), before it begins, where it needs more memory than is free.

    What it needs is rehearsed, on a copy of the module. A module whose steps hang on numbers, say
    by `.item()`, cannot be rehearsed, and is never refused.

    Args:
        work: what it is, for the error.
        x: (…, C). One that would fit is shorter along the longest of the axes before the last.
        named: the shape of x -> how the error writes it.
    Raises:
        MemoryError: with how much it would take, and an x that would fit.
    """
    if _surely_fits(x):
        return
    lengths = x.shape[:-1] or x.shape
    axis = lengths.index(max(lengths))

    def shape(size):
        return (*x.shape[:axis], size, *x.shape[axis + 1 :])

    def needed(size):
        try:
            return rehearse(run, module, x, shape(size))
        except Exception:  # the reader's own code may raise anything; the real run will say it
            return 0 if size == x.shape[axis] else torch.inf

    check_memory(work, needed, x.shape[axis], lambda size: named(shape(size)), x.device)


def rehearse(run: Run, module: Callable, x: Tensor, shape: tuple[int, ...]) -> int:
    """The most bytes alive at a time in run(module, x) for an x like this one of another shape.

    Right to within a factor of 1.5: what PyTorch takes inside one operation it does not see.
    """
    copied = _copy(module)
    with _quiet(), FakeTensorMode(allow_non_fake_inputs=True), Ledger() as ledger:
        run(copied, torch.empty(shape, dtype=x.dtype, device=x.device))
    return ledger.most


class Ledger(TorchDispatchMode):
    """Counts the bytes of what is made inside it: `now` alive, and `most` so far."""

    def __init__(self):
        super().__init__()
        self.now = self.most = 0
        self._alive: dict[int, int] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the first use imports the whole compiler, which takes seconds

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if not function.is_view:
            for each in tree_leaves(result):
                if isinstance(each, Tensor) and each.layout == torch.strided:
                    self._note(each.untyped_storage())
        return result

    def _note(self, storage):
        number = storage._cdata
        if number not in self._alive:
            self._alive[number] = storage.nbytes()
            self.now += storage.nbytes()
            self.most = max(self.most, self.now)
            weakref.finalize(storage, self._freed, number).atexit = False

    def _freed(self, number):
        self.now -= self._alive.pop(number)


def _copy(module):
    """With the same tensors, as a rehearsal writes into none; what is assigned, the copy keeps."""
    parts = list(module.modules()) if isinstance(module, nn.Module) else []
    kept = (each for part in parts for each in tree_leaves(list(vars(part).values())))
    return deepcopy(module, {id(each): each for each in kept if isinstance(each, Tensor)})


@contextmanager
def _quiet():
    """What a module prints, warns of or logs, it will when it really runs."""
    before = logging.root.manager.disable
    logging.disable()
    try:
        with redirect_stdout(StringIO()), warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.disable(before)


def _surely_fits(x: Tensor) -> bool:
    tokens = x.numel() // max(1, x.shape[-1]) if x.dim() > 1 else 1
    return LARGE * (tokens**2 + x.numel()) * x.element_size() <= free_memory(x.device)
