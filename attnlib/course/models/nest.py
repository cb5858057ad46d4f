"""Square pictures in, logits out: attention in blocks, four of which become one at each level.

Between levels a picture of tokens is (B, height, width, C).
"""

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

import torch
from einops import rearrange
from torch import Tensor, nn

from attnlib import AttentionMap, BlockAttention
from attnlib.checks import check_count, check_divides, check_probability
from attnlib.layout import blockify, deblockify

PAD_TYPES = ("", "same")
LayerNorm = partial(nn.LayerNorm, eps=1e-6)


class NestClassifier(nn.Module):
    """NesT: what does this picture show?

    Arguments and parameter names are those of timm's `Nest`, whose state dict loads as it is. Its
    norm_layer, act_layer, weight_init and global_pool are not taken: here they are what they are
    there by default (LayerNorm, GELU, a truncated normal of width .02, the mean).

    Args:
        img_size: height and width of the picture, in pixels; other than square is not taken.
        in_chans: channels of a pixel.
        patch_size: edge of a patch, in pixels; must divide img_size. A patch is a token.
        num_levels: level i has G = 4^(num_levels − 1 − i) blocks, the last one has one. Along an
            edge the first has 2^(num_levels − 1), which must divide img_size / patch_size.
        embed_dims, num_heads, depths: C, H and the number of layers of each level; one number
            stands for all of them.
        num_classes: width of the logits.
        mlp_ratio: width of the hidden layer of an MLP, as a multiple of C, rounded down.
        qkv_bias: whether queries, keys and values get a bias.
        drop_rate, proj_drop_rate, attn_drop_rate: probabilities, in training, of dropping a
            channel before the head, one inside a layer, and a weight.
        drop_path_rate: probability, in training, of leaving out a branch of the last layer; from
            the first, never left out, it rises evenly. timm's default is 0.5, for long training.
        pad_type: the 3×3 maximum at every second token looks beyond the edge by one token: ""
            above and left, "same" below and right, as in TensorFlow. No parameter tells which;
            those that timm publishes as trained (`nest_…_jx`) want "same".
        backend: of every attention, as in `attnlib.attention`.
    Source: NesT (Zhang et al. 2021, arXiv:2105.12723), section 3.
    """

    def __init__(
        self,
        img_size: int = 224,
        in_chans: int = 3,
        patch_size: int = 4,
        num_levels: int = 3,
        embed_dims: int | Sequence[int] = (128, 256, 512),
        num_heads: int | Sequence[int] = (4, 8, 16),
        depths: int | Sequence[int] = (2, 2, 20),
        num_classes: int = 1000,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = True,
        drop_rate: float = 0.0,
        proj_drop_rate: float = 0.0,
        attn_drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        pad_type: str = "",
        backend: str = "auto",
    ):
        super().__init__()
        check_count("in_chans", in_chans)
        check_count("num_classes", num_classes)
        for name, rate in (("drop_rate", drop_rate), ("drop_path_rate", drop_path_rate)):
            check_probability(name, rate)
        if pad_type not in PAD_TYPES:
            raise ValueError(f"pad_type must be one of {PAD_TYPES}, got {pad_type!r}")
        block_size = _block_size(img_size, patch_size, num_levels)
        widths = _per_level("embed_dims", embed_dims, num_levels)
        heads = _per_level("num_heads", num_heads, num_levels)
        depths = _per_level("depths", depths, num_levels)
        self.img_size, self.in_chans = img_size, in_chans

        proj = nn.Conv2d(in_chans, widths[0], patch_size, stride=patch_size)
        self.patch_embed = nn.ModuleDict({"proj": proj})
        layer = partial(
            Layer,
            mlp_ratio=mlp_ratio,
            qkv_bias=qkv_bias,
            proj_drop=proj_drop_rate,
            attn_drop=attn_drop_rate,
            backend=backend,
        )
        step = drop_path_rate / max(1, sum(depths) - 1)
        self.levels = nn.ModuleList()
        for i, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            pool = Pool(widths[i - 1], width, pad_type) if i else None
            before = sum(depths[:i])
            layers = [layer(width, heads[i], drop_path=step * (before + j)) for j in range(depth)]
            blocks = 4 ** (num_levels - 1 - i)
            self.levels.append(Level(width, blocks, block_size, pool, layers))
        self.norm = LayerNorm(widths[-1])
        self.drop = nn.Dropout(drop_rate)
        self.head = nn.Linear(widths[-1], num_classes)
        self.apply(_initialise)

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[tuple[AttentionMap, ...], ...]]:
        """(B, in_chans, img_size, img_size) -> logits (B, num_classes), and the maps.

        `maps[level][layer]` is (B, G, H, N, N): the blocks row by row, and so the tokens in each.
        """
        self._check(x)
        # B batch, G blocks, N tokens of a block, C channels (of the level), H heads
        x = self.patch_embed["proj"](x)  # (B, C, height, width), in tokens from here on
        x = rearrange(x, "b c height width -> b height width c")
        maps = ()
        for level in self.levels:
            x, of_level = level(x)  # (B, height, width, C): half the sides from level to level
            maps += (of_level,)
        x = self.norm(x).mean((1, 2))  # (B, C)
        return self.head(self.drop(x)), maps  # (B, num_classes)

    def _check(self, x):
        axes = f"(B, in_chans={self.in_chans}, img_size={self.img_size}, img_size)"
        if not isinstance(x, Tensor):
            raise TypeError(f"x must be a torch.Tensor {axes}, got {type(x).__name__}")
        if not torch.is_floating_point(x):
            raise TypeError(f"x must be floating point, got {x.dtype}")
        sides = (self.in_chans, self.img_size, self.img_size)
        if x.dim() != 4 or x.shape[1:] != sides or x.shape[0] == 0:
            raise ValueError(f"x must be {axes}, B at least 1, got shape {tuple(x.shape)}")


