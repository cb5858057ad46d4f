"""The suspects: every check of shapes passes, each mistake shows in the tool the lesson names."""

import inspect
from types import MethodType

import pytest
import torch

from attnlib.course.compare import influence, relative_difference, same
from attnlib.course.lessons import exercise
from attnlib.course.lessons.capstone import buggy
from attnlib.course.shapes.xray import xray

NAMES = tuple(buggy.PAIRS)
MENDED = {
    "blocks": ("merge", "capstone.merge"),
    "segments": ("owner", "capstone.owner"),
    "frames": ("weights", "capstone.weights"),
}


def tokens(name, length):
    x = torch.randn(length, 48, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return x.view(1, 4, -1, 48) if name == "blocks" else x


def apart(name, modules, length):
    return relative_difference(*(module(tokens(name, length))[0] for module in modules))


def felt(module, x):
    return influence(module, x) > 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("length", [8, 32])
def test_no_check_of_shapes_finds_it(name, length):
    original, rewrite = buggy.pair(name)
    y, z = (module(tokens(name, length))[0] for module in (original, rewrite))
    assert (y.shape, y.dtype) == (z.shape, z.dtype)
    shapes = [{key: p.shape for key, p in m.state_dict().items()} for m in (original, rewrite)]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("length", [4, 5, 9, 30, 31])
def test_the_odd_lengths_keep_their_shapes_too(length):
    for name in ("segments", "frames"):
        for module in buggy.pair(name):
            assert module(tokens(name, length))[0].shape == (length, 48)


def test_the_parameters_are_equal():
    for name in NAMES:
        one, other = (module.state_dict() for module in buggy.pair(name))
        assert all(one[key].equal(other[key]) for key in one)


def test_each_is_wrong_and_the_segments_only_where_their_number_does_not_divide():
    assert apart("blocks", buggy.pair("blocks"), 32) > 0.5
    assert apart("frames", buggy.pair("frames"), 32) > 0.1
    for length in range(4, 33):
        found = apart("segments", buggy.pair("segments"), length)
        assert found > 0.1 if length % 4 else found < 1e-12, length


@pytest.mark.parametrize("name", NAMES)
def test_what_the_reader_writes_mends_it(name):
    original, rewrite = buggy.pair(name)
    method, key = MENDED[name]
    setattr(rewrite, method, exercise(key).answer)
    lengths = (8, 32) if name == "blocks" else (4, 9, 30, 31, 32)
    assert max(apart(name, (original, rewrite), length) for length in lengths) < 1e-12


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_may_read_all_of_it_at_a_glance(name):
    rewrite = buggy.pair(name)[1]
    method = getattr(rewrite, MENDED[name][0])
    assert not isinstance(method, MethodType), "it can be replaced by a plain function"
    assert len(inspect.getsource(method).splitlines()) <= 6
    assert len(inspect.getsource(rewrite.forward).splitlines()) <= 10


def test_the_patterns_of_the_xray_show_the_first_and_no_other():
    x = torch.randn(2, 4, 7, 48, dtype=torch.float64)
    original, rewrite = (xray(module, x).steps for module in buggy.pair("blocks"))
    pairs = list(zip(original, rewrite, strict=True))
    assert [a.shape for a, _ in pairs] == [b.shape for _, b in pairs]
    patterns = [(a.pattern, b.pattern) for a, b in pairs if a.pattern != b.pattern]
    assert patterns == [
        ("b g h n d -> b g n (d h)", "b g h n d -> b g n (h d)"),
        ("b g n (d h), c (d h) -> b g n c", "b g n (h d), c (h d) -> b g n c"),
    ]
    for name in ("segments", "frames"):
        suspect = buggy.pair(name)[1]
        before = xray(suspect, tokens(name, 30)).steps
        method, key = MENDED[name]
        setattr(suspect, method, exercise(key).answer)
        after = xray(suspect, tokens(name, 30)).steps
        seen = [{step.pattern for step in steps} for steps in (before, after)]
        assert seen[0] == seen[1], name


def test_the_xray_names_the_axis_of_the_third_softmax():
    steps = [
        [step.step for step in xray(module, tokens("frames", 30)).steps]
        for module in buggy.pair("frames")
    ]
    assert "softmax over i" in steps[1]
    assert not any(step.startswith("softmax over") for step in steps[0])


def test_influence_shows_the_second_and_no_other():
    original, rewrite = (felt(module, tokens("segments", 14)) for module in buggy.pair("segments"))
    assert (original != rewrite).sum() > 0
    assert original.sum() == rewrite.sum(), "a count alone would not show it"
    for name, length in (("segments", 16), ("blocks", 16), ("frames", 14)):
        original, rewrite = (felt(module, tokens(name, length)) for module in buggy.pair(name))
        assert original.equal(rewrite), name


def test_same_finds_a_witness_for_the_second_and_third_and_tells_what_the_first_needs():
    found = {name: same(*buggy.pair(name)) for name in NAMES}
    said = {name: finding.verdict for name, finding in found.items()}
    assert said == {"blocks": "same", "segments": "different", "frames": "different"}
    assert '"c (d h) -> c (h d)"' in found["blocks"].forth.code
    assert "at L = 5" in found["segments"].witnesses[0]
    assert "a token of zeros collects" in found["frames"].witnesses[0]
    assert found["frames"].forth == "the weights sum to 1 over another axis"


def row_sums(module, x):
    """The sums of all rows of all its maps."""
    _, maps = module(x)
    maps = maps if isinstance(maps, tuple) else (maps,)
    weights = [each if isinstance(each, torch.Tensor) else each.weights() for each in maps]
    return torch.cat([each.sum(-1).flatten() for each in weights])


def test_the_rows_of_the_third_map_do_not_sum_to_1_and_those_of_all_others_do():
    for name, length in (("blocks", 16), ("segments", 16), ("segments", 14), ("frames", 14)):
        off = [(row_sums(each, tokens(name, length)) - 1).abs().max() for each in buggy.pair(name)]
        assert [far.item() < 1e-12 for far in off] == [True, name != "frames"], (name, off)


@pytest.mark.parametrize("name", NAMES)
def test_same_is_content_with_what_was_mended(name):
    original, rewrite = buggy.pair(name)
    method, key = MENDED[name]
    setattr(rewrite, method, exercise(key).answer)
    finding = same(original, rewrite)
    assert finding.verdict == "same"
    assert name != "blocks" or "rearrange" not in finding.forth.code


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match=r"name must be one of \('blocks', .* got 'heads'"):
        buggy.pair("heads")
