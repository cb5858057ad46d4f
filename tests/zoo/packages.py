"""Attention of packages, as they are, in small: one layer at C = 32. See requirements-zoo.txt.

Each is made in a function that imports its package, so that the list itself needs none of them.
What transformers has is taken out of a model, which says how it computes: "sdpa", as a model that
is loaded does, hides the future where a language model should; "eager" leaves that to a mask that
the model gives.
"""

import importlib
from importlib.util import find_spec

import torch
from torch import nn

from tests.zoo.registry import Animal, C, D, H, as_blocks, first
from tests.zoo.standin import torchvision

INSTALLED = all(map(find_spec, ("transformers", "timm", "x_transformers", "vit_pytorch")))
WHY = "the packages of requirements-zoo.txt are not installed (make test-zoo installs them)"
WINDOW = 64
PARTIAL = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}


def taken(module, name):
    """What a module of a package that may look for torchvision has under this name."""
    with torchvision():
        return getattr(importlib.import_module(module), name)


def from_model(config, path, implementation="sdpa", **settings):
    """The attention at a path in a model of one layer, by transformers' names."""
    import transformers

    transformers.logging.set_verbosity_error()  # a vocabulary of 40 lacks their usual first token
    settings = {"num_hidden_layers": 1, "intermediate_size": 2 * C, "vocab_size": 40} | settings
    made = getattr(transformers, config)(hidden_size=C, num_attention_heads=H, **settings)
    model = transformers.AutoModel.from_config(made, attn_implementation=implementation)
    return model.get_submodule(path)


def vit(**settings):
    return from_model("ViTConfig", "layers.0.attention", image_size=16, patch_size=8, **settings)


def bert(path="encoder.layer.0.attention.self"):
    return from_model("BertConfig", path)


def gpt2(implementation="sdpa"):
    return from_model("GPT2Config", "h.0.attn", implementation, bos_token_id=0, eos_token_id=0)


def neox(**settings):
    return from_model("GPTNeoXConfig", "layers.0.attention", rope_parameters=PARTIAL, **settings)


def gptj():
    return from_model("GPTJConfig", "h.0.attn", rotary_dim=D // 2, bos_token_id=0, eos_token_id=0)


def llama(kv_heads=H, implementation="sdpa"):
    return from_model(
        "LlamaConfig", "layers.0.self_attn", implementation, num_key_value_heads=kv_heads
    )


def mistral():
    return from_model(
        "MistralConfig", "layers.0.self_attn", num_key_value_heads=H, sliding_window=WINDOW
    )


def qwen3(kv_heads=H):
    return from_model("Qwen3Config", "layers.0.self_attn", num_key_value_heads=kv_heads, head_dim=D)


def with_positions(rotary, **nothing):
    """Called with the table that this class of the module's own file makes."""

    def call(module, x):
        made = getattr(importlib.import_module(type(module).__module__), rotary)(module.config)
        table = made.to(x.dtype)(x, torch.arange(x.shape[1])[None])
        return module(x, position_embeddings=table, **nothing)[0]

    return call


def lucid(**settings):
    return taken("x_transformers", "Attention")(C, dim_head=D, heads=H, **settings)


def local(window_size, exact_windowsize=True, **settings):
    return taken("local_attention", "LocalMHA")(
        dim=C,
        dim_head=D,
        heads=H,
        window_size=window_size,
        causal=True,
        exact_windowsize=exact_windowsize,
        **settings,
    )


def layer(norm_first=False):
    return nn.TransformerEncoderLayer(C, H, 2 * C, batch_first=True, norm_first=norm_first)


VISION = "timm.layers.attention"
PACKAGES = {
    # transformers
    "hf_vit": Animal(vit, first),
    "hf_vit_bare": Animal(lambda: vit(qkv_bias=False), first),
    "hf_bert": Animal(bert, first),
    "hf_bert_whole": Animal(lambda: bert("encoder.layer.0.attention"), first),
    "hf_gpt2": Animal(gpt2, first),
    "hf_gpt2_eager": Animal(lambda: gpt2("eager"), first),
    "hf_neox": Animal(neox, with_positions("GPTNeoXRotaryEmbedding", attention_mask=None)),
    "hf_neox_bare": Animal(
        lambda: neox(attention_bias=False),
        with_positions("GPTNeoXRotaryEmbedding", attention_mask=None),
    ),
    "hf_gptj": Animal(gptj, with_positions("GPTJRotaryEmbedding")),
    "hf_llama": Animal(llama, with_positions("LlamaRotaryEmbedding")),
    "hf_llama_grouped": Animal(lambda: llama(2), with_positions("LlamaRotaryEmbedding")),
    "hf_llama_eager": Animal(
        lambda: llama(implementation="eager"), with_positions("LlamaRotaryEmbedding")
    ),
    "hf_llama_grouped_eager": Animal(
        lambda: llama(2, "eager"), with_positions("LlamaRotaryEmbedding")
    ),
    "hf_mistral": Animal(mistral, with_positions("MistralRotaryEmbedding", attention_mask=None)),
    "hf_qwen3": Animal(qwen3, with_positions("Qwen3RotaryEmbedding", attention_mask=None)),
    "hf_qwen3_grouped": Animal(
        lambda: qwen3(2), with_positions("Qwen3RotaryEmbedding", attention_mask=None)
    ),
    # torch; its attention alone is in the zoo
    "encoder_layer": Animal(layer),
    "encoder_layer_first": Animal(lambda: layer(norm_first=True)),
    # timm
    "timm_vit": Animal(lambda: taken(VISION, "Attention")(C, H)),
    "timm_vit_bias": Animal(lambda: taken(VISION, "Attention")(C, H, qkv_bias=True)),
    "timm_nest": Animal(lambda: taken("timm.models.nest", "Attention")(C, H), as_blocks),
    "timm_swin": Animal(
        lambda: taken("timm.models.swin_transformer", "WindowAttention")(C, H, window_size=4)
    ),
    "timm_beit": Animal(lambda: taken("timm.models.beit", "Attention")(C, H, qkv_bias=True)),
    # x-transformers, vit-pytorch, local-attention
    "xt": Animal(lucid),
    "xt_grouped": Animal(lambda: lucid(kv_heads=2)),
    "xt_causal": Animal(lambda: lucid(causal=True)),
    "xt_past_3": Animal(lambda: lucid(causal=True, max_attend_past=3)),
    "xt_zero_key": Animal(lambda: lucid(add_zero_kv=True)),
    "xt_normed": Animal(lambda: lucid(qk_norm=True)),
    "vp": Animal(lambda: taken("vit_pytorch.vit", "Attention")(C, H, D)),
    "vp_others": Animal(lambda: taken("vit_pytorch.vit_for_small_dataset", "LSA")(C, H, D)),
    "local_63": Animal(lambda: local(63)),
    "local_64": Animal(lambda: local(64)),
    "local_blocks": Animal(lambda: local(8, exact_windowsize=False, use_rotary_pos_emb=False)),
}
