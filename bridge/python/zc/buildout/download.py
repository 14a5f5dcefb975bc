"""Downloads, made by the engine within a run."""

import logging
import os
import shutil
import tempfile
from hashlib import md5
from urllib.parse import urlparse
from urllib.request import urlretrieve

import zc.buildout
from zc.buildout import _engine

_NOT_GIVEN = -1


class ChecksumError(zc.buildout.UserError):
    """What was downloaded is not what was asked for."""


class Download:
    """Downloads files, with a cache, and without the network if so told.

    options: the options of `[buildout]`, or a mapping with some of them
    cache: the directory of the cache
    namespace: a directory within it
    offline: whether the network is forbidden
    fallback: whether the cache only serves if the network does not
    hash_name: whether cache entries are named by a hash of the URL
    logger: the logger to use outside of a run
    """

    def __init__(
        self,
        options=None,
        cache=_NOT_GIVEN,
        namespace=None,
        offline=_NOT_GIVEN,
        fallback=False,
        hash_name=False,
        logger=None,
    ):
        options = {} if options is None else options
        self.directory = options.get("directory", "")
        self.cache = options.get("download-cache") if cache == _NOT_GIVEN else cache
        self.namespace = namespace
        if offline == _NOT_GIVEN:
            offline = "true" in (
                options.get("offline"),
                options.get("install-from-cache"),
            )
        self.offline = offline
        self.fallback = fallback
        self.hash_name = hash_name
        self.logger = logger or logging.getLogger("zc.buildout")

    @property
    def download_cache(self):
        if self.cache is None:
            return None
        return os.path.realpath(os.path.join(self.directory, self.cache))

    @property
    def cache_dir(self):
        cache = self.download_cache
        return None if cache is None else os.path.join(cache, self.namespace or "")

    def __call__(self, url, md5sum=None, path=None, alternate_url=None):
        """Downloads a file; returns its path, and whether it is temporary."""
        if _engine.connection is not None:
            return self._ask(url, md5sum, path, alternate_url, bool(self.cache))
        try:
            return self._fetch(url, md5sum, path, bool(self.cache))
        except ChecksumError:
            raise
        except zc.buildout.UserError:
            if not alternate_url:
                raise
        return self._fetch(alternate_url, md5sum, path, bool(self.cache))

    def download_cached(self, url, md5sum=None):
        """Downloads a file into the cache."""
        return self(url, md5sum)

    def download(self, url, md5sum=None, path=None):
        """Downloads a file past the cache."""
        if _engine.connection is not None:
            return self._ask(url, md5sum, path, None, False)
        return self._fetch(url, md5sum, path, False)

    def _ask(self, url, md5sum, path, alternate_url, use_cache):
        found, is_temporary = _engine.call(
            "download",
            {
                "url": url,
                "md5sum": md5sum or None,
                "path": None if path is None else os.path.abspath(path),
                "alternates": [alternate_url] if alternate_url else [],
                "cache": self.download_cache if use_cache else None,
                "namespace": self.namespace,
                "offline": bool(self.offline),
                "fallback": bool(self.fallback),
                "hash_name": bool(self.hash_name),
                "directory": os.getcwd(),
            },
        )
        return found, is_temporary

    # The same without an engine.

    def _fetch(self, url, md5sum, path, use_cache):
        parsed = urlparse(url, "file")
        if parsed.scheme == "file":
            if not check_md5sum(parsed.path, md5sum):
                raise ChecksumError(
                    "MD5 checksum mismatch for local resource at %r." % parsed.path
                )
            return locate_at(parsed.path, path), False
        if not use_cache:
            return self._download(url, md5sum, path)
        cached = self._cached(url, md5sum)
        if path is None or os.path.realpath(path) == os.path.realpath(cached):
            return cached, False
        # What is changed later must not change the cache.
        shutil.copyfile(cached, path)
        return path, False

    def _cached(self, url, md5sum):
        """Returns the entry of the cache, made if need be."""
        if not os.path.exists(self.download_cache):
            raise zc.buildout.UserError(
                "The directory:\n%r\nto be used as a download cache doesn't exist.\n"
                % self.download_cache
            )
        os.makedirs(self.cache_dir, exist_ok=True)
        cached = os.path.join(self.cache_dir, self.filename(url))
        if not os.path.exists(cached):
            self._download(url, md5sum, cached)
            return cached
        if self.fallback:
            try:
                self._download(url, md5sum, cached)
            except ChecksumError:
                raise
            except zc.buildout.UserError:
                # What is there serves.
                pass
        if not check_md5sum(cached, md5sum):
            raise ChecksumError(
                "MD5 checksum mismatch for cached download from %r at %r"
                % (url, cached)
            )
        return cached

    def _download(self, url, md5sum, path):
        if self.offline:
            raise zc.buildout.UserError("Couldn't download %r in offline mode." % url)
        self.logger.info("Downloading %s", url)
        # Beside its place, so that it comes there whole.
        directory = os.path.dirname(os.path.abspath(path)) if path else None
        handle, temporary = tempfile.mkstemp(prefix="buildout-", dir=directory)
        os.close(handle)
        try:
            urlretrieve(url, temporary)
            if not check_md5sum(temporary, md5sum):
                raise ChecksumError("MD5 checksum mismatch downloading %r" % url)
            if path:
                os.replace(temporary, path)
                return path, False
        except OSError as error:
            remove(temporary)
            raise zc.buildout.UserError(
                "Error downloading extends for URL %s: %s" % (url, error)
            )
        except BaseException:
            remove(temporary)
            raise
        return temporary, True

    def filename(self, url):
        """Returns the name that the cache gives to a URL."""
        if self.hash_name:
            return md5(url.encode()).hexdigest()
        parsed = urlparse(url, "file")
        names = [name for name in parsed.path.split("/") if name]
        return names[-1] if names else "%s:%s" % (parsed.query, parsed.fragment)


def check_md5sum(path, md5sum):
    """Tells whether a file has the checksum; every file has `None`."""
    if md5sum is None:
        return True
    checksum = md5()
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(1 << 16), b""):
            checksum.update(chunk)
    return checksum.hexdigest() == md5sum


def remove(path):
    if os.path.exists(path):
        os.remove(path)


def locate_at(source, dest):
    """Links or copies `source` to `dest`, if there is one."""
    if dest is None or os.path.realpath(dest) == os.path.realpath(source):
        return source
    if os.path.isdir(source):
        shutil.copytree(source, dest)
    else:
        try:
            os.link(source, dest)
        except OSError:
            shutil.copyfile(source, dest)
    return dest
