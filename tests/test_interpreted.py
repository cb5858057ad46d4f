"""Triton's kernels on a CPU: its interpreter, in a process of its own.

Whether functions are interpreted is decided when triton is imported, for the whole process, and
PyTorch's own compiler would get interpreted ones too.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(
    not importlib.util.find_spec("triton"), reason="triton has wheels for Linux only"
)
@pytest.mark.parametrize("name", ["triton", "pooling"])
def test_the_kernels_interpreted(name):
    file = Path(__file__).parent / "kernels" / f"test_{name}.py"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)]
    environment = os.environ | {"TRITON_INTERPRET": "1", "PYTEST_ADDOPTS": ""}
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-1000:]
    assert " passed" in run.stdout and "skipped" not in run.stdout
