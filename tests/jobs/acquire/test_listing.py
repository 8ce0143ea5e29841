from __future__ import annotations

import os

import pytest

from jobs.acquire.listing import captions, describe, list_files, listing_digest
from jobs.acquire.original_file import RejectedError
from jobs.acquire.source_list import Neighbour, PathRule, Source


def source(**said):
    given = {"key": "mine", "connector": "folder", "license": "MIT", "modality": "text", "kind": "note"} | said
    return Source(**given)


def listed(world, **said):
    return [entry.name for entry in list_files(world.folder, source(**said))]


def test_names_are_sorted_and_chosen(world):
    for name in ("b.txt", "a/z.txt", "a.md", "skip/x.txt"):
        world.put(name, "x")
    assert listed(world) == ["a.md", "a/z.txt", "b.txt", "skip/x.txt"]
    assert listed(world, include=("**/*.txt",), exclude=("skip/**",)) == ["a/z.txt", "b.txt"]


def test_the_order_is_that_of_whole_names(world):
    names = ["a", "a-b/x", "a.md", "b/c/d", "b/c-", "b/c.txt", "b-/x", "bc", "é/x", "z/é"]
    for name in names:
        world.put(name, "x")
    assert listed(world) == sorted(names)
    assert [entry.name for entry in list_files(world.folder, source(include=("b/**",)), most=2)] == ["b/c-", "b/c.txt"]


def test_addresses_hold_no_path_of_the_machine(world):
    world.put("d/ein Bär#1.txt", "x")
    assert next(list_files(world.folder, source())).uri == "folder:mine/d/ein%20B%C3%A4r%231.txt"
    package = source(connector="apt", package="p", version="2.0")
    assert next(list_files(world.folder, package)).uri.startswith("apt:p/d/")


def test_a_name_that_is_no_utf8_is_listed(world):
    os.close(os.open(os.fsencode(world.folder) + b"/\xff.txt", os.O_CREAT | os.O_WRONLY))
    assert next(list_files(world.folder, source())).uri == "folder:mine/%FF.txt"


def test_links_out_of_the_folder_are_refused_and_inner_ones_followed(world):
    world.put("real.txt", "x")
    outside = world.root / "secret.txt"
    outside.write_text("secret")
    (world.folder / "out.txt").symlink_to(outside)
    (world.folder / "in.txt").symlink_to("real.txt")
    (world.folder / "broken.txt").symlink_to("nowhere")
    (world.folder / "loop").symlink_to(world.folder)
    problems = {entry.name: entry.problem for entry in list_files(world.folder, source(include=("*.txt",)))}
    assert problems == {
        "broken.txt": "unreadable: No such file or directory",
        "in.txt": "",
        "out.txt": "a symbolic link that leaves the source's folder",
        "real.txt": "",
    }


def test_pipes_and_large_files_are_refused(world):
    world.put("large.txt", "x" * 101)
    os.mkfifo(world.folder / "pipe.txt")
    problems = {entry.name: entry.problem for entry in list_files(world.folder, source(max_bytes=100))}
    assert problems == {
        "large.txt": "101 bytes, more than the 100 that are allowed",
        "pipe.txt": "not a regular file",
    }


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_closed_folder_is_told(world):
    world.put("closed/x.txt", "x")
    (world.folder / "closed").chmod(0)
    try:
        entries = list(list_files(world.folder, source()))
    finally:
        (world.folder / "closed").chmod(0o755)
    assert [entry.problem for entry in entries] == ["unreadable folder: Permission denied"]


def test_keep_takes_a_fraction_and_a_new_file_displaces_none(world):
    for number in range(400):
        world.put(f"{number}.txt", "x")
    before = set(listed(world, keep=0.25))
    assert 60 < len(before) < 140
    world.put("new.txt", "x")
    assert before <= set(listed(world, keep=0.25))
    assert before <= set(listed(world, keep=0.5))


def test_the_digest_sees_what_matters(world):
    path = world.put("a.txt", "x")
    spoken = source(neighbour=Neighbour("plain", suffix=".cap"), include=("*.txt",))

    def digest():
        return listing_digest(world.folder, spoken, list_files(world.folder, spoken))

    seen = [digest()]
    assert digest() == seen[0]
    world.put("ignored.md", "x")
    assert digest() == seen[0]
    for change in (
        lambda: os.utime(path, (1, 1)),
        lambda: world.put("b.txt", "y"),
        lambda: world.put("a.cap", "caption"),
        (world.folder / "b.txt").unlink,
    ):
        change()
        seen.append(digest())
    assert len(set(seen)) == len(seen)


def test_paths_tell_kind_and_language():
    said = source(
        language="en",
        language_from=r"/(?P<tag>[a-z]{2}_[A-Z]{2})/",
        rules=(
            PathRule("poems/**", kind="poem"),
            PathRule("**/latin.txt", language="la"),
            PathRule("**", kind="other"),
        ),
    )
    assert describe(said, "poems/zh_CN/a.txt") == ("poem", "zh-CN")
    assert describe(said, "x/zh_CN/latin.txt") == ("other", "la")
    assert describe(said, "a.txt") == ("other", "en")


def test_captions_of_tagged_lines(world):
    path = world.put("lion_desc_fr.ogg", b"")
    world.put("lion.txt", "A lion.\nfr.utf8=Un lion.\nzh_CN.utf8=狮子。\nsr@latin.utf8=Lav.\nde.utf8=\nno line\n")
    said = source(neighbour=Neighbour("tagged-lines", strip="_desc(?:_[a-z]+)?"))
    assert captions(path, said, "fr", world.folder) == {
        "en": "A lion.",
        "fr": "Un lion.",
        "zh-CN": "狮子。",
        "sr-Latn": "Lav.",
    }


def test_captions_beside_and_by_name(world):
    path = world.put("GreenMeadow_2-west.jpg", b"")
    assert captions(path, source(neighbour=Neighbour("name")), "und", world.folder) == {"en": "Green Meadow 2 west"}
    plain = source(neighbour=Neighbour("plain"))
    assert captions(path, plain, "de", world.folder) == {}
    world.put("GreenMeadow_2-west.txt", "\ufeff Wiese \n")
    assert captions(path, plain, "de", world.folder) == {"de": "Wiese"}
    world.put("GreenMeadow_2-west.txt", b"\xff\xff")
    with pytest.raises(RejectedError, match="not UTF-8 at byte 0"):
        captions(path, plain, "de", world.folder)
    assert captions(path, source(), "de", world.folder) == {}
