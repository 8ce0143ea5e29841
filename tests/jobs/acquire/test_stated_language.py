from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.acquire.stated_language import agreed_hint, stated_language

HTML, XML, PO = "text/html", "application/xml", "text/x-gettext-translation"


@pytest.mark.parametrize(
    ("content", "media_type", "wanted"),
    [
        ("<!DOCTYPE html><HTML class=a LANG=pt-br><head>", HTML, "pt-BR"),
        ('<!-- <html lang="fr"> --><html xml:lang="de">', HTML, "de"),
        ('<html data-lang="fr"><body lang="ja">', HTML, "ja"),
        ('<html><body><div lang="ja">', HTML, "und"),
        ('<meta http-equiv="Content-Language" content="zh-Hant"><body>', HTML, "zh-Hant"),
        ('<html lang="sw"><meta name="language" content="en">', HTML, "sw"),
        ('<html lang="en, fr">', HTML, "und"),
        ("<html lang=''>", HTML, "und"),
        ('<?xml version="1.0"?><page xml:lang="zh-CN"><p xml:lang="de">', XML, "zh-CN"),
        ('<page><p xml:lang="de">', XML, "und"),
        ('msgid ""\nmsgstr ""\n"Language: sr@latin\\n"\n', PO, "sr-Latn"),
        ('<html lang="fr">', "text/plain", "und"),
    ],
)
def test_a_document_states_its_language(content, media_type, wanted):
    assert stated_language(content, media_type) == wanted


@given(st.text(max_size=80), st.sampled_from([HTML, XML, PO]))
def test_whatever_stands_there_something_is_said(content, media_type):
    assert stated_language(f"<html {content}", media_type)


@pytest.mark.parametrize(
    ("source", "document", "wanted"),
    [
        ("und", "yue", "yue"),
        ("yue", "und", "yue"),
        ("zh", "yue", "yue"),
        ("yue", "zh", "yue"),
        ("pt", "pt-BR", "pt-BR"),
        ("zh-CN", "zh", "zh-CN"),
        ("fr", "de", "de"),
        ("fr", "en-US", "fr"),
    ],
)
def test_the_more_exact_and_nearer_statement_counts(source, document, wanted):
    assert agreed_hint(source, document) == wanted
