"""Arrays in, Figure out; and for each kind of picture the sentence that says what it shows.

The sentence serves who cannot see the picture, who lectures with it, and the check of the
notebooks, which compares text and not pixels. Matrices are drawn queries down, keys across.
"""

from attnlib.course.plots.angles import plot_angles, read_angles
from attnlib.course.plots.blocks import plot_blocks
from attnlib.course.plots.branches import plot_branches, read_branches
from attnlib.course.plots.costs import plot_costs, read_costs
from attnlib.course.plots.dials import plot_effects, plot_setting, read_effects
from attnlib.course.plots.fusion import plot_fusion
from attnlib.course.plots.gallery import plot_pictures
from attnlib.course.plots.global_branch import plot_global
from attnlib.course.plots.heads import plot_heads
from attnlib.course.plots.influence import plot_influence, plot_token_influence, read_influence
from attnlib.course.plots.levels import plot_levels
from attnlib.course.plots.lookup import plot_lookup, plot_row, read_lookup
from attnlib.course.plots.losses import plot_losses
from attnlib.course.plots.maps import plot_map, read_map
from attnlib.course.plots.named import plot_named_maps
from attnlib.course.plots.pictures import plot_shots, plot_tokens
from attnlib.course.plots.pixels import plot_pixel_rows
from attnlib.course.plots.positions import plot_positions
from attnlib.course.plots.runs import plot_runs
from attnlib.course.plots.scores import plot_scores
from attnlib.course.plots.seeds import plot_seeds
from attnlib.course.plots.segments import plot_segments
from attnlib.course.plots.summary import plot_summary
from attnlib.course.plots.tiles import plot_tiles
from attnlib.course.plots.words import plot_head_scores, plot_words

__all__ = [
    "plot_angles",
    "plot_blocks",
    "plot_branches",
    "plot_costs",
    "plot_effects",
    "plot_fusion",
    "plot_global",
    "plot_head_scores",
    "plot_heads",
    "plot_influence",
    "plot_levels",
    "plot_lookup",
    "plot_losses",
    "plot_map",
    "plot_named_maps",
    "plot_pictures",
    "plot_pixel_rows",
    "plot_positions",
    "plot_row",
    "plot_runs",
    "plot_scores",
    "plot_seeds",
    "plot_segments",
    "plot_setting",
    "plot_shots",
    "plot_summary",
    "plot_tiles",
    "plot_token_influence",
    "plot_tokens",
    "plot_words",
    "read_angles",
    "read_branches",
    "read_costs",
    "read_effects",
    "read_influence",
    "read_lookup",
    "read_map",
]
