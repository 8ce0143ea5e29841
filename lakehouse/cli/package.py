"""``mixlake package``."""

from __future__ import annotations

from pathlib import Path

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, warn


@click.command(name="package")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("dist"),
    show_default=True,
    help="Output folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the files and the command as JSON.")
@click.pass_obj
def command(context: Context, output: Path, as_json: bool) -> int:
    r"""Pack mixlake's and your own code for spark-submit, and print the command.

    Written are mixlake.zip (the code, mixlake.yaml, your SQL and parameter files), main.py (what is
    submitted), spark.conf (Spark's settings and packages) and, for a lake on S3, the log store's jar.

    \b
    Example:
      mixlake package && spark-submit --master spark://host:7077 --properties-file dist/spark.conf \
        --py-files dist/mixlake.zip dist/main.py run +gold.sequences
    """
    from lakehouse.spark.package import package

    made = package(context.project, output)
    if as_json:
        print_json(made.as_dict())
        return 0
    for path in made.files:
        print(f"wrote {path} ({path.stat().st_size / 1000:.0f} kB)")
    for left in made.not_packed:
        warn(f"not packed, since it is outside the project's folder, and must be there where this runs: {left}")
    print("submit it:")
    print(f"  {made.command}")
    return 0
