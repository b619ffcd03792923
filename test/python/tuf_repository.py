"""Makes a repository with python-tuf whose channel offers the bundle in a folder.

usage: tuf_repository.py FOLDER BUNDLE FAMILY VERSION

Layout and names are those of docs/updates.md; everything else is the library's. Root is rotated once.
"""
import hashlib
import json
import os
import shutil
import sys
from datetime import datetime, timedelta, timezone

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

folder, bundle, family, version = sys.argv[1:]
expires = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=7)
metadata_folder = os.path.join(folder, "metadata")
os.makedirs(metadata_folder)


def store(path, data):
    digest = hashlib.sha256(data).hexdigest()
    place = os.path.join(folder, "targets", os.path.dirname(path), f"{digest}.{os.path.basename(path)}")
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(place, "wb") as file:
        file.write(data)
    return TargetFile.from_data(path, data, ["sha256"])


keys = {role: CryptoSigner.generate_ed25519() for role in ["root", "targets", "snapshot", "timestamp", "family"]}
new_root_key = CryptoSigner.generate_rsa(scheme="rsassa-pss-sha256")

root = Root(expires=expires)
for role in ["root", "targets", "snapshot", "timestamp"]:
    root.add_key(keys[role].public_key, role)

released = {}
for name in sorted(os.listdir(bundle)):
    with open(os.path.join(bundle, name), "rb") as file:
        data = file.read()
    digest = hashlib.sha256(data).hexdigest()
    path = f"{family}/files/{digest}"
    released[path] = store(path, data)
    if name == "manifest.json":
        manifest = digest
channel = {
    "format": 1,
    "family": family,
    "channel": "stable",
    "releases": [{"version": version, "manifest": manifest, "minAgent": "0.1.0", "share": 100}],
}
path = f"{family}/channels/stable.json"
released[path] = store(path, json.dumps(channel).encode())

family_role = f"model-{family}"
delegated = Metadata(Targets(expires=expires, targets=released))
targets = Metadata(Targets(expires=expires))
targets.signed.delegations = Delegations(
    keys={},
    roles={
        family_role: DelegatedRole(
            name=family_role, keyids=[], threshold=1, terminating=True, paths=[f"{family}/*/*"]
        )
    },
)
targets.signed.add_key(keys["family"].public_key, family_role)
delegated.sign(keys["family"])
targets.sign(keys["targets"])

snapshot = Metadata(
    Snapshot(expires=expires, meta={"targets.json": MetaFile(1), f"{family_role}.json": MetaFile(1)})
)
snapshot.sign(keys["snapshot"])
timestamp = Metadata(Timestamp(expires=expires, snapshot_meta=MetaFile(1)))
timestamp.sign(keys["timestamp"])

first = Metadata(root)
first.sign(keys["root"])
first.to_file(os.path.join(metadata_folder, "1.root.json"))
root.revoke_key(keys["root"].public_key.keyid, "root")
root.add_key(new_root_key.public_key, "root")
root.version = 2
second = Metadata(root)
second.sign(keys["root"])
second.sign(new_root_key, append=True)
second.to_file(os.path.join(metadata_folder, "2.root.json"))

targets.to_file(os.path.join(metadata_folder, "1.targets.json"))
delegated.to_file(os.path.join(metadata_folder, f"1.{family_role}.json"))
snapshot.to_file(os.path.join(metadata_folder, "1.snapshot.json"))
timestamp.to_file(os.path.join(metadata_folder, "timestamp.json"))
print(json.dumps({"manifest": manifest, "files": len(released) - 1}))
