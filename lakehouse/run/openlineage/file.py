"""Where a run's OpenLineage events are written."""

from __future__ import annotations

from pathlib import Path

from lakehouse.declare.openlineage_config import Settings
from lakehouse.project import Project


def events_file(project: Project, run_id: str, settings: Settings) -> Path | None:
    """Return the file that a run's events go to, None where they go to none."""
    if settings.file is None:
        base = project.config.root / ".mixlake" if "://" in project.catalog.uri else Path(project.catalog.uri) / "_logs"
        return base / f"openlineage-{run_id}.jsonl"
    return Path(settings.file.replace("{run}", run_id)) if settings.file else None
