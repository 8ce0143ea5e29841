"""``mixlake demo``: the whole way on real input, and what to look at afterwards."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lakehouse.errors import MixlakeError, UsageError

if TYPE_CHECKING:
    from lakehouse.cli.context import Context
    from lakehouse.lake import Lake
    from lakehouse.ledger.releases import Release

RELEASE = "demo"
_NAME = re.compile(rf"^{RELEASE}(-\d+)?$")

# An auditor's first questions; each is printed with the command that answers it.
QUESTIONS = (
    (
        "What is in the mixture, by licence?",
        (
            "SELECT license, sum(samples) AS samples, sum(tokens) AS tokens FROM license_exposure "
            "GROUP BY ALL ORDER BY tokens DESC LIMIT 6"
        ),
    ),
    (
        "Which training steps saw documents under the GPL-3.0?",
        (
            "SELECT training_run, min(step) AS first, max(step) AS last, count(DISTINCT step) AS steps, "
            "count(DISTINCT sample_id) AS documents FROM step_samples WHERE license LIKE '%GPL-3.0%' GROUP BY ALL"
        ),
    ),
    (
        "Why were samples left out?",
        (
            "SELECT reason, count(*) AS samples "
            "FROM (SELECT unnest(reasons) AS reason FROM gold.samples WHERE NOT keep) "
            "GROUP BY ALL ORDER BY samples DESC LIMIT 6"
        ),
    ),
    (
        "Which documents were removed as near-duplicates, of which kept ones, and how alike are they?",
        (
            "SELECT source, sample_id, keeper_id, round(jaccard, 3) AS jaccard FROM silver.document_duplicates "
            "WHERE method = 'near' ORDER BY jaccard, sample_id LIMIT 4"
        ),
    ),
    (
        "Which run, code and inputs made the sequences?",
        (
            "SELECT run_id, version, code, inputs FROM ledger.runs WHERE flow = 'jobs.pack.sequences.pack' "
            "ORDER BY version DESC LIMIT 1"
        ),
    ),
)


@click.command(name="demo")
@click.option("--steps", type=click.IntRange(1), help="Training steps; by default the recipe's.")
@click.option(
    "--output", type=click.Path(path_type=Path), help="Run folder; by default runs/RELEASE, the release that is made."
)
@click.pass_obj
def command(context: Context, steps: int | None, output: Path | None) -> int:
    r"""Go the whole way on real input from packages: land, clean, mix, pack, release, train.

    What was done before is not done again: interrupted, it goes on where it stopped.

    \b
    Example:
      mixlake --lake ./lake demo
    """
    from lakehouse.spark.session import stop
    from trainer.cli.train import require_steps
    from trainer.recipe import read_recipe

    require_steps(steps, read_recipe("demo"))
    clock = time.monotonic()
    lake = context.lake
    at = [] if lake.uri == str(Path("lake").absolute()) else ["--lake", lake.uri]
    _heading(f"1. Land, clean, score, deduplicate, mix, pack  ({_shown(*at, 'run')})")
    flows = _flows(lake)
    stop()
    release, made = _release(lake)
    _heading(f"2. Release  ({_shown(*at, 'release', 'create' if made else 'show', release.name)})")
    output = output or Path("runs", release.name)
    resume = _resumes(output, release)
    click.echo(f"release {release.name}, digest {release.digest[:16]}, {len(release.tables)} tables by version")
    # The hot stage is small and holds every modality densely.
    arguments = ["train", "demo", "--release", release.name, "--stage", "hot", "--output", str(output)]
    arguments += ["--steps", str(steps)] if steps else []
    arguments += ["--resume"] if resume else []
    _heading(f"3. Train  ({_shown(*at, *arguments)})")
    trained = time.monotonic()
    _train([*at, *arguments], output)
    ended = time.monotonic()
    _heading("4. What was made")
    _report(lake, release, output, at)
    click.echo(
        f"\nThe whole way took {ended - clock:.0f} s: flows {flows:.0f} s, training {ended - trained:.0f} s. "
        f"The lake is {lake.uri}, the run {output}.\nLook further: {_shown(*at, 'tables')}, {_shown(*at, 'plan')}, "
        f"{_shown(*at, 'trace', 'ID')}, tensorboard --logdir {output}"
    )
    return 0


def _heading(text: str) -> None:
    click.echo(f"\n── {text}")


def _shown(*words: str) -> str:
    """Return a command line that can be copied; SQL, which is full of single quotes, in double ones."""
    return " ".join(
        ["mixlake", *(f'"{word}"' if "'" in word and '"' not in word else shlex.quote(word) for word in words)]
    )


def _flows(lake: Lake) -> float:
    """Run all stale flows; return the seconds that it took."""
    from lakehouse.cli.progress import Progress
    from lakehouse.run.run import run

    with Progress() as progress:
        report = run(lake.project, listener=progress)
    failed = [result for result in report.results if result.error]
    if failed:
        first = failed[0]
        raise MixlakeError(str(first.error), f"Spark's log is {report.log_file}" if report.log_file else "")
    if all(result.status == "fresh" for result in report.results):
        click.echo("all flows are fresh, nothing to do")
    return report.seconds


def _release(lake: Lake) -> tuple[Release, bool]:
    """Return the release of the lake as it is, and whether it was made now or before.

    A release made before is current while a new one would hold the same content: commits that leave all rows,
    such as the ledger's or a compaction, make no other release.
    """
    from lakehouse.ledger.releases import list_releases
    from lakehouse.release.create import create_release, current_digest

    before = {release.name for release in list_releases(lake.catalog, dropped=True)}
    named = [release for release in list_releases(lake.catalog) if _NAME.match(release.name)]
    digest = current_digest(lake.project) if named else ""
    for release in reversed(named):
        if release.digest == digest:
            return release, False
    number = 1
    while (name := RELEASE if number == 1 else f"{RELEASE}-{number}") in before:
        number += 1
    return create_release(lake.project, name, note="made by mixlake demo"), True


def _resumes(output: Path, release: Release) -> bool:
    """Whether a run folder holds a run of the release, which training goes on with.

    Raises:
        UsageError: If it holds a run of another release.
    """
    pointer = output / "checkpoints" / "latest"
    if not pointer.is_file():
        return False
    checkpoint = pointer.parent / pointer.read_text(encoding="utf-8").strip() / "checkpoint.json"
    if checkpoint.is_file():  # else the trainer reports what is wrong with the checkpoint
        metadata = json.loads(checkpoint.read_text(encoding="utf-8"))
        digest = str(metadata["loader"]["digest"])
        if not digest or not release.digest.startswith(digest):
            raise UsageError(
                f"{output} holds a run of the release {metadata['release']} ({digest[:16]}), "
                f"and the lake is now {release.name} ({release.digest[:16]})",
                "name another folder with --output, or remove that one",
            )
    return True


def _train(arguments: list[str], output: Path) -> None:
    """Train in a process of its own, which Spark's memory does not crowd."""
    ended = subprocess.run([sys.executable, "-m", "lakehouse.cli.main", *arguments], check=False)
    if ended.returncode:
        raise MixlakeError(f"training ended with status {ended.returncode}", f"see {output / 'train.log'}")


