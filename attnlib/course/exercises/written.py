"""The Python of my_attention.py: pieces into the file and out of it, and out of a cell."""

import ast
import inspect
import linecache
import re
import textwrap
from collections.abc import Collection, Mapping
from types import FunctionType

LENDER = "attnlib.course.exercises.pieces"  # of what a reader has skipped
# In the order of the lessons, so that the file is a module that can be imported.
PIECES = (
    "by_hand.softmax",
    "by_hand.attend",
    "heads.split",
    "heads.merge",
    "blocks.blockify",
    "blocks.MyBlockAttention",
    "global_branch.MySelfAttention",
    "segments.boundaries",
    "segments.local_branch",
    "fusion.fuse",
    "fusion.MyGlobalLocalAttention",
    "positions.absolute",
)
KEYS = {key.partition(".")[2]: key for key in PIECES}  # by name: no two are called alike
HEAD = '''"""My attention: what I wrote in the lessons, and what passed its check."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from einops import einsum, rearrange, reduce, repeat
from torch import nn
'''
PIECE = re.compile(r"^# \[(?P<key>[\w.]+)\]\n(?P<source>.*?)^# \[/(?P=key)\]$", re.M | re.S)


def file_of(pieces: Mapping[str, str], names: Collection[str] = ()) -> str:
    """The whole file: the pieces that passed, by key, and before them what is borrowed.

    Borrowed is what stands before the last that passed, or that `names` wants: further the reader
    has not come.
    """
    wanted = {*pieces, *(KEYS[name] for name in names)}
    needed = [place for place, key in enumerate(PIECES) if key in wanted]
    blocks = [
        f"# [{key}]\n{pieces[key].strip()}\n# [/{key}]" if key in pieces else _borrowed(key)
        for key in PIECES[: max(needed, default=-1) + 1]
    ]
    return "\n\n\n".join([HEAD.strip(), *blocks]) + "\n"


def pieces_of(text: str) -> dict[str, str]:
    """Key -> source of the pieces that passed, out of the file."""
    return {piece["key"]: piece["source"] for piece in PIECE.finditer(text)}


def source_of(answer: object, name: str) -> str | None:
    """The `def` or `class` of that name, as a cell has it; None where there is no such thing."""
    function = vars(answer).get("forward") if isinstance(answer, type) else answer
    function = inspect.unwrap(function) if callable(function) else function  # of its decorators
    if not isinstance(function, FunctionType):
        return None
    text = "".join(linecache.getlines(function.__code__.co_filename))
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except SyntaxError:
        return None
    for node in nodes:
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) or node.name != name:
            continue
        first = min(mark.lineno for mark in (node, *node.decorator_list))
        if first <= function.__code__.co_firstlineno <= node.end_lineno:
            return textwrap.dedent("\n".join(text.splitlines()[first - 1 : node.end_lineno]))
    return None


def called_in(source: str) -> set[str]:
    """Names of pieces that the source uses."""
    nodes = ast.walk(ast.parse(source))
    return {node.id for node in nodes if isinstance(node, ast.Name)} & set(KEYS)


def _borrowed(key):
    name = key.partition(".")[2]
    return f"from {LENDER} import {name}  # borrowed: {key} has not passed yet"
