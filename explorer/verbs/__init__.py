"""The verbs of the command line, one file per group (see `explorer/cli.py`)."""
