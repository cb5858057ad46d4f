"""The widgets of the lessons: controls, and the picture and sentence that follow from them.

Each is two functions. `…_drawer` gives a pure `draw(**state)`, which tests and static pages call
without a browser; `explore_…` puts controls round it, named as the arguments of `draw`.
"""

from attnlib.course.explorers.blocks import blocks_drawer, explore_blocks
from attnlib.course.explorers.dials import dials_drawer, explore_dials
from attnlib.course.explorers.explorer import Explorer, png
from attnlib.course.explorers.fusion import explore_fusion, fusion_drawer
from attnlib.course.explorers.global_branch import explore_global, global_drawer
from attnlib.course.explorers.heads import explore_heads, heads_drawer
from attnlib.course.explorers.influence import explore_influence, influence_drawer
from attnlib.course.explorers.levels import explore_levels, levels_drawer
from attnlib.course.explorers.positions import explore_positions, positions_drawer
from attnlib.course.explorers.scores import explore_scores, scores_drawer
from attnlib.course.explorers.segments import explore_segments, segments_drawer
from attnlib.course.explorers.sheet import contact_sheet
from attnlib.course.explorers.suspects import explore_suspects, suspects_drawer
from attnlib.course.explorers.tiles import explore_tiles, tiles_drawer

__all__ = [
    "Explorer",
    "blocks_drawer",
    "contact_sheet",
    "dials_drawer",
    "explore_blocks",
    "explore_dials",
    "explore_fusion",
    "explore_global",
    "explore_heads",
    "explore_influence",
    "explore_levels",
    "explore_positions",
    "explore_scores",
    "explore_segments",
    "explore_suspects",
    "explore_tiles",
    "fusion_drawer",
    "global_drawer",
    "heads_drawer",
    "influence_drawer",
    "levels_drawer",
    "png",
    "positions_drawer",
    "scores_drawer",
    "segments_drawer",
    "suspects_drawer",
    "tiles_drawer",
]
