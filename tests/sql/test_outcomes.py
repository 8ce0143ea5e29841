"""The views of outcomes and attrition over made tables: each kept sample is drawn or has a reason, each row counts once."""

from __future__ import annotations

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakehouse.declare.config import Config
from lakehouse.lake import Lake
from lakehouse.lineage.why import why
from lakehouse.query.attrition import attrition
from schemas.documents import document_containments, document_duplicates
from schemas.mixture import mixture, quotas, sequences, supply
from schemas.samples import document_tokens, samples

SHORT = {"rule": "too short", "column": "information", "value": 12.0, "text": None, "threshold": "at least 80"}
COPY = {"rule": "duplicate", "column": None, "value": None, "text": None, "threshold": None}
NAMES = ("drawn", "spare", "large", "voiceless", "foreign", "short", "copy")


def sid(name):
    return f"{NAMES.index(name) + 1:x}" * 32


def made(table, rows):
    zero = {pa.string(): "", pa.bool_(): False, pa.float64(): 0.0, pa.binary(): b""}
    common = {"source": "s", "license": "MIT", "run_id": "r", "modality": "text"}
    filled = []
    for row in rows:
        base = {
            c.name: [] if pa.types.is_list(c.type) or pa.types.is_map(c.type) else zero.get(c.type, 0)
            for c in table.columns
            if not c.nullable
        }
        filled.append({**base, **{k: v for k, v in common.items() if k in table}, **row})
    return pa.Table.from_pylist(
        [{c.name: row.get(c.name) for c in table.columns} for row in filled], schema=table.schema
    )


@pytest.fixture
def lake(tmp_path):
    def write(table, rows):
        write_deltalake(str(tmp_path / table.name.replace(".", "/")), made(table, rows))

    def sample(name, cell="text/en/manual", reasons=(), findings=()):
        return {
            "sample_id": sid(name),
            "table": "silver.documents",
            "language": "en",
            "language_group": "en",
            "kind": "manual",
            "cell": cell,
            "keep": not reasons,
            "reasons": list(reasons),
            "findings": list(findings),
        }

    def tokens(name, n):
        return {"sample_id": sid(name), "table": "silver.documents", "n_tokens": n, "tokens": b"", "parts": [n]}

    def draw(name, stage, epoch, n):
        return {"sample_id": sid(name), "stage": stage, "cell": "text/en/*", "epoch": epoch, "n_tokens": n}

    def piece(name, begin, end):
        return {"sample_id": sid(name), "begin": begin, "end": end, "modality": "text", "role": "token"}

    line = {"language_group": "en", "kind": "*", "target": 100, "max_epochs": 4.0, "max_source_share": 1.0}
    write(
        samples,
        [
            *(sample(name) for name in ("drawn", "spare", "large", "voiceless")),
            sample("foreign", "text/other/manual"),
            sample("short", reasons=["too short", "duplicate"], findings=[SHORT, COPY]),
            sample("copy", reasons=["duplicate"], findings=[COPY]),
        ],
    )
    write(document_tokens, [tokens(name, n) for name, n in zip(NAMES, (40, 20, 90, 0, 30, 1, 5), strict=True) if n])
    write(supply, [{"cell": f"text/{g}/manual", "language_group": g, "kind": "manual"} for g in ("en", "other")])
    write(
        quotas,
        [{"stage": stage, "cell": "text/en/*", "max_document_share": 0.5, **line} for stage in ("cold", "hot")],
    )
    write(mixture, [draw("drawn", "cold", 0, 40), draw("drawn", "cold", 1, 40), draw("drawn", "hot", 0, 40)])
    rows = [
        {"sample_id": "e" * 32, "parent_ids": [sid("drawn")], "stage": "cold", "position": 3, "segments": [piece("drawn", 0, 40), piece("drawn", 40, 80)]},
        {"sample_id": "f" * 32, "parent_ids": [sid("drawn")], "stage": "hot", "position": 0, "segments": [piece("drawn", 5, 45)]},
    ]  # fmt: skip
    write(sequences, rows)
    repeat = {"sample_id": sid("copy"), "keeper_id": sid("drawn"), "method": "exact", "jaccard": 1.0, "rule": "equal"}
    write(document_duplicates, [repeat])
    write(document_containments, [])
    return Lake(str(tmp_path), Config(lake=str(tmp_path)))


