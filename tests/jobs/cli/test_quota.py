"""The quota view and command over tables that delta-rs wrote: no JVM."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from click.testing import CliRunner
from deltalake import write_deltalake

from jobs.cli.quota import KEYS, command, quota_rows
from lakehouse.cli.context import Context
from lakehouse.declare.config import Config
from lakehouse.errors import TableNotFoundError, UsageError
from lakehouse.lake import Lake
from schemas.mixture import mixture, quotas, supply


def line(stage, ordinal, cell, target, document=1.0, source=1.0):
    modality, group, kind = cell.split("/")
    return {
        "stage": stage,
        "cell": cell,
        "modality": modality,
        "language_group": group,
        "kind": kind,
        "ordinal": ordinal,
        "shared": False,
        "target": target,
        "max_epochs": 2.0,
        "max_document_share": document,
        "max_source_share": source,
        "row_length": 64,
        "align": 1,
        "scale": 1.0,
    }


def held(cell, tokens, largest=None):
    modality, group, kind = cell.split("/")
    return {
        "cell": cell,
        "modality": modality,
        "language_group": group,
        "kind": kind,
        "samples": 1,
        "tokens": tokens,
        "largest": largest,
    }


def drawn(stage, cell, sample, epoch, tokens):
    return {
        "sample_id": sample,
        "parent_ids": [],
        "source": "s",
        "license": "MIT",
        "stage": stage,
        "cell": cell,
        "modality": cell.split("/")[0],
        "epoch": epoch,
        "n_tokens": tokens,
        "time": 0.5,
        "window": 0,
    }


def write(folder, table, rows, lacks=()):
    names = [name for name in table.schema.names if name not in lacks]
    whole = pa.Table.from_pylist(
        [{name: row.get(name) for name in names} for row in rows],
        schema=pa.schema([table.schema.field(name) for name in names]),
    )
    write_deltalake(str(folder / table.name.replace(".", "/")), whole, mode="overwrite", schema_mode="overwrite")


@pytest.fixture
def lake(tmp_path):
    write(
        tmp_path,
        quotas,
        [line("hot", 1, "text/en/legal", 300), line("hot", 1, "text/*/*", 50), line("cold", 0, "text/en/*", 70)],
    )
    write(tmp_path, supply, [held("text/en/legal", 100), held("text/en/manual", 900), held("text/zh/manual", 400)])
    write(
        tmp_path,
        mixture,
        [
            drawn("hot", "text/en/legal", "a", 0, 100),
            drawn("hot", "text/en/legal", "a", 1, 100),
            drawn("hot", "text/*/*", "b", 0, 51),
        ],
    )
    return Lake(str(tmp_path), Config(lake=str(tmp_path)))


def test_supply_goes_to_the_most_specific_line_and_shortfall_is_told(lake):
    rows = {(row["stage"], row["cell"]): {key: row[key] for key in KEYS} for row in quota_rows(lake.project)}
    assert rows["hot", "text/en/legal"] == {
        "cell": "text/en/legal",
        "stage": "hot",
        "target": 300,
        "supply": 100,
        "drawn": 200,
        "epochs": 2.0,
        "shortfall": 100,
        "error": pytest.approx(-1 / 3),
        "caps": [],
    }
    assert rows["hot", "text/*/*"]["supply"] == 1300
    assert rows["hot", "text/*/*"]["shortfall"] == 0
    assert rows["hot", "text/*/*"]["error"] == pytest.approx(0.02)
    assert rows["cold", "text/en/*"] | {"error": -1.0, "epochs": 0.0} == {
        "cell": "text/en/*",
        "stage": "cold",
        "target": 70,
        "supply": 1000,
        "drawn": 0,
        "epochs": 0.0,
        "shortfall": 70,
        "error": -1.0,
        "caps": [],
    }


def test_json_has_exactly_the_declared_keys_in_the_order_of_stages(lake):
    result = CliRunner().invoke(command, ["--json"], obj=Context(lake.uri), catch_exceptions=False)
    rows = json.loads(result.output)
    assert [tuple(row) for row in rows] == [KEYS] * 3
    assert [row["stage"] for row in rows] == ["cold", "hot", "hot"]


def test_one_stage_is_shown_as_a_table(lake):
    result = CliRunner().invoke(command, ["--stage", "hot"], obj=Context(lake.uri), catch_exceptions=False)
    assert result.output.splitlines()[0].split() == list(KEYS)
    assert "-33.33%" in result.output
    assert "cold" not in result.output


def test_an_unknown_stage_is_a_usage_error(lake):
    with pytest.raises(UsageError, match="no stage 'warm'"):
        quota_rows(lake.project, "warm")


def test_without_a_mixture_the_error_says_what_to_run(tmp_path):
    with pytest.raises(TableNotFoundError, match=r"mixlake run \+gold.mixture"):
        quota_rows(Lake(str(tmp_path), Config(lake=str(tmp_path))).project)


def test_the_view_says_what_the_largest_document_and_source_are_of_the_target(lake):
    rows = lake.sql(
        "SELECT cell, document_share, source_share FROM quota WHERE stage = 'hot' ORDER BY cell"
    ).to_pylist()
    assert [(row["cell"], row["document_share"], row["source_share"]) for row in rows] == [
        ("text/*/*", pytest.approx(1.02), pytest.approx(1.02)),
        ("text/en/legal", pytest.approx(2 / 3), pytest.approx(2 / 3)),
    ]


@pytest.mark.parametrize(
    ("declared", "largest", "tokens", "caps"),
    [
        # Tokens that are missing since no document is small enough, also where each is drawn twice.
        ((1000, 0.1, 1.0), 101, 50, ["max_document_share"]),
        ((1000, 0.1, 1.0), 100, 50, []),
        ((1000, 0.1, 1.0), 60, 51, ["max_document_share"]),
        # A source at its cap, one below it, and documents that are larger than it.
        ((1000, 1.0, 0.5), 10, 470, ["max_source_share"]),
        ((1000, 1.0, 0.5), 10, 100, []),
        ((1000, 1.0, 0.5), 600, 100, ["max_source_share"]),
        ((1000, 0.1, 0.5), 600, 100, ["max_document_share", "max_source_share"]),
        # No shortfall, and no cap.
        ((100, 0.1, 0.1), 1000, 100, []),
        ((1000, 1.0, 1.0), 1000, 100, []),
    ],
)
def test_caps_that_have_a_part_in_a_shortfall_are_named(tmp_path, declared, largest, tokens, caps):
    target, document, source = declared
    write(tmp_path, quotas, [line("hot", 0, "text/en/legal", target, document, source)])
    write(tmp_path, supply, [held("text/en/legal", 5000, largest)])
    twice = tokens == 51
    draws = [drawn("hot", "text/en/legal", "a", epoch, tokens) for epoch in range(1 + twice)]
    write(tmp_path, mixture, draws)
    lake = Lake(str(tmp_path), Config(lake=str(tmp_path)))
    (row,) = quota_rows(lake.project)
    assert row["caps"] == caps
    printed = CliRunner().invoke(command, [], obj=Context(lake.uri), catch_exceptions=False).output
    assert ("To lift it, write" in printed) is bool(caps)
    if caps:
        assert f"write {' and '.join(f'{cap}: 1' for cap in caps)} on the line" in printed


def test_a_supply_of_before_its_largest_document_was_recorded_names_no_document_cap(tmp_path):
    write(tmp_path, quotas, [line("hot", 0, "text/en/legal", 1000, 0.1)])
    write(tmp_path, supply, [held("text/en/legal", 5000)], lacks=("largest",))
    write(tmp_path, mixture, [drawn("hot", "text/en/legal", "a", 0, 10)])
    (row,) = quota_rows(Lake(str(tmp_path), Config(lake=str(tmp_path))).project)
    assert (row["drawn"], row["caps"]) == (10, [])


def test_another_quota_and_policy_are_drawn_without_a_commit(mixed, tmp_path):
    more = tmp_path / "more.yaml"
    more.write_text(
        "stages: {hot: {tokens: 300, cells: {text/en/note: {share: 1.0, max_document_share: 1.0, max_source_share: 1.0}}}}\n"
    )
    context = Context(mixed.uri)
    context.__dict__["project"] = mixed.project
    before = mixed.catalog.log("gold.mixture").version

    def asked(*words):
        answer = CliRunner().invoke(command, [*words, "--json"], obj=context, catch_exceptions=False)
        return {row["stage"]: row for row in json.loads(answer.stdout)}

    assert set(asked()) == {"cold"}
    tried = asked("--param", f"gold.quotas.files=[{more}]")
    assert {stage: row["target"] for stage, row in tried.items()} == {"cold": 400, "hot": 300}
    assert tried["hot"]["drawn"] > 0
    assert mixed.catalog.log("gold.mixture").version == before
    with pytest.raises(UsageError, match="--at"):
        asked("--param", f"gold.quotas.files=[{more}]", "--at", "0")
