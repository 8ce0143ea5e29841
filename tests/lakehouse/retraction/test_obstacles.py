from __future__ import annotations

import pytest

from lakehouse.errors import LakeError
from lakehouse.retraction.obstacles import Obstacle, failure, incomplete_flow, older_versions, remaining_in, run_command
from tests.lakehouse import words
from tests.lakehouse.lakes import lake_at


def test_a_command_names_tables_while_they_are_few():
    assert run_command(["b", "a", "a"]) == "mixlake run +a +b"
    assert run_command("abcdef") == "mixlake run"


def test_what_failed_comes_first(tmp_path):
    obstacle = incomplete_flow(lake_at(tmp_path).project, ["silver.b", "silver.a"])
    assert str(obstacle) == "the flow of silver.a failed — fix it, then run it: mixlake run +silver.a +silver.b"


@pytest.mark.parametrize(
    ("error", "reason"),
    [(LakeError("it is gone", "look"), "it is gone — look"), (KeyError("x"), "KeyError: 'x'")],
)
def test_an_error_is_one_line(error, reason):
    assert failure(error) == Obstacle(reason, "try again: mixlake run")


def test_a_table_is_rewritten_by_its_flow_or_by_whoever_wrote_it(project):
    words.write_as_run(project)
    made = project.lake().project
    assert remaining_in(made, "silver.shouts").fix == "rewrite it: mixlake run silver.shouts --full"
    both = older_versions(made, ["a@1", "b@2"], ["silver.shouts", "own.copy"])
    assert both.reason == "older versions that may contain retracted rows are required: a@1; b@2"
    assert both.fix == (
        "no declared flow writes own.copy: delete these rows and their older versions there, or delete "
        f"{made.catalog.table_uri('own.copy')}, then: mixlake run silver.shouts --full"
    )
