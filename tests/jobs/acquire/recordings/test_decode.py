"""Recordings of each container, whole, cut, chained, joined and damaged: landed with their true length, or refused."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from jobs.acquire.file_guard import RejectedError
from jobs.acquire.recordings.decode import inspect, samples
from tests.jobs.acquire.planted_media import SOUNDS, Planted, flac_with, recordings, sound

PLANTED = list(recordings())


@pytest.mark.parametrize("planted", PLANTED, ids=[one.name for one in PLANTED])
def test_a_recording_is_whole_or_refused(planted: Planted) -> None:
    if not planted.lands:
        with pytest.raises(RejectedError):
            inspect(planted.data, 60.0)
        return
    found = inspect(planted.data, 60.0)
    assert found.samples / found.rate == pytest.approx(planted.seconds, abs=0.1)
    wave, rate = samples(planted.data, 60.0)
    assert (len(wave), rate) == (found.samples, found.rate)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("cut at 0.6.wav", "cut off: 25"),
        ("cut at 0.6.ogg", "cut off: page"),
        ("no end.ogg", "cut off: the stream's last page, which bears the end-of-stream flag, is missing"),
        ("a page missing.ogg", "damaged: page "),
        ("one bit.ogg", "damaged: the checksum of page"),
        ("joined.wav", "more than one recording"),
        ("joined.flac", "more than one recording"),
        ("other samples.flac", "damaged: the sound is not the one whose MD5 its header states"),
        ("garbage between.mp3", "damaged: "),
        ("a video.m4a", "MPEG-4 (M4A), which libsndfile does not read"),
    ],
)
def test_the_reason_is_true(name: str, reason: str) -> None:
    (planted,) = [one for one in PLANTED if one.name == name]
    with pytest.raises(RejectedError) as refused:
        inspect(planted.data, 60.0)
    assert str(refused.value).startswith(reason)


def test_a_length_that_nothing_states_is_no_stated_length() -> None:
    open_ended = {one.name: inspect(one.data, 60.0) for one in PLANTED if one.lands and "size" in one.name}
    assert {found.declared for found in open_ended.values()} == {None}
    assert inspect(sound("WAV"), 60.0).declared == 2.0


def test_what_is_too_long_is_refused_by_its_length() -> None:
    data = sound("FLAC", "PCM_16")
    with pytest.raises(RejectedError, match=r"^2\.0 s, longer than 1 s$"):
        inspect(data, 1.0)
    with pytest.raises(RejectedError, match=r"^longer than 1 s$"):
        inspect(flac_with(data, 0, bytes(16)), 1.0)


def test_two_streams_of_unlike_sound_are_refused() -> None:
    import io

    import soundfile

    out = io.BytesIO()
    soundfile.write(out, np.zeros((8000, 2)), 8000, format="OGG", subtype="VORBIS")
    with pytest.raises(
        RejectedError, match=r"^several streams of unlike sound: 1 channels at 16000 Hz, then 2 at 8000"
    ):
        inspect(sound(*SOUNDS["ogg"]) + out.getvalue(), 60.0)


def test_what_would_fill_the_memory_is_refused_before_it_does() -> None:
    header = b"RIFF" + struct.pack("<I", 36) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1000, 16000, 0, 2000, 16)
    with pytest.raises(RejectedError, match=r"1000 channels|not a recording"):
        inspect(header + b"data" + struct.pack("<I", 4000) + bytes(4000), 60.0)
