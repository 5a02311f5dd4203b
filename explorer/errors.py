"""The one exception of our own: a file that is not a checkpoint we can use."""


class CheckpointError(Exception):
    """A checkpoint cannot be read, recognised or paired: what was found, and what is supported."""
