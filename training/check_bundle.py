#!/usr/bin/env python3
"""Holds a bundle, as the product turns it into ONNX and ONNX Runtime runs it, against PyTorch.

    python3 training/check_bundle.py BUNDLE --data train_val.json [--dense WORK/dense] [--published BASE]
                                     [--other BUNDLE:domain,domain]… [--domains domains.json]

Prints one JSON object, and fails if fp32, int8 or zeros are out of their bounds:
  fp32          largest difference of the FP32 graph's logits from PyTorch's (same weights)
  int8          share of validation answers on which the CPU engine's INT8 graph and PyTorch's simulation agree
  int8Standard  the same for the INT8 graph in ONNX's own operators, as TensorRT reads it
  zeros         share of zeros among the encoder's linear weights, and groups of four with fewer than two
                zeros in planned layers, both counted from the ONNX initializers
  accuracy      in-scope validation accuracy through ONNX Runtime: shipped, and its dense FP32 teacher (--dense)
  others        accuracy of linear heads on 10 examples of intents that --other's bundle never met, on its
                embeddings and on the published encoder's (--published), all through ONNX Runtime
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from safetensors.numpy import load_file
from tokenizers import Tokenizer

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).parent))
from recipe import data, stages, transfer  # noqa: E402
from recipe.bundle import read_bundle  # noqa: E402
from recipe.encoder import CPU, FLOAT, TENSORRT  # noqa: E402


def compile_onnx(model, folder, precision, attention):
    """The path of the ONNX file that `intentd model compile` writes."""
    out = Path(folder) / f"{Path(model).name}-{precision}-{attention}.onnx"
    command = ["node", str(ROOT / "dist/main.js"), "model", "compile", str(model), "--precision", precision]
    subprocess.run([*command, "--attention", attention, "--out", str(out)], check=True, stdout=subprocess.DEVNULL)
    return out


def embeddings(file, ids):
    """`[N, hidden]` by ONNX Runtime, similar lengths together."""
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    rows = {}
    for index, part in data.in_batches(ids, 32):
        lengths = (part != 0).sum(1).to(torch.int32).numpy()
        out = session.run(["embedding"], {"tokens": part.to(torch.int32).numpy(), "lengths": lengths})[0]
        rows |= dict(zip(index.tolist(), out))
    return np.stack([rows[n] for n in range(len(ids))])


def head_logits(embedding, rows):
    if "hidden.weight" in rows:
        inner = torch.from_numpy(embedding @ rows["hidden.weight"].astype(np.float32).T + rows["hidden.bias"].astype(np.float32))
        embedding = torch.nn.functional.gelu(inner).numpy()
    return embedding @ rows["output.weight"].astype(np.float32).T + rows["output.bias"].astype(np.float32)


def zeros(file, planned, layers):
    """Share of zeros over all linear weights, and groups in planned layers that break 2:4 along the input."""
    weights = {i.name: onnx.numpy_helper.to_array(i) for i in onnx.load(file).graph.initializer}
    linear = {n: w for n, w in weights.items() if n.startswith("layer.") and n.endswith(".weight") and w.ndim == 2 and w.dtype == np.int8}
    total = sum(w.size for w in linear.values())
    broken = 0
    for name in planned:
        own = [w for n, w in linear.items() if n == f"{name}.weight"]
        if not own:
            raise SystemExit(f"no initializer of its own for the planned layer {name}")
        groups = own[0].reshape(own[0].shape[0] // 4, 4, -1)
        broken += int(((groups == 0).sum(1) < 2).sum())
    return {"share": sum(int((w == 0).sum()) for w in linear.values()) / total, "weights": total, "brokenGroups": broken}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--data", required=True)
    parser.add_argument("--dense")
    parser.add_argument("--published")
    parser.add_argument("--domains")
    parser.add_argument("--other", action="append", default=[])
    parser.add_argument("--limit", type=int, help="only the first so many validation utterances")
    o = parser.parse_args()
    file = json.loads(Path(o.data).read_text())
    encoder, head, intents, manifest = read_bundle(o.bundle)
    pairs = [(t, intents.index(i)) for t, i in file["val"] if i in intents][: o.limit]
    labels = np.array([n for _, n in pairs])
    tokenizer = Tokenizer.from_file(str(Path(o.bundle) / "tokenizer.json"))
    ids = data.token_ids(tokenizer, [t for t, _ in pairs], manifest["architecture"]["positions"])
    result = {}
    with tempfile.TemporaryDirectory() as work:
        graph = lambda precision, attention, model=o.bundle: compile_onnx(model, work, precision, attention)
        rows = load_file(Path(o.bundle) / "head.safetensors")
        torch_fp32, _ = stages.run(encoder, head, ids[:500], FLOAT)
        onnx_fp32 = head_logits(embeddings(graph("fp32", "standard"), ids[:500]), rows)
        result["fp32"] = {"largestDifference": float(np.abs(torch_fp32 - onnx_fp32).max()), "utterances": len(torch_fp32)}
        answer = lambda logits: logits[:, : len(intents)].argmax(1)
        shipped = answer(head_logits(embeddings(graph("int8", "onnxruntime"), ids), rows))
        standard_file = graph("int8", "standard")
        standard = answer(head_logits(embeddings(standard_file, ids), rows))
        result["int8"] = {"agreement": float((shipped == answer(stages.run(encoder, head, ids, CPU)[0])).mean())}
        result["int8Standard"] = {
            "agreement": float((standard == answer(stages.run(encoder, head, ids, TENSORRT)[0])).mean()),
            "agreementWithCpu": float((standard == shipped).mean()), "inScopeAccuracy": float((standard == labels).mean()),
        }  # fmt: skip
        result["zeros"] = zeros(standard_file, manifest["sparsity"]["layers"], manifest["architecture"]["layers"])
        result["accuracy"] = {"shipped": float((shipped == labels).mean()), "utterances": len(labels)}
        if o.dense:
            own = json.loads((Path(o.dense) / "labels.json").read_text())["intents"]
            assert own == intents, "the dense model has other intents"
            dense = answer(head_logits(embeddings(graph("fp32", "standard", o.dense), ids), load_file(Path(o.dense) / "head.safetensors")))
            result["accuracy"]["dense"] = float((dense == labels).mean())
        others = {}
        for item in o.other:
            folder, domains = item.split(":")
            table = json.loads(Path(o.domains).read_text())
            names = sorted(i for d in domains.split(",") for i in table[d])
            pick = lambda split: [(t, names.index(i)) for t, i in file[split] if i in names]
            splits = [pick("train"), pick("val")]
            tokens = [data.token_ids(tokenizer, [t for t, _ in s]) for s in splits]
            y = [np.array([n for _, n in s]) for s in splits]
            for name, onnx_file in (("tuned", graph("int8", "onnxruntime", folder)), ("published", graph("fp32", "standard", o.published))):
                e = [embeddings(onnx_file, t) for t in tokens]
                others[f"{domains}: {name}"] = transfer.few_shot_accuracy(e[0], y[0], e[1], y[1], 10, draws=10)
        result["others"] = others
    print(json.dumps(result, indent=1))
    target = manifest["sparsity"]["target"]
    bounds = {
        "fp32: logits within 1e-4": result["fp32"]["largestDifference"] <= 1e-4,
        "int8: the same answer on 99.5 %": result["int8"]["agreement"] >= 0.995,
        "zeros: within half a point of the target": abs(result["zeros"]["share"] - target) <= 0.005,
        "zeros: two in every group of a planned layer": result["zeros"]["brokenGroups"] == 0,
    }
    if not all(bounds.values()):
        sys.exit("not held: " + "; ".join(name for name, held in bounds.items() if not held))


if __name__ == "__main__":
    main()
