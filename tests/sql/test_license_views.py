"""Licences that need review, as auditors see them: in what is decided, in the mixture, and in the steps of a training."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from jobs.mix.policy import POLICY
from lakehouse.declare.config import load_config
from lakehouse.delta.append import append_rows
from lakehouse.lake import Lake
from lakehouse.ledger import tables
from lakehouse.release.create import create_release

CODE = "int add_{n}(int first, int second) {{\n    return first + second + {n};\n}}\n"
QUOTA = {
    "tokens": 10_000,
    "defaults": {"row_length": 512},
    "stages": {"cold": {"tokens": 10_000, "cells": {"code/code/source-code": 1.0}}},
}
# What the file says of itself, by its name. Its source declares MIT.
FILES = {
    "plain.c": "",
    "same.c": "// SPDX-License-Identifier: MIT\n",
    "either.c": "// SPDX-License-Identifier: MIT OR GPL-2.0-only\n",
    "other.c": "// SPDX-License-Identifier: GPL-2.0-only\n",
    "both.c": "// SPDX-License-Identifier: MIT AND GPL-2.0-only\n",
    "unreadable.c": "// SPDX-License-Identifier: Some Licence of Ours\n",
}
REVIEWS = ("drop", "keep")
REVIEWED = {"other.c": "GPL-2.0-only", "both.c": "MIT AND GPL-2.0-only", "unreadable.c": "NOASSERTION"}


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A lake, released and trained on twice: under a policy that drops licences that need review, and one that keeps."""
    root = tmp_path_factory.mktemp("licences")
    (root / "code").mkdir()
    for number, (name, header) in enumerate(FILES.items()):
        body = "\n".join(CODE.format(n=100 * number + n) for n in range(12))
        (root / "code" / name).write_text(header + body)
    source = {
        "title": "Code", "connector": "folder", "path": "code", "license": "MIT", "modality": "code",
        "kind": "source-code", "language": "c", "include": ["*.c"],
    }  # fmt: skip
    (root / "sources.yaml").write_text(yaml.safe_dump({"sources": {"ours": source}}))
    (root / "quota.yaml").write_text(yaml.safe_dump(QUOTA))
    policy = yaml.safe_load(Path(POLICY).read_text("utf-8"))
    params = {
        "bronze.sources": {"packaged": False, "files": ["sources.yaml"]},
        "gold.quotas": {"quota": "quota.yaml"},
        "gold.samples": {"policy": "policy.yaml"},
    }
    (root / "mixlake.yaml").write_text(yaml.safe_dump({"engine": "embedded", "params": params}))
    for step, review in enumerate(REVIEWS, 1):
        # The files are alike but for their numbers.
        body = {**policy, "duplicates": "keep", "contained": "keep", "needs_review": review}
        (root / "policy.yaml").write_text(yaml.safe_dump(body))
        lake = Lake(str(root / "lake"), load_config(root))
        report = lake.run(["+gold.sequences"])
        assert report.ok, [str(result.error) for result in report.results if result.error]
        _train(lake, f"mix-{review}", step)
    return lake


def _train(lake, name, step):
    release = create_release(lake.project, name)
    rows = lake.table("gold.sequences").num_rows
    seen = {
        "training_run": name, "release": name, "digest": release.digest, "stage": "cold", "seed": 0, "step": step,
        "positions": list(range(rows)), "begin": 0, "end": rows, "at": datetime.now(UTC),
    }  # fmt: skip
    append_rows(lake.catalog, tables.training_steps, pa.Table.from_pylist([seen], schema=tables.training_steps.schema))


def names(lake, sql, review):
    return {row["name"]: row["value"] for row in lake.sql(sql, at=f"mix-{review}").to_pylist()}


OF_FILE = "regexp_extract(f.uri, '[a-z]+\\.c$') AS name"


def test_files_state_which_of_them_need_review_and_why(lake):
    sql = f"SELECT {OF_FILE}, license AS value FROM bronze.files f WHERE license_status = 'needs_review'"
    assert {row["name"]: row["value"] for row in lake.sql(sql).to_pylist()} == REVIEWED
    evidence = lake.sql(
        "SELECT license_evidence AS own, declared_license AS declared FROM bronze.files WHERE uri LIKE '%other.c'"
    ).to_pylist()[0]
    assert "GPL-2.0-only" in evidence["own"]
    assert evidence["declared"] == "MIT"


@pytest.mark.parametrize("review", REVIEWS)
def test_a_policy_decides_on_what_needs_review(lake, review):
    sql = (
        f"SELECT {OF_FILE}, list_contains(reasons, 'licence needs review') AS value "
        "FROM gold.samples s JOIN bronze.files f USING (sample_id)"
    )
    dropped = names(lake, sql, review)
    assert {name for name, value in dropped.items() if value} == (set(REVIEWED) if review == "drop" else set())


@pytest.mark.parametrize("review", REVIEWS)
def test_exposure_states_each_files_own_licence(lake, review):
    exposed = names(lake, "SELECT license AS name, samples AS value FROM license_exposure", review)
    # A licence that no one can read is dropped by a rule of its own.
    kept = {"MIT": 2, "MIT OR GPL-2.0-only": 1}
    assert exposed == (kept if review == "drop" else {**kept, "GPL-2.0-only": 1, "MIT AND GPL-2.0-only": 1})
    at = f"mix-{review}"
    shares = lake.sql("SELECT sum(share) AS share, sum(tokens) AS tokens FROM license_exposure", at=at).to_pylist()[0]
    assert shares["share"] == pytest.approx(1)
    assert shares["tokens"] == lake.sql("SELECT sum(n_tokens) AS n FROM gold.mixture", at=at).to_pylist()[0]["n"]


@pytest.mark.parametrize("review", REVIEWS)
def test_steps_state_each_files_own_licence(lake, review):
    sql = "SELECT license AS name, count(DISTINCT sample_id) AS value FROM step_samples GROUP BY ALL"
    assert names(lake, sql, review) == names(
        lake, "SELECT license AS name, samples AS value FROM license_exposure", review
    )
    # A row that packs several files is under all of their licences.
    rows = lake.sql("SELECT license FROM gold.sequences", at=f"mix-{review}").column(0).to_pylist()
    alone = {term for row in rows for term in row.split(" AND ")}
    assert ("GPL-2.0-only" in alone) == (review == "keep")


def test_which_steps_saw_what_needs_review_is_one_question(lake):
    sql = """
        SELECT DISTINCT s.training_run AS run, s.step FROM step_samples s JOIN bronze.files f USING (sample_id)
        WHERE f.license_status = 'needs_review'
    """
    assert lake.sql(sql).to_pylist() == [{"run": "mix-keep", "step": 2}]
