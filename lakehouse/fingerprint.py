"""Fingerprints of a flow: what its code reaches, its parameters, its model files.

Code is read statically: the function's syntax tree, and those of the project's functions, classes and
constants that it names, however deep, without docstrings, comments or layout. Nothing is imported for it.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import hashlib
import importlib.util
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lakehouse.config import Config
from lakehouse.errors import ConfigError
from lakehouse.flow import Flow
from lakehouse.sqlflow import normalised


def code_fingerprint(flow: Flow, roots: frozenset[str]) -> str:
    """Return a digest of all project code that the flow's function reaches, and of its declaration."""
    parts = [repr(sorted((key, value.table, value.tag, value.where, value.names) for key, value in flow.reads.items()))]
    parts.append(repr((flow.kind, flow.refresh, flow.driving, flow.driving_key, flow.origin)))
    if flow.function is None:
        parts.append(normalised(flow.sql, flow.file))
    else:
        walk = _Walk(roots | {flow.function.__module__})
        walk.follow(flow.function.__module__, (flow.function.__name__,))
        parts.extend(walk.texts[key] for key in sorted(walk.texts))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def resolve_params(flow: Flow, config: Config) -> Any:
    """Return the flow's parameters with the configuration's overrides.

    Raises:
        ConfigError: If an override names no parameter, or the parameters refuse its value.
    """
    given: dict[str, Any] = {}
    for key in (flow.writes.name, flow.id):
        given.update(config.params.get(key, {}))
    fields = {item.name: item for item in dataclasses.fields(flow.params)}
    unknown = sorted(set(given) - set(fields))
    if unknown:
        known = ", ".join(fields) or "none"
        raise ConfigError(f"{flow.id} has no parameter {unknown[0]!r}", f"it has {known}")
    for name, value in given.items():
        if isinstance(value, list):
            given[name] = tuple(value)
        if fields[name].metadata.get("file"):
            given[name] = _absolute(given[name], config.root)
    try:
        return flow.params(**given)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{flow.id}: {error}", "correct params: in mixlake.yaml or --param") from error


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


@dataclasses.dataclass(frozen=True)
class _Definition:
    """One top-level name of a module: its syntax as text, and the dotted names that it uses."""

    text: str
    names: tuple[tuple[str, ...], ...]


class _Module:
    """A module's top-level definitions and what its imports mean; a definition is looked at when it is reached."""

    def __init__(self, tree: ast.Module, package: str, *, is_package: bool) -> None:
        nodes: dict[str, list[ast.stmt]] = {}
        for node in _flat(tree.body):
            for target in _targets(node):
                nodes.setdefault(target, []).append(node)
        self._nodes = nodes
        self._done: dict[str, _Definition] = {}
        self.is_package = is_package
        self.stars: list[str] = []
        self.imports: dict[str, list[tuple[str, str]]] = {}
        for name, origin in _imports(tree, package):
            if name == "*":
                self.stars.append(origin[0])
            elif origin not in self.imports.setdefault(name, []):
                self.imports[name].append(origin)

    def __contains__(self, name: str) -> bool:
        return name in self._nodes

    def definition(self, name: str) -> _Definition:
        if name not in self._done:
            nodes = [_body_only(node) for node in self._nodes[name]]
            text = "\n".join(ast.dump(node, annotate_fields=False) for node in nodes)
            names = dict.fromkeys(chain for node in nodes for chain in _names_in(node))
            self._done[name] = _Definition(text, tuple(names))
        return self._done[name]


def _module(name: str) -> _Module | None:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    path = Path(spec.origin)
    status = path.stat()
    return _parsed(path, status.st_mtime_ns, status.st_size, name, spec.submodule_search_locations is not None)


@functools.lru_cache(maxsize=4096)
def _parsed(path: Path, modified: int, size: int, name: str, is_package: bool) -> _Module:  # noqa: ARG001 - a changed file is parsed again
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        _strip(node)
    return _Module(tree, name if is_package else name.rpartition(".")[0], is_package=is_package)


