"""Every file of the course speaks by `say`, but for those that are not converted yet."""

from pathlib import Path

import pytest

import attnlib.course
from i18n import javascript
from i18n.faults import faults

COURSE = Path(attnlib.course.__file__).parent
FILES = {path.relative_to(COURSE).as_posix(): path for path in sorted(COURSE.rglob("*.py"))}

FRONT_ENDS = sorted(COURSE.rglob("*.js"))
# A mark of a file that a reader exports, and a program reads; a place in the browser's storage.
MARKS = {'"attnlib: questions"', '"attnlib: language"'}

# Not for a reader of the course, so in English for good.
ENGLISH = {
    "compare/porting/code.py",  # Python that is printed
    "compare/calling/refusals.py",  # errors
    "compare/dialled.py",  # values of dials, which compare.labels says
    "compare/dials.py",  # the same
    "compare/difference.py",  # errors
    "compare/fit.py",  # values of dials, and errors
    "compare/kinds.py",  # values of dials
    "data/damage.py",  # warnings of damaged files
    "data/decoding.py",  # the same
    "data/watching.py",  # the same
    "data/handwriting.py",  # errors
    "data/photographs.py",  # whose each photograph is
    "data/shipped.py",  # commands, and errors
    "exercises/causes.py",  # words of PyTorch's and einops' messages
    "exercises/written.py",  # Python that is written
    "experiments/study/__main__.py",  # what a command says to who measures; so the next four
    "experiments/study/jobs.py",
    "experiments/study/report.py",
    "experiments/study/results.py",
    "experiments/study/woven.py",
    "experiments/study/design.py",  # values of dials, which compare.labels says
    "experiments/study/ensemble.py",  # the same
    "figures/fonts.py",  # names of fonts
    "homeless.py",  # words of Matplotlib's notice
    "lessons/transformer/inside.py",  # English sentences, which a network of English reads
    "lessons/transformer/pronouns.py",  # the same
    "memory.py",  # errors
    "models/checkpoints.py",  # errors
    "models/files.py",  # errors
    "models/pickles.py",  # names in pickles
    "rehearsal.py",  # errors
    "shapes/xray/trace.py",  # what is added to an error
    "widgets/formatting.py",  # "1, 2 or 4", in errors
    "widgets/numbers.py",  # errors
}
# Not converted yet: this list may only get shorter.
NOT_YET = {
    "experiments/films/results.py",
    "experiments/films/shots.py",
    "experiments/films/training.py",
}


def found(file):
    source = FILES[file].read_text(encoding="utf-8")
    return [f"{FILES[file]}:{line}: {fault}" for line, fault in faults(source)]


@pytest.mark.parametrize("file", sorted(set(FILES) - ENGLISH - NOT_YET))
def test_a_file_speaks_by_say(file):
    assert found(file) == []


@pytest.mark.parametrize("file", sorted(ENGLISH | NOT_YET))
def test_an_exception_is_still_one(file):
    assert found(file), f"{file} is converted: take it off the list"


@pytest.mark.parametrize("path", FRONT_ENDS, ids=lambda path: path.name)
def test_a_front_end_speaks_by_say(path):
    found = javascript.faults(path.read_text(encoding="utf-8"))
    assert [fault for fault in found if not any(mark in fault[1] for mark in MARKS)] == []


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ('line.textContent = "two words";', "not said"),
        ("line.title = `the ${head} of it`;", "not said"),
        ('const a = say("One.") + " " + more;', "glued"),
        ("const a = before + say('One.');", "glued"),
        ("const a = say(`head ${head}`);", "glued"),
        ('const a = [say("One."), say("Two.")].join(" ");', "glued"),
        ("const a = `${first} ${say('Two.')}`;", "glued"),
    ],
)
def test_a_fault_of_a_front_end_is_named_with_its_line(source, fault):
    found = list(javascript.faults(f"// two words\n/* two words */\n{source}"))
    assert any(line == 3 and text.startswith(fault) for line, text in found), found
