"""The reader says of every pair of bare modules what is right: a part of `make test-zoo`."""

import pytest

from attnlib.course.compare.judging.verdict import compare
from tests.zoo.known import KNOWN, LONG
from tests.zoo.package_pairs import PACKAGE_PAIRS
from tests.zoo.packages import INSTALLED, WHY
from tests.zoo.pairs import PAIRS
from tests.zoo.proofs import EVERY

pytestmark = pytest.mark.zoo
NEEDS = pytest.mark.skipif(not INSTALLED, reason=WHY)
ALL = [*PAIRS, *PACKAGE_PAIRS]


def said(pair):
    return compare(EVERY[pair.f].make(), EVERY[pair.g].make()).verdict


def params(pairs):
    return [pytest.param(pair, id=str(pair), marks=marks(pair)) for pair in pairs]


def marks(pair):
    needs = [NEEDS] if pair in PACKAGE_PAIRS else []
    return [*needs, pytest.mark.release] if str(pair) in LONG else needs


@pytest.mark.parametrize("pair", params(pair for pair in ALL if str(pair) not in KNOWN))
def test_the_verdict_is_right(pair):
    assert said(pair) == pair.verdict


@pytest.mark.parametrize("pair", params(pair for pair in ALL if str(pair) in KNOWN))
def test_what_is_known_to_fail_is_undecided_and_no_more(pair):
    assert pair.verdict != "undecided"
    assert said(pair) == "undecided", "it is right now: take it off KNOWN, or it is wrong"


def test_what_is_known_to_fail_and_what_takes_long_is_in_the_zoo():
    assert {*KNOWN, *LONG} <= {str(pair) for pair in ALL}
