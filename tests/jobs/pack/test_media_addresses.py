from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.pack.media_addresses import address_media, locate_file
from lakehouse.declare.flow import NoParams
from lakehouse.errors import FlowError
from lakehouse.spark.relations import SparkRelations
from schemas.images import images
from schemas.utterances import MEDIA_OPTIONS, utterances
from tests.lakehouse.flows import flow_of
from trainer.loader.media_reader import MediaReader


def media(prefix: str, n: int, column: str, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "sample_id": [f"{prefix}{i:031x}" for i in range(n)],
            column: pa.array([rng.bytes(int(size)) for size in rng.integers(1, 30_000, n)], pa.binary()),
        }
    )


def save(spark, rows: pa.Table, folder: Path, options=MEDIA_OPTIONS, files: int = 2) -> None:
    writer = spark.createDataFrame(rows).repartition(files, "sample_id").write.format("delta").mode("append")
    for key, value in options:
        writer = writer.option(key, value)
    writer.save(str(folder))


def tagged(spark, lake: Path, tables: list[str]):
    """What the engine hands over for a union: the tables' rows with the table's name."""
    from pyspark.sql import functions as F

    parts = [
        spark.read.format("delta")
        .load(str(lake / name.replace(".", "/")))
        .withColumn("_table", F.lit(name))
        .select("sample_id", "_table")
        for name in tables
    ]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.unionByName(part)
    return whole


def addresses(spark, lake: Path, speech: list[str], pictures: list[str]) -> pa.Table:
    versions = {name: 3 + at for at, name in enumerate([*speech, *pictures])}
    inputs = {"utterances": tagged(spark, lake, speech), "images": tagged(spark, lake, pictures)}
    with ExitStack() as stack:
        relations = SparkRelations(spark, flow_of(address_media), inputs, stack)
        return relations.to_arrow(address_media(**inputs, relations=relations, params=NoParams(), versions=versions))


def test_the_media_tables_are_written_so_that_they_can_be_addressed() -> None:
    assert set(MEDIA_OPTIONS) <= set(utterances.writer_options)
    assert set(MEDIA_OPTIONS) <= set(images.writer_options)
    assert set(flow_of(address_media).reads) == {"utterances", "images"}


def test_every_medium_is_read_back_by_its_address(spark, tmp_path: Path) -> None:
    lake = tmp_path / "a lake"  # Spark names its files by URI, with the space encoded
    speech, more, pictures = media("a", 120, "audio", 1), media("b", 7, "audio", 2), media("c", 50, "image", 3)
    save(spark, speech, lake / "silver/utterances", files=3)
    save(spark, media("d", 11, "audio", 5), lake / "silver/utterances", files=1)  # a second version
    save(spark, more, lake / "silver/own_clips", files=1)
    save(spark, pictures, lake / "silver/images")
    found = addresses(spark, lake, ["silver.utterances", "silver.own_clips"], ["silver.images"])
    assert found.num_rows == 120 + 11 + 7 + 50
    by_id = {row["media_id"]: row for row in found.to_pylist()}
    assert by_id["b" + "0" * 31]["version"] == 4
    assert by_id["c" + "0" * 31]["table"] == "silver.images"
    assert len({row["file"] for row in by_id.values()}) >= 5
    reader = MediaReader(str(lake), found)
    for rows, column in ((speech, "audio"), (more, "audio"), (pictures, "image")):
        for row in rows.to_pylist():
            assert reader.read(row["sample_id"]) == row[column]
    assert [str(kind) for kind in found.schema.types] == ["string", "string", "int64", "string", "int64", "int64"]


def test_files_that_a_delete_wrote_anew_are_addressed(spark, tmp_path: Path) -> None:
    """DELETE and MERGE take no writer options: a session says the same by its settings."""
    clips = media("a", 40, "audio", 1)
    save(spark, clips, tmp_path / "silver/utterances", files=1)
    save(spark, media("c", 1, "image", 2), tmp_path / "silver/images", files=1)
    session = spark.newSession()
    for key, value in MEDIA_OPTIONS:
        session.conf.set("spark.sql.parquet.compression.codec" if key == "compression" else key, value)
    session.sql(f"DELETE FROM delta.`{tmp_path / 'silver/utterances'}` WHERE sample_id < 'a{7:031x}'")
    found = addresses(session, tmp_path, ["silver.utterances"], ["silver.images"])
    reader = MediaReader(str(tmp_path), found)
    assert len(reader) == 33 + 1
    assert all(reader.read(row["sample_id"]) == row["audio"] for row in clips.slice(7).to_pylist())


def parquet(folder: Path, **options: object) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(media("a", 10, "audio", 1), folder / "part.parquet", use_dictionary=False, **options)
    return f"file:{folder}/part.parquet"


def test_a_compressed_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    uri = parquet(tmp_path / "silver/utterances", compression="snappy")
    with pytest.raises(FlowError, match="SNAPPY") as caught:
        locate_file("silver.utterances", uri, 10, "audio", 0)
    assert "MEDIA_OPTIONS" in caught.value.hint


def test_rows_that_a_deletion_vector_hides_are_refused(tmp_path: Path) -> None:
    uri = parquet(tmp_path / "silver/utterances", compression="none")
    with pytest.raises(FlowError, match="deletion vector"):
        locate_file("silver.utterances", uri, 9, "audio", 0)
    assert locate_file("silver.utterances", uri, 10, "audio", 0).num_rows == 10


def test_a_file_of_another_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FlowError, match="not one of its files"):
        locate_file("silver.utterances", parquet(tmp_path / "copy", compression="none"), 10, "audio", 0)


def test_rows_without_a_medium_have_no_address(tmp_path: Path) -> None:
    folder = tmp_path / "silver/utterances"
    folder.mkdir(parents=True)
    rows = pa.table({"sample_id": ["a", "b", "c"], "audio": pa.array([b"1", None, b"3"], pa.binary())})
    pq.write_table(rows, folder / "part.parquet", compression="none", use_dictionary=False)
    found = locate_file("silver.utterances", f"{folder}/part.parquet", 3, "audio", 9)
    assert found["media_id"].to_pylist() == ["a", "c"]


def test_a_file_on_s3_is_addressed_as_its_copy_in_a_folder(tmp_path: Path, s3) -> None:
    parquet(tmp_path / "silver" / "utterances", compression="none")
    (file,) = (tmp_path / "silver" / "utterances").glob("*.parquet")
    uri = s3.upload(tmp_path, "addressed")
    there = locate_file("silver.utterances", f"{uri}/silver/utterances/{file.name}", 10, "audio", 0, s3.storage)
    assert there.equals(locate_file("silver.utterances", file.as_uri(), 10, "audio", 0))
    assert there.num_rows == 10
