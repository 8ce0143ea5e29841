from __future__ import annotations

import gzip
import hashlib
import os

import pyarrow.compute as pc
import pytest

from jobs.acquire.files import FilesParams, files
from lakehouse.errors import FlowError
from schemas.identity import landed_ids
from schemas.sources import files as table


def by_uri(batch):
    return {row["uri"]: row for row in batch.to_pylist()}


def test_rows_hold_what_the_bytes_and_paths_say(world, make_picture):
    world.put("de/a.html", "<p>Hallo")
    world.put("b.txt.gz", gzip.compress(b"hello"))
    batch = world.good(language="en", language_from="^(?P<tag>de)/", kind="manual")
    rows = by_uri(batch)
    row = rows["folder:mine/de/a.html"]
    assert row["digest"] == hashlib.sha256(b"<p>Hallo").hexdigest()
    assert (row["size"], row["media_type"], row["language"], row["kind"]) == (8, "text/html", "de", "manual")
    assert dict(rows["folder:mine/b.txt.gz"]["attributes"]) == {"compression": "gzip"}
    expected = landed_ids(*(batch.column(name) for name in ("source", "uri", "digest")))
    assert batch.column("sample_id").equals(expected)
    assert all(column.name in batch.schema.names for column in table.columns if column.name != "run_id")


def test_landing_again_gives_the_same_rows_and_a_new_file_comes_alone(world):
    world.put("a.txt", "x")
    world.put("b.txt", "y")
    first = world.files()
    again = world.files()
    names = [name for name in first.schema.names if name != "retrieved_at"]
    assert first.select(names).equals(again.select(names))
    world.put("c.txt", "z")
    assert set(by_uri(world.files())) - set(by_uri(first)) == {"folder:mine/c.txt"}


def test_identity_is_of_source_address_and_bytes_alone(world, tmp_path):
    import os

    path = world.put("a.txt", "x")
    ids = [world.files().column("sample_id")[0].as_py()]
    os.utime(path, (5, 5))
    ids.append(world.files(kind="other", language="fr").column("sample_id")[0].as_py())
    world.put("a.txt", "y")
    ids.append(world.files().column("sample_id")[0].as_py())
    assert ids[0] == ids[1] != ids[2]


def test_what_is_wrong_is_rejected_with_its_reason(world, rejects):
    world.put("large.txt", "x" * 200)
    world.put("good.txt", "x")
    (world.folder / "out.txt").symlink_to("/etc/hostname")
    (world.folder / "broken.txt").symlink_to("nowhere")
    batch = world.files(max_bytes=100)
    assert rejects(batch) == {
        "folder:mine/broken.txt": "unreadable: No such file or directory",
        "folder:mine/large.txt": "200 bytes, more than the 100 that are allowed",
        "folder:mine/out.txt": "a symbolic link that leaves the source's folder",
    }
    assert batch.column("sample_id").null_count == 0
    assert len(pc.unique(batch.column("sample_id"))) == 4


def test_code_has_the_language_of_its_name(world):
    for name in ("a.py", "b.go", "c.h", "d.unknown"):
        world.put(name, "x")
    languages = {row["uri"][-4:]: row["language"] for row in world.good(modality="code").to_pylist()}
    assert languages == {"a.py": "python", "b.go": "go", "/c.h": "c", "nown": "und"}


def test_speech_takes_the_transcript_of_its_own_language(world, rejects, make_recording):
    world.put("lion.txt", "A lion.\nfr.utf8=Un lion.\n")
    for name in ("lion_desc.ogg", "lion_desc_fr.ogg", "lion_desc_en_GB.ogg", "lion_desc_de.ogg"):
        world.put(name, make_recording())
    batch = world.files(
        modality="speech",
        language="en",
        language_from=r"_desc_(?P<tag>[A-Za-z_]+)\.ogg$",
        include=["*.ogg"],
        neighbour={"format": "tagged-lines", "strip": "_desc(?:_[A-Za-z_]+)?"},
    )
    assert rejects(batch) == {"folder:mine/lion_desc_de.ogg": "no transcript in de beside it"}
    good = {row["language"]: dict(row["attributes"]) for row in batch.to_pylist() if row["_reject"] is None}
    assert good == {
        "en": {"transcript": "A lion.", "relation": "caption"},
        "fr": {"transcript": "Un lion.", "relation": "caption"},
        "en-GB": {"transcript": "A lion.", "relation": "caption"},
    }


def test_pictures_take_captions_in_all_languages(world, make_picture):
    world.put("lion.png", make_picture())
    world.put("lion.txt", "A lion.\nfr.utf8=Un lion.\n")
    row = world.good(modality="image", include=["*.png"], neighbour={"format": "tagged-lines"}).to_pylist()[0]
    assert dict(row["attributes"]) == {"caption:en": "A lion.", "caption:fr": "Un lion."}
    assert row["media_type"] == "image/png"


