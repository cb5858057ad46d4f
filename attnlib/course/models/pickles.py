"""A pickle as a description of what it would build. Nothing of it is built, and nothing is run."""

import pickletools
from dataclasses import dataclass
from typing import Any, BinaryIO

import torch

DTYPES = {
    "torch FloatStorage": torch.float32,
    "torch DoubleStorage": torch.float64,
    "torch HalfStorage": torch.float16,
    "torch BFloat16Storage": torch.bfloat16,
    "torch ComplexFloatStorage": torch.complex64,
    "torch ComplexDoubleStorage": torch.complex128,
    "torch LongStorage": torch.int64,
    "torch IntStorage": torch.int32,
    "torch ShortStorage": torch.int16,
    "torch CharStorage": torch.int8,
    "torch ByteStorage": torch.uint8,
    "torch BoolStorage": torch.bool,
    # Later types lie in storages without a type, and are named beside them.
    "torch uint16": torch.uint16,
    "torch uint32": torch.uint32,
    "torch uint64": torch.uint64,
    "torch float8_e4m3fn": torch.float8_e4m3fn,
    "torch float8_e5m2": torch.float8_e5m2,
}
# Tensors that are not numbers at places of a storage, by what would build them.
ODD = {
    "torch._utils _rebuild_sparse_tensor": "a sparse tensor",
    "torch._utils _rebuild_meta_tensor_no_storage": "a meta tensor, which has no values",
    "torch._utils _rebuild_qtensor": "a quantised tensor",
    "torch._utils _rebuild_nested_tensor": "a nested tensor",
    "torch.nested._internal.nested_tensor _rebuild_njt": "a nested tensor",
}
# A pickle may name what stands in these modules, and these things: it is data. Any other name asks
# for code.
MODULES = {
    "torch",
    "torch._tensor",
    "torch._utils",
    "torch.nn.parameter",
    "torch.serialization",
    "torch.storage",
    "torch.nested._internal.nested_tensor",
    "torch._dynamo.decorators",  # names a range of sizes, of nested tensors
}
DATA = {"collections OrderedDict", "collections Counter", "_codecs encode"} | {
    f"{module} {name}"
    for module in ("builtins", "__builtin__")
    for name in ("bytearray", "complex", "set")
}
EMPTY = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
GIVEN = {"BININT", "BININT1", "BININT2", "BINFLOAT", "LONG1", "BINUNICODE", "SHORT_BINSTRING"}


class AsksForCode(Exception):
    """A pickle names something that is neither data nor a tensor; the argument is that name."""


@dataclass(frozen=True, eq=False)
class Other:
    """Anything that is neither a number, a text, a container of them, nor a tensor: its name."""

    name: str


class Odd(Other):
    """A tensor that is not numbers at places of a storage; its name says what it is."""


@dataclass(frozen=True, eq=False)
class Storage:
    """Numbers that lie elsewhere in the file, under `key`."""

    key: str
    type: str


@dataclass(frozen=True, eq=False)
class Stored:
    """A tensor: which places of which storage. Nothing of it has been checked."""

    storage: Storage
    offset: Any
    shape: Any
    stride: Any
    dtype: torch.dtype


def describe(file: BinaryIO) -> tuple[Any, dict[str, str]]:
    """What the pickle where `file` stands would build, and its storages, a type for each key.

    dict, list, tuple, str and numbers come as they are, a tensor as `Stored`, all else as `Other`.
    The instructions are those that torch.save writes. `file` then stands behind the pickle. Raises
    AsksForCode; for what is no such pickle any exception.
    """
    stack, marks, memo, types = [], [], {}, {}

    def since_mark():
        nonlocal stack
        items, stack = stack, marks.pop()
        return items

    for instruction, given, _ in pickletools.genops(file):
        match instruction.name:
            case "STOP":
                return stack.pop(), types
            case "PROTO":
                pass
            case "MARK":
                marks.append(stack)
                stack = []
            case name if name in EMPTY:
                stack.append(EMPTY[name])
            case name if name in GIVEN:
                stack.append(given)
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_DICT":
                stack.append({})
            case "BINPUT" | "LONG_BINPUT":
                memo[given] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[given])
            case "TUPLE":
                items = since_mark()
                stack.append(tuple(items))
            case "TUPLE1" | "TUPLE2" | "TUPLE3" as name:
                last = slice(-int(name[-1]), None)
                stack[last] = [tuple(stack[last])]
            case "APPEND":
                item = stack.pop()
                stack[-1].append(item)
            case "APPENDS":
                items = since_mark()
                stack[-1].extend(items)
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                _set(stack[-1], [key, value])
            case "SETITEMS":
                items = since_mark()
                _set(stack[-1], items)
            case "GLOBAL":
                stack.append(_named(given))
            case "BINPERSID":
                stack.append(_storage(stack.pop()))
                types[stack[-1].key] = stack[-1].type
            case "REDUCE" | "NEWOBJ":
                arguments, function = stack.pop(), stack.pop()
                stack.append(_called(function, arguments))
            case "BUILD":
                stack.pop()  # attributes, which a state dict has for its modules' versions
            case name:
                raise ValueError(f"the pickle's instruction {name} is none of torch.save's")
    raise EOFError("the pickle has no end")


def _set(target, items):
    for key, value in zip(items[::2], items[1::2], strict=True):
        # Any other key could take for ever to hash: tuples of tuples, numbers that collide.
        quick = isinstance(key, str) or (isinstance(key, int) and abs(key) < 1 << 60)
        target[key if quick else Other("a key")] = value


def _named(name):
    if name not in DATA and name.split(" ")[0] not in MODULES:
        raise AsksForCode(name.replace(" ", "."))
    return Other(name)


def _storage(described):
    match described:
        case ("storage", Other(name=type), str(key), _, int(), *views) if not any(views):
            return Storage(key, type)
    raise ValueError("the pickle refers to something that is no storage")


def _called(function, arguments):
    match function.name, arguments:
        case "collections OrderedDict", ():
            return {}
        case "torch Size", (shape,):
            return shape
        case "torch._utils _rebuild_parameter", (tensor, _, _):
            return tensor
        case "torch._utils _rebuild_parameter_with_state", (tensor, _, _, _):
            return tensor
        case "torch._tensor _rebuild_from_type_v2", (Other() as inner, Other(), inside, _):
            return _called(inner, inside)
        case "torch._utils _rebuild_tensor", (Storage() as of, *places):
            return _tensor(of, of.type, *places)
        case "torch._utils _rebuild_tensor_v2", (
            Storage() as of,
            offset,
            shape,
            stride,
            _,
            _,
            *view,
        ):
            return _tensor(of, of.type, offset, shape, stride, *view)
        case (
            "torch._utils _rebuild_tensor_v3",
            (Storage() as of, offset, shape, stride, _, _, Other() as dtype, *view),
        ):
            return _tensor(of, dtype.name, offset, shape, stride, *view)
        case name, _ if name in ODD:
            return Odd(ODD[name])
    return Other(function.name)


def _tensor(storage, type, offset, shape, stride, view=None):
    if view:
        return Odd("a conjugated or negated view")
    if type not in DTYPES:
        return Odd(f"a tensor of {type.removeprefix('torch ')}")
    return Stored(storage, offset, shape, stride, DTYPES[type])
