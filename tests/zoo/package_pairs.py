"""Pairs with the packages, in the words of pairs.py: verdicts decided before any tool saw them.

The calls: a module of transformers gets the table of positions that its own file makes, and no
mask; all else as in pairs.py. Beside each verdict stand the hands that move parameters, and the
properties that prove it in `test_packages.py`.
"""

from dataclasses import replace
from functools import partial

import torch

from tests.zoo.moves import (
    HALF,
    STACKED,
    WHOLE,
    Hand,
    bare,
    beit_biases,
    demand,
    fused,
    plain,
    shared_layers,
    spread,
    three,
)
from tests.zoo.pairs import different, same, undecided
from tests.zoo.registry import D
from tests.zoo.witnesses import (
    CAUSAL,
    affine_alone,
    back,
    bounded,
    even_slopes,
    odd_around,
    one_softmax_each,
    proportional,
    rank_alone,
    reach,
    scale_free,
    zero_to_zero,
)

PACKAGE_PAIRS = [
    # ---- The same, written by others -------------------------------------------------------------
    same("hf_vit", "vit_bias", "three matrices or one; q, k, v and the end with biases"),
    same("hf_vit_bare", "timm_vit", "three matrices or one, without biases in front"),
    same("hf_vit", "timm_vit_bias", "three matrices or one"),
    same("timm_vit", "vit", "only written in another way"),
    same("timm_vit_bias", "torch_batch_first", "only written in another way"),
    same("timm_vit_bias", "timm_beit", "a bias of the keys has no effect"),
    same("timm_nest", "timm_vit", "merged as (d h): columns of W_o change places"),
    same("timm_nest", "my_blocks", "q, k, v by einsum or by matrices; both merge as (d h)"),
    same("timm_swin", "swin", "the same table of offsets"),
    same("hf_bert", "bert", "three matrices with biases, and nothing behind"),
    same("hf_gpt2", "gpt2", "the mask is a flag, or a buffer"),
    same("hf_gpt2", "mingpt", "a matrix as (in, out) or as (out, in)"),
    same("hf_neox", "neox", "rotary by halves on half a head, with biases"),
    same("hf_neox_bare", "hf_gptj", "rotary by halves or in pairs, on half a head"),
    same("hf_gptj", "gptj", "rotary in pairs on half a head"),
    same("hf_llama", "rotary", "rotary by halves or in pairs, three matrices or one"),
    same("hf_llama_eager", "llama_meta", "without a mask neither hides anything; halves or pairs"),
    same("hf_llama_grouped_eager", "llama_meta_grouped", "the same with shared heads"),
    same("hf_llama", "hf_mistral", "the window is in the mask that a model gives, not in here"),
    same("local_63", "mistral", "a token and 63 before it are 64, whatever the code cuts"),
    same("xt", "d2l", "four matrices without biases"),
    same("xt_grouped", "grouped", "shared heads"),
    same("xt_causal", "mingpt_bare", "three matrices or one; causal"),
    # ---- One is a special case -------------------------------------------------------------------
    different("timm_vit", "timm_vit_bias", "without a bias of q", "f"),
    different("hf_gptj", "hf_neox", "without any bias, and rotary on half a head", "f"),
    different("hf_bert", "hf_vit", "W_o = 1", "f"),
    different("hf_llama_grouped", "hf_llama", "shared heads, and rotary", "f"),
    different("xt", "timm_vit", "without a bias at the end", "f"),
    different("xt_grouped", "xt", "shared heads", "f"),
    different("xt_past_3", "band_4", "three keys before its own, as four with it; no biases", "f"),
    different("timm_vit_bias", "timm_swin", "a table of zeros; Swin's N is fixed, 16", "f"),
    # ---- Neither is ------------------------------------------------------------------------------
    different("hf_gpt2_eager", "hf_gpt2", "without a mask the first sees the future"),
    different("hf_llama_eager", "hf_llama", "without a mask the first sees the future"),
    different("hf_mistral", "mistral", "without a mask the first has no window"),
    different("local_63", "local_64", "one key further back"),
    different("local_blocks", "chunks", "the block before, and no future; or the whole own block"),
    different("hf_gpt2", "hf_llama", "biases and no positions, or rotary and no biases"),
    different("hf_qwen3", "hf_llama", "norms on q and k: longer tokens are not louder"),
    different("hf_qwen3_grouped", "hf_llama_grouped", "the same, with shared heads"),
    different("hf_bert_whole", "hf_bert", "a LayerNorm behind: outputs of one length"),
    different("encoder_layer", "torch_batch_first", "a LayerNorm behind: outputs of one length"),
    different("encoder_layer", "encoder_layer_first", "norms behind, or in front: one is bounded"),
    different("xt_zero_key", "xt", "one key more: rows of real tokens sum to less than 1"),
    different("xt_normed", "xt", "norms on q and k: longer tokens are not louder"),
    different("vp", "vit_pytorch_bare", "LayerNorm in front"),
    different("vp_others", "vp", "no token sees itself"),
    # ---- What behaviour does not tell ------------------------------------------------------------
    undecided("vp", "vit_pytorch", "LayerNorm in front of both (in truth the same)"),
]

