"""Which function knows what a call does with the axes."""

from contextlib import suppress

from torch import Tensor

from attnlib.course.language import say
from attnlib.course.shapes.xray import moves, products
from attnlib.course.shapes.xray.axes import agreed, distinct, leaves, size_of
from attnlib.course.shapes.xray.calls import Call, Effect


def effect_of(call: Call) -> Effect | None:
    """What a call does with the axes, or None where that is not known."""
    effect = None
    for names, function in TABLE.items():
        if call.name in names:
            # An unforeseen form of call must not stop the reader's forward pass.
            with suppress(AttributeError, IndexError, KeyError, TypeError, ValueError):
                effect = function(call)
    first = call.result if isinstance(call.result, Tensor) else call.result[0]
    fits = effect and tuple(map(size_of, effect.goes_on)) == tuple(first.shape)
    return effect if fits else None


def elementwise(call: Call) -> Effect:
    """The axes stay; those of a smaller operand are those that they line up with."""
    tensors = [x for x in (*call.args, *call.kwargs.values()) if isinstance(x, Tensor)]
    operands, output = [call.axes(x)[::-1] for x in tensors], []
    for k in range(call.result.dim()):  # from the last axis on
        output.insert(0, agreed([axes[k] for axes in operands if k < len(axes)]))
    output, other, verb = distinct(output), call.arg(1, "other"), ""
    if call.name in SIGNS and type(other) in (int, float):
        verb = f" {SIGNS[call.name]}{'=' if call.in_place else ''} {other:.4g}"
    return Effect([output], output, verb=verb)


def softmax(call: Call) -> Effect:
    """The axes stay; one that is not the keys' is named: what sums to 1 is then no row."""
    effect = elementwise(call)
    over = [factor.name for factor in leaves(effect.output[call.arg(1, "dim")])]
    if all(over) and "j" not in over:
        effect.verb = say("softmax over {axis}", axis=" ".join(over))
    return effect


def reduced(call: Call) -> Effect:
    """sum, mean, max over some axes, or all."""
    axes, dims = call.axes(call.args[0]), call.arg(1, "dim")
    if isinstance(dims, Tensor):  # max(a, b)
        return elementwise(call)
    dims = range(len(axes)) if dims is None else (dims,) if isinstance(dims, int) else dims
    gone = {dim % len(axes) for dim in dims}
    result = call.result if isinstance(call.result, Tensor) else call.result[0]
    kept = result.dim() == len(axes)
    output = tuple(() if k in gone else a for k, a in enumerate(axes) if k not in gone or kept)
    return Effect([axes], output)


SIGNS = {"mul": "*", "imul": "*", "div": "/", "truediv": "/", "itruediv": "/"}
SIGNS |= {"add": "+", "iadd": "+", "sub": "-", "isub": "-"}
ELEMENTWISE = (
    *SIGNS,
    *("radd", "rsub", "rmul", "rdiv", "rtruediv", "pow", "rpow", "floordiv", "remainder"),
    *("neg", "exp", "log", "abs", "sqrt", "rsqrt", "square", "sin", "cos", "lerp", "clamp"),
    *("maximum", "minimum", "where", "masked_fill", "isfinite", "isnan", "nan_to_num"),
    *("eq", "ne", "lt", "le", "gt", "ge", "and", "or", "xor", "invert", "logical_not"),
    *("log_softmax", "normalize", "layer_norm", "rms_norm", "dropout", "cumsum"),
    *("relu", "gelu", "silu", "elu", "leaky_relu", "sigmoid", "tanh", "softplus", "tril", "triu"),
    *("to", "float", "double", "half", "bfloat16", "type", "type_as", "detach"),
    *("zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like"),
)
TABLE = {
    ("reshape", "view", "flatten", "unflatten", "squeeze", "unsqueeze"): moves.regrouped,
    ("permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis"): moves.permuted,
    ("t", "mT", "T", "mH", "H", "adjoint"): moves.permuted,
    ("contiguous", "clone"): moves.copied,
    ("unbind",): moves.unbound,
    ("chunk", "split"): moves.chunked,
    ("cat", "concat", "stack"): moves.joined,
    ("getitem",): moves.indexed,
    ("setitem",): moves.written_to,
    ("expand", "expand_as"): moves.expanded,
    ("linear",): products.linear,
    ("matmul", "bmm"): products.matmul,
    ("baddbmm",): products.baddbmm,
    ("addmm",): products.addmm,
    ("einsum",): products.einsum,
    ("scaled_dot_product_attention",): products.sdpa,
    ("softmax",): softmax,
    ("sum", "mean", "amax", "amin", "max", "min", "any", "all", "logsumexp"): reduced,
    ELEMENTWISE: elementwise,
}
