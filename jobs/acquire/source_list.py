"""Declared sources: what `sources.yaml` says, checked, as frozen values."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from jobs.acquire.strict_yaml import Mapping, read_yaml
from lakehouse.errors import ConfigError

Connector = Literal["apt", "pip", "npm", "folder"]
Modality = Literal["text", "code", "speech", "image"]
NeighbourFormat = Literal["plain", "tagged-lines", "name"]

_KEY = re.compile(r"^[a-z0-9][a-z0-9._+-]*$")


@dataclass(frozen=True, slots=True)
class PathRule:
    """What a file's path says of it. The first rule that fits and says something of a field wins.

    Args:
        match: Pattern of the path, see `jobs.acquire.globs`.
        kind: Its genre.
        language: Its BCP 47 tag.
    """

    match: str
    kind: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Where a file's caption or transcript stands.

    Args:
        format: "plain", a text file in the file's own language; "tagged-lines", a first line in `language`
            and then lines ``locale.utf8=text``; "name", the file's own name.
        suffix: Suffix of the text file.
        strip: Regular expression cut from the end of the file's stem before `suffix` is added.
        language: Language of the first line, or of the name.
    """

    format: NeighbourFormat
    suffix: str = ".txt"
    strip: str = ""
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Source:
    """One declared source.

    Args:
        key: Its name, lower case; the ``source`` of every row that descends from it.
        connector: How it is retrieved.
        license: SPDX expression.
        modality: What its files are.
        kind: Genre.
        title: What it is, for people.
        terms: Terms of use beyond the licence.
        robots: Robots decision.
        package: Name within the connector.
        version: Version wanted; empty for the client's choice.
        path: For folders: the folder. ``{stdlib}`` is the running interpreter's library; ``~`` and
            ``$NAME`` are expanded; a relative path starts at the YAML file's folder.
        license_file: For folders: the file, relative to the folder, that states the licence.
        language: BCP 47 tag, ``und`` where mixed.
        language_from: Regular expression over the path whose group ``tag`` is a locale.
        include: Patterns of the files that are wanted.
        exclude: Patterns of those that are not, though included.
        rules: What paths say of files.
        keep: Fraction of the files to keep, chosen by a hash of each file's address alone, so that a
            new file displaces none.
        max_bytes: Size above which a file is refused.
        neighbour: Where captions or transcripts stand.
        split: For text: a line that separates documents within one file.
        synthetic: Whether it was generated.
    """

    key: str
    connector: Connector
    license: str
    modality: Modality
    kind: str
    title: str = ""
    terms: str = ""
    robots: str = "not applicable"
    package: str = ""
    version: str = ""
    path: str = ""
    license_file: str = ""
    language: str = "und"
    language_from: str = ""
    include: tuple[str, ...] = ("**",)
    exclude: tuple[str, ...] = ()
    rules: tuple[PathRule, ...] = ()
    keep: float = 1.0
    max_bytes: int = 32 << 20
    neighbour: Neighbour | None = None
    split: str = ""
    synthetic: bool = False

    @property
    def base(self) -> str:
        """Start of its files' addresses: ``apt:git-doc`` or ``folder:python-stdlib``."""
        return f"{self.connector}:{self.package or self.key}"

    def to_json(self) -> str:
        """Return the declaration as JSON, keys sorted."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Source:
        """Return the declaration that `to_json` wrote."""
        said: dict[str, Any] = json.loads(text)
        said["rules"] = tuple(PathRule(**rule) for rule in said["rules"])
        said["neighbour"] = Neighbour(**said["neighbour"]) if said["neighbour"] else None
        said["include"], said["exclude"] = tuple(said["include"]), tuple(said["exclude"])
        return cls(**said)


def packaged_file() -> Path:
    """Return the path of the sources that come with the project."""
    return Path(__file__).with_name("sources.yaml")


def load_sources(files: Sequence[Path]) -> dict[str, Source]:
    """Read declarations; a later file's source replaces an earlier one's of the same key.

    Raises:
        ConfigError: If a file is broken or a declaration contradicts itself; names file and line.
    """
    found: dict[str, Source] = {}
    for file in files:
        top = read_yaml(file, "sources")
        _refuse_unknown(top, ("sources", "templates"), file, "the file")
        declared = top.get("sources") or {}
        if not isinstance(declared, Mapping):
            raise ConfigError(f"{file}:{top.line('sources')}: sources is no mapping", "write: sources: {key: {...}}")
        for key, said in declared.items():
            found[key] = _source(key, said, file, declared.line(key))
    return found


def _source(key: str, said: Any, file: Path, line: int) -> Source:
    where = f"source {key!r}"
    if not _KEY.match(key):
        raise ConfigError(f"{file}:{line}: {where} is no good name", "use lower case letters, digits, - . _ +")
    if not isinstance(said, Mapping):
        raise ConfigError(f"{file}:{line}: {where} is no mapping", "give it license, connector, modality, kind")
    converted = _fields(Source, said, file, where, {"rules": _rules, "neighbour": _neighbour})
    source = Source(key=key, **converted)
    line = said.line("")
    if source.connector == "folder":
        if not source.path:
            raise ConfigError(f"{file}:{line}: {where} names no folder", "give it: path")
        source = dataclasses.replace(source, path=_expand(source.path, file, line))
    elif not source.package:
        raise ConfigError(f"{file}:{line}: {where} names no package", "give it: package")
    if not 0 < source.keep <= 1:
        raise ConfigError(f"{file}:{said.line('keep')}: {where}: keep is {source.keep}", "give a fraction in (0, 1]")
    if source.neighbour is None and source.modality == "speech":
        raise ConfigError(f"{file}:{line}: {where} says nothing of transcripts", "give it: neighbour: {format: plain}")
    _check_patterns(source, said, file, where)
    return source


def _check_patterns(source: Source, said: Mapping, file: Path, where: str) -> None:
    for name, pattern in (
        ("language_from", source.language_from),
        ("neighbour", source.neighbour.strip if source.neighbour else ""),
    ):
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise ConfigError(
                f"{file}:{said.line(name)}: {where}: {name}: {error}", "correct the expression"
            ) from error
        if name == "language_from" and pattern and "tag" not in compiled.groupindex:
            raise ConfigError(f"{file}:{said.line(name)}: {where}: {name} has no group", "name it: (?P<tag>...)")


def _rules(said: Any, file: Path, where: str) -> tuple[PathRule, ...]:
    if not isinstance(said, list) or not all(isinstance(rule, Mapping) for rule in said):
        raise ConfigError(f"{file}: {where}: rules is no list of mappings", "write: rules: [{match: ..., kind: ...}]")
    return tuple(PathRule(**_fields(PathRule, rule, file, f"{where}: a rule", {})) for rule in said)


def _neighbour(said: Any, file: Path, where: str) -> Neighbour:
    if not isinstance(said, Mapping):
        raise ConfigError(f"{file}: {where}: neighbour is no mapping", "write: neighbour: {format: plain}")
    return Neighbour(**_fields(Neighbour, said, file, f"{where}: neighbour", {}))


def _fields(
    kind: type[Any],
    said: Mapping,
    file: Path,
    where: str,
    nested: dict[str, Callable[[Any, Path, str], Any]],
) -> dict[str, Any]:
    """Return the checked values of a dataclass's fields."""
    fields = {field.name: field for field in dataclasses.fields(kind) if field.name != "key"}
    hints = get_type_hints(kind)
    _refuse_unknown(said, tuple(fields), file, where)
    for name, field in fields.items():
        if field.default is dataclasses.MISSING and name not in said:
            raise ConfigError(f"{file}:{said.line('')}: {where} lacks {name!r}", "add it")
    out: dict[str, Any] = {}
    for name, value in said.items():
        place = f"{file}:{said.line(name)}: {where}: {name}"
        out[name] = nested[name](value, file, where) if name in nested else _value(value, hints[name], place)
    return out


