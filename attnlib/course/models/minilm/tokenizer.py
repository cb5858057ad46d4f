"""A sentence cut into the pieces that the model knows: BERT's uncased WordPiece.

Source: Wu et al. 2016 (arXiv:1609.08144), section 4.1, for the pieces; Devlin et al. 2019
(arXiv:1810.04805), section 3, for [CLS] and [SEP].
"""

import unicodedata
from collections.abc import Mapping

LONGEST_WORD = 100  # characters; a longer one is unknown

# CJK ideographs: each character is a word.
IDEOGRAPHS = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)


def pieces(sentence: str, vocabulary: Mapping[str, int]) -> list[str]:
    """["[CLS]", "un", "##seen", …, "[SEP]"]: ## marks a piece that continues a word.

    Capitals and accents are lost. A word that cannot be made of pieces is "[UNK]" as a whole. What
    looks like a special piece in the sentence itself is read as any other text.
    """
    found = [piece for word in words(sentence) for piece in cut(word, vocabulary)]
    return ["[CLS]", *found, "[SEP]"]


def words(sentence: str) -> list[str]:
    """Lower-case words without accents; punctuation marks and Chinese characters are words."""
    lowered = unicodedata.normalize("NFD", _cleaned(sentence).lower())
    return "".join(_spaced(character) for character in lowered).split()


def cut(word: str, vocabulary: Mapping[str, int]) -> list[str]:
    """The longest piece that the word begins with, then the longest that goes on from there, …"""
    found, start = [], 0
    while start < len(word) <= LONGEST_WORD:
        ahead = "##" if start else ""
        ends = range(len(word), start, -1)
        end = next((end for end in ends if ahead + word[start:end] in vocabulary), None)
        if end is None:
            break
        found.append(ahead + word[start:end])
        start = end
    return found if start == len(word) else ["[UNK]"]


def _cleaned(sentence):
    """Without control characters, but for those that are white space."""
    return "".join(
        character
        for character in sentence
        if character in "\t\n\r"
        or (unicodedata.category(character)[0] != "C" and character != "\ufffd")
    )


def _spaced(character):
    """The character as it goes into the words: an accent not at all, a word of its own apart."""
    if unicodedata.category(character) == "Mn":
        return ""
    return f" {character} " if _is_ideograph(character) or _is_mark(character) else character


def _is_ideograph(character):
    return any(first <= ord(character) <= last for first, last in IDEOGRAPHS)


def _is_mark(character):
    """Punctuation, and of ASCII all that is neither letter nor digit: ^ and $ too."""
    ascii_mark = character.isascii() and character.isprintable() and not character.isalnum()
    is_punctuation = unicodedata.category(character)[0] == "P"
    return (ascii_mark and character != " ") or is_punctuation
