"""What a function calls while it runs, so that a task can say "write it yourself"."""

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FrameType

from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

CORE, COURSE = "attnlib.", "attnlib.course."
INSTALLED = ("site-packages", "dist-packages")  # in the path of what is not the reader's own
SOFTMAX = frozenset(
    {
        *("softmax", "log_softmax", "softmin", "gumbel_softmax", "scaled_dot_product_attention"),
        *("_softmax", "_safe_softmax", "_log_softmax"),
    }
)


@dataclass(frozen=True)
class Rule:
    """What the reader is to write, and so may not call.

    Args:
        names: of functions of any library, and of PyTorch's kernels. The reader's own may be
            called so.
        core: whether all of attnlib is meant too. What the course lends is not.
    """

    names: frozenset[str] = frozenset()
    core: bool = True

    def forbids_frame(self, frame: FrameType) -> bool:
        """Whether the function that this frame runs may not be called."""
        module = f"{frame.f_globals.get('__name__', '')}."
        core = module.startswith(CORE) and not module.startswith(COURSE)
        named = _function(frame.f_code) in self.names
        installed = any(part in frame.f_code.co_filename for part in INSTALLED)
        return (named and installed) or (self.core and core)


def watched(answer: Callable, rule: Rule, solution: object = None) -> tuple[Callable, list[str]]:
    """The same function, and the list to which it adds the names of what the rule forbids.

    A module's class becomes one whose `forward` is watched. To call the course's solution is
    forbidden always; to be it is not.
    """
    seen = []
    code = None if answer is solution else _code(solution)
    if isinstance(answer, type) and issubclass(answer, nn.Module):
        forward = _watched(answer.forward, rule, code, seen)
        return type(answer.__name__, (answer,), {"forward": forward}), seen
    return _watched(answer, rule, code, seen), seen


def _code(solution):
    function = vars(solution).get("forward") if isinstance(solution, type) else solution
    return getattr(function, "__code__", None)


def _watched(function, rule, code, seen):
    @functools.wraps(function)
    def watching(*arguments, **named):
        with _calls(rule, code, seen):
            return function(*arguments, **named)

    return watching


@contextmanager
def _calls(rule: Rule, code: CodeType | None, seen: list[str]) -> Iterator[None]:
    """Both ways to look: frames see a function that dissolves into ordinary operations, as
    F.normalize does, and the dispatcher sees what no frame is made for, as torch.ops.aten."""

    def note(name):
        if name in rule.names:
            seen.append(name.strip("_"))

    def profile(frame, event, called):
        if event == "c_call":
            note(called.__name__)
        elif event == "call" and (frame.f_code is code or rule.forbids_frame(frame)):
            seen.append(_function(frame.f_code))

    before = sys.getprofile()
    with _Operations(note):
        sys.setprofile(profile)
        try:
            yield
        finally:
            sys.setprofile(before)


class _Operations(TorchDispatchMode):
    """Notes the name of every operation that reaches PyTorch's kernels."""

    def __init__(self, note):
        super().__init__()
        self.note = note

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the first operation imports the compiler, which takes seconds

    def __torch_dispatch__(self, operation, types, arguments=(), named=None):
        self.note(operation.overloadpacket.__name__)
        return operation(*arguments, **(named or {}))


def _function(code: CodeType) -> str:
    """The name as a reader knows it: that of a method's class."""
    return code.co_qualname.split(".")[0]
