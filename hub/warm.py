"""A process that has imported the lessons, and forks into a student's kernel when it is asked.

python -m hub.warm SOCKET

What is imported once lies once in memory, for all kernels. It runs as root, so it does little: who
asks is told by the system (SO_PEERCRED), it reads nothing that is sent, and what it forks gives up
all rights before it reads. It must be started with an empty environment, so that it holds no
secret: a student can read all of their own kernel's memory.
"""

import ctypes
import gc
import json
import os
import pwd
import random
import signal
import socket
import struct
import sys
import threading
import traceback
from importlib import import_module
from pathlib import Path

import numpy as np
from ipykernel.kernelapp import IPKernelApp

from attnlib.course.progress.content import all_exercises
from hub.accounts import STUDENTS, TEACHERS, become, members

LESSONS = (  # what most of them import, beside torch and NumPy
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    "anywidget",
    "ipywidgets",
    "attnlib.course.compare",
    "attnlib.course.data",
    "attnlib.course.experiments.study.findings",
    "attnlib.course.experiments.study.overview",
    "attnlib.course.figures.influence",
    "attnlib.course.lessons",
    "attnlib.course.lessons.two_cousins.explorer",
    "attnlib.course.progress.table",
    "attnlib.course.widgets.live",
    "attnlib.course.widgets.prediction",
    "attnlib.course.widgets.questions.widget",
    "attnlib.course.widgets.viewer",
    "scipy.stats",
    "skimage.data",
    "av",
    "PIL.ImageOps",
    "babel.messages.pofile",
    "torch.fx.experimental.symbolic_shapes",  # vmap asks for it: SymPy, 30 MB
)
MOST = 16  # kernels of one student at once
WAIT = 10  # seconds that a fork waits for what it shall do
LONGEST = 2**20  # bytes of a request
DUMPABLE = 4  # prctl's number


def main(path: Path) -> None:
    """Import, listen, fork, for ever."""
    for name in LESSONS:
        import_module(name)
    all_exercises()  # imports those of each lesson
    gc.collect()
    gc.freeze()  # or the first collection in a kernel copies all that is shared
    if threads := len([*Path("/proc/self/task").iterdir()]) - 1:
        raise SystemExit(f"A process that forks must have one thread, this one has {threads} more")
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.bind(str(path))
        path.chmod(0o666)
        door.listen(128)
        door.settimeout(1)  # to see which kernels have ended
        serve(door)


def serve(door: socket.socket) -> None:
    """Fork for each who asks and may. Others are sent away: they start a kernel themselves."""
    kernels = {}  # process id -> user id
    while True:
        try:
            asker, _ = door.accept()
        except TimeoutError:
            asker = None
        while kernels and (ended := os.waitpid(-1, os.WNOHANG)[0]):
            del kernels[ended]
        if asker:
            with asker:
                account = who(asker)
                if account and [*kernels.values()].count(account.pw_uid) < MOST:
                    kernels[fork(asker, door, account)] = account.pw_uid


def who(asker: socket.socket) -> pwd.struct_passwd | None:
    """The student or teacher who connected, by what the system knows of the process."""
    sent = asker.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", sent)
    found = [each for group in (STUDENTS, TEACHERS) for each in members(group)]
    return next((each for each in found if each.pw_uid == uid), None)


def fork(asker: socket.socket, door: socket.socket, account: pwd.struct_passwd) -> int:
    """A kernel for the account. Its process id; a handle of the process goes to who asked."""
    child = os.fork()
    if not child:
        try:
            become(account)
            be_kernel(asker)
        except BaseException:  # whatever it is, the child must not go on as the parent
            traceback.print_exc()
        finally:
            os._exit(1)
    handle = os.pidfd_open(child)
    try:
        socket.send_fds(asker, [b"k"], [handle], socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    except OSError:
        pass  # who asked has gone: the child sees that, and ends
    finally:
        os.close(handle)
    return child


def be_kernel(asker: socket.socket) -> None:
    """As the student: read what is asked, take on its folder and environment, run ipykernel."""
    os.setsid()
    asker = _alone(asker)
    asker.settimeout(WAIT)
    asked, (errors, *_) = _request(asker)
    asker.settimeout(None)
    for place, descriptor in ((0, os.open(os.devnull, os.O_RDONLY)), (1, errors), (2, errors)):
        os.dup2(descriptor, place)
    os.close(errors)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    random.seed()
    np.random.seed()  # noqa: NPY002  or all kernels would draw the same
    ctypes.CDLL(None).prctl(DUMPABLE, 1, 0, 0, 0)  # /proc/self is the student's again
    threading.Thread(target=_end_with, args=(asker,), daemon=True).start()
    # 1: whose parent need not be watched.
    sys.argv = ["ipykernel_launcher", "--IPKernelApp.parent_handle=1", "-f", asked["connection"]]
    IPKernelApp.launch_instance(sys.argv[1:])


def _alone(asker):
    """All other descriptors are closed: 0 to 2 lead nowhere, 3 to who asked."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    kept = os.dup2(asker.detach(), os.dup(nowhere) + 64)
    for place in range(3):
        os.dup2(nowhere, place)
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
    os.dup2(kept, 3, inheritable=False)
    os.close(kept)
    return socket.socket(fileno=3)


def _request(asker):
    """What was sent, JSON up to the first new line, and the descriptors that came along."""
    text, descriptors = b"", []
    while not text.endswith(b"\n"):
        part, came, _, _ = socket.recv_fds(asker, LONGEST, 1)
        descriptors += came
        text += part
        if not part or len(text) > LONGEST:
            raise ValueError("the request must be one line of JSON")
    return json.loads(text), descriptors


def _end_with(asker):
    """The kernel ends when who asked for it does, as it would if it were its child."""
    asker.recv(1)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
