from __future__ import annotations

import gzip

import pyarrow.compute as pc
import pytest

from jobs.acquire import original_file
from jobs.acquire.documents import FLOW, DocumentsParams, documents
from lakehouse.errors import FlowError
from schemas.documents import landed_documents as table
from schemas.identity import content_ids, derived_ids
from tests.jobs.acquire.extract.made import joined, pdf, scan
from tests.jobs.acquire.landed import together
from tests.lakehouse.flows import flow_of


def land(world, params=None, **said):
    return together(documents(world.good(**said), params or DocumentsParams()))


def test_a_document_keeps_the_files_identity(world):
    world.put("a.html", "<html><title> Ein\n Titel &amp; mehr</title><p>Grüße")
    batch = land(world, language="de")
    row = batch.to_pylist()[0]
    assert row["_reject"] is None
    assert row["sample_id"] == world.good().column("sample_id")[0].as_py()
    assert row["parent_ids"] == []
    assert row["content"].endswith("<p>Grüße")
    assert (row["title"], row["encoding"], row["language_hint"]) == ("Ein Titel & mehr", "utf-8", "de")
    assert batch.column("content_id").equals(content_ids(batch.column("content")))
    assert all(row[name] is not None for name in table.required)


def test_hostile_files_are_rejected_and_the_rest_lands(world, rejects, make_picture):
    world.put("good.txt", "hello\n")
    world.put("empty.txt", b"")
    world.put("blank.txt", " \n\t\n")
    world.put("latin1.txt", "Grüße".encode("latin-1"))
    world.put("nul.txt", b"abc\0def")
    world.put("picture.txt", make_picture())
    world.put("cut.txt.gz", gzip.compress(b"hello" * 100)[:-12])
    world.put("bomb.txt.gz", gzip.compress(b"x" * 50_000))
    batch = land(world, DocumentsParams(most_bytes=10_000))
    reasons = rejects(batch)
    unknown = reasons.pop("folder:mine/latin1.txt")
    assert unknown.startswith("in no encoding for certain: cp1252 0.")
    assert reasons == {
        "folder:mine/blank.txt": "the file holds nothing but white space",
        "folder:mine/bomb.txt.gz": "holds more than 10000 bytes",
        "folder:mine/cut.txt.gz": "the gzip file is cut off",
        "folder:mine/empty.txt": "the file is empty",
        "folder:mine/nul.txt": "not text: NUL at byte 3",
        "folder:mine/picture.txt": "not text: its first bytes are those of image/png",
    }
    good = batch.filter(pc.is_null(batch.column("_reject")))
    assert good.column("content").to_pylist() == ["hello\n"]
    assert batch.column("sample_id").null_count == 0


def test_latin1_lands_where_the_language_says_so(world):
    text = "Schöne Grüße aus der Mühle"
    world.put("a.txt", text.encode("latin-1"))
    row = land(world, language="de").to_pylist()[0]
    assert (row["content"], row["encoding"], row["encoding_method"]) == (text, "cp1252", "detected")
    assert 0.95 <= row["encoding_confidence"] <= 1
    assert (row["replaced"], row["encoding_note"]) == (0, None)


def test_a_declaration_that_is_none_is_noted_and_a_stray_byte_counted(world):
    world.put("a.py", b"# -*- coding: undefined -*-\n# " + "Größe und Länge, kürzer ".encode() * 9 + b"\xa9\n")
    row = land(world, modality="code").to_pylist()[0]
    assert (row["encoding"], row["replaced"]) == ("utf-8", 1)
    assert "undefined" in row["encoding_note"]


def test_gzip_is_opened(world):
    world.put("a.txt.gz", gzip.compress(b"hello"))
    row = land(world).to_pylist()[0]
    assert (row["content"], row["media_type"]) == ("hello", "text/plain")


def test_what_changed_or_went_since_it_was_listed_is_rejected(world, rejects):
    world.put("changed.txt", "old")
    world.put("gone.txt", "x")
    listed = world.good()
    world.put("changed.txt", "new")
    (world.folder / "gone.txt").unlink()
    assert rejects(together(documents(listed, DocumentsParams()))) == {
        "folder:mine/changed.txt": "the file changed since it was listed",
        "folder:mine/gone.txt": "the file is gone since it was listed",
    }


def test_a_source_whose_folder_is_gone_fails_the_flow(world):
    world.put("d/a file.txt", "x")
    world.put("d/b.txt", "x")
    listed = world.good()
    world.folder.rename(world.root / "moved")
    first = world.folder / "d" / "a file.txt"
    with pytest.raises(FlowError, match=f"{first} cannot be read: the folder {world.folder} of mine is gone") as raised:
        together(documents(listed, DocumentsParams()))
    assert "mixlake run --full bronze.sources" in raised.value.hint


