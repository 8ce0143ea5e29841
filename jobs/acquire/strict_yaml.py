"""YAML that is read strictly: a mapping may not say a key twice, and each value knows its line."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from lakehouse.errors import ConfigError


class Mapping(dict[str, Any]):
    """A mapping that remembers the line of each key, counted from 1; key ``""`` is the mapping itself."""

    lines: dict[str, int]

    def line(self, key: str) -> int:
        """Return the line of a key, or where the mapping starts."""
        return self.lines.get(key, self.lines.get("", 1))


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses repeated keys and keeps lines; anchors and merge keys (``<<``) work."""

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        found = super().construct_scalar(node)
        if "\0" in str(found):
            raise yaml.constructor.ConstructorError(None, None, "a text holds a NUL", node.start_mark)
        return found

    def mapping(self, node: yaml.MappingNode) -> Any:
        said: set[Hashable] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is no plain text", key.start_mark)
            if key.value in said and key.value != "<<":
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is said twice", key.start_mark
                )
            said.add(key.value)
        found = Mapping()
        found.lines = {}
        yield found
        self.flatten_mapping(node)
        found.lines[""] = node.start_mark.line + 1
        for key, value in node.value:
            found[str(key.value)] = self.construct_object(value, deep=True)
            found.lines[str(key.value)] = key.start_mark.line + 1


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.mapping)


def read_yaml(path: Path, first: str) -> Mapping:
    """Read a YAML file whose top level is a mapping.

    Args:
        path: The file.
        first: The key with which such a file starts, for who wrote one without.

    Raises:
        ConfigError: If it cannot be read, does not parse, repeats a key, or is no mapping; names file and line.
    """
    try:
        with path.open("rb") as stream:
            found = yaml.load(stream, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", "correct the path") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigError(f"{where}: {error.problem or error.context}", "correct the YAML there") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is no YAML: {' '.join(str(error).split())}", "correct the file") from error
    if not isinstance(found, Mapping):
        raise ConfigError(f"{path}:1: the file is no mapping", f"start it with: {first}:")
    return found
