"""MiniLM: a sentence in, one vector out, and the maps of all layers on the way.

Source: Wang et al. 2020 (MiniLM, arXiv:2002.10957); the layers are BERT's (Devlin et al. 2019,
arXiv:1810.04805, section 3), the mean of the tokens is Sentence-BERT's (Reimers and Gurevych 2019,
arXiv:1908.10084, section 3). Its dropout, of training only, is left out: the model is frozen.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attnlib.attention import attention
from attnlib.course.models.minilm.files import parameters, vocabulary
from attnlib.course.models.minilm.tokenizer import pieces
from attnlib.layout import merge_heads, split_heads
from attnlib.maps import AttentionMap

LAYERS, HEADS, WIDTH = 6, 12, 384  # H, C; so D = 32
POSITIONS = 512
LONGEST = 256  # pieces that it was made for: the original cuts off what comes after, silently
EPS = 1e-12  # of every LayerNorm


def load() -> "MiniLM":
    """The trained model, frozen: 22.7 million parameters, float32, on the CPU.

    Raises ModuleNotFoundError (with what to install) without the package or safetensors, OSError
    if a file is missing or is not the one expected.
    """
    with torch.device("meta"):  # no memory, and no random numbers drawn that nobody needs
        model = MiniLM(vocabulary())
    model.load_state_dict(_renamed(parameters()), assign=True)
    return model.requires_grad_(False)


class MiniLM(nn.Module):
    """Six layers of attention over the pieces of one sentence; see `load`.

    Args:
        vocabulary: piece -> row of the word embeddings.
    """

    def __init__(self, vocabulary: Mapping[str, int]):
        super().__init__()
        self.vocabulary = vocabulary
        self.words = nn.Embedding(len(vocabulary), WIDTH)
        self.positions = nn.Embedding(POSITIONS, WIDTH)
        self.kinds = nn.Embedding(2, WIDTH)  # first or second sentence: here always the first
        self.norm = nn.LayerNorm(WIDTH, eps=EPS)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))

    def pieces(self, sentence: str) -> list[str]:
        """The tokens of a sentence: N names, [CLS] first and [SEP] last, at most 256."""
        if not isinstance(sentence, str):
            raise TypeError(f"sentence must be a str, got {type(sentence).__name__}")
        found = pieces(sentence, self.vocabulary)
        if len(found) > LONGEST:
            raise ValueError(f"sentence must have at most {LONGEST} pieces, got {len(found)}")
        return found

    def forward(self, sentence: str, mask=None) -> tuple[Tensor, tuple[AttentionMap, ...]]:
        """The embedding (C,) of a sentence, of length 1, and a map (H, N, N) for each layer.

        Args:
            sentence: text of at most 256 pieces.
            mask: None, or who may attend to whom, in every layer, as `attention` takes it: a bool
                tensor that broadcasts to (H, N, N), or a function f(i, j). It was trained without.
        Raises:
            TypeError, ValueError: the sentence is no text, or too long; or as `attention`.
        """
        numbers = [self.vocabulary[piece] for piece in self.pieces(sentence)]
        x = self.words(torch.tensor(numbers, device=self.words.weight.device))  # (N, C)
        x = self.norm(x + self.positions.weight[: len(x)] + self.kinds.weight[0])
        maps = []
        for layer in self.layers:
            x, weights = layer(x, mask)
            maps.append(weights)
        return F.normalize(x.mean(0), dim=0), tuple(maps)  # (C,)


class Layer(nn.Module):
    """Attention, then a feed-forward network; after each the input is added, and normalised."""

    def __init__(self):
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.norm = nn.LayerNorm(WIDTH, eps=EPS)
        self.widen, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.last_norm = nn.LayerNorm(WIDTH, eps=EPS)

    def forward(self, x: Tensor, mask=None) -> tuple[Tensor, AttentionMap]:
        """(N, C) -> (N, C), map (H, N, N)."""
        q, k, v = (split_heads(f(x), HEADS) for f in (self.query, self.key, self.value))
        heads, weights = attention(q, k, v, mask=mask)  # (H, N, D)
        x = self.norm(x + self.out(merge_heads(heads)))  # (N, C)
        return self.last_norm(x + self.narrow(F.gelu(self.widen(x)))), weights


# The published names of the parts, and ours. The pooler, which the embedding never meets, and the
# list of positions, which holds 0 to 511, are not taken.
NAMES = {
    "embeddings.word_embeddings": "words",
    "embeddings.position_embeddings": "positions",
    "embeddings.token_type_embeddings": "kinds",
    "embeddings.LayerNorm": "norm",
    "attention.self.query": "query",
    "attention.self.key": "key",
    "attention.self.value": "value",
    "attention.output.dense": "out",
    "attention.output.LayerNorm": "norm",
    "intermediate.dense": "widen",
    "output.dense": "narrow",
    "output.LayerNorm": "last_norm",
}
UNUSED = {"embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias"}


def _renamed(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """encoder.layer.0.attention.self.query.weight is our layers.0.query.weight, and so on."""
    return {_ours(name): value for name, value in published.items() if name not in UNUSED}


def _ours(name):
    part, kind = name.rsplit(".", 1)
    if not part.startswith("encoder.layer."):
        return f"{NAMES[part]}.{kind}"
    number, part = part.removeprefix("encoder.layer.").split(".", 1)
    return f"layers.{number}.{NAMES[part]}.{kind}"
