"""Several networks of one setting, trained as one: a leading axis S on every parameter.

A network of this size is so small that a processor is busy with the calls, not with the numbers.
S of them side by side make the calls once. Each member stays a network of its own: it sees its own
examples, in its own order, and no member's gradient meets another's.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from attnlib.course.experiments import training
from attnlib.course.experiments.study.montages import GROUPS, LENGTH
from attnlib.course.experiments.study.network import WIDTH, Network
from attnlib.positions import PositionsByLength
from attnlib.segments import fuse

TOKENS = (LENGTH, LENGTH // GROUPS)  # who may see each other: all, or those of a group


class Ensemble(nn.Module):
    """x (S, B, L, F) -> logits (S, B, L, classes), or (S, B, classes): as each network would.

    Args:
        networks: of one setting; their parameters are copied.
    """

    def __init__(self, networks: list[Network]):
        super().__init__()
        first = networks[0]
        self.size, self.per_token, self.hidden = len(networks), first.per_token, first.hidden
        self.dials = None if first.attention is None else first.attention.dials
        if self.dials is not None:
            kind = self.dials["positions"]
            self.added = {tokens: PositionsByLength(kind, WIDTH, freq=10000) for tokens in TOKENS}
        states = [dict(network.named_parameters()) for network in networks]
        self.stacked = {
            name: nn.Parameter(torch.stack([state[name].detach() for state in states]))
            for name in states[0]
        }
        for name, parameter in self.stacked.items():
            self.register_parameter(name.replace(".", "_"), parameter)

    def forward(self, x: Tensor) -> Tensor:
        x = self._linear("embed", x.flatten(1, 2))
        x = (x.unflatten(1, (-1, LENGTH)) + self.stacked["positions"][:, None]).flatten(1, 2)
        if self.dials is not None:
            x = x + self._attention(self._norm(0, x))
        y = F.gelu(self._linear("feed_forward.0", self._norm(1, x)))
        x = self._norm(2, x + self._linear("feed_forward.2", y))
        if self.per_token:
            return self._linear("readout", x).unflatten(1, (-1, LENGTH))
        return self._linear("readout", x.unflatten(1, (-1, LENGTH)).mean(2))

    def _linear(self, name, x):
        """(S, rows, in) -> (S, rows, out)."""
        weight, bias = self.stacked[f"{name}.weight"], self.stacked[f"{name}.bias"]
        return torch.baddbmm(bias[:, None], x, weight.mT)

    def _norm(self, number, x):
        weight, bias = (self.stacked[f"norms.{number}.{part}"] for part in ("weight", "bias"))
        return torch.addcmul(bias[:, None], F.layer_norm(x, (WIDTH,)), weight[:, None])

    def _attention(self, x):
        main = self._branch("main", x, 1 if self.dials["sees"] == "all tokens" else GROUPS)
        if self.dials["fusion"] is None:
            return main
        return self.fuse(main, self._branch("local", x, GROUPS))

    def fuse(self, main: Tensor, local: Tensor) -> Tensor:
        """(S, B·L, C), both -> the same."""
        return fuse(main, local, self.dials["fusion"])

    def _branch(self, branch, x, groups):
        """(S, B·L, C) -> the same, each group of tokens by itself.

        Where groups have parameters of their own, these stand beside the members' (axis M), and
        each group is a row of them; else all groups are more rows (axis R) of one.
        """
        qkv, out = self._of(branch, "qkv"), self._of(branch, "out")
        sets, _, heads = qkv.shape[1:4]
        apart, tokens = ("(s g) (b n)" if sets > 1 else "s (b g n)"), LENGTH // groups
        sizes = {"s": self.size, "g": groups, "n": tokens}
        rows = rearrange(x, f"s (b g n) c -> {apart} c", **sizes)
        matrix = rearrange(qkv, "s g three h d c -> (s g) c (three h d)")
        y = _affine(rows, matrix, self._biases(branch, qkv))
        q, k, v = rearrange(
            y, "m (r n) (three h d) -> three (m r) h n d", n=tokens, three=3, h=heads
        )
        y = F.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=self._table(tokens, x),
            dropout_p=self.dials["dropout"] if self.training else 0.0,
            scale=1.0 if self.dials["scale"] == "1" else None,
        )
        order = self.dials["merge"]
        y = rearrange(y, f"(m r) h n d -> m (r n) ({order})", m=len(rows))
        bias = self._of(branch, "out_bias")
        y = _affine(y, out.flatten(0, 1).mT, None if bias is None else bias.flatten(0, 1))
        return rearrange(y, f"{apart} c -> s (b g n) c", **sizes)

    def _biases(self, branch, qkv):
        """Of queries, keys and values: (M, 3·H·D), zeros where there is none; None for none."""
        names = ("query_bias", "key_bias", "value_bias")
        found = [self._of(branch, name) for name in names]
        if not any(bias is not None for bias in found):
            return None
        zeros = qkv.new_zeros(qkv.shape[:2] + qkv.shape[3:5])
        filled = [zeros if bias is None else bias for bias in found]
        return torch.stack(filled, 2).flatten(0, 1).flatten(1)

    def _table(self, tokens, x):
        """(N, N) positions, added to the scores; None for none."""
        function = self.added[tokens](tokens)
        return None if function is None else function.table(x.dtype, x.device)

    def _of(self, branch, part):
        return self.stacked.get(f"attention.{branch}.{part}")


def fit(
    ensemble: Ensemble,
    x: Tensor,
    labels: Tensor,
    steps: int,
    *,
    seeds: Sequence[int],
    learning_rate: float,
) -> None:
    """Train each member as `training.fit` trains one network.

    Args:
        x: (S, n, L, F), the examples of each member.
        labels: (S, n), or (S, n, L) where every token has one.
        seeds: of the order of each member's examples.
    """
    orders = zip(*(training.batches(x.shape[1], steps, seed) for seed in seeds), strict=True)
    batches = iter(torch.stack([torch.stack(each) for each in orders]).to(x.device))
    members = torch.arange(ensemble.size, device=x.device)[:, None]
    ensemble.train()
    if x.is_cuda:  # the calls take longer than the numbers: recorded once, they are one call
        batch = x[:, : training.BATCH].contiguous()
        torch.cuda.make_graphed_callables(ensemble, (batch,), allow_unused_input=True)

    def loss():
        chosen = next(batches)  # (S, 32)
        logits = ensemble(x[members, chosen])
        target = labels[members, chosen].flatten()
        each = F.cross_entropy(logits.flatten(0, -2), target, reduction="none")
        return each.unflatten(0, (ensemble.size, -1)).mean(1).sum()

    for _ in training.optimise(ensemble.parameters(), loss, steps, learning_rate):
        pass
    ensemble.eval()


@torch.inference_mode()
def accuracies(ensemble: Ensemble, x: Tensor, labels: Tensor, at_once: int = 128) -> list[float]:
    """The share of labels that each member finds; arguments as in `fit`."""
    parts = zip(x.split(at_once, 1), labels.split(at_once, 1), strict=True)
    right = [(ensemble(part).argmax(-1) == wanted).flatten(1) for part, wanted in parts]
    return torch.cat(right, 1).double().mean(1).tolist()


def _affine(x, matrix, bias):
    """(M, rows, in) by (M, in, out), plus (M, out) if there is one."""
    return torch.bmm(x, matrix) if bias is None else torch.baddbmm(bias[:, None], x, matrix)
