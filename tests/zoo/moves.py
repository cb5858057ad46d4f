"""Parameters of every animal moved by hand into one plain form, and from it into any other.

The form knows no order of a fused matrix, no scale, no sharing: q, k and v are (H, D, C), o is
(H, C, D), the scores are q·k as they are, and rotary turns neighbouring pairs. `take` reads it off
a module, `give` writes it into one, or says with `CannotHold` that it has no place for it.
Both are written from what a module's forward says, one line or two each; nothing is found out.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import attrgetter

import torch
from einops import rearrange
from torch import nn

from tests.zoo.registry import C, D, H


class CannotHold(Exception):
    """What the other module does has no place among these parameters."""


@dataclass(frozen=True)
class Form:
    q: torch.Tensor  # (H, D, C), the scale inside
    k: torch.Tensor
    v: torch.Tensor
    o: torch.Tensor  # (H, C, D)
    bq: torch.Tensor | None = None  # (H, D); None: zeros
    bk: torch.Tensor | None = None
    bv: torch.Tensor | None = None
    bo: torch.Tensor | None = None  # (C,)
    table: torch.Tensor | None = None  # added to the scores, in the modules' own meaning

    def bias(self, name):
        held = getattr(self, name)
        if held is not None:
            return held
        return self.o.new_zeros(C) if name == "bo" else self.q.new_zeros(self.q.shape[:2])


@dataclass(frozen=True)
class Hand:
    take: Callable  # module -> Form
    give: Callable  # module, Form


def demand(fits, what):
    if not fits:
        raise CannotHold(what)


def settled(form, keeps, turned=False):
    """The form with only the biases in `keeps`: others go elsewhere, or nowhere, if they can."""
    biases = {name: form.bias(name) for name in ("bq", "bk", "bv", "bo")}
    if "bk" not in keeps and not turned:  # the same for all keys of a row
        biases["bk"] = torch.zeros_like(biases["bk"])
    if "bv" not in keeps:  # each row's weights sum to 1
        biases["bo"] = biases["bo"] + torch.einsum("hcd,hd->c", form.o, biases["bv"])
        biases["bv"] = torch.zeros_like(biases["bv"])
    for name, bias in biases.items():
        demand(name in keeps or not bias.any(), f"no place for {name}")
    return replace(form, **biases)


def padded(form, heads, width):
    """The form with more heads, or wider ones; what is new is zero."""
    h, d = form.q.shape[:2]
    demand(h <= heads and d <= width, f"{heads} heads of {width}, not {h} of {d}")
    wide = (0, 0, 0, width - d, 0, heads - h)
    q, k, v = (nn.functional.pad(part, wide) for part in (form.q, form.k, form.v))
    o = nn.functional.pad(form.o, (0, width - d, 0, 0, 0, heads - h))
    biases = {
        name: nn.functional.pad(form.bias(name), (0, width - d, 0, heads - h))
        for name in ("bq", "bk", "bv")
    }
    return replace(form, q=q, k=k, v=v, o=o, **biases)


def neighbours(matrix, width):
    """Rows of each head: pairs (i, i + width/2) become neighbours; those past `width` stay."""
    first = rearrange(matrix[:, :width], "h (two i) ... -> h (i two) ...", two=2)
    return torch.cat([first, matrix[:, width:]], dim=1)


def halves(matrix, width):
    """The way back from `neighbours`."""
    first = rearrange(matrix[:, :width], "h (i two) ... -> h (two i) ...", two=2)
    return torch.cat([first, matrix[:, width:]], dim=1)


# ---- One layer -----------------------------------------------------------------------------------


def is_in_out(layer):
    """Whether its matrix is kept as (in, out): ours, or transformers'."""
    return type(layer).__name__ == "Conv1D"


def read(layer):
    """(out, in) and the bias, or None."""
    return (layer.weight.T if is_in_out(layer) else layer.weight), layer.bias


