"""A medium and the words that go with it, as one document or as an aligned pair of two.

One document: begin mark, placeholders, end mark, words mark, words, end of document: the words are learnt
given the medium. A pair: the medium's document and the words' document, each ending in the pool id, whose
vectors a contrastive loss draws together; as attention never crosses a document, neither sees the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from jobs.chance import evaluate, keyed, threshold
from jobs.tokenize.encoding import encode_column
from jobs.tokenize.ragged import Ragged, join
from jobs.tokenize.rows import TokenParams, token_rows
from jobs.tokenize.vocabulary import END, POOL, Vocabulary, load_vocabulary
from schemas.features import FEATURE_SPEC, FeatureSpec
from schemas.samples import MEDIUM


@dataclass(frozen=True, slots=True)
class MediaParams(TokenParams):
    """How media are tokenised.

    Args:
        aligned: Share of samples, by keyed hash, that become an aligned pair.
        seed: Seed of that choice and of others by name.
    """

    aligned: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a share that is no probability."""
        threshold(self.aligned)


@dataclass(frozen=True, slots=True)
class Media:
    """n media and how they become positions.

    Args:
        modality: "speech" or "image"; names the marks and the placeholder.
        words: string [n], "transcript" or "caption"; names the mark of the words: a text that is not what is spoken
            is never learnt as if it were.
        spec: How a medium becomes vectors.
        positions: int64 [n], input positions.
        extent: int64 [n], samples or patches of the whole medium.
        columns: int32 [n], patches a row of a picture; None for sound.
    """

    modality: str
    words: pa.Array
    spec: FeatureSpec
    positions: npt.NDArray[np.int64]
    extent: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int32] | None = None


def media_rows(
    batch: pa.RecordBatch,
    media: Media,
    texts: pa.Array,
    params: MediaParams,
    rejected: npt.NDArray[np.object_] | None = None,
) -> pa.RecordBatch:
    """Return token rows of media with their words.

    Args:
        batch: Lineage columns and ``_table`` [n].
        media: The media.
        texts: string [n], the words; null counts as none.
        params: Vocabulary, share of pairs and seed.
        rejected: Reasons [n], None for a good row.
    """
    rows = batch.num_rows
    words = load_vocabulary(params.vocabulary)
    pair = chosen(batch.column("sample_id"), params.seed, f"aligned/{media.modality}", params.aligned)
    one = np.ones(rows, np.int64)
    ends = np.where(pair, words.id(POOL), words.id(END)).astype(np.int32)
    ids = join(
        [
            Ragged.repeat(words.id(f"<|{media.modality}|>"), one),
            Ragged.repeat(words.id(f"<|{media.modality}-feature|>"), media.positions),
            Ragged.repeat(words.id(f"<|/{media.modality}|>"), one),
            Ragged.repeat(words.id(POOL), pair.astype(np.int64)),
            Ragged.column(_marks(media.words, words)),
            Ragged(*encode_column(texts, params.ranks)),
            Ragged.column(ends),
        ]
    )
    # Two ends where it is a pair, the last one alone where it is not.
    both = np.stack([media.positions + 3, ids.lengths], axis=1).astype(np.int32)
    taken = np.stack([pair, np.ones(rows, bool)], axis=1)
    places = np.zeros(rows + 1, np.int32)
    np.cumsum(taken.sum(axis=1), out=places[1:])
    parts = pa.ListArray.from_arrays(pa.array(places), pa.array(both[taken]))
    modality = pa.repeat(media.modality, rows)
    return token_rows(batch, modality, ids, parts, _media(batch, media), params, rejected)


def _marks(names: pa.Array, vocabulary: Vocabulary) -> npt.NDArray[np.int32]:
    """Return the ids of the marks of n texts, by their names."""
    encoded = names.dictionary_encode()
    ids = np.array([vocabulary.id(f"<|{name}|>") for name in encoded.dictionary.to_pylist()], np.int32)
    return ids[encoded.indices.to_numpy(zero_copy_only=False)]


def chosen(ids: pa.Array, seed: int, purpose: str, share: float) -> npt.NDArray[np.bool_]:
    """Return which samples a keyed hash picks.

    Args:
        ids: string [n].
        seed: The seed.
        purpose: What they are picked for.
        share: Fraction to pick.

    Returns:
        bool [n].
    """
    hashes = evaluate(pa.table({"id": ids}), keyed(seed, purpose, "id", "duckdb"))
    return pc.less(hashes, threshold(share)).to_numpy(zero_copy_only=False).astype(bool)


def _media(batch: pa.RecordBatch, media: Media) -> pa.Array:
    rows = batch.num_rows
    spec = media.spec.as_dict()
    columns = pa.nulls(rows, pa.int32()) if media.columns is None else pa.array(media.columns, pa.int32())
    values = {
        "begin": pa.array(np.ones(rows, np.int32)),
        "end": pa.array((media.positions + 1).astype(np.int32)),
        "modality": pa.repeat(media.modality, rows),
        "media_id": batch.column("sample_id"),
        "media_begin": pa.array(np.zeros(rows, np.int64)),
        "media_end": pa.array(media.extent),
        "columns": columns,
        "feature_spec": pa.StructArray.from_arrays(
            [pa.repeat(pa.scalar(spec[item.name], item.type), rows) for item in FEATURE_SPEC],
            fields=list(FEATURE_SPEC),
        ),
    }
    flat = pa.StructArray.from_arrays([values[item.name] for item in MEDIUM], fields=list(MEDIUM))
    return pa.ListArray.from_arrays(pa.array(np.arange(rows + 1, dtype=np.int32)), flat)
