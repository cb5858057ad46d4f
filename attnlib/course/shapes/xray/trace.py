"""The trace: every call of the forward pass, at the level at which it is written."""

from collections.abc import Callable
from types import FunctionType

import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from attnlib.course.language import say
from attnlib.course.shapes.xray.axes import leaves, numbers
from attnlib.course.shapes.xray.calls import Call, Effect, name_of
from attnlib.course.shapes.xray.effects import effect_of
from attnlib.course.shapes.xray.letters import Letters
from attnlib.course.shapes.xray.memory import new_bytes, same_view, tensors
from attnlib.course.shapes.xray.places import here
from attnlib.course.shapes.xray.products import SCORES
from attnlib.course.shapes.xray.rows import Row, folded
from attnlib.course.shapes.xray.table import Step
from attnlib.course.shapes.xray.words import shown_axes

# While a trace is active, PyTorch passes this function to it as a single call. A copy that does not
# check for a trace runs line by line, so that the calls inside are traced too.
MULTI_HEAD = F.multi_head_attention_forward
BY_LINE = FunctionType(
    MULTI_HEAD.__code__,
    {**MULTI_HEAD.__globals__, "has_torch_function": lambda tensors: False},
    MULTI_HEAD.__name__,
    MULTI_HEAD.__defaults__,
)
WEIGHT = {"linear": 1, "addmm": 2}  # which operand names the step
COPIES = ("reshape", "flatten", "contiguous", "clone", "cat", "concat", "stack", "repeat")


class Trace(TorchFunctionMode):
    """Keeps the axes of every tensor that it meets, and a row for each step.

    It keeps a reference to every tensor, because the id of one that was freed may be used again.

    Args:
        letters: see `Letters`.
        parameters: {id: name} of the module's own.
        step: called after each call of the forward pass.
    """

    def __init__(
        self,
        letters: Letters,
        parameters: dict[int, str],
        step: Callable[[], object] = lambda: None,
    ):
        super().__init__()
        self.letters = letters
        self.rows: list[Row] = []
        self._met: dict[int, tuple[Tensor, tuple]] = {}
        self._called = dict(parameters)
        self._made: dict[int, tuple[Row, Tensor]] = {}
        self._under_way = ""
        self._step = step

    def meet(self, x: Tensor, axes) -> None:
        """Note the axes of a tensor."""
        self._met[id(x)] = x, axes

    def axes(self, x: Tensor):
        """The axes of a tensor: numbers if it is met for the first time."""
        if id(x) not in self._met:
            self.meet(x, numbers(x.shape))
        return self._met[id(x)][1]

    def steps(self) -> tuple[Step, ...]:
        """The rows, rendered."""
        return folded(self.rows)

    def so_far(self) -> str:
        """What was done, and the call under way: for one whose shapes do not fit."""
        done = "; ".join(f"{step.step}: {step.axes} {step.shape}" for step in self.steps())
        now = f" Then {self._under_way}." if self._under_way else ""
        return f"xray, the steps so far: {done or 'none'}.{now}"

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is MULTI_HEAD:
            with self:
                return BY_LINE(*args, **kwargs)
        operands = tensors((*args, *kwargs.values()))
        shapes = (f"{shown_axes(self.axes(x))} {tuple(x.shape)}" for x in operands)
        self._under_way = f"{name_of(func)} of {' and '.join(shapes)}"
        result = func(*args, **kwargs)
        self._under_way = ""
        written = args[0] if func is Tensor.__setitem__ else result
        results = tensors([written])
        if results and results[0].numel():
            call = Call(func, args, kwargs, written, self.axes, self.letters)
            self._note(call, operands, results)
        self._step()
        return result

    def _note(self, call, operands, results):
        effect = effect_of(call) or Effect([], self.axes(results[0]))
        before = [(x, self.axes(x)) for x in operands]
        for k, x in enumerate(results):
            if not any(x is operand for operand in operands):
                same = x.shape == results[0].shape
                self.meet(x, effect.goes_on if same else numbers(x.shape))
                self._called[id(x)] = self._name_of(effect, operands, k)
        if not call.in_place and self._nothing_done(before, results[0]):
            return
        size = new_bytes(operands, results)
        kind = "computes" if size or call.in_place else "moves"
        kind = "copies" if size and call.name in COPIES else kind
        verb, subject = self._words(call, effect, operands)
        row = Row(here(), verb, subject, effect, results[0], size, kind)
        if not self.rows or not self.rows[-1].takes(row, operands[0] if operands else None):
            self.rows.append(row)
        if len(operands) == len(results) == 1:
            self._made[id(results[0])] = self.rows[-1], operands[0]
        for x, name in zip(operands, effect.parts, strict=False):  # a mask may follow
            self._call_back(x, name)

    def _call_back(self, x: Tensor, name: str) -> None:
        """Now that it is known what a tensor is, the rows say so that made it out of one other."""
        while name and id(x) in self._made and not self._called.get(id(x)):
            self._called[id(x)] = name
            row, x = self._made[id(x)]
            row.subject = row.subject or name

    def _nothing_done(self, before, after: Tensor) -> bool:
        """Whether a result is an operand again: contiguous of what is, dropout in eval mode."""
        axes = list(map(leaves, self.axes(after)))
        return any(
            same_view(x, after) and list(map(leaves, operand_axes)) == axes
            for x, operand_axes in before
        )

    def _name_of(self, effect, operands, k) -> str:
        """q, k and v keep their names where they only move, or are scaled; so do parameters."""
        if effect.called:
            return effect.called[k]
        return self._called.get(id(operands[0]), "") if len(operands) == 1 else ""

    def _words(self, call, effect, operands) -> tuple[str, str]:
        """What a call does, and the name of what it does it to: of its weight if it has one."""
        names = [self._called.get(id(x), "") for x in operands]
        if effect.verb == SCORES:
            q, k = names[:2] if all(names) else "qk"
            return say(SCORES, q=q, k=k), ""
        if effect.verb[:1].isalpha():
            return effect.verb, ""
        weight = WEIGHT.get(call.name)
        subject = next(filter(None, names), "") if weight is None else names[weight]
        return effect.verb or call.name, subject


def parameter_names(module) -> dict[int, str]:
    """{id: "qkv"} for qkv.weight, in_proj_weight and the like."""
    named = module.named_parameters() if isinstance(module, nn.Module) else ()
    return {id(p): name.removesuffix("weight").rstrip("._") for name, p in named}
