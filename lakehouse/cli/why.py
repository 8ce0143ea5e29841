"""``mixlake why``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table, warn

if TYPE_CHECKING:
    from lakehouse.lineage.story import Event, Story

_WIDTH = 1000
_FEW = 20


@click.command(name="why")
@click.argument("sample", metavar="ID|URI")
@click.option("--at", metavar="AT", help="Read at a release, a time, TABLE@VERSION[,...], or a version.")
@click.option("--all", "every", is_flag=True, help="List each sample that was made from it, however many there are.")
@click.option("--limit", default=10_000, show_default=True, type=click.IntRange(1), help="Maximum number of rows.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print id, uri, verdict, events (in order), truncated and left_out."
)
@click.pass_obj
def command(context: Context, sample: str, *, at: str | None, every: bool, limit: int, as_json: bool) -> None:
    r"""Tell why a sample is where it is: each decision about it, from landing to training.

    ID is a sample id, or a prefix that identifies one sample; URI is the address of its original. The steps stand in
    the order of the way. Where a rule decided, it stands with the value that it judged, what it allows, and the run.
    Decisions of flows come from views named outcomes.NAME, a project's own among them.

    \b
    Examples:
      mixlake why 3f2a91c0
      mixlake why apt:sqlite3-doc/usr/share/doc/sqlite3/index.html --at mix-1
    """
    from lakehouse.lineage.why import why

    story = why(context.project, sample, at, limit=limit)
    if as_json:
        print_json(story.as_dict())
    else:
        _print_story(story, every=every)
    for view, error in story.left_out.items():
        warn(f"the view {view} is left out: {error}")
    if story.truncated:
        warn(f"only {limit} rows were followed; raise --limit")


def _print_story(story: Story, *, every: bool) -> None:
    print(f"{story.id}{f'  {story.uri}' if story.uri else ''}\n{story.verdict}\n")
    others = {event.sample_id for event in story.events} - {story.id}
    rows = [
        (
            *(event.table, event.outcome, event.rule, event.judged, event.threshold, _more(event)),
            *([] if not others else ["" if event.sample_id == story.id else event.sample_id]),
            event.run_id,
        )
        for event in _summed(story, every=every)
    ]
    names = ["table", "outcome", "rule", "value", "allowed", "more", *(["sample"] if others else []), "run"]
    print_table(names, rows, width=_WIDTH)


def _more(event: Event) -> str:
    other = ", ".join(event.other[:3]) + (f" and {len(event.other) - 3} more" if len(event.other) > 3 else "")
    before = {"made": "from "}.get(event.outcome, "")
    details = " ".join(
        f"{name}={value:.6g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in event.details.items()
        if isinstance(value, str | int | float)
    )
    return " ".join(filter(None, (event.detail or (f"{before}{other}" if other else ""), details)))


def _summed(story: Story, *, every: bool) -> list[Event]:
    """Return the events; of many other samples in one table one line for each outcome and rule, with their number."""
    import dataclasses

    from lakehouse.lineage.story import by_table

    found: list[Event] = []
    for events in by_table(story.events).values():
        others = [event for event in events if event.sample_id != story.id]
        if every or len(others) <= _FEW:
            found += events
            continue
        found += [event for event in events if event.sample_id == story.id]
        counts: dict[tuple[str, str, str], list[Event]] = {}
        for event in others:
            counts.setdefault((event.outcome, event.rule, event.run_id), []).append(event)
        for same in sorted(counts.values(), key=len, reverse=True):
            first = dataclasses.replace(
                same[0], sample_id=f"{len(same)} samples", value="", column="", other=(), detail="", details={}
            )
            found.append(first)
    return found
