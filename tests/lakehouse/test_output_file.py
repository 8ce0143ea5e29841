from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lakehouse.output_file import output_file, output_files, output_text_file, write_file


def parts(folder):
    return [path.name for path in folder.iterdir() if path.name.endswith(".part")]


def fail(path, text="half"):
    """Fail after a part was written."""

    def write():
        with output_text_file(path) as file:
            file.write(text)
            file.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()


def test_a_file_is_replaced_with_its_rights_once_all_is_written(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("before")
    path.chmod(0o640)
    with output_text_file(path) as file:
        file.write("naïve\r\n")
        assert path.read_text() == "before"
    assert path.read_bytes() == "naïve\r\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert parts(tmp_path) == []


def test_a_new_file_has_the_rights_that_the_users_mask_leaves(tmp_path):
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "new", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


@pytest.mark.parametrize("there", [True, False])
def test_a_failure_leaves_what_was_there(tmp_path, there):
    path = tmp_path / "a"
    if there:
        path.write_text("before")
    fail(path)
    assert (path.read_text() if path.exists() else None) == ("before" if there else None)
    assert parts(tmp_path) == []


def test_a_link_stays_and_its_target_is_replaced_or_made(tmp_path):
    (tmp_path / "data").mkdir()
    target, link = tmp_path / "data" / "target", tmp_path / "link"
    link.symlink_to("data/target")
    fail(link)
    assert link.is_symlink()
    assert not target.exists()
    write_file(link, b"made")
    fail(link)
    assert link.is_symlink()
    assert target.read_bytes() == b"made"
    write_file(link, b"again")
    assert target.read_bytes() == b"again"
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(OSError, match="circle"):
        write_file(tmp_path / "circle", b"")


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for write, expected in ((lambda: write_file(pipe, b"through"), b"through"), (lambda: fail(pipe), b"half")):
        found = []
        reader = threading.Thread(target=lambda found=found: found.append(pipe.read_bytes()))
        reader.start()
        write()
        reader.join(10)
        assert found == [expected]  # a reader is not kept waiting by a failure
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_device_is_written_to_and_stays_a_device():
    write_file(Path(os.devnull), b"gone")
    fail(Path(os.devnull))
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_an_open_file_is_written_on_from_where_it_is(tmp_path, name):
    out = tmp_path / "out"
    script = f"""
from pathlib import Path
from lakehouse.output_file import write_file
write_file(Path({name!r}), b"second\\n")
"""
    with out.open("wb") as file:
        subprocess.run(
            ["bash", "-c", 'echo first; "$0" -c "$1"; echo third', sys.executable, script], stdout=file, check=True
        )
    assert out.read_text() == "first\nsecond\nthird\n"


def test_several_files_are_replaced_together_or_not_at_all(tmp_path):
    paths = [tmp_path / name for name in "abc"]
    paths[1].write_text("before")

    def write():
        with output_files(paths) as files:
            for file in files:
                file.write(b"new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    assert paths[1].read_text() == "before"
    with output_files(paths) as files:
        for file in files:
            file.write(b"new")
    assert [path.read_text() for path in paths] == ["new"] * 3
    assert parts(tmp_path) == []


def test_errors_name_the_file_as_the_user_does(tmp_path):
    with pytest.raises(FileNotFoundError) as missing, output_file(tmp_path / "no" / "a"):
        pass
    assert missing.value.filename == str(tmp_path / "no" / "a")
    with pytest.raises(IsADirectoryError):
        write_file(tmp_path, b"")


def test_a_full_disk_leaves_what_was_there():
    with pytest.raises(OSError) as full, output_file(Path("/dev/full")) as file:
        file.write(b"x")
    assert full.value.errno == errno.ENOSPC


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_file_that_may_not_be_written_is_not_replaced(tmp_path):
    path = tmp_path / "a"
    path.write_text("before")
    path.chmod(0o444)
    with pytest.raises(PermissionError):
        write_file(path, b"x")
    assert path.read_text() == "before"
