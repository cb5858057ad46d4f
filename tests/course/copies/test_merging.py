"""A changed lesson comes into a copy, and nothing that a student wrote is lost."""

from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell

from attnlib.course.copies.merging import OURS, merge, sources

NAMES = st.lists(st.sampled_from("abcdefgh"), unique=True)


def cell(name, text="", kind=new_code_cell):
    return kind(text or f"{name} = 0", id=name)


def cells(names):
    return [cell(name) for name in names]


@st.composite
def edited(draw, before, fresh):
    """Cells after somebody edited, moved, deleted and added some: new ones are named by `fresh`."""
    names = draw(st.permutations(before).map(list))
    names = draw(st.just(names) | st.just(before))
    names = [name for name in names if draw(st.integers(0, 5))]
    for number in range(draw(st.integers(0, 2))):
        names.insert(draw(st.integers(0, len(names))), f"{fresh}{number}")
    changed = {name for name in names if not draw(st.integers(0, 3))}
    return [cell(name, f"{name} = '{fresh}'" if name in changed else "") for name in names]


@st.composite
def histories(draw):
    """(the lesson as it was, the student's copy, the lesson as it is)."""
    before = draw(NAMES)
    return cells(before), draw(edited(before, "s")), draw(edited(before, "l"))


def texts(found):
    return [(each.id, each.source) for each in found]


@given(histories())
def test_what_a_student_wrote_is_there_and_what_they_deleted_is_not(history):
    before, mine, new = history
    base = sources(before)
    written = [(key, text) for key, text in texts(mine) if [*base.get(key, [""])][-1] != text]
    found = merge(base, mine, new).cells
    assert set(written) <= set(texts(found))
    deleted = set(base) - {each.id for each in mine}
    assert not deleted & {each.id for each in found}
    assert len({each.id for each in found}) == len(found)


@given(histories())
def test_what_is_untouched_is_as_in_the_lesson(history):
    before, mine, new = history
    base = sources(before)
    found = merge(base, mine, new).cells
    now, is_mine = sources(new), {key for key, v in sources(mine).items() if v != base.get(key)}
    for each in found:
        if each.id in now and each.id not in is_mine:
            assert each.source == now[each.id][1]
    ours = [each.id for each in found if each.id in now]
    assert ours == [each.id for each in new if each.id in ours]  # in the lesson's order
    dropped = set(base) - set(now) - is_mine
    assert not dropped & {each.id for each in found}


@given(histories())
def test_what_both_changed_shows_the_lessons_text_beneath_and_runs_nothing_new(history):
    before, mine, new = history
    base, now = sources(before), sources(new)
    merged = merge(base, mine, new)
    has = sources(mine)
    both = [
        key
        for key in has
        if key in now and len({str(side.get(key)) for side in (base, has, now)}) == 3
    ]
    beneath = {each.id: each for each in merged.cells if each.id.endswith(OURS)}
    assert merged.both == len(both)
    assert sorted(beneath) == sorted(key + OURS for key in both)
    for key in both:
        place = [each.id for each in merged.cells].index(key)
        note = merged.cells[place + 1]
        assert note.id == key + OURS and note.cell_type == "markdown"
        assert now[key][1] in note.source and note.source.startswith("<details>")


@given(histories())
def test_the_same_update_again_changes_nothing(history):
    before, mine, new = history
    once = merge(sources(before), mine, new).cells
    again = merge(sources(new), once, new)
    assert texts(again.cells) == texts(once)
    assert again[1:] == (0, 0, 0)


@given(NAMES, st.data())
def test_who_touched_nothing_has_the_lesson(names, data):
    new = data.draw(edited(names, "l"))
    merged = merge(sources(cells(names)), cells(names), new)
    assert texts(merged.cells) == texts(new)
    assert merged.both == 0


def test_outputs_and_folds_of_the_student_stay_and_the_lessons_minutes_come():
    mine = new_code_cell("a = 0", id="a", execution_count=3)
    mine.metadata["collapsed"] = True
    new = new_code_cell("a = 0", id="a", metadata={"minutes": 4, "part": "core"})
    (found,) = merge(sources([mine]), [mine], [new]).cells
    assert found.execution_count == 3
    assert found.metadata == {"collapsed": True, "minutes": 4, "part": "core"}


def test_the_students_own_cells_stay_behind_what_they_stood_behind():
    mine = [cell("own"), cell("a"), cell("note"), cell("b"), cell("last")]
    merged = merge(sources(cells("ab")), mine, cells("bca"))
    assert [each.id for each in merged.cells] == ["own", "b", "last", "c", "a", "note"]


def test_code_that_became_text_is_a_change():
    mine = [cell("a", "a = 0", new_markdown_cell)]
    merged = merge(sources(cells("a")), mine, [cell("a", "a = 1")])
    assert [each.cell_type for each in merged.cells] == ["markdown", "markdown"]
    assert merged.both == 1
