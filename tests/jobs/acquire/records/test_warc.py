from __future__ import annotations

import gzip
import io

from jobs.acquire.records.declaration import Records
from jobs.acquire.records.fields import fields_of
from jobs.acquire.records.warc import read
from tests.jobs.acquire.records.made import warc

PAGE = "<html lang='de'><p>Grüße</p></html>"


def said(data, modality="text", **declared):
    resolved = Records(**declared).resolved("a.warc", modality)
    records = read(io.BytesIO(data), resolved)
    return [(r.place, r.problem or fields_of(r, resolved, modality)) for r in records]


def pages():
    html = {"Content-Type": "text/html; charset=iso-8859-1"}
    packed = {"Content-Type": "text/html", "Content-Encoding": "gzip"}
    return [
        ("warcinfo", "", b"software: test", {}),
        ("request", "https://x.org/", b"", {}),
        ("response", "https://x.org/", PAGE.encode("latin-1"), html),
        ("response", "https://x.org/packed", gzip.compress(PAGE.encode()), packed),
        ("response", "https://x.org/gone", b"gone", {":status": "404 Not Found", **html}),
        ("response", "https://x.org/a.png", b"\x89PNG", {"Content-Type": "image/png"}),
        ("conversion", "https://x.org/text", "Wörter".encode(), {"WARC-Identified-Content-Language": "deu,eng"}),
    ]


def test_what_holds_content_is_a_record_with_its_address_and_time():
    found = said(warc(*pages(), compressed=False))
    assert [(place, one if isinstance(one, str) else (one.text, one.url, one.language)) for place, one in found] == [
        ("record 3", (PAGE, "https://x.org/", "und")),
        ("record 4", (PAGE, "https://x.org/packed", "und")),
        ("record 5", "HTTP status: 404 Not Found"),
        ("record 6", "its media type is no text: image/png"),
        ("record 7", ("Wörter", "https://x.org/text", "de")),
    ]
    first = found[0][1]
    assert (first.id, first.media_type) == ("<urn:uuid:00000002>", "text/html")
    assert first.time.isoformat() == "2024-05-01T10:00:00+00:00"
    assert (first.decoded["encoding"], first.decoded["encoding_method"]) == ("iso8859-1", "declared")


def test_a_picture_is_taken_by_its_bytes():
    found = said(warc(pages()[5], compressed=False), "image")
    assert found[0][1].media == b"\x89PNG"


def test_a_damaged_record_costs_itself_alone():
    three = [warc(("conversion", f"https://x.org/{n}", b"text %d" % n, {}), compressed=False) for n in range(3)]
    for damaged, words in (
        (three[1].replace(b"WARC/1.0", b"WARX/1.0"), "bytes that begin no WARC record"),
        (three[1].replace(b"Content-Length: 6", b"Content-Length: x"), "its header has no Content-Length, or several"),
        (b"\xff" * 1000 + b"\n", "bytes that begin no WARC record: 1001"),
    ):
        found = said(three[0] + damaged + three[2])
        assert [one.text for _, one in found if not isinstance(one, str)] == ["text 0", "text 2"]
        assert any(isinstance(one, str) and words in one for _, one in found)
    cut = said(b"".join(three)[:-6])
    assert [one if isinstance(one, str) else one.text for _, one in cut] == ["text 0", "text 1", "it is cut off"]


def test_large_records_are_skipped_and_said():
    big = warc(("conversion", "https://x.org/1", b"x" * 5000, {}), compressed=False)
    small = warc(("conversion", "https://x.org/2", b"small", {}), compressed=False)
    found = said(big + small, max_bytes=1000)
    assert found[0] == ("record 1", "more than 1000 bytes: 5000")
    assert found[1][1].text == "small"
    packed = gzip.compress(b"x" * 50_000)
    bomb = ("response", "https://x.org/", packed, {"Content-Type": "text/html", "Content-Encoding": "gzip"})
    assert said(warc(bomb, compressed=False), max_bytes=1000) == [("record 1", "it unpacks to more than 1000 bytes")]
