"""The one kind of error that is a message to the user."""


class UserError(ValueError):
    """A mistake in what the user gave, which the scripts print in one line: the thing, found, expected, what to do.

    A ValueError that is no UserError is a mistake of ours or of a library, and keeps its traceback.
    """
