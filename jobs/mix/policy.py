"""A policy: thresholds over score columns, declared in YAML, compiled to Spark SQL expressions.

Scores are columns, decisions are policy: a policy reads no text and no media, so that any policy can be
tried over the past.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.acquire.strict_yaml import read_yaml
from jobs.mix.declared import broken, mapping, only
from lakehouse.declare.contract import Table
from schemas.documents import document_scores
from schemas.images import image_scores
from schemas.utterances import utterance_scores

SCORES: Mapping[str, Table] = {
    "documents": document_scores,
    "utterances": utterance_scores,
    "images": image_scores,
}
# What every family's rows have when rules are asked.
SAMPLE_COLUMNS = ("modality", "kind", "language", "language_group", "source", "license", "table")
SCORE = "score_"

_KEYS = {"name", "unscored", "duplicates", "language", "rules"}
_RULE_KEYS = {"name", "column", "min", "max", "is", "in", "not_in", "where"}
_TAG = re.compile(r"^[a-z]{2,3}$")


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition of a kept sample.

    Args:
        name: What is wrong with a sample that breaks it.
        broken: Spark SQL, true where a sample breaks it.
        scores: The score columns that it reads.
    """

    name: str
    broken: str
    scores: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """A loaded policy.

    Args:
        label: Name and digest.
        rules: Rules by family: documents, utterances, images.
        drop_unscored: Whether a sample without scores is dropped.
        drop_duplicates: Whether a sample that repeats a kept one is dropped.
        confidence: Least confidence in an identified language.
        groups: Primary subtags by language group.
    """

    label: str
    rules: Mapping[str, Sequence[Rule]]
    drop_unscored: bool
    drop_duplicates: bool
    confidence: float
    groups: Mapping[str, Sequence[str]]

    def group(self, modality: str, language: str) -> str:
        """Return the Spark SQL of the language group of a sample."""
        primary = f"lower(regexp_extract({language}, '^[A-Za-z]+', 0))"
        cases = " ".join(
            f"WHEN {primary} IN ({', '.join(map(literal, tags))}) THEN {literal(name)}"
            for name, tags in self.groups.items()
        )
        return f"CASE WHEN {modality} = 'code' THEN 'code' {cases} ELSE 'other' END"

    def reasons(self, family: str) -> str:
        """Return the Spark SQL of the broken rules' names, an array.

        It reads `SAMPLE_COLUMNS`, scores under the prefix `SCORE`, and the flags ``_scored`` and ``_duplicate``.
        """
        cases = [f"CASE WHEN {rule.broken} THEN {literal(rule.name)} END" for rule in self.rules.get(family, ())]
        if self.drop_unscored:
            cases.append("CASE WHEN NOT _scored THEN 'unscored' END")
        if self.drop_duplicates:
            cases.append("CASE WHEN _duplicate THEN 'duplicate' END")
        listed = ", ".join(cases) or "CAST(NULL AS STRING)"
        return f"filter(array({listed}), reason -> reason IS NOT NULL)"

    def scores(self, family: str) -> tuple[str, ...]:
        """Return the score columns that a family's rules read."""
        return tuple(sorted({name for rule in self.rules.get(family, ()) for name in rule.scores}))


