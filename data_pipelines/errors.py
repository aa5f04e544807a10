"""The one error a user is meant to read: a line naming the field, the value and the remedy."""


class OstinatoError(ValueError):
    """Bad input. Its message is one line; the command line prints it and exits with 2."""
