"""What a cell says that was run before those above it: names that they make are not there yet.

The Makefile has every kernel of its environment call this where a cell ends in a NameError.
"""

from types import TracebackType

from IPython.core.interactiveshell import InteractiveShell

from attnlib.course.language import say


def told(
    shell: InteractiveShell,
    kind: type[NameError],
    error: NameError,
    trace: TracebackType,
    tb_offset: int | None = None,
) -> None:
    """Show the error, and below it what to run, if a name is missing in the cell itself.

    The arguments are those of `InteractiveShell.set_custom_exc`.
    """
    if _where(trace) == "<module>":
        error.add_note(
            say(
                "{name} is not there yet. Run the cells above first: Run → Run All Above "
                "Selected Cell.",
                name=error.name,
            )
        )
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)


def _where(trace):
    """The function whose line failed; of a cell "<module>"."""
    while trace.tb_next:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_name
