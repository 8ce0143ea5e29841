"""Fingerprints of a flow: what its code reaches, its parameters, its model files.

Code is read statically: the function's syntax tree, and those of the project's functions, classes and
constants that it names, however deep, without docstrings, comments or layout. Nothing is imported for it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from lakehouse.config import Config
from lakehouse.errors import ConfigError
from lakehouse.flow import Flow
from lakehouse.paramtype import declared_types, fits, in_words
from lakehouse.source import Module, find_module
from lakehouse.sqlflow import normalised

DECLARATION = "declaration"
WHOLE = "*"
# Definitions above which a note names modules only: it stays a few kilobytes.
_PARTS_KEPT = 256
_SHOWN = 60
_EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")


@dataclasses.dataclass(frozen=True, slots=True)
class Code:
    """What the code of a flow is.

    Args:
        digest: Digest of all of it; this alone tells whether it changed.
        parts: A short digest of each definition that it reaches, by module and name, so that a change can be
            named. Under ``declaration`` stand the parts of the flow's own declaration. A SQL flow's file, and
            where there are many definitions each module, has one digest, named ``*``.
    """

    digest: str
    parts: Mapping[str, Mapping[str, str]] = dataclasses.field(compare=False)


def code_fingerprint(flow: Flow, roots: frozenset[str]) -> Code:
    """Return the fingerprint of all project code that the flow's function reaches, and of its declaration."""
    reads = sorted((key, value.table, value.tag, value.where, value.names) for key, value in flow.reads.items())
    declared = {name: getattr(flow, name) for name in ("kind", "refresh", "driving", "driving_key", "origin")}
    texts = [repr(reads), repr(tuple(declared.values()))]
    parts = {DECLARATION: {f"reads {item[0]}": _short(repr(item)) for item in reads}}
    parts[DECLARATION] |= {name: _short(repr(value)) for name, value in declared.items()}
    if flow.function is None:
        texts.append(normalised(flow.sql, flow.file))
        parts[Path(flow.file).name] = {WHOLE: _short(texts[-1])}
    else:
        walk = _Walk(roots | {flow.function.__module__})
        walk.follow(flow.function.__module__, (flow.function.__name__,))
        texts.extend(walk.texts[key] for key in sorted(walk.texts))
        parts |= _parts(walk.texts)
    return Code(hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16], parts)


def _parts(texts: Mapping[tuple[str, str], str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for module, name in sorted(texts):
        found.setdefault(module, {})[name] = _short(texts[module, name])
    if len(texts) <= _PARTS_KEPT:
        return found
    return {module: {WHOLE: _short(repr(sorted(names.items())))} for module, names in found.items()}


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def resolve_params(flow: Flow, config: Config) -> Any:
    """Return the flow's parameters with the configuration's overrides.

    Raises:
        ConfigError: If an override names no parameter, is of another type, or the parameters refuse its value.
    """
    given: dict[str, Any] = {}
    for key in (flow.writes.name, flow.id):
        given.update(config.params.get(key, {}))
    fields = {item.name: item for item in dataclasses.fields(flow.params)}
    unknown = sorted(set(given) - set(fields))
    if unknown:
        known = ", ".join(fields) or "none"
        raise ConfigError(f"{flow.id} has no parameter {unknown[0]!r}", f"it has {known}")
    kinds = declared_types(flow.params) if given else {}
    for name, value in given.items():
        if isinstance(value, list):
            given[name] = tuple(value)
        elif isinstance(value, str) and isinstance(fields[name].default, tuple):
            raise ConfigError(f"{flow.id}: {name} is a text, {value!r}", f"write a list: {name}: [{value}]")
        if name in kinds and not fits(given[name], kinds[name]):
            raise ConfigError(
                f"{flow.id}: {name} is {_shown(value)}, where {in_words(kinds[name])} is expected",
                _way_out(value),
            )
        if fields[name].metadata.get("file"):
            given[name] = _absolute(given[name], config.root)
    try:
        found = flow.params(**given)
        if check := getattr(found, "check", None):
            check()
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{flow.id}: {error}", "correct params: in mixlake.yaml or --param") from error
    return found


def params_json(flow: Flow, params: Any) -> str:
    """Return the parameters as canonical JSON; a parameter that names files stands with their digests."""
    body: dict[str, Any] = {}
    for item in dataclasses.fields(params):
        value = getattr(params, item.name)
        if item.metadata.get("file"):
            missing = [name for name in _names(value) if not Path(name).is_file()]
            if missing:
                raise ConfigError(f"{flow.id}: {item.name} names {missing[0]}, which is no file", "correct params:")
            value = [[Path(name).name, file_digest(Path(name))] for name in _names(value)]
        body[item.name] = value
    try:
        return json.dumps(body, sort_keys=True, default=_plain, ensure_ascii=False)
    except TypeError as error:
        raise ConfigError(
            f"{flow.id}: a parameter is no plain value: {error}", "use numbers, texts and lists"
        ) from None


def _shown(value: Any) -> str:
    if isinstance(value, date):
        return f"the date {value.isoformat()}"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _way_out(value: Any) -> str:
    if isinstance(value, date):
        return f"put it in quotes: '{value.isoformat()}'"
    if isinstance(value, str) and _EXPONENT.fullmatch(value):
        return "YAML takes it for a text: write a point and a sign, as in 1.0e-3 or 1.0e+6"
    return "correct params: in mixlake.yaml or --param"


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, first 64 bits, or "missing"."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError:
        return "missing"


def _names(value: Any) -> list[str]:
    return [str(value)] if isinstance(value, str | Path) and str(value) else [str(v) for v in value or ()]


def _absolute(value: Any, root: Path) -> Any:
    if isinstance(value, tuple):
        return tuple(_absolute(item, root) for item in value)
    return str(root / value) if isinstance(value, str) and value and not Path(value).is_absolute() else value


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} {value!r}")


class _Walk:
    """All definitions that a name reaches; ``texts`` holds them by (module, name)."""

    def __init__(self, roots: frozenset[str]) -> None:
        self.texts: dict[tuple[str, str], str] = {}
        self._roots = roots
        self._seen: set[tuple[str, tuple[str, ...]]] = set()

    def follow(self, module: str, chain: tuple[str, ...]) -> None:
        """Look a dotted name up in a module, and what is left of it in the module's submodules."""
        while chain and _inside(module, self._roots):
            found = find_module(module)
            if found is not None:
                self._use(module, found, chain)
                # Looking for a submodule imports its parent, so only packages, which are imported, are asked.
                if chain[0] in found or not found.is_package:
                    return
            module, chain = f"{module}.{chain[0]}", chain[1:]

    def _use(self, module: str, found: Module, chain: tuple[str, ...]) -> None:
        if (module, chain) in self._seen:
            return
        self._seen.add((module, chain))
        name, rest = chain[0], chain[1:]
        if name in found:
            self._define(module, found, name)
        for target, there in found.imports.get(name, ()):
            self.follow(target, (there, *rest) if there else rest)
        if name not in found and name not in found.imports:
            for star in found.stars:
                self.follow(star, chain)

    def _define(self, module: str, found: Module, name: str) -> None:
        if (module, name) in self.texts:
            return
        definition = found.definitions[name]
        self.texts[module, name] = definition.text
        for chain in definition.names:
            self._use(module, found, chain)


def _inside(module: str, roots: frozenset[str]) -> bool:
    return module.split(".", 1)[0] in roots or module in roots
