"""Fetches a target of a repository with python-tuf's client, and prints what it got.

usage: tuf_client.py ROOT REPOSITORY CACHE TARGET...
"""
import hashlib
import json
import os
import sys
from urllib.parse import unquote, urlparse

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater


class FileFetcher(FetcherInterface):
    def _fetch(self, url):
        try:
            with open(unquote(urlparse(url).path), "rb") as file:
                yield file.read()
        except FileNotFoundError:
            raise DownloadHTTPError(f"no {url}", 404)


root, repository, cache, *targets = sys.argv[1:]
os.makedirs(cache, exist_ok=True)
base = "file://" + os.path.abspath(repository)
with open(root, "rb") as file:
    trusted = file.read()
known = os.path.exists(os.path.join(cache, "root.json"))
updater = Updater(
    metadata_dir=cache,
    metadata_base_url=base + "/metadata/",
    target_dir=cache,
    target_base_url=base + "/targets/",
    fetcher=FileFetcher(),
    bootstrap=None if known else trusted,
)
updater.refresh()
found = {}
for target in targets:
    info = updater.get_targetinfo(target)
    if info is None:
        found[target] = None
        continue
    path = updater.download_target(info)
    with open(path, "rb") as file:
        found[target] = hashlib.sha256(file.read()).hexdigest()
print(json.dumps(found))
