"""A write that fails leaves the old file as it was."""

import os

import pytest

from explorer.writing import written_whole


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "picture.png"
    for content in (b"first", b"second"):
        with written_whole(path) as temporary:
            assert temporary.parent == tmp_path and temporary.suffix == ".png" and temporary != path
            temporary.write_bytes(content)
        assert path.read_bytes() == content and os.listdir(tmp_path) == ["picture.png"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("else")])
def test_what_fails_leaves_the_old_file(error, tmp_path):
    path = tmp_path / "card.json"
    path.write_text("old")
    expected = ValueError if isinstance(error, OSError) else RuntimeError
    with pytest.raises(expected) as told, written_whole(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["card.json"]
    if expected is ValueError:
        assert str(told.value) == f"{path} cannot be written: No space left on device"


def test_a_folder_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "none" / "a.npz"
    with pytest.raises(ValueError, match="a.npz cannot be written: No such file"), written_whole(path):
        pass
    with pytest.raises(ValueError, match="cannot be written"), written_whole(tmp_path):
        pass


def test_links_permissions_and_pipes_stay(tmp_path):
    target, link, pipe = tmp_path / "target", tmp_path / "link", tmp_path / "pipe"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    with written_whole(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink() and target.read_text() == "new" and target.stat().st_mode & 0o777 == 0o640
    os.mkfifo(pipe)
    with written_whole(pipe) as same:
        assert same == pipe
    assert pipe.is_fifo()
    with written_whole(tmp_path / "fresh") as temporary:
        temporary.touch()
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "fresh").stat().st_mode & 0o777 == 0o666 & ~umask
