from __future__ import annotations

import unicodedata

import pyarrow as pa
import pytest

from jobs.clean.documents import CleanParams, clean_documents
from lakehouse.engine.operator_runner import Runner
from lakehouse.errors import FlowError
from schemas.documents import documents


def landed(*rows):
    """Rows of (content, media type, modality)."""
    n = len(rows)
    return pa.RecordBatch.from_pydict(
        {
            "sample_id": pa.array([f"{i:032x}" for i in range(n)]),
            "parent_ids": pa.array([[]] * n, pa.list_(pa.string())),
            "source": ["s"] * n,
            "license": ["MIT"] * n,
            "modality": [row[2] for row in rows],
            "kind": ["manual"] * n,
            "language_hint": pa.array(["und"] * n),
            "title": pa.array([None] * n, pa.string()),
            "media_type": [row[1] for row in rows],
            "content": pa.array([row[0] for row in rows], pa.string()),
        }
    )


def clean(content, media_type="text/plain", modality="text", **params):
    answer = clean_documents(landed((content, media_type, modality)), CleanParams(**params))
    return answer.column("text")[0].as_py(), answer.column("_reject")[0].as_py()


PAGE = """<!doctype html><html><head><title>T</title><style>p{}</style></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/x">Next page</a></li></ul></nav>
<main><h1>Heading</h1><p>%s</p><pre>
def f():
    return 1
</pre></main><footer>Copyright notice</footer><script>var x = 1;</script></body></html>"""


def test_a_page_gives_its_main_text_without_navigation_or_script():
    text, reason = clean(PAGE % ("A sentence of the main text. " * 20), "text/html")
    assert reason is None
    assert text.startswith("Heading\n\nA sentence")
    assert "def f():\n    return 1" in text
    assert "Next page" not in text
    assert "var x" not in text


def test_a_page_without_main_content_gives_all_of_its_text():
    links = "".join(f'<li><a href="{n}">Entry number {n}</a></li>' for n in range(50))
    text, reason = clean(f"<html><body><ul>{links}</ul></body></html>", "text/html")
    assert reason is None
    assert "Entry number 49" in text


def test_mallard_and_docbook_read_like_html():
    mallard = (
        '<?xml version="1.0"?><page xmlns="http://projectmallard.org/1.0/"><info><credit><name>Bob</name></credit>'
        '</info><title>Title</title><p>See <link xref="x"/><gui>Menu</gui> &lt;here&gt;.</p><media src="x.png"/>'
        "<steps><item><p>One</p></item></steps><code><![CDATA[ls <dir>]]></code></page>"
    )
    text, _ = clean(mallard, "application/xml")
    assert text.split("\n\n")[:2] == ["Title", "See Menu <here>."]
    assert "1. One" in text
    assert "ls <dir>" in text
    assert "Bob" not in text
    docbook = "<d:book xmlns:d='x'><d:title>B</d:title><d:para>P</d:para><d:screen>$ a\n  b</d:screen></d:book>"
    assert clean(docbook, "application/docbook+xml")[0] == "B\n\nP\n\n$ a\n  b"


def test_code_keeps_indentation_and_markup():
    text, reason = clean("def f():\r\n\tx = '<b>'   \r\n\r\n\r\n\r\n\r\n\treturn x\r\n", "text/x-python", "code")
    assert (text, reason) == ("def f():\n\tx = '<b>'   \n\n\n\n\n\treturn x\n", None)
    assert clean("<template><p>x</p></template>", "text/html", "code")[0] == "<template><p>x</p></template>"


def test_text_is_composed():
    text, _ = clean("e\u0301 ㄱ \u1112\u1161\u11ab \u212b")
    assert text == unicodedata.normalize("NFC", text) == "é ㄱ 한 Å"


def test_mojibake_is_read_again():
    good = "Él dijo que mañana iría a la montaña — “quizá”. " * 3
    broken = "".join(chr(b) for b in good.encode()).translate({0x80: "€", 0x94: "”", 0x9C: "œ"})
    assert clean(broken) == (good.strip(), None)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (" \n\u200b\t", "no text is left after cleaning"),
        ("<html><body><script>x</script></body></html>", "no text is left after cleaning"),
        ("text \ufffd\ufffd\ufffd", "undecodable: too many replacement characters"),
        ("PK\x03\x04\x00\x00\x08", "binary data: too many control characters"),
        ("x" * 101, "longer than 100 characters"),
    ],
)
def test_what_gives_no_text_is_refused_with_the_reason(content, reason):
    kind = "text/html" if content.startswith("<html") else "text/plain"
    assert clean(content, kind, most_chars=100)[1] == reason


def test_a_bad_row_does_not_touch_its_neighbours_and_rows_fit_the_contract():
    batch = landed(("good", "text/plain", "text"), ("", "text/html", "text"), ("x = 1", "text/x-python", "code"))
    answer = clean_documents(batch.slice(0), CleanParams())
    assert answer.column("_reject").to_pylist() == [None, "no text is left after cleaning", None]
    assert answer.column("text").to_pylist() == ["good", "", "x = 1"]
    runner = Runner("f", __file__, clean_documents, CleanParams(), documents)
    (fitted,) = list(runner([batch]))
    assert fitted.column("sample_id").to_pylist() == batch.column("sample_id").to_pylist()
    sliced = clean_documents(batch.slice(2), CleanParams())
    assert sliced.column("text").to_pylist() == ["x = 1"]


def test_equal_text_has_an_equal_content_id_whatever_it_was_landed_as():
    batch = landed(("a\r\nb", "text/plain", "text"), ("a\nb\n", "text/plain", "text"), ("ab", "text/plain", "text"))
    ids = clean_documents(batch, CleanParams()).column("content_id").to_pylist()
    assert ids[0] == ids[1] != ids[2]


def test_a_fraction_beyond_one_is_refused():
    with pytest.raises(FlowError, match="most_replaced"):
        CleanParams(most_replaced=2)
