"""A run of a module, seen from below: every elementary operation of torch, in float64.

All ways to write attention (`@`, einsum, scaled_dot_product_attention, nn.MultiheadAttention's own
function, a hand-written exp and sum) become the same few operations down here: two products of
tensors that both come from x, and between them what is done to single numbers.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode

# Where the two factors of a product stand among the arguments.
PRODUCTS = {"bmm": (0, 1), "mm": (0, 1), "baddbmm": (1, 2), "addmm": (1, 2)}
DOUBLE = {
    torch.float16: torch.float64,
    torch.bfloat16: torch.float64,
    torch.float32: torch.float64,
    torch.complex64: torch.complex128,
}


class Double(TorchDispatchMode):
    """No operation may round to single precision, whatever its module asks for."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        args, kwargs = _in_double(function, args, kwargs or {})
        return function(*args, **kwargs)


class Tape(TorchDispatchMode):
    """Calls `product` for each product of two tensors that come from x, `other` for all else.

    `count`: how many products there were so far. The same module does them in the same order for
    every x of one shape, so that a number stands for a place in its code.
    """

    def __init__(self, x: Tensor):
        super().__init__()
        self.count = 0
        self._of_x, self._alive = {_storage(x)}, [x]

    def product(self, number: int, left: Tensor, right: Tensor, result: Tensor) -> Tensor:
        """(n, N, D), (n, D, M), or both without n -> the result, or what shall stand for it."""
        return result

    def other(self, function, arguments, named, result) -> None:
        """Any other operation, after it ran."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        args, kwargs = _in_double(function, args, kwargs or {})
        result = function(*args, **kwargs)
        if not self._comes_from_x(*args, *kwargs.values()):
            return result
        self._remember(function, args, result)
        name = function.overloadpacket.__name__
        if name in PRODUCTS:
            left, right = (args[place] for place in PRODUCTS[name])
            if self._comes_from_x(left) and self._comes_from_x(right):
                number, self.count = self.count, self.count + 1
                replaced = self.product(number, left, right, result)
                self._remember(function, (), replaced)
                return replaced
        self.other(function, args, kwargs, result)
        return result

    def _comes_from_x(self, *given):
        return any(_storage(each) in self._of_x for each in tensors(given))

    def _remember(self, function, args, result):
        """By storage: who writes into a part of a tensor writes into the whole."""
        written = args[:1] if function._schema.is_mutable else ()
        for each in tensors((result, *written)):
            self._of_x.add(_storage(each))
            self._alive.append(each)  # or another tensor would get its number


@contextmanager
def on(mode: TorchDispatchMode):
    """Everything inside runs in the mode, without shortcuts, without gradients, in float64."""
    default, shortcut = torch.get_default_dtype(), torch.backends.mha.get_fastpath_enabled()
    with ExitStack() as stack:
        stack.callback(torch.set_default_dtype, default)
        stack.callback(torch.backends.mha.set_fastpath_enabled, shortcut)
        torch.set_default_dtype(torch.float64)
        torch.backends.mha.set_fastpath_enabled(False)
        stack.enter_context(torch.no_grad())
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        stack.enter_context(mode)
        yield mode


def tensors(given) -> Iterator[Tensor]:
    """Those among arguments or results of an operation of torch: alone, or in a list."""
    for each in given:
        if isinstance(each, Tensor):
            yield each
        elif isinstance(each, tuple | list):
            yield from tensors(each)


def _storage(tensor):
    return tensor.untyped_storage()._cdata


def _in_double(function, args, kwargs):
    """No operation may round to single precision, whatever its module asks for."""
    cast = not (function._schema.is_mutable or function.is_view)

    def double(each):
        if isinstance(each, torch.dtype):
            return DOUBLE.get(each, each)
        if isinstance(each, Tensor) and cast and each.dtype in DOUBLE:
            return each.to(DOUBLE[each.dtype])
        if isinstance(each, tuple | list):
            return [double(one) for one in each]
        return each

    return [double(each) for each in args], {name: double(each) for name, each in kwargs.items()}