def test_a_file_of_several_documents_is_cut(world):
    world.put("poems", "one\n%\ntwo\nlines % here\n%\n\n%\nthree")
    world.put("single", "all")
    batch = land(world, split="%")
    rows = batch.to_pylist()
    assert [row["content"] for row in rows] == ["one\n", "two\nlines % here\n", "three", "all"]
    parents = dict(
        zip(world.good().column("uri").to_pylist(), world.good().column("sample_id").to_pylist(), strict=True)
    )
    assert {row["parent_ids"][0] for row in rows[:3]} == {parents["folder:mine/poems"]}
    assert [row["uri"] for row in rows] == [f"folder:mine/poems#{n}" for n in (0, 1, 3)] + ["folder:mine/single#0"]
    assert len({row["sample_id"] for row in rows}) == 4
    import pyarrow as pa

    ids = derived_ids(pa.array([parents["folder:mine/poems"]]), FLOW, pa.array([3], pa.int32()))
    assert rows[2]["sample_id"] == ids[0].as_py()


@pytest.mark.parametrize("size", [1, 2, 3])
def test_rows_do_not_depend_on_batches(world, size):
    for number in range(5):
        world.put(f"{number}.txt", f"a{number}\n%\nb{number}")
    listed = world.good(split="%")
    whole = together(documents(listed, DocumentsParams())).to_pylist()
    slices = [listed.slice(at, size) for at in range(0, len(listed), size)]
    parts = [together(documents(part, DocumentsParams())).to_pylist() for part in slices]
    assert [row for part in parts for row in part] == whole


def test_large_files_are_worked_on_a_few_at_a_time(world, monkeypatch):
    for number, size in enumerate((10, 10, 30, 1, 1, 1)):
        world.put(f"{number}.txt", "x" * size)
    listed = world.good()
    monkeypatch.setattr(original_file, "_TOGETHER", 20)
    found = list(documents(listed, DocumentsParams()))
    assert [part.num_rows for part in found] == [2, 1, 3]
    assert together(found).column("uri").to_pylist() == listed.column("uri").to_pylist()
    assert not list(documents(listed.slice(0, 0), DocumentsParams()))


def test_its_rows_lead_back_to_files():
    assert flow_of(documents).source_key_sql == "coalesce(get(parent_ids, 0), sample_id)"
    assert flow_of(documents).id == FLOW


def test_pdf_manual_pages_and_catalogues_land_as_their_text(world):
    world.put("a.pdf", pdf([(72, 700, "A page"), (72, 600, "More")], title="Title", language="fr"))
    world.put("man1/frob.1.gz", gzip.compress(b".TH FROB 1\n.SH NAME\nfrob \\- frobnicate\n"))
    world.put("man1/other.1", b".so man1/frob.1\n")
    world.put("notes.2", b"Second notes.\n")
    world.put("po/de.po", 'msgid ""\nmsgstr "Language: de\\n"\n\nmsgid "Open"\nmsgstr "Öffnen"\n')
    rows = {row["uri"].partition("/")[2]: row for row in land(world, language="und").to_pylist()}
    said = {name: (row["content"], row["title"], row["language_hint"], row["_reject"]) for name, row in rows.items()}
    assert said == {
        "a.pdf": ("A page\n\nMore", "Title", "fr", None),
        "man1/frob.1.gz": ("NAME\n\nfrob - frobnicate", "FROB(1)", "und", None),
        "man1/other.1": (None, None, "und", "a link to the page man1/frob.1"),
        "notes.2": ("Second notes.\n", None, "und", None),
        "po/de.po": ("Öffnen", None, "de", None),
    }
    assert rows["a.pdf"]["encoding_method"] == "extracted"
    assert rows["man1/frob.1.gz"]["media_type"] == "text/troff"


def test_scanned_pages_are_rejected_beside_the_pages_that_land(world, rejects):
    world.put("scan.pdf", scan())
    world.put("mixed.pdf", joined(pdf([(72, 700, "A page")]), scan()))
    batch = land(world)
    words = "a picture without text, which must be recognised (OCR) first"
    assert rejects(batch) == {
        "folder:mine/mixed.pdf": f"scanned: page 2: {words}",
        "folder:mine/scan.pdf": f"scanned: page 1: {words}",
    }
    assert [row["content"] for row in batch.to_pylist() if row["_reject"] is None] == ["A page"]


def test_code_keeps_catalogues_and_manual_pages_as_they_are(world):
    world.put("frob.1", b".TH FROB 1\n.SH NAME\nfrob\n")
    world.put("de.po", 'msgid "Open"\nmsgstr "Auf"\n')
    contents = [row["content"] for row in land(world, modality="code").to_pylist()]
    assert contents == ['msgid "Open"\nmsgstr "Auf"\n', ".TH FROB 1\n.SH NAME\nfrob\n"]
