from __future__ import annotations

import pytest

from lakehouse.errors import QueryError, TableNotFoundError
from lakehouse.lineage.scan_reader import ScannedSamples, open_samples
from lakehouse.query.connection import connect
from tests.lakehouse.lakes import lake_at, trained


@pytest.fixture
def lake(tmp_path):
    made = lake_at(tmp_path / "lake")
    trained(made)
    return made


def test_rows_of_samples_come_before_the_rows_that_were_made_from_them(lake):
    with connect(lake.project) as connection:
        reader = ScannedSamples(lake.project, connection)
        found = reader.read(["aa" * 16], ["aa" * 16], 100)
        assert [(row["sample_id"][:2], row["table"]) for row in found] == [
            ("aa", "bronze.documents"),
            ("a1", "gold.samples"),
            ("a1", "silver.paragraphs"),
            ("a2", "gold.samples"),
            ("a2", "silver.paragraphs"),
        ]
        assert reader.read(["aa" * 16], ["aa" * 16], 2) == found[:2]
        assert reader.inputs("gold.samples") == {"silver.paragraphs"}
        assert reader.resolve("5151") == "51" * 16
        with pytest.raises(QueryError, match="several"):
            reader.resolve("5")


def test_pinned_versions_that_do_not_exist_are_refused(lake):
    for at in ("7", "gold.samples@7"):
        with connect(lake.project, at) as connection, pytest.raises(TableNotFoundError, match="version 7"):
            open_samples(lake.project, connection, at)


def test_a_lake_without_samples_has_none(tmp_path):
    with connect(lake_at(tmp_path / "empty").project) as connection:
        reader = ScannedSamples(connection.project, connection)
        assert (reader.read(["a"], ["a"], 5), reader.versions) == ([], {})
