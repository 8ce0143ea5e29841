from __future__ import annotations

import io
import json
import tarfile

import pytest

from jobs.acquire.file_guard import RejectedError
from jobs.acquire.records.declaration import Records
from jobs.acquire.records.webdataset import read
from tests.jobs.acquire.records.made import tar


def samples(data, modality="text", **said):
    declared = Records(**said).resolved("a.tar", modality)
    return [(r.number, r.place, r.problem or dict(r.values)) for r in read(io.BytesIO(data), declared)]


def test_members_of_one_name_are_one_sample_and_others_are_left_out():
    data = tar(
        [("x/1", {"txt": b"one", "JPG": b"jpg", "cls": b"3"}), ("x/2.a", {"txt": b"two"}), ("x/3", {"txt": b"3"})]
    )
    assert samples(data, "image") == [
        (1, "sample x/1", {"__key__": "x/1", "txt": b"one", "jpg": b"jpg"}),
        (2, "sample x/2", {"__key__": "x/2"}),  # its only member ends in .a.txt
        (3, "sample x/3", {"__key__": "x/3", "txt": b"3"}),
    ]


def test_a_field_leads_into_a_member_of_json():
    data = tar([("1", {"json": json.dumps({"caption": "A dog"}).encode()}), ("2", {"json": b"{"})])
    first, second = samples(data, text="json.caption")
    assert first[2]["json"] == {"caption": "A dog"}
    assert second[2].startswith("its member .json is not JSON")


def test_repeated_and_large_members_are_problems_of_their_sample():
    twice = [("1", {"txt": b"one"}), ("1", {"txt": b"two"}), ("2", {"txt": b"x" * 200}), ("3", {"txt": b"ok"})]
    assert [said for _, _, said in samples(tar(twice), max_bytes=100)] == [
        "it has two members .txt",
        "its members have more than 100 bytes",
        {"__key__": "3", "txt": b"ok"},
    ]


def test_links_and_devices_are_no_members():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        link = tarfile.TarInfo("1.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert samples(out.getvalue()) == []


def test_an_extended_header_of_any_size_is_not_read_into_memory():
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 1 << 32
    with pytest.raises(RejectedError, match="a header of 4294967296 bytes"):
        samples(info.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 16))


def test_a_damaged_header_costs_its_member_alone():
    data = tar([(str(n), {"txt": b"text %d" % n}) for n in range(4)])
    at = data.index(b"1.txt")
    found = samples(data[:at] + b"?" + data[at + 1 :])
    assert [said if isinstance(said, str) else said["txt"] for _, _, said in found] == [
        b"text 0",
        f"a header is damaged: at byte {at}, bad checksum",
        b"text 2",
        b"text 3",
    ]
    assert len({number for number, _, _ in found}) == 4
    cut = samples(data[: at + 100])
    assert cut[-1] == (2, "the end", f"a header is damaged: at byte {at}, truncated header")
