from __future__ import annotations

import os

from jobs.acquire.file_guard import stat_source_file


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
