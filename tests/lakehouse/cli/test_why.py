from __future__ import annotations

import json

import pyarrow as pa
import pytest

from tests.lakehouse.lakes import note, quarantine, rows, write


def test_the_story_of_a_sample_for_people_and_for_programs(call, lake):
    text = call("why", "aaaa")
    lines = text.splitlines()
    assert lines[0] == "aa" * 16
    assert lines[1].startswith("landed at bronze.documents; of 4 made from it")
    assert lines[3].split() == ["table", "outcome", "rule", "value", "allowed", "more", "sample", "run"]
    assert lines[4].split() == ["bronze.documents", "landed", "run-1"]
    body = json.loads(call("why", "aaaa", "--json"))
    assert body["id"] == "aa" * 16
    assert body["events"][0]["table"] == "bronze.documents"
    assert body["events"][-1]["table"] == "ledger.training_steps"


def test_many_samples_are_summed_up_unless_all_are_wanted(call, lake):
    many = [f"{n:032x}" for n in range(1, 51)]
    write(lake, "bronze.files", rows(["ff" * 16], uri=pa.array(["https://example.org/f"])))
    write(lake, "silver.lines", rows(many, [["ff" * 16]] * 50), note("silver.lines", quarantine="q1"))
    quarantine(lake, "silver.lines", "q1", *(("ff" * 16, "half a line", {"sample_id": f"e{n:031x}"}) for n in range(2)))
    text = call("why", "https://example.org/f")
    assert "50 samples" in text
    assert "2 quarantined at silver.lines" in text.splitlines()[1]
    assert call("why", "https://example.org/f", "--all").count("silver.lines") >= 50


@pytest.mark.parametrize("argv", [["why"], ["why", "a", "b"]])
def test_it_takes_one_sample(call, lake, argv):
    assert call(*argv, status=2).startswith("mixlake: ")


def test_an_unknown_sample_is_told_in_one_line(call, lake):
    assert call("why", "nobody knows", status=2).count("\n") == 1


def test_at_a_release(call, lake):
    write(lake, "silver.later", rows(["aa" * 16]))
    assert "silver.later" in call("why", "aaaa")
    assert "silver.later" not in call("why", "aaaa", "--at", "mix-1")