LLAMA = plain(three("q_proj", "k_proj", "v_proj"), "o_proj", turn=(WHOLE, True))
SHARED = shared_layers("q_proj", "k_proj", "v_proj")
VIT = plain(three("q_proj", "k_proj", "v_proj"), "o_proj")
NEOX = plain(fused("query_key_value", "(h three d)"), "dense", turn=(HALF, True))
LOCAL = plain(fused("to_qkv"), "to_out", turn=(WHOLE, True))
TURNS = [0, 2, 1, 3]  # of four queries, those that share a head side by side, and the way back


def in_turn(*names):
    """Two heads of k and v: query h uses h % 2."""

    def into(module, heads):
        parts = (getattr(module, name).weight.unflatten(0, (-1, D)) for name in names)
        parts = (part.repeat(heads // len(part), 1, 1) for part in parts)
        return *parts, None, None, None

    def back(module, q, k, v, *_):
        for part in (k, v):
            demand(torch.equal(part[:2], part[2:]), "heads that differ")
        for name, part in zip(names, (q, k[:2], v[:2]), strict=True):
            getattr(module, name).weight.copy_(part.flatten(0, 1))

    return into, back


def in_turns(inner):
    """The form of such a module has its heads in the order of `shared_layers`."""

    def turned(form):
        parts = {name: getattr(form, name)[TURNS] for name in ("q", "k", "v", "o")}
        return replace(form, **parts)

    return Hand(
        lambda module: turned(inner.take(module)),
        lambda module, form: inner.give(module, turned(form)),
    )


LUCID = plain(three("to_q", "to_k", "to_v"), "to_out")
PACKAGE_HANDS = {
    **dict.fromkeys(["hf_vit", "hf_vit_bare"], VIT),
    **dict.fromkeys(["timm_vit", "timm_vit_bias"], STACKED),
    "timm_beit": plain(beit_biases(), "proj"),
    "timm_nest": plain(fused("qkv"), "proj", out_order="(d h)"),
    "timm_swin": spread(
        plain(fused("qkv"), "proj", table="relative_position_bias_table"),
        "relative_position_index",
    ),
    "hf_bert": bare(three("query", "key", "value")),
    "hf_gpt2": plain(fused("c_attn"), "c_proj"),
    **dict.fromkeys(["hf_neox", "hf_neox_bare"], NEOX),
    "hf_gptj": plain(three("q_proj", "k_proj", "v_proj"), "out_proj", turn=(HALF, False)),
    **dict.fromkeys(["hf_llama", "hf_llama_eager", "hf_mistral"], LLAMA),
    **dict.fromkeys(
        ["hf_llama_grouped", "hf_llama_grouped_eager"],
        plain(SHARED, "o_proj", turn=(WHOLE, True)),
    ),
    "local_63": LOCAL,
    **dict.fromkeys(["xt", "xt_causal", "xt_past_3"], LUCID),
    "xt_grouped": in_turns(plain(in_turn("to_q", "to_k", "to_v"), "to_out")),
    "mistral": plain(fused("wqkv"), "wo", turn=(WHOLE, False)),
}

PLACE = torch.arange(24)
BLOCKS = (PLACE[:, None] >= PLACE) & (PLACE[:, None] // 8 - PLACE // 8 <= 1)
PACKAGE_WITNESSES = {
    "timm_vit-timm_vit_bias": ("f", odd_around),
    "hf_gptj-hf_neox": ("f", zero_to_zero),
    "hf_bert-hf_vit": ("f", one_softmax_each),
    "hf_llama_grouped-hf_llama": ("f", partial(rank_alone, most=16)),
    "xt-timm_vit": ("f", zero_to_zero),
    "xt_grouped-xt": ("f", partial(rank_alone, most=16)),
    "xt_past_3-band_4": ("f", zero_to_zero),
    "timm_vit_bias-timm_swin": ("f", even_slopes),
    "hf_gpt2_eager-hf_gpt2": ("g", CAUSAL),
    "hf_llama_eager-hf_llama": ("g", CAUSAL),
    "hf_mistral-mistral": ("g", partial(reach, seen=back(70, *range(64)))),
    "local_63-local_64": ("f", partial(reach, seen=back(70, *range(64)))),
    "local_blocks-chunks": ("f", partial(reach, seen=BLOCKS)),
    "hf_gpt2-hf_llama": ("g", zero_to_zero),
    "hf_qwen3-hf_llama": ("f", proportional),
    "hf_qwen3_grouped-hf_llama_grouped": ("f", proportional),
    "hf_bert_whole-hf_bert": ("g", affine_alone),
    "encoder_layer-torch_batch_first": ("g", affine_alone),
    "encoder_layer-encoder_layer_first": ("f", bounded),
    "xt_zero_key-xt": ("g", affine_alone),
    "xt_normed-xt": ("f", proportional),
    "vp-vit_pytorch_bare": ("f", scale_free),
    "vp_others-vp": ("f", partial(reach, seen=~torch.eye(9, dtype=torch.bool))),
}
