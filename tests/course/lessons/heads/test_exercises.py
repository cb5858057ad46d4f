"""The checks take their solutions, refuse their stubs, and name the known wrong answers."""

import pytest
import torch
from einops import rearrange

from attnlib.course.lessons import exercise
from attnlib.course.lessons.heads import exercises
from attnlib.layout import merge_heads, split_heads
from tests.course.lessons.named import assert_named


def unscrambled(y, heads):
    return rearrange(y, "n (d h) -> n (h d)", h=heads)


def split(x, heads):
    return rearrange(x, "... n (h d) -> ... h n d", h=heads)


def matrices(weight, heads):
    return list(zip(*weight.view(3, heads, -1, weight.shape[1]), strict=True))


WRONG_ORDERS = {
    "Not written yet": lambda y, heads: None,
    "A view alone moves nothing": lambda y, heads: y.view(len(y), -1, heads).reshape(y.shape),
    "The other way round, or H and D exchanged": (
        lambda y, heads: y.view(len(y), heads, -1).transpose(1, 2).reshape(y.shape)
    ),
    "exchanged: that turns 'h d' into 'd h'": (
        lambda y, heads: rearrange(y, "n (d h) -> n (h d)", d=heads)
    ),
    "Merge them again": lambda y, heads: y.view(len(y), -1, heads).mT,
    "told apart, but not exchanged": lambda y, heads: y.view(len(y), -1, heads),
    "This is split, (H, N, D)": lambda y, heads: y.view(len(y), -1, heads).permute(2, 0, 1),
    "The tokens changed places": lambda y, heads: rearrange(y, "(d h) c -> (h d) c", h=heads),
    "Numbers of several tokens are mixed": (
        lambda y, heads: y.view(heads, len(y), -1).transpose(0, 1).flatten(1)
    ),
    "The heads were still in front": (
        lambda y, heads: y.view(len(y), -1, heads).permute(2, 0, 1).reshape(len(y), -1)
    ),
    "The channels were reversed": lambda y, heads: y.flip(-1),
    "but in reversed order": (
        lambda y, heads: torch.cat([y[:, h::heads] for h in reversed(range(heads))], 1)
    ),
    "the shape must be (6, 6), and is (6, 3)": lambda y, heads: y[:, ::heads],
    "the value at [0, 0] should be -1.126, and is -2.252": (
        lambda y, heads: 2 * unscrambled(y, heads)
    ),
    "heads=2 it stopped with EinopsError": lambda y, heads: unscrambled(y, 4),
    "2 heads are fixed in your code": lambda y, heads: unscrambled(y, 2),
    "It must be a function, and is a torch.Tensor": torch.ones(2),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_ORDERS.items(), ids=WRONG_ORDERS)
def test_a_wrong_order_is_named(words, answer):
    verdict = exercise("heads.unscramble").check(answer)
    assert not verdict.right
    assert words in verdict


RIGHT_ORDERS = {
    "view and transpose": (
        lambda y, heads: y.view(len(y), -1, heads).transpose(1, 2).reshape(y.shape)
    ),
    "each head's columns": (
        lambda y, heads: torch.cat([y[:, head::heads] for head in range(heads)], dim=1)
    ),
    "an index": (lambda y, heads: y[:, torch.arange(y.shape[1]).view(-1, heads).mT.flatten()]),
    "undo the merge, do the other": (
        lambda y, heads: merge_heads(rearrange(y, "n (d h) -> h n d", h=heads))
    ),
}


@pytest.mark.parametrize("answer", RIGHT_ORDERS.values(), ids=RIGHT_ORDERS)
def test_other_ways_to_unscramble_pass(answer):
    assert exercise("heads.unscramble").check(answer).right


def test_the_task_undoes_the_wrong_merge_of_the_library():
    x = torch.randn(5, 12, generator=torch.Generator().manual_seed(0))
    scrambled = merge_heads(split_heads(x, 3), "d h")
    assert not scrambled.equal(x)
    assert exercise("heads.unscramble").answer(scrambled, 3).equal(x)


def square_only(y, heads):
    """Right where H = D, where both directions are one."""
    return rearrange(y, "n (a b) -> n (b a)", a=heads)


def test_what_is_right_for_square_heads_only_does_not_pass():
    assert "The other way round" in exercise("heads.unscramble").check(square_only)


