from __future__ import annotations

import pytest

from jobs.acquire.path_language import PathLanguages

BESIDE = [
    "help/de/index.html", "help/fr/index.html", "help/pt_BR/a/b.html", "help/zh-Hant/x.html", "help/shared/x.html",
    "man/de.UTF-8/man1/x.1", "man/fr.UTF-8/man1/x.1", "man/sr@latin/man1/x.1",
    "src/lib/a.txt", "src/bin/b.txt", "src/it/c.txt", "src/doc/d.txt", "src/test/e.txt",
    "README.de.md", "README.fr.md", "README.ja.md", "README.md", "po/de.po", "po/pt_BR.po", "po/uk.po", "po/POTFILES.in",
    "notes/is.txt", "notes/to.txt",
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("help/de/index.html", "de"),
        ("help/pt_BR/a/b.html", "pt-BR"),
        ("help/zh-Hant/x.html", "zh-Hant"),
        ("help/shared/x.html", "und"),
        ("man/fr.UTF-8/man1/x.1", "fr"),
        ("man/sr@latin/man1/x.1", "sr-Latn"),
        ("README.ja.md", "ja"),
        ("README.md", "und"),
        ("po/pt_BR.po", "pt-BR"),
        ("po/POTFILES.in", "und"),
        # Words of two or three letters that are codes of languages, too.
        ("src/lib/a.txt", "und"),
        ("src/it/c.txt", "und"),
        ("notes/is.txt", "und"),
        ("elsewhere/de/x.txt", "und"),
        ("", "und"),
    ],
)
def test_paths_name_languages_where_others_stand_beside_them(name, tag):
    assert PathLanguages(BESIDE).of(name) == tag


def test_a_path_without_others_names_none():
    assert PathLanguages([]).of("help/de/index.html") == "und"
    assert PathLanguages(["help/de/index.html", "help/fr/index.html"]).of("help/de/index.html") == "und"


def test_a_files_own_name_is_nearer_than_its_folder():
    names = [f"{folder}/x.{tag}.txt" for folder in ("de", "fr", "ja") for tag in ("en", "es", "it")]
    assert PathLanguages(names).of("de/x.es.txt") == "es"


def test_landing_takes_it_where_the_source_states_no_language(world):
    for tag in ("de", "fr", "ja"):
        world.put(f"text/{tag}/a.txt", "x")
    rows = {row["uri"]: row["language"] for row in world.good(kind="note").to_pylist()}
    assert rows["folder:mine/text/fr/a.txt"] == "fr"
    rows = {row["uri"]: row["language"] for row in world.good(kind="note", language="en").to_pylist()}
    assert rows["folder:mine/text/fr/a.txt"] == "en"
