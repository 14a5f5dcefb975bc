"""Imports each recipe of slapos.cookbook; fails if one cannot be imported."""

import sys
from importlib.metadata import distribution

found = distribution("slapos.cookbook")
broken = []
recipes = [point for point in found.entry_points if point.group == "zc.buildout"]
for point in recipes:
    try:
        point.load()
    except Exception as error:
        broken.append("%s: %s: %s" % (point.name, type(error).__name__, error))
print(
    "slapos.cookbook %s with zc.buildout %s: %d of %d recipes can be imported."
    % (
        found.version,
        distribution("zc.buildout").version,
        len(recipes) - len(broken),
        len(recipes),
    )
)
for line in broken:
    print(line)
sys.exit(bool(broken) or not recipes)
