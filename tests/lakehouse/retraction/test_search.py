"""A search reports what it cannot resolve, and suggests what is spelled much alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.errors import UsageError
from lakehouse.retraction.search import RetractionSearch
from tests.lakehouse.lakes import lake_at, note, trained, write


@pytest.fixture
def lake(tmp_path):
    made = lake_at(tmp_path / "lake")
    trained(made)
    return made


def searched(lake, kind, values, *, include_duplicates=False):
    search = RetractionSearch(lake.project, kind, values, include_duplicates=include_duplicates)
    with search:
        search.run()
        yield search


def test_a_search_finds_rows_releases_and_training_steps(lake):
    for search in searched(lake, "id", ["aa" * 16]):
        matched, derived = search.row_counts()
        assert matched == {"bronze.documents": 1}
        assert derived == {"gold.samples": 2, "gold.sequences": 2, "silver.paragraphs": 2}
        assert search.releases() == ["mix-1"]
        assert [(seen.training_run, seen.release, seen.steps) for seen in search.training_steps()] == [
            ("t1", "mix-1", 2)
        ]
        assert search.unmatched() == search.unresolved == []
        assert search.versions() == dict.fromkeys({*matched, *derived}, 0)
        kinds = {row["kind"] for row in search.ids().read_all().to_pylist()}
        assert kinds == {"sample", "derived"}


def test_what_cannot_be_searched_is_unresolved(lake):
    old = lake.catalog.open("gold.samples")
    write(lake, "gold.samples", lake.table("gold.samples"), note("gold.samples", "run-7"), mode="overwrite")
    for path in old.file_uris():
        Path(path).unlink()
    for search in searched(lake, "id", ["aa" * 16]):
        assert search.releases() == []
        assert search.training_steps() == []
        assert [entry.split(":")[0] for entry in search.unresolved] == ["release mix-1", "training on mix-1"]


def test_spellings_are_suggested_for_sources_and_licences(lake):
    for search in searched(lake, "license", ["gpl-3.0-onl"]):
        assert search.suggestions() == ["GPL-3.0-only"]
    for search in searched(lake, "id", ["ab" * 16]):
        assert (search.suggestions(), search.unmatched()) == ([], ["ab" * 16])
    for search in searched(lake, "id", ["Ab" * 16]):
        with pytest.raises(UsageError, match="is not a sample id"):
            search.unmatched()