def events(lake, name, table):
    return [
        event for event in why(lake.project, sid(name)).events if event.table == table and event.sample_id == sid(name)
    ]


def test_a_removed_sample_has_each_rule_with_value_and_threshold(lake):
    first, second = events(lake, "short", "gold.samples")
    assert (first.outcome, first.rule, first.judged, first.threshold) == (
        "removed",
        "too short",
        "information 12",
        "at least 80",
    )
    assert (second.rule, second.judged, second.threshold) == ("duplicate", "", "")


def test_a_duplicate_names_the_kept_one(lake):
    (event,) = events(lake, "copy", "silver.document_duplicates")
    assert (event.outcome, event.other, event.details["jaccard"]) == ("repeats", (sid("drawn"),), 1.0)


def test_a_drawn_sample_is_told_by_stage_and_by_place(lake):
    (event,) = events(lake, "drawn", "gold.mixture")
    assert event.detail == "drawn 3 times: cold 2, hot 1"
    (event,) = events(lake, "drawn", "gold.sequences")
    assert event.detail == "packed at cold 3 [0, 80), hot 0 [5, 45)"
    assert event.other == ("e" * 32, "f" * 32)
    assert why(lake.project, sid("drawn")).verdict.startswith("kept at gold.sequences: packed at cold 3")


@pytest.mark.parametrize(
    ("name", "rule", "value", "threshold"),
    [
        ("spare", "not drawn: the quota of its cell is met without it, or its source is at its cap", "20", ""),
        ("large", "above the largest document of its cell", "90", "at most 50 tokens"),
        ("voiceless", "not tokenised", "", ""),
        ("foreign", "no quota for its cell", "30", ""),
    ],
)
def test_a_kept_sample_that_is_not_drawn_has_a_reason(lake, name, rule, value, threshold):
    (event,) = events(lake, name, "gold.mixture")
    assert (event.outcome, event.rule, event.value, event.threshold) == ("pruned", rule, value, threshold)


def test_every_sample_counts_once_at_each_step(lake):
    by_step = {}
    for row in attrition(lake.project, ["table", "outcome"]):
        by_step.setdefault(row["table"], {})[row["outcome"]] = row["rows"]
    assert by_step["gold.samples"] == {"kept": 5, "removed": 2}
    assert by_step["gold.mixture"] == {"pruned": 4, "kept": 1}
    assert by_step["gold.sequences"] == {"kept": 1}


def test_rules_are_counted_by_the_first_by_any_and_alone(lake):
    found = {row["rule"]: row for row in attrition(lake.project, ["rule"], "gold.samples") if row["rule"]}
    assert [(found["too short"][name]) for name in ("rows", "broken", "alone", "tokens")] == [1, 1, 0, 1]
    assert [(found["duplicate"][name]) for name in ("rows", "broken", "alone", "tokens")] == [1, 2, 1, 5]


def test_losses_are_counted_by_source_language_and_cell(lake):
    rows = attrition(lake.project, ["source", "language", "cell", "outcome"], "gold.mixture")
    assert {(row["source"], row["language"], row["cell"], row["outcome"], row["rows"]) for row in rows} == {
        ("s", "en", "text/en/manual", "pruned", 3),
        ("s", "en", "text/en/manual", "kept", 1),
        ("s", "en", "text/other/manual", "pruned", 1),
    }


def test_decisions_of_before_findings_are_told_without_values(lake, tmp_path):
    older = lake.table("gold.samples").drop_columns(["findings"])
    write_deltalake(str(tmp_path / "gold" / "samples"), older, mode="overwrite", schema_mode="overwrite")
    first, _ = events(lake, "short", "gold.samples")
    assert (first.rule, first.value, first.threshold) == ("too short", "", "")
