"""The state of an explorer in the page's address, and a link that opens it."""

import pytest

from attnlib.course.lessons.heads.explorer import explore_heads
from attnlib.course.lessons.segments.explorer import explore_segments
from attnlib.course.widgets.recording import record
from tests.browser.drawn import PICTURE

# A control, what it is moved to, and the address of that.
MOVED = {
    "drawn": ("frame", 3, "#length=10&num_segments=4&frame=3"),
    "recorded": ("num_heads", 4, "#num_heads=4&order=d+h"),
}


@pytest.fixture(scope="module")
def recorded():
    return record(explore_heads(PICTURE))


@pytest.fixture(params=MOVED)
def made(request, recorded):
    explorer = recorded if request.param == "recorded" else explore_segments()
    return explorer, *MOVED[request.param]


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
def test_an_address_of_another_or_of_nothing_moves_nothing(show, recorded, address):
    page = show(recorded)
    before = shown(page, "num_heads")
    page.evaluate("(address) => { location.hash = address; }", address)
    page.wait_for_timeout(100)
    assert shown(page, "num_heads") == before
