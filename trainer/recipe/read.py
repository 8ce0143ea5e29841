"""From a YAML file to a checked `Recipe`."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml

from lakehouse.errors import ConfigError
from trainer.recipe.check import problems
from trainer.recipe.recipe import Recipe

FOLDER = Path(__file__).parent


def recipe_names() -> list[str]:
    """Return the names of the recipes that come with the package, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def find_recipe(name: str) -> Path:
    """Return the file of a recipe that is given by name or by path.

    Raises:
        ConfigError: If there is none.
    """
    path = Path(name)
    if path.suffix in {".yaml", ".yml"} or "/" in name:
        if path.is_file():
            return path
        raise ConfigError(f"the recipe {name} is no file", "correct the path")
    if name in recipe_names():
        return FOLDER / f"{name}.yaml"
    raise ConfigError(
        f"there is no recipe {name!r}", f"there are {', '.join(recipe_names())}, or give a path to a file"
    )


def read_recipe(name: str) -> Recipe:
    """Read a recipe that is given by name or by path, and check it.

    Raises:
        ConfigError: If the file does not parse, holds an unknown key or a value of the wrong type, or
            describes something that cannot be; the message names the file and the key.
    """
    path = find_recipe(name)
    try:
        body = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ConfigError(f"{path}, line {line}: {error.problem}", "mend the YAML there") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", "mend the file") from None
    if not isinstance(body, dict):
        raise ConfigError(f"{path} holds no mapping", "write key: value lines")
    if "name" in body:
        raise ConfigError(f"{path}: name: a recipe is named by its file", "leave the key out")
    recipe: Recipe = _value(Recipe, {**body, "name": path.stem}, str(path), "")
    for key, what, hint in problems(recipe):
        raise ConfigError(f"{path}: {key}: {what}", hint)
    return recipe


def _value(kind: Any, value: Any, file: str, key: str) -> Any:  # noqa: PLR0911 - one a type
    """Return the value as the type says, or tell the file and the key where it is not of it."""
    if dataclasses.is_dataclass(kind):
        return _fields(kind, value, file, key)
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        return None if value is None else _value(next(a for a in args if a is not type(None)), value, file, key)
    if origin is Literal:
        if value in args:
            return value
        raise ConfigError(f"{file}: {key} is {value!r}", f"choose one of {', '.join(map(str, args))}")
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            raise ConfigError(f"{file}: {key} is {value!r}", "write a mapping of names to values")
        return {str(name): _value(args[1], item, file, f"{key}.{name}") for name, item in value.items()}
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind is str and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    hint = "YAML reads 1e-3 as text: write 1.0e-3" if kind is float and isinstance(value, str) else ""
    raise ConfigError(f"{file}: {key} is {value!r}, not {_word(kind)}", hint or f"give {_word(kind)}")


def _fields(kind: Any, value: Any, file: str, key: str) -> Any:
    if not isinstance(value, dict):
        raise ConfigError(f"{file}: {key or 'the recipe'} is {value!r}", "write key: value lines under it")
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    prefix = f"{key}." if key else ""
    for name in value:
        if name not in fields:
            raise ConfigError(
                f"{file}: {prefix}{name} is an unknown key", f"known are {', '.join(n for n in fields if n != 'name')}"
            )
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in value:
            raise ConfigError(f"{file}: {prefix}{name} is missing", "every recipe declares it")
    return kind(**{name: _value(hints[name], item, file, f"{prefix}{name}") for name, item in value.items()})


def _word(kind: Any) -> str:
    return {int: "a whole number", float: "a number", bool: "true or false", str: "text"}.get(kind, str(kind))
