"""The networks that can be compared: settings of the dials, and cells, which are trained.

A setting has a readable name: `all + own | 1/√D | Xavier √2 | none` says who sees whom, the scale,
the start and the positions. A cell is a setting on a task with a budget. Which cells are trained,
`contrasts` says: none that no contrast needs.
"""

from collections.abc import Mapping
from itertools import product
from types import MappingProxyType
from typing import NamedTuple

from attnlib.course.compare import NEST, PGLSUM, turned
from attnlib.course.experiments.study.network import HEAD_DIM

# Factor -> its levels, the one of the base first.
SEES = MappingProxyType(
    {
        "all + own": {"sees": "all tokens", "fusion": "add"},
        "own + own": {"sees": "own group", "fusion": "add"},
        "all": {"sees": "all tokens", "fusion": None},
        "own": {"sees": "own group", "fusion": None},
    }
)
SCALES = ("1/√D", "1")
STARTS = ("normal .02", "Xavier √2")  # NesT's and PGL-SUM's: no satellite has one start only
POSITIONS = ("none", "absolute")
WIDE_HEAD = 64  # beside 8: a missing scale is 8 there, and not 2.8

LEVELS = MappingProxyType(
    {"sees": tuple(SEES), "scale": SCALES, "start": STARTS, "positions": POSITIONS}
)


class Setting(NamedTuple):
    """What a network is built with: see `Network`. `like` names the setting of equal `hidden`."""

    dials: Mapping | None
    head_dim: int = HEAD_DIM
    like: str | None = None


class Cell(NamedTuple):
    """What is trained, with several seeds. `budget` times the task's steps."""

    task: str
    setting: str
    budget: int = 1

    def __str__(self) -> str:
        return f"{self.task} | {self.setting} | {self.budget}×"


def core(sees: str, scale: str, start: str, positions: str = "none") -> str:
    """The name of a setting of the core factorial."""
    return f"{sees} | {scale} | {start} | {positions}"


def wide(scale: str, start: str) -> str:
    """The name of a setting with a wide head."""
    return f"{core('all + own', scale, start)} | D {WIDE_HEAD}"


def satellite(what: str, start: str) -> str:
    """The name of a setting that differs from the base by what a satellite turns."""
    return f"{what} | {start}"


def base(start: str) -> str:
    """The name of what satellites are compared with: NesT, and a global branch beside it."""
    return core("all + own", "1/√D", start)


# What a satellite turns at the base. Biases: a half of the eight combinations of three, so that
# each is on in two of the four and off in two; the fourth is the base, all on.
SATELLITES = MappingProxyType(
    {
        "mult": {"fusion": "mult"},
        "avg": {"fusion": "avg"},
        "max": {"fusion": "max"},
        "own_parameters": {"group_parameters": "own"},
        "own_parameters_equal_hidden": {"group_parameters": "own"},
        "dropout": {"dropout": 0.5},
        "narrow": {"local_branch": "narrow"},
        "relative": {"positions": "relative"},
        "query_bias_only": {"key_value_bias": False, "output_bias": False},
        "key_value_bias_only": {"query_bias": False, "output_bias": False},
        "output_bias_only": {"query_bias": False, "key_value_bias": False},
        "merge h d, permuted": {"merge": "h d"},
    }
)

# Dials that are notation, at their faster side: they change no output.
_NOTATION = {name: NEST[name] for name in ("input", "projections", "returned")}
NO_ATTENTION = "no_attention"


def _settings():
    found = {}
    for sees, scale, start, positions in product(*LEVELS.values()):
        dials = turned(
            NEST,
            **SEES[sees],
            scale=scale,
            initial=start,
            positions=None if positions == "none" else positions,
        )
        found[core(sees, scale, start, positions)] = Setting(dials)
    for scale, start in product(SCALES, STARTS):
        narrow_head = found[core("all + own", scale, start)].dials
        found[wide(scale, start)] = Setting(narrow_head, WIDE_HEAD)
    for start, (what, change) in product(STARTS, SATELLITES.items()):
        like = base(start) if what.endswith("equal_hidden") else None
        dials = turned(found[base(start)].dials, **change)
        found[satellite(what, start)] = Setting(dials, like=like)
    for start in STARTS:
        dials = turned(PGLSUM, **_NOTATION, initial=start)
        found[satellite("PGL-SUM", start)] = Setting(dials)
    found[NO_ATTENTION] = Setting(None)
    return found


SETTINGS = MappingProxyType(_settings())
