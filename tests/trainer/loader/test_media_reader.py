from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from lakehouse.errors import LakeError
from trainer.loader.media_reader import MediaReader


def lake(folder: Path, files: int = 5, each: int = 40) -> tuple[pa.Table, dict[str, bytes]]:
    """Write files of random bytes and the addresses of media in them, in no order."""
    rng = np.random.default_rng(7)
    rows, contents = [], {}
    for number in range(files):
        table = ("silver.utterances", "silver.images")[number % 2]
        path = folder / table.replace(".", "/") / f"part-{number}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = rng.bytes(50_000)
        path.write_bytes(raw)
        for _ in range(each):
            at, size = int(rng.integers(0, 40_000)), int(rng.integers(0, 9_000))
            media_id = rng.bytes(16).hex()
            rows.append(
                {"media_id": media_id, "table": table, "version": 1, "file": path.name, "offset": at, "length": size}
            )
            contents[media_id] = raw[at : at + size]
    return pa.Table.from_pylist(rows), contents


def test_media_are_read_by_id(tmp_path: Path) -> None:
    addresses, contents = lake(tmp_path)
    reader = MediaReader(str(tmp_path), addresses)
    assert len(reader) == len(contents)
    assert {media_id: reader.read(media_id) for media_id in contents} == contents
    assert next(iter(contents)) in reader
    assert "0" * 32 not in reader


def test_threads_share_few_open_files(tmp_path: Path) -> None:
    addresses, contents = lake(tmp_path, files=12)
    reader = MediaReader(str(tmp_path), addresses, max_open=2)
    wanted = list(contents) * 5
    with ThreadPoolExecutor(8) as pool:
        assert all(
            data == contents[media_id] for media_id, data in zip(wanted, pool.map(reader.read, wanted), strict=True)
        )
    assert len(reader._open) <= 2
    reader.close()
    assert reader.read(wanted[0]) == contents[wanted[0]]


def test_addresses_in_several_chunks(tmp_path: Path) -> None:
    addresses, contents = lake(tmp_path)
    chunked = pa.concat_tables([addresses.slice(0, 33), addresses.slice(33)])
    reader = MediaReader(str(tmp_path), chunked)
    assert all(reader.read(media_id) == data for media_id, data in contents.items())


@pytest.mark.parametrize("unknown", ["0" * 32, "", "f" * 32, "x" * 40])
def test_a_medium_without_an_address_is_named(tmp_path: Path, unknown: str) -> None:
    reader = MediaReader(str(tmp_path), lake(tmp_path)[0])
    with pytest.raises(LakeError, match="no address") as caught:
        reader.read(unknown)
    assert unknown in caught.value.message
    assert "gold.media_addresses" in caught.value.hint


def test_a_longer_id_that_begins_alike_is_another(tmp_path: Path) -> None:
    addresses, contents = lake(tmp_path)
    reader = MediaReader(str(tmp_path), addresses)
    assert next(iter(contents)) + "0" not in reader


def test_a_missing_file_and_a_short_file_are_named(tmp_path: Path) -> None:
    addresses, contents = lake(tmp_path, files=2)
    first, last = next(iter(contents)), list(contents)[-1]
    (tmp_path / "silver/utterances/part-0.parquet").unlink()
    (tmp_path / "silver/images/part-1.parquet").write_bytes(b"")
    reader = MediaReader(str(tmp_path), addresses)
    with pytest.raises(LakeError, match=r"part-0\.parquet of silver\.utterances cannot be read"):
        reader.read(first)
    with pytest.raises(LakeError, match=r"part-1\.parquet of silver\.images ends before"):
        reader.read(last)


def test_two_addresses_of_one_medium_are_refused(tmp_path: Path) -> None:
    addresses, _ = lake(tmp_path)
    with pytest.raises(LakeError, match="two addresses"):
        MediaReader(str(tmp_path), pa.concat_tables([addresses, addresses.slice(3, 1)]))


def test_no_addresses_at_all(tmp_path: Path) -> None:
    reader = MediaReader(str(tmp_path), lake(tmp_path)[0].slice(0, 0))
    assert len(reader) == 0
    with pytest.raises(LakeError, match="no address"):
        reader.read("0" * 32)
