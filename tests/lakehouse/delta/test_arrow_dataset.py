from __future__ import annotations

import subprocess
import sys

import pyarrow.dataset

from lakehouse.delta import arrow_dataset


def test_its_names_are_those_of_pyarrow_dataset():
    assert arrow_dataset.FileSystemDataset is pyarrow.dataset.FileSystemDataset


def test_what_plans_loads_neither_datasets_nor_pandas():
    program = "import sys, lakehouse.plan.plan; print({'pyarrow._dataset', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
