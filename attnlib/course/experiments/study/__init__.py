"""After training, does the choice of a dial matter for how well the attention does?

`make study` measures it; the results are stored beside this file, and `load` reads them.
"""

from attnlib.course.experiments.study.report import difference, false_marks, plot, read, table
from attnlib.course.experiments.study.run import study
from attnlib.course.experiments.study.settings import MIDDLE, NOTATION, SETTINGS
from attnlib.course.experiments.study.store import Results, load
from attnlib.course.experiments.study.tasks import TASKS, task

__all__ = [
    "MIDDLE",
    "NOTATION",
    "SETTINGS",
    "TASKS",
    "Results",
    "difference",
    "false_marks",
    "load",
    "plot",
    "read",
    "study",
    "table",
    "task",
]