def _flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield a module's statements, those inside its branches and loops too, but none of its functions' or classes'."""
    for node in body:
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for field in ("body", "orelse", "finalbody"):
            yield from _flat(getattr(node, field, []))
        for part in (*getattr(node, "handlers", []), *getattr(node, "cases", [])):
            yield from _flat(part.body)


def _targets(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement itself binds."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.AnnAssign | ast.AugAssign):
        if isinstance(node.target, ast.Name):
            yield node.target.id
    else:
        for leaf in (leaf for part in _binding(node) for leaf in ast.walk(part)):
            if isinstance(leaf, ast.Name):
                yield leaf.id
            elif isinstance(leaf, ast.MatchAs | ast.MatchStar) and leaf.name:
                yield leaf.name


def _binding(node: ast.stmt) -> list[ast.AST]:
    if isinstance(node, ast.Assign):
        return [*node.targets]
    if isinstance(node, ast.For):
        return [node.target]
    if isinstance(node, ast.With):
        return [item.optional_vars for item in node.items if item.optional_vars is not None]
    if isinstance(node, ast.Match):
        return [case.pattern for case in node.cases]
    return [node.name] if isinstance(node, ast.TypeAlias) else []


def _imports(tree: ast.AST, package: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield each imported name with its module and its name there ("" for the module itself)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            try:
                module = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            except ImportError:  # beyond the top: the module could not be imported either
                continue
            for alias in node.names:
                yield alias.asname or alias.name, (module, alias.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield (
                    (alias.asname or alias.name.split(".", 1)[0]),
                    (alias.name if alias.asname else alias.name.split(".", 1)[0], ""),
                )


class _Walk:
    """All definitions that a name reaches; ``texts`` holds them by (module, name)."""

    def __init__(self, roots: frozenset[str]) -> None:
        self.texts: dict[tuple[str, str], str] = {}
        self._roots = roots
        self._seen: set[tuple[str, tuple[str, ...]]] = set()

    def follow(self, module: str, chain: tuple[str, ...]) -> None:
        """Look a dotted name up in a module, and what is left of it in the module's submodules."""
        while chain and _inside(module, self._roots):
            found = _module(module)
            if found is not None:
                self._use(module, found, chain)
                # Looking for a submodule imports its parent, so only packages, which are imported, are asked.
                if chain[0] in found or not found.is_package:
                    return
            module, chain = f"{module}.{chain[0]}", chain[1:]

    def _use(self, module: str, found: _Module, chain: tuple[str, ...]) -> None:
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

    def _define(self, module: str, found: _Module, name: str) -> None:
        if (module, name) in self.texts:
            return
        definition = found.definition(name)
        self.texts[module, name] = definition.text
        for chain in definition.names:
            self._use(module, found, chain)


def _inside(module: str, roots: frozenset[str]) -> bool:
    return module.split(".", 1)[0] in roots or module in roots


def _names_in(node: ast.AST) -> Iterator[tuple[str, ...]]:
    """Yield dotted names that a definition uses."""
    for leaf in ast.walk(node):
        if isinstance(leaf, ast.Name):
            yield (leaf.id,)
        elif isinstance(leaf, ast.Attribute):
            parts: list[str] = []
            inner: ast.expr = leaf
            while isinstance(inner, ast.Attribute):
                parts.append(inner.attr)
                inner = inner.value
            if isinstance(inner, ast.Name):
                yield (inner.id, *reversed(parts))
        elif isinstance(leaf, ast.ImportFrom):
            for alias in leaf.names:
                yield (alias.asname or alias.name,)


def _body_only(node: ast.AST) -> ast.AST:
    """Leave out a function's own declaration as a flow and what it is annotated to return."""
    if isinstance(node, ast.FunctionDef):
        decorators = [item for item in node.decorator_list if not _is_declaration(item)]
        bare = ast.FunctionDef(
            name=node.name, args=node.args, body=node.body, decorator_list=decorators, returns=None, type_params=[]
        )
        return ast.copy_location(bare, node)
    return node


def _is_declaration(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id == "flow"


def _strip(node: ast.AST) -> None:
    """Drop a docstring."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            node.body = node.body[1:] or [ast.Pass()]
