"""What a reader cannot read is named, never guessed."""


class Unreadable(ValueError):
    """The module does something that the reader has no form for; the message says what."""
