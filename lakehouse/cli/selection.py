"""Selection words and run options that several verbs share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from lakehouse.declare.config import EngineName
    from lakehouse.project import Project

SELECT = r"""
SELECT is one or more of these words; the union of what they select is used, or all flows without any word:

\b
  gold.mixture      the flow that writes the table; a flow's id, or a pattern such as 'silver.*'
  tag:clean         flows that carry the tag
  stale             flows that are missing or stale
  +gold.mixture     it and all that it is made from (2+gold.mixture: up to two steps before it)
  gold.mixture+     it and all that is made from it (gold.mixture+2: up to two steps after it)
  @gold.mixture     it, all that is made from it, and all that these are made from
  'silver.*,stale'  what all parts select (no space after the comma)
  ~tag:dedup        excluded from what the other words select, or from all flows
"""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options that decide what a run does, and so what a plan says.

    Args:
        full: Whether the selected flows process all rows again.
        retry: Whether quarantined rows are tried again.
        params: Parameters by flow id or written table, which win over the configuration's.
        master: Where Spark runs, empty for the configuration's.
        engine: Engine that runs the flows, None for the configuration's.
        verify: Whether each table is read back whole after a commit.
    """

    full: bool = False
    retry: bool = False
    params: Mapping[str, Mapping[str, Any]] | None = None
    master: str = ""
    engine: EngineName | None = None
    verify: bool = False

    def of(self, project: Project) -> Project:
        """Return a project with these parameters, this master and this engine."""
        if self.master and self.engine == "embedded":
            raise click.UsageError("--master applies to Spark: leave it out, or give --engine spark")
        settings = {"spark.master": self.master} if self.master else {}
        asked = project.with_params(self.params or {}).with_spark(settings).with_engine(self.engine)
        return asked.with_verify(verify=self.verify)


param_option = click.option(
    "--param",
    "params",
    multiple=True,
    metavar="FLOW.KEY=VALUE",
    callback=lambda _, __, texts: parse_params(texts),
    help="Set a parameter; VALUE is YAML.",
)
thorough_option = click.option(
    "--thorough", is_flag=True, help="Also run flows that follow the parameters, such as the choice among duplicates."
)
_PROJECT_OPTIONS = (
    click.option(
        "--engine",
        type=click.Choice(["auto", "embedded", "spark"]),
        help="Engine that runs the flows; auto chooses by input size. --master applies to Spark.",
    ),
    click.option(
        "--master", default="", metavar="URL", help="Where Spark runs: local[4], spark://..., yarn, k8s://..."
    ),
    param_option,
)
_ROW_OPTIONS = (
    click.option("--retry", is_flag=True, help="Process the source rows of quarantined rows again."),
    click.option("--full", is_flag=True, help="Process all rows of the selected flows again."),
)


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a run to a command, which takes them as ``options``."""
    return _with_options(command, (*_PROJECT_OPTIONS, *_ROW_OPTIONS))


def project_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--param``, ``--master`` and ``--engine`` to a command, which takes them as ``options``."""
    return _with_options(command, _PROJECT_OPTIONS)


def _with_options(command: Callable[..., Any], added: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
    @functools.wraps(command)
    def with_options(
        *args: Any, params: dict[str, dict[str, Any]], master: str, engine: EngineName | None, **rest: Any
    ) -> Any:
        full, retry = (rest.pop(name, False) for name in ("full", "retry"))
        return command(*args, options=RunOptions(full, retry, params, master, engine), **rest)

    for option in added:
        with_options = option(with_options)
    return with_options


def parse_params(texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Parse ``FLOW.KEY=VALUE`` words, where FLOW is a flow's id or the table that it writes.

    Raises:
        click.BadParameter: If a word is not of that form, or its value is not YAML.
    """
    from lakehouse.declare.user_files import parse_value
    from lakehouse.errors import UsageError

    params: dict[str, dict[str, Any]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        flow, dot, key = name.rpartition(".")
        if not equals or not dot or not key or not flow:
            raise click.BadParameter(f"{text!r} is not FLOW.KEY=VALUE", param_hint="--param")
        try:
            params.setdefault(flow, {})[key] = parse_value(value)
        except UsageError as error:
            raise click.BadParameter(f"{name}: {error}", param_hint="--param") from None
    return params
