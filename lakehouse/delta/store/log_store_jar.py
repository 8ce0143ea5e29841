"""Build ``conditional-log-store.jar`` from the Java source beside it.

Run it by ``python -m lakehouse.delta.store.log_store_jar``.

Needs a JDK (javac), and the jars that a run on an S3 lake fetches. The jar is kept beside the source, since users have
no compiler; a test compiles the source again and compares. The same source and compiler give the same bytes.
"""

from __future__ import annotations

import importlib.util
import io
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from lakehouse.delta.store import s3

SOURCE = Path(__file__).with_name("ConditionalLogStore.java")
RELEASE = "17"  # the oldest Java that Spark 4 runs on
_AT = (1980, 1, 1, 0, 0, 0)
_NEEDED = ("delta-storage-*.jar", f"hadoop-aws-{s3.HADOOP}.jar", f"aws-core-{s3.SDK}.jar", f"sdk-core-{s3.SDK}.jar")


def build() -> bytes:
    """Compile the source and return the jar.

    Raises:
        FileNotFoundError: If there is no javac, or a jar that the source needs.
        subprocess.CalledProcessError: If the source does not compile.
    """
    if shutil.which("javac") is None:
        raise FileNotFoundError("javac")
    with tempfile.TemporaryDirectory() as folder:
        classes = [str(path) for path in class_path()]
        command = ["javac", "--release", RELEASE, "-g:none", "-Xlint:all,-classfile,-path", "-Werror"]
        subprocess.run([*command, "-cp", ":".join(classes), "-d", folder, str(SOURCE)], check=True)
        body = io.BytesIO()
        with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as jar:
            for path in sorted(Path(folder).rglob("*.class")):
                jar.writestr(zipfile.ZipInfo(str(path.relative_to(folder)), _AT), path.read_bytes())
        return body.getvalue()


def class_path() -> list[Path]:
    """Return the jars that the source is compiled against.

    Raises:
        FileNotFoundError: If one was never fetched.
    """
    spec = importlib.util.find_spec("pyspark")
    spark = Path(spec.origin).parent if spec and spec.origin else Path()
    folders = [spark / "jars", *sorted(Path.home().glob(".ivy2*/jars"))]
    jars_found = []
    for pattern in (f"hadoop-client-api-{s3.HADOOP}.jar", *_NEEDED):
        jars = [jar for folder in folders for jar in sorted([*folder.glob(pattern), *folder.glob(f"*_{pattern}")])]
        if not jars:
            raise FileNotFoundError(pattern)
        jars_found.append(jars[-1])
    return jars_found


if __name__ == "__main__":
    s3.LOG_STORE_JAR.write_bytes(build())
    sys.stdout.write(f"wrote {s3.LOG_STORE_JAR}\n")
