"""A cell that is run too early, in a real kernel with the file that the Makefile writes for it."""

import subprocess
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).parents[2]
SENTENCE = "{} is not there yet. Run the cells above first: Run → Run All Above Selected Cell."


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """run(cell) -> the text of its traceback, and whatever it printed."""
    venv = tmp_path_factory.mktemp("venv")
    config = venv / "etc/ipython/ipython_config.py"
    subprocess.run(["make", f"VENV={venv}", "-o", venv / "ready", config], cwd=ROOT, check=True)
    manager = KernelManager(kernel_name="python3", transport="ipc")
    manager.start_kernel(cwd=ROOT, extra_arguments=[f"--IPKernelApp.extra_config_file={config}"])
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(60)

    def run(cell):
        said = []

        def hear(message):
            content = message["content"]
            said.append("\n".join(content.get("traceback", ())) + content.get("text", ""))

        client.execute_interactive(cell, timeout=60, output_hook=hear)
        return "".join(said)

    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_nothing_is_imported_before_it_is_needed_and_nothing_is_left_lying_about(run):
    assert run("import sys; print('attnlib' in sys.modules, 'hook' in globals())").endswith(
        "False False\n"
    )


def test_a_name_that_is_missing_in_a_cell_says_what_to_run(run):
    said = run("wide = 3\nblockify(wide)")
    assert "NameError" in said and said.count(SENTENCE.format("blockify")) == 1


def test_other_errors_say_nothing_of_it(run):
    for cell in ("1 / 0", "def early():\n    return nowhere\nearly()", "import nowhere", "1 +"):
        assert "Error" in run(cell)
        assert "is not there yet" not in run(cell)
