"""Text in columns of a fixed width: a Chinese, Japanese or Korean character takes two."""

from itertools import pairwise
from textwrap import TextWrapper

from wcwidth import wcwidth

OPENING = "（［｛《〈「『【〔“([{"  # these end no line
CLOSING = "，。、；：！？）］｝》〉」』】〕”…,.;:!?)]}%"  # and these begin none


def width(text: str) -> int:
    """How many columns a line of text takes."""
    return sum(max(0, wcwidth(character)) for character in text)  # -1: it cannot be shown


def ljust(text: str, columns: int) -> str:
    """The text, with spaces after it up to so many columns."""
    return text + " " * (columns - width(text))


def rjust(text: str, columns: int) -> str:
    """The text, with spaces before it up to so many columns."""
    return " " * (columns - width(text)) + text


def fill(text: str, columns: int = 70, **options) -> str:
    """The text in lines of so many columns at most, as `textwrap.fill` does it for English.

    A line also ends beside any wide character; but punctuation that closes stays with what is
    before it, and punctuation that opens with what is after it.

    Args:
        options: those of `textwrap.TextWrapper`.
    """
    return _Wrapper(columns, **options).fill(text)


class _Wrapper(TextWrapper):
    """A `TextWrapper` that counts columns, and may break beside a wide character."""

    def _split(self, text):
        return [piece for chunk in super()._split(text) for piece in self._pieces(chunk)]

    def _pieces(self, chunk):
        """What must stay together of a word in the sense of textwrap: what has no space in it."""
        if not any(map(_is_wide, chunk)):
            return [chunk]
        pieces = [chunk[0]]
        for before, after in pairwise(chunk):
            if _may_part(before, after):
                pieces.append(after)
            else:
                pieces[-1] += after
        fitting = ([piece] if width(piece) <= self.width else piece for piece in pieces)
        return [_Columns(part) for parts in fitting for part in parts]


class _Columns(str):
    """Text whose length is its width, as `TextWrapper` takes lengths."""

    __slots__ = ()

    def __len__(self):
        return width(self)


def _is_wide(character):
    return wcwidth(character) == 2


def _may_part(before, after):
    """Whether a line may end between two characters of a word that has wide ones."""
    if before in OPENING or after in CLOSING or wcwidth(after) == 0:  # 0: an accent on `before`
        return False
    return _is_wide(before) or _is_wide(after) or after in OPENING