def write(layer, weight, bias=None):
    layer.weight.copy_(weight.T if is_in_out(layer) else weight)
    if layer.bias is not None:
        layer.bias.copy_(bias)


def plain(getter, out, out_order="(h d)", scale=D**-0.5, turn=None, heads=H, table=None):
    """A hand for softmax(scale · q kᵀ) v: `getter` has two functions, from and to q, k and v.

    `turn` is None without rotary, else (the width that turns, whether by halves); `table` the name
    of what is added to the scores.
    """
    into, back = getter
    layer = attrgetter(out)

    def take(module):
        q, k, v, bq, bk, bv = into(module, heads)
        o, bo = read(layer(module))
        o = rearrange(o, f"c {out_order} -> h c d", h=heads)
        if turn and turn[1]:
            q, k = neighbours(q, turn[0]), neighbours(k, turn[0])
            bq, bk = (None if b is None else neighbours(b, turn[0]) for b in (bq, bk))
        bq = None if bq is None else bq * scale
        added = attrgetter(table)(module) if table else None
        return Form(q * scale, k, v, o, bq, bk, bv, bo, added)

    def give(module, form):
        now = into(module, heads)
        form = padded(form, *now[0].shape[:2])
        kept = {
            name for name, bias in zip(("bq", "bk", "bv"), now[3:], strict=True) if bias is not None
        }
        if layer(module).bias is not None:
            kept.add("bo")
        form = settled(form, kept, turned=turn is not None)
        parts = [form.q / scale, form.k, form.v, form.bq / scale, form.bk, form.bv]
        if turn and turn[1]:
            for i in (0, 1, 3, 4):
                parts[i] = halves(parts[i], turn[0])
        back(module, *parts)
        write(layer(module), rearrange(form.o, f"h c d -> c {out_order}"), form.bo)
        if table:
            held = attrgetter(table)(module)
            held.copy_(torch.zeros_like(held) if form.table is None else form.table)
        else:
            demand(form.table is None or not form.table.any(), "no place for a table")

    return Hand(take, give)


def fused(name, order="(three h d)"):
    """q, k and v in one layer, its rows in this order."""

    def into(module, heads):
        weight, bias = read(attrgetter(name)(module))
        q, k, v = rearrange(weight, f"{order} c -> three h d c", three=3, h=heads)
        if bias is None:
            return q, k, v, None, None, None
        return q, k, v, *rearrange(bias, f"{order} -> three h d", three=3, h=heads)

    def back(module, q, k, v, bq, bk, bv):
        weight = rearrange(torch.stack([q, k, v]), f"three h d c -> {order} c")
        bias = rearrange(torch.stack([bq, bk, bv]), f"three h d -> {order}")
        write(attrgetter(name)(module), weight, bias)

    return into, back


def three(*names):
    """A layer each."""

    def into(module, heads):
        layers = [read(attrgetter(name)(module)) for name in names]
        weights = [rearrange(weight, "(h d) c -> h d c", h=heads) for weight, _ in layers]
        biases = [None if b is None else rearrange(b, "(h d) -> h d", h=heads) for _, b in layers]
        return *weights, *biases

    def back(module, q, k, v, bq, bk, bv):
        for name, weight, bias in zip(names, (q, k, v), (bq, bk, bv), strict=True):
            write(attrgetter(name)(module), weight.flatten(0, 1), bias.flatten())

    return into, back


# ---- Those that keep q, k and v in some way of their own -----------------------------------------


def bmm_order():
    """kqv: the keys stand first."""
    into, back = fused("kqv")

    def in_order(module, heads):
        k, q, v, *nothing = into(module, heads)
        return q, k, v, *nothing

    return in_order, lambda module, q, k, v, *biases: back(module, k, q, v, *biases)


