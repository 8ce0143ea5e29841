"""The text beside a file: what it may be, and why it is refused."""

from __future__ import annotations

import os

import pytest

from jobs.acquire.original_file import RejectedError
from jobs.acquire.sidecar import MOST_BYTES, read_beside


def test_it_is_read_and_may_be_missing(world):
    path = world.put("a.txt", b"\xef\xbb\xbfW\xc3\xb6rter\n")
    assert read_beside(path, world.folder, 1000) == "Wörter\n"
    assert not read_beside(world.folder / "b.txt", world.folder, 1000)
    (world.folder / "in.txt").symlink_to("a.txt")
    assert read_beside(world.folder / "in.txt", world.folder, 1000) == "Wörter\n"


@pytest.mark.parametrize(
    ("data", "most", "says"),
    [
        (b"x" * 11, 10, "11 bytes, more than the 10"),
        (b"x" * (MOST_BYTES + 1), 1 << 30, f"more than the {MOST_BYTES}"),
        (b"ab\xff", 1000, "not UTF-8 at byte 2"),
        (b"a\0b", 1000, "NUL"),
    ],
)
def test_what_is_too_large_or_no_text_is_refused(world, data, most, says):
    path = world.put("a.txt", data)
    with pytest.raises(RejectedError, match=says):
        read_beside(path, world.folder, most)


def test_links_pipes_and_folders_are_refused_and_none_is_waited_for(world):
    secret = world.root / "secret.txt"
    secret.write_text("secret")
    (world.folder / "link.txt").symlink_to(secret)
    (world.folder / "circle.txt").symlink_to("circle.txt")
    (world.folder / "folder.txt").mkdir()
    os.mkfifo(world.folder / "pipe.txt")
    for name, says in (
        ("link", "leaves the source's folder"),
        ("circle", "unreadable"),
        ("folder", "not a regular file"),
        ("pipe", "not a regular file"),
    ):
        with pytest.raises(RejectedError, match=says):
            read_beside(world.folder / f"{name}.txt", world.folder, 1000)
