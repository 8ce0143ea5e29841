"""The continuous inputs of a batch: media read and decoded after packing has chosen the rows."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import torch

from lakehouse.errors import LakeError, MixlakeError
from schemas.features import FeatureSpec
from schemas.mixture import media_addresses
from trainer.loader.batch import Features, RowSource
from trainer.loader.decode.decoders import decode
from trainer.loader.decode.media_range import MediaRange
from trainer.loader.media_reader import MediaReader
from trainer.loader.pinned_release import Snapshot


class Media(Protocol):
    """Where encoded media come from."""

    def read(self, media_id: str) -> bytes:
        """Return a medium's bytes."""


@dataclass(frozen=True, slots=True)
class _Vectors:
    modality: str
    at: int
    values: np.ndarray
    place: np.ndarray


class Decoder:
    """Decodes the continuous segments of batches in a few threads.

    Args:
        snapshot: The release; its addresses of media are read with the first segment that needs one.
        media: Where media come from instead of the release's addresses.
        threads: Decoding threads.
    """

    def __init__(self, snapshot: Snapshot, media: Media | None = None, threads: int = 4) -> None:
        """Start no thread and read nothing yet."""
        self._snapshot = snapshot
        self._given = media
        self._pool = ThreadPoolExecutor(threads, "mixlake-decode")

    @functools.cached_property
    def _media(self) -> Media:
        if self._given is not None:
            return self._given
        columns = ("media_id", "table", "file", "offset", "length")
        addresses = self._snapshot.read(media_addresses, columns)
        return MediaReader(self._snapshot.lake, addresses, self._snapshot.storage_options)

    def features(self, source: RowSource, positions: np.ndarray, length: int) -> dict[str, Features]:
        """Return the vectors of a batch by modality.

        Args:
            source: Where its rows are.
            positions: int64 [rows], stored positions, for messages.
            length: Tokens of a row.

        Raises:
            LakeError: If a medium cannot be read or decoded, or gives another number of vectors than its segment.
        """
        jobs: list[tuple[int, dict[str, Any]]] = []
        for group, rows, where in source.parts:
            inputs = group.inputs()
            if not len(inputs.row):
                continue
            first, last = (np.searchsorted(inputs.row, rows, side=side) for side in ("left", "right"))
            chosen = np.concatenate([np.arange(a, b) for a, b in zip(first, last, strict=True)])
            segments = inputs.segments.take(pa.array(chosen)).to_pylist()
            jobs += zip(np.repeat(where, last - first).tolist(), segments, strict=True)
        jobs.sort(key=lambda job: (job[0], job[1]["begin"]))
        made = self._pool.map(lambda job: self._decode(job[0], job[1], positions, length), jobs)
        by_modality: dict[str, list[_Vectors]] = {}
        for vectors in made:
            by_modality.setdefault(vectors.modality, []).append(vectors)
        return {name: _joined(name, vectors) for name, vectors in by_modality.items()}

    def close(self) -> None:
        """End the decoding threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _decode(self, row: int, segment: Mapping[str, Any], positions: np.ndarray, length: int) -> _Vectors:
        where = f"gold.sequences, position {positions[row]}, medium {segment['media_id']}"
        n = segment["end"] - segment["begin"]
        try:
            spec = FeatureSpec(**segment["feature_spec"])
            part = MediaRange(
                begin=segment["media_begin"],
                end=segment["media_end"],
                columns=segment["columns"] or 0,
                time=segment["time"] or 0.0,
                camera=segment["camera"] or 0,
            )
            values, place = decode(spec, self._media.read(segment["media_id"]), part)
        except MixlakeError as error:
            raise type(error)(f"{where}: {error.message}", error.hint) from error
        except (OSError, TypeError, ValueError) as error:
            raise LakeError(f"{where}: {error}", "rebuild gold.media_addresses, or what it addresses") from error
        if values.shape != (n, spec.width) or place.shape != (n, 4):
            raise LakeError(
                f"{where}: {len(values)} vectors of {values.shape[-1]} values for {n} input positions of {spec.width}",
                "the medium is not the one that was tokenised: run the token flows and what follows again",
            )
        return _Vectors(segment["modality"], row * length + segment["begin"], values, place)


def _joined(name: str, vectors: list[_Vectors]) -> Features:
    widths = sorted({one.values.shape[1] for one in vectors})
    if len(widths) > 1:
        raise LakeError(
            f"features of {name} are {widths[0]} and {widths[1]} wide in one batch",
            "tokenise all samples of a modality by one feature_spec",
        )
    values = np.concatenate([one.values for one in vectors], dtype=np.float32, casting="same_kind")
    place = np.concatenate([one.place for one in vectors], dtype=np.float32, casting="same_kind")
    at = np.concatenate([np.arange(one.at, one.at + len(one.values)) for one in vectors])
    return Features(torch.from_numpy(values), torch.from_numpy(place), torch.from_numpy(at))
