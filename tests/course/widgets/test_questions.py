"""The questions: both forms parallel, both languages whole, and every right answer run.

What the browser does with them is in tests/browser/test_questions.py.
"""

import re
from collections import Counter

import pytest
import torch
from einops import rearrange
from torch import nn

from attnlib import BlockAttention, SelfAttention, attention, blockify, fuse, segment_slices
from attnlib.course import compare, data
from attnlib.course.experiments.study.findings import findings
from attnlib.course.experiments.study.results import load
from attnlib.course.language import catalogue, speak
from attnlib.course.manifest import LESSONS, lesson
from attnlib.course.widgets.questions.data import FILE, FORMS, misconceptions
from attnlib.course.widgets.questions.widget import questions
from notebooks.execute import HERE, read

ALL = {each["id"]: each for each in misconceptions()}
CODE = FILE.with_name("questions.js").read_text(encoding="utf-8")
CHINESE = catalogue("zh", "widgets/questions/questions.toml")
LANGUAGES = {"en": {}, "zh": CHINESE}
CASES = [(id, form) for id in ALL for form in FORMS]
LETTERS = "abcd"
HALF_WIDTH = re.compile(r"[\u4e00-\u9fff][,.:;?!()]|[,:;?!()][\u4e00-\u9fff]")
UNSPACED = re.compile(r"[\u4e00-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u4e00-\u9fff]")
SAID = re.compile(r'\bsay\("((?:[^"\\]|\\.)*)"')

both_forms = pytest.mark.parametrize("form", FORMS)
both_languages = pytest.mark.parametrize("messages", LANGUAGES.values(), ids=LANGUAGES)


def texts(each):
    """Everything that a reader reads of one."""
    yield from (each["name"], each["because"])
    for form in FORMS:
        yield from (each[form]["stem"], *each[form]["choices"].values())


def chosen(id, form, what):
    return ALL[id][form]["choices"][ALL[id][form][what]]


def choices(each, form, messages):
    return [messages.get(choice, choice) for choice in each[form]["choices"].values()]


# ---- The form of it ------------------------------------------------------------------------------


@both_languages
def test_each_has_a_name_of_its_own(messages):
    assert len(ALL) == len(misconceptions()) == 13
    assert len({messages.get(each["name"], each["name"]) for each in ALL.values()}) == 13


@pytest.mark.parametrize("id", ALL)
def test_it_is_asked_in_both_forms(id):
    assert set(ALL[id]) == {"id", "name", "because", "again", *FORMS}
    assert set(ALL[id]["again"]) == {"lesson", "heading"}
    assert all(texts(ALL[id]))


@both_languages
@pytest.mark.parametrize(("id", "form"), CASES)
def test_it_has_four_choices_one_right_and_one_that_shows_the_belief(id, form, messages):
    asked = ALL[id][form]
    assert set(asked) == {"stem", "choices", "right", "belief"}
    assert "".join(asked["choices"]) == LETTERS
    assert len(set(choices(ALL[id], form, messages))) == 4
    assert {asked["right"], asked["belief"]} < set(LETTERS)
    assert asked["right"] != asked["belief"]


@pytest.mark.parametrize(("id", "form"), CASES)
def test_a_choice_can_be_quoted_within_a_sentence(id, form):
    for choice in ALL[id][form]["choices"].values():
        assert choice[-1] not in ".?!"
        assert CHINESE.get(choice, choice)[-1] not in "。？！"


@pytest.mark.parametrize("id", ALL)
def test_the_forms_are_alike_and_not_the_same(id):
    a, b = (ALL[id][form] for form in FORMS)
    assert a["stem"] != b["stem"]
    assert a["right"] != b["right"]
    for messages in LANGUAGES.values():
        lengths = [len(messages.get(each["stem"], each["stem"])) for each in (a, b)]
        assert max(lengths) <= 1.35 * min(lengths), "about as much to read"


@pytest.mark.parametrize("what", ["right", "belief"])
def test_no_place_gives_the_answer_away(what):
    places = {form: Counter(each[form][what] for each in ALL.values()) for form in FORMS}
    for counts in places.values():
        assert set(counts) == set(LETTERS)
        assert max(counts.values()) <= 4
    if what == "right":
        counts = sum(places.values(), Counter()).values()
        assert max(counts) - min(counts) <= 1, "as even as they can be"


