"""Arrays in, Figure out; and for each kind of picture the sentence that says what it shows.

The sentence serves who cannot see the picture, who lectures with it, and the check of the
notebooks, which compares text and not pixels. Matrices are drawn queries down, keys across.
"""

from attnlib.course.plots.angles import plot_angles, read_angles
from attnlib.course.plots.blocks import plot_blocks
from attnlib.course.plots.dials import plot_effects, plot_setting, read_effects
from attnlib.course.plots.fusion import plot_fusion
from attnlib.course.plots.gallery import plot_pictures
from attnlib.course.plots.global_branch import plot_global
from attnlib.course.plots.heads import plot_heads
from attnlib.course.plots.influence import plot_influence, plot_token_influence, read_influence
from attnlib.course.plots.lookup import plot_lookup, plot_row, read_lookup
from attnlib.course.plots.maps import plot_map, read_map
from attnlib.course.plots.pictures import plot_shots, plot_tokens
from attnlib.course.plots.positions import plot_positions
from attnlib.course.plots.scores import plot_scores
from attnlib.course.plots.segments import plot_segments

__all__ = [
    "plot_angles",
    "plot_blocks",
    "plot_effects",
    "plot_fusion",
    "plot_global",
    "plot_heads",
    "plot_influence",
    "plot_lookup",
    "plot_map",
    "plot_pictures",
    "plot_positions",
    "plot_row",
    "plot_scores",
    "plot_segments",
    "plot_setting",
    "plot_shots",
    "plot_token_influence",
    "plot_tokens",
    "read_angles",
    "read_effects",
    "read_influence",
    "read_lookup",
    "read_map",
]
