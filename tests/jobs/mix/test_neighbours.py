from __future__ import annotations

import pyarrow as pa

from jobs.mix.neighbours import with_neighbours
from jobs.mix.policy import POLICY, load_policy
from tests.jobs.mix.test_flows import lineage

# Address, hint, language found, confidence in it, and the hint that follows.
DOCUMENTS = [
    *((f"folder:s/fi/{n}.txt", None, "fi", 0.9, "fi") for n in range(9)),
    ("folder:s/fi/commands.txt", None, "et", 0.2, "fi"),
    ("folder:s/fi/names.txt", "und", "und", 0.0, "fi"),
    # Its source says what it is.
    ("folder:s/fi/english.txt", "en", "en", 0.3, "en"),
    # What is certain stays as it is.
    ("folder:s/fi/german.txt", None, "de", 0.9, "und"),
    # Beside too few, beside several languages, and in a folder below.
    *((f"folder:s/few/{n}.txt", None, "fr", 0.9, "und") for n in range(4)),
    ("folder:s/few/x.txt", None, "fr", 0.1, "und"),
    *((f"folder:s/mixed/{n}.txt", None, "fr" if n % 2 else "de", 0.9, "und") for n in range(12)),
    ("folder:s/mixed/x.txt", None, "fr", 0.1, "und"),
    ("folder:s/fi/below/x.txt", None, "et", 0.2, "und"),
    # Parts of one file.
    *((f"folder:s/fortunes#{n}", None, "is", 0.8, "und") for n in range(5)),
    ("folder:s/fortunes#5", None, "da", 0.3, "is"),
]


def test_the_language_beside_a_document_is_its_hint_where_nothing_else_is(relations):
    ids = lineage(len(DOCUMENTS))
    uris, hints, found, sure, wanted = zip(*DOCUMENTS, strict=True)
    documents = ids | {
        "modality": ["text"] * len(uris),
        "kind": ["note"] * len(uris),
        "language_hint": pa.array(hints, pa.string()),
        "_table": ["silver.documents"] * len(uris),
    }
    scores = {"sample_id": ids["sample_id"], "language": found, "language_score": sure}
    addresses = {"sample_id": ids["sample_id"], "uri": uris}
    given = [relations.from_arrow(pa.table(rows)) for rows in (documents, scores, addresses)]
    made = relations.to_arrow(with_neighbours(*given, relations, load_policy(POLICY, relations.dialect)))
    assert set(made.column_names) == set(documents)
    rows = {row["sample_id"]: row["language_hint"] for row in made.to_pylist()}
    # What is certain needs no hint, and gets none.
    certain = [score >= 0.5 for score in sure]
    assert [
        (uri, rows[sample]) for uri, sample, sure_of in zip(uris, ids["sample_id"], certain, strict=True) if not sure_of
    ] == [(uri, hint) for uri, hint, sure_of in zip(uris, wanted, certain, strict=True) if not sure_of]
    assert {rows[sample] for sample, sure_of in zip(ids["sample_id"], certain, strict=True) if sure_of} == {"und"}
