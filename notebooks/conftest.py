"""nbval's kernels listen on files (see sockets.py), and know nothing of what a reader wrote."""

import os
import tempfile

import nbval.kernel

from notebooks.sockets import FileKernelManager

nbval.kernel.KernelManager = FileKernelManager
os.environ["ATTNLIB_MY"] = tempfile.mkdtemp()
