"""Two modules side by side: how far apart, who influences whom, are they the same, and why not."""

try:
    import matplotlib  # noqa: F401
    import scipy  # noqa: F401
    import wcwidth  # noqa: F401
except ModuleNotFoundError as error:  # who installed attnlib alone has none of them
    raise ModuleNotFoundError(
        f"attnlib.course.compare needs {error.name}, which this Python does not have: "
        '`python -m pip install "attnlib[lessons]"`, or with JupyterLab "attnlib[course]"',
        name=error.name,
    ) from error

from attnlib.course.compare.calling.unreadable import Unreadable
from attnlib.course.compare.converting import convert
from attnlib.course.compare.dialled import DialledAttention, nest_end, pglsum_end
from attnlib.course.compare.dials import (
    NEST,
    PGLSUM,
    VALUES,
    Branch,
    Maps,
    Parameters,
    as_matrix,
    attend,
    dead,
    sample_parameters,
    turned,
    undo_notation,
)
from attnlib.course.compare.difference import influence, relative_difference
from attnlib.course.compare.effects import (
    all_but_one,
    distance,
    repaired,
    sensitivity,
    turned_alone,
)
from attnlib.course.compare.equality import Equality, Layer, equal
from attnlib.course.compare.identity import same
from attnlib.course.compare.judging.witness import rules
from attnlib.course.compare.kinds import Row, Table, after_one_step, start_entropy, theory
from attnlib.course.compare.merge_order import permute_merge
from attnlib.course.compare.porting.finding import Finding, Move
from attnlib.course.compare.reading.inside import attentions
from attnlib.course.compare.reading.read import Reading, read
from attnlib.course.compare.symmetries import SYMMETRIES, Trial

__all__ = [
    "Branch",
    "DialledAttention",
    "Equality",
    "Finding",
    "Layer",
    "Maps",
    "Move",
    "NEST",
    "PGLSUM",
    "Parameters",
    "Reading",
    "Row",
    "SYMMETRIES",
    "Table",
    "Trial",
    "Unreadable",
    "VALUES",
    "after_one_step",
    "all_but_one",
    "as_matrix",
    "attend",
    "attentions",
    "convert",
    "dead",
    "distance",
    "equal",
    "influence",
    "nest_end",
    "permute_merge",
    "pglsum_end",
    "read",
    "relative_difference",
    "repaired",
    "rules",
    "same",
    "sample_parameters",
    "sensitivity",
    "start_entropy",
    "theory",
    "turned",
    "turned_alone",
    "undo_notation",
]