@both_forms
@both_languages
def test_no_length_gives_the_answer_away(form, messages):
    longest = shortest = 0
    for each in ALL.values():
        lengths = [len(choice) for choice in choices(each, form, messages)]
        right = lengths.pop(LETTERS.index(each[form]["right"]))
        longest += right > max(lengths)
        shortest += right < min(lengths)
    assert max(longest, shortest) <= 4


@pytest.mark.parametrize("id", ALL)
def test_where_to_read_again_is_a_heading_that_is_there_once(id):
    again = ALL[id]["again"]
    cells = read(HERE / f"{lesson(again['lesson']).stem}.ipynb").cells
    heads = [cell.source.partition("\n")[0] for cell in cells if cell.cell_type == "markdown"]
    assert [head.lstrip("# ") for head in heads if head[:1] == "#"].count(again["heading"]) == 1


def test_every_lesson_up_to_form_b_refutes_one_and_one_looks_ahead():
    refuting = {each["again"]["lesson"] for each in ALL.values()}
    last = lesson("does_it_matter").number
    assert refuting == {each.name for each in LESSONS if each.number <= last} | {"learning"}


# ---- In Chinese ----------------------------------------------------------------------------------


@pytest.mark.parametrize("id", ALL)
def test_chinese_is_whole_with_its_own_punctuation(id):
    for text in texts(ALL[id]):
        if not re.search("[A-Za-z]{2}", text):
            continue  # numbers alone are the same
        chinese = CHINESE[text]
        assert re.search("[\u4e00-\u9fff]", chinese), text
        assert not HALF_WIDTH.search(chinese), chinese
        assert not UNSPACED.search(chinese), chinese
        assert chinese.replace("token（词元）", "").count("词元") == 0
    for form in FORMS:
        assert CHINESE[ALL[id][form]["stem"]].endswith("？")


def test_all_that_the_front_end_says_is_there_in_chinese():
    said = set(SAID.findall(CODE))
    assert said == set(catalogue("zh", "widgets/questions/questions.js"))
    calls = re.findall(r"(?<!function )\bsay\(([^)]{9})", CODE)
    others = {call for call in calls if call[0] != '"'}
    assert all(call.startswith(("stem", "choice", "item.", "heading")) for call in others)


def test_nothing_is_there_in_chinese_that_is_said_no_more():
    asked = {text for each in ALL.values() for text in texts(each)}
    assert set(CHINESE) <= asked


# ---- Every right answer, run ---------------------------------------------------------------------

