"""The fonts of the figures: matplotlib's own, and behind it one that has Chinese characters.

The second is a part of Noto Sans CJK SC (© Adobe, SIL Open Font License 1.1, in OFL.txt): what
DejaVu lacks is drawn from it, so no figure shows an empty box.
"""

from dataclasses import replace
from pathlib import Path

from matplotlib.font_manager import fontManager

NAME = "attnlib CJK"
CJK = Path(__file__).with_name("attnlib-cjk.otf")
FAMILIES = ["DejaVu Sans", NAME]

if NAME not in fontManager.get_font_names():
    fontManager.addfont(CJK)
    # The one weight serves for bold too: two weights would be twice the size.
    fontManager.ttflist.append(replace(fontManager.ttflist[-1], weight=700))
