"""How `same` calls a module, and where it finds the parameters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import singledispatch

from torch import Tensor, nn

from attnlib.blocks import BlockAttention
from attnlib.checks import check_count
from attnlib.course.compare.dialled import DialledAttention
from attnlib.course.compare.heads import Layout, take
from attnlib.segments import LOCAL_HEADS, GlobalLocalAttention, SelfAttention


@dataclass(frozen=True)
class Adapter:
    """Tells `same` how to use a module of the reader's own.

    Args:
        module: an nn.Module, or any function.
        call: (module, x) -> y, both (B, L, C), or a tuple that begins with y.
        layouts: where its parameters are, a `Layout` for each attention in it. Without one no
            proof can be found, only a witness.
        num_groups: into how many contiguous groups it cuts the tokens; 1 if it does not.
    """

    module: Callable
    call: Callable[[Callable, Tensor], Tensor] = lambda module, x: module(x)
    layouts: Sequence[Layout] = ()
    num_groups: int = 1

    def __post_init__(self):
        check_count("num_groups", self.num_groups)
        if isinstance(self.layouts, Layout):
            raise TypeError(
                "layouts must be a list of Layout, one for each attention, got one alone"
            )
        if self.layouts and not isinstance(self.module, nn.Module):
            raise TypeError(f"layouts need an nn.Module, got {type(self.module).__name__}")

    @property
    def name(self) -> str:
        kind = getattr(self.module, "__name__", type(self.module).__name__)
        return kind if self.num_groups == 1 else f"{kind}, {self.num_groups} groups"

    @property
    def width(self) -> int | None:
        """C, as far as the layouts tell."""
        return take(self.module, self.layouts[0]).out.shape[1] if self.layouts else None

    def __call__(self, x: Tensor) -> Tensor:
        """(L, C) or (B, L, C) -> the same shape, with its graph; ValueError if it is another."""
        batch = x if x.dim() == 3 else x[None]
        if batch.shape[1] % self.num_groups:
            raise ValueError(f"x has {batch.shape[1]} tokens: {self.name} must divide them")
        wanted = f"{self.name} must take x (B, L, C) and return y of its shape"
        try:
            y = self.call(self.module, batch.clone())  # it may change x in place
        except Exception as error:  # the reader's own code may raise anything
            raise ValueError(
                f"{wanted}; for {tuple(batch.shape)} it raised {type(error).__name__}: {error}"
            ) from error
        y = y[0] if isinstance(y, tuple) else y
        if not isinstance(y, Tensor) or y.shape != batch.shape:
            got = tuple(y.shape) if isinstance(y, Tensor) else type(y).__name__
            raise ValueError(f"{wanted}; for {tuple(batch.shape)} it returned {got}")
        return y.view(x.shape)


@singledispatch
def adapt(module, num_groups: int = 1) -> Adapter:
    """The adapter of a module: of the two styles, of nn.MultiheadAttention, of any function.

    Args:
        module: any other module, or function, is called as module(x) and known by its answers
            only; for more, write an `Adapter`.
        num_groups: for `BlockAttention`, the number of blocks that x is cut into.
    """
    if not callable(module):
        raise TypeError(f"a module or a function of x (B, L, C) is needed, got {module!r}")
    return Adapter(module)


@adapt.register
def _(module: Adapter, num_groups: int = 1) -> Adapter:
    return module


@adapt.register
def _(module: BlockAttention, num_groups: int = 1) -> Adapter:
    check_count("num_groups", num_groups)
    layout = Layout(
        heads=module.num_heads,
        scale=(module.dim // module.num_heads) ** -0.5,
        qkv=("qkv.weight", "(three h d) c"),
        out=("proj.weight", "c (d h)"),
        qkv_bias=None if module.qkv.bias is None else "qkv.bias",
        out_bias="proj.bias",
    )

    def call(module, x):
        blocks = x.unflatten(1, (num_groups, -1))  # (B, G, N, C)
        return module(blocks)[0].flatten(1, 2)

    return Adapter(module, call, (layout,), num_groups)


@adapt.register
def _(module: SelfAttention, num_groups: int = 1) -> Adapter:
    return Adapter(module, layouts=(_unscaled(module.heads, "qkv.weight", "out.weight"),))


@adapt.register
def _(module: GlobalLocalAttention, num_groups: int = 1) -> Adapter:
    layouts = [_unscaled(module.attention.heads, "attention.qkv.weight", "attention.out.weight")]
    if module.local_attention is None:
        return Adapter(module, layouts=layouts)
    segments = range(module.local_attention.num_segments)
    layouts += [
        _unscaled(LOCAL_HEADS, f"local_attention.qkv[{g}]", f"local_attention.out[{g}]")
        for g in segments
    ]
    return Adapter(module, layouts=layouts, num_groups=len(segments))


@adapt.register
def _(module: nn.MultiheadAttention, num_groups: int = 1) -> Adapter:
    if module.in_proj_weight is None:
        raise ValueError(
            "nn.MultiheadAttention must have kdim and vdim equal to embed_dim for "
            f"self-attention, got kdim={module.kdim}, vdim={module.vdim}"
        )
    biased = module.in_proj_bias is not None
    layout = Layout(
        heads=module.num_heads,
        scale=module.head_dim**-0.5,
        qkv=("in_proj_weight", "(three h d) c"),
        out=("out_proj.weight", "c (h d)"),
        qkv_bias="in_proj_bias" if biased else None,
        out_bias="out_proj.bias" if biased else None,
    )
    extra_tokens = module.bias_k is not None or module.add_zero_attn

    def call(module, x):
        x = x if module.batch_first else x.transpose(0, 1)
        y = module(x, x, x, need_weights=False)[0]
        return y if module.batch_first else y.transpose(0, 1)

    return Adapter(module, call, () if extra_tokens else (layout,))


@adapt.register
def _(module: DialledAttention, num_groups: int = 1) -> Adapter:
    layouts = [
        _of_dials(module.dials, f"{branch}.{{}}[{group}]", parameters)
        for branch, parameters in (("main", module.main), ("local", module.local))
        if parameters is not None
        for group in range(len(parameters["qkv"]))
    ]
    grouped = module.dials["sees"] == "own group" or module.dials["fusion"] is not None
    return Adapter(module, layouts=layouts, num_groups=module.num_groups if grouped else 1)


def _of_dials(dials, path, parameters):
    _, _, heads, head_dim, _ = parameters["qkv"].shape
    biases = [
        path.format(name) if name in parameters else None
        for name in ("query_bias", "key_bias", "value_bias")
    ]
    return Layout(
        heads=heads,
        scale=1.0 if dials["scale"] == "1" else head_dim**-0.5,
        qkv=(tuple(path.format("qkv") + f"[{part}]" for part in range(3)), "h d c"),
        out=(path.format("out"), f"c ({dials['merge']})"),
        qkv_bias=tuple(biases) if any(biases) else None,
        out_bias=path.format("out_bias") if "out_bias" in parameters else None,
    )


def _unscaled(heads, qkv, out):
    return Layout(heads=heads, scale=1.0, qkv=(qkv, "(three h d) c"), out=(out, "c (h d)"))
