"""Two modules side by side: how far apart, who influences whom, are they the same, and why not."""

from attnlib.course.compare.adapters import Adapter, adapt
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
from attnlib.course.compare.heads import (
    Heads,
    Layout,
    absorb_scale,
    drop_key_bias,
    move_value_bias,
    permute_merge,
    put,
    stack_heads,
    take,
)
from attnlib.course.compare.identity import Finding, Move, Witness, same
from attnlib.course.compare.kinds import Row, Table, after_one_step, start_entropy, theory
from attnlib.course.compare.symmetries import SYMMETRIES, Setting, Trial

__all__ = [
    "Adapter",
    "Branch",
    "DialledAttention",
    "Finding",
    "Heads",
    "Layout",
    "Maps",
    "Move",
    "NEST",
    "PGLSUM",
    "Parameters",
    "SYMMETRIES",
    "Row",
    "Setting",
    "Table",
    "Trial",
    "VALUES",
    "Witness",
    "absorb_scale",
    "adapt",
    "after_one_step",
    "all_but_one",
    "as_matrix",
    "attend",
    "dead",
    "distance",
    "sample_parameters",
    "drop_key_bias",
    "influence",
    "move_value_bias",
    "nest_end",
    "permute_merge",
    "pglsum_end",
    "put",
    "relative_difference",
    "repaired",
    "same",
    "sensitivity",
    "stack_heads",
    "start_entropy",
    "take",
    "theory",
    "turned",
    "turned_alone",
    "undo_notation",
]
