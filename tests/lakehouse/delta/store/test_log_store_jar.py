from __future__ import annotations

import io
import shutil
import subprocess
import zipfile

import pytest

from lakehouse.delta.store import log_store_jar, s3


def members(body):
    with zipfile.ZipFile(io.BytesIO(body)) as jar:
        return {name: jar.read(name) for name in jar.namelist()}


def disassembled(body, folder):
    """What the classes do, whichever compiler of Java 17 or later wrote them."""
    found = {}
    for name, data in members(body).items():
        path = folder / name.replace("/", ".")
        path.write_bytes(data)
        said = subprocess.run(["javap", "-c", "-p", str(path)], capture_output=True, text=True, check=True).stdout
        found[name] = [line.partition("//")[0].split("#")[0].rstrip() for line in said.splitlines()]
    return found


def test_the_jar_holds_the_log_store():
    assert set(members(s3.LOG_STORE_JAR.read_bytes())) == {s3.LOG_STORE.replace(".", "/") + ".class"}


@pytest.mark.skipif(not shutil.which("javac"), reason="no JDK with a compiler")
def test_the_jar_is_what_its_source_says(tmp_path):
    try:
        made = log_store_jar.build()
    except FileNotFoundError as error:
        pytest.skip(f"{error} was not fetched yet; a run on an S3 lake fetches it")
    assert disassembled(made, tmp_path) == disassembled(s3.LOG_STORE_JAR.read_bytes(), tmp_path)
