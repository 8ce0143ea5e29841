"""Why a flow is stale: what changed since its last commit.

One digest each of code, parameters, contract and models decides whether something changed. The short digests by part
in the commit note only name what it was; where they agree, the reason shows the two digests.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lakehouse.delta.commit import Commit
from lakehouse.delta.commit_note import CommitNote
from lakehouse.plan.code_fingerprint import DECLARATION, WHOLE

CauseKind = Literal[
    "missing",
    "external_write",
    "input",
    "input_replaced",
    "upstream",
    "code",
    "params",
    "contract",
    "model",
    "source_changed",
    "forced",
    "retraction",
    "quarantine_retry",
    "unreadable",
]

# Definitions of one module, and parts in all, beyond which they are counted, not named.
_NAMED = 3
_LISTED = 8
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason for a flow to run.

    Args:
        kind: What changed: its table is ``missing``; an ``input`` has new data, or was replaced by another table
            (``input_replaced``); the flow's ``code``, its ``params``, the ``contract`` of its table, or a ``model``
            file; the sources that a landing flow reads (``source_changed``); something other than the flow changed
            rows of its table (``external_write``); a flow before it is about to run (``upstream``); a ``retraction``
            is pending; quarantined rows are to be tried again (``quarantine_retry``); a table that it reads or
            writes cannot be read, so that a run of it will fail (``unreadable``); or ``--full`` (``forced``).
        detail: What changed and how, for people.
        table: The input table that changed, empty where the cause is not an input.
    """

    kind: CauseKind
    detail: str
    table: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return what ``mixlake plan --json`` prints of it."""
        return {"kind": self.kind, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """What determines a flow's result in addition to its inputs.

    Args:
        code: Digest of the code that the function uses.
        params: Parameters as canonical JSON.
        contract: Digest of the written table's contract.
        models: Digest of each model file.
        external: Fingerprint of the external data.
        code_parts: See `lakehouse.plan.code_fingerprint.Code`.
        contract_parts: See `lakehouse.declare.contract.Table.parts`.
    """

    code: str
    params: str
    contract: str
    models: Mapping[str, str]
    external: str
    code_parts: Mapping[str, Mapping[str, str]] = field(compare=False, default_factory=dict)
    contract_parts: Mapping[str, str] = field(compare=False, default_factory=dict)


def fingerprint_changes(note: CommitNote, now: Fingerprints) -> Iterator[Cause]:
    """Yield what changed since a note was written, except inputs."""
    if note.code != now.code:
        detail = _join(_code(note.code_parts, now.code_parts))
        yield Cause("code", detail or f"{note.code[:8]} -> {now.code[:8]}")
    if note.params != now.params:
        yield Cause("params", _join(_params(note.params, now.params)))
    if note.contract != now.contract:
        detail = _join(_parts(note.contract_parts, now.contract_parts))
        yield Cause("contract", detail or f"{note.contract[:8]} -> {now.contract[:8]}")
    for name in sorted({*note.models, *now.models}):
        old, new = note.models.get(name), now.models.get(name)
        if old != new:
            yield Cause("model", f"{name} {_transition(old and old[:8], new and new[:8])}")
    if note.external != now.external:
        yield Cause("source_changed", "the sources changed")


def external_write(table: str, commits: Iterable[Commit]) -> Cause | None:
    """Return the cause for commits that no flow made, None where there are none."""
    writers = []
    for commit in sorted(commits, key=lambda commit: commit.version):
        info = commit.info
        by = str(info.get("engineInfo") or info.get("clientVersion") or "something").split(" ", 1)[0]
        writers.append(
            f"version {commit.version} was written by {by} ({info.get('operation') or 'no operation named'})"
        )
    if not writers:
        return None
    return Cause("external_write", f"{_join(writers)}, not by the flow of {table}")


def _code(old: Mapping[str, Mapping[str, str]], new: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield the definitions that differ; of one module's many only how many."""
    declared = [name for name, _ in _differing(old.get(DECLARATION, {}), new.get(DECLARATION, {}))]
    if declared:
        yield f"its declaration changed: {', '.join(declared)}"
    for module in sorted({*old, *new} - {DECLARATION}):
        before, after = old.get(module, {}), new.get(module, {})
        if WHOLE in before or WHOLE in after or not before or not after:
            # By definitions on one side only, or not reached on one side: the module is what can be named.
            if before != after:
                yield f"{module} {_how(before, after, 'is reached now', 'is no longer reached')}"
            continue
        by_change: dict[str, list[str]] = {}
        for name, how in _differing(before, after):
            by_change.setdefault(how, []).append(name)
        for how, names in by_change.items():
            if len(names) > _NAMED:
                yield f"{len(names)} definitions of {module} {how}"
            else:
                yield from (f"{module}.{name} {how}" for name in names)


def _differing(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield name, _how(old.get(name), new.get(name), "is reached now", "is no longer reached")


def _how(old: object, new: object, added: str, removed: str) -> str:
    """Describe the change of something that is empty where it does not exist."""
    return "changed" if old and new else added if new else removed


def _parts(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield f"{name} {_transition(old.get(name), new.get(name))}"


def _params(old: str, new: str) -> Iterator[str]:
    before, after = _leaves(json.loads(old or "{}")), _leaves(json.loads(new or "{}"))
    for name in sorted({*before, *after}):
        if name not in before:
            yield f"{name} is new: {_value(after[name])}"
        elif name not in after:
            yield f"{name} is gone (it was {_value(before[name])})"
        elif before[name] != after[name]:
            files = _files(before[name]), _files(after[name])
            if files[0] and files[1]:
                yield f"{name}: {_files_differ(files[0], files[1])}"
            else:
                yield f"{name} {_value(before[name])} -> {_value(after[name])}"


def _leaves(value: Any, name: str = "") -> dict[str, Any]:
    """Return nested parameters by dotted name."""
    if not isinstance(value, dict) or (name and not value):
        return {name: value}
    leaves: dict[str, Any] = {}
    for key, inner in value.items():
        leaves |= _leaves(inner, f"{name}.{key}" if name else str(key))
    return leaves


def _files(value: Any) -> dict[str, str]:
    """Return the digest by name of a parameter that names files, empty where it does not; see `params_json`."""
    if not isinstance(value, list) or not value:
        return {}
    if not all(isinstance(item, list) and len(item) == 2 and all(isinstance(v, str) for v in item) for item in value):
        return {}
    return dict(value)


def _files_differ(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    changes = [
        f"{name} {_how(old.get(name), new.get(name), 'is new', 'is no longer named')}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]
    return ", ".join(changes) or "its order changed"


def _transition(old: str | None, new: str | None) -> str:
    if old is None:
        return f"is new: {new}"
    return f"is gone (it was {old})" if new is None else f"{old} -> {new}"


def _value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _join(changes: Iterable[str]) -> str:
    first = list(changes)
    more = f"; {len(first) - _LISTED} more" if len(first) > _LISTED else ""
    return "; ".join(first[:_LISTED]) + more
