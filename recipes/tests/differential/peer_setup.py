"""Prepares the driver that runs the real recipes.

The driver imports this module once; every run is then a fork of it. What it changes of
zc.buildout and pkg_resources costs most of the time of a run and is not what the cases look at:

- the hash of each distribution of a recipe, which only enters signatures, is remembered;
- what a recipe's distribution requires is installed in this environment, and not looked for;
- the scripts that recipes write find their modules in this environment, not among eggs.
"""
import functools

import pkg_resources
import zc.buildout.buildout
import zc.recipe.egg  # noqa: F401
import slapos.recipe.librecipe
import slapos.recipe.librecipe.execute  # noqa: F401

hash_of_directory = functools.cache(zc.buildout.buildout._dir_hash)
zc.buildout.buildout._dir_hash = hash_of_directory
for distribution in pkg_resources.working_set:
    hash_of_directory(distribution.location)

pkg_resources.EntryPoint.require = lambda self, *args, **options: None

slapos.recipe.librecipe.GenericBaseRecipe.getWorkingSet = lambda self: [
    pkg_resources.get_distribution('slapos.cookbook')]

for name in 'slapos.cookbook', 'slapos.recipe.template', 'slapos.recipe.build':
    for entry in pkg_resources.get_entry_map(name, 'zc.buildout').values():
        try:
            entry.resolve()
        except ImportError:
            # A recipe that needs what is not installed here.
            pass
