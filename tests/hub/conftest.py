"""A hub of three students on this machine, as `make hub` starts it. Run by `make test-hub`."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

import hub.student
from hub.places import ROOT
from hub.student import Student, is_up, passwords
from hub.tryout import why_not

hub.student.PATIENCE = PATIENCE = 60  # seconds, then it has failed
ENOUGH = "Ctrl-C"  # begins the last line of what is told


class Hub(NamedTuple):
    """The try-out, from outside: root sees all of its processes."""

    address: str
    passwords: dict[str, str]
    outside: psutil.Process

    def student(self, name: str) -> Student:
        """Come in, with a server."""
        student = Student(self.address, name, self.passwords[name])
        student.start()
        return student

    def process(self, *words: str, of: str = "root") -> psutil.Process:
        """The one whose command line has these words, an account's (by default root's)."""
        (found,) = self.processes(*words, of=of)
        return found

    def processes(self, *words: str, of: str = "root") -> list[psutil.Process]:
        """All of them."""
        inside = self.outside.children(recursive=True)
        found = []
        for each in inside:
            try:
                line, (uid, *_) = " ".join(each.cmdline()), each.uids()
            except psutil.Error:
                continue
            if all(word in line for word in words) and uid == self.accounts()[of]:
                found.append(each)
        return found

    def accounts(self) -> dict[str, int]:
        """Name to user id, of those that exist only inside."""
        first = self.outside.children()[0].pid
        lines = Path(f"/proc/{first}/root/etc/passwd").read_text(encoding="utf-8").splitlines()
        return {name: int(uid) for name, _, uid, *_ in (line.split(":") for line in lines)}


def until(is_so, seconds=PATIENCE):
    """Wait until it is so; what it was in the end. For what a hub does by itself, later."""
    end = time.monotonic() + seconds
    while not (found := is_so()) and time.monotonic() < end:
        time.sleep(0.2)
    return found


@pytest.fixture(scope="session")
def hub():
    if reason := why_not():
        pytest.exit(f"A hub cannot be tested here. {reason}", 1)
    command = [sys.executable, "-m", "hub.tryout", "--students", "3", "--port", "0"]
    # What the caller's environment holds must reach no student.
    environment = {**os.environ, "SECRET_OF_THE_CALLER": "1"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as run:
        told = ""
        for line in run.stdout:
            told += line
            if line.startswith(ENOUGH):
                break
        assert ENOUGH in told, told
        address = told.split("The hub: ")[1].split()[0]
        found = Hub(address, passwords(told), psutil.Process(run.pid))
        assert until(lambda: is_up(address))
        yield found
        run.terminate()


@pytest.fixture(scope="session")
def victim(hub):
    """The first student, who has begun lesson 00."""
    kernel = hub.student("s01").lesson("00_two_cousins")
    assert kernel.run("secret = 42; open('note.txt', 'w').write('mine')")[0] == "ok"
    return kernel


@pytest.fixture(scope="session")
def thief(hub, victim):
    """The second one, who wants what is the first one's."""
    return hub.student("s02").lesson("00_two_cousins")
