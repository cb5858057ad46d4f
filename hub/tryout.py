"""`make hub`: a class of accounts that exist only while this runs, on one machine, on loopback.

python -m hub.tryout [--students 30] [--port 8000] [--cold]

Mounts, processes, network and accounts are namespaces of its own, all files that it makes lie in
memory: when it ends, nothing is left. It needs root, Linux, and a repository that all accounts may
read.
"""

import ctypes
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from pathlib import Path

from hub.accounts import STUDENTS, TEACHERS, become
from hub.places import ROOT

UNSHARE = ("unshare", "--mount", "--pid", "--net", "--ipc", "--fork", "--kill-child")
MADE = Path("/run/attnlib")  # homes, state and sockets; in memory, inside only
HOMES, STATE, SOCKET = MADE / "home", MADE / "state", MADE / "warm"
INSIDE_PORT = 800
PATH = f"{Path(sys.executable).parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {
    "PATH": PATH,
    "HOME": str(STATE),
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
TEACHER = "teacher"
SOON = 5  # seconds: what ends sooner than that does not start again


def main() -> None:
    """Go inside, or say why that cannot be."""
    parser = ArgumentParser("python -m hub.tryout")
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--cold", action="store_true", help="each kernel imports by itself")
    parser.add_argument("--inside", type=int, metavar="DESCRIPTOR", help="it starts itself so")
    asked = parser.parse_args()
    if not 1 <= asked.students <= 99:
        raise SystemExit(f"STUDENTS must be 1 to 99, got {asked.students}")
    if asked.inside is None:
        _go_inside(asked)
    else:
        _inside(asked)


def why_not() -> str:
    """Why this machine cannot try a hub out; "" if it can."""
    if not sys.platform.startswith("linux") or not shutil.which("unshare"):
        return "It needs Linux, and util-linux's unshare."
    if os.geteuid():
        return "It makes accounts, so it needs root: sudo make hub"
    run = subprocess.run([*UNSHARE, "mount", "-t", "proc", "proc", "/proc"], capture_output=True)
    if run.returncode:
        return f"This machine gives no namespaces: {run.stderr.decode().strip()}"
    return ""


def _go_inside(asked):
    if reason := why_not():
        raise SystemExit(f"A hub cannot be tried out here. {reason}")
    door = socket.create_server(("127.0.0.1", asked.port))
    port = door.getsockname()[1]
    again = (sys.executable, "-m", "hub.tryout", "--inside", str(door.fileno()))
    again += ("--students", str(asked.students), "--port", str(port))
    again += ("--cold",) * asked.cold
    with subprocess.Popen(
        [*UNSHARE, "--", *again], cwd=ROOT, pass_fds=[door.fileno()], preexec_fn=_end_with_parent
    ) as run:
        signal.signal(signal.SIGTERM, lambda *_: run.kill())  # it would not listen to less
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # who is inside hears it too
        status = run.wait()
    raise SystemExit(max(status, 0))


def _end_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # 1: PR_SET_PDEATHSIG


def _inside(asked):
    _mount()
    passwords = {name: secrets.token_urlsafe(9) for name in names(asked.students)}
    make_accounts(passwords)
    _can_be_read(pwd.getpwnam("s01"))
    print(f"Lessons for {asked.students} students …", flush=True)
    _run([sys.executable, "-m", "hub.delivery", STUDENTS, TEACHERS], stdout=subprocess.DEVNULL)
    _tell(asked.port, passwords)
    _keep_up(asked.inside, asked.cold)


def names(students: int) -> list[str]:
    """The teacher's, then s01, s02, …"""
    return [TEACHER, *(f"s{number:02}" for number in range(1, students + 1))]


def _mount():
    """What is made in /run and /tmp lies in memory; /etc is a copy; the repository is read-only."""
    _run(["ip", "link", "set", "lo", "up"])
    _run(["mount", "-t", "proc", "-o", "hidepid=2", "proc", "/proc"])
    _run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"])
    _run(["cp", "-a", "/etc", "/run/etc"])
    _run(["mount", "--bind", "/run/etc", "/etc"])
    if not ROOT.is_relative_to("/tmp"):
        _run(["mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/tmp"])
    for folder, mode in ((MADE, 0o755), (HOMES, 0o755), (STATE, 0o700)):
        folder.mkdir(mode=mode)
    _open_the_way(ROOT, Path(sys.base_prefix))
    _run(["mount", "--bind", str(ROOT), str(ROOT)])
    _run(["mount", "-o", "remount,bind,ro", str(ROOT)])
    os.chdir(ROOT)  # where it was before, it lies beneath


