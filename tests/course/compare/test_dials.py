"""At the two ends the dials are the two styles; between them every point runs."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from attnlib import AttentionMap
from attnlib.course import compare
from attnlib.course.compare import (
    NEST,
    PGLSUM,
    VALUES,
    Branch,
    Parameters,
    attend,
    dead,
    sample_parameters,
    turned,
    undo_notation,
)

C, H, G = 24, 3, 3
POSITIONS = VALUES["positions"]
FUSIONS = VALUES["fusion"][1:]
# These two say how y is computed, not what it is.
COMPUTED_ALIKE = ("input", "projections")
NOTATION = (*COMPUTED_ALIKE, "merge")

settings = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()})


def small(seed=0, **sizes):
    return sample_parameters(seed, **({"width": C, "heads": H, "num_groups": G} | sizes))


def tokens(*shape, width=C):
    return torch.randn(*shape, width, dtype=torch.float64)


def close(y, expected):
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-12)


# The two ends


@pytest.mark.parametrize(("width", "heads", "groups"), [(24, 3, 3), (16, 1, 2), (8, 8, 2)])
@pytest.mark.parametrize("lead", [(), (2,), (2, 3)])
def test_one_end_is_block_attention(width, heads, groups, lead):
    parameters = small(width=width, heads=heads, num_groups=groups)
    for size in (1, 2, 5):
        x = tokens(*lead, groups * size, width=width)
        y, maps = attend(x, parameters, NEST)
        blocks = x.reshape(-1, groups, size, width)
        expected, blocks_map = compare.nest_end(parameters)(blocks)
        close(y, expected.reshape(y.shape))
        assert maps.local == ()
        assert len(maps.main) == groups
        for group, map_ in enumerate(maps.main):
            weights = blocks_map.weights()[:, group]  # (B, H, N, N)
            close(map_.weights(), weights.reshape(map_.shape))


@pytest.mark.parametrize(("width", "heads", "groups"), [(24, 3, 3), (24, 1, 6), (8, 8, 2)])
@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("positions", POSITIONS, ids=str)
def test_the_other_end_is_global_and_local_attention(width, heads, groups, fusion, positions):
    parameters = small(width=width, heads=heads, num_groups=groups)
    module = compare.pglsum_end(parameters, positions, fusion)
    dials = turned(PGLSUM, fusion=fusion, positions=positions)
    for shape in [(1,), (2,), (7,), (9,), (10,), (16,), (2, 7)]:  # some segments are empty
        x = tokens(*shape, width=width)
        y, maps = attend(x, parameters, dials)
        expected, whole = module(x)
        close(y, expected)
        close(maps.main[0].weights(), whole.whole.weights())
        lengths = [map_.shape[-1] for map_ in whole.segments if map_.shape[-1]]
        assert [map_.shape[-1] for map_ in maps.local] == lengths
        for map_, segment in zip(maps.local, whole.segments, strict=False):
            close(map_.weights(), segment.weights())


def test_the_two_ends_are_in_evaluation_mode_and_in_the_dtype_of_the_parameters():
    for module in (compare.nest_end(small()), compare.pglsum_end(small(), None, "add")):
        assert not module.training
        assert {parameter.dtype for parameter in module.parameters()} == {torch.float64}


def test_the_dials_not_given_stand_at_one_end():
    x, parameters = tokens(6), small()
    assert attend(x, parameters)[0].equal(attend(x, parameters, NEST)[0])
    assert attend(x, parameters, {"merge": "h d"})[0].equal(
        attend(x, parameters, turned(NEST, merge="h d"))[0]
    )


def test_every_dial_has_two_ends_that_differ():
    assert NEST.keys() == PGLSUM.keys() == VALUES.keys()
    assert all(NEST[name] != PGLSUM[name] for name in VALUES)


# A point between, written another way: one group, one head, one token at a time.


def plain(x, parameters, dials):
    """(L, C) -> (L, C), no batch, no training."""
    length, width = x.shape
    groups = parameters.main.qkv.shape[0]
    size = math.ceil(length / groups)
    segments = [list(range(g * size, min((g + 1) * size, length))) for g in range(groups)]
    seen = [list(range(length))] if dials["sees"] == "all tokens" else segments
    y = one_branch(x, parameters.main, seen, dials)
    if dials["fusion"] is None:
        return y
    local = one_branch(x, getattr(parameters, dials["local_branch"]), segments, dials)
    y, local = y / y.norm(dim=-1, keepdim=True), local / local.norm(dim=-1, keepdim=True)
    if dials["fusion"] == "max":
        return torch.where(y > local, y, local)
    return {"add": y + local, "mult": y * local, "avg": (y + local) / 2}[dials["fusion"]]


def one_branch(x, branch, groups, dials):
    y = torch.zeros_like(x)
    _, _, heads, width, _ = branch.qkv.shape
    for number, group in enumerate(groups):
        g = 0 if dials["group_parameters"] == "shared" else number
        for h in range(heads):
            q, k, v = (x @ matrix.mT for matrix in branch.qkv[g, :, h])
            q = q + branch.query_bias[g, h] * dials["query_bias"]
            k = k + branch.key_bias[g, h] * dials["key_value_bias"]
            v = v + branch.value_bias[g, h] * dials["key_value_bias"]
            columns = [
                h * width + d if dials["merge"] == "h d" else d * heads + h for d in range(width)
            ]
            for row, i in enumerate(group):
                scores = torch.stack([q[i] @ k[j] for j in group])
                scores = scores * (width**-0.5 if dials["scale"] == "1/√D" else 1)
                scores = scores + position(dials["positions"], row, len(group), x.shape[1])
                weights = scores.exp() / scores.exp().sum()
                y[i] += branch.out[g][:, columns] @ (weights @ v[group])
        if len(group) and dials["output_bias"]:
            y[group] += branch.out_bias[g]
    return y


def position(kind, i, length, width):
    row = torch.zeros(length, dtype=torch.float64)
    for j in range(length - length % 2) if kind else ():
        if kind == "absolute":
            angle = i / 10000 ** (2 * (j // 2) / width)
        else:
            angle = (j - i + length - 1) / 10000 ** ((i + j) / (2 * length))
        row[j] = math.cos(angle) if j % 2 else math.sin(angle)
    return row


@given(settings, st.integers(1, 10))
def test_every_point_is_the_mathematics(dials, length):
    x, parameters = tokens(length), small()
    close(attend(x, parameters, dials)[0], plain(x, parameters, dials))


@given(settings, st.integers(1, 10))
def test_every_input_of_a_batch_is_by_itself(dials, length):
    x, parameters = tokens(2, 2, length), small()
    y, maps = attend(x, parameters, dials)
    assert y.shape == x.shape
    close(y[1, 0], attend(x[1, 0], parameters, dials)[0])
    for map_ in (*maps.main, *maps.local):
        assert isinstance(map_, AttentionMap)
        assert map_.shape[:2] == (2, 2)
        close(map_.weights().sum(-1), torch.ones(map_.shape[:-1], dtype=torch.float64))


@given(settings, st.integers(2, 10))
def test_nothing_that_is_given_is_changed(dials, length):
    x, parameters = tokens(length), small()
    given_x, given_dials = x.clone(), dict(dials)
    attend(x, parameters, dials)
    undo_notation(parameters, dials)
    dead(dials)
    assert x.equal(given_x)
    assert dials == given_dials
    for branch, before in zip(parameters, small(), strict=True):
        assert all(part.equal(was) for part, was in zip(branch, before, strict=True))


@given(settings, st.booleans())
def test_gradients_flow_to_every_parameter_that_is_used(dials, training):
    x = tokens(7).requires_grad_()
    parameters = Parameters(
        *(Branch(*(part.requires_grad_() for part in branch)) for branch in small())
    )
    y, _ = attend(x, parameters, dials, training=training)
    (y * tokens(7)).sum().backward()
    assert x.grad.isfinite().all()
    assert x.grad.any(-1).all()
    beside = {"full": parameters.full, "narrow": parameters.narrow}[dials["local_branch"]]
    used = [parameters.main] if dials["fusion"] is None else [parameters.main, beside]
    dial_of = {"key_bias": "key_value_bias", "value_bias": "key_value_bias"}
    dial_of |= {"query_bias": "query_bias", "out_bias": "output_bias"}
    for branch in parameters:
        for name, part in branch._asdict().items():
            live = any(branch is other for other in used) and dials.get(dial_of.get(name), True)
            assert (part.grad is not None) == live, name
            assert part.grad is None or part.grad.isfinite().all()


# What each dial does


@limits(max_examples=50)
@given(settings, st.data())
def test_a_dead_dial_changes_nothing(dials, data):
    x, parameters = tokens(7), small()
    y = attend(x, parameters, dials)[0]
    for name in dead(dials):
        value = data.draw(st.sampled_from(VALUES[name]))
        close(attend(x, parameters, turned(dials, **{name: value}))[0], y)


@limits(max_examples=50)
@given(settings, st.data())
def test_a_dial_that_is_not_dead_changes_y(dials, data):
    x, parameters = tokens(9), small()
    y = attend(x, parameters, dials)[0]
    for name in VALUES.keys() - dead(dials) - set(COMPUTED_ALIKE):
        value = data.draw(st.sampled_from([v for v in VALUES[name] if v != dials[name]]))
        other = attend(x, parameters, turned(dials, **{name: value}))[0]
        assert compare.relative_difference(y, other) > 1e-3, name


@limits(max_examples=50)
@given(settings)
def test_two_dials_say_how_y_is_computed_and_not_what_it_is(dials):
    x, parameters = tokens(8), small()
    y = attend(x, parameters, dials)[0]
    for name in COMPUTED_ALIKE:
        for value in VALUES[name]:
            close(attend(x, parameters, turned(dials, **{name: value}))[0], y)


def test_dead_dials_give_a_reason():
    assert dead(NEST).keys() == {"returned", "initial", "dropout", "local_branch"}
    assert dead(PGLSUM).keys() == {"returned", "initial", "dropout"}
    assert dead(PGLSUM, training=True).keys() == {"returned", "initial"}
    everything = {"sees": "all tokens"}
    assert dead(everything).keys() == dead(NEST).keys() | {"input", "group_parameters"}
    assert "input" not in dead({"sees": "all tokens", "fusion": "add"})
    assert all(len(reason) > 10 for reason in dead(everything).values())


@pytest.mark.parametrize("dials", [NEST, PGLSUM], ids=["NEST", "PGLSUM"])
def test_dropout_acts_in_training_only(dials):
    x, parameters = tokens(9), small()
    dropping = turned(dials, dropout=0.5)
    y = attend(x, parameters, dropping)[0]
    assert y.equal(attend(x, parameters, turned(dials, dropout=0.0), training=True)[0])
    one, other = (attend(x, parameters, dropping, training=True)[0] for _ in range(2))
    assert compare.relative_difference(one, y) > 0.01
    assert compare.relative_difference(one, other) > 0.01


@pytest.mark.parametrize("silent", ["main", "narrow"])
def test_dropout_acts_in_both_branches(silent):
    branch = getattr(small(), silent)
    nothing = branch._replace(out=torch.zeros_like(branch.out))
    parameters, x = small()._replace(**{silent: nothing}), tokens(9)
    y = attend(x, parameters, PGLSUM)[0]
    dropped = attend(x, parameters, PGLSUM, training=True)[0]
    assert compare.relative_difference(y, dropped) > 0.01


def test_dropout_drops_half_of_the_weights_and_doubles_the_rest():
    # One token, one head: y is out_bias, or out times twice the value.
    parameters, x = small(width=16, heads=1, num_groups=2), tokens(400, 1, width=16)
    dials = turned(NEST, dropout=0.5, output_bias=False)
    full = attend(x, parameters, dials)[0]
    dropped = attend(x, parameters, dials, training=True)[0]
    none = (dropped == 0).all(-1)
    close(dropped[~none], 2 * full[~none])
    assert 0.4 < none.double().mean() < 0.6


# Notation


@given(settings, st.integers(1, 9))
def test_notation_undone_leaves_no_difference(dials, length):
    x, written = tokens(length), small()
    nests_way = turned(dials, **{name: NEST[name] for name in NOTATION})
    if dials["output_bias"]:
        nests_way["key_value_bias"] = True
    expected = attend(x, written, nests_way)[0]
    close(attend(x, undo_notation(written, dials), dials)[0], expected)


def test_undoing_notation_at_one_end_leaves_the_parameters():
    for branch, before in zip(undo_notation(small(), NEST), small(), strict=True):
        assert all(part.equal(was) for part, was in zip(branch, before, strict=True))


def test_without_an_output_bias_a_value_bias_is_no_notation():
    x, written = tokens(6), small()
    bare = turned(NEST, output_bias=False)
    less = turned(bare, key_value_bias=False)
    difference = compare.relative_difference(
        attend(x, written, bare)[0], attend(x, undo_notation(written, less), less)[0]
    )
    assert difference > 0.1


# Random parameters


def test_drawn_parameters_have_their_shapes():
    main, full, narrow = small()
    for branch, heads, width in ((main, H, C // H), (full, H, C // H), (narrow, 4, C // G // 4)):
        assert branch.qkv.shape == (G, 3, heads, width, C)
        assert branch.query_bias.shape == (G, heads, width)
        assert branch.key_bias.shape == branch.value_bias.shape == (G, heads, width)
        assert branch.out.shape == (G, C, heads * width)
        assert branch.out_bias.shape == (G, C)
        assert {part.dtype for part in branch} == {torch.float64}


def test_a_seed_draws_the_same_again_and_another_seed_does_not():
    flat = lambda seed: torch.cat([part.flatten() for branch in small(seed) for part in branch])
    assert flat(3).equal(flat(3))
    assert (flat(3) != flat(4)).all()
    assert len(flat(3).unique()) == len(flat(3))  # no branch repeats another


def test_drawing_leaves_the_global_generator_alone():
    state = torch.get_rng_state()
    small()
    assert torch.get_rng_state().equal(state)


def test_every_entry_has_variance_one_over_the_width():
    for branch in sample_parameters(0, width=96, heads=6, num_groups=4):
        for name, part in branch._asdict().items():
            assert part.std().item() == pytest.approx(96**-0.5, rel=0.25), name
            assert abs(part.mean().item()) < 0.25 * 96**-0.5, name


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"heads": 5}, "heads=5 must divide width=24"),
        ({"num_groups": 5}, "num_groups=5 must divide width=24"),
        ({"num_groups": 1}, "num_groups must be a whole number, at least 2, got 1"),
        ({"num_groups": 4}, "4 heads=4 must divide width // num_groups=6"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(sizes, said):
    with pytest.raises(ValueError, match=said):
        small(**sizes)


# Mistakes


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("merge", "dh"),
        ("key_value_bias", 1),
        ("query_bias", 0),
        ("dropout", False),
        ("dropout", 0),
        ("dropout", 0.4),
        ("dropout", math.nan),
        ("positions", "Absolute"),
        ("fusion", []),
        ("fusion", {}),
        ("scale", 1),
        ("scale", None),
        ("scale", torch.ones(2)),
    ],
)
def test_a_value_that_a_dial_does_not_have_is_refused(name, value):
    with pytest.raises(ValueError, match=rf"dial {name} must be one of \(.*\), got") as error:
        turned(NEST, **{name: value})
    assert str(VALUES[name]) in str(error.value)
    assert str(error.value).endswith(repr(value))
    with pytest.raises(ValueError, match=f"dial {name} must be"):
        attend(tokens(3), small(), {name: value})


def test_an_unknown_dial_is_refused_beside_those_known():
    for call in (turned, dead, lambda dials: attend(tokens(3), small(), dials)):
        with pytest.raises(ValueError, match=r"dial 'bias' is unknown: .*'query_bias'"):
            call({"bias": True})


def test_turning_gives_all_dials_and_leaves_those_given():
    dials = {"merge": "h d"}
    result = turned(dials, scale="1")
    assert result == {**NEST, "merge": "h d", "scale": "1"}
    assert dials == {"merge": "h d"}
    assert turned(PGLSUM) == PGLSUM


def main_with(**changes):
    parameters = small()
    return parameters._replace(main=parameters.main._replace(**changes))


@pytest.mark.parametrize(
    ("parameters", "dials", "said"),
    [
        (small()._replace(narrow=None), PGLSUM, r"use parameters\.narrow: .*got None"),
        (small()._replace(full=None), {"fusion": "add"}, r"use parameters\.full: .*got None"),
        (small()._replace(main=None), NEST, r"use parameters\.main: .*got None"),
        (small()._replace(main="main"), NEST, r"use parameters\.main: .*got None"),
        (main_with(qkv=None), NEST, r"qkv must be \(G, 3, H, D, C\), got None"),
        (main_with(qkv=small().main.qkv[0]), NEST, r"got shape \(3, 3, 8, 24\)"),
        (main_with(out=None), NEST, r"main\.out must be \(3, 24, 24\) torch.float64, got None"),
        (main_with(query_bias=None), NEST, r"main\.query_bias must be \(3, 3, 8\) .*, got None"),
        (main_with(key_bias=None), NEST, r"main\.key_bias must be \(3, 3, 8\) .*, got None"),
        (main_with(value_bias=None), NEST, r"main\.value_bias must be .*, got None"),
        (main_with(out_bias=None), NEST, r"main\.out_bias must be \(3, 24\) .*, got None"),
        (
            main_with(query_bias=small().main.query_bias[:, :1]),
            NEST,
            r"main\.query_bias must be \(3, 3, 8\) .*, got \(3, 1, 8\)",
        ),
        (
            main_with(out_bias=small().main.out_bias.float()),
            NEST,
            r"main\.out_bias must be .* torch.float64, got \(3, 24\) torch.float32",
        ),
        (
            small()._replace(full=small(width=12).full),
            {"fusion": "add"},
            r"parameters\.full\.qkv must be \(3, 3, 3, 4, 24\) .*, got \(3, 3, 3, 4, 12\)",
        ),
        (
            main_with(out=small().main.out[..., 1:]),
            NEST,
            r"main\.out must be \(3, 24, 24\) .*, got \(3, 24, 23\)",
        ),
        (
            small()._replace(narrow=small(num_groups=2).narrow),
            PGLSUM,
            r"parameters\.narrow must have a set for each of 3 groups, got 2",
        ),
    ],
)
def test_parameters_that_do_not_fit_are_named(parameters, dials, said):
    with pytest.raises(ValueError, match=said):
        attend(tokens(6), parameters, dials)


@pytest.mark.parametrize("groups", [2, 4])
def test_groups_with_parameters_of_their_own_need_as_many_sets(groups):
    said = rf"parameters\.main must have a set for each of {groups} groups, got 3"
    with pytest.raises(ValueError, match=said):
        attend(tokens(8), small(), {"group_parameters": "own"}, num_groups=groups)


def test_what_a_setting_does_not_use_may_be_none():
    x, parameters = tokens(7), small()
    dials = {"query_bias": False, "output_bias": False, "key_value_bias": False}
    bare = main_with(**dict.fromkeys(("query_bias", "key_bias", "value_bias", "out_bias")))
    y = attend(x, bare._replace(full=None, narrow=None), dials)[0]
    assert y.equal(attend(x, parameters, dials)[0])


def test_one_set_of_parameters_serves_as_many_groups_as_wished():
    x, parameters = tokens(10), small()
    one = Branch(*(part[:1] for part in parameters.main))
    for groups in (2, 3, 5):
        y, maps = attend(x, Parameters(one, None, None), num_groups=groups)
        size = math.ceil(10 / groups)
        for start, map_ in zip(range(0, 10, size), maps.main, strict=True):
            segment = x[start : start + size]
            close(y[start : start + size], attend(segment, parameters, {"sees": "all tokens"})[0])
            assert map_.shape == (H, len(segment), len(segment))


@pytest.mark.parametrize("parameters", [None, tuple(small()), small().main])
def test_parameters_of_a_wrong_type_are_refused(parameters):
    said = f"parameters must be Parameters, got {type(parameters).__name__}"
    with pytest.raises(TypeError, match=said):
        attend(tokens(6), parameters)


@pytest.mark.parametrize("num_groups", [-1, True, 2.0])
def test_a_number_of_groups_that_is_none_is_refused(num_groups):
    with pytest.raises((TypeError, ValueError), match=f"at least 1, got {num_groups}"):
        attend(tokens(6), small(), num_groups=num_groups)


@pytest.mark.parametrize(
    ("x", "got"),
    [
        (tokens(6, width=23), r"\(6, 23\)"),
        (tokens(), r"\(24,\)"),
        (tokens(0), r"\(0, 24\)"),
        (None, "NoneType"),
        ([[1.0] * C], "list"),
    ],
)
def test_an_x_that_does_not_fit_is_refused(x, got):
    with pytest.raises(ValueError, match=rf"x must be \(…, L, C=24\).*got {got}$"):
        attend(x, small())


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64])
def test_an_x_of_another_dtype_is_refused(dtype):
    said = f"x must be torch.float64 as the parameters are, got {dtype}"
    with pytest.raises(TypeError, match=said):
        attend(tokens(6).to(dtype), small())


def test_num_groups_must_be_a_count():
    with pytest.raises(ValueError, match="num_groups must be a whole number, at least 1, got 0"):
        attend(tokens(6), small(), num_groups=0)


@pytest.mark.parametrize("dials", [None, "abc", 3])
def test_dials_that_are_no_dict_are_named(dials):
    with pytest.raises(TypeError, match="dials must be a dict of names and values"):
        turned(dials)


def test_a_value_that_cannot_be_compared_is_named():
    with pytest.raises(ValueError, match="dial scale must be one of"):
        turned(NEST, scale=torch.ones(2))


def test_notation_is_undone_where_a_branch_or_a_bias_is_not_there():
    dials = turned(NEST, key_value_bias=False, merge="h d")
    bare = Parameters(small().main._replace(value_bias=None, key_bias=None), None, None)
    rewritten = undo_notation(bare, dials)
    assert rewritten.full is rewritten.narrow is None
    x = tokens(6)
    y, _ = attend(x, rewritten, dials)
    wanted, _ = attend(x, bare, turned(NEST, key_value_bias=False))
    torch.testing.assert_close(y, wanted, rtol=1e-12, atol=1e-12)
    no_output_bias = Parameters(small().main._replace(out_bias=None), None, None)
    assert undo_notation(no_output_bias, dials).main.out_bias is None