numbers = {
    (id, form): [int(n) for n in re.findall(r"\d+", ALL[id][form]["stem"])] for id, form in CASES
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
    assert f"{word} nn.Linear({inputs}, {small})" in ALL["written-otherwise"][form]["stem"]
    assert chosen("written-otherwise", form, "right").startswith("Nothing")


@both_forms
def test_the_largest_weight_goes_to_a_longer_key(form):
    asked = ALL["largest-is-most-similar"][form]
    query = pair(asked["stem"])
    keys = [pair(choice) for choice in asked["choices"].values()]
    k = torch.tensor(keys).float()[None]
    _, map = attention(torch.tensor(query).float().view(1, 1, 2), k, k)
    assert LETTERS[map.weights().argmax()] == asked["right"]
    assert keys[LETTERS.index(asked["belief"])] == query
    assert LETTERS[k.norm(dim=-1).argmax()] in (asked["right"], LETTERS[keys.index(min(keys))])


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
    others = {letter: pair(choice) for letter, choice in asked["choices"].items()}
    same = [letter for letter, other in others.items() if block[other] == block[tuple(place)]]
    assert same == [asked["right"]]
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
    plain, loudest = sum(louder), max(louder, key=torch.linalg.vector_norm)
    assert torch.cosine_similarity(plain, loudest, -1).min() > 0.95, "as they are, it wins"
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
    stems = (ALL["unequal-outputs-prove"][form]["stem"] for form in FORMS)
    assert any(f"torch.manual_seed({seed})" in stem for stem in stems)


def test_neither_short_nor_long_code_tells_what_it_computes():
    x, heads = torch.randn(2, 5, 12), torch.randn(3, 4, 12)

    def short(x, order="(h d)"):
        return rearrange(torch.einsum("bnc,hdc->bnhd", x, heads), f"b n h d -> b n {order}")

    def long(x):
        found = []
        for head in heads:
            rows = []
            for each in x:
                rows.append(each @ head.T)
            found.append(torch.stack(rows))
        return torch.cat(found, dim=-1)

    torch.testing.assert_close(long(x), short(x))
    assert short(x, "(d h)").shape == long(x).shape
    assert not torch.allclose(short(x, "(d h)"), long(x), atol=1e-3)
    for form in FORMS:
        assert re.search("tell|told", chosen("elegant-works-as-well", form, "right"))


def test_what_moves_the_output_less_costs_more():
    picture = data.photograph("astronaut", height=32, width=32)
    patches = data.patches(picture, patch_size=4).view(8, 8, 48).double()
    moved = compare.turned_alone(blockify(patches, 4).flatten(0, 1)[None], range(3))
    far, little = (moved[name].mean() for name in ("group_parameters", "scale"))
    assert far > 2 * little
    found = findings(load())
    groups = found["own_parameters | own_parameters | Xavier √2 | local | 1×"]
    scale = found["scale | 1 for 1/√D | all + own, Xavier √2 | local | 1×"]
    assert scale.verdict == groups.verdict == "effect"
    assert scale.estimate.high < groups.estimate.mean < 0  # what moved less costs more
    for form in FORMS:
        assert re.search(
            "Either may|Neither is sure", chosen("moves-far-matters-much", form, "right")
        )


def test_one_answer_with_two_quite_different_maps():
    values, q, k = torch.randn(1, 1, 4).expand(1, 6, 4), torch.randn(1, 6, 4), torch.randn(1, 6, 4)
    (one, bright), (other, dark) = attention(9 * q, k, values), attention(0 * q, k, values)
    torch.testing.assert_close(one, other)
    assert (bright.weights() - dark.weights()).abs().max() > 0.5
    for form in FORMS:
        assert re.search("not yet|is open", chosen("map-explains", form, "right"))


# ---- The widget ----------------------------------------------------------------------------------


@both_forms
def test_the_widget_takes_one_form_and_says_what_it_is(form):
    shown = questions(form)
    assert shown.form == form
    assert [item["id"] for item in shown.items] == list(ALL)
    for item in shown.items:
        assert item["stem"] == ALL[item["id"]][form]["stem"]
        assert not {"A", "B"} & set(item), "the other form stays unseen"
    wanted = f"13 questions, form {form}, English and 中文 (to be answered in a browser)"
    assert repr(shown) == wanted
    bundle = shown._repr_mimebundle_()
    mime = bundle[0] if isinstance(bundle, tuple) else bundle
    assert mime["text/plain"] == wanted


def test_another_form_is_refused():
    with pytest.raises(ValueError, match="form must be one of A, B, got 'C'"):
        questions("C")


@pytest.fixture
def speaking():
    yield speak
    speak("en")


def test_it_begins_in_english_and_has_chinese_whole():
    shown = questions("A")
    assert [each["tag"] for each in shown.languages] == ["en", "zh-Hans"]
    assert [each["label"] for each in shown.languages] == ["English", "中文"]
    english, chinese = (each["messages"] for each in shown.languages)
    assert shown.first == 0 and english == {}
    assert chinese == CHINESE | catalogue("zh", "widgets/questions/questions.js")


def test_it_begins_in_the_language_that_is_spoken(speaking):
    speaking("zh")
    assert questions("A").first == 1
    assert repr(questions("B")) == "13 个问题，B 卷，English 和中文（在浏览器里作答）"


TRIED = """
msgid ""
msgstr "Content-Type: text/plain; charset=utf-8"

#: attnlib/course/widgets/questions/questions.js
msgid "Score"
msgstr "Noter"

#: notebooks/05_segments.ipynb
msgid "Which parameters own frame 17?"
msgstr "À qui est l'image 17 ?"

#: notebooks/05_segments.ipynb
msgid "Your turn"
msgstr "À vous"
"""


@pytest.mark.parametrize(("name", "tag"), [("fr", "fr"), ("my attempt", ""), ("zh", "zh")])
def test_a_language_of_ones_own_is_offered_with_its_headings(speaking, tmp_path, name, tag):
    folder = tmp_path / name
    folder.mkdir()
    (folder / "tried.po").write_text(TRIED, encoding="utf-8")
    speaking(str(folder))
    shown = questions("A")
    assert [each["label"] for each in shown.languages] == ["English", "中文", name]
    assert shown.first == 2
    own = shown.languages[2]
    assert (own["name"], own["tag"]) == (name, tag), "nobody's folders are told"
    heading = "Which parameters own frame 17?"
    assert own["messages"] == {"Score": "Noter", heading: "À qui est l'image 17 ?"}
