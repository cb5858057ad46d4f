"""The warm process: what it forks is the student's who asked, and nothing of anybody else's."""

import json
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hub.accounts import LIMITS
from hub.tryout import ENVIRONMENT, SOCKET, STATE
from hub.warm import MOST
from tests.hub.conftest import until

NAMES = {  # as /proc has them
    resource.RLIMIT_DATA: "Max data size",
    resource.RLIMIT_NPROC: "Max processes",
    resource.RLIMIT_FSIZE: "Max file size",
    resource.RLIMIT_NOFILE: "Max open files",
    resource.RLIMIT_CORE: "Max core file size",
}
ASK = f"""
import json, os, socket
def ask(text):
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(60)
    line.connect({str(SOCKET)!r})
    try:
        socket.send_fds(line, [text], [2])
        return line, socket.recv_fds(line, 1, 1)[1]
    except ConnectionError:  # the door was shut
        return line, []
"""


@pytest.fixture(scope="module")
def warm(hub, victim):
    return hub.process("hub.warm")


@pytest.fixture(scope="module")
def kernel(hub, victim):
    return hub.process("hub.warm", of="s01")


def status(process):
    lines = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines()
    return {key: value.split() for key, _, value in (line.partition(":") for line in lines)}


def test_the_kernel_is_a_fork(warm, kernel):
    assert kernel.ppid() == warm.pid


def test_it_is_the_student_s_in_all_it_may_do(hub, kernel):
    found = status(kernel)
    assert set(found["Uid"]) == {str(hub.accounts()["s01"])}
    assert "0" not in found["Gid"] + found["Groups"]
    assert {found[each][0] for each in ("CapPrm", "CapEff", "CapInh", "CapAmb")} == {"0" * 16}
    assert (found["NoNewPrivs"], found["Umask"]) == (["1"], ["0077"])


@pytest.mark.parametrize("words", [("hub.warm",), ("jupyterhub-singleuser",)])
def test_it_is_within_the_limits_as_the_server_is(hub, victim, words):
    process = hub.process(*words, of="s01")
    text = Path(f"/proc/{process.pid}/limits").read_text(encoding="utf-8")
    for kind, name in NAMES.items():
        (line,) = [line for line in text.splitlines() if line.startswith(name)]
        assert line.removeprefix(name).split()[:2] == [str(LIMITS[kind])] * 2, name
    assert status(process)["NoNewPrivs"] == ["1"]


def test_it_holds_no_descriptor_of_the_warm_process(warm, kernel):
    def held(process):
        links = [str(each.readlink()) for each in Path(f"/proc/{process.pid}/fd").iterdir()]
        return {each for each in links if each.startswith(("socket:", "pipe:", "/run"))}

    assert held(warm) and not held(warm) & held(kernel)


def test_the_warm_process_holds_no_secret(warm):
    """A student can read all of their own kernel's memory."""
    told = dict(
        line.split("=", 1)
        for line in Path(f"/proc/{warm.pid}/environ").read_text(encoding="utf-8").split("\0")
        if line
    )
    assert set(told) <= {*ENVIRONMENT, "LC_CTYPE"}
    assert "TOKEN" not in " ".join(told) and str(STATE) not in "".join(warm.cmdline())


def test_kernels_share_no_memory_that_one_could_write(warm):
    maps = Path(f"/proc/{warm.pid}/maps").read_text(encoding="utf-8").splitlines()
    assert len(maps) > 100 and [line for line in maps if line.split()[1] == "rw-s"] == []


def test_the_environment_is_the_asker_s_alone(victim):
    code = (
        "import os; print(os.environ['HOME'], os.environ['JUPYTERHUB_USER'], 'LANG' in os.environ)"
    )
    assert victim.run(code)[1].split()[:2] == ["/run/attnlib/home/s01", "s01"]


