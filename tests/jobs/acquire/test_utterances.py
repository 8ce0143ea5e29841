from __future__ import annotations

import shutil

import pytest

from jobs.acquire.utterances import UtterancesParams, utterances
from lakehouse.errors import FlowError
from schemas.utterances import landed_utterances as table
from tests.jobs.acquire.landed import together


@pytest.fixture
def land(world):
    def run(params=None):
        listed = world.good(modality="speech", language="en", exclude=["*.txt"], neighbour={"format": "plain"})
        return together(utterances(listed, params or UtterancesParams()))

    return run


@pytest.mark.parametrize(
    ("kind", "subtype", "stated"),
    [("OGG", "VORBIS", "OGG/VORBIS"), ("FLAC", "PCM_16", "FLAC/PCM_16"), ("WAV", "PCM_16", "WAV/PCM_16")],
)
def test_a_recording_lands_as_received(world, land, make_recording, kind, subtype, stated):
    data = make_recording(kind, 0.75, 22050, subtype)
    world.put(f"a.{kind.lower()}", data)
    world.put("a.txt", "hello world\n")
    row = land().to_pylist()[0]
    assert row["_reject"] is None
    assert (row["format"], row["sample_rate"], row["channels"]) == (stated, 22050, 1)
    assert row["duration"] == pytest.approx(0.75, abs=0.01)
    assert (row["transcript"], row["language"], row["audio"]) == ("hello world", "en", data)
    assert all(row[name] is not None for name in table.required)


def test_what_is_no_recording_is_rejected(world, land, make_recording, rejects):
    whole = make_recording("OGG", 3.0)
    for name, data in (
        ("empty.ogg", b""),
        ("text.ogg", b"this is no recording at all"),
        ("silent.wav", make_recording("WAV", 0.0)),
        ("long.wav", make_recording("WAV", 3.0)),
        ("head.ogg", whole[:60]),
        ("good.wav", make_recording("WAV", 0.5)),
    ):
        world.put(name, data)
        world.put(f"{name[:-4]}.txt", "words")
    found = rejects(land(UtterancesParams(longest=2.0)))
    assert set(found) == {
        f"folder:mine/{name}" for name in ("empty.ogg", "text.ogg", "silent.wav", "long.wav", "head.ogg")
    }
    assert found["folder:mine/empty.ogg"] == "the file is empty"
    assert found["folder:mine/silent.wav"] == "the recording has no sound"
    assert found["folder:mine/long.wav"] == "3.0 s, longer than 2 s"
    assert found["folder:mine/text.ogg"].startswith("not a recording: ")


def test_equal_recordings_share_content_and_not_identity(world, land, make_recording):
    for name in ("a", "b"):
        world.put(f"{name}.flac", make_recording("FLAC"))
        world.put(f"{name}.txt", name)
    rows = land().to_pylist()
    assert rows[0]["content_id"] == rows[1]["content_id"]
    assert rows[0]["sample_id"] != rows[1]["sample_id"]


def test_a_changed_recording_is_rejected(world, make_recording, rejects):
    world.put("a.wav", make_recording("WAV"))
    world.put("a.txt", "words")
    listed = world.good(modality="speech", language="en", exclude=["*.txt"], neighbour={"format": "plain"})
    world.put("a.wav", make_recording("WAV", 1.0))
    assert list(rejects(together(utterances(listed, UtterancesParams()))).values()) == [
        "the file changed since it was listed"
    ]


def test_a_source_whose_folder_is_gone_fails_the_flow(world, make_recording):
    world.put("a.wav", make_recording("WAV"))
    world.put("a.txt", "words")
    listed = world.good(modality="speech", language="en", exclude=["*.txt"], neighbour={"format": "plain"})
    shutil.rmtree(world.folder)
    with pytest.raises(FlowError, match=r"a\.wav cannot be read: the folder"):
        together(utterances(listed, UtterancesParams()))