def _report(lake: Lake, release: Release, output: Path, at: list[str]) -> None:
    from lakehouse.cli.output import print_table
    from lakehouse.query.connection import connect
    from trainer.callbacks.metrics import curve

    with connect(lake.project) as connection:
        click.echo(f"Quota against what was drawn, in tokens ({_shown(*at, 'quota')}):")
        rows = connection.rows("SELECT * FROM quota")
        names = ["stage", "cell", "target", "supply", "drawn", "epochs", "shortfall", "error"]
        shown = [
            [*(row[n] for n in names[:5]), f"{row['epochs']:.2f}", row["shortfall"], f"{row['error']:+.2%}"]
            for row in rows
        ]
        print_table(names, shown, numbers=names[2:])
        packed = connection.rows(
            "SELECT stage, count(*) AS rows, sum(n_tokens)::BIGINT AS tokens, "
            "sum(n_tokens) / sum(octet_length(tokens) / 4) AS filled FROM gold.sequences "
            "GROUP BY GROUPING SETS ((stage), ()) ORDER BY 2 DESC"
        )
        click.echo("\nPacked sequences:")
        print_table(
            ["stage", "rows", "tokens", "filled"],
            [[r["stage"] or "all", r["rows"], r["tokens"], f"{r['filled']:.3%}"] for r in packed],
            numbers=["rows", "tokens", "filled"],
        )
        click.echo(f"\nLoss in nats a token, mean of the first and last steps ({output / 'metrics.jsonl'}):")
        losses = curve(output)
        print_table(
            ["modality", "start", "end"],
            [[name, f"{first:.3f}", f"{last:.3f}"] for name, (first, last) in losses.items()],
            numbers=["start", "end"],
        )
    click.echo(f"\nFive questions about the release {release.name}:")
    for question, sql in QUESTIONS:
        # The ledger goes on after a release, and is read at its latest version in any case.
        where = ["--at", release.name]
        click.echo(f"\n{question}\n  $ {_shown(*at, 'sql', sql, *where)}")
        with connect(lake.project, release.name) as connection:
            answer = connection.table(sql)
        numbers = [f.name for f in answer.schema if str(f.type).startswith(("int", "double", "decimal"))]
        print_table(answer.column_names, [list(row.values()) for row in answer.to_pylist()], numbers=numbers)
