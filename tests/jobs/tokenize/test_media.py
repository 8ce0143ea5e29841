from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from jobs.tokenize.images import ImageTokenParams, tokenize_images
from jobs.tokenize.media import MediaParams, chosen
from jobs.tokenize.utterances import tokenize_utterances
from jobs.tokenize.vocabulary import load_vocabulary
from schemas.features import IMAGE, SPEECH, image_positions, speech_positions

WORDS = load_vocabulary()


def ids_of(row: dict) -> list[int]:
    return np.frombuffer(row["tokens"], "<i4").tolist()


def utterances(lineage, samples: list[int], text: str, relations: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        lineage(len(samples))
        | {
            "n_samples": pa.array(samples, pa.int64()),
            "transcript": [text] * len(samples),
            "relation": relations,
        }
    )


def test_speech_holds_its_positions_then_its_transcript_or_caption(ranks, lineage):
    samples, relations = [1, 1280, 1281, 40_000], ["verbatim", "caption", "verbatim", "title"]
    marks = ["<|transcript|>", "<|caption|>", "<|transcript|>", "<|caption|>"]
    rows = tokenize_utterances(
        utterances(lineage, samples, "a", relations), MediaParams(ranks=ranks, aligned=0)
    ).to_pylist()
    for row, n, mark in zip(rows, samples, marks, strict=True):
        positions = speech_positions(n)
        assert ids_of(row) == [
            WORDS.id("<|speech|>"),
            *[WORDS.id("<|speech-feature|>")] * positions,
            WORDS.id("<|/speech|>"),
            WORDS.id(mark),
            ord("a"),
            WORDS.id("<|endoftext|>"),
        ]
        assert row["media"] == [
            {
                "begin": 1, "end": 1 + positions, "modality": "speech", "media_id": row["sample_id"],
                "media_begin": 0, "media_end": n, "columns": None, "feature_spec": SPEECH.as_dict(),
            }
        ]  # fmt: skip


def test_an_aligned_pair_is_two_documents_that_end_in_a_pool_token(ranks, lineage):
    batch = utterances(lineage, [2000], "ab", ["verbatim"])
    row = tokenize_utterances(batch, MediaParams(ranks=ranks, aligned=1)).to_pylist()[0]
    ids = ids_of(row)
    assert row["parts"] == [5, 9]
    assert [ids[end - 1] for end in row["parts"]] == [WORDS.id("<|pool|>")] * 2
    assert WORDS.id("<|endoftext|>") not in ids


def pictures(lineage, captions: list, sizes: list[tuple[int, int]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        lineage(len(sizes))
        | {
            "width": pa.array([w for w, _ in sizes], pa.int32()),
            "height": pa.array([h for _, h in sizes], pa.int32()),
            "captions": pa.array(captions, pa.map_(pa.string(), pa.string())),
        }
    )


def test_a_picture_holds_its_patches_then_one_caption(ranks, lineage):
    batch = pictures(lineage, [[("en", "dog"), ("fr", "chien")]], [(96, 64)])
    row = tokenize_images(batch, ImageTokenParams(ranks=ranks, aligned=0)).to_pylist()[0]
    assert image_positions(96, 64) == 6
    assert ids_of(row)[:9] == [
        WORDS.id("<|image|>"),
        *[WORDS.id("<|image-feature|>")] * 6,
        WORDS.id("<|/image|>"),
        WORDS.id("<|caption|>"),
    ]
    assert bytes(ids_of(row)[9:-1]) == b"dog"
    assert row["media"][0]["columns"] == 3
    assert row["media"][0]["media_end"] == 6
    assert row["media"][0]["feature_spec"] == IMAGE.as_dict()


def test_captions_are_shared_out_among_the_declared_languages(ranks, lineage):
    both = [("en", "e"), ("zh_CN", "z"), ("zh_TW", "t"), ("fr", "f")]
    made = tokenize_images(pictures(lineage, [both] * 600, [(32, 32)] * 600), ImageTokenParams(ranks=ranks, aligned=0))
    texts = [chr(ids_of(row)[4]) for row in made.to_pylist()]
    share = {letter: texts.count(letter) / 600 for letter in "eztf"}
    assert share["f"] == 0
    assert share["e"] == pytest.approx(0.5, abs=0.08)
    assert share["z"] == pytest.approx(0.25, abs=0.08)


def test_a_picture_of_another_language_keeps_its_caption_and_a_mute_one_is_rejected(ranks, lineage):
    batch = pictures(lineage, [[("fr", "c")], [("en", "  ")], [("en", "x")]], [(32, 32), (32, 32), (33, 32)])
    made = tokenize_images(batch, ImageTokenParams(ranks=ranks, aligned=0))
    assert made.column("_reject").to_pylist() == [None, "has no caption", "is not made of 32 px patches"]
    assert chr(ids_of(made.to_pylist()[0])[4]) == "c"


def test_a_share_is_picked_by_hash_whatever_the_batch():
    ids = pa.array([f"{i:032x}" for i in range(4000)])
    picked = chosen(ids, 1, "aligned/image", 0.25)
    assert picked.mean() == pytest.approx(0.25, abs=0.03)
    assert (chosen(ids[1000:1100], 1, "aligned/image", 0.25) == picked[1000:1100]).all()
    assert (chosen(ids, 2, "aligned/image", 0.25) != picked).any()
    assert chosen(ids, 1, "x", 1.0).all()
    assert not chosen(ids, 1, "x", 0.0).any()


def test_a_share_beyond_one_is_refused():
    with pytest.raises(ValueError, match="no probability"):
        MediaParams(aligned=1.5)
