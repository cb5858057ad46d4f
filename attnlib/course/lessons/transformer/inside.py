"""What becomes of an embedding when the frozen model may look only where it is allowed to."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from attnlib.course.models.minilm.model import MiniLM

# Of 31 to 39 tokens each, and of as many subjects.
SENTENCES = (
    "A cat sleeps on the warm sofa in the living room while heavy rain falls on the garden, "
    "and it does not even wake up when the old wooden door slams.",
    "Stock prices fell sharply on Monday after the central bank announced higher interest "
    "rates, and many small companies now fear that their loans will become too expensive.",
    "To bake this bread you mix flour, water, salt and yeast, let the dough rest for a whole "
    "night, and put it into a very hot oven early in the morning.",
    "The young striker scored twice in the second half of the final, but the visitors "
    "equalised in the last minute and won the cup after a long penalty shootout.",
    "Doctors found that patients who walk for half an hour every day sleep better, have lower "
    "blood pressure and recover faster after an operation on the heart.",
    "Our telescope saw a star that became a thousand times brighter within one week and then "
    "faded slowly, leaving a cloud of hot gas which is still growing.",
    "In the spring of that year the king lost his crown, fled across the mountains with a "
    "handful of soldiers, and spent the rest of his life in a monastery.",
    "Please save your work and restart the computer, because the new version of the program "
    "can only be installed after all open files have been closed by every user.",
)


def blocks(size: int) -> Callable[[Tensor, Tensor], Tensor]:
    """The mask of blocks of `size` tokens side by side: 0 … size − 1, and so on."""
    return lambda i, j: i // size == j // size


def embeddings(model: MiniLM, sentences: Sequence[str] = SENTENCES, mask=None) -> Tensor:
    """(sentences, C), each of length 1: products of rows are cosines."""
    return torch.stack([model(sentence, mask)[0] for sentence in sentences])
