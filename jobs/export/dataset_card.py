"""The card of a Hugging Face dataset: README.md with YAML front matter.

See https://huggingface.co/docs/hub/datasets-cards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from jobs.export.features import features
from jobs.export.hub_licences import hub_licences
from lakehouse.export.format import ExportedDataset
from lakehouse.export.portable_types import portable_schema

SPLIT = "train"
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
    (10_000_000_000, "1B<n<10B"),
    (100_000_000_000, "10B<n<100B"),
    (1_000_000_000_000, "100B<n<1T"),
)
_SHOWN = 50


def dataset_card(datasets: Sequence[ExportedDataset], title: str, origin: Mapping[str, Any]) -> str:
    """Return the text of README.md.

    Args:
        datasets: What was exported; facts of shards are licenses, languages, modalities (rows by value) and bytes.
        title: The dataset's name.
        origin: The manifest's request and snapshot.
    """
    licences, languages, modalities = (_total(datasets, name) for name in ("licenses", "languages", "modalities"))
    header: dict[str, Any] = {"pretty_name": title}
    if licences:
        header["license"] = hub_licences(licences)
    codes = sorted({language.split("-")[0].lower() for language in languages} - {"und", "zxx", "mul", "mis"})
    if codes:
        header["language"] = codes
    if len(codes) > 1:
        header["multilinguality"] = ["multilingual"]
    if modalities:
        header["tags"] = sorted(modalities)
    header["size_categories"] = [size_category(sum(one.rows for one in datasets))]
    header["configs"] = [_config(one) for one in datasets]
    info = [_info(one) for one in datasets]
    header["dataset_info"] = info[0] if len(info) == 1 else info
    front = yaml.safe_dump(header, sort_keys=False, allow_unicode=True, width=1 << 16)
    return f"---\n{front}---\n\n{_body(datasets, title, origin, licences, languages)}"


def size_category(rows: int) -> str:
    """Return the Hub's word for a number of rows."""
    return next((word for limit, word in _SIZES if rows < limit), "n>1T")


def config_name(one: ExportedDataset) -> str:
    """Return the name under which a dataset is loaded."""
    return "default" if one.dataset.alone else one.dataset.name


def _config(one: ExportedDataset) -> dict[str, Any]:
    paths = [file.path for shard in one.shards for file in shard.files]
    folder = paths[0].rpartition("/")[0]
    return {"config_name": config_name(one), "data_files": [{"split": SPLIT, "path": f"{folder}/{SPLIT}-*.parquet"}]}


def _info(one: ExportedDataset) -> dict[str, Any]:
    size = sum(int(shard.facts.get("bytes", 0)) for shard in one.shards)
    return {
        "config_name": config_name(one),
        "features": features(portable_schema(one.dataset.schema)),
        "splits": [{"name": SPLIT, "num_bytes": size, "num_examples": one.rows}],
        "download_size": sum(file.bytes for shard in one.shards for file in shard.files),
        "dataset_size": size,
    }


def _total(datasets: Sequence[ExportedDataset], fact: str) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in datasets:
        for shard in one.shards:
            total.update(shard.facts.get(fact, {}))
    return total


def _body(
    datasets: Sequence[ExportedDataset],
    title: str,
    origin: Mapping[str, Any],
    licences: Mapping[str, int],
    languages: Mapping[str, int],
) -> str:
    contracts = [one.dataset.contract for one in datasets if one.dataset.contract is not None]
    parts = [f"# {title}", *(f"`{contract.name}`: {contract.doc}" for contract in contracts), _provenance(origin)]
    if licences:
        parts.append(
            "## Licences\n\nSPDX expressions, by rows; each row names its own in `license`.\n\n"
            + _counts(licences, "licence")
        )
    if languages:
        parts.append("## Languages\n\nBCP 47 tags, by rows.\n\n" + _counts(languages, "language"))
    parts.extend(f"## Columns of {one.dataset.name}\n\n{_columns(one)}" for one in datasets)
    return "\n\n".join(parts) + "\n"


def _provenance(origin: Mapping[str, Any]) -> str:
    snapshot, request = origin["snapshot"], origin["request"]
    lines = ["## Source", ""]
    if snapshot["release"]:
        lines.append(f"Release `{snapshot['release']}` with the digest `{snapshot['release_digest']}`.")
    lines.append("Exported by mixlake from these versions of tables; `_manifest.json` has the digest of each file.\n")
    lines.extend(f"- `{name}` at version {version}" for name, version in sorted(snapshot["tables"].items()))
    if request["sql"] is not None:
        # A fence longer than any run of backticks in the statement.
        fence = "`" * max(3, *(len(run) + 1 for run in _runs(request["sql"])))
        lines.extend(["", f"{fence}sql", request["sql"].strip(), fence])
    return "\n".join(lines)


def _runs(text: str) -> list[str]:
    runs = [run for run in "".join(c if c == "`" else " " for c in text).split() if run]
    return [*runs, ""]


def _counts(counts: Mapping[str, int], word: str) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rows = [f"| {_cell(name)} | {count:,} |" for name, count in ordered[:_SHOWN]]
    more = f"\n\nand {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else ""
    return "\n".join([f"| {word} | rows |", "| --- | ---: |", *rows]) + more


def _columns(one: ExportedDataset) -> str:
    contract = one.dataset.contract
    docs = {column.name: (column.doc, column.unit) for column in contract.columns} if contract else {}
    rows = []
    for field in portable_schema(one.dataset.schema):
        doc, unit = docs.get(field.name, ("", ""))
        rows.append(
            f"| {_cell(field.name)} | {_cell(str(field.type))} | {_cell(doc)}{f' ({_cell(unit)})' if unit else ''} |"
        )
    return "\n".join(["| column | type | meaning |", "| --- | --- | --- |", *rows])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
