"""The supply flow, by DuckDB: its one statement is plain SQL."""

from __future__ import annotations

from pathlib import Path

import duckdb

import sql
from schemas.mixture import supply


def test_supply_counts_kept_samples_of_all_token_tables_once():
    text = Path(sql.__file__).with_name("flows").joinpath("gold.supply.sql").read_text()
    con = duckdb.connect()
    con.execute("CREATE SCHEMA gold")
    for name, rows in {
        "document_tokens": "('a', 'silver.documents', 10), ('b', 'silver.documents', 20), ('c', 'silver.documents', 40)",
        "utterance_tokens": "('u', 'silver.utterances', 5)",
        "image_tokens": "('i', 'silver.images', 7)",
    }.items():
        con.execute(f"""CREATE TABLE gold.{name} AS FROM (VALUES {rows}) v(sample_id, "table", n_tokens)""")
    con.execute("""
        CREATE TABLE gold.samples AS FROM (VALUES
            ('a', 'silver.documents', 'text/en/manual', 'text', 'en', 'manual', true),
            ('b', 'silver.documents', 'text/en/manual', 'text', 'en', 'manual', true),
            ('c', 'silver.documents', 'text/en/manual', 'text', 'en', 'manual', false),
            ('u', 'silver.utterances', 'speech/en/prompt', 'speech', 'en', 'prompt', true),
            ('i', 'silver.images', 'image/zh/photo', 'image', 'zh', 'photo', true)
        ) v(sample_id, "table", cell, modality, language_group, kind, keep)""")
    found = con.sql(text).to_arrow_table()
    assert found.column_names == [column.name for column in supply.columns if column.name != "run_id"]
    assert {row["cell"]: (row["samples"], row["tokens"], row["largest"]) for row in found.to_pylist()} == {
        "text/en/manual": (2, 30, 20),
        "speech/en/prompt": (1, 5, 5),
        "image/zh/photo": (1, 7, 7),
    }
