"""Makes the distributions of the tests below the directory in argv[1]."""

import io
import os
import sys
import tarfile
import zipfile

ROOT = sys.argv[1]


def write(path, text):
    path = os.path.join(ROOT, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as stream:
        stream.write(text)


def wheel(name, version, *lines, scripts='', data=None, groups='', module=None, files=None):
    """A wheel with a module of its name whose `main` says what it is."""
    text = module or f'def main(*words):\n    print({name!r}, {version!r}, *words)\n'
    module = name.replace('-', '_').replace('.', '_')
    base = f'{module}-{version}'
    info = f'{base}.dist-info'
    metadata = f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n'
    files = {
        **(files or {}),
        f'{module}.py': text,
        f'{info}/METADATA': metadata + ''.join(line + '\n' for line in lines),
        f'{info}/WHEEL': 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
        f'{info}/top_level.txt': module + '\n',
    }
    if scripts:
        groups += f'[console_scripts]\n{scripts}\n'
    if groups:
        files[f'{info}/entry_points.txt'] = groups
    for path, text in (data or {}).items():
        files[f'{base}.data/{path}'] = text
    files[f'{info}/RECORD'] = ''.join(f'{path},,\n' for path in [*files, f'{info}/RECORD'])
    path = os.path.join(ROOT, 'links', f'{base}-py3-none-any.whl')
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with zipfile.ZipFile(path, 'w') as archive:
        for file, text in files.items():
            archive.writestr(file, text)


def sdist(name, version, files):
    base = f'{name}-{version}'
    path = os.path.join(ROOT, 'links', f'{base}.tar.gz')
    with tarfile.open(path, 'w:gz') as archive:
        for file, text in files.items():
            entry = tarfile.TarInfo(f'{base}/{file}')
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))


for version in ['0.1', '0.2', '0.3', '0.4rc1']:
    wheel('demo', version, 'Requires-Dist: demoneeded', scripts='demo = demo:main')
for version in ['1.0', '1.1', '1.2rc1']:
    wheel('demoneeded', version)
wheel(
    'bigdemo', '0.1', 'Requires-Dist: demo',
    scripts='bigdemo = bigdemo:main\nother-name = bigdemo:main [x]',
)
wheel('My.Dotted-Pkg', '1.0', scripts='dotted = My_Dotted_Pkg:main')
wheel('scr', '1.0', data={
    'scripts/scr.py': '#!python\n# say\nfrom __future__ import annotations\nimport scr\nscr.main()\n',
})
wheel('cc', '1.0')
wheel('oldns.one', '1.0', scripts='oldns = oldns.one:main', files={
    'oldns/__init__.py': "__import__('pkg_resources').declare_namespace(__name__)\n",
    'oldns/one.py': 'def main():\n    print(__name__)\n',
    'oldns_one-1.0.dist-info/namespace_packages.txt': 'oldns\n',
})
wheel('extdemo', '1.0', 'Provides-Extra: x', "Requires-Dist: cc; extra == 'x'")
sdist('plainsd', '1.0', {
    'setup.py': "from setuptools import setup\nsetup(name='plainsd', version='1.0', "
                "py_modules=['plainsd'], entry_points={'console_scripts': ['plainsd=plainsd:main']})\n",
    'plainsd.py': "def main():\n    print('plainsd')\n",
    'PKG-INFO': 'Metadata-Version: 1.0\nName: plainsd\nVersion: 1.0\n',
})
sdist('cext', '1.0', {
    'setup.py': "from setuptools import setup, Extension\n"
                "setup(name='cext', version='1.0', ext_modules=[Extension('cext', ['cext.c'])])\n",
    'cext.c': '#include <Python.h>\n#include <answer.h>\n'
              'static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "cext", NULL, -1, NULL};\n'
              'PyMODINIT_FUNC PyInit_cext(void) {\n'
              '    PyObject *made = PyModule_Create(&module);\n'
              '    PyModule_AddIntConstant(made, "answer", ANSWER);\n'
              '    return made;\n}\n',
    'PKG-INFO': 'Metadata-Version: 1.0\nName: cext\nVersion: 1.0\n',
})
for version in ['1.0', '2.0', '3.0']:
    wheel('helper', version)
# It remembers which helper it was built with, and whether children could have it.
sdist('needy', '1.0', {
    'setup.py': 'import os\n'
                'from importlib.metadata import version\n'
                'import helper\n'
                'from setuptools import setup\n'
                'assert version("helper") < "3", "it is too new"\n'
                'place = os.path.dirname(helper.__file__)\n'
                'is_told = place in os.environ["PYTHONEXTRAPATH"].split(":")\n'
                'with open("needy.py", "w") as stream:\n'
                '    stream.write("def main():\\n    print(%r, %r)\\n" % (version("helper"), is_told))\n'
                'setup(name="needy", version="1.0", py_modules=["needy"],\n'
                '      entry_points={"console_scripts": ["needy=needy:main"]})\n',
    'PKG-INFO': 'Metadata-Version: 1.0\nName: needy\nVersion: 1.0\n',
})
wheel('user', '1.0', 'Requires-Dist: zc.buildout')
# Newer than any real one.
wheel('zc.buildout', '99.0')
for version in ['1.0', '2.0']:
    wheel('saying', version, groups='[zc.buildout]\ndefault = saying:Recipe\n', module=f"""\
class Recipe:
    def __init__(self, buildout, name, options):
        self.path = options['path']

    def install(self):
        with open(self.path, 'w') as stream:
            stream.write('{version}')
        return self.path

    update = install
""")
write('include/answer.h', '#define ANSWER 42\n')
write('patches/one.patch', """\
--- plainsd.py
+++ plainsd.py
@@ -1,2 +1,2 @@
 def main():
-    print('plainsd')
+    print('patched')
""")
os.makedirs(os.path.join(ROOT, 'empty'), exist_ok=True)
