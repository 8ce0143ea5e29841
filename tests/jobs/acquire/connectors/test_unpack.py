from __future__ import annotations

import io
import tarfile
import zipfile

import pytest

from jobs.acquire.connectors.base import SourceSkippedError
from jobs.acquire.connectors.unpack import UnpackLimits, inside, unpack_tar, unpack_zip
from tests.jobs.acquire.planted_media import mutated


def tar(*members, mode="w:gz"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.mtime = 1_000_000_000
            if isinstance(content, tarfile.TarInfo):
                content.name = name
                archive.addfile(content)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return io.BytesIO(out.getvalue())


def link(target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo("")
    info.type, info.linkname = kind, target
    return info


@pytest.fixture
def into(tmp_path):
    place = tmp_path / "a" / "into"
    place.mkdir(parents=True)
    return place


def names(place):
    return sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if not path.is_dir())


def test_tar_members_stay_inside(into):
    unpack_tar(tar(("x/ok", b"1"), ("../out", b"2"), ("x/../../../out2", b"3"), ("/abs/olute", b"4")), into)
    assert names(into.parent.parent) == ["a/into/abs/olute", "a/into/x/ok"]


def test_tar_links_that_leave_and_devices_are_left_out(into):
    fifo = tarfile.TarInfo()
    fifo.type = tarfile.FIFOTYPE
    unpack_tar(
        tar(
            ("ok", b"1"),
            ("inner", link("ok")),
            ("leaves", link("../../secret")),
            ("absolute", link("/etc/passwd")),
            ("hard", link("../../secret", tarfile.LNKTYPE)),
            ("pipe", fifo),
        ),
        into,
    )
    assert names(into) == ["inner", "ok"]


def test_tar_does_not_write_through_a_link_that_it_made(into):
    unpack_tar(tar(("d", link("/tmp")), ("d/file", b"1")), into)
    assert (into / "d" / "file").resolve().is_relative_to(into.resolve())


def test_tar_keeps_times_so_that_listings_repeat(into):
    unpack_tar(tar(("f", b"1")), into)
    assert (into / "f").stat().st_mtime == 1_000_000_000


@pytest.mark.parametrize("limits", [UnpackLimits(total=1000), UnpackLimits(file=1000), UnpackLimits(members=1)])
def test_tar_larger_than_the_limits_is_refused(into, limits):
    with pytest.raises(SourceSkippedError, match="larger"):
        unpack_tar(tar(("a", b"x" * 900), ("b", b"x" * 1100)), into, limits)


@pytest.mark.parametrize("data", [b"", b"no archive at all" * 100, tar(("f", bytes(range(256)) * 99)).getvalue()[:200]])
def test_damaged_tar_is_told(into, data):
    with pytest.raises(SourceSkippedError, match="damaged"):
        unpack_tar(io.BytesIO(data), into)


def test_zip_members_stay_inside(tmp_path, into):
    path = tmp_path / "x.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("x/ok.txt", "../out", "/abs", "a\\..\\..\\out", "C:/windows"):
            archive.writestr(name, "1")
        stranger = zipfile.ZipInfo("link")
        stranger.external_attr = 0o120777 << 16
        archive.writestr(stranger, "/etc/passwd")
    unpack_zip(path, into)
    assert names(tmp_path) == ["a/into/x/ok.txt", "x.whl"]


def test_zip_bomb_is_refused(tmp_path, into):
    path = tmp_path / "x.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", b"\0" * (4 << 20))
    with pytest.raises(SourceSkippedError, match="bomb"):
        unpack_zip(path, into, UnpackLimits(ratio=100))


def test_damaged_zip_is_told(tmp_path, into):
    path = tmp_path / "x.whl"
    path.write_bytes(b"PK\x03\x04" + b"\0" * 100)
    with pytest.raises(SourceSkippedError, match="damaged"):
        unpack_zip(path, into)


@pytest.mark.parametrize("name", ["", "..", "../x", "a/../../x", "/x", "a\0b", "C:x"])
def test_inside_refuses(tmp_path, name):
    assert inside(tmp_path, name) is None


def odd_zip(path, dates=(), damaged=(), encrypted=()):
    """A zip of five members, some with impossible dates, wrong bytes, or marked as encrypted."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("a", "b", "c", "d", "e"):
            archive.writestr(zipfile.ZipInfo(name), name.encode() * 99)
    data = bytearray(out.getvalue())
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        at = archive.start_dir
        for info in archive.infolist():
            local = info.header_offset
            if info.filename in dates:
                word = dates[info.filename].to_bytes(2, "little")
                data[local + 12 : local + 14] = data[at + 14 : at + 16] = word
            if info.filename in damaged:
                data[local + 31 + 5] ^= 0xFF
            if info.filename in encrypted:
                data[local + 6] |= 1
                data[at + 8] |= 1
            at += 46 + len(info.filename)
    path.write_bytes(data)
    return path


def test_members_with_dates_that_no_calendar_has_are_unpacked(into, tmp_path):
    # DOS dates: 0; day 0; month 15; 30 February; one that is right.
    dates = {"a": 0, "b": 5 << 5, "c": 15 << 5 | 1, "d": 2 << 5 | 30, "e": 20 << 9 | 3 << 5 | 7}
    refused = []
    unpack_zip(odd_zip(tmp_path / "x.whl", dates), into, refused=refused)
    assert names(into) == ["a", "b", "c", "d", "e"]
    assert not refused
    times = {name: int((into / name).stat().st_mtime) for name in "abcde"}
    assert times == {**dict.fromkeys("abcd", 315532800), "e": 952387200}


def test_a_bad_member_leaves_out_itself_alone(into, tmp_path):
    refused = []
    unpack_zip(odd_zip(tmp_path / "x.whl", damaged=("b",), encrypted=("d",)), into, refused=refused)
    assert names(into) == ["a", "c", "e"]
    assert [text.split(":", 1)[0] for text in refused] == ["'b'", "'d'"]
    assert "Bad CRC-32" in refused[0]
    assert "encrypted" in refused[1]


@pytest.mark.parametrize("when", [float("nan"), float("inf"), -1e30, 1e30])
def test_times_that_no_file_system_stores_are_replaced(into, when):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("a", "b"):
            info = tarfile.TarInfo(name)
            info.size = 1
            info.pax_headers = {"mtime": str(when)} if name == "a" else {}
            archive.addfile(info, io.BytesIO(b"x"))
    refused = []
    unpack_tar(io.BytesIO(out.getvalue()), into, refused=refused)
    assert names(into) == ["a", "b"]
    assert not refused


def test_a_name_that_is_a_file_and_a_folder_is_left_out(into):
    refused = []
    unpack_tar(tar(("a", b"1"), ("a/b", b"2"), ("c" * 400, b"3"), ("d", b"4")), into, refused=refused)
    assert names(into) == ["a", "d"]
    assert len(refused) == 2


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_damaged_archive_is_unpacked_in_part_or_skipped(tmp_path, kind):
    """Whatever its bytes are, it raises nothing but the one error that leaves out a source."""
    whole = tar(*((name, name.encode() * 200) for name in "abcdef")).getvalue()
    if kind == "zip":
        whole = odd_zip(tmp_path / "whole.zip").read_bytes()
    skipped = 0
    for seed in range(150):
        into = tmp_path / str(seed)
        into.mkdir()
        data = mutated(whole, seed)
        try:
            if kind == "tar":
                unpack_tar(io.BytesIO(data), into)
            else:
                path = tmp_path / f"{seed}.zip"
                path.write_bytes(data)
                unpack_zip(path, into)
        except SourceSkippedError:
            skipped += 1
    assert skipped > 0
