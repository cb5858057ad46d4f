"""Something dies in mid-lesson. What is lost is at most the kernel's variables."""

import pytest

from hub.student import is_up
from tests.hub.conftest import until


def goes_on(kernel):
    """Whether the same kernel still knows what it knew, over the same or a new websocket."""
    try:
        kernel.connect()
        return kernel.run("print(secret)") == ("ok", "42\n")
    except Exception:  # whatever the web says while a part is missing
        return False


@pytest.mark.parametrize("words", [("configurable-http-proxy",), ("jupyterhub", "-f")])
def test_the_proxy_or_the_hub_dies(hub, victim, words):
    before = {each.pid for each in hub.processes(*words)}
    for each in hub.processes(*words):
        each.kill()
    assert until(lambda: not before & {each.pid for each in hub.processes(*words)})
    assert until(lambda: goes_on(victim))
    assert until(lambda: is_up(hub.address))
    assert victim.student.api("GET", "contents/lessons/note.txt").json()["content"] == "mine"


def test_the_warm_process_dies(hub, victim):
    """The kernels that it forked live on, and new ones come again."""
    warm = hub.process("hub.warm")
    warm.kill()
    assert until(lambda: [each for each in hub.processes("hub.warm") if each.pid != warm.pid])
    assert goes_on(victim)
    assert hub.student("s03").lesson("02_heads").run("print(1)") == ("ok", "1\n")


def test_a_kernel_dies(hub, victim):
    for each in hub.processes("hub.warm", of="s01"):
        each.kill()
    assert until(lambda: _answers(victim))
    assert victim.run("secret")[0] == "NameError"
    assert victim.run("print(open('note.txt').read())") == ("ok", "mine\n")


def _answers(kernel):
    try:
        kernel.connect()
        return kernel.run("1")[0] == "ok"
    except Exception:
        return False
