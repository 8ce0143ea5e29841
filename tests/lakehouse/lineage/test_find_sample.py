from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.errors import QueryError
from lakehouse.lineage.find_sample import find_sample
from lakehouse.lineage.scan_reader import open_samples
from lakehouse.query.connection import connect
from tests.lakehouse.lakes import lake_at, note, quarantine, rows, write

FILE, PAGE, OTHER, LOST = ("f0" * 16, "a0" * 16, "b0" * 16, "c0" * 16)
ADDRESS = "https://example.org/a page?q=1#2"


@pytest.fixture
def find(tmp_path):
    lake = lake_at(tmp_path / "lake")
    write(lake, "bronze.files", rows([FILE, OTHER], uri=pa.array([ADDRESS, "file:other"])), note("bronze.files"))
    write(lake, "bronze.pages", rows([PAGE], [[FILE]], uri=pa.array([ADDRESS])), note("bronze.pages", quarantine="q1"))
    quarantine(lake, "bronze.pages", "q1", (None, "broken", {"sample_id": LOST, "uri": "file:lost"}))

    def call(text, **options):
        with connect(lake.project) as connection:
            return find_sample(connection, open_samples(lake.project, connection), text, **options)

    call.lake = lake
    return call


def test_an_id_its_beginning_or_an_address_name_a_sample(find):
    assert find(FILE) == FILE
    assert find("f0f0") == FILE
    assert find("file:other") == OTHER


def test_of_samples_cut_from_each_other_an_address_names_the_first(find):
    assert find(ADDRESS) == FILE


def test_what_is_in_quarantine_alone_is_found_where_it_counts(find):
    assert find("file:lost", ledger=True) == LOST
    assert find("c0c0c0", ledger=True) == LOST
    for text in ("file:lost", "c0c0c0"):
        with pytest.raises(QueryError, match="no sample"):
            find(text)


def test_an_address_of_two_samples_names_both(find):
    write(find.lake, "bronze.twins", rows(["d0" * 16], uri=pa.array([ADDRESS])))
    with pytest.raises(QueryError, match=rf"2 samples have the address .*{'d0' * 16}, {FILE}"):
        find(ADDRESS)


def test_a_part_of_addresses_is_answered_with_them(find):
    with pytest.raises(QueryError, match=r"addresses that contain it: https://example.org/a page"):
        find("a page")


@pytest.mark.parametrize("text", ["", " ", "ab", "cafe", "/no/such", "'; DROP TABLE x; --", "ü" * 500])
def test_what_names_nothing_is_an_error(find, text):
    with pytest.raises(QueryError):
        find(text, ledger=True)
