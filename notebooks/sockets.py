"""Kernels that listen on files of their own, so that many can start side by side.

Over TCP, five ports are chosen before a kernel starts, and it binds them seconds later. What else
takes one of them in between stops it: "Address already in use". A file nobody else takes.
"""

import shutil
import sys
import tempfile
import weakref
from pathlib import Path

from jupyter_client.manager import AsyncKernelManager, KernelManager


class _OnFiles:
    def __init__(self, **settings):
        # Short: a socket's whole path may have a hundred letters.
        sockets = tempfile.mkdtemp(prefix="kernel-")
        weakref.finalize(self, shutil.rmtree, sockets, ignore_errors=True)
        place = {"transport": "ipc", "ip": str(Path(sockets, "at"))}
        # Windows has no such files here, and keeps to TCP.
        super().__init__(**settings, **({} if sys.platform == "win32" else place))


class FileKernelManager(_OnFiles, KernelManager):
    """`KernelManager`, whose kernels listen on files."""


class AsyncFileKernelManager(_OnFiles, AsyncKernelManager):
    """`AsyncKernelManager`, whose kernels listen on files."""
