from __future__ import annotations

import polib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.acquire.extract.catalogue import translated_text
from jobs.acquire.file_guard import RejectedError
from tests.jobs.acquire.planted_media import mutated


def catalogue(language="zh_TW"):
    made = polib.POFile()
    made.metadata = {
        "Project-Id-Version": "frob 1.0",
        "Language": language,
        "Content-Type": "text/plain; charset=UTF-8",
    }
    made.append(polib.POEntry(msgid="Open", msgstr="開啟"))
    made.append(polib.POEntry(msgid="Close", msgstr=""))
    made.append(polib.POEntry(msgid="Save", msgstr="存", flags=["fuzzy"]))
    made.append(polib.POEntry(msgid="Old", msgstr="舊", obsolete=True))
    made.append(polib.POEntry(msgid="%d file", msgid_plural="%d files", msgstr_plural={0: "一個檔案", 1: "%d 個檔案"}))
    return str(made)


def test_translations_land_with_the_language_of_the_header():
    found = translated_text(catalogue())
    assert found.text == "開啟\n\n一個檔案\n\n%d 個檔案"
    assert (found.language, found.title) == ("zh-TW", "frob 1.0")


def test_a_template_and_what_is_no_catalogue_are_refused():
    with pytest.raises(RejectedError, match="holds no translation"):
        translated_text('msgid ""\nmsgstr ""\n\nmsgid "Open"\nmsgstr ""\n')
    with pytest.raises(RejectedError, match="it is no catalogue of gettext"):
        translated_text("just some words\n")


def test_a_text_that_names_a_file_is_not_that_file(tmp_path):
    (tmp_path / "other.po").write_text(catalogue())
    with pytest.raises(RejectedError, match="it is no catalogue of gettext"):
        translated_text(str(tmp_path / "other.po"))


@settings(deadline=None)
@given(st.integers(0, 1 << 32))
def test_damaged_catalogues_give_text_or_a_reason(seed):
    try:
        text = translated_text(mutated(catalogue().encode(), seed).decode("utf-8", "replace")).text
    except RejectedError as rejected:
        text = str(rejected)
    assert text.strip()
