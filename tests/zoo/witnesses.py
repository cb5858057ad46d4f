"""What tells two modules apart: properties that one has for all parameters, and the other has not.

A property is a function of `run`, which takes tokens (B, L, C) to outputs (B, L, C). Each says why
it holds whatever the parameters are; `sees`, `reach` and `even` are read at tokens that are all
alike, where weights do not matter to the values and only who looks at whom does.
"""

from functools import partial

import torch

from tests.zoo.registry import C

TIGHT = {"rtol": 1e-9, "atol": 1e-9}


def tokens(*shape, scale=1.0):
    return scale * torch.randn(*shape, C, dtype=torch.float64)


def alone(run, x):
    """What each token of (n, C) gives when it is the only one."""
    return run(x[:, None])[:, 0]


def rank(matrix, smallest=1e-9):
    values = torch.linalg.svdvals(matrix)
    return int((values > smallest * values[0]).sum())


# ---- Tokens in another order, or copied ----------------------------------------------------------


def any_order(run):
    """Tokens in another order give the same outputs in that order: nothing knows of places."""
    x, order = tokens(2, 7), torch.randperm(7)
    return torch.allclose(run(x[:, order]), run(x)[:, order], **TIGHT)


def swapped(run, i, j, length):
    """Two tokens of one segment may change places."""
    x, order = tokens(2, length), torch.arange(length)
    order[[i, j]] = order[[j, i]]
    return torch.allclose(run(x[:, order]), run(x)[:, order], **TIGHT)


def blocks_in_any_order(run):
    """Blocks share their parameters: in another order they give the same."""
    x = tokens(3, 5)
    return torch.allclose(run(x[[1, 2, 0]]), run(x)[[1, 2, 0]], **TIGHT)


def crowd(run):
    """Among very many copies of b, any token gets what b gets alone: its weights sum to 1."""
    a, b = tokens(2, scale=0.5)
    among = run(torch.cat([a[None], b.expand(600, C)])[None])[0, 0]
    lonely = alone(run, b[None])[0]
    return bool((among - lonely).norm() < 0.1 * lonely.norm())


# ---- One token -----------------------------------------------------------------------------------


def affine_alone(run):
    """One token looks at itself with weight 1: its output is W_o W_v x + b."""
    a, b = tokens(2, 4)
    return torch.allclose(alone(run, a) + alone(run, b), alone(run, a + b) + alone(run, 0 * a))


def rank_alone(run, most):
    """What one token gives goes through W_v, which has this rank at most."""
    one = torch.eye(C, dtype=torch.float64)
    return rank(alone(run, one) - alone(run, 0 * one)) <= most


def rank_of_first(run, most):
    """All outputs know a token by so many numbers at most."""
    x, step = tokens(1, 12), 1e-4
    moved = torch.zeros(C, 12, C, dtype=torch.float64)
    moved[:, 0] = step * torch.eye(C)
    return rank((run(x + moved) - run(x - moved)).flatten(1), smallest=1e-6) <= most


def zero_to_zero(run):
    """Without a bias at the end, or in v, tokens of zeros give zeros."""
    return not run(torch.zeros(2, 5, C, dtype=torch.float64)).any()


# ---- Signs and sizes -----------------------------------------------------------------------------


def odd(run):
    """Scores are even in x and values odd; rows of length 1 and their sum stay odd."""
    x = tokens(2, 9)
    return torch.allclose(run(-x), -run(x), **TIGHT)


def odd_around(run):
    """The same, round what tokens of zeros give: the bias at the end."""
    x = tokens(2, 9)
    return torch.allclose(run(x) + run(-x), 2 * run(0 * x), **TIGHT)


def even(run):
    """The product of two odd rows is even."""
    x = tokens(2, 9)
    return torch.allclose(run(-x), run(x), **TIGHT)


def short(run):
    """The mean of two rows of length 1 is not longer."""
    return bool((run(tokens(2, 9)).norm(dim=-1) <= 1 + 1e-9).all())


def bounded(run):
    """LayerNorm behind all: outputs are no longer for tokens that are."""
    x = tokens(2, 7)
    return bool(run(1e8 * x).norm() < 100 * run(x).norm())


def scale_free(run):
    """LayerNorm takes the size away; its eps is nothing beside tokens as large as these."""
    x = tokens(2, 7, scale=1e5)
    return torch.allclose(run(2 * x), run(x), **TIGHT)


def proportional(run):
    """Norms on q and k leave only the values' size; their eps is 1e-6."""
    x = tokens(2, 7)
    return torch.allclose(run(2 * x), 2 * run(x), rtol=1e-4, atol=1e-4)


# ---- Who looks at whom ---------------------------------------------------------------------------


