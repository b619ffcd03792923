#!/usr/bin/env python3
"""Writes a bundle's manifest anew over the files as they lie there, after its card or golden set changed.

    python3 training/seal_bundle.py BUNDLE [--evaluation FIGURES.json]

`--evaluation` replaces the manifest's figures by the object in that file.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from recipe.bundle import seal  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("bundle", type=Path)
parser.add_argument("--evaluation", type=Path)
options = parser.parse_args()
manifest = json.loads((options.bundle / "manifest.json").read_text())
if options.evaluation:
    manifest["evaluation"] = json.loads(options.evaluation.read_text())
print(f"{options.bundle}: {seal(options.bundle, manifest)} bytes in all files")
