"""Pictures of each format, whole, cut and damaged: landed, or refused."""

from __future__ import annotations

import pytest

from jobs.acquire.file_guard import RejectedError
from jobs.acquire.pictures.decode import whole
from tests.jobs.acquire.planted_media import Planted, photo, pictures, saved

PLANTED = list(pictures())
MOST = 1_000_000


@pytest.mark.parametrize("planted", PLANTED, ids=[one.name for one in PLANTED])
def test_a_picture_is_whole_or_refused(planted: Planted) -> None:
    if planted.lands:
        picture, frames = whole(planted.data, MOST)
        assert picture.size == (120, 90)
        assert frames == (3 if "animated" in planted.name or "pages" in planted.name else 1)
        return
    with pytest.raises(RejectedError):
        whole(planted.data, MOST)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("one bit at 100.png", "damaged: the checksum of the chunk 'IDAT'"),
        ("rows missing.png", "not a whole picture: 21660 of 32490 bytes of pixels are there"),
        ("cut at 0.6 and ended.jpg", "not a whole picture: Corrupt JPEG data: premature end of data segment"),
        ("scans missing.jpg", "not a whole picture: scans of it are missing"),
        ("no end.jpg", "not a whole picture: cut off before its end marker"),
        ("no trailer.gif", "not a whole picture: cut off after 1 frames, before its trailer"),
        ("cut at 0.6.tif", "not a whole picture: "),
    ],
)
def test_the_reason_is_true(name: str, reason: str) -> None:
    (planted,) = [one for one in PLANTED if one.name == name]
    with pytest.raises(RejectedError) as refused:
        whole(planted.data, MOST)
    assert str(refused.value).startswith(reason)


def test_further_frames_are_decoded_as_far_as_the_limit_goes() -> None:
    data = saved("GIF", photo().quantize(16), save_all=True, append_images=[photo(n).quantize(16) for n in range(1, 9)])
    assert whole(data, 120 * 90)[1] == 9
    with pytest.raises(RejectedError, match=r"^120 x 90 px, more than 10799 in all"):
        whole(data, 120 * 90 - 1)


def test_a_jpeg_of_endless_scans_is_refused_before_it_is_decoded() -> None:
    data = saved("JPEG", progressive=True)
    at = data.rindex(b"\xff\xda")
    with pytest.raises(RejectedError, match="more than 200 scans"):
        whole(data[:at] + data[at:-2] * 300 + b"\xff\xd9", MOST)
