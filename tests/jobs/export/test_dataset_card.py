from __future__ import annotations

import pyarrow as pa
import pytest
import yaml
from huggingface_hub import DatasetCard

from jobs.export.dataset_card import dataset_card, size_category
from lakehouse.export.format import Dataset, ExportedDataset, Shard, ShardFile
from schemas.documents import documents

ORIGIN = {
    "request": {"sql": None},
    "snapshot": {"release": "r1", "release_digest": "ab" * 32, "tables": {"silver.documents": 3}},
}


def card(schema, contract=None, facts=None, origin=ORIGIN):
    shard = Shard(1500, (ShardFile("data/train-00000-of-00001.parquet", 10, "00"),), facts or {})
    one = ExportedDataset(Dataset("silver.documents", schema, contract), (shard,))
    return dataset_card([one], "Title --- # ``", origin)


@pytest.mark.parametrize(
    ("rows", "word"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (10**6, "1M<n<10M"), (10**12, "n>1T")],
)
def test_sizes_are_the_hub_s_words(rows, word):
    assert size_category(rows) == word


def test_the_hub_s_own_reader_takes_the_card():
    facts = {"bytes": 20, "licenses": {"MIT": 1500}, "languages": {"en": 1499, "und": 1}, "modalities": {"text": 1500}}
    found = DatasetCard(card(documents.schema, documents, facts))
    assert found.data.pretty_name == "Title --- # ``"
    assert (found.data.license, found.data.language) == (["mit"], ["en"])
    assert found.data.dataset_info["download_size"] == 10
    assert documents.doc in found.text
    for column in documents.columns:
        assert f"| {column.name} |" in found.text
    assert "ab" * 32 in found.text


def test_docs_and_names_do_not_break_the_tables():
    text = card(pa.schema([("a|b<script>\n", pa.string())]))
    assert "| a\\|b&lt;script> | string |  |" in text
    assert yaml.safe_load(text.split("---\n")[1])["dataset_info"]["features"][0]["name"] == "a|b<script>\n"


def test_a_statement_is_quoted_whole():
    sql = "SELECT '```' AS x\n-- ````"
    text = card(pa.schema([("x", pa.string())]), origin={**ORIGIN, "request": {"sql": sql}})
    assert f"`````sql\n{sql}\n`````" in text
