"""Checks events against OpenLineage's published JSON schemas, offline."""

from __future__ import annotations

import enum
import functools
import json
import types
import typing
from datetime import datetime
from pathlib import Path

import attr
from jsonschema import Draft202012Validator
from openlineage.client import facet_v2
from referencing import Registry, Resource

HERE = Path(__file__).parent / "schemas"
CORE = "https://openlineage.io/spec/2-0-2/OpenLineage.json"
FACETS = "https://openlineage.io/spec/facets/"
PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}


@functools.cache
def files():
    """Return the schemas of facets that are here, by name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((HERE / "facets").glob("*.json"))}


@functools.cache
def registry():
    own = Path(__file__).parents[4] / "lakehouse" / "run" / "openlineage" / "commit_facet.json"
    bodies = [json.loads((HERE / "OpenLineage.json").read_text()), *files().values()]
    named = [(body["$id"], Resource.from_contents(body)) for body in bodies]
    return Registry().with_resources([*named, ("mixlake", Resource.from_contents(json.loads(own.read_text())))])


def check(body, reference):
    validator = Draft202012Validator(
        {"$ref": reference}, registry=registry(), format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    errors = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in validator.iter_errors(body)]
    assert not errors, (reference, errors)


def validate(event):
    """Check an event as it was written, and each of its facets by the schema that the facet names."""
    assert event["schemaURL"] == f"{CORE}#/$defs/RunEvent"
    check(event, event["schemaURL"])
    assert datetime.fromisoformat(event["eventTime"]).tzinfo is not None
    groups = [(event["run"], "Run", "facets"), (event["job"], "Job", "facets")]
    for side, own in (("inputs", "inputFacets"), ("outputs", "outputFacets")):
        for dataset in event.get(side, []):
            groups.extend(((dataset, "Dataset", "facets"), (dataset, "Dataset", own)))
    for holder, entity, group in groups:
        for key, facet in holder.get(group, {}).items():
            validate_facet(key, entity, facet)


def validate_facet(key, entity, facet):
    url, _, fragment = facet["_schemaURL"].partition("#")
    if url.startswith("pkg:"):
        assert key == "mixlake_commit"
        assert fragment == "lakehouse/run/openlineage/commit_facet.json"
        check({key: facet}, "mixlake")
        check(facet, "mixlake#/$defs/MixlakeCommitRunFacet")
        return
    assert url.startswith(FACETS), url
    name = url.rsplit("/", 1)[1].removesuffix(".json")
    assert entity in name
    schema = files().get(name)
    if schema is not None:
        assert key in schema["properties"], key
        check(facet, f"{schema['$id']}#{fragment}")
    if schema is None or schema["$id"] != url:
        cls, generated = by_class(f"{url}#{fragment}")
        assert cls.__name__ == name
        generated = {**generated, "$schema": "https://json-schema.org/draft/2020-12/schema"}
        errors = [e.message for e in Draft202012Validator(generated).iter_errors(facet)]
        assert not errors, (key, errors)


@functools.cache
def by_class(url):
    """Return the client's class of a facet's exact version, and the schema that its fields are."""
    for module in vars(facet_v2).values():
        for cls in vars(module).values() if isinstance(module, types.ModuleType) else ():
            if isinstance(cls, type) and attr.has(cls) and getattr(cls, "_get_schema", str)() == url:
                return cls, of_class(cls)
    raise AssertionError(f"no class has the schema {url}")


def of_class(cls):
    hints = typing.get_type_hints(cls)
    fields = [field for field in attr.fields(cls) if not field.name.startswith("_skip")]
    return {
        "type": "object",
        "properties": {field.name: of_hint(hints[field.name]) for field in fields},
        "required": [field.name for field in fields if field.default is attr.NOTHING],
        "additionalProperties": False,
    }


def of_hint(hint):
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [of_hint(part) for part in inner if part is not type(None)]}
    if origin is list:
        return {"type": "array", "items": of_hint(inner[0])}
    if origin is dict:
        return {"type": "object"}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"enum": [member.value for member in hint]}
    return of_class(hint) if attr.has(hint) else {"type": PLAIN[hint]}
