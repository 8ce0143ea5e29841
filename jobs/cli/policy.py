"""``mixlake policy diff``: what another policy would keep and drop, before it is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lakehouse.cli.selection import thorough_option

if TYPE_CHECKING:
    from lakehouse.cli.context import Context
    from lakehouse.project import Project

CELL_KEYS = ("cell", "kept_before", "kept_after", "tokens_before", "tokens_after", "tokens_gained", "tokens_lost")
RULE_KEYS = ("rule", "dropped_before", "dropped_after", "tokens_before", "tokens_after")
EXAMPLE_KEYS = ("change", "sample_id", "source", "cell", "tokens", "reasons")
_SAMPLES = "gold.samples"


@click.group(name="policy")
def command() -> None:
    """Try policies: thresholds over scores that decide which samples are kept."""


@command.command(name="diff")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--examples", default=5, show_default=True, type=click.IntRange(0), help="Samples to show of each change."
)
@thorough_option
@click.option("--json", "as_json", is_flag=True, help="Print one object with cells, rules and examples.")
@click.pass_obj
def diff(context: Context, file: str, examples: int, *, thorough: bool, as_json: bool) -> None:
    r"""Compare what a policy FILE would keep with what gold.samples says now.

    The decisions are made in this process from scores and duplicates that stand; nothing is written to the lake. With
    --thorough duplicates are found again, since which copy is kept depends on what the policy drops. A sample may
    break several rules, so that rules add up to more than what is dropped. What would then be drawn is shown by
    mixlake quota --param gold.samples.policy=FILE.

    \b
    Examples:
      mixlake policy diff strict.yaml
      mixlake policy diff strict.yaml --examples 20 --json
    """
    from lakehouse.cli.output import print_json, print_table
    from lakehouse.run.preview import preview

    with preview(context.project, {_SAMPLES: {"policy": file}}, (_SAMPLES,), thorough=thorough) as tried:
        found = compare(tried.project, examples)
    for warning in tried.warnings:
        click.echo(f"warning: {warning}", err=True)
    if as_json:
        print_json(found)
        return
    total = found["total"]
    click.echo(f"{total['policy_before']} -> {total['policy_after']}")
    click.echo(
        f"kept {total['kept_before']:,} -> {total['kept_after']:,} samples (+{total['gained']:,} -{total['lost']:,}), "
        f"{total['tokens_before']:,} -> {total['tokens_after']:,} tokens "
        f"(+{total['tokens_gained']:,} -{total['tokens_lost']:,})"
    )
    for keys, rows in ((CELL_KEYS, found["cells"]), (RULE_KEYS, found["rules"]), (EXAMPLE_KEYS, found["examples"])):
        if rows:
            click.echo()
            shown = [[", ".join(v) if isinstance(v := row[key], list) else v for key in keys] for row in rows]
            print_table(keys, shown, numbers=[key for key in keys if isinstance(rows[0][key], int)])


def compare(project: Project, examples: int) -> dict[str, Any]:
    """Compare decisions that were tried with those that stand.

    Args:
        project: A preview's project, in which gold.samples was computed.
        examples: How many samples of each change to name.

    Returns:
        ``total`` of all samples; ``cells`` and ``rules`` that change, with `CELL_KEYS` and `RULE_KEYS`; ``examples``
        with `EXAMPLE_KEYS`. Tokens are 0 for what was not tokenised.
    """
    from lakehouse.query.connection import connect

    both = _BOTH.format(tokens=_tokens(project))
    with connect(project) as connection:
        (total,) = connection.rows(both + _TOTAL)
        return {
            "total": total,
            "cells": connection.rows(both + _CELLS),
            "rules": connection.rows(both + _RULES),
            "examples": connection.rows(both + _EXAMPLES.format(examples=examples)),
        }


def _tokens(project: Project) -> str:
    """Return the SQL of the sizes of all samples that were tokenised."""
    tables = sorted(
        t.name for t in project.registry.tables.values() if "tokens" in t.tags and project.catalog.has(t.name)
    )
    parts = [f"SELECT sample_id, n_tokens FROM {name}" for name in tables]  # noqa: S608 - declared names
    return " UNION ALL ".join(parts) or "SELECT NULL::VARCHAR AS sample_id, 0 AS n_tokens WHERE false"


_BOTH = """
WITH tokens AS ({tokens}),
both_decisions AS (
  SELECT sample_id, coalesce(after.source, before.source) AS source,
    before.cell AS cell_before, after.cell AS cell_after,
    before.policy AS policy_before, after.policy AS policy_after,
    coalesce(before.keep, false) AS kept_before, coalesce(after.keep, false) AS kept_after,
    coalesce(before.reasons, []) AS reasons_before, coalesce(after.reasons, []) AS reasons_after,
    coalesce(n_tokens, 0)::BIGINT AS n
  FROM standing."gold.samples" AS before
  FULL JOIN gold.samples AS after USING (sample_id)
  LEFT JOIN tokens USING (sample_id)
)
"""
_TOTAL = """
SELECT any_value(policy_before) AS policy_before, any_value(policy_after) AS policy_after,
  count(*) FILTER (kept_before) AS kept_before, count(*) FILTER (kept_after) AS kept_after,
  count(*) FILTER (kept_after AND NOT kept_before) AS gained, count(*) FILTER (kept_before AND NOT kept_after) AS lost,
  coalesce(sum(n) FILTER (kept_before), 0)::BIGINT AS tokens_before,
  coalesce(sum(n) FILTER (kept_after), 0)::BIGINT AS tokens_after,
  coalesce(sum(n) FILTER (kept_after AND NOT kept_before), 0)::BIGINT AS tokens_gained,
  coalesce(sum(n) FILTER (kept_before AND NOT kept_after), 0)::BIGINT AS tokens_lost
