from __future__ import annotations

import pyarrow as pa
import pytest

from jobs.mix.order import OrderParams, order_documents
from lakehouse.errors import FlowError
from schemas.documents import document_order, document_scores
from tests.jobs.mix.test_flows import GOOD_TEXT, lineage, scores

DOCUMENTS = {
    "best": {},
    "longer": {"n_chars": 2000},
    "web": {"source": "web", "n_chars": 9000},
    "copyleft": {"license": "GPL-2.0-only OR MPL-2.0", "n_chars": 9000},
    "untranslated": {"language_hint": "zh-CN", "n_chars": 9000},
    "repetitive": {"duplicate_line_chars": 0.25, "n_chars": 9000},
    "cut": {"n_chars": 9000},
    "nearly as good": {"alphabetic_words": 0.85, "n_chars": 900},
    "dropped": {"information": 9.0, "n_chars": 9, "source": "book"},
    "unscored": None,
    "in review": {"n_chars": 9000},
}


@pytest.fixture
def ordered(relations):
    rows = [row or {} for row in DOCUMENTS.values()]
    ids = lineage(len(rows))
    documents = ids | {
        "source": [row.get("source", "book") for row in rows],
        "license": [row.get("license", "MIT") for row in rows],
        "modality": ["text"] * len(rows),
        "kind": ["manual"] * len(rows),
        "language_hint": [row.get("language_hint", "en-GB") for row in rows],
        "_table": ["silver.documents"] * len(rows),
    }
    names = {c.name for c in document_scores.columns}
    measured = [
        {"sample_id": sample} | {k: v for k, v in row.items() if k in names and k not in {"source", "license"}}
        for sample, row in zip(ids["sample_id"], DOCUMENTS.values(), strict=True)
        if row is not None
    ]
    found = order_documents(
        documents=relations.from_arrow(pa.table(documents)),
        scores=relations.from_arrow(scores(document_scores, measured, GOOD_TEXT)),
        addresses=relations.from_arrow(
            pa.table({"sample_id": ids["sample_id"], "uri": [f"folder:s/{name}" for name in ids["sample_id"]]})
        ),
        cleaning=relations.from_arrow(
            pa.table({"sample_id": [ids["sample_id"][list(DOCUMENTS).index("cut")]], "extracted_words": [0.85]})
        ),
        reviews=relations.from_arrow(pa.table({"sample_id": [ids["sample_id"][list(DOCUMENTS).index("in review")]]})),
        relations=relations,
        params=OrderParams(sources=("book",)),
    )
    table = relations.to_arrow(found)
    assert set(table.column_names) == {c.name for c in document_order.columns} - {"run_id"}
    return {list(DOCUMENTS)[int(row["sample_id"], 16)]: row for row in table.to_pylist()}


def test_places_follow_source_licence_language_scores_and_length(ordered):
    kept = [name for name, row in ordered.items() if not row["dropped"]]
    order = ["longer", "best", "nearly as good", "repetitive", "cut", "untranslated", "copyleft", "web"]
    assert sorted(kept, key=lambda name: ordered[name]["place"]) == order
    assert len({len(row["place"]) for row in ordered.values()}) == 1


def test_what_the_policy_drops_is_said(ordered):
    assert {name for name, row in ordered.items() if row["dropped"]} == {"dropped", "unscored", "in review"}
    assert ordered["copyleft"]["license_class"] == 1
    assert [name for name, row in ordered.items() if not row["own_language"]] == ["untranslated"]


def test_scores_that_there_are_not_are_refused():
    with pytest.raises(FlowError, match="n_chars"):
        OrderParams(scores=("n_chars",))
    with pytest.raises(FlowError, match="step"):
        OrderParams(step=0.0)
