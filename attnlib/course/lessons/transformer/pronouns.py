"""Does a head know what "it" stands for? Sentences in which the last word alone decides.

The idea is Winograd's: one frame, two endings, and with each ending "it" is another noun (Levesque
et al. 2012, "The Winograd Schema Challenge", KR). The first frame is the well-known one of
transformers, the second Winograd's; the others were written for this lesson, and none was left out
for what came of it.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from attnlib.course.lessons.transformer.head_kinds import every_head
from attnlib.course.models.minilm.model import MiniLM


class Case(NamedTuple):
    """A sentence with one "it", the noun it stands for, and the other noun; each is one piece."""

    sentence: str
    right: str
    wrong: str


# A frame, its first and second noun, and the endings with which "it" is the first or the second.
_FRAMES = (
    ("The animal did not cross the street because it was too", "animal street", "tired wide"),
    ("The trophy does not fit in the suitcase because it is too", "trophy suitcase", "big small"),
    ("The ball broke the window because it was made of", "ball window", "steel glass"),
    ("The dog did not chase the car because it was too", "dog car", "tired fast"),
    ("The horse did not jump over the fence because it was too", "horse fence", "lazy high"),
    ("The boat did not pass under the bridge because it was too", "boat bridge", "tall low"),
    ("The cat did not eat the soup because it was too", "cat soup", "full hot"),
    ("The truck did not use the road because it was too", "truck road", "heavy narrow"),
    ("The child did not read the book because it was too", "child book", "sleepy long"),
    ("The robot did not lift the box because it was too", "robot box", "weak heavy"),
    ("The bird did not leave the cage because it was too", "bird cage", "scared warm"),
    ("The table did not go through the door because it was too", "table door", "wide narrow"),
)


def pairs() -> tuple[tuple[Case, Case], ...]:
    """Twelve frames, each with both endings: first that in which "it" is the first noun."""
    made = []
    for frame, nouns, endings in _FRAMES:
        first, second = nouns.split()
        one, other = (f"{frame} {ending}." for ending in endings.split())
        made.append((Case(one, first, second), Case(other, second, first)))
    return tuple(made)


def looks_at(model: MiniLM, case: Case) -> Tensor:
    """The weight that "it" gives to the right noun, and to the wrong one: (2, layers, H)."""
    pieces = model.pieces(case.sentence)
    it = every_head(model(case.sentence)[1])[:, :, pieces.index("it")]  # (layers, H, N)
    return torch.stack([it[..., pieces.index(noun)] for noun in (case.right, case.wrong)])


def looks_at_all(model: MiniLM) -> Tensor:
    """`looks_at` of all `pairs`: (pairs, endings, 2, layers, H) = (12, 2, 2, 6, 12)."""
    return torch.stack([torch.stack([looks_at(model, case) for case in pair]) for pair in pairs()])
