"""Continuous inputs and pairs of a batch."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest

from lakehouse.errors import LakeError
from schemas.features import HOP, IMAGE, PATCH, SAMPLE_RATE, SPEECH, image_positions, speech_positions
from schemas.mixture import sequences
from trainer.loader import PackedLoader
from trainer.loader.decode.decoders import decode
from trainer.loader.decode.media_range import MediaRange

LENGTH = 64


def flac(samples: int, seed: int) -> bytes:
    import soundfile

    out = io.BytesIO()
    wave = np.random.default_rng(seed).normal(0, 0.1, samples)
    soundfile.write(out, wave, SAMPLE_RATE, format="FLAC")
    return out.getvalue()


def png(width: int, height: int, seed: int) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


class Shelf:
    def __init__(self):
        self.media = {f"clip{i}": flac(HOP * 40 + i, i) for i in range(4)}
        self.media |= {f"photo{i}": png(PATCH * 2, PATCH * (1 + i), i) for i in range(4)}

    def read(self, media_id):
        if media_id not in self.media:
            raise LakeError(f"medium {media_id} has no address in this release", "rebuild")
        return self.media[media_id]


@pytest.fixture(scope="module")
def shelf():
    return Shelf()


def media_row(lake, position, *, skew=0):
    """A row with a clip, a picture of 2 x (1 + position) patches, and text; the two are a pair."""
    samples = HOP * 40 + position
    n, m = speech_positions(samples), image_positions(PATCH * 2, PATCH * (1 + position))
    segments = [
        lake.segment("t0", 0, 1, "speech"),
        lake.segment(
            "t0",
            1,
            1 + n + skew,
            "speech",
            "input",
            feature_spec=SPEECH.as_dict(),
            media_id=f"clip{position}",
            media_begin=0,
            media_end=samples,
            time=1.5,
            camera=0,
        ),
        lake.segment("t0", 1 + n + skew, 20, "speech"),
        lake.segment(
            "p0",
            20,
            20 + m,
            "image",
            "input",
            feature_spec=IMAGE.as_dict(),
            media_id=f"photo{position}",
            media_begin=0,
            media_end=m,
            time=0.0,
            camera=2,
            columns=2,
        ),
        lake.segment("p0", 20 + m, 40, "image"),
    ]
    return lake.row(
        "cold",
        position,
        np.arange(LENGTH, dtype=np.int32),
        [0, 20, 40, LENGTH],
        segments,
        [{"begin": 30, "end": 40, "weight": 1.0}],
        n_tokens=40,
        pairs=[{"kind": "caption", "a": 19, "b": 39}] * (position % 2),
    )


@pytest.fixture
def shown(lake):
    rows = pa.Table.from_pylist([media_row(lake, position) for position in range(4)], schema=sequences.schema)
    lake.write(rows.slice(2))
    lake.write(rows.slice(0, 2))
    return lake


def open_loader(lake, media, **options):
    return PackedLoader(str(lake.root), lake.versions(), "cold", media=media, **options)


def test_vectors_stand_at_their_input_positions(shown, shelf):
    loader = open_loader(shown, shelf, global_batch=4, seed=3)
    (batch,) = loader
    assert set(batch.features) == {"speech", "image"}
    for name, spec in (("speech", SPEECH), ("image", IMAGE)):
        values, place, at = batch.features[name]
        begin = 0
        for row, position in enumerate(batch.positions.tolist()):
            segment = next(s for s in batch.segments[row].as_py() if s["role"] == "input" and s["modality"] == name)
            expected, where = decode(
                spec,
                shelf.read(segment["media_id"]),
                MediaRange(0, segment["media_end"], segment["columns"] or 0, segment["time"], segment["camera"]),
            )
            n = segment["end"] - segment["begin"]
            assert segment["media_id"].endswith(str(position))
            assert np.array_equal(values[begin : begin + n], expected)
            assert np.array_equal(place[begin : begin + n], where)
            assert at[begin : begin + n].tolist() == [row * LENGTH + i for i in range(segment["begin"], segment["end"])]
            begin += n
        assert begin == len(values)


def test_ranks_share_the_vectors(shown, shelf):
    whole = open_loader(shown, shelf, global_batch=4).step(0).features
    ranks = [open_loader(shown, shelf, global_batch=4, rank=rank, world=3).step(0) for rank in range(3)]
    for name in ("speech", "image"):
        found = sorted(len(rank.features[name].values) for rank in ranks if name in rank.features)
        assert sum(found) == len(whole[name].values)
        for r, rank in enumerate(ranks):
            values, _, at = rank.features[name]
            # Row i of rank r is row r + 3 i of the step.
            flat = (r + 3 * (at // LENGTH)) * LENGTH + at % LENGTH
            to = np.searchsorted(whole[name].at.numpy(), flat.numpy())
            assert np.array_equal(values, whole[name].values[to])


def test_pairs_are_flat_places_of_pool_tokens(shown, shelf):
    batch = open_loader(shown, shelf, global_batch=6).step(0)
    assert batch.pairs.kind == ["caption", "caption"]
    assert batch.pairs.a.tolist() == [LENGTH + 19, 3 * LENGTH + 19]
    assert batch.pairs.b.tolist() == [LENGTH + 39, 3 * LENGTH + 39]


def test_without_features_no_medium_is_read(shown):
    batch = open_loader(shown, None, features=False).step(0)
    assert batch.features == {}
    assert "gold.media_addresses" not in shown.versions()


def test_media_come_from_the_release_by_default(shown):
    from lakehouse.errors import ReleaseError

    with pytest.raises(ReleaseError, match=r"gold\.media_addresses"):
        open_loader(shown, None).step(0)


def test_a_missing_medium_names_row_and_medium(shown):
    shelf = Shelf()
    del shelf.media["photo2"]
    loader = open_loader(shown, shelf, global_batch=1)
    batches = iter(loader)
    assert [next(batches).positions.item() for _ in range(2)] == [0, 1]
    with pytest.raises(LakeError, match=r"position 2, medium photo2.*no address"):
        next(batches)
    assert loader.position == 2


def test_a_damaged_medium_names_row_and_medium(shown):
    shelf = Shelf()
    shelf.media["clip1"] = shelf.media["clip1"][:50]
    with pytest.raises(LakeError, match="position 1, medium clip1"):
        list(open_loader(shown, shelf, global_batch=4))


def test_another_number_of_vectors_than_positions_is_refused(lake, shelf):
    lake.write(pa.Table.from_pylist([media_row(lake, 0, skew=1)], schema=sequences.schema))
    with pytest.raises(LakeError, match=r"position 0, medium clip0: 5 vectors .* for 6 input positions"):
        list(open_loader(lake, shelf, global_batch=1))
