from __future__ import annotations

import json
from pathlib import Path

import pytest

from lakehouse.cli.main import main
from lakehouse.ledger.retractions import load_retractions
from tests.lakehouse.lakes import note, write

# Of the document under the GPL, see `tests.lakehouse.lakes.trained`.
ID = "aa" * 16


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--source", "src"], "--reason"),
        (["--source", "src", "--reason", " "], "reason"),
        (["--reason", "x"], "give exactly one of --source, --license, --uri, --id"),
        (["--source", "src", "--license", "MIT", "--reason", "x"], "give exactly one of --source"),
        (["--source", "", "--reason", "x"], "give exactly one of"),
        (["--source", "a", "--source", "b", "--reason", "x"], "takes one source"),
        (["--ids-from", "empty", "--reason", "x"], "empty contains no ids; write one per line"),
        (["--ids-from", "missing", "--reason", "x"], "missing"),
        (["--id", "short", "--reason", "x"], "'short' is not a sample id"),
        (["--id", ID, "--scope", "all", "--reason", "x"], "--scope"),
    ],
)
def test_an_order_that_says_too_little_or_too_much_is_refused(call, lake, tmp_path, argv, says):
    (tmp_path / "empty").write_text("\n")
    message = call("retract", *argv, status=2)
    assert says in message
    assert message.count("\n") == 1
    assert not lake.catalog.has("ledger.retractions")


def test_a_place_without_a_lake_is_refused_and_none_is_made(call, tmp_path):
    assert "there is no lake in" in call("retract", "--source", "src", "--reason", "x", status=2)
    assert not (tmp_path / "lake").exists()


def test_a_dry_run_says_what_would_go_and_who_has_seen_it_and_records_nothing(call, lake):
    lines = call("retract", "--id", ID, "--reason", "a person asked", "--dry-run").splitlines()
    assert lines[0].split() == ["table", "match", "made", "from", "them"]
    rows = {line.split()[0]: line.split()[1:] for line in lines[1:5]}
    assert rows == {
        "bronze.documents": ["1", "0"],
        "gold.samples": ["0", "2"],
        "gold.sequences": ["0", "2"],
        "silver.paragraphs": ["0", "2"],
    }
    assert "releases that contain them: mix-1" in lines
    assert ["t1", "mix-1", "2", "1", "2"] in [line.split() for line in lines]
    assert lines[-1] == "nothing was recorded"
    assert not lake.catalog.has("ledger.retractions")


def test_an_order_is_recorded_with_its_number_and_scope(call, lake):
    first = call("retract", "--source", "src", "--reason", "withdrawn")
    assert first.splitlines()[-1] == "retraction 1 is recorded (scope origin); mixlake run removes the rows"
    second = call("retract", "--id", "0f" * 16, "--reason", "asked")
    assert "retraction 2 is recorded (scope content); rows that land later and match are refused" in second
    assert "releases that contain them: none" in second
    assert "no recorded training step has seen them" in second
    assert [order.reason for order in load_retractions(lake.catalog).orders] == ["withdrawn", "asked"]


def test_json_has_the_order_and_all_that_it_concerns(call, lake):
    found = json.loads(call("retract", "--license", "GPL-3.0-only", "--reason", "asked", "--json"))
    assert (found["ordinal"], found["kind"], found["scope"], found["recorded"]) == (1, "license", "origin", True)
    assert found["matched"]["bronze.documents"] == 1
    assert found["releases"] == ["mix-1"]
    assert [(seen["training_run"], seen["release"], seen["steps"]) for seen in found["seen"]] == [("t1", "mix-1", 2)]
    assert (found["unresolved"], found["unmatched"], found["suggestions"]) == ([], [], [])


def test_ids_come_from_options_and_from_a_file(call, lake, tmp_path):
    (tmp_path / "ids").write_text(f"{ID}\n\n{'a2' * 16}\n")
    argv = ["retract", "--id", "bb" * 16, "--ids-from", "ids", "--reason", "asked", "--scope", "origin", "--json"]
    found = json.loads(call(*argv))
    assert (found["value"], found["matched"]["bronze.documents"]) == ("3 ids", 2)


def test_ids_that_no_row_has_are_counted_and_named(lake, capsys):
    unknown = [f"{number:032x}" for number in range(5)]
    ids = [word for value in (ID, *unknown) for word in ("--id", value)]
    assert main(["retract", *ids, "--reason", "asked", "--dry-run"]) == 0
    assert f"no row has 5 of the ids now: {', '.join(unknown[:3])}, ...\n" in capsys.readouterr().err
    assert main(["retract", *ids, "--reason", "asked", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unmatched"] == unknown


@pytest.mark.parametrize(
    ("kind", "given", "near"),
    [("source", "Src", "src"), ("license", "gpl-3.0", "GPL-3.0-only"), ("license", "mit", "MIT")],
)
def test_what_is_spelled_otherwise_than_in_the_lake_is_asked_about(call, lake, kind, given, near):
    argv = ["--reason", "asked", "--dry-run"]
    assert f"no row matches now: did you mean {near}?" in call("retract", f"--{kind}", given, *argv)
    assert f"query the lake for the spelling of the {kind}" in call("retract", f"--{kind}", "nothing like it", *argv)


def test_releases_that_cannot_be_searched_are_not_said_to_hold_nothing(lake, capsys):
    old = lake.catalog.open("gold.samples")
    write(lake, "gold.samples", lake.table("gold.samples"), note("gold.samples", "run-7"), mode="overwrite")
    for path in old.file_uris():
        Path(path).unlink()
    assert main(["retract", "--id", ID, "--reason", "asked"]) == 0
    printed = capsys.readouterr()
    assert "mixlake: cannot check for these rows in release mix-1" in printed.err
    assert "retraction 1 is recorded" in printed.out


def test_a_purge_names_the_releases_that_it_breaks(call, lake):
    dry = call("retract", "--id", ID, "--reason", "a court ordered it", "--purge", "--dry-run")
    assert "that run would purge them: it breaks the releases mix-1" in dry
    other = call("retract", "--source", "nothing", "--reason", "a court ordered it", "--purge")
    assert "that run will purge them: it breaks no release" in other
    assert [order.to_purge for order in load_retractions(lake.catalog).orders] == [True]
