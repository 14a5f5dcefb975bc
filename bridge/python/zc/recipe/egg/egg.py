"""The module in which zc.recipe.egg has its classes."""

from zc.recipe.egg import Egg, Eggs, Scripts

__all__ = ["Egg", "Eggs", "Scripts"]
