"""Runs scenarios with the resolution of the real zc.buildout.

Reads scenarios as JSON from standard input and writes what came of each as
JSON. Only pip is replaced, by code that unpacks the archives of the test: what
is compared is which ones are taken, in which order, and what is said.
"""
import io
import json
import logging
import os
import shutil
import subprocess
import sys
import warnings
import zipfile

warnings.simplefilter('ignore')

import zc.buildout
import zc.buildout.easy_install as easy_install


def unpack(archive, directory):
    with zipfile.ZipFile(archive) as file:
        if archive.endswith('.whl'):
            file.extractall(directory)
            return
        name = next(n for n in file.namelist() if n.endswith('/PKG-INFO'))
        metadata = file.read(name).decode()
    fields = dict(line.split(': ', 1) for line in metadata.splitlines()
                  if line.startswith(('Name: ', 'Version: ')))
    base = '%s-%s.dist-info' % (fields['Name'].replace('-', '_'), fields['Version'])
    place = os.path.join(directory, base)
    os.makedirs(place)
    for name, text in [
            ('METADATA', metadata),
            ('top_level.txt', ''),
            ('WHEEL', 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n'),
            ('RECORD', '%s/METADATA,,\n' % base)]:
        with open(os.path.join(place, name), 'w') as file:
            file.write(text)


def pip(args, **options):
    args = list(args)
    archive = next(arg for arg in args if arg.endswith(('.whl', '.zip')))
    unpack(archive, args[args.index('-t') + 1])
    return 0


# zc.buildout 6, and 3.
easy_install.get_subprocess_output = lambda args, **options: str(pip(args)) and ''
easy_install.subprocess.call = pip


class Records(logging.Handler):

    def emit(self, record):
        self.records.append(record.getMessage())


records = Records()
logger = logging.getLogger('zc.buildout.easy_install')
logger.setLevel(logging.INFO)
logger.addHandler(records)
logger.propagate = False
logging.getLogger().addHandler(logging.NullHandler())


def run(step):
    Installer = easy_install.Installer
    easy_install.clear_index_cache()
    Installer._picked_versions = {}
    Installer._required_by = {}
    easy_install.default_versions(step['versions'])
    easy_install.prefer_final(step['prefer_final'])
    easy_install.allow_picked_versions(step['allow_picked_versions'])
    easy_install.store_required_by(True)
    if hasattr(easy_install, 'index_url'):
        easy_install.index_url(step['index'])
    easy_install.download_cache(step['archives'])
    Installer._install_from_cache = step['install_from_cache']
    records.records = []
    result = {'members': [], 'error': None}
    try:
        if step['offline']:
            working_set = easy_install.working_set(
                step['eggs'], [step['develop'], step['directory']])
        else:
            working_set = easy_install.install(
                step['eggs'], step['directory'], links=step['find_links'],
                index=step['index'], path=[step['develop']],
                newest=step['newest'], allow_hosts=tuple(step['allow_hosts']),
                allow_unknown_extras=step['allow_unknown_extras'])
        result['members'] = [str(dist) for dist in working_set]
    except zc.buildout.UserError as error:
        result['error'] = str(error)
    except Exception as error:
        result['error'] = '%s: %s' % (type(error).__name__, error)
    result['log'] = records.records
    result['picked'] = dict(Installer._picked_versions)
    return result


steps = json.load(sys.stdin)
stdout, sys.stdout = sys.stdout, sys.stderr
json.dump([run(step) for step in steps], stdout)
