from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from jobs.tokenize.vocabulary import DECLARED, VocabularyParams, load_vocabulary, vocabulary
from lakehouse.errors import ConfigError
from tests.module_text import ModuleText


def test_ranges_cover_every_id_once():
    rows = sorted(vocabulary(VocabularyParams()).to_pylist(), key=lambda row: row["begin"])
    assert rows[0]["begin"] == 0
    assert all(one["end"] == two["begin"] for one, two in itertools.pairwise(rows))
    assert rows[-1]["end"] == load_vocabulary().size
    assert load_vocabulary().size % 128 == 0
    assert {row["kind"] for row in rows} == {"text", "special", "mark", "placeholder", "reserved"}


def test_qwens_own_ids_are_kept_and_ours_lie_above_its_padding():
    words = load_vocabulary()
    assert words.id("<|endoftext|>") == 151643
    assert words.id("<|text|>") == 152064
    assert words.targets == 152064
    assert min(words.id(name) for name in words.placeholders) >= words.targets


def test_the_label_follows_the_declaration(tmp_path, ranks):
    text = ModuleText(Path(DECLARED).read_text(encoding="utf-8"))
    other = tmp_path / "vocabulary.yaml"
    other.write_text(text.replace("    - <|pad|>\n", "    - <|pad|>\n    - <|mine|>\n"), encoding="utf-8")
    assert load_vocabulary(str(other)).label(ranks) != load_vocabulary().label(ranks)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<|pad|>", "<|text|>", "declared twice"),
        ("151644", "151643", "declared twice"),
        ("begin: 152064", "begin: 1000", "lie outside"),
        ("multiple: 128", "multiples: 128", "yaml:11: unknown key 'multiples' in added"),
        ("name: qwen", "name: [qwen", r"vocabulary\.yaml:\d+: "),
    ],
)
def test_a_broken_declaration_is_named(tmp_path, old, new, message):
    path = tmp_path / "vocabulary.yaml"
    path.write_text(ModuleText(Path(DECLARED).read_text(encoding="utf-8")).replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        load_vocabulary(str(path))


def test_an_unknown_token_is_named():
    with pytest.raises(ConfigError, match=r"lacks '<\|video\|>'"):
        load_vocabulary().id("<|video|>")