FROM both_decisions
"""
# A sample whose cell changes is lost to one and gained by the other.
_CELLS = """
SELECT cell, count(*) FILTER (before) AS kept_before, count(*) FILTER (NOT before) AS kept_after,
  coalesce(sum(n) FILTER (before), 0)::BIGINT AS tokens_before,
  coalesce(sum(n) FILTER (NOT before), 0)::BIGINT AS tokens_after,
  coalesce(sum(n) FILTER (NOT before AND NOT stays), 0)::BIGINT AS tokens_gained,
  coalesce(sum(n) FILTER (before AND NOT stays), 0)::BIGINT AS tokens_lost
FROM (
  SELECT cell_before AS cell, true AS before, n, kept_after AND cell_after = cell_before AS stays
  FROM both_decisions WHERE kept_before
  UNION ALL
  SELECT cell_after, false, n, kept_before AND cell_after = cell_before FROM both_decisions WHERE kept_after
)
GROUP BY cell HAVING NOT bool_and(stays) ORDER BY tokens_gained + tokens_lost DESC, cell
"""
_RULES = """
SELECT rule, count(*) FILTER (before) AS dropped_before, count(*) FILTER (NOT before) AS dropped_after,
  coalesce(sum(n) FILTER (before), 0)::BIGINT AS tokens_before,
  coalesce(sum(n) FILTER (NOT before), 0)::BIGINT AS tokens_after
FROM (
  SELECT unnest(reasons_before) AS rule, true AS before, n FROM both_decisions
  UNION ALL
  SELECT unnest(reasons_after), false, n FROM both_decisions
)
GROUP BY rule HAVING dropped_before <> dropped_after ORDER BY abs(dropped_after - dropped_before) DESC, rule
"""
# Ids are hashes: their order is a drawing.
_EXAMPLES = """
SELECT CASE WHEN kept_after THEN 'gained' ELSE 'lost' END AS change, sample_id, source,
  coalesce(cell_after, cell_before) AS cell, n AS tokens,
  CASE WHEN kept_after THEN reasons_before ELSE reasons_after END AS reasons
FROM both_decisions WHERE kept_before <> kept_after
QUALIFY row_number() OVER (PARTITION BY kept_after ORDER BY sample_id) <= {examples} ORDER BY change, sample_id
"""
