"""Makes two checkouts below the directory in argv[1]: a flat one, and one with
`src`, whose `setup.py` says everything."""

import os
import sys

for name, package_dir in [('flat.pkg', ''), ('srcpkg', 'src')]:
    module = name.replace('.', '')
    place = package_dir or '.'
    root = os.path.join(sys.argv[1], 'co-' + module)
    os.makedirs(os.path.join(root, package_dir, module))
    with open(os.path.join(root, 'setup.py'), 'w') as stream:
        stream.write(
            'from setuptools import setup\n'
            f'setup(name={name!r}, version="0.1", packages=[{module!r}], '
            f'package_dir={{"": {place!r}}}, '
            f'entry_points={{"console_scripts": ["{module}={module}:main"]}})\n'
        )
    with open(os.path.join(root, package_dir, module, '__init__.py'), 'w') as stream:
        stream.write(f'def main():\n    print({name!r})\n')
