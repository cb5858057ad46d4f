"""Where what lies beside the package in the repository lies: the lessons, their pages, a result."""

from pathlib import Path

COURSE = Path(__file__).resolve().parent
INSIDE = COURSE / "files"  # setup.py puts copies there when it builds a wheel
IS_HERE = not INSIDE.is_dir()  # the repository itself, and no wheel
ROOT = COURSE.parents[1] if IS_HERE else INSIDE
