from __future__ import annotations

import dataclasses
import json

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.plan.cause import Fingerprints, fingerprint_changes
from lakehouse.plan.code_fingerprint import code_fingerprint
from tests.lakehouse import words
from tests.lakehouse.lakes import note, write

NOW = Fingerprints(code="new", params="{}", contract="new", models={}, external="")


def changes(before, now):
    return {cause.kind: cause.detail for cause in fingerprint_changes(before, now)}


def of(now, **fields):
    """Return the note that a run at these fingerprints leaves."""
    return note("silver.shouts", **{**dataclasses.asdict(now), **fields})


def fingerprints(project, flows=words.FLOWS):
    project.module("tables", words.TABLES)
    project.module("flows", flows)
    registry = project.lake().registry
    code = code_fingerprint(
        next(f for f in registry.flows.values() if f.writes.name == "silver.shouts"), registry.roots
    )
    return dataclasses.replace(NOW, code=code.digest, code_parts=code.parts)


def test_definitions_that_changed_came_and_went_are_named(project):
    before = of(fingerprints(project), contract="new", params="{}")
    text = words.FLOWS.replace("pc.utf8_upper(text)", "raised(text)").replace(
        "def loud(", "def raised(text):\n    return pc.utf8_upper(text)\n\n\ndef loud("
    )
    now = fingerprints(project, text)
    package = project.package
    assert changes(before, now) == {"code": f"{package}.flows.loud changed; {package}.flows.raised is reached now"}
    back = changes(of(now, contract="new", params="{}"), fingerprints(project))
    assert back == {"code": f"{package}.flows.loud changed; {package}.flows.raised is no longer reached"}


def test_a_changed_declaration_is_named(project):
    before = of(fingerprints(project), contract="new", params="{}")
    text = words.FLOWS.replace(
        'reads={"lines": lines}, params=Loudness', 'reads={"lines": lines}, source_key_sql="text", params=Loudness'
    )
    assert changes(before, fingerprints(project, text)) == {"code": "its declaration changed: source_key_sql"}


def test_many_definitions_of_a_module_are_counted():
    parts = {"m": {f"f{i}": "old" for i in range(9)}, "n": {"g": "same"}}
    now = dataclasses.replace(NOW, code_parts={"m": dict.fromkeys(parts["m"], "new"), "n": {"g": "same"}})
    assert changes(note("x.y", code="old", contract="new", code_parts=parts), now) == {
        "code": "9 definitions of m changed"
    }


def test_modules_stand_for_their_definitions_where_there_were_too_many_to_note():
    parts = {"m": {"*": "old"}, "n": {"*": "same"}, "gone": {"f": "x"}}
    now = dataclasses.replace(NOW, code_parts={"m": {"*": "new"}, "n": {"*": "same"}})
    found = changes(note("x.y", code="old", contract="new", code_parts=parts), now)
    assert found == {"code": "gone is no longer reached; m changed"}


def test_digests_are_shown_where_no_part_of_them_differs():
    before = note("x.y", code="c0de", contract="c0ntract", params="{}")
    now = dataclasses.replace(NOW)
    assert changes(before, now) == {"code": "c0de -> new", "contract": "c0ntract -> new"}
    assert changes(before, dataclasses.replace(now, code="c0de", contract="c0ntract")) == {}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ({"batch": 256}, {"batch": 512}, "batch 256 -> 512"),
        ({"a": 1, "b": "x"}, {"a": 1, "c": [1, 2]}, 'b is gone (it was "x"); c is new: [1, 2]'),
        ({"deep": {"x": 1, "y": 2}}, {"deep": {"x": 1, "y": 3}}, "deep.y 2 -> 3"),
        ({"rules": [["r.yaml", "aaaa"]]}, {"rules": [["r.yaml", "bbbb"]]}, "rules: r.yaml changed"),
        ({"rules": [["r.yaml", "aa"]]}, {"rules": [["r.yaml", "aa"], ["s.yaml", "b"]]}, "rules: s.yaml is new"),
        ({"long": "x" * 100}, {"long": "y"}, 'long "' + "x" * 58 + '… -> "y"'),
    ],
)
def test_parameters_are_named_with_their_values(old, new, says):
    before = note("x.y", code="new", contract="new", params=json.dumps(old))
    assert changes(before, dataclasses.replace(NOW, params=json.dumps(new))) == {"params": says}


def test_what_changed_in_a_contract_is_named():
    id_ = Column("id", pa.string(), "Id.", nullable=False)
    check = Check("n is positive", "n > 0")
    old = Table(
        "a.b",
        doc="",
        columns=[id_, Column("n", pa.int32(), "N."), Column("m", pa.int32(), "M.")],
        key=["id"],
        checks=[check],
    )
    new = Table(
        "a.b",
        doc="Other.",
        columns=[id_, Column("n", pa.int64(), "Other."), Column("text", pa.string(), "T.", volatile=True)],
        key=["id"],
        cluster_by=["n"],
        checks=[Check("n is positive", "n >= 0")],
    )
    before = note("a.b", code="new", contract=old.fingerprint(), contract_parts=old.parts())
    now = dataclasses.replace(NOW, contract=new.fingerprint(), contract_parts=new.parts())
    assert changes(before, now)["contract"] == (
        "check 'n is positive' n > 0, quarantine, tolerance 0.05 -> n >= 0, quarantine, tolerance 0.05; "
        "cluster_by none -> n; column m is gone (it was int32); column n int32 -> int64; column text is new: string volatile"
    )


def test_models_are_named_with_their_digests():
    before = note("x.y", code="new", contract="new", models={"lid.ftz": "a" * 16, "old.bin": "b" * 16})
    now = dataclasses.replace(NOW, models={"lid.ftz": "c" * 16})
    causes = [cause.detail for cause in fingerprint_changes(before, now)]
    assert causes == ["lid.ftz aaaaaaaa -> cccccccc", "old.bin is gone (it was bbbbbbbb)"]


def test_rows_that_no_flow_wrote_are_a_cause_that_names_who_did(project):
    words.write(project)
    lake = project.lake()
    item = next(item for item in lake.plan().flows if item.writes == "silver.shouts")
    now = {**dataclasses.asdict(item.fingerprints), "flow": item.flow.id}
    rows = item.flow.writes.schema.empty_table()
    write(lake, "silver.shouts", rows, note("silver.shouts", **now))
    assert project.plan("silver.shouts")["silver.shouts"].state == "fresh"
    more = pa.table({"sample_id": ["z"], "text": ["Z!"], "size": pa.array([2], pa.int32()), "run_id": ["by hand"]})
    write(lake, "silver.shouts", more)
    DeltaTable(lake.catalog.table_uri("silver.shouts")).optimize.compact()
    found = project.plan("silver.shouts")["silver.shouts"]
    assert found.state == "stale"
    assert [(cause.kind, cause.detail) for cause in found.causes] == [
        ("external_write", "version 1 was written by delta-rs:py-1.6.6 (WRITE), not by the flow of silver.shouts")
    ]