def literal(value: object) -> str:
    """Return a value as a Spark SQL literal."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value!r}D"
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"


def load_policy(path: str | Path) -> Policy:
    """Read and compile a policy.

    Raises:
        ConfigError: If the file is broken, or names an unknown family, column or key; says file and line.
    """
    place = Path(path)
    body = read_yaml(place, "name")
    only(place, body, _KEYS)
    name = body.get("name")
    if not isinstance(name, str) or not name:
        raise broken(place, body, "name", "the policy has no name", "add name: base")
    language = mapping(place, body, "language")
    only(place, language, {"confidence", "groups"})
    rules = mapping(place, body, "rules")
    only(place, rules, set(SCORES))
    digest = hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()[:12]
    return Policy(
        label=f"{name}@{digest}",
        rules={family: _rules(place, family, rules) for family in rules},
        drop_unscored=_drops(place, body, "unscored"),
        drop_duplicates=_drops(place, body, "duplicates"),
        confidence=_number(place, language, "confidence", 0.0),
        groups=_groups(place, mapping(place, language, "groups")),
    )


def _rules(place: Path, family: str, body: Any) -> tuple[Rule, ...]:
    given = body[family]
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise broken(place, body, family, f"rules.{family} is no list of rules", "write - {name: ..., column: ...}")
    made = tuple(_rule(place, family, item) for item in given)
    names = [rule.name for rule in made]
    for number, name in enumerate(names):
        if name in names[:number]:
            told = f"{family} has two rules {name!r}"
            raise broken(place, given[number], "name", told, "give each rule a name of its own")
    return made


def _rule(place: Path, family: str, body: Any) -> Rule:
    only(place, body, _RULE_KEYS)
    name, column = body.get("name"), body.get("column")
    if not isinstance(name, str) or not name:
        raise broken(place, body, "", f"a rule of {family} has no name", "say what is wrong with what breaks it")
    value, score = _column(place, family, body, "column", column)
    wanted = []
    for key, operator in (("min", "<"), ("max", ">")):
        if key in body:
            wanted.append(f"{value} {operator} {literal(_number(place, body, key))}")
    if "is" in body:
        if not isinstance(body["is"], bool):
            raise broken(place, body, "is", f"{name}: is: {body['is']!r}", "write true or false")
        wanted.append(f"{value} != {literal(body['is'])}")
    for key, operator in (("in", "NOT IN"), ("not_in", "IN")):
        if key in body:
            wanted.append(f"{value} {operator} ({_values(place, body, key)})")
    if not wanted:
        raise broken(place, body, "", f"rule {name!r} demands nothing", "add min, max, is, in or not_in")
    where = mapping(place, body, "where")
    about = [(*_column(place, family, where, key, key), _values(place, where, key)) for key in where]
    conditions = [f"{sql} IN ({values})" for sql, _, values in about]
    scores = tuple(dict.fromkeys(found for found in (score, *(found for _, found, _ in about)) if found))
    return Rule(name, " AND ".join([*conditions, f"({' OR '.join(wanted)})"]), scores)


def _column(place: Path, family: str, body: Any, key: str, column: Any) -> tuple[str, str]:
    """Return the SQL of a column, and its name where it is a score."""
    table = SCORES[family]
    if column in SAMPLE_COLUMNS:
        return f"`{column}`", ""
    if isinstance(column, str) and column in table:
        return f"`{SCORE}{column}`", column
    known = ", ".join([*SAMPLE_COLUMNS, *(c.name for c in table.columns[5:])])
    raise broken(place, body, key, f"{table.name} has no column {column!r}", f"it has {known}")


def _groups(place: Path, body: Any) -> dict[str, tuple[str, ...]]:
    seen: dict[str, str] = {}
    for name, tags in body.items():
        if name in {"other", "code"}:
            raise broken(place, body, name, f"language group {name!r} is made by itself", "leave it out")
        if not isinstance(tags, list) or not all(isinstance(tag, str) and _TAG.match(tag) for tag in tags):
            raise broken(place, body, name, f"language group {name!r} is no list of primary subtags", "write [zh, yue]")
        for tag in tags:
            if tag in seen:
                raise broken(place, body, name, f"{tag!r} is in two language groups", f"take it out of {seen[tag]}")
            seen[tag] = name
    return {name: tuple(tags) for name, tags in body.items()}


def _drops(place: Path, body: Any, key: str) -> bool:
    value = body.get(key, "drop")
    if not isinstance(value, str) or value not in {"drop", "keep"}:
        raise broken(place, body, key, f"{key} is {value!r}", "write drop or keep")
    return bool(value == "drop")


def _number(place: Path, body: Any, key: str, default: float | None = None) -> float | int:
    value = body.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise broken(place, body, key, f"{key} is {value!r}", "give a number")
    return value


def _values(place: Path, body: Any, key: str) -> str:
    value = body[key]
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(item, str | int | float) for item in listed):
        raise broken(place, body, key, f"{key} is {value!r}", "give a value or a list of values")
    return ", ".join(map(literal, listed))
