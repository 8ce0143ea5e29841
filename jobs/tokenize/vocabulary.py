"""The vocabulary: text ids, specials, and a declared range of added marks and placeholders.

Added ids are arithmetic: they are put into a sequence by the operator that knows what it writes, never
parsed out of text, so a document that spells "<|endoftext|>" holds those characters and no special.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from jobs.assets import asset_digest
from lakehouse.declare.flow import flow
from lakehouse.declare.user_files import convert, read_yaml
from lakehouse.errors import ConfigError
from schemas.samples import vocabulary as vocabulary_table

DECLARED = str(Path(__file__).with_name("vocabulary.yaml"))
END = "<|endoftext|>"
PAD = "<|pad|>"
POOL = "<|pool|>"


@dataclass(frozen=True, slots=True)
class VocabularyParams:
    """Where the vocabulary comes from.

    Args:
        vocabulary: The declaration.
        ranks: One's own copy of ``qwen.tiktoken``; empty for the pinned one.
    """

    vocabulary: str = field(default=DECLARED, metadata={"file": True})
    ranks: str = field(default="", metadata={"file": True})


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A loaded declaration.

    Args:
        name: Its name.
        text: Number of text ids, from 0.
        ids: Specials, marks and placeholders by spelling.
        placeholders: The placeholders among them.
        added: First added id.
        size: Number of ids, padded.
    """

    name: str
    text: int
    ids: Mapping[str, int]
    placeholders: tuple[str, ...]
    added: int
    size: int

    def id(self, spelling: str) -> int:
        """Return the id of a special, mark or placeholder.

        Raises:
            ConfigError: If the declaration lacks it.
        """
        try:
            return self.ids[spelling]
        except KeyError:
            raise ConfigError(f"vocabulary {self.name} lacks {spelling!r}", "declare it in vocabulary.yaml") from None

    @property
    def targets(self) -> int:
        """One past the last id that is ever a target: text and specials are, added ids are not."""
        return self.added

    def label(self, ranks: str = "") -> str:
        """Return the name and the digest of declaration and ranks, as token tables carry it."""
        body = [self.name, self.text, dict(self.ids), self.size, asset_digest("qwen.tiktoken", ranks)]
        return f"{self.name}@{hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:12]}"

    def table(self) -> pa.Table:
        """Return the rows of ``gold.vocabulary``: ranges that cover all ids once."""
        singles = sorted((number, spelling) for spelling, number in self.ids.items())
        rows = [{"name": "text", "begin": 0, "end": self.text, "kind": "text", "text": None}]
        at = self.text
        for number, spelling in [*singles, (self.size, "")]:
            if number > at:
                rows.append({"name": f"reserved-{at}", "begin": at, "end": number, "kind": "reserved", "text": None})
            if spelling:
                kind = "special" if number < self.added else "mark"
                kind = "placeholder" if spelling in self.placeholders else kind
                rows.append({"name": spelling, "begin": number, "end": number + 1, "kind": kind, "text": spelling})
            at = number + 1
        columns = [column for column in vocabulary_table.columns if column.name != "run_id"]
        return pa.Table.from_pylist(rows, schema=pa.schema([pa.field(c.name, c.type) for c in columns]))


@dataclass(frozen=True, slots=True)
class _Added:
    begin: int
    multiple: int
    marks: tuple[str, ...]
    placeholders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Declared:
    """What a vocabulary's file says."""

    name: str
    text: int
    special: Mapping[str, int]
    added: _Added


@functools.lru_cache(maxsize=8)
def load_vocabulary(path: str = DECLARED) -> Vocabulary:
    """Read a declaration.

    Raises:
        ConfigError: If the file does not parse, lacks a part, or gives one id twice.
    """
    declared = convert(_Declared, read_yaml(Path(path), "name"))
    text, begin, placeholders = declared.text, declared.added.begin, declared.added.placeholders
    ids, added = dict(declared.special), [*declared.added.marks, *placeholders]
    specials = len(ids)
    ids.update({spelling: begin + place for place, spelling in enumerate(added)})
    if len(ids) != specials + len(added) or len(set(ids.values())) != len(ids):
        raise ConfigError(f"{path}: a spelling or an id is declared twice", "give each token one id")
    if min(ids.values()) < text or max(ids[spelling] for spelling in list(ids)[:specials]) >= begin:
        raise ConfigError(f"{path}: specials lie outside [text, added.begin)", "move them between the two")
    multiple = declared.added.multiple
    size = -(-(begin + len(added)) // multiple) * multiple
    return Vocabulary(declared.name, text, ids, placeholders, begin, size)


@flow(
    id="jobs.tokenize.vocabulary.vocabulary",
    writes=vocabulary_table,
    kind="landing",
    params=VocabularyParams,
)
def vocabulary(params: VocabularyParams) -> pa.Table:
    """Write the ranges of ids as they are declared."""
    return load_vocabulary(params.vocabulary).table()
