"""What stands above the class's table on the teacher's page."""

from html import escape


def seen(on: list[dict], of: int) -> str:
    """Who is on, as HTML.

    Args:
        on: users, as the hub's API gives them, with a server that runs.
        of: how many students there are.
    """
    names = ", ".join(escape(each["name"]) for each in sorted(on, key=lambda each: each["name"]))
    return (
        f"<p><b>On now: {len(on)}</b> (the class has {of} students). {names}</p>\n"
        "<p>All numbers are self-reported: they come from files that students can change. A "
        "mistake is shown once two of them have made it.</p>"
    )
