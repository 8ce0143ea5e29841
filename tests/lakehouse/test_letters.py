"""Tables and columns named in five scripts, through all that a lake does with names."""

from __future__ import annotations

import hashlib

import pytest

from lakehouse.delta.file_actions import columns_in_log
from lakehouse.lineage.trace import trace
from lakehouse.query.inventory import commits
from lakehouse.release.create import create_release
from lakehouse.release.optimize import optimize
from lakehouse.release.verify import verify_release
from lakehouse.retraction.retract import RetractionRequest, retract
from tests.module_text import ModuleText

# Table, and four of its columns.
NAMES = {
    "de": ("maße.größen", "schlüssel", "größe", "straße", "Übermaß"),
    "el": ("στοιχεία.λέξεις", "κλειδί", "μήκος", "πηγή", "Αξία"),
    "zh": ("数据.文档", "编号", "长度", "来源", "值"),
    "ar": ("بيانات.كلمات", "مفتاح", "طول", "مصدر", "قيمة"),
    "hi": ("तालिका.शब्द", "कुंजी", "लंबाई", "स्रोत", "मूल्य"),
}

DECLARED = ModuleText("""
import hashlib
from pathlib import Path

import pyarrow as pa

from lakehouse import Check, Column, Table, flow, read

NAMES = Path(__file__).parent.parent / "names.txt"
ROUND = Path(__file__).parent.parent / "round.txt"
S, I = pa.string(), pa.int64()
ID = Column("sample_id", S, "Id.", nullable=False, lineage=True)
PARENTS = Column("parent_ids", pa.list_(S), "Parents.", nullable=False, lineage=True)
RUN = Column("run_id", S, "Run.", volatile=True, lineage=True)


def outside(params):
    return ROUND.read_text()


for line in NAMES.read_text().splitlines():
    code, name, key, size, source, value = line.split()
    layer, plain = name.split(".")
    own = [Column(key, I, "Key."), Column(size, I, "Size."), Column(source, S, "Source."), Column(value, S, "Value.")]
    landed = Table(
        name, doc="Landed.", columns=[ID, *own, RUN], key=["sample_id"], cluster_by=[size],
        checks=[Check(f"{size} is good", f"`{size}` >= 0", tolerance=0.5)],
    )
    copied = Table(
        f"{layer}.{plain}_2", doc="Copied.", columns=[ID, PARENTS, *own, RUN], key=["sample_id", key], cluster_by=[value],
    )
    summed = Table(
        f"{layer}.{plain}_3", doc="Summed.", columns=[Column(source, S, "Source.", nullable=False), own[1], RUN],
        key=[source], partition_by=[source],
    )

    @flow(writes=landed, kind="landing", external=outside, id=f"acme.{name}.land")
    def land(params, code=code, key=key, size=size, source=source, value=value):
        rounds = int(ROUND.read_text())
        at = range(4 + rounds)
        return pa.table({
            "sample_id": [hashlib.md5(f"{code}{i}".encode()).hexdigest() for i in at],
            key: list(at), size: [i * rounds - 100 * (i == 3) for i in at],
            source: ["a/ß" if i % 2 else "ü" for i in at], value: [f"wört {i}" for i in at],
        })

    @flow(writes=copied, reads={"rows": read(landed, where=f"`{size}` < 100")}, id=f"acme.{name}.copy")
    def copy(batch, params, columns=("sample_id", key, size, source, value)):
        parents = pa.array([[one] for one in batch["sample_id"].to_pylist()], pa.list_(S))
        return batch.select(list(columns)).append_column("parent_ids", parents)

    vars().update({f"landed_{code}": landed, f"copied_{code}": copied, f"summed_{code}": summed})
    vars().update({f"land_{code}": land, f"copy_{code}": copy})
""")


def sample(code, number):
    return hashlib.md5(f"{code}{number}".encode()).hexdigest()


@pytest.fixture(params=["embedded", pytest.param("spark", marks=pytest.mark.slow)])
def letters(request, project):
    """A project with five tables and what is made of them."""
    if request.param == "spark":
        request.getfixturevalue("spark")
    (project.root / "names.txt").write_text("\n".join(" ".join((code, *names)) for code, names in NAMES.items()))
    (project.root / "round.txt").write_text("1")
    project.module("flows", DECLARED)
    for name, _, size, source, _ in NAMES.values():
        table = ".".join(f"`{part}`" for part in name.split("."))
        text = f"SELECT `{source}`, sum(`{size}`) AS `{size}` FROM {table} GROUP BY `{source}`"
        project.sql(f"{name}_3", f"-- dialect: portable\n{text}\n")
    project.use(request.param)
    return project


def test_names_of_any_script_go_all_the_way(letters):
    first = letters.run()
    failed = {name: outcome.error for name, outcome in first.items() if outcome.status != "done"}
    assert not failed
    for name, _, size, _, value in NAMES.values():
        # A log states values of key and clustering columns alone, whatever their letters.
        opened = letters.lake().catalog
        assert columns_in_log(opened.open(name)) == {"sample_id", size}
        assert value in columns_in_log(opened.open(f"{name}_2"))
    (letters.root / "round.txt").write_text("2")
    assert {outcome.status for outcome in letters.run("+*_2", "*_3").values()} <= {"done", "fresh"}
    (letters.root / "round.txt").write_text("3")
    assert {outcome.status for outcome in letters.run().values()} == {"done"}
    assert {item.state for item in letters.plan().values()} == {"fresh"}
    lake = letters.lake()
    project = lake.project
    for code, (name, key, size, source, value) in NAMES.items():
        assert letters.run(f"+{name}_2")[f"{name}_2"].status == "fresh"
        found = lake.sql(f'SELECT "{key}", "{size}", "{source}", "{value}" FROM {name}_2 ORDER BY 1').to_pylist()
        assert [row[size] for row in found] == [0, 3, 6, 12, 15, 18]
        assert found[1] == {key: 1, size: 3, source: "a/ß", value: "wört 1"}
        summed = {row[source]: row[size] for row in lake.sql(f"FROM {name}_3").to_pylist()}
        assert summed == {"a/ß": 18, "ü": 36}
        listed = commits(project, name)
        oldest = [entry for entry in listed if entry["counts"]][-1]
        assert lake.sql(f"SELECT count(*) AS n FROM {name}", oldest["time"]).to_pylist() == [{"n": 4}]
        assert lake.table(name, at=f"{name}@{oldest['version']}").num_rows == 4
        tables = {node.table for node in trace(project, sample(code, 1)).nodes}
        assert tables == {name, f"{name}_2"}
    create_release(project, "r-1", sorted(f"{names[0]}_{at}" for names in NAMES.values() for at in (2, 3)))
    assert verify_release(project.catalog, "r-1", deep=True) == []
    optimize(project, [f"{names[0]}_2" for names in NAMES.values()], dry_run=not letters.spark)
    for code, (name, *_) in NAMES.items():
        report = retract(project, RetractionRequest("id", [sample(code, 1)], reason="asked"))
        assert report.recorded
        assert not report.unmatched, name
    assert {outcome.status for outcome in letters.run().values()} <= {"done", "fresh"}
    for name, *_ in NAMES.values():
        assert lake.sql(f"SELECT count(*) AS n FROM {name}_2").to_pylist() == [{"n": 5}]
        assert lake.sql(f"SELECT count(*) AS n FROM {name}_2", "r-1").to_pylist() == [{"n": 6}]
