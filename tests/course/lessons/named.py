"""What the tests of several lessons ask of a check."""

from attnlib.course.lessons import exercise


def assert_named(key: str, answer: object, words: str) -> None:
    """The check refuses the answer, and says these words."""
    verdict = exercise(key).check(answer)
    assert not verdict.right
    assert words in verdict