def slopes(run, length, size=0.3):
    """(key, query, C): how a query's output moves with a key, where all tokens are alike.

    There it is sum_h w_h(i, j) W_o^h W_v^h d, for one direction d: positive weights times matrices.
    """
    x = tokens(1, scale=size).expand(length, C)
    moved = 1e-4 * torch.eye(length, dtype=torch.float64)[:, :, None] * tokens(1)
    return (run(x + moved) - run(x - moved)) / 2e-4


def sees(run, length):
    """(L, L) bool, queries down: which keys a query looks at."""
    size = slopes(run, length).norm(dim=-1).T
    return size > 1e-6 * size.max()


def reach(run, seen):
    """It looks at these keys and no others. That it looks holds unless one token alone gives a
    constant, so that neither of two that differ is a special case of the other."""
    return torch.equal(sees(run, len(seen)), seen)


def back(length, *distances):
    """(L, L): True where query minus key lies among the distances."""
    i = torch.arange(length)
    return torch.isin(i[:, None] - i, torch.tensor([*distances]))


def nobody_sees_all(pattern, row):
    """A row whose every score is hidden by the same number looks at all alike."""
    pattern = pattern.clone()
    pattern[row] = True
    return pattern


def even_slopes(run, size=0.3):
    """Where tokens are alike, so are the scores of those it sees: equal weights, whatever W is.

    With rotary, where they are zeros (size = 0), unless the keys have a bias.
    """
    moves = slopes(run, 16, size)
    size = moves.norm(dim=-1)
    for i in range(16):
        seen = moves[size[:, i] > 1e-6 * size.max(), i]
        if not torch.allclose(seen, seen[:1].expand_as(seen), rtol=1e-5, atol=1e-6):
            return False
    return True


def far_alike(run, near=4):
    """All keys that lie further back than `near` have the same number in the table."""
    last = slopes(run, 16)[: 16 - near, -1]
    return torch.allclose(last, last[:1].expand_as(last), rtol=1e-5, atol=1e-6)


def by_offset(run):
    """One head and a table of offsets on a square of 4: log weights of two keys differ alike for
    two queries, when all four have moved by one place."""
    logs = slopes(run, 16).norm(dim=-1).log()
    ways = [logs[key, 0] - logs[key + 4, 0] for key in (4, 5)]
    moved = [logs[key + 1, 1] - logs[key + 5, 1] for key in (4, 5)]
    return torch.allclose(torch.stack(ways), torch.stack(moved), atol=1e-5)


# ---- Softmaxes -----------------------------------------------------------------------------------


def curves(run):
    """(t, C): out of the last of two tokens over t, when the other lies t · d away from it.

    It is sum_h 1/(1 + exp(-a_h t - b_h)) W_o^h W_v^h d: as many curves as there are softmaxes.
    """
    p, d = tokens(2, scale=0.5)
    t = torch.linspace(-3, 3, 61, dtype=torch.float64)[:, None]
    t = t[t.abs() > 0.05][:, None]
    x = torch.stack([p + t * d, p.expand(len(t), C)], dim=1)
    return (run(x)[:, 1] - alone(run, p[None])) / t


def softmaxes(run, most):
    return rank(curves(run)) <= most


def one_softmax_each(run, width=8):
    """Without W_o, the first outputs follow the first head alone."""
    return rank(curves(run)[:, :width]) <= 1


def symmetric(run):
    """One head, W_q = W_k: s_ab + s_ba <= s_aa + s_bb for any two tokens."""
    a, b = tokens(2, 300)
    ends = alone(run, a), alone(run, b)
    mixed = run(torch.stack([a, b], dim=1))
    way = ends[1] - ends[0]
    w = [((mixed[:, i] - ends[i]) * way).sum(-1) / (way**2).sum(-1) for i in (0, 1)]
    sure = (w[0] > 1e-9) & (w[1] < -1e-9) & (w[0] < 1 - 1e-9) & (w[1] > -1 + 1e-9)
    logits = torch.logit(w[0][sure]) + torch.logit(-w[1][sure])
    return bool((logits <= 1e-6).all())


# ---- Rotary --------------------------------------------------------------------------------------


def by_distance(run, length):
    """(distance, C): what is linear in a query p and quadratic in one key d, all others zero.

    For small tokens it is sum_h (pᵀ A_h(distance) d) W_o^h W_v^h d, up to a factor: rotary makes
    A_h a sum of cos and sin of speed · distance, whatever the parameters are.
    """
    p, d = tokens(2)
    place = torch.eye(length, dtype=torch.float64)[: length - 1].flip(0)  # distance 1 first

    def out(a, b):
        x = (b * place)[:, :, None] * d
        x[:, -1] = a * p
        return run(x)[:, -1]

    def mixed(e):
        four = out(e, e) - out(-e, e) + out(e, -e) - out(-e, -e)
        return (four / 2 - out(e, 0) + out(-e, 0)) / (2 * e**3)

    return (4 * mixed(5e-3) - mixed(1e-2)) / 3  # what grows with e² goes


