"""A fusion of the reader's own, trained as the study trains its four.

python -m attnlib.course.experiments.fusions        (trains the stored example again, half a minute)
"""

from attnlib.course.experiments.fusions.fused import Fused, check_fusion
from attnlib.course.experiments.fusions.report import apart, compete, table
from attnlib.course.experiments.fusions.trial import longer_mult, run, runs, stored

__all__ = [
    "Fused",
    "apart",
    "check_fusion",
    "compete",
    "longer_mult",
    "run",
    "runs",
    "stored",
    "table",
]
