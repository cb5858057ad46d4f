"""What lies behind an error of PyTorch or einops most often."""

from attnlib.course.language import N_, say

NUMBER_OF_AXES = N_(
    "It is written for another number of axes: name them all, or write `...` for those in front."
)
INNER = N_("In a product @ the inner sizes must be the same. Is one of the two to be turned, .mT?")
# Words of the message, and the cause.
CAUSES = {
    "must match the size of tensor": N_(
        "Two shapes do not fit together. Has a sum lost its axis (keepdim=True), or is one turned?"
    ),
    "shapes cannot be multiplied": INNER,
    "Expected size for first two dimensions of batch2": INNER,
    "Dimension out of range": N_("It names an axis that is not there. Count from the end: -1."),
    "number of subscripts in the equation": NUMBER_OF_AXES,
    "Wrong shape: expected": NUMBER_OF_AXES,
}


def builtin(error: Exception) -> str:
    """The name of its class, or of what that is a kind of: one of Python's own."""
    own = (each for each in type(error).__mro__ if each.__module__ == "builtins")
    return next(own).__name__


def cause(error: Exception) -> str:
    """What lies behind the message of an error most often; or nothing."""
    message = str(error)
    return next((say(sentence) for words, sentence in CAUSES.items() if words in message), "")
