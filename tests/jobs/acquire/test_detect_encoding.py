from __future__ import annotations

import pytest

from jobs.acquire.detect_encoding import CANDIDATES, detect, reading

POLISH = (
    "Źródła łąki pachniały świeżo, a żółte kaczeńce rosły wzdłuż drogi; później przyszła jesień i było już chłodno."
)


@pytest.mark.parametrize("encoding", CANDIDATES)
def test_each_candidate_is_a_codec_that_reads_ascii(encoding):
    assert b"abc".decode(encoding) == "abc"


@pytest.mark.parametrize("encoding", ["cp1250", "iso8859-2", "cp852", "mac_latin2"])
def test_the_likeliest_reading_comes_first(encoding):
    readings = detect(POLISH.encode(encoding), "und")
    assert POLISH.encode(encoding).decode(readings[0].encoding) == POLISH
    assert readings[0].language == "pl"
    assert readings[0].confidence > 0.99
    assert [one.nats for one in readings] == sorted((one.nats for one in readings), reverse=True)
    assert sum(one.confidence for one in readings) <= 1.0000001


def test_readings_that_are_the_same_text_are_one():
    texts = [POLISH.encode("cp1250").decode(one.encoding, "replace") for one in detect(POLISH.encode("cp1250"), "pl")]
    assert len(texts) == len(set(texts))


def test_what_is_no_text_of_any_language_has_no_confidence():
    assert reading("cp1252", "Ïðèâåò, ìèð! Ýòî ïðîñòîé òåêñò", "und").confidence == 0
    assert reading("cp1251", "Привет, мир! Это простой текст", "und").confidence == 1
