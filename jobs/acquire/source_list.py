"""Declared sources: what `sources.yaml` says, checked, as frozen values."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from jobs.acquire.licence_expression import spdx
from jobs.acquire.records.declaration import BESIDE_ROWS, Records, Relation
from lakehouse.declare.user_files import YamlMapping, convert, read_yaml

Connector = Literal["apt", "pip", "npm", "folder"]
Modality = Literal["text", "code", "speech", "image"]
NeighbourFormat = Literal["plain", "tagged-lines", "name"]

# Of a file of records, which is read a record at a time.
_MOST_BYTES = 1 << 50
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
    """Where a file's caption or transcript is found.

    Args:
        format: "plain", a text file in the file's own language; "tagged-lines", a first line in `language`
            and then lines ``locale.utf8=text``; "name", the file's own name.
        suffix: Suffix of the text file.
        strip: Regular expression cut from the end of the file's stem before `suffix` is added.
        language: Language of the first line, or of the name.
        relation: What the text is to a recording: "verbatim" where it is what is spoken, word for word; "caption"
            where it was read or described more or less freely, which is what is taken where nothing is declared;
            "title" where it names the recording, which a file's own name always does.
    """

    format: NeighbourFormat
    suffix: str = ".txt"
    strip: str = ""
    language: str = "en"
    relation: Relation = "caption"


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
        file_licenses: SPDX expressions that single files may state beside `license`; ``*`` for any.
        language: BCP 47 tag, ``und`` where mixed.
        language_from: Regular expression over the path whose group ``tag`` is a locale.
        include: Patterns of the files that are wanted.
        exclude: Patterns of those that are not, though included.
        rules: What paths say of files.
        keep: Fraction of the files to keep, chosen by a hash of each file's address alone, so that a
            new file displaces none.
        max_bytes: Size above which a file is refused; by default 32 MiB, and none where files hold records.
        neighbour: Where captions or transcripts are found.
        split: For text: a line that separates documents within one file.
        records: How files hold records, one sample each, where they do.
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
    file_licenses: tuple[str, ...] = ()
    language: str = "und"
    language_from: str = ""
    include: tuple[str, ...] = ("**",)
    exclude: tuple[str, ...] = ()
    rules: tuple[PathRule, ...] = ()
    keep: float = 1.0
    max_bytes: int = 32 << 20
    neighbour: Neighbour | None = None
    split: str = ""
    records: Records | None = None
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
        said["records"] = Records.from_json(json.dumps(said["records"])) if said.get("records") else None
        for name in ("include", "exclude", "file_licenses"):
            said[name] = tuple(said.get(name, ()))
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
        top.require_known(("sources", "templates"))
        sources = top.mapping("sources")
        for key in sources:
            if not _KEY.match(key):
                raise sources.error(
                    key, f"source {key!r} is not a valid name", "use lower case letters, digits, - . _ +"
                )
            found[key] = _source(key, sources)
    return found


def _source(key: str, sources: YamlMapping) -> Source:
    label, body = f"source {key!r}", sources[key]
    if not isinstance(body, YamlMapping):
        raise sources.error(key, f"{label} must be a mapping", "give it license, connector, modality, kind")
    source = convert(Source, body, label, key=key)
    if source.connector == "folder":
        if not source.path:
            raise body.error("", f"{label} names no folder", "give it: path")
        source = dataclasses.replace(source, path=_expand(source.path, body))
    elif not source.package:
        raise body.error("", f"{label} names no package", "give it: package")
    if not 0 < source.keep <= 1:
        raise body.error("keep", f"{label}: keep is {source.keep}", "give a fraction in (0, 1]")
    if source.records is not None:
        source = _with_records(source, source.records, body, label)
    elif source.neighbour is None and source.modality == "speech":
        raise body.error("", f"{label} lacks transcripts", "give it: neighbour: {format: plain}, or records")
    for expression in source.file_licenses:
        if expression != "*" and not spdx(expression):
            raise body.error(
                "file_licenses", f"{label}: {expression!r} is no SPDX expression", "write MIT, or * for any"
            )
    _check_patterns(source, body, label)
    return source


def _with_records(source: Source, records: Records, body: YamlMapping, label: str) -> Source:
    """Return a source of records: without limit of its files' size, and without a dataset's other files.

    Raises:
        ConfigError: If what is declared of the records contradicts itself.
    """
    said = body.mapping("records")
    for name in ("neighbour", "split"):
        if getattr(source, name):
            raise body.error(name, f"{label}: {name} is for files that are one sample each", f"leave out {name}")
    if records.delimiter and (len(records.delimiter) != 1 or records.delimiter in '\r\n"'):
        raise said.error("delimiter", f"{label}: records.delimiter must be one character", 'write delimiter: ";"')
    if records.max_bytes < 1:
        raise said.error("max_bytes", f"{label}: records.max_bytes is {records.max_bytes}", "give 1 or more")
    if records.format == "document":
        if source.modality not in ("text", "code"):
            raise said.error("format", f"{label}: documents are text or code", "leave out records")
        return source
    if "max_bytes" not in body:
        source = dataclasses.replace(source, max_bytes=_MOST_BYTES)
    if records.format == "huggingface":
        source = dataclasses.replace(source, exclude=(*source.exclude, *BESIDE_ROWS))
    return source


def _check_patterns(source: Source, body: YamlMapping, label: str) -> None:
    for name, pattern in (
        ("language_from", source.language_from),
        ("neighbour", source.neighbour.strip if source.neighbour else ""),
    ):
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise body.error(name, f"{label}: {name}: {error}", "correct the expression") from error
        if name == "language_from" and pattern and "tag" not in compiled.groupindex:
            raise body.error(name, f"{label}: {name} has no group", "name it: (?P<tag>...)")


def _expand(path: str, body: YamlMapping) -> str:
    expanded = path.replace("{stdlib}", sysconfig.get_path("stdlib"))
    if "{" in expanded or "$" in os.path.expandvars(expanded):
        raise body.error("path", f"the folder {path!r} names something unknown", "use {stdlib}, ~ or a set $NAME")
    return str((Path(body.file).parent / Path(os.path.expandvars(expanded)).expanduser()).absolute())
