"""Fingerprints of a flow: the code that it uses, its parameters, its model files.

Code is read statically: the function's syntax tree, and those of the project's functions, classes and
constants that it names, however deep, without docstrings, comments or layout. Nothing is imported for it.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path

from lakehouse.declare.flow import Flow
from lakehouse.declare.sql_views import normalised
from lakehouse.plan.module_source import Module, find_module

DECLARATION = "declaration"
WHOLE = "*"
# Definitions above which a note names modules only: it stays a few kilobytes.
_PARTS_KEPT = 256


@dataclasses.dataclass(frozen=True, slots=True)
class Code:
    """What the code of a flow is.

    Args:
        digest: Digest of all of it; this alone determines whether it changed.
        parts: A short digest of each definition that it reaches, by module and name, so that a change can be
            named. Under ``declaration`` are the parts of the flow's own declaration. A SQL flow's file, and
            where there are many definitions each module, has one digest, named ``*``.
    """

    digest: str
    parts: Mapping[str, Mapping[str, str]] = dataclasses.field(compare=False)


def code_fingerprint(flow: Flow, roots: frozenset[str]) -> Code:
    """Return the fingerprint of all project code that the flow's function reaches, and of its declaration."""
    reads = sorted((key, value.table, value.tag, value.where, value.names) for key, value in flow.reads.items())
    declared = {name: getattr(flow, name) for name in ("kind", "refresh", "driving", "source_key", "source_key_sql")}
    if flow.group_by:
        declared["group_by"] = flow.group_by
    if flow.surplus != "fail":
        declared["surplus"] = flow.surplus
    texts = [repr(reads), repr(tuple(declared.values()))]
    parts = {DECLARATION: {f"reads {item[0]}": _short(repr(item)) for item in reads}}
    parts[DECLARATION] |= {name: _short(repr(value)) for name, value in declared.items()}
    if flow.function is None:
        texts.append(normalised(flow.sql, flow.dialect))
        parts[Path(flow.file).name] = {WHOLE: _short(texts[-1])}
    else:
        walk = _Walk(roots | {flow.function.__module__})
        walk.follow(flow.function.__module__, (flow.function.__name__,))
        texts.extend(walk.texts[key] for key in sorted(walk.texts))
        parts |= _parts(walk.texts)
    return Code(hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16], parts)


def _parts(texts: Mapping[tuple[str, str], str]) -> dict[str, dict[str, str]]:
    digests: dict[str, dict[str, str]] = {}
    for module, name in sorted(texts):
        digests.setdefault(module, {})[name] = _short(texts[module, name])
    if len(texts) <= _PARTS_KEPT:
        return digests
    return {module: {WHOLE: _short(repr(sorted(names.items())))} for module, names in digests.items()}


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]


class _Walk:
    """All definitions that a name reaches; ``texts`` holds them by (module, name)."""

    def __init__(self, roots: frozenset[str]) -> None:
        self.texts: dict[tuple[str, str], str] = {}
        self._roots = roots
        self._seen: set[tuple[str, tuple[str, ...]]] = set()

    def follow(self, module: str, chain: tuple[str, ...]) -> None:
        """Look a dotted name up in a module, and what is left of it in the module's submodules."""
        while chain and _inside(module, self._roots):
            source = find_module(module)
            if source is not None:
                self._use(module, source, chain)
                # Looking up a submodule imports its parent, so this is done for packages only, which are imported.
                if chain[0] in source or not source.is_package:
                    return
            module, chain = f"{module}.{chain[0]}", chain[1:]

    def _use(self, module: str, source: Module, chain: tuple[str, ...]) -> None:
        if (module, chain) in self._seen:
            return
        self._seen.add((module, chain))
        name, rest = chain[0], chain[1:]
        if name in source:
            self._define(module, source, name)
        for target, there in source.imports.get(name, ()):
            self.follow(target, (there, *rest) if there else rest)
        if name not in source and name not in source.imports:
            for star in source.stars:
                self.follow(star, chain)

    def _define(self, module: str, source: Module, name: str) -> None:
        if (module, name) in self.texts:
            return
        definition = source.definitions[name]
        self.texts[module, name] = definition.text
        for chain in definition.names:
            self._use(module, source, chain)


def _inside(module: str, roots: frozenset[str]) -> bool:
    return module.split(".", 1)[0] in roots or module in roots
