"""The one kind of error that is a message to the user."""


class UserError(ValueError):
    """A mistake in what the user gave, which the scripts print in one line: the thing, found, expected, what to do.

    Every other ValueError is a bug, ours or a library's, and keeps its traceback.
    """


class UnreadableFile(UserError):
    """One file cannot be read, which a folder of others can do without."""
