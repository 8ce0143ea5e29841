from __future__ import annotations

import pytest

from lakehouse.errors import QueryError
from lakehouse.lineage.training_steps import step
from tests.lakehouse.lakes import lake_at, note, trained, write


@pytest.fixture
def lake(tmp_path):
    made = lake_at(tmp_path / "lake")
    trained(made)
    return made


def test_a_step_tells_its_rows_and_their_samples(lake):
    found = step(lake.project, 2)
    assert (found["training_run"], found["release"], found["stage"]) == ("t1", "mix-1", "cold")
    (row,) = found["rows"]
    assert (row["position"], row["n_tokens"], row["license"]) == (1, 12, "GPL-3.0-only AND MIT")
    assert row["samples"] == [
        {"sample_id": "a2" * 16, "tokens": 5, "source": "src", "license": "GPL-3.0-only"},
        {"sample_id": "bb" * 16, "tokens": 7, "source": "src", "license": "MIT"},
    ]


def test_segments_of_one_sample_are_added_up(lake):
    rows = step(lake.project, 1, "t1")["rows"]
    assert [row["position"] for row in rows] == [0, 2]
    assert [(s["sample_id"], s["tokens"]) for s in rows[0]["samples"]] == [("a1" * 16, 10)]


def test_the_rows_are_those_of_the_release_not_of_now(lake):
    before = step(lake.project, 1)
    write(
        lake, "gold.sequences", lake.table("gold.sequences").slice(0, 0), note("gold.sequences", "run-9"), "overwrite"
    )
    assert step(lake.project, 1) == before


def test_an_unknown_step_names_the_runs(lake):
    with pytest.raises(QueryError, match=r"no training step 9 — there are t1 \(steps 1 to 3\)"):
        step(lake.project, 9)
    with pytest.raises(QueryError, match="of t7"):
        step(lake.project, 1, "t7")


def test_without_training_there_is_no_step(tmp_path):
    with pytest.raises(QueryError, match="no training step is recorded"):
        step(lake_at(tmp_path / "none").project, 1)