def only_speeds(run, speeds, length=96):
    found = by_distance(run, length)
    turn = torch.arange(1, length, dtype=torch.float64)[:, None] * torch.tensor(speeds).double()
    basis, values, _ = torch.linalg.svd(torch.cat([turn.cos(), turn.sin()], 1), full_matrices=False)
    basis = basis[:, values > 1e-10 * values[0]]
    return bool((found - basis @ basis.T @ found).norm() < 1e-4 * found.norm())


def speeds(base, width):
    return [base ** (-2 * i / width) for i in range(width // 2)]


# ---- Which pair is told apart by what; who has the property always: "f" or "g" -------------------

CAUSAL = partial(reach, seen=torch.ones(9, 9).tril() == 1)
WITNESSES = {
    "vit-missing_transpose": ("f", any_order),
    "vit-over_queries": ("f", crowd),
    "vit-over_heads": ("f", affine_alone),
    "vit-one_plus": ("f", affine_alone),
    "vit-sigmoid": ("f", affine_alone),
    "vit-residual": ("f", even_slopes),
    "mingpt-inverted_mask": (
        "g",
        partial(reach, seen=nobody_sees_all(torch.ones(9, 9).triu(1) == 1, 8)),
    ),
    "mingpt-strict_mask": (
        "g",
        partial(reach, seen=nobody_sees_all(torch.ones(9, 9).tril(-1) == 1, 0)),
    ),
    "mingpt-backward_mask": ("f", CAUSAL),
    "band_4-band_5": ("f", partial(reach, seen=back(9, 0, 1, 2, 3))),
    "band_64-mingpt": ("f", partial(reach, seen=back(70, *range(64)))),
    "mistral-rotary": ("f", partial(reach, seen=back(70, *range(64)))),
    "scratch_v2-scratch_causal": ("g", CAUSAL),
    "chunks-vit": (
        "f",
        partial(reach, seen=torch.block_diag(torch.ones(8, 8), torch.ones(8, 8)) == 1),
    ),
    "vit-vit_bias": ("f", odd_around),
    "d2l-sdpa": ("f", zero_to_zero),
    "mingpt_bare-mingpt": ("f", zero_to_zero),
    "neox_bare-neox": ("f", zero_to_zero),
    "rotary_q_bias-rotary_qk_bias": ("f", partial(even_slopes, size=0.0)),
    "d2l-grouped": ("g", partial(rank_alone, most=16)),
    "multi_query-grouped": ("f", partial(rank_alone, most=8)),
    "llama_meta_grouped-llama": ("f", partial(rank_alone, most=16)),
    "product_8-d2l": ("f", partial(rank_of_first, most=8)),
    "latent_8-d2l": ("f", partial(rank_alone, most=8)),
    "product_8-latent_8": ("f", partial(rank_of_first, most=8)),
    "tied-scratch_v2": ("f", symmetric),
    "scratch_wrapper-scratch_multi": ("f", one_softmax_each),
    "bert-vit_bias": ("f", one_softmax_each),
    "bilinear-bilinear_2": ("f", partial(softmaxes, most=1)),
    "vit_pytorch_2x8-vit_pytorch_2x16": ("f", partial(rank_alone, most=16)),
    "vit_bias-swin": ("f", even_slopes),
    "swin_1-table_1": ("f", by_offset),
    "d2l-relative_4": ("f", even_slopes),
    "relative_4-relative_8": ("f", far_alike),
    "nest-own_blocks": ("f", blocks_in_any_order),
    "d2l-d2l_8": ("f", partial(softmaxes, most=4)),
    "d2l_1-d2l": ("f", partial(softmaxes, most=1)),
    "gptj-gptj_whole": ("f", partial(only_speeds, speeds=[*speeds(1e4, 4), 0.0])),
    "neox_bare-neox_whole": ("f", partial(only_speeds, speeds=[*speeds(1e4, 4), 0.0])),
    "rotary-rotary_500k": ("g", partial(only_speeds, speeds=speeds(5e5, 8))),
    "mingpt_bare-rotary": ("f", partial(only_speeds, speeds=[0.0])),
    "mingpt_bare-alibi": ("f", even_slopes),
    "frames-frames_positions": ("f", even_slopes),
    "vit_pytorch-vit_pytorch_bare": ("f", scale_free),
    "qwen-mingpt_bare": ("f", proportional),
    "pgl_add-pgl_avg": ("g", short),
    "pgl_add-pgl_mult": ("f", odd),
    "my_mult-my_max": ("f", even),
    "my_add-my_add_even": ("f", partial(swapped, i=7, j=8, length=10)),
}
