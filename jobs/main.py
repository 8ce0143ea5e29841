"""What ``spark-submit`` is given: the same as ``mixlake run``.

    spark-submit --master spark://host:7077 --py-files mixlake.zip jobs/main.py run +gold.sequences

The lake comes from ``--lake``, ``MIXLAKE_LAKE`` or ``mixlake.yaml``; the session is the submitted one.
"""

from __future__ import annotations

import sys

from lakehouse.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
