"""The zoo: how each module is made, and how the tests call it on one input of (B, L, C)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from tests.zoo import language, mutants, student, textbook, vision, writings

C, H, D = 32, 4, 8
LONGEST = 256  # what a buffer of a mask holds


def direct(module, x):
    return module(x)


def first(module, x):
    """What it returns is a tuple."""
    return module(x)[0]


def thrice(module, x):
    """Queries, keys and values are the same."""
    return module(x, x, x)


def thrice_first(module, x):
    return module(x, x, x)[0]


def sequence_first(module, x):
    return module(x.transpose(0, 1)).transpose(0, 1)


def sequence_first_thrice(module, x):
    x = x.transpose(0, 1)
    return module(x, x, x)[0].transpose(0, 1)


def without_batch(module, x):
    return torch.stack([module(each) for each in x])


def without_batch_first(module, x):
    return torch.stack([module(each)[0] for each in x])


def as_blocks(module, x):
    """(B, N, C) as one picture of B blocks."""
    return module(x[None])[0]


def with_freqs(module, x):
    return module(x, language.precompute_freqs_cis(module.head_dim, x.shape[1]))


def with_cos_sin(module, x):
    return module(x, language.RotaryEmbedding(module.head_dim)(x))[0]


@dataclass(frozen=True)
class Animal:
    make: Callable[[], nn.Module]
    call: Callable = direct


ZOO = {
    # Networks for pictures.
    "vit": Animal(lambda: vision.ViTAttention(C, H), first),
    "vit_bias": Animal(lambda: vision.ViTAttention(C, H, qkv_bias=True), first),
    "nest": Animal(lambda: vision.NestAttention(C, H), as_blocks),
    "beit": Animal(lambda: vision.BeitAttention(C, H)),
    "query_bias": Animal(lambda: vision.QueryBiasAttention(C, H)),
    "vit_pytorch": Animal(lambda: vision.PreNormAttention(C, H, D)),
    "vit_pytorch_bare": Animal(lambda: vision.PreNormAttention(C, H, D, norm=False)),
    "vit_pytorch_2x8": Animal(lambda: vision.PreNormAttention(C, 2, 8, norm=False)),
    "vit_pytorch_2x16": Animal(lambda: vision.PreNormAttention(C, 2, 16, norm=False)),
    "swin": Animal(lambda: vision.WindowAttention(C, 4, H)),
    "swin_einsum": Animal(lambda: vision.WindowEmbeddingAttention(C, 4, H)),
    "swin_1": Animal(lambda: vision.WindowAttention(C, 4, 1)),
    "table_1": Animal(lambda: vision.TableAttention(C, 16, 1)),
    # Books and courses.
    "scratch_v1": Animal(lambda: textbook.SelfAttentionV1(C, C), without_batch),
    "scratch_v2": Animal(lambda: textbook.SelfAttentionV2(C, C), without_batch),
    "scratch_causal": Animal(lambda: textbook.CausalAttention(C, C, LONGEST)),
    "scratch_wrapper": Animal(lambda: textbook.MultiHeadAttentionWrapper(C, D, LONGEST, H)),
    "scratch_wrapper_1": Animal(lambda: textbook.MultiHeadAttentionWrapper(C, C, LONGEST, 1)),
    "scratch_multi": Animal(lambda: textbook.MultiHeadAttention(C, C, LONGEST, H)),
    "scratch_multi_bias": Animal(
        lambda: textbook.MultiHeadAttention(C, C, LONGEST, H, qkv_bias=True)
    ),
    "d2l": Animal(lambda: textbook.D2lMultiHeadAttention(C, H), thrice),
    "d2l_1": Animal(lambda: textbook.D2lMultiHeadAttention(C, 1), thrice),
    "d2l_8": Animal(lambda: textbook.D2lMultiHeadAttention(C, 8), thrice),
    "annotated": Animal(lambda: textbook.MultiHeadedAttention(H, C), thrice),
    "uvadlc": Animal(lambda: textbook.UvaMultiheadAttention(C, C, H)),
    "bert": Animal(lambda: textbook.BertSelfAttention(C, H), first),
    "torch_batch_first": Animal(
        lambda: nn.MultiheadAttention(C, H, batch_first=True), thrice_first
    ),
    "torch_seq_first": Animal(lambda: nn.MultiheadAttention(C, H), sequence_first_thrice),
    # Language models.
    "mingpt": Animal(lambda: language.CausalSelfAttention(C, H, LONGEST)),
    "mingpt_bare": Animal(lambda: language.CausalSelfAttention(C, H, LONGEST, bias=False)),
    "gpt2": Animal(lambda: language.GPT2Attention(C, H, LONGEST), first),
    "neox": Animal(lambda: language.GPTNeoXAttention(C, H, 0.5)),
    "neox_bare": Animal(lambda: language.GPTNeoXAttention(C, H, 0.5, bias=False)),
    "neox_whole": Animal(lambda: language.GPTNeoXAttention(C, H, 1.0, bias=False)),
    "gptj": Animal(lambda: language.GPTJAttention(C, H, rotary_dim=4)),
    "gptj_whole": Animal(lambda: language.GPTJAttention(C, H)),
    "llama_meta": Animal(lambda: language.Attention(C, H), with_freqs),
    "llama_meta_grouped": Animal(lambda: language.Attention(C, H, 2), with_freqs),
    "llama": Animal(lambda: language.LlamaAttention(C, H), with_cos_sin),
    "llama_grouped": Animal(lambda: language.LlamaAttention(C, H, 2), with_cos_sin),
    "rotary": Animal(lambda: language.SlidingAttention(C, H)),
    "rotary_500k": Animal(lambda: language.SlidingAttention(C, H, rope_theta=500000.0)),
    "rotary_q_bias": Animal(lambda: language.BiasedRotaryAttention(C, H, key_bias=False)),
    "rotary_qk_bias": Animal(lambda: language.BiasedRotaryAttention(C, H, key_bias=True)),
    "mistral": Animal(lambda: language.SlidingAttention(C, H, sliding_window=64)),
    "qwen": Animal(lambda: language.NormedAttention(C, H)),
    "qwen_interleaved": Animal(lambda: language.InterleavedNormedAttention(C, H)),
    "softcap_30": Animal(lambda: language.SoftCapAttention(C, H, cap=30.0)),
    "softcap_50": Animal(lambda: language.SoftCapAttention(C, H, cap=50.0)),
    "alibi": Animal(lambda: language.AlibiAttention(C, H)),
    "bloom": Animal(lambda: language.KeyAlibiAttention(C, H)),
    "relative_4": Animal(lambda: language.RelativeAttention(C, H, 4)),
    "relative_4_scaled": Animal(lambda: language.RelativeAttention(C, H, 4, scale=D**-0.5)),
    "relative_8": Animal(lambda: language.RelativeAttention(C, H, 8)),
    # Other writings, and fewer free parameters.
    "einsum": Animal(lambda: writings.EinsumAttention(C, H)),
    "bmm": Animal(lambda: writings.BmmAttention(C, H)),
    "exp_sum": Animal(lambda: writings.ExpSumAttention(C, H)),
    "sdpa": Animal(lambda: writings.SdpaAttention(C, H)),
    "sequence_first": Animal(lambda: writings.SequenceFirstAttention(C, H), sequence_first),
    "functional": Animal(lambda: writings.FunctionalAttention(C, H), sequence_first),
    "frames": Animal(lambda: writings.FrameAttention(C, C, H), without_batch_first),
    "frames_positions": Animal(
        lambda: writings.FrameAttention(C, C, H, pos_enc=True), without_batch_first
    ),
    "head_list": Animal(lambda: writings.HeadListAttention(C, H)),
    "head_tensor": Animal(lambda: writings.HeadTensorAttention(C, H)),
    "product_32": Animal(lambda: writings.ProductAttention(C, H, 32)),
    "product_8": Animal(lambda: writings.ProductAttention(C, H, 8)),
    "latent_32": Animal(lambda: writings.LatentAttention(C, H, 32)),
    "latent_8": Animal(lambda: writings.LatentAttention(C, H, 8)),
    "bilinear": Animal(lambda: writings.BilinearAttention(C)),
    "bilinear_2": Animal(lambda: writings.BilinearAttention(C, 2)),
    "tied": Animal(lambda: writings.TiedAttention(C)),
    "grouped": Animal(lambda: writings.GroupedAttention(C, H, 2)),
    "multi_query": Animal(lambda: writings.GroupedAttention(C, H, 1)),
    "grouped_einsum": Animal(lambda: writings.GroupedEinsumAttention(C, H, 2)),
    "band": Animal(lambda: writings.BandAttention(C, H)),
    "band_4": Animal(lambda: writings.BandAttention(C, H, 4)),
    "band_5": Animal(lambda: writings.BandAttention(C, H, 5)),
    "band_64": Animal(lambda: writings.BandAttention(C, H, 64)),
    "rows_4": Animal(lambda: writings.RowAttention(C, H, 4)),
    "chunks": Animal(lambda: writings.ChunkedAttention(C, H, 8)),
    "chunks_mask": Animal(lambda: writings.GroupMaskAttention(C, H, 8)),
    # A student's.
    "my_blocks": Animal(lambda: student.MyBlockAttention(C, H), as_blocks),
    "own_blocks": Animal(lambda: student.OwnBlockAttention(C, H, 3), as_blocks),
    "pgl_add": Animal(lambda: student.GlobalLocalAttention(C, 4, H, "add"), without_batch_first),
    "pgl_avg": Animal(lambda: student.GlobalLocalAttention(C, 4, H, "avg"), without_batch_first),
    "pgl_mult": Animal(lambda: student.GlobalLocalAttention(C, 4, H, "mult"), without_batch_first),
    "my_add": Animal(lambda: student.MyGlobalLocalAttention(C, 4, H, "add"), without_batch),
    "my_mult": Animal(lambda: student.MyGlobalLocalAttention(C, 4, H, "mult"), without_batch),
    "my_max": Animal(lambda: student.MyGlobalLocalAttention(C, 4, H, "max"), without_batch),
    "my_add_even": Animal(
        lambda: student.MyGlobalLocalAttention(C, 4, H, "add", even=True), without_batch
    ),
    # Slips.
    "missing_transpose": Animal(lambda: mutants.MissingTranspose(C, H)),
    "other_merge": Animal(lambda: mutants.OtherMerge(C, H)),
    "scaled_twice": Animal(lambda: mutants.ScaledTwice(C, H)),
    "over_queries": Animal(lambda: mutants.SoftmaxOverQueries(C, H)),
    "over_heads": Animal(lambda: mutants.SoftmaxOverHeads(C, H)),
    "one_plus": Animal(lambda: mutants.OnePlusSoftmax(C, H)),
    "sigmoid": Animal(lambda: mutants.SigmoidWeights(C, H)),
    "residual": Animal(lambda: mutants.Residual(C, H)),
    "inverted_mask": Animal(lambda: mutants.InvertedMask(C, H, bias=True)),
    "strict_mask": Animal(lambda: mutants.StrictMask(C, H, bias=True)),
    "backward_mask": Animal(lambda: mutants.BackwardMask(C, H, bias=True)),
    "keys_for_values": Animal(lambda: mutants.KeysForValues(C, H), thrice),
}
