"""nbval's kernels listen on files: see sockets.py."""

import nbval.kernel

from notebooks.sockets import FileKernelManager

nbval.kernel.KernelManager = FileKernelManager
