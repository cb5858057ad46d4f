"""Where a hub keeps what it needs."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STATE = Path(os.environ.get("ATTNLIB_HUB_STATE", "/var/lib/attnlib-hub"))  # root's alone
WARM = os.environ.get("ATTNLIB_WARM", "")  # the socket of hub/warm.py; "" where none runs
FOLDER = "lessons"  # in each home: the copies, and what the student did