def _open_the_way(*needed: Path):
    """To folders that lie in one that is shut, as in a home: inside, that holds them alone."""
    held = {path: MADE / f"held-{number}" for number, path in enumerate(needed)}
    for path, place in held.items():
        place.mkdir()
        _run(["mount", "--bind", str(path), str(place)])
    for path, place in held.items():
        shut = [each for each in reversed(path.parents) if not each.stat().st_mode & 0o001]
        if shut:
            _run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(shut[0])])
        if not path.exists():
            path.mkdir(parents=True)
            _run(["mount", "--bind", str(place), str(path)])
        _run(["umount", str(place)])
        place.rmdir()


def make_accounts(passwords: dict[str, str]) -> None:
    """In the /etc of this namespace: an account for each name, its home its own."""
    for group in (STUDENTS, TEACHERS):
        _run(["groupadd", "--force", group])
    for name in passwords:
        group = TEACHERS if name == TEACHER else STUDENTS
        _run(["useradd", "-M", "-d", str(HOMES / name), "-s", "/bin/bash", "-G", group, name])
        (HOMES / name).mkdir(mode=0o700)
        shutil.chown(HOMES / name, name, name)
    told = "".join(f"{name}:{password}\n" for name, password in passwords.items())
    subprocess.run(["chpasswd"], input=told, text=True, check=True)


def _can_be_read(student):
    """Stop where a student could not import the lessons."""
    command = [sys.executable, "-c", "import attnlib"]
    run = subprocess.run(
        command, preexec_fn=lambda: become(student), cwd="/", env=ENVIRONMENT, capture_output=True
    )
    if run.returncode:
        raise SystemExit(
            f"Other accounts cannot use {ROOT}: let all read it (chmod -R go+rX).\n"
            f"{run.stderr.decode()}"
        )


def _tell(port, passwords):
    lines = [f"  {name}  {password}" for name, password in passwords.items()]
    print(
        f"The hub: http://127.0.0.1:{port}\n"
        f"The teacher's page: http://127.0.0.1:{port}/services/classroom/\n"
        "Who may come in, and the password:",
        *lines,
        "Ctrl-C ends it, and nothing of it is left.",
        sep="\n",
        flush=True,
    )


def _keep_up(door, is_cold):
    """Start all parts, and start one again that has ended. Until this process is told to end."""
    python = [sys.executable, "-m"]
    state = {"ATTNLIB_HUB_STATE": str(STATE), "ATTNLIB_WARM": "" if is_cold else str(SOCKET)}
    hub = {**ENVIRONMENT, **state, "ATTNLIB_HUB_URL": f"http://127.0.0.1:{INSIDE_PORT}"}
    warm = ([*python, "hub.warm", str(SOCKET)], {"env": ENVIRONMENT})
    parts = [
        *([] if is_cold else [warm]),
        (
            [*python, "hub.door", str(door), str(INSIDE_PORT)],
            {"env": ENVIRONMENT, "pass_fds": [door], "user": "nobody"},
        ),
        ([*python, "jupyterhub", "-f", str(ROOT / "hub/jupyterhub_config.py")], {"env": hub}),
    ]
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: sys.exit())
    running = {}
    for part in parts:
        running[_start(part)] = part, time.monotonic()
    while True:
        ended, status = os.wait()  # as the first process it inherits all orphans
        if ended in running:
            part, since = running.pop(ended)
            if time.monotonic() - since < SOON:
                raise SystemExit(f"{part[0][2]} ended with {status} as soon as it had started")
            running[_start(part)] = part, time.monotonic()


def _start(part):
    command, how = part
    return subprocess.Popen(command, cwd=ROOT, **how).pid


def _run(command, **how):
    """Do it as root, with nothing of the caller's environment.

    Raises:
        SystemExit: it failed; what it said is told.
    """
    env = {**ENVIRONMENT, "ATTNLIB_HUB_STATE": str(STATE)}
    run = subprocess.run(command, env=env, stderr=subprocess.PIPE, text=True, **how)
    if run.returncode:
        raise SystemExit(f"{' '.join(command)}: {run.stderr}")


if __name__ == "__main__":
    main()