def _value(value: Any, wanted: Any, place: str) -> Any:
    choices = [choice for choice in get_args(wanted) if isinstance(choice, str)]
    if choices:
        if value not in choices:
            raise ConfigError(f"{place} is {value!r}", f"one of {', '.join(choices)}")
        return value
    if wanted == tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ConfigError(f"{place} is {value!r}", "give a list of texts")
        return tuple(value)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise ConfigError(f"{place} is a number of {len(str(value))} digits", "give a smaller one") from None
    if wanted is str and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)  # a version such as 6.0, which YAML reads as a number
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise ConfigError(f"{place} is {value!r}", f"give a {wanted.__name__}")
    return value


def _refuse_unknown(said: Mapping, known: Sequence[str], file: Path, where: str) -> None:
    for name in said:
        if name not in known:
            raise ConfigError(
                f"{file}:{said.line(name)}: {where} has the unknown key {name!r}", f"it may have {', '.join(known)}"
            )


def _expand(path: str, file: Path, line: int) -> str:
    expanded = path.replace("{stdlib}", sysconfig.get_path("stdlib"))
    if "{" in expanded or "$" in os.path.expandvars(expanded):
        raise ConfigError(
            f"{file}:{line}: the folder {path!r} names something unknown", "use {stdlib}, ~ or a set $NAME"
        )
    return str((file.parent / Path(os.path.expandvars(expanded)).expanduser()).absolute())
