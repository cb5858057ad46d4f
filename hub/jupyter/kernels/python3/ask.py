"""In a kernel's place: asks hub/warm.py for one, stands for it while it lives, hands signals on.

Where nobody answers it starts the kernel itself. A file of its own, without imports of packages:
it stays in memory as long as the kernel.
"""

import json
import os
import select
import signal
import socket
import sys

SOCKET = os.environ.get("ATTNLIB_WARM", "")
OWN = [sys.executable, "-m", "ipykernel_launcher", "-f", sys.argv[1]]


def ask():
    """(a handle of the kernel's process, the line that must stay open), or None."""
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder = os.getcwd()  # noqa: PTH109  pathlib would stay in memory
    asked = {"connection": sys.argv[1], "folder": folder, "environment": dict(os.environ)}
    try:
        line.connect(SOCKET)
        socket.send_fds(line, [json.dumps(asked).encode() + b"\n"], [2])
        _, handles, _, _ = socket.recv_fds(line, 1, 1)
    except OSError:
        return None
    return (handles[0], line) if handles else None


found = ask()
if not found:
    os.execv(OWN[0], OWN)
kernel, _line = found
for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(each, lambda number, _frame: signal.pidfd_send_signal(kernel, number))
select.select([kernel], [], [])
raise SystemExit(1)  # a kernel that ended; who wanted that does not look
