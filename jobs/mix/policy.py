"""A policy: thresholds over score columns, declared in YAML, compiled to SQL expressions.

Scores are columns, decisions are policy: a policy reads no text and no media, so that any policy can be
tried over the past.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from jobs.dialect import identifier, literal
from jobs.mix.findings import finding, judged_value, threshold
from lakehouse.declare.contract import Table
from lakehouse.declare.relations import Dialect
from lakehouse.declare.user_files import YamlMapping, convert, read_yaml
from schemas.documents import EXTRACTED, document_scores
from schemas.images import image_scores
from schemas.utterances import utterance_scores

SCORES: Mapping[str, Table] = {
    "documents": document_scores,
    "utterances": utterance_scores,
    "images": image_scores,
}
# Measured while cleaning, columns of the cleaned table; null for samples of other tables.
CLEANING_SCORES: Mapping[str, tuple[str, ...]] = {"documents": (EXTRACTED.name,)}
# Columns that the rows of every family have when rules are evaluated.
SAMPLE_COLUMNS = ("modality", "kind", "language", "language_group", "source", "license", "table")
SCORE = "score_"
POLICY = str(Path(__file__).with_name("policy.yaml"))

_RULE_KEYS = {"name", "column", "min", "max", "is", "in", "not_in", "where"}
_TAG = re.compile(r"^[a-z]{2,3}$")


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition of a kept sample.

    Args:
        name: What is wrong with a sample that breaks it.
        broken: SQL, true where a sample breaks it.
        finding: SQL of what is written of a sample that breaks it; see `jobs.mix.findings`.
        scores: The score columns that it reads.
    """

    name: str
    broken: str
    finding: str
    scores: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """A loaded policy.

    Args:
        dialect: Dialect of its SQL.
        label: Name and digest.
        rules: Rules by family: documents, utterances, images.
        drop_unscored: Whether a sample without scores is dropped.
        drop_duplicates: Whether a sample that repeats a kept one is dropped.
        drop_needs_review: Whether a sample is dropped whose file states another licence than its source declares.
        drop_contained: Whether a sample of which most stands in a kept one is dropped.
        drop_repeated_lines: Whether lines at both ends that repeat over a source are taken off a document.
        confidence: Least confidence in an identified language.
        groups: Primary subtags by language group.
    """

    dialect: Dialect
    label: str
    rules: Mapping[str, Sequence[Rule]]
    drop_unscored: bool
    drop_duplicates: bool
    drop_needs_review: bool
    drop_contained: bool
    drop_repeated_lines: bool
    confidence: float
    groups: Mapping[str, Sequence[str]]

    def group(self, modality: str, language: str) -> str:
        """Return the SQL of the language group of a sample."""
        primary = f"lower(regexp_extract({language}, '^[A-Za-z]+', 0))"
        cases = " ".join(
            f"WHEN {primary} IN ({', '.join(map(self.literal, tags))}) THEN {self.literal(name)}"
            for name, tags in self.groups.items()
        )
        return f"CASE WHEN {modality} = 'code' THEN 'code' {cases} ELSE 'other' END"

    def findings(self, family: str) -> str:
        """Return the SQL of what the policy found of a sample: a list with a finding for each rule that drops it.

        It reads `SAMPLE_COLUMNS`, scores under the prefix `SCORE`, and the flags ``_scored``, ``_duplicates``,
        ``_contained`` and ``_review``.
        """
        cases = [f"CASE WHEN {rule.broken} THEN {rule.finding} END" for rule in self.rules.get(family, ())]
        switches = (
            (self.drop_unscored, "NOT _scored", "unscored"),
            (self.drop_duplicates, "_duplicates", "duplicate"),
            (self.drop_contained, "_contained", "contained"),
            (self.drop_needs_review, "_review", "licence needs review"),
        )
        cases += [f"CASE WHEN {flag} THEN {finding(name, self.dialect)} END" for drops, flag, name in switches if drops]
        listed = ", ".join(cases) or f"CASE WHEN false THEN {finding('', self.dialect)} END"
        if self.dialect == "spark":
            return f"filter(array({listed}), finding -> finding IS NOT NULL)"
        return f"list_filter([{listed}], lambda finding: finding IS NOT NULL)"

    def reasons(self, findings: str) -> str:
        """Return the SQL of the names of the rules in a column of findings, a list."""
        if self.dialect == "spark":
            return f"transform({findings}, finding -> finding.rule)"
        return f"list_transform({findings}, lambda finding: finding.rule)"

    def literal(self, value: object) -> str:
        """Return a value as a literal."""
        return literal(value, self.dialect)

    def scores(self, family: str) -> tuple[str, ...]:
        """Return the score columns that a family's rules read."""
        return tuple(sorted({name for rule in self.rules.get(family, ()) for name in rule.scores}))


def load_policy(path: str | Path, dialect: Dialect = "spark") -> Policy:
    """Read and compile a policy.

    Args:
        path: Its file.
        dialect: Dialect of the SQL.

    Raises:
        ConfigError: If the file is broken, or names an unknown family, column or key; says file and line.
    """
    body = read_yaml(Path(path), "name")
    file = convert(_File, body, "the policy")
    if not file.name:
        raise body.error("name", "the policy has no name", "add name: base")
    rules = body.mapping("rules")
    rules.require_known(SCORES)
    digest = hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()[:12]
    return Policy(
        dialect=dialect,
        label=f"{file.name}@{digest}",
        rules={family: _rules(family, rules, dialect) for family in rules},
        drop_unscored=file.unscored == "drop",
        drop_duplicates=file.duplicates == "drop",
        drop_needs_review=file.needs_review == "drop",
        drop_contained=file.contained == "drop",
        drop_repeated_lines=file.repeated_lines == "drop",
        confidence=file.language.confidence,
        groups=_groups(body.mapping("language").mapping("groups")),
    )


