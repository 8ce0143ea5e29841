"""Parse project modules without importing them: what each top-level name is, and which names it uses.

What was parsed from a file is cached beside Python's own compiled form, in
``__pycache__``, under the digest of the file's text, so that a plan parses only files that changed. As with
compiled files, `sys.dont_write_bytecode` and `sys.pycache_prefix` are respected, and without a writable
folder files are parsed each time.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import importlib.util
import marshal
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.errors import FlowError

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Definition:
    """One top-level name of a module.

    Args:
        text: Its syntax, without docstrings, comments or layout.
        names: The dotted names that it uses.
    """

    text: str
    names: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Module:
    """A module's top-level definitions, and what its imports mean.

    Args:
        definitions: By name.
        imports: Imported name to (module, name there), "" for the module itself; several where branches differ.
        stars: Modules of which all names are imported.
        is_package: Whether it has submodules.
    """

    definitions: dict[str, Definition]
    imports: dict[str, tuple[tuple[str, str], ...]]
    stars: tuple[str, ...]
    is_package: bool

    def __contains__(self, name: str) -> bool:
        """Whether a name is defined here."""
        return name in self.definitions


def find_module(name: str) -> Module | None:
    """Return a module's definitions, None where there is no Python source of it."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    try:
        status = Path(spec.origin).stat()
    except OSError:  # in an archive
        modified, size = 0, 0
    else:
        modified, size = status.st_mtime_ns, status.st_size
    return _module(spec.origin, spec.loader, modified, size, name, spec.submodule_search_locations is not None)


@functools.lru_cache(maxsize=4096)
def _module(
    origin: str,
    loader: Any,
    modified: int,  # noqa: ARG001
    size: int,  # noqa: ARG001
    name: str,
    is_package: bool,
) -> Module:
    source: bytes = loader.get_data(origin)
    # The names that imports resolve to depend on the module's own name, its syntax on the version of Python.
    key = hashlib.sha256(f"{_FORMAT} {sys.version_info[:2]} {name} {is_package}\n".encode() + source).digest()
    place = _cache_path(origin)
    parsed = _read_cache(place, key)
    if parsed is None:
        try:
            parsed = _read(source, name if is_package else name.rpartition(".")[0])
        except SyntaxError as error:
            raise FlowError(f"{origin}:{error.lineno or 1} does not parse: {error.msg}", "fix it there") from None
        _write_cache(place, key, parsed, origin)
    definitions, imports, stars = parsed
    return Module({key: Definition(*value) for key, value in definitions.items()}, imports, stars, is_package)


Parsed = tuple[
    dict[str, tuple[str, tuple[tuple[str, ...], ...]]], dict[str, tuple[tuple[str, str], ...]], tuple[str, ...]
]


def _read(source: bytes, package: str) -> Parsed:
    tree = ast.parse(source)
    nodes: dict[str, list[ast.stmt]] = {}
    imports: dict[str, dict[tuple[str, str], None]] = {}
    stars: list[str] = []
    for node in ast.walk(tree):
        _strip(node)
        for name, origin in _imports(node, package):
            if name == "*":
                stars.append(origin[0])
            else:
                imports.setdefault(name, {})[origin] = None
    for statement in _statements(tree.body):
        for target in _targets(statement):
            nodes.setdefault(target, []).append(statement)
    definitions = {}
    for name, statements in nodes.items():
        bare = [_body_only(node) for node in statements]
        text = "\n".join(ast.dump(node, annotate_fields=False) for node in bare)
        definitions[name] = (text, tuple(dict.fromkeys(chain for node in bare for chain in _names_in(node))))
    return definitions, {name: tuple(origins) for name, origins in imports.items()}, tuple(stars)


def _cache_path(origin: str) -> Path | None:
    try:
        return Path(importlib.util.cache_from_source(origin)).with_suffix(".mixlake")
    except NotImplementedError:
        return None


def _read_cache(place: Path | None, key: bytes) -> Parsed | None:
    if place is None:
        return None
    try:
        data = place.read_bytes()
        if data[: len(key)] != key:
            return None
        parsed: Parsed = marshal.loads(data[len(key) :])  # noqa: S302 - trusted as far as the compiled files beside it
    except (OSError, EOFError, ValueError, TypeError):
        return None
    return parsed


def _write_cache(place: Path | None, key: bytes, parsed: Parsed, origin: str) -> None:
    if place is None or sys.dont_write_bytecode:
        return
    with contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=place.parent, prefix=place.name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(key + marshal.dumps(parsed))
            Path(name).chmod(Path(origin).stat().st_mode & 0o666)
            Path(name).replace(place)
        except OSError:
            Path(name).unlink(missing_ok=True)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield a module's statements, those inside its branches and loops too, but none of its functions' or classes'."""
    for node in body:
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for field in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(node, field, []))
        for part in (*getattr(node, "handlers", []), *getattr(node, "cases", [])):
            yield from _statements(part.body)


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


def _imports(node: ast.AST, package: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield each name that a node imports with its module and its name there ("" for the module itself)."""
    if isinstance(node, ast.ImportFrom):
        try:
            module = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
        except ImportError:  # beyond the top: the module could not be imported either
            return
        for alias in node.names:
            yield alias.asname or alias.name, (module, alias.name)
    elif isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name.split(".", 1)[0]
            yield (alias.asname or top), (alias.name if alias.asname else top, "")


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