class Level(nn.Module):
    """One level: aggregate, if it is not the first, cut into blocks, add positions, attend."""

    def __init__(self, dim, blocks, block_size, pool, layers):
        super().__init__()
        self.block_size = block_size
        self.pos_embed = nn.Parameter(torch.empty(1, blocks, block_size**2, dim))
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        self.pool = pool
        self.transformer_encoder = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[AttentionMap, ...]]:
        """(B, height, width, C) -> the same, or half the sides and another C; a map a layer."""
        if self.pool is not None:
            x = self.pool(x)  # (B, height / 2, width / 2, C)
        height, width = x.shape[1:3]
        x = blockify(x, self.block_size) + self.pos_embed  # (B, G, N, C)
        maps = ()
        for layer in self.transformer_encoder:
            x, map = layer(x)
            maps += (map,)
        return deblockify(x, self.block_size, height, width), maps


class Pool(nn.Module):
    """Aggregation: 3×3 convolution, LayerNorm, 3×3 maximum at every second token."""

    def __init__(self, dim, to, pad_type):
        super().__init__()
        self.conv = nn.Conv2d(dim, to, 3, padding=1)
        self.norm = LayerNorm(to)
        # The sides are even. With ceil_mode and without padding the last window reaches one token
        # beyond the edge, below and right. That token is ignored, which is "same".
        same = pad_type == "same"
        self.pool = nn.MaxPool2d(3, stride=2, padding=0 if same else 1, ceil_mode=same)

    def forward(self, x: Tensor) -> Tensor:
        """(B, height, width, C) -> (B, height / 2, width / 2, C of the next level)."""
        x = self.conv(rearrange(x, "b height width c -> b c height width"))
        x = self.norm(rearrange(x, "b c height width -> b height width c"))
        x = self.pool(rearrange(x, "b height width c -> b c height width"))
        return rearrange(x, "b c height width -> b height width c")


class Layer(nn.Module):
    """A transformer layer: attention, then an MLP, each added to what came in, normalised first."""

    def __init__(
        self, dim, num_heads, *, mlp_ratio, qkv_bias, proj_drop, attn_drop, drop_path, backend
    ):
        super().__init__()
        hidden = int(dim * mlp_ratio)
        if hidden < 1:
            raise ValueError(f"mlp_ratio={mlp_ratio} leaves an MLP no width at {dim} channels")
        self.drop_path = drop_path
        self.norm1 = LayerNorm(dim)
        self.attn = BlockAttention(dim, num_heads, qkv_bias, attn_drop, proj_drop, backend)
        self.norm2 = LayerNorm(dim)
        self.mlp = nn.Sequential(
            OrderedDict(
                fc1=nn.Linear(dim, hidden),
                gelu=nn.GELU(),
                drop1=nn.Dropout(proj_drop),
                fc2=nn.Linear(hidden, dim),
                drop2=nn.Dropout(proj_drop),
            )
        )

    def forward(self, x: Tensor) -> tuple[Tensor, AttentionMap]:
        """(B, G, N, C) -> the same, and the map (B, G, H, N, N)."""
        y, map = self.attn(self.norm1(x))
        x = x + self._leave_out(y)
        return x + self._leave_out(self.mlp(self.norm2(x))), map

    def _leave_out(self, y):
        """Drop path, in training: zeros for some pictures; the others are scaled up."""
        kept = nn.functional.dropout(y.new_ones(y.shape[0], 1, 1, 1), self.drop_path, self.training)
        return y * kept


def _block_size(img_size, patch_size, num_levels):
    """Edge of a block, in tokens: the same at every level."""
    check_divides("patch_size", patch_size, "img_size", img_size)
    check_count("num_levels", num_levels)
    blocks = 2 ** (num_levels - 1)
    if img_size // patch_size % blocks:
        raise ValueError(
            f"img_size / patch_size = {img_size} / {patch_size} = {img_size // patch_size} must be "
            f"a multiple of 2^(num_levels − 1) = {blocks}, the blocks along an edge"
        )
    return img_size // patch_size // blocks


def _per_level(name, value, num_levels):
    """One number for each level."""
    values = (value,) * num_levels if isinstance(value, int) else tuple(value)
    if len(values) != num_levels:
        raise ValueError(
            f"{name} must be one number, or one for each of num_levels={num_levels}, got {value!r}"
        )
    for each in values:
        check_count(name, each)
    return values


def _initialise(module):
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
