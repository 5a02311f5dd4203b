"""Files are written beside and renamed, so that a write that fails leaves the old file as it was."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def written_whole(path: Path | str) -> Iterator[Path]:
    """A temporary path in the same folder, renamed onto `path` when the block ends well, else removed.

    It ends as `path` does, since some writers go by that. A link is followed; a device or a pipe is written
    to as it is. OSError becomes a ValueError that names `path`; other exceptions pass.
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            yield path
            return
        target = path.resolve()
        handle, name = tempfile.mkstemp(f".part{path.suffix}", f".{path.name[:40]}.", target.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(_usual_mode(target))
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise ValueError(f"{path} cannot be written: {error.strerror or error}") from error


def _usual_mode(path: Path) -> int:
    """Permissions of the file that is replaced, else of any new file; mkstemp gives the owner's alone."""
    if path.exists():
        return path.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
