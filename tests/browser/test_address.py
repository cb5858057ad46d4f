"""The state of an explorer in the page's address, and a link that opens it."""

import pytest

from attnlib.course.lessons.heads.explorer import explore_heads
from attnlib.course.lessons.segments.explorer import explore_segments
from attnlib.course.widgets.recording import record
from tests.browser.drawn import PICTURE

# An explorer, a control, what it is moved to, and the address of that.
MADE = {
    "drawn": (explore_segments, "frame", 3, "#length=10&num_segments=4&frame=3"),
    "recorded": (
        lambda: record(explore_heads(PICTURE)), "num_heads", 4, "#num_heads=4&order=d+h",
    ),
}  # fmt: skip


@pytest.fixture(params=MADE)
def made(request):
    make, *moved = MADE[request.param]
    return make(), *moved


def rest(page):
    """What an address waits for, without waiting."""
    page.clock.run_for(1000)
    return page.evaluate("location.hash")


def shown(page, control):
    return page.locator(f"label[data-name={control}] output").inner_text()


def test_the_address_says_where_the_controls_stand_once_they_rest(show, made):
    explorer, control, value, address = made
    page = show(explorer)
    page.clock.install()
    assert rest(page) == "", "nothing moved yet"
    slider = page.locator(f"label[data-name={control}] input")
    places = list(explorer._controls[control].labels)
    slider.evaluate(
        "(slider, to) => { slider.value = to; slider.dispatchEvent(new Event('input')); }",
        places.index(value),
    )
    assert page.evaluate("location.hash") == ""
    assert rest(page) == address


def test_a_link_opens_the_state_that_it_names(show, made):
    explorer, control, value, address = made
    page = show(explorer)
    assert shown(page, control) != str(value)
    page.evaluate("(address) => { location.hash = address; }", address)
    page.wait_for_function(
        "([output, value]) => output.value === value",
        arg=[page.locator(f"label[data-name={control}] output").element_handle(), str(value)],
    )


@pytest.mark.parametrize(
    "address",
    [
        "#num_heads=5&order=d+h",
        "#num_heads=4",
        "#num_heads=4&order=d+h&row=1",
        "#row=1&col=2",
        "#%",
    ],
)
def test_an_address_of_another_or_of_nothing_moves_nothing(show, address):
    page = show(record(explore_heads(PICTURE)))
    before = shown(page, "num_heads")
    page.evaluate("(address) => { location.hash = address; }", address)
    page.wait_for_timeout(100)
    assert shown(page, "num_heads") == before
