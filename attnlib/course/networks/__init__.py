"""The whole networks round the two attentions, with the published names of their parameters."""

from attnlib.course.networks.checkpoints import load_checkpoint
from attnlib.course.networks.nest import NestClassifier
from attnlib.course.networks.scorer import FrameScorer

__all__ = ["FrameScorer", "NestClassifier", "load_checkpoint"]
