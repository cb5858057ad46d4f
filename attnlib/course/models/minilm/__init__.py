"""A trained transformer, opened: MiniLM, run with `attnlib.attention` alone."""

from attnlib.course.models.minilm.heads import beside, every_head, on_token
from attnlib.course.models.minilm.inside import SENTENCES, blocks, embeddings
from attnlib.course.models.minilm.model import Layer, MiniLM, load
from attnlib.course.models.minilm.pronouns import Case, looks_at, looks_at_all, pairs

__all__ = [
    "SENTENCES",
    "Case",
    "Layer",
    "MiniLM",
    "beside",
    "blocks",
    "embeddings",
    "every_head",
    "load",
    "looks_at",
    "looks_at_all",
    "on_token",
    "pairs",
]
