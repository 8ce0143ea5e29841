"""What ``spark-submit`` is given: the same as ``mixlake run``.

    spark-submit --master spark://host:7077 --properties-file dist/spark.conf jobs/main.py run +gold.sequences

``mixlake package`` writes ``dist/spark.conf``, and ``dist/mixlake.zip`` for ``--py-files``. The lake comes from
``--lake``, ``MIXLAKE_LAKE`` or ``mixlake.yaml``; the session is the submitted one.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> int:
    """Run the command line from the project's root instead of this folder, whose names hide the standard library's."""
    here = Path(__file__).resolve().parent
    sys.path[:] = [path for path in sys.path if Path(path or ".").resolve() != here]
    if str(here.parent) not in sys.path:
        sys.path.insert(0, str(here.parent))
    from lakehouse.cli.spark_submit import main as command

    return command()


if __name__ == "__main__":
    sys.exit(main())
