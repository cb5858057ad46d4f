"""The search of the site splits words: English at spaces, Chinese, which has none, in pairs.

效果差 is found as 效果 and 果差, and as its single characters. The browser splits what a reader
types in the same pairs. So a word of three characters is found where both its pairs stand.

Headings come with the tags that say what is Chinese: these are no words.
"""

import re

HAN = "\u3400-\u9fff"
RUN = re.compile(rf"[{HAN}]+|[^\W{HAN}]+")

TAG = re.compile(r'<span lang=\\?"[\w-]+\\?">|</span>')

# Of one character that character alone; of more, their pairs. Other letters as Sphinx has them.
SPLIT = rf"""
function splitQuery(query) {{
  const letter = "[\\p{{Letter}}\\p{{Number}}_\\p{{Emoji_Presentation}}]";
  const runs = query.match(new RegExp(`[{HAN}]+|(?:(?![{HAN}])${{letter}})+`, "gu")) ?? [];
  const pairs = (run) => Array.from(run.slice(1), (last, i) => run[i] + last);
  return runs.flatMap((run) => (/[{HAN}]./.test(run) ? pairs(run) : [run]));
}}
"""


def words(text: str) -> list[str]:
    """What the index holds of a text: words, and of Chinese each character and each pair."""
    return [word for run in RUN.findall(untagged(text)) for word in _words(run)]


def untagged(text: str) -> str:
    """A heading, or the index in which all of them stand, without the tags."""
    return TAG.sub("", text)


def _words(run):
    if not re.match(f"[{HAN}]", run):
        return [run]
    return [*run, *(run[i : i + 2] for i in range(len(run) - 1))]
