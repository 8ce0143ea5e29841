"""Declared training recipes: YAML files and the frozen values that they become."""

from __future__ import annotations

from trainer.recipe.read import find_recipe, read_recipe, recipe_names
from trainer.recipe.recipe import Recipe

__all__ = ["Recipe", "find_recipe", "read_recipe", "recipe_names"]