def test_who_asks_is_who_the_system_says(hub, thief):
    """Whatever is written into the request."""
    asked = {"connection": "/tmp/of-s02.json", "folder": "/", "uid": 0, "user": "s01"}
    code = f"""{ASK}
import time
asked = {asked!r} | {{"environment": {{**os.environ, "USER": "s01", "LOGNAME": "root"}}}}
line, (handle,) = ask(json.dumps(asked).encode() + b"\\n")
number = int(open(f"/proc/self/fdinfo/{{handle}}").read().split("Pid:")[1].split()[0])
while not os.path.exists("/tmp/of-s02.json"): time.sleep(0.1)
places = f"/proc/{{number}}", "/tmp/of-s02.json"
print({{os.stat(place).st_uid for place in places}} == {{os.getuid()}})
line.close(); os.close(handle)
"""
    status, said = thief.run(code)
    assert (status, said.splitlines()[:1]) == ("ok", ["True"])
    assert until(lambda: len(hub.processes("hub.warm", of="s02")) == 1)  # and it has ended


def test_it_does_not_fork_for_root(hub, warm):
    line = ("import socket; l = socket.socket(socket.AF_UNIX); l.settimeout(30);"
            f"l.connect({str(SOCKET)!r}); print(l.recv(1))")  # fmt: skip
    inside = ["nsenter", "-t", str(warm.pid), "-m", "-p", "-n", sys.executable, "-c", line]
    assert subprocess.run(inside, capture_output=True, text=True).stdout.strip() == "b''"


def test_the_folder_is_entered_with_the_student_s_rights(hub, victim, thief):
    asked = {"connection": "x", "folder": "/run/attnlib/home/s01", "environment": {}}
    text = json.dumps(asked).encode() + b"\n"
    status, said = thief.run(
        f"{ASK}\nimport select\nline, (handle,) = ask({text!r})\n"
        "print(select.select([handle], [], [], 60)[0] == [handle])"  # it has ended
    )
    assert (status, said.splitlines()[:1]) == ("ok", ["True"])  # then the fork's last words


@pytest.mark.parametrize("text", [b"\n", b"{}\n", b"[" * 100_000 + b"\n", b"\xff\xfe\n"])
def test_what_is_no_request_ends_the_fork_only(hub, thief, text):
    status, said = thief.run(
        f"{ASK}\nimport select\nline, (handle,) = ask({text!r})\n"
        "print(select.select([handle], [], [], 60)[0] == [handle])"
    )
    assert (status, said.splitlines()[:1]) == ("ok", ["True"])  # then the fork's last words
    assert hub.student("s03").lesson("00_two_cousins").run("print(1)") == ("ok", "1\n")


def test_a_student_gets_only_so_many(hub, thief):
    status, said = thief.run(
        f"{ASK}\nlines = [ask(b'x') for _ in range({MOST + 4})]\n"
        "print(sum(bool(handles) for _, handles in lines))\n"
        "for line, handles in lines: line.close(), [os.close(each) for each in handles]"
    )
    assert status == "ok" and 0 < int(said) < MOST
    assert until(lambda: len(hub.processes("hub.warm", of="s02")) == 1)


def test_the_kernel_ends_with_who_asked_for_it(hub):
    student = hub.student("s03")
    kernel = student.lesson("01_by_hand")
    assert kernel.run("1")[0] == "ok"
    before = {each.pid for each in hub.processes("hub.warm", of="s03")}
    for each in hub.processes("ask.py", of="s03"):
        each.kill()
    assert until(lambda: not before & {each.pid for each in hub.processes("hub.warm", of="s03")})


def test_a_cell_is_interrupted(victim):
    """A signal to what stands in the kernel's place reaches the kernel."""
    timer = threading.Timer(1, lambda: victim.student.api("POST", f"kernels/{victim.id}/interrupt"))
    timer.start()
    assert victim.run("import time; time.sleep(60)")[0] == "KeyboardInterrupt"


def test_kernels_draw_different_numbers(victim, thief):
    code = "import random, numpy; print(random.random(), numpy.random.rand())"
    one, other = (each.run(code)[1].split() for each in (victim, thief))
    assert one[0] != other[0] and one[1] != other[1]
