from __future__ import annotations

import pytest

from lakehouse.errors import QueryError
from lakehouse.query.connection import connect
from lakehouse.query.view_columns import describe_view, is_view
from tests.lakehouse import words


@pytest.fixture
def described(project):
    words.write(project)
    project.view(
        "long_lines",
        "-- Long lines.\n--\n-- n: Letters.\nSELECT sample_id, text, length(text) AS n, size FROM silver.shouts",
    )
    project.view("most", "SELECT max(n) AS n, max(size) AS size, 1 AS own FROM long_lines")
    project.view("wrong", "SELECT nothing FROM silver.shouts")

    def describe(name):
        with connect(project.lake().project) as connection:
            assert is_view(connection, name)
            assert not is_view(connection, "silver.shouts")
            return describe_view(connection, name)

    return describe


def test_columns_have_the_meaning_of_the_file_or_of_the_tables(described):
    view = described("long_lines")
    assert (view.doc, view.reads) == ("Long lines.", ("silver.shouts",))
    assert [tuple(column.values()) for column in view.columns] == [
        ("sample_id", "string", "Identity."),
        ("text", "string", "Text."),
        ("n", "int64", "Letters."),
        ("size", "int32", "Characters."),
    ]


def test_a_view_over_a_view_inherits_over_it(described):
    assert {column["column"]: column["meaning"] for column in described("most").columns} == {
        "n": "Letters.",
        "size": "Characters.",
        "own": "",
    }


def test_a_wrong_view_is_told_with_its_file(described):
    with pytest.raises(QueryError, match=r"the view wrong \(.*wrong\.sql\) is wrong"):
        described("wrong")
