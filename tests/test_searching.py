"""The search of the site: what its index is made of. In the browser: tests/browser/test_site.py."""

import pytest

from docs.searching import words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("two words, qkv_bias", ["two", "words", "qkv_bias"]),
        ("效果", ["效", "果", "效果"]),
        ("头", ["头"]),
        ("注意力，头", ["注", "意", "力", "注意", "意力", "头"]),
        ("用softmax算", ["用", "softmax", "算"]),
        ('<span lang="zh-Hans">效</span> (x)', ["效", "x"]),
    ],
)
def test_a_text_is_split_into_words_and_chinese_into_pairs(text, found):
    assert words(text) == found
