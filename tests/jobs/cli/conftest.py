from __future__ import annotations

import random

import pytest
import yaml

from lakehouse.declare.config import load_config
from lakehouse.lake import Lake

WORDS = [
    "harbour",
    "ship",
    "letter",
    "river",
    "mountain",
    "winter",
    "garden",
    "window",
    "teacher",
    "village",
    "market",
    "bridge",
    "forest",
    "engine",
    "paper",
    "silver",
    "summer",
    "morning",
    "evening",
    "island",
    "doctor",
    "kitchen",
    "library",
    "station",
    "journey",
    "castle",
    "valley",
    "painter",
    "weather",
    "orchard",
]
LONG, SHORT = 12, 3


def sentences(drawn, count):
    """Return so many sentences of drawn words."""
    drawings = (drawn.sample(WORDS, 9) for _ in range(count))
    return " ".join("The {} {} of {} {} and {} {} have {} {} with {}.".format(*words) for words in drawings)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A lake of a few documents of one source, from which a mixture was drawn."""
    root = tmp_path_factory.mktemp("mixed")
    (root / "notes").mkdir()
    drawn = random.Random(5)
    for number in range(LONG):
        (root / "notes" / f"long{number}.txt").write_text(sentences(drawn, 10))
    for number in range(SHORT):
        (root / "notes" / f"short{number}.txt").write_text(sentences(drawn, 2))
    source = {"connector": "folder", "path": "notes", "license": "MIT", "modality": "text", "kind": "note"}
    (root / "sources.yaml").write_text(
        yaml.safe_dump({"sources": {"notes": {**source, "language": "en", "include": ["*"]}}})
    )
    line = {"share": 1.0, "max_document_share": 1.0, "max_source_share": 1.0}
    stages = {"cold": {"share": 1.0, "cells": {"text/en/note": line}}}
    (root / "quota.yaml").write_text(yaml.safe_dump({"tokens": 400, "stages": stages}))
    params = {"bronze.sources": {"packaged": False, "files": ["sources.yaml"]}, "gold.quotas": {"quota": "quota.yaml"}}
    (root / "mixlake.yaml").write_text(yaml.safe_dump({"params": params, "engine": "embedded"}))
    lake = Lake(str(root / "lake"), load_config(root))
    report = lake.run(["+gold.mixture"])
    assert report.ok, [str(result.error) for result in report.results if result.error]
    return lake
