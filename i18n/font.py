"""`python -m i18n.font`: the Chinese font of the figures, cut out of Noto Sans CJK SC.

All of Noto Sans CJK is 19 MB. Kept are the 3755 characters of GB 2312's first level, which are
nearly all that a text uses, some more, what else the catalogues have, and Chinese punctuation. It
takes Debian's package fonts-noto-cjk; only who adds a rare character runs it.
"""

from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

from attnlib.course.figures.fonts import CJK, NAME
from attnlib.course.language import LOCALE
from i18n.update import LESSONS

WHOLE = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
# Of the second level, what a text about attention may want.
RARE = "熵阈诠瑕疵砝缜迥纰蹊跷谙赝媲羁桎梏囿榫镂黯俨倏咦嗯"
SIMPLIFIED = 2  # among the fonts in that file
PUNCTUATION = "，。；：？！“”‘’（）《》【】、—…·×～"
# A figure needs outlines alone: no vertical writing, no ligatures, no hints.
DROPPED = ["vhea", "vmtx", "VORG", "BASE", "GSUB", "GPOS"]


def first_level() -> set[str]:
    """The 3755 most used simplified characters, by GB 2312: rows 16 to 55 of its table."""
    codes = (bytes([row, column]) for row in range(0xB0, 0xD8) for column in range(0xA1, 0xFF))
    return {code.decode("gb2312") for code in codes if code < bytes([0xD7, 0xFA])}


def used() -> set[str]:
    """All that stands in the catalogues: of the library, and of the lessons."""
    paths = (path for folder in (LOCALE, LESSONS) for path in folder.rglob("*.po"))
    return set("".join(path.read_text(encoding="utf-8") for path in paths))


def main() -> None:
    options = Options()
    options.hinting, options.layout_features = False, []
    options.desubroutinize, options.notdef_outline = False, True
    options.drop_tables += DROPPED
    font = TTFont(WHOLE, fontNumber=SIMPLIFIED, recalcTimestamp=False)
    subsetter = Subsetter(options)
    subsetter.populate(text="".join(first_level() | used() | set(PUNCTUATION + RARE)))
    subsetter.subset(font)
    # Under a name of its own: whoever has the whole font keeps it.
    for record in font["name"].names:
        if record.nameID in (1, 4, 16):
            record.string = NAME
    outlines = font["CFF "].cff
    outlines.fontNames = [NAME.replace(" ", "")]
    outlines[0].FamilyName = outlines[0].FullName = NAME
    font.save(CJK)
    print(f"{CJK.name}: {len(font.getBestCmap())} characters, {CJK.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
