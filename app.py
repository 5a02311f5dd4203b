"""The page from a clone: `python app.py`. What it does stands in explorer/door.py, for wheels too."""

import sys

from explorer.door import build_parser
from explorer.door import open_page as main

__all__ = ["build_parser", "main"]

if __name__ == "__main__":
    sys.exit(main())