@dataclass(frozen=True, slots=True)
class _Language:
    confidence: float = 0.0
    groups: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _File:
    """What a policy's file says."""

    name: str
    unscored: Literal["drop", "keep"] = "drop"
    duplicates: Literal["drop", "keep"] = "drop"
    needs_review: Literal["drop", "keep"] = "drop"
    contained: Literal["drop", "keep"] = "drop"
    repeated_lines: Literal["drop", "keep"] = "drop"
    language: _Language = field(default_factory=_Language)
    rules: Mapping[str, Any] = field(default_factory=dict)


def _rules(family: str, rules: YamlMapping, dialect: Dialect) -> tuple[Rule, ...]:
    bodies = rules[family]
    if not isinstance(bodies, list) or not all(isinstance(body, YamlMapping) for body in bodies):
        raise rules.error(family, f"rules.{family} must be a list of rules", "write - {name: ..., column: ...}")
    made = tuple(_rule(family, body, dialect) for body in bodies)
    names = [rule.name for rule in made]
    for number, name in enumerate(names):
        if name in names[:number]:
            message = f"{family} has two rules {name!r}"
            raise bodies[number].error("name", message, "give each rule a name of its own")
    return made


def _rule(family: str, body: YamlMapping, dialect: Dialect) -> Rule:
    body.require_known(_RULE_KEYS)
    name = body.get("name")
    if not isinstance(name, str) or not name:
        raise body.error("", f"a rule of {family} has no name", "say what is wrong with what breaks it")
    value, score = _column(family, body, "column", dialect)
    wanted = []
    for key, operator in (("min", "<"), ("max", ">")):
        if key in body:
            if isinstance(body[key], bool) or not isinstance(body[key], int | float):
                raise body.error(key, f"{key} is {body[key]!r}", "give a number")
            wanted.append(f"{value} {operator} {literal(body[key], dialect)}")
    if "is" in body:
        if not isinstance(body["is"], bool):
            raise body.error("is", f"{name}: is: {body['is']!r}", "write true or false")
        wanted.append(f"{value} != {literal(body['is'], dialect)}")
    for key, operator in (("in", "NOT IN"), ("not_in", "IN")):
        if key in body:
            wanted.append(f"{value} {operator} ({_values(body, key, dialect)})")
    if not wanted:
        raise body.error("", f"rule {name!r} demands nothing", "add min, max, is, in or not_in")
    where = body.mapping("where")
    about = [(*_column(family, where, key, dialect, key), _values(where, key, dialect)) for key in where]
    conditions = [
        _language_in(sql, where, dialect) if key == "language" else f"{sql} IN ({values})"
        for key, (sql, _, values) in zip(where, about, strict=True)
    ]
    scores = tuple(dict.fromkeys(found for found in (score, *(found for _, found, _ in about)) if found))
    judged = judged_value(value, _kind(family, body["column"]))
    found = finding(name, dialect, body["column"], judged, threshold(body))
    return Rule(name, " AND ".join([*conditions, f"({' OR '.join(wanted)})"]), found, scores)


def _kind(family: str, column: str) -> pa.DataType:
    """Return the type of a column that a rule judges."""
    if column in SAMPLE_COLUMNS:
        return pa.string()
    return SCORES[family].column(column).type if column in SCORES[family] else EXTRACTED.type


def _language_in(sql: str, where: YamlMapping, dialect: Dialect) -> str:
    """Return the SQL of a tag that is one of the ranges, or begins with one (RFC 4647, basic filtering)."""
    value = where["language"]
    ranges = [str(item) for item in (value if isinstance(value, list) else [value])]
    tests = [f"{sql} = {literal(item, dialect)} OR {sql} LIKE {literal(f'{item}-%', dialect)}" for item in ranges]
    return f"({' OR '.join(tests)})"


def _column(family: str, body: YamlMapping, key: str, dialect: Dialect, name: str = "") -> tuple[str, str]:
    """Return the SQL of a column, and its name where it is a score; it is named by the key's value, or by itself."""
    table, column = SCORES[family], name or body.get(key)
    if column in SAMPLE_COLUMNS:
        return identifier(column, dialect), ""
    if isinstance(column, str) and (column in table or column in CLEANING_SCORES.get(family, ())):
        return identifier(SCORE + column, dialect), column
    known = ", ".join([*SAMPLE_COLUMNS, *(c.name for c in table.columns[5:])])
    raise body.error(key, f"{table.name} has no column {column!r}", f"it has {known}")


def _groups(body: YamlMapping) -> dict[str, tuple[str, ...]]:
    seen: dict[str, str] = {}
    for name, tags in body.items():
        if name in {"other", "code"}:
            raise body.error(name, f"language group {name!r} is made by itself", "leave it out")
        if not isinstance(tags, list) or not all(isinstance(tag, str) and _TAG.match(tag) for tag in tags):
            raise body.error(name, f"language group {name!r} must be a list of primary subtags", "write [zh, yue]")
        for tag in tags:
            if tag in seen:
                raise body.error(name, f"{tag!r} is in two language groups", f"take it out of {seen[tag]}")
            seen[tag] = name
    return {name: tuple(tags) for name, tags in body.items()}


def _values(body: YamlMapping, key: str, dialect: Dialect) -> str:
    value = body[key]
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(item, str | int | float) for item in listed):
        raise body.error(key, f"{key} is {value!r}", "give a value or a list of values")
    return ", ".join(literal(item, dialect) for item in listed)
