"""Figures of a lesson on pages without a kernel: beside the wide picture goes the narrow one.

The site starts its kernels with `install()`; in JupyterLab nothing of this runs.
"""

from base64 import b64encode
from io import BytesIO

from IPython import get_ipython
from matplotlib.figure import Figure
from PIL import Image

from attnlib.course.figures.narrow import again

NARROW = "application/vnd.attnlib.narrow"  # a PNG in base64, as image/png is
DOTS = 200  # an inch: a telephone has two or three dots where a page has one
COLOURS = 256  # as many are seen as one; the file is half as large


def install() -> None:
    """From now on every Figure that this kernel shows brings its narrow picture along."""
    formatter = get_ipython().display_formatter.mimebundle_formatter
    formatter.for_type(Figure, _bundle)


def png(fig: Figure) -> bytes:
    """A narrow figure as a file."""
    drawn, file = BytesIO(), BytesIO()
    fig.savefig(drawn, format="png", dpi=DOTS)
    picture = Image.open(drawn).convert("RGB")
    few = picture.quantize(COLOURS, Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE)
    few.save(file, "PNG", optimize=True)
    return file.getvalue()


def _bundle(fig):
    small = again(fig)
    return {NARROW: b64encode(png(small)).decode()} if small else {}
