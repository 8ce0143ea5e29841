from __future__ import annotations

import os

import pytest

from jobs.acquire.listing import list_files
from jobs.acquire.location import is_there, location_of
from jobs.acquire.source_list import Source


@pytest.mark.parametrize("package", ["git-doc", "@scope/name"])
@pytest.mark.parametrize("name", ["a.txt", "d/e/a.txt", "ein Bär#1/a%20b.txt", "files/files"])
def test_the_folder_is_found_from_a_path_and_an_address(world, package, name):
    world.put(name, "x")
    source = Source(key="k", connector="npm", package=package, license="MIT", modality="text", kind="note")
    entry = next(list_files(world.folder, source))
    assert location_of(str(world.folder / entry.name), entry.uri) == world.folder


def test_a_folder_is_there_while_it_holds_a_file(world):
    assert not is_there(world.folder)
    (world.folder / "d").mkdir()
    assert not is_there(world.folder)
    path = world.put("d/e/a.txt", "x")
    assert is_there(world.folder)
    path.unlink()
    assert not is_there(world.folder)
    assert not is_there(world.root / "nowhere")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_may_not_be_read_is_not_there(world):
    world.put("a.txt", "x")
    world.folder.chmod(0)
    try:
        assert not is_there(world.folder)
    finally:
        world.folder.chmod(0o755)
