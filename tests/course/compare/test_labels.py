"""What dials and values are called: in English by their names, without underscores."""

import pytest

from attnlib.course.compare import VALUES
from attnlib.course.compare.labels import WORDS, dial, value


@pytest.mark.parametrize("name", VALUES)
def test_every_dial_and_every_value_is_called_something(name):
    assert dial(name) == name.replace("_", " ")
    assert [value(each) for each in VALUES[name]] == [
        "none" if each is None else str(each) for each in VALUES[name]
    ]


def test_the_words_are_values_of_dials():
    assert {value for values in VALUES.values() for value in values} >= WORDS