WRONG_SPLITS = {
    "Not written yet": lambda x, heads: None,
    "a view to (H, N, D) reads the rows on": lambda x, heads: x.view(heads, len(x), -1),
    "That is (N, H, D)": lambda x, heads: x.unflatten(-1, (heads, -1)),
    "every H-th channel": lambda x, heads: x.unflatten(-1, (-1, heads)).movedim(-1, -3),
    "2 heads are fixed in your code": lambda x, heads: split(x, 2),
    "must be `heads` heads": lambda x, heads: x.unflatten(-1, (-1, heads)).transpose(-3, -2),
    "every head is transposed": lambda x, heads: split(x, heads).mT,
    "That is (N, D, H)": lambda x, heads: x.unflatten(-1, (heads, -1)).mT,
    "The tokens were cut": lambda x, heads: torch.stack(x.chunk(heads)),
    "x is turned before it is cut": lambda x, heads: x.mT.reshape(heads, len(x), -1),
    "Only head 0 is there": lambda x, heads: x[..., : x.shape[-1] // heads],
    "Each head has all channels": lambda x, heads: x.expand(heads, *x.shape),
    "The heads come in reversed order": lambda x, heads: torch.stack(x.chunk(heads, -1)[::-1]),
    "a sequence of H tensors": lambda x, heads: list(x.chunk(heads, -1)),
    "that is x itself": lambda x, heads: merge_heads(split(x, heads)),
    "The heads stand before all other axes": lambda x, heads: torch.stack(x.chunk(heads, -1)),
    "axis 0 for the tokens": lambda x, heads: x.reshape(len(x), heads, -1).transpose(0, 1),
    "exchanges axes 0 and 1": lambda x, heads: (
        x.unflatten(-1, (heads, -1)).movedim(1, 0)
        if x.dim() == 2
        else x.unflatten(-1, (heads, -1)).transpose(0, 1)
    ),
    "exchanges axes 1 and 2": lambda x, heads: (
        x.unflatten(-1, (heads, -1)).transpose(0, 1)
        if x.dim() == 2
        else x.unflatten(-1, (heads, -1)).transpose(1, 2)
    ),
    "the shape must be (2, 6, 3), and is (3, 12)": lambda x, heads: x.view(3, 12),
    "the value at [0, 0, 0] should be -1.126, and is -2.252": (
        lambda x, heads: 2 * split(x, heads)
    ),
    "heads=2 it stopped with RuntimeError": lambda x, heads: x.view(len(x), 5, -1),
    "one number of axes": (lambda x, heads: rearrange(x, "n (h d) -> h n d", h=heads)),
    "float64 comes out less exact": lambda x, heads: split(x, heads).float().to(x),
    "not their gradients": lambda x, heads: split(x, heads).detach(),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_SPLITS.items(), ids=WRONG_SPLITS)
def test_a_wrong_split_is_named(words, answer):
    assert_named("heads.split", answer, words)


def filled(x, heads):
    """Number by number, in place."""
    width = x.shape[-1] // heads
    out = x.new_zeros(*x.shape[:-2], heads, x.shape[-2], width)
    for head in range(heads):
        out[..., head, :, :] = x[..., head * width : (head + 1) * width]
    return out


RIGHT_SPLITS = {
    "unflatten and transpose": lambda x, heads: x.unflatten(-1, (heads, -1)).transpose(-2, -3),
    "view and transpose": (
        lambda x, heads: x.view(*x.shape[:-1], heads, x.shape[-1] // heads).transpose(-3, -2)
    ),
    "chunks": lambda x, heads: torch.stack(x.chunk(heads, dim=-1), dim=-3),
    "slices": lambda x, heads: torch.stack(x.split(x.shape[-1] // heads, -1), -3),
    "movedim": lambda x, heads: x.unflatten(-1, (heads, -1)).movedim(-2, -3),
    "rearrange": lambda x, heads: rearrange(x, "... n (h d) -> ... h n d", h=heads),
    "the transpose first": lambda x, heads: x.mT.unflatten(-2, (heads, -1)).mT,
    "filled": filled,
}


@pytest.mark.parametrize("answer", RIGHT_SPLITS.values(), ids=RIGHT_SPLITS)
def test_other_ways_to_split_pass(answer):
    assert exercise("heads.split").check(answer).right


def by_hd(out):
    return out.transpose(-3, -2).flatten(-2)


def by_dh(out):
    return out.movedim(-3, -1).flatten(-2)


def either(h_d, d_h):
    """A function of the heads for each order."""
    return lambda out, order: (h_d if order == "h d" else d_h)(out)


WRONG_MERGES = {
    "Not written yet": lambda out, order: None,
    "This is the other order": lambda out, order: by_dh(out),
    "all numbers of head 0": either(by_dh, by_hd),
    'You merge "h d" whatever `order` says': lambda out, order: by_hd(out),
    "The heads still stand in front": lambda out, order: out.reshape(out.shape[-2], -1),
    "Numbers of several tokens are mixed": (
        lambda out, order: out.movedim(-1, -3).reshape(out.shape[-2], -1)
    ),
    "H and D are still two axes": lambda out, order: out.transpose(-3, -2),
    "still two axes: join them": lambda out, order: out.movedim(-3, -1),
    "That is (C, N)": lambda out, order: rearrange(out, f"... h n d -> ... ({order}) n"),
    "The heads lie one below the other": lambda out, order: torch.cat([*out], 0),
    "Only head 0 is there": lambda out, order: out[0],
    "The heads lie in reversed order": either(
        lambda out: torch.cat([*out][::-1], -1), lambda out: by_dh(out.flip(0))
    ),
    "The heads were added": lambda out, order: sum(out),
    "The heads were averaged": lambda out, order: out.mean(0),
    "The heads are as they came": lambda out, order: out,
    "You join tokens and channels": lambda out, order: out.flatten(-2),
    "axis 0 for the heads": either(
        lambda out: out.transpose(0, 1).flatten(1), lambda out: out.permute(1, 2, 0).flatten(1)
    ),
    "right for (H, N, D) only": either(lambda out: torch.cat(tuple(out), -1), by_dh),
    "They are axis -3": either(by_hd, lambda out: torch.stack([*out], -1).flatten(-2)),
    "exchanges axes 1 and 2": either(
        lambda out: by_hd(out) if out.dim() == 3 else out.transpose(1, 2).flatten(-2), by_dh
    ),
    "order='d h' the shape must be (6, 6), and is (6, 2, 3)": either(
        by_hd, lambda out: out.transpose(0, 1) * 2
    ),
    "order='d h' the value at [0, 0] should be": either(by_hd, lambda out: by_hd(out).flip(-1)),
    "order='h d' it stopped with KeyError": lambda out, order: {"hd": by_hd, "dh": by_dh}[order](
        out
    ),
    "one number of axes": (lambda out, order: rearrange(out, f"h n d -> n ({order})")),
    "float64 comes out less exact": either(lambda out: by_hd(out).float().to(out), by_dh),
    "not their gradients": either(lambda out: by_hd(out).detach(), by_dh),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_MERGES.items(), ids=WRONG_MERGES)
def test_a_wrong_merge_is_named(words, answer):
    assert_named("heads.merge", answer, words)


RIGHT_MERGES = {
    "transpose and movedim": either(by_hd, by_dh),
    "a pattern each": lambda out, order: (
        rearrange(out, "... h n d -> ... n (h d)")
        if order == "h d"
        else rearrange(out, "... h n d -> ... n (d h)")
    ),
    "torch.cat": either(lambda out: torch.cat([*out.unbind(-3)], -1), by_dh),
    "torch.stack": either(by_hd, lambda out: torch.stack([*out.unbind(-3)], -1).flatten(-2)),
    "reshape": lambda out, order: (
        out.transpose(-3, -2) if order == "h d" else out.transpose(-3, -2).mT
    ).reshape(*out.shape[:-3], out.shape[-2], -1),
    "the solution's loop, for each of the others": lambda out, order: (
        exercises.merge_in_a_loop(out.flatten(0, -4).transpose(0, 1).flatten(1, 2), order).view(
            *out.shape[:-3], out.shape[-2], -1
        )
        if out.dim() > 3
        else by_hd(out)
        if order == "h d"
        else by_dh(out)
    ),
}


@pytest.mark.parametrize("answer", RIGHT_MERGES.values(), ids=RIGHT_MERGES)
def test_other_ways_to_merge_pass(answer):
    assert exercise("heads.merge").check(answer).right


@pytest.mark.parametrize(
    ("key", "answer"),
    [("heads.split", split_heads), ("heads.merge", merge_heads)],
    ids=["split", "merge"],
)
def test_the_library_may_not_do_it(key, answer):
    def calls_it(x, how):
        return answer(x, how)

    assert_named(key, calls_it, f"it calls {answer.__name__}, and that is what you are to write")


def test_a_split_in_other_places_is_shown_by_its_places():
    wrong = exercise("heads.split").check(
        lambda x, heads: x.unflatten(-1, (-1, heads)).movedim(-1, -3)
    )
    assert "For x of shape (2, 6), heads=3:" in wrong.tables
    assert "t0 c3" in wrong.tables


def test_the_loops_give_what_the_solutions_give():
    x = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    heads = exercises.split_in_a_loop(x, 3)
    assert heads.equal(exercises.split(x, 3))
    for order in ("h d", "d h"):
        assert exercises.merge_in_a_loop(heads, order).equal(exercises.merge(heads, order))


def reordered(pattern):
    return lambda weight, heads: [
        tuple(triple)
        for triple in rearrange(weight, f"{pattern} c -> h three d c", three=3, h=heads)
    ]


WRONG_MATRICES = {
    "Not written yet": lambda weight, heads: None,
    "You read the rows head by head": (
        lambda weight, heads: [tuple(rows.chunk(3)) for rows in weight.chunk(heads)]
    ),
    "you take every H-th row": reordered("(three d h)"),
    "You take every third row": reordered("(h d three)"),
    "2 heads are fixed in your code": lambda weight, heads: matrices(weight, 2),
    "Keys and queries are exchanged": (
        lambda weight, heads: [(k, q, v) for q, k, v in matrices(weight, heads)]
    ),
    "Keys and values are exchanged": (
        lambda weight, heads: [(q, v, k) for q, k, v in matrices(weight, heads)]
    ),
    "begins with the values": (
        lambda weight, heads: [triple[::-1] for triple in matrices(weight, heads)]
    ),
    "Every matrix is transposed": (
        lambda weight, heads: [(q.T, k.T, v.T) for q, k, v in matrices(weight, heads)]
    ),
    "three lists of H matrices": (
        lambda weight, heads: [tuple(rows.chunk(heads)) for rows in weight.chunk(3)]
    ),
    "Each of the H entries is one tensor": (
        lambda weight, heads: [*weight.view(3, heads, -1, weight.shape[1]).transpose(0, 1)]
    ),
    "one tensor (3, H, D, C)": (lambda weight, heads: weight.view(3, heads, -1, weight.shape[1])),
    "one tensor (H, 3, D, C)": (
        lambda weight, heads: weight.view(3, heads, -1, weight.shape[1]).transpose(0, 1)
    ),
    "there must be 2 results, and there are 3": lambda weight, heads: list(weight.chunk(3)),
    "in result [0][2], the value at [0, 0] should be -1.531": (
        lambda weight, heads: [(q, k, 2 * v) for q, k, v in matrices(weight, heads)]
    ),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_MATRICES.items(), ids=WRONG_MATRICES)
def test_wrong_matrices_are_named(words, answer):
    verdict = exercise("heads.head_matrices").check(answer)
    assert not verdict.right
    assert words in verdict


RIGHT_MATRICES = {
    "view": matrices,
    "chunks": lambda weight, heads: list(
        zip(*(rows.chunk(heads) for rows in weight.chunk(3)), strict=True)
    ),
    "lists for triples": lambda weight, heads: [list(triple) for triple in matrices(weight, heads)],
    "in order": reordered("(three h d)"),
}


@pytest.mark.parametrize("answer", RIGHT_MATRICES.values(), ids=RIGHT_MATRICES)
def test_other_ways_to_cut_the_matrix_pass(answer):
    assert exercise("heads.head_matrices").check(answer).right


KNOWN = {
    "heads.split": exercises.SPLITS,
    "heads.merge": exercises.MERGES,
    "heads.unscramble": exercises.SCRAMBLES,
    "heads.head_matrices": exercises.MATRICES,
}


@pytest.mark.parametrize("key", KNOWN)
def test_every_mistake_that_is_known_is_one(key):
    """No sentence stands for a right answer, and each is reached by its own mistake."""
    for sentence, wrong, *_ in KNOWN[key]:
        assert_named(key, wrong, sentence)
