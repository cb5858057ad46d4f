"""A finger on the screen."""


def touch(page, start, end):
    """A finger goes from here to there, both in the window."""
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    way = [[start[i] + (end[i] - start[i]) * step / 8 for i in (0, 1)] for step in range(9)]
    for number, (x, y) in enumerate(way):
        kind = "touchMove" if number else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
