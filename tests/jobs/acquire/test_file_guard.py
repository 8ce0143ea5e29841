from __future__ import annotations

import errno
import os

import pytest

from jobs.acquire.file_guard import RejectedError, guarded, stat_source_file
from lakehouse.errors import FlowError


def test_a_regular_file_of_the_folder_is_accepted(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    status, reason = stat_source_file(path, tmp_path, 3)
    assert (status.st_size, reason) == (3, "")
    (tmp_path / "link").symlink_to(path)
    assert stat_source_file(tmp_path / "link", tmp_path, 3)[1] == ""


def test_other_files_are_refused_with_the_reason(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "big").write_bytes(b"abcd")
    (folder / "out").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    assert "4 bytes, more than the 3" in stat_source_file(folder / "big", folder, 3)[1]
    assert "leaves the source's folder" in stat_source_file(folder / "out", folder, 3)[1]
    assert stat_source_file(folder / "pipe", folder, 3) == (None, "not a regular file")
    assert stat_source_file(folder / "gone", folder, 3)[1].startswith("unreadable: ")


class Panic(BaseException):
    """As a library in Rust raises."""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("a <_io.BytesIO object at 0x7f0012345678>: broken\nfile"), "damaged: a broken file"),
        (MemoryError(), "damaged: MemoryError"),
        (Panic("index out of bounds"), "damaged: index out of bounds"),
        (RecursionError("too deep"), "damaged: too deep"),
        (UnicodeError("label empty or too long"), "damaged: label empty or too long"),
        (RejectedError("the file is empty"), "the file is empty"),
    ],
)
def test_whatever_is_raised_is_a_reason(error, reason):
    with pytest.raises(RejectedError) as refused, guarded("damaged"):
        raise error
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    "error",
    [
        KeyboardInterrupt(),
        SystemExit(1),
        FlowError("the folder is gone"),
        ModuleNotFoundError("No module named 'lxml'"),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
)
def test_what_is_no_matter_of_a_file_passes(error):
    with pytest.raises(type(error)), guarded("damaged"):
        raise error
