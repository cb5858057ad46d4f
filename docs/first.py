"""The live pair of the first page: one photograph twice, and what the chosen patch sees of it.

All numbers and the first state are written here; static/first.js moves it. Without scripts the
first state stays.
"""

import json

import numpy as np
from PIL import Image
from torch import Tensor

from attnlib.course import data
from docs.pair import BLOCK, COVERS, NEST, PGLSUM, PHOTOGRAPH, SIDE, STYLES, levels

DOTS = 480  # of the photograph: sharp on a telephone too
FILE = "first.jpg"
START = 2 * SIDE + 3
FRAMES = {NEST: "block", PGLSUM: "segment"}
TITLES = {
    NEST: {"en": NEST, "zh-Hans": "NesT 风格"},
    PGLSUM: {"en": PGLSUM, "zh-Hans": "PGL-SUM 风格"},
}
SAID = {
    "en": "<b>Row {row}, column {column}</b> (red frame). "
    "<b>NesT style</b> sees {nest} of {all} patches, those of its own block. "
    "What the others hold changes it by exactly 0. "
    "<b>PGL-SUM style</b> sees {pglsum} of {all} through its global branch, and the {own} "
    "of its own segment once more through its local branch.",
    "zh-Hans": "<b>第 {row} 行第 {column} 列</b>（红框）。"
    "<b>NesT 风格</b>看见 {all} 个图块中的 {nest} 个，也就是自己所在的区块；"
    "其他图块怎么变，它的输出都恰好不变。"
    "<b>PGL-SUM 风格</b>通过全局分支看见 {all} 个中的 {pglsum} 个，"
    "又通过局部分支把自己所在片段的 {own} 个再看一遍。",
}
HINT = {
    "en": "What does one patch see? Point at a patch, tap on it, or use the arrow keys.",
    "zh-Hans": "一个图块能看见什么？请用鼠标指向或用手指点一个图块，也可以用方向键。",
}
KEY = {
    "en": "Bright: it matters much. Dark: little. Grey: exactly nothing, whatever is trained. "
    "Computed with attnlib’s modules before any training, so how bright a single patch is means "
    "little. Photograph: Eileen Collins, NASA, public domain.",
    "zh-Hans": "亮：影响大；暗：影响小；灰：恰好没有影响，怎么训练都一样。"
    "这是用 attnlib 的模块在训练之前算出来的，所以单个图块有多亮说明不了什么。"
    "照片：Eileen Collins，NASA，公有领域。",
}


def html() -> str:
    """What index.md shows."""
    found = levels()
    pictures = "".join(_picture(style, found[style][START]) for style in STYLES)
    told = {tongue: text.format(**_counts(found)) for tongue, text in SAID.items()}
    return (
        '<div class="attn-pair">'
        f'<p class="attn-hint" id="attn-hint">{_both(HINT)}</p>'
        '<div class="attn-photographs" role="group" tabindex="0" aria-labelledby="attn-hint" '
        f'aria-describedby="attn-said">{pictures}</div>'
        f'<p class="attn-said" id="attn-said" role="status" aria-live="polite">{_both(told)}</p>'
        f'<p class="attn-key">{_both(KEY)}</p>'
        f'<script type="application/json">{_numbers(found)}</script></div>\n'
    )


def photograph() -> Image.Image:
    """The photograph as the page shows it."""
    pixels = data.photograph(PHOTOGRAPH, DOTS, DOTS)
    return Image.fromarray((255 * pixels).round().byte().numpy().astype(np.uint8))


def _numbers(found: dict[str, Tensor]) -> str:
    """All that the browser needs; of each patch a digit for every other."""
    rows = {style: ["".join(map(str, row)) for row in found[style].tolist()] for style in STYLES}
    told = {"side": SIDE, "block": BLOCK, "start": START, "covers": COVERS}
    numbers = told | {"levels": rows, "said": SAID}
    return json.dumps(numbers, ensure_ascii=False).replace("</", "<\\/")


def _counts(found):
    row, column = divmod(START, SIDE)
    nest, pglsum = (int((found[style][START] > 0).sum()) for style in STYLES)
    own = {"own": BLOCK**2, "all": SIDE**2}
    return {"row": row + 1, "column": column + 1, "nest": nest, "pglsum": pglsum} | own


def _both(texts):
    """In both languages; first.js shows one."""
    return "".join(f'<span lang="{tongue}">{text} </span>' for tongue, text in texts.items())


def _picture(style, row):
    """The photograph under its covers. A patch is one unit wide."""
    (top, left), step = divmod(START, SIDE), f'width="{BLOCK}" height="{BLOCK}"'
    corner = f'x="{left - left % BLOCK}" y="{top - top % BLOCK}"'
    return (
        f'<figure class="attn-photograph"><figcaption>{_both(TITLES[style])}</figcaption>'
        f'<svg viewBox="0 0 {SIDE} {SIDE}" aria-hidden="true">'
        f'<image href="_static/{FILE}" width="{SIDE}" height="{SIDE}"/>'
        f'<g class="attn-covers">{"".join(_cover(*each) for each in enumerate(row.tolist()))}</g>'
        f'<path class="attn-edges" d="{_edges()}"/>'
        f'<rect class="attn-own attn-{FRAMES[style]}" {corner} {step}/>'
        f'<rect class="attn-under" x="{left}" y="{top}" width="1" height="1"/>'
        f'<rect class="attn-chosen" x="{left}" y="{top}" width="1" height="1"/></svg></figure>'
    )


def _cover(patch, level):
    row, column = divmod(patch, SIDE)
    fill, hides = COVERS[level]
    place = f'x="{column}" y="{row}" width="1" height="1"'
    return f'<rect {place} fill="{fill}" fill-opacity="{hides:.2g}"/>'


def _edges():
    places = range(BLOCK, SIDE, BLOCK)
    return "".join(f"M0 {each}H{SIDE}M{each} 0V{SIDE}" for each in places)
