"""The ten questions: both forms parallel, both languages whole, and every right answer run.

What the browser does with them is in tests/browser/test_questions.py.
"""

import re
from collections import Counter

import pytest
import torch
from einops import rearrange
from torch import nn

from attnlib import BlockAttention, SelfAttention, attention, blockify, fuse, segment_slices
from attnlib.course.manifest import LESSONS, lesson
from attnlib.course.widgets.questions.data import FORMS, misconceptions
from attnlib.course.widgets.questions.widget import questions
from notebooks.execute import HERE, read

ALL = {each["id"]: each for each in misconceptions()}
LANGUAGES = ("en", "zh")
CASES = [(id, form) for id in ALL for form in FORMS]
HALF_WIDTH = re.compile(r"[\u4e00-\u9fff][,.:;?!()]|[,:;?!()][\u4e00-\u9fff]")

both_forms = pytest.mark.parametrize("form", FORMS)


def texts(each):
    """Everything that a reader reads, as {"en": …, "zh": …}."""
    yield from (each["name"], each["because"])
    for form in FORMS:
        yield from (each[form]["stem"], *each[form]["choices"])


def chosen(id, form, what):
    return ALL[id][form]["choices"][ALL[id][form][what]]["en"]


# ---- The form of it ------------------------------------------------------------------------------


def test_there_are_ten_each_with_a_name_of_its_own():
    assert len(ALL) == len(misconceptions()) == 10
    for language in LANGUAGES:
        assert len({each["name"][language] for each in ALL.values()}) == 10


@pytest.mark.parametrize("id", ALL)
def test_it_is_asked_in_both_forms_and_both_languages(id):
    assert set(ALL[id]) == {"id", "name", "because", "again", *FORMS}
    for text in texts(ALL[id]):
        assert set(text) == set(LANGUAGES)
        assert all(text.values())


@pytest.mark.parametrize("id", ALL)
def test_chinese_is_chinese_with_its_own_punctuation(id):
    for text in texts(ALL[id]):
        if text["zh"] != text["en"]:  # numbers alone are the same
            assert re.search("[\u4e00-\u9fff]", text["zh"]), text
        assert not HALF_WIDTH.search(text["zh"]), text
    for form in FORMS:
        assert ALL[id][form]["stem"]["zh"].endswith("？")


@pytest.mark.parametrize(("id", "form"), CASES)
def test_it_has_four_choices_one_right_and_one_that_shows_the_belief(id, form):
    asked = ALL[id][form]
    assert set(asked) == {"stem", "choices", "right", "belief"}
    for language in LANGUAGES:
        assert len({choice[language] for choice in asked["choices"]}) == len(asked["choices"]) == 4
    assert {asked["right"], asked["belief"]} < set(range(4))
    assert asked["right"] != asked["belief"]


@pytest.mark.parametrize("id", ALL)
def test_the_forms_are_alike_and_not_the_same(id):
    a, b = (ALL[id][form] for form in FORMS)
    assert a["stem"] != b["stem"]
    assert a["right"] != b["right"]
    for language in LANGUAGES:
        lengths = [len(each["stem"][language]) for each in (a, b)]
        assert max(lengths) <= 1.35 * min(lengths), "about as much to read"


@both_forms
@pytest.mark.parametrize("what", ["right", "belief"])
def test_no_place_gives_the_answer_away(form, what):
    places = Counter(each[form][what] for each in ALL.values())
    assert set(places) == set(range(4))
    assert max(places.values()) <= 4


@both_forms
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_length_gives_the_answer_away(form, language):
    longest = shortest = 0
    for each in ALL.values():
        lengths = [len(choice[language]) for choice in each[form]["choices"]]
        right = lengths.pop(each[form]["right"])
        longest += right > max(lengths)
        shortest += right < min(lengths)
    assert max(longest, shortest) <= 4


@pytest.mark.parametrize("id", ALL)
def test_where_to_read_again_is_a_heading_that_is_there_once(id):
    again = ALL[id]["again"]
    cells = read(HERE / f"{lesson(again['lesson']).stem}.ipynb").cells
    heads = [cell.source.partition("\n")[0] for cell in cells if cell.cell_type == "markdown"]
    assert [head.lstrip("# ") for head in heads if head[:1] == "#"].count(again["heading"]) == 1


