#!/usr/bin/env python3
"""Fits the steps of a finished bundle that only TensorRT's form uses, and writes the bundle anew.

    python3 training/fit_output_steps.py BUNDLE [--utterances FILE...] [--limit N]

The utterances are lines of text or JSON lines with a "text"; default: those of training/data. Weights, the steps that
the CPU engine uses and the decision stay as they are; the encoder gets another digest, which the head then names.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

here = Path(__file__).parent
sys.path.insert(0, str(here))
from recipe import data  # noqa: E402
from recipe.bundle import encoder_tensors, read_bundle, seal  # noqa: E402
from recipe.encoder import OUTPUT_SITES  # noqa: E402
from recipe.output_steps import fit_output_steps  # noqa: E402


def texts_of(files):
    for file in files:
        for line in filter(None, Path(file).read_text().splitlines()):
            yield json.loads(line)["text"] if str(file).endswith(".jsonl") else line


def replace_steps(folder, encoder, manifest):
    """Writes the fitted steps into `encoder.safetensors`, and its new digest into the head and the manifest."""
    tensors, fitted = load_file(folder / "encoder.safetensors"), encoder_tensors(encoder, set())
    for n in range(len(encoder.layers)):
        for site in OUTPUT_SITES:
            tensors[f"layer.{n}.activation.{site}"] = fitted[f"layer.{n}.activation.{site}"]
    save_file(tensors, folder / "encoder.safetensors")
    digest = hashlib.sha256((folder / "encoder.safetensors").read_bytes()).hexdigest()
    with safe_open(folder / "head.safetensors", "numpy") as head:
        metadata = {**(head.metadata() or {}), "encoder": digest}
        rows = {name: head.get_tensor(name) for name in head.keys()}
    save_file(rows, folder / "head.safetensors", metadata=metadata)
    for name in ("encoder.safetensors", "head.safetensors"):
        (folder / name).chmod(0o644)
    return seal(folder, manifest)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--utterances", nargs="+", default=sorted(here.glob("data/*.jsonl")) + [here / "data/out_of_scope.txt"])
    parser.add_argument("--limit", type=int, default=1000, help="how many of them, evenly spread")
    options = parser.parse_args()
    encoder, _, _, manifest = read_bundle(options.bundle)
    texts = list(texts_of(options.utterances))
    texts = texts[:: max(1, len(texts) // options.limit)][: options.limit]
    ids = data.token_ids(Tokenizer.from_file(str(options.bundle / "tokenizer.json")), texts)
    before, after = fit_output_steps(encoder, ids, lambda text: print(text, flush=True))
    size = replace_steps(options.bundle, encoder, manifest)
    print(f"{options.bundle}: 1 - cosine {before:.5f} -> {after:.5f} over {len(texts)} utterances; {size} bytes in all files")


if __name__ == "__main__":
    main()