def beit_biases():
    into, back = fused("qkv")

    def with_biases(module, heads):
        bq, bv = (b.view(heads, -1) for b in (module.q_bias, module.v_bias))
        return *into(module, heads)[:3], bq, None, bv

    def give(module, q, k, v, bq, bk, bv):
        back(module, q, k, v, bq, bk, bv)
        module.q_bias.copy_(bq.flatten())
        module.v_bias.copy_(bv.flatten())

    return with_biases, give


def query_and_pairs():
    """A layer for q, with its bias, and one for k and v, stacked, without."""

    def into(module, heads):
        q = rearrange(module.to_q.weight, "(h d) c -> h d c", h=heads)
        k, v = rearrange(module.to_kv.weight, "(two h d) c -> two h d c", two=2, h=heads)
        return q, k, v, module.to_q.bias.view(heads, -1), None, None

    def back(module, q, k, v, bq, *_):
        write(module.to_q, q.flatten(0, 1), bq.flatten())
        write(module.to_kv, torch.stack([k, v]).flatten(0, 2))

    return into, back


def torch_in_proj(weight="in_proj_weight", bias="in_proj_bias"):
    def into(module, heads):
        parts = rearrange(getattr(module, weight), "(three h d) c -> three h d c", three=3, h=heads)
        return *parts, *getattr(module, bias).view(3, heads, -1)

    def back(module, q, k, v, bq, bk, bv):
        getattr(module, weight).copy_(torch.stack([q, k, v]).flatten(0, 2))
        getattr(module, bias).copy_(torch.stack([bq, bk, bv]).flatten())

    return into, back


def products():
    """up · down, which hold every matrix if the rank is C: down = 1."""

    def into(module, heads):
        weight = module.up.weight @ module.down.weight
        parts = rearrange(weight, "(three h d) c -> three h d c", three=3, h=heads)
        return *parts, None, None, None

    def back(module, q, k, v, *_):
        qkv = torch.stack([q, k, v]).flatten(0, 2)
        module.up.weight.copy_(qkv @ thin(module.down.weight, qkv))

    return into, back


def thin(down, matrix):
    """Fill `down` (r, C) with directions that `matrix` sees, all of them, and return downᵀ."""
    directions = torch.linalg.svd(matrix, full_matrices=False).Vh
    seen = directions[: len(down)]
    demand(
        torch.allclose(matrix @ seen.T @ seen, matrix, atol=1e-13), f"more than rank {len(seen)}"
    )
    down.copy_(seen)
    return seen.T


def latents():
    def into(module, heads):
        kv = module.kv_up.weight @ module.kv_down.weight
        k, v = rearrange(kv, "(h two d) c -> two h d c", two=2, h=heads)
        q = rearrange(module.q_proj.weight, "(h d) c -> h d c", h=heads)
        return q, k, v, None, None, None

    def back(module, q, k, v, *_):
        module.q_proj.weight.copy_(q.flatten(0, 1))
        kv = rearrange(torch.stack([k, v]), "two h d c -> (h two d) c")
        module.kv_up.weight.copy_(kv @ thin(module.kv_down.weight, kv))

    return into, back


