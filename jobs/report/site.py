"""The pages of a report, and its overview."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jobs.report.catalogue import bytes_text, catalogue
from jobs.report.flows import STATES, flows
from jobs.report.lake_reader import LakeReader
from jobs.report.markup import Markup, plain, tag
from jobs.report.mixture import mixture, quotas
from jobs.report.page import note, page, section, state
from jobs.report.releases import releases
from jobs.report.samples import EACH, samples
from jobs.report.training import training
from lakehouse.ledger.tables import TABLES
from lakehouse.project import Project

_LEDGER = frozenset(table.name for table in TABLES)


@dataclass(frozen=True, slots=True)
class Site:
    """A report that is not written yet.

    Args:
        pages: Content of each file.
        gaps: Why parts were not read, by what they are.
        damaged: Which of them are there and cannot be read.
    """

    pages: Mapping[str, str]
    gaps: Mapping[str, str]
    damaged: frozenset[str]


def build_site(project: Project, at: str | None = None, *, runs: Path | None = None, each: int = EACH) -> Site:
    """Make the pages of a report.

    Args:
        project: The project.
        at: What is read: a release, a time, ``TABLE@VERSION`` or a version; None for the latest versions.
        runs: Folder of training runs with their metrics.
        each: Samples of each kind.

    Raises:
        ReleaseError: If `at` names no live release.
    """
    with LakeReader(project, at) as reader:
        drawn, states = flows(reader)
        bodies = {
            "catalogue.html": catalogue(reader),
            "flows.html": drawn,
            "mixture.html": mixture(reader),
            "samples.html": samples(reader, each),
            "releases.html": releases(reader),
            "training.html": training(reader, runs),
        }
        bodies = {"index.html": _overview(reader, states), **bodies}
        about = f"{project.catalog.uri}, {f'at {at}' if at else 'latest versions'}"
        written = {file: page(file, about, body) for file, body in bodies.items()}
        return Site(written, dict(reader.gaps), frozenset(reader.damaged))


def _overview(reader: LakeReader, states: Mapping[str, int]) -> list[Markup]:
    names = [name for name in reader.project.catalog.names() if name not in _LEDGER]
    extents = [found for name in names if (found := reader.extent(name)) is not None]
    counts = [
        ("tables", len(extents)),
        ("rows", sum(rows for _, rows, _ in extents)),
        ("in data files", bytes_text(sum(size for _, _, size in extents))),
    ]
    totals = reader.rows(
        "gold.mixture",
        "SELECT count(DISTINCT sample_id) AS samples, coalesce(sum(n_tokens), 0)::BIGINT AS tokens FROM gold.mixture",
    )
    if totals:
        counts += [("samples drawn", totals[0]["samples"]), ("tokens drawn", totals[0]["tokens"])]
    cards = tag("ul", *(tag("li", tag("b", plain(value)), name) for name, value in counts), class_="cards")
    words: list[object] = []
    for name, count in sorted(states.items()):
        words += [f"{count} ", state(name, STATES), ", "]
    flow_line = (
        tag("p", "Flows: ", *words[:-1], " — ", tag("a", "see why", href="flows.html")) if words else note("No flow.")
    )
    weights = reader.rows(
        "license_exposure",
        "SELECT license, sum(tokens)::BIGINT AS tokens FROM license_exposure GROUP BY license "
        "ORDER BY tokens DESC, license LIMIT 8",
    )
    licence_items = [tag("li", tag("bdi", row["license"]), f": {plain(row['tokens'])} tokens") for row in weights]
    licence_part = [section("Licences of most tokens", tag("ol", *licence_items))] if licence_items else []
    return [cards, flow_line, section("Quotas", quotas(reader)), *licence_part]
