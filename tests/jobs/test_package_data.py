from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import jobs
from jobs.package_data import package_bytes, package_digest, package_path
from jobs.text.data_files import LIKELIHOOD as MODEL
from lakehouse.spark.code_archive import archive

FROM_ZIP = """
import sys
sys.path.insert(0, sys.argv[1])
import jobs
assert sys.argv[1] in jobs.__file__, jobs.__file__
import pyarrow as pa
from jobs.acquire.decoding import decode
from jobs.package_data import package_path
from jobs.score.language_models import WIDE, load
from jobs.text.language_facts import writes
from jobs.text.data_files import LIKELIHOOD as MODEL
print(decode("Вычисляет сумму двух чисел и возвращает результат".encode("cp1251"), "text/plain", "ru").encoding)
print(writes("shn", "Mymr"), len(load(str(WIDE)).get_labels()) > 250, package_path(MODEL).name)
"""


def test_a_file_beside_the_code_is_read_where_it_is():
    assert package_bytes(MODEL) == MODEL.read_bytes()
    assert package_path(MODEL) == MODEL
    assert len(package_digest(MODEL)) == 64
    with pytest.raises(FileNotFoundError):
        package_bytes(MODEL.with_name("missing.npz"))


@pytest.mark.parametrize("place", ["{folder}/code.zip", "./code.zip"])
def test_operators_find_their_files_in_a_zip_as_on_a_worker_of_a_cluster(tmp_path, place):
    (tmp_path / "code.zip").write_bytes(archive(["lakehouse", "jobs", "schemas", "sql"]))
    # Away from the checkout, whose folder would come first.
    done = subprocess.run(
        [sys.executable, "-c", FROM_ZIP, place.format(folder=tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["cp1251", "True", "True", MODEL.name]


def test_each_file_that_is_read_beside_the_code_is_read_so():
    """A path opened directly cannot be opened in a zip."""
    root = Path(jobs.__file__).parent
    found = [path for path in root.rglob("*.py") if "Path(__file__)" in path.read_text() and "train_" not in path.name]
    files = {
        "main.py", "source_list.py", "quotas.py", "policy.py", "vocabulary.py",  # read by the driver, or sent along
        "data_files.py", "language_models.py", "page.py",
    }  # fmt: skip
    assert {path.name for path in found} == files
