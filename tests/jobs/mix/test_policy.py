from __future__ import annotations

import duckdb
import pytest

from jobs.mix.policy import load_policy
from jobs.mix.samples import SampleParams
from lakehouse.errors import ConfigError
from tests.module_text import ModuleText

BODY = ModuleText("""\
name: mine
language:
  confidence: 0.5
  groups: {zh: [zh, yue], en: [en]}
rules:
  documents:
    - {name: too short, column: n_chars, min: 80, where: {modality: text, n_lines: [1, 2]}}
    - {name: wrong kind, column: kind, not_in: ["it's"]}
""")


def load(tmp_path, text):
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    return load_policy(path)


def test_the_shipped_policy_loads():
    assert load_policy(SampleParams().policy).label.startswith("base@")


def test_rules_compile_to_sql_and_name_the_scores_that_they_read(tmp_path):
    policy = load(tmp_path, BODY)
    first, second = policy.rules["documents"]
    assert first.broken == "`modality` IN ('text') AND `score_n_lines` IN (1, 2) AND (`score_n_chars` < 80)"
    assert second.broken == r"(`kind` IN ('it\'s'))"
    assert policy.scores("documents") == ("n_chars", "n_lines")
    assert policy.scores("images") == ()


def test_a_language_means_those_that_begin_with_it(tmp_path):
    policy = load(tmp_path, BODY.replace("n_lines: [1, 2]", "language: [pt, zh-Hant]"))
    ((matched,),) = duckdb.sql(f"""
        SELECT list(language) FROM (
            SELECT unnest(['pt', 'pt-BR', 'ptx', 'zh', 'zh-Hant-TW']) AS language, 'text' AS modality, 1 AS score_n_chars)
        WHERE {policy.rules["documents"][0].broken.replace("`", '"')}""").fetchall()
    assert matched == ["pt", "pt-BR", "zh-Hant-TW"]


def test_the_label_follows_thresholds_and_not_comments(tmp_path):
    label = load(tmp_path, BODY).label
    assert load(tmp_path, BODY + "# a comment\n").label == label
    assert load(tmp_path, BODY.replace("80", "81")).label != label


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("column: n_chars", "column: n_chaps", r"policy.yaml:7: silver.document_scores has no column 'n_chaps'"),
        ("n_lines:", "n_limes:", r"policy.yaml:7: silver.document_scores has no column 'n_limes'"),
        ("documents:", "papers:", r"policy.yaml:6: unknown key 'papers'"),
        ("min: 80", "min: many", r"policy.yaml:7: min is 'many'"),
        ("min: 80", "least: 80", r"policy.yaml:7: unknown key 'least'"),
        ("min: 80, ", "", r"policy.yaml:7: rule 'too short' demands nothing"),
        ("wrong kind", "too short", r"policy.yaml:8: documents has two rules 'too short'"),
        ("en: [en]", "en: [en, zh]", r"policy.yaml:4: 'zh' is in two language groups"),
        ("en: [en]", "other: [fr]", r"policy.yaml:4: language group 'other' is made by itself"),
        ("name: mine\n", "", "the policy lacks 'name'"),
        ("{zh: [zh, yue]", "{zh: [zh, yue", r"policy.yaml:\d+"),
    ],
)
def test_a_broken_policy_is_named_with_its_line(tmp_path, old, new, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, BODY.replace(old, new))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        load_policy(tmp_path / "none.yaml")