def test_a_folder_that_went_away_fails_the_flow(world):
    world.put("d/a.txt", "x")
    batch = world.sources().combine_chunks().to_batches()[0]
    world.folder.rename(world.root / "moved")
    with pytest.raises(FlowError, match=f"the folder {world.folder} of mine is gone") as raised:
        list(files(batch, FilesParams()))
    assert "mixlake run --full bronze.sources" in raised.value.hint
    # An emptied folder, or a mount point without its disk, says as little.
    (world.folder / "d").mkdir(parents=True)
    with pytest.raises(FlowError, match="gone or empty"):
        list(files(batch, FilesParams()))


def test_a_folder_that_lost_all_files_of_a_source_fails_the_flow(world, land_files):
    path = world.put("a.txt", "x")
    world.put("b.md", "x")
    batch = world.sources(include=["*.txt"]).combine_chunks().to_batches()[0]
    path.unlink()
    with pytest.raises(FlowError, match="no file of mine is left"):
        list(files(batch, FilesParams()))
    again = world.sources(include=["*.txt"]).combine_chunks().to_batches()[0]
    assert land_files(again).num_rows == 0


def test_a_large_source_comes_in_batches(world, monkeypatch):
    from jobs.acquire import files as module

    for number in range(5):
        world.put(f"{number}.txt", "x")
    # Of a source that states no language, the names are looked through beforehand.
    batch = world.sources(language="en").combine_chunks().to_batches()[0]
    opened = []
    monkeypatch.setattr(module, "_BATCH_FILES", 2)
    real = module.list_files
    monkeypatch.setattr(module, "list_files", lambda *said: (opened.append(e) or e for e in real(*said)))
    answers = files(batch, FilesParams())
    assert next(answers).num_rows == 2
    assert len(opened) == 2  # no more is listed than was asked for
    assert [part.num_rows for part in answers] == [2, 1]


def test_a_source_without_files_gives_no_rows(world):
    world.put("a.txt", "x")
    assert world.files(include=["*.none"]).num_rows == 0


def test_most_limits_a_source(world, land_files):
    for number in range(5):
        world.put(f"{number}.txt", "x")
    batch = world.sources().combine_chunks().to_batches()[0]
    assert land_files(batch, FilesParams(most=2)).num_rows == 2


def test_names_that_are_not_utf8_are_set_aside_and_the_others_land(world):
    world.put("good.txt", "x")
    os.close(os.open(os.fsencode(world.folder) + b"/bad\xff.txt", os.O_CREAT | os.O_WRONLY))
    rows = by_uri(world.files())
    assert rows["folder:mine/good.txt"]["_reject"] is None
    assert rows["folder:mine/bad%FF.txt"]["_reject"] == "the file's name is not UTF-8"
    assert rows["folder:mine/bad%FF.txt"]["path"].endswith("bad\\xff.txt")


def test_a_text_beside_that_cannot_be_used_sets_its_file_aside_and_says_why(world, make_picture):
    for name in ("a", "b", "c"):
        world.put(f"{name}.png", make_picture())
    world.put("a.txt", "A lion.")
    world.put("b.txt", b"\xff\xfe\xff")
    (world.root / "secret").write_text("root:x:0:0")
    (world.folder / "c.txt").symlink_to(world.root / "secret")
    rows = by_uri(world.files(modality="image", exclude=["*.txt"], neighbour={"format": "plain"}))
    assert rows["folder:mine/a.png"]["_reject"] is None
    assert "not UTF-8" in rows["folder:mine/b.png"]["_reject"]
    assert "symbolic link" in rows["folder:mine/c.png"]["_reject"]
    assert "root:" not in str(rows)


@pytest.mark.parametrize(
    ("neighbour", "relation"),
    [
        ({"format": "plain"}, "caption"),
        ({"format": "plain", "relation": "verbatim"}, "verbatim"),
        ({"format": "name", "relation": "verbatim"}, "title"),
    ],
)
def test_a_transcript_carries_what_is_declared_of_it(world, make_recording, neighbour, relation):
    world.put("a lion.wav", make_recording("WAV"))
    world.put("a lion.txt", "a lion")
    (row,) = world.files(modality="speech", language="en", include=["*.wav"], neighbour=neighbour).to_pylist()
    assert dict(row["attributes"]) == {"transcript": "a lion", "relation": relation}


def test_whatever_one_file_raises_is_its_own_row(world, rejects, monkeypatch):
    from jobs.acquire import files as module

    def odd(name, head):
        if name == "b.txt":
            raise KeyError("no such type")
        return "text/plain", ""

    monkeypatch.setattr(module, "media_type", odd)
    for name in ("a.txt", "b.txt", "c.txt"):
        world.put(name, "x")
    batch = world.files()
    assert rejects(batch) == {"folder:mine/b.txt": "unreadable: 'no such type'"}
    assert batch.num_rows == 3
