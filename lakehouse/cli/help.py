"""``mixlake help``: pages about what is not one verb's own; their texts are in ``topics/``."""

from __future__ import annotations

from importlib.resources import files

import click

from lakehouse.errors import UsageError, did_you_mean

# Topic to what its page says. `mixlake --help` lists them.
TOPICS = {
    "words": "What words mean here.",
    "read": "Read the lake without mixlake: Polars, DuckDB, pandas, Spark.",
    "land": "Land a table of one's own.",
    "dialects": "Which SQL dialect is used where.",
    "config": "Keys of mixlake.yaml.",
    "environment": "Environment variables.",
    "exit-codes": "What exit statuses mean.",
    "times": "Zones of times, and --at.",
}


def page(topic: str) -> str:
    """Return the text of a topic's page."""
    return files("lakehouse.cli").joinpath("topics", f"{topic}.txt").read_text(encoding="utf-8")


def add_topics(formatter: click.HelpFormatter) -> None:
    """Write the list of topics, for the end of ``mixlake --help``."""
    with formatter.section("Topics (mixlake help TOPIC)"):
        formatter.write_dl(list(TOPICS.items()))


@click.command(name="help")
@click.argument("topic", required=False)
@click.pass_context
def command(context: click.Context, topic: str | None) -> None:
    r"""Explain a topic, or a command as its --help does.

    Topics: read, land, dialects, config, environment, exit-codes, times.

    \b
    Examples:
      mixlake help
      mixlake help environment
      mixlake help plan
    """
    root = context.find_root()
    if topic is None:
        print(root.get_help())
        return
    if topic in TOPICS:
        print(page(topic).rstrip())
        return
    group = root.command
    known = group.list_commands(root) if isinstance(group, click.Group) else []
    verb = group.get_command(root, topic) if isinstance(group, click.Group) and topic in known else None
    if verb is None:
        hint = did_you_mean(topic, [*TOPICS, *known]) or f"topics are {', '.join(TOPICS)}"
        raise UsageError(f"there is no topic or command {topic!r}", hint)
    with click.Context(verb, info_name=topic, parent=root) as inner:
        print(verb.get_help(inner))
