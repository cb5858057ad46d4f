"""Commands of the course.

python -m attnlib.course progress
python -m attnlib.course progress export [FILE]
python -m attnlib.course progress sum FILES…
"""

import sys

from attnlib.course.progress.command import run

if __name__ == "__main__":
    run(sys.argv[1:])
