"""A trained transformer, opened: MiniLM, run with `attnlib.attention` alone."""

from attnlib.course.minilm.heads import beside, every_head, on_token
from attnlib.course.minilm.inside import SENTENCES, blocks, embeddings
from attnlib.course.minilm.model import Layer, MiniLM, load
from attnlib.course.minilm.pronouns import Case, looks_at, looks_at_all, pairs

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
