from __future__ import annotations

import io
import tarfile
import zipfile

import pytest

from jobs.acquire.connectors.base import SourceSkippedError
from jobs.acquire.connectors.unpack import UnpackLimits, inside, unpack_tar, unpack_zip


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
