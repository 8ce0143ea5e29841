"""Releases: what each pins, and how each differs from the one before."""

from __future__ import annotations

import itertools

from jobs.report.lake_reader import LakeReader
from jobs.report.markup import Markup, tag
from jobs.report.page import Numbers, note, section, state, table
from lakehouse.delta.data_files import totals
from lakehouse.errors import MixlakeError
from lakehouse.ledger.releases import LIVE, Release, list_releases
from lakehouse.release.diff import diff_measures

STATES = frozenset({"live", "dropped", "broken"})
_SHOWN = 50
_COMPARED = 5


def releases(reader: LakeReader) -> list[Markup]:
    """Return the body of the page. Only logs and the project's measures are read for it, no table's rows."""
    try:
        found = list_releases(reader.project.catalog, dropped=True, broken=True)
    except MixlakeError as error:
        return [note(str(error.message))]
    if not found:
        return [note("There is no release: mixlake release create NAME makes one.")]
    rows = [
        (
            release.name,
            state(release.state, STATES),
            release.created_at,
            tag("code", release.digest[:16]),
            len(release.tables),
            release.reason or release.note,
        )
        for release in found[::-1][:_SHOWN]
    ]
    columns = ("Name", "State", "Made", "Digest", Numbers("Tables"), "Note")
    body = [table(columns, rows, label="Releases, newest first")]
    live = [release for release in found if release.state == LIVE]
    pairs = list(itertools.pairwise(live))[::-1][:_COMPARED]
    body += [_difference(reader, old, new) for old, new in pairs]
    body += [_pinned(release) for release in live[::-1][:_SHOWN]]
    return body


def _difference(reader: LakeReader, old: Release, new: Release) -> Markup:
    rows = []
    for name in sorted({*old.tables, *new.tables}):
        if name in old.tables and name in new.tables and old.digests.get(name) == new.digests.get(name):
            continue
        word = "added" if name not in old.tables else "removed" if name not in new.tables else "changed"
        counts = [_rows(reader, name, release) for release in (old, new)]
        rows.append((name, word, old.tables.get(name), new.tables.get(name), *counts))
    numbers = (Numbers(title) for title in ("Version before", "after", "Rows before", "after"))
    same = tag("p", "All tables have equal content.")
    parts: list[object] = [table(("Table", "Change", *numbers), rows, label="Changed tables") if rows else same]
    if rows:
        parts += _measures(reader, old, new)
    return section(f"{old.name} to {new.name}", *parts)


def _measures(reader: LakeReader, old: Release, new: Release) -> list[object]:
    parts: list[object] = []
    try:
        for measure in diff_measures(reader.project, old.name, new.name):
            parts.append(tag("h3", measure.measure.replace("_", " ")))
            if measure.missing:
                parts.append(note(measure.missing))
            changed = measure.changed_groups
            if not changed:
                parts.append(tag("p", "No change."))
                continue
            shown = [
                (*group, before, after, None if before is None or after is None else after - before)
                for group, before, after in changed[:_SHOWN]
            ]
            heads: tuple[str | Numbers, ...] = (
                *measure.columns,
                Numbers(f"{measure.value} before"),
                Numbers("after"),
                Numbers("difference"),
            )
            parts.append(table(heads, shown, label=measure.measure))
    except MixlakeError as error:
        parts.append(note(str(error.message)))
    return parts


def _rows(reader: LakeReader, name: str, release: Release) -> int | None:
    version = release.tables.get(name)
    if version is None:
        return None
    try:
        return totals(reader.project.catalog.open(name, version))[0]
    except MixlakeError:
        return None


def _pinned(release: Release) -> Markup:
    rows = [(name, version, release.digests.get(name, "")[:24]) for name, version in sorted(release.tables.items())]
    inner = table(("Table", Numbers("Version"), "Digest"), rows, label=f"Tables of {release.name}")
    return tag("details", tag("summary", "What ", tag("bdi", release.name), " pins"), inner)
