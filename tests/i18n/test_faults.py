"""Each way in which a text escapes the catalogues is seen, and what is right passes."""

import pytest

from i18n.faults import faults

RIGHT = """
\"\"\"A docstring of many words.\"\"\"
LABEL = N_("the first head")
PATTERN = "b (h d) -> h (b d)"
def shown(heads, error, name):
    \"\"\"Another docstring of words.\"\"\"
    if not heads:
        raise ValueError(f"heads must be a number, got {heads}")
    x = rearrange(name, "batch (heads channels) -> batch heads channels")
    axis.set_xlabel(say("key"))
    axis.text(0, 0, f"H = {heads}")
    axis.set_title("q·k")
    row.layout.flex_flow = "row wrap"
    axis.legend(loc="upper left")
    place = {"loc": "upper left", **place}
    style = "color: black; padding: 2px 6px"
    html = f'<p role="status" class="one two">{say("It has {n} heads.", n=heads)}</p>'
    call = f"BlockAttention(num_heads={heads})"
    told = {"n": heads}
    words = [say(LABEL), say(name.title), say(told["n"])]
    listed = say(", ").join(say(name) for name in names)
    rows = "\\n".join(map(say, names)), "<br>".join(say(name) for name in names)
    cells = "".join(f"<td>{say(name)}</td>" for name in names)
    both = paragraph(say("One sentence."), say("Two.") if heads else "")
    lines = say("One sentence.") + "\\n" + say("Two.")
    return f"<b>{say('Predict.')}</b> {words} {say('It has {n} heads.', **told)}"
"""


def test_what_is_right_passes():
    assert list(faults(RIGHT)) == []


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ('x = "a sentence"', "not said: 'a sentence'"),
        ('x = f"{n} heads"', "not said: '{} heads'"),
        ('x = f"head {n}"', "not said: 'head {}'"),
        ('MISTAKES = {"Round up, then": f}', "not said"),
        ("axis.set_title('weights')", "shown, and not said: 'weights'"),
        ("axis.text(0, 0, f'weights: {w}')", "shown, and not said"),
        ("Button(description='Play')", "shown, and not said"),
        ('f"<b>{t}</b> and so on"', "not said"),
        ('say(f"{n} heads")', "glued: say("),
        ('say("a sentence" + more)', "glued: say("),
        ('say("%d heads" % n)', "glued: say("),
        ('say("{} heads".format(n))', "glued: say("),
        ('say("one head" if n == 1 else "heads")', "glued: say("),
        ('say(" ".join(words))', "glued: say("),
        ("say()", "glued: say("),
        ("N_(text)", "N_ takes one literal"),
        ('N_(f"{n} heads")', "N_ takes one literal"),
        ('say("{n} heads", heads=3)', "places and values differ: ['heads', 'n']"),
        ('say("{n} heads of {m}", n=3)', "places and values differ: ['m']"),
        ('say("one.") + " " + say("two.")', "glued"),
        ('say("one.") + rest', "glued"),
        ("f\"{say('one.')} {say('two.')}\"", "glued"),
        ("f\"{say('one.')} more\"", "glued"),
        ("f\"{say('one')}, {say('two')}\"", "glued"),
        ("', '.join([say('one'), say('two')])", "glued"),
        ("' '.join(map(say, names))", "glued"),
        ("'{} {}'.format(say('one'), say('two'))", "glued"),
        ("'%s %s' % (say('one'), say('two'))", "glued"),
        ("text += say('more.')", "glued"),
        ("axis.set(xlabel='frames')", "shown, and not said"),
        ("axis.set_yticks(rows, ['frames', 'keys'])", "shown, and not said"),
        ("slider('frames', 1, 2)", "shown, and not said"),
        ("f\"{say('Largest')}: <b>more</b>\"", "glued"),
    ],
)
def test_each_fault_is_named_with_its_line(source, fault):
    found = list(faults(f"\n\n{source}"))
    assert any(text.startswith(fault) and line == 3 for line, text in found), found
