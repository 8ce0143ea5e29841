from __future__ import annotations

import ast
from pathlib import Path

import pytest

from lakehouse.declare.config import load_config
from lakehouse.declare.discovery import load_registry

ROOT = Path(__file__).parent.parent

# Ids of cut and joined samples are hashes over the flow's id: none of these may change.
IDS = {
    "bronze.documents": "jobs.acquire.documents",
    "bronze.files": "jobs.acquire.files.files",
    "bronze.record_ids": "jobs.acquire.record_ids",
    "bronze.record_files": "jobs.acquire.record_files",
    "bronze.images": "jobs.acquire.images.images",
    "bronze.sources": "jobs.acquire.sources.sources",
    "bronze.utterances": "jobs.acquire.utterances.utterances",
    "gold.document_tokens": "jobs.tokenize.documents.tokenize_documents",
    "gold.document_texts": "jobs.mix.texts.reduce_texts",
    "gold.image_tokens": "jobs.tokenize.images.tokenize_images",
    "gold.media_addresses": "jobs.pack.media_addresses.address_media",
    "gold.mixture": "jobs.mix.mixture.draw",
    "gold.quotas": "jobs.mix.quotas.declare_quotas",
    "gold.samples": "jobs.mix.samples.decide",
    "gold.sequences": "jobs.pack.sequences.pack",
    "gold.supply": "sql.gold.supply",
    "gold.utterance_tokens": "jobs.tokenize.utterances.tokenize_utterances",
    "gold.vocabulary": "jobs.tokenize.vocabulary.vocabulary",
    "silver.document_boilerplate": "jobs.dedup.boilerplate.repeated_lines",
    "silver.document_containments": "jobs.dedup.contained.contained_documents",
    "silver.document_duplicates": "jobs.dedup.near.near_duplicates",
    "silver.document_order": "jobs.mix.order.order_documents",
    "silver.document_scores": "jobs.score.documents.score_documents",
    "silver.document_signatures": "jobs.dedup.signatures.sign_documents",
    "silver.documents": "jobs.clean.documents.clean_documents",
    "silver.image_duplicates": "jobs.dedup.images.image_duplicates_by_hash",
    "silver.image_scores": "jobs.score.images.score_images",
    "silver.images": "jobs.clean.images.clean_images",
    "silver.utterance_duplicates": "jobs.dedup.utterances.utterance_duplicates_by_sound",
    "silver.utterance_scores": "jobs.score.utterances.score_utterances",
    "silver.utterances": "jobs.clean.utterances.clean_utterances",
}


def _flow_decorators(path: Path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                called = decorator.func if isinstance(decorator, ast.Call) else decorator
                if isinstance(called, ast.Name) and called.id == "flow":
                    yield node.name, decorator


def test_every_packaged_flow_keeps_its_identity():
    flows = load_registry(load_config(ROOT)).flows.values()
    assert {flow.writes.name: flow.id for flow in flows} == IDS


@pytest.mark.parametrize("path", sorted((ROOT / "jobs").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_packaged_flow_states_its_id(path):
    for function, decorator in _flow_decorators(path):
        stated = {keyword.arg for keyword in getattr(decorator, "keywords", [])}
        assert "id" in stated, f"{path}: @flow of {function} needs id=, so that moving the module keeps its sample ids"