def shared(split, join):
    """Fewer heads of k and v: query h uses h // members. `split` gives all as (heads · D, C)."""

    def into(module, heads):
        parts = (rearrange(part, "(h d) c -> h d c", d=D) for part in split(module))
        parts = (part.repeat_interleave(heads // len(part), dim=0) for part in parts)
        return *parts, None, None, None

    def back(module, q, k, v, *_):
        members = H * D // len(split(module)[1])
        for part in (k, v):
            groups = part.unflatten(0, (-1, members))
            demand(torch.equal(groups, groups[:, :1].expand_as(groups)), "heads that differ")
        join(module, q.flatten(0, 1), k[::members].flatten(0, 1), v[::members].flatten(0, 1))

    return into, back


def shared_layers(*names):
    def join(module, *parts):
        for name, part in zip(names, parts, strict=True):
            write(getattr(module, name), part)

    return shared(lambda module: [getattr(module, name).weight for name in names], join)


def shared_fused():
    def join(module, *parts):
        module.qkv.weight.copy_(torch.cat(parts))

    return shared(lambda module: module.qkv.weight.split(module.sizes), join)


def shared_pairs():
    """A layer for q, and one for k and v as (heads, two, D)."""

    def split(module):
        k, v = rearrange(module.kv.weight, "(h two d) c -> two (h d) c", two=2, d=D)
        return module.q.weight, k, v

    def join(module, q, k, v):
        module.q.weight.copy_(q)
        kv = rearrange(torch.stack([k, v]), "two (h d) c -> (h two d) c", d=D)
        module.kv.weight.copy_(kv)

    return shared(split, join)


# ---- Those without a matrix behind the heads, or with other axes ---------------------------------


def bare(getter, scale=D**-0.5, heads=H):
    """The heads side by side are the output: W_o = 1. One head takes any W_o into its W_v."""
    into, back = getter

    def ones(values):
        return rearrange(torch.eye(C, dtype=values.dtype), "c (h d) -> h c d", h=heads)

    def take(module):
        q, k, v, bq, bk, bv = into(module, heads)
        bq = None if bq is None else bq * scale
        return Form(q * scale, k, v, ones(v), bq, bk, bv)

    def give(module, form):
        demand(len(form.q) == heads, f"{heads} heads")
        if heads == 1:
            form = replace(settled(form, {"bq", "bk"}), v=form.o @ form.v)
        else:
            demand(torch.equal(form.o, ones(form.v)), "no place for W_o")
        biases = into(module, heads)[3:]
        kept = {n for n, b in zip(("bq", "bk", "bv"), biases, strict=True) if b is not None}
        form = settled(replace(form, o=ones(form.v)), kept)
        back(module, form.q / scale, form.k, form.v, form.bq / scale, form.bk, form.bv)

    return Hand(take, give)


def matrices_in_out(*names):
    """Parameters as (in, out)."""

    def into(module, heads):
        parts = (rearrange(getattr(module, n), "c (h d) -> h d c", h=heads) for n in names)
        return *parts, None, None, None

    def back(module, q, k, v, *_):
        for name, part in zip(names, (q, k, v), strict=True):
            getattr(module, name).copy_(part.flatten(0, 1).T)

    return into, back


def wrapped():
    """A list of heads, each with W_query, W_key and W_value."""
    names = "W_query", "W_key", "W_value"

    def into(module, heads):
        parts = (torch.stack([getattr(h, n).weight for h in module.heads]) for n in names)
        return *parts, None, None, None

    def back(module, q, k, v, *_):
        for name, part in zip(names, (q, k, v), strict=True):
            for head, weight in zip(module.heads, part, strict=True):
                write(getattr(head, name), weight)

    return into, back


def tied():
    def into(module, heads):
        qk = module.to_qk.weight[None]
        return qk, qk, module.to_v.weight[None], None, None, None

    def back(module, q, k, v, *_):
        demand(torch.equal(q, k), "W_q and W_k that differ")
        write(module.to_qk, k[0])
        write(module.to_v, v[0])

    return into, back


def bilinear():
    def take(module):
        heads = len(module.values)
        one = torch.eye(C, dtype=module.values.dtype).expand(heads, C, C)
        return Form(module.scores.mT, one, module.values, one)

    def give(module, form):
        form = settled(form, set())
        heads, added = len(module.values), len(module.values) - len(form.q)
        demand(added >= 0, f"{heads} heads")
        for held, part in ((module.scores, form.q.mT @ form.k), (module.values, form.o @ form.v)):
            held.copy_(nn.functional.pad(part, (0, 0, 0, 0, 0, added)))

    return Hand(take, give)


def head_list():
    def take(module):
        q, k, v, o = (
            torch.stack([layer.weight for layer in layers])
            for layers in (module.queries, module.keys, module.values, module.outs)
        )
        return Form(q * D**-0.5, k, v, o)

    def give(module, form):
        form = settled(padded(form, H, D), set())
        lists = module.queries, module.keys, module.values, module.outs
        for layers, part in zip(lists, (form.q / D**-0.5, form.k, form.v, form.o), strict=True):
            for layer, weight in zip(layers, part, strict=True):
                write(layer, weight)

    return Hand(take, give)


def head_tensor():
    def take(module):
        q, k, v, o = (w.mT for w in (module.wq, module.wk, module.wv, module.wo))
        return Form(q * D**-0.5, k, v, o)

    def give(module, form):
        form = settled(padded(form, H, D), set())
        module.wq.copy_(form.q.mT / D**-0.5)
        for held, part in ((module.wk, form.k), (module.wv, form.v), (module.wo, form.o)):
            held.copy_(part.mT)

    return Hand(take, give)


def annotated():
    class Named:
        """The list under the names that `three` and `plain` look up."""

        def __init__(self, module):
            self.q, self.k, self.v, self.o = module.linears

    inner = plain(three("q", "k", "v"), "o")
    return Hand(
        lambda module: inner.take(Named(module)),
        lambda module, form: inner.give(Named(module), form),
    )


# ---- More than one attention ---------------------------------------------------------------------


def own_blocks():
    """A list of forms, one a block; one form alone is meant for all."""

    class Block:
        def __init__(self, module, i):
            self.qkv, self.proj = module.qkv[i], module.proj[i]

    inner = plain(fused("qkv"), "proj")

    def take(module):
        return [inner.take(Block(module, i)) for i in range(len(module.qkv))]

    def give(module, forms):
        forms = forms if isinstance(forms, list) else [forms] * len(module.qkv)
        for i, form in enumerate(forms):
            inner.give(Block(module, i), form)

    return Hand(take, give)


def one_for_all(inner):
    """A module whose blocks share: a list of forms fits only if they are equal."""

    def give(module, forms):
        if isinstance(forms, list):
            demand(all(torch.equal(form.q, forms[0].q) for form in forms), "blocks that differ")
            forms = forms[0]
        inner.give(module, forms)

    return Hand(inner.take, give)


def segments_in_a_list():
    """[the global form, then one a segment]"""
    whole = plain(three("Wq", "Wk", "Wv"), "out", scale=1.0)

    def take(module):
        return [whole.take(part) for part in (module.attention, *module.local_attention)]

    def give(module, forms):
        parts = module.attention, *module.local_attention
        for part, form in zip(parts, forms, strict=True):
            whole.give(part, form)

    return Hand(take, give)


def segments_in_a_tensor():
    def take(module):
        pairs = [(module.qkv.weight, module.out.weight)]
        pairs += zip(module.local_qkv, module.local_out, strict=True)
        forms = []
        for qkv, out in pairs:
            q, k, v = rearrange(qkv, "(three h d) c -> three h d c", three=3, h=H)
            o = rearrange(out, "c (h d) -> h c d", h=H)
            forms.append(Form(q * q.shape[1] ** -0.5, k, v, o))
        return forms

    def give(module, forms):
        places = [(module.qkv.weight, module.out.weight)]
        places += zip(module.local_qkv, module.local_out, strict=True)
        for (qkv, out), form in zip(places, forms, strict=True):
            form = settled(form, set())
            q = form.q * form.q.shape[1] ** 0.5
            qkv.copy_(torch.stack([q, form.k, form.v]).flatten(0, 2))
            out.copy_(rearrange(form.o, "h c d -> c (h d)"))

    return Hand(take, give)


# ---- Tables --------------------------------------------------------------------------------------


def spread(inner, index):
    """The table of a form is (N, N, H): what a table of offsets says at `index`."""

    def take(module):
        form = inner.take(module)
        return replace(form, table=form.table[attrgetter(index)(module)])

    def give(module, form):
        table = None
        if form.table is not None:
            at = attrgetter(index)(module)
            table = form.table.new_zeros(int(at.max()) + 1, form.table.shape[-1])
            table[at] = form.table
            demand(torch.equal(table[at], form.table), "a table of places")
        inner.give(module, replace(form, table=table))

    return Hand(take, give)


def places(inner):
    """The same, held as (H, N, N)."""

    def take(module):
        form = inner.take(module)
        return replace(form, table=form.table.permute(1, 2, 0))

    def give(module, form):
        table = None if form.table is None else form.table.permute(2, 0, 1)
        inner.give(module, replace(form, table=table))

    return Hand(take, give)


def relative(scale):
    """The table of a form is for distances -8 … 8; one for -4 … 4 goes on as it ends."""
    inner = plain(three("q", "k", "v"), "o", scale=scale, table="relative_attention_bias.weight")
    way = torch.arange(-8, 9)

    def clipped(module):
        return way.clamp(-module.max_distance, module.max_distance) + module.max_distance

    def take(module):
        form = inner.take(module)
        return replace(form, table=form.table[clipped(module)])

    def give(module, form):
        table = None
        if form.table is not None:
            near = module.max_distance
            table = form.table[8 - near : 8 + near + 1]
            demand(torch.equal(table[clipped(module)], form.table), "a table that goes on")
        inner.give(module, replace(form, table=table))

    return Hand(take, give)


STACKED = plain(fused("qkv"), "proj")
D2L = three("W_q", "W_k", "W_v")
SCRATCH = three("W_query", "W_key", "W_value")
WHOLE, HALF = D, D // 2  # what turns of a head

HANDS = {
    **dict.fromkeys(["vit", "vit_bias", "band", "band_4", "chunks"], STACKED),
    "nest": one_for_all(STACKED),
    "my_blocks": plain(fused("qkv"), "proj", out_order="(d h)"),
    "own_blocks": own_blocks(),
    "other_merge": plain(fused("qkv"), "proj", out_order="(d h)"),
    "scaled_twice": plain(fused("qkv"), "proj", scale=1 / D),
    "beit": plain(beit_biases(), "proj"),
    "query_bias": plain(query_and_pairs(), "to_out"),
    "vit_pytorch_bare": plain(fused("to_qkv"), "to_out.0"),
    "vit_pytorch_2x8": plain(fused("to_qkv"), "to_out.0", heads=2),
    "vit_pytorch_2x16": plain(fused("to_qkv"), "to_out.0", heads=2, scale=16**-0.5),
    "swin": spread(
        plain(fused("qkv"), "proj", table="relative_position_bias_table"),
        "relative_position_index",
    ),
    "swin_einsum": spread(
        plain(three("query", "key", "value"), "output", table="table.weight"), "index"
    ),
    "swin_1": spread(
        plain(fused("qkv"), "proj", heads=1, scale=C**-0.5, table="relative_position_bias_table"),
        "relative_position_index",
    ),
    "table_1": places(plain(fused("qkv"), "proj", heads=1, scale=C**-0.5, table="pos_bias")),
    "scratch_v1": bare(matrices_in_out("W_query", "W_key", "W_value"), scale=C**-0.5, heads=1),
    "scratch_v2": bare(SCRATCH, scale=C**-0.5, heads=1),
    "scratch_causal": bare(SCRATCH, scale=C**-0.5, heads=1),
    "scratch_wrapper": bare(wrapped()),
    "scratch_wrapper_1": bare(wrapped(), scale=C**-0.5, heads=1),
    "scratch_multi": plain(SCRATCH, "out_proj"),
    "scratch_multi_bias": plain(SCRATCH, "out_proj"),
    "d2l": plain(D2L, "W_o"),
    "d2l_1": plain(D2L, "W_o", heads=1, scale=C**-0.5),
    "annotated": annotated(),
    "uvadlc": plain(fused("qkv_proj", "(h three d)"), "o_proj"),
    "bert": bare(three("query", "key", "value")),
    "torch_batch_first": plain(torch_in_proj(), "out_proj"),
    "torch_seq_first": plain(torch_in_proj(), "out_proj"),
    "mingpt": plain(fused("c_attn"), "c_proj"),
    "mingpt_bare": plain(fused("c_attn"), "c_proj"),
    "gpt2": plain(fused("c_attn"), "c_proj"),
    "neox": plain(fused("query_key_value", "(h three d)"), "dense", turn=(HALF, True)),
    "neox_bare": plain(fused("query_key_value", "(h three d)"), "dense", turn=(HALF, True)),
    "neox_whole": plain(fused("query_key_value", "(h three d)"), "dense", turn=(WHOLE, True)),
    "gptj": plain(three("q_proj", "k_proj", "v_proj"), "out_proj", turn=(HALF, False)),
    "gptj_whole": plain(three("q_proj", "k_proj", "v_proj"), "out_proj", turn=(WHOLE, False)),
    **dict.fromkeys(
        ["rotary_q_bias", "rotary_qk_bias"],
        plain(three("q_proj", "k_proj", "v_proj"), "o_proj", turn=(WHOLE, True)),
    ),
    "rotary": plain(fused("wqkv"), "wo", turn=(WHOLE, False)),
    "llama_meta": plain(three("wq", "wk", "wv"), "wo", turn=(WHOLE, False)),
    "llama_meta_grouped": plain(shared_layers("wq", "wk", "wv"), "wo", turn=(WHOLE, False)),
    "llama": plain(three("q_proj", "k_proj", "v_proj"), "o_proj", turn=(WHOLE, True)),
    "llama_grouped": plain(
        shared_layers("q_proj", "k_proj", "v_proj"), "o_proj", turn=(WHOLE, True)
    ),
    "alibi": plain(fused("qkv"), "proj"),
    "bloom": plain(fused("query_key_value", "(h three d)"), "dense"),
    "relative_4": relative(1.0),
    "relative_4_scaled": relative(D**-0.5),
    "relative_8": relative(1.0),
    "einsum": plain(fused("to_qkv"), "to_out"),
    "bmm": plain(bmm_order(), "out"),
    "exp_sum": plain(fused("qkv"), "proj", scale=C**-0.5),
    "sdpa": plain(three("query", "key", "value"), "project"),
    "sequence_first": plain(fused("in_proj"), "out_proj"),
    "functional": plain(torch_in_proj("in_weight", "in_bias"), "out"),
    "frames": plain(three("Wq", "Wk", "Wv"), "out", scale=1.0),
    "head_list": head_list(),
    "head_tensor": head_tensor(),
    "product_32": plain(products(), "proj"),
    "product_8": plain(products(), "proj"),
    "latent_32": plain(latents(), "o_proj"),
    "latent_8": plain(latents(), "o_proj"),
    "bilinear": bilinear(),
    "bilinear_2": bilinear(),
    "tied": bare(tied(), scale=C**-0.5, heads=1),
    "grouped": plain(shared_fused(), "proj"),
    "multi_query": plain(shared_fused(), "proj"),
    "grouped_einsum": plain(shared_pairs(), "o"),
    "rows_4": plain(three("wq", "wk", "wv"), "wo"),
    "chunks_mask": plain(three("wq", "wk", "wv"), "wo"),
    **dict.fromkeys(["pgl_add", "pgl_mult"], segments_in_a_list()),
    **dict.fromkeys(["my_add", "my_mult"], segments_in_a_tensor()),
}


@torch.no_grad()
def move(f_name, f, g_name, g, hands=HANDS):
    """Fill g's parameters so that it does what f does."""
    hands[g_name].give(g, hands[f_name].take(f))
