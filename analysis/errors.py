"""The one error of this room that a user is meant to read."""


class AnalysisError(ValueError):
    """Bad input. Its message is one line naming what is wrong, where, and what to do."""
