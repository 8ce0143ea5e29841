from __future__ import annotations

import pytest

from jobs.report.media import LARGEST, kind_of, medium
from tests.jobs.report.conftest import png, sound


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (png(2, 2), "image/png"),
        (sound(), "audio/wav"),
        (b"fLaC....", "audio/flac"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF....WEBPVP8 ", "image/webp"),
        (b"\0\0\0\x20ftypisom", "video/mp4"),
        (b"<svg onload='x'>", ""),
        (b"", ""),
    ],
)
def test_a_medium_is_known_by_its_first_bytes(content, kind):
    assert kind_of(content) == kind


def test_what_browsers_do_not_show_is_named():
    assert "browsers do not show" in medium(b"<svg onload='x'>", "a")
    assert medium(b"<svg>", "a").startswith("<p")


def test_a_large_medium_is_left_out():
    assert "too large" in medium(b"fLaC" + b"\0" * LARGEST, "a")


def test_moving_pictures_and_sound_have_controls():
    assert medium(b"\0\0\0\x20ftypisom", "a clip").startswith('<video src="data:video/mp4;base64,')
    assert " controls " in medium(sound(), "a clip")
