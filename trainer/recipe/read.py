"""From a YAML file to a checked `Recipe`."""

from __future__ import annotations

import functools
from pathlib import Path

from lakehouse.declare.user_files import YamlMapping, convert, read_yaml
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
        raise ConfigError(f"the recipe {name} is not a file", "correct the path")
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
    body = read_yaml(path, "steps")
    if "name" in body:
        raise body.error("name", "name: a recipe is named by its file", "leave the key out")
    recipe = convert(Recipe, body, name=path.stem)
    for key, what, hint in problems(recipe):
        *parents, last = key.split(".")
        place = functools.reduce(YamlMapping.mapping, parents, body)
        raise place.error(last, f"{key}: {what}", hint)
    return recipe