def test_every_lesson_up_to_the_detective_refutes_one():
    refuting = {each["again"]["lesson"] for each in ALL.values()}
    last = lesson("detective").number
    assert refuting == {each.name for each in LESSONS if each.number <= last}


# ---- Every right answer, run ---------------------------------------------------------------------

numbers = {
    (id, form): [int(n) for n in re.findall(r"\d+", ALL[id][form]["stem"]["en"])]
    for id, form in CASES
}


def pair(text):
    return tuple(int(n.replace("−", "-")) for n in re.findall(r"−?\d+", text))


@both_forms
def test_many_small_matrices_compute_what_one_does(form):
    inputs, outputs, _, small = numbers["written-otherwise", form]
    one, x = nn.Linear(inputs, outputs), torch.randn(5, inputs)
    many = [nn.Linear(inputs, small) for _ in range(outputs // small)]
    for k, each in enumerate(many):
        each.weight.data = one.weight.data[k * small : (k + 1) * small]
        each.bias.data = one.bias.data[k * small : (k + 1) * small]
    torch.testing.assert_close(torch.cat([each(x) for each in many], -1), one(x))
    word = {6: "six", 4: "four"}[len(many)]
    assert f"{word} nn.Linear({inputs}, {small})" in ALL["written-otherwise"][form]["stem"]["en"]
    assert chosen("written-otherwise", form, "right").startswith("Nothing")


@both_forms
def test_the_largest_weight_goes_to_a_longer_key(form):
    asked = ALL["largest-is-most-similar"][form]
    query = pair(asked["stem"]["en"])
    keys = [pair(choice["en"]) for choice in asked["choices"]]
    k = torch.tensor(keys).float()[None]
    _, map = attention(torch.tensor(query).float().view(1, 1, 2), k, k)
    assert map.weights().argmax().item() == asked["right"]
    assert keys[asked["belief"]] == query
    assert k.norm(dim=-1).argmax().item() in (asked["right"], keys.index(min(keys)))


@pytest.mark.parametrize(("form", "heads", "width"), [("A", 2, 3), ("B", 4, 2)])
def test_another_order_of_heads_gives_other_numbers_and_no_error(form, heads, width):
    each = torch.randn(5, heads, width)
    behind = nn.Linear(heads * width, heads * width)
    one, other = (behind(rearrange(each, f"n h d -> n {to}")) for to in ("(h d)", "(d h)"))
    assert one.shape == other.shape
    assert not torch.allclose(one, other, atol=1e-3)
    assert not torch.allclose(one.sort()[0], other.sort()[0], atol=1e-3), "nor in another order"
    assert re.search("no error|without a message", chosen("shapes-fit", form, "right"))


@both_forms
def test_a_patch_sees_its_block_and_not_what_touches_it(form):
    side, _, edge, _, _, *place = numbers["blocks-see-near", form]
    assert len(place) == 2
    block = torch.empty(side, side, dtype=torch.int64)
    for g, members in enumerate(blockify(torch.arange(side**2).view(side, side, 1), edge)):
        block.view(-1)[members.flatten()] = g
    asked = ALL["blocks-see-near"][form]
    others = [pair(choice["en"]) for choice in asked["choices"]]
    same = [block[other] == block[tuple(place)] for other in others]
    assert [i for i, is_same in enumerate(same) if is_same] == [asked["right"]]
    touching = others[asked["belief"]]
    assert sum(abs(a - b) for a, b in zip(place, touching, strict=True)) == 1


@pytest.mark.parametrize(("form", "heads", "changed"), [("A", 8, 7), ("B", 4, 2)])
def test_the_map_of_the_last_head_does_not_tell_that_the_output_changed(form, heads, changed):
    x = torch.randn(6, 4 * heads)
    module = SelfAttention(4 * heads, 4 * heads, heads=heads).eval()

    def returned():
        y, map = module(x)
        return map.weights()[-1].detach(), y.detach()

    last, y = returned()
    module.qkv.weight.data[: 4 * changed] = torch.randn(4 * changed, 4 * heads)
    still_last, moved = returned()
    assert torch.equal(last, still_last)
    assert not torch.allclose(y, moved, atol=1e-3)
    assert re.fullmatch("The output alone|Only the output", chosen("returned-map", form, "right"))


@both_forms
def test_segments_begin_where_the_count_says(form):
    pieces, length, *shots = numbers["segments-follow-shots", form]
    begins = [part.start for part in segment_slices(length, pieces)]
    said = re.findall(r"\d+", chosen("segments-follow-shots", form, "right"))
    assert [int(n) for n in said] == begins
    believed = re.findall(r"\d+", chosen("segments-follow-shots", form, "belief"))
    assert [int(n) for n in believed] == shots


@pytest.mark.parametrize(
    ("form", "order"),
    [("A", [3, 1, 4, 0, 2, 5, 7, 6, 10, 9, 8, 11]), ("B", [0, 1, 9, 3, 4, 5, 6, 7, 8, 2, 10, 11])],
)
def test_rows_are_moved_as_the_tokens_are(form, order):
    x, module = torch.randn(12, 8), SelfAttention(8, 8, heads=2).eval()
    torch.testing.assert_close(module(x[order])[0], module(x)[0][order])
    assert "shuffled" in chosen("attention-feels-order", "A", "right")
    assert "rows 2 and 9 exchanged" in chosen("attention-feels-order", "B", "right")


@pytest.mark.parametrize(("form", "factors"), [("A", (10, 1)), ("B", (1, 0.01))])
def test_a_louder_branch_leaves_the_sum_as_it_is(form, factors):
    rows = torch.randn(2, 5, 16)
    louder = [factor * each for factor, each in zip(factors, rows, strict=True)]
    torch.testing.assert_close(fuse(*louder, "add"), fuse(*rows, "add"))
    right = chosen("louder-branch-wins", form, "right")
    assert right in ("It stays as it was", "It does not change at all")


@pytest.mark.parametrize(("form", "factor"), [("A", 5), ("B", 1 / 8)])
def test_one_step_parts_two_equal_functions(form, factor):
    x, wanted = torch.randn(20, 3), torch.randn(20, 1)
    inner, absorbed = nn.Linear(3, 1), nn.Linear(3, 1)
    for scaled, parameter in zip(absorbed.parameters(), inner.parameters(), strict=True):
        scaled.data = factor * parameter.data
    functions = (lambda: factor * inner(x), lambda: absorbed(x))
    before = [f() for f in functions]
    torch.testing.assert_close(*before)
    for module, y in zip((inner, absorbed), before, strict=True):
        (y - wanted).square().mean().backward()
        torch.optim.SGD(module.parameters(), lr=0.01).step()
    after = [f() for f in functions]
    moved = [(b - a).norm().item() for b, a in zip(before, after, strict=True)]
    assert min(moved) > 1e-5, "each of them moves"
    assert max(moved) / min(moved) == pytest.approx(max(factor, 1 / factor) ** 2, rel=1e-2)
    right = chosen("equal-functions-learn-equally", form, "right")
    assert right in ("Their outputs are no longer equal", "They give different outputs")


@pytest.mark.parametrize("seed", [0, 7])
def test_one_seed_gives_two_writings_of_one_function_other_parameters(seed):
    torch.manual_seed(seed)
    one = BlockAttention(8, 2).qkv.weight.data
    torch.manual_seed(seed)
    many = [nn.Linear(8, 4, bias=False) for _ in range(6)]  # by heads: keys, queries, values
    keys, queries, values = (torch.cat([each.weight for each in many[i::3]]) for i in range(3))
    assert not torch.allclose(torch.cat([queries, keys, values]), one, atol=1e-3)
    stems = (ALL["unequal-outputs-prove"][form]["stem"]["en"] for form in FORMS)
    assert any(f"torch.manual_seed({seed})" in stem for stem in stems)


# ---- The widget ----------------------------------------------------------------------------------


@both_forms
def test_the_widget_takes_one_form_and_says_what_it_is(form):
    widget = questions(form)
    assert widget.form == form
    assert [item["id"] for item in widget.items] == list(ALL)
    for item in widget.items:
        assert item["stem"] == ALL[item["id"]][form]["stem"]
        assert not {"A", "B"} & set(item), "the other form stays unseen"
    wanted = f"Ten questions, form {form}, English and 中文 (to be answered in a browser)"
    assert repr(widget) == wanted
    bundle = widget._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["text/plain"] == wanted


def test_another_form_is_refused():
    with pytest.raises(ValueError, match="form must be one of A, B, got 'C'"):
        questions("C")
