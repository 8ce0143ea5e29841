from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table, require_columns
from lakehouse.declare.lineage_columns import TYPES, fits, lineage_columns
from lakehouse.errors import ContractError

ID = Column("id", pa.int64(), "Id.")
SAMPLE = Column("sample_id", pa.string(), "Identity.", lineage=True)
OTHERS = [
    pa.int64(),
    pa.binary(),
    pa.struct([("s", pa.string())]),
    pa.map_(pa.string(), pa.string()),
    pa.list_(pa.int64()),
]


def table(*columns, **more):
    return Table("acme.rows", doc="Rows.", columns=columns, **more)


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("kind", OTHERS)
def test_a_column_of_another_type_is_the_users_and_is_never_mixlakes(name, kind):
    assert table(ID, Column(name, kind, "Mine.")).lineage == set()
    with pytest.raises(ContractError, match=f"column '{name}' of .* lineage=True, and is none of mixlake's"):
        Column(name, kind, "Mine.", lineage=True)


@pytest.mark.parametrize("name", TYPES)
def test_a_column_of_the_type_says_whose_it_is(name):
    bare = Column(name, TYPES[name], "Whose?")
    given = [ID] if name in {"sample_id", "run_id"} else [SAMPLE]
    with pytest.raises(ContractError, match=f"acme.rows: column '{name}' has the name and the type .* rename it"):
        table(*given, bare)
    own, mixlakes = (Column(name, TYPES[name], "Stated.", lineage=stated, volatile=True) for stated in (False, True))
    assert name not in table(*given, own).lineage
    assert name in table(*given, mixlakes).lineage
    # In a fingerprint of before, a column of that name and type was mixlake's.
    assert table(*given, own).fingerprint() != table(*given, mixlakes).fingerprint()
    assert "not lineage" in table(*given, own).parts()[f"column {name}"]


def test_a_run_id_of_mixlakes_is_left_out_of_comparisons():
    with pytest.raises(ContractError, match="differs in each run"):
        Column("run_id", pa.string(), "Run.", lineage=True)


def test_other_names_are_nobodys_business_where_rows_are_no_samples():
    columns = [Column(name, kind, "Mine.") for name, kind in TYPES.items() if name not in {"sample_id", "run_id"}]
    assert table(ID, *columns, Column("sample_id", pa.int64(), "Mine.")).lineage == set()
    with pytest.raises(ContractError, match="none of mixlake's"):
        Column("text", pa.string(), "Text.", lineage=True)
    with pytest.raises(ContractError, match="use letters"):
        Column("_reason", pa.string(), "What the engine adds begins with an underscore.")


def test_a_union_takes_no_users_column_for_mixlakes():
    with pytest.raises(ContractError, match=r"acme\.rows\.sample_id is not declared as mixlake's own column"):
        require_columns(table(Column("sample_id", pa.string(), "Mine.", lineage=False)), [SAMPLE], "the tag 'x'")


def test_types_are_told_apart_in_all_forms():
    texts = ["string", "VARCHAR", pa.string(), pa.large_string(), pa.string_view()]
    lists = [{"type": "array", "elementType": "string", "containsNull": True}, "VARCHAR[]", pa.list_(pa.large_string())]
    neither = [
        "long",
        "binary",
        "VARCHAR[][]",
        {"type": "struct", "fields": []},
        {"type": "array", "elementType": "long"},
    ]
    assert [fits("source", kind) for kind in [*texts, *lists, *neither]] == [True] * 5 + [False] * 8
    assert [fits("parent_ids", kind) for kind in [*texts, *lists, *neither]] == [False] * 5 + [True] * 3 + [False] * 5
    assert not fits("text", "string")


def test_a_stored_column_is_mixlakes_by_its_contract_and_its_type():
    stored = {"sample_id": "string", "source": "string", "run_id": "long", "license": "string", "text": "string"}
    assert lineage_columns(stored) == {"sample_id", "source", "license"}
    declared = [
        SAMPLE,
        Column("source", pa.string(), "Mine."),
        Column("run_id", pa.string(), "Run.", volatile=True, lineage=True),
    ]
    # A column that the contract does not have any more is judged by name and type.
    assert lineage_columns(stored, declared) == {"sample_id", "license"}
