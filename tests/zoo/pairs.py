"""Pairs of the zoo with the verdict that is right, decided by mathematics before any tool saw them.

"same": each can do what the other does, once its parameters are moved. "different": one at least
can do what the other cannot; where all that one does the other can do too, `special` names the one
that can do less, "f" or "g". "undecided": a form that is not read from behaviour. Every call is the
natural one, without an optional mask, at the lengths that both take; what asks for queries, keys
and values gets the same tokens thrice, unless the reason says otherwise. Biases and tables count as
parameters, fixed slopes, speeds and windows do not. `test_zoo.py` proves each verdict by hand.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pair:
    f: str
    g: str
    verdict: str
    why: str
    special: str | None = None
    aside: bool = False  # kept aside while a tool is developed

    def __str__(self):
        return f"{self.f}-{self.g}"


def same(f, g, why, aside=False):
    return Pair(f, g, "same", why, aside=aside)


def different(f, g, why, special=None, aside=False):
    return Pair(f, g, "different", why, special, aside)


def undecided(f, g, why, aside=False):
    return Pair(f, g, "undecided", why, aside=aside)


ASIDE = {"aside": True}
PAIRS = [
    # ---- Notation: a re-arrangement of parameters ------------------------------------------------
    same("vit", "nest", "a block is a batch of its own"),
    same("vit", "einsum", "only written in another way"),
    same("vit", "bmm", "k stands before q in the matrix", **ASIDE),
    same("vit", "exp_sum", "softmax by hand; 1/√C for 1/√D goes into W_q"),
    same("vit", "sdpa", "one matrix or three"),
    same("sdpa", "vit_pytorch_bare", "three matrices or one", **ASIDE),
    same("nest", "my_blocks", "merged as (d h): columns of W_o change places"),
    same("vit", "other_merge", "merged as (d h): columns of W_o change places", **ASIDE),
    same("vit", "scaled_twice", "the second scale goes into W_q"),
    same("vit_bias", "uvadlc", "qkv stacked or head by head"),
    same("vit_bias", "beit", "a bias of the keys adds the same to a whole row: no effect", **ASIDE),
    same("vit_bias", "query_bias", "a bias of v goes on as one at the end: rows sum to 1"),
    same("annotated", "torch_batch_first", "three matrices, or one that is cut in three"),
    same("torch_batch_first", "torch_seq_first", "two axes of the input change places"),
    same("functional", "annotated", "sequence first or batch first", **ASIDE),
    same("uvadlc", "sequence_first", "head by head or stacked, batch or sequence first"),
    same("mingpt", "gpt2", "a matrix as (out, in) or as (in, out)"),
    same("mingpt", "scratch_multi_bias", "one matrix or three; the mask hides the same"),
    same("gpt2", "band", "weights as (in, out); a window of all that came before", **ASIDE),
    same("scratch_v1", "scratch_v2", "x W or x Wᵀ"),
    same("scratch_v2", "bilinear", "one head as wide as C: W_qᵀ W_k is any matrix"),
    same("scratch_v2", "d2l_1", "one head as wide as C: W_o W_v is any matrix", **ASIDE),
    same("scratch_causal", "scratch_wrapper_1", "a list of one head"),
    same("d2l", "head_list", "sums of heads are one W_o side by side"),
    same("d2l", "head_tensor", "the axes of W are (H, C, D)", **ASIDE),
    same("d2l", "product_32", "a product of rank C is any matrix"),
    same("d2l", "latent_32", "a latent as wide as C holds all", **ASIDE),
    same("frames", "d2l", "without a scale: it goes into W_q; (L, C) is a batch of one"),
    same("neox_bare", "gptj", "rotary by halves or in pairs on half a head; rows of W_q, W_k move"),
    same(
        "neox_whole", "rotary", "rotary by halves or in pairs; qkv head by head or stacked", **ASIDE
    ),
    same("gptj_whole", "rotary", "sines and cosines or complex numbers, three matrices or one"),
    same("llama_meta", "llama", "rotary in pairs or by halves: rows of W_q and W_k move"),
    same("llama_meta_grouped", "llama_grouped", "the same with shared heads", **ASIDE),
    same("grouped", "grouped_einsum", "heads repeated, or an axis for the members of a group"),
    same("pgl_add", "my_add", "a list of segments or one tensor; the scale goes into W_q"),
    same(
        "pgl_mult", "my_mult", "a list of segments or one tensor; the scale goes into W_q", **ASIDE
    ),
    same("rows_4", "band_4", "slices of keys or a mask"),
    same("chunks", "chunks_mask", "groups on an axis or by a mask, where L is a multiple", **ASIDE),
    same("swin", "swin_einsum", "the same table, as a parameter or an Embedding"),
    same("alibi", "bloom", "slope · key, or slope · (key - query): a row's constant has no effect"),
    same("relative_4", "relative_4_scaled", "the scale goes into W_q, the table stays", **ASIDE),
    # ---- Slips -----------------------------------------------------------------------------------
    different("vit", "missing_transpose", "tokens are mixed by where they stand"),
    different("vit", "over_queries", "columns sum to 1, rows do not"),
    different("vit", "over_heads", "weights of one token depend on it", **ASIDE),
    different("vit", "one_plus", "rows sum to less than 1"),
    different("vit", "sigmoid", "rows sum to anything", **ASIDE),
    different("vit", "residual", "a token's own value weighs more by the identity"),
    different("mingpt", "inverted_mask", "sees the future and not the past"),
    different("mingpt", "strict_mask", "does not see itself", **ASIDE),
    different("mingpt", "backward_mask", "sees itself and the future"),
    different("annotated", "keys_for_values", "keys and values change places, where they differ"),
    different("band_4", "band_5", "one key further back"),
    different("band_64", "mingpt", "the same up to L = 64, at 65 the first key is not seen"),
    different("mistral", "rotary", "a window of 64, and rotary", **ASIDE),
    different("scratch_v2", "scratch_causal", "a causal mask"),
    different("chunks", "vit", "groups of eight, or all", **ASIDE),
    # ---- One is a special case of the other ------------------------------------------------------
    different("vit", "vit_bias", "without a bias of q", "f"),
    different("d2l", "sdpa", "without a bias at the end", "f", **ASIDE),
    different("mingpt_bare", "mingpt", "without any bias", "f"),
    different("neox_bare", "neox", "without any bias, and rotary on half a head", "f", **ASIDE),
    different("rotary_q_bias", "rotary_qk_bias", "under rotary a bias of k does matter", "f"),
    different("d2l", "grouped", "g shares k and v between two heads: rank 16", "g"),
    different("multi_query", "grouped", "one head of k and v is two equal ones", "f", **ASIDE),
    different("llama_meta_grouped", "llama", "shared heads repeated, and rotary", "f"),
    different("product_8", "d2l", "q, k and v see eight directions of the input", "f"),
    different("latent_8", "d2l", "k and v see eight directions of the input", "f", **ASIDE),
    different("product_8", "latent_8", "q sees eight directions, or all", "f"),
    different("tied", "scratch_v2", "W_q = W_k", "f"),
    different("scratch_wrapper", "scratch_multi", "W_o = 1 and no bias", "f"),
    different("bert", "vit_bias", "W_o = 1", "f", **ASIDE),
    different("bilinear", "bilinear_2", "the second head has no values", "f"),
    different(
        "vit_pytorch_2x8", "vit_pytorch_2x16", "narrower heads are wide ones with zeros", "f"
    ),
    different("vit_bias", "swin", "a table of zeros; Swin's N is fixed, 16", "f"),
    different("swin_1", "table_1", "a table of offsets, or of places", "f", **ASIDE),
    different("d2l", "relative_4", "a table of zeros", "f"),
    different("relative_4", "relative_8", "all beyond 4 alike, or beyond 8", "f", **ASIDE),
    different("nest", "own_blocks", "parameters shared by the blocks, or not", "f"),
    # ---- Neither is ------------------------------------------------------------------------------
    different("d2l", "d2l_8", "4 softmaxes of rank 8, or 8 of rank 4"),
    different("d2l_1", "d2l", "one softmax of rank 32, or 4 of rank 8", **ASIDE),
    different("gptj", "gptj_whole", "other speeds: 1, 1/100 and standing still, or four that turn"),
    different("neox_bare", "neox_whole", "rotary on half a head, or on all of it", **ASIDE),
    different("rotary", "rotary_500k", "base 10000 or 500000"),
    different("mingpt_bare", "rotary", "without positions, or with rotary"),
    different("mingpt_bare", "alibi", "without positions, or with fixed slopes"),
    different("frames", "frames_positions", "a fixed table is added to the scores"),
    different("vit_pytorch", "vit_pytorch_bare", "LayerNorm in front", **ASIDE),
    different("qwen", "mingpt_bare", "norms on q and k: longer tokens are not louder"),
    different("pgl_add", "pgl_avg", "rows as long as 2, or 1 at most"),
    different("pgl_add", "pgl_mult", "odd in x, or even", **ASIDE),
    different("my_mult", "my_max", "even in x, or neither"),
    different("my_add", "my_add_even", "segments of ceil(L / 4), or as even as can be"),
    # ---- What behaviour does not tell ------------------------------------------------------------
    undecided("qwen", "qwen_interleaved", "norms on q and k (in truth the same)"),
    undecided("softcap_30", "softcap_50", "tanh in the scores, bent at another height", **ASIDE),
]
